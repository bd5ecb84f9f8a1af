"""Images sampled at places that are themselves differentiable: spatial transformers (Jaderberg et al. 2015)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..._types import Tensor
from ...core import dtypes
from ...core.broadcast import cast
from ...core.doors import constant, enter
from ...core.half import half
from ...ops import arithmetic, compare
from ...ops.distance import floating_pair
from ...ops.index import pick
from ...ops.piecewise import hardtanh
from ...ops.products import matmul
from ...ops.shape import matrix_transpose, permute, reshape, unsqueeze

_MODES, _PADDINGS = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")


def affine_grid(theta: Any, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """Where affine maps take the pixels of images, for `grid_sample`.

    Parameters
    ----------
    theta : tensor
        (n, 2, 3): each map, a matrix and a shift.
    size : sequence of int
        (n, channels, height, width) of what is to be sampled.
    align_corners : bool or None
        Whether -1 and 1 are the centres of the outermost pixels rather than their outer edges.

    Returns
    -------
    Tensor
        (n, height, width, 2): x and y, from -1 to 1 within the image.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> theta = wg.tensor([[[1., 0., 0.], [0., 1., 0.]]])
    >>> wg.nn.functional.affine_grid(theta, (1, 1, 1, 2), align_corners=True)[0, 0]
    tensor([[-1.,  0.],
            [ 1.,  0.]])
    """
    theta = enter(theta)
    shape, size = theta._value.shape, tuple(size)
    if len(size) != 4 or shape != (size[0], 2, 3) or min(size[2:]) < 1:
        raise ValueError(
            f"affine_grid: expected maps (n, 2, 3) and a size (n, channels, height, width), got {shape} and {size}"
        )
    base = constant(_base, size[2], size[3], bool(align_corners), theta._value.dtype)
    return _grid(theta, base, size)


@half
def _grid(theta: Any, base: Any, size: tuple[int, ...]) -> Tensor:
    return reshape(matmul(base, matrix_transpose(theta)), (size[0], size[2], size[3], 2))


def _base(height: int, width: int, corners: bool, dtype: np.dtype) -> np.ndarray:
    """(height * width, 3): x, y and 1 of every pixel."""

    def along(n: int) -> np.ndarray:
        ends = 1.0 if corners else (n - 1) / n
        return np.linspace(-ends, ends, n) if n > 1 else np.zeros(1)

    y, x = np.meshgrid(along(height), along(width), indexing="ij")
    return np.stack([x.ravel(), y.ravel(), np.ones(height * width)], 1).astype(dtype)


def grid_sample(
    input: Any, grid: Any, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None
) -> Tensor:
    """Images sampled at any places.

    Parameters
    ----------
    input : tensor
        (n, channels, height, width)
    grid : tensor
        (n, rows, columns, 2): x and y of each place, from -1 to 1 within the image.
    mode : {"bilinear", "nearest", "bicubic"}
    padding_mode : {"zeros", "border", "reflection"}
        What lies outside: zeros, the outermost pixels, or the image mirrored.
    align_corners : bool or None
        Whether -1 and 1 are the centres of the outermost pixels rather than their outer edges.

    Returns
    -------
    Tensor
        (n, channels, rows, columns)

    Raises
    ------
    ValueError
        If the shapes do not fit, or there is no such mode.

    Examples
    --------
    >>> image = wg.tensor([[[[1., 2.], [3., 4.]]]])
    >>> places = wg.tensor([[[[0., 0.], [1., 1.]]]])
    >>> wg.nn.functional.grid_sample(image, places, align_corners=True)
    tensor([[[[2.5000, 4.0000]]]])
    """
    x, g = floating_pair(input, grid)
    shape, places = x._value.shape, g._value.shape
    if len(shape) != 4 or len(places) != 4 or places[0] != shape[0] or places[3] != 2 or min(shape[2:]) < 1:
        raise ValueError(
            "grid_sample: expected input (n, channels, height, width) and grid (n, rows, columns, 2), got "
            f"{shape} and {places}"
        )
    if mode not in _MODES or padding_mode not in _PADDINGS:
        raise ValueError(
            f"grid_sample: expected a mode of {_MODES} and a padding_mode of {_PADDINGS}, got {mode!r} and "
            f"{padding_mode!r}"
        )
    return _grid_sample(x, g, mode, padding_mode, bool(align_corners))


@half
def _grid_sample(x: Any, grid: Any, mode: str, padding: str, corners: bool) -> Tensor:
    n, channels, height, width = x._value.shape
    rows, columns = grid._value.shape[1:3]
    pixels = permute(reshape(x, (n, channels, height * width)), (0, 2, 1))
    flat = reshape(grid, (n, rows * columns, 2))
    sides = (width, height)
    across, down = (
        _taps(_unscaled(pick(flat, (..., k)), side, corners), mode, padding, corners, side)
        for k, side in enumerate(sides)
    )
    total: Any = None
    for y, weight_y in down:
        for x_place, weight_x in across:
            inside = _inside(x_place, width) * _inside(y, height) if padding == "zeros" else 1.0
            places = _index(y, height) * width + _index(x_place, width)
            part = pick(pixels, (np.arange(n)[:, None], places)) * unsqueeze(weight_y * weight_x * inside, -1)
            total = part if total is None else total + part
    return reshape(permute(total, (0, 2, 1)), (n, channels, rows, columns))


def _unscaled(x: Any, side: int, corners: bool) -> Any:
    """From -1 to 1 to pixels."""
    return (x + 1.0) * ((side - 1) / 2) if corners else ((x + 1.0) * side - 1.0) * 0.5


def _padded(x: Any, padding: str, corners: bool, side: int) -> Any:
    """Places outside brought inside."""
    if padding == "zeros":
        return x
    if padding == "reflection":
        low, span = (0.0, side - 1.0) if corners else (-0.5, float(side))
        if not span:
            return x * 0.0
        u = arithmetic.abs(x - low)
        turns = arithmetic.floor(u.detach() / span)
        rest = u - turns * span
        x = compare.where(compare.eq(arithmetic.remainder(turns, 2.0), 0), rest, span - rest) + low
    return hardtanh(x, 0.0, side - 1.0)


def _taps(x: Any, mode: str, padding: str, corners: bool, side: int) -> list[tuple[Any, Any]]:
    """Along one dimension: the whole places that are taken into account, and their weights."""
    if mode == "bicubic":
        first = arithmetic.floor(x.detach())
        return [
            (_padded(first + float(k), padding, corners, side), weight)
            for k, weight in zip((-1, 0, 1, 2), _cubic(x - first), strict=True)
        ]
    x = _padded(x, padding, corners, side)
    if mode == "nearest":
        return [(arithmetic.round(x.detach()), 1.0 + x.detach() * 0.0)]
    first = arithmetic.floor(x.detach())
    return [(first, first + 1.0 - x), (first + 1.0, x - first)]


def _cubic(t: Any) -> list[Any]:
    """The weights of four neighbours, t after the second: cubic convolution with a = -3/4 (Keys 1981)."""
    a = -0.75

    def near(x: Any) -> Any:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: Any) -> Any:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    return [far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t)]


def _inside(place: Any, side: int) -> Any:
    within = compare.logical_and(compare.greater_equal(place, 0), compare.less(place, side))
    return cast(within, place._value.dtype)


def _index(place: Any, side: int) -> Any:
    """Whole places as integers that exist."""
    return cast(arithmetic.clip(arithmetic.nan_to_num(place.detach()), 0.0, side - 1.0), dtypes.int64)
