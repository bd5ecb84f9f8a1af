"""Inverses, linear systems and determinants."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from .._types import Tensor
from ..core.broadcast import broadcast_shape
from ..core.define import computed, primitive
from ..core.doors import enter
from ..core.tape import apply
from .compare import less, where
from .lapack import as_matrices, by_column, from_lapack, identity_matrix, scalar_per_matrix, trace_of_product
from .products import matmul, of_one_dtype
from .shape import broadcast_to, clone, reshape
from .shape import matrix_transpose as T

__all__ = ["det", "logdet", "matrix_power", "slogdet"]

# ---------------------------------------------------------------- inverse, linear equations

_INV = primitive(
    "linalg_inv_ex", from_lapack("inv", np.linalg.inv),
    (lambda g, z: -matmul(matmul(T(z), g), T(z)),),
    (lambda t, z: -matmul(matmul(z, t), z),),
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


_SOLVE = primitive(
    "linalg_solve_ex", from_lapack("solve", np.linalg.solve),
    (lambda g, x, z: -matmul(solved(T(x), g), T(z)), lambda g, x: solved(T(x), g)),
    (lambda t, x, z: -solved(x, matmul(t, z)), lambda t, x: solved(x, t)),
)  # fmt: skip


def solved(x: Any, y: Any) -> Tensor:
    return apply(_SOLVE, (x, y))


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
    lead = broadcast_shape("solve", a[:-2], b[:-2])
    z = solved(broadcast_to(x, (*lead, *a[-2:])), broadcast_to(y, (*lead, *b[-2:])))
    return reshape(z, z._value.shape[:-1]) if vector else z


# ---------------------------------------------------------------- determinants


def _cofactors(x: np.ndarray) -> np.ndarray:
    """The matrix of cofactors, by the singular values, so that it exists for singular matrices too."""
    u, s, vh = np.linalg.svd(x)
    n = s.shape[-1]
    others = np.broadcast_to(s[..., None, :], (*s.shape, n))
    products = np.where(np.eye(n, dtype=bool), 1, others).prod(-1).astype(x.dtype)
    sign = np.linalg.det(u) * np.linalg.det(vh)
    cofactors: np.ndarray = np.sign(sign)[..., None, None] * (u * products[..., None, :]) @ vh
    return cofactors.astype(x.dtype)


_COFACTORS = primitive(
    "linalg_cofactors", from_lapack("det", _cofactors),
    (lambda g, x, z: _cofactors_pulled(g, inv(x), z),),
    (lambda t, x, z: _cofactors_pushed(t, inv(x), z),),
)  # fmt: skip


def _cofactors_pulled(g: Any, y: Any, z: Any) -> Tensor:
    return T(y) * scalar_per_matrix(trace_of_product(z, g)) - matmul(matmul(z, T(g)), T(y))


def _cofactors_pushed(t: Any, y: Any, z: Any) -> Any:
    return z * scalar_per_matrix(trace_of_product(T(y), t)) - matmul(matmul(T(y), T(t)), z)


_DET = primitive(
    "linalg_det", from_lapack("det", lambda x: np.asarray(np.linalg.det(x))),
    (lambda g, x: scalar_per_matrix(g) * apply(_COFACTORS, (x,)),),
    (lambda t, x: trace_of_product(apply(_COFACTORS, (x,)), t),),
)  # fmt: skip


def det(x: Any) -> Tensor:
    """The determinants of square matrices.

    Parameters
    ----------
    x : tensor
        (..., n, n). The gradient, the matrix of cofactors, exists for singular matrices too; higher derivatives need
        regular ones.

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
    >>> wg.linalg.det(wg.tensor([[1., 2.], [3., 4.]]))
    tensor(-2.)
    """
    return apply(_DET, (as_matrices("det", x, square=True),))


class SignAndLog(NamedTuple):
    """What `slogdet` gives."""

    sign: Tensor
    logabsdet: Tensor


_LOGABSDET = primitive(
    "linalg_slogdet", from_lapack("slogdet", lambda x: np.asarray(np.linalg.slogdet(x)[1])),
    (lambda g, x: scalar_per_matrix(g) * T(inv(x)),),
    (lambda t, x: trace_of_product(T(inv(x)), t),),
)  # fmt: skip


_sign_of_det = computed("linalg_slogdet", from_lapack("slogdet", lambda x: np.asarray(np.linalg.slogdet(x)[0])))


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
    return SignAndLog(_sign_of_det(x), apply(_LOGABSDET, (x,)))


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


# ---------------------------------------------------------------- Cholesky


def between_inverses(z: Any, x: Any) -> Tensor:
    """inv(z) @ x @ inv(z).T"""
    return solved(z, T(solved(z, T(x))))


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
        If x is not floating.

    Examples
    --------
    >>> wg.linalg.matrix_power(wg.tensor([[1., 1.], [0., 1.]]), 5)
    tensor([[1., 5.],
            [0., 1.]])
    """
    x = as_matrices("matrix_power", x, square=True)
    base = x if n >= 0 else inv(x)
    n = n if n >= 0 else -n
    out = None
    while n:
        if n % 2:
            out = base if out is None else matmul(out, base)
        n //= 2
        if n:
            base = matmul(base, base)
    if out is None:
        return broadcast_to(identity_matrix(x._value.shape[-1], x), x._value.shape)
    return clone(x) if out is x else out
