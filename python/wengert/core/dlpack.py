"""Arrays that share their memory with other libraries by DLPack: handed out, and taken in."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _kernels
from .variable import Variable

DEVICE = 1, 0  # the CPU; there is no other


_EXPORTS_VERSIONED = np.lib.NumpyVersion(np.__version__) >= "2.1.0"  # capsules that tell who may write


def exported(array: np.ndarray, stream: Any, max_version: Any, device: Any, copy: bool | None) -> Any:
    """The DLPack capsule of an array, as `__dlpack__` gives it to the library that asks.

    Raises
    ------
    BufferError
        If the array cannot be shown as it lies, and may not be copied.
    """
    if device is not None and tuple(device) != DEVICE:
        raise BufferError(f"__dlpack__: a tensor lives on the CPU, device {DEVICE}; asked for {tuple(device)}")
    if stream is not None:
        raise BufferError(f"__dlpack__: the CPU has no streams; expected stream=None, got {stream!r}")
    if copy:
        array = array.copy()
    elif any(step < 0 for step in array.strides):
        raise BufferError(
            "__dlpack__: this tensor runs backwards through memory, which other libraries do not take; clone() it, or "
            "ask for copy=True"
        )
    if max_version is None or not _EXPORTS_VERSIONED:
        return array.__dlpack__()
    return array.__dlpack__(max_version=max_version)


def imported(x: Any, copy: bool | None = None) -> np.ndarray:
    """An array over the memory of another library's array or tensor, or of a capsule; with `copy`, over a copy.

    Raises
    ------
    TypeError
        If x does not offer DLPack.
    BufferError
        If the memory is not the CPU's.
    """
    capsule, is_copied = (x, False) if type(x).__name__ == "PyCapsule" else _capsule_of(x, copy)
    writable = isinstance(x, (np.ndarray, Variable))  # if the capsule does not say: they export no read-only memory so
    array = _kernels.from_dlpack(capsule, writable)
    return array.copy() if copy and not is_copied else array


def _capsule_of(x: Any, copy: bool | None) -> tuple[Any, bool]:
    """The capsule that an object gives, if it can one that says whether its memory may be written; and whether that
    is a copy."""
    if not hasattr(x, "__dlpack__"):
        raise TypeError(f"from_dlpack: expected an object with __dlpack__, got {type(x).__name__}; use as_tensor")
    device = tuple(x.__dlpack_device__())
    if device[0] != DEVICE[0]:
        raise BufferError(f"from_dlpack: expected memory of the CPU, device {DEVICE}, got device {device}")
    asked: dict[str, Any] = {"max_version": (1, 0), "copy": True} if copy else {"max_version": (1, 0)}
    try:
        return x.__dlpack__(**asked), bool(copy)
    except TypeError:  # of a library from before there were such keywords
        return x.__dlpack__(), False
