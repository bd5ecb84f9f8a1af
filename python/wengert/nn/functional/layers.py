"""What layers compute: linear maps, normalisation, lookup."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

from ..._types import Tensor
from ...core.broadcast import as_floating
from ...core.doors import enter
from ...ops import arithmetic, compare, normalization, row_norms
from ...ops import channels as by_channels
from ...ops.activations import relu
from ...ops.index import as_places, lookup, pick
from ...ops.products import linear
from ...ops.shape import reshape, unsqueeze

__all__ = ["batch_norm", "embedding", "layer_norm", "linear"]


# ---------------------------------------------------------------- normalisation


def normalized(
    name: str, input: Any, normalized_shape: Sequence[int], weight: Any, bias: Any = None
) -> tuple[Any, tuple[int, ...], Any, Any]:
    """The input, the last dimensions that are normalized, and weight and bias, which must have their shape."""
    x, last = as_floating(input), tuple(normalized_shape)
    shape = x._value.shape
    if not last or shape[-len(last) :] != last:
        raise ValueError(f"{name}: expected input of shape (..., {', '.join(map(str, last))}), got {shape}")
    weight, bias = weight if weight is None else enter(weight), bias if bias is None else enter(bias)
    for what, v in (("weight", weight), ("bias", bias)):
        if v is not None and v._value.shape != last:
            raise ValueError(f"{name}: expected a {what} of shape {last}, got {v._value.shape}")
    return x, last, weight, bias


def layer_norm(
    input: Any, normalized_shape: Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias, over the last dimensions (Ba, Kiros and Hinton 2016).

    Parameters
    ----------
    input : tensor
        (..., *normalized_shape)
    normalized_shape : tuple of int
    weight, bias : tensor or None
        Of shape `normalized_shape`.
    eps : float

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
    >>> wg.nn.functional.layer_norm(wg.tensor([[1., 3.]]), (2,))
    tensor([[-1.0000,  1.0000]])
    """
    x, last, w, b = normalized("layer_norm", input, normalized_shape, weight, bias)
    return row_norms.normed(x, w, b, tuple(range(x._value.ndim - len(last), x._value.ndim)), float(eps))


def batch_norm(
    input: Any, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None, training: bool = False,
    momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """(x - mean) / sqrt(var + eps) * weight + bias, channel by channel (Ioffe and Szegedy 2015).

    Parameters
    ----------
    input : tensor
        (n, channels, ...)
    running_mean, running_var : tensor or None
        (channels,). In training they move towards the batch's mean and unbiased variance by the fraction `momentum`;
        else they are what is subtracted and divided by.
    weight, bias : tensor or None
        (channels,)
    training : bool
        Whether to normalise by the batch's own mean and variance.
    momentum : float
    eps : float

    Returns
    -------
    Tensor
        Of input's shape.

    Raises
    ------
    ValueError
        If the shapes do not fit, if there is one value per channel in training, or no running mean and variance else.

    Examples
    --------
    >>> wg.nn.functional.batch_norm(wg.tensor([[1.], [3.]]), None, None, training=True)
    tensor([[-1.0000],
            [ 1.0000]])
    """
    return _batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def batch_norm_relu(
    input: Any, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None, training: bool = False,
    momentum: float = 0.1, eps: float = 1e-5, *, residual: Any = None,
) -> Tensor:  # fmt: skip
    """``relu(batch_norm(...) + residual)``, in training in one pass over the memory: what residual blocks end with.

    Parameters
    ----------
    input, running_mean, running_var, weight, bias, training, momentum, eps
        As in `batch_norm`.
    residual : tensor or None
        Of input's shape; what is added before relu.

    Returns
    -------
    Tensor
        Of input's shape.

    Raises
    ------
    ValueError
        As `batch_norm`, or if the residual is of another shape.

    Notes
    -----
    PyTorch has no such name.

    Examples
    --------
    >>> x = wg.tensor([[1.], [3.]])
    >>> wg.nn.functional.batch_norm_relu(x, None, None, training=True, residual=wg.tensor([[0.5], [0.5]]))
    tensor([[0.0000],
            [1.5000]])
    """
    x, r = enter(input), None if residual is None else enter(residual)
    if r is not None and r._value.shape != x._value.shape:
        raise ValueError(
            f"batch_norm_relu: expected a residual of the input's shape {x._value.shape}, got {r._value.shape}"
        )
    return _batch_norm(x, running_mean, running_var, weight, bias, training, momentum, eps, r, then_relu=True)


def _check_channels(shape: tuple[int, ...], *given: Any) -> None:
    if len(shape) < 2:
        raise ValueError(f"batch_norm: expected input of shape (n, channels, ...), got {shape}")
    for k, v in enumerate(given):
        if v is not None and enter(v)._value.shape != shape[1:2]:
            name = ("running_mean", "running_var", "weight", "bias")[k]
            raise ValueError(
                f"batch_norm: input of shape {shape} needs {name} of shape {shape[1:2]}, got {enter(v)._value.shape}"
            )


def _batch_norm(
    input: Any, running_mean: Any, running_var: Any, weight: Any, bias: Any, training: bool, momentum: float,
    eps: float, residual: Any = None, then_relu: bool = False,
) -> Tensor:  # fmt: skip
    """`batch_norm`, plus a residual, and relu of that."""
    x = as_floating(input)
    shape = x._value.shape
    _check_channels(shape, running_mean, running_var, weight, bias)
    if training:
        count = math.prod((shape[0], *shape[2:]))
        if count == 1:
            raise ValueError(
                f"batch_norm: expected more than one value per channel in training, got input of shape {shape}"
            )
        w, b = weight if weight is None else enter(weight), bias if bias is None else enter(bias)
        if by_channels.fits(x, w, b, residual):
            known = by_channels.moments(x)
            by_channels.track(known, running_mean, running_var, momentum, count)
            return by_channels.normed(x, w, b, known, float(eps), residual, then_relu)
        dims = (0, *range(2, len(shape)))
        if count:
            normalization.track(x, running_mean, running_var, dims, momentum)
        z = by_channels.composed(x, w, b, float(eps))
    else:
        z = _by_running(x, running_mean, running_var, weight, bias, eps)
    if residual is not None:
        z = z + residual
    return relu(z) if then_relu else z


def _by_running(x: Any, running_mean: Any, running_var: Any, weight: Any, bias: Any, eps: float) -> Tensor:
    if running_mean is None or running_var is None:
        raise ValueError("batch_norm: outside training, running_mean and running_var are needed")
    scale = 1.0 / arithmetic.sqrt(running_var + eps)
    if weight is not None:
        scale = scale * weight
    shift = -scale * running_mean
    if bias is not None:
        shift = shift + bias
    ndim = x._value.ndim
    z: Tensor = x * by_channels.column(enter(scale), ndim) + by_channels.column(enter(shift), ndim)
    return z


# ---------------------------------------------------------------- lookup


def embedding(
    input: Any, weight: Any, padding_idx: int | None = None, max_norm: float | None = None, norm_type: float = 2.0,
    scale_grad_by_freq: bool = False, sparse: bool = False,
) -> Tensor:  # fmt: skip
    """Rows of `weight` picked by index.

    Parameters
    ----------
    input : tensor of integers
        Of any shape.
    weight : tensor
        (rows, d)
    padding_idx : int or None
        This row gets no gradient.
    max_norm : float or None
        Rows that are picked and longer are shortened to it, in `weight` itself.
    norm_type : float
        The p of the norm that max_norm limits.
    scale_grad_by_freq : bool
        Whether a row's gradient is divided by how often it is picked.
    sparse : bool
        Of no effect: gradients are dense.

    Returns
    -------
    Tensor
        (*input.shape, d)

    Raises
    ------
    IndexError
        If an index is not a row, from 0 on.
    TypeError
        If the input is not of an integer dtype.

    Examples
    --------
    >>> table = wg.tensor([[0., 0.], [1., 2.], [3., 4.]])
    >>> wg.nn.functional.embedding(wg.tensor([2, 0]), table)
    tensor([[3., 4.],
            [0., 0.]])
    """
    ids, weight = enter(input), enter(weight)
    rows = weight._value.shape[0]
    if ids._value.dtype.kind not in "iu":
        raise TypeError(f"embedding: expected indices of an integer dtype, got {ids._value.dtype}")
    if padding_idx is not None and not -rows <= operator.index(padding_idx) < rows:
        raise IndexError(f"embedding: padding_idx {padding_idx} is not one of {rows} rows")
    if padding_idx is None and max_norm is None and not scale_grad_by_freq:
        try:
            return lookup(weight, as_places("embedding", ids))
        except IndexError as error:
            raise IndexError(f"embedding: expected indices from 0 to {rows - 1}; {error}") from None
    places = normalization.row_numbers(ids, rows=rows)
    if max_norm is not None:
        normalization.shorten_rows(weight, places, float(max_norm), norm_type)
    picked = pick(weight, (places,))
    if scale_grad_by_freq:
        picked = normalization.by_frequency(picked, places, rows)
    if padding_idx is not None:
        padding = compare.eq(places, padding_idx % rows)
        picked = compare.where(unsqueeze(padding, 1), picked.detach(), picked)
    return picked if ids._value.ndim == 1 else reshape(picked, (*ids._value.shape, *weight._value.shape[1:]))
