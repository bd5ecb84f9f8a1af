"""Threads that meet: at a parameter, a view, a graph, a generator, the pool and the recycled memory.

The threads start each round together and switch often, so that what can come between two steps does. On a free-threaded
Python the same tests run on all processors at once.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import wengert as wg
from children import run
from wengert import _kernels

THREADS = 4
DEADLINE = 60  # seconds that a thread waits for the others; only a hang reaches it


@pytest.fixture(autouse=True)
def switching_often() -> Iterator[None]:
    interval, count = sys.getswitchinterval(), _kernels.get_num_threads()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)
    _kernels.set_num_threads(count)


def together(rounds: int, make: Callable[[int], Any], act: Callable[[Any], Any]) -> list[tuple[Any, list[Any]]]:
    """Per round, what `make` gave, and what `act` made of it in each of the threads, or the error that it raised."""
    made = [make(r) for r in range(rounds)]
    barrier = threading.Barrier(THREADS)

    def run(_: int) -> list[Any]:
        found = []
        for shared in made:
            barrier.wait(DEADLINE)
            try:
                found.append(act(shared))
            except Exception as error:
                found.append(error)
        return found

    with ThreadPoolExecutor(THREADS) as pool:
        columns = list(pool.map(run, range(THREADS)))
    return list(zip(made, zip(*columns, strict=True), strict=True))


# ---------------------------------------------------------------- everything at once, each thread its own


def everything(seed: int) -> bytes:
    """A few steps of training with recording switched on and off, changes in place, random numbers, higher derivatives,
    other numbers of threads and memory given back; all on tensors of this thread's own."""
    generator = wg.Generator().manual_seed(seed)
    x = wg.randn(60, 40, generator=generator)
    w = wg.randn(40, 40, generator=generator).requires_grad_()
    optimizer = wg.optim.Adam([w], lr=0.01)
    for step in range(4):
        wg.set_num_threads(1 + (seed + step) % 3)
        with wg.no_grad():
            assert not wg.is_grad_enabled()
            assert not (x @ w).requires_grad
            x[step] *= 0.5
        y = (x @ w).tanh() + 0.5
        y[:, step:] += x[:, step:] * w[step, step:]
        optimizer.zero_grad()
        y.square().sum().backward()
        optimizer.step()
        assert wg.is_grad_enabled()
        if step == seed % 4:
            wg.memory.release()
    v = wg.rand(40, 40, generator=generator)
    product = wg.func.hvp(lambda w: (x @ w).exp().mean(), w.detach() / 10, v)
    jacobian = wg.func.jacobian(lambda a: a.softmax(0))(w.detach()[0])
    return b"".join(t.detach().numpy().tobytes() for t in (w, w.grad, product, jacobian))


def test_threads_that_do_everything_at_once_give_what_one_gives() -> None:
    expected = [everything(seed) for seed in range(4)]
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(everything, [seed % 4 for seed in range(24)]))
    assert all(result == expected[seed % 4] for seed, result in enumerate(found))


# ---------------------------------------------------------------- at a tensor


def test_views_that_threads_take_of_one_tensor_share_its_count_of_changes() -> None:
    for x, views in together(100, lambda r: wg.ones(4), lambda x: x[1:]):
        assert all(view._counter is x._counter for view in views)


def test_hooks_that_threads_register_are_all_called() -> None:
    for x, _ in together(50, lambda r: wg.ones(2, requires_grad=True), lambda x: x.register_hook(lambda g: g * 2)):
        (x * 1).sum().backward()
        assert x.grad.tolist() == [2.0**THREADS] * 2


def test_threads_that_meet_at_a_view_find_the_history_of_its_base() -> None:
    def make(_: int) -> tuple[wg.Tensor, wg.Tensor]:
        base = wg.ones(8, requires_grad=True) * 1
        view = base[2:5]
        base *= 2
        return base, view

    def act(shared: tuple[wg.Tensor, wg.Tensor]) -> list[float]:
        base, view = shared
        return wg.autograd.grad(view.sum(), base, retain_graph=True)[0].tolist()

    expected = [0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    assert all(found == expected for _, results in together(100, make, act) for found in results)


# ---------------------------------------------------------------- at a graph


def graph(seed: int) -> tuple[wg.Tensor, wg.Tensor]:
    """A leaf, and a scalar that depends on it by way of every kind of operation that keeps something for its walk."""

    class Product(wg.autograd.Function):
        """Of two tensors; its two gradients come from one call."""

        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            ctx.save_for_backward(x, y)
            return x * y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            x, y = ctx.saved_tensors
            return g * y, g * x

    x = wg.from_numpy(np.random.default_rng(seed).standard_normal((6, 6))).requires_grad_()
    y = Product.apply((x @ x).tanh(), x.exp())
    y = wg.autograd.checkpoint(lambda a, b: a.sin() * b, y, x)
    return x, (y.softmax(1)[:, :3] * x[:, 3:]).sum()


def test_threads_that_walk_one_graph_with_cotangents_of_their_own_get_its_gradients() -> None:
    def act(shared: tuple[wg.Tensor, wg.Tensor]) -> tuple[float, bytes]:
        x, y = shared
        factor = float(threading.get_ident() % 7 + 1)
        (g,) = wg.autograd.grad(y, x, wg.tensor(factor, dtype=wg.float64), retain_graph=True)
        return factor, g.numpy().tobytes()

    for (x, y), results in together(30, graph, act):
        for factor, found in results:
            (g,) = wg.autograd.grad(y, x, wg.tensor(factor, dtype=wg.float64), retain_graph=True)
            assert found == g.numpy().tobytes()


def test_each_of_several_walks_that_free_one_graph_is_whole_or_refused() -> None:
    def act(shared: tuple[wg.Tensor, wg.Tensor]) -> None:
        shared[1].backward()

    for seed, ((x, _), results) in enumerate(together(50, graph, act)):
        refused = [error for error in results if error is not None]
        assert all(isinstance(error, RuntimeError) and "walked backward before" in str(error) for error in refused)
        again, y = graph(seed)
        y.backward()
        whole = THREADS - len(refused)
        if whole:
            np.testing.assert_allclose(x.grad.numpy(), again.grad.numpy() * whole, rtol=1e-12)
        else:
            assert x.grad is None


# ---------------------------------------------------------------- at a fork

FORK = """
import os, signal, sys, threading, warnings
import wengert as wg
from wengert.core import locks

warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of forks where threads run: they are the point
leaf = wg.ones(300, requires_grad=True)
base = wg.ones(300, requires_grad=True) * 1
generator = wg.Generator()


def use_every_lock():
    leaf.register_hook(lambda g: g).remove()
    (leaf * wg.rand(300, generator=generator) + wg.rand(300)).sum().backward()
    base[1:].mul_(0.5)
    base[:2].sum().backward(retain_graph=True)
    with wg.autograd.detect_anomaly():
        (leaf * leaf).sum().backward()


def child():
    signal.alarm(60)  # ends what hangs
    try:
        for _ in range(3):
            use_every_lock()
        os._exit(0)
    finally:
        os._exit(1)


def forked():
    pid = os.fork()
    if pid == 0:
        child()
    _, status = os.waitpid(pid, 0)
    return status


use_every_lock()  # and import what is imported late: Python's own locks of modules outlive a fork
"""
WALKING = """
done = threading.Event()


def walk():
    while not done.is_set():
        use_every_lock()


sys.setswitchinterval(1e-5)
threads = [threading.Thread(target=walk) for _ in range(3)]
for thread in threads:
    thread.start()
print(sum(forked() != 0 for _ in range(20)))
done.set()
for thread in threads:
    thread.join()
"""
HOLDING = """
held, done = threading.Event(), threading.Event()


def hold():
    for lock in locks.all_locks():
        lock.acquire()
    held.set()
    done.wait()


thread = threading.Thread(target=hold)
thread.start()
held.wait()
print(forked())
done.set()
thread.join()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("others", [WALKING, HOLDING], ids=["that walk", "that hold every lock"])
def test_a_child_forked_beside_threads_walks_as_its_parent(others: str) -> None:
    assert run("-c", FORK + others) == "0"


# ---------------------------------------------------------------- at a generator


def test_threads_that_share_a_generator_share_its_stream() -> None:
    def draws(seed: int, count: int) -> list[list[float]]:
        generator = wg.Generator().manual_seed(seed)
        return [wg.rand(3, generator=generator).tolist() for _ in range(count)]

    made = together(50, lambda r: wg.Generator().manual_seed(r), lambda g: wg.rand(3, generator=g).tolist())
    for seed, (_, found) in enumerate(made):
        assert sorted(found) == sorted(draws(seed, THREADS))
