"""Activations: relu and its relatives, elu, silu, mish, gelu, softplus."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._kernels import Elementwise, joined
from .._types import Tensor
from ..core.arguments import dimension
from ..core.batching import aligned, axes, moved
from ..core.bound import by_bindings
from ..core.broadcast import as_floating
from ..core.define import elementwise, primitive
from ..core.doors import enter
from ..core.half import half, half_kernel
from ..core.signatures import tells
from ..core.tape import Operation, apply
from .arithmetic import abs, clip, square
from .chains import chained, fused, step
from .compare import greater, where
from .error_functions import normal_density
from .functions import sigmoid, tanh
from .join import cat
from .naming import doc
from .shape import narrow_view, reshape

__all__ = ["celu", "gelu", "leaky_relu", "prelu", "relu", "selu", "softplus"]

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

# Of what a kernel has given with relu already taken: so the operation before need not know of it, as long as no rule of
# it asks for its result.
relu_taken = primitive(
    "relu", by_bindings(lambda x: x), (lambda g, z: relu_grad(g, z),), (lambda t, z: relu_grad(t, z),), batched=aligned
)


_multiply, _sigmoid, _greater, _where = map(Elementwise, ("multiply", "sigmoid", "greater", "where"))
_sigmoid_grad = Elementwise("sigmoid_grad")

softplus: Callable[..., Tensor] = elementwise(
    "softplus", Elementwise("softplus"), fused(lambda g, x: g * step(sigmoid, x)), floating=True,
    doc=doc("log(1 + exp(x)), item by item, without overflow.",
            ">>> wg.softplus(wg.tensor([0., 1.]))\ntensor([0.6931, 1.3133])"),
)  # fmt: skip


# Of the kernels that give g times a derivative, this and those below, the second input is the forward input.
_gelu_grad: Callable[..., Tensor] = elementwise(
    "gelu_backward", Elementwise("gelu_grad"),
    lambda g, y: _gelu_grad(g, y), lambda g, x, y: g * x * _gelu_curvature(y),
)  # fmt: skip


@half
def _gelu_curvature(x: Any) -> Any:
    return normal_density(x) * (2.0 - square(x))


gelu: Callable[..., Tensor] = elementwise(
    "gelu", Elementwise("gelu"), lambda g, x: _gelu_grad(g, x), floating=True,
    doc=doc("x times the standard normal distribution function of x (Hendrycks and Gimpel 2016).",
            ">>> wg.gelu(wg.tensor([0., 1.]))\ntensor([0.0000, 0.8413])"),
)  # fmt: skip


# gelu by tanh: 0.5 (1 + tanh(v)) is the sigmoid of u = 2 v, here x (2 c + (2 c) 0.044715 x^2) with c = sqrt(2 / pi).
_TWICE, _CUBIC = 2 * math.sqrt(2 / math.pi), 2 * math.sqrt(2 / math.pi) * 0.044715


# x times the derivative of what follows, at y.
_gelu_tanh_grad: Callable[..., Tensor] = elementwise(
    "gelu_backward", Elementwise("gelu_tanh_grad"),
    lambda g, y: _gelu_tanh_grad(g, y), lambda g, x, y: g * x * _gelu_tanh_curvature(y),
)  # fmt: skip


@half
def _gelu_tanh_curvature(x: Any) -> Any:
    """With s the sigmoid of u: s (1 - s) (2 u' + x u'' + x u'^2 (1 - 2 s)), by sigmoids of both signs, neither of which
    is taken from 1. Beyond 100 it is 0, and its terms overflow."""
    x = clip(x, -100.0, 100.0)
    squared = square(x)
    inner, slope = x * (squared * _CUBIC + _TWICE), squared * (3 * _CUBIC) + _TWICE
    below, above = sigmoid(inner), sigmoid(-inner)
    return below * above * (slope * 2.0 + squared * (6 * _CUBIC) + x * square(slope) * (above - below))


gelu_tanh: Callable[..., Tensor] = elementwise(
    "gelu", Elementwise("gelu_tanh"), lambda g, x: _gelu_tanh_grad(g, x), floating=True,
    doc=doc("The approximation of gelu by a hyperbolic tangent.",
            ">>> wg.nn.functional.gelu(wg.tensor([0., 1.]), approximate=\"tanh\")\ntensor([0.0000, 0.8412])"),
)  # fmt: skip


_leaky_relu_kernel, _leaky_relu_grad_kernel = Elementwise("leaky_relu"), Elementwise("leaky_relu_grad")

_leaky_relu_grad: Callable[..., Tensor] = elementwise(
    "leaky_relu_backward", by_bindings(lambda x, y, slope: _leaky_relu_grad_kernel(x, y, None, (slope,))),
    lambda g, y, slope: _leaky_relu_grad(g, y, slope=slope), None,
)  # fmt: skip


_leaky_relu: Callable[..., Tensor] = elementwise(
    "leaky_relu", by_bindings(lambda x, slope: _leaky_relu_kernel(x, None, None, (slope,))),
    lambda g, x, slope: _leaky_relu_grad(g, x, slope=slope), floating=True,
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


# ---------------------------------------------------------------- exponentials below 0

_elu_kernel, _elu_grad_kernel = Elementwise("elu"), Elementwise("elu_grad")

# g times scale where y > 0, times a exp(rate y) elsewhere; `params` are a, scale and rate. So are its derivatives.
_elu_grad: Callable[..., Tensor] = elementwise(
    "elu_backward", by_bindings(lambda x, y, params: _elu_grad_kernel(x, y, None, params)),
    lambda g, y, params: _elu_grad(g, y, params=params),
    lambda g, x, y, params: _elu_grad(g * x, y, params=(params[0] * params[2], 0.0, params[2])),
)  # fmt: skip


# scale x where x > 0, a (exp(rate x) - 1) elsewhere; `params` are a, scale and rate.
_elu: Callable[..., Tensor] = elementwise(
    "elu", by_bindings(lambda x, params: _elu_kernel(x, None, None, params)),
    lambda g, x, params: _elu_grad(g, x, params=(params[0] * params[2], params[1], params[2])), floating=True,
)  # fmt: skip


def elu(x: Any, alpha: float = 1.0) -> Tensor:
    """x where it is positive, alpha (exp(x) - 1) elsewhere."""
    return _elu(x, params=(float(alpha), 1.0, 1.0))


# With these, activations of mean 0 and variance 1 are mapped to such; from the paper.
_SELU_SCALE, _SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


def selu(x: Any) -> Tensor:
    """1.0507 x where x is positive, 1.7581 (exp(x) - 1) elsewhere.

    Parameters
    ----------
    x : tensor, array or number

    Returns
    -------
    Tensor
        Of the same shape. The derivative at 0 is 1.7581.

    Notes
    -----
    The factors let the mean 0 and the variance 1 of what is normal remain. (G. Klambauer et al., "Self-normalizing
    neural networks", 2017.)

    Examples
    --------
    >>> wg.selu(wg.tensor([-1., 2.]))
    tensor([-1.1113,  2.1014])
    """
    return _elu(x, params=(_SELU_SCALE * _SELU_ALPHA, _SELU_SCALE, 1.0))


def celu(x: Any, alpha: float = 1.0) -> Tensor:
    """x where it is positive, alpha (exp(x / alpha) - 1) elsewhere, whose derivative has no jump (Barron 2017).

    Parameters
    ----------
    x : tensor, array or number
    alpha : float
        Not 0.

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    ZeroDivisionError
        If alpha is 0.

    Examples
    --------
    >>> wg.celu(wg.tensor([-1., 2.]), 0.5)
    tensor([-0.4323,  2.0000])
    """
    if alpha == 0:
        raise ZeroDivisionError("celu: alpha is 0, by which x is divided")
    return _elu(x, params=(float(alpha), 1.0, 1.0 / alpha))


# ---------------------------------------------------------------- x times a sigmoid of one kind or another


@half
def _silu_curvature(x: Any) -> Any:
    s = sigmoid(x)
    return s * (1.0 - s) * (2.0 + x * (1.0 - 2.0 * s))


_silu_grad: Callable[..., Tensor] = elementwise(
    "silu_backward", Elementwise("silu_grad"),
    lambda g, y: _silu_grad(g, y), lambda g, x, y: g * x * _silu_curvature(y),
)  # fmt: skip


silu: Callable[..., Tensor] = elementwise(
    "silu", Elementwise("silu"), lambda g, x: _silu_grad(g, x), floating=True,
    doc=doc("x times the sigmoid of x.", ">>> wg.nn.functional.silu(wg.tensor([0., 1.]))\ntensor([0.0000, 0.7311])"),
)  # fmt: skip


@half
def _mish_curvature(x: Any) -> Any:
    """With z = tanh(softplus(x)), whose derivative is d = (1 - z^2) s: 2 d + x d (1 - s - 2 z s)."""
    s, z = sigmoid(x), tanh(softplus(x))
    return (1.0 - z * z) * s * (2.0 + x * (1.0 - s - 2.0 * z * s))


_mish_grad: Callable[..., Tensor] = elementwise(
    "mish_backward", Elementwise("mish_grad"),
    lambda g, y: _mish_grad(g, y), lambda g, x, y: g * x * _mish_curvature(y),
)  # fmt: skip


mish: Callable[..., Tensor] = elementwise(
    "mish", Elementwise("mish"), lambda g, x: _mish_grad(g, x), floating=True,
    doc=doc("x tanh(log(1 + exp(x))).", ">>> wg.nn.functional.mish(wg.tensor([0., 1.]))\ntensor([0.0000, 0.8651])"),
)  # fmt: skip


log_sigmoid: Callable[..., Tensor] = elementwise(
    "log_sigmoid", chained(lambda x: -step("softplus", -x)), fused(lambda g, x: g * step(sigmoid, -x)), floating=True,
    doc=doc("log(1 / (1 + exp(-x))).",
            ">>> wg.nn.functional.logsigmoid(wg.tensor([0., 1.]))\ntensor([-0.6931, -0.3133])"),
)  # fmt: skip


# ---------------------------------------------------------------- of several operations


_tanhshrink = elementwise(
    "tanhshrink", chained(lambda x: x - step("tanh", x)), fused(lambda g, x: g * step(square, step(tanh, x))),
    floating=True,
)  # fmt: skip


def tanhshrink(x: Any) -> Tensor:
    """x - tanh(x)."""
    return _tanhshrink(x)


_softsign = elementwise(
    "softsign", chained(lambda x: x / (step("abs", x) + 1.0)),
    fused(lambda g, x: g / step(square, step(abs, x) + 1.0)), floating=True,
)  # fmt: skip


def softsign(x: Any) -> Tensor:
    """x / (1 + |x|)."""
    return _softsign(x)


@half
def softplus_scaled(x: Any, beta: float, threshold: float) -> Tensor:
    """log(1 + exp(beta x)) / beta; x itself where beta x is above the threshold."""
    x = as_floating(x)
    z = softplus(x) if beta == 1 else softplus(x * beta) / beta
    return z if threshold >= 20 else where(greater(x * beta, threshold), x, z)


# ---------------------------------------------------------------- activations with parameters


_prelu: Callable[..., Tensor] = elementwise(
    "prelu_kernel", by_bindings(half_kernel(lambda x, y: _where(_greater(x, 0.0), x, _multiply(x, y)))),
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


# ---------------------------------------------------------------- gated linear units


def _halves(x: np.ndarray, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """The views of both halves of one dimension."""
    before, middle = (slice(None),) * dim, x.shape[dim] // 2
    return x[(*before, slice(middle))], x[(*before, slice(middle, None))]


def _half_views(x: Any, dim: int) -> tuple[Any, Any]:
    n = x._value.shape[dim]
    return narrow_view(x, dim, 0, n // 2), narrow_view(x, dim, n // 2, n)


_gated = chained(lambda x, y: x * step("sigmoid", y))


@by_bindings
@half_kernel
def _glu_kernel(x: np.ndarray, dim: int) -> np.ndarray:
    first, second = _halves(x, dim)
    return _gated(first, second)


@by_bindings
@half_kernel
def _glu_grad_kernel(x: np.ndarray, y: np.ndarray, dim: int) -> np.ndarray:
    first, second = _halves(y, dim)
    gate = _sigmoid(second)
    of_first, of_second = _multiply(x, gate), _sigmoid_grad(_multiply(x, first), gate)
    return joined([of_first, of_second], dim)


def _glu_along(t: Any, x: Any, dim: int) -> Any:
    """The derivative in the direction t."""
    (of_first, of_second), (first, second) = _half_views(t, dim), _half_views(x, dim)
    gate = sigmoid(second)
    return gate * (of_first + of_second * first * (1.0 - gate))


def _glu_curved(t: Any, g: Any, x: Any, dim: int) -> Any:
    """The second derivative, a symmetric matrix, weighed by g and applied to t."""
    (of_first, of_second), (first, second) = _half_views(t, dim), _half_views(x, dim)
    gate = sigmoid(second)
    slope = g * gate * (1.0 - gate)
    return cat([slope * of_second, slope * (of_first + of_second * first * (1.0 - 2.0 * gate))], dim)


_GLU_BACKWARD: Operation = primitive(
    "glu_backward", _glu_grad_kernel,
    (lambda g, y, dim: _glu_along(g, y, dim), lambda g, x, y, dim: _glu_curved(g, x, y, dim)),
    (lambda t, y, dim: apply(_GLU_BACKWARD, (t, y), {"dim": dim}), lambda t, x, y, dim: _glu_curved(t, x, y, dim)),
    batched=moved(dim=axes),
)  # fmt: skip


_GLU = primitive(
    "glu", _glu_kernel, (lambda g, x, dim: apply(_GLU_BACKWARD, (g, x), {"dim": dim}),),
    (lambda t, x, dim: _glu_along(t, x, dim),), batched=moved(dim=axes),
)  # fmt: skip


def glu(x: Any, dim: int) -> Tensor:
    """The first half of one dimension times the sigmoid of the second."""
    x = as_floating(x)
    d = dimension("glu", dim, x._value.ndim)
    if not x._value.ndim or x._value.shape[d] % 2:
        raise ValueError(f"glu: expected a dimension of even length, got dimension {dim} of shape {x._value.shape}")
    return apply(_GLU, (x,), {"dim": d})
