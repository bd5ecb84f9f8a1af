"""Nested lists, tuples and dicts of tensors, as a list of leaves and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_LEAF, _NOTHING = object(), object()


def flatten(tree: Any) -> tuple[list[Any], Callable[[list[Any]], Any]]:
    """The leaves of nested lists, tuples and dicts, in order, and the function that puts others in their places. None
    is no leaf: it stays where it is."""
    leaves: list[Any] = []

    def walk(node: Any) -> Any:
        if isinstance(node, dict):
            return dict, [(key, walk(value)) for key, value in node.items()]
        if isinstance(node, (list, tuple)):
            return type(node), [walk(value) for value in node]
        if node is None:
            return _NOTHING
        leaves.append(node)
        return _LEAF

    structure = walk(tree)

    def rebuild(new: list[Any]) -> Any:
        source = iter(new)

        def build(part: Any) -> Any:
            if part is _LEAF:
                return next(source)
            if part is _NOTHING:
                return None
            kind, children = part
            if kind is dict:
                return {key: build(child) for key, child in children}
            built = [build(child) for child in children]
            return kind(*built) if hasattr(kind, "_fields") else kind(built)

        return build(structure)

    return leaves, rebuild
