"""Changes in place that are recorded: a tensor's items are replaced, and from there on it has another history.

`rewrite` replaces items by a function of them, `adopt` takes what a user's function has already written. Where the
tensor is a view, its base then is what it was with this region replaced, and other views are views of that. What is
written goes through `doors.change`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from . import dtypes, locks, tape, views
from .batching import unchanged
from .bound import by_bindings
from .broadcast import cast
from .doors import change, memory
from .following import followed
from .hooks import follow
from .modes import mode
from .tape import Operation, apply
from .variable import Variable, wrap

_COPY = Operation("copy", by_bindings(lambda x: _kernels.copied(x)), (), (), (), batched=unchanged)
_ARGUMENT = (
    "an argument of a function that is differentiated, or a view of it, cannot be changed in place; clone() it first"
)
_renewing = locks.lock()  # threads may meet at a view whose base has a new history


def copied(x: Variable) -> Tensor:
    """A constant over a copy of x's items."""
    return apply(_COPY, (x,))


def rewrite(x: Tensor, name: str, function: Callable[[Tensor], Tensor]) -> Tensor:
    """Replace x's items by function(x), keeping its memory; recorded as if x were a new tensor from here on.

    Parameters
    ----------
    x : tensor
    name : str
        What errors call the change.
    function : callable
        Of x as it was; gives a tensor of its shape, and of a dtype whose category is no higher.

    Returns
    -------
    Tensor
        x itself.

    Raises
    ------
    RuntimeError
        If x is a leaf that requires a gradient while operations are recorded, if its memory cannot be written, or if
        what the function gives does not fit.
    """
    recording = mode.recording
    if recording:
        refuse_given(x, name)
    old = wrap(x._value, x._counter, x.grad_fn)
    new = function(old)
    shape, dtype = x._value.shape, x._value.dtype
    if new._value.shape != shape:
        raise RuntimeError(f"{name}: the result has shape {new._value.shape}, which does not fit into {shape}")
    if new._value.dtype != dtype and not np.can_cast(new._value.dtype, dtype, "same_kind"):
        raise RuntimeError(f"{name}: the result is {new._value.dtype}, which cannot be kept in a tensor of {dtype}")
    if new.requires_grad:
        if new._value.dtype != dtype:
            new = cast(new, dtype)
        node = new._node
        if node is not None and node.saved:
            for saved in node.saved:
                if saved is old:
                    old._value = copied(old)._value
                    old._counter = None
                    break
    change(name, (x,), _assign, new)
    if recording:
        _take_history(x, name, new)
    return x


def _assign(array: np.ndarray, items: np.ndarray) -> None:
    if items.dtype == array.dtype and not _kernels.overlap(array, items) and array.flags.behaved:
        _kernels.assign(array, items)
    else:
        array[...] = items if items.dtype == array.dtype else dtypes.convert(items, array.dtype)


def refuse_given(x: Tensor, name: str) -> None:
    """Raise if others are computed from x or its base, so that it cannot get a history: a leaf, or the tracked argument
    of a derivative of a function."""
    base = x if x._base is None else x._base
    if not base.requires_grad:
        return
    if base._node is None:
        raise RuntimeError(
            f"{name}: a leaf that requires a gradient, or a view of one, cannot be changed in place while recording; "
            "do it under no_grad(), or change x.detach()"
        )
    for source in base._node.sources:
        if source is not None:
            return
    raise RuntimeError(f"{name}: {_ARGUMENT}")


def adopt(x: Tensor, name: str, new: Tensor) -> None:
    """Let x, whose memory a user's function has changed, have the history of `new`, which shows the same memory."""
    refuse_given(x, name)
    _take_history(x, name, new)


def exchange(x: Variable, other: Variable) -> None:
    """Let x show the memory of another variable from here on; what it was computed from stays as it is.

    Raises
    ------
    RuntimeError
        If x is what a function is being differentiated by.
    """
    if id(x._node) in followed:
        raise RuntimeError(_ARGUMENT)
    x._value = other._value


def forget(x: Variable) -> None:
    """Make x a constant: nothing of how it was computed is left in it."""
    x._node = None
    x._tracked = False
    if x._base is not None:
        x._seen = x._base._node


def renew(x: Variable) -> None:
    """Of a view whose base has a new history: take the one that follows from it."""
    with _renewing:
        base = x._base
        assert base is not None
        node, own = base._node, x._node
        if node is x._seen:
            return
        if node is None:
            forget(x)
        else:
            tape.record(views.show, (base,), {"region": views.region_of(memory(base), memory(x))}, x)
            _follow(x, own)
            x._seen = node  # the last: a thread that finds it here asks no further


def _take_history(x: Variable, name: str, new: Variable) -> None:
    """Let x, whose items are new's now, have new's history, and its base and its views with it."""
    base = x._base
    changed = x if base is None else base
    node = changed._node
    if base is None:
        if new.requires_grad:
            x._node = new._node
            x._tracked = True
        elif x._node is not None:
            tape.record(views.overwrite, (x, new), {"by": name}, x)
    elif new.requires_grad or base.requires_grad:
        before = wrap(base._value, base._counter, base._node)
        region = views.region_of(memory(base), memory(x))
        tape.record(views.put, (before, new), {"region": region}, base)
        x._renew()
    _follow(changed, node)


def _follow(x: Variable, node: Any) -> None:
    """Keep the gradient of x, if it was to be kept, where it arrives now: at another node than `node`."""
    if node is not None and node._hooks and x._node is not None:
        follow(x, node)


by_bindings(_assign)  # compiled functions take no decorators
