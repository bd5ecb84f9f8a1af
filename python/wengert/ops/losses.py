"""Cross-entropy, from logits to a number in one kernel."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core import dtypes
from ..core.broadcast import cast
from ..core.define import primitive
from ..core.doors import enter
from ..core.modes import mode
from ..core.signatures import tells
from ..core.tape import apply
from ..core.variable import wrap
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
