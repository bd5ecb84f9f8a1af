"""Laws whose log-density is linear in functions of the value, which gives entropies and divergences for nothing."""

from __future__ import annotations

from typing import Any

from .._types import Tensor
from ..func import jvp
from .distribution import Distribution

__all__ = ["ExponentialFamily"]


class ExponentialFamily(Distribution):
    """A law with density h(x) exp(<t(x), eta> - F(eta)).

    Whoever derives one defines `_natural_params`, a tuple of tensors eta, `_log_normalizer(*eta)`, which is F, and
    `_mean_carrier_measure`, the mean of log h. Entropy and `kl_divergence` from a law of the same class follow.

    Parameters
    ----------
    batch_shape, event_shape, validate_args
        As in `Distribution`.

    Notes
    -----
    The entropy is F(eta) - <eta, F'(eta)> - E log h (Nielsen and Nock 2010); the product is one derivative along eta,
    so that what comes out is differentiable to any order.

    Examples
    --------
    >>> class Rate(wg.distributions.ExponentialFamily):
    ...     arg_constraints = {"rate": wg.distributions.constraints.positive}
    ...     _mean_carrier_measure = 0
    ...     def __init__(self, rate):
    ...         self.rate = rate
    ...         super().__init__(rate.shape)
    ...     @property
    ...     def _natural_params(self):
    ...         return (-self.rate,)
    ...     def _log_normalizer(self, eta):
    ...         return -(-eta).log()
    >>> Rate(wg.tensor([1., 2.])).entropy()
    tensor([1.0000, 0.3069])
    """

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        raise NotImplementedError(f"{type(self).__name__}: no _natural_params")

    def _log_normalizer(self, *natural_params: Any) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__}: no _log_normalizer")

    @property
    def _mean_carrier_measure(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__}: no _mean_carrier_measure")

    def entropy(self) -> Tensor:
        eta = self._natural_params
        value, along = jvp(self._log_normalizer, eta, eta)
        found: Tensor = value - along - self._mean_carrier_measure
        return found
