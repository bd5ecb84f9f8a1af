"""Derivatives of functions: gradients, products with Jacobians in both directions, Jacobians and Hessians."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.doors import constant
from ..core.variable import Variable
from ..ops.join import stack
from ..ops.shape import reshape
from .recorded import Run, as_arguments, matching, ones_like, units, zeros_like

# ---------------------------------------------------------------- first derivatives


def value_and_grad(function: Callable[..., Any], argnums: Any = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that gives the value of a scalar function and its gradient.

    Parameters
    ----------
    function : callable
        Returns one 0-d tensor; with `has_aux` a pair of it and anything else.
    argnums : int or sequence of int
        The positional arguments to differentiate by.
    has_aux : bool

    Returns
    -------
    callable
        Gives (value, gradient), or ((value, aux), gradient). The gradient has the structure of the argument; of the
        tuple of arguments for several. Keyword arguments are handed on, and not differentiated by.

    Raises
    ------
    ValueError
        If the function does not return one 0-d tensor, or `argnums` do not fit.
    TypeError
        If a differentiated argument is not floating.

    Examples
    --------
    >>> wg.func.value_and_grad(lambda x: (x * x).sum())(wg.tensor([1., 2.]))
    (tensor(5.), tensor([2., 4.]))
    """

    def wrapped(*args: Any, **keywords: Any) -> Any:
        run = Run("value_and_grad", function, args, argnums, has_aux, keywords)
        gradient = _gradient(run)
        value = run.output()
        return ((value, run.aux) if has_aux else value), gradient

    return wrapped


def grad(function: Callable[..., Any], argnums: Any = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that gives the gradient of a scalar function.

    Parameters
    ----------
    function : callable
        Returns one 0-d tensor; with `has_aux` a pair of it and anything else.
    argnums : int or sequence of int
        The positional arguments to differentiate by.
    has_aux : bool

    Returns
    -------
    callable
        Gives the gradient, or (gradient, aux). Keyword arguments are handed on, and not differentiated by.

    Raises
    ------
    ValueError
        If the function does not return one 0-d tensor, or `argnums` do not fit.
    TypeError
        If a differentiated argument is not floating.

    Examples
    --------
    >>> wg.func.grad(lambda x: x ** 3)(2.)
    tensor(12.)
    """

    def wrapped(*args: Any, **keywords: Any) -> Any:
        run = Run("grad", function, args, argnums, has_aux, keywords)
        gradient = _gradient(run)
        return (gradient, run.aux) if has_aux else gradient

    return wrapped


def _gradient(run: Run) -> Any:
    """The gradient of a run's one result, in the structure of the arguments."""
    run.require_scalar()
    return run.like_inputs(run.pull([ones_like(run.outputs[0])]))


def vjp(function: Callable[..., Any], *args: Any, argnums: Any = None) -> tuple[Any, Callable[..., Any]]:
    """The value of a function and its pullback, the product of a cotangent with its Jacobian.

    Parameters
    ----------
    function : callable
        Returns a tensor or a structure of them.
    *args : tensors or structures of them
    argnums : int, sequence of int or None
        The arguments to differentiate by; None: all.

    Returns
    -------
    value
    pullback : callable
        Takes a cotangent of the value's structure, any number of times; gives a tuple with one cotangent per
        argument, or, if `argnums` is an int, the cotangent of that one.

    Raises
    ------
    TypeError
        If a differentiated argument or a result is not floating.
    ValueError
        From the pullback, if the cotangent does not have the value's structure and shapes.

    Examples
    --------
    >>> y, pullback = wg.func.vjp(lambda x: x * x, wg.tensor([1., 2.]))
    >>> pullback(wg.tensor([1., 10.]))
    (tensor([ 2., 40.]),)
    """
    run = Run("vjp", function, args, argnums)
    run.check_floating()

    def pullback(cotangent: Any) -> Any:
        return run.like_inputs(run.pull(matching("vjp", "cotangent", cotangent, run.outputs)))

    return run.output(), pullback


def linearize(function: Callable[..., Any], *args: Any, argnums: Any = None) -> tuple[Any, Callable[..., Any]]:
    """The value of a function and its pushforward, the product of its Jacobian with a tangent; the function runs once.

    Parameters
    ----------
    function : callable
        Returns a tensor or a structure of them.
    *args : tensors or structures of them
    argnums : int, sequence of int or None
        The arguments to differentiate by; None: all.

    Returns
    -------
    value
    pushforward : callable
        Takes one tangent per differentiated argument, any number of times; gives the tangent of the value.

    Raises
    ------
    TypeError
        If a differentiated argument or a result is not floating.
    ValueError
        From the pushforward, if the tangents do not have the arguments' structure and shapes.

    Examples
    --------
    >>> y, pushforward = wg.func.linearize(lambda x: x * x, wg.tensor([1., 2.]))
    >>> pushforward(wg.tensor([1., 10.]))
    tensor([ 2., 40.])
    """
    run = Run("linearize", function, args, argnums)
    run.check_floating()

    def pushforward(*tangents: Any) -> Any:
        return run.rebuild_output(run.push(matching("linearize", "tangent", tangents, run.inputs)))

    return run.output(), pushforward


def jvp(function: Callable[..., Any], primals: Any, tangents: Any, argnums: Any = None) -> tuple[Any, Any]:
    """The value of a function and its derivative in a direction.

    Parameters
    ----------
    function : callable
        Returns a tensor or a structure of them.
    primals, tangents
        The arguments and their tangents: a tuple each, or for a function of one argument the argument itself.
    argnums : int, sequence of int or None
        The arguments that have tangents; None: all.

    Returns
    -------
    value, tangent

    Raises
    ------
    TypeError
        If a differentiated argument or a result is not floating.
    ValueError
        If the tangents do not have the arguments' structure and shapes.

    Examples
    --------
    >>> wg.func.jvp(lambda x: x * x, wg.tensor([1., 2.]), wg.tensor([1., 10.]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    run = Run("jvp", function, as_arguments(primals)[0], argnums)
    run.check_floating()
    out = run.push(matching("jvp", "tangent", tangents, run.inputs))
    return run.output(), run.rebuild_output(out)


# ---------------------------------------------------------------- Jacobians and Hessians


def jacobian(function: Callable[..., Any], argnums: Any = 0, mode: str = "auto") -> Callable[..., Any]:
    """A function that gives the Jacobian of a function.

    Parameters
    ----------
    function : callable
        Returns a tensor or a structure of them.
    argnums : int or sequence of int
        The positional arguments to differentiate by.
    mode : {"auto", "forward", "reverse"}
        One walk per item of the inputs or of the outputs; "auto" takes the fewer.

    Returns
    -------
    callable
        Gives, per output and input, a tensor of shape ``y.shape + x.shape``: in the structure of the output, each
        leaf in the structure of the arguments.

    Raises
    ------
    ValueError
        If `mode` is none of these, or `argnums` do not fit.

    Examples
    --------
    >>> wg.func.jacobian(lambda x: x * x)(wg.tensor([1., 2.]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    if mode not in ("auto", "forward", "reverse"):
        raise ValueError(f'jacobian: expected mode "auto", "forward" or "reverse", got {mode!r}')

    return _jacobian_of("jacobian", function, argnums, mode)


def _jacobian_of(name: str, function: Callable[..., Any], argnums: Any, mode: str) -> Callable[..., Any]:
    def wrapped(*args: Any, **keywords: Any) -> Any:
        run = Run(name, function, args, argnums, keywords=keywords)
        run.check_floating()
        return _jacobian(run, mode)

    return wrapped


def _jacobian(run: Run, mode: str) -> Any:
    """The Jacobian, per leaf of the output in the structure of the arguments."""
    items_in, items_out = (sum(x._value.size for x in xs) for xs in (run.inputs, run.outputs))
    forward = mode == "forward" or (mode == "auto" and items_in < items_out)
    blocks = _columns(run) if forward else _rows(run)
    return run.rebuild_output([run.like_inputs(row) for row in blocks])


def _columns(run: Run) -> list[list[Any]]:
    """Per output and input the block of the Jacobian, by one forward walk per item of the inputs."""
    columns: list[list[list[Any]]] = [[[] for _ in run.inputs] for _ in run.outputs]
    for j, direction in run.units():
        for i, column in enumerate(run.push(direction)):
            columns[i][j].append(column)
    return [
        [_joined(columns[i][j], y._value.ndim, y, x) for j, x in enumerate(run.inputs)]
        for i, y in enumerate(run.outputs)
    ]  # fmt: skip


def _rows(run: Run) -> list[list[Any]]:
    """The same by one reverse walk per item of the outputs."""
    blocks = []
    zeros = [zeros_like(y) for y in run.outputs]
    for i, y in enumerate(run.outputs):
        rows = [run.pull([*zeros[:i], unit, *zeros[i + 1 :]]) for unit in units(y)]
        blocks.append([_joined([row[j] for row in rows], 0, y, x) for j, x in enumerate(run.inputs)])
    return blocks


def _joined(parts: list[Any], dim: int, y: Variable, x: Variable) -> Any:
    shape = (*y._value.shape, *x._value.shape)
    return reshape(stack(parts, dim), shape) if parts else constant(np.zeros, shape, y._value.dtype)


def hessian(function: Callable[..., Any], argnums: Any = 0) -> Callable[..., Any]:
    """A function that gives the second derivatives of a function, forward over reverse.

    Parameters
    ----------
    function : callable
        Returns a tensor or a structure of them.
    argnums : int or sequence of int
        The positional arguments to differentiate by.

    Returns
    -------
    callable
        Gives a tensor of shape ``y.shape + x.shape + x.shape``: (n, n) for a scalar function of a vector, (m, n, n)
        for a field of m components. Of structures: in the structure of the output, each leaf in the structure of the
        arguments, and each leaf of that again.

    Raises
    ------
    ValueError
        If `argnums` do not fit.
    TypeError
        If a differentiated argument or a result is not floating.

    Examples
    --------
    >>> wg.func.hessian(lambda x: x[0] * x[1] ** 2)(wg.tensor([1., 2.]))
    tensor([[0., 4.],
            [4., 2.]])
    """

    def first(*args: Any, **keywords: Any) -> Any:
        run = Run("hessian", function, args, argnums, keywords=keywords)
        run.check_floating()
        if run.is_scalar():
            return run.like_inputs(run.pull([ones_like(run.outputs[0])]))
        return _jacobian(run, "reverse")

    return _jacobian_of("hessian", first, argnums, "forward")


def hvp(function: Callable[..., Any], primals: Any, tangents: Any, argnums: Any = None) -> Any:
    """The product of the Hessian of a scalar function and a vector, without forming the Hessian.

    Parameters
    ----------
    function : callable
        Returns one 0-d tensor.
    primals, tangents
        The arguments and the vector: a tuple each, or for a function of one argument the argument itself.
    argnums : int, sequence of int or None
        The arguments to differentiate by, which the vector is for; None: all.

    Returns
    -------
    The product, in the structure of the vector. Forward over reverse: at the cost of a few gradients. It is the second
    of ``jvp(grad(function), primals, tangents)``, of which the first is the gradient.

    Raises
    ------
    ValueError
        If the function does not return one 0-d tensor, or the vector does not fit.

    Examples
    --------
    >>> wg.func.hvp(lambda x: (x ** 3).sum(), wg.tensor([1., 2.]), wg.tensor([1., 0.]))
    tensor([6., 0.])
    """
    args, single = as_arguments(primals)
    places = argnums if argnums is not None else single if single is not None else tuple(range(len(args)))
    return jvp(grad(function, places), args, tangents, places)[1]
