"""Samplers: the orders in which a loader takes a data set's examples.

What is drawn is drawn when an iteration begins, not at its first step, so that an order depends on nothing that happens
in between. Without a generator of its own a sampler draws from the library's.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any, Generic, TypeVar

import numpy as np

from ..ops.creation import as_tensor
from ..ops.random import Generator, multinomial, numpy_generator
from ..tensors.tensor import Tensor

T_co = TypeVar("T_co", covariant=True)


class Sampler(Generic[T_co]):
    """The base of samplers: a subclass defines ``__iter__``, and ``__len__`` if it knows it.

    An iteration gives indices of examples, for ``DataLoader(sampler=...)``, or lists of them, for ``batch_sampler=``.

    Examples
    --------
    >>> from wengert.data import DataLoader, Sampler
    >>> class Shortest(Sampler):
    ...     def __init__(self, texts):
    ...         self.texts = texts
    ...     def __iter__(self):
    ...         return iter(sorted(range(len(self.texts)), key=lambda i: len(self.texts[i])))
    >>> texts = ["three", "a", "of"]
    >>> list(DataLoader(texts, batch_size=2, sampler=Shortest(texts)))
    [['a', 'of'], ['three']]
    """

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__} does not define __iter__, which gives the indices")


def _require_count(who: str, name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{who}: {name} should be a positive integer value, but got {name}={value!r}")


class SequentialSampler(Sampler[int]):
    """All indices in their order.

    Parameters
    ----------
    data_source : Dataset
        Anything with ``__len__``.

    Examples
    --------
    >>> from wengert.data import SequentialSampler
    >>> list(SequentialSampler("abc"))
    [0, 1, 2]
    """

    data_source: Sized

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """Indices in an order that every iteration draws anew.

    Parameters
    ----------
    data_source : Dataset
        Anything with ``__len__``.
    replacement : bool
        Whether an index may come again before all others have come.
    num_samples : int, optional
        How many indices an iteration gives; by default as many as there are examples. Without replacement, more than
        that are several orders, one after the other.
    generator : Generator, optional
        By default the library's own. A loader with ``shuffle=True`` and an equal generator has the same orders.

    Raises
    ------
    TypeError
        If `replacement` is no bool, or `generator` no generator.
    ValueError
        If `num_samples` is not a positive integer, or there is no example.

    Examples
    --------
    >>> from wengert.data import RandomSampler
    >>> sampler = RandomSampler(range(4), generator=wg.Generator().manual_seed(0))
    >>> sorted(sampler), len(sampler)
    ([0, 1, 2, 3], 4)
    """

    data_source: Sized
    replacement: bool

    def __init__(
        self, data_source: Sized, replacement: bool = False, num_samples: int | None = None,
        generator: Generator | np.random.Generator | None = None,
    ) -> None:  # fmt: skip
        if not isinstance(replacement, bool):
            raise TypeError(f"RandomSampler: replacement should be a boolean value, but got replacement={replacement}")
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = _checked(generator)
        _require_count("RandomSampler", "num_samples", self.num_samples)

    @property
    def num_samples(self) -> int:
        """How many indices an iteration gives."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        count, wanted = len(self.data_source), self.num_samples
        source = numpy_generator(self.generator)
        if self.replacement:
            return iter(source.integers(count, size=wanted).tolist())
        orders = [source.permutation(count) for _ in range(-(-wanted // count))]
        return iter(np.concatenate(orders)[:wanted].tolist())

    def __len__(self) -> int:
        return self.num_samples


def _checked(generator: Any) -> Any:
    if generator is not None:
        numpy_generator(generator)  # raises for what is none
    return generator


class SubsetRandomSampler(Sampler[int]):
    """The given indices in an order that every iteration draws anew.

    Parameters
    ----------
    indices : sequence of int
    generator : Generator, optional
        By default the library's own.

    Raises
    ------
    TypeError
        If `generator` is no generator.

    Examples
    --------
    >>> from wengert.data import SubsetRandomSampler
    >>> sorted(SubsetRandomSampler([2, 3, 5, 7]))
    [2, 3, 5, 7]
    """

    indices: Sequence[int]

    def __init__(
        self, indices: Sequence[int], generator: Generator | np.random.Generator | None = None
    ) -> None:  # fmt: skip
        self.indices = indices
        self.generator = _checked(generator)

    def __iter__(self) -> Iterator[int]:
        order = numpy_generator(self.generator).permutation(len(self.indices)).tolist()
        return iter([self.indices[i] for i in order])

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Indices drawn with given weights.

    Parameters
    ----------
    weights : sequence of float
        One for each example; they need not add up to one.
    num_samples : int
        How many indices an iteration gives.
    replacement : bool
        Whether an index may come again. If not, there are at most as many as weights that are not zero.
    generator : Generator, optional
        By default the library's own.

    Attributes
    ----------
    weights : Tensor
        Of float64.

    Raises
    ------
    TypeError
        If `generator` is no generator.
    ValueError
        If the weights are not one-dimensional, `num_samples` is not a positive integer, or `replacement` no bool; when
        an iteration begins, if nothing can be drawn by these weights.

    Examples
    --------
    >>> from wengert.data import WeightedRandomSampler
    >>> set(WeightedRandomSampler([0.0, 3.0, 1.0], num_samples=100)) <= {1, 2}
    True
    """

    weights: Tensor
    num_samples: int
    replacement: bool

    def __init__(
        self, weights: Any, num_samples: int, replacement: bool = True,
        generator: Generator | np.random.Generator | None = None,
    ) -> None:  # fmt: skip
        _require_count("WeightedRandomSampler", "num_samples", num_samples)
        if not isinstance(replacement, bool):
            raise ValueError(
                f"WeightedRandomSampler: replacement should be a boolean value, but got replacement={replacement}"
            )
        converted = as_tensor(weights, dtype=np.float64)
        if converted.ndim != 1:
            raise ValueError(
                "WeightedRandomSampler: weights should be a 1d sequence but given weights have shape "
                f"{tuple(converted.shape)}"
            )
        self.weights = converted
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = _checked(generator)

    def __iter__(self) -> Iterator[int]:
        drawn = multinomial(self.weights, self.num_samples, self.replacement, generator=self.generator)
        return iter(drawn.tolist())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """The indices of another sampler, in lists.

    Parameters
    ----------
    sampler : Sampler, or iterable of int
    batch_size : int
    drop_last : bool
        Whether to leave out a last list that is not full.

    Raises
    ------
    ValueError
        If `batch_size` is not a positive integer, or `drop_last` no bool.

    Examples
    --------
    >>> from wengert.data import BatchSampler, SequentialSampler
    >>> list(BatchSampler(SequentialSampler(range(5)), batch_size=2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        _require_count("BatchSampler", "batch_size", batch_size)
        if not isinstance(drop_last, bool):
            raise ValueError(f"BatchSampler: drop_last should be a boolean value, but got drop_last={drop_last}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        return grouped(iter(self.sampler), self.batch_size, self.drop_last)

    def __len__(self) -> int:
        count = len(self.sampler)  # type: ignore[arg-type]  # which an iterable may lack
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)


def grouped(items: Iterator[Any], size: int, drop_last: bool) -> Iterator[list[Any]]:
    """Lists of `size` items in a row; the last may have fewer, or is left out then."""
    while batch := list(itertools.islice(items, size)):
        if len(batch) == size or not drop_last:
            yield batch
