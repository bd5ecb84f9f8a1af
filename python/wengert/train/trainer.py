"""The training loop that the command line, the course and users share."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

from ..autograd import no_grad
from ..nn.utils import clip_grad_norm_
from .progress import Progress


class Model(Protocol):
    """What a model tells the trainer: its loss on a batch, how it is judged, and how it is optimised."""

    def training_step(self, batch: Any) -> Any: ...
    def validation_step(self, batch: Any) -> Any: ...
    def configure_optimizers(self) -> Any: ...


class Data(Protocol):
    """What a data set tells the trainer: its batches."""

    def train_dataloader(self) -> Iterable[Any]: ...
    def val_dataloader(self) -> Iterable[Any] | None: ...


class DivergenceError(ArithmeticError):
    """The loss became NaN or infinite."""


class Callback:
    """Something that is told how training goes. Every method may be left as it is."""

    def on_fit_start(self, trainer: Trainer) -> None:
        """Before the first epoch."""

    def on_step_end(self, trainer: Trainer, loss: float) -> None:
        """After each update of the parameters."""

    def on_epoch_end(self, trainer: Trainer, metrics: dict[str, float]) -> None:
        """After each epoch; `metrics` is its row of the history. Set `trainer.should_stop` to end here."""

    def on_fit_end(self, trainer: Trainer) -> None:
        """After the last epoch, also when training was interrupted."""


class History:
    """One row of metrics per epoch.

    Attributes
    ----------
    rows : list of dict
        Keys "epoch", "seconds", and "train_..." and "val_..." for what the model's steps report.
    """

    def __init__(self, rows: Sequence[dict[str, float]] = ()) -> None:
        self.rows = [dict(row) for row in rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, float]]:
        return iter(self.rows)

    def __getitem__(self, key: str) -> list[float]:
        """One metric over the epochs."""
        if not any(key in row for row in self.rows):
            known = sorted({name for row in self.rows for name in row})
            raise KeyError(f"there is no metric {key!r}; there are {', '.join(known) or 'none yet'}")
        return [row.get(key, math.nan) for row in self.rows]

    def names(self) -> list[str]:
        """The metrics, in the order in which they came."""
        return list(dict.fromkeys(name for row in self.rows for name in row))

    def table(self) -> str:
        """The history as aligned text, a line per epoch."""
        names = self.names()
        cells = [[_cell(name, row.get(name, math.nan)) for name in names] for row in self.rows]
        widths = [max(len(name), *(len(row[k]) for row in cells)) if cells else len(name) for k, name in enumerate(names)]
        lines = ["  ".join(name.rjust(width) for name, width in zip(names, widths, strict=True))]
        lines += ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
        return "\n".join(lines)


def _cell(name: str, value: float) -> str:
    return str(int(value)) if name == "epoch" else f"{value:.2f}" if name == "seconds" else f"{value:.4f}"


class _Mean:
    """Means of metrics over batches, weighted by their sizes."""

    def __init__(self) -> None:
        self.count = 0
        self.sums: dict[str, float] = {}

    def add(self, metrics: dict[str, float], size: int) -> None:
        self.count += size
        for name, value in metrics.items():
            self.sums[name] = self.sums.get(name, 0.0) + value * size

    def result(self, prefix: str) -> dict[str, float]:
        return {prefix + name: total / self.count for name, total in self.sums.items()} if self.count else {}


class Trainer:
    """Fits a model to data.

    Parameters
    ----------
    max_epochs : int
    gradient_clip_val : float
        Limit of the gradients' norm; 0 for none.
    callbacks : sequence of Callback
    progress : bool
        Show a progress bar on standard error.
    stop_on_divergence : bool
        Raise when the loss becomes NaN or infinite.

    Attributes
    ----------
    epoch : int
        Epochs completed.
    step : int
        Updates made.
    history : History
    interrupted : bool
        Whether the user stopped training with Ctrl-C; what was reached is kept.

    Examples
    --------
    >>> trainer = wg.train.Trainer(max_epochs=1, progress=False)
    >>> trainer.epoch
    0
    """

    def __init__(
        self, max_epochs: int, *, gradient_clip_val: float = 0.0, callbacks: Sequence[Callback] = (),
        progress: bool = True, stop_on_divergence: bool = True,
    ) -> None:  # fmt: skip
        if max_epochs < 0:
            raise ValueError(f"Trainer: expected max_epochs >= 0, got {max_epochs}")
        self.max_epochs = max_epochs
        self.gradient_clip_val = gradient_clip_val
        self.callbacks = list(callbacks)
        self.progress = progress
        self.stop_on_divergence = stop_on_divergence
        self.epoch = 0
        self.step = 0
        self.history = History()
        self.should_stop = False
        self.interrupted = False
        self.model: Any = None
        self.optimizer: Any = None

    def prepare(self, model: Model, data: Data) -> None:
        """Take up a model and data: what `fit` does first, and what resuming does before it restores states."""
        self.model, self.data = model, data
        self.train_loader = data.train_dataloader()
        self.val_loader = data.val_dataloader()
        self.optimizer = model.configure_optimizers()

    def fit(self, model: Model, data: Data) -> History:
        """Train until `max_epochs`, until a callback says stop, or until Ctrl-C.

        Parameters
        ----------
        model : has training_step(batch), validation_step(batch), configure_optimizers()
            A step returns the loss of a batch, or a pair of it and a dict of further metrics.
        data : has train_dataloader(), val_dataloader()

        Returns
        -------
        History

        Raises
        ------
        DivergenceError
            If the loss becomes NaN or infinite.
        """
        if self.model is not model:
            self.prepare(model, data)
        self._tell("on_fit_start")
        try:
            while self.epoch < self.max_epochs and not self.should_stop:
                metrics = self._fit_epoch()
                self.epoch += 1
                self.history.rows.append(metrics)
                self._tell("on_epoch_end", metrics)
        except KeyboardInterrupt:
            self.interrupted = True
        finally:
            self._tell("on_fit_end")
        return self.history

    def _fit_epoch(self) -> dict[str, float]:
        start = time.perf_counter()
        means = _Mean()
        self.model.train()
        total = len(self.train_loader) if hasattr(self.train_loader, "__len__") else None
        with Progress(f"epoch {self.epoch + 1}/{self.max_epochs}", total, self.progress) as progress:
            for batch in self.train_loader:
                metrics, size = self._update(batch), _size(batch)
                means.add(metrics, size)
                progress.advance(size, means.sums, means.count)
                if self.callbacks:
                    self._tell("on_step_end", metrics["loss"])
            row = {"epoch": float(self.epoch + 1), **means.result("train_"), **self.evaluate(self.val_loader)}
            row["seconds"] = time.perf_counter() - start
            progress.finish(row)
        return row

    def _update(self, batch: Any) -> dict[str, float]:
        loss, metrics = _split(self.model.training_step(batch))
        value = loss.item()
        if self.stop_on_divergence and not math.isfinite(value):
            raise DivergenceError(
                f"the loss is {value} at step {self.step + 1} (epoch {self.epoch + 1}); a smaller learning rate may help, "
                "and stop_on_divergence=False goes on all the same"
            )
        self.optimizer.zero_grad()
        loss.backward()
        if self.gradient_clip_val > 0:
            clip_grad_norm_(self.model.parameters(), self.gradient_clip_val)
        self.optimizer.step()
        self.step += 1
        return {"loss": value, **metrics}

    def evaluate(self, loader: Iterable[Any] | None, prefix: str = "val_") -> dict[str, float]:
        """The model's metrics over a loader, without recording."""
        if loader is None:
            return {}
        means = _Mean()
        self.model.eval()
        with no_grad():
            for batch in loader:
                loss, metrics = _split(self.model.validation_step(batch))
                means.add({"loss": loss.item(), **metrics}, _size(batch))
        self.model.train()
        return means.result(prefix)

    def _tell(self, what: str, *args: Any) -> None:
        for callback in self.callbacks:
            method: Callable[..., None] = getattr(callback, what)
            method(self, *args)


def _split(result: Any) -> tuple[Any, dict[str, float]]:
    return result if isinstance(result, tuple) else (result, {})


def _size(batch: Any) -> int:
    return len(batch[0]) if isinstance(batch, (tuple, list)) else len(batch)
