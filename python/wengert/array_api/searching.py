"""Finding, choosing and ordering items; arrays as sets."""

from __future__ import annotations

from typing import Any, NamedTuple

from .. import ops
from .._types import Tensor
from ..core import arguments
from ..core.broadcast import cast
from ..core.doors import enter
from ..core.dtypes import int64
from .promotion import Number, arrays_of_one_dtype, promoted

__all__ = [
    "argmax", "argmin", "argsort", "count_nonzero", "nonzero", "searchsorted", "sort", "take", "take_along_axis",
    "unique_all", "unique_counts", "unique_inverse", "unique_values", "where",
]  # fmt: skip


class UniqueAll(NamedTuple):
    """What `unique_all` gives."""

    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCounts(NamedTuple):
    """What `unique_counts` gives."""

    values: Tensor
    counts: Tensor


class UniqueInverse(NamedTuple):
    """What `unique_inverse` gives."""

    values: Tensor
    inverse_indices: Tensor


# ---------------------------------------------------------------- finding


def argmax(x: Any, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The place of the largest item, the first if there are several.

    Parameters
    ----------
    x : tensor
    axis : int or None
        None: among all items in C order.
    keepdims : bool
        Keep the dimension, with length 1.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.array_api.argmax(wg.tensor([1, 3, 3]))
    tensor(1)
    """
    return ops.argmax(x, axis, keepdims)


def argmin(x: Any, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The place of the smallest item, the first if there are several.

    Parameters
    ----------
    x : tensor
    axis : int or None
        None: among all items in C order.
    keepdims : bool
        Keep the dimension, with length 1.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.array_api.argmin(wg.tensor([2, 1, 1]))
    tensor(1)
    """
    return ops.argmin(x, axis, keepdims)


def count_nonzero(x: Any, /, *, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Tensor:
    """How many items are not zero.

    Parameters
    ----------
    x : tensor
    axis : int, tuple of int or None
        None: of all.
    keepdims : bool
        Keep the dimensions, with length 1.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.array_api.count_nonzero(wg.tensor([0, 2, 3]))
    tensor(2)
    """
    if axis == ():
        return cast(ops.not_equal(x, 0), int64)
    return ops.count_nonzero(x, axis, keepdims)


def nonzero(x: Any, /) -> tuple[Tensor, ...]:
    """The places of the items that are not zero.

    Parameters
    ----------
    x : tensor
        Of at least one dimension.

    Returns
    -------
    tuple of Tensor
        For each dimension the indices along it.

    Raises
    ------
    ValueError
        If x has no dimensions.

    Examples
    --------
    >>> wg.array_api.nonzero(wg.tensor([0, 2, 3]))
    (tensor([1, 2]),)
    """
    x = enter(x)
    if not x.ndim:
        raise ValueError("nonzero: a 0-d array has no places; expected at least one dimension")
    return tuple(ops.nonzero(x, as_tuple=True))


def searchsorted(x1: Any, x2: Any, /, *, side: str = "left", sorter: Any = None) -> Tensor:
    """Where items would have to be put for an array to stay sorted.

    Parameters
    ----------
    x1 : tensor
        Of one dimension, in ascending order.
    x2 : tensor or number
        The items.
    side : "left" or "right"
        Before or behind items that are equal.
    sorter : tensor or None
        The indices that bring x1 into ascending order, if it is not.

    Returns
    -------
    Tensor
        Of x2's shape.

    Raises
    ------
    ValueError
        If `side` is something else, or x1 has not one dimension.

    Examples
    --------
    >>> wg.array_api.searchsorted(wg.tensor([1, 2, 3]), wg.tensor([2, 5]))
    tensor([1, 3])
    """
    sequence, values = arrays_of_one_dtype("searchsorted", x1, x2)
    if sequence.ndim != 1:
        raise ValueError(f"searchsorted: expected x1 to have one dimension, got the shape {sequence._value.shape}")
    return ops.searchsorted(sequence if sorter is None else take(sequence, sorter), values, side=side)


def where(condition: Any, x1: Any, x2: Any, /) -> Tensor:
    """Items of one array where a condition holds, of another where it does not.

    Parameters
    ----------
    condition : tensor of bool
    x1, x2 : tensor or number

    Returns
    -------
    Tensor
        Of the dtype that `wengert.array_api.result_type` gives.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.

    Examples
    --------
    >>> wg.array_api.where(wg.tensor([True, False]), wg.tensor([1, 2]), 0)
    tensor([1, 0])
    """
    if not (isinstance(x1, Number) and isinstance(x2, Number)):
        x1, x2 = promoted("where", x1, x2)
    found: Tensor = ops.where(condition, x1, x2)
    return found


# ---------------------------------------------------------------- choosing


def take(x: Any, indices: Any, /, *, axis: int | None = None) -> Tensor:
    """Parts of an array by their places along a dimension.

    Parameters
    ----------
    x : tensor
    indices : tensor of int
        Negative ones are counted from the end.
    axis : int or None
        May be left out if x has one dimension.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If x has several dimensions and no axis is given.
    TypeError
        If the indices are no integers.
    IndexError
        If there is no such place, or no such dimension.

    Examples
    --------
    >>> wg.array_api.take(wg.tensor([[1, 2, 3], [4, 5, 6]]), wg.tensor([2, 0]), axis=1)
    tensor([[3, 1],
            [6, 4]])
    """
    x, places = enter(x), enter(indices)
    if axis is None:
        if x.ndim != 1:
            raise ValueError(f"take: of an array with {x.ndim} dimensions, the axis must be given")
        axis = 0
    if places._value.dtype.kind not in "iu":
        raise TypeError(f"take: expected indices of integers, got {places._value.dtype}")
    places = cast(places, int64)  # since an index of uint8 may be a mask elsewhere
    found: Tensor = x[(slice(None),) * arguments.dimension("take", axis, x.ndim) + (places,)]
    return found


def take_along_axis(x: Any, indices: Any, /, *, axis: int = -1) -> Tensor:
    """Items of an array, chosen along a dimension at each place of the others.

    Parameters
    ----------
    x : tensor
    indices : tensor of int
        Of as many dimensions; of x's lengths, or 1, but along the axis.
    axis : int

    Returns
    -------
    Tensor

    Examples
    --------
    >>> x = wg.tensor([[3, 1, 2], [4, 6, 5]])
    >>> wg.array_api.take_along_axis(x, wg.array_api.argsort(x))
    tensor([[1, 2, 3],
            [4, 5, 6]])
    """
    return ops.take_along_dim(x, indices, axis)


# ---------------------------------------------------------------- ordering


def sort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """The items in order.

    Parameters
    ----------
    x : tensor
    axis : int
        Along which.
    descending : bool
        The largest first.
    stable : bool
        Equal items keep their order: they always do here.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.array_api.sort(wg.tensor([3, 1, 2]), descending=True)
    tensor([3, 2, 1])
    """
    found: Tensor = ops.sort(x, axis, descending, stable).values
    return found


def argsort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """The indices that bring the items into order.

    Parameters
    ----------
    x : tensor
    axis : int
        Along which.
    descending : bool
        The largest first.
    stable : bool
        Equal items keep their order: they always do here.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.array_api.argsort(wg.tensor([3, 1, 2]))
    tensor([1, 2, 0])
    """
    return ops.argsort(x, axis, descending, stable)


# ---------------------------------------------------------------- sets


def unique_all(x: Any, /) -> UniqueAll:
    """The items that there are, where they first are, which of them each item is, and how many there are of each.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    UniqueAll
        `values` in ascending order, each NaN by itself; `indices` into x's items in C order; `inverse_indices` of x's
        shape; `counts`.

    Examples
    --------
    >>> wg.array_api.unique_all(wg.tensor([3, 1, 3])).indices
    tensor([1, 0])
    """
    values, inverse, counts = ops.unique(x, True, True, True)
    # In the order of their values, items of one value follow each other, and the first of them comes first.
    order = ops.argsort(ops.ravel(inverse), 0, stable=True)
    return UniqueAll(values, order[ops.cumsum(counts, 0) - counts], inverse, counts)


def unique_counts(x: Any, /) -> UniqueCounts:
    """The items that there are, and how many there are of each.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    UniqueCounts
        `values` in ascending order, each NaN by itself; `counts`.

    Examples
    --------
    >>> wg.array_api.unique_counts(wg.tensor([3, 1, 3])).counts
    tensor([1, 2])
    """
    return UniqueCounts(*ops.unique(x, True, False, True))


def unique_inverse(x: Any, /) -> UniqueInverse:
    """The items that there are, and which of them each item is.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    UniqueInverse
        `values` in ascending order, each NaN by itself; `inverse_indices` of x's shape.

    Examples
    --------
    >>> wg.array_api.unique_inverse(wg.tensor([3, 1, 3])).inverse_indices
    tensor([1, 0, 1])
    """
    return UniqueInverse(*ops.unique(x, True, True))


def unique_values(x: Any, /) -> Tensor:
    """The items that there are, once each.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor
        In ascending order, each NaN by itself.

    Examples
    --------
    >>> wg.array_api.unique_values(wg.tensor([3, 1, 3]))
    tensor([1, 3])
    """
    found: Tensor = ops.unique(x)
    return found
