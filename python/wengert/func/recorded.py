"""One run of a function with some of its arguments tracked: what every derivative of a function starts from."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import tape
from ..core.backward import require_shape
from ..core.broadcast import as_floating, cast
from ..core.doors import constant, enter, leave
from ..core.following import following, is_followed
from ..core.hooks import calls_hooks, known, run_hooks
from ..core.modes import mode, recording
from ..core.tape import Node
from ..core.trees import Structure, changed, flatten
from ..core.variable import Variable, detached
from ..core.views import shows_unwritable, track, unwritable
from ..ops.shape import clone


class Run:
    """The list that a function leaves when it is run with its differentiated arguments tracked.

    Parameters
    ----------
    name : str
        Whose errors these are.
    function : callable
        Sees tensors where it is differentiated by arrays and numbers. Whatever it is given, it cannot change in place.
    args : sequence
        Its arguments: tensors, arrays, numbers, or structures of them (`core.trees`).
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
    structure, rebuild_output : Structure
        Of the differentiated arguments (of a tuple of them, unless `argnums` is an int), and of the result.
    aux
        What the function returned beside its output.
    is_hooked : bool
        Whether a walk passes hooks.
    connected : bool
        Whether a derivative can itself be differentiated by something outside; walks are recorded exactly then.
    """

    outputs: list[Any]
    aux: Any = None

    def __init__(
        self, name: str, function: Callable[..., Any], args: Sequence[Any], argnums: Any = None,
        has_aux: bool = False, keywords: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        places, self._single = _places(name, argnums, len(args))
        leaves, self.structure = flatten(args[places[0]] if self._single else tuple([args[k] for k in places]))
        outside = mode.recording
        self.first = tape.count()
        with recording(True):
            originals = [self._floating(leaf, k) for k, leaf in enumerate(leaves)]
            self.inputs = [track(x, outside, writable=False) for x in originals]
            self._given: list[Any] = []  # the other arguments
            arguments, keywords = self._arguments(args, places, keywords or {})
            self.sources = [x._source for x in self.inputs]
            with following(self.sources):
                result = function(*arguments, **keywords)
        given = outside and any(x.requires_grad for x in originals)
        self._arrays = [isinstance(leaf, (np.ndarray, np.generic)) for leaf in leaves]
        self.gives_arrays = True in self._arrays and not any(isinstance(leaf, Variable) for leaf in leaves)
        self._has_aux = has_aux
        self._take(result)
        self.nodes = tape.ancestors([y._source for y in self.outputs], self.sources, self.first)
        self.is_hooked = known.any and any(map(calls_hooks, (*self.nodes, *self.sources)))
        self.connected = given or (outside and self._has_outer_sources(self.nodes))
        if has_aux:
            self.aux = self._released_aux(given, outside)

    def _floating(self, leaf: Any, k: int) -> Variable:
        x = enter(leaf)
        if x._value.dtype.kind != "f":
            raise TypeError(
                f"{self.name}: the argument{_at(self.structure, k)} has dtype {x._value.dtype}, which has no "
                "derivatives; pass floating numbers, or leave it out of argnums"
            )
        return x

    def _arguments(
        self, args: Sequence[Any], places: tuple[int, ...], keywords: dict[str, Any]
    ) -> tuple[list[Any], dict[str, Any]]:
        """What the function is called with: the tracked variables in their places, and the rest, which cannot be
        changed in place either."""
        filled = self.structure(self.inputs)
        tracked = dict(zip(places, (filled,) if self._single else filled, strict=True))
        arguments = [tracked[k] if k in tracked else changed(x, self._handed_on) for k, x in enumerate(args)]
        return arguments, {key: changed(x, self._handed_on) for key, x in keywords.items()}

    def _handed_on(self, leaf: Any) -> Any:
        """A leaf that is not differentiated by."""
        given = unwritable(leaf)
        if given is not leaf:
            self._given.append(given)
        return given

    def _take(self, result: Any) -> None:
        """Look at what the function returned."""
        if self._has_aux:
            if not isinstance(result, tuple) or len(result) != 2:
                raise TypeError(
                    f"{self.name}: with has_aux the function returns a pair (output, aux), got {_kind(result)}"
                )
            result, self.aux = result
        leaves, self.rebuild_output = flatten(result)
        if leaves and not any(isinstance(leaf, Variable) for leaf in leaves):
            raise TypeError(
                f"{self.name}: the function returned {_kind(result)} without a tensor in it, which has no derivative; "
                "compute with tensors to the end (wg.exp(x), not math.exp(x)), and return a constant as wg.tensor(c)"
            )
        self.outputs = [enter(leaf) for leaf in leaves]

    def _has_outer_sources(self, nodes: list[Node]) -> bool:
        return any(
            source is not None and not (isinstance(source, Node) and source.number > self.first)
            for node in nodes
            for source in node.sources
        )

    def _released_aux(self, given: bool, outside: bool) -> Any:
        """What the function returned beside its output, without the graph that only we need."""
        leaves, rebuild = flatten(self.aux)
        for k, leaf in enumerate(leaves):
            if isinstance(leaf, Variable):
                leaves[k] = self.shown(self.own(leaf if given else self._unless_ours(leaf, outside)))
        return rebuild(leaves)

    def _unless_ours(self, x: Any, outside: bool = True) -> Any:
        """x without its history, if that has nothing in it but what this run and its walks have recorded."""
        source = x._source
        ours = isinstance(source, Node) and source.number > self.first
        if ours and outside:
            ours = not self._has_outer_sources(tape.ancestors([source], self.sources, self.first))
        return detached(x) if ours else x

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

    def with_aux(self, *results: Any) -> tuple[Any, ...]:
        """Results, and what the function returned beside its output, if it did."""
        return (*results, self.aux) if self._has_aux else results

    def output(self) -> Any:
        """What the function returned, without the tracking that only we need."""
        return self.rebuild_output([self.shown(self.own(self.release(y))) for y in self.outputs])

    def release(self, y: Variable) -> Variable:
        """y, without the tracking that only we need."""
        return y if self.connected else detached(y)

    def own(self, y: Variable) -> Variable:
        """y, or a copy if it shows an argument, which must not be written by way of it."""
        return clone(y) if shows_unwritable(y, [*self.inputs, *self._given]) else y

    def shown(self, y: Variable, is_array: bool | None = None) -> Any:
        """A result as it is given out: an array or a NumPy number, if the arguments were arrays (unless the caller
        knows better) and no derivative further out would be lost by that."""
        if not (self.gives_arrays if is_array is None else is_array) or is_followed(y):
            return y
        return as_array(y)

    def walking(self, directions: list[Any]) -> recording:
        """Record a walk if what comes out of it can be differentiated by something outside."""
        return recording(mode.recording and (self.connected or any(d.requires_grad for d in directions)))

    def pull(self, cotangents: list[Any]) -> list[Any]:
        """Reverse mode: one cotangent per input, zeros where the outputs do not depend on it."""
        starts = [(y._source, g) for y, g in zip(self.outputs, cotangents, strict=True) if y._source is not None]
        with recording(mode.recording) if self.is_hooked else self.walking(cotangents):  # hooks may use anything
            found = tape.pull(starts, self.sources, nodes=self.nodes)
            for source in found:
                if source._hooks:  # the walk ends before them
                    found[source] = run_hooks(source._hooks, found[source])
        if self.is_hooked and not self.connected:
            found = {source: self._unless_ours(g) for source, g in found.items()}
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

    def directions(self, what: str, given: Any) -> list[Any]:
        """Tangents or the like, one per input, of a structure like that of the arguments. Of a single argument they may
        come as they are or in a tuple."""
        structure = self.structure
        in_tuple = type(given) is tuple
        if not self._single:
            count = len(structure.children)
            alone = count == 1 and not (in_tuple and len(given) == 1)
            if alone:
                structure = structure.children[0]
            if in_tuple and len(given) != count and not (alone and structure.of is tuple):
                raise ValueError(f"{self.name}: expected {count} {what}(s), got {len(given)}")
        elif in_tuple and len(given) == 1 and structure.of is not tuple:
            given = given[0]
        return _matching(self.name, what, given, structure, self.inputs)

    def cotangents(self, given: Any, name: str | None = None, what: str = "cotangent") -> list[Any]:
        """Cotangents, one per output, of the structure of the result."""
        return _matching(name or self.name, what, given, self.rebuild_output, self.outputs)

    def like_inputs(self, leaves: list[Any]) -> Any:
        """One leaf per input, in the structure of the differentiated arguments: arrays for arrays."""
        return self.structure([self.shown(x, is_array) for x, is_array in zip(leaves, self._arrays, strict=True)])

    def like_output(self, leaves: list[Any]) -> Any:
        """One leaf per output, in the structure of the result."""
        return self.rebuild_output([self.shown(x) for x in leaves])


def _places(name: str, argnums: Any, count: int) -> tuple[tuple[int, ...], bool]:
    """Which of `count` arguments are meant, and whether by one integer."""
    single = False
    if argnums is None:
        places: tuple[int, ...] = tuple(range(count))
    else:
        try:
            places, single = (operator.index(argnums),), True
        except TypeError:
            places = tuple([operator.index(k) for k in argnums])
    if any(not -count <= k < count for k in places):
        raise ValueError(f"{name}: argnums {argnums} do not fit {count} argument(s)")
    found = tuple([k % count for k in places])
    if len(set(found)) < len(found):
        raise ValueError(f"{name}: argnums {argnums} name an argument twice")
    return found, single


def _kind(x: Any) -> str:
    return f"{type(x).__name__} of {len(x)}" if isinstance(x, (tuple, list)) else type(x).__name__


def as_array(y: Variable) -> Any:
    """A copy of y's items as an array, or as NumPy's number if there is one without dimensions."""
    return np.array(leave(detached(y), "array"))[()]


def zeros_like(x: Variable) -> Any:
    """Zeros of x's shape and dtype."""
    return constant(np.zeros, x._value.shape, x._value.dtype)


def ones_like(x: Variable) -> Any:
    """Ones of x's shape and dtype."""
    return constant(np.ones, x._value.shape, x._value.dtype)


def in_float64(name: str, leaf: Any) -> np.ndarray:
    """The value of a floating argument in float64; a Python float to its last digit."""
    x = enter(leaf)
    if x._value.dtype.kind != "f":
        raise TypeError(
            f"{name}: an argument has dtype {x._value.dtype}, which has no derivatives; pass floating numbers"
        )
    return np.array(leaf if isinstance(leaf, float) else leave(x, "array"), dtype=np.float64)


def _matching(name: str, what: str, given: Any, structure: Structure, expected: list[Any]) -> list[Any]:
    """The leaves of `given`, one per variable in `expected`, of the same shapes and dtypes."""
    try:
        leaves = [enter(leaf) for leaf in structure.of_tree(given)]
    except ValueError as error:
        raise ValueError(f"{name}: the {what} has another structure: {error}") from None
    out = []
    for k, (leaf, x) in enumerate(zip(leaves, expected, strict=True)):
        dtype = x._value.dtype
        if leaf._value.shape != x._value.shape:
            raise ValueError(
                f"{name}: the {what}{_at(structure, k)} has shape {leaf._value.shape}, expected {x._value.shape}"
            )
        out.append(leaf if leaf._value.dtype == dtype else cast(as_floating(leaf), dtype))
    return out


def _at(structure: Structure, k: int) -> str:
    """Where leaf k is, for an error."""
    path = structure.paths()[k]
    return f" at {path}" if path else ""


def as_arguments(x: Any) -> tuple[tuple[Any, ...], int | None]:
    """A tuple (but no named one) is several arguments, anything else the only one; and the argnums that give results in
    the same form."""
    return (x, None) if type(x) is tuple else ((x,), 0)
