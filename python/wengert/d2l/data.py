"""The course's data: synthetic regression, Fashion-MNIST in any size, files, and a table of four houses."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..data import DataLoader, LabelledImages, TensorDataset, fashion_mnist_or_stand_in
from ..data.fashion import FASHION_CLASSES
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
        """The names of labels as the course writes them, in lower case."""
        return _labels(self.train.classes, indices)

    def get_dataloader(self, train: bool) -> DataLoader:
        """The training images, shuffled, or the test images in order."""
        return DataLoader(self.train if train else self.val, self.batch_size, shuffle=train)

    def visualize(self, batch: Sequence[Any], nrows: int = 1, ncols: int = 8, labels: Sequence[str] = ()) -> Any:
        """Show the first images of a batch (images, labels) with their labels' names; gives the grid's axes."""
        X, y = batch
        return show_images(X.squeeze(1), nrows, ncols, titles=labels or self.text_labels(y))


def _labels(classes: Sequence[str], indices: Iterable[Any]) -> list[str]:
    return [classes[int(i)].partition("/")[0].lower() for i in indices]


def get_fashion_mnist_labels(labels: Iterable[Any]) -> list[str]:
    """The names of Fashion-MNIST's labels as the course writes them.

    Parameters
    ----------
    labels : tensor or sequence of int

    Returns
    -------
    list of str

    Examples
    --------
    >>> wg.d2l.get_fashion_mnist_labels(wg.tensor([0, 9]))
    ['t-shirt', 'ankle boot']
    """
    return _labels(FASHION_CLASSES, labels)


def load_data_fashion_mnist(batch_size: int, resize: int | tuple[int, int] | None = None) -> tuple[Any, Any]:
    """The loaders of Fashion-MNIST's training and test images; see `FashionMNIST`.

    Parameters
    ----------
    batch_size : int
    resize : int or (int, int), optional
        Height and width of the images.

    Returns
    -------
    DataLoader, DataLoader

    Examples
    --------
    >>> train_iter, test_iter = wg.d2l.load_data_fashion_mnist(256)  # doctest: +SKIP
    >>> len(train_iter), len(test_iter)  # doctest: +SKIP
    (235, 40)
    """
    size = (resize, resize) if isinstance(resize, int) else resize or (28, 28)
    data = FashionMNIST(batch_size, size)
    return data.train_dataloader(), data.val_dataloader()


def get_dataloader_workers() -> int:
    """How many processes the course lets a loader use: none, since data are loaded in the calling process.

    Returns
    -------
    int

    Examples
    --------
    >>> wg.d2l.get_dataloader_workers()
    0
    """
    return 0


def load_array(data_arrays: Sequence[Any], batch_size: int, is_train: bool = True) -> DataLoader:
    """Batches of tensors' rows, shuffled for training.

    Parameters
    ----------
    data_arrays : sequence of tensor
        Of one length.
    batch_size : int
    is_train : bool

    Returns
    -------
    DataLoader

    Examples
    --------
    >>> next(iter(wg.d2l.load_array((wg.arange(4), wg.arange(4) * 2), 3, is_train=False)))
    [tensor([0, 1, 2]), tensor([0, 2, 4])]
    """
    return DataLoader(TensorDataset(*data_arrays), batch_size, shuffle=is_train)


def synthetic_data(w: Any, b: Any, num_examples: int) -> tuple[Tensor, Tensor]:
    """Standard normal inputs, and targets X w + b with noise of standard deviation 0.01.

    Parameters
    ----------
    w : tensor
        (inputs,)
    b : float or tensor
    num_examples : int

    Returns
    -------
    X : Tensor
        (num_examples, inputs)
    y : Tensor
        (num_examples, 1)

    Examples
    --------
    >>> X, y = wg.d2l.synthetic_data(wg.tensor([2., -3.4]), 4.2, 10)
    >>> X.shape, y.shape
    (wengert.Size([10, 2]), wengert.Size([10, 1]))
    """
    data = SyntheticRegressionData(w, b, num_train=num_examples, num_val=0)
    return data.X, data.y


def get_data_ch11(batch_size: int = 10, n: int = 1500) -> tuple[DataLoader, int]:
    """Data for comparing optimizers: a target that depends on five features by a line, and as much on noise.

    The book downloads measurements of the noise of airfoils. These are drawn by code instead, the same at every call,
    and like those: standardized, two of the features correlated, and half of the target's variance not linear, so that
    half the mean squared error falls from 0.5 to about 0.25.

    Parameters
    ----------
    batch_size : int
    n : int
        How many of the 1503 examples.

    Returns
    -------
    data_iter : DataLoader
        Of shuffled batches of features (batch_size, 5) and targets (batch_size,).
    feature_dim : int

    Examples
    --------
    >>> data_iter, feature_dim = wg.d2l.get_data_ch11(batch_size=100)
    >>> len(data_iter), feature_dim
    (15, 5)
    """
    generator = np.random.default_rng(11)
    features, noise = generator.standard_normal((1503, 5)), generator.standard_normal(1503)
    features[:, 4] = 0.75 * features[:, 1] + 0.66 * features[:, 4]
    target = features @ np.array([-0.6, -0.25, -0.5, 0.25, -0.2]) + 0.95 * noise
    table = np.column_stack([features, target])
    data = creation.from_numpy(((table - table.mean(0)) / table.std(0)).astype(np.float32))
    return load_array((data[:n, :-1], data[:n, -1]), batch_size), data.shape[1] - 1


# ---------------------------------------------------------------- files


DATA_URL = "http://d2l-data.s3-accelerate.amazonaws.com/"
DATA_HUB: dict[str, tuple[str, str]] = {}


def download(url: str, folder: str | os.PathLike[str] = "../data", sha1_hash: str | None = None) -> str:
    """A file of the course, downloaded unless it is there.

    Parameters
    ----------
    url : str
        Or a name in `DATA_HUB`, which has its address and SHA-1.
    folder : path
        Where it is kept; made if need be.
    sha1_hash : str, optional
        What the file must have. One that is there and has another is downloaded again.

    Returns
    -------
    str
        Its path.

    Raises
    ------
    ValueError
        If `url` is neither an address nor a name in `DATA_HUB`, or what was downloaded has another SHA-1.
    OSError
        If it cannot be downloaded.
    ImportError
        If pooch is missing.

    Examples
    --------
    >>> path = wg.d2l.download(wg.d2l.DATA_URL + "kaggle_house_pred_train.csv")  # doctest: +SKIP
    """
    if not url.startswith(("http://", "https://")):
        if url not in DATA_HUB:
            raise ValueError(f"download: {url!r} is no http address, and no name in DATA_HUB: {', '.join(DATA_HUB)}")
        url, sha1_hash = DATA_HUB[url]
    try:
        import pooch
    except ImportError as error:
        raise ImportError("downloads need pooch: pip install 'wengert[train]'", name="pooch") from error
    known = sha1_hash and f"sha1:{sha1_hash}"
    path: str = pooch.retrieve(url, known_hash=known, fname=url.rpartition("/")[2], path=folder)
    return path


# ---------------------------------------------------------------- houses


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
