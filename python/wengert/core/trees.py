"""Nested lists, tuples and dicts of tensors, as a list of leaves and back.

Neither way has functions that refer to themselves by a closure: those would keep their leaves, and the graphs behind
them, until a collection of cycles.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

_LEAF, _NOTHING = object(), object()


def flatten(tree: Any) -> tuple[list[Any], Callable[[list[Any]], Any]]:
    """The leaves of nested lists, tuples and dicts, in order, and the function that puts others in their places. None
    is no leaf: it stays where it is."""
    leaves: list[Any] = []
    return leaves, functools.partial(_rebuild, _structure(tree, leaves))


def _structure(tree: Any, leaves: list[Any]) -> Any:
    """What a tree is without its leaves, which are added to `leaves`."""
    if isinstance(tree, dict):
        return dict, [(key, _structure(value, leaves)) for key, value in tree.items()]
    if isinstance(tree, (list, tuple)):
        return type(tree), [_structure(value, leaves) for value in tree]
    if tree is None:
        return _NOTHING
    leaves.append(tree)
    return _LEAF


def _rebuild(structure: Any, leaves: list[Any]) -> Any:
    return _filled(structure, iter(leaves))


def _filled(part: Any, leaves: Iterator[Any]) -> Any:
    """A part of a structure with the next leaves in it."""
    if part is _LEAF:
        return next(leaves)
    if part is _NOTHING:
        return None
    kind, children = part
    if kind is dict:
        return {key: _filled(child, leaves) for key, child in children}
    built = [_filled(child, leaves) for child in children]
    return kind(*built) if hasattr(kind, "_fields") else kind(built)
