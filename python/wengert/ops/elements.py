"""What acts on numbers as they are stored, item by item, and the functions of complex numbers for real ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._kernels import Loops
from .._types import Tensor
from ..core.batching import aligned, unchanged
from ..core.broadcast import as_floating, cast, match
from ..core.define import computed, elementwise
from ..core.doors import enter
from ..core.half import half_kernel
from ..core.named import NamedTuple
from .arithmetic import multiply
from .compare import greater_equal, isnan, less, logical_or, where
from .functions import exp2
from .naming import doc
from .numpy_kernels import quiet

__all__ = [
    "angle", "conj", "fmax", "fmin", "frexp", "gcd", "heaviside", "is_conj", "is_neg", "is_nonzero",
    "is_same_size", "is_signed", "isreal", "lcm", "ldexp", "positive",
]  # fmt: skip

# ---------------------------------------------------------------- extremes that pass NaN by


def _chosen(g: Any, x: Any, y: Any, first: bool) -> Tensor:
    """g where x, or for the second argument y, was chosen: x where x >= y, which NaN never is."""
    keeps = logical_or(greater_equal(x, y), isnan(y))
    return where(keeps, g, 0.0) if first else where(keeps, 0.0, g)


fmax: Callable[..., Tensor] = elementwise(
    "fmax", Loops(np.fmax, quiet(np.fmax)),
    lambda g, x, y: _chosen(g, x, y, True), lambda g, x, y: _chosen(g, x, y, False),
    doc=doc("The larger of x and y, item by item; the other one where one is NaN.",
            ">>> wg.fmax(wg.tensor([1., float('nan')]), wg.tensor([3., 2.]))\ntensor([3., 2.])", inputs=2,
            note="Where x = y, the gradient is x's, as in PyTorch."),
)  # fmt: skip


def _smaller(g: Any, x: Any, y: Any, first: bool) -> Tensor:
    keeps = logical_or(greater_equal(y, x), isnan(y))
    return where(keeps, g, 0.0) if first else where(keeps, 0.0, g)


fmin: Callable[..., Tensor] = elementwise(
    "fmin", Loops(np.fmin, quiet(np.fmin)),
    lambda g, x, y: _smaller(g, x, y, True), lambda g, x, y: _smaller(g, x, y, False),
    doc=doc("The smaller of x and y, item by item; the other one where one is NaN.",
            ">>> wg.fmin(wg.tensor([1., float('nan')]), wg.tensor([3., 2.]))\ntensor([1., 2.])", inputs=2,
            note="Where x = y, the gradient is x's, as in PyTorch."),
)  # fmt: skip


# ---------------------------------------------------------------- floating numbers


def _heaviside(x: Any, y: Any) -> np.ndarray:
    kind = np.asarray(x).dtype if isinstance(x, np.ndarray) else np.asarray(y).dtype
    steps = np.where(np.asarray(x) == 0, y, np.where(np.isnan(x), x, np.asarray(x) > 0))
    return np.asarray(steps.astype(kind))


_step = computed("heaviside", quiet(_heaviside), batched=aligned)


def heaviside(x: Any, values: Any) -> Tensor:
    """0 where x is negative, 1 where it is positive, and `values` where it is 0.

    Parameters
    ----------
    x, values : tensor, array or number
        Of shapes that broadcast together, of one dtype.

    Returns
    -------
    Tensor
        Of the broadcast shape; a constant.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.

    Examples
    --------
    >>> wg.heaviside(wg.tensor([-1., 0., 2.]), wg.tensor(0.5))
    tensor([0.0000, 0.5000, 1.0000])
    """
    return _step(*match("heaviside", x, values, floating=False))


class Frexp(NamedTuple):
    """Mantissas, whose size is in [0.5, 1), and exponents of 2."""

    mantissa: Tensor
    exponent: Tensor


@half_kernel
def _mantissa_kernel(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.frexp(x)[0])


def _exponent_kernel(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.frexp(x)[1], np.int32)


_exponents = computed("frexp_exponent", _exponent_kernel, batched=unchanged)
_mantissas: Callable[..., Tensor] = elementwise(
    "frexp", _mantissa_kernel, lambda g, x: g * exp2(-cast(_exponents(x), x._value.dtype)), floating=True
)


def frexp(x: Any) -> Frexp:
    """Each item as a mantissa in [0.5, 1), with its sign, times 2 to the power of an exponent.

    Parameters
    ----------
    x : tensor, array or number

    Returns
    -------
    mantissa : Tensor
        Of x's shape.
    exponent : Tensor
        Of x's shape, int32.

    Examples
    --------
    >>> wg.frexp(wg.tensor([1., -6.]))
    Frexp(mantissa=tensor([ 0.5000, -0.7500]), exponent=tensor([1, 3], dtype=wengert.int32))
    """
    x = as_floating(x)
    return Frexp(_mantissas(x), _exponents(x))


def ldexp(x: Any, y: Any) -> Tensor:
    """x times 2 to the power of y, item by item.

    Parameters
    ----------
    x, y : tensor, array or number
        Of shapes that broadcast together.

    Returns
    -------
    Tensor
        Of the broadcast shape.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.

    Examples
    --------
    >>> wg.ldexp(wg.tensor([1., 3.]), wg.tensor([2, -1]))
    tensor([4.0000, 1.5000])
    """
    x, y = match("ldexp", enter(x), enter(y), floating=True)
    return multiply(x, exp2(y))


# ---------------------------------------------------------------- whole numbers


def _whole(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """NumPy's function of integers, which says what it got if that is something else."""

    def kernel(x: Any, y: Any) -> np.ndarray:
        kinds = {np.asarray(v).dtype.kind for v in (x, y)}
        if not kinds <= {"i", "u"}:
            raise TypeError(f"{name}: expected integers, got {np.result_type(x, y)}; convert them, as in x.long()")
        return np.asarray(function(x, y))

    return kernel


_gcd = computed("gcd", _whole("gcd", np.gcd), batched=aligned)
_lcm = computed("lcm", _whole("lcm", np.lcm), batched=aligned)


def gcd(x: Any, y: Any) -> Tensor:
    """The greatest common divisor of integers, item by item.

    Parameters
    ----------
    x, y : tensor, array or number
        Integers, of shapes that broadcast together.

    Returns
    -------
    Tensor
        Of the broadcast shape; 0 where both are 0.

    Raises
    ------
    TypeError
        If they are not integers.
    ValueError
        If the shapes do not broadcast.

    Examples
    --------
    >>> wg.gcd(wg.tensor([4, 9, 10]), 6)
    tensor([2, 3, 2])
    """
    return _gcd(*match("gcd", x, y, floating=False))


def lcm(x: Any, y: Any) -> Tensor:
    """The least common multiple of integers, item by item.

    Parameters
    ----------
    x, y : tensor, array or number
        Integers, of shapes that broadcast together.

    Returns
    -------
    Tensor
        Of the broadcast shape; 0 where either is 0.

    Raises
    ------
    TypeError
        If they are not integers.
    ValueError
        If the shapes do not broadcast.

    Examples
    --------
    >>> wg.lcm(wg.tensor([4, 9, 10]), 6)
    tensor([12, 18, 30])
    """
    return _lcm(*match("lcm", x, y, floating=False))


# ---------------------------------------------------------------- what is trivial for real numbers


def positive(x: Any) -> Tensor:
    """x itself, which must hold numbers.

    Parameters
    ----------
    x : tensor, array or number

    Returns
    -------
    Tensor

    Raises
    ------
    TypeError
        If x is boolean.

    Examples
    --------
    >>> wg.positive(wg.tensor([1., -2.]))
    tensor([ 1., -2.])
    """
    x = enter(x)
    if x._value.dtype.kind == "b":
        raise TypeError("positive: booleans have no sign; convert them, as in x.int()")
    return conj(x)


def conj(x: Any) -> Tensor:
    """x itself: real numbers are their own complex conjugates.

    Parameters
    ----------
    x : tensor, array or number

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.conj(wg.tensor([1., -2.]))
    tensor([ 1., -2.])
    """
    return enter(x)


def angle(x: Any) -> Tensor:
    """The angle of real numbers seen as complex ones: pi where they are negative, else 0, and NaN stays.

    Parameters
    ----------
    x : tensor, array or number

    Returns
    -------
    Tensor
        Of the same shape; floating. The derivative is 0.

    Examples
    --------
    >>> wg.angle(wg.tensor([1., -2.]))
    tensor([0.0000, 3.1416])
    """
    x = as_floating(x)
    return where(isnan(x), x.detach(), where(less(x, 0), math.pi, x.detach() * 0.0))


_true_everywhere = computed("isreal", lambda x: np.ones(x.shape, np.bool_), batched=unchanged)


def isreal(x: Any) -> Tensor:
    """Whether each item is a real number: always.

    Parameters
    ----------
    x : tensor, array or number

    Returns
    -------
    Tensor
        Of the same shape; boolean.

    Examples
    --------
    >>> wg.isreal(wg.tensor([1., 2.]))
    tensor([True, True])
    """
    return _true_everywhere(enter(x))


def is_conj(x: Any) -> bool:
    """Whether a tensor is to be conjugated when it is read: never, as all are real.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    bool

    Examples
    --------
    >>> wg.is_conj(wg.ones(2))
    False
    """
    enter(x)
    return False


def is_neg(x: Any) -> bool:
    """Whether a tensor is to be negated when it is read: never.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    bool

    Examples
    --------
    >>> wg.is_neg(-wg.ones(2))
    False
    """
    enter(x)
    return False


def is_signed(x: Any) -> bool:
    """Whether a tensor's dtype has negative numbers.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    bool

    Examples
    --------
    >>> wg.is_signed(wg.ones(2)), wg.is_signed(wg.ones(2, dtype=wg.uint8))
    (True, False)
    """
    return enter(x)._value.dtype.kind in "if"


def is_nonzero(x: Any) -> bool:
    """Whether the one item of a tensor is not zero.

    Parameters
    ----------
    x : tensor
        Of one item.

    Returns
    -------
    bool

    Raises
    ------
    RuntimeError
        If there is not exactly one item.

    Examples
    --------
    >>> wg.is_nonzero(wg.tensor([0.]))
    False
    """
    return bool(enter(x))


def is_same_size(x: Any, y: Any) -> bool:
    """Whether two tensors have the same shape.

    Parameters
    ----------
    x, y : tensor

    Returns
    -------
    bool

    Examples
    --------
    >>> wg.is_same_size(wg.ones(2, 3), wg.zeros(2, 3))
    True
    """
    return bool(enter(x)._value.shape == enter(y)._value.shape)
