"""The trainer, its history and its callbacks."""

from __future__ import annotations

import doctest
import importlib
import math
import pkgutil
import signal
import subprocess
import sys
import threading
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import files, nn, optim, train
from wengert.data import DataLoader, TensorDataset
from wengert.optim import lr_scheduler
from wengert.train import (
    BestCheckpoint,
    Callback,
    EarlyStopping,
    History,
    Means,
    PlotCurves,
    Schedule,
    Trainer,
    checkpoint,
)


class Line(nn.Module):
    """y = w x + b, its squared error, and the absolute error as a further metric."""

    def __init__(self, lr: float = 0.1, momentum: float = 0.0) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1)
        self.lr, self.momentum = lr, momentum

    def training_step(self, batch: Any) -> Any:
        x, y = batch
        error = self.layer(x) - y
        return (error**2).mean(), {"error": float(error.detach().abs().mean())}

    validation_step = training_step

    def configure_optimizers(self) -> Any:
        return optim.SGD(self.parameters(), lr=self.lr, momentum=self.momentum)


class Points:
    """Points of y = 2 x + 1, the last batch smaller than the others."""

    def __init__(self, count: int = 25, batch_size: int = 10, validate: bool = True) -> None:
        x = wg.linspace(-1, 1, count).unsqueeze(1)
        self.set, self.batch_size, self.validate = TensorDataset(x, 2 * x + 1), batch_size, validate

    def train_dataloader(self) -> Any:
        return DataLoader(self.set, self.batch_size, shuffle=True)

    def val_dataloader(self) -> Any:
        return DataLoader(self.set, 7) if self.validate else None


def fit(epochs: int = 3, model: Any = None, data: Any = None, **options: Any) -> Trainer:
    wg.manual_seed(0)
    trainer = Trainer(epochs, progress=False, **options)
    trainer.fit(model or Line(), data or Points())
    return trainer


# ---------------------------------------------------------------- the loop


def test_fit_returns_the_history_and_learns() -> None:
    trainer = Trainer(50, progress=False)
    history = trainer.fit(model := Line(), Points())
    assert history is trainer.history
    assert history["epoch"] == list(range(1, 51))
    assert history.names() == ["epoch", "train_loss", "train_error", "val_loss", "val_error", "seconds"]
    assert history["val_loss"][-1] < 1e-5 < history["val_loss"][0]
    assert model.layer.weight.item() == pytest.approx(2, abs=0.01)
    assert (trainer.epoch, trainer.train_batch_idx, trainer.val_batch_idx) == (50, 150, 200)
    assert (trainer.num_train_batches, trainer.num_val_batches) == (3, 4)


def test_metrics_are_means_over_examples_and_not_over_batches() -> None:
    class Batch(Line):
        def training_step(self, batch: Any) -> Any:
            loss, _ = super().training_step(batch)
            return loss * 0, {"size": float(len(batch[0]))}

        validation_step = training_step

    history = fit(1, Batch()).history
    assert history["train_size"] == [(10 * 10 + 10 * 10 + 5 * 5) / 25]
    assert history["val_size"] == [(3 * 7 * 7 + 4 * 4) / 25]


def test_validation_neither_records_nor_trains_nor_drops() -> None:
    seen = []

    class Watch(Line):
        def validation_step(self, batch: Any) -> Any:
            seen.append((wg.is_grad_enabled(), self.training, self.layer.training))
            return super().training_step(batch)

    trainer = fit(1, Watch())
    assert set(seen) == {(False, False, False)}
    assert trainer.model.training


def test_without_validation_data_there_are_no_such_metrics() -> None:
    trainer = fit(1, data=Points(validate=False))
    assert trainer.history.names() == ["epoch", "train_loss", "train_error", "seconds"]
    assert trainer.num_val_batches == 0


def test_loaders_without_a_length_are_fine() -> None:
    class Stream(Points):
        def train_dataloader(self) -> Any:
            loader = super().train_dataloader()

            class Once:
                def __iter__(self) -> Any:
                    return iter(loader)

            return Once()

    trainer = Trainer(1, progress=True)
    assert len(trainer.fit(Line(), Stream())) == 1
    assert trainer.num_train_batches is None


def test_no_epochs_give_an_empty_history() -> None:
    assert len(fit(0).history) == 0


@pytest.mark.parametrize(("epochs", "clip"), [(-1, 0.0), (1, -1.0)])
def test_negative_limits_are_refused(epochs: int, clip: float) -> None:
    with pytest.raises(ValueError, match="max_epochs and gradient_clip_val >= 0"):
        Trainer(epochs, gradient_clip_val=clip)


def test_gradients_are_clipped_to_the_norm() -> None:
    moved = []

    class Watch(Callback):
        def on_step_end(self, trainer: Trainer, loss: float) -> None:
            parameters = np.concatenate([p.detach().numpy().ravel().copy() for p in trainer.model.parameters()])
            moved.append(parameters)

    fit(2, Line(lr=1.0), gradient_clip_val=0.125, callbacks=[Watch()])
    steps = np.linalg.norm(np.diff(moved, axis=0), axis=1)
    assert steps.max() == pytest.approx(0.125, rel=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_batches_come_in_the_dtype_of_the_model(dtype: str) -> None:
    seen = set()

    class Watch(Line):
        def training_step(self, batch: Any) -> Any:
            seen.update(x.dtype for x in batch)
            return super().training_step(batch)

    fit(1, Watch().to(dtype=dtype))
    assert seen == {np.dtype(dtype)}


def test_integer_labels_stay_integers() -> None:
    trainer = Trainer(1, progress=False)
    trainer.prepare_model(Line().double())
    x, (y, z) = trainer.prepare_batch([wg.ones(2), (wg.tensor([1, 2]), "text")])
    assert (x.dtype, y.dtype, z) == (np.float64, np.int64, "text")


def test_lazy_layers_get_their_size_before_the_optimizer_is_made() -> None:
    class Lazy(Line):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.LazyLinear(1)

        def forward(self, x: wg.Tensor) -> wg.Tensor:
            return self.layer(x)

    assert fit(1, Lazy()).model.layer.weight.shape == (1, 1)


def test_a_loss_that_is_not_finite_stops_training_and_names_the_step() -> None:
    with pytest.raises(train.DivergenceError, match=r"the loss is (nan|inf) at step \d+ \(epoch \d+\)"):
        fit(100, Line(lr=1e3))
    assert fit(100, Line(lr=1e3), stop_on_divergence=False).epoch == 100


def test_training_that_diverges_names_the_operation_and_the_line() -> None:
    class Logarithmic(Line):
        def training_step(self, batch: Any) -> Any:
            return wg.log(self.layer(batch[0]) - 1e6).mean()

    with pytest.raises(train.DivergenceError, match=r"loss is nan at step 1 .*log: its result .*test_train\.py:\d+"):
        fit(1, Logarithmic())

    class Spoiled(Line):
        def training_step(self, batch: Any) -> Any:
            self.layer.bias.data.fill_(math.inf)
            return super().training_step(batch)

    with pytest.raises(train.DivergenceError, match=r"addmm: its result .*the update before left layer\.bias not"):
        fit(1, Spoiled())


def test_a_user_s_own_optimizer_may_change_leaves_in_place() -> None:
    class Plain:
        def __init__(self, params: list[Any]) -> None:
            self.params = params

        def zero_grad(self) -> None:
            for p in self.params:
                p.grad = None

        def step(self) -> None:
            for p in self.params:
                p -= 0.1 * p.grad

    class Own(Line):
        def configure_optimizers(self) -> Any:
            return Plain(list(self.parameters()))

    def losses(model: type[Line]) -> list[float]:
        wg.manual_seed(1)
        return fit(2, model()).history["train_loss"]

    assert losses(Own) == losses(Line)


def test_fitting_again_starts_again() -> None:
    trainer = fit(2)
    trainer.fit(Line(), Points())
    assert trainer.history["epoch"] == [1, 2]


# ---------------------------------------------------------------- interrupts


class InterruptAt(Callback):
    """Press Ctrl-C in a step."""

    def __init__(self, step: int, times: int = 1) -> None:
        self.step, self.times = step, times

    def on_step_end(self, trainer: Trainer, loss: float) -> None:
        if trainer.train_batch_idx == self.step:
            for _ in range(self.times):
                signal.raise_signal(signal.SIGINT)


def test_ctrl_c_ends_after_the_step_and_keeps_complete_epochs() -> None:
    trainer = fit(5, callbacks=[InterruptAt(7)])
    assert trainer.interrupted
    assert (trainer.epoch, trainer.train_batch_idx, len(trainer.history)) == (2, 7, 2)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_does_not_wait() -> None:
    with pytest.raises(KeyboardInterrupt):
        fit(5, callbacks=[InterruptAt(7, times=2)])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_while_validating_drops_the_epoch() -> None:
    class Stop(Line):
        def validation_step(self, batch: Any) -> Any:
            if self.count == 6:
                signal.raise_signal(signal.SIGINT)
            self.count += 1
            return super().training_step(batch)

        count = 0

    trainer = fit(5, Stop())
    assert trainer.interrupted
    assert (trainer.epoch, trainer.model.count) == (1, 7)


def test_a_program_s_own_handler_is_left_alone() -> None:
    calls = []
    before = signal.signal(signal.SIGINT, lambda *_: calls.append(1))
    try:
        trainer = fit(3, callbacks=[InterruptAt(4)])
    finally:
        signal.signal(signal.SIGINT, before)
    assert (calls, trainer.epoch) == ([1], 3)


def test_training_in_another_thread_leaves_signals_alone() -> None:
    trainers: list[Trainer] = []
    thread = threading.Thread(target=lambda: trainers.append(fit(2)))
    thread.start()
    thread.join()
    assert trainers[0].epoch == 2


# ---------------------------------------------------------------- history and means


def test_history_survives_csv_to_the_last_digit() -> None:
    rows = [{"epoch": 1, "train_loss": 1 / 3, "lr": 0.1}, {"epoch": 2, "train_loss": math.inf}]
    history = History.from_csv(History(rows).to_csv())
    assert history.rows == rows
    assert isinstance(history.rows[0]["epoch"], int)
    assert math.isnan(history["lr"][1])


def test_a_damaged_csv_is_refused() -> None:
    for text in ("epoch,loss\n1\n", "epoch,loss\n1,2,3\n", "epoch,loss\n1,high\n"):
        with pytest.raises(ValueError, match=r"line 2|could not convert"):
            History.from_csv(text)


def test_an_unknown_metric_is_told_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match="no metric 'acc'; there are epoch, loss"):
        History([{"epoch": 1, "loss": 2.0}])["acc"]
    with pytest.raises(KeyError, match="none yet"):
        History()["acc"]


def test_the_table_is_aligned() -> None:
    lines = History([{"epoch": 9, "loss": 0.5, "seconds": 1.0}, {"epoch": 10, "loss": 12.25}]).table().splitlines()
    assert lines == ["epoch     loss  seconds", "    9   0.5000     1.00", "   10  12.2500      nan"]


def test_metrics_that_some_batches_lack_are_means_of_the_others() -> None:
    means = Means()
    means.add({"loss": 1.0, "rare": 4.0}, 2)
    means.add({"loss": 4.0}, 1)
    assert means.result("val_") == {"val_loss": 2.0, "val_rare": 4.0}
    assert Means().result() == {}


# ---------------------------------------------------------------- callbacks


def test_callbacks_are_told_in_order() -> None:
    told: list[str] = []

    class Tell(Callback):
        def on_fit_start(self, trainer: Trainer) -> None:
            told.append(f"start {type(trainer.optim).__name__}")

        def on_step_end(self, trainer: Trainer, loss: float) -> None:
            told.append("step")

        def on_epoch_end(self, trainer: Trainer, metrics: dict[str, float]) -> None:
            told.append(f"epoch {metrics['epoch']} {trainer.epoch}")
            metrics["mine"] = 5.0

        def on_epoch_complete(self, trainer: Trainer) -> None:
            told.append(f"complete {trainer.history['mine'][-1]}")

        def on_fit_end(self, trainer: Trainer) -> None:
            told.append("end")

    fit(2, callbacks=[Tell()])
    epoch = ["step"] * 3
    assert told == ["start SGD", *epoch, "epoch 1 1", "complete 5.0", *epoch, "epoch 2 2", "complete 5.0", "end"]


def test_callbacks_hear_of_the_end_after_an_error() -> None:
    told = []

    class Tell(Callback):
        def on_step_end(self, trainer: Trainer, loss: float) -> None:
            raise RuntimeError("from the callback")

        def on_fit_end(self, trainer: Trainer) -> None:
            told.append("end")

    with pytest.raises(RuntimeError, match="from the callback"):
        fit(2, callbacks=[Tell()])
    assert told == ["end"]


class Replay(Callback):
    """Replaces the validation loss by a list of values."""

    def __init__(self, values: list[float]) -> None:
        self.values = values

    def on_epoch_end(self, trainer: Trainer, metrics: dict[str, float]) -> None:
        metrics["val_loss"] = self.values[trainer.epoch - 1]


@pytest.mark.parametrize(
    ("values", "options", "last"),
    [
        ([5, 4, 3, 3, 3, 2, 1, 0, 0, 0], {"patience": 2}, 5),
        ([5, 4, 3, 3, 3, 2, 1, 0, 0, 0], {"patience": 3}, 10),
        ([5, 4.9, 4.8, 4.7, 4.6, 0, 0, 0, 0, 0], {"patience": 3, "min_delta": 0.5}, 4),
        ([1, 2, 3, 3, 3, 9, 9, 9, 9, 9], {"patience": 2, "mode": "max"}, 5),
        ([math.nan, math.nan, 1, 0, math.nan, math.nan, math.nan, 0, 0, 0], {"patience": 3}, 7),
    ],
)
def test_early_stopping_waits_for_its_patience(values: list[float], options: dict[str, Any], last: int) -> None:
    trainer = fit(10, callbacks=[Replay(values), EarlyStopping(**options)])
    assert trainer.epoch == last


def test_best_checkpoint_keeps_the_weights_of_the_best_epoch(tmp_path: Path) -> None:
    weights = []

    class Watch(Callback):
        def on_epoch_end(self, trainer: Trainer, metrics: dict[str, float]) -> None:
            weights.append(trainer.model.layer.weight.item())

    best = BestCheckpoint(tmp_path / "best.safetensors")
    fit(5, callbacks=[Watch(), Replay([3, 1, 2, 1, 4]), best])
    assert (best.best, best.best_epoch) == (1, 2)
    kept = checkpoint.parse_tensors((tmp_path / "best.safetensors").read_bytes(), "best")
    assert kept["layer.weight"].item() == weights[1]


def test_accuracies_are_better_when_larger() -> None:
    assert (EarlyStopping("val_accuracy").mode, EarlyStopping("val_acc").mode, EarlyStopping("val_loss").mode) == (
        "max", "max", "min",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: EarlyStopping(mode="best"), "mode is 'min' or 'max', got 'best'"),
        (lambda: EarlyStopping(patience=0), "patience >= 1"),
        (lambda: Schedule(lambda o, t: None, every="hour"), "every is 'epoch' or 'step', got 'hour'"),  # type: ignore[arg-type,return-value]
    ],
)
def test_wrong_options_of_callbacks_are_told(make: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        make()


def test_watching_a_metric_that_is_not_there_tells_those_that_are() -> None:
    with pytest.raises(KeyError, match=r"no metric 'val_acc' to watch; there are epoch, train_loss"):
        fit(2, callbacks=[EarlyStopping("val_acc")])


def test_a_schedule_by_epochs_sets_the_rates() -> None:
    schedule = Schedule(lambda optimizer, trainer: lr_scheduler.StepLR(optimizer, 2, 0.5))
    assert fit(5, callbacks=[schedule]).history["lr"] == [0.1, 0.1, 0.05, 0.05, 0.025]


def test_a_schedule_by_steps_ends_where_it_should() -> None:
    def cosine(optimizer: Any, trainer: Trainer) -> Any:
        assert trainer.num_train_batches is not None
        return lr_scheduler.CosineAnnealingLR(optimizer, trainer.max_epochs * trainer.num_train_batches)

    rates = fit(4, callbacks=[Schedule(cosine, "step")]).history["lr"]
    np.testing.assert_allclose(rates, [0.05 * (1 + math.cos(math.pi * k / 4)) for k in (1, 2, 3, 4)], atol=1e-15)


def test_a_schedule_can_watch_a_plateau() -> None:
    schedule = Schedule(lambda o, _: lr_scheduler.ReduceLROnPlateau(o, factor=0.5, patience=0))
    history = fit(4, callbacks=[Replay([1, 2, 3, 4]), schedule]).history
    assert history["lr"] == [0.1, 0.1, 0.05, 0.025]


def test_curves_are_drawn_after_each_epoch(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    sizes = []

    class Watch(Callback):
        def on_step_end(self, trainer: Trainer, loss: float) -> None:
            sizes.append((tmp_path / "curves.svg").exists())

    fit(2, callbacks=[PlotCurves(tmp_path / "curves.svg"), Watch()])
    assert sizes == [False] * 3 + [True] * 3
    assert b"<svg" in (tmp_path / "curves.svg").read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["curves.svg"]


# ---------------------------------------------------------------- progress, extras, examples


def test_progress_without_tqdm_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(ImportError, match=r"pip install 'wengert\[train\]'; progress=False does without"):
        Trainer(1).fit(Line(), Points())
    assert fit(1).epoch == 1


@pytest.mark.parametrize(("package", "what"), [("matplotlib.figure", "pictures"), ("safetensors.numpy", "safetensors")])
def test_a_missing_package_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, package: str, what: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"{what} .*: pip install 'wengert\[train\]'"):
        train.plots.new_figure(1, 1) if what == "pictures" else files.format_tensors({})


def test_training_imports_neither_plots_nor_progress() -> None:
    script = (
        "import sys, wengert.train, wengert.d2l\n"
        "print(sorted({'matplotlib', 'tqdm', 'safetensors', 'PIL', 'IPython', 'pandas'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert out == "[]\n"


def modules_of(package: types.ModuleType) -> list[str]:
    return [package.__name__, *(f"{package.__name__}.{m.name}" for m in pkgutil.iter_modules(package.__path__))]


@pytest.mark.parametrize("name", [*modules_of(train), *modules_of(wg.d2l), "wengert.data.images", "wengert.examples"])
def test_examples_in_docstrings_hold(name: str) -> None:
    wg.manual_seed(0)
    assert doctest.testmod(importlib.import_module(name), extraglobs={"wg": wg}).failed == 0
