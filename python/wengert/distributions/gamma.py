"""The gamma law."""

from __future__ import annotations

from typing import Any, ClassVar

from .._types import Tensor
from ..core.dtypes import finfo
from ..ops import digamma, lgamma, xlogy
from ..ops.incomplete_gamma import gammainc
from ..ops.variates import log_gamma_variate
from . import constraints
from .exp_family import ExponentialFamily
from .utils import broadcast_all

__all__ = ["Gamma"]


class Gamma(ExponentialFamily):
    """The gamma law, with density rate^a x^(a - 1) exp(-rate x) / Gamma(a).

    Parameters
    ----------
    concentration : number or tensor
        a, the shape.
    rate : number or tensor
        1 over the scale.
    validate_args : bool, optional
        As in `Distribution`.

    Raises
    ------
    ValueError
        If a parameter does not satisfy its constraint, or the shapes do not broadcast.

    Notes
    -----
    Variates move with `concentration` so as to stay at their quantile (Figurnov, Mohamed and Mnih 2018, Implicit
    reparameterization gradients), to any order.

    Examples
    --------
    >>> law = wg.distributions.Gamma(2., 1.)
    >>> law.log_prob(1.), law.cdf(1.), law.mean
    (tensor(-1.), tensor(0.2642), tensor(2.))
    """

    arg_constraints: ClassVar[Any] = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    _parameters: ClassVar[Any] = {"concentration": 0, "rate": 0}
    _mean_carrier_measure = 0

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        self.concentration, self.rate = broadcast_all(concentration, rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.concentration / self.rate

    @property
    def mode(self) -> Tensor:
        return ((self.concentration - 1) / self.rate).clamp(min=0)

    @property
    def variance(self) -> Tensor:
        return self.concentration / self.rate**2

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        drawn = log_gamma_variate(self.concentration, self._extended_shape(sample_shape)).exp() / self.rate
        return drawn.clamp(min=float(finfo(drawn.dtype).tiny))  # of 0 the density may be infinite

    def log_prob(self, value: Any) -> Tensor:
        x = self._checked(value)
        a = self.concentration
        return a * self.rate.log() + xlogy(a - 1, x) - self.rate * x - lgamma(a)

    def cdf(self, value: Any) -> Tensor:
        return gammainc(self.concentration, self.rate * self._checked(value))

    def entropy(self) -> Tensor:
        a = self.concentration
        return a - self.rate.log() + lgamma(a) + (1 - a) * digamma(a)

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return self.concentration - 1, -self.rate

    def _log_normalizer(self, x: Any, y: Any) -> Tensor:
        found: Tensor = lgamma(x + 1) - (x + 1) * (-y).log()
        return found
