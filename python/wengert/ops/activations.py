"""Activations: relu and its relatives, elu, silu, gelu, softplus."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._kernels import Elementwise
from .._types import Tensor
from ..core.broadcast import as_floating
from ..core.define import elementwise
from ..core.doors import enter
from ..core.half import half, half_kernel
from ..core.signatures import tells
from .arithmetic import clip, square
from .compare import greater, less, where
from .error_functions import ndtr, normal_density
from .functions import exp, sigmoid
from .naming import doc
from .shape import reshape

__all__ = ["gelu", "hardswish", "leaky_relu", "prelu", "relu", "softplus"]

# x where y > 0, else 0: the derivative of relu at its input or, which is the same, at its result.
relu_grad: Callable[..., Tensor] = elementwise(
    "relu_backward", Elementwise("relu_grad"), lambda g, y: relu_grad(g, y), None
)


relu: Callable[..., Tensor] = elementwise(
    "relu", Elementwise("relu", lambda x: np.maximum(x, 0)), lambda g, z: relu_grad(g, z),
    doc=doc("The positive part max(x, 0) of each item; NaN stays.",
            ">>> wg.relu(wg.tensor([-1., 2.]))\ntensor([0., 2.])",
            note="The derivative at 0 is 0."),
)  # fmt: skip


hardswish: Callable[..., Tensor] = elementwise(
    "hardswish", Elementwise("hardswish"),
    lambda x: where(greater(x, -3.0), where(less(x, 3.0), x * (1 / 3) + 0.5, 1.0), 0.0), floating=True,
    doc=doc("x times a sigmoid made of straight lines, x min(max(x + 3, 0), 6) / 6, item by item.",
            ">>> wg.hardswish(wg.tensor([-4., 0., 1., 4.]))\ntensor([-0.0000, 0.0000, 0.6667, 4.0000])",
            note="The derivative is 0 at -3 and 1 at 3. (A. Howard et al., \"Searching for MobileNetV3\", 2019.)"),
)  # fmt: skip


softplus: Callable[..., Tensor] = elementwise(
    "softplus", Elementwise("softplus"), lambda x: sigmoid(x), floating=True,
    doc=doc("log(1 + exp(x)), item by item, without overflow.",
            ">>> wg.softplus(wg.tensor([0., 1.]))\ntensor([0.6931, 1.3133])"),
)  # fmt: skip


_expm1, _sigmoid, _gelu = Elementwise("expm1"), Elementwise("sigmoid"), Elementwise("gelu")
_multiply, _greater_equal = map(Elementwise, ("multiply", "greater_equal"))
_minimum, _greater, _where = map(Elementwise, ("minimum", "greater", "where"))


@half
def _gelu_slope(x: Any) -> Any:
    return ndtr(x) + x * normal_density(x)


gelu: Callable[..., Tensor] = elementwise(
    "gelu", _gelu, lambda x: _gelu_slope(x), floating=True,
    doc=doc("x times the standard normal distribution function of x (Hendrycks and Gimpel 2016).",
            ">>> wg.gelu(wg.tensor([0., 1.]))\ntensor([0.0000, 0.8413])"),
)  # fmt: skip


# 0.5 (1 + tanh(u)) is the sigmoid of 2 u, here as x (2 c + (2 c) 0.044715 x^2), where c is sqrt(2 / pi).
_TWICE, _CUBIC = 2 * math.sqrt(2 / math.pi), 2 * math.sqrt(2 / math.pi) * 0.044715


@half_kernel
def _gelu_tanh_kernel(x: np.ndarray) -> np.ndarray:
    inner = _multiply(x, x)
    inner *= inner.dtype.type(_CUBIC)
    inner += inner.dtype.type(_TWICE)
    return _multiply(x, _sigmoid(_multiply(inner, x)))


@half
def _gelu_tanh_slope(x: Any) -> Any:
    """By sigmoids of both signs, neither of which is taken from 1. Beyond 100 it is 0 or 1, and its terms overflow."""
    x = clip(x, -100.0, 100.0)
    squared = square(x)
    inner = x * (squared * _CUBIC + _TWICE)
    below, above = sigmoid(inner), sigmoid(-inner)
    return below + x * (squared * (3 * _CUBIC) + _TWICE) * below * above


gelu_tanh: Callable[..., Tensor] = elementwise(
    "gelu", _gelu_tanh_kernel, lambda x: _gelu_tanh_slope(x), floating=True,
    doc=doc("The approximation of gelu by a hyperbolic tangent.",
            ">>> wg.nn.functional.gelu(wg.tensor([0., 1.]), approximate=\"tanh\")\ntensor([0.0000, 0.8412])"),
)  # fmt: skip


_leaky_relu_kernel = Elementwise("leaky_relu")


_leaky_relu: Callable[..., Tensor] = elementwise(
    "leaky_relu", lambda x, slope: _leaky_relu_kernel(x, None, None, (slope,)),
    lambda g, x, slope: where(greater(x, 0), g, g * slope),
    floating=True,
)  # fmt: skip


def leaky_relu(x: Any, negative_slope: float = 0.01) -> Tensor:
    """x where it is positive, `negative_slope` times x elsewhere.

    Parameters
    ----------
    x : tensor, array or number
    negative_slope : float

    Returns
    -------
    Tensor
        Of the same shape. The derivative at 0 is `negative_slope`.

    Examples
    --------
    >>> wg.leaky_relu(wg.tensor([-1., 2.]), 0.1)
    tensor([-0.1000,  2.0000])
    """
    return _leaky_relu(x, slope=float(negative_slope))


@half_kernel
def _elu_kernel(x: np.ndarray, alpha: float) -> np.ndarray:
    low = _expm1(_minimum(x, 0.0))
    low *= x.dtype.type(alpha)
    return _where(_greater_equal(x, 0.0), x, low)


@half
def _elu_slope(x: Any, alpha: float) -> Any:
    """alpha exp(x) up to 0, by an exponential of what is not above 0: beyond, an infinite one would make NaN."""
    return where(greater(x, 0), 1.0, exp(clip(x, max=0.0)) * alpha)


_elu: Callable[..., Tensor] = elementwise("elu", _elu_kernel, lambda x, alpha: _elu_slope(x, alpha), floating=True)


def elu(x: Any, alpha: float = 1.0) -> Tensor:
    """x where it is positive, alpha (exp(x) - 1) elsewhere."""
    return _elu(x, alpha=float(alpha))


@half
def _silu_slope(x: Any) -> Any:
    s = sigmoid(x)
    return s * (1.0 + x * (1.0 - s))


silu: Callable[..., Tensor] = elementwise(
    "silu", half_kernel(lambda x: _multiply(x, _sigmoid(x))), lambda x: _silu_slope(x), floating=True,
    doc=doc("x times the sigmoid of x.", ">>> wg.nn.functional.silu(wg.tensor([0., 1.]))\ntensor([0.0000, 0.7311])"),
)  # fmt: skip


@half
def softplus_scaled(x: Any, beta: float, threshold: float) -> Tensor:
    """log(1 + exp(beta x)) / beta; x itself where beta x is above the threshold."""
    x = as_floating(x)
    z = softplus(x * beta) / beta
    return z if threshold >= 20 else where(greater(x * beta, threshold), x, z)


# ---------------------------------------------------------------- activations with parameters


_prelu: Callable[..., Tensor] = elementwise(
    "prelu_kernel", half_kernel(lambda x, y: _where(_greater(x, 0.0), x, _multiply(x, y))),
    lambda g, x, y: where(greater(x, 0), g, g * y), lambda g, x, y: where(greater(x, 0), 0.0, g * x), floating=True,
)  # fmt: skip


@tells
def prelu(x: Any, weight: Any) -> Tensor:
    """x where it is positive, a learned slope times x elsewhere (He et al. 2015).

    Parameters
    ----------
    x : tensor
        (n, channels, ...); with a single slope of any shape.
    weight : tensor
        (1,) or (channels,): the slopes.

    Returns
    -------
    Tensor
        Of x's shape. The derivative at 0 is the slope.

    Raises
    ------
    ValueError
        If there are neither one slope nor as many as channels.

    Examples
    --------
    >>> wg.prelu(wg.tensor([-1., 2.]), wg.tensor([0.25]))
    tensor([-0.2500,  2.0000])
    """
    x, weight = enter(x), enter(weight)
    shape, slopes = x._value.shape, weight._value.size
    channels = shape[1] if len(shape) > 1 else 1
    if weight._value.ndim > 1 or slopes not in (1, channels):
        raise ValueError(
            f"prelu: input of shape {shape} needs 1 or {channels} slope(s), got shape {weight._value.shape}"
        )
    return _prelu(x, reshape(weight, () if slopes == 1 else (slopes,) + (1,) * (len(shape) - 2)))
