"""Parts of tensors: cut out, put back, combined and reduced by place."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._types import Tensor
from ..core.arguments import dimension, integer
from ..core.batching import unchanged
from ..core.broadcast import sum_to
from ..core.define import computed
from ..core.doors import constant, enter
from ..core.half import half
from ..core.signatures import tells
from .arithmetic import multiply
from .compare import greater, where
from .creation import full, meshgrid
from .grouping import scatter_reduce
from .index import Places, as_places, diag_embed, diagonal, narrow, pick, put_for, select
from .join import cat, chunk, split, stack, tensor_split
from .norms import vector_norm
from .scattering import nonzero
from .shape import broadcast_to, clone, reshape

__all__ = [
    "cartesian_prod", "combinations", "diagflat", "diagonal_scatter", "dsplit", "hsplit", "index_reduce", "narrow_copy",
    "nonzero_static", "put", "renorm", "select_scatter", "slice_scatter", "split_with_sizes", "unravel_index",
    "unsafe_chunk", "unsafe_split", "unsafe_split_with_sizes", "vsplit",
]  # fmt: skip

# ---------------------------------------------------------------- cut


def _cut(name: str, x: Any, where_: Any, dim: int, least: int) -> tuple[Any, ...]:
    x = enter(x)
    if x._value.ndim < least:
        raise ValueError(f"{name}: expected {least} dimension(s) or more, got shape {x._value.shape}")
    n = x._value.shape[dim]
    if isinstance(where_, int) and (where_ < 1 or n % where_):
        raise ValueError(f"{name}: a length of {n} does not fall into {where_} equal parts; use tensor_split")
    return tensor_split(x, where_, dim)


@tells
def hsplit(x: Any, indices_or_sections: Any) -> tuple[Any, ...]:
    """Views of a tensor cut along its second dimension, or a vector's only one, into equal parts or at given places.

    Parameters
    ----------
    x : tensor
        Of one dimension or more.
    indices_or_sections : int, or sequence of int
        The number of parts; or where each but the first begins.

    Returns
    -------
    tuple of Tensor

    Raises
    ------
    ValueError
        If the length does not fall into so many parts.

    Examples
    --------
    >>> wg.hsplit(wg.arange(4), 2)
    (tensor([0, 1]), tensor([2, 3]))
    """
    return _cut("hsplit", x, indices_or_sections, 1 if enter(x)._value.ndim > 1 else 0, 1)


@tells
def vsplit(x: Any, indices_or_sections: Any) -> tuple[Any, ...]:
    """Views of a tensor cut along its first dimension into equal parts, or at given places.

    Parameters
    ----------
    x : tensor
        Of two dimensions or more.
    indices_or_sections : int, or sequence of int
        The number of parts; or where each but the first begins.

    Returns
    -------
    tuple of Tensor

    Raises
    ------
    ValueError
        If there are too few dimensions, or the length does not fall into so many parts.

    Examples
    --------
    >>> wg.vsplit(wg.tensor([[1, 2], [3, 4]]), 2)
    (tensor([[1, 2]]), tensor([[3, 4]]))
    """
    return _cut("vsplit", x, indices_or_sections, 0, 2)


@tells
def dsplit(x: Any, indices_or_sections: Any) -> tuple[Any, ...]:
    """Views of a tensor cut along its third dimension into equal parts, or at given places.

    Parameters
    ----------
    x : tensor
        Of three dimensions or more.
    indices_or_sections : int, or sequence of int
        The number of parts; or where each but the first begins.

    Returns
    -------
    tuple of Tensor

    Raises
    ------
    ValueError
        If there are too few dimensions, or the length does not fall into so many parts.

    Examples
    --------
    >>> wg.dsplit(wg.tensor([[[1, 2], [3, 4]]]), 2)
    (tensor([[[1],
             [3]]]), tensor([[[2],
             [4]]]))
    """
    return _cut("dsplit", x, indices_or_sections, 2, 3)


@tells
def split_with_sizes(x: Any, split_sizes: Sequence[int], dim: int = 0) -> tuple[Any, ...]:
    """Views of a tensor cut along one dimension into parts of given lengths.

    Parameters
    ----------
    x : tensor
    split_sizes : sequence of int
        The lengths, which add up to the dimension's.
    dim : int

    Returns
    -------
    tuple of Tensor

    Raises
    ------
    ValueError
        If they add up to something else.

    Examples
    --------
    >>> wg.split_with_sizes(wg.arange(3), [1, 2])
    (tensor([0]), tensor([1, 2]))
    """
    return split(x, list(split_sizes), dim)


@tells
def unsafe_split(x: Any, split_size: int, dim: int = 0) -> tuple[Any, ...]:
    """The parts of `split`, under another name: views too, which may be changed in place here.

    Parameters
    ----------
    x : tensor
    split_size : int
    dim : int

    Returns
    -------
    tuple of Tensor

    Examples
    --------
    >>> wg.unsafe_split(wg.arange(3), 2)
    (tensor([0, 1]), tensor([2]))
    """
    return split(x, split_size, dim)


@tells
def unsafe_split_with_sizes(x: Any, split_sizes: Sequence[int], dim: int = 0) -> tuple[Any, ...]:
    """The parts of `split_with_sizes`, under another name: views too, which may be changed in place here.

    Parameters
    ----------
    x : tensor
    split_sizes : sequence of int
    dim : int

    Returns
    -------
    tuple of Tensor

    Examples
    --------
    >>> wg.unsafe_split_with_sizes(wg.arange(3), [1, 2])
    (tensor([0]), tensor([1, 2]))
    """
    return split_with_sizes(x, split_sizes, dim)


@tells
def unsafe_chunk(x: Any, chunks: int, dim: int = 0) -> tuple[Any, ...]:
    """The parts of `chunk`, under another name: views too, which may be changed in place here.

    Parameters
    ----------
    x : tensor
    chunks : int
    dim : int

    Returns
    -------
    tuple of Tensor

    Examples
    --------
    >>> wg.unsafe_chunk(wg.arange(3), 2)
    (tensor([0, 1]), tensor([2]))
    """
    return chunk(x, chunks, dim)


@tells
def narrow_copy(x: Any, dim: int, start: int, length: int) -> Tensor:
    """`narrow`, as a copy.

    Parameters
    ----------
    x : tensor
    dim, start, length : int

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.narrow_copy(wg.arange(5), 0, 1, 2)
    tensor([1, 2])
    """
    return clone(narrow(x, dim, start, length))


# ---------------------------------------------------------------- put back


def _put_back(name: str, x: Any, src: Any, key: Any) -> Tensor:
    """A copy of x with x[key] = src, which has the shape of x[key]."""
    from_, wanted = enter(src), pick(x, key)._value.shape
    if from_._value.shape != wanted:
        raise ValueError(f"{name}: expected src of shape {wanted}, got {from_._value.shape}")
    numbers = reshape(constant(np.arange, x._value.size), x._value.shape)
    return _by_number(name, x, pick(numbers, key), from_)


def _by_number(name: str, x: Any, numbers: Any, src: Any, accumulate: bool = False) -> Tensor:
    """A copy of x with items placed by their number in C order."""
    flat = put_for(name, reshape(x, -1), Places(0, (reshape(numbers, -1),)), reshape(src, -1), accumulate=accumulate)
    return reshape(flat, x._value.shape)


@tells
def select_scatter(x: Any, src: Any, dim: int, index: int) -> Tensor:
    """A copy of x with one slice replaced: z[:, index] = src for dim = 1.

    Parameters
    ----------
    x, src : tensor
        src has x's shape without `dim`.
    dim, index : int

    Returns
    -------
    Tensor
        Of x's shape.

    Raises
    ------
    IndexError
        If the index is out of range.
    ValueError
        If src does not fit.

    Examples
    --------
    >>> wg.select_scatter(wg.zeros(2, 2), wg.ones(2), 0, 1)
    tensor([[0., 0.],
            [1., 1.]])
    """
    x = enter(x)
    select(x, dim, index)  # says what is wrong with them
    d = dimension("select_scatter", dim, x._value.ndim)
    return _put_back("select_scatter", x, src, (*(slice(None),) * d, index))


@tells
def slice_scatter(
    x: Any, src: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    """A copy of x with slices replaced: z[:, start:end:step] = src for dim = 1.

    Parameters
    ----------
    x, src : tensor
    dim : int
    start, end : int or None
    step : int
        At least 1.

    Returns
    -------
    Tensor
        Of x's shape.

    Raises
    ------
    ValueError
        If src does not fit, or the step is below 1.

    Examples
    --------
    >>> wg.slice_scatter(wg.zeros(4), wg.ones(2), 0, 1, 3)
    tensor([0., 1., 1., 0.])
    """
    x = enter(x)
    if integer("slice_scatter", "step", step) < 1:
        raise ValueError(f"slice_scatter: expected a step of 1 or more, got {step}")
    d = dimension("slice_scatter", dim, x._value.ndim)
    return _put_back("slice_scatter", x, src, (*(slice(None),) * d, slice(start, end, step)))


@tells
def diagonal_scatter(x: Any, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A copy of x with a diagonal replaced.

    Parameters
    ----------
    x, src : tensor
        src has the shape of `diagonal(x, offset, dim1, dim2)`.
    offset, dim1, dim2 : int
        As in `diagonal`.

    Returns
    -------
    Tensor
        Of x's shape.

    Raises
    ------
    ValueError
        If src does not fit.

    Examples
    --------
    >>> wg.diagonal_scatter(wg.zeros(2, 2), wg.ones(2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    x, src = enter(x), enter(src)
    wanted = diagonal(x, offset, dim1, dim2)._value.shape
    if src._value.shape != wanted:
        raise ValueError(f"diagonal_scatter: expected src of shape {wanted}, got {src._value.shape}")
    numbers = reshape(constant(np.arange, x._value.size), x._value.shape)
    return _by_number("diagonal_scatter", x, diagonal(numbers, offset, dim1, dim2), src)


@tells
def put(x: Any, index: Any, source: Any, accumulate: bool = False) -> Tensor:
    """A copy of x with items placed by their number in C order.

    Parameters
    ----------
    x : tensor
    index : tensor or array of integers
    source : tensor
        As many items as the index has.
    accumulate : bool
        Add to what is there; repeated indices add repeatedly. Otherwise the last of them counts.

    Returns
    -------
    Tensor
        Of x's shape.

    Raises
    ------
    IndexError
        If an index is out of range.
    ValueError
        If the numbers of items differ.

    Examples
    --------
    >>> wg.put(wg.zeros(2, 2), wg.tensor([1, 2]), wg.tensor([5., 6.]))
    tensor([[0., 5.],
            [6., 0.]])
    """
    x, places, source = enter(x), as_places("put", enter(index)), enter(source)
    if places._value.size != source._value.size:
        raise ValueError(f"put: expected {places._value.size} item(s) for as many indices, got {source._value.size}")
    return _by_number("put", x, places, source, accumulate)


@tells
def index_reduce(x: Any, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True) -> Tensor:
    """A copy of x with slices reduced into it: z[:, i] is what x[:, i] and all source[:, j] with index[j] = i make.

    Parameters
    ----------
    x : tensor
    dim : int
    index : tensor or array of integers
        (n,)
    source : tensor
        x's shape with n along `dim`.
    reduce : {"prod", "mean", "amax", "amin"}
    include_self : bool
        False: x does not count where anything is given.

    Returns
    -------
    Tensor
        Of x's shape.

    Raises
    ------
    IndexError
        If an index is out of range.
    ValueError
        If there is no such reduction, or the source has another shape.

    Examples
    --------
    >>> wg.index_reduce(wg.ones(3), 0, wg.tensor([0, 2, 0]), wg.tensor([2., 3., 4.]), "prod")
    tensor([8., 1., 3.])
    """
    x, source, places = enter(x), enter(source), as_places("index_reduce", enter(index))
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise ValueError(f'index_reduce: expected reduce "prod", "mean", "amax" or "amin", got {reduce!r}')
    d = dimension("index_reduce", dim, x._value.ndim)
    shape = x._value.shape
    wanted = (*shape[:d], places._value.size, *shape[d + 1 :])
    if source._value.shape != wanted:
        raise ValueError(f"index_reduce: expected a source of shape {wanted}, got {source._value.shape}")
    spread = broadcast_to(reshape(places, (places._value.size, *(1,) * (len(shape) - d - 1))), wanted)
    return scatter_reduce(x, d, spread, source, reduce, include_self=include_self)


# ---------------------------------------------------------------- numbers of places


_row_major = computed(
    "unravel_index", lambda x, shape: np.stack(np.unravel_index(x, shape), -1).astype(np.int64), batched=unchanged
)


def unravel_index(indices: Any, shape: int | Sequence[int]) -> tuple[Any, ...]:
    """The place along each dimension of items that are numbered in C order.

    Parameters
    ----------
    indices : tensor or array of integers
    shape : int or sequence of int

    Returns
    -------
    tuple of Tensor
        One for each dimension of `shape`, each of the indices' shape.

    Raises
    ------
    ValueError
        If an index is not below the number of items.
    TypeError
        If the indices are not integers.

    Examples
    --------
    >>> wg.unravel_index(wg.tensor([1, 5]), (2, 3))
    (tensor([0, 1]), tensor([1, 2]))
    """
    lengths = (shape,) if isinstance(shape, int) else tuple([int(n) for n in shape])
    found = _row_major(as_places("unravel_index", enter(indices)), shape=lengths)
    return tuple([pick(found, (..., k)) for k in range(len(lengths))])


@tells
def nonzero_static(x: Any, *, size: int, fill_value: int = -1) -> Tensor:
    """The places of the items that are not 0, as many as asked for: the first ones, or with `fill_value` behind.

    Parameters
    ----------
    x : tensor
    size : int
        How many rows the result has.
    fill_value : int

    Returns
    -------
    Tensor
        (size, x.ndim), int64.

    Raises
    ------
    ValueError
        If the size is negative.

    Examples
    --------
    >>> wg.nonzero_static(wg.tensor([0, 3, 4]), size=3)
    tensor([[ 1],
            [ 2],
            [-1]])
    """
    count = integer("nonzero_static", "size", size)
    if count < 0:
        raise ValueError(f"nonzero_static: expected a size of 0 or more, got {count}")
    found = pick(nonzero(x), slice(0, count))
    rows, columns = found._value.shape
    return cat([found, full((count - rows, columns), int(fill_value), dtype=found._value.dtype)])


# ---------------------------------------------------------------- combined


def cartesian_prod(*tensors: Any) -> Tensor:
    """All ways to take one item of each vector, in the order of counting.

    Parameters
    ----------
    *tensors : tensor
        Vectors.

    Returns
    -------
    Tensor
        (product of the lengths, number of vectors); of one vector, the vector.

    Raises
    ------
    ValueError
        If there are none, or one is no vector.

    Examples
    --------
    >>> wg.cartesian_prod(wg.tensor([1, 2]), wg.tensor([3, 4]))
    tensor([[1, 3],
            [1, 4],
            [2, 3],
            [2, 4]])
    """
    given = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
    vectors = [enter(x) for x in given]
    if not vectors or any(x._value.ndim != 1 for x in vectors):
        raise ValueError(f"cartesian_prod: expected vectors, got shapes {[x._value.shape for x in vectors]}")
    if len(vectors) == 1:
        return vectors[0]
    return stack([reshape(part, -1) for part in meshgrid(*vectors, indexing="ij")], 1)


def _chosen(n: int, r: int, again: bool) -> np.ndarray:
    every = (itertools.combinations_with_replacement if again else itertools.combinations)(range(n), r)
    return np.array(list(every), np.int64).reshape(-1, r)


@tells
def combinations(x: Any, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All ways to take r items of a vector, in the vector's order.

    Parameters
    ----------
    x : tensor
        (n,)
    r : int
        At least 0.
    with_replacement : bool
        An item may be taken again.

    Returns
    -------
    Tensor
        (number of ways, r)

    Raises
    ------
    ValueError
        If x is no vector, or r is negative.

    Examples
    --------
    >>> wg.combinations(wg.tensor([1, 2, 3]))
    tensor([[1, 2],
            [1, 3],
            [2, 3]])
    """
    x = enter(x)
    if x._value.ndim != 1 or integer("combinations", "r", r) < 0:
        raise ValueError(f"combinations: expected a vector and r >= 0, got shape {x._value.shape} and r = {r}")
    if r == 0:
        return constant(np.empty, 0, x._value.dtype)
    return pick(x, constant(_chosen, x._value.size, r, bool(with_replacement)))


@tells
def diagflat(x: Any, offset: int = 0) -> Tensor:
    """A matrix with all items of x, in C order, on a diagonal.

    Parameters
    ----------
    x : tensor
    offset : int
        Above the main diagonal; negative: below.

    Returns
    -------
    Tensor
        (n, n), where n is the number of items and the size of the offset.

    Examples
    --------
    >>> wg.diagflat(wg.tensor([1., 2.]))
    tensor([[1., 0.],
            [0., 2.]])
    """
    return diag_embed(reshape(enter(x), -1), offset)


# ---------------------------------------------------------------- reduced


@half
def _renormed(x: Any, p: float, dim: int, most: float) -> Tensor:
    others = tuple([k for k in range(x._value.ndim) if k != dim])
    norms = vector_norm(x, p, others, True)
    over = greater(norms, most)
    return multiply(x, where(over, most / (where(over, norms, 1.0) + 1e-7), 1.0))


@tells
def renorm(x: Any, p: float, dim: int, maxnorm: float) -> Tensor:
    """x with every slice along one dimension whose p-norm is above a limit scaled down to it.

    Parameters
    ----------
    x : tensor
        Of two dimensions or more.
    p : float
        Above 0.
    dim : int
        x[i] for dim = 0 are the slices.
    maxnorm : float

    Returns
    -------
    Tensor
        Of x's shape.

    Raises
    ------
    ValueError
        If x has fewer than two dimensions, p is not above 0, or the limit is negative.
    TypeError
        If x is not floating.

    Notes
    -----
    As in PyTorch, norms above the limit are taken as larger by 1e-7.

    Examples
    --------
    >>> wg.renorm(wg.tensor([[3., 4.], [0.3, 0.4]]), 2, 0, 1.)
    tensor([[0.6000, 0.8000],
            [0.3000, 0.4000]])
    """
    x = enter(x)
    if x._value.dtype.kind != "f":
        raise TypeError(f"renorm: expected a floating tensor, got {x._value.dtype}; convert it, as in x.float()")
    if x._value.ndim < 2 or not p > 0 or not maxnorm >= 0:
        raise ValueError(
            f"renorm: expected two dimensions or more, p > 0 and maxnorm >= 0, got shape {x._value.shape}, p = {p} and "
            f"maxnorm = {maxnorm}"
        )
    return _renormed(x, float(p), dimension("renorm", dim, x._value.ndim), float(maxnorm))


def sum_to_size(x: Any, *size: Any) -> Tensor:
    """x summed over the dimensions along which a shape would be broadcast to x's.

    Parameters
    ----------
    x : tensor
    *size : int, or one sequence of int
        A shape that broadcasts to x's.

    Returns
    -------
    Tensor
        Of that shape.

    Raises
    ------
    ValueError
        If the shape does not broadcast to x's.

    Examples
    --------
    >>> wg.ones(2, 3).sum_to_size(1, 3)
    tensor([[2., 2., 2.]])
    """
    x = enter(x)
    shape = tuple([int(n) for n in (size[0] if len(size) == 1 and not isinstance(size[0], int) else size)])
    lead = x._value.ndim - len(shape)
    if lead < 0 or any(n not in (1, m) for n, m in zip(shape, x._value.shape[lead:], strict=True)):
        raise ValueError(f"sum_to_size: the shape {shape} does not broadcast to {x._value.shape}")
    found: Tensor = sum_to(x, shape)
    return found if shape else clone(found)
