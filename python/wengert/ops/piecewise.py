"""Activations made of straight lines: hardtanh, hardsigmoid, hardswish, what shrinks, threshold, random slopes.

At a kink each takes the derivative that PyTorch takes. Two kernels are the derivatives of nearly all: a cotangent times
a factor within an interval and 0 elsewhere, or 0 within it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._kernels import Elementwise
from .._types import Tensor
from ..core.bound import by_bindings
from ..core.broadcast import as_floating
from ..core.define import elementwise
from ..core.doors import draw
from ..core.generator import numpy_generator
from ..core.signatures import tells
from .activations import leaky_relu
from .arithmetic import multiply
from .naming import called, doc

__all__ = ["hardshrink", "hardswish", "rrelu", "threshold"]

_within_kernel, _without_kernel, _softshrink_kernel = (
    Elementwise("within_grad"), Elementwise("without_grad"), Elementwise("softshrink"),
)  # fmt: skip


def _refuse_booleans(name: str, x: np.ndarray) -> None:
    if x.dtype.kind == "b":
        raise TypeError(f"{name}: expected numbers, got booleans; .float() or .int() makes numbers of them")


def _between_integers(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """Of integers, with the integers next to 0 as bounds, as in PyTorch."""
    _refuse_booleans("hardtanh", x)
    least, most = np.iinfo(x.dtype).min, np.iinfo(x.dtype).max
    found: np.ndarray = np.clip(x, int(min(max(low, least), most)), int(min(max(high, least), most)))
    return found


def _above_of_integers(x: np.ndarray, bound: float, value: float) -> np.ndarray:
    _refuse_booleans("threshold", x)
    return np.where(x <= bound, x.dtype.type(int(value)), x)


_clip, _threshold_kernel = Elementwise("clip", _between_integers), Elementwise("threshold", _above_of_integers)

# g times a factor where y lies between low and high, 0 elsewhere and at them; `params` are low, high and the factor.
_within: Callable[..., Tensor] = elementwise(
    "hardtanh_backward", by_bindings(lambda x, y, params: _within_kernel(x, y, None, params)),
    lambda g, y, params: _within(g, y, params=params), None,
)  # fmt: skip

# 0 where y lies between low and high, or at them, g elsewhere; `params` are low and high.
_without: Callable[..., Tensor] = elementwise(
    "threshold_backward", by_bindings(lambda x, y, params: _without_kernel(x, y, None, params)),
    lambda g, y, params: _without(g, y, params=params), None,
)  # fmt: skip


# ---------------------------------------------------------------- between two bounds


_hardtanh: Callable[..., Tensor] = elementwise(
    "hardtanh", by_bindings(lambda x, low, high: _clip(x, None, None, (low, high))),
    lambda g, x, low, high: _within(g, x, params=(low, high, 1.0)),
)  # fmt: skip


def hardtanh(x: Any, low: float, high: float) -> Tensor:
    """x between the bounds, and the nearer of them elsewhere; unlike that of `clip`, the derivative at them is 0."""
    return _hardtanh(x, low=low, high=high)


hardsigmoid: Callable[..., Tensor] = elementwise(
    "hardsigmoid", Elementwise("hardsigmoid"), lambda g, x: _within(g, x, params=(-3.0, 3.0, 1 / 6)), floating=True,
    doc=doc("A sigmoid made of straight lines, min(max(x + 3, 0), 6) / 6, item by item.",
            ">>> wg.nn.functional.hardsigmoid(wg.tensor([-4., 0., 1.5]))\ntensor([0.0000, 0.5000, 0.7500])"),
)  # fmt: skip


_hardswish_grad: Callable[..., Tensor] = elementwise(
    "hardswish_backward", Elementwise("hardswish_grad"),
    lambda g, y: _hardswish_grad(g, y), lambda g, x, y: _within(multiply(g, x), y, params=(-3.0, 3.0, 1 / 3)),
)  # fmt: skip


hardswish: Callable[..., Tensor] = elementwise(
    "hardswish", Elementwise("hardswish"), lambda g, x: _hardswish_grad(g, x), floating=True,
    doc=doc("x times a sigmoid made of straight lines, x min(max(x + 3, 0), 6) / 6, item by item.",
            ">>> wg.hardswish(wg.tensor([-4., 0., 1., 4.]))\ntensor([-0.0000, 0.0000, 0.6667, 4.0000])",
            note="The derivative is 0 at -3 and 1 at 3. (A. Howard et al., \"Searching for MobileNetV3\", 2019.)"),
)  # fmt: skip


# ---------------------------------------------------------------- nothing below a bound, or within two


_hardshrink: Callable[..., Tensor] = elementwise(
    "hardshrink", by_bindings(lambda x, lambd: _without_kernel(x, x, None, (-lambd, lambd))),
    lambda g, x, lambd: _without(g, x, params=(-lambd, lambd)), floating=True,
)  # fmt: skip


def hardshrink(x: Any, lambd: float = 0.5) -> Tensor:
    """x where it is farther than `lambd` from 0, and 0 elsewhere.

    Parameters
    ----------
    x : tensor, array or number
    lambd : float

    Returns
    -------
    Tensor
        Of the same shape. The derivative at -lambd and lambd is 0.

    Examples
    --------
    >>> wg.hardshrink(wg.tensor([-1., 0.25, 2.]))
    tensor([-1.,  0.,  2.])
    """
    return _hardshrink(x, lambd=float(lambd))


_softshrink: Callable[..., Tensor] = elementwise(
    "softshrink", by_bindings(lambda x, lambd: _softshrink_kernel(x, None, None, (lambd,))),
    lambda g, x, lambd: _without(g, x, params=(-lambd, lambd)), floating=True,
)  # fmt: skip


def softshrink(x: Any, lambd: float) -> Tensor:
    """x brought nearer to 0 by `lambd`, and 0 where it is nearer than that."""
    return _softshrink(x, lambd=lambd)


_threshold: Callable[..., Tensor] = elementwise(
    "threshold", by_bindings(lambda x, bound, value: _threshold_kernel(x, None, None, (bound, value))),
    lambda g, x, bound: _without(g, x, params=(-math.inf, bound)),
)  # fmt: skip


def threshold(x: Any, threshold: float, value: float) -> Tensor:
    """x where it is above the threshold, a fixed value elsewhere.

    Parameters
    ----------
    x : tensor, array or number
    threshold, value : float

    Returns
    -------
    Tensor
        Of the same shape. The derivative at the threshold is 0.

    Examples
    --------
    >>> wg.threshold(wg.tensor([0.5, 2.]), 1, -1)
    tensor([-1.,  2.])
    """
    return _threshold(x, bound=float(threshold), value=float(value))


# ---------------------------------------------------------------- random slopes


def _drawn_slopes(source: np.random.Generator, x: np.ndarray, lower: float, upper: float) -> np.ndarray:
    drawn = source.random(x.shape, dtype=np.float64 if x.dtype == np.float64 else np.float32)
    drawn *= upper - lower
    drawn += lower
    return np.where(x > 0, x.dtype.type(1), drawn.astype(x.dtype, copy=False))


@tells
def rrelu(
    x: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, *, generator: Any = None
) -> Tensor:
    """x where it is positive; elsewhere a slope times x, which while training is random and differs from item to item.

    Parameters
    ----------
    x : tensor
    lower, upper : float
        Slopes are uniform between them, and outside training their mean.
    training : bool
    generator : wengert.Generator or None
        None: the library's own.

    Returns
    -------
    Tensor
        Of the same shape. The derivative at 0 is the slope.

    Raises
    ------
    ValueError
        If lower is above upper.

    Notes
    -----
    B. Xu et al., "Empirical evaluation of rectified activations in convolutional network", 2015.

    Examples
    --------
    >>> wg.rrelu(wg.tensor([-1., 2.]), 0.25, 0.75)
    tensor([-0.5000,  2.0000])
    """
    lower, upper = float(lower), float(upper)
    if not lower <= upper:
        raise ValueError(f"rrelu: expected lower <= upper, got {lower} and {upper}")
    if not training:
        return leaky_relu(x, (lower + upper) / 2)
    x = as_floating(x)
    slopes = draw(_drawn_slopes, numpy_generator(generator), x, lower=lower, upper=upper)
    return called("rrelu_with_noise", multiply(x, slopes))
