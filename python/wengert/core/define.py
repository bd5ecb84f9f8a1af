"""The constructors of operations: from the algebra of an operation, both of its derivative rules.

- `elementwise`: one partial derivative per argument gives both rules.
- `linear`: the forward rule is the operation itself.
- `bilinear`: linear in each of two arguments.
- `primitive`: both rules written out, where neither algebra nor speed allows the others.
- `computed`: no derivative; comparisons, orders, masks, whatever a rule needs to know of data.

Rules read like the mathematics: g is the cotangent, t the tangent, z the result, x and y (or the names in `arguments`)
the inputs; anything else is a static keyword of the operation. They are made of operations, never of kernels.

Broadcasting and casting are undone once, in broadcast.py, and never in a rule.

>>> cube = wg.define.elementwise("cube", lambda x: x ** 3, lambda x: 3 * x * x)
>>> wg.grad(cube)(2.), wg.hessian(cube)(2.)
(tensor(12.), tensor(12.))
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar

import numpy as np

from .._types import Tensor
from .batching import Rule as BatchRule
from .batching import aligned
from .broadcast import as_floating, match, ready, ready_alone
from .doors import constant, enter
from .tape import Operation, Rule, apply
from .variable import Variable

Function = Callable[..., Any]
F = TypeVar("F", bound=Callable[..., Any])


def parameters(function: Function) -> tuple[str, ...]:
    """The names of a function's parameters. A plain function's are in its code, much nearer than in its signature, and
    an import asks hundreds for theirs; one that wraps another shows the other's."""
    plain = function
    while type(plain) is FunctionType and "__signature__" not in plain.__dict__ and "__wrapped__" in plain.__dict__:
        plain = plain.__dict__["__wrapped__"]
    if type(plain) is FunctionType and "__signature__" not in plain.__dict__:
        code = plain.__code__
        if not code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS):
            return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return tuple(inspect.signature(function).parameters)


def rule(function: Function | None) -> Rule | None:
    """A rule from a function, its needs read off its parameter names."""
    return None if function is None else Rule(function, parameters(function))


def named(function: F, name: str, doc: str, operation: Operation | None = None) -> F:
    """`function` under a public name; `help` shows it like any other function."""
    function.__name__ = function.__qualname__ = name
    function.__module__ = "wengert"
    function.__doc__ = doc
    function.operation = operation  # type: ignore[attr-defined]  # which `taylor` looks for
    return function


def elementwise(
    name: str, kernel: Function, *partials: Function | None, floating: bool = False, doc: str = "",
    batched: BatchRule | None = aligned,
) -> Callable[..., Tensor]:  # fmt: skip
    """An operation that acts item by item, of one or two arguments.

    Parameters
    ----------
    name : str
    kernel : callable
        Of arrays, which broadcast, and of static keywords; gives an array.
    partials : functions
        Per argument, the partial derivative from any of x, y, z and static keywords, or, where it has a parameter g,
        what it makes of g (the same map both ways, since a diagonal matrix is symmetric); None where it is zero.
    floating : bool
        Integers and booleans become the default float first.
    doc : str
        The docstring.
    batched : callable or None
        As in `primitive`. By default ones are put between the batch and the example's dimensions, since the kernel
        broadcasts.

    Returns
    -------
    callable
        Of tensors, arrays or numbers; gives a tensor.

    Examples
    --------
    >>> import numpy as np
    >>> sine = wg.define.elementwise("sine", np.sin, lambda x: wg.cos(x))
    >>> wg.func.check_gradients(sine, wg.tensor([0.5, 1.]), order=3)
    """
    arguments = ("x", "y")[: len(partials)]
    operation = Operation(name, kernel, arguments, *_diagonal(partials), batched=batched)
    if len(partials) == 1:

        def unary(x: Any, **static: Any) -> Tensor:
            if not ready_alone(x, floating):
                x = as_floating(x) if floating else enter(x)
            if static and not hasattr(kernel, "__code__"):  # a bare kernel, without parameters
                raise TypeError(f"{name}: got the keyword(s) {', '.join(static)}; it takes one tensor and nothing else")
            return apply(operation, (x,), static)

        return named(unary, name, doc, operation)

    def binary(x: Any, y: Any) -> Tensor:
        if ready(x, y, floating):
            return apply(operation, (x, y))
        return apply(operation, match(name, x, y, floating=floating))

    if hasattr(kernel, "__code__") and _static_names(kernel, 2):

        def binary_with(x: Any, y: Any, **static: Any) -> Tensor:
            return apply(operation, (x, y) if ready(x, y, floating) else match(name, x, y, floating=floating), static)

        return named(binary_with, name, doc, operation)
    return named(binary, name, doc, operation)


# The derivative is zero wherever there is one.
ZERO = Rule(lambda g: constant(np.zeros, g._value.shape, g._value.dtype), ("g",))


def _diagonal(partials: tuple[Function | None, ...]) -> tuple[tuple[Rule | None, ...], tuple[Rule | None, ...]]:
    pairs = [_both_ways(partial) for partial in partials]
    return tuple(reverse for reverse, _ in pairs), tuple(forward for _, forward in pairs)


def _both_ways(partial: Function | None) -> tuple[Rule | None, Rule | None]:
    """The reverse and the forward rule of a partial derivative."""
    if partial is None:
        return ZERO, ZERO
    needs = parameters(partial)
    if "g" in needs:
        return Rule(partial, needs), Rule(partial, tuple(["t" if name == "g" else name for name in needs]))
    times: Function = lambda g, *values: g * partial(*values)  # noqa: E731
    return Rule(times, ("g", *needs)), Rule(times, ("t", *needs))


def _static_names(kernel: Function, arguments: int) -> tuple[str, ...]:
    """The static keywords of a kernel: its parameters behind the positional arguments."""
    return parameters(kernel)[arguments:]


def linear(name: str, kernel: Function, transpose: Function, *, batched: BatchRule | None = None) -> Operation:
    """An operation that is linear in its one argument.

    Parameters
    ----------
    name : str
    kernel : callable
        Of one array and static keywords; gives an array.
    transpose : function
        Of g and static keywords: what maps a cotangent back.
    batched : callable or None
        As in `primitive`.

    Returns
    -------
    Operation
        To be called with a tensor, an array or numbers, and the keywords.

    Examples
    --------
    >>> reverse = wg.define.linear("reverse", lambda x: x[::-1], lambda g: reverse(g))
    >>> wg.jacobian(reverse)(wg.tensor([1., 2.]))
    tensor([[0., 1.],
            [1., 0.]])
    """
    names = _static_names(kernel, 1)

    def forward(t: Any, *values: Any) -> Tensor:
        return apply(operation, (t,), dict(zip(names, values, strict=True)))

    jvps = (Rule(forward, ("t", *names)),)
    operation = Operation(name, kernel, ("x",), (rule(transpose),), jvps, batched=batched)
    return operation


def bilinear(
    name: str, kernel: Function, left: Function, right: Function, *, batched: BatchRule | None = None
) -> Operation:  # fmt: skip
    """An operation that is linear in each of its two arguments, x and y.

    Parameters
    ----------
    name : str
    kernel : callable
        Of two arrays and static keywords; gives an array.
    left, right : functions
        Of any of g, x, y and static keywords: what gives x's cotangent, and y's.
    batched : callable or None
        As in `primitive`.

    Returns
    -------
    Operation
        To be called with two tensors, arrays or numbers, and the keywords.

    Examples
    --------
    >>> inner = wg.define.bilinear("inner", lambda x, y: x @ y, lambda g, y: g * y, lambda g, x: g * x)
    >>> wg.grad(inner, (0, 1))(wg.tensor([1., 2.]), wg.tensor([3., 4.]))
    (tensor([3., 4.]), tensor([1., 2.]))
    """
    names = _static_names(kernel, 2)

    def forward_left(t: Any, y: Any, *values: Any) -> Tensor:
        return apply(operation, (t, y), dict(zip(names, values, strict=True)))

    def forward_right(t: Any, x: Any, *values: Any) -> Tensor:
        return apply(operation, (x, t), dict(zip(names, values, strict=True)))

    jvps = (Rule(forward_left, ("t", "y", *names)), Rule(forward_right, ("t", "x", *names)))
    operation = Operation(name, kernel, ("x", "y"), (rule(left), rule(right)), jvps, batched=batched)
    return operation


def primitive(
    name: str, kernel: Function, vjps: tuple[Function | None, ...], jvps: tuple[Function | None, ...],
    arguments: tuple[str, ...] | None = None, *, joint: Function | None = None, keeps: bool = False,
    batched: BatchRule | None = None,
) -> Operation:  # fmt: skip
    """An operation with both rules written out.

    Parameters
    ----------
    name : str
    kernel : callable
        Of arrays and static keywords; gives an array.
    vjps, jvps : tuples of functions
        Per argument, the reverse rule, of any of g, z, the arguments and static keywords; and the forward rule, of t in
        place of g. None: there is none, and a walk that needs it raises.
    arguments : tuple of str
        What the rules call the arguments; by default x and y.
    joint : function or None
        One reverse rule for all arguments, in place of `vjps`, which is then left empty: it gives a sequence with an
        item for each argument.
    keeps : bool
        The kernel takes a further keyword `keep`, and gives a value and its residuals: where `keep` is True, what the
        rules will want of it as `kept` (an array, a tuple of arrays, or None); elsewhere None. A rule hands `kept` to
        an operation that has rules of its own, since nothing flows back by way of it.
    batched : callable or None
        How the kernel runs over a batch: `wengert.define.aligned` (it broadcasts), `leading` (it takes leading
        dimensions), `unchanged` (it looks at no dimension), what `moved` gives (keywords that name dimensions or
        shapes), or a function like these, of the kernel, a `Batch`, arrays and the static keywords. None: example by
        example.

    Returns
    -------
    Operation
        To be called with tensors, arrays or numbers, and the keywords.

    Examples
    --------
    >>> squares = wg.define.primitive(
    ...     "squares", lambda x: (x * x).sum(), (lambda g, x: 2 * g * x,), (lambda t, x: (2 * t * x).sum(),))
    >>> squares([3., 4.]), wg.grad(squares)(wg.tensor([3., 4.]))
    (tensor(25., dtype=wengert.float64), tensor([6., 8.]))
    """
    if arguments is None:
        arguments = ("x", "y")[: len(jvps)]
    if joint is not None:
        vjps = (None,) * len(jvps)
    return Operation(
        name, kernel, arguments, tuple(map(rule, vjps)), tuple(map(rule, jvps)), rule(joint), keeps, batched=batched
    )


def computed(name: str, kernel: Function, *, batched: BatchRule | None = None) -> Callable[..., Tensor]:
    """An operation without a derivative: what it gives is a constant, also where its inputs require gradients.

    Comparisons, orders, masks and counts are such operations, and whatever a rule must know of data. They are made at
    import, like all operations, so that whoever watches the doors knows them by name.

    Parameters
    ----------
    name : str
    kernel : callable
        Of arrays, or Python numbers as they were given, and of static keywords; gives an array.
    batched : callable or None
        As in `primitive`.

    Returns
    -------
    callable
        Of tensors, arrays or numbers, and the keywords; gives a tensor that requires no gradient.

    Examples
    --------
    >>> largest = wg.define.computed("largest", lambda x: x == x.max())
    >>> largest(wg.tensor([1., 3., 2.], requires_grad=True))
    tensor([False,  True, False])
    """
    operation = Operation(name, kernel, (), (), (), batched=batched)

    def compute(*inputs: Any, **static: Any) -> Tensor:
        values = [x if isinstance(x, (Variable, int, float)) else enter(x) for x in inputs]
        return apply(operation, tuple(values), static)

    return named(compute, name, "", operation)
