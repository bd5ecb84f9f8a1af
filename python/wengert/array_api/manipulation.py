"""Other shapes, and several arrays as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from .._types import Tensor
from ..core import arguments
from ..core.doors import enter
from ..ops import shape as shapes
from .promotion import arrays_of_one_dtype

__all__ = [
    "broadcast_arrays", "broadcast_to", "concat", "expand_dims", "flip", "moveaxis", "permute_dims", "repeat",
    "reshape", "roll", "squeeze", "stack", "tile", "unstack",
]  # fmt: skip


def broadcast_arrays(*arrays: Any) -> tuple[Tensor, ...]:
    """Arrays, broadcast to the shape of all.

    Parameters
    ----------
    *arrays : tensor

    Returns
    -------
    tuple of Tensor
        Views.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.

    Examples
    --------
    >>> [x.shape for x in wg.array_api.broadcast_arrays(wg.ones(3), wg.ones(2, 1))]
    [wengert.Size([2, 3]), wengert.Size([2, 3])]
    """
    return tuple(ops.broadcast_tensors(*arrays))


def broadcast_to(x: Any, /, shape: tuple[int, ...]) -> Tensor:
    """An array, repeated along the dimensions that it lacks or where its length is 1.

    Parameters
    ----------
    x : tensor
    shape : tuple of int

    Returns
    -------
    Tensor
        A view.

    Raises
    ------
    ValueError
        If x's shape does not broadcast to it.

    Examples
    --------
    >>> wg.array_api.broadcast_to(wg.tensor([1, 2]), (2, 2))
    tensor([[1, 2],
            [1, 2]])
    """
    return ops.broadcast_to(x, shape)


def concat(arrays: Sequence[Any], /, *, axis: int | None = 0) -> Tensor:
    """Arrays, one behind the other.

    Parameters
    ----------
    arrays : sequence of tensor
        Of one shape but along the axis.
    axis : int or None
        None: their items in C order.

    Returns
    -------
    Tensor
        Of the dtype that `wengert.array_api.result_type` gives.

    Raises
    ------
    ValueError
        If there is no array, or the shapes do not fit.

    Examples
    --------
    >>> wg.array_api.concat([wg.tensor([1, 2]), wg.tensor([3.])])
    tensor([1., 2., 3.])
    """
    if not len(arrays):
        raise ValueError("concat: expected at least one array")
    found = arrays_of_one_dtype("concat", *map(enter, arrays))
    return ops.cat(found, axis) if axis is not None else ops.cat([ops.ravel(x) for x in found], 0)


def stack(arrays: Sequence[Any], /, *, axis: int = 0) -> Tensor:
    """Arrays along a new dimension.

    Parameters
    ----------
    arrays : sequence of tensor
        Of one shape.
    axis : int
        Where the new dimension is to be.

    Returns
    -------
    Tensor
        Of the dtype that `wengert.array_api.result_type` gives.

    Raises
    ------
    ValueError
        If there is no array, or the shapes differ.

    Examples
    --------
    >>> wg.array_api.stack([wg.tensor([1, 2]), wg.tensor([3, 4])], axis=1)
    tensor([[1, 3],
            [2, 4]])
    """
    if not len(arrays):
        raise ValueError("stack: expected at least one array")
    return ops.stack(arrays_of_one_dtype("stack", *map(enter, arrays)), axis)


def expand_dims(x: Any, /, axis: int = 0) -> Tensor:
    """An array with a new dimension of length 1.

    Parameters
    ----------
    x : tensor
    axis : int
        Where the new dimension is to be.

    Returns
    -------
    Tensor
        A view.

    Raises
    ------
    IndexError
        If there is no such place.

    Examples
    --------
    >>> wg.array_api.expand_dims(wg.ones(2, 3), axis=1).shape
    wengert.Size([2, 1, 3])
    """
    return ops.unsqueeze(x, axis)


def squeeze(x: Any, /, axis: int | tuple[int, ...]) -> Tensor:
    """An array without some dimensions of length 1.

    Parameters
    ----------
    x : tensor
    axis : int or tuple of int

    Returns
    -------
    Tensor
        A view.

    Raises
    ------
    ValueError
        If such a dimension has another length.
    IndexError
        If there is no such dimension.

    Examples
    --------
    >>> wg.array_api.squeeze(wg.ones(1, 3, 1), axis=(0, 2)).shape
    wengert.Size([3])
    """
    x = enter(x)
    axes = () if axis == () else arguments.dimensions("squeeze", axis, x.ndim)
    if any(x._value.shape[k] != 1 for k in axes):
        raise ValueError(f"squeeze: expected dimensions of length 1, got {axis} of the shape {x._value.shape}")
    return ops.squeeze(x, axes) if axes else x


def flip(x: Any, /, *, axis: int | tuple[int, ...] | None = None) -> Tensor:
    """An array with its items in reverse order.

    Parameters
    ----------
    x : tensor
    axis : int, tuple of int or None
        Along which dimensions; None: along all.

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If there is no such dimension.

    Examples
    --------
    >>> wg.array_api.flip(wg.tensor([1, 2, 3]))
    tensor([3, 2, 1])
    """
    x = enter(x)
    return ops.flip(x, tuple(range(x.ndim)) if axis is None else axis)


def moveaxis(x: Any, source: int | tuple[int, ...], destination: int | tuple[int, ...], /) -> Tensor:
    """An array with some dimensions in other places.

    Parameters
    ----------
    x : tensor
    source, destination : int or tuple of int
        Where they are, and where they are to be.

    Returns
    -------
    Tensor
        A view.

    Examples
    --------
    >>> wg.array_api.moveaxis(wg.ones(2, 3, 4), 0, -1).shape
    wengert.Size([3, 4, 2])
    """
    return ops.movedim(x, source, destination)


def permute_dims(x: Any, /, axes: tuple[int, ...]) -> Tensor:
    """An array with its dimensions in another order.

    Parameters
    ----------
    x : tensor
    axes : tuple of int
        The dimensions, in their new order.

    Returns
    -------
    Tensor
        A view.

    Examples
    --------
    >>> wg.array_api.permute_dims(wg.ones(2, 3, 4), (2, 0, 1)).shape
    wengert.Size([4, 2, 3])
    """
    return ops.permute(x, tuple(axes))


def reshape(x: Any, /, shape: tuple[int, ...], *, copy: bool | None = None) -> Tensor:
    """The same items in another shape.

    Parameters
    ----------
    x : tensor
    shape : tuple of int
        One length may be -1: what is left.
    copy : bool or None
        True: always; False: never; None: where needed.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If a copy is needed but forbidden.
    RuntimeError
        If the numbers of items differ.

    Examples
    --------
    >>> wg.array_api.reshape(wg.arange(6), (2, -1))
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    x, shape = enter(x), tuple(shape)
    if copy is False:
        try:
            return shapes.view(x, shape)
        except RuntimeError as error:
            raise ValueError(f"reshape: without a copy it cannot be done; leave out copy=False: {error}") from None
    return ops.reshape(ops.clone(x) if copy else x, shape)


def repeat(x: Any, repeats: Any, /, *, axis: int | None = None) -> Tensor:
    """An array, each item a number of times.

    Parameters
    ----------
    x : tensor
    repeats : int or tensor of int
        How often; of a tensor, for each place along the axis.
    axis : int or None
        None: the items in C order.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.array_api.repeat(wg.tensor([1, 2]), 2)
    tensor([1, 1, 2, 2])
    """
    return ops.repeat_interleave(x, repeats, axis)


def roll(
    x: Any, /, shift: int | tuple[int, ...], *, axis: int | tuple[int, ...] | None = None
) -> Tensor:  # fmt: skip
    """An array with its items moved on; what passes the end comes back at the start.

    Parameters
    ----------
    x : tensor
    shift : int or tuple of int
        By how many places.
    axis : int, tuple of int or None
        Along which dimensions; None: the items in C order.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.array_api.roll(wg.tensor([1, 2, 3]), 1)
    tensor([3, 1, 2])
    """
    if isinstance(axis, tuple) and isinstance(shift, int):
        shift = (shift,) * len(axis)
    return ops.roll(x, shift, axis)


def tile(x: Any, repetitions: tuple[int, ...], /) -> Tensor:
    """An array, a number of times along each dimension.

    Parameters
    ----------
    x : tensor
    repetitions : tuple of int
        How often; dimensions that it does not name are counted once.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.array_api.tile(wg.tensor([1, 2]), (2, 2))
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    return ops.tile(x, tuple(repetitions))


def unstack(x: Any, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """The parts of an array along a dimension, which they no longer have.

    Parameters
    ----------
    x : tensor
    axis : int

    Returns
    -------
    tuple of Tensor
        Views.

    Examples
    --------
    >>> wg.array_api.unstack(wg.tensor([[1, 2], [3, 4]]))
    (tensor([1, 2]), tensor([3, 4]))
    """
    return tuple(ops.unbind(x, axis))
