"""One run of a function with some of its arguments tracked: what every derivative of a function starts from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..core import tape
from ..core.backward import require_shape
from ..core.broadcast import as_floating, cast
from ..core.doors import constant, enter, leave
from ..core.following import following
from ..core.modes import mode, recording
from ..core.tape import Node
from ..core.trees import flatten
from ..core.variable import Variable, detached
from ..core.views import track


class Run:
    """The list that a function leaves when it is run with its differentiated arguments tracked.

    Parameters
    ----------
    name : str
        Whose errors these are.
    function : callable
    args : sequence
        Its arguments: tensors, arrays, numbers, or nested lists, tuples and dicts of them.
    argnums : int, sequence of int or None
        Which of them are differentiated by; None: all.
    has_aux : bool
        Whether the function returns a pair, of which only the first is differentiated.
    keywords : dict or None
        Its keyword arguments, which are handed on as they are.

    Attributes
    ----------
    inputs, outputs : lists of variables
        The leaves of the differentiated arguments, tracked, and of the result.
    connected : bool
        Whether a derivative can itself be differentiated by something outside; walks are recorded exactly then.
    """

    def __init__(
        self, name: str, function: Callable[..., Any], args: Sequence[Any], argnums: Any = None,
        has_aux: bool = False, keywords: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self._places = _places(name, argnums, len(args))
        self._single = isinstance(argnums, int)
        self.inputs: list[Any] = []
        originals: list[Any] = []
        self._rebuilds: list[tuple[int, Callable[[list[Any]], Any]]] = []
        arguments = list(args)
        outside = mode.recording
        self.first = tape.count()
        with recording(True):
            for k in self._places:
                leaves, rebuild = flatten(arguments[k])
                xs = [self._floating(leaf, k) for leaf in leaves]
                tracked = [track(x, outside) for x in xs]
                originals += xs
                self.inputs += tracked
                arguments[k] = rebuild(tracked)
                self._rebuilds.append((len(leaves), rebuild))
            with following([x._source for x in self.inputs]):
                result = function(*arguments, **(keywords or {}))
        self.aux = None
        if has_aux:
            if not isinstance(result, tuple) or len(result) != 2:
                raise TypeError(f"{name}: with has_aux the function returns a pair (output, aux), got {_kind(result)}")
            result, self.aux = result
        leaves, self.rebuild_output = flatten(result)
        self.outputs = [enter(leaf) for leaf in leaves]
        self.sources = [x._source for x in self.inputs]
        self.nodes = tape.ancestors([y._source for y in self.outputs], self.sources, self.first)
        given = outside and any(x.requires_grad for x in originals)
        self.connected = given or (outside and self._has_outer_sources(self.nodes))
        if not given and self.aux is not None:
            self.aux = self._released_aux(outside)

    def _floating(self, leaf: Any, place: int) -> Variable:
        x = enter(leaf)
        if x._value.dtype.kind != "f":
            raise TypeError(
                f"{self.name}: argument {place} has dtype {x._value.dtype}, which has no derivatives; "
                "pass floating numbers, or leave it out of argnums"
            )
        return x

    def _has_outer_sources(self, nodes: list[Node]) -> bool:
        return any(
            source is not None and not (isinstance(source, Node) and source.number > self.first)
            for node in nodes
            for source in node.sources
        )

    def _released_aux(self, outside: bool) -> Any:
        """What the function returned beside its output, without the graph that only we need."""
        leaves, rebuild = flatten(self.aux)
        ours = [
            isinstance(leaf, Variable) and isinstance(leaf._source, Node) and leaf._source.number > self.first
            for leaf in leaves
        ]
        for k, leaf in enumerate(leaves):
            if ours[k] and outside:
                ours[k] = not self._has_outer_sources(tape.ancestors([leaf._source], self.sources, self.first))
            if ours[k]:
                leaves[k] = detached(leaf)
        return rebuild(leaves) if any(ours) else self.aux

    def check_floating(self) -> None:
        """Raise if an output has no derivatives."""
        for y in self.outputs:
            if y._value.dtype.kind != "f":
                raise TypeError(f"{self.name}: the function returned dtype {y._value.dtype}, which has no derivatives")

    def is_scalar(self) -> bool:
        """Whether the function returned one 0-d tensor."""
        return len(self.outputs) == 1 and not self.outputs[0]._value.ndim

    def require_scalar(self) -> None:
        """Raise unless the function returned one 0-d floating tensor."""
        if not self.is_scalar():
            shapes = ", ".join(str(y._value.shape) for y in self.outputs)
            raise ValueError(
                f"{self.name}: the function must return one 0-d tensor, got shape(s) {shapes}; use jacobian or vjp for "
                "others"
            )
        self.check_floating()

    def output(self) -> Any:
        """What the function returned, without the tracking that only we need."""
        return self.rebuild_output([self.release(y) for y in self.outputs])

    def release(self, y: Variable) -> Variable:
        """y, without the tracking that only we need."""
        return y if self.connected else detached(y)

    def walking(self, directions: list[Any]) -> recording:
        """Record a walk if what comes out of it can be differentiated by something outside."""
        return recording(mode.recording and (self.connected or any(d.requires_grad for d in directions)))

    def pull(self, cotangents: list[Any]) -> list[Any]:
        """Reverse mode: one cotangent per input, zeros where the outputs do not depend on it."""
        starts = [(y._source, g) for y, g in zip(self.outputs, cotangents, strict=True) if y._source is not None]
        with self.walking(cotangents):
            found = tape.pull(starts, self.sources, nodes=self.nodes)
        for x, source in zip(self.inputs, self.sources, strict=True):
            if source in found:
                require_shape(self.name, "gradient", found[source], x)
        return [
            found[source] if source in found else zeros_like(x)
            for x, source in zip(self.inputs, self.sources, strict=True)
        ]

    def push(self, tangents: list[Any]) -> list[Any]:
        """Forward mode: one tangent per output, zeros where it does not depend on the inputs."""
        seeds = dict(zip(self.sources, tangents, strict=True))
        with self.walking(tangents):
            found = tape.push([y._source for y in self.outputs], seeds, self.nodes)
        for y, t in zip(self.outputs, found, strict=True):
            if t is not None:
                require_shape(self.name, "tangent", t, y)
        return [zeros_like(y) if t is None else t for y, t in zip(self.outputs, found, strict=True)]

    def like_inputs(self, leaves: list[Any]) -> Any:
        """One leaf per input, in the structure of the differentiated arguments."""
        parts = []
        start = 0
        for count, rebuild in self._rebuilds:
            parts.append(rebuild(leaves[start : start + count]))
            start += count
        return parts[0] if self._single else tuple(parts)

    def units(self) -> Iterator[tuple[int, list[Any]]]:
        """Per item of the inputs, in order: which input it is in, and the direction that changes it alone."""
        zeros = [zeros_like(x) for x in self.inputs]
        for i, x in enumerate(self.inputs):
            for unit in units(x):
                yield i, [*zeros[:i], unit, *zeros[i + 1 :]]


def _places(name: str, argnums: Any, count: int) -> tuple[int, ...]:
    """Which of `count` arguments are meant."""
    places = range(count) if argnums is None else (argnums,) if isinstance(argnums, int) else tuple(argnums)
    if any(not -count <= k < count for k in places):
        raise ValueError(f"{name}: argnums {argnums} do not fit {count} argument(s)")
    found = tuple(k % count for k in places)
    if len(set(found)) < len(found):
        raise ValueError(f"{name}: argnums {argnums} name an argument twice")
    return found


def _kind(x: Any) -> str:
    return f"{type(x).__name__} of {len(x)}" if isinstance(x, (tuple, list)) else type(x).__name__


def zeros_like(x: Variable) -> Any:
    """Zeros of x's shape and dtype."""
    return constant(np.zeros, x._value.shape, x._value.dtype)


def ones_like(x: Variable) -> Any:
    """Ones of x's shape and dtype."""
    return constant(np.ones, x._value.shape, x._value.dtype)


def units(x: Variable) -> Iterator[Any]:
    """The unit vectors of x's space, in x's shape."""
    for k in range(x._value.size):
        yield constant(_unit, x._value.shape, x._value.dtype, k)


def _unit(shape: tuple[int, ...], dtype: np.dtype, k: int) -> np.ndarray:
    unit = np.zeros(shape, dtype)
    unit.reshape(-1)[k] = 1
    return unit


def in_float64(name: str, leaf: Any) -> np.ndarray:
    """The value of a floating argument in float64; a Python float to its last digit."""
    x = enter(leaf)
    if x._value.dtype.kind != "f":
        raise TypeError(
            f"{name}: an argument has dtype {x._value.dtype}, which has no derivatives; pass floating numbers"
        )
    return np.array(leaf if isinstance(leaf, float) else leave(x, "array"), dtype=np.float64)


def matching(name: str, what: str, given: Any, expected: list[Any]) -> list[Any]:
    """The leaves of `given`, one per variable in `expected`, of the same shapes and dtypes."""
    leaves = [enter(leaf) for leaf in flatten(given)[0]]
    if len(leaves) != len(expected):
        raise ValueError(f"{name}: expected {len(expected)} {what}(s), got {len(leaves)}")
    out = []
    for leaf, x in zip(leaves, expected, strict=True):
        if leaf._value.shape != x._value.shape:
            raise ValueError(f"{name}: the {what} has shape {leaf._value.shape}, expected {x._value.shape}")
        dtype = x._value.dtype
        out.append(leaf if leaf._value.dtype == dtype else cast(as_floating(leaf), dtype))
    return out


def as_arguments(x: Any) -> tuple[tuple[Any, ...], int | None]:
    """A tuple is several arguments, anything else the only one; and the argnums that give results in the same form."""
    return (x, None) if isinstance(x, tuple) else ((x,), 0)
