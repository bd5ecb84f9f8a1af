"""Lookup of many rows at once: the sum, mean or maximum of those that a bag names."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ..._types import Tensor
from ...core.broadcast import cast
from ...core.doors import constant, enter, leave
from ...ops import compare, normalization
from ...ops.grouping import scatter_reduce
from ...ops.index import pick
from ...ops.scattering import index_add
from ...ops.shape import narrow_view, reshape, unsqueeze

__all__ = ["embedding_bag"]


def embedding_bag(
    input: Any, weight: Any, offsets: Any = None, max_norm: float | None = None, norm_type: float = 2.0,
    scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False, per_sample_weights: Any = None,
    include_last_offset: bool = False, padding_idx: int | None = None,
) -> Tensor:  # fmt: skip
    """The sum, mean or maximum of rows of `weight`, for each of several bags of indices.

    Parameters
    ----------
    input : tensor of integers
        (bags, n), or (n,) with `offsets`.
    weight : tensor
        (rows, d)
    offsets : tensor of integers or None
        (bags,): where in the input each bag begins, the first at 0; a bag may be empty, and gives zeros.
    max_norm : float or None
        Rows that are picked and longer are shortened to it, in `weight` itself.
    norm_type : float
        The p of the norm that max_norm limits.
    scale_grad_by_freq : bool
        Divide a row's gradient by how often the input has it.
    mode : {"mean", "sum", "max"}
    sparse : bool
        Taken as PyTorch's argument, without effect: gradients are dense.
    per_sample_weights : tensor or None
        Of input's shape, with mode "sum": each row is multiplied by its weight.
    include_last_offset : bool
        Whether `offsets` has one more, where the last bag ends.
    padding_idx : int or None
        Indices that are this row are left out, and it gets no gradient.

    Returns
    -------
    Tensor
        (bags, d)

    Raises
    ------
    IndexError
        If an index is not a row, from 0 on.
    ValueError
        If shapes, offsets or options do not fit.
    TypeError
        If indices are not of an integer dtype.

    Examples
    --------
    >>> table = wg.tensor([[0., 0.], [1., 2.], [3., 4.]])
    >>> wg.nn.functional.embedding_bag(wg.tensor([2, 1, 1]), table, wg.tensor([0, 2]))
    tensor([[2., 3.],
            [1., 2.]])
    """
    ids, weight = enter(input), enter(weight)
    shape, rows = ids._value.shape, weight._value.shape[0]
    _check(ids, mode, scale_grad_by_freq, per_sample_weights)
    if padding_idx is not None and not -rows <= operator.index(padding_idx) < rows:
        raise ValueError(f"embedding_bag: padding_idx {padding_idx} is not one of {rows} rows")
    bags, count = _bags(shape, offsets, include_last_offset)
    flat = ids if len(shape) == 1 else reshape(ids, (math.prod(shape),))
    if len(bags) < flat._value.shape[0]:  # what lies behind the last bag
        flat = narrow_view(flat, 0, 0, len(bags))
    places = normalization.row_numbers(flat, rows=rows)
    if max_norm is not None:
        normalization.shorten_rows(weight, places, float(max_norm), norm_type)
    picked = pick(weight, (places,))
    if scale_grad_by_freq:
        picked = normalization.by_frequency(picked, places, rows)
    there = None if padding_idx is None else unsqueeze(compare.not_equal(places, padding_idx % rows), 1)
    if per_sample_weights is not None:
        factors = reshape(enter(per_sample_weights), (-1, 1)) if len(shape) == 2 else unsqueeze(per_sample_weights, 1)
        picked = picked * narrow_view(factors, 0, 0, len(bags))
    return _reduced(picked, there, bags, count, mode)


def _check(ids: Any, mode: str, scale_grad_by_freq: bool, weights: Any) -> None:
    shape = ids._value.shape
    if ids._value.dtype.kind not in "iu":
        raise TypeError(f"embedding_bag: expected indices of an integer dtype, got {ids._value.dtype}")
    if len(shape) not in (1, 2):
        raise ValueError(f"embedding_bag: expected input of shape (bags, n), or (n,) with offsets, got {shape}")
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f'embedding_bag: expected mode "sum", "mean" or "max", got {mode!r}')
    if scale_grad_by_freq and mode == "max":
        raise ValueError('embedding_bag: expected mode "sum" or "mean" with scale_grad_by_freq, got "max"')
    if weights is not None and mode != "sum":
        raise ValueError(f'embedding_bag: expected mode "sum" with per_sample_weights, got {mode!r}')
    if weights is not None and enter(weights)._value.shape != shape:
        raise ValueError(
            f"embedding_bag: input of shape {shape} needs per_sample_weights of that shape, got "
            f"{enter(weights)._value.shape}"
        )


def _bags(shape: tuple[int, ...], offsets: Any, include_last: bool) -> tuple[np.ndarray, int]:
    """The bag of each index, and how many bags there are."""
    if len(shape) == 2:
        if offsets is not None:
            raise ValueError(f"embedding_bag: input of shape {shape} has a bag in each row; expected no offsets")
        return np.repeat(np.arange(shape[0]), shape[1]), shape[0]
    if offsets is None:
        raise ValueError(f"embedding_bag: input of shape {shape} needs offsets, where each bag begins")
    starts = leave(enter(offsets), "int")
    n = shape[0]
    if starts.ndim != 1 or starts.dtype.kind not in "iu" or (include_last and not starts.size):
        raise ValueError(
            f"embedding_bag: expected offsets that are integers in one dimension, got shape {starts.shape} of "
            f"{starts.dtype}"
        )
    if starts.size and (starts[0] != 0 or (starts[1:] < starts[:-1]).any() or starts[-1] > n):
        raise ValueError(
            f"embedding_bag: expected offsets from 0 to at most {n}, the length of the input, that do not fall; got "
            f"{starts.tolist()}"
        )
    ends = starts[1:] if include_last else np.append(starts[1:], n)[: starts.size]
    lengths = ends - starts[: ends.size]
    return np.repeat(np.arange(ends.size), lengths), ends.size


def _reduced(picked: Any, there: Any, bags: np.ndarray, count: int, mode: str) -> Tensor:
    """The rows of each bag as one; of those that are not there, `there` is false."""
    dtype = picked._value.dtype
    nothing = constant(np.zeros, (count, picked._value.shape[1]), dtype)
    if mode == "max":
        if there is not None:
            picked = compare.where(there, picked, -math.inf)
        index = constant(np.broadcast_to, bags[:, None], picked._value.shape)
        most = scatter_reduce(nothing, 0, index, picked, "amax", include_self=False)
        return most if there is None else compare.where(compare.eq(most.detach(), -math.inf), 0.0, most)
    if there is not None:
        picked = compare.where(there, picked, 0.0)
    total = index_add(nothing, 0, bags, picked)
    if mode == "sum":
        return total
    ones = constant(np.ones, (len(bags), 1), dtype) if there is None else cast(there, dtype)
    items = index_add(constant(np.zeros, (count, 1), dtype), 0, bags, ones)
    return total / compare.where(compare.eq(items, 0), 1.0, items)
