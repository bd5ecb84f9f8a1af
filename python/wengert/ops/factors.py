"""Matrices as products: Cholesky's, of eigenvectors, of singular vectors, QR."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core.batching import leading, unchanged
from ..core.define import computed, primitive
from ..core.doors import constant
from ..core.half import half_kernel
from ..core.modes import mode
from ..core.named import NamedTuple
from ..core.tape import Operation, apply
from .compare import where
from .elimination import solved
from .index import pick
from .join import cat
from .lapack import LinAlgError, as_matrices, by_column, by_rows, diagonal_of, from_lapack, in_precision
from .products import matmul
from .shape import matrix_transpose as T
from .triangular import between_inverses, half_lower


def _lower(x: Any, k: int = 0) -> Tensor:
    """The items on and below diagonal k, zeros above."""
    rows, columns = x._value.shape[-2:]
    return where(constant(np.tri, rows, columns, k, np.bool_), x, 0.0)


def symmetrized(x: Any) -> Any:
    """Half the sum of x and its transpose."""
    return (x + T(x)) * 0.5


_LEAF = 128  # rows up to which kernels factorize, and beyond which LAPACK does, in float64


def _large_cholesky(x: np.ndarray) -> np.ndarray:
    z = np.linalg.cholesky(x)
    if np.isnan(z[..., -1, -1]).any():  # which it reaches from wherever it was, and which LAPACK passes on
        raise LinAlgError("Matrix is not positive definite, but has NaN")
    return z


_by_lapack = from_lapack("cholesky", _large_cholesky)


def _cholesky(x: np.ndarray) -> np.ndarray:
    if x.shape[-1] > _LEAF:
        large: np.ndarray = _by_lapack(x)
        return large
    z, minor = _kernels.cholesky(x)
    if minor:
        raise LinAlgError(
            f"cholesky: Matrix is not positive definite, as its minor of order {minor} is not (of shape {x.shape})"
        )
    return z


# I. Murray, "Differentiation of the Cholesky decomposition", 2016.
_CHOLESKY = primitive(
    "linalg_cholesky_ex", half_kernel(_cholesky),
    (lambda g, z: symmetrized(between_inverses(z, half_lower(matmul(T(z), g)), transposed=True)),),
    (lambda t, z: matmul(z, half_lower(between_inverses(z, symmetrized(t)))),),
    batched=leading,
)  # fmt: skip


def cholesky(x: Any, *, upper: bool = False) -> Tensor:
    """The lower triangular z with positive diagonal for which z @ z.mT is x.

    Parameters
    ----------
    x : tensor
        (..., n, n), symmetric and positive definite: only the lower triangle is read. The gradient is symmetric, that
        of a function of symmetric matrices.
    upper : bool
        Give z.mT instead, and read the upper triangle.

    Returns
    -------
    Tensor
        (..., n, n)

    Raises
    ------
    numpy.linalg.LinAlgError
        If a matrix is not positive definite.
    ValueError
        If the matrices are not square.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.linalg.cholesky(wg.tensor([[4., 2.], [2., 5.]]))
    tensor([[2., 0.],
            [1., 2.]])
    """
    x = as_matrices("cholesky", x, square=True)
    return T(apply(_CHOLESKY, (T(x),))) if upper else apply(_CHOLESKY, (x,))


# ---------------------------------------------------------------- factorizations of several parts


class _Parts:
    """The operations that give the parts of a factorization, which is computed once for each matrix.

    The factorization itself is without derivative: it gives all parts as constants. The operation for a part picks its
    own of them. It is also told the matrix, which cotangents flow to, and all parts, which its rules are made of.
    """

    def __init__(self, name: str, factorize: Callable[[np.ndarray], tuple[np.ndarray, ...]]) -> None:
        self._name = name
        self._factorize = computed(name, factorize, batched=leading)
        self._operations: list[Operation] = []

    def part(self, vjp: Callable[..., Any], jvp: Callable[..., Any]) -> None:
        """Add the operation for the next part, by rules of g or t and of all parts, which are differentiable."""
        k = len(self._operations)
        operation = primitive(
            self._name, lambda x, known: known[k].copy(),  # what is known stays so when a result is changed in place
            (lambda g, x, known: vjp(g, *self._parts(x, known)), None),
            (lambda t, x, known: jvp(t, *self._parts(x, known)), None), ("x", "known"), batched=unchanged,
        )  # fmt: skip
        self._operations.append(operation)

    def of(self, x: Any) -> tuple[Any, ...]:
        """All parts of x."""
        return self._parts(x, self._factorize(x))

    def _parts(self, x: Any, known: Any) -> tuple[Any, ...]:
        return tuple([apply(operation, (x, known)) for operation in self._operations])


def _gaps(values: Any) -> Tensor:
    """1 / (v_j - v_i), and 0 on the diagonal."""
    same = constant(np.eye, values._value.shape[-1], None, 0, np.bool_)
    return where(same, 0.0, 1.0 / where(same, 1.0, by_rows(values) - by_column(values)))


class Eigh(NamedTuple):
    """What `eigh` gives."""

    eigenvalues: Tensor
    eigenvectors: Tensor


_EIGH = _Parts("linalg_eigh", in_precision("eigh", "eigh_lo", lambda x: tuple(np.linalg.eigh(x))))


_EIGH.part(
    lambda g, w, v: matmul(v * by_rows(g), T(v)),
    lambda t, w, v: diagonal_of(matmul(matmul(T(v), symmetrized(t)), v)),
)  # fmt: skip


_EIGH.part(
    lambda g, w, v: symmetrized(matmul(matmul(v, _gaps(w) * matmul(T(v), g)), T(v))),
    lambda t, w, v: matmul(v, _gaps(w) * matmul(matmul(T(v), symmetrized(t)), v)),
)  # fmt: skip


def eigh(x: Any, UPLO: str = "L") -> Eigh:
    """The eigenvalues, in ascending order, and the eigenvectors of symmetric matrices.

    Parameters
    ----------
    x : tensor
        (..., n, n), symmetric: only one triangle is read. The gradient is symmetric, that of a function of symmetric
        matrices.
    UPLO : {"L", "U"}
        Which triangle: the lower or the upper.

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
        If the matrices are not square, or UPLO is neither.
    numpy.linalg.LinAlgError
        If it does not converge.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.linalg.eigh(wg.tensor([[2., 1.], [1., 2.]])).eigenvalues
    tensor([1., 3.])
    """
    x = as_matrices("eigh", x, square=True)
    if not isinstance(UPLO, str) or UPLO.upper() not in ("L", "U"):
        raise ValueError(f'eigh: expected UPLO "L" or "U", got {UPLO!r}')
    return Eigh(*_EIGH.of(x if UPLO.upper() == "L" else T(x)))


# Without the vectors, which only a derivative asks for.
_EIGENVALUES = computed("linalg_eigh", in_precision("eigh", "eigvalsh_lo", np.linalg.eigvalsh), batched=leading)


def eigvalsh(x: Any, UPLO: str = "L") -> Tensor:
    """The eigenvalues of symmetric matrices in ascending order.

    Parameters
    ----------
    x : tensor
        (..., n, n), symmetric: only one triangle is read.
    UPLO : {"L", "U"}
        Which triangle: the lower or the upper.

    Returns
    -------
    Tensor
        (..., n)

    Raises
    ------
    ValueError
        If the matrices are not square, or UPLO is neither.
    numpy.linalg.LinAlgError
        If it does not converge.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.linalg.eigvalsh(wg.tensor([[2., 1.], [1., 2.]]))
    tensor([1., 3.])
    """
    x = as_matrices("eigvalsh", x, square=True)
    if (x.requires_grad and mode.recording) or UPLO not in ("L", "U"):
        return eigh(x, UPLO).eigenvalues
    return _EIGENVALUES(x if UPLO == "L" else T(x))


class SVD(NamedTuple):
    """What `svd` gives."""

    U: Tensor
    S: Tensor
    Vh: Tensor


def _beyond(u: Any, x: Any) -> Any:
    """The part of x outside the span of u's columns."""
    return x - matmul(u, matmul(T(u), x))


def _beyond_over(u: Any, x: Any, s: Any) -> Any:
    """The part of x outside the span of u's columns, divided by s. The columns of a square u leave nothing outside:
    what rounding leaves must not be divided by an s of 0."""
    rows, columns = u._value.shape[-2:]
    return _beyond(u, x) / by_rows(s) if rows > columns else 0.0


def _square_gaps(s: Any) -> Any:
    """1 / (s_j^2 - s_i^2), and 0 on the diagonal, without the cancellation of squares."""
    same = constant(np.eye, s._value.shape[-1], None, 0, np.bool_)
    return _gaps(s) / where(same, 1.0, by_rows(s) + by_column(s))


def _pull_u(g: Any, u: Any, s: Any, vh: Any) -> Tensor:
    inside = matmul(T(u), g)
    inner = matmul(u, _square_gaps(s) * (inside - T(inside)) * by_rows(s))
    return matmul(inner + _beyond_over(u, g, s), vh)


def _push_u(t: Any, u: Any, s: Any, vh: Any) -> Any:
    moved = matmul(t, T(vh))
    inside = matmul(T(u), moved)
    turn = _square_gaps(s) * (inside * by_rows(s) + by_column(s) * T(inside))
    return matmul(u, turn) + _beyond_over(u, moved, s)


# J. Townsend, "Differentiating the singular value decomposition", 2016. The rules of Vh are those of U for the
# transpose.
_SVD = _Parts(
    "linalg_svd", in_precision("svd", "svd_s", lambda x: tuple(np.linalg.svd(x, full_matrices=False)))
)


_SVD.part(_pull_u, _push_u)


_SVD.part(
    lambda g, u, s, vh: matmul(u * by_rows(g), vh),
    lambda t, u, s, vh: diagonal_of(matmul(matmul(T(u), t), T(vh))),
)  # fmt: skip


_SVD.part(
    lambda g, u, s, vh: T(_pull_u(T(g), T(vh), s, T(u))),
    lambda t, u, s, vh: T(_push_u(T(t), T(vh), s, T(u))),
)  # fmt: skip


def _undetermined(name: str, factorize: Callable[[np.ndarray], np.ndarray]) -> Operation:
    """A part of a factorization that x does not determine: it has no rules, and says so when one is asked for."""
    return primitive(name, from_lapack(name, factorize), (None,), (None,), batched=leading)


_WHOLE_U = _undetermined("U of svd with full_matrices", lambda x: np.linalg.svd(x).U)
_WHOLE_VH = _undetermined("Vh of svd with full_matrices", lambda x: np.linalg.svd(x).Vh)


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
        derivative where singular values are equal, nor where one is zero unless the matrix is square.

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
    x = as_matrices("svd", x)
    u, s, vh = _SVD.of(x)
    m, n = x._value.shape[-2:]
    if full_matrices and m > n:
        u = apply(_WHOLE_U, (x,))
    if full_matrices and m < n:
        vh = apply(_WHOLE_VH, (x,))
    return SVD(u, s, vh)


_SINGULAR_VALUES = computed(
    "linalg_svd", in_precision("svd", "svd", lambda x: np.linalg.svd(x, compute_uv=False)), batched=leading
)


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
    x = as_matrices("svdvals", x)
    if x.requires_grad and mode.recording:
        return svd(x, full_matrices=False).S
    return _SINGULAR_VALUES(x)


class QR(NamedTuple):
    """What `qr` gives."""

    Q: Tensor
    R: Tensor


def mirrored(x: Any) -> Tensor:
    """The symmetric matrix with the lower triangle of x."""
    below = _lower(x, -1)
    return _lower(x) + T(below)


def _over_r(x: Any, r: Any) -> Tensor:
    """x @ inv(r)"""
    return T(solved(T(r), T(x)))


def _over_r_transposed(x: Any, r: Any) -> Tensor:
    """x @ inv(r.mT)"""
    return T(solved(r, T(x)))


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
def _reduced(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    m, n = x.shape[-2:]
    if m * n > _LEAF * _LEAF:
        q, r = np.linalg.qr(x)
        return q, r
    q, r = _kernels.qr(x, min(m, n))
    return q, _kernels.copied(r[..., :n, :]) if m > n else r


_QR = _Parts("linalg_qr", half_kernel(_reduced))


_QR.part(lambda g, q, r: _over_r_transposed(g - matmul(q, mirrored(matmul(T(g), q))), r), _push_q)


_QR.part(lambda g, q, r: _over_r_transposed(matmul(q, mirrored(matmul(r, T(g)))), r), _push_r)


_WHOLE_Q = _undetermined(
    "Q of qr in mode complete",
    lambda x: np.linalg.qr(x, mode="complete").Q if x.shape[-2] > _LEAF else _kernels.qr(x, x.shape[-2])[0],
)


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
    x = as_matrices("qr", x)
    m, n = x._value.shape[-2:]
    if mode == "complete" and m > n:
        below = constant(np.zeros, (*x._value.shape[:-2], m - n, n), x._value.dtype)
        return QR(apply(_WHOLE_Q, (x,)), cat([_QR.of(x)[1], below], -2))
    q, r = _QR.of(x if m >= n else pick(x, (..., slice(0, m))))
    if m < n:
        r = cat([r, matmul(T(q), pick(x, (..., slice(m, n))))], -1)
    if mode == "r":
        q = constant(np.empty, 0, x._value.dtype)
    return QR(q, r)
