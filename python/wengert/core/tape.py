"""The evaluation list: recording operations, and the two walks that differentiate what was recorded.

An operation that is applied to a variable that requires a gradient leaves a `Node`: the operation, the nodes its inputs
came from, and the values its derivative rules name. Nodes are numbered by creation, so sorting by number orders any
graph, and the walks are loops: reverse mode carries cotangents from the newest node to the oldest, forward mode carries
tangents from the oldest to the newest. Rules are written in operations, so a walk that is itself recorded can be walked
again: that is how higher derivatives come about (R. E. Wengert, "A simple automatic derivative evaluation program",
1964).

This file knows no shapes and no arrays: variables, which can be added, and whose values are whatever kernels take and
give. Compiled: tape.pxd holds the types of attributes and locals.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakSet

import numpy as np

from .._types import Tensor
from .batching import levels_of, merged
from .doors import enter, special
from .hooks import run_hooks
from .modes import ever, mode, recording
from .variable import FREE_THREADED, Variable, wrap

_number = itertools.count(1)
_ndarray = np.ndarray
_NO_STATIC: dict[str, Any] = {}
OPERATIONS: WeakSet[Any] = WeakSet()  # every operation that there is


class Operation:
    """A name, a kernel, and per positional argument one reverse and one forward rule.

    Positional arguments are differentiable data, keyword arguments are static. A rule is a function whose parameter
    names say what it needs: g (cotangent) or t (tangent), z (the result), an argument, `kept` (the residuals), or a
    static keyword.

    Parameters
    ----------
    name : str
    kernel : callable
        Of values and static keywords; gives a value.
    arguments : tuple of str
        Their names; none for an operation without derivatives, whose results are constants.
    vjps, jvps : tuples of Rule or None
        One for each argument. None: a walk that needs it raises.
    joint : Rule or None
        One reverse rule for all arguments, in place of `vjps`: it gives a sequence, an item for each.
    pushed : Rule or None
        One forward rule for all arguments, in place of `jvps`: its t is a list, a tangent or None for each. An
        operation with both takes any number of arguments, under one name that no rule uses.
    keeps : bool
        The kernel also takes `keep`, whether the result is recorded, and gives its value and residuals: whatever its
        rules will want, a value or None.
    batched : callable or None
        How the kernel runs over a batch, a rule of batching.py; None: example by example.
    crosses : int
        1: it leads into the level that is its keyword `level`, -1: out of it.
    """

    __slots__ = (
        "__weakref__", "arguments", "batched", "crosses", "joint", "jvps", "keeps", "kernel", "name", "places",
        "pushed", "result_for", "saves", "vjps",
    )  # fmt: skip

    def __init__(
        self, name: str, kernel: Callable[..., Any], arguments: tuple[str, ...], vjps: tuple[Rule | None, ...],
        jvps: tuple[Rule | None, ...], joint: Rule | None = None, keeps: bool = False,
        pushed: Rule | None = None, batched: Callable[..., Any] | None = None, crosses: int = 0,
    ) -> None:  # fmt: skip
        self.name, self.kernel, self.arguments, self.vjps, self.jvps = name, kernel, arguments, vjps, jvps
        self.joint, self.keeps, self.pushed = joint, keeps, pushed
        self.batched, self.crosses = batched, crosses
        users = {name: self._users(name) for name in (*arguments, "z")}
        self.saves = tuple((i, users[name]) for i, name in enumerate(arguments) if users[name])
        self.result_for = users["z"]
        self.places = {arguments[i]: place for place, (i, _) in enumerate(self.saves)}  # of a node's saved arguments
        OPERATIONS.add(self)

    def _users(self, name: str) -> int:
        """The arguments whose rules need `name`, a bit for each."""
        if self.joint is not None and name in self.joint.needs:
            return (1 << len(self.arguments)) - 1
        rules = zip(self.vjps, self.jvps, strict=True)
        return sum(1 << i for i, pair in enumerate(rules) if any(r is not None and name in r.needs for r in pair))

    def __call__(self, *inputs: Any, **static: Any) -> Tensor:
        return apply(self, tuple([enter(x) for x in inputs]), static)

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
        "__weakref__", "_hooks", "kept", "levels", "number", "operation", "result", "saved", "sources", "static",
        "versions", "where",
    )  # fmt: skip

    operation: Operation
    sources: tuple[Node | Variable | None, ...]  # per argument; None for constants
    saved: tuple[Any, ...] | None  # the arguments as in operation.saves, None where no rule will ask; None once freed
    versions: tuple[int, ...] | None  # their change counts when they were saved; None: all zero
    result: Any  # a variable, or None where no rule will ask
    kept: Any  # the residuals, a variable; None where there are none, or once freed
    static: dict[str, Any]
    number: int
    levels: tuple[Any, ...]  # those that its cotangent may have: of batches that its result depends on
    _hooks: dict[int, Any] | None
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
            return wrap(result._value, result._counter, self) if mode.recording else result
        if name == "kept":
            return getattr(self, "kept") if FREE_THREADED else self.kept  # noqa: B009
        place = operation.places.get(name)
        if place is not None:
            value = saved[place]
            if isinstance(value, Variable):
                self.check(value, self.versions[place] if self.versions else 0, f"its argument {name}")
            return value
        if name not in self.static:
            known = ", ".join(("g", "t", "z", "kept", *operation.arguments, *self.static))
            raise TypeError(f"{operation.name}: a rule has a parameter {name!r}; rules are given any of {known}")
        return self.static[name]

    def release(self) -> None:
        """Drop the saved values: what asks for them later is told that they are gone."""
        if not FREE_THREADED:
            if self.saved or self.result is not None or self.kept is not None:
                self.saved = self.result = self.kept = self.where = None
        elif getattr(self, "saved") or getattr(self, "result") is not None or getattr(self, "kept") is not None:  # noqa: B009
            for name in ("saved", "result", "kept", "where"):  # as in `argument`
                setattr(self, name, None)

    def check(self, variable: Variable, version: int, what: str) -> None:
        counter = variable._counter
        if counter is not None and counter[0] != version:
            where = getattr(self, "where") if FREE_THREADED else self.where  # noqa: B009
            saved = f"; it was saved at {where}" if where else ""
            changed = f" and last changed at {counter[1]}" if counter[1] else ""
            hint = "" if where else "; wg.autograd.detect_anomaly() tells the lines"
            shape = getattr(variable._value, "shape", "?")
            raise RuntimeError(
                f"{self.operation.name}: {what}, of shape {shape}, is needed for the derivative but was changed "
                f"in place since ({counter[0] - version} time(s)){saved}{changed}{hint}"
            )

    def run(self, rule: Rule, direction: Any) -> Any:
        """Apply a rule to a cotangent or tangent."""
        needs = rule.needs
        if len(needs) == 1:  # nearly all rules need one thing or two
            return rule.function(self.given(needs[0], direction))
        if len(needs) == 2:
            return rule.function(self.given(needs[0], direction), self.given(needs[1], direction))
        return rule.function(*[self.given(name, direction) for name in needs])

    def given(self, name: str, direction: Any) -> Any:
        """What a rule calls `name`."""
        return direction if name == "g" or name == "t" else self.argument(name)


def apply(operation: Operation, inputs: tuple[Any, ...], static: dict[str, Any] = _NO_STATIC) -> Tensor:
    """Compute an operation, and record it if it depends on a variable that requires a gradient."""
    tracked = False
    plain = not ever.recordings and not operation.keeps and len(static) == 0
    if plain and 0 < len(inputs) < 3:  # most calls: a kernel of one array or of two, without a list of them
        x = first = inputs[0]
        if isinstance(x, Variable):
            variable = x
            first = variable._value
            plain = type(first) is _ndarray
            tracked = variable.is_tracked()
        if len(inputs) == 1:
            if plain:
                return _made(operation, inputs, operation.kernel(first), tracked)
            return _run(operation, inputs, static)
        x = second = inputs[1]
        if isinstance(x, Variable):
            variable = x
            second = variable._value
            plain = plain and type(second) is _ndarray
            tracked = tracked or variable.is_tracked()
        if plain:
            return _made(operation, inputs, operation.kernel(first, second), tracked)
    return _run(operation, inputs, static)


def _made(operation: Operation, inputs: tuple[Any, ...], result: Any, tracked: bool) -> Tensor:
    """What a kernel gave as a variable, recorded if an input requires a gradient."""
    out = wrap(result)
    if tracked and mode.recording and len(operation.arguments) > 0:
        record(operation, inputs, _NO_STATIC, out)
    return out


def _run(operation: Operation, inputs: tuple[Any, ...], static: dict[str, Any]) -> Tensor:
    """`apply` of any number of inputs, values of any kind, with keywords, in a program."""
    values = []
    tracked = False
    plain = True  # all values are arrays
    for x in inputs:
        if isinstance(x, Variable):
            variable = x
            value = variable._value
            values.append(value)
            plain = plain and type(value) is _ndarray
            tracked = tracked or variable.is_tracked()
        else:
            values.append(x)
    tracked = tracked and mode.recording and len(operation.arguments) > 0
    kept: Any = None
    recorder = mode.recorder if ever.recordings else None
    if recorder is not None:
        result = recorder.apply(operation, inputs, values, {**static, "keep": tracked} if operation.keeps else static)
        if operation.keeps:
            result, kept = result
    elif operation.keeps and plain:
        result, kept = operation.kernel(*values, **static, keep=tracked)
    elif plain:
        result = operation.kernel(*values, **static) if static else operation.kernel(*values)
    else:
        result = _computed(operation, values, {**static, "keep": tracked} if operation.keeps else static)
        if operation.keeps:
            result, kept = result
    out = wrap(result)
    if recorder is not None:
        recorder.made(out)
    if tracked:
        record(operation, inputs, static, out, kept)
    return out


def _computed(operation: Operation, values: list[Any], static: dict[str, Any]) -> Any:
    """What the kernel of an operation gives whose inputs are not all arrays."""
    value = special(values)
    return operation.kernel(*values, **static) if value is None else value.run(operation, values, static)


def record(
    operation: Operation, inputs: tuple[Any, ...], static: dict[str, Any], out: Variable, kept: Any = None,
    constants: int = 0, levels: tuple[Any, ...] = (), summed: int = 0,
) -> None:  # fmt: skip
    """Make `out` the result of a new node.

    Parameters
    ----------
    operation : Operation
    inputs : tuple
        Its arguments.
    static : dict
    out : variable
    kept : value or None
        The residuals.
    constants : int
        How many of the last arguments rules use, but nothing flows to.
    levels : tuple of levels
        Batches that the node belongs to, beside those that its sources and its value belong to.
    summed : int
        How many of the last arguments the rules give cotangents that are summed already over the batches that these
        arguments do not belong to.
    """
    node = Node()
    node.operation = operation
    node.static = static
    sources: list[Any] = []
    tracked = 0  # a bit for each argument that something is to be carried to
    bit = 1
    flowing = len(inputs) - constants
    inside = operation.crosses != 0  # of a batch, or at its border
    for x in inputs:
        source = None
        if len(sources) < flowing and isinstance(x, Variable):
            variable = x
            source = variable.origin()
            if source is not None:
                tracked |= bit
                if type(variable._value) is not _ndarray:
                    inside = True
                elif type(source) is Node:
                    before = source
                    inside = inside or len(before.levels) > 0
        sources.append(source)
        bit <<= 1
    node.levels = ()
    if inside or len(levels) > 0 or type(out._value) is not _ndarray:
        _place(node, inputs[: len(inputs) - summed], sources, out, levels)
    node.sources = tuple(sources)
    node.saved = saved = tuple([inputs[i] if users & tracked else None for i, users in operation.saves])
    node.versions = None
    for x in saved:
        if isinstance(x, Variable):
            variable = x
            if variable._counter is not None and variable._counter[0]:
                node.versions = tuple([x._counter[0] if isinstance(x, Variable) and x._counter else 0 for x in saved])
                break
    node.kept = None if kept is None else wrap(kept)
    node.result = wrap(out._value, out._share_counter()) if operation.result_for & tracked else None
    node.number = next(_number)
    node._hooks = None
    out._node = node
    out._tracked = True
    observer = mode.observer if ever.observers else None
    node.where = None if observer is None else observer.recorded(node, inputs, out)


def _place(node: Node, inputs: tuple[Any, ...], sources: list[Any], out: Variable, levels: tuple[Any, ...]) -> None:
    """Say which batches a node belongs to, and lead what is one for all examples into them.

    A cotangent inside a batch differs by example. Where an edge comes from outside, what flows back along it is the sum
    over the batch: such an edge gets a node, a level's `share`, which is the identity, and whose transpose sums.
    """
    levels = merged(levels, levels_of(out._value))
    for source in sources:
        levels = merged(levels, levels_of_source(source))
    inside = outside = levels
    crosses = node.operation.crosses
    if crosses:
        level = node.static["level"]
        inside = outside = tuple([other for other in levels if other is not level])
        if crosses > 0:
            outside = merged(outside, (level,))
        else:
            inside = merged(inside, (level,))
    for i, x in enumerate(inputs):
        if sources[i] is not None:
            sources[i] = shared(x, inside)._source
    node.levels = outside


def shared(x: Any, levels: tuple[Any, ...]) -> Any:
    """x, which requires a gradient, as a value inside some levels: what is carried back to it is summed over those that
    it does not have."""
    own = levels_of_source(x._source)
    for level in levels:
        if level not in own:
            with recording(True):  # what leads to a node is there, whether or not anything is recorded now
                x = level.share(x)
    return x


def levels_of_source(source: Any) -> tuple[Any, ...]:
    """The levels of a node, or of a leaf; those that its cotangent may have."""
    if isinstance(source, Node):
        return source.levels
    return () if source is None else levels_of(source._value)


def _require_open(source: Any) -> None:
    """Raise if a walk is to start inside a batch that is there no more."""
    for level in levels_of_source(source):
        if level not in mode.levels:
            where = "runs in another thread; take it there" if level.open else "has ended; return it from the function"
            raise RuntimeError(f"vmap: a derivative of a tensor of a vmap that {where}")


def count() -> int:
    """A number between those of the nodes that are there and of those to come."""
    return next(_number)


def ancestors(outputs: Iterable[Any], stops: Iterable[Any] = (), since: int = 0) -> list[Node]:
    """The nodes that the outputs depend on, oldest first, without `stops` and what lies behind them alone, and without
    those that were there at the `count` since."""
    ends = {id(stop) for stop in stops}
    seen = set()
    found: list[Node] = []
    stack = [source for source in outputs if isinstance(source, Node)]
    while stack:
        node = stack.pop()
        if node not in seen and node.number > since and not (ends and id(node) in ends):
            seen.add(node)
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
        if type(source) is Node:
            node = source
            if len(node.levels) > 0:
                _require_open(node)
        else:
            _require_open(source)
        cotangents[source] = cotangents[source] + g if source in cotangents else g
    arrived: dict[Node | Variable, Any] = {}
    observer = mode.observer if ever.observers else None
    for node in reversed(nodes):
        g = cotangents.pop(node, None)
        if g is None:
            continue
        if node._hooks:
            g = run_hooks(node._hooks, g)
        if targets is not None and id(node) in targets:
            arrived[node] = g
        joint = node.operation.joint
        shares: Any = None if joint is None else node.run(joint, g)
        vjps = node.operation.vjps
        for i, source in enumerate(node.sources):
            if source is None or (targets is not None and id(source) not in leading):
                continue
            if joint is not None:
                share = shares[i]
            else:
                rule = vjps[i]
                if rule is None:
                    raise missing_rule(node, i, "reverse")
                share = node.run(rule, g)
            if observer is not None:
                observer.pulled(node, i, share)
            before = cotangents.get(source)
            cotangents[source] = share if before is None else before + share
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
    observer = mode.observer if ever.observers else None
    for source in outputs:
        if isinstance(source, Node) and source.levels:
            _require_open(source)
    for node in ancestors(outputs, tangents) if nodes is None else nodes:
        total = None
        joint = node.operation.pushed
        if joint is not None:
            shares = []
            for source in node.sources:
                t = known.get(source) if source is not None else None
                shares.append(t)
                total = total if t is None else t
            if total is not None:  # there is a tangent among them
                known[node] = total = node.run(joint, shares)
                if observer is not None:
                    observer.pushed(node, 0, total)
            continue
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
            total = share if total is None else total + share
        if total is not None:
            known[node] = total
    return [known.get(source) if source is not None else None for source in outputs]


def missing_rule(node: Node, argument: int, direction: str) -> RuntimeError:
    operation = node.operation
    return RuntimeError(
        f"{operation.name}: it has no {direction} rule for its argument {operation.arguments[argument]}, so nothing "
        f"can be differentiated through that in {direction} mode"
    )
