"""A program that is ready: what a recording has found, and how it is run again.

A run binds the arrays among the arguments, gives results new memory, lets C run the calls, does the steps of Python in
the middle of them, and hands out what the function did: results, gradients, counted changes. Compiled: replay.pxd holds
the types of attributes and locals.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _kernels
from .._kernels import Failed as Failed
from .batching import unchanged
from .define import rule
from .following import followed
from .modes import ever, mode
from .recorder import Drawn, Recorder
from .tape import Operation, record
from .trees import LEAF
from .variable import Variable, as_view, wrap

_PLAIN_ERRORS = (ValueError, TypeError, IndexError, RuntimeError)


class Result:
    """A leaf of what the function returned.

    Parameters
    ----------
    kind : str
        "plain": an object as it is; "argument": that argument; "outside": a variable that was there before; "view": of
        the memory of one of these; "gradient": of that leaf; "new".
    what : object
        The object, variable, or the number of an argument or, of a view, either of them.
    place : tuple or None
        Where its array is.
    requires_grad, leaf : bool
    """

    __slots__ = ("kind", "leaf", "place", "requires_grad", "same_as", "what")

    def __init__(
        self, kind: str, what: Any = None, place: Any = None, requires_grad: bool = False, leaf: bool = True,
        same_as: int = -1,
    ) -> None:  # fmt: skip
        self.kind, self.what, self.place, self.requires_grad, self.leaf = kind, what, place, requires_grad, leaf
        self.same_as = same_as

    def said(self) -> Any:
        """What two recordings must have in common of it."""
        what: Any = self.what if self.kind in ("argument", "view") and isinstance(self.what, int) else id(self.what)
        if self.kind == "plain":
            what = (type(self.what), repr(self.what)) if not callable(self.what) else id(self.what)
        elif self.kind == "new":
            what = None
        return self.kind, what, self.place, self.requires_grad, self.leaf, self.same_as


class Numbers:
    """The numbers of an optimizer's step, which are read for the call that follows.

    Parameters
    ----------
    host : object
        With `options`, a function of `group`, and `counted`, states whose "step" is counted, or None.
    family : str
        The kernel.
    entry : int
        Of the call.
    """

    def __init__(self, host: Any, family: str, entry: int) -> None:
        self.host, self.family, self.entry = host, family, entry

    def __call__(self, program: Any) -> None:
        host = self.host
        options = host.options(host.group)
        steps: list[Any] = []
        if host.counted is not None:
            for state in host.counted:
                count = state.get("step", 0) + 1
                state["step"] = count
                steps.append(count)
        program.renew(self.entry, self.family, options, steps)


class Replay:
    """A program, with what it depends on and what it leaves behind.

    Parameters
    ----------
    recorder : Recorder
    arguments : list of ndarray
        As they were recorded.
    results : list of Result
    structure : Structure
        Of the results.
    tensors : tuple of bool or None
        If the arguments are arrays and tensors and nothing else, by position: which are tensors.
    """

    def __init__(
        self, recorder: Recorder, arguments: list[np.ndarray], results: list[Result], structure: Any,
        tensors: tuple[bool, ...] | None,
    ) -> None:  # fmt: skip
        recording = recorder.recording
        self.entries = recorder.entries
        self.results, self.structure = results, structure
        self.tensors = tensors
        outside = list(recorder.outside.values())
        self.variables = [x for x, _, _ in outside]
        self.values = [array for _, array, _ in outside]
        self.tracked = [tracked for _, _, tracked in outside]
        different = {(guard[0], id(guard[1]), guard[2]): guard for guard in recorder.guards}
        self.guards = [_quick(guard) for guard in different.values()]
        self.gradients = recorder.left
        self.given, self.summed = recorder.given, recorder.summed
        self.changed = list(recorder.changed)
        self.recording = mode.recording
        self.defaults = ever.defaults
        places = [recording.place(x) for x in arguments]
        left = {place[0] for _, place in self.gradients if place is not None}
        made = {x.place[0] for x in results if x.kind == "new" and x.same_as < 0} - recorder.stepped - left
        fresh = []
        for slot in sorted(made):
            place = _whole(slot, results, recording)
            fresh.append((slot, recording.bytes(slot), place, -1 if place is None else place[4].num))
        receivers = [
            (leaf, place, recording.bytes(place[0])) for leaf, place in self.gradients
            if place is not None and place[0] not in recorder.stepped
        ]  # fmt: skip
        self.written = {id(x): x for x in recorder.changed}
        self.master = recording.finish()
        written = [x._value for x in self.written.values() if isinstance(x._value, np.ndarray)]
        self.master.bind_all(zip(recorder.arguments, places, strict=True), fresh, written, receivers, self.given)
        self.idle = [self.master]
        self.steps: list[Any] = [
            entry.step if entry.numbers is None else Numbers(*entry.numbers) for entry in self.entries
        ]
        self.effects_from = self._first_effect()
        self.single = results[0] if structure is LEAF else None

    def _first_effect(self) -> int:
        """The place of the first call or step that changes what cannot be taken back."""
        for place, entry in enumerate(self.master.entries()):
            if self.entries[entry].effect:
                return place
        return len(self.entries) + 1

    def hosts(self) -> list[Any]:
        """What the steps read and count of Python's numbers, each with `saved` and `restore`."""
        found = [getattr(step, "host", None) for step in self.steps]
        return [host for host in found if host is not None]

    def generators(self) -> list[Any]:
        """The generators that the program draws from."""
        found = {}
        for entry in self.entries:
            for value in getattr(entry.step, "read", ()):
                if isinstance(value, Drawn):
                    found[id(value.of)] = value.of
        return list(found.values())

    def holds(self) -> bool:
        """Whether all that the program depends on is what it was."""
        for k in range(len(self.variables)):
            x = self.variables[k]
            if x._value is not self.values[k] or x._tracked != self.tracked[k]:
                return False
        for leaf, place in self.given:
            g = leaf._grad
            if (g is None) != (place is None) or (g is not None and not self.master.fits(g._value, place)):
                return False
        for guard in self.guards:  # noqa: SIM110  # a generator would be made at each call
            if not _guard_holds(guard):
                return False
        return True

    def arrays(self, args: tuple[Any, ...]) -> tuple[np.ndarray, ...] | None:
        """The arrays of arguments that this program takes as they are; None if it does not."""
        tensors = self.tensors
        if tensors is None or len(args) != len(tensors):
            return None
        found: list[Any] = []
        for k in range(len(args)):
            x = args[k]
            if isinstance(x, Variable):
                v = x
                if not tensors[k] or v.is_tracked():
                    return None
                found.append(v._value)
            elif tensors[k]:
                return None
            else:
                found.append(x)
        arrays = tuple(found)
        return arrays if self.master.takes(arrays) else None

    def run(self, arrays: tuple[np.ndarray, ...], leaves: Any) -> Any:
        """Run the program with other arrays among the arguments, whose leaves are given too.

        Raises
        ------
        Failed
            A call has failed before there was any change; the function itself is to say how.
        """
        try:
            program = self.idle.pop()
        except IndexError:  # other threads have all of them
            program = self.master.copy()
        try:
            found = program.start(arrays)
            while found is not None:
                place, entry = found
                if place < self.effects_from:
                    self.steps[entry](program)
                else:
                    self._step(entry, program)
                found = program.run(place + 1)
            return self._leave(program, leaves)
        except Failed as failure:
            entry, out_of_range, place = failure.args
            if place < self.effects_from:
                raise
            at = self.entries[entry]
            raise (IndexError if out_of_range else RuntimeError)(
                f"{at.name}: an index is out of range, at {at.line}; what the compiled function changes before that "
                "line is changed"
            ) from None
        finally:
            program.kept = None  # what was handed out is not to be held here as well
            self.idle.append(program)

    def _step(self, entry: int, program: Any) -> None:
        """A step behind a change, whose error tells where it was."""
        try:
            self.steps[entry](program)
        except (ValueError, TypeError, IndexError, ArithmeticError, RuntimeError) as error:
            at = self.entries[entry]
            kind = type(error) if type(error) in _PLAIN_ERRORS else RuntimeError
            raise kind(f"{error} (at {at.line}, behind changes that the compiled function has made)") from error

    def _leave(self, program: Any, leaves: Any) -> Any:
        """What the function would have left behind."""
        for x in self.changed:
            counter = x._counter
            if counter is None:
                counter = x._share_counter()
            counter[0] += 1
        for leaf in self.summed:
            if leaf._grad is not None:
                leaf._grad._share_counter()[0] += 1
        kept = program.kept
        for leaf, place in self.gradients:
            former = leaf._grad
            if place is None:
                leaf.grad = None
            elif former is not None and former._value is kept[place[0]]:
                former._counter = None  # as of one that is new
            else:
                leaf.grad = wrap(program.array(place))
        if self.single is not None:
            return _result(program, self.single, leaves)
        out: list[Any] = []
        for result in self.results:
            out.append(out[result.same_as] if result.same_as >= 0 else _result(program, result, leaves))
        return self.structure(out)


class Caller:
    """Calls the program that was called last, if it fits: what `wengert.compiling.Compiled` is derived from."""

    def __init__(self) -> None:
        self._last: Any = None

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        last = self._last
        if last is not None and not keywords and _is_usual(last):
            arrays = last.arrays(args)
            if arrays is not None and last.holds():
                try:
                    return last.run(arrays, args)
                except Failed:  # before there was any change
                    return self.__wrapped__(*args)  # type: ignore[attr-defined]
        return self._called(args, keywords)

    def _called(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Any call but the most frequent ones."""
        raise NotImplementedError


def _is_usual(last: Replay) -> bool:
    """Whether nobody watches what this thread does, and it is in the modes in which a program was recorded."""
    return not is_watched() and mode.recording == last.recording and ever.defaults == last.defaults


def is_watched() -> bool:
    """Whether somebody watches this thread, or derives by what it computes: then functions run as themselves."""
    return bool(
        followed or mode.observer is not None or (ever.recordings and mode.recorder is not None)
        or (ever.batches_or_hooks and mode.levels)
    )  # fmt: skip


def _whole(slot: int, results: list[Result], recording: Any) -> Any:
    """The place of a result that is all of a slot, dense and in C order: its array is made with the memory."""
    for result in results:
        place = result.place
        if result.kind == "new" and place is not None and place[0] == slot:
            size = place[4].itemsize
            for length, stride in zip(reversed(place[2]), reversed(place[3]), strict=True):
                if stride != size:
                    return None
                size *= length
            return place if place[1] == 0 and size == recording.bytes(slot) and size else None
    return None


def _result(program: Any, result: Result, leaves: list[Any]) -> Any:
    kind = result.kind
    if kind == "new":
        out = wrap(program.array(result.place))
        return with_history(out, result.leaf) if result.requires_grad else out
    if kind == "plain" or kind == "outside":
        return result.what
    if kind == "argument":
        return leaves[result.what]
    if kind == "gradient":
        return result.what._grad
    return view_of(leaves[result.what] if isinstance(result.what, int) else result.what, result.place)


def view_of(base: Any, place: Any) -> Any:
    """A view of an argument, or of a variable from outside, at a place in its memory."""
    if not isinstance(base, Variable):
        return _kernels.view_at(base, *place[1:])
    return as_view(base, wrap(_kernels.view_at(base._value, *place[1:])))


def _quick(guard: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same guard, of an item that is there as one that needs no method of the mapping."""
    kind, holder, name, found = guard
    return ("entry", holder, name, found) if kind == "item" and name in holder else guard


def _guard_holds(guard: tuple[Any, ...]) -> bool:
    kind, holder, name, found = guard
    if kind == "entry":
        try:
            return holder[name] is found
        except KeyError:
            return False
    if kind == "item":
        return holder.get(name) is found
    if kind == "attribute":
        return getattr(holder, name) is found
    if kind == "truth":
        return bool(holder[name]) is found
    members, wanted = holder, found
    if len(members) != len(wanted):
        return False
    for k in range(len(wanted)):  # noqa: SIM110
        if members[k] is not wanted[k]:
            return False
    return True


# ---------------------------------------------------------------- histories that there are none of


def _refuse(g: Any) -> Any:
    raise RuntimeError(
        "compile: the result of a compiled function has no history to walk back through; put the whole step, with its "
        "backward(), into the compiled function, compile its gradient, as in wg.compile(wg.func.grad(f)), or call the "
        "function itself, f.__wrapped__"
    )


_COMPILED = Operation(
    "compiled", lambda x: x, ("x",), (rule(_refuse),), (rule(lambda t: _refuse(t)),), batched=unchanged
)  # fmt: skip


def with_history(x: Any, leaf: bool) -> Any:
    """A result that requires a gradient: a leaf, or one whose walk says why there is none."""
    if leaf:
        return x.requires_grad_()
    source = wrap(np.zeros(()))
    source.requires_grad_()
    record(_COMPILED, (source,), {}, x)
    return x
