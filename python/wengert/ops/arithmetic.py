"""Arithmetic, item by item: sums and products, extremes of two, roundings, quotients with their remainders, bounds."""

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
from ..core.broadcast import as_floating, beside, match, ready
from ..core.define import Function, elementwise, primitive
from ..core.doors import enter
from ..core.half import half_kernel
from ..core.tape import Operation, apply
from ..core.variable import Variable
from .chains import fused, step
from .compare import eq, greater, greater_equal, isfinite, less, less_equal, logical_and, logical_or, where
from .naming import doc, exported_as
from .numpy_kernels import numbers, quiet

__all__ = [
    "abs", "addcdiv", "addcmul", "ceil", "clamp_max", "clamp_min", "clip", "copysign", "floor", "floor_divide",
    "fmod", "frac", "lerp", "maximum", "minimum", "multiply", "nan_to_num", "negative", "nextafter", "reciprocal",
    "remainder", "round", "sign", "sqrt", "square", "trunc",
]  # fmt: skip

# ---------------------------------------------------------------- arithmetic

add: Callable[..., Tensor] = elementwise(
    "add", Elementwise("add", np.add), lambda g: g, lambda g: g,
    doc=doc("The sum x + y, item by item.", ">>> wg.add(wg.tensor([1., 2.]), 10)\ntensor([11., 12.])", inputs=2),
)  # fmt: skip


subtract: Callable[..., Tensor] = elementwise(
    "sub", Elementwise("subtract", numbers("sub", np.subtract, "^ or logical_xor")), lambda g: g, lambda g: -g,
    doc=doc("The difference x - y, item by item.",
            ">>> wg.subtract(wg.tensor([1., 2.]), 10)\ntensor([-9., -8.])", inputs=2),
)  # fmt: skip


multiply: Callable[..., Tensor] = elementwise(
    "mul", Elementwise("multiply", np.multiply), lambda y: y, lambda x: x,
    doc=doc("The product x * y, item by item.",
            ">>> wg.multiply(wg.tensor([1., 2.]), 10)\ntensor([10., 20.])", inputs=2),
)  # fmt: skip


divide: Callable[..., Tensor] = elementwise(
    "div", Elementwise("divide", np.true_divide), lambda g, y: g / y, fused(lambda g, x, y: -g * (x / y) / y),
    floating=True,
    doc=doc("The quotient x / y, item by item; of integers too, in the default float.",
            ">>> wg.divide(wg.tensor([1., 2.]), 4)\ntensor([0.2500, 0.5000])", inputs=2),
)  # fmt: skip


maximum: Callable[..., Tensor] = elementwise(
    "maximum", Elementwise("maximum", np.maximum), lambda g, x, y: _share(g, x, y), lambda g, x, y: _share(g, y, x),
    doc=doc("The larger of x and y, item by item; NaN where either is.",
            ">>> wg.maximum(wg.tensor([1., 5.]), 3)\ntensor([3., 5.])", inputs=2,
            note="Where x = y, each gets half of the gradient."),
)  # fmt: skip


minimum: Callable[..., Tensor] = elementwise(
    "minimum", Elementwise("minimum", np.minimum), lambda g, x, y: _share(g, y, x), lambda g, x, y: _share(g, x, y),
    doc=doc("The smaller of x and y, item by item; NaN where either is.",
            ">>> wg.minimum(wg.tensor([1., 5.]), 3)\ntensor([1., 3.])", inputs=2,
            note="Where x = y, each gets half of the gradient."),
)  # fmt: skip


@fused
def _share(g: Any, winner: Any, loser: Any) -> Any:
    """g where winner > loser, half of it where they are equal; g where either is NaN, so that it is not hidden."""
    return step(where, step(eq, winner, loser), g * 0.5, step(where, step(less, winner, loser), 0.0, g))


negative: Callable[..., Tensor] = elementwise(
    "neg", Elementwise("negative", numbers("neg", np.negative, "~ or logical_not")), lambda g: -g,
    doc=doc("The negative of each item.", ">>> wg.negative(wg.tensor([1., -2.]))\ntensor([-1.,  2.])"),
)  # fmt: skip


abs: Callable[..., Tensor] = elementwise(
    "abs", Elementwise("abs", np.abs), fused(lambda g, x: g * step(sign, x)),
    doc=doc("The absolute value of each item.", ">>> wg.abs(wg.tensor([1., -2.]))\ntensor([1., 2.])",
            note="The derivative at 0 is 0."),
)  # fmt: skip


sign: Callable[..., Tensor] = elementwise(
    "sign", Elementwise("sign", lambda x: x.copy() if x.dtype == dtypes.bool else np.sign(x)), None,
    doc=doc("-1, 0 or 1 by the sign of each item; NaN for NaN.",
            ">>> wg.sign(wg.tensor([3., 0., -2.]))\ntensor([ 1.,  0., -1.])"),
)  # fmt: skip


reciprocal: Callable[..., Tensor] = elementwise(
    "reciprocal", Elementwise("reciprocal"), fused(lambda g, z: g * (-z * z)), floating=True,
    doc=doc("1 / x, item by item.", ">>> wg.reciprocal(wg.tensor([2., 4.]))\ntensor([0.5000, 0.2500])"),
)  # fmt: skip


square: Callable[..., Tensor] = elementwise(
    "square", Elementwise("square", lambda x: np.square(x, dtype=np.int64 if x.dtype == dtypes.bool else None)),
    fused(lambda g, x: g * (x * 2.0)),
    doc=doc("x * x, item by item.", ">>> wg.square(wg.tensor([2., 3.]))\ntensor([4., 9.])"),
)  # fmt: skip


# What x**3 is computed by.
cube: Callable[..., Tensor] = elementwise("cube", Elementwise("cube"), fused(lambda g, x: g * (step(square, x) * 3.0)))


sqrt: Callable[..., Tensor] = elementwise(
    "sqrt", Elementwise("sqrt"), fused(lambda g, z: g / (z * 2.0)), floating=True,
    doc=doc("The square root of each item; NaN for negative ones.",
            ">>> wg.sqrt(wg.tensor([4., 9.]))\ntensor([2., 3.])"),
)  # fmt: skip


_clip_kernel = Elementwise("clip", np.clip)


_clip: Callable[..., Tensor] = elementwise(
    "clamp", by_bindings(lambda x, low, high: _clip_kernel(x, None, None, (low, high))),
    lambda g, x, low, high: where(logical_and(greater_equal(x, low), less_equal(x, high)), g, 0.0),
)  # fmt: skip


_clip_below: Callable[..., Tensor] = elementwise(
    "clamp_min", Elementwise("maximum", np.maximum),
    lambda g, x, y: where(greater_equal(x, y), g, 0.0), lambda g, x, y: where(less(x, y), g, 0.0),
)  # fmt: skip


_clip_above: Callable[..., Tensor] = elementwise(
    "clamp_max", Elementwise("minimum", np.minimum),
    lambda g, x, y: where(less_equal(x, y), g, 0.0), lambda g, x, y: where(greater(x, y), g, 0.0),
)  # fmt: skip


_maximum, _minimum = Elementwise("maximum", np.maximum), Elementwise("minimum", np.minimum)


def _within(g: Any, x: Any, low: Any, high: Any) -> Tensor:
    return where(logical_and(greater_equal(x, low), less_equal(x, high)), g, 0.0)


def _of_low(g: Any, x: Any, low: Any, high: Any) -> Tensor:
    return where(logical_and(less(x, low), less(low, high)), g, 0.0)


def _of_high(g: Any, x: Any, low: Any, high: Any) -> Tensor:
    """Where the limits cross, all is the upper one."""
    return where(logical_or(greater(x, high), less(high, low)), g, 0.0)


_clip_between = primitive(
    "clamp_tensor", by_bindings(lambda x, low, high: _minimum(_maximum(x, low), high)), (_within, _of_low, _of_high),
    (
        lambda t, x, low, high: _within(t, x, low, high), lambda t, x, low, high: _of_low(t, x, low, high),
        lambda t, x, low, high: _of_high(t, x, low, high),
    ),
    arguments=("x", "low", "high"),
    batched=aligned,
)  # fmt: skip


def clip(x: Any, min: Any = None, max: Any = None) -> Tensor:
    """Each item limited to the interval from `min` to `max`.

    Parameters
    ----------
    x : tensor, array or number
    min, max : number, tensor or None
        None for no limit on that side; at least one is given.

    Returns
    -------
    Tensor
        Of the shape that all broadcast to; `max` where `min` is above it. At the limits the derivative is 1 by x, and
        0 by the limit.

    Raises
    ------
    ValueError
        If neither limit is given, or the shapes do not broadcast.

    Examples
    --------
    >>> wg.clip(wg.tensor([-1., 0.5, 2.]), 0, 1)
    tensor([0.0000, 0.5000, 1.0000])
    """
    if min is None and max is None:
        raise ValueError("clip: expected min, max or both")
    if (min is None or isinstance(min, (int, float))) and (max is None or isinstance(max, (int, float))):
        x = enter(x)
        if x._value.dtype.kind == "f" or isinstance(min, float) or isinstance(max, float):
            low, high = -math.inf if min is None else min, math.inf if max is None else max
            return _clip(as_floating(x), low=float(low), high=float(high))
        return _clip(x, low=min, high=max)
    if max is None:
        return _clip_below(x, min)
    if min is None:
        return _clip_above(x, max)
    return apply(_clip_between, match("clip", beside(x, min, max), min, max))


# ---------------------------------------------------------------- arithmetic with options


def _scaled(y: Any, alpha: Any) -> Any:
    if isinstance(alpha, (int, float)) and alpha == 1:
        return y
    return (y if isinstance(y, (Variable, int, float)) else enter(y)) * alpha


@exported_as("add")
def add_scaled(x: Any, y: Any, *, alpha: Any = 1) -> Tensor:
    """The sum x + alpha * y, item by item.

    Parameters
    ----------
    x, y : tensor, array or number
        Of shapes that broadcast together; of two dtypes the result has the one that `wengert.result_type` gives.
    alpha : number

    Returns
    -------
    Tensor
        Of the broadcast shape.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.

    Examples
    --------
    >>> wg.add(wg.tensor([1., 2.]), 10)
    tensor([11., 12.])
    >>> wg.add(wg.tensor([1., 2.]), wg.tensor([3., 4.]), alpha=10)
    tensor([31., 42.])
    """
    return add(x, y if type(alpha) is int and alpha == 1 else _scaled(y, alpha))


@exported_as("subtract")
def subtract_scaled(x: Any, y: Any, *, alpha: Any = 1) -> Tensor:
    """The difference x - alpha * y, item by item.

    Parameters
    ----------
    x, y : tensor, array or number
        Of shapes that broadcast together; of two dtypes the result has the one that `wengert.result_type` gives.
    alpha : number

    Returns
    -------
    Tensor
        Of the broadcast shape.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.

    Examples
    --------
    >>> wg.subtract(wg.tensor([1., 2.]), 10)
    tensor([-9., -8.])
    """
    return subtract(x, y if type(alpha) is int and alpha == 1 else _scaled(y, alpha))


@exported_as("divide")
def divide_rounded(x: Any, y: Any, *, rounding_mode: str | None = None) -> Tensor:
    """The quotient x / y, item by item; of integers too, in the default float.

    Parameters
    ----------
    x, y : tensor, array or number
        Of shapes that broadcast together; of two dtypes the result has the one that `wengert.result_type` gives.
    rounding_mode : None, "floor" or "trunc"
        Round the quotient down or towards zero; the result of integers is then an integer.

    Returns
    -------
    Tensor
        Of the broadcast shape.

    Raises
    ------
    ValueError
        If the shapes do not broadcast, or there is no such rounding mode.
    ZeroDivisionError
        If integers are divided by zero with a rounding mode.

    Examples
    --------
    >>> wg.divide(wg.tensor([1., 2.]), 4)
    tensor([0.2500, 0.5000])
    >>> wg.divide(wg.tensor([7, -7]), 2, rounding_mode="trunc")
    tensor([ 3, -3])
    """
    return divide(x, y) if rounding_mode is None else rounding_divide("div", x, y, rounding_mode)


# ---------------------------------------------------------------- blends

_by_start = fused(lambda g, weight: g * (1.0 - weight))
_by_weight = fused(lambda g, start, end: g * (end - start))

_lerp = primitive(
    "lerp", Elementwise("lerp"),
    (
        lambda g, weight: _by_start(g, weight), lambda g, weight: g * weight,
        lambda g, start, end: _by_weight(g, start, end),
    ),
    (
        lambda t, weight: _by_start(t, weight), lambda t, weight: t * weight,
        lambda t, start, end: _by_weight(t, start, end),
    ),
    arguments=("start", "end", "weight"),
    batched=aligned,
)  # fmt: skip


def lerp(start: Any, end: Any, weight: Any) -> Tensor:
    """start + weight * (end - start), item by item.

    Parameters
    ----------
    start, end : tensor or array
    weight : tensor, array or number
        All three broadcast together.

    Returns
    -------
    Tensor
        Of the broadcast shape.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.

    Examples
    --------
    >>> wg.lerp(wg.tensor([0., 10.]), wg.tensor([10., 20.]), 0.5)
    tensor([ 5., 15.])
    """
    if not _alike(start, end, weight):
        start, end = as_floating(beside(start, end)), as_floating(beside(end, start))
        start, end, weight = match("lerp", start, end, weight, floating=True)
    return apply(_lerp, (start, end, weight))


def _alike(x: Any, y: Any, z: Any) -> bool:
    """Whether an operation of three takes these as they are: by twos, since a derivative may be wanted by one alone."""
    return isinstance(x, Variable) and ready(x, y, True) and ready(x, z, True) and ready(y, z, True)


def _times(x: Any, value: Any) -> Any:
    return x if value == 1 else x * value


def _addcmul_of_integers(x: Any, y: Any, z: Any, value: float) -> np.ndarray:
    return np.asarray(x + (y if value == 1 else y * int(value)) * z)


_addcmul_kernel, _addcdiv_kernel = Elementwise("addcmul", _addcmul_of_integers), Elementwise("addcdiv")

_addcmul = primitive(
    "addcmul", by_bindings(lambda x, y, z, value: _addcmul_kernel(x, y, z, (value,))),
    (
        lambda g: g, lambda g, tensor2, value: _times(g * tensor2, value),
        lambda g, tensor1, value: _times(g * tensor1, value),
    ),
    (
        lambda t: t, lambda t, tensor2, value: _times(t * tensor2, value),
        lambda t, tensor1, value: _times(t * tensor1, value),
    ),
    arguments=("x", "tensor1", "tensor2"),
    batched=aligned,
)  # fmt: skip


@fused
def _by_divisor(g: Any, x: Any, y: Any, value: Any) -> Any:
    return -g * (x / y) / y * value


_addcdiv = primitive(
    "addcdiv", by_bindings(lambda x, y, z, value: _addcdiv_kernel(x, y, z, (value,))),
    (
        lambda g: g, lambda g, tensor2, value: _times(g / tensor2, value),
        lambda g, tensor1, tensor2, value: _by_divisor(g, tensor1, tensor2, value),
    ),
    (
        lambda t: t, lambda t, tensor2, value: _times(t / tensor2, value),
        lambda t, tensor1, tensor2, value: _by_divisor(t, tensor1, tensor2, value),
    ),
    arguments=("x", "tensor1", "tensor2"),
    batched=aligned,
)  # fmt: skip


_NUMBERS = (int, float)


def _blended(operation: Operation, x: Any, y: Any, z: Any, value: Any, floating: bool) -> Tensor:
    """An operation of three operands and a factor; a factor that is a tensor joins the second."""
    if not isinstance(value, (int, float)):
        y, value = multiply(y, value), 1
    x = enter(x)
    floating = floating or isinstance(value, float)
    operands = match(operation.name, x, beside(y, x), beside(z, x), floating=floating)
    return apply(operation, operands, {"value": value})


def addcmul(x: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Tensor:
    """x + value * tensor1 * tensor2, item by item.

    Parameters
    ----------
    x, tensor1, tensor2 : tensor
        Of shapes that broadcast together.
    value : number

    Returns
    -------
    Tensor
        Of the broadcast shape.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.

    Examples
    --------
    >>> wg.addcmul(wg.ones(2), wg.tensor([1., 2.]), wg.tensor([3., 4.]), value=10)
    tensor([31., 81.])
    """
    if type(value) in _NUMBERS and _alike(x, tensor1, tensor2):
        return apply(_addcmul, (x, tensor1, tensor2), {"value": value})
    return _blended(_addcmul, x, tensor1, tensor2, value, floating=False)


def addcdiv(x: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Tensor:
    """x + value * tensor1 / tensor2, item by item.

    Parameters
    ----------
    x, tensor1, tensor2 : tensor
        Of shapes that broadcast together.
    value : number

    Returns
    -------
    Tensor
        Of the broadcast shape.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.

    Examples
    --------
    >>> wg.addcdiv(wg.ones(2), wg.tensor([1., 2.]), wg.tensor([4., 4.]))
    tensor([1.2500, 1.5000])
    """
    if type(value) in _NUMBERS and _alike(x, tensor1, tensor2):
        return apply(_addcdiv, (x, tensor1, tensor2), {"value": value})
    return _blended(_addcdiv, x, tensor1, tensor2, value, floating=True)


# ---------------------------------------------------------------- signs and repairs

copysign: Callable[..., Tensor] = elementwise(
    "copysign", Elementwise("copysign"), lambda g, x, z: _same_sign(g, x, z), None, floating=True,
    doc=doc("|x| with the sign of y, item by item; that of -0. counts.",
              ">>> wg.copysign(wg.tensor([1., -2.]), wg.tensor([-1., 3.]))\ntensor([-1.,  2.])", inputs=2),
)  # fmt: skip


nextafter: Callable[..., Tensor] = elementwise(
    "nextafter", quiet(np.nextafter), lambda g: g, None, floating=True,
    doc=doc("The number next to x on the way to y, item by item.",
              ">>> wg.nextafter(wg.tensor(1., dtype=wg.float64), 2.) - 1 == wg.finfo(wg.float64).eps\ntensor(True)",
              inputs=2, note="Its derivative by x is taken to be 1, as for x plus a constant, and by y 0."),
)  # fmt: skip


@fused
def _same_sign(g: Any, x: Any, z: Any) -> Any:
    """g where z = x, -g where z = -x, 0 where both are 0."""
    return g * (step(sign, x) * step(sign, z))


def clamp_min(x: Any, min: Any) -> Tensor:
    """Each item, or `min` where that is larger.

    Parameters
    ----------
    x : tensor, array or number
    min : number or tensor

    Returns
    -------
    Tensor
        Of the same shape.

    Examples
    --------
    >>> wg.clamp_min(wg.tensor([-1., 2.]), 0)
    tensor([0., 2.])
    """
    return clip(x, min=min)


def clamp_max(x: Any, max: Any) -> Tensor:
    """Each item, or `max` where that is smaller.

    Parameters
    ----------
    x : tensor, array or number
    max : number or tensor

    Returns
    -------
    Tensor
        Of the same shape.

    Examples
    --------
    >>> wg.clamp_max(wg.tensor([-1., 2.]), 0)
    tensor([-1.,  0.])
    """
    return clip(x, max=max)


_nan_to_num_kernel = Elementwise("nan_to_num", lambda x, *_: x.copy())

_nan_to_num: Callable[..., Tensor] = elementwise(
    "nan_to_num", by_bindings(lambda x, params: _nan_to_num_kernel(x, None, None, params)),
    lambda g, x: where(isfinite(x), g, 0.0),
)  # fmt: skip

# What stands for an infinity by default: the largest number of the dtype.
_largest = {np.dtype(name): float(np.finfo(name).max) for name in ("float16", "float32", "float64")}


def nan_to_num(x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """Each item, with finite numbers in place of NaN and of infinities.

    Parameters
    ----------
    x : tensor
    nan : float
        In place of NaN.
    posinf, neginf : float or None
        In place of inf and -inf; None: the largest and the smallest number of the dtype.

    Returns
    -------
    Tensor
        Of the same shape. The derivative is 0 where an item was replaced.

    Examples
    --------
    >>> wg.nan_to_num(wg.tensor([1., float("nan"), float("inf")]), posinf=9.)
    tensor([1., 0., 9.])
    """
    x = enter(x)
    most = _largest.get(x._value.dtype, 0.0)  # integers are left alone
    above, below = most if posinf is None else float(posinf), -most if neginf is None else float(neginf)
    return _nan_to_num(x, params=(float(nan), above, below))


# ---------------------------------------------------------------- rounding


def _whole(name: str) -> Function:
    """What a rounding makes of integers: it leaves them alone."""

    def of_integers(x: np.ndarray) -> np.ndarray:
        if x.dtype.kind == "b":
            raise TypeError(f"{name}: expected numbers, got booleans")
        return x.copy()

    return of_integers


floor: Callable[..., Tensor] = elementwise(
    "floor", Elementwise("floor", _whole("floor")), None,
    doc=doc("The largest whole number that is not above each item.",
            ">>> wg.floor(wg.tensor([1.5, -1.5]))\ntensor([ 1., -2.])"),
)  # fmt: skip


ceil: Callable[..., Tensor] = elementwise(
    "ceil", Elementwise("ceil", _whole("ceil")), None,
    doc=doc("The smallest whole number that is not below each item.",
            ">>> wg.ceil(wg.tensor([1.5, -1.5]))\ntensor([ 2., -1.])"),
)  # fmt: skip


trunc: Callable[..., Tensor] = elementwise(
    "trunc", Elementwise("trunc", _whole("trunc")), None,
    doc=doc("Each item without what stands after the point.",
            ">>> wg.trunc(wg.tensor([1.5, -1.5]))\ntensor([ 1., -1.])"),
)  # fmt: skip


def _to_decimals(x: np.ndarray, decimals: int) -> np.ndarray:
    if x.dtype.kind == "b":
        raise TypeError("round: expected numbers, got booleans")
    found: np.ndarray = np.round(x, decimals)
    return found


_round: Callable[..., Tensor] = elementwise("round", Elementwise("round", _whole("round")), None)
_round_to: Callable[..., Tensor] = elementwise("round", half_kernel(quiet(_to_decimals)), None)


def round(x: Any, *, decimals: int = 0) -> Tensor:
    """The nearest whole number to each item, the even one of two.

    Parameters
    ----------
    x : tensor, array or number
    decimals : int
        Digits to keep after the point; negative: digits to give up before it.

    Returns
    -------
    Tensor
        Of the same shape and dtype; its derivative is zero.

    Raises
    ------
    TypeError
        If `decimals` is no whole number.

    Examples
    --------
    >>> wg.round(wg.tensor([0.5, 1.5, 2.6]))
    tensor([0., 2., 3.])
    >>> wg.round(wg.tensor([1.234]), decimals=1)
    tensor([1.2000])
    """
    if not isinstance(decimals, (int, np.integer)):
        raise TypeError(f"round: expected a whole number of decimals, got {decimals!r}")
    return _round_to(x, decimals=int(decimals)) if decimals else _round(x)


def _no_fraction(x: np.ndarray) -> np.ndarray:
    raise TypeError(f"frac: expected a floating tensor, got {x.dtype}")


frac: Callable[..., Tensor] = elementwise(
    "frac", Elementwise("frac", _no_fraction), lambda g: g,
    doc=doc("What stands after the point of each item, with its sign.",
            ">>> wg.frac(wg.tensor([1.5, -1.25]))\ntensor([ 0.5000, -0.2500])"),
)  # fmt: skip


# ---------------------------------------------------------------- division with a whole quotient


def _division(name: str, function: Function) -> Function:
    """A kernel that refuses to divide integers by zero."""
    quietly = quiet(function)

    def kernel(x: Any, y: Any) -> np.ndarray:
        kinds = {v.dtype.kind for v in (x, y) if isinstance(v, np.ndarray)}
        if "b" in kinds:
            raise TypeError(f"{name}: expected numbers, got booleans")
        if "f" not in kinds and not np.all(y):
            raise ZeroDivisionError(f"{name}: an integer was divided by zero; divide floats for inf and nan")
        z: np.ndarray = quietly(x, y)
        return z

    return kernel


floor_divide: Callable[..., Tensor] = elementwise(
    "floor_divide", Elementwise("floor_divide", _division("floor_divide", np.floor_divide)), None, None,
    doc=doc("The floor of the quotient x / y, item by item: x // y.",
            ">>> wg.floor_divide(wg.tensor([7, -7]), 2)\ntensor([ 3, -4])", inputs=2,
            note="Its derivative is zero. Integers divided by zero raise ZeroDivisionError."),
)  # fmt: skip


trunc_divide: Callable[..., Tensor] = elementwise(
    "div", half_kernel(_division("div", lambda x, y: _toward_zero(x, y))), None, None,
)  # fmt: skip


def _toward_zero(x: Any, y: Any) -> np.ndarray:
    """The quotient without its fraction."""
    quotient: np.ndarray
    if np.result_type(x, y).kind == "f":
        quotient = np.trunc(np.true_divide(x, y))
    else:
        quotient = np.floor_divide(x, y)
        quotient = quotient + ((quotient < 0) & (quotient * y != x))
    return quotient


remainder: Callable[..., Tensor] = elementwise(
    "remainder", Elementwise("remainder", _division("remainder", np.remainder)),
    lambda g: g, fused(lambda g, x, y: -g * step(floor_divide, x, y)),
    doc=doc("x - y floor(x / y), item by item: x % y, with the sign of y.",
            ">>> wg.remainder(wg.tensor([7, -7]), 3)\ntensor([1, 2])", inputs=2,
            note="A remainder of 0 has the sign of x. Integers divided by zero raise ZeroDivisionError."),
)  # fmt: skip


fmod: Callable[..., Tensor] = elementwise(
    "fmod", Elementwise("fmod", _division("fmod", np.fmod)), lambda g: g,
    fused(lambda g, x, y: -g * step(trunc, x / y)),
    doc=doc("x - y trunc(x / y), item by item, with the sign of x.",
            ">>> wg.fmod(wg.tensor([7, -7]), 3)\ntensor([ 1, -1])", inputs=2,
            note="Integers divided by zero raise ZeroDivisionError."),
)  # fmt: skip


def rounding_divide(name: str, x: Any, y: Any, rounding_mode: str) -> Tensor:
    """x / y rounded down ("floor") or towards zero ("trunc")."""
    if rounding_mode == "floor":
        return floor_divide(x, y)
    if rounding_mode == "trunc":
        return trunc_divide(x, y)
    raise ValueError(f'{name}: expected rounding_mode None, "floor" or "trunc", got {rounding_mode!r}')
