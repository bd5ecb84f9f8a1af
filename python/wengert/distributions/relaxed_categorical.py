"""A differentiable stand-in for the law of one of several categories."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .._types import Tensor
from ..ops.variates import standard_exponential
from . import constraints
from .by_probability import ByProbabilities
from .transformed_distribution import TransformedDistribution
from .transforms import ExpTransform
from .utils import floating

__all__ = ["ExpRelaxedCategorical", "RelaxedOneHotCategorical"]


class ExpRelaxedCategorical(ByProbabilities):
    """The law of the logarithm of a `RelaxedOneHotCategorical` variate.

    Parameters
    ----------
    temperature : number or tensor
    probs : tensor, optional
        (..., categories), not negative. They need not add up to 1; or else
    logits : tensor, optional
        (..., categories), their logarithms up to a sum.
    validate_args : bool, optional
        As in `Distribution`.

    Raises
    ------
    ValueError
        If not one of `probs` and `logits` is given, a parameter does not satisfy its constraint, or the shapes do not
        broadcast.

    Examples
    --------
    >>> law = wg.distributions.ExpRelaxedCategorical(1., wg.ones(2))
    >>> law.log_prob(wg.tensor([0.5, 0.5]).log())
    tensor(-1.3863)
    """

    arg_constraints: ClassVar[Any] = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.real_vector  # but for rows whose exponentials do not add up to 1
    has_rsample = True

    def __init__(
        self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:  # fmt: skip
        row = self._take_row(probs, logits)
        (self.temperature,) = floating("ExpRelaxedCategorical", temperature)
        super().__init__(row.shape[:-1], row.shape[-1:], validate_args=validate_args)
        if self._validate_args:
            self._require("temperature", constraints.positive, self.temperature)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        drawn = standard_exponential(self._extended_shape(sample_shape), self._param.dtype)
        scores = (self.logits - drawn.log()) / self.temperature
        return scores - scores.logsumexp(-1, True)

    def log_prob(self, value: Any) -> Tensor:
        n = self._event_shape[0]
        scores = self.logits - self._checked(value) * self.temperature
        found: Tensor = (scores - scores.logsumexp(-1, True)).sum(-1)
        return found + (math.lgamma(n) + (n - 1) * self.temperature.log())  # type: ignore[no-any-return]


class RelaxedOneHotCategorical(TransformedDistribution):
    """A differentiable law of probabilities that tends to a category's as the temperature falls (Jang et al. 2017).

    Parameters
    ----------
    temperature : number or tensor
    probs : tensor, optional
        (..., categories), not negative. They need not add up to 1; or else
    logits : tensor, optional
        (..., categories), their logarithms up to a sum.
    validate_args : bool, optional
        As in `Distribution`.

    Raises
    ------
    ValueError
        If not one of `probs` and `logits` is given, a parameter does not satisfy its constraint, or the shapes do not
        broadcast.

    Notes
    -----
    Gumbel and softmax; Maddison, Mnih and Teh 2017 have the density.

    Examples
    --------
    >>> law = wg.distributions.RelaxedOneHotCategorical(0.5, logits=wg.zeros(3))
    >>> x = law.rsample((4,))
    >>> x.shape, wg.allclose(x.sum(-1), wg.ones(4))
    (wengert.Size([4, 3]), True)
    """

    arg_constraints: ClassVar[Any] = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.simplex

    def __init__(
        self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:  # fmt: skip
        base = ExpRelaxedCategorical(temperature, probs, logits, validate_args=False)  # this law checks them
        super().__init__(base, ExpTransform(), validate_args=validate_args)
        if self._validate_args:
            self._require("temperature", constraints.positive, self.temperature)

    @property
    def temperature(self) -> Tensor:
        """How far from a single category variates are.

        Returns
        -------
        Tensor
        """
        return self.base_dist.temperature  # type: ignore[no-any-return]

    @property
    def logits(self) -> Tensor:
        """The logarithms of the probabilities, up to a sum.

        Returns
        -------
        Tensor
        """
        return self.base_dist.logits  # type: ignore[no-any-return]

    @property
    def probs(self) -> Tensor:
        """The probabilities.

        Returns
        -------
        Tensor
        """
        return self.base_dist.probs  # type: ignore[no-any-return]
