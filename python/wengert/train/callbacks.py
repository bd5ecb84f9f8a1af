"""Callbacks: early stopping, the best weights, schedules of the learning rate, pictures of the curves."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import files
from ..data._files import replacing
from ..optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from . import plots
from .checkpoint import require_form
from .trainer import Callback, Trainer


class _Best(Callback):
    """The best value of a metric so far, and the epoch that reached it.

    Parameters
    ----------
    monitor : str
        A metric of the history.
    mode : "min" or "max", optional
        What is better; by default "max" for an accuracy and "min" for all else.
    min_delta : float
        By how much a value must be better to count.
    """

    def __init__(self, monitor: str, mode: str | None = None, min_delta: float = 0.0) -> None:
        if mode not in (None, "min", "max"):
            raise ValueError(f"{type(self).__name__}: mode is 'min' or 'max', got {mode!r}")
        self.monitor, self.min_delta = monitor, min_delta
        self.mode = mode or ("max" if "acc" in monitor else "min")
        self.best: float | None = None
        self.best_epoch = 0

    def on_fit_start(self, trainer: Trainer) -> None:
        """Forget what an earlier fit has reached."""
        self.best, self.best_epoch = None, 0

    def improved(self, metrics: dict[str, float]) -> bool:
        """Whether an epoch's metrics are the best so far; if so they are remembered."""
        if self.monitor not in metrics:
            raise KeyError(
                f"{type(self).__name__}: there is no metric {self.monitor!r} to watch; there are {', '.join(metrics)}"
            )
        value = metrics[self.monitor]
        gain = math.inf if self.best is None else value - self.best if self.mode == "max" else self.best - value
        if math.isnan(value) or not gain > self.min_delta:
            return False
        self.best, self.best_epoch = value, int(metrics["epoch"])
        return True

    def state_dict(self) -> dict[str, Any]:
        """The best value and its epoch."""
        return {"best": self.best, "best_epoch": self.best_epoch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        require_form(state, {"best": None, "best_epoch": 0}, type(self).__name__)
        if state["best"] is not None:
            require_form(state["best"], 0.0, f"{type(self).__name__}: best")
        self.best, self.best_epoch = state["best"], int(state["best_epoch"])


class EarlyStopping(_Best):
    """Ends training when a metric has not improved for some epochs.

    Parameters
    ----------
    monitor : str
        A metric of the history.
    patience : int
        After how many epochs without improvement to stop.
    mode : "min" or "max", optional
        What is better; by default "max" for an accuracy and "min" for all else.
    min_delta : float
        By how much a value must be better to count.

    Raises
    ------
    ValueError
        If `mode` or `patience` is out of range.
    KeyError
        After the first epoch, if there is no such metric.

    Examples
    --------
    >>> stopping = wg.train.EarlyStopping("val_loss", patience=3)
    >>> trainer = wg.train.Trainer(max_epochs=100, callbacks=[stopping])
    """

    def __init__(
        self, monitor: str = "val_loss", patience: int = 5, mode: str | None = None, min_delta: float = 0.0
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        if patience < 1:
            raise ValueError(f"EarlyStopping: expected patience >= 1, got {patience}")
        self.patience = patience

    def on_epoch_end(self, trainer: Trainer, metrics: dict[str, float]) -> None:
        """Stop if the best epoch is too long ago."""
        if not self.improved(metrics) and trainer.epoch - self.best_epoch >= self.patience:
            trainer.should_stop = True


class BestCheckpoint(_Best):
    """Keeps the weights of the best epoch in a safetensors file.

    Parameters
    ----------
    path : path
        The file. Its metadata say the epoch and the metric.
    monitor : str
        A metric of the history.
    mode : "min" or "max", optional
        What is better; by default "max" for an accuracy and "min" for all else.

    Raises
    ------
    KeyError
        After the first epoch, if there is no such metric.
    OSError
        If the file cannot be written; an earlier one is untouched then.

    Examples
    --------
    >>> best = wg.train.BestCheckpoint("best.safetensors", "val_accuracy")
    >>> best.mode
    'max'
    """

    everywhere = False

    def __init__(self, path: str | os.PathLike[str], monitor: str = "val_loss", mode: str | None = None) -> None:
        super().__init__(monitor, mode)
        self.path = Path(path)

    def on_epoch_end(self, trainer: Trainer, metrics: dict[str, float]) -> None:
        """Keep the weights if there are no better ones."""
        if self.improved(metrics):
            notes = {"epoch": str(self.best_epoch), self.monitor: repr(self.best)}
            with replacing(self.path) as file:
                file.write(files.format_tensors(trainer.model.state_dict(), notes))


class Schedule(Callback):
    """Drives a schedule of `wengert.optim.lr_scheduler`, and adds the learning rate to the history as "lr".

    Parameters
    ----------
    make : function of (optimizer, trainer)
        Gives the schedule. `trainer.max_epochs` and `trainer.num_train_batches` tell how long it will be.
    every : "epoch" or "step"
        When the schedule goes on.
    monitor : str
        The metric that `ReduceLROnPlateau` watches.

    Raises
    ------
    ValueError
        If `every` is something else.

    Examples
    --------
    >>> from wengert.optim.lr_scheduler import CosineAnnealingLR
    >>> schedule = wg.train.Schedule(lambda optimizer, trainer: CosineAnnealingLR(optimizer, trainer.max_epochs))
    """

    def __init__(
        self, make: Callable[[Any, Trainer], LRScheduler], every: str = "epoch", monitor: str = "val_loss"
    ) -> None:
        if every not in ("epoch", "step"):
            raise ValueError(f"Schedule: every is 'epoch' or 'step', got {every!r}")
        self.make, self.every, self.monitor = make, every, monitor

    def on_fit_start(self, trainer: Trainer) -> None:
        """Begin the schedule."""
        self.schedule = self.make(trainer.optim, trainer)

    def on_step_end(self, trainer: Trainer, loss: float) -> None:
        """Go on after a step."""
        if self.every == "step":
            self.schedule.step()

    def on_epoch_end(self, trainer: Trainer, metrics: dict[str, float]) -> None:
        """Note the rate that the epoch ended with, and go on after it."""
        metrics["lr"] = trainer.optim.param_groups[0]["lr"]
        if self.every == "epoch" and isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.step(metrics[self.monitor])
        elif self.every == "epoch":
            self.schedule.step()

    def state_dict(self) -> dict[str, Any]:
        """Where the schedule stands; what it was made with is the caller's to repeat."""
        return _plain(self.schedule.state_dict())

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        require_form(state, self.state_dict(), "Schedule")
        self.schedule.load_state_dict(state)


def _plain(state: dict[str, Any]) -> dict[str, Any]:
    """Those entries of a state that are numbers, words, lists of them, or lists of such states."""
    simple = (int, float, str, type(None))
    chosen: dict[str, Any] = {}
    for name, value in state.items():
        if isinstance(value, simple) or (isinstance(value, list) and all(isinstance(x, simple) for x in value)):
            chosen[name] = value
        elif isinstance(value, list) and all(isinstance(x, dict) for x in value):
            chosen[name] = [_plain(x) for x in value]
    return chosen


class PlotCurves(Callback):
    """Draws the curves of loss and other metrics after each epoch, into a file or in a notebook.

    Parameters
    ----------
    path : path, optional
        A picture that matplotlib can write (.png, .svg, .pdf), replaced in one step after each epoch. Without it the
        picture is shown in the notebook that is running.

    Raises
    ------
    ImportError
        After the first epoch, if matplotlib is missing.

    Examples
    --------
    >>> trainer = wg.train.Trainer(max_epochs=10, callbacks=[wg.train.PlotCurves("curves.svg")])
    """

    everywhere = False

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path = None if path is None else Path(path)

    def on_epoch_complete(self, trainer: Trainer) -> None:
        """Draw what there is."""
        figure = plots.curves(trainer.history)
        if self.path is None:
            plots.show_in_notebook(figure, replace=True)
        else:
            plots.save(figure, self.path)
