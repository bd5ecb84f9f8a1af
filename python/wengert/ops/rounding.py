"""Whole numbers next to each item, and division with a whole quotient or with a remainder.

The derivative of rounding is zero wherever there is one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._types import Tensor
from ..core.define import Function, elementwise
from .elementwise import doc
from .transcendental import quiet

# ---------------------------------------------------------------- rounding


def _rounding(name: str, function: Function) -> Function:
    """A kernel that leaves integers alone."""

    def kernel(x: np.ndarray, **static: Any) -> np.ndarray:
        if x.dtype.kind == "b":
            raise TypeError(f"{name}: expected numbers, got booleans")
        return np.asarray(function(x, **static)) if x.dtype.kind == "f" else x.copy()

    return kernel


floor = elementwise(
    "floor", _rounding("floor", np.floor), None,
    doc=doc("The largest whole number that is not above each item.",
            ">>> wg.floor(wg.tensor([1.5, -1.5]))\ntensor([ 1., -2.])"),
)  # fmt: skip
ceil = elementwise(
    "ceil", _rounding("ceil", np.ceil), None,
    doc=doc("The smallest whole number that is not below each item.",
            ">>> wg.ceil(wg.tensor([1.5, -1.5]))\ntensor([ 2., -1.])"),
)  # fmt: skip
trunc = elementwise(
    "trunc", _rounding("trunc", np.trunc), None,
    doc=doc("Each item without what stands after the point.",
            ">>> wg.trunc(wg.tensor([1.5, -1.5]))\ntensor([ 1., -1.])"),
)  # fmt: skip


def _to_decimals(x: np.ndarray, decimals: int) -> np.ndarray:
    if x.dtype.kind == "b":
        raise TypeError("round: expected numbers, got booleans")
    return np.asarray(np.round(x, decimals))


_round = elementwise("round", _to_decimals, None)


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

    Examples
    --------
    >>> wg.round(wg.tensor([0.5, 1.5, 2.6]))
    tensor([0., 2., 3.])
    >>> wg.round(wg.tensor([1.234]), decimals=1)
    tensor([1.2000])
    """
    return _round(x, decimals=int(decimals))


frac = elementwise(
    "frac", quiet(lambda x: x - _truncated(x)), lambda g: g,
    doc=doc("What stands after the point of each item, with its sign.",
            ">>> wg.frac(wg.tensor([1.5, -1.25]))\ntensor([ 0.5000, -0.2500])"),
)  # fmt: skip


def _truncated(x: np.ndarray) -> np.ndarray:
    if x.dtype.kind != "f":
        raise TypeError(f"frac: expected a floating tensor, got {x.dtype}")
    whole: np.ndarray = np.trunc(x)
    return whole


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


floor_divide = elementwise(
    "floor_divide", _division("floor_divide", np.floor_divide), None, None,
    doc=doc("The floor of the quotient x / y, item by item: x // y.",
            ">>> wg.floor_divide(wg.tensor([7, -7]), 2)\ntensor([ 3, -4])", inputs=2,
            note="Its derivative is zero. Integers divided by zero raise ZeroDivisionError."),
)  # fmt: skip
trunc_divide = elementwise(
    "div", _division("div", lambda x, y: _toward_zero(x, y)), None, None,
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


def _floor_remainder(x: Any, y: Any) -> np.ndarray:
    """NumPy's, but a remainder of 0 has the sign of x, as in PyTorch."""
    z: np.ndarray = np.remainder(x, y)
    return np.where(z == 0, np.copysign(z, x), z) if z.dtype.kind == "f" else z


remainder = elementwise(
    "remainder", _division("remainder", _floor_remainder), lambda g: g, lambda g, x, y: -g * floor_divide(x, y),
    doc=doc("x - y floor(x / y), item by item: x % y, with the sign of y.",
            ">>> wg.remainder(wg.tensor([7, -7]), 3)\ntensor([1, 2])", inputs=2,
            note="Integers divided by zero raise ZeroDivisionError."),
)  # fmt: skip
fmod = elementwise(
    "fmod", _division("fmod", np.fmod), lambda g: g, lambda g, x, y: -g * trunc_divide(x, y),
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
