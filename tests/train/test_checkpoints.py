"""Checkpoints: resuming to the bit, and refusing what is damaged or foreign."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import nn, optim
from wengert.data import DataLoader, SyntheticFashion
from wengert.optim import lr_scheduler
from wengert.train import Callback, CheckpointError, Classification, EarlyStopping, Schedule, Trainer, checkpoint

pytest.importorskip("safetensors")


def network() -> nn.Sequential:
    """With everything that draws random numbers or keeps a state."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 10)
    )


class Task(Classification):
    """The classifier with an optimizer of choice."""

    def __init__(self, make: Callable[[Any], Any] | None = None) -> None:
        super().__init__(network(), 0.1)
        self.make = make or (lambda params: optim.SGD(params, lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3))

    def configure_optimizers(self) -> Any:
        return self.make(self.parameters())


class Fashion:
    """A few generated images; the order comes from a generator of the loader's own, or the library's."""

    def __init__(self, generator: Any = "own", batch_size: int = 50) -> None:
        self.images, self.batch_size = SyntheticFashion(size=400), batch_size
        self.generator = wg.Generator().manual_seed(5) if generator == "own" else generator

    def train_dataloader(self) -> Any:
        return DataLoader(self.images, self.batch_size, shuffle=True, generator=self.generator)

    def val_dataloader(self) -> Any:
        return DataLoader(self.images, 200)


class Saving(Callback):
    """Keeps a checkpoint after each epoch."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def on_epoch_complete(self, trainer: Trainer) -> None:
        checkpoint.save(self.directory, trainer, keep=10)


def fit(directory: Path, task: Task, epochs: int, data: Any = None, callbacks: Any = (), resume: Any = None) -> Trainer:
    trainer = Trainer(epochs, progress=False, callbacks=[*callbacks, Saving(directory)])
    trainer.fit(task, data or Fashion(), resume=resume)
    return trainer


def state_of(trainer: Trainer) -> dict[str, np.ndarray]:
    return {name: x.numpy().copy() for name, x in trainer.model.state_dict().items()}


def metrics_of(trainer: Trainer) -> list[dict[str, float]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in trainer.history]


OPTIMIZERS = {
    "sgd": lambda params: optim.SGD(params, lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3),
    "plain sgd": lambda params: optim.SGD(params, lr=0.05),
    "adam": lambda params: optim.Adam(params, lr=0.01, amsgrad=True),
    "adamw": lambda params: optim.AdamW(params, lr=0.01),
    "rmsprop": lambda params: optim.RMSprop(params, lr=0.01, momentum=0.5, centered=True),
    "adagrad": lambda params: optim.Adagrad(params, lr=0.01),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_resumed_training_equals_the_uninterrupted_one_bit_by_bit(tmp_path: Path, name: str) -> None:
    wg.manual_seed(1)
    whole = fit(tmp_path / "whole", Task(OPTIMIZERS[name]), 4)
    wg.manual_seed(77)  # nothing may depend on where the resumed program begins
    task, data = Task(OPTIMIZERS[name]), Fashion()
    data.generator.manual_seed(78)
    resumed = fit(tmp_path / "resumed", task, 4, data, resume=tmp_path / "whole" / "epoch-0002")
    assert metrics_of(resumed) == metrics_of(whole)
    assert (resumed.train_batch_idx, resumed.val_batch_idx) == (whole.train_batch_idx, whole.val_batch_idx)
    np.testing.assert_equal(state_of(resumed), state_of(whole))


def test_an_optimizer_from_scratch_has_nothing_to_keep(tmp_path: Path) -> None:
    def fitted(directory: str, resume: Path | None = None) -> Trainer:
        data = wg.d2l.SyntheticRegressionData(w=wg.tensor([2.0, -3.4]), b=4.2)
        trainer = Trainer(3, progress=False, callbacks=[Saving(tmp_path / directory)])
        trainer.fit(wg.d2l.LinearRegressionScratch(2, lr=0.03), data, resume=resume)
        return trainer

    wg.manual_seed(1)
    whole = fitted("whole")
    wg.manual_seed(1)
    resumed = fitted("resumed", tmp_path / "whole" / "epoch-0002")
    assert metrics_of(resumed) == metrics_of(whole)
    np.testing.assert_equal(state_of(resumed), state_of(whole))


SCHEDULES: dict[str, Callable[[Any, Trainer], Any]] = {
    "step": lambda o, t: lr_scheduler.StepLR(o, 1, 0.5),
    "multistep": lambda o, t: lr_scheduler.MultiStepLR(o, [1, 3], 0.5),
    "one cycle": lambda o, t: lr_scheduler.OneCycleLR(o, 0.1, 4),
    "plateau": lambda o, t: lr_scheduler.ReduceLROnPlateau(o, factor=0.5, patience=0, threshold=0.5),
    "lambda": lambda o, t: lr_scheduler.LambdaLR(o, lambda epoch: 0.5**epoch),
    "sequence": lambda o, t: lr_scheduler.SequentialLR(
        o, [lr_scheduler.ConstantLR(o, 0.5, 1), lr_scheduler.ExponentialLR(o, 0.5)], [2]
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_go_on_where_they_were(tmp_path: Path, name: str) -> None:
    def callbacks() -> list[Callback]:
        return [Schedule(SCHEDULES[name]), EarlyStopping(patience=3)]

    wg.manual_seed(1)
    whole = fit(tmp_path / "whole", Task(), 4, callbacks=callbacks())
    assert len(set(whole.history["lr"])) > 1
    resumed = fit(tmp_path / "resumed", Task(), 4, callbacks=callbacks(), resume=tmp_path / "whole" / "epoch-0002")
    assert metrics_of(resumed) == metrics_of(whole)
    np.testing.assert_equal(state_of(resumed), state_of(whole))


@pytest.mark.parametrize("generator", [None, "numpy"])
def test_every_generator_goes_on_where_it_was(tmp_path: Path, generator: Any) -> None:
    def data() -> Fashion:
        return Fashion(np.random.default_rng(3) if generator == "numpy" else None)

    wg.manual_seed(1)
    whole = fit(tmp_path / "whole", Task(), 3, data())
    wg.manual_seed(2)
    resumed = fit(tmp_path / "resumed", Task(), 3, data(), resume=tmp_path / "whole" / "epoch-0001")
    assert metrics_of(resumed) == metrics_of(whole)


@pytest.mark.parametrize("make", [np.random.MT19937, np.random.PCG64, np.random.Philox, np.random.SFC64])
def test_generators_of_numpy_survive_json(make: Any) -> None:
    first, second = np.random.Generator(make(1)), np.random.Generator(make(2))
    first.random(3)
    first.integers(0, 9, dtype=np.int32)
    checkpoint._set_generator(second, json.loads(json.dumps(checkpoint._generator_state(first))))
    np.testing.assert_array_equal(first.random(8), second.random(8))


# ---------------------------------------------------------------- samplers


class Counting:
    """Counts the epochs, and gives each an order of its own."""

    def __init__(self, seed: int = 3) -> None:
        self.seed, self.epoch, self.name = seed, 0, "mine"

    def __len__(self) -> int:
        return 400

    def __iter__(self) -> Iterator[Any]:
        self.epoch += 1
        return iter(np.random.default_rng([self.seed, self.epoch]).permutation(len(self)).tolist())


class Telling(Counting):
    """Keeps the count where only `state_dict` finds it."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = {"epoch": 0}

    def __iter__(self) -> Iterator[Any]:
        self.inner["epoch"] += 1
        return iter(np.random.default_rng(self.inner["epoch"]).permutation(len(self)).tolist())

    def state_dict(self) -> dict[str, Any]:
        return dict(self.inner)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.inner = dict(state)


class Told(Counting):
    """Counts nothing, and is told the epoch, as `DistributedSampler` is."""

    def __iter__(self) -> Iterator[Any]:
        return iter(np.random.default_rng(self.epoch).permutation(len(self)).tolist())

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch


class Drawing(Counting):
    """Draws the orders from a generator of its own."""

    def __init__(self, generator: Any) -> None:
        self.generator = generator

    def __iter__(self) -> Iterator[Any]:
        indices = list(range(len(self)))
        self.generator.shuffle(indices)
        return iter(indices)


class Batches(Counting):
    """Batches of indices, from another sampler or by its own count."""

    def __init__(self, sampler: Any = None) -> None:
        super().__init__()
        self.sampler = sampler

    def __len__(self) -> int:
        return 8

    def __iter__(self) -> Iterator[Any]:
        self.epoch += 1
        order = np.random.default_rng(self.epoch).permutation(400) if self.sampler is None else [*self.sampler]
        return iter(np.reshape(order, (8, 50)).tolist())


class OwnLoader(Counting):
    """A loader that is no DataLoader."""

    def __len__(self) -> int:
        return 8

    def __iter__(self) -> Iterator[Any]:
        self.epoch += 1
        generator = wg.Generator().manual_seed(self.epoch)
        return iter(DataLoader(SyntheticFashion(size=400), 50, shuffle=True, generator=generator))


def loader_of(sampler: Any) -> DataLoader:
    return DataLoader(SyntheticFashion(size=400), 50, sampler=sampler)


def loader_of_batches(sampler: Any) -> DataLoader:
    return DataLoader(SyntheticFashion(size=400), batch_sampler=Batches(sampler))


LOADERS: dict[str, Callable[[], Any]] = {
    "counting": lambda: loader_of(Counting()),
    "telling": lambda: loader_of(Telling()),
    "told": lambda: loader_of(Told()),
    "drawing from NumPy": lambda: loader_of(Drawing(np.random.Generator(np.random.Philox(3)))),
    "drawing from Python": lambda: loader_of(Drawing(random.Random(3))),
    "batches": lambda: loader_of_batches(None),
    "batches of a sampler": lambda: loader_of_batches(Counting()),
    "batches of a sampler that is told": lambda: loader_of_batches(Told()),
    "a loader of one's own": OwnLoader,
}


class Sampled(Fashion):
    """The data of `Fashion` through another loader."""

    def __init__(self, loader: Any) -> None:
        super().__init__()
        self.train = loader

    def train_dataloader(self) -> Any:
        return self.train


@pytest.mark.parametrize("name", LOADERS)
def test_samplers_go_on_where_they_were(tmp_path: Path, name: str) -> None:
    wg.manual_seed(1)
    whole = fit(tmp_path / "whole", Task(), 4, Sampled(LOADERS[name]()))
    path = tmp_path / "whole" / "epoch-0002"
    resumed = fit(tmp_path / "resumed", Task(), 4, Sampled(LOADERS[name]()), resume=path)
    assert metrics_of(resumed) == metrics_of(whole)
    np.testing.assert_equal(state_of(resumed), state_of(whole))


def test_whoever_wants_to_know_is_told_the_epoch(tmp_path: Path) -> None:
    told: list[tuple[str, int]] = []

    class Listening:
        def __init__(self, name: str, count: int) -> None:
            self.name, self.count = name, count

        def __len__(self) -> int:
            return self.count

        def set_epoch(self, epoch: int) -> None:
            told.append((self.name, epoch))

        def __iter__(self) -> Iterator[Any]:
            return iter(range(self.count))

    class Both(Fashion):
        def train_dataloader(self) -> Any:
            return DataLoader(self.images, 50, sampler=Listening("train", 400))

        def val_dataloader(self) -> Any:
            return DataLoader(self.images, 50, sampler=Listening("val", 100))

    fit(tmp_path, Task(), 2, Both())
    assert told == [("train", 0), ("val", 0), ("train", 1), ("val", 1)]
    fit(tmp_path / "on", Task(), 3, Both(), resume=tmp_path / "epoch-0002")
    assert told[4:] == [("train", 2), ("val", 2)]


def test_a_sampler_of_another_kind_or_state_is_refused(tmp_path: Path) -> None:
    fit(tmp_path, Task(), 1, Sampled(loader_of(Counting())))
    path = tmp_path / "epoch-0001"
    assert "samplers were ['train_dataloader.sampler'] in it and are [] here" in refused(path, data=Fashion(None))
    other = Counting()
    other.position = 0
    assert "expected the keys ['epoch', 'name', 'position', 'seed'], found the keys ['epoch', 'name', 'seed']" in (
        refused(path, data=Sampled(loader_of(other)))
    )
    state = json.loads((path / "state.json").read_bytes())
    for k, wrong in enumerate(([], None, {"seed": [3], "epoch": 1, "name": "mine"}, {"seed": 3})):
        state["samplers"]["train_dataloader.sampler"] = wrong
        forged = with_contents(path, tmp_path / f"forged-{k}", state=json.dumps(state).encode())
        reason = refused(forged, data=Sampled(loader_of(Counting())))
        assert "train_dataloader.sampler: expected the keys ['epoch', 'name', 'seed']" in reason


def test_a_state_that_json_does_not_have_is_an_error(tmp_path: Path) -> None:
    class Wrong(Telling):
        def state_dict(self) -> dict[str, Any]:
            return {"epoch": wg.tensor(1)}

    with pytest.raises(CheckpointError, match=r"the state of a callback or a sampler is not of JSON's types: .*Tensor"):
        fit(tmp_path, Task(), 1, Sampled(loader_of(Wrong())))
    assert checkpoint.find(tmp_path) == []


# ---------------------------------------------------------------- callbacks and directories


def test_a_stop_by_a_callback_is_remembered(tmp_path: Path) -> None:
    class Stop(Callback):
        def on_epoch_end(self, trainer: Trainer, metrics: dict[str, float]) -> None:
            trainer.should_stop = trainer.epoch == 2

    fit(tmp_path, Task(), 5, callbacks=[Stop()])
    assert fit(tmp_path / "resumed", Task(), 5, callbacks=[Stop()], resume=tmp_path / "epoch-0002").epoch == 2


def test_only_the_newest_checkpoints_stay(tmp_path: Path) -> None:
    trainer = fit(tmp_path, Task(), 3)
    (tmp_path / ".epoch-0007.1.0123.part").mkdir()  # of a process that was killed
    checkpoint.save(tmp_path, trainer, keep=2)
    assert sorted(os.listdir(tmp_path)) == ["epoch-0002", "epoch-0003"]
    assert [path.name for path in checkpoint.find(tmp_path)] == ["epoch-0002", "epoch-0003"]


def test_what_was_just_saved_stays_beside_higher_numbers(tmp_path: Path) -> None:
    trainer = fit(tmp_path / "other", Task(), 3)
    for number in (1, 2, 5, 8, 9):
        shutil.copytree(tmp_path / "other" / "epoch-0001", tmp_path / f"epoch-{number:04d}")
    path = checkpoint.save(tmp_path, trainer, keep=2)
    assert path == tmp_path / "epoch-0003"
    assert [path.name for path in checkpoint.find(tmp_path)] == [f"epoch-000{k}" for k in (2, 3, 5, 8, 9)]
    assert fit(tmp_path / "again", Task(), 3, resume=path).epoch == 3
    with pytest.raises(ValueError, match="expected keep >= 1, got 0"):
        checkpoint.save(tmp_path, trainer, keep=0)


def test_what_is_no_checkpoint_stays(tmp_path: Path) -> None:
    trainer = fit(tmp_path / "other", Task(), 3)
    directory = tmp_path / "mine"
    (directory / "epoch-0001").mkdir(parents=True)
    (directory / "epoch-0001" / "photo.png").write_bytes(b"a picture")
    (directory / "epoch-0002").write_text("notes")
    (directory / ".epoch-holiday.part").mkdir()
    shutil.copytree(tmp_path / "other" / "epoch-0001", directory / "epoch-0000")
    (directory / "epoch-0000" / "remarks.txt").write_text("the best so far")
    before = sorted(path.relative_to(directory) for path in directory.rglob("*"))
    path = checkpoint.save(directory, trainer, keep=1)
    shutil.rmtree(path)
    assert sorted(path.relative_to(directory) for path in directory.rglob("*")) == before
    for epoch in (0, 1, 2):
        trainer.epoch = epoch
        with pytest.raises(FileExistsError, match=r"the name is taken by what is no checkpoint: .*epoch-000\d'$"):
            checkpoint.save(directory, trainer)
    assert sorted(path.relative_to(directory) for path in directory.rglob("*")) == before


def test_epochs_are_ordered_as_numbers(tmp_path: Path) -> None:
    for name in ("epoch-9999", "epoch-10000", "epoch-0002", "epoch-x", "other"):
        (tmp_path / name).mkdir()
    assert [path.name for path in checkpoint.find(tmp_path)] == ["epoch-0002", "epoch-9999", "epoch-10000"]


def test_the_sums_are_those_of_sha256sum(tmp_path: Path) -> None:
    fit(tmp_path, Task(), 1)
    for line in (tmp_path / "epoch-0001" / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((tmp_path / "epoch-0001" / name).read_bytes()).hexdigest() == digest


# ---------------------------------------------------------------- what is refused


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("good")
    fit(directory, Task(), 1)
    return directory / "epoch-0001"


def refused(path: Path, task: Task | None = None, data: Any = None, callbacks: Any = ()) -> str:
    """The reason for which a trainer does not take a checkpoint, after a look that it has changed nothing."""
    trainer = Trainer(3, progress=False, callbacks=[*callbacks, Saving(path.parent / "unused")])
    task = task or Task()
    before = {name: x.numpy().copy() for name, x in task.state_dict().items()}
    with pytest.raises(CheckpointError) as error:
        trainer.fit(task, data or Fashion(), resume=path)
    np.testing.assert_equal({name: x.numpy() for name, x in task.state_dict().items()}, before)
    assert trainer.epoch == 0
    return str(error.value)


@pytest.mark.parametrize("name", ["weights.safetensors", "optimizer.safetensors", "state.json"])
@pytest.mark.parametrize("damage", ["flip", "truncate", "append", "remove"])
def test_a_damaged_file_is_named(good: Path, tmp_path: Path, name: str, damage: str) -> None:
    path = tmp_path / "epoch-0001"
    shutil.copytree(good, path)
    content = (path / name).read_bytes()
    middle = len(content) // 2
    damaged = {
        "flip": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        "truncate": content[:-1],
        "append": content + b"\0",
    }
    if damage == "remove":
        (path / name).unlink()
    else:
        (path / name).write_bytes(damaged[damage])
    reason = refused(path)
    assert str(path) in reason
    assert "is damaged" in reason
    assert name in reason


def test_what_is_no_checkpoint_is_refused(good: Path, tmp_path: Path) -> None:
    assert "is not a checkpoint: it has no SHA256SUMS" in refused(tmp_path / "missing")
    assert "is not a checkpoint" in refused(good / "weights.safetensors")
    shutil.copytree(good, tmp_path / "sums")
    (tmp_path / "sums" / "SHA256SUMS").write_bytes(b"\xff\xfe nonsense")
    assert "SHA256SUMS is damaged" in refused(tmp_path / "sums")


def with_contents(good: Path, path: Path, **contents: bytes) -> Path:
    """A copy of a checkpoint with other files and the right sums: forged, not damaged."""
    shutil.copytree(good, path)
    names = {"weights": "weights.safetensors", "optimizer": "optimizer.safetensors", "state": "state.json"}
    for key, content in contents.items():
        (path / names[key]).write_bytes(content)
    sums = [f"{hashlib.sha256((path / name).read_bytes()).hexdigest()}  {name}\n" for name in names.values()]
    (path / "SHA256SUMS").write_text("".join(sums))
    return path


def test_files_with_foreign_contents_are_refused(good: Path, tmp_path: Path) -> None:
    import pickle

    huge = (1 << 60).to_bytes(8, "little") + b"{}"
    for k, weights in enumerate((b"", huge, b"\x80\x04." * 9, pickle.dumps({"net.1.weight": [1.0]}))):
        path = with_contents(good, tmp_path / str(k), weights=weights)
        assert "is not a safetensors file that can be read" in refused(path)
    for k, state in enumerate((b"", b"[]", b"{", b"\xff", b'{"epoch": 1}')):
        path = with_contents(good, tmp_path / f"state-{k}", state=state)
        assert "is not the state of a checkpoint" in refused(path)
    path = with_contents(good, tmp_path / "later", state=b'{"format": "wengert checkpoint 2"}')
    assert "has the format 'wengert checkpoint 2'; this version reads" in refused(path)


def test_a_checkpoint_of_something_else_is_refused(good: Path) -> None:
    other = Task()
    other.net = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    assert "the model's tensors were" in refused(good, other)
    assert "float64" in refused(good, Task().double())
    assert "optimizers were SGD in it and are Adam here" in refused(good, Task(OPTIMIZERS["adam"]))
    assert "batches per epoch were 8 in it and are 16 here" in refused(good, data=Fashion(batch_size=25))
    assert "callbacks were ['Saving'] in it and are ['EarlyStopping', 'Saving']" in refused(
        good, callbacks=[EarlyStopping()]
    )
    assert "random generators were" in refused(good, data=Fashion(None))


def test_groups_of_another_optimizer_are_refused(good: Path) -> None:
    def grouped(params: Any) -> Any:
        first, *rest = params
        return optim.SGD([{"params": [first]}, {"params": rest}], lr=0.1)

    trainer = Trainer(3, progress=False, callbacks=[Saving(good.parent / "unused")])
    with pytest.raises(CheckpointError, match="does not fit: load_state_dict: the state has groups"):
        trainer.fit(Task(grouped), Fashion(), resume=good)


def test_a_model_that_hides_its_parameters_cannot_be_saved(tmp_path: Path) -> None:
    class Hidden(Task):
        def __init__(self) -> None:
            super().__init__()
            self.extra = (wg.ones(1, requires_grad=True),)

        def configure_optimizers(self) -> Any:
            return optim.SGD([*self.parameters(), *self.extra], lr=0.1)

    with pytest.raises(
        CheckpointError, match=r"Hidden trains tensors that its state does not have; make them nn\.Parameter"
    ):
        fit(tmp_path, Hidden(), 1)


# ---------------------------------------------------------------- disks; test_faults has the kills


def test_a_failed_save_leaves_the_last_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = fit(tmp_path, Task(), 2)
    before = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
    trainer.epoch = 3
    real = os.fsync
    for failing in range(5):
        calls = []

        def full(descriptor: int, failing: int = failing, calls: list[int] = calls) -> None:
            calls.append(descriptor)
            if len(calls) == failing + 1:
                raise OSError(28, "No space left on device")
            real(descriptor)

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left on device"):
            checkpoint.save(tmp_path, trainer)
        assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == before
