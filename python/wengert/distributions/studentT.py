"""The law of Student."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .._types import Tensor
from ..ops import digamma, lgamma, randn, where
from ..ops.variates import log_gamma_variate
from . import constraints
from .distribution import Distribution
from .utils import broadcast_all

__all__ = ["StudentT"]


class StudentT(Distribution):
    """Student's law: of a normal variate over the root of a chi-squared one over its degrees of freedom.

    Parameters
    ----------
    df : number or tensor
        The degrees of freedom.
    loc, scale : number or tensor
        What such a variate is shifted by, after it is multiplied.
    validate_args : bool, optional
        As in `Distribution`.

    Raises
    ------
    ValueError
        If a parameter does not satisfy its constraint, or the shapes do not broadcast.

    Examples
    --------
    >>> law = wg.distributions.StudentT(3.)
    >>> law.log_prob(0.), law.variance
    (tensor(-1.0009), tensor(3.))
    """

    arg_constraints: ClassVar[Any] = {
        "df": constraints.positive, "loc": constraints.real, "scale": constraints.positive,
    }  # fmt: skip
    support = constraints.real
    has_rsample = True
    _parameters: ClassVar[Any] = {"df": 0, "loc": 0, "scale": 0}

    def __init__(self, df: Any, loc: Any = 0.0, scale: Any = 1.0, validate_args: bool | None = None) -> None:
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        super().__init__(self.df.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return where(self.df > 1, self.loc, math.nan)

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        finite = self.scale**2 * self.df / where(self.df > 2, self.df - 2, 1.0)
        return where(self.df > 2, finite, where(self.df > 1, math.inf, math.nan))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        half = 0.5 * self.df
        stretched = 0.5 * (half.log() - log_gamma_variate(half, shape))
        return self.loc + self.scale * randn(shape, dtype=self.loc.dtype) * stretched.exp()

    def log_prob(self, value: Any) -> Tensor:
        z = (self._checked(value) - self.loc) / self.scale
        half = 0.5 * self.df
        norm = self.scale.log() + 0.5 * (math.pi * self.df).log() + lgamma(half) - lgamma(half + 0.5)
        return -(half + 0.5) * (z * z / self.df).log1p() - norm

    def entropy(self) -> Tensor:
        half = 0.5 * self.df
        norm = self.scale.log() + 0.5 * (math.pi * self.df).log() + lgamma(half) - lgamma(half + 0.5)
        return norm + (half + 0.5) * (digamma(half + 0.5) - digamma(half))
