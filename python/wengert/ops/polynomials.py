"""Orthogonal polynomials, item by item, by the recurrences of the NIST Digital Library of Mathematical Functions,
https://dlmf.nist.gov, section 18.9.

A family is a first polynomial a x + b, P_0 = 1, and P_{k+1} = (A x + B) P_k - C P_{k-1} with A, B and C of k. Of the
derivative of order m follows P_{k+1}^(m) = (A x + B) P_k^(m) + m A P_k^(m-1) - C P_{k-1}^(m): one kernel has all of
them, and no derivative has a quotient that fails at the ends of the interval.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._types import Tensor
from ..core import dtypes
from ..core.define import elementwise
from ..core.half import half_kernel

Recurrence = Callable[[int], tuple[float, float, float]]
_FAMILIES: dict[str, tuple[float, float, Recurrence]] = {
    "chebyshev_t": (1, 0, lambda k: (2, 0, 1)),
    "chebyshev_u": (2, 0, lambda k: (2, 0, 1)),
    "chebyshev_v": (2, -1, lambda k: (2, 0, 1)),
    "chebyshev_w": (2, 1, lambda k: (2, 0, 1)),
    "shifted_chebyshev_t": (2, -1, lambda k: (4, -2, 1)),
    "shifted_chebyshev_u": (4, -2, lambda k: (4, -2, 1)),
    "shifted_chebyshev_v": (4, -3, lambda k: (4, -2, 1)),
    "shifted_chebyshev_w": (4, -1, lambda k: (4, -2, 1)),
    "hermite_h": (2, 0, lambda k: (2, 0, 2 * k)),
    "hermite_he": (1, 0, lambda k: (1, 0, k)),
    "laguerre_l": (-1, 1, lambda k: (-1 / (k + 1), (2 * k + 1) / (k + 1), k / (k + 1))),
    "legendre_p": (1, 0, lambda k: ((2 * k + 1) / (k + 1), 0, k / (k + 1))),
}


@half_kernel
def _kernel(x: Any, n: Any, family: str, order: int) -> np.ndarray:
    """The derivative of an order of the polynomials of degree n, in float64; 0 where n < 0."""
    dtype = x.dtype if isinstance(x, np.ndarray) else n.dtype
    wide, degree = np.broadcast_arrays(np.asarray(x, np.float64), np.trunc(np.asarray(n, np.float64)))
    a, b, recurrence = _FAMILIES[family]
    highest = int(degree.max(initial=0, where=np.isfinite(degree)))
    # Of each order up to the one wanted: P_{k-1} and P_k.
    before = [np.ones_like(wide), *(np.zeros_like(wide) for _ in range(order))]
    found = np.where(degree == 0, before[order], np.where(np.isnan(degree), np.nan, 0.0))
    here = [a * wide + b, *(np.full_like(wide, a if m == 1 else 0.0) for m in range(1, order + 1))]
    with np.errstate(all="ignore"):
        for k in range(1, highest + 1):
            found = np.where(degree == k, here[order], found)
            slope, shift, back = recurrence(k)
            line = slope * wide + shift
            above = [line * here[m] - back * before[m] for m in range(order + 1)]
            for m in range(1, order + 1):
                above[m] += m * slope * here[m - 1]
            before, here = here, above
    return np.asarray(dtypes.convert(found + 0.0, dtype))  # a difference of 0 is not -0


_polynomial: Callable[..., Tensor] = elementwise(
    "orthogonal_polynomial", _kernel, lambda x, y, family, order: _polynomial(x, y, family=family, order=order + 1),
    None, floating=True,
)  # fmt: skip

_DOC = """{title}, item by item.

Parameters
----------
x : tensor, array or number
    Of any shape.
n : tensor, array or number
    The degrees, of a shape that broadcasts with x's. What stands after the point is left out.

Returns
-------
Tensor
    Of the broadcast shape; 0 where n is negative.

Raises
------
ValueError
    If the shapes do not broadcast.

Notes
-----
By the recurrence {source}, in float64: as many steps as the highest degree has. Differentiable in x, to any order.

Examples
--------
>>> wg.special.{name}(wg.tensor([0.5, 2.]), {degree})
tensor([{values}])
"""


def _of(family: str, title: str, source: str, values: str) -> Callable[[Any, Any], Tensor]:
    """The family as a function of x and the degree."""
    prefix, _, letter = family.rpartition("_")

    def polynomial(x: Any, n: Any) -> Tensor:
        return _polynomial(x, n, family=family, order=0)

    name = f"{prefix}_polynomial_{letter}"
    polynomial.__name__ = polynomial.__qualname__ = name
    polynomial.__doc__ = _DOC.format(title=title, source=source, name=name, degree=3, values=values)
    return polynomial


_KINDS = "The Chebyshev polynomial of the {} kind"
_SHIFTED = "The Chebyshev polynomial of the {} kind at 2 x - 1"
_CHEBYSHEV = "DLMF 18.9.1 with table 18.9.1"
chebyshev_polynomial_t = _of("chebyshev_t", _KINDS.format("first"), _CHEBYSHEV, "-1., 26.")
chebyshev_polynomial_u = _of("chebyshev_u", _KINDS.format("second"), _CHEBYSHEV, "-1., 56.")
chebyshev_polynomial_v = _of("chebyshev_v", _KINDS.format("third"), _CHEBYSHEV, "-1., 41.")
chebyshev_polynomial_w = _of("chebyshev_w", _KINDS.format("fourth"), _CHEBYSHEV, "-1., 71.")
shifted_chebyshev_polynomial_t = _of("shifted_chebyshev_t", _SHIFTED.format("first"), _CHEBYSHEV, " 0., 99.")
shifted_chebyshev_polynomial_u = _of("shifted_chebyshev_u", _SHIFTED.format("second"), _CHEBYSHEV, "  0., 204.")
shifted_chebyshev_polynomial_v = _of("shifted_chebyshev_v", _SHIFTED.format("third"), _CHEBYSHEV, "  1., 169.")
shifted_chebyshev_polynomial_w = _of("shifted_chebyshev_w", _SHIFTED.format("fourth"), _CHEBYSHEV, " -1., 239.")
hermite_polynomial_h = _of("hermite_h", "The physicist's Hermite polynomial", "DLMF 18.9.1", "-5., 40.")
hermite_polynomial_he = _of("hermite_he", "The probabilist's Hermite polynomial", "DLMF 18.9.1", "-1.3750,  2.0000")
laguerre_polynomial_l = _of("laguerre_l", "The Laguerre polynomial", "DLMF 18.9.1", "-0.1458, -0.3333")
legendre_polynomial_p = _of("legendre_p", "The Legendre polynomial", "DLMF 18.9.1", "-0.4375, 17.0000")
