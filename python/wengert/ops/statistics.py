"""Means and variances together, sums that leave NaN out, and counts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core import dtypes
from ..core.arguments import either, reduced, whole
from ..core.batching import over
from ..core.broadcast import cast
from ..core.define import computed, primitive
from ..core.doors import enter
from ..core.half import half_kernel
from ..core.signatures import tells
from ..core.tape import apply
from .compare import isnan, where
from .reduce import MEAN, SUM, expand_reduced, mean, std, sum, var

__all__ = ["bincount", "histc", "nanmean", "nansum", "std_mean", "var_mean"]

# ---------------------------------------------------------------- pairs


def _spread_and_mean(
    name: str, spread: Any, x: Any, dim: Any, unbiased: bool | None, keepdim: bool, correction: float | None,
    axis: Any, keepdims: bool | None,
) -> tuple[Any, Any]:  # fmt: skip
    if isinstance(dim, bool):  # var_mean(x, unbiased), as PyTorch has it
        dim, unbiased = None, dim
    dim = either(name, dim, axis)
    keepdim = bool(keepdim if keepdims is None else keepdims)
    return spread(x, dim, unbiased, keepdim, correction=correction), mean(x, dim, keepdim)


@tells
def var_mean(
    x: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = None,
    axis: Any = None, keepdims: bool | None = None,
) -> tuple[Any, Any]:  # fmt: skip
    """The variance and the mean over some dimensions.

    Parameters
    ----------
    x : tensor
    dim : int, tuple of int or None
        None: all dimensions. Also spelled `axis`.
    unbiased : bool or None
        PyTorch's older spelling: True for correction 1, False for 0.
    keepdim : bool
        Keep reduced dimensions with length 1. Also spelled `keepdims`.
    correction : float or None
        As in `var`.

    Returns
    -------
    (Tensor, Tensor)

    Raises
    ------
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.var_mean(wg.tensor([1., 2., 3., 4.]))
    (tensor(1.6667), tensor(2.5000))
    """
    return _spread_and_mean("var_mean", var, x, dim, unbiased, keepdim, correction, axis, keepdims)


@tells
def std_mean(
    x: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = None,
    axis: Any = None, keepdims: bool | None = None,
) -> tuple[Any, Any]:  # fmt: skip
    """The standard deviation and the mean over some dimensions.

    Parameters
    ----------
    x : tensor
    dim : int, tuple of int or None
        None: all dimensions. Also spelled `axis`.
    unbiased : bool or None
        PyTorch's older spelling: True for correction 1, False for 0.
    keepdim : bool
        Keep reduced dimensions with length 1. Also spelled `keepdims`.
    correction : float or None
        As in `std`.

    Returns
    -------
    (Tensor, Tensor)

    Raises
    ------
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.std_mean(wg.tensor([1., 2., 3., 4.]))
    (tensor(1.2910), tensor(2.5000))
    """
    return _spread_and_mean("std_mean", std, x, dim, unbiased, keepdim, correction, axis, keepdims)


# ---------------------------------------------------------------- without NaN


def _tells_of_nan(found: np.ndarray) -> bool:
    """Whether what items were added up to is such that a NaN may be among them."""
    if found.dtype.kind != "f":
        return False
    total = SUM.kernel(found, tuple(range(found.ndim)), False, found.shape) if found.ndim else found
    return math.isnan(total.item())


def _sum_of_numbers(x: np.ndarray, dims: tuple[int, ...], keepdim: bool, shape: tuple[int, ...]) -> np.ndarray:
    found: np.ndarray = SUM.kernel(x, dims, keepdim, shape)
    if _tells_of_nan(found):
        found = SUM.kernel(np.where(np.isnan(x), x.dtype.type(0), x), dims, keepdim, shape)
    return found


def _count_of_numbers(x: np.ndarray, dims: tuple[int, ...], keepdim: bool, shape: tuple[int, ...]) -> np.ndarray:
    return np.asarray(np.sum(x == x, dims, keepdims=keepdim))


def _mean_of_numbers(x: np.ndarray, dims: tuple[int, ...], keepdim: bool, shape: tuple[int, ...]) -> np.ndarray:
    found: np.ndarray = MEAN.kernel(x, dims, keepdim, shape)
    if _tells_of_nan(found):
        found = _sum_of_numbers(x, dims, keepdim, shape)
        with np.errstate(all="ignore"):
            found /= _count_of_numbers(x, dims, keepdim, shape)
    return found


_numbers = computed("count_numbers", _count_of_numbers, batched=over)


def _pushed(t: Any, x: Any, dims: Any, keepdim: bool, shape: Any) -> Tensor:
    return apply(SUM, (where(isnan(x), 0.0, t),), {"dims": dims, "keepdim": keepdim, "shape": shape})


def _shared(g: Any, x: Any, dims: Any, keepdim: bool, shape: Any) -> Any:
    """What flows to or from a mean, among as many items as are numbers."""
    return g / _numbers(x, dims=dims, keepdim=keepdim, shape=shape)


def _pulled(g: Any, x: Any, dims: Any, keepdim: bool, shape: Any) -> Tensor:
    return where(isnan(x), 0.0, expand_reduced(g, dims, keepdim, shape))


_NANSUM = primitive("nansum", _sum_of_numbers, (_pulled,), (_pushed,), batched=over)
_NANMEAN = primitive(
    "nanmean", half_kernel(_mean_of_numbers),
    (lambda g, x, dims, keepdim, shape: _pulled(_shared(g, x, dims, keepdim, shape), x, dims, keepdim, shape),),
    (lambda t, x, dims, keepdim, shape: _shared(_pushed(t, x, dims, keepdim, shape), x, dims, keepdim, shape),),
    batched=over,
)  # fmt: skip


@tells
def nansum(
    x: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: bool | None = None, dtype: Any = None
) -> Tensor:
    """The sum over some dimensions, with NaN as 0.

    Parameters
    ----------
    x : tensor
    dim : int, tuple of int or None
        None: all dimensions. Also spelled `axis`.
    keepdim : bool
        Keep reduced dimensions with length 1. Also spelled `keepdims`.
    dtype : dtype or None
        Convert to it first.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If a dimension is out of range.

    Examples
    --------
    >>> wg.nansum(wg.tensor([1., float("nan"), 2.]))
    tensor(3.)
    """
    x = enter(x)
    if dtype is not None:  # which may have no NaN
        return sum(where(isnan(x), 0, x), dim, keepdim, axis=axis, keepdims=keepdims, dtype=dtype)
    return apply(_NANSUM, (x,), reduced("nansum", x._value.shape, dim, axis, keepdim, keepdims))


@tells
def nanmean(
    x: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: bool | None = None, dtype: Any = None
) -> Tensor:
    """The mean over some dimensions of the items that are not NaN; NaN of nothing.

    Parameters
    ----------
    x : tensor
    dim : int, tuple of int or None
        None: all dimensions. Also spelled `axis`.
    keepdim : bool
        Keep reduced dimensions with length 1. Also spelled `keepdims`.
    dtype : dtype or None
        Convert to it first.

    Returns
    -------
    Tensor

    Raises
    ------
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.nanmean(wg.tensor([1., float("nan"), 2.]))
    tensor(1.5000)
    """
    x = enter(x)
    if dtype is not None:
        x = cast(x, dtypes.as_dtype(dtype, "nanmean"))
    if x._value.dtype.kind != "f":
        raise TypeError(f"nanmean: expected a floating tensor, got {x._value.dtype}; convert it, as in x.float()")
    return apply(_NANMEAN, (x,), reduced("nanmean", x._value.shape, dim, axis, keepdim, keepdims))


# ---------------------------------------------------------------- counts


def _counts(x: np.ndarray, weights: np.ndarray | None = None, *, minlength: int) -> np.ndarray:
    if x.ndim == 1 and weights is None:
        try:
            return _kernels.count(x.astype(np.int64, copy=False), minlength)
        except ValueError:  # of a negative one
            pass
    if x.ndim != 1 or (x < 0).any():
        raise ValueError(
            f"bincount: expected a vector of integers >= 0, got shape {x.shape}"
            + (f" with {x.min()} in it" if x.size else "")
        )
    counts = np.bincount(x, weights, minlength)
    return counts.astype(np.float32 if weights is not None and weights.dtype == np.float32 else np.float64)


_bincount = computed("bincount", _counts)


def _counts_between(x: np.ndarray, bins: int, low: float, high: float) -> np.ndarray:
    if low == high and x.size:
        low, high = float(x.min()), float(x.max())
    if low == high:
        low, high = low - 1, high + 1
    if not low < high or not math.isfinite(high - low):
        raise ValueError(f"histc: expected a finite range with min < max, got {low} to {high}")
    items = x.astype(np.float32) if x.dtype == dtypes.float16 else x
    return _kernels.count_between(items, bins, low, high).astype(x.dtype)


_histc = computed("histc", _counts_between)


@tells
def bincount(x: Any, weights: Any = None, minlength: int = 0) -> Tensor:
    """How often each of the numbers 0, 1, 2, ... occurs; or the sum of the weights of each.

    Parameters
    ----------
    x : tensor of integers
        (n,), none negative.
    weights : tensor or None
        (n,)
    minlength : int
        The least length of the result.

    Returns
    -------
    Tensor of int64; of float64, or float32 if the weights are, with weights
        Of the length of the largest number and one more.

    Raises
    ------
    TypeError
        If x is not of integers.
    ValueError
        If x is not a vector, has a negative item, or the weights have another shape.

    Examples
    --------
    >>> wg.bincount(wg.tensor([1, 3, 1]))
    tensor([0, 2, 0, 1])
    """
    x = enter(x)
    if x._value.dtype.kind not in "iu":
        raise TypeError(f"bincount: expected integers, got {x._value.dtype}")
    minlength = whole("bincount", "minlength", minlength)
    if minlength < 0:
        raise ValueError(f"bincount: expected minlength >= 0, got {minlength}")
    if weights is None:
        return _bincount(x, minlength=minlength)
    weights = enter(weights)
    if weights._value.shape != x._value.shape:
        raise ValueError(f"bincount: expected weights of shape {x._value.shape}, got {weights._value.shape}")
    return _bincount(x, weights, minlength=minlength)


@tells
def histc(x: Any, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """How many items lie in each of some intervals of equal width.

    Parameters
    ----------
    x : tensor
    bins : int
    min, max : float
        The outer ends; items outside do not count. If both are equal, the smallest and the largest item.

    Returns
    -------
    Tensor
        (bins,), of x's dtype.

    Raises
    ------
    TypeError
        If x is not floating.
    ValueError
        If there are no bins, or the range is empty or not finite.

    Examples
    --------
    >>> wg.histc(wg.tensor([1., 2., 1.]), bins=4, min=0, max=3)
    tensor([0., 2., 1., 0.])
    """
    x = enter(x)
    if x._value.dtype.kind != "f":
        raise TypeError(f"histc: expected a floating tensor, got {x._value.dtype}; convert it, as in x.float()")
    bins = whole("histc", "bins", bins)
    if bins < 1:
        raise ValueError(f"histc: expected at least 1 bin, got {bins}")
    return _histc(x, bins=bins, low=float(min), high=float(max))
