"""The loader: a data set in batches of tensors, in order or shuffled, in the calling process.

A data set in memory (one with an array form, see `dataset`) costs one gather per column and batch: bytes stay bytes
until the gather converts and scales them, and no Python runs per example. Any other data set is asked for its examples
one by one, and `default_collate` stacks them.
"""

from __future__ import annotations

import itertools
import math
import operator
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..ops import from_numpy, stack
from ..ops.random import Generator, numpy_generator
from ..tensors.tensor import Tensor
from .dataset import Arrays, arrays_of, as_rows
from .sampler import DistributedSampler, share


class NeedlessWorkersWarning(UserWarning):
    """Worker processes were asked for, and data are loaded in the calling process."""


class DataLoader:
    """Batches of a data set, anew in every iteration.

    Parameters
    ----------
    dataset : Dataset
        Anything with ``__len__`` and ``__getitem__``.
    batch_size : int or None
        Examples per batch; None gives single examples, as tensors.
    shuffle : bool, optional
        Whether every iteration has an order of its own.
    sampler : iterable of int, optional
        The indices of one iteration, instead of `shuffle`.
    batch_sampler : iterable of sequences of int, optional
        The indices of every batch, instead of `batch_size`, `shuffle`, `sampler` and `drop_last`.
    num_workers : int
        Accepted for compatibility with PyTorch; data are loaded in the calling process, and a
        `NeedlessWorkersWarning` says so once per process.
    collate_fn : callable, optional
        Makes a batch out of a list of examples; by default `default_collate`. With it, examples are asked for one by
        one.
    drop_last : bool
        Whether to leave out a last batch that is not full.
    generator : Generator, optional
        The source of the shuffled orders; by default the library's own. Two loaders whose generators have the same seed
        give the same batches.
    pin_memory, timeout, worker_init_fn, multiprocessing_context, prefetch_factor, persistent_workers, \
pin_memory_device, in_order
        Accepted for compatibility with PyTorch. They concern worker processes and other devices, and change nothing.

    Raises
    ------
    TypeError
        If `dataset` has no length or no index.
    ValueError
        If an option is out of range, or excludes another.

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

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[int] | None = None,
        batch_sampler: Iterable[Sequence[int]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | np.random.Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
            raise TypeError(f"DataLoader: dataset needs __len__ and __getitem__, which {type(dataset).__name__} lacks")
        _check_workers(num_workers, timeout, prefetch_factor is not None or persistent_workers)
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
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.num_workers = num_workers
        self.collate_fn = collate_fn
        self.pin_memory = pin_memory
        self.drop_last = drop_last
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.generator = generator
        self.prefetch_factor = prefetch_factor
        self.persistent_workers = persistent_workers
        self.pin_memory_device = pin_memory_device
        self.in_order = in_order
        if generator is not None:
            numpy_generator(generator)  # raises for what is none
        if num_workers > 0:
            _say_once_that_workers_are_needless()

    def __len__(self) -> int:
        if self.batch_sampler is not None:
            return len(self.batch_sampler)  # type: ignore[arg-type]
        count = len(self.dataset if self.sampler is None else self.sampler)  # type: ignore[arg-type]
        if self.batch_size is None:
            return count
        return count // self.batch_size if self.drop_last else math.ceil(count / self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        # The order is drawn here and not at the first batch, so that it depends only on when the iteration began.
        order = self._order()
        if self.batch_size is None and self.batch_sampler is None:
            return self._examples(order)
        return self._made(self._batches(order))

    def part(self, rank: int, size: int) -> Iterator[Any]:
        """One iteration, and of each batch the part of one of several processes, all of which must be in one order.

        Parameters
        ----------
        rank, size : int
            The process's number, and how many there are.

        Returns
        -------
        iterator
            As many batches as an iteration has, of which a last one with few examples may be empty. A loader with a
            `DistributedSampler` gives its batches as they are.

        Raises
        ------
        ValueError
            If the loader gives single examples, or if its `DistributedSampler` is of another rank or size.

        Examples
        --------
        >>> import wengert as wg
        >>> loader = wg.data.DataLoader(wg.data.TensorDataset(wg.arange(5)), batch_size=4)
        >>> [x.tolist() for x, in loader.part(0, 2)], [x.tolist() for x, in loader.part(1, 2)]
        ([[0, 1], []], [[2, 3], [4]])
        """
        sampler = self.batch_sampler
        if isinstance(sampler, DistributedSampler):
            if (sampler.rank, sampler.size) != (rank, size):
                raise ValueError(
                    f"DataLoader: its DistributedSampler is of rank {sampler.rank} of {sampler.size}, and this is rank "
                    f"{rank} of {size}"
                )
            return iter(self)
        if self.batch_size is None and sampler is None:
            raise ValueError("DataLoader: batch_size=None gives single examples, which several processes cannot share")
        batches = map(_sliceable, self._batches(self._order()))
        return self._made(batch[share(len(batch), rank, size)] for batch in batches)

    def _made(self, batches: Iterable[Any]) -> Iterator[Any]:
        """The batches of these indices."""
        arrays = arrays_of(self.dataset) if self.collate_fn is None else None
        return self._collated(batches) if arrays is None else _gathered(arrays, batches)

    def _order(self) -> Any:
        """The indices of one iteration: an array if shuffled, a range if in order, else the sampler's iterator."""
        if self.sampler is not None:
            return iter(self.sampler)
        count = len(self.dataset)
        return numpy_generator(self.generator).permutation(count) if self.shuffle else range(count)

    def _batches(self, order: Any) -> Iterator[Any]:
        """The indices of each batch, in parts of `order` or as the batch sampler gives them."""
        if self.batch_sampler is not None:
            yield from self.batch_sampler
            return
        size = self.batch_size
        assert size is not None
        if isinstance(order, Iterator):
            while batch := list(itertools.islice(order, size)):
                if len(batch) == size or not self.drop_last:
                    yield batch
            return
        end = len(order) - len(order) % size if self.drop_last else len(order)
        for start in range(0, end, size):
            yield order[start : start + size]

    def _examples(self, order: Iterable[Any]) -> Iterator[Any]:
        """Single examples, as tensors."""
        convert = default_convert if self.collate_fn is None else self.collate_fn
        for index in order:
            yield convert(self.dataset[index])

    def _collated(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Batches of a data set that is asked for its examples one by one."""
        collate = default_collate if self.collate_fn is None else self.collate_fn
        several = getattr(self.dataset, "__getitems__", None)
        for batch in batches:
            indices = batch.tolist() if isinstance(batch, np.ndarray) else list(batch)
            if not indices:  # a process's part of a batch with few examples
                yield []
                continue
            yield collate(several(indices) if several else [self.dataset[index] for index in indices])


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


def _check_workers(num_workers: int, timeout: float, needs_workers: bool) -> None:
    """Refuse what PyTorch refuses of the options that concern worker processes."""
    if num_workers < 0:
        raise ValueError(f"DataLoader: num_workers must not be negative, got {num_workers}")
    if timeout < 0:
        raise ValueError(f"DataLoader: timeout must not be negative, got {timeout}")
    if num_workers == 0 and needs_workers:
        raise ValueError("DataLoader: prefetch_factor and persistent_workers need num_workers > 0")


_said_that_workers_are_needless = False


def _say_once_that_workers_are_needless() -> None:
    global _said_that_workers_are_needless
    if not _said_that_workers_are_needless:
        _said_that_workers_are_needless = True
        warnings.warn(
            "num_workers is needless here: data are loaded in the calling process, where data in memory cost one "
            "gather per batch. The option is accepted and changes nothing.",
            NeedlessWorkersWarning,
            stacklevel=3,
        )


def default_collate(batch: Sequence[Any]) -> Any:
    """Make one batch out of a sequence of examples, as PyTorch's function of that name does.

    Tensors, arrays and numbers are stacked along a new first dimension into a tensor: Python's floats to float64, ints
    to int64, and arrays in their own type. Strings and bytes stay as they are. Tuples, lists, named tuples and mappings
    are collated entry by entry: tuples and lists to a list, the others to their own type.

    Parameters
    ----------
    batch : sequence of examples

    Returns
    -------
    tensor, or a collection of them

    Raises
    ------
    TypeError
        If an example is of no such type.
    RuntimeError
        If sequences differ in length.
    ValueError
        If there are no examples.

    Examples
    --------
    >>> from wengert.data import default_collate
    >>> default_collate([(1, "a"), (2, "b")])
    [tensor([1, 2]), ('a', 'b')]
    """
    if not len(batch):
        raise ValueError("default_collate: needs at least one example")
    first = batch[0]
    if isinstance(first, Tensor):
        return stack(list(batch))
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, (np.ndarray, np.generic, bool, int, float)):
        return from_numpy(np.stack([np.asarray(value) for value in batch]))
    if isinstance(first, Mapping):
        collated = {key: default_collate([example[key] for example in batch]) for key in first}
        return collated if type(first) is dict else type(first)(collated)  # type: ignore[call-arg]
    if isinstance(first, Sequence):
        if any(len(example) != len(first) for example in batch):
            lengths = sorted({len(example) for example in batch})
            raise RuntimeError(f"each element in list of batch should be of equal size; default_collate got {lengths}")
        parts = [default_collate(part) for part in zip(*batch, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else parts
    raise TypeError(
        "default_collate: examples must be tensors, arrays, numbers, strings, or tuples, lists and mappings of them; "
        f"found {type(first).__name__}"
    )


def default_convert(example: Any) -> Any:
    """Turn the arrays of an example into tensors, and leave everything else as it is.

    Parameters
    ----------
    example : object
        An array, or a collection of arrays and other things; tuples become lists.

    Returns
    -------
    tensor, or a collection of them

    Examples
    --------
    >>> import numpy as np
    >>> from wengert.data import default_convert
    >>> default_convert((np.array([1, 2]), 3))
    [tensor([1, 2]), 3]
    """
    if isinstance(example, (str, bytes)):
        return example
    if isinstance(example, (np.ndarray, np.generic)):
        return from_numpy(np.asarray(example))
    if isinstance(example, Mapping):
        return {key: default_convert(value) for key, value in example.items()}
    if isinstance(example, Sequence):
        parts = [default_convert(value) for value in example]
        return type(example)(*parts) if hasattr(example, "_fields") else parts
    return example
