"""What a view shows of its base's memory, as linear operations: how a change in place of one is felt by the other.

A region is where the items of a view lie in the memory of its base, in items rather than bytes. `show` reads it,
`spread` puts items there and zeros elsewhere, `erase` puts zeros there, and `put` replaces it. They are recorded when a
view or its base is changed in place while recording; the ways by which the view was made need not be known.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from . import tape
from .batching import Batch, bare, leading, merged_rows
from .bound import by_bindings
from .define import linear, primitive
from .doors import Value, constant, memory
from .modes import mode, recorder
from .named import NamedTuple
from .tape import Operation
from .variable import Variable, as_view, share_memory, wrap


def cut(x: Variable, dim: int, pieces: list[tuple[int, int]]) -> list[Any] | None:
    """The views of x between places along a dimension, at half the price; None if they are to be recorded."""
    value = x._value
    if type(value) is not np.ndarray or recorder() is not None or (mode.recording and x.requires_grad):
        return None
    before = (slice(None),) * dim
    if not dim:
        return [as_view(x, wrap(value[start:stop])) for start, stop in pieces]
    return [as_view(x, wrap(value[(*before, slice(start, stop))])) for start, stop in pieces]


def view_at(x: Variable, key: tuple[Any, ...]) -> Any:
    """The view x[key] of integers, slices, None and an Ellipsis, at half the price; None if it is to be recorded."""
    value = x._value
    if type(value) is not np.ndarray or recorder() is not None or (mode.recording and x.requires_grad):
        return None
    return as_view(x, wrap(value[key]))


class Region(NamedTuple):
    """Where a view lies in its base: shapes, and strides and distance of their first items, counted in items."""

    base_shape: tuple[int, ...]
    base_strides: tuple[int, ...]
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int


def region_of(base: np.ndarray, view: np.ndarray) -> Region:
    """Where `view` lies in the memory of `base`; both have one dtype."""
    size = base.itemsize
    strides = [tuple(step // size for step in x.strides) for x in (base, view)]
    offset = (view.ctypes.data - base.ctypes.data) // size if view.size else 0
    return Region(base.shape, strides[0], view.shape, strides[1], offset)


def _memory(region: Region, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Zeros laid out as the base is, and the view of them."""
    spans = [(n - 1) * step for n, step in zip(region.base_shape, region.base_strides, strict=True)]
    first = -sum(span for span in spans if span < 0)
    empty = 0 in region.base_shape
    buffer = np.zeros(1 if empty else first + 1 + sum(span for span in spans if span > 0), dtype)

    def strided(start: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> np.ndarray:
        steps = tuple(step * dtype.itemsize for step in strides)
        return np.ndarray(shape, dtype, buffer, start * dtype.itemsize, steps)

    start = 0 if empty else first
    return (
        strided(start, region.base_shape, region.base_strides),
        strided(start + region.offset, region.shape, region.strides),
    )


def overlaps(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    """Whether two items of an array may be in one place of memory."""
    reach = 0
    for step, n in sorted((abs(step), n) for step, n in zip(strides, shape, strict=True) if n > 1):
        if step <= reach:
            return math.prod(shape) > 1
        reach += step * (n - 1)
    return False


def _nothing(g: Variable) -> Tensor:
    return constant(np.zeros, g._value.shape, g._value.dtype)


def _show(x: np.ndarray, region: Region) -> np.ndarray:
    base, view = _memory(region, x.dtype)
    base[...] = x
    return view


def _spread(x: np.ndarray, region: Region) -> np.ndarray:
    base, view = _memory(region, x.dtype)
    if not overlaps(region.shape, region.strides):
        view[...] = x
        return base
    places, shown = _memory(region, np.dtype(np.intp))
    places[...] = np.arange(places.size).reshape(places.shape)
    flat = np.zeros(base.size, x.dtype)
    np.add.at(flat, shown, x)
    return flat.reshape(base.shape)


def _erase(x: np.ndarray, region: Region) -> np.ndarray:
    return _put(x, x.dtype.type(0), region)


def _put(x: np.ndarray, y: Any, region: Region) -> np.ndarray:
    base, view = _memory(region, x.dtype)
    base[...] = x
    view[...] = y
    return base


def _beside(region: Region, batch: Batch) -> Region:
    """The regions of all examples, whose memory lies side by side."""
    count = math.prod(batch.lengths)
    spans = [(n - 1) * abs(step) for n, step in zip(region.base_shape, region.base_strides, strict=True)]
    span = sum(spans) + 1
    return Region(
        (count, *region.base_shape), (span, *region.base_strides), (count, *region.shape), (span, *region.strides),
        region.offset,
    )  # fmt: skip


def _in_rows(kernel: Callable[..., Any], batch: Batch, arrays: list[Any], static: dict[str, Any]) -> Any:
    return merged_rows(kernel, batch, arrays, {"region": _beside(static["region"], batch)})


show = linear("as_strided", _show, lambda g, region: spread(g, region=region), batched=_in_rows)
spread: Operation = linear("as_strided_spread", _spread, lambda g, region: show(g, region=region), batched=_in_rows)
erase: Operation = linear("as_strided_erase", _erase, lambda g, region: erase(g, region=region), batched=_in_rows)
put = primitive(
    "as_strided_put", _put,
    (lambda g, region: erase(g, region=region), lambda g, region: show(g, region=region)),
    (lambda t, region: erase(t, region=region), lambda t, region: spread(t, region=region)), batched=_in_rows,
)  # fmt: skip

# All of x replaced by a constant y: as in PyTorch, x keeps a history, by which nothing flows. `by` says what did it.
overwrite = primitive(
    "overwrite",
    by_bindings(lambda x, y, by: y),
    (lambda g: _nothing(g), lambda g: g),
    (lambda t: _nothing(t), lambda t: t),
    batched=leading,
)

alias = linear("alias", by_bindings(lambda x: x), lambda g: g, batched=bare)


def track(x: Any, connected: bool, writable: bool = True, levels: tuple[Any, ...] | None = None) -> Any:
    """A variable over x's memory, with a node for a walk to end at; connected to x's own history, or to nothing. Unless
    it is writable, neither it nor its views can be changed in place. Its cotangent may have `levels`, or all that are
    open."""
    connected = connected and x.requires_grad
    tracked = wrap(x._value if writable else _read_only(x._value), x._share_counter())
    tape.record(alias, (x if connected else None,), {}, tracked, levels=mode.levels if levels is None else levels)
    return share_memory(x, tracked) if connected and writable else tracked


def unwritable(x: Any) -> Any:
    """A tensor, over its memory and with its history, or an array, that cannot be changed in place; anything else as it
    is."""
    if not isinstance(x, Variable):
        return _read_only(x) if isinstance(x, np.ndarray) else x
    if x.requires_grad:
        return track(x, True, writable=False)
    return wrap(_read_only(x._value), x._share_counter())


def shows_unwritable(y: Variable, given: list[Any]) -> bool:
    """Whether y shows memory of one of some tensors and arrays, and cannot be changed in place."""
    shown = memory(y)
    if shown.flags.writeable:
        return False
    return any(_kernels.overlap(shown, memory(x) if isinstance(x, Variable) else x) for x in given)


def _read_only(value: Any) -> Any:
    """A view of a value that cannot be written."""
    if isinstance(value, Value):
        return value.protected()
    view = value.view()
    view.flags.writeable = False
    return view
