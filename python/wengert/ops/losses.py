"""Cross-entropy, from logits to a number in one kernel."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from .. import _kernels
from .._kernels import Elementwise
from .._types import Tensor
from ..core import dtypes
from ..core.broadcast import as_floating, cast
from ..core.define import elementwise, linear, primitive
from ..core.doors import enter
from ..core.modes import mode
from ..core.signatures import tells
from ..core.tape import apply
from ..core.variable import Variable, wrap
from .arithmetic import clip
from .compare import less, where
from .functions import log
from .naming import called
from .reduce import mean, sum
from .rows import log_softmax, softmax, softmax_grad
from .shape import permute, reshape

__all__ = ["cross_entropy"]

# ---------------------------------------------------------------- cross-entropy

# The fused kernel makes loss and gradient in one pass over the logits. The gradient is an operation of its own,
# _CE_GRADIENT, with rules of its own; `known` hands it what the forward pass has computed already.


def _ce_kernel(x: np.ndarray, targets: np.ndarray, options: dict[str, Any], known: list[np.ndarray]) -> np.ndarray:
    """The loss: 0-d, or (rows,) without reduction. Fills `known` with the gradient if `options` ask for it."""
    reduction = options["reduction"]
    losses, gradient, total, weight = _ce_call(
        x, targets, options, losses=reduction == "none", gradient=options["gradient"]
    )
    if gradient is not None:
        known.append(gradient)
    if reduction == "mean":
        total = total / weight if weight else float("nan")
    return np.asarray(losses if reduction == "none" else total, dtype=x.dtype)


def _ce_call(x: np.ndarray, targets: np.ndarray, options: dict[str, Any], *, losses: bool, gradient: bool) -> Any:
    mean_of = options["reduction"] == "mean"
    if targets.ndim == 1:
        return _kernels.cross_entropy(
            x, targets, weights=options["weight"], ignore_index=options["ignore_index"],
            label_smoothing=options["label_smoothing"], gradient=gradient, scale_by_weight=mean_of, losses=losses,
        )  # fmt: skip
    return _kernels.cross_entropy_dense(
        x, targets, weights=options["weight"], label_smoothing=options["label_smoothing"], gradient=gradient,
        gradient_scale=1.0 / max(x.shape[0], 1) if mean_of else 1.0, losses=losses,
    )  # fmt: skip


def _ce_gradient_kernel(
    x: np.ndarray, targets: np.ndarray, options: dict[str, Any], known: list[np.ndarray]
) -> np.ndarray:
    if known:
        return known[0]
    made: np.ndarray = _ce_call(x, targets, options, losses=False, gradient=True)[1]
    return made


def _row_weights(x: np.ndarray, targets: np.ndarray, options: dict[str, Any]) -> Tensor:
    """a, (rows, 1), where the gradient's row i is a_i * softmax(x_i) less a constant: the total of the target's row."""
    rows, classes = x.shape
    weight = np.ones(classes) if options["weight"] is None else options["weight"].astype(np.float64)
    smoothing = options["label_smoothing"]
    if targets.ndim == 1:
        counted = targets != options["ignore_index"]
        of_label = np.where(counted, weight[np.where(counted, targets, 0)], 0.0)
        a = (1 - smoothing) * of_label + np.where(counted, smoothing / classes * weight.sum(), 0.0)
        total = of_label.sum()
    else:
        a = ((1 - smoothing) * targets + smoothing / classes) @ weight
        total = rows
    if options["reduction"] == "mean":
        a = a / total
    return wrap(a.astype(x.dtype).reshape(rows, 1))


_CE_GRADIENT = primitive(
    "cross_entropy_backward", _ce_gradient_kernel,
    (lambda g, x, targets, options: softmax_grad(g * _row_weights(x._value, targets, options), softmax(x, 1), 1),),
    (lambda t, x, targets, options: softmax_grad(t, softmax(x, 1), 1) * _row_weights(x._value, targets, options),),
)  # fmt: skip


def _ce_gradient(x: Any, targets: np.ndarray, options: dict[str, Any], known: list[np.ndarray]) -> Tensor:
    return apply(_CE_GRADIENT, (x,), {"targets": targets, "options": options, "known": known})


def _ce_cotangent(g: Any, x: Any, targets: np.ndarray, options: dict[str, Any], known: list[np.ndarray]) -> Any:
    """The gradient's rows times g, one number or one for each row."""
    if known and not g._value.ndim and g._value.item() == 1.0 and not mode.recording:
        # The 1 that a walk starts with costs no pass. What is known is given away, to somebody who may write to it;
        # another walk computes its own.
        return wrap(known.pop())
    gradient = _ce_gradient(x, targets, options, known)
    return (reshape(g, (g._value.shape[0], 1)) if g._value.ndim else g) * gradient


_CROSS_ENTROPY = primitive(
    "nll_loss", _ce_kernel,
    (_ce_cotangent,),
    (lambda t, x, targets, options, known: _reduced(t * _ce_gradient(x, targets, options, known), options),),
)  # fmt: skip


def _reduced(t: Any, options: dict[str, Any]) -> Any:
    return sum(t, 1) if options["reduction"] == "none" else sum(t)


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
        If the logits are not floating or the labels not integers.

    Notes
    -----
    loss_i = -w[y_i] (x[i, y_i] - logsumexp(x[i])). It is finite for any finite logits.

    Examples
    --------
    >>> wg.cross_entropy(wg.tensor([[2., 0., 0.]]), wg.tensor([0]))
    tensor(0.2395)
    """
    x, y = enter(input), enter(target)
    if x._value.dtype.kind != "f":
        raise TypeError(f"cross_entropy: expected floating logits, got {x._value.dtype}")
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f'cross_entropy: expected reduction "mean", "sum" or "none", got {reduction!r}')
    if not 0.0 <= label_smoothing <= 1.0:
        raise ValueError(f"cross_entropy: expected label_smoothing in [0, 1], got {label_smoothing}")
    shape, half = x._value.shape, x._value.dtype == dtypes.float16
    if not shape:
        raise ValueError(
            "cross_entropy: expected logits (classes,), (n, classes) or (n, classes, d1, ...), got a 0-d tensor"
        )
    classes_dim = 0 if len(shape) == 1 else 1
    classes = shape[classes_dim]
    outer = shape[:classes_dim] + shape[classes_dim + 1 :]
    dense = y._value.dtype.kind == "f"
    if y._value.shape != (shape if dense else outer):
        raise ValueError(
            f"cross_entropy: logits of shape {shape} need labels of shape {outer} or probabilities of shape {shape}, "
            f"got {'probabilities' if dense else 'labels'} of shape {y._value.shape}"
        )
    if not dense and y._value.dtype.kind not in "iu":
        raise TypeError(f"cross_entropy: expected labels of an integer dtype, got {y._value.dtype}")
    if dense and y.requires_grad:
        return _composed(x, y, weight, reduction, label_smoothing, classes_dim)
    if half:
        x = cast(x, dtypes.float32)
    logits = x
    if len(shape) == 1:
        logits = reshape(x, (1, classes))
    elif len(shape) > 2:
        order = (0, *range(2, len(shape)), 1)
        logits = reshape(permute(x, order), (int(np.prod(outer)), classes))
    dtype = logits._value.dtype
    if dense:
        rows = np.moveaxis(y._value, classes_dim, -1) if len(shape) > 2 else y._value
        targets: np.ndarray = rows.reshape(-1, classes).astype(dtype)
    else:
        targets = y._value if len(outer) == 1 else y._value.reshape(-1)
        if targets.dtype != dtypes.int64:
            targets = targets.astype(np.int64)
    options = {
        "weight": _class_weights(weight, classes, dtype), "ignore_index": int(ignore_index), "reduction": reduction,
        "label_smoothing": float(label_smoothing), "gradient": bool(logits.requires_grad and mode.recording),
    }  # fmt: skip
    z = apply(_CROSS_ENTROPY, (logits,), {"targets": targets, "options": options, "known": []})
    if reduction == "none":
        z = reshape(z, outer)
    if half:
        z = cast(z, dtypes.float16)
    return z


def _class_weights(weight: Any, classes: int, dtype: np.dtype) -> np.ndarray | None:
    if weight is None:
        return None
    weight = enter(weight)
    if weight._value.shape != (classes,):
        raise ValueError(f"cross_entropy: expected class weights of shape {(classes,)}, got {weight._value.shape}")
    return np.ascontiguousarray(weight._value, dtype=dtype)


def _composed(x: Tensor, y: Tensor, weight: Any, reduction: str, smoothing: float, dim: int) -> Tensor:
    """The loss as a composition, for target probabilities that are differentiable themselves."""
    classes = x._value.shape[dim]
    if smoothing:
        y = y * (1 - smoothing) + smoothing / classes
    terms = y * log_softmax(x, dim)
    if weight is not None:
        shape = tuple(classes if i == dim else 1 for i in range(x._value.ndim))
        terms = terms * reshape(enter(weight), shape)
    losses = -sum(terms, dim)
    return mean(losses) if reduction == "mean" else sum(losses) if reduction == "sum" else losses


# ---------------------------------------------------------------- negative log-likelihood


class _Examples(NamedTuple):
    """What `nll_loss` knows of n examples: labels (n, 1), factors (n,) or (), which to ignore, the matrix's shape."""

    labels: np.ndarray
    factors: np.ndarray
    ignored: np.ndarray
    shape: tuple[int, ...]

    def weighed(self, items: np.ndarray) -> np.ndarray:
        """One item for each example, times its factor."""
        out: np.ndarray = items * self.factors
        if self.ignored.size:
            out[self.ignored] = 0
        return out


def _pick_kernel(x: np.ndarray, examples: _Examples) -> np.ndarray:
    return examples.weighed(_kernels.gather_along(x, examples.labels, 1)[:, 0])


def _spread_kernel(x: np.ndarray, examples: _Examples) -> np.ndarray:
    out = np.zeros(examples.shape, x.dtype)
    _kernels.scatter_along(out, examples.labels, examples.weighed(x)[:, None], 1)
    return out


# factors[i] * x[i, labels[i]] of a matrix, 0 where an example does not count; and its transpose.
_PICK: Any = linear("nll_loss", _pick_kernel, lambda g, examples: apply(_SPREAD, (g,), {"examples": examples}))
_SPREAD: Any = linear(
    "nll_loss_backward", _spread_kernel, lambda g, examples: apply(_PICK, (g,), {"examples": examples})
)


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
        If the labels are not integers.

    Examples
    --------
    >>> wg.nn.functional.nll_loss(wg.tensor([[-0.1, -2.4]]), wg.tensor([1]))
    tensor(2.4000)
    """
    x, y = as_floating(input), enter(target)
    shape = x._value.shape
    if not shape:
        raise ValueError("nll_loss: expected (classes,), (n, classes) or (n, classes, d1, ...), got a 0-d tensor")
    classes_dim = min(len(shape) - 1, 1)
    classes, outer = shape[classes_dim], shape[:classes_dim] + shape[classes_dim + 1 :]
    if y._value.dtype.kind not in "iu":
        raise TypeError(f"nll_loss: expected labels of an integer dtype, got {y._value.dtype}")
    if y._value.shape != outer:
        raise ValueError(f"nll_loss: input of shape {shape} needs labels of shape {outer}, got {y._value.shape}")
    labels = y._value.reshape(-1).astype(np.int64)
    ignored = (labels == ignore_index).nonzero()[0]
    labels[ignored] = 0
    if labels.size and labels.view(np.uint64).max() >= classes:  # or negative
        wrong = labels[(labels < 0) | (labels >= classes)]
        raise IndexError(f"nll_loss: label {wrong[0]} is not one of {classes} classes")
    total: float = labels.size - ignored.size
    factors = np.ones(())
    if weight is not None:
        factors = _nll_weights(weight, classes)[labels]
        factors[ignored] = 0
        total = float(factors.sum())
    if reduction != "mean":
        total = 1.0
    factors = (factors / -(total or math.nan)).astype(x._value.dtype)
    rows = permute(x, (0, *range(2, len(shape)), 1)) if len(shape) > 2 else x
    if len(shape) != 2:
        rows = reshape(rows, (labels.size, classes))
    losses = apply(_PICK, (rows,), {"examples": _Examples(labels[:, None], factors, ignored, rows._value.shape)})
    if reduction == "none":
        return reshape(losses, outer)
    losses = losses if total else losses + math.nan
    if reduction not in ("mean", "sum"):
        raise ValueError(f'nll_loss: expected reduction "mean", "sum" or "none", got {reduction!r}')
    return called("nll_loss", sum(losses))


def _nll_weights(weight: Any, classes: int) -> np.ndarray:
    array = weight._value if isinstance(weight, Variable) else np.asarray(weight)
    if array.shape != (classes,):
        raise ValueError(f"nll_loss: expected class weights of shape {(classes,)}, got {array.shape}")
    return array.astype(np.float64)


# ---------------------------------------------------------------- item by item


def _huber_kernel(x: np.ndarray, delta: float) -> np.ndarray:
    c = np.minimum(np.maximum(x, -delta), delta)  # which makes one formula of both branches
    return np.asarray(c * (x - c * 0.5))


huber = elementwise("huber_loss", _huber_kernel, lambda x, delta: clip(x, -delta, delta))


_log, _log1p = Elementwise("log"), Elementwise("log1p")


def _bce_kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.asarray(-(y * np.maximum(_log(x), -100) + (1 - y) * np.maximum(_log1p(np.asarray(-x)), -100)))


def _log_from_below(x: Any) -> Tensor:
    """log x, not below -100, with derivative 0 there."""
    low = less(x, math.exp(-100))
    return where(low, -100.0, log(where(low, 1.0, x)))


binary_cross_entropy = elementwise(
    "binary_cross_entropy", _bce_kernel,
    lambda g, x, y: g * (x - y) / clip(x * (1.0 - x), min=1e-12),
    lambda g, x: g * (_log_from_below(1.0 - x) - _log_from_below(x)),
)  # fmt: skip
