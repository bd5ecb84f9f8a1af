"""Training: a pass over shuffled images, its memory, and how its cost grows with batch, width and depth."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

import trainers
import wengert as wg
from opponents import jax, medium, torch
from trainers import TRAINERS, Images, Task

INSTALLED = {"numpy": True, "torch": torch is not None, "jax": jax is not None}


@pytest.fixture(scope="module")
def data() -> Images:
    return Images()


def contestants(data: Images, task: Task, names: tuple[str, ...] = tuple(TRAINERS)) -> dict[str, Any]:
    """A pass by everybody who is installed. Each pass goes on training: the answers are the losses of the first."""
    return {name: TRAINERS[name](data, task) for name in names if INSTALLED.get(name, True)}


@pytest.mark.parametrize("batch", [32, 256])
def test_epoch(contest: Any, data: Images, batch: int) -> None:
    task = Task(batch=batch)
    goals = ["epoch", "epoch, JAX"] if batch == 256 else ["epoch, small batch"]
    contest(contestants(data, task), rtol=1e-4, seconds=6.0, goals=goals, flops=task.flops())


def test_epoch_at_medium_precision(bfloat16: None, contest: Any, data: Images) -> None:
    """Products in bfloat16, beside PyTorch's in float32 and in bfloat16."""
    task = Task(batch=256)
    functions = contestants(data, task, ("torch", "wengert"))
    functions["wengert"] = medium(wg, functions["wengert"])
    if torch is not None:
        functions["torch medium"] = medium(torch, TRAINERS["torch"](data, task))
    contest(functions, rtol=1e-2, seconds=6.0, goals=["epoch, medium", "epoch, both medium"])


def test_softmax_regression_epoch(contest: Any, data: Images) -> None:
    task = Task(widths=(784, 10))
    contest(contestants(data, task), rtol=1e-4, seconds=4.0, goals=["softmax epoch"], flops=task.flops())


def test_peak_memory(measured: Any) -> None:
    """Of a process that trains, over 60 000 images and with everything that it imports."""
    names = ["wengert", *(name for name in ("torch", "jax") if INSTALLED[name])]
    losses = {}

    def peak(name: str) -> float:
        command = [sys.executable, trainers.__file__, name]
        loss, memory = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        losses[name] = float(loss)
        assert losses[name] == pytest.approx(losses.setdefault("wengert", float(loss)), rel=1e-4)
        return float(memory)

    measured({name: lambda n=name: peak(n) for name in names}, unit="B", rounds=3, goals=["epoch, memory"])


def grow(growth: Any, data: Images, tasks: dict[int, Task], of: str) -> None:
    sizes = {size: contestants(data, task, ("torch", "wengert")) for size, task in tasks.items()}
    growth(sizes, work={size: task.flops() for size, task in tasks.items()}, of=of, rtol=1e-4)


def test_growth_with_the_batch(growth: Any, data: Images) -> None:
    grow(growth, data, {n: Task(batch=n, images=4096) for n in (16, 64, 256, 1024, 4096)}, "batch")


def test_growth_with_the_width(growth: Any, data: Images) -> None:
    grow(growth, data, {n: Task((784, n, 10), 256, 512) for n in (32, 128, 512, 2048)}, "hidden units")


def test_growth_with_the_depth(growth: Any, data: Images) -> None:
    grow(growth, data, {n: Task((784, *[256] * n, 10), 256, 1024) for n in (1, 2, 4, 8)}, "hidden layers")
