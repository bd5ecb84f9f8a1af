"""Convolution: images seen through a window that moves over them, and its transpose.

Images x, weights w and maps y are tied by a form that is linear in each of the three (csrc/wengert.h). Its derivatives
by y, x and w are the three operations here, each bilinear, and the rules of each are the other two: so derivatives of
any order are convolutions. Convolution in one dimension is that of images of height 1.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core import broadcast
from ..core.arguments import MOST, per_dimension, whole
from ..core.batching import Batch, full
from ..core.define import bilinear, primitive
from ..core.doors import enter
from ..core.half import half_kernel
from ..core.named import NamedTuple
from ..core.signatures import tells
from ..core.tape import Operation, apply
from .activations import relu_taken
from .products import of_one_dtype
from .reduce import SUM
from .shape import reshape, reshaped

__all__ = ["conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d"]

_relu = _kernels.Elementwise("relu")

Sizes = tuple[int, ...]


class Window(NamedTuple):
    """How images, weights and maps are tied: pairs, of height and width, and the number of groups."""

    stride: Sizes
    padding: Sizes  # before; what comes after follows from the sizes
    dilation: Sizes
    groups: int
    image: Sizes
    kernel: Sizes
    map: Sizes


# ---------------------------------------------------------------- the kernels, in one dimension and in two


def _high(x: np.ndarray) -> np.ndarray:
    """Lines as images of height 1."""
    return x[:, :, None] if x.ndim == 3 else x


def _as_given(z: np.ndarray, given: np.ndarray) -> np.ndarray:
    return z[:, :, 0] if given.ndim == 3 else z


@half_kernel
def _conv(x: np.ndarray, w: np.ndarray, window: Window) -> np.ndarray:
    return _as_given(_kernels.conv(_high(x), _high(w), window), x)


@half_kernel
def _conv_input(x: np.ndarray, y: np.ndarray, window: Window) -> np.ndarray:
    return _as_given(_kernels.conv_input(_high(x), _high(y), window), x)


@half_kernel
def _conv_weight(x: np.ndarray, y: np.ndarray, window: Window) -> np.ndarray:
    return _as_given(_kernels.conv_weight(_high(x), _high(y), window), x)


@half_kernel
def _conv_bias(x: np.ndarray, w: np.ndarray, b: np.ndarray, window: Window) -> np.ndarray:
    return _as_given(_kernels.conv(_high(x), _high(w), window, b), x)


@half_kernel
def _conv_relu(x: np.ndarray, w: np.ndarray, b: np.ndarray, window: Window) -> np.ndarray:
    return _as_given(_kernels.conv(_high(x), _high(w), window, b, True), x)


# Of batches: examples become images where the weights are the same for all, and else channels.


def _merged(batch: Batch, arrays: list[Any]) -> list[Any]:
    """The arrays with the batch as one dimension in front, where they have one."""
    lead, count = len(batch.lengths), math.prod(batch.lengths)
    return [
        full(x, batch, True).reshape((count, *x.shape[lead:])) if has else x
        for x, has in zip(arrays, batch.having, strict=True)
    ]


def _as_images(kernel: Any, batch: Batch, x: np.ndarray, w: np.ndarray, window: Window) -> np.ndarray:
    """Of examples with the same weights."""
    z: np.ndarray = kernel(x.reshape((x.shape[0] * x.shape[1], *x.shape[2:])), w, window)
    return z.reshape((*batch.lengths, x.shape[1], *z.shape[1:]))


def _into_channels(x: np.ndarray, count: int, has: bool) -> np.ndarray:
    """(n, count * channels, ...) of a batch of images, or of the same ones for every example."""
    if not has:
        x = np.broadcast_to(x, (count, *x.shape))
    x = x.swapaxes(0, 1)
    return x.reshape((x.shape[0], count * x.shape[2], *x.shape[3:]))


def _from_channels(z: np.ndarray, batch: Batch, count: int) -> np.ndarray:
    """The batch in front again."""
    parted = z.reshape((z.shape[0], count, z.shape[1] // count, *z.shape[2:])).swapaxes(0, 1)
    return parted.reshape((*batch.lengths, *parted.shape[1:]))


def _each_conv(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> np.ndarray:
    """Of conv, whose result's channels are those of the weights, and of conv_input."""
    x, w = _merged(batch, arrays)
    window, (has_x, has_w) = static["window"], batch.having
    if not has_w:
        return _as_images(kernel, batch, x, w, window)
    count = w.shape[0]
    w = w.reshape((count * w.shape[1], *w.shape[2:]))
    if kernel is _conv and not has_x and window.groups == 1:  # more channels of the same images
        return _from_channels(kernel(x, w, window), batch, count)
    many = window._replace(groups=count * window.groups)
    return _from_channels(kernel(_into_channels(x, count, has_x), w, many), batch, count)


def _each_conv_bias(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> np.ndarray:
    x, w, b = arrays
    if batch.having[0] or batch.having[1]:
        z = _each_conv(_conv, Batch(batch.name, batch.lengths, batch.having[:2]), [x, w], static)
        ndim = z.ndim - len(batch.lengths)
    else:
        z = _conv(x, w, **static)
        ndim = z.ndim
    b = full(b, batch, batch.having[2])
    found: np.ndarray = np.add(z, b.reshape((*batch.lengths, 1, b.shape[-1], *(1,) * (ndim - 2))))
    return found


def _each_conv_relu(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> np.ndarray:
    found: np.ndarray = _relu(_each_conv_bias(_conv_bias, batch, arrays, static))
    return found


def _each_weight(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> np.ndarray:
    x, y = _merged(batch, arrays)
    window, (has_x, has_y) = static["window"], batch.having
    count = x.shape[0] if has_x else y.shape[0]
    if window.groups == 1 and not has_y:
        return _from_channels(kernel(_into_channels(x, count, True), y, window), batch, count)
    y = _into_channels(y, count, has_y)
    if window.groups > 1 or has_x:
        x = _into_channels(x, count, has_x)
        window = window._replace(groups=count * window.groups)
    z: np.ndarray = kernel(x, y, window)
    return z.reshape((*batch.lengths, z.shape[0] // count, *z.shape[1:]))


# ---------------------------------------------------------------- the operations


def _by_window(operation: Operation, x: Any, y: Any, window: Window) -> Tensor:
    return apply(operation, (x, y), {"window": window})


CONV: Operation = bilinear(
    "conv", _conv,
    lambda g, y, window: _by_window(CONV_INPUT, g, y, window),
    lambda g, x, window: _by_window(CONV_WEIGHT, x, g, window), batched=_each_conv,
)  # fmt: skip


CONV_INPUT: Operation = bilinear(
    "conv_input", _conv_input,
    lambda g, y, window: _by_window(CONV, g, y, window),
    lambda g, x, window: _by_window(CONV_WEIGHT, g, x, window), batched=_each_conv,
)  # fmt: skip


CONV_WEIGHT: Operation = bilinear(
    "conv_weight", _conv_weight,
    lambda g, y, window: _by_window(CONV_INPUT, y, g, window),
    lambda g, x, window: _by_window(CONV, x, g, window), batched=_each_weight,
)  # fmt: skip


def _channel_sums(g: Any) -> Tensor:
    """The bias's cotangent."""
    shape = g._value.shape
    return apply(SUM, (g,), {"dims": (0, *range(2, len(shape))), "keepdim": False, "shape": shape})


def _per_channel(b: Any, ndim: int) -> Tensor:
    """One number per channel, as it broadcasts with maps."""
    return reshaped(b, (b._value.shape[0], *(1,) * (ndim - 2)))


def _everywhere(b: Any, x: Any, window: Window) -> Tensor:
    """One number per channel as the maps of images x; a rule that asked for maps would keep them."""
    shape = (x._value.shape[0], b._value.shape[0], *window.map[4 - x._value.ndim :])
    return broadcast.broadcast_to(_per_channel(b, len(shape)), shape)


_CONV_BIAS_RULES: tuple[tuple[Any, ...], tuple[Any, ...]] = (
    (
        lambda g, w, window: _by_window(CONV_INPUT, g, w, window),
        lambda g, x, window: _by_window(CONV_WEIGHT, x, g, window), lambda g: _channel_sums(g),
    ),
    (
        lambda t, w, window: _by_window(CONV, t, w, window), lambda t, x, window: _by_window(CONV, x, t, window),
        lambda t, x, window: _everywhere(t, x, window),
    ),
)  # fmt: skip
_CONV_BIAS = primitive("conv", _conv_bias, *_CONV_BIAS_RULES, ("x", "w", "b"), batched=_each_conv_bias)


# What relu_taken is of.
_CONV_BEFORE_RELU = primitive(
    "conv", _conv_relu, *_CONV_BIAS_RULES, ("x", "w", "b"), batched=_each_conv_relu
)


# ---------------------------------------------------------------- the functions


def _check_shapes(
    name: str, dims: int, shape: Sizes, weight: Sizes, bias: Sizes | None, groups: int, transposed: bool
) -> None:
    sizes = "length" if dims == 1 else "height, width"
    if len(weight) != dims + 2:
        first, second = ("in", "out") if transposed else ("out", "in")
        raise ValueError(
            f"{name}: expected a weight ({first}_channels, {second}_channels / groups, {sizes} of the kernel), got "
            f"shape {weight}"
        )
    if len(shape) not in (dims + 1, dims + 2):
        raise ValueError(f"{name}: expected input of shape (n, channels, {sizes}) or (channels, {sizes}), got {shape}")
    if groups < 1 or weight[0] % groups or groups > MOST:
        raise ValueError(
            f"{name}: a weight of shape {weight} does not make {groups} groups; its first length must be a multiple"
        )
    channels, wanted = shape[-dims - 1], weight[0] if transposed else weight[1] * groups
    if channels != wanted:
        raise ValueError(
            f"{name}: a weight of shape {weight} with groups={groups} needs input of {wanted} channels, got {channels} "
            f"in shape {shape}"
        )
    out = weight[1] * groups if transposed else weight[0]
    if bias not in (None, (out,)):
        raise ValueError(f"{name}: a weight of shape {weight} needs a bias of shape {(out,)}, got {bias}")


def _operands(name: str, x: Any, w: Any, b: Any) -> tuple[Any, ...]:
    """Images, weights and perhaps a bias, of one dtype."""
    given = (enter(x), enter(w)) if b is None else (enter(x), enter(w), enter(b))
    dtype = given[0]._value.dtype
    if dtype.kind == "f" and all(v._value.dtype is dtype for v in given):
        return given
    if any(v._value.dtype.kind != "f" for v in given):
        raise TypeError(f"{name}: expected floating tensors, got {', '.join(str(v._value.dtype) for v in given)}")
    return of_one_dtype(*given)


@functools.lru_cache(256)  # a step of training asks for the same few
def _window_of(
    name: str, dims: int, shape: Sizes, weight: Sizes, bias: Sizes | None, stride: Sizes, padding: Sizes | str,
    dilation: Sizes, groups: int,
) -> Window:  # fmt: skip
    """The window of a convolution, with the size of its maps; the shapes are checked."""
    _check_shapes(name, dims, shape, weight, bias, groups, False)
    image, kernel = shape[-dims:], weight[2:]
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    before, outer = [], []
    for d, (n, span) in enumerate(zip(image, spans, strict=True)):
        first = padding[d] if not isinstance(padding, str) else (span - 1) // 2 if padding == "same" else 0
        around = 2 * first if not isinstance(padding, str) else span - 1 if padding == "same" else 0
        before.append(first)
        outer.append(n + around)
    if 0 in kernel or any(n < span for n, span in zip(outer, spans, strict=True)):
        raise ValueError(
            f"{name}: a kernel of {kernel} with dilation {dilation} must have items, and not span more than the padded "
            f"image; it spans {tuple(spans)} of {tuple(outer)}"
        )
    size = tuple([(n - span) // s + 1 for n, span, s in zip(outer, spans, stride, strict=True)])
    return _in_two_dimensions(Window(stride, tuple(before), dilation, groups, image, kernel, size))


def _in_two_dimensions(window: Window) -> Window:
    if len(window.kernel) == 2:
        return window
    stride, padding, dilation, groups, image, kernel, size = window
    return Window((1, *stride), (0, *padding), (1, *dilation), groups, (1, *image), (1, *kernel), (1, *size))


def padding_of(name: str, padding: Any, stride: Sizes, dims: int) -> Sizes | str:
    """A padding, checked: numbers, or the word that stands for them."""
    if not isinstance(padding, str):
        return per_dimension(name, "padding", padding, dims, 0)
    if padding not in ("same", "valid"):
        raise ValueError(f'{name}: expected padding to be a number, "same" or "valid", got {padding!r}')
    if padding == "same" and max(stride) > 1:
        raise ValueError(f'{name}: padding="same" keeps the size with stride 1 only, got stride {stride}')
    return padding


def _convolution(
    name: str, dims: int, x: Any, w: Any, b: Any, stride: Any, padding: Any, dilation: Any, groups: int,
    relu: bool = False,
) -> Tensor:  # fmt: skip
    given = _operands(name, x, w, b)
    shapes = [v._value.shape for v in given]
    stride = per_dimension(name, "stride", stride, dims, 1)
    window = _window_of(
        name, dims, shapes[0], shapes[1], None if b is None else shapes[2], stride,
        padding_of(name, padding, stride, dims), per_dimension(name, "dilation", dilation, dims, 1),
        whole(name, "groups", groups),
    )  # fmt: skip
    operation = CONV if b is None else _CONV_BEFORE_RELU if relu else _CONV_BIAS
    alone = len(shapes[0]) == dims + 1
    if alone:
        given = (reshape(given[0], (1, *shapes[0])), *given[1:])
    z = apply(operation, given, {"window": window})
    if relu:
        z = apply(relu_taken, (z,))
    return reshape(z, z._value.shape[1:]) if alone else z


def _transposed(
    name: str, dims: int, x: Any, w: Any, b: Any, stride: Any, padding: Any, output_padding: Any, groups: int,
    dilation: Any,
) -> Tensor:  # fmt: skip
    x, w, *rest = _operands(name, x, w, b)
    groups = whole(name, "groups", groups)
    _check_shapes(
        name, dims, x._value.shape, w._value.shape, rest[0]._value.shape if rest else None, groups, True
    )  # fmt: skip
    single = x._value.ndim == dims + 1
    if single:
        x = reshape(x, (1, *x._value.shape))
    stride, dilation = (
        per_dimension(name, what, given, dims, 1) for what, given in (("stride", stride), ("dilation", dilation))
    )
    padding, more = (
        per_dimension(name, what, given, dims, 0)
        for what, given in (("padding", padding), ("output_padding", output_padding))
    )
    size, kernel = x._value.shape[2:], w._value.shape[2:]
    if any(p >= max(s, d) for p, s, d in zip(more, stride, dilation, strict=True)):
        raise ValueError(f"{name}: output_padding {more} must be smaller than stride {stride} or dilation {dilation}")
    image = tuple([
        (n - 1) * s - 2 * p + d * (k - 1) + 1 + o
        for n, s, p, d, k, o in zip(size, stride, padding, dilation, kernel, more, strict=True)
    ])  # fmt: skip
    if 0 in kernel or 0 in size or min(image) < 1:
        raise ValueError(
            f"{name}: input of size {size}, a kernel of {kernel}, stride {stride} and padding {padding} make an output "
            f"of size {image}, which must be at least 1"
        )
    window = _in_two_dimensions(Window(stride, padding, dilation, int(groups), image, kernel, size))
    z = _by_window(CONV_INPUT, x, w, window)
    if rest:
        z = z + _per_channel(rest[0], dims + 2)
    return reshape(z, z._value.shape[1:]) if single else z


@tells
def conv1d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Tensor:
    """Each kernel laid over each place of a line, item times item, and summed up.

    Parameters
    ----------
    input : tensor
        (n, in_channels, length) or (in_channels, length)
    weight : tensor
        (out_channels, in_channels / groups, kernel)
    bias : tensor or None
        (out_channels,)
    stride : int or tuple of int
        How far the kernel moves.
    padding : int, tuple of int, "same" or "valid"
        How many zeros stand before and after the line; "same": as many as keep its length; "valid": none.
    dilation : int or tuple of int
        How far apart the kernel's items are.
    groups : int
        Into how many parts both channels are divided: each part of the result sees one of the input.

    Returns
    -------
    Tensor
        (n, out_channels, places) or (out_channels, places)

    Raises
    ------
    ValueError
        If the shapes do not fit, or the kernel is longer than the padded line.
    TypeError
        If a tensor is not of a floating dtype.

    Examples
    --------
    >>> wg.conv1d(wg.tensor([[1., 2., 4., 8.]]), wg.tensor([[[-1., 1.]]]))
    tensor([[1., 2., 4.]])
    """
    return _convolution("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


@tells
def conv2d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Tensor:
    """Each kernel laid over each place of an image, item times item, and summed up.

    Parameters
    ----------
    input : tensor
        (n, in_channels, height, width) or (in_channels, height, width)
    weight : tensor
        (out_channels, in_channels / groups, kernel height, kernel width)
    bias : tensor or None
        (out_channels,)
    stride : int or tuple of int
        How far the kernel moves.
    padding : int, tuple of int, "same" or "valid"
        How many zeros stand before and after each row and column; "same": as many as keep the size; "valid": none.
    dilation : int or tuple of int
        How far apart the kernel's items are.
    groups : int
        Into how many parts both channels are divided: each part of the result sees one of the input.

    Returns
    -------
    Tensor
        (n, out_channels, rows, columns) or (out_channels, rows, columns)

    Raises
    ------
    ValueError
        If the shapes do not fit, or the kernel is larger than the padded image.
    TypeError
        If a tensor is not of a floating dtype.

    Examples
    --------
    >>> image = wg.tensor([[[1., 1., 0., 0.], [1., 1., 0., 0.]]])
    >>> wg.conv2d(image, wg.tensor([[[[1., -1.]]]]))
    tensor([[[0., 1., 0.],
             [0., 1., 0.]]])
    """
    return _convolution("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


def conv_relu(
    dims: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Tensor:  # fmt: skip
    """``relu`` of what `conv1d` or `conv2d` gives with a bias, in one pass."""
    return _convolution(f"conv{dims}d", dims, input, weight, bias, stride, padding, dilation, groups, relu=True)


@tells
def conv_transpose1d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    groups: int = 1, dilation: Any = 1,
) -> Tensor:  # fmt: skip
    """The transpose of `conv1d` in its input: each item times a kernel, summed where they overlap.

    Parameters
    ----------
    input : tensor
        (n, in_channels, length) or (in_channels, length)
    weight : tensor
        (in_channels, out_channels / groups, kernel)
    bias : tensor or None
        (out_channels,)
    stride : int or tuple of int
        How far apart the kernels are laid.
    padding : int or tuple of int
        How many items are left out at both ends.
    output_padding : int or tuple of int
        How many more items there are at the end: several lengths have the same convolution.
    groups : int
    dilation : int or tuple of int

    Returns
    -------
    Tensor
        (n, out_channels, items) or (out_channels, items)

    Raises
    ------
    ValueError
        If the shapes do not fit.
    TypeError
        If a tensor is not of a floating dtype.

    Examples
    --------
    >>> wg.conv_transpose1d(wg.tensor([[1., 2.]]), wg.tensor([[[1., 10., 100.]]]))
    tensor([[  1.,  12., 120., 200.]])
    """
    return _transposed("conv_transpose1d", 1, input, weight, bias, stride, padding, output_padding, groups, dilation)


@tells
def conv_transpose2d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    groups: int = 1, dilation: Any = 1,
) -> Tensor:  # fmt: skip
    """The transpose of `conv2d` in its input: each item times a kernel, summed where they overlap.

    Parameters
    ----------
    input : tensor
        (n, in_channels, height, width) or (in_channels, height, width)
    weight : tensor
        (in_channels, out_channels / groups, kernel height, kernel width)
    bias : tensor or None
        (out_channels,)
    stride : int or tuple of int
        How far apart the kernels are laid.
    padding : int or tuple of int
        How many items are left out on all sides.
    output_padding : int or tuple of int
        How many more rows and columns there are at the end: several sizes have the same convolution.
    groups : int
    dilation : int or tuple of int

    Returns
    -------
    Tensor
        (n, out_channels, rows, columns) or (out_channels, rows, columns)

    Raises
    ------
    ValueError
        If the shapes do not fit.
    TypeError
        If a tensor is not of a floating dtype.

    Examples
    --------
    >>> wg.conv_transpose2d(wg.ones(1, 2, 2), wg.ones(1, 1, 2, 2), stride=2).shape
    wengert.Size([1, 4, 4])
    """
    return _transposed("conv_transpose2d", 2, input, weight, bias, stride, padding, output_padding, groups, dilation)
