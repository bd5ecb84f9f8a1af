"""Linear maps between grids: images of another size, patches of images as columns, and the transposes.

To resample along a dimension is to multiply by a matrix that has a few items other than 0 in each row. The product of
matrices is the fastest way there is for all but large images; but it would spread what is not finite over whole rows,
so that such items are resampled tap by tap.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from .. import _kernels
from .._kernels import Elementwise
from .._types import Tensor
from ..core.batching import Batch, all_full
from ..core.define import linear
from ..core.half import half_kernel
from ..core.named import NamedTuple
from ..core.tape import Operation, apply

# ---------------------------------------------------------------- images of another size


class Axis(NamedTuple):
    """How one dimension is resampled.

    `ratio` is how many items of the input one of the output stands for; `kind` one of nearest, nearest-exact, linear,
    cubic and area; with `corners` the outermost items of both lie upon each other, else the outermost edges.
    """

    kind: str
    before: int
    after: int
    ratio: float
    corners: bool


def _sources(axis: Axis) -> np.ndarray:
    """Where the items of the output lie, in items of the input."""
    place = np.arange(axis.after, dtype=np.float64)
    if axis.corners:
        place *= (axis.before - 1) / (axis.after - 1) if axis.after > 1 else 0.0
    else:
        place = axis.ratio * (place + 0.5) - 0.5
    return place


def _nearest(axis: Axis) -> np.ndarray:
    """In float32, as PyTorch has it, so that ties fall alike."""
    place = np.arange(axis.after, dtype=np.float32)
    place += np.float32(0.5 if axis.kind == "nearest-exact" else 0)
    found: np.ndarray = np.minimum(np.floor(place * np.float32(axis.ratio)).astype(np.int64), axis.before - 1)
    return found


def _cubic_weights(t: np.ndarray) -> np.ndarray:
    """Of four neighbours, t after the second: cubic convolution with a = -3/4 (Keys 1981)."""
    a = -0.75

    def near(x: np.ndarray) -> np.ndarray:
        weight: np.ndarray = ((a + 2) * x - (a + 3)) * x * x + 1
        return weight

    def far(x: np.ndarray) -> np.ndarray:
        weight: np.ndarray = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
        return weight

    return np.stack([far(t + 1), near(t), near(1 - t), far(2 - t)], -1)


@functools.lru_cache(64)
def _taps(axis: Axis) -> tuple[np.ndarray, np.ndarray]:
    """Of each item of the output, the items of the input that it is made of, and their weights: (after, taps) each."""
    last = axis.before - 1
    if axis.kind.startswith("nearest"):
        return _nearest(axis)[:, None], np.ones((axis.after, 1))
    if axis.kind == "area":
        place = np.arange(axis.after)
        start, stop = place * axis.before // axis.after, -(-(place + 1) * axis.before // axis.after)
        index = start[:, None] + np.arange((stop - start).max(initial=0))
        inside = index < stop[:, None]
        return np.where(inside, index, 0), inside / (stop - start)[:, None]
    source = _sources(axis)
    if axis.kind == "cubic":
        first = np.floor(source).astype(np.int64)
        index = np.clip(first[:, None] + np.arange(-1, 3), 0, last)
        return index, _cubic_weights(source - first)
    source = np.maximum(source, 0)
    first = np.minimum(source.astype(np.int64), last)
    weight = np.clip(source - first, 0, 1)
    return np.stack([first, np.minimum(first + 1, last)], -1), np.stack([1 - weight, weight], -1)


@functools.lru_cache(16)
def _matrix(axis: Axis, dtype: np.dtype) -> np.ndarray:
    """(after, before)"""
    out = np.zeros((axis.after, axis.before))
    index, weights = _taps(axis)
    np.add.at(out, (np.arange(axis.after)[:, None], index), weights)
    return out.astype(dtype)


def _multiplied(x: np.ndarray, matrix: np.ndarray, d: int) -> np.ndarray:
    """The matrix applied along dimension d: as x @ matrix.T along the last one, else as matrix @ x."""
    if d == x.ndim - 1:
        return _kernels.matmul(x.reshape(-1, x.shape[-1]), matrix.T).reshape(*x.shape[:-1], matrix.shape[0])
    rest = math.prod(x.shape[d + 1 :])
    out = _kernels.matmul(matrix, np.ascontiguousarray(x).reshape(-1, x.shape[d], rest))
    return out.reshape(*x.shape[:d], matrix.shape[0], *x.shape[d + 1 :])


def _tapped(x: np.ndarray, axis: Axis, d: int) -> np.ndarray:
    index, weights = _taps(axis)
    column = (-1,) + (1,) * (x.ndim - 1 - d)
    if axis.kind.startswith("nearest"):
        return np.take(x, index[:, 0], d)
    out = np.zeros((*x.shape[:d], axis.after, *x.shape[d + 1 :]), x.dtype)
    with np.errstate(all="ignore"):
        for k in range(index.shape[1]):
            weight = weights[:, k].astype(x.dtype).reshape(column)
            out += np.where(weight == 0, 0, np.take(x, index[:, k], d) * weight)
    return out


def _tapped_back(x: np.ndarray, axis: Axis, d: int) -> np.ndarray:
    index, weights = _taps(axis)
    out = np.zeros((*x.shape[:d], axis.before, *x.shape[d + 1 :]), x.dtype)
    along, given = np.moveaxis(out, d, 0), np.moveaxis(x, d, 0)
    with np.errstate(all="ignore"):
        for place, sources in enumerate(index):
            for source, weight in zip(sources, weights[place].astype(x.dtype), strict=True):
                if weight:
                    along[source] += given[place] * weight
    return out


def _is_finite(x: np.ndarray) -> bool:
    with np.errstate(all="ignore"):
        return math.isfinite(float(_kernels.reduce("sum", _multiply(x, 0.0)))) if x.size else True


_multiply = Elementwise("multiply")


def _whole_steps(axis: Axis) -> int:
    """How often each item of the input stands in the output, if that is as often for each; else 0."""
    n, times = axis.before, axis.after // max(axis.before, 1)
    plain = axis.kind.startswith("nearest") and n and axis.after == n * times and axis.ratio == 1 / times
    return times if plain else 0


def _repeated(x: np.ndarray, steps: list[int]) -> np.ndarray:
    """Each item of the last dimensions as many times in a row as `steps` say."""
    first = x.ndim - len(steps)
    wide = np.empty(
        (*x.shape[:first], *[k for n, s in zip(x.shape[first:], steps, strict=True) for k in (n, s)]), x.dtype
    )
    wide[...] = x[(..., *[part for _ in steps for part in (slice(None), None)])]
    return wide.reshape(*x.shape[:first], *[n * s for n, s in zip(x.shape[first:], steps, strict=True)])


def _resampled(x: np.ndarray, axes: tuple[Axis, ...]) -> np.ndarray:
    """The last dimensions of x, resampled, each by its axis."""
    first = x.ndim - len(axes)
    steps = [_whole_steps(axis) for axis in axes]
    if all(steps):
        return _repeated(x, steps)
    if axes[0].kind.startswith("nearest"):
        for k, axis in enumerate(axes):
            x = np.take(x, _taps(axis)[0][:, 0], first + k)
        return x
    found: np.ndarray = _weighed(x, axes)
    return found


@half_kernel
def _weighed(x: np.ndarray, axes: tuple[Axis, ...]) -> np.ndarray:
    first, finite = x.ndim - len(axes), _is_finite(x)
    for k, axis in enumerate(axes):
        if axis.before != axis.after or axis.ratio != 1:
            x = _multiplied(x, _matrix(axis, x.dtype), first + k) if finite else _tapped(x, axis, first + k)
    return x


@half_kernel
def _resampled_back(x: np.ndarray, axes: tuple[Axis, ...]) -> np.ndarray:
    first, finite = x.ndim - len(axes), _is_finite(x)
    steps = [_whole_steps(axis) for axis in axes]
    if all(steps):
        wide = x.reshape(*x.shape[:first], *[k for axis, s in zip(axes, steps, strict=True) for k in (axis.before, s)])
        return _kernels.reduce("sum", wide, tuple(range(first + 1, wide.ndim, 2)))
    for k, axis in enumerate(axes):
        if finite:
            x = _multiplied(x, np.ascontiguousarray(_matrix(axis, x.dtype).T), first + k)
        else:
            x = _tapped_back(x, axis, first + k)
    return x


def _on_last(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> Any:
    """Of a kernel that looks at the last dimensions alone."""
    return kernel(*all_full(arrays, batch), **static)


_RESAMPLE = linear(
    "upsample", _resampled, lambda g, axes: apply(_RESAMPLE_BACKWARD, (g,), {"axes": axes}), batched=_on_last
)
_RESAMPLE_BACKWARD: Operation = linear(
    "upsample_backward", _resampled_back, lambda g, axes: apply(_RESAMPLE, (g,), {"axes": axes}), batched=_on_last
)


def resampled(x: Any, axes: tuple[Axis, ...]) -> Tensor:
    """x with its last dimensions resampled, each by its axis."""
    return apply(_RESAMPLE, (x,), {"axes": axes})


# ---------------------------------------------------------------- patches


class Patches(NamedTuple):
    """The patches of an image (height, width): the kernel's size, dilation, padding and stride, each for both."""

    image: tuple[int, ...]
    kernel: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[int, ...]
    stride: tuple[int, ...]

    def counts(self) -> tuple[int, int]:
        """How many patches there are below and beside each other; not positive where none fits."""
        found = [
            (n + 2 * p - d * (k - 1) - 1) // s + 1
            for n, k, d, p, s in zip(self.image, self.kernel, self.dilation, self.padding, self.stride, strict=True)
        ]
        return found[0], found[1]

    def key(self, i: int, j: int) -> tuple[Any, ...]:
        """Where the item (i, j) of all patches lies in the padded image."""
        ends = zip((i, j), self.dilation, self.stride, self.counts(), strict=True)
        return (..., *[slice(k * d, k * d + s * (n - 1) + 1, s) for k, d, s, n in ends])

    def padded(self) -> tuple[int, int]:
        """The size of the padded image."""
        return self.image[0] + 2 * self.padding[0], self.image[1] + 2 * self.padding[1]

    def interior(self) -> tuple[Any, ...]:
        """Where the image lies in the padded one."""
        return (..., *[slice(p, p + n) for p, n in zip(self.padding, self.image, strict=True)])


def _columns(x: np.ndarray, patches: Patches) -> np.ndarray:
    """(..., channels, height, width) as (..., channels * items of a patch, patches)."""
    lead, (rows, columns), (down, beside) = x.shape[:-2], patches.kernel, patches.counts()
    image = x
    if patches.padding != (0, 0):
        image = np.zeros((*lead, *patches.padded()), x.dtype)
        image[patches.interior()] = x
    out = np.empty((*lead, rows, columns, down, beside), x.dtype)
    for i in range(rows):
        for j in range(columns):
            out[..., i, j, :, :] = image[patches.key(i, j)]
    return out.reshape(*lead[:-1], lead[-1] * rows * columns, down * beside)


@half_kernel
def _image(x: np.ndarray, patches: Patches) -> np.ndarray:
    """The sums of what the patches have at each place of the image."""
    (rows, columns), (down, beside) = patches.kernel, patches.counts()
    lead = (*x.shape[:-2], x.shape[-2] // max(rows * columns, 1))
    parts = x.reshape(*lead, rows, columns, down, beside)
    image = np.zeros((*lead, *patches.padded()), x.dtype)
    for i in range(rows):
        for j in range(columns):
            image[patches.key(i, j)] += parts[..., i, j, :, :]
    return np.ascontiguousarray(image[patches.interior()])


_IM2COL = linear("im2_col", _columns, lambda g, patches: apply(_COL2IM, (g,), {"patches": patches}), batched=_on_last)
_COL2IM: Operation = linear(
    "col2_im", _image, lambda g, patches: apply(_IM2COL, (g,), {"patches": patches}), batched=_on_last
)


def columns_of(x: Any, patches: Patches) -> Tensor:
    """The patches of (..., channels, height, width), as columns."""
    return apply(_IM2COL, (x,), {"patches": patches})


def image_of(x: Any, patches: Patches) -> Tensor:
    """Images, as the sums of patches that are columns: the transpose of `columns_of`."""
    return apply(_COL2IM, (x,), {"patches": patches})
