"""The path that a function takes, as far as the pattern of its Jacobian hangs on it, and the pattern itself.

The pattern is read by an observer while the function records. The path is read off the list afterwards, and compared
with that of another run, so that a pattern is not used where it may not hold.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.doors import leave
from ..core.modes import Observer, mode, recording
from ..core.tape import Node
from ..core.tuples import Parts
from ..core.variable import Variable
from .recorded import Run
from .sparsity import Pattern, Step, alone, contribution, dense, family, nothing, union

# ---------------------------------------------------------------- the pattern


class Detector(Observer):
    """Finds the pattern of all that is computed from some arguments while it watches.

    Parameters
    ----------
    xs : list of variables
        The tracked arguments, whose items are the columns.
    """

    def __init__(self, xs: list[Any]) -> None:
        self._width = sum(x._value.size for x in xs)
        self._patterns: dict[Any, Pattern] = {}
        self.families: dict[Node, str] = {}  # of the nodes that depend on them
        first = 0
        for x in xs:
            self._patterns[x._source] = alone(first, x._value.size, self._width)
            first += x._value.size
        self._also: Observer | None = None

    def watching(self, function: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
        """What a function gives, while this observes."""
        self._also = mode.observer
        mode.observer = self
        try:
            return function(*args, **keywords)
        finally:
            mode.observer = self._also

    def patterns(self, run: Run) -> list[Pattern]:
        """Those of a run's results. If something was recorded unseen, as by another thread, all are dense."""
        found = [self._patterns.get(y._source) for y in run.outputs]
        if not self._has_seen(run):
            found = [dense(alone(0, self._width, self._width), y._value.size) for y in run.outputs]
        return [
            nothing(y._value.size, self._width) if p is None else p for y, p in zip(run.outputs, found, strict=True)
        ]

    def _has_seen(self, run: Run) -> bool:
        """Whether all that depends on the arguments was recorded under these eyes."""
        known = set(run.sources)
        for node in run.nodes:
            if any(source in known for source in node.sources):
                if node not in self.families:
                    return False
                known.add(node)
        return True

    def recorded(self, node: Node, inputs: tuple[Any, ...], out: Variable) -> Any:
        total: Pattern | None = None
        observer, mode.observer = mode.observer, None
        try:
            with recording(False):
                for k, source in enumerate(node.sources):
                    p = self._patterns.get(source)
                    if p is not None:
                        share = self._share(node, inputs, k, out, p)
                        total = share if total is None else union(total, share)
        finally:
            mode.observer = observer
        if total is not None:
            self._patterns[node] = total
            self.families[node] = family(node.operation)
        return None if self._also is None else self._also.recorded(node, inputs, out)

    def pulled(self, node: Node, argument: int, g: Any) -> None:
        if self._also is not None:
            self._also.pulled(node, argument, g)

    def pushed(self, node: Node, argument: int, t: Any) -> None:
        if self._also is not None:
            self._also.pushed(node, argument, t)

    def _share(self, node: Node, inputs: tuple[Any, ...], k: int, out: Variable, p: Pattern) -> Pattern:
        """What an argument contributes. A tuple counts as one item."""
        x = inputs[k]
        if isinstance(out, Parts):
            return dense(p, 1)
        if isinstance(x, Parts):
            return dense(p, math.prod(out._value.shape))
        return contribution(Step(node, inputs, k, x._value.shape, out._value.shape, p))


# ---------------------------------------------------------------- the path


class Path:
    """What a run did with what it is differentiated by: its operations, what each was applied to, and what their
    patterns hang on besides: static keywords, indices that pick, and where constant factors are zero.

    Parameters
    ----------
    run : Run
    families : dict
        Those of the nodes that depend on the arguments.
    """

    def __init__(self, run: Run, families: dict[Node, str]) -> None:
        nodes = run.nodes
        kinds = [families.get(node, "dense") for node in nodes]
        self._kinds = kinds
        self._operations = [node.operation for node in nodes]
        self._wiring = _wiring(run)
        self._told = [k for k, kind in enumerate(kinds) if kind not in ("elementwise", "dense")]
        self._static = [nodes[k].static for k in self._told]
        self._choosing = [k for k, kind in enumerate(kinds) if kind in ("linear", "product")]
        self._chosen = [_consulted(nodes[k], kinds[k]) for k in self._choosing]

    def departure(self, run: Run) -> str | None:
        """Where another run leaves this path, in words; None if it does not."""
        nodes = run.nodes
        operations = [node.operation for node in nodes]
        if operations != self._operations:
            if len(operations) != len(self._operations):
                return f"it recorded {len(self._operations)} operations, and records {len(operations)}"
            for kind, one, two in zip(self._kinds, self._operations, operations, strict=True):
                if one is not two and not (kind == "dense" and one.name == two.name):  # which may be made anew
                    return f"what was {one.name} is {two.name}"
        if _wiring(run) != self._wiring:
            return "operations are applied to something else"
        for k, static in zip(self._told, self._static, strict=True):
            if not _same(static, nodes[k].static):
                return f"{nodes[k].operation.name} is applied otherwise"
        for k, arrays in zip(self._choosing, self._chosen, strict=True):
            others = _consulted(nodes[k], self._kinds[k])
            if len(others) != len(arrays) or not all(map(np.array_equal, arrays, others)):
                return f"{nodes[k].operation.name} picks other items, by an index or by the zeros of a matrix"
        return None


def _wiring(run: Run) -> list[tuple[int | None, ...]]:
    """For each node which nodes and arguments it is applied to."""
    number: dict[Any, int] = {node: k for k, node in enumerate(run.nodes)}
    for k, source in enumerate(run.sources):
        number[source] = ~k
    return [tuple([number.get(source) for source in node.sources]) for node in run.nodes]


def _consulted(node: Node, kind: str) -> list[np.ndarray]:
    """What the pattern of a node knows of the items of constants: indices, and where factors are not zero."""
    found = []
    for (place, _), x in zip(node.operation.saves, node.saved or (), strict=True):
        if isinstance(x, Variable) and node.sources[place] is None and not isinstance(x, Parts):
            if x._value.dtype.kind != "f":
                found.append(leave(x, "array").copy())
            elif kind == "product":
                found.append(leave(x, "array") != 0)
    return found


def _same(one: dict[str, Any], two: dict[str, Any]) -> bool:
    """Whether two sets of static keywords are equal; there may be arrays among them."""
    for name, x in one.items():
        y: Any = two.get(name)
        if x is not y and not (np.array_equal(x, y) if isinstance(x, np.ndarray) else type(x) is type(y) and x == y):
            return False
    return True
