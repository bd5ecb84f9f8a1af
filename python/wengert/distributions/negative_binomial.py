"""The law of successes before several failures."""

from __future__ import annotations

from typing import Any, ClassVar

from .._types import Tensor
from ..autograd import no_grad
from ..ops import floor, lgamma, softplus, where
from ..ops.variates import log_gamma_variate, poisson
from . import constraints
from .by_probability import ByProbability

__all__ = ["NegativeBinomial"]


class NegativeBinomial(ByProbability):
    """How many trials succeed before `total_count` have failed.

    Parameters
    ----------
    total_count : number or tensor
        It need not be whole.
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
    >>> law = wg.distributions.NegativeBinomial(2., 0.5)
    >>> law.log_prob(1.), law.mean
    (tensor(-1.3863), tensor(2.))
    """

    arg_constraints: ClassVar[Any] = {
        "total_count": constraints.nonnegative, "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }  # fmt: skip
    support = constraints.nonnegative_integer
    _parameters: ClassVar[Any] = {**ByProbability._parameters, "total_count": 0}

    def __init__(
        self, total_count: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:  # fmt: skip
        (self.total_count,) = self._take(probs, logits, total_count)
        super().__init__(self._param.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.logits.exp()

    @property
    def mode(self) -> Tensor:
        return floor((self.total_count - 1) * self.logits.exp()).clamp(min=0)

    @property
    def variance(self) -> Tensor:
        odds = self.logits.exp()
        return self.total_count * odds * (1 + odds)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            shape = self._extended_shape(sample_shape)
            drawn = log_gamma_variate(self.total_count, shape)
            rate = where(self.total_count == 0, 0.0, (drawn + self.logits).exp())
            return poisson(rate.detach(), shape)

    def log_prob(self, value: Any) -> Tensor:
        k, n = self._checked(value), self.total_count
        some = n + k > 0  # no failure awaited is no success before it, and no 0 times infinity
        ways = lgamma(where(some, n + k, 1.0)) - lgamma(k + 1) - lgamma(where(some & (n > 0), n, 1.0))
        found: Tensor = ways - k * softplus(-self.logits) - n * softplus(self.logits)
        return where(some & (n == 0), -float("inf"), found)
