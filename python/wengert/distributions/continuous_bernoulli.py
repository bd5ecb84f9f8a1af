"""The continuous law of Bernoulli."""

from __future__ import annotations

from typing import Any, ClassVar

from .._types import Tensor
from ..ops import rand, where
from . import constraints
from .by_probability import ByProbability
from .exp_family import ExponentialFamily
from .quotients import log_sinhc, log_sinhc_curvature, log_sinhc_slope, piecewise, power_series

__all__ = ["ContinuousBernoulli"]


class ContinuousBernoulli(ByProbability, ExponentialFamily):
    """The law on [0, 1] with density proportional to p^x (1 - p)^(1 - x) (Loaiza-Ganem and Cunningham 2019).

    Parameters
    ----------
    probs : number or tensor, optional
        p; or else
    logits : number or tensor, optional
        its log-odds.
    lims : (float, float)
        Taken as in PyTorch, and of no effect: what is singular at p = 1/2 is computed by power series that are exact to
        rounding, also in the derivatives.
    validate_args : bool, optional
        As in `Distribution`.

    Raises
    ------
    ValueError
        If not one of `probs` and `logits` is given, a parameter does not satisfy its constraint, or the shapes do not
        broadcast.

    Notes
    -----
    With the log-odds l, the density is exp(l x - K), and K is l / 2 + log(sinh(l / 2) / (l / 2)); mean and variance are
    the derivatives of K.

    Examples
    --------
    >>> law = wg.distributions.ContinuousBernoulli(wg.tensor([0.5, 0.9]))
    >>> law.mean, law.log_prob(1.)
    (tensor([0.5000, 0.6699]), tensor([0.0000, 0.9050]))
    """

    arg_constraints: ClassVar[Any] = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(
        self, probs: Any = None, logits: Any = None, lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        self._take(probs, logits)
        super().__init__(self._param.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return 0.5 + log_sinhc_slope(self.logits)

    @property
    def variance(self) -> Tensor:
        return log_sinhc_curvature(self.logits)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.icdf(rand(self._extended_shape(sample_shape), dtype=self._param.dtype))

    def log_prob(self, value: Any) -> Tensor:
        return self.logits * self._checked(value) - self._log_normalizer(self.logits)

    def cdf(self, value: Any) -> Tensor:
        x = self._checked(value).clamp(0, 1)
        return x * (self._log_normalizer(self.logits * x) - self._log_normalizer(self.logits)).exp()

    def icdf(self, value: Any) -> Tensor:
        p = self._entered(value)
        rest = 1 - p

        def near(x: Any) -> Any:
            """log(1 + p (exp(x) - 1)) / x, by the cumulants of a trial."""
            pq, odd = p * rest, rest - p
            cumulants = [p, pq / 2, pq * odd / 6, pq * (1 - 6 * pq) / 24, pq * odd * (1 - 12 * pq) / 120]
            return power_series(cumulants, x)

        def far(x: Any) -> Any:
            up = x > 0
            tail = (-x.abs()).exp()
            return (where(up, p + rest * tail, rest + p * tail).log() + where(up, x, 0.0)) / x

        return piecewise(self.logits, 5e-3, near, far)

    def entropy(self) -> Tensor:
        return self._log_normalizer(self.logits) - self.logits * self.mean

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.logits,)

    def _log_normalizer(self, x: Any) -> Tensor:
        return 0.5 * x + log_sinhc(x)  # type: ignore[no-any-return]
