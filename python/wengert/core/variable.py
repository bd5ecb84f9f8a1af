"""A value, and where it came from: what operations are applied to, and what they give.

Compiled: variable.pxd holds the types of attributes and locals.
"""

from __future__ import annotations

import sys
from typing import Any, TypeVar

import numpy as np

from .._kernels import overlap
from .._types import Tensor
from . import locks
from .modes import ever, mode

FREE_THREADED = not getattr(sys, "_is_gil_enabled", lambda: True)()  # no lock keeps threads from running at once
_sharing = locks.lock()  # they may meet at a tensor that none has shown in a view

V = TypeVar("V", bound="Variable")


class Variable:
    """A value, and where it came from. `wengert.Tensor` is the one that users see."""

    __slots__ = (
        "__weakref__", "_base", "_counter", "_grad", "_hooks", "_node", "_seen", "_tracked", "_value",
    )  # fmt: skip

    _value: Any
    _tracked: bool  # read it as requires_grad
    _grad: Any
    _node: Any  # the Node that computed it; None for a leaf
    _counter: list[Any] | None  # [changes, where the last was made], shared by all views of a buffer; None: no change
    _hooks: dict[int, Any] | None  # of a leaf; other variables keep theirs on the node
    _base: Variable | None  # of a view: the variable whose memory it shows
    _seen: Any  # of a view: the base's node when its own was recorded

    def __init__(self, value: Any, counter: list[Any] | None = None, node: Any = None) -> None:
        self._value = value
        self._tracked = node is not None
        self._grad = None
        self._node = node
        self._counter = counter
        self._hooks = None
        self._base = None
        self._seen = None

    @property
    def grad(self) -> Any:
        """What backward walks have added up here: a tensor of this shape and dtype, or None.

        Raises
        ------
        TypeError
            When it is set to what is neither a tensor nor None.
        RuntimeError
            When it is set to a tensor of another shape or dtype, or to this tensor itself.

        Examples
        --------
        >>> x = wg.tensor([1., 2.], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> x.grad
        tensor([2., 4.])
        >>> x.grad = None
        """
        if ever.recordings and mode.recorder is not None:
            mode.recorder.gradient(self, False)
        return getattr(self, "_grad") if FREE_THREADED else self._grad  # noqa: B009  # see Node.argument

    @grad.setter
    def grad(self, g: Any) -> None:
        if g is not None:
            _require_gradient(self, g)
        if ever.recordings and mode.recorder is not None:
            mode.recorder.gradient(self, True)
        if FREE_THREADED:
            setattr(self, "_grad", g)  # noqa: B010
        else:
            self._grad = g

    def _share_counter(self) -> list[Any]:
        """The change counter of this buffer, for a view that is about to share it."""
        if self._counter is None:
            if FREE_THREADED:
                with _sharing:
                    if self._counter is None:
                        self._counter = [0, None]
            else:
                self._counter = [0, None]
        return self._counter

    def is_tracked(self) -> bool:
        """The same as `requires_grad`; compiled code calls it without a lookup."""
        base = self._base
        if base is not None and base._node is not self._seen:
            self._renew()
        return self._tracked

    @property
    def requires_grad(self) -> bool:
        """Whether what is computed from this variable is recorded."""
        return self.is_tracked()

    @requires_grad.setter
    def requires_grad(self, tracked: bool) -> None:
        self.requires_grad_(tracked)

    def requires_grad_(self, requires_grad: bool = True) -> Variable:
        """Record, or no longer record, what is computed from this leaf."""
        self._tracked = requires_grad
        return self

    def origin(self) -> Any:
        """The same as `_source`; compiled code calls it without a lookup."""
        tracked = self.is_tracked()
        return self._node if self._node is not None else self if tracked else None

    @property
    def _source(self) -> Any:
        """What a cotangent of this variable flows to: its node, itself if it is a leaf, None for a constant."""
        return self.origin()

    def _renew(self) -> None:
        """Of a view whose base has a new history: take the one that follows from it."""


def _require_gradient(x: Variable, g: Any) -> None:
    """Raise if g cannot be the gradient of x."""
    if not isinstance(g, Variable):
        raise TypeError(f"grad: expected a tensor or None, got {type(g).__name__}")
    if g is x:
        raise RuntimeError("grad: a tensor cannot be its own gradient")
    value, own = g._value, x._value
    if value.shape != own.shape or value.dtype != own.dtype:
        raise RuntimeError(
            f"grad: the gradient of a tensor of shape {own.shape} and dtype {own.dtype} has both too; got shape "
            f"{value.shape} and dtype {value.dtype}"
        )


_class: Any = Variable  # what `wrap` makes
_class_of_tuples: Any = Variable
_ndarray = np.ndarray


def register(cls: type[Variable], of_tuples: bool = False) -> None:
    """Let `wrap` make objects of this class, of arrays or of tuples: the classes stand higher than this file."""
    global _class, _class_of_tuples
    if of_tuples:
        _class_of_tuples = cls
    else:
        _class = cls


def wrap(value: Any, counter: list[Any] | None = None, node: Any = None) -> Tensor:
    """A variable of the registered class over a value, without conversion."""
    cls = _class
    if type(value) is not _ndarray:
        if type(value) is tuple:
            cls = _class_of_tuples
        elif isinstance(value, np.generic):  # of users' kernels, for arrays of no dimensions
            value = np.asarray(value)
    variable = cls.__new__(cls)
    variable._value = value
    variable._tracked = node is not None
    variable._grad = None
    variable._node = node
    variable._counter = counter
    variable._hooks = None
    variable._base = None
    variable._seen = None
    return variable  # type: ignore[no-any-return]


def detached(x: Variable) -> Tensor:
    """A constant over x's memory: what is computed from it is not recorded, changes in place show in both."""
    return wrap(x._value, x._share_counter())


def show(x: Variable, data: Variable) -> None:
    """Let x, which is being made, be a leaf over the memory of data."""
    Variable.__init__(x, data._value, data._share_counter())


def as_view(x: Variable, out: V) -> V:
    """Let a view of x's memory share x's change counter, and follow what happens to it."""
    out._counter = x._share_counter()
    out._base = x if x._base is None else x._base
    out._seen = out._base._node
    return out


def share_memory(x: Variable, out: V) -> V:
    """`out`, as a view of x if it shows memory of x's."""
    value, shown = x._value, out._value
    if not isinstance(value, _ndarray):
        value = value.buffer()
    if not isinstance(shown, _ndarray):
        shown = shown.buffer()
    return as_view(x, out) if out is not x and overlap(shown, value) else out
