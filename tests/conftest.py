"""Options and fixtures that every test file shares."""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from wengert import _kernels

# A shell starts background jobs with Ctrl-C ignored, and Python then leaves it so; the tests of Ctrl-C need it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--exhaustive", action="store_true", help="check the float32 functions on all 2**32 inputs (minutes) "
    )
    parser.addoption("--kills", type=int, default=4, help="how often to kill a run in training (default: 4)")
    parser.addoption("--tries", type=int, default=1, help="how often a rank meets with each fault (default: 1)")
    parser.addoption("--steps", type=int, default=1000, help="how long to train and watch memory (default: 1000)")
    parser.addoption("--left-out", action="store_true", help="run what the last run of all tests skipped, and no more")
    parser.addoption("--fuzz", type=int, default=100, metavar="N", help="examples for each binding in test_fuzz.py")


class Skipped:
    """Notes what a run of all tests skips, so that a later one with more packages needs run no other."""

    KEY = "wengert/left-out"

    def __init__(self) -> None:
        self.places: set[str] = set()  # of tests, and of files that skip themselves

    def note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self.places.add(report.nodeid)

    pytest_runtest_logreport = note
    pytest_collectreport = note

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        session.config.cache.set(self.KEY, sorted(self.places))


def pytest_configure(config: pytest.Config) -> None:
    everything = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not config.option.keyword
    if everything and not config.option.left_out and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Skipped())


@functools.cache  # asked for each file
def left_out(config: pytest.Config) -> tuple[set[str], set[str]]:
    """The tests, and the files whole, that --left-out runs; and the files that these are in."""
    places = config.cache.get(Skipped.KEY, None)
    if places is None:
        raise pytest.UsageError("--left-out runs what a run of all tests skipped; there was none: run pytest first")
    return {*places}, {place.partition("::")[0] for place in places}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if not config.option.left_out or collection_path.is_dir():
        return None
    _, files = left_out(config)
    return collection_path.relative_to(config.rootpath).as_posix() not in files or None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.option.left_out:
        return
    wanted, _ = left_out(config)
    parts: tuple[list[pytest.Item], list[pytest.Item]] = ([], [])
    for item in items:
        parts[item.nodeid in wanted or item.nodeid.partition("::")[0] in wanted].append(item)
    config.hook.pytest_deselected(items=parts[0])
    items[:] = parts[1]


def pytest_collection_finish() -> None:
    """Tens of thousands of tests are objects that no collection of garbage need look at again."""
    gc.collect()
    gc.freeze()


if "PYTEST_XDIST_WORKER" in os.environ:  # NumPy's products on all cores in every process would wait for each other
    with contextlib.suppress(ImportError):
        from threadpoolctl import threadpool_limits

        threadpool_limits(1, user_api="blas")


@pytest.fixture(params=_kernels.available_isas())
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each instruction set that this machine has, in turn."""
    before = _kernels.isa()
    _kernels.select_isa(request.param)
    yield request.param
    _kernels.select_isa(before)


@pytest.fixture(params=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> np.dtype:
    """Each dtype that the kernels compute in."""
    return np.dtype(request.param)


@pytest.fixture(autouse=True)
def restored_threads() -> Iterator[None]:
    """Whatever number of threads a test sets, the next finds the one that was."""
    before = _kernels.get_num_threads()
    yield
    _kernels.set_num_threads(before)


@pytest.fixture(autouse=True)
def seeded() -> None:
    """What PyTorch draws, where a test has imported it, does not depend on which tests share the process."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(0)


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest, restored_threads: None) -> int:
    """One thread and two."""
    _kernels.set_num_threads(request.param)
    return request.param
