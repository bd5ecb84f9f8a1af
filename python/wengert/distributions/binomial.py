"""The law of successes among several trials."""

from __future__ import annotations

from typing import Any, ClassVar

from .._types import Tensor
from ..ops import arange, floor, lgamma, minimum, softplus
from ..ops.variates import binomial
from . import constraints
from .by_probability import ByProbability

__all__ = ["Binomial"]


class Binomial(ByProbability):
    """How many of `total_count` trials succeed.

    Parameters
    ----------
    total_count : int or tensor
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
    >>> law = wg.distributions.Binomial(4, 0.5)
    >>> law.log_prob(2.), law.mean
    (tensor(-0.9808), tensor(2.))
    """

    arg_constraints: ClassVar[Any] = {
        "total_count": constraints.nonnegative_integer, "probs": constraints.unit_interval, "logits": constraints.real,
    }  # fmt: skip
    has_enumerate_support = True
    _parameters: ClassVar[Any] = {**ByProbability._parameters, "total_count": 0}

    def __init__(
        self, total_count: Any = 1, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:  # fmt: skip
        (self.total_count,) = self._take(probs, logits, total_count)
        super().__init__(self._param.shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.probs

    @property
    def mode(self) -> Tensor:
        return minimum(floor((self.total_count + 1) * self.probs), self.total_count)

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        return binomial(self.total_count.detach(), self.probs.detach(), self._extended_shape(sample_shape))

    def log_prob(self, value: Any) -> Tensor:
        k, n = self._checked(value), self.total_count
        ways = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
        return ways - k * softplus(-self.logits) - (n - k) * softplus(self.logits)

    def entropy(self) -> Tensor:
        self._one_count("entropy")
        logs = self.log_prob(self.enumerate_support(False))
        return -(logs.exp() * logs).sum(0)

    def _one_count(self, what: str) -> int:
        """The number of trials, which has to be one for all laws."""
        counts = self.total_count.detach()
        most = int(counts.max())
        if int(counts.min()) != most:
            raise NotImplementedError(f"Binomial.{what}: expected one total_count for all laws, got {counts}")
        return most

    def enumerate_support(self, expand: bool = True) -> Tensor:
        count = 1 + self._one_count("enumerate_support")
        values = arange(count, dtype=self._param.dtype).reshape((count, *(1 for _ in self._batch_shape)))
        return values.expand((count, *self._batch_shape)) if expand else values
