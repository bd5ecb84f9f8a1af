"""Images of another size, channels that become pixels, patches that become columns, and back."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from ..._types import Tensor
from ...core.arguments import per_dimension
from ...core.broadcast import as_floating
from ...core.doors import enter
from ...ops.sampling import Axis, Patches, columns_of, image_of, resampled
from ...ops.shape import permute, reshape

# Per mode, how each dimension is resampled, and of how many dimensions the images are.
_MODES = {
    "nearest": ("nearest", (1, 2, 3)), "nearest-exact": ("nearest-exact", (1, 2, 3)), "area": ("area", (1, 2, 3)),
    "linear": ("linear", (1,)), "bilinear": ("linear", (2,)), "trilinear": ("linear", (3,)), "bicubic": ("cubic", (2,)),
}  # fmt: skip


def interpolate(
    input: Any, size: int | Sequence[int] | None = None, scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest", align_corners: bool | None = None, recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:  # fmt: skip
    """Sequences and images resampled to another size.

    Parameters
    ----------
    input : tensor
        (n, channels, length), (n, channels, height, width) or (n, channels, depth, height, width)
    size : int or tuple of int
        Of the result; or else
    scale_factor : float or tuple of float
        How often the input's size it is, rounded down.
    mode : {"nearest", "nearest-exact", "linear", "bilinear", "trilinear", "bicubic", "area"}
        "linear" is for sequences, "bilinear" and "bicubic" for images, "trilinear" for volumes. "nearest" has the
        centres of items a little off, as others have it; "nearest-exact" has not. "area" averages.
    align_corners : bool or None
        For the linear and cubic modes: whether the outermost items of input and result lie upon each other, in place of
        their outer edges.
    recompute_scale_factor : bool or None
        Resample by the ratio of the sizes rather than by `scale_factor`.
    antialias : bool
        False: nothing is smoothed before it is made smaller.

    Returns
    -------
    Tensor
        (n, channels, *size)

    Raises
    ------
    ValueError
        If the shape, the sizes or the mode do not fit, or antialias is asked for.

    Examples
    --------
    >>> F = wg.nn.functional
    >>> F.interpolate(wg.tensor([[[1., 2.]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2.]]])
    >>> F.interpolate(wg.tensor([[[1., 2.]]]), size=4, mode="linear")
    tensor([[[1.0000, 1.2500, 1.7500, 2.0000]]])
    """
    x = enter(input)
    shape = x._value.shape
    if mode not in _MODES:
        raise ValueError(f"interpolate: expected a mode of {', '.join(map(repr, _MODES))}, got {mode!r}")
    kind, ranks = _MODES[mode]
    rank = len(shape) - 2
    if rank not in ranks:
        images = " or ".join(f"(n, channels{', length' * n})" for n in ranks)
        raise ValueError(f"interpolate: mode {mode!r} is for inputs of shape {images}, got {shape}")
    if align_corners is not None and kind not in ("linear", "cubic"):
        raise ValueError(f"interpolate: align_corners is for the linear and cubic modes, got mode {mode!r}")
    if antialias:
        raise ValueError("interpolate: antialias=True is not among what there is; average by mode 'area' first")
    if kind not in ("nearest", "nearest-exact"):
        x = as_floating(x)
    sizes, ratios = _sizes(shape[2:], size, scale_factor, recompute_scale_factor or kind == "area")
    if min(*sizes, *shape[2:]) < 1:
        raise ValueError(f"interpolate: expected sizes above 0, got {sizes} from {shape[2:]}")
    axes = [Axis(kind, n, m, ratio, bool(align_corners)) for n, m, ratio in zip(shape[2:], sizes, ratios, strict=True)]
    return resampled(x, tuple(axes))


def _sizes(
    before: tuple[int, ...], size: Any, scale_factor: Any, recompute: bool
) -> tuple[tuple[int, ...], tuple[float, ...]]:  # fmt: skip
    """The sizes of the result, and how many items of the input one of its items stands for."""
    if (size is None) == (scale_factor is None):
        raise ValueError(f"interpolate: expected either size or scale_factor, got {size} and {scale_factor}")
    given = size if scale_factor is None else scale_factor
    each = tuple(given) if isinstance(given, Sequence) else (given,) * len(before)
    if len(each) != len(before):
        raise ValueError(f"interpolate: expected {len(before)} number(s) for sizes {before}, got {given}")
    if scale_factor is None:
        sizes = tuple(map(operator.index, each))
    else:
        sizes = tuple([int(n * factor) for n, factor in zip(before, each, strict=True)])
        if not recompute:
            return sizes, tuple([1 / factor if factor else 0.0 for factor in each])
    return sizes, tuple([n / m if m else 0.0 for n, m in zip(before, sizes, strict=True)])


# ---------------------------------------------------------------- channels and pixels


def pixel_shuffle(input: Any, upscale_factor: int) -> Tensor:
    """(..., channels r^2, height, width) as (..., channels, height r, width r) (Shi et al. 2016).

    Parameters
    ----------
    input : tensor
    upscale_factor : int
        r

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If there are fewer than three dimensions, or the channels are no multiple of r^2.

    Examples
    --------
    >>> wg.nn.functional.pixel_shuffle(wg.arange(4).reshape(4, 1, 1), 2)
    tensor([[[0, 1],
             [2, 3]]])
    """
    x, r = enter(input), operator.index(upscale_factor)
    shape = x._value.shape
    if len(shape) < 3 or r < 1 or shape[-3] % (r * r):
        raise ValueError(f"pixel_shuffle: expected input (..., channels * {r}**2, height, width), got shape {shape}")
    *lead, channels, height, width = shape
    k = len(lead)
    apart = reshape(x, (*lead, channels // (r * r), r, r, height, width))
    turned = permute(apart, (*range(k), k, k + 3, k + 1, k + 4, k + 2))
    return reshape(turned, (*lead, channels // (r * r), height * r, width * r))


def pixel_unshuffle(input: Any, downscale_factor: int) -> Tensor:
    """(..., channels, height r, width r) as (..., channels r^2, height, width): `pixel_shuffle` undone.

    Parameters
    ----------
    input : tensor
    downscale_factor : int
        r

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If there are fewer than three dimensions, or the height or width is no multiple of r.

    Examples
    --------
    >>> wg.nn.functional.pixel_unshuffle(wg.arange(4).reshape(1, 2, 2), 2).flatten()
    tensor([0, 1, 2, 3])
    """
    x, r = enter(input), operator.index(downscale_factor)
    shape = x._value.shape
    if len(shape) < 3 or r < 1 or shape[-2] % r or shape[-1] % r:
        raise ValueError(
            f"pixel_unshuffle: expected input (..., channels, height * {r}, width * {r}), got shape {shape}"
        )
    *lead, channels, height, width = shape
    k = len(lead)
    apart = reshape(x, (*lead, channels, height // r, r, width // r, r))
    turned = permute(apart, (*range(k), k, k + 2, k + 4, k + 1, k + 3))
    return reshape(turned, (*lead, channels * r * r, height // r, width // r))


def channel_shuffle(input: Any, groups: int) -> Tensor:
    """The channels of (n, channels, ...) in another order: one of each group after the other (Zhang et al. 2018).

    Parameters
    ----------
    input : tensor
    groups : int

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    ValueError
        If there are fewer than three dimensions, or the channels are no multiple of the groups.

    Examples
    --------
    >>> wg.nn.functional.channel_shuffle(wg.arange(4).reshape(1, 4, 1), 2).flatten()
    tensor([0, 2, 1, 3])
    """
    x, groups = enter(input), operator.index(groups)
    shape = x._value.shape
    if len(shape) < 3 or groups < 1 or shape[1] % groups:
        raise ValueError(f"channel_shuffle: expected input (n, channels of {groups} groups, ...), got shape {shape}")
    apart = reshape(x, (shape[0], groups, shape[1] // groups, *shape[2:]))
    return reshape(permute(apart, (0, 2, 1, *range(3, len(shape) + 1))), shape)


native_channel_shuffle = channel_shuffle


# ---------------------------------------------------------------- patches and columns


def _patches(name: str, image: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Patches:
    patches = Patches(
        image, per_dimension(name, "kernel_size", kernel_size, 2, 1), per_dimension(name, "dilation", dilation, 2, 1),
        per_dimension(name, "padding", padding, 2, 0), per_dimension(name, "stride", stride, 2, 1),
    )  # fmt: skip
    if min(patches.counts()) < 1:
        raise ValueError(
            f"{name}: no patch of {patches.kernel} with dilation {patches.dilation} fits into an image of {image} with "
            f"padding {patches.padding}"
        )
    return patches


def unfold(input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """The patches of images as columns.

    Parameters
    ----------
    input : tensor
        (n, channels, height, width) or (channels, height, width)
    kernel_size, dilation, padding, stride : int or pair of int
        The size of a patch; the distance of its items; zeros around the image; the distance of patches.

    Returns
    -------
    Tensor
        (n, channels * items of a patch, patches) or without n

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> wg.nn.functional.unfold(wg.arange(9.).reshape(1, 3, 3), 2)
    tensor([[0., 1., 3., 4.],
            [1., 2., 4., 5.],
            [3., 4., 6., 7.],
            [4., 5., 7., 8.]])
    """
    x = enter(input)
    shape = x._value.shape
    if len(shape) not in (3, 4):
        raise ValueError(
            f"unfold: expected input (n, channels, height, width) or (channels, height, width), got {shape}"
        )
    return columns_of(x, _patches("unfold", shape[-2:], kernel_size, dilation, padding, stride))


def fold(
    input: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """Images as the sums of patches, which are columns: the transpose of `unfold`.

    Parameters
    ----------
    input : tensor
        (n, channels * items of a patch, patches) or without n
    output_size : int or pair of int
        (height, width)
    kernel_size, dilation, padding, stride : int or pair of int
        As in `unfold`.

    Returns
    -------
    Tensor
        (n, channels, height, width) or without n

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> wg.nn.functional.fold(wg.ones(1, 4, 4), 3, 2)
    tensor([[[[1., 2., 1.],
              [2., 4., 2.],
              [1., 2., 1.]]]])
    """
    x = enter(input)
    shape = x._value.shape
    image = per_dimension("fold", "output_size", output_size, 2, 1)
    patches = _patches("fold", image, kernel_size, dilation, padding, stride)
    (rows, columns), (down, beside) = patches.kernel, patches.counts()
    if len(shape) not in (2, 3) or shape[-2] % (rows * columns) or shape[-1] != down * beside:
        raise ValueError(
            f"fold: expected input (n, channels * {rows * columns}, {down * beside}) or without n for an image of "
            f"{patches.image}, got shape {shape}"
        )
    return image_of(x, patches)
