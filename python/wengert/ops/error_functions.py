"""The error function's relatives and the normal distribution function, with their inverses, item by item.

The kernels tell their errors in csrc/special.inc.c. Identities are from the NIST Digital Library of Mathematical
Functions, https://dlmf.nist.gov, chapter 7.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._kernels import Elementwise
from .._types import Tensor
from ..core import dtypes
from ..core.broadcast import as_floating
from ..core.define import elementwise
from ..core.half import half_kernel
from .arithmetic import square
from .chains import fused, step
from .functions import exp
from .naming import doc

__all__ = ["erfc", "erfinv"]

_HALF_ROOT = math.sqrt(0.5)


def normal_density(x: Any) -> Tensor:
    """exp(-x^2 / 2) / sqrt(2 pi)."""
    z: Tensor = _density(x)
    return z


_density = fused(lambda x: step(exp, step(square, x) * -0.5) * (1 / math.sqrt(2 * math.pi)))


erfc: Callable[..., Tensor] = elementwise(
    "erfc", Elementwise("erfc"),
    fused(lambda g, x: g * (step(exp, -step(square, x)) * (-2 / math.sqrt(math.pi)))), floating=True,
    doc=doc("1 - erf(x), item by item, exact where that is small.",
            ">>> wg.erfc(wg.tensor([0., 1., 5.]))\ntensor([1.0000e+00, 1.5730e-01, 1.5375e-12])",
            note="The error is at most 4 units in the last place."),
)  # fmt: skip


# ---------------------------------------------------------------- exp(x^2) erfc(x) and its derivatives

_erfcx_kernel = Elementwise("erfcx")


@half_kernel
def _repeated_kernel(x: np.ndarray, n: int) -> np.ndarray:
    """By the recurrence DLMF 7.18.7, in float64.

    Upwards from n = 0 it loses digits where x > 2: there the integrals are its least solution, and the quotients of
    neighbours a continued fraction, which is begun at what they tend to.
    """
    wide = x.astype(np.float64)
    with np.errstate(all="ignore"):
        scaled = _erfcx_kernel(wide)
        before, upwards = np.full_like(wide, 2 / math.sqrt(math.pi)), scaled
        for k in range(1, n + 1):
            before, upwards = upwards, (before - 2 * wide * upwards) / (2 * k)
        last = n + (40 if x.dtype == np.float64 else 12)
        quotient, downwards = 1 / (wide + np.sqrt(wide * wide + 2 * last)), scaled
        for k in range(last - 1, 0, -1):
            quotient = 1 / (2 * wide + 2 * (k + 1) * quotient)
            if k <= n:
                downwards = downwards * quotient
        found: np.ndarray = dtypes.convert(np.where(wide > 2, downwards, upwards), x.dtype)
    return found


# exp(x^2) times the n-fold integral of erfc from x to infinity, DLMF 7.18.2. Its derivative has no cancellation.
_repeated: Callable[..., Tensor] = elementwise(
    "erfcx_integral", _repeated_kernel, lambda x, n: _repeated(x, n=n + 1) * (-2.0 * (n + 1))
)


erfcx: Callable[..., Tensor] = elementwise(
    "erfcx", _erfcx_kernel, lambda x: _repeated(x, n=1) * -2.0, floating=True,
    doc=doc("exp(x^2) erfc(x), item by item, which neither underflows for large x nor loses digits.",
            ">>> wg.special.erfcx(wg.tensor([0., 1., 100.]))\ntensor([1.0000, 0.4276, 0.0056])",
            note="The error is at most 3.5 units in the last place. Derivatives are repeated integrals of erfc, and\n"
                 "not differences: for large x they keep their digits."),
)  # fmt: skip


# ---------------------------------------------------------------- the inverse of erf

erfinv: Callable[..., Tensor] = elementwise(
    "erfinv", Elementwise("erfinv"),
    fused(lambda g, z: g * (step(exp, step(square, z)) * (math.sqrt(math.pi) / 2))), floating=True,
    doc=doc("The number whose error function each item is; infinite at -1 and 1, NaN outside.",
            ">>> wg.erfinv(wg.tensor([0., 0.5, 1.]))\ntensor([0.0000, 0.4769,    inf])",
            note="The error is at most 5.5 units in the last place."),
)  # fmt: skip


def erfcinv(x: Any) -> Tensor:
    """The number whose `erfc` each item is; infinite at 0 and 2, NaN outside.

    Parameters
    ----------
    x : tensor, array or number
        Of any shape.

    Returns
    -------
    Tensor
        Of the same shape; exact for small items too.

    Examples
    --------
    >>> wg.special.erfcinv(wg.tensor([1., 1e-30]))
    tensor([0.0000, 8.1486])
    """
    return 0.0 - ndtri(as_floating(x) * 0.5) * _HALF_ROOT  # 0 at 1, not -0


# ---------------------------------------------------------------- the normal distribution

ndtr: Callable[..., Tensor] = elementwise(
    "ndtr", Elementwise("ndtr"),
    fused(lambda g, x: g * (step(exp, step(square, x) * -0.5) * (1 / math.sqrt(2 * math.pi)))), floating=True,
    doc=doc("The standard normal distribution function of each item: the probability of a smaller number.",
            ">>> wg.special.ndtr(wg.tensor([0., 1.96]))\ntensor([0.5000, 0.9750])",
            note="The error is at most 4.5 units in the last place, far to the left too."),
)  # fmt: skip


log_ndtr: Callable[..., Tensor] = elementwise(
    "log_ndtr", Elementwise("log_ndtr"),
    lambda g, x: g * math.sqrt(2 / math.pi) / erfcx(x * -_HALF_ROOT), floating=True,
    doc=doc("The logarithm of the standard normal distribution function of each item.",
            ">>> wg.special.log_ndtr(wg.tensor([0., -100.]))\ntensor([-6.9315e-01, -5.0055e+03])",
            note="The error is at most 4.5 units in the last place, also where the function itself underflows or is "
                 "nearly 1."),
)  # fmt: skip


ndtri: Callable[..., Tensor] = elementwise(
    "ndtri", Elementwise("ndtri"),
    fused(lambda g, z: g * (step(exp, step(square, z) * 0.5) * math.sqrt(2 * math.pi))), floating=True,
    doc=doc("The quantiles of the standard normal distribution: the number whose `ndtr` each item is.",
            ">>> wg.special.ndtri(wg.tensor([0.5, 0.975]))\ntensor([0.0000, 1.9600])",
            note="Infinite at 0 and 1, NaN outside. The error is at most 6 units in the last place."),
)  # fmt: skip
