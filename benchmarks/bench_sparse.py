"""Sparse Jacobians and Hessians of 1000 items beside dense ones: column by column here, and compiled by JAX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from opponents import jax, jitted

N = 1000
pytest.importorskip("scipy")


def bratu(library: Any, u: Any) -> Any:
    """u'' + exp(u) on a grid, u = 0 at both ends."""
    join = wg.cat if library is wg else library.concatenate
    edge = library.zeros(1, dtype=library.float64)
    e = join([edge, u, edge])
    return e[2:] - 2.0 * e[1:-1] + e[:-2] + library.exp(u) / (N + 1) ** 2


def rosenbrock(library: Any, x: Any) -> Any:
    return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()


def one_by_one(function: Callable[[Any], Any], x: Any) -> Callable[[], np.ndarray]:
    """The dense matrix by a walk for each column."""
    units = [wg.tensor(unit) for unit in np.eye(N)]

    def columns() -> np.ndarray:
        push = wg.func.linearize(function, x)[1]
        return wg.stack([push(unit) for unit in units], 1).numpy()

    return columns


def contestants(kind: str) -> tuple[dict[str, Callable[[], Any]], Callable[[], Any]]:
    """Each gives the items of the three diagonals; and what finds the pattern before it does."""
    x = np.random.default_rng(1).standard_normal(N) * 0.3
    if kind == "Jacobian":
        function, derivative = lambda x: bratu(wg, x), wg.func.sparse_jacobian
        first = function
    else:
        function, derivative = lambda x: rosenbrock(wg, x), wg.func.sparse_hessian
        first = wg.func.grad(function)
    sparse = derivative(function).prepare(x)
    rows, columns = sparse.sparsity.nonzero()
    dense = one_by_one(first, wg.tensor(x))
    functions: dict[str, Callable[[], Any]] = {"one by one": lambda: dense()[rows, columns]}
    if jax is not None:
        of, theirs = (jax.jacfwd, bratu) if kind == "Jacobian" else (jax.hessian, rosenbrock)
        compiled = jitted(of(lambda x: theirs(jax.numpy, x)), x)
        functions["jax"] = lambda: np.asarray(compiled())[rows, columns]
    functions["wengert"] = lambda: sparse(x).data
    return functions, lambda: derivative(function)(x).data


@pytest.mark.parametrize("kind", ["Jacobian", "Hessian"])
def test_a_tridiagonal_matrix(contest: Any, kind: str) -> None:
    contest(contestants(kind)[0], seconds=8, goals=["sparse", "sparse, JAX"])


@pytest.mark.parametrize("kind", ["Jacobian", "Hessian"])
def test_the_first_matrix(contest: Any, kind: str) -> None:
    """With its pattern, which the ones after it do not look for."""
    functions, first = contestants(kind)
    contest({"later ones": functions["wengert"], "wengert": first})
