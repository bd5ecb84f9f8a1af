"""The generalized law of Pareto."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .._types import Tensor
from ..ops import broadcast_to, where
from ..ops.variates import standard_exponential
from . import constraints
from .distribution import Distribution
from .quotients import expm1_over, log1p_over
from .utils import broadcast_all

__all__ = ["GeneralizedPareto"]


class GeneralizedPareto(Distribution):
    """The law of what exceeds a high threshold: more than z = (x - loc) / scale with probability (1 + c z)^(-1 / c).

    Parameters
    ----------
    loc, scale : number or tensor
        The least value, and what the excess is measured in.
    concentration : number or tensor
        c, of any sign. 0 is the exponential law; below, there is a largest value.
    validate_args : bool, optional
        As in `Distribution`.

    Raises
    ------
    ValueError
        If a parameter does not satisfy its constraint, or the shapes do not broadcast.

    Examples
    --------
    >>> law = wg.distributions.GeneralizedPareto(0., 1., wg.tensor([0., 0.5]))
    >>> law.log_prob(1.), law.mean
    (tensor([-1.0000, -1.2164]), tensor([1., 2.]))
    """

    arg_constraints: ClassVar[Any] = {
        "loc": constraints.real, "scale": constraints.positive, "concentration": constraints.real,
    }  # fmt: skip
    has_rsample = True
    _parameters: ClassVar[Any] = {"loc": 0, "scale": 0, "concentration": 0}

    def __init__(self, loc: Any, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        c = self.concentration
        high = where(c < 0, self.loc - self.scale / where(c < 0, c, -1.0), math.inf)
        return constraints.interval(self.loc, high)

    @property
    def mean(self) -> Tensor:
        c = self.concentration
        return where(c < 1, self.loc + self.scale / where(c < 1, 1 - c, 1.0), math.inf)

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        c = where(self.concentration < 0.5, self.concentration, 0.0)
        return where(self.concentration < 0.5, self.scale**2 / ((1 - c) ** 2 * (1 - 2 * c)), math.inf)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        drawn = standard_exponential(self._extended_shape(sample_shape), self.loc.dtype)
        return self.loc + self.scale * drawn * expm1_over(self.concentration * drawn)

    def log_prob(self, value: Any) -> Tensor:
        return (1 + self.concentration) * self.log_survival_function(value) - self.scale.log()

    def log_survival_function(self, value: Any) -> Tensor:
        """The logarithm of the probability of a variate above a value.

        Parameters
        ----------
        value : tensor or number

        Returns
        -------
        Tensor
        """
        z = (self._checked(value) - self.loc) / self.scale
        return -z * log1p_over(self.concentration * z)

    def log_cdf(self, value: Any) -> Tensor:
        """The logarithm of `cdf`.

        Parameters
        ----------
        value : tensor or number

        Returns
        -------
        Tensor
        """
        return self.cdf(value).log()

    def cdf(self, value: Any) -> Tensor:
        return -self.log_survival_function(value).expm1()

    def icdf(self, value: Any) -> Tensor:
        p = self._entered(value)
        waited = -(-p).log1p()
        return self.loc + self.scale * waited * expm1_over(self.concentration * waited)

    def entropy(self) -> Tensor:
        return broadcast_to(self.scale.log() + self.concentration + 1, self._batch_shape)
