"""The backward walk where leaves have hooks: each gets its gradient as soon as that is whole, as in PyTorch.

A leaf's gradient is whole after the oldest node that carries to it. So the list is cut behind those nodes, and walked a
part after the other; what arrives at older nodes starts the next part. That costs a look at each node, and is done
where a leaf has hooks alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import tape
from .tape import Node
from .variable import Variable


def pull(
    starts: list[tuple[Any, Any]], wanted: list[Any] | None, free: bool, arrive: Callable[[Any, Any], Any]
) -> dict[Any, Any]:
    """`tape.pull`, but hooked leaves are handed their gradients in passing.

    Parameters
    ----------
    starts, wanted, free
        As for `tape.pull`.
    arrive : callable
        Of a hooked leaf and its gradient.

    Returns
    -------
    dict
        What `tape.pull` gives, without those leaves.
    """
    nodes = tape.ancestors([source for source, _ in starts])
    targets = None if wanted is None else {id(source) for source in wanted}
    end = len(nodes)
    for place, leaves in reversed(_whole_after(nodes, targets)):
        found = tape.pull(starts, _ends(nodes[:place], wanted, targets), free, nodes[place:end])
        end = place
        for leaf in leaves:
            if leaf in found:
                arrive(leaf, found.pop(leaf))
        starts = list(found.items())
    found = tape.pull(starts, wanted, free, nodes[:end])
    for source in list(found):  # an output that is a leaf itself, and nothing else depends on
        if isinstance(source, Variable) and source._hooks:
            arrive(source, found.pop(source))
    return found


def _whole_after(nodes: list[Node], targets: set[int] | None) -> list[tuple[int, list[Any]]]:
    """The places of the nodes after which the gradients of hooked leaves are whole, and those leaves, oldest first."""
    seen: set[int] = set()
    places = []
    for place, node in enumerate(nodes):
        leaves = []
        for source in node.sources:
            if isinstance(source, Variable) and id(source) not in seen:
                seen.add(id(source))
                if source._hooks and (targets is None or id(source) in targets):
                    leaves.append(source)
        if leaves:
            places.append((place, leaves))
    return places


def _ends(older: list[Node], wanted: list[Any] | None, targets: set[int] | None) -> list[Any] | None:
    """Where a part of the walk ends: where the whole ends, and at the older nodes that lead there."""
    if wanted is None or targets is None:
        return None
    leading = set(targets)
    ends = list(wanted)
    for node in older:
        if any(id(source) in leading for source in node.sources):
            leading.add(id(node))
            if id(node) not in targets:
                ends.append(node)
    return ends
