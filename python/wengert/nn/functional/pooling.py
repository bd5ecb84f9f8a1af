"""Pooling: the largest item, the mean or the norm of each window that goes over sequences and pictures."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from ..._types import Tensor
from ...core.arguments import per_dimension, whole
from ...core.broadcast import is_floating
from ...core.doors import enter
from ...ops import arithmetic, functions, pooling
from ...ops.activations import relu
from ...ops.creation import zeros
from ...ops.naming import called
from ...ops.pooling import Window
from ...ops.reduce import mean
from ...ops.scattering import scatter
from ...ops.shape import reshape

Lengths = int | Sequence[int]

# ---------------------------------------------------------------- windows


def _planes(name: str, input: Any, dims: int) -> Tensor:
    """The input as a floating tensor of the right number of dimensions, which only the first may lack items of."""
    x = enter(input)
    shape = x._value.shape
    last = ("length",) if dims == 1 else ("height", "width")
    if len(shape) not in (dims + 1, dims + 2) or 0 in shape[len(shape) - dims - 1 :]:
        each = ", ".join(last)
        raise ValueError(
            f"{name}: expected input of shape (n, channels, {each}) or (channels, {each}), of which only n may be 0; "
            f"got {shape}"
        )
    if not is_floating(x._value.dtype):
        raise TypeError(f"{name}: expected a floating tensor, got {x._value.dtype}; convert it, as in x.float()")
    return x


def _window(
    name: str, shape: tuple[int, ...], kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: Any
) -> Window:
    """The windows over the last dimensions of a shape, of as many as `shape` has."""
    dims = len(shape)
    size = per_dimension(name, "kernel_size", kernel_size, dims, 1)
    unsaid = stride is None or (isinstance(stride, (tuple, list)) and not stride)
    return _fitted(
        name, shape, size, size if unsaid else per_dimension(name, "stride", stride, dims, 1),
        per_dimension(name, "padding", padding, dims, 0), per_dimension(name, "dilation", dilation, dims, 1),
        bool(ceil_mode),
    )  # fmt: skip


@functools.lru_cache(256)  # a step of training asks for the same few
def _fitted(
    name: str, shape: tuple[int, ...], size: tuple[int, ...], step: tuple[int, ...], pad: tuple[int, ...],
    spread: tuple[int, ...], ceil_mode: bool,
) -> Window:  # fmt: skip
    out = []
    for n, k, s, p, d in zip(shape, size, step, pad, spread, strict=True):
        if 2 * p > k:
            raise ValueError(f"{name}: padding of {pad} is more than half of the kernel_size {size}")
        count = (n + 2 * p - d * (k - 1) - 1 + (s - 1 if ceil_mode else 0)) // s + 1
        if ceil_mode and (count - 1) * s >= n + p:
            count -= 1
        if count < 1:
            raise ValueError(
                f"{name}: a window of {(k - 1) * d + 1} items (kernel_size {size}, dilation {spread}) does not fit "
                f"in {n} with {p} of padding on either side; the last dimensions are {shape}"
            )
        out.append(count)
    step = tuple(s if count > 1 else 1 for s, count in zip(step, out, strict=True))  # unused, and perhaps huge
    spread = tuple(d if k > 1 else 1 for d, k in zip(spread, size, strict=True))
    return Window(size, step, pad, spread, tuple(out))


def _adaptive(name: str, shape: tuple[int, ...], output_size: Any) -> Window:
    """As many windows as are asked for; None: as many as there are items."""
    dims = len(shape)
    values = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,) * dims
    if len(values) != dims:
        raise ValueError(f"{name}: expected output_size to be one integer or {dims}, got {output_size}")
    pairs = zip(values, shape, strict=True)
    out = tuple(n if count is None else whole(name, "output_size", count) for count, n in pairs)
    if min(out) < 0:
        raise ValueError(f"{name}: expected output_size of at least 0, got {output_size}")
    if min(out) and not any(n % count for n, count in zip(shape, out, strict=True)):
        size = tuple(n // count for n, count in zip(shape, out, strict=True))
        return Window(size, size, (0,) * dims, (1,) * dims, out)
    return Window((1,) * dims, (1,) * dims, (0,) * dims, (1,) * dims, out, adaptive=True)


def _last(x: Any, dims: int) -> tuple[int, ...]:
    shape: tuple[int, ...] = x._value.shape[-dims:]
    return shape


# ---------------------------------------------------------------- the largest items


def _max_pool(
    dims: int, input: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool,
    return_indices: bool,
) -> Any:  # fmt: skip
    name = f"max_pool{dims}d"
    x = _planes(name, input, dims)
    window = _window(name, _last(x, dims), kernel_size, stride, padding, dilation, ceil_mode)
    return _largest(name, x, window, return_indices)


def _largest(name: str, x: Any, window: Window, return_indices: bool) -> Any:
    if not return_indices:
        return called(name, pooling.max_pool(x, window))
    values, indices = pooling.max_pool_with_indices(x, window)
    return called(name, values), indices


def relu_max_pool(
    dims: int, input: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> Tensor:
    """``max_pool(relu(input))`` in one pass, of which only the places of the largest items are kept."""
    name = f"max_pool{dims}d"
    x = _planes(name, input, dims)
    window = _window(name, _last(x, dims), kernel_size, stride, padding, dilation, ceil_mode)
    return called(name, pooling.max_pool(x, window, relu=True))


def max_pool1d(
    input: Any, kernel_size: Lengths, stride: Lengths | None = None, padding: Lengths = 0, dilation: Lengths = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    """The largest item of each window of a sequence. What lies in the padding is never the largest.

    Parameters
    ----------
    input : tensor
        (n, channels, length) or (channels, length)
    kernel_size : int
        How many items a window has.
    stride : int or None
        How far windows are apart. None: kernel_size.
    padding : int
        How far the first window begins before the first item, and the last may end behind the last: at most half of
        kernel_size.
    dilation : int
        How far items of a window are apart.
    ceil_mode : bool
        Whether items that are left over at the end get a window, which then ends behind them.
    return_indices : bool
        Also give where each item was found.

    Returns
    -------
    Tensor, or a tuple of it and a Tensor of int64
        The gradient goes to the first of equal items.

    Raises
    ------
    ValueError
        If the window does not fit, or a number is out of range.

    Examples
    --------
    >>> wg.nn.functional.max_pool1d(wg.tensor([[1., 3., 2., 5.]]), 2)
    tensor([[3., 5.]])
    """
    return _max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    input: Any, kernel_size: Lengths, stride: Lengths | None = None, padding: Lengths = 0, dilation: Lengths = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    """The largest item of each window of a picture. What lies in the padding is never the largest.

    Parameters
    ----------
    input : tensor
        (n, channels, height, width) or (channels, height, width)
    kernel_size, stride, padding, dilation : int or pair of int
        As in `max_pool1d`, down and across.
    ceil_mode : bool
        Whether items that are left over at the ends get a window, which then ends behind them.
    return_indices : bool
        Also give where each item was found: row * width + column.

    Returns
    -------
    Tensor, or a tuple of it and a Tensor of int64
        The gradient goes to the first of equal items.

    Raises
    ------
    ValueError
        If the window does not fit, or a number is out of range.

    Examples
    --------
    >>> wg.nn.functional.max_pool2d(wg.arange(16.).reshape(1, 4, 4), 2)
    tensor([[[ 5.,  7.],
             [13., 15.]]])
    """
    return _max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def adaptive_max_pool1d(input: Any, output_size: int | None, return_indices: bool = False) -> Any:
    """The largest items of `output_size` windows that cover a sequence evenly.

    Parameters
    ----------
    input : tensor
        (n, channels, length) or (channels, length)
    output_size : int or None
        None: as many as there are items.
    return_indices : bool
        Also give where each item was found.

    Returns
    -------
    Tensor, or a tuple of it and a Tensor of int64

    Examples
    --------
    >>> wg.nn.functional.adaptive_max_pool1d(wg.arange(5.).reshape(1, 5), 3)
    tensor([[1., 3., 4.]])
    """
    x = _planes("adaptive_max_pool1d", input, 1)
    window = _adaptive("adaptive_max_pool1d", _last(x, 1), output_size)
    return _largest("adaptive_max_pool1d", x, window, return_indices)


def adaptive_max_pool2d(
    input: Any, output_size: int | Sequence[int | None] | None, return_indices: bool = False
) -> Any:
    """The largest items of windows that cover a picture evenly.

    Parameters
    ----------
    input : tensor
        (n, channels, height, width) or (channels, height, width)
    output_size : int, None or pair of them
        How many windows there are, down and across. None: as many as there are items.
    return_indices : bool
        Also give where each item was found: row * width + column.

    Returns
    -------
    Tensor, or a tuple of it and a Tensor of int64

    Examples
    --------
    >>> wg.nn.functional.adaptive_max_pool2d(wg.arange(9.).reshape(1, 3, 3), (1, None))
    tensor([[[6., 7., 8.]]])
    """
    x = _planes("adaptive_max_pool2d", input, 2)
    window = _adaptive("adaptive_max_pool2d", _last(x, 2), output_size)
    return _largest("adaptive_max_pool2d", x, window, return_indices)


def _max_unpool(
    dims: int, input: Any, indices: Any, kernel_size: Any, stride: Any, padding: Any, output_size: Any
) -> Tensor:
    name = f"max_unpool{dims}d"
    x, places = _planes(name, input, dims), enter(indices)
    shape = x._value.shape
    if places._value.shape != shape:
        raise ValueError(f"{name}: expected indices of the input's shape {shape}, got {places._value.shape}")
    size = per_dimension(name, "kernel_size", kernel_size, dims, 1)
    step = size if stride is None else per_dimension(name, "stride", stride, dims, 1)
    pad = per_dimension(name, "padding", padding, dims, 0)
    usual = tuple((n - 1) * s - 2 * p + k for n, s, p, k in zip(_last(x, dims), step, pad, size, strict=True))
    out = usual if output_size is None else tuple(output_size)[-dims:]
    if any(not n - s < m < n + s for n, m, s in zip(usual, out, step, strict=True)):
        raise ValueError(f"{name}: output_size {tuple(output_size)} is not within {step} of {usual}")
    lead, count = shape[:-dims], 1
    for n in out:
        count *= n
    blank = zeros(*lead, count, dtype=x._value.dtype)
    flat = (*lead, -1)
    try:
        return reshape(scatter(blank, -1, reshape(places, flat), reshape(x, flat)), (*lead, *out))
    except IndexError as error:
        raise IndexError(f"{name}: an index is not one of the {count} items of a plane of {out}") from error


def max_unpool1d(
    input: Any, indices: Any, kernel_size: Lengths, stride: Lengths | None = None, padding: Lengths = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:  # fmt: skip
    """Zeros, with items where `max_pool1d` found them.

    Parameters
    ----------
    input, indices : tensor
        What `max_pool1d` gives with ``return_indices=True``.
    kernel_size, stride, padding : int
        As they were there.
    output_size : sequence of int or None
        The shape, or its last dimension, that was pooled; several give the same result. None: the smallest.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> z, indices = wg.nn.functional.max_pool1d(wg.tensor([[1., 3., 2., 5.]]), 2, return_indices=True)
    >>> wg.nn.functional.max_unpool1d(z, indices, 2)
    tensor([[0., 3., 0., 5.]])
    """
    return _max_unpool(1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Any, indices: Any, kernel_size: Lengths, stride: Lengths | None = None, padding: Lengths = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:  # fmt: skip
    """Zeros, with items where `max_pool2d` found them.

    Parameters
    ----------
    input, indices : tensor
        What `max_pool2d` gives with ``return_indices=True``.
    kernel_size, stride, padding : int or pair of int
        As they were there.
    output_size : sequence of int or None
        The shape, or its last dimensions, that was pooled; several give the same result. None: the smallest.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> z, indices = wg.nn.functional.max_pool2d(wg.arange(4.).reshape(1, 2, 2), 2, return_indices=True)
    >>> wg.nn.functional.max_unpool2d(z, indices, 2)
    tensor([[[0., 0.],
             [0., 3.]]])
    """
    return _max_unpool(2, input, indices, kernel_size, stride, padding, output_size)


# ---------------------------------------------------------------- means


def _mean(name: str, x: Any, window: Window, with_padding: bool = True, divisor: int | None = None) -> Tensor:
    dims = len(window.out)
    whole_planes = window.size == _last(x, dims) and window.out == (1,) * dims and not any(window.padding)
    if whole_planes and divisor is None:
        return called(name, mean(x, tuple(range(-dims, 0)), True))
    return called(name, pooling.mean_pool(x, window, with_padding, divisor))


def avg_pool1d(
    input: Any, kernel_size: Lengths, stride: Lengths | None = None, padding: Lengths = 0, ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:  # fmt: skip
    """The mean of each window of a sequence.

    Parameters
    ----------
    input : tensor
        (n, channels, length) or (channels, length)
    kernel_size : int
        How many items a window has.
    stride : int or None
        How far windows are apart. None: kernel_size.
    padding : int
        How many zeros are added at either end: at most half of kernel_size.
    ceil_mode : bool
        Whether items that are left over at the end get a window, which then ends behind them.
    count_include_pad : bool
        Whether the zeros of the padding count as items.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If the window does not fit, or a number is out of range.

    Examples
    --------
    >>> wg.nn.functional.avg_pool1d(wg.tensor([[1., 3., 2., 6.]]), 2)
    tensor([[2., 4.]])
    """
    x = _planes("avg_pool1d", input, 1)
    window = _window("avg_pool1d", _last(x, 1), kernel_size, stride, padding, 1, ceil_mode)
    return _mean("avg_pool1d", x, window, bool(count_include_pad))


def avg_pool2d(
    input: Any, kernel_size: Lengths, stride: Lengths | None = None, padding: Lengths = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    """The mean of each window of a picture.

    Parameters
    ----------
    input : tensor
        (n, channels, height, width) or (channels, height, width)
    kernel_size, stride, padding : int or pair of int
        As in `avg_pool1d`, down and across.
    ceil_mode : bool
        Whether items that are left over at the ends get a window, which then ends behind them.
    count_include_pad : bool
        Whether the zeros of the padding count as items.
    divisor_override : int or None
        What sums are divided by, in place of the number of items.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If the window does not fit, or a number is out of range.

    Examples
    --------
    >>> wg.nn.functional.avg_pool2d(wg.arange(16.).reshape(1, 4, 4), 2)
    tensor([[[ 2.5000,  4.5000],
             [10.5000, 12.5000]]])
    """
    x = _planes("avg_pool2d", input, 2)
    window = _window("avg_pool2d", _last(x, 2), kernel_size, stride, padding, 1, ceil_mode)
    if divisor_override is not None and not whole("avg_pool2d", "divisor_override", divisor_override):
        raise ValueError("avg_pool2d: expected a divisor_override other than 0")
    return _mean("avg_pool2d", x, window, bool(count_include_pad), divisor_override)


def adaptive_avg_pool1d(input: Any, output_size: int | None) -> Tensor:
    """The means of `output_size` windows that cover a sequence evenly.

    Parameters
    ----------
    input : tensor
        (n, channels, length) or (channels, length)
    output_size : int or None
        None: as many as there are items.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.nn.functional.adaptive_avg_pool1d(wg.arange(5.).reshape(1, 5), 3)
    tensor([[0.5000, 2.0000, 3.5000]])
    """
    x = _planes("adaptive_avg_pool1d", input, 1)
    return _mean("adaptive_avg_pool1d", x, _adaptive("adaptive_avg_pool1d", _last(x, 1), output_size))


def adaptive_avg_pool2d(input: Any, output_size: int | Sequence[int | None] | None) -> Tensor:
    """The means of windows that cover a picture evenly.

    Parameters
    ----------
    input : tensor
        (n, channels, height, width) or (channels, height, width)
    output_size : int, None or pair of them
        How many windows there are, down and across. None: as many as there are items.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.nn.functional.adaptive_avg_pool2d(wg.arange(9.).reshape(1, 3, 3), 1)
    tensor([[[4.]]])
    """
    x = _planes("adaptive_avg_pool2d", input, 2)
    return _mean("adaptive_avg_pool2d", x, _adaptive("adaptive_avg_pool2d", _last(x, 2), output_size))


# ---------------------------------------------------------------- norms


def _norm(dims: int, input: Any, norm_type: float, kernel_size: Any, stride: Any, ceil_mode: bool) -> Tensor:
    name = f"lp_pool{dims}d"
    x = _planes(name, input, dims)
    window = _window(name, _last(x, dims), kernel_size, stride, 0, 1, ceil_mode)
    p, count = float(norm_type), 1
    for k in window.size:
        count *= k
    means = pooling.mean_pool(functions.cheapest_power(x, p), window, True)
    return functions.cheapest_power(arithmetic.sign(means) * relu(arithmetic.abs(means)) * count, 1.0 / p)


def lp_pool1d(
    input: Any, norm_type: float, kernel_size: Lengths, stride: Lengths | None = None, ceil_mode: bool = False
) -> Tensor:
    """The p-norm of each window of a sequence: (sum of x^p)^(1/p), without magnitudes, as PyTorch has it.

    Parameters
    ----------
    input : tensor
        (n, channels, length) or (channels, length)
    norm_type : float
        p
    kernel_size : int
    stride : int or None
        None: kernel_size.
    ceil_mode : bool
        Whether items that are left over at the end get a window: its mean counts for as many items as others have.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.nn.functional.lp_pool1d(wg.tensor([[3., 4., 6., 8.]]), 2, 2)
    tensor([[ 5., 10.]])
    """
    return _norm(1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(
    input: Any, norm_type: float, kernel_size: Lengths, stride: Lengths | None = None, ceil_mode: bool = False
) -> Tensor:
    """The p-norm of each window of a picture: (sum of x^p)^(1/p), without magnitudes, as PyTorch has it.

    Parameters
    ----------
    input : tensor
        (n, channels, height, width) or (channels, height, width)
    norm_type : float
        p
    kernel_size : int or pair of int
    stride : int, pair of int or None
        None: kernel_size.
    ceil_mode : bool
        Whether items that are left over at the ends get a window: its mean counts for as many items as others have.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.nn.functional.lp_pool2d(wg.full((1, 2, 2), 2.), 2, 2)
    tensor([[[4.]]])
    """
    return _norm(2, input, norm_type, kernel_size, stride, ceil_mode)
