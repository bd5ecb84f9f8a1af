"""The beta law."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .._types import Tensor
from ..ops import digamma, lgamma, sigmoid, where, xlogy
from ..ops.functions import xlog1py
from ..ops.variates import log_gamma_variate
from . import constraints
from .exp_family import ExponentialFamily
from .transforms import inside_of_unit
from .utils import broadcast_all

__all__ = ["Beta"]


class Beta(ExponentialFamily):
    """The beta law, with density x^(a - 1) (1 - x)^(b - 1) / B(a, b) on (0, 1).

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

    Notes
    -----
    A variate is x / (x + y) of two gamma variates, each of which moves with its own shape; it is differentiable in both
    parameters to any order.

    Examples
    --------
    >>> law = wg.distributions.Beta(2., 2.)
    >>> law.log_prob(0.5), law.mean, law.variance
    (tensor(0.4055), tensor(0.5000), tensor(0.0500))
    """

    arg_constraints: ClassVar[Any] = {"concentration1": constraints.positive, "concentration0": constraints.positive}
    support = constraints.unit_interval
    has_rsample = True
    _parameters: ClassVar[Any] = {"concentration1": 0, "concentration0": 0}

    def __init__(self, concentration1: Any, concentration0: Any, validate_args: bool | None = None) -> None:
        self.concentration1, self.concentration0 = broadcast_all(concentration1, concentration0)
        super().__init__(self.concentration1.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def mode(self) -> Tensor:
        a, b = (self.concentration1 - 1).clamp(min=0), (self.concentration0 - 1).clamp(min=0)
        at_ends = (self.concentration1 < 1) & (self.concentration0 < 1)  # at both of them: the one at 1 is told
        return where(at_ends, 1.0, where(a + b == 0, math.nan, a / (a + b)))

    @property
    def variance(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        return a * b / ((a + b) ** 2 * (a + b + 1))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        logit = log_gamma_variate(self.concentration1, shape) - log_gamma_variate(self.concentration0, shape)
        return inside_of_unit(sigmoid(logit))  # type: ignore[no-any-return]

    def log_prob(self, value: Any) -> Tensor:
        x = self._checked(value)
        return xlogy(self.concentration1 - 1, x) + xlog1py(self.concentration0 - 1, -x) - self._log_beta()

    def entropy(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        return self._log_beta() - (a - 1) * digamma(a) - (b - 1) * digamma(b) + (a + b - 2) * digamma(a + b)

    def _log_beta(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        return lgamma(a) + lgamma(b) - lgamma(a + b)

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return self.concentration1, self.concentration0

    def _log_normalizer(self, x: Any, y: Any) -> Tensor:
        return lgamma(x) + lgamma(y) - lgamma(x + y)
