"""Derivatives of functions: gradients, products with Jacobians in both directions, Jacobians, Hessians, and their check.

Every function here takes a Python function of tensors, arrays, numbers, or nested lists, tuples and dicts of them, runs it
once with its differentiated arguments tracked, and walks the list that this leaves. The walk is recorded exactly when
its result can itself be differentiated, so the functions nest in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import define, tape
from .ops.views import track
from .tape import Variable, mode
from .trees import flatten


class _Traced:
    """One run of a function with some arguments tracked: what all the derivatives below start from."""

    def __init__(self, name: str, function: Callable[..., Any], args: Sequence[Any], argnums: Any, has_aux: bool = False):
        self.name = name
        places = (argnums,) if isinstance(argnums, int) else tuple(argnums)
        count = len(args)
        if any(not -count <= k < count for k in places):
            raise ValueError(f"{name}: argnums {argnums} do not fit {count} argument(s)")
        self.places = tuple(k % count for k in places)
        self.single = isinstance(argnums, int)
        self.inputs: list[Any] = []
        self.originals: list[Any] = []
        rebuilds = []
        arguments = list(args)
        outside = mode.recording
        with _recording(True):
            for k in self.places:
                leaves, rebuild = flatten(arguments[k])
                tracked = [self._track(leaf, k, outside) for leaf in leaves]
                arguments[k] = rebuild(tracked)
                rebuilds.append((len(leaves), rebuild))
            result = function(*arguments)
        self._rebuilds = rebuilds
        self.aux = None
        if has_aux:
            if not isinstance(result, tuple) or len(result) != 2:
                raise TypeError(f"{name}: with has_aux the function returns a pair (output, aux), got {_kind(result)}")
            result, self.aux = result
        leaves, self.rebuild_output = flatten(result)
        self.outputs = [define.as_variable(leaf) for leaf in leaves]
        self.sources = [x.source for x in self.inputs]
        self.nodes = tape.ancestors([y.source for y in self.outputs], self.sources)
        ours = {id(source) for source in self.sources}
        # Whether the derivative depends on anything that somebody outside may differentiate by.
        self.connected = outside and (
            any(x.requires_grad for x in self.originals)
            or any(
                source is not None and not isinstance(source, tape.Node) and id(source) not in ours
                for node in self.nodes
                for source in node.sources
            )
        )

    def _track(self, leaf: Any, place: int, outside: bool) -> Variable:
        x = define.as_variable(leaf)
        if x.value.dtype.kind != "f":
            raise TypeError(
                f"{self.name}: argument {place} has dtype {x.value.dtype}, which has no derivatives; "
                "pass floating numbers, or leave it out of argnums"
            )
        self.originals.append(x)
        tracked = track(x, outside)
        self.inputs.append(tracked)
        return tracked

    def scalar(self) -> Variable:
        """The output, which must be one floating number."""
        if len(self.outputs) != 1 or self.outputs[0].value.size != 1 or self.outputs[0].value.ndim:
            shapes = ", ".join(str(y.value.shape) for y in self.outputs)
            raise ValueError(
                f"{self.name}: the function must return one 0-d tensor, got shape(s) {shapes}; use jacobian or vjp for others"
            )
        self.check_floating()
        return self.outputs[0]

    def check_floating(self) -> None:
        for y in self.outputs:
            if y.value.dtype.kind != "f":
                raise TypeError(f"{self.name}: the function returned dtype {y.value.dtype}, which has no derivatives")

    def output(self) -> Any:
        """What the function returned, without the tracking that only we need."""
        return self.rebuild_output([self.release(y) for y in self.outputs])

    def release(self, y: Variable) -> Variable:
        return y if self.connected else tape._box(y.value, y.share_counter())

    def pull(self, cotangents: list[Variable]) -> list[Variable]:
        """Reverse mode: one cotangent per input, zeros where the outputs do not depend on it."""
        starts = [(y.source, g) for y, g in zip(self.outputs, cotangents, strict=True) if y.source is not None]
        with _recording(self.connected or any(g.requires_grad for g in cotangents)):
            found = tape.pull(starts, self.sources, nodes=self.nodes)
        return [
            found[source] if source in found else tape._box(np.zeros_like(x.value))
            for x, source in zip(self.inputs, self.sources, strict=True)
        ]

    def push(self, tangents: list[Variable]) -> list[Variable]:
        """Forward mode: one tangent per output, zeros where it does not depend on the inputs."""
        seeds = dict(zip(self.sources, tangents, strict=True))
        with _recording(self.connected or any(t.requires_grad for t in tangents)):
            found = tape.push([y.source for y in self.outputs], seeds, self.nodes)
        return [
            t if t is not None else tape._box(np.zeros_like(y.value))
            for y, t in zip(self.outputs, found, strict=True)
        ]

    def like_inputs(self, leaves: list[Any]) -> Any:
        """One leaf per input, in the structure of the differentiated arguments."""
        parts = []
        start = 0
        for count, rebuild in self._rebuilds:
            parts.append(rebuild(leaves[start : start + count]))
            start += count
        return parts[0] if self.single else tuple(parts)


class _recording:
    """Set this thread's recording for a block."""

    def __init__(self, on: bool) -> None:
        self.on = on

    def __enter__(self) -> None:
        self.before = mode.recording
        mode.recording = self.on

    def __exit__(self, *exception: Any) -> None:
        mode.recording = self.before


def _kind(x: Any) -> str:
    return f"{type(x).__name__} of {len(x)}" if isinstance(x, (tuple, list)) else type(x).__name__


def _match(name: str, what: str, given: Any, expected: list[Variable]) -> list[Variable]:
    """The leaves of `given`, one per variable in `expected`, of the same shapes and dtypes."""
    leaves = [define.as_variable(leaf) for leaf in flatten(given)[0]]
    if len(leaves) != len(expected):
        raise ValueError(f"{name}: expected {len(expected)} {what}(s), got {len(leaves)}")
    out = []
    for leaf, x in zip(leaves, expected, strict=True):
        if leaf.value.shape != x.value.shape:
            raise ValueError(f"{name}: the {what} has shape {leaf.value.shape}, expected {x.value.shape}")
        out.append(leaf if leaf.value.dtype == x.value.dtype else define.cast(define.as_floating(leaf), x.value.dtype))
    return out


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
        tuple of arguments for several.

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

    def wrapped(*args: Any) -> Any:
        traced = _Traced("grad", function, args, argnums, has_aux)
        y = traced.scalar()
        gradient = traced.like_inputs(traced.pull([tape._box(np.ones_like(y.value))]))
        value = traced.output()
        return ((value, traced.aux) if has_aux else value), gradient

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
        Gives the gradient, or (gradient, aux).

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
    both = value_and_grad(function, argnums, has_aux)

    def wrapped(*args: Any) -> Any:
        value, gradient = both(*args)
        return (gradient, value[1]) if has_aux else gradient

    return wrapped


def vjp(function: Callable[..., Any], *args: Any) -> tuple[Any, Callable[..., Any]]:
    """The value of a function and its pullback, the product of a cotangent with its Jacobian.

    Parameters
    ----------
    function : callable
    *args : tensors or structures of them
        All are differentiated by.

    Returns
    -------
    value
    pullback : callable
        Takes a cotangent of the value's structure, gives a tuple with one cotangent per argument; any number of times.

    Examples
    --------
    >>> y, pullback = wg.func.vjp(lambda x: x * x, wg.tensor([1., 2.]))
    >>> pullback(wg.tensor([1., 10.]))
    (tensor([ 2., 40.]),)
    """
    traced = _Traced("vjp", function, args, range(len(args)))
    traced.check_floating()

    def pullback(cotangent: Any) -> tuple[Any, ...]:
        return traced.like_inputs(traced.pull(_match("vjp", "cotangent", cotangent, traced.outputs)))

    return traced.output(), pullback


def linearize(function: Callable[..., Any], *args: Any) -> tuple[Any, Callable[..., Any]]:
    """The value of a function and its pushforward, the product of its Jacobian with a tangent; the function runs once.

    Parameters
    ----------
    function : callable
    *args : tensors or structures of them
        All are differentiated by.

    Returns
    -------
    value
    pushforward : callable
        Takes one tangent per argument, gives the tangent of the value; any number of times.

    Examples
    --------
    >>> y, pushforward = wg.func.linearize(lambda x: x * x, wg.tensor([1., 2.]))
    >>> pushforward(wg.tensor([1., 10.]))
    tensor([ 2., 40.])
    """
    traced = _Traced("linearize", function, args, range(len(args)))
    traced.check_floating()

    def pushforward(*tangents: Any) -> Any:
        return traced.rebuild_output(traced.push(_match("linearize", "tangent", tangents, traced.inputs)))

    return traced.output(), pushforward


def jvp(function: Callable[..., Any], primals: Any, tangents: Any) -> tuple[Any, Any]:
    """The value of a function and its derivative in a direction.

    Parameters
    ----------
    function : callable
    primals, tangents
        The arguments and their tangents: a tuple each, or for a function of one argument the argument itself.

    Returns
    -------
    value, tangent

    Examples
    --------
    >>> wg.func.jvp(lambda x: x * x, wg.tensor([1., 2.]), wg.tensor([1., 10.]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    if not isinstance(primals, tuple):
        primals, tangents = (primals,), (tangents,)
    traced = _Traced("jvp", function, primals, range(len(primals)))
    traced.check_floating()
    out = traced.push(_match("jvp", "tangent", tangents, traced.inputs))
    return traced.output(), traced.rebuild_output(out)


# ---------------------------------------------------------------- Jacobians and Hessians


def _units(x: Variable) -> Any:
    """The unit vectors of x's space, in x's shape."""
    for k in range(x.value.size):
        unit = np.zeros_like(x.value, order="C")
        unit.reshape(-1)[k] = 1
        yield tape._box(unit)


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
        Gives, per output and input, a tensor of shape ``y.shape + x.shape``: in the structure of the output, each leaf in
        the structure of the arguments.

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
    from .ops.shape import reshape, stack

    def wrapped(*args: Any) -> Any:
        traced = _Traced("jacobian", function, args, argnums)
        traced.check_floating()
        inputs, outputs = traced.inputs, traced.outputs
        forward = mode == "forward" or (
            mode == "auto" and sum(x.value.size for x in inputs) < sum(y.value.size for y in outputs)
        )
        blocks: list[list[Any]] = [[None] * len(inputs) for _ in outputs]
        if forward:
            zeros = [tape._box(np.zeros_like(x.value)) for x in inputs]
            for j, x in enumerate(inputs):
                columns = [traced.push([*zeros[:j], unit, *zeros[j + 1 :]]) for unit in _units(x)]
                for i, y in enumerate(outputs):
                    shape = (*y.value.shape, *x.value.shape)
                    column = [c[i] for c in columns]
                    blocks[i][j] = reshape(stack(column, y.value.ndim), shape) if column else _empty(y, shape)
        else:
            for i, y in enumerate(outputs):
                zeros = [tape._box(np.zeros_like(other.value)) for other in outputs]
                rows = [traced.pull([*zeros[:i], unit, *zeros[i + 1 :]]) for unit in _units(y)]
                for j, x in enumerate(inputs):
                    shape = (*y.value.shape, *x.value.shape)
                    row = [r[j] for r in rows]
                    blocks[i][j] = reshape(stack(row, 0), shape) if row else _empty(y, shape)
        return traced.rebuild_output([traced.like_inputs(row) for row in blocks])

    return wrapped


def _empty(y: Variable, shape: tuple[int, ...]) -> Variable:
    return tape._box(np.zeros(shape, y.value.dtype))


def hessian(function: Callable[..., Any], argnums: int = 0) -> Callable[..., Any]:
    """A function that gives the second derivatives of a function, forward over reverse.

    Parameters
    ----------
    function : callable
        Returns one tensor.
    argnums : int
        The argument to differentiate by.

    Returns
    -------
    callable
        Gives a tensor of shape ``y.shape + x.shape + x.shape``: (n, n) for a scalar function of a vector.

    Examples
    --------
    >>> wg.func.hessian(lambda x: x[0] * x[1] ** 2)(wg.tensor([1., 2.]))
    tensor([[0., 4.],
            [4., 2.]])
    """

    def first(*args: Any) -> Any:
        traced = _Traced("hessian", function, args, argnums)
        if len(traced.outputs) == 1 and not traced.outputs[0].value.ndim:
            y = traced.scalar()
            return traced.like_inputs(traced.pull([tape._box(np.ones_like(y.value))]))
        return jacobian(function, argnums, "reverse")(*args)

    return jacobian(first, argnums, "forward")


def hvp(function: Callable[..., Any], primals: Any, tangents: Any) -> tuple[Any, Any]:
    """The gradient of a scalar function and the product of its Hessian with a vector, without forming the Hessian.

    Parameters
    ----------
    function : callable
        Returns one 0-d tensor.
    primals, tangents
        The arguments and the vector: a tuple each, or for a function of one argument the argument itself.

    Returns
    -------
    gradient, product
        Each in the structure of the arguments.

    Examples
    --------
    >>> wg.func.hvp(lambda x: (x ** 3).sum(), wg.tensor([1., 2.]), wg.tensor([1., 0.]))
    (tensor([ 3., 12.]), tensor([6., 0.]))
    """
    argnums = tuple(range(len(primals))) if isinstance(primals, tuple) else 0
    return jvp(grad(function, argnums), primals, tangents)


# ---------------------------------------------------------------- checking


def check_gradients(
    function: Callable[..., Any], *args: Any, order: int = 2, modes: Sequence[str] = ("forward", "reverse"),
    step: float = 1e-6, rtol: float = 1e-5, atol: float = 1e-7, seed: int = 0,
) -> None:  # fmt: skip
    """Check the derivatives of a function in both directions and, by checking the derivatives' own, to any order.

    One random direction per argument suffices: an error in any item of a Jacobian shows in almost every direction. The
    forward derivative is compared with a central difference, the reverse one with the forward one through the identity
    <g, J t> = <J' g, t>.

    Parameters
    ----------
    function : callable
        Of floating tensors, smooth near the arguments; returns a tensor or a structure of them.
    *args : tensors or structures of them
        Converted to float64.
    order : int
        1 checks the first derivatives, 2 their derivatives too, and so on.
    modes : sequence of {"forward", "reverse"}
        Which directions to check; each order multiplies the mixtures.
    step : float
        Of the central difference.
    rtol, atol : float
        Allowed error, relative to the size of what is compared, and absolute.
    seed : int
        Of the random directions.

    Raises
    ------
    AssertionError
        If a derivative is wrong; it says which argument, mode and order, what was expected and what came.

    Examples
    --------
    >>> wg.func.check_gradients(lambda x: (x.exp() * x).sum(), wg.tensor([0.5, -1.]))
    """
    unknown = set(modes) - {"forward", "reverse"}
    if unknown or not modes:
        raise ValueError(f'check_gradients: expected modes among "forward" and "reverse", got {list(modes)}')
    if order < 1:
        raise ValueError(f"check_gradients: expected order >= 1, got {order}")
    leaves, rebuild = flatten(list(args))
    values = [np.array(define.as_variable(leaf).value, dtype=np.float64) for leaf in leaves]

    def flat(*xs: Any) -> list[Any]:
        return [define.as_variable(y) for y in flatten(function(*rebuild(list(xs))))[0]]

    _check(flat, values, order, tuple(modes), "", step, rtol, atol, np.random.default_rng(seed))


def _check(
    function: Callable[..., list[Any]], values: list[np.ndarray], order: int, modes: tuple[str, ...], path: str,
    step: float, rtol: float, atol: float, rng: np.random.Generator,
) -> None:  # fmt: skip
    depth = path.count(" of ") + 1 if path else 1
    ts = [_direction(rng, x) for x in values]
    boxes = [tape._box(x) for x in values]
    ys = [y.value for y in function(*boxes)]
    gs = [_direction(rng, y) for y in ys]

    def complain(mode_name: str, argument: int, expected: float, got: float) -> None:
        raise AssertionError(
            f"check_gradients: order {depth}, {mode_name} mode{path}, argument {argument}: expected {expected:.10g}, "
            f"got {got:.10g}"
        )

    def forward(*xs: Any, ts: list[np.ndarray] = ts) -> list[Any]:
        return flatten(jvp(function, tuple(xs), tuple(tape._box(t) for t in ts))[1])[0]

    def reverse(*xs: Any) -> list[Any]:
        return list(vjp(function, *xs)[1]([tape._box(g) for g in gs]))

    pulled = [g.value for g in reverse(*boxes)] if "reverse" in modes else None
    for k, t in enumerate(ts):
        alone = [t if j == k else np.zeros_like(other) for j, other in enumerate(ts)]
        ahead, behind = (
            [y.value for y in function(*(tape._box(np.asarray(x + h * d)) for x, d in zip(values, alone, strict=True)))]
            for h in (step, -step)
        )
        numeric = [(a - b) / (2 * step) for a, b in zip(ahead, behind, strict=True)]
        expected = _inner(gs, numeric)
        # What a difference can resolve: rounding of the function's values, magnified by 1 / step.
        noise = sum(float(np.abs(g * y).sum()) for g, y in zip(gs, ys, strict=True)) * 4e-16 / step
        scale = sum(float(np.abs(g * d).sum()) for g, d in zip(gs, numeric, strict=True))
        allowed = atol + rtol * scale + noise
        if "forward" in modes:
            got = _inner(gs, [y.value for y in forward(*boxes, ts=alone)])
            if not abs(got - expected) <= allowed:
                complain("forward", k, expected, got)
        if pulled is not None:
            got = float((pulled[k] * t).sum())
            if not abs(got - expected) <= allowed:
                complain("reverse", k, expected, got)
    if order > 1:
        for name, derivative in (("forward", forward), ("reverse", reverse)):
            if name in modes:
                _check(derivative, values, order - 1, modes, f"{path} of {name}", step, rtol * 10, atol * 10, rng)


def _direction(rng: np.random.Generator, like: np.ndarray) -> np.ndarray:
    return np.asarray(rng.choice([-1.0, 1.0], like.shape) * rng.uniform(0.5, 1.5, like.shape))


def _inner(xs: list[np.ndarray], ys: list[np.ndarray]) -> float:
    return float(sum(float((x * y).sum()) for x, y in zip(xs, ys, strict=True)))
