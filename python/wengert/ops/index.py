"""Picking items by index, and the transposes that put them back.

An index expression becomes a tuple of NumPy keys that are applied one after the other: one key for nearly all; two
where integers stand beside arrays, since PyTorch takes the integers first, and NumPy would broadcast them with the
arrays. All keys but the last give views. Functions that pick along one dimension have an `Along` in place of them.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core import broadcast, dtypes
from ..core.arguments import dimension, either
from ..core.broadcast import cast, sum_to
from ..core.define import linear, primitive
from ..core.doors import enter
from ..core.signatures import tells
from ..core.tape import Operation, apply
from ..core.variable import Variable, wrap
from ..core.views import share_memory
from .arithmetic import add
from .naming import called
from .shape import movedim, narrow_view, reshape, view_at

__all__ = ["diag_embed", "diagonal", "index_put", "narrow", "select", "take_along_dim", "unbind"]

# ---------------------------------------------------------------- apart


def between(x: Any, dim: int, ends: Sequence[int]) -> tuple[Any, ...]:
    """The views of x from each of `ends` to the next."""
    return tuple([called("split", narrow_view(x, dim, start, stop)) for start, stop in itertools.pairwise(ends)])


@tells
def narrow(x: Any, dim: int, start: int, length: int) -> Tensor:
    """A view of `length` items from `start` along one dimension.

    Parameters
    ----------
    x : tensor
    dim : int
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
    d = dimension("narrow", dim, x._value.ndim)
    n = x._value.shape[d] if x._value.ndim else 0
    begin = start + n if start < 0 else operator.index(start)
    if not x._value.ndim or not 0 <= begin <= begin + length <= n:
        raise IndexError(f"narrow: {length} item(s) from {start} do not lie within the length {n} of dimension {d}")
    return narrow_view(x, d, begin, begin + length)


@tells
def select(x: Any, dim: int, index: int) -> Tensor:
    """A view without one dimension, at one index along it: x[:, :, index] for dim = 2.

    Parameters
    ----------
    x : tensor
    dim, index : int

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
    return pick(x, (slice(None),) * dimension("select", dim, x._value.ndim) + (operator.index(index),))


@tells
def unbind(x: Any, dim: int | None = None, *, axis: int | None = None) -> tuple[Any, ...]:
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
    before = (slice(None),) * d
    return tuple([called("unbind", view_at(x, (*before, k, Ellipsis))) for k in range(x._value.shape[d])])


# ---------------------------------------------------------------- diagonals


def _diagonal_of(x: np.ndarray, offset: int) -> np.ndarray:
    """A writable view of the diagonals of the matrices in the last two dimensions."""
    diagonals = x.diagonal(offset, -2, -1)
    _kernels.set_writeable(diagonals, x.flags.writeable)  # NumPy gives it read-only
    return diagonals


def _on_diagonal(x: np.ndarray, offset: int, before: tuple[int, ...]) -> np.ndarray:
    out = np.zeros(before, x.dtype)
    _diagonal_of(out, offset)[...] = x
    return out


# The diagonals of the last two dimensions, and their transpose: zeros of shape `before` elsewhere.
_DIAGONAL = linear(
    "diagonal", lambda x, offset, before: _diagonal_of(x, offset),
    lambda g, offset, before: apply(_DIAGONAL_BACKWARD, (g,), {"offset": offset, "before": before}),
)  # fmt: skip


_DIAGONAL_BACKWARD: Operation = linear(
    "diagonal_backward", _on_diagonal,
    lambda g, offset, before: apply(_DIAGONAL, (g,), {"offset": offset, "before": before}),
)  # fmt: skip


@tells
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
    d1, d2 = dimension("diagonal", dim1, x._value.ndim), dimension("diagonal", dim2, x._value.ndim)
    if d1 == d2 or x._value.ndim < 2:
        raise ValueError(
            f"diagonal: expected two different dimensions of shape {x._value.shape}, got {dim1} and {dim2}"
        )
    last = x if x._value.ndim == 2 and d1 < d2 else movedim(x, (d1, d2), (-2, -1))
    rows, columns = last._value.shape[-2:]
    if not -rows <= offset <= columns:
        offset = -rows if offset < 0 else columns
    return share_memory(x, apply(_DIAGONAL, (last,), {"offset": int(offset), "before": last._value.shape}))


@tells
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
    d1, d2 = (dimension("diag_embed", d, len(shape) + 1) for d in (dim1, dim2))
    if d1 == d2:
        raise ValueError(f"diag_embed: expected two different dimensions, got {dim1} and {dim2}")
    side = shape[-1] + abs(offset)
    full = apply(_DIAGONAL_BACKWARD, (x,), {"offset": int(offset), "before": (*shape[:-1], side, side)})
    return movedim(full, (-2, -1), (d1, d2))


Key = Any


class Along:
    """At every place of `index`, the item with that index along `dim`; what is picked has `shape`."""

    __slots__ = ("dim", "index", "shape")

    def __init__(self, index: np.ndarray, dim: int, shape: tuple[int, ...]) -> None:
        self.index, self.dim, self.shape = index, dim, shape


Keys = tuple[Key, ...] | Along


# ---------------------------------------------------------------- index expressions


def plain_keys(key: Key) -> tuple[tuple[Key, ...], bool]:
    """An index expression as NumPy keys, and whether they give a view: that is, whether no arrays are among them."""
    if type(key) is int or type(key) is slice:  # the usual cases
        return ((key, Ellipsis),), True
    if isinstance(key, Variable):
        part = _plain(key)
        return (((part, Ellipsis),), True) if isinstance(part, int) else (((part,),), False)
    out = []
    arrays = integers = dots = False
    for part in key if isinstance(key, tuple) else (key,):
        if type(part) is int:
            integers = True
        elif type(part) is not slice and part is not None:
            if part is Ellipsis:
                dots = True
            else:
                part = _plain(part)
                if isinstance(part, int):
                    integers = True
                else:
                    arrays = True
        out.append(part)
    if arrays:
        return (_integers_first(out) if integers else (tuple(out),)), False
    if not dots:  # without them, NumPy makes a copy of a single item
        out.append(Ellipsis)
    return (tuple(out),), True


def _plain(part: Any) -> Any:
    """A part of an index expression as an integer, or as an array of integers or booleans."""
    if isinstance(part, Variable):
        part = part._value
    elif isinstance(part, (list, tuple, range)):
        part = np.asarray(part if len(part) else np.empty(0, np.int64))
    elif isinstance(part, (bool, np.bool_)):
        part = np.asarray(part)
    elif not isinstance(part, np.ndarray):
        if hasattr(part, "__index__"):
            return part.__index__()
        if hasattr(part, "__array__"):
            part = np.asarray(part)
    if not isinstance(part, np.ndarray):
        raise IndexError(
            "index: expected integers, slices, ..., None, or arrays of integers or booleans, "
            f"got {type(part).__name__} {part!r}"
        )
    if part.dtype.kind == "b":
        return part
    if part.dtype.kind not in "iu":
        raise IndexError(f"index: expected integers or booleans, got an index of dtype {part.dtype}")
    if not part.ndim:
        return int(part)
    if part.dtype == dtypes.uint8:
        raise IndexError(
            "index: uint8 is ambiguous, since PyTorch reads it as a mask and NumPy as integers; use .long() or .bool()"
        )
    return part


def _integers_first(parts: list[Any]) -> tuple[Key, ...]:
    """Two keys: the integers, with everything else kept whole; then the rest."""
    first: list[Any] = []
    rest: list[Any] = []
    for part in parts:
        if isinstance(part, int):
            first.append(part)
            continue
        rest.append(part)
        if part is Ellipsis:
            first.append(part)
        elif part is not None:
            mask = isinstance(part, np.ndarray) and part.dtype.kind == "b"
            first.extend([slice(None)] * (part.ndim if mask else 1))
    return tuple(first), tuple(rest)


def at(x: np.ndarray, keys: Keys) -> np.ndarray:
    """The array x[keys[0]][keys[1]]..."""
    if isinstance(keys, Along):
        return _shaped(_kernels.gather_along(x, keys.index, keys.dim), keys.shape)
    try:
        for key in keys:
            x = x[key]
    except IndexError as error:
        raise _explained(error, x) from None
    return x


def assign(x: np.ndarray, keys: Keys, y: Any) -> None:
    """Set x[keys] to y, in place."""
    if isinstance(keys, Along):
        _place(x, keys, y, False)
        return
    part = at(x, keys[:-1])
    try:
        part[keys[-1]] = y
    except IndexError as error:
        raise _explained(error, part) from None


def _place(x: np.ndarray, keys: Along, y: Any, add: bool) -> None:
    """Set or add to x's items."""
    items = _shaped(_kernels.broadcast_view(np.asarray(y, x.dtype), keys.shape), keys.index.shape)
    _kernels.scatter_along(x, keys.index, items, keys.dim, add)


def _shaped(x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return x if x.shape == shape else x.reshape(shape)


def _explained(error: IndexError, x: np.ndarray) -> IndexError:
    """NumPy's message, with the shape and what is allowed."""
    text = str(error).split(": ")[-1]
    return IndexError(
        f"index: {text}; of shape {x.shape}, a dimension of length n takes -n to n - 1, or a mask of its length"
    )


# ---------------------------------------------------------------- x[key] and its transpose


def _one_row_index(keys: tuple[Key, ...], x: np.ndarray) -> np.ndarray | None:
    """The index of `x[index]` with a single array of integers in front, which the gather kernel takes."""
    if len(keys) == 1 and len(keys[0]) == 1 and x.ndim:
        part = keys[0][0]
        if isinstance(part, np.ndarray) and part.dtype.kind in "iu":
            return part
    return None


def _rows_of(x: np.ndarray) -> np.ndarray:
    if x.ndim == 2:
        return x
    return x.reshape(x.shape[0], -1) if x.size else x.reshape(x.shape[0], int(np.prod(x.shape[1:])))


def _flat(index: np.ndarray) -> np.ndarray:
    return as_places("index", index if index.ndim == 1 else index.reshape(-1))


def _pick(x: np.ndarray, keys: Keys, shape: tuple[int, ...]) -> np.ndarray:
    if isinstance(keys, Along):
        return at(x, keys)
    index = _one_row_index(keys, x)
    if index is not None and x.dtype in (dtypes.float32, dtypes.float64) and x.flags.c_contiguous and x.shape[0]:
        try:
            rows = _kernels.gather_rows(_rows_of(x), _flat(index), dtype=x.dtype)
        except IndexError as error:
            raise _explained(error, x) from None
        return rows if index.ndim == 1 and x.ndim == 2 else rows.reshape(index.shape + x.shape[1:])
    return np.asarray(at(x, keys))


def _put_add(g: np.ndarray, keys: Keys, shape: tuple[int, ...]) -> np.ndarray:
    if isinstance(keys, Along):
        wide = _ADDED_AS.get(g.dtype, g.dtype)
        out = np.zeros(shape, wide)
        _place(out, keys, g, True)
        return out if wide == g.dtype else dtypes.convert(out, g.dtype)
    out = np.zeros(shape, g.dtype)
    index = _one_row_index(keys, out)
    if index is not None and g.dtype in (dtypes.float32, dtypes.float64) and g.size and out.size:
        _kernels.scatter_add_rows(_rows_of(out), _flat(index), g.reshape(index.size, -1))
    elif any(isinstance(part, np.ndarray) for part in keys[-1]):
        np.add.at(at(out, keys[:-1]), keys[-1], g)
    else:
        out[keys[0]] = g
    return out


_ADDED_AS: dict[np.dtype, np.dtype] = {dtypes.float16: dtypes.float32, dtypes.bool: dtypes.int64}


# x[keys], and its transpose: zeros of `shape` with g added at the keys, repeated indices accumulating.
_INDEX = linear("index", _pick, lambda g, keys, shape: apply(_PUT_ADD, (g,), {"keys": keys, "shape": shape}))


_PUT_ADD: Operation = linear(
    "index_put", _put_add, lambda g, keys, shape: apply(_INDEX, (g,), {"keys": keys, "shape": shape})
)


def _index(x: Any, keys: Keys) -> Tensor:
    return apply(_INDEX, (x,), {"keys": keys, "shape": x._value.shape})


def pick(x: Any, key: Key) -> Tensor:
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
    keys, view = plain_keys(key)
    if not view:
        return _index(x, keys)
    try:
        return view_at(x, keys[0])
    except IndexError as error:
        raise _explained(error, x._value) from None


# ---------------------------------------------------------------- assignment

# x with y at the keys; `shape` is x's, `part` is y's.
_INDEX_PUT = primitive(
    "index_put",
    lambda x, y, keys, shape, part: _assigned(x, y, keys),
    (lambda g, keys: _index_put(g, keys, 0.0), lambda g, keys, part: sum_to(_kept(g, keys), part)),
    (lambda t, keys: _index_put(t, keys, 0.0), lambda t, keys, shape: _index_put(_zeros(shape, t), keys, t)),
)  # fmt: skip


def _assigned(x: np.ndarray, y: Any, keys: Keys) -> np.ndarray:
    out = x.copy()
    assign(out, keys, y)
    return out


def _index_put(x: Any, keys: Keys, y: Any) -> Tensor:
    part = y._value.shape if isinstance(y, Variable) else ()
    return apply(_INDEX_PUT, (x, y), {"keys": keys, "shape": x._value.shape, "part": part})


def _zeros(shape: tuple[int, ...], like: Any) -> Tensor:
    return wrap(np.zeros(shape, like._value.dtype))


def _kept(g: Any, keys: Keys) -> Tensor:
    """What of g at the keys reaches the items assigned there: of a repeated index only the last."""
    picked = _index(g, keys)
    if isinstance(keys, Along) or any(isinstance(part, np.ndarray) and part.dtype.kind != "b" for part in keys[-1]):
        number = np.arange(picked._value.size).reshape(picked._value.shape)
        last = np.empty(g._value.shape, number.dtype)
        assign(last, keys, number)
        survivors = at(last, keys) == number
        if not survivors.all():
            return picked * wrap(survivors.astype(g._value.dtype))
    return picked


def picked_shape(keys: Keys, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of x[keys] for an x of `shape`."""
    return keys.shape if isinstance(keys, Along) else at(np.broadcast_to(np.False_, shape), keys).shape


def index_put(x: Any, key: Key, y: Any, accumulate: bool = False) -> Tensor:
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
    return _put(enter(x), plain_keys(key)[0], y, accumulate)


def _put(x: Any, keys: Keys, y: Any, accumulate: bool) -> Tensor:
    shape = picked_shape(keys, x._value.shape)
    if accumulate or not isinstance(y, (int, float)):
        y = enter(y, None if isinstance(y, Variable) else x._value.dtype)
        if y._value.dtype != x._value.dtype:
            y = cast(y, x._value.dtype)
        lead = y._value.ndim - len(shape)
        if lead > 0 and y._value.shape[:lead] == (1,) * lead:
            y = reshape(y, y._value.shape[lead:])
        try:
            fits = np.broadcast_shapes(y._value.shape, shape) == shape
        except ValueError:
            fits = False
        if not fits:
            raise ValueError(f"index: a value of shape {y._value.shape} does not broadcast to {shape}, its place")
    if accumulate:
        y = y if y._value.shape == shape else broadcast.broadcast_to(y, shape)
        return add(x, apply(_PUT_ADD, (y,), {"keys": keys, "shape": x._value.shape}))
    return _index_put(x, keys, y)


# ---------------------------------------------------------------- along one dimension


def along(name: str, x: Any, indices: Any, dim: int, shape: tuple[int, ...] | None = None) -> Along:
    """The places in x that `indices`, of as many dimensions, mean along `dim`; what is there is given `shape`."""
    index = indices._value
    if index.ndim != x._value.ndim:
        raise ValueError(
            f"{name}: expected indices of {x._value.ndim} dimension(s) like the tensor, got shape {index.shape}"
        )
    return Along(as_places(name, index), dim, index.shape if shape is None else shape)


def as_places(name: str, index: np.ndarray) -> np.ndarray:
    """Integer indices in the dtype that the kernels take."""
    if index.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected integer indices, got {index.dtype}")
    return index if index.dtype == dtypes.int64 else index.astype(np.int64)


def picked_for(name: str, x: Any, keys: Keys) -> Tensor:
    """x[keys], a copy, printed and in errors under the name of the function that asks for it."""
    try:
        return called(name, _index(x, keys))
    except IndexError as error:
        raise _renamed(name, error) from None


def put_for(name: str, x: Any, keys: Keys, y: Any, accumulate: bool = False) -> Tensor:
    """`index_put`, whose errors have the name of the function that asks for it."""
    try:
        return _put(x, keys, y, accumulate)
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
        key = Along(np.broadcast_to(key.index, over), d, over)
        x = broadcast.broadcast_to(x, (*joined[:d], shape[d], *joined[d + 1 :]))
    return picked_for("take_along_dim", x, key)
