"""Samplers, composed and iterated data sets, workers, and samples that do not fit into one batch."""

# ruff: noqa: NPY002  # workers have a global state of NumPy's each

from __future__ import annotations

import copy
import math
import pickle
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.data import (
    BatchSampler,
    ChainDataset,
    ConcatDataset,
    DataLoader,
    Dataset,
    DistributedBatchSampler,
    DistributedSampler,
    IterableDataset,
    RaggedError,
    RandomSampler,
    Sampler,
    SequentialSampler,
    StackDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    get_worker_info,
    loader,
)


@pytest.fixture(autouse=True)
def _said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers have been spoken of already; tests/data/test_data.py looks at the warning."""
    monkeypatch.setattr(loader, "_said_that_workers_are_needless", True)


def seeded(seed: int = 0) -> wg.Generator:
    return wg.Generator().manual_seed(seed)


class Count(IterableDataset):
    """The numbers below a limit; with `shared`, each worker gives every so many."""

    def __init__(self, limit: int, shared: bool = False, length: bool = True) -> None:
        self.limit, self.shared = limit, shared

    def __iter__(self) -> Iterator[int]:
        info = get_worker_info()
        if info is None or not self.shared:
            return iter(range(self.limit))
        assert info.dataset is self
        return iter(range(info.id, self.limit, info.num_workers))


class Counted(Count):
    def __len__(self) -> int:
        return self.limit


# ---------------------------------------------------------------- samplers


def test_samplers_give_what_they_say() -> None:
    assert list(SequentialSampler("abcd")) == [0, 1, 2, 3]
    assert sorted(RandomSampler("abcd")) == [0, 1, 2, 3]
    assert sorted(SubsetRandomSampler([7, 3, 5], seeded())) == [3, 5, 7]
    assert list(WeightedRandomSampler([0, 0, 2.0, 0], 5)) == [2] * 5
    assert sorted(WeightedRandomSampler([1, 0, 2, 3], 3, replacement=False, generator=seeded())) == [0, 2, 3]
    assert list(BatchSampler(range(5), 2, False)) == [[0, 1], [2, 3], [4]]
    assert list(BatchSampler(range(5), 2, True)) == [[0, 1], [2, 3]]
    assert [len(BatchSampler(range(5), 2, last)) for last in (False, True)] == [3, 2]
    with pytest.raises(NotImplementedError, match="Sampler does not define __iter__"):
        iter(Sampler())


@pytest.mark.parametrize(("count", "wanted"), [(4, 3), (4, 4), (4, 5), (4, 12)])
def test_random_sampler_without_replacement_gives_whole_orders(count: int, wanted: int) -> None:
    drawn = list(RandomSampler(range(count), num_samples=wanted, generator=seeded()))
    assert len(drawn) == wanted
    for start in range(0, wanted, count):
        part = drawn[start : start + count]
        assert len(set(part)) == len(part)


def test_random_sampler_with_replacement_draws_uniformly() -> None:
    sampler = RandomSampler(range(5), replacement=True, num_samples=5000, generator=seeded())
    counts = np.bincount(list(sampler), minlength=5)
    assert len(sampler) == counts.sum() == 5000
    assert ((counts - 1000) ** 2 / 1000).sum() < 18.5  # of chi-squared with 4 degrees, one in a thousand is above


def test_weighted_sampler_draws_by_the_weights() -> None:
    counts = np.bincount(list(WeightedRandomSampler([1, 3, 0, 6], 5000, generator=seeded())), minlength=4)
    assert counts[2] == 0
    expected = np.array([500, 1500, 3000])
    assert ((counts[[0, 1, 3]] - expected) ** 2 / expected).sum() < 13.8  # likewise, with 2


@pytest.mark.parametrize(
    "make",
    [
        lambda generator: RandomSampler(range(30), generator=generator),
        lambda generator: RandomSampler(range(30), True, 40, generator),
        lambda generator: SubsetRandomSampler(range(30), generator),
        lambda generator: WeightedRandomSampler(np.arange(30), 40, generator=generator),
        lambda generator: BatchSampler(RandomSampler(range(30), generator=generator), 7, False),
    ],
)
def test_orders_follow_the_seed_and_are_drawn_when_an_iteration_begins(make: Any) -> None:
    sampler = make(seeded(1))
    first, second = list(sampler), list(sampler)
    assert first != second
    again = make(seeded(1))
    one, other = iter(again), iter(again)
    assert [list(other), list(one)] == [second, first]
    wg.manual_seed(4)
    own = list(make(None))
    wg.manual_seed(4)
    assert list(make(None)) == own


def test_a_random_sampler_and_shuffle_have_one_order() -> None:
    by_sampler = DataLoader(range(20), 20, sampler=RandomSampler(range(20), generator=seeded(3)))
    by_loader = DataLoader(range(20), 20, shuffle=True, generator=seeded(3))
    expected = seeded(3).numpy.permutation(20).tolist()  # as it was before there were samplers
    assert next(iter(by_sampler)).tolist() == next(iter(by_loader)).tolist() == expected
    by_loader.generator = seeded(3)
    assert list(by_loader.sampler) == expected


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: RandomSampler([]), ValueError, "num_samples=0"),
        (lambda: RandomSampler("ab", num_samples=-1), ValueError, "RandomSampler: num_samples should be a positive"),
        (lambda: RandomSampler("ab", replacement=1), TypeError, "replacement should be a boolean"),
        (lambda: RandomSampler("ab", generator=3), TypeError, "got int"),
        (lambda: SubsetRandomSampler("ab", generator=3), TypeError, "got int"),
        (lambda: WeightedRandomSampler([1], 0), ValueError, "WeightedRandomSampler: num_samples"),
        (lambda: WeightedRandomSampler([1], True), ValueError, "num_samples=True"),
        (lambda: WeightedRandomSampler([1], 1, replacement=0), ValueError, "replacement should be a boolean"),
        (lambda: WeightedRandomSampler([[1]], 1), ValueError, r"1d sequence .* shape \(1, 1\)"),
        (lambda: iter(WeightedRandomSampler([1, 0], 2, replacement=False)), ValueError, "multinomial"),
        (lambda: BatchSampler("ab", 0, False), ValueError, "BatchSampler: batch_size"),
        (lambda: BatchSampler("ab", 1, 0), ValueError, "drop_last should be a boolean"),
        (lambda: DistributedSampler("ab"), RuntimeError, "num_replicas=world.size and rank=world.rank"),
        (lambda: DistributedSampler("ab", 2, 2), ValueError, r"rank should be in the interval \[0, 1\]"),
        (lambda: DistributedSampler("ab", 2, 1, seed=-1), ValueError, "seed >= 0"),
    ],
)
def test_samplers_refuse_what_makes_no_sense(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("count", [1, 5, 8])
@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("drop_last", [False, True])
def test_distributed_sampler_shares_one_order(count: int, size: int, drop_last: bool) -> None:
    parts = [DistributedSampler(range(count), size, rank, seed=2, drop_last=drop_last) for rank in range(size)]
    for epoch in (0, 1):
        for part in parts:
            part.set_epoch(epoch)
        together = [index for group in zip(*parts, strict=True) for index in group]
        each = count // size if drop_last else math.ceil(count / size)
        assert [len(part) for part in parts] == [each] * size
        assert parts[0].total_size == each * size == len(together)
        assert len(set(together)) == min(count, each * size)
        assert together[count:] == together[: max(0, each * size - count)]  # filled up from the beginning
    state = parts[0].state_dict()
    assert state == {"epoch": 1, "seed": 2}
    parts[-1].load_state_dict(state)
    assert parts[-1].rank == size - 1


def test_a_loader_gives_the_part_of_its_distributed_sampler_and_no_other() -> None:
    data = TensorDataset(np.arange(6))
    sampled = DataLoader(data, 2, sampler=DistributedSampler(data, 2, 1, shuffle=False))
    assert [x.tolist() for (x,) in sampled.part(1, 2)] == [[1, 3], [5]]
    grouped = DataLoader(data, batch_sampler=BatchSampler(sampled.sampler, 2, False))
    assert [x.tolist() for (x,) in grouped.part(1, 2)] == [[1, 3], [5]]
    with pytest.raises(ValueError, match="DistributedSampler is of rank 1 of 2, and this is rank 0 of 2"):
        sampled.part(0, 2)
    batches = DataLoader(data, batch_sampler=DistributedBatchSampler(data, 4, rank=0, size=2, shuffle=False))
    with pytest.raises(ValueError, match="DistributedBatchSampler is of rank 0 of 2"):
        batches.part(1, 2)


# ---------------------------------------------------------------- data sets


def test_concatenated_data_sets_count_on() -> None:
    both = TensorDataset(np.arange(3)) + TensorDataset(np.arange(10, 12)) + ["last"]
    assert isinstance(both, ConcatDataset)
    assert [int(both[i][0]) for i in range(-6, 5) if i not in (-1,)] == [0, 1, 2, 10, 11, 0, 1, 2, 10, 11]
    assert (both[5], both[-1], len(both)) == ("last", "last", 6)
    assert ConcatDataset(["ab", "", "c"]).cumulative_sizes == [2, 2, 3]
    assert list(ConcatDataset(["ab", "", "c"])) == ["a", "b", "c"]
    with pytest.raises(IndexError, match="no example 6 among 6"):
        both[6]
    with pytest.raises(ValueError, match="no example -7 among 6"):
        both[-7]
    with pytest.raises(AssertionError, match="at least one"):
        ConcatDataset([])
    with pytest.raises(AssertionError, match="Count is an IterableDataset"):
        ConcatDataset(["a", Count(3)])


def test_chained_data_sets_run_on() -> None:
    chained = Counted(2) + Counted(3)
    assert isinstance(chained, ChainDataset)
    assert list(chained) == [0, 1, 0, 1, 2]
    assert len(chained) == 5
    assert [batch.tolist() for batch in DataLoader(chained, 3)] == [[0, 1, 0], [1, 2]]
    with pytest.raises(AssertionError, match="found str; ConcatDataset"):
        list(ChainDataset([Count(1), "ab"]))


def test_stacked_data_sets_are_side_by_side() -> None:
    class Several(Dataset):
        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int) -> int:
            return index

        def __getitems__(self, indices: list[int]) -> list[int]:
            return [-index for index in indices]

    pairs = StackDataset(Several(), "abc")
    assert (pairs[1], len(pairs)) == ((1, "b"), 3)
    assert [(x.tolist(), y) for x, y in DataLoader(pairs, 2)] == [([0, -1], ("a", "b")), ([-2], ("c",))]
    named = StackDataset(x=wg.arange(3), y=[5, 6, 7])
    assert {key: int(value) for key, value in named[2].items()} == {"x": 2, "y": 7}
    batch = next(iter(DataLoader(named, 3, shuffle=True)))
    assert (batch["y"] - batch["x"]).tolist() == [5] * 3
    for args, kwargs, message in (
        ((), {}, "at least one"),
        (("a",), {"x": "b"}, "by position, for tuples, or by name"),
        (("ab", "c"), {}, r"lengths \[2, 1\]"),
    ):
        with pytest.raises(ValueError, match=message):
            StackDataset(*args, **kwargs)

    class Changed(StackDataset):
        def __getitem__(self, index: int) -> int:
            return -index

    assert next(iter(DataLoader(Changed("abc"), 3))).tolist() == [0, -1, -2]
    Several.__getitems__ = lambda self, indices: []
    with pytest.raises(ValueError, match="gave 0 examples for 2 indices"):
        list(DataLoader(pairs, 2))


def test_iterated_data_sets_come_in_their_order() -> None:
    assert [batch.tolist() for batch in DataLoader(Count(5), 2)] == [[0, 1], [2, 3], [4]]
    assert [batch.tolist() for batch in DataLoader(Count(5), 2, drop_last=True)] == [[0, 1], [2, 3]]
    assert list(DataLoader(Count(3), batch_size=None)) == [0, 1, 2]
    assert list(DataLoader(Count(3), 2, collate_fn=sum)) == [1, 2]
    assert list(DataLoader(Count(3), None, collate_fn=lambda x: -x)) == [0, -1, -2]
    assert [len(DataLoader(Counted(5), 2, drop_last=last)) for last in (False, True)] == [3, 2]
    assert (len(DataLoader(Counted(5), None)), DataLoader(Count(5)).sampler) == (5, None)
    loaded = DataLoader(Count(5), 4)
    assert [[x if isinstance(x, list) else x.tolist() for x in loaded.part(rank, 2)] for rank in (0, 1)] == [
        [[0, 1], []],
        [[2, 3], [4]],
    ]
    with pytest.raises(TypeError, match="len"):
        len(DataLoader(Count(5)))
    with pytest.raises(NotImplementedError, match="Count: an IterableDataset is iterated"):
        Count(5)[0]
    with pytest.raises(TypeError, match="__iter__"):
        IterableDataset()


@pytest.mark.parametrize(
    ("name", "value"), [("shuffle", True), ("sampler", [0]), ("batch_sampler", [[0]]), ("sampler", RandomSampler("a"))]
)
def test_iterated_data_sets_have_their_own_order(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"IterableDataset: expected unspecified {name} option"):
        DataLoader(Count(3), **{name: value})
    assert len(list(DataLoader(Count(3), shuffle=False))) == 3


def test_a_sampler_makes_a_length_needless() -> None:
    class Endless:
        def __getitem__(self, index: int) -> int:
            return index**2

    assert [x.tolist() for x in DataLoader(Endless(), 2, sampler=[1, 2, 3])] == [[1, 4], [9]]
    assert [x.tolist() for x in DataLoader(Endless(), batch_sampler=[[5]])] == [[25]]
    with pytest.raises(TypeError, match="__len__ and __getitem__, which Endless lacks"):
        DataLoader(Endless())


def test_a_loader_tells_its_samplers() -> None:
    data = list(range(5))
    plain = DataLoader(data, 2, drop_last=True)
    assert isinstance(plain.sampler, SequentialSampler)
    assert list(plain.batch_sampler) == [[0, 1], [2, 3]]
    assert isinstance(DataLoader(data, shuffle=True).sampler, RandomSampler)
    given = [[0], [1]]
    assert DataLoader(data, batch_sampler=given).batch_sampler is given
    assert DataLoader(data, None).batch_sampler is None
    assert DataLoader(data).collate_fn is default_collate


# ---------------------------------------------------------------- samples that do not fit


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        (
            [wg.ones(2), wg.ones(2), wg.ones(3)],
            r"\[2\] at entry 0 and \[3\] at entry 2; .*example\[2\] of shape \(3,\)",
        ),
        ([np.ones((1, 2)), np.ones(2)], r"example\[0\] of shape \(1, 2\) and example\[1\] of shape \(2,\)"),
        ([(1, {"x": wg.ones(2)}), (2, {"x": wg.ones(())})], r"example\[1\]\[1\]\['x'\] of shape \(\)"),
        ([1.0, np.ones(2)], r"shape \(\) and example\[1\] of shape \(2,\)"),
        ([wg.ones(2), np.ones(3)], r"shape \(2,\) and example\[1\] of shape \(3,\)"),
        ([(1, [1, 2]), (1, [1])], r"equal size.*example\[0\]\[1\] has the length 2, example\[1\]\[1\] 1"),
    ],
)
def test_ragged_examples_are_named_with_their_shapes(examples: list[Any], message: str) -> None:
    with pytest.raises(RaggedError, match=message) as caught:
        default_collate(examples)
    assert isinstance(caught.value, RuntimeError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_loader_names_ragged_samples_by_their_indices_in_the_data_set() -> None:
    lengths = [3] * 7 + [4] + [3] * 2
    examples = [(np.zeros(length), i) for i, length in enumerate(lengths)]
    with pytest.raises(RaggedError, match=r"samples 5 and 7 of the data set .* \(3,\) .* \(4,\)"):
        list(DataLoader(examples, 5))
    with pytest.raises(RaggedError, match="samples 8 and 7 "):
        list(DataLoader(examples, 2, sampler=[0, 1, 8, 7]))

    class Stream(IterableDataset):
        def __iter__(self) -> Iterator[Any]:
            return iter(examples)

    with pytest.raises(RaggedError, match="samples 6 and 7 "):
        list(DataLoader(Stream(), 3))
    with pytest.raises(RaggedError, match="samples 6 and 7 "):
        list(DataLoader(Stream(), 4).part(1, 2))
    for data in (examples, Stream()):  # of a function of one's own it is not known which examples it collates
        with pytest.raises(RaggedError, match=r"^stack expects"):
            list(DataLoader(data, 10, collate_fn=lambda batch: default_collate(batch[3:])))


# ---------------------------------------------------------------- workers


class Noisy(Dataset):
    """What every source of random numbers gives, and who asked."""

    calls = 0

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        self.calls += 1
        info = get_worker_info()
        return index, -1 if info is None else info.id, wg.rand(()), np.random.rand(), random.random(), self.calls


def drawn(**options: Any) -> list[list[Any]]:
    return [[part.tolist() for part in batch] for batch in DataLoader(Noisy(), 2, generator=seeded(), **options)]


def test_workers_take_turns_with_copies_and_random_numbers_of_their_own() -> None:
    batches = drawn(num_workers=2)
    assert [batch[0] for batch in batches] == [[0, 1], [2, 3], [4, 5]]
    assert [batch[1] for batch in batches] == [[0, 0], [1, 1], [0, 0]]
    assert [batch[5] for batch in batches] == [[1, 2], [1, 2], [3, 4]]  # each counts the calls of its copy
    for source in (2, 3, 4):
        assert len({x for batch in batches for x in batch[source]}) == 6
    assert drawn(num_workers=2) == batches
    assert drawn(num_workers=3) != batches
    assert [batch[:2] for batch in drawn()] == [[[0, 1], [-1, -1]], [[2, 3], [-1, -1]], [[4, 5], [-1, -1]]]


def test_workers_leave_the_callers_random_numbers_alone() -> None:
    def following(options: dict[str, Any]) -> list[float]:
        wg.manual_seed(0)
        np.random.seed(0)
        random.seed(0)
        found = []
        for _ in DataLoader(Noisy(), 2, generator=seeded(), **options):
            found += [wg.rand(()).item(), np.random.rand(), random.random()]
        return found

    quiet = following({"sampler": []}) + [
        x for _ in range(3) for x in (wg.rand(()).item(), np.random.rand(), random.random())
    ]
    assert following({"num_workers": 2}) == quiet
    assert following({"num_workers": 2, "worker_init_fn": np.random.seed}) == quiet


def test_worker_init_fn_prepares_each_workers_copy() -> None:
    class Range(IterableDataset):
        start, end = 0, 10

        def __iter__(self) -> Iterator[int]:
            return iter(range(self.start, self.end))

    seeds = []

    def split(number: int) -> None:
        info = get_worker_info()
        assert info is not None
        assert (info.id, info.num_workers) == (number, 3)
        seeds.append(info.seed)
        assert wg.initial_seed() == info.seed
        info.dataset.start, info.dataset.end = 4 * number, min(4 * number + 4, 10)

    data = Range()
    loaded = DataLoader(data, 2, num_workers=3, worker_init_fn=split, generator=seeded())
    expected = [[0, 1], [4, 5], [8, 9], [2, 3], [6, 7]]
    assert [batch.tolist() for batch in loaded] == expected
    assert (data.start, data.end, get_worker_info()) == (0, 10, None)
    assert np.diff(seeds).tolist() == [1, 1]
    assert [batch.tolist() for batch in loaded] == expected
    assert seeds[3] not in (0, *seeds[:3])  # every iteration has its own


def test_persistent_workers_keep_their_copies_and_begin_once() -> None:
    begun: list[int] = []
    options = {"num_workers": 2, "worker_init_fn": begun.append, "generator": seeded()}
    loaded = DataLoader(Noisy(), 3, persistent_workers=True, **options)
    calls = [[batch[5].tolist() for batch in loaded] for _ in range(2)]
    assert calls == [[[1, 2, 3], [1, 2, 3]], [[4, 5, 6], [4, 5, 6]]]
    assert begun == [0, 1]
    assert [[b[5].tolist() for b in copy.deepcopy(loaded)], begun] == [[[7, 8, 9], [7, 8, 9]], [0, 1]]
    forgetful = DataLoader(Noisy(), 3, **options)
    assert [[batch[5].tolist() for batch in forgetful] for _ in range(2)] == [[[1, 2, 3], [1, 2, 3]]] * 2
    assert begun == [0, 1] * 3


@pytest.mark.parametrize("shared", [False, True])
def test_each_worker_iterates_its_copy(shared: bool) -> None:
    batches = [batch.tolist() for batch in DataLoader(Count(7, shared), 2, num_workers=2)]
    if shared:
        assert batches == [[0, 2], [1, 3], [4, 6], [5]]
    else:
        assert batches == [[0, 1], [0, 1], [2, 3], [2, 3], [4, 5], [4, 5], [6], [6]]
    assert list(DataLoader(Count(5, shared), None, num_workers=5)) == (list(range(5)) if shared else 5 * [0] + 5 * [1] +
                                                                      5 * [2] + 5 * [3] + 5 * [4])  # fmt: skip


def test_workers_of_data_in_memory_change_nothing() -> None:
    data = Subset(TensorDataset(np.arange(6)), [5, 3, 1])
    begun: list[int] = []

    def order(**options: Any) -> tuple[list[Any], Any]:
        generator = seeded()
        batches = [x.tolist() for (x,) in DataLoader(data, 2, shuffle=True, generator=generator, **options)]
        return batches, generator.numpy.random()

    assert order(num_workers=3) == order()
    assert order(num_workers=3, worker_init_fn=begun.append)[0] == order()[0]
    assert begun == [0, 1, 2]


def test_what_fails_in_a_worker_leaves_nothing_behind() -> None:
    class Failing(Noisy):
        def __getitem__(self, index: int) -> Any:
            if index == 3:
                raise LookupError("the file is gone")
            return super().__getitem__(index)

    wg.manual_seed(0)
    state = wg.random.get_rng_state().tolist()
    with pytest.raises(LookupError, match="the file is gone"):
        list(DataLoader(Failing(), 2, num_workers=2, generator=seeded()))
    assert get_worker_info() is None
    assert wg.random.get_rng_state().tolist() == state

    class Single(Noisy):
        def __copy__(self) -> Any:
            raise TypeError("there is one of it")

    with pytest.raises(TypeError, match=r"Single cannot be copied \(there is one of it\); take num_workers=0"):
        iter(DataLoader(Single(), num_workers=1))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"multiprocessing_context": "fork"}, ValueError, "needs num_workers > 0"),
        ({"multiprocessing_context": "thread", "num_workers": 1}, ValueError, r"one of \[.*'spawn'.*got 'thread'"),
        ({"multiprocessing_context": 3, "num_workers": 1}, TypeError, "or a context of multiprocessing, got 3"),
        ({"prefetch_factor": -1, "num_workers": 1}, ValueError, "prefetch_factor must not be negative"),
    ],
)
def test_options_of_workers_are_checked(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        DataLoader(range(3), **options)


def test_options_of_workers_are_kept() -> None:
    loaded = DataLoader(range(3), num_workers=2, multiprocessing_context="spawn", pin_memory=True, in_order=False)
    assert loaded.multiprocessing_context.get_start_method() == "spawn"
    assert (loaded.prefetch_factor, loaded.persistent_workers, loaded.pin_memory) == (2, False, True)
    assert DataLoader(range(3)).prefetch_factor is None
