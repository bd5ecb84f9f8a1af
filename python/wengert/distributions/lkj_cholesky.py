"""The law of Lewandowski, Kurowicka and Joe, of correlation matrices by their Cholesky factors."""

from __future__ import annotations

import math
import operator
from typing import Any, ClassVar

from .._types import Tensor
from ..autograd import no_grad
from ..core.dtypes import finfo
from ..ops import arange, diag_embed, lgamma, mvlgamma, randn, where
from . import constraints
from .beta import Beta
from .distribution import Distribution
from .utils import broadcast_all

__all__ = ["LKJCholesky"]


class LKJCholesky(Distribution):
    """The law of Cholesky factors of correlation matrices M, with density proportional to det(M)^(concentration - 1).

    Parameters
    ----------
    dim : int
        Rows of the matrices, at least 2.
    concentration : number or tensor
        1: all correlation matrices are as likely; above, those near the identity are more so.
    validate_args : bool, optional
        As in `Distribution`.

    Raises
    ------
    ValueError
        If a parameter does not satisfy its constraint, or the shapes do not go together.

    Notes
    -----
    Lewandowski, Kurowicka and Joe 2009, Generating random correlation matrices based on vines and extended onion
    method: each row is a direction on a sphere whose radius is the root of a beta variate (section 3.2).

    Examples
    --------
    >>> law = wg.distributions.LKJCholesky(3, 0.5)
    >>> factor = law.sample()
    >>> wg.allclose((factor @ factor.mT).diagonal(), wg.ones(3))
    True
    """

    arg_constraints: ClassVar[Any] = {"concentration": constraints.positive}
    support = constraints.corr_cholesky
    _parameters: ClassVar[Any] = {"concentration": 0}

    def __init__(self, dim: int, concentration: Any = 1.0, validate_args: bool | None = None) -> None:
        self.dim = operator.index(dim)
        if self.dim < 2:
            raise ValueError(f"LKJCholesky: expected dim of at least 2, got {dim}")
        (self.concentration,) = broadcast_all(concentration)
        super().__init__(self.concentration.shape, (self.dim, self.dim), validate_args=validate_args)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            shape = self._extended_shape(sample_shape)
            dtype = self.concentration.dtype
            before = (arange(self.dim, dtype=dtype) - 1).clamp(min=0)
            rest = self.concentration.detach().unsqueeze(-1) + 0.5 * (self.dim - 2 - before)
            radii = Beta(0.5 * (before + 1), rest, validate_args=False).sample(sample_shape).sqrt()
            directions = randn(shape, dtype=dtype).tril(-1)
            lengths = (directions**2).sum(-1, True).sqrt()
            rows = radii.unsqueeze(-1) * (directions / where(lengths == 0, 1.0, lengths))  # the first row has no others
            left = (1 - (rows**2).sum(-1)).clamp(min=float(finfo(dtype).tiny)).sqrt()
            return (rows + diag_embed(left)).detach()

    def log_prob(self, value: Any) -> Tensor:
        x = self._checked(value)
        eta, n = self.concentration, self.dim
        powers = 2 * (eta - 1).unsqueeze(-1) + (n - arange(2, n + 1, dtype=eta.dtype))
        density = (powers * x.diagonal(0, -2, -1)[..., 1:].log()).sum(-1)
        half = eta + 0.5 * (n - 1)
        norm = 0.5 * (n - 1) * math.log(math.pi) + mvlgamma(half - 0.5, n - 1) - (n - 1) * lgamma(half)
        return density - norm
