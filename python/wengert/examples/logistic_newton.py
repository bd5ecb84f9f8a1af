"""Logistic regression, p(y = 1 | x, w, b) = σ(wᵀx + b), by gradient descent and by Newton's method.

Gradient descent takes a step against the gradient g, and gains about as many digits in each hundred steps. Newton's
method solves with the Hessian, H s = g, and doubles the number of right digits in every step: both derivatives come
from the same tape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import wengert as wg
from wengert import d2l
from wengert.nn import functional as F
from wengert.train.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def run(count: int = 300, steps: int = 100, lr: float = 1.0) -> Figure:
    """Fit two clouds of points both ways; draw the clouds with the border, and the gradients' norms."""
    generator = wg.Generator().manual_seed(0)
    y = wg.cat([wg.zeros(count // 2), wg.ones(count - count // 2)]).double()
    X = wg.randn(count, 2, dtype=wg.float64, generator=generator) + y.reshape((-1, 1)) * wg.tensor([2.0, 1.2])

    def loss(theta: wg.Tensor) -> wg.Tensor:
        return F.binary_cross_entropy_with_logits(X @ theta[:2] + theta[2], y)

    start = wg.zeros(3, dtype=wg.float64)
    theta, newton = d2l.newton(loss, start)
    for step, (value, norm) in enumerate(newton):
        print(f"Newton step {step}: loss {value:.12f}, norm of the gradient {norm:.1e}")

    descended, descent = start, []
    for _ in range(steps):
        gradient = wg.func.grad(loss)(descended)
        descent.append(gradient.norm().item())
        descended = descended - lr * gradient
    print(f"gradient descent after {steps} steps: norm of the gradient {descent[-1]:.1e}")
    w1, w2, b = theta.tolist()
    print(f"w = [{w1:.4f}, {w2:.4f}], b = {b:.4f}")

    figure = new_figure(8, 3.4)
    left, right = figure.subplots(1, 2)
    points, labels = X.numpy(), y.numpy()
    for label, color in ((0, "C0"), (1, "C1")):
        left.plot(*points[labels == label].T, ".", color=color, markersize=4, label=f"y = {label}")
    across = np.array([points[:, 0].min(), points[:, 0].max()])
    left.plot(across, -(w1 * across + b) / w2, "k-", label="p = 1/2")
    left.set(xlabel="x1", ylabel="x2", ylim=(points[:, 1].min() - 0.3, points[:, 1].max() + 0.3), title="the border")
    left.legend(fontsize=8, loc="lower left")
    right.plot(descent, label="gradient descent")
    right.plot([max(norm, 1e-17) for _, norm in newton], "o-", markersize=4, label="Newton's method")
    right.set(xlabel="step", ylabel="norm of the gradient", yscale="log", title="digits gained per step")
    right.grid(alpha=0.3)
    right.legend(fontsize=8)
    return figure
