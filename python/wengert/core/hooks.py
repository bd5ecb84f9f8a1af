"""Functions that are called when a walk knows a gradient."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import Any

from . import locks
from .modes import ever
from .variable import Variable

_keys = itertools.count()
_registering = locks.lock()


class Known:
    """Whether there ever was a hook, and one of a leaf: walks look for them then alone."""

    any = False
    of_leaves = False


known = Known()


class Handle:
    """What registering a hook returns.

    Parameters
    ----------
    hooks : dict
        The hooks among which this one is.
    key : int
        Under which it is there.

    Examples
    --------
    >>> x = wg.tensor([1., 2.], requires_grad=True)
    >>> handle = x.register_hook(lambda g: g * 10)
    >>> handle.remove()
    """

    def __init__(self, hooks: dict[int, Any], key: int) -> None:
        self._hooks, self._key = hooks, key

    def remove(self) -> None:
        """Take the hook away; more than once does no harm.

        Examples
        --------
        >>> x = wg.tensor([1., 2.], requires_grad=True)
        >>> handle = x.register_hook(lambda g: g * 10)
        >>> handle.remove()
        >>> x.sum().backward()
        >>> x.grad
        tensor([1., 1.])
        """
        self._hooks.pop(self._key, None)


def _hooks_of(x: Any, name: str, hook: Any = None) -> dict[int, Any]:
    """The hooks of x or of its node, among which `hook` will be."""
    if hook is not None and not callable(hook):
        raise TypeError(f"{name}: expected a function of a tensor, got {type(hook).__name__}")
    if not x.requires_grad:
        raise RuntimeError(f"{name}: this tensor does not require a gradient, so it never gets one")
    owner = x if x._node is None else x._node
    with _registering:
        if owner._hooks is None:
            owner._hooks = {}
        known.any = True
        if owner is x:
            known.of_leaves = ever.batches_or_hooks = True
    hooks: dict[int, Any] = owner._hooks
    return hooks


def register_hook(x: Any, hook: Callable[[Any], Any]) -> Handle:
    """Call `hook` with the gradient of x when a walk knows it; what it returns, if anything, replaces the gradient.

    Parameters
    ----------
    x : tensor
    hook : callable
        Of the gradient.

    Returns
    -------
    Handle

    Raises
    ------
    RuntimeError
        If x does not require a gradient.

    Examples
    --------
    >>> x = wg.tensor([1., 2.], requires_grad=True)
    >>> handle = wg.autograd.register_hook(x, lambda g: g * 10)
    >>> x.sum().backward()
    >>> x.grad
    tensor([10., 10.])
    """
    hooks = _hooks_of(x, "register_hook", hook)
    key = next(_keys)
    hooks[key] = hook
    for kept in _keepers(hooks):  # they see what the other hooks have made of the gradient
        hooks[kept] = hooks.pop(kept)
    return Handle(hooks, key)


def register_post_accumulate_grad_hook(x: Any, hook: Callable[[Any], Any]) -> Handle:
    """Call `hook` with a leaf after its `.grad` has been updated.

    Parameters
    ----------
    x : tensor
    hook : callable
        Of the leaf.

    Returns
    -------
    Handle

    Raises
    ------
    RuntimeError
        If x is not a leaf that requires a gradient.

    Examples
    --------
    >>> x = wg.tensor([1., 2.], requires_grad=True)
    >>> handle = wg.autograd.register_post_accumulate_grad_hook(x, lambda x: print(x.grad))
    >>> x.sum().backward()
    tensor([1., 1.])
    """
    if x._node is not None:
        raise RuntimeError("register_post_accumulate_grad_hook: only leaves accumulate gradients")
    hooks = _hooks_of(x, "register_post_accumulate_grad_hook", hook)
    key = -1 - next(_keys)  # negative: after accumulation
    hooks[key] = hook
    return Handle(hooks, key)


def retain_grad(x: Any) -> None:
    """Let walks set `.grad` of a tensor that is not a leaf, to what its hooks make of the gradient.

    A change in place does not end this: `.grad` is then that of the tensor's new items.

    Parameters
    ----------
    x : tensor

    Raises
    ------
    RuntimeError
        If x does not require a gradient.

    Examples
    --------
    >>> x = wg.tensor([1., 2.], requires_grad=True)
    >>> y = x * 3
    >>> wg.autograd.retain_grad(y)
    >>> (y * y).sum().backward()
    >>> y.grad
    tensor([ 6., 12.])
    """
    hooks = _hooks_of(x, "retain_grad")
    if x._node is not None and not retains_grad(x):
        hooks[next(_keys)] = _Keeper(x)


def calls_hooks(node: Any) -> bool:
    """Whether a reverse walk by a node calls a user's hooks: those of its result, or those that its operation keeps as
    `hooks`."""
    return bool(node._hooks) or "hooks" in node.static


def run_hooks(hooks: dict[int, Any], g: Any) -> Any:
    """Show a cotangent to the hooks of a variable, in order; what one returns replaces it.

    Raises
    ------
    TypeError
        If a hook returns what is no tensor.
    RuntimeError
        If it returns a tensor of another shape or dtype.
    """
    for key, hook in list(hooks.items()):
        replaced = hook(g) if key >= 0 else None
        if replaced is not None:
            _require_like(hook, replaced, g)
            g = replaced
    return g


def run_post_hooks(x: Any) -> None:
    """Tell those who asked that the gradient of the leaf x has been updated."""
    for key, hook in list(x._hooks.items()):
        if key < 0 and hook(x) is not None:
            raise RuntimeError(
                f"register_post_accumulate_grad_hook: {_named(hook)} returned something, which would have no effect; "
                "change x.grad in it, and return None"
            )


def _require_like(hook: Any, replaced: Any, g: Any) -> None:
    """Raise if what a hook makes of a gradient cannot stand for it."""
    if not isinstance(replaced, Variable):
        raise TypeError(
            f"{_named(hook)}, a hook of a gradient, returned {type(replaced).__name__}; expected a tensor of shape "
            f"{g._value.shape} and dtype {g._value.dtype}, or None to leave the gradient as it is"
        )
    if replaced._value.shape != g._value.shape or replaced._value.dtype != g._value.dtype:
        raise RuntimeError(
            f"{_named(hook)}, a hook, made of a gradient of shape {g._value.shape} and dtype {g._value.dtype} one of "
            f"shape {replaced._value.shape} and dtype {replaced._value.dtype}; both must stay"
        )


def _named(hook: Any) -> str:
    return str(getattr(hook, "__qualname__", type(hook).__name__))


class _Keeper:
    """The hook that keeps the gradient of a tensor."""

    def __init__(self, x: Any) -> None:
        self.tensor = weakref.ref(x)

    def __call__(self, g: Any) -> None:
        x = self.tensor()
        if x is not None:
            x.grad = g if x.grad is None else x.grad + g


def _keepers(hooks: dict[int, Any], x: Any = None) -> list[int]:
    """The keys of the hooks that keep gradients: of any tensor, or of x."""
    return [k for k, hook in hooks.items() if isinstance(hook, _Keeper) and (x is None or hook.tensor() is x)]


def retains_grad(x: Any) -> bool:
    """Whether walks set `.grad` of x although it is not a leaf.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    bool

    Examples
    --------
    >>> y = wg.ones(2, requires_grad=True) * 3
    >>> wg.autograd.retain_grad(y)
    >>> wg.autograd.retains_grad(y)
    True
    """
    return x._node is not None and bool(x._node._hooks) and bool(_keepers(x._node._hooks, x))


def follow(x: Any, node: Any) -> None:
    """After a change in place has given x another node than `node`, keep the gradient that arrives there."""
    kept = {key: node._hooks.pop(key) for key in _keepers(node._hooks, x)}
    if kept:
        x._node._hooks = {**(x._node._hooks or {}), **kept}
