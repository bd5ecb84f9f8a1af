"""What the decompositions share: stacks of matrices for LAPACK, and views of parts of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._types import Tensor
from ..core.batching import Batch, moved
from ..core.doors import constant, enter, leave
from ..core.half import half_kernel
from .index import diagonal
from .reduce import sum
from .shape import reshape

LinAlgError = np.linalg.LinAlgError


# ---------------------------------------------------------------- operands


def as_matrices(name: str, x: Any, square: bool = False) -> Any:
    """x as a floating tensor of matrices."""
    x = enter(x)
    shape = x._value.shape
    if x._value.dtype.kind != "f":
        raise TypeError(f"{name}: expected a floating tensor, got {x._value.dtype}; convert it, as in x.double()")
    if len(shape) < 2 or (square and shape[-1] != shape[-2]):
        wanted = "square matrices (..., n, n)" if square else "matrices (..., m, n)"
        raise ValueError(f"{name}: expected {wanted}, got shape {shape}")
    return x


def require_good(name: str, info: Any, check_errors: bool, what: str) -> None:
    """Raise, if errors are to be checked for, where a matrix has an `info` that is not 0."""
    if check_errors and leave(info, "array").any():
        raise LinAlgError(f"{name}: {what}; info is {leave(info, 'array').tolist()}")


def from_lapack(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A NumPy function as a kernel: float16 is computed in float32, and failures say what failed."""
    computed = half_kernel(function)

    def kernel(*arrays: Any, **static: Any) -> Any:
        try:
            with np.errstate(all="ignore"):  # infinities and NaN come without a warning
                return computed(*arrays, **static)
        except LinAlgError as error:
            raise LinAlgError(f"{name}: {error} (of shape {arrays[0].shape})") from None

    return kernel


def in_precision(
    name: str, direct: str, function: Callable[..., Any], failure: str = "the iteration did not converge"
) -> Callable[..., Any]:
    """`from_lapack` of LAPACK's function for the matrices' own precision, where NumPy has that by this name, since what
    it exports computes in float64 alone; failures are told by `failure`. Else of `function`."""
    found = getattr(getattr(np.linalg, "_umath_linalg", None), direct, None)
    if found is None:
        return from_lapack(name, function)

    def fail(error: str, flag: int) -> None:
        raise LinAlgError(failure)

    def computed(x: np.ndarray) -> Any:
        with np.errstate(invalid="call", call=fail):  # which is how it tells of them
            return found(x)

    return from_lapack(name, computed)


_full_batch = moved()  # each example has its own of each argument


def each_solved(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> Any:
    """Of a batch of right-hand sides (..., n, k), the second argument: those of all examples side by side, where the
    matrix and what is known of it are one for all."""
    x, y, *known = arrays
    if batch.having[0] or any(batch.having[2:]) or x.ndim > 2:
        return _full_batch(kernel, batch, arrays, static)
    beside = np.moveaxis(y, -2, 0)
    found = kernel(x, beside.reshape(beside.shape[0], math.prod(beside.shape[1:])), *known, **static)
    return np.moveaxis(found.reshape(beside.shape), 0, -2)


def identity_matrix(n: int, like: Any) -> Tensor:
    return constant(np.eye, n, None, 0, like._value.dtype)


def by_rows(x: Any) -> Tensor:
    """A vector as a row: scales the columns of what it is multiplied with."""
    return reshape(x, (*x._value.shape[:-1], 1, x._value.shape[-1]))


def by_column(x: Any) -> Tensor:
    return reshape(x, (*x._value.shape, 1))


def scalar_per_matrix(x: Any) -> Tensor:
    return reshape(x, (*x._value.shape, 1, 1))


def trace_of_product(x: Any, y: Any) -> Any:
    """The trace of x.T @ y, per matrix."""
    return sum(x * y, (-2, -1))


def diagonal_of(x: Any) -> Tensor:
    return diagonal(x, 0, -2, -1)
