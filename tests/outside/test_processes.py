"""Other processes, other threads, other pools, and Ctrl-C: each program here runs in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import children
import wengert as wg
from children import DEADLINE
from wengert import _kernels

# A step of training, with matrices large enough for several threads.
STEP = """
import os, sys, threading
import numpy as np
import wengert as wg

def step():
    x = wg.from_numpy(np.linspace(-1, 1, 300 * 200, dtype=np.float32).reshape(300, 200)).requires_grad_()
    loss = ((x @ x.T).tanh().softmax(1) * x[:, :1]).sum()
    loss.backward()
    return loss.item(), x.grad.numpy().tobytes()

def step_and_threads(_):
    return step(), wg.get_num_threads()
"""


def run(directory: Path, program: str, first: str = "", **environment: str) -> str:
    """Run STEP and a program as a file, which spawned workers import again; gives what it printed."""
    file = directory / "program.py"
    file.write_text(first + STEP + program)
    return children.run(str(file), **environment)


# ---------------------------------------------------------------- worker processes

WORKERS = """
if __name__ == "__main__":
    import multiprocessing, warnings
    warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of forks where threads run: they are the point
    {before}
    expected = step()
    with multiprocessing.get_context({method!r}).Pool(2) as pool:
        found = pool.map(step_and_threads, range(4), chunksize=1)
    assert all(result == expected for result, _ in found)
    assert step() == expected
    print(sorted({{threads for _, threads in found}}))
"""

methods = pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())


@methods
def test_workers_started_after_threads_ran_compute_on_one_thread_each(tmp_path: Path, method: str) -> None:
    assert run(tmp_path, WORKERS.format(method=method, before="")) == "[1]"


@methods
def test_a_number_of_threads_from_the_environment_holds_in_workers_too(tmp_path: Path, method: str) -> None:
    assert run(tmp_path, WORKERS.format(method=method, before=""), WENGERT_NUM_THREADS="2") == "[2]"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_number_that_was_set_holds_in_forked_workers(tmp_path: Path) -> None:
    assert run(tmp_path, WORKERS.format(method="fork", before="wg.set_num_threads(3)")) == "[3]"


def test_workers_of_joblib_compute_on_one_thread_each(tmp_path: Path) -> None:
    pytest.importorskip("joblib", reason="joblib starts its workers in a way of its own")
    program = """
if __name__ == "__main__":
    import joblib
    found = joblib.Parallel(n_jobs=2)(joblib.delayed(step_and_threads)(i) for i in range(4))
    assert all(result == step() for result, _ in found)
    print(sorted({threads for _, threads in found}))
"""
    assert run(tmp_path, program) == "[1]"


# ---------------------------------------------------------------- threadpoolctl


@pytest.mark.parametrize("first", ["wengert", "threadpoolctl"])
def test_threadpoolctl_lists_and_limits_the_pool_whichever_is_imported_first(tmp_path: Path, first: str) -> None:
    pytest.importorskip("threadpoolctl", reason="nothing to register with")
    program = """
import importlib.util
assert importlib.util.find_spec("threadpoolctl").name == "threadpoolctl"  # to look is not to import
assert "threadpoolctl" not in sys.modules or FIRST == "threadpoolctl"
import threadpoolctl
wg.set_num_threads(3)
(pool,) = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "wengert"]
assert pool["num_threads"] == 3 and pool["version"] == wg.__version__, pool
with threadpoolctl.threadpool_limits(1):
    assert wg.get_num_threads() == 1
    step()
with threadpoolctl.threadpool_limits(2, user_api="wengert"):
    assert wg.get_num_threads() == 2
assert wg.get_num_threads() == 3
assert threadpoolctl.__spec__.origin.endswith("threadpoolctl.py")
print("held")
"""
    assert run(tmp_path, program, first=f"FIRST = {first!r}\nimport {first}\n") == "held"


# ---------------------------------------------------------------- threads


def record_and_walk(seed: int) -> tuple[bytes, bytes]:
    """A loss, its gradient and its second derivative in a direction; every other thread without recording meanwhile."""
    rng = np.random.default_rng(seed % 3)
    x = wg.from_numpy(rng.standard_normal((120, 90))).requires_grad_()
    v = wg.from_numpy(rng.standard_normal((120, 90)))

    def loss(x: wg.Tensor) -> wg.Tensor:
        return ((x @ x.T).tanh() * x[:, :1]).sum()

    for _ in range(3):
        with wg.no_grad():
            assert not wg.is_grad_enabled()
            assert not loss(x).requires_grad
        assert wg.is_grad_enabled()
        x.grad = None
        value = loss(x)
        value.backward()
    product = wg.func.hvp(loss, x.detach(), v)
    return value.detach().numpy().tobytes() + x.grad.numpy().tobytes(), product.numpy().tobytes()


def test_threads_that_record_walk_and_compute_at_once_give_what_one_gives() -> None:
    expected = [record_and_walk(seed) for seed in range(3)]
    _kernels.set_num_threads(2)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(record_and_walk, range(48)))
    assert all(result == expected[seed % 3] for seed, result in enumerate(found))


def test_each_thread_has_a_grad_mode_of_its_own() -> None:
    inside, outside = threading.Event(), threading.Event()
    seen: list[bool] = []

    def without() -> None:
        with wg.no_grad():
            inside.set()
            outside.wait(DEADLINE)
            seen.append(wg.is_grad_enabled())

    thread = threading.Thread(target=without)
    thread.start()
    inside.wait(DEADLINE)
    assert wg.is_grad_enabled()
    assert (wg.ones(2, requires_grad=True) * 2).requires_grad
    outside.set()
    thread.join()
    assert seen == [False]


def test_threads_may_accumulate_into_one_parameter() -> None:
    """As in PyTorch, the order is open; no contribution is lost. Integers, so that the order does not show."""
    w = wg.ones(50, 50, requires_grad=True)

    def contribute(_: int) -> None:
        (w * 3).sum().backward()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(contribute, range(200)))
    assert w.grad.tolist() == wg.full((50, 50), 600.0).tolist()


# ---------------------------------------------------------------- Ctrl-C


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to one process there")
@pytest.mark.parametrize(
    ("first", "then"),
    [("x = wg.ones(256, 256)", "x = (x @ x).tanh()"), ("x = wg.ones(1, 1).expand(7000, 200_000)", "x @ x.T")],
    ids=["between two products", "in the middle of one"],
)
def test_ctrl_c_ends_a_long_loop_of_products(tmp_path: Path, first: str, then: str) -> None:
    """The worker threads leave the signal to the program, which looks for it between operations, and in long ones."""
    program = f"""
import signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
wg.set_num_threads(2)
{first}
try:
    print("ready", flush=True)
    while True:
        {then}
except KeyboardInterrupt:
    step()
    print("interrupted", flush=True)
"""
    file = tmp_path / "program.py"
    file.write_text(STEP + program)
    with subprocess.Popen([sys.executable, str(file)], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=DEADLINE)
        finally:
            process.kill()
    assert out == "interrupted\n"


# ---------------------------------------------------------------- out of memory


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space")
def test_out_of_memory_raises_and_leaves_the_library_usable(tmp_path: Path) -> None:
    program = """
import resource
expected = step()
with open("/proc/self/statm") as file:
    mapped = int(file.read().split()[0]) * resource.getpagesize()
_, hard = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (mapped + (200 << 20), hard))
w = wg.ones(1 << 20, requires_grad=True)
attempts = {
    "elementwise": lambda: kept.append(kept[-1] * 2),
    "recorded": lambda: kept.append((kept[-1] * w).exp()),
    "reduction": lambda: kept.append(kept[-1].reshape(1024, 1, 1024).sum(1).reshape(-1)),
    "matmul": lambda: kept.append((kept[-1].reshape(1024, 1024) @ w.reshape(1024, 1024)).reshape(-1)),
    "softmax": lambda: kept.append(kept[-1].reshape(1024, 1024).softmax(1).reshape(-1)),
}
for name, attempt in attempts.items():
    kept = [wg.ones(1 << 20)]
    try:
        while True:
            attempt()
    except MemoryError as error:
        assert len(kept) > 3, name
        print(name)
    kept.clear()
    assert step() == expected
(w * w).sum().backward()
assert w.grad[:3].tolist() == [2.0] * 3
"""
    assert run(tmp_path, program).split() == ["elementwise", "recorded", "reduction", "matmul", "softmax"]
