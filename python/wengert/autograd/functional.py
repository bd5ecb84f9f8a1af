"""Derivatives of functions as `torch.autograd.functional` spells them: of a tensor or a tuple of tensors, and beside
the function's result. `wg.func` has the same for structures of any kind, and as functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import tape
from ..core.doors import constant, require_unfollowed
from ..core.modes import mode, recording
from ..core.variable import Variable
from ..func.recorded import Run, ones_like
from ..func.transforms import jacobian as jacobian_of
from ..ops.shape import reshape

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Function = Callable[..., Any]


def jacobian(
    func: Function, inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:  # fmt: skip
    """The Jacobian of a function.

    Parameters
    ----------
    func : callable
        Of tensors; gives a tensor or a tuple of them.
    inputs : tensor, or tuple of tensors
    create_graph : bool
        Let the result be differentiated by what requires a gradient; else it is a constant.
    strict : bool
        Raise where an output does not depend on an input, instead of giving zeros.
    vectorize : bool
        Taken as PyTorch's argument, without effect.
    strategy : {"reverse-mode", "forward-mode"}
        Walk once per item of the outputs, or of the inputs.

    Returns
    -------
    Tensor
        Of shape ``y.shape + x.shape``. For several inputs a tuple, for several outputs a tuple of those.

    Raises
    ------
    TypeError
        If the inputs or outputs are neither a tensor nor a tuple of tensors, or not floating.
    RuntimeError
        With `strict`, if an output does not depend on an input.
    ValueError
        If `strategy` is none of these.

    Examples
    --------
    >>> wg.autograd.functional.jacobian(lambda x, y: x * y, (wg.tensor([1., 2.]), wg.tensor(3.)))
    (tensor([[3., 0.],
            [0., 3.]]), tensor([1., 2.]))
    """
    modes = {"reverse-mode": "reverse", "forward-mode": "forward"}
    if strategy not in modes:
        raise ValueError(f'jacobian: expected strategy "reverse-mode" or "forward-mode", got {strategy!r}')
    args, argnums = _inputs("jacobian", inputs, create_graph)
    checked = _checked("jacobian", func, strict)
    with recording(mode.recording and create_graph):
        return jacobian_of(checked, argnums, modes[strategy])(*args)


def hessian(
    func: Function, inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:  # fmt: skip
    """The second derivatives of a function of one item.

    Parameters
    ----------
    func : callable
        Of tensors; gives a tensor of one item.
    inputs : tensor, or tuple of tensors
    create_graph, strict, vectorize
        As in `jacobian`.
    outer_jacobian_strategy : {"reverse-mode", "forward-mode"}
        Taken as PyTorch's argument, without effect: it is forward over reverse, which gives the same.

    Returns
    -------
    Tensor
        Of shape ``x.shape + x.shape``. For several inputs a tuple of tuples.

    Raises
    ------
    TypeError
        If the inputs are neither a tensor nor a tuple of tensors, or not floating.
    RuntimeError
        If the function gives more than one item; with `strict`, if it does not depend on an input.

    Examples
    --------
    >>> wg.autograd.functional.hessian(lambda x: (x ** 3).sum(), wg.tensor([1., 2.]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    args, argnums = _inputs("hessian", inputs, create_graph)
    gradient = _gradient_of("hessian", func, argnums, strict)
    with recording(mode.recording and create_graph):
        return jacobian_of(lambda *xs: gradient(*xs)[0], argnums, "forward")(*args)


def vjp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """What a function gives, and the product of a vector with its Jacobian.

    Parameters
    ----------
    func : callable
        Of tensors; gives a tensor or a tuple of them.
    inputs : tensor, or tuple of tensors
    v : tensor, tuple of tensors or None
        Of the form of the outputs. None: 1, for one item.
    create_graph, strict : bool
        As in `jacobian`.

    Returns
    -------
    outputs, product
        The product has the form of the inputs.

    Raises
    ------
    TypeError
        If the inputs or outputs are neither a tensor nor a tuple of tensors, or not floating.
    ValueError
        If the vector does not have the form of the outputs.
    RuntimeError
        If the vector is left out for more than one item; with `strict`, if an output does not depend on an input.

    Examples
    --------
    >>> wg.autograd.functional.vjp(lambda x: x * x, wg.tensor([1., 2.]), wg.tensor([1., 10.]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    args, argnums = _inputs("vjp", inputs, create_graph)
    with recording(mode.recording and create_graph):
        run = Run("vjp", _checked("vjp", func, strict), args, argnums)
        run.check_floating()
        gs = run.cotangents(v, what="vector v") if v is not None else _one("vjp", run.outputs, "the outputs")
        return run.output(), run.like_inputs(run.pull(gs))


def jvp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """What a function gives, and the product of its Jacobian with a vector, by a forward walk.

    Parameters
    ----------
    func : callable
        Of tensors; gives a tensor or a tuple of them.
    inputs : tensor, or tuple of tensors
    v : tensor, tuple of tensors or None
        Of the form of the inputs. None: 1, for one item.
    create_graph, strict : bool
        As in `jacobian`.

    Returns
    -------
    outputs, product
        Of one form.

    Raises
    ------
    TypeError
        If the inputs or outputs are neither a tensor nor a tuple of tensors, or not floating.
    ValueError
        If the vector does not have the form of the inputs.
    RuntimeError
        If the vector is left out for more than one item; with `strict`, if an output does not depend on an input.

    Examples
    --------
    >>> wg.autograd.functional.jvp(lambda x: x * x, wg.tensor([1., 2.]), wg.tensor([1., 10.]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    args, argnums = _inputs("jvp", inputs, create_graph)
    with recording(mode.recording and create_graph):
        run = Run("jvp", _checked("jvp", func, strict), args, argnums)
        run.check_floating()
        ts = run.directions("vector v", v) if v is not None else _one("jvp", run.inputs, "the inputs")
        return run.output(), run.like_output(run.push(ts))


def hvp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """What a function of one item gives, and the product of its Hessian with a vector.

    Parameters
    ----------
    func : callable
        Of tensors; gives a tensor of one item.
    inputs : tensor, or tuple of tensors
    v : tensor, tuple of tensors or None
        Of the form of the inputs. None: 1, for one item.
    create_graph, strict : bool
        As in `jacobian`.

    Returns
    -------
    output, product
        The product has the form of the inputs.

    Raises
    ------
    TypeError
        If the inputs are neither a tensor nor a tuple of tensors, or not floating.
    ValueError
        If the vector does not have the form of the inputs.
    RuntimeError
        If the function gives more than one item, or the vector is left out for more than one; with `strict`, if the
        output does not depend on an input.

    Examples
    --------
    >>> wg.autograd.functional.hvp(lambda x: (x ** 3).sum(), wg.tensor([1., 2.]), wg.tensor([1., 0.]))
    (tensor(9.), tensor([6., 0.]))
    """
    return _second("hvp", func, inputs, v, create_graph, strict)


def vhp(func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """What a function of one item gives, and the product of a vector with its Hessian: that of `hvp`, as Hessians are
    symmetric.

    Parameters
    ----------
    func, inputs, v, create_graph, strict
        As in `hvp`.

    Returns
    -------
    output, product

    Raises
    ------
    TypeError, ValueError, RuntimeError
        As `hvp`.

    Examples
    --------
    >>> wg.autograd.functional.vhp(lambda x: (x ** 3).sum(), wg.tensor([1., 2.]), wg.tensor([1., 0.]))
    (tensor(9.), tensor([6., 0.]))
    """
    return _second("vhp", func, inputs, v, create_graph, strict)


def _second(name: str, func: Function, inputs: Any, v: Any, create_graph: bool, strict: bool) -> Any:
    args, argnums = _inputs(name, inputs, create_graph)
    with recording(mode.recording and create_graph):
        run = Run(name, _gradient_of(name, func, argnums, strict), args, argnums, has_aux=True)
        ts = run.directions("vector v", v) if v is not None else _one(name, run.inputs, "the inputs")
        return run.aux, run.like_inputs(run.push(ts))


def _gradient_of(name: str, func: Function, argnums: int | None, strict: bool) -> Function:
    """A function that gives the gradient of one of one item, and its value."""
    single = _of_one_item(name, _checked(name, func, strict))

    def first(*xs: Any) -> Any:
        run = Run(name, single, xs, argnums)
        run.check_floating()
        gradients = run.pull([ones_like(run.outputs[0])])
        for k, g in enumerate(gradients if strict else ()):
            if not any(_reaches(g, x) for x in xs):
                raise RuntimeError(f"{name}: strict, but the gradient by input {k} does not depend on the inputs")
        return run.like_inputs(gradients), run.output()

    return first


# ---------------------------------------------------------------- what goes in and comes out


def _inputs(name: str, inputs: Any, create_graph: bool) -> tuple[tuple[Any, ...], int | None]:
    """The inputs as a tuple, and the argnums that give results in their form."""
    args = inputs if type(inputs) is tuple else (inputs,)
    for k, x in enumerate(args):
        if not isinstance(x, (Variable, np.ndarray)):
            got = f"{type(x).__name__} at place {k}" if args is inputs else type(x).__name__
            raise TypeError(f"{name}: expected a tensor or a tuple of tensors as inputs, got {got}")
        if isinstance(x, Variable) and not create_graph:
            require_unfollowed(x, "the input of a derivative that is a constant (with create_graph=True it is not)")
    return args, None if args is inputs else 0


def _checked(name: str, func: Function, strict: bool) -> Function:
    """The function, which raises where its outputs are not what these derivatives are of."""

    def checked(*xs: Any) -> Any:
        result = func(*xs)
        for k, y in enumerate(result if type(result) is tuple else (result,)):
            if not isinstance(y, Variable):
                raise TypeError(
                    f"{name}: expected a tensor or a tuple of tensors as outputs, got {type(y).__name__} at place {k}"
                )
            if strict:
                for i, x in enumerate(xs):
                    if not _reaches(y, x):
                        raise RuntimeError(f"{name}: strict, but output {k} does not depend on input {i}")
        return result

    return checked


def _reaches(y: Any, x: Any) -> bool:
    """Whether y was computed from x."""
    end = x._source
    if y._source is end:
        return True
    return any(source is end for node in tape.ancestors([y._source], [end]) for source in node.sources)


def _of_one_item(name: str, func: Function) -> Function:
    """The function, of which the one item has no dimensions."""

    def single(*xs: Any) -> Any:
        y = func(*xs)
        if not isinstance(y, Variable) or y._value.size != 1:
            got = f"shape {y._value.shape}" if isinstance(y, Variable) else f"{len(y)} tensors"
            raise RuntimeError(f"{name}: expected a function that gives one item, got {got}")
        return reshape(y, ()) if y._value.ndim else y

    return single


def _one(name: str, xs: list[Any], what: str) -> list[Any]:
    """The vector that may be left out."""
    if len(xs) != 1 or xs[0]._value.size != 1:
        raise RuntimeError(f"{name}: the vector v can be left out where {what} are one item alone")
    return [constant(np.ones, xs[0]._value.shape, xs[0]._value.dtype)]
