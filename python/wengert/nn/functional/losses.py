"""Losses. Input and target have one shape; nothing is broadcast, since (n,) against (n, 1) would silently be n x n."""

from __future__ import annotations

import math
from typing import Any

from ..._types import Tensor
from ...core.broadcast import as_floating, cast, same_shape
from ...core.doors import enter
from ...core.half import half
from ...core.modes import mode
from ...ops import activations, compare, functions, losses
from ...ops.distance import floating_pair
from ...ops.naming import called
from ...ops.reduce import mean, sum
from ...ops.shape import unsqueeze

# The losses that are one node in PyTorch's graphs, which bears their name.
_NODES = {
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "huber_loss", "mse_loss", "multi_margin_loss",
    "multilabel_margin_loss", "smooth_l1_loss", "soft_margin_loss",
}  # fmt: skip


def pair(name: str, input: Any, target: Any) -> tuple[Any, Any]:
    """Input and target as floating tensors of one shape and dtype."""
    x, y = floating_pair(input, target)
    if x._value.shape != y._value.shape:
        a, b = x._value.shape, y._value.shape
        hint = f"; target.reshape{a} has the input's shape" if x._value.size == y._value.size else ""
        raise ValueError(f"{name}: input of shape {a} and target of shape {b} differ{hint}")
    return x, y


def reduced(name: str, terms: Tensor, reduction: str, weight: Any = None) -> Tensor:
    """The mean of the items' losses, their sum, or themselves."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f'{name}: expected reduction "mean", "sum" or "none", got {reduction!r}')
    if weight is not None:
        terms = terms * weight
    out = mean(terms) if reduction == "mean" else sum(terms) if reduction == "sum" else terms
    return called(name, out) if name in _NODES else out


def _weighed(name: str, x: Any, terms: Tensor, weight: Any, reduction: str, by_weights: bool = True) -> Tensor:
    """`reduced` with a weight for each item, by whose sum a mean may be divided."""
    if weight is None:
        return reduced(name, terms, reduction)
    weight = enter(weight)
    if weight._value.shape != x._value.shape:
        wanted, given = x._value.shape, weight._value.shape
        raise ValueError(f"{name}: input of shape {wanted} needs a weight of that shape, got {given}")
    if reduction == "mean" and by_weights:
        return sum(terms * weight) / sum(weight)
    return reduced(name, terms, reduction, weight)


def mse_loss(input: Any, target: Any, reduction: str = "mean", *, weight: Any = None) -> Tensor:
    """The squared error (x - y)^2.

    Parameters
    ----------
    input, target : tensor
        Of one shape.
    reduction : {"mean", "sum", "none"}
    weight : tensor or None
        Of input's shape; what each item's loss is multiplied by. "mean" then divides by the sum of weights.

    Returns
    -------
    Tensor
        0-d, or of input's shape without reduction.

    Raises
    ------
    ValueError
        If the shapes differ, or the weight has another.

    Examples
    --------
    >>> wg.nn.functional.mse_loss(wg.tensor([1., 2.]), wg.tensor([0., 4.]))
    tensor(2.5000)
    """
    x, y = pair("mse_loss", input, target)
    return _mse_loss(x, y, reduction, weight)


@half
def _mse_loss(x: Any, y: Any, reduction: str, weight: Any) -> Tensor:
    return _weighed("mse_loss", x, losses.squared_error(x, y), weight, reduction)


def l1_loss(input: Any, target: Any, reduction: str = "mean", *, weight: Any = None) -> Tensor:
    """The absolute error |x - y|.

    Parameters
    ----------
    input, target : tensor
        Of one shape.
    reduction : {"mean", "sum", "none"}
    weight : tensor or None
        Of input's shape; what each item's loss is multiplied by. "mean" then divides by the sum of weights.

    Returns
    -------
    Tensor
        0-d, or of input's shape without reduction. The derivative where x = y is 0.

    Raises
    ------
    ValueError
        If the shapes differ, or the weight has another.

    Examples
    --------
    >>> wg.nn.functional.l1_loss(wg.tensor([1., 2.]), wg.tensor([0., 4.]))
    tensor(1.5000)
    """
    x, y = pair("l1_loss", input, target)
    return _l1_loss(x, y, reduction, weight)


@half
def _l1_loss(x: Any, y: Any, reduction: str, weight: Any = None) -> Tensor:
    return _weighed("l1_loss", x, losses.absolute_error(x, y), weight, reduction)


def huber_loss(
    input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, *, weight: Any = None
) -> Tensor:  # fmt: skip
    """With d = x - y: d^2 / 2 where |d| < delta, delta (|d| - delta / 2) elsewhere (Huber 1964).

    Parameters
    ----------
    input, target : tensor
        Of one shape.
    reduction : {"mean", "sum", "none"}
    delta : float
        Above 0.
    weight : tensor or None
        Of input's shape; what each item's loss is multiplied by.

    Returns
    -------
    Tensor
        0-d, or of input's shape without reduction.

    Raises
    ------
    ValueError
        If the shapes differ, or the weight has another, or delta is not positive.

    Examples
    --------
    >>> wg.nn.functional.huber_loss(wg.tensor([1., 2.]), wg.tensor([0.5, 4.]), reduction="none")
    tensor([0.1250, 1.5000])
    """
    if not delta > 0:
        raise ValueError(f"huber_loss: expected delta > 0, got {delta}")
    x, y = pair("huber_loss", input, target)
    return _huber_loss(x, y, reduction, float(delta), weight)


@half
def _huber_loss(x: Any, y: Any, reduction: str, delta: float, weight: Any) -> Tensor:
    return _weighed("huber_loss", x, losses.huber(x, y, delta=delta, scale=1.0), weight, reduction, False)


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
    if not beta >= 0:
        raise ValueError(f"smooth_l1_loss: expected beta >= 0, got {beta}")
    x, y = pair("smooth_l1_loss", input, target)
    if beta == 0:
        return called("smooth_l1_loss", _l1_loss(x, y, reduction))
    return _smooth_l1_loss(x, y, reduction, float(beta))


@half
def _smooth_l1_loss(x: Any, y: Any, reduction: str, beta: float) -> Tensor:
    return reduced("smooth_l1_loss", losses.smooth_l1(x, y, delta=beta, scale=1.0 / beta), reduction)


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
        If an item of input or target is not in [0, 1].

    Examples
    --------
    >>> wg.nn.functional.binary_cross_entropy(wg.tensor([0.5, 0.9]), wg.tensor([0., 1.]))
    tensor(0.3993)
    """
    x, y = pair("binary_cross_entropy", input, target)
    return _binary_cross_entropy(x, y, reduction, weight)


@half
def _binary_cross_entropy(x: Any, y: Any, reduction: str, weight: Any) -> Tensor:
    return reduced("binary_cross_entropy", losses.binary_cross_entropy(x, y), reduction, weight)


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
    x, y = pair("binary_cross_entropy_with_logits", input, target)
    return _binary_cross_entropy_with_logits(x, y, weight, reduction, pos_weight)


@half
def _binary_cross_entropy_with_logits(x: Any, y: Any, weight: Any, reduction: str, pos_weight: Any) -> Tensor:
    if pos_weight is None:
        terms = losses.logit_bce(x, y)
    else:
        terms = y * pos_weight * activations.softplus(-x) + (1.0 - y) * activations.softplus(x)
    return reduced("binary_cross_entropy_with_logits", terms, reduction, weight)


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
        0-d, or of input's shape without reduction. A term with y = 0 is 0, one with y < 0 is NaN.

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
    x, y = pair("kl_div", input, target)
    return _kl_div(x, y, reduction, log_target)


@half
def _kl_div(x: Any, y: Any, reduction: str, log_target: bool) -> Tensor:
    if log_target:
        terms = functions.exp(y) * (y - x)
    elif y.requires_grad and mode.recording:
        terms = functions.xlogy(y, y) - y * x
    else:
        terms = losses.divergence(x, y)
    if reduction == "batchmean":
        return sum(terms) / (x._value.shape[0] if x._value.ndim else 1)
    return reduced("kl_div", terms, reduction)


# ---------------------------------------------------------------- likelihoods


def gaussian_nll_loss(
    input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    """(log v + (x - y)^2 / v) / 2: y under a normal distribution of mean x and variance v.

    Parameters
    ----------
    input, target : tensor
        Of one shape.
    var : tensor or number
        Of that shape, or of one item, or none, in place of the last dimension.
    full : bool
        Add the constant log(2 pi) / 2.
    eps : float
        A variance below counts as this, with the derivative of a variance that is not.
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    Tensor
        0-d, or of input's shape without reduction.

    Raises
    ------
    ValueError
        If the shapes do not fit, or a variance is negative.

    Examples
    --------
    >>> wg.nn.functional.gaussian_nll_loss(wg.tensor([1., 2.]), wg.tensor([0., 4.]), wg.tensor([1., 4.]))
    tensor(0.8466)
    """
    x, y = floating_pair(input, target)
    shape = x._value.shape
    v = cast(as_floating(var), x._value.dtype)
    if v._value.ndim and v._value.shape != shape:
        if v._value.shape == shape[:-1]:
            v = unsqueeze(v, -1)
        elif v._value.shape != (*shape[:-1], 1):
            raise ValueError(
                f"gaussian_nll_loss: input of shape {shape} needs a var of shape {shape}, {(*shape[:-1], 1)} or "
                f"{shape[:-1]}, got {v._value.shape}"
            )
    return _gaussian_nll_loss(x, y, v, full, float(eps), reduction)


@half
def _gaussian_nll_loss(x: Any, y: Any, v: Any, full: bool, eps: float, reduction: str) -> Tensor:
    v = v + losses.lacking_variance(v, eps=eps)
    terms = losses.gaussian(*same_shape("gaussian_nll_loss", (x, y, v)))
    if full:
        terms = terms + 0.5 * math.log(2 * math.pi)
    return reduced("gaussian_nll_loss", terms, reduction)


def poisson_nll_loss(
    input: Any, target: Any, log_input: bool = True, full: bool = False, *, eps: float = 1e-8,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """exp(x) - y x: counts y under a Poisson distribution whose mean has the logarithm x.

    Parameters
    ----------
    input, target : tensor
        Which broadcast together.
    log_input : bool
        False: the input is the mean itself, and the loss x - y log(x + eps).
    full : bool
        Add Stirling's approximation of log(y!), y log y - y + log(2 pi y) / 2, where y > 1.
    eps : float
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    Tensor
        0-d, or of the broadcast shape without reduction.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.

    Examples
    --------
    >>> wg.nn.functional.poisson_nll_loss(wg.tensor([0., 1.]), wg.tensor([2., 3.]), reduction="none")
    tensor([ 1.0000, -0.2817])
    """
    x, y = floating_pair(input, target)
    return _poisson_nll_loss(x, y, log_input, full, eps, reduction)


@half
def _poisson_nll_loss(x: Any, y: Any, log_input: bool, full: bool, eps: float, reduction: str) -> Tensor:
    x, y = same_shape("poisson_nll_loss", (x, y))
    terms = losses.poisson(x, y) if log_input else x - y * functions.log(x + eps)
    if full:
        several = compare.greater(y, 1)
        count = compare.where(several, y, 1.0)
        stirling = count * functions.log(count) - count + 0.5 * functions.log(2 * math.pi * count)
        terms = terms + compare.where(several, stirling, 0.0)
    return reduced("poisson_nll_loss", terms, reduction)
