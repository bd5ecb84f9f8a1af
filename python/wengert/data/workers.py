"""Workers that take turns in the calling process.

PyTorch's workers are processes, each with a copy of the data set and random numbers of its own. Ours are what can be
seen of that, without the processes: batch i is made by worker i modulo their number, out of the worker's copy of the
data set, while the library's own generator, NumPy's global one and Python's stand where that worker left them. A batch
therefore depends on the seed, its number and the number of workers, never on the speed of a thread.
"""

from __future__ import annotations

import contextlib
import copy
import random as python_random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ops.random import Generator, default_generator, numpy_generator


@dataclass(frozen=True, eq=False)
class WorkerInfo:
    """What a worker knows of itself; `get_worker_info` gives it.

    Parameters
    ----------
    id : int
        From 0.
    num_workers : int
    seed : int
        That of the worker's random numbers, in this iteration.
    dataset : Dataset
        The worker's own copy.

    Examples
    --------
    >>> from wengert.data import WorkerInfo
    >>> WorkerInfo(id=0, num_workers=2, seed=5, dataset="abc")
    WorkerInfo(id=0, num_workers=2, seed=5, dataset='abc')
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any


class _Turn(threading.local):
    """Whose turn it is in this thread."""

    info: WorkerInfo | None = None


_turn = _Turn()


def get_worker_info() -> WorkerInfo | None:
    """The worker that asks, from within a data set, a `collate_fn` or a `worker_init_fn`; None where there are none.

    Returns
    -------
    WorkerInfo or None

    Examples
    --------
    >>> from wengert.data import DataLoader, IterableDataset, get_worker_info
    >>> class Numbers(IterableDataset):
    ...     def __iter__(self):
    ...         info = get_worker_info()
    ...         return iter(range(6) if info is None else range(info.id, 6, info.num_workers))
    >>> list(DataLoader(Numbers(), batch_size=3))
    [tensor([0, 1, 2]), tensor([3, 4, 5])]
    """
    return _turn.info


class Worker:
    """One of several that take turns: a shallow copy of the data set, and streams of random numbers."""

    def __init__(self, number: int, count: int, dataset: Any) -> None:
        try:
            self.dataset = copy.copy(dataset)
        except TypeError as error:
            raise TypeError(
                f"DataLoader: num_workers={count} gives each worker a copy of the data set, and "
                f"{type(dataset).__name__} cannot be copied ({error}); take num_workers=0"
            ) from error
        self._number, self._count = number, count

    def start(self, seed: int) -> None:
        """Let the worker's random numbers begin; the seed should differ from worker to worker."""
        self._info = WorkerInfo(self._number, self._count, seed, self.dataset)
        with _kept():
            default_generator.manual_seed(seed)
            python_random.seed(seed)
            np.random.seed(np.random.SeedSequence(seed).generate_state(4))  # noqa: NPY002  # what data sets draw from
            self._states = _states()

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """A block that the worker runs. Whatever happens in it, others' random numbers stand where they stood."""
        before = _turn.info
        with _kept():
            _set_states(self._states)
            _turn.info = self._info
            try:
                yield
            finally:
                _turn.info = before
                self._states = _states()


def _states() -> tuple[Any, Any, Any]:
    numpys = np.random.get_state(legacy=False)  # noqa: NPY002
    return default_generator.get_state(), python_random.getstate(), numpys


def _set_states(states: tuple[Any, Any, Any]) -> None:
    own, pythons, numpys = states
    default_generator.set_state(own)
    python_random.setstate(pythons)
    np.random.set_state(numpys)  # noqa: NPY002


@contextlib.contextmanager
def _kept() -> Iterator[None]:
    states = _states()
    try:
        yield
    finally:
        _set_states(states)


def hire(dataset: Any, count: int) -> list[Worker]:
    """So many workers, each with a copy of the data set."""
    return [Worker(number, count, dataset) for number in range(count)]


def begin(
    workers: list[Worker], generator: Generator | np.random.Generator | None, init: Callable[[int], None] | None
) -> None:
    """Seed the workers for an iteration, by one number from the generator; let each run `init`, if it is given."""
    seed = int(numpy_generator(generator).integers(2**63 - len(workers)))
    for number, worker in enumerate(workers):
        worker.start(seed + number)
        if init is not None:
            with worker.at_work():
                init(number)
