"""Losses as modules."""

from __future__ import annotations

from typing import Any

from .. import functional as F
from .module import Module


class _Loss(Module):
    """A loss with a reduction."""

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        if reduction not in self._reductions:
            raise ValueError(
                f"{type(self).__name__}: expected reduction {', '.join(map(repr, self._reductions))}, got {reduction!r}"
            )
        self.reduction = reduction

    _reductions: tuple[str, ...] = ("mean", "sum", "none")


class MSELoss(_Loss):
    """The squared error (x - y)^2.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> wg.nn.MSELoss()(wg.tensor([1., 2.]), wg.tensor([0., 4.]))
    tensor(2.5000)
    """

    def forward(self, input: Any, target: Any) -> Any:
        """The loss of input and target of one shape."""
        return F.mse_loss(input, target, self.reduction)


class L1Loss(_Loss):
    """The absolute error |x - y|.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> wg.nn.L1Loss()(wg.tensor([1., 2.]), wg.tensor([0., 4.]))
    tensor(1.5000)
    """

    def forward(self, input: Any, target: Any) -> Any:
        """The loss of input and target of one shape."""
        return F.l1_loss(input, target, self.reduction)


class HuberLoss(_Loss):
    """With d = x - y: d^2 / 2 where |d| < delta, delta (|d| - delta / 2) elsewhere.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
    delta : float

    Examples
    --------
    >>> wg.nn.HuberLoss()(wg.tensor([1., 2.]), wg.tensor([0.5, 4.]))
    tensor(0.8125)
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = delta

    def forward(self, input: Any, target: Any) -> Any:
        """The loss of input and target of one shape."""
        return F.huber_loss(input, target, self.reduction, self.delta)


class SmoothL1Loss(_Loss):
    """With d = x - y: d^2 / (2 beta) where |d| < beta, |d| - beta / 2 elsewhere.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
    beta : float

    Examples
    --------
    >>> wg.nn.SmoothL1Loss()(wg.tensor([1., 2.]), wg.tensor([0.5, 4.]))
    tensor(0.8125)
    """

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta = beta

    def forward(self, input: Any, target: Any) -> Any:
        """The loss of input and target of one shape."""
        return F.smooth_l1_loss(input, target, self.reduction, self.beta)


class _WeightedLoss(_Loss):
    """A loss with weights, which belong to its state."""

    def __init__(self, weight: Any = None, *, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)


class CrossEntropyLoss(_WeightedLoss):
    """The cross-entropy of logits against labels or probabilities.

    Parameters
    ----------
    weight : Tensor or None
        (classes,): each class's weight.
    ignore_index : int
        Examples with this label do not count.
    reduction : {"mean", "sum", "none"}
    label_smoothing : float
        In [0, 1].

    Examples
    --------
    >>> wg.nn.CrossEntropyLoss()(wg.tensor([[2., 0., 0.]]), wg.tensor([0]))
    tensor(0.2395)
    """

    def __init__(
        self, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean", label_smoothing: float = 0.0
    ) -> None:
        super().__init__(weight, reduction=reduction)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing

    def forward(self, input: Any, target: Any) -> Any:
        """The loss of logits (n, classes, ...) and labels (n, ...) or probabilities (n, classes, ...)."""
        return F.cross_entropy(
            input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )  # fmt: skip


class NLLLoss(_WeightedLoss):
    """The negative log-likelihood of labels under log-probabilities.

    Parameters
    ----------
    weight : Tensor or None
        (classes,): each class's weight.
    ignore_index : int
        Examples with this label do not count.
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> wg.nn.NLLLoss()(wg.tensor([[-0.1, -2.4]]), wg.tensor([1]))
    tensor(2.4000)
    """

    def __init__(self, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean") -> None:
        super().__init__(weight, reduction=reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Any, target: Any) -> Any:
        """The loss of log-probabilities (n, classes, ...) and labels (n, ...)."""
        return F.nll_loss(input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction)


class BCELoss(_WeightedLoss):
    """The binary cross-entropy of probabilities.

    Parameters
    ----------
    weight : Tensor or None
        Multiplies the loss of each item.
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> wg.nn.BCELoss()(wg.tensor([0.5, 0.9]), wg.tensor([0., 1.]))
    tensor(0.3993)
    """

    def forward(self, input: Any, target: Any) -> Any:
        """The loss of input and target of one shape."""
        return F.binary_cross_entropy(input, target, self.weight, self.reduction)


class BCEWithLogitsLoss(_WeightedLoss):
    """The binary cross-entropy of sigmoid(x), finite and precise for any finite logits x.

    Parameters
    ----------
    weight : Tensor or None
        Multiplies the loss of each item.
    reduction : {"mean", "sum", "none"}
    pos_weight : Tensor or None
        Multiplies the part of the loss that is due to y.

    Examples
    --------
    >>> wg.nn.BCEWithLogitsLoss()(wg.tensor([0., -1e4]), wg.tensor([1., 0.]))
    tensor(0.3466)
    """

    def __init__(self, weight: Any = None, *, reduction: str = "mean", pos_weight: Any = None) -> None:
        super().__init__(weight, reduction=reduction)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Any, target: Any) -> Any:
        """The loss of input and target of one shape."""
        return F.binary_cross_entropy_with_logits(input, target, self.weight, self.reduction, self.pos_weight)


class KLDivLoss(_Loss):
    """The terms y (log y - x) of the Kullback-Leibler divergence of target y from log-probabilities x.

    Parameters
    ----------
    reduction : {"mean", "sum", "none", "batchmean"}
    log_target : bool
        The target holds log-probabilities too.

    Examples
    --------
    >>> x = wg.log_softmax(wg.zeros(1, 2), 1)
    >>> wg.nn.KLDivLoss(reduction="batchmean")(x, wg.tensor([[1., 0.]]))
    tensor(0.6931)
    """

    _reductions = ("mean", "sum", "none", "batchmean")

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction)
        self.log_target = log_target

    def forward(self, input: Any, target: Any) -> Any:
        """The loss of input and target of one shape."""
        return F.kl_div(input, target, self.reduction, self.log_target)
