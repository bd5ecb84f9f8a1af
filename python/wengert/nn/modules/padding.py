"""Items put around sequences, images and volumes, as modules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...core.doors import enter
from ...tensors.tensor import Tensor
from .. import functional as F
from .module import Module


class _Pad(Module):
    """Padding of the last `_dims` dimensions in a mode; `padding` is before and after along the last one, and so on."""

    _dims: int
    _mode: str

    def __init__(self, padding: int | Sequence[int]) -> None:
        super().__init__()
        pads = (padding,) * (2 * self._dims) if isinstance(padding, int) else tuple(padding)
        if len(pads) != 2 * self._dims:
            raise ValueError(
                f"{type(self).__name__}: expected an integer or {2 * self._dims} of them as padding, got {padding}"
            )
        self.padding = pads

    def forward(self, input: Any) -> Tensor:
        """The padded input, with one or two dimensions, of channels and examples, before those that are padded."""
        shape = enter(input)._value.shape
        if len(shape) not in (self._dims + 1, self._dims + 2):
            raise ValueError(f"expected an input of {self._dims + 1} or {self._dims + 2} dimensions, got shape {shape}")
        return F.pad(input, self.padding, self._mode)

    def extra_repr(self) -> str:
        """The lengths."""
        return f"{self.padding}"


class _ConstantPad(_Pad):
    """Padding by a number, of inputs of any number of dimensions."""

    def __init__(self, padding: int | Sequence[int], value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Any) -> Tensor:
        """The padded input."""
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        """The lengths and the number."""
        return f"padding={self.padding}, value={self.value}"


class _ZeroPad(_ConstantPad):
    """Padding by zeros."""

    def __init__(self, padding: int | Sequence[int]) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        """The lengths."""
        return f"{self.padding}"


class ZeroPad1d(_ZeroPad):
    """Around sequences (n, channels, length): zeros.

    Parameters
    ----------
    padding : int or tuple of int
        (left, right); negative numbers remove items.

    Raises
    ------
    ValueError
        If there are other than 2 numbers.

    Examples
    --------
    >>> wg.nn.ZeroPad1d(1)(wg.tensor([[1., 2., 3.]]))
    tensor([[0., 1., 2., 3., 0.]])
    """

    _dims = 1


class ZeroPad2d(_ZeroPad):
    """Around images (n, channels, height, width): zeros.

    Parameters
    ----------
    padding : int or tuple of int
        (left, right, top, bottom); negative numbers remove items.

    Raises
    ------
    ValueError
        If there are other than 4 numbers.

    Examples
    --------
    >>> wg.nn.ZeroPad2d((1, 1, 0, 0))(wg.tensor([[[1., 2.], [3., 4.]]]))
    tensor([[[0., 1., 2., 0.],
             [0., 3., 4., 0.]]])
    """

    _dims = 2


class ZeroPad3d(_ZeroPad):
    """Around volumes (n, channels, depth, height, width): zeros.

    Parameters
    ----------
    padding : int or tuple of int
        (left, right, top, bottom, front, back); negative numbers remove items.

    Raises
    ------
    ValueError
        If there are other than 6 numbers.

    Examples
    --------
    >>> wg.nn.ZeroPad3d((1, 1, 0, 0, 0, 0))(wg.ones(1, 2, 2, 2)).shape
    wengert.Size([1, 2, 2, 4])
    """

    _dims = 3


class ConstantPad1d(_ConstantPad):
    """Around sequences (n, channels, length): a number.

    Parameters
    ----------
    padding : int or tuple of int
        (left, right); negative numbers remove items.
    value : float

    Raises
    ------
    ValueError
        If there are other than 2 numbers.

    Examples
    --------
    >>> wg.nn.ConstantPad1d(1, 7.0)(wg.tensor([[1., 2., 3.]]))
    tensor([[7., 1., 2., 3., 7.]])
    """

    _dims = 1


class ConstantPad2d(_ConstantPad):
    """Around images (n, channels, height, width): a number.

    Parameters
    ----------
    padding : int or tuple of int
        (left, right, top, bottom); negative numbers remove items.
    value : float

    Raises
    ------
    ValueError
        If there are other than 4 numbers.

    Examples
    --------
    >>> wg.nn.ConstantPad2d((1, 1, 0, 0), 7.0)(wg.tensor([[[1., 2.], [3., 4.]]]))
    tensor([[[7., 1., 2., 7.],
             [7., 3., 4., 7.]]])
    """

    _dims = 2


class ConstantPad3d(_ConstantPad):
    """Around volumes (n, channels, depth, height, width): a number.

    Parameters
    ----------
    padding : int or tuple of int
        (left, right, top, bottom, front, back); negative numbers remove items.
    value : float

    Raises
    ------
    ValueError
        If there are other than 6 numbers.

    Examples
    --------
    >>> wg.nn.ConstantPad3d((1, 1, 0, 0, 0, 0), 5.)(wg.ones(1, 2, 2, 2)).shape
    wengert.Size([1, 2, 2, 4])
    """

    _dims = 3


class ReflectionPad1d(_Pad):
    """Around sequences (n, channels, length): the items mirrored at the outermost.

    Parameters
    ----------
    padding : int or tuple of int
        (left, right); negative numbers remove items.

    Raises
    ------
    ValueError
        If there are other than 2 numbers.

    Examples
    --------
    >>> wg.nn.ReflectionPad1d(1)(wg.tensor([[1., 2., 3.]]))
    tensor([[2., 1., 2., 3., 2.]])
    """

    _dims = 1
    _mode = "reflect"


class ReflectionPad2d(_Pad):
    """Around images (n, channels, height, width): the items mirrored at the outermost.

    Parameters
    ----------
    padding : int or tuple of int
        (left, right, top, bottom); negative numbers remove items.

    Raises
    ------
    ValueError
        If there are other than 4 numbers.

    Examples
    --------
    >>> wg.nn.ReflectionPad2d((1, 1, 0, 0))(wg.tensor([[[1., 2.], [3., 4.]]]))
    tensor([[[2., 1., 2., 1.],
             [4., 3., 4., 3.]]])
    """

    _dims = 2
    _mode = "reflect"


class ReflectionPad3d(_Pad):
    """Around volumes (n, channels, depth, height, width): the items mirrored at the outermost.

    Parameters
    ----------
    padding : int or tuple of int
        (left, right, top, bottom, front, back); negative numbers remove items.

    Raises
    ------
    ValueError
        If there are other than 6 numbers.

    Examples
    --------
    >>> wg.nn.ReflectionPad3d((1, 1, 0, 0, 0, 0))(wg.ones(1, 2, 2, 2)).shape
    wengert.Size([1, 2, 2, 4])
    """

    _dims = 3
    _mode = "reflect"


class ReplicationPad1d(_Pad):
    """Around sequences (n, channels, length): the outermost items.

    Parameters
    ----------
    padding : int or tuple of int
        (left, right); negative numbers remove items.

    Raises
    ------
    ValueError
        If there are other than 2 numbers.

    Examples
    --------
    >>> wg.nn.ReplicationPad1d(1)(wg.tensor([[1., 2., 3.]]))
    tensor([[1., 1., 2., 3., 3.]])
    """

    _dims = 1
    _mode = "replicate"


class ReplicationPad2d(_Pad):
    """Around images (n, channels, height, width): the outermost items.

    Parameters
    ----------
    padding : int or tuple of int
        (left, right, top, bottom); negative numbers remove items.

    Raises
    ------
    ValueError
        If there are other than 4 numbers.

    Examples
    --------
    >>> wg.nn.ReplicationPad2d((1, 1, 0, 0))(wg.tensor([[[1., 2.], [3., 4.]]]))
    tensor([[[1., 1., 2., 2.],
             [3., 3., 4., 4.]]])
    """

    _dims = 2
    _mode = "replicate"


class ReplicationPad3d(_Pad):
    """Around volumes (n, channels, depth, height, width): the outermost items.

    Parameters
    ----------
    padding : int or tuple of int
        (left, right, top, bottom, front, back); negative numbers remove items.

    Raises
    ------
    ValueError
        If there are other than 6 numbers.

    Examples
    --------
    >>> wg.nn.ReplicationPad3d((1, 1, 0, 0, 0, 0))(wg.ones(1, 2, 2, 2)).shape
    wengert.Size([1, 2, 2, 4])
    """

    _dims = 3
    _mode = "replicate"


class CircularPad1d(_Pad):
    """Around sequences (n, channels, length): the items of the other end.

    Parameters
    ----------
    padding : int or tuple of int
        (left, right); negative numbers remove items.

    Raises
    ------
    ValueError
        If there are other than 2 numbers.

    Examples
    --------
    >>> wg.nn.CircularPad1d(1)(wg.tensor([[1., 2., 3.]]))
    tensor([[3., 1., 2., 3., 1.]])
    """

    _dims = 1
    _mode = "circular"


class CircularPad2d(_Pad):
    """Around images (n, channels, height, width): the items of the other end.

    Parameters
    ----------
    padding : int or tuple of int
        (left, right, top, bottom); negative numbers remove items.

    Raises
    ------
    ValueError
        If there are other than 4 numbers.

    Examples
    --------
    >>> wg.nn.CircularPad2d((1, 1, 0, 0))(wg.tensor([[[1., 2.], [3., 4.]]]))
    tensor([[[2., 1., 2., 1.],
             [4., 3., 4., 3.]]])
    """

    _dims = 2
    _mode = "circular"


class CircularPad3d(_Pad):
    """Around volumes (n, channels, depth, height, width): the items of the other end.

    Parameters
    ----------
    padding : int or tuple of int
        (left, right, top, bottom, front, back); negative numbers remove items.

    Raises
    ------
    ValueError
        If there are other than 6 numbers.

    Examples
    --------
    >>> wg.nn.CircularPad3d((1, 1, 0, 0, 0, 0))(wg.ones(1, 2, 2, 2)).shape
    wengert.Size([1, 2, 2, 4])
    """

    _dims = 3
    _mode = "circular"
