"""Norms: PyTorch's `norm`, and those of vectors and matrices as `wengert.linalg` has them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core import dtypes
from ..core.arguments import dimension, either, reduced
from ..core.batching import over
from ..core.broadcast import cast
from ..core.define import Function, elementwise, primitive
from ..core.doors import enter
from ..core.half import half, half_kernel
from ..core.signatures import tells
from ..core.tape import apply
from .arithmetic import abs
from .extremes import amax, amin
from .factors import svdvals
from .reduce import documented, expand_reduced, keep, quotient_or_zero, reduction_kernel, sum
from .shape import permute

__all__ = ["norm"]


@half
def _pulled_from_norm(g: Any, x: Any, z: Any, dims: Any, keepdim: bool, shape: Any) -> Any:
    return expand_reduced(g, dims, keepdim, shape) * quotient_or_zero(x, keep(z, dims, keepdim, shape))


@half
def _pushed_to_norm(t: Any, x: Any, z: Any, dims: Any, keepdim: bool, shape: Any) -> Any:
    return sum(t * quotient_or_zero(x, keep(z, dims, keepdim, shape)), dims, keepdim)


_NORM = primitive(
    "linalg_vector_norm", reduction_kernel("norm"), (_pulled_from_norm,), (_pushed_to_norm,), batched=over
)


_absolute, _to_power = _kernels.Elementwise("abs"), _kernels.Elementwise("power")


def _even_power_kernel(x: np.ndarray, q: float) -> np.ndarray:
    z = _to_power(_absolute(x), q)
    return np.where(x == 0, np.zeros((), x.dtype), z) if q < 0 else z


def _odd_power_kernel(x: np.ndarray, q: float) -> np.ndarray:
    z = np.copysign(_to_power(_absolute(x), q), x)
    return np.where(x == 0, np.zeros((), x.dtype), z) if q <= 0 else z


# |x|**q and sign(x) |x|**q, and 0 at 0 where they have no value there: what the derivatives of norms are made of.
_even_power: Function = elementwise("even_power", _even_power_kernel, lambda x, q: q * _odd_power(x, q=q - 1))
_odd_power: Function = elementwise("odd_power", _odd_power_kernel, lambda x, q: q * _even_power(x, q=q - 1))


def _p_norm_kernel(x: np.ndarray, p: float, dims: tuple[int, ...], keepdim: bool, shape: Any) -> np.ndarray:
    return _to_power(_kernels.reduce("sum", _to_power(_absolute(x), p), dims, keepdim), 1 / p)


def _slope(x: Any, z: Any, p: float) -> Any:
    """sign(x) (|x| / z)**(p - 1), and 0 where x is; a power of a quotient, since a quotient of powers overflows."""
    return _odd_power(quotient_or_zero(x, z), q=p - 1) if p > 1 else _odd_power(quotient_or_zero(z, x), q=1 - p)


@half
def _pulled_from_p_norm(g: Any, x: Any, z: Any, p: float, dims: Any, keepdim: bool, shape: Any) -> Any:
    return expand_reduced(g, dims, keepdim, shape) * _slope(x, keep(z, dims, keepdim, shape), p)


@half
def _pushed_to_p_norm(t: Any, x: Any, z: Any, p: float, dims: Any, keepdim: bool, shape: Any) -> Any:
    return sum(t * _slope(x, keep(z, dims, keepdim, shape), p), dims, keepdim)


_P_NORM = primitive(
    "linalg_vector_norm", half_kernel(_p_norm_kernel), (_pulled_from_p_norm,), (_pushed_to_p_norm,), batched=over
)
_nonzero = elementwise("nonzero_items", lambda x: (x != 0).astype(x.dtype), None)


@tells
@documented
def norm(
    x: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: bool | None = None,
    dtype: Any = None,
) -> Tensor:  # fmt: skip
    """The p-norm of the items over some dimensions, (sum |x|^p)^(1/p).

    COMMON
    p : float, "fro" or "nuc"
        2 and "fro": Euclidean, free of overflow. inf: the largest |x|, -inf: the smallest; 0: the number of nonzero
        items. "nuc": the sum of the singular values of matrices, over two dimensions. The derivative at 0 is 0.
    dtype : dtype or None
        Convert to it first.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If p is neither a number nor "fro" nor "nuc", or there is nothing to take a norm with p < 0 of.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.norm(wg.tensor([3., -4.]))
    tensor(5.)
    """
    x = _floating("norm", x, dtype)
    shape = x._value.shape
    static = reduced("norm", shape, dim, axis, keepdim, keepdims)
    if p is None or p == "fro" or p == 2:
        return apply(_NORM, (x,), static)
    dims, keepdim = static["dims"], static["keepdim"]
    if p == "nuc":
        return matrix_norm(x, "nuc", dims, keepdim)
    if not isinstance(p, (int, float, np.integer, np.floating)):
        raise ValueError(f'norm: expected a number, "fro" or "nuc" for p, got {p!r}')
    if p < 0 and not math.prod(shape[d] for d in dims):
        raise ValueError(f"norm: there is nothing to take a norm with p={p} < 0 of: shape {shape} over {dims}")
    if p == math.inf:
        return amax(abs(x), dims, keepdim)
    if p == -math.inf:
        return amin(abs(x), dims, keepdim)
    if p == 0:
        return sum(_nonzero(x), dims, keepdim)
    if p == 1:
        return sum(abs(x), dims, keepdim)
    return apply(_P_NORM, (x,), {"p": float(p), **static})


def _floating(name: str, x: Any, dtype: Any) -> Any:
    x = enter(x)
    if dtype is not None:
        x = cast(x, dtypes.as_dtype(dtype, name))
    if x._value.dtype.kind != "f":
        got = x._value.dtype
        raise TypeError(f"{name}: expected a floating tensor, got {got}; convert it, as in x.float().{name}()")
    return x


def vector_norm(
    x: Any, ord: float = 2, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: bool | None = None,
    dtype: Any = None,
) -> Tensor:  # fmt: skip
    """The p-norm of the items over some dimensions, (sum |x|^p)^(1/p).

    Parameters
    ----------
    x : tensor
    ord : float
        p; inf: the largest |x|, -inf: the smallest, 0: the number of nonzero items.
    dim : int, tuple of int or None
        None: all dimensions. Also spelled `axis`.
    keepdim : bool
        Keep reduced dimensions with length 1. Also spelled `keepdims`.
    dtype : dtype or None
        Convert to it first.

    Returns
    -------
    Tensor

    Raises
    ------
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.linalg.vector_norm(wg.tensor([3., -4.]), 1)
    tensor(7.)
    """
    if isinstance(ord, str):
        raise ValueError(f"vector_norm: expected a number for ord, got {ord!r}; matrix_norm takes names")
    return norm(x, ord, dim, keepdim, axis=axis, keepdims=keepdims, dtype=dtype)


def matrix_norm(
    x: Any, ord: Any = "fro", dim: Any = None, keepdim: bool = False, *, axis: Any = None,
    keepdims: bool | None = None, dtype: Any = None,
) -> Tensor:  # fmt: skip
    """The norm of matrices.

    Parameters
    ----------
    x : tensor
    ord : {"fro", "nuc", inf, -inf, 1, -1, 2, -2}
        "fro": the root of the sum of squares; "nuc": the sum of the singular values; 2 and -2: the largest and the
        smallest of them; 1 and -1: the largest and the smallest sum of |x| over a column; inf and -inf: over a row.
    dim : two ints or None
        The dimensions of rows and columns, the last two by default. Also spelled `axis`.
    keepdim : bool
        Keep reduced dimensions with length 1. Also spelled `keepdims`.
    dtype : dtype or None
        Convert to it first.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If the norm or the dimensions are none of these.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.linalg.matrix_norm(wg.tensor([[3., 0.], [0., 4.]]), 2)
    tensor(4.)
    """
    x = _floating("norm", x, dtype)
    ndim = x._value.ndim
    dim = either("matrix_norm", dim, axis)
    dim = (-2, -1) if dim is None else dim
    keepdim = bool(keepdim if keepdims is None else keepdims)
    if not isinstance(dim, (tuple, list)) or len(dim) != 2:
        raise ValueError(f"matrix_norm: expected two dimensions, got {dim!r}")
    row, column = (dimension("matrix_norm", d, ndim) for d in dim)
    if row == column:
        raise ValueError(f"matrix_norm: expected two different dimensions, got {dim}")
    if ord == "fro":
        return norm(x, 2, (row, column), keepdim)
    if ord in (2, 1, math.inf) and not x._value.shape[row] * x._value.shape[column]:
        return sum(abs(x), (row, column), keepdim)  # 0, the norm of nothing
    if ord in ("nuc", 2, -2):
        order = [d for d in range(ndim) if d not in (row, column)] + [row, column]
        values = svdvals(permute(x, order))
        out = sum(values, -1) if ord == "nuc" else (amax if ord == 2 else amin)(values, -1)
        kept = tuple(1 if d in (row, column) else n for d, n in enumerate(x._value.shape))
        return out.reshape(kept) if keepdim else out
    if ord not in (1, -1, math.inf, -math.inf):
        raise ValueError(f'matrix_norm: expected ord "fro", "nuc", 1, -1, 2, -2, inf or -inf, got {ord!r}')
    across, along = (row, column) if math.fabs(ord) == 1 else (column, row)
    sums = sum(abs(x), across, True)
    out = (amax if ord > 0 else amin)(sums, along, True)
    return out if keepdim else out.squeeze((row, column))


def norm_of(
    x: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, axis: Any = None,
    keepdims: bool | None = None, dtype: Any = None,
) -> Tensor:  # fmt: skip
    """A norm of a vector or a matrix.

    Parameters
    ----------
    x : tensor
    ord : number, "fro", "nuc" or None
        None: the root of the sum of squares. A string, or anything else of a matrix: as `matrix_norm`; of a vector: as
        `vector_norm`.
    dim : int, two ints or None
        One dimension holds vectors, two hold matrices. None: all; a matrix if there are two, and `ord` is given. Also
        spelled `axis`.
    keepdim : bool
        Keep reduced dimensions with length 1. Also spelled `keepdims`.
    dtype : dtype or None
        Convert to it first.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If the norm is not one of what it is asked of.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.linalg.norm(wg.tensor([[3., 0.], [0., 4.]]))
    tensor(5.)
    >>> wg.linalg.norm(wg.tensor([[3., 0.], [0., 4.]]), 1)
    tensor(4.)
    """
    x = _floating("norm", x, dtype)
    dim = either("norm", dim, axis)
    keepdim = bool(keepdim if keepdims is None else keepdims)
    if ord is None:
        return vector_norm(x, 2, dim, keepdim)
    if dim is None:
        if x._value.ndim not in (1, 2):
            shape = x._value.shape
            raise ValueError(f"norm: with ord={ord!r} and no dim, expected a vector or a matrix, got shape {shape}")
        dim = tuple(range(x._value.ndim))
    dims = tuple(dim) if isinstance(dim, (tuple, list)) else (dim,)
    of = matrix_norm if len(dims) == 2 or isinstance(ord, str) else vector_norm
    return of(x, ord, dims, keepdim)
