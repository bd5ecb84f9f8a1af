"""The law of Pareto."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .._types import Tensor
from ..ops import where
from ..ops.variates import standard_exponential
from . import constraints
from .distribution import Distribution
from .utils import broadcast_all

__all__ = ["Pareto"]


class Pareto(Distribution):
    """The power law: a variate exceeds x >= scale with probability (scale / x)^alpha.

    Parameters
    ----------
    scale : number or tensor
        The least value.
    alpha : number or tensor
        The power.
    validate_args : bool, optional
        As in `Distribution`.

    Raises
    ------
    ValueError
        If a parameter does not satisfy its constraint, or the shapes do not broadcast.

    Examples
    --------
    >>> law = wg.distributions.Pareto(1., 2.)
    >>> law.log_prob(2.), law.cdf(2.), law.mean
    (tensor(-1.3863), tensor(0.7500), tensor(2.))
    """

    arg_constraints: ClassVar[Any] = {"alpha": constraints.positive, "scale": constraints.positive}
    has_rsample = True
    _parameters: ClassVar[Any] = {"scale": 0, "alpha": 0}

    def __init__(self, scale: Any, alpha: Any, validate_args: bool | None = None) -> None:
        self.scale, self.alpha = broadcast_all(scale, alpha)
        super().__init__(self.scale.shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        return constraints.greater_than_eq(self.scale)

    @property
    def mean(self) -> Tensor:
        a = self.alpha
        return where(a > 1, self.scale * a / where(a > 1, a - 1, 1.0), math.inf)

    @property
    def mode(self) -> Tensor:
        return self.scale

    @property
    def variance(self) -> Tensor:
        a = where(self.alpha > 2, self.alpha, 3.0)
        return where(self.alpha > 2, self.scale**2 * a / ((a - 1) ** 2 * (a - 2)), math.inf)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        drawn = standard_exponential(self._extended_shape(sample_shape), self.scale.dtype)
        return self.scale * (drawn / self.alpha).exp()

    def log_prob(self, value: Any) -> Tensor:
        x = self._checked(value)
        return self.alpha.log() + self.alpha * self.scale.log() - (self.alpha + 1) * x.log()

    def cdf(self, value: Any) -> Tensor:
        return -(self.alpha * (self.scale / self._checked(value)).log()).expm1()

    def icdf(self, value: Any) -> Tensor:
        p = self._entered(value)
        return self.scale * (-(-p).log1p() / self.alpha).exp()

    def entropy(self) -> Tensor:
        return (self.scale / self.alpha).log() + (1 + 1 / self.alpha)
