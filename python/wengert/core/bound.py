"""Which kernels are nothing but calls of bindings: what these note while a program is recorded stands for them.

Such a kernel hands its arrays, or views of them, to bindings. It looks at no item, and writes by NumPy into nothing
that a binding has made; what it computes by NumPy besides is new memory, which a recording finds by itself. Every other
kernel, users' own too, is called again by programs as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

_bound: set[Any] = set()


def by_bindings(kernel: F) -> F:
    """Declare that a kernel, or a rule for batches, is of this kind."""
    _bound.add(kernel)
    return kernel


def is_by_bindings(kernel: Any) -> bool:
    """Whether a kernel is of this kind: declared, or one of the bindings' own objects."""
    return kernel in _bound or type(kernel).__module__ == "wengert._kernels"


def like(kernel: Any, wrapper: F) -> F:
    """A wrapper that is of this kind if what it wraps is."""
    return by_bindings(wrapper) if is_by_bindings(kernel) else wrapper


_shaped: dict[Any, Callable[[list[Any], dict[str, Any]], bool]] = {}


def shaped_by_items(kernel: F, when: Callable[[list[Any], dict[str, Any]], bool]) -> F:
    """Declare that the shape of what a kernel gives depends on items, where `when` of values and keywords says so."""
    _shaped[kernel] = when
    return kernel


def is_shaped_by_items(kernel: Any, values: list[Any], static: dict[str, Any]) -> bool:
    """Whether the shape of what a kernel gives for these values depends on their items."""
    when = _shaped.get(kernel)
    return when is not None and when(values, static)
