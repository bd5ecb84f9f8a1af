"""A map from its distances alone: points move until their pairwise distances are the given ones.

Only the distances between places are known. The positions are the parameters, all pairwise distances are one operation
by broadcasting, and gradient descent does the rest. The map comes back but for where it lies and how it is turned,
which no distance can tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import wengert as wg
from wengert import optim
from wengert.train.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def distances(X: wg.Tensor) -> wg.Tensor:
    """All pairwise Euclidean distances of rows, (n, n); the gradient is 0 where a distance is 0."""
    return (X[:, None] - X[None]).norm(dim=-1)


def run(count: int = 24, steps: int = 300) -> Figure:
    """Scatter points, pull them into place, and draw the way of the stress and the map found over the true one."""
    wg.manual_seed(0)
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    heart = np.stack(
        [16 * np.sin(angle) ** 3, 13 * np.cos(angle) - 5 * np.cos(2 * angle) - 2 * np.cos(3 * angle)], axis=1
    )
    truth = wg.tensor(heart / 16)
    wanted = distances(truth)

    X = wg.randn(count, 2, dtype=wg.float64, requires_grad=True)
    optimizer = optim.Adam([X], lr=0.05)
    stresses = []
    for _ in range(steps):
        stress = ((distances(X) - wanted) ** 2).mean()
        optimizer.zero_grad()
        stress.backward()
        optimizer.step()
        stresses.append(stress.item())
    print(f"stress at first {stresses[0]:.4f}, after {steps} steps {stresses[-1]:.2e}")

    # Move, turn and mirror what was found onto the truth: the orthogonal Procrustes problem.
    found = X.detach().numpy() - X.detach().numpy().mean(0)
    target = truth.numpy() - truth.numpy().mean(0)
    u, _, vt = np.linalg.svd(found.T @ target)
    placed = found @ u @ vt + truth.numpy().mean(0)
    print(f"largest error of a position {np.abs(placed - truth.numpy()).max():.2e}")

    figure = new_figure(8, 3.6)
    left, right = figure.subplots(1, 2)
    left.plot(stresses)
    left.set(xlabel="step", ylabel="mean squared error of the distances", yscale="log")
    left.grid(alpha=0.3)
    right.plot(*truth.numpy().T, "o", markersize=9, markerfacecolor="none", color="0.6", label="truth")
    right.plot(*placed.T, "C3.", label="found, moved and turned")
    right.set_aspect("equal")
    right.legend(fontsize=8, loc="center")
    return figure
