"""How opponents are timed: in one run, interleaved, with the same number of threads, their answers compared.

`WENGERT_BENCH_THREADS` sets the threads of everybody (default 1); it has to be known before any of them is imported.
"""

from __future__ import annotations

import os

THREADS = int(os.environ.get("WENGERT_BENCH_THREADS", "1"))
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "WENGERT_NUM_THREADS"):
    os.environ[variable] = str(THREADS)
os.environ.setdefault(
    "XLA_FLAGS", f"--xla_cpu_multi_thread_eigen={str(THREADS > 1).lower()} intra_op_parallelism_threads={THREADS}"
)
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import statistics  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import pytest  # noqa: E402

Contest = Callable[..., None]


def pytest_configure(config: pytest.Config) -> None:
    config._wengert_contests = []


def _times(functions: dict[str, Callable[[], Any]], seconds: float, rounds: int) -> dict[str, list[float]]:
    """Seconds per call of each function, one sample a round, the functions taking turns within a round."""
    loops = {}
    for name, function in functions.items():
        function()  # warm-up: compilation, page faults, caches
        start = time.perf_counter()
        function()
        loops[name] = max(1, round(seconds / rounds / max(time.perf_counter() - start, 1e-7)))
    samples: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            start = time.perf_counter()
            for _ in range(loops[name]):
                function()
            samples[name].append((time.perf_counter() - start) / loops[name])
    return samples


def as_array(x: Any) -> np.ndarray:
    """An opponent's answer as an array."""
    if hasattr(x, "detach"):
        x = x.detach()
    return np.asarray(x)


@pytest.fixture
def contest(benchmark: Any, request: pytest.FixtureRequest) -> Contest:
    """Time several ways of computing one thing: contest({"numpy": f, "wengert": g}, rtol=...).

    The answers are compared first. With --benchmark-disable that is all. The medians stand in the benchmark's extra_info
    and, as ratios, in the summary; pytest-benchmark's own columns time wengert.
    """

    def run(
        functions: dict[str, Callable[[], Any]], *, rtol: float = 1e-5, atol: float = 0.0, seconds: float = 0.2, rounds: int = 15,
    ) -> None:  # fmt: skip
        expected = as_array(functions["wengert"]())
        for name, function in functions.items():
            got = as_array(function())
            scale = float(np.abs(expected).max()) if expected.size else 0.0
            np.testing.assert_allclose(got, expected, rtol=rtol, atol=atol + rtol * scale, err_msg=f"{name} disagrees")
        if benchmark.enabled:
            medians = {k: statistics.median(v) for k, v in _times(functions, seconds, rounds).items()}
            benchmark.extra_info["medians"] = medians
            benchmark.extra_info["threads"] = THREADS
            request.config._wengert_contests.append((request.node.name, medians))
        benchmark.pedantic(functions["wengert"], rounds=5, iterations=1, warmup_rounds=1)

    return run


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    contests = config._wengert_contests
    if not contests:
        return
    terminalreporter.section(f"wengert's time over each opponent's, {THREADS} thread(s), medians (below 1: faster)")
    width = max(len(name) for name, _ in contests)
    for name, medians in contests:
        ours = medians["wengert"]
        ratios = "  ".join(f"{other} {ours / t:5.2f}" for other, t in medians.items() if other != "wengert")
        terminalreporter.write_line(f"{name:<{width}}  {ours * 1e6:10.1f} us  {ratios}")
