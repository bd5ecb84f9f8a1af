"""An identity of several tensors at once, by which a walk tells who asks for it what comes back there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import tuples
from .batching import bare
from .bound import by_bindings
from .define import rule
from .doors import constant
from .hooks import known
from .tape import Operation
from .variable import share_memory

Seen = Callable[[list[Any], tuples.Kinds], list[Any]]


def crossed(xs: list[Any], hooks: Seen) -> list[Any]:
    """Variables over the same memory, which a reverse walk leaves by way of `hooks`.

    Parameters
    ----------
    xs : list of tracked variables
    hooks : callable
        Of the cotangents of all of them, and their shapes and dtypes; gives what is carried on.
    """
    known.any = True
    kinds = tuple((x._value.shape, x._value.dtype) for x in xs)
    outs = tuples.results(_CROSSED, tuple(xs), {"hooks": hooks, "kinds": kinds}, xs)
    return [share_memory(x, out) for x, out in zip(xs, outs, strict=True)]


def zeros_of(kind: tuple[tuple[int, ...], np.dtype]) -> Any:
    """Zeros of a shape and dtype."""
    return constant(np.zeros, *kind)


@by_bindings
def _same(*values: np.ndarray) -> Any:
    return values[0] if len(values) == 1 else values


def _pulled(g: Any, hooks: Seen, kinds: tuples.Kinds) -> list[Any]:
    return hooks([g] if len(kinds) == 1 else [tuples.item(g, k) for k in range(len(kinds))], kinds)


def _pushed(t: Any, kinds: tuples.Kinds) -> Any:
    parts = [zeros_of(kind) if x is None else x for x, kind in zip(t, kinds, strict=True)]
    return parts[0] if len(parts) == 1 else tuples.pack(parts)


# Of any number of tensors, so that there is one rule for all of them.
_CROSSED = Operation(
    "crossed",
    _same,
    ("tensors",),
    (None,),
    (None,),
    joint=rule(_pulled),
    pushed=rule(_pushed),
    batched=bare,
)
