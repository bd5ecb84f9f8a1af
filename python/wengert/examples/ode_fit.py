"""Parameters of a differential equation, fitted to measurements: derivatives go through every step of the solver.

The numbers of hares u and lynxes v follow u' = a u - b u v, v' = d u v - c v (Lotka and Volterra). A Runge-Kutta method
of order 4 is a function of tensors like any other, so the sensitivities of the whole solution to a, b, c and d are its
Jacobian, exact for the steps that were taken. Gauss-Newton steps fit them, shortened while the loss does not fall; the
Jacobian at the end also tells how far the parameters are determined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import wengert as wg
from wengert.train.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def slope(y: wg.Tensor, theta: wg.Tensor) -> wg.Tensor:
    """What y = (u, v) changes by."""
    u, v = y
    a, b, c, d = theta
    return wg.stack([a * u - b * u * v, d * u * v - c * v])


def solution(theta: wg.Tensor, start: wg.Tensor, h: float, steps: int) -> wg.Tensor:
    """y after each of the steps of length h, by the Runge-Kutta method of order 4: a row each."""
    rows = [start]
    for _ in range(steps):
        y = rows[-1]
        k1 = slope(y, theta)
        k2 = slope(y + h / 2 * k1, theta)
        k3 = slope(y + h / 2 * k2, theta)
        k4 = slope(y + h * k3, theta)
        rows.append(y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4))
    return wg.stack(rows)


def run(steps: int = 120, every: int = 4, noise: float = 0.05, iterations: int = 10) -> Figure:
    """Measure a known solution with noise, find its parameters, and draw both."""
    generator = wg.Generator().manual_seed(0)
    truth, h = wg.tensor([1.0, 0.8, 1.2, 0.7], dtype=wg.float64), 0.1
    start = wg.tensor([1.5, 0.8], dtype=wg.float64)
    clean = solution(truth, start, h, steps)[::every]
    measured = clean * (1 + noise * wg.randn(*clean.shape, dtype=wg.float64, generator=generator))

    def error(theta: wg.Tensor) -> wg.Tensor:
        return (solution(theta, start, h, steps)[::every] / measured - 1).reshape(-1)

    def loss(theta: wg.Tensor) -> float:
        return float((error(theta) ** 2).sum())

    theta = wg.tensor([0.8, 0.6, 0.9, 0.5], dtype=wg.float64)
    path = [theta]
    for step in range(iterations):
        print(f"step {step}: θ = {np.round(theta.numpy(), 4)}, loss {loss(theta):.6f}")
        jacobian = wg.func.jacobian(error)(theta)
        change, share = wg.linalg.lstsq(jacobian, -error(theta))[0], 1.0
        while not loss(theta + share * change) < loss(theta) and share > 1e-6:
            share /= 2
        theta = theta + share * change
        path.append(theta)
        if change.norm() < 1e-8:
            break
    freedom = measured.numel() - theta.numel()
    covariance = wg.linalg.inv(jacobian.T @ jacobian) * (loss(theta) / freedom)
    spread = covariance.diagonal().sqrt()
    for k, name in enumerate("abcd"):
        print(f"{name} = {theta[k].item():.3f} ± {spread[k].item():.3f}, in truth {truth[k].item()}")

    figure = new_figure(8, 3.2)
    left, right = figure.subplots(1, 2)
    t = np.arange(steps + 1) * h
    for k, (name, color) in enumerate((("hares", "C0"), ("lynxes", "C1"))):
        left.plot(t[::every], measured[:, k], ".", color=color, label=name)
        left.plot(t, solution(path[0], start, h, steps)[:, k], ":", color=color)
        left.plot(t, solution(theta, start, h, steps)[:, k], color=color)
    left.set(xlabel="t", ylim=(0, 1.3 * measured.max().item()), title="dotted: before, lines: after")
    left.legend(fontsize=8)
    right.plot([loss(theta) for theta in path], "o-", markersize=4)
    right.set(xlabel="step", yscale="log", title="the loss")
    right.grid(alpha=0.3)
    return figure
