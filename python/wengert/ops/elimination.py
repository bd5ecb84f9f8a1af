"""Factors of general matrices by Gaussian elimination, and linear systems solved with them.

A factorization is computed once, without derivative: its factors in one matrix, L below the diagonal, whose own is 1,
and U; and the order of the rows, such that x in that order is L @ U. Operations are told the matrix that cotangents
flow to, and all that is known of it, and have rules of their own. A solution and its derivatives share a factorization.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core import dtypes
from ..core.batching import unchanged
from ..core.broadcast import broadcast_to
from ..core.define import computed, primitive
from ..core.doors import constant, enter
from ..core.half import half, half_kernel
from ..core.named import NamedTuple
from ..core.tape import apply
from ..core.tuples import item
from .creation import tril, triu
from .index import pick
from .join import cat
from .lapack import LinAlgError, as_matrices, each_solved, identity_matrix
from .products import matmul
from .scattering import gather
from .shape import matrix_transpose as T
from .shape import unsqueeze
from .triangular import solved_by_parts, square_and_sides, triangular_solved

# ---------------------------------------------------------------- the factorization

_LEAF = 96  # columns up to which a kernel eliminates, and beyond which products do


def _ordered_rows(x: np.ndarray, order: np.ndarray) -> np.ndarray:
    if order.ndim == 1 and x.ndim == 2:
        rows: np.ndarray = x[order]
        return rows
    if order.shape[:-1] == (1,) == x.shape[:-2]:  # without indices of columns, in a tenth of the time
        alone: np.ndarray = x[0][order[0]]
        return alone[None]
    return np.take_along_axis(x, order[..., None], -2)


def _eliminate(a: np.ndarray) -> np.ndarray:
    """Put the factors of (count, m, n) matrices in their place; gives the row that each was before."""
    m, n = a.shape[-2:]
    if n <= _LEAF:
        return _kernels.lu_in_place(a)
    k = min(n // 2, m)
    left, right = a[..., :k], a[..., k:]
    order = _eliminate(left)
    right[...] = _ordered_rows(right, order)
    right[..., :k, :] = solved_by_parts(left[..., :k, :], right[..., :k, :], False, True)
    if m > k:
        below = right[..., k:, :]
        below -= _kernels.matmul(left[..., k:, :], right[..., :k, :])
        again = _eliminate(below)
        left[..., k:, :] = _ordered_rows(left[..., k:, :], again)
        order[..., k:] = np.take_along_axis(order[..., k:], again, -1)
    return order


def _factorized(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The factors in one matrix, and the order of the rows. Factors of float16 are float32, as are what uses them."""
    packed = np.array(x, np.float32 if x.dtype == dtypes.float16 else x.dtype, order="C")
    flat = packed.reshape(math.prod(x.shape[:-2]), *x.shape[-2:])
    if x.shape[-1] <= _LEAF:
        order = _kernels.lu_in_place(flat)
    else:
        with np.errstate(all="ignore"):
            order = _eliminate(flat)
    return packed, order.reshape(x.shape[:-1])


def _regular(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    packed, order = _factorized(x)
    if not packed.diagonal(0, -2, -1).all():
        raise LinAlgError(f"solve: Singular matrix (of shape {x.shape})")
    return packed, order


factorized = computed("linalg_lu_factor_ex", _factorized, batched=unchanged)
_factorize_regular = computed("linalg_lu_factor_ex", _regular, batched=unchanged)
is_singular = computed(
    "linalg_is_singular", lambda x: (_factorized(x)[0].diagonal(0, -2, -1) == 0).any(-1), batched=unchanged
)


# ---------------------------------------------------------------- solutions


def _substitute(y: np.ndarray, packed: np.ndarray, order: np.ndarray, transposed: bool) -> np.ndarray:
    if not transposed:
        once = solved_by_parts(packed, _ordered_rows(y, order), False, True)
        return solved_by_parts(packed, once, True, False)
    turned = packed.swapaxes(-1, -2)
    once = solved_by_parts(turned, solved_by_parts(turned, y, False, False), True, True)
    z = np.empty_like(once)
    np.put_along_axis(z, np.broadcast_to(order[..., None], z.shape), once, -2)
    return z


def transposed_inverse(packed: np.ndarray, order: np.ndarray) -> np.ndarray:
    """inv(x).T by what is known of x; not finite where that is singular."""
    one = np.broadcast_to(np.eye(packed.shape[-1], dtype=packed.dtype), packed.shape)
    return _substitute(one, packed, order, True)


def _solve(x: np.ndarray, y: np.ndarray, known: tuple[np.ndarray, np.ndarray], transposed: bool) -> np.ndarray:
    if x.shape[-1] <= _LEAF:
        return _substitute(y, *known, transposed)
    with np.errstate(all="ignore"):
        return _substitute(y, *known, transposed)


def _pull(g: Any, x: Any, z: Any, known: Any, transposed: bool) -> tuple[Any, Any, None]:
    w = solved_with(x, g, known, not transposed)
    return matmul(z, T(-w)) if transposed else matmul(-w, T(z)), w, None


_SOLVE = primitive(
    "linalg_solve_ex", half_kernel(_solve), (),
    (
        lambda t, x, z, known, transposed: -solved_with(x, matmul(T(t) if transposed else t, z), known, transposed),
        lambda t, x, known, transposed: solved_with(x, t, known, transposed),
        None,
    ),
    ("x", "y", "known"), joint=_pull, batched=each_solved,
)  # fmt: skip


def solved_with(x: Any, y: Any, known: Any, transposed: bool = False) -> Tensor:
    """The solution z of x @ z = y, or of x.mT @ z = y, by what is known of x."""
    return apply(_SOLVE, (x, y, known), {"transposed": transposed})


def solved(x: Any, y: Any) -> Tensor:
    """The solution z of x @ z = y for regular matrices; leading dimensions are the same."""
    return solved_with(x, y, _factorize_regular(x))


# ---------------------------------------------------------------- the factors of a matrix, as functions of it


def _pull_factors(g: Any, z: Any) -> Any:
    """M = L U, with cotangents of L below the diagonal and of U on and above it."""
    lower = _lower_of(z)
    inside = tril(matmul(T(lower), tril(g, -1)), -1) + triu(matmul(triu(g), T(triu(z))))
    once = triangular_solved(z, inside, unit=True, transposed=True)
    return T(triangular_solved(z, T(once), upper=True))


def _push_factors(t: Any, z: Any) -> Any:
    once = triangular_solved(z, t, unit=True)
    inside = T(triangular_solved(z, T(once), upper=True, transposed=True))
    return matmul(_lower_of(z), tril(inside, -1)) + matmul(triu(inside), triu(z))


# Of square matrices whose rows are in their order. F. de Hoog, R. Anderssen and M. Lukas, "Differentiation of matrix
# functionals using triangular factorization", 2011.
_FACTORS = primitive(
    "linalg_lu", half_kernel(lambda x, known: known.copy()),  # what is known stays so when a result is changed
    (lambda g, x, z: _pull_factors(g, z), None), (lambda t, x, z: _push_factors(t, z), None), ("x", "known"),
    batched=unchanged,
)  # fmt: skip


def _lower_of(z: Any) -> Any:
    return tril(z, -1) + identity_matrix(z._value.shape[-1], z)


def _packed(x: Any, known: Any) -> Tensor:
    """The factors of x in one matrix, as a function of x."""
    m, n = x._value.shape[-2:]
    k = min(m, n)
    values, order = item(known, 0), item(known, 1)
    rows = gather(x, -2, broadcast_to(unsqueeze(order, -1), x._value.shape))
    if m == n:
        return apply(_FACTORS, (rows, values))
    z = apply(_FACTORS, (pick(rows, (..., slice(0, k), slice(0, k))), pick(values, (..., slice(0, k), slice(0, k)))))
    if m > n:
        below = T(triangular_solved(z, T(pick(rows, (..., slice(k, m), slice(0, n)))), upper=True, transposed=True))
        return cat([z, below], -2)
    beside = triangular_solved(z, pick(rows, (..., slice(0, m), slice(k, n))), unit=True)
    return cat([z, beside], -1)


# ---------------------------------------------------------------- for users


class LU(NamedTuple):
    """What `lu` gives."""

    P: Tensor
    L: Tensor
    U: Tensor


class LUFactors(NamedTuple):
    """What `lu_factor` gives."""

    LU: Tensor
    pivots: Tensor


def _permutation(order: np.ndarray, dtype: np.dtype) -> np.ndarray:
    rows: np.ndarray = np.eye(order.shape[-1], dtype=dtype)[order]
    return rows.swapaxes(-1, -2).copy()


def _exchanges(order: np.ndarray, count: int) -> np.ndarray:
    """The exchanges that bring rows into an order: row i with row pivots[i], counted from 1, for i = 0, 1, ..."""
    wanted = order.reshape(math.prod(order.shape[:-1]), order.shape[-1])
    rows = np.tile(np.arange(order.shape[-1]), (len(wanted), 1))
    pivots = np.empty((len(wanted), count), np.int32)
    every = np.arange(len(wanted))
    for i in range(count):
        place = (rows == wanted[:, i, None]).argmax(-1)
        rows[every, place], rows[:, i] = rows[:, i].copy(), wanted[:, i]
        pivots[:, i] = place + 1
    return pivots.reshape(*order.shape[:-1], count)


def _exchanged(pivots: np.ndarray, back: bool) -> np.ndarray:
    """The order of the rows after such exchanges, or the one that undoes it."""
    n = pivots.shape[-1]
    flat = pivots.reshape(math.prod(pivots.shape[:-1]), n).astype(np.int64) - 1
    if ((flat < 0) | (flat >= n)).any():
        raise ValueError(f"lu_solve: expected pivots from 1 to {n}, got {pivots.min()} to {pivots.max()}")
    rows = np.tile(np.arange(n), (len(flat), 1))
    every = np.arange(len(flat))
    for i in range(n):
        place = flat[:, i]
        rows[every, place], rows[:, i] = rows[:, i].copy(), rows[every, place]
    return (np.argsort(rows, -1) if back else rows).reshape(pivots.shape)


_permutation_of = computed("linalg_permutation", _permutation, batched=unchanged)
_exchanges_of = computed("linalg_exchanges", _exchanges, batched=unchanged)
_order_of = computed("linalg_order", _exchanged, batched=unchanged)


def _require_pivot(name: str, pivot: bool) -> None:
    if not pivot:
        raise ValueError(f"{name}: expected pivot=True; elimination without exchange of rows is not implemented")


def lu(x: Any, *, pivot: bool = True) -> LU:
    """The factors x = P @ L @ U of matrices, by elimination with exchange of rows.

    Parameters
    ----------
    x : tensor
        (..., m, n); derivatives need the first min(m, n) pivots to be other than 0.
    pivot : bool
        True.

    Returns
    -------
    P : Tensor
        (..., m, m): a permutation, a constant.
    L : Tensor
        (..., m, k) with k = min(m, n): lower triangular, with ones on the diagonal and no larger items below.
    U : Tensor
        (..., k, n): upper triangular.

    Raises
    ------
    ValueError
        If `pivot` is False.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> P, L, U = wg.linalg.lu(wg.tensor([[1., 2.], [4., 6.]]))
    >>> L, U
    (tensor([[1.0000, 0.0000],
            [0.2500, 1.0000]]), tensor([[4.0000, 6.0000],
            [0.0000, 0.5000]]))
    """
    _require_pivot("lu", pivot)
    return LU(*_lu(as_matrices("lu", x)))


@half
def _lu(x: Any) -> tuple[Any, Any, Any]:
    known = factorized(x)
    m, n = x._value.shape[-2:]
    z = _packed(x, known)
    lower, upper = z, z
    if m < n:
        lower = pick(z, (..., slice(0, m)))
    if m > n:
        upper = pick(z, (..., slice(0, n), slice(0, n)))
    one = constant(np.eye, m, min(m, n), 0, x._value.dtype)
    return _permutation_of(item(known, 1), dtype=x._value.dtype), tril(lower, -1) + one, triu(upper)


def lu_factor(x: Any, *, pivot: bool = True) -> LUFactors:
    """The factors of `lu`, side by side in one matrix, as `lu_solve` takes them.

    Parameters
    ----------
    x : tensor
        (..., m, n); derivatives need the first min(m, n) pivots to be other than 0.
    pivot : bool
        True.

    Returns
    -------
    LU : Tensor
        (..., m, n): L below the diagonal, whose own is 1 and not stored, and U.
    pivots : Tensor of int32
        (..., min(m, n)): row i was exchanged with row pivots[i], counted from 1, for i = 0, 1, ...

    Raises
    ------
    ValueError
        If `pivot` is False.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.linalg.lu_factor(wg.tensor([[1., 2.], [4., 6.]])).pivots
    tensor([2, 2], dtype=wengert.int32)
    """
    _require_pivot("lu_factor", pivot)
    x = as_matrices("lu_factor", x)
    known = factorized(x)
    return LUFactors(_packed(x, known), _exchanges_of(item(known, 1), count=min(x._value.shape[-2:])))


def lu_solve(LU: Any, pivots: Any, y: Any, *, left: bool = True, adjoint: bool = False) -> Tensor:
    """The solution z of x @ z = y, for matrices x that are given by their factors.

    Parameters
    ----------
    LU : tensor
        (..., n, n), from `lu_factor`.
    pivots : tensor of integers
        (..., n)
    y : tensor
        (..., n, k); (..., k, n) where `left` is False. Leading dimensions broadcast.
    left : bool
        False: solve z @ x = y instead.
    adjoint : bool
        Solve with x.mT in place of x.

    Returns
    -------
    Tensor
        Of y's shape, broadcast.

    Raises
    ------
    ValueError
        If the matrices are not square, or pivots or y do not fit.
    TypeError
        If LU is not floating, or pivots are not integers.

    Examples
    --------
    >>> factors = wg.linalg.lu_factor(wg.tensor([[2., 1.], [1., 3.]]))
    >>> wg.linalg.lu_solve(*factors, wg.tensor([[3.], [5.]]))
    tensor([[0.8000],
            [1.4000]])
    """
    x, y = square_and_sides("lu_solve", LU, y, left)
    exchanges = enter(pivots)
    if exchanges._value.dtype.kind not in "iu":
        raise TypeError(f"lu_solve: expected pivots of integers, got {exchanges._value.dtype}")
    n = x._value.shape[-1]
    if exchanges._value.shape[-1:] != (n,):
        raise ValueError(f"lu_solve: expected pivots (..., {n}) for matrices of {n} rows, got {exchanges._value.shape}")
    z: Tensor = _lu_solved(x, exchanges, y, adjoint) if left else T(_lu_solved(x, exchanges, T(y), not adjoint))
    return z


@half
def _lu_solved(x: Any, pivots: Any, y: Any, adjoint: bool) -> Any:
    order = _order_of(pivots, back=adjoint)
    places = broadcast_to(unsqueeze(order, -1), y._value.shape)
    if not adjoint:
        return triangular_solved(x, triangular_solved(x, gather(y, -2, places), unit=True), upper=True)
    once = triangular_solved(x, y, upper=True, transposed=True)
    return gather(triangular_solved(x, once, unit=True, transposed=True), -2, places)
