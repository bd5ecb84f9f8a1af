"""Convolutional layers, their transposes, and those that take their channels from the first input."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ...core.arguments import per_dimension
from ...core.doors import enter
from ...ops import convolution, creation
from ...tensors.tensor import Tensor
from .. import functional as F
from .. import init
from .lazy import Lazy
from .module import Module
from .parameter import Parameter, UninitializedParameter

_MODES = ("zeros", "reflect", "replicate", "circular")
_FUNCTIONS: dict[tuple[int, bool], Callable[..., Tensor]] = {
    (1, False): convolution.conv1d, (2, False): convolution.conv2d,
    (1, True): convolution.conv_transpose1d, (2, True): convolution.conv_transpose2d,
}  # fmt: skip

_PARAMETERS = """
    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size : int or tuple of int
    stride : int or tuple of int
        How far the kernel moves.
    padding : int, tuple of int, "same" or "valid"
        How much stands around the input; "same": as much as keeps its size; "valid": nothing.
    dilation : int or tuple of int
        How far apart the kernel's items are.
    groups : int
        Into how many parts both channels are divided: each part of the result sees one of the input.
    bias : bool
    padding_mode : {"zeros", "reflect", "replicate", "circular"}
        What stands around the input.
    device : "cpu" or None
    dtype : dtype or None
        None: the default float.
"""


class _Convolution(Module):
    """What all of them have: sizes, parameters, and the printed form."""

    _dims = 1
    _transposed = False
    weight: Any
    bias: Any
    padding: Any

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any,
        output_padding: Any, groups: int, bias: bool, padding_mode: str, dtype: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        name, dims = type(self).__name__, self._dims
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(f"{name}: {in_channels} and {out_channels} channels do not both make {groups} groups")
        if padding_mode not in _MODES or (self._transposed and padding_mode != "zeros"):
            wanted = '"zeros"' if self._transposed else f"one of {_MODES}"
            raise ValueError(f"{name}: expected padding_mode to be {wanted}, got {padding_mode!r}")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = per_dimension(name, "kernel_size", kernel_size, dims, 1)
        self.stride = per_dimension(name, "stride", stride, dims, 1)
        self.padding = convolution.padding_of(name, padding, self.stride, dims)
        self.dilation = per_dimension(name, "dilation", dilation, dims, 1)
        self.output_padding = per_dimension(name, "output_padding", output_padding, dims, 0)
        self.padding_mode = padding_mode
        self._make_parameters(bias, dtype)

    def _weight_shape(self) -> tuple[int, ...]:
        first, second = self.out_channels, self.in_channels
        if self._transposed:
            first, second = second, first
        return (first, second // self.groups, *self.kernel_size)

    def _make_parameters(self, bias: bool, dtype: Any) -> None:
        self.weight = Parameter(creation.empty(*self._weight_shape(), dtype=dtype))
        self.register_parameter("bias", Parameter(creation.empty(self.out_channels, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew: uniform on +-1 / sqrt(fan in)."""
        fan_in = math.prod(self._weight_shape()[1:])
        if fan_in and self.weight._value.size:
            init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None and fan_in:
            bound = 1 / math.sqrt(fan_in)
            init.uniform_(self.bias, -bound, bound)

    def _padded(self, input: Any) -> Any:
        """The input with its own items around it."""
        around: list[int] = []
        for d in reversed(range(self._dims)):
            if isinstance(self.padding, str):
                total = self.dilation[d] * (self.kernel_size[d] - 1) if self.padding == "same" else 0
                around += [total // 2, total - total // 2]
            else:
                around += [self.padding[d]] * 2
        return F.pad(input, around, self.padding_mode)

    def forward(self, input: Any) -> Tensor:
        """The maps, (n, out_channels, ...), of images (n, in_channels, ...), or those of one."""
        return _FUNCTIONS[self._dims, False](*self._arguments(input))

    def before_relu(self, input: Any) -> Any:
        """relu of what `forward` gives, in one pass; there must be a bias."""
        return convolution.conv_relu(self._dims, *self._arguments(input))

    def _arguments(self, input: Any) -> tuple[Any, ...]:
        self._check(input)
        x, padding = input, self.padding
        if self.padding_mode != "zeros":
            x, padding = self._padded(x), (0,) * self._dims
        return x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups

    def _channels(self, input: Any) -> int:
        """How many channels an input has, which must be one example or a batch."""
        shape, dims = enter(input)._value.shape, self._dims
        if len(shape) not in (dims + 1, dims + 2):
            raise ValueError(f"expected an input of {dims + 1} or {dims + 2} dimensions, got shape {shape}")
        channels: int = shape[-dims - 1]
        return channels

    def _check(self, input: Any) -> None:
        """Raise an error that says more than the function's, if the input's channels are not the layer's."""
        channels = self._channels(input)
        if channels != self.in_channels:
            raise ValueError(f"the input's channels are {channels}; its shape is {enter(input)._value.shape}")

    def _label(self) -> str:
        return f"{self._get_name()}({self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size})"

    def extra_repr(self) -> str:
        """The sizes and options."""
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        if self.padding != (0,) * self._dims:
            text += f", padding={self.padding}"
        if self.dilation != (1,) * self._dims:
            text += f", dilation={self.dilation}"
        if self.output_padding != (0,) * self._dims:
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        return text + (f", padding_mode={self.padding_mode}" if self.padding_mode != "zeros" else "")


class _Straight(_Convolution):
    """The constructor of Conv1d and Conv2d."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        dilation: Any = 1, groups: int = 1, bias: bool = True, padding_mode: str = "zeros", device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, 0, groups, bias, padding_mode, dtype
        )


class _Transposed(_Convolution):
    """The constructor of ConvTranspose1d and ConvTranspose2d, and what chooses among the sizes of their output."""

    _transposed = True

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        output_padding: Any = 0, groups: int = 1, bias: bool = True, dilation: Any = 1, padding_mode: str = "zeros",
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding, groups, bias,
            padding_mode, dtype,
        )  # fmt: skip

    def _output_padding(self, input: Any, output_size: Any) -> tuple[int, ...]:
        """What makes the output as large as asked for."""
        if output_size is None:
            return self.output_padding
        dims = self._dims
        shape, wanted = enter(input)._value.shape, tuple(output_size)[-dims:]
        least = [
            (n - 1) * s - 2 * p + d * (k - 1) + 1
            for n, s, p, d, k in zip(
                shape[-dims:], self.stride, self.padding, self.dilation, self.kernel_size, strict=True
            )
        ]  # fmt: skip
        found = tuple([w - n for w, n in zip(wanted, least, strict=False)])
        if len(wanted) != dims or not all(0 <= m < s for m, s in zip(found, self.stride, strict=True)):
            most = [n + s - 1 for n, s in zip(least, self.stride, strict=True)]
            raise ValueError(
                f"expected an output_size from {least} to {most} for input of shape {shape}, got {output_size}"
            )
        return found

    def forward(self, input: Any, output_size: Any = None) -> Tensor:
        """The images, (n, out_channels, ...), of maps (n, in_channels, ...), or those of one."""
        self._check(input)
        out: Tensor = _FUNCTIONS[self._dims, True](
            input, self.weight, self.bias, self.stride, self.padding, self._output_padding(input, output_size),
            self.groups, self.dilation,
        )  # fmt: skip
        return out


class Conv1d(_Straight):
    __doc__ = f"""`functional.conv1d` with a weight and a bias that are learned.
{_PARAMETERS}
    Attributes
    ----------
    weight : Parameter
        (out_channels, in_channels / groups, kernel), at first uniform on +-1 / sqrt(in_channels / groups * kernel).
    bias : Parameter or None
        (out_channels,), at first uniform on the same interval.

    Examples
    --------
    >>> wg.nn.Conv1d(3, 6, 5)(wg.zeros(2, 3, 20)).shape
    wengert.Size([2, 6, 16])
    """


class Conv2d(_Straight):
    __doc__ = f"""`functional.conv2d` with a weight and a bias that are learned.
{_PARAMETERS}
    Attributes
    ----------
    weight : Parameter
        (out_channels, in_channels / groups, *kernel_size), at first uniform on +-1 / sqrt(items of one kernel).
    bias : Parameter or None
        (out_channels,), at first uniform on the same interval.

    Examples
    --------
    >>> wg.nn.Conv2d(1, 6, kernel_size=5, padding=2)(wg.zeros(2, 1, 28, 28)).shape
    wengert.Size([2, 6, 28, 28])
    """

    _dims = 2


_TRANSPOSED_PARAMETERS = _PARAMETERS.replace(
    """    padding : int, tuple of int, "same" or "valid"
        How much stands around the input; "same": as much as keeps its size; "valid": nothing.
""",
    """    padding : int or tuple of int
        How many items are left out at each end of the output.
    output_padding : int or tuple of int
        How many more items there are at the end of the output.
""",
).replace(
    """{"zeros", "reflect", "replicate", "circular"}
        What stands around the input.""",
    '"zeros"',
)


class ConvTranspose1d(_Transposed):
    __doc__ = f"""`functional.conv_transpose1d` with a weight and a bias that are learned.
{_TRANSPOSED_PARAMETERS}
    Attributes
    ----------
    weight : Parameter
        (in_channels, out_channels / groups, kernel), at first uniform on +-1 / sqrt(out_channels / groups * kernel).
    bias : Parameter or None
        (out_channels,), at first uniform on the same interval.

    Examples
    --------
    >>> wg.nn.ConvTranspose1d(6, 3, 4, stride=2)(wg.zeros(2, 6, 10)).shape
    wengert.Size([2, 3, 22])
    """


class ConvTranspose2d(_Transposed):
    __doc__ = f"""`functional.conv_transpose2d` with a weight and a bias that are learned.
{_TRANSPOSED_PARAMETERS}
    Attributes
    ----------
    weight : Parameter
        (in_channels, out_channels / groups, *kernel_size), at first uniform on +-1 / sqrt(items of weight[0]).
    bias : Parameter or None
        (out_channels,), at first uniform on the same interval.

    Examples
    --------
    >>> wg.nn.ConvTranspose2d(6, 1, 2, stride=2)(wg.zeros(2, 6, 14, 14)).shape
    wengert.Size([2, 1, 28, 28])
    """

    _dims = 2


# ---------------------------------------------------------------- without channels


class _Lazy(Lazy, _Convolution):
    """A layer whose channels are those of its first input."""

    def _make_parameters(self, bias: bool, dtype: Any) -> None:
        self.weight = UninitializedParameter(dtype=dtype)
        self.register_parameter("bias", UninitializedParameter(dtype=dtype) if bias else None)

    def initialize_parameters(self, input: Any) -> None:
        """Give the parameters the size that the input asks for, and draw them, unless a state was loaded before."""
        channels = self._channels(input)
        if not self.has_uninitialized_params():
            weight = self.weight._value.shape
            self.in_channels = weight[0] if self._transposed else weight[1] * self.groups
            return
        if channels % self.groups:
            raise ValueError(f"the input's channels, {channels}, do not make {self.groups} groups")
        self.in_channels = channels
        self.weight.materialize(self._weight_shape())
        if self.bias is not None:
            self.bias.materialize((self.out_channels,))
        self.reset_parameters()


class _LazyStraight(_Lazy):
    def __init__(
        self, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1, bias: bool = True, padding_mode: str = "zeros", device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(0, out_channels, kernel_size, stride, padding, dilation, 0, groups, bias, padding_mode, dtype)


class _LazyTransposed(_Lazy):
    _transposed = True

    def __init__(
        self, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
        groups: int = 1, bias: bool = True, dilation: Any = 1, padding_mode: str = "zeros", device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            0, out_channels, kernel_size, stride, padding, dilation, output_padding, groups, bias, padding_mode, dtype
        )


_LAZY_PARAMETERS = _PARAMETERS.replace("in_channels, out_channels", "out_channels")
_LAZY_TRANSPOSED_PARAMETERS = _TRANSPOSED_PARAMETERS.replace("in_channels, out_channels", "out_channels")


class LazyConv1d(_LazyStraight):
    __doc__ = f"""A `Conv1d` that takes `in_channels` from its first input, and is one from then on.
{_LAZY_PARAMETERS}
    Examples
    --------
    >>> wg.nn.LazyConv1d(6, 5)(wg.zeros(2, 3, 20)).shape
    wengert.Size([2, 6, 16])
    """

    _ready = Conv1d


class LazyConv2d(_LazyStraight):
    __doc__ = f"""A `Conv2d` that takes `in_channels` from its first input, and is one from then on.
{_LAZY_PARAMETERS}
    Examples
    --------
    >>> layer = wg.nn.LazyConv2d(6, kernel_size=5, padding=2)
    >>> layer(wg.zeros(2, 1, 28, 28)).shape
    wengert.Size([2, 6, 28, 28])
    >>> layer
    Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2))
    """

    _dims = 2
    _ready = Conv2d


class LazyConvTranspose1d(_LazyTransposed):
    __doc__ = f"""A `ConvTranspose1d` that takes `in_channels` from its first input, and is one from then on.
{_LAZY_TRANSPOSED_PARAMETERS}
    Examples
    --------
    >>> wg.nn.LazyConvTranspose1d(3, 4, stride=2)(wg.zeros(2, 6, 10)).shape
    wengert.Size([2, 3, 22])
    """

    _ready = ConvTranspose1d


class LazyConvTranspose2d(_LazyTransposed):
    __doc__ = f"""A `ConvTranspose2d` that takes `in_channels` from its first input, and is one from then on.
{_LAZY_TRANSPOSED_PARAMETERS}
    Examples
    --------
    >>> wg.nn.LazyConvTranspose2d(1, 2, stride=2)(wg.zeros(2, 6, 14, 14)).shape
    wengert.Size([2, 1, 28, 28])
    """

    _dims = 2
    _ready = ConvTranspose2d
