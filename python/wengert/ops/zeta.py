"""Hurwitz's zeta function, item by item, in float64.

Identities are from the NIST Digital Library of Mathematical Functions, https://dlmf.nist.gov, chapters 2 and 25.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from .._types import Tensor
from ..core import dtypes
from ..core.define import elementwise
from ..core.half import half_kernel
from .naming import doc


def _pair(x: Any, y: Any) -> tuple[np.dtype, np.ndarray, np.ndarray]:
    """The dtype of the result, and both operands in float64, broadcast."""
    dtype = x.dtype if isinstance(x, np.ndarray) else y.dtype
    a, b = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(y, np.float64))
    return dtype, a, b


def _refuse(g: Any, x: Any) -> NoReturn:
    """The rule of the exponent."""
    raise NotImplementedError("zeta: there is no derivative with respect to its first argument; detach() it")


# B_2k / (2k)!, the weights of the formula of Euler and Maclaurin.
_WEIGHTS = (
    1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000, 1 / 74724249600,
    -3617 / 10670622842880000, 43867 / 5109094217170944000, -174611 / 802857662698291200000,
)  # fmt: skip


@half_kernel
def _zeta_kernel(x: Any, y: Any) -> np.ndarray:
    """The sum of (y + k)^-x over k >= 0: DLMF 25.11.1, by the formula DLMF 2.10.1."""
    dtype, s, q = _pair(x, y)
    with np.errstate(all="ignore"):
        total, at = np.zeros(s.shape), q.copy()
        power = np.power(at, -s)
        # where the formula takes over, whose terms fall as long as s is below 2 pi times what is raised to it
        last = np.clip(s + 10, 20.0, 1e5)
        while np.any(short := (at < last) & (at > -1e5) & ((at <= 0) | (power > total * 1e-18))):
            total, at = np.where(short, total + power, total), np.where(short, at + 1, at)
            power = np.power(at, -s)
        tail = power * (at / (s - 1) + 0.5)
        rising = s * power / at
        for k, weight in enumerate(_WEIGHTS):
            tail = tail + weight * rising
            rising = rising * (s + 2 * k + 1) * (s + 2 * k + 2) / (at * at)
        total = np.where(np.isinf(at), 0.0, total + np.where(power > total * 1e-18, tail, 0.0))
        pole = (s == 1) | ((q <= 0) & (q == np.floor(q)))
        nowhere = (s < 1) | ((q < 0) & (s != np.floor(s))) | (at <= -1e5) | np.isnan(s) | np.isnan(q)
        found = np.where(pole, math.inf, np.where(np.isposinf(s) & (q > 1), 0.0, total))
        found = np.where(nowhere, math.nan, found)
    return np.asarray(dtypes.convert(found, dtype))


zeta: Callable[..., Tensor] = elementwise(
    "zeta", _zeta_kernel, _refuse, lambda x, y: -x * zeta(x + 1.0, y), floating=True,
    doc=doc("Hurwitz's zeta function of exponent x, the sum of (y + k)^-x over k >= 0, item by item.",
            ">>> wg.special.zeta(wg.tensor([2., 3.]), wg.tensor([1., 2.]))\ntensor([1.6449, 0.2021])", inputs=2,
            note="Infinite at x = 1 and where y is 0 or a negative integer; NaN where x < 1. In float64, by the\n"
                 "formula of Euler and Maclaurin, DLMF 2.10.1. As in PyTorch there is a derivative by y alone."),
)  # fmt: skip
