"""A differentiable stand-in for the law of one trial."""

from __future__ import annotations

from typing import Any, ClassVar

from .._types import Tensor
from ..ops import softplus
from ..ops.variates import open_uniform
from . import constraints
from .by_probability import ByProbability
from .transformed_distribution import TransformedDistribution
from .transforms import SigmoidTransform
from .utils import floating

__all__ = ["LogitRelaxedBernoulli", "RelaxedBernoulli"]


class LogitRelaxedBernoulli(ByProbability):
    """The law of the log-odds of a `RelaxedBernoulli` variate.

    Parameters
    ----------
    temperature : number or tensor
    probs : number or tensor, optional
        The probability of success; or else
    logits : number or tensor, optional
        its log-odds.
    validate_args : bool, optional
        As in `Distribution`.

    Raises
    ------
    ValueError
        If not one of `probs` and `logits` is given, a parameter does not satisfy its constraint, or the shapes do not
        broadcast.

    Examples
    --------
    >>> wg.distributions.LogitRelaxedBernoulli(1., 0.5).log_prob(0.)
    tensor(-1.3863)
    """

    arg_constraints: ClassVar[Any] = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.real
    has_rsample = True

    def __init__(
        self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:  # fmt: skip
        self._take(probs, logits)
        (self.temperature,) = floating("LogitRelaxedBernoulli", temperature)
        super().__init__(self._param.shape, validate_args=validate_args)
        if self._validate_args:
            self._require("temperature", constraints.positive, self.temperature)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        u = open_uniform(self._extended_shape(sample_shape), self._param.dtype)
        return (u.log() - (-u).log1p() + self.logits) / self.temperature

    def log_prob(self, value: Any) -> Tensor:
        z = self.logits - self._checked(value) * self.temperature
        return self.temperature.log() + z - 2 * softplus(z)


class RelaxedBernoulli(TransformedDistribution):
    """A differentiable law on (0, 1) that tends to Bernoulli's as the temperature falls (Maddison et al. 2017).

    Parameters
    ----------
    temperature : number or tensor
    probs : number or tensor, optional
        The probability of success; or else
    logits : number or tensor, optional
        its log-odds.
    validate_args : bool, optional
        As in `Distribution`.

    Raises
    ------
    ValueError
        If not one of `probs` and `logits` is given, a parameter does not satisfy its constraint, or the shapes do not
        broadcast.

    Examples
    --------
    >>> law = wg.distributions.RelaxedBernoulli(0.5, probs=wg.tensor([0.1, 0.9]))
    >>> x = law.rsample((4,))
    >>> x.shape, bool(((x > 0) & (x < 1)).all())
    (wengert.Size([4, 2]), True)
    """

    arg_constraints: ClassVar[Any] = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval

    def __init__(
        self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:  # fmt: skip
        base = LogitRelaxedBernoulli(temperature, probs, logits, validate_args=False)  # this law checks them
        super().__init__(base, SigmoidTransform(), validate_args=validate_args)
        if self._validate_args:
            self._require("temperature", constraints.positive, self.temperature)

    @property
    def temperature(self) -> Tensor:
        """How far from 0 and 1 variates are.

        Returns
        -------
        Tensor
        """
        return self.base_dist.temperature  # type: ignore[no-any-return]

    @property
    def logits(self) -> Tensor:
        """The log-odds of success.

        Returns
        -------
        Tensor
        """
        return self.base_dist.logits  # type: ignore[no-any-return]

    @property
    def probs(self) -> Tensor:
        """The probability of success.

        Returns
        -------
        Tensor
        """
        return self.base_dist.probs  # type: ignore[no-any-return]
