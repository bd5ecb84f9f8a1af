"""What is put around a tensor from its own items: mirrored, repeated, or those of the other end; and the transposes.

The interior is copied once; what stands around it is then filled in along one dimension after the other, from what is
there already. The transpose goes the other way: it adds what stands around to the items that it came from.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core.batching import Batch, all_full
from ..core.define import linear
from ..core.doors import enter
from ..core.half import half_kernel
from ..core.tape import Operation, apply

# Per dimension, how many items are added before and after.
Pairs = tuple[tuple[int, int], ...]


def _strips(mode: str, n: int, before: int, after: int) -> list[tuple[slice, slice]]:
    """Of a padded dimension, the ranges outside the interior, each with the range in it where its items come from."""
    strips, end = [], before + n
    if before:
        if mode == "reflect":
            source = slice(2 * before, before, -1)
        else:
            source = slice(n, end) if mode == "circular" else slice(before, before + 1)
        strips.append((slice(0, before), source))
    if after:
        if mode == "reflect":
            last = end - 2 - after
            source = slice(end - 2, last if last >= 0 else None, -1)
        else:
            source = slice(before, before + after) if mode == "circular" else slice(end - 1, end)
        strips.append((slice(end, end + after), source))
    return strips


def _interior(pairs: Pairs, shape: tuple[int, ...]) -> tuple[Any, ...]:
    return tuple([slice(pair[0], pair[0] + n) for pair, n in zip(pairs, shape, strict=True)])


@functools.lru_cache(64)
def _sources(n: int, before: int, after: int, mode: str) -> np.ndarray:
    """Along a padded dimension, the numbers of the items."""
    return np.pad(np.arange(n), (before, after), mode=_NUMPY_MODES[mode])  # type: ignore[call-overload, no-any-return]


_NUMPY_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}
_FEW = 4096  # items up to which they are picked one by one: a call for each dimension, and none for each strip


@functools.lru_cache(64)
def _only(pairs: Pairs) -> int:
    """The dimension that is padded; -1 if there are others than one."""
    dims = [d for d, pair in enumerate(pairs) if pair != (0, 0)]
    return dims[0] if len(dims) == 1 else -1


def _padded(x: np.ndarray, pairs: Pairs, mode: str) -> np.ndarray:
    d = _only(pairs)
    if d >= 0 and 0 < x.size <= _FEW and x.shape[d] + sum(pairs[d]) <= _FEW:  # so few are kept in the cache, too
        return _kernels.gather_along(x, _sources(x.shape[d], *pairs[d], mode), d, True)
    out = _kernels.empty([pair[0] + n + pair[1] for pair, n in zip(pairs, x.shape, strict=True)], x.dtype)
    key = _interior(pairs, x.shape)
    whole: tuple[Any, ...] = (slice(None),) * len(pairs)
    _kernels.assign(out[key], x)
    for d, (before, after) in enumerate(pairs):
        if before or after:
            for place, source in _strips(mode, x.shape[d], before, after):
                out[(*whole[:d], place, *key[d + 1 :])] = out[(*whole[:d], source, *key[d + 1 :])]
    return out


@half_kernel
def _gathered_back(x: np.ndarray, pairs: Pairs, mode: str) -> np.ndarray:
    shape = tuple([n - before - after for (before, after), n in zip(pairs, x.shape, strict=True)])
    key = _interior(pairs, shape)
    whole: tuple[Any, ...] = (slice(None),) * len(pairs)
    sums = _kernels.copied(x)
    for d in reversed(range(len(pairs))):
        for place, source in _strips(mode, shape[d], *pairs[d]):
            given = sums[(*whole[:d], place, *key[d + 1 :])]
            if mode == "replicate":
                given = given.sum(d, keepdims=True, dtype=x.dtype)
            sums[(*whole[:d], source, *key[d + 1 :])] += given
    return _kernels.copied(sums[key])


def _each(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> Any:
    """Of a batch: nothing is added along its dimensions."""
    pairs = ((0, 0),) * len(batch.lengths) + static["pairs"]
    return kernel(*all_full(arrays, batch), **{**static, "pairs": pairs})


_PAD = linear(
    "pad", _padded, lambda g, pairs, mode: apply(_PAD_BACKWARD, (g,), {"pairs": pairs, "mode": mode}), batched=_each
)
_PAD_BACKWARD: Operation = linear(
    "pad_backward", _gathered_back, lambda g, pairs, mode: apply(_PAD, (g,), {"pairs": pairs, "mode": mode}),
    batched=_each,
)  # fmt: skip


def surrounded(x: Any, pairs: Pairs, mode: str) -> Tensor:
    """x between items of its own, along each dimension as many before and after as its pair says, none negative.

    Parameters
    ----------
    x : tensor
    pairs : tuple of pairs of int
        One for each dimension.
    mode : {"reflect", "replicate", "circular"}
    """
    return apply(_PAD, (enter(x),), {"pairs": pairs, "mode": mode})
