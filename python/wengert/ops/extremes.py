"""The largest and smallest items together with where they stand."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any, overload

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core.arguments import dimension, either, reduced
from ..core.batching import Batch, flat, over
from ..core.define import Function, computed, primitive
from ..core.doors import enter
from ..core.half import half
from ..core.signatures import tells
from ..core.tape import Operation, apply
from ..core.variable import Variable
from .arithmetic import maximum, minimum
from .chains import chained, step
from .index import items_along
from .numpy_kernels import quiet
from .reduce import documented, expand_reduced, reduction_kernel, sum

__all__ = ["amax", "amin", "aminmax", "argmax", "argmin", "max", "min"]

# ---------------------------------------------------------------- extremes


def _shares(x: np.ndarray, z: np.ndarray, dims: tuple[int, ...], keepdim: bool, nan: bool) -> np.ndarray:
    """1 / (number of ties) where x is the item z that was chosen, else 0; `nan`: NaN ties with NaN."""
    chosen = z if keepdim else np.expand_dims(z, dims)
    if nan and np.isnan(chosen).any():
        mask = np.asarray((x == chosen) | (np.isnan(x) & np.isnan(chosen)), x.dtype)
    else:
        mask = _is(x, chosen)
    number = _kernels.reduce("sum", mask, dims, True)
    return mask if (number == 1).all() else np.asarray(mask / number)


_is = chained(lambda x, chosen: step("where", step("equal", x, chosen), 1.0, 0.0))
_ties = computed("ties", quiet(_shares), batched=over)


def choosing(name: str, kernel: Function, nan: bool, batched: Function = over) -> Operation:
    """An operation that chooses one of x's items over `dims`, of which ties have equal shares."""

    @half
    def pulled(g: Any, x: Any, z: Any, dims: Any, keepdim: bool, shape: Any) -> Any:
        return expand_reduced(g, dims, keepdim, shape) * _ties(x, z, dims=dims, keepdim=keepdim, nan=nan)

    @half
    def pushed(t: Any, x: Any, z: Any, dims: Any, keepdim: bool) -> Any:
        return sum(t * _ties(x, z, dims=dims, keepdim=keepdim, nan=nan), dims, keepdim)

    return primitive(name, kernel, (pulled,), (pushed,), batched=batched)


_largest = reduction_kernel("max", lambda x, dims, keepdim: np.amax(x, dims, None, keepdim))
_smallest = reduction_kernel("min", lambda x, dims, keepdim: np.amin(x, dims, None, keepdim))
_AMAX, _AMIN = choosing("amax", _largest, False), choosing("amin", _smallest, False)
_MAX, _MIN = choosing("max", _largest, True), choosing("min", _smallest, True)


@tells
@documented
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


@tells
@documented
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

    return reduction_kernel(kind, fallback)


def _each_arg(kernel: Function, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> Any:
    """Of a batch: a place among all items of an example is one along all of its dimensions as one."""
    x, dims = arrays[0], static["dims"]
    if len(dims) < 2:
        return over(kernel, batch, arrays, static)
    lead = len(batch.lengths)
    whole = {"dims": (lead,), "keepdim": False, "shape": (*batch.lengths, x.size)}
    found = kernel(flat(x, batch), **whole)
    return found.reshape((*batch.lengths, *(1,) * len(dims))) if static["keepdim"] else found


_argmax, _argmin = (computed(name, _arg(name), batched=_each_arg) for name in ("argmax", "argmin"))


def _index_of(
    name: str, place: Callable[..., Tensor], x: Any, dim: Any, axis: Any, keepdim: bool, keepdims: bool | None
) -> Tensor:
    x = enter(x)
    dim = either(name, dim, axis)
    if isinstance(dim, (tuple, list)):
        raise TypeError(f"{name}: expected one dimension or None, got {dim}")
    return place(x, **reduced(name, x._value.shape, dim, None, keepdim, keepdims))


@tells
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


@tells
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


class ValuesAndIndices(tuple[Tensor, Tensor]):
    """The pair (values, indices), also by name."""

    __slots__ = ()
    values: Tensor = property(operator.itemgetter(0), doc="The items.")  # type: ignore[assignment]
    indices: Tensor = property(  # type: ignore[assignment]
        operator.itemgetter(1), doc="Where they stand along the dimension."
    )

    def __repr__(self) -> str:
        return f"wengert.return_types.{type(self).__name__}(\nvalues={self[0]!r},\nindices={self[1]!r})"

    def __reduce__(self) -> Any:
        return values_and_indices, (type(self).__name__, *self)  # its class is nowhere to be imported from


@functools.cache
def _kind(name: str) -> type[ValuesAndIndices]:
    return type(name, (ValuesAndIndices,), {"__slots__": (), "__doc__": ValuesAndIndices.__doc__})


def values_and_indices(name: str, values: Any, indices: Any) -> ValuesAndIndices:
    """The pair that the function `name` returns."""
    return _kind(name)((values, indices))


def picked(name: str, x: Any, places: Any, dim: int) -> ValuesAndIndices:
    """The items of x at places along a dimension, and these; where they are without it, there is one item each."""
    return values_and_indices(name, items_along(name, x, places, dim), places)


# ---------------------------------------------------------------- max and min


def _extreme_and_index(
    name: str, full: Operation, two: Any, arg: Any, x: Any, dim: Any, keepdim: bool, axis: Any, keepdims: bool | None
) -> Any:  # fmt: skip
    x = enter(x)
    dim = either(name, dim, axis)
    if isinstance(dim, (Variable, np.ndarray)):
        return two(x, dim)
    if dim is None:
        return apply(full, (x,), reduced(name, x._value.shape, None, None, keepdim, keepdims))
    d = dimension(name, dim, x._value.ndim)
    return picked(name, x, apply(arg.operation, (x,), reduced(name, x._value.shape, d, None, keepdim, keepdims)), d)


@overload
def max(x: Any, dim: None = None, keepdim: bool = ..., *, axis: None = None, keepdims: bool | None = ...) -> Tensor: ...
@overload
def max(
    x: Any, dim: int, keepdim: bool = ..., *, axis: None = None, keepdims: bool | None = ...
) -> ValuesAndIndices: ...
@overload
def max(x: Any, *, axis: int, keepdim: bool = ..., keepdims: bool | None = ...) -> ValuesAndIndices: ...
@overload
def max(x: Any, dim: Tensor | np.ndarray) -> Tensor: ...
@tells
def max(x: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: bool | None = None) -> Any:
    """The largest item, or the largest items along one dimension with their indices.

    Parameters
    ----------
    x : tensor
    dim : int, tensor or None
        None: over all items; ties share the gradient evenly. An int: along that dimension; the first of several counts.
        A tensor: as `maximum`. Also spelled `axis`.
    keepdim : bool
        Keep the reduced dimension with length 1. Also spelled `keepdims`.

    Returns
    -------
    Tensor, or (values, indices) with an int

    Raises
    ------
    ValueError
        If there is nothing to choose from.

    Examples
    --------
    >>> wg.max(wg.tensor([[1., 4.], [3., 2.]]), dim=1).values
    tensor([4., 3.])
    >>> wg.max(wg.tensor([1., 4.]), wg.tensor([2., 3.]))
    tensor([2., 4.])
    """
    return _extreme_and_index("max", _MAX, maximum, _argmax, x, dim, keepdim, axis, keepdims)


@overload
def min(x: Any, dim: None = None, keepdim: bool = ..., *, axis: None = None, keepdims: bool | None = ...) -> Tensor: ...
@overload
def min(
    x: Any, dim: int, keepdim: bool = ..., *, axis: None = None, keepdims: bool | None = ...
) -> ValuesAndIndices: ...
@overload
def min(x: Any, *, axis: int, keepdim: bool = ..., keepdims: bool | None = ...) -> ValuesAndIndices: ...
@overload
def min(x: Any, dim: Tensor | np.ndarray) -> Tensor: ...
@tells
def min(x: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: bool | None = None) -> Any:
    """The smallest item, or the smallest items along one dimension with their indices.

    Parameters
    ----------
    x : tensor
    dim : int, tensor or None
        None: over all items; ties share the gradient evenly. An int: along that dimension; the first of several counts.
        A tensor: as `minimum`. Also spelled `axis`.
    keepdim : bool
        Keep the reduced dimension with length 1. Also spelled `keepdims`.

    Returns
    -------
    Tensor, or (values, indices) with an int

    Raises
    ------
    ValueError
        If there is nothing to choose from.

    Examples
    --------
    >>> wg.min(wg.tensor([[1., 4.], [3., 2.]]), dim=1).values
    tensor([1., 2.])
    >>> wg.min(wg.tensor([1., 4.]), wg.tensor([2., 3.]))
    tensor([1., 3.])
    """
    return _extreme_and_index("min", _MIN, minimum, _argmin, x, dim, keepdim, axis, keepdims)


class MinAndMax(tuple[Tensor, Tensor]):
    """The pair (min, max), also by name."""

    __slots__ = ()
    min: Tensor = property(operator.itemgetter(0), doc="The smallest items.")  # type: ignore[assignment]
    max: Tensor = property(operator.itemgetter(1), doc="The largest items.")  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"wengert.return_types.aminmax(\nmin={self[0]!r},\nmax={self[1]!r})"


@tells
def aminmax(
    x: Any, *, dim: int | None = None, keepdim: bool = False, axis: int | None = None, keepdims: bool | None = None
) -> MinAndMax:
    """The smallest and the largest item, over all or along one dimension.

    Parameters
    ----------
    x : tensor
    dim : int or None
        Also spelled `axis`.
    keepdim : bool
        Keep the reduced dimension with length 1. Also spelled `keepdims`.

    Returns
    -------
    (min, max)

    Raises
    ------
    ValueError
        If there is nothing to choose from.

    Examples
    --------
    >>> wg.aminmax(wg.tensor([3., 1., 2.])).max
    tensor(3.)
    """
    dim = either("aminmax", dim, axis)
    keepdim = bool(keepdim if keepdims is None else keepdims)
    return MinAndMax((amin(x, dim, keepdim), amax(x, dim, keepdim)))
