"""Grey images: read from whatever Pillow reads, and resized."""

from __future__ import annotations

import io
import os
import struct
import warnings
from typing import Any, BinaryIO

import numpy as np

from .._kernels import gather_rows
from .._terminal import printable
from ..ops import from_numpy
from .idx import DEFLATE_MAX_RATIO

_MOST_PIXELS = 1 << 24  # a picture of clothing has far fewer; a file that declares more is not worth its memory
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # per pixel, by the colour type of the header
_END = b"\0\0\0\0IEND\xaeB`\x82"


def read_image(path: str | os.PathLike[str]) -> np.ndarray[Any, Any]:
    """Read a picture as grey values; colours become their luminance, and what is transparent becomes black.

    Parameters
    ----------
    path : path
        A PNG, JPEG, GIF, TIFF or WebP file, or one of another format that Pillow reads, but for EPS, which is a program
        that Ghostscript would run. Of several frames the first is read; one that its camera calls turned is turned.

    Returns
    -------
    ndarray of uint8, shape (height, width)
        Of more than 8 bits the upper 8. Of floating-point numbers, those from 0 to 1 are multiplied by 255.

    Raises
    ------
    ValueError
        If the file is no such picture or is damaged, declares more than 2**24 pixels, or has values without a scale:
        floating-point numbers beyond 255, integers beyond 16 bits. If a PNG file declares more pixels than its bytes
        can fill, or goes on after its end.
    OSError
        If it cannot be read.
    ImportError
        If Pillow is missing.

    Examples
    --------
    >>> from wengert.data.images import read_image
    >>> read_image("shirt.jpg").shape  # doctest: +SKIP
    (28, 28)
    """
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise ImportError("pictures need Pillow: pip install 'wengert[train]'", name="PIL") from error
    Image.init()
    with open(path, "rb") as file, warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            image: Any = Image.open(file, formats=[name for name in Image.ID if name != "EPS"])
            _check_size(file, image)
            image.load()
            ImageOps.exif_transpose(image, in_place=True)
            return _grey(image, image.format)
        except MemoryError:
            raise
        except Exception as error:  # whatever a decoder stumbles over: they raise more than their documentation says
            reason = printable(str(error) or type(error).__name__)
            raise ValueError(f"{os.fspath(path)} is not a picture that can be read: {reason}") from error


def _check_size(file: BinaryIO, image: Any) -> None:
    """Refuse a picture of more pixels than a picture of clothing has: decoders make room for all before the first."""
    pixels = image.width * image.height
    if pixels > _MOST_PIXELS:
        raise ValueError(f"it declares {pixels} pixels, more than {_MOST_PIXELS}")
    if image.format == "PNG":
        _check_png(file, pixels)


def _check_png(file: BinaryIO, pixels: int) -> None:
    """Refuse a PNG file that does not end where it should, or that declares more pixels than it can hold."""
    position = file.tell()
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - len(_END)))
    end = file.read()
    file.seek(12)  # behind the signature and the first chunk's length
    name, _, _, depth, colour = struct.unpack(">4s2I2B", file.read(14))
    file.seek(position)
    if name != b"IHDR" or colour not in _SAMPLES:
        raise ValueError("it does not begin with a header")
    if end != _END:
        raise ValueError("it is cut off, or goes on after its end")
    if pixels * depth * _SAMPLES[colour] > 8 * size * DEFLATE_MAX_RATIO:
        raise ValueError(f"it declares {pixels} pixels, more than its {size} bytes can fill")


def _grey(image: Any, form: str | None) -> np.ndarray[Any, Any]:
    """Luminance over black, from any kind of colour. The format says what the numbers of some kinds mean."""
    from PIL import Image

    if image.mode == "P" and image.palette is None:
        raise ValueError("its colours are numbers of a palette, and it has no palette")
    if image.mode[0] in "IF":  # more than 8 bits, which convert("L") would cut off and not scale
        values = np.asarray(image)
        transparent = image.info.get("transparency")
        grey = _eight_bits(values, image.mode.startswith("I;16") or form in ("PNG", "PPM"))
        return grey if transparent is None else np.where(values == transparent, np.uint8(0), grey)
    if image.mode == "LAB":
        return np.array(image.getchannel("L"))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    return np.array(image.convert("L"))


def _eight_bits(values: np.ndarray[Any, Any], are_16_bits: bool) -> np.ndarray[Any, Any]:
    """Grey values of 8 bits from wider ones; their scale is told by their range, where nothing else tells it."""
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= (65535 if values.dtype.kind in "iu" else 255)):
        raise ValueError(f"its values go from {low} to {high}, and which of them is white nothing says")
    if values.dtype.kind == "f":
        return (values * (255 if high <= 1 else 1) + 0.5).astype(np.uint8)
    return (values.astype(np.int64) >> (8 if are_16_bits or high > 255 else 0)).astype(np.uint8)


def resize(images: np.ndarray[Any, Any], size: tuple[int, int]) -> np.ndarray[Any, Any]:
    """Resize grey images, bilinearly, and averaging over what falls into a pixel when shrinking.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, height, width)
    size : (int, int)
        The new height and width.

    Returns
    -------
    ndarray of uint8, shape (n, *size)
        The same array if it has that size.

    Raises
    ------
    TypeError, ValueError
        If the images are not of that type and shape, or the size is not positive.

    Notes
    -----
    The triangle filter of Pillow's BILINEAR, with pixel centres at half-integers, applied along both axes before
    rounding once; Pillow rounds after each axis, so values may differ by 1.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert.data.images import resize
    >>> resize(np.array([[[0, 200]]], dtype=np.uint8), (1, 4))
    array([[[  0,  50, 150, 200]]], dtype=uint8)
    """
    if images.dtype != np.uint8 or images.ndim != 3:
        raise TypeError(f"resize: expected uint8 of shape (n, height, width), got {images.dtype} of {images.shape}")
    height, width = size
    if min(height, width, *images.shape[1:]) < 1:
        raise ValueError(f"resize: expected positive sizes, got images of {images.shape[1:]} to resize to {size}")
    if images.shape[1:] == (height, width):
        return images
    rows, columns = (_filter(*sizes) for sizes in zip(images.shape[1:], size, strict=True))
    flat = images.reshape(len(images), images.shape[1] * images.shape[2])
    result = np.empty((len(images), height, width), np.uint8)
    at_once = max(1, (1 << 20) // max(flat.shape[1], height * width))  # what fits into the cache
    for start in range(0, len(images), at_once):
        end = min(start + at_once, len(images))
        part = gather_rows(flat, np.arange(start, end), dtype=np.float32).reshape(-1, images.shape[2])
        across = (from_numpy(part) @ from_numpy(columns.T)).reshape(end - start, images.shape[1], width)
        result[start:end] = ((from_numpy(rows) @ across).numpy() + np.float32(0.5)).astype(np.uint8)
    return result


def _filter(old: int, new: int) -> np.ndarray[Any, Any]:
    """The weights of the old pixels in each new one, (new, old) float32; each row sums to 1."""
    scale = old / new
    reach = max(scale, 1.0)
    centres = (np.arange(new)[:, None] + 0.5) * scale - 0.5
    weights: np.ndarray[Any, Any] = np.maximum(0, 1 - np.abs(np.arange(old) - centres) / reach)
    weights /= weights.sum(1, keepdims=True)
    return weights.astype(np.float32)
