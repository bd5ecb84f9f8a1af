"""The evaluation list: recording operations, and the two walks that differentiate what was recorded.

An operation that is applied to a variable that requires a gradient leaves a `Node`: the operation, the nodes its inputs
came from, and the values its derivative rules name. Nodes are numbered by creation, so sorting by number orders any
graph, and the walks are loops: reverse mode carries cotangents from the newest node to the oldest, forward mode carries
tangents from the oldest to the newest. Rules are written in operations, so a walk that is itself recorded can be walked
again: that is how higher derivatives come about (R. E. Wengert, "A simple automatic derivative evaluation program",
1964).

This file knows no shapes and no arrays. What a value is, and how two cotangents are added, `connect` is told once.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from .variable import FREE_THREADED, Variable

if TYPE_CHECKING:
    from ..tensors.tensor import Tensor  # what `_box` makes, for those who read types; the tape itself does not know

_number = itertools.count(1)
_NO_STATIC: dict[str, Any] = {}


class Observer:
    """Sees what a thread records and what its walks carry: `detect_anomaly` and `trace` are observers."""

    def recorded(self, node: Node, inputs: tuple[Any, ...], out: Variable) -> Any:
        """A new node; what is returned is kept as `node.where` until its saved values are freed."""

    def pulled(self, node: Node, argument: int, g: Any) -> None:
        """A cotangent for one argument of a node."""

    def pushed(self, node: Node, argument: int, t: Any) -> None:
        """A tangent of a node's result, by way of one argument."""


class Mode(threading.local):
    """What this thread does with the operations it applies."""

    recording = True
    observer: Observer | None = None


mode = Mode()


class Operation:
    """A name, a kernel, and per positional argument one reverse and one forward rule.

    Positional arguments are differentiable data, keyword arguments are static. A rule is a function whose parameter
    names say what it needs: g (cotangent) or t (tangent), z (the result), an argument, or a static keyword.
    """

    __slots__ = ("arguments", "jvps", "kernel", "name", "places", "result_for", "saves", "vjps")

    def __init__(
        self, name: str, kernel: Callable[..., Any], arguments: tuple[str, ...],
        vjps: tuple[Rule | None, ...], jvps: tuple[Rule | None, ...],
    ) -> None:  # fmt: skip
        self.name, self.kernel, self.arguments, self.vjps, self.jvps = name, kernel, arguments, vjps, jvps
        users = {name: self._users(name) for name in (*arguments, "z")}
        self.saves = tuple((i, users[name]) for i, name in enumerate(arguments) if users[name])
        self.result_for = users["z"]
        self.places = {arguments[i]: place for place, (i, _) in enumerate(self.saves)}  # of a node's saved arguments

    def _users(self, name: str) -> int:
        """The arguments whose rules need `name`, a bit for each."""
        rules = zip(self.vjps, self.jvps, strict=True)
        return sum(1 << i for i, pair in enumerate(rules) if any(r is not None and name in r.needs for r in pair))

    def __call__(self, *inputs: Any, **static: Any) -> Tensor:
        return apply(self, tuple([_as_variable(x) for x in inputs]), static)

    def __repr__(self) -> str:
        return f"Operation({self.name!r})"


class Rule:
    """A derivative rule and the names of what it needs, read off its signature."""

    __slots__ = ("function", "needs")

    def __init__(self, function: Callable[..., Any], needs: tuple[str, ...]) -> None:
        self.function, self.needs = function, needs


class Node:
    """One entry of the list."""

    __slots__ = (
        "__weakref__", "hooks", "number", "operation", "result", "saved", "sources", "static", "versions", "where",
    )  # fmt: skip

    operation: Operation
    sources: tuple[Node | Variable | None, ...]  # per argument; None for constants
    saved: tuple[Any, ...] | None  # the arguments as in operation.saves, None where no rule will ask; None once freed
    versions: tuple[int, ...] | None  # their change counts when they were saved; None: all zero
    result: Any  # a variable, or None where no rule will ask
    static: dict[str, Any]
    number: int
    hooks: dict[int, Any] | None
    where: Any  # what the observer said: under detect_anomaly, the line that recorded it

    def argument(self, name: str) -> Any:
        """The saved value that a rule calls `name`, if nobody has changed it since."""
        operation = self.operation
        # Once each, as another thread's walk may free them; and where threads run freely through getattr, which takes
        # the lock that Cython puts around public attributes: a method that reads its own goes past it.
        saved = getattr(self, "saved") if FREE_THREADED else self.saved  # noqa: B009
        result: Any = None if name != "z" else getattr(self, "result") if FREE_THREADED else self.result  # noqa: B009
        if saved is None or (name == "z" and result is None):
            raise RuntimeError(
                f"{operation.name}: this part of the graph was walked backward before, and its saved values are gone; "
                "pass retain_graph=True to the first walk to keep them"
            )
        if name == "z":
            self.check(result, 0, "its result")
            return _box(result.value, result.counter, self) if mode.recording else result
        place = operation.places.get(name)
        if place is not None:
            value = saved[place]
            if isinstance(value, Variable):
                self.check(value, self.versions[place] if self.versions else 0, f"its argument {name}")
            return value
        if name not in self.static:
            known = ", ".join(("g", "t", "z", *operation.arguments, *self.static))
            raise TypeError(f"{operation.name}: a rule has a parameter {name!r}; rules are given any of {known}")
        return self.static[name]

    def release(self) -> None:
        """Drop the saved values: what asks for them later is told that they are gone."""
        if not FREE_THREADED:
            if self.saved or self.result is not None:
                self.saved = self.result = self.where = None
        elif getattr(self, "saved") or getattr(self, "result") is not None:  # noqa: B009  # as in `argument`
            for name in ("saved", "result", "where"):
                setattr(self, name, None)

    def check(self, variable: Variable, version: int, what: str) -> None:
        counter = variable.counter
        if counter is not None and counter[0] != version:
            where = getattr(self, "where") if FREE_THREADED else self.where  # noqa: B009
            saved = f"; it was saved at {where}" if where else ""
            changed = f" and last changed at {counter[1]}" if counter[1] else ""
            hint = "" if where else "; wg.autograd.detect_anomaly() tells the lines"
            raise RuntimeError(
                f"{self.operation.name}: {what}, of shape {_shape_of(variable.value)}, is needed for the derivative "
                f"but was changed in place since ({counter[0] - version} time(s)){saved}{changed}{hint}"
            )

    def run(self, rule: Rule, direction: Any) -> Any:
        """Apply a rule to a cotangent or tangent."""
        values = []
        for name in rule.needs:
            values.append(direction if name == "g" or name == "t" else self.argument(name))
        return rule.function(*values)


# What `connect` is told.
_box: Callable[..., Tensor]
_add: Callable[[Any, Any], Any]
_shape_of: Callable[[Any], Any]
_as_variable: Callable[[Any], Variable]


def connect(box: Any, add: Any, shape_of: Any, as_variable: Any) -> None:
    """Tell the tape what its values are: their class, their sum, how errors speak of them, what makes one of others."""
    global _box, _add, _shape_of, _as_variable
    _box, _add, _shape_of, _as_variable = box, add, shape_of, as_variable


def apply(operation: Operation, inputs: tuple[Any, ...], static: dict[str, Any] = _NO_STATIC) -> Tensor:
    """Compute an operation, and record it if it depends on a variable that requires a gradient."""
    values = []
    tracked = False
    for x in inputs:
        if isinstance(x, Variable):
            variable = x
            values.append(variable.value)
            tracked = tracked or variable.is_tracked()
        else:
            values.append(x)
    out = _box(operation.kernel(*values, **static) if static else operation.kernel(*values))
    if tracked and mode.recording:
        record(operation, inputs, static, out)
    return out


def record(operation: Operation, inputs: tuple[Any, ...], static: dict[str, Any], out: Variable) -> None:
    """Make `out` the result of a new node."""
    node = Node()
    node.operation = operation
    node.static = static
    sources = []
    tracked = 0  # a bit for each argument that something is to be carried to
    bit = 1
    for x in inputs:
        source = None
        if isinstance(x, Variable):
            variable = x
            source = variable.origin()
            if source is not None:
                tracked |= bit
        sources.append(source)
        bit <<= 1
    node.sources = tuple(sources)
    node.saved = saved = tuple([inputs[i] if users & tracked else None for i, users in operation.saves])
    node.versions = None
    for x in saved:
        if isinstance(x, Variable):
            variable = x
            if variable.counter is not None and variable.counter[0]:
                node.versions = tuple([x.counter[0] if isinstance(x, Variable) and x.counter else 0 for x in saved])
                break
    node.result = _box(out.value, out.share_counter()) if operation.result_for & tracked else None
    node.number = next(_number)
    node.hooks = None
    out.node = node
    out.tracked = True
    observer = mode.observer
    node.where = None if observer is None else observer.recorded(node, inputs, out)


def count() -> int:
    """A number between those of the nodes that are there and of those to come."""
    return next(_number)


def ancestors(outputs: Iterable[Any], stops: Iterable[Any] = (), since: int = 0) -> list[Node]:
    """The nodes that the outputs depend on, oldest first, without `stops` and what lies behind them alone, and without
    those that were there at the `count` since."""
    seen = {id(stop) for stop in stops}
    found: list[Node] = []
    stack = [source for source in outputs if isinstance(source, Node)]
    while stack:
        node = stack.pop()
        if id(node) not in seen and node.number > since:
            seen.add(id(node))
            found.append(node)
            for source in node.sources:
                if isinstance(source, Node):
                    stack.append(source)  # a list of them would be made for each node
    if len(found) > 1:
        found.sort(key=_by_number)
    return found


def _by_number(node: Node) -> int:
    return node.number


def pull(
    outputs: list[tuple[Node | Variable, Any]], wanted: list[Any] | None = None, free: bool = False,
    nodes: list[Node] | None = None,
) -> dict[Node | Variable, Any]:  # fmt: skip
    """Reverse mode: carry cotangents from the outputs to what they depend on.

    Parameters
    ----------
    outputs : list of (source, cotangent)
    wanted : list of sources, or None
        Where the cotangents are to arrive; the walk visits only what lies between. None: all leaves.
    free : bool
        Drop the saved values of each node once it is done with.
    nodes : list of Node, or None
        From `ancestors`, when the same list is walked again.

    Returns
    -------
    dict
        The cotangent of every wanted source that the outputs depend on, of every leaf if `wanted` is None.
    """
    if nodes is None:
        nodes = ancestors([source for source, _ in outputs])
    targets = None if wanted is None else {id(source) for source in wanted}
    if targets is not None:
        leading = set(targets)
        for node in nodes:
            for source in node.sources:
                if id(source) in leading:
                    leading.add(id(node))
                    break
    cotangents: dict[Node | Variable, Any] = {}
    for source, g in outputs:
        cotangents[source] = _add(cotangents[source], g) if source in cotangents else g
    arrived: dict[Node | Variable, Any] = {}
    observer = mode.observer
    for node in reversed(nodes):
        g = cotangents.pop(node, None)
        if g is None:
            continue
        if node.hooks:
            g = run_hooks(node.hooks, g)
        if targets is not None and id(node) in targets:
            arrived[node] = g
        vjps = node.operation.vjps
        for i, source in enumerate(node.sources):
            if source is None or (targets is not None and id(source) not in leading):
                continue
            rule = vjps[i]
            if rule is None:
                raise missing_rule(node, i, "reverse")
            share = node.run(rule, g)
            if observer is not None:
                observer.pulled(node, i, share)
            before = cotangents.get(source)
            cotangents[source] = share if before is None else _add(before, share)
        if free:
            node.release()
    if wanted is None:
        return cotangents
    arrived.update(cotangents)
    return {source: arrived[source] for source in wanted if source in arrived}


def push(outputs: list[Any], tangents: dict[Node | Variable, Any], nodes: list[Node] | None = None) -> list[Any]:
    """Forward mode: carry tangents of some sources along the list to the outputs.

    `nodes`, from `ancestors(outputs, tangents)`, may be passed when the same list is walked again. An output that does
    not depend on the sources has tangent None.
    """
    known = dict(tangents)
    observer = mode.observer
    for node in ancestors(outputs, tangents) if nodes is None else nodes:
        total = None
        jvps = node.operation.jvps
        for i, source in enumerate(node.sources):
            t = known.get(source) if source is not None else None
            if t is None:
                continue
            rule = jvps[i]
            if rule is None:
                raise missing_rule(node, i, "forward")
            share = node.run(rule, t)
            if observer is not None:
                observer.pushed(node, i, share)
            total = share if total is None else _add(total, share)
        if total is not None:
            known[node] = total
    return [known.get(source) if source is not None else None for source in outputs]


def missing_rule(node: Node, argument: int, direction: str) -> RuntimeError:
    operation = node.operation
    return RuntimeError(
        f"{operation.name}: it has no {direction} rule for its argument {operation.arguments[argument]}, so nothing "
        f"can be differentiated through that in {direction} mode"
    )


def run_hooks(hooks: dict[int, Any], g: Any) -> Any:
    """Show a cotangent to the hooks of a variable, in order; what one returns replaces it."""
    for hook in list(hooks.values()):
        replaced = hook(g)
        if replaced is not None:
            g = replaced
    return g
