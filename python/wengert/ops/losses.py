"""Losses: cross-entropy from logits to a number in one kernel, and what the losses of `nn.functional` are made of.

The kernel of cross-entropy makes loss and gradient in one pass over the logits. The gradient is kept for the backward
walk, whose operation `_CE_GRADIENT` has rules of its own, for derivatives of higher order.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from .. import _kernels
from .._kernels import Elementwise
from .._types import Tensor
from ..core import dtypes
from ..core.arguments import whole
from ..core.batching import Batch, full, looped, unchanged
from ..core.bound import by_bindings
from ..core.broadcast import as_floating, cast
from ..core.define import computed, elementwise, primitive
from ..core.doors import constant, enter
from ..core.half import half, half_kernel
from ..core.named import NamedTuple
from ..core.signatures import tells
from ..core.tape import Operation, apply
from .arithmetic import abs as absolute
from .arithmetic import maximum, sign, square
from .chains import chained, fused, itemwise, step
from .compare import less, less_equal, where
from .creation import number
from .functions import exp, log, sigmoid
from .products import of_one_dtype
from .reduce import mean, sum
from .rows import log_softmax, softmax, softmax_grad
from .shape import permute, reshape

__all__ = ["cross_entropy"]

_multiply, _negative, _huber = Elementwise("multiply"), Elementwise("negative"), Elementwise("huber")

# ---------------------------------------------------------------- what cross_entropy and nll_loss check alike


class Options(NamedTuple):
    """How the losses of examples are weighed and joined; the same for all that are computed of them."""

    reduction: str
    ignore_index: int
    smoothing: float

    @staticmethod
    @functools.lru_cache(64)
    def of(name: str, reduction: str, ignore_index: int, smoothing: float = 0.0) -> Options:
        """The checked options of a call; cached, since to make a tuple anew takes as long as all other checks. So the
        numbers are to be Python's own: a tensor's change."""
        if reduction not in ("mean", "sum", "none"):
            raise ValueError(f'{name}: expected reduction "mean", "sum" or "none", got {reduction!r}')
        if not 0.0 <= smoothing <= 1.0:
            raise ValueError(f"{name}: expected label_smoothing in [0, 1], got {smoothing}")
        return Options(reduction, ignore_index, float(smoothing))


_USUAL = Options("mean", -100, 0.0)
_KINDS = {"cross_entropy": "logits", "nll_loss": "log-probabilities"}


def _rows_of(x: Any) -> Any:
    """(classes,), (n, classes) or (n, classes, d1, ...) as a matrix with a row for each example."""
    shape = x._value.shape
    if len(shape) == 2:
        return x
    if len(shape) == 1:
        return reshape(x, (1, *shape))
    return reshape(permute(x, (0, *range(2, len(shape)), 1)), (shape[0] * math.prod(shape[2:]), shape[1]))


def _rows_and_labels(name: str, x: Any, y: Any, weight: Any) -> tuple[Any, Any, Any, tuple[int, ...]]:
    """A row for each example, as many labels of int64 (or rows of probabilities), the class weights, y's shape without
    classes: the layouts that PyTorch takes, checked and brought to one."""
    shape, given = x._value.shape, y._value.shape
    if weight is None and len(shape) == 2 and given == shape[:1] and y._value.dtype is dtypes.int64:  # as in most calls
        return x, y, None, given
    if not shape:
        raise ValueError(
            f"{name}: expected {_KINDS[name]} (classes,), (n, classes) or (n, classes, d1, ...), got a 0-d tensor"
        )
    kind = y._value.dtype.kind
    d = min(len(shape) - 1, 1)
    classes, outer = shape[d], shape[:d] + shape[d + 1 :]
    dense = kind == "f" and name == "cross_entropy"
    if not dense and kind not in "iu":
        raise TypeError(f"{name}: expected labels of an integer dtype, got {y._value.dtype}")
    if given != (shape if dense else outer):
        probabilities = f" or probabilities of shape {shape}" if name == "cross_entropy" else ""
        raise ValueError(
            f"{name}: {_KINDS[name]} of shape {shape} need labels of shape {outer}{probabilities}, got "
            f"{'probabilities' if dense else 'labels'} of shape {given}"
        )
    if weight is not None:
        weight = enter(weight)
        if weight._value.shape != (classes,):
            raise ValueError(f"{name}: expected class weights of shape {(classes,)}, got {weight._value.shape}")
    if dense:
        return _rows_of(x), _rows_of(y), weight, outer
    if len(given) != 1:
        y = reshape(y, (math.prod(given),))
    return _rows_of(x), y if y._value.dtype == dtypes.int64 else cast(y, dtypes.int64), weight, outer


# ---------------------------------------------------------------- cross-entropy


@by_bindings
def _cross_entropy(
    x: np.ndarray, targets: np.ndarray, weight: np.ndarray | None, options: Options, keep: bool
) -> tuple[np.ndarray, np.ndarray | None]:
    """The loss, 0-d, or (rows,) without reduction; and its gradient, where it is to be kept."""
    reduction, ignore_index, smoothing = options
    whole = reduction == "none"
    if weight is not None:
        weight = np.ascontiguousarray(weight, dtype=x.dtype)
    if targets.ndim == 1:
        losses, gradient, total, _ = _kernels.cross_entropy(  # by position, which takes half as long
            x, targets, weight, ignore_index, smoothing, keep, 1.0, reduction == "mean", whole,
            None if whole else reduction,
        )  # fmt: skip
    else:
        losses, gradient, total, _ = _kernels.cross_entropy_dense(
            x, targets, weights=weight, label_smoothing=smoothing, gradient=keep,
            gradient_scale=1.0 / max(x.shape[0], 1) if reduction == "mean" else 1.0, losses=whole,
            total=None if whole else reduction,
        )  # fmt: skip
    return (losses if whole else total), gradient  # type: ignore[return-value]


def _each_cross_entropy(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> Any:
    """Of a batch: the rows of all examples are one matrix; losses and gradients are weighed within each example."""
    x, targets, weight = arrays
    options, keep = static["options"], static["keep"]
    if batch.having[2]:  # the kernel takes one weight for a class
        return looped(kernel, batch, arrays, static)
    x, targets = full(x, batch, batch.having[0]), full(targets, batch, batch.having[1])
    lead = len(batch.lengths)
    labels = targets.ndim == lead + 1
    rows = targets.reshape(-1) if labels else targets.reshape(-1, targets.shape[-1])
    loss, gradient = kernel(
        x.reshape(-1, x.shape[-1]), rows, weight, options=options._replace(reduction="none"), keep=keep
    )
    loss = loss.reshape(x.shape[:-1])
    gradient = None if gradient is None else gradient.reshape(x.shape)
    if options.reduction == "none":
        return loss, gradient
    alone = labels and weight is None and x.shape[-2] == 1
    if alone and not np.count_nonzero(targets == options.ignore_index):
        return loss[..., 0], gradient  # the mean of one
    total = np.asarray(loss.sum(-1, dtype=np.float64))
    if options.reduction == "mean":
        count = _weight_of_each(targets, weight, options) if labels else np.full(batch.lengths, x.shape[-2], np.float64)
        with np.errstate(all="ignore"):
            total = np.where(count == 0, math.nan, total / count)
            share = 1.0 / (count if labels else np.maximum(count, 1))
            gradient = None if gradient is None else _multiply(gradient, share.astype(x.dtype)[..., None, None])
    return total.astype(x.dtype), gradient


def _weight_of_each(labels: np.ndarray, weight: np.ndarray | None, options: Options) -> np.ndarray:
    """What the labels of each example weigh together."""
    counted = labels != options.ignore_index
    if weight is None:
        return counted.sum(-1, dtype=np.float64)  # type: ignore[no-any-return]
    weights = weight.astype(np.float64)[np.where(counted, labels, 0)]
    return np.where(counted, weights, 0.0).sum(-1)  # type: ignore[no-any-return]


def _row_weights_kernel(targets: np.ndarray, weight: np.ndarray, dtype: np.dtype, options: Options) -> np.ndarray:
    """a, (rows, 1), where the gradient's row i is a_i * softmax(x_i) less a constant: the total of the target's row."""
    weights, classes = weight.astype(np.float64), weight.size
    reduction, ignore_index, smoothing = options
    if targets.ndim == 1:
        counted = targets != ignore_index
        of_label = np.where(counted, weights[np.where(counted, targets, 0)], 0.0)
        a = (1 - smoothing) * of_label + np.where(counted, smoothing / classes * weights.sum(), 0.0)
        total = of_label.sum()
    else:
        a = ((1 - smoothing) * targets + smoothing / classes) @ weights
        total = targets.shape[0]
    if reduction == "mean":
        a = a / (total or math.nan)
    out: np.ndarray = a.astype(dtype).reshape(-1, 1)
    return out


_row_weights = computed("cross_entropy_weights", _row_weights_kernel)


def _curved(t: Any, x: Any, targets: Any, weight: Any, options: Options) -> Any:
    """The second derivative of the loss, a symmetric matrix for each row, applied to the rows of t."""
    dtype = x._value.dtype
    if weight is None:
        weight = constant(np.ones, x._value.shape[1], dtype)
    return softmax_grad(t, softmax(x, 1), 1) * _row_weights(targets, weight, dtype=dtype, options=options)


def _by_row(g: Any) -> Any:
    """A number as it is; one for each row, as a column."""
    return reshape(g, (g._value.shape[0], 1)) if g._value.ndim else g


def _joined(t: Any, options: Options) -> Any:
    return sum(t, 1) if options.reduction == "none" else sum(t)


@by_bindings
def _scaled(
    g: np.ndarray, x: np.ndarray, targets: np.ndarray, weight: np.ndarray | None, known: np.ndarray, options: Options
) -> np.ndarray:
    return _multiply(known, g if g.ndim == 0 else g[:, None])


@by_bindings
def _each_scaled(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> np.ndarray:
    """Of a batch: a number for each example, or one for each of its rows."""
    g, known = arrays[0], arrays[4]
    lead = len(batch.lengths)
    if g.ndim - (lead if batch.having[0] else 0) == 1:
        g = g[..., None]
    elif batch.having[0]:
        g = g[..., None, None]
    return _multiply(known, g)


def _unscaled(x: Any, targets: Any, weight: Any, known: Any, options: Options) -> Any:
    """The gradient."""
    one = constant(np.ones, x._value.shape[:1] if options.reduction == "none" else (), x._value.dtype)
    return apply(_CE_GRADIENT, (one, x, targets, weight, known), {"options": options})


# The gradient's rows times g, which is a number or one for each row. `known` are the values of the gradient at x.
_CE_GRADIENT: Operation = primitive(
    "cross_entropy_backward", _scaled,
    (
        lambda g, x, targets, weight, known, options: _joined(
            g * _unscaled(x, targets, weight, known, options), options),
        lambda g, y, x, targets, weight, options: _curved(g * _by_row(y), x, targets, weight, options),
        None, None, None,
    ),
    (
        lambda t, x, targets, weight, known, options: apply(
            _CE_GRADIENT, (t, x, targets, weight, known), {"options": options}),
        lambda t, y, x, targets, weight, options: _by_row(y) * _curved(t, x, targets, weight, options),
        None, None, None,
    ),
    ("y", "x", "targets", "weight", "known"), batched=_each_scaled,
)  # fmt: skip


_CROSS_ENTROPY = primitive(
    "nll_loss", _cross_entropy,
    (
        lambda g, x, targets, weight, kept, options: apply(
            _CE_GRADIENT, (g, x, targets, weight, kept), {"options": options}),
        None, None,
    ),
    (
        lambda t, x, targets, weight, kept, options: _joined(
            t * _unscaled(x, targets, weight, kept, options), options),
        None, None,
    ),
    ("x", "targets", "weight"), keeps=True, batched=_each_cross_entropy,
)  # fmt: skip


@tells
def cross_entropy(
    input: Any, target: Any, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:  # fmt: skip
    """The cross-entropy of logits against labels or probabilities; loss and gradient come from one pass.

    Parameters
    ----------
    input : tensor
        Logits, (classes,), (n, classes) or (n, classes, d1, ...), not normalised.
    target : tensor or array
        Labels of any integer dtype, (), (n,) or (n, d1, ...); or probabilities of input's shape.
    weight : tensor or None
        (classes,): each class's weight.
    ignore_index : int
        Examples with this label do not count.
    reduction : {"mean", "sum", "none"}
        The mean divides by the total weight of the examples that count.
    label_smoothing : float
        In [0, 1]: how much of each target is spread evenly over all classes.

    Returns
    -------
    Tensor
        0-d, or of target's shape without reduction.

    Raises
    ------
    IndexError
        If a label is neither a class nor `ignore_index`.
    ValueError
        If the shapes do not fit, or an option is out of range.
    TypeError
        If the logits are not floating, or the labels or `ignore_index` not integers.

    Notes
    -----
    loss_i = -w[y_i] (x[i, y_i] - logsumexp(x[i])). It is finite for any finite logits.

    Examples
    --------
    >>> wg.cross_entropy(wg.tensor([[2., 0., 0.]]), wg.tensor([0]))
    tensor(0.2395)
    """
    name = "cross_entropy"
    x, y = enter(input), enter(target)
    dtype, given = x._value.dtype, y._value.dtype
    if dtype is not dtypes.float32 and dtype.kind != "f":
        raise TypeError(f"{name}: expected floating logits, got {dtype}")
    options = _USUAL
    if reduction != "mean" or type(ignore_index) is not int or ignore_index != -100 or label_smoothing != 0:
        ignored, smoothing = whole(name, "ignore_index", ignore_index), number(name, "label_smoothing", label_smoothing)
        options = Options.of(name, reduction, ignored, smoothing)
    if given is not dtypes.int64 and given is not dtype and given.kind == "f":
        x, y = of_one_dtype(x, y)
        dtype = x._value.dtype
    if dtype is not dtypes.float32 and dtype == dtypes.float16:
        return _half_cross_entropy(
            x, y, weight, ignore_index=ignore_index, reduction=reduction, label_smoothing=label_smoothing
        )
    rows, targets, weight, outer = _rows_and_labels(name, x, y, weight)
    if targets.requires_grad:
        return _composed(x, y, weight, reduction, options.smoothing, min(x._value.ndim - 1, 1))
    z = apply(_CROSS_ENTROPY, (rows, targets, weight), {"options": options})
    return reshape(z, outer) if reduction == "none" else z


_half_cross_entropy = half(cross_entropy)


def _composed(x: Tensor, y: Tensor, weight: Any, reduction: str, smoothing: float, dim: int) -> Tensor:
    """The loss as a composition, for target probabilities that are differentiable themselves."""
    classes = x._value.shape[dim]
    if smoothing:
        y = y * (1 - smoothing) + smoothing / classes
    terms = y * log_softmax(x, dim)
    if weight is not None:
        shape = tuple(classes if i == dim else 1 for i in range(x._value.ndim))
        terms = terms * reshape(weight, shape)
    losses = -sum(terms, dim)
    return mean(losses) if reduction == "mean" else sum(losses) if reduction == "sum" else losses


# ---------------------------------------------------------------- negative log-likelihood


Examples = tuple[np.ndarray, np.ndarray, np.ndarray]


def _examples(labels: np.ndarray, weight: Any, classes: int, dtype: np.dtype, options: Options) -> Examples:
    """Labels as a column, the factors of the examples (0-d if they have one), and which examples do not count."""
    labels = labels.copy()  # checked and used, whatever becomes of the array that was given
    ignored = (labels == options.ignore_index).nonzero()[0]
    labels[ignored] = 0
    if labels.size and labels.view(np.uint64).max() >= classes:  # or negative
        wrong = labels[(labels < 0) | (labels >= classes)]
        raise IndexError(f"nll_loss: label {wrong[0]} is not one of {classes} classes")
    total: float = labels.size - ignored.size
    factors = np.ones(())
    if weight is not None:
        factors = weight.astype(np.float64)[labels]
        factors[ignored] = 0
        total = float(factors.sum())
    if options.reduction != "mean":
        total = 1.0
    return labels[:, None], (factors / -(total or math.nan)).astype(dtype), ignored


def _weighed(items: np.ndarray, examples: Examples) -> np.ndarray:
    """One item for each example, times its factor; 0 where the example does not count, whatever the item."""
    _, factors, ignored = examples
    out = _multiply(items, factors)
    if ignored.size:
        out[ignored] = 0
    return out


def _picked(x: np.ndarray, examples: Examples, total: bool) -> np.ndarray:
    items = _weighed(_kernels.gather_along(x, examples[0], 1)[:, 0], examples)
    return _kernels.reduce("sum", items) if total else items


def _rows_of_all(batch: Batch, has: bool, examples: Examples, rows: int) -> Examples:
    """What is known of the rows of all examples of a batch, as one matrix's; which do not count as a mask."""
    labels, factors, ignored = examples
    if not has:
        mask = np.zeros(rows, np.bool_)
        mask[ignored] = True
        ignored = mask
    lead = len(batch.lengths)
    if factors.ndim == (lead if has else 0):
        factors = factors[..., None]
    shape = (*batch.lengths, rows)
    factors = np.broadcast_to(factors, shape).reshape(-1)
    return full(labels, batch, has).reshape(-1, 1), factors, np.broadcast_to(ignored, shape).reshape(-1)


def _each_picked(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> np.ndarray:
    x = full(arrays[0], batch, batch.having[0])
    examples = _rows_of_all(batch, batch.having[1], arrays[1], x.shape[-2])
    items = _picked(x.reshape(-1, x.shape[-1]), examples, False).reshape(x.shape[:-1])
    return _kernels.reduce("sum", items, (len(batch.lengths),)) if static["total"] else items


def _each_spread(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> np.ndarray:
    rows, classes = static["shape"]
    x = full(arrays[0], batch, batch.having[0])
    if x.ndim == len(batch.lengths):
        x = x[..., None]
    examples = _rows_of_all(batch, batch.having[1], arrays[1], rows)
    shape = (*batch.lengths, rows)
    items = np.broadcast_to(x, shape).reshape(-1)
    return _spread(items, examples, (items.size, classes)).reshape((*shape, classes))


def _each_nll_loss(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> Any:
    """Of a batch: as `_each_cross_entropy`; the residuals have a mask of the rows that do not count."""
    x, labels, weight = arrays
    options, classes = static["options"], static["shape"][1]
    if batch.having[2]:
        weight = None  # each example's own, which the factors are made of below
    labels = full(labels, batch, batch.having[1])
    flat = _examples(labels.reshape(-1), weight, classes, x.dtype, options._replace(reduction="sum"))
    counted = labels != options.ignore_index
    factors = np.broadcast_to(flat[1], labels.reshape(-1).shape).reshape(labels.shape).astype(np.float64)
    if batch.having[2]:
        own = full(arrays[2], batch, True).astype(np.float64)
        factors = -np.take_along_axis(own, np.where(counted, labels, 0), -1)
    factors = np.where(counted, factors, 0.0)
    if options.reduction == "mean":
        total = -factors.sum(-1, keepdims=True)
        with np.errstate(all="ignore"):
            factors = factors / np.where(total == 0, math.nan, total)
    examples = flat[0].reshape((*labels.shape, 1)), factors.astype(x.dtype), ~counted
    total = options.reduction != "none"
    losses = _each_picked(_picked, _both(batch), [full(x, batch, batch.having[0]), examples], {"total": total})
    if options.reduction == "mean":
        losses = np.where(counted.any(-1), losses, x.dtype.type(math.nan))
    return losses, examples if static["keep"] else None


def _both(batch: Batch) -> Batch:
    return Batch(batch.name, batch.lengths, [True, True])


def _spread(x: np.ndarray, examples: Examples, shape: tuple[int, int]) -> np.ndarray:
    out = np.zeros(shape, x.dtype)
    items = _weighed(np.broadcast_to(x, shape[:1]), examples)
    _kernels.scatter_along(out, examples[0], items[:, None], 1)
    return out


# factors[i] * x[i, labels[i]] of a matrix, or their sum; and the transpose. What they know of the examples is constant.
_PICK: Operation = primitive(
    "nll_loss", _picked,
    (lambda g, x, examples: apply(_SPREAD, (g, examples), {"shape": x._value.shape}), None),
    (lambda t, examples, total: apply(_PICK, (t, examples), {"total": total}), None), ("x", "examples"),
    batched=_each_picked,
)  # fmt: skip
_SPREAD: Operation = primitive(
    "nll_loss_backward", _spread,
    (lambda g, x, examples: apply(_PICK, (g, examples), {"total": not x._value.ndim}), None),
    (lambda t, examples, shape: apply(_SPREAD, (t, examples), {"shape": shape}), None), ("x", "examples"),
    batched=_each_spread,
)  # fmt: skip


_NONE = np.zeros(0, np.int64)


def _mean_of_picked(
    x: np.ndarray, labels: np.ndarray, options: Options, keep: bool
) -> tuple[np.ndarray, Examples | None]:
    """The loss where all examples count alike; an IndexError if there is a label of no class."""
    column = (labels.copy() if keep else labels)[:, None]
    losses = _kernels.gather_along(x, column, 1, from_end=False)
    losses = losses[:, 0] if options.reduction == "none" else _kernels.reduce(options.reduction, losses)
    if not keep:
        return _negative(losses), None
    factor = -1.0 / labels.size if options.reduction == "mean" else -1.0
    return _negative(losses), (column, np.array(factor, x.dtype), _NONE)


def _nll_loss(
    x: np.ndarray, labels: np.ndarray, weight: Any, options: Options, shape: tuple[int, int], keep: bool
) -> tuple[np.ndarray, Examples | None]:
    if weight is None and labels.size > 0 and not 0 <= options.ignore_index < shape[1]:
        try:
            return _mean_of_picked(x, labels, options, keep)
        except IndexError:  # there are some that do not count, or are wrong
            pass
    examples = _examples(labels, weight, shape[1], x.dtype, options)
    losses = _picked(x, examples, options.reduction != "none")
    if options.reduction == "mean" and examples[2].size == labels.size:
        losses = np.full((), math.nan, x.dtype)  # the mean of nothing
    return losses, examples if keep else None


_NLL_LOSS = primitive(
    "nll_loss", _nll_loss,
    (lambda g, kept, shape: apply(_SPREAD, (g, kept), {"shape": shape}), None, None),
    (lambda t, kept, options: apply(_PICK, (t, kept), {"total": options.reduction != "none"}), None, None),
    ("x", "labels", "weight"), keeps=True, batched=_each_nll_loss,
)  # fmt: skip


def nll_loss(
    input: Any, target: Any, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """The negative log-likelihood -w[y_i] x[i, y_i] of labels y under log-probabilities x.

    Parameters
    ----------
    input : tensor
        Log-probabilities, (classes,), (n, classes) or (n, classes, d1, ...).
    target : tensor
        Labels of an integer dtype, (), (n,) or (n, d1, ...).
    weight : tensor or None
        (classes,): each class's weight.
    ignore_index : int
        Examples with this label do not count.
    reduction : {"mean", "sum", "none"}
        The mean divides by the total weight of the examples that count.

    Returns
    -------
    Tensor
        0-d, or of target's shape without reduction.

    Raises
    ------
    IndexError
        If a label is neither a class nor `ignore_index`.
    ValueError
        If the shapes do not fit.
    TypeError
        If the labels or `ignore_index` are not integers.

    Examples
    --------
    >>> wg.nn.functional.nll_loss(wg.tensor([[-0.1, -2.4]]), wg.tensor([1]))
    tensor(2.4000)
    """
    x, y = as_floating(input), enter(target)
    options = Options.of("nll_loss", reduction, whole("nll_loss", "ignore_index", ignore_index))
    if x._value.dtype == dtypes.float16:
        return _half_nll_loss(x, y, weight, ignore_index=ignore_index, reduction=reduction)
    rows, labels, weight, outer = _rows_and_labels("nll_loss", x, y, weight)
    losses = apply(_NLL_LOSS, (rows, labels, weight), {"options": options, "shape": rows._value.shape})
    return reshape(losses, outer) if reduction == "none" else losses


_half_nll_loss = half(nll_loss)

# ---------------------------------------------------------------- item by item


@chained
def _huber_back(w: Any, x: Any, y: Any, low: Any, high: Any, scale: Any) -> Any:
    return w * (step("minimum", step("maximum", x - y, low), high) * scale)


def _huber_like(name: str) -> Operation:
    """The loss of d = x - y that is scale c (d - c / 2), where c is d limited to [-delta, delta]."""

    def slope(w: Any, x: Any, y: Any, delta: float, scale: float) -> Any:
        return apply(backward, (w, x, y), {"delta": delta, "scale": scale})

    def bend(g: Any, w: Any, x: Any, y: Any, delta: float, scale: float) -> Any:
        return where(less_equal(absolute(x - y), delta), g * w * scale, 0.0)

    backward = itemwise(
        f"{name}_backward",
        by_bindings(lambda w, x, y, delta, scale: _huber_back(w, x, y, -delta, delta, scale)), ("w", "x", "y"),
        lambda g, x, y, delta, scale: slope(g, x, y, delta, scale), bend,
        lambda g, w, x, y, delta, scale: bend(-g, w, x, y, delta, scale),
    )  # fmt: skip
    return itemwise(
        name, by_bindings(lambda x, y, delta, scale: _huber(x, y, None, (delta, scale))), ("x", "y"),
        lambda g, x, y, delta, scale: slope(g, x, y, delta, scale),
        lambda g, x, y, delta, scale: slope(g, y, x, delta, scale),
    )  # fmt: skip


huber, smooth_l1 = _huber_like("huber_loss"), _huber_like("smooth_l1_loss")


@chained
def _bce(x: Any, y: Any) -> Any:
    found, missed = step("maximum", step("log", x), -100.0), step("maximum", step("log1p", -x), -100.0)
    return -(y * found + (1.0 - y) * missed)


@chained
def _inside(x: Any, y: Any) -> Any:
    return step("minimum", x * (1.0 - x), y * (1.0 - y))  # negative where one is outside of [0, 1]


def _checked_bce(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    if x.size and y.size and not _kernels.reduce("min", _inside(x, y)) >= 0:  # NaN is neither
        for name, items in (("probabilities", x), ("targets", y)):
            least, most = _kernels.reduce("min", items), _kernels.reduce("max", items)
            if least >= 0 and most <= 1:
                continue
            raise RuntimeError(
                f"binary_cross_entropy: expected {name} in [0, 1], got {least} to {most}; for logits "
                "there is binary_cross_entropy_with_logits"
            )
    return _bce(x, y)


def _log_from_below(x: Any) -> Any:
    """log x, not below -100, with derivative 0 there."""
    low = step(less, x, math.exp(-100))
    return step(where, low, -100.0, step(log, step(where, low, 1.0, x)))


binary_cross_entropy = elementwise(
    "binary_cross_entropy", half_kernel(_checked_bce),
    fused(lambda g, x, y: g * (x - y) / step(maximum, x * (1.0 - x), 1e-12)),
    fused(lambda g, x: g * (_log_from_below(1.0 - x) - _log_from_below(x))),
)  # fmt: skip


@chained
def _logit_bce(x: Any, y: Any) -> Any:
    return y * step("softplus", -x) + (1.0 - y) * step("softplus", x)  # neither term cancels


@chained
def _logit_bce_back(w: Any, x: Any, y: Any) -> Any:
    return w * ((1.0 - y) * step("sigmoid", x) - y * step("sigmoid", -x))


def _logit_bce_slope(w: Any, x: Any, y: Any) -> Any:
    return apply(_LOGIT_BCE_BACK, (w, x, y))


_LOGIT_BCE_BACK = itemwise(
    "binary_cross_entropy_with_logits_backward", _logit_bce_back, ("w", "x", "y"),
    lambda g, x, y: _logit_bce_slope(g, x, y), lambda g, w, x: g * w * (sigmoid(x) * sigmoid(-x)),
    fused(lambda g, w: -g * w),
)  # fmt: skip
# Of logits and targets.
logit_bce = itemwise(
    "binary_cross_entropy_with_logits", _logit_bce, ("x", "y"),
    lambda g, x, y: _logit_bce_slope(g, x, y), fused(lambda g, x: -g * x),
)  # fmt: skip


@chained
def _divergence(x: Any, y: Any) -> Any:
    return step("where", step("equal", y, 0.0), 0.0, y * step("log", y)) - y * x


# y (log y - x), and 0 - x y where y = 0, for a target y that requires no gradient.
divergence = itemwise("kl_div", _divergence, ("x", "y"), fused(lambda g, y: -g * y))

# Of means, numbers and variances: the negative logarithm of the normal density, without its constant.
gaussian = itemwise(
    "gaussian_nll_loss", chained(lambda x, y, v: (step("log", v) + step("square", x - y) / v) * 0.5), ("x", "y", "v"),
    fused(lambda g, x, y, v: g * ((x - y) / v)), fused(lambda g, x, y, v: g * ((y - x) / v)),
    fused(lambda g, x, y, v: g * ((v - step(square, x - y)) / v / v * 0.5)),
)  # fmt: skip

# (x - y)^2 and |x - y|.
squared_error = itemwise(
    "squared_error", chained(lambda x, y: step("square", x - y)), ("x", "y"),
    fused(lambda g, x, y: g * ((x - y) * 2.0)), fused(lambda g, x, y: g * ((y - x) * 2.0)),
)  # fmt: skip
absolute_error = itemwise(
    "absolute_error", chained(lambda x, y: step("abs", x - y)), ("x", "y"),
    fused(lambda g, x, y: g * step(sign, x - y)), fused(lambda g, x, y: g * step(sign, y - x)),
)  # fmt: skip

# Of logarithms of means, and of counts.
poisson = itemwise(
    "poisson_nll_loss", chained(lambda x, y: step("exp", x) - y * x), ("x", "y"),
    fused(lambda g, x, y: g * (step(exp, x) - y)), fused(lambda g, x: -g * x),
)  # fmt: skip

# ---------------------------------------------------------------- what losses ask of their targets


def class_numbers(name: str, target: Any) -> Any:
    """Labels as int64."""
    labels = enter(target)
    if labels._value.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected labels of an integer dtype, got {labels._value.dtype}")
    return labels if labels._value.dtype == dtypes.int64 else cast(labels, dtypes.int64)


def _before_the_end(labels: np.ndarray) -> np.ndarray:
    return np.logical_and.accumulate(labels >= 0, -1)


def _among_labels(labels: np.ndarray) -> np.ndarray:
    counted, classes = _before_the_end(labels), labels.shape[-1]
    found = labels[counted]
    wrong = labels[(labels < -1) | (counted & (labels >= classes))]
    if wrong.size:
        raise IndexError(f"multilabel_margin_loss: label {wrong[0]} is neither one of {classes} classes nor -1")
    out = np.zeros(labels.shape, np.bool_)
    out[(*np.nonzero(counted)[:-1], found)] = True
    return out


def _of_classes(labels: np.ndarray, name: str, classes: int) -> np.ndarray:
    wrong = labels[(labels < 0) | (labels >= classes)]
    if wrong.size:
        raise IndexError(f"{name}: label {wrong[0]} is not one of {classes} classes")
    return labels


# Labels, each of which must be one of so many classes.
of_classes = computed("class_labels", _of_classes, batched=unchanged)

# Of rows of labels that end before the first negative one: which places count, and which classes are among them.
before_the_end = computed("labels_before_the_end", _before_the_end, batched=unchanged)
among_labels = computed("among_labels", _among_labels, batched=unchanged)


_lacking = chained(lambda v, eps: step("maximum", eps - v, 0.0))


@half_kernel
def _lacking_variance(v: np.ndarray, eps: float) -> np.ndarray:
    if v.size and not _kernels.reduce("min", v) >= 0 and (v < 0).any():  # NaN is not negative
        raise ValueError(f"gaussian_nll_loss: a variance is negative: {v[v < 0].min()}")
    return _lacking(v, eps)


# What variances lack to eps; none may be negative.
lacking_variance = computed("lacking_variance", _lacking_variance, batched=unchanged)
