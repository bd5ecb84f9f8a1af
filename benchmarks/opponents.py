"""The peers that are compared with, where they are installed, and the threads that everybody gets.

`WENGERT_BENCH_THREADS` (default 1) is the number of threads of all of them. With `WENGERT_ISA=v3` the peers are held
to AVX2 too. Most of them read both once, when they are imported, so this module has to be imported before any of them.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

THREADS = int(os.environ.get("WENGERT_BENCH_THREADS", "1"))
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "WENGERT_NUM_THREADS", "NPROC"):
    os.environ[_variable] = str(THREADS)
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("XLA_FLAGS", f"--xla_cpu_multi_thread_eigen={str(THREADS > 1).lower()}")
if os.environ.get("WENGERT_ISA") == "v3":
    os.environ.setdefault("OPENBLAS_CORETYPE", "Haswell")
    os.environ.setdefault("MKL_ENABLE_INSTRUCTIONS", "AVX2")
    os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")
    os.environ.setdefault("ATEN_CPU_CAPABILITY", "avx2")


def load(name: str) -> Any:
    """A module, or None where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


torch = load("torch")
if torch is not None:
    torch.set_num_threads(THREADS)
jax = load("jax")
if jax is not None:
    jax.config.update("jax_enable_x64", True)


def jitted(function: Callable[..., Any], *arrays: Any) -> Callable[[], Any]:
    """A compiled call of a JAX function on these arrays that returns when its result is there."""
    compiled = jax.jit(function)
    inputs = [jax.numpy.asarray(array) for array in arrays]
    return lambda: jax.block_until_ready(compiled(*inputs))


def medium(library: Any, function: Callable[[], Any]) -> Callable[[], Any]:
    """A function while a library may multiply float32 in bfloat16."""

    def run() -> Any:
        library.set_float32_matmul_precision("medium")
        try:
            return function()
        finally:
            library.set_float32_matmul_precision("highest")

    return run


def versions() -> dict[str, str]:
    """Of the peers that are installed."""
    peers = (("torch", torch), ("jax", jax), ("scikit-learn", sys.modules.get("sklearn")))
    return {name: module.__version__ for name, module in peers if module is not None}
