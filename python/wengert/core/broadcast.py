"""What operations are applied to: variables made of numbers and arrays, of one dtype and of one shape.

Broadcasting and casting are undone here, once: an elementwise operation whose differentiable operands differ in shape
or dtype first applies `broadcast_to` and `cast`, which are linear and know their transposes. The three operations are
made with `Operation` itself, as the constructors of define.py stand on this file. Compiled: broadcast.pxd holds the
types.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from . import dtypes
from .batching import Batch, unchanged
from .bound import by_bindings
from .doors import enter
from .modes import mode
from .tape import Operation, Rule, apply
from .variable import Variable


def as_floating(x: Any) -> Tensor:
    """x as a variable, with integers and booleans turned into the default float."""
    variable = enter(x)
    return variable if is_floating(variable._value.dtype) else cast(variable, dtypes.get_default_dtype())


_FLOAT32 = np.dtype("float32")


def is_floating(dtype: np.dtype) -> bool:
    """Whether a dtype is one of the floating ones."""
    return dtype is _FLOAT32 or dtype.kind == "f"  # its kind takes longer to ask for than its identity


def ready_alone(x: Any, floating: bool) -> bool:
    """Whether an operation of one argument takes x as it is."""
    if not isinstance(x, Variable):
        return False
    a = x
    return not floating or is_floating(a._value.dtype)


def ready(x: Any, y: Any, floating: bool) -> bool:
    """Whether an elementwise operation takes x and y as they are: of one dtype, or one a number that leaves it,
    and of one shape where they are differentiable. The kernels broadcast; only a derivative needs to know of it."""
    if isinstance(x, Variable):
        a = x
        if isinstance(y, Variable):
            b = y
            dtype = a._value.dtype
            if dtype is not b._value.dtype or (floating and not is_floating(dtype)):
                return False
            tracked = a.is_tracked() or b.is_tracked()
            return not tracked or a._value.shape == b._value.shape or not mode.recording
        return keeps_dtype(a, y, floating)
    return isinstance(y, Variable) and keeps_dtype(y, x, floating)


def uniform(variables: list[Any]) -> bool:
    """Whether all of some variables, at least one, are arrays of one shape and dtype."""
    return _kernels.alike([x._value for x in variables])


def beside(x: Any, *others: Any) -> Tensor:
    """x as a variable. A number has the dtype that it would have in an operation with the others."""
    if not isinstance(x, (int, float)):
        return enter(x)
    return enter(x, dtypes.result_type(x, *[y if isinstance(y, (int, float)) else enter(y) for y in others]))


def match(name: str, *operands: Any, floating: bool = False) -> tuple[Any, ...]:
    """Operands of one dtype, and, where they are differentiable, of one shape. Numbers stay numbers."""
    operands = tuple([x if isinstance(x, (Variable, int, float)) else enter(x) for x in operands])
    variables = [x for x in operands if isinstance(x, Variable)]
    alike = len(variables) == len(operands)
    for x in variables[1:]:
        alike = alike and x._value.dtype == variables[0]._value.dtype
    if not alike:  # numbers leave a floating dtype as it is
        alike = len(variables) == 1 and is_floating(variables[0]._value.dtype)
    dtype = variables[0]._value.dtype if alike else dtypes.result_type(*operands)
    if floating and not is_floating(dtype):
        dtype = dtypes.get_default_dtype()
    if not variables:  # NumPy's float64 is a Python float beside a tensor, and has a dtype of its own beside none
        dtype = dtypes.float64 if any(isinstance(x, np.float64) for x in operands) else dtype
        operands = (enter(operands[0], dtype), *operands[1:])
    operands = tuple([cast(x, dtype) if isinstance(x, Variable) and x._value.dtype != dtype else x for x in operands])
    return same_shape(name, operands)


def same_shape(name: str, operands: tuple[Any, ...]) -> tuple[Any, ...]:
    """The operands, those that are differentiable broadcast to the shape of all."""
    shapes = [x._value.shape for x in operands if isinstance(x, Variable)]
    if len(set(shapes)) > 1 and mode.recording:
        tracked = [isinstance(x, Variable) and x.requires_grad for x in operands]
        if True in tracked:
            shape = broadcast_shape(name, *shapes)
            pairs = zip(operands, tracked, strict=True)
            return tuple([broadcast_to(x, shape) if t and x._value.shape != shape else x for x, t in pairs])
    return operands


def keeps_dtype(x: Variable, number: Any, floating: bool) -> bool:
    """Whether an operation of x and a number has x's dtype, which `floating` asks to be a floating one."""
    whole = type(number) is int
    if not (whole or type(number) is float):
        return False
    dtype = x._value.dtype
    return is_floating(dtype) or (whole and not floating and dtype.kind != "b")


def broadcast_shape(name: str, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that all of `shapes` broadcast to."""
    shape = shapes[0]
    for other in shapes[1:]:
        if other == shape:
            continue
        if len(other) > len(shape):
            shape, other = other, shape
        joined = list(shape)
        lead = len(shape) - len(other)
        for i, n in enumerate(other):
            m = shape[lead + i]
            if m == 1:
                joined[lead + i] = n
            elif n != m and n != 1:
                raise ValueError(
                    f"{name}: the shapes {' and '.join(map(str, shapes))} do not broadcast; each dimension, counted "
                    "from the last, must be equal or 1"
                )
        shape = tuple(joined)
    return shape


@by_bindings
def _sum_to(x: np.ndarray, shape: tuple[int, ...], before: tuple[int, ...]) -> np.ndarray:
    lead = x.ndim - len(shape)
    axes = tuple(range(lead)) + tuple(i + lead for i, n in enumerate(shape) if n == 1 and x.shape[i + lead] != 1)
    if x.dtype.kind == "f" and x.dtype != dtypes.float16:
        return _kernels.reduce("sum", x, axes, True).reshape(shape)
    total: np.ndarray = np.sum(x, axes, dtype=x.dtype, keepdims=True)
    return total.reshape(shape)


def _cast(x: np.ndarray, dtype: np.dtype, before: np.dtype) -> np.ndarray:
    return dtypes.convert(x, dtype)


def _linear(
    name: str, kernel: Callable[..., Any], static: str, transpose: Callable[..., Any], batched: Callable[..., Any]
) -> Operation:  # fmt: skip
    """A linear operation with one keyword, and `before`: the shape or dtype that the transpose returns to."""

    def forward(t: Any, now: Any, before: Any) -> Any:
        return apply(operation, (t,), {static: now, "before": before})

    names = (static, "before")
    vjps, jvps = (Rule(transpose, ("g", *names)),), (Rule(forward, ("t", *names)),)
    operation = Operation(name, kernel, ("x",), vjps, jvps, batched=batched)
    return operation


def _repeated(kernel: Callable[..., Any], batch: Batch, arrays: list[Any], static: dict[str, Any]) -> Any:
    """Of a batch: the example's dimensions are counted from the last, so ones stand in for those that it lacks."""
    x, shape = arrays[0], static["shape"]
    lead = len(batch.lengths)
    missing = (1,) * (lead + len(shape) - x.ndim)
    return _kernels.broadcast_view(x.reshape((*batch.lengths, *missing, *x.shape[lead:])), (*batch.lengths, *shape))


def _summed(kernel: Callable[..., Any], batch: Batch, arrays: list[Any], static: dict[str, Any]) -> Any:
    """Of a batch: ones stand before the result's dimensions where the example has more."""
    x, shape = arrays[0], static["shape"]
    missing = (1,) * (x.ndim - len(batch.lengths) - len(shape))
    found = kernel(x, (*batch.lengths, *missing, *shape), ())
    return found.reshape((*batch.lengths, *shape))


BROADCAST_TO: Operation = _linear(
    "broadcast_to", by_bindings(_kernels.broadcast_view), "shape",
    lambda g, shape, before: apply(SUM_TO, (g,), {"shape": before, "before": shape}), _repeated,
)  # fmt: skip
SUM_TO: Operation = _linear(
    "sum_to", _sum_to, "shape",
    lambda g, shape, before: apply(BROADCAST_TO, (g,), {"shape": before, "before": shape}), _summed,
)  # fmt: skip
CAST: Operation = _linear(
    "cast", _cast, "dtype", lambda g, dtype, before: apply(CAST, (g,), {"dtype": before, "before": dtype}), unchanged
)  # fmt: skip


_CONVERT = Operation("cast", dtypes.convert, (), (), (), batched=unchanged)  # to and from integers


def broadcast_to(x: Variable, shape: tuple[int, ...]) -> Tensor:
    """A view of x with `shape`, repeated along the dimensions it lacks; the transpose sums over them.

    It shares x's change counter, so that a walk that needs it finds out when x was changed.
    """
    out = apply(BROADCAST_TO, (x,), {"shape": shape, "before": x._value.shape})
    out._counter = x._share_counter()
    return out


def sum_to(x: Variable, shape: tuple[int, ...]) -> Any:
    """x summed over the dimensions along which `shape` would be broadcast to x's."""
    return x if x._value.shape == shape else apply(SUM_TO, (x,), {"shape": shape, "before": x._value.shape})


def cast(x: Variable, dtype: np.dtype) -> Tensor:
    """x with another dtype; the transpose casts back. Integers have no derivative: the result is then a constant."""
    if not (is_floating(dtype) and is_floating(x._value.dtype)):
        return apply(_CONVERT, (x,), {"dtype": dtype})
    return apply(CAST, (x,), {"dtype": dtype, "before": x._value.dtype})
