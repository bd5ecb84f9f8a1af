"""The law of Wishart."""

from __future__ import annotations

import math
import warnings
from typing import Any, ClassVar

from .._types import Tensor
from ..core.broadcast import broadcast_shape
from ..linalg import cholesky_solve, slogdet
from ..ops import arange, diag_embed, digamma, mvlgamma, randn, where
from ..ops.variates import log_gamma_variate
from . import constraints
from .by_covariance import ByCovariance, half_log_det
from .distribution import refused_by
from .exp_family import ExponentialFamily

__all__ = ["Wishart"]


class Wishart(ByCovariance, ExponentialFamily):
    """The law of the sum of x x' over `df` normal vectors x of n items and mean 0.

    Parameters
    ----------
    df : number or tensor
        The degrees of freedom, above n - 1.
    covariance_matrix, precision_matrix, scale_tril : tensor, optional
        (..., n, n): the covariance of x, its inverse, or its lower Cholesky factor. One is given.
    validate_args : bool, optional
        As in `Distribution`.

    Raises
    ------
    ValueError
        If a parameter does not satisfy its constraint, or the shapes do not go together.

    Notes
    -----
    Variates are by Bartlett's decomposition. Where df < n they are nearly singular, which a warning tells.

    Examples
    --------
    >>> law = wg.distributions.Wishart(3., covariance_matrix=wg.eye(2))
    >>> law.mean, law.log_prob(wg.eye(2))
    (tensor([[3., 0.],
            [0., 3.]]), tensor(-3.5310))
    """

    support = constraints.positive_definite
    has_rsample = True
    _parameters: ClassVar[Any] = {"df": 0, "covariance_matrix": 2, "precision_matrix": 2, "scale_tril": 2}
    _mean_carrier_measure = 0

    def __init__(
        self, df: Any, covariance_matrix: Any = None, precision_matrix: Any = None, scale_tril: Any = None,
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        matrix, freedom = self._take_matrix(covariance_matrix, precision_matrix, scale_tril, df)
        batch_shape = broadcast_shape("Wishart", tuple(matrix.shape[:-2]), tuple(freedom.shape))
        self.df = freedom.expand(batch_shape)
        self._keep_matrix(matrix, batch_shape)
        super().__init__(batch_shape, matrix.shape[-2:], validate_args=validate_args)
        self._factor()
        if self._validate_args and refused_by(constraints.greater_than_eq(matrix.shape[-1]), self.df) is not None:
            warnings.warn(
                f"Wishart: with degrees of freedom below {matrix.shape[-1]}, the size of its matrices, variates are "
                "nearly singular",
                stacklevel=2,
            )

    @property
    def arg_constraints(self) -> Any:
        return {
            "covariance_matrix": constraints.positive_definite, "precision_matrix": constraints.positive_definite,
            "scale_tril": constraints.lower_cholesky, "df": constraints.greater_than(self.event_shape[-1] - 1),
        }  # fmt: skip

    @property
    def mean(self) -> Tensor:
        return self._df * self.covariance_matrix

    @property
    def mode(self) -> Tensor:
        factor = self._df - self._event_shape[-1] - 1
        return where(factor > 0, factor, math.nan) * self.covariance_matrix

    @property
    def variance(self) -> Tensor:
        v = self.covariance_matrix
        diagonal = v.diagonal(0, -2, -1)
        return self._df * (v**2 + diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2))

    @property
    def _df(self) -> Tensor:
        return self.df.unsqueeze(-1).unsqueeze(-1)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        half = 0.5 * (self.df.unsqueeze(-1) - arange(shape[-1], dtype=self.df.dtype))
        roots = (0.5 * (log_gamma_variate(half, shape[:-1]) + math.log(2))).exp()
        factor = self._scale_tril @ (randn(shape, dtype=self.df.dtype).tril(-1) + diag_embed(roots))
        return factor @ factor.mT  # type: ignore[no-any-return]

    def log_prob(self, value: Any) -> Tensor:
        x = self._checked(value)
        n = self._event_shape[-1]
        trace = cholesky_solve(x, self._scale_tril).diagonal(0, -2, -1).sum(-1)
        norm = self.df * (0.5 * n * math.log(2) + half_log_det(self._scale_tril)) + mvlgamma(0.5 * self.df, n)
        return 0.5 * (self.df - n - 1) * slogdet(x)[1] - 0.5 * trace - norm  # type: ignore[no-any-return]

    def entropy(self) -> Tensor:
        n = self._event_shape[-1]
        digammas = digamma(0.5 * (self.df.unsqueeze(-1) - arange(n, dtype=self.df.dtype))).sum(-1)
        found = (n + 1) * (0.5 * n * math.log(2) + half_log_det(self._scale_tril)) + mvlgamma(0.5 * self.df, n)
        return found - 0.5 * (self.df - n - 1) * digammas + 0.5 * n * self.df  # type: ignore[no-any-return]

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return -0.5 * self.precision_matrix, 0.5 * (self.df - self._event_shape[-1] - 1)

    def _log_normalizer(self, x: Any, y: Any) -> Tensor:
        n = self._event_shape[-1]
        half = y + 0.5 * (n + 1)
        return half * (n * math.log(2) - slogdet(-2 * x)[1]) + mvlgamma(half, n)  # type: ignore[no-any-return]
