"""Operations that rearrange items without computing: reshaping, permuting, broadcasting, joining."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core import batching, broadcast, dtypes
from ..core.arguments import at_key, dimension, dimensions, either, filled, integer, lengths, permutation, sizes, triple
from ..core.arguments import dimension as dimension_of
from ..core.batching import Batch, moved, unchanged
from ..core.bound import by_bindings
from ..core.broadcast import broadcast_shape
from ..core.define import computed, linear
from ..core.doors import enter, memory
from ..core.half import half_kernel
from ..core.tape import Operation, apply
from ..core.variable import as_view, share_memory

__all__ = [
    "broadcast_shapes", "broadcast_tensors", "broadcast_to", "clone", "expand", "flatten", "flip", "movedim",
    "permute", "ravel", "reshape", "squeeze", "t", "transpose", "unflatten", "unsqueeze",
]  # fmt: skip

# Several operations do one thing under PyTorch's several names for it: the names that print, and that errors tell.
# `before` and `inverse` are what the transpose returns to.


def reshaping(name: str) -> Operation:
    """An operation that gives the same items another shape."""
    return linear(
        name, by_bindings(lambda x, shape, before: x.reshape(shape)), lambda g, shape, before: reshaped(g, before),
        batched=by_bindings(
            lambda kernel, batch, arrays, static: arrays[0].reshape((*batch.lengths, *static["shape"]))
        ),
    )  # fmt: skip


def _permuting(name: str) -> Operation:
    """An operation that puts the dimensions into another order."""
    return linear(
        name, by_bindings(lambda x, dims, inverse: x.transpose(dims)),
        lambda g, dims, inverse: apply(_PERMUTE, (g,), {"dims": inverse, "inverse": dims}),
        batched=moved(dims=lambda dims, batch: (*range(len(batch.lengths)), *batching.axes(dims, batch))),
    )  # fmt: skip


_RESHAPE, _SQUEEZE, _UNSQUEEZE, _EXPAND = map(reshaping, ("view", "squeeze", "unsqueeze", "expand"))


_PERMUTE, _TRANSPOSE, _T = map(_permuting, ("permute", "transpose", "t"))


def reshaped(x: Any, shape: tuple[int, ...], operation: Operation = _RESHAPE) -> Tensor:
    """x in another shape, which is known to fit."""
    return share_memory(x, apply(operation, (x,), {"shape": shape, "before": x._value.shape}))


def viewed(x: Any, shape: tuple[int, ...], operation: Operation = _RESHAPE) -> Tensor:
    """x with dimensions of length 1 more or less: a view in any case."""
    return as_view(x, apply(operation, (x,), {"shape": shape, "before": x._value.shape}))


def _permuted(x: Any, dims: tuple[int, ...], inverse: tuple[int, ...], operation: Operation = _PERMUTE) -> Tensor:
    """x with its dimensions in another order, which is known to be one."""
    return as_view(x, apply(operation, (x,), {"dims": dims, "inverse": inverse}))


@by_bindings
def _reversed(x: np.ndarray, dims: tuple[int, ...]) -> np.ndarray:
    out: np.ndarray = x[(*[_BACKWARD if d in dims else _FORWARD for d in range(x.ndim)], Ellipsis)]
    return out


_FORWARD, _BACKWARD = slice(None), slice(None, None, -1)


_copied = by_bindings(_kernels.copied)  # its keyword `keep` keeps the order of the items in memory

_FLIP: Operation = linear(
    "flip", _copied, lambda g, keep, reverse: apply(_FLIP, (g,), {"keep": keep, "reverse": reverse}),
    batched=moved(reverse=batching.axes),
)  # fmt: skip
_FLIP_VIEW: Operation = linear(
    "flip", _reversed, lambda g, dims: apply(_FLIP_VIEW, (g,), {"dims": dims}), batched=moved(dims=batching.axes)
)


def flip_view(x: Any, dim: int) -> Tensor:
    """A view of x in reverse order along one dimension, for rules: `flip` gives copies, as in PyTorch."""
    return as_view(x, apply(_FLIP_VIEW, (x,), {"dims": (dim,)}))


def reshape(x: Any, *new_shape: Any, shape: Any = None) -> Tensor:
    """The same items in another shape; a view where the strides allow it.

    Parameters
    ----------
    x : tensor
    *new_shape : int, or one tuple of int
        One length may be -1: it is computed from the others. Also by keyword, as `shape`.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If the number of items differs.

    Examples
    --------
    >>> wg.reshape(wg.arange(6), (2, -1))
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    x = enter(x)
    if shape is None and len(new_shape) == 1 and type(new_shape[0]) is int and new_shape[0] == -1:  # the usual case
        return reshaped(x, (x._value.size,))
    return reshaped(x, filled("reshape", lengths("reshape", new_shape, shape), x._value.shape))


def view(x: Any, *shape: Any) -> Tensor:
    """The same memory in another shape, never a copy; with a dtype, the same bytes read as that.

    Parameters
    ----------
    x : tensor
    *shape : int, one tuple of int, or one dtype
        One length may be -1: it is computed from the others.

    Returns
    -------
    Tensor
        With a dtype a constant, since bits have no derivative.

    Raises
    ------
    RuntimeError
        If the strides do not allow it: use reshape.
    ValueError
        If the number of items differs.

    Examples
    --------
    >>> wg.ones(2, 3).view(-1).shape
    wengert.Size([6])
    >>> wg.tensor([1.]).view(wg.int32)
    tensor([1065353216], dtype=wengert.int32)
    """
    x = enter(x)
    if len(shape) == 1 and isinstance(shape[0], (np.dtype, type)):
        dtype = dtypes.as_dtype(shape[0], "view")
        out = _BITS(x, dtype=dtype)
        out._counter = x._share_counter()
        return out
    out = reshaped(x, filled("view", lengths("view", shape, None), x._value.shape))
    if x._value.size and not _kernels.overlap(memory(out), memory(x)):
        raise RuntimeError(f"view: the strides of this tensor of shape {x._value.shape} do not allow it; use reshape")
    return out


def _read_as(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    try:
        return x.view(dtype)
    except ValueError as error:
        raise RuntimeError(f"view: shape {x.shape} of {x.dtype} cannot be read as {dtype}: {error}") from None


def _each_read_as(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> np.ndarray:
    """Of a batch: the last dimension, which bits are taken from, must be the example's."""
    if arrays[0].ndim > len(batch.lengths) or arrays[0].dtype.itemsize == static["dtype"].itemsize:
        return _read_as(arrays[0], **static)
    found: np.ndarray = batching.looped(kernel, batch, arrays, static)  # which says what is wrong
    return found


_BITS = computed("view", _read_as, batched=_each_read_as)


def permute(x: Any, *order: Any, dims: Any = None) -> Tensor:
    """A view with the dimensions in another order.

    Parameters
    ----------
    x : tensor
    *order : int, or one tuple of int
        Every dimension once. Also by keyword, as `dims`.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If it is not a permutation of the dimensions.

    Examples
    --------
    >>> wg.permute(wg.ones(2, 3, 5), 2, 0, 1).shape
    wengert.Size([5, 2, 3])
    """
    x = enter(x)
    return _permuted(x, *permutation("permute", lengths("permute", order, dims), x._value.ndim))


def reverse_dimensions(x: Any) -> Tensor:
    """A view with the dimensions in reverse order: `Tensor.T`."""
    order = tuple(range(x._value.ndim - 1, -1, -1))
    return _permuted(x, order, order)


def transpose(x: Any, dim0: Any = None, dim1: Any = None, *, axis0: Any = None, axis1: Any = None) -> Tensor:
    """A view with two dimensions exchanged.

    Parameters
    ----------
    x : tensor
    dim0, dim1 : int
        Also spelled `axis0` and `axis1`.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If a dimension is out of range.

    Examples
    --------
    >>> wg.transpose(wg.tensor([[1., 2.], [3., 4.]]), 0, 1)
    tensor([[1., 3.],
            [2., 4.]])
    """
    x = enter(x)
    if axis0 is not None or axis1 is not None:
        dim0, dim1 = either("transpose", dim0, axis0), either("transpose", dim1, axis1)
    ndim = x._value.ndim
    return exchanged(x, dimension("transpose", dim0, ndim), dimension("transpose", dim1, ndim))


def exchanged(x: Any, i: int, j: int) -> Tensor:
    """`transpose` of dimensions that are there, counted from 0."""
    exchange: tuple[int, ...] = (1, 0)
    if x._value.ndim != 2 or i == j:
        order = list(range(x._value.ndim))
        if order:
            order[i], order[j] = order[j], order[i]
        exchange = tuple(order)
    return _permuted(x, exchange, exchange, _TRANSPOSE)


def matrix_transpose(x: Any) -> Tensor:
    """A view of matrices, the last two dimensions, transposed.

    Parameters
    ----------
    x : tensor
        Of two dimensions or more.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If there are fewer than two dimensions.

    Examples
    --------
    >>> wg.tensor([[[1, 2], [3, 4]]]).mT
    tensor([[[1, 3],
             [2, 4]]])
    """
    return transpose(x, -2, -1)


def t(x: Any) -> Tensor:
    """A view of a matrix, transposed; of a vector, itself.

    Parameters
    ----------
    x : tensor
        Of at most two dimensions.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If there are more dimensions.

    Examples
    --------
    >>> wg.t(wg.tensor([[1., 2.]]))
    tensor([[1.],
            [2.]])
    """
    x = enter(x)
    if x._value.ndim > 2:
        raise ValueError(f"t: expected at most two dimensions, got shape {x._value.shape}; use mT or permute")
    return _permuted(x, (1, 0), (1, 0), _T) if x._value.ndim == 2 else x


def broadcast_to(x: Any, *shape: Any) -> Tensor:
    """A view of x in a larger shape, repeated along dimensions of length 1 and new leading ones.

    Parameters
    ----------
    x : tensor
    *shape : int, or one tuple of int

    Returns
    -------
    Tensor
        Shares x's memory; read-only where it repeats it.

    Raises
    ------
    ValueError
        If x does not broadcast to the shape.

    Examples
    --------
    >>> wg.broadcast_to(wg.tensor([1., 2.]), (2, 2))
    tensor([[1., 2.],
            [1., 2.]])
    """
    return spread(enter(x), lengths("broadcast_to", shape, None))


def spread(x: Any, shape: tuple[int, ...]) -> Tensor:
    """A view of x in a shape that it broadcasts to; one that can be written to where no item is repeated."""
    before = x._value.shape
    if shape[len(shape) - len(before) :] == before and math.prod(shape) == math.prod(before):
        return viewed(x, shape, _EXPAND)
    return as_view(x, apply(broadcast.BROADCAST_TO, (x,), {"shape": shape, "before": before}))


def expand(x: Any, *shape: Any) -> Tensor:
    """A view repeated along dimensions of length 1 and new leading ones.

    Parameters
    ----------
    x : tensor
    *shape : int, or one tuple of int
        -1 keeps a length.

    Returns
    -------
    Tensor
        Shares x's memory; read-only where it repeats it.

    Raises
    ------
    ValueError
        If x does not broadcast to the shape.

    Examples
    --------
    >>> wg.expand(wg.tensor([[1.], [2.]]), -1, 3)
    tensor([[1., 1., 1.],
            [2., 2., 2.]])
    """
    x = enter(x)
    target, before = lengths("expand", shape, None), x._value.shape
    wanted = target
    if -1 in target:
        lead = len(target) - len(before)
        wanted = tuple([before[k - lead] if n == -1 and k >= lead else n for k, n in enumerate(target)])
    try:
        return spread(x, wanted)
    except ValueError:
        raise ValueError(
            f"expand: shape {before} does not expand to {target}; -1 keeps a length that is there"
        ) from None


def broadcast_shapes(*shapes: Any) -> tuple[int, ...]:
    """The shape that shapes broadcast to.

    Parameters
    ----------
    *shapes : tuple of int, or int

    Returns
    -------
    tuple of int

    Raises
    ------
    ValueError
        If they do not broadcast.

    Examples
    --------
    >>> wg.broadcast_shapes((3, 1), (2,))
    (3, 2)
    """
    return broadcast_shape("broadcast_shapes", (), *(sizes((shape,)) for shape in shapes))


def broadcast_tensors(*tensors: Any) -> tuple[Any, ...]:
    """Views of tensors in the shape that they broadcast to.

    Parameters
    ----------
    *tensors : tensor

    Returns
    -------
    tuple of Tensor
        Of one shape; they share the memory of the arguments and are read-only where they repeat it.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.

    Examples
    --------
    >>> x, y = wg.broadcast_tensors(wg.ones(3, 1), wg.ones(2))
    >>> x.shape, y.shape
    (wengert.Size([3, 2]), wengert.Size([3, 2]))
    """
    parts = [enter(x) for x in tensors]
    if not parts:
        return ()
    shape = broadcast_shape("broadcast_tensors", *(x._value.shape for x in parts))
    return tuple([x if x._value.shape == shape else spread(x, shape) for x in parts])


def flip(x: Any, *dim: Any, dims: Any = None, axis: Any = None) -> Tensor:
    """A copy with the order of the items reversed along some dimensions.

    Parameters
    ----------
    x : tensor
    *dim : int, or one tuple of int
        Also by keyword, as `dims` or `axis`.

    Returns
    -------
    Tensor
        `x[::-1]` is the view.

    Raises
    ------
    IndexError
        If a dimension is out of range.

    Examples
    --------
    >>> wg.flip(wg.tensor([1., 2., 3.]), 0)
    tensor([3., 2., 1.])
    """
    x = enter(x)
    if axis is not None:
        dims = either("flip", dims, axis)
    asked = lengths("flip", dim, dims)
    return flipped(x, dimensions("flip", asked, x._value.ndim) if asked else ())


def flipped(x: Any, dims: tuple[int, ...]) -> Tensor:
    """`flip` along dimensions that are there, counted from 0."""
    return apply(_FLIP, (x,), {"keep": True, "reverse": dims})


# ---------------------------------------------------------------- x[key] for integers, slices, None and ...

Key = tuple[Any, ...]  # of those, a slice as a triple of integers and None, so that it is hashable
WHOLE = (None, None, None)


@by_bindings
def _filled_in(x: np.ndarray, key: Key, shape: tuple[int, ...]) -> np.ndarray:
    out: np.ndarray = _kernels.zeros(shape, x.dtype)
    _kernels.assign(at_key(out, key), x)
    return out


# x[key] for a key with an Ellipsis, without which NumPy makes a copy of a single item; and its transpose: zeros of
# `shape` elsewhere.
def slicing(name: str) -> Operation:
    """An operation that gives a view at a key."""
    return linear(
        name, by_bindings(at_key), lambda g, key, shape: apply(_SLICE_BACKWARD, (g,), {"key": key, "shape": shape}),
        batched=moved(key=batching.key),
    )  # fmt: skip


_SLICE = slicing("slice")
_SLICE_BACKWARD: Operation = linear(
    "slice_backward", _filled_in, lambda g, key, shape: apply(_SLICE, (g,), {"key": key, "shape": shape}),
    batched=moved(key=batching.key, shape=batching.shaped),
)  # fmt: skip


def view_at(x: Any, key: Key, operation: Operation = _SLICE) -> Tensor:
    """The view x[key]."""
    return as_view(x, apply(operation, (x,), {"key": key, "shape": x._value.shape}))


def narrow_view(x: Any, dim: int, start: int, stop: int) -> Tensor:
    """The view of x from `start` to `stop` along one dimension."""
    return view_at(x, (*(WHOLE,) * dim, (start, stop, None), Ellipsis))


def between_zeros(x: Any, key: tuple[Any, ...], shape: tuple[int, ...]) -> Tensor:
    """Zeros of a shape with x at a NumPy key of integers, slices, None and an Ellipsis."""
    hashable = tuple([triple(part) if isinstance(part, slice) else part for part in key])
    return apply(_SLICE_BACKWARD, (x,), {"key": hashable, "shape": shape})


_windows = by_bindings(_kernels.windows)


def _from_windows(x: np.ndarray, dim: int, size: int, step: int, length: int) -> np.ndarray:
    """Sums over the windows that an item is in."""
    count = x.shape[dim]
    out = _kernels.zeros((*x.shape[:dim], length, *x.shape[dim + 1 : -1]), x.dtype)
    if size <= step:  # no item is in two
        _kernels.assign(_windows(out, dim, size, step, length), x)
        return out
    along = np.moveaxis(out, dim, -1)
    windows = np.moveaxis(x, dim, -2)
    if size <= count:
        for k in range(size):
            along[..., k : k + step * (count - 1) + 1 : step] += windows[..., k]
    else:
        for k in range(count):
            along[..., k * step : k * step + size] += windows[..., k, :]
    return out


_UNFOLD = linear(
    "unfold", _windows, lambda g, dim, size, step, length: apply(_FOLD, (g,), _window(dim, size, step, length)),
    batched=moved(dim=batching.axes),
)  # fmt: skip
_FOLD: Operation = linear(
    "unfold_backward", half_kernel(_from_windows),
    lambda g, dim, size, step, length: apply(_UNFOLD, (g,), _window(dim, size, step, length)),
    batched=moved(dim=batching.axes),
)  # fmt: skip


def _window(dim: int, size: int, step: int, length: int) -> dict[str, int]:
    return {"dim": dim, "size": size, "step": step, "length": length}


def unfold(x: Any, dimension: int, size: int, step: int) -> Tensor:
    """A view of all windows of a length along one dimension.

    Parameters
    ----------
    x : tensor
    dimension : int
    size : int
        The windows' length.
    step : int
        From one to the next.

    Returns
    -------
    Tensor
        x's shape with the number of windows along the dimension, and a last dimension of length `size`. A view, in
        which windows that overlap share memory.

    Raises
    ------
    IndexError
        If there is no such dimension.
    ValueError
        If the size is negative or more than there is, or the step is less than 1.

    Examples
    --------
    >>> wg.arange(5).unfold(0, 3, 1)
    tensor([[0, 1, 2],
            [1, 2, 3],
            [2, 3, 4]])
    """
    x = enter(x)
    single = not x._value.ndim
    if single:
        x = reshaped(x, (1,))
    shape = x._value.shape
    d = dimension_of("unfold", dimension, len(shape))
    size, step, n = integer("unfold", "size", size), integer("unfold", "step", step), shape[d]
    if not 0 <= size <= n or step < 1:
        raise ValueError(f"unfold: expected 0 <= size <= {n} and step >= 1, got size={size} and step={step}")
    view = as_view(x, apply(_UNFOLD, (x,), {"dim": d, "size": size, "step": step, "length": n}))
    return reshaped(view, (size,)) if single else view


def unsqueeze(x: Any, dim: Any = None, *, axis: Any = None) -> Tensor:
    """A view with a new dimension of length 1.

    Parameters
    ----------
    x : tensor
    dim : int
        Where it stands in the result. Also spelled `axis`.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If `dim` is out of range.

    Examples
    --------
    >>> wg.unsqueeze(wg.ones(3), 0).shape
    wengert.Size([1, 3])
    """
    x = enter(x)
    shape = x._value.shape
    d = dimension("unsqueeze", dim if axis is None else either("unsqueeze", dim, axis), len(shape) + 1)
    return viewed(x, (*shape[:d], 1, *shape[d:]), _UNSQUEEZE)


def squeeze(x: Any, dim: Any = None, *, axis: Any = None) -> Tensor:
    """A view without dimensions of length 1.

    Parameters
    ----------
    x : tensor
    dim : int, tuple of int or None
        Which to remove where their length is 1; None: all; an empty tuple: none. Also spelled `axis`.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If `dim` is out of range.

    Examples
    --------
    >>> wg.squeeze(wg.ones(1, 3, 1)).shape
    wengert.Size([3])
    """
    x = enter(x)
    shape = x._value.shape
    if axis is not None:
        dim = either("squeeze", dim, axis)
    if dim is None:
        return viewed(x, tuple([n for n in shape if n != 1]), _SQUEEZE)
    nothing = isinstance(dim, (tuple, list)) and not dim
    drop = () if nothing else dimensions("squeeze", dim, len(shape))
    return viewed(x, tuple([n for i, n in enumerate(shape) if n != 1 or i not in drop]), _SQUEEZE)


def flatten(x: Any, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """A range of dimensions merged into one.

    Parameters
    ----------
    x : tensor
    start_dim, end_dim : int
        First and last dimension to merge.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If the range is empty.

    Examples
    --------
    >>> wg.flatten(wg.ones(2, 3, 5), 1).shape
    wengert.Size([2, 15])
    """
    x = enter(x)
    shape = x._value.shape
    if not shape:
        return reshape(x, (1,))
    i, j = dimension("flatten", start_dim, len(shape)), dimension("flatten", end_dim, len(shape))
    if i == j:
        return enter(x)
    if i > j:
        raise ValueError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim}")
    return reshaped(x, (*shape[:i], math.prod(shape[i : j + 1]), *shape[j + 1 :]))


def ravel(x: Any) -> Tensor:
    """All items in one dimension, in C order; a view where the strides allow it.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor
        (n,)

    Examples
    --------
    >>> wg.ravel(wg.tensor([[1., 2.], [3., 4.]]))
    tensor([1., 2., 3., 4.])
    """
    return reshape(x, -1)


def unflatten(x: Any, dim: Any = None, sizes: Any = None, *, axis: Any = None) -> Tensor:
    """One dimension split into several.

    Parameters
    ----------
    x : tensor
    dim : int
        Also spelled `axis`.
    sizes : tuple of int
        Their product is the length of the dimension; one of them may be -1.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If the sizes do not multiply to the length.

    Examples
    --------
    >>> wg.unflatten(wg.ones(2, 6), 1, (3, -1)).shape
    wengert.Size([2, 3, 2])
    """
    x = enter(x)
    shape = x._value.shape
    d = dimension("unflatten", either("unflatten", dim, axis), len(shape))
    parts = lengths("unflatten", (), sizes)
    known = math.prod(n for n in parts if n != -1)
    length = shape[d] if shape else 1
    fits = (known and length % known == 0) if -1 in parts else known == length
    if not fits or parts.count(-1) > 1 or min(parts, default=0) < -1:
        raise ValueError(f"unflatten: sizes {parts} do not multiply to the length {length} of dimension {d}")
    whole = tuple(length // known if n == -1 else n for n in parts)
    return reshape(x, shape[:d] + whole + shape[d + 1 :])


def movedim(x: Any, source: Any, destination: Any) -> Tensor:
    """A view with some dimensions moved to other places; the others keep their order.

    Parameters
    ----------
    x : tensor
    source, destination : int or tuple of int
        As many of one as of the other, none twice.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If there are not as many sources as destinations, or one appears twice.

    Examples
    --------
    >>> wg.movedim(wg.ones(2, 3, 5), 0, -1).shape
    wengert.Size([3, 5, 2])
    """
    x = enter(x)
    ndim = x._value.ndim
    ends = []
    for dims in (source, destination):
        found = [dimension("movedim", d, ndim) for d in (dims if isinstance(dims, (tuple, list)) else (dims,))]
        if len(set(found)) != len(found):
            raise ValueError(f"movedim: a dimension appears twice in {dims}")
        ends.append(found)
    if len(ends[0]) != len(ends[1]):
        raise ValueError(f"movedim: {len(ends[0])} source(s) {source} and {len(ends[1])} destination(s) {destination}")
    order = [d for d in range(ndim) if d not in ends[0]]
    for to, d in sorted(zip(ends[1], ends[0], strict=True)):
        order.insert(to, d)
    return permute(x, tuple(order)) if ndim else x


_KEPT: dict[str, Any] = {"keep": True, "reverse": ()}
_IN_C_ORDER: dict[str, Any] = {"keep": False, "reverse": ()}
_CLONE = linear("clone", _copied, lambda g: g, batched=unchanged)


def clone(x: Any) -> Tensor:
    """A differentiable copy of a tensor.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    Tensor
        In C order; a transposed matrix keeps its own.

    Examples
    --------
    >>> x = wg.tensor([1., 2.])
    >>> y = wg.clone(x)
    >>> y[0] = 5
    >>> x
    tensor([1., 2.])
    """
    return apply(_CLONE, (enter(x),), _KEPT)


def contiguous(x: Any) -> Tensor:
    """A differentiable copy of a tensor in C order."""
    return apply(_CLONE, (enter(x),), _IN_C_ORDER)
