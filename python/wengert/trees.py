"""Nested lists, tuples and dicts of tensors, as a list of leaves and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def flatten(tree: Any) -> tuple[list[Any], Callable[[list[Any]], Any]]:
    """The leaves of nested lists, tuples and dicts, in order, and the function that puts others in their places."""
    leaves: list[Any] = []

    def walk(node: Any) -> Any:
        if isinstance(node, dict):
            return dict, [(key, walk(value)) for key, value in node.items()]
        if isinstance(node, (list, tuple)):
            return type(node), [walk(value) for value in node]
        leaves.append(node)
        return None

    structure = walk(tree)

    def rebuild(new: list[Any]) -> Any:
        source = iter(new)

        def build(part: Any) -> Any:
            if part is None:
                return next(source)
            kind, children = part
            if kind is dict:
                return {key: build(child) for key, child in children}
            built = [build(child) for child in children]
            return kind(*built) if hasattr(kind, "_fields") else kind(built)

        return build(structure)

    return leaves, rebuild
