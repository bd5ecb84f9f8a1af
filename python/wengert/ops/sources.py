"""Tensors over the memory of others, and numbers at equal distances with the last one among them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._types import Tensor
from ..core import dtypes
from .creation import arange, from_numpy, leaf, number
from .naming import exported_as

__all__ = ["frombuffer", "range"]


def frombuffer(buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False) -> Tensor:
    """A vector over the memory of an object with a buffer, such as bytes: a change of one shows in the other.

    Parameters
    ----------
    buffer : object
        `bytes`, `bytearray`, `array.array`, `mmap.mmap`, ... Writing to a tensor over one that is read-only raises.
    dtype : dtype
    count : int
        How many items; -1: all that there are.
    offset : int
        Bytes to leave out in front.
    requires_grad : bool

    Returns
    -------
    Tensor
        (count,)

    Raises
    ------
    ValueError
        If the buffer is too short, or not a whole number of items long.

    Examples
    --------
    >>> wg.frombuffer(bytearray(b"ab"), dtype=wg.uint8)
    tensor([97, 98], dtype=wengert.uint8)
    """
    found = np.frombuffer(buffer, dtypes.as_dtype(dtype, "frombuffer"), count, offset)
    return leaf("frombuffer", from_numpy(found), requires_grad)


@exported_as("range")
def _range(
    start: float = 0, end: float | None = None, step: float = 1, *, dtype: Any = None, requires_grad: bool = False,
    device: Any = None,
) -> Tensor:  # fmt: skip
    """The numbers from `start` up to and including `end`, at a distance of `step`; `arange` leaves the end out.

    Parameters
    ----------
    start, end, step : number
    dtype : dtype or None
        None: the default float.
    requires_grad : bool
    device : "cpu" or None

    Returns
    -------
    Tensor
        (floor((end - start) / step) + 1,)

    Raises
    ------
    TypeError
        If there is no end.
    ValueError
        If the step is 0 or leads away from the end.

    Examples
    --------
    >>> wg.range(1, 3)
    tensor([1., 2., 3.])
    """
    if end is None:
        raise TypeError("range: expected range(start, end) or range(start, end, step); arange takes an end alone")
    low, high, by = (number("range", what, v) for what, v in (("start", start), ("end", end), ("step", step)))
    if not by or not (high - low) / by >= 0:
        raise ValueError(f"range: steps of {by} do not lead from {low} to {high}")
    count = math.floor((high - low) / by) + 1
    kind = dtypes.get_default_dtype() if dtype is None else dtypes.as_dtype(dtype, "range")
    behind = by / 2 if kind.kind == "f" else math.copysign(1, by)  # past the last number, and before the next
    stop = low + by * (count - 1) + behind
    return arange(low, stop, by, dtype=kind, requires_grad=requires_grad, device=device)


range = _range
