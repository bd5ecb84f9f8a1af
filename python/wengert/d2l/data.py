"""The course's data: synthetic regression, Fashion-MNIST in any size, and a table of four houses."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..data import DataLoader, LabelledImages, fashion_mnist_or_stand_in
from ..data.images import resize as resize_images
from ..data.synthetic import STAND_IN_NOTICE
from ..ops import creation, random
from ..tensors.tensor import Tensor
from .design import DataModule
from .plots import show_images


class SyntheticRegressionData(DataModule):
    """Targets that depend on inputs by a line, but for noise: y = X w + b + noise.

    Parameters
    ----------
    w : tensor
        (inputs,) or (inputs, 1).
    b : float or tensor
    noise : float
        Its standard deviation.
    num_train, num_val : int
    batch_size : int

    Attributes
    ----------
    X : Tensor
        (num_train + num_val, inputs), standard normal.
    y : Tensor
        (num_train + num_val, 1).

    Examples
    --------
    >>> data = wg.d2l.SyntheticRegressionData(w=wg.tensor([2., -3.4]), b=4.2)
    >>> X, y = next(iter(data.train_dataloader()))
    >>> X.shape, y.shape
    (wengert.Size([32, 2]), wengert.Size([32, 1]))
    """

    w: Tensor
    num_train: int

    def __init__(
        self, w: Any, b: Any, noise: float = 0.01, num_train: int = 1000, num_val: int = 1000, batch_size: int = 32
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        n = num_train + num_val
        self.X = random.randn(n, w.numel(), dtype=w.dtype)
        self.y = self.X @ w.reshape((-1, 1)) + b + random.randn(n, 1, dtype=w.dtype) * noise

    def get_dataloader(self, train: bool) -> DataLoader:
        """The first `num_train` examples, shuffled, or the others in order."""
        indices = slice(0, self.num_train) if train else slice(self.num_train, None)
        return self.get_tensorloader((self.X, self.y), train, indices)


class FashionMNIST(DataModule):
    """Fashion-MNIST in batches, its images resized if need be.

    Where the files cannot be had, pictures drawn by code stand in for them; this is printed when the data are made, and
    again when a trainer has fitted a model to them; the reason is told the first time.

    Parameters
    ----------
    batch_size : int
    resize : (int, int)
        Height and width of the images.
    root : path, optional
        Where the files are; see `wengert.data.FashionMNIST`.

    Attributes
    ----------
    train, val : wengert.data.LabelledImages
    notice : str or None
        What to know if these are not the real data.

    Examples
    --------
    >>> data = wg.d2l.FashionMNIST(batch_size=64, resize=(32, 32))  # doctest: +SKIP
    >>> X, y = next(iter(data.train_dataloader()))  # doctest: +SKIP
    >>> X.shape, X.dtype, y.shape, y.dtype  # doctest: +SKIP
    (wengert.Size([64, 1, 32, 32]), dtype('float32'), wengert.Size([64]), dtype('int64'))
    """

    def __init__(
        self, batch_size: int = 64, resize: tuple[int, int] = (28, 28), root: str | os.PathLike[str] | None = None
    ) -> None:
        super().__init__(root)
        self.save_hyperparameters()
        train, val, real, message = fashion_mnist_or_stand_in(root)
        self.notice = None if real else STAND_IN_NOTICE
        if not real:
            print(message)
        self.train, self.val = (
            LabelledImages(resize_images(part.images, resize), part.targets, part.classes) for part in (train, val)
        )

    def text_labels(self, indices: Iterable[Any]) -> list[str]:
        """The names of labels."""
        return [self.train.classes[int(i)] for i in indices]

    def get_dataloader(self, train: bool) -> DataLoader:
        """The training images, shuffled, or the test images in order."""
        return DataLoader(self.train if train else self.val, self.batch_size, shuffle=train)

    def visualize(self, batch: Sequence[Any], nrows: int = 1, ncols: int = 8, labels: Sequence[str] = ()) -> Any:
        """Show the first images of a batch (images, labels) with their labels' names; gives the grid's axes."""
        X, y = batch
        return show_images(X.squeeze(1), nrows, ncols, titles=labels or self.text_labels(y))


HOUSES = """\
NumRooms,RoofType,Price
NA,NA,127500
2,NA,106000
4,Slate,178100
NA,NA,140000
"""


def house_tiny(text: str = HOUSES) -> tuple[Tensor, Tensor]:
    """A small table of houses as tensors: missing numbers become the mean of the others, kinds become 0 and 1.

    Parameters
    ----------
    text : str
        Comma-separated values under a header; the last column is what is to be predicted, "NA" is missing.

    Returns
    -------
    X : Tensor
        float64, (houses, columns). A column of words becomes one per word in alphabetical order, and one for missing.
    y : Tensor
        float64, (houses,).

    Examples
    --------
    >>> X, y = wg.d2l.house_tiny()
    >>> X
    tensor([[3., 0., 1.],
            [2., 0., 1.],
            [4., 1., 0.],
            [3., 0., 1.]], dtype=wengert.float64)
    >>> y
    tensor([127500., 106000., 178100., 140000.], dtype=wengert.float64)
    """
    _, *rows = csv.reader(io.StringIO(text))
    *inputs, targets = zip(*rows, strict=True)
    columns = [column for values in inputs for column in _numeric(values)]
    return creation.tensor(np.stack(columns, axis=1)), creation.tensor(np.asarray(targets, np.float64))


def _numeric(values: Sequence[str]) -> list[np.ndarray]:
    """A column of a table as columns of numbers."""
    try:
        numbers = np.array([np.nan if value == "NA" else float(value) for value in values])
    except ValueError:
        kinds = [*sorted({*values} - {"NA"}), "NA"]
        return [np.array([float(value == kind) for value in values]) for kind in kinds]
    return [np.where(np.isnan(numbers), np.nanmean(numbers), numbers)]
