"""IDX files, the format of MNIST and of the data sets made in its image.

An IDX file is two zero bytes, one byte for the type of the elements, one for the number of dimensions, a big-endian
32-bit length per dimension, and the elements, big-endian, the last dimension varying fastest. It is often compressed
with gzip as a whole. Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".

The reader does not trust its file: nothing is allocated before the file has shown that it can fill it, and whatever the
format does not allow is an `IDXError`.
"""

from __future__ import annotations

import gzip
import io
import math
import os
import struct
import sys
import zlib
from typing import Any, BinaryIO, cast

import numpy as np

from ._files import replacing

_DTYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(np.uint8),
    0x09: np.dtype(np.int8),
    0x0B: np.dtype(np.int16),
    0x0C: np.dtype(np.int32),
    0x0D: np.dtype(np.float32),
    0x0E: np.dtype(np.float64),
}
_CODES = {dtype: code for code, dtype in _DTYPES.items()}
_MAX_DIMENSIONS = 64  # NumPy's limit; the format's is 255
_GZIP_MAGIC = b"\x1f\x8b"
DEFLATE_MAX_RATIO = 1032  # two bits can stand for 258 bytes, and no two bits for more
_CHUNK = 1 << 20


class IDXError(ValueError):
    """A file is not a well-formed IDX file, or not the one it should be. The message names the file."""


def read_idx(file: str | os.PathLike[str] | BinaryIO, *, max_bytes: int | None = None) -> np.ndarray[Any, Any]:
    """Read an array from an IDX file.

    Parameters
    ----------
    file : path or binary file
        Raw or gzip-compressed, told apart by the first two bytes and not by the name. A file object is read from where
        it stands to its end.
    max_bytes : int, optional
        Refuse a file whose header declares more bytes of elements than this, before reading them. Useful for
        compressed files from strangers, which may grow a thousandfold.

    Returns
    -------
    ndarray
        Of the shape and type that the header declares (uint8, int8, int16, int32, float32 or float64), in native byte
        order, writable.

    Raises
    ------
    IDXError
        If the magic number or the type is wrong, the lengths are more than can be addressed or than the file holds, the
        file ends early, goes on after the last element, or its compression is damaged.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import io
    >>> from wengert.data import read_idx
    >>> read_idx(io.BytesIO(bytes([0, 0, 0x08, 1, 0, 0, 0, 3, 7, 8, 9])))
    array([7, 8, 9], dtype=uint8)
    """
    if isinstance(file, (str, os.PathLike)):
        with open(file, "rb") as opened:
            return _read(opened, os.fspath(file), max_bytes)
    name = str(getattr(file, "name", type(file).__name__))
    if isinstance(file, io.TextIOBase):
        raise TypeError(f"read_idx: {name} is open as text; it must be a path or a file opened in binary mode ('rb')")
    if hasattr(file, "peek"):
        return _read(cast("io.BufferedReader[Any]", file), name, max_bytes)
    buffered: io.BufferedReader[Any] = io.BufferedReader(cast(io.RawIOBase, file))
    try:
        return _read(buffered, name, max_bytes)
    finally:
        buffered.detach()  # or the caller's file would be closed with the buffer


def write_idx(
    file: str | os.PathLike[str] | BinaryIO, array: np.ndarray[Any, Any], *, compress: bool | None = None
) -> None:
    """Write an array as an IDX file.

    Parameters
    ----------
    file : path or binary file
        A path is replaced in one step when everything is written, so it never holds half an array.
    array : ndarray
        uint8, int8, int16, int32, float32 or float64 in any byte order, of any shape whose lengths are below 2**32.
    compress : bool, optional
        Whether to compress with gzip. By default, if `file` is a path that ends in ``.gz``. No time is recorded, so the
        same array gives the same bytes.

    Raises
    ------
    TypeError
        If IDX has no such element type.
    ValueError
        If a length does not fit in 32 bits.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import io, numpy as np
    >>> from wengert.data import read_idx, write_idx
    >>> file = io.BytesIO()
    >>> write_idx(file, np.array([[1.5, -2.0]], dtype=np.float32))
    >>> _ = file.seek(0)
    >>> read_idx(file)
    array([[ 1.5, -2. ]], dtype=float32)
    """
    array = np.asarray(array)
    code = _CODES.get(array.dtype.newbyteorder("="))
    if code is None:
        supported = ", ".join(str(dtype) for dtype in _CODES)
        raise TypeError(f"write_idx: IDX has no element type for {array.dtype}; it has {supported}")
    if any(length >= 1 << 32 for length in array.shape):
        raise ValueError(f"write_idx: a length of the shape {array.shape} does not fit in IDX's 32 bits")
    header = struct.pack(f">2xBB{array.ndim}I", code, array.ndim, *array.shape)
    content = header + array.astype(array.dtype.newbyteorder(">"), copy=False).tobytes()

    is_path = isinstance(file, (str, os.PathLike))
    if compress is None:
        compress = is_path and os.fspath(cast(str, file)).endswith(".gz")
    if compress:
        content = gzip.compress(content, compresslevel=6, mtime=0)
    if is_path:
        with replacing(cast(str, file)) as opened:
            opened.write(content)
    else:
        cast(BinaryIO, file).write(content)


def _read(stream: io.BufferedReader[Any], name: str, max_bytes: int | None) -> np.ndarray[Any, Any]:
    """Read the array from a stream that may be compressed."""
    remaining = _remaining(stream)
    if stream.peek(2)[:2] != _GZIP_MAGIC:
        return _parse(stream, name, remaining, max_bytes)
    at_most = None if remaining is None else remaining * DEFLATE_MAX_RATIO
    try:
        with gzip.GzipFile(fileobj=stream) as content:
            return _parse(content, name, at_most, max_bytes)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise IDXError(f"{name}: the gzip data is damaged: {error}") from error


def is_idx(start: bytes) -> bool:
    """Whether these first bytes of a file, 4 or more, are of an IDX file with dimensions, or of a gzip file."""
    return start[:2] == _GZIP_MAGIC or (start[:2] == b"\0\0" and start[2] in _DTYPES and start[3] > 0)


def _remaining(stream: io.BufferedReader[Any]) -> int | None:
    """The number of bytes from the stream's position to its end; None for a pipe, which cannot know."""
    if not stream.seekable():
        return None
    position = stream.tell()
    end = stream.seek(0, io.SEEK_END)
    stream.seek(position)
    return max(end - position, 0)


def _parse(
    content: io.BufferedReader[Any] | gzip.GzipFile, name: str, at_most: int | None, max_bytes: int | None
) -> np.ndarray[Any, Any]:
    """Read header and elements from uncompressed content of at most `at_most` bytes, where that is known."""
    magic = content.read(4)
    if len(magic) < 4:
        raise IDXError(f"{name}: an IDX file begins with a magic number of 4 bytes, found {len(magic)}")
    if magic[:2] != b"\0\0" or magic[2] not in _DTYPES:
        codes = ", ".join(f"{code:02x} ({dtype})" for code, dtype in _DTYPES.items())
        raise IDXError(
            f"{name}: not an IDX file: it begins with {magic.hex(' ')} and not with 00 00, an element type out of "
            f"{codes}, and the number of dimensions"
        )
    dtype, ndim = _DTYPES[magic[2]], magic[3]
    if ndim > _MAX_DIMENSIONS:
        raise IDXError(f"{name}: the header declares {ndim} dimensions; NumPy has at most {_MAX_DIMENSIONS}")
    lengths = content.read(4 * ndim)
    if len(lengths) < 4 * ndim:
        raise IDXError(f"{name}: the file ends inside the lengths of its {ndim} dimensions")
    shape = struct.unpack(f">{ndim}I", lengths)

    # NumPy's rule for what can be addressed leaves lengths of 0 out of the product.
    if dtype.itemsize * math.prod(max(length, 1) for length in shape) > sys.maxsize:
        raise IDXError(f"{name}: the header declares the shape {shape} of {dtype}, more than can be addressed")
    expected = dtype.itemsize * math.prod(shape)
    declared = f"the header declares {expected} bytes of elements, shape {shape} of {dtype}"
    if max_bytes is not None and expected > max_bytes:
        raise IDXError(f"{name}: {declared}, and at most {max_bytes} were expected")
    if at_most is not None and 4 + 4 * ndim + expected > at_most:
        raise IDXError(f"{name}: {declared}, and the file is too short to hold them: it is truncated")

    # Grows with what has been read, so a header that promises too much costs nothing.
    elements = bytearray()
    while len(elements) < expected:
        chunk = content.read(min(_CHUNK, expected - len(elements)))
        if not chunk:
            raise IDXError(f"{name}: {declared}, and the file ends after {len(elements)}: it is truncated")
        elements += chunk
    if content.read(1):  # for gzip, reaching the end is also what checks the sum
        raise IDXError(f"{name}: {declared}, and the file goes on after them")
    # A copy also of bytes: NumPy puts large arrays in huge pages, where picking rows at random is a quarter faster.
    return np.ndarray(shape, dtype.newbyteorder(">"), buffer=elements).astype(dtype)
