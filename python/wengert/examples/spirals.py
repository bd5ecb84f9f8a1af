"""Three spirals that no straight line separates, and the borders that a small perceptron draws between them.

The network is written with `wengert.nn` alone and trained by a plain loop: this is what a trainer does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import wengert as wg
from wengert import nn, optim
from wengert.train.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def spirals(per_arm: int, arms: int = 3, noise: float = 0.1) -> tuple[wg.Tensor, wg.Tensor]:
    """Points (n, 2) along the arms of a spiral, and the number of each point's arm."""
    rng = np.random.default_rng(0)
    along = np.tile(np.linspace(0.1, 1, per_arm), arms)
    arm = np.repeat(np.arange(arms), per_arm)
    angle = 2 * np.pi * arm / arms + 5.5 * along + noise * 2 * rng.normal(size=along.size)
    points = np.stack([along * np.cos(angle), along * np.sin(angle)], axis=1)
    return wg.tensor(points.astype(np.float32)), wg.tensor(arm)


def run(per_arm: int = 150, hidden: int = 64, steps: int = 300) -> Figure:
    """Train on all points at once, and colour the plane by the network's decision."""
    wg.manual_seed(0)
    X, y = spirals(per_arm)
    net = nn.Sequential(nn.Linear(2, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 3))
    loss_of, optimizer = nn.CrossEntropyLoss(), optim.Adam(net.parameters(), lr=0.01)
    for step in range(1, steps + 1):
        loss = loss_of(net(X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % max(1, steps // 5) == 0:
            right = (net(X).argmax(1) == y).float().mean().item()
            print(f"step {step:4}: loss {loss.item():.4f}, right {right:.1%}")

    side = np.linspace(-1.25, 1.25, 200, dtype=np.float32)
    plane = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    with wg.no_grad():
        probabilities = net(wg.from_numpy(plane)).softmax(1).numpy()

    figure = new_figure(4.6, 4.4)
    axes = figure.subplots()
    colors = np.array([[0x1F, 0x77, 0xB4], [0xFF, 0x7F, 0x0E], [0x2C, 0xA0, 0x2C]]) / 255
    shade = np.clip(1 - 0.45 * (1 - probabilities @ colors), 0, 1)
    axes.imshow(shade.reshape(200, 200, 3), extent=(-1.25, 1.25, -1.25, 1.25), origin="lower", interpolation="bilinear")
    for arm in range(3):
        axes.plot(
            *X[y == arm].numpy().T, ".", color=colors[arm], markeredgecolor="white", markeredgewidth=0.3, markersize=7
        )
    axes.set(xlabel="x1", ylabel="x2", title="decisions of a 2-64-64-3 network" if hidden == 64 else "decisions")
    return figure
