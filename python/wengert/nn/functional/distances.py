"""Lengths of vectors, distances and angles between them."""

from __future__ import annotations

from typing import Any

from ..._types import Tensor
from ...core.broadcast import as_floating
from ...ops.arithmetic import clip
from ...ops.norms import norm
from ...ops.reduce import sum


def normalize(input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Tensor:
    """Vectors divided by their p-norms, or by `eps` where that is larger.

    Parameters
    ----------
    input : tensor
    p : float
    dim : int or tuple of int
        The dimension along which the vectors lie.
    eps : float

    Returns
    -------
    Tensor
        Of the same shape.

    Examples
    --------
    >>> wg.nn.functional.normalize(wg.tensor([3., 4.]), dim=0)
    tensor([0.6000, 0.8000])
    """
    x = as_floating(input)
    return x / clip(norm(x, p, dim, True), min=eps)


def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The p-norms of the differences x1 - x2 + eps of vectors.

    Parameters
    ----------
    x1, x2 : tensor
        (..., d), which broadcast together.
    p : float
    eps : float
        Keeps the derivative finite where the vectors are equal.
    keepdim : bool

    Returns
    -------
    Tensor
        (...), or (..., 1) with `keepdim`.

    Examples
    --------
    >>> wg.nn.functional.pairwise_distance(wg.tensor([[3., 4.]]), wg.zeros(1, 2))
    tensor([5.0000])
    """
    return norm(as_floating(x1) - x2 + eps, p, -1, keepdim)


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosines of the angles between vectors; lengths below `eps` count as `eps`.

    Parameters
    ----------
    x1, x2 : tensor
        Which broadcast together.
    dim : int
        The dimension along which the vectors lie.
    eps : float

    Returns
    -------
    Tensor
        Without that dimension.

    Examples
    --------
    >>> wg.nn.functional.cosine_similarity(wg.tensor([1., 0.]), wg.tensor([1., 1.]), dim=0)
    tensor(0.7071)
    """
    x = as_floating(x1)
    y = as_floating(x2)
    ndim = max(x._value.ndim, y._value.ndim)
    # A dimension counted from the first means the same one in both only if they have as many.
    d = dim if dim < 0 else dim - ndim
    return sum(x * y, d) / (clip(norm(x, 2, d), min=eps) * clip(norm(y, 2, d), min=eps))
