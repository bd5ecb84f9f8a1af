"""Determinants, inverses, linear equations and factorizations: LAPACK through NumPy, of one matrix or of stacks of
them.

An operation with several results is one operation per result over one factorization: `known`, which the first of them
computes and the others, and the rules, find. So each result has rules of its own, and a derivative of the singular
values does not meet the poles that a derivative of the singular vectors has.

The rules are those of M. Giles, "An extended collection of matrix derivative results for forward and reverse mode
algorithmic differentiation" (2008), unless another source is named. I is the identity, o the product item by item.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .._types import Tensor
from ..core import dtypes
from ..core.broadcast import broadcast_shape
from ..core.define import primitive
from ..core.doors import enter
from ..core.tape import Operation, apply
from ..core.variable import wrap
from .elementwise import where
from .index import index
from .linalg import _one_dtype, matmul
from .reduce import sum
from .shape import broadcast_to, cat, reshape
from .shape import matrix_transpose as T

LinAlgError = np.linalg.LinAlgError


# ---------------------------------------------------------------- operands


def _matrices(name: str, x: Any, square: bool = False) -> Any:
    """x as a floating tensor of matrices."""
    x = enter(x)
    shape = x._value.shape
    if x._value.dtype.kind != "f":
        raise TypeError(f"{name}: expected a floating tensor, got {x._value.dtype}; convert it, as in x.double()")
    if len(shape) < 2 or (square and shape[-1] != shape[-2]):
        wanted = "square matrices (..., n, n)" if square else "matrices (..., m, n)"
        raise ValueError(f"{name}: expected {wanted}, got shape {shape}")
    return x


def _lapack(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A NumPy function as a kernel: float16 is computed in float32, and failures say what failed."""

    def kernel(*arrays: np.ndarray, **static: Any) -> Any:
        half = arrays[0].dtype == dtypes.float16
        given = [a.astype(np.float32) for a in arrays] if half else arrays
        try:
            with np.errstate(all="ignore"):  # infinities and NaN come without a warning
                out = function(*given, **static)
        except LinAlgError as error:
            raise LinAlgError(f"{name}: {error} (of shape {arrays[0].shape})") from None
        if not half:
            return out
        if isinstance(out, tuple):
            return tuple(dtypes.convert(part, dtypes.float16) for part in out)
        return dtypes.convert(out, dtypes.float16)

    return kernel


def _symmetric(name: str, x: np.ndarray) -> np.ndarray:
    """The symmetric part of x, which must be most of it."""
    part: np.ndarray = (x + x.swapaxes(-1, -2)) / 2
    if x.size and not np.abs(x - part).max() <= np.sqrt(np.finfo(x.dtype).eps) * np.abs(x).max():
        if np.isnan(x).any():
            return part
        raise ValueError(f"{name}: expected symmetric matrices; symmetrize with (x + x.mT) / 2 if that is meant")
    return part


def _identity(n: int, like: Any) -> Tensor:
    return wrap(np.eye(n, dtype=like._value.dtype))


def _lower(x: Any, k: int = 0) -> Tensor:
    """The items on and below diagonal k, zeros above."""
    rows, columns = x._value.shape[-2:]
    mask = wrap(np.tri(rows, columns, k, dtype=np.bool_))
    return where(mask, x, 0.0)


def _half_lower(x: Any) -> Tensor:
    """The lower triangle with the diagonal halved."""
    return (_lower(x) + _lower(x, -1)) * 0.5


def _symmetrized(x: Any) -> Any:
    return (x + T(x)) * 0.5


def _rows(x: Any) -> Tensor:
    """A vector as a row: scales the columns of what it is multiplied with."""
    return reshape(x, (*x._value.shape[:-1], 1, x._value.shape[-1]))


def _column(x: Any) -> Tensor:
    return reshape(x, (*x._value.shape, 1))


def _scalar_per_matrix(x: Any) -> Tensor:
    return reshape(x, (*x._value.shape, 1, 1))


def _trace_of_product(x: Any, y: Any) -> Any:
    """The trace of x.T @ y, per matrix."""
    return sum(x * y, (-2, -1))


def _diagonal(x: Any) -> Tensor:
    n = np.arange(min(x._value.shape[-2:]))
    return index(x, (..., n, n))


# ---------------------------------------------------------------- inverse, linear equations

_INV = primitive(
    "linalg_inv_ex", _lapack("inv", np.linalg.inv),
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
    return apply(_INV, (_matrices("inv", x, square=True),))


_SOLVE = primitive(
    "linalg_solve_ex", _lapack("solve", np.linalg.solve),
    (lambda g, x, z: -matmul(_solve(T(x), g), T(z)), lambda g, x: _solve(T(x), g)),
    (lambda t, x, z: -_solve(x, matmul(t, z)), lambda t, x: _solve(x, t)),
)  # fmt: skip


def _solve(x: Any, y: Any) -> Tensor:
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
    x, y = _matrices("solve", x, square=True), enter(y)
    x, y = _one_dtype(x, y)
    a, b = x._value.shape, y._value.shape
    vector = len(b) == 1 or (len(b) == len(a) - 1 and b == a[:-1])
    if vector:
        y = _column(y)
        b = y._value.shape
    if len(b) < 2 or b[-2] != a[-1]:
        wanted = f"(..., {a[-1]}, k) or (..., {a[-1]})"
        raise ValueError(f"solve: expected right-hand sides {wanted} for matrices {a}, got {b}")
    lead = broadcast_shape("solve", a[:-2], b[:-2])
    z = _solve(broadcast_to(x, (*lead, *a[-2:])), broadcast_to(y, (*lead, *b[-2:])))
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
    "linalg_cofactors", _lapack("det", _cofactors),
    (lambda g, x, z: _cofactors_pulled(g, inv(x), z),),
    (lambda t, x, z: _cofactors_pushed(t, inv(x), z),),
)  # fmt: skip


def _cofactors_pulled(g: Any, y: Any, z: Any) -> Tensor:
    return T(y) * _scalar_per_matrix(_trace_of_product(z, g)) - matmul(matmul(z, T(g)), T(y))


def _cofactors_pushed(t: Any, y: Any, z: Any) -> Any:
    return z * _scalar_per_matrix(_trace_of_product(T(y), t)) - matmul(matmul(T(y), T(t)), z)


_DET = primitive(
    "linalg_det", _lapack("det", lambda x: np.asarray(np.linalg.det(x))),
    (lambda g, x: _scalar_per_matrix(g) * apply(_COFACTORS, (x,)),),
    (lambda t, x: _trace_of_product(apply(_COFACTORS, (x,)), t),),
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
    return apply(_DET, (_matrices("det", x, square=True),))


class SignAndLog(NamedTuple):
    """What `slogdet` gives."""

    sign: Tensor
    logabsdet: Tensor


_LOGABSDET = primitive(
    "linalg_slogdet", _lapack("slogdet", lambda x: np.asarray(np.linalg.slogdet(x)[1])),
    (lambda g, x: _scalar_per_matrix(g) * T(inv(x)),),
    (lambda t, x: _trace_of_product(T(inv(x)), t),),
)  # fmt: skip


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
    x = _matrices("slogdet", x, square=True)
    sign = _lapack("slogdet", lambda x: np.asarray(np.linalg.slogdet(x)[0]))(x._value)
    return SignAndLog(wrap(sign), apply(_LOGABSDET, (x,)))


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
    return where(wrap(sign._value < 0), float("nan"), logarithm)


# ---------------------------------------------------------------- Cholesky


def _between_inverses(z: Any, x: Any) -> Tensor:
    """inv(z) @ x @ inv(z).T"""
    return _solve(z, T(_solve(z, T(x))))


# I. Murray, "Differentiation of the Cholesky decomposition", 2016.
_CHOLESKY = primitive(
    "linalg_cholesky_ex", _lapack("cholesky", lambda x: np.linalg.cholesky(_symmetric("cholesky", x))),
    (lambda g, z: _symmetrized(_between_inverses(T(z), _half_lower(matmul(T(z), g)))),),
    (lambda t, z: matmul(z, _half_lower(_between_inverses(z, _symmetrized(t)))),),
)  # fmt: skip


def cholesky(x: Any) -> Tensor:
    """The lower triangular z with positive diagonal for which z @ z.mT is x.

    Parameters
    ----------
    x : tensor
        (..., n, n), symmetric and positive definite. The gradient is symmetric too.

    Returns
    -------
    Tensor
        (..., n, n)

    Raises
    ------
    numpy.linalg.LinAlgError
        If a matrix is not positive definite.
    ValueError
        If the matrices are not square or not symmetric.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.linalg.cholesky(wg.tensor([[4., 2.], [2., 5.]]))
    tensor([[2., 0.],
            [1., 2.]])
    """
    return apply(_CHOLESKY, (_matrices("cholesky", x, square=True),))


# ---------------------------------------------------------------- factorizations of several parts


class _Parts:
    """The operations that give the parts of a factorization, which is computed once for each matrix."""

    def __init__(self, name: str, factorize: Callable[[np.ndarray], tuple[np.ndarray, ...]]) -> None:
        self._name = name
        self._factorize = _lapack(name.removeprefix("linalg_"), factorize)
        self._operations: list[Operation] = []

    def part(self, vjp: Callable[..., Any], jvp: Callable[..., Any]) -> None:
        """Add the operation for the next part, by rules that take the parts, differentiable, for the argument
        `parts`."""
        k = len(self._operations)

        def kernel(x: np.ndarray, known: list[tuple[np.ndarray, ...]]) -> np.ndarray:
            if not known:
                known.append(self._factorize(x))
            return known[0][k].copy()  # what is known must stay so when a result is changed in place

        self._operations.append(
            primitive(
                self._name, kernel, (lambda g, x, known: vjp(g, *self.of(x, known)),),
                (lambda t, x, known: jvp(t, *self.of(x, known)),),
            )
        )  # fmt: skip

    def of(self, x: Any, known: list[Any] | None = None) -> tuple[Any, ...]:
        """All parts of x."""
        static = {"known": [] if known is None else known}
        return tuple(apply(operation, (x,), static) for operation in self._operations)


def _gaps(values: Any) -> Tensor:
    """1 / (v_j - v_i), and 0 on the diagonal."""
    same = wrap(np.eye(values._value.shape[-1], dtype=bool))
    return where(same, 0.0, 1.0 / where(same, 1.0, _rows(values) - _column(values)))


class Eigh(NamedTuple):
    """What `eigh` gives."""

    eigenvalues: Tensor
    eigenvectors: Tensor


_EIGH = _Parts("linalg_eigh", lambda x: tuple(np.linalg.eigh(_symmetric("eigh", x))))
_EIGH.part(
    lambda g, w, v: matmul(v * _rows(g), T(v)),
    lambda t, w, v: _diagonal(matmul(matmul(T(v), _symmetrized(t)), v)),
)  # fmt: skip
_EIGH.part(
    lambda g, w, v: _symmetrized(matmul(matmul(v, _gaps(w) * matmul(T(v), g)), T(v))),
    lambda t, w, v: matmul(v, _gaps(w) * matmul(matmul(T(v), _symmetrized(t)), v)),
)  # fmt: skip


def eigh(x: Any) -> Eigh:
    """The eigenvalues, in ascending order, and the eigenvectors of symmetric matrices.

    Parameters
    ----------
    x : tensor
        (..., n, n), symmetric. The gradient is symmetric too.

    Returns
    -------
    eigenvalues : Tensor
        (..., n)
    eigenvectors : Tensor
        (..., n, n), as columns, orthonormal; each is determined up to its sign. They have no derivative where
        eigenvalues are equal, nor is it meaningful for a function that depends on the signs.

    Raises
    ------
    ValueError
        If the matrices are not square or not symmetric.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.linalg.eigh(wg.tensor([[2., 1.], [1., 2.]])).eigenvalues
    tensor([1., 3.])
    """
    return Eigh(*_EIGH.of(_matrices("eigh", x, square=True)))


def eigvalsh(x: Any) -> Tensor:
    """The eigenvalues of symmetric matrices in ascending order.

    Parameters
    ----------
    x : tensor
        (..., n, n), symmetric.

    Returns
    -------
    Tensor
        (..., n)

    Raises
    ------
    ValueError
        If the matrices are not square or not symmetric.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.linalg.eigvalsh(wg.tensor([[2., 1.], [1., 2.]]))
    tensor([1., 3.])
    """
    return eigh(x).eigenvalues


class SVD(NamedTuple):
    """What `svd` gives."""

    U: Tensor
    S: Tensor
    Vh: Tensor


def _beyond(u: Any, x: Any) -> Any:
    """The part of x outside the span of u's columns."""
    return x - matmul(u, matmul(T(u), x))


def _pull_u(g: Any, u: Any, s: Any, vh: Any) -> Tensor:
    inside = matmul(T(u), g)
    inner = matmul(u, _gaps(s * s) * (inside - T(inside)) * _rows(s))
    return matmul(inner + _beyond(u, g) / _rows(s), vh)


def _push_u(t: Any, u: Any, s: Any, vh: Any) -> Any:
    moved = matmul(t, T(vh))
    inside = matmul(T(u), moved)
    return matmul(u, _gaps(s * s) * (inside * _rows(s) + _column(s) * T(inside))) + _beyond(u, moved) / _rows(s)


# J. Townsend, "Differentiating the singular value decomposition", 2016. The rules of Vh are those of U for the
# transpose.
_SVD = _Parts("linalg_svd", lambda x: tuple(np.linalg.svd(x, full_matrices=False)))
_SVD.part(_pull_u, _push_u)
_SVD.part(
    lambda g, u, s, vh: matmul(u * _rows(g), vh),
    lambda t, u, s, vh: _diagonal(matmul(matmul(T(u), t), T(vh))),
)  # fmt: skip
_SVD.part(
    lambda g, u, s, vh: T(_pull_u(T(g), T(vh), s, T(u))),
    lambda t, u, s, vh: T(_push_u(T(t), T(vh), s, T(u))),
)  # fmt: skip


def _undetermined(name: str, x: Any, factorize: Callable[[np.ndarray], np.ndarray]) -> Tensor:
    """A part of a factorization that x does not determine: it has no rules, and says so when one is asked for."""
    return apply(primitive(name, _lapack(name, factorize), (None,), (None,)), (x,))


def svd(x: Any, full_matrices: bool = True) -> SVD:
    """The singular value decomposition x = U @ diag(S) @ Vh.

    Parameters
    ----------
    x : tensor
        (..., m, n)
    full_matrices : bool
        Give bases of the whole spaces, U (..., m, m) and Vh (..., n, n). They are not determined by x, and so without
        derivative, unless m = n.

    Returns
    -------
    U : Tensor
        (..., m, k) with k = min(m, n), its columns orthonormal.
    S : Tensor
        (..., k), not negative, in descending order.
    Vh : Tensor
        (..., k, n), its rows orthonormal. Pairs of singular vectors are determined up to their sign; they have no
        derivative where singular values are equal, or zero.

    Raises
    ------
    numpy.linalg.LinAlgError
        If it does not converge.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.linalg.svd(wg.tensor([[3., 0.], [0., 4.]])).S
    tensor([4., 3.])
    """
    x = _matrices("svd", x)
    u, s, vh = _SVD.of(x)
    m, n = x._value.shape[-2:]
    if full_matrices and m > n:
        u = _undetermined("U of svd with full_matrices", x, lambda x: np.linalg.svd(x).U)
    if full_matrices and m < n:
        vh = _undetermined("Vh of svd with full_matrices", x, lambda x: np.linalg.svd(x).Vh)
    return SVD(u, s, vh)


def svdvals(x: Any) -> Tensor:
    """The singular values in descending order.

    Parameters
    ----------
    x : tensor
        (..., m, n)

    Returns
    -------
    Tensor
        (..., min(m, n))

    Raises
    ------
    numpy.linalg.LinAlgError
        If it does not converge.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.linalg.svdvals(wg.tensor([[3., 0.], [0., 4.]]))
    tensor([4., 3.])
    """
    return svd(x, full_matrices=False).S


class QR(NamedTuple):
    """What `qr` gives."""

    Q: Tensor
    R: Tensor


def _mirrored(x: Any) -> Tensor:
    """The symmetric matrix with the lower triangle of x."""
    below = _lower(x, -1)
    return _lower(x) + T(below)


def _over_r(x: Any, r: Any) -> Tensor:
    """x @ inv(r)"""
    return T(_solve(T(r), T(x)))


def _over_r_transposed(x: Any, r: Any) -> Tensor:
    """x @ inv(r.mT)"""
    return T(_solve(r, T(x)))


def _turn(t: Any, q: Any, r: Any) -> tuple[Any, Any]:
    """Q.T @ t @ inv(R), and the antisymmetric matrix by which Q turns within its span."""
    inside = matmul(T(q), _over_r(t, r))
    below = _lower(inside, -1)
    return inside, below - T(below)


def _push_q(t: Any, q: Any, r: Any) -> Any:
    return matmul(q, _turn(t, q, r)[1]) + _beyond(q, _over_r(t, r))


def _push_r(t: Any, q: Any, r: Any) -> Tensor:
    inside, turn = _turn(t, q, r)
    return matmul(inside - turn, r)


# S. Walter and L. Lehmann, "Algorithmic differentiation of linear algebra functions", 2010.
_QR = _Parts("linalg_qr", lambda x: tuple(np.linalg.qr(x)))
_QR.part(lambda g, q, r: _over_r_transposed(g - matmul(q, _mirrored(matmul(T(g), q))), r), _push_q)
_QR.part(lambda g, q, r: _over_r_transposed(matmul(q, _mirrored(matmul(r, T(g)))), r), _push_r)


def qr(x: Any, mode: str = "reduced") -> QR:
    """The factorization x = Q @ R with orthonormal columns of Q and upper triangular R.

    Parameters
    ----------
    x : tensor
        (..., m, n); derivatives need the first min(m, n) columns to be independent.
    mode : {"reduced", "complete", "r"}
        "reduced": k = min(m, n). "complete": k = m; not determined by x, and so without derivative, if m > n. "r": Q is
        empty.

    Returns
    -------
    Q : Tensor
        (..., m, k)
    R : Tensor
        (..., k, n)

    Raises
    ------
    ValueError
        If the mode is none of these.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.abs(wg.linalg.qr(wg.tensor([[3., 1.], [4., 2.]])).R)
    tensor([[5.0000, 2.2000],
            [0.0000, 0.4000]])
    """
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f'qr: expected mode "reduced", "complete" or "r", got {mode!r}')
    x = _matrices("qr", x)
    m, n = x._value.shape[-2:]
    if mode == "complete" and m > n:
        q = _undetermined("Q of qr in mode complete", x, lambda x: np.linalg.qr(x, mode="complete").Q)
        return QR(q, cat([_QR.of(x)[1], wrap(np.zeros((*x._value.shape[:-2], m - n, n), x._value.dtype))], -2))
    q, r = _QR.of(x if m >= n else index(x, (..., slice(0, m))))
    if m < n:
        r = cat([r, matmul(T(q), index(x, (..., slice(m, n))))], -1)
    if mode == "r":
        q = wrap(np.empty(0, x._value.dtype))
    return QR(q, r)


# ---------------------------------------------------------------- least squares


def _pulled_through_pinv(g: Any, x: Any, z: Any) -> Tensor:
    gt, zt = T(g), T(z)
    outside_rows = gt - matmul(x, matmul(z, gt))
    outside_columns = gt - matmul(matmul(gt, z), x)
    return matmul(outside_rows, matmul(z, zt)) + matmul(matmul(zt, z), outside_columns) - matmul(matmul(zt, g), zt)


def _pushed_through_pinv(t: Any, x: Any, z: Any) -> Tensor:
    tt, zt = T(t), T(z)
    outside_rows = tt - matmul(matmul(tt, x), z)
    outside_columns = tt - matmul(z, matmul(x, tt))
    return matmul(matmul(z, zt), outside_rows) + matmul(outside_columns, matmul(zt, z)) - matmul(matmul(z, t), z)


def _pinv(x: np.ndarray, rtol: float) -> np.ndarray:
    return np.linalg.pinv(x, rcond=rtol)


# G. Golub and V. Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems whose variables
# separate", 1973: while the rank does not change.
_PINV = primitive("linalg_pinv", _lapack("pinv", _pinv), (_pulled_through_pinv,), (_pushed_through_pinv,))


def _tolerance(x: Any, rtol: float | None) -> float:
    dtype = x._value.dtype if x._value.dtype != dtypes.float16 else dtypes.float32
    return float(np.finfo(dtype).eps) * max(x._value.shape[-2:]) if rtol is None else rtol


def pinv(x: Any, rtol: float | None = None) -> Tensor:
    """The pseudo-inverse of Moore and Penrose.

    Parameters
    ----------
    x : tensor
        (..., m, n). Derivatives are those among matrices of the same rank.
    rtol : float or None
        Singular values up to this fraction of the largest count as zero; None: max(m, n) times the dtype's precision.

    Returns
    -------
    Tensor
        (..., n, m)

    Raises
    ------
    numpy.linalg.LinAlgError
        If the singular values do not converge.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.linalg.pinv(wg.tensor([[2., 0.], [0., 4.], [0., 0.]]))
    tensor([[0.5000, 0.0000, 0.0000],
            [0.0000, 0.2500, 0.0000]])
    """
    x = _matrices("pinv", x)
    return apply(_PINV, (x,), {"rtol": _tolerance(x, rtol)})


class LeastSquares(NamedTuple):
    """What `lstsq` gives."""

    solution: Any
    residuals: Any
    rank: Any
    singular_values: Any


def lstsq(x: Any, y: Any, rcond: float | None = None) -> LeastSquares:
    """The z that makes the norm of x @ z - y least; of several the smallest.

    Parameters
    ----------
    x : tensor
        (..., m, n)
    y : tensor
        (..., m, k), or a vector (m,).
    rcond : float or None
        Singular values up to this fraction of the largest count as zero; None: max(m, n) times the dtype's precision.

    Returns
    -------
    solution : Tensor
        (..., n, k), or (n,). Differentiable, among matrices x of the same rank.
    residuals : Tensor
        (..., k): the squared norms of x @ z - y, if m > n and every x has rank n; else empty.
    rank : Tensor of int64
        (...)
    singular_values : Tensor
        (..., min(m, n)), constants.

    Raises
    ------
    ValueError
        If y does not fit.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> line = wg.linalg.lstsq(wg.tensor([[1., 0.], [1., 1.], [1., 2.]]), wg.tensor([1., 3., 5.])).solution
    >>> [round(c, 3) for c in line.tolist()]
    [1.0, 2.0]
    """
    x, y = _matrices("lstsq", x), enter(y)
    x, y = _one_dtype(x, y)
    m, n = x._value.shape[-2:]
    vector = y._value.ndim == 1
    if vector:
        y = _column(y)
    if y._value.ndim < 2 or y._value.shape[-2] != m:
        wanted = f"(..., {m}, k) or ({m},)"
        raise ValueError(
            f"lstsq: expected right-hand sides {wanted} for matrices {x._value.shape}, got {y._value.shape}"
        )
    z = matmul(pinv(x, rcond), y)
    values = wrap(svdvals(x.detach())._value)
    rank = matrix_rank(x, rcond)
    residuals = wrap(np.empty(0, x._value.dtype))
    if m > n and (rank._value == n).all():
        error = matmul(x, z) - y
        residuals = sum(error * error, -2)
    return LeastSquares(reshape(z, (n,)) if vector else z, residuals, rank, values)


def matrix_rank(x: Any, rtol: float | None = None) -> Tensor:
    """The number of singular values above a tolerance.

    Parameters
    ----------
    x : tensor
        (..., m, n)
    rtol : float or None
        Relative to the largest singular value; None: max(m, n) times the dtype's precision.

    Returns
    -------
    Tensor of int64
        (...)

    Raises
    ------
    numpy.linalg.LinAlgError
        If the singular values do not converge.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.linalg.matrix_rank(wg.ones(3, 3))
    tensor(1)
    """
    x = _matrices("matrix_rank", x)
    values = svdvals(x.detach())._value
    limit = values.max(-1, initial=0, keepdims=True) * _tolerance(x, rtol)
    return wrap(np.asarray((values > limit).sum(-1), np.int64))


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
    x = _matrices("matrix_power", x, square=True)
    base = x if n >= 0 else inv(x)
    n = n if n >= 0 else -n
    out = None
    while n:
        if n % 2:
            out = base if out is None else matmul(out, base)
        n //= 2
        if n:
            base = matmul(base, base)
    return broadcast_to(_identity(x._value.shape[-1], x), x._value.shape) if out is None else out
