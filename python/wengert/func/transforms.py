"""Derivatives of functions: gradients, products with Jacobians in both directions, Jacobians and Hessians."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .derived import Derived
from .recorded import Run, as_arguments, ones_like
from .walks import blocks, checked_chunk, items

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

    return Derived(wrapped, value_and_grad, function, argnums, has_aux)


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

    return Derived(wrapped, grad, function, argnums, has_aux)


def grad_and_value(function: Callable[..., Any], argnums: Any = 0, has_aux: bool = False) -> Callable[..., Any]:
    """`value_and_grad` in PyTorch's order.

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
        Gives (gradient, value), or (gradient, (value, aux)).

    Raises
    ------
    ValueError
        If the function does not return one 0-d tensor, or `argnums` do not fit.
    TypeError
        If a differentiated argument is not floating.

    Examples
    --------
    >>> wg.func.grad_and_value(lambda x: (x * x).sum())(wg.tensor([1., 2.]))
    (tensor([2., 4.]), tensor(5.))
    """
    both = value_and_grad(function, argnums, has_aux)

    def wrapped(*args: Any, **keywords: Any) -> Any:
        value, gradient = both(*args, **keywords)
        return gradient, value

    return Derived(wrapped, grad_and_value, function, argnums, has_aux)


def _gradient(run: Run) -> Any:
    """The gradient of a run's one result, in the structure of the arguments."""
    run.require_scalar()
    return run.like_inputs(run.pull([ones_like(run.outputs[0])]))


def vjp(function: Callable[..., Any], *args: Any, argnums: Any = None, has_aux: bool = False) -> Any:
    """The value of a function and its pullback, the product of a cotangent with its Jacobian.

    Parameters
    ----------
    function : callable
        Returns a tensor or a structure of them; with `has_aux` a pair of it and anything else.
    *args : tensors, arrays, numbers or structures of them
    argnums : int, sequence of int or None
        The arguments to differentiate by; None: all.
    has_aux : bool

    Returns
    -------
    value
    pullback : callable
        Takes a cotangent of the value's structure, any number of times; gives a tuple with one cotangent per
        argument, or, if `argnums` is an int, the cotangent of that one.
    aux
        With `has_aux`.

    Raises
    ------
    TypeError
        If a differentiated argument or a result is not floating.
    ValueError
        From the pullback, if the cotangent does not have the value's structure and shapes: mappings are matched by
        their keys, and the error names the place.

    Examples
    --------
    >>> y, pullback = wg.func.vjp(lambda x: x * x, wg.tensor([1., 2.]))
    >>> pullback(wg.tensor([1., 10.]))
    (tensor([ 2., 40.]),)
    """
    run = Run("vjp", function, args, argnums, has_aux)
    run.check_floating()

    def pullback(cotangent: Any) -> Any:
        return run.like_inputs(run.pull(run.cotangents(cotangent)))

    return run.with_aux(run.output(), pullback)


def linearize(function: Callable[..., Any], *args: Any, argnums: Any = None, has_aux: bool = False) -> Any:
    """The value of a function and its pushforward, the product of its Jacobian with a tangent; the function runs once.

    Parameters
    ----------
    function : callable
        Returns a tensor or a structure of them; with `has_aux` a pair of it and anything else.
    *args : tensors, arrays, numbers or structures of them
    argnums : int, sequence of int or None
        The arguments to differentiate by; None: all.
    has_aux : bool

    Returns
    -------
    value
    pushforward : callable
        Takes one tangent per differentiated argument, any number of times; gives the tangent of the value.
    aux
        With `has_aux`.

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
    run = Run("linearize", function, args, argnums, has_aux)
    run.check_floating()

    def pushforward(*tangents: Any) -> Any:
        return run.like_output(run.push(run.directions("tangent", tangents)))

    return run.with_aux(run.output(), pushforward)


def jvp(
    function: Callable[..., Any], primals: Any, tangents: Any, argnums: Any = None, has_aux: bool = False
) -> Any:  # fmt: skip
    """The value of a function and its derivative in a direction.

    Parameters
    ----------
    function : callable
        Returns a tensor or a structure of them; with `has_aux` a pair of it and anything else.
    primals, tangents
        The arguments and their tangents: a tuple each, or for a function of one argument the argument itself. Their
        structures must be the same; mappings are matched by their keys.
    argnums : int, sequence of int or None
        The arguments that have tangents; None: all.
    has_aux : bool

    Returns
    -------
    value, tangent
        And, with `has_aux`, aux.

    Raises
    ------
    TypeError
        If a differentiated argument or a result is not floating.
    ValueError
        If the tangents do not have the arguments' structure and shapes. The error names the place.

    Examples
    --------
    >>> wg.func.jvp(lambda x: x * x, wg.tensor([1., 2.]), wg.tensor([1., 10.]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    run = Run("jvp", function, as_arguments(primals)[0], argnums, has_aux)
    run.check_floating()
    tangent = run.like_output(run.push(run.directions("tangent", tangents)))
    return run.with_aux(run.output(), tangent)


# ---------------------------------------------------------------- Jacobians and Hessians


def jacobian(
    function: Callable[..., Any], argnums: Any = 0, mode: str = "auto", has_aux: bool = False,
    chunk_size: Any = "auto",
) -> Callable[..., Any]:  # fmt: skip
    """A function that gives the Jacobian of a function.

    Parameters
    ----------
    function : callable
        Returns a tensor or a structure of them; with `has_aux` a pair of it and anything else.
    argnums : int or sequence of int
        The positional arguments to differentiate by.
    mode : {"auto", "forward", "reverse"}
        Walk along the items of the inputs or of the outputs; "auto" takes the fewer.
    has_aux : bool
    chunk_size : int, "auto" or None
        How many directions walk at once, as a batch: as many as fit into the caches, or None for all. With 1 they walk
        one by one, which rules of your own that ask a tensor for a number need; "auto" finds that out.

    Returns
    -------
    callable
        Gives, per output and input, a tensor of shape ``y.shape + x.shape``: in the structure of the output, each
        leaf in the structure of the arguments. With `has_aux` a pair of it and aux.

    Raises
    ------
    ValueError
        If `mode` or `chunk_size` is none of these, or `argnums` do not fit.

    Examples
    --------
    >>> wg.func.jacobian(lambda x: x * x)(wg.tensor([1., 2.]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    if mode not in ("auto", "forward", "reverse"):
        raise ValueError(f'jacobian: expected mode "auto", "forward" or "reverse", got {mode!r}')

    found = _jacobian_of("jacobian", function, argnums, mode, has_aux, checked_chunk("jacobian", chunk_size))
    return Derived(found, jacobian, function, argnums, mode, has_aux, chunk_size)


def jacrev(
    function: Callable[..., Any], argnums: Any = 0, *, has_aux: bool = False, chunk_size: Any = "auto"
) -> Callable[..., Any]:  # fmt: skip
    """The Jacobian by reverse walks, along the items of the output: PyTorch's name for `jacobian(mode="reverse")`.

    Parameters
    ----------
    function : callable
        Returns a tensor or a structure of them; with `has_aux` a pair of it and anything else.
    argnums : int or sequence of int
        The positional arguments to differentiate by.
    has_aux : bool
    chunk_size : int, "auto" or None
        How many rows walk at once, as in `jacobian`.

    Returns
    -------
    callable
        Gives what `jacobian` gives.

    Raises
    ------
    ValueError
        If `argnums` do not fit, or `chunk_size` is none of these.

    Examples
    --------
    >>> wg.func.jacrev(lambda x: x * x)(wg.tensor([1., 2.]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    found = _jacobian_of("jacrev", function, argnums, "reverse", has_aux, checked_chunk("jacrev", chunk_size))
    return Derived(found, jacrev, function, argnums, has_aux=has_aux, chunk_size=chunk_size)


def jacfwd(
    function: Callable[..., Any], argnums: Any = 0, has_aux: bool = False, *, randomness: str = "error"
) -> Callable[..., Any]:  # fmt: skip
    """The Jacobian by forward walks, along the items of the input: PyTorch's name for `jacobian(mode="forward")`.

    Parameters
    ----------
    function : callable
        Returns a tensor or a structure of them; with `has_aux` a pair of it and anything else.
    argnums : int or sequence of int
        The positional arguments to differentiate by.
    has_aux : bool
    randomness : {"error", "same", "different"}
        Taken as PyTorch's argument, without effect: the function runs once, and draws once.

    Returns
    -------
    callable
        Gives what `jacobian` gives.

    Raises
    ------
    ValueError
        If `argnums` do not fit, or `randomness` is none of these.

    Examples
    --------
    >>> wg.func.jacfwd(lambda x: x * x)(wg.tensor([1., 2.]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    if randomness not in ("error", "same", "different"):
        raise ValueError(f'jacfwd: expected randomness "error", "same" or "different", got {randomness!r}')
    found = _jacobian_of("jacfwd", function, argnums, "forward", has_aux, "auto")
    return Derived(found, jacfwd, function, argnums, has_aux, randomness=randomness)


def _jacobian_of(
    name: str, function: Callable[..., Any], argnums: Any, mode: str, has_aux: bool, chunk_size: Any
) -> Callable[..., Any]:  # fmt: skip
    def wrapped(*args: Any, **keywords: Any) -> Any:
        run = Run(name, function, args, argnums, has_aux, keywords)
        run.check_floating()
        found = _jacobian(run, mode, chunk_size)
        return (found, run.aux) if has_aux else found

    return wrapped


def _jacobian(run: Run, mode: str, chunk_size: Any) -> Any:
    """The Jacobian, per leaf of the output in the structure of the arguments."""
    forward = mode == "forward" or (mode == "auto" and items(run.inputs) < items(run.outputs))
    return run.rebuild_output([run.like_inputs(row) for row in blocks(run, forward, chunk_size)])


def hessian(
    function: Callable[..., Any], argnums: Any = 0, has_aux: bool = False, chunk_size: Any = "auto"
) -> Callable[..., Any]:  # fmt: skip
    """A function that gives the second derivatives of a function, forward over reverse.

    Parameters
    ----------
    function : callable
        Returns a tensor or a structure of them; with `has_aux` a pair of it and anything else.
    argnums : int or sequence of int
        The positional arguments to differentiate by.
    has_aux : bool
    chunk_size : int, "auto" or None
        How many directions walk at once, as a batch: as many as fit into the caches, or None for all. With 1 they walk
        one by one, which rules of your own that ask a tensor for a number need; "auto" finds that out.

    Returns
    -------
    callable
        Gives a tensor of shape ``y.shape + x.shape + x.shape``: (n, n) for a scalar function of a vector, (m, n, n)
        for a field of m components. Of structures: in the structure of the output, each leaf in the structure of the
        arguments, and each leaf of that again. With `has_aux` a pair of it and aux.

    Raises
    ------
    ValueError
        If `argnums` do not fit, or `chunk_size` is none of these.
    TypeError
        If a differentiated argument or a result is not floating.

    Examples
    --------
    >>> wg.func.hessian(lambda x: x[0] * x[1] ** 2)(wg.tensor([1., 2.]))
    tensor([[0., 4.],
            [4., 2.]])
    """

    chunk = checked_chunk("hessian", chunk_size)

    def first(*args: Any, **keywords: Any) -> Any:
        run = Run("hessian", function, args, argnums, has_aux, keywords)
        run.check_floating()
        if run.is_scalar():
            found = run.rebuild_output([run.like_inputs(run.pull([ones_like(run.outputs[0])]))])
        else:
            found = _jacobian(run, "reverse", chunk)
        return (found, run.aux) if has_aux else found

    found = _jacobian_of("hessian", first, argnums, "forward", has_aux, chunk)
    return Derived(found, hessian, function, argnums, has_aux, chunk_size)


def hvp(
    function: Callable[..., Any], primals: Any, tangents: Any, argnums: Any = None, has_aux: bool = False
) -> Any:  # fmt: skip
    """The product of the Hessian of a scalar function and a vector, without forming the Hessian.

    Parameters
    ----------
    function : callable
        Returns one 0-d tensor; with `has_aux` a pair of it and anything else.
    primals, tangents
        The arguments and the vector: a tuple each, or for a function of one argument the argument itself.
    argnums : int, sequence of int or None
        The arguments to differentiate by, which the vector is for; None: all.
    has_aux : bool

    Returns
    -------
    The product, in the structure of the vector; with `has_aux` a pair of it and aux. Forward over reverse: at the cost
    of a few gradients. It is the second of ``jvp(grad(function), primals, tangents)``, of which the first is the
    gradient.

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
    run = Run("hvp", grad(function, places, has_aux), args, places, has_aux)
    product = run.like_inputs(run.push(run.directions("vector", tangents)))
    return (product, run.aux) if has_aux else product
