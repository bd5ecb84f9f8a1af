"""Maps of two inputs, distances within one, and what is composed of layers that are here."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._types import Tensor
from ...core.doors import constant, enter
from ...ops.contractions import einsum
from ...ops.convolution import conv1d
from ...ops.index import pick
from ...ops.losses import cross_entropy
from ...ops.norms import vector_norm
from ...ops.products import linear
from ...ops.shape import permute


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Tensor:
    """input1 @ weight[k] @ input2 + bias[k] for each output k.

    Parameters
    ----------
    input1, input2 : tensor
        (..., a) and (..., b), of the same leading dimensions.
    weight : tensor
        (outputs, a, b)
    bias : tensor or None
        (outputs,)

    Returns
    -------
    Tensor
        (..., outputs)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> wg.nn.functional.bilinear(wg.tensor([1., 2.]), wg.tensor([3., 4.]), wg.ones(1, 2, 2))
    tensor([21.])
    """
    x, y, w = enter(input1), enter(input2), enter(weight)
    a, b, c = x._value.shape, y._value.shape, w._value.shape
    if len(c) != 3 or not a or not b or a[:-1] != b[:-1] or (a[-1], b[-1]) != c[1:]:
        raise ValueError(
            f"bilinear: expected inputs (..., a) and (..., b) and a weight (outputs, a, b), got shapes {a}, {b} and {c}"
        )
    z = einsum("...i,oij,...j->...o", x, w, y)
    return z if bias is None else z + bias


def pdist(input: Any, p: float = 2.0) -> Tensor:
    """The p-norm distances of all pairs of rows, in the order (0, 1), (0, 2), ..., (1, 2), ...

    Parameters
    ----------
    input : tensor
        (n, m)
    p : float
        At least 0.

    Returns
    -------
    Tensor
        (n (n - 1) / 2,)

    Raises
    ------
    ValueError
        If the input is no matrix, or p is negative.

    Examples
    --------
    >>> wg.nn.functional.pdist(wg.tensor([[0., 0.], [3., 4.], [0., 1.]]))
    tensor([5.0000, 1.0000, 4.2426])
    """
    x = enter(input)
    if x._value.ndim != 2 or not p >= 0:
        raise ValueError(f"pdist: expected a matrix and p >= 0, got shape {x._value.shape} and p = {p}")
    first, second = (constant(_rows, x._value.shape[0], k) for k in (0, 1))
    return vector_norm(pick(x, first) - pick(x, second), p, -1)


def _rows(n: int, which: int) -> np.ndarray:
    return np.triu_indices(n, 1)[which]


def conv_tbc(input: Any, weight: Any, bias: Any, pad: int = 0) -> Tensor:
    """A convolution of sequences whose dimensions are time, batch and channels.

    Parameters
    ----------
    input : tensor
        (time, batch, channels)
    weight : tensor
        (width, channels, outputs)
    bias : tensor
        (outputs,)
    pad : int
        Zeros before and after.

    Returns
    -------
    Tensor
        (time + 2 pad - width + 1, batch, outputs)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> wg.nn.functional.conv_tbc(wg.ones(4, 1, 2), wg.ones(3, 2, 1), wg.zeros(1)).flatten()
    tensor([6., 6.])
    """
    x, w = enter(input), enter(weight)
    if x._value.ndim != 3 or w._value.ndim != 3:
        raise ValueError(
            f"conv_tbc: expected input (time, batch, channels) and weight (width, channels, outputs), got shapes "
            f"{x._value.shape} and {w._value.shape}"
        )
    return permute(conv1d(permute(x, 1, 2, 0), permute(w, 2, 1, 0), bias, padding=pad), 2, 0, 1)


def linear_cross_entropy(
    input: Any, linear_weight: Any, target: Any, *, linear_bias: Any = None, weight: Any = None,
    reduction: str = "mean", ignore_index: int | None = None, label_smoothing: float = 0.0,
) -> Tensor:  # fmt: skip
    """`cross_entropy` of `linear(input, linear_weight, linear_bias)`.

    Parameters
    ----------
    input : tensor
        (n, features) or (features,)
    linear_weight : tensor
        (classes, features)
    target : tensor
        As of `cross_entropy`.
    linear_bias : tensor or None
        (classes,)
    weight, reduction, label_smoothing
        As of `cross_entropy`.
    ignore_index : int or None
        As of `cross_entropy`; None: -100.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> wg.nn.functional.linear_cross_entropy(wg.ones(1, 2), wg.zeros(4, 2), wg.tensor([3]))
    tensor(1.3863)
    """
    logits = linear(input, linear_weight, linear_bias)
    ignored = -100 if ignore_index is None else ignore_index
    return cross_entropy(
        logits, target, weight, ignore_index=ignored, reduction=reduction, label_smoothing=label_smoothing
    )
