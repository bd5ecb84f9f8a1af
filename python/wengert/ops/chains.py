"""Kernels made of several elementwise kernels, block by block: what a step gives is in the cache for the next.

A function of terms is traced once: each call of a kernel in it is a step. Where arrays broadcast, or where calls are
recorded, the steps are made one by one, which gives the same bits.

A derivative rule that reads `fused(lambda g, x: g / (x * 2.0))` is such a kernel where it is only computed; where it is
differentiated in turn, the same function is applied to tensors, operation by operation.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _kernels
from ..core.batching import aligned
from ..core.bound import by_bindings
from ..core.define import Function, parameters
from ..core.half import half_kernel
from ..core.modes import mode, recorder
from ..core.tape import Operation, Rule, apply
from ..core.variable import Variable

_INFO = _kernels.elementwise_info()
_NUMBERS = {name: k for k, name in enumerate(_INFO)}
_RESULT, _TRUTH, _SCRATCH = 32, 33, 6  # as in bindings/chain.pxi and program.h


class Term:
    """An input, or what a step gives."""

    __slots__ = ("place", "trace")

    def __init__(self, trace: Trace, place: int) -> None:
        self.trace, self.place = trace, place

    def __add__(self, other: Any) -> Any:
        return step("add", self, other)

    def __sub__(self, other: Any) -> Any:
        return step("subtract", self, other)

    def __rsub__(self, other: Any) -> Any:
        return step("subtract", other, self)

    def __mul__(self, other: Any) -> Any:
        return step("multiply", self, other)

    def __truediv__(self, other: Any) -> Any:
        return step("divide", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return step("divide", other, self)

    def __neg__(self) -> Any:
        return step("negative", self)


class Trace:
    """The steps of a function: the name of a kernel, and its operands, terms' places or constants."""

    def __init__(self, inputs: int) -> None:
        self.inputs = inputs
        self.steps: list[tuple[str, tuple[Any, ...]]] = []

    def by_steps(self, *values: Any) -> np.ndarray:
        """The steps one after the other, each over all items; or at once over what can be made dense for it."""
        loose = [isinstance(x, np.ndarray) and not x.flags.forc for x in values]
        if True in loose and recorder() is None:
            dense = [_kernels.copied(x, True) if k else x for x, k in zip(values, loose, strict=True)]
            found: np.ndarray = self.kernel(*dense)
            return found
        made = list(values)
        dtype = next(x.dtype for x in values if isinstance(x, np.ndarray))
        for name, operands in self.steps:
            given = [made[x] if type(x) is int else x for x in operands]
            real = given[1:] if name == "where" else given
            if not any(isinstance(x, np.ndarray) for x in real):  # a kernel takes one at least, which tells the dtype
                given[-1] = np.array(given[-1], dtype)
            made.append(_ALONE[name](*given))
        found = made[-1]
        return found

    def chain(self) -> _kernels.Chain:
        """All steps as one kernel."""
        constants: list[float] = []
        last = {x: k for k, (_, operands) in enumerate(self.steps) for x in operands if type(x) is int}
        codes, scratch = bytearray(), bytearray()
        free, at = list(range(_SCRATCH)), {}
        for k, (_, operands) in enumerate(self.steps):
            place = self.inputs + k
            if k + 1 < len(self.steps):
                at[place] = free.pop(0)
            row, blocks = [self._code(place)], [at.get(place, 255)]
            for x in operands:
                if type(x) is float and x not in constants:
                    constants.append(x)
                row.append(self.inputs + constants.index(x) if type(x) is float else self._code(x))
                blocks.append(at.get(x, 255) if type(x) is int else 255)
            for x in {x for x in operands if type(x) is int and x in at and last[x] == k}:
                free.insert(0, at.pop(x))
            padding = 4 - len(row)
            codes += bytes(row + [_RESULT] * padding)
            scratch += bytes(blocks + [255] * padding)
        kernels = bytes([_NUMBERS[name] for name, _ in self.steps])
        boolean = _INFO[self.steps[-1][0]][2]
        by_steps = half_kernel(by_bindings(self.by_steps))
        self.kernel = _kernels.Chain(
            by_steps, self.inputs, kernels, bytes(codes), bytes(scratch), tuple(constants), boolean
        )
        return self.kernel

    def _code(self, place: int) -> int:
        if place < self.inputs:
            return place
        return _TRUTH if _INFO[self.steps[place - self.inputs][0]][2] else _RESULT


_ALONE: dict[str, _kernels.Elementwise] = {}


def step(what: Any, *operands: Any) -> Any:
    """A step of the function that is being traced: `what` is the name of a kernel, or the operation that it is of.

    Of tensors, for which a name will not do, what the operation gives.
    """
    trace: Trace | None = next((x.trace for x in operands if isinstance(x, Term)), None)
    if trace is None:
        return what(*operands)
    if isinstance(what, str):
        name = what
    else:  # `where` is more than an operation, and has its kernel's name
        name = what.operation.kernel.name if hasattr(what, "operation") else what.__name__
    if name not in _ALONE:
        _ALONE[name] = _kernels.Elementwise(name)
    trace.steps.append((name, tuple([x.place if isinstance(x, Term) else float(x) for x in operands])))
    return Term(trace, trace.inputs + len(trace.steps) - 1)


def chained(function: Callable[..., Term]) -> _kernels.Chain:
    """A kernel of arrays, or of numbers for some of them, from a function of terms that ends with its last step."""
    trace = Trace(len(parameters(function)))
    function(*[Term(trace, k) for k in range(trace.inputs)])
    return trace.chain()


def fused(function: Callable[..., Any], recorded: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """A derivative rule, or a part of one, that is one kernel where nothing is recorded.

    Parameters
    ----------
    function : callable
        Of tensors, or constants in the place of some; gives a tensor. It uses their arithmetic, and operations by
        `step`.
    recorded : callable or None
        What is called in its place where it is recorded, of operations whose derivatives are the right ones where those
        of the steps are not; None: the function itself.

    Returns
    -------
    callable
        Of the same, with its parameters. Its derivatives are those of the operations.
    """
    operation: Operation | None = None

    @functools.wraps(function)
    def rule(*inputs: Any) -> Any:
        nonlocal operation
        if mode.recording:
            for x in inputs:
                if isinstance(x, Variable) and x.requires_grad:
                    return (recorded or function)(*inputs)
        if operation is None:  # not at import, for which a hundred traces would be long
            operation = Operation("fused", chained(function), (), (), (), batched=aligned)
        return apply(operation, inputs)

    return rule


def itemwise(name: str, kernel: Function, arguments: tuple[str, ...], *partials: Function) -> Operation:
    """An operation item by item of arguments of one shape.

    A partial is what is made of g, whichever the direction: a diagonal matrix is symmetric. Arguments without one have
    no derivative.
    """
    reverse: list[Rule | None] = [None] * len(arguments)
    forward = reverse[:]
    for k, partial in enumerate(partials):
        needs = parameters(partial)
        reverse[k], forward[k] = Rule(partial, needs), Rule(partial, tuple(["t" if x == "g" else x for x in needs]))
    return Operation(name, kernel, arguments, tuple(reverse), tuple(forward), batched=aligned)
