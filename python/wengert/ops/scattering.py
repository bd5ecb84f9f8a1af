"""Picking and placing items by index along one dimension, and by mask."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core import dtypes
from ..core.arguments import dimension, either
from ..core.batching import refused
from ..core.broadcast import broadcast_shape, broadcast_to, cast
from ..core.define import computed
from ..core.doors import enter
from ..core.signatures import tells
from ..core.variable import Variable
from .compare import where
from .index import Line, Places, along, as_places, line, pick, picked_at, picked_for, put_at, put_for, unbind
from .naming import called
from .shape import clone, reshape

__all__ = [
    "argwhere", "gather", "index_add", "index_copy", "index_fill", "index_select", "masked_fill", "masked_scatter",
    "masked_select", "nonzero", "scatter", "scatter_add", "take",
]  # fmt: skip

# ---------------------------------------------------------------- an index for every item


def grid(name: str, x: Any, dim: Any, indices: Any, src: Any = None) -> tuple[Any, Line]:
    """An index in int64, and its line: as `gather` and `scatter` take it, no longer than x, but along `dim`, or src."""
    if dim is None:
        raise TypeError(f"{name}: expected dim, the dimension that is indexed")
    shape, wanted = x._value.shape, indices._value.shape
    d = dimension(name, dim, len(shape))
    if indices._value.dtype is not dtypes.int64 or len(shape) != len(wanted):
        indices = along(name, x, indices, d).arrays[0]
    of_src = wanted if src is None else src._value.shape
    for given, free in ((shape, d), (of_src, None)) if shape != wanted or of_src != wanted else ():
        if not _covers(given, wanted, free):
            raise ValueError(
                f"{name}: indices of shape {wanted} are longer than shape {given}, apart from dimension {d}"
            )
    return indices, line(d, wanted)


def _covers(shape: tuple[int, ...], wanted: tuple[int, ...], free: int | None) -> bool:
    """Whether a shape has as many dimensions as another, each as long at least but the one that is free."""
    return len(shape) == len(wanted) and not [k for k, n in enumerate(wanted) if n > shape[k] and k != free]


@tells
def gather(x: Any, dim: int | None = None, index: Any = None, *, axis: int | None = None) -> Tensor:
    """Items picked along one dimension: for dim = 1, z[i, j] = x[i, index[i, j]].

    Parameters
    ----------
    x : tensor
    dim : int
        Also spelled `axis`.
    index : tensor or array of integers
        Of as many dimensions as x, none longer than x's but `dim`.

    Returns
    -------
    Tensor
        Of the index's shape.

    Raises
    ------
    IndexError
        If an index is out of range.
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> wg.gather(wg.tensor([[1., 2.], [3., 4.]]), 1, wg.tensor([[0, 0], [1, 0]]))
    tensor([[1., 1.],
            [4., 3.]])
    """
    x, indices = enter(x), enter(index)
    return picked_at("gather", x, *grid("gather", x, dim if axis is None else either("gather", dim, axis), indices))


@tells
def scatter(
    x: Any, dim: int | None = None, index: Any = None, src: Any = None, *, value: Any = None, axis: int | None = None
) -> Tensor:
    """A copy of x with items placed along one dimension: for dim = 1, z[i, index[i, j]] = src[i, j].

    Parameters
    ----------
    x : tensor
    dim : int
        Also spelled `axis`.
    index : tensor or array of integers
        Of as many dimensions as x, none longer than x's but `dim`. Of a repeated index the last counts.
    src : tensor or number
        At least as long as the index in every dimension.
    value : number
        Another name for a number as `src`.

    Returns
    -------
    Tensor
        Of x's shape.

    Raises
    ------
    IndexError
        If an index is out of range.
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> wg.scatter(wg.zeros(2, 3), 1, wg.tensor([[2], [0]]), 5.)
    tensor([[0., 0., 5.],
            [5., 0., 0.]])
    """
    dim = dim if axis is None else either("scatter", dim, axis)
    return _scattered("scatter", x, dim, index, value if src is None else src, False)


@tells
def scatter_add(
    x: Any, dim: int | None = None, index: Any = None, src: Any = None, *, axis: int | None = None
) -> Tensor:
    """A copy of x with items added along one dimension: for dim = 1, z[i, index[i, j]] += src[i, j].

    Parameters
    ----------
    x : tensor
    dim : int
        Also spelled `axis`.
    index : tensor or array of integers
        Of as many dimensions as x, none longer than x's but `dim`. Repeated indices add repeatedly.
    src : tensor
        At least as long as the index in every dimension.

    Returns
    -------
    Tensor
        Of x's shape.

    Raises
    ------
    IndexError
        If an index is out of range.
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> wg.scatter_add(wg.zeros(3), 0, wg.tensor([0, 2, 0]), wg.tensor([1., 2., 3.]))
    tensor([4., 0., 2.])
    """
    return _scattered("scatter_add", x, dim if axis is None else either("scatter_add", dim, axis), index, src, True)


def _scattered(name: str, x: Any, dim: Any, index: Any, src: Any, accumulate: bool) -> Tensor:
    x, indices = enter(x), enter(index)
    if not isinstance(src, Variable):
        if src is None:
            raise TypeError(f"{name}: expected src, the items to place")
        if isinstance(src, (int, float)):
            index, keys = grid(name, x, dim, indices)
            return put_for(name, x, Places(keys, (index,)), src, accumulate=accumulate)
        src = enter(src)
    if src._value.dtype != x._value.dtype:
        raise TypeError(f"{name}: expected src of dtype {x._value.dtype} like the tensor, got {src._value.dtype}")
    index, keys = grid(name, x, dim, indices, src)
    if src._value.shape != keys.shape:
        src = pick(src, tuple(map(slice, keys.shape)))
    return put_at(name, x, index, keys, src, accumulate)


# ---------------------------------------------------------------- whole slices


def _slices(name: str, x: Any, dim: Any, axis: Any, index: Any) -> tuple[Any, Any, int, tuple[int, ...]]:
    """The tensor, of one dimension at least, the index, the dimension that it is for, and the shape that was given."""
    x, indices = enter(x), enter(index)
    if axis is not None:
        dim = either(name, dim, axis)
    if dim is None:
        raise TypeError(f"{name}: expected dim, the dimension that is indexed")
    if indices._value.dtype is not dtypes.int64:
        indices = as_places(name, indices)
    if indices._value.ndim != 1:
        if indices._value.ndim > 1:
            raise ValueError(f"{name}: expected a vector of indices, got shape {indices._value.shape}")
        indices = reshape(indices, 1)
    shape = x._value.shape
    d = dimension(name, dim, len(shape))
    return x if shape else reshape(x, 1), indices, d, shape


def index_select(x: Any, dim: int | None = None, index: Any = None, *, axis: int | None = None) -> Tensor:
    """Slices picked along one dimension: x[:, index] for dim = 1.

    Parameters
    ----------
    x : tensor
    dim : int
        Also spelled `axis`.
    index : tensor or array of integers
        (n,)

    Returns
    -------
    Tensor
        x's shape with n along `dim`.

    Raises
    ------
    IndexError
        If an index is out of range.

    Examples
    --------
    >>> wg.index_select(wg.tensor([[1., 2.], [3., 4.]]), 1, wg.tensor([1, 1, 0]))
    tensor([[2., 2., 1.],
            [4., 4., 3.]])
    """
    x, index, d, shape = _slices("index_select", x, dim, axis, index)
    out = picked_at("index_select", x, index, d)
    return out if shape else called("index_select", reshape(out, ()))


def _source(name: str, x: Any, source: Any, index: Any, d: int) -> Any:
    """What is to be placed at an index of slices along dimension d."""
    source, shape = enter(source), x._value.shape
    wanted = (*shape[:d], *index._value.shape, *shape[d + 1 :])
    if source._value.shape != wanted:
        if source._value.ndim or wanted != (1,):
            raise ValueError(f"{name}: expected a source of shape {wanted}, got {source._value.shape}")
        source = reshape(source, 1)
    if source._value.dtype != x._value.dtype:
        raise TypeError(
            f"{name}: expected a source of dtype {x._value.dtype} like the tensor, got {source._value.dtype}"
        )
    return source


@tells
def index_add(
    x: Any, dim: int | None = None, index: Any = None, source: Any = None, *, alpha: float = 1, axis: int | None = None
) -> Tensor:
    """A copy of x with slices added along one dimension: z[:, index[j]] += alpha * source[:, j] for dim = 1.

    Parameters
    ----------
    x : tensor
    dim : int
        Also spelled `axis`.
    index : tensor or array of integers
        (n,). Repeated indices add repeatedly.
    source : tensor
        x's shape with n along `dim`.
    alpha : float

    Returns
    -------
    Tensor
        Of x's shape.

    Raises
    ------
    IndexError
        If an index is out of range.
    ValueError
        If the source has another shape.

    Examples
    --------
    >>> wg.index_add(wg.zeros(3), 0, wg.tensor([0, 2, 0]), wg.tensor([1., 2., 3.]))
    tensor([4., 0., 2.])
    """
    x, index, d, shape = _slices("index_add", x, dim, axis, index)
    source = _source("index_add", x, source, index, d)
    out = put_at("index_add", x, index, d, source if alpha == 1 else source * alpha, True)
    return out if shape else reshape(out, ())


@tells
def index_copy(
    x: Any, dim: int | None = None, index: Any = None, source: Any = None, *, axis: int | None = None
) -> Tensor:  # fmt: skip
    """A copy of x with slices replaced along one dimension: z[:, index[j]] = source[:, j] for dim = 1.

    Parameters
    ----------
    x : tensor
    dim : int
        Also spelled `axis`.
    index : tensor or array of integers
        (n,). Of a repeated index the last counts.
    source : tensor
        x's shape with n along `dim`.

    Returns
    -------
    Tensor
        Of x's shape.

    Raises
    ------
    IndexError
        If an index is out of range.
    ValueError
        If the source has another shape.

    Examples
    --------
    >>> wg.index_copy(wg.zeros(3), 0, wg.tensor([2, 0]), wg.tensor([1., 2.]))
    tensor([2., 0., 1.])
    """
    x, index, d, shape = _slices("index_copy", x, dim, axis, index)
    out = put_at("index_copy", x, index, d, _source("index_copy", x, source, index, d), False)
    return out if shape else reshape(out, ())


@tells
def index_fill(
    x: Any, dim: int | None = None, index: Any = None, value: Any = None, *, axis: int | None = None
) -> Tensor:  # fmt: skip
    """A copy of x with slices along one dimension set to one value.

    Parameters
    ----------
    x : tensor
    dim : int
        Also spelled `axis`.
    index : tensor or array of integers
        (n,)
    value : number or 0-d tensor

    Returns
    -------
    Tensor
        Of x's shape.

    Raises
    ------
    IndexError
        If an index is out of range.

    Examples
    --------
    >>> wg.index_fill(wg.zeros(2, 2), 1, wg.tensor([0]), 5.)
    tensor([[5., 0.],
            [5., 0.]])
    """
    x, index, d, shape = _slices("index_fill", x, dim, axis, index)
    out = put_for("index_fill", x, Places(d, (index,)), _single("index_fill", value))
    return out if shape else reshape(out, ())


def _single(name: str, value: Any) -> Any:
    """A number, or a tensor without dimensions."""
    if isinstance(value, (int, float)):
        return value
    value = enter(value)
    if value._value.ndim:
        raise ValueError(f"{name}: expected a number or a 0-d tensor as value, got shape {value._value.shape}")
    return value


@tells
def take(x: Any, index: Any) -> Tensor:
    """Items picked by their place among all items in C order.

    Parameters
    ----------
    x : tensor
    index : tensor or array of integers
        Of any shape.

    Returns
    -------
    Tensor
        Of the index's shape.

    Raises
    ------
    IndexError
        If an index is out of range.

    Examples
    --------
    >>> wg.take(wg.tensor([[1., 2.], [3., 4.]]), wg.tensor([3, 0]))
    tensor([4., 1.])
    """
    places = as_places("take", enter(index))
    if not places._value.ndim:  # a single integer would make a view
        return called("take", reshape(picked_for("take", reshape(x, -1), Places(0, (reshape(places, 1),))), ()))
    return picked_for("take", reshape(x, -1), Places(0, (places,)))


# ---------------------------------------------------------------- masks


def _mask(name: str, mask: Any) -> Tensor:
    found = enter(mask)
    if found._value.dtype != dtypes.bool:
        raise TypeError(f"{name}: expected a boolean mask, got {found._value.dtype}; compare it, as in mask != 0")
    return found


@tells
def masked_fill(x: Any, mask: Any, value: Any) -> Tensor:
    """x with one value where the mask holds.

    Parameters
    ----------
    x : tensor
    mask : tensor or array of bool
        Broadcasts with x.
    value : number or 0-d tensor
        Becomes of x's dtype.

    Returns
    -------
    Tensor
        Of x's dtype and the broadcast shape.

    Raises
    ------
    TypeError
        If the mask is not boolean, or the value is not exact in an integer dtype.
    ValueError
        If the shapes do not broadcast.

    Examples
    --------
    >>> x = wg.tensor([1., -2., 3.])
    >>> wg.masked_fill(x, x < 0, 0)
    tensor([1., 0., 3.])
    """
    x, mask, value = enter(x), _mask("masked_fill", mask), _single("masked_fill", value)
    if isinstance(value, Variable):
        value = cast(value, x._value.dtype)
    elif x._value.dtype == dtypes.bool:
        value = bool(value)
    elif isinstance(value, float) and x._value.dtype.kind != "f":
        if not value.is_integer():
            raise TypeError(f"masked_fill: {value} does not fit into a tensor of {x._value.dtype}")
        value = int(value)
    return called("masked_fill", where(mask, value, x))


@tells
def masked_select(x: Any, mask: Any) -> Tensor:
    """The items of x where the mask holds, in C order.

    Parameters
    ----------
    x : tensor
    mask : tensor or array of bool
        Broadcasts with x.

    Returns
    -------
    Tensor
        (n,)

    Raises
    ------
    TypeError
        If the mask is not boolean.
    ValueError
        If the shapes do not broadcast.

    Examples
    --------
    >>> x = wg.tensor([1., -2., 3.])
    >>> wg.masked_select(x, x > 0)
    tensor([1., 3.])
    """
    x, mask = enter(x), _mask("masked_select", mask)
    shape = broadcast_shape("masked_select", x._value.shape, mask._value.shape)
    x, mask = (v if v._value.shape == shape else broadcast_to(v, shape) for v in (x, mask))
    return called("masked_select", pick(x, mask) if shape else reshape(pick(x, mask), -1))


@tells
def masked_scatter(x: Any, mask: Any, source: Any) -> Tensor:
    """A copy of x with the first items of a source, in C order, where the mask holds.

    Parameters
    ----------
    x : tensor
    mask : tensor or array of bool
        Broadcasts to x's shape.
    source : tensor
        Of at least as many items as the mask has true ones.

    Returns
    -------
    Tensor
        Of x's shape.

    Raises
    ------
    TypeError
        If the mask is not boolean.
    ValueError
        If the source has too few items, or the mask does not broadcast.

    Examples
    --------
    >>> wg.masked_scatter(wg.zeros(3), wg.tensor([True, False, True]), wg.tensor([1., 2., 3.]))
    tensor([1., 0., 2.])
    """
    x, mask, source = enter(x), _mask("masked_scatter", mask), enter(source)
    shape = broadcast_shape("masked_scatter", x._value.shape, mask._value.shape)
    if shape != x._value.shape:
        raise ValueError(f"masked_scatter: a mask of shape {mask._value.shape} does not broadcast to {x._value.shape}")
    numbers = _NUMBERED(mask, shape=shape, most=source._value.size)
    if source._value.dtype != x._value.dtype:
        source = cast(source, x._value.dtype)
    if not source._value.size:  # and the mask holds nowhere
        return called("masked_scatter", clone(x))
    return called("masked_scatter", where(mask, take(source, numbers), x))


def _numbered(mask: np.ndarray, shape: tuple[int, ...], most: int) -> np.ndarray:
    """For each place where the mask holds, how many such places are before it; 0 elsewhere. They are `most` at most."""
    held = np.broadcast_to(mask, shape)
    numbers = np.cumsum(held, dtype=np.int64).reshape(shape)
    count = int(numbers.max(initial=0))
    if count > most:
        raise ValueError(f"masked_scatter: the mask has {count} true item(s), the source only {most}")
    return np.asarray((numbers - 1) * held)


_NUMBERED = computed("masked_scatter_numbers", _numbered)


@tells
def nonzero(x: Any, *, as_tuple: bool = False) -> Any:
    """The indices of the items that are not zero, in C order.

    Parameters
    ----------
    x : tensor
    as_tuple : bool
        One vector per dimension, ready to index with, instead of a matrix.

    Returns
    -------
    Tensor of int64, or a tuple of them
        (n, ndim); or ndim vectors (n,).

    Examples
    --------
    >>> wg.nonzero(wg.tensor([[1., 0.], [0., 2.]]))
    tensor([[0, 0],
            [1, 1]])
    >>> wg.nonzero(wg.tensor([0., 3.]), as_tuple=True)
    (tensor([1]),)
    """
    x = enter(x)
    if as_tuple:
        return unbind(_NONZERO(x if x._value.ndim else reshape(x, 1), rows=True))
    return _NONZERO(x, rows=False)


def _nonzero(x: np.ndarray, rows: bool) -> np.ndarray:
    """The indices of the items that are not zero, a row for each dimension or for each item."""
    held = x if x.dtype == dtypes.bool else np.asarray(x != 0)
    return _kernels.nonzero(held, rows) if x.ndim else np.zeros((int(held), 0), np.int64)


_NONZERO = computed("nonzero", _nonzero, batched=refused)


@tells
def argwhere(x: Any) -> Tensor:
    """The indices of the items that are not zero, one row each: `nonzero`, by NumPy's name.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor of int64
        (n, ndim)

    Examples
    --------
    >>> wg.argwhere(wg.tensor([0., 3., 4.]))
    tensor([[1],
            [2]])
    """
    places: Tensor = nonzero(x)
    return places
