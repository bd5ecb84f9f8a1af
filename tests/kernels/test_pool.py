"""The thread pool: its size, results that do not depend on it, forks, and callers on several threads."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import children
from wengert import _kernels

# A computation that is split into chunks, in a process of its own: right or an AssertionError.
COMPUTE = """
import os, threading
import numpy as np
from wengert import _kernels as K
x = np.linspace(-1, 1, 400_000)
negative = K.Elementwise("negative")
def compute():
    assert (negative(x) == -x).all()
"""

linux = pytest.mark.skipif(sys.platform != "linux", reason="affinity masks and /proc are Linux's")
posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


def run(code: str, **environment: str) -> str:
    """Run a program with COMPUTE before it; gives what it printed."""
    return children.run("-c", COMPUTE + code, **environment)


def every_family(dtype: np.dtype) -> dict[str, np.ndarray]:
    """Results of each kernel family, on sizes that are split, and that no chunk divides evenly."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1003, 517)).astype(dtype)
    y = rng.standard_normal((517, 301)).astype(dtype)
    labels = rng.integers(0, 517, 1003)
    losses, gradient, total_loss, total_weight = _kernels.cross_entropy(x, labels, gradient=True)
    updated, scaled = x.copy(), x.copy()
    _kernels.sgd([updated], [x[::-1].copy()], None, None, lr=0.1, weight_decay=0.01)
    _kernels.scale([scaled], 0.3)
    scattered = np.zeros_like(x)
    _kernels.scatter_add_rows(scattered, labels % 1003, x)
    whole, spread = np.rint(100 * x).astype(np.int64), np.zeros((2006, 1034), dtype)
    _kernels.assign(spread[::2, 1::2], x)
    greatest = _kernels.Fold("max", lambda x, dims, keepdim: np.max(x, dims, keepdims=keepdim))
    return {
        "exp": _kernels.Elementwise("exp")(x),
        "add, broadcast": _kernels.Elementwise("add")(x, x[:, :1]),
        "multiply, transposed": _kernels.Elementwise("multiply")(x.T, x[:1].T),
        "sum": _kernels.reduce("sum", x),
        "sum over rows": _kernels.reduce("sum", x, (1,)),
        "sum over columns": _kernels.reduce("sum", x, (0,)),
        "norm": _kernels.reduce("norm", x),
        "variance": _kernels.reduce("var", x, (0,)),
        "argmax": _kernels.reduce("argmax", x, (0,)),
        "running sum": _kernels.running_sum(x, 0),
        "running extreme": _kernels.running_extreme(x, 1)[1],
        "matmul": _kernels.matmul(x, y),
        "matmul, transposed": _kernels.matmul(x.T, x),
        "softmax": _kernels.softmax(x, 1),
        "softmax over columns": _kernels.softmax(x, 0),
        "softmax's gradient": _kernels.softmax_grad(x, _kernels.softmax(x, 1), 1),
        "cross-entropy": losses,
        "cross-entropy's gradient": gradient,
        "cross-entropy's totals": np.array([total_loss, total_weight]),
        "gather": _kernels.gather_rows(x, labels % 1003, dtype=dtype),
        "scatter": scattered,
        "sgd": updated,
        "scale": scaled,
        "sum of squares": np.array(_kernels.sum_squares([x, y])),
        "side by side": _kernels.joined([x, x[::-1]], 1),
        "one below the other": _kernels.joined([x, x[:, ::-1]], 0),
        "in turns": _kernels.joined([x[..., None], x[::-1, :, None]], 2),
        "copied bytes": _kernels.copied((x > 0).T),
        "assigned": spread,
        "whole sums of rows": _kernels.Fold("sum", None)(whole, (1,), False),
        "whole sums of columns": _kernels.Fold("sum", None)(whole, (0,), False),
        "whole sum": _kernels.Fold("sum", None)(whole, (0, 1), False),
        "whole sums between": _kernels.Fold("sum", None)(whole.reshape(17, 59, 517), (1,), True),
        "greatest of columns": greatest(whole.T, (1,), False),
    }


@pytest.fixture(scope="module")
def on_one_thread() -> dict[str, dict[str, np.ndarray]]:
    """The results of every family on one thread, by dtype."""
    before = _kernels.get_num_threads()
    _kernels.set_num_threads(1)
    results = {name: every_family(np.dtype(name)) for name in ("float32", "float64")}
    _kernels.set_num_threads(before)
    return results


@pytest.mark.parametrize("count", [2, 3, 8])
def test_results_do_not_depend_on_the_number_of_threads(
    count: int, dtype: np.dtype, on_one_thread: dict[str, dict[str, np.ndarray]]
) -> None:
    _kernels.set_num_threads(count)
    results = every_family(dtype)
    expected = on_one_thread[dtype.name]
    differing = [name for name in expected if expected[name].tobytes() != results[name].tobytes()]
    assert differing == []


@pytest.mark.parametrize("count", [1, 2, 3])
def test_copies_and_whole_sums_on_several_threads_are_numpys(count: int) -> None:
    _kernels.set_num_threads(count)
    x = np.random.default_rng(0).standard_normal((1003, 517)).astype(np.float32)
    whole, spread = np.rint(100 * x).astype(np.int64), np.zeros((2006, 1034), np.float32)
    spread[::2, 1::2] = x
    expected = {
        "side by side": np.concatenate([x, x[::-1]], 1),
        "one below the other": np.concatenate([x, x[:, ::-1]]),
        "in turns": np.stack([x, x[::-1]], -1),
        "copied bytes": (x > 0).T.copy(),
        "assigned": spread,
        "whole sums of rows": whole.sum(1),
        "whole sums of columns": whole.sum(0),
        "whole sum": whole.sum(),
        "whole sums between": whole.reshape(17, 59, 517).sum(1, keepdims=True),
        "greatest of columns": whole.T.max(1),
    }
    found = every_family(np.dtype("float32"))
    for name, y in expected.items():
        np.testing.assert_array_equal(found[name], y, err_msg=name)


@pytest.mark.parametrize("count", [1, 2, 3, 256])
def test_the_count_that_was_set_is_reported(count: int) -> None:
    _kernels.set_num_threads(count)
    assert _kernels.get_num_threads() == count


@pytest.mark.parametrize("count", [0, -1, 257])
def test_a_count_out_of_range_is_refused(count: int) -> None:
    before = _kernels.get_num_threads()
    with pytest.raises(ValueError, match=f"set_num_threads: expected 1 to 256 threads, got {count}"):
        _kernels.set_num_threads(count)
    assert _kernels.get_num_threads() == before


@pytest.mark.parametrize("count", ["two", None])
def test_a_count_that_is_no_integer_is_refused(count: object) -> None:
    with pytest.raises(TypeError):
        _kernels.set_num_threads(count)


def test_callers_on_several_threads_get_the_results_of_one(dtype: np.dtype) -> None:
    _kernels.set_num_threads(2)
    expected = every_family(dtype)
    with ThreadPoolExecutor(4) as pool:
        everything = list(pool.map(lambda _: every_family(dtype), range(8)))
    assert all(results[name].tobytes() == expected[name].tobytes() for results in everything for name in expected)


def test_the_count_can_change_while_others_compute(dtype: np.dtype) -> None:
    expected = every_family(dtype)

    def compute_or_resize(turn: int) -> dict[str, np.ndarray]:
        if turn % 2:
            for count in (1, 4, 2, 3):
                _kernels.set_num_threads(count)
            return expected
        return every_family(dtype)

    with ThreadPoolExecutor(4) as pool:
        everything = list(pool.map(compute_or_resize, range(16)))
    assert all(results[name].tobytes() == expected[name].tobytes() for results in everything for name in expected)


def test_the_environment_sets_the_count() -> None:
    assert run("compute(); print(K.get_num_threads())", WENGERT_NUM_THREADS="3") == "3"


def test_the_environment_cannot_ask_for_more_than_the_most() -> None:
    assert run("print(K.get_num_threads())", WENGERT_NUM_THREADS="100000") == "256"


@linux
def test_the_count_follows_the_affinity_mask() -> None:
    pinned = "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); compute(); print(K.get_num_threads())"
    assert run(pinned) == "1"


@linux
def test_more_threads_than_processors_compute_the_same() -> None:
    pinned = """
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
for _ in range(50):
    compute()
print(K.get_num_threads())
"""
    assert run(pinned, WENGERT_NUM_THREADS="8") == "8"


@linux
def test_threads_appear_with_the_first_job_and_go_with_the_count() -> None:
    code = """
def threads():
    return len(os.listdir("/proc/self/task"))
before = threads()
K.set_num_threads(4)
assert threads() == before
compute()
assert threads() == before + 3
K.set_num_threads(1)
while threads() > before:  # the kernel lists a thread a little longer than it lives
    pass
compute()
print(threads() - before)
"""
    assert run(code) == "0"


@linux
def test_workers_that_are_woken_keep_off_the_callers_processor() -> None:
    code = """
everywhere = os.sched_getaffinity(0)
compute()
worker, = set(os.listdir("/proc/self/task")) - {str(os.getpid())}
def sleeps():
    with open(f"/proc/self/task/{worker}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] == "S"
for processor in sorted(everywhere)[:2] * 2:
    os.sched_setaffinity(0, {processor})
    while not sleeps():
        pass
    compute()
    assert os.sched_getaffinity(int(worker)) == (everywhere - {processor} or everywhere)
    assert os.sched_getaffinity(0) == {processor}
print("kept off")
"""
    assert run(code, WENGERT_NUM_THREADS="2") == "kept off"


@linux
def test_workers_leave_signals_to_the_programs_own_threads() -> None:
    code = """
import signal
compute()
worker, = set(os.listdir("/proc/self/task")) - {str(os.getpid())}
def blocks(number):
    with open(f"/proc/self/task/{worker}/status") as lines:
        status = dict(line.split(":", 1) for line in lines)
    return bool(int(status["SigBlk"], 16) >> number - 1 & 1)
while blocks(signal.SIGSEGV):  # the C library blocks everything while a thread starts; faults stay deadly afterwards
    pass
print([blocks(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)])
"""
    assert run(code, WENGERT_NUM_THREADS="2") == "[True, True, True]"


FORK = """
import signal
def fork(action):
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # a child that hangs dies of it
        action()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""


@posix
@pytest.mark.parametrize("count", ["1", "2", "5"])
def test_a_forked_child_computes(count: str) -> None:
    code = """
compute()
for _ in range(10):
    fork(compute)
    compute()
fork(lambda: (K.set_num_threads(3), compute(), K.set_num_threads(1), compute()))
fork(lambda: fork(compute))
"""
    run(FORK + code, WENGERT_NUM_THREADS=count)


@posix
def test_a_child_forked_while_other_threads_compute_computes() -> None:
    code = """
stop = threading.Event()
def keep_computing():
    while not stop.is_set():
        compute()
others = [threading.Thread(target=keep_computing) for _ in range(2)]
for other in others:
    other.start()
try:
    for _ in range(20):
        fork(compute)
finally:
    stop.set()
    for other in others:
        other.join()
"""
    run(FORK + code, WENGERT_NUM_THREADS="3")


@posix
def test_recycled_memory_survives_a_fork() -> None:
    code = """
kept = negative(x)
def check():
    assert (kept == -x).all()
    address = negative(x).ctypes.data
    assert negative(x).ctypes.data == address
    K.trim_memory()
    compute()
for _ in range(5):
    fork(check)
check()
"""
    run(FORK + code)


@linux
def test_where_the_system_denies_threads_there_are_fewer() -> None:
    code = """
import resource
compute()
with open("/proc/self/statm") as file:
    mapped = int(file.read().split()[0]) * resource.getpagesize()
soft, hard = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (mapped + (5 << 19), hard))  # two stacks of a mebibyte, and no third
K.set_num_threads(200)
result = negative(x)  # into the memory of the last one
found = K.get_num_threads()
resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
assert (result == -x).all()
K.set_num_threads(4)
compute()
print(found < 5, K.get_num_threads())
"""
    assert run(code, WENGERT_NUM_THREADS="1") == "True 4"


@pytest.mark.parametrize(
    ("before", "environment", "count"),
    [("", {}, "1"), ("K.set_num_threads(2)", {}, "2"), ("", {"WENGERT_NUM_THREADS": "3"}, "3")],
)
def test_a_process_among_several_uses_one_thread_unless_a_number_was_chosen(
    before: str, environment: dict[str, str], count: str
) -> None:
    assert run(f"{before}\nK.share_processors()\ncompute()\nprint(K.get_num_threads())", **environment) == count


@posix
def test_a_forked_child_ends_as_any_program_does() -> None:
    code = """
import sys
compute()
child = os.fork()
compute()
if child == 0:
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
"""
    run(code, WENGERT_NUM_THREADS="2")
