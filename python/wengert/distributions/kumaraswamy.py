"""The law of Kumaraswamy."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .._types import Tensor
from ..ops import digamma, lgamma, where, xlogy
from ..ops.functions import xlog1py
from ..ops.variates import standard_exponential
from . import constraints
from .distribution import Distribution
from .transforms import inside_of_unit
from .utils import broadcast_all, euler_constant

__all__ = ["Kumaraswamy"]


class Kumaraswamy(Distribution):
    """A law on (0, 1) much like the beta law, whose distribution function 1 - (1 - x^a)^b is closed.

    Parameters
    ----------
    concentration1 : number or tensor
        a.
    concentration0 : number or tensor
        b.
    validate_args : bool, optional
        As in `Distribution`.

    Raises
    ------
    ValueError
        If a parameter does not satisfy its constraint, or the shapes do not broadcast.

    Examples
    --------
    >>> law = wg.distributions.Kumaraswamy(2., 2.)
    >>> law.cdf(0.5), law.mean, law.mode
    (tensor(0.4375), tensor(0.5333), tensor(0.5774))
    """

    arg_constraints: ClassVar[Any] = {"concentration1": constraints.positive, "concentration0": constraints.positive}
    support = constraints.unit_interval
    has_rsample = True
    _parameters: ClassVar[Any] = {"concentration1": 0, "concentration0": 0}

    def __init__(self, concentration1: Any, concentration0: Any, validate_args: bool | None = None) -> None:
        self.concentration1, self.concentration0 = broadcast_all(concentration1, concentration0)
        super().__init__(self.concentration1.shape, validate_args=validate_args)

    def _moment(self, n: int) -> Tensor:
        """The mean of x^n: b B(1 + n / a, b)."""
        part, b = 1 + n / self.concentration1, self.concentration0
        return (lgamma(part) + lgamma(b + 1) - lgamma(part + b)).exp()

    @property
    def mean(self) -> Tensor:
        return self._moment(1)

    @property
    def mode(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        inside = (a >= 1) & (b >= 1) & (a * b > 1)
        a, b = where(inside, a, 2.0), where(inside, b, 2.0)
        return where(inside, ((a - 1) / (a * b - 1)) ** (1 / a), math.nan)

    @property
    def variance(self) -> Tensor:
        return self._moment(2) - self._moment(1) ** 2

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        drawn = standard_exponential(self._extended_shape(sample_shape), self.concentration1.dtype)
        powered = -(-drawn / self.concentration0).expm1()
        return inside_of_unit(powered ** (1 / self.concentration1))  # type: ignore[no-any-return]

    def log_prob(self, value: Any) -> Tensor:
        x = self._checked(value)
        a, b = self.concentration1, self.concentration0
        return a.log() + b.log() + xlogy(a - 1, x) + xlog1py(b - 1, -(x**a))

    def cdf(self, value: Any) -> Tensor:
        x = self._checked(value)
        return -xlog1py(self.concentration0, -(x**self.concentration1)).expm1()

    def icdf(self, value: Any) -> Tensor:
        p = self._entered(value)
        return (-((-p).log1p() / self.concentration0).expm1()) ** (1 / self.concentration1)

    def entropy(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        return 1 - 1 / b + (1 - 1 / a) * (digamma(b + 1) + euler_constant) - a.log() - b.log()
