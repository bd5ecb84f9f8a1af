"""Norms: PyTorch's `norm`, and those of vectors and matrices as `wengert.linalg` has them."""

from __future__ import annotations

import math
from typing import Any

from .._types import Tensor
from ..core.arguments import dimension, reduced
from ..core.broadcast import cast
from ..core.define import primitive
from ..core.doors import enter
from ..core.half import half
from ..core.signatures import tells
from ..core.tape import apply
from .arithmetic import abs
from .compare import eq, not_equal, where
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


_NORM = primitive("linalg_vector_norm", reduction_kernel("norm"), (_pulled_from_norm,), (_pushed_to_norm,))


@tells
@documented
def norm(
    x: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: bool | None = None
) -> Tensor:
    """The p-norm of the items over some dimensions, (sum |x|^p)^(1/p).

    COMMON
    p : float or "fro"
        2 and "fro": Euclidean, free of overflow. inf: the largest |x|, -inf: the smallest; 0: the number of nonzero
        items. The derivative at 0 is 0.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If p is neither a number nor "fro".

    Examples
    --------
    >>> wg.norm(wg.tensor([3., -4.]))
    tensor(5.)
    """
    x = enter(x)
    if x._value.dtype.kind != "f":
        raise TypeError(f"norm: expected a floating tensor, got {x._value.dtype}; convert it, as in x.float().norm()")
    static = reduced("norm", x._value.shape, dim, axis, keepdim, keepdims)
    if p is None or p == "fro" or p == 2:
        return apply(_NORM, (x,), static)
    if isinstance(p, str):
        raise ValueError(f'norm: expected a number or "fro" for p, got {p!r}')
    dims, keepdim = static["dims"], static["keepdim"]
    if p == math.inf:
        return amax(abs(x), dims, keepdim)
    if p == -math.inf:
        return amin(abs(x), dims, keepdim)
    if p == 0:
        return cast(sum(not_equal(x, 0), dims, keepdim), x._value.dtype)
    if p == 1:
        return sum(abs(x), dims, keepdim)
    total = sum(abs(x) ** p, dims, keepdim)
    zero = eq(total, 0)
    return where(zero, 0.0, where(zero, 1.0, total) ** (1.0 / p))


def vector_norm(x: Any, ord: float = 2, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The p-norm of the items over some dimensions, (sum |x|^p)^(1/p).

    Parameters
    ----------
    x : tensor
    ord : float
        p; inf: the largest |x|, -inf: the smallest, 0: the number of nonzero items.
    dim : int, tuple of int or None
        None: all dimensions.
    keepdim : bool
        Keep reduced dimensions with length 1.

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
    return norm(x, ord, dim, keepdim)


def matrix_norm(x: Any, ord: Any = "fro", dim: tuple[int, int] = (-2, -1), keepdim: bool = False) -> Tensor:
    """The norm of matrices.

    Parameters
    ----------
    x : tensor
    ord : {"fro", "nuc", inf, -inf, 1, -1, 2, -2}
        "fro": the root of the sum of squares; "nuc": the sum of the singular values; 2 and -2: the largest and the
        smallest of them; 1 and -1: the largest and the smallest sum of |x| over a column; inf and -inf: over a row.
    dim : two ints
        The dimensions of rows and columns.
    keepdim : bool
        Keep reduced dimensions with length 1.

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
    x = enter(x)
    ndim = x._value.ndim
    if not isinstance(dim, (tuple, list)) or len(dim) != 2:
        raise ValueError(f"matrix_norm: expected two dimensions, got {dim!r}")
    row, column = (dimension("matrix_norm", d, ndim) for d in dim)
    if row == column:
        raise ValueError(f"matrix_norm: expected two different dimensions, got {dim}")
    if ord == "fro":
        return norm(x, 2, (row, column), keepdim)
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


def norm_of(x: Any, ord: Any = None, dim: Any = None, keepdim: bool = False) -> Tensor:
    """A norm of a vector or a matrix.

    Parameters
    ----------
    x : tensor
    ord : number, "fro", "nuc" or None
        None: the root of the sum of squares. A string, or anything else of a matrix: as `matrix_norm`; of a vector: as
        `vector_norm`.
    dim : int, two ints or None
        One dimension holds vectors, two hold matrices. None: all; a matrix if there are two, and `ord` is given.
    keepdim : bool
        Keep reduced dimensions with length 1.

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
    x = enter(x)
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
