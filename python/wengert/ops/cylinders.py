"""Bessel functions of real argument but those of bessel.py, and Airy's, item by item.

All are computed in float64. Identities are from the NIST Digital Library of Mathematical Functions,
https://dlmf.nist.gov, chapters 9 and 10. Integrals are summed at equidistant nodes. The error of that falls
exponentially with their number where a function is analytic around the real line: here it is less than rounding's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._types import Tensor
from ..core import dtypes
from ..core.broadcast import as_floating
from ..core.define import elementwise
from ..core.half import half, half_kernel
from .arithmetic import abs as absolute
from .bessel import i0, i1
from .compare import isinf, less, where
from .functions import sin, sinc
from .naming import doc

Items = Callable[..., np.ndarray]


def _in_float64(function: Items) -> Items:
    """A function of arrays of float64 as a kernel: without NumPy's warnings, the result of the argument's dtype."""

    @half_kernel
    def kernel(x: np.ndarray, **static: Any) -> np.ndarray:
        with np.errstate(all="ignore"):
            found = np.asarray(function(np.asarray(x, np.float64), **static))
        return np.asarray(dtypes.convert(found, x.dtype))

    return kernel


def _by_parts(x: np.ndarray, inside: np.ndarray, first: Items, second: Items) -> np.ndarray:
    """One function of the items that lie inside, another of the others."""
    out = np.empty(x.shape)
    out[inside] = first(x[inside])
    out[~inside] = second(x[~inside])
    return out


# ---------------------------------------------------------------- J and Y

_NEAR, _FAR = 2.0, 25.0  # below, power series; above, Hankel's integral
_TERMS = 30


def _powers(a: np.ndarray, n: int, sign: int) -> np.ndarray:
    """J (sign -1, DLMF 10.2.2) or I (sign 1, DLMF 10.25.2) of order n, by powers of a / 2."""
    q = sign * a * a / 4
    term = (a / 2) ** n / math.factorial(n)
    total = term.copy()
    for k in range(1, _TERMS):
        term = term * q / (k * (n + k))
        total += term
    return total


def _logarithmic(a: np.ndarray, n: int, sign: int) -> np.ndarray:
    """The power series of order 0 or 1 that stands beside the logarithm in Y (sign -1, DLMF 10.8.1) and K (sign 1,
    DLMF 10.31.1): a sum over k of (psi(k + 1) + psi(n + k + 1)) q^k / (k! (n + k)!), times (a / 2)^n."""
    q = sign * a * a / 4
    one, two = -np.euler_gamma, -np.euler_gamma + n
    term = (a / 2) ** n
    total = term * (one + two)
    for k in range(1, _TERMS):
        one, two = one + 1 / k, two + 1 / (n + k)
        term = term * q / (k * (n + k))
        total = total + term * (one + two)
    return total


def _downwards(a: np.ndarray, n: int) -> np.ndarray:
    """J of order n by the recurrence DLMF 10.6.1 from far above, where any start will do, and DLMF 10.12.4."""
    start = 2 * (max(72, n + 32) // 2)
    above, here, total, wanted = np.zeros_like(a), np.full_like(a, 1e-30), np.zeros_like(a), np.zeros_like(a)
    for k in range(start, 0, -1):
        if k == n:
            wanted = here
        if k % 2 == 0:
            total = total + 2 * here
        above, here = here, 2 * k / a * here - above
    return np.asarray((here if n == 0 else wanted) / (total + here))


def _hankel(a: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """J and Y of order 0 or 1 for a >= 2, from the integral of DLMF 10.9.20 turned onto the ray where it decays:

    J + i Y = sqrt(2 / (pi a)) exp(i (a - n pi / 2 - pi / 4)) / Gamma(n + 1 / 2) times the integral of
    exp(-v^2) v^(2 n) (1 + i v^2 / (2 a))^(n - 1/2) over all v.
    """
    step = 0.2
    total = np.full(a.shape, 1.0 if n == 0 else 0.0, np.complex128)
    for k in range(1, 32):
        u = (k * step) ** 2
        root = np.sqrt(1 + 0.5j * u / a)
        total += 2 * math.exp(-u) * (u * root if n else 1 / root)
    total *= step / math.gamma(n + 0.5)
    turned = (np.cos(a) + 1j * np.sin(a)) * complex(1, -1) / math.sqrt(2) * (-1j) ** n
    both = np.sqrt(2 / (math.pi * a)) * turned * total
    at_infinity = np.isinf(a)
    return np.where(at_infinity, 0, both.real), np.where(at_infinity, 0, both.imag)


def _upwards(a: np.ndarray, n: int, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The function of order n by the recurrence DLMF 10.6.1 from those of order 0 and 1."""
    for k in range(1, n):
        first, second = second, 2 * k / a * second - first
    return second if n else first


def _j(x: np.ndarray, n: int) -> np.ndarray:
    a = np.abs(x)
    far = max(_FAR, n)
    found = _by_parts(
        a, a < _NEAR, lambda a: _powers(a, n, -1),
        lambda a: _by_parts(
            a, a >= far, lambda a: _upwards(a, n, _hankel(a, 0)[0], _hankel(a, 1)[0]), lambda a: _downwards(a, n)
        ),
    )  # fmt: skip
    return np.where(x < 0, -found, found) if n % 2 else found


def _y_near(a: np.ndarray, n: int) -> np.ndarray:
    """Y of order 0 or 1 for a < 2, DLMF 10.8.1."""
    found = 2 * np.log(a / 2) * _powers(a, n, -1) - _logarithmic(a, n, -1)
    return np.asarray((found - 2 / a * n) / math.pi)


def _y(x: np.ndarray, n: int) -> np.ndarray:
    def of(a: np.ndarray) -> np.ndarray:
        near = a < _NEAR
        first, second = (
            _by_parts(a, near, lambda a, m=m: _y_near(a, m), lambda a, m=m: _hankel(a, m)[1]) for m in (0, 1)
        )
        return _upwards(a, n, first, second)

    return _by_parts(x, x > 0, of, lambda x: np.where(x == 0, -math.inf, math.nan))


_bessel_j: Callable[..., Tensor] = elementwise(
    "bessel_j", _in_float64(_j), lambda x, n: _between(_bessel_j, x, n), floating=True
)
_bessel_y: Callable[..., Tensor] = elementwise(
    "bessel_y", _in_float64(_y), lambda x, n: _between(_bessel_y, x, n), floating=True
)


def _between(function: Callable[..., Tensor], x: Any, n: int) -> Tensor:
    """The derivative of order n, DLMF 10.6.1 and 10.6.2: without a quotient by x."""
    if not n:
        return -function(x, n=1)
    return (function(x, n=n - 1) - function(x, n=n + 1)) * 0.5


def _public(name: str, summary: str, example: str, function: Callable[..., Tensor], note: str, **static: Any) -> Any:
    """`function` with its keywords set, as users call it."""

    def of(x: Any) -> Tensor:
        return function(x, **static)

    of.__name__ = of.__qualname__ = name
    of.__doc__ = doc(summary, f">>> wg.special.{name}({example}", note=note)
    return of


_WAVES = "Computed in float64; the error is some 1e-15 of what the function oscillates between, and grows like x's own."
_AT_0 = "-inf at 0, NaN below."

bessel_j0 = _public(
    "bessel_j0", "The Bessel function of the first kind of order 0, item by item.",
    "wg.tensor([0., 1., 10.]))\ntensor([ 1.0000,  0.7652, -0.2459])", _bessel_j, _WAVES, n=0,
)  # fmt: skip
bessel_j1 = _public(
    "bessel_j1", "The Bessel function of the first kind of order 1, item by item.",
    "wg.tensor([0., 1., 10.]))\ntensor([0.0000, 0.4401, 0.0435])", _bessel_j, _WAVES, n=1,
)  # fmt: skip
bessel_y0 = _public(
    "bessel_y0", "The Bessel function of the second kind of order 0, item by item.",
    "wg.tensor([1., 10.]))\ntensor([0.0883, 0.0557])", _bessel_y, f"{_AT_0} {_WAVES}", n=0,
)  # fmt: skip
bessel_y1 = _public(
    "bessel_y1", "The Bessel function of the second kind of order 1, item by item.",
    "wg.tensor([1., 10.]))\ntensor([-0.7812,  0.2490])", _bessel_y, f"{_AT_0} {_WAVES}", n=1,
)  # fmt: skip


# ---------------------------------------------------------------- K


def _decaying(a: np.ndarray, order: int, n: int) -> np.ndarray:
    """exp(a) K of an order, differentiated n times, for a >= 1: the integral of DLMF 10.32.9, all of one sign."""
    nodes = 40 + 2 * n
    last = np.arccosh(1 + (45.0 + 6 * n) / a)
    total = np.full(a.shape, 0.0 if n else 0.5)
    for k in range(1, nodes + 1):
        t = last * (k / nodes)
        beyond = 2 * np.sinh(t / 2) ** 2  # cosh(t) - 1
        total += np.cosh(order * t) * np.exp(-a * beyond) * (-beyond) ** n
    return np.where(np.isinf(a), 0, total * last / nodes)


def _k_near(a: np.ndarray, n: int) -> np.ndarray:
    """K for a < 1: of order 0 and 1 by DLMF 10.31.1 and 10.31.2, above by the recurrence DLMF 10.29.1."""
    first = 0.5 * _logarithmic(a, 0, 1) - np.log(a / 2) * _powers(a, 0, 1)
    second = 1 / a + np.log(a / 2) * _powers(a, 1, 1) - 0.5 * _logarithmic(a, 1, 1)
    for k in range(1, n):
        first, second = second, first + 2 * k / a * second
    return np.asarray(second if n else first)


def _only_positive(function: Items) -> Items:
    """A function of positive numbers that is infinite at 0 and NaN below."""

    def of(x: np.ndarray, **static: int) -> np.ndarray:
        limit = (-1.0) ** static.get("n", 0) * math.inf
        return _by_parts(x, x > 0, lambda a: function(a, **static), lambda x: np.where(x == 0, limit, math.nan))

    return of


def _k(a: np.ndarray, order: int) -> np.ndarray:
    return _by_parts(a, a < 1, lambda a: _k_near(a, order), lambda a: np.exp(-a) * _decaying(a, order, 0))


def _scaled_k_near(a: np.ndarray, order: int, n: int) -> np.ndarray:
    """exp(a) K, differentiated n times, for a < 1: by the rule of Leibniz, and DLMF 10.29.5."""
    total = np.zeros_like(a)
    for j in range(n + 1):
        for i in range(j + 1):
            sign = (-0.5) ** j * math.comb(n, j) * math.comb(j, i)
            total += sign * _k_near(a, abs(order - j + 2 * i))
    return np.asarray(np.exp(a) * total)


def _scaled_k(a: np.ndarray, order: int, n: int) -> np.ndarray:
    return _by_parts(a, a < 1, lambda a: _scaled_k_near(a, order, n), lambda a: _decaying(a, order, n))


def _k_slope(x: Any, order: int) -> Tensor:
    """DLMF 10.29.1 and 10.29.3."""
    if not order:
        return -_bessel_k(x, order=1)
    return (_bessel_k(x, order=order - 1) + _bessel_k(x, order=order + 1)) * -0.5


_bessel_k: Callable[..., Tensor] = elementwise(
    "bessel_k", _in_float64(_only_positive(_k)), lambda x, order: _k_slope(x, order), floating=True
)
_bessel_ke: Callable[..., Tensor] = elementwise(
    "bessel_ke", _in_float64(_only_positive(_scaled_k)), lambda x, order, n: _bessel_ke(x, order=order, n=n + 1),
    floating=True,
)  # fmt: skip

_DECAYS = "Infinite at 0, NaN below. Computed in float64; the relative error is some 1e-15, and grows like x's own."

modified_bessel_i0, modified_bessel_i1 = i0, i1
modified_bessel_k0 = _public(
    "modified_bessel_k0", "The modified Bessel function of the second kind of order 0, item by item.",
    "wg.tensor([0.5, 1., 2.]))\ntensor([0.9244, 0.4210, 0.1139])", _bessel_k, _DECAYS, order=0,
)  # fmt: skip
modified_bessel_k1 = _public(
    "modified_bessel_k1", "The modified Bessel function of the second kind of order 1, item by item.",
    "wg.tensor([0.5, 1., 2.]))\ntensor([1.6564, 0.6019, 0.1399])", _bessel_k, _DECAYS, order=1,
)  # fmt: skip
scaled_modified_bessel_k0 = _public(
    "scaled_modified_bessel_k0", "exp(x) `modified_bessel_k0(x)`, item by item, which does not underflow.",
    "wg.tensor([1., 1000.]))\ntensor([1.1445, 0.0396])", _bessel_ke, _DECAYS, order=0, n=0,
)  # fmt: skip
scaled_modified_bessel_k1 = _public(
    "scaled_modified_bessel_k1", "exp(x) `modified_bessel_k1(x)`, item by item, which does not underflow.",
    "wg.tensor([1., 1000.]))\ntensor([1.6362, 0.0396])", _bessel_ke, _DECAYS, order=1, n=0,
)  # fmt: skip


# ---------------------------------------------------------------- of half an order, and of a third


@half
def _spherical(x: Any) -> Tensor:
    near = less(absolute(x), 1.0)
    far = sin(x) / where(near, 1.0, x)
    return where(isinf(x), 0.0, where(near, sinc(where(near, x, 0.0) / math.pi), far))


def spherical_bessel_j0(x: Any) -> Tensor:
    """The spherical Bessel function of the first kind of order 0, sin(x) / x, item by item.

    Parameters
    ----------
    x : tensor, array or number
        Of any shape.

    Returns
    -------
    Tensor
        Of the same shape; 1 at 0.

    Notes
    -----
    DLMF 10.49.3.

    Examples
    --------
    >>> wg.special.spherical_bessel_j0(wg.tensor([0., 1., 2.]))
    tensor([1.0000, 0.8415, 0.4546])
    """
    return _spherical(as_floating(x))


_AI_0, _SLOPE_0 = 0.3550280538878172392600632, -0.2588194037928067984051836  # DLMF 9.2.3 and 9.2.4


def _airy_integral(z: np.ndarray, thirds: int) -> np.ndarray:
    """That of exp(-u) u^(n - 1/2) (1 + u / (2 z))^(n - 1/2) over u > 0 by Gamma(n + 1/2), for n of 1 or 2 thirds.

    With it K of order n is sqrt(pi / (2 z)) exp(-z) (DLMF 10.32.8). By u = w^6 the power becomes a whole one.
    """
    step, power = 0.045, thirds / 3 - 0.5
    total = np.zeros_like(z)
    for k in range(1, 43):
        u = (k * step) ** 6
        total += 6 * (k * step) ** (5 + round(6 * power)) * math.exp(-u) * (1 + u / (2 * z)) ** power
    return total * (step / math.gamma(thirds / 3 + 0.5))


def _airy_near(x: np.ndarray, slope: bool) -> np.ndarray:
    """Powers of x, DLMF 9.4.1, and their derivative."""
    cube = x * x * x
    one, two = np.ones_like(x), x.copy()
    if slope:
        one, two = x * x / 2, np.ones_like(x)
    total = _AI_0 * one + _SLOPE_0 * two
    for k in range(1, 24):
        if slope:  # the first term of one is that of k = 1
            one, two = one * cube / ((3 * k) * (3 * k + 2)), two * cube / ((3 * k) * (3 * k - 2))
        else:
            one, two = one * cube / ((3 * k) * (3 * k - 1)), two * cube / ((3 * k) * (3 * k + 1))
        total = total + _AI_0 * one + _SLOPE_0 * two
    return total


def _airy_far(x: np.ndarray, slope: bool) -> np.ndarray:
    """By K of order 1/3 or 2/3, DLMF 9.6.2 and 9.6.3; for negative x at an imaginary argument, DLMF 9.2.14."""
    a = np.abs(x)
    z = a * np.sqrt(a) * (2 / 3)
    size = (-(a**0.25) if slope else a**-0.25) / math.sqrt(math.pi)
    thirds = 2 if slope else 1

    def above(k: np.ndarray) -> np.ndarray:
        return np.asarray(0.5 * size[k] * np.exp(-z[k]) * _airy_integral(z[k].astype(np.complex128), thirds).real)

    def below(k: np.ndarray) -> np.ndarray:
        turned = (np.cos(z[k]) - 1j * np.sin(z[k])) * complex(1, 1) / math.sqrt(2) * (-1j if slope else 1)
        return np.asarray(size[k] * (turned * _airy_integral(1j * z[k], thirds)).real)

    found = np.empty(x.shape)
    for part, of in ((x > 0, above), (x <= 0, below)):
        found[part] = of(part)
    return np.where(np.isinf(a) & ~(slope & (x < 0)), 0, found)


def _airy(x: np.ndarray, slope: bool) -> np.ndarray:
    near = (x > -2) & (x < 1)
    return _by_parts(x, near, lambda x: _airy_near(x, slope), lambda x: _airy_far(x, slope))


def _airy_slope(x: Any, slope: bool) -> Tensor:
    """DLMF 9.2.1: the second derivative is the function times x."""
    return _airy_ai(x, slope=False) * x if slope else _airy_ai(x, slope=True)


_airy_ai: Callable[..., Tensor] = elementwise(
    "airy_ai", _in_float64(_airy), lambda x, slope: _airy_slope(x, slope), floating=True
)
airy_ai = _public(
    "airy_ai", "Airy's function Ai, item by item.",
    "wg.tensor([-1., 0., 1.]))\ntensor([0.5356, 0.3550, 0.1353])", _airy_ai,
    "Computed in float64; the error is some 1e-15 (relative where x > 0), and grows like |x|^(3/2)'s own.", slope=False,
)  # fmt: skip
