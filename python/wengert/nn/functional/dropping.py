"""Dropout: of items, of whole channels, and such that mean and variance stay."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable
from typing import Any

from ..._types import Tensor
from ...core.change import rewrite
from ...core.doors import enter
from ...core.half import half
from ...ops.random import dropout as _dropout
from ...ops.random import survivors


def dropout(
    input: Any, p: float = 0.5, training: bool = True, inplace: bool = False, *, generator: Any = None
) -> Tensor:
    """Each item zeroed with probability p, the others scaled by 1 / (1 - p), while training; else the input itself.

    Parameters
    ----------
    input : tensor
    p : float
        In [0, 1].
    training : bool
    inplace : bool
        Replace the items of `input`.
    generator : wengert.Generator or None
        None: the library's own.

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    ValueError
        If p is not in [0, 1].

    Examples
    --------
    >>> wg.nn.functional.dropout(wg.ones(3), 0.5, training=False)
    tensor([1., 1., 1.])
    """
    if inplace and training:
        return rewrite(input, "dropout_", lambda x: _dropout(x, p, generator=generator))
    return _dropout(input, p, training, generator=generator)


# ---------------------------------------------------------------- whole channels


def _check(name: str, p: float) -> None:
    if not 0 <= p <= 1:
        raise ValueError(f"{name}: expected a probability p in [0, 1], got {p}")


def _dropped(
    name: str, x: Any, p: float, training: bool, inplace: bool, generator: Any, outer: int, kept: Callable[..., Any]
) -> Tensor:
    """x as it is kept by a mask of survivors, one for all that lies behind the first `outer` dimensions."""
    if not training or p == 0:
        return x  # type: ignore[no-any-return]
    shape = x._value.shape
    mask = (*shape[:outer], *(1,) * (len(shape) - outer))

    def dropped(x: Any) -> Any:
        return x * 0.0 if p == 1 else kept(x, survivors(mask, x._value.dtype, p, generator))

    return rewrite(x, f"{name}_", dropped) if inplace else dropped(x)


def _channelwise(name: str, input: Any, p: float, training: bool, inplace: bool, generator: Any, whole: int) -> Tensor:
    """Whole channels dropped; with examples in front, the input has `whole` dimensions."""
    _check(name, p)
    x = enter(input)
    shape = x._value.shape
    if len(shape) not in (whole - 1, whole):
        lengths = (", length", ", height, width", ", depth, height, width")[whole - 3]
        raise ValueError(f"{name}: expected input (n, channels{lengths}) or (channels{lengths}), got {shape}")
    return _dropped(name, x, p, training, inplace, generator, len(shape) - whole + 2, operator.mul)


def dropout1d(
    input: Any, p: float = 0.5, training: bool = True, inplace: bool = False, *, generator: Any = None
) -> Tensor:
    """Each channel of sequences zeroed with probability p, the others scaled by 1 / (1 - p), while training.

    Parameters
    ----------
    input : tensor
        (n, channels, length) or (channels, length)
    p : float
        In [0, 1].
    training : bool
    inplace : bool
        Replace the items of `input`.
    generator : wengert.Generator or None
        None: the library's own.

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    ValueError
        If p is not in [0, 1], or the shape does not fit.

    Examples
    --------
    >>> wg.nn.functional.dropout1d(wg.ones(2, 3), training=False)
    tensor([[1., 1., 1.],
            [1., 1., 1.]])
    """
    return _channelwise("dropout1d", input, p, training, inplace, generator, 3)


def dropout2d(
    input: Any, p: float = 0.5, training: bool = True, inplace: bool = False, *, generator: Any = None
) -> Tensor:
    """Each channel of images zeroed with probability p, the others scaled by 1 / (1 - p), while training.

    Parameters
    ----------
    input : tensor
        (n, channels, height, width) or (channels, height, width)
    p : float
        In [0, 1].
    training : bool
    inplace : bool
        Replace the items of `input`.
    generator : wengert.Generator or None
        None: the library's own.

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    ValueError
        If p is not in [0, 1], or the shape does not fit.

    Notes
    -----
    PyTorch takes three dimensions for (n, channels, length) here, and says that it will not always.

    Examples
    --------
    >>> wg.nn.functional.dropout2d(wg.ones(1, 2, 2), training=False)
    tensor([[[1., 1.],
             [1., 1.]]])
    """
    return _channelwise("dropout2d", input, p, training, inplace, generator, 4)


def dropout3d(
    input: Any, p: float = 0.5, training: bool = True, inplace: bool = False, *, generator: Any = None
) -> Tensor:
    """Each channel of volumes zeroed with probability p, the others scaled by 1 / (1 - p), while training.

    Parameters
    ----------
    input : tensor
        (n, channels, depth, height, width) or (channels, depth, height, width)
    p : float
        In [0, 1].
    training : bool
    inplace : bool
        Replace the items of `input`.
    generator : wengert.Generator or None
        None: the library's own.

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    ValueError
        If p is not in [0, 1], or the shape does not fit.

    Examples
    --------
    >>> wg.nn.functional.dropout3d(wg.ones(1, 1, 1, 2), training=False)
    tensor([[[[1., 1.]]]])
    """
    return _channelwise("dropout3d", input, p, training, inplace, generator, 5)


# ---------------------------------------------------------------- mean and variance stay

_LEAST = -1.7580993408473766  # what selu tends to


def _alpha(name: str, input: Any, p: float, training: bool, inplace: bool, generator: Any, dims: int | None) -> Tensor:
    """Items, or whatever stands at each place of the first `dims` dimensions, set to selu's least value."""
    _check(name, p)
    x = enter(input)
    shape = x._value.shape
    if dims is not None and len(shape) < dims:
        raise ValueError(f"{name}: expected input (n, channels, ...), got shape {shape}")
    outer = len(shape) if dims is None else dims
    return _dropped(name, x, p, training, inplace, generator, outer, functools.partial(_blended, p=p))


@half
def _blended(x: Any, kept: Any, p: float) -> Tensor:
    """x where it is kept, else the least value, with mean and variance brought back."""
    scale = 1 / math.sqrt((1 - p) * (1 + p * _LEAST**2))
    kept = kept * (scale * (1 - p))
    z: Tensor = x * kept + (scale * (1 - p) - kept) * _LEAST
    return z


def alpha_dropout(
    input: Any, p: float = 0.5, training: bool = False, inplace: bool = False, *, generator: Any = None
) -> Tensor:
    """Each item set to selu's least value with probability p, and all scaled so that mean 0 and variance 1 stay.

    Parameters
    ----------
    input : tensor
    p : float
        In [0, 1].
    training : bool
    inplace : bool
        Replace the items of `input`.
    generator : wengert.Generator or None
        None: the library's own.

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    ValueError
        If p is not in [0, 1].

    Notes
    -----
    G. Klambauer et al., "Self-normalizing neural networks", 2017.

    Examples
    --------
    >>> wg.nn.functional.alpha_dropout(wg.ones(3))
    tensor([1., 1., 1.])
    """
    return _alpha("alpha_dropout", input, p, training, inplace, generator, None)


def feature_alpha_dropout(
    input: Any, p: float = 0.5, training: bool = False, inplace: bool = False, *, generator: Any = None
) -> Tensor:
    """Each channel set to selu's least value with probability p, and all scaled so that mean 0 and variance 1 stay.

    Parameters
    ----------
    input : tensor
        (n, channels, ...)
    p : float
        In [0, 1].
    training : bool
    inplace : bool
        Replace the items of `input`.
    generator : wengert.Generator or None
        None: the library's own.

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    ValueError
        If p is not in [0, 1], or there is no dimension of channels.

    Examples
    --------
    >>> wg.nn.functional.feature_alpha_dropout(wg.ones(1, 2))
    tensor([[1., 1.]])
    """
    return _alpha("feature_alpha_dropout", input, p, training, inplace, generator, 2)
