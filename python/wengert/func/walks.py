"""Walks along all unit directions of a run: what Jacobians, Hessians and their traces are made of.

Many directions walk at once, as a batch: a walk along 256 of them costs little more than along one. How many fit is a
matter of memory, since each value that the walk meets is there once for each direction: about two megabytes of the
largest stay in the processor's caches (1000 items through 20 elementwise operations: 256 directions at once took 0.47
of the time of all at once, and 0.08 of that of one by one).
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np

from ..core.batching import BatchError
from ..core.doors import constant, memory
from ..core.levels import Level, into, opened, out_of, total
from ..core.tuples import Parts
from ..core.variable import Variable
from ..ops.join import cat
from ..ops.shape import clone, movedim, narrow_view, reshape, unsqueeze
from .recorded import Run, zeros_like

V = TypeVar("V")

_BYTES = 1 << 21
_FEWEST = 16  # directions that walk at once in any case


def checked_chunk(name: str, chunk_size: Any) -> Any:
    """`chunk_size`, if it is one: how many directions walk at once."""
    if chunk_size is None or (isinstance(chunk_size, str) and chunk_size == "auto"):
        return chunk_size
    if isinstance(chunk_size, (int, np.integer)) and not isinstance(chunk_size, bool) and chunk_size > 0:
        return int(chunk_size)
    raise ValueError(f'{name}: expected a chunk_size of 1 or more, "auto", or None for all, got {chunk_size!r}')


def blocks(run: Run, forward: bool, chunk_size: Any) -> list[list[Any]]:
    """Per output and input the block of the Jacobian."""
    found = along_units(run, forward, chunk_size)
    ends = _ends(run.inputs if forward else run.outputs)
    rows = []
    for i, y in enumerate(run.outputs):
        row = []
        for j, x in enumerate(run.inputs):
            whole, (start, stop) = (found[i], ends[j]) if forward else (found[j], ends[i])
            part = narrow_view(whole, 0, start, stop) if len(ends) > 1 else whole
            row.append(_in_shape(part, y, x, forward))
        rows.append(row)
    return rows


def _in_shape(part: Any, y: Variable, x: Variable, forward: bool) -> Any:
    """A block from its rows, or from its columns, as fresh memory in C order."""
    if forward:
        part = clone(movedim(part, 0, -1)) if part._value.ndim > 1 else part
    shape = (*y._value.shape, *x._value.shape)
    block = part if part._value.shape == shape else reshape(part, shape)
    return block if memory(block).flags.writeable else clone(block)


def along_units(run: Run, forward: bool, chunk_size: Any) -> list[Any]:
    """Per output the tangents (per input the gradients) along all unit directions of the inputs (of the outputs), in
    order: (n, \\*shape), the directions in front.

    Parameters
    ----------
    run : Run
    forward : bool
    chunk_size : int, "auto" or None
        How many directions walk at once: as many as fit into the caches, or all.
    """
    ends = run.outputs if forward else run.inputs
    found = [part for _, part in in_chunks(run, forward, chunk_size)]
    return _rejoined(found) if found else [constant(np.zeros, (0, *x._value.shape), x._value.dtype) for x in ends]


def _rejoined(parts: list[list[Any]]) -> list[Any]:
    """What was found along some directions after another, column by column."""
    return [column[0] if len(column) == 1 else cat(list(column)) for column in zip(*parts, strict=True)]


def in_chunks(run: Run, forward: bool, chunk_size: Any) -> Iterator[tuple[int, list[Any]]]:
    """The same in pieces: the number of the first direction of each, and what was found along its directions."""
    at_once, alone = functools.partial(_walk, run, forward), functools.partial(_walks_alone, run, forward)
    for start, stop in chunks(run, items(run.inputs if forward else run.outputs), chunk_size):
        yield start, at_once_or_alone(at_once, alone, start, stop, chunk_size)


def items(xs: list[Any]) -> int:
    """How many items variables have together: as many as there are unit directions."""
    return sum([x._value.size for x in xs])


def chunks(run: Run, count: int, chunk_size: Any) -> list[tuple[int, int]]:
    """Which of so many directions walk at once: from the first of each pair to the second."""
    size = max(count, 1) if chunk_size is None else chunk_size
    if chunk_size == "auto":
        size = 1 if run.is_hooked else max(_FEWEST, _BYTES // _largest(run))  # a hook sees one gradient at a time
    return [(k, min(k + size, count)) for k in range(0, count, size)]


def _largest(run: Run) -> int:
    """The bytes of the largest value that the walk will meet, as far as it is known."""
    largest = 1
    for x in (*run.inputs, *run.outputs):
        largest = max(largest, x._value.size * x._value.dtype.itemsize)
    for node in run.nodes:
        saved = zip(node.operation.saves, node.saved or (), strict=False)
        moving = [x for (i, _), x in saved if node.sources[i] is not None]  # a constant is one for all directions
        for x in (*moving, node.result):
            if isinstance(x, Variable) and not isinstance(x, Parts):
                largest = max(largest, x._value.size * x._value.dtype.itemsize)
    return largest


def at_once_or_alone(
    at_once: Callable[[int, int], V], alone: Callable[[int, int], V], start: int, stop: int, chunk_size: Any
) -> V:
    """What the directions from one to another give as a batch; what they give one by one, if there is one, or where a
    rule of a user's cannot be run over a batch and nobody has asked for it."""
    if stop - start > 1:
        try:
            return at_once(start, stop)
        except BatchError:
            if chunk_size != "auto":
                raise
    return alone(start, stop)


def total_along_units(run: Run, function: Callable[[list[Any]], list[Any]], chunk_size: Any) -> list[Any] | None:
    """What a function of a direction of the inputs gives, summed over all unit directions; None if there are none."""
    at_once, alone = functools.partial(_total, run, function), functools.partial(_total_alone, run, function)
    found = [
        at_once_or_alone(at_once, alone, start, stop, chunk_size)
        for start, stop in chunks(run, items(run.inputs), chunk_size)
    ]  # fmt: skip
    return _summed(found) if found else None


def _summed(parts: list[list[Any]]) -> list[Any]:
    """The sums of what was found along some directions after another, column by column."""
    return [functools.reduce(operator.add, column) for column in zip(*parts, strict=True)]


def _total(run: Run, function: Callable[[list[Any]], list[Any]], start: int, stop: int) -> list[Any]:
    level = Level(stop - start)
    with opened(level):
        return [total(x, level) for x in function(batch_of_units(run.inputs, start, stop, level))]


def _total_alone(run: Run, function: Callable[[list[Any]], list[Any]], start: int, stop: int) -> list[Any]:
    return _summed([function(_direction(run.inputs, k)) for k in range(start, stop)])


def _walk(run: Run, forward: bool, start: int, stop: int) -> list[Any]:
    level = Level(stop - start)
    with opened(level):
        directions = batch_of_units(run.inputs if forward else run.outputs, start, stop, level)
        found = run.push(directions) if forward else run.pull(directions)
        return [out_of(t, 0, level) for t in found]


def batch_of_units(xs: list[Any], start: int, stop: int, level: Level) -> list[Any]:
    """Per variable its part of the unit directions from one to another, as a batch."""
    directions = []
    for x, (first, last) in zip(xs, _ends(xs), strict=True):
        low, high = max(start, first), min(stop, last)
        if low < high:
            units = constant(_units, stop - start, x._value.shape, x._value.dtype, low - start, low - first, high - low)
            directions.append(into(units, 0, level))
        else:
            directions.append(zeros_like(x))
    return directions


def _walks_alone(run: Run, forward: bool, start: int, stop: int) -> list[Any]:
    walk, xs = (run.push, run.inputs) if forward else (run.pull, run.outputs)
    return _rejoined([[unsqueeze(t, 0) for t in walk(_direction(xs, k))] for k in range(start, stop)])


def _direction(xs: list[Any], k: int) -> list[Any]:
    """The direction that changes item k alone of all that variables have."""
    return [
        constant(_unit, x._value.shape, x._value.dtype, k - first) if first <= k < last else zeros_like(x)
        for x, (first, last) in zip(xs, _ends(xs), strict=True)
    ]


def _ends(xs: list[Any]) -> list[tuple[int, int]]:
    """Where each variable's items begin and end among all, in order."""
    ends = []
    start = 0
    for x in xs:
        ends.append((start, start + x._value.size))
        start += x._value.size
    return ends


def _units(count: int, shape: tuple[int, ...], dtype: np.dtype, row: int, item: int, how_many: int) -> np.ndarray:
    """`count` directions, of which from `row` on one each changes the items from `item` on."""
    units = np.zeros((count, *shape), dtype)
    flat = units.reshape(-1)
    size = flat.size // count
    begin = row * size + item
    flat[begin : begin + how_many * (size + 1) : size + 1][:how_many] = 1
    return units


def _unit(shape: tuple[int, ...], dtype: np.dtype, k: int) -> np.ndarray:
    unit = np.zeros(shape, dtype)
    unit.reshape(-1)[k] = 1
    return unit
