"""Kernels that write into many arrays at once: steps of optimizers, and gradients that are scaled or limited together.

They are handed to `doors.change`, which gives them in one row what they write and then what they read: the parameters,
list by list what is remembered of them, and the gradients. What is written may have any strides, but not several items
in one place of memory.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _kernels
from ..core import dtypes
from ..core.bound import by_bindings
from ..core.define import computed
from ..core.views import overlaps

Arrays = Sequence[np.ndarray]


def _dense(name: str, x: np.ndarray) -> np.ndarray:
    """A copy of x in C order."""
    if overlaps(x.shape, x.strides):
        raise RuntimeError(
            f"{name}: a tensor of shape {x.shape} and strides of {x.strides} bytes has several items in one place of "
            "memory, so that they cannot be changed one by one; clone() it first"
        )
    return x.copy()


def _update(function: Callable[..., None]) -> Callable[..., None]:
    """A kernel of arrays in one row, of a function of lists of dense arrays that are written, and of the gradients."""

    @by_bindings
    @functools.wraps(function)
    def kernel(*arrays: np.ndarray, count: int, **static: Any) -> None:
        last = len(arrays) - count
        grads = list(arrays[last:])
        if _kernels.all_dense(arrays):
            function([list(arrays[k : k + count]) for k in range(0, last, count)], grads, **static)
            return
        dense = [x if x.flags.c_contiguous else _dense(function.__name__, x) for x in arrays[:last]]
        function([dense[k : k + count] for k in range(0, last, count)], grads, **static)
        for x, y in zip(arrays, dense, strict=False):
            if x is not y:
                x[...] = y

    return kernel


@_update
def sgd(written: list[Arrays], grads: Arrays, *, first: tuple[bool, ...], options: tuple[Any, ...]) -> None:
    """A step of gradient descent; with velocities beside the parameters, `first` where one is new."""
    params, *velocities = written
    lr, momentum, dampening, weight_decay, nesterov, maximize = options
    _kernels.sgd(
        params, grads, velocities[0] if velocities else None, first, lr=lr, momentum_factor=momentum,
        dampening=dampening, weight_decay=weight_decay, nesterov=nesterov, maximize=maximize,
    )  # fmt: skip


@_update
def adam(written: list[Arrays], grads: Arrays, *, steps: tuple[int, ...], options: tuple[Any, ...]) -> None:
    """A step of Adam; beside the parameters both moments, and the largest second ones for AMSGrad."""
    params, first, second, *largest = written
    lr, beta1, beta2, eps, weight_decay, decoupled, maximize = options
    _kernels.adam(
        params, grads, first, second, largest[0] if largest else None, steps, lr=lr, beta1=beta1, beta2=beta2, eps=eps,
        weight_decay=weight_decay, decoupled=decoupled, maximize=maximize,
    )  # fmt: skip


@_update
def rmsprop(
    written: list[Arrays], grads: Arrays, *, centered: bool, steps: tuple[int, ...], options: tuple[Any, ...]
) -> None:  # fmt: skip
    """A step of RMSprop, each like the others; beside the parameters mean squares, means if it is centered, and
    velocities."""
    params, squares, *others = written
    means = others.pop(0) if centered else None
    lr, alpha, eps, weight_decay, momentum, maximize = options
    _kernels.rmsprop(
        params, grads, squares, means, others[0] if others else None, lr=lr, alpha=alpha, eps=eps,
        weight_decay=weight_decay, momentum_factor=momentum, maximize=maximize,
    )  # fmt: skip


@_update
def adagrad(written: list[Arrays], grads: Arrays, *, steps: tuple[int, ...], options: tuple[Any, ...]) -> None:
    """A step of Adagrad; beside the parameters the sums of squares."""
    params, sums = written
    lr, lr_decay, eps, weight_decay, maximize = options
    _kernels.adagrad(
        params, grads, sums, steps, lr=lr, lr_decay=lr_decay, eps=eps, weight_decay=weight_decay, maximize=maximize
    )


# ---------------------------------------------------------------- gradients together


def _by_dtype(arrays: Arrays) -> list[list[np.ndarray]]:
    groups: dict[np.dtype, list[np.ndarray]] = {}
    for x in arrays:
        groups.setdefault(x.dtype, []).append(x)
    return list(groups.values())


def _total_norm(*arrays: np.ndarray, p: float) -> np.ndarray:
    if p == 2:
        wide = [x.astype(np.float32) if x.dtype == dtypes.float16 else x for x in arrays]
        total = math.sqrt(sum(_kernels.sum_squares([*map(np.ascontiguousarray, xs)]) for xs in _by_dtype(wide)))
    else:
        norms = [float(np.linalg.norm(x.reshape(-1).astype(np.float64), p)) for x in arrays if x.size]
        total = float(np.linalg.norm(norms, p)) if norms else 0.0
    return np.array(total)


total_norm = computed("total_norm", _total_norm)  # the p-norm of all items of several tensors, in float64


def scale_to_norm(*arrays: np.ndarray, limit: float) -> None:
    """Scale arrays down together so that their norm, the last argument, becomes at most `limit`."""
    *gradients, norm = arrays
    factor = limit / (float(norm) + 1e-6)
    if factor >= 1:  # a NaN spreads to all gradients, so that it is seen
        return
    for xs in _by_dtype(gradients):
        if xs[0].dtype != dtypes.float16 and all(x.flags.c_contiguous for x in xs):
            _kernels.scale(xs, factor)
        else:
            for x in xs:
                np.multiply(x, factor, out=x, casting="same_kind")


def limit_items(*arrays: np.ndarray, limit: float) -> None:
    """Limit each item of all arrays to [-limit, limit]."""
    for x in arrays:
        np.clip(x, -limit, limit, out=x)
