"""Inverses, linear systems and determinants."""

from __future__ import annotations

import itertools
import math
import operator
from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core.batching import leading, moved, unchanged
from ..core.broadcast import broadcast_shape
from ..core.define import computed, primitive
from ..core.doors import constant, enter
from ..core.half import half_kernel
from ..core.named import NamedTuple
from ..core.tape import Operation, apply
from .compare import less, where
from .elimination import factorized, solved, transposed_inverse
from .lapack import (
    as_matrices,
    by_column,
    from_lapack,
    identity_matrix,
    in_precision,
    scalar_per_matrix,
    trace_of_product,
)
from .products import matmul, of_one_dtype
from .shape import broadcast_to, clone, reshape
from .shape import matrix_transpose as T

__all__ = ["det", "logdet", "matrix_power", "slogdet"]

# ---------------------------------------------------------------- inverse, linear equations

_INV = primitive(
    "linalg_inv_ex", in_precision("inv", "inv", np.linalg.inv, "Singular matrix"),
    (lambda g, z: -matmul(matmul(T(z), g), T(z)),),
    (lambda t, z: -matmul(matmul(z, t), z),),
    batched=leading,
)  # fmt: skip


def inv(x: Any) -> Tensor:
    """The inverse of square matrices.

    Parameters
    ----------
    x : tensor
        (..., n, n). To multiply by an inverse, `solve` is faster and more accurate.

    Returns
    -------
    Tensor
        (..., n, n)

    Raises
    ------
    numpy.linalg.LinAlgError
        If a matrix is singular.
    ValueError
        If the matrices are not square.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.linalg.inv(wg.tensor([[2., 0.], [0., 4.]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    return apply(_INV, (as_matrices("inv", x, square=True),))


def solve(x: Any, y: Any) -> Tensor:
    """The solution z of x @ z = y.

    Parameters
    ----------
    x : tensor
        (..., n, n)
    y : tensor
        (..., n, k), or vectors (n,) or (..., n); leading dimensions of matrices broadcast.

    Returns
    -------
    Tensor
        Of y's shape, broadcast.

    Raises
    ------
    numpy.linalg.LinAlgError
        If a matrix is singular.
    ValueError
        If the matrices are not square or y does not fit.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.linalg.solve(wg.tensor([[2., 1.], [1., 3.]]), wg.tensor([3., 5.]))
    tensor([0.8000, 1.4000])
    """
    x, y = as_matrices("solve", x, square=True), enter(y)
    x, y = of_one_dtype(x, y)
    a, b = x._value.shape, y._value.shape
    vector = len(b) == 1 or (len(b) == len(a) - 1 and b == a[:-1])
    if vector:
        y = by_column(y)
        b = y._value.shape
    if len(b) < 2 or b[-2] != a[-1]:
        wanted = f"(..., {a[-1]}, k) or (..., {a[-1]})"
        raise ValueError(f"solve: expected right-hand sides {wanted} for matrices {a}, got {b}")
    if a[:-2] != b[:-2]:
        lead = broadcast_shape("solve", a[:-2], b[:-2])
        x, y = broadcast_to(x, (*lead, *a[-2:])), broadcast_to(y, (*lead, *b[-2:]))
    z = solved(x, y)
    return reshape(z, z._value.shape[:-1]) if vector else z


# ---------------------------------------------------------------- determinants


# A determinant is a polynomial: all of its derivatives exist for singular matrices too. They are computed from the
# singular values: between singular vectors x is diagonal, and items of directions in rows and columns i, j, ... are
# multiplied by the product of all other singular values. A derivative is symmetric in its directions, so that one map
# serves both ways. The fourth and higher ones are computed from the inverse, and need regular matrices.


def _singular(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The singular vectors and values of x, and the sign of the vectors' determinants, NaN where x is not finite."""
    finite = np.isfinite(x).all((-2, -1))
    u, s, vh = np.linalg.svd(np.where(finite[..., None, None], x, 0))
    sign = np.where(finite, np.sign(np.linalg.det(u) * np.linalg.det(vh)), math.nan)
    return u, s, vh, sign[..., None, None].astype(x.dtype)


def _other_pairs(s: np.ndarray) -> np.ndarray:
    """For each i and j the product of all s but s_i and s_j; 0 on the diagonal."""
    n = s.shape[-1]
    if not n:
        return np.zeros((*s.shape, 0), s.dtype)
    above = np.triu(np.ones((n, n), bool), 1)
    between = np.cumprod(np.where(above, s[..., None, :], 1), -1)  # s_k with i < k <= j
    ones = np.ones((*s.shape[:-1], 1), s.dtype)
    before = np.cumprod(np.concatenate([ones, s[..., :-1]], -1), -1)
    behind = np.cumprod(np.concatenate([ones, s[..., :0:-1]], -1), -1)[..., ::-1]
    inner = np.concatenate([np.ones((*s.shape, 1), s.dtype), between[..., :-1]], -1)
    upper = np.where(above, before[..., :, None] * inner * behind[..., None, :], 0)
    pairs: np.ndarray = upper + upper.swapaxes(-1, -2)
    return pairs


def _cofactors(x: np.ndarray, known: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """The matrix of cofactors: the first derivative. From the inverse, if all matrices are regular enough for half of
    the digits; else from the singular values."""
    if x.size:
        inverse = transposed_inverse(*known)
        size = np.abs(x).max() * np.abs(inverse).max()
        z: np.ndarray = _kernels.determinants(known[0], known[1], 0)[..., None, None] * inverse
        if size * size * np.finfo(z.dtype).eps < 1 and np.isfinite(z).all():
            return z
    u, s, vh, sign = _singular(x)
    n = s.shape[-1]
    others = np.broadcast_to(s[..., None, :], (*s.shape, n))
    products = np.where(np.eye(n, dtype=bool), 1, others).prod(-1)
    cofactors: np.ndarray = (sign * (u * products[..., None, :]) @ vh).astype(x.dtype)
    return cofactors


def _second(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The second derivative, in one direction."""
    u, s, vh, sign = _singular(x)
    y = u.swapaxes(-1, -2) @ y @ vh.swapaxes(-1, -2)
    pairs = _other_pairs(s)
    on_diagonal = pairs @ np.diagonal(y, 0, -2, -1)[..., None]
    moved: np.ndarray = sign * u @ (on_diagonal * np.eye(s.shape[-1], dtype=x.dtype) - pairs * y.swapaxes(-1, -2)) @ vh
    return moved.astype(x.dtype)


def _third(y: np.ndarray, w: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The third derivative, in two directions."""
    u, s, vh, sign = _singular(x)
    y, w = (u.swapaxes(-1, -2) @ v @ vh.swapaxes(-1, -2) for v in (y, w))
    n = s.shape[-1]
    total = np.zeros(x.shape, x.dtype)
    for k in range(n):
        rest = s.copy()
        rest[..., k] = 1
        pairs = _other_pairs(rest)
        pairs[..., k, :] = pairs[..., :, k] = 0
        y_k, w_k = y[..., k, k, None], w[..., k, k, None]
        on_diagonal = np.diagonal(y, 0, -2, -1) * w_k - y[..., :, k] * w[..., k, :]
        total += (pairs @ on_diagonal[..., None]) * np.eye(n, dtype=x.dtype)
        crossed = -y * w_k[..., None] + y[..., :, k, None] * w[..., None, k, :]
        crossed += -w * y_k[..., None] + w[..., :, k, None] * y[..., None, k, :]
        total += pairs * crossed.swapaxes(-1, -2)
    moved: np.ndarray = sign * u @ total @ vh
    return moved.astype(x.dtype)


def _by_inverse(x: Any, directions: tuple[Any, ...]) -> Any:
    """The derivative in some directions: from the adjugate of x + sum t_i v_i, whose product with that is the
    determinant, the coefficient of the product of all t_i."""
    y = inv(x)
    known: dict[tuple[int, ...], Any] = {(): y * scalar_per_matrix(det(x))}
    for count in range(1, len(directions) + 1):
        for chosen in itertools.combinations(range(len(directions)), count):
            parts = [(directions[i], known[tuple(j for j in chosen if j != i)]) for i in chosen]
            coefficient = trace_of_product(T(parts[0][0]), parts[0][1])
            left = identity_matrix(x._value.shape[-1], x) * scalar_per_matrix(coefficient)
            for v, adjugate in parts:
                left = left - matmul(adjugate, v)
            known[chosen] = matmul(left, y)
    return T(known[tuple(range(len(directions)))])


_COFACTORS = primitive(
    "linalg_cofactors", from_lapack("det", _cofactors),
    (lambda g, x: apply(_SECOND, (g, x)), None),
    (lambda t, x: apply(_SECOND, (t, x)), None), ("x", "known"),
    batched=unchanged,
)  # fmt: skip
_SECOND: Operation = primitive(
    "linalg_det_second", from_lapack("det", _second),
    (lambda g, x: apply(_SECOND, (g, x)), lambda g, y, x: apply(_THIRD, (g, y, x))),
    (lambda t, x: apply(_SECOND, (t, x)), lambda t, y, x: apply(_THIRD, (t, y, x))), ("y", "x"), batched=moved(),
)  # fmt: skip
_THIRD: Operation = primitive(
    "linalg_det_third", from_lapack("det", _third),
    (
        lambda g, w, x: apply(_THIRD, (g, w, x)), lambda g, y, x: apply(_THIRD, (g, y, x)),
        lambda g, y, w, x: _by_inverse(x, (g, y, w)),
    ),
    (
        lambda t, w, x: apply(_THIRD, (t, w, x)), lambda t, y, x: apply(_THIRD, (t, y, x)),
        lambda t, y, w, x: _by_inverse(x, (t, y, w)),
    ),
    ("y", "w", "x"), batched=moved(),
)  # fmt: skip


_DET = primitive(
    "linalg_det", half_kernel(lambda x, known: _kernels.determinants(known[0], known[1], 0)),
    (lambda g, x, known: scalar_per_matrix(g) * apply(_COFACTORS, (x, known)), None),
    (lambda t, x, known: trace_of_product(apply(_COFACTORS, (x, known)), t), None), ("x", "known"),
    batched=unchanged,
)  # fmt: skip


def det(x: Any) -> Tensor:
    """The determinants of square matrices.

    Parameters
    ----------
    x : tensor
        (..., n, n). The first three derivatives exist for singular matrices too; higher ones need regular matrices.

    Returns
    -------
    Tensor
        (...)

    Raises
    ------
    ValueError
        If the matrices are not square.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.linalg.det(wg.tensor([[2., 1.], [1., 3.]]))
    tensor(5.)
    """
    x = as_matrices("det", x, square=True)
    return apply(_DET, (x, factorized(x)))


class SignAndLog(NamedTuple):
    """What `slogdet` gives."""

    sign: Tensor
    logabsdet: Tensor


_LOGABSDET = primitive(
    "linalg_slogdet", half_kernel(lambda x, known: _kernels.determinants(known[0], known[1], 2)),
    (lambda g, x, known: scalar_per_matrix(g) * T(inv(x)), None),
    (lambda t, x, known: trace_of_product(T(inv(x)), t), None), ("x", "known"),
    batched=unchanged,
)  # fmt: skip


_sign_of_det = computed(
    "linalg_slogdet", half_kernel(lambda x, known: _kernels.determinants(known[0], known[1], 1)), batched=unchanged
)


def slogdet(x: Any) -> SignAndLog:
    """The signs of determinants and the logarithms of their absolute values, which neither overflow nor underflow.

    Parameters
    ----------
    x : tensor
        (..., n, n)

    Returns
    -------
    sign, logabsdet : Tensor
        Each (...). The sign is a constant, 0 for singular matrices, whose logarithm is -inf.

    Raises
    ------
    ValueError
        If the matrices are not square.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.linalg.slogdet(wg.tensor([[1., 2.], [3., 4.]]))
    SignAndLog(sign=tensor(-1.), logabsdet=tensor(0.6931))
    """
    x = as_matrices("slogdet", x, square=True)
    known = factorized(x)
    return SignAndLog(_sign_of_det(x, known), apply(_LOGABSDET, (x, known)))


def logdet(x: Any) -> Tensor:
    """The logarithms of determinants; NaN where they are negative.

    Parameters
    ----------
    x : tensor
        (..., n, n)

    Returns
    -------
    Tensor
        (...)

    Raises
    ------
    ValueError
        If the matrices are not square.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.logdet(wg.tensor([[1., 2.], [-3., 4.]]))
    tensor(2.3026)
    """
    sign, logarithm = slogdet(x)
    return where(less(sign, 0), math.nan, logarithm)


# ---------------------------------------------------------------- powers


def matrix_power(x: Any, n: int) -> Tensor:
    """The product of n copies of square matrices, by repeated squaring; for n < 0 of their inverses.

    Parameters
    ----------
    x : tensor
        (..., m, m)
    n : int

    Returns
    -------
    Tensor
        (..., m, m)

    Raises
    ------
    numpy.linalg.LinAlgError
        If n < 0 and a matrix is singular.
    ValueError
        If the matrices are not square.
    TypeError
        If x is not floating, or n not an integer.

    Examples
    --------
    >>> wg.linalg.matrix_power(wg.tensor([[1., 1.], [0., 1.]]), 5)
    tensor([[1., 5.],
            [0., 1.]])
    """
    x = as_matrices("matrix_power", x, square=True)
    try:
        left = abs(operator.index(n))
    except TypeError:
        left = None
    if left is None or isinstance(n, bool):
        raise TypeError(f"matrix_power: expected an integer power, got {n!r}")
    if not left:
        return constant(_identities, x._value.shape, x._value.dtype)
    base = x if n > 0 else inv(x)
    out = None
    while left:
        if left % 2:
            out = base if out is None else matmul(out, base)
        left //= 2
        if left:
            base = matmul(base, base)
    assert out is not None
    return clone(out) if out is x else out


def _identities(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    return np.broadcast_to(np.eye(shape[-1], dtype=dtype), shape).copy()
