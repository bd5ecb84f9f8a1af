"""Losses as modules."""

from __future__ import annotations

from typing import Any

from ...tensors.tensor import Tensor
from .. import functional as F
from .distances import PairwiseDistance
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

    def forward(self, input: Any, target: Any) -> Tensor:
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

    def forward(self, input: Any, target: Any) -> Tensor:
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

    def forward(self, input: Any, target: Any) -> Tensor:
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

    def forward(self, input: Any, target: Any) -> Tensor:
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

    def forward(self, input: Any, target: Any) -> Tensor:
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

    def forward(self, input: Any, target: Any) -> Tensor:
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

    def forward(self, input: Any, target: Any) -> Tensor:
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

    def forward(self, input: Any, target: Any) -> Tensor:
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

    def forward(self, input: Any, target: Any) -> Tensor:
        """The loss of input and target of one shape."""
        return F.kl_div(input, target, self.reduction, self.log_target)


# ---------------------------------------------------------------- likelihoods


class GaussianNLLLoss(_Loss):
    """(log v + (x - y)^2 / v) / 2: y under a normal distribution of mean x and variance v.

    Parameters
    ----------
    full : bool
        Add the constant log(2 pi) / 2.
    eps : float
        A variance below counts as this.
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> wg.nn.GaussianNLLLoss()(wg.tensor([1., 2.]), wg.tensor([0., 4.]), wg.tensor([1., 4.]))
    tensor(0.8466)
    """

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.full, self.eps = full, eps

    def forward(self, input: Any, target: Any, var: Any) -> Tensor:
        """The loss of input and target of one shape, and of variances."""
        return F.gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)


class PoissonNLLLoss(_Loss):
    """exp(x) - y x: counts y under a Poisson distribution whose mean has the logarithm x.

    Parameters
    ----------
    log_input : bool
        False: the input is the mean itself, and the loss x - y log(x + eps).
    full : bool
        Add Stirling's approximation of log(y!) where y > 1.
    eps : float
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> wg.nn.PoissonNLLLoss()(wg.tensor([0., 1.]), wg.tensor([2., 3.]))
    tensor(0.3591)
    """

    def __init__(
        self, log_input: bool = True, full: bool = False, *, eps: float = 1e-8, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        self.log_input, self.full, self.eps = log_input, full, eps

    def forward(self, input: Any, target: Any) -> Tensor:
        """The loss of input and target."""
        return F.poisson_nll_loss(
            input, target, self.log_input, self.full, eps=self.eps, reduction=self.reduction
        )  # fmt: skip


# ---------------------------------------------------------------- margins


class MarginRankingLoss(_Loss):
    """max(0, -y (x1 - x2) + margin): with y = 1 the first is to be larger, with y = -1 the second.

    Parameters
    ----------
    margin : float
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> wg.nn.MarginRankingLoss()(wg.tensor([1., 2.]), wg.tensor([0., 4.]), wg.tensor([1, 1]))
    tensor(1.)
    """

    def __init__(self, margin: float = 0.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: Any, input2: Any, target: Any) -> Tensor:
        """The loss of two inputs and a target of 1 and -1."""
        return F.margin_ranking_loss(input1, input2, target, self.margin, reduction=self.reduction)


class HingeEmbeddingLoss(_Loss):
    """x where y = 1, max(0, margin - x) where y = -1: a distance that is to be small, or to be large.

    Parameters
    ----------
    margin : float
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> wg.nn.HingeEmbeddingLoss()(wg.tensor([0.5, 0.25]), wg.tensor([1, -1]))
    tensor(0.6250)
    """

    def __init__(self, margin: float = 1.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input: Any, target: Any) -> Tensor:
        """The loss of distances and a target of 1 and -1."""
        return F.hinge_embedding_loss(input, target, self.margin, reduction=self.reduction)


class CosineEmbeddingLoss(_Loss):
    """1 - cos(x1, x2) where y = 1, max(0, cos(x1, x2) - margin) where y = -1.

    Parameters
    ----------
    margin : float
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> x, y = wg.tensor([[1., 0.], [1., 0.]]), wg.tensor([[0., 1.], [2., 0.]])
    >>> wg.nn.CosineEmbeddingLoss()(x, y, wg.tensor([1, -1]))
    tensor(1.)
    """

    def __init__(self, margin: float = 0.0, *, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: Any, input2: Any, target: Any) -> Tensor:
        """The loss of two inputs (n, d) and a target (n,) of 1 and -1."""
        return F.cosine_embedding_loss(input1, input2, target, self.margin, reduction=self.reduction)


class TripletMarginLoss(_Loss):
    """max(0, |a - p| - |a - n| + margin): the anchor is to be nearer to the positive than to the negative.

    Parameters
    ----------
    margin : float
        Above 0.
    p, eps : float
        Of the distance, see `PairwiseDistance`.
    swap : bool
        Take the distance from the positive to the negative where that is less than the anchor's.
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> loss = wg.nn.TripletMarginLoss()
    >>> loss(wg.tensor([[0., 0.]]), wg.tensor([[3., 4.]]), wg.tensor([[0., 5.5]]))
    tensor(0.5000)
    """

    def __init__(
        self, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6, swap: bool = False, *, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        if not margin > 0:
            raise ValueError(f"TripletMarginLoss: expected margin > 0, got {margin}")
        self.margin, self.p, self.eps, self.swap = margin, p, eps, swap

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Tensor:
        """The loss of three tensors (n, d)."""
        return F.triplet_margin_loss(
            anchor, positive, negative, self.margin, self.p, self.eps, self.swap, reduction=self.reduction
        )


class TripletMarginWithDistanceLoss(_Loss):
    """max(0, d(a, p) - d(a, n) + margin) for any distance d.

    Parameters
    ----------
    distance_function : callable or None
        Of two tensors; gives a distance for each pair. None: the Euclidean one.
    margin : float
        Above 0.
    swap : bool
        Take the distance from the positive to the negative where that is less than the anchor's.
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> loss = wg.nn.TripletMarginWithDistanceLoss(distance_function=lambda x, y: (x - y).abs().sum(1))
    >>> loss(wg.tensor([[0., 0.]]), wg.tensor([[3., 4.]]), wg.tensor([[0., 5.5]]))
    tensor(2.5000)
    """

    def __init__(
        self, *, distance_function: Any = None, margin: float = 1.0, swap: bool = False, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        if not margin > 0:
            raise ValueError(f"TripletMarginWithDistanceLoss: expected margin > 0, got {margin}")
        self.distance_function = PairwiseDistance() if distance_function is None else distance_function
        self.margin, self.swap = margin, swap

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Tensor:
        """The loss of three tensors."""
        return F.triplet_margin_with_distance_loss(
            anchor, positive, negative, distance_function=self.distance_function, margin=self.margin, swap=self.swap,
            reduction=self.reduction,
        )  # fmt: skip


class MultiMarginLoss(_WeightedLoss):
    """The mean over the classes i of max(0, margin - x[y] + x[i])^p, the label y itself left out.

    Parameters
    ----------
    p : {1, 2}
    margin : float
    weight : tensor or None
        (classes,): multiplies the loss of examples by their labels' weights.
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> wg.nn.MultiMarginLoss()(wg.tensor([[0.1, 0.2, 0.4, 0.8]]), wg.tensor([3]))
    tensor(0.3250)
    """

    def __init__(self, p: int = 1, margin: float = 1.0, weight: Any = None, *, reduction: str = "mean") -> None:
        super().__init__(weight, reduction=reduction)
        if p not in (1, 2):
            raise ValueError(f"MultiMarginLoss: expected p to be 1 or 2, got {p}")
        self.p, self.margin = p, margin

    def forward(self, input: Any, target: Any) -> Tensor:
        """The loss of scores (n, classes) and labels (n,)."""
        return F.multi_margin_loss(input, target, self.p, self.margin, self.weight, reduction=self.reduction)


class MultiLabelMarginLoss(_Loss):
    """The sum over labels y and other classes i of max(0, 1 - (x[y] - x[i])), divided by the number of classes.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> wg.nn.MultiLabelMarginLoss()(wg.tensor([[0.1, 0.2, 0.4, 0.8]]), wg.tensor([[3, 0, -1, 1]]))
    tensor(0.8500)
    """

    def forward(self, input: Any, target: Any) -> Tensor:
        """The loss of scores (n, classes) and of labels of that shape, which end before a negative number."""
        return F.multilabel_margin_loss(input, target, reduction=self.reduction)


class MultiLabelSoftMarginLoss(_WeightedLoss):
    """The mean over the classes of the binary cross-entropy of sigmoid(x).

    Parameters
    ----------
    weight : tensor or None
        Multiplies the loss of each class.
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> wg.nn.MultiLabelSoftMarginLoss()(wg.tensor([[0., 1.]]), wg.tensor([[1., 0.]]))
    tensor(1.0032)
    """

    def forward(self, input: Any, target: Any) -> Tensor:
        """The loss of input and target (..., classes) of one shape."""
        return F.multilabel_soft_margin_loss(input, target, self.weight, reduction=self.reduction)


class SoftMarginLoss(_Loss):
    """log(1 + exp(-y x)), with labels y of 1 and -1.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> wg.nn.SoftMarginLoss()(wg.tensor([0., 2.]), wg.tensor([1., -1.]))
    tensor(1.4100)
    """

    def forward(self, input: Any, target: Any) -> Tensor:
        """The loss of input and target of one shape."""
        return F.soft_margin_loss(input, target, reduction=self.reduction)


# ---------------------------------------------------------------- sequences


class CTCLoss(_Loss):
    """Connectionist temporal classification: the loss of labels, over all their alignments with steps.

    Parameters
    ----------
    blank : int
        The class that stands for no label.
    reduction : {"mean", "sum", "none"}
        "mean" divides each loss by its number of labels before it averages.
    zero_infinity : bool
        Whether an infinite loss, of an example with too few steps for its labels, counts as 0 and gives no gradient.

    Examples
    --------
    >>> x = wg.nn.functional.log_softmax(wg.zeros(4, 1, 3), 2)
    >>> wg.nn.CTCLoss()(x, wg.tensor([[1, 2]]), [4], [2])
    tensor(0.8432)
    """

    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False) -> None:
        super().__init__(reduction)
        self.blank, self.zero_infinity = blank, zero_infinity

    def forward(self, log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any) -> Tensor:
        """The loss of log-probabilities (steps, n, classes), targets, and the lengths of both."""
        return F.ctc_loss(
            log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction, self.zero_infinity
        )
