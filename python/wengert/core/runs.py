"""One call of a compiled function: what it is given, what a recording of it finds, and what `check=True` compares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _kernels
from . import dtypes
from .batching import Batched
from .modes import mode
from .recorder import CompileError, Recorder
from .replay import Replay, Result, view_of, with_history
from .trees import Structure, flatten
from .variable import Variable, wrap


class Given:
    """The arguments of one call: the key of their program, and the arrays that it is to be run with."""

    __slots__ = ("args", "arrays", "key", "keywords", "leaves", "structure", "tensors", "tracked")

    def __init__(self, name: str, args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        self.args, self.keywords = args, keywords
        self.tracked = False
        leaves, self.structure = flatten((args, keywords))
        parts: list[Any] = []
        self.arrays: list[np.ndarray] = []
        self.leaves: list[Any] = []  # those with arrays
        for leaf in leaves:
            value = leaf._value if isinstance(leaf, Variable) else leaf
            if isinstance(value, Batched) or (isinstance(leaf, Variable) and leaf.requires_grad):
                self.tracked = True
                return
            if isinstance(value, np.ndarray):
                self.arrays.append(value)
                self.leaves.append(leaf)
                parts.append((type(leaf) is np.ndarray, value.shape, value.dtype, value.strides))
            else:
                parts.append(_static(name, value))
        self.key = (tuple(parts), _form(self.structure), mode.recording, dtypes.get_default_dtype())
        self.tensors = leaves

    def differs(self, key: Any) -> str | None:
        """What differs in these arguments from those of another call, of which the key is given."""
        parts, form, _, _ = self.key
        if form != key[1]:
            return "the structure of its arguments changes again"
        for path, before, now in zip(self.structure.paths(), key[0], parts, strict=True):
            if before != now:
                name = ("args" if path.startswith("[0]") else "keywords") + path[3:]
                return f"{name} changes again: {_told_part(before)}, then {_told_part(now)}"
        return None if self.key == key else "the grad mode or the default dtype changes again"

    def only_tensors(self) -> tuple[bool, ...] | None:
        """Which arguments are tensors, if there are tensors and arrays alone, by position."""
        if self.keywords or len(self.leaves) != len(self.args):
            return None
        pairs = zip(self.args, self.leaves, strict=True)
        return tuple([isinstance(x, Variable) for x in self.args]) if all(x is y for x, y in pairs) else None

    def copied(self, recorder: Recorder) -> tuple[list[Any], list[np.ndarray]]:
        """All leaves, with copies in the place of arrays; and the copies."""
        found: list[Any] = []
        copies: list[np.ndarray] = []
        for leaf in self.tensors:
            value = leaf._value if isinstance(leaf, Variable) else leaf
            if not isinstance(value, np.ndarray):
                found.append(leaf)
                continue
            copies.append(recorder.argument(value, isinstance(leaf, Variable)))
            if isinstance(leaf, Variable):
                found.append(wrap(copies[-1]))
                recorder.made(found[-1])
            else:
                found.append(copies[-1])
        return found, copies


def _told_part(part: tuple[Any, ...]) -> str:
    """What an argument is, by its part of the key."""
    if len(part) == 2:
        return repr(float.fromhex(part[1]) if issubclass(part[0], (float, np.floating)) else part[1])
    _, shape, dtype, strides = part
    return f"shape {shape} of {dtype} with strides of {strides} bytes"


def _static(name: str, x: Any) -> Any:
    """What is compared of an argument that is no array: type and value, bit by bit."""
    if isinstance(x, (float, np.floating)):
        return (type(x), float(x).hex())
    try:
        hash(x)
    except TypeError:
        raise TypeError(
            f"compile: {name}: an argument of {type(x).__name__} cannot be compared with those of other calls, as it "
            "is not hashable; pass tensors, arrays, numbers, or lists, tuples and dicts of them"
        ) from None
    return (type(x), x)


def _form(structure: Structure) -> Any:
    """A structure, to be compared, with the fields of dataclasses that are static."""
    static = tuple([(name, _static(name, value)) for name, value in structure.static()])
    return (structure.kind, structure.of, structure.keys, static, tuple([_form(child) for child in structure.children]))


_PLAIN = (bool, int, float, complex, str, bytes, np.dtype, np.generic, type, slice)  # what has no tensors inside


class Recorded:
    """One run of a function that was recorded."""

    def __init__(self, f: Callable[..., Any], given: Given) -> None:
        self.recorder = recorder = Recorder()
        self.tensors = given.only_tensors()
        leaves, self.copies = given.copied(recorder)
        args, keywords = given.structure(leaves)
        with recorder:
            out = f(*args, **keywords)
        recorder.end()
        found, structure = flatten(out)
        self.structure = structure
        self._copied = [x for x in leaves if isinstance(x, (Variable, np.ndarray))]
        self._new: dict[int, int] = {}  # by the identity of a result: its place
        self.results: list[Result] = []
        outs = []
        for x in found:
            self.results.append(self._result(x))
            outs.append(self._given_back(x, self.results[-1], given))
        self.out = structure(outs)
        self._require_apart(given)
        self.depends = _depends(recorder)
        self.pair = (recorder, self.results)

    def _require_apart(self, given: Given) -> None:
        """Raise if an argument's memory is written by the function, which was given a copy of it."""
        for x in self.recorder.changed:
            for array in given.arrays:
                if isinstance(x._value, np.ndarray) and _kernels.overlap(x._value, array):
                    raise CompileError(
                        f"compile: an argument of shape {array.shape} shows memory that the function changes; it was "
                        "run on a copy. Hand over a clone(), or let the function use the tensor itself"
                    )

    def _result(self, x: Any) -> Result:
        recorder = self.recorder
        if not isinstance(x, (Variable, np.ndarray)):
            if not isinstance(x, _PLAIN) and not callable(x):
                raise CompileError(
                    f"compile: the function returns a {type(x).__name__}, in which there may be tensors of this call; "
                    "return tensors, numbers, and lists, tuples and dicts of them"
                )
            return Result("plain", x)
        for k, argument in enumerate(self._copied):
            if x is argument:
                return Result("argument", k)
        for leaf, place in recorder.left:
            if place is not None and x is leaf._grad:
                return Result("gradient", leaf)
        for leaf, place in recorder.given:
            if place is not None and x is leaf._grad:
                return Result("gradient", leaf)
        if id(x) in recorder.outside:
            return Result("outside", x)
        if id(x) in self._new:
            return Result("new", same_as=self._new[id(x)])
        value = x._value if isinstance(x, Variable) else x
        if not isinstance(value, np.ndarray) or not recorder.recording.knows(value):
            raise CompileError(
                f"compile: the function returns {_told(x)}, whose items no operation of this package has computed"
            )
        place = recorder.recording.place(value)
        if any(given is not None and given[0] == place[0] for _, given in recorder.given):
            raise CompileError("compile: the function returns a view of a gradient that was there before; clone() it")
        if place[0] in recorder.arguments:
            return Result("view", recorder.arguments.index(place[0]), place)
        for variable, array, _ in recorder.outside.values():
            if recorder.recording.knows(array) and recorder.recording.place(array)[0] == place[0]:
                base = recorder.recording.place(array)[1]
                return Result("view", variable, (place[0], place[1] - base, *place[2:]))
        assert isinstance(x, Variable)  # an array would have come out of a tensor
        if x.requires_grad and x._node is None and x._grad is not None:
            raise CompileError("compile: the function returns a leaf with a gradient that it made itself; return both")
        recorder.recording.bound(value)
        self._new[id(x)] = len(self.results)
        return Result("new", None, place, x.requires_grad, x._node is None)

    def _given_back(self, x: Any, result: Result, given: Given) -> Any:
        """A leaf of the result, as this call returns it: what is an argument, or a view of one, of the caller's own."""
        if result.kind == "new" and result.requires_grad and not result.leaf and self.recorder.void is None:
            return with_history(wrap(x._value), False)
        if result.kind in ("plain", "outside", "new", "gradient"):
            return x
        if result.kind == "argument":
            return given.leaves[result.what]
        return view_of(given.leaves[result.what], result.place) if isinstance(result.what, int) else x

    def replay(self) -> Replay:
        """The program of this run."""
        return Replay(self.recorder, self.copies, self.results, self.structure, self.tensors)


def _depends(recorder: Recorder) -> Any:
    """What a run depends on, to be compared with another's: that it holds, and for what."""
    guards = [(kind, id(holder), name, _identity(kind, found)) for kind, holder, name, found in recorder.guards]
    gradients = [(id(leaf), None if place is None else place[1:]) for leaf, place in recorder.given]
    return guards, gradients, [array.ctypes.data for _, array, _ in recorder.outside.values() if array.size]


def _identity(kind: str, found: Any) -> Any:
    if kind == "truth":
        return found
    return tuple([id(x) for x in found]) if kind == "members" else id(found)


def _told(x: Any) -> str:
    return f"a {type(x).__name__} of shape {x.shape}"


# ---------------------------------------------------------------- what check=True compares


def bits(tree: Any) -> Any:
    leaves, structure = flatten(tree)
    return [_bits_of(x) for x in leaves], _form(structure)


def _bits_of(x: Any) -> Any:
    if isinstance(x, Variable):
        x = x._value
    return (x.shape, x.dtype.str, x.tobytes()) if isinstance(x, np.ndarray) else (type(x), repr(x))


class State:
    """What a program may change: memory outside, gradients, numbers of optimizers, generators."""

    def __init__(self, replay: Replay) -> None:
        self.arrays = [(x, x._value.copy()) for x in replay.written.values()]
        leaves = {id(leaf): leaf for leaf in [*(leaf for leaf, _ in replay.gradients), *replay.summed]}
        self.gradients = [(leaf, leaf._grad, None if leaf._grad is None else leaf._grad._value.copy())
                          for leaf in leaves.values()]  # fmt: skip
        self.hosts = [(host, host.saved()) for host in replay.hosts()]
        self.generators = [(g, g.get_state()._value.copy()) for g in replay.generators()]

    def restore(self) -> None:
        """Put all of it back."""
        for x, items in self.arrays:
            x._value[...] = items
        for leaf, g, items in self.gradients:
            leaf.grad = g
            if g is not None:
                g._value[...] = items
        for host, saved in self.hosts:
            host.restore(saved)
        for generator, state in self.generators:
            generator.set_state(wrap(state))

    def differs(self, other: State) -> str | None:
        """What is not the same in another state, or None."""
        for (x, items), (_, others) in zip(self.arrays, other.arrays, strict=True):
            if items.tobytes() != others.tobytes():
                return f"a tensor of shape {x._value.shape}"
        for (leaf, _, items), (_, _, others) in zip(self.gradients, other.gradients, strict=True):
            same = items is others if items is None or others is None else items.tobytes() == others.tobytes()
            if not same:
                return f"the gradient of a tensor of shape {leaf._value.shape}"
        if [saved for _, saved in self.hosts] != [saved for _, saved in other.hosts]:
            return "the numbers of an optimizer"
        for (_, state), (_, others) in zip(self.generators, other.generators, strict=True):
            if state.tobytes() != others.tobytes():
                return "a generator of random numbers"
        return None


# ---------------------------------------------------------------- two recordings


def _items(x: np.ndarray) -> Any:
    return x.shape, x.dtype, x.tobytes()


def differing(first: Any, second: Any) -> str | None:
    """How two recordings of one function differ, or None. Each is a pair of a Recorder and its results."""
    before, now = first[0], second[0]
    for x, y in zip(before.entries, now.entries, strict=False):
        if x.name != y.name or x.kind != y.kind or x.said != y.said:
            return f"{y.name}, at {y.line}, was {x.name}, at {x.line}" if (x.name, x.line) != (y.name, y.line) else (
                f"{y.name}, at {y.line}, was given something else than in the call before"
            )
    if len(before.entries) != len(now.entries):
        longer = max(before.entries, now.entries, key=len)
        extra = longer[min(len(before.entries), len(now.entries))]
        return f"{extra.name}, at {extra.line}, is done in one of the calls alone"
    arrays = any(before.given_arrays)  # of which NumPy may compute something without a word
    for x, y in zip(before.owners, now.owners, strict=False):
        if x.ctypes.data != y.ctypes.data and (arrays or _items(x) != _items(y) or now.is_written(y)):
            return (
                f"an array of shape {y.shape} is another one than in the call before: NumPy made it inside the "
                "function, or it was replaced; make it of tensors, or before, or hand it over as an argument"
            )
    place = before.recording.differs(now.recording)
    if place is not None:
        entry = now.entries[place if place >= 0 else -1]
        return f"{entry.name}, at {entry.line}, was given other numbers or tensors than in the call before"
    if [x.said() for x in first[1]] != [y.said() for y in second[1]]:
        return "what it returns has another form"
    spoken = [[(id(leaf), place) for leaf, place in r.left] for r in (before, now)]
    return "it sets other gradients" if spoken[0] != spoken[1] else None
