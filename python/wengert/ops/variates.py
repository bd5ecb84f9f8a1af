"""Draws from laws whose parameters are tensors, for `wengert.distributions`.

What is drawn is a constant. A gamma variate is made to move with its shape by `follow_shape`, from which those of beta,
Dirichlet, chi-squared and Student's laws follow by operations.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .._types import Tensor
from ..core import dtypes
from ..core.define import elementwise
from ..core.doors import draw
from .incomplete_gamma import log_gamma_slope
from .random import numpy_generator

Shape = tuple[int, ...]

# ---------------------------------------------------------------- kernels, as the door `draw` calls them


def _exponential(source: np.random.Generator, shape: Shape, dtype: np.dtype) -> np.ndarray:
    """Numbers above 0, also where the dtype has none as small as was drawn."""
    drawn = np.asarray(source.standard_exponential(shape))
    return np.asarray(np.maximum(drawn.astype(dtype), np.finfo(dtype).tiny))


def _open_uniform(source: np.random.Generator, shape: Shape, dtype: np.dtype) -> np.ndarray:
    """Numbers in (0, 1), which end half a unit in the last place before 1."""
    wide = np.asarray(source.random(shape))
    info = np.finfo(dtype)
    return np.asarray(np.clip(wide, info.tiny, 1 - info.epsneg).astype(dtype))


def _log_gamma(source: np.random.Generator, concentration: np.ndarray, shape: Shape, dtype: np.dtype) -> np.ndarray:
    """Logarithms of gamma variates, below 1 by way of a shape larger by 1 (Marsaglia and Tsang 2000, part 6)."""
    a = concentration.astype(np.float64)
    few = a < 1
    with np.errstate(all="ignore"):
        logs = np.log(source.standard_gamma(np.where(few, a + 1, a), shape))
        if few.any():
            logs = np.where(few, logs + np.log1p(-source.random(shape)) / a, logs)
        return dtypes.convert(np.asarray(logs), dtype)


def _poisson(source: np.random.Generator, rate: np.ndarray, shape: Shape, dtype: np.dtype) -> np.ndarray:
    largest = float(np.max(rate, initial=0.0))
    if not largest < _LARGEST:
        raise ValueError(f"poisson: expected rates below {_LARGEST:g}, whose counts are integers, got {largest:g}")
    return np.asarray(source.poisson(rate.astype(np.float64), shape)).astype(dtype)


_LARGEST = 9.0e18  # counts are drawn as int64


def _binomial(
    source: np.random.Generator, count: np.ndarray, p: np.ndarray, shape: Shape, dtype: np.dtype
) -> np.ndarray:  # fmt: skip
    return np.asarray(source.binomial(count.astype(np.int64), p.astype(np.float64), shape)).astype(dtype)


def _counts(source: np.random.Generator, p: np.ndarray, count: int, shape: Shape, dtype: np.dtype) -> np.ndarray:
    wide = p.astype(np.float64)
    drawn = source.multinomial(count, wide / wide.sum(-1, keepdims=True), shape[:-1])
    return np.asarray(drawn).astype(dtype)


def _von_mises(
    source: np.random.Generator, loc: np.ndarray, concentration: np.ndarray, shape: Shape, dtype: np.dtype
) -> np.ndarray:  # fmt: skip
    angles = source.vonmises(loc.astype(np.float64), concentration.astype(np.float64), shape)
    return np.asarray(angles).astype(dtype)


def _categories(source: np.random.Generator, p: np.ndarray, shape: Shape) -> np.ndarray:
    """Indices along the last dimension of p, in proportion to it; by inversion."""
    sums = p.astype(np.float64).cumsum(-1)
    places = source.random(shape) * sums[..., -1]  # below the last sum, as random() is below 1
    if sums.ndim == 1:
        return np.asarray(np.searchsorted(sums, places, side="right"))
    flat = places.reshape(-1, *shape[len(shape) - sums.ndim + 1 :])
    found = np.zeros(flat.shape, np.int64)
    if len(flat) < sums.shape[-1]:
        for row, place in zip(found, flat, strict=True):
            row[...] = (sums <= place[..., None]).sum(-1)
    else:
        for k in range(sums.shape[-1] - 1):
            found += sums[..., k] <= flat
    return found.reshape(shape)


# ---------------------------------------------------------------- draws


def standard_exponential(shape: Shape, dtype: np.dtype) -> Tensor:
    """Numbers above 0 from the exponential law of rate 1."""
    return draw(_exponential, numpy_generator(), shape=shape, dtype=dtype)


def open_uniform(shape: Shape, dtype: np.dtype) -> Tensor:
    """Numbers from the uniform law between 0 and 1, neither of which is drawn."""
    return draw(_open_uniform, numpy_generator(), shape=shape, dtype=dtype)


def poisson(rate: Tensor, shape: Shape) -> Tensor:
    """Counts from Poisson laws, of the rates' dtype."""
    return draw(_poisson, numpy_generator(), rate, shape=shape, dtype=rate._value.dtype)


def binomial(count: Tensor, p: Tensor, shape: Shape) -> Tensor:
    """How many of `count` trials succeed, of the probabilities' dtype."""
    return draw(_binomial, numpy_generator(), count, p, shape=shape, dtype=p._value.dtype)


def multinomial_counts(count: int, p: Tensor, shape: Shape) -> Tensor:
    """How often each category comes in `count` draws; they are the last dimension of p and of the shape."""
    return draw(_counts, numpy_generator(), p, count=count, shape=shape, dtype=p._value.dtype)


def categories(p: Tensor, shape: Shape) -> Tensor:
    """Indices along the last dimension of p, of int64."""
    return draw(_categories, numpy_generator(), p, shape=shape)


def von_mises(loc: Tensor, concentration: Tensor, shape: Shape) -> Tensor:
    """Angles in [-pi, pi]."""
    return draw(_von_mises, numpy_generator(), loc, concentration, shape=shape, dtype=loc._value.dtype)


# Its value is y, whatever x is; its derivative is that of the quantile at which y was drawn, as if it were kept.
follow_shape: Callable[..., Tensor] = elementwise(
    "follow_shape", lambda x, y: np.array(np.broadcast_to(y, np.broadcast_shapes(x.shape, y.shape))),
    lambda x, z: log_gamma_slope(x, z, n=1), None,
    doc="""Logarithms y of gamma variates that were drawn with shape x, made to move with it.

    Parameters
    ----------
    x, y : tensor

    Returns
    -------
    Tensor
        y, whose derivative in x is `log_gamma_slope`: implicit reparametrization, right to any order.
    """,
)  # fmt: skip


def log_gamma_variate(concentration: Tensor, shape: Shape) -> Tensor:
    """Logarithms of variates of gamma laws of rate 1, differentiable in their shape parameter.

    That of a variate too small for its dtype is still a number.
    """
    drawn = draw(_log_gamma, numpy_generator(), concentration, shape=shape, dtype=concentration._value.dtype)
    return follow_shape(concentration, drawn)
