"""Normalization of groups, of instances, by the root of the mean square, and by neighbouring channels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..._types import Tensor
from ...core.arguments import whole
from ...core.broadcast import as_floating
from ...core.doors import enter
from ...core.dtypes import finfo
from ...core.half import half
from ...ops import functions, normalization, pooling
from ...ops.pooling import Window
from ...ops.reduce import mean
from ...ops.shape import between_zeros, reshape
from .layers import batch_norm, normalized

# ---------------------------------------------------------------- groups and instances


def _column(name: str, what: str, v: Any, shape: tuple[int, ...]) -> Any:
    """One number per channel, as it broadcasts with (n, channels, ...)."""
    v = enter(v)
    if v._value.shape != (shape[1],):
        raise ValueError(f"{name}: input of shape {shape} needs {what} of shape {(shape[1],)}, got {v._value.shape}")
    return reshape(v, (shape[1],) + (1,) * (len(shape) - 2))


@half
def _normalized(x: Any, groups: int, weight: Any, bias: Any, eps: float) -> Tensor:
    """Each group of channels of each example, and then scaled by channels."""
    shape = x._value.shape
    z = normalization.grouped(x, (shape[0], groups, shape[1] // groups * math.prod(shape[2:])), eps)
    if weight is not None:
        z = z * weight
    return z if bias is None else z + bias


def group_norm(input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias, over groups of channels of each example (Wu and He 2018).

    Parameters
    ----------
    input : tensor
        (n, channels, ...)
    num_groups : int
        Of as many channels each.
    weight, bias : tensor or None
        (channels,)
    eps : float

    Returns
    -------
    Tensor
        Of input's shape.

    Raises
    ------
    ValueError
        If the shapes do not fit, or there is one item in a group.

    Examples
    --------
    >>> wg.nn.functional.group_norm(wg.tensor([[1., 3., 5., 9.]]), 2)
    tensor([[-1.0000,  1.0000, -1.0000,  1.0000]])
    """
    x, groups = as_floating(input), whole("group_norm", "num_groups", num_groups)
    shape = x._value.shape
    if len(shape) < 2 or groups < 1 or shape[1] % groups:
        raise ValueError(f"group_norm: expected input (n, channels, ...), channels making {groups} groups, got {shape}")
    if x._value.size and shape[0] * shape[1] // groups * math.prod(shape[2:]) == 1:
        raise ValueError(f"group_norm: expected more than one value per channel, got input of shape {shape}")
    scale = None if weight is None else _column("group_norm", "weight", weight, shape)
    shift = None if bias is None else _column("group_norm", "bias", bias, shape)
    return _normalized(x, groups, scale, shift, float(eps))


def instance_norm(
    input: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None, bias: Any = None,
    use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """(x - mean) / sqrt(var + eps) * weight + bias, over each channel of each example (Ulyanov et al. 2016).

    Parameters
    ----------
    input : tensor
        (n, channels, length, ...)
    running_mean, running_var : tensor or None
        (channels,). With `use_input_stats` they move towards the mean of the examples' means and unbiased variances by
        the fraction `momentum`; else they are what is subtracted and divided by.
    weight, bias : tensor or None
        (channels,)
    use_input_stats : bool
        Whether to normalise by the examples' own mean and variance.
    momentum : float
    eps : float

    Returns
    -------
    Tensor
        Of input's shape.

    Raises
    ------
    ValueError
        If the shapes do not fit, or there is one item per channel.

    Examples
    --------
    >>> wg.nn.functional.instance_norm(wg.tensor([[[1., 3.], [5., 9.]]]))
    tensor([[[-1.0000,  1.0000],
             [-1.0000,  1.0000]]])
    """
    x = as_floating(input)
    shape = x._value.shape
    if len(shape) < 3:
        raise ValueError(f"instance_norm: expected input of shape (n, channels, length, ...), got {shape}")
    if not use_input_stats:
        return batch_norm(x, running_mean, running_var, weight, bias, False, momentum, eps)
    inner = math.prod(shape[2:])
    if inner == 1:
        raise ValueError(f"instance_norm: expected more than one value per channel, got input of shape {shape}")
    for what, v in (("running_mean", running_mean), ("running_var", running_var)):
        if v is not None:
            _column("instance_norm", what, v, shape)
    if x._value.size:
        normalization.track_instances(x, running_mean, running_var, momentum)
    scale = None if weight is None else _column("instance_norm", "weight", weight, shape)
    shift = None if bias is None else _column("instance_norm", "bias", bias, shape)
    return _normalized(x, shape[1], scale, shift, float(eps))


# ---------------------------------------------------------------- without a mean


def rms_norm(input: Any, normalized_shape: Sequence[int], weight: Any = None, eps: float | None = None) -> Tensor:
    """x / sqrt(mean(x^2) + eps) * weight, over the last dimensions (Zhang and Sennrich 2019).

    Parameters
    ----------
    input : tensor
        (..., *normalized_shape)
    normalized_shape : sequence of int
    weight : tensor or None
        Of shape `normalized_shape`.
    eps : float or None
        None: the distance from 1 to the next number of input's dtype.

    Returns
    -------
    Tensor
        Of input's shape.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> wg.nn.functional.rms_norm(wg.tensor([[3., 3.]]), (2,))
    tensor([[1., 1.]])
    """
    x, last, w, _ = normalized("rms_norm", input, normalized_shape, weight)
    small = finfo(x._value.dtype).eps if eps is None else eps
    return _by_root(x, w, tuple(range(-len(last), 0)), float(small))


@half
def _by_root(x: Any, weight: Any, dims: tuple[int, ...], eps: float) -> Tensor:
    z: Tensor = x * functions.rsqrt(mean(x * x, dims, True) + eps)
    return z if weight is None else z * weight


def local_response_norm(
    input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:  # fmt: skip
    """x / (k + alpha * the mean of the squares of `size` neighbouring channels)^beta (Krizhevsky et al. 2012).

    Parameters
    ----------
    input : tensor
        (n, channels, ...)
    size : int
        How many channels; those that are not there count as zeros.
    alpha, beta, k : float

    Returns
    -------
    Tensor
        Of input's shape.

    Raises
    ------
    ValueError
        If the input has no dimension behind the channels, or size is less than 1.

    Examples
    --------
    >>> wg.nn.functional.local_response_norm(wg.ones(1, 2, 1), 2, alpha=2., beta=1.)
    tensor([[[0.5000],
             [0.3333]]])
    """
    x, count = as_floating(input), whole("local_response_norm", "size", size)
    shape = x._value.shape
    if len(shape) < 3 or count < 1:
        raise ValueError(
            f"local_response_norm: expected input (n, channels, length, ...) and a size of at least 1, got {shape} "
            f"and {size}"
        )
    if not x._value.size:
        return x
    return _by_neighbours(x, count, float(alpha), float(beta), float(k))


@half
def _by_neighbours(x: Any, size: int, alpha: float, beta: float, k: float) -> Tensor:
    shape = x._value.shape
    before, channels, inner = size // 2, shape[1], math.prod(shape[2:])
    squares = reshape(x * x, (shape[0], channels, inner))
    room = (slice(None), slice(before, before + channels), slice(None))
    padded = between_zeros(squares, room, (shape[0], channels + size - 1, inner))
    window = Window((size, 1), (1, 1), (0, 0), (1, 1), (channels, inner))
    means = reshape(pooling.mean_pool(padded, window, True, size), shape)
    z: Tensor = x / functions.cheapest_power(means * alpha + k, beta)
    return z
