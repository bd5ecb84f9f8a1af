"""The gradient of every example by itself, which finds the examples whose labels are wrong.

The gradient of a mean loss is the mean of the examples' gradients. After training these cancel, though each need not be
small: an example that contradicts those around it still pulls. Some labels of two interleaved moons are flipped, a
small network is trained on them with weight decay, and the examples are ranked by the norms of their gradients: `vmap`
of `grad` gives those of all examples in one run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import wengert as wg
from wengert.nn import functional as F
from wengert.train.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Weights = dict[str, wg.Tensor]


def moons(count: int, generator: wg.Generator) -> tuple[wg.Tensor, wg.Tensor]:
    """Points on two half circles that reach into each other, and 1 for those of the lower one."""
    angle = np.pi * wg.rand(count, generator=generator)
    y = (wg.arange(count) % 2).float()
    x = wg.stack([wg.where(y > 0, 1 - angle.cos(), angle.cos()), wg.where(y > 0, 0.5 - angle.sin(), angle.sin())], 1)
    return x + 0.1 * wg.randn(count, 2, generator=generator), y


def loss(weights: Weights, x: wg.Tensor, y: wg.Tensor) -> wg.Tensor:
    """The mean cross-entropy of a network with one hidden layer, of one example or of many."""
    hidden = wg.tanh(x @ weights["w1"] + weights["b1"])
    return F.binary_cross_entropy_with_logits(hidden @ weights["w2"] + weights["b2"], y)


def train(weights: Weights, x: wg.Tensor, y: wg.Tensor, steps: int, lr: float, decay: float) -> Weights:
    """The weights after some steps down the gradient of the mean loss and decay / 2 times their squares."""
    gradient = wg.func.grad(loss)
    for _ in range(steps):
        g = gradient(weights, x, y)
        weights = {name: w - lr * (g[name] + decay * w) for name, w in weights.items()}
    return weights


def run(count: int = 200, flipped: int = 12, hidden: int = 16, steps: int = 1500) -> Figure:
    """Train on the flipped labels, rank the examples by their gradients, and draw both."""
    generator = wg.Generator().manual_seed(0)
    x, clean = moons(count, generator)
    wrong = wg.randperm(count, generator=generator)[:flipped].numpy()
    y = clean.clone()
    y[wrong] = 1 - y[wrong]
    weights: Weights = {
        "w1": wg.randn(2, hidden, generator=generator), "b1": wg.zeros(hidden),
        "w2": wg.randn(hidden, generator=generator) / hidden**0.5, "b2": wg.zeros(()),
    }  # fmt: skip
    weights = train(weights, x, y, steps, 0.5, 1e-3)

    gradient = wg.func.grad(loss)
    each = wg.vmap(gradient, (None, 0, 0))(weights, x, y)  # the weights are one for all examples
    together = gradient(weights, x, y)
    apart = max((each[name].mean(0) - together[name]).abs().max().item() for name in weights)
    print(f"the mean of the examples' gradients and the gradient of the mean differ by {apart:.0e}")
    norms = wg.cat([g.reshape(count, -1) for g in each.values()], 1).norm(dim=1).numpy()
    ranked = np.argsort(-norms)
    found = len(set(ranked[:flipped].tolist()) & set(wrong.tolist()))
    print(f"of the {flipped} examples with the largest gradients {found} have a flipped label; {flipped} have one")

    figure = new_figure(8, 3.4)
    left, right = figure.subplots(1, 2)
    for label, color in ((0, "C0"), (1, "C1")):
        left.plot(*x.numpy()[y.numpy() == label].T, ".", color=color, markersize=5, label=f"label {label}")
    left.plot(*x.numpy()[ranked[:flipped]].T, "ko", markersize=9, fillstyle="none", label="largest gradients")
    left.set(xlabel="x1", ylabel="x2")
    left.legend(fontsize=8)
    is_wrong = np.isin(ranked, wrong)
    rank = np.arange(count)
    right.plot(rank[~is_wrong], norms[ranked][~is_wrong], "k.", markersize=3, label="right label")
    right.plot(rank[is_wrong], norms[ranked][is_wrong], "C3o", markersize=4, label="flipped label")
    right.set(xlabel="rank", ylabel="norm of the gradient", yscale="log")
    right.grid(alpha=0.3)
    right.legend(fontsize=8)
    return figure
