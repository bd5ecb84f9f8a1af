"""The evaluation list: recording operations, and the two walks that differentiate what was recorded.

An operation that is applied to a variable that requires a gradient leaves a `Node`: the operation, the nodes its inputs
came from, and the values its derivative rules name. Nodes are numbered by creation, so sorting by number orders any graph,
and the walks are loops: reverse mode carries cotangents from the newest node to the oldest, forward mode carries
tangents from the oldest to the newest. Rules are written in operations, so a walk that is itself recorded can be walked
again: that is how higher derivatives come about (R. E. Wengert, "A simple automatic derivative evaluation program", 1964).

This file knows no shapes and no arrays. What a value is, and how two cotangents are added, `connect` is told once.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable
from typing import Any

_number = itertools.count(1)
_NO_STATIC: dict[str, Any] = {}


class Mode(threading.local):
    """What this thread does with the operations it applies."""

    recording = True
    trace_lines = False  # detect_anomaly: remember where each value was saved and changed


mode = Mode()


class Variable:
    """A value, and where it came from. `wengert.Tensor` is the one that users see."""

    __slots__ = ("__weakref__", "counter", "grad", "hooks", "node", "requires_grad", "value")

    value: Any
    requires_grad: bool
    grad: Any
    node: Node | None  # what computed it; None for a leaf
    counter: list[Any] | None  # [changes, where the last was made], shared by all views of one buffer; None: no change yet
    hooks: dict[int, Any] | None  # of a leaf; other variables keep theirs on the node

    def __init__(self, value: Any, counter: list[Any] | None = None, node: Node | None = None) -> None:
        self.value = value
        self.requires_grad = node is not None
        self.grad = None
        self.node = node
        self.counter = counter
        self.hooks = None

    def share_counter(self) -> list[Any]:
        """The change counter of this buffer, for a view that is about to share it."""
        if self.counter is None:
            self.counter = [0, None]
        return self.counter

    @property
    def source(self) -> Node | Variable | None:
        """What a cotangent of this variable flows to: its node, itself if it is a leaf, None for a constant."""
        return self.node if self.node is not None else self if self.requires_grad else None


class Operation:
    """A name, a kernel, and per positional argument one reverse and one forward rule.

    Positional arguments are differentiable data, keyword arguments are static. A rule is a function whose parameter
    names say what it needs: g (cotangent) or t (tangent), z (the result), an argument, or a static keyword.
    """

    __slots__ = ("arguments", "jvps", "kernel", "name", "saves", "saves_result", "vjps")

    def __init__(
        self, name: str, kernel: Callable[..., Any], arguments: tuple[str, ...],
        vjps: tuple[Rule | None, ...], jvps: tuple[Rule | None, ...],
    ) -> None:  # fmt: skip
        self.name, self.kernel, self.arguments, self.vjps, self.jvps = name, kernel, arguments, vjps, jvps
        needed = {n for rule in (*vjps, *jvps) if rule is not None for n in rule.needs}
        self.saves = tuple(i for i, argument in enumerate(arguments) if argument in needed)
        self.saves_result = "z" in needed

    def __repr__(self) -> str:
        return f"Operation({self.name!r})"


class Rule:
    """A derivative rule and the names of what it needs, read off its signature."""

    __slots__ = ("function", "needs")

    def __init__(self, function: Callable[..., Any], needs: tuple[str, ...]) -> None:
        self.function, self.needs = function, needs


class Node:
    """One entry of the list."""

    __slots__ = ("__weakref__", "hooks", "number", "operation", "result", "saved", "sources", "static", "versions", "where")

    operation: Operation
    sources: tuple[Node | Variable | None, ...] | None  # per argument; None for constants
    saved: tuple[Any, ...] | None  # the arguments that rules need, in the order of operation.saves; None once freed
    versions: tuple[int, ...] | None  # their change counts when they were saved; None: all zero
    result: Variable | None
    static: dict[str, Any]
    number: int
    hooks: dict[int, Any] | None
    where: str | None

    def argument(self, name: str) -> Any:
        """The saved value that a rule calls `name`, if nobody has changed it since."""
        operation = self.operation
        if self.saved is None:
            raise RuntimeError(
                f"{operation.name}: this part of the graph was walked backward before, and its saved values are gone; "
                "pass retain_graph=True to the first walk to keep them"
            )
        if name == "z":
            result = self.result
            self.check(result, 0, "its result")
            return _box(result.value, result.counter, self) if mode.recording else result
        if name in operation.arguments:
            place = operation.saves.index(operation.arguments.index(name))
            value = self.saved[place]
            if isinstance(value, Variable):
                self.check(value, self.versions[place] if self.versions else 0, f"its argument {name}")
            return value
        return self.static[name]

    def check(self, variable: Variable, version: int, what: str) -> None:
        counter = variable.counter
        if counter is not None and counter[0] != version:
            saved = f"; it was saved at {self.where}" if self.where else ""
            changed = f" and last changed at {counter[1]}" if counter[1] else ""
            hint = "" if self.where else "; wg.autograd.detect_anomaly() tells the lines"
            raise RuntimeError(
                f"{self.operation.name}: {what}, of shape {_shape_of(variable.value)}, is needed for the derivative but "
                f"was changed in place since ({counter[0] - version} time(s)){saved}{changed}{hint}"
            )

    def run(self, rule: Rule, direction: Any) -> Any:
        """Apply a rule to a cotangent or tangent."""
        return rule.function(*[direction if n == "g" or n == "t" else self.argument(n) for n in rule.needs])


# What `connect` is told.
_box: Callable[..., Variable] = Variable
_add: Callable[[Any, Any], Any]
_shape_of: Callable[[Any], Any] = lambda value: "?"  # noqa: E731
_line_of_caller: Callable[[], str | None] = lambda: None  # noqa: E731


def connect(box: Any, add: Any, shape_of: Any, line_of_caller: Any) -> None:
    """Tell the tape what its values are: their class, their sum, and how to speak of them in errors."""
    global _box, _add, _shape_of, _line_of_caller
    _box, _add, _shape_of, _line_of_caller = box, add, shape_of, line_of_caller


def apply(operation: Operation, inputs: tuple[Any, ...], static: dict[str, Any] = _NO_STATIC) -> Any:
    """Compute an operation, and record it if it depends on a variable that requires a gradient."""
    values = [x.value if isinstance(x, Variable) else x for x in inputs]
    out = _box(operation.kernel(*values, **static) if static else operation.kernel(*values))
    for x in inputs:
        if isinstance(x, Variable) and x.requires_grad:
            if mode.recording:
                record(operation, inputs, static, out)
            break
    return out


def record(operation: Operation, inputs: tuple[Any, ...], static: dict[str, Any], out: Variable) -> None:
    """Make `out` the result of a new node."""
    node = Node()
    node.operation = operation
    node.static = static
    node.sources = tuple([x.source if isinstance(x, Variable) else None for x in inputs])
    node.saved = saved = tuple([inputs[i] for i in operation.saves])
    node.versions = None
    for x in saved:
        if isinstance(x, Variable) and x.counter is not None and x.counter[0]:
            node.versions = tuple([x.counter[0] if isinstance(x, Variable) and x.counter else 0 for x in saved])
            break
    node.result = _box(out.value, out.share_counter()) if operation.saves_result else None
    node.number = next(_number)
    node.hooks = None
    node.where = _line_of_caller() if mode.trace_lines else None
    out.node = node
    out.requires_grad = True


def ancestors(outputs: Iterable[Any], stops: Iterable[Any] = ()) -> list[Node]:
    """The nodes that the outputs depend on, oldest first; the walk does not go behind `stops`."""
    seen = {id(stop) for stop in stops}
    found: list[Node] = []
    stack = [source for source in outputs if isinstance(source, Node)]
    while stack:
        node = stack.pop()
        if id(node) not in seen:
            seen.add(id(node))
            found.append(node)
            stack.extend([source for source in node.sources if isinstance(source, Node)])
    found.sort(key=_by_number)
    return found


def _by_number(node: Node) -> int:
    return node.number


def pull(
    outputs: list[tuple[Node | Variable, Any]], wanted: list[Any] | None = None, free: bool = False
) -> dict[Node | Variable, Any]:
    """Reverse mode: carry cotangents from the outputs to what they depend on.

    Parameters
    ----------
    outputs : list of (source, cotangent)
    wanted : list of sources, or None
        Where the cotangents are to arrive; the walk visits only what lies between. None: all leaves.
    free : bool
        Drop the saved values of each node once it is done with.

    Returns
    -------
    dict
        The cotangent of every wanted source that the outputs depend on, of every leaf if `wanted` is None.
    """
    nodes = ancestors([source for source, _ in outputs], wanted or ())
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
    for node in reversed(nodes):
        g = cotangents.pop(node, None)
        if g is None or (targets is not None and id(node) not in leading):
            continue
        if node.hooks:
            g = run_hooks(node.hooks, g)
        vjps = node.operation.vjps
        for i, source in enumerate(node.sources):
            if source is None or (targets is not None and id(source) not in leading):
                continue
            rule = vjps[i]
            if rule is None:
                raise RuntimeError(f"{node.operation.name}: not differentiable in argument {i}")
            share = node.run(rule, g)
            cotangents[source] = _add(cotangents[source], share) if source in cotangents else share
        if free and (node.saved or node.result is not None):
            node.saved = node.result = None
    if targets is None:
        return cotangents
    return {source: cotangents[source] for source in wanted if source in cotangents}


def push(outputs: list[Any], tangents: dict[Node | Variable, Any], nodes: list[Node] | None = None) -> list[Any]:
    """Forward mode: carry tangents of some sources along the list to the outputs.

    `nodes`, from `ancestors(outputs, tangents)`, may be passed when the same list is walked again. An output that does not
    depend on the sources has tangent None.
    """
    known = dict(tangents)
    for node in ancestors(outputs, tangents) if nodes is None else nodes:
        total = None
        jvps = node.operation.jvps
        for i, source in enumerate(node.sources):
            t = known.get(source) if source is not None else None
            if t is None:
                continue
            rule = jvps[i]
            if rule is None:
                raise RuntimeError(f"{node.operation.name}: not differentiable in argument {i}")
            share = node.run(rule, t)
            total = share if total is None else _add(total, share)
        if total is not None:
            known[node] = total
    return [known.get(source) if source is not None else None for source in outputs]


def run_hooks(hooks: dict[int, Any], g: Any) -> Any:
    """Show a cotangent to the hooks of a variable, in order; what one returns replaces it."""
    for hook in list(hooks.values()):
        replaced = hook(g)
        if replaced is not None:
            g = replaced
    return g
