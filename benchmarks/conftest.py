"""The fixtures that compare opponents: in one run, taking turns, with as many threads, their answers checked.

    def test_exp(contest):
        contest({"numpy": lambda: np.exp(a), "wengert": x.exp})

`--benchmark-disable` compares the answers and measures nothing. The medians stand in the benchmark's `extra_info`, from
where `report.py` takes them, and as ratios in the summary; the columns of pytest-benchmark's own table time wengert.
"""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from opponents import THREADS, versions  # first: it sets what the others read when they are imported

import numpy as np  # isort: skip
import pytest

from report import everywhere
from timing import CLOCKS, Clocks, interleaved, time_calls
from wengert import _kernels, machine

Functions = Mapping[str, Callable[[], Any]]


def pytest_configure(config: pytest.Config) -> None:
    config._wengert_summary = []
    config._wengert_unmeasured = []


@pytest.fixture(scope="session")
def ceilings() -> dict[str, float]:
    """What the processor and the memory can do, by `wengert.machine`."""
    return machine.ceilings()


def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict[str, Any]) -> None:
    machine_info["wengert"] = {**machine.describe(), **versions(), "threads": THREADS, "ceilings": machine.ceilings()}


def as_array(x: Any) -> np.ndarray:
    """An opponent's answer as an array."""
    return np.asarray(x.detach() if hasattr(x, "detach") else x)


def check(name: str, got: Any, expected: np.ndarray, rtol: float) -> None:
    """Whether an opponent's answer is the same, up to `rtol` of the largest item."""
    answer = as_array(got)
    assert answer.shape == expected.shape, (
        f"{name} answers with the shape {answer.shape}, wengert with {expected.shape}"
    )
    if expected.size:
        allowed = rtol * float(np.abs(expected).max())
        difference = np.subtract(answer, expected, dtype=np.result_type(expected, np.float32))
        error = float(np.abs(difference).max())
        assert error <= allowed, f"{name} and wengert differ by {error}, more than {allowed}"


class Comparison:
    """What the fixtures share: where the results of a test go."""

    def __init__(self, benchmark: Any, request: pytest.FixtureRequest) -> None:
        self.benchmark, self.request = benchmark, request
        benchmark.group = request.function.__name__.removeprefix("test_").replace("_", " ")

    @property
    def measuring(self) -> bool:
        return bool(self.benchmark.enabled)

    def keep(self, medians: dict[str, float], goals: Sequence[str], **further: Any) -> None:
        self.benchmark.extra_info.update(medians=medians, goals=list(goals), **further)
        self.request.config._wengert_summary.append((self.request.node.name, medians, further))

    def finish(self, function: Callable[[], Any]) -> None:
        """Let pytest-benchmark time wengert for its own table."""
        seconds = self.benchmark.extra_info.get("medians", {}).get("wengert", 1.0)
        self.benchmark.pedantic(function, rounds=5 if seconds < 0.1 else 1, iterations=max(1, int(1e-3 / seconds)))


@pytest.fixture
def contest(benchmark: Any, request: pytest.FixtureRequest) -> Callable[..., None]:
    """Time several ways of computing one thing: contest({"numpy": f, "wengert": g}, ...).

    rtol:    how far the answers may differ, relative to the largest item of wengert's
    seconds: for all the measurements
    goals:   names out of `goals.GOALS`
    flops:   floating-point operations of a call, of the type `dtype`: the ceiling of the processor takes part
    read, moved: bytes that a call at least reads, or reads and writes, where they are in no cache: as the ceiling
    clocks:  what times a call; `timing.CLOCKS` says which by default
    """
    comparison = Comparison(benchmark, request)

    def run(
        functions: Functions, *, rtol: float = 1e-5, seconds: float = 0.6, goals: Sequence[str] = (),
        flops: float = 0, dtype: str = "float32", read: float = 0, moved: float = 0, clocks: Clocks = CLOCKS,
    ) -> None:  # fmt: skip
        expected = as_array(functions["wengert"]()).copy()
        for name, function in functions.items():
            if name != "wengert":
                check(name, function(), expected, rtol)
        if comparison.measuring:
            further: dict[str, Callable[[], float]] = {}
            if flops:
                further["ceiling"] = lambda: flops / THREADS / _kernels.peak_flops(dtype, 0.0)
            medians = {k: statistics.median(v) for k, v in time_calls(functions, seconds, clocks, **further).items()}
            if read or moved:
                limits = request.getfixturevalue("ceilings")
                medians["ceiling"] = read / limits["read"] + moved / limits["write"]
            comparison.keep(medians, goals)
        comparison.finish(functions["wengert"])

    return run


@pytest.fixture
def bfloat16(request: pytest.FixtureRequest) -> None:
    """For what only processors with these instructions do; elsewhere the summary says what was not measured."""
    if not machine.describe()["bfloat16"]:
        request.config._wengert_unmeasured.append(request.node.name)
        pytest.skip("this processor has no instructions for bfloat16")


@pytest.fixture
def measured(benchmark: Any, request: pytest.FixtureRequest) -> Callable[..., None]:
    """Compare numbers that functions measure themselves, as a process its memory: measured({...}, unit="B")."""
    comparison = Comparison(benchmark, request)

    def run(
        measures: Mapping[str, Callable[[], float]], *, unit: str = "s", rounds: int = 5, goals: Sequence[str] = ()
    ) -> None:
        samples = interleaved(measures, rounds if comparison.measuring else 1)
        if comparison.measuring:
            comparison.keep({k: statistics.median(v) for k, v in samples.items()}, goals, unit=unit)
        comparison.finish(lambda: None)

    return run


@pytest.fixture
def modules_apart() -> Iterator[None]:
    """Take what the imported libraries hold out of the garbage collector's sight: a program imports one of them."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def growth(modules_apart: None, benchmark: Any, request: pytest.FixtureRequest) -> Callable[..., None]:
    """Time one thing at several sizes: growth({16: {"wengert": f, ...}, 64: ...}, work={16: 1e6, 64: 4e6}, of="batch").

    `work` is what the time is divided by, in any unit, to tell whether anything grows faster. The answers of the
    opponents are compared at every size.
    """
    comparison = Comparison(benchmark, request)

    def run(
        sizes: Mapping[int, Functions], *, work: Mapping[int, float], of: str, rtol: float = 1e-5, seconds: float = 4.0
    ) -> None:
        flat = {(size, name): function for size, functions in sizes.items() for name, function in functions.items()}
        for size, functions in sizes.items():
            expected = as_array(functions["wengert"]()).copy()
            for name, function in functions.items():
                if name != "wengert":
                    check(f"at {of} {size}, {name}", function(), expected, rtol)
        if comparison.measuring:
            times = time_calls(flat, seconds)
            rows = [
                {
                    "size": size,
                    "work": work[size],
                    "medians": {name: statistics.median(times[size, name]) for name in functions},
                }
                for size, functions in sizes.items()
            ]
            comparison.keep(rows[-1]["medians"], (), growth={"of": of, "rows": rows})
        comparison.finish(sizes[max(sizes)]["wengert"])

    return run


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    rows = [row for _, _, further in config._wengert_summary for row in further.get("rows", ())]
    if rows:
        terminalreporter.section(f"wengert's time over PyTorch's, {THREADS} thread(s), medians")
        terminalreporter.write_line(everywhere(rows))
    for name in config._wengert_unmeasured:
        terminalreporter.write_line(f"{name}: not measured, as this processor has no instructions for bfloat16")
    summary = [(name, medians, further) for name, medians, further in config._wengert_summary if "rows" not in further]
    if not summary:
        return
    terminalreporter.section(f"wengert's time over each opponent's, {THREADS} thread(s), medians (below 1: faster)")
    width = max(len(name) for name, _, _ in summary)
    for name, medians, further in summary:
        ours = medians["wengert"]
        value = f"{ours * 1e6:10.1f} us" if further.get("unit", "s") == "s" else f"{ours / 2**20:9.1f} MiB"
        ratios = "  ".join(f"{other} {ours / t:5.2f}" for other, t in medians.items() if other != "wengert")
        terminalreporter.write_line(f"{name:<{width}}  {value}  {ratios}")
