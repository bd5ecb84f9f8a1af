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
from ..core.batching import over
from ..core.broadcast import cast
from ..core.define import F, Function, elementwise, primitive
from ..core.doors import constant, enter
from ..core.half import half, half_kernel
from ..core.signatures import tells
from ..core.tape import Operation, apply
from .join import cat, stack
from .numpy_kernels import quiet
from .shape import permute, reshape, reshaped

__all__ = ["mean", "prod", "std", "sum", "var"]


def reduction_kernel(kind: str, fallback: Function | None = None) -> Function:
    """A reduction for every dtype: float16 is computed in float32, integers by NumPy. The rules ask for the shape."""

    def other(
        x: np.ndarray, dims: tuple[int, ...], keepdim: bool, shape: tuple[int, ...], correction: float = 0.0
    ) -> np.ndarray:
        if x.dtype.kind == "f":
            return _kernels.reduce(kind, x, dims, keepdim, correction)
        if fallback is None:
            raise TypeError(f"{kind}: expected a floating tensor, got {x.dtype}")
        return np.asarray(fallback(x, dims, keepdim))

    return _kernels.Reduction(kind, half_kernel(other))


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
    return np.sum(x, dims, dtype=np.int64, keepdims=keepdim)


SUM: Operation = primitive(
    "sum", reduction_kernel("sum", _sum_of_integers),
    (lambda g, dims, keepdim, shape: expand_reduced(g, dims, keepdim, shape),),
    (lambda t, dims, keepdim, shape: apply(SUM, (t,), {"dims": dims, "keepdim": keepdim, "shape": shape}),),
    batched=over,
)  # fmt: skip


@tells
@documented
def sum(
    x: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: bool | None = None, dtype: Any = None
) -> Tensor:
    """The sum over some dimensions; 0 of nothing.

    COMMON
    dtype : dtype or None
        Convert to it first; the result has it. Otherwise integers and booleans are summed in int64.

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
    static = reduced("sum", x._value.shape, dim, axis, keepdim, keepdims)
    return apply(SUM, (x,), static) if dtype is None else applied_in(dtype, "sum", SUM, x, static)


def applied_in(dtype: Any, name: str, operation: Operation, x: Any, static: dict[str, Any]) -> Tensor:
    """An operation of x converted to a dtype; its result has that dtype too, where small integers come as int64."""
    wanted = dtypes.as_dtype(dtype, name)
    z = apply(operation, (cast(x, wanted),), static)
    return z if z._value.dtype == wanted else cast(z, wanted)


def _count(dims: tuple[int, ...], shape: tuple[int, ...]) -> int:
    return math.prod(shape[d] for d in dims)


MEAN: Operation = primitive(
    "mean", reduction_kernel("mean"),
    (lambda g, dims, keepdim, shape: expand_reduced(g / _count(dims, shape), dims, keepdim, shape),),
    (lambda t, dims, keepdim, shape: apply(MEAN, (t,), {"dims": dims, "keepdim": keepdim, "shape": shape}),),
    batched=over,
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
    return apply(MEAN, (x,), reduced("mean", x._value.shape, dim, axis, keepdim, keepdims))


# ---------------------------------------------------------------- products


def _other_products(x: np.ndarray, dims: tuple[int, ...]) -> np.ndarray:
    """For each item the product of all others over `dims`: by a division where no item is 0, else by a tree."""
    z = _kernels.reduce("prod", x, dims, True)
    whole = np.abs(z)
    if (whole > _SMALLEST_NORMAL[x.dtype]).all() and np.isfinite(whole).all():  # no item is 0
        return np.asarray(z / x)
    rows, shape, back = _as_rows(x.shape, dims)
    return _tree(x.transpose(rows).reshape(shape)).reshape([x.shape[d] for d in rows]).transpose(back)


_SMALLEST_NORMAL = {dtype: np.finfo(dtype).tiny for dtype in dtypes.FLOATING}


def _as_rows(shape: tuple[int, ...], dims: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """The order that puts `dims` last, the shape in which they are one dimension, and the order that undoes it."""
    order = (*(d for d in range(len(shape)) if d not in dims), *dims)
    lead = tuple([shape[d] for d in order[: len(shape) - len(dims)]])
    return order, (*lead, _count(dims, shape)), tuple(map(order.index, range(len(shape))))


def _tree(x: np.ndarray) -> np.ndarray:
    """The product of all other items, for each along the last dimension; zeros need no division."""
    n = x.shape[-1]
    if n < 2:
        return np.ones_like(x)
    if n % 2:
        return _tree(np.concatenate([x, np.ones_like(x[..., :1])], -1))[..., :n]
    even, odd = x[..., 0::2], x[..., 1::2]
    rest = _tree(even * odd)
    return np.stack([rest * odd, rest * even], -1).reshape(x.shape)


def _tree_and_tangent(x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """The same, and how it changes as x moves along t."""
    shape = x._value.shape
    n = shape[-1]
    if n < 2:
        return constant(np.ones, shape, x._value.dtype), constant(np.zeros, shape, x._value.dtype)
    if n % 2:
        edge = (*shape[:-1], 1)
        one, zero = constant(np.ones, edge, x._value.dtype), constant(np.zeros, edge, x._value.dtype)
        others, moved = _tree_and_tangent(cat([x, one], -1), cat([t, zero], -1))
        return others[..., :n], moved[..., :n]
    even, odd, t_even, t_odd = x[..., 0::2], x[..., 1::2], t[..., 0::2], t[..., 1::2]
    rest, moved = _tree_and_tangent(even * odd, t_even * odd + even * t_odd)
    return (
        reshape(stack([rest * odd, rest * even], -1), shape),
        reshape(stack([moved * odd + rest * t_odd, moved * even + rest * t_even], -1), shape),
    )


def _others_moved(x: Any, t: Any, dims: tuple[int, ...]) -> Tensor:
    """What the products of all other items change by as x moves along t; in x and t alike."""
    order, shape, back = _as_rows(x._value.shape, dims)
    if not order:
        return constant(np.zeros, (), x._value.dtype)
    moved = _tree_and_tangent(reshape(permute(x, order), shape), reshape(permute(t, order), shape))[1]
    return permute(reshape(moved, tuple([x._value.shape[d] for d in order])), back)


# The gradient of the product over some dimensions. Its own derivative, the Hessian, is symmetric.
_OTHERS = primitive(
    "prod_backward", half_kernel(quiet(_other_products)),
    (lambda g, x, dims: _others_moved(x, g, dims),), (lambda t, x, dims: _others_moved(x, t, dims),),
    batched=over,
)  # fmt: skip


_PROD = primitive(
    "prod", reduction_kernel("prod", lambda x, dims, keepdim: np.prod(x, dims, dtype=np.int64, keepdims=keepdim)),
    (lambda g, x, dims, keepdim, shape:
        expand_reduced(g, dims, keepdim, shape) * apply(_OTHERS, (x,), {"dims": dims}),),
    (lambda t, x, dims, keepdim, shape: sum(t * apply(_OTHERS, (x,), {"dims": dims}), dims, keepdim),),
    batched=over,
)  # fmt: skip


@tells
@documented
def prod(
    x: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: bool | None = None, dtype: Any = None
) -> Tensor:  # fmt: skip
    """The product over some dimensions; 1 of nothing. Its derivatives of every order are exact where items are 0.

    COMMON
    dtype : dtype or None
        Convert to it first; the result has it. Otherwise integers and booleans are multiplied in int64.

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
    static = reduced("prod", x._value.shape, dim, axis, keepdim, keepdims)
    return apply(_PROD, (x,), static) if dtype is None else applied_in(dtype, "prod", _PROD, x, static)


# ---------------------------------------------------------------- spreads


def _slope(factor: float, dims: tuple[int, ...], correction: float, shape: tuple[int, ...]) -> float:
    freedom = _count(dims, shape) - correction
    return factor / freedom if freedom > 0 else math.inf


@half
def _pulled_from_var(g: Any, x: Any, dims: Any, keepdim: bool, correction: float, shape: Any) -> Any:
    slope = _slope(2.0, dims, correction, shape)
    return expand_reduced(g, dims, keepdim, shape) * ((x - mean(x, dims, True)) * slope)


@half
def _pushed_to_var(t: Any, x: Any, dims: Any, keepdim: bool, correction: float, shape: Any) -> Any:
    return sum(t * ((x - mean(x, dims, True)) * _slope(2.0, dims, correction, shape)), dims, keepdim)


_var_kernel = reduction_kernel("var")
_VAR = primitive("var", _var_kernel, (_pulled_from_var,), (_pushed_to_var,), batched=over)


def _spread(
    name: str, x: Any, dim: Any, unbiased: bool | None, keepdim: bool, correction: float | None, axis: Any,
    keepdims: bool | None,
) -> tuple[Any, dict[str, Any]]:  # fmt: skip
    """x, and what a spread of it is told."""
    x = enter(x)
    if x._value.dtype.kind != "f":
        got = x._value.dtype
        raise TypeError(f"{name}: expected a floating tensor, got {got}; convert it, as in x.float().{name}()")
    if isinstance(dim, bool):  # var(unbiased), as PyTorch has it
        dim, unbiased = None, dim
    if correction is not None and unbiased is not None:
        raise TypeError(
            f"{name}: unbiased and correction are one thing, give one of them (got unbiased={unbiased}, "
            f"correction={correction})"
        )
    static = reduced(name, x._value.shape, dim, axis, keepdim, keepdims)
    static["correction"] = float(correction if correction is not None else unbiased is None or unbiased)
    return x, static


@tells
@documented
def var(
    x: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = None,
    axis: Any = None, keepdims: bool | None = None,
) -> Tensor:  # fmt: skip
    """The variance over some dimensions, sum((x - mean)^2) / (n - correction).

    COMMON
    unbiased : bool or None
        PyTorch's older spelling, and its third argument: True for correction 1, False for 0.
    correction : float or None
        1 for the sample's estimate, 0 for the population's; None: 1. Of n <= correction items, infinity, or NaN where
        they do not differ.

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
    x, static = _spread("var", x, dim, unbiased, keepdim, correction, axis, keepdims)
    return apply(_VAR, (x,), static)


def _root_of_var(
    x: np.ndarray, dims: tuple[int, ...], keepdim: bool, shape: tuple[int, ...], correction: float
) -> np.ndarray:
    z: np.ndarray = _var_kernel(x, dims, keepdim, shape, correction)
    np.sqrt(z, out=z)
    return z


_divide = _kernels.Elementwise("divide")


def _quotient(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    z = _divide(x, y)
    return z if np.count_nonzero(y) == y.size else np.where(y == 0, np.zeros((), z.dtype), z)


# x / y, and 0 where y is: the derivatives of a length, or of a spread, where it is 0.
quotient_or_zero: Function = elementwise(
    "divide_or_zero", _quotient,
    lambda g, y: quotient_or_zero(g, y), lambda g, y, z: quotient_or_zero(-g * z, y),
)  # fmt: skip


@half
def _pulled_from_std(g: Any, x: Any, z: Any, dims: Any, keepdim: bool, correction: float, shape: Any) -> Any:
    slope = quotient_or_zero(g, z) * _slope(1.0, dims, correction, shape)
    return expand_reduced(slope, dims, keepdim, shape) * (x - mean(x, dims, True))


@half
def _pushed_to_std(t: Any, x: Any, z: Any, dims: Any, keepdim: bool, correction: float, shape: Any) -> Any:
    slope = _slope(1.0, dims, correction, shape)
    return quotient_or_zero(sum(t * (x - mean(x, dims, True)), dims, keepdim) * slope, z)


_STD = primitive("std", half_kernel(_root_of_var), (_pulled_from_std,), (_pushed_to_std,), batched=over)


@tells
@documented
def std(
    x: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = None,
    axis: Any = None, keepdims: bool | None = None,
) -> Tensor:  # fmt: skip
    """The standard deviation over some dimensions, the root of the variance. Its derivative where it is 0 is 0.

    COMMON
    unbiased : bool or None
        PyTorch's older spelling, and its third argument: True for correction 1, False for 0.
    correction : float or None
        1 for the sample's estimate, 0 for the population's; None: 1. Of n <= correction items, infinity, or NaN where
        they do not differ.

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
    x, static = _spread("std", x, dim, unbiased, keepdim, correction, axis, keepdims)
    return apply(_STD, (x,), static)
