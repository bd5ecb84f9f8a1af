"""The law of Laplace."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .._types import Tensor
from ..ops import where
from ..ops.variates import open_uniform
from . import constraints
from .distribution import Distribution
from .utils import broadcast_all

__all__ = ["Laplace"]


class Laplace(Distribution):
    """The law with density exp(-|x - loc| / scale) / (2 scale).

    Parameters
    ----------
    loc : number or tensor
        The mean.
    scale : number or tensor
    validate_args : bool, optional
        As in `Distribution`.

    Raises
    ------
    ValueError
        If a parameter does not satisfy its constraint, or the shapes do not broadcast.

    Examples
    --------
    >>> law = wg.distributions.Laplace(0., 1.)
    >>> law.log_prob(0.), law.cdf(0.), law.variance
    (tensor(-0.6931), tensor(0.5000), tensor(2.))
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
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def stddev(self) -> Tensor:
        return math.sqrt(2) * self.scale

    @property
    def variance(self) -> Tensor:
        return 2 * self.scale * self.scale

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.icdf(open_uniform(self._extended_shape(sample_shape), self.loc.dtype))

    def log_prob(self, value: Any) -> Tensor:
        return -(2 * self.scale).log() - (self._checked(value) - self.loc).abs() / self.scale

    def cdf(self, value: Any) -> Tensor:
        z = (self._checked(value) - self.loc) / self.scale
        tail = 0.5 * (-z.abs()).exp()
        return where(z < 0, tail, 1 - tail)

    def icdf(self, value: Any) -> Tensor:
        p = self._entered(value)
        upper = p > 0.5
        off = (2 * where(upper, 1 - p, p)).log()
        return self.loc + self.scale * where(upper, -off, off)

    def entropy(self) -> Tensor:
        return 1 + (2 * self.scale).log()
