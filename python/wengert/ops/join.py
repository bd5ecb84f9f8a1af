"""Several tensors into one, and one into several."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core import dtypes
from ..core.arguments import dimension, either, integer
from ..core.arguments import lengths as given_lengths
from ..core.batching import Batch, axes, flat, moved
from ..core.bound import by_bindings
from ..core.broadcast import cast, uniform
from ..core.define import linear, rule
from ..core.doors import constant, enter, leave
from ..core.signatures import tells
from ..core.tape import Operation, apply
from ..core.variable import Variable
from .index import between
from .shape import WHOLE, clone, exchanged, flip, flipped, narrow_view, reshape, reshaped, view_at

__all__ = [
    "atleast_1d", "atleast_2d", "atleast_3d", "cat", "chunk", "column_stack", "dstack", "fliplr", "flipud",
    "hstack", "roll", "rot90", "split", "stack", "tensor_split", "vstack",
]  # fmt: skip


@by_bindings
def _concatenated(*arrays: np.ndarray, dim: int, ends: tuple[int, ...]) -> np.ndarray:
    out: np.ndarray = _kernels.joined(arrays, dim)
    return out


def _cut(g: Any, dim: int, ends: tuple[int, ...]) -> list[Tensor]:
    """Each tensor's cotangent is its own piece."""
    return [narrow_view(g, dim, start, stop) for start, stop in itertools.pairwise(ends)]


def _joined(t: Any, dim: int, ends: tuple[int, ...]) -> Tensor:
    """The tangents side by side, zeros in place of those that there are not."""
    like = next(x for x in t if x is not None)
    shape, dtype = like._value.shape, like._value.dtype
    before, behind = shape[:dim], shape[dim + 1 :]
    parts = [
        constant(np.zeros, (*before, stop - start, *behind), dtype) if x is None else x
        for x, (start, stop) in zip(t, itertools.pairwise(ends), strict=True)
    ]
    return apply(_CAT, tuple(parts), {"dim": dim, "ends": ends})


@by_bindings
def _stacked(*arrays: np.ndarray, dim: int) -> np.ndarray:
    shape = arrays[0].shape
    if dim == len(shape):
        whole: np.ndarray = _kernels.joined([x[..., None] for x in arrays], dim)
        return whole
    side_by_side: np.ndarray = _kernels.joined(arrays, dim)
    return side_by_side.reshape((*shape[:dim], len(arrays), *shape[dim:]))


def _taken_apart(g: Any, dim: int) -> list[Tensor]:
    return [view_at(g, (*(WHOLE,) * dim, i, Ellipsis)) for i in range(g._value.shape[dim])]


def _joined_anew(t: Any, dim: int) -> Tensor:
    like = next(x for x in t if x is not None)
    zeros = constant(np.zeros, like._value.shape, like._value.dtype) if any(x is None for x in t) else None
    return apply(_STACK, tuple([zeros if x is None else x for x in t]), {"dim": dim})


# Of any number of tensors, so that there is one rule for all of them.
_CAT: Operation = Operation(
    "cat",
    _concatenated,
    ("tensors",),
    (None,),
    (None,),
    joint=rule(_cut),
    pushed=rule(_joined),
    batched=moved(dim=axes),
)
_STACK: Operation = Operation(
    "stack",
    _stacked,
    ("tensors",),
    (None,),
    (None,),
    joint=rule(_taken_apart),
    pushed=rule(_joined_anew),
    batched=moved(dim=axes),
)


def cat(tensors: Sequence[Any], dim: int = 0, *, axis: int | None = None) -> Tensor:
    """Tensors joined along an existing dimension.

    Parameters
    ----------
    tensors : sequence of tensor
        Of one shape but for the length along `dim`; a vector without items goes with all.
    dim : int
        Also spelled `axis`.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If there is nothing to join, or the other dimensions differ.

    Examples
    --------
    >>> wg.cat([wg.tensor([1., 2.]), wg.tensor([3.])])
    tensor([1., 2., 3.])
    """
    return _cat(list(map(enter, tensors)), dim if axis is None else axis)


def _cat(parts: list[Any], dim: int) -> Tensor:
    """`cat` of variables."""
    if not parts:
        raise ValueError("cat: expected at least one tensor")
    if uniform(parts):  # the usual case, without the price of the others
        shape = parts[0]._value.shape
        if shape and 0 not in shape:
            d = dimension("cat", dim, len(shape))
            n = shape[d]
            return apply(_CAT, tuple(parts), {"dim": d, "ends": tuple(range(0, n * len(parts) + 1, n))})
    return _cat_of_many(parts, dim)


def _cat_of_many(parts: list[Any], dim: int) -> Tensor:
    """`cat` of tensors of several shapes or dtypes, or without items."""
    first = parts[0]._value.shape
    if first == _EMPTY:  # counts as empty of the others' shape, whatever that is
        first = next((x._value.shape for x in parts if x._value.shape != _EMPTY), _EMPTY)
        dim = dim if first != _EMPTY else 0
    if not all(x._value.ndim for x in parts):
        raise ValueError("cat: 0-d tensors have no dimension to be joined along; use stack")
    d, ends = dimension("cat", dim, len(first)), [0]
    for k, x in enumerate(parts):
        shape = x._value.shape
        if shape == _EMPTY and first != _EMPTY:
            shape = (*first[:d], 0, *first[d + 1 :])
            parts[k] = reshaped(x, shape)
        if shape != first and (*shape[:d], *shape[d + 1 :]) != (*first[:d], *first[d + 1 :]):
            shapes = ", ".join([str(x._value.shape) for x in parts])
            raise ValueError(f"cat: shapes {shapes} must agree but for dimension {d}")
        ends.append(ends[-1] + shape[d])
    return apply(_CAT, _promoted(parts), {"dim": d, "ends": tuple(ends)})


_EMPTY = (0,)


def _promoted(parts: list[Any]) -> tuple[Any, ...]:
    """Tensors of one dtype."""
    first = parts[0]._value.dtype
    for x in parts:
        if x._value.dtype is not first:
            dtype = functools.reduce(dtypes.promote_types, [x._value.dtype for x in parts])
            return tuple([x if x._value.dtype == dtype else cast(x, dtype) for x in parts])
    return tuple(parts)


def stack(tensors: Sequence[Any], dim: int = 0, *, axis: int | None = None) -> Tensor:
    """Tensors of one shape joined along a new dimension.

    Parameters
    ----------
    tensors : sequence of tensor
    dim : int
        Where the new dimension stands in the result. Also spelled `axis`.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If there is nothing to stack, or the shapes differ.

    Examples
    --------
    >>> wg.stack([wg.tensor([1., 2.]), wg.tensor([3., 4.])])
    tensor([[1., 2.],
            [3., 4.]])
    """
    dim = dim if axis is None else axis
    parts = list(map(enter, tensors))
    if not parts:
        raise ValueError("stack: expected at least one tensor")
    shape = parts[0]._value.shape
    alike = uniform(parts)
    if not alike and any(x._value.shape != shape for x in parts):
        raise ValueError(f"stack: expected one shape, got {', '.join(str(x._value.shape) for x in parts)}")
    d = dimension("stack", dim, len(shape) + 1)
    return apply(_STACK, tuple(parts) if alike else _promoted(parts), {"dim": d})


@tells
def split(
    x: Any, split_size_or_sections: Any, dim: int | None = None, *, axis: int | None = None
) -> tuple[Tensor, ...]:
    """Views of a tensor cut along one dimension.

    Parameters
    ----------
    x : tensor
    split_size_or_sections : int or sequence of int
        The length of every piece but possibly the last; or the length of each.
    dim : int
        0 by default. Also spelled `axis`.

    Returns
    -------
    tuple of Tensor

    Raises
    ------
    ValueError
        If the pieces are empty, or their lengths do not add up to the dimension's.

    Examples
    --------
    >>> wg.split(wg.arange(5), 2)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    x = enter(x)
    d = dimension("split", either("split", dim, axis) or 0, x._value.ndim)
    n = x._value.shape[d] if x._value.ndim else 0
    if not x._value.ndim:
        raise ValueError("split: a 0-d tensor has no dimension to be cut along")
    if isinstance(split_size_or_sections, (tuple, list)):
        lengths = given_lengths("split", (), split_size_or_sections)
        ends = [0, *itertools.accumulate(lengths)]
        if ends[-1] != n or min(lengths, default=0) < 0:
            raise ValueError(f"split: pieces of lengths {lengths} do not add up to the length {n} of dimension {d}")
        return between(x, d, ends)
    size = integer("split", "split_size_or_sections", split_size_or_sections)
    if size < 1 and not (size == 0 and n == 0):
        raise ValueError(f"split: expected pieces of length 1 or more, got {size}")
    return between(x, d, [*range(0, n, max(size, 1)), n] if n else [0, 0])


@tells
def chunk(x: Any, chunks: int, dim: int | None = None, *, axis: int | None = None) -> tuple[Tensor, ...]:
    """Views of a tensor cut along one dimension into a number of pieces.

    Parameters
    ----------
    x : tensor
    chunks : int
        All pieces have the same length but the last, which may be shorter; there may be fewer than asked for.
    dim : int
        0 by default. Also spelled `axis`.

    Returns
    -------
    tuple of Tensor

    Raises
    ------
    ValueError
        If fewer than one chunk is asked for.

    Examples
    --------
    >>> wg.chunk(wg.arange(5), 3)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    x, chunks = enter(x), integer("chunk", "chunks", chunks)
    if chunks < 1:
        raise ValueError(f"chunk: expected at least 1 chunk, got {chunks}")
    d = dimension("chunk", either("chunk", dim, axis) or 0, x._value.ndim)
    if not x._value.ndim:
        raise ValueError("chunk: a 0-d tensor has no dimension to be cut along")
    n = x._value.shape[d]
    return between(x, d, [*range(0, n, -(-n // chunks)), n] if n else [0] * (chunks + 1))


@tells
def tensor_split(
    x: Any, indices_or_sections: Any, dim: int | None = None, *, axis: int | None = None
) -> tuple[Tensor, ...]:
    """Views of a tensor cut along one dimension into nearly equal parts, or at given places.

    Parameters
    ----------
    x : tensor
    indices_or_sections : int, sequence of int or tensor
        The number of parts; or where each but the first begins.
    dim : int
        0 by default. Also spelled `axis`.

    Returns
    -------
    tuple of Tensor

    Raises
    ------
    ValueError
        If fewer than one part is asked for.

    Examples
    --------
    >>> wg.tensor_split(wg.arange(5), 3)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    >>> wg.tensor_split(wg.arange(5), [1, 4])
    (tensor([0]), tensor([1, 2, 3]), tensor([4]))
    """
    x = enter(x)
    d = dimension("tensor_split", either("tensor_split", dim, axis) or 0, x._value.ndim)
    if not x._value.ndim:
        raise ValueError("tensor_split: a 0-d tensor has no dimension to be cut along")
    n = x._value.shape[d]
    if isinstance(indices_or_sections, (Variable, np.ndarray)):
        indices_or_sections = leave(enter(indices_or_sections), "int").tolist()  # one integer, or a list of them
    if isinstance(indices_or_sections, (tuple, list)):
        places = given_lengths("tensor_split", (), indices_or_sections)
        starts = [slice(k, None).indices(n)[0] for k in places]
        pairs = zip([0, *starts], [*starts, n], strict=True)
        return tuple(narrow_view(x, d, start, max(start, stop)) for start, stop in pairs)
    count = integer("tensor_split", "indices_or_sections", indices_or_sections)
    if count < 1:
        raise ValueError(f"tensor_split: expected at least 1 part, got {count}")
    lengths = [n // count + (k < n % count) for k in range(count)]
    return between(x, d, [0, *itertools.accumulate(lengths)])


# ---------------------------------------------------------------- together


def _at_least(ndim: int, x: Any) -> Any:
    """x as NumPy's `atleast_1d`, `atleast_2d` or `atleast_3d` would have it."""
    x = enter(x)
    shape = x._value.shape
    if len(shape) >= ndim:
        return x
    lead = ndim - len(shape) if ndim < 3 or not shape else 2 - len(shape)
    return reshape(x, (1,) * lead + shape + (1,) * (ndim - len(shape) - lead))


def _each_at_least(ndim: int, tensors: tuple[Any, ...]) -> Any:
    if len(tensors) == 1 and not isinstance(tensors[0], (tuple, list)):
        return _at_least(ndim, tensors[0])
    parts = tensors[0] if len(tensors) == 1 else tensors
    return tuple(_at_least(ndim, x) for x in parts)


@tells
def atleast_1d(*tensors: Any) -> Any:
    """Views of tensors with at least one dimension.

    Parameters
    ----------
    *tensors : tensor, or one sequence of them

    Returns
    -------
    Tensor or tuple of Tensor
        Of one argument one tensor.

    Examples
    --------
    >>> wg.atleast_1d(wg.tensor(3.))
    tensor([3.])
    """
    return _each_at_least(1, tensors)


@tells
def atleast_2d(*tensors: Any) -> Any:
    """Views of tensors with at least two dimensions; a vector becomes a row.

    Parameters
    ----------
    *tensors : tensor, or one sequence of them

    Returns
    -------
    Tensor or tuple of Tensor
        Of one argument one tensor.

    Examples
    --------
    >>> wg.atleast_2d(wg.ones(3)).shape
    wengert.Size([1, 3])
    """
    return _each_at_least(2, tensors)


@tells
def atleast_3d(*tensors: Any) -> Any:
    """Views of tensors with at least three dimensions: (n,) becomes (1, n, 1), (m, n) becomes (m, n, 1).

    Parameters
    ----------
    *tensors : tensor, or one sequence of them

    Returns
    -------
    Tensor or tuple of Tensor
        Of one argument one tensor.

    Examples
    --------
    >>> wg.atleast_3d(wg.ones(3)).shape
    wengert.Size([1, 3, 1])
    """
    return _each_at_least(3, tensors)


def hstack(tensors: Sequence[Any]) -> Tensor:
    """Tensors joined along the second dimension, vectors along their only one.

    Parameters
    ----------
    tensors : sequence of tensor

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If there is nothing to join, or the other dimensions differ.

    Examples
    --------
    >>> wg.hstack([wg.ones(2, 1), wg.zeros(2, 2)])
    tensor([[1., 0., 0.],
            [1., 0., 0.]])
    """
    parts = [x if x._value.ndim else _at_least(1, x) for x in map(enter, tensors)]
    return _cat(parts, 0 if parts and parts[0]._value.ndim == 1 else 1)


def vstack(tensors: Sequence[Any]) -> Tensor:
    """Tensors joined along the first dimension; vectors are rows.

    Parameters
    ----------
    tensors : sequence of tensor

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If there is nothing to join, or the other dimensions differ.

    Examples
    --------
    >>> wg.vstack([wg.tensor([1., 2.]), wg.tensor([3., 4.])])
    tensor([[1., 2.],
            [3., 4.]])
    """
    return _cat([x if x._value.ndim > 1 else _at_least(2, x) for x in map(enter, tensors)], 0)


@tells
def dstack(tensors: Sequence[Any]) -> Tensor:
    """Tensors joined along the third dimension, after `atleast_3d`.

    Parameters
    ----------
    tensors : sequence of tensor

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If there is nothing to join, or the other dimensions differ.

    Examples
    --------
    >>> wg.dstack([wg.tensor([1., 2.]), wg.tensor([3., 4.])])
    tensor([[[1., 3.],
             [2., 4.]]])
    """
    return cat([_at_least(3, x) for x in tensors], 2)


@tells
def column_stack(tensors: Sequence[Any]) -> Tensor:
    """Tensors joined along the second dimension; vectors are columns.

    Parameters
    ----------
    tensors : sequence of tensor

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If there is nothing to join, or the other dimensions differ.

    Examples
    --------
    >>> wg.column_stack([wg.tensor([1., 2.]), wg.tensor([3., 4.])])
    tensor([[1., 3.],
            [2., 4.]])
    """
    parts = [enter(x) for x in tensors]
    return cat([reshape(x, (-1, 1)) if x._value.ndim < 2 else x for x in parts], 1)


# ---------------------------------------------------------------- turned around


def _rolled(x: np.ndarray, shifts: tuple[int, ...], dims: tuple[int, ...]) -> np.ndarray:
    if not dims:  # along all items
        return _rolled(x.reshape(-1), shifts, (0,)).reshape(x.shape)
    for shift, dim in zip(shifts, dims, strict=True):
        n, before = x.shape[dim], (slice(None),) * dim
        first = n - shift % n if n else 0
        x = _kernels.joined((x[(*before, slice(first, None))], x[(*before, slice(first))]), dim)
    return x


def _each_rolled(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> np.ndarray:
    """Of a batch: along all items of an example at once, or along its dimensions."""
    x, shifts, dims = arrays[0], static["shifts"], static["dims"]
    if dims:
        return _rolled(x, shifts, axes(dims, batch))
    return _rolled(flat(x, batch), shifts, (len(batch.lengths),)).reshape(x.shape)


_ROLL: Operation = linear(
    "roll", _rolled,
    lambda g, shifts, dims: apply(_ROLL, (g,), {"shifts": tuple(-k for k in shifts), "dims": dims}),
    batched=_each_rolled,
)  # fmt: skip


@tells
def roll(x: Any, shifts: Any, dims: Any = None, *, axis: Any = None) -> Tensor:
    """The items moved along some dimensions; what leaves at one end enters at the other.

    Parameters
    ----------
    x : tensor
    shifts : int or tuple of int
    dims : int, tuple of int or None
        As many as shifts; None: along all items in C order. Also spelled `axis`.

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    ValueError
        If there are not as many shifts as dimensions.

    Examples
    --------
    >>> wg.roll(wg.arange(5), 2)
    tensor([3, 4, 0, 1, 2])
    """
    x = enter(x)
    dims = either("roll", dims, axis)
    steps = given_lengths("roll", (), shifts)
    if dims is None or (isinstance(dims, (tuple, list)) and not dims):
        if len(steps) != 1:
            raise ValueError(f"roll: expected one shift without dims, got {shifts}")
        return apply(_ROLL, (x,), {"shifts": steps, "dims": ()})
    along = tuple([dimension("roll", d, x._value.ndim) for d in (dims if isinstance(dims, (tuple, list)) else (dims,))])
    if len(along) != len(steps):
        raise ValueError(f"roll: {len(steps)} shift(s) {shifts} for {len(along)} dimension(s) {dims}")
    return apply(_ROLL, (x,), {"shifts": steps, "dims": along}) if x._value.ndim else clone(x)


@tells
def fliplr(x: Any) -> Tensor:
    """A copy with the second dimension reversed.

    Parameters
    ----------
    x : tensor
        Of two or more dimensions.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If there is no second dimension.

    Examples
    --------
    >>> wg.fliplr(wg.tensor([[1., 2.]]))
    tensor([[2., 1.]])
    """
    return flip(x, 1)


@tells
def flipud(x: Any) -> Tensor:
    """A copy with the first dimension reversed.

    Parameters
    ----------
    x : tensor
        Of one or more dimensions.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If there is no first dimension.

    Examples
    --------
    >>> wg.flipud(wg.tensor([1., 2.]))
    tensor([2., 1.])
    """
    x = enter(x)
    if not x._value.ndim:
        raise IndexError("flipud: a 0-d tensor has no first dimension")
    return flip(x, 0)


@tells
def rot90(x: Any, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """A copy turned by quarter turns in the plane of two dimensions, from the first towards the second.

    Parameters
    ----------
    x : tensor
    k : int
        How many turns.
    dims : two int

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If `dims` are not two different dimensions.

    Examples
    --------
    >>> wg.rot90(wg.tensor([[1., 2.], [3., 4.]]))
    tensor([[2., 4.],
            [1., 3.]])
    """
    x = enter(x)
    ndim = x._value.ndim
    first = second = 0
    if len(dims) == 2:
        first, second = dimension("rot90", dims[0], ndim), dimension("rot90", dims[1], ndim)
    if first == second:
        wrong = "a dimension appears twice in" if len(dims) == 2 else "expected two different dimensions, got"
        raise ValueError(f"rot90: {wrong} {tuple(dims)}")
    turns = integer("rot90", "k", k) % 4
    if not turns:
        return clone(x)
    if turns == 2:
        return flipped(x, (first, second))
    return exchanged(flipped(x, (second if turns == 1 else first,)), first, second)
