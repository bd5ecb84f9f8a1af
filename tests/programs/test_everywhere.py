"""Compiled functions inside transforms and those inside them; as methods, in threads, forks, pickles and copies; what
interrupts them, and how much memory they hold."""

from __future__ import annotations

import copy
import functools
import gc
import multiprocessing
import os
import pickle
import re
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import children
import wengert as wg
from replayed import Counted, assert_follows, bits, drawn, of
from wengert import nn, optim
from wengert.func import grad, hessian, jacfwd, jacrev, jvp, vjp, vmap
from wengert.nn import functional as F

# ---------------------------------------------------------------- what is compiled is a transform


def rosenbrock(x: Any) -> Any:
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def energy(x: Any) -> Any:
    return (x.sin() * x.exp()).sum() + wg.logsumexp(x, 0) + (x @ x) ** 2


TRANSFORMS: dict[str, Callable[[Any], Any]] = {
    "grad": grad, "hessian": hessian, "jacrev": lambda f: jacrev(lambda x: x * f(x)),
    "jacfwd": lambda f: jacfwd(lambda x: x * f(x)), "grad_grad": lambda f: grad(lambda x: grad(f)(x).sum()),
    "jvp": lambda f: lambda x: jvp(f, (x,), (x * 2,)), "vjp": lambda f: lambda x: vjp(f, x)[1](x.sum())[0],
    "hvp": lambda f: lambda x: jvp(grad(f), (x,), (x.cos(),)),
    "vmap": lambda f: lambda x: vmap(f)(wg.stack([x, x * 2])),
    "vmap_grad": lambda f: lambda x: vmap(grad(f))(wg.stack([x, x * 2, x.sin()])),
    "grad_vmap": lambda f: grad(lambda x: vmap(f)(wg.stack([x, x + 1])).sum()),
    "vmap_hessian": lambda f: lambda x: vmap(hessian(f))(wg.stack([x, x * 2])),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [wg.float32, wg.float64])
@pytest.mark.parametrize("f", [rosenbrock, energy])
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_a_compiled_transform(transform: str, f: Callable[[Any], Any], dtype: Any) -> None:
    assert_follows(TRANSFORMS[transform](f), [(of(n, 4).to(dtype),) for n in range(5)])


def test_gradients_of_each_example() -> None:
    model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2))
    names, values = zip(*((name, p.detach()) for name, p in model.named_parameters()), strict=True)

    def loss(parameters: Any, x: Any, y: Any) -> Any:
        out = wg.func.functional_call(model, dict(zip(names, parameters, strict=True)), (x[None],))
        return F.cross_entropy(out, y[None])

    each = vmap(grad(loss), in_dims=(None, 0, 0))
    compiled = wg.compile(each)
    for n in range(5):
        x, y = of(n, 6, 3), wg.tensor(np.random.default_rng(n).integers(2, size=6))
        assert bits(list(compiled(list(values), x, y))) == bits(list(each(list(values), x, y)))
    assert compiled._count() == 1


def test_an_unrolled_integrator_and_its_gradient() -> None:
    def simulate(y: Any) -> Any:
        h = 0.01
        for _ in range(20):
            k1 = y.sin() - y * y
            k2 = (y + h / 2 * k1).sin() - (y + h / 2 * k1) ** 2
            y = y + h * (k1 + k2) / 2
        return y

    assert_follows(simulate, [(of(n, 4),) for n in range(4)])
    assert_follows(grad(lambda y: simulate(y).sum()), [(of(n, 4),) for n in range(4)])


# ---------------------------------------------------------------- compiled functions inside


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_a_compiled_function_inside_a_transform(transform: str) -> None:
    inner = wg.compile(energy)
    for n in range(3):
        inner(of(n, 4))  # its program is ready
    inside, expected = TRANSFORMS[transform](inner), TRANSFORMS[transform](energy)
    for n in range(4):
        assert bits(inside(of(n, 4))) == bits(expected(of(n, 4)))
    assert inner._count() == 1


def test_compiled_functions_inside_compiled_ones() -> None:
    counted = Counted(energy)
    inner = wg.compile(counted)
    outer = wg.compile(lambda x: inner(x) * 2 + inner(x.sin()))
    for n in range(6):
        x = of(n, 4)
        assert bits(outer(x)) == bits(energy(x) * 2 + energy(x.sin()))
    assert counted.calls == 4  # while the outer one is recorded
    assert inner._count() == 0
    assert outer._count() == 1
    for n in range(4):
        assert bits(inner(of(n, 4))) == bits(energy(of(n, 4)))


def test_a_compiled_function_of_tensors_that_require_gradients() -> None:
    g = wg.compile(energy)
    for n in range(4):
        x, y = of(n, 4).requires_grad_(), of(n, 4).requires_grad_()
        g(of(n, 4))
        g(x).backward()
        energy(y).backward()
        assert bits(x.grad) == bits(y.grad)


def test_a_trace_sees_what_a_compiled_function_does() -> None:
    g = wg.compile(energy)
    for n in range(3):
        g(of(n, 4))
    plain, compiled = (str(wg.trace(f, of(1, 4))) for f in (energy, g))
    assert "logsumexp" in plain
    assert compiled.count("\n") == plain.count("\n")


def test_anomalies_are_found_inside() -> None:
    g = wg.compile(lambda x: x.sqrt().sum())
    for _ in range(3):
        g(wg.ones(2))
    with wg.autograd.detect_anomaly():
        y = g(wg.zeros(2).requires_grad_()) * 0
        with pytest.raises(RuntimeError, match="sqrt"):
            y.backward()


# ---------------------------------------------------------------- forms of functions


def test_methods() -> None:
    class Scale:
        def __init__(self, by: float) -> None:
            self.by = wg.tensor(by)

        @wg.compile
        def times(self, x: Any) -> Any:
            """Of x."""
            return x * self.by

    a, b = Scale(2.0), Scale(3.0)
    for n in range(5):
        assert a.times(wg.tensor(float(n))).item() == 2 * n
        assert b.times(wg.tensor(float(n))).item() == 3 * n
    assert Scale.times._count() == 2
    assert Scale.times.__doc__ == "Of x."


def test_modules() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    g = wg.compile(model)
    with wg.no_grad():
        for n in range(5):
            assert bits(g(of(n, 2, 3))) == bits(model(of(n, 2, 3)))
    assert g._count() == 1


def test_decorators_with_and_without_arguments() -> None:
    @wg.compile
    def one(x: Any) -> Any:
        """First."""
        return x + 1

    @wg.compile(check=True)
    def two(x: Any) -> Any:
        return x + 2

    for _ in range(4):
        assert (one(wg.ones(1)).item(), two(wg.ones(1)).item()) == (2, 3)
    assert one.__name__ == "one"
    assert one.__doc__ == "First."
    assert one.__wrapped__(wg.ones(1)).item() == 2


def test_partial_functions() -> None:
    g = wg.compile(functools.partial(lambda a, b: a - b, wg.ones(2)))
    for n in range(4):
        assert g(wg.full((2,), float(n))).tolist() == [1.0 - n] * 2


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(TypeError, match="function"):
        wg.compile(3)  # type: ignore[call-overload]


def test_tables_tell_what_a_program_does() -> None:
    g = wg.compile(lambda x: (x * 2).exp().sum())
    assert "no program" in g.show()
    for n in range(3):
        g(of(n, 4))
    text = g.show()
    assert repr(text) == text  # at a prompt, too, it is a table
    for word in ("exp", "sum", "program 1", os.path.basename(__file__)):
        assert word in text, word


def test_tables_count_the_steps_of_python() -> None:
    w = wg.ones(3, requires_grad=True)
    optimizer = optim.SGD([w], lr=0.1)

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss = (w * x).sum()
        loss.backward()
        optimizer.step()
        return loss.detach()

    g = wg.compile(step)
    for n in range(4):
        g(of(n, 3))
    calls, steps = map(int, re.findall(r"(\d+) (?:calls|steps of Python)", g.show().splitlines()[0]))
    assert steps == 1  # the rate is read by it
    assert calls + steps == len(g.show().splitlines()) - 2


def test_a_program_holds_neither_its_results_nor_what_it_was_given() -> None:
    g = wg.compile(lambda x: x * 2)
    large = 1 << 18
    for n in range(3):
        g(of(n, large))
    x = drawn(4, large)
    references = sys.getrefcount(x)
    y = g(wg.from_numpy(x))
    assert sys.getrefcount(x) == references
    held = wg.memory.usage()["in_use"]
    del y
    assert wg.memory.usage()["in_use"] <= held - 4 * large


# ---------------------------------------------------------------- pickles and copies


def cubed(x: Any) -> Any:
    return x * x * x


def test_pickles_record_again() -> None:
    g = wg.compile(cubed, check=True)
    for n in range(3):
        g(wg.tensor(float(n)))
    other = pickle.loads(pickle.dumps(g))
    assert other._count() == 0
    for n in range(4):
        assert other(wg.tensor(float(n))).item() == n**3
    assert other._count() == 1


class Model(nn.Module):
    """A module with a compiled method of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.run = wg.compile(self.forward)

    def forward(self, x: Any) -> Any:
        return self.layer(x).tanh()


def test_copies_of_what_holds_compiled_functions() -> None:
    model = Model()
    with wg.no_grad():
        for n in range(3):
            model.run(of(n, 3, 2))
        for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            twin.layer.weight.fill_(0.5)
            for n in range(4):
                assert bits(twin.run(of(n, 3, 2))) == bits(twin(of(n, 3, 2)))
                assert bits(model.run(of(n, 3, 2))) == bits(model(of(n, 3, 2)))


def test_copies_of_a_compiled_function() -> None:
    g = wg.compile(cubed)
    for n in range(3):
        g(wg.tensor(float(n)))
    for other in (copy.copy(g), copy.deepcopy(g)):
        assert [other(wg.tensor(float(n))).item() for n in range(4)] == [0, 1, 8, 27]


# ---------------------------------------------------------------- threads and processes


def test_four_threads_through_one_function() -> None:
    def f(x: Any) -> Any:
        for _ in range(20):
            x = (x.sin() + x * 0.5) @ wg.eye(len(x))
        return x, x.sum()

    g = wg.compile(f)
    inputs = [of(n, 32, 32) for n in range(8)]
    expected = [bits(f(x)) for x in inputs]
    wrong: list[Any] = []
    start = threading.Barrier(4)

    def work(k: int) -> None:
        try:
            start.wait()
            for n in range(60):
                i = (n + k) % len(inputs)
                if bits(g(inputs[i])) != expected[i]:
                    wrong.append((k, n))
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert 1 <= g._count() <= 8


def test_threads_that_record_while_others_run_eagerly() -> None:
    """Recording is a state of a thread: what another one does meanwhile is no part of it."""
    done = threading.Event()
    wrong: list[Any] = []

    def other() -> None:
        try:
            n = 0
            while not done.is_set():
                n += 1
                x = wg.full((5,), float(n))
                if (x * 2 + 1).tolist() != [2.0 * n + 1] * 5:
                    wrong.append(n)
        except BaseException as error:
            wrong.append(error)

    thread = threading.Thread(target=other)
    thread.start()
    try:
        for k in range(30):
            g = wg.compile(energy)
            for n in range(4):
                assert bits(g(of(n + k, 6))) == bits(energy(of(n + k, 6)))
            assert g._count() == 1
    finally:
        done.set()
        thread.join()
    assert wrong == []


def test_steps_in_threads_of_their_own() -> None:
    """Each thread trains a model of its own by a step of its own; seeds are of the process, so nothing draws."""

    def train(compiled: bool, seed: int) -> Any:
        rng = np.random.default_rng(seed)
        w = wg.from_numpy(rng.normal(size=(4, 3)).astype(np.float32)).requires_grad_()
        o = optim.Adam([w], lr=0.1)

        def step(x: Any) -> Any:
            o.zero_grad()
            loss = ((x @ w).tanh() ** 2).sum()
            loss.backward()
            o.step()
            return loss.detach()

        run = wg.compile(step) if compiled else step
        return [bits(run(of(n + seed, 5, 4))) for n in range(40)], bits(w)

    expected = [train(False, k) for k in range(4)]
    found: list[Any] = [None] * 4

    def work(k: int) -> None:
        found[k] = train(True, k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == expected


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_forked_child_runs_programs() -> None:
    program = """
import os, signal
import numpy as np
import wengert as wg
from wengert import nn, optim

model = nn.Linear(64, 64)
o = optim.SGD(model.parameters(), lr=0.1)


@wg.compile
def step(x):
    o.zero_grad()
    loss = (model(x).tanh() ** 2).mean()
    loss.backward()
    o.step()
    return loss.detach()


def losses(count):
    return [step(wg.from_numpy(np.random.default_rng(n).normal(size=(256, 64)).astype(np.float32))).item()
            for n in range(count)]


losses(3)
read, write = os.pipe()
pid = os.fork()
if pid == 0:
    signal.alarm(60)
    os.write(write, repr(losses(5)).encode())
    os._exit(0)
_, status = os.waitpid(pid, 0)
os.close(write)
with os.fdopen(read) as pipe:
    print(status == 0 and pipe.read() == repr(losses(5)) and step._count() == 1)
"""
    for threads in ("1", "2"):
        assert children.run("-W", "ignore", "-c", program, WENGERT_NUM_THREADS=threads) == "True"


def test_a_spawned_process_records_again() -> None:
    g = wg.compile(cubed)
    for n in range(3):
        g(wg.tensor(float(n)))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(g, [wg.tensor(2.0), wg.tensor(3.0), wg.tensor(4.0)]) == [8, 27, 64]


# ---------------------------------------------------------------- interruptions


class Stop(Exception):
    """What a signal handler of a test raises."""


def call_on_alarm(g: Any, x: Any, seconds: float, times: int) -> None:
    """Call a function again and again; the signal comes in so many seconds."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
    for _ in range(times):
        g(x)


def long_program(steps: int) -> Any:
    def f(x: Any) -> Any:
        for _ in range(steps):
            x = (x @ x).tanh()
        return x

    return wg.compile(f)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers that send signals")
def test_ctrl_c_ends_a_long_program() -> None:
    g, x = long_program(200), of(0, 128, 128) * 0.1
    expected = bits(g(x))
    begun = time.perf_counter()
    g(x)
    assert bits(g(x)) == expected
    assert g._count() == 1
    whole = time.perf_counter() - begun
    before = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        with pytest.raises(KeyboardInterrupt):
            call_on_alarm(g, x, whole / 20, 100)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert bits(g(x)) == expected


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers that send signals")
@pytest.mark.parametrize("size", [4, 128])
def test_an_exception_of_a_signal_handler_goes_through(size: int) -> None:
    def stop(*_: object) -> None:
        raise Stop

    g, x = long_program(100), of(0, size, size) * 0.1
    expected = bits(g(x))
    g(x)
    before = signal.signal(signal.SIGALRM, stop)
    try:
        with pytest.raises(Stop):
            call_on_alarm(g, x, 0.01, 100_000)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert bits(g(x)) == expected


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers that send signals")
def test_a_signal_handler_may_call_the_function_that_it_interrupts() -> None:
    g, x = long_program(200), of(0, 128, 128) * 0.1
    y = x * 0.5
    expected = [bits(g(z)) for z in (x, y, x)]
    found: list[Any] = []
    before = signal.signal(signal.SIGALRM, lambda *_: found.append(bits(g(y))))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.003)
        while not found:
            assert bits(g(x)) == expected[0]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert found == [expected[1]]


# ---------------------------------------------------------------- memory


def sizes(compiled: Any) -> tuple[int, int, int, int]:
    """(calls, calls that were joined, bytes of memory, bytes of all results) of the one program there is."""
    ((replay,),) = compiled._ready.values()
    found: tuple[int, int, int, int] = replay.master.sizes()
    return found


@pytest.mark.parametrize("with_gradient", [False, True])
def test_an_unrolled_loop_takes_a_part_of_its_blocks(with_gradient: bool) -> None:
    def f(y: Any) -> Any:
        for _ in range(100):
            k = y.sin() - y * y * 0.1
            y = y + 0.01 * (k + (y + 0.01 * k).sin())
        return y.sum()

    g = wg.compile(grad(f) if with_gradient else f)
    for n in range(3):
        g(of(n, 512))
    calls, _, arena, blocks = sizes(g)
    assert calls > (400 if with_gradient else 100)
    assert arena * 4 <= blocks


def test_calls_hold_no_memory() -> None:
    """Neither results, nor arguments, nor anything that they hold lives on after a call."""
    g = wg.compile(lambda x: (x * 2, x.sum()))
    for n in range(3):
        g(of(n, 4))
    x = of(5, 4)
    out = g(x)
    watched = [weakref.ref(x), *[weakref.ref(y) for y in out]]
    del x, out
    gc.collect()
    assert [ref() for ref in watched] == [None] * 3


def test_a_compiled_function_and_its_programs_die() -> None:
    w = wg.ones(3, requires_grad=True)

    class Function:
        def __call__(self, x: Any) -> Any:
            return (w * x).sum().detach()

    f = Function()
    g = wg.compile(f)
    for n in range(4):
        g(of(n, 3))
    watched = weakref.ref(f)
    del f, g
    gc.collect()
    assert watched() is None


def test_recordings_of_arguments_leave_nothing_behind() -> None:
    g = wg.compile(lambda x: x.exp())
    x = of(0, 4)
    g(x)
    g(x)
    watched = weakref.ref(x)
    del x
    gc.collect()
    assert watched() is None
