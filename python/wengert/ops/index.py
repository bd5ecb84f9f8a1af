"""Picking items by index, and the transposes that put them back.

An index expression becomes `Places`: hashable keys that are applied one after the other, and the arrays of indices that
stand in them, which are data. One key does for nearly all; there are two where integers stand beside arrays, since
PyTorch takes the integers first, and NumPy would broadcast them with the arrays. All keys but the last give views.
In place of keys there is a dimension where integers pick slices along it, as `np.take` does, and a `Line` where an
index picks single items along one.

Indices are read, checked and used once: kernels that check them all before they use them are given a copy, so that a
thread that writes to an index meanwhile can spoil the result but not memory.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core import batching, broadcast, dtypes
from ..core.arguments import dimension, either, integer, triple
from ..core.batching import Batch, flat, full, moved, shaped, unchanged
from ..core.bound import by_bindings, shaped_by_items
from ..core.broadcast import cast, sum_to
from ..core.define import computed, linear
from ..core.doors import change, constant, differs, enter, leave
from ..core.modes import mode
from ..core.named import NamedTuple
from ..core.signatures import tells
from ..core.tape import Operation, Rule, apply
from ..core.variable import Variable, as_view
from ..core.views import cut
from ..core.views import view_at as view_now
from .compare import where
from .naming import called
from .shape import WHOLE, movedim, narrow_view, reshape, slicing, view_at

__all__ = ["diag_embed", "diagonal", "index_put", "narrow", "select", "take_along_dim", "unbind"]

# ---------------------------------------------------------------- apart


def between(x: Any, dim: int, ends: Sequence[int]) -> tuple[Any, ...]:
    """The views of x from each of `ends` to the next."""
    return tuple(parted(x, dim, list(itertools.pairwise(ends)), _split_at))


def parted(x: Any, dim: int, pieces: list[tuple[int, int]], seen: Callable[..., Any] = view_at) -> list[Any]:
    """The views of x between places along a dimension, those that are to be recorded as `seen` gives them."""
    found = cut(x, dim, pieces)
    if found is None:
        before = (WHOLE,) * dim
        found = [seen(x, (*before, (start, stop, None), ...)) for start, stop in pieces]
    return found


_UNBIND = slicing("unbind")
_split_at = functools.partial(view_at, operation=slicing("split"))


@tells
def narrow(x: Any, dim: Any = None, start: Any = None, length: Any = None, *, axis: Any = None) -> Tensor:
    """A view of `length` items from `start` along one dimension.

    Parameters
    ----------
    x : tensor
    dim : int
        Also spelled `axis`.
    start, length : int
        A negative start counts from the end.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If the range does not lie within the dimension.

    Examples
    --------
    >>> wg.narrow(wg.arange(5), 0, 1, 3)
    tensor([1, 2, 3])
    """
    x = enter(x)
    d = dimension("narrow", either("narrow", dim, axis), x._value.ndim)
    n = x._value.shape[d] if x._value.ndim else 0
    start, length = integer("narrow", "start", start), integer("narrow", "length", length)
    begin = start + n if start < 0 else start
    if not x._value.ndim or not 0 <= begin <= begin + length <= n:
        raise IndexError(f"narrow: {length} item(s) from {start} do not lie within the length {n} of dimension {d}")
    return narrow_view(x, d, begin, begin + length)


@tells
def select(x: Any, dim: Any = None, index: Any = None, *, axis: Any = None) -> Tensor:
    """A view without one dimension, at one index along it: x[:, :, index] for dim = 2.

    Parameters
    ----------
    x : tensor
    dim, index : int
        The dimension is also spelled `axis`.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If the dimension or the index is out of range.

    Examples
    --------
    >>> wg.select(wg.tensor([[1., 2.], [3., 4.]]), 1, 0)
    tensor([1., 3.])
    """
    x = enter(x)
    d = dimension("select", either("select", dim, axis), x._value.ndim)
    return pick(x, (slice(None),) * d + (integer("select", "index", index),))


@tells
def unbind(x: Any, dim: int | None = None, *, axis: int | None = None) -> tuple[Tensor, ...]:
    """The views of a tensor at every index along one dimension.

    Parameters
    ----------
    x : tensor
    dim : int
        0 by default. Also spelled `axis`.

    Returns
    -------
    tuple of Tensor

    Raises
    ------
    IndexError
        If the dimension is out of range.

    Examples
    --------
    >>> wg.unbind(wg.tensor([[1., 2.], [3., 4.]]), 1)
    (tensor([1., 3.]), tensor([2., 4.]))
    """
    x = enter(x)
    d = dimension("unbind", either("unbind", dim, axis) or 0, x._value.ndim)
    if not x._value.ndim:
        raise ValueError("unbind: a 0-d tensor has no dimension to be taken apart along")
    before = (WHOLE,) * d
    return tuple([view_at(x, (*before, k, ...), _UNBIND) for k in range(x._value.shape[d])])


# ---------------------------------------------------------------- diagonals


# The diagonals of the last two dimensions, and their transpose: zeros of shape `before` elsewhere.
_DIAGONAL = linear(
    "diagonal", by_bindings(_kernels.diagonal),
    lambda g, offset, before: apply(_DIAGONAL_BACKWARD, (g,), {"offset": offset, "before": before}),
    batched=unchanged,
)  # fmt: skip


_DIAGONAL_BACKWARD: Operation = linear(
    "diagonal_backward", by_bindings(_kernels.on_diagonal),
    lambda g, offset, before: apply(_DIAGONAL, (g,), {"offset": offset, "before": before}),
    batched=moved(before=shaped),
)  # fmt: skip


def diagonal(x: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A view of the diagonals of matrices.

    Parameters
    ----------
    x : tensor
    offset : int
        0: the main diagonal; positive: above it, negative: below.
    dim1, dim2 : int
        The dimensions of the rows and columns.

    Returns
    -------
    Tensor
        The other dimensions, and the diagonal as the last.

    Raises
    ------
    ValueError
        If the dimensions are the same.

    Examples
    --------
    >>> wg.diagonal(wg.tensor([[1., 2.], [3., 4.]]))
    tensor([1., 4.])
    """
    x = enter(x)
    if x._value.ndim == 2 and offset == dim1 == 0 and dim2 == 1:  # the usual case
        return as_view(x, apply(_DIAGONAL, (x,), {"offset": 0, "before": x._value.shape}))
    d1, d2 = dimension("diagonal", dim1, x._value.ndim), dimension("diagonal", dim2, x._value.ndim)
    offset = integer("diagonal", "offset", offset)
    if d1 == d2 or x._value.ndim < 2:
        raise ValueError(
            f"diagonal: expected two different dimensions of shape {x._value.shape}, got {dim1} and {dim2}"
        )
    last = x if x._value.ndim == 2 and d1 < d2 else movedim(x, (d1, d2), (-2, -1))
    rows, columns = last._value.shape[-2:]
    if not -rows <= offset <= columns:
        offset = -rows if offset < 0 else columns
    return as_view(x, apply(_DIAGONAL, (last,), {"offset": offset, "before": last._value.shape}))


def on_diagonal(x: Any, before: tuple[int, ...], offset: int = 0) -> Tensor:
    """Zeros of shape `before` with x, along its last dimension, on a diagonal of the last two dimensions."""
    return apply(_DIAGONAL_BACKWARD, (x,), {"offset": offset, "before": before})


def diag_embed(x: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Matrices of zeros with the last dimension of a tensor on a diagonal.

    Parameters
    ----------
    x : tensor
        (..., n)
    offset : int
        0: the main diagonal; positive: above it, negative: below.
    dim1, dim2 : int
        Where the rows and columns stand in the result.

    Returns
    -------
    Tensor
        (..., n + |offset|, n + |offset|), unless moved.

    Raises
    ------
    ValueError
        If the tensor is 0-d or the dimensions are the same.

    Examples
    --------
    >>> wg.diag_embed(wg.tensor([1., 2.]))
    tensor([[1., 0.],
            [0., 2.]])
    """
    x = enter(x)
    shape = x._value.shape
    if not shape:
        raise ValueError("diag_embed: a 0-d tensor has no items to be put on a diagonal; make it a vector first")
    if offset == 0 and dim1 == -2 and dim2 == -1:  # the usual case
        return on_diagonal(x, (*shape, shape[-1]))
    d1, d2 = (dimension("diag_embed", d, len(shape) + 1) for d in (dim1, dim2))
    if d1 == d2:
        raise ValueError(f"diag_embed: expected two different dimensions, got {dim1} and {dim2}")
    offset = integer("diag_embed", "offset", offset)
    side = shape[-1] + abs(offset)
    full = on_diagonal(x, (*shape[:-1], side, side), offset)
    return full if d2 == d1 + 1 == len(shape) else movedim(full, (-2, -1), (d1, d2))


# ---------------------------------------------------------------- where items are

# A part of a key: an integer, the triple of a slice, None, an Ellipsis, or ARRAY in place of an array of indices.
Key = tuple[Any, ...]
ARRAY = "array"


class Line(NamedTuple):
    """In place of keys: an index along `dim`, which it may be without, for every item; what is picked has `shape`."""

    dim: int
    shape: tuple[int, ...]


line = functools.lru_cache(256)(Line)  # to make one anew takes as long as a fourth of `gather`
Keys = tuple[Key, ...] | Line | int


class Places:
    """Where items of a tensor are: keys, and the variables that stand in them as ARRAY."""

    __slots__ = ("arrays", "keys")

    def __init__(self, keys: Keys, arrays: tuple[Any, ...] = ()) -> None:
        self.keys, self.arrays = keys, arrays


# ---------------------------------------------------------------- index expressions


def places_of(expression: Any) -> tuple[Places, bool]:
    """An index expression as places, and whether they give a view: that is, whether no arrays are among them."""
    if type(expression) is int:  # the usual cases
        return Places(((expression, Ellipsis),)), True
    if type(expression) is slice:
        return Places(((triple(expression), Ellipsis),)), True
    key: list[Any] = []
    arrays: list[Tensor] = []
    integers = dots = False
    for part in expression if isinstance(expression, tuple) else (expression,):
        if type(part) is int:
            integers = True
        elif type(part) is slice:
            part = triple(part)
        elif part is Ellipsis:
            dots = True
        elif part is not None:
            part = _plain(part)
            if isinstance(part, int):
                integers = True
            else:
                arrays.append(part)
                part = ARRAY
        key.append(part)
    if arrays:
        if len(arrays) == 1 and key.count(WHOLE) == len(key) - 1 and key[-1] is ARRAY and _are_integers(arrays[0]):
            return Places(len(key) - 1, (arrays[0],)), False
        return Places(_integers_first(key, arrays) if integers else (tuple(key),), tuple(arrays)), False
    if not dots:  # without them, NumPy makes a copy of a single item
        key.append(Ellipsis)
    return Places((tuple(key),)), True


def _are_integers(index: Any) -> bool:
    """Whether an index picks one slice for each of its items."""
    return bool(index._value.ndim > 0 and index._value.dtype.kind != "b")


def _plain(part: Any) -> Any:
    """A part of an index expression as an integer, or as a variable of integers or booleans."""
    if isinstance(part, Variable):
        found: Any = part
    elif isinstance(part, (list, tuple, range)):
        found = _entered(part, np.asarray(part if len(part) else np.empty(0, np.int64)))
    elif isinstance(part, (bool, np.bool_)):
        found = enter(np.asarray(part))
    elif not isinstance(part, np.ndarray) and hasattr(part, "__index__"):
        return part.__index__()
    elif hasattr(part, "__array__"):
        found = _entered(part, np.array(part))  # a copy, as nobody tells of its changes
    else:
        raise _no_index(part)
    dtype = found._value.dtype
    if dtype.kind == "b":
        return found
    if dtype.kind not in "iu":
        raise IndexError(f"index: expected integers or booleans, got an index of dtype {dtype}")
    if not found._value.ndim:
        if differs(found):  # an index for each example
            return found
        return int(leave(found, "int"))
    if dtype == dtypes.uint8:
        raise IndexError(
            "index: uint8 is ambiguous, since PyTorch reads it as a mask and NumPy as integers; use .long() or .bool()"
        )
    return found


def _entered(part: Any, array: np.ndarray) -> Tensor:
    if array.dtype in dtypes.ALL:
        return enter(array)
    if array.dtype.kind in "iu":  # those that tensors do not have
        return enter(array.astype(np.int64))
    if array.dtype.kind == "O":
        raise _no_index(part)
    raise IndexError(f"index: expected integers or booleans, got an index of dtype {array.dtype}")


def _no_index(part: Any) -> IndexError:
    return IndexError(
        "index: expected integers, slices, ..., None, or arrays of integers or booleans, "
        f"got {type(part).__name__} {part!r}"
    )


def _integers_first(parts: list[Any], arrays: list[Tensor]) -> tuple[Key, ...]:
    """Two keys: the integers, with everything else kept whole; then the rest."""
    first: list[Any] = []
    rest: list[Any] = []
    left = iter(arrays)
    for part in parts:
        if isinstance(part, int):
            first.append(part)
            continue
        rest.append(part)
        if part is Ellipsis:
            first.append(part)
        elif part is not None:
            array = next(left) if part is ARRAY else None
            mask = array is not None and array._value.dtype.kind == "b"
            first.extend([WHOLE] * (array._value.ndim if array is not None and mask else 1))
    return tuple(first), tuple(rest)


# ---------------------------------------------------------------- kernels
# Of arrays: x, the indices, and keys.


def _with_arrays(keys: tuple[Key, ...] | int, arrays: Sequence[np.ndarray]) -> list[tuple[Any, ...]]:
    """The keys as NumPy takes them, with copies of the arrays, which NumPy reads more than once."""
    if isinstance(keys, int):
        keys = (((WHOLE,) * keys + (ARRAY,)),)
    left = iter(arrays)
    return [
        tuple([
            slice(*part) if type(part) is tuple else _private(next(left)) if part is ARRAY else part for part in key
        ])
        for key in keys
    ]  # fmt: skip


def _int64(index: np.ndarray) -> np.ndarray:
    """An index for kernels that look at each of its items once."""
    return index if index.dtype == dtypes.int64 else index.astype(np.int64)


def _private(index: np.ndarray) -> np.ndarray:
    return index.astype(np.bool_ if index.dtype.kind == "b" else np.int64)


def _at(x: np.ndarray, keys: list[tuple[Any, ...]]) -> np.ndarray:
    """The array x[keys[0]][keys[1]]..."""
    try:
        for key in keys:
            x = x[key]
    except IndexError as error:
        raise _explained(error, x.shape) from None
    return x


def _assign(x: np.ndarray, y: Any, *arrays: np.ndarray, keys: Keys) -> None:
    """Set x[keys] to y, in place."""
    if isinstance(keys, Line):
        _place(x, keys, arrays[0], y, False)
        return
    line = _line_of(keys, x, arrays) if x.size and x.flags.behaved else None
    given = y if type(y) is np.ndarray else np.asarray(y, x.dtype)
    apart = line is not None and not _kernels.overlap(x, arrays[0]) and not _kernels.overlap(x, given)
    if line is not None and apart and given.ndim <= line.dim + 1 == x.ndim:
        try:
            _place(x, line, _kernels.broadcast_view(_int64(arrays[0]), line.shape), y, False)
        except IndexError as error:
            raise _explained(error, x.shape) from None
        except ValueError:
            raise ValueError(
                f"index: a value of shape {given.shape} does not broadcast to {line.shape}, its place"
            ) from None
        return
    plain = _with_arrays(keys, arrays)
    part = _at(x, plain[:-1])
    try:
        part[plain[-1]] = y
    except IndexError as error:
        raise _explained(error, part.shape) from None


def _place(x: np.ndarray, line: Line, index: np.ndarray, y: Any, add: bool) -> None:
    """Set or add to x's items."""
    items = y if type(y) is np.ndarray and y.dtype == x.dtype else np.asarray(y, x.dtype)
    if items.shape != line.shape:
        items = _kernels.broadcast_view(items, line.shape)
    items = _shaped(items, index.shape)
    _kernels.scatter_along(x, index, items, line.dim, add)


def _shaped(x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return x if x.shape == shape else x.reshape(shape)


def _explained(error: IndexError, shape: tuple[int, ...]) -> IndexError:
    """NumPy's message, with the shape and what is allowed."""
    text = str(error).split(": ")[-1]
    return IndexError(
        f"index: {text}; of shape {shape}, a dimension of length n takes -n to n - 1, or a mask of its length"
    )


_FIRST = ((ARRAY,),)


def _row_index(index: np.ndarray) -> np.ndarray:
    """An index of rows as the kernels take it: a vector of its own."""
    return (index if index.ndim == 1 else index.reshape(-1)).astype(dtypes.int64)


def _line_of(keys: Keys, x: np.ndarray, arrays: Sequence[np.ndarray]) -> Line | None:
    """Of x[:, ..., index] with a vector of integers: where it stands, and the shape of what is picked."""
    if type(keys) is not int or keys >= x.ndim or arrays[0].ndim != 1:
        return None
    return Line(keys, (*x.shape[:keys], arrays[0].size, *x.shape[keys + 1 :]))


def _rows_of(x: np.ndarray) -> np.ndarray:
    if x.ndim == 2:
        return x
    return x.reshape(x.shape[0], -1) if x.size else x.reshape(x.shape[0], int(np.prod(x.shape[1:])))


def _pick(x: np.ndarray, *arrays: np.ndarray, keys: Keys, shape: tuple[int, ...]) -> np.ndarray:
    if type(keys) is int:
        return _taken(x, arrays[0], keys)
    if isinstance(keys, Line):
        return _pick_one(x, arrays[0], keys, shape)
    if keys == _FIRST and arrays[0].dtype.kind == "b" and arrays[0].shape == x.shape != ():
        return _kernels.masked(x, arrays[0])
    return np.asarray(_at(x, _with_arrays(keys, arrays)))


def _pick_one(x: np.ndarray, index: np.ndarray, keys: Keys, shape: tuple[int, ...]) -> np.ndarray:
    if type(keys) is int:
        return _taken(x, index, keys)
    if type(keys) is Line:
        found: np.ndarray = _kernels.gather_along(x, index, keys.dim)
        return found if found.shape == keys.shape else found.reshape(keys.shape)
    return _pick(x, index, keys=keys, shape=shape)


def _taken(x: np.ndarray, index: np.ndarray, dim: int, from_end: bool = True) -> np.ndarray:
    """The slices of x at an index along a dimension: `np.take`, whose errors have a name and a shape."""
    size = x.size
    if not size or dim >= x.ndim:
        if not from_end:
            _refuse_negative(index)
        return np.asarray(_at(x, _with_arrays(dim, (index,))))
    try:
        if size >= _MANY and not dim and x.dtype in (dtypes.float32, dtypes.float64) and x.flags.c_contiguous:
            rows = _kernels.gather_rows(_rows_of(x), _row_index(index), dtype=x.dtype, from_end=from_end)
            return _shaped(rows, index.shape + x.shape[1:])
        return _kernels.gather_along(x, _int64(index), dim, True, from_end)
    except IndexError as error:
        raise _explained(error, x.shape) from None


_MANY = 65536  # items from which on rows are picked by several threads


def _looked_up(x: np.ndarray, index: np.ndarray, keys: int, shape: tuple[int, ...]) -> np.ndarray:
    """Rows that are not counted from the end."""
    return _taken(x, index, 0, False)


def _refuse_negative(index: np.ndarray) -> None:
    if index.size and index.min() < 0:
        raise IndexError(f"index: {index.min()} is negative")


for _kernel in (_pick, _pick_one):
    shaped_by_items(_kernel, lambda values, static: any(getattr(x, "dtype", None) == dtypes.bool for x in values[1:]))


def _put_add(g: np.ndarray, *arrays: np.ndarray, keys: Keys, shape: tuple[int, ...]) -> np.ndarray:
    wide = _ADDED_AS.get(g.dtype, g.dtype)
    out = _kernels.zeros(shape, wide)
    if keys == _FIRST and arrays[0].dtype.kind == "b" and arrays[0].shape == shape != ():
        _kernels.masked(out, arrays[0], g.astype(wide, copy=False))
    else:
        _add_into(out, g, arrays, keys)
    return out if wide == g.dtype else dtypes.convert(out, g.dtype)


def _added(
    x: np.ndarray, y: np.ndarray, *arrays: np.ndarray, keys: Keys, shape: tuple[int, ...],
    part: tuple[int, ...],
) -> np.ndarray:  # fmt: skip
    wide = _ADDED_AS.get(x.dtype)
    out: np.ndarray = _kernels.copied(x) if wide is None else x.astype(wide)
    if wide is None and type(keys) is Line and part == keys.shape == arrays[0].shape:  # the usual case
        _kernels.scatter_along(out, arrays[0], y, keys.dim, True)
    else:
        _add_into(out, y, arrays, keys)
    return out if wide is None else dtypes.convert(out, x.dtype)


def _add_into(out: np.ndarray, y: np.ndarray, arrays: tuple[np.ndarray, ...], keys: Keys) -> None:
    """Add y, of the dtype of `out` or one that it stands for, and of the shape of out[keys], to that."""
    if isinstance(keys, Line):
        _place(out, keys, arrays[0], y, True)
        return
    if y.dtype != out.dtype:
        y = y.astype(out.dtype)
    if type(keys) is int and keys < out.ndim and y.size and out.size:
        try:
            _add_slices(out, y, arrays[0], keys)
        except IndexError as error:
            raise _explained(error, out.shape) from None
        return
    plain = _with_arrays(keys, arrays)
    if any(array.dtype.kind != "b" for array in arrays):
        np.add.at(_at(out, plain[:-1]), plain[-1], y)
    else:  # no place is told twice
        _at(out, plain[:-1])[plain[-1]] += y


def _add_slices(out: np.ndarray, y: np.ndarray, index: np.ndarray, dim: int) -> None:
    if not dim and out.dtype in (dtypes.float32, dtypes.float64):
        rows = _row_index(index)
        _kernels.scatter_add_rows(_rows_of(out), rows, y if y.ndim == out.ndim == 2 else y.reshape(rows.size, -1))
        return
    shape = (*out.shape[:dim], index.size, *out.shape[dim + 1 :])
    spread = _kernels.broadcast_view(_int64(index).reshape((-1, *(1,) * (out.ndim - dim - 1))), shape)
    _kernels.scatter_along(out, spread, _shaped(y, shape), dim, True)


_ADDED_AS: dict[np.dtype, np.dtype] = {dtypes.float16: dtypes.float32, dtypes.bool: dtypes.int64}


def _assigned(
    x: np.ndarray, y: Any, *arrays: np.ndarray, keys: Keys, shape: tuple[int, ...],
    part: tuple[int, ...],
) -> np.ndarray:  # fmt: skip
    out: np.ndarray = _kernels.copied(x)
    if type(keys) is Line and part == keys.shape == arrays[0].shape and type(y) is np.ndarray:  # the usual case
        _kernels.scatter_along(out, arrays[0], y, keys.dim)
    else:
        _assign(out, y, *arrays, keys=keys)
    return out


def _last(*arrays: np.ndarray, keys: Keys, shape: tuple[int, ...]) -> np.ndarray:
    """Which of the items that are assigned stay: of a repeated index only the last."""
    if isinstance(keys, Line):
        picked = keys.shape
    else:
        arrays = tuple(map(_private, arrays))
        picked = _at(np.broadcast_to(np.False_, shape), _with_arrays(keys, arrays)).shape
    count = math.prod(picked)
    number = np.arange(count, dtype=np.int32 if count < 2**31 else np.int64).reshape(picked)
    last = np.empty(shape, number.dtype)
    _assign(last, number, *arrays, keys=keys)
    return np.asarray(_pick(last, *arrays, keys=keys, shape=shape) == number)


_LAST = computed("index_put_last", _last)

# ---------------------------------------------------------------- kernels of batches
# Where an example's items are is one for all, or told for each by indices that are batched: as places among all items
# of an example in C order, which then are picked, added to or replaced along one dimension.


def _numbers(
    arrays: Sequence[Any], having: Sequence[bool], batch: Batch, keys: Any, shape: tuple[int, ...]
) -> np.ndarray:
    """The places of x[keys] in an x of `shape`: in the shape of that, with the batch in front if there are indices that
    have it."""
    numbers = np.arange(math.prod(shape)).reshape(shape)
    if not any(having):
        return np.asarray(_pick(numbers, *arrays, keys=keys, shape=shape))
    for array, has in zip(arrays, having, strict=True):
        if has and array.dtype.kind == "b":
            batching.refuse_shapes("an index by a mask")
    if isinstance(keys, Line):
        index = full(arrays[0], batch, True)
        if not shape:  # one item, which a kernel takes for a line of it; of a batch it must be one
            numbers, index = numbers.reshape(1), index[..., None]
        line = Line(keys.dim + len(batch.lengths), (*batch.lengths, *keys.shape))
        return _pick(full(numbers, batch, False), index, keys=line, shape=())
    lead = len(batch.lengths)
    widest = max(x.ndim - lead if has else x.ndim for x, has in zip(arrays, having, strict=True) if x.dtype.kind != "b")
    lined = []
    for x, has in zip(arrays, having, strict=True):
        if has:
            x = full(x, batch, True)
            x = x.reshape((*batch.lengths, *(1,) * (widest + lead - x.ndim), *x.shape[lead:]))
        lined.append(x)
    plain = _with_arrays(keys, lined)
    part = _at(numbers, plain[:-1])
    found = np.asarray(_at(part, plain[-1:]))
    front = _dimensions_before(plain[-1], part.ndim)
    return np.moveaxis(found, range(front, front + lead), range(lead)) if front else found


def _dimensions_before(key: tuple[Any, ...], ndim: int) -> int:
    """At which dimension of the result NumPy puts those of the arrays in a key."""
    taken = sum([part.ndim if isinstance(part, np.ndarray) and part.dtype.kind == "b" else 1
                 for part in key if part is not None and part is not Ellipsis])  # fmt: skip
    kinds = []  # per dimension of the result, and per array, what it comes from
    for part in key:
        if part is Ellipsis:
            kinds += [False] * (ndim - taken)
        else:
            kinds.append(not (part is None or isinstance(part, slice)))
    places = [k for k, is_array in enumerate(kinds) if is_array]
    adjacent = places[-1] - places[0] == len(places) - 1
    return places[0] if adjacent else 0


def _each_picked(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> np.ndarray:
    x, *indices = arrays
    keys, shape, having = static["keys"], static["shape"], batch.having[1:]
    numbers = _numbers(indices, having, batch, keys, shape)
    if not batch.having[0]:
        return np.asarray(x.reshape(-1)[numbers])
    items = flat(full(x, batch, True), batch)
    if not any(having):
        return np.asarray(items[..., numbers])
    picked = _kernels.gather_along(items, flat(numbers, batch), len(batch.lengths))
    return picked.reshape(numbers.shape)


def _each_looked_up(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> np.ndarray:
    _refuse_negative(arrays[1])
    return _each_picked(kernel, batch, arrays, static)


def _each_put(out: np.ndarray, numbers: np.ndarray, has: bool, y: Any, y_has: bool, batch: Batch, add: bool) -> None:
    """Set or add to the items of `out`, whose examples have one dimension."""
    lead = len(batch.lengths)
    numbers = full(numbers, batch, has)
    y = np.asarray(y, out.dtype)
    if y_has:
        y = y.reshape((*y.shape[:lead], *(1,) * (numbers.ndim - y.ndim), *y.shape[lead:]))
    y = np.broadcast_to(y, numbers.shape)
    _kernels.scatter_along(out, flat(numbers, batch), flat(y, batch), lead, add)


def _each_added(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> np.ndarray:
    g, *indices = arrays
    shape, having = static["shape"], batch.having[1:]
    wide = _ADDED_AS.get(g.dtype, g.dtype)
    numbers = _numbers(indices, having, batch, static["keys"], shape)
    out = np.zeros((*batch.lengths, math.prod(shape)), wide)
    _each_put(out, numbers, any(having), g, batch.having[0], batch, True)
    out = out.reshape((*batch.lengths, *shape))
    return out if wide == g.dtype else dtypes.convert(out, g.dtype)


def _each_assigned(
    kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any], add: bool = False
) -> np.ndarray:  # fmt: skip
    x, y, *indices = arrays
    shape, having = static["shape"], batch.having[2:]
    wide = _ADDED_AS.get(x.dtype, x.dtype) if add else x.dtype
    numbers = _numbers(indices, having, batch, static["keys"], shape)
    out = np.array(flat(full(x, batch, batch.having[0]), batch), wide, order="C")
    _each_put(out, numbers, any(having), y, batch.having[1], batch, add)
    out = out.reshape((*batch.lengths, *shape))
    return out if wide == x.dtype else dtypes.convert(out, x.dtype)


# ---------------------------------------------------------------- x[key] and its transpose


@functools.cache
def _operations(count: int) -> tuple[Operation, Operation, Operation, Operation]:
    """Picking at keys with `count` arrays; its transpose, zeros of `shape` with g added at the keys, repeated indices
    accumulating; x with y at the keys, where `part` is y's shape; and x with y added at the keys."""
    names = tuple(f"index{i}" for i in range(count))
    nothing = (None,) * count

    def picked(g: Any, keys: Any, shape: Any, *arrays: Any) -> Tensor:
        return apply(pick_at, (g, *arrays), {"keys": keys, "shape": shape})

    def put(g: Any, keys: Any, shape: Any, *arrays: Any) -> Tensor:
        return apply(add_at, (g, *arrays), {"keys": keys, "shape": shape})

    def kept(g: Any, keys: Any, *arrays: Any) -> Tensor:
        return _index_put(g, Places(keys, arrays), 0.0)

    def arrived(g: Any, keys: Any, part: Any, *arrays: Any) -> Tensor:
        return sum_to(_surviving(g, Places(keys, arrays)), part)  # type: ignore[no-any-return]

    def alone(t: Any, keys: Any, shape: Any, *arrays: Any) -> Tensor:
        return _index_put(constant(np.zeros, shape, t._value.dtype), Places(keys, arrays), t)

    def same(g: Any) -> Any:
        return g

    def rule(function: Any, *needs: str) -> Rule:
        return Rule(function, (*needs, *names))

    pick_at = Operation(
        "index", _pick_one if count == 1 else _pick, ("x", *names), (rule(put, "g", "keys", "shape"), *nothing),
        (rule(picked, "t", "keys", "shape"), *nothing), batched=_each_picked,
    )  # fmt: skip
    add_at = Operation(
        "index_put", _put_add, ("x", *names), (rule(picked, "g", "keys", "shape"), *nothing),
        (rule(put, "t", "keys", "shape"), *nothing), batched=_each_added,
    )  # fmt: skip
    replace_at = Operation(
        "index_put", _assigned, ("x", "y", *names),
        (rule(kept, "g", "keys"), rule(arrived, "g", "keys", "part"), *nothing),
        (rule(kept, "t", "keys"), rule(alone, "t", "keys", "shape"), *nothing), batched=_each_assigned,
    )  # fmt: skip
    add_to = Operation(
        "index_put", _added, ("x", "y", *names), (Rule(same, ("g",)), rule(picked, "g", "keys", "shape"), *nothing),
        (Rule(same, ("t",)), rule(put, "t", "keys", "shape"), *nothing),
        batched=functools.partial(_each_assigned, add=True),
    )  # fmt: skip
    return pick_at, add_at, replace_at, add_to


def picked_at(name: str, x: Any, index: Any, keys: Keys) -> Tensor:
    """What an index of int64 picks of x, printed and in errors under the name of the function that asks for it."""
    try:
        z = apply(_PICK, (x, index), {"keys": keys, "shape": x._value.shape})
    except IndexError as error:
        raise _renamed(name, error) from None
    return z if z._node is None else called(name, z)


def _index(x: Any, places: Places) -> Tensor:
    static = {"keys": places.keys, "shape": x._value.shape}
    operation = _PICK if len(places.arrays) == 1 else _operations(len(places.arrays))[0]
    return apply(operation, (x, *places.arrays), static)


_PICK, _, _REPLACE, _ADD_TO = _operations(1)


def pick(x: Any, key: Any) -> Tensor:
    """x[key], with PyTorch's meaning of integers, slices, ..., None, integer arrays, boolean masks and mixtures.

    Parameters
    ----------
    x : tensor
    key : index expression
        Slices may have negative steps.

    Returns
    -------
    Tensor
        A view for integers and slices, else a copy.

    Raises
    ------
    IndexError
        If an index is out of range, there are too many, or a part of the key is no index.

    Examples
    --------
    >>> x = wg.tensor([[1., 2.], [3., 4.]])
    >>> x[:, 0]
    tensor([1., 3.])
    >>> x[[0, 1], [1, 0]]
    tensor([2., 3.])
    >>> x[::-1, x[0] > 1]
    tensor([[4.],
            [2.]])
    """
    x = enter(x)
    kind = type(key)
    parts: Any = None
    if kind in _PLAIN or (kind is tuple and _PLAIN.issuperset(map(type, key))):  # the usual cases
        if not (mode.recording and x.requires_grad):
            try:
                seen: Tensor | None = view_now(x, (*key, Ellipsis) if kind is tuple else (key, Ellipsis))
            except (IndexError, TypeError):  # the same will be told below
                seen = None
            if seen is not None:
                return seen
        if kind is tuple:
            parts = (*[triple(part) if type(part) is slice else part for part in key], Ellipsis)
        else:
            parts = (triple(key) if kind is slice else key, Ellipsis)
    elif isinstance(key, Variable) and key._value.ndim:
        if key._value.dtype == dtypes.int64:
            return apply(_PICK, (x, key), {"keys": 0, "shape": x._value.shape})
        if key._value.dtype == dtypes.bool:
            return _index(x, Places(_FIRST, (key,)))
    if parts is None:
        places, view = places_of(key)
        if not view:
            return _index(x, places)
        parts = places.keys[0]  # type: ignore[index]  # a view has keys
    try:
        return view_at(x, parts)
    except IndexError as error:
        raise _explained(error, x._value.shape) from None


_PLAIN = frozenset((int, slice, type(None)))  # types of parts of keys that give views


def lookup(x: Any, index: Any) -> Tensor:
    """x[index] for rows by their number in int64, none of which may be negative."""
    return apply(_LOOKUP, (x, index), {"keys": 0, "shape": x._value.shape})


_LOOKUP = Operation(
    "embedding", _looked_up, ("x", "index0"), (_PICK.vjps[0], None), (_PICK.jvps[0], None), batched=_each_looked_up
)  # fmt: skip


# ---------------------------------------------------------------- assignment


def _index_put(x: Any, places: Places, y: Any, accumulate: bool = False) -> Tensor:
    part = y._value.shape if isinstance(y, Variable) else ()
    static = {"keys": places.keys, "shape": x._value.shape, "part": part}
    return apply(_operations(len(places.arrays))[3 if accumulate else 2], (x, y, *places.arrays), static)


def _surviving(g: Any, places: Places) -> Tensor:
    """What of g at the places reaches the items assigned there."""
    picked = _index(g, places)
    if any(array._value.dtype.kind != "b" for array in places.arrays):  # the indices may be repeated
        return where(_LAST(*places.arrays, keys=places.keys, shape=g._value.shape), picked, 0.0)
    return picked


def _nothing(shape: tuple[int, ...]) -> np.ndarray:
    return np.broadcast_to(np.False_, shape)


def _picked_shape(places: Places, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of x[places] for an x of `shape`."""
    if isinstance(places.keys, Line):
        return places.keys.shape
    d = places.keys
    if type(d) is int and d < len(shape):
        return (*shape[:d], *places.arrays[0]._value.shape, *shape[d + 1 :])
    return tuple(_index(constant(_nothing, shape), places)._value.shape)


def set_items(x: Any, key: Any, y: Any) -> None:
    """x[key] = y, in place and not recorded."""
    places, _ = places_of(key)
    change("index_put_", (x,), _assign, y, *places.arrays, keys=places.keys)


def index_put(x: Any, key: Any, y: Any, accumulate: bool = False) -> Tensor:
    """A copy of x with x[key] = y, or, accumulating, x[key] += y.

    Parameters
    ----------
    x : tensor
    key : index expression
        As in `index`.
    y : tensor, array or number
        Broadcasts to the shape of x[key]; becomes of x's dtype.
    accumulate : bool
        Add to what is there; repeated indices add repeatedly. Otherwise the last of them counts.

    Returns
    -------
    Tensor
        Of x's shape and dtype.

    Raises
    ------
    ValueError
        If y does not broadcast to what is replaced.
    IndexError
        As in `index`.

    Examples
    --------
    >>> wg.index_put(wg.zeros(3), 1, 5.)
    tensor([0., 5., 0.])
    >>> wg.index_put(wg.zeros(3), ([0, 0],), wg.tensor([1., 2.]), accumulate=True)
    tensor([3., 0., 0.])
    """
    return _put(enter(x), places_of(key)[0], y, accumulate)


def _put(x: Any, places: Places, y: Any, accumulate: bool, shape: tuple[int, ...] | None = None) -> Tensor:
    """x[places] = y, or +=, in a copy of x. `shape`: of x[places], where it is known."""
    if isinstance(y, Variable) and y._value.shape == shape and y._value.dtype == x._value.dtype:
        return _index_put(x, places, y, accumulate)
    shape = _picked_shape(places, x._value.shape) if shape is None else shape
    if accumulate or not isinstance(y, (int, float)):
        y = enter(y, None if isinstance(y, Variable) else x._value.dtype)
        if y._value.dtype != x._value.dtype:
            y = cast(y, x._value.dtype)
        lead = y._value.ndim - len(shape)
        if lead > 0 and y._value.shape[:lead] == (1,) * lead:
            y = reshape(y, y._value.shape[lead:])
        try:
            fits = y._value.shape == shape or np.broadcast_shapes(y._value.shape, shape) == shape
        except ValueError:
            fits = False
        if not fits:
            raise ValueError(f"index: a value of shape {y._value.shape} does not broadcast to {shape}, its place")
    if accumulate and y._value.shape != shape:
        y = broadcast.broadcast_to(y, shape)
    return _index_put(x, places, y, accumulate)


# ---------------------------------------------------------------- along one dimension


def along(name: str, x: Any, indices: Any, dim: int, shape: tuple[int, ...] | None = None) -> Places:
    """The places in x that `indices`, of as many dimensions, mean along `dim`; what is there is given `shape`."""
    given = indices._value.shape
    if len(given) != x._value.ndim:
        raise ValueError(f"{name}: expected indices of {x._value.ndim} dimension(s) like the tensor, got shape {given}")
    if indices._value.dtype is not dtypes.int64:
        indices = as_places(name, indices)
    return Places(line(dim, given if shape is None else shape), (indices,))


def items_along(name: str, x: Any, places: Any, dim: int) -> Tensor:
    """The items of x at places along `dim`, in int64 and of as many dimensions, or without this one: one item each."""
    line: Any = tuple.__new__(Line, (dim, places._value.shape))  # at half the price of a call
    return called(name, apply(_ALONG, (x, places), {"keys": line, "shape": x._value.shape}))


@by_bindings
def _on_line(x: np.ndarray, index: np.ndarray, keys: Line, shape: tuple[int, ...]) -> np.ndarray:
    return _kernels.gather_along(x, index, keys[0])


_ALONG = Operation(
    "index", _on_line, ("x", "index0"), _operations(1)[0].vjps, _operations(1)[0].jvps, batched=_each_picked
)  # fmt: skip


def as_places(name: str, index: Tensor) -> Tensor:
    """Integer indices in the dtype that the kernels take."""
    dtype = index._value.dtype
    if dtype.kind not in "iu":
        raise TypeError(f"{name}: expected integer indices, got {dtype}")
    return index if dtype == dtypes.int64 else cast(index, dtypes.int64)


def picked_for(name: str, x: Any, places: Places) -> Tensor:
    """x[places], a copy, printed and in errors under the name of the function that asks for it."""
    try:
        z = _index(x, places)
    except IndexError as error:
        raise _renamed(name, error) from None
    return z if z._node is None else called(name, z)


def spread(g: Any, places: Places, shape: tuple[int, ...]) -> Tensor:
    """Zeros of `shape` with g added at the places: the transpose of picking."""
    return apply(_operations(len(places.arrays))[1], (g, *places.arrays), {"keys": places.keys, "shape": shape})


def put_for(
    name: str, x: Any, places: Places, y: Any, shape: tuple[int, ...] | None = None, accumulate: bool = False
) -> Tensor:  # fmt: skip
    """`index_put`, whose errors have the name of the function that asks for it."""
    try:
        return _put(x, places, y, accumulate, shape)
    except IndexError as error:
        raise _renamed(name, error) from None


def put_at(name: str, x: Any, index: Any, keys: Keys, y: Any, accumulate: bool) -> Tensor:
    """y, of x's dtype and of the shape of its places, in a copy of x or added to it; errors have a function's name."""
    static = {"keys": keys, "shape": x._value.shape, "part": y._value.shape}
    try:
        return apply(_ADD_TO if accumulate else _REPLACE, (x, y, index), static)
    except IndexError as error:
        raise _renamed(name, error) from None


def _renamed(name: str, error: IndexError) -> IndexError:
    return IndexError(f"{name}:{str(error).partition(':')[2]}")


def take_along_dim(x: Any, indices: Any, dim: int | None = None, *, axis: int | None = None) -> Tensor:
    """Items picked along one dimension by an index of the same number of dimensions.

    Parameters
    ----------
    x : tensor
    indices : tensor or array of integers
        Other dimensions than `dim` broadcast with x's. Negative indices count from the end.
    dim : int or None
        None: x and the indices are flattened. Also spelled `axis`.

    Returns
    -------
    Tensor
        Of the indices' shape, broadcast.

    Raises
    ------
    IndexError
        If an index is out of range.
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> x = wg.tensor([[3., 1.], [2., 4.]])
    >>> wg.take_along_dim(x, x.argmax(1, keepdim=True), 1)
    tensor([[3.],
            [4.]])
    """
    x, indices = enter(x), enter(indices)
    dim = axis if dim is None else dim
    if dim is None:
        x, indices, dim = reshape(x, -1), reshape(indices, -1), 0
    d = dimension("take_along_dim", dim, x._value.ndim)
    shape, wanted = x._value.shape, indices._value.shape
    key = along("take_along_dim", x, indices, d)
    if shape != wanted:  # where a dimension of length 1 in one of them is repeated as in the other
        if any(n != m and 1 not in (n, m) and k != d for k, (n, m) in enumerate(zip(shape, wanted, strict=True))):
            raise ValueError(
                f"take_along_dim: shape {shape} and indices of shape {wanted} differ in other dimensions than {d}"
            )
        joined = [m if n == 1 else n for n, m in zip(shape, wanted, strict=True)]
        over = (*joined[:d], wanted[d], *joined[d + 1 :])
        key = Places(Line(d, over), (broadcast.broadcast_to(key.arrays[0], over),))
        x = broadcast.broadcast_to(x, (*joined[:d], shape[d], *joined[d + 1 :]))
    return picked_for("take_along_dim", x, key)
