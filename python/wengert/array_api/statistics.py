"""Reductions, running sums and differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import ops
from .._types import Tensor
from ..core import arguments
from ..core.doors import enter
from .promotion import promoted

__all__ = [
    "all", "any", "cumulative_prod", "cumulative_sum", "diff", "max", "mean", "min", "prod", "std", "sum", "var",
]  # fmt: skip

Axes = int | tuple[int, ...] | None


def _reduced(function: Callable[..., Tensor], x: Any, axis: Axes, keepdims: bool, **keywords: Any) -> Tensor:
    """A reduction of ours; along no dimension, which to ours means all, along a new one of length 1."""
    if axis == ():
        return function(ops.unsqueeze(x, -1), -1, **keywords)
    return function(x, axis, keepdim=keepdims, **keywords)


def sum(x: Any, /, *, axis: Axes = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The sum.

    Parameters
    ----------
    x : tensor
    axis : int, tuple of int or None
        Along which dimensions; None: along all.
    dtype : dtype, optional
        Of the result; by default x's, and int64 for integers.
    keepdims : bool
        Keep the dimensions, with length 1.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.array_api.sum(wg.ones(2, 3), axis=1)
    tensor([3., 3.])
    """
    return _reduced(ops.sum, x, axis, keepdims, dtype=dtype)


def prod(x: Any, /, *, axis: Axes = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The product.

    Parameters
    ----------
    x : tensor
    axis : int, tuple of int or None
        Along which dimensions; None: along all.
    dtype : dtype, optional
        Of the result; by default x's, and int64 for integers.
    keepdims : bool
        Keep the dimensions, with length 1.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.array_api.prod(wg.tensor([2, 3, 4]))
    tensor(24)
    """
    return _reduced(ops.prod, x, axis, keepdims, dtype=dtype)


def max(x: Any, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """The largest item; NaN if one is.

    Parameters
    ----------
    x : tensor
    axis : int, tuple of int or None
        Along which dimensions; None: along all.
    keepdims : bool
        Keep the dimensions, with length 1.

    Returns
    -------
    Tensor
        Where several items are the largest, the gradient is shared among them.

    Examples
    --------
    >>> wg.array_api.max(wg.tensor([[1, 2], [4, 3]]), axis=1)
    tensor([2, 4])
    """
    return _reduced(ops.amax, x, axis, keepdims)


def min(x: Any, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """The smallest item; NaN if one is.

    Parameters
    ----------
    x : tensor
    axis : int, tuple of int or None
        Along which dimensions; None: along all.
    keepdims : bool
        Keep the dimensions, with length 1.

    Returns
    -------
    Tensor
        Where several items are the smallest, the gradient is shared among them.

    Examples
    --------
    >>> wg.array_api.min(wg.tensor([[1, 2], [4, 3]]), axis=1)
    tensor([1, 3])
    """
    return _reduced(ops.amin, x, axis, keepdims)


def mean(x: Any, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """The mean.

    Parameters
    ----------
    x : tensor
    axis : int, tuple of int or None
        Along which dimensions; None: along all.
    keepdims : bool
        Keep the dimensions, with length 1.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.array_api.mean(wg.tensor([1., 2., 6.]))
    tensor(3.)
    """
    return _reduced(ops.mean, x, axis, keepdims)


def var(x: Any, /, *, axis: Axes = None, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """The variance.

    Parameters
    ----------
    x : tensor
    axis : int, tuple of int or None
        Along which dimensions; None: along all.
    correction : float
        What is taken off the number of items that the squares are divided by (1 by default elsewhere in wengert).
    keepdims : bool
        Keep the dimensions, with length 1.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.array_api.var(wg.tensor([1., 3.])), wg.var(wg.tensor([1., 3.]))
    (tensor(1.), tensor(2.))
    """
    return _reduced(ops.var, x, axis, keepdims, correction=correction)


def std(x: Any, /, *, axis: Axes = None, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """The standard deviation.

    Parameters
    ----------
    x : tensor
    axis : int, tuple of int or None
        Along which dimensions; None: along all.
    correction : float
        What is taken off the number of items that the squares are divided by (1 by default elsewhere in wengert).
    keepdims : bool
        Keep the dimensions, with length 1.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.array_api.std(wg.tensor([1., 5.]))
    tensor(2.)
    """
    return _reduced(ops.std, x, axis, keepdims, correction=correction)


def all(x: Any, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Whether all items are true: not zero.

    Parameters
    ----------
    x : tensor
    axis : int, tuple of int or None
        Along which dimensions; None: along all.
    keepdims : bool
        Keep the dimensions, with length 1.

    Returns
    -------
    Tensor
        Of booleans.

    Examples
    --------
    >>> wg.array_api.all(wg.tensor([True, False]))
    tensor(False)
    """
    return _reduced(ops.all, ops.not_equal(x, 0), axis, keepdims)


def any(x: Any, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Whether any item is true: not zero.

    Parameters
    ----------
    x : tensor
    axis : int, tuple of int or None
        Along which dimensions; None: along all.
    keepdims : bool
        Keep the dimensions, with length 1.

    Returns
    -------
    Tensor
        Of booleans.

    Examples
    --------
    >>> wg.array_api.any(wg.tensor([True, False]))
    tensor(True)
    """
    return _reduced(ops.any, ops.not_equal(x, 0), axis, keepdims)


def _running(
    name: str, function: Callable[..., Tensor], start: int, x: Any, axis: int | None, dtype: Any, initial: bool
) -> Tensor:
    """A running sum or product, the empty one before the others if it is asked for."""
    x = enter(x)
    if axis is None:
        if x.ndim != 1:
            raise ValueError(f"{name}: of an array with {x.ndim} dimensions, the axis must be given")
        axis = 0
    found = function(x, axis, dtype=dtype)
    if not initial:
        return found
    k = arguments.dimension(name, axis, x.ndim)
    shape = (*x._value.shape[:k], 1, *x._value.shape[k + 1 :])
    return ops.cat([ops.full(shape, start, dtype=found.dtype), found], k)


def cumulative_sum(x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Tensor:
    """The sums of the items up to each.

    Parameters
    ----------
    x : tensor
    axis : int or None
        Along which dimension; may be left out if there is one.
    dtype : dtype, optional
        Of the result; by default x's, and int64 for integers.
    include_initial : bool
        Begin with 0.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If x has several dimensions and no axis is given.

    Examples
    --------
    >>> wg.array_api.cumulative_sum(wg.tensor([1, 2, 3]), include_initial=True)
    tensor([0, 1, 3, 6])
    """
    return _running("cumulative_sum", ops.cumsum, 0, x, axis, dtype, include_initial)


def cumulative_prod(x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Tensor:
    """The products of the items up to each.

    Parameters
    ----------
    x : tensor
    axis : int or None
        Along which dimension; may be left out if there is one.
    dtype : dtype, optional
        Of the result; by default x's, and int64 for integers.
    include_initial : bool
        Begin with 1.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If x has several dimensions and no axis is given.

    Examples
    --------
    >>> wg.array_api.cumulative_prod(wg.tensor([1, 2, 3]), include_initial=True)
    tensor([1, 1, 2, 6])
    """
    return _running("cumulative_prod", ops.cumprod, 1, x, axis, dtype, include_initial)


def diff(x: Any, /, *, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None) -> Tensor:
    """The differences between neighbours.

    Parameters
    ----------
    x : tensor
    axis : int
        Along which dimension.
    n : int
        How often differences are taken, of the differences from the second time on.
    prepend, append : tensor or None
        What stands before x and behind it; of its shape but along the axis.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If n is negative.

    Examples
    --------
    >>> wg.array_api.diff(wg.tensor([1, 4, 9]), prepend=wg.tensor([0]))
    tensor([1, 3, 5])
    """
    given = promoted("diff", *[part for part in (prepend, x, append) if part is not None])
    return ops.diff(given[0] if len(given) == 1 else ops.cat(given, axis), n, axis)
