"""Items added around a tensor, or removed at its ends."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..._types import Tensor
from ...core.doors import constant, enter
from ...core.named import NamedTuple
from ...ops.index import index_put, pick
from ...ops.padding import Pairs, surrounded
from ...ops.shape import between_zeros


def pad(input: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """The tensor with items added before and after along its last dimensions; negative numbers remove items.

    Parameters
    ----------
    input : tensor
    pad : sequence of int
        Before and after along the last dimension, then along the one before it, and so on.
    mode : {"constant", "replicate", "reflect", "circular"}
        What is added: `value`; the outermost item; the items mirrored at the outermost; those of the other end.
    value : float or None
        None: 0.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If there are more pairs than dimensions, an odd number of lengths, no such mode, more items to mirror or wrap
        than there are, or more to remove.

    Examples
    --------
    >>> wg.nn.functional.pad(wg.tensor([1., 2.]), (1, 2))
    tensor([0., 1., 2., 0., 0.])
    """
    x = enter(input)
    pairs, added, key, outer = _plan(x._value.shape, tuple(map(operator.index, pad)), mode)
    if added is not pairs:  # some are removed
        if mode == "reflect" or mode == "replicate":  # of all items; others of those that are left
            return _without_ends(surrounded(x, added, mode), pairs)
        x = _without_ends(x, pairs)
    if mode != "constant":
        return surrounded(x, added, mode)
    if not value:
        return between_zeros(x, key, outer)
    return index_put(constant(np.full, outer, value, x._value.dtype), tuple([slice(*part) for part in key[:-1]]), x)


class _Plan(NamedTuple):
    """What the numbers of a call mean for a shape."""

    pairs: Pairs
    added: Pairs  # the same without negative numbers
    key: tuple[Any, ...]  # where what is left of the tensor stands in the result,
    outer: tuple[int, ...]  # and the shape of that


@functools.lru_cache(256)
def _plan(shape: tuple[int, ...], lengths: tuple[int, ...], mode: str) -> _Plan:
    """The checked plan of a call; cached, since all of it takes longer than to pad a few items."""
    if len(lengths) % 2 or len(lengths) > 2 * len(shape):
        raise ValueError(f"pad: expected pairs of lengths for at most {len(shape)} dimension(s), got {lengths}")
    if mode not in ("constant", "replicate", "reflect", "circular"):
        raise ValueError(f'pad: expected mode "constant", "replicate", "reflect" or "circular", got {mode!r}')
    untouched = ((0, 0),) * (len(shape) - len(lengths) // 2)
    pairs = added = untouched + tuple([(lengths[k], lengths[k + 1]) for k in range(len(lengths) - 2, -1, -2)])
    left = shape
    if min(lengths, default=0) < 0:
        for d, (before, after) in enumerate(pairs):
            if shape[d] + before + after < 0:
                raise ValueError(f"pad: {(before, after)} removes more than the {shape[d]} item(s) of dimension {d}")
        added = tuple([(max(before, 0), max(after, 0)) for before, after in pairs])
        left = tuple([n + min(before, 0) + min(after, 0) for (before, after), n in zip(pairs, shape, strict=True)])
    if mode != "constant":
        _require_enough(added, left if mode == "circular" else shape, mode)
    key = [(before, before + n, None) for (before, _), n in zip(added, left, strict=True)]
    outer = tuple([n + before + after for (before, after), n in zip(added, left, strict=True)])
    return _Plan(pairs, added, (*key, ...), outer)


def _without_ends(x: Any, pairs: Pairs) -> Tensor:
    """x without as many items as the negative numbers say."""
    lengths = zip(pairs, x._value.shape, strict=True)
    return pick(x, tuple([slice(max(-before, 0), n - max(-after, 0)) for (before, after), n in lengths]))


def _require_enough(pairs: Pairs, shape: tuple[int, ...], mode: str) -> None:
    """Raise if there are fewer items than are to be mirrored or repeated."""
    for (before, after), n in zip(pairs, shape, strict=True):
        if not (before or after):
            continue
        most = n - 1 if mode == "reflect" else n if mode == "circular" or not n else max(before, after)
        if before > most or after > most:
            what = {"reflect": "mirrored", "circular": "repeated", "replicate": "repeated"}[mode]
            raise ValueError(f"pad: {n} item(s) cannot be {what} by {(before, after)}; at most {max(most, 0)} can")
