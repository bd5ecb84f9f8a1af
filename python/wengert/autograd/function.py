"""Users' own operations in PyTorch's form: a class with forward and backward, and jvp where forward mode is wanted."""

from __future__ import annotations

import contextlib
import functools
import inspect
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from ..core import tape, tuples
from ..core.batching import loops, merged, refuse_shapes
from ..core.broadcast import cast
from ..core.change import adopt
from ..core.doors import constant, count_change, enter
from ..core.levels import Level, into, levels, levels_around, out_of
from ..core.modes import ever, mode, recording
from ..core.named import NamedTuple
from ..core.tape import Operation, Rule
from ..core.variable import Variable
from ..ops.index import select
from ..ops.join import stack
from ..ops.shape import narrow_view


class _Restored(threading.local):
    """What contexts have saved, by their id, while a rule of theirs runs in this thread: others may walk the same
    graph."""

    def __init__(self) -> None:
        self.of: dict[int, tuple[Any, ...]] = {}


_restored = _Restored()


class Context:
    """What `forward` leaves for `backward` and `jvp`; any other attribute may be set on it too.

    Attributes
    ----------
    needs_input_grad : tuple of bool
        Per argument, whether it is a tensor that requires a gradient.
    """

    def __init__(self) -> None:
        self.needs_input_grad: tuple[bool, ...] = ()
        self._to_save: tuple[Any, ...] = ()
        self._is_recorded = False
        self._constant: tuple[Any, ...] = ()
        self._dirty: tuple[Any, ...] = ()
        self._inputs: tuple[Any, ...] = ()
        self._as_output: dict[int, int] = {}  # which saved tensors are outputs
        self._places: list[int] = []  # of the outputs that are differentiable
        self._kinds: tuples.Kinds = ()  # their shapes and dtypes
        self._others: list[tuple[tuple[int, ...], np.dtype] | None] = []  # those of the others; None for no tensor
        self._materialize = True
        self._node: weakref.ref[tape.Node] | None = None

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep inputs, outputs or other tensors; they are freed, and checked for changes in place, as the library's
        own."""
        if not all(x is None or isinstance(x, Variable) for x in tensors):
            raise TypeError("save_for_backward: expected tensors or None; anything else can be an attribute of ctx")
        self._to_save = tensors

    save_for_forward = save_for_backward

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What was saved, while `backward` or `jvp` runs."""
        found = _restored.of.get(id(self))
        if found is None and self._is_recorded:
            raise RuntimeError("saved_tensors: they are there while backward or jvp runs")
        return found or ()

    def mark_non_differentiable(self, *outputs: Any) -> None:
        """Say that these outputs have no derivative."""
        self._constant = outputs

    def mark_dirty(self, *inputs: Any) -> None:
        """Say that forward has changed these inputs in place; it must return them."""
        self._dirty = inputs
        for x in inputs:
            count_change(x)

    def set_materialize_grads(self, value: bool) -> None:
        """Choose what stands for outputs that nothing has come to in `backward`, and for inputs without a tangent in
        `jvp`: zeros, as by default, or None."""
        self._materialize = bool(value)


class Function:
    """An operation of one's own, differentiable to any order if its rules are made of differentiable operations.

    A subclass defines static methods, as for PyTorch: ``forward(ctx, *args)``, or ``forward(*args)`` together with
    ``setup_context(ctx, inputs, output)``; ``backward(ctx, *cotangents)``, which takes one cotangent per output, and
    gives one per argument of forward, None for those without; and for forward mode ``jvp(ctx, *tangents)``, which takes
    one tangent per argument and gives one per output. It is called as ``Subclass.apply(*args)``.

    Under `vmap` it runs example by example, unless it has ``vmap(info, in_dims, *args)``, which is told the size of the
    batch and along which dimension of each argument it lies, and gives outputs and the dimensions of theirs; or says
    ``generate_vmap_rule = True``, as all of its methods are made of operations of tensors.

    Examples
    --------
    >>> class Cube(wg.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x * x
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return g * 3 * x * x
    >>> x = wg.tensor(2., requires_grad=True)
    >>> (g,) = wg.autograd.grad(Cube.apply(x), x, create_graph=True)
    >>> g, wg.autograd.grad(g, x)
    (tensor(12., grad_fn=<MulBackward0>), (tensor(12.),))
    """

    backward: Any = None
    jvp: Any = None
    setup_context: Any = None
    vmap: Any = None
    generate_vmap_rule = False
    _operations: ClassVar[dict[tuple[int, int], Operation]]

    @staticmethod
    def forward(*args: Any) -> Any:
        """Compute the operation; a subclass defines it."""
        raise TypeError("Function.forward: a subclass of autograd.Function defines forward as a static method")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Compute the operation, and record it where an argument requires a gradient.

        Parameters
        ----------
        *args
            Tensors are differentiable data; anything else is handed to forward as it is.

        Returns
        -------
        Tensor or tuple of Tensor
            What forward returns.
        """
        if ever.batches_or_hooks and not cls.generate_vmap_rule:
            around: tuple[Any, ...] = ()
            for x in args:
                around = merged(around, levels_around(x))
            if around:
                return _over(cls, args, around[-1])
        ctx = Context()
        ctx.needs_input_grad = tuple(isinstance(x, Variable) and x.requires_grad for x in args)
        with recording(False) as before:
            if cls.setup_context is None:
                result = cls.forward(ctx, *args)
            else:
                result = cls.forward(*args)
                cls.setup_context(ctx, args, result)
        if not before or not any(ctx.needs_input_grad):
            return result
        single = not isinstance(result, tuple)
        outputs = (result,) if single else result
        recorded = _record(cls, ctx, args, outputs)
        return recorded[0] if single else recorded


class VmapInfo(NamedTuple):
    """What a `vmap` method is told of the batch, as in PyTorch."""

    batch_size: int
    randomness: str


def _over(cls: type[Function], args: tuple[Any, ...], level: Level) -> Any:
    """The operation over a batch: by the class's own rule, or else example by example."""
    inside = [level in levels_around(x) for x in args]
    with levels(tuple([other for other in mode.levels if other is not level])):
        given = tuple([out_of(x, 0, level) if has else x for x, has in zip(args, inside, strict=True)])
        found = (_by_example if cls.vmap is None else _by_rule)(cls, given, inside, level)
        for x, shown in zip(args, given, strict=True):
            if shown is not x and shown._counter is not None and shown._counter[0]:  # marked as dirty
                count_change(x)
                if mode.recording:
                    adopt(x, cls.__name__, into(shown, 0, level))
    return found


def _by_rule(cls: type[Function], given: tuple[Any, ...], inside: list[bool], level: Level) -> Any:
    """What the class's rule for batches gives of arguments that have the batch in front, or are one for all."""
    in_dims = tuple([0 if has else None for has in inside])
    outputs, out_dims = cls.vmap(VmapInfo(level.size, level.randomness), in_dims, *given)
    if not isinstance(outputs, tuple):
        return _into(outputs, out_dims, level)
    dims = out_dims if isinstance(out_dims, tuple) else (out_dims,) * len(outputs)
    return tuple([_into(y, dim, level) for y, dim in zip(outputs, dims, strict=True)])


def _by_example(cls: type[Function], given: tuple[Any, ...], inside: list[bool], level: Level) -> Any:
    """What the operation gives of each example, as a batch."""
    loops[cls.__name__] = loops.get(cls.__name__, 0) + 1
    found = [
        cls.apply(*[select(x, 0, k) if has else x for x, has in zip(given, inside, strict=True)])
        for k in range(level.size)
    ]
    if not found:  # one of zeros tells the shapes
        pairs = zip(given, inside, strict=True)
        zeros = [constant(np.zeros, x._value.shape[1:], x._value.dtype) if has else x for x, has in pairs]
        found = [cls.apply(*zeros)]
    if not isinstance(found[0], tuple):
        return _joined(found, level)
    return tuple([_joined(list(column), level) for column in zip(*found, strict=True)])


def _into(y: Any, dim: int | None, level: Level) -> Any:
    return y if dim is None or not isinstance(y, Variable) else into(y, dim % y._value.ndim, level)


def _joined(found: list[Any], level: Level) -> Any:
    """What the examples gave, as a batch; what is no tensor is that of the first."""
    if not isinstance(found[0], Variable):
        return found[0]
    if len({y._value.shape for y in found}) > 1:
        refuse_shapes("autograd.Function")
    return into(narrow_view(stack(found), 0, 0, level.size), 0, level)


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a `backward` that is not made of differentiable operations, below `staticmethod`: it runs without
    recording, and a derivative of what it gives raises.

    Parameters
    ----------
    backward : callable
        Takes the context and cotangents.

    Returns
    -------
    callable

    Examples
    --------
    >>> class Sine(wg.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return wg.sin(x)
    ...     @staticmethod
    ...     @wg.autograd.once_differentiable
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return g * wg.as_tensor(np.cos(x.detach().numpy()))
    >>> wg.grad(Sine.apply)(0.)
    tensor(1.)
    """

    @functools.wraps(backward)
    def wrapped(ctx: Context, *cotangents: Any) -> Any:
        with recording(False) as before:
            given = backward(ctx, *cotangents)
        used = [x for x in (*cotangents, *ctx.saved_tensors) if isinstance(x, Variable) and x.requires_grad]
        if not before or not used:
            return given
        parts = given if isinstance(given, tuple) else (given,)
        return tuple(_without_rules(backward.__qualname__, x, used) if isinstance(x, Variable) else x for x in parts)

    return wrapped


def _without_rules(name: str, x: Any, used: list[Any]) -> Any:
    """x as the result of an operation on what it was computed from, which says on a walk that it has no rules."""
    nothing = (None,) * len(used)
    operation = Operation(name, _last, tuple(f"x{i}" for i in range(len(used))), nothing, nothing)
    out = x.detach()
    tape.record(operation, tuple(used), {}, out)
    return out


def _last(*values: np.ndarray) -> np.ndarray:
    return values[-1]


def _record(cls: type[Function], ctx: Context, args: tuple[Any, ...], outputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The outputs as results of one new node."""
    differentiable = [
        k for k, y in enumerate(outputs)
        if isinstance(y, Variable) and y._value.dtype.kind == "f" and not any(y is other for other in ctx._constant)
    ]  # fmt: skip
    if not differentiable:
        return outputs
    if not all(any(x is y for y in outputs) for x in ctx._dirty):
        raise RuntimeError(f"{cls.__name__}.forward: what is marked as dirty must be returned")
    ctx._places = differentiable
    ctx._others = [
        (y._value.shape, y._value.dtype) if isinstance(y, Variable) and k not in differentiable else None
        for k, y in enumerate(outputs)
    ]
    ctx._kinds = tuple((outputs[k]._value.shape, outputs[k]._value.dtype) for k in differentiable)
    ctx._inputs = tuple(x if not isinstance(x, Variable) else (x._value.shape, x._value.dtype) for x in args)
    saved = _saved(ctx, args, [outputs[k] for k in differentiable])
    dirty = {id(x) for x in ctx._dirty}
    ctx._to_save, ctx._constant, ctx._dirty, ctx._is_recorded = (), (), (), True
    known = cls.__dict__.get("_operations")
    if known is None:
        cls._operations = known = {}
    count = len(args), len(saved)
    operation = known.get(count) or known.setdefault(count, _operation(cls, *count))
    results = tuples.results(
        operation, (*args, *saved), {"ctx": ctx}, [outputs[k] for k in differentiable], constants=len(saved)
    )
    ctx._node = weakref.ref(results[0]._node if len(results) == 1 else results[0]._node.sources[0])
    new = list(outputs)
    for index, out in zip(differentiable, results, strict=True):
        if id(outputs[index]) in dirty:
            adopt(outputs[index], cls.__name__, out)
        else:
            new[index] = out
    return tuple(new)


def _saved(ctx: Context, args: tuple[Any, ...], outputs: list[Any]) -> list[Any]:
    """What the node is to keep: inputs as they are, of anything else its memory alone, which leads to no graph."""
    saved = []
    for place, x in enumerate(ctx._to_save):
        found = next((k for k, y in enumerate(outputs) if y is x), None)
        if found is not None:
            ctx._as_output[place] = found
        is_input = found is None and any(x is y for y in args)
        saved.append(x if x is None or is_input else x.detach())
    return saved


def _operation(cls: type[Function], arguments: int, saved: int) -> Operation:
    """The operation of a class: what is saved counts as arguments behind those of forward."""
    parameters = list(inspect.signature(cls.forward).parameters.values())[cls.setup_context is None :]
    plain = len(parameters) == arguments and all(p.kind is not p.VAR_POSITIONAL for p in parameters)
    names = tuple(p.name for p in parameters) if plain else tuple(f"x{i}" for i in range(arguments))
    extra = tuple(f"saved {i}" for i in range(saved))

    def forward(i: int) -> Rule | None:
        if cls.jvp is None:
            return None
        return Rule(lambda t, ctx, *kept: _pushed(cls, ctx, t, kept, i), ("t", "ctx", *extra))

    reverse = None
    if cls.backward is not None:
        reverse = Rule(lambda g, ctx, *kept: _pulled(cls, ctx, g, kept), ("g", "ctx", *extra))
    jvps = tuple(map(forward, range(arguments))) + (None,) * saved
    return Operation(cls.__name__, cls.forward, names + extra, (None,) * len(jvps), jvps, reverse)


@contextlib.contextmanager
def _given_back(ctx: Context, kept: tuple[Any, ...]) -> Iterator[None]:
    """Give ctx.saved_tensors its value for a block; saved outputs know the node that they came from."""
    values = list(kept)
    node = ctx._node() if ctx._node is not None else None
    if node is not None and mode.recording:
        for place, k in ctx._as_output.items():
            values[place] = tuples.result_of(node, k, ctx._kinds, values[place])
    before = _restored.of.get(id(ctx))
    _restored.of[id(ctx)] = tuple(values)
    try:
        yield
    finally:
        if before is None:
            del _restored.of[id(ctx)]
        else:
            _restored.of[id(ctx)] = before


def _pulled(cls: type[Function], ctx: Context, g: Any, kept: tuple[Any, ...]) -> tuple[Any, ...]:
    """The cotangents of all arguments."""
    gs = _filled(ctx, ctx._others)
    for k, place in enumerate(ctx._places):
        if len(ctx._places) == 1:
            gs[place] = g
        elif ctx._materialize or not tuples.nothing_came(g, k):
            gs[place] = tuples.item(g, k)
    with _given_back(ctx, kept):
        given = cls.backward(ctx, *gs)
    given = given if isinstance(given, tuple) else (given,)
    count = len(ctx._inputs)
    if len(given) < count or any(extra is not None for extra in given[count:]):
        raise RuntimeError(
            f"{cls.__name__}.backward: expected {count} gradient(s), one per argument of forward, got {len(given)}"
        )
    name = f"{cls.__name__}.backward"
    return tuple(_fitting(name, "gradient", x, like) for x, like in zip(given, ctx._inputs, strict=False))


def _pushed(cls: type[Function], ctx: Context, t: Any, kept: tuple[Any, ...], argument: int) -> Any:
    """The tangent of the outputs by way of one argument."""
    needed = zip(ctx._inputs, ctx.needs_input_grad, strict=True)
    ts = _filled(ctx, [like if needs else None for like, needs in needed])
    ts[argument] = t
    with _given_back(ctx, kept):
        given = cls.jvp(ctx, *ts)
    given = given if isinstance(given, tuple) else (given,)
    if len(given) != len(ctx._others):
        expected = f"expected {len(ctx._others)} tangent(s), one per output"
        raise RuntimeError(f"{cls.__name__}.jvp: {expected}, got {len(given)}")
    name = f"{cls.__name__}.jvp"
    pairs = zip(ctx._places, ctx._kinds, strict=True)
    parts = [_fitting(name, "tangent", given[place], like) for place, like in pairs]
    return parts[0] if len(parts) == 1 else tuples.pack(parts)


def _filled(ctx: Context, kinds: Sequence[Any]) -> list[Any]:
    """What stands where nothing has come to: zeros of the shapes and dtypes, or None."""
    return [constant(np.zeros, *kind) if kind is not None and ctx._materialize else None for kind in kinds]


def _fitting(name: str, what: str, x: Any, like: Any) -> Any:
    """x as a variable of the shape and dtype that `like` names; zeros for None."""
    if not isinstance(like, tuple):
        return None
    shape, dtype = like
    if x is None:
        return constant(np.zeros, shape, dtype if dtype.kind == "f" else np.float32)
    x = enter(x)
    if x._value.shape != shape:
        raise RuntimeError(f"{name}: it gave a {what} of shape {x._value.shape}, expected {shape}")
    return x if x._value.dtype == dtype or dtype.kind != "f" else cast(x, dtype)
