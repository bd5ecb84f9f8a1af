"""Methods that change a tensor in place, made of the functions that do not."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._types import Tensor
from ..core import define, dtypes
from ..core.arguments import either
from ..core.broadcast import cast
from ..core.change import exchange, rewrite
from ..core.doors import constant, enter, leave
from ..core.modes import mode
from ..ops import shape
from ..ops.arithmetic import ceil, clamp_min
from ..ops.functions import exp, log1p, tan
from ..ops.random import rand, randint, randn
from ..ops.scattering import masked_fill
from .conversion import constant_of


def in_place(function: Any) -> Callable[..., Tensor]:
    """The method that replaces a tensor's items by `function` of it."""
    name = f"{function.__name__}_"

    def method(x: Any, *args: Any, **keywords: Any) -> Tensor:
        return rewrite(x, name, lambda old: function(old, *args, **keywords))

    method.__wrapped__ = function  # type: ignore[attr-defined]  # whose signature it shows
    doc = function.__doc__ or ""
    if "\n    Returns\n" in doc:  # `inspect.cleandoc` takes a tenth of a tensor's import
        doc = doc.replace("\n    ", "\n").rstrip()
    head, _, tail = doc.partition("\n\nReturns\n-------\n")
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


def log_normal_(x: Any, mean: float = 1.0, std: float = 2.0, *, generator: Any = None) -> Tensor:
    """Draw numbers whose logarithms are normally distributed.

    Parameters
    ----------
    mean, std : float
        Of the logarithms; std is above 0.
    generator : wengert.Generator or None
        None: the library's own.

    Returns
    -------
    Tensor
        This tensor itself.

    Raises
    ------
    ValueError
        If std is not above 0.
    TypeError
        If the tensor is not floating.

    Examples
    --------
    >>> bool((wg.empty(100).log_normal_() > 0).all())
    True
    """
    if not std > 0:
        raise ValueError(f"log_normal_: expected std above 0, got {std}")
    changed: Tensor = x.copy_(exp(_drawn("log_normal_", x, randn, generator) * std + mean))
    return changed


def cauchy_(x: Any, median: float = 0.0, sigma: float = 1.0, *, generator: Any = None) -> Tensor:
    """Draw numbers from Cauchy's distribution.

    Parameters
    ----------
    median, sigma : float
        Sigma, half of the width at half of the height, is above 0.
    generator : wengert.Generator or None
        None: the library's own.

    Returns
    -------
    Tensor
        This tensor itself.

    Raises
    ------
    ValueError
        If sigma is not above 0.
    TypeError
        If the tensor is not floating.

    Examples
    --------
    >>> wg.empty(100).cauchy_().shape
    wengert.Size([100])
    """
    if not sigma > 0:
        raise ValueError(f"cauchy_: expected sigma above 0, got {sigma}")
    changed: Tensor = x.copy_(tan((_drawn("cauchy_", x, rand, generator) - 0.5) * math.pi) * sigma + median)
    return changed


def geometric_(x: Any, p: float, *, generator: Any = None) -> Tensor:
    """Draw how many trials it takes to succeed once.

    Parameters
    ----------
    p : float
        Of success; between 0 and 1, both excluded.
    generator : wengert.Generator or None
        None: the library's own.

    Returns
    -------
    Tensor
        This tensor itself.

    Raises
    ------
    ValueError
        If p is not between 0 and 1.

    Examples
    --------
    >>> bool((wg.empty(100).geometric_(0.5) >= 1).all())
    True
    """
    if not 0 < p < 1:
        raise ValueError(f"geometric_: expected p between 0 and 1, both excluded, got {p}")
    u = rand(x._value.shape, dtype=dtypes.float64, generator=generator)
    changed: Tensor = x.copy_(clamp_min(ceil(log1p(-u) / math.log1p(-p)), 1))
    return changed


def _drawn(name: str, x: Any, draw: Callable[..., Any], generator: Any) -> Any:
    """Numbers of x's shape and dtype from the generator."""
    if x._value.dtype.kind != "f":
        raise TypeError(f"{name}: expected a floating tensor, got {x._value.dtype}; convert it, as in x.float()")
    return draw(x._value.shape, dtype=x._value.dtype, generator=generator)


def _each(x: Any, name: str, function: Callable[..., Any], others: tuple[Any, ...]) -> Tensor:
    """Replace x's items by what a Python function gives for them and those of others."""
    if x.requires_grad:
        raise RuntimeError(f"{name}: a Python function of numbers has no derivative; detach() the tensor first")
    shape, arrays = x._value.shape, [leave(y, "array") for y in (x, *map(enter, others))]
    columns = [np.broadcast_to(array, shape).ravel().tolist() for array in arrays]
    found = [function(*items) for items in zip(*columns, strict=True)]
    changed: Tensor = x.copy_(enter(np.array(found, x._value.dtype).reshape(shape)))
    return changed


def apply_(x: Any, callable: Callable[[Any], Any]) -> Tensor:
    """Replace each item by what a Python function gives for it: slow, and for numbers alone.

    Parameters
    ----------
    callable : function
        Of one number; gives a number.

    Returns
    -------
    Tensor
        This tensor itself.

    Raises
    ------
    RuntimeError
        If the tensor requires a gradient.

    Examples
    --------
    >>> wg.tensor([1., 2.]).apply_(lambda v: v * 10)
    tensor([10., 20.])
    """
    return _each(x, "apply_", callable, ())


def map_(x: Any, tensor: Any, callable: Callable[[Any, Any], Any]) -> Tensor:
    """Replace each item by what a Python function gives for it and another tensor's.

    Parameters
    ----------
    tensor : tensor
        Of a shape that broadcasts to this one.
    callable : function
        Of two numbers; gives a number.

    Returns
    -------
    Tensor
        This tensor itself.

    Raises
    ------
    RuntimeError
        If the tensor requires a gradient.

    Examples
    --------
    >>> wg.tensor([1., 2.]).map_(wg.tensor([3., 4.]), lambda v, w: v * w)
    tensor([3., 8.])
    """
    return _each(x, "map_", callable, (tensor,))


def map2_(x: Any, tensor1: Any, tensor2: Any, callable: Callable[[Any, Any, Any], Any]) -> Tensor:
    """Replace each item by what a Python function gives for it and those of two other tensors.

    Parameters
    ----------
    tensor1, tensor2 : tensor
        Of shapes that broadcast to this one.
    callable : function
        Of three numbers; gives a number.

    Returns
    -------
    Tensor
        This tensor itself.

    Raises
    ------
    RuntimeError
        If the tensor requires a gradient.

    Examples
    --------
    >>> wg.tensor([1., 2.]).map2_(wg.tensor(3.), wg.tensor(4.), lambda v, w, z: v + w + z)
    tensor([8., 9.])
    """
    return _each(x, "map2_", callable, (tensor1, tensor2))


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
