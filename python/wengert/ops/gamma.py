"""The logarithm of the gamma function and its derivatives, item by item.

The kernels tell their errors in csrc/special.inc.c. Identities are from the NIST Digital Library of Mathematical
Functions, https://dlmf.nist.gov, chapter 5.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from .._kernels import Elementwise
from .._types import Tensor
from ..core.bound import by_bindings
from ..core.broadcast import as_floating
from ..core.define import elementwise
from ..core.doors import constant
from ..core.half import half
from .compare import greater, where
from .naming import doc
from .reduce import sum as sum_of

__all__ = ["digamma", "lgamma", "mvlgamma", "polygamma"]

_NEGATIVE = "Where x < 0 that is of the largest term, since the function has zeros there."

lgamma: Callable[..., Tensor] = elementwise(
    "lgamma", Elementwise("lgamma"), lambda x: digamma(x), floating=True,
    doc=doc("The natural logarithm of the absolute value of the gamma function, item by item.",
            ">>> wg.lgamma(wg.tensor([0.5, 1., 10.]))\ntensor([ 0.5724,  0.0000, 12.8018])",
            note="Infinite at 0, at negative integers and at both infinities. The error is at most 4.5 units in the\n"
                 f"last place. {_NEGATIVE}"),
)  # fmt: skip


digamma: Callable[..., Tensor] = elementwise(
    "digamma", Elementwise("digamma"), lambda x: _polygamma(x, n=1), floating=True,
    doc=doc("The derivative of `lgamma`, item by item.",
            ">>> wg.digamma(wg.tensor([0.5, 1., 10.]))\ntensor([-1.9635, -0.5772,  2.2518])",
            note="At 0 it is infinite, with the sign opposite to zero's; at negative integers NaN. The error is at\n"
                 f"most 5 units in the last place. {_NEGATIVE}"),
)  # fmt: skip


_HIGHEST = 1000  # the kernel multiplies n terms by n factors
_polygamma_kernel = Elementwise("polygamma")
_polygamma: Callable[..., Tensor] = elementwise(
    "polygamma", by_bindings(lambda x, n: _polygamma_kernel(x, None, None, (n,))),
    lambda x, n: _polygamma(x, n=n + 1), floating=True,
)  # fmt: skip


def polygamma(n: int, x: Any) -> Tensor:
    """The derivative of order n of the digamma function, item by item.

    Parameters
    ----------
    n : int
        0, for the digamma function itself, to 1000.
    x : tensor, array or number
        Of any shape.

    Returns
    -------
    Tensor
        Of the same shape; infinite at 0 and at negative integers, for n > 0.

    Raises
    ------
    TypeError
        If n is no integer.
    ValueError
        If n is negative or above 1000.

    Notes
    -----
    The error is about 4 + n units in the last place; where x < 0 and n is even, of the largest term, since the function
    has zeros there.

    Examples
    --------
    >>> wg.polygamma(1, wg.tensor([1., 2.]))
    tensor([1.6449, 0.6449])
    """
    try:
        order = operator.index(n)
    except TypeError:
        raise TypeError(f"polygamma: the order is {n!r}; expected an integer, before the tensor") from None
    if not 0 <= order <= _HIGHEST:
        raise ValueError(f"polygamma: the order is {order}; expected 0 to {_HIGHEST}")
    return _polygamma(x, n=order) if order else digamma(x)


def mvlgamma(x: Any, p: int) -> Tensor:
    """The logarithm of the multivariate gamma function of dimension p, item by item.

    Parameters
    ----------
    x : tensor, array or number
        Of any shape.
    p : int
        At least 1.

    Returns
    -------
    Tensor
        Of the same shape; NaN where x is not above (p - 1) / 2.

    Raises
    ------
    TypeError
        If p is no integer.
    ValueError
        If p is below 1.

    Notes
    -----
    p (p - 1) / 4 log(pi) and the sum of lgamma(x - j / 2) over j from 0 to p - 1, DLMF 35.3.4.

    Examples
    --------
    >>> wg.mvlgamma(wg.tensor([1.5, 4.]), 2)
    tensor([0.4516, 3.5651])
    """
    try:
        dimension = operator.index(p)
    except TypeError:
        raise TypeError(f"mvlgamma: the dimension is {p!r}; expected an integer") from None
    if dimension < 1:
        raise ValueError(f"mvlgamma: the dimension is {dimension}; expected at least 1")
    return _multivariate(as_floating(x), dimension)


@half
def _multivariate(x: Any, p: int) -> Tensor:
    steps = constant(np.arange, 0, p, 1, x._value.dtype) * 0.5
    terms = lgamma(x.reshape((*x._value.shape, 1)) - steps)
    value = sum_of(terms, -1) + p * (p - 1) / 4 * math.log(math.pi)
    return where(greater(x, (p - 1) / 2), value, math.nan)
