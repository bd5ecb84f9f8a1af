"""Items repeated: along new dimensions, in tiles, each several times."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core.arguments import dimension, either, lengths
from ..core.batching import Batch, axes, moved, refused
from ..core.bound import by_bindings
from ..core.define import computed, linear
from ..core.doors import enter
from ..core.signatures import tells
from ..core.tape import apply
from .index import pick
from .reduce import sum
from .shape import reshape

__all__ = ["repeat", "repeat_interleave", "tile"]

# ---------------------------------------------------------------- copies


def _each_repeated(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> np.ndarray:
    """Of a batch: counts beyond the example's dimensions are for new ones in front of them, behind the batch's."""
    x, counts = arrays[0], static["counts"]
    lead = len(batch.lengths)
    new = (1,) * (len(counts) - (x.ndim - lead))
    return np.tile(x.reshape((*batch.lengths, *new, *x.shape[lead:])), (*(1,) * lead, *counts))


# `before` is the shape that the transpose returns to.
_REPEAT = linear(
    "repeat",
    lambda x, counts, before: np.tile(x, counts),
    lambda g, counts, before: _fold(g, counts, before),
    batched=_each_repeated,
)


def _fold(g: Any, counts: tuple[int, ...], before: tuple[int, ...]) -> Tensor:
    """The sum of the copies that `repeat` has made."""
    padded = (1,) * (len(counts) - len(before)) + before
    parts = reshape(g, tuple(itertools.chain(*zip(counts, padded, strict=True))))
    return reshape(sum(parts, tuple(range(0, 2 * len(counts), 2))), before) if counts else g


@tells
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
    copies, shape = lengths("repeat", counts, None), x._value.shape
    if len(copies) < len(shape) or min(copies, default=0) < 0:
        raise ValueError(
            f"repeat: shape {shape} needs {len(shape)} or more counts, none negative, got {copies}; tile takes fewer"
        )
    return apply(_REPEAT, (x,), {"counts": copies, "before": shape})


@tells
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


@tells
def repeat_interleave(
    x: Any, repeats: Any, dim: int | None = None, *, axis: int | None = None, output_size: int | None = None
) -> Tensor:  # fmt: skip
    """Each item repeated in its place.

    Parameters
    ----------
    x : tensor
    repeats : int or tensor of integers
        How often; one number for each index along the dimension, or one for all.
    dim : int or None
        None: of all items in C order, giving a vector. Also spelled `axis`.
    output_size : int or None
        The length that results, if it is known: no other is accepted.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If there are neither one count nor as many as items, one is negative, or they do not give `output_size`.

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
    if type(repeats) is int and x._value.ndim:
        return _each_item(x, repeats, d, output_size)
    counts, n = enter(repeats), x._value.shape[d]
    if counts._value.dtype.kind not in "iu":
        raise TypeError(f"repeat_interleave: expected integers to repeat by, got {counts._value.dtype}")
    if counts._value.size not in (1, n) or counts._value.ndim > 1:
        raise ValueError(
            f"repeat_interleave: expected 1 or {n} count(s), none negative, for dimension {d} of shape "
            f"{x._value.shape}, got shape {counts._value.shape}"
        )
    sources = _SOURCES(counts, length=n)
    if output_size is not None and sources._value.size != output_size:
        raise ValueError(f"repeat_interleave: the counts give {sources._value.size} item(s), not {output_size}")
    return pick(x, (slice(None),) * d + (sources,))


def _each_item(x: Any, times: int, dim: int, output_size: int | None) -> Tensor:
    if times < 0:
        raise ValueError(f"repeat_interleave: counts cannot be negative, got {times}")
    shape = x._value.shape
    length = shape[dim] * times
    if output_size is not None and length != output_size:
        raise ValueError(f"repeat_interleave: the counts give {length} item(s), not {output_size}")
    return apply(_REPEAT_EACH, (x,), {"times": times, "dim": dim})


@by_bindings
def _repeated_each(x: np.ndarray, times: int, dim: int) -> np.ndarray:
    before, n, behind = x.shape[:dim], x.shape[dim], x.shape[dim + 1 :]
    line = x.reshape((*before, n, 1, *behind))
    many = _kernels.copied(_kernels.broadcast_view(line, (*before, n, times, *behind)))
    return many.reshape((*before, n * times, *behind))


def _fold_each(g: Any, times: int, dim: int) -> Tensor:
    """The sum of the copies of each item."""
    shape = g._value.shape
    n = shape[dim] // times if times else 0
    return sum(reshape(g, (*shape[:dim], n, times, *shape[dim + 1 :])), dim + 1)


_REPEAT_EACH = linear("repeat_interleave", _repeated_each, _fold_each, batched=moved(dim=axes))


def _sources(counts: np.ndarray, length: int) -> np.ndarray:
    """For each item of the result, the index that it comes from."""
    times = counts.astype(np.int64)  # a copy, since NumPy reads it twice
    if (times < 0).any():
        raise ValueError(f"repeat_interleave: counts cannot be negative, got {times.min()}")
    return np.repeat(np.arange(length), times)


_SOURCES = computed("repeat_interleave_sources", _sources, batched=refused)
