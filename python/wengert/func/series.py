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

from typing import Any

from ..core import tape, tuples
from ..core.modes import recording
from ..core.tape import Node, apply
from ..core.variable import Variable
from ..core.views import track
from ..ops.arithmetic import divide, multiply
from ..ops.products import PRODUCTS
from .recorded import Run, zeros_like

_MULTIPLY: tape.Operation = multiply.operation  # type: ignore[attr-defined]  # `define.named` puts it there
_DIVIDE: tape.Operation = divide.operation  # type: ignore[attr-defined]

Coefficient = Any  # a variable, or None for zero


def coefficients(run: Run, direction: list[Any], order: int) -> list[list[Any]]:
    """Per order from 1 on, the Taylor coefficients of the run's outputs along a direction of its inputs."""
    with run.walking(direction):
        series = _Propagation(run, direction)
        for k in range(1, order + 1):
            for node in run.nodes:  # in order, so that no chain of them is followed by recursion
                series.coefficient(node, k)
        return [
            [_or_zeros(series.coefficient(y._source, k), y) for y in run.outputs] for k in range(1, order + 1)
        ]  # fmt: skip


def _or_zeros(coefficient: Coefficient, like: Variable) -> Any:
    return zeros_like(like) if coefficient is None else coefficient


class _Propagation:
    """The series of everything that a run's outputs depend on, computed where they are asked for."""

    def __init__(self, run: Run, direction: list[Any]) -> None:
        self._run = run
        self._series: dict[Any, _Series] = {
            source: _Line(t) for source, t in zip(run.sources, direction, strict=True)
        }  # fmt: skip

    def coefficient(self, source: Node | Variable | None, k: int) -> Coefficient:
        """The coefficient of order k >= 1 of the series of a source."""
        series = self._series.get(source) if source is not None else None
        if series is None:
            if not isinstance(source, Node) or source.number <= self._run.first:
                return None  # nothing that the inputs move
            series = self._series[source] = _kind_of(source)(self, source)
        return series.coefficient(k)

    def derivative_of(self, source: Node | Variable, first: Any) -> Any:
        """A variable that stands for the derivative of a source's series, of which `first` is the value."""
        variable = track(first, self._run.connected)
        self._series[variable._source] = _Shifted(self, source)
        return variable

    def released(self, x: Any) -> Any:
        """x without the graph that only this propagation needs."""
        return self._run.release(x)


class _Series:
    """Coefficients from order 1 on, each computed once."""

    def __init__(self, propagation: _Propagation, node: Node) -> None:
        self._of, self._node = propagation, node
        self._known: list[Coefficient] = []

    def coefficient(self, k: int) -> Coefficient:
        """The coefficient of order k."""
        while len(self._known) < k:
            self._known.append(self._next(len(self._known) + 1))
        return self._known[k - 1]

    def _next(self, k: int) -> Coefficient:
        """The coefficient of order k, when those before are known."""
        raise TypeError(f"{type(self).__name__} has no recurrence")

    def _operand(self, place: int, k: int) -> Any:
        """Coefficient k of an argument; that of order 0 is the argument itself."""
        if k == 0:
            return self._node.argument(self._node.operation.arguments[place])
        return self._of.coefficient(self._node.sources[place], k)


class _Line(_Series):
    """x + s t."""

    def __init__(self, t: Any) -> None:
        self._known = [t]

    def _next(self, k: int) -> Coefficient:
        return None


class _Shifted(_Series):
    """The derivative of another series, which is known further."""

    def __init__(self, propagation: _Propagation, source: Node | Variable) -> None:
        self._of, self._source = propagation, source
        self._known = []

    def _next(self, k: int) -> Coefficient:
        following = self._of.coefficient(self._source, k + 1)
        return None if following is None else _scaled(following, k + 1.0)


class _Linear(_Series):
    """An operation whose forward rules need no values: what it makes of tangents, it makes of all coefficients."""

    def _next(self, k: int) -> Coefficient:
        total = None
        for place, rule in enumerate(self._node.operation.jvps):
            x = self._of.coefficient(self._node.sources[place], k)
            if x is not None and rule is not None:
                total = _plus(total, self._node.run(rule, x))
        return total


class _Joined(_Series):
    """The same, of an operation with one forward rule for all arguments."""

    def _next(self, k: int) -> Coefficient:
        parts = [self._of.coefficient(source, k) for source in self._node.sources]
        rule = self._node.operation.pushed
        return self._node.run(rule, parts) if rule is not None and any(x is not None for x in parts) else None


class _Product(_Series):
    """A bilinear operation: the sum of op(x_i, y_j) over i + j = k."""

    def _next(self, k: int) -> Coefficient:
        total = None
        for i in range(k + 1):
            x, y = self._operand(0, i), self._operand(1, k - i)
            if x is not None and y is not None:
                total = _plus(total, apply(self._node.operation, (x, y), self._node.static))
        return total


class _Quotient(_Series):
    """z = x / y from z y = x: z_k = (x_k - sum of z_i y_(k-i) over i < k) / y_0."""

    def _next(self, k: int) -> Coefficient:
        total = self._of.coefficient(self._node.sources[0], k)
        for i in range(k):
            y = self._of.coefficient(self._node.sources[1], k - i)
            if y is None:
                continue
            z = self._operand(0, 0) / self._operand(1, 0) if i == 0 else self._known[i - 1]
            if z is not None:
                total = _plus(total, -(z * y))
        return None if total is None else total / self._operand(1, 0)


class _Derived(_Series):
    """Any other operation: the series of its derivative, which the forward rules give, one order lower."""

    _rate: Any = None  # dz/ds, recorded
    _built = False

    def _next(self, k: int) -> Coefficient:
        if not self._built:
            self._rate, self._built = self._derivative(), True
        if self._rate is None:
            return None
        if k == 1:
            return self._of.released(self._rate)
        below = self._of.coefficient(self._rate._source, k - 1)
        return None if below is None else _scaled(below, 1.0 / k)

    def _derivative(self) -> Any:
        total = None
        node = self._node
        with recording(True):
            for place, source in enumerate(node.sources):
                first = self._of.coefficient(source, 1)
                if first is None or source is None:
                    continue
                rule = node.operation.jvps[place]
                if rule is None:
                    raise tape.missing_rule(node, place, "forward")
                total = _plus(total, node.run(rule, self._of.derivative_of(source, first)))
        return total


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
    if operation.pushed is not None:
        return _Joined
    moving = [rule for rule, source in zip(operation.jvps, node.sources, strict=True) if source is not None]
    values = {"z", *(x for x, source in zip(operation.arguments, node.sources, strict=True) if source is not None)}
    return _Linear if all(rule is not None and values.isdisjoint(rule.needs) for rule in moving) else _Derived
