"""The uniform law."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .._types import Tensor
from ..ops import full_like, rand, where
from . import constraints
from .distribution import Distribution
from .utils import broadcast_all

__all__ = ["Uniform"]


class Uniform(Distribution):
    """The uniform law on [low, high).

    Parameters
    ----------
    low, high : number or tensor
        The ends.
    validate_args : bool, optional
        As in `Distribution`.

    Raises
    ------
    ValueError
        If a parameter does not satisfy its constraint, or the shapes do not broadcast.

    Examples
    --------
    >>> law = wg.distributions.Uniform(0., 4.)
    >>> law.log_prob(1.), law.cdf(1.), law.mean
    (tensor(-1.3863), tensor(0.2500), tensor(2.))
    """

    has_rsample = True
    _parameters: ClassVar[Any] = {"low": 0, "high": 0}

    def __init__(self, low: Any, high: Any, validate_args: bool | None = None) -> None:
        self.low, self.high = broadcast_all(low, high)
        super().__init__(self.low.shape, validate_args=validate_args)

    @property
    def arg_constraints(self) -> Any:
        return {"low": constraints.less_than(self.high), "high": constraints.greater_than(self.low)}

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        return constraints.interval(self.low, self.high)

    @property
    def mean(self) -> Tensor:
        return 0.5 * (self.low + self.high)

    @property
    def mode(self) -> Tensor:
        return full_like(self.low, math.nan)

    @property
    def stddev(self) -> Tensor:
        return (self.high - self.low) / math.sqrt(12)

    @property
    def variance(self) -> Tensor:
        return (self.high - self.low) ** 2 / 12

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.icdf(rand(self._extended_shape(sample_shape), dtype=self.low.dtype))

    def log_prob(self, value: Any) -> Tensor:
        x = self._checked(value)
        return where((self.low <= x) & (x < self.high), -(self.high - self.low).log(), -math.inf)

    def cdf(self, value: Any) -> Tensor:
        found: Tensor = (self._checked(value) - self.low) / (self.high - self.low)
        return found.clamp(0, 1)

    def icdf(self, value: Any) -> Tensor:
        return self.low + self._entered(value) * (self.high - self.low)

    def entropy(self) -> Tensor:
        return (self.high - self.low).log()
