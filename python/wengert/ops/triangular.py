"""Systems with triangular matrices, and with matrices given by Cholesky's factors."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core.batching import unchanged
from ..core.bound import by_bindings
from ..core.broadcast import broadcast_shape, broadcast_to
from ..core.define import linear, primitive
from ..core.doors import enter
from ..core.half import half, half_kernel
from ..core.tape import Operation, apply
from .creation import tril, triu
from .lapack import as_matrices, by_column, each_solved, identity_matrix
from .products import matmul, of_one_dtype
from .shape import matrix_transpose as T
from .shape import reshape

__all__ = ["cholesky_inverse", "cholesky_solve"]

# ---------------------------------------------------------------- the operation


def solved_by_parts(a: np.ndarray, b: np.ndarray, upper: bool, unit: bool) -> np.ndarray:
    """The solution x of t @ x = b for one triangle t of a. Large matrices are halved, which leaves products."""
    n = a.shape[-1]
    if n <= _kernels.TRIANGULAR_MOST:
        return _kernels.solve_triangular(a, b, upper=upper, unit=unit)
    k = n // 2
    first, rest = (slice(k, n), slice(0, k)) if upper else (slice(0, k), slice(k, n))
    x = solved_by_parts(a[..., first, first], b[..., first, :], upper, unit)
    left = b[..., rest, :] - _kernels.matmul(a[..., rest, first], x)
    y = solved_by_parts(a[..., rest, rest], left, upper, unit)
    return np.concatenate([y, x] if upper else [x, y], -2)


@by_bindings
def _solve_triangular(x: np.ndarray, y: np.ndarray, upper: bool, unit: bool, transposed: bool) -> np.ndarray:
    a = x.swapaxes(-1, -2) if transposed else x
    if x.shape[-1] <= _kernels.TRIANGULAR_MOST:  # NumPy, which warns of infinities, has no part in it
        return _kernels.solve_triangular(a, y, upper=upper != transposed, unit=unit)
    with np.errstate(all="ignore"):
        return solved_by_parts(a, y, upper != transposed, unit)


def within(x: Any, upper: bool, unit: bool) -> Tensor:
    """The triangle of x that such a system reads."""
    return triu(x, 1 if unit else 0) if upper else tril(x, -1 if unit else 0)


def _pull(g: Any, x: Any, z: Any, upper: bool, unit: bool, transposed: bool) -> tuple[Any, Any]:
    """t z = y gives dt z + t dz = dy, and with the transpose likewise."""
    w = triangular_solved(x, g, upper=upper, unit=unit, transposed=not transposed)
    outer = matmul(z, T(-w)) if transposed else matmul(-w, T(z))
    return within(outer, upper, unit), w


def _push_matrix(t: Any, x: Any, z: Any, upper: bool, unit: bool, transposed: bool) -> Any:
    moved = within(t, upper, unit)
    right = matmul(T(moved) if transposed else moved, z)
    return -triangular_solved(x, right, upper=upper, unit=unit, transposed=transposed)


_SOLVE_TRIANGULAR = primitive(
    "linalg_solve_triangular", half_kernel(_solve_triangular), (),
    (
        _push_matrix,
        lambda t, x, upper, unit, transposed: triangular_solved(
            x, t, upper=upper, unit=unit, transposed=transposed
        ),
    ),
    joint=_pull, batched=each_solved,
)  # fmt: skip


def triangular_solved(
    x: Any, y: Any, *, upper: bool = False, unit: bool = False, transposed: bool = False
) -> Tensor:  # fmt: skip
    """The solution z of t @ z = y, or of t.mT @ z = y, where t is one triangle of x; their leading dimensions are the
    same."""
    return apply(_SOLVE_TRIANGULAR, (x, y), {"upper": upper, "unit": unit, "transposed": transposed})


# ---------------------------------------------------------------- functions of it


def square_and_sides(name: str, x: Any, y: Any, left: bool = True) -> tuple[Any, Any]:
    """Square matrices and right-hand sides of one dtype, with the same leading dimensions."""
    x, y = as_matrices(name, x, square=True), enter(y)
    x, y = of_one_dtype(x, y)
    a, b = x._value.shape, y._value.shape
    if len(b) < 2 or b[-2 if left else -1] != a[-1]:
        wanted = f"(..., {a[-1]}, k)" if left else f"(..., k, {a[-1]})"
        raise ValueError(f"{name}: expected right-hand sides {wanted} for matrices {a}, got {b}")
    lead = broadcast_shape(name, a[:-2], b[:-2])
    return (
        x if a[:-2] == lead else broadcast_to(x, (*lead, *a[-2:])),
        y if b[:-2] == lead else broadcast_to(y, (*lead, *b[-2:])),
    )


def solve_triangular(x: Any, y: Any, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Tensor:
    """The solution z of x @ z = y for triangular matrices.

    Parameters
    ----------
    x : tensor
        (..., n, n): only one triangle is read.
    y : tensor
        (..., n, k), or a vector (n,); (..., k, n) where `left` is False. Leading dimensions broadcast.
    upper : bool
        Whether the matrices are upper triangular.
    left : bool
        False: solve z @ x = y instead.
    unitriangular : bool
        The diagonals are ones, whatever stands there.

    Returns
    -------
    Tensor
        Of y's shape, broadcast. Where an item of a diagonal is 0, it has infinities or NaN.

    Raises
    ------
    ValueError
        If the matrices are not square or y does not fit.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> x = wg.tensor([[2., 0.], [1., 4.]])
    >>> wg.linalg.solve_triangular(x, wg.tensor([[2.], [9.]]), upper=False)
    tensor([[1.],
            [2.]])
    """
    y = enter(y)
    vector = y._value.ndim == 1
    if vector:
        y = by_column(y) if left else reshape(y, (1, -1))
    x, y = square_and_sides("solve_triangular", x, y, left)
    if left:
        z = triangular_solved(x, y, upper=upper, unit=unitriangular)
    else:
        z = T(triangular_solved(x, T(y), upper=upper, unit=unitriangular, transposed=True))
    return reshape(z, (*z._value.shape[:-2], z._value.shape[-2 if left else -1])) if vector else z


def cholesky_solve(y: Any, x: Any, upper: bool = False) -> Tensor:
    """The solution z of a @ z = y, for positive definite matrices a that are given by their Cholesky factors.

    Parameters
    ----------
    y : tensor
        (..., n, k)
    x : tensor
        (..., n, n): the factors, of which one triangle is read. Leading dimensions broadcast.
    upper : bool
        False: a is x @ x.mT, with x lower triangular. True: a is x.mT @ x, with x upper triangular.

    Returns
    -------
    Tensor
        (..., n, k)

    Raises
    ------
    ValueError
        If the matrices are not square or y does not fit.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> factor = wg.linalg.cholesky(wg.tensor([[4., 2.], [2., 5.]]))
    >>> wg.cholesky_solve(wg.tensor([[8.], [8.]]), factor)
    tensor([[1.5000],
            [1.0000]])
    """
    return _between_factors(*square_and_sides("cholesky_solve", x, y), upper)


@half
def _between_factors(x: Any, y: Any, upper: bool) -> Tensor:
    once = triangular_solved(x, y, upper=upper, transposed=upper)
    return triangular_solved(x, once, upper=upper, transposed=not upper)


def cholesky_inverse(x: Any, upper: bool = False) -> Tensor:
    """The inverses of positive definite matrices that are given by their Cholesky factors.

    Parameters
    ----------
    x : tensor
        (..., n, n): the factors, of which one triangle is read.
    upper : bool
        False: the inverse of x @ x.mT, with x lower triangular. True: that of x.mT @ x, with x upper triangular.

    Returns
    -------
    Tensor
        (..., n, n). To multiply by it, `cholesky_solve` is faster and more accurate.

    Raises
    ------
    ValueError
        If the matrices are not square.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.cholesky_inverse(wg.tensor([[2., 0.], [0., 4.]]))
    tensor([[0.2500, 0.0000],
            [0.0000, 0.0625]])
    """
    return _inverse_of_product(as_matrices("cholesky_inverse", x, square=True), upper)


@half
def _inverse_of_product(x: Any, upper: bool) -> Tensor:
    one = identity_matrix(x._value.shape[-1], x)
    once = triangular_solved(x, broadcast_to(one, x._value.shape), upper=upper, transposed=upper)
    return matmul(T(once), once)


# ---------------------------------------------------------------- what the rule of a Cholesky factor is made of


def _halved(x: np.ndarray) -> np.ndarray:
    y = _kernels.triangle(x, True, 0)
    np.einsum("...ii->...i", y)[...] *= 0.5
    return y


_HALF_LOWER: Operation = linear(
    "half_lower", half_kernel(_halved), lambda g: apply(_HALF_LOWER, (g,)), batched=unchanged
)


def half_lower(x: Any) -> Tensor:
    """The lower triangle with the diagonal halved."""
    return apply(_HALF_LOWER, (x,))


def between_inverses(z: Any, x: Any, transposed: bool = False) -> Tensor:
    """inv(z) @ x @ inv(z).T for lower triangular z; or inv(z).T @ x @ inv(z)."""
    once = triangular_solved(z, T(x), transposed=transposed)
    return triangular_solved(z, T(once), transposed=transposed)
