"""The constructors of operations: from the algebra of an operation, both of its derivative rules.

- `elementwise`: one partial derivative per argument gives both rules.
- `linear`: the forward rule is the operation itself.
- `bilinear`: linear in each of two arguments.
- `primitive`: both rules written out, where neither algebra nor speed allows the others.

Rules read like the mathematics: g is the cotangent, t the tangent, z the result, x and y (or the names in `arguments`)
the inputs; anything else is a static keyword of the operation. They are made of operations, never of kernels.

Broadcasting and casting are undone here, once: an elementwise operation whose differentiable operands differ in shape
or dtype first applies `broadcast_to` and `cast`, which are linear and know their transposes.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from . import _kernels, dtypes, tape
from .tape import Operation, Rule, Variable, apply

Function = Callable[..., Any]


def rule(function: Function | None, **rename: str) -> Rule | None:
    """A rule from a function, its needs read off its parameter names."""
    if function is None:
        return None
    return Rule(function, tuple(rename.get(name, name) for name in inspect.signature(function).parameters))


def named(function: Function, name: str, doc: str, operation: Operation | None = None) -> Function:
    """`function` under a public name; `help` shows it like any other function."""
    function.__name__ = function.__qualname__ = name
    function.__module__ = "wengert"
    function.__doc__ = doc
    function.operation = operation
    return function


def elementwise(
    name: str, kernel: Function, *partials: Function | None, floating: bool = False, doc: str = ""
) -> Function:  # fmt: skip
    """An operation that acts item by item, of one or two arguments.

    Parameters
    ----------
    partials : functions
        Per argument, the partial derivative from any of x, y, z and static keywords, or, where it has a parameter g,
        what it makes of g (the same map both ways, since a diagonal matrix is symmetric); None where it is zero.
    floating : bool
        Integers and booleans become the default float first.
    """
    arguments = ("x", "y")[: len(partials)]
    operation = Operation(name, kernel, arguments, *_diagonal(partials))
    if len(partials) == 1:

        def unary(x: Any, **static: Any) -> Any:
            if not isinstance(x, Variable) or (floating and x.value.dtype.kind != "f"):
                x = as_floating(x) if floating else as_variable(x)
            return apply(operation, (x,), static)

        return named(unary, name, doc, operation)

    def binary(x: Any, y: Any) -> Any:
        if isinstance(x, Variable) and isinstance(y, Variable):
            dtype = x.value.dtype
            alike = dtype is y.value.dtype and not (floating and dtype.kind != "f")
            # The kernel broadcasts; only a derivative needs to know of it.
            if alike and (not (x.requires_grad or y.requires_grad) or x.value.shape == y.value.shape):
                return apply(operation, (x, y))
        return apply(operation, match(name, x, y, floating=floating))

    return named(binary, name, doc, operation)


# The derivative is zero wherever there is one.
ZERO = Rule(lambda g: tape._box(np.zeros_like(g.value)), ("g",))


def _diagonal(partials: tuple[Function | None, ...]) -> tuple[tuple[Rule | None, ...], tuple[Rule | None, ...]]:
    vjps, jvps = [], []
    for partial in partials:
        if partial is None:
            vjps.append(ZERO)
            jvps.append(ZERO)
        elif "g" in inspect.signature(partial).parameters:
            vjps.append(rule(partial))
            jvps.append(rule(partial, g="t"))
        else:
            needs = tuple(inspect.signature(partial).parameters)
            times = _times(partial)
            vjps.append(Rule(times, ("g", *needs)))
            jvps.append(Rule(times, ("t", *needs)))
    return tuple(vjps), tuple(jvps)


def _times(partial: Function) -> Function:
    return lambda g, *needs: g * partial(*needs)


def _static_names(kernel: Function, arguments: int) -> tuple[str, ...]:
    """The static keywords of a kernel: its parameters behind the positional arguments."""
    return tuple(inspect.signature(kernel).parameters)[arguments:]


def linear(name: str, kernel: Function, transpose: Function) -> Operation:
    """An operation that is linear in its one argument; `transpose` maps g back."""
    names = _static_names(kernel, 1)

    def forward(t: Any, *values: Any) -> Any:
        return apply(operation, (t,), dict(zip(names, values, strict=True)))

    operation = Operation(name, kernel, ("x",), (rule(transpose),), (Rule(forward, ("t", *names)),))
    return operation


def bilinear(name: str, kernel: Function, left: Function, right: Function) -> Operation:
    """An operation that is linear in each of x and y; `left` maps g and y to x's cotangent, `right` g and x to y's."""
    names = _static_names(kernel, 2)

    def forward_left(t: Any, y: Any, *values: Any) -> Any:
        return apply(operation, (t, y), dict(zip(names, values, strict=True)))

    def forward_right(t: Any, x: Any, *values: Any) -> Any:
        return apply(operation, (x, t), dict(zip(names, values, strict=True)))

    jvps = (Rule(forward_left, ("t", "y", *names)), Rule(forward_right, ("t", "x", *names)))
    operation = Operation(name, kernel, ("x", "y"), (rule(left), rule(right)), jvps)
    return operation


def primitive(
    name: str, kernel: Function, vjps: tuple[Function | None, ...], jvps: tuple[Function | None, ...],
    arguments: tuple[str, ...] | None = None,
) -> Operation:  # fmt: skip
    """An operation with both rules written out, one of each per argument (None: not differentiable in it)."""
    if arguments is None:
        arguments = ("x", "y")[: len(vjps)]
    return Operation(name, kernel, arguments, tuple(map(rule, vjps)), tuple(map(rule, jvps)))


# ---------------------------------------------------------------- operands


def as_variable(x: Any, dtype: np.dtype | None = None) -> Variable:
    """x as a variable: itself, or a constant made of an array or of numbers."""
    if isinstance(x, Variable):
        return x
    if isinstance(x, float):
        dtype = dtype or dtypes.get_default_dtype()
    value = np.asarray(x, dtype=dtype)
    if value.dtype not in dtypes.ALL:
        raise TypeError(
            f"expected a tensor, an array or numbers, got {type(x).__name__} of dtype {value.dtype}; tensors have "
            f"{', '.join(map(str, dtypes.ALL))}"
        )
    return tape._box(value)


def as_floating(x: Any) -> Variable:
    """The same, with integers and booleans turned into the default float."""
    x = as_variable(x)
    return x if x.value.dtype.kind == "f" else cast(x, dtypes.get_default_dtype())


def match(name: str, *operands: Any, floating: bool = False) -> tuple[Any, ...]:
    """Operands of one dtype, and, where they are differentiable, of one shape. Numbers stay numbers."""
    operands = tuple(x if isinstance(x, (Variable, int, float)) else as_variable(x) for x in operands)
    dtype = dtypes.result_type(*operands)
    if floating and dtype.kind != "f":
        dtype = dtypes.get_default_dtype()
    if not any(isinstance(x, Variable) for x in operands):
        operands = (as_variable(operands[0], dtype), *operands[1:])
    operands = tuple(cast(x, dtype) if isinstance(x, Variable) and x.value.dtype != dtype else x for x in operands)
    if any(isinstance(x, Variable) and x.requires_grad for x in operands):
        shape = broadcast_shape(name, *[x.value.shape for x in operands if isinstance(x, Variable)])
        operands = tuple(
            broadcast_to(x, shape) if isinstance(x, Variable) and x.requires_grad and x.value.shape != shape else x
            for x in operands
        )
    return operands


def broadcast_shape(name: str, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that all of `shapes` broadcast to."""
    first = shapes[0]
    if all(shape == first for shape in shapes):
        return first
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise ValueError(
            f"{name}: the shapes {' and '.join(map(str, shapes))} do not broadcast; each dimension, counted from "
            "the last, must be equal or 1"
        ) from None


def _broadcast(x: np.ndarray, shape: tuple[int, ...], before: tuple[int, ...]) -> np.ndarray:
    return np.broadcast_to(x, shape)


def _sum_to(x: np.ndarray, shape: tuple[int, ...], before: tuple[int, ...]) -> np.ndarray:
    lead = x.ndim - len(shape)
    axes = tuple(range(lead)) + tuple(i + lead for i, n in enumerate(shape) if n == 1 and x.shape[i + lead] != 1)
    if x.dtype.kind == "f" and x.dtype != dtypes.float16:
        return _kernels.reduce("sum", x, axes, True).reshape(shape)
    return np.sum(x, axes, dtype=x.dtype, keepdims=True).reshape(shape)


def _cast(x: np.ndarray, dtype: np.dtype, before: np.dtype) -> np.ndarray:
    return dtypes.convert(x, dtype)


# `before` is the shape or dtype that the transpose returns to.
BROADCAST_TO = linear(
    "broadcast_to", _broadcast, lambda g, shape, before: apply(SUM_TO, (g,), {"shape": before, "before": shape})
)
SUM_TO = linear(
    "sum_to", _sum_to, lambda g, shape, before: apply(BROADCAST_TO, (g,), {"shape": before, "before": shape})
)
CAST = linear("cast", _cast, lambda g, dtype, before: apply(CAST, (g,), {"dtype": before, "before": dtype}))


def broadcast_to(x: Variable, shape: tuple[int, ...]) -> Any:
    """A view of x with `shape`, repeated along the dimensions it lacks; the transpose sums over them."""
    return apply(BROADCAST_TO, (x,), {"shape": shape, "before": x.value.shape})


def sum_to(x: Variable, shape: tuple[int, ...]) -> Any:
    """x summed over the dimensions along which `shape` would be broadcast to x's."""
    return x if x.value.shape == shape else apply(SUM_TO, (x,), {"shape": shape, "before": x.value.shape})


def cast(x: Variable, dtype: np.dtype) -> Any:
    """x with another dtype; the transpose casts back. Integers have no derivative: the result is then a constant."""
    if dtype.kind != "f" or x.value.dtype.kind != "f":
        return tape._box(dtypes.convert(x.value, dtype))
    return apply(CAST, (x,), {"dtype": dtype, "before": x.value.dtype})
