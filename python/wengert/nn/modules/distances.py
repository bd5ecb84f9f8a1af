"""Distances and angles between vectors, as modules."""

from __future__ import annotations

from typing import Any

from ...tensors.tensor import Tensor
from .. import functional as F
from .module import Module


class CosineSimilarity(Module):
    """The cosines of the angles between vectors; lengths below `eps` count as `eps`.

    Parameters
    ----------
    dim : int
        The dimension along which the vectors lie.
    eps : float

    Examples
    --------
    >>> wg.nn.CosineSimilarity(dim=0)(wg.tensor([1., 0.]), wg.tensor([1., 1.]))
    tensor(0.7071)
    """

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim, self.eps = dim, eps

    def forward(self, x1: Any, x2: Any) -> Tensor:
        """The cosines, without that dimension."""
        return F.cosine_similarity(x1, x2, self.dim, self.eps)


class PairwiseDistance(Module):
    """The p-norms of the differences x1 - x2 + eps of vectors.

    Parameters
    ----------
    p, eps : float
    keepdim : bool
        Whether the last dimension stays, of length 1.

    Examples
    --------
    >>> wg.nn.PairwiseDistance()(wg.tensor([[3., 4.]]), wg.zeros(1, 2))
    tensor([5.0000])
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1: Any, x2: Any) -> Tensor:
        """The distances of vectors along the last dimension."""
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)
