"""A value, and where it came from: what operations are applied to, and what they give."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from .tape import Node

FREE_THREADED = not getattr(sys, "_is_gil_enabled", lambda: True)()  # no lock keeps threads from running at once
_sharing = threading.Lock()  # they may meet at a tensor that none has shown in a view

V = TypeVar("V", bound="Variable")


class Variable:
    """A value, and where it came from. `wengert.Tensor` is the one that users see."""

    __slots__ = ("__weakref__", "base", "counter", "grad", "hooks", "node", "seen", "tracked", "value")

    value: Any
    tracked: bool  # read it as requires_grad
    grad: Any
    node: Node | None  # what computed it; None for a leaf
    counter: list[Any] | None  # [changes, where the last was made], shared by all views of a buffer; None: no change
    hooks: dict[int, Any] | None  # of a leaf; other variables keep theirs on the node
    base: Variable | None  # of a view: the variable whose memory it shows
    seen: Node | None  # of a view: the base's node when its own was recorded

    def __init__(self, value: Any, counter: list[Any] | None = None, node: Node | None = None) -> None:
        self.value = value
        self.tracked = node is not None
        self.grad = None
        self.node = node
        self.counter = counter
        self.hooks = None
        self.base = None
        self.seen = None

    def share_counter(self) -> list[Any]:
        """The change counter of this buffer, for a view that is about to share it."""
        if self.counter is None:
            if FREE_THREADED:
                with _sharing:
                    if self.counter is None:
                        self.counter = [0, None]
            else:
                self.counter = [0, None]
        return self.counter

    def is_tracked(self) -> bool:
        """Whether what is computed from this variable is recorded: `requires_grad`, for those who ask often."""
        base = self.base
        if base is not None and base.node is not self.seen:
            self.renew()
        return self.tracked

    @property
    def requires_grad(self) -> bool:
        """Whether what is computed from this variable is recorded."""
        return self.is_tracked()

    @requires_grad.setter
    def requires_grad(self, tracked: bool) -> None:
        self.requires_grad_(tracked)

    def requires_grad_(self, requires_grad: bool = True) -> Variable:
        """Record, or no longer record, what is computed from this leaf."""
        self.tracked = requires_grad
        return self

    def origin(self) -> Node | Variable | None:
        """`source`, for those who ask often."""
        tracked = self.is_tracked()
        return self.node if self.node is not None else self if tracked else None

    @property
    def source(self) -> Node | Variable | None:
        """What a cotangent of this variable flows to: its node, itself if it is a leaf, None for a constant."""
        return self.origin()

    def renew(self) -> None:
        """Of a view whose base has a new history: take the one that follows from it."""


def as_view(x: Variable, out: V) -> V:
    """Let a view of x's memory share x's change counter, and follow what happens to it."""
    out.counter = x.share_counter()
    out.base = x if x.base is None else x.base
    out.seen = out.base.node
    return out
