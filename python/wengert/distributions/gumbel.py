"""The law of Gumbel."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .._types import Tensor
from ..ops.variates import standard_exponential
from . import constraints
from .distribution import Distribution
from .utils import broadcast_all, euler_constant

__all__ = ["Gumbel"]


class Gumbel(Distribution):
    """The law of the largest of many: its distribution function is exp(-exp(-(x - loc) / scale)).

    Parameters
    ----------
    loc : number or tensor
        The mode.
    scale : number or tensor
    validate_args : bool, optional
        As in `Distribution`.

    Raises
    ------
    ValueError
        If a parameter does not satisfy its constraint, or the shapes do not broadcast.

    Examples
    --------
    >>> law = wg.distributions.Gumbel(0., 1.)
    >>> law.log_prob(0.), law.cdf(0.), law.mean
    (tensor(-1.), tensor(0.3679), tensor(0.5772))
    """

    arg_constraints: ClassVar[Any] = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    _parameters: ClassVar[Any] = {"loc": 0, "scale": 0}

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.loc + self.scale * euler_constant

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def stddev(self) -> Tensor:
        return math.pi / math.sqrt(6) * self.scale

    @property
    def variance(self) -> Tensor:
        return math.pi**2 / 6 * self.scale**2

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        drawn = standard_exponential(self._extended_shape(sample_shape), self.loc.dtype)
        return self.loc - self.scale * drawn.log()

    def log_prob(self, value: Any) -> Tensor:
        z = (self.loc - self._checked(value)) / self.scale
        return z - z.exp() - self.scale.log()

    def cdf(self, value: Any) -> Tensor:
        return (-((self.loc - self._checked(value)) / self.scale).exp()).exp()

    def icdf(self, value: Any) -> Tensor:
        p = self._entered(value)
        return self.loc - self.scale * (-p.log()).log()

    def entropy(self) -> Tensor:
        return self.scale.log() + (1 + euler_constant)
