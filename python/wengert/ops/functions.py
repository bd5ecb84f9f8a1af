"""Functions of numbers, item by item: powers, exponentials, logarithms, circular and hyperbolic ones, erf, sinc."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._kernels import Elementwise
from .._types import Tensor
from ..core import dtypes
from ..core.batching import aligned
from ..core.bound import by_bindings
from ..core.broadcast import as_floating, cast, same_shape
from ..core.define import computed, elementwise, primitive
from ..core.doors import constant, enter
from ..core.half import half_kernel
from ..core.tape import apply
from ..core.variable import Variable
from .arithmetic import cube, reciprocal, sqrt, square
from .chains import fused, step
from .compare import eq, greater_equal, less_equal, where
from .naming import doc, exported_as
from .numpy_kernels import quiet
from .shape import clone

__all__ = [
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cos",
    "cosh",
    "deg2rad",
    "erf",
    "exp",
    "exp2",
    "expm1",
    "float_power",
    "hypot",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logaddexp2",
    "logit",
    "rad2deg",
    "rsqrt",
    "sigmoid",
    "sin",
    "sinc",
    "sinh",
    "tan",
    "tanh",
    "xlogy",
]  # fmt: skip


_power_kernel, _log_kernel = Elementwise("power", np.power), Elementwise("log")


# Where y = 0 and x ** (y - 1) is not finite: the derivative by x is 0 there, by the rule that 0 * anything is.
_at_corner = computed("pow_corner", quiet(lambda x, y: (y == 0) & ~np.isfinite(1 / np.asarray(x))), batched=aligned)


def _recorded_by_base(g: Any, x: Any, y: Any) -> Any:
    """g * y * x**(y - 1), and 0 at the corners. Elsewhere y = 0 is a zero that y can be moved from."""
    corner = _at_corner(x, y)
    return where(corner, 0.0, g * (y * power(where(corner, 1.0, x), y - 1)))


def _corner_or(corner: Any, x: Any, y: Any, z: Any) -> Any:
    """z, and `corner` at the corners: where y = 0 and the distance of 1 / x from itself is NaN."""
    inverse = step(reciprocal, x)
    return step(where, step(eq, y, 0.0), step(where, step(eq, inverse - inverse, 0.0), z, corner), z)


_by_base = fused(
    lambda g, x, y: _corner_or(0.0, x, y, g * (y * step(power, _corner_or(1.0, x, y, x), y - 1.0))), _recorded_by_base
)
_by_number = fused(lambda g, x, y, below: g * (step(power, x, below) * y))


def _power_by_base(g: Any, x: Any, y: Any) -> Any:
    if isinstance(y, (int, float)):
        return _by_number(g, x, y, y - 1) if y != 0 else g * 0.0
    return _by_base(g, x, y)


_of_zero_base: Callable[..., Tensor] = computed(
    "pow_zero_base",
    lambda y: np.where(y < 0, -math.inf, np.where(np.isnan(y), y, 0)).astype(y.dtype),
    batched=aligned,
)


def _log_where_needed(x: Any, y: Any) -> Any:
    """log x, and 0 where x = 0 and y >= 0."""
    return step(log, step(where, step(eq, x, 0.0), step(where, step(greater_equal, y, 0.0), 1.0, x), x))


_by_exponent = fused(
    lambda g, x, y, z: g * (z * _log_where_needed(x, y)), lambda g, x, y, z: g * _power_log(x, y, 1)
)


def _power_by_exponent(g: Any, x: Any, y: Any, z: Any) -> Any:
    """g * z * log x, and 0 where x = 0 and y >= 0."""
    if not isinstance(x, (int, float)):
        return _by_exponent(g, x, y, z)
    if x > 0:
        return g * (z * math.log(x))
    if x == 0:
        return g * _of_zero_base(y)
    return g * (z * math.nan)


@half_kernel
def _power_log_kernel(x: np.ndarray, y: np.ndarray, n: int) -> np.ndarray:
    with np.errstate(all="ignore"):
        z = _power_kernel(x, y)
        logarithm = _log_kernel(x)
        for _ in range(n):
            z = z * logarithm
        found: np.ndarray = np.where((x == 0) & (y >= 0), z.dtype.type(0), z)
    return found


def _power_log_by_base(g: Any, x: Any, y: Any, n: int) -> Any:
    """g * x**(y - 1) (y log(x)**n + n log(x)**(n - 1)), and 0 at the corners."""
    corner = _at_corner(x, y)
    x = where(corner, 1.0, x)
    before = power(x, y - 1) if n == 1 else _power_log(x, y - 1, n - 1)
    return where(corner, 0.0, g * (y * _power_log(x, y - 1, n) + before * float(n)))


# x**y log(x)**n, and 0 where x = 0 and y >= 0: the derivatives of x**y by y.
POWER_LOG = primitive(
    "pow_log", _power_log_kernel,
    (lambda g, x, y, n: _power_log_by_base(g, x, y, n), lambda g, x, y, n: g * _power_log(x, y, n + 1)),
    (lambda t, x, y, n: _power_log_by_base(t, x, y, n), lambda t, x, y, n: t * _power_log(x, y, n + 1)),
    batched=aligned,
)  # fmt: skip


def _power_log(x: Any, y: Any, n: int) -> Tensor:
    return apply(POWER_LOG, same_shape("pow", (x, y)), {"n": n})


power: Callable[..., Tensor] = elementwise(
    "pow", _power_kernel, _power_by_base, _power_by_exponent,
    doc=doc("x to the power of y, item by item.",
            ">>> wg.power(wg.tensor([1., 2., 3.]), 2)\ntensor([1., 4., 9.])", inputs=2,
            formula="d/dx = y x**(y - 1), 0 for x = y = 0; d/dy = z log x, 0 for x = 0 <= y."),
)  # fmt: skip


# ---------------------------------------------------------------- exponentials, logarithms, circular functions

exp: Callable[..., Tensor] = elementwise(
    "exp", Elementwise("exp"), lambda z: z, floating=True,
    doc=doc("e to the power of each item.", ">>> wg.exp(wg.tensor([0., 1.]))\ntensor([1.0000, 2.7183])"),
)  # fmt: skip


expm1: Callable[..., Tensor] = elementwise(
    "expm1", Elementwise("expm1"), fused(lambda g, x: g * step(exp, x)), floating=True,
    doc=doc("exp(x) - 1, exact near zero.", ">>> wg.expm1(wg.tensor([0., 1.]))\ntensor([0.0000, 1.7183])"),
)  # fmt: skip


log: Callable[..., Tensor] = elementwise(
    "log", _log_kernel, lambda g, x: g / x, floating=True,
    doc=doc("The natural logarithm of each item; -inf at 0, NaN below.",
            ">>> wg.log(wg.tensor([1., 10.]))\ntensor([0.0000, 2.3026])"),
)  # fmt: skip


log1p: Callable[..., Tensor] = elementwise(
    "log1p", Elementwise("log1p"), fused(lambda g, x: g / (x + 1.0)), floating=True,
    doc=doc("log(1 + x), exact near zero.", ">>> wg.log1p(wg.tensor([0., 1.]))\ntensor([0.0000, 0.6931])"),
)  # fmt: skip


sin: Callable[..., Tensor] = elementwise(
    "sin", Elementwise("sin"), fused(lambda g, x: g * step(cos, x)), floating=True,
    doc=doc("The sine of each item, in radians.", ">>> wg.sin(wg.tensor([0., 1.]))\ntensor([0.0000, 0.8415])"),
)  # fmt: skip


cos: Callable[..., Tensor] = elementwise(
    "cos", Elementwise("cos"), fused(lambda g, x: g * -step(sin, x)), floating=True,
    doc=doc("The cosine of each item, in radians.", ">>> wg.cos(wg.tensor([0., 1.]))\ntensor([1.0000, 0.5403])"),
)  # fmt: skip


erf: Callable[..., Tensor] = elementwise(
    "erf", Elementwise("erf"), fused(lambda g, x: g * (step(exp, -x * x) * (2 / math.sqrt(math.pi)))),
    floating=True,
    doc=doc("The error function of each item.", ">>> wg.erf(wg.tensor([0., 1.]))\ntensor([0.0000, 0.8427])"),
)  # fmt: skip


@half_kernel
def _sinc_derivative_kernel(x: np.ndarray, n: int) -> np.ndarray:
    """The derivative of order n of sin(pi x) / (pi x), in float64.

    Near 0 by its power series. Elsewhere by Leibniz's rule for x sinc(x) = sin(pi x) / pi, which gives each derivative
    from the one before, and loses digits where x is small.
    """
    wide = x.astype(np.float64)
    y = wide * math.pi
    with np.errstate(all="ignore"):
        rest = (wide - np.round(wide)) * math.pi
        even = np.where(np.round(wide) % 2 == 0, 1.0, -1.0)
        sine, cosine = even * np.sin(rest), even * np.cos(rest)
        far = sine / y
        for k in range(1, n + 1):
            turned = (sine, cosine, -sine, -cosine)[k % 4]
            far = (math.pi ** (k - 1) * turned - k * far) / wide
        near, low = np.zeros_like(y), np.abs(y) <= n + 2
        inside = np.where(low, y, 0.0)
        for k in range(n // 2 + n % 2, n + 20):
            near += (-1) ** k / ((2 * k + 1) * math.factorial(2 * k - n)) * inside ** (2 * k - n)
        found: np.ndarray = dtypes.convert(np.where(low, near * math.pi**n, far), x.dtype)
    return found


_sinc_derivative: Callable[..., Tensor] = elementwise(
    "sinc_derivative", _sinc_derivative_kernel, lambda x, n: _sinc_derivative(x, n=n + 1)
)


# x times the derivative of sinc at y.
_sinc_grad: Callable[..., Tensor] = elementwise(
    "sinc_backward", Elementwise("sinc_grad"),
    lambda g, y: _sinc_grad(g, y), lambda g, x, y: g * x * _sinc_derivative(y, n=2),
)  # fmt: skip


sinc: Callable[..., Tensor] = elementwise(
    "sinc", Elementwise("sinc"), lambda g, x: _sinc_grad(g, x), floating=True,
    doc=doc("sin(pi x) / (pi x), item by item, and 1 at 0.",
            ">>> wg.sinc(wg.tensor([0., 0.5, 1.]))\ntensor([1.0000, 0.6366, 0.0000])",
            note="The error is at most 3.5 units in the last place; at integers other than 0 the value is exactly 0.\n"
                 "Derivatives of all orders are right at 0 too."),
)  # fmt: skip


# ---------------------------------------------------------------- activations

# x * (1 - y**2): the derivative of tanh at the result y.
tanh_grad: Callable[..., Tensor] = elementwise(
    "tanh_backward", Elementwise("tanh_grad"), lambda g, y: tanh_grad(g, y), lambda g, x, y: g * x * y * -2.0
)


tanh: Callable[..., Tensor] = elementwise(
    "tanh", Elementwise("tanh"), lambda g, z: tanh_grad(g, z), floating=True,
    doc=doc("The hyperbolic tangent of each item.", ">>> wg.tanh(wg.tensor([0., 1.]))\ntensor([0.0000, 0.7616])"),
)  # fmt: skip


# x * y * (1 - y): the derivative of the sigmoid at the result y.
sigmoid_grad: Callable[..., Tensor] = elementwise(
    "sigmoid_backward", Elementwise("sigmoid_grad"),
    lambda g, y: sigmoid_grad(g, y), lambda g, x, y: g * x * (1.0 - y * 2.0),
)  # fmt: skip


sigmoid: Callable[..., Tensor] = elementwise(
    "sigmoid", Elementwise("sigmoid"), lambda g, z: sigmoid_grad(g, z), floating=True,
    doc=doc("1 / (1 + exp(-x)), item by item.", ">>> wg.sigmoid(wg.tensor([0., 1.]))\ntensor([0.5000, 0.7311])"),
)  # fmt: skip


def float_power(x: Any, y: Any) -> Tensor:
    """x to the power of y in float64, item by item.

    Parameters
    ----------
    x, y : tensor, array or number
        Of shapes that broadcast together.

    Returns
    -------
    Tensor of float64
        Of the broadcast shape.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.

    Examples
    --------
    >>> wg.float_power(wg.tensor([1, 2]), -1)
    tensor([1.0000, 0.5000], dtype=wengert.float64)
    """
    return power(*(cast(enter(v, dtypes.float64), dtypes.float64) for v in (x, y)))


@exported_as("power")
def cheapest_power(x: Any, y: Any) -> Tensor:
    """x to the power of y, by the cheapest operation that gives it.

    Parameters
    ----------
    x, y : tensor, array or number
        Of shapes that broadcast together; of two dtypes the result has the one that `wengert.result_type` gives.

    Returns
    -------
    Tensor
        Of the broadcast shape. A negative base has NaN for a power that is not whole.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.

    Examples
    --------
    >>> wg.pow(wg.tensor([1., 2., 3.]), 2)
    tensor([1., 4., 9.])
    >>> wg.pow(2., wg.tensor([1., 2., 3.]))
    tensor([2., 4., 8.])
    """
    if isinstance(y, (int, float)) and isinstance(x, Variable) and x._value.dtype.kind == "f":
        if y == 2:
            return square(x)
        if y == 3:
            return cube(x)
        if y == 1:
            return clone(x)
        if y == -1:
            return reciprocal(x)
        if y == 0.5:
            return sqrt(x)
    return power(x, y)


# ---------------------------------------------------------------- circular functions

tan: Callable[..., Tensor] = elementwise(
    "tan", Elementwise("tan"), fused(lambda g, z: g * (step(square, z) + 1.0)), floating=True,
    doc=doc("The tangent of each item, in radians.", ">>> wg.tan(wg.tensor([0., 1.]))\ntensor([0.0000, 1.5574])"),
)  # fmt: skip


asin: Callable[..., Tensor] = elementwise(
    "asin", Elementwise("asin"), fused(lambda g, x: g / step(sqrt, 1.0 - step(square, x))), floating=True,
    doc=doc("The angle in [-pi/2, pi/2] whose sine each item is; NaN outside of [-1, 1].",
            ">>> wg.asin(wg.tensor([0., 1.]))\ntensor([0.0000, 1.5708])"),
)  # fmt: skip


acos: Callable[..., Tensor] = elementwise(
    "acos", Elementwise("acos"), fused(lambda g, x: -g / step(sqrt, 1.0 - step(square, x))), floating=True,
    doc=doc("The angle in [0, pi] whose cosine each item is; NaN outside of [-1, 1].",
            ">>> wg.acos(wg.tensor([1., 0.]))\ntensor([0.0000, 1.5708])"),
)  # fmt: skip


atan: Callable[..., Tensor] = elementwise(
    "atan", Elementwise("atan"), fused(lambda g, x: g / (step(square, x) + 1.0)), floating=True,
    doc=doc("The angle in (-pi/2, pi/2) whose tangent each item is.",
            ">>> wg.atan(wg.tensor([0., 1.]))\ntensor([0.0000, 0.7854])"),
)  # fmt: skip


atan2: Callable[..., Tensor] = elementwise(
    "atan2", Elementwise("atan2"), fused(lambda g, x, y: _over_square(g, y, x)),
    fused(lambda g, x, y: _over_square(-g, x, y)), floating=True,
    doc=doc("The angle in [-pi, pi] of the point with ordinate x and abscissa y, seen from the origin.",
            ">>> wg.atan2(wg.tensor([1., -1.]), wg.tensor([1., -1.]))\ntensor([ 0.7854, -2.3562])", inputs=2,
            note="The derivative at the origin is 0."),
)  # fmt: skip


# ---------------------------------------------------------------- hyperbolic functions

sinh: Callable[..., Tensor] = elementwise(
    "sinh", Elementwise("sinh"), fused(lambda g, x: g * step(cosh, x)), floating=True,
    doc=doc("The hyperbolic sine of each item.", ">>> wg.sinh(wg.tensor([0., 1.]))\ntensor([0.0000, 1.1752])"),
)  # fmt: skip


cosh: Callable[..., Tensor] = elementwise(
    "cosh", Elementwise("cosh"), fused(lambda g, x: g * step(sinh, x)), floating=True,
    doc=doc("The hyperbolic cosine of each item.", ">>> wg.cosh(wg.tensor([0., 1.]))\ntensor([1.0000, 1.5431])"),
)  # fmt: skip


asinh: Callable[..., Tensor] = elementwise(
    "asinh", Elementwise("asinh"), fused(lambda g, x: g / step(sqrt, step(square, x) + 1.0)), floating=True,
    doc=doc("The number whose hyperbolic sine each item is.",
            ">>> wg.asinh(wg.tensor([0., 1.]))\ntensor([0.0000, 0.8814])"),
)  # fmt: skip


acosh: Callable[..., Tensor] = elementwise(
    "acosh", Elementwise("acosh"), fused(lambda g, x: g / step(sqrt, step(square, x) - 1.0)), floating=True,
    doc=doc("The number >= 0 whose hyperbolic cosine each item is; NaN below 1.",
            ">>> wg.acosh(wg.tensor([1., 2.]))\ntensor([0.0000, 1.3170])"),
)  # fmt: skip


atanh: Callable[..., Tensor] = elementwise(
    "atanh", Elementwise("atanh"), fused(lambda g, x: g / (1.0 - step(square, x))), floating=True,
    doc=doc("The number whose hyperbolic tangent each item is; infinite at -1 and 1, NaN outside.",
            ">>> wg.atanh(wg.tensor([0., 0.5]))\ntensor([0.0000, 0.5493])"),
)  # fmt: skip


# ---------------------------------------------------------------- powers and logarithms to other bases

exp2: Callable[..., Tensor] = elementwise(
    "exp2", Elementwise("exp2"), fused(lambda g, z: g * (z * math.log(2))), floating=True,
    doc=doc("2 to the power of each item.", ">>> wg.exp2(wg.tensor([0., 1., 3.]))\ntensor([1., 2., 8.])"),
)  # fmt: skip


log2: Callable[..., Tensor] = elementwise(
    "log2", Elementwise("log2"), fused(lambda g, x: g / (x * math.log(2))), floating=True,
    doc=doc("The logarithm to the base 2 of each item; -inf at 0, NaN below.",
            ">>> wg.log2(wg.tensor([1., 8.]))\ntensor([0., 3.])"),
)  # fmt: skip


log10: Callable[..., Tensor] = elementwise(
    "log10", Elementwise("log10"), fused(lambda g, x: g / (x * math.log(10))), floating=True,
    doc=doc("The logarithm to the base 10 of each item; -inf at 0, NaN below.",
            ">>> wg.log10(wg.tensor([2., 20.]))\ntensor([0.3010, 1.3010])"),
)  # fmt: skip


rsqrt: Callable[..., Tensor] = elementwise(
    "rsqrt", Elementwise("rsqrt"), fused(lambda g, z: g * (step(cube, z) * -0.5)), floating=True,
    doc=doc("1 / sqrt(x), item by item; infinite at 0, NaN below.",
            ">>> wg.rsqrt(wg.tensor([1., 4.]))\ntensor([1.0000, 0.5000])"),
)  # fmt: skip


# ---------------------------------------------------------------- of two arguments


def _over(x: Any, z: Any) -> Any:
    """x / z, and 0 where z = 0."""
    zero = step(eq, z, 0.0)
    return step(where, zero, 0.0, x / step(where, zero, 1.0, z))


_over_length = fused(lambda g, x, z: g * _over(x, z))


def _over_square(g: Any, x: Any, y: Any) -> Any:
    """g x / (x^2 + y^2) without overflow, and 0 where both are 0."""
    z = step(hypot, x, y)
    return g * _over(_over(x, z), z)


hypot: Callable[..., Tensor] = elementwise(
    "hypot", Elementwise("hypot"), lambda g, x, z: _over_length(g, x, z), lambda g, y, z: _over_length(g, y, z),
    floating=True,
    doc=doc("sqrt(x^2 + y^2), item by item, without overflow.",
            ">>> wg.hypot(wg.tensor([3.]), wg.tensor([4.]))\ntensor([5.])", inputs=2, note="The derivative at 0 is 0."),
)  # fmt: skip


def _finite_difference(x: Any, y: Any) -> Any:
    """x - y, and 0 where both are the same infinity, whose difference is NaN."""
    difference = x - y
    known = step(where, step(eq, difference, 0.0), difference, 0.0)
    return step(where, step(eq, x, y), known, difference)


logaddexp: Callable[..., Tensor] = elementwise(
    "logaddexp", Elementwise("logaddexp"),
    fused(lambda g, x, y: g * step(sigmoid, _finite_difference(x, y))),
    fused(lambda g, x, y: g * step(sigmoid, _finite_difference(y, x))), floating=True,
    doc=doc("log(exp(x) + exp(y)), item by item, without overflow.",
            ">>> wg.logaddexp(wg.tensor([0., 1000.]), wg.tensor([0., 1000.]))\n"
            "tensor([6.9315e-01, 1.0007e+03])", inputs=2),
)  # fmt: skip


logaddexp2: Callable[..., Tensor] = elementwise(
    "logaddexp2", Elementwise("logaddexp2"),
    fused(lambda g, x, y: g * step(sigmoid, _finite_difference(x, y) * math.log(2))),
    fused(lambda g, x, y: g * step(sigmoid, _finite_difference(y, x) * math.log(2))), floating=True,
    doc=doc("log2(2^x + 2^y), item by item, without overflow.",
            ">>> wg.logaddexp2(wg.tensor([0., 1000.]), wg.tensor([0., 1000.]))\n"
            "tensor([1.0000e+00, 1.0010e+03])", inputs=2),
)  # fmt: skip


def _unless(zero: Any, low: Any, value: Any, other: Any) -> Any:
    """`value` where both conditions hold, and `other` elsewhere."""
    return step(where, zero, step(where, low, value, other), other)


def _where_needed(g: Any, logarithm: Callable[..., Any], x: Any, y: Any, pole: float) -> Any:
    """g times a logarithm of y, or of y from its pole, which is 0 where x = 0 and y is at its pole or below."""
    return g * step(logarithm, _unless(step(eq, x, 0.0), step(less_equal, y, pole), pole + 1.0, y))


def _ratio(g: Any, x: Any, y: Any) -> Any:
    """g x / y, and 0 where both are 0."""
    both = step(eq, x, 0.0), step(eq, y, 0.0)
    return g * _unless(*both, 0.0, x / _unless(*both, 1.0, y))


_xlogy_by_factor = fused(lambda g, x, y: _where_needed(g, log, x, y, 0.0))
_xlog1py_by_factor = fused(lambda g, x, y: _where_needed(g, log1p, x, y, -1.0))


def _as_tensor(x: Any, y: Any) -> Any:
    """y, a number as a tensor of x's dtype, which all steps can be of."""
    return constant(np.full, (), y, x._value.dtype) if isinstance(y, (int, float)) else y


xlogy: Callable[..., Tensor] = elementwise(
    "xlogy", Elementwise("xlogy"), lambda g, x, y: _xlogy_by_factor(g, x, _as_tensor(x, y)),
    fused(lambda g, x, y: _ratio(g, x, y)), floating=True,
    doc=doc("x log(y), item by item, and 0 where x is.",
            ">>> wg.xlogy(wg.tensor([0., 2.]), wg.tensor([0., 1.]))\ntensor([0., 0.])", inputs=2),
)  # fmt: skip


xlog1py: Callable[..., Tensor] = elementwise(
    "xlog1py", Elementwise("xlog1py"), lambda g, x, y: _xlog1py_by_factor(g, x, _as_tensor(x, y)),
    fused(lambda g, x, y: _ratio(g, x, y + 1.0)), floating=True,
    doc=doc("x log(1 + y), item by item, exact for small y, and 0 where x is.",
            ">>> wg.special.xlog1py(wg.tensor([0., 2.]), wg.tensor([-1., 1.]))\ntensor([0.0000, 1.3863])", inputs=2),
)  # fmt: skip


entr: Callable[..., Tensor] = elementwise(
    "entr", Elementwise("entr"), fused(lambda g, x: -g * (step(log, x) + 1.0)), floating=True,
    doc=doc("-x log(x), item by item: 0 at 0, and -inf below.",
            ">>> wg.special.entr(wg.tensor([0., 0.5, 2.]))\ntensor([ 0.0000,  0.3466, -1.3863])",
            note="The derivative is infinite at 0, and NaN below."),
)  # fmt: skip


# ---------------------------------------------------------------- compositions


_logit_kernel, _logit_grad_kernel = Elementwise("logit"), Elementwise("logit_grad")

# x / (y (1 - y)), and a number where y is outside of an interval; `params` are its ends and the number.
_logit_grad: Callable[..., Tensor] = elementwise(
    "logit_backward", by_bindings(lambda x, y, params: _logit_grad_kernel(x, y, None, params)),
    lambda g, y, params: _logit_grad(g, y, params=(*params[:2], 0.0)),
    lambda g, x, y, params: _logit_curve(g * x, y, (*params[:2], 0.0)),
)  # fmt: skip


def _logit_curve(g: Any, y: Any, params: tuple[float, float, float]) -> Tensor:
    """g (2 y - 1) / (y (1 - y))^2 within the interval."""
    return _logit_grad(_logit_grad(g * (y * 2.0 - 1.0), y, params=params), y, params=params)


def _logit_slope(g: Any, x: Any, eps: float | None) -> Tensor:
    """g / (x (1 - x)); outside of the limits 0, and NaN where there are none."""
    return _logit_grad(g, x, params=(0.0, 1.0, math.nan) if eps is None else (eps, 1 - eps, 0.0))


_logit: Callable[..., Tensor] = elementwise(
    "logit",
    by_bindings(
        lambda x, eps: _logit_kernel(x, None, None, (-math.inf, math.inf) if eps is None else (eps, 1 - eps))
    ),
    lambda g, x, eps: _logit_slope(g, x, eps), floating=True,
)  # fmt: skip


def logit(x: Any, eps: float | None = None) -> Tensor:
    """The inverse of the sigmoid, log(x / (1 - x)), item by item.

    Parameters
    ----------
    x : tensor, array or number
        In [0, 1]; NaN outside.
    eps : float or None
        Limit x to [eps, 1 - eps] first.

    Returns
    -------
    Tensor
        Of the same shape. The derivative is 0 where x is limited, NaN where the result is.

    Examples
    --------
    >>> wg.logit(wg.tensor([0.5, 0.75]))
    tensor([0.0000, 1.0986])
    """
    return _logit(x, eps=None if eps is None else float(eps))


def deg2rad(x: Any) -> Tensor:
    """Degrees as radians.

    Parameters
    ----------
    x : tensor, array or number

    Returns
    -------
    Tensor
        Of the same shape.

    Examples
    --------
    >>> wg.deg2rad(wg.tensor([180., 90.]))
    tensor([3.1416, 1.5708])
    """
    return as_floating(x) * (math.pi / 180)


def rad2deg(x: Any) -> Tensor:
    """Radians as degrees.

    Parameters
    ----------
    x : tensor, array or number

    Returns
    -------
    Tensor
        Of the same shape.

    Examples
    --------
    >>> wg.rad2deg(wg.tensor([0., 3.14159265]))
    tensor([  0., 180.])
    """
    return as_floating(x) * (180 / math.pi)
