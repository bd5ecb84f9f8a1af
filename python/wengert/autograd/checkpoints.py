"""Checkpoints: parts of a computation that a walk computes again, so that nothing is kept for it in between."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import tape, tuples
from ..core.doors import constant
from ..core.following import following, is_followed
from ..core.levels import levels
from ..core.modes import Observer, mode, recording
from ..core.tape import Node, Operation, Rule
from ..core.trees import flatten
from ..core.variable import Variable
from ..core.views import track
from ..ops.random import default_generator


def checkpoint(
    function: Callable[..., Any], *args: Any, preserve_rng_state: bool = True, use_reentrant: bool | None = None,
    **keywords: Any,
) -> Any:  # fmt: skip
    """function(*args, **keywords), of which the graph keeps the arguments alone: a walk runs the function again.

    Memory falls from that of all steps of a chain to that of one step and the steps' inputs, for one more run of each
    step (Griewank, "Achieving logarithmic growth of temporal and spatial complexity in reverse automatic
    differentiation", 1992). Gradients are identical, of any order and in both directions; of a parameter that several
    checkpoints share, up to the rounding of the sum over them.

    Parameters
    ----------
    function : callable
        Deterministic but for the library's own random generator. It may use parameters and other tensors from outside.
    *args, **keywords
        Its arguments: tensors, nested lists, tuples and dicts of them, and anything else.
    preserve_rng_state : bool
        Let the second run draw the same random numbers as the first, and leave the generator as it was.
    use_reentrant : bool or None
        Taken as PyTorch's argument, without effect: there is one way.

    Returns
    -------
    What the function returns.

    Raises
    ------
    RuntimeError
        In the walk: if the second run gives other shapes, or if an argument or parameter was changed in place in
        between.

    Examples
    --------
    >>> x = wg.tensor([1., 2.], requires_grad=True)
    >>> y = wg.autograd.checkpoint(lambda x: (x.exp() * x).sin().sum(), x)
    >>> y.backward()
    >>> x.grad
    tensor([ -4.9567, -13.2549])
    """
    if not mode.recording:
        return function(*args, **keywords)
    segment = _Segment(function, args, keywords, preserve_rng_state)
    leaves, rebuild, externals = segment.first()
    places = [k for k, y in enumerate(leaves) if isinstance(y, Variable) and y.requires_grad]
    if not places:
        return rebuild(leaves)
    segment.outputs = places
    segment.kinds = tuple((leaves[k]._value.shape, leaves[k]._value.dtype) for k in places)
    inputs = (*segment.arguments(), *externals)
    outputs = tuples.results(
        segment.operation(len(inputs)), inputs, {}, [leaves[k] for k in places], summed=len(externals)
    )
    segment.forget()
    segment.own_levels = outputs[0]._node.levels
    for k, out in zip(places, outputs, strict=True):
        leaves[k] = out
    return rebuild(leaves)


class _Externals(Observer):
    """Collects what a run depends on besides its arguments: parameters, and tensors that were computed before."""

    def __init__(self, arguments: list[Any], also: Observer | None) -> None:
        self._arguments = {id(x._source) for x in arguments}
        self._first = tape.count()
        self._also = also
        self.variables: dict[int, Any] = {}

    def recorded(self, node: Node, inputs: tuple[Any, ...], out: Variable) -> Any:
        for x in inputs:
            source = x._source if isinstance(x, Variable) else None
            if source is None or id(source) in self._arguments:
                continue
            if not (isinstance(source, Node) and source.number > self._first):
                self.variables.setdefault(id(source), x)
        return None if self._also is None else self._also.recorded(node, inputs, out)


class _Segment:
    """A function, and how to run it again as it ran the first time."""

    outputs: list[int]  # which leaves of the result are differentiable
    kinds: tuples.Kinds  # their shapes and dtypes
    own_levels: tuple[Any, ...]  # of batches that they belong to

    def __init__(self, function: Callable[..., Any], args: Any, keywords: dict[str, Any], preserve: bool) -> None:
        self._function, self._keywords = function, keywords
        self._leaves, self._rebuild = flatten(args)
        self._places = [k for k, x in enumerate(self._leaves) if isinstance(x, Variable) and x.requires_grad]
        self._levels = mode.levels
        for level in itertools.takewhile(lambda level: preserve and level.randomness == "same", self._levels):
            level.begin(default_generator.numpy)  # as the first draw would: the state is that which it draws from
        self._state = default_generator.get_state() if preserve else None

    def arguments(self) -> list[Any]:
        """The tensors among the arguments that require a gradient."""
        return [self._leaves[k] for k in self._places]

    def forget(self) -> None:
        """Let go of the arguments: the node keeps them, as long as it needs them."""
        for k in self._places:
            self._leaves[k] = None

    def operation(self, count: int) -> Operation:
        """The operation that stands for the function, of `count` arguments and parameters."""
        names = tuple(f"x{i}" for i in range(count))

        def forward(i: int) -> Rule:
            return Rule(lambda t, *xs: self._push(t, i, xs), ("t", *names))

        reverse = Rule(lambda g, *xs: self._pull(g, xs), ("g", *names))
        jvps = tuple(map(forward, range(count)))
        return Operation("checkpoint", self._function, names, (None,) * count, jvps, reverse)

    def _run(self, inputs: list[Any]) -> tuple[list[Any], Callable[[list[Any]], Any]]:
        leaves = list(self._leaves)
        for k, x in zip(self._places, inputs, strict=True):
            leaves[k] = x
        return flatten(self._function(*self._rebuild(leaves), **self._keywords))

    def first(self) -> tuple[list[Any], Callable[[list[Any]], Any], list[Any]]:
        """The result's leaves and structure, and the tensors from outside that it depends on."""
        tracked = [track(x, False) for x in self.arguments()]
        before = mode.observer
        mode.observer = externals = _Externals(tracked, before)
        followed = [y._node for x, y in zip(self.arguments(), tracked, strict=True) if is_followed(x)]
        try:
            with following(followed):
                leaves, rebuild = self._run(tracked)
        finally:
            mode.observer = before
        return leaves, rebuild, list(externals.variables.values())

    def _again(self, xs: tuple[Any, ...]) -> tuple[list[Any], list[Any]]:
        """Where walks end, and the differentiable outputs, of another recorded run."""
        connected = mode.recording
        count = len(self._places)
        tracked = [track(x, connected, levels=self.own_levels) for x in xs[:count]]
        now = default_generator.get_state()
        if self._state is not None:
            default_generator.set_state(self._state)
        try:
            with recording(True):
                leaves, _ = self._run(tracked)
        finally:
            if self._state is not None:
                default_generator.set_state(now)
        outputs = [leaves[k] for k in self.outputs]
        kinds = tuple((y._value.shape, y._value.dtype) for y in outputs)
        if kinds != self.kinds:
            raise RuntimeError(
                f"checkpoint: run again, the function gave {_told(kinds)}, the first time {_told(self.kinds)}; it must "
                "depend on its arguments alone"
            )
        return [x._source for x in (*tracked, *xs[count:])], outputs

    def _pull(self, g: Any, xs: tuple[Any, ...]) -> list[Any]:
        with levels(self._levels):
            return self._pulled(g, xs)

    def _pulled(self, g: Any, xs: tuple[Any, ...]) -> list[Any]:
        ends, outputs = self._again(xs)
        gs = [g] if len(outputs) == 1 else [tuples.item(g, k) for k in range(len(outputs))]
        pairs = zip(outputs, gs, strict=True)
        starts = [(tape.shared(y, self.own_levels)._source, part) for y, part in pairs if y._source is not None]
        nodes = tape.ancestors([source for source, _ in starts], ends)
        found = tape.pull(starts, ends, free=not mode.recording, nodes=nodes)
        return [found[end] if end in found else _zeros_of(x) for end, x in zip(ends, xs, strict=True)]

    def _push(self, t: Any, argument: int, xs: tuple[Any, ...]) -> Any:
        with levels(self._levels):
            return self._pushed(t, argument, xs)

    def _pushed(self, t: Any, argument: int, xs: tuple[Any, ...]) -> Any:
        ends, outputs = self._again(xs)
        sources = [y._source for y in outputs]
        found = tape.push(sources, {ends[argument]: t}, tape.ancestors(sources, ends))
        parts = [_zeros_of(y) if part is None else part for y, part in zip(outputs, found, strict=True)]
        return parts[0] if len(parts) == 1 else tuples.pack(parts)


def _zeros_of(x: Any) -> Any:
    return constant(np.zeros, x._value.shape, x._value.dtype)


def _told(kinds: tuples.Kinds) -> str:
    return ", ".join(f"shape {shape} of {dtype}" for shape, dtype in kinds)
