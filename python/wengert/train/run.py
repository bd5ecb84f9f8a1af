"""The directory that a run is kept in, filled while training goes on; each file is whole or not there.

settings.json         what reproduces the run, and a name that tells it from all other runs
checkpoints/          the state after the last epochs, to go on from
metrics.csv           the history, a line per epoch
weights.safetensors   the newest weights
best.safetensors      the weights of the epoch with the best accuracy on the test images
curves.png, confusion.txt, confusion.png, mistakes.png, first_layer.png
.lock                 locked by the process that trains here, and names it
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from .. import files
from ..data._files import PARTIAL, replacing
from . import _lock, checkpoint, plots
from .history import History
from .trainer import Callback, Trainer

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

_FORMAT = "wengert run 1"
_NOBODYS = (".lock", "lost+found", ".DS_Store")  # what may be in a directory that is called empty


class RunError(OSError):
    """A run's directory cannot be made or written, or does not hold what it should. The message says why."""


class RunWarning(UserWarning):
    """Something happened to a run's directory that training could mend."""


class Run(Callback):
    """A run's directory. As a callback it keeps metrics, weights and a checkpoint after each epoch.

    Parameters
    ----------
    path : path
    settings : dict, in JSON's types, optional
        What reproduces the run: begins a new run in the directory, which is made if need be. Without it the run that is
        there is opened.

    Attributes
    ----------
    path : Path
    settings : dict
    report : callable, optional
        Called with an epoch's row of the history as soon as all that is kept of the epoch is written.

    Raises
    ------
    RunError
        If the directory cannot be made or written, or holds a run or anything else already; if it holds no run to open;
        or if somebody else trains in it. A directory that vanishes during training is made again after the epoch, with
        a `RunWarning`.
    ValueError
        If a setting is called ``format`` or ``id``, which settings.json keeps for itself.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     run = wg.train.Run(directory, {"lr": 0.1})
    ...     wg.train.Run(directory).settings
    {'lr': 0.1}
    """

    everywhere = False

    def __init__(self, path: str | os.PathLike[str], settings: dict[str, Any] | None = None) -> None:
        self.path = Path(path)
        self.report: Callable[[dict[str, float]], None] | None = None
        self._lock: BinaryIO | None = None
        self._claims = 0  # how often `claimed` is entered, and training under way
        if settings is None:
            self._id, self.settings = self._read_settings()
            return
        if taken := {"format", "id"} & settings.keys():
            raise ValueError(
                f"Run: settings.json keeps {', '.join(sorted(taken))} for itself; call the setting otherwise"
            )
        self._refuse_another()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"cannot make the run's directory {self.path}: {error.strerror}") from error
        self._id, self.settings = os.urandom(8).hex(), dict(settings)
        with self.claimed():
            self._refuse_another()
            self._write_settings()

    def _refuse_another(self) -> None:
        """A run may overwrite and delete in its directory, so that must not be anybody's."""
        if (self.path / "settings.json").exists():
            raise RunError(f"{self.path} holds a run already; name another directory, or go on with that run")
        try:
            names = sorted(os.listdir(self.path)) if self.path.is_dir() else []
        except OSError as error:
            raise RunError(f"cannot read the directory {self.path}: {error.strerror}") from error
        foreign = [name for name in names if name not in _NOBODYS and not PARTIAL.fullmatch(name)]
        if foreign:
            listed = ", ".join(foreign[:3]) + (", ..." if len(foreign) > 3 else "")
            raise RunError(f"{self.path} is not empty and not the directory of a run: it has {listed}; name a new one")

    def change_settings(self, **changes: Any) -> None:
        """Give some settings other values, in the file too."""
        before = self.settings
        self.settings = {**before, **changes}
        try:
            self._write_settings()
        except RunError:
            self.settings = before
            raise

    def _write_settings(self) -> None:
        document = {"format": _FORMAT, "id": self._id, **self.settings}
        self.write_text("settings.json", json.dumps(document, indent=2) + "\n")

    def _read_settings(self) -> tuple[str, dict[str, Any]]:
        path = self.path / "settings.json"
        try:
            settings: dict[str, Any] = json.loads(_read_file(path))
            found, name = settings.pop("format"), settings.pop("id", "")
        except OSError as error:
            raise RunError(f"{self.path} is not the directory of a run: settings.json: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise RunError(f"{path} does not hold the settings of a run") from error
        if found != _FORMAT:
            raise RunError(f"{path} has the format {found!r}; this version reads {_FORMAT!r}")
        if not isinstance(name, str):
            raise RunError(f"{path} does not hold the settings of a run: its id is {name!r}")
        return name, settings

    # ------------------------------------------------------------ one at a time

    @contextlib.contextmanager
    def claimed(self) -> Iterator[None]:
        """Keep the directory from being trained in by anybody else while the block runs; reading it remains free.

        Training with the run among the callbacks does this by itself.

        Raises
        ------
        RunError
            If somebody trains in it. The message says which process, on which machine.
        """
        self._claim()
        try:
            yield
        finally:
            self._release()

    def _claim(self) -> None:
        if self._claims == 0:
            self._take_lock()
        self._claims += 1

    def _release(self) -> None:
        self._claims -= 1
        if self._claims == 0:
            self._give_lock_back()

    def _take_lock(self) -> None:
        try:
            self._lock = _lock.acquire(self.path / ".lock")
        except _lock.HeldError as error:
            raise RunError(
                f"{error.holder} is training in {self.path}; wait until it has ended, or name another directory"
            ) from error
        except OSError as error:
            if error.errno not in _lock.UNSUPPORTED:
                raise RunError(f"cannot lock {self.path / '.lock'}: {error.strerror}") from error
            warnings.warn(
                f"{self.path} cannot be locked ({error.strerror}): see to it that nobody else trains in it",
                RunWarning,
                stacklevel=4,
            )

    def _give_lock_back(self) -> None:
        if self._lock is not None:
            _lock.release(self._lock)
            self._lock = None

    # ------------------------------------------------------------ writing

    @contextlib.contextmanager
    def _writing(self, name: str) -> Iterator[None]:
        """Say which file could not be written."""
        try:
            yield
        except RunError:
            raise
        except OSError as error:
            raise RunError(f"cannot write {self.path / name}: {error.strerror or error}") from error

    @contextlib.contextmanager
    def replacing(self, name: str) -> Iterator[BinaryIO]:
        """A file of the run to write to; it appears when the block ends well."""
        with self._writing(name), replacing(self.path / name) as file:
            yield file

    def write_text(self, name: str, text: str) -> None:
        """Write a text file."""
        with self.replacing(name) as file:
            file.write(text.encode())

    def write_weights(self, model: Any, notes: dict[str, str] | None = None) -> None:
        """Write a model's state as weights.safetensors."""
        with self.replacing("weights.safetensors") as file:
            file.write(files.format_tensors(model.state_dict(), notes))

    def write_figure(self, name: str, figure: Figure) -> None:
        """Write a figure in the format that the name's ending says."""
        with self._writing(name):
            plots.save(figure, self.path / name)

    def on_fit_start(self, trainer: Trainer) -> None:
        """Claim the directory, and remove what a process that was killed has left half written."""
        self._claim()
        for left in self.path.glob(".*.part"):
            if PARTIAL.fullmatch(left.name) and left.is_file():
                left.unlink(missing_ok=True)

    def on_epoch_end(self, trainer: Trainer, metrics: dict[str, float]) -> None:
        """Make the directory again if it has vanished: what it needs to be resumed from is all in memory."""
        if not (self.path / "settings.json").exists():
            try:
                self.path.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise RunError(f"the run's directory {self.path} has vanished: {error.strerror}") from error
            self._give_lock_back()
            self._take_lock()
            self._write_settings()
            warnings.warn(f"the run's directory {self.path} had vanished, and was made again", RunWarning, stacklevel=2)

    def on_epoch_complete(self, trainer: Trainer) -> None:
        """Keep the checkpoint, the metrics and the weights."""
        with self._writing("checkpoints"):
            checkpoint.save(self.path / "checkpoints", trainer)
        self.write_text("metrics.csv", trainer.history.to_csv())
        self.write_weights(trainer.model, {"epoch": str(trainer.epoch)})
        if self.report is not None:
            self.report(trainer.history.rows[-1])

    def on_fit_end(self, trainer: Trainer) -> None:
        """Let others have the directory."""
        self._release()

    def state_dict(self) -> dict[str, Any]:
        """Which run a checkpoint belongs to."""
        return {"run": self._id}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Refuse the checkpoint of another run: its settings may be others than those that are here."""
        checkpoint.require_form(state, self.state_dict(), "Run")
        if state != self.state_dict():
            raise ValueError(
                f"it is of the run {state['run']!r}, and {self.path}/settings.json has the id {self._id!r}"
            )

    # ------------------------------------------------------------ reading

    def newest_checkpoint(self) -> Path | None:
        """The checkpoint to go on from; None before the first epoch was complete."""
        found = checkpoint.find(self.path / "checkpoints")
        return found[-1] if found else None

    def read_history(self) -> History:
        """The history that metrics.csv holds.

        Raises
        ------
        RunError
            If it is missing or damaged.
        """
        try:
            history = History.from_csv(_read_file(self.path / "metrics.csv").decode())
            if any("epoch" not in row for row in history):
                raise ValueError("it has no column of epochs")
        except OSError as error:
            raise RunError(f"{self.path} has no metrics.csv: {error.strerror}; no epoch is complete yet") from error
        except ValueError as error:
            raise RunError(f"{self.path / 'metrics.csv'} is damaged: {error}") from error
        return history

    def read_weights(self, name: str = "weights.safetensors") -> dict[str, np.ndarray]:
        """Named arrays from a safetensors file of the run.

        Raises
        ------
        RunError
            If there is none.
        CheckpointError
            If it is damaged.
        """
        path = self.path / name
        try:
            data = _read_file(path)
        except OSError as error:
            raise RunError(f"{self.path} has no {name}: {error.strerror}") from error
        return checkpoint.parse_tensors(data, path)


def _read_file(path: Path) -> bytes:
    """The bytes of a regular file; a device or a pipe may have no end."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is no regular file")
    return path.read_bytes()


def fresh_directory(parent: str | os.PathLike[str], name: str) -> Path:
    """parent/name, or parent/name-2, -3, ... if that is there already."""
    path = Path(parent) / name
    count = 2
    while path.exists():
        path = Path(parent) / f"{name}-{count}"
        count += 1
    return path
