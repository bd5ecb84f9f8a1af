"""What an estimator is made of besides scikit-learn's manners: its perceptron, its data, what the trainer asks."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import nn
from ..core import locks
from ..data import Arrays, Column, Dataset
from ..ops import from_numpy
from ..ops.random import get_rng_state, manual_seed, set_rng_state
from ..tensors.tensor import Tensor
from ..train import Callback, EarlyStopping, History, Trainer

ACTIVATIONS = {"identity": nn.Identity, "logistic": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}


def perceptron(
    in_features: int, out_features: int, hidden_layer_sizes: Any = (100,), activation: str = "relu"
) -> nn.Sequential:
    """The network of an estimator that is given none: linear layers with an activation between them.

    Parameters
    ----------
    in_features, out_features : int
    hidden_layer_sizes : int or sequence of int
        Widths of the hidden layers; an int is one layer, and () none.
    activation : {"identity", "logistic", "tanh", "relu"}

    Returns
    -------
    nn.Sequential
        Weights and biases are uniform on +-sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010), or on
        +-sqrt(2 / (fan_in + fan_out)) before the logistic function, as scikit-learn's perceptrons have them.

    Raises
    ------
    ValueError
        If a width is not a positive integer, or there is no such activation.

    Examples
    --------
    >>> wg.estimators.perceptron(4, 3, (8,), "tanh")
    Sequential(
      (0): Linear(in_features=4, out_features=8, bias=True)
      (1): Tanh()
      (2): Linear(in_features=8, out_features=3, bias=True)
    )
    """
    hidden = [hidden_layer_sizes] if isinstance(hidden_layer_sizes, (int, np.integer)) else hidden_layer_sizes
    if isinstance(hidden, str) or not isinstance(hidden, (Sequence, np.ndarray)):
        raise ValueError(f"perceptron: expected hidden_layer_sizes as positive integers, got {hidden_layer_sizes!r}")
    if any(isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1 for n in hidden):
        raise ValueError(f"perceptron: expected hidden_layer_sizes as positive integers, got {hidden_layer_sizes!r}")
    if not isinstance(activation, str) or activation not in ACTIVATIONS:
        raise ValueError(
            f"perceptron: expected activation {', '.join(map(repr, ACTIVATIONS))}, got {activation!r}; other networks "
            "are given as module"
        )
    layers: list[nn.Module] = []
    for width, following in itertools.pairwise([in_features, *map(int, hidden), out_features]):
        layer = nn.Linear(width, following)
        bound = math.sqrt((2.0 if activation == "logistic" else 6.0) / (width + following))
        nn.init.uniform_(layer.weight, -bound, bound)
        nn.init.uniform_(layer.bias, -bound, bound)
        layers += [layer, ACTIVATIONS[activation]()]
    return nn.Sequential(*layers[:-1])


# ---------------------------------------------------------------- random numbers

_lock = locks.lock()


@contextlib.contextmanager
def seeded(source: np.random.Generator | None) -> Iterator[None]:
    """While the library's own generator starts from a number of `source`; afterwards it goes on from where it was.

    All threads draw from that generator: one at a time may have it started anew.
    """
    if source is None:
        yield
        return
    with _lock:
        before = get_rng_state()
        manual_seed(int(source.integers(2**63)))
        try:
            yield
        finally:
            set_rng_state(before)


# ---------------------------------------------------------------- data


class Examples(Dataset[tuple[Any, ...]]):
    """Arrays side by side.

    Parameters
    ----------
    arrays : sequence of ndarray
    dtype : dtype or None
        That the module computes in, and floats and bytes are converted to; None leaves all as they are.
    often : bool
        Whether there will be several passes: floats are then converted at once, and else as a batch is gathered. Bytes
        are always converted then.
    """

    def __init__(self, arrays: Sequence[np.ndarray[Any, Any]], dtype: Any, often: bool = False) -> None:
        self.columns = tuple(_column(array, dtype, often) for array in arrays)

    def __len__(self) -> int:
        return len(self.columns[0].values)

    def __getitem__(self, index: Any) -> tuple[Any, ...]:
        rows = np.asarray(index, np.int64)
        taken = [column.take(rows.reshape(-1)) for column in self.columns]
        return tuple(from_numpy(part if rows.ndim else np.asarray(part[0])) for part in taken)

    def arrays(self) -> Arrays:
        """The columns, all of whose rows belong to the set."""
        return Arrays(self.columns)


def _column(values: np.ndarray[Any, Any], dtype: Any, often: bool) -> Column:
    is_number = values.dtype.kind == "f" or values.dtype == np.uint8
    if dtype is None or values.dtype == dtype or not is_number or values.ndim < 2:
        return Column(values)
    if dtype == np.float32 and (values.dtype == np.uint8 or (values.dtype == np.float64 and not often)):
        return Column(np.ascontiguousarray(values), scale=1.0)
    return Column(values.astype(dtype, order="C"))


class Loaders(NamedTuple):
    """The batches of a fit, as the trainer asks for them."""

    train: Any
    valid: Any

    def train_dataloader(self) -> Any:
        return self.train

    def val_dataloader(self) -> Any:
        return self.valid


class Task:
    """A net as the trainer sees it: steps, the optimizer, and the module's own parameters and state.

    Parameters
    ----------
    net : NeuralNetClassifier or NeuralNetRegressor
        Initialized.

    Attributes
    ----------
    net
        For callbacks, which are given the trainer: `trainer.model.net`.
    """

    def __init__(self, net: Any) -> None:
        self.net = net
        self.validates = True

    def parameters(self) -> Any:
        return self.net.module_.parameters()

    def named_parameters(self) -> Any:
        return self.net.module_.named_parameters()

    def state_dict(self) -> Any:
        return self.net.module_.state_dict()

    def load_state_dict(self, state_dict: Any) -> Any:
        return self.net.module_.load_state_dict(state_dict)

    def train(self) -> Any:
        if not self.net.module_.training:  # or a walk over all layers would be a part of a small epoch's time
            self.net.module_.train()
        return self

    def eval(self) -> Any:
        if self.validates:
            self.net.module_.eval()
        return self

    def training_step(self, batch: Any) -> Any:
        """The loss of a batch."""
        return self.net.train_step(batch)

    def validation_step(self, batch: Any) -> Any:
        """The loss of a batch, and what else it is judged by."""
        return self.net.validation_step(batch)

    def configure_optimizers(self) -> Any:
        """The net's own."""
        return self.net.optimizer_


class Loop(Trainer):
    """The trainer of a net, whose program outlives a fit: a stream of small fits would record it anew in each."""

    _kept: Callable[..., Any] | None = None

    def make_program(self) -> Callable[..., Any]:
        if self._kept is None:
            self._kept = super().make_program()
        return self._kept

    def run(self, loaders: Loaders, epochs: int, callbacks: list[Callback]) -> None:
        """Train, and let go of the data."""
        self.max_epochs, self.callbacks = epochs, callbacks
        self.model.validates = loaders.valid is not None
        try:
            self.fit(self.model, loaders)
        finally:
            self.train_dataloader = self.val_dataloader = None
            self.callbacks = []


# ---------------------------------------------------------------- callbacks


class KeepBest(EarlyStopping):
    """Ends training when a metric has not improved for some epochs, and goes back to the weights of the best one."""

    _best: dict[str, Tensor] | None = None

    def on_fit_start(self, trainer: Trainer) -> None:
        super().on_fit_start(trainer)
        self._best = None

    def on_epoch_end(self, trainer: Trainer, metrics: dict[str, float]) -> None:
        super().on_epoch_end(trainer, metrics)
        if self.best_epoch == trainer.epoch:
            self._best = {name: value.detach().clone() for name, value in trainer.model.state_dict().items()}

    def on_fit_end(self, trainer: Trainer) -> None:
        if self._best is not None:
            trainer.model.load_state_dict(self._best)
            self._best = None


class PrintLog(Callback):
    """Prints a line of metrics after each epoch, beneath a line of their names."""

    def __init__(self, epochs_before: int) -> None:
        self.epochs_before = epochs_before

    def on_epoch_end(self, trainer: Trainer, metrics: dict[str, float]) -> None:
        row = {**metrics, "epoch": self.epochs_before + metrics["epoch"]}
        names, values = History([row]).table().splitlines()
        if trainer.epoch == 1:
            print(names)
        print(values)


# ---------------------------------------------------------------- history

_SKORCH = {"valid_loss": "val_loss", "valid_acc": "val_accuracy", "dur": "seconds"}


class TrainingHistory(History):
    """The metrics of all epochs of an estimator: a history that is also asked as skorch's is.

    Parameters
    ----------
    rows : sequence of dict

    Raises
    ------
    KeyError
        If there is no such metric.
    IndexError
        If there is no such epoch.

    Examples
    --------
    >>> history = wg.estimators.TrainingHistory([{"epoch": 1, "val_loss": 0.5}, {"epoch": 2, "val_loss": 0.25}])
    >>> history["val_loss"], history[:, "valid_loss"], history[-1, "valid_loss"], history[-1]
    ([0.5, 0.25], [0.5, 0.25], 0.25, {'epoch': 2, 'val_loss': 0.25})
    >>> history[:, ("epoch", "val_loss")]
    [(1, 0.5), (2, 0.25)]
    """

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return super().__getitem__(_SKORCH.get(key, key))
        if not isinstance(key, tuple):
            return self.rows[key]
        rows, names = key
        several = [names] if isinstance(names, str) else list(names)
        columns = [self[name][rows] for name in several]
        if isinstance(names, str):
            return columns[0]
        return [*zip(*columns, strict=True)] if isinstance(rows, slice) else tuple(columns)
