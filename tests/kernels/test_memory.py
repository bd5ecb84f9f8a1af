"""Recycled memory: blocks come back, stay aligned, stay bounded, and live as long as anything that looks at them."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import wengert as wg
from wengert import _kernels, nn, optim

MIB = 1 << 20

# Below a cache line, odd, of the C library, just below and just above where blocks are mapped by themselves.
SIZES = [1, 3, 16, 1000, 65_537, 2 * MIB // 4 - 16, 2 * MIB // 4, 5 * MIB // 4 + 3]

negative = _kernels.Elementwise("negative")


def fresh(items: int) -> np.ndarray:
    """A float32 result of one kernel, with the given number of items."""
    return negative(np.broadcast_to(np.float32(-1), (items,)))


@pytest.fixture(autouse=True)
def nothing_held() -> Iterator[None]:
    """Every test begins with no block held, and leaves the bound as it found it."""
    limit = _kernels.memory_usage()["limit"]
    _kernels.trim_memory()
    yield
    _kernels.set_memory_limit(limit)


@pytest.mark.parametrize("items", SIZES)
def test_the_same_block_comes_back(items: int) -> None:
    result = fresh(items)
    address = result.ctypes.data
    del result
    assert fresh(items).ctypes.data == address


def test_the_block_released_last_comes_back_first() -> None:
    first, second = fresh(1000), fresh(1000)
    addresses = [first.ctypes.data, second.ctypes.data]
    del first
    del second
    again = [fresh(1000), fresh(1000)]
    assert [result.ctypes.data for result in again] == addresses[::-1]


def test_sizes_of_one_class_share_blocks() -> None:
    result = fresh(1000)  # 4000 bytes: the class of 4096
    address = result.ctypes.data
    del result
    assert fresh(1024).ctypes.data == address
    assert fresh(1025).ctypes.data != address


@pytest.mark.parametrize("items", SIZES)
def test_results_are_aligned_to_a_cache_line(items: int) -> None:
    results = [fresh(items) for _ in range(3)]
    assert all(result.ctypes.data % 64 == 0 for result in results)
    assert all((result == 1).all() for result in results)


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 4, 2)])
def test_empty_results_have_memory_of_their_own(shape: tuple[int, ...]) -> None:
    result = negative(np.ones(shape, np.float32))
    assert result.shape == shape
    assert result.ctypes.data % 64 == 0


@pytest.mark.parametrize("items", SIZES)
def test_usage_counts_what_is_handed_out_and_what_is_held(items: int) -> None:
    before = _kernels.memory_usage()
    result = fresh(items)
    during = _kernels.memory_usage()
    block = during["in_use"] - before["in_use"]
    assert result.nbytes <= block <= max(1.25 * result.nbytes, result.nbytes + 63)
    del result
    after = _kernels.memory_usage()
    assert after["in_use"] == before["in_use"]
    assert after["held"] == before["held"] + block


@pytest.mark.parametrize(
    "view",
    [lambda a: a[7:], lambda a: a[::-3], lambda a: a.reshape(100, -1).T[:, 5:], lambda a: a.view(np.uint32)],
    ids=["slice", "reversed", "transposed", "reinterpreted"],
)
def test_views_keep_the_block_alive(view: Callable[[np.ndarray], np.ndarray]) -> None:
    source = np.random.default_rng(0).standard_normal(10_000).astype(np.float32)
    base = negative(source)
    kept = view(base)
    expected = view(-source).copy()
    del base
    others = [fresh(10_000) for _ in range(20)]
    np.testing.assert_array_equal(kept, expected)
    assert not any(np.shares_memory(kept, other) for other in others)


def test_held_memory_stays_below_the_limit() -> None:
    _kernels.set_memory_limit(MIB)
    results = [fresh(items) for items in range(1, 200_000, 7919)]
    assert sum(result.nbytes for result in results) > MIB
    del results
    assert 0 < _kernels.memory_usage()["held"] <= MIB


def test_a_block_above_the_limit_is_not_held() -> None:
    _kernels.set_memory_limit(MIB)
    fresh(2 * MIB)
    assert _kernels.memory_usage()["held"] == 0


def test_a_lower_limit_returns_what_is_above_it() -> None:
    results = [fresh(1000) for _ in range(100)]
    del results
    held = _kernels.memory_usage()["held"]
    _kernels.set_memory_limit(held // 2)
    assert held // 2 - 4096 <= _kernels.memory_usage()["held"] <= held // 2
    _kernels.set_memory_limit(0)
    assert _kernels.memory_usage() == {**_kernels.memory_usage(), "held": 0, "limit": 0}


def test_sizes_no_longer_used_make_room_for_those_in_use() -> None:
    _kernels.set_memory_limit(MIB)
    stale = [fresh(1000) for _ in range(256)]
    del stale
    assert _kernels.memory_usage()["held"] == MIB  # full, of blocks of 4096 bytes
    result = fresh(100_000)
    address = result.ctypes.data
    del result
    assert _kernels.memory_usage()["held"] <= MIB
    assert fresh(100_000).ctypes.data == address


def test_trim_returns_the_bytes_it_gave_back() -> None:
    results = [fresh(items) for items in SIZES]
    del results
    held = _kernels.memory_usage()["held"]
    returned = _kernels.trim_memory(keep=MIB)
    assert _kernels.memory_usage()["held"] == held - returned <= MIB
    assert _kernels.trim_memory() == held - returned
    assert _kernels.trim_memory() == 0
    assert _kernels.memory_usage()["held"] == 0


def test_trim_leaves_results_alone() -> None:
    results = [fresh(items) for items in SIZES]
    _kernels.trim_memory()
    assert all((result == 1).all() for result in results)


def test_memory_does_not_grow_over_ten_thousand_operations() -> None:
    x = np.random.default_rng(0).standard_normal(300).astype(np.float32)
    add = _kernels.Elementwise("add")

    def steps(count: int) -> None:
        value = x
        for _ in range(count):
            value = add(negative(value), x)

    steps(10)
    before = _kernels.memory_usage()
    steps(10_000)
    assert _kernels.memory_usage() == before


@pytest.mark.parametrize("items", [MIB // 4, 4 * MIB // 4], ids=["1 MiB", "4 MiB"])
def test_a_steady_loop_takes_no_page_faults(items: int) -> None:
    resource = pytest.importorskip("resource", reason="page faults are counted by the POSIX call getrusage")
    x = np.ones(items, np.float32)
    value = negative(x)
    value = negative(value)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(200):
        value = negative(value)
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    assert faults < 100  # memory that is new each time would take at least one per operation
    assert (value == 1).all()


def test_threads_do_not_get_each_others_blocks() -> None:
    def fill(seed: int) -> bool:
        x = np.random.default_rng(seed).standard_normal(3000).astype(np.float32)
        kept = [negative(x[: 100 * i]) for i in range(1, 30)]
        for _ in range(200):
            kept.append(negative(x))
            kept.pop(seed % len(kept))
        return all(np.array_equal(result, -x[: result.size]) for result in kept)

    gc.collect()  # what earlier tests left in cycles must not go meanwhile
    in_use = _kernels.memory_usage()["in_use"]
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(fill, range(16)))
    assert _kernels.memory_usage()["in_use"] == in_use


@pytest.mark.parametrize("items", [2**60, 2**61 - 1])
def test_a_result_that_no_machine_can_hold_raises(items: int) -> None:
    with pytest.raises(MemoryError, match="result of shape"):
        fresh(items)


def test_negative_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="trim_memory"):
        _kernels.trim_memory(-1)
    with pytest.raises(ValueError, match="set_memory_limit"):
        _kernels.set_memory_limit(-1)


def test_it_is_known_who_else_sees_an_array() -> None:
    class Owner:
        value = None

    owner = Owner()
    owner._value = _kernels.empty((3,), "float32")
    assert _kernels.owned_alone(owner)
    view = owner._value[:2]
    assert not _kernels.owned_alone(owner)
    del view
    assert _kernels.owned_alone(owner)
    other = owner._value
    assert not _kernels.owned_alone(owner)
    del other
    holder = {"owner": owner}
    assert not _kernels.held_alone(holder, "owner")
    del owner
    assert _kernels.held_alone(holder, "owner")
    assert not _kernels.held_alone(holder, "nobody")
    holder["owner"]._value = np.zeros(3, np.float32)
    assert not _kernels.owned_alone(holder["owner"])
    assert not _kernels.held_alone(holder, "owner")


@pytest.mark.parametrize("batch_size", [256, 1024])
def test_a_steady_training_loop_touches_no_page_for_the_first_time(batch_size: int) -> None:
    """784-256-10: after a few steps every result lives in memory that an earlier one has left."""
    resource = pytest.importorskip("resource", reason="page faults are counted by the POSIX call getrusage")
    rng = np.random.default_rng(0)
    images, labels = wg.from_numpy(rng.random((1024, 784), dtype=np.float32)), wg.from_numpy(rng.integers(0, 10, 1024))
    model = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    def step(batch: wg.Tensor) -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
        optimizer.step()

    batches = [wg.from_numpy(rng.permutation(1024)[:batch_size]) for _ in range(60)]
    for batch in batches[:10]:
        step(batch)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for batch in batches[10:]:
        step(batch)
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    assert faults < 50  # a batch of 256 has 196 pages, and one of 1024 would be mapped anew each time


def test_arrays_are_alike_of_one_shape_and_dtype() -> None:
    x = np.zeros((2, 3), np.float32)
    assert _kernels.alike([x, x.T.copy().T, x[::-1]])
    for other in (x[:1], x[0], x.astype(np.float64), [[0.0] * 3] * 2, np.ma.array(x)):
        assert not _kernels.alike([x, other])
        assert not _kernels.alike([other, x])
