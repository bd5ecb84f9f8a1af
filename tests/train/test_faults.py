"""Faults in a long run: kills, full disks, directories that vanish or may not be written. No checkpoint is lost."""

from __future__ import annotations

import contextlib
import csv
import errno
import importlib.util
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.__main__ import main
from wengert.data import FashionData, SyntheticFashion
from wengert.train import Callback, Run, RunError, RunWarning, Settings, Trainer, checkpoint, commands

pytest.importorskip("safetensors")
pytest.importorskip("matplotlib")

SMALL = ["--hidden", "16", "--batch-size", "50", "--schedule", "onecycle", "--no-progress"]


def small(train: bool = True, seed: int = 0) -> SyntheticFashion:
    return SyntheticFashion(train, 400 if train else 200, seed)


def use_small_data(commands: Any) -> None:
    """Let the commands train on a few generated pictures."""
    commands.SyntheticFashion = small
    commands.fashion_mnist_or_stand_in = lambda root: FashionData(small(), small(False), False, "a few pictures")


@pytest.fixture(autouse=True)
def small_data(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(commands, "SyntheticFashion", None)
    monkeypatch.setattr(commands, "fashion_mnist_or_stand_in", None)
    use_small_data(commands)
    yield
    monkeypatch.undo()


class OneBatch:
    """Some of the pictures, as a trainer takes them."""

    def train_dataloader(self) -> Any:
        return wg.data.DataLoader(small(), 400)

    def val_dataloader(self) -> Any:
        return None


def train(*arguments: object) -> int:
    return main(["train", *SMALL, *map(str, arguments)])


def resume(run: Path) -> int:
    return main(["train", "--no-progress", "--resume", str(run)])


def assert_readable(run: Path) -> None:
    """Whatever a run's directory shows can be read: every checkpoint, the metrics, the weights."""
    for path in checkpoint.find(run / "checkpoints"):
        contents = checkpoint.read(path)
        checkpoint._parse_state(contents["state.json"], path)
        for name in ("weights.safetensors", "optimizer.safetensors"):
            checkpoint.parse_tensors(contents[name], name)
    opened = Run(run)
    for name, read in {
        "metrics.csv": opened.read_history,
        "weights.safetensors": opened.read_weights,
        "best.safetensors": lambda: opened.read_weights("best.safetensors"),
    }.items():
        if (run / name).exists():
            read()


def assert_same_run(first: Path, second: Path) -> None:
    """Two runs ended alike: every weight to the bit, every metric to the last digit."""
    for name in ("weights.safetensors", "best.safetensors"):
        a, b = (checkpoint.parse_tensors((run / name).read_bytes(), name) for run in (first, second))
        np.testing.assert_equal(a, b)
    assert metrics_of(first) == metrics_of(second)


def metrics_of(run: Path) -> list[dict[str, str]]:
    with open(run / "metrics.csv", newline="") as file:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]


def files_of(run: Path) -> list[str]:
    return sorted(str(path.relative_to(run)) for path in run.rglob("*") if path.is_file())


# ---------------------------------------------------------------- kills


def test_a_run_that_is_killed_at_any_moment_ends_as_if_it_never_was(
    tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    kills = request.config.getoption("--kills")
    epochs = 3 * kills
    whole, run = tmp_path / "whole", tmp_path / "run"
    assert train("--epochs", epochs, "--out", whole) == 0

    script = textwrap.dedent(f"""
        import sys
        sys.path[:0] = {[str(Path(__file__).parents[k]) for k in (0, 1)]!r}
        import test_faults
        test_faults.use_small_data(test_faults.commands)
        print("ready", flush=True)
        sys.exit(test_faults.main(sys.argv[1:]))
    """)
    chance = random.Random(0)
    killed = 0
    while killed < kills:
        started = (run / "settings.json").exists()
        begin = ["--resume", str(run)] if started else [*SMALL, "--epochs", str(epochs), "--out", str(run)]
        process = subprocess.Popen(
            [sys.executable, "-c", script, "train", "--no-progress", *begin],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            _, errors = process.communicate(timeout=chance.uniform(0, 0.6))
            assert process.returncode == 0, errors
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            killed += 1
        if (run / "settings.json").exists():
            assert_readable(run)
    assert resume(run) == 0
    assert_same_run(whole, run)
    assert not [name for name in files_of(run) if name.endswith(".part")]


def test_a_kill_while_an_old_checkpoint_is_removed_leaves_none_that_is_half_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def kill(path: Any, **options: Any) -> None:
        (Path(path) / "state.json").unlink()
        raise Killed

    train("--epochs", 2, "--out", tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Settings, "callbacks", lambda self: [])
        patch.setattr(checkpoint.shutil, "rmtree", kill)
        with pytest.raises(Killed):
            train("--epochs", 3, "--out", tmp_path / "other")
    assert_readable(tmp_path / "other")


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    assert train("--epochs", 1, "--out", tmp_path) == 0
    (tmp_path / ".metrics.csv.12345.0badcafe.part").write_bytes(b"epo")
    (tmp_path / "checkpoints" / ".epoch-0002.12345.0badcafe.part").mkdir()
    before = files_of(tmp_path)
    assert resume(tmp_path) == 0
    assert files_of(tmp_path) == [name for name in before if not name.endswith(".part")]


def test_a_damaged_checkpoint_says_how_to_go_on_without_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    assert train("--epochs", 3, "--out", run) == 0
    damaged = run / "checkpoints" / "epoch-0003"
    (damaged / "state.json").write_bytes(b"")
    for instead in ("epoch-0002", "the start"):
        assert resume(run) == 1
        error = capsys.readouterr().err
        assert f"{damaged} cannot be used" in error
        assert f"`wengert train --resume {run}` goes on from {instead}" in error
        shutil.rmtree(damaged.with_name("epoch-0002"), ignore_errors=True)
    shutil.rmtree(damaged)
    assert resume(run) == 0
    assert train("--epochs", 3, "--out", tmp_path / "whole") == 0
    assert_same_run(tmp_path / "whole", run)


# ---------------------------------------------------------------- two at once

HOLD = """
import sys
from wengert.train import Run
with Run(sys.argv[1]).claimed():
    print("held", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def holding(run: Path) -> Iterator[subprocess.Popen]:
    """Another process that trains in the directory, as far as others can see, until the block ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(run)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def contents_of(run: Path) -> dict[str, bytes]:
    return {name: (run / name).read_bytes() for name in files_of(run)}


def test_a_second_process_in_a_runs_directory_is_refused_and_told_who_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert train("--epochs", 1, "--out", run) == 0
    (run / ".metrics.csv.12345.0badcafe.part").write_bytes(b"of the first process")
    with holding(run) as other:
        before = contents_of(run)
        assert resume(run) == 1
        assert f"process {other.pid} on {socket.gethostname()} is training in {run}; wait" in capsys.readouterr().err
        with pytest.raises(RunError, match=f"process {other.pid} on "):
            Trainer(1, callbacks=[Run(run)], progress=False).fit(Settings().task(), OneBatch())
        assert contents_of(run) == before
        assert Run(run).read_history()["epoch"] == [1]  # to read is free
        other.kill()
        other.wait()
        assert resume(run) == 0  # the system has taken the lock back


def test_two_trainers_of_one_process_do_not_share_a_directory(tmp_path: Path) -> None:
    run = Run(tmp_path, {})
    with (
        run.claimed(),
        run.claimed(),
        pytest.raises(RunError, match=f"process {os.getpid()} on .* is training in .*; wait until it has ended"),
        Run(tmp_path).claimed(),
    ):
        pass
    with Run(tmp_path).claimed():
        pass


def test_a_run_is_let_go_of_when_training_fails(tmp_path: Path) -> None:
    class Fail(Callback):
        def on_step_end(self, trainer: Trainer, loss: float) -> None:
            with pytest.raises(RunError, match="is training in"), Run(tmp_path).claimed():
                pass
            raise ArithmeticError("on purpose")

    trainer = Trainer(1, callbacks=[Run(tmp_path, {}), Fail()], progress=False)
    with pytest.raises(ArithmeticError, match="on purpose"):
        trainer.fit(Settings().task(), OneBatch())
    with Run(tmp_path).claimed():
        pass


def test_a_directory_that_vanished_is_claimed_again(tmp_path: Path) -> None:
    class Vanish(Callback):
        def on_step_end(self, trainer: Trainer, loss: float) -> None:
            shutil.rmtree(tmp_path / "run")

        def on_epoch_complete(self, trainer: Trainer) -> None:
            with pytest.raises(RunError, match="is training in"), Run(tmp_path / "run").claimed():
                pass
            refused.append(True)

    refused: list[bool] = []
    trainer = Trainer(1, callbacks=[Vanish(), Run(tmp_path / "run", {})], progress=False)
    with pytest.warns(RunWarning, match="was made again"):
        trainer.fit(Settings().task(), OneBatch())
    assert refused


@pytest.mark.skipif(os.name != "posix", reason="flock is of Unix")
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EIO])
def test_a_file_system_without_locks_is_told_and_one_that_fails_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    import fcntl

    run = Run(tmp_path, {})

    def flock(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    if number == errno.ENOLCK:
        expected: Any = pytest.warns(RunWarning, match="cannot be locked .*: see to it that nobody else trains in it")
    else:
        expected = pytest.raises(RunError, match=f"cannot lock .*lock: {os.strerror(number)}")
    with expected, run.claimed():
        pass


# ---------------------------------------------------------------- disks and directories


@pytest.fixture
def at_step(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Callable[[], Any]], None]:
    """Let every training of the test do something once, after so many steps."""

    def arrange(step: int, action: Callable[[], Any]) -> None:
        class Act(Callback):
            def on_step_end(self, trainer: Trainer, loss: float) -> None:
                if trainer.train_batch_idx == step and not done:
                    done.append(step)
                    action()

        done: list[int] = []
        before = Settings.callbacks
        monkeypatch.setattr(Settings, "callbacks", lambda self: [*before(self), Act()])

    return arrange


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 800 kB."""
    path = tmp_path / "disk"
    path.mkdir()
    mounted = shutil.which("mount") is not None and os.name == "posix"
    if mounted:
        command = ["mount", "-t", "tmpfs", "-o", "size=800k", "tmpfs", str(path)]
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    if not mounted:
        pytest.skip("a disk of its own needs the right to mount; test_cli has a limit of the files' size instead")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


def test_a_disk_that_runs_full_keeps_the_last_checkpoint(
    disk: Path, tmp_path: Path, at_step: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run, filler = disk / "run", disk / "filler"

    def fill() -> None:
        room = os.statvfs(disk)
        filler.write_bytes(bytes(room.f_bavail * room.f_frsize))

    at_step(20, fill)  # in epoch 3 of 8 steps
    assert train("--epochs", 4, "--out", run) == 1
    error = capsys.readouterr().err
    assert "No space left on device" in error
    assert f"wengert train --resume {run}` goes on from epoch-0002, which is complete" in error
    assert_readable(run)
    assert not [name for name in files_of(run) if name.endswith(".part")]
    filler.unlink()
    assert resume(run) == 0
    assert train("--epochs", 4, "--out", tmp_path / "whole") == 0
    assert_same_run(tmp_path / "whole", run)


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="rights of this kind are of Unix")
def test_a_directory_that_may_not_be_written_keeps_the_last_checkpoint(
    tmp_path: Path, at_step: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    user = os.geteuid()

    def forbid() -> None:
        for path in (run, run / "checkpoints"):
            path.chmod(0o555)
        if user == 0:  # whom no rights hold
            os.seteuid(65534)

    at_step(20, forbid)
    above = [path for path in (tmp_path, *tmp_path.parents) if Path(tempfile.gettempdir()) in path.parents]
    before = {path: path.stat().st_mode for path in above}
    try:
        for path in above:
            path.chmod(0o755)
        assert train("--epochs", 4, "--out", run) == 1
    finally:
        os.seteuid(user)
        for path in (run, run / "checkpoints"):
            path.chmod(0o755)
        for path, mode in before.items():
            path.chmod(mode)
    error = capsys.readouterr().err
    assert "Permission denied" in error
    assert "goes on from epoch-0002, which is complete" in error
    assert_readable(run)
    assert resume(run) == 0
    assert train("--epochs", 4, "--out", tmp_path / "whole") == 0
    assert_same_run(tmp_path / "whole", run)


def test_a_directory_that_vanishes_is_made_again(tmp_path: Path, at_step: Any) -> None:
    run = tmp_path / "run"
    at_step(20, lambda: shutil.rmtree(run))
    with pytest.warns(RunWarning, match="had vanished, and was made again"):
        assert train("--epochs", 4, "--out", run) == 0
    assert_readable(run)
    assert resume(run) == 0
    assert train("--epochs", 4, "--out", tmp_path / "whole") == 0
    np.testing.assert_equal(Run(run).read_weights(), Run(tmp_path / "whole").read_weights())
    assert metrics_of(run) == metrics_of(tmp_path / "whole")


def test_a_directory_that_cannot_be_made_again_is_told(
    tmp_path: Path, at_step: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    home.mkdir()

    def replace() -> None:
        shutil.rmtree(home)
        home.write_text("a file in its place")

    at_step(20, replace)
    assert train("--epochs", 4, "--out", home / "run") == 1
    assert "has vanished: " in capsys.readouterr().err


# ---------------------------------------------------------------- memory


@pytest.mark.skipif(importlib.util.find_spec("resource") is None, reason="/proc is of Linux")
def test_memory_is_flat_over_a_long_training(request: pytest.FixtureRequest) -> None:
    steps = request.config.getoption("--steps")
    pages = Path("/proc/self/statm")
    if not pages.exists():
        pytest.skip("the resident size is read from /proc, which is of Linux")
    resident: list[int] = []

    class Watch(Callback):
        def on_step_end(self, trainer: Trainer, loss: float) -> None:
            if trainer.train_batch_idx % (steps // 10) == 0:
                resident.append(int(pages.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))

    class Pictures:
        def __init__(self) -> None:
            self.data = wg.data.DataLoader(small(), 20, shuffle=True)

        def train_dataloader(self) -> Any:
            return self.data

        def val_dataloader(self) -> Any:
            return None

    settings = Settings(hidden=[64, 32], epochs=steps // 20, schedule="cosine")
    trainer = Trainer(settings.epochs, callbacks=[*settings.callbacks(), Watch()], progress=False)
    trainer.fit(settings.task(), Pictures())
    assert trainer.train_batch_idx == steps
    assert max(resident[2:]) - min(resident[2:]) < 1 << 20, [size >> 10 for size in resident]
