"""The law of Poisson."""

from __future__ import annotations

from typing import Any, ClassVar

from .._types import Tensor
from ..ops import floor, lgamma, xlogy
from ..ops.variates import poisson
from . import constraints
from .exp_family import ExponentialFamily
from .utils import broadcast_all

__all__ = ["Poisson"]


class Poisson(ExponentialFamily):
    """The law of how many events come in a time, at a rate.

    Parameters
    ----------
    rate : number or tensor
        The mean.
    validate_args : bool, optional
        As in `Distribution`.

    Raises
    ------
    ValueError
        If a parameter does not satisfy its constraint, or the shapes do not broadcast.

    Examples
    --------
    >>> law = wg.distributions.Poisson(2.)
    >>> law.log_prob(1.), law.variance
    (tensor(-1.3069), tensor(2.))
    """

    arg_constraints: ClassVar[Any] = {"rate": constraints.nonnegative}
    support = constraints.nonnegative_integer
    _parameters: ClassVar[Any] = {"rate": 0}

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = broadcast_all(rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.rate

    @property
    def mode(self) -> Tensor:
        return floor(self.rate)

    @property
    def variance(self) -> Tensor:
        return self.rate

    def sample(self, sample_shape: Any = ()) -> Tensor:
        return poisson(self.rate.detach(), self._extended_shape(sample_shape))

    def log_prob(self, value: Any) -> Tensor:
        k = self._checked(value)
        return xlogy(k, self.rate) - self.rate - lgamma(k + 1)

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.rate.log(),)

    def _log_normalizer(self, x: Any) -> Tensor:
        found: Tensor = x.exp()
        return found
