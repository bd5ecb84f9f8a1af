""""""

from __future__ import annotations

import math
from typing import Any, overload

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core import dtypes
from ..core.arguments import dimension, either, reduced, whole
from ..core.batching import Batch, aligned, all_full, by_dim, flat, looped, refused, unchanged
from ..core.bound import by_bindings
from ..core.broadcast import beside, cast
from ..core.define import Function, computed, elementwise, primitive
from ..core.doors import constant, enter, require_unfollowed
from ..core.half import half
from ..core.signatures import tells
from ..core.tape import Operation, apply
from ..core.tuples import item
from .compare import where
from .extremes import ValuesAndIndices, choosing, picked
from .index import items_along
from .shape import expand, movedim, reshape

__all__ = [
    "argsort", "bucketize", "kthvalue", "median", "msort", "nanmedian", "nanquantile", "quantile", "searchsorted",
    "sort", "topk", "unique", "unique_consecutive",
]  # fmt: skip


def _order(x: np.ndarray, dim: int, descending: bool) -> np.ndarray:
    """The indices that sort along a dimension, equal items in their order; NaN counts as the largest."""
    return _kernels.places_in_order(x, dim, descending)


_argsort: Operation = computed("argsort", _order, batched=by_dim).operation  # type: ignore[attr-defined]


# ---------------------------------------------------------------- sorting


@tells
def sort(
    x: Any, dim: int | None = None, descending: bool = False, stable: bool = True, *, axis: int | None = None
) -> ValuesAndIndices:
    """The items in order along one dimension, and where they stood; NaN counts as the largest.

    Parameters
    ----------
    x : tensor
    dim : int
        The last by default. Also spelled `axis`.
    descending : bool
        From the largest to the smallest.
    stable : bool
        Accepted for code that passes it: equal items always keep their order.

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
    >>> wg.sort(wg.tensor([3., 1., 2.]))
    wengert.return_types.sort(
    values=tensor([1., 2., 3.]),
    indices=tensor([1, 2, 0]))
    """
    x = enter(x)
    dim = either("sort", dim, axis)
    d = dimension("sort", -1 if dim is None else dim, x._value.ndim)
    return picked("sort", x, apply(_argsort, (x,), {"dim": d, "descending": bool(descending)}), d)


@tells
def argsort(
    x: Any, dim: int | None = None, descending: bool = False, stable: bool = True, *, axis: int | None = None
) -> Tensor:  # fmt: skip
    """The indices that sort a tensor along one dimension; NaN counts as the largest.

    Parameters
    ----------
    x : tensor
    dim : int
        The last by default. Also spelled `axis`.
    descending : bool
        From the largest to the smallest.
    stable : bool
        Accepted for code that passes it: equal items always keep their order.

    Returns
    -------
    Tensor of int64
        Of the same shape.

    Raises
    ------
    IndexError
        If the dimension is out of range.

    Examples
    --------
    >>> wg.argsort(wg.tensor([3., 1., 2.]))
    tensor([1, 2, 0])
    """
    x = enter(x)
    dim = either("argsort", dim, axis)
    d = dimension("argsort", -1 if dim is None else dim, x._value.ndim)
    return apply(_argsort, (x,), {"dim": d, "descending": bool(descending)})


@tells
def msort(x: Any) -> Tensor:
    """The items in order along the first dimension.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor
        Of the same shape.

    Examples
    --------
    >>> wg.msort(wg.tensor([[3., 1.], [2., 4.]]))
    tensor([[2., 1.],
            [3., 4.]])
    """
    items: Tensor = sort(x, 0).values
    return items


_FEW = 32  # items up to which the kernel, whose time may grow with their number, is faster than sorting all


@by_bindings
def _extreme_places(x: np.ndarray, k: int, dim: int, largest: bool) -> np.ndarray:
    """The indices of the k largest or smallest items along a dimension, in order."""
    if x.ndim and k <= _FEW and x.dtype.char in dtypes.NATIVE:
        return _kernels.topk(x, k, dim, not largest)
    order = _order(x, dim, largest)
    return order[(slice(None),) * dim + (slice(k),)] if x.ndim else order


_topk: Operation = computed("topk", _extreme_places, batched=by_dim).operation  # type: ignore[attr-defined]


@tells
def topk(
    x: Any, k: int, dim: int | None = None, largest: bool = True, sorted: bool = True, *, axis: int | None = None
) -> ValuesAndIndices:
    """The k largest items along one dimension, and where they stand.

    Parameters
    ----------
    x : tensor
    k : int
    dim : int
        The last by default. Also spelled `axis`.
    largest : bool
        False: the k smallest.
    sorted : bool
        Accepted for code that passes it: the items always come in order.

    Returns
    -------
    (values, indices)
        k along the dimension, the largest (or smallest) first.

    Raises
    ------
    ValueError
        If there are fewer than k items.

    Examples
    --------
    >>> wg.topk(wg.tensor([3., 1., 2.]), 2).indices
    tensor([0, 2])
    """
    x = enter(x)
    dim = either("topk", dim, axis)
    d = dimension("topk", -1 if dim is None else dim, x._value.ndim)
    n = x._value.shape[d] if x._value.ndim else 1
    k = whole("topk", "k", k)
    if not 0 <= k <= n:
        raise ValueError(f"topk: expected k from 0 to {n}, the length of dimension {d} of {x._value.shape}, got {k}")
    return picked("topk", x, apply(_topk, (x,), {"k": k, "dim": d, "largest": bool(largest)}), d)


# ---------------------------------------------------------------- order statistics


def _kth_place(x: np.ndarray, k: int, dim: int, keepdim: bool) -> np.ndarray:
    return _kernels.places_of_ranks(x, k - 1, dim, keepdims=keepdim)


_kthvalue = computed("kthvalue", _kth_place, batched=by_dim)


@tells
def kthvalue(
    x: Any, k: int, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None,
    keepdims: bool | None = None,
) -> ValuesAndIndices:  # fmt: skip
    """The k-th smallest item along one dimension, and where it stands.

    Parameters
    ----------
    x : tensor
    k : int
        From 1.
    dim : int
        The last by default. Also spelled `axis`.
    keepdim : bool
        Keep the dimension with length 1. Also spelled `keepdims`.

    Returns
    -------
    (values, indices)

    Raises
    ------
    ValueError
        If there is no k-th item.

    Examples
    --------
    >>> wg.kthvalue(wg.tensor([3., 1., 2.]), 2).values
    tensor(2.)
    """
    x = enter(x)
    dim = either("kthvalue", dim, axis)
    d = dimension("kthvalue", -1 if dim is None else dim, x._value.ndim)
    n = x._value.shape[d] if x._value.ndim else 1
    k = whole("kthvalue", "k", k)
    if not 1 <= k <= n:
        raise ValueError(f"kthvalue: expected k from 1 to {n}, the length of dimension {d}, got {k}")
    keepdim = bool(keepdim if keepdims is None else keepdims) or not x._value.ndim
    return picked("kthvalue", x, _kthvalue(x, k=k, dim=d, keepdim=keepdim), d)


@overload
def median(
    x: Any, dim: None = None, keepdim: bool = ..., *, axis: None = None, keepdims: bool | None = ...
) -> Tensor: ...
@overload
def median(
    x: Any, dim: int, keepdim: bool = ..., *, axis: None = None, keepdims: bool | None = ...
) -> ValuesAndIndices: ...
@overload
def median(x: Any, *, axis: int, keepdim: bool = ..., keepdims: bool | None = ...) -> ValuesAndIndices: ...
@tells
def median(
    x: Any, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None, keepdims: bool | None = None
) -> Any:
    """The middle item in order, of two the lower one; NaN if there is one.

    Parameters
    ----------
    x : tensor
    dim : int or None
        None: over all items; ties share the gradient evenly. Also spelled `axis`.
    keepdim : bool
        Keep the dimension with length 1. Also spelled `keepdims`.

    Returns
    -------
    Tensor, or (values, indices) with a dimension

    Raises
    ------
    ValueError
        If there are no items.

    Examples
    --------
    >>> wg.median(wg.tensor([4., 1., 3., 2.]))
    tensor(2.)
    """
    return _median("median", x, dim, keepdim, axis, keepdims)


@overload
def nanmedian(
    x: Any, dim: None = None, keepdim: bool = ..., *, axis: None = None, keepdims: bool | None = ...
) -> Tensor: ...
@overload
def nanmedian(
    x: Any, dim: int, keepdim: bool = ..., *, axis: None = None, keepdims: bool | None = ...
) -> ValuesAndIndices: ...
@overload
def nanmedian(x: Any, *, axis: int, keepdim: bool = ..., keepdims: bool | None = ...) -> ValuesAndIndices: ...
@tells
def nanmedian(
    x: Any, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None, keepdims: bool | None = None
) -> Any:
    """The middle item in order, of two the lower one, as if there were no NaN; NaN if there is nothing else.

    Parameters
    ----------
    x : tensor
    dim : int or None
        None: over all items. Also spelled `axis`.
    keepdim : bool
        Keep the dimension with length 1. Also spelled `keepdims`.

    Returns
    -------
    Tensor, or (values, indices) with a dimension

    Raises
    ------
    ValueError
        If there are no items.

    Examples
    --------
    >>> wg.nanmedian(wg.tensor([4., float("nan"), 3.]))
    tensor(3.)
    """
    return _median("nanmedian", x, dim, keepdim, axis, keepdims)


def _median(name: str, x: Any, dim: int | None, keepdim: bool, axis: int | None, keepdims: bool | None) -> Any:
    x = enter(x)
    if dim is None and axis is None:
        operation = _NANMEDIAN if name == "nanmedian" else _MEDIAN
        return apply(operation, (x,), reduced(name, x._value.shape, None, None, keepdim, keepdims))
    dim = either(name, dim, axis)
    keepdim = bool(keepdim if keepdims is None else keepdims)
    d = dimension(name, dim, x._value.ndim)
    shape = x._value.shape
    if shape and not shape[d]:
        raise ValueError(f"{name}: there is nothing to choose from along dimension {d} of shape {shape}")
    return picked(name, x, _middle(x, dim=d, without_nan=name == "nanmedian", keepdim=keepdim or not shape), d)


def _middle_place(x: np.ndarray, dim: int, without_nan: bool, keepdim: bool = True) -> np.ndarray:
    n = x.shape[dim] if x.ndim else 1
    return _kernels.places_of_ranks(x, (n - 1) // 2, dim, "left out" if without_nan else "chosen", keepdim)


_middle = computed("median", _middle_place, batched=by_dim)


def _middle_item(name: str, nan: str) -> Function:
    def kernel(x: np.ndarray, dims: tuple[int, ...], keepdim: bool, shape: tuple[int, ...]) -> np.ndarray:
        if not x.size and x.dtype.kind == "f":
            return np.full((1,) * x.ndim if keepdim else (), np.nan, x.dtype)
        if not x.size:
            raise ValueError(f"{name}: there is nothing to choose from in shape {x.shape}")
        line = x.ravel("K")  # any order will do
        place = _kernels.places_of_ranks(line, (x.size - 1) // 2, 0, nan, False)
        item: np.ndarray = _kernels.gather_along(line, place, 0)
        return item.reshape((1,) * x.ndim) if keepdim else item

    return kernel


def _each_middle_item(kernel: Function, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> np.ndarray:
    """Of a batch: the middle of all items of each example."""
    x = arrays[0]
    lead = len(batch.lengths)
    if 0 in x.shape[lead:]:
        return looped(kernel, batch, arrays, static)  # type: ignore[no-any-return]
    items = flat(x, batch)
    found = np.take_along_axis(items, _middle_place(items, lead, batch.name == "nanmedian"), lead)
    return found.reshape((*batch.lengths, *(1,) * (x.ndim - lead if static["keepdim"] else 0)))


_MEDIAN = choosing("median", _middle_item("median", "chosen"), True, _each_middle_item)
_NANMEDIAN = choosing("nanmedian", _middle_item("nanmedian", "left out"), True, _each_middle_item)


_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


@tells
def quantile(
    x: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear",
    axis: int | None = None, keepdims: bool | None = None,
) -> Tensor:  # fmt: skip
    """The items at given shares of the way through the order, interpolated between neighbours; NaN if there is one.

    Parameters
    ----------
    x : tensor
    q : float or sequence of float
        In [0, 1].
    dim : int or None
        None: over all items. Also spelled `axis`.
    keepdim : bool
        Keep the dimension with length 1. Also spelled `keepdims`.
    interpolation : {"linear", "lower", "higher", "midpoint", "nearest"}

    Returns
    -------
    Tensor
        With a first dimension for q unless it is one number.

    Raises
    ------
    ValueError
        If q is outside of [0, 1], there are no items, or there is no such interpolation.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.quantile(wg.tensor([0., 1., 2., 3.]), 0.5)
    tensor(1.5000)
    """
    return _quantile("quantile", x, q, dim, keepdim, interpolation, axis, keepdims)


@tells
def nanquantile(
    x: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear",
    axis: int | None = None, keepdims: bool | None = None,
) -> Tensor:  # fmt: skip
    """The same as `quantile`, as if there were no NaN; NaN where there is nothing else.

    Parameters
    ----------
    x : tensor
    q : float or sequence of float
        In [0, 1].
    dim : int or None
        None: over all items. Also spelled `axis`.
    keepdim : bool
        Keep the dimension with length 1. Also spelled `keepdims`.
    interpolation : {"linear", "lower", "higher", "midpoint", "nearest"}

    Returns
    -------
    Tensor
        With a first dimension for q unless it is one number.

    Raises
    ------
    ValueError
        If q is outside of [0, 1], there are no items, or there is no such interpolation.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.nanquantile(wg.tensor([0., 1., float("nan"), 2.]), 0.5)
    tensor(1.)
    """
    return _quantile("nanquantile", x, q, dim, keepdim, interpolation, axis, keepdims)


def _quantile(
    name: str, x: Any, q: Any, dim: int | None, keepdim: bool, interpolation: str, axis: int | None,
    keepdims: bool | None,
) -> Tensor:  # fmt: skip
    x = enter(x)
    dim = either(name, dim, axis)
    keepdim = bool(keepdim if keepdims is None else keepdims)
    if x._value.dtype.kind != "f":
        raise TypeError(f"{name}: expected a floating tensor, got {x._value.dtype}; convert it, as in x.float()")
    if interpolation not in _INTERPOLATIONS:
        raise ValueError(f"{name}: expected an interpolation of {', '.join(_INTERPOLATIONS)}, got {interpolation!r}")
    if isinstance(q, (int, float)) and 0 <= q <= 1:
        share = enter(np.asarray(q, np.float64))
    else:
        share = _share(np.asarray(q, np.float64) if isinstance(q, (int, float, list, tuple)) else q, name=name)
    asked = share._value.shape
    ndim = x._value.ndim
    d = 0 if dim is None else dimension(name, dim, ndim)
    rows = reshape(x, -1) if dim is None or not ndim else x if d == ndim - 1 else movedim(x, d, -1)
    if not rows._value.shape[-1]:
        raise ValueError(f"{name}: there is nothing to choose from in shape {x._value.shape}")
    z: Tensor = _between_neighbours(rows, share, interpolation, name == "nanquantile")  # (other dimensions, q)
    lead = rows._value.shape[:-1]
    if keepdim:
        lead = (1,) * ndim if dim is None else tuple(1 if k == d else n for k, n in enumerate(x._value.shape))
    if not asked:
        return reshape(z, lead)
    z = movedim(z, -1, 0)
    return reshape(z, (*asked, *lead)) if keepdim else z


def _checked_share(q: np.ndarray, name: str) -> np.ndarray:
    if q.ndim > 1 or not ((q >= 0) & (q <= 1)).all():
        raise ValueError(f"{name}: expected one q or a vector of them in [0, 1], got {q.tolist()}")
    return q


def _each_share(kernel: Function, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> np.ndarray:
    """Of a batch: the example's dimensions are counted, all items are checked."""
    q = arrays[0]
    if q.ndim - len(batch.lengths) > 1:
        return looped(kernel, batch, arrays, static)  # type: ignore[no-any-return]  # which says what is wrong
    kernel(q.reshape(-1), **static)
    return q  # type: ignore[no-any-return]


_share = elementwise("quantile_share", _checked_share, lambda g: g, floating=True, batched=_each_share)
_floor = computed("floor", np.floor, batched=unchanged)
_last_number = computed(
    "last_number", lambda x: np.maximum(x.shape[-1] - 1 - np.isnan(x).sum(-1, keepdims=True), 0), batched=unchanged
)

_FEW_RANKS = 8  # which are found one after the other in less time than all items are sorted


def _neighbours(rows: np.ndarray, rank: np.ndarray, interpolation: str, without_nan: bool) -> Any:
    """Per row the places of the items at each rank, or of those on both sides of it; of the NaN if there is one."""
    if rank.size == 1 and interpolation == "linear":
        low = math.floor(rank.item())
        places = _kernels.places_of_ranks(
            rows, np.array([low, math.ceil(rank.item())]), -1, "last" if without_nan else "chosen"
        )
        return places[..., :1], places[..., 1:]
    roundings: dict[str, Any] = {"higher": np.ceil, "nearest": np.round}
    ranks = [roundings.get(interpolation, np.floor)(rank)]
    if interpolation in ("linear", "midpoint"):
        ranks.append(np.ceil(rank))
    n, count = rows.shape[-1], rank.shape[-1]
    asked = np.concatenate(ranks, -1).astype(np.int64)
    rows = np.broadcast_to(rows, (*np.broadcast_shapes(rows.shape[:-1], rank.shape[:-1]), n))
    if asked.size == asked.shape[-1]:
        asked = asked.reshape(-1)
    else:
        asked = np.broadcast_to(asked, (*rows.shape[:-1], asked.shape[-1]))
    if count <= _FEW_RANKS:
        order = asked.argsort(-1, "stable")
        ascending = np.take_along_axis(asked, order, -1)
        places = _kernels.places_of_ranks(rows, ascending, -1, "last" if without_nan else "chosen")
        back = order.argsort(-1)
        found = places[..., back] if back.ndim == 1 else np.take_along_axis(places, back, -1)
    else:
        order = _kernels.places_in_order(rows, -1)
        if not without_nan:  # NaN come last in order
            largest = np.take_along_axis(rows, order[..., -1:], -1)
            asked = np.where(np.isnan(largest), n - 1, asked)
        found = np.take_along_axis(order, np.broadcast_to(asked, (*rows.shape[:-1], asked.shape[-1])), -1)
    return (found[..., :count], found[..., count:]) if len(ranks) > 1 else found


_neighbours_of = computed("quantile_neighbours", _neighbours, batched=aligned)


@half
def _between_neighbours(rows: Any, share: Any, interpolation: str, without_nan: bool) -> Any:
    """Per row the items at each share of the way through its order, (..., n) to (..., q)."""
    n = rows._value.shape[-1]
    if share._value.dtype == dtypes.float16 or n > _EXACT:
        share = cast(share, dtypes.float64)
    last = _last_number(rows) if without_nan else n - 1
    rank = reshape(share, (1,) * (rows._value.ndim - 1) + (-1,)) * last
    found = _neighbours_of(rows, rank, interpolation=interpolation, without_nan=without_nan)
    if interpolation not in ("linear", "midpoint"):
        return _at(rows, found)
    x, y = _at(rows, item(found, 0)), _at(rows, item(found, 1))
    if interpolation == "midpoint":
        weight = constant(np.full, (), 0.5, rows._value.dtype)
    else:
        weight = cast(rank - _floor(rank), rows._value.dtype)
    return apply(_BETWEEN, (x, y, expand(weight, x._value.shape)))


def _at(rows: Any, places: Any) -> Any:
    return items_along("quantile", rows, places, rows._value.ndim - 1)


_EXACT = 1 << 24  # up to which every integer is a number of float32


_infinite = computed("isinf", lambda x, y: np.isinf(x) | np.isinf(y), batched=aligned)


_SUBTRACT = _kernels.Elementwise("subtract")


def _item_between(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """x + weight (y - x); where one is infinite, that infinity, and NaN between opposite ones."""
    step = _SUBTRACT(y, x)
    if np.isfinite(step).all():
        return _nearer(x, y, step, weight)
    with np.errstate(invalid="ignore"):
        return np.where(np.isinf(x) | np.isinf(y), x + y, _nearer(x, y, step, weight))


def _nearer(x: np.ndarray, y: np.ndarray, step: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """From the end that is nearer, so that a weight of 1 gives the other one to the bit."""
    z: np.ndarray = np.where(weight < 0.5, x + weight * step, y - (1 - weight) * step)
    return z


def _share_of(g: Any, x: Any, y: Any, weight: Any) -> Any:
    """g times what one of x and y counts, all of it where one is infinite."""
    return g * where(_infinite(x, y), 1.0, weight)


def _step_between(g: Any, x: Any, y: Any) -> Any:
    infinite = _infinite(x, y)
    return g * (where(infinite, 0.0, y) - where(infinite, 0.0, x))


_BETWEEN = primitive(
    "quantile",
    _item_between,
    (
        lambda g, x, y, weight: _share_of(g, x, y, 1 - weight),
        lambda g, x, y, weight: _share_of(g, x, y, weight),
        lambda g, x, y: _step_between(g, x, y),
    ),
    (
        lambda t, x, y, weight: _share_of(t, x, y, 1 - weight),
        lambda t, x, y, weight: _share_of(t, x, y, weight),
        lambda t, x, y: _step_between(t, x, y),
    ),
    ("x", "y", "weight"),
    batched=aligned,
)


# ---------------------------------------------------------------- distinct items


@tells
def unique(
    x: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None,
    *, axis: int | None = None,
) -> Any:  # fmt: skip
    """The distinct items in order, or the distinct slices along one dimension. A NaN is distinct from all others.

    Parameters
    ----------
    x : tensor
    sorted : bool
        Accepted for code that passes it: the items always come in order.
    return_inverse : bool
        Also give for every item its place in the result.
    return_counts : bool
        Also give how often each occurs.
    dim : int or None
        None: of all items. Also spelled `axis`.

    Returns
    -------
    Tensor, or a tuple (items, inverse, counts) of what is asked for

    Raises
    ------
    IndexError
        If the dimension is out of range.

    Examples
    --------
    >>> wg.unique(wg.tensor([3, 1, 3]), return_counts=True)
    (tensor([1, 3]), tensor([1, 2]))
    """
    x = enter(x)
    require_unfollowed(x, "a set of its different items")
    dim = either("unique", dim, axis)
    d = None if dim is None else dimension("unique", dim, x._value.ndim)
    found = _unique(x, dim=d, inverse=bool(return_inverse), counts=bool(return_counts))
    parts = 1 + bool(return_inverse) + bool(return_counts)
    return tuple([item(found, k) for k in range(parts)]) if parts > 1 else found


Counted = tuple[np.ndarray, np.ndarray, np.ndarray]  # items, the place of each among them, how often each occurs


def _distinct(x: np.ndarray, dim: int | None, inverse: bool, counts: bool) -> Any:
    """The distinct items; behind them, if asked for, the place of each item among them, and how often each occurs."""
    if dim is not None:
        items, places, numbers = np.unique(x, return_inverse=True, return_counts=True, axis=dim, equal_nan=False)
        places, numbers = places.reshape(-1).astype(np.int64), numbers.astype(np.int64)
    else:
        line = x.reshape(-1)
        order = _order(line, 0, False) if inverse else None
        ordered = np.sort(line) if order is None else line[order]
        first = np.empty(line.shape, np.bool_)
        first[:1] = True
        np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
        items = ordered[first]
        if counts:
            numbers = np.diff(np.append(np.flatnonzero(first), line.size))
        if order is not None:
            places = np.empty(line.shape, np.int64)
            places[order] = np.cumsum(first) - 1
            places = places.reshape(x.shape)
    if not inverse and not counts:
        return items
    return (items, *((places,) if inverse else ()), *((numbers,) if counts else ()))


_unique = computed("unique", _distinct, batched=refused)


def _asked(found: Any, with_inverse: bool, with_counts: bool) -> Any:
    """Of the items, their places and their counts what the caller wants."""
    wanted = [0, *([1] if with_inverse else []), *([2] if with_counts else [])]
    return tuple([item(found, k) for k in wanted]) if len(wanted) > 1 else item(found, 0)


@tells
def unique_consecutive(
    x: Any, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None, *,
    axis: int | None = None,
) -> Any:  # fmt: skip
    """The items without those that equal the one before, or the slices along one dimension.

    Parameters
    ----------
    x : tensor
    return_inverse : bool
        Also give for every item its place in the result.
    return_counts : bool
        Also give how long each run is.
    dim : int or None
        None: of all items in C order. Also spelled `axis`.

    Returns
    -------
    Tensor, or a tuple (items, inverse, counts) of what is asked for

    Raises
    ------
    IndexError
        If the dimension is out of range.

    Examples
    --------
    >>> wg.unique_consecutive(wg.tensor([1, 1, 2, 1]))
    tensor([1, 2, 1])
    """
    x = enter(x)
    require_unfollowed(x, "a sequence of its different items")
    dim = either("unique_consecutive", dim, axis)
    d = None if dim is None else dimension("unique_consecutive", dim, x._value.ndim)
    return _asked(_unique_consecutive(x, dim=d), return_inverse, return_counts)


def _runs(x: np.ndarray, dim: int | None) -> Counted:
    rows = x.reshape(-1) if dim is None else np.moveaxis(x, dim, 0)
    flat = rows.reshape(len(rows), -1) if rows.size else np.empty((len(rows), 0), x.dtype)
    starts = np.ones(len(rows), dtype=np.bool_)
    starts[1:] = (flat[1:] != flat[:-1]).any(1)
    inverse = np.cumsum(starts) - 1
    counts = np.diff(np.append(np.flatnonzero(starts), len(rows)))
    items = np.moveaxis(rows[starts], 0, dim or 0)
    return items, inverse.reshape(x.shape) if dim is None else inverse, counts


_unique_consecutive = computed("unique_consecutive", _runs, batched=refused)


# ---------------------------------------------------------------- places in sorted sequences


@tells
def searchsorted(
    sorted_sequence: Any, values: Any, *, right: bool = False, side: str | None = None, out_int32: bool = False
) -> Tensor:
    """Where values would have to stand in a sorted sequence to keep it sorted.

    Parameters
    ----------
    sorted_sequence : tensor
        (n,), or (..., n): one sequence for each row of `values`.
    values : tensor or number
        Of any shape, or (..., m).
    right : bool
        After equal items rather than before. `side="right"` means the same.
    out_int32 : bool
        Give int32 rather than int64.

    Returns
    -------
    Tensor of int64 or int32
        Of the shape of `values`.

    Raises
    ------
    ValueError
        If the leading dimensions differ, or `side` is neither "left" nor "right".

    Examples
    --------
    >>> wg.searchsorted(wg.tensor([1., 3., 5.]), wg.tensor([3., 4.]))
    tensor([1, 2])
    """
    sequence, wanted = enter(sorted_sequence), beside(values, sorted_sequence)
    if side not in (None, "left", "right"):
        raise ValueError(f'searchsorted: expected side "left" or "right", got {side!r}')
    shape, asked = sequence._value.shape, wanted._value.shape
    if len(shape) != 1 and (not shape or shape[:-1] != asked[:-1]):
        raise ValueError(
            f"searchsorted: sequences of shape {shape} and values of shape {asked} differ in the leading dimensions; "
            "expected one sequence, or one for each row of values"
        )
    return _found(sequence, wanted, bool(right) or side == "right", out_int32)


def _found(sequence: Any, wanted: Any, right: bool, narrow: bool) -> Tensor:
    return apply(_searchsorted, (sequence, wanted), {"right": right, "dtype": dtypes.int32 if narrow else dtypes.int64})


def _places(sequence: np.ndarray, wanted: np.ndarray, right: bool, dtype: np.dtype) -> np.ndarray:
    side: Any = "right" if right else "left"
    if isinstance(wanted, np.ndarray) and wanted.dtype == sequence.dtype:
        found = _kernels.search_sorted(sequence, wanted, right)
        return found if dtype == found.dtype else found.astype(dtype)
    if sequence.ndim == 1:
        return np.asarray(np.searchsorted(sequence, wanted, side), dtype)
    out = np.empty(wanted.shape, dtype)
    for k in np.ndindex(wanted.shape[:-1]):
        out[k] = np.searchsorted(sequence[k], wanted[k], side)
    return out


def _each_place(kernel: Function, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> np.ndarray:
    """Of a batch: one sequence serves all; where there are several, each has its rows."""
    sequence, wanted = arrays
    if not batch.having[0] and sequence.ndim == 1:
        return _places(sequence, wanted, **static)
    lead = len(batch.lengths)
    sequence, wanted = all_full(arrays, batch)
    rows = wanted if sequence.ndim > lead + 1 else flat(wanted, batch)
    return _places(sequence, rows, **static).reshape(wanted.shape)


_searchsorted: Operation = computed("searchsorted", _places, batched=_each_place).operation  # type: ignore[attr-defined]


@tells
def bucketize(x: Any, boundaries: Any, *, right: bool = False, out_int32: bool = False) -> Tensor:
    """The number of the interval between sorted boundaries that each item lies in.

    Parameters
    ----------
    x : tensor or number
    boundaries : tensor or sequence of numbers
        (n,), in order.
    right : bool
        An item that equals a boundary lies above it rather than below.
    out_int32 : bool
        Give int32 rather than int64.

    Returns
    -------
    Tensor of int64 or int32
        From 0, below all boundaries, to n.

    Raises
    ------
    ValueError
        If the boundaries are not a vector.

    Examples
    --------
    >>> wg.bucketize(wg.tensor([0., 1., 4.]), wg.tensor([1., 3.]))
    tensor([0, 0, 2])
    """
    boundaries = enter(boundaries)
    if boundaries._value.ndim != 1:
        raise ValueError(f"bucketize: expected a vector of boundaries, got shape {boundaries._value.shape}")
    return _found(boundaries, beside(x, boundaries), bool(right), out_int32)
