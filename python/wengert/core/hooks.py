"""Functions that are called when a walk knows a gradient."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import Any

from . import locks
from .variable import Variable

_keys = itertools.count()
_registering = locks.lock()


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


def _hooks_of(x: Any, name: str) -> dict[int, Any]:
    if not x.requires_grad:
        raise RuntimeError(f"{name}: this tensor does not require a gradient, so it never gets one")
    owner = x if x._node is None else x._node
    with _registering:
        if owner._hooks is None:
            owner._hooks = {}
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
    hooks = _hooks_of(x, "register_hook")
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
    hooks = _hooks_of(x, "register_post_accumulate_grad_hook")
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
