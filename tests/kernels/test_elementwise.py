"""Every elementwise kernel on every instruction set: accuracy, special values, lengths, strides, threads."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import erf, erfc, lgamma
from typing import Any

import mpmath
import numpy as np
import pytest

from cases import CASES as OPERATIONS
from guarded import K
from isas import by_isa
from special_references import PRECISE, reference
from wengert import _kernels

Reference = Callable[..., np.ndarray]


@dataclass(frozen=True)
class Case:
    """What a kernel computes.

    Attributes
    ----------
    reference : the same in NumPy. For an exact kernel in the operands' dtype, otherwise in float64.
    ulp : None for an exact kernel; else the largest error, in units in the last place, for float32 and for float64.
    precise : the reference in mpmath's arithmetic, for float64.
    either_zero : whether a zero result may have either sign.
    terms : of the operands, the largest term of what the result is a sum of, where it may be zero, or a product of
        what has underflown: the error is in its units.
    """

    reference: Reference
    ulp: tuple[float, float] | None = None
    precise: Callable[..., mpmath.mpf] | None = None
    params: tuple[float, ...] = ()
    either_zero: bool = False
    terms: Reference | None = None


def sigmoid(x: np.ndarray) -> np.ndarray:
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


def gelu(x: np.ndarray) -> np.ndarray:
    x = np.maximum(x, -100)  # x Phi(x) tends to 0 at -inf, where the product would be inf * 0
    return x / 2 * np.frompyfunc(erfc, 1, 1)(-x / np.sqrt(2)).astype(np.float64)


def silu(x: np.ndarray) -> np.ndarray:
    return x * sigmoid(x)


def mish(x: np.ndarray) -> np.ndarray:
    return x * np.tanh(np.logaddexp(x, 0))


def precise_silu(x: mpmath.mpf) -> mpmath.mpf:
    return x / (1 + mpmath.exp(-x))


def precise_mish(x: mpmath.mpf) -> mpmath.mpf:
    return x * mpmath.tanh(mpmath.log1p(mpmath.exp(x)))


def precise_mish_slope(x: mpmath.mpf) -> mpmath.mpf:
    e = mpmath.exp(min(x, 1000))
    n = e * (e + 2)
    return (n * (n + 2) + 4 * x * e * (e + 1)) / (n + 2) ** 2


def silu_terms(x: np.ndarray) -> list[np.ndarray]:
    """What the derivative is the sum of."""
    s = sigmoid(x)
    return [s, x * s * sigmoid(-x)]


def mish_terms(x: np.ndarray) -> list[np.ndarray]:
    e = np.exp(np.minimum(x, 100))
    n = e * (e + 2)
    return [n / (n + 2), np.where(x > 100, 0, x * (4 * e * (e + 1) / (n + 2) / (n + 2)))]


def gelu_terms(x: np.ndarray) -> list[np.ndarray]:
    x = np.clip(x, -30, 1e100)  # beyond, it is below all that is asked for
    density = np.exp(-np.minimum(x * x, 1e4) / 2) / np.sqrt(2 * np.pi)
    return [np.frompyfunc(erfc, 1, 1)(-x / np.sqrt(2)).astype(np.float64) / 2, x * density]


def precise_gelu_slope(x: mpmath.mpf) -> mpmath.mpf:
    return mpmath.ncdf(x) + x * mpmath.npdf(x)


def slope(terms: Callable[[np.ndarray], list[np.ndarray]], precise: Callable[..., mpmath.mpf], ulp: float) -> Case:
    """A kernel that gives a cotangent times a derivative. What of that is below 1e-35 has no digits in float32."""

    def largest(g: np.ndarray, x: np.ndarray) -> np.ndarray:
        g, least = np.abs(g), np.maximum(sum(map(np.abs, terms(x))), 1e-35)
        return np.where(np.isfinite(g), g, 0) * np.where(np.isnan(least), 0, least) + 2e-45

    return Case(
        lambda g, x: g * sum(terms(x)), (ulp, ulp), lambda g, x: g * precise(x), terms=largest
    )  # fmt: skip


def below_zero(x: np.ndarray) -> np.ndarray:
    """Of x times a quotient that underflows."""
    return np.where(np.isfinite(x), np.abs(x), 0) * 1e-35


def elu_slope(g: np.ndarray, x: np.ndarray, a: float, scale: float, rate: float) -> np.ndarray:
    """In the operands' dtype: exactly what the kernel does, which has the exponential from there."""
    real = x.dtype.type
    return g * np.where(x > 0, real(scale), K.Elementwise("exp")(x * real(rate)) * real(a))


def special(name: str, ulp: tuple[float, float], **options: Any) -> Case:
    return Case(reference(name), ulp, PRECISE[name], **options)


def terms_of_lgamma(x: np.ndarray) -> np.ndarray:
    """Of the reflection, where x is negative."""
    reflected = np.frompyfunc(lgamma, 1, 1)(1 + np.abs(np.clip(x, -1e300, 0))).astype(np.float64)
    return np.where(x < 0, np.maximum(1, reflected), 0)


def terms_of_digamma(x: np.ndarray) -> np.ndarray:
    return np.where(x < 0, 1 + np.log1p(np.abs(x)), 0)


def floor_remainder(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """NumPy's, but a remainder of 0 has the sign of x."""
    z = np.remainder(x, y)
    return np.where(z == 0, np.copysign(z, x), z)


def precise_logaddexp(x: mpmath.mpf, y: mpmath.mpf) -> mpmath.mpf:
    return max(x, y) + mpmath.log1p(mpmath.exp(-abs(x - y)))


def larger_of_two(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """What the logarithm of the sum of exponentials is the larger part of."""
    larger = np.abs(np.maximum(x, y))
    return np.where(np.isfinite(larger), larger, 0)


def huber(x: np.ndarray, y: np.ndarray, delta: float, scale: float) -> np.ndarray:
    d, (delta, scale, half) = x - y, map(x.dtype.type, (delta, scale, 0.5))
    c = np.clip(d, -delta, delta)
    return c * scale * (d - c * half)


def precise_logaddexp2(x: mpmath.mpf, y: mpmath.mpf) -> mpmath.mpf:
    return max(x, y) + mpmath.log1p(mpmath.mpf(2) ** -abs(x - y)) / mpmath.log(2)


def times(logarithm: Callable[..., Any], x: Any, y: Any) -> Any:
    """x times a logarithm of y, and 0 where x is, unless y is NaN."""
    return np.where((x == 0) & ~np.isnan(y), x.dtype.type(0), x * logarithm(y))


def entropy(x: np.ndarray) -> np.ndarray:
    return np.where(x < 0, -np.inf, times(np.log, -x, x))


def logit(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """By the smaller of x and 1 - x: the difference of two logarithms has no digits near 1/2."""
    x = np.clip(x, low, high)
    smaller = np.where(x < 0.5, x, 1 - x) + 0
    return np.where(x < 0.5, -1, 1) * np.log1p(np.abs(2 * x - 1) / smaller)


def sinc_terms(x: np.ndarray) -> list[np.ndarray]:
    """What the derivative is the difference of; near 0, where that loses digits, by a series."""
    turns = x - np.round(x)
    sign = np.where(np.round(x) % 2 == 0, 1, -1)
    z, near = (np.pi * x) ** 2, np.abs(x) < 0.05
    series = -(np.pi**2) * x / 3 * (1 - z / 10 + z**2 / 280 - z**3 / 15120 + z**4 / 1330560)
    cosine, sine = sign * np.sin(np.pi * (0.5 - np.abs(turns))) / x, sign * np.sin(np.pi * turns) / (np.pi * x * x)
    return [np.where(near, series, cosine), np.where(near, 0, -sine)]


def precise_sinc_slope(x: mpmath.mpf) -> mpmath.mpf:
    return (mpmath.cospi(x) - mpmath.sincpi(x)) / x if abs(x) > 1e-9 else -(mpmath.pi**2) * x / 3


def precise_logit(x: mpmath.mpf) -> mpmath.mpf:
    x = min(max(x, mpmath.mpf(0.125)), mpmath.mpf(0.984375))
    return mpmath.log(x / (1 - x))


def precise_gelu_tanh(x: mpmath.mpf) -> mpmath.mpf:
    return x / (1 + mpmath.exp(-GELU_LINEAR * (x + 0.044715 * x**3)))


def precise_gelu_tanh_slope(x: mpmath.mpf) -> mpmath.mpf:
    e = mpmath.exp(-GELU_LINEAR * (x + 0.044715 * x**3))
    return (1 + x * GELU_LINEAR * (1 + 3 * 0.044715 * x * x) * e / (1 + e)) / (1 + e)


def precise_i0e_slope(x: mpmath.mpf) -> mpmath.mpf:
    a = abs(x)
    if a < 10**4:
        slope = mpmath.exp(-a) * (mpmath.besseli(1, a) - mpmath.besseli(0, a))
    else:  # DLMF 10.40.1, of which the terms are derived
        z = 1 / a
        terms = z**1.5 / 2 + 3 * z**2.5 / 16 + 45 * z**3.5 / 256 + 525 * z**4.5 / 2048
        slope = -terms / mpmath.sqrt(2 * mpmath.pi)
    return slope * mpmath.sign(x)


def precise_i1_slope(x: mpmath.mpf) -> mpmath.mpf:
    if mpmath.isnan(x):
        return x
    return (mpmath.besseli(0, x) + mpmath.besseli(2, x)) / 2 if abs(x) < 720 else mpmath.inf


def times_slope(precise: Callable[[mpmath.mpf], mpmath.mpf], sign: int) -> Reference:
    """A cotangent times a slope that is computed once for each number. The zeros of an odd one have a sign."""
    slope_at = functools.cache(lambda value: float(precise(mpmath.mpf(value))))

    def reference(g: np.ndarray, x: np.ndarray) -> np.ndarray:
        values, places = np.unique(x, return_inverse=True)
        slopes = np.array([slope_at(value) for value in values.tolist()])
        if sign < 0:
            slopes = np.where(values == 0, 0, np.copysign(slopes, -values))
        return g * slopes[places].reshape(x.shape)

    return reference


GELU_LINEAR = 2 * mpmath.sqrt(2 / mpmath.pi)


def gelu_tanh_terms(x: np.ndarray) -> list[np.ndarray]:
    x = np.clip(x, -30, 1e100)  # beyond, it is below all that is asked for
    u = float(GELU_LINEAR) * (x + 0.044715 * np.minimum(x, 1e3) ** 3)
    slope = float(GELU_LINEAR) * (1 + 3 * 0.044715 * np.minimum(np.abs(x), 1e3) ** 2)
    return [sigmoid(u), np.minimum(x, 1e3) * slope * sigmoid(u) * sigmoid(-u)]


def gelu_tanh_unit(x: np.ndarray) -> np.ndarray:
    """A sigmoid, times how much rounding its argument counts for."""
    u = float(GELU_LINEAR) * (x + 0.044715 * np.clip(x, -30, 1e3) ** 3)
    found = np.where(np.isnan(x), 0, sigmoid(u) * (1 + np.clip(-u, 0, 1e4))) + 1e-35
    return np.where(np.isinf(x), 1, found)


def gelu_tanh(x: np.ndarray) -> np.ndarray:
    return x * sigmoid(float(GELU_LINEAR) * (x + 0.044715 * np.clip(x, -1e100, 1e100) ** 3))


def interpolated(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    return np.where(np.abs(z) < 0.5, x + (y - x) * z, y - (y - x) * (1 - z))


CASES: dict[str, Case] = {
    "copy": Case(np.positive),
    "negative": Case(np.negative),
    "abs": Case(np.abs),
    "sign": Case(np.sign),
    "sqrt": Case(np.sqrt),
    "reciprocal": Case(lambda x: x.dtype.type(1) / x),
    "square": Case(lambda x: x * x),
    "cube": Case(lambda x: x * x * x),
    "rsqrt": Case(lambda x: x.dtype.type(1) / np.sqrt(x)),
    "floor": Case(np.floor),
    "ceil": Case(np.ceil),
    "trunc": Case(np.trunc),
    "round": Case(np.rint),
    "frac": Case(lambda x: x - np.trunc(x)),
    "nan_to_num": Case(
        lambda x, nan, above, below: np.where(
            np.isnan(x), x.dtype.type(nan), np.where(np.isinf(x), np.where(x > 0, above, below).astype(x.dtype), x)
        ),
        params=(0.25, 3.0, -4.0),
    ),
    "exp2": Case(np.exp2, (1.25, 1.25), lambda x: mpmath.mpf(2) ** x),
    "log2": Case(np.log2, (2, 2), lambda x: mpmath.log(x, 2)),
    "log10": Case(np.log10, (2.25, 2.25), mpmath.log10),
    "logaddexp2": Case(np.logaddexp2, (4, 4), precise_logaddexp2, terms=larger_of_two),
    "xlogy": Case(lambda x, y: times(np.log, x, y), (2, 2), lambda x, y: x * mpmath.log(y)),
    "xlog1py": Case(
        lambda x, y: times(np.log1p, x, y),
        (2.5, 2.5),
        lambda x, y: x * mpmath.log1p(y),
        terms=lambda x, y: below_zero(x),
    ),
    "entr": Case(entropy, (2, 2), lambda x: -x * mpmath.log(x)),
    "logit": Case(logit, (3.5, 3.5), precise_logit, params=(0.125, 0.984375)),
    "tan": Case(np.tan, (4, 4), mpmath.tan),
    "asin": Case(np.arcsin, (3, 3), mpmath.asin),
    "acos": Case(np.arccos, (3, 3), mpmath.acos),
    "atan": Case(np.arctan, (2.5, 2.5), mpmath.atan),
    "atan2": Case(np.arctan2, (3, 3), mpmath.atan2),
    "sinh": Case(np.sinh, (3, 3), mpmath.sinh),
    "cosh": Case(np.cosh, (2, 2), mpmath.cosh),
    "asinh": Case(np.arcsinh, (3, 3), mpmath.asinh),
    "acosh": Case(np.arccosh, (3, 3), mpmath.acosh),
    "atanh": Case(np.arctanh, (3, 3), mpmath.atanh),
    "exp": Case(np.exp, (1.25, 1.25), mpmath.exp),
    "expm1": Case(np.expm1, (2, 2.5), mpmath.expm1),
    "log": Case(np.log, (1, 1.25), mpmath.log),
    "log1p": Case(np.log1p, (2, 1.5), mpmath.log1p),
    "sin": Case(np.sin, (2.5, 2.5), mpmath.sin),
    "cos": Case(np.cos, (2.5, 2.5), mpmath.cos),
    "tanh": Case(np.tanh, (2, 2.25), mpmath.tanh),
    "sigmoid": Case(sigmoid, (2, 2), lambda x: 1 / (1 + mpmath.exp(-x))),
    "softplus": Case(lambda x: np.logaddexp(x, 0), (2, 2.25), lambda x: mpmath.log1p(mpmath.exp(x))),
    "erf": Case(lambda x: np.frompyfunc(erf, 1, 1)(x).astype(np.float64), (3, 3), mpmath.erf),
    "gelu": Case(gelu, (3.5, 3.5), lambda x: x / 2 * mpmath.erfc(-x / mpmath.sqrt(2))),
    "erfc": special("erfc", (3.5, 4)),
    "erfcx": special("erfcx", (3, 3.5)),
    "erfinv": special("erfinv", (3.5, 5.5)),
    "ndtr": special("ndtr", (3, 4.5)),
    "log_ndtr": special("log_ndtr", (3.5, 4.5)),
    "ndtri": special("ndtri", (3, 6)),
    "sinc": special("sinc", (3.5, 3.5)),
    "lgamma": special("lgamma", (4.5, 4.5), terms=terms_of_lgamma),
    "digamma": special("digamma", (4, 5), terms=terms_of_digamma),
    "polygamma": special("polygamma", (3.5, 4.5), params=(1,)),
    "i0": special("i0", (4, 5)),
    "i0e": special("i0e", (3.5, 4)),
    "i1": special("i1", (4, 5)),
    "i1e": special("i1e", (3.5, 3.5)),
    "gelu_tanh": Case(gelu_tanh, (3, 3), precise_gelu_tanh, terms=lambda x: gelu_tanh_unit(x) * np.abs(x)),
    "silu": Case(silu, (2.5, 2.5), precise_silu, terms=below_zero),
    "mish": Case(mish, (5, 5), precise_mish, terms=below_zero),
    "elu": Case(
        lambda x, a, s, r: np.where(x > 0, x * s, np.expm1(np.minimum(x * r, 1)) * a),
        (3, 3),
        lambda x: x * 0.75 if x > 0 else 1.25 * mpmath.expm1(x / 2),
        params=(1.25, 0.75, 0.5),
    ),
    "threshold": Case(lambda x, bound, value: np.where(x <= bound, x.dtype.type(value), x), params=(0.5, -2.0)),
    "hardsigmoid": Case(lambda x: np.minimum(np.maximum(x + 3, 0), 6) / 6),
    "softshrink": Case(lambda x, p: x - np.clip(x, x.dtype.type(-p), x.dtype.type(p)), params=(0.5,)),
    "relu": Case(lambda x: np.maximum(x, x.dtype.type(0)), either_zero=True),
    "leaky_relu": Case(lambda x, p: np.where(x > 0, x, x * x.dtype.type(p)), params=(0.01,)),
    "clip": Case(lambda x, low, high: np.clip(x, x.dtype.type(low), x.dtype.type(high)), params=(-0.75, 1.5)),
    "add": Case(np.add),
    "subtract": Case(np.subtract),
    "multiply": Case(np.multiply),
    "divide": Case(np.divide),
    "power": Case(np.power, (1.5, 1.5), mpmath.power),
    "fmod": Case(np.fmod),
    "remainder": Case(floor_remainder),
    "floor_divide": Case(np.floor_divide),
    "hypot": Case(np.hypot, (2, 2), mpmath.hypot),
    "logaddexp": Case(np.logaddexp, (2.5, 2.5), precise_logaddexp, terms=larger_of_two),
    "huber": Case(huber, params=(0.5, 0.75)),
    "copysign": Case(np.copysign),
    "maximum": Case(np.maximum, either_zero=True),
    "minimum": Case(np.minimum, either_zero=True),
    "relu_grad": Case(lambda g, x: np.where(x <= 0, g.dtype.type(0), g)),
    "tanh_grad": Case(lambda g, z: g * (1 - z * z)),
    "sigmoid_grad": Case(lambda g, z: g * (z * (1 - z))),
    "silu_grad": slope(silu_terms, lambda x: (1 + x / (1 + mpmath.exp(x))) / (1 + mpmath.exp(-x)), 4),
    "mish_grad": slope(mish_terms, precise_mish_slope, 6),
    "gelu_grad": slope(gelu_terms, precise_gelu_slope, 5),
    "gelu_tanh_grad": Case(
        lambda g, x: g * sum(gelu_tanh_terms(x)),
        (6, 6),
        lambda g, x: g * precise_gelu_tanh_slope(x),
        terms=lambda g, x: np.abs(g) * gelu_tanh_unit(x) * (1 + np.minimum(np.abs(x), 30) ** 3) + 2e-45,
    ),
    "i0e_grad": Case(
        times_slope(precise_i0e_slope, -1),
        (6, 6),
        lambda g, x: g * precise_i0e_slope(x),
        terms=lambda g, x: below_zero(g),
    ),
    "i1_grad": Case(times_slope(precise_i1_slope, 1), (9, 9), lambda g, x: g * precise_i1_slope(x)),
    "sinc_grad": slope(sinc_terms, precise_sinc_slope, 5),
    "logit_grad": Case(
        lambda g, x, low, high, outside: np.where((x < low) | (x > high), x.dtype.type(outside), g / (x * (1 - x))),
        params=(-0.25, 0.75, 9.0),
    ),
    "elu_grad": Case(elu_slope, params=(1.25, 0.75, 0.5)),
    "leaky_relu_grad": Case(lambda g, x, p: np.where(x > 0, g, g * g.dtype.type(p)), params=(0.01,)),
    "hardswish_grad": Case(
        lambda g, x: np.where(
            x > -3, g * np.where(x < 3, x * x.dtype.type(1 / 3) + x.dtype.type(0.5), x.dtype.type(1)), g.dtype.type(0)
        )
    ),
    "within_grad": Case(
        lambda g, x, low, high, factor: np.where((x > low) & (x < high), g * g.dtype.type(factor), g.dtype.type(0)),
        params=(-1.0, 2.0, 1 / 6),
    ),
    "without_grad": Case(
        lambda g, x, low, high: np.where((x >= low) & (x <= high), g.dtype.type(0), g), params=(-0.5, 0.5)
    ),
    "equal": Case(np.equal),
    "not_equal": Case(np.not_equal),
    "less": Case(np.less),
    "less_equal": Case(np.less_equal),
    "greater": Case(np.greater),
    "greater_equal": Case(np.greater_equal),
    "where": Case(np.where),
    "lerp": Case(interpolated),
    "addcmul": Case(lambda x, y, z, value: x + y * x.dtype.type(value) * z, params=(0.75,)),
    "addcdiv": Case(lambda x, y, z, value: x + y * x.dtype.type(value) / z, params=(0.75,)),
}
# A kernel that is exact may have its reference in the table of operations alone.
CASES |= {case.kernel: Case(case.reference) for case in OPERATIONS if case.kernel}
INPUTS = {name: inputs for name, (inputs, _, _) in K.elementwise_info().items()}
APPROXIMATE = [name for name, case in CASES.items() if case.ulp]
SLOPES = ["silu_grad", "mish_grad", "gelu_grad", "gelu_tanh_grad", "sinc_grad", "i0e_grad"]
FUNCTIONS = [name for name in APPROXIMATE if INPUTS[name] == 1]
EVERY_FLOAT = ["exp", "log", "tanh", "sigmoid"]  # checked on all of float32 with --exhaustive

every_kernel = pytest.mark.parametrize("name", CASES)
pytestmark = pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")  # the references meet NaN too


def apply(name: str, *operands: np.ndarray) -> np.ndarray:
    return K.Elementwise(name)(*operands, params=CASES[name].params)


def expected(name: str, *operands: np.ndarray) -> np.ndarray:
    """The reference, in the operands' dtype for an exact kernel and in float64 otherwise."""
    case = CASES[name]
    if case.ulp:
        operands = tuple(x.astype(np.float64) for x in operands)
    return case.reference(*operands, *case.params)


def operands_for(name: str, *shapes: tuple[int, ...], dtype: np.dtype, seed: int = 0) -> list[np.ndarray]:
    """Random operands, in the domain of most kernels, with a few NaNs and zeros."""
    rng = np.random.default_rng(seed)
    operands = []
    for i, shape in enumerate(shapes[: INPUTS[name]]):
        x = rng.uniform(-3, 3, shape).astype(dtype)
        x[rng.random(shape) < 0.05] = np.nan
        x[rng.random(shape) < 0.05] = 0
        operands.append(x > 0 if name == "where" and i == 0 else x)
    return operands


def errors_in_ulp(actual: np.ndarray, wide: np.ndarray, least: np.ndarray | float = 0) -> np.ndarray:
    """Per item the distance from the float64 reference, in units in the last place of the result's dtype.

    The units are those of `least` where that is larger than the result.

    Infinite where the result is of another kind: NaN, infinite, or zero of the other sign.
    """
    narrow = wide.astype(actual.dtype)
    with np.errstate(over="ignore"):
        size = np.maximum(np.abs(narrow), np.minimum(least, np.finfo(actual.dtype).max).astype(actual.dtype))
    unit = np.maximum(np.spacing(size), np.finfo(actual.dtype).smallest_subnormal).astype(np.float64)
    error = np.abs(actual.astype(np.float64) - wide) / unit
    special = ~np.isfinite(narrow) | ~np.isfinite(actual)
    agree = (actual == narrow) | (np.isnan(actual) & np.isnan(narrow))
    error = np.where(special, np.where(agree, 0, np.inf), error)
    wrong_sign = (size == np.abs(narrow)) & (actual == 0) & ~np.isnan(wide) & (np.signbit(actual) != np.signbit(wide))
    return np.where(wrong_sign, np.inf, error)


def assert_agrees(name: str, actual: np.ndarray | dict[str, np.ndarray], *operands: np.ndarray) -> None:
    """The same NaNs, infinities and signs of zero as the reference, and finite results within the kernel's bound.

    In float64, where the reference is no better than the kernel, only nearly so: `test_float64_error` has the bound.
    Several results, of instruction sets or of threads, need the reference once.
    """
    right = expected(name, *operands)
    for where, result in (actual if isinstance(actual, dict) else {"": actual}).items():
        _assert_right(name, where, result, right, operands)


def _assert_right(
    name: str, where: str, actual: np.ndarray, right: np.ndarray, operands: Sequence[np.ndarray]
) -> None:
    case = CASES[name]
    if case.ulp is None:
        assert actual.dtype == right.dtype
        np.testing.assert_array_equal(actual, right, where)
        if not case.either_zero and actual.dtype != bool:
            zero = actual == 0
            np.testing.assert_array_equal(np.signbit(actual[zero]), np.signbit(right[zero]))
        return
    bound = case.ulp[0] if actual.dtype == np.float32 else 4096
    least = case.terms(*[x.astype(np.float64) for x in operands]) if case.terms else 0
    error = errors_in_ulp(actual, right, least)
    worst = np.argmax(error, axis=None)
    place = tuple(x.flat[worst] for x in operands)
    assert error.flat[worst] <= bound, f"{name}{place} = {actual.flat[worst]}, expected {right.flat[worst]} {where}"


def test_the_table_has_every_kernel() -> None:
    assert set(CASES) == set(K.elementwise_info())


@every_kernel
def test_lengths_around_the_vector(isa: str, dtype: np.dtype, name: str) -> None:
    longest = 2 * (K.vector_bytes() // dtype.itemsize) + 1
    operands = operands_for(name, *[(longest + 64,)] * 3, dtype=dtype)
    whole = apply(name, *operands)
    assert_agrees(name, whole, *operands)
    for n in range(longest + 1):
        # An item's result does not depend on its place: neither in a vector, nor in a tail.
        for start in (0, 1, 3):
            part = apply(name, *(x[start : start + n] for x in operands))
            assert part.dtype == whole.dtype
            assert part.tobytes() == whole[start : start + n].tobytes(), (n, start)


@every_kernel
def test_strides_do_not_matter(isa: str, dtype: np.dtype, name: str) -> None:
    shape = (5, 6, 2 * (K.vector_bytes() // dtype.itemsize) + 3)
    views: list[Callable[[np.ndarray], np.ndarray]] = [
        lambda x: x[..., ::2],
        lambda x: x[..., ::-1],
        lambda x: x[::-1, ::-2, ::-3],
        lambda x: x[:, :, 1:2],
        lambda x: x.T,
        lambda x: x.transpose(0, 2, 1),
        lambda x: x.transpose(1, 0, 2)[:, 1:, 1:],
        lambda x: np.broadcast_to(x[1, :, :1], (3, *x.shape[1:2], 40)),
        lambda x: np.lib.stride_tricks.sliding_window_view(x[0, 0], 4),
    ]
    operands = operands_for(name, *[shape] * 3, dtype=dtype)
    right = expected(name, *operands)
    for view in views:
        strided = [view(x) for x in operands]
        dense = apply(name, *(x.copy() for x in strided))
        _assert_right(name, f"of {dense.shape}", dense, view(right), strided)
        # All strided, and each in turn with the others dense.
        for chosen in (range(len(strided)), *([i] for i in range(len(strided)))):
            mixed = [x if i in chosen else x.copy() for i, x in enumerate(strided)]
            assert np.array_equal(apply(name, *mixed), dense, equal_nan=True), (chosen, [x.strides for x in mixed])


BROADCASTS = [
    ((7, 33), (33,)),
    ((7, 33), (7, 1)),
    ((7, 1), (1, 33)),
    ((70, 3), (3,)),
    ((2, 3, 4, 5), (3, 1, 5)),
    ((2, 1, 4, 1), (3, 1, 19)),
    ((6, 1, 5), (1, 4, 1)),
    ((4, 5), ()),
    ((0, 5), (5,)),
    ((3, 0), (3, 1)),
    ((), ()),
    ((1, 1, 1), (1,)),
]


@pytest.mark.parametrize("name", [name for name in CASES if INPUTS[name] > 1])
def test_broadcasting(isa: str, dtype: np.dtype, name: str) -> None:
    for a, b in BROADCASTS:
        for shapes in ((a, b, a), (b, a, b), (b, b, a)):
            operands = operands_for(name, *shapes, dtype=dtype)
            actual = apply(name, *operands)
            whole = [x.copy() for x in np.broadcast_arrays(*operands)]
            assert actual.shape == whole[0].shape
            np.testing.assert_array_equal(actual, apply(name, *whole))


def special_values(dtype: np.dtype) -> np.ndarray:
    info = np.finfo(dtype)
    positive = [0.0, info.smallest_subnormal, 3 * info.smallest_subnormal, info.smallest_normal / 2]
    positive += [info.smallest_normal, info.eps, 1e-3, 0.25, 0.5, 1 - info.epsneg, 1, 1 + info.eps, 1.5, 2, 3, 4, 10]
    positive += [37, 88, 89, 103, 104, 709, 710, 745, 746, 2 / info.eps, 2 / info.eps - 1, 1 / info.eps + 1, 1e30]
    positive += [0.5 / info.eps + 0.5, info.max, np.inf, np.nan]
    return np.array([sign * x for x in positive for sign in (1, -1)], dtype)


@every_kernel
def test_special_values(isa: str, dtype: np.dtype, name: str) -> None:
    special = special_values(dtype)
    grids = [g.ravel() for g in np.meshgrid(*[special] * min(INPUTS[name], 2))]
    operands = [grids[0] > 0, *grids] if name == "where" else grids
    if INPUTS[name] == 3 and name != "where":
        operands = [*grids, np.random.default_rng(0).permutation(grids[1])]
    if name == "i1_grad":  # of which no product overflows that the reference's does not
        operands[1] = np.where(np.abs(operands[1]) > 80, 1, operands[1]).astype(dtype)
    if name in (*SLOPES, "xlog1py"):  # infinity times what underflows is NaN
        too_large = np.abs(operands[0]) > (1e30 if name == "sinc_grad" else np.finfo(dtype).max)
        operands[0] = np.where(too_large, 1, operands[0]).astype(dtype)
    assert_agrees(name, apply(name, *operands), *operands)


def float32_blocks(step: int, block: int = 1 << 22) -> Iterator[np.ndarray]:
    """Every step-th bit pattern of float32, a block at a time."""
    for start in range(0, 2**32, step * block):
        yield np.arange(start, min(start + step * block, 2**32), step, dtype=np.uint32).view(np.float32)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_float32_error_over_all_floats(name: str, request: pytest.FixtureRequest) -> None:
    # A prime step gives every exponent all kinds of mantissa.
    exhaustive = name in EVERY_FLOAT and request.config.getoption("--exhaustive")
    slow = 1_048_583 if name in PRECISE else 16411 if name in ("erf", "gelu") else 4099
    for x in float32_blocks(1 if exhaustive else {"ndtri": 8_388_617}.get(name, slow)):  # whose reference takes long
        assert_agrees(name, by_isa(apply, name, x), x)


def in_unit_interval(x: np.ndarray) -> np.ndarray:
    """Numbers in (0, 1), many of them near its ends."""
    x = np.abs(np.concatenate([x[np.abs(x) < 1], 1 - np.abs(x[np.abs(x) < 0.1]), 0.5 + x[np.abs(x) < 0.5]]))
    return x[(x > 0) & (x < 1)]


def not_far_below_zero(x: np.ndarray) -> np.ndarray:
    return np.where(x < -1000, -x, x)


SPECIAL_DOMAINS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "erfc": lambda x: np.clip(x, -1000, 27),
    "erfcx": lambda x: np.maximum(x, -26.6),
    "ndtr": lambda x: np.clip(x, -38, 1000),
    "log_ndtr": lambda x: np.clip(x, -1e150, 38),
    "ndtri": in_unit_interval,
    "erfinv": in_unit_interval,
    "sinc": lambda x: np.where(np.abs(x) > 1e6, 1 / x, x),
    "lgamma": not_far_below_zero,
    "digamma": not_far_below_zero,
    "polygamma": not_far_below_zero,
    "i0": lambda x: np.clip(x, -700, 700),
    "i1": lambda x: np.clip(x, -700, 700),
}


@functools.cache
def precise_sample(name: str) -> tuple[list[np.ndarray], list[mpmath.mpf]]:
    """Float64 operands all over the domain, and the results to 40 digits."""
    rng = np.random.default_rng(0)
    n = 150
    x = np.concatenate(
        [rng.uniform(-s, s, n) for s in (0.01, 0.5, 1, 3, 10, 40, 750)]
        + [rng.choice([-1, 1], n) * 2.0 ** rng.uniform(-1074, 1024, n)]
        + [1 + rng.uniform(-1e-3, 1e-3, n)]
    )
    operands = [x]
    if name in ("sin", "cos", "tan"):
        operands = [np.concatenate([x, rng.integers(1, 10**6, n) * np.pi / 2, rng.uniform(-2e6, 2e6, n)])]
    if name in ("log", "log2", "log10", "entr"):
        operands = [np.abs(x)]
    if name in ("asin", "acos", "atanh"):
        operands = [x[np.abs(x) < 1]]
    if name == "acosh":
        operands = [np.abs(x[np.abs(x) >= 1])]
    if name == "log1p":
        operands = [x[x > -1]]
    if name in ("exp", "expm1", "sigmoid", "softplus"):
        operands = [np.clip(x, -800, 709)]
    if name in ("exp2", "sinh", "cosh"):
        operands = [np.clip(x, -1073 if name == "exp2" else -709, 709)]
    if name in ("tanh", "erf", "gelu"):
        operands = [np.clip(x, -1000, 1e300)]
    if name in ("gelu_tanh", "silu", "mish", "elu", *SLOPES):
        operands = [np.clip(x, -35 if name.startswith("gelu") else -700, 1e300)]
    if name in ("i0e_grad", "i1_grad"):
        operands = [np.clip(x, -700, 700)]
    if name == "sinc_grad":
        operands = [SPECIAL_DOMAINS["sinc"](x)]
    if name in (*SLOPES, "i1_grad"):
        operands = [rng.normal(size=len(x)), *operands]
    if name in ("hypot", "logaddexp", "logaddexp2", "atan2"):
        operands = [x, rng.permutation(x)]
    if name in ("xlogy", "xlog1py"):
        operands = [np.clip(x, -1e100, 1e100), np.abs(rng.permutation(x))]
    if name in SPECIAL_DOMAINS:
        operands = [SPECIAL_DOMAINS[name](x)]
    if name == "power":
        base = np.abs(x)
        exponent = rng.uniform(-750, 708, len(x)) / np.where(base == 1, 1, np.log(base))
        operands = [base, np.where(rng.random(len(x)) < 0.2, np.round(rng.uniform(-5, 5, len(x))), exponent)]
    with mpmath.workdps(40 + 330 * (name in ("sin", "cos", "tan"))):
        return operands, [CASES[name].precise(*map(mpmath.mpf, items)) for items in zip(*operands, strict=True)]


@pytest.mark.parametrize("name", APPROXIMATE)
def test_float64_error(name: str) -> None:
    operands, exact = precise_sample(name)
    case, limits = CASES[name], np.finfo(np.float64)
    least = case.terms(*operands) if case.terms else np.zeros(len(exact))
    with mpmath.workdps(40):
        overflows = np.array([abs(x) > limits.max for x in exact])
        nearest = np.clip(np.array(exact, np.float64), limits.min, limits.max)
        # Units in the last place of float64, of `least` where that is larger; and what of the result is beyond float64.
        exponents = [mpmath.frexp(x)[1] if x else -1100 for x in exact]
        units = np.maximum(np.maximum(exponents, np.where(least, np.frexp(least)[1], -1100)) - 53, -1074)
        rest = [
            float(mpmath.ldexp(x - mpmath.mpf(near), -int(unit)))
            for x, near, unit in zip(exact, nearest.tolist(), units, strict=True)
        ]
    for isa, actual in by_isa(apply, name, *operands).items():
        with np.errstate(over="ignore", invalid="ignore"):
            error = np.abs(np.ldexp(actual - nearest, -units) - rest)
        right = np.where(np.isinf(actual), overflows, error <= case.ulp[1])
        for i in np.flatnonzero(~right)[:1]:
            raise AssertionError((name, isa, *(x[i] for x in operands), actual[i], exact[i]))


def test_float32_power_error() -> None:
    rng = np.random.default_rng(0)
    x = np.abs(np.concatenate([rng.integers(0, 0x7F800000, 300_000, dtype=np.uint32).view(np.float32)]))
    x = np.concatenate([x, 1 + rng.normal(0, 1e-3, 100_000), rng.uniform(0, 4, 100_000)]).astype(np.float32)
    y = rng.uniform(-110, 95, len(x)) / np.log(x, where=x > 0, out=np.ones(len(x)), dtype=np.float64)
    y = np.clip(y, -1e30, 1e30).astype(np.float32)
    assert_agrees("power", by_isa(apply, "power", x, y), x, y)
    signed = np.where(rng.random(len(x)) < 0.5, -x, x)
    whole = rng.integers(-9, 10, len(x)).astype(np.float32)
    assert_agrees("power", by_isa(apply, "power", signed, whole), signed, whole)


LARGE = {
    "dense": ((300_001,), (300_001,)),
    "row": ((1500, 401), (401,)),
    "column": ((1500, 401), (1500, 1)),
    "outer": ((2000, 1), (1, 301)),
    "few long rows": ((3, 200_001), (3, 1)),
    "inner": ((40, 30, 20, 25), (30, 1, 25)),
}


@pytest.mark.parametrize("name", ["add", "exp", "less", "where"])
@pytest.mark.parametrize("layout", LARGE)
def test_threads_do_not_change_the_result(dtype: np.dtype, name: str, layout: str) -> None:
    a, b = LARGE[layout]
    operands = operands_for(name, a, b, a, dtype=dtype)
    results = {}
    for threads in (1, 2):
        K.set_num_threads(threads)
        results |= {f"{isa}, {threads} threads": x for isa, x in by_isa(apply, name, *operands).items()}
    assert_agrees(name, results, *operands)


@pytest.mark.parametrize("name", ["copy", "exp", "add", "where", "greater"])
@pytest.mark.parametrize("shape", [(1, 700), (700, 1), (16, 16), (33, 70), (70, 33), (500, 1031), (1024, 512)])
def test_transposed_operands(dtype: np.dtype, name: str, shape: tuple[int, int]) -> None:
    operands = operands_for(name, *[shape] * 3, dtype=dtype)
    for threads in (1, 2):
        K.set_num_threads(threads)
        plain = by_isa(apply, name, *operands)
        for turned in product((False, True), repeat=len(operands)):
            if any(turned):
                mixed = [np.asfortranarray(x) if turn else x for x, turn in zip(operands, turned, strict=True)]
                for isa, found in by_isa(apply, name, *mixed).items():
                    np.testing.assert_array_equal(found, plain[isa], f"{turned}, {isa}, {threads} threads")


def test_a_result_goes_into_the_first_operand_where_it_fits(isa: str, dtype: np.dtype) -> None:
    kernel = _kernels.Elementwise("add", np.add)
    x, y = (operands_for("add", shape, (1,), dtype=dtype)[0] for shape in ((70, 33), (70, 33)))
    for other in (y, y[0], y[:, :1], np.asfortranarray(y), y[::-1, ::-1], 2.5, x[:1].copy()):
        for first in (x.copy(), np.asfortranarray(x)):
            assert kernel.into(first, other)
            np.testing.assert_array_equal(first, x + other)
    twice = x.copy()
    assert kernel.into(twice, twice)
    np.testing.assert_array_equal(twice, x + x)
    for first, other in [(x[:, ::2], 1.0), (x[:1], y), (x, x[::-1]), (x, x[0]), (x.astype(np.float16), 1.0)]:
        before = first.copy()
        assert not kernel.into(first, other)
        np.testing.assert_array_equal(first, before)


def test_results_follow_the_operands_of_their_shape(isa: str, dtype: np.dtype) -> None:
    x, y, row = (operands_for("add", shape, (1,), dtype=dtype)[0] for shape in ((70, 33), (70, 33), (33,)))
    turned, column = np.asfortranarray(x), x[:, :1].copy()
    wide = np.broadcast_to(row, x.shape)  # which lies in no order
    for operands in [(turned, row), (row, turned), (turned, column), (turned, np.asfortranarray(y)), (turned, wide)]:
        found = apply("add", *operands)
        assert found.flags.f_contiguous
        np.testing.assert_array_equal(found, apply("add", *map(np.ascontiguousarray, operands)))
    for operands in [(x, row), (turned, y), (column, row), (turned[1:], row)]:
        assert apply("add", *operands).flags.c_contiguous


@pytest.mark.parametrize("name", ["copy", "exp", "add", "where"])
def test_strided_operands_of_several_tiles(isa: str, dtype: np.dtype, name: str) -> None:
    long_rows = [x[:, 1::2] for x in operands_for(name, *[(3, 9001)] * 3, dtype=dtype)]
    short_rows = [x[:, ::3] for x in operands_for(name, *[(700, 32)] * 3, dtype=dtype)]
    for strided in (long_rows, short_rows):
        np.testing.assert_array_equal(apply(name, *strided), apply(name, *(x.copy() for x in strided)))


@pytest.mark.parametrize("step", [2, -1, -2])
def test_every_length_is_copied_from_items_apart(isa: str, dtype: np.dtype, step: int) -> None:
    for n in range(1, 70):
        x = operands_for("copy", (3, n), dtype=dtype)[0][:, ::step]
        np.testing.assert_array_equal(apply("copy", x), np.array(x))


def test_operands_are_left_alone_and_results_are_fresh(isa: str, dtype: np.dtype) -> None:
    for name in CASES:
        operands = operands_for(name, *[(37,)] * 3, dtype=dtype)
        before = [x.copy() for x in operands]
        result = apply(name, *operands)
        for x, kept in zip(operands, before, strict=True):
            np.testing.assert_array_equal(x, kept)
            assert not np.shares_memory(x, result)


@pytest.mark.parametrize("shape", [(), (5,)])
def test_parameters_that_a_kernel_does_not_take_are_refused(dtype: np.dtype, shape: tuple[int, ...]) -> None:
    x = np.ones(shape, dtype)
    for call in (lambda: K.Elementwise("abs")(x, params=(1.0,)), lambda: K.Elementwise("add")(x, x, params=(1.0,)),
                 lambda: K.Elementwise("add")(x, 2.0, params=(1.0,))):  # fmt: skip
        with pytest.raises(TypeError, match="expected 0 scalar"):
            call()
    with pytest.raises(TypeError, match="operand"):
        K.Elementwise("abs")(x, x)
