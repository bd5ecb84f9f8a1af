"""Taking tensors apart along a dimension, and putting pieces and copies together."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core.arguments import dimension, dimensions, either, lengths, sizes
from ..core.define import linear
from ..core.doors import enter
from ..core.tape import Operation, apply
from ..core.views import share_memory
from .index import index as pick
from .naming import called
from .reduce import sum
from .shape import cat, flip, movedim, narrow_view, reshape, transpose, view_at

# ---------------------------------------------------------------- apart


def _between(x: Any, dim: int, ends: Sequence[int]) -> tuple[Any, ...]:
    """The views of x from each of `ends` to the next."""
    return tuple([called("split", narrow_view(x, dim, start, stop)) for start, stop in itertools.pairwise(ends)])


def split(x: Any, split_size_or_sections: Any, dim: int | None = None, *, axis: int | None = None) -> tuple[Any, ...]:
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
        lengths = sizes(tuple(split_size_or_sections))
        ends = [0, *itertools.accumulate(lengths)]
        if ends[-1] != n or min(lengths, default=0) < 0:
            raise ValueError(f"split: pieces of lengths {lengths} do not add up to the length {n} of dimension {d}")
        return _between(x, d, ends)
    size = operator.index(split_size_or_sections)
    if size < 1 and not (size == 0 and n == 0):
        raise ValueError(f"split: expected pieces of length 1 or more, got {size}")
    return _between(x, d, [*range(0, n, max(size, 1)), n] if n else [0, 0])


def chunk(x: Any, chunks: int, dim: int | None = None, *, axis: int | None = None) -> tuple[Any, ...]:
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
    x = enter(x)
    if chunks < 1:
        raise ValueError(f"chunk: expected at least 1 chunk, got {chunks}")
    d = dimension("chunk", either("chunk", dim, axis) or 0, x._value.ndim)
    if not x._value.ndim:
        raise ValueError("chunk: a 0-d tensor has no dimension to be cut along")
    n = x._value.shape[d]
    return _between(x, d, [*range(0, n, -(-n // chunks)), n] if n else [0] * (chunks + 1))


def tensor_split(
    x: Any, indices_or_sections: Any, dim: int | None = None, *, axis: int | None = None
) -> tuple[Any, ...]:
    """Views of a tensor cut along one dimension into nearly equal parts, or at given places.

    Parameters
    ----------
    x : tensor
    indices_or_sections : int or sequence of int
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
    if isinstance(indices_or_sections, (tuple, list)):
        starts = [slice(k, None).indices(n)[0] for k in sizes(tuple(indices_or_sections))]
        pairs = zip([0, *starts], [*starts, n], strict=True)
        return tuple(narrow_view(x, d, start, max(start, stop)) for start, stop in pairs)
    count = operator.index(indices_or_sections)
    if count < 1:
        raise ValueError(f"tensor_split: expected at least 1 part, got {count}")
    lengths = [n // count + (k < n % count) for k in range(count)]
    return _between(x, d, [0, *itertools.accumulate(lengths)])


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
    parts = [_at_least(1, x) for x in tensors]
    return cat(parts, 0 if parts and parts[0]._value.ndim == 1 else 1)


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
    return cat([_at_least(2, x) for x in tensors], 0)


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


# ---------------------------------------------------------------- copies

# `before` is the shape that the transpose returns to.
_REPEAT = linear(
    "repeat", lambda x, counts, before: np.tile(x, counts), lambda g, counts, before: _fold(g, counts, before)
)


def _fold(g: Any, counts: tuple[int, ...], before: tuple[int, ...]) -> Tensor:
    """The sum of the copies that `repeat` has made."""
    padded = (1,) * (len(counts) - len(before)) + before
    parts = reshape(g, tuple(itertools.chain(*zip(counts, padded, strict=True))))
    return reshape(sum(parts, tuple(range(0, 2 * len(counts), 2))), before) if counts else g


def repeat(x: Any, *counts: Any) -> Tensor:
    """Copies of a tensor laid side by side along each dimension.

    Parameters
    ----------
    x : tensor
    *counts : int, or one tuple of int
        The number of copies for each dimension; more of them than dimensions add new leading ones.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If there are fewer counts than dimensions, or one is negative.

    Examples
    --------
    >>> wg.repeat(wg.tensor([1., 2.]), 2, 2)
    tensor([[1., 2., 1., 2.],
            [1., 2., 1., 2.]])
    """
    x = enter(x)
    copies, shape = sizes(counts), x._value.shape
    if len(copies) < len(shape) or min(copies, default=0) < 0:
        raise ValueError(
            f"repeat: shape {shape} needs {len(shape)} or more counts, none negative, got {copies}; tile takes fewer"
        )
    return apply(_REPEAT, (x,), {"counts": copies, "before": shape})


def tile(x: Any, *counts: Any, dims: Any = None) -> Tensor:
    """Copies of a tensor laid side by side, as `repeat`; missing leading counts are 1.

    Parameters
    ----------
    x : tensor
    *counts : int, or one tuple of int
        Also by keyword, as `dims`.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If a count is negative.

    Examples
    --------
    >>> wg.tile(wg.tensor([[1.], [2.]]), 2)
    tensor([[1., 1.],
            [2., 2.]])
    """
    x = enter(x)
    copies = lengths("tile", counts, dims)
    return repeat(x, (1,) * (x._value.ndim - len(copies)) + copies)


def repeat_interleave(x: Any, repeats: Any, dim: int | None = None, *, axis: int | None = None) -> Tensor:
    """Each item repeated in its place.

    Parameters
    ----------
    x : tensor
    repeats : int or tensor of integers
        How often; one number for each index along the dimension, or one for all.
    dim : int or None
        None: of all items in C order, giving a vector. Also spelled `axis`.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If there are neither one count nor as many as items, or one is negative.

    Examples
    --------
    >>> wg.repeat_interleave(wg.tensor([1., 2.]), wg.tensor([1, 3]))
    tensor([1., 2., 2., 2.])
    """
    x = enter(x)
    dim = either("repeat_interleave", dim, axis)
    if dim is None:
        x, dim = reshape(x, -1), 0
    d = dimension("repeat_interleave", dim, x._value.ndim)
    counts = enter(repeats)._value
    if counts.dtype.kind not in "iu":
        raise TypeError(f"repeat_interleave: expected integers to repeat by, got {counts.dtype}")
    n = x._value.shape[d]
    if counts.size not in (1, n) or counts.ndim > 1 or (counts < 0).any():
        raise ValueError(
            f"repeat_interleave: expected 1 or {n} count(s), none negative, for dimension {d} of shape "
            f"{x._value.shape}, got shape {counts.shape}"
        )
    return pick(x, (slice(None),) * d + (np.repeat(np.arange(n), counts),))


# ---------------------------------------------------------------- turned around


def _rolled(x: np.ndarray, shifts: tuple[int, ...], dims: tuple[int, ...]) -> np.ndarray:
    if not dims:  # along all items
        return _rolled(x.reshape(-1), shifts, (0,)).reshape(x.shape)
    for shift, dim in zip(shifts, dims, strict=True):
        n, before = x.shape[dim], (slice(None),) * dim
        first = n - shift % n if n else 0
        x = np.concatenate((x[(*before, slice(first, None))], x[(*before, slice(first))]), dim)
    return x


_ROLL: Operation = linear(
    "roll", _rolled,
    lambda g, shifts, dims: apply(_ROLL, (g,), {"shifts": tuple(-k for k in shifts), "dims": dims}),
)  # fmt: skip


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
    steps = sizes(tuple(shifts) if isinstance(shifts, (tuple, list)) else (shifts,))
    if dims is None or dims == () or dims == []:
        if len(steps) != 1:
            raise ValueError(f"roll: expected one shift without dims, got {shifts}")
        return apply(_ROLL, (x,), {"shifts": steps, "dims": ()})
    along = tuple([dimension("roll", d, x._value.ndim) for d in (dims if isinstance(dims, (tuple, list)) else (dims,))])
    if len(along) != len(steps):
        raise ValueError(f"roll: {len(steps)} shift(s) {shifts} for {len(along)} dimension(s) {dims}")
    return apply(_ROLL, (x,), {"shifts": steps, "dims": along}) if x._value.ndim else x


def fliplr(x: Any) -> Tensor:
    """A view with the second dimension reversed.

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


def flipud(x: Any) -> Tensor:
    """A view with the first dimension reversed.

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


def rot90(x: Any, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """A view turned by quarter turns in the plane of two dimensions, from the first towards the second.

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
    if len(dims) != 2 or len(dimensions("rot90", tuple(dims), x._value.ndim)) != 2:
        raise ValueError(f"rot90: expected two different dimensions, got {tuple(dims)}")
    first, second = dims
    turns = k % 4
    if turns == 2:
        return flip(x, first, second)
    if turns == 1:
        return transpose(flip(x, second), first, second)
    return flip(transpose(x, first, second), second) if turns else x


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
