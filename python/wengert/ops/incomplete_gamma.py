"""The incomplete gamma functions, with derivatives in both arguments, item by item.

P(a, x) is the distribution function at x of a gamma law of shape a, and Q = 1 - P; DLMF 8.2.4. All is computed from
quotients of their derivatives in a by a density, which are of moderate size also where the functions underflow.
Identities are from the NIST Digital Library of Mathematical Functions, https://dlmf.nist.gov, chapters 5 and 8.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._kernels import Elementwise
from .._types import Tensor
from ..core import dtypes
from ..core.define import elementwise
from ..core.half import half_kernel
from .functions import exp, log
from .gamma import digamma, lgamma, polygamma

__all__ = ["igamma", "igammac"]

_digamma, _polygamma, _lgamma = Elementwise("digamma"), Elementwise("polygamma"), Elementwise("lgamma")
_FAR = 38.0  # e to the minus this is nothing beside 1 in float64


@functools.cache  # when it is first wanted, for it takes milliseconds
def _rule() -> tuple[np.ndarray, np.ndarray]:
    """Gauss and Legendre's nodes and weights for [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(48)
    return 0.5 * (nodes + 1), 0.5 * weights


def _bell(first: Any, others: Any, n: int) -> Any:
    """The complete Bell polynomial of order n of `first` and, behind it, the n - 1 `others`.

    Where they are the derivatives of log f, that is the derivative of order n of f, over f.
    """
    found: list[Any] = [1.0]
    x = (first, *others)
    for m in range(n):
        terms = [math.comb(m, k) * (found[m - k] * x[k]) for k in range(m + 1)]
        found.append(sum(terms[1:], terms[0]))
    return found[n]


def _log_gamma_orders(a: np.ndarray, n: int) -> np.ndarray:
    """The derivatives of -log Gamma(a) of the orders 1 to n, in rows."""
    orders = [_digamma(a), *(_polygamma(a, None, None, (k,)) for k in range(1, n))]
    return -np.stack(orders[:n]) if n else np.zeros((0, *a.shape))


def _series(a: np.ndarray, y: np.ndarray, orders: np.ndarray, n: int) -> np.ndarray:
    """The derivative of order n of P(a, x) in a, over the density, for x = exp(y) <= 1, by DLMF 8.7.1.

    All of its terms are positive. The `orders` are those of a + 1.
    """
    x = np.exp(y)
    term = [np.ones_like(a), *(np.zeros_like(a) for _ in range(n))]  # Taylor coefficients in a of x^k / (a + 1)_k
    total = [part.copy() for part in term]
    for k in range(1, 22):
        for j in range(n + 1):
            term[j] = (term[j] * x - (term[j - 1] if j else 0.0)) / (a + k)
            total[j] += term[j]
    first = orders[0] + y if n else y
    found = np.zeros_like(a)
    for j in range(n + 1):
        found += math.comb(n, j) * math.factorial(j) * total[j] * _bell(first, orders[1:], n - j)
    return np.asarray(found / a)


_CHUNK = 1024  # so that all nodes of so many items stay in the cache


def _tail(a: np.ndarray, y: np.ndarray, orders: np.ndarray, n: int, sign: int) -> np.ndarray:
    """The derivative of order n in a of P (sign -1) or Q (sign 1), over the density, for x = exp(y) > 1.

    The integral of the density's own derivative over t = x exp(sign s), s > 0, whose integrand falls from s = 0 on if x
    is on that side of the mean. It ends where the integrand is nothing, by the bounds 1 - exp(-s) <= s / (1 + s / 2)
    and exp(s) - 1 >= s + s^2 / 2, of which the second is made less wide by a few fixed-point steps.
    """
    if len(a) > _CHUNK:
        parts = [slice(start, start + _CHUNK) for start in range(0, len(a), _CHUNK)]
        return np.concatenate([_tail(a[part], y[part], orders[:, part], n, sign) for part in parts])
    x = np.exp(y)
    if sign < 0:
        b = a - x - _FAR / 2
        end = (np.sqrt(b * b + 2 * _FAR * a) - b) / a
    else:
        b = x - a
        end = (np.sqrt(b * b + 2 * _FAR * x) - b) / x
        for _ in range(4):
            end = np.log((_FAR + x + a * end) / x)
    nodes, weights = _rule()
    s = (sign * end) * nodes[:, None]
    first = orders[0] + y + s if n else s
    values = np.exp(a * s - x * np.expm1(s)) * _bell(first, orders[1:], n)
    return np.asarray((weights[:, None] * values).sum(0) * end)


def _quotients(a: np.ndarray, y: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The derivative of order n in a of P(a, exp(y)) or of Q, over the density of y; and where it is Q's."""
    shape = np.broadcast_shapes(a.shape, y.shape)
    a, y = (np.broadcast_to(x, shape).astype(np.float64).reshape(-1) for x in (a, y))
    with np.errstate(all="ignore"):
        # Of all items, wherever they lie: a program wants the same kernels to be called in each run.
        near, far = _log_gamma_orders(a + 1, n), _log_gamma_orders(a, max(n, 1))
        series, right = (a > 0) & (y <= 0), (a > 0) & (y > 0) & (y >= -far[0])
        left = (a > 0) & (y > 0) & ~right
        found = np.full(a.shape, np.nan)
        found[series] = _series(a[series], y[series], near[:, series], n)
        found[left] = _tail(a[left], y[left], far[:, left], n, -1)
        found[right] = _tail(a[right], y[right], far[:, right], n, 1)
    return found.reshape(shape), right.reshape(shape)


def _dtype(x: Any, y: Any) -> np.dtype:
    """That of the arrays among two operands, of which one may be a number."""
    return np.dtype((x if isinstance(x, np.ndarray) else y).dtype)


@half_kernel
def _slope_kernel(x: Any, y: Any, n: int) -> np.ndarray:
    found, right = _quotients(np.asarray(x), np.asarray(y), n)
    return dtypes.convert(np.where(right, found, -found), _dtype(x, y))


def _log_density_orders(x: Any, n: int) -> list[Any]:
    """The derivatives of -lgamma(x) of the orders 2 to n."""
    return [-polygamma(k, x) for k in range(1, n)]


log_gamma_slope: Callable[..., Tensor] = elementwise(
    "log_gamma_slope", _slope_kernel,
    lambda x, y, z, n: log_gamma_slope(x, y, n=n + 1) - z * (y - digamma(x)),
    lambda x, y, z, n: -_bell(y - digamma(x), _log_density_orders(x, n), n) - z * (x - exp(y)),
    doc="""Minus the derivative of order n > 0 of P(x, exp(y)) in x, over the density of y.

    With n = 1 that is how fast the logarithm of a gamma variate moves with its shape x, while its quantile stays what
    it is (Figurnov, Mohamed and Mnih 2018, Implicit reparameterization gradients).

    Parameters
    ----------
    x, y : tensor
        The shape, and the logarithm of the variate.
    n : int
        At least 1.

    Returns
    -------
    Tensor
        Of the broadcast shape.
    """,
)  # fmt: skip


@half_kernel
def _part_kernel(x: Any, y: Any, upper: bool) -> np.ndarray:
    """P, or Q, of shape x at y."""
    with np.errstate(all="ignore"):
        a, v = np.asarray(x, np.float64), np.asarray(y, np.float64)
        logs = np.log(v)
        found, right = _quotients(a, logs, 0)
        part = found * np.exp(a * logs - v - _lgamma(a))
        value = np.where(right != upper, 1 - part, part)
        value = np.where(v == 0, float(upper), np.where(np.isposinf(v), float(not upper), value))
    return dtypes.convert(np.where((a > 0) & (v >= 0), value, np.nan), _dtype(x, y))


def _density(x: Any, y: Any) -> Tensor:
    """Of y, of a gamma law of shape x."""
    return exp((x - 1) * log(y) - y - lgamma(x))


def _by_shape(x: Any, y: Any) -> Tensor:
    """The derivative of Q(x, y) in x."""
    logs = log(y)
    return log_gamma_slope(x, logs, n=1) * exp(x * logs - y - lgamma(x))


_part: Callable[..., Tensor] = elementwise(
    "gammainc", _part_kernel,
    lambda x, y, upper: _by_shape(x, y) if upper else -_by_shape(x, y),
    lambda x, y, upper: -_density(x, y) if upper else _density(x, y),
    floating=True,
)  # fmt: skip


def gammainc(x: Any, y: Any) -> Tensor:
    """The regularized lower incomplete gamma function P of shapes x, up to y, item by item.

    Parameters
    ----------
    x, y : tensor, array or number
        Of shapes that broadcast together.

    Returns
    -------
    Tensor
        Of the broadcast shape; NaN where x is not positive, or y negative. Differentiable in both to any order.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.

    Examples
    --------
    >>> wg.special.gammainc(wg.tensor([1., 4.]), wg.tensor([1., 4.]))
    tensor([0.6321, 0.5665])
    """
    return _part(x, y, upper=False)


def gammaincc(x: Any, y: Any) -> Tensor:
    """The regularized upper incomplete gamma function Q = 1 - P of shapes x, from y, item by item.

    Parameters
    ----------
    x, y : tensor, array or number
        Of shapes that broadcast together.

    Returns
    -------
    Tensor
        Of the broadcast shape; NaN where x is not positive, or y negative. Differentiable in both to any order.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.

    Examples
    --------
    >>> wg.special.gammaincc(wg.tensor([1., 4.]), wg.tensor([1., 4.]))
    tensor([0.3679, 0.4335])
    """
    return _part(x, y, upper=True)


igamma, igammac = gammainc, gammaincc  # PyTorch's other names
