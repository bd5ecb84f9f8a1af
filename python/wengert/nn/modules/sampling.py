"""Images of another size, channels that become pixels, patches that become columns, and back, as modules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...tensors.tensor import Tensor
from .. import functional as F
from .module import Module


class Upsample(Module):
    """Sequences and images resampled to another size.

    Parameters
    ----------
    size : int or tuple of int
        Of the result; or else
    scale_factor : float or tuple of float
        How often the input's size it is, rounded down.
    mode : {"nearest", "nearest-exact", "linear", "bilinear", "trilinear", "bicubic", "area"}
        See `functional.interpolate`.
    align_corners : bool or None
        Whether the outermost items of input and result lie upon each other, in the linear and cubic modes.
    recompute_scale_factor : bool or None
        Resample by the ratio of the sizes rather than by `scale_factor`.

    Examples
    --------
    >>> wg.nn.Upsample(scale_factor=2)(wg.tensor([[[1., 2.]]]))
    tensor([[[1., 1., 2., 2.]]])
    """

    def __init__(
        self, size: int | Sequence[int] | None = None, scale_factor: float | Sequence[float] | None = None,
        mode: str = "nearest", align_corners: bool | None = None, recompute_scale_factor: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.size: Any = size
        self.scale_factor: Any = (
            tuple(map(float, scale_factor)) if isinstance(scale_factor, Sequence)
            else float(scale_factor) if scale_factor else None
        )  # fmt: skip
        self.mode, self.align_corners, self.recompute_scale_factor = mode, align_corners, recompute_scale_factor

    def forward(self, input: Any) -> Tensor:
        """The input in another size."""
        return F.interpolate(
            input, self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor
        )

    def extra_repr(self) -> str:
        """The size and the mode."""
        size = f"size={self.size!r}" if self.scale_factor is None else f"scale_factor={self.scale_factor!r}"
        return f"{size}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """Images resampled by their nearest pixels.

    Parameters
    ----------
    size : int or pair of int
        Of the result; or else
    scale_factor : float or pair of float
        How often the input's size it is, rounded down.

    Examples
    --------
    >>> wg.nn.UpsamplingNearest2d(scale_factor=2)(wg.tensor([[[[1., 2.]]]]))
    tensor([[[[1., 1., 2., 2.],
              [1., 1., 2., 2.]]]])
    """

    def __init__(
        self, size: int | Sequence[int] | None = None, scale_factor: float | Sequence[float] | None = None
    ) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """Images resampled linearly, their outermost pixels upon the input's.

    Parameters
    ----------
    size : int or pair of int
        Of the result; or else
    scale_factor : float or pair of float
        How often the input's size it is, rounded down.

    Examples
    --------
    >>> wg.nn.UpsamplingBilinear2d((1, 3))(wg.tensor([[[[1., 2.]]]]))
    tensor([[[[1.0000, 1.5000, 2.0000]]]])
    """

    def __init__(
        self, size: int | Sequence[int] | None = None, scale_factor: float | Sequence[float] | None = None
    ) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)


class PixelShuffle(Module):
    """(..., channels r^2, height, width) as (..., channels, height r, width r) (Shi et al. 2016).

    Parameters
    ----------
    upscale_factor : int
        r

    Examples
    --------
    >>> wg.nn.PixelShuffle(2)(wg.arange(4).reshape(4, 1, 1))
    tensor([[[0, 1],
             [2, 3]]])
    """

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Any) -> Tensor:
        """The larger images."""
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        """The factor."""
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """(..., channels, height r, width r) as (..., channels r^2, height, width): `PixelShuffle` undone.

    Parameters
    ----------
    downscale_factor : int
        r

    Examples
    --------
    >>> wg.nn.PixelUnshuffle(2)(wg.arange(4).reshape(1, 2, 2)).flatten()
    tensor([0, 1, 2, 3])
    """

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Any) -> Tensor:
        """The smaller images."""
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        """The factor."""
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """The channels of (n, channels, ...) in another order: one of each group after the other (Zhang et al. 2018).

    Parameters
    ----------
    groups : int

    Examples
    --------
    >>> wg.nn.ChannelShuffle(2)(wg.arange(4).reshape(1, 4, 1)).flatten()
    tensor([0, 2, 1, 3])
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Any) -> Tensor:
        """The input with its channels reordered."""
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        """The number of groups."""
        return f"groups={self.groups}"


class Unfold(Module):
    """The patches of images as columns.

    Parameters
    ----------
    kernel_size, dilation, padding, stride : int or pair of int
        The size of a patch; the distance of its items; zeros around the image; the distance of patches.

    Examples
    --------
    >>> wg.nn.Unfold(2)(wg.ones(1, 3, 4, 5)).shape
    wengert.Size([1, 12, 12])
    """

    def __init__(self, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> None:
        super().__init__()
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, input: Any) -> Tensor:
        """The patches of (n, channels, height, width), (n, channels * items of a patch, patches)."""
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        """The sizes."""
        return f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, stride={self.stride}"


class Fold(Module):
    """Images as the sums of patches, which are columns: the transpose of `Unfold`.

    Parameters
    ----------
    output_size : int or pair of int
        (height, width)
    kernel_size, dilation, padding, stride : int or pair of int
        As in `Unfold`.

    Examples
    --------
    >>> wg.nn.Fold(3, 2)(wg.ones(1, 4, 4))
    tensor([[[[1., 2., 1.],
              [2., 4., 2.],
              [1., 2., 1.]]]])
    """

    def __init__(
        self, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
    ) -> None:
        super().__init__()
        self.output_size = output_size
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, input: Any) -> Tensor:
        """The images (n, channels, height, width) of patches (n, channels * items of a patch, patches)."""
        return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        """The sizes."""
        return (
            f"output_size={self.output_size}, kernel_size={self.kernel_size}, dilation={self.dilation}, "
            f"padding={self.padding}, stride={self.stride}"
        )
