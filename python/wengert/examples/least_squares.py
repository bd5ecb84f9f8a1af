"""Nonlinear least squares: the chain rule dL/dθ = dL/de · de/dθ, and the Gauss-Newton steps that it suggests.

A damped oscillation f(t; θ) = θ1 exp(-θ2 t) cos(θ3 t) is fitted to noisy measurements y. With the error e = y - f(θ)
and the loss L = ‖e‖², the factors are dL/de = 2 eᵀ and de/dθ = -J, where J is the Jacobian of f. Where the error is
nearly linear in θ, the best step solves the linear least-squares problem min ‖e - J s‖.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import wengert as wg
from wengert.train.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def run(count: int = 60, noise: float = 0.05, steps: int = 8) -> Figure:
    """Check the chain rule, fit by Gauss-Newton, and draw the fits of the first steps."""
    generator = wg.Generator().manual_seed(0)
    t = wg.linspace(0, 6, count, dtype=wg.float64)
    truth = wg.tensor([2.0, 0.4, 3.0], dtype=wg.float64)

    def f(theta: wg.Tensor) -> wg.Tensor:
        return theta[0] * wg.exp(-theta[1] * t) * wg.cos(theta[2] * t)

    y = f(truth) + noise * wg.randn(count, dtype=wg.float64, generator=generator)

    def error(theta: wg.Tensor) -> wg.Tensor:
        return y - f(theta)

    theta = wg.tensor([1.0, 0.1, 2.8], dtype=wg.float64)
    e = error(theta)
    by_chain = 2 * e @ wg.func.jacobian(error)(theta)
    by_tape = wg.func.grad(lambda theta: (error(theta) ** 2).sum())(theta)
    print(f"dL/de · de/dθ     {by_chain.numpy()}\ngradient of the loss {by_tape.numpy()}\n")

    fits = [theta]
    for step in range(steps):
        e, jacobian = error(theta), wg.func.jacobian(f)(theta)
        print(f"step {step}: θ = {np.round(theta.numpy(), 6)}, ‖e‖² = {(e * e).sum().item():.6f}")
        theta = theta + wg.linalg.lstsq(jacobian, e)[0]
        fits.append(theta)
    print(f"truth:  θ = {truth.numpy()}")

    figure = new_figure(6, 3.2)
    axes = figure.subplots()
    axes.plot(t, y, "k.", markersize=4, label="measurements")
    for step, color in ((0, "0.75"), (1, "C1"), (steps, "C0")):
        axes.plot(t, f(fits[step]), color=color, label=f"step {step}")
    axes.set(xlabel="t", ylabel="f(t; θ)", title="Gauss-Newton on a damped oscillation")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return figure
