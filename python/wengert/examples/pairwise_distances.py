"""A map from its distances alone: points move until their pairwise distances are the given ones.

Only the distances between places are known. The positions are the parameters, `cdist` gives all pairwise distances at
once (broadcasting would: `(X[:, None] - X[None]).norm(dim=-1)`), and gradient descent does the rest. The map comes back
but for where it lies and how it is turned, which no distance can tell.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import wengert as wg
from wengert import optim
from wengert.train.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def run(count: int = 24, steps: int = 300) -> Figure:
    """Scatter points, pull them into place, and draw the way of the stress and the map found over the true one."""
    wg.manual_seed(0)
    angle = wg.arange(count, dtype=wg.float64) * (2 * math.pi / count)
    across, up = 16 * angle.sin() ** 3, 13 * angle.cos() - 5 * (2 * angle).cos() - 2 * (3 * angle).cos()
    truth = wg.stack([across, up], dim=1) / 16
    wanted = wg.cdist(truth, truth)

    X = wg.randn(count, 2, dtype=wg.float64, requires_grad=True)
    optimizer = optim.Adam([X], lr=0.05)
    stresses = []
    for _ in range(steps):
        stress = ((wg.cdist(X, X) - wanted) ** 2).mean()
        optimizer.zero_grad()
        stress.backward()
        optimizer.step()
        stresses.append(stress.item())
    print(f"stress at first {stresses[0]:.4f}, after {steps} steps {stresses[-1]:.2e}")

    # Move, turn and mirror what was found onto the truth: the orthogonal Procrustes problem.
    found, target = X.detach() - X.detach().mean(0), truth - truth.mean(0)
    u, _, vh = wg.linalg.svd(found.T @ target)
    placed = found @ u @ vh + truth.mean(0)
    print(f"largest error of a position {(placed - truth).abs().max().item():.2e}")

    figure = new_figure(8, 3.6)
    left, right = figure.subplots(1, 2)
    left.plot(stresses)
    left.set(xlabel="step", ylabel="mean squared error of the distances", yscale="log")
    left.grid(alpha=0.3)
    right.plot(*truth.T, "o", markersize=9, markerfacecolor="none", color="0.6", label="truth")
    right.plot(*placed.T, "C3.", label="found, moved and turned")
    right.set_aspect("equal")
    right.legend(fontsize=8, loc="center")
    return figure
