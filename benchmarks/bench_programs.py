"""Compiled functions beside the same functions run eagerly, PyTorch, and the programs of JAX and `torch.compile`.

Every program is first held to the bits of the eager function, on other inputs than it was recorded with.
"""

from __future__ import annotations

import functools
import itertools
import re
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from goals import GOALS
from opponents import jax, jitted, torch

Functions = dict[str, Callable[[], Any]]
RECORDED = 3  # calls after which a function is a program
LEARNING_RATE = {"SGD": 1e-3, "Adam": 1e-5}  # low: a benchmark makes many thousand steps on one batch


def goals(name: str) -> list[str]:
    return [goal for goal in (f"program, {name}", f"program, {name}, JAX") if goal in GOALS]


def bits(x: Any) -> tuple[Any, ...]:
    array = np.asarray(x.detach())
    return array.shape, array.dtype, array.tobytes()


def program(function: Callable[..., Any], *examples: np.ndarray) -> Callable[..., Any]:
    """The compiled function, which gives the function's own bits for the first example and for others."""
    compiled = wg.compile(function)
    for x in (*examples, *(np.asarray(x * 0.7 + 0.1, x.dtype) for x in examples * RECORDED)):
        assert bits(compiled(wg.from_numpy(x))) == bits(function(wg.from_numpy(x)))
    assert compiled.show().startswith("program 1 of")
    return compiled


@functools.cache
def torch_compiles() -> bool:
    """Whether `torch.compile` runs here: it wants a C++ compiler."""
    try:
        torch.compile(lambda x: x * 2)(torch.ones(1))
    except Exception:  # of its many parts; what is wrong with them is no matter of ours
        return False
    return True


def by_torch(benchmark: Any, function: Callable[..., Any], *inputs: Any, compiles: bool = True) -> Functions:
    """PyTorch's calls of what `function()` makes; `torch.compile` takes its minute only where it is measured."""
    if torch is None:
        return {}
    eager = function()
    functions: Functions = {"torch": lambda: eager(*inputs)}
    if compiles and benchmark.enabled and torch_compiles():
        compiled = torch.compile(function())
        functions["torch.compile"] = lambda: compiled(*inputs)
    return functions


# ---------------------------------------------------------------- training steps


class Network:
    """Fully connected layers with ReLU and cross-entropy, a batch, and who trains it by which optimizer."""

    def __init__(self, widths: tuple[int, ...], batch: int, optimizer: str) -> None:
        rng = np.random.default_rng(0)
        self.optimizer, self.rate = optimizer, LEARNING_RATE[optimizer]
        self.x = rng.standard_normal((batch, widths[0]), dtype=np.float32)
        self.labels = rng.integers(0, widths[-1], batch)
        self.layers = [
            ((rng.standard_normal((n, m)) / np.sqrt(m)).astype(np.float32), np.zeros(n, np.float32))
            for m, n in itertools.pairwise(widths)
        ]

    def eagerly(self, library: Any) -> tuple[Callable[..., Any], list[Any], tuple[Any, Any]]:
        """The step in PyTorch's terms, which returns the loss; the parameters; and the batch."""
        box = library.from_numpy
        functional = library.nn.functional
        parameters = [box(p.copy()).requires_grad_() for layer in self.layers for p in layer]
        optimizer = getattr(library.optim, self.optimizer)(parameters, lr=self.rate)

        def step(x: Any, labels: Any) -> Any:
            for k in range(0, len(parameters), 2):
                x = functional.linear(x if k == 0 else library.relu(x), parameters[k], parameters[k + 1])
            loss = functional.cross_entropy(x, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss.detach()

        return step, parameters, (box(self.x), box(self.labels))

    def in_jax(self) -> Callable[[], Any]:
        """The whole step as JAX's program, the parameters updated in place."""
        numpy = jax.numpy
        x, labels = numpy.asarray(self.x), numpy.asarray(self.labels)
        parameters = [numpy.asarray(p) for layer in self.layers for p in layer]
        remembered = [(numpy.zeros_like(p), numpy.zeros_like(p)) for p in parameters]
        state = (parameters, remembered, numpy.zeros((), numpy.float32))

        def loss_of(parameters: Any, x: Any, labels: Any) -> Any:
            for k in range(0, len(parameters), 2):
                x = (x if k == 0 else jax.nn.relu(x)) @ parameters[k].T + parameters[k + 1]
            return -numpy.take_along_axis(jax.nn.log_softmax(x), labels[:, None], 1).mean()

        def adam(p: Any, g: Any, m: Any, v: Any, count: Any) -> Any:
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            return p - self.rate * (m / (1 - 0.9**count)) / (numpy.sqrt(v / (1 - 0.999**count)) + 1e-8), (m, v)

        def update(state: Any, x: Any, labels: Any) -> Any:
            parameters, remembered, count = state
            loss, gradients = jax.value_and_grad(loss_of)(parameters, x, labels)
            if self.optimizer == "SGD":
                moved = [p - self.rate * g for p, g in zip(parameters, gradients, strict=True)]
                return (moved, remembered, count), loss
            each = zip(parameters, gradients, remembered, strict=True)
            pairs = [adam(p, g, m, v, count + 1) for p, g, (m, v) in each]
            return ([p for p, _ in pairs], [r for _, r in pairs], count + 1), loss

        step = jax.jit(update, donate_argnums=0)

        def run() -> Any:
            nonlocal state
            state, loss = step(state, x, labels)
            return jax.block_until_ready(loss)

        return run

    def assert_same_bits(self) -> None:
        """That steps by a program leave the losses, parameters and gradients of eager ones."""
        (eager, theirs, batch), (step, ours, _) = self.eagerly(wg), self.eagerly(wg)
        compiled = wg.compile(step)
        for _ in range(2 * RECORDED):
            assert bits(compiled(*batch)) == bits(eager(*batch))
        for p, q in zip(ours, theirs, strict=True):
            assert bits(p) == bits(q)
            assert bits(p.grad) == bits(q.grad)


STEPS = [
    ((8, 16, 10), 16, "SGD"), ((8, 16, 10), 16, "Adam"), ((64, 32, 32, 10), 32, "SGD"), ((784, 256, 10), 32, "SGD"),
    ((784, 256, 10), 256, "SGD"),
]  # fmt: skip


def name_of(step: tuple[tuple[int, ...], int, str]) -> str:
    widths, batch, optimizer = step
    return f"{'-'.join(map(str, widths))} {optimizer} at {batch}"


@pytest.mark.parametrize("step", STEPS, ids=name_of)
def test_training_step(contest: Any, benchmark: Any, step: tuple[tuple[int, ...], int, str]) -> None:
    """The whole of it: gradients, loss, walk, optimizer; everybody makes the same steps from the same weights."""
    network = Network(*step)
    network.assert_same_bits()
    functions: Functions = {}
    if torch is not None:
        batch = network.eagerly(torch)[2]
        functions.update(by_torch(benchmark, lambda: network.eagerly(torch)[0], *batch))
    if jax is not None:
        functions["jax"] = network.in_jax()
    ours, _, batch_of_ours = network.eagerly(wg)
    functions["eager"] = lambda: ours(*batch_of_ours)
    compiled = wg.compile(network.eagerly(wg)[0])
    functions["wengert"] = lambda: compiled(*batch_of_ours)
    contest(functions, rtol=1e-4, seconds=4, goals=goals(name_of(step)))


# ---------------------------------------------------------------- derivatives


def rosenbrock(x: Any) -> Any:
    return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()


def contest_of_one(
    contest: Any, benchmark: Any, x: np.ndarray, name: str, ours: Callable[..., Any], theirs: Callable[[], Any],
    in_jax: Callable[..., Any] | None, compiles: bool = True, seconds: float = 4.0,
) -> None:  # fmt: skip
    """Functions of one array: this library's, what makes PyTorch's, which may not be there, and JAX's."""
    functions = by_torch(benchmark, theirs, torch.from_numpy(x), compiles=compiles) if torch is not None else {}
    if jax is not None and in_jax is not None:
        functions["jax"] = jitted(in_jax, x)
    inputs, compiled = wg.from_numpy(x), program(ours, x)
    functions["eager"] = lambda: ours(inputs)
    functions["wengert"] = lambda: compiled(inputs)
    contest(functions, seconds=seconds, goals=goals(name))


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")  # torch.func's own
@pytest.mark.parametrize("n", [5, 200])
def test_gradient_of_rosenbrock(contest: Any, benchmark: Any, n: int) -> None:
    contest_of_one(
        contest, benchmark, np.random.default_rng(0).standard_normal(n), f"gradient {n}", wg.func.grad(rosenbrock),
        lambda: torch.func.grad(rosenbrock), None if jax is None else jax.grad(rosenbrock),
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
def test_hessian_of_rosenbrock(contest: Any, benchmark: Any) -> None:
    contest_of_one(
        contest, benchmark, np.random.default_rng(0).standard_normal(20), "Hessian 20", wg.func.hessian(rosenbrock),
        lambda: torch.func.hessian(rosenbrock), None if jax is None else jax.hessian(rosenbrock),
    )  # fmt: skip


def test_first_calls_of_the_hessian(measured: Any) -> None:
    """Until there is a result of a program: three calls here, of which the third is the first by the program."""
    x = np.random.default_rng(0).standard_normal(20)

    def seconds(call: Callable[[], Any], calls: int) -> float:
        start = time.perf_counter()
        for _ in range(calls):
            call()
        return time.perf_counter() - start

    def ours() -> float:
        compiled, point = wg.compile(wg.func.hessian(rosenbrock)), wg.from_numpy(x)
        return seconds(lambda: compiled(point), RECORDED)

    measures = {"30 ms": lambda: 0.03, "wengert": ours}
    if jax is not None:  # a new function is a new program
        measures["jax"] = lambda: seconds(jitted(jax.hessian(lambda x: rosenbrock(x)), x), 1)
    measured(measures, rounds=9, goals=["program, first calls"])


# ---------------------------------------------------------------- loops, and chains of cheap operations


def logistic(y: Any) -> Any:
    """A hundred steps of Runge and Kutta's method for the logistic equation."""
    h = 0.01
    for _ in range(100):
        a = y * (1.0 - y)
        z = y + a * (h / 2)
        b = z * (1.0 - z)
        z = y + b * (h / 2)
        c = z * (1.0 - z)
        z = y + c * h
        y = y + (a + b * 2.0 + c * 2.0 + z * (1.0 - z)) * (h / 6)
    return y


def test_a_loop_of_runge_and_kutta(contest: Any, benchmark: Any) -> None:
    contest_of_one(
        contest, benchmark, np.random.default_rng(0).random(4), "RK4", logistic, lambda: logistic, logistic,
        compiles=False, seconds=6,
    )  # fmt: skip


def test_gradient_of_a_loop(contest: Any, benchmark: Any) -> None:
    total = lambda y: logistic(y).sum()  # noqa: E731
    contest_of_one(
        contest, benchmark, np.random.default_rng(0).random(4), "gradient of RK4", wg.func.grad(total),
        lambda: torch.func.grad(total), None if jax is None else jax.grad(total), compiles=False, seconds=6,
    )  # fmt: skip


@pytest.mark.parametrize("function", [logistic, wg.func.grad(lambda y: logistic(y).sum())], ids=["loop", "gradient"])
def test_memory_of_a_loop(measured: Any, function: Callable[..., Any]) -> None:
    """Of the program, beside all blocks that its operations ask for; of 64 items, as blocks begin at a cache line."""
    compiled = program(function, np.random.default_rng(0).random(64))
    found = re.search(r"(\d+) bytes for (\d+) of results", compiled.show())
    assert found is not None
    ours, all_blocks = map(float, found.groups())
    assert ours < all_blocks
    measured({"all blocks": lambda: all_blocks, "wengert": lambda: ours}, unit="B", rounds=1, goals=["program, memory"])


def cheap(x: Any) -> Any:
    a = x * 2.0
    b = a + 1.0
    return -(b * b) * 0.5 + x


@pytest.mark.parametrize("n", [10_000, 1_000_000], ids=["10k", "1M"])
def test_six_cheap_operations(contest: Any, benchmark: Any, n: int) -> None:
    x = np.random.default_rng(0).random(n, dtype=np.float32)
    contest_of_one(contest, benchmark, x, f"six of {n}", cheap, lambda: cheap, cheap)
