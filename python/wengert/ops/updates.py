"""Kernels that write into many arrays at once: steps of optimizers, and gradients that are scaled or limited together.

They are handed to `doors.change`, which gives them in one row what they write and then what they read: the parameters,
list by list what is remembered of them, and the gradients. What is written may have any strides, but not several items
in one place of memory.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core import dtypes
from ..core.bound import by_bindings
from ..core.define import computed
from ..core.doors import constant
from ..core.views import overlaps

Arrays = Sequence[np.ndarray]


def zeros(shape: tuple[int, ...], dtype: np.dtype) -> Tensor:
    """What an optimizer remembers at first, where the kernels' memory begins: on the boundary of a cache line."""
    return constant(_kernels.zeros, shape, dtype)


def _dense(name: str, x: np.ndarray) -> np.ndarray:
    """A copy of x in C order."""
    if overlaps(x.shape, x.strides):
        raise RuntimeError(
            f"{name}: a tensor of shape {x.shape} and strides of {x.strides} bytes has several items in one place of "
            "memory, so that they cannot be changed one by one; clone() it first"
        )
    return x.copy()


def _over_copies(kernel: Callable[..., None], arrays: tuple[np.ndarray, ...], count: int, **static: Any) -> None:
    """Run a kernel over copies in C order of those arrays that are not, and write back what it has written.

    Each kernel asks for itself whether there are such: a wrapper would be one function more in every step.
    """
    last = len(arrays) - count  # gradients are only read, and may have several items in one place
    dense = [x if x.flags.c_contiguous else _dense(kernel.__name__, x) for x in arrays[:last]]
    read = [x if x.flags.c_contiguous else x.copy() for x in arrays[last:]]
    kernel(*dense, *read, count=count, **static)
    for x, y in zip(arrays, dense, strict=False):
        if x is not y:
            x[...] = y


@by_bindings
def sgd(*arrays: np.ndarray, count: int, first: tuple[bool, ...], options: tuple[Any, ...]) -> None:
    """A step of gradient descent; with velocities beside the parameters, `first` where one is new."""
    if not _kernels.all_dense(arrays):
        _over_copies(sgd, arrays, count, first=first, options=options)
        return
    velocities = arrays[count:-count] or None
    _kernels.sgd(arrays[:count], arrays[-count:], velocities, first, *options)


@by_bindings
def adam(*arrays: np.ndarray, count: int, steps: tuple[int, ...], options: tuple[Any, ...]) -> None:
    """A step of Adam; beside the parameters both moments, and the largest second ones for AMSGrad."""
    if not _kernels.all_dense(arrays):
        _over_copies(adam, arrays, count, steps=steps, options=options)
        return
    first, second, largest = arrays[count : 2 * count], arrays[2 * count : 3 * count], arrays[3 * count : -count]
    _kernels.adam(arrays[:count], arrays[-count:], first, second, largest or None, steps, *options)


@by_bindings
def rmsprop(
    *arrays: np.ndarray, count: int, centered: bool, steps: tuple[int, ...], options: tuple[Any, ...]
) -> None:  # fmt: skip
    """A step of RMSprop, each like the others; beside the parameters mean squares, means if it is centered, and
    velocities."""
    if not _kernels.all_dense(arrays):
        _over_copies(rmsprop, arrays, count, centered=centered, steps=steps, options=options)
        return
    squares, others = arrays[count : 2 * count], arrays[2 * count : -count]
    means, velocities = (others[:count], others[count:]) if centered else (None, others)
    _kernels.rmsprop(arrays[:count], arrays[-count:], squares, means, velocities or None, *options)


@by_bindings
def adagrad(*arrays: np.ndarray, count: int, steps: tuple[int, ...], options: tuple[Any, ...]) -> None:
    """A step of Adagrad; beside the parameters the sums of squares."""
    if not _kernels.all_dense(arrays):
        _over_copies(adagrad, arrays, count, steps=steps, options=options)
        return
    _kernels.adagrad(arrays[:count], arrays[-count:], arrays[count:-count], steps, *options)


# ---------------------------------------------------------------- steps by NumPy


def _by_numpy(function: Callable[..., None]) -> Callable[..., None]:
    """A kernel of arrays in one row, of a function of lists of dense arrays that are written, and of the gradients.

    It computes by NumPy; what overflows does so without a word, as in C.
    """
    quietly = np.errstate(all="ignore")(function)

    @functools.wraps(function)
    def kernel(*arrays: np.ndarray, count: int, **static: Any) -> None:
        if not _kernels.all_dense(arrays):
            _over_copies(kernel, arrays, count, **static)
            return
        last = len(arrays) - count
        quietly([arrays[k : k + count] for k in range(0, last, count)], arrays[last:], **static)

    return kernel


# Items that are changed together: few enough that each pass finds them in the cache, where the last has left them.
_BLOCK = 8192


def _blocks(
    written: list[Arrays], grads: Arrays, rooms: int
) -> Iterator[tuple[int, list[np.ndarray], np.ndarray, list[np.ndarray]]]:
    """All parameters, a block of items after the other: the parameter's number, the block of each array that is
    written, of the gradient, and so many blocks for what is in between."""
    size = min(_BLOCK, max(g.size for g in grads))
    scratch = [np.empty(size, grads[0].dtype) for _ in range(rooms)]
    for k, (g, *own) in enumerate(zip(grads, *written, strict=True)):
        flat, g = [x.reshape(-1) for x in own], np.ascontiguousarray(g).reshape(-1)
        for start in range(0, g.size, _BLOCK):
            part = slice(start, start + _BLOCK)
            block = g[part]
            yield k, [x[part] for x in flat], block, [room[: block.size] for room in scratch]


def _directed(g: np.ndarray, p: np.ndarray, weight_decay: float, maximize: bool, room: np.ndarray) -> np.ndarray:
    """The gradient, or its negative to climb, with weight_decay p added: itself, or in `room`."""
    if not weight_decay:
        return np.negative(g, out=room) if maximize else g
    np.multiply(p, weight_decay, out=room)
    (np.subtract if maximize else np.add)(room, g, out=room)
    return room


def _towards(mean: np.ndarray, x: np.ndarray, part: float, room: np.ndarray) -> None:
    """Move a mean by a part of the way to x."""
    np.subtract(x, mean, out=room)
    room *= part
    mean += room


def _add_square(mean: np.ndarray, x: np.ndarray, decay: float, room: np.ndarray) -> None:
    """Mix the square of x into a mean of which `decay` stays."""
    np.multiply(x, x, out=room)
    room *= 1 - decay
    mean *= decay
    mean += room


@_by_numpy
def adadelta(written: list[Arrays], grads: Arrays, *, steps: tuple[int, ...], options: tuple[Any, ...]) -> None:
    """A step of Adadelta; beside the parameters the mean squares of gradients and of changes."""
    lr, rho, eps, weight_decay, maximize = options
    for _, (p, squares, deltas), block, (a, b, c) in _blocks(written, grads, 3):
        g = _directed(block, p, weight_decay, maximize, a)
        _add_square(squares, g, rho, b)
        np.add(squares, eps, out=b)
        np.add(deltas, eps, out=c)
        np.divide(np.sqrt(c, out=c), np.sqrt(b, out=b), out=c)
        c *= g
        _add_square(deltas, c, rho, b)
        c *= lr
        p -= c


def _moments(
    written: Sequence[np.ndarray], block: np.ndarray, rooms: list[np.ndarray], lr: float, beta1: float, beta2: float,
    weight_decay: float, decoupled: bool, maximize: bool,
) -> np.ndarray:  # fmt: skip
    """Take the gradient into both moments, after weight decay of either kind; returns it as it was taken."""
    p, first, second = written
    if weight_decay and decoupled:
        p *= 1 - lr * weight_decay
    g = _directed(block, p, 0.0 if decoupled else weight_decay, maximize, rooms[0])
    _towards(first, g, 1 - beta1, rooms[1])
    _add_square(second, g, beta2, rooms[1])
    return g


def nadam_momenta(beta1: float, momentum_decay: float, step: int) -> tuple[float, float]:
    """The momentum of a step of NAdam, and that of the next."""
    now, then = (beta1 * (1 - 0.5 * 0.96 ** (t * momentum_decay)) for t in (step, step + 1))
    return now, then


@_by_numpy
def nadam(
    written: list[Arrays], grads: Arrays, *, steps: tuple[int, ...], options: tuple[Any, ...],
    numbers: tuple[tuple[float, ...], ...],
) -> None:  # fmt: skip
    """A step of NAdam; beside the parameters both moments. `numbers`: the products of all momenta so far."""
    lr, beta1, beta2, eps, weight_decay, momentum_decay, decoupled, maximize = options
    for k, own, block, rooms in _blocks(written, grads, 2):
        g = _moments(own, block, rooms, lr, beta1, beta2, weight_decay, decoupled, maximize)
        p, first, second = own
        now, then = nadam_momenta(beta1, momentum_decay, steps[k])
        product = numbers[k][0] * now
        root, a = rooms[1], rooms[0]
        np.multiply(g, lr * (1 - now) / (1 - product), out=a)
        np.multiply(first, lr * then / (1 - product * then), out=root)
        a += root
        np.divide(second, 1 - beta2 ** steps[k], out=root)
        np.sqrt(root, out=root)
        root += eps
        a /= root
        p -= a


@_by_numpy
def radam(written: list[Arrays], grads: Arrays, *, steps: tuple[int, ...], options: tuple[Any, ...]) -> None:
    """A step of RAdam; beside the parameters both moments."""
    lr, beta1, beta2, eps, weight_decay, decoupled, maximize = options
    longest = 2 / (1 - beta2) - 1
    for k, own, block, rooms in _blocks(written, grads, 2):
        _moments(own, block, rooms, lr, beta1, beta2, weight_decay, decoupled, maximize)
        p, first, second = own
        t, a = steps[k], rooms[0]
        left = 1 - beta2**t
        length = longest - 2 * t * beta2**t / left
        rate = lr / (1 - beta1**t)
        if length > 5:
            rectified = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
            np.sqrt(second, out=a)
            a += eps
            np.divide(first, a, out=a)
            a *= rate * math.sqrt(left * rectified)
        else:  # too few steps to tell the variance
            np.multiply(first, rate, out=a)
        p -= a


@_by_numpy
def adamax(written: list[Arrays], grads: Arrays, *, steps: tuple[int, ...], options: tuple[Any, ...]) -> None:
    """A step of Adamax; beside the parameters the mean gradients, and the largest absolute ones, which fade."""
    lr, beta1, beta2, eps, weight_decay, maximize = options
    for k, (p, first, largest), block, (a, b) in _blocks(written, grads, 2):
        g = _directed(block, p, weight_decay, maximize, a)
        _towards(first, g, 1 - beta1, b)
        np.abs(g, out=b)
        b += eps
        largest *= beta2
        np.maximum(largest, b, out=largest)
        np.divide(first, largest, out=b)
        b *= lr / (1 - beta1 ** steps[k])
        p -= b


@_by_numpy
def asgd(
    written: list[Arrays], grads: Arrays, *, steps: tuple[int, ...], options: tuple[Any, ...],
    numbers: tuple[tuple[float, ...], ...],
) -> None:  # fmt: skip
    """A step of averaged gradient descent; beside the parameters their averages. `numbers`: the rate of the step, and
    the part that it has in the average."""
    lambd, weight_decay, maximize = options
    for k, (p, average), block, (a,) in _blocks(written, grads, 1):
        rate, part = numbers[k]
        np.multiply(_directed(block, p, weight_decay, maximize, a), rate, out=a)
        p *= 1 - lambd * rate
        p -= a
        if part == 1:
            average[...] = p
        else:
            _towards(average, p, part, a)


@_by_numpy
def rprop(written: list[Arrays], grads: Arrays, *, steps: tuple[int, ...], options: tuple[Any, ...]) -> None:
    """A step of Rprop; beside the parameters the gradients before, and a step size of each item."""
    shrink, grow, least, most, maximize = options
    for _, (p, previous, sizes), block, (a, factors) in _blocks(written, grads, 2):
        np.multiply(previous, block, out=a)
        turned, went_on = (a > 0, a < 0) if maximize else (a < 0, a > 0)
        factors.fill(1)
        np.putmask(factors, went_on, grow)
        np.putmask(factors, turned, shrink)
        sizes *= factors
        np.clip(sizes, least, most, out=sizes)
        np.negative(block, out=previous) if maximize else np.copyto(previous, block)
        np.putmask(previous, turned, 0)
        np.sign(previous, out=a)
        a *= sizes
        p -= a


def _rms(x: np.ndarray) -> float:
    """The root of the mean square of all items."""
    return math.sqrt(_kernels.sum_squares([x]) / x.size)


@_by_numpy
def adafactor(
    written: list[Arrays], grads: Arrays, *, factored: bool, steps: tuple[int, ...], options: tuple[Any, ...]
) -> None:  # fmt: skip
    """A step of Adafactor; beside the parameters mean squares: of rows and of columns if `factored`, else of items."""
    lr, beta2_decay, eps, least, d, weight_decay, maximize = options
    for step, g, p, *squares in zip(steps, grads, *written, strict=True):
        if p.size == 0:
            continue
        tiny = np.finfo(p.dtype).eps.item() if eps is None else eps
        part = step**beta2_decay
        rate = max(least, _rms(p)) * min(lr, 1 / math.sqrt(step))
        if weight_decay:
            p *= 1 - lr * weight_decay
        square = np.multiply(g, g, out=np.empty(g.shape, g.dtype))  # of 0 dimensions g * g is no array
        if factored:
            rows, columns = squares
            rows += (square.mean(-1, keepdims=True) - rows) * part
            columns += (square.mean(-2, keepdims=True) - columns) * part
            np.multiply(rows, columns, out=square)
            square /= np.maximum(rows.mean(-2, keepdims=True), tiny)
        else:
            squares[0] += (square - squares[0]) * part
            np.copyto(square, squares[0])
        np.maximum(square, tiny * tiny, out=square)
        update = np.divide(g, np.sqrt(square, out=square), out=square)
        update *= (-rate if maximize else rate) / max(1.0, _rms(update) / d)
        p -= update


def _orthogonal(x: np.ndarray, coefficients: tuple[float, float, float], eps: float, steps: int) -> np.ndarray:
    """A matrix with x's singular vectors, and singular values near 1: a polynomial of degree five, `steps` times."""
    a, b, c = coefficients
    tall = x.shape[0] > x.shape[1]
    y = np.ascontiguousarray(x.T if tall else x) / max(math.sqrt(_kernels.sum_squares([x])), eps)
    for _ in range(steps):
        gram = _kernels.matmul(y, y.T)
        powers = _kernels.matmul(gram, gram)
        powers *= c
        powers += gram * b
        grown = _kernels.matmul(powers, y)
        y *= a
        y += grown
    return y.T if tall else y


@_by_numpy
def muon(written: list[Arrays], grads: Arrays, *, options: tuple[Any, ...]) -> None:
    """A step of Muon; beside the parameters, which are matrices, their mean gradients."""
    lr, weight_decay, momentum, nesterov, coefficients, eps, steps, adjust = options
    for g, p, mean in zip(grads, *written, strict=True):
        if p.size == 0:
            continue
        mean += (g - mean) * (1 - momentum)
        update = _orthogonal(g + (mean - g) * momentum if nesterov else mean, coefficients, eps, steps)
        rows, columns = p.shape
        if adjust == "match_rms_adamw":
            rate = lr * 0.2 * math.sqrt(max(rows, columns))
        else:
            rate = lr * math.sqrt(max(1, rows / columns))
        p *= 1 - lr * weight_decay
        p -= update * rate


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
