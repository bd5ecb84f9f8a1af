"""Arithmetic with the options that PyTorch's functions have and operators have not, and blends of several tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._types import Tensor
from ..core import dtypes
from ..core.broadcast import as_floating, cast
from ..core.define import elementwise
from ..core.doors import enter
from ..core.variable import Variable, wrap
from . import elementwise as e
from .naming import called
from .rounding import rounding_divide
from .shape import clone

# ---------------------------------------------------------------- arithmetic with options


def _scaled(y: Any, alpha: Any) -> Any:
    if isinstance(alpha, (int, float)) and alpha == 1:
        return y
    return (y if isinstance(y, (Variable, int, float)) else enter(y)) * alpha


def add(x: Any, y: Any, *, alpha: Any = 1) -> Tensor:
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
    return e.add(x, y if type(alpha) is int and alpha == 1 else _scaled(y, alpha))


def subtract(x: Any, y: Any, *, alpha: Any = 1) -> Tensor:
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
    return e.subtract(x, y if type(alpha) is int and alpha == 1 else _scaled(y, alpha))


def divide(x: Any, y: Any, *, rounding_mode: str | None = None) -> Tensor:
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
    return e.divide(x, y) if rounding_mode is None else rounding_divide("div", x, y, rounding_mode)


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
    return e.power(*(cast(enter(v), dtypes.float64) for v in (x, y)))


# ---------------------------------------------------------------- blends


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
    start = as_floating(start)
    return called("lerp", e.add(start, e.multiply(as_floating(end) - start, weight)))


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
    return called("addcmul", e.add(x, _scaled(e.multiply(tensor1, tensor2), value)))


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
    return called("addcdiv", e.add(x, _scaled(e.divide(tensor1, tensor2), value)))


# ---------------------------------------------------------------- signs and repairs

copysign = elementwise(
    "copysign", lambda x, y: np.asarray(np.copysign(x, y)), lambda x, z: _same_sign(x, z), None, floating=True,
    doc=e.doc("|x| with the sign of y, item by item; that of -0. counts.",
              ">>> wg.copysign(wg.tensor([1., -2.]), wg.tensor([-1., 3.]))\ntensor([-1.,  2.])", inputs=2),
)  # fmt: skip


def _same_sign(x: Any, z: Any) -> Tensor:
    """1 where z = x, -1 where z = -x, 0 where both are 0."""
    return e.sign(x) * e.sign(z)


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
    return e.clip(x, min=min)


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
    return e.clip(x, max=max)


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
    value = x._value
    if value.dtype.kind != "f":
        return wrap(value.copy())
    limit = np.finfo(value.dtype)
    replaced = np.nan_to_num(
        value, nan=nan, posinf=float(limit.max) if posinf is None else posinf,
        neginf=float(limit.min) if neginf is None else neginf,
    )  # fmt: skip
    return e.where(wrap(np.isfinite(value)), x, wrap(np.asarray(replaced)))


def power(x: Any, y: Any) -> Tensor:
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
            return e.square(x)
        if y == 3:
            return e.cube(x)
        if y == 1:
            return clone(x)
        if y == -1:
            return e.reciprocal(x)
        if y == 0.5:
            return e.sqrt(x)
    return e.power(x, y)
