"""The loader: a data set in batches of tensors, in order or shuffled, in the calling process.

A data set in memory (one with an array form, see `dataset`) costs one gather per column and batch: bytes stay bytes
until the gather converts and scales them, and no Python runs per example. Any other data set is asked for its examples
one by one, or iterated, and `default_collate` stacks them.
"""

from __future__ import annotations

import itertools
import math
import multiprocessing.context
import operator
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar, cast, overload

import numpy as np

from ..ops import from_numpy
from ..ops.random import Generator, numpy_generator
from ..tensors.tensor import Tensor
from .collate import RaggedError, default_collate, default_convert
from .dataset import Arrays, Dataset, IterableDataset, arrays_of, as_rows
from .distributed import DistributedBatchSampler, DistributedSampler, share
from .sampler import BatchSampler, RandomSampler, SequentialSampler, grouped
from .workers import Worker, begin, hire
from .workers import get_worker_info as get_worker_info  # PyTorch has it in its file of loaders too

if TYPE_CHECKING:  # a default makes the bare name a type; Python has it from 3.13 on
    B_co = TypeVar("B_co", covariant=True, default=Any)
else:
    B_co = TypeVar("B_co", covariant=True)
Stacked = Tensor | np.ndarray | np.generic | bool | int | float  # what of each example becomes one tensor of a batch


class NeedlessWorkersWarning(UserWarning):
    """Workers were asked for, and data are loaded in the calling process."""


class DataLoader(Generic[B_co]):
    """Batches of a data set, anew in every iteration.

    Parameters
    ----------
    dataset : Dataset
        Anything with ``__len__`` and ``__getitem__``, of which `sampler` and `batch_sampler` make the length needless;
        or an `IterableDataset`, which excludes `shuffle` and both samplers.
    batch_size : int or None
        Examples per batch; None gives single examples, as tensors.
    shuffle : bool, optional
        Whether every iteration has an order of its own.
    sampler : iterable of int, optional
        The indices of one iteration, instead of `shuffle`.
    batch_sampler : iterable of sequences of int, optional
        The indices of every batch, instead of `batch_size`, `shuffle`, `sampler` and `drop_last`.
    num_workers : int
        0, or how many workers take turns, see the notes. They work in the calling process: a `NeedlessWorkersWarning`
        says so once per process where examples are asked for one by one, since there PyTorch would be faster for them.
    collate_fn : callable, optional
        Makes a batch out of a list of examples; by default `default_collate`. With it, examples are asked for one by
        one. With ``batch_size=None`` it gets single examples, by default `default_convert`.
    pin_memory : bool
        Accepted for compatibility with PyTorch, and of no effect: memory is pinned for devices.
    drop_last : bool
        Whether to leave out a last batch that is not full.
    timeout : float
        Accepted for compatibility with PyTorch, and of no effect: there is nobody to wait for.
    worker_init_fn : callable, optional
        ``worker_init_fn(id)`` is called by every worker when it begins.
    multiprocessing_context : str or context, optional
        Checked as in PyTorch, and of no effect.
    generator : Generator, optional
        The source of the shuffled orders, and of the seeds of workers; by default the library's own. Two loaders whose
        generators have the same seed give the same batches.
    prefetch_factor : int, optional
        Accepted for compatibility with PyTorch, and of no effect: a batch is made when it is asked for.
    persistent_workers : bool
        Whether workers keep their copies of the data set from one iteration to the next, and `worker_init_fn` is called
        in the first alone.
    pin_memory_device, in_order
        Accepted for compatibility with PyTorch, and of no effect: batches always come in order.

    Attributes
    ----------
    sampler : iterable of int
        The one given, or a `RandomSampler` or `SequentialSampler` with the loader's orders; None for an
        `IterableDataset`.
    batch_sampler : iterable of sequences of int
        The one given, or a `BatchSampler` of `sampler`; None for single examples and an `IterableDataset`.

    Raises
    ------
    TypeError
        If `dataset` lacks a length or an index that is needed, or an option is of another type than described.
    ValueError
        If an option is out of range, or excludes another.
    RaggedError
        In an iteration, by `default_collate`: if examples of a batch differ in shape. It names them by their indices in
        the data set.

    Notes
    -----
    Workers show what PyTorch's show, but for the time they take. Each has a shallow copy of the data set and random
    numbers of its own, those of `wengert`, of ``np.random`` and of ``random``, which begin anew in each iteration and
    leave those of the caller alone; `get_worker_info` tells a data set which worker asks; they make the batches in
    turn; and each iterates its copy of an `IterableDataset`. Where a data set is in memory nothing of this can be seen,
    and batches are gathered as without workers.

    Examples
    --------
    >>> import wengert as wg
    >>> from wengert.data import DataLoader, TensorDataset
    >>> data = TensorDataset(wg.arange(5), wg.tensor([0, 1, 0, 1, 0]))
    >>> for x, y in DataLoader(data, batch_size=2):
    ...     print(x, y)
    tensor([0, 1]) tensor([0, 1])
    tensor([2, 3]) tensor([0, 1])
    tensor([4]) tensor([0])
    """

    @overload
    def __init__(
        self: DataLoader[Any], dataset: Dataset[NoReturn], batch_size: int = 1,  # a bare `Dataset`, of anything
        shuffle: bool | None = None,
        sampler: Iterable[int] | None = None, batch_sampler: Iterable[Sequence[int]] | None = None,
        num_workers: int = 0, collate_fn: None = None,
        pin_memory: bool = False, drop_last: bool = False, timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None, multiprocessing_context: Any = None,
        generator: Generator | np.random.Generator | None = None, *, prefetch_factor: int | None = None,
        persistent_workers: bool = False, pin_memory_device: str = "", in_order: bool = True,
    ) -> None: ...  # fmt: skip
    @overload
    def __init__(
        self: DataLoader[list[Tensor]], dataset: Dataset[tuple[Stacked, ...]], batch_size: int = 1,
        shuffle: bool | None = None,
        sampler: Iterable[int] | None = None, batch_sampler: Iterable[Sequence[int]] | None = None,
        num_workers: int = 0, collate_fn: None = None,
        pin_memory: bool = False, drop_last: bool = False, timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None, multiprocessing_context: Any = None,
        generator: Generator | np.random.Generator | None = None, *, prefetch_factor: int | None = None,
        persistent_workers: bool = False, pin_memory_device: str = "", in_order: bool = True,
    ) -> None: ...  # fmt: skip
    @overload
    def __init__(
        self: DataLoader[Any], dataset: Any, batch_size: int | None = 1, shuffle: bool | None = None,
        sampler: Iterable[int] | None = None, batch_sampler: Iterable[Sequence[int]] | None = None,
        num_workers: int = 0, collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False, drop_last: bool = False, timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None, multiprocessing_context: Any = None,
        generator: Generator | np.random.Generator | None = None, *, prefetch_factor: int | None = None,
        persistent_workers: bool = False, pin_memory_device: str = "", in_order: bool = True,
    ) -> None: ...  # fmt: skip
    def __init__(
        self, dataset: Any, batch_size: int | None = 1, shuffle: bool | None = None,
        sampler: Iterable[int] | None = None, batch_sampler: Iterable[Sequence[int]] | None = None,
        num_workers: int = 0, collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False, drop_last: bool = False, timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None, multiprocessing_context: Any = None,
        generator: Generator | np.random.Generator | None = None, *, prefetch_factor: int | None = None,
        persistent_workers: bool = False, pin_memory_device: str = "", in_order: bool = True,
    ) -> None:  # fmt: skip
        iterated = isinstance(dataset, IterableDataset)
        if iterated:
            _check_iterated(shuffle, sampler, batch_sampler)
        else:
            _check_indexed(dataset, sampler is None and batch_sampler is None)
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        if sampler is not None and shuffle:
            raise ValueError("DataLoader: sampler and shuffle=True exclude each other")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError("DataLoader: batch_sampler excludes batch_size, shuffle, sampler and drop_last")
            batch_size = None
        elif batch_size is None:
            if drop_last:
                raise ValueError("DataLoader: batch_size=None, which gives single examples, excludes drop_last=True")
        elif operator.index(batch_size) <= 0:
            raise ValueError(f"DataLoader: batch_size must be a positive integer or None, got {batch_size}")

        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = bool(shuffle)
        self._sampler = sampler
        self._batch_sampler = batch_sampler
        self.num_workers = num_workers
        self._collates_alone = collate_fn is None  # so that arrays may be gathered
        single = batch_size is None and batch_sampler is None
        self.collate_fn: Callable[[Any], Any] = collate_fn or (default_convert if single else default_collate)
        self.pin_memory = pin_memory
        self.drop_last = drop_last
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = _context(multiprocessing_context, num_workers)
        self.generator = generator
        self.prefetch_factor = 2 if prefetch_factor is None and num_workers > 0 else prefetch_factor
        self.persistent_workers = persistent_workers
        self.pin_memory_device = pin_memory_device
        self.in_order = in_order
        self._workers: list[Worker] = []  # those that persist
        if generator is not None:
            numpy_generator(generator)  # raises for what is none
        if num_workers > 0 and self._in_memory() is None:
            _say_once_that_workers_are_needless()

    @property
    def sampler(self) -> Any:
        """The sampler that was given, or one with the orders that the loader draws itself."""
        if self._sampler is not None or isinstance(self.dataset, IterableDataset):
            return self._sampler
        if self.shuffle:
            return RandomSampler(self.dataset, generator=self.generator)
        return SequentialSampler(self.dataset)

    @property
    def batch_sampler(self) -> Any:
        """The batch sampler that was given, or one of `sampler`."""
        if self._batch_sampler is not None or self.batch_size is None or isinstance(self.dataset, IterableDataset):
            return self._batch_sampler
        return BatchSampler(self.sampler, self.batch_size, self.drop_last)

    def __len__(self) -> int:
        if self._batch_sampler is not None:
            return len(self._batch_sampler)  # type: ignore[arg-type]
        count = len(self.dataset if self._sampler is None else self._sampler)  # type: ignore[arg-type]
        if self.batch_size is None:
            return count
        return count // self.batch_size if self.drop_last else math.ceil(count / self.batch_size)

    def __iter__(self) -> Iterator[B_co]:
        # Whatever is drawn is drawn here and not at the first batch: it depends only on when the iteration began.
        if isinstance(self.dataset, IterableDataset):
            return self._streamed(0, 1)
        order = self._order()
        if self.batch_size is None and self._batch_sampler is None:
            return self._made(order, self._example)
        return self._made(self._batches(order), self._batch)

    def part(self, rank: int, size: int) -> Iterator[B_co]:
        """One iteration, and of each batch the part of one of several processes, all of which must be in one order.

        Parameters
        ----------
        rank, size : int
            The process's number, and how many there are.

        Returns
        -------
        iterator
            As many batches as an iteration has, of which a last one with few examples may be empty. A loader with a
            `DistributedSampler` or `DistributedBatchSampler` gives its batches as they are.

        Raises
        ------
        ValueError
            If the loader gives single examples, or if its sampler is of another rank or size.

        Examples
        --------
        >>> import wengert as wg
        >>> loader = wg.data.DataLoader(wg.data.TensorDataset(wg.arange(5)), batch_size=4)
        >>> [x.tolist() for x, in loader.part(0, 2)], [x.tolist() for x, in loader.part(1, 2)]
        ([[0, 1], []], [[2, 3], [4]])
        """
        found = _share_of(self._sampler) or _share_of(self._batch_sampler)
        if found is not None:
            if found != (rank, size):
                name = type(self._sampler if self._batch_sampler is None else self._batch_sampler).__name__
                raise ValueError(
                    f"DataLoader: its {name} is of rank {found[0]} of {found[1]}, and this is rank {rank} of {size}"
                )
            return iter(self)
        if self.batch_size is None and self._batch_sampler is None:
            raise ValueError("DataLoader: batch_size=None gives single examples, which several processes cannot share")
        if isinstance(self.dataset, IterableDataset):
            return self._streamed(rank, size)
        batches = map(_sliceable, self._batches(self._order()))
        return self._made((batch[share(len(batch), rank, size)] for batch in batches), self._batch)

    def _in_memory(self) -> Arrays | None:
        """The data set's columns, if batches may be gathered from them."""
        single = self.batch_size is None and self._batch_sampler is None
        gathers = self._collates_alone and self.collate_fn is default_collate and not single
        return arrays_of(self.dataset) if gathers else None

    def _order(self) -> Any:
        """The indices of one iteration: an array if shuffled, a range if in order, else the sampler's iterator."""
        if self._batch_sampler is not None:
            return iter(self._batch_sampler)
        if self._sampler is not None:
            return iter(self._sampler)
        count = len(self.dataset)
        return numpy_generator(self.generator).permutation(count) if self.shuffle else range(count)

    def _batches(self, order: Any) -> Iterator[Any]:
        """The indices of each batch: in parts of `order`, or as the batch sampler gives them."""
        if self._batch_sampler is not None:
            return cast("Iterator[Any]", order)
        size = self.batch_size
        assert size is not None
        if isinstance(order, Iterator):
            return grouped(order, size, self.drop_last)
        end = len(order) - len(order) % size if self.drop_last else len(order)
        return (order[start : start + size] for start in range(0, end, size))

    def _begun(self) -> list[Worker]:
        """The workers of an iteration that begins; none where they are not wanted."""
        if self.num_workers == 0:
            return []
        workers = self._workers or hire(self.dataset, self.num_workers)
        begin(workers, self.generator, None if self._workers else self.worker_init_fn)
        if self.persistent_workers:
            self._workers = workers
        return workers

    def _made(self, parts: Iterable[Any], make: Callable[[Any, Any], Any]) -> Iterator[Any]:
        """What is made of these indices, or of the indices of these batches."""
        arrays = self._in_memory()
        if arrays is not None:
            if self.worker_init_fn is not None:
                self._begun()
            return _gathered(arrays, parts)
        workers = self._begun()
        if not workers:
            return (make(self.dataset, part) for part in parts)
        return (_by(worker, make, part) for worker, part in zip(itertools.cycle(workers), parts, strict=False))

    def _example(self, dataset: Any, index: Any) -> Any:
        return self.collate_fn(dataset[index])

    def _batch(self, dataset: Any, batch: Any) -> Any:
        """A batch of a data set that is asked for its examples one by one."""
        indices = batch.tolist() if isinstance(batch, np.ndarray) else list(batch)
        if not indices:  # a process's part of a batch with few examples
            return []
        several = getattr(dataset, "__getitems__", None)
        examples = several(indices) if several else [dataset[index] for index in indices]
        try:
            return self.collate_fn(examples)
        except RaggedError as error:
            if self.collate_fn is not default_collate:  # of which it is not known what it collates
                raise
            _name_samples(error, indices[error.first], indices[error.other])

    def _streamed(self, rank: int, size: int) -> Iterator[Any]:
        """What an iterated data set gives, by each worker in turn as long as it has something; of batches a share."""
        workers = self._begun()
        if not workers:
            return self._stream(self.dataset, rank, size)
        streams = []
        for worker in workers:
            with worker.at_work():
                streams.append((worker, self._stream(worker.dataset, rank, size)))
        return _in_turn(streams)

    def _stream(self, dataset: Any, rank: int, size: int) -> Iterator[Any]:
        examples = iter(dataset)
        if self.batch_size is None:
            return map(self.collate_fn, examples)
        return self._stacked(grouped(examples, self.batch_size, self.drop_last), rank, size)

    def _stacked(self, batches: Iterator[list[Any]], rank: int, size: int) -> Iterator[Any]:
        seen = 0
        for examples in batches:
            part = share(len(examples), rank, size)
            try:
                yield self.collate_fn(examples[part]) if examples[part] else []
            except RaggedError as error:
                if self.collate_fn is not default_collate:
                    raise
                start = seen + part.start
                _name_samples(error, start + error.first, start + error.other)
            seen += len(examples)


def samplers_of(loader: Any) -> tuple[Any, Any]:
    """The sampler and the batch sampler that a loader was given: those that it makes itself keep nothing."""
    if isinstance(loader, DataLoader):
        return vars(loader)["_sampler"], vars(loader)["_batch_sampler"]
    return getattr(loader, "sampler", None), getattr(loader, "batch_sampler", None)


def _share_of(sampler: Any) -> tuple[int, int] | None:
    """Of which rank among how many a sampler gives the examples; None if of all."""
    if isinstance(sampler, BatchSampler):
        return _share_of(sampler.sampler)
    if isinstance(sampler, DistributedSampler):
        return sampler.rank, sampler.num_replicas
    if isinstance(sampler, DistributedBatchSampler):
        return sampler.rank, sampler.size
    return None


def _name_samples(error: RaggedError, first: Any, other: Any) -> NoReturn:
    """Say which samples of the data set, or which in the order of its iteration, do not fit together."""
    raise RaggedError(
        f"DataLoader: samples {first} and {other} of the data set cannot be in one batch: {error}",
        error.first,
        error.other,
    ) from None


def _by(worker: Worker, make: Callable[[Any, Any], Any], part: Any) -> Any:
    with worker.at_work():
        return make(worker.dataset, part)


def _in_turn(streams: list[tuple[Worker, Iterator[Any]]]) -> Iterator[Any]:
    """One of each stream after the other, as long as it has one."""
    while streams:
        lasting = []
        for worker, stream in streams:
            with worker.at_work():
                found = list(itertools.islice(stream, 1))
            if found:
                lasting.append((worker, stream))
                yield found[0]
        streams = lasting


def _sliceable(batch: Any) -> Any:
    return batch if isinstance(batch, (np.ndarray, range)) else list(batch)


def _gathered(arrays: Arrays, batches: Iterable[Any]) -> Iterator[list[Any]]:
    """Batches of a data set in memory: one gather per column."""
    columns, among = arrays
    for batch in batches:
        rows = slice(batch.start, batch.stop) if isinstance(batch, range) else as_rows(batch)
        if among is not None:
            rows = among[rows]
        yield [from_numpy(column.take(rows)) for column in columns]


def _check_iterated(shuffle: Any, sampler: Any, batch_sampler: Any) -> None:
    """Refuse what chooses an order of a data set that has its own."""
    for name, value in (("shuffle", shuffle or None), ("sampler", sampler), ("batch_sampler", batch_sampler)):
        if value is not None:
            raise ValueError(
                f"DataLoader with IterableDataset: expected unspecified {name} option, but got {name}={value!r:.80}; "
                "an IterableDataset chooses its own order"
            )


def _check_indexed(dataset: Any, needs_length: bool) -> None:
    lacking = not hasattr(dataset, "__getitem__") or (needs_length and not hasattr(dataset, "__len__"))
    if lacking:
        raise TypeError(
            f"DataLoader: dataset needs __len__ and __getitem__, which {type(dataset).__name__} lacks; one that is "
            "only iterated is derived from wengert.data.IterableDataset"
        )


def _check_workers(num_workers: int, timeout: float, prefetch_factor: int | None, persistent: bool) -> None:
    """Refuse what PyTorch refuses of the options that concern workers."""
    if num_workers < 0:
        raise ValueError(f"DataLoader: num_workers must not be negative, got {num_workers}")
    if timeout < 0:
        raise ValueError(f"DataLoader: timeout must not be negative, got {timeout}")
    if num_workers == 0 and (prefetch_factor is not None or persistent):
        raise ValueError("DataLoader: prefetch_factor and persistent_workers need num_workers > 0")
    if prefetch_factor is not None and prefetch_factor < 0:
        raise ValueError(f"DataLoader: prefetch_factor must not be negative, got {prefetch_factor}")


def _context(context: Any, num_workers: int) -> Any:
    """The way to start processes, which is checked as in PyTorch though none is started."""
    if context is None:
        return None
    if num_workers == 0:
        raise ValueError("DataLoader: multiprocessing_context needs num_workers > 0")
    known = multiprocessing.get_all_start_methods()
    if isinstance(context, str):
        if context not in known:
            raise ValueError(f"DataLoader: multiprocessing_context is one of {known}, got {context!r}")
        return multiprocessing.get_context(context)
    if not isinstance(context, multiprocessing.context.BaseContext):
        raise TypeError(
            f"DataLoader: multiprocessing_context is one of {known} or a context of multiprocessing, got {context!r}"
        )
    return context


_said_that_workers_are_needless = False


def _say_once_that_workers_are_needless() -> None:
    global _said_that_workers_are_needless
    if not _said_that_workers_are_needless:
        _said_that_workers_are_needless = True
        warnings.warn(
            "num_workers is needless here: workers take turns in the calling process. Each has a copy of the data set "
            "and random numbers of its own, as PyTorch's have, but nothing is loaded sooner than without them.",
            NeedlessWorkersWarning,
            stacklevel=3,
        )
