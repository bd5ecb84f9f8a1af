"""A Gaussian process, whose kernel is fitted by the marginal likelihood: Newton's method with the exact Hessian.

The values y at points x are taken for one draw of a normal distribution with the covariance K(θ) of a smooth function
and noise. The logarithm of the density of y, as a function of θ, goes by way of the Cholesky factor of K. Reverse mode
gives its gradient at the price of a few such factors, however many parameters there are; forward over reverse gives the
Hessian.

C. Rasmussen and C. Williams, "Gaussian Processes for Machine Learning", 2006, algorithm 2.1.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

import wengert as wg
from wengert import linalg
from wengert.train.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMES = ("length", "amplitude", "noise")


def covariance(theta: wg.Tensor, x: wg.Tensor, y: wg.Tensor) -> wg.Tensor:
    """The kernel of points x and y, exp(2 θ2) exp(-|x - y|² / (2 exp(2 θ1)))."""
    return wg.exp(2 * theta[1] - 0.5 * (wg.cdist(x, y) / wg.exp(theta[0])) ** 2)


def factor(theta: wg.Tensor, x: wg.Tensor) -> wg.Tensor:
    """The Cholesky factor of K(θ), with the noise on the diagonal."""
    noise = wg.exp(2 * theta[2]) * wg.eye(len(x), dtype=x.dtype)
    return linalg.cholesky(covariance(theta, x, x) + noise)


def negative_log_likelihood(theta: wg.Tensor, x: wg.Tensor, y: wg.Tensor) -> wg.Tensor:
    """½ yᵀ K⁻¹ y + ½ log det K + ½ n log 2π"""
    lower = factor(theta, x)
    white = linalg.solve_triangular(lower, y, upper=False)
    return 0.5 * (white @ white) + wg.log(wg.diagonal(lower)).sum() + 0.5 * len(y) * math.log(2 * math.pi)


def predict(theta: wg.Tensor, x: wg.Tensor, y: wg.Tensor, at: wg.Tensor) -> tuple[wg.Tensor, wg.Tensor]:
    """The mean and the standard deviation of the function at further points."""
    lower, between = factor(theta, x), covariance(theta, x, at)
    mean = between.T @ wg.cholesky_solve(y.unsqueeze(1), lower)
    explained = (linalg.solve_triangular(lower, between, upper=False) ** 2).sum(0)
    return mean[:, 0], wg.sqrt(wg.clip(wg.exp(2 * theta[1]) - explained, min=0))


def newton_step(gradient: wg.Tensor, hessian: wg.Tensor) -> wg.Tensor:
    """Downhill also where the Hessian is not positive: along each eigenvector by the magnitude of its curvature."""
    values, vectors = linalg.eigh(hessian)
    return -vectors @ ((vectors.T @ gradient) / wg.clip(wg.abs(values), min=1e-3))


def run(count: int = 120, noise: float = 0.2, steps: int = 9) -> Figure:
    """Draw noisy samples of a function, fit the three parameters, and draw what is known of the function then."""
    generator = wg.Generator().manual_seed(0)
    x = 10 * wg.rand(count, 1, dtype=wg.float64, generator=generator)
    y = wg.sin(x[:, 0]) + 0.3 * x[:, 0] - 1.5 + noise * wg.randn(count, dtype=wg.float64, generator=generator)

    def loss(theta: wg.Tensor) -> wg.Tensor:
        return negative_log_likelihood(theta, x, y)

    theta = wg.tensor([0.0, 0.0, 0.0], dtype=wg.float64)
    losses = [loss(theta).item()]
    for step in range(steps):
        gradient = wg.func.grad(loss)(theta)
        direction = newton_step(gradient, wg.func.hessian(loss)(theta))
        share = min(1.0, 2.0 / max(direction.abs().max().item(), 1e-300))
        while loss(theta + share * direction).item() > losses[-1] and share > 1e-6:
            share /= 2
        theta = theta + share * direction
        losses.append(loss(theta).item())
        found = ", ".join(f"{name} {value:.3f}" for name, value in zip(NAMES, np.exp(theta.numpy()), strict=True))
        print(f"step {step}: {found}; -log p(y) = {losses[-1]:.6f}, gradient {gradient.norm().item():.1e}")

    at = wg.linspace(-1, 11, 200, dtype=wg.float64)
    mean, deviation = predict(theta, x, y, at.unsqueeze(1))
    figure = new_figure(9, 3.2)
    left, right = figure.subplots(1, 2)
    left.plot(x[:, 0], y, "k.", markersize=3, label="samples")
    left.plot(at, mean, color="C0", label="mean")
    left.fill_between(at, mean - 2 * deviation, mean + 2 * deviation, color="C0", alpha=0.25, label="two deviations")
    left.set(xlabel="x", ylabel="y")
    left.legend(fontsize=8)
    right.plot(losses, marker="o", markersize=3)
    right.set(xlabel="step", ylabel="-log p(y)")
    right.grid(alpha=0.3)
    return figure
