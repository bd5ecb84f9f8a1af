"""The law of Weibull."""

from __future__ import annotations

from typing import Any, ClassVar

from .._types import Tensor
from ..ops import lgamma, where, xlogy
from ..ops.variates import standard_exponential
from . import constraints
from .distribution import Distribution
from .utils import broadcast_all, euler_constant

__all__ = ["Weibull"]


class Weibull(Distribution):
    """The law of lifetimes: a variate exceeds x with probability exp(-(x / scale)^concentration).

    Parameters
    ----------
    scale : number or tensor
    concentration : number or tensor
        The shape; 1 is the exponential law.
    validate_args : bool, optional
        As in `Distribution`.

    Raises
    ------
    ValueError
        If a parameter does not satisfy its constraint, or the shapes do not broadcast.

    Examples
    --------
    >>> law = wg.distributions.Weibull(2., 1.)
    >>> law.log_prob(2.), law.cdf(2.), law.mean
    (tensor(-1.6931), tensor(0.6321), tensor(2.))
    """

    arg_constraints: ClassVar[Any] = {"scale": constraints.positive, "concentration": constraints.positive}
    support = constraints.positive
    has_rsample = True
    _parameters: ClassVar[Any] = {"scale": 0, "concentration": 0}

    def __init__(self, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.scale, self.concentration = broadcast_all(scale, concentration)
        super().__init__(self.scale.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.scale * lgamma(1 + 1 / self.concentration).exp()

    @property
    def mode(self) -> Tensor:
        k = self.concentration
        return where(k > 1, self.scale * (where(k > 1, k - 1, 1.0) / k) ** (1 / k), 0.0)

    @property
    def variance(self) -> Tensor:
        once, twice = lgamma(1 + 1 / self.concentration), lgamma(1 + 2 / self.concentration)
        return self.scale**2 * (2 * once).exp() * (twice - 2 * once).expm1()

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        drawn = standard_exponential(self._extended_shape(sample_shape), self.scale.dtype)
        return self.scale * drawn ** (1 / self.concentration)

    def log_prob(self, value: Any) -> Tensor:
        z = self._checked(value) / self.scale
        k = self.concentration
        return (k / self.scale).log() + xlogy(k - 1, z) - z**k

    def cdf(self, value: Any) -> Tensor:
        return -(-((self._checked(value) / self.scale) ** self.concentration)).expm1()

    def icdf(self, value: Any) -> Tensor:
        p = self._entered(value)
        return self.scale * (-(-p).log1p()) ** (1 / self.concentration)

    def entropy(self) -> Tensor:
        return euler_constant * (1 - 1 / self.concentration) + (self.scale / self.concentration).log() + 1
