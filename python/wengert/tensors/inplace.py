"""Methods that change a tensor in place, made of the functions that do not."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from .._types import Tensor
from ..core import define
from ..core.arguments import either
from ..core.broadcast import cast
from ..core.change import exchange, rewrite
from ..core.doors import constant
from ..core.modes import mode
from ..ops import shape
from ..ops.random import randint
from ..ops.scattering import masked_fill
from .conversion import constant_of


def in_place(function: Any) -> Callable[..., Tensor]:
    """The method that replaces a tensor's items by `function` of it."""
    name = f"{function.__name__}_"

    def method(x: Any, *args: Any, **keywords: Any) -> Tensor:
        return rewrite(x, name, lambda old: function(old, *args, **keywords))

    method.__wrapped__ = function  # type: ignore[attr-defined]  # whose signature it shows
    head, _, tail = inspect.cleandoc(function.__doc__ or "").partition("\n\nReturns\n-------\n")
    returns = "Returns\n-------\nTensor\n    This tensor itself, of the dtype it had."
    text = f"`{name[:-1]}` in place: replaces the items of x. {head}\n\n{returns}{tail[tail.find(chr(10) * 2) :]}"
    return define.named(method, name, text)


def fill(x: Tensor, name: str, value: Any) -> Tensor:
    """Set every item to one value."""
    new = constant_of(name, value, x._value.dtype)
    if new._value.ndim:
        raise RuntimeError(f"{name}: expected one value, got a tensor of shape {new._value.shape}; use copy_")
    if new._value.dtype != x._value.dtype:
        new = cast(new, x._value.dtype)
    return rewrite(x, name, lambda old: shape.broadcast_to(new, old._value.shape))


def fill_diagonal_(x: Any, value: Any, wrap: bool = False) -> Tensor:
    """Set the items whose indices are all equal.

    Parameters
    ----------
    value : number
    wrap : bool
        Start again below a matrix that is taller than wide.

    Returns
    -------
    Tensor
        This tensor itself.

    Raises
    ------
    RuntimeError
        If there are fewer than two dimensions.

    Examples
    --------
    >>> wg.zeros(2, 2).fill_diagonal_(5)
    tensor([[5., 0.],
            [0., 5.]])
    """
    if x._value.ndim < 2:
        raise RuntimeError(f"fill_diagonal_: expected two dimensions or more, got shape {x._value.shape}")
    mask = constant(_diagonal, x._value.shape, wrap)
    return rewrite(x, "fill_diagonal_", lambda old: masked_fill(old, mask, value))


def _diagonal(shape: tuple[int, ...], wrap: bool) -> np.ndarray:
    """True where all indices are equal."""
    mask = np.zeros(shape, np.bool_)
    np.fill_diagonal(mask, True, wrap)
    return mask


def random_(x: Tensor, low: int = 0, high: int | None = None, *, generator: Any = None) -> Tensor:
    """Draw integers from `low` up to, but not including, `high`; `random_(high)` starts at 0.

    Parameters
    ----------
    low, high : int
        Without them, from 0 to the largest integer of the dtype, or the largest up to which a floating one counts.
    generator : wengert.Generator or None
        None: the library's own.

    Returns
    -------
    Tensor
        This tensor itself.

    Examples
    --------
    >>> bool((wg.empty(100).random_(3) < 3).all())
    True
    """
    if high is None:
        low, high = 0, low or _count(x._value.dtype)
    return x.copy_(randint(low, high, x._value.shape, generator=generator))


def _count(dtype: np.dtype) -> int:
    """How many integers from 0 a dtype holds, but at most what fits into int64."""
    if dtype.kind == "f":
        return int(2 ** (np.finfo(dtype).nmant + 1) + 1)
    return 2 if dtype.kind == "b" else min(int(np.iinfo(dtype).max) + 1, int(np.iinfo(np.int64).max))


# ---------------------------------------------------------------- changes of shape


def _become(x: Tensor, name: str, view: Tensor) -> Tensor:
    """Let x be a view of itself from here on."""
    if mode.recording and x.requires_grad and x._node is None:
        raise RuntimeError(f"{name}: a leaf that requires a gradient cannot change its shape while recording")
    exchange(x, view)
    x._node = view._node
    return x


def squeeze_(x: Any, dim: Any = None, *, axis: Any = None) -> Tensor:
    """`squeeze` in place: this tensor changes its shape, views of it do not.

    Parameters
    ----------
    dim : int, tuple of int or None
        None: every dimension of length 1.

    Returns
    -------
    Tensor
        This tensor itself.

    Examples
    --------
    >>> wg.zeros(1, 3).squeeze_()
    tensor([0., 0., 0.])
    """
    return _become(x, "squeeze_", shape.squeeze(x, either("squeeze_", dim, axis)))


def unsqueeze_(x: Any, dim: int | None = None, *, axis: int | None = None) -> Tensor:
    """`unsqueeze` in place: this tensor changes its shape, views of it do not.

    Parameters
    ----------
    dim : int

    Returns
    -------
    Tensor
        This tensor itself.

    Raises
    ------
    TypeError
        If neither `dim` nor `axis` is given.

    Examples
    --------
    >>> wg.zeros(3).unsqueeze_(0)
    tensor([[0., 0., 0.]])
    """
    place = either("unsqueeze_", dim, axis)
    if place is None:
        raise TypeError("unsqueeze_: expected the place of the new dimension, dim or axis")
    return _become(x, "unsqueeze_", shape.unsqueeze(x, place))


def transpose_(x: Any, dim0: int, dim1: int) -> Tensor:
    """`transpose` in place: this tensor changes its shape, views of it do not.

    Parameters
    ----------
    dim0, dim1 : int

    Returns
    -------
    Tensor
        This tensor itself.

    Examples
    --------
    >>> wg.tensor([[1, 2], [3, 4]]).transpose_(0, 1)
    tensor([[1, 3],
            [2, 4]])
    """
    return _become(x, "transpose_", shape.transpose(x, dim0, dim1))


def t_(x: Any) -> Tensor:
    """`t` in place: this tensor changes its shape, views of it do not.

    Returns
    -------
    Tensor
        This tensor itself.

    Examples
    --------
    >>> wg.tensor([[1, 2], [3, 4]]).t_()
    tensor([[1, 3],
            [2, 4]])
    """
    return _become(x, "t_", shape.t(x))
