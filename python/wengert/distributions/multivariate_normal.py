"""The normal law of vectors."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .._types import Tensor
from ..core.broadcast import broadcast_shape
from ..ops import randn
from . import constraints
from .by_covariance import ByCovariance, half_log_det, mahalanobis, times
from .distribution import Distribution

__all__ = ["MultivariateNormal"]


class MultivariateNormal(ByCovariance, Distribution):
    """The normal law of vectors of n items.

    Parameters
    ----------
    loc : tensor
        The mean, (..., n).
    covariance_matrix, precision_matrix, scale_tril : tensor, optional
        (..., n, n): the covariance, its inverse, or its lower Cholesky factor with a positive diagonal. One is given;
        the factor is what all is computed from.
    validate_args : bool, optional
        As in `Distribution`.

    Raises
    ------
    ValueError
        If a parameter does not satisfy its constraint, or the shapes do not go together.

    Examples
    --------
    >>> law = wg.distributions.MultivariateNormal(wg.zeros(2), wg.tensor([[1., 0.5], [0.5, 2.]]))
    >>> law.log_prob(wg.zeros(2)), law.mean
    (tensor(-2.1177), tensor([0., 0.]))
    >>> law.rsample((3,)).shape
    wengert.Size([3, 2])
    """

    arg_constraints: ClassVar[Any] = {
        "loc": constraints.real_vector, "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite, "scale_tril": constraints.lower_cholesky,
    }  # fmt: skip
    support = constraints.real_vector
    has_rsample = True
    _parameters: ClassVar[Any] = {"loc": 1, "covariance_matrix": 2, "precision_matrix": 2, "scale_tril": 2}

    def __init__(
        self, loc: Any, covariance_matrix: Any = None, precision_matrix: Any = None, scale_tril: Any = None,
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        matrix, mean = self._take_matrix(covariance_matrix, precision_matrix, scale_tril, loc)
        if mean.ndim < 1 or mean.shape[-1] != matrix.shape[-1]:
            raise ValueError(
                f"MultivariateNormal: expected loc of {matrix.shape[-1]} items in its last dimension, as "
                f"{self._given} has shape {tuple(matrix.shape)}, got shape {tuple(mean.shape)}"
            )
        batch_shape = broadcast_shape("MultivariateNormal", tuple(matrix.shape[:-2]), tuple(mean.shape[:-1]))
        self.loc = mean.expand((*batch_shape, mean.shape[-1]))
        self._keep_matrix(matrix, batch_shape)
        super().__init__(batch_shape, mean.shape[-1:], validate_args=validate_args)
        self._factor()

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return (self._scale_tril**2).sum(-1).expand((*self._batch_shape, *self._event_shape))  # type: ignore[no-any-return]

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.loc + times(self._scale_tril, randn(self._extended_shape(sample_shape), dtype=self.loc.dtype))

    def log_prob(self, value: Any) -> Tensor:
        distance = mahalanobis(self._scale_tril, self._checked(value) - self.loc)
        n = self._event_shape[0]
        found: Tensor = -0.5 * (n * math.log(2 * math.pi) + distance) - half_log_det(self._scale_tril)
        return found

    def entropy(self) -> Tensor:
        n = self._event_shape[0]
        found = 0.5 * n * (1 + math.log(2 * math.pi)) + half_log_det(self._scale_tril)
        return found.expand(self._batch_shape)  # type: ignore[no-any-return]
