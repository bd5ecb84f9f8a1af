"""What acts item by item. Of one array, it is what the library has under the same name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import ops
from .._types import Tensor
from ..core.broadcast import cast
from ..core.define import named
from ..core.doors import enter
from ..core.variable import Variable
from ..ops import (
    abs,
    acos,
    acosh,
    asin,
    asinh,
    atan,
    atanh,
    ceil,
    cos,
    cosh,
    exp,
    expm1,
    floor,
    isfinite,
    isinf,
    isnan,
    log,
    log1p,
    log2,
    log10,
    logical_not,
    negative,
    reciprocal,
    round,
    sign,
    signbit,
    sin,
    sinh,
    sqrt,
    square,
    tan,
    tanh,
    trunc,
)
from ..ops import bitwise_not as bitwise_invert
from .promotion import promoted

__all__ = [
    "abs", "acos", "acosh", "add", "asin", "asinh", "atan", "atan2", "atanh", "bitwise_and", "bitwise_invert",
    "bitwise_left_shift", "bitwise_or", "bitwise_right_shift", "bitwise_xor", "ceil", "clip", "conj", "copysign",
    "cos", "cosh", "divide", "equal", "exp", "expm1", "floor", "floor_divide", "greater", "greater_equal", "hypot",
    "imag", "isfinite", "isinf", "isnan", "less", "less_equal", "log", "log1p", "log2", "log10", "logaddexp",
    "logical_and", "logical_not", "logical_or", "logical_xor", "maximum", "minimum", "multiply", "negative",
    "nextafter", "not_equal", "positive", "pow", "real", "reciprocal", "remainder", "round", "sign", "signbit", "sin",
    "sinh", "sqrt", "square", "subtract", "tan", "tanh", "trunc",
]  # fmt: skip

_DOC = """{summary}

Parameters
----------
x1, x2 : tensor or number
    At least one of them a tensor; of shapes that broadcast together.

Returns
-------
Tensor
    {returns}

Raises
------
TypeError
    If both are Python numbers.
ValueError
    If the shapes do not broadcast.

Examples
--------
>>> wg.array_api.{name}({arguments})
{result}
"""
_PROMOTED, _TRUTH = "Of the dtype that `wengert.array_api.result_type` gives.", "Of booleans."


def _binary(
    name: str, function: Callable[..., Any], summary: str, arguments: str, result: str, returns: str = _PROMOTED
) -> Callable[..., Tensor]:
    """A function of two arrays, which first become of one dtype by the standard's rule."""

    def binary(x1: Any, x2: Any, /) -> Any:
        return function(*promoted(name, x1, x2))

    doc = _DOC.format(name=name, summary=summary, arguments=arguments, result=result, returns=returns)
    return named(binary, name, doc)


add = _binary("add", ops.add, "The sum of two arrays.", "wg.tensor([1, 2]), 3", "tensor([4, 5])")
subtract = _binary("subtract", ops.subtract, "The difference.", "wg.tensor([1, 2]), 3", "tensor([-2, -1])")
multiply = _binary("multiply", ops.multiply, "The product.", "wg.tensor([1, 2]), 3", "tensor([3, 6])")
divide = _binary("divide", ops.divide, "The quotient.", "wg.tensor([1., 2.]), 4", "tensor([0.2500, 0.5000])")
floor_divide = _binary(
    "floor_divide", ops.floor_divide, "The quotient, rounded down.", "wg.tensor([-3, 3]), 2", "tensor([-2,  1])"
)
remainder = _binary(
    "remainder", ops.remainder, "What `floor_divide` leaves, of the sign of x2 unless it is zero.",
    "wg.tensor([-3, 3]), 2", "tensor([1, 1])",
)  # fmt: skip
pow = _binary("pow", ops.pow, "x1 to the power x2.", "wg.tensor([1, 2]), 3", "tensor([1, 8])")
atan2 = _binary(
    "atan2", ops.atan2, "The angle of the point (x2, x1), between -π and π.", "wg.tensor([0., 1.]), 0",
    "tensor([0.0000, 1.5708])",
)  # fmt: skip
copysign = _binary(
    "copysign", ops.copysign, "|x1| with the sign of x2.", "wg.tensor([1., 2.]), -1.", "tensor([-1., -2.])"
)
hypot = _binary("hypot", ops.hypot, "√(x1² + x2²), without overflow on the way.", "wg.tensor([3., 0.]), 4",
                "tensor([5., 4.])")  # fmt: skip
logaddexp = _binary("logaddexp", ops.logaddexp, "log(exp(x1) + exp(x2)), without overflow on the way.",
                    "wg.tensor([0., 1000.]), 0", "tensor([6.9315e-01, 1.0000e+03])")  # fmt: skip
maximum = _binary("maximum", ops.maximum, "The larger of two items; NaN if one is.", "wg.tensor([1, 3]), 2",
                  "tensor([2, 3])")  # fmt: skip
minimum = _binary("minimum", ops.minimum, "The smaller of two items; NaN if one is.", "wg.tensor([1, 3]), 2",
                  "tensor([1, 2])")  # fmt: skip
nextafter = _binary(
    "nextafter", ops.nextafter, "The number next to x1 on the way to x2.",
    "wg.tensor([1.], dtype=wg.float64), 2.", "tensor([1.0000], dtype=wengert.float64)",
)  # fmt: skip
equal = _binary("equal", ops.eq, "Whether two items are equal.", "wg.tensor([1, 2]), 2", "tensor([False,  True])",
                _TRUTH)  # fmt: skip
not_equal = _binary("not_equal", ops.not_equal, "Whether two items differ.", "wg.tensor([1, 2]), 2",
                    "tensor([ True, False])", _TRUTH)  # fmt: skip
less = _binary("less", ops.less, "Whether x1 < x2.", "wg.tensor([1, 2]), 2", "tensor([ True, False])", _TRUTH)
less_equal = _binary("less_equal", ops.less_equal, "Whether x1 ≤ x2.", "wg.tensor([1, 3]), 2",
                     "tensor([ True, False])", _TRUTH)  # fmt: skip
greater = _binary("greater", ops.greater, "Whether x1 > x2.", "wg.tensor([1, 3]), 2", "tensor([False,  True])", _TRUTH)
greater_equal = _binary("greater_equal", ops.greater_equal, "Whether x1 ≥ x2.", "wg.tensor([1, 2]), 2",
                        "tensor([False,  True])", _TRUTH)  # fmt: skip
logical_and = _binary("logical_and", ops.logical_and, "Whether both are true.", "wg.tensor([True, False]), True",
                      "tensor([ True, False])", _TRUTH)  # fmt: skip
logical_or = _binary("logical_or", ops.logical_or, "Whether one is true, or both.", "wg.tensor([True, False]), True",
                     "tensor([True, True])", _TRUTH)  # fmt: skip
logical_xor = _binary("logical_xor", ops.logical_xor, "Whether one is true and the other is not.",
                      "wg.tensor([True, False]), True", "tensor([False,  True])", _TRUTH)  # fmt: skip
bitwise_and = _binary("bitwise_and", ops.bitwise_and, "The bits that both have.", "wg.tensor([6, 5]), 3",
                      "tensor([2, 1])")  # fmt: skip
bitwise_or = _binary("bitwise_or", ops.bitwise_or, "The bits that one has, or both.", "wg.tensor([6, 5]), 3",
                     "tensor([7, 7])")  # fmt: skip
bitwise_xor = _binary("bitwise_xor", ops.bitwise_xor, "The bits that one of the two has.", "wg.tensor([6, 5]), 3",
                      "tensor([5, 6])")  # fmt: skip
bitwise_left_shift = _binary("bitwise_left_shift", ops.bitwise_left_shift, "The bits of x1, x2 places to the left.",
                             "wg.tensor([1, 2]), 2", "tensor([4, 8])")  # fmt: skip
bitwise_right_shift = _binary("bitwise_right_shift", ops.bitwise_right_shift, "The bits of x1, x2 places to the right.",
                              "wg.tensor([8, 5]), 2", "tensor([2, 1])")  # fmt: skip


def positive(x: Any, /) -> Tensor:
    """The items as they are, in an array of their own.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.array_api.positive(wg.tensor([1, -2]))
    tensor([ 1, -2])
    """
    return ops.clone(x)


def clip(x: Any, /, min: Any = None, max: Any = None) -> Tensor:
    """Each item, or the bound that it would pass.

    Parameters
    ----------
    x : tensor
    min, max : number, tensor or None
        None: no bound.

    Returns
    -------
    Tensor
        Of x's dtype, which tensors as bounds become of.

    Examples
    --------
    >>> wg.array_api.clip(wg.tensor([1, 5, 9]), 2, 7)
    tensor([2, 5, 7])
    """
    x = enter(x)
    bounds = [cast(b, x._value.dtype) if isinstance(b, Variable) else b for b in (min, max)]
    return ops.clip(x, *bounds) if bounds != [None, None] else ops.clone(x)


# Code for numbers of either kind asks for these without looking; the standard has them for complex ones alone.


def real(x: Any, /) -> Tensor:
    """The real parts: the items themselves, as none is complex.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor
        x itself.

    Examples
    --------
    >>> wg.array_api.real(wg.tensor([1., 2.]))
    tensor([1., 2.])
    """
    return enter(x)


def imag(x: Any, /) -> Tensor:
    """The imaginary parts: zeros, as no item is complex.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.array_api.imag(wg.tensor([1., 2.]))
    tensor([0., 0.])
    """
    return ops.zeros_like(x)


def conj(x: Any, /) -> Tensor:
    """The complex conjugates: the items themselves, as none is complex.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor
        x itself.

    Examples
    --------
    >>> wg.array_api.conj(wg.tensor([1., 2.]))
    tensor([1., 2.])
    """
    return enter(x)
