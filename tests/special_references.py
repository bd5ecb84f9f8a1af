"""Special functions in mpmath's arithmetic, for any argument of float64: what kernels and operations are compared with.

mpmath takes long, or gives up, where arguments are large; there the asymptotic series of the NIST Digital Library of
Mathematical Functions, https://dlmf.nist.gov, stand in: a few of their terms are exact to far more digits than float64.
"""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable

import mpmath
import numpy as np
from mpmath import mp, mpf

Function = Callable[[mpf], mpf]
FAR = 10**4  # from here on the asymptotic series


def erfcx(x: mpf) -> mpf:
    if x < FAR:
        return mpmath.exp(x * x) * mpmath.erfc(x)
    z = 1 / (2 * x * x)  # DLMF 7.12.1
    return (1 - z + 3 * z**2 - 15 * z**3) / (x * mpmath.sqrt(mp.pi))


def ndtr(x: mpf) -> mpf:
    return mpmath.erfc(-x / mpmath.sqrt(2)) / 2


def log_ndtr(x: mpf) -> mpf:
    if x > 0:
        return mpmath.log1p(-ndtr(-x))
    if x > -FAR:
        return mpmath.log(ndtr(x))
    return mpmath.log(erfcx(-x / mpmath.sqrt(2)) / 2) - x * x / 2


def ndtri(p: mpf) -> mpf:
    if p > 0.5:
        return -ndtri(1 - p)
    x = -mpmath.sqrt(-2 * mpmath.log(p)) if p < 0.1 else 2 * p - 1
    for _ in range(100):  # Newton's method on log Phi
        step = (log_ndtr(x) - mpmath.log(p)) * ndtr(x) * mpmath.sqrt(2 * mp.pi) * mpmath.exp(x * x / 2)
        x -= step
        if abs(step) < mpf(10) ** -35:
            break
    return x if p < 0.5 else mpf(0)


def erfinv(x: mpf) -> mpf:
    if abs(x) < 0.5:
        return mpmath.erfinv(x)
    return mpmath.sign(x) * -ndtri((1 - abs(x)) / 2) / mpmath.sqrt(2)


def lgamma(x: mpf) -> mpf:
    return mpmath.loggamma(x).real


def polygamma(x: mpf, n: int = 1) -> mpf:
    if abs(x) < FAR:
        return mpmath.polygamma(n, x)
    if x < 0:  # n = 1 alone
        return (mp.pi / mpmath.sinpi(x)) ** 2 - polygamma(1 - x)
    leading = mpmath.factorial(n - 1) / x**n  # DLMF 25.11.43
    return (-1) ** (n + 1) * leading * (1 + n / (2 * x) + n * (n + 1) / (12 * x * x))


def bessel(order: int, scaled: bool) -> Function:
    def of(x: mpf) -> mpf:
        a = abs(x)
        if a < FAR:
            z = mpmath.besseli(order, a)
            z = z * mpmath.exp(-a) if scaled else z
        else:  # DLMF 10.40.1
            term, z = mpf(1), mpf(0)
            for k in range(1, 8):
                z += term
                term *= -(4 * order**2 - (2 * k - 1) ** 2) / (8 * a * k)
            z = z / mpmath.sqrt(2 * mp.pi * a) * (1 if scaled else mpmath.exp(a))
        return -z if order and x < 0 else z

    return of


def sinc(x: mpf) -> mpf:
    return mpmath.sincpi(x)


PRECISE: dict[str, Function] = {
    "erfc": mpmath.erfc, "erfcx": erfcx, "erfinv": erfinv, "ndtr": ndtr, "log_ndtr": log_ndtr, "ndtri": ndtri,
    "sinc": sinc, "lgamma": lgamma, "digamma": mpmath.digamma, "polygamma": polygamma,
    "i0": bessel(0, False), "i0e": bessel(0, True), "i1": bessel(1, False), "i1e": bessel(1, True),
}  # fmt: skip

INF, NAN = math.inf, math.nan
# At -inf, -0, 0 and inf.
LIMITS: dict[str, tuple[float, float, float, float]] = {
    "erfc": (2, 1, 1, 0), "erfcx": (INF, 1, 1, 0), "erfinv": (NAN, -0.0, 0, NAN), "ndtr": (0, 0.5, 0.5, 1),
    "log_ndtr": (-INF, -math.log(2), -math.log(2), -0.0), "ndtri": (NAN, -INF, -INF, NAN), "sinc": (NAN, 1, 1, NAN),
    "lgamma": (INF, INF, INF, INF), "digamma": (NAN, INF, -INF, INF), "polygamma": (NAN, INF, INF, 0),
    "i0": (INF, 1, 1, INF), "i0e": (0, 1, 1, 0), "i1": (-INF, -0.0, 0, INF), "i1e": (-0.0, -0.0, 0, 0),
}  # fmt: skip
AT_NEGATIVE_INTEGERS = {"lgamma": INF, "digamma": NAN, "polygamma": INF}
# Where a function of probabilities has its other limit, and beyond which it is NaN.
EDGES = {"erfinv": {-1.0: -INF, 1.0: INF}, "ndtri": {0.0: -INF, 1.0: INF}}
# From here on e^x is above float64's range, or its square below: the limit.
EXTREME = {"erfcx": (-30, INF), "erfc": (-10, 100), "ndtr": (-100, 10), "log_ndtr": (-1e160, 100), "i0": (-800, 800),
           "i1": (-800, 800)}  # fmt: skip


@functools.cache
def value(name: str, x: float) -> float:
    """The function `name` at x, which is not 0, rounded to float64."""
    if math.isnan(x):
        return NAN
    low, high = EXTREME.get(name, (-sys.float_info.max, sys.float_info.max))
    if not low <= x <= high:
        return LIMITS[name][0 if x < 0 else 3]
    if name in EDGES and not min(EDGES[name]) < x < max(EDGES[name]):
        return EDGES[name].get(x, NAN)
    if name in AT_NEGATIVE_INTEGERS and x < 0 and x.is_integer():
        return AT_NEGATIVE_INTEGERS[name]
    with mpmath.workdps(60 if x < 0 else 30):
        return float(PRECISE[name](mpf(x)))


def reference(name: str) -> Callable[..., np.ndarray]:
    """The function as one of arrays of float64; further arguments are the kernel's parameters, as it was called."""

    def of(x: np.ndarray, *parameters: float) -> np.ndarray:
        zeros = {-1.0: LIMITS[name][1], 1.0: LIMITS[name][2]}
        items = np.asarray(x, np.float64).ravel().tolist()
        values = [value(name, item) if item else zeros[math.copysign(1, item)] for item in items]
        return np.array(values, np.float64).reshape(np.shape(x))

    return of


# The regularized lower incomplete gamma function.
gamma_part = np.vectorize(lambda a, x: float(mpmath.gammainc(a, 0, x, regularized=True)), otypes=[np.float64])


def _shape_slope(x: float, y: float) -> float:
    with mpmath.workdps(40):
        a, z = mpf(x) + 1, mpmath.exp(y)
        density = mpmath.exp(a * y - z - mpmath.loggamma(a))
        return float(-mpmath.diff(lambda a: mpmath.gammainc(a, 0, z, regularized=True), a) / density)


# Minus the derivative of P(x + 1, exp(y)) in x, over the density of y.
shape_slope = np.vectorize(_shape_slope, otypes=[np.float64])
