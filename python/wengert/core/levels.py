"""The levels of batches: what opens one, what leads values into it and out of it, and what happens at its border.

A level is one dimension of batches, opened by `vmap` or by a walk that carries many directions at once. `into` takes a
dimension of a value as the level's, `out_of` gives it back as a dimension; each is the other's transpose. `share` is
the identity of a value that is one for all examples; its transpose sums over the batch. The tape puts a `share`
wherever an edge leads into a batch from outside (tape.py), so that a derivative taken outside sums over the batch and
one taken inside gives one result per example.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from . import tape
from .batching import (
    Batch,
    Batched,
    BatchError,
    bare,
    batched,
    brought,
    each,
    examples,
    full,
    levels_of,
    merged,
    places,
    sizes,
)
from .bound import by_bindings
from .doors import line_of_caller
from .modes import ever, mode
from .tape import Operation, Rule, apply, levels_of_source
from .variable import Variable


class Level:
    """One dimension of batches.

    Parameters
    ----------
    size : int
        How many examples there are.
    randomness : {"error", "same", "different"}
        What drawing random numbers means: an error, one draw for all examples, or one for each.
    begun : dict or None
        Of levels that are parts of one batch, and to draw the same: the states that generators had in the first.

    Attributes
    ----------
    number : int
        Older levels have smaller ones.
    open : bool
        Whether the function that it was opened for still runs.
    """

    __slots__ = ("_again", "_begun", "number", "open", "randomness", "size")

    def __init__(self, size: int, randomness: str = "same", begun: dict[int, Any] | None = None) -> None:
        self.number = tape.count()
        self.size, self.randomness, self.open = size, randomness, True
        self._begun = begun
        self._again: set[int] = set()

    def begin(self, generator: Any) -> None:
        """Let a generator that earlier parts of the batch have drawn from draw what it drew for the first."""
        bits = generator.bit_generator
        if self._begun is not None and id(bits) not in self._again:
            self._again.add(id(bits))
            before, _ = self._begun.setdefault(id(bits), (bits.state, bits))  # it is kept, so that its id stays its own
            bits.state = before

    def share(self, x: Variable) -> Tensor:
        """x, which is one for all examples, as a value inside the batch."""
        return apply(SHARE, (x,), {"level": self})

    def draw(self, kernel: Callable[..., Any], values: list[Any], static: dict[str, Any]) -> Any:
        """What a kernel draws while this level is open, whose examples have draws of their own, or none."""
        if any(level.randomness == "error" for level in mode.levels):
            raise BatchError(
                f"vmap: {_public_name()} draws random numbers at {line_of_caller()}; pass randomness='same' for one "
                "draw that all examples share, or randomness='different' for one each"
            )
        own = tuple([level for level in mode.levels if level.randomness == "different"])
        return drawn(kernel, values, static, own)


def drawn(kernel: Callable[..., Any], values: list[Any], static: dict[str, Any], own: tuple[Any, ...]) -> Any:
    """What a kernel draws for each example, in order; anew for each along the levels `own`, the same along others."""
    levels = merged(own, levels_of(tuple(values)))
    batch = Batch("draw", sizes(levels), [bool(levels_of(value)) for value in values])
    pairs = zip(values, batch.having, strict=True)
    arrays = [full(brought(x, levels), batch, True) if has else x for x, has in pairs]
    if len(own) == len(levels) or 0 in batch.lengths:
        return batched(each(kernel, batch, arrays, static), levels, batch)
    generator = values[0].bit_generator
    before: dict[tuple[int, ...], Any] = {}  # the generator's states, by the place along `own`
    end = generator.state
    found = []
    for place in places(batch):
        mine = tuple([k for k, level in zip(place, levels, strict=True) if level in own])
        first = mine not in before
        generator.state = before.setdefault(mine, end)
        found.append(kernel(*examples(arrays, batch, place), **static))
        if first:
            end = generator.state
    generator.state = end
    return batched(np.stack(found).reshape((*batch.lengths, *found[0].shape)), levels, batch)


_WRAPPERS = ("call", "wrapped", "forward", "run")  # names that tell a reader nothing


def _public_name() -> str:
    """The function of this package that a user has called, or that a module has."""
    frame: Any = sys._getframe()
    name = "a function"
    while frame is not None and frame.f_globals.get("__name__", "").split(".")[0] == "wengert":
        here = frame.f_code.co_name
        if not (here.startswith(("_", "<")) or here in _WRAPPERS):
            name = here
        frame = frame.f_back
    return name


class opened:
    """A block in which a level is open."""

    __slots__ = ("_before", "_level")

    def __init__(self, level: Level) -> None:
        self._level = level

    def __enter__(self) -> Level:
        ever.batches_or_hooks = True
        self._before = mode.levels
        mode.levels = (*self._before, self._level)
        return self._level

    def __exit__(self, *exception: Any) -> None:
        mode.levels = self._before
        self._level.open = False


@contextmanager
def levels(those: tuple[Level, ...]) -> Iterator[None]:
    """A block in which just these levels are open: what is run again is run under those of its first run."""
    before = mode.levels
    mode.levels = those
    try:
        yield
    finally:
        mode.levels = before


# ---------------------------------------------------------------- in and out


def _parts(x: Any) -> tuple[np.ndarray, tuple[Any, ...]]:
    return (x.data, x.levels) if type(x) is Batched else (x, ())


def _valued(data: np.ndarray, own: tuple[Any, ...]) -> Any:
    return Batched(data, own) if own else data


def _moved(data: np.ndarray, here: int, there: int) -> np.ndarray:
    """A view with one dimension at another place."""
    if here == there:
        return data.view()
    order = list(range(data.ndim))
    order.insert(there, order.pop(here))
    return data.transpose(order)


@by_bindings
def _enter(x: Any, dim: int, level: Level) -> Any:
    data, own = _parts(x)
    place = sum([other.number < level.number for other in own])
    inside = _moved(data, len(own) + dim, place)
    inside.flags.writeable = False  # what is outside is not changed from inside
    return Batched(inside, (*own[:place], level, *own[place:]))


@by_bindings
def _leave(x: Any, dim: int, level: Level) -> Any:
    data, own = _parts(x)
    if level not in own:
        there = len(own) + dim
        shape = (*data.shape[:there], level.size, *data.shape[there:])
        return _valued(np.broadcast_to(np.expand_dims(data, there), shape), own)
    place = own.index(level)
    return _valued(_moved(data, place, len(own) - 1 + dim), (*own[:place], *own[place + 1 :]))


@by_bindings
def _gather(x: Any, level: Level) -> Any:
    if isinstance(x, tuple):
        return tuple([_gather(part, level) for part in x])
    data, own = _parts(x)
    if level not in own:  # the same for all
        return _valued(np.asarray(data * data.dtype.type(level.size)), own)
    place = own.index(level)
    others = (*own[:place], *own[place + 1 :])
    if data.dtype.kind == "f" and data.dtype.itemsize > 2:
        return _valued(_kernels.reduce("sum", data, (place,), False), others)
    return _valued(np.asarray(data.sum(place, dtype=data.dtype)), others)


def _crossing(name: str, kernel: Callable[..., Any], names: tuple[str, ...], into: bool) -> Operation:
    """A linear operation into or out of its keyword `level`; its transpose is in _TRANSPOSES."""

    def reverse(g: Any, *values: Any) -> Tensor:
        return apply(_TRANSPOSES[operation], (g,), dict(zip(names, values, strict=True)))

    def forward(t: Any, *values: Any) -> Tensor:
        return apply(operation, (t,), dict(zip(names, values, strict=True)))

    operation = Operation(
        name, kernel, ("x",), (Rule(reverse, ("g", *names)),), (Rule(forward, ("t", *names)),), batched=bare,
        crosses=1 if into else -1,
    )  # fmt: skip
    return operation


INTO = _crossing("vmap_in", _enter, ("dim", "level"), True)
OUT_OF = _crossing("vmap_out", _leave, ("dim", "level"), False)
SHARE = _crossing("vmap_share", by_bindings(lambda x, level: x), ("level",), True)
GATHER = _crossing("vmap_sum", _gather, ("level",), False)
_TRANSPOSES = {INTO: OUT_OF, OUT_OF: INTO, SHARE: GATHER, GATHER: SHARE}


def levels_around(x: Any) -> tuple[Any, ...]:
    """The levels that a variable's value has, and those that its cotangent may have."""
    if not isinstance(x, Variable):
        return ()
    return merged(levels_of(x._value), levels_of_source(x._source))


def refuse_leaf(name: str, x: Variable) -> None:
    """Raise if x, which is to become a leaf, is one for all examples of a batch that is open: its gradient would be
    summed over them, where the same function of one example would give one for each."""
    if not all(level in levels_of(x._value) for level in mode.levels):
        raise BatchError(
            f"{name}: inside vmap, this tensor of shape {x._value.shape} is one for all examples, so that its gradient "
            "would be the sum over them; make it of a batched one (zeros_like, new_zeros), hand it to the function as "
            "an argument of wg.func.grad, or pass chunk_size=1"
        )


def differs_over(x: Variable, level: Level) -> bool:
    """Whether x has a value for each example of a level."""
    return level in levels_of(x._value)


def into(x: Variable, dim: int, level: Level) -> Tensor:
    """One value per example: x along a dimension."""
    return apply(INTO, (x,), {"dim": dim, "level": level})


def total(x: Variable, level: Level) -> Tensor:
    """The sum over the examples."""
    return apply(GATHER, (x,), {"level": level})


def out_of(x: Variable, dim: int, level: Level) -> Tensor:
    """The examples' values along a dimension; repeated where there is one for all."""
    return apply(OUT_OF, (x,), {"dim": dim, "level": level})
