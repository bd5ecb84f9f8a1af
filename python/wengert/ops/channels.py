"""Normalizing by channels: (x - mean) / sqrt(variance + eps) * weight + bias, by the mean and variance of x itself, and
what often follows in the same pass: plus a residual, and relu of the sum.

The kernels read x once for mean and variance, once for the items, and twice with the cotangent for the first reverse
derivative. All other derivatives follow from `composed`, which says in operations what the kernels compute.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core import dtypes
from ..core.batching import Batch, all_full, each
from ..core.define import Function, computed
from ..core.doors import change
from ..core.tape import Operation, Rule, apply
from ..core.tuples import item
from .activations import relu_taken
from .arithmetic import sqrt
from .chains import chained, step
from .composed import pulled, pushed
from .normalization import standardize
from .reduce import mean, sum, var
from .shape import reshape

LEAST_INNER = 8  # items of a plane; fewer do not fill vectors, so that all items go through each step
LEAST_CHANNELS = 16  # of one item each: the widest vector there is; with fewer the kernel goes item by item

_add, _subtract, _multiply, _relu, _addcmul = map(
    _kernels.Elementwise, ("add", "subtract", "multiply", "relu", "addcmul")
)
# What is one number for each channel: 1 / sqrt(variance + eps) times a weight; and of the reverse derivative.
_factor = chained(lambda variance, eps, weight: step("rsqrt", variance + eps) * weight)
_along = chained(lambda product, rest, total, scale: (product - rest * total) * scale)
_slope = chained(lambda along, scale, factor, share: along * scale * factor * share)
_shift = chained(lambda total, factor, share, rest, slope: total * factor * share - rest * slope)

# ---------------------------------------------------------------- composed of operations


def _dims(x: Any) -> tuple[int, ...]:
    return (0, *range(2, x._value.ndim))


def column(v: Any, ndim: int) -> Tensor:
    """One number per channel, as it broadcasts with (n, channels, ...)."""
    shape = v._value.shape
    return v if ndim == 2 else reshape(v, shape + (1,) * (ndim - 2))


def composed(x: Any, weight: Any, bias: Any, eps: float) -> Tensor:
    """(x - mean) / sqrt(variance + eps) * weight + bias, channel by channel; weight and bias may be None."""
    z = standardize(x, _dims(x), eps)
    if weight is not None:
        z = z * column(weight, x._value.ndim)
    return z if bias is None else z + column(bias, x._value.ndim)


def _forward(eps: float) -> Callable[..., list[Any]]:
    return lambda x, weight, bias: [composed(x, weight, bias, eps)]


def _gradients(eps: float) -> Callable[..., list[Any]]:
    """What `_BACKWARD` computes, in operations."""

    def gradients(g: Any, x: Any, weight: Any) -> list[Any]:
        dims, z = _dims(x), standardize(x, _dims(x), eps)
        y = g if weight is None else g * column(weight, x._value.ndim)
        scale = 1.0 / sqrt(var(x, dims, correction=0, keepdim=True) + eps)
        along = z * mean(y * z, dims, True)
        return [(y - mean(y, dims, True) - along) * scale, sum(g * z, dims), sum(g, dims)]

    return gradients


# ---------------------------------------------------------------- by kernels


def _each_channel(kernel: Function, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> Any:
    """Of a batch: its examples' channels are further channels."""
    if 0 in batch.lengths:
        return each(kernel, batch, all_full(arrays, batch), static)
    lead, count = len(batch.lengths), math.prod(batch.lengths)

    def joined(x: Any) -> Any:
        if isinstance(x, tuple):
            return tuple([joined(part) for part in x])
        if x is None or x.ndim == lead + 1:
            return x if x is None else x.reshape(-1)
        together = np.moveaxis(x.reshape((count, *x.shape[lead:])), 0, 1)
        return together.reshape((together.shape[0], -1, *together.shape[3:]))

    def apart(x: Any) -> Any:
        if isinstance(x, tuple):
            return tuple([apart(part) for part in x])
        if x.ndim == 1:
            return x.reshape((*batch.lengths, -1))
        channels = np.moveaxis(x.reshape((x.shape[0], count, -1, *x.shape[2:])), 1, 0)
        return channels.reshape((*batch.lengths, *channels.shape[1:]))

    return apart(kernel(*[joined(x) for x in all_full(arrays, batch)], **static))


def _by_kernel(x: np.ndarray) -> bool:
    """Whether there are enough items of a channel, or channels of one item, side by side."""
    inner = math.prod(x.shape[2:])
    return inner >= LEAST_INNER or (inner == 1 and x.shape[1] >= LEAST_CHANNELS)


def _over(x: np.ndarray) -> tuple[int, ...]:
    return (0,) if x.ndim == 2 else (0, *range(2, x.ndim))


def _moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if _by_kernel(x):
        return _kernels.norm_moments(x)
    dims = _over(x)
    mean = _kernels.reduce("mean", x, dims)
    rest = _kernels.reduce("mean", _subtract(x, _column(mean, x)), dims)
    return mean, _kernels.reduce("var", x, dims), rest


_MOMENTS: Any = computed("batch_moments", _moments, batched=_each_channel)


def moments(x: Any) -> Any:
    """The mean and the variance of each channel, and what the mean lost when it was rounded (far from zero that is more
    than some items differ by)."""
    return apply(_MOMENTS.operation, (x,))


def _column(v: np.ndarray, x: np.ndarray) -> np.ndarray:
    return v if x.ndim == 2 else v.reshape(v.shape + (1,) * (x.ndim - 2))


def _normed(
    x: np.ndarray, weight: Any, bias: Any, known: Any, residual: Any, eps: float, relu: bool
) -> np.ndarray:  # fmt: skip
    if _by_kernel(x):
        return _kernels.norm_apply(x, known[0], known[1], weight, bias, eps, residual, relu, known[2])
    near, rest = _subtract(x, _column(known[0], x)), known[2]
    factor = _factor(known[1], eps, 1.0 if weight is None else weight)
    shift = _addcmul(0.0 if bias is None else bias, rest, factor, (-1.0,))
    z = _addcmul(_column(shift, x), near, _column(factor, x), (1.0,))
    if residual is not None:
        z = _add(z, residual)
    return _relu(z) if relu else z


def _returned(
    g: np.ndarray, x: np.ndarray, weight: Any, known: Any, eps: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a cotangent of the result means for x, weight and bias. For x it is s weight (g - the mean of g - s^2 d
    times the mean of g d), with d = x - mean and s = 1 / sqrt(variance + eps)."""
    if _by_kernel(x):
        return _kernels.norm_backward(g, x, known[0], known[1], weight, eps, known[2])
    near, rest = _subtract(x, _column(known[0], x)), known[2]
    scale = _factor(known[1], eps, 1.0)
    dims, share = _over(x), -scale.size / x.size
    of_bias = _kernels.reduce("sum", g, dims)
    of_weight = _along(_kernels.reduce("sum", _multiply(g, near), dims), rest, of_bias, scale)
    factor = scale if weight is None else _multiply(scale, weight)
    slope = _slope(of_weight, scale, factor, share)
    z = _addcmul(_column(_shift(of_bias, factor, share, rest, slope), x), near, _column(slope, x), (1.0,))
    return _addcmul(z, g, _column(factor, x), (1.0,)), of_weight, of_bias


def _pull(g: Any, x: Any, weight: Any, bias: Any, known: Any, residual: Any, eps: float) -> list[Any]:
    found = apply(_BACKWARD, (g, x, weight, known), {"eps": eps})
    of_weight, of_bias = None if weight is None else item(found, 1), None if bias is None else item(found, 2)
    return [item(found, 0), of_weight, of_bias, None, None if residual is None else g]


def _push(place: int) -> Rule:
    """The forward rule of one argument."""

    def push(t: Any, x: Any, weight: Any, bias: Any, eps: float) -> Any:
        return item(pushed(_forward(eps), (x, weight, bias), [t if k == place else None for k in range(3)]), 0)

    return Rule(push, ("t", "x", "weight", "bias", "eps"))


def _pull_again(g: Any, y: Any, x: Any, weight: Any, eps: float) -> list[Any]:
    inputs = (y, x, weight)
    there = tuple([v is not None for v in inputs])
    found = iter(pulled(_gradients(eps), inputs, there, [item(g, k) for k in range(3)]))
    return [*[next(found) if is_there else None for is_there in there], None]


def _push_again(place: int) -> Rule:
    def push(t: Any, y: Any, x: Any, weight: Any, eps: float) -> Any:
        return pushed(_gradients(eps), (y, x, weight), [t if k == place else None for k in range(3)])

    return Rule(push, ("t", "y", "x", "weight", "eps"))


_BACKWARD = Operation(
    "batch_norm_backward", _returned,
    ("y", "x", "weight", "known"), (None,) * 4, (*map(_push_again, range(3)), None),
    Rule(_pull_again, ("g", "y", "x", "weight", "eps")), batched=_each_channel,
)  # fmt: skip
_NORM = Operation(
    "batch_norm", _normed,
    ("x", "weight", "bias", "known", "residual"), (None,) * 5,
    (*map(_push, range(3)), None, Rule(lambda t: t, ("t",))),
    Rule(_pull, ("g", "x", "weight", "bias", "known", "residual", "eps")), batched=_each_channel,
)  # fmt: skip


def fits(x: Any, *others: Any) -> bool:
    """Whether the kernels are for such an x, with weight and bias, each of which may be None."""
    dtype = x._value.dtype
    if dtype.char not in dtypes.NATIVE or x._value.size == 0:
        return False
    return all(v is None or v._value.dtype == dtype for v in others)


def normed(
    x: Any, weight: Any, bias: Any, known: Any, eps: float, residual: Any = None, relu: bool = False
) -> Tensor:  # fmt: skip
    """x normalized by channels, of which `known` is what `moments` gives; plus a residual of x's shape and dtype; and
    relu of that."""
    z = apply(_NORM, (x, weight, bias, known, residual), {"eps": eps, "relu": relu})
    return apply(relu_taken, (z,)) if relu else z


# ---------------------------------------------------------------- running statistics


def _move(*arrays: np.ndarray, of: tuple[str, ...], fraction: float, count: int) -> None:
    *running, middle, spread = arrays
    for value, what in zip(running, of, strict=True):
        observed = middle if what == "mean" else spread * (count / (count - 1))
        value += fraction * (observed - value)


def track(known: Any, running_mean: Any, running_var: Any, fraction: float, count: int) -> None:
    """Move a running mean and an unbiased variance, where there are such, towards those of `count` items each."""
    if running_mean is not None or running_var is not None:
        running = {name: v for name, v in (("mean", running_mean), ("var", running_var)) if v is not None}
        read = (item(known, 0), item(known, 1))
        change("batch_norm", tuple(running.values()), _move, *read, of=tuple(running), fraction=fraction, count=count)
