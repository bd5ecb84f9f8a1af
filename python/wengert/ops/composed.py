"""Derivatives of a function by recording it anew: for operations whose kernel does the work of many.

Such an operation has a kernel for its value and one for its first derivative in reverse mode, and both are fast. All
other derivatives follow from what it is composed of: `pulled` and `pushed` record the function over the rule's
arguments and walk what was recorded. Where the walk that asks is itself recorded, the result depends on the arguments
as any other does, so that every order follows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import tape, tuples
from ..core.batching import merged
from ..core.doors import constant
from ..core.levels import levels, levels_around
from ..core.modes import mode, recording
from ..core.variable import Variable
from ..core.views import track

Function = Callable[..., list[Any]]


def _recorded(function: Function, inputs: tuple[Any, ...], own: tuple[Any, ...]) -> tuple[list[Any], list[Any]]:
    """Where walks end, an item for each input, and the outputs of a recorded run."""
    connected = mode.recording
    with recording(True):
        tracked = [track(x, connected, levels=own) if isinstance(x, Variable) else x for x in inputs]
        outputs = function(*tracked)
    return [x._source if isinstance(x, Variable) else None for x in tracked], outputs


def _levels_of(inputs: tuple[Any, ...], directions: list[Any]) -> tuple[Any, ...]:
    """Those of the batches that the values and their cotangents belong to."""
    own: tuple[Any, ...] = ()
    for x in (*inputs, *directions):
        own = merged(own, levels_around(x))
    return own


def zeros_of(x: Any) -> Any:
    """Zeros, as many as x has items."""
    return constant(np.zeros, x._value.shape, x._value.dtype)


def pulled(function: Function, inputs: tuple[Any, ...], wanted: tuple[bool, ...], gs: list[Any]) -> list[Any]:
    """The cotangents of inputs that follow from those of a function's outputs.

    Parameters
    ----------
    function : callable
        Of variables and None; gives a list of variables.
    inputs : tuple of variables and None
    wanted : tuple of bool
        Of which inputs they are asked for.
    gs : list of variables

    Returns
    -------
    list
        One for each input that is wanted.
    """
    own = _levels_of(inputs, gs)
    with levels(merged(mode.levels, own)):
        ends, outputs = _recorded(function, inputs, own)
        targets = [end for end, is_wanted in zip(ends, wanted, strict=True) if is_wanted]
        pairs = zip(outputs, gs, strict=True)
        starts = [(tape.shared(y, own)._source, g) for y, g in pairs if y._source is not None]
        nodes = tape.ancestors([source for source, _ in starts], targets)
        found = tape.pull(starts, targets, free=not mode.recording, nodes=nodes)
    return [
        found[end] if end in found else zeros_of(x)
        for end, x, is_wanted in zip(ends, inputs, wanted, strict=True)
        if is_wanted
    ]


def pushed(function: Function, inputs: tuple[Any, ...], ts: list[Any]) -> Any:
    """The tangents of a function's outputs that follow from those of inputs, as one tuple.

    Parameters
    ----------
    function, inputs
        As of `pulled`.
    ts : list of variables and None
        One for each input; None for nothing.
    """
    own = _levels_of(inputs, ts)
    with levels(merged(mode.levels, own)):
        ends, outputs = _recorded(function, inputs, own)
        sources = [y._source for y in outputs]
        given = {end: t for end, t in zip(ends, ts, strict=True) if end is not None and t is not None}
        found = tape.push(sources, given, tape.ancestors(sources, given))
    return tuples.pack([zeros_of(y) if t is None else t for y, t in zip(outputs, found, strict=True)])
