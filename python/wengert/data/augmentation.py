"""Images that are a little different in every epoch: moved by some pixels, mirrored, as they are gathered."""

from __future__ import annotations

import operator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._kernels import gather_images
from ..ops import from_numpy
from ..ops.random import Generator, numpy_generator
from .dataset import Arrays, Column, Dataset, arrays_of


@dataclass(frozen=True, eq=False)
class MovedImages(Column):
    """A column of images that are moved and mirrored as they are gathered.

    What becomes of an image depends on `key` and its row alone, so that it is the same in whatever batch, and on
    whichever of several processes.

    Parameters
    ----------
    values : ndarray of uint8, shape (n, height, width)
    scale : float
        Pixels are multiplied by it.
    item_shape : tuple of int, optional
        The shape of one example in a batch.
    shift : int
        By how many pixels an image is moved at most, in each direction; zeros come in from beyond its edges.
    flip : bool
        Whether one half of the images is mirrored.
    key : int
        In [0, 2**64).

    Examples
    --------
    >>> import numpy as np
    >>> from wengert.data.augmentation import MovedImages
    >>> images = np.arange(4, dtype=np.uint8).reshape(1, 1, 4)
    >>> MovedImages(images, 1.0, flip=True, key=2).take(np.array([0]))
    array([[[3., 2., 1., 0.]]], dtype=float32)
    """

    shift: int = field(default=0, kw_only=True)
    flip: bool = field(default=False, kw_only=True)
    key: int = field(default=0, kw_only=True)

    def take(self, rows: np.ndarray[Any, Any] | slice) -> np.ndarray[Any, Any]:
        """Gather rows into a new array of shape ``(len(rows), *item_shape)``, each image moved.

        Parameters
        ----------
        rows : ndarray of int64, or slice
            Row numbers, negative ones counting from the end.

        Raises
        ------
        IndexError
            If a row does not exist.
        """
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self.values)))
        taken = gather_images(self.values, rows, self._moves(rows), scale=self.scale or 1.0)
        return taken.reshape(len(taken), *(self.values.shape[1:] if self.item_shape is None else self.item_shape))

    def _moves(self, rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Down, to the right, and whether mirrored, of each."""
        bits = _mixed((rows % max(len(self.values), 1)).astype(np.uint64), self.key)
        span = np.uint64(2 * self.shift + 1)
        moves = np.empty((len(rows), 3), np.int32)
        moves[:, 0] = (bits & np.uint64(0xFFFFFF)) % span
        moves[:, 1] = (bits >> np.uint64(24) & np.uint64(0xFFFFFF)) % span
        moves[:, :2] -= self.shift
        moves[:, 2] = bits >> np.uint64(63) if self.flip else 0
        return moves


def _mixed(x: np.ndarray[Any, Any], key: int) -> np.ndarray[Any, Any]:
    """64 bits for each number, by the finalizer of SplitMix64 (Steele, Lea and Flood 2014)."""
    x = (x + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(key)
    x = (x ^ x >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ x >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    mixed: np.ndarray[Any, Any] = x ^ x >> np.uint64(31)
    return mixed


class Augmented(Dataset[Any]):
    """A data set of images in memory, each of which is moved a little and perhaps mirrored, anew in every epoch.

    The first column of the data set must be images of bytes, as those of `LabelledImages` are; others stay as they are.
    One kernel gathers, moves, mirrors and scales them.

    Parameters
    ----------
    dataset : Dataset
    shift : int
        By how many pixels images are moved at most, in each direction; zeros come in from beyond their edges.
    flip : bool
        Whether one half of the images is mirrored, left and right exchanged.
    generator : Generator, optional
        Of what differs between epochs; by default the library's own.

    Raises
    ------
    TypeError
        If the data set has no images of bytes in memory.
    ValueError
        If shift is negative.

    Examples
    --------
    >>> from wengert.data import Augmented, DataLoader, SyntheticFashion
    >>> images = Augmented(SyntheticFashion(size=100), shift=2)
    >>> x, y = next(iter(DataLoader(images, batch_size=10)))
    >>> x.shape
    wengert.Size([10, 1, 28, 28])
    """

    def __init__(
        self, dataset: Any, shift: int = 2, flip: bool = True, generator: Generator | np.random.Generator | None = None
    ) -> None:
        arrays = arrays_of(dataset)
        if arrays is None or arrays.columns[0].values.dtype != np.uint8 or arrays.columns[0].values.ndim != 3:
            raise TypeError(
                "Augmented: expected a data set with images of uint8, (n, height, width), in memory, got "
                f"{type(dataset).__name__}"
            )
        if operator.index(shift) < 0:
            raise ValueError(f"Augmented: expected shift >= 0, got {shift}")
        self.dataset, self.shift, self.flip, self.generator = dataset, operator.index(shift), bool(flip), generator

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        count = len(self)
        if not -count <= operator.index(index) < count:
            raise IndexError(f"Augmented: index {index} is out of range for {count} examples")
        columns, among = self.arrays()
        row = np.arange(count)[[index]] if among is None else among[[index]]
        return tuple([from_numpy(column.take(row)[0, ...]) for column in columns])

    def arrays(self) -> Arrays:
        """The data set's array form, with a new way of moving its images.

        Returns
        -------
        Arrays
        """
        arrays = arrays_of(self.dataset)
        assert arrays is not None
        columns, among = arrays
        key = int(numpy_generator(self.generator).integers(0, 2**64, dtype=np.uint64))
        first = MovedImages(
            columns[0].values, columns[0].scale, columns[0].item_shape, shift=self.shift, flip=self.flip, key=key
        )
        return Arrays((first, *columns[1:]), among)
