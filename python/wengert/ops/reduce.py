"""Operations that reduce some dimensions: sums, means, extremes, norms, and the running sum."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core import broadcast, dtypes
from ..core.arguments import reduced
from ..core.broadcast import cast
from ..core.define import F, Function, primitive
from ..core.doors import enter
from ..core.signatures import tells
from ..core.tape import Operation, apply
from ..core.variable import wrap
from .arithmetic import sqrt
from .compare import eq, where
from .join import cat, stack
from .naming import called
from .shape import permute, reshape, reshaped

__all__ = ["mean", "prod", "std", "sum", "var"]


def reduction_kernel(kind: str, fallback: Function | None = None) -> Function:
    """A reduction for every dtype: float16 is computed in float32, integers by NumPy. The rules ask for the shape."""

    def other(
        x: np.ndarray, dims: tuple[int, ...], keepdim: bool, shape: tuple[int, ...], correction: float = 0.0
    ) -> np.ndarray:
        if x.dtype == dtypes.float16:
            out = _kernels.reduce(kind, x.astype(np.float32), dims, keepdim, correction)
            return out if out.dtype == dtypes.int64 else dtypes.convert(out, dtypes.float16)
        if fallback is None:
            raise TypeError(f"{kind}: expected a floating tensor, got {x.dtype}")
        return np.asarray(fallback(x, dims, keepdim))

    return _kernels.Reduction(kind, other)


def expand_reduced(g: Any, dims: tuple[int, ...], keepdim: bool, shape: tuple[int, ...]) -> Tensor:
    """A reduced tensor repeated over the dimensions it lost."""
    whole = g if len(dims) == len(shape) else keep(g, dims, keepdim, shape)  # one number broadcasts as it is
    return broadcast.broadcast_to(whole, shape)


def keep(g: Any, dims: tuple[int, ...], keepdim: bool, shape: tuple[int, ...]) -> Tensor:
    """A reduced tensor with the dimensions it lost as length 1."""
    return g if keepdim else reshaped(g, tuple([1 if i in dims else n for i, n in enumerate(shape)]))


_COMMON = """Parameters
----------
x : tensor
dim : int, tuple of int or None
    None: all dimensions. Also spelled `axis`.
keepdim : bool
    Keep reduced dimensions with length 1. Also spelled `keepdims`."""


def documented(function: F) -> F:
    """Fill the parameters that all reductions share into a docstring."""
    if function.__doc__:  # absent under python -OO
        function.__doc__ = inspect.cleandoc(function.__doc__).replace("COMMON", _COMMON)
    return function


def _sum_of_integers(x: np.ndarray, dims: tuple[int, ...], keepdim: bool) -> Any:
    if x.dtype.kind == "b" and len(dims) == x.ndim and not keepdim:
        return np.count_nonzero(x)  # a tenth of the time
    return np.sum(x, dims, dtype=np.int64, keepdims=keepdim)


SUM: Operation = primitive(
    "sum", reduction_kernel("sum", _sum_of_integers),
    (lambda g, dims, keepdim, shape: expand_reduced(g, dims, keepdim, shape),),
    (lambda t, dims, keepdim, shape: apply(SUM, (t,), {"dims": dims, "keepdim": keepdim, "shape": shape}),),
)  # fmt: skip


@tells
@documented
def sum(
    x: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: bool | None = None, dtype: Any = None
) -> Tensor:
    """The sum over some dimensions; 0 of nothing.

    COMMON
    dtype : dtype or None
        Convert to it first. Integers and booleans are summed in int64.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If a dimension is out of range.

    Examples
    --------
    >>> wg.sum(wg.ones(2, 3), dim=0)
    tensor([2., 2., 2.])
    """
    x = enter(x)
    if dtype is not None:
        x = cast(x, dtypes.as_dtype(dtype, "sum"))
    return apply(SUM, (x,), reduced("sum", x._value.shape, dim, axis, keepdim, keepdims))


def _count(dims: tuple[int, ...], shape: tuple[int, ...]) -> int:
    return math.prod(shape[d] for d in dims)


_MEAN: Operation = primitive(
    "mean", reduction_kernel("mean"),
    (lambda g, dims, keepdim, shape: expand_reduced(g / _count(dims, shape), dims, keepdim, shape),),
    (lambda t, dims, keepdim, shape: apply(_MEAN, (t,), {"dims": dims, "keepdim": keepdim, "shape": shape}),),
)  # fmt: skip


@tells
@documented
def mean(
    x: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: bool | None = None, dtype: Any = None
) -> Tensor:
    """The mean over some dimensions; NaN of nothing.

    COMMON
    dtype : dtype or None
        Convert to it first.

    Returns
    -------
    Tensor

    Raises
    ------
    TypeError
        If x is not floating: convert it first.

    Examples
    --------
    >>> wg.mean(wg.tensor([[1., 2.], [3., 5.]]), dim=1)
    tensor([1.5000, 4.0000])
    """
    x = enter(x)
    if dtype is not None:
        x = cast(x, dtypes.as_dtype(dtype, "mean"))
    if x._value.dtype.kind != "f":
        raise TypeError(f"mean: expected a floating tensor, got {x._value.dtype}; convert it, as in x.float().mean()")
    return apply(_MEAN, (x,), reduced("mean", x._value.shape, dim, axis, keepdim, keepdims))


# ---------------------------------------------------------------- products


def _others(x: Any) -> Tensor:
    """The product of all other items, for each along the last dimension; by a tree, so that zeros need no division."""
    n = x._value.shape[-1]
    if n == 1:
        return wrap(np.ones_like(x._value))
    if n % 2:
        lead, last = x[..., : n - 1], x[..., n - 1 :]
        return cat([_others(lead) * last, prod(lead, -1, keepdim=True)], -1)
    even, odd = x[..., 0::2], x[..., 1::2]
    rest = _others(even * odd)
    return reshape(stack([rest * odd, rest * even], -1), x._value.shape)


def _other_products(x: Any, z: Any, dims: tuple[int, ...], keepdim: bool, shape: tuple[int, ...]) -> Any:
    whole = np.abs(z._value)
    if (whole > _SMALLEST_NORMAL[whole.dtype]).all() and np.isfinite(whole).all():  # no item is 0
        return keep(z, dims, keepdim, shape) / x
    kept = [d for d in range(len(shape)) if d not in dims]
    if not _count(dims, shape) or not x._value.size:
        return x
    order = (*kept, *dims)
    flat = reshape(_permute(x, order), (*(shape[d] for d in kept), -1))
    back = reshape(_others(flat), tuple(shape[d] for d in order))
    return _permute(back, tuple(order.index(d) for d in range(len(shape))))


_SMALLEST_NORMAL = {dtype: np.finfo(dtype).tiny for dtype in dtypes.FLOATING}


def _permute(x: Any, order: tuple[int, ...]) -> Tensor:
    return permute(x, order) if order else x


_PROD = primitive(
    "prod", reduction_kernel("prod", lambda x, dims, keepdim: np.prod(x, dims, dtype=np.int64, keepdims=keepdim)),
    (lambda g, x, z, dims, keepdim, shape:
        expand_reduced(g, dims, keepdim, shape) * _other_products(x, z, dims, keepdim, shape),),
    (lambda t, x, z, dims, keepdim, shape: sum(t * _other_products(x, z, dims, keepdim, shape), dims, keepdim),),
)  # fmt: skip


@tells
@documented
def prod(
    x: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: bool | None = None, dtype: Any = None
) -> Tensor:  # fmt: skip
    """The product over some dimensions; 1 of nothing. Its derivatives of every order are exact where items are 0.

    COMMON
    dtype : dtype or None
        Convert to it first. Integers and booleans are multiplied in int64.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If a dimension is out of range.

    Examples
    --------
    >>> wg.prod(wg.tensor([2., 3., 4.]))
    tensor(24.)
    """
    x = enter(x)
    if dtype is not None:
        x = cast(x, dtypes.as_dtype(dtype, "prod"))
    return apply(_PROD, (x,), reduced("prod", x._value.shape, dim, axis, keepdim, keepdims))


def _deviation(x: Any, dims: tuple[int, ...], correction: float, shape: tuple[int, ...]) -> Any:
    freedom = _count(dims, shape) - correction
    return (x - mean(x, dims, True)) * (2.0 / freedom if freedom > 0 else math.nan)


_VAR = primitive(
    "var", reduction_kernel("var"),
    (lambda g, x, dims, keepdim, correction, shape:
        expand_reduced(g, dims, keepdim, shape) * _deviation(x, dims, correction, shape),),
    (lambda t, x, dims, keepdim, correction, shape: sum(t * _deviation(x, dims, correction, shape), dims, keepdim),),
)  # fmt: skip


@tells
@documented
def var(
    x: Any, dim: Any = None, keepdim: bool = False, *, correction: float = 1, unbiased: bool | None = None,
    axis: Any = None, keepdims: bool | None = None,
) -> Tensor:  # fmt: skip
    """The variance over some dimensions, sum((x - mean)^2) / (n - correction).

    COMMON
    correction : float
        1 for the sample's estimate, 0 for the population's. `unbiased=False` means 0.

    Returns
    -------
    Tensor

    Raises
    ------
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.var(wg.tensor([1., 2., 3., 4.]))
    tensor(1.6667)
    """
    x = enter(x)
    if x._value.dtype.kind != "f":
        raise TypeError(f"var: expected a floating tensor, got {x._value.dtype}; convert it, as in x.float().var()")
    if isinstance(dim, bool):  # var(unbiased), as PyTorch has it
        dim, unbiased = None, dim
    static = reduced("var", x._value.shape, dim, axis, keepdim, keepdims)
    static["correction"] = float(correction if unbiased is None else unbiased)
    return apply(_VAR, (x,), static)


@tells
@documented
def std(
    x: Any, dim: Any = None, keepdim: bool = False, *, correction: float = 1, unbiased: bool | None = None,
    axis: Any = None, keepdims: bool | None = None,
) -> Tensor:  # fmt: skip
    """The standard deviation over some dimensions, the root of the variance. Its derivative where it is 0 is 0.

    COMMON
    correction : float
        1 for the sample's estimate, 0 for the population's. `unbiased=False` means 0.

    Returns
    -------
    Tensor

    Raises
    ------
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.std(wg.tensor([1., 2., 3., 4.]))
    tensor(1.2910)
    """
    variance = var(x, dim, keepdim, correction=correction, unbiased=unbiased, axis=axis, keepdims=keepdims)
    if variance.requires_grad and np.count_nonzero(variance._value) < variance._value.size:
        zero = eq(variance, 0)
        return called("std", where(zero, 0.0, sqrt(where(zero, 1.0, variance))))
    return called("std", sqrt(variance))
