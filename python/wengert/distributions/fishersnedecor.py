"""The law of Fisher and Snedecor."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .._types import Tensor
from ..core.dtypes import finfo
from ..ops import lgamma, where, xlogy
from ..ops.variates import log_gamma_variate
from . import constraints
from .distribution import Distribution
from .utils import broadcast_all

__all__ = ["FisherSnedecor"]


class FisherSnedecor(Distribution):
    """The F law: of the quotient of two chi-squared variates, each over its degrees of freedom.

    Parameters
    ----------
    df1, df2 : number or tensor
        The degrees of freedom above and below.
    validate_args : bool, optional
        As in `Distribution`.

    Raises
    ------
    ValueError
        If a parameter does not satisfy its constraint, or the shapes do not broadcast.

    Examples
    --------
    >>> law = wg.distributions.FisherSnedecor(2., 4.)
    >>> law.log_prob(1.), law.mean
    (tensor(-1.2164), tensor(2.))
    """

    arg_constraints: ClassVar[Any] = {"df1": constraints.positive, "df2": constraints.positive}
    support = constraints.positive
    has_rsample = True
    _parameters: ClassVar[Any] = {"df1": 0, "df2": 0}

    def __init__(self, df1: Any, df2: Any, validate_args: bool | None = None) -> None:
        self.df1, self.df2 = broadcast_all(df1, df2)
        super().__init__(self.df1.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return where(self.df2 > 2, self.df2 / where(self.df2 > 2, self.df2 - 2, 1.0), math.nan)

    @property
    def mode(self) -> Tensor:
        return where(self.df1 > 2, (self.df1 - 2) / self.df1 * self.df2 / (self.df2 + 2), math.nan)

    @property
    def variance(self) -> Tensor:
        a, b = self.df1, where(self.df2 > 4, self.df2, 5.0)
        finite = 2 * b**2 * (a + b - 2) / (a * (b - 2) ** 2 * (b - 4))
        return where(self.df2 > 4, finite, math.nan)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        logs = log_gamma_variate(0.5 * self.df1, shape) - log_gamma_variate(0.5 * self.df2, shape)
        return (logs.exp() * (self.df2 / self.df1)).clamp(min=float(finfo(logs.dtype).tiny))

    def log_prob(self, value: Any) -> Tensor:
        x = self._checked(value)
        a, b, quotient = 0.5 * self.df1, 0.5 * self.df2, self.df1 / self.df2
        norm = lgamma(a + b) - lgamma(a) - lgamma(b)
        return norm + a * quotient.log() + xlogy(a - 1, x) - (a + b) * (quotient * x).log1p()
