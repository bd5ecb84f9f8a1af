"""Losses. Input and target have one shape; nothing is broadcast, since (n,) against (n, 1) would silently be n x n."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ... import _kernels
from ..._kernels import Elementwise
from ..._types import Tensor
from ...core.broadcast import as_floating, cast
from ...core.define import elementwise, linear
from ...core.doors import enter
from ...core.tape import apply
from ...core.variable import Variable
from ...ops import activations, arithmetic, compare, functions
from ...ops.naming import called
from ...ops.reduce import mean, sum
from ...ops.shape import permute, reshape


def _pair(name: str, input: Any, target: Any) -> tuple[Any, Any]:
    """Input and target as floating tensors of one shape and dtype."""
    x, y = as_floating(input), enter(target)
    if x._value.shape != y._value.shape:
        a, b = x._value.shape, y._value.shape
        hint = f"; target.reshape{a} has the input's shape" if x._value.size == y._value.size else ""
        raise ValueError(f"{name}: input of shape {a} and target of shape {b} differ{hint}")
    if y._value.dtype.kind != "f":
        y = cast(y, x._value.dtype)
    return x, y


def _reduced(name: str, losses: Tensor, reduction: str, weight: Any = None) -> Tensor:
    """The losses' mean, sum, or themselves."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f'{name}: expected reduction "mean", "sum" or "none", got {reduction!r}')
    if weight is not None:
        losses = losses * weight
    out = mean(losses) if reduction == "mean" else sum(losses) if reduction == "sum" else losses
    return out if name in ("l1_loss", "kl_div") else called(name, out)


def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Tensor:
    """The squared error (x - y)^2.

    Parameters
    ----------
    input, target : tensor
        Of one shape.
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    Tensor
        0-d, or of input's shape without reduction.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> wg.nn.functional.mse_loss(wg.tensor([1., 2.]), wg.tensor([0., 4.]))
    tensor(2.5000)
    """
    x, y = _pair("mse_loss", input, target)
    return _reduced("mse_loss", arithmetic.square(x - y), reduction)


def l1_loss(input: Any, target: Any, reduction: str = "mean") -> Tensor:
    """The absolute error |x - y|.

    Parameters
    ----------
    input, target : tensor
        Of one shape.
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    Tensor
        0-d, or of input's shape without reduction. The derivative where x = y is 0.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> wg.nn.functional.l1_loss(wg.tensor([1., 2.]), wg.tensor([0., 4.]))
    tensor(1.5000)
    """
    x, y = _pair("l1_loss", input, target)
    return _reduced("l1_loss", arithmetic.abs(x - y), reduction)


def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> Tensor:
    """With d = x - y: d^2 / 2 where |d| < delta, delta (|d| - delta / 2) elsewhere (Huber 1964).

    Parameters
    ----------
    input, target : tensor
        Of one shape.
    reduction : {"mean", "sum", "none"}
    delta : float
        Above 0.

    Returns
    -------
    Tensor
        0-d, or of input's shape without reduction.

    Raises
    ------
    ValueError
        If the shapes differ or delta is not positive.

    Examples
    --------
    >>> wg.nn.functional.huber_loss(wg.tensor([1., 2.]), wg.tensor([0.5, 4.]), reduction="none")
    tensor([0.1250, 1.5000])
    """
    if delta <= 0:
        raise ValueError(f"huber_loss: expected delta > 0, got {delta}")
    x, y = _pair("huber_loss", input, target)
    return _reduced("huber_loss", _huber(x - y, delta=delta), reduction)


def _huber_kernel(x: np.ndarray, delta: float) -> np.ndarray:
    c = np.minimum(np.maximum(x, -delta), delta)  # which makes one formula of both branches
    return np.asarray(c * (x - c * 0.5))


_huber = elementwise("huber_loss", _huber_kernel, lambda x, delta: arithmetic.clip(x, -delta, delta))


def smooth_l1_loss(input: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """With d = x - y: d^2 / (2 beta) where |d| < beta, |d| - beta / 2 elsewhere: the Huber loss divided by beta.

    Parameters
    ----------
    input, target : tensor
        Of one shape.
    reduction : {"mean", "sum", "none"}
    beta : float
        0: the absolute error.

    Returns
    -------
    Tensor
        0-d, or of input's shape without reduction.

    Raises
    ------
    ValueError
        If the shapes differ or beta is negative.

    Examples
    --------
    >>> wg.nn.functional.smooth_l1_loss(wg.tensor([1., 2.]), wg.tensor([0.5, 4.]), reduction="none")
    tensor([0.1250, 1.5000])
    """
    if beta < 0:
        raise ValueError(f"smooth_l1_loss: expected beta >= 0, got {beta}")
    x, y = _pair("smooth_l1_loss", input, target)
    losses = arithmetic.abs(x - y) if beta == 0 else _huber(x - y, delta=beta) / beta
    return _reduced("smooth_l1_loss", losses, reduction)


# ---------------------------------------------------------------- probabilities

_log, _log1p = Elementwise("log"), Elementwise("log1p")


def _bce_kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.asarray(-(y * np.maximum(_log(x), -100) + (1 - y) * np.maximum(_log1p(np.asarray(-x)), -100)))


def _log_from_below(x: Any) -> Tensor:
    """log x, not below -100, with derivative 0 there."""
    low = compare.less(x, math.exp(-100))
    return compare.where(low, -100.0, functions.log(compare.where(low, 1.0, x)))


_bce = elementwise(
    "binary_cross_entropy", _bce_kernel,
    lambda g, x, y: g * (x - y) / arithmetic.clip(x * (1.0 - x), min=1e-12),
    lambda g, x: g * (_log_from_below(1.0 - x) - _log_from_below(x)),
)  # fmt: skip


def binary_cross_entropy(input: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Tensor:
    """-y log x - (1 - y) log(1 - x) for probabilities x; logarithms below -100 count as -100.

    Parameters
    ----------
    input : tensor
        Probabilities.
    target : tensor
        In [0, 1], of the same shape.
    weight : tensor or None
        Multiplies the loss of each item.
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    Tensor
        0-d, or of input's shape without reduction.

    Raises
    ------
    ValueError
        If the shapes differ.
    RuntimeError
        If an input is not in [0, 1].

    Examples
    --------
    >>> wg.nn.functional.binary_cross_entropy(wg.tensor([0.5, 0.9]), wg.tensor([0., 1.]))
    tensor(0.3993)
    """
    x, y = _pair("binary_cross_entropy", input, target)
    if x._value.size and not (x._value.min() >= 0 and x._value.max() <= 1) and not np.isnan(x._value).any():
        raise RuntimeError(
            f"binary_cross_entropy: expected probabilities in [0, 1], got {x._value.min()} to {x._value.max()}; for "
            "logits there is binary_cross_entropy_with_logits"
        )
    return _reduced("binary_cross_entropy", _bce(x, y), reduction, weight)


def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None
) -> Tensor:
    """The binary cross-entropy of sigmoid(x), finite and precise for any finite logits x.

    Parameters
    ----------
    input : tensor
        Logits.
    target : tensor
        In [0, 1], of the same shape.
    weight : tensor or None
        Multiplies the loss of each item.
    reduction : {"mean", "sum", "none"}
    pos_weight : tensor or None
        Multiplies the part of the loss that is due to y.

    Returns
    -------
    Tensor
        0-d, or of input's shape without reduction.

    Raises
    ------
    ValueError
        If the shapes differ.

    Notes
    -----
    y log(1 + exp(-x)) + (1 - y) log(1 + exp(x)): each term is computed without cancellation.

    Examples
    --------
    >>> wg.nn.functional.binary_cross_entropy_with_logits(wg.tensor([0., 1e4]), wg.tensor([1., 0.]), reduction="none")
    tensor([6.9315e-01, 1.0000e+04])
    """
    name = "binary_cross_entropy_with_logits"
    x, y = _pair(name, input, target)
    positive = y if pos_weight is None else y * pos_weight
    losses = positive * activations.softplus(-x) + (1.0 - y) * activations.softplus(x)
    return _reduced(name, losses, reduction, weight)


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
        factors = _class_weights(weight, classes)[labels]
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
    return _reduced("nll_loss", losses if total else losses + math.nan, "sum" if reduction == "mean" else reduction)


def _class_weights(weight: Any, classes: int) -> np.ndarray:
    array = weight._value if isinstance(weight, Variable) else np.asarray(weight)
    if array.shape != (classes,):
        raise ValueError(f"nll_loss: expected class weights of shape {(classes,)}, got {array.shape}")
    return array.astype(np.float64)


def kl_div(input: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """The terms y (log y - x) of the Kullback-Leibler divergence of target y from log-probabilities x.

    Parameters
    ----------
    input : tensor
        Log-probabilities.
    target : tensor
        Probabilities, of the same shape.
    reduction : {"mean", "sum", "none", "batchmean"}
        "batchmean", the sum divided by the length of the first dimension, is the divergence of the textbooks; "mean"
        divides by the number of all items.
    log_target : bool
        The target holds log-probabilities too.

    Returns
    -------
    Tensor
        0-d, or of input's shape without reduction. A term with y = 0 is 0.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> x = wg.log_softmax(wg.zeros(1, 2), 1)
    >>> wg.nn.functional.kl_div(x, wg.tensor([[1., 0.]]), reduction="batchmean")
    tensor(0.6931)
    """
    x, y = _pair("kl_div", input, target)
    if log_target:
        terms = functions.exp(y) * (y - x)
    else:
        terms = y * functions.log(compare.where(compare.greater(y, 0), y, 1.0)) - y * x
    if reduction == "batchmean":
        return sum(terms) / max(x._value.shape[0] if x._value.ndim else 1, 1)
    return _reduced("kl_div", terms, reduction)
