"""The command line: what it prints, what it leaves behind, and what it does when it is stopped or cannot write."""

from __future__ import annotations

import csv
import functools
import hashlib
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import machine
from wengert.__main__ import main
from wengert.data import SyntheticFashion, fashion, synthetic, write_idx
from wengert.train import Callback, Run, RunError, Settings, Trainer, checkpoint, commands, plots
from wengert.train.plots import rendered

pytest.importorskip("safetensors")
pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

resource = pytest.importorskip("resource") if importlib.util.find_spec("resource") else None

SMALL = ["--hidden", "16", "--batch-size", "100", "--threads", "1", "--no-progress"]


stand_in = functools.cache(SyntheticFashion)
pictures: dict[tuple[Any, ...], bytes] = {}


def drawn_once(figure: Any, form: str) -> bytes:
    """The picture of the first figure that had the same panels: drawing takes longer than training."""
    panels = [(axes.get_xlabel(), axes.get_ylabel(), len(axes.lines), len(axes.images)) for axes in figure.axes]
    key = (form, *figure.get_size_inches(), *panels)
    if key not in pictures:
        pictures[key] = rendered(figure, form)
    return pictures[key]


@pytest.fixture(autouse=True)
def small_stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No files, no network, and a stand-in of 1000 and 300 pictures: every command runs on that.

    No power fails either, so nobody waits for the disk.
    """

    def small(train: bool = True, size: int | None = None, seed: int = 0) -> SyntheticFashion:
        return stand_in(train, 1000 if train else 300, seed)

    def no_network(pooch: Any, url: str) -> None:
        raise OSError("no network in this test")

    monkeypatch.delenv("WENGERT_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(fashion, "_contact", no_network)
    monkeypatch.setattr(synthetic, "SyntheticFashion", small)
    monkeypatch.setattr(commands, "SyntheticFashion", small)
    monkeypatch.setattr(plots, "rendered", drawn_once)
    monkeypatch.setattr(os, "fsync", lambda file: None)


def train(*arguments: object) -> int:
    given = list(map(str, arguments))
    other = "--model" in given and given[given.index("--model") + 1] != "mlp"  # which has layers of its own
    return main(["train", *SMALL[2 if other else 0 :], *given])


def do_at_step(monkeypatch: pytest.MonkeyPatch, step: int, action: Callable[[], Any]) -> None:
    """Let every training of the test call `action` after so many steps."""

    class Act(Callback):
        def on_step_end(self, trainer: Trainer, loss: float) -> None:
            if trainer.train_batch_idx == step:
                action()

    before = Settings.callbacks
    monkeypatch.setattr(Settings, "callbacks", lambda self: [*before(self), Act()])


def weights_of(run: Path, name: str = "weights.safetensors") -> dict[str, np.ndarray]:
    return checkpoint.parse_tensors((run / name).read_bytes(), name)


def metrics_of(run: Path) -> list[dict[str, str]]:
    with open(run / "metrics.csv", newline="") as file:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]


def assert_same_run(first: Path, second: Path) -> None:
    assert metrics_of(first) == metrics_of(second)
    a, b = weights_of(first), weights_of(second)
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], strict=True)


# ---------------------------------------------------------------- train


def test_train_leaves_metrics_curves_and_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    assert train("--epochs", 2, "--out", run) == 0
    assert {"settings.json", "metrics.csv", "curves.png", "weights.safetensors", "confusion.txt"} <= {
        path.name for path in run.iterdir()
    }
    rows = metrics_of(run)
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert {"train_loss", "train_accuracy", "val_loss", "val_accuracy"} < rows[0].keys()
    assert (run / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert {name: x.shape for name, x in weights_of(run).items()} == {
        "net.1.weight": (16, 784), "net.1.bias": (16,), "net.3.weight": (10, 16), "net.3.bias": (10,),
    }  # fmt: skip
    settings = json.loads((run / "settings.json").read_text())
    assert settings["hidden"] == [16]
    assert settings["epochs"] == 2
    assert settings["momentum"] == 0.9
    out = capsys.readouterr().out
    assert re.search(r"^epoch +train_loss +train_accuracy +val_loss +val_accuracy +seconds$", out, re.M)
    assert re.search(r"^Ankle boot( +\d+){10} +\d+\.\d%$", out, re.M)
    assert f"the run is in {run}" in out


def test_the_stand_in_is_announced_at_start_and_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train("--epochs", 0, "--out", tmp_path / "run")
    out = capsys.readouterr().out
    assert out.startswith("This is NOT Fashion-MNIST.")
    assert out.count("This is NOT Fashion-MNIST.") == 2
    assert "no network in this test" in out


def test_the_progress_bar_shows_loss_accuracy_rate_and_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [a for a in SMALL if a != "--no-progress"]
    assert main(["train", *arguments, "--epochs", "1", "--out", str(tmp_path / "run")]) == 0
    shown = capsys.readouterr().err
    assert re.search(
        r"epoch 1/1 100% \|\S+\| \d\d:\d\d<\d\d:\d\d, loss \d\.\d{4}, accuracy 0\.\d{4}, [\d,]+k? images/s", shown
    )
    assert re.search(r"val loss \d\.\d{4}, val accuracy 0\.\d{4}", shown)


def test_compiled_training_leaves_the_same_run(tmp_path: Path) -> None:
    runs = [tmp_path / "eager", tmp_path / "compiled"]
    for run, options in zip(runs, ([], ["--compile"]), strict=True):
        assert train("--epochs", 3, "--batch-size", 64, "--schedule", "onecycle", "--out", run, *options) == 0
    assert_same_run(*runs)


def test_no_progress_keeps_standard_error_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train("--epochs", 1, "--out", tmp_path / "run")
    assert capsys.readouterr().err == ""


def test_runs_get_directories_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    train("--epochs", 0)
    train("--epochs", 0)
    train("--epochs", 0, "--model", "softmax")
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["mlp-16", "mlp-16-2", "softmax"]


def test_a_run_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train("--epochs", 1, "--out", tmp_path)
    before = (tmp_path / "metrics.csv").read_bytes()
    assert train("--epochs", 1, "--seed", 1, "--out", tmp_path) == 1
    assert "holds a run already" in capsys.readouterr().err
    assert (tmp_path / "metrics.csv").read_bytes() == before


SOMEBODYS = {
    "notes": "notes.txt",
    "a picture of that name": "curves.png",
    "a hidden file": ".profile",
    "a download that is under way": ".film.mp4.part",
    "a directory": "checkpoints/epoch-0001/photo.png",
}


@pytest.mark.parametrize("name", SOMEBODYS)
def test_somebodys_directory_is_not_trained_in(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    path = tmp_path / "home" / SOMEBODYS[name]
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    assert train("--epochs", 1, "--out", tmp_path / "home") == 1
    error = capsys.readouterr().err
    assert f"{tmp_path / 'home'} is not empty and not the directory of a run: it has " in error
    assert SOMEBODYS[name].partition("/")[0] in error
    assert files_below(tmp_path / "home") == [str(Path(SOMEBODYS[name]))]
    assert path.read_text() == "mine"


def test_a_directory_that_is_as_good_as_empty_is_trained_in(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    (tmp_path / ".lock").touch()
    (tmp_path / ".settings.json.12345.0badcafe.part").write_bytes(b"of a process that was killed")
    assert train("--epochs", 0, "--out", tmp_path) == 0


def test_a_network_of_many_layers_has_a_name_that_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--hidden", *["4"] * 200, "--epochs", "0", "--no-progress"]) == 0
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["mlp-200-layers"]


def test_a_seed_fixes_everything(tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        train("--epochs", 1, "--seed", seed, "--out", tmp_path / name)
    assert_same_run(tmp_path / "a", tmp_path / "b")
    assert metrics_of(tmp_path / "a") != metrics_of(tmp_path / "c")


def test_float64_is_float64_throughout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train("--epochs", 1, "--dtype", "float64", "--out", tmp_path / "double") == 0
    assert train("--epochs", 1, "--out", tmp_path / "single") == 0
    double, single = weights_of(tmp_path / "double"), weights_of(tmp_path / "single")
    for name in double:
        assert (double[name].dtype, single[name].dtype) == (np.float64, np.float32)
        np.testing.assert_allclose(double[name], single[name], atol=1e-3)
        assert not np.array_equal(double[name], single[name])
    assert main(["evaluate", str(tmp_path / "double")]) == 0


@pytest.mark.parametrize("schedule", ["cosine", "onecycle", "step"])
def test_schedules_change_the_rate_and_are_recorded(tmp_path: Path, schedule: str) -> None:
    train("--epochs", 3, "--schedule", schedule, "--out", tmp_path)
    rates = [float(row["lr"]) for row in metrics_of(tmp_path)]
    expected = {"cosine": [0.075, 0.025, 0.0], "step": [0.1, 0.01, 0.001]}
    if schedule in expected:
        np.testing.assert_allclose(rates, expected[schedule], atol=1e-12)
    else:
        assert rates[0] > rates[1] > rates[2]
        assert rates[2] < 1e-3


def test_patience_ends_training_early(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train("--epochs", 50, "--patience", 1, "--lr", 0, "--out", tmp_path)
    assert len(metrics_of(tmp_path)) == 2
    assert "stopped early after 2 of 50 epochs" in capsys.readouterr().out
    assert train_again(tmp_path) == 0
    assert len(metrics_of(tmp_path)) == 2


def train_again(run: Path) -> int:
    return main(["train", "--resume", str(run), "--no-progress", "--threads", "1"])


def test_divergence_is_told_with_its_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train("--epochs", 3, "--lr", 1e9, "--out", tmp_path) == 1
    error = capsys.readouterr().err
    assert re.search(r"the loss is (nan|inf) at step \d+ \(epoch \d\)", error)
    assert error.endswith("; a smaller --lr may help\n")


# ---------------------------------------------------------------- stopping and going on


def test_ctrl_c_stops_cleanly_with_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    do_at_step(monkeypatch, 23, lambda: signal.raise_signal(signal.SIGINT))
    assert train("--epochs", 5, "--out", tmp_path) == 130
    out = capsys.readouterr().out
    assert "stopped by Ctrl-C in epoch 3, with 2 complete" in out
    assert re.search(r"test loss \d\.\d{4}, test accuracy 0\.\d{4}", out)
    assert len(metrics_of(tmp_path)) == 2
    assert (tmp_path / "curves.png").exists()
    saved = weights_of(tmp_path / "checkpoints" / "epoch-0002")
    assert any(
        not np.array_equal(x, saved[name]) for name, x in weights_of(tmp_path).items()
    )  # of the middle of epoch 3
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_from_outside_ends_with_status_130(tmp_path: Path) -> None:
    script = (
        "import sys; from wengert.__main__ import main; from wengert.data import SyntheticFashion\n"
        "from wengert.train import commands; from wengert.data.synthetic import FashionData\n"
        "small = FashionData(SyntheticFashion(True, 1000), SyntheticFashion(False, 300), False, 'not the real data')\n"
        "commands.fashion_mnist_or_stand_in = lambda root: small\n"
        f"sys.exit(main(['train', '--hidden', '16', '--epochs', '1000000', '--out', {str(tmp_path / 'run')!r}]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    )
    assert process.stderr is not None
    seen = b""
    while b"epoch 3/" not in seen:
        chunk = process.stderr.read(200)
        assert chunk, seen
        seen += chunk
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate()
    assert process.returncode == 130
    assert b"stopped by Ctrl-C" in out
    assert b"the run is in" in out
    assert (tmp_path / "run" / "weights.safetensors").exists()


def test_a_resumed_run_equals_the_uninterrupted_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ["--epochs", 5, "--schedule", "onecycle", "--weight-decay", 1e-4, "--patience", 4]
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    train(*settings, "--out", whole)
    with monkeypatch.context() as patch:
        do_at_step(patch, 36, lambda: signal.raise_signal(signal.SIGINT))  # in the middle of epoch 4
        assert train(*settings, "--out", stopped) == 130
    wg.manual_seed(99)
    assert train_again_with_act(stopped, monkeypatch) == 0
    assert_same_run(whole, stopped)
    np.testing.assert_equal(weights_of(whole, "best.safetensors"), weights_of(stopped, "best.safetensors"))


def train_again_with_act(run: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Resume a run that had the callback of `do_at_step`, which must be there again; it does nothing now."""
    with monkeypatch.context() as patch:
        do_at_step(patch, -1, lambda: None)
        return train_again(run)


def test_a_run_that_was_stopped_before_its_first_epoch_starts_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        do_at_step(patch, 3, lambda: signal.raise_signal(signal.SIGINT))
        assert train("--epochs", 1, "--out", tmp_path / "stopped") == 130
    assert "0 complete" in capsys.readouterr().out
    assert train_again(tmp_path / "stopped") == 0
    train("--epochs", 1, "--out", tmp_path / "whole")
    assert_same_run(tmp_path / "whole", tmp_path / "stopped")


def test_resuming_a_complete_run_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train("--epochs", 1, "--out", tmp_path)
    before = (tmp_path / "weights.safetensors").read_bytes()
    assert train_again(tmp_path) == 0
    assert checkpoint.parse_tensors(before, "before").keys() == weights_of(tmp_path).keys()
    np.testing.assert_equal(weights_of(tmp_path), checkpoint.parse_tensors(before, "before"))


def test_resume_refuses_other_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train("--epochs", 1, "--out", tmp_path)
    refused = ["--lr", "0.5", "--weight-decay", "1", "--hidden", "8", "--out", "elsewhere"]
    with pytest.raises(SystemExit, match="2"):
        main(["train", "--resume", str(tmp_path), *refused, "--epochs", "3"])
    error = capsys.readouterr().err
    assert error.endswith("leave out --hidden, --lr, --weight-decay, --out\n")
    assert len(metrics_of(tmp_path)) == 1


def test_a_finished_run_is_extended_to_what_it_would_have_been(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, run = tmp_path / "whole", tmp_path / "run"
    train("--epochs", 3, "--out", whole)
    train("--epochs", 1, "--out", run)
    again = ["train", "--resume", str(run), "--no-progress", "--threads", "1", "--epochs"]
    assert main([*again, "3"]) == 0
    assert "it is to have 3 epochs now instead of 1" in capsys.readouterr().out
    assert_same_run(whole, run)
    assert json.loads((run / "settings.json").read_text())["epochs"] == 3
    assert main([*again, "2"]) == 1
    assert "--epochs 2: " in capsys.readouterr().err
    assert train_again(run) == 0
    (run / "checkpoints" / "epoch-0003" / "state.json").write_text("damaged")
    before = (run / "settings.json").read_bytes()
    assert main([*again, "4"]) == 1
    assert (run / "settings.json").read_bytes() == before
    train("--epochs", 1, "--schedule", "cosine", "--out", tmp_path / "cosine")
    assert main(["train", "--resume", str(tmp_path / "cosine"), "--no-progress", "--epochs", "2"]) == 1
    assert "only a run with --schedule constant can be extended" in capsys.readouterr().err
    assert json.loads((tmp_path / "cosine" / "settings.json").read_text())["epochs"] == 1


def test_resume_refuses_what_is_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--resume", str(tmp_path)]) == 1
    assert "is not the directory of a run" in capsys.readouterr().err
    (tmp_path / "settings.json").write_text('{"format": "wengert run 99"}')
    assert main(["train", "--resume", str(tmp_path)]) == 1
    assert "'wengert run 99'" in capsys.readouterr().err
    (tmp_path / "settings.json").write_text('{"format": "wengert run 1", "epochs": "many"}')
    assert main(["train", "--resume", str(tmp_path)]) == 1
    assert "epochs cannot be 'many'" in capsys.readouterr().err


def test_a_run_without_its_settings_is_not_resumed_from_anothers_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, other = tmp_path / "run", tmp_path / "other"
    train("--epochs", 2, "--out", run)
    (run / "settings.json").unlink()
    assert train("--epochs", 3, "--seed", 1, "--out", run) == 1
    assert "is not empty and not the directory of a run" in capsys.readouterr().err
    assert train_again(run) == 1
    assert "is not the directory of a run" in capsys.readouterr().err
    train("--epochs", 0, "--seed", 1, "--out", other)
    (run / "checkpoints").rename(other / "checkpoints")
    assert train_again(other) == 1
    error = capsys.readouterr().err
    name = json.loads((other / "settings.json").read_text())["id"]
    assert re.search(
        rf"does not fit: it is of the run '[0-9a-f]{{16}}', and {other}/settings\.json has the id '{name}'", error
    )
    assert f"{other / 'checkpoints' / 'epoch-0002'} cannot be used" in error


def test_a_run_may_move(tmp_path: Path) -> None:
    train("--epochs", 2, "--out", tmp_path / "run")
    (tmp_path / "run").rename(tmp_path / "moved")
    assert train_again(tmp_path / "moved") == 0


def test_settings_may_not_take_the_names_that_the_file_needs(tmp_path: Path) -> None:
    for name in ("format", "id"):
        with pytest.raises(ValueError, match=rf"Run: settings\.json keeps {name} for itself"):
            Run(tmp_path / "run", {name: 1})
    assert not (tmp_path / "run").exists()
    (tmp_path / "settings.json").write_text('{"format": "wengert run 1", "id": 7}')
    with pytest.raises(RunError, match="its id is 7"):
        Run(tmp_path)


# ---------------------------------------------------------------- disks that are full, or not ours


def files_below(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


@pytest.mark.skipif(resource is None, reason="RLIMIT_FSIZE is of Unix")
def test_a_full_disk_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert resource is not None
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    run = tmp_path / "run"
    before: list[str] = []

    def fill() -> None:
        before.extend(files_below(run))
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))

    try:
        with monkeypatch.context() as patch:
            do_at_step(patch, 25, fill)
            status = train("--epochs", 5, "--out", run)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert status == 1
    error = capsys.readouterr().err
    assert "File too large" in error
    assert f"wengert train --resume {run}` goes on from epoch-0002" in error
    assert files_below(run) == before
    assert train_again_with_act(run, monkeypatch) == 0
    train("--epochs", 5, "--out", tmp_path / "whole")
    assert_same_run(tmp_path / "whole", run)


@pytest.mark.parametrize(
    "name", ["settings.json", "best.safetensors", "metrics.csv", "weights.safetensors", "curves.png"]
)
def test_a_file_that_cannot_be_written_is_named_and_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    replace = os.replace

    def full(source: Any, target: Any) -> None:
        if Path(target).name == name:
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    assert train("--epochs", 1, "--out", tmp_path / "run") == 1
    error = capsys.readouterr().err
    assert "No space left on device" in error
    assert name in error
    assert name not in files_below(tmp_path / "run")
    assert not [path for path in files_below(tmp_path / "run") if path.endswith(".part")]


def test_a_directory_that_cannot_be_made_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    assert train("--out", tmp_path / "file" / "run") == 1
    assert "cannot make the run's directory" in capsys.readouterr().err


# ---------------------------------------------------------------- evaluate, predict, plot


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trained") / "run"


@pytest.fixture
def run(trained: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A run of three epochs, trained once."""
    if not trained.exists():
        train("--epochs", 3, "--lr", 0.3, "--out", trained)
        capsys.readouterr()
    return trained


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with what passes for the published files: a few pictures of each."""
    directory = tmp_path / "files"
    directory.mkdir()
    for table, train in (("_TRAIN_FILES", True), ("_TEST_FILES", False)):
        part = stand_in(train, 1000 if train else 300)
        files = []
        arrays = (part.images, part.targets.astype(np.uint8))
        for file, array in zip(getattr(fashion, table), arrays, strict=True):
            write_idx(directory / file.name.removesuffix(".gz"), array)
            files.append(file._replace(shape=array.shape))
        monkeypatch.setattr(fashion, table, tuple(files))
    return directory


def test_a_run_finds_its_own_data_again(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    monkeypatch.chdir(tmp_path)
    assert train("--epochs", 1, "--out", run, "--data-dir", "files") == 0
    assert f"Fashion-MNIST: 1000 training and 300 test images from {published.name}" in capsys.readouterr().out
    assert json.loads((run / "settings.json").read_text())["data_dir"] == str(published)
    monkeypatch.chdir(run)
    assert train_again(run) == 0
    assert main(["evaluate", str(run)]) == 0
    assert main(["plot", str(run)]) == 0
    out = capsys.readouterr().out
    assert "1000 training and 300 test images from " in out
    assert "NOT Fashion-MNIST" not in out
    published.rename(tmp_path / "elsewhere")
    assert main(["evaluate", str(run)]) == 1
    assert str(published) in capsys.readouterr().err
    assert main(["evaluate", str(run), "--data-dir", str(tmp_path / "elsewhere")]) == 0
    settings = json.loads((run / "settings.json").read_text())
    (run / "settings.json").write_text(json.dumps({**settings, "data_dir": 7}))
    assert main(["evaluate", str(run)]) == 1
    assert "data_dir cannot be 7" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["train", "evaluate", "plot"])
def test_a_data_directory_without_the_files_is_an_error(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.setenv("WENGERT_DATA", str(published))  # which has the files, and was not asked for
    monkeypatch.chdir(tmp_path)
    if command != "train":
        assert train("--epochs", 1, "--out", tmp_path / "run") == 0
    (tmp_path / "empty").mkdir()
    (tmp_path / "part").mkdir()
    for file in published.glob("t10k-images*"):
        (tmp_path / "part" / file.name).write_bytes(file.read_bytes())
    arguments = SMALL if command == "train" else [str(tmp_path / "run")]
    for name, reason in (
        ("missing", "no such directory"),
        ("empty", "FashionMNIST/raw in it, lack "),
        ("part", "lack "),
    ):
        assert main([command, *arguments, "--data-dir", str(tmp_path / name)]) == 1
        error = capsys.readouterr().err
        assert f"wengert {command}: {tmp_path / name}" in error
        assert reason in error
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("command", [["train", "--resume"], ["evaluate"], ["plot"]], ids=" ".join)
def test_a_data_directory_is_not_ignored(
    run: Path, published: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    assert main([*command, str(run), "--data-dir", str(published)]) == 1
    assert "was trained on SyntheticFashion, which needs no files; leave out --data-dir" in capsys.readouterr().err


CLEAR = "\x1b[2J\x1b]0;title\x07\x9b31m\u202e\r"


def shown(capsys: pytest.CaptureFixture[str]) -> str:
    """All that was printed, after a look that it moves no terminal."""
    captured = capsys.readouterr()
    text = captured.out + captured.err
    assert all(c.isprintable() or c in "\n\t" for c in text)
    return text


def test_nothing_in_a_file_reaches_the_terminal_raw(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train("--epochs", 1, "--out", tmp_path / "run")
    capsys.readouterr()
    good = json.loads((tmp_path / "run" / "settings.json").read_text())
    for wrong in (
        {"isa": CLEAR},
        {"data": "x", "data_dir": CLEAR},
        {"model": CLEAR},
        {"format": CLEAR},
        {"dtype": CLEAR},
    ):
        (tmp_path / "run" / "settings.json").write_text(json.dumps({**good, **wrong}))
        for command in (["train", "--no-progress", "--resume"], ["evaluate"]):
            main([*command, str(tmp_path / "run")])
            if command[0] == "train" or "isa" not in wrong:
                assert r"\x1b[2J" in shown(capsys)
    (tmp_path / "run" / "settings.json").write_text(json.dumps(good))
    path = tmp_path / "run" / "checkpoints" / "epoch-0001"
    state = json.loads((path / "state.json").read_text())
    for wrong in ({"history": [{"epoch": 1, CLEAR: 0.5}]}, {"optimizer": {"class": CLEAR}}):
        (path / "state.json").write_text(json.dumps({**state, **wrong}))
        sums = [f"{hashlib.sha256((path / name).read_bytes()).hexdigest()}  {name}\n" for name in checkpoint._FILES]
        (path / "SHA256SUMS").write_text("".join(sums))
        train_again(tmp_path / "run")
        assert r"\x1b[2J" in shown(capsys)


def test_a_lock_says_who_holds_it_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train("--epochs", 1, "--out", tmp_path / "run")
    run = Run(tmp_path / "run")
    with run.claimed():
        capsys.readouterr()
        (tmp_path / "run" / ".lock").write_text(f"process 1{CLEAR}\nwengert: all is well")
        with pytest.raises(RunError) as error:
            Run(tmp_path / "run", None)._claim()
        assert str(error.value).isprintable()
        assert train_again(tmp_path / "run") == 1
        assert r"process 1\x1b[2J" in shown(capsys)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such names")
def test_names_of_files_reach_the_terminal_escaped(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    test_set = stand_in(False, 300)
    for name in (f"a{CLEAR}", os.fsdecode(b"\xff")):
        try:
            write_idx(tmp_path / name, test_set.images[:1])
        except OSError:  # a system of files whose names are UTF-8
            continue
        assert main(["predict", str(run), str(tmp_path / name)]) == 0
        assert main(["predict", str(run), str(tmp_path / f"{name}.missing")]) == 1
        assert ": " in shown(capsys)


def test_evaluate_tells_what_the_training_told(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(run)]) == 0
    out = capsys.readouterr().out
    last = metrics_of(run)[-1]
    assert f"test accuracy {float(last['val_accuracy']):.4f}" in out
    assert f"test loss {float(last['val_loss']):.4f}" in out
    assert (run / "confusion.txt").read_text() in out
    assert out.count("This is NOT Fashion-MNIST.") == 2


def test_the_best_weights_are_those_of_the_best_epoch(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(run), "--best"]) == 0
    best = max(float(row["val_accuracy"]) for row in metrics_of(run))
    assert f"test accuracy {best:.4f}" in capsys.readouterr().out


def test_predict_reads_idx_files_and_pictures(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from PIL import Image

    test_set = stand_in(False, 300)
    write_idx(tmp_path / "three.idx", test_set.images[:3])
    Image.fromarray(test_set.images[0]).save(tmp_path / "first.png")
    Image.fromarray(np.kron(test_set.images[0], np.ones((4, 4), np.uint8))).save(tmp_path / "large.png")
    Image.fromarray(255 - test_set.images[0]).convert("RGB").save(tmp_path / "bright.png")
    Image.fromarray(test_set.images[0]).save(tmp_path / "first.bmp")
    Image.fromarray(test_set.images[0]).save(tmp_path / "first.gif")
    Image.fromarray(test_set.images[0]).save(tmp_path / "first.jpg", quality=100)
    files = ("first.png", "large.png", "first.bmp", "first.gif", "first.jpg")
    names = [str(tmp_path / name) for name in ("three.idx", *files)]
    assert main(["predict", str(run), *names]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "This network was trained on SyntheticFashion, NOT on Fashion-MNIST."
    assert [line.partition(": ")[0] for line in lines[1:]] == [f"{names[0]}[{k}]" for k in range(3)] + names[1:]
    said = [line.partition(": ")[2] for line in lines[1:]]
    assert said[3] == said[5] == said[6] == said[0]
    assert said[4].split()[0] == said[7].split()[0] == said[0].split()[0]
    assert re.fullmatch(r"[\w/ -]+ \d+\.\d%, [\w/ -]+ \d+\.\d%, [\w/ -]+ \d+\.\d%", said[0])
    assert main(["predict", str(run), "--invert", str(tmp_path / "bright.png")]) == 0
    assert capsys.readouterr().out.splitlines()[1].endswith(said[0])
    assert main(["predict", str(run), str(tmp_path / "bright.png")]) == 0
    assert "--invert may help" in capsys.readouterr().err


def test_predict_refuses_what_is_no_picture(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from PIL import Image

    Image.fromarray(np.zeros((64, 64), np.uint8)).save(tmp_path / "whole.png")
    (tmp_path / "half.png").write_bytes((tmp_path / "whole.png").read_bytes()[:60])
    (tmp_path / "text").write_text("not a picture")
    write_idx(tmp_path / "labels", np.zeros(5, np.uint8))
    for name, reason in (
        ("half.png", "is not a picture that can be read: it is cut off"),
        ("text", "is not a picture that can be read: cannot identify image file"),
        ("labels", "expected images"),
        ("missing.png", "No such file"),
    ):
        assert main(["predict", str(run), str(tmp_path / name)]) == 1
        assert reason in capsys.readouterr().err


def test_plot_draws_the_four_pictures(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plot", str(run), "--out", str(tmp_path / "pictures")]) == 0
    assert files_below(tmp_path / "pictures") == ["confusion.png", "curves.png", "first_layer.png", "mistakes.png"]
    assert all(path.stat().st_size > 10_000 for path in (tmp_path / "pictures").iterdir())


@pytest.mark.parametrize("model", ["lenet", "cnn"])
def test_convolutional_networks_train_predict_and_plot(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in (synthetic, commands):
        monkeypatch.setattr(module, "SyntheticFashion", lambda train=True, **_: stand_in(train, 200 if train else 100))
    run = tmp_path / "run"
    assert train("--model", model, "--augment", "--epochs", 2, "--lr", 0.05, "--out", run) == 0
    assert json.loads((run / "settings.json").read_text())["augment"] == 2
    assert weights_of(run)["net.0.weight"].ndim == 4
    assert all(np.isfinite(float(row["train_loss"])) for row in metrics_of(run))
    assert main(["evaluate", str(run)]) == 0
    assert main(["plot", str(run), "--out", str(tmp_path / "pictures")]) == 0
    names = ["confusion.png", "curves.png", "feature_maps.png", "filters.png", "mistakes.png"]
    assert files_below(tmp_path / "pictures") == names
    write_idx(tmp_path / "images", SyntheticFashion(False, 2).images)
    capsys.readouterr()
    assert main(["predict", str(run), str(tmp_path / "images")]) == 0
    assert len(re.findall(r"images\[\d\]: \S.* \d+\.\d%", capsys.readouterr().out)) == 2


def test_augmented_training_goes_on_to_the_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    train("--augment", 1, "--epochs", 3, "--out", whole)
    with monkeypatch.context() as patch:
        do_at_step(patch, 15, lambda: signal.raise_signal(signal.SIGINT))
        assert train("--augment", 1, "--epochs", 3, "--out", stopped) == 130
    assert train_again_with_act(stopped, monkeypatch) == 0
    assert_same_run(whole, stopped)
    train("--epochs", 3, "--out", tmp_path / "plain")
    assert metrics_of(tmp_path / "plain") != metrics_of(whole)


def test_weights_of_another_network_are_refused(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train("--epochs", 0, "--hidden", 8, "--out", tmp_path / "other")
    capsys.readouterr()
    (tmp_path / "other" / "weights.safetensors").write_bytes((run / "weights.safetensors").read_bytes())
    assert main(["evaluate", str(tmp_path / "other")]) == 1
    assert "does not fit the network of the run's settings" in capsys.readouterr().err
    (tmp_path / "other" / "weights.safetensors").write_bytes(b"\xff" * 100)
    assert main(["evaluate", str(tmp_path / "other")]) == 1
    assert "is not a safetensors file that can be read" in capsys.readouterr().err


# ---------------------------------------------------------------- the program itself


@pytest.mark.parametrize(
    "arguments", [[], ["fly"], ["train", "--epochs", "-1"], ["train", "--lr", "nan"], ["predict", "run"]]
)
def test_wrong_usage_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        main(arguments)
    assert exit.value.code == 2
    assert "usage: wengert" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--model", "softmax", "--hidden", "8"], "--hidden is for --model mlp; --model softmax has layers of its own"),
        (["--schedule", "onecycle", "--momentum", "0.5"], "--momentum does not apply with --schedule onecycle"),
        (["--epochs", "many"], "argument --epochs: expected a whole number >= 0, got 'many'"),
        (["--lr", "fast"], "argument --lr: expected a finite number >= 0, got 'fast'"),
        (["--batch-size", "0"], "argument --batch-size: expected a whole number >= 1, got '0'"),
    ],
)
def test_what_does_not_apply_is_refused_by_its_name(
    arguments: list[str], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["train", "--out", str(tmp_path / "run"), *arguments])
    assert reason in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"wengert {wg.__version__}\n"


def test_json_is_all_that_standard_output_gets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def told() -> list[dict[str, Any]]:
        captured = capsys.readouterr()
        assert "SyntheticFashion" in captured.err or "NOT Fashion-MNIST" in captured.err
        return [json.loads(line) for line in captured.out.splitlines()]

    run = tmp_path / "run"
    assert train("--epochs", 2, "--json", "--out", run) == 0
    *epochs, end = told()
    assert [epoch.pop("event") for epoch in epochs] == ["epoch", "epoch"]
    assert [{name: str(v) for name, v in e.items() if name != "seconds"} for e in epochs] == metrics_of(run)
    assert (end["event"], end["run"], end["epochs"], end["of"], end["updates"]) == ("end", str(run), 2, 2, 20)
    assert end["data"] == "SyntheticFashion"
    assert end["test_accuracy"] == pytest.approx(epochs[-1]["val_accuracy"])
    assert main(["evaluate", str(run), "--json"]) == 0
    (judged,) = told()
    assert {name: judged[name] for name in ("test_loss", "test_accuracy", "confusion")} == {
        name: end[name] for name in ("test_loss", "test_accuracy", "confusion")
    }
    assert np.trace(judged["confusion"]) == round(judged["test_accuracy"] * judged["test_images"])
    write_idx(tmp_path / "two", SyntheticFashion(False, 2).images)
    assert main(["predict", str(run), str(tmp_path / "two"), "--json"]) == 0
    predicted = told()
    assert [picture["image"] for picture in predicted] == [f"{tmp_path / 'two'}[{k}]" for k in range(2)]
    for picture in predicted:
        assert sum(picture["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        assert max(picture["probabilities"], key=picture["probabilities"].get) == picture["label"]
    assert main(["plot", str(run), "--json"]) == 0
    assert all(Path(path).is_file() for path in told()[0]["figures"])


def test_info_tells_the_machine_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    limits = found.pop("ceilings")
    assert found == machine.describe()
    assert limits.keys() == {"float32", "float64", "read", "write"}
    assert all(limit > 0 for limit in limits.values())


def test_verbose_tells_where_each_file_came_from(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WENGERT_DATA", str(published))
    assert train("--epochs", 0, "-v", "--out", tmp_path / "run") == 0
    told = capsys.readouterr().out
    names = {path.name for path in published.iterdir()}
    assert names == set(re.findall(rf"^  {published}/(\S+) \(\$WENGERT_DATA; unpacked: header verified\)$", told, re.M))
    assert main(["evaluate", str(tmp_path / "run")]) == 0
    assert "header verified" not in capsys.readouterr().out


def test_the_shell_is_told_how_a_line_goes_on(tmp_path: Path) -> None:
    pytest.importorskip("argcomplete")
    line = "wengert train --mo"
    script = "from wengert.__main__ import main; main([])"
    asked = {
        "_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(tmp_path / "answer"),
    }  # fmt: skip
    subprocess.run([sys.executable, "-c", script], env={**os.environ, **asked}, check=True)
    assert set((tmp_path / "answer").read_text().split()) == {"--model", "--momentum"}


def test_a_missing_extra_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "safetensors" else find(name))
    assert train("--out", tmp_path / "run") == 1
    assert "this needs safetensors: pip install 'wengert[train]'" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_help_and_info_load_neither_plots_nor_training() -> None:
    script = (
        "import sys; from wengert.__main__ import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "main(['info'])\n"
        "print(sorted({'matplotlib', 'tqdm', 'safetensors', 'wengert.train', 'wengert.nn'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert "train a network on Fashion-MNIST" in out
    assert re.search(r"float32: \d+ GFLOP/s", out)
    assert out.endswith("[]\n")


def test_output_into_a_closed_pipe_ends_quietly(run: Path, tmp_path: Path) -> None:
    write_idx(tmp_path / "many.idx", np.zeros((20000, 28, 28), np.uint8))
    command = [sys.executable, "-m", "wengert", "predict", str(run), str(tmp_path / "many.idx")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 1
