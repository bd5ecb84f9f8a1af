"""What the doors do while a thread records a program: `wengert.compiling` starts it, and makes one of what it finds.

Each door opens an entry, and runs the kernel that it was asked for as ever. What the kernel's bindings have noted
meanwhile are the entry's calls, which C can run again. They stand for the entry if the kernel is declared to be nothing
else (`bound.by_bindings`), and all of its results are written by them or views of what was there. Every other entry
becomes a step of Python: the kernel is called again with arrays over the program's memory.

What decides about the list besides the arguments is noted too: variables that were there before and their arrays,
gradients, options of optimizers, whether modules train. A program holds as long as these are what they were.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np

from .. import _kernels
from . import locks, tape
from .batching import Batched, refused, with_parts
from .bound import is_by_bindings, is_shaped_by_items
from .doors import line_of_caller, special
from .modes import ever, mode
from .variable import Variable

_counting = locks.lock()  # threads may begin and end at once


class CompileError(RuntimeError):
    """What cannot be a program: the function does something that the next call could not do in the same way."""


class Place:
    """An array of a program: where it is in which slot."""

    __slots__ = ("at",)

    def __init__(self, at: tuple[Any, ...]) -> None:
        self.at = at


class _OfBatch:
    """A batched value of a program."""

    __slots__ = ("levels", "place")

    def __init__(self, place: Place, levels: tuple[Any, ...]) -> None:
        self.place, self.levels = place, levels


class Drawn:
    """A generator of random numbers, which is asked for anew at each run: a seed makes another one of it."""

    __slots__ = ("of",)

    def __init__(self, of: Any) -> None:
        self.of = of


class Entry:
    """What one door was asked for.

    Attributes
    ----------
    name, line : str
    kind : str
        "kernel": calls; "view": nothing is to be done; "python": a step; "constant", "host".
    step : callable or None
        Of a program: what is done in the middle of it.
    effect : bool
        Whether the step does what cannot be taken back: a draw, a number that is counted, a change of memory outside.
    """

    __slots__ = ("effect", "kind", "line", "name", "numbers", "result", "said", "step")

    def __init__(self, name: str, line: str | None) -> None:
        self.name, self.line = name, line
        self.kind = "view"
        self.step: Callable[[Any], None] | None = None
        self.effect = False
        self.numbers: Any = None  # of an optimizer's step, the next entry: who tells them, the kernel, that entry
        self.said: Any = None  # what two recordings must say alike, beside calls
        self.result = ""  # shape and dtype, to be shown


class Gradient:
    """What a recording has found of a leaf's `.grad`."""

    __slots__ = ("array", "before", "leaf", "read")

    def __init__(self, leaf: Any, read: bool) -> None:
        self.leaf, self.read, self.before = leaf, read, leaf._grad
        self.array = None if leaf._grad is None else leaf._grad._value


class Recorder:
    """The recording of one run of a function."""

    def __init__(self) -> None:
        self.recording = _kernels.Recording()
        self.entries: list[Entry] = []
        self.arguments: list[int] = []  # the slots of arrays among the arguments
        self.outside: dict[int, tuple[Any, Any, bool]] = {}  # variables that were there before, with array and tracking
        self.given_arrays: list[bool] = []  # whether each argument is an array of NumPy's
        self.owners: list[Any] = []  # arrays that others own, in the order in which they were met
        self.born: dict[int, Any] = {}  # variables that were made here
        self.gradients: dict[int, Gradient] = {}
        self.left: list[tuple[Any, Any]] = []  # leaves whose gradients are set, and where these are
        self.given: list[tuple[Any, Any]] = []  # leaves whose gradients are asked for, and where these are, or None
        self.summed: list[Any] = []  # leaves whose gradients are changed in place, one for each change
        self.guards: list[Any] = []
        self.changed: list[Any] = []  # variables from outside, one for each change
        self.generators: dict[int, Any] = {}
        self.copies: list[np.ndarray] = []  # arrays that steps have copied, where eager calls show the same memory
        self.stepped: set[int] = set()  # slots that steps bind to what they give
        self.void: str | None = None  # why the run can be no program, and is right all the same
        self.first = tape.count()

    def __enter__(self) -> Recorder:
        self.recording.start()
        mode.recorder = self
        with _counting:
            ever.recordings += 1
        return self

    def __exit__(self, *exception: Any) -> None:
        with _counting:
            ever.recordings -= 1
        mode.recorder = None
        self.recording.stop()

    # ------------------------------------------------------------ entries

    def _begin(self, name: str) -> Entry:
        entry = Entry(name, line_of_caller())
        self.recording.begin(len(self.entries))
        self.entries.append(entry)
        return entry

    def argument(self, array: np.ndarray, is_tensor: bool) -> np.ndarray:
        """A copy of an argument's array, in its layout and not to be written; runs bind the argument's own memory."""
        self.given_arrays.append(not is_tensor)
        own: np.ndarray = _kernels.same_layout(array)
        self.arguments.append(self.recording.bound(own))
        own.flags.writeable = False
        return own

    def _know(self, values: Any) -> None:
        """Let the memory of arrays be known; what was not, others own."""
        for array in arrays_of(values):
            if not self.recording.knows(array):
                self.recording.know(array)
                self.owners.append(array)

    def apply(self, operation: Any, inputs: tuple[Any, ...], values: list[Any], static: dict[str, Any]) -> Any:
        """What an operation's kernel gives, as an entry."""
        rule = operation.batched
        if rule is refused or is_shaped_by_items(operation.kernel, values, static):
            self.refuse(operation.name, "gives a result whose shape depends on items")
        for x in inputs:
            if isinstance(x, Variable):
                self.meet(x)
        batched = special(values) is not None
        ours = is_by_bindings(operation.kernel) and (not batched or is_by_bindings(rule))

        def call(*values: Any) -> Any:
            value = special(list(values)) if batched else None
            if value is None:
                return operation.kernel(*values, **static)
            return value.run(operation, list(values), static)

        return self._entry(self._begin(operation.name), call, values, ours, _said(static))

    def _entry(self, entry: Entry, call: Callable[..., Any], values: list[Any], ours: bool, said: Any) -> Any:
        """Run a kernel; its calls, or a step of Python, stand for it from here on."""
        recording = self.recording
        self._know(values)
        found = as_arrays(call(*values))
        if not ours:
            found = changed_arrays(found, self._apart)
        results = list(arrays_of(found))
        entry.result = _forms(results)
        if ours and recording.whole(tuple(results)):
            entry.kind = "kernel" if recording.noted() else "view"
        else:
            self._as_step(entry, call, values, results, ours, said)
        return found

    def _apart(self, array: np.ndarray) -> np.ndarray:
        """What a kernel gives that may be a view of anything, in memory of its own."""
        if not self.recording.knows(array) or self.recording.is_new(array):
            return array
        own = np.array(array, order="K")
        self.copies.append(array)
        return own

    def _as_step(
        self, entry: Entry, call: Callable[..., Any], values: list[Any], results: list[Any], ours: bool, said: Any
    ) -> None:
        recording = self.recording
        recording.drop()
        fresh = []
        for array in results:
            if not ours or not recording.whole(array):
                self.stepped.add(recording.bound(array))
                fresh.append(array)
        entry.kind = "python"
        read = self.placed(values)
        places = [Place(recording.place(x)) if any(x is y for y in fresh) else None for x in results]
        entry.said = (said, _said(read), _said(places))
        recording.step(list(arrays_of(values)), fresh)
        entry.step = _Call(entry, call, read, places)

    def constant(self, kernel: Callable[..., Any], static: tuple[Any, ...]) -> np.ndarray:
        """A value made from static numbers alone: each run has its items, but of what is made without any."""
        entry = self._begin(getattr(kernel, "__name__", "constant").strip("_"))
        array: np.ndarray = kernel(*static)
        if is_by_bindings(kernel) and self.recording.is_new(array):
            return array
        return self._constant(entry, array)

    def _constant(self, entry: Entry, array: np.ndarray) -> np.ndarray:
        recording = self.recording
        recording.drop()  # what made it need not be done again
        entry.kind = "constant"
        entry.result = f"{array.shape} {array.dtype}"
        master = np.array(array, order="C")
        entry.said = (array.shape, array.dtype, master.tobytes())
        recording.constant(array, master)
        return array

    def numbers(self, array: np.ndarray) -> np.ndarray:
        """An array that was made of Python's numbers: each run has its items."""
        return self._constant(self._begin("tensor"), array)

    def enter(self, given: Any, array: np.ndarray) -> np.ndarray:
        """What outside data has become: an array that others own, or a constant made of numbers."""
        if not isinstance(given, np.ndarray):
            return self._constant(self._begin("enter"), array)
        if not self.recording.knows(array):
            self._begin("enter")
            self._know([array])
        return array

    def repeated(self, value: Any, array: np.ndarray) -> Any:
        """A copy of an array, for each example of a batched value."""
        return self._entry(self._begin("repeated"), lambda like, x: like.repeated(x), [value, array], True, None)

    def draw(self, kernel: Callable[..., Any], call: Callable[..., Any], values: list[Any], static: Any) -> Any:
        """What a kernel draws: a step, by which the generator moves in each run."""
        entry = self._begin(getattr(kernel, "__name__", "draw").strip("_"))
        entry.effect = True
        self._know(values[1:])
        generator = values[0]
        found = as_arrays(call(*values))
        read = self.placed(values)
        read[0] = Drawn(self.generators.get(id(generator), generator))
        entry.kind = "python"
        results = list(arrays_of(found))
        entry.result = _forms(results)
        for array in results:
            self.stepped.add(self.recording.bound(array))
        places: list[Place | None] = [Place(self.recording.place(x)) for x in results]
        entry.said = (_said(static), _said(read), _said(places))
        self.recording.drop()
        self.recording.step(list(arrays_of(values[1:])), results)
        entry.step = _Call(entry, call, read, places)
        return found

    def change(
        self, name: str, written: tuple[Any, ...], kernel: Callable[..., Any], values: list[Any],
        call: Callable[..., Any], host: Any, static: dict[str, Any],
    ) -> None:  # fmt: skip
        """A kernel that writes into the memory of variables. `host`: numbers that are read at each run."""
        for x in written:
            self.meet(x)
        self._know(values)
        recording = self.recording
        for array in arrays_of(values[: len(written)]):
            for copied in self.copies:
                if _kernels.overlap(array, copied):
                    self.refuse(name, "changes memory that the result of a kernel of NumPy's may show")
        renewed = None
        if host is not None:
            renewed = self._begin(f"{name}: numbers")
            renewed.kind, renewed.effect = "host", True
            recording.step([], [])
        entry = self._begin(name)
        call(*values, **static, **(host.read() if host is not None else {}))
        entry.effect = any(recording.is_outside(recording.place(x)[0]) for x in arrays_of(values[: len(written)]))
        if is_by_bindings(kernel) and recording.noted() and not recording.is_foreign():
            entry.kind = "kernel"
            if renewed is not None:
                recording.without_numbers(kernel.__name__, static["count"])
                renewed.numbers = (host, kernel.__name__, len(self.entries) - 1)
        else:
            recording.drop()
            entry.kind = "python"
            read = self.placed(values)
            entry.said = (_said(static), _said(read))
            count = len(written)
            recording.step(list(arrays_of(values[count:])), list(arrays_of(values[:count])))
            entry.step = _Change(call, read, static, host)
            if renewed is not None:
                renewed.step = _nothing
        for x in written:  # a view that was made here counts for what it shows
            counted = x if id(x) in self.outside else x._base
            if counted is not None and self.is_outside(counted):
                self.changed.append(counted)

    def effect(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """Run what only moves numbers of Python's, such as a schedule; each run calls it again, at this place."""
        entry = self._begin(getattr(function, "__qualname__", "effect"))
        entry.kind, entry.effect = "host", True
        self.recording.step([], [])
        entry.step = _Effect(function, args)
        mode.recorder = None
        try:
            return function(*args)
        finally:
            mode.recorder = self

    def refuse(self, name: str, what: str) -> NoReturn:
        """Raise: the function does something that no program can do."""
        raise CompileError(f"compile: {name} {what}, at {line_of_caller()}; a program has the same shapes in each run")

    def leave(self, x: Variable, kind: str) -> None:
        """Raise, unless a value only becomes text."""
        if kind == "text":
            return
        what = {"number": "a number", "bool": "a decision", "int": "an integer or an index", "array": "an array"}[kind]
        raise CompileError(
            f"compile: a tensor of shape {x._value.shape} becomes {what} at {line_of_caller()}, which the next run "
            "could not follow: it would be frozen. Keep it a tensor (wg.where chooses between two), return it, or "
            "leave that line outside the compiled function"
        )

    # ------------------------------------------------------------ what a program depends on

    def meet(self, x: Variable) -> None:
        """Note a variable that was there before: that it has this array, and whether it is tracked."""
        if id(x) in self.born or id(x) in self.outside:
            return
        node = x._node
        if node is not None:
            if node.number <= self.first:
                self.void = "it uses a tensor from outside that has a history of its own"
            return
        value = x._value
        if isinstance(value, np.ndarray):
            if self.recording.knows(value) and not self.recording.is_outside(self.recording.place(value)[0]):
                return
            self.outside[id(x)] = (x, value, x._tracked)

    def made(self, x: Variable) -> None:
        """Note a variable that was made here."""
        self.born[id(x)] = None

    def is_outside(self, x: Variable) -> bool:
        """Whether a variable was there before."""
        self.meet(x)
        return id(x) in self.outside

    def gradient(self, leaf: Any, written: bool) -> None:
        """Note that a leaf's `.grad` is asked for, or about to be set, whatever it was."""
        if id(leaf) not in self.gradients and leaf._node is None and self.is_outside(leaf):
            self.gradients[id(leaf)] = Gradient(leaf, not written)

    def end(self) -> None:
        """Note which leaves had a `.grad`, whose memory runs bind, and which have another now, and where it is."""
        for gradient in self.gradients.values():
            if gradient.read:
                self.given.append((gradient.leaf, self._bound_gradient(gradient)))
        for x, _, tracked in self.outside.values():
            if x._tracked != tracked:
                raise CompileError(
                    f"compile: the function changes requires_grad of a tensor of shape {x._value.shape} that was there "
                    "before, which its program would not do; set it outside"
                )
        for gradient in self.gradients.values():
            leaf = gradient.leaf
            now = leaf._grad
            if (now is gradient.before and gradient.read) or (now is not None and id(now) in self.outside):
                continue
            if now is not None:
                self.recording.bound(now._value)
            self.left.append((leaf, None if now is None else self.recording.place(now._value)))

    def is_written(self, array: np.ndarray) -> bool:
        """Whether a call or a step writes to an array's memory."""
        return bool(self.recording.access(self.recording.place(array)[0]) & 2)

    def _bound_gradient(self, gradient: Gradient) -> Any:
        """Where a gradient that was there lies, in memory that each run binds anew; None if there was none."""
        array = gradient.array
        if array is None:
            return None
        if not isinstance(array, np.ndarray) or not self.recording.knows(array):
            self.recording.know(array)
        self.recording.bound(array)
        self.outside = {key: held for key, held in self.outside.items() if held[1] is not array}
        self.owners = [x for x in self.owners if x is not array]
        kept = [x for x in self.changed if x._value is not array]
        self.summed += [gradient.leaf] * (len(self.changed) - len(kept))
        self.changed = kept
        return self.recording.place(array)

    def guard(self, holder: Any, name: Any, found: Any, kind: str) -> None:
        """Note what a program depends on: an "attribute" or "item" that is this object, its "truth", or "members"."""
        self.guards.append((kind, holder, name, found))

    # ------------------------------------------------------------ arrays as places

    def placed(self, values: Any) -> list[Any]:
        """Values with places instead of arrays."""
        return [self._placed(value) for value in values]

    def _placed(self, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return Place(self.recording.place(value))
        if isinstance(value, Batched):
            return _OfBatch(Place(self.recording.place(value.data)), value.levels)
        if isinstance(value, tuple):
            return with_parts(value, [self._placed(part) for part in value])
        return value


def arrays_of(value: Any) -> Iterator[np.ndarray]:
    """The arrays of a value: of lists and tuples of values, and of batched ones."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, Batched):
        yield value.data
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from arrays_of(part)


def _forms(arrays: list[np.ndarray]) -> str:
    return ", ".join(f"{x.shape} {x.dtype}" for x in arrays)


def changed_arrays(value: Any, function: Callable[[np.ndarray], np.ndarray]) -> Any:
    """A value with a function of its arrays in their places."""
    if isinstance(value, np.ndarray):
        return function(value)
    if isinstance(value, Batched):
        return Batched(function(value.data), value.levels)
    if isinstance(value, tuple):
        return with_parts(value, [changed_arrays(part, function) for part in value])
    return value


def as_arrays(found: Any) -> Any:
    """What a kernel gives, with arrays in the place of NumPy's numbers."""
    if isinstance(found, np.generic):
        return np.asarray(found)
    if type(found) is tuple:
        return tuple([as_arrays(part) for part in found])
    return found


def restored(value: Any, program: Any) -> Any:
    """A value with arrays over a program's memory in its places."""
    if isinstance(value, Place):
        return program.view(value.at)
    if isinstance(value, _OfBatch):
        return Batched(program.view(value.place.at), value.levels)
    if isinstance(value, tuple):
        return with_parts(value, [restored(part, program) for part in value])
    if isinstance(value, Drawn):
        return value.of.numpy if hasattr(value.of, "manual_seed") else value.of
    return value


def _said(x: Any) -> Any:
    """What two recordings must have in common of an argument: values by type and bits; of objects that are equal to
    themselves alone the class."""
    if isinstance(x, Place):
        return x.at
    if isinstance(x, _OfBatch):
        return (x.place.at, tuple([level.size for level in x.levels]))
    if isinstance(x, np.ndarray):
        return (x.shape, x.dtype, x.tobytes())
    if isinstance(x, dict):
        return tuple([(key, _said(value)) for key, value in x.items()])
    if isinstance(x, (list, tuple)):
        return (type(x), tuple([_said(part) for part in x]))
    if isinstance(x, float):
        return (type(x), x.hex())
    if type(x).__eq__ is object.__eq__ or callable(x):  # type: ignore[comparison-overlap]
        return type(x)
    return (type(x), x)


# ---------------------------------------------------------------- steps


def _nothing(program: Any) -> None:
    """A step that has nothing left to do."""


class _Call:
    """A kernel that is called again; its results are bound to where the first ones were."""

    __slots__ = ("call", "entry", "places", "read")

    def __init__(self, entry: Entry, call: Callable[..., Any], read: list[Any], places: list[Place | None]) -> None:
        self.entry, self.call, self.read, self.places = entry, call, read, places

    def __call__(self, program: Any) -> None:
        found = list(arrays_of(as_arrays(self.call(*[restored(value, program) for value in self.read]))))
        for array, place in zip(found, self.places, strict=True):
            if place is None:
                continue
            slot, offset, shape, strides, dtype = place.at
            if array.shape != shape or array.dtype != dtype:
                raise CompileError(
                    f"compile: {self.entry.name}, at {self.entry.line}, gives {array.shape} {array.dtype} where it "
                    f"gave {shape} {dtype} when it was recorded; a program has the same shapes in each run"
                )
            if array.strides != strides or not array.flags.behaved or program.shares(array):
                array = program.like(place.at, array)
            program.kept[slot] = array
            program.bind_owner(slot, array, offset)


class _Change:
    """A kernel that writes into memory again."""

    __slots__ = ("call", "host", "read", "static")

    def __init__(self, call: Callable[..., Any], read: list[Any], static: dict[str, Any], host: Any) -> None:
        self.call, self.read, self.static, self.host = call, read, static, host

    def __call__(self, program: Any) -> None:
        host = self.host
        values = [restored(value, program) for value in self.read]
        self.call(*values, **self.static, **(host.read() if host is not None else {}))
        if host is not None:
            host.done()


class _Effect:
    """What moves numbers of Python's: a method of an object with a `state_dict`."""

    __slots__ = ("args", "function", "host")

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.function, self.args = function, args
        self.host = self

    def __call__(self, program: Any) -> None:
        self.function(*self.args)

    def saved(self) -> Any:
        """The object's state."""
        of = self.function.__self__  # type: ignore[attr-defined]
        return of.get_state() if hasattr(of, "get_state") else copy.deepcopy(of.state_dict())

    def restore(self, saved: Any) -> None:
        """Put the object's state back."""
        of = self.function.__self__  # type: ignore[attr-defined]
        if hasattr(of, "get_state"):
            of.set_state(saved)
        else:
            of.load_state_dict(saved)
