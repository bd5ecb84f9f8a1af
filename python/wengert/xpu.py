"""PyTorch's questions about Intel's GPUs, answered as `wengert.cuda` answers those about others.

Examples
--------
>>> wg.xpu.is_available(), wg.xpu.device_count()
(False, 0)
"""

from __future__ import annotations

from .core.missing import explain
from .cuda import (
    device_count,
    empty_cache,
    is_available,
    is_initialized,
    manual_seed,
    manual_seed_all,
    max_memory_allocated,
    memory_allocated,
    synchronize,
)

__all__ = [
    "device_count", "empty_cache", "is_available", "is_initialized", "manual_seed", "manual_seed_all",
    "max_memory_allocated", "memory_allocated", "synchronize",
]  # fmt: skip

explain(__name__)
