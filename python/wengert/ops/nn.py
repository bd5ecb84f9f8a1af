"""Softmax, cross-entropy, and dropout."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core import dtypes
from ..core.arguments import dimension
from ..core.broadcast import as_floating, cast
from ..core.define import primitive
from ..core.doors import enter
from ..core.modes import mode
from ..core.tape import Operation, apply
from ..core.variable import wrap
from .elementwise import exp, greater, where
from .reduce import mean, sum
from .shape import permute, reshape


def _half_in_float32(kernel: Any) -> Any:
    def wrapped(*arrays: np.ndarray, **static: Any) -> np.ndarray:
        if arrays[0].dtype == dtypes.float16:
            return dtypes.convert(kernel(*(a.astype(np.float32) for a in arrays), **static), dtypes.float16)
        z: np.ndarray = kernel(*arrays, **static)
        return z

    return wrapped


# ---------------------------------------------------------------- activations with parameters


def prelu(x: Any, weight: Any) -> Tensor:
    """x where it is positive, a learned slope times x elsewhere (He et al. 2015).

    Parameters
    ----------
    x : tensor
        (n, channels, ...); with a single slope of any shape.
    weight : tensor
        (1,) or (channels,): the slopes.

    Returns
    -------
    Tensor
        Of x's shape. The derivative at 0 is the slope.

    Raises
    ------
    ValueError
        If there are neither one slope nor as many as channels.

    Examples
    --------
    >>> wg.prelu(wg.tensor([-1., 2.]), wg.tensor([0.25]))
    tensor([-0.2500,  2.0000])
    """
    x, weight = enter(x), enter(weight)
    shape, slopes = x._value.shape, weight._value.size
    channels = shape[1] if len(shape) > 1 else 1
    if weight._value.ndim > 1 or slopes not in (1, channels):
        raise ValueError(
            f"prelu: input of shape {shape} needs 1 or {channels} slope(s), got shape {weight._value.shape}"
        )
    weight = reshape(weight, () if slopes == 1 else (slopes,) + (1,) * (len(shape) - 2))
    return where(greater(x, 0), x, x * weight)


# ---------------------------------------------------------------- softmax

_SOFTMAX = primitive(
    "softmax", _half_in_float32(lambda x, dim: _kernels.softmax(x, dim)),
    (lambda g, z, dim: softmax_grad(g, z, dim),),
    (lambda t, z, dim: softmax_grad(t, z, dim),),  # its Jacobian diag(z) - z z' is symmetric
)  # fmt: skip

# y * (x - sum(x * y)): the Jacobian of softmax at the result y, applied to x. Bilinear but for y's second appearance.
_SOFTMAX_GRAD = primitive(
    "softmax_backward_data", _half_in_float32(lambda x, y, dim: _kernels.softmax_grad(x, y, dim)),
    (
        lambda g, y, dim: softmax_grad(g, y, dim),
        lambda g, x, y, dim: g * (x - sum(x * y, dim, True)) - x * sum(g * y, dim, True),
    ),
    (
        lambda t, y, dim: softmax_grad(t, y, dim),
        lambda t, x, y, dim: t * (x - sum(x * y, dim, True)) - y * sum(x * t, dim, True),
    ),
)  # fmt: skip


def softmax_grad(x: Any, y: Any, dim: int) -> Tensor:
    """The Jacobian of softmax at the result y, applied to x."""
    return apply(_SOFTMAX_GRAD, (x, y), {"dim": dim})


_LOG_SOFTMAX = primitive(
    "log_softmax", _half_in_float32(lambda x, dim: _kernels.softmax(x, dim, True)),
    (lambda g, z, dim: apply(_LOG_SOFTMAX_GRAD, (g, z), {"dim": dim}),),
    (lambda t, z, dim: t - sum(exp(z) * t, dim, True),),
)  # fmt: skip

# x - exp(y) * sum(x): the transposed Jacobian of log-softmax at the result y, applied to x.
_LOG_SOFTMAX_GRAD: Operation = primitive(
    "log_softmax_backward_data", _half_in_float32(lambda x, y, dim: _kernels.softmax_grad(x, y, dim, True)),
    (lambda g, y, dim: g - sum(g * exp(y), dim, True), lambda g, x, y, dim: -g * exp(y) * sum(x, dim, True)),
    (
        lambda t, y, dim: apply(_LOG_SOFTMAX_GRAD, (t, y), {"dim": dim}),
        lambda t, x, y, dim: -t * exp(y) * sum(x, dim, True),
    ),
)  # fmt: skip


def softmax(x: Any, dim: int | None = None, *, axis: int | None = None) -> Tensor:
    """exp(x) / sum(exp(x)) along one dimension, with the maximum subtracted first so that nothing overflows.

    Parameters
    ----------
    x : tensor
        Of any shape.
    dim : int
        The dimension that sums to one. Also spelled `axis`.

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    TypeError
        If no dimension is given.
    IndexError
        If it is out of range.

    Examples
    --------
    >>> wg.softmax(wg.tensor([1., 2., 3.]), dim=0)
    tensor([0.0900, 0.2447, 0.6652])
    """
    return _along("softmax", _SOFTMAX, x, dim, axis)


def log_softmax(x: Any, dim: int | None = None, *, axis: int | None = None) -> Tensor:
    """The logarithm of softmax along one dimension, x - logsumexp(x).

    Parameters
    ----------
    x : tensor
        Of any shape.
    dim : int
        The dimension along which the exponentials sum to one. Also spelled `axis`.

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    TypeError
        If no dimension is given.
    IndexError
        If it is out of range.

    Examples
    --------
    >>> wg.log_softmax(wg.tensor([1., 2., 3.]), dim=0)
    tensor([-2.4076, -1.4076, -0.4076])
    """
    return _along("log_softmax", _LOG_SOFTMAX, x, dim, axis)


def _along(name: str, operation: Any, x: Any, dim: int | None, axis: int | None) -> Tensor:
    x = as_floating(x)
    dim = dim if axis is None else axis
    if dim is None:
        raise TypeError(f"{name}: expected dim, the dimension that is normalised")
    return apply(operation, (x,), {"dim": dimension(name, dim, x._value.ndim)})


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


# ---------------------------------------------------------------- dropout


def dropout(x: Any, p: float = 0.5, training: bool = True, *, generator: Any = None) -> Tensor:
    """Each item zeroed with probability p, the others scaled by 1 / (1 - p), while training; else x itself.

    Parameters
    ----------
    x : tensor
    p : float
        In [0, 1].
    training : bool
    generator : wengert.Generator or None
        None: the library's own.

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    ValueError
        If p is not in [0, 1].

    Examples
    --------
    >>> wg.dropout(wg.ones(3), 0.5, training=False)
    tensor([1., 1., 1.])
    """
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout: expected a probability p in [0, 1], got {p}")
    z = enter(x)
    if not training or p == 0.0:
        return z
    if p == 1.0:
        return z * 0.0
    from .random import numpy_generator

    kept = numpy_generator(generator).random(z._value.shape, dtype=np.float32) >= p
    return z * wrap(kept.astype(z._value.dtype) * z._value.dtype.type(1 / (1 - p)))
