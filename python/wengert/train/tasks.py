"""What the command line trains: a classifier with cross-entropy and SGD, and the settings that describe it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from .. import nn, optim
from ..autograd import no_grad
from ..core import dtypes
from ..optim import lr_scheduler
from ..tensors.tensor import Tensor
from .callbacks import EarlyStopping, Schedule
from .trainer import Callback


def softmax_regression(inputs: int = 784, classes: int = 10) -> nn.Sequential:
    """Softmax regression: one linear layer to logits.

    Parameters
    ----------
    inputs, classes : int

    Returns
    -------
    nn.Sequential

    Examples
    --------
    >>> wg.train.softmax_regression(4, 3)
    Sequential(
      (0): Flatten(start_dim=1, end_dim=-1)
      (1): Linear(in_features=4, out_features=3, bias=True)
    )
    """
    return nn.Sequential(nn.Flatten(), nn.Linear(inputs, classes))


def mlp(hidden: Sequence[int] = (256,), inputs: int = 784, classes: int = 10) -> nn.Sequential:
    """A multilayer perceptron with ReLU between its layers.

    Parameters
    ----------
    hidden : sequence of int
        Widths of the hidden layers.
    inputs, classes : int

    Returns
    -------
    nn.Sequential

    Examples
    --------
    >>> len(wg.train.mlp([256, 128]))
    6
    """
    layers: list[nn.Module] = [nn.Flatten()]
    widths = [inputs, *hidden]
    for width, following in itertools.pairwise(widths):
        layers += [nn.Linear(width, following), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], classes))


def lenet(classes: int = 10) -> nn.Sequential:
    """LeNet-5 for images of 28 x 28 pixels: two convolutions, each squashed and averaged, and three linear layers.

    Parameters
    ----------
    classes : int

    Returns
    -------
    nn.Sequential
        Its weights are those of Glorot and Bengio (2010), with which layers of sigmoids learn from the start.

    Notes
    -----
    Y. LeCun et al., "Gradient-based learning applied to document recognition", 1998.

    Examples
    --------
    >>> wg.train.lenet()(wg.zeros(2, 1, 28, 28)).shape
    wengert.Size([2, 10])
    """
    net = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Sigmoid(),
        nn.AvgPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.Sigmoid(), nn.Linear(120, 84), nn.Sigmoid(),
        nn.Linear(84, classes),
    )  # fmt: skip
    for layer in net:
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.xavier_uniform_(layer.weight)
    return net


def cnn(classes: int = 10) -> nn.Sequential:
    """A plain convolutional network for images of 28 x 28 pixels: 32 and 64 filters of 3 x 3, then 128 units.

    Parameters
    ----------
    classes : int

    Returns
    -------
    nn.Sequential

    Examples
    --------
    >>> wg.train.cnn()(wg.zeros(2, 1, 28, 28)).shape
    wengert.Size([2, 10])
    """
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64 * 7 * 7, 128), nn.ReLU(), nn.Linear(128, classes),
    )  # fmt: skip


class Classification(nn.Module):
    """A network, its cross-entropy, its accuracy, and its optimizer, as the trainer wants them.

    Parameters
    ----------
    net : nn.Module
        Gives logits (n, classes).
    lr, momentum, weight_decay : float
        Of SGD.

    Examples
    --------
    >>> task = wg.train.Classification(wg.train.softmax_regression(4, 3), lr=0.1)
    >>> type(task.configure_optimizers()).__name__
    'SGD'
    """

    def __init__(self, net: nn.Module, lr: float, momentum: float = 0.0, weight_decay: float = 0.0) -> None:
        super().__init__()
        self.net = net
        self.lr, self.momentum, self.weight_decay = lr, momentum, weight_decay
        self.loss = nn.CrossEntropyLoss()

    def forward(self, x: Tensor) -> Tensor:
        """The logits."""
        logits: Tensor = self.net(x)
        return logits

    def training_step(self, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss and accuracy of a batch (images, labels)."""
        x, y = batch
        logits = self.net(x)
        right = logits.detach().argmax(1) == y
        return self.loss(logits, y), {"accuracy": right.to(dtypes.float64).mean()}

    validation_step = training_step

    def configure_optimizers(self) -> optim.Optimizer:
        """SGD over all parameters."""
        return optim.SGD(self.parameters(), lr=self.lr, momentum=self.momentum, weight_decay=self.weight_decay)

    def probabilities(self, batches: Iterable[Tensor]) -> np.ndarray:
        """The probability of each class for each image, (n, classes) in the parameters' dtype."""
        dtype = next(self.parameters()).dtype
        with no_grad():
            rows = [self.net(x.to(dtype)).softmax(1).numpy() for x in batches]
        return np.concatenate(rows) if rows else np.empty((0, 0), dtype)

    def feature_maps(self, image: Tensor) -> dict[str, np.ndarray]:
        """What each convolution of a sequential network makes of an image (channels, height, width), by its number:
        (filters, height, width), squashed as the layer behind it does."""
        found: dict[str, np.ndarray] = {}
        layers = list(self.net.children())
        x = image.unsqueeze(0).to(next(self.parameters()).dtype)
        with no_grad():
            for k, layer in enumerate(layers):
                x = layer(x)
                if k and isinstance(layers[k - 1], nn.Conv2d):
                    found[f"convolution {len(found) + 1}"] = x[0].numpy()
        return found


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """The share of rows whose largest logit is the label's; NaN without rows.

    Parameters
    ----------
    logits : Tensor
        (n, classes).
    labels : Tensor
        (n,), integer.

    Returns
    -------
    float

    Examples
    --------
    >>> wg.train.accuracy(wg.tensor([[0.1, 0.9], [0.8, 0.2]]), wg.tensor([1, 1]))
    0.5
    """
    return float((logits.detach().argmax(1).numpy() == labels.numpy()).mean()) if len(labels) else float("nan")


def confusion(predicted: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """How often each class was taken for each.

    Parameters
    ----------
    predicted, labels : ndarray of int
        (n,), in [0, classes).
    classes : int

    Returns
    -------
    ndarray of int64
        counts[true, predicted].

    Examples
    --------
    >>> import numpy as np
    >>> wg.train.confusion(np.array([0, 1, 1]), np.array([0, 0, 1]), 2)
    array([[1, 1],
           [0, 1]])
    """
    return np.bincount(labels * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def confusion_table(counts: np.ndarray, names: Sequence[str]) -> str:
    """The confusion as text: a row per true class, a column per predicted one, the share that was right at the end.

    Parameters
    ----------
    counts : ndarray of int, (classes, classes)
    names : sequence of str

    Returns
    -------
    str

    Examples
    --------
    >>> import numpy as np
    >>> print(wg.train.confusion_table(np.array([[3, 1], [0, 2]]), ["bag", "coat"]))
          bag coat   right
    bag     3    1   75.0%
    coat    0    2  100.0%
    """
    width = max(5, *(len(str(n)) + 1 for n in counts.ravel()))
    label = max(len(name) for name in names)
    lines = [" " * label + "".join(f"{name[: width - 1]:>{width}}" for name in names) + "   right"]
    for name, row, k in zip(names, counts, range(len(names)), strict=True):
        right = f"{row[k] / row.sum():8.1%}" if row.sum() else "       -"
        lines.append(f"{name:<{label}}" + "".join(f"{n:>{width}}" for n in row) + right)
    return "\n".join(lines)


MODELS = ("softmax", "mlp", "lenet", "cnn")
SCHEDULES = ("constant", "cosine", "onecycle", "step")


@dataclass(frozen=True)
class Settings:
    """What describes a run of `wengert train`; the defaults are the command's.

    Parameters
    ----------
    model : {"softmax", "mlp", "lenet", "cnn"}
    hidden : sequence of int
        The widths of the layers between, of the multilayer perceptron.
    epochs, batch_size : int
    lr, momentum, weight_decay : float
        Of stochastic gradient descent.
    schedule : str
        Of the learning rate; "constant" for none.
    augment : int
        By how many pixels training images are moved at most, half of which are mirrored too; 0: they stay as they are.
    patience : int
        Epochs without a better validation after which training stops; 0: never.
    seed : int
    dtype : {"float32", "float64"}

    Raises
    ------
    ValueError
        By `Settings.of`, if a value is unknown or of the wrong type.

    Examples
    --------
    >>> wg.train.Settings(hidden=[64]).network()
    Sequential(
      (0): Flatten(start_dim=1, end_dim=-1)
      (1): Linear(in_features=784, out_features=64, bias=True)
      (2): ReLU()
      (3): Linear(in_features=64, out_features=10, bias=True)
    )
    """

    model: str = "mlp"
    hidden: Sequence[int] = (256,)
    epochs: int = 10
    batch_size: int = 256
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 0.0
    schedule: str = "constant"
    augment: int = 0
    patience: int = 0
    seed: int = 0
    dtype: str = "float32"

    @classmethod
    def of(cls, saved: dict[str, Any]) -> Settings:
        """The settings among the entries of a run's settings.json."""
        found = {field.name: saved[field.name] for field in fields(cls) if field.name in saved}
        settings = cls(**found)
        for name, value in asdict(settings).items():
            if not _acceptable(name, value, getattr(cls, name)):
                raise ValueError(f"settings: {name} cannot be {value!r}")
        if settings.model not in MODELS or settings.schedule not in SCHEDULES:
            raise ValueError(f"settings: unknown model {settings.model!r} or schedule {settings.schedule!r}")
        return settings

    @property
    def name(self) -> str:
        """What the network is called: its model, and an mlp's widths, if that is short enough to name a directory."""
        if self.model != "mlp":
            return self.model
        name = "-".join(["mlp", *map(str, self.hidden)])
        return name if len(name) <= 100 else f"mlp-{len(self.hidden)}-layers"

    def network(self) -> nn.Sequential:
        """The network, its weights drawn from the library's own generator."""
        makers: dict[str, Callable[[], nn.Sequential]] = {"softmax": softmax_regression, "lenet": lenet, "cnn": cnn}
        net = mlp(self.hidden) if self.model == "mlp" else makers[self.model]()
        net.to(dtype=self.dtype)
        return net

    def task(self) -> Classification:
        """The network with its optimizer."""
        return Classification(self.network(), self.lr, self.momentum, self.weight_decay)

    def callbacks(self) -> list[Callback]:
        """The schedule and early stopping, as far as they are asked for."""
        chosen: list[Callback] = []
        if self.schedule == "cosine":
            chosen.append(Schedule(_cosine, "step"))
        elif self.schedule == "onecycle":
            chosen.append(Schedule(_one_cycle, "step"))
        elif self.schedule == "step":
            chosen.append(Schedule(_three_steps))
        if self.patience:
            chosen.append(EarlyStopping("val_accuracy", self.patience))
        return chosen


def _acceptable(name: str, value: Any, default: Any) -> bool:
    """Whether a setting from a file has a value that the command line would have taken."""
    if isinstance(value, bool):
        return False
    if name == "hidden":
        return isinstance(value, (list, tuple)) and all(_acceptable("batch_size", width, 1) for width in value)
    if name == "dtype":
        return value in ("float32", "float64")
    if isinstance(default, float):
        return isinstance(value, (int, float)) and 0 <= value < float("inf")
    if isinstance(default, int):
        return isinstance(value, int) and value >= (name == "batch_size")
    return isinstance(value, str)


def _cosine(optimizer: Any, trainer: Any) -> lr_scheduler.LRScheduler:
    """Down to zero along a cosine."""
    return lr_scheduler.CosineAnnealingLR(optimizer, max(1, trainer.max_epochs * trainer.num_train_batches))


def _one_cycle(optimizer: Any, trainer: Any) -> lr_scheduler.LRScheduler:
    """Up to the rate in the first three tenths, then down to nearly zero, the momentum the other way."""
    steps = max(1, trainer.max_epochs * trainer.num_train_batches)
    return lr_scheduler.OneCycleLR(optimizer, optimizer.param_groups[0]["lr"], steps)


def _three_steps(optimizer: Any, trainer: Any) -> lr_scheduler.LRScheduler:
    """A tenth of the rate after each third of the epochs."""
    return lr_scheduler.StepLR(optimizer, max(1, -(-trainer.max_epochs // 3)))
