"""Factors of symmetric matrices that need not be definite, by the pivoting of Bunch and Kaufman (1977).

x = P L D L.mT P.mT, where D has blocks of one or two rows. The factors lie as LAPACK's sytrf has them with the lower
triangle: L below the blocks of D, and pivots that count from 1, negative and alike for the two rows of a block.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._types import Tensor
from ..core.batching import leading
from ..core.broadcast import broadcast_shape
from ..core.define import computed, primitive
from ..core.doors import enter
from ..core.half import half_kernel
from ..core.named import NamedTuple
from ..core.tape import Operation, apply
from ..core.tuples import item
from .lapack import as_matrices, require_good
from .products import of_one_dtype
from .shape import broadcast_to

_ALPHA = (1 + math.sqrt(17)) / 8  # bounds how much the items may grow


class LDL(NamedTuple):
    """What `ldl_factor` gives."""

    LD: Tensor
    pivots: Tensor


class LDLInfo(NamedTuple):
    """What `ldl_factor_ex` gives."""

    LD: Tensor
    pivots: Tensor
    info: Tensor


def _choice(a: np.ndarray, k: int) -> tuple[int, int]:
    """The row that becomes a pivot in step k, and of how many rows the block is."""
    below = np.abs(a[k + 1 :, k])
    size, largest = abs(a[k, k]), below.max(initial=0.0)
    if size >= _ALPHA * largest:
        return k, 1
    row = k + 1 + int(below.argmax())
    widest = max(np.abs(a[row, k:row]).max(initial=0.0), np.abs(a[row + 1 :, row]).max(initial=0.0))
    if size >= _ALPHA * largest * (largest / widest):
        return k, 1
    return row, 1 if abs(a[row, row]) >= _ALPHA * widest else 2


def _exchange(a: np.ndarray, k: int, row: int, block: int) -> None:
    """Let two rows and columns of the lower triangle change places."""
    at = k + block - 1
    if row == at:
        return
    below, behind = a[row + 1 :, at].copy(), a[at + 1 : row, at].copy()
    a[row + 1 :, at], a[row + 1 :, row] = a[row + 1 :, row], below
    a[at + 1 : row, at], a[row, at + 1 : row] = a[row, at + 1 : row], behind
    a[at, at], a[row, row] = a[row, row], a[at, at]
    if block == 2:
        a[at, k], a[row, k] = a[row, k], a[at, k]


def _factor(a: np.ndarray, pivots: np.ndarray) -> int:
    """Put a matrix's factors in its place; gives the first block that is singular, counted from 1, or 0."""
    n, k, info = len(a), 0, 0
    while k < n:
        row, block = _choice(a, k)
        _exchange(a, k, row, block)
        end = k + block
        if block == 1 and a[k, k] == 0:
            info = info or k + 1
        else:
            columns = a[end:, k:end].copy()
            pair = a[k:end, k:end].copy()
            pair[0, -1] = pair[-1, 0]
            scaled = np.linalg.solve(pair.astype(np.float64), columns.T).T.astype(a.dtype)
            a[end:, end:] -= np.tril(scaled @ columns.T)
            a[end:, k:end] = scaled
        pivots[k:end] = row + 1 if block == 1 else -(row + 1)
        k = end
    return info


def _factors(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    packed = np.tril(x).reshape(math.prod(x.shape[:-2]), *x.shape[-2:])
    pivots, info = np.zeros(packed.shape[:-1], np.int32), np.zeros(len(packed), np.int32)
    for k, matrix in enumerate(packed):
        info[k] = _factor(matrix, pivots[k])
    return packed.reshape(x.shape), pivots.reshape(x.shape[:-1]), info.reshape(x.shape[:-2])


_factors_of = computed("ldl_factor", half_kernel(_factors), batched=leading)


def ldl_factor_ex(x: Any, *, hermitian: bool = False, check_errors: bool = False) -> LDLInfo:
    """`ldl_factor`, with what tells of each matrix whether a block of D is singular.

    Parameters
    ----------
    x : tensor
        (..., n, n): symmetric; the lower triangle is read.
    hermitian : bool
        The same for real matrices.
    check_errors : bool
        Raise if one is.

    Returns
    -------
    LD, pivots : Tensor
        As of `ldl_factor`.
    info : Tensor of int32
        (...): 0, or the place, counted from 1, of the first block that is singular.

    Raises
    ------
    numpy.linalg.LinAlgError
        With `check_errors`, if a block is singular.
    ValueError
        If the matrices are not square.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.linalg.ldl_factor_ex(wg.zeros(2, 2)).info
    tensor(1, dtype=wengert.int32)
    """
    x = as_matrices("ldl_factor_ex", x, square=True)
    found = _factors_of(x)
    packed, pivots, info = (item(found, k) for k in range(3))
    require_good("ldl_factor_ex", info, check_errors, "a block is singular")
    return LDLInfo(packed, pivots, info)


def ldl_factor(x: Any, *, hermitian: bool = False) -> LDL:
    """The factors of symmetric matrices as LAPACK has them, for `ldl_solve`.

    Parameters
    ----------
    x : tensor
        (..., n, n): symmetric; the lower triangle is read.
    hermitian : bool
        The same for real matrices.

    Returns
    -------
    LD : Tensor
        (..., n, n): the blocks of D, and below them L. A constant.
    pivots : Tensor of int32
        (..., n): rows that were exchanged, counted from 1; negative and alike for the two rows of a block.

    Raises
    ------
    ValueError
        If the matrices are not square.
    TypeError
        If x is not floating.

    Notes
    -----
    J. R. Bunch and L. Kaufman, "Some stable methods for calculating inertia and solving symmetric linear systems",
    1977.

    Examples
    --------
    >>> wg.linalg.ldl_factor(wg.tensor([[4., 2.], [2., 2.]])).LD
    tensor([[4.0000, 0.0000],
            [0.5000, 1.0000]])
    """
    return LDL(*ldl_factor_ex(x)[:2])


def _solve_one(a: np.ndarray, pivots: np.ndarray, y: np.ndarray) -> None:
    """Put a system's solution in the place of its right-hand sides."""
    n, starts, k = len(a), [], 0
    while k < n:
        end = k + (1 if pivots[k] > 0 else 2)
        starts.append((k, end))
        _swap(y, end - 1, abs(int(pivots[k])) - 1)
        y[end:] -= a[end:, k:end] @ y[k:end]
        pair = a[k:end, k:end].copy()
        pair[0, -1] = pair[-1, 0]
        with np.errstate(all="ignore"):
            y[k:end] = np.linalg.solve(pair, y[k:end]) if end - k == 2 else y[k:end] / pair
        k = end
    for k, end in reversed(starts):
        y[k:end] -= a[end:, k:end].T @ y[end:]
        _swap(y, end - 1, abs(int(pivots[k])) - 1)


def _swap(y: np.ndarray, i: int, j: int) -> None:
    if i != j:
        y[[i, j]] = y[[j, i]]


def _solved(x: np.ndarray, pivots: np.ndarray, y: np.ndarray) -> np.ndarray:
    lead = np.broadcast_shapes(x.shape[:-2], pivots.shape[:-1], y.shape[:-2])
    count = math.prod(lead)
    out = np.array(np.broadcast_to(y, (*lead, *y.shape[-2:])), order="C").reshape(count, *y.shape[-2:])
    matrices = np.broadcast_to(x, (*lead, *x.shape[-2:])).reshape(count, *x.shape[-2:])
    rows = np.broadcast_to(pivots, (*lead, pivots.shape[-1])).reshape(count, pivots.shape[-1])
    for k in range(count):
        _solve_one(matrices[k], rows[k], out[k])
    return out.reshape(*lead, *y.shape[-2:])


# Linear in the right-hand sides, and symmetric; the factors are constants.
_SOLVE: Operation = primitive(
    "ldl_solve", half_kernel(_solved), (None, None, lambda g, x, pivots: apply(_SOLVE, (x, pivots, g))),
    (None, None, lambda t, x, pivots: apply(_SOLVE, (x, pivots, t))), ("x", "pivots", "y"), batched=leading,
)  # fmt: skip


def ldl_solve(LD: Any, pivots: Any, y: Any, *, hermitian: bool = False) -> Tensor:
    """The solution z of x @ z = y for symmetric matrices x that are given by their factors.

    Parameters
    ----------
    LD : tensor
        (..., n, n), from `ldl_factor`.
    pivots : tensor of integers
        (..., n)
    y : tensor
        (..., n, k); leading dimensions broadcast.
    hermitian : bool
        The same for real matrices.

    Returns
    -------
    Tensor
        Of y's shape, broadcast. Differentiable in y alone, as in PyTorch.

    Raises
    ------
    ValueError
        If the shapes do not fit, or pivots are none of rows.
    TypeError
        If LD is not floating, or pivots are not integers.

    Examples
    --------
    >>> factors = wg.linalg.ldl_factor(wg.tensor([[0., 1.], [1., 0.]]))
    >>> wg.linalg.ldl_solve(*factors, wg.tensor([[3.], [5.]]))
    tensor([[5.],
            [3.]])
    """
    x, rows = as_matrices("ldl_solve", LD, square=True), enter(pivots)
    x, y = of_one_dtype(x, as_matrices("ldl_solve", y))
    a, b, n = x._value.shape, y._value.shape, x._value.shape[-1]
    if rows._value.dtype.kind not in "iu":
        raise TypeError(f"ldl_solve: expected pivots of integers, got {rows._value.dtype}")
    if b[-2] != n or rows._value.shape != a[:-1]:
        got = f"{rows._value.shape} and {b}"
        raise ValueError(f"ldl_solve: expected pivots {a[:-1]} and right-hand sides (..., {n}, k), got shapes {got}")
    lead = broadcast_shape("ldl_solve", a[:-2], b[:-2])
    return apply(_SOLVE, (x.detach(), rows, broadcast_to(y, (*lead, *b[-2:]))))
