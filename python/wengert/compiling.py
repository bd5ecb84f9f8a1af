"""`wengert.compile`: a function that is run again without Python, by the list of what it did."""

from __future__ import annotations

import functools
import types
import warnings
from collections.abc import Callable
from typing import Any, TypeVar, overload

from .core import locks
from .core.doors import line_of_caller
from .core.modes import ever
from .core.recorder import CompileError
from .core.replay import Caller, Failed, Replay, is_watched
from .core.runs import Given, Recorded, State, bits, differing
from .core.signatures import telling

__all__ = ["OPTIONS", "CompileError", "Compiled", "compile"]

F = TypeVar("F", bound=Callable[..., Any])
MOST = 8  # programs of one function
OPTIONS = ("fullgraph", "dynamic", "backend", "mode", "options", "disable")  # PyTorch's, in its order


class Compiled(Caller):
    """A function that records what it does, and then runs that again: what `wg.compile` gives.

    Parameters
    ----------
    f : callable
    check : bool

    Examples
    --------
    >>> g = wg.compile(lambda x: (x * x).sum())
    >>> [float(g(wg.tensor([1., n]))) for n in range(4)]
    [1.0, 2.0, 5.0, 10.0]
    """

    def __init__(self, f: Callable[..., Any], check: bool = False) -> None:
        super().__init__()
        functools.update_wrapper(self, f, updated=())
        self.__wrapped__ = f
        self._name = getattr(f, "__qualname__", type(f).__name__)
        self._check = check
        self._forget()

    def _forget(self) -> None:
        self._lock = locks.lock()
        self._ready: dict[Any, list[Replay]] = {}
        self._waiting: dict[Any, list[Recorded]] = {}
        self._eager: set[Any] = set()
        self._warned = False
        self._dropped = 0
        self._last = None
        self._latest: Any = None  # the key of the last call that was recorded

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __reduce__(self) -> Any:
        return (Compiled, (self.__wrapped__, self._check))

    def __repr__(self) -> str:
        return f"<compiled {self._name}: {self._count()} program(s)>"

    def _count(self) -> int:
        return sum(map(len, self._ready.values()))

    # ------------------------------------------------------------ calls

    def _called(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        if is_watched():
            return self.__wrapped__(*args, **keywords)
        given = Given(self._name, args, keywords)
        if given.tracked:
            return self.__wrapped__(*args, **keywords)
        for replay in self._ready.get(given.key, ()):
            if replay.holds():
                return self._replayed(replay, given)
        if given.key in self._eager or not self._has_room(given):
            return self.__wrapped__(*args, **keywords)
        return self._record(given)

    def _replayed(self, replay: Replay, given: Given) -> Any:
        if self._check:
            return self._checked(replay, given)
        try:
            out = replay.run(tuple(given.arrays), given.leaves)
        except Failed:  # before there was any change
            return self.__wrapped__(*given.args, **given.keywords)
        replay.defaults = ever.defaults  # among which is the one that is in its key
        self._last = replay
        return out

    def _has_room(self, given: Given) -> bool:
        """Whether one recording more is to be made. Programs that do not hold any more make room, a few times."""
        with self._lock:
            if self._count() + sum(map(len, self._waiting.values())) < 2 * MOST and self._count() < MOST:
                return True
            if self._dropped < 4 * MOST:
                for key, replays in self._ready.items():
                    kept = [replay for replay in replays if replay.holds()]
                    if len(kept) < len(replays):
                        self._dropped += len(replays) - len(kept)
                        self._ready[key] = kept
                        return True
        changes = _WHAT_CHANGES if self._latest is None else given.differs(self._latest) or _WHAT_CHANGES
        self._give_up(None, f"there are {MOST} programs of it already, and {changes}")
        return False

    def _record(self, given: Given) -> Any:
        """Run the function, and note what it does; of two runs that do the same a program is made."""
        recorded = Recorded(self.__wrapped__, given)
        self._latest = given.key
        why = recorded.recorder.void
        if why is not None:
            self._give_up(given.key, f"{why}; it runs as it is")
            return recorded.out
        with self._lock:
            waiting = self._waiting.setdefault(given.key, [])
            former = next((r for r in waiting if r.depends == recorded.depends), None)
            if former is None:
                waiting.append(recorded)
                return recorded.out
            difference = differing(former.pair, recorded.pair)
            if difference is not None:
                raise CompileError(
                    f"compile: two calls of {self._name} did not do the same: {difference}. What changes from call to "
                    "call must be an argument, a tensor, or an option of an optimizer; the calls have been made"
                )
            waiting.remove(former)
            self._ready.setdefault(given.key, []).append(recorded.replay())
        return recorded.out

    def _give_up(self, key: Any, why: str) -> None:
        if key is not None:
            self._eager.add(key)
        if not self._warned:
            self._warned = True
            file, _, line = (line_of_caller() or "?:0").rpartition(":")
            text = f"compile: {self._name} is not run as a program: {why}"
            warnings.warn_explicit(text, UserWarning, file, int(line))

    # ------------------------------------------------------------ checking

    def _checked(self, replay: Replay, given: Given) -> Any:
        """Run the program and then, from the same state, the function; raise where they differ by a bit."""
        before = State(replay)
        found = bits(replay.run(tuple(given.arrays), given.leaves))
        after = State(replay)
        before.restore()
        out = self.__wrapped__(*given.args, **given.keywords)
        expected = State(replay)
        if found != bits(out):
            raise CompileError(
                f"compile: {self._name} gave other results than its program: a number or an object of Python's that it "
                "reads has changed since it was recorded; hand it over as an argument or as a tensor"
            )
        what = after.differs(expected)
        if what is not None:
            raise CompileError(
                f"compile: {self._name} left {what} in another state than its program: a number or an object of "
                "Python's that it reads has changed since it was recorded; hand it over as an argument or as a tensor"
            )
        return out

    # ------------------------------------------------------------ looking

    def show(self) -> str:
        """The programs as tables: what is called, what it gives, and the line that asked for it.

        Returns
        -------
        str

        Examples
        --------
        >>> g = wg.compile(lambda x: (x * x).sum())
        >>> for n in range(2):
        ...     y = g(wg.tensor([1., n]))
        >>> print(g.show().splitlines()[0])
        program 1 of <lambda>: 2 calls, 0 steps of Python, 64 bytes
        """
        parts: list[str] = []
        for replays in self._ready.values():
            for replay in replays:
                parts.append(_table(len(parts) + 1, self._name, replay))
        if not parts:
            parts.append(f"{self._name}: no program yet; it takes two calls to make one")
        return Text("\n\n".join(parts))


_WHAT_CHANGES = (
    "what it depends on changes again: parameters and gradients that are others or not there, options that decide "
    "about terms, or objects that are made inside"
)


# ---------------------------------------------------------------- tables


class Text(str):
    """Text that a prompt shows as it is."""

    __slots__ = ()
    __repr__ = str.__str__


def _table(number: int, name: str, replay: Replay) -> str:
    calls, fused, size, blocks = replay.master.sizes()
    of_entries = replay.master.entries()
    steps = sum(replay.steps[e] is not None for e in of_entries)
    lines = [
        f"program {number} of {name}: {calls - steps} calls, {steps} steps of Python, {size} bytes"
        + (f" for {blocks} of results" if blocks > size else "")
        + (f", {fused} calls joined" if fused else "")
    ]
    rows = [("", "operation", "how", "gives", "line")]
    for k, e in enumerate(of_entries):
        entry = replay.entries[e]
        rows.append((str(k), entry.name, entry.kind, entry.result, entry.line or ""))
    widths = [max(len(row[c]) for row in rows) for c in range(4)]
    for row in rows:
        lines.append("  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[4]]).rstrip())
    return "\n".join(lines)


# ---------------------------------------------------------------- the function


@overload
def compile(
    f: F, *, check: bool = False, fullgraph: bool = False, dynamic: bool | None = None, backend: Any = None,
    mode: str | None = None, options: dict[str, Any] | None = None, disable: bool = False,
) -> F: ...  # fmt: skip
@overload
def compile(
    f: None = None, *, check: bool = False, fullgraph: bool = False, dynamic: bool | None = None, backend: Any = None,
    mode: str | None = None, options: dict[str, Any] | None = None, disable: bool = False,
) -> Callable[[F], F]: ...  # fmt: skip
@telling
def compile(
    f: Any = None, *, check: bool = False, fullgraph: bool = False, dynamic: bool | None = None, backend: Any = None,
    mode: str | None = None, options: dict[str, Any] | None = None, disable: bool = False,
) -> Any:  # fmt: skip
    """Run a function again without Python: the first calls leave a list of all that they did, later ones run it from C.

    Numbers and globals of Python's that the function reads are frozen, and so are the parts of a module and its hooks;
    what it prints is printed while it is recorded. Everything else is as in the function itself: the same results in
    the same bits, the same changes of parameters, gradients, states of optimizers and of generators; or an error that
    names the line.

    Parameters
    ----------
    f : callable
        Of tensors, arrays, numbers, and structures of them; a module; None: the decorator.
    check : bool
        Call the function after each run of its program, from the same state, and compare all bits: this finds what is
        frozen.
    fullgraph, dynamic, backend, mode, options
        PyTorch's, which have no effect: a program is always the whole function, and of one shape of each argument.
    disable : bool
        Give f itself, as it is.

    Returns
    -------
    Compiled
        Called like f. `show()` tells its programs, `__wrapped__` is f. Of a module, a module in its place that has it
        as `_orig_mod`: the same parameters, in its state under names with the prefix `_orig_mod.`, and all other
        attributes of the module, which it also sets there.

    Raises
    ------
    CompileError
        While it is recorded, if a value becomes a number, a decision or an array, or a shape depends on items; and if
        two calls do not do the same.

    Notes
    -----
    - A program is made of two calls that do the same. There is one for each combination of shapes, dtypes and strides
      of arrays among the arguments, and of all other arguments, which are compared by value: at most 8, and then the
      function itself runs.
    - Arrays among the arguments are not to be changed by f. Tensors that were there before (parameters, buffers) are
      read and written where they are; learning rates and other options of optimizers are read at each call.
    - Inside `wg.func`, `vmap`, `trace` and other compiled functions, and with arguments that require gradients, f
      itself runs: a result has no history of its own. Compile the whole step with its `backward()`, or the gradient.
    - A module itself runs, too, while its calls are recorded and any of its parameters requires a gradient, so that a
      training loop is what it was: its program is for `no_grad`, `inference_mode` and parameters that are frozen.

    Examples
    --------
    >>> w = wg.tensor([1., 1.], requires_grad=True)
    >>> optimizer = wg.optim.SGD([w], lr=0.25)
    >>> @wg.compile
    ... def step(x):
    ...     optimizer.zero_grad()
    ...     loss = ((w - x) ** 2).sum()
    ...     loss.backward()
    ...     optimizer.step()
    ...     return loss.detach()
    >>> [float(step(wg.zeros(2))) for _ in range(4)]
    [2.0, 0.5, 0.125, 0.03125]
    >>> net = wg.compile(wg.nn.Linear(2, 1), fullgraph=True)
    >>> list(net.state_dict()), net.in_features
    (['_orig_mod.weight', '_orig_mod.bias'], 2)
    """
    if f is None:
        return functools.partial(compile, check=check, disable=disable)
    if not callable(f):
        raise TypeError(f"compile: expected a function or a module, got {type(f).__name__}")
    if disable:
        return f
    of_module = getattr(type(f), "__compiled__", None)  # modules are a floor above
    return Compiled(f, check) if of_module is None else of_module(f, check)
