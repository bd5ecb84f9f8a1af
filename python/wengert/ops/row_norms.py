"""Normalization of rows with weights by items, by kernels of which each takes a row while it is in the cache.

The reverse derivative is one kernel, which makes the row's mean and variance anew. Derivatives of higher order, and
those forward, are those of the same formulas in operations.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core import dtypes
from ..core.batching import Batch, full
from ..core.bound import by_bindings
from ..core.tape import Operation, Rule, apply
from ..core.tuples import item
from .arithmetic import sqrt
from .composed import pulled, pushed
from .normalization import standardize
from .reduce import mean, sum, var

_add, _multiply = map(_kernels.Elementwise, ("add", "multiply"))

# ---------------------------------------------------------------- composed of operations


def composed(x: Any, weight: Any, bias: Any, dims: tuple[int, ...], eps: float) -> Tensor:
    """(x - mean) / sqrt(variance + eps) * weight + bias over the last dimensions; weight and bias may be None."""
    z = standardize(x, dims, eps)
    if weight is not None:
        z = z * weight
    return z if bias is None else z + bias


def _forward(dims: tuple[int, ...], eps: float) -> Callable[..., list[Any]]:
    return lambda x, weight, bias: [composed(x, weight, bias, dims, eps)]


def _gradients(dims: tuple[int, ...], eps: float) -> Callable[..., list[Any]]:
    """What `_BACKWARD` computes, in operations."""

    def gradients(g: Any, x: Any, weight: Any) -> list[Any]:
        z, before = standardize(x, dims, eps), tuple(range(dims[0]))
        y = g if weight is None else g * weight
        scale = 1.0 / sqrt(var(x, dims, correction=0, keepdim=True) + eps)
        along = z * mean(y * z, dims, True)
        return [(y - mean(y, dims, True) - along) * scale, _over(g * z, before), _over(g, before)]

    return gradients


def _over(x: Any, dims: tuple[int, ...]) -> Any:
    return sum(x, dims) if dims else x


# ---------------------------------------------------------------- by kernels


def _as_rows(x: np.ndarray, items: int) -> np.ndarray:
    return x if x.ndim == 2 and x.shape[1] == items else x.reshape(-1, items)


@by_bindings
def _normed(x: np.ndarray, weight: Any, bias: Any, dims: tuple[int, ...], eps: float) -> np.ndarray:
    if len(dims) == 1 and x.ndim == 2:  # the usual case, without the price of the others
        return _kernels.norm_rows(x, weight, bias, eps)[0]
    w, b = (v if v is None or v.ndim == 1 else v.reshape(-1) for v in (weight, bias))
    return _kernels.norm_rows(_as_rows(x, math.prod(x.shape[dims[0] :])), w, b, eps)[0].reshape(x.shape)


@by_bindings
def _returned(
    g: np.ndarray, x: np.ndarray, weight: Any, dims: tuple[int, ...], eps: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    last = x.shape[dims[0] :]
    items = math.prod(last)
    w = weight if weight is None or weight.ndim == 1 else weight.reshape(-1)
    z, *parts = _kernels.norm_rows(_as_rows(x, items), w, None, eps, _as_rows(g, items))
    of_weight, of_bias = [_kernels.reduce("sum", part, (0,)).reshape(last) for part in parts]
    return z.reshape(x.shape), of_weight, of_bias


def _example_dims(batch: Batch, x: np.ndarray, dims: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The dimensions that are normalized, and the example's own before them, counted with the batch's."""
    lead = len(batch.lengths)
    return tuple([d + lead for d in dims]), tuple(range(lead, lead + dims[0]))


def _beside(v: np.ndarray, has: bool, batch: Batch, between: int) -> np.ndarray:
    """Weights, perhaps of each example, as they broadcast with all examples."""
    lead = len(batch.lengths)
    return v.reshape((*v.shape[:lead], *(1,) * between, *v.shape[lead:])) if has else v


def _each_normed(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> np.ndarray:
    x = full(arrays[0], batch, batch.having[0])
    dims, between = _example_dims(batch, x, static["dims"])
    own = [v for v, has in zip(arrays[1:], batch.having[1:], strict=True) if has and v is not None]
    if not own:
        return _normed(x, arrays[1], arrays[2], dims, static["eps"])
    z = _normed(x, None, None, dims, static["eps"])
    for v, has, join in zip(arrays[1:], batch.having[1:], (_multiply, _add), strict=True):
        if v is not None:
            z = join(z, _beside(v, has, batch, len(between)))
    return z


def _each_returned(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> Any:
    g, x = [full(v, batch, has) for v, has in zip(arrays[:2], batch.having[:2], strict=True)]
    dims, between = _example_dims(batch, x, static["dims"])
    y = g if arrays[2] is None else _multiply(g, _beside(arrays[2], batch.having[2], batch, len(between)))
    of_x = _returned(y, x, None, dims, static["eps"])[0]
    of_weight = _multiply(g, _normed(x, None, None, dims, static["eps"]))
    return of_x, _kernels.reduce("sum", of_weight, between), _kernels.reduce("sum", g, between)


def _pull(g: Any, x: Any, weight: Any, bias: Any, dims: tuple[int, ...], eps: float) -> list[Any]:
    found = apply(_BACKWARD, (g, x, weight), {"dims": dims, "eps": eps})
    return [item(found, 0), None if weight is None else item(found, 1), None if bias is None else item(found, 2)]


def _push(place: int) -> Rule:
    """The forward rule of one argument."""

    def push(t: Any, x: Any, weight: Any, bias: Any, dims: tuple[int, ...], eps: float) -> Any:
        return item(pushed(_forward(dims, eps), (x, weight, bias), [t if k == place else None for k in range(3)]), 0)

    return Rule(push, ("t", "x", "weight", "bias", "dims", "eps"))


def _pull_again(g: Any, y: Any, x: Any, weight: Any, dims: tuple[int, ...], eps: float) -> list[Any]:
    inputs = (y, x, weight)
    there = tuple([v is not None for v in inputs])
    found = iter(pulled(_gradients(dims, eps), inputs, there, [item(g, k) for k in range(3)]))
    return [next(found) if is_there else None for is_there in there]


def _push_again(place: int) -> Rule:
    def push(t: Any, y: Any, x: Any, weight: Any, dims: tuple[int, ...], eps: float) -> Any:
        return pushed(_gradients(dims, eps), (y, x, weight), [t if k == place else None for k in range(3)])

    return Rule(push, ("t", "y", "x", "weight", "dims", "eps"))


_BACKWARD = Operation(
    "layer_norm_backward", _returned, ("y", "x", "weight"), (None,) * 3, tuple(map(_push_again, range(3))),
    Rule(_pull_again, ("g", "y", "x", "weight", "dims", "eps")), batched=_each_returned,
)  # fmt: skip
_NORM = Operation(
    "layer_norm", _normed, ("x", "weight", "bias"), (None,) * 3, tuple(map(_push, range(3))),
    Rule(_pull, ("g", "x", "weight", "bias", "dims", "eps")), batched=_each_normed,
)  # fmt: skip


def normed(x: Any, weight: Any, bias: Any, dims: tuple[int, ...], eps: float) -> Tensor:
    """x normalized over its last dimensions, `dims`, of whose shape weight and bias are; either may be None."""
    dtype = x._value.dtype
    fits = x._value.size > 0 and dtype.char in dtypes.NATIVE
    if fits and weight is not None:
        fits = weight._value.dtype == dtype
    if fits and bias is not None:
        fits = bias._value.dtype == dtype
    if not fits:
        return composed(x, weight, bias, dims, eps)
    return apply(_NORM, (x, weight, bias), {"dims": dims, "eps": eps})
