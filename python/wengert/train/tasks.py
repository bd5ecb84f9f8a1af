"""What the command line trains: a classifier with cross-entropy and SGD."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import nn, optim
from ..autograd import no_grad
from ..tensor import Tensor


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
    for width, following in zip(widths[:-1], widths[1:], strict=True):
        layers += [nn.Linear(width, following), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], classes))


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
        return self.net(x)

    def training_step(self, batch: Any) -> tuple[Tensor, dict[str, float]]:
        """Loss and accuracy of a batch (images, labels)."""
        x, y = batch
        logits = self.net(x)
        return self.loss(logits, y), {"accuracy": accuracy(logits, y)}

    validation_step = training_step

    def configure_optimizers(self) -> optim.Optimizer:
        """SGD over all parameters."""
        return optim.SGD(self.parameters(), lr=self.lr, momentum=self.momentum, weight_decay=self.weight_decay)

    def predict(self, x: Tensor) -> np.ndarray:
        """The most likely class of each image."""
        with no_grad():
            return self.net(x).argmax(1).numpy()


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """The share of rows whose largest logit is the label's."""
    return float((logits.detach().argmax(1).numpy() == labels.numpy()).mean()) if len(labels) else float("nan")


def confusion(predicted: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """counts[true, predicted], (classes, classes) int64."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (labels, predicted), 1)
    return counts


def confusion_table(counts: np.ndarray, names: Sequence[str]) -> str:
    """The confusion as text: a row per true class, a column per predicted one, the share that was right at the end."""
    width = max(5, *(len(str(n)) for n in counts.ravel())) if counts.size else 5
    label = max(len(name) for name in names)
    lines = [" " * label + "".join(f"{name[:width - 1]:>{width}}" for name in names) + "   right"]
    for name, row, k in zip(names, counts, range(len(names)), strict=True):
        right = row[k] / row.sum() if row.sum() else float("nan")
        lines.append(f"{name:<{label}}" + "".join(f"{n:>{width}}" for n in row) + f"{right:8.1%}")
    return "\n".join(lines)
