"""Taylor series along a line, carried over the list by the same rules that derivatives are.

With inputs x(s) = x + s t, every entry of the list is a power series in s. Linear operations act on each coefficient; a
product's coefficients are those of Cauchy's product, and a quotient's follow from the product with its denominator.
For any other operation z, the forward rules give dz/ds as a composition of operations, so a list of its own, whose
series, shifted and divided by the power, is z's. These lists call for one another one order lower each time, so the
cost grows with a power of the order, where nested derivatives double theirs with each.

(The recurrences: R. E. Moore, "Interval Analysis", 1966; series that define themselves: M. D. McIlroy, "Power series,
power serious", 1999.)
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from ..core import tape, tuples
from ..core.doors import leave
from ..core.modes import recording
from ..core.tape import Node, apply
from ..core.variable import Variable
from ..core.views import track
from ..ops.arithmetic import divide, multiply
from ..ops.functions import POWER_LOG, exp, log, power
from ..ops.products import PRODUCTS
from .recorded import Run, zeros_like

_MULTIPLY: tape.Operation = multiply.operation  # type: ignore[attr-defined]  # `define.named` puts it there
_DIVIDE: tape.Operation = divide.operation  # type: ignore[attr-defined]
_POWER: tape.Operation = power.operation  # type: ignore[attr-defined]

# Where both arguments of a power move, its rules lead to several powers each, and theirs to several more. Of a positive
# base an equal expression leads to none, as the derivative of exp is itself.
_EQUAL: dict[tape.Operation, Callable[..., Any]] = {
    _POWER: lambda x, y: exp(y * log(x)),
    POWER_LOG: lambda x, y, n: exp(y * log(x)) * log(x) ** n,
}

Source = Any  # what a series belongs to: a node, a leaf, or None for what does not move
Coefficient = Any  # a variable, or None for zero
# How a coefficient is computed: step by step, with others that it asks for by their source and order.
Steps = Generator[tuple[Source, int], Coefficient, Coefficient]


def coefficients(run: Run, direction: list[Any], order: int) -> list[list[Any]]:
    """Per order from 1 on, the Taylor coefficients of the run's outputs along a direction of its inputs."""
    with run.walking(direction):
        series = _Propagation(run, direction)
        return [
            [_or_zeros(series.coefficient(y._source, k), y) for y in run.outputs] for k in range(1, order + 1)
        ]  # fmt: skip


def _or_zeros(coefficient: Coefficient, like: Variable) -> Any:
    return zeros_like(like) if coefficient is None else coefficient


class _Propagation:
    """The series of everything that a run's outputs depend on, computed where they are asked for.

    Series know nothing of it: what they need they ask for in steps, so that neither a long list nor a high order is
    followed by recursion, and nothing waits for a collection of cycles.
    """

    def __init__(self, run: Run, direction: list[Any]) -> None:
        self._run = run
        self._series: dict[Source, _Series] = {
            source: _Line(t) for source, t in zip(run.sources, direction, strict=True)
        }  # fmt: skip

    def coefficient(self, source: Source, k: int) -> Coefficient:
        """The coefficient of order k >= 1 of the series of a source."""
        tasks: list[tuple[_Series, Steps, Source, int]] = []  # each waits for the one after it
        while True:
            series = self._series_of(source)
            answer = None
            if series is not None and len(series.known) < k:
                tasks.append((series, series.steps(self, len(series.known) + 1), source, k))
            else:
                answer = None if series is None else series.known[k - 1]
                if not tasks:
                    return answer
            try:
                source, k = tasks[-1][1].send(answer)
            except StopIteration as stop:
                series, _, source, k = tasks.pop()
                series.known.append(stop.value)

    def _series_of(self, source: Source) -> _Series | None:
        """The series of a source; None for what the inputs do not move."""
        series = self._series.get(source) if source is not None else None
        if series is None and isinstance(source, Node) and source.number > self._run.first:
            series = self._series[source] = _kind_of(source)(source)
        return series

    def derivative_of(self, source: Source, first: Any) -> Any:
        """A variable that stands for the derivative of a source's series, of which `first` is the value."""
        variable = track(first, self._run.connected)
        self._series[variable._source] = _Shifted(source)
        return variable

    def stand_in(self, source: Source, x: Any) -> Any:
        """A variable with the value of x and the series of a source."""
        series = self._series_of(source)
        if series is None:
            return x
        variable = track(x, self._run.connected)
        self._series[variable._source] = series
        return variable

    def released(self, x: Any) -> Any:
        """x without the graph that only this propagation needs."""
        return self._run.release(x)


class _Series:
    """Coefficients from order 1 on, each computed once, one after the other."""

    def __init__(self, node: Source) -> None:
        self._node = node
        self.known: list[Coefficient] = []

    def steps(self, of: _Propagation, k: int) -> Steps:
        """Compute the coefficient of order k, when those before are known."""
        raise TypeError(f"{type(self).__name__} has no recurrence")

    def _operand(self, place: int, k: int) -> Steps:
        """Coefficient k of an argument; that of order 0 is the argument itself."""
        if k == 0:
            return self._node.argument(self._node.operation.arguments[place])
        return (yield self._node.sources[place], k)


class _Line(_Series):
    """x + s t."""

    def __init__(self, t: Any) -> None:
        self.known = [t]

    def steps(self, of: _Propagation, k: int) -> Steps:
        yield from ()
        return None


class _Shifted(_Series):
    """The derivative of another series, which is known further."""

    def steps(self, of: _Propagation, k: int) -> Steps:
        following = yield self._node, k + 1
        return None if following is None else _scaled(following, k + 1.0)


class _Linear(_Series):
    """An operation whose forward rules need no values: what it makes of tangents, it makes of all coefficients."""

    def steps(self, of: _Propagation, k: int) -> Steps:
        total = None
        for source, rule in zip(self._node.sources, self._node.operation.jvps, strict=True):
            x = yield source, k
            if x is not None and rule is not None:
                total = _plus(total, self._node.run(rule, x))
        return total


class _Joined(_Series):
    """The same, of an operation with one forward rule for all arguments."""

    def steps(self, of: _Propagation, k: int) -> Steps:
        parts = []
        for source in self._node.sources:
            x = yield source, k
            parts.append(x)
        rule = self._node.operation.pushed
        return self._node.run(rule, parts) if rule is not None and any(x is not None for x in parts) else None


class _Product(_Series):
    """A bilinear operation: the sum of op(x_i, y_j) over i + j = k."""

    def steps(self, of: _Propagation, k: int) -> Steps:
        total = None
        for i in range(k + 1):
            x = yield from self._operand(0, i)
            y = yield from self._operand(1, k - i)
            if x is not None and y is not None:
                total = _plus(total, apply(self._node.operation, (x, y), self._node.static))
        return total


class _Quotient(_Series):
    """z = x / y from z y = x: z_k = (x_k - sum of z_i y_(k-i) over i < k) / y_0."""

    def steps(self, of: _Propagation, k: int) -> Steps:
        total = yield self._node.sources[0], k
        for i in range(k):
            y = yield self._node.sources[1], k - i
            if y is None:
                continue
            z = (yield from self._operand(0, 0)) / (yield from self._operand(1, 0)) if i == 0 else self.known[i - 1]
            if z is not None:
                total = _plus(total, -(z * y))
        return None if total is None else total / (yield from self._operand(1, 0))


class _Derived(_Series):
    """Any other operation: the series of its derivative, which the forward rules give, one order lower."""

    _rate: Any = None  # dz/ds, recorded
    _built = False

    def steps(self, of: _Propagation, k: int) -> Steps:
        if not self._built:
            firsts = []
            for source in self._node.sources:
                firsts.append((yield source, 1))
            self._rate, self._built = self._derivative(of, firsts), True
        if self._rate is None:
            return None
        if k == 1:
            return of.released(self._rate)
        below = yield self._rate._source, k - 1
        return None if below is None else _scaled(below, 1.0 / k)

    def _derivative(self, of: _Propagation, firsts: list[Coefficient]) -> Any:
        """dz/ds, from the first coefficients of the arguments."""
        total = None
        node = self._node
        with recording(True):
            if node.operation.pushed is not None:
                tangents = [
                    None if first is None else of.derivative_of(source, first)
                    for source, first in zip(node.sources, firsts, strict=True)
                ]
                return node.run(node.operation.pushed, tangents) if any(t is not None for t in tangents) else None
            for place, (source, first) in enumerate(zip(node.sources, firsts, strict=True)):
                if first is None:
                    continue
                rule = node.operation.jvps[place]
                if rule is None:
                    raise tape.missing_rule(node, place, "forward")
                total = _plus(total, node.run(rule, of.derivative_of(source, first)))
        return total


class _Rewritten(_Series):
    """An operation of which an equal expression has the simpler series."""

    _same: Any = None

    def steps(self, of: _Propagation, k: int) -> Steps:
        if self._same is None:
            node = self._node
            values = [node.argument(name) for name in node.operation.arguments]
            with recording(True):
                operands = [of.stand_in(source, x) for source, x in zip(node.sources, values, strict=True)]
                self._same = _EQUAL[node.operation](*operands, **node.static)
        return (yield self._same._source, k)


def _is_positive(x: Any) -> bool:
    return bool((leave(x, "bool") > 0).all())


def _plus(x: Any, y: Any) -> Any:
    return y if x is None else x + y


def _scaled(x: Any, factor: float) -> Any:
    if isinstance(x, tuples.Parts):
        return tuples.pack([tuples.item(x, i) * factor for i in range(len(tuples.kinds_of(x)))])
    return x * factor


def _kind_of(node: Node) -> type[_Series]:
    """How the series of a node is found."""
    operation = node.operation
    if operation is _MULTIPLY or operation in PRODUCTS:
        return _Product
    if operation is _DIVIDE:
        return _Quotient
    if operation.pushed is not None:  # linear, unless it is told by what it is to be differentiated
        return _Joined if {"z", *operation.arguments}.isdisjoint(operation.pushed.needs) else _Derived
    if operation in _EQUAL and None not in node.sources and _is_positive(node.argument("x")):
        return _Rewritten
    moving = [rule for rule, source in zip(operation.jvps, node.sources, strict=True) if source is not None]
    values = {"z", *(x for x, source in zip(operation.arguments, node.sources, strict=True) if source is not None)}
    return _Linear if all(rule is not None and values.isdisjoint(rule.needs) for rule in moving) else _Derived
