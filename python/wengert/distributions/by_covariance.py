"""What laws share that have a covariance matrix: its Cholesky factor, and solutions with it."""

from __future__ import annotations

from typing import Any

from .._types import Tensor
from ..linalg import cholesky, cholesky_solve, solve_triangular
from ..ops import eye, flip
from .utils import floating, lazy_property


class ByCovariance:
    """Three matrices of which one is given, and the others are computed when they are asked for."""

    _scale_tril: Any
    _batch_shape: Any

    def _take_matrix(
        self, covariance_matrix: Any, precision_matrix: Any, scale_tril: Any, *others: Any
    ) -> list[Tensor]:
        """The matrix that is given, then the other parameters, of one dtype; its factor is kept."""
        name = type(self).__name__
        given = {
            "covariance_matrix": covariance_matrix, "precision_matrix": precision_matrix, "scale_tril": scale_tril,
        }  # fmt: skip
        given = {key: value for key, value in given.items() if value is not None}
        if len(given) != 1:
            raise ValueError(
                f"{name}: expected one of covariance_matrix, precision_matrix and scale_tril, got "
                f"{' and '.join(given) or 'none'}"
            )
        ((self._given, value),) = given.items()
        found = floating(name, value, *others)
        if found[0].ndim < 2 or found[0].shape[-1] != found[0].shape[-2]:
            raise ValueError(f"{name}: expected {self._given} to be square, got shape {tuple(found[0].shape)}")
        return found

    def _keep_matrix(self, matrix: Tensor, batch_shape: Any) -> None:
        """Keep the matrix as the parameter that it is, for each law of the batch."""
        self.__dict__[self._given] = matrix.expand((*batch_shape, *matrix.shape[-2:]))
        self._matrix = matrix

    def _factor(self) -> None:
        """Compute the factor, once the matrix has been checked; it stays of the shape in which the matrix was given."""
        if self._given == "scale_tril":
            self._scale_tril = self._matrix
        elif self._given == "covariance_matrix":
            self._scale_tril = cholesky(self._matrix)
        else:
            self._scale_tril = factor_of_inverse(self._matrix)

    def _whole(self, matrix: Tensor) -> Tensor:
        return matrix.expand((*self._batch_shape, *matrix.shape[-2:]))

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The Cholesky factor of the covariance."""
        return self._whole(self._scale_tril)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """The covariance."""
        return self._whole(self._scale_tril @ self._scale_tril.mT)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance."""
        identity = eye(self._scale_tril.shape[-1], dtype=self._scale_tril.dtype)
        return self._whole(cholesky_solve(identity, self._scale_tril))


def factor_of_inverse(precision: Tensor) -> Tensor:
    """The lower Cholesky factor of a matrix's inverse, by that of the matrix with both orders reversed."""
    reverse = flip(cholesky(flip(precision, (-2, -1))), (-2, -1)).mT
    return solve_triangular(reverse, eye(precision.shape[-1], dtype=precision.dtype), upper=False)


def times(matrix: Tensor, vectors: Tensor) -> Tensor:
    """Matrices times vectors; of a single matrix in one product."""
    if matrix.ndim == 2:
        return vectors @ matrix.mT
    return (matrix @ vectors.unsqueeze(-1)).squeeze(-1)


def mahalanobis(factor: Tensor, vectors: Tensor) -> Tensor:
    """The squared length of each x in L z = x; of a single factor in one solution."""
    if factor.ndim == 2:
        rows = vectors.reshape((-1, vectors.shape[-1]))
        z = solve_triangular(factor, rows.mT, upper=False)
        return (z * z).sum(0).reshape(vectors.shape[:-1])
    z = solve_triangular(factor, vectors.unsqueeze(-1), upper=False)
    return (z * z).sum((-2, -1))


def half_log_det(factor: Tensor) -> Tensor:
    """Half of the logarithm of the determinant of L L'."""
    return factor.diagonal(0, -2, -1).log().sum(-1)
