"""Data sets: collections of examples with a length and an index.

Whatever has ``__len__`` and ``__getitem__`` is a data set to the loader. One that keeps its examples in arrays says
so through a method ``arrays()``, which gives an `Arrays`: the loader then makes a batch with one gather per column and
never asks for a single example. `TensorDataset`, `Subset`, `LabelledImages`, `FashionMNIST` and `SyntheticFashion` have
it.
"""

from __future__ import annotations

import bisect
import itertools
import math
import operator
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar, cast, overload

import numpy as np

from .._kernels import gather_rows
from ..ops import from_numpy
from ..ops.random import Generator, numpy_generator
from ..tensors.tensor import Tensor

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_GATHERED = (np.dtype(np.uint8), np.dtype(np.float32), np.dtype(np.float64))  # the types the gather kernel reads
_WIDE = 64  # items in a row from which that kernel, threaded and into recycled memory, beats NumPy's take


@dataclass(frozen=True, eq=False)
class Column:
    """One column of a data set in memory: an array with one row per example, and how its rows become a batch.

    Parameters
    ----------
    values : ndarray, shape (n, ...)
        The rows, in whatever type they are stored.
    scale : float, optional
        If given, a batch is ``values[rows] * scale`` in float32, converted as it is gathered; `values` must then be
        uint8, float32 or float64. Without it a batch has the type of `values`.
    item_shape : tuple of int, optional
        The shape of one example in a batch; by default ``values.shape[1:]``.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert.data import Column
    >>> pixels = Column(np.array([[0, 255], [255, 0]], dtype=np.uint8), scale=1 / 255, item_shape=(1, 2))
    >>> pixels.take(np.array([1, 1, 0]))
    array([[[1., 0.]],
    <BLANKLINE>
           [[1., 0.]],
    <BLANKLINE>
           [[0., 1.]]], dtype=float32)
    """

    values: np.ndarray[Any, Any]
    scale: float | None = None
    item_shape: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.scale is not None and self.values.dtype not in _GATHERED:
            raise TypeError(f"Column: scale needs uint8, float32 or float64 values, got {self.values.dtype}")
        if self.item_shape is not None and math.prod(self.item_shape) != math.prod(self.values.shape[1:]):
            raise ValueError(f"Column: rows of {self.values.shape[1:]} cannot become items of {self.item_shape}")

    def take(self, rows: np.ndarray[Any, Any] | slice) -> np.ndarray[Any, Any]:
        """Gather rows into a new array of shape ``(len(rows), *item_shape)``.

        Parameters
        ----------
        rows : ndarray of int64, or slice
            Row numbers, negative ones counting from the end.

        Raises
        ------
        IndexError
            If a row does not exist.
        """
        values = self.values
        count, width = len(values), math.prod(values.shape[1:])
        if self.scale is not None:
            if isinstance(rows, slice):
                rows = np.arange(*rows.indices(count))
            taken = gather_rows(values.reshape(count, width), rows, dtype=np.float32, scale=self.scale)
        elif isinstance(rows, slice):
            taken = values[rows].copy()  # a batch is the caller's to write to
        elif values.dtype in _GATHERED[1:] and width >= _WIDE and values.flags.c_contiguous:
            taken = gather_rows(values.reshape(count, width), rows, dtype=values.dtype)
        else:
            taken = values.take(rows, axis=0)
        return taken.reshape(len(taken), *(self.values.shape[1:] if self.item_shape is None else self.item_shape))


class Arrays(NamedTuple):
    """What a data set's ``arrays()`` gives: its columns, and which of their rows belong to it (None: all, in order).

    Examples
    --------
    >>> from wengert import data
    >>> columns, rows = data.TensorDataset(wg.ones(3, 2)).arrays()
    >>> len(columns), rows
    (1, None)
    """

    columns: tuple[Column, ...]
    rows: np.ndarray[Any, Any] | None = None


def arrays_of(dataset: Any) -> Arrays | None:
    """The array form of a data set, or None if its examples have to be asked for one by one.

    A subclass that overrides ``__getitem__`` and not ``arrays`` means its own examples, so it has no array form.
    """
    for base in type(dataset).__mro__:
        if "arrays" in vars(base):
            return cast("Arrays | None", dataset.arrays())
        if "__getitem__" in vars(base):
            return None
    return None


def as_rows(indices: Any) -> np.ndarray[Any, Any]:
    """The indices of examples as an array of int64.

    Raises
    ------
    TypeError
        If they are not integers; a float is not rounded.
    """
    rows = np.asarray(indices)
    if rows.size and rows.dtype.kind not in "iu":
        raise TypeError(f"indices of examples must be integers, got {rows.dtype}: {indices!r:.80}")
    return rows.astype(np.int64, copy=False)


class Dataset(Generic[T_co]):
    """The base of data sets: a subclass defines ``__getitem__`` and ``__len__``.

    The sum of two is a `ConcatDataset`. One that gives a whole list of examples at once may say so by a method
    ``__getitems__(indices)``, which a `DataLoader` then calls instead.

    Examples
    --------
    >>> from wengert.data import Dataset
    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 3
    ...     def __getitem__(self, index):
    ...         return index, index**2
    >>> Squares()[2]
    (2, 4)
    """

    def __getitem__(self, index: Any) -> T_co:
        """The example at `index`."""
        raise NotImplementedError(f"{type(self).__name__}: a data set defines __getitem__, and this one does not")

    def __add__(self, other: Any) -> Dataset[Any]:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co], Iterable[T_co]):
    """The base of data sets that are iterated: a subclass defines ``__iter__``, and ``__len__`` if it knows it.

    For data that come as a stream, of which no example can be asked for by its number. A `DataLoader` takes them as
    they come, in batches, with neither shuffling nor a sampler. The sum of two is a `ChainDataset`.

    Notes
    -----
    With ``num_workers`` > 0 every worker iterates a copy of the data set, as in PyTorch: what they give is there once
    for each of them, unless ``__iter__`` asks `get_worker_info` for its part.

    Examples
    --------
    >>> from wengert.data import DataLoader, IterableDataset
    >>> class Countdown(IterableDataset):
    ...     def __iter__(self):
    ...         return iter(range(5, 0, -1))
    >>> [batch.tolist() for batch in DataLoader(Countdown(), batch_size=2)]
    [[5, 4], [3, 2], [1]]
    """

    def __getitem__(self, index: Any) -> T_co:
        raise NotImplementedError(f"{type(self).__name__}: an IterableDataset is iterated, and has no index")

    def __add__(self, other: Any) -> Dataset[Any]:
        return ChainDataset([self, other])


class ConcatDataset(Dataset[T_co]):
    """Data sets one after the other, as one.

    Parameters
    ----------
    datasets : iterable of Dataset
        At least one; none is an `IterableDataset`, which `ChainDataset` is for.

    Attributes
    ----------
    datasets : list of Dataset
    cumulative_sizes : list of int
        Where each ends.

    Raises
    ------
    AssertionError
        If there is none, or one that is iterated (the type of error is PyTorch's).
    ValueError, IndexError
        By an index before the first example, or after the last.

    Examples
    --------
    >>> from wengert.data import ConcatDataset
    >>> both = ConcatDataset(["abc", "de"])
    >>> len(both), both[3], both[-1], both.cumulative_sizes
    (5, 'd', 'e', [3, 5])
    """

    datasets: list[Any]
    cumulative_sizes: list[int]

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("ConcatDataset: expected at least one data set")
        for dataset in self.datasets:
            if isinstance(dataset, IterableDataset):
                raise AssertionError(
                    f"ConcatDataset: {type(dataset).__name__} is an IterableDataset and has no index; chain such by "
                    "ChainDataset"
                )
        self.cumulative_sizes = list(itertools.accumulate(len(dataset) for dataset in self.datasets))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: Any) -> T_co:
        place = operator.index(index)
        if place < -len(self):
            raise ValueError(f"ConcatDataset: there is no example {place} among {len(self)}")
        if place >= len(self):
            raise IndexError(f"ConcatDataset: there is no example {place} among {len(self)}")
        place %= len(self)
        which = bisect.bisect_right(self.cumulative_sizes, place)
        return cast(T_co, self.datasets[which][place - (self.cumulative_sizes[which - 1] if which else 0)])


class ChainDataset(IterableDataset[T_co]):
    """Iterated data sets one after the other, as one.

    Parameters
    ----------
    datasets : iterable of IterableDataset

    Raises
    ------
    AssertionError
        When it is iterated, if one is no `IterableDataset` (the type of error is PyTorch's).

    Examples
    --------
    >>> from wengert.data import ChainDataset, IterableDataset
    >>> class Letters(IterableDataset):
    ...     def __init__(self, text):
    ...         self.text = text
    ...     def __iter__(self):
    ...         return iter(self.text)
    >>> list(ChainDataset([Letters("ab"), Letters("c")]))
    ['a', 'b', 'c']
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = datasets

    def _each(self) -> Iterator[Any]:
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                raise AssertionError(
                    f"ChainDataset: expected each to be an IterableDataset, found {type(dataset).__name__}; "
                    "ConcatDataset is for those with an index"
                )
            yield dataset

    def __iter__(self) -> Iterator[T_co]:
        for dataset in self._each():
            yield from dataset

    def __len__(self) -> int:
        return sum(map(len, self._each()))


class StackDataset(Dataset[Any]):
    """Data sets of one length side by side: example i is the tuple, or dict, of their i-th examples.

    Parameters
    ----------
    *args : Dataset
        For tuples.
    **kwargs : Dataset
        For dicts with these keys.

    Attributes
    ----------
    datasets : tuple or dict of Dataset

    Raises
    ------
    ValueError
        If there is none, if both kinds are given, or if the lengths differ.

    Examples
    --------
    >>> from wengert.data import StackDataset
    >>> StackDataset("abc", [1, 2, 3])[1], StackDataset(letter="abc", number=[1, 2, 3])[2]
    (('b', 2), {'letter': 'c', 'number': 3})
    """

    datasets: tuple[Any, ...] | dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args and kwargs:
            raise ValueError("StackDataset: expected data sets either by position, for tuples, or by name, for dicts")
        if not args and not kwargs:
            raise ValueError("StackDataset: expected at least one data set")
        lengths = [len(dataset) for dataset in (args or kwargs.values())]
        if len(set(lengths)) > 1:
            raise ValueError(f"StackDataset: size mismatch between datasets, which have the lengths {lengths}")
        self.datasets = args or kwargs
        self._length = lengths[0]

    def _joined(self, parts: list[Any]) -> Any:
        return dict(zip(self.datasets, parts, strict=True)) if isinstance(self.datasets, dict) else tuple(parts)

    def _columns(self) -> list[Any]:
        return list(self.datasets.values() if isinstance(self.datasets, dict) else self.datasets)

    def __getitem__(self, index: Any) -> Any:
        return self._joined([dataset[index] for dataset in self._columns()])

    def __getitems__(self, indices: list[int]) -> list[Any]:
        """The examples at these indices; asked for at once of a data set that has this method too."""
        if type(self).__getitem__ is not StackDataset.__getitem__:  # a subclass means its own examples
            return [self[index] for index in indices]
        columns = []
        for dataset in self._columns():
            several = getattr(dataset, "__getitems__", None)
            column = [dataset[index] for index in indices] if several is None else several(indices)
            if len(column) != len(indices):
                raise ValueError(
                    f"StackDataset: __getitems__ of {type(dataset).__name__} gave {len(column)} examples for "
                    f"{len(indices)} indices"
                )
            columns.append(column)
        return [self._joined(list(parts)) for parts in zip(*columns, strict=True)]

    def __len__(self) -> int:
        return self._length


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Tensors of the same length, side by side: example i is the tuple of their i-th rows.

    Parameters
    ----------
    *tensors : Tensor or ndarray
        At least one, each with at least one dimension, all of the same length.

    Raises
    ------
    AssertionError
        If the lengths differ (the type of error is PyTorch's).
    TypeError, ValueError
        If there is no tensor, or something that is none.

    Examples
    --------
    >>> import wengert as wg
    >>> from wengert.data import TensorDataset
    >>> data = TensorDataset(wg.tensor([[1.0, 2.0], [3.0, 4.0]]), wg.tensor([0, 1]))
    >>> len(data), data[1]
    (2, (tensor([3., 4.]), tensor(1)))
    """

    tensors: tuple[Tensor, ...]

    def __init__(self, *tensors: Tensor | np.ndarray[Any, Any]) -> None:
        if not tensors:
            raise ValueError("TensorDataset: needs at least one tensor")
        converted = [from_numpy(tensor) if isinstance(tensor, np.ndarray) else tensor for tensor in tensors]
        for tensor in converted:
            if not isinstance(tensor, Tensor):
                raise TypeError(f"TensorDataset: needs tensors or NumPy arrays, got {type(tensor).__name__}")
            if not tensor.shape:
                raise ValueError("TensorDataset: a tensor without dimensions has no rows to be examples")
        lengths = [tensor.shape[0] for tensor in converted]
        if len(set(lengths)) > 1:
            raise AssertionError(f"Size mismatch between tensors: TensorDataset got the lengths {lengths}")
        self.tensors = tuple(converted)

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return int(self.tensors[0].shape[0])

    def arrays(self) -> Arrays | None:
        """The tensors as columns; None if one of them requires a gradient, since batches then have a history."""
        if any(tensor.requires_grad for tensor in self.tensors):
            return None
        return Arrays(tuple(Column(tensor.numpy()) for tensor in self.tensors))


class LabelledImages(Dataset[tuple[Any, Any]]):
    """Grey images kept as bytes, with a label each.

    Example i is ``(image, label)`` as torchvision gives it: a float32 tensor of shape (1, height, width) with values in
    [0, 1], and an int.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, height, width)
    targets : ndarray of int, shape (n,)
        Labels in [0, len(classes)).
    classes : sequence of str
        The names of the labels.
    transform, target_transform : callable, optional
        Applied to the image tensor and to the label of every example. With either, batches are made example by example.

    Attributes
    ----------
    images : ndarray of uint8, shape (n, height, width)
    targets : ndarray of int64, shape (n,)
    classes : tuple of str
    source : str
        Where the images come from, in words or as a path.

    Raises
    ------
    TypeError, ValueError
        If types, shapes or labels are not as described.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert.data import LabelledImages
    >>> data = LabelledImages(np.full((2, 1, 2), 255, np.uint8), np.array([1, 0]), ["bag", "coat"])
    >>> data[0]
    (tensor([[[1., 1.]]]), 1)
    """

    source: str = "arrays in memory"

    def __init__(
        self,
        images: np.ndarray[Any, Any],
        targets: np.ndarray[Any, Any],
        classes: Sequence[str],
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
    ) -> None:
        name = type(self).__name__
        images, targets = np.asarray(images), np.asarray(targets)
        if images.dtype != np.uint8 or images.ndim != 3:
            raise TypeError(
                f"{name}: images must be uint8 of shape (n, height, width), got {images.dtype} of {images.shape}"
            )
        if targets.dtype.kind not in "iu" or targets.shape != images.shape[:1]:
            raise TypeError(
                f"{name}: targets must be integers of shape ({len(images)},), got {targets.dtype} of {targets.shape}"
            )
        foreign = np.flatnonzero((targets < 0) | (targets >= len(classes)))
        if len(foreign):
            raise ValueError(
                f"{name}: labels must lie in [0, {len(classes)}), and the one at {foreign[0]} is {targets[foreign[0]]}"
            )
        self.images = np.ascontiguousarray(images)
        self.targets = targets.astype(np.int64)
        self.classes = tuple(classes)
        self.transform = transform
        self.target_transform = target_transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        index = operator.index(index)
        if not -len(self) <= index < len(self):
            raise IndexError(f"{type(self).__name__}: there is no example {index} among {len(self)}")
        image: Any = from_numpy(self.images[index][None] * np.float32(1 / 255))
        label: Any = int(self.targets[index])
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            label = self.target_transform(label)
        return image, label

    def __repr__(self) -> str:
        n, height, width = self.images.shape
        return f"{type(self).__name__}({n} images of {height}x{width}, {len(self.classes)} classes, from {self.source})"

    def arrays(self) -> Arrays | None:
        """Images and labels as columns; None if an example is transformed one by one."""
        if self.transform is not None or self.target_transform is not None:
            return None
        images = Column(self.images, scale=1 / 255, item_shape=(1, *self.images.shape[1:]))
        return Arrays((images, Column(self.targets)))


class Subset(Dataset[T_co]):
    """The examples of a data set at the given indices, in their order.

    Parameters
    ----------
    dataset : Dataset
    indices : sequence of int

    Examples
    --------
    >>> from wengert.data import Subset
    >>> list(Subset(["a", "b", "c"], [2, 0]))
    ['c', 'a']
    """

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> T_co:
        if isinstance(index, list):
            return cast(T_co, self.dataset[[self.indices[i] for i in index]])
        return cast(T_co, self.dataset[self.indices[index]])

    def __len__(self) -> int:
        return len(self.indices)

    def arrays(self) -> Arrays | None:
        """The whole set's columns with the rows of this subset; None if the whole set has no array form."""
        whole = arrays_of(self.dataset)
        if whole is None:
            return None
        rows = as_rows(self.indices)
        return Arrays(whole.columns, rows if whole.rows is None else whole.rows[rows])


@overload
def random_split(
    dataset: Dataset[T], lengths: Sequence[int | float], generator: Generator | np.random.Generator | None = None
) -> list[Subset[T]]: ...
@overload
def random_split(
    dataset: Any, lengths: Sequence[int | float], generator: Generator | np.random.Generator | None = None
) -> list[Subset[Any]]: ...
def random_split(
    dataset: Any, lengths: Sequence[int | float], generator: Generator | np.random.Generator | None = None
) -> list[Subset[Any]]:
    """Split a data set at random into subsets that do not overlap.

    Parameters
    ----------
    dataset : Dataset
    lengths : sequence of int, or of float
        The lengths of the subsets, which add up to ``len(dataset)``; or fractions, which add up to 1: each subset then
        has the floor of its share, and what remains is dealt out one by one from the first.
    generator : Generator, optional
        By default the library's own.

    Returns
    -------
    list of Subset

    Raises
    ------
    ValueError
        If the lengths do not add up, or one is negative.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert.data import random_split
    >>> train, validation = random_split(range(10), [0.8, 0.2], np.random.default_rng(0))
    >>> len(train), len(validation), sorted([*train, *validation]) == list(range(10))
    (8, 2, True)
    """
    count = len(dataset)
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        if any(fraction < 0 for fraction in lengths):
            raise ValueError(f"random_split: fractions must lie in [0, 1], got {list(lengths)}")
        sizes = [math.floor(count * fraction) for fraction in lengths]
        for i in range(count - sum(sizes)):
            sizes[i % len(sizes)] += 1
        if 0 in sizes:
            warnings.warn(
                f"random_split: {count} examples split by {list(lengths)} give an empty subset, lengths {sizes}",
                stacklevel=2,
            )
    else:
        if sum(lengths) != count:
            raise ValueError(
                "Sum of input lengths does not equal the length of the input dataset! random_split: "
                f"{list(lengths)} add up to {sum(lengths)}; they must add up to {count}, or to 1 as fractions"
            )
        try:
            sizes = [operator.index(cast(int, length)) for length in lengths]
        except TypeError:
            message = f"random_split: lengths must be integers, or fractions that add up to 1, got {list(lengths)}"
            raise TypeError(message) from None
        if any(size < 0 for size in sizes):
            raise ValueError(f"random_split: lengths must not be negative, got {sizes}")

    order = numpy_generator(generator).permutation(count).tolist()
    ends = itertools.accumulate(sizes)
    return [Subset(dataset, order[end - size : end]) for size, end in zip(sizes, ends, strict=True)]
