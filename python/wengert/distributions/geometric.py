"""The law of failures before the first success."""

from __future__ import annotations

from typing import Any, ClassVar

from .._types import Tensor
from ..ops import floor, softplus, zeros_like
from ..ops.functions import xlog1py
from ..ops.variates import standard_exponential
from . import constraints
from .by_probability import ByProbability

__all__ = ["Geometric"]


class Geometric(ByProbability):
    """How many trials fail before the first that succeeds: k with probability (1 - probs)^k probs.

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
    >>> law = wg.distributions.Geometric(0.5)
    >>> law.log_prob(1.), law.mean
    (tensor(-1.3863), tensor(1.))
    """

    arg_constraints: ClassVar[Any] = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.nonnegative_integer

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        self._take(probs, logits)
        super().__init__(self._param.shape, validate_args=validate_args)
        if self._validate_args and probs is not None:
            constraint = constraints.greater_than(0.0)
            self._require("probs", constraint, self.probs)

    @property
    def mean(self) -> Tensor:
        return 1 / self.probs - 1

    @property
    def mode(self) -> Tensor:
        return zeros_like(self.probs)

    @property
    def variance(self) -> Tensor:
        return (1 / self.probs - 1) / self.probs

    def sample(self, sample_shape: Any = ()) -> Tensor:
        drawn = standard_exponential(self._extended_shape(sample_shape), self._param.dtype)
        return floor(drawn / -(-self.probs.detach()).log1p())

    def log_prob(self, value: Any) -> Tensor:
        x = self._checked(value)
        return xlog1py(x, -self.probs) + self.probs.log()

    def entropy(self) -> Tensor:
        p, x = self.probs, self.logits
        return (p * softplus(-x) + (1 - p) * softplus(x)) / p
