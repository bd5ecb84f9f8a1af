"""The doors: where data becomes a value, where it is changed, and where a value becomes data again.

Whatever computes on tensors' values does it by one of seven doors, each with one place that dispatches. Five are here;
the other two are `apply` in tape.py, for operations with a derivative, and for those without (`define.computed`).

- `enter`: outside data becomes a value.
- `constant`: a value is made from static numbers alone.
- `draw`: a value is made by a generator of random numbers.
- `change`: memory is written to, and the change is counted.
- `leave`: a value becomes a number, an array, a buffer or text.

A value is an array, a tuple of them, or an object of a class derived from `Value`, which says how a kernel is run over
it. Compiled: doors.pxd holds the types of attributes and locals.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np

from .._kernels import all_writeable
from .._types import Tensor
from . import dtypes, guard
from .following import followed, is_followed, lost
from .modes import ever, mode
from .variable import Variable, wrap


class Value:
    """A value that is no array: it has a shape and a dtype, and runs kernels over the arrays that it stands for.

    The tape, the rules and the operations ask such a value for `shape`, `dtype`, `ndim` and `size` alone; the doors
    hand it whatever else is to be done.
    """

    __slots__ = ()
    many = False  # values in one

    def run(self, operation: Any, values: list[Any], static: dict[str, Any]) -> Any:
        """What an operation's kernel gives for values: arrays, such as this, and tuples of both."""
        raise TypeError(f"{type(self).__name__}: no kernel can be run over such a value")

    def draw(self, kernel: Callable[..., Any], values: list[Any], static: dict[str, Any]) -> Any:
        """What a kernel draws for values, the first of which is the generator."""
        raise TypeError(f"{type(self).__name__}: nothing can be drawn for such a value")

    def leave(self, kind: str) -> Any:
        """The array that is let out, for a purpose: "number", "bool", "int", "text" or "array"."""
        raise TypeError(f"{type(self).__name__}: such a value cannot become data ({kind})")

    def memory(self) -> np.ndarray:
        """The array whose memory this value shows, to be compared with others', not read."""
        raise TypeError(f"{type(self).__name__}: such a value shows no memory")

    def buffer(self) -> np.ndarray:
        """All of this value's memory, to be told whether another's overlaps with it."""
        return self.memory()

    def protected(self) -> Any:
        """This value, over memory that cannot be written by way of it; itself, if that is never written."""
        return self

    def write(
        self, name: str, kernel: Callable[..., Any], values: list[Any], static: dict[str, Any], count: int
    ) -> None:
        """Let a kernel, in a change of this name, write into the first `count` of values, which are all it is given."""
        raise TypeError(f"{type(self).__name__}: such a value cannot be changed in place")

    def text(self) -> str:
        """What stands for the items where a tensor is printed."""
        raise TypeError(f"{type(self).__name__}: such a value cannot be printed")

    def repeated(self, value: Any) -> Any:
        """An array, or a value of this kind, as one of as many examples as this."""
        raise TypeError(f"{type(self).__name__}: nothing can be made like such a value")


def special(values: list[Any]) -> Any:
    """The first value that is no array, alone or in a tuple; None if all are arrays."""
    for value in values:
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Value):
                return part
    return None


# ---------------------------------------------------------------- in


def enter(x: Any, dtype: np.dtype | None = None) -> Tensor:
    """x as a variable: itself, or a constant made of an array or of numbers.

    Raises
    ------
    TypeError
        If x is of a dtype that tensors do not have.
    """
    if isinstance(x, Variable):
        return x  # type: ignore[return-value]  # the variables that there are, are tensors
    if type(x) is float:  # one of NumPy's float64 has a dtype that is meant
        dtype = dtype or dtypes.get_default_dtype()
    value = np.asarray(x, dtype=dtype)
    if value.dtype not in dtypes.ALL:
        raise TypeError(
            f"expected a tensor, an array or numbers, got {type(x).__name__} of dtype {value.dtype}; tensors have "
            f"{', '.join(map(str, dtypes.ALL))}"
        )
    if ever.recordings and mode.recorder is not None:
        return _made(mode.recorder.enter(x, value))
    return wrap(value)


def enter_numbers(array: np.ndarray) -> Tensor:
    """An array that was made of Python's numbers, and that nobody else has, as a variable."""
    if ever.recordings and mode.recorder is not None:
        return _made(mode.recorder.numbers(array))
    return wrap(array)


def _made(value: Any) -> Tensor:
    """A value that is made while a program is recorded, as a variable."""
    out = wrap(value)
    mode.recorder.made(out)
    return out


def constant(kernel: Callable[..., np.ndarray], *static: Any) -> Tensor:
    """A value made from static numbers alone: shapes, dtypes, lengths."""
    if ever.recordings and mode.recorder is not None:
        return _made(mode.recorder.constant(kernel, static))
    return wrap(kernel(*static))


def draw(kernel: Callable[..., np.ndarray], generator: Any, *inputs: Any, **static: Any) -> Tensor:
    """A value that a kernel draws: of the random numbers of `generator`, and of the values of the inputs.

    Parameters
    ----------
    kernel : callable
        Of a `numpy.random.Generator`, arrays and static keywords; gives an array.
    generator : numpy.random.Generator
    *inputs : variables, or what kernels take besides
    **static
        Hashable.
    """
    values = [generator, *[x._value if isinstance(x, Variable) else x for x in inputs]]
    if ever.recordings and mode.recorder is not None:
        levels = mode.levels

        def again(*values: Any) -> Any:
            with _inside(levels):
                return _drawn(kernel, list(values), static)

        return _made(mode.recorder.draw(kernel, again, values, static))
    return wrap(_drawn(kernel, values, static))


class _inside:
    """A block in which some batches are open."""

    def __init__(self, levels: tuple[Any, ...]) -> None:
        self._levels = levels

    def __enter__(self) -> None:
        self._before, mode.levels = mode.levels, self._levels

    def __exit__(self, *exception: Any) -> None:
        mode.levels = self._before


def _drawn(kernel: Callable[..., Any], values: list[Any], static: dict[str, Any]) -> Any:
    for level in mode.levels:
        if level.randomness != "same":
            return level.draw(kernel, values, static)
        level.begin(values[0])
    value = special(values)
    return kernel(*values, **static) if value is None else value.draw(kernel, values, static)


def alike(x: Any, out: Any) -> Any:
    """A constant that is made in x's likeness and may be written to: for each example, if x has a value for each."""
    value = x._value if isinstance(x, Variable) else None
    if not (isinstance(value, Value) and value.many):
        return out
    if ever.recordings and mode.recorder is not None:
        return _made(mode.recorder.repeated(value, out._value))
    return wrap(value.repeated(out._value))


# ---------------------------------------------------------------- in place


def line_of_caller() -> str | None:
    """The innermost line outside this package, and outside NumPy, which may have called it."""
    frame: FrameType | None = sys._getframe()  # compiled functions have no frame of their own
    while frame is not None and frame.f_globals.get("__name__", "").split(".")[0] in ("wengert", "numpy"):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else None


def line() -> str | None:
    """The innermost line outside this package, when somebody watches."""
    return line_of_caller() if ever.observers and mode.observer is not None else None


def memory(x: Variable) -> np.ndarray:
    """The array of x, for its place in memory: strides, address, flags. Its items are left alone."""
    value = x._value
    array: np.ndarray = value.memory() if isinstance(value, Value) else value
    return array


def buffer(x: Variable) -> np.ndarray:
    """All memory that x shows, to be told whether another's overlaps with it."""
    value = x._value
    array: np.ndarray = value.buffer() if isinstance(value, Value) else value
    return array


def count_change(x: Variable) -> None:
    """Note that the memory of x, and so of all of its views, has changed."""
    _count((x,), line())


def require_writable(x: Variable, name: str) -> None:
    """Raise if x's memory cannot be written; lift the protection that detect_anomaly has put on it."""
    value = x._value
    if isinstance(value, Value) or value.flags.writeable:
        return
    guard.release(value)  # what detect_anomaly keeps from NumPy only: a later walk will tell
    if not value.flags.writeable:
        raise RuntimeError(
            f"{name}: this tensor of shape {value.shape} shows memory that cannot be written (broadcast, an argument "
            "of a function that is differentiated, or read-only where it came from); clone() it first"
        )


def _values_of(written: tuple[Variable, ...]) -> tuple[list[Any], bool]:
    """The values of variables, and whether all are arrays, of NumPy's class or one derived from it."""
    values = []
    plain = True
    for x in written:
        value = x._value
        plain = plain and not isinstance(value, Value)
        values.append(value)
    return values, plain


def _count(written: tuple[Variable, ...], where: str | None) -> None:
    """Count a change of each, made at a line."""
    for x in written:
        counter = x._counter
        if counter is None:
            counter = x._share_counter()
        counter[0] += 1
        counter[1] = where


def change(
    name: str, written: tuple[Any, ...], kernel: Callable[..., Any], *read: Any, host: Any = None, **static: Any
) -> None:  # fmt: skip
    """Let a kernel write into the memory of variables, and count it.

    Parameters
    ----------
    name : str
        What errors call the change.
    written : tuple of variables
        Their arrays are the kernel's first arguments.
    kernel : callable
        Writes into them; what it returns is dropped.
    *read : variables, or what kernels take besides
        Further arguments of the kernel.
    host : object or None
        Keywords that are numbers of Python's which change from call to call: `host.read()` gives them, and
        `host.done()` is called after the change. What is recorded reads them anew each time it is run.
    **static
        Its keywords.

    Raises
    ------
    RuntimeError
        If the memory of one cannot be written.
    """
    values, plain = _values_of(written)
    if not (plain and all_writeable(values)):
        for x in written:
            require_writable(x, name)
    for x in read:
        value = x._value if isinstance(x, Variable) else x
        values.append(value)
        plain = plain and not isinstance(value, Value)
    if ever.recordings and mode.recorder is not None:
        call = functools.partial(_write, name, kernel, len(written))
        mode.recorder.change(name, written, kernel, values, call, host, static)
    else:
        if host is not None:
            static = {**static, **host.read()}
        if plain:
            kernel(*values, **static)
        else:
            special(values).write(name, kernel, values, static, len(written))
    if host is not None:
        host.done()
    _count(written, line())


def _write(name: str, kernel: Callable[..., Any], written: int, /, *values: Any, **static: Any) -> None:
    """Let a kernel write into the first `written` values."""
    value = special(list(values))
    if value is None:
        kernel(*values, **static)
    else:
        value.write(name, kernel, list(values), static, written)


# ---------------------------------------------------------------- out


def differs(x: Variable) -> bool:
    """Whether x has a value for each example of a batch, so that none can be asked for."""
    value = x._value
    return isinstance(value, Value) and value.many


def batch_text(x: Variable) -> str | None:
    """What stands for the items in print where x has a value for each example of a batch; None where it has one."""
    value = x._value
    return value.text() if isinstance(value, Value) and value.many else None


def leave(x: Variable, kind: str) -> np.ndarray:
    """The array of x, for what becomes data: a "number", a "bool", an "int", "text", or an "array" that is handed out.

    Parameters
    ----------
    x : variable
    kind : str

    Returns
    -------
    numpy.ndarray
        x's own memory.

    Raises
    ------
    RuntimeError
        If x depends on what a function that is being recorded by `wg.func` is differentiated by, and is to become a
        number or an array: the derivative would be lost. What is constant piece by piece (bool, int) and text pass.
    """
    if ever.recordings and mode.recorder is not None:
        mode.recorder.leave(x, kind)
    if followed and (kind == "number" or kind == "array") and x.is_tracked():
        require_unfollowed(x, "an array" if kind == "array" else "a number")
    value = x._value
    array: np.ndarray = value.leave(kind) if isinstance(value, Value) else value
    return array


def require_unfollowed(x: Variable, what: str, also_unrecorded: bool = False) -> None:
    """Raise if x is to become what has no derivative, and depends on what a function is being differentiated by."""
    if followed and is_followed(x, also_unrecorded):
        raise lost(what, line_of_caller())
