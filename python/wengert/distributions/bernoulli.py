"""The law of one trial."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .._types import Tensor
from ..ops import arange, bernoulli, softplus, where
from . import constraints
from .by_probability import ByProbability
from .exp_family import ExponentialFamily

__all__ = ["Bernoulli"]


class Bernoulli(ByProbability, ExponentialFamily):
    """The law of 1 with a probability, and 0 otherwise.

    Parameters
    ----------
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
    >>> law = wg.distributions.Bernoulli(wg.tensor([0.25, 1.]))
    >>> law.log_prob(1.), law.sample().shape
    (tensor([-1.3863e+00, -1.1921e-07]), wengert.Size([2]))
    """

    arg_constraints: ClassVar[Any] = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.boolean
    has_enumerate_support = True
    _mean_carrier_measure = 0

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        self._take(probs, logits)
        super().__init__(self._param.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def mode(self) -> Tensor:
        return where(self.probs == 0.5, math.nan, (self.probs > 0.5).to(dtype=self.probs.dtype))

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        return bernoulli(self.probs.detach().expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Any) -> Tensor:
        x = self._checked(value)
        return -x * softplus(-self.logits) - (1 - x) * softplus(self.logits)

    def entropy(self) -> Tensor:
        return self.probs * softplus(-self.logits) + (1 - self.probs) * softplus(self.logits)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        values = arange(2, dtype=self._param.dtype).reshape((2, *(1 for _ in self._batch_shape)))
        return values.expand((2, *self._batch_shape)) if expand else values

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.logits,)

    def _log_normalizer(self, x: Any) -> Tensor:
        return softplus(x)
