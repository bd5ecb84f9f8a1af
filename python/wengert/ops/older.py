"""Linear algebra as `torch` had it before `torch.linalg`: the same factorizations, other arguments and results."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._types import Tensor
from ..core.batching import unchanged
from ..core.define import computed
from ..core.doors import constant, enter
from ..core.named import NamedTuple
from ..core.signatures import tells
from . import elimination, factors, triangular
from .creation import tril, triu
from .functions import power
from .index import pick
from .lapack import as_matrices
from .matrices import multi_dot
from .products import matmul, outer
from .reduce import sum as sum_of
from .shape import broadcast_to, clone, flip, unsqueeze
from .shape import matrix_transpose as T

__all__ = [
    "addbmm", "addr", "chain_matmul", "cholesky", "geqrf", "ger", "lu_solve", "lu_unpack", "orgqr", "ormqr", "qr",
    "svd", "triangular_solve", "vander",
]  # fmt: skip

# ---------------------------------------------------------------- products


@tells
def addr(x: Any, vec1: Any, vec2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta x + alpha times the outer product of two vectors.

    Parameters
    ----------
    x : tensor
        Broadcasts to (n, m). With beta = 0 it does not count, not even NaN in it.
    vec1, vec2 : tensor
        (n,) and (m,)
    beta, alpha : float

    Returns
    -------
    Tensor
        (n, m)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> wg.addr(wg.ones(2, 2), wg.tensor([1., 2.]), wg.tensor([3., 4.]))
    tensor([[4., 5.],
            [7., 9.]])
    """
    product = outer(vec1, vec2)
    product = product if alpha == 1 else product * alpha
    return product if beta == 0 else (enter(x) if beta == 1 else enter(x) * beta) + product


@tells
def addbmm(x: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta x + alpha times the sum of the products of two batches of matrices.

    Parameters
    ----------
    x : tensor
        Broadcasts to (n, m). With beta = 0 it does not count, not even NaN in it.
    batch1, batch2 : tensor
        (b, n, k) and (b, k, m)
    beta, alpha : float

    Returns
    -------
    Tensor
        (n, m)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> wg.addbmm(wg.zeros(1, 1), wg.ones(3, 1, 2), wg.ones(3, 2, 1))
    tensor([[6.]])
    """
    left, right = enter(batch1), enter(batch2)
    a, b = left._value.shape, right._value.shape
    if len(a) != 3 or len(b) != 3 or a[0] != b[0] or a[2] != b[1]:
        raise ValueError(f"addbmm: expected batches (b, n, k) and (b, k, m), got shapes {a} and {b}")
    product = sum_of(matmul(left, right), 0)
    product = product if alpha == 1 else product * alpha
    return product if beta == 0 else (enter(x) if beta == 1 else enter(x) * beta) + product


def ger(x: Any, y: Any) -> Tensor:
    """The outer product of two vectors; `outer` by its former name.

    Parameters
    ----------
    x, y : tensor
        (n,) and (m,)

    Returns
    -------
    Tensor
        (n, m)

    Examples
    --------
    >>> wg.ger(wg.tensor([1., 2.]), wg.tensor([3., 4.]))
    tensor([[3., 4.],
            [6., 8.]])
    """
    return outer(x, y)


def chain_matmul(*matrices: Any) -> Tensor:
    """The product of several matrices, in the order that takes least; `linalg.multi_dot` by its former name.

    Parameters
    ----------
    *matrices : tensor

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If there are none, or the shapes do not fit.

    Examples
    --------
    >>> wg.chain_matmul(wg.ones(1, 2), wg.ones(2, 3), wg.ones(3, 1))
    tensor([[6.]])
    """
    if len(matrices) == 1:
        return clone(as_matrices("chain_matmul", matrices[0]))
    return multi_dot(list(matrices))


@tells
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Tensor:
    """The matrix of Vandermonde: powers of a vector's items, a row for each.

    Parameters
    ----------
    x : tensor
        (n,)
    N : int or None
        How many powers, from 0 on; None: n.
    increasing : bool
        The powers rise from left to right.

    Returns
    -------
    Tensor
        (n, N)

    Raises
    ------
    ValueError
        If x is no vector, or N is negative.

    Examples
    --------
    >>> wg.vander(wg.tensor([2., 3.]), 3)
    tensor([[4., 2., 1.],
            [9., 3., 1.]])
    """
    x = enter(x)
    if x._value.ndim != 1 or (N is not None and N < 0):
        raise ValueError(f"vander: expected a vector and N >= 0, got shape {x._value.shape} and N = {N}")
    exponents = constant(np.arange, x._value.size if N is None else N)
    return power(unsqueeze(x, 1), exponents if increasing else flip(exponents, 0))


# ---------------------------------------------------------------- factorizations


@tells
def cholesky(x: Any, upper: bool = False) -> Tensor:
    """`linalg.cholesky` by its former name.

    Parameters
    ----------
    x : tensor
        (..., n, n): symmetric, positive definite.
    upper : bool
        The transposed factor.

    Returns
    -------
    Tensor
        (..., n, n)

    Raises
    ------
    numpy.linalg.LinAlgError
        If a matrix is not positive definite.

    Examples
    --------
    >>> wg.cholesky(wg.tensor([[4., 2.], [2., 5.]]))
    tensor([[2., 0.],
            [1., 2.]])
    """
    return factors.cholesky(x, upper=bool(upper))


@tells
def qr(x: Any, some: bool = True) -> factors.QR:
    """`linalg.qr` by its former name.

    Parameters
    ----------
    x : tensor
        (..., m, n)
    some : bool
        False: Q is square.

    Returns
    -------
    Q, R : Tensor

    Examples
    --------
    >>> wg.qr(wg.eye(2)).R.abs()
    tensor([[1., 0.],
            [0., 1.]])
    """
    return factors.qr(x, "reduced" if some else "complete")


class SVD(NamedTuple):
    """What `svd` gives: x = U @ diag(S) @ V.mT."""

    U: Tensor
    S: Tensor
    V: Tensor


@tells
def svd(x: Any, some: bool = True, compute_uv: bool = True) -> SVD:
    """The singular value decomposition x = U @ diag(S) @ V.mT; `linalg.svd` gives V.mT instead.

    Parameters
    ----------
    x : tensor
        (..., m, n)
    some : bool
        False: U and V are square.
    compute_uv : bool
        False: U and V are filled with zeros.

    Returns
    -------
    U : Tensor
        (..., m, k) with k = min(m, n)
    S : Tensor
        (..., k)
    V : Tensor
        (..., n, k)

    Examples
    --------
    >>> wg.svd(wg.tensor([[3., 0.], [0., 4.]])).S
    tensor([4., 3.])
    """
    if not compute_uv:
        x = as_matrices("svd", x)
        *lead, m, n = x._value.shape
        u, v = (constant(np.zeros, (*lead, k, k), x._value.dtype) for k in (m, n))
        return SVD(u, factors.svdvals(x), v)
    u, s, vh = factors.svd(x, full_matrices=not some)
    return SVD(u, s, T(vh))


class Triangular(NamedTuple):
    """What `triangular_solve` gives."""

    solution: Tensor
    cloned_coefficient: Tensor


@tells
def triangular_solve(
    y: Any, x: Any, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> Triangular:
    """The solution z of x @ z = y for triangular x; `linalg.solve_triangular` by its former name and order.

    Parameters
    ----------
    y : tensor
        (..., n, k)
    x : tensor
        (..., n, n)
    upper : bool
        Which triangle is read.
    transpose : bool
        Solve with x.mT.
    unitriangular : bool
        The diagonal is taken as ones.

    Returns
    -------
    solution : Tensor
        (..., n, k)
    cloned_coefficient : Tensor
        A copy of x.

    Examples
    --------
    >>> wg.triangular_solve(wg.tensor([[2.], [4.]]), wg.tensor([[1., 1.], [0., 2.]])).solution
    tensor([[0.],
            [2.]])
    """
    x = as_matrices("triangular_solve", x, square=True)
    a, above = (T(x), not upper) if transpose else (x, bool(upper))
    found = triangular.solve_triangular(a, y, upper=above, unitriangular=bool(unitriangular))
    return Triangular(found, clone(x))


@tells
def lu_solve(y: Any, LU_data: Any, LU_pivots: Any) -> Tensor:
    """The solution z of x @ z = y for x given by its factors; `linalg.lu_solve` by its former name and order.

    Parameters
    ----------
    y : tensor
        (..., n, k)
    LU_data, LU_pivots : tensor
        From `linalg.lu_factor`.

    Returns
    -------
    Tensor
        (..., n, k)

    Examples
    --------
    >>> wg.lu_solve(wg.tensor([[3.], [5.]]), *wg.linalg.lu_factor(wg.tensor([[2., 1.], [1., 3.]])))
    tensor([[0.8000],
            [1.4000]])
    """
    return elimination.lu_solve(LU_data, LU_pivots, y)


def _permutations(pivots: np.ndarray, rows: int, dtype: np.dtype) -> np.ndarray:
    """The matrices P of x = P @ L @ U from the exchanges of rows."""
    flat = pivots.reshape(math.prod(pivots.shape[:-1]), pivots.shape[-1]).astype(np.int64) - 1
    if ((flat < 0) | (flat >= rows)).any():
        raise ValueError(f"lu_unpack: expected pivots from 1 to {rows}, got {pivots.min()} to {pivots.max()}")
    order, every = np.tile(np.arange(rows), (len(flat), 1)), np.arange(len(flat))
    for i in range(flat.shape[1]):
        place = flat[:, i]
        order[every, place], order[:, i] = order[:, i].copy(), order[every, place]
    made: np.ndarray = np.eye(rows, dtype=dtype)[order].swapaxes(-1, -2)
    return made.reshape(*pivots.shape[:-1], rows, rows).copy()


_permutations_of = computed("lu_unpack", _permutations, batched=unchanged)


@tells
def lu_unpack(
    LU_data: Any, LU_pivots: Any, unpack_data: bool = True, unpack_pivots: bool = True
) -> elimination.LU:
    """The factors P, L and U from what `linalg.lu_factor` gives.

    Parameters
    ----------
    LU_data : tensor
        (..., m, n)
    LU_pivots : tensor of integers
        (..., min(m, n))
    unpack_data, unpack_pivots : bool
        False: L and U, or P, are empty.

    Returns
    -------
    P : Tensor
        (..., m, m)
    L : Tensor
        (..., m, k) with k = min(m, n)
    U : Tensor
        (..., k, n)

    Raises
    ------
    TypeError
        If the pivots are not integers.
    ValueError
        If they do not fit.

    Examples
    --------
    >>> x = wg.tensor([[1., 2.], [4., 6.]])
    >>> P, L, U = wg.lu_unpack(*wg.linalg.lu_factor(x))
    >>> wg.allclose(P @ L @ U, x)
    True
    """
    x, pivots = as_matrices("lu_unpack", LU_data), enter(LU_pivots)
    m, n = x._value.shape[-2:]
    k, dtype = min(m, n), x._value.dtype
    if pivots._value.dtype.kind not in "iu":
        raise TypeError(f"lu_unpack: expected pivots of integers, got {pivots._value.dtype}")
    if pivots._value.shape != (*x._value.shape[:-2], k):
        raise ValueError(f"lu_unpack: expected pivots {(*x._value.shape[:-2], k)}, got {pivots._value.shape}")
    p = lower = upper = constant(np.empty, 0, dtype)
    if unpack_data:
        unit = constant(np.eye, m, k, 0, dtype)
        lower = tril(pick(x, (..., slice(0, k))), -1) + unit
        upper = triu(pick(x, (..., slice(0, k), slice(None))))
    if unpack_pivots:
        p = _permutations_of(pivots, rows=m, dtype=dtype)
    return elimination.LU(p, lower, upper)


# ---------------------------------------------------------------- reflections


class Reflections(NamedTuple):
    """What `geqrf` gives."""

    a: Tensor
    tau: Tensor


def _raw(x: np.ndarray, scales: bool) -> np.ndarray:
    """What LAPACK makes of matrices: R over the reflections' vectors; or their scales."""
    wide = x.astype(np.float64) if x.dtype != np.float32 else x
    h, tau = np.linalg.qr(wide, mode="raw")
    return np.ascontiguousarray(tau if scales else h.swapaxes(-1, -2)).astype(x.dtype)


_reflections = computed("geqrf", _raw, batched=unchanged)


@tells
def geqrf(x: Any) -> Reflections:
    """The factorization x = Q @ R, with Q as the reflections that `orgqr` and `ormqr` take.

    Parameters
    ----------
    x : tensor
        (..., m, n)

    Returns
    -------
    a : Tensor
        (..., m, n): R on and above the diagonal, below it the vectors of the reflections, whose first item is 1 and not
        stored. A constant; `linalg.qr` has derivatives.
    tau : Tensor
        (..., min(m, n)): the reflections' scales.

    Raises
    ------
    TypeError
        If x is not floating.

    Examples
    --------
    >>> a, tau = wg.geqrf(wg.tensor([[3., 1.], [4., 2.]]))
    >>> wg.allclose(wg.orgqr(a, tau) @ a.triu(), wg.tensor([[3., 1.], [4., 2.]]))
    True
    """
    x = as_matrices("geqrf", x)
    return Reflections(_reflections(x, scales=False), _reflections(x, scales=True))


def _vectors(name: str, x: Any, tau: Any) -> list[tuple[Any, Any]]:
    """The column and the scale of each reflection."""
    m, k = x._value.shape[-2], tau._value.shape[-1]
    if tau._value.shape[:-1] != x._value.shape[:-2] or k > min(x._value.shape[-2:]):
        raise ValueError(
            f"{name}: expected scales {(*x._value.shape[:-2], 'k')} with k <= {min(x._value.shape[-2:])}, got shape "
            f"{tau._value.shape}"
        )
    unit = constant(np.eye, m, k, 0, x._value.dtype)
    columns = tril(pick(x, (..., slice(0, k))), -1) + unit
    return [(pick(columns, (..., slice(i, i + 1))), pick(tau, (..., slice(i, i + 1), None))) for i in range(k)]


def _reflected(v: Any, scale: Any, y: Any, left: bool) -> Any:
    """(1 - scale v v.mT) @ y, or y times it."""
    if left:
        return y - matmul(v * scale, matmul(T(v), y))
    return y - matmul(matmul(y, v), T(v) * scale)


@tells
def orgqr(x: Any, tau: Any) -> Tensor:
    """The first columns of a product of reflections 1 - tau[i] v v.mT, where v stands in column i below the diagonal.

    Parameters
    ----------
    x : tensor
        (..., m, n) with m >= n, as from `geqrf`.
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
    >>> q = wg.orgqr(*wg.geqrf(wg.tensor([[3., 1.], [4., 2.]])))
    >>> wg.allclose(q.T @ q, wg.eye(2), atol=1e-6)
    True
    """
    x, tau = as_matrices("orgqr", x), enter(tau)
    m, n = x._value.shape[-2:]
    if m < n:
        raise ValueError(f"orgqr: expected at least as many rows as columns, got shape {x._value.shape}")
    found: Any = constant(np.eye, m, n, 0, x._value.dtype)
    for v, scale in reversed(_vectors("orgqr", x, tau)):
        found = _reflected(v, scale, found, True)
    shape = x._value.shape
    return found if found._value.shape == shape else broadcast_to(found, shape)  # without reflections


@tells
def ormqr(x: Any, tau: Any, other: Any, left: bool = True, transpose: bool = False) -> Tensor:
    """The product of Q, given by reflections as in `orgqr` but square, with other matrices.

    Parameters
    ----------
    x, tau : tensor
        (..., m, n) and (..., k), as from `geqrf`.
    other : tensor
        (..., m, c); (..., c, m) where `left` is False.
    left : bool
        Q @ other; False: other @ Q.
    transpose : bool
        Q.mT in place of Q.

    Returns
    -------
    Tensor
        Of other's shape.

    Raises
    ------
    ValueError
        If the shapes do not fit.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> a, tau = wg.geqrf(wg.tensor([[3., 1.], [4., 2.]]))
    >>> wg.allclose(wg.ormqr(a, tau, wg.eye(2)), wg.orgqr(a, tau))
    True
    """
    x, tau = as_matrices("ormqr", x), enter(tau)
    found: Tensor = as_matrices("ormqr", other)
    m = x._value.shape[-2]
    if found._value.shape[-2 if left else -1] != m:
        raise ValueError(f"ormqr: expected matrices {f'({m}, c)' if left else f'(c, {m})'}, got {found._value.shape}")
    parts = _vectors("ormqr", x, tau)
    for v, scale in parts if left == transpose else reversed(parts):
        found = _reflected(v, scale, found, left)
    return found
