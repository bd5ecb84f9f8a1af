"""The normal law of vectors with a covariance of a diagonal and a few columns."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .._types import Tensor
from ..core.broadcast import broadcast_shape
from ..linalg import cholesky, solve_triangular
from ..ops import diag_embed, eye, randn
from . import constraints
from .by_covariance import half_log_det, mahalanobis, times
from .distribution import Distribution
from .utils import floating, lazy_property

__all__ = ["LowRankMultivariateNormal"]


class LowRankMultivariateNormal(Distribution):
    """The normal law with covariance W W' + D, whose cost grows with n times the square of the number of columns of W.

    Parameters
    ----------
    loc : tensor
        The mean, (..., n).
    cov_factor : tensor
        W, (..., n, columns).
    cov_diag : tensor
        The diagonal of D, (..., n), positive.
    validate_args : bool, optional
        As in `Distribution`.

    Raises
    ------
    ValueError
        If a parameter does not satisfy its constraint, or the shapes do not go together.

    Notes
    -----
    Solutions and determinants are those of the small matrix C = I + W' D^-1 W, by Woodbury's identity and the matrix
    determinant lemma.

    Examples
    --------
    >>> law = wg.distributions.LowRankMultivariateNormal(wg.zeros(2), wg.tensor([[1.], [2.]]), wg.ones(2))
    >>> law.variance, law.log_prob(wg.zeros(2))
    (tensor([2., 5.]), tensor(-2.7338))
    """

    arg_constraints: ClassVar[Any] = {
        "loc": constraints.real_vector, "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }  # fmt: skip
    support = constraints.real_vector
    has_rsample = True
    _parameters: ClassVar[Any] = {
        "loc": 1, "cov_factor": 2, "cov_diag": 1, "scale_tril": 2, "covariance_matrix": 2, "precision_matrix": 2,
    }  # fmt: skip

    def __init__(self, loc: Any, cov_factor: Any, cov_diag: Any, validate_args: bool | None = None) -> None:
        name = "LowRankMultivariateNormal"
        mean, columns, diagonal = floating(name, loc, cov_factor, cov_diag)
        n = mean.shape[-1:]
        if mean.ndim < 1 or columns.ndim < 2 or columns.shape[-2:-1] != n or diagonal.shape[-1:] != n:
            raise ValueError(
                f"{name}: expected loc (..., n), cov_factor (..., n, columns) and cov_diag (..., n), got shapes "
                f"{tuple(mean.shape)}, {tuple(columns.shape)} and {tuple(diagonal.shape)}"
            )
        batch_shape = broadcast_shape(
            name, tuple(mean.shape[:-1]), tuple(columns.shape[:-2]), tuple(diagonal.shape[:-1])
        )
        self.loc, self.cov_diag = mean.expand((*batch_shape, *n)), diagonal.expand((*batch_shape, *n))
        self.cov_factor = columns.expand((*batch_shape, *columns.shape[-2:]))
        self._columns, self._diagonal = columns, diagonal
        super().__init__(batch_shape, n, validate_args=validate_args)
        self._scaled = columns.mT / diagonal.unsqueeze(-2)  # W' D^-1
        self._small = cholesky(self._scaled @ columns + eye(columns.shape[-1], dtype=columns.dtype))

    def _whole(self, x: Tensor, dims: int) -> Tensor:
        return x.expand((*self._batch_shape, *x.shape[x.ndim - dims :]))

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return self._whole((self._columns**2).sum(-1) + self._diagonal, 1)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """The covariance."""
        return self._whole(self._columns @ self._columns.mT + diag_embed(self._diagonal), 2)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance."""
        part = solve_triangular(self._small, self._scaled, upper=False)
        return self._whole(diag_embed(1 / self._diagonal) - part.mT @ part, 2)

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The Cholesky factor of the covariance, by that of a matrix whose eigenvalues are 1 or more."""
        root = self._diagonal.sqrt().unsqueeze(-1)
        scaled = self._columns / root
        identity = eye(self._event_shape[0], dtype=scaled.dtype)
        return self._whole(root * cholesky(scaled @ scaled.mT + identity), 2)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        few = randn((*shape[:-1], self._columns.shape[-1]), dtype=self.loc.dtype)
        return self.loc + times(self._columns, few) + self._diagonal.sqrt() * randn(shape, dtype=self.loc.dtype)

    def mahalanobis(self, x: Any) -> Tensor:
        """The squared length of vectors in units of the covariance.

        Parameters
        ----------
        x : tensor
            (..., n), differences from the mean.

        Returns
        -------
        Tensor
        """
        found: Tensor = (x * x / self._diagonal).sum(-1) - mahalanobis(self._small, times(self._scaled, x))
        return found

    def log_det(self) -> Tensor:
        """The logarithm of the determinant of the covariance.

        Returns
        -------
        Tensor
        """
        return 2 * half_log_det(self._small) + self._diagonal.log().sum(-1)

    def log_prob(self, value: Any) -> Tensor:
        distance = self.mahalanobis(self._checked(value) - self.loc)
        found: Tensor = -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + self.log_det() + distance)
        return found

    def entropy(self) -> Tensor:
        found = 0.5 * (self._event_shape[0] * (1 + math.log(2 * math.pi)) + self.log_det())
        return found.expand(self._batch_shape)  # type: ignore[no-any-return]
