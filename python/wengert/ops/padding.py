"""What is put around a tensor from its own items: mirrored, repeated, or those of the other end; and the transposes.

The interior is copied once; what stands around it is then filled in along one dimension after the other, from what is
there already. The transpose goes the other way: it adds what stands around to the items that it came from.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._types import Tensor
from ..core.batching import Batch, all_full
from ..core.define import linear
from ..core.doors import enter
from ..core.half import half_kernel
from ..core.tape import Operation, apply

# Per dimension, how many items are added before and after.
Pairs = tuple[tuple[int, int], ...]


def _mirrored(n: int, before: int, after: int) -> np.ndarray:
    """Where the items of a padded dimension come from, all of n counted from 0."""
    places: np.ndarray = n - 1 - np.abs(n - 1 - np.abs(np.arange(-before, n + after)))
    return places


def _repeated(n: int, before: int, after: int) -> np.ndarray:
    return np.clip(np.arange(-before, n + after), 0, n - 1)


def _wrapped(n: int, before: int, after: int) -> np.ndarray:
    return np.arange(-before, n + after) % n


_SOURCES = {"reflect": _mirrored, "replicate": _repeated, "circular": _wrapped}


def _strips(mode: str, n: int, before: int, after: int) -> list[tuple[int, int]]:
    """Of a padded dimension, the places outside the interior, each with the place in it where its items come from."""
    sources = _SOURCES[mode](n, before, after) + before
    return [(k, int(sources[k])) for k in (*range(before), *range(before + n, before + n + after))]


def _interior(pairs: Pairs, shape: tuple[int, ...]) -> tuple[Any, ...]:
    return tuple([slice(before, before + n) for (before, _), n in zip(pairs, shape, strict=True)])


def _padded(x: np.ndarray, pairs: Pairs, mode: str) -> np.ndarray:
    out = np.empty([n + before + after for (before, after), n in zip(pairs, x.shape, strict=True)], x.dtype)
    key = _interior(pairs, x.shape)
    whole: tuple[Any, ...] = (slice(None),) * len(pairs)
    out[key] = x
    for d in range(len(pairs)):
        for place, source in _strips(mode, x.shape[d], *pairs[d]):
            out[(*whole[:d], place, *key[d + 1 :])] = out[(*whole[:d], source, *key[d + 1 :])]
    return out


@half_kernel
def _gathered_back(x: np.ndarray, pairs: Pairs, mode: str) -> np.ndarray:
    shape = tuple([n - before - after for (before, after), n in zip(pairs, x.shape, strict=True)])
    key = _interior(pairs, shape)
    whole: tuple[Any, ...] = (slice(None),) * len(pairs)
    sums = np.array(x)
    for d in reversed(range(len(pairs))):
        for place, source in _strips(mode, shape[d], *pairs[d]):
            sums[(*whole[:d], source, *key[d + 1 :])] += sums[(*whole[:d], place, *key[d + 1 :])]
    return np.ascontiguousarray(sums[key])


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
