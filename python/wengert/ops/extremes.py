"""The largest and smallest items together with where they stand."""

from __future__ import annotations

import functools
import operator
from typing import Any

import numpy as np

from ..core.arguments import dimension, either
from ..core.doors import enter
from ..core.variable import Variable, wrap
from . import elementwise as e
from . import reduce
from .index import Along, picked_for
from .naming import called


class ValuesAndIndices(tuple[Any, ...]):
    """The pair (values, indices), also by name."""

    __slots__ = ()
    values = property(operator.itemgetter(0), doc="The items.")
    indices = property(operator.itemgetter(1), doc="Where they stand along the dimension.")

    def __repr__(self) -> str:
        return f"wengert.return_types.{type(self).__name__}(\nvalues={self[0]!r},\nindices={self[1]!r})"

    def __reduce__(self) -> Any:
        return values_and_indices, (type(self).__name__, *self)  # its class is nowhere to be imported from


class MinAndMax(tuple[Any, ...]):
    """The pair (min, max), also by name."""

    __slots__ = ()
    min = property(operator.itemgetter(0), doc="The smallest items.")
    max = property(operator.itemgetter(1), doc="The largest items.")

    def __repr__(self) -> str:
        return f"wengert.return_types.aminmax(\nmin={self[0]!r},\nmax={self[1]!r})"


@functools.cache
def _kind(name: str) -> type[ValuesAndIndices]:
    return type(name, (ValuesAndIndices,), {"__slots__": (), "__doc__": ValuesAndIndices.__doc__})


def values_and_indices(name: str, values: Any, indices: Any) -> ValuesAndIndices:
    """The pair that the function `name` returns."""
    return _kind(name)((values, indices))


def picked(name: str, x: Any, indices: np.ndarray, dim: int, keepdim: bool = True) -> ValuesAndIndices:
    """The items of x at `indices` along `dim`, and the indices; those of length 1 are dropped unless `keepdim`."""
    shape = indices.shape
    if not keepdim:
        shape = (*shape[:dim], *shape[dim + 1 :])
    return values_and_indices(name, picked_for(name, x, Along(indices, dim, shape)), wrap(indices.reshape(shape)))


# ---------------------------------------------------------------- max and min


def _extreme(
    name: str, full: Any, two: Any, arg: Any, x: Any, dim: Any, keepdim: bool, axis: Any, keepdims: bool | None
) -> Any:  # fmt: skip
    x = enter(x)
    dim = either(name, dim, axis)
    keepdim = bool(keepdim if keepdims is None else keepdims)
    if isinstance(dim, (Variable, np.ndarray)):
        return two(x, dim)
    if dim is None:
        return called(name, full(x, None, keepdim))
    d = dimension(name, dim, x._value.ndim)
    return picked(name, x, arg(x, d, True)._value, d, keepdim)


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
    return _extreme("max", reduce.amax, e.maximum, reduce.argmax, x, dim, keepdim, axis, keepdims)


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
    return _extreme("min", reduce.amin, e.minimum, reduce.argmin, x, dim, keepdim, axis, keepdims)


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
    return MinAndMax((reduce.amin(x, dim, keepdim), reduce.amax(x, dim, keepdim)))


# ---------------------------------------------------------------- running extremes


def _running(name: str, accumulate: Any, x: Any, dim: int | None, axis: int | None) -> ValuesAndIndices:
    x = enter(x)
    dim = either(name, dim, axis)
    if dim is None:
        raise TypeError(f"{name}: expected dim, the dimension to run along")
    d = dimension(name, dim, x._value.ndim)
    value = x._value
    if not value.ndim:
        return picked(name, x, np.zeros((), np.int64), d)
    running = accumulate(value, axis=d)
    here = value == running
    if value.dtype.kind == "f":
        here |= np.isnan(value)
    places = np.arange(value.shape[d]).reshape([-1 if k == d else 1 for k in range(value.ndim)])
    indices = np.maximum.accumulate(np.where(here, places, 0), axis=d)
    return picked(name, x, indices, d)


def cummax(x: Any, dim: int | None = None, *, axis: int | None = None) -> Any:
    """The largest item so far along one dimension, and where it stands: the last of several.

    Parameters
    ----------
    x : tensor
    dim : int
        Also spelled `axis`.

    Returns
    -------
    (values, indices)
        Of the same shape.

    Raises
    ------
    IndexError
        If the dimension is out of range.

    Examples
    --------
    >>> wg.cummax(wg.tensor([1., 3., 2.]), 0).values
    tensor([1., 3., 3.])
    """
    return _running("cummax", np.maximum.accumulate, x, dim, axis)


def cummin(x: Any, dim: int | None = None, *, axis: int | None = None) -> Any:
    """The smallest item so far along one dimension, and where it stands: the last of several.

    Parameters
    ----------
    x : tensor
    dim : int
        Also spelled `axis`.

    Returns
    -------
    (values, indices)
        Of the same shape.

    Raises
    ------
    IndexError
        If the dimension is out of range.

    Examples
    --------
    >>> wg.cummin(wg.tensor([2., 1., 3.]), 0).values
    tensor([2., 1., 1.])
    """
    return _running("cummin", np.minimum.accumulate, x, dim, axis)
