"""Training with compiled updates: the same bits as without, in losses, weights, states and history."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import nn, optim
from wengert.compiling import CompileError
from wengert.data import DataLoader, SyntheticFashion, TensorDataset
from wengert.optim import lr_scheduler
from wengert.train import (
    Callback,
    Classification,
    DivergenceError,
    History,
    Schedule,
    Trainer,
    checkpoint,
    mlp,
    softmax_regression,
)


class Pictures:
    """250 pictures in batches of 64: the last one has 58."""

    def __init__(self) -> None:
        self.generator = wg.Generator().manual_seed(1)

    def train_dataloader(self) -> Any:
        return DataLoader(SyntheticFashion(size=250), 64, shuffle=True, generator=self.generator)

    def val_dataloader(self) -> Any:
        return DataLoader(SyntheticFashion(train=False, size=100), 40)


class ByAdam(Classification):
    def configure_optimizers(self) -> Any:
        return optim.Adam(self.parameters(), lr=self.lr / 10, weight_decay=self.weight_decay)


class Keep(Callback):
    """Every loss, and that it is the trainer's."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def on_step_end(self, trainer: Trainer, loss: float) -> None:
        self.losses.append(loss)


def bits(x: Any) -> Any:
    return (x.shape, x.dtype, x.detach().numpy().tobytes()) if isinstance(x, wg.Tensor) else x


def left_by(trainer: Trainer) -> dict[str, Any]:
    """All that a training leaves: parameters with gradients, the optimizer's state, the history but for its times."""
    parameters = {name: (bits(p), bits(p.grad)) for name, p in trainer.model.named_parameters()}
    saved = trainer.optim.state_dict()
    state = {k: {name: bits(x) for name, x in entries.items()} for k, entries in saved["state"].items()}
    rows = [{name: value for name, value in row.items() if name != "seconds"} for row in trainer.history.rows]
    names = [list(row) for row in rows]
    return {"parameters": parameters, "state": state, "groups": saved["param_groups"], "rows": rows, "names": names}


def fit(kind: type[Classification], net: str, compile: bool, epochs: int = 4, **options: Any) -> tuple[Trainer, Keep]:
    wg.manual_seed(0)
    model = kind(mlp([32]) if net == "mlp" else softmax_regression(), lr=0.1, momentum=0.9, weight_decay=1e-3)
    keep = Keep()
    callbacks = [keep, *options.pop("callbacks", ())]
    trainer = Trainer(epochs, progress=False, compile=compile, callbacks=callbacks, **options)
    trainer.fit(model, Pictures())
    return trainer, keep


def one_cycle(optimizer: Any, trainer: Any) -> Any:
    return lr_scheduler.OneCycleLR(optimizer, optimizer.param_groups[0]["lr"], trainer.max_epochs * 4)


def programs_of(trainer: Trainer) -> int:
    found: Any = trainer._program
    return found.show().count("program ")


@pytest.mark.parametrize("clip", [0.0, 0.3])
@pytest.mark.parametrize("scheduled", [False, True])
@pytest.mark.parametrize("net", ["softmax", "mlp"])
@pytest.mark.parametrize("kind", [Classification, ByAdam])
def test_all_bits_are_those_of_eager_updates(kind: Any, net: str, scheduled: bool, clip: float) -> None:
    found = []
    for compile in (False, True):
        callbacks = [Schedule(one_cycle, "step")] if scheduled else []
        trainer, keep = fit(kind, net, compile, gradient_clip_val=clip, callbacks=callbacks)
        found.append((keep.losses, left_by(trainer)))
    assert found[0] == found[1]
    assert len(found[0][0]) == 16
    assert programs_of(trainer) == 2  # of the whole batches, and of the last one


def test_layers_that_draw_and_that_move_their_statistics() -> None:
    found = []
    for compile in (False, True):
        wg.manual_seed(0)
        net = nn.Sequential(
            nn.Flatten(), nn.Linear(784, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, 10)
        )
        trainer = Trainer(4, progress=False, compile=compile)
        trainer.fit(ByAdam(net, lr=0.1), Pictures())
        found.append((left_by(trainer), {name: bits(x) for name, x in net.state_dict().items()}))
    assert found[0] == found[1]
    assert programs_of(trainer) == 2


def test_updates_are_eager_unless_asked_for() -> None:
    assert fit(Classification, "mlp", False, 1)[0]._program is None


def test_a_training_that_goes_on_from_a_checkpoint_ends_in_the_same_bits(tmp_path: Path) -> None:
    whole, _ = fit(Classification, "mlp", False)
    checkpoint.save(tmp_path, fit(Classification, "mlp", True, 2)[0])
    wg.manual_seed(5)
    model = Classification(mlp([32]), lr=0.1, momentum=0.9, weight_decay=1e-3)
    trainer = Trainer(4, progress=False, compile=True, callbacks=[Keep()])
    trainer.fit(model, Pictures(), resume=tmp_path / "epoch-0002")
    assert left_by(trainer) == left_by(whole)


class Line(nn.Module):
    """y = w x, its squared error, and two further metrics, tensors."""

    def __init__(self, lr: float = 0.1) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1)
        self.lr = lr
        self.trainer: Any = None

    def attach(self, trainer: Any) -> None:
        self.trainer = trainer

    def training_step(self, batch: Any) -> Any:
        x, y = batch
        error = self.layer(x) - y
        self.trainer.reported["largest"] = error.detach().abs().max()
        return (error**2).mean(), {"error": error.abs().mean(), "size": float(len(x))}

    validation_step = training_step

    def configure_optimizers(self) -> Any:
        return optim.SGD(self.parameters(), lr=self.lr)


def line(lr: float) -> Line:
    wg.manual_seed(0)
    return Line(lr)


class Points:
    def __init__(self, x: Any) -> None:
        self.set = TensorDataset(x, 2 * x + 1)

    def train_dataloader(self) -> Any:
        return DataLoader(self.set, 10)

    def val_dataloader(self) -> Any:
        return DataLoader(self.set, 7)


def fit_line(compile: bool, model: Any = None, x: Any = None, epochs: int = 5, **options: Any) -> Trainer:
    wg.manual_seed(0)
    trainer = Trainer(epochs, progress=False, compile=compile, **options)
    model = model or Line()
    trainer.fit(model, Points(wg.linspace(-1, 1, 25).unsqueeze(1) if x is None else x))
    return trainer


def test_metrics_are_tensors_and_numbers_returned_or_reported() -> None:
    eager, compiled = fit_line(False), fit_line(True)
    assert left_by(eager) == left_by(compiled)
    names = ["epoch", *(f"{part}_{name}" for part in ("train", "val") for name in ("loss", "error", "size", "largest"))]
    assert compiled.history.names() == [*names, "seconds"]
    assert all(type(value) in (int, float) for row in compiled.history.rows for value in row.values())
    assert compiled.history["train_size"] == [9.0] * 5
    assert isinstance(compiled.history, History)


def test_a_step_that_makes_a_number_is_refused_with_its_line() -> None:
    class Number(Line):
        def training_step(self, batch: Any) -> Any:
            loss, _ = super().training_step(batch)
            return loss, {"twice": 2 * loss.item()}

        def validation_step(self, batch: Any) -> Any:
            return super().training_step(batch)

    assert fit_line(False, Number()).epoch == 5
    with pytest.raises(CompileError, match=r"becomes a number at .*test_compiled_training\.py:\d+"):
        fit_line(True, Number())


@pytest.mark.parametrize("late", [False, True])
def test_a_loss_that_is_not_finite_stops_before_the_parameters_change(late: bool) -> None:
    x = wg.linspace(-1, 1, 25).unsqueeze(1)
    if not late:
        x = wg.where(x > 0.99, float("nan"), x)
    found = []
    for compile in (False, True):
        model = line(1e3 if late else 0.1)
        with pytest.raises(DivergenceError) as raised:
            fit_line(compile, model, x, 100)
        state = {name: bits(p) for name, p in model.named_parameters()}
        found.append((str(raised.value), state, model.trainer.train_batch_idx))
    assert found[0] == found[1]


def test_a_loss_that_is_not_finite_goes_on_where_that_is_asked_for() -> None:
    eager, compiled = (fit_line(c, line(1e3), epochs=60, stop_on_divergence=False) for c in (False, True))
    assert repr(eager.history.rows[-1]["train_loss"]) == repr(compiled.history.rows[-1]["train_loss"]) == "nan"
    for p, q in zip(eager.model.parameters(), compiled.model.parameters(), strict=True):
        np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy())
