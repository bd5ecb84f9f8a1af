"""The directory that a run is kept in: settings, metrics, weights and curves, each file written whole or not at all."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .trainer import Callback, History, Trainer


class RunError(OSError):
    """A run's directory cannot be written, or does not hold what it should."""


_counter = itertools.count()


@contextlib.contextmanager
def _whole_file(path: Path) -> Iterator[str]:
    """The name of a temporary file beside `path` that replaces it when the block ends well, and is removed otherwise."""
    name = str(path.parent / f".{path.name}.{os.getpid()}-{next(_counter)}")
    try:
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except OSError as error:
        raise RunError(error.errno, f"cannot write {path.name} into {path.parent}: {error.strerror}") from error
    try:
        yield name
        with open(name, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException as error:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        if isinstance(error, OSError):
            raise RunError(error.errno, f"cannot write {path}: {error.strerror or error}") from error
        raise


class Run(Callback):
    """A run's directory, filled while training goes on.

    Parameters
    ----------
    path : path
        Made if it is missing.
    settings : dict
        What reproduces the run; kept as settings.json.

    Raises
    ------
    RunError
        If the directory cannot be made or written.
    """

    def __init__(self, path: str | Path, settings: dict[str, Any] | None = None) -> None:
        self.path = Path(path)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(error.errno, f"cannot make the run's directory {self.path}: {error.strerror}") from error
        if settings is not None:
            self.write_text("settings.json", json.dumps(settings, indent=2) + "\n")

    def write_text(self, name: str, text: str) -> Path:
        """Write a text file, whole or not at all."""
        path = self.path / name
        with _whole_file(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        return path

    def write_with(self, name: str, writer: Callable[[str], Any]) -> Path:
        """Let `writer` write a file under a temporary name, which then gets its own."""
        path = self.path / name
        with _whole_file(path) as temporary:
            writer(temporary)
        return path

    def write_weights(self, state: dict[str, Any], name: str = "weights.safetensors") -> Path:
        """Write named tensors as safetensors."""
        from safetensors.numpy import save

        arrays = {key: np.ascontiguousarray(tensor.detach().numpy()) for key, tensor in state.items()}
        data = save(arrays)
        return self.write_with(name, lambda temporary: Path(temporary).write_bytes(data))

    def write_history(self, history: History) -> Path:
        """Write the metrics as CSV, a line per epoch."""
        text = io.StringIO()
        writer = csv.DictWriter(text, history.names(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(history.rows)
        return self.write_text("metrics.csv", text.getvalue())

    def write_curves(self, history: History) -> Path:
        """Draw the curves of loss and accuracy as PNG."""
        from .plots import curves

        return self.write_with("curves.png", lambda temporary: curves(history).savefig(temporary, format="png", dpi=120))

    def on_epoch_end(self, trainer: Trainer, metrics: dict[str, float]) -> None:
        """Keep the metrics and weights reached so far."""
        self.write_history(trainer.history)
        self.write_weights(trainer.model.state_dict())


def fresh_directory(parent: str | Path, name: str) -> Path:
    """parent/name, or parent/name-2, -3, ... if that is there already."""
    path = Path(parent) / name
    count = 2
    while path.exists():
        path = Path(parent) / f"{name}-{count}"
        count += 1
    return path
