"""Where gradients cross the border of a module: what its backward hooks are called from.

A call of a module that has such hooks wraps its inputs, and then its results, in an identity of several tensors. A walk
comes by the results' first, where the gradient by them is known, and then by the inputs', where that by them is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ...core.border import crossed, zeros_of
from ...core.variable import Variable

Hook = tuple[Callable[..., Any], Any]  # as modules keep them
Kind = tuple[tuple[int, ...], np.dtype]  # a shape and a dtype


def _kind_of(x: Variable) -> Kind:
    """The shape and dtype of x."""
    return x._value.shape, x._value.dtype


class Crossing:
    """One call of a module with backward hooks.

    Parameters
    ----------
    module : Module
    before : iterable of (callable, anything)
        Of the module and the gradient by its results; they may replace it.
    behind : iterable of (callable, anything)
        Of the module, the gradient by its inputs and that by its results; they may replace the former.
    """

    def __init__(self, module: Any, before: Iterable[Hook], behind: Iterable[Hook]) -> None:
        self._module, self._before, self._behind = module, [h for h, _ in before], [h for h, _ in behind]
        self._count = 0  # of the positional arguments
        self._is_entered = False  # whether something flows to them
        self._outer: tuple[Any, ...] | None = None  # the gradient by the results, once a walk knows it

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The positional arguments, to be handed to forward."""
        self._count = len(args)
        entered = self._crossed(args, self._arrived)
        self._is_entered = entered is not args
        return entered

    def leave(self, result: Any) -> Any:
        """What forward returned: a tensor, or a tuple of them and others; anything else is left alone."""
        if isinstance(result, Variable):
            return self._crossed((result,), self._left)[0]
        return self._crossed(result, self._left) if type(result) is tuple else result

    def _crossed(self, values: tuple[Any, ...], take: Callable[..., Any]) -> tuple[Any, ...]:
        """The values, the tensors among them behind an identity whose reverse rule calls `take`."""
        places = [k for k, x in enumerate(values) if isinstance(x, Variable) and x.requires_grad]
        if not places:
            return values
        still = {k: _kind_of(x) for k, x in enumerate(values) if isinstance(x, Variable) and not x.requires_grad}
        found = list(values)
        side = _Side(take, len(values), tuple(places), still)
        for k, out in zip(places, crossed([values[k] for k in places], side), strict=True):
            found[k] = out
        return tuple(found)

    def _left(self, gradient: tuple[Any, ...]) -> tuple[Any, ...]:
        """A walk brings the gradient by the results."""
        for hook in self._before:
            gradient = self._replaced("register_full_backward_pre_hook", hook(self._module, gradient), gradient)
        self._outer = gradient
        if not self._is_entered:  # it will come no further
            for hook in self._behind:
                hook(self._module, (None,) * self._count, gradient)
        return gradient

    def _arrived(self, gradient: tuple[Any, ...]) -> tuple[Any, ...]:
        """It brings that by the inputs."""
        if self._outer is None:  # it came another way than by the results
            return gradient
        for hook in self._behind:
            found = hook(self._module, gradient, self._outer)
            gradient = self._replaced("register_full_backward_hook", found, gradient)
        return gradient

    def _replaced(self, name: str, found: Any, gradient: tuple[Any, ...]) -> tuple[Any, ...]:
        """What a hook returned in place of a gradient, or the gradient where it returned None."""
        if found is None:
            return gradient
        new = found if isinstance(found, tuple) else (found,)
        if len(new) != len(gradient):
            raise RuntimeError(
                f"{name}: a hook of {type(self._module).__name__} returned {len(new)} gradient(s), expected "
                f"{len(gradient)}, or None to leave them as they are"
            )
        for x, like in zip(new, gradient, strict=True):
            if x is not None and like is not None:
                _require_like(name, x, like)
        return new


class _Side:
    """One side of the border: who takes what comes there, at which places of how many values something may come, and
    the kinds of the tensors at others, by which nothing flows: their gradients are zeros."""

    def __init__(self, take: Callable[..., Any], count: int, places: tuple[int, ...], still: dict[int, Kind]) -> None:
        self._take, self._count, self._places, self._still = take, count, places, still

    def __call__(self, parts: list[Any], kinds: tuple[Kind, ...]) -> list[Any]:
        """The cotangents of the tensors, after the hooks."""
        whole: list[Any] = [zeros_of(self._still[k]) if k in self._still else None for k in range(self._count)]
        for k, part in zip(self._places, parts, strict=True):
            whole[k] = part
        new = self._take(tuple(whole))
        return [zeros_of(kind) if new[k] is None else new[k] for k, kind in zip(self._places, kinds, strict=True)]


def _require_like(name: str, x: Any, like: Any) -> None:
    if not isinstance(x, Variable):
        raise TypeError(f"{name}: a hook returned {type(x).__name__} for a gradient; expected a tensor or None")
    if x._value.shape != like._value.shape or x._value.dtype != like._value.dtype:
        raise RuntimeError(
            f"{name}: a hook made of a gradient of shape {like._value.shape} and dtype {like._value.dtype} one of "
            f"shape {x._value.shape} and dtype {x._value.dtype}; both must stay"
        )
