"""PyTorch's questions about whatever device a machine has beside its CPU, answered: there is none.

Examples
--------
>>> wg.accelerator.current_accelerator() if wg.accelerator.is_available() else wg.device("cpu")
device(type='cpu')
"""

from __future__ import annotations

from typing import NoReturn

from .core.devices import device
from .core.missing import explain
from .cuda import (
    device_count,
    empty_cache,
    is_available,
    max_memory_allocated,
    memory_allocated,
    reset_peak_memory_stats,
    synchronize,
)

__all__ = [
    "current_accelerator", "current_device_index", "device_count", "empty_cache", "is_available",
    "max_memory_allocated", "memory_allocated", "reset_peak_memory_stats", "synchronize",
]  # fmt: skip


def current_accelerator(check_available: bool = False) -> device | None:
    """The kind of device beside the CPU.

    Parameters
    ----------
    check_available : bool

    Returns
    -------
    device or None
        None: there is none.

    Examples
    --------
    >>> wg.accelerator.current_accelerator() or "cpu"
    'cpu'
    """
    return None


def current_device_index() -> NoReturn:
    """The number of the device in use, if there were one beside the CPU.

    Raises
    ------
    RuntimeError
        Always.

    Examples
    --------
    >>> wg.accelerator.current_device_index() if wg.accelerator.is_available() else -1
    -1
    """
    raise RuntimeError(
        "accelerator.current_device_index: there is no device beside the CPU for this library; ask is_available()"
    )


explain(__name__)
