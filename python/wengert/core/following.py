"""What derivatives of functions that are being recorded follow, so that nothing of it is lost by leaving the tape.

`wg.func` runs a function once. Where a tensor that depends on its argument becomes a number or an array in it, the
derivative by way of that number is lost without a word. So each run says which nodes stand for its arguments, as long
as the function runs, and `doors.leave` asks whether what is to leave depends on one of them: exactly that, by way of
the nodes. Hence a tensor of another thread, a constant, or a weight that the run does not differentiate by leaves as
ever, while a tensor that depends on the argument of a run further out, or was handed to another thread, does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import locks
from .modes import mode
from .variable import Variable

_lock = locks.lock()
followed: dict[int, int] = {}  # by the id of a node that stands for an argument: the node's number


class following:
    """A block in which what depends on some nodes must not leave the tape.

    Parameters
    ----------
    nodes : sequence of Node
        New ones, that nobody else follows.
    """

    __slots__ = ("_nodes",)

    def __init__(self, nodes: Sequence[Any]) -> None:
        self._nodes = nodes

    def __enter__(self) -> None:
        with _lock:
            followed.update({id(node): node.number for node in self._nodes})

    def __exit__(self, *exception: Any) -> None:
        with _lock:
            for node in self._nodes:
                followed.pop(id(node), None)


def is_followed(x: Variable, also_unrecorded: bool = False) -> bool:
    """Whether x depends on what a run differentiates by. Under no_grad nothing does, unless the caller is always under
    it: who says so means it."""
    if not (followed and (mode.recording or also_unrecorded) and x.requires_grad):
        return False
    with _lock:
        ends = dict(followed)
    since = min(ends.values(), default=0)  # what was recorded before depends on none of them
    seen = set()
    stack = [x._source]
    while stack:
        node = stack.pop()
        if node is None or isinstance(node, Variable) or id(node) in seen or node.number < since:
            continue
        if id(node) in ends:
            return True
        seen.add(id(node))
        stack += node.sources
    return False


def lost(what: str, where: str | None) -> RuntimeError:
    """The error that says what a tensor is to become at a line, so that a derivative would be lost."""
    return RuntimeError(
        f"wg.func: a tensor that depends on an argument that is differentiated by becomes {what} at {where}, and the "
        "derivative by way of it would be lost. Keep it a tensor: wg.stack and wg.cat join items, wg.where chooses "
        "between them, and a tensor (wg.zeros) takes them by index where an array (np.zeros) cannot; or say detach() "
        "where no derivative is meant"
    )
