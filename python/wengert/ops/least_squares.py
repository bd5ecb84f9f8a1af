"""Pseudoinverses, least squares and rank, by singular values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._types import Tensor
from ..core import dtypes
from ..core.batching import Batch
from ..core.broadcast import broadcast_to
from ..core.define import primitive
from ..core.doors import constant, differs, enter, leave
from ..core.half import half_kernel
from ..core.named import NamedTuple
from ..core.tape import Operation, apply
from ..core.variable import Variable
from .arithmetic import abs
from .compare import where
from .factors import eigvalsh, mirrored, svdvals, symmetrized
from .lapack import as_matrices, by_column, from_lapack
from .numpy_kernels import quiet
from .products import matmul, of_one_dtype
from .reduce import sum
from .shape import matrix_transpose as T
from .shape import reshape, unsqueeze

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


def _limit(s: np.ndarray, atol: Any, rtol: Any, default: float) -> np.ndarray:
    """The larger of atol and rtol times the largest of the singular values s: up to it they count as zero."""
    atol = np.asarray(0.0 if atol is None else atol)[..., None]
    rtol = np.where(atol > 0, 0.0, default) if rtol is None else np.asarray(rtol)[..., None]
    limit: np.ndarray = np.maximum(atol, rtol * s.max(-1, initial=0, keepdims=True))
    return limit


def _pinv(x: np.ndarray, atol: Any, rtol: Any, default: float, hermitian: bool) -> np.ndarray:
    if hermitian:
        values, u = np.linalg.eigh(x)
        vh = u.swapaxes(-1, -2)
    else:
        u, values, vh = np.linalg.svd(x, full_matrices=False)
    kept = np.abs(values) > _limit(np.abs(values), atol, rtol, default)
    inverse = np.where(kept, 1 / np.where(kept, values, 1), 0)[..., None, :]
    z: np.ndarray = (vh.swapaxes(-1, -2) * inverse) @ u.swapaxes(-1, -2)
    return z.astype(x.dtype, copy=False)


def _pull(g: Any, x: Any, z: Any, hermitian: bool) -> Any:
    return symmetrized(_pulled_through_pinv(g, mirrored(x), z)) if hermitian else _pulled_through_pinv(g, x, z)


def _push(t: Any, x: Any, z: Any, hermitian: bool) -> Any:
    if hermitian:
        return _pushed_through_pinv(symmetrized(t), mirrored(x), z)
    return _pushed_through_pinv(t, x, z)


def _with_tolerances(inner: int) -> Any:
    """The rule of a kernel of x, whose last `inner` dimensions are its own, and of tolerances that broadcast with those
    before: ones between the batch and these."""

    def rule(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> Any:
        lead = len(batch.lengths)
        pairs = list(zip(arrays, batch.having, strict=True))
        counts = [np.ndim(x) - lead * has - (0 if k else inner) for k, (x, has) in enumerate(pairs)]
        values = []
        for (x, has), count in zip(pairs, counts, strict=True):
            if isinstance(x, np.ndarray):
                lengths, own = (x.shape[:lead], x.shape[lead:]) if has else ((1,) * lead, x.shape)
                x = x.reshape((*lengths, *(1,) * (max(counts) - count), *own))
            values.append(x)
        return kernel(*values, **static)

    return rule


# G. Golub and V. Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems whose variables
# separate", 1973: while the rank does not change.
_PINV = primitive(
    "linalg_pinv",
    from_lapack("pinv", _pinv),
    (_pull, None, None),
    (_push, None, None),
    ("x", "atol", "rtol"),
    batched=_with_tolerances(2),
)


def _tolerance(x: Any) -> float:
    dtype = x._value.dtype if x._value.dtype != dtypes.float16 else dtypes.float32
    longest: int = max(x._value.shape[-2:])
    return float(np.finfo(dtype).eps) * longest


def _tolerances(*given: Any) -> list[Any]:
    """Tolerances as they are handed to operations, which have no derivative by them."""
    return [v if v is None or isinstance(v, (int, float)) else enter(v).detach() for v in given]


def pinv(
    x: Any, rcond: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None
) -> Tensor:  # fmt: skip
    """The pseudo-inverse of Moore and Penrose. Singular values up to a tolerance count as zero: the larger of `atol`
    and `rtol` times the largest of them.

    Parameters
    ----------
    x : tensor
        (..., m, n). Derivatives are those among matrices of the same rank: singular values that count as zero are taken
        for zeros.
    rcond : float, tensor or None
        The older name of `rtol`.
    hermitian : bool
        The matrices are symmetric, and only their lower triangles are read; the absolute values of eigenvalues count.
        The gradient is symmetric, that of a function of symmetric matrices.
    atol : float, tensor or None
        Of a shape that broadcasts with (...). None: 0.
    rtol : float, tensor or None
        Of a shape that broadcasts with (...). None: max(m, n) times the dtype's precision, or 0 where atol is above 0.

    Returns
    -------
    Tensor
        (..., n, m)

    Raises
    ------
    numpy.linalg.LinAlgError
        If the singular values do not converge.
    ValueError
        If both `rcond` and `rtol` are given, or symmetric matrices are not square.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.linalg.pinv(wg.tensor([[2., 0.], [0., 4.], [0., 0.]]))
    tensor([[0.5000, 0.0000, 0.0000],
            [0.0000, 0.2500, 0.0000]])
    >>> wg.linalg.pinv(wg.tensor([[2., 0.], [0., 4.]]), atol=3.)
    tensor([[0.0000, 0.0000],
            [0.0000, 0.2500]])
    """
    x = as_matrices("pinv", x, square=hermitian)
    if rcond is not None and rtol is not None:
        raise ValueError("pinv: rcond and rtol are one thing, give one of them")
    tolerances = _tolerances(atol, rcond if rtol is None else rtol)
    lead = np.broadcast_shapes(x._value.shape[:-2], *[v._value.shape for v in tolerances if isinstance(v, Variable)])
    if lead != x._value.shape[:-2]:
        x = broadcast_to(x, (*lead, *x._value.shape[-2:]))
    return apply(_PINV, (x, *tolerances), {"default": _tolerance(x), "hermitian": bool(hermitian)})


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
    x, y = as_matrices("lstsq", x), enter(y)
    x, y = of_one_dtype(x, y)
    m, n = x._value.shape[-2:]
    vector = y._value.ndim == 1
    if vector:
        y = by_column(y)
    if y._value.ndim < 2 or y._value.shape[-2] != m:
        wanted = f"(..., {m}, k) or ({m},)"
        raise ValueError(
            f"lstsq: expected right-hand sides {wanted} for matrices {x._value.shape}, got {y._value.shape}"
        )
    z = matmul(pinv(x, rcond), y)
    values = svdvals(x.detach())
    rank = matrix_rank(x, rtol=rcond)
    residuals = constant(np.empty, 0, x._value.dtype)
    if m > n and (differs(rank) or leave(rank, "bool").min(initial=n) == n):
        error = matmul(x, z) - y
        residuals = sum(error * error, -2)
        if differs(rank):  # the shape is one for all examples: NaN where there would be none
            residuals = where(unsqueeze(rank, -1) == n, residuals, math.nan)
    return LeastSquares(reshape(z, (n,)) if vector else z, residuals, rank, values)


def _count_above(s: np.ndarray, atol: Any, rtol: Any, default: float) -> np.ndarray:
    """How many of the singular values s are above the limit."""
    return np.asarray((s > _limit(s, atol, rtol, default)).sum(-1), np.int64)


_RANK = Operation("linalg_matrix_rank", half_kernel(quiet(_count_above)), (), (), (), batched=_with_tolerances(1))


def matrix_rank(
    x: Any, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None
) -> Tensor:  # fmt: skip
    """The number of singular values above a tolerance, the larger of `atol` and `rtol` times the largest of them.

    Parameters
    ----------
    x : tensor
        (..., m, n)
    tol : float, tensor or None
        The older name of `atol`, with `rtol` 0.
    hermitian : bool
        The matrices are symmetric, and only their lower triangles are read; the absolute values of eigenvalues count.
    atol : float, tensor or None
        Of a shape that broadcasts with (...). None: 0.
    rtol : float, tensor or None
        Of a shape that broadcasts with (...). None: max(m, n) times the dtype's precision, or 0 where atol is above 0.

    Returns
    -------
    Tensor of int64
        (...)

    Raises
    ------
    numpy.linalg.LinAlgError
        If the singular values do not converge.
    ValueError
        If both `tol` and another tolerance are given, or symmetric matrices are not square.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.linalg.matrix_rank(wg.ones(3, 3))
    tensor(1)
    """
    x = as_matrices("matrix_rank", x, square=hermitian)
    if tol is not None:
        if atol is not None or rtol is not None:
            raise ValueError("matrix_rank: expected tol, or atol and rtol, got both")
        atol, rtol = tol, 0.0
    values = abs(eigvalsh(x.detach())) if hermitian else svdvals(x.detach())
    return apply(_RANK, (values, *_tolerances(atol, rtol)), {"default": _tolerance(x)})
