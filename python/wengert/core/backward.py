"""The backward walk as PyTorch spells it: accumulated into leaves, or returned."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

import numpy as np

from .._kernels import held_alone
from . import dtypes, locks, stages
from .batching import BatchError
from .broadcast import cast
from .change import copied
from .doors import alike, constant, enter, require_unfollowed
from .following import followed
from .hooks import known, run_hooks, run_post_hooks
from .modes import ever, mode
from .tape import levels_of_source, pull, shared
from .variable import Variable

_ndarray = np.ndarray
_accumulating = locks.lock()  # walks of several threads may meet at a leaf


def _cotangent(name: str, output: Variable, gradient: Any) -> Variable:
    """The cotangent that a walk from `output` starts with."""
    if not isinstance(output, Variable):
        raise TypeError(f"{name}: expected a tensor, got {type(output).__name__}")
    y = output
    if not y.is_tracked():
        raise RuntimeError(
            f"{name}: nothing was recorded: no input of this tensor requires a gradient (or it was computed under "
            "no_grad)"
        )
    value = y._value
    if gradient is None:
        if value.size != 1:
            raise RuntimeError(
                f"{name}: a tensor of shape {value.shape} needs an explicit gradient of that shape; only one item has "
                "the implicit gradient 1"
            )
        return constant(_one, value.dtype) if value.ndim == 0 else constant(np.ones, value.shape, value.dtype)
    gradient = enter(gradient)
    if gradient._value.shape != value.shape:
        raise RuntimeError(f"{name}: the gradient has shape {gradient._value.shape}, the tensor {value.shape}")
    return gradient if gradient._value.dtype == value.dtype else cast(gradient, value.dtype)


def _one(dtype: np.dtype) -> np.ndarray:
    """1, in an array of its own: a copy takes half as long as a new one."""
    found = _ones.get(dtype)
    return np.array(1.0, dtype) if found is None else found.copy()


_ones = {dtype: np.array(1.0, dtype) for dtype in (dtypes.float32, dtypes.float64)}


def _aslist(x: Any) -> list[Any]:
    return [x] if isinstance(x, Variable) or not isinstance(x, Iterable) else list(x)


def _source(name: str, x: Any) -> Any:
    if not isinstance(x, Variable):
        raise TypeError(f"{name}: expected a tensor as input, got {type(x).__name__}")
    return x._source


def _walk(
    name: str, outputs: list[Any], gradients: list[Any], wanted: Any, retain: bool | None, create: bool, arrive: Any
) -> Any:  # fmt: skip
    """What a walk brings to leaves, or to what is wanted, but for hooked leaves: those are handed to `arrive`, unless
    that is None, as no leaf ever had a hook."""
    if len(gradients) != len(outputs):
        raise ValueError(f"{name}: {len(outputs)} output(s) and {len(gradients)} gradient(s)")
    starts = []
    for i in range(len(outputs)):
        g = _cotangent(name, outputs[i], gradients[i])
        y = outputs[i]
        if followed and not create:
            require_unfollowed(y, "the start of a walk that is not recorded (create_graph=True, wg.func.grad are)")
        starts.append((y.origin(), g))
    free = not (create if retain is None else retain)
    before = mode.recording
    try:  # `with recording(create)`, without what that costs
        mode.recording = create
        if arrive is not None and known.of_leaves:
            return stages.pull(starts, wanted, free, arrive)
        return pull(starts, wanted, free)
    finally:
        mode.recording = before


def backward(
    tensors: Any, grad_tensors: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
    inputs: Any = None,
) -> None:  # fmt: skip
    """Add the gradients of the sum of `tensors` to `.grad` of every leaf that they depend on.

    Parameters
    ----------
    tensors : tensor or sequence of tensor
    grad_tensors : tensor, sequence or None
        Their cotangents; may be left out for single items.
    retain_graph, create_graph : bool
        As in `Tensor.backward`.
    inputs : tensor, sequence of tensor or None
        Only these receive gradients.

    Raises
    ------
    RuntimeError
        If nothing was recorded, a cotangent is missing or of another shape, or the graph was walked before.

    Examples
    --------
    >>> x = wg.ones(2, requires_grad=True)
    >>> wg.autograd.backward((x * 3).sum())
    >>> x.grad
    tensor([3., 3.])
    """
    outputs = _aslist(tensors)
    gradients = [None] * len(outputs) if grad_tensors is None else _aslist(grad_tensors)
    unusual = ever.batches_or_hooks
    inside = unusual and mode.levels
    if inside:  # a batch: each example adds its gradient, also where the tensor is one for all
        tracked = [isinstance(y, Variable) and y.requires_grad for y in outputs]
        outputs = [shared(y, inside) if is_tracked else y for y, is_tracked in zip(outputs, tracked, strict=True)]
    wanted = None
    if inputs is not None:
        wanted = [_source("backward", x) for x in _aslist(inputs)]
        if None in wanted:
            raise RuntimeError("backward: one of the inputs does not require a gradient")
    arrive = functools.partial(_accumulate, create=create_graph, alone=False) if unusual else None
    found = _walk("backward", outputs, gradients, wanted, retain_graph, create_graph, arrive)
    receivers = {id(x._source): x for x in _aslist(inputs)} if inputs is not None else {}
    for source in list(found):
        leaf = source if isinstance(source, Variable) else receivers[id(source)]
        alone = not inside and held_alone(found, source)  # asked before there is a name for it here
        _accumulate(leaf, found.pop(source), create_graph, alone)


def _arrived(name: str, g: Any, x: Any) -> Any:
    """A gradient that a walk brought to x, in x's dtype, after x's hooks if x is a leaf."""
    require_shape(name, "gradient", g, x)
    if g._value.dtype is not x._value.dtype and g._value.dtype != x._value.dtype:
        g = cast(g, x._value.dtype)
    return run_hooks(x._hooks, g) if x._hooks and x._node is None else g


def require_shape(name: str, what: str, g: Any, x: Any) -> None:
    """Raise if what a walk brought to x, or made of it, does not have x's shape."""
    if g._value.shape != x._value.shape:
        raise RuntimeError(
            f"{name}: a {what} of shape {g._value.shape} arrived where the tensor has shape {x._value.shape}; the rule "
            "of an operation on the way is wrong, which check_gradients can tell"
        )


def accumulate(leaf: Any, g: Any, create: bool = False, alone: bool = False) -> None:
    """Add g to leaf.grad.

    Parameters
    ----------
    leaf : tensor
    g : tensor
        Of the leaf's shape.
    create : bool
        Whether the addition is recorded.
    alone : bool
        Whether nobody else has g or sees its memory, which then may become that of leaf.grad.

    Raises
    ------
    RuntimeError
        If g does not have the leaf's shape.
    TypeError
        If one of them is not a tensor.

    Examples
    --------
    >>> x = wg.tensor([1., 2.], requires_grad=True)
    >>> wg.autograd.accumulate(x, wg.ones(2))
    >>> x.grad
    tensor([1., 1.])
    """
    for x in (leaf, g):
        if not isinstance(x, Variable):
            raise TypeError(f"accumulate: expected a leaf and its gradient, tensors both, got {type(x).__name__}")
    _accumulate(leaf, g, create, alone)


def _accumulate(leaf: Any, g: Any, create: bool, alone: bool) -> None:
    g = _arrived("backward", g, leaf)
    if ever.recordings and mode.recorder is not None:
        mode.recorder.gradient(leaf, False)
    with _accumulating:
        before = leaf._grad
        if before is not None:
            if before._value.shape != g._value.shape:
                raise RuntimeError(
                    f"backward: a gradient of shape {g._value.shape} cannot be added to .grad, which has shape "
                    f"{before._value.shape}; was .data replaced since?"
                )
            if create:
                leaf._grad = before + g
            else:
                before.add_(g)
        elif create:
            leaf._grad = g
        else:
            # A gradient is the leaf's own memory: what a view, a leaf, a hook, a rule or the caller has is copied.
            own = alone and not leaf._hooks and g._node is None
            if not own:
                g = copied(g)
                g = g if type(leaf._value) is _ndarray else alike(leaf, g)
            leaf._grad = g
    if leaf._hooks:
        run_post_hooks(leaf)


def _require_own(outputs: list[Any], sources: list[Any]) -> None:
    """Raise if gradients are asked for of what is one for all examples of a batch that the outputs belong to: they
    would be summed, where the same function of one example would give one for each."""
    for y in outputs:
        inside = [level for level in levels_of_source(y._source) if level in mode.levels]
        for k, source in enumerate(sources):
            own = levels_of_source(source)
            if set(inside) - set(own):
                raise BatchError(
                    f"grad: inside vmap, input {k} is one for all examples, so that its gradient would be the sum over "
                    "them; hand it to the function as an argument of wg.func.grad, or pass chunk_size=1"
                )


_stack: Any = None


def register(stack: Any) -> None:
    """Let gradients of several cotangents be joined by this operation, which stands higher than this file."""
    global _stack
    _stack = stack


def _each_grad(
    outs: list[Any], ins: list[Any], cotangents: Any, retain: bool | None, create: bool, unused: bool | None,
    zeros: bool,
) -> tuple[Any, ...]:  # fmt: skip
    """The gradients for each cotangent, walk by walk, along a dimension of their own."""
    given = [enter(g) for g in _aslist(cotangents)] if cotangents is not None else []
    counts = {g._value.shape[:1] for g in given}
    if len(counts) != 1 or counts <= {(), (0,)}:
        raise RuntimeError(
            "grad: with is_grads_batched=True, grad_outputs have a first dimension of one length, at least 1; got "
            + (", ".join(str(g._value.shape) for g in given) or "none")
        )
    last = given[0]._value.shape[0] - 1
    found = [
        grad(outs, ins, [g[k] for g in given], True if k < last else retain, create, True, unused, False, zeros)
        for k in range(last + 1)
    ]
    return tuple([None if each[0] is None else _stack(each) for each in zip(*found, strict=True)])


def grad(
    outputs: Any, inputs: Any, grad_outputs: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
    only_inputs: bool = True, allow_unused: bool | None = None, is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:  # fmt: skip
    """The gradients of the sum of `outputs` with respect to `inputs`, returned rather than accumulated.

    Parameters
    ----------
    outputs, inputs : tensor or sequence of tensor
    grad_outputs : tensor, sequence or None
        The cotangents of the outputs; may be left out for single items.
    retain_graph, create_graph : bool
        As in `Tensor.backward`.
    only_inputs : bool
        True: as in PyTorch, nothing else is computed in any case.
    allow_unused : bool
        An input that the outputs do not depend on has gradient None rather than being an error.
    is_grads_batched : bool
        The cotangents have a dimension more in front, and so have the gradients: one for each cotangent along it.
    materialize_grads : bool
        Such an input has gradient zero.

    Returns
    -------
    tuple of Tensor

    Raises
    ------
    RuntimeError
        If nothing was recorded, an input is not used, or the graph was walked before.

    Examples
    --------
    >>> x = wg.tensor(3., requires_grad=True)
    >>> wg.autograd.grad(x * x, x)
    (tensor(6.),)
    """
    if not only_inputs:
        raise ValueError("grad: only_inputs=False is no more, in PyTorch too; y.backward() adds to .grad of all leaves")
    outs, ins = _aslist(outputs), _aslist(inputs)
    if is_grads_batched:
        return _each_grad(outs, ins, grad_outputs, retain_graph, create_graph, allow_unused, materialize_grads)
    sources = [_source("grad", x) for x in ins]
    if None in sources:
        raise RuntimeError(f"grad: input {sources.index(None)} does not require a gradient")
    gradients = [None] * len(outs) if grad_outputs is None else _aslist(grad_outputs)
    hooked: dict[Any, Any] = {}

    def arrive(leaf: Any, g: Any) -> None:
        hooked[leaf] = _arrived("grad", g, leaf)

    if ever.batches_or_hooks and mode.levels:
        _require_own(outs, sources)
    passing = arrive if ever.batches_or_hooks else None
    found = _walk("grad", outs, gradients, sources, retain_graph, create_graph, passing)
    results = []
    for k, (x, source) in enumerate(zip(ins, sources, strict=True)):
        g = found.get(source)
        if source in hooked:
            results.append(hooked[source])
            continue
        if g is None:
            if materialize_grads:
                g = constant(np.zeros, x._value.shape, x._value.dtype)
            elif not allow_unused:
                raise RuntimeError(
                    f"grad: the outputs do not depend on input {k}; allow_unused=True gives None for it, "
                    "materialize_grads=True zeros"
                )
            results.append(g)
            continue
        results.append(_arrived("grad", g, x))
    return tuple(results)
