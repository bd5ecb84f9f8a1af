"""Linear algebra with gradients, of the sizes of Jacobians, and a Gaussian process of 120 points."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from opponents import torch

N = 120


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def negative_log_likelihood(library: Any, theta: Any, x: Any, y: Any, one: Any) -> Any:
    """That of y as a Gaussian process over x, with a length, an amplitude and noise, all by their logarithms."""
    length, amplitude, noise = library.exp(theta)
    distance = library.cdist(x, x) / length
    lower = library.linalg.cholesky(amplitude * library.exp(-0.5 * distance * distance) + noise * one)
    white = library.linalg.solve_triangular(lower, y, upper=False)
    return 0.5 * (white * white).sum() + library.log(library.diagonal(lower)).sum() + 0.5 * N * math.log(2 * math.pi)


def with_gradient(library: Any, function: Callable[..., Any], arrays: list[np.ndarray], count: int) -> Any:
    """The gradients by the first `count` arguments, in one vector."""
    xs = [library.from_numpy(x.copy()) for x in arrays]

    def gradients() -> Any:
        leaves = [x.detach().requires_grad_() for x in xs[:count]]
        found = library.autograd.grad(function(library, *leaves, *xs[count:]), leaves)
        return library.cat([g.reshape(-1) for g in found])

    return gradients


def versus_pytorch(function: Callable[..., Any], arrays: list[np.ndarray], count: int) -> dict[str, Callable[[], Any]]:
    libraries = {"torch": torch, "wengert": wg} if torch is not None else {"wengert": wg}
    return {name: with_gradient(library, function, arrays, count) for name, library in libraries.items()}


def test_gaussian_process(contest: Any) -> None:
    """The gradient of its marginal likelihood."""
    x, noise = draw(N, 2), draw(N, 1, seed=1)
    arrays = [np.array([0.1, 0.2, -1.0]), x, np.sin(x[:, :1]) + 0.1 * noise, np.eye(N)]
    functions = versus_pytorch(negative_log_likelihood, arrays, 1)
    step = 1e-6 * np.eye(3)
    values = [
        negative_log_likelihood(wg, *(wg.from_numpy(v) for v in (arrays[0] + s, *arrays[1:]))).item()
        for s in (*step, *-step)
    ]
    np.testing.assert_allclose(functions["wengert"]().numpy(), (np.array(values[:3]) - values[3:]) / 2e-6, rtol=1e-5)
    contest(functions, rtol=1e-8, goals=["Gaussian process"])


DEFINITE = draw(N, N) @ draw(N, N).T + N * np.eye(N)
CALLS: dict[str, tuple[Callable[..., Any], list[np.ndarray]]] = {
    "cholesky": (lambda m, a: m.linalg.cholesky(a).sum(), [DEFINITE]),
    "solve": (lambda m, a, b: m.linalg.solve(a, b).sum(), [DEFINITE, draw(N, N, seed=1)]),
    "solve, a vector": (lambda m, a, b: m.linalg.solve(a, b).sum(), [DEFINITE, draw(N, seed=1)]),
    "triangular": (
        lambda m, a, b: m.linalg.solve_triangular(a, b, upper=False).sum(), [np.tril(DEFINITE), draw(N, N, seed=1)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_matrices_with_gradients(contest: Any, name: str) -> None:
    function, arrays = CALLS[name]
    contest(versus_pytorch(function, arrays, len(arrays)), rtol=1e-8)
