"""Running products and sums of exponentials along a dimension, and differences between neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core import dtypes
from ..core.arguments import dimension, either, whole
from ..core.batching import by_dim, unchanged
from ..core.bound import by_bindings
from ..core.broadcast import as_floating
from ..core.define import Function, computed, elementwise, primitive
from ..core.doors import constant, enter
from ..core.half import half, half_kernel
from ..core.signatures import tells
from ..core.tape import Operation, apply
from ..core.tuples import item
from .compare import logical_xor
from .extremes import ValuesAndIndices, values_and_indices
from .index import along, parted, picked_for, spread
from .join import cat
from .reduce import applied_in
from .shape import clone, narrow_view
from .shape import flip_view as flip

__all__ = ["cummax", "cummin", "cumprod", "cumsum", "diff", "logcumsumexp"]

# ---------------------------------------------------------------- running sums


def _direction(name: str, x: Any, dim: int | None, axis: int | None) -> int:
    dim = either(name, dim, axis)
    if dim is None:
        raise TypeError(f"{name}: expected dim, the dimension to run along")
    return dimension(name, dim, x._value.ndim)


def _running(kind: str, function: Function) -> Function:
    """A kernel of every dtype: float16 is computed in float32, small integers and booleans in int64."""

    def wide(x: np.ndarray, dim: int) -> Any:
        if x.dtype.kind == "f":
            return function(x, dim)
        found = function(x.astype(np.int64), dim)
        return (found[0].astype(x.dtype), found[1]) if type(found) is tuple else found

    return _kernels.Running(kind, half_kernel(wide))


_CUMSUM: Operation = primitive(
    "cumsum", _running("sum", _kernels.running_sum),
    (lambda g, dim: flip(apply(_CUMSUM, (flip(g, dim),), {"dim": dim}), dim),),
    (lambda t, dim: apply(_CUMSUM, (t,), {"dim": dim}),),
    batched=by_dim,
)  # fmt: skip


@tells
def cumsum(x: Any, dim: int | None = None, *, axis: int | None = None, dtype: Any = None) -> Tensor:
    """The running sum along one dimension.

    Parameters
    ----------
    x : tensor
    dim : int
        Also spelled `axis`.
    dtype : dtype or None
        Convert to it first; the result has it. Otherwise integers and booleans are added in int64.

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    IndexError
        If the dimension is out of range.

    Examples
    --------
    >>> wg.cumsum(wg.tensor([1., 2., 3.]), 0)
    tensor([1., 3., 6.])
    """
    x = enter(x)
    static = {"dim": _direction("cumsum", x, dim, axis)}
    return apply(_CUMSUM, (x,), static) if dtype is None else applied_in(dtype, "cumsum", _CUMSUM, x, static)


# ---------------------------------------------------------------- running


def _moved(z: Any, dim: int, backwards: bool) -> Any:
    """The item before each along a dimension, or behind it; 0 where there is none."""
    shape, n = z._value.shape, z._value.shape[dim]
    zero = constant(np.zeros, (*shape[:dim], 1, *shape[dim + 1 :]), z._value.dtype)
    return cat([narrow_view(z, dim, 1, n), zero] if backwards else [zero, narrow_view(z, dim, 0, n - 1)], dim)


def _recurrence(a: Any, b: Any, dim: int, backwards: bool = False) -> Any:
    """The sequence z[k] = a[k] z[k - 1] + b[k], or backwards z[k] = a[k + 1] z[k + 1] + b[k]; with nothing before the
    first. It does not divide, so that all is right where items are zero."""
    return apply(_RECURRENCE, (a, b), {"dim": dim, "backwards": backwards})


def _pulled_through(g: Any, a: Any, z: Any, dim: int, backwards: bool) -> Any:
    """b's cotangent is the recurrence of g the other way; a's is that, times what a multiplies."""
    if not g._value.size:
        return g, g
    s = _recurrence(a, g, dim, not backwards)
    return (_moved(s, dim, False) * z if backwards else s * _moved(z, dim, False)), s


def _pushed_factors(t: Any, a: Any, z: Any, dim: int, backwards: bool) -> Any:
    if not z._value.size:
        return t
    steps = _moved(t * z, dim, True) if backwards else t * _moved(z, dim, False)
    return _recurrence(a, steps, dim, backwards)


_RECURRENCE = primitive(
    "recurrence",
    half_kernel(lambda a, b, dim, backwards: _kernels.recurrence(a, b, dim, backwards)),
    (),
    (_pushed_factors, lambda t, a, dim, backwards: _recurrence(a, t, dim, backwards)),
    ("a", "b"),
    joint=_pulled_through,
    batched=by_dim,
)


def _products_before(x: Any, dim: int) -> Any:
    """The product of all items before each."""
    n = x._value.shape[dim]
    if not x._value.size:
        return x
    shape = x._value.shape
    one = constant(np.ones, (*shape[:dim], 1, *shape[dim + 1 :]), x._value.dtype)
    return cat([one, narrow_view(apply(_CUMPROD, (x,), {"dim": dim}), dim, 0, n - 1)], dim)


def _pulled(g: Any, x: Any, dim: int) -> Any:
    """The cotangent of item j: the products before it, times s[j] = x[j + 1] s[j + 1] + g[j]."""
    return _products_before(x, dim) * _recurrence(x, g, dim, True) if x._value.ndim else g


def _pushed(t: Any, x: Any, dim: int) -> Any:
    """The tangent of product k: z[k] = x[k] z[k - 1] + (the products before k) t[k]."""
    return _recurrence(x, _products_before(x, dim) * t, dim) if x._value.ndim else t


_CUMPROD = primitive(
    "cumprod", _running("prod", _kernels.running_product), (_pulled,), (_pushed,), batched=by_dim
)  # fmt: skip


@tells
def cumprod(x: Any, dim: int | None = None, *, axis: int | None = None, dtype: Any = None) -> Tensor:
    """The running product along one dimension. Its derivatives of every order are exact where items are 0.

    Parameters
    ----------
    x : tensor
    dim : int
        Also spelled `axis`.
    dtype : dtype or None
        Convert to it first; the result has it. Otherwise integers and booleans are multiplied in int64.

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    IndexError
        If the dimension is out of range.

    Examples
    --------
    >>> wg.cumprod(wg.tensor([1., 2., 3.]), 0)
    tensor([1., 2., 6.])
    """
    x = enter(x)
    static = {"dim": _direction("cumprod", x, dim, axis)}
    return apply(_CUMPROD, (x,), static) if dtype is None else applied_in(dtype, "cumprod", _CUMPROD, x, static)


_EXP = _kernels.Elementwise("exp")


def _exponentials(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        difference = x - y
    difference[x == y] = 0.0  # infinities too
    return np.asarray(_EXP(difference))


_exp_of_difference = elementwise("exp_of_difference", half_kernel(_exponentials), lambda z: z, lambda z: -z)


def _shrinking(z: Any, dim: int) -> Any:
    """exp(z[k - 1] - z[k]), and 1 of the first."""
    earlier = cat([narrow_view(z, dim, 0, 1), narrow_view(z, dim, 0, z._value.shape[dim] - 1)], dim)
    return _exp_of_difference(earlier, z)


@half
def _pulled_logarithms(g: Any, x: Any, z: Any, dim: int) -> Any:
    """The cotangent of item j: exp(x[j] - z[j]) s[j], where s[j] = g[j] + exp(z[j] - z[j + 1]) s[j + 1]."""
    return _exp_of_difference(x, z) * _recurrence(_shrinking(z, dim), g, dim, True)


@half
def _pushed_logarithms(t: Any, x: Any, z: Any, dim: int) -> Any:
    """The tangent of item k: exp(z[k - 1] - z[k]) times the one before, and exp(x[k] - z[k]) t[k]."""
    return _recurrence(_shrinking(z, dim), _exp_of_difference(x, z) * t, dim)


_LOGCUMSUMEXP = primitive(
    "logcumsumexp", half_kernel(lambda x, dim: _kernels.log_sums(x, dim)),
    (_pulled_logarithms,), (_pushed_logarithms,), batched=by_dim,
)  # fmt: skip


@tells
def logcumsumexp(x: Any, dim: int | None = None, *, axis: int | None = None) -> Tensor:
    """The logarithm of the running sum of the exponentials along one dimension, without overflow.

    Parameters
    ----------
    x : tensor
    dim : int
        Also spelled `axis`.

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    IndexError
        If the dimension is out of range.

    Examples
    --------
    >>> wg.logcumsumexp(wg.tensor([0., 0., 0.]), 0)
    tensor([0.0000, 0.6931, 1.0986])
    """
    x = as_floating(x)
    d = _direction("logcumsumexp", x, dim, axis)
    return apply(_LOGCUMSUMEXP, (x,), {"dim": d}) if x._value.ndim and x._value.shape[d] > 1 else clone(x)


# ---------------------------------------------------------------- differences


@tells
def diff(
    x: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None, *, axis: int | None = None
) -> Tensor:
    """The differences between neighbours along one dimension, n times over.

    Parameters
    ----------
    x : tensor
    n : int
    dim : int
        Also spelled `axis`.
    prepend, append : tensor or None
        Joined to x before and after it, unless n is 0.

    Returns
    -------
    Tensor
        Shorter by n along the dimension.

    Raises
    ------
    ValueError
        If n is negative or x is 0-d.

    Examples
    --------
    >>> wg.diff(wg.tensor([1., 4., 9.]))
    tensor([3., 5.])
    """
    x = enter(x)
    n = whole("diff", "n", n)
    if n < 0 or not x._value.ndim:
        raise ValueError(f"diff: expected n >= 0 and one dimension or more, got n={n} and shape {x._value.shape}")
    d = dimension("diff", dim if axis is None else axis, x._value.ndim)
    if n == 0:
        return clone(x)
    z: Tensor = x
    if prepend is not None or append is not None:
        z = cat([part for part in (prepend, x, append) if part is not None], d)
    for _ in range(n):
        length = z._value.shape[d]
        left = length - 1 if length else 0
        later, earlier = parted(z, d, [(length - left, length), (0, left)])
        z = logical_xor(later, earlier) if z._value.dtype == dtypes.bool else later - earlier
    return z


# ---------------------------------------------------------------- running extremes


class _Extreme:
    """What `cummax` or `cummin` computes: the items and their places at once, which have no derivative, and of them the
    items, which have."""

    def __init__(self, name: str, kind: str) -> None:
        def both(x: np.ndarray, dim: int) -> tuple[np.ndarray, np.ndarray]:
            return _kernels.running_extreme(x, dim, kind == "min")

        self._name = name
        self._both: Operation = computed(name, _running(kind, both), batched=by_dim).operation  # type: ignore[attr-defined]
        self._items = primitive(
            name, by_bindings(lambda x, both, places, dim: both[0]),
            (lambda g, places, dim: spread(g, along(name, g, places, dim), g._value.shape), None, None),
            (lambda t, places, dim: picked_for(name, t, along(name, t, places, dim)), None, None),
            ("x", "both", "places"), batched=unchanged,
        )  # fmt: skip

    def __call__(self, x: Any, dim: int | None, axis: int | None) -> ValuesAndIndices:
        x = enter(x)
        d = _direction(self._name, x, dim, axis)
        static = {"dim": d}
        both = apply(self._both, (x,), static)
        places = item(both, 1)
        return values_and_indices(self._name, apply(self._items, (x, both, places), static), places)


_cummax, _cummin = _Extreme("cummax", "max"), _Extreme("cummin", "min")


@tells
def cummax(x: Any, dim: int | None = None, *, axis: int | None = None) -> ValuesAndIndices:
    """The largest item so far along one dimension, and where it stands: the last of several.

    Parameters
    ----------
    x : tensor
    dim : int
        Also spelled `axis`.

    Returns
    -------
    (values, indices)
        Of the same shape.

    Raises
    ------
    IndexError
        If the dimension is out of range.

    Examples
    --------
    >>> wg.cummax(wg.tensor([1., 3., 2.]), 0).values
    tensor([1., 3., 3.])
    """
    return _cummax(x, dim, axis)


@tells
def cummin(x: Any, dim: int | None = None, *, axis: int | None = None) -> ValuesAndIndices:
    """The smallest item so far along one dimension, and where it stands: the last of several.

    Parameters
    ----------
    x : tensor
    dim : int
        Also spelled `axis`.

    Returns
    -------
    (values, indices)
        Of the same shape.

    Raises
    ------
    IndexError
        If the dimension is out of range.

    Examples
    --------
    >>> wg.cummin(wg.tensor([2., 1., 3.]), 0).values
    tensor([2., 1., 1.])
    """
    return _cummin(x, dim, axis)
