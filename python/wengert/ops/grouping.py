"""Items that one place is given are reduced to one: sums, products, means and extremes by index."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._types import Tensor
from ..core.arguments import either
from ..core.batching import axes, moved, shaped
from ..core.broadcast import cast
from ..core.define import computed, primitive
from ..core.doors import constant, differs, enter, leave
from ..core.half import half, half_kernel
from ..core.signatures import tells
from ..core.tape import apply
from ..core.tuples import item
from .arithmetic import floor_divide
from .compare import eq, where
from .index import pick
from .reduce import prod
from .scattering import gather, grid, scatter, scatter_add
from .shape import reshape

__all__ = ["scatter_reduce"]


def _at(index: np.ndarray, dim: int, length: int) -> tuple[np.ndarray, ...]:
    """The places that an index along one dimension of such a length means, as NumPy takes them."""
    bad = (index < -length) | (index >= length)
    if bad.any():
        raise IndexError(
            f"scatter_reduce: index {index[bad][0]} is out of range for dimension {dim} of length {length}"
        )
    places = list(np.ogrid[tuple(map(slice, index.shape))])
    places[dim] = index
    return tuple(places)


def _touched(index: np.ndarray, dim: int, shape: tuple[int, ...]) -> np.ndarray:
    found = np.zeros(shape, np.bool_)
    found[_at(index, dim, shape[dim])] = True
    return found


_is_touched = computed("scatter_touched", _touched, batched=moved(dim=axes, shape=shaped))


# ---------------------------------------------------------------- extremes


def _least(dtype: np.dtype) -> Any:
    return -math.inf if dtype.kind == "f" else False if dtype.kind == "b" else np.iinfo(dtype).min


def _largest(dtype: np.dtype) -> Any:
    return math.inf if dtype.kind == "f" else True if dtype.kind == "b" else np.iinfo(dtype).max


def _extreme(x: np.ndarray, y: np.ndarray, index: np.ndarray, dim: int, largest: bool, alone: bool) -> np.ndarray:
    """x with the extreme of what each place is given; `alone`: where anything is given, x itself does not count."""
    z, places = x.copy(), _at(index, dim, x.shape[dim])
    if alone:
        z[places] = _least(x.dtype) if largest else _largest(x.dtype)
    with np.errstate(invalid="ignore"):
        (np.maximum if largest else np.minimum).at(z, places, y)
    return z


def _shares(
    x: np.ndarray, y: np.ndarray, index: np.ndarray, z: np.ndarray, dim: int, alone: bool
) -> tuple[np.ndarray, np.ndarray]:
    """What part of the extremes z comes from each item of x, and of y: ties share equally."""
    places = _at(index, dim, x.shape[dim])
    of_x, of_y = (x == z).astype(z.dtype), (y == z[places]).astype(z.dtype)
    if alone:
        of_x[places] = 0
    count = of_x.copy()
    np.add.at(count, places, of_y)
    count[count == 0] = 1
    return of_x / count, of_y / count[places]


_shares_of = computed("scatter_extreme_shares", half_kernel(_shares), batched=moved(dim=axes))


def _weighted(g: Any, share: Any) -> Tensor:
    """g times a share, and 0 where there is none, whatever g is."""
    return where(eq(share, 0), 0.0, g * share)


def _pulled(g: Any, x: Any, y: Any, index: Any, z: Any, dim: int, largest: bool, alone: bool) -> Any:
    shares = _shares_of(x, y, index, z, dim=dim, alone=alone)
    return _weighted(g, item(shares, 0)), _weighted(gather(g, dim, index), item(shares, 1)), None


def _pushed_x(t: Any, x: Any, y: Any, index: Any, z: Any, dim: int, largest: bool, alone: bool) -> Any:
    return _weighted(t, item(_shares_of(x, y, index, z, dim=dim, alone=alone), 0))


def _pushed_y(t: Any, x: Any, y: Any, index: Any, z: Any, dim: int, largest: bool, alone: bool) -> Any:
    part = _weighted(t, item(_shares_of(x, y, index, z, dim=dim, alone=alone), 1))
    return scatter_add(constant(np.zeros, x._value.shape, x._value.dtype), dim, index, part)


_EXTREME = primitive(
    "scatter_reduce", _extreme, (), (_pushed_x, _pushed_y, None), ("x", "y", "index"), joint=_pulled,
    batched=moved(dim=axes),
)  # fmt: skip


# ---------------------------------------------------------------- products


def _ranks(index: np.ndarray, dim: int, shape: tuple[int, ...]) -> np.ndarray:
    """For each item the flat place that it is given to, and how many of those before it are given to the same."""
    places = [np.where(k < 0, k + n, k) for k, n in zip(_at(index, dim, shape[dim]), shape, strict=True)]
    flat = np.ravel_multi_index(np.broadcast_arrays(*places), shape).ravel() if index.size else np.zeros(0, np.int64)
    order = np.argsort(flat, kind="stable")
    ordered = flat[order]
    first = np.searchsorted(ordered, ordered)
    ranks = np.empty(flat.size, np.int64)
    ranks[order] = np.arange(flat.size) - first
    return np.stack([flat.astype(np.int64), ranks])


_ranks_of = computed("scatter_ranks", _ranks)


@half
def _product(x: Any, y: Any, index: Any, dim: int, alone: bool) -> Any:
    """The factors of each place side by side, and their products: zeros among them are nothing special then."""
    shape, dtype = x._value.shape, x._value.dtype
    if not index._value.size:
        return x
    found = _ranks_of(index, dim=dim, shape=shape)
    ranks = pick(found, 1)  # where they differ over a batch, all of a line may go to one place
    most = index._value.shape[dim] if differs(ranks) else int(leave(ranks, "int").max()) + 1
    base = where(_is_touched(index, dim=dim, shape=shape), constant(np.ones, (), dtype), x) if alone else x
    ones = constant(np.ones, x._value.size * most, dtype)
    factors = scatter(ones, 0, pick(found, 0) * most + ranks, reshape(y, -1))
    product = prod(reshape(factors, (x._value.size, most)), 1)
    return base * reshape(product if product._value.dtype == dtype else cast(product, dtype), shape)


# ---------------------------------------------------------------- the function


@half
def _sum(x: Any, y: Any, index: Any, dim: int, alone: bool, mean: bool) -> Any:
    shape, dtype = x._value.shape, x._value.dtype
    touched = _is_touched(index, dim=dim, shape=shape) if alone else None
    base = x if touched is None else where(touched, constant(np.zeros, (), dtype), x)
    total = scatter_add(base, dim, index, y)
    if not mean:
        return total
    ones = constant(np.ones, shape, dtype)
    first = ones if touched is None else where(touched, constant(np.zeros, (), dtype), ones)
    count = scatter_add(first, dim, index, constant(np.ones, index._value.shape, dtype))
    return total / count if dtype.kind == "f" else floor_divide(total, count)


_KINDS = ("sum", "prod", "mean", "amax", "amin")


@tells
def scatter_reduce(
    x: Any, dim: int | None = None, index: Any = None, src: Any = None, reduce: str | None = None, *,
    include_self: bool = True, axis: int | None = None,
) -> Tensor:  # fmt: skip
    """A copy of x with items reduced along one dimension: for dim = 1, z[i, k] is what all src[i, j] with
    index[i, j] = k, and x[i, k], are reduced to.

    Parameters
    ----------
    x : tensor
    dim : int
        Also spelled `axis`.
    index : tensor or array of integers
        Of as many dimensions as x, none longer than x's but `dim`.
    src : tensor
        Of x's dtype, at least as long as the index in every dimension.
    reduce : {"sum", "prod", "mean", "amax", "amin"}
        Means of integers are rounded down. Of booleans, the sum is whether any is true, the product whether all are.
        Equal extremes share their gradient.
    include_self : bool
        False: where something is given to a place, x's own item does not count.

    Returns
    -------
    Tensor
        Of x's shape.

    Raises
    ------
    IndexError
        If an index is out of range.
    ValueError
        If the shapes do not fit, or there is no such reduction.
    TypeError
        If the dtypes differ.

    Examples
    --------
    >>> x, index = wg.tensor([1., 2., 3.]), wg.tensor([0, 0, 2])
    >>> wg.scatter_reduce(x, 0, index, wg.tensor([5., 6., -7.]), "amax")
    tensor([6., 2., 3.])
    >>> wg.scatter_reduce(x, 0, index, wg.tensor([5., 6., -7.]), "sum", include_self=False)
    tensor([11.,  2., -7.])
    """
    if reduce not in _KINDS:
        raise ValueError(f"scatter_reduce: expected reduce among {', '.join(map(repr, _KINDS))}, got {reduce!r}")
    x, given, y = enter(x), enter(index), enter(src)
    if y._value.dtype != x._value.dtype:
        raise TypeError(f"scatter_reduce: expected src of dtype {x._value.dtype} like the tensor, got {y._value.dtype}")
    if x._value.dtype.kind == "b":
        if reduce == "mean":
            raise TypeError("scatter_reduce: booleans have no mean; convert them, as in x.float()")
        reduce = {"sum": "amax", "prod": "amin"}.get(reduce, reduce)  # whether any is true, or all are
    shape = x._value.shape
    given, (d, _) = grid("scatter_reduce", x, either("scatter_reduce", dim, axis), given, y)
    if y._value.shape != given._value.shape:
        y = pick(y, tuple(map(slice, given._value.shape)))
    if not shape:
        x, given, y = reshape(x, 1), reshape(given, 1), reshape(y, 1)
    alone = not include_self
    if reduce in ("sum", "mean"):
        z = _sum(x, y, given, d, alone, reduce == "mean")
    elif reduce == "prod":
        z = _product(x, y, given, d, alone)
    else:
        z = apply(_EXTREME, (x, y, given), {"dim": d, "largest": reduce == "amax", "alone": alone})
    return z if shape else reshape(z, ())
