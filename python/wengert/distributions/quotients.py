"""Functions with a removable singularity at 0, smooth to any order: near it they are power series.

Of a `where`, the branch that is not taken is given a harmless number, since 0 times the infinity of its derivative
would be NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from .._types import Tensor
from ..ops import where


def power_series(coefficients: Sequence[Any], x: Any) -> Any:
    """The sum of coefficients[k] x^k."""
    found: Any = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        found = found * x + coefficient
    return found


def piecewise(x: Any, radius: float, near: Callable[[Any], Any], far: Callable[[Any], Any]) -> Tensor:
    """`near(x)` where abs(x) < radius, `far(x)` elsewhere."""
    inside = x.abs() < radius
    return where(inside, near(where(inside, x, 0.0)), far(where(inside, radius, x)))


_LOG1P = [(-1) ** k / (k + 1) for k in range(14)]
_EXPM1 = [1 / math.factorial(k + 1) for k in range(16)]
# The Bernoulli numbers B(2 k) over (2 k)!, from k = 1 on.
_BERNOULLI = [
    b / math.factorial(2 * k)
    for k, b in enumerate(
        (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330,
         854513 / 138, -236364091 / 2730), 1,
    )
]  # fmt: skip


def log1p_over(x: Any) -> Tensor:
    """log(1 + x) / x, 1 at 0."""
    return piecewise(x, 0.04, lambda x: power_series(_LOG1P, x), lambda x: x.log1p() / x)


def expm1_over(x: Any) -> Tensor:
    """(exp(x) - 1) / x, 1 at 0."""
    return piecewise(x, 0.5, lambda x: power_series(_EXPM1, x), lambda x: x.expm1() / x)


def log_sinhc(x: Any) -> Tensor:
    """log(sinh(x / 2) / (x / 2)), 0 at 0."""
    series = [0.0, *(b / (2 * k) for k, b in enumerate(_BERNOULLI, 1))]

    def far(x: Any) -> Any:
        a = x.abs()
        return 0.5 * a + (-(-a).expm1()).log() - a.log()

    return piecewise(x, 1.0, lambda x: power_series(series, x * x), far)


def log_sinhc_slope(x: Any) -> Tensor:
    """The derivative of `log_sinhc`: coth(x / 2) / 2 - 1 / x, 0 at 0."""
    return piecewise(x, 1.0, lambda x: x * power_series(_BERNOULLI, x * x), lambda x: 0.5 / (0.5 * x).tanh() - 1 / x)


def log_sinhc_curvature(x: Any) -> Tensor:
    """The second derivative of `log_sinhc`: 1 / x^2 - 1 / (4 sinh(x / 2)^2), 1 / 12 at 0."""
    series = [b * (2 * k - 1) for k, b in enumerate(_BERNOULLI, 1)]

    def far(x: Any) -> Any:
        left = -(-x.abs()).expm1()
        return 1 / (x * x) - (1 - left) / (left * left)

    return piecewise(x, 1.0, lambda x: power_series(series, x * x), far)
