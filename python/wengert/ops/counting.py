"""The most frequent items, histograms with their edges, and differences as estimates of derivatives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._types import Tensor
from ..core import dtypes
from ..core.arguments import dimension, dimensions, either, integer
from ..core.batching import axes, moved
from ..core.broadcast import as_floating
from ..core.define import computed
from ..core.doors import enter
from ..core.half import half, half_kernel
from ..core.named import NamedTuple
from ..core.signatures import tells
from ..core.variable import Variable
from .index import pick
from .join import cat
from .scattering import gather
from .shape import reshape, squeeze

__all__ = ["gradient", "histogram", "histogramdd", "mode"]

# ---------------------------------------------------------------- the most frequent


class Mode(NamedTuple):
    """What `mode` gives."""

    values: Tensor
    indices: Tensor


def _most_frequent(x: np.ndarray, dim: int) -> np.ndarray:
    """Where the last of the most frequent items stands, of the smallest of several; the dimension stays, as 1."""
    lines = np.moveaxis(x, dim, -1)
    order = np.argsort(lines, -1, kind="stable")
    ordered = np.take_along_axis(lines, order, -1)
    begins = np.ones(ordered.shape, bool)
    begins[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    at = np.arange(ordered.shape[-1])
    run = at - np.maximum.accumulate(np.where(begins, at, 0), -1)
    last = run.argmax(-1)[..., None]  # the first of the longest runs, at its end
    return np.moveaxis(np.take_along_axis(order, last, -1), -1, dim)


_most_frequent_of = computed("mode_indices", _most_frequent, batched=moved(dim=axes))


@tells
def mode(
    x: Any, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None, keepdims: bool | None = None
) -> Mode:
    """The most frequent item along a dimension, the smallest of several, and where it stands last.

    Parameters
    ----------
    x : tensor
    dim : int or None
        None: the last. Also spelled `axis`.
    keepdim : bool
        The dimension stays, with length 1. Also spelled `keepdims`.

    Returns
    -------
    values : Tensor
    indices : Tensor of int64

    Raises
    ------
    ValueError
        If the dimension is empty.

    Examples
    --------
    >>> wg.mode(wg.tensor([3., 1., 3., 2.]))
    Mode(values=tensor(3.), indices=tensor(2))
    """
    x, dim = enter(x), either("mode", dim, axis)
    keep = keepdim if keepdims is None else keepdims
    lines = x if x._value.ndim else reshape(x, 1)
    d = dimension("mode", -1 if dim is None else dim, lines._value.ndim)
    if not lines._value.shape[d]:
        raise ValueError(f"mode: dimension {d} of shape {x._value.shape} is empty")
    places = _most_frequent_of(lines, dim=d)
    values = gather(lines, d, places)
    if not x._value.ndim or not keep:
        values, places = squeeze(values, d), squeeze(places, d)
    return Mode(values, places)


# ---------------------------------------------------------------- histograms


class Histogram(NamedTuple):
    """Counts, or shares, and the edges between which they are counted."""

    hist: Tensor
    bin_edges: Tensor


class HistogramDD(NamedTuple):
    """The same in several dimensions: a vector of edges for each."""

    hist: Tensor
    bin_edges: tuple[Tensor, ...]


def _edges(x: np.ndarray, bins: int, ends: tuple[float, float] | None) -> np.ndarray:
    low, high = ends if ends is not None else (x.min(), x.max()) if x.size else (0.0, 0.0)
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ValueError(f"histogram: expected a finite range that does not fall, got {low} to {high}")
    if low == high:
        low, high = low - 0.5, high + 0.5
    return dtypes.convert(np.linspace(float(low), float(high), bins + 1), x.dtype)


def _counted(x: np.ndarray, *rest: np.ndarray, weighted: bool, density: bool) -> np.ndarray:
    """How many rows of x lie in each cell between the edges, or what they weigh."""
    weights, edges = (rest[0].ravel(), rest[1:]) if weighted else (None, rest)
    found = np.histogramdd(x.reshape(-1, len(edges)), [e.astype(np.float64) for e in edges], None, density, weights)[0]
    return np.asarray(dtypes.convert(np.asarray(found, np.float64), x.dtype))


_edges_of = computed("histogram_edges", half_kernel(_edges))
_counts_of = computed("histogram", half_kernel(_counted))


def _ends(name: str, given: Any, count: int) -> list[tuple[float, float] | None]:
    """The outer ends along each dimension."""
    if given is None:
        return [None] * count
    flat = [float(v) for v in given]
    if len(flat) != 2 * count:
        raise ValueError(f"{name}: expected a range of {2 * count} numbers, got {len(flat)}")
    return list(zip(flat[::2], flat[1::2], strict=True))


def _edge_list(name: str, x: Any, columns: Sequence[Any], bins: Sequence[Any], range: Any) -> list[Any]:
    """The edges along each dimension: given, or at equal distances."""
    found = []
    for column, wanted, ends in zip(columns, bins, _ends(name, range, len(bins)), strict=True):
        if isinstance(wanted, (Variable, np.ndarray)):
            edges = enter(wanted)
            if range is not None or edges._value.ndim != 1 or edges._value.size < 2:
                shape = edges._value.shape
                raise ValueError(f"{name}: expected a vector of two edges or more and no range, got shape {shape}")
        else:
            count = integer(name, "bins", wanted)
            if count < 1:
                raise ValueError(f"{name}: expected at least 1 bin, got {count}")
            edges = _edges_of(column, bins=count, ends=ends)
        if edges._value.dtype != x._value.dtype:
            raise TypeError(f"{name}: expected edges of dtype {x._value.dtype}, got {edges._value.dtype}")
        found.append(edges)
    return found


def _histogram(name: str, x: Any, items: int, weight: Any, edges: list[Any], density: bool) -> Tensor:
    if weight is None:
        return _counts_of(x, *edges, weighted=False, density=bool(density))
    weight = enter(weight)
    if weight._value.size != items:
        raise ValueError(f"{name}: expected {items} weight(s), got shape {weight._value.shape}")
    return _counts_of(x, weight, *edges, weighted=True, density=bool(density))


def _floating(name: str, x: Any) -> Any:
    x = enter(x)
    if x._value.dtype.kind != "f":
        raise TypeError(f"{name}: expected a floating tensor, got {x._value.dtype}; convert it, as in x.float()")
    return x


@tells
def histogram(
    x: Any, bins: Any, *, range: Sequence[float] | None = None, weight: Any = None, density: bool = False
) -> Histogram:
    """How many items lie between edges.

    Parameters
    ----------
    x : tensor
        Floating.
    bins : int or tensor
        How many intervals of equal width; or the edges, which rise.
    range : two float or None
        The outer ends; None: the smallest and the largest item.
    weight : tensor or None
        What each item counts.
    density : bool
        Divided by the sum and the widths, so that the integral is 1.

    Returns
    -------
    hist : Tensor
        (n,), of x's dtype; a constant. Each interval has its left edge, and the last one its right one too.
    bin_edges : Tensor
        (n + 1,)

    Raises
    ------
    TypeError
        If x is not floating, or the edges have another dtype.
    ValueError
        If there are no bins, or the range is not finite.

    Examples
    --------
    >>> wg.histogram(wg.tensor([1., 2., 1.]), 4, range=(0., 3.)).hist
    tensor([0., 2., 1., 0.])
    """
    x = _floating("histogram", x)
    edges = _edge_list("histogram", x, [x], [bins], range)
    return Histogram(_histogram("histogram", x, x._value.size, weight, edges, density), edges[0])


@tells
def histogramdd(
    x: Any, bins: Any, *, range: Sequence[float] | None = None, weight: Any = None, density: bool = False
) -> HistogramDD:
    """How many points lie in the cells between edges along each dimension.

    Parameters
    ----------
    x : tensor
        (..., d): points. Floating.
    bins : int, sequence of int, or sequence of tensors
        How many intervals of equal width; or the edges, which rise.
    range : sequence of 2 d float or None
        The outer ends along each dimension, one dimension after the other; None: the smallest and the largest item.
    weight : tensor or None
        What each point counts.
    density : bool
        Divided by the sum and the volumes, so that the integral is 1.

    Returns
    -------
    hist : Tensor
        Of d dimensions, of x's dtype; a constant.
    bin_edges : tuple of Tensor

    Raises
    ------
    TypeError
        If x is not floating, or edges have another dtype.
    ValueError
        If the bins do not fit the dimensions, or the range is not finite.

    Examples
    --------
    >>> wg.histogramdd(wg.tensor([[0., 1.], [1., 0.], [1., 1.]]), [2, 2]).hist
    tensor([[0., 1.],
            [1., 1.]])
    """
    x = _floating("histogramdd", x)
    if x._value.ndim < 2:
        raise ValueError(f"histogramdd: expected points (..., d), got shape {x._value.shape}")
    d = x._value.shape[-1]
    wanted = [bins] * d if isinstance(bins, int) else list(bins)
    if len(wanted) != d:
        raise ValueError(f"histogramdd: expected bins for {d} dimension(s), got {len(wanted)}")
    edges = _edge_list("histogramdd", x, [pick(x, (..., k)) for k in np.arange(d).tolist()], wanted, range)
    items = x._value.size // d if d else 0
    return HistogramDD(_histogram("histogramdd", x, items, weight, edges, density), tuple(edges))


# ---------------------------------------------------------------- differences


def _differences(x: Any, h: Any, d: int, order: int) -> Tensor:
    """Along one dimension: central differences, within the ends of an order, at distances h between neighbours."""

    def part(start: int | None, stop: int | None) -> Any:
        return pick(x, (*(slice(None),) * d, slice(start, stop)))

    n = x._value.shape[d]
    if isinstance(h, float):
        inner = (part(2, None) - part(None, -2)) / (2 * h)
        steps: tuple[Any, ...] = (h, h, h, h)
    else:
        tail = (1,) * (x._value.ndim - d - 1)
        near, far = (reshape(pick(h, key), (-1, *tail)) for key in (slice(None, -1), slice(1, None)))
        ahead, behind = part(2, None) - part(1, -1), part(1, -1) - part(None, -2)
        inner = (ahead / far * near + behind / near * far) / (near + far)
        steps = tuple(pick(h, k) for k in (0, min(1, n - 2), -1, max(-2, 1 - n)))
    first, last = (part(1, 2) - part(0, 1)) / steps[0], (part(-1, None) - part(-2, -1)) / steps[2]
    if order == 2:  # the derivative of the parabola through the last three
        second, before = (part(2, 3) - part(1, 2)) / steps[1], (part(-2, -1) - part(-3, -2)) / steps[3]
        first = first + (first - second) * (steps[0] / (steps[0] + steps[1]))
        last = last + (last - before) * (steps[2] / (steps[2] + steps[3]))
    return cat([first, inner, last], d)


@half
def _slopes(x: Any, spacing: tuple[Any, ...], dims: tuple[int, ...], order: int) -> tuple[Any, ...]:
    return tuple([_differences(x, h, d, order) for h, d in zip(spacing, dims, strict=True)])


def _distances(x: Any, spacing: Any, dims: tuple[int, ...]) -> tuple[Any, ...]:
    """The distance between neighbours along each dimension, or all of them."""
    if isinstance(spacing, (int, float)):
        return (float(spacing),) * len(dims)
    given = [spacing] if isinstance(spacing, Variable) else list(spacing)
    if len(given) != len(dims):
        raise ValueError(f"gradient: expected spacing for {len(dims)} dimension(s), got {len(given)}")
    found: list[Any] = []
    for part, d in zip(given, dims, strict=True):
        if isinstance(part, (int, float)):
            found.append(float(part))
            continue
        places = as_floating(part)
        if places._value.shape != (x._value.shape[d],):
            raise ValueError(
                f"gradient: expected {x._value.shape[d]} coordinates along dimension {d}, got {places._value.shape}"
            )
        found.append(pick(places, slice(1, None)) - pick(places, slice(None, -1)))
    return tuple(found)


@tells
def gradient(x: Any, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1) -> tuple[Any, ...]:
    """Estimates of derivatives from a function's values on a grid: central differences.

    Parameters
    ----------
    x : tensor
        Values on a grid.
    spacing : number, or sequence of numbers or tensors
        The distance of neighbours, one for all dimensions or one for each; or the coordinates along each.
    dim : int, sequence of int or None
        None: along all.
    edge_order : {1, 2}
        At the ends, the difference of two values or the derivative of the parabola through three.

    Returns
    -------
    tuple of Tensor
        One of x's shape for each dimension.

    Raises
    ------
    ValueError
        If a dimension has fewer than edge_order + 1 values, or the spacing does not fit.

    Notes
    -----
    As `numpy.gradient`; exact for parabolas within, and with `edge_order=2` at the ends.

    Examples
    --------
    >>> wg.gradient(wg.tensor([1., 4., 9., 16.]))
    (tensor([3., 4., 6., 7.]),)
    """
    x = as_floating(x)
    if edge_order not in (1, 2):
        raise ValueError(f"gradient: expected edge_order 1 or 2, got {edge_order!r}")
    dims = dimensions("gradient", dim, x._value.ndim)
    for d in dims:
        if x._value.shape[d] <= edge_order:
            least = edge_order + 1
            raise ValueError(f"gradient: expected {least} values along dimension {d}, got shape {x._value.shape}")
    return _slopes(x, _distances(x, spacing, dims), dims, edge_order)
