"""The law of Dirichlet."""

from __future__ import annotations

from typing import Any, ClassVar

from .._types import Tensor
from ..core.dtypes import finfo
from ..ops import digamma, lgamma, one_hot, softmax, where, xlogy
from ..ops.variates import log_gamma_variate
from . import constraints
from .exp_family import ExponentialFamily
from .utils import floating

__all__ = ["Dirichlet"]


class Dirichlet(ExponentialFamily):
    """The law of Dirichlet, of probabilities that add up to 1.

    Parameters
    ----------
    concentration : tensor
        (..., categories).
    validate_args : bool, optional
        As in `Distribution`.

    Raises
    ------
    ValueError
        If a parameter does not satisfy its constraint, or the shapes do not broadcast.

    Notes
    -----
    A variate is a row of gamma variates over their sum, each of which moves with its own shape; it is differentiable to
    any order.

    Examples
    --------
    >>> law = wg.distributions.Dirichlet(wg.tensor([1., 1., 2.]))
    >>> law.mean, law.log_prob(wg.tensor([0.25, 0.25, 0.5]))
    (tensor([0.2500, 0.2500, 0.5000]), tensor(1.0986))
    """

    arg_constraints: ClassVar[Any] = {"concentration": constraints.independent(constraints.positive, 1)}
    support = constraints.simplex
    has_rsample = True
    _parameters: ClassVar[Any] = {"concentration": 1}

    def __init__(self, concentration: Any, validate_args: bool | None = None) -> None:
        (self.concentration,) = floating("Dirichlet", concentration)
        if self.concentration.ndim < 1:
            raise ValueError("Dirichlet: expected a concentration of at least one dimension, got a number")
        shape = self.concentration.shape
        super().__init__(shape[:-1], shape[-1:], validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.concentration / self.concentration.sum(-1, True)

    @property
    def mode(self) -> Tensor:
        above = (self.concentration - 1).clamp(min=0)
        found = above / above.sum(-1, True)
        at_corners = (self.concentration < 1).all(-1, True)
        corner = one_hot(found.argmax(-1), found.shape[-1]).to(dtype=found.dtype)
        return where(at_corners, corner, found)

    @property
    def variance(self) -> Tensor:
        total = self.concentration.sum(-1, True)
        return self.concentration * (total - self.concentration) / (total**2 * (total + 1))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        logs = log_gamma_variate(self.concentration, self._extended_shape(sample_shape))
        return softmax(logs, -1).clamp(min=float(finfo(logs.dtype).tiny))  # of 0 the density may be infinite

    def log_prob(self, value: Any) -> Tensor:
        x = self._checked(value)
        return xlogy(self.concentration - 1, x).sum(-1) - self._log_normalizer(self.concentration)

    def entropy(self) -> Tensor:
        a = self.concentration
        total = a.sum(-1)
        of_categories = ((a - 1) * digamma(a)).sum(-1)
        return self._log_normalizer(a) + (total - a.shape[-1]) * digamma(total) - of_categories  # type: ignore[no-any-return]

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.concentration,)

    def _log_normalizer(self, x: Any) -> Tensor:
        return lgamma(x).sum(-1) - lgamma(x.sum(-1))
