"""Modified Bessel functions of the first kind, item by item.

The kernels tell their errors in csrc/special.inc.c. Identities are from the NIST Digital Library of Mathematical
Functions, https://dlmf.nist.gov, chapter 10.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._kernels import Elementwise
from .._types import Tensor
from ..core import dtypes
from ..core.define import elementwise
from ..core.half import half_kernel
from .naming import doc

__all__ = ["i0"]

_i0e_kernel, _i1e_kernel = Elementwise("i0e"), Elementwise("i1e")


# ---------------------------------------------------------------- derivatives

# Of functions that are the least solution of a recurrence, as both families here are: quotients of neighbours by a
# continued fraction, which is begun behind the last one wanted at what they tend to.


@half_kernel
def _higher_kernel(x: np.ndarray, n: int) -> np.ndarray:
    """The function of order n > 1, in float64: from n^2 on by the recurrence DLMF 10.29.1, else by quotients."""
    wide = x.astype(np.float64)
    with np.errstate(all="ignore"):
        a = np.asarray(np.abs(wide))
        before, upwards = _i0e_kernel(a), _i1e_kernel(a)
        downwards = before
        for k in range(1, n):
            before, upwards = upwards, before - 2 * k / a * upwards
        last = n + n * n + 12
        quotient = a / (last + np.sqrt(last * last + a * a))
        for k in range(last - 1, 0, -1):  # DLMF 10.33.1
            quotient = 1 / (2 * k / a + quotient)
            if k <= n:
                downwards = downwards * quotient
        found = np.where(a > n * n, upwards, downwards) * np.exp(a)
        found = np.where(np.isinf(a), a, found)
        found = np.copysign(found, wide) if n % 2 else found
        return np.asarray(dtypes.convert(np.asarray(found), x.dtype))


_higher: Callable[..., Tensor] = elementwise("bessel_i", _higher_kernel, lambda x, n: _between(x, n))


def _of_order(x: Any, n: int) -> Tensor:
    return _higher(x, n=n) if n > 1 else (i0, i1)[n](x)


def _between(x: Any, n: int) -> Tensor:
    """The derivative of order n, DLMF 10.29.1: without a quotient by x, and so right at 0 to any order."""
    return (_of_order(x, n - 1) + _of_order(x, n + 1)) * 0.5


@half_kernel
def _scaled_kernel(x: np.ndarray, n: int, order: int) -> np.ndarray:
    """The derivative of order n of `i0e` or `i1e`, in float64: no difference of numbers that are nearly equal.

    Let U(n) be the integral of u^n exp(-x u) / pi over an angle from 0 to pi, u = 1 - cos, so that `i0e` is U(0) by
    DLMF 10.32.1, and its derivatives are U(n) with alternating signs. From Bessel's equation,
    x U(n + 2) - (n + 1 + 2 x) U(n + 1) + (2 n + 1) U(n) = 0. `i1e` is U(0) - U(1).
    """
    wide = x.astype(np.float64)
    with np.errstate(all="ignore"):
        a = np.asarray(np.abs(wide))
        last = n + (50 if x.dtype == np.float64 else 24)
        b = last + 1 + 2 * a
        quotient = 2 * (2 * last + 1) / (b + np.sqrt(b) * np.sqrt(b - 4 * (2 * last + 1) * (a / b)))
        found = _i0e_kernel(a)
        for k in range(last - 1, -1, -1):
            quotient = (2 * k + 1) / (k + 1 + a * (2 - quotient))
            if k == n and order == 1:
                found = found * (1 - quotient)
            if k < n:
                found = found * quotient
        found = np.where(np.isinf(a), 0.0, found)
        signs = np.sign(wide) if (n + order) % 2 else 1.0
        return np.asarray(dtypes.convert(np.asarray(found * (signs * (-1) ** n)), x.dtype))


_scaled: Callable[..., Tensor] = elementwise(
    "bessel_ie", _scaled_kernel, lambda x, n, order: _scaled(x, n=n + 1, order=order)
)

# ---------------------------------------------------------------- the functions

# x times the first derivatives of `i0e` and `i1` at y.
_i0e_grad: Callable[..., Tensor] = elementwise(
    "i0e_backward", Elementwise("i0e_grad"),
    lambda g, y: _i0e_grad(g, y), lambda g, x, y: g * x * _scaled(y, n=2, order=0),
)  # fmt: skip
_i1_grad: Callable[..., Tensor] = elementwise(
    "i1_backward", Elementwise("i1_grad"),
    lambda g, y: _i1_grad(g, y), lambda g, x, y: g * x * ((i1(y) * 3.0 + _higher(y, n=3)) * 0.25),
)  # fmt: skip


_NOTE = "The error is at most 5 units in the last place."
_AT_0 = "The derivative at 0, where the function has an edge, is the mean of the two."

i0: Callable[..., Tensor] = elementwise(
    "i0", Elementwise("i0"), lambda x: i1(x), floating=True,
    doc=doc("The modified Bessel function of the first kind of order 0, item by item.",
            ">>> wg.i0(wg.tensor([0., 1., 2.]))\ntensor([1.0000, 1.2661, 2.2796])", note=_NOTE),
)  # fmt: skip


i0e: Callable[..., Tensor] = elementwise(
    "i0e", _i0e_kernel, lambda g, x: _i0e_grad(g, x), floating=True,
    doc=doc("exp(-|x|) `i0(x)`, item by item, which does not overflow.",
            ">>> wg.special.i0e(wg.tensor([0., 1., 1000.]))\ntensor([1.0000, 0.4658, 0.0126])",
            note=f"{_NOTE} {_AT_0}"),
)  # fmt: skip


i1: Callable[..., Tensor] = elementwise(
    "i1", Elementwise("i1"), lambda g, x: _i1_grad(g, x), floating=True,
    doc=doc("The modified Bessel function of the first kind of order 1, item by item.",
            ">>> wg.special.i1(wg.tensor([0., 1., 2.]))\ntensor([0.0000, 0.5652, 1.5906])", note=_NOTE),
)  # fmt: skip


i1e: Callable[..., Tensor] = elementwise(
    "i1e", _i1e_kernel, lambda x: _scaled(x, n=1, order=1), floating=True,
    doc=doc("exp(-|x|) `i1(x)`, item by item, which does not overflow.",
            ">>> wg.special.i1e(wg.tensor([0., 1., 1000.]))\ntensor([0.0000, 0.2079, 0.0126])", note=_NOTE),
)  # fmt: skip
