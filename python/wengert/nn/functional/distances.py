"""Lengths of vectors, distances and angles between them."""

from __future__ import annotations

from typing import Any

from ..._types import Tensor
from ...core.broadcast import as_floating, broadcast_shape, broadcast_to
from ...core.half import half
from ...ops.arithmetic import clip
from ...ops.distance import floating_pair
from ...ops.norms import norm
from ...ops.reduce import sum


def normalize(input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, *, axis: Any = None) -> Tensor:
    """Vectors divided by their p-norms, or by `eps` where that is larger.

    Parameters
    ----------
    input : tensor
    p : float
    dim : int or tuple of int
        The dimension along which the vectors lie. Also spelled `axis`.
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
    return _normalized(as_floating(input), p, dim if axis is None else axis, eps)


@half
def _normalized(x: Any, p: float, dim: Any, eps: float) -> Tensor:
    z: Tensor = x / clip(norm(x, p, dim, True), min=eps)
    return z


def pairwise_distance(
    x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False, *, keepdims: bool | None = None
) -> Tensor:
    """The p-norms of the differences x1 - x2 + eps of vectors.

    Parameters
    ----------
    x1, x2 : tensor
        (..., d), which broadcast together.
    p : float
    eps : float
        Keeps the derivative finite where the vectors are equal.
    keepdim : bool
        Also spelled `keepdims`.

    Returns
    -------
    Tensor
        (...), or (..., 1) with `keepdim`.

    Examples
    --------
    >>> wg.nn.functional.pairwise_distance(wg.tensor([[3., 4.]]), wg.zeros(1, 2))
    tensor([5.0000])
    """
    return _distances(*floating_pair(x1, x2), p, eps, keepdim if keepdims is None else keepdims)


@half
def _distances(x: Any, y: Any, p: float, eps: float, keepdim: bool) -> Tensor:
    return norm(x - y + eps, p, -1, keepdim)


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8, *, axis: int | None = None) -> Tensor:
    """The cosines of the angles between vectors; lengths below `eps` count as `eps`.

    Parameters
    ----------
    x1, x2 : tensor
        Which broadcast together.
    dim : int
        The dimension of the broadcast shape along which the vectors lie. Also spelled `axis`.
    eps : float

    Returns
    -------
    Tensor
        Without that dimension.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.
    IndexError
        If the broadcast shape has no such dimension.

    Examples
    --------
    >>> wg.nn.functional.cosine_similarity(wg.tensor([1., 0.]), wg.tensor([1., 1.]), dim=0)
    tensor(0.7071)
    """
    dim = dim if axis is None else axis
    x, y = floating_pair(x1, x2)
    shape = broadcast_shape("cosine_similarity", x._value.shape, y._value.shape)
    # A vector along a dimension of length 1 is as long as the other, and its norm is that of all its items.
    x, y = (v if v._value.shape == shape else broadcast_to(v, shape) for v in (x, y))
    return _cosines(x, y, dim, eps)


@half
def _cosines(x: Any, y: Any, dim: int, eps: float) -> Tensor:
    return sum(_normalized(x, 2, dim, eps) * _normalized(y, 2, dim, eps), dim)
