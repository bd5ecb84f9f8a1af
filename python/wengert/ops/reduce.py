"""Operations that reduce some dimensions: sums, means, extremes, norms, and the running sum."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core import broadcast, define, dtypes
from ..core.arguments import dimension, either, reduced
from ..core.broadcast import as_floating, cast
from ..core.define import F, Function, primitive
from ..core.doors import enter
from ..core.tape import Operation, apply
from ..core.variable import wrap
from .elementwise import abs, equal, exp, sqrt, where
from .naming import called
from .shape import cat, flip, permute, reshape, reshaped, stack


def _kernel(kind: str, fallback: Function | None = None) -> Function:
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


def _expand(g: Any, dims: tuple[int, ...], keepdim: bool, shape: tuple[int, ...]) -> Tensor:
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


def _documented(function: F) -> F:
    """Fill the parameters that all reductions share into a docstring."""
    if function.__doc__:  # absent under python -OO
        function.__doc__ = inspect.cleandoc(function.__doc__).replace("COMMON", _COMMON)
    return function


def _sum_of_integers(x: np.ndarray, dims: tuple[int, ...], keepdim: bool) -> Any:
    if x.dtype.kind == "b" and len(dims) == x.ndim and not keepdim:
        return np.count_nonzero(x)  # a tenth of the time
    return np.sum(x, dims, dtype=np.int64, keepdims=keepdim)


_SUM: Operation = primitive(
    "sum", _kernel("sum", _sum_of_integers),
    (lambda g, dims, keepdim, shape: _expand(g, dims, keepdim, shape),),
    (lambda t, dims, keepdim, shape: apply(_SUM, (t,), {"dims": dims, "keepdim": keepdim, "shape": shape}),),
)  # fmt: skip


@_documented
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
    return apply(_SUM, (x,), reduced("sum", x._value.shape, dim, axis, keepdim, keepdims))


def _count(dims: tuple[int, ...], shape: tuple[int, ...]) -> int:
    return math.prod(shape[d] for d in dims)


_MEAN: Operation = primitive(
    "mean", _kernel("mean"),
    (lambda g, dims, keepdim, shape: _expand(g / _count(dims, shape), dims, keepdim, shape),),
    (lambda t, dims, keepdim, shape: apply(_MEAN, (t,), {"dims": dims, "keepdim": keepdim, "shape": shape}),),
)  # fmt: skip


@_documented
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
    "prod", _kernel("prod", lambda x, dims, keepdim: np.prod(x, dims, dtype=np.int64, keepdims=keepdim)),
    (lambda g, x, z, dims, keepdim, shape:
        _expand(g, dims, keepdim, shape) * _other_products(x, z, dims, keepdim, shape),),
    (lambda t, x, z, dims, keepdim, shape: sum(t * _other_products(x, z, dims, keepdim, shape), dims, keepdim),),
)  # fmt: skip


@_documented
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


# ---------------------------------------------------------------- extremes


def _ties(x: Any, z: Any, dims: tuple[int, ...], keepdim: bool, shape: tuple[int, ...]) -> Any:
    """A constant: 1 / (number of ties) where x has the extreme value, else 0."""
    extreme = keep(z, dims, keepdim, shape)
    mask = wrap(equal(x, extreme)._value.astype(x._value.dtype))
    return mask / sum(mask, dims, True)


def _extreme(name: str, kind: str) -> Any:
    return primitive(
        name, _kernel(kind, lambda x, dims, keepdim: (np.amax if kind == "max" else np.amin)(x, dims, None, keepdim)),
        (lambda g, x, z, dims, keepdim, shape: _expand(g, dims, keepdim, shape) * _ties(x, z, dims, keepdim, shape),),
        (lambda t, x, z, dims, keepdim, shape: sum(t * _ties(x, z, dims, keepdim, shape), dims, keepdim),),
    )  # fmt: skip


_AMAX, _AMIN = _extreme("amax", "max"), _extreme("amin", "min")


@_documented
def amax(x: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: bool | None = None) -> Tensor:
    """The largest item over some dimensions; NaN if there is one. Ties share the gradient evenly.

    COMMON

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If there is nothing to choose from.

    Examples
    --------
    >>> wg.amax(wg.tensor([[1., 4.], [3., 2.]]), dim=0)
    tensor([3., 4.])
    """
    x = enter(x)
    return apply(_AMAX, (x,), reduced("amax", x._value.shape, dim, axis, keepdim, keepdims))


@_documented
def amin(x: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: bool | None = None) -> Tensor:
    """The smallest item over some dimensions; NaN if there is one. Ties share the gradient evenly.

    COMMON

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If there is nothing to choose from.

    Examples
    --------
    >>> wg.amin(wg.tensor([[1., 4.], [3., 2.]]), dim=0)
    tensor([1., 2.])
    """
    x = enter(x)
    return apply(_AMIN, (x,), reduced("amin", x._value.shape, dim, axis, keepdim, keepdims))


def _arg(kind: str) -> Function:
    def fallback(x: np.ndarray, dims: tuple[int, ...], keepdim: bool) -> np.ndarray:
        axis = None if len(dims) == x.ndim else dims[0]
        places: np.ndarray = getattr(np, kind)(x, axis, keepdims=keepdim)
        return places.astype(np.int64)

    return _kernel(kind, fallback)


_argmax, _argmin = _arg("argmax"), _arg("argmin")


def _index_of(name: str, kernel: Function, x: Any, dim: Any, axis: Any, keepdim: bool, keepdims: bool | None) -> Tensor:
    x = enter(x)
    dim = either(name, dim, axis)
    if isinstance(dim, (tuple, list)):
        raise TypeError(f"{name}: expected one dimension or None, got {dim}")
    static = reduced(name, x._value.shape, dim, None, keepdim, keepdims)
    return wrap(kernel(x._value, **static))


def argmax(
    x: Any, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None, keepdims: bool | None = None
) -> Tensor:
    """The index of the largest item; the first of several, the first NaN if there is one.

    Parameters
    ----------
    x : tensor
    dim : int or None
        None: the index among all items in C order. Also spelled `axis`.
    keepdim : bool
        Keep the reduced dimension with length 1. Also spelled `keepdims`.

    Returns
    -------
    Tensor of int64

    Raises
    ------
    ValueError
        If there is nothing to choose from.

    Examples
    --------
    >>> wg.argmax(wg.tensor([[1., 4.], [3., 2.]]), dim=1)
    tensor([1, 0])
    """
    return _index_of("argmax", _argmax, x, dim, axis, keepdim, keepdims)


def argmin(
    x: Any, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None, keepdims: bool | None = None
) -> Tensor:
    """The index of the smallest item; the first of several, the first NaN if there is one.

    Parameters
    ----------
    x : tensor
    dim : int or None
        None: the index among all items in C order. Also spelled `axis`.
    keepdim : bool
        Keep the reduced dimension with length 1. Also spelled `keepdims`.

    Returns
    -------
    Tensor of int64

    Raises
    ------
    ValueError
        If there is nothing to choose from.

    Examples
    --------
    >>> wg.argmin(wg.tensor([[1., 4.], [3., 2.]]), dim=1)
    tensor([0, 1])
    """
    return _index_of("argmin", _argmin, x, dim, axis, keepdim, keepdims)


# ---------------------------------------------------------------- logsumexp, variance, norm


def _softmax_of(x: Any, z: Any, dims: tuple[int, ...], keepdim: bool, shape: tuple[int, ...]) -> Tensor:
    top = keep(z, dims, keepdim, shape)
    return exp(x - where(wrap(np.isneginf(top._value)), 0.0, top))


_LOGSUMEXP = primitive(
    "logsumexp", _kernel("logsumexp"),
    (lambda g, x, z, dims, keepdim, shape: _expand(g, dims, keepdim, shape) * _softmax_of(x, z, dims, keepdim, shape),),
    (lambda t, x, z, dims, keepdim, shape: sum(t * _softmax_of(x, z, dims, keepdim, shape), dims, keepdim),),
)  # fmt: skip


@_documented
def logsumexp(
    x: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: bool | None = None
) -> Tensor:
    """log(sum(exp(x))) over some dimensions, without overflow: the maximum is subtracted first.

    COMMON

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If a dimension is out of range.

    Examples
    --------
    >>> wg.logsumexp(wg.tensor([100., 100.]), 0)
    tensor(100.6931)
    """
    x = as_floating(x)
    return apply(_LOGSUMEXP, (x,), reduced("logsumexp", x._value.shape, dim, axis, keepdim, keepdims))


def _deviation(x: Any, dims: tuple[int, ...], correction: float, shape: tuple[int, ...]) -> Any:
    freedom = _count(dims, shape) - correction
    return (x - mean(x, dims, True)) * (2.0 / freedom if freedom > 0 else math.nan)


_VAR = primitive(
    "var", _kernel("var"),
    (lambda g, x, dims, keepdim, correction, shape:
        _expand(g, dims, keepdim, shape) * _deviation(x, dims, correction, shape),),
    (lambda t, x, dims, keepdim, correction, shape: sum(t * _deviation(x, dims, correction, shape), dims, keepdim),),
)  # fmt: skip


@_documented
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


@_documented
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
        zero = equal(variance, 0)
        return called("std", where(zero, 0.0, sqrt(where(zero, 1.0, variance))))
    return called("std", sqrt(variance))


def _unit(x: Any, z: Any, dims: tuple[int, ...], keepdim: bool, shape: tuple[int, ...]) -> Any:
    """x / z, and 0 where z = 0."""
    length = keep(z, dims, keepdim, shape)
    if np.count_nonzero(z._value) == z._value.size:
        return x / length
    zero = equal(length, 0)
    return where(zero, 0.0, x / where(zero, 1.0, length))


_NORM = primitive(
    "linalg_vector_norm", _kernel("norm"),
    (lambda g, x, z, dims, keepdim, shape: _expand(g, dims, keepdim, shape) * _unit(x, z, dims, keepdim, shape),),
    (lambda t, x, z, dims, keepdim, shape: sum(t * _unit(x, z, dims, keepdim, shape), dims, keepdim),),
)  # fmt: skip


@_documented
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
        return sum(wrap((x._value != 0).astype(x._value.dtype)), dims, keepdim)
    if p == 1:
        return sum(abs(x), dims, keepdim)
    total = sum(abs(x) ** p, dims, keepdim)
    zero = equal(total, 0)
    return where(zero, 0.0, where(zero, 1.0, total) ** (1.0 / p))


# ---------------------------------------------------------------- running sums


def _running(x: np.ndarray, dim: int) -> np.ndarray:
    if x.dtype == dtypes.float32 or x.dtype == dtypes.float64:
        return _kernels.cumsum(x, dim)
    if x.dtype == dtypes.float16:
        return dtypes.convert(_kernels.cumsum(x.astype(np.float32), dim), dtypes.float16)
    return np.cumsum(x, dim if x.ndim else None, dtype=np.int64).reshape(x.shape)


_CUMSUM: Operation = define.linear(
    "cumsum", _running, lambda g, dim: flip(apply(_CUMSUM, (flip(g, dim),), {"dim": dim}), dim)
)


def cumsum(x: Any, dim: int | None = None, *, axis: int | None = None, dtype: Any = None) -> Tensor:
    """The running sum along one dimension.

    Parameters
    ----------
    x : tensor
    dim : int
        Also spelled `axis`.
    dtype : dtype or None
        Convert to it first. Integers and booleans are added in int64.

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    IndexError
        If the dimension is out of range.

    Examples
    --------
    >>> wg.cumsum(wg.tensor([1., 2., 3.]), 0)
    tensor([1., 3., 6.])
    """
    x = enter(x)
    if dtype is not None:
        x = cast(x, dtypes.as_dtype(dtype, "cumsum"))
    dim = either("cumsum", dim, axis)
    if dim is None:
        raise TypeError("cumsum: expected dim, the dimension to run along")
    return apply(_CUMSUM, (x,), {"dim": dimension("cumsum", dim, x._value.ndim)})
