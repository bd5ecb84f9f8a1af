"""Losses of margins: what is right is to be better, nearer or more alike than what is wrong, by so much."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..._types import Tensor
from ...core.arguments import whole
from ...core.broadcast import as_floating
from ...core.doors import enter
from ...core.half import half
from ...ops import activations, arithmetic, compare, losses
from ...ops.distance import floating_pair
from ...ops.index import pick, take_along_dim
from ...ops.reduce import mean, sum
from ...ops.scattering import scatter
from ...ops.shape import reshape, unsqueeze
from .distances import pairwise_distance
from .losses import pair, reduced


def _at_least_zero(x: Any) -> Any:
    """The positive part with derivative 1 at 0, as PyTorch's clamp has it."""
    return arithmetic.clip(x, min=0.0)


def _of_as_many_dimensions(name: str, **tensors: Any) -> None:
    shapes = {label: x._value.shape for label, x in tensors.items()}
    if len({len(shape) for shape in shapes.values()}) > 1:
        raise ValueError(
            f"{name}: expected tensors of as many dimensions each, got "
            f"{', '.join(f'{label} of shape {shape}' for label, shape in shapes.items())}"
        )


def margin_ranking_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, *, reduction: str = "mean"
) -> Tensor:
    """max(0, -y (x1 - x2) + margin): with y = 1 the first is to be larger, with y = -1 the second.

    Parameters
    ----------
    input1, input2, target : tensor
        Of as many dimensions, which broadcast together.
    margin : float
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    Tensor
        0-d, or of the broadcast shape without reduction.

    Raises
    ------
    ValueError
        If the numbers of dimensions differ.

    Examples
    --------
    >>> wg.nn.functional.margin_ranking_loss(wg.tensor([1., 2.]), wg.tensor([0., 4.]), wg.tensor([1, 1]))
    tensor(1.)
    """
    x, y = floating_pair(input1, input2)
    target = enter(target)
    _of_as_many_dimensions("margin_ranking_loss", input1=x, input2=y, target=target)
    return _margin_ranking_loss(x, y, target, margin, reduction)


@half
def _margin_ranking_loss(x: Any, y: Any, target: Any, margin: float, reduction: str) -> Tensor:
    return reduced("margin_ranking_loss", _at_least_zero(-target * (x - y) + margin), reduction)


def hinge_embedding_loss(input: Any, target: Any, margin: float = 1.0, *, reduction: str = "mean") -> Tensor:
    """x where y = 1, max(0, margin - x) where y = -1: a distance that is to be small, or to be large.

    Parameters
    ----------
    input, target : tensor
        Of one shape.
    margin : float
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
    >>> wg.nn.functional.hinge_embedding_loss(wg.tensor([0.5, 0.25]), wg.tensor([1, -1]), reduction="none")
    tensor([0.5000, 0.7500])
    """
    x, y = pair("hinge_embedding_loss", input, target)
    return _hinge_embedding_loss(x, y, margin, reduction)


@half
def _hinge_embedding_loss(x: Any, y: Any, margin: float, reduction: str) -> Tensor:
    far = compare.where(compare.eq(y, 1), 0.0, _at_least_zero(margin - x))
    near = compare.where(compare.eq(y, -1), 0.0, x)
    return reduced("hinge_embedding_loss", far + near, reduction)


def cosine_embedding_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, *, reduction: str = "mean"
) -> Tensor:
    """1 - cos(x1, x2) where y = 1, max(0, cos(x1, x2) - margin) where y = -1.

    Parameters
    ----------
    input1, input2 : tensor
        (n, d), or (d,)
    target : tensor
        (n,), or 0-d
    margin : float
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    Tensor
        0-d, or of target's shape without reduction.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> x, y = wg.tensor([[1., 0.], [1., 0.]]), wg.tensor([[0., 1.], [2., 0.]])
    >>> wg.nn.functional.cosine_embedding_loss(x, y, wg.tensor([1, -1]), reduction="none")
    tensor([1., 1.])
    """
    x, y = floating_pair(input1, input2)
    target = enter(target)
    ndim = target._value.ndim
    if ndim > 1 or x._value.ndim != ndim + 1 or y._value.ndim != ndim + 1:
        raise ValueError(
            "cosine_embedding_loss: expected inputs (n, d) and a target (n,), or inputs (d,) and a 0-d target, got "
            f"{x._value.shape}, {y._value.shape} and {target._value.shape}"
        )
    return _cosine_embedding_loss(x, y, target, margin, reduction)


@half
def _cosine_embedding_loss(x: Any, y: Any, target: Any, margin: float, reduction: str) -> Tensor:
    lengths = (sum(x * x, -1) + 1e-12) * (sum(y * y, -1) + 1e-12)
    cosine = sum(x * y, -1) / arithmetic.sqrt(lengths)
    alike = compare.where(compare.eq(target, 1), 1.0 - cosine, 0.0)
    apart = compare.where(compare.eq(target, -1), _at_least_zero(cosine - margin), 0.0)
    return reduced("cosine_embedding_loss", alike + apart, reduction)


# ---------------------------------------------------------------- triplets


def triplet_margin_loss(
    anchor: Any, positive: Any, negative: Any, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6,
    swap: bool = False, *, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """max(0, |a - p| - |a - n| + margin): the anchor is to be nearer to the positive than to the negative.

    Parameters
    ----------
    anchor, positive, negative : tensor
        (n, d), or (d,)
    margin : float
        Above 0.
    p, eps : float
        Of the distance, see `pairwise_distance`.
    swap : bool
        Take the distance from the positive to the negative where that is less than the anchor's.
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    Tensor
        0-d, or (n,) without reduction.

    Raises
    ------
    ValueError
        If the margin is not positive or the numbers of dimensions differ.

    Notes
    -----
    V. Balntas et al., "Learning local feature descriptors with triplets and shallow convolutional neural networks",
    2016.

    Examples
    --------
    >>> a, p, n = wg.tensor([[0., 0.]]), wg.tensor([[3., 4.]]), wg.tensor([[0., 5.5]])
    >>> wg.nn.functional.triplet_margin_loss(a, p, n)
    tensor(0.5000)
    """
    if not margin > 0:
        raise ValueError(f"triplet_margin_loss: expected margin > 0, got {margin}")

    def distance(x: Any, y: Any) -> Any:
        return pairwise_distance(x, y, p, eps)

    return _triplet_loss("triplet_margin_loss", distance, (anchor, positive, negative), margin, swap, reduction)


def triplet_margin_with_distance_loss(
    anchor: Any, positive: Any, negative: Any, *, distance_function: Callable[[Any, Any], Any] | None = None,
    margin: float = 1.0, swap: bool = False, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """max(0, d(a, p) - d(a, n) + margin) for any distance d.

    Parameters
    ----------
    anchor, positive, negative : tensor
        What the function takes.
    distance_function : callable or None
        Of two tensors; gives a distance for each pair. None: the Euclidean one.
    margin : float
        Above 0.
    swap : bool
        Take the distance from the positive to the negative where that is less than the anchor's.
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    Tensor
        0-d, or what the function gives without reduction.

    Raises
    ------
    ValueError
        If the margin is not positive or the numbers of dimensions differ.

    Examples
    --------
    >>> F = wg.nn.functional
    >>> a, p, n = wg.tensor([[0., 0.]]), wg.tensor([[3., 4.]]), wg.tensor([[0., 5.5]])
    >>> F.triplet_margin_with_distance_loss(a, p, n, distance_function=lambda x, y: (x - y).abs().sum(1))
    tensor(2.5000)
    """
    if not margin > 0:
        raise ValueError(f"triplet_margin_with_distance_loss: expected margin > 0, got {margin}")
    function = pairwise_distance if distance_function is None else distance_function
    return _triplet_loss(
        "triplet_margin_with_distance_loss", function, (anchor, positive, negative), margin, swap, reduction
    )


def _triplet_loss(name: str, distance: Any, triplet: Any, margin: float, swap: bool, reduction: str) -> Tensor:
    anchor, positive, negative = map(enter, triplet)
    _of_as_many_dimensions(name, anchor=anchor, positive=positive, negative=negative)
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = arithmetic.minimum(far, distance(positive, negative))
    return reduced(name, _at_least_zero(near - far + margin), reduction)


# ---------------------------------------------------------------- classes


def multi_margin_loss(
    input: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None, *, reduction: str = "mean"
) -> Tensor:
    """The mean over the classes i of max(0, margin - x[y] + x[i])^p, the label y itself left out.

    Parameters
    ----------
    input : tensor
        (n, classes), or (classes,)
    target : tensor of integers
        (n,), or 0-d
    p : {1, 2}
    margin : float
    weight : tensor or None
        (classes,): multiplies the loss of examples by their labels' weights.
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    Tensor
        0-d, or of target's shape without reduction.

    Raises
    ------
    ValueError
        If the shapes do not fit, or p is neither 1 nor 2.
    IndexError
        If a label is no class.

    Examples
    --------
    >>> wg.nn.functional.multi_margin_loss(wg.tensor([[0.1, 0.2, 0.4, 0.8]]), wg.tensor([3]))
    tensor(0.3250)
    """
    x, labels = as_floating(input), losses.class_numbers("multi_margin_loss", target)
    shape = x._value.shape
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: expected p to be 1 or 2, got {p}")
    if len(shape) > 2 or 0 in shape[-1:] or labels._value.shape not in (shape[:-1], (1,) if len(shape) < 2 else None):
        raise ValueError(
            "multi_margin_loss: expected input (n, classes) and target (n,), or input (classes,) and a 0-d target, got "
            f"{shape} and {labels._value.shape}"
        )
    if weight is not None and enter(weight)._value.shape != (shape or (1,))[-1:]:
        raise ValueError(
            f"multi_margin_loss: expected a weight of shape {(shape or (1,))[-1:]}, got {enter(weight)._value.shape}"
        )
    if len(shape) < 2:
        x = reshape(x, (*labels._value.shape, x._value.size))
    labels = losses.of_classes(labels, name="multi_margin_loss", classes=x._value.shape[-1])
    return _multi_margin_loss(x, labels, whole("multi_margin_loss", "p", p), margin, weight, reduction)


@half
def _multi_margin_loss(x: Any, labels: Any, p: int, margin: float, weight: Any, reduction: str) -> Tensor:
    place = unsqueeze(labels, -1)
    z = activations.relu(x - take_along_dim(x, place, -1) + margin)
    if p == 2:
        z = arithmetic.square(z)
    if weight is not None:
        z = z * unsqueeze(pick(enter(weight), (labels,)), -1)
    terms = mean(scatter(z, -1, place, 0.0), -1)
    return reduced("multi_margin_loss", terms, reduction)


def multilabel_margin_loss(input: Any, target: Any, *, reduction: str = "mean") -> Tensor:
    """The sum over labels y and other classes i of max(0, 1 - (x[y] - x[i])), divided by the number of classes.

    Parameters
    ----------
    input : tensor
        (n, classes), or (classes,)
    target : tensor of integers
        Of the same shape: an example's labels, which end before the first negative number.
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    Tensor
        0-d, or (n,) without reduction.

    Raises
    ------
    ValueError
        If the shapes differ, or there are more than two dimensions.
    IndexError
        If a label is no class.

    Examples
    --------
    >>> x, y = wg.tensor([[0.1, 0.2, 0.4, 0.8]]), wg.tensor([[3, 0, -1, 1]])
    >>> wg.nn.functional.multilabel_margin_loss(x, y)
    tensor(0.8500)
    """
    x, labels = as_floating(input), losses.class_numbers("multilabel_margin_loss", target)
    shape = x._value.shape
    if len(shape) > 2 or labels._value.shape != shape:
        raise ValueError(
            "multilabel_margin_loss: expected input and target of one shape (n, classes) or (classes,), got "
            f"{shape} and {labels._value.shape}"
        )
    if not shape:
        x, labels = reshape(x, 1), reshape(labels, 1)
    return _multilabel_margin_loss(x, labels, reduction)


@half
def _multilabel_margin_loss(x: Any, labels: Any, reduction: str) -> Tensor:
    counted = losses.before_the_end(labels)
    place = compare.where(counted, labels, 0)
    other = compare.logical_not(losses.among_labels(labels))
    z = activations.relu(1.0 - unsqueeze(take_along_dim(x, place, -1), -1) + unsqueeze(x, -2))
    pairs = compare.logical_and(unsqueeze(counted, -1), unsqueeze(other, -2))
    terms = sum(compare.where(pairs, z, 0.0), (-2, -1)) / x._value.shape[-1]
    return reduced("multilabel_margin_loss", terms, reduction)


def multilabel_soft_margin_loss(input: Any, target: Any, weight: Any = None, *, reduction: str = "mean") -> Tensor:
    """The mean over the classes of the binary cross-entropy of sigmoid(x).

    Parameters
    ----------
    input, target : tensor
        (..., classes), of one shape
    weight : tensor or None
        Multiplies the loss of each class.
    reduction : {"mean", "sum", "none"}

    Returns
    -------
    Tensor
        0-d, or (...) without reduction.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> wg.nn.functional.multilabel_soft_margin_loss(wg.tensor([[0., 1.]]), wg.tensor([[1., 0.]]))
    tensor(1.0032)
    """
    x, y = pair("multilabel_soft_margin_loss", input, target)
    return _multilabel_soft_margin_loss(x, y, weight, reduction)


@half
def _multilabel_soft_margin_loss(x: Any, y: Any, weight: Any, reduction: str) -> Tensor:
    terms = y * activations.softplus(-x) + (1.0 - y) * activations.softplus(x)
    if weight is not None:
        terms = terms * weight
    return reduced("multilabel_soft_margin_loss", mean(terms, -1), reduction)


def soft_margin_loss(input: Any, target: Any, *, reduction: str = "mean") -> Tensor:
    """log(1 + exp(-y x)), with labels y of 1 and -1; finite for any finite x.

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
    >>> wg.nn.functional.soft_margin_loss(wg.tensor([0., 2.]), wg.tensor([1., -1.]), reduction="none")
    tensor([0.6931, 2.1269])
    """
    x, y = pair("soft_margin_loss", input, target)
    return _soft_margin_loss(x, y, reduction)


@half
def _soft_margin_loss(x: Any, y: Any, reduction: str) -> Tensor:
    return reduced("soft_margin_loss", activations.softplus(-(y * x)), reduction)
