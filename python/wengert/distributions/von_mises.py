"""The law of von Mises."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .._types import Tensor
from ..ops.variates import von_mises
from ..special import i0e, i1e
from . import constraints
from .distribution import Distribution
from .utils import broadcast_all

__all__ = ["VonMises"]


class VonMises(Distribution):
    """The normal law's counterpart on the circle, with density exp(concentration cos(x - loc)) up to a factor.

    Parameters
    ----------
    loc : tensor
        An angle, in radians.
    concentration : tensor
        How narrow it is.
    validate_args : bool, optional
        As in `Distribution`.

    Raises
    ------
    ValueError
        If a parameter does not satisfy its constraint, or the shapes do not broadcast.

    Notes
    -----
    Variates are in [-pi, pi]. The variance is the circular one, 1 - I1 / I0 of the concentration.

    Examples
    --------
    >>> law = wg.distributions.VonMises(0., 1.)
    >>> law.log_prob(0.), law.variance
    (tensor(-1.0738), tensor(0.5536))
    """

    arg_constraints: ClassVar[Any] = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real
    _parameters: ClassVar[Any] = {"loc": 0, "concentration": 0}

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return 1 - i1e(self.concentration) / i0e(self.concentration)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        return von_mises(self.loc.detach(), self.concentration.detach(), self._extended_shape(sample_shape))

    def log_prob(self, value: Any) -> Tensor:
        # cos - 1 by the half angle: beside a large concentration the difference would lose its digits.
        swing = (0.5 * (self._checked(value) - self.loc)).sin()
        found: Tensor = -2 * self.concentration * swing * swing
        return found - math.log(2 * math.pi) - i0e(self.concentration).log()
