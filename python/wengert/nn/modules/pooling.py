"""Pooling as modules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...tensors.tensor import Tensor
from .. import functional as F
from ..functional.pooling import relu_max_pool
from .module import Module

Lengths = int | Sequence[int]


class MaxPool(Module):
    """The largest item of each window."""

    _dims = 1

    def __init__(
        self, kernel_size: Lengths, stride: Lengths | None = None, padding: Lengths = 0, dilation: Lengths = 1,
        return_indices: bool = False, ceil_mode: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def after_relu(self, input: Any) -> Any:
        """What `forward` gives of relu(input), in one pass."""
        return relu_max_pool(
            self._dims, input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode
        )

    def extra_repr(self) -> str:
        """The windows."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, dilation={self.dilation}, "
            f"ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(MaxPool):
    """The largest item of each window of a sequence.

    Parameters
    ----------
    kernel_size, stride, padding, dilation : int
        As in `wengert.nn.functional.max_pool1d`.
    return_indices : bool
        Also give where each item was found.
    ceil_mode : bool
        Whether items that are left over at the end get a window.

    Examples
    --------
    >>> wg.nn.MaxPool1d(2)(wg.tensor([[1., 3., 2., 5.]]))
    tensor([[3., 5.]])
    """

    def forward(self, input: Any) -> Any:
        """The largest items, and, if asked for, where they are."""
        return F.max_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )


class MaxPool2d(MaxPool):
    """The largest item of each window of a picture.

    Parameters
    ----------
    kernel_size, stride, padding, dilation : int or pair of int
        As in `wengert.nn.functional.max_pool2d`.
    return_indices : bool
        Also give where each item was found.
    ceil_mode : bool
        Whether items that are left over at the ends get a window.

    Examples
    --------
    >>> wg.nn.MaxPool2d(2)(wg.arange(16.).reshape(1, 4, 4))
    tensor([[[ 5.,  7.],
             [13., 15.]]])
    """

    _dims = 2

    def forward(self, input: Any) -> Any:
        """The largest items, and, if asked for, where they are."""
        return F.max_pool2d(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )


class _MaxUnpool(Module):
    """Zeros, with items where max pooling found them."""

    def __init__(
        self, kernel_size: Lengths, stride: Lengths | None = None, padding: Lengths = 0, dims: int = 1
    ) -> None:
        super().__init__()
        self.kernel_size = _each(kernel_size, dims)
        self.stride = _each(kernel_size if stride is None else stride, dims)
        self.padding = _each(padding, dims)

    def extra_repr(self) -> str:
        """The windows."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


def _each(n: Any, dims: int) -> tuple[Any, ...]:
    return tuple(n) if isinstance(n, (tuple, list)) else (n,) * dims


class MaxUnpool1d(_MaxUnpool):
    """Zeros, with items where `MaxPool1d` found them.

    Parameters
    ----------
    kernel_size, stride, padding : int
        As they were there.

    Examples
    --------
    >>> z, indices = wg.nn.MaxPool1d(2, return_indices=True)(wg.tensor([[1., 3., 2., 5.]]))
    >>> wg.nn.MaxUnpool1d(2)(z, indices)
    tensor([[0., 3., 0., 5.]])
    """

    def __init__(self, kernel_size: Lengths, stride: Lengths | None = None, padding: Lengths = 0) -> None:
        super().__init__(kernel_size, stride, padding, 1)

    def forward(self, input: Any, indices: Any, output_size: Sequence[int] | None = None) -> Tensor:
        """The items in their places."""
        return F.max_unpool1d(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool2d(_MaxUnpool):
    """Zeros, with items where `MaxPool2d` found them.

    Parameters
    ----------
    kernel_size, stride, padding : int or pair of int
        As they were there.

    Examples
    --------
    >>> z, indices = wg.nn.MaxPool2d(2, return_indices=True)(wg.arange(4.).reshape(1, 2, 2))
    >>> wg.nn.MaxUnpool2d(2)(z, indices)
    tensor([[[0., 0.],
             [0., 3.]]])
    """

    def __init__(self, kernel_size: Lengths, stride: Lengths | None = None, padding: Lengths = 0) -> None:
        super().__init__(kernel_size, stride, padding, 2)

    def forward(self, input: Any, indices: Any, output_size: Sequence[int] | None = None) -> Tensor:
        """The items in their places."""
        return F.max_unpool2d(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class AvgPool1d(Module):
    """The mean of each window of a sequence.

    Parameters
    ----------
    kernel_size, stride, padding : int
        As in `wengert.nn.functional.avg_pool1d`.
    ceil_mode : bool
        Whether items that are left over at the end get a window.
    count_include_pad : bool
        Whether the zeros of the padding count as items.

    Examples
    --------
    >>> wg.nn.AvgPool1d(2)(wg.tensor([[1., 3., 2., 6.]]))
    tensor([[2., 4.]])
    """

    def __init__(
        self, kernel_size: Lengths, stride: Lengths | None = None, padding: Lengths = 0, ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size = _each(kernel_size, 1)
        self.stride = _each(kernel_size if stride is None else stride, 1)
        self.padding = _each(padding, 1)
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, input: Any) -> Tensor:
        """The means."""
        return F.avg_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )  # fmt: skip

    def extra_repr(self) -> str:
        """The windows."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(Module):
    """The mean of each window of a picture.

    Parameters
    ----------
    kernel_size, stride, padding : int or pair of int
        As in `wengert.nn.functional.avg_pool2d`.
    ceil_mode : bool
        Whether items that are left over at the ends get a window.
    count_include_pad : bool
        Whether the zeros of the padding count as items.
    divisor_override : int or None
        What sums are divided by, in place of the number of items.

    Examples
    --------
    >>> wg.nn.AvgPool2d(2)(wg.arange(16.).reshape(1, 4, 4))
    tensor([[[ 2.5000,  4.5000],
             [10.5000, 12.5000]]])
    """

    def __init__(
        self, kernel_size: Lengths, stride: Lengths | None = None, padding: Lengths = 0, ceil_mode: bool = False,
        count_include_pad: bool = True, divisor_override: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, kernel_size if stride is None else stride, padding
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Any) -> Tensor:
        """The means."""
        return F.avg_pool2d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad,
            self.divisor_override,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """The windows."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _Adaptive(Module):
    """A number of windows that cover the input evenly."""

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def extra_repr(self) -> str:
        """The number of windows."""
        return f"output_size={self.output_size}"


class _AdaptiveMax(_Adaptive):
    """The same, with indices if they are asked for."""

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices


class AdaptiveAvgPool1d(_Adaptive):
    """The means of windows that cover a sequence evenly.

    Parameters
    ----------
    output_size : int or None
        How many windows there are. None: as many as there are items.

    Examples
    --------
    >>> wg.nn.AdaptiveAvgPool1d(1)(wg.tensor([[1., 3., 2., 6.]]))
    tensor([[3.]])
    """

    def forward(self, input: Any) -> Tensor:
        """The means."""
        return F.adaptive_avg_pool1d(input, self.output_size)


class AdaptiveAvgPool2d(_Adaptive):
    """The means of windows that cover a picture evenly.

    Parameters
    ----------
    output_size : int, None or pair of them
        How many windows there are, down and across. None: as many as there are items.

    Examples
    --------
    >>> wg.nn.AdaptiveAvgPool2d((1, 1))(wg.arange(9.).reshape(1, 3, 3))
    tensor([[[4.]]])
    """

    def forward(self, input: Any) -> Tensor:
        """The means."""
        return F.adaptive_avg_pool2d(input, self.output_size)


class AdaptiveMaxPool1d(_AdaptiveMax):
    """The largest items of windows that cover a sequence evenly.

    Parameters
    ----------
    output_size : int or None
        How many windows there are. None: as many as there are items.
    return_indices : bool
        Also give where each item was found.

    Examples
    --------
    >>> wg.nn.AdaptiveMaxPool1d(2)(wg.tensor([[1., 3., 2., 6.]]))
    tensor([[3., 6.]])
    """

    def forward(self, input: Any) -> Any:
        """The largest items, and, if asked for, where they are."""
        return F.adaptive_max_pool1d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool2d(_AdaptiveMax):
    """The largest items of windows that cover a picture evenly.

    Parameters
    ----------
    output_size : int, None or pair of them
        How many windows there are, down and across. None: as many as there are items.
    return_indices : bool
        Also give where each item was found.

    Examples
    --------
    >>> wg.nn.AdaptiveMaxPool2d(1)(wg.arange(9.).reshape(1, 3, 3))
    tensor([[[8.]]])
    """

    def forward(self, input: Any) -> Any:
        """The largest items, and, if asked for, where they are."""
        return F.adaptive_max_pool2d(input, self.output_size, self.return_indices)


class _LPPool(Module):
    """The p-norm of each window."""

    def __init__(
        self, norm_type: float, kernel_size: Lengths, stride: Lengths | None = None, ceil_mode: bool = False
    ) -> None:
        super().__init__()
        self.norm_type, self.kernel_size, self.stride, self.ceil_mode = norm_type, kernel_size, stride, ceil_mode

    def extra_repr(self) -> str:
        """The norm and the windows."""
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPool):
    """The p-norm of each window of a sequence.

    Parameters
    ----------
    norm_type : float
        p
    kernel_size, stride : int
        As in `wengert.nn.functional.lp_pool1d`.
    ceil_mode : bool
        Whether items that are left over at the end get a window.

    Examples
    --------
    >>> wg.nn.LPPool1d(2, 2)(wg.tensor([[3., 4., 6., 8.]]))
    tensor([[ 5., 10.]])
    """

    def forward(self, input: Any) -> Tensor:
        """The norms."""
        return F.lp_pool1d(input, self.norm_type, self.kernel_size, self.stride, self.ceil_mode)


class LPPool2d(_LPPool):
    """The p-norm of each window of a picture.

    Parameters
    ----------
    norm_type : float
        p
    kernel_size, stride : int or pair of int
        As in `wengert.nn.functional.lp_pool2d`.
    ceil_mode : bool
        Whether items that are left over at the ends get a window.

    Examples
    --------
    >>> wg.nn.LPPool2d(2, 2)(wg.full((1, 2, 2), 2.))
    tensor([[[4.]]])
    """

    def forward(self, input: Any) -> Tensor:
        """The norms."""
        return F.lp_pool2d(input, self.norm_type, self.kernel_size, self.stride, self.ceil_mode)
