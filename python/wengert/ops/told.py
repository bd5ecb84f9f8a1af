"""Linear algebra by the names of `torch.linalg` that is composed of the rest: results with what went wrong, and tensors
that are taken for matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._types import Tensor
from ..core.arguments import dimension
from ..core.batching import leading, unchanged
from ..core.define import computed
from ..core.doors import constant, enter
from ..core.half import half_kernel
from ..core.named import NamedTuple
from .compare import eq, where
from .elimination import lu_factor
from .factors import cholesky
from .functions import power
from .index import diagonal as diagonal_view
from .lapack import LinAlgError, as_matrices, require_good, scalar_per_matrix
from .older import orgqr
from .reduce import sum as sum_of
from .shape import matrix_transpose as T
from .shape import movedim, reshape, unsqueeze
from .systems import inv, solve

# ---------------------------------------------------------------- with what went wrong


class Factor(NamedTuple):
    """What `cholesky_ex` gives."""

    L: Tensor
    info: Tensor


class Inverse(NamedTuple):
    """What `inv_ex` gives."""

    inverse: Tensor
    info: Tensor


class Solution(NamedTuple):
    """What `solve_ex` gives."""

    result: Tensor
    info: Tensor


class LUFactorsInfo(NamedTuple):
    """What `lu_factor_ex` gives."""

    LU: Tensor
    pivots: Tensor
    info: Tensor


def _not_positive(x: np.ndarray) -> np.ndarray:
    """Per matrix the order of the first leading minor that is not positive, or 0."""
    flat = x.reshape(math.prod(x.shape[:-2]), *x.shape[-2:])
    found = np.zeros(len(flat), np.int32)
    for k, matrix in enumerate(flat):
        low, high = 0, matrix.shape[0]  # of the orders up to low all minors are positive
        if _is_positive(matrix):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _is_positive(matrix[:middle, :middle]) else (low, middle)
        found[k] = high
    return found.reshape(x.shape[:-2])


def _is_positive(matrix: np.ndarray) -> bool:
    try:
        return bool(np.isfinite(np.linalg.cholesky(matrix)).all())
    except LinAlgError:
        return False


_first_not_positive = computed("cholesky_info", half_kernel(_not_positive), batched=leading)


def _first_zero(pivots: np.ndarray) -> np.ndarray:
    """Per matrix the place, counted from 1, of the first pivot that is 0, or 0."""
    zero = pivots == 0
    if not pivots.shape[-1]:
        return np.zeros(pivots.shape[:-1], np.int32)
    return np.where(zero.any(-1), zero.argmax(-1) + 1, 0).astype(np.int32)


_first_zero_of = computed("lu_info", _first_zero, batched=unchanged)


def _or_unit(x: Any, good: Any) -> Tensor:
    """x where it is good, elsewhere the identity."""
    return where(scalar_per_matrix(good), x, constant(np.eye, x._value.shape[-1], None, 0, x._value.dtype))


def cholesky_ex(x: Any, *, upper: bool = False, check_errors: bool = False) -> Factor:
    """`cholesky`, which tells of each matrix whether it has a factor instead of raising.

    Parameters
    ----------
    x : tensor
        (..., n, n)
    upper : bool
        The transposed factor.
    check_errors : bool
        Raise after all.

    Returns
    -------
    L : Tensor
        (..., n, n); NaN where there is no factor.
    info : Tensor of int32
        (...): 0, or the order of the first leading minor that is not positive.

    Raises
    ------
    numpy.linalg.LinAlgError
        With `check_errors`, if a matrix is not positive definite.
    ValueError
        If the matrices are not square.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.linalg.cholesky_ex(wg.tensor([[1., 2.], [2., 1.]])).info
    tensor(2, dtype=wengert.int32)
    """
    x = as_matrices("cholesky_ex", x, square=True)
    info = _first_not_positive(x)
    require_good("cholesky_ex", info, check_errors, "a matrix is not positive definite")
    good = eq(info, 0)
    factor = cholesky(_or_unit(x, good), upper=upper)
    return Factor(where(scalar_per_matrix(good), factor, math.nan), info)


def lu_factor_ex(x: Any, *, pivot: bool = True, check_errors: bool = False) -> LUFactorsInfo:
    """`lu_factor`, with what tells of each matrix whether it is singular.

    Parameters
    ----------
    x : tensor
        (..., m, n)
    pivot : bool
        True.
    check_errors : bool
        Raise if one is.

    Returns
    -------
    LU, pivots : Tensor
        As of `lu_factor`.
    info : Tensor of int32
        (...): 0, or the place, counted from 1, of the first pivot that is 0.

    Raises
    ------
    numpy.linalg.LinAlgError
        With `check_errors`, if a pivot is 0.
    ValueError
        If `pivot` is False.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.linalg.lu_factor_ex(wg.ones(2, 2)).info
    tensor(2, dtype=wengert.int32)
    """
    packed, pivots = lu_factor(x, pivot=pivot)
    info = _first_zero_of(diagonal_view(packed, 0, -2, -1))
    require_good("lu_factor_ex", info, check_errors, "a pivot is 0")
    return LUFactorsInfo(packed, pivots, info)


def inv_ex(x: Any, *, check_errors: bool = False) -> Inverse:
    """`inv`, which tells of each matrix whether it has an inverse instead of raising.

    Parameters
    ----------
    x : tensor
        (..., n, n)
    check_errors : bool
        Raise after all.

    Returns
    -------
    inverse : Tensor
        (..., n, n); NaN where there is none.
    info : Tensor of int32
        (...): 0, or the place, counted from 1, of the first pivot that is 0.

    Raises
    ------
    numpy.linalg.LinAlgError
        With `check_errors`, if a matrix is singular.
    ValueError
        If the matrices are not square.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.linalg.inv_ex(wg.tensor([[2., 0.], [0., 4.]])).inverse
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    x = as_matrices("inv_ex", x, square=True)
    info = lu_factor_ex(x.detach()).info
    require_good("inv_ex", info, check_errors, "a matrix is singular")
    good = eq(info, 0)
    return Inverse(where(scalar_per_matrix(good), inv(_or_unit(x, good)), math.nan), info)


def solve_ex(x: Any, y: Any, *, left: bool = True, check_errors: bool = False) -> Solution:
    """`solve`, which tells of each matrix whether it is singular instead of raising.

    Parameters
    ----------
    x : tensor
        (..., n, n)
    y : tensor
        (..., n, k), or vectors (n,) or (..., n); (..., k, n) where `left` is False.
    left : bool
        False: solve z @ x = y instead.
    check_errors : bool
        Raise after all.

    Returns
    -------
    result : Tensor
        Of y's shape, broadcast; NaN where x is singular.
    info : Tensor of int32
        (...): 0, or the place, counted from 1, of the first pivot that is 0.

    Raises
    ------
    numpy.linalg.LinAlgError
        With `check_errors`, if a matrix is singular.
    ValueError
        If the matrices are not square or y does not fit.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.linalg.solve_ex(wg.tensor([[2., 1.], [1., 3.]]), wg.tensor([3., 5.])).result
    tensor([0.8000, 1.4000])
    """
    x, y = as_matrices("solve_ex", x, square=True), enter(y)
    info = lu_factor_ex(x.detach()).info
    require_good("solve_ex", info, check_errors, "a matrix is singular")
    good = eq(info, 0)
    regular = _or_unit(x, good)
    shape = y._value.shape
    vector = len(shape) == 1 or shape == x._value.shape[:-1]
    if left:
        found = solve(regular, y)
    elif vector:
        raise ValueError(f"solve_ex: expected matrices (..., k, {x._value.shape[-1]}) with left=False, got {shape}")
    else:
        found = T(solve(T(regular), T(y)))
    return Solution(where(unsqueeze(good, -1) if vector else scalar_per_matrix(good), found, math.nan), info)


# ---------------------------------------------------------------- parts and powers


def diagonal(x: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """A view of the diagonals of matrices.

    Parameters
    ----------
    x : tensor
        (..., m, n)
    offset : int
        Above the main diagonal; negative: below.
    dim1, dim2 : int
        The matrices' dimensions, by default the last two.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.linalg.diagonal(wg.tensor([[[1., 2.], [3., 4.]]]))
    tensor([[1., 4.]])
    """
    return diagonal_view(x, offset, dim1, dim2)


def vander(x: Any, *, N: int | None = None) -> Tensor:
    """Matrices of Vandermonde: powers of vectors' items, rising from left to right.

    Parameters
    ----------
    x : tensor
        (..., n)
    N : int or None
        How many powers, from 0 on; None: n.

    Returns
    -------
    Tensor
        (..., n, N)

    Raises
    ------
    ValueError
        If x has no dimension, or N is below 2.

    Examples
    --------
    >>> wg.linalg.vander(wg.tensor([2., 3.]), N=3)
    tensor([[1., 2., 4.],
            [1., 3., 9.]])
    """
    x = enter(x)
    if not x._value.ndim or (N is not None and N < 2):
        raise ValueError(f"vander: expected vectors and N of 2 or more, got shape {x._value.shape} and N = {N}")
    return power(unsqueeze(x, -1), constant(np.arange, x._value.shape[-1] if N is None else N))


def vecdot(x: Any, y: Any, *, dim: int = -1) -> Tensor:
    """The scalar products of vectors along one dimension.

    Parameters
    ----------
    x, y : tensor
        Of shapes that broadcast together.
    dim : int

    Returns
    -------
    Tensor
        Of the broadcast shape without `dim`.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.

    Examples
    --------
    >>> wg.linalg.vecdot(wg.tensor([[1., 2.], [3., 4.]]), wg.tensor([1., 1.]))
    tensor([3., 7.])
    """
    return sum_of(enter(x) * enter(y), dim)


def householder_product(x: Any, tau: Any) -> Tensor:
    """The first columns of a product of reflections 1 - tau[i] v v.mT, where v stands in column i below the diagonal.

    Parameters
    ----------
    x : tensor
        (..., m, n) with m >= n, as from `wengert.geqrf`.
    tau : tensor
        (..., k) with k <= n

    Returns
    -------
    Tensor
        (..., m, n)

    Raises
    ------
    ValueError
        If the shapes do not fit.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.linalg.householder_product(wg.tensor([[0.], [1.]]), wg.tensor([1.]))
    tensor([[ 0.],
            [-1.]])
    """
    return orgqr(x, tau)


# ---------------------------------------------------------------- tensors as matrices


def tensorinv(x: Any, ind: int = 2) -> Tensor:
    """The inverse of a tensor as a map from its last dimensions to its first `ind`.

    Parameters
    ----------
    x : tensor
        Of as many items in the first `ind` dimensions as in the others.
    ind : int
        At least 1.

    Returns
    -------
    Tensor
        The other dimensions first. `tensordot(tensorinv(x, ind), y, y.ndim)` solves `tensorsolve(x, y)`.

    Raises
    ------
    numpy.linalg.LinAlgError
        If there is no inverse.
    ValueError
        If the numbers of items differ, or ind is below 1.

    Examples
    --------
    >>> wg.linalg.tensorinv(wg.eye(4).reshape(2, 2, 4)).shape
    wengert.Size([4, 2, 2])
    """
    x = enter(x)
    shape = x._value.shape
    if ind < 1:
        raise ValueError(f"tensorinv: expected ind of 1 or more, got {ind}")
    rows, columns = math.prod(shape[:ind]), math.prod(shape[ind:])
    if rows != columns:
        raise ValueError(f"tensorinv: expected as many items in {shape[:ind]} as in {shape[ind:]}; {rows} != {columns}")
    return reshape(inv(reshape(x, (rows, columns))), (*shape[ind:], *shape[:ind]))


def tensorsolve(x: Any, y: Any, dims: Sequence[int] | None = None) -> Tensor:
    """The solution z of `tensordot(x, z, z.ndim)` = y.

    Parameters
    ----------
    x : tensor
        (\\*y's shape, \\*z's shape), of as many items in both.
    y : tensor
    dims : sequence of int or None
        Dimensions of x that are moved to its end first.

    Returns
    -------
    Tensor
        z

    Raises
    ------
    numpy.linalg.LinAlgError
        If there is no one solution.
    ValueError
        If the numbers of items do not fit.

    Examples
    --------
    >>> wg.linalg.tensorsolve(2 * wg.eye(4).reshape(2, 2, 4), wg.ones(2, 2))
    tensor([0.5000, 0.5000, 0.5000, 0.5000])
    """
    x, y = enter(x), enter(y)
    if dims is not None:
        moved = [dimension("tensorsolve", d, x._value.ndim) for d in dims]
        x = movedim(x, moved, list(range(x._value.ndim - len(moved), x._value.ndim)))
    shape = x._value.shape[y._value.ndim :]
    size = math.prod(shape)
    if size != y._value.size or x._value.size != size * size:
        raise ValueError(
            f"tensorsolve: expected as many items in y as in z, got y of shape {y._value.shape} and z of shape {shape}"
        )
    return reshape(solve(reshape(x, (size, size)), reshape(y, -1)), shape)
