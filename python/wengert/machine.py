"""What this machine is and can do: what `wengert info` prints and what every benchmark is quoted with.

Two ceilings bound any kernel: the multiply-adds that a core can do when all data are in its registers, and the bytes
that the memory delivers when none are in a cache. Both are measured here with the library's own kernels, in a moment;
other work on the machine lowers them.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from . import _kernels
from ._kernels import __version__ as __version__
from ._kernels import get_num_threads as get_num_threads
from ._kernels import isa as isa
from ._kernels import set_num_threads as set_num_threads

_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
_ORDINARY_CACHE = 32 << 20  # assumed where the system does not tell
_LARGEST_ARRAY = 256 << 20


def describe() -> dict[str, Any]:
    """The machine, the versions, and how this process computes.

    Returns
    -------
    dict
        "processor", "machine", "system", "cores" (that this process may use), "wengert", "python", "numpy" (versions),
        "isa" (instruction set in use), "available_isas", "bfloat16" (whether it has instructions for that, which
        `set_float32_matmul_precision("medium")` uses), "threads".

    Examples
    --------
    >>> from wengert import machine
    >>> machine.describe()["threads"] == wg.get_num_threads()
    True
    """
    return {
        "processor": _processor(),
        "machine": platform.machine(),
        "system": platform.system(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "wengert": _kernels.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "isa": _kernels.isa(),
        "available_isas": list(_kernels.available_isas()),
        "bfloat16": _kernels.medium(-1) == 1,
        "threads": _kernels.get_num_threads(),
    }


def _processor() -> str:
    """The processor's name as the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def largest_cache() -> int:
    """Bytes of the largest cache; of an ordinary one where the system does not tell.

    Returns
    -------
    int

    Examples
    --------
    >>> from wengert import machine
    >>> machine.largest_cache() > 100_000
    True
    """
    sizes = [file.read_text().strip() for file in _CACHES.glob("index*/size")]
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    return max((int(size[:-1]) * units[size[-1]] for size in sizes if size[-1:] in units), default=_ORDINARY_CACHE)


def ceilings(seconds: float = 0.05) -> dict[str, float]:
    """Measure what bounds the kernels.

    Parameters
    ----------
    seconds : float
        For each of the measurements.

    Returns
    -------
    dict
        "float32" and "float64": FLOP/s of one thread in a loop of fused multiply-adds on registers. "read" and "write":
        bytes/s with the threads in use, of a sum over an array larger than the caches, and of an addition of two such
        arrays into a third (the two arrays read and the one written are counted).

    Examples
    --------
    >>> from wengert import machine
    >>> sorted(machine.ceilings(seconds=0.001))
    ['float32', 'float64', 'read', 'write']
    """
    x = np.ones(min(2 * largest_cache(), _LARGEST_ARRAY) // 4, np.float32)
    y, add = x.copy(), _kernels.Elementwise("add")
    return {
        "float32": _kernels.peak_flops("float32", seconds),
        "float64": _kernels.peak_flops("float64", seconds),
        "read": x.nbytes / _shortest(lambda: _kernels.reduce("sum", x), seconds),
        "write": 3 * x.nbytes / _shortest(lambda: add(x, y), seconds),
    }


def _shortest(function: Callable[[], Any], seconds: float) -> float:
    """The shortest time of a call, of at least three: whatever else the machine does can only lengthen one."""
    function()  # maps the result's memory, which later calls recycle
    shortest, calls, begin = float("inf"), 0, time.perf_counter()
    while calls < 3 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        function()
        shortest = min(shortest, time.perf_counter() - start)
        calls += 1
    return shortest


def report(seconds: float = 0.05) -> str:
    """The text of `wengert info`.

    Parameters
    ----------
    seconds : float
        For each measurement of a ceiling.

    Returns
    -------
    str

    Examples
    --------
    >>> from wengert import machine
    >>> machine.report(seconds=0.001).splitlines()[1].startswith("instruction set")
    True
    """
    here, limits = describe(), ceilings(seconds)
    return "\n".join(
        [
            f"wengert {here['wengert']}, Python {here['python']}, NumPy {here['numpy']}, {here['system']}",
            f"instruction set {here['isa']} (available: {', '.join(here['available_isas'])}), "
            f"{'with' if here['bfloat16'] else 'without'} bfloat16",
            f"{here['processor']}, {here['machine']}, {here['cores']} core(s), {here['threads']} thread(s) in use",
            f"multiply-adds on registers, one thread, float32: {limits['float32'] / 1e9:.0f} GFLOP/s",
            f"multiply-adds on registers, one thread, float64: {limits['float64'] / 1e9:.0f} GFLOP/s",
            f"memory, reading: {limits['read'] / 1e9:.1f} GB/s; reading two arrays and writing one: "
            f"{limits['write'] / 1e9:.1f} GB/s",
        ]
    )
