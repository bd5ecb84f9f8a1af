"""What `wengert train`, `evaluate`, `predict` and `plot` do; `wengert.__main__` reads their options."""

from __future__ import annotations

import argparse
import importlib.util
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import numpy as np

from .. import distributed, machine
from .._terminal import printable
from ..data import (
    FASHION_CLASSES,
    Augmented,
    DataLoader,
    FashionMNIST,
    SyntheticFashion,
    fashion_mnist_or_stand_in,
    read_idx,
)
from ..data.distributed import share
from ..data.fashion import require_files
from ..data.idx import is_idx
from ..data.images import read_image, resize
from ..data.synthetic import STAND_IN_NOTICE
from ..ops import from_numpy
from ..ops.random import Generator, manual_seed
from . import checkpoint, plots
from .callbacks import BestCheckpoint
from .checkpoint import CheckpointError
from .run import Run, RunError, fresh_directory
from .tasks import Classification, Settings, confusion, confusion_table
from .trainer import DivergenceError, Trainer

_REAL, _DRAWN = "Fashion-MNIST", "SyntheticFashion"


# ---------------------------------------------------------------- train


class _Batches:
    """The two loaders that the trainer asks for."""

    def __init__(self, train_set: Any, test_set: Any, settings: Settings) -> None:
        generator = Generator().manual_seed(settings.seed)
        if settings.augment:
            train_set = Augmented(train_set, settings.augment, generator=generator)
        self.train = DataLoader(train_set, settings.batch_size, shuffle=True, generator=generator)
        self.test = DataLoader(test_set, 1000)

    def train_dataloader(self) -> DataLoader:
        return self.train

    def val_dataloader(self) -> DataLoader:
        return self.test


def train(options: argparse.Namespace) -> int:
    """`wengert train`."""
    given = {field.name: vars(options)[field.name] for field in fields(Settings) if field.name in options}
    world = _world(options)
    _need("safetensors", "matplotlib", *(() if options.no_progress else ("tqdm",)))
    if world.rank:
        return _train_along(world, options)
    if options.resume:
        run, settings = _open_to_resume(options)
        train_set, test_set, message = _data_of(run, options, parts=2)
    else:
        settings = replace(Settings(), **given)
        _check_data_dir(options, parts=2)
        train_set, test_set, real, message = fashion_mnist_or_stand_in(options.data_dir)
        path = Path(options.out) if options.out else fresh_directory("runs", settings.name)
        run = Run(path, _record(settings, options, _REAL if real else _DRAWN))
    run.report = lambda row: options.tell(event="epoch", **row)
    with run.claimed():
        resume = _checkpoint_to_resume(run) if options.resume else None
        _say_data(message, options, train_set, test_set)
        before = Settings.of(run.settings).epochs
        if settings.epochs != before:
            run.change_settings(epochs=settings.epochs)
            print(f"it is to have {settings.epochs} epochs now instead of {before}")
        world.broadcast_object(_Told(run.path, run.settings))
        how = {"progress": not options.no_progress, "compile": options.compile, "distributed": world}
        try:
            trainer, judged = _train(run, settings, train_set, test_set, resume, how)
        except CheckpointError:
            if settings.epochs != before:
                run.change_settings(epochs=before)
            raise
    options.tell(event="end", **_ending(run, trainer), **judged.result())
    if run.settings["data"] != _REAL:
        _say(message)
    return 130 if trainer.interrupted else 0


class _Told(NamedTuple):
    """What other ranks know of the run whose directory is rank 0's."""

    path: Path
    settings: dict[str, Any]


def _train_along(world: distributed.World, options: argparse.Namespace) -> int:
    """Train as one of the other ranks."""
    run = world.broadcast_object()
    settings = Settings.of(run.settings)
    train_set, test_set, _ = _data_of(run, options, parts=2)
    manual_seed(settings.seed)
    trainer = Trainer(settings.epochs, callbacks=settings.callbacks(), distributed=world)
    trainer.fit(settings.task(), _Batches(train_set, test_set, settings))
    return 130 if trainer.interrupted else 0


def _train(
    run: Run, settings: Settings, train_set: Any, test_set: Any, resume: Path | None, how: dict[str, Any]
) -> tuple[Trainer, _Judged]:
    """Train, with further options of the trainer, and write what a run ends with."""
    manual_seed(settings.seed)
    task = settings.task()
    best = BestCheckpoint(run.path / "best.safetensors", "val_accuracy")
    callbacks = [*settings.callbacks(), run, best]
    trainer = Trainer(settings.epochs, callbacks=callbacks, unit="images", **how)
    start = time.perf_counter()
    try:
        trainer.fit(task, _Batches(train_set, test_set, settings), resume=resume)
    except CheckpointError:
        if resume is not None:
            _say(_what_else_there_is(run, resume), file=sys.stderr)
        raise
    except (OSError, ArithmeticError, ValueError, MemoryError) as error:
        _say(_what_is_kept(run), file=sys.stderr)
        if isinstance(error, DivergenceError):
            raise DivergenceError(error.finding, "a smaller --lr may help") from error
        raise
    seconds = time.perf_counter() - start

    _tell_end(trainer, seconds, run)
    judged = _judge(task, test_set)
    run.write_weights(task, {"epoch": str(trainer.epoch), "batches": str(trainer.train_batch_idx)})
    run.write_text("confusion.txt", confusion_table(judged.counts, judged.classes) + "\n")
    if len(trainer.history):
        run.write_text("metrics.csv", trainer.history.to_csv())
        run.write_figure("curves.png", plots.curves(trainer.history, title=_named(run, "the metrics of each epoch")))
    _say(f"the run is in {run.path}")
    return trainer, judged


def _ending(run: Run, trainer: Trainer) -> dict[str, Any]:
    """What --json tells of a training that has ended, apart from how good the network is."""
    return {
        "run": str(run.path), "data": run.settings["data"], "epochs": trainer.epoch, "of": trainer.max_epochs,
        "updates": trainer.train_batch_idx, "interrupted": trainer.interrupted,
    }  # fmt: skip


def _record(settings: Settings, options: argparse.Namespace, data: str) -> dict[str, Any]:
    """What settings.json keeps."""
    directory = None if options.data_dir is None else str(Path(options.data_dir).resolve())
    build = {"version": machine.__version__, "isa": machine.isa()}
    return {**asdict(settings), "data": data, "data_dir": directory, **build}


def _open_to_resume(options: argparse.Namespace) -> tuple[Run, Settings]:
    """The run to go on with, and its settings; with --epochs, of that many epochs."""
    run = Run(options.resume)
    settings = Settings.of(run.settings)
    epochs = vars(options).get("epochs", settings.epochs)
    if epochs < settings.epochs:
        raise ValueError(
            f"--epochs {epochs}: {run.path} is to have {settings.epochs} epochs in all; give that number or a larger"
        )
    if epochs > settings.epochs and settings.schedule != "constant":
        raise ValueError(
            f"--epochs {epochs}: the learning rate of {run.path} follows --schedule {settings.schedule}, which was "
            f"laid out for {settings.epochs} epochs; only a run with --schedule constant can be extended"
        )
    settings = replace(settings, epochs=epochs)
    if run.settings.get("isa") != machine.isa():
        _say(
            f"the run began with the instruction set {run.settings.get('isa')}, this machine uses {machine.isa()}: "
            "results may differ in the last digits",
            file=sys.stderr,
        )
    return run, settings


def _checkpoint_to_resume(run: Run) -> Path | None:
    """The checkpoint to go on from, which is told."""
    resume = run.newest_checkpoint()
    _say(f"going on with {run.path} " + (f"from {resume.name}" if resume else "from the start: no epoch is complete"))
    return resume


def _what_is_kept(run: Run) -> str:
    kept = run.newest_checkpoint()
    if kept is None:
        return f"training failed before the first epoch was complete; nothing is kept but {run.path}/settings.json"
    return f"training failed; `wengert train --resume {run.path}` goes on from {kept.name}, which is complete"


def _what_else_there_is(run: Run, refused: Path) -> str:
    """How to go on without a checkpoint that is refused."""
    others = [path.name for path in checkpoint.find(run.path / "checkpoints") if path != refused]
    instead = f"from {others[-1]}" if others else "from the start"
    return f"{refused} cannot be used; without that directory `wengert train --resume {run.path}` goes on {instead}"


def _tell_end(trainer: Trainer, seconds: float, run: Run) -> None:
    if trainer.interrupted:
        print(f"\nstopped by Ctrl-C in epoch {trainer.epoch + 1}, with {trainer.epoch} complete; this is what it has.")
        _say(f"`wengert train --resume {run.path}` goes on after the last complete epoch")
    elif trainer.epoch < trainer.max_epochs:
        print(f"\nstopped early after {trainer.epoch} of {trainer.max_epochs} epochs: no improvement")
    if len(trainer.history):
        _say(trainer.history.table())
    each = f" on each of {trainer.world.size} ranks" if trainer.world.size > 1 else ""
    threads = machine.get_num_threads()
    print(f"\n{trainer.train_batch_idx} updates in all, {seconds:.1f} s with {threads} thread(s){each}")


# ---------------------------------------------------------------- evaluate, predict, plot


def evaluate(options: argparse.Namespace) -> int:
    """`wengert evaluate`."""
    world = _world(options)
    _need("safetensors")
    if world.rank:
        run = world.broadcast_object()
        task = Settings.of(run.settings).task()
        test_set, _ = _data_of(run, options)
        _probabilities(task, test_set, world)
        return 0
    run, task = _open_trained(options)
    test_set, message = _data_of(run, options)
    _say_data(message, options, test_set)
    world.broadcast_object(_Told(run.path, run.settings))
    judged = _judge(task, test_set, world)
    options.tell(run=str(run.path), data=run.settings["data"], **judged.result())
    if run.settings["data"] != _REAL:
        _say(message)
    return 0


def predict(options: argparse.Namespace) -> int:
    """`wengert predict`."""
    _need("safetensors")
    _use_threads(options)
    run, task = _open_trained(options)
    data = run.settings["data"]
    if data != _REAL:
        print(f"This network was trained on {_DRAWN}, NOT on Fashion-MNIST.")
    for path in options.images:
        names, images = _read_images(path)
        if options.invert:
            images = 255 - images
        elif np.mean(images[:, [0, -1], :]) > 128:
            _say(
                f"{path}: the background is bright, and in Fashion-MNIST it is black: --invert may help",
                file=sys.stderr,
            )
        batch = from_numpy(resize(images, (28, 28))[:, None] * np.float32(1 / 255))
        for name, row in zip(names, task.probabilities([batch]), strict=True):
            first = np.argsort(-row, kind="stable")[:3]
            _say(f"{name}: " + ", ".join(f"{FASHION_CLASSES[k]} {row[k]:.1%}" for k in first))
            shares = dict(zip(FASHION_CLASSES, row.tolist(), strict=True))
            options.tell(image=name, label=FASHION_CLASSES[first[0]], probabilities=shares, trained_on=data)
    return 0


def _read_images(path: str) -> tuple[list[str], np.ndarray]:
    """The names and the grey images, (n, height, width) uint8, in an IDX file or a picture."""
    with open(path, "rb") as file:
        start = file.read(4)
    if len(start) < 4 or not is_idx(start):
        return [path], read_image(path)[None]
    images = read_idx(path)
    if images.dtype != np.uint8 or images.ndim not in (2, 3) or not images.size:
        raise ValueError(
            f"{path}: expected images, uint8 of shape (n, height, width), found {images.dtype} of shape {images.shape}"
        )
    images = images.reshape(-1, *images.shape[-2:])
    return [f"{path}[{k}]" for k in range(len(images))], images


def plot(options: argparse.Namespace) -> int:
    """`wengert plot`."""
    _need("safetensors", "matplotlib")
    _use_threads(options)
    run, task = _open_trained(options)
    history = run.read_history()
    test_set, message = _data_of(run, options)
    _say_data(message, options, test_set)
    probabilities = _probabilities(task, test_set)
    counts = confusion(probabilities.argmax(1), test_set.targets, len(test_set.classes))
    figures = {
        "curves.png": plots.curves(history, title=_named(run, "the metrics of each epoch")),
        "mistakes.png": plots.mistakes(test_set.images, probabilities, test_set.targets, test_set.classes),
        **_inside(task, test_set),
        "confusion.png": plots.confusion_matrix(counts, test_set.classes),
    }
    directory = Path(options.out) if options.out else run.path
    directory.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        plots.save(figure, directory / name)
        _say(str(directory / name))
    options.tell(run=str(run.path), data=run.settings["data"], figures=[str(directory / name) for name in figures])
    if run.settings["data"] != _REAL:
        _say(message)
    return 0


def _inside(task: Classification, test_set: Any) -> dict[str, Any]:
    """Pictures of what a network has learned: its first layer's weights, and what its convolutions make of an image."""
    first = next(task.parameters()).detach().numpy()
    if first.ndim == 2:
        names = test_set.classes if len(first) == len(test_set.classes) else None
        return {"first_layer.png": plots.first_layer(first, (28, 28), names)}
    filters = plots.first_layer(first.reshape(len(first), -1), first.shape[2:], title="the first layer's filters")
    image = test_set[0][0]
    return {
        "filters.png": filters,
        "feature_maps.png": plots.feature_maps(image[0], task.feature_maps(image)),
    }


# ---------------------------------------------------------------- what they share


def _say(text: str, file: TextIO | None = None) -> None:
    """Print what may hold text from elsewhere: names of files, settings, what a server answers."""
    print(printable(text), file=file)


def _say_data(message: str, options: argparse.Namespace, *sets: Any) -> None:
    """Say what data is used; with --verbose, where each file of it came from."""
    _say(message)
    if options.verbose:
        for line in dict.fromkeys(line for s in sets for line in getattr(s, "provenance", (s.source,))):
            _say(f"  {line}")


def _named(run: Run, what: str) -> str:
    """A picture's title."""
    return f"{run.path.resolve().name}: {what}"


def _need(*packages: str) -> None:
    """Say at once, and not after minutes, what is missing."""
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(f"this needs {', '.join(missing)}: pip install 'wengert[train]'", name=missing[0])


def _world(options: argparse.Namespace) -> distributed.World:
    """The ranks that work together; one, if the options do not say otherwise. Each gets its threads."""
    if not options.distributed:
        world = distributed.World()
    else:
        world = distributed.init()
        if world.size > 1:  # some launchers pass Ctrl-C on as this
            signal.signal(signal.SIGTERM, signal.default_int_handler)
    _use_threads(options)
    return world


def _use_threads(options: argparse.Namespace) -> None:
    if options.threads is not None:
        machine.set_num_threads(options.threads)


def _open_trained(options: argparse.Namespace) -> tuple[Run, Classification]:
    """A run and its network with the newest, or the best, weights."""
    run = Run(options.run)
    task = Settings.of(run.settings).task()
    name = "best.safetensors" if options.best else "weights.safetensors"
    if options.verbose:
        _say(f"weights: {run.path / name}, trained on {run.settings.get('data')}")
    try:
        task.load_state_dict(run.read_weights(name))
    except RuntimeError as error:
        raise RunError(f"{run.path / name} does not fit the network of the run's settings: {error}") from error
    return run, task.eval()


def _data_of(run: Run | _Told, options: argparse.Namespace, parts: int = 1) -> tuple[Any, ...]:
    """The test set, or with `parts=2` training and test set, that the run is about, and what to say about them."""
    wanted = (True, False)[2 - parts :]
    if run.settings.get("data") == _DRAWN:
        if options.data_dir is not None:
            raise ValueError(f"{run.path} was trained on {_DRAWN}, which needs no files; leave out --data-dir")
        return *(SyntheticFashion(train) for train in wanted), STAND_IN_NOTICE
    _check_data_dir(options, parts)
    root = options.data_dir or run.settings.get("data_dir")
    if not isinstance(root, (str, type(None))):
        raise ValueError(f"settings: data_dir cannot be {root!r}")
    sets = [FashionMNIST(root, train) for train in wanted]
    counts = " and ".join(f"{len(s)} {'training' if s.train else 'test'}" for s in sets)
    return *sets, f"{_REAL}: {counts} images from {sets[-1].source}."


def _check_data_dir(options: argparse.Namespace, parts: int) -> None:
    """Refuse a --data-dir without the files: they must not come from somewhere else without a word."""
    if options.data_dir is not None:
        for train in (True, False)[2 - parts :]:
            require_files(options.data_dir, train)


def _probabilities(task: Classification, test_set: Any, world: distributed.World | None = None) -> np.ndarray:
    """Each image's probabilities of the classes, computed by rank 0's network, some batches by each rank."""
    task.eval()
    if world is None or world.size == 1:
        return task.probabilities(x for x, _ in DataLoader(test_set, 1000))
    world.broadcast(list(task.state_dict().values()))
    count = len(test_set)
    batches = [range(k, min(k + 1000, count)) for k in range(0, count, 1000)]
    own = batches[share(len(batches), world.rank, world.size)]
    found = np.zeros((count, len(test_set.classes)), next(task.parameters()).dtype)
    if own:
        found[np.concatenate(own)] = task.probabilities(x for x, _ in DataLoader(test_set, batch_sampler=own))
    world.all_reduce(from_numpy(found))
    return found


class _Judged(NamedTuple):
    """How good a network is on the test images."""

    loss: float
    accuracy: float
    counts: np.ndarray  # [true, predicted]
    classes: Sequence[str]

    def result(self) -> dict[str, Any]:
        """What --json tells."""
        found = {"test_loss": self.loss, "test_accuracy": self.accuracy, "test_images": int(self.counts.sum())}
        return {**found, "classes": list(self.classes), "confusion": self.counts.tolist()}


def _judge(task: Classification, test_set: Any, world: distributed.World | None = None) -> _Judged:
    """Print confusion, loss and accuracy on the test images."""
    probabilities = _probabilities(task, test_set, world)
    right = probabilities[np.arange(len(probabilities)), test_set.targets]
    print("\nconfusion on the test images (rows: true class, columns: predicted)")
    counts = confusion(probabilities.argmax(1), test_set.targets, len(test_set.classes))
    print(confusion_table(counts, test_set.classes))
    loss = float(np.mean(-np.log(np.maximum(right, np.finfo(right.dtype).tiny))))
    accuracy = float(np.mean(probabilities.argmax(1) == test_set.targets))
    print(f"test loss {loss:.4f}, test accuracy {accuracy:.4f}")
    return _Judged(loss, accuracy, counts, test_set.classes)
