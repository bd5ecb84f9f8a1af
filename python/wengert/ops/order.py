""""""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core import dtypes
from ..core.arguments import dimension, either
from ..core.doors import enter
from ..core.signatures import tells
from ..core.variable import Variable, wrap
from .arithmetic import lerp
from .extremes import ValuesAndIndices, picked
from .index import take_along_dim
from .shape import movedim, reshape

__all__ = [
    "argsort", "bucketize", "kthvalue", "median", "msort", "nanmedian", "nanquantile", "quantile", "searchsorted",
    "sort", "topk", "unique", "unique_consecutive",
]  # fmt: skip


def _order(value: np.ndarray, d: int, descending: bool) -> np.ndarray:
    """The indices that sort along a dimension, equal items in their order; NaN counts as the largest."""
    if not value.ndim:
        return np.zeros((), np.int64)
    if not descending:
        return value.argsort(d, "stable")
    reverse = (slice(None),) * d + (slice(None, None, -1),)
    order: np.ndarray = value.shape[d] - 1 - value[reverse].argsort(d, "stable")
    return order[reverse]


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
    return picked("sort", x, _order(x._value, d, descending), d)


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
    return wrap(_order(x._value, d, descending))


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
    if not 0 <= k <= n:
        raise ValueError(f"topk: expected k from 0 to {n}, the length of dimension {d} of {x._value.shape}, got {k}")
    if x._value.ndim and k <= _FEW and x._value.dtype.char in dtypes.NATIVE:
        return picked("topk", x, _kernels.topk(x._value, k, d, not largest), d)
    order = _order(x._value, d, largest)
    return picked("topk", x, order[(slice(None),) * d + (slice(k),)] if x._value.ndim else order, d)


_FEW = 32  # items up to which the kernel, whose time may grow with their number, is faster than sorting all


# ---------------------------------------------------------------- order statistics


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
    if not 1 <= k <= n:
        raise ValueError(f"kthvalue: expected k from 1 to {n}, the length of dimension {d}, got {k}")
    order = _order(x._value, d, False)
    place = order[(slice(None),) * d + (slice(k - 1, k),)] if x._value.ndim else order
    return picked("kthvalue", x, place, d, bool(keepdim if keepdims is None else keepdims))


@tells
def median(
    x: Any, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None, keepdims: bool | None = None
) -> Any:
    """The middle item in order, of two the lower one; NaN if there is one.

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
    >>> wg.median(wg.tensor([4., 1., 3., 2.]))
    tensor(2.)
    """
    return _median("median", x, dim, keepdim, axis, keepdims)


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
    dim = either(name, dim, axis)
    keepdim = bool(keepdim if keepdims is None else keepdims)
    if dim is None:
        if not x._value.size:
            return wrap(np.asarray(np.nan, x._value.dtype))
        return _median(name, reshape(x, -1), 0, False, None, None)[0]
    d = dimension(name, dim, x._value.ndim)
    value = x._value
    if not value.ndim:
        return picked(name, x, np.zeros((), np.int64), d)
    n = value.shape[d]
    if not n:
        raise ValueError(f"{name}: there is nothing to choose from along dimension {d} of shape {value.shape}")
    order = _order(value, d, False)
    middle = np.full([1 if k == d else m for k, m in enumerate(value.shape)], (n - 1) // 2)
    if value.dtype.kind == "f":
        numbers = n - np.isnan(value).sum(d, keepdims=True)  # NaN come last in order
        if name == "nanmedian":
            middle = np.maximum(numbers - 1, 0) // 2
        else:
            middle = np.where(numbers < n, np.minimum(numbers, n - 1), middle)
    return picked(name, x, _kernels.gather_along(order, middle, d), d, keepdim)


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
    shares = np.asarray(q._value if isinstance(q, Variable) else q, dtype=np.float64)
    if x._value.dtype.kind != "f":
        raise TypeError(f"{name}: expected a floating tensor, got {x._value.dtype}; convert it, as in x.float()")
    if interpolation not in _INTERPOLATIONS:
        raise ValueError(f"{name}: expected an interpolation of {', '.join(_INTERPOLATIONS)}, got {interpolation!r}")
    if shares.ndim > 1 or not ((shares >= 0) & (shares <= 1)).all():
        raise ValueError(f"{name}: expected one q or a vector of them in [0, 1], got {q!r}")
    ndim = x._value.ndim
    d = 0 if dim is None else dimension(name, dim, ndim)
    rows = reshape(x, -1) if dim is None or not ndim else movedim(x, d, -1)
    if not rows._value.shape[-1]:
        raise ValueError(f"{name}: there is nothing to choose from in shape {x._value.shape}")
    low, high, weight = _neighbours(rows._value, shares.reshape(-1), interpolation, name == "nanquantile")
    ordered = sort(rows).values
    z = lerp(take_along_dim(ordered, low, -1), take_along_dim(ordered, high, -1), wrap(weight))
    z = movedim(z, -1, 0)  # (q, other dimensions)
    if keepdim:
        lead = (1,) * ndim if dim is None else tuple(1 if k == d else n for k, n in enumerate(x._value.shape))
        z = reshape(z, (shares.size, *lead))
    return z if shares.ndim else reshape(z, z._value.shape[1:])


def _neighbours(
    value: np.ndarray, shares: np.ndarray, interpolation: str, ignore_nan: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per row the two places in order that each share lies between, and how far it is from the first."""
    n = value.shape[-1]
    numbers = n - np.isnan(value).sum(-1, keepdims=True)  # NaN come last in order
    rank = shares * np.maximum(numbers - 1, 0)
    if interpolation in ("lower", "higher", "nearest"):
        rank = getattr(np, {"lower": "floor", "higher": "ceil", "nearest": "round"}[interpolation])(rank)
    low = np.floor(rank)
    weight = np.where(rank > low, 0.5, 0.0) if interpolation == "midpoint" else rank - low
    high = np.ceil(rank)
    if not ignore_nan:
        low = np.where(numbers < n, n - 1, low)  # a NaN
    return low.astype(np.int64), high.astype(np.int64), weight.astype(value.dtype)


# ---------------------------------------------------------------- distinct items


@tells
def unique(
    x: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None,
    *, axis: int | None = None,
) -> Any:  # fmt: skip
    """The distinct items in order, or the distinct slices along one dimension.

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
    value = enter(x)._value
    dim = either("unique", dim, axis)
    d = None if dim is None else dimension("unique", dim, value.ndim)
    items, inverse, counts = np.unique(value, return_inverse=True, return_counts=True, axis=d)
    inverse = inverse.reshape(value.shape if d is None else -1)
    return _asked(items, inverse, counts, return_inverse, return_counts)


def _asked(items: np.ndarray, inverse: np.ndarray, counts: np.ndarray, with_inverse: bool, with_counts: bool) -> Any:
    found = [wrap(items)]
    if with_inverse:
        found.append(wrap(inverse.astype(np.int64)))
    if with_counts:
        found.append(wrap(counts.astype(np.int64)))
    return tuple(found) if len(found) > 1 else found[0]


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
    value = enter(x)._value
    dim = either("unique_consecutive", dim, axis)
    d = 0 if dim is None else dimension("unique_consecutive", dim, value.ndim)
    rows = value.reshape(-1) if dim is None else np.moveaxis(value, d, 0)
    flat = rows.reshape(len(rows), -1) if rows.size else np.empty((len(rows), 0), value.dtype)
    starts = np.ones(len(rows), dtype=np.bool_)
    starts[1:] = (flat[1:] != flat[:-1]).any(1)
    inverse = np.cumsum(starts) - 1
    counts = np.diff(np.append(np.flatnonzero(starts), len(rows)))
    items = np.moveaxis(rows[starts], 0, d)
    inverse = inverse.reshape(value.shape) if dim is None else inverse
    return _asked(items, inverse, counts, return_inverse, return_counts)


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
    sequence, wanted = enter(sorted_sequence)._value, enter(values)._value
    if side not in (None, "left", "right"):
        raise ValueError(f'searchsorted: expected side "left" or "right", got {side!r}')
    where_equal: Any = "right" if right or side == "right" else "left"
    if sequence.ndim == 1:
        places = np.searchsorted(sequence, wanted, where_equal)
    elif sequence.ndim and sequence.shape[:-1] == wanted.shape[:-1]:
        pairs = zip(sequence.reshape(-1, sequence.shape[-1]), wanted.reshape(-1, wanted.shape[-1]), strict=True)
        places = np.stack([np.searchsorted(row, row_values, where_equal) for row, row_values in pairs])
    else:
        raise ValueError(
            f"searchsorted: sequences of shape {sequence.shape} and values of shape {wanted.shape} differ in the "
            "leading dimensions; expected one sequence, or one for each row of values"
        )
    return wrap(np.asarray(places, np.int32 if out_int32 else np.int64).reshape(wanted.shape))


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
    return searchsorted(boundaries, x, right=right, out_int32=out_int32)
