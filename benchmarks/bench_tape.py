"""The tape: one small recorded operation, chains of them, derivatives of derivatives, and the import of the library."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import wengert as wg
from opponents import THREADS, jax, jitted, torch


def vectors(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, a factor near one, so that no power of it grows large, and a cotangent."""
    rng = np.random.default_rng(0)
    x, g = rng.random((2, n), dtype=np.float32)
    return x, np.float32(1) + x / np.float32(100 * n), g


def there_and_back(library: Any, box: Callable[[np.ndarray], Any], function: Callable[..., Any], n: int = 16) -> Any:
    """Record function(x, y), walk it back, give x's gradient."""
    x, y, g = (box(v) for v in vectors(n))
    x.requires_grad_()

    def run() -> Any:
        x.grad = None
        function(library, x, y).backward(g)
        return x.grad

    return run


def contestants(function: Callable[..., Any]) -> dict[str, Any]:
    functions = {}
    if torch is not None:
        functions["torch"] = there_and_back(torch, torch.from_numpy, function)
    functions["wengert"] = there_and_back(wg, wg.from_numpy, function)
    return functions


def chain(library: Any, x: Any, y: Any, length: int) -> Any:
    for _ in range(length):
        x = x * y
    return x


OPERATIONS = {
    "multiply": lambda library, x, y: x * y,
    "add": lambda library, x, y: x + y,
    "exp": lambda library, x, y: x.exp(),
    "tanh": lambda library, x, y: x.tanh(),
    "relu": lambda library, x, y: library.relu(x),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_one_operation(contest: Any, name: str) -> None:
    contest(contestants(OPERATIONS[name]), goals=["tape"])


def test_one_operation_of_python_numbers(contest: Any) -> None:
    contest(contestants(lambda library, x, y: (x * 2.0 + 1.0) / 3.0))


def test_recording_alone(contest: Any) -> None:
    """Forward only, of a variable that requires a gradient."""
    x, y, _ = vectors(16)
    functions = {}
    if torch is not None:
        functions["torch"] = partial(torch.mul, torch.from_numpy(x).requires_grad_(), torch.from_numpy(y))
    functions["wengert"] = partial(wg.multiply, wg.from_numpy(x).requires_grad_(), wg.from_numpy(y))
    contest(functions)


def test_small_network(contest: Any) -> None:
    """A step of 8-8-10 on eight rows: all of it is the cost per operation."""
    rng = np.random.default_rng(0)
    x, labels = rng.random((8, 8), dtype=np.float32), rng.integers(0, 10, 8)
    w, v = rng.random((8, 8), dtype=np.float32), rng.random((10, 8), dtype=np.float32)

    def step_of(library: Any, functional: Any, box: Callable[[np.ndarray], Any]) -> Callable[[], Any]:
        inputs, targets, first, second = (box(array) for array in (x, labels, w.copy(), v.copy()))
        first.requires_grad_()
        second.requires_grad_()

        def step() -> Any:
            first.grad = second.grad = None
            z = functional.linear(library.relu(functional.linear(inputs, first)), second)
            functional.cross_entropy(z, targets).backward()
            return first.grad

        return step

    functions = {}
    if torch is not None:
        functions["torch"] = step_of(torch, torch.nn.functional, torch.from_numpy)
    functions["wengert"] = step_of(wg, wg.nn.functional, wg.from_numpy)
    contest(functions, rtol=1e-4)


def test_growth_of_a_chain(growth: Any) -> None:
    lengths = (10, 100, 1_000, 10_000, 100_000)
    sizes = {n: contestants(partial(chain, length=n)) for n in lengths}
    growth(sizes, work={n: float(n) for n in lengths}, of="operations", rtol=1e-3)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")  # torch.func's own
@pytest.mark.parametrize("n", [10, 1000])
def test_hessian_vector_product(contest: Any, n: int) -> None:
    """Of a logistic regression's loss: forward over reverse."""
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(256, n)).astype(np.float32), rng.integers(0, 2, 256).astype(np.float32)
    w, v = rng.normal(size=(2, n)).astype(np.float32) / np.float32(np.sqrt(n))

    def in_numpy() -> np.ndarray:
        p = 1 / (1 + np.exp(-(x @ w)))
        return x.T @ (p * (1 - p) * (x @ v)) / np.float32(len(x))

    functions: dict[str, Any] = {"numpy": in_numpy}
    if torch is not None:
        their_x, their_labels, their_w, their_v = map(torch.from_numpy, (x, labels, w, v))

        def their_loss(w: Any) -> Any:
            z = their_x @ w
            return (torch.nn.functional.softplus(z) - their_labels * z).mean()

        functions["torch"] = lambda: torch.func.jvp(torch.func.grad(their_loss), (their_w,), (their_v,))[1]
    if jax is not None:

        def loss(w: Any, x: Any, labels: Any) -> Any:
            z = x @ w
            return (jax.nn.softplus(z) - labels * z).mean()

        functions["jax"] = jitted(
            lambda w, v, x, labels: jax.jvp(lambda w: jax.grad(loss)(w, x, labels), (w,), (v,))[1], w, v, x, labels
        )
    our_x, our_labels, our_w, our_v = map(wg.from_numpy, (x, labels, w, v))

    def our_loss(w: Any) -> Any:
        z = our_x @ w
        return (wg.softplus(z) - our_labels * z).mean()

    functions["wengert"] = lambda: wg.func.hvp(our_loss, our_w, our_v)
    contest(functions, rtol=1e-4)


def test_import(measured: Any) -> None:
    """In a new process, the interpreter's own start left out."""
    clock = "process_time" if THREADS == 1 else "perf_counter"
    keeping = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}  # compiled once, as installed

    def seconds(module: str) -> float:
        script = f"import time; start = time.{clock}(); import {module}; print(time.{clock}() - start)"
        run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=keeping)
        return float(run.stdout)

    measures = {"numpy": lambda: seconds("numpy"), "numpy and 40 ms": lambda: seconds("numpy") + 0.04}
    if torch is not None:
        measures["torch"] = lambda: seconds("torch")
    if jax is not None:
        measures["jax"] = lambda: seconds("jax")
    measures["wengert"] = lambda: seconds("wengert")
    measured(measures, rounds=7, goals=["import"])
