"""What operations are called, in graphs and errors, and how elementwise ones are documented."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from ..core.tape import Operation
from ..core.variable import Variable


def doc(summary: str, example: str, *, inputs: int = 1, formula: str = "", note: str = "") -> str:
    """The docstring of an elementwise operation."""
    parameters = "x : tensor, array or number\n    Of any shape." if inputs == 1 else (
        "x, y : tensor, array or number\n    Of shapes that broadcast together; of two dtypes the result has the one\n"
        "    that `wengert.result_type` gives."
    )  # fmt: skip
    returns = "Tensor\n    Of the same shape." if inputs == 1 else "Tensor\n    Of the broadcast shape."
    raises = "" if inputs == 1 else "\nRaises\n------\nValueError\n    If the shapes do not broadcast.\n"
    notes = f"\nNotes\n-----\n{formula}{' ' if formula and note else ''}{note}\n" if formula or note else ""
    return (
        f"{summary}\n\nParameters\n----------\n{parameters}\n\nReturns\n-------\n{returns}\n{raises}{notes}"
        f"\nExamples\n--------\n{example.strip()}\n"
    )


F = TypeVar("F", bound=Callable[..., Any])
V = TypeVar("V", bound=Variable)


def exported_as(name: str) -> Callable[[F], F]:
    """Let a function go by the name that users call it by, where that is another's within these files."""

    def rename(function: F) -> F:
        function.__name__ = function.__qualname__ = name
        return function

    return rename


@functools.cache
def _under(operation: Operation, name: str) -> Operation:
    """The operation under another name."""
    return Operation(
        name,
        operation.kernel,
        operation.arguments,
        operation.vjps,
        operation.jvps,
        operation.joint,
        operation.keeps,
        operation.pushed,
        operation.batched,
        operation.crosses,
    )


def called(name: str, z: V) -> V:
    """z, whose last operation, which nobody else has seen, goes by the name of the function that computed it."""
    if z._node is not None:
        z._node.operation = _under(z._node.operation, name)
    return z
