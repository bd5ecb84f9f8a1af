"""Two threads against one, of wengert alone: on a quiet machine, and while another process keeps a core busy.

Whatever `WENGERT_BENCH_THREADS` says, both are measured here, by the clock on the wall.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

import trainers
import wengert as wg
from nets import NETS, training_step
from timing import WALL
from trainers import Images, Task


@pytest.fixture(autouse=True)
def restored_threads() -> Iterator[None]:
    before = wg.get_num_threads()
    yield
    wg.set_num_threads(before)


@pytest.fixture
def busy_neighbour() -> Iterator[None]:
    """Another process that computes without a pause."""
    with subprocess.Popen(
        [sys.executable, "-c", "print('on', flush=True)\nwhile True: pass"], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield
        process.kill()


def with_threads(count: int, function: Callable[[], Any]) -> Callable[[], Any]:
    def run() -> Any:
        wg.set_num_threads(count)
        return function()

    return run


def one_and_two(function: Callable[[], Any]) -> dict[str, Any]:
    return {"1 thread": with_threads(1, function), "wengert": with_threads(2, function)}


def product(size: int) -> Callable[[], Any]:
    a, b = np.random.default_rng(0).random((2, size, size), dtype=np.float32)
    return partial(wg.matmul, wg.from_numpy(a), wg.from_numpy(b))


def addition(n: int) -> Callable[[], Any]:
    x, y = np.random.default_rng(0).random((2, n), dtype=np.float32)
    return partial(wg.add, wg.from_numpy(x), wg.from_numpy(y))


@pytest.mark.parametrize("size", [64, 128, 256, 512, 1024, 2048])
def test_matmul(contest: Any, size: int) -> None:
    goals = ["matmul, threads"] if size >= 512 else []
    contest(one_and_two(product(size)), clocks=WALL, goals=goals, rtol=0, seconds=1.5)


@pytest.mark.parametrize("n", [1_000, 10_000, 100_000, 1_000_000, 10_000_000])
def test_addition(contest: Any, n: int) -> None:
    contest(one_and_two(addition(n)), clocks=WALL, rtol=0)


@pytest.mark.parametrize("name", ["LeNet", "plain"])
def test_step_of_a_network(contest: Any, name: str) -> None:
    make, shape = NETS[name]
    rng = np.random.default_rng(0)
    images, labels = rng.standard_normal((256, *shape), np.float32), rng.integers(0, 10, 256)
    functions = {}
    for threads, who in ((1, "1 thread"), (2, "wengert")):
        step = training_step(wg, make(wg.nn), wg.from_numpy(images), wg.from_numpy(labels))
        functions[who] = with_threads(threads, step)
    contest(functions, clocks=WALL, goals=["CNN, threads"], rtol=0, seconds=4.0)


@pytest.mark.parametrize("batch", [32, 256])
def test_epoch(contest: Any, batch: int) -> None:
    data, task = Images(), Task(batch=batch)
    functions = {
        "1 thread": trainers.in_wengert(data, task, threads=1),
        "wengert": trainers.in_wengert(data, task, threads=2),
    }
    contest(functions, clocks=WALL, goals=["epoch, threads"] if batch == 256 else [], rtol=0, seconds=3.0)


@pytest.mark.usefixtures("busy_neighbour")
def test_addition_of_a_million_beside_a_busy_neighbour(contest: Any) -> None:
    contest(one_and_two(addition(1_000_000)), clocks=WALL, goals=["busy neighbour"], rtol=0, seconds=2.0)


@pytest.mark.usefixtures("busy_neighbour")
def test_matmul_beside_a_busy_neighbour(contest: Any) -> None:
    contest(one_and_two(product(512)), clocks=WALL, goals=["busy neighbour"], rtol=0, seconds=2.0)
