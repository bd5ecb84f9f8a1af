"""What before_after.py times in each of its processes, by public names alone, so that any version can run it.

    python benchmarks/tasks.py [--only NAME]

prints a JSON object: under "seconds" the time of a call of each task, under "about" what computed it. The library is
whichever `import wengert` finds; the threads are those of `WENGERT_NUM_THREADS`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

import trainers

Call = Callable[[], Any]

SAMPLE = 0.002  # seconds that calls are repeated for: many times the clock's resolution
ENOUGH = 0.06  # seconds of samples of one task
FEWEST, MOST = 3, 25  # samples of one task

# Every task by its name: a function that prepares it and gives the call to time. They run in this order.
TASKS: dict[str, Callable[[], Call]] = {}


def task(name: str) -> Callable[[Callable[[], Call]], Callable[[], Call]]:
    """Enter a function that prepares a call into `TASKS`."""

    def enter(prepare: Callable[[], Call]) -> Callable[[], Call]:
        TASKS[name] = prepare
        return prepare

    return enter


def random(*shape: int) -> Any:
    """A float32 tensor in [0.5, 1.5): far from every edge of a function. The same in each process."""
    import wengert as wg

    return wg.from_numpy(np.random.default_rng(0).random(shape, dtype=np.float32) + np.float32(0.5))


def labels(rows: int, classes: int) -> Any:
    """An int64 tensor of classes, the same in each process."""
    import wengert as wg

    return wg.from_numpy(np.random.default_rng(0).integers(0, classes, rows))


# One operation on 16 items, where all of the time is what an operation costs.


def _small(name: str, function: Callable[[Any, Any, Any], Any], *shape: int) -> None:
    """Three tasks of one operation of two tensors: computed, recorded, and recorded and walked back."""

    def operands() -> tuple[Any, Any, Any]:
        import wengert as wg

        return wg, random(*shape), random(*shape)

    def recorded() -> Call:
        library, x, y = operands()
        return partial(function, library, x.requires_grad_(), y)

    def walked() -> Call:
        library, x, y = operands()
        x.requires_grad_()
        g = library.ones_like(function(library, x, y).detach())

        def run() -> None:
            x.grad = None
            function(library, x, y).backward(g)

        return run

    TASKS[f"{name}, computed"] = lambda: partial(function, *operands())
    TASKS[f"{name}, recorded"] = recorded
    TASKS[f"{name}, there and back"] = walked


_small("add 16", lambda library, x, y: x + y, 16)
_small("multiply 16", lambda library, x, y: x * y, 16)
_small("number times 16", lambda library, x, y: x * 2.0, 16)
_small("relu 16", lambda library, x, y: library.relu(x), 16)
_small("tanh 16", lambda library, x, y: x.tanh(), 16)
_small("sum 16", lambda library, x, y: x.sum(), 16)
_small("softmax 16", lambda library, x, y: x.softmax(0), 16)
_small("slice 16", lambda library, x, y: x[2:9], 16)
_small("matmul 16x16", lambda library, x, y: x @ y, 16, 16)
_small("add a row of 16x16", lambda library, x, y: x + y[0], 16, 16)
_small("transpose 16x16", lambda library, x, y: x.T, 16, 16)


@task("compare 16")
def compare() -> Call:
    x, y = random(16), random(16)
    return lambda: x > y


@task("item")
def item() -> Call:
    x = random(1)
    return lambda: x.item()


@task("add in place 16")
def add_in_place() -> Call:
    x, y = random(16), random(16) * 0.0
    return lambda: x.add_(y)


@task("cross-entropy 8x10, there and back")
def cross_entropy() -> Call:
    return _loss_there_and_back(8)


def _loss_there_and_back(rows: int) -> Call:
    import wengert as wg

    x, targets = random(rows, 10).requires_grad_(), labels(rows, 10)

    def run() -> None:
        x.grad = None
        wg.cross_entropy(x, targets).backward()

    return run


@task("network 8-8-10, there and back")
def network() -> Call:
    import wengert as wg

    x, targets, first, second = random(8, 8), labels(8, 10), random(8, 8), random(10, 8)
    weights = first.requires_grad_(), second.requires_grad_()
    linear = wg.nn.functional.linear

    def run() -> None:
        for w in weights:
            w.grad = None
        wg.cross_entropy(linear(wg.relu(linear(x, first)), second), targets).backward()

    return run


# The tape at length, derivatives of derivatives, optimizers.


@task("chain of 10 000 operations, there and back")
def chain() -> Call:
    x, y = random(16).requires_grad_(), random(16) * 0.0 + 1.0

    def run() -> None:
        x.grad = None
        z = x
        for _ in range(10_000):
            z = z * y
        z.sum().backward()

    return run


def _logistic(n: int) -> tuple[Callable[[Any], Any], Any]:
    """The loss of a logistic regression of n weights over 256 rows, and the weights."""
    import wengert as wg

    x, y = random(256, n) - 1.0, labels(256, 2).to(wg.float32)

    def loss(w: Any) -> Any:
        z = x @ w
        return (wg.softplus(z) - y * z).mean()

    return loss, random(n) / n


@task("gradient by func.grad, 10 weights")
def gradient() -> Call:
    import wengert as wg

    loss, w = _logistic(10)
    return partial(wg.func.grad(loss), w)


@task("hvp, 10 weights")
def hvp_of_10() -> Call:
    import wengert as wg

    loss, w = _logistic(10)
    return partial(wg.func.hvp, loss, w, w)


@task("hvp, 1000 weights")
def hvp_of_1000() -> Call:
    import wengert as wg

    loss, w = _logistic(1000)
    return partial(wg.func.hvp, loss, w, w)


@task("hessian, 10 weights")
def hessian() -> Call:
    import wengert as wg

    loss, w = _logistic(10)
    return partial(wg.func.hessian(loss), w)


def _optimizer(name: str, shapes: Sequence[tuple[int, ...]], **options: Any) -> Call:
    """A step over parameters that have their gradients."""
    import wengert as wg

    parameters = [wg.nn.Parameter(random(*shape)) for shape in shapes]
    for p in parameters:
        p.grad = random(*p.shape) * 1e-6
    step: Call = getattr(wg.optim, name)(parameters, lr=1e-6, **options).step
    return step


PERCEPTRON = ((256, 784), (256,), (10, 256), (10,))

TASKS["SGD's step, 784-256-10"] = lambda: _optimizer("SGD", PERCEPTRON, momentum=0.9)
TASKS["Adam's step, 784-256-10"] = lambda: _optimizer("Adam", PERCEPTRON)
TASKS["SGD's step, 50 small parameters"] = lambda: _optimizer("SGD", [(16,)] * 50)


# Training: passes over 6144 images of Fashion-MNIST's shape, a tenth of an epoch.


def _pass(**options: Any) -> Call:
    return trainers.in_wengert(trainers.Images(), trainers.Task(**options))


TASKS["a tenth of an epoch, 784-256-10, batch 32"] = lambda: _pass(batch=32)
TASKS["a tenth of an epoch, 784-256-10, batch 256"] = lambda: _pass(batch=256)
TASKS["a tenth of an epoch, 784-10, batch 256"] = lambda: _pass(widths=(784, 10))


# Kernels on arrays that are large enough for the rest not to count.


def _large(name: str, function: Callable[[Any, Any], Any], *shape: int) -> None:
    TASKS[name] = lambda: partial(function, random(*shape), random(*shape))


_large("matmul 256x256", lambda x, y: x @ y, 256, 256)
_large("add 1 000 000", lambda x, y: x + y, 1_000_000)
_large("exp 1 000 000", lambda x, y: x.exp(), 1_000_000)
_large("sum 1 000 000", lambda x, y: x.sum(), 1_000_000)
_large("sum over rows 1000x1000", lambda x, y: x.sum(0), 1000, 1000)
_large("max over columns 1000x1000", lambda x, y: x.amax(1), 1000, 1000)
_large("softmax 256x1000", lambda x, y: x.softmax(1), 256, 1000)
TASKS["cross-entropy 256x10, there and back"] = lambda: _loss_there_and_back(256)


# Imports, each in a new process, after NumPy's.

IMPORTS = {"import wengert": "import wengert", "import nn and optim": "import wengert.nn, wengert.optim"}


def seconds_to_import(statement: str) -> float:
    """The least of three processes."""
    clock = _clock().__name__
    script = f"import numpy, time; start = time.{clock}(); {statement}; print(time.{clock}() - start)"
    runs = (subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=True)
            for _ in range(3))  # fmt: skip
    return min(float(run.stdout) for run in runs)


def _clock() -> Callable[[], float]:
    """With one thread the time that the processor gave to this process, which others' work disturbs least."""
    import wengert as wg

    return time.process_time if wg.get_num_threads() == 1 else time.perf_counter


def seconds_of(call: Call, clock: Callable[[], float]) -> float:
    """The time of a call: the least of several samples, since whatever disturbs one makes it longer."""
    call()
    calls = 1
    while (elapsed := _repeat(call, calls, clock)) < SAMPLE:
        calls *= 2 if elapsed > SAMPLE / 8 else 8
    samples = [elapsed / calls]
    while len(samples) < FEWEST or (len(samples) < MOST and len(samples) * elapsed < ENOUGH):
        samples.append(_repeat(call, calls, clock) / calls)
    return min(samples)


def _repeat(call: Call, calls: int, clock: Callable[[], float]) -> float:
    turns = itertools.repeat(None, calls)
    start = clock()
    for _ in turns:
        call()
    return clock() - start


def names(only: Sequence[str] = ()) -> list[str]:
    """The tasks whose names contain one of these texts; all of them by default.

    Raises
    ------
    ValueError
        If one of the texts is in no name.
    """
    known = [*IMPORTS, *TASKS]
    for text in only:
        if not any(text in name for name in known):
            raise ValueError(f"no task has {text!r} in its name; there are: {'; '.join(known)}")
    return [name for name in known if not only or any(text in name for text in only)]


def measure(only: Sequence[str] = ()) -> dict[str, float]:
    """Seconds of a call of each task."""
    clock = _clock()
    return {
        name: seconds_to_import(IMPORTS[name]) if name in IMPORTS else seconds_of(TASKS[name](), clock)
        for name in names(only)
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Time the tasks of before_after.py in this process.")
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    options = parser.parse_args(arguments)
    import wengert as wg
    from wengert import machine

    print(json.dumps({"about": {**machine.describe(), "path": wg.__file__}, "seconds": measure(options.only)}))


if __name__ == "__main__":
    main()
