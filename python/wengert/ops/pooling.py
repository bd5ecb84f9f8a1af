"""What pooling layers compute: the largest item and the mean of each window that goes over pictures or sequences.

A `Window` says where windows lie along the last dimensions. The largest items are picked by codes, one for each window,
which the kernel gives along with them: `_pick` takes the items that codes point to, and `_spread`, its transpose, puts
items there, so that derivatives of every order follow. So do those of means, from the sums and their transpose.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core.batching import moved
from ..core.define import computed, linear, primitive
from ..core.doors import constant
from ..core.half import half, half_kernel
from ..core.named import NamedTuple
from ..core.tape import Operation, apply

Lengths = tuple[int, ...]


class Window(NamedTuple):
    """Windows along the last dimensions, one or two: see wg_window in csrc/wengert.h."""

    size: Lengths
    stride: Lengths
    padding: Lengths
    dilation: Lengths
    out: Lengths
    adaptive: bool = False
    divisor: float = 1.0


_every = moved()  # any number of leading dimensions, which all arrays have

# ---------------------------------------------------------------- the largest items


def _largest(x: np.ndarray, window: Window, relu: bool, shape: Lengths, keep: bool) -> tuple[Any, Any]:
    return _kernels.window_max(x, tuple(window), relu, keep)


def _pick(x: Any, codes: Any, window: Window, shape: Lengths) -> Tensor:
    return apply(_PICK, (x, codes), {"window": window, "shape": shape})


def _spread(g: Any, codes: Any, window: Window, shape: Lengths) -> Tensor:
    return apply(_SPREAD, (g, codes), {"window": window, "shape": shape})


_PICK: Operation = primitive(
    "max_pool_pick", half_kernel(lambda x, codes, window, shape: _kernels.window_pick(x, codes, tuple(window))),
    (lambda g, codes, window, shape: _spread(g, codes, window, shape), None),
    (lambda t, codes, window, shape: _pick(t, codes, window, shape), None), ("x", "codes"), batched=_every,
)  # fmt: skip
_SPREAD: Operation = primitive(
    "max_pool_backward",
    half_kernel(lambda x, codes, window, shape: _kernels.window_spread(x, codes, tuple(window), shape)),
    (lambda g, codes, window, shape: _pick(g, codes, window, shape), None),
    (lambda t, codes, window, shape: _spread(t, codes, window, shape), None), ("x", "codes"), batched=_every,
)  # fmt: skip
_MAX = primitive(
    "max_pool", half_kernel(_largest),
    (lambda g, kept, window, shape: _spread(g, kept, window, shape),),
    (lambda t, kept, window, shape: _pick(t, kept, window, shape),), keeps=True, batched=_every,
)  # fmt: skip
_codes = computed(
    "max_pool_codes", half_kernel(lambda x, window: _kernels.window_max(x, tuple(window))[1]), batched=_every
)


def _places(codes: np.ndarray, window: Window, shape: Lengths) -> np.ndarray:
    """Where in its plane, counted in C order, each code points to; -1 for nowhere."""
    if codes.dtype == np.int64:
        return codes
    places: np.ndarray = np.zeros((), np.int64)
    for d, n in enumerate(shape):
        tap = codes // window.size[-1] if d < len(shape) - 1 else codes % window.size[-1]
        start = np.arange(window.out[d]) * window.stride[d] - window.padding[d]
        starts = start.reshape(-1, *(1,) * (len(shape) - 1 - d))
        places = places * n + starts + tap.astype(np.int64) * window.dilation[d]
    return np.where(codes == 255, -1, places)


_indices = computed("max_pool_indices", _places, batched=_every)


def max_pool(x: Any, window: Window, relu: bool = False) -> Tensor:
    """The largest item of each window, or 0 if it is less and `relu` says so. The gradient goes to the first of equal
    items, the last NaN; with `relu` to none where the largest is at most 0."""
    shape = x._value.shape[-len(window.out) :]
    return apply(_MAX, (x,), {"window": window, "relu": relu, "shape": shape})


def max_pool_with_indices(x: Any, window: Window) -> tuple[Tensor, Tensor]:
    """The largest items, and where in their planes they stand."""
    shape = x._value.shape[-len(window.out) :]
    codes = _codes(x, window=window)
    gaps = max(window.dilation) > 1  # so that a window may lie beside all items
    values = max_pool(x, window) if gaps else _pick(x, codes, window, shape)
    return values, _indices(codes, window=window, shape=shape)


# ---------------------------------------------------------------- means


_MEAN: Operation = linear(
    "avg_pool", half_kernel(lambda x, window, shape: _kernels.window_mean(x, tuple(window))),
    lambda g, window, shape: apply(_UNMEAN, (g,), {"window": window, "shape": shape}), batched=_every,
)  # fmt: skip
_UNMEAN: Operation = linear(
    "avg_pool_backward", half_kernel(lambda x, window, shape: _kernels.window_spread(x, None, tuple(window), shape)),
    lambda g, window, shape: apply(_MEAN, (g,), {"window": window, "shape": shape}), batched=_every,
)  # fmt: skip


def _counts(window: Window, d: int, length: int, with_padding: bool) -> np.ndarray:
    """By what each window's sum along dimension d is divided, a factor of it."""
    number = np.arange(window.out[d])
    if window.adaptive:
        return -(-(number + 1) * length // window.out[d]) - number * length // window.out[d]
    start = number * window.stride[d] - window.padding[d]
    end = np.minimum(start + window.size[d], length + (window.padding[d] if with_padding else 0))
    return end - (start if with_padding else np.maximum(start, 0))


@functools.lru_cache(256)
def _shares(window: Window, shape: Lengths, with_padding: bool, dtype: np.dtype) -> np.ndarray:
    """1 / (number of items) for each window; one number where all are the same."""
    counts: np.ndarray = np.ones(())  # in float64: huge windows have more items than an integer counts
    for d, length in enumerate(shape):
        counts = counts[..., None] * _counts(window, d, length, with_padding)
    if counts.size and (counts == counts.flat[0]).all():
        counts = np.asarray(counts.flat[0])
    shares = np.asarray(1 / counts).astype(dtype)
    shares.flags.writeable = False
    return shares


@functools.lru_cache(256)
def _alike(window: Window, shape: Lengths, with_padding: bool) -> Window | None:
    """The window that divides by the number of items, where that is the same for all."""
    shares = _shares(window, shape, with_padding, np.dtype(np.float64))
    return None if shares.ndim else window._replace(divisor=float(round(1 / shares.item())))


@half
def mean_pool(x: Any, window: Window, with_padding: bool, divisor: int | None = None) -> Tensor:
    """The sum of each window, divided by a number, or by that of its items, those of the padding included or not."""
    shape = x._value.shape[-len(window.out) :]
    if divisor is not None:
        return apply(_MEAN, (x,), {"window": window._replace(divisor=float(divisor)), "shape": shape})
    alike = _alike(window, shape, with_padding)
    if alike is not None:
        return apply(_MEAN, (x,), {"window": alike, "shape": shape})
    shares = constant(_shares, window, shape, with_padding, x._value.dtype)
    return apply(_MEAN, (x,), {"window": window, "shape": shape}) * shares
