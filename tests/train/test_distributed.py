"""Ranks that train together train what one process would; and when one of them fails, all end."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_faults import assert_readable, assert_same_run, files_of

import many_ranks
import ranks
import wengert as wg
from children import run as run_python
from wengert import distributed
from wengert.__main__ import main
from wengert.data import DataLoader, DistributedBatchSampler, TensorDataset
from wengert.train import Means, Trainer

pytest.importorskip("safetensors")
pytest.importorskip("matplotlib")

BESIDE = Path(sys.executable).with_name("mpirun")  # the wheels bring one
MPIRUN = str(BESIDE) if BESIDE.exists() else shutil.which("mpirun")
HAS_MPI = MPIRUN is not None and importlib.util.find_spec("mpi4py") is not None
ON_RANKS = Path(__file__).with_name("on_ranks.py")
REASON = "the reason why it ended"
DEADLINE = 30.0  # seconds in which all ranks have ended, whatever happens to one
# What Open MPI wants to be told on a small machine, and by root.
ENVIRONMENT = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
    "PYTHONUNBUFFERED": "1",
}
SMALL = ["--hidden", "16", "--batch-size", "33", "--no-progress"]  # 13 steps of an epoch

on_ranks = pytest.mark.skipif(not HAS_MPI, reason="needs mpi4py and its mpirun: the extra `mpi`")


def start(size: int, *arguments: object) -> subprocess.Popen[str]:
    """`mpirun` with so many ranks of on_ranks.py; a group of its own, so that nothing is left behind."""
    command = [MPIRUN or "mpirun", "-n", str(size), sys.executable, str(ON_RANKS), *map(str, arguments)]
    launcher = 'export LAUNCHER=$$; exec "$@"'
    return subprocess.Popen(
        ["bash", "-c", launcher, "bash", *command], env={**os.environ, **ENVIRONMENT},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def end(process: subprocess.Popen[str], seconds: float = 120.0) -> tuple[int, str, str]:
    """The exit status and what was printed; it is an error if that takes longer."""
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        raise AssertionError(f"it did not end within {seconds} seconds: {out}{err}") from None
    return process.returncode, out, err


def launch(size: int, *arguments: object, seconds: float = 120.0) -> tuple[int, str, str]:
    return end(start(size, *arguments), seconds)


# ---------------------------------------------------------------- without MPI


def test_the_library_does_not_touch_mpi_until_it_is_asked_to() -> None:
    out = run_python(
        "-c",
        "import sys, wengert as wg\n"
        "wg.train.Trainer(1, progress=False), wg.distributed.launched(), wg.train.commands\n"
        "print('mpi4py' in sys.modules)",
    )
    assert out == "False"


def test_without_mpi4py_there_is_a_world_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    monkeypatch.setattr(distributed, "_world", None)
    world = distributed.init()
    assert (world.rank, world.size, world.local_rank, world.local_size) == (0, 1, 0, 1)
    x = wg.tensor([1.0, 2.0])
    assert world.all_reduce([x], "mean")[0] is x
    assert world.broadcast(x) is x
    assert world.all_gather((x,))[0][0].equal(x)
    assert world.all_gather_object(1) == [1]
    assert world.broadcast_object(2) == 2
    assert world.any(True)
    assert not world.any(False)
    world.barrier()
    assert x.tolist() == [1.0, 2.0]
    w = wg.ones(2, requires_grad=True)
    (w * x).sum().backward()
    assert world.average_gradients([w], weight=4, values=[0.5]) == (4.0, [0.5])
    assert w.grad.tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="0 on all ranks"):
        world.average_gradients([w], weight=0)
    with pytest.raises(KeyError), world.together():
        raise KeyError("mine")


def launched_by(monkeypatch: pytest.MonkeyPatch, rank: int, size: int, names: tuple[str, str]) -> None:
    for name, number in zip(names, (rank, size), strict=True):
        monkeypatch.setenv(name, str(number))


LAUNCHERS = {
    "MPICH": ("PMI_RANK", "PMI_SIZE"),
    "Open MPI": ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    "MVAPICH": ("MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE"),
    "Slurm": ("PMIX_RANK", "SLURM_STEP_NUM_TASKS"),
}


@pytest.mark.parametrize("launcher", LAUNCHERS)
@pytest.mark.parametrize("command", ["train", "evaluate", "predict", "info"])
def test_a_command_on_several_ranks_is_refused_once_without_the_option(
    launcher: str, command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = {"evaluate": ["run"], "predict": ["run", "picture"]}.get(command, [])
    for rank in (0, 1):
        launched_by(monkeypatch, rank, 2, LAUNCHERS[launcher])
        with pytest.raises(SystemExit, match="2"):
            main([command, *arguments])
        told = capsys.readouterr().err
        if rank:
            assert told == ""
        else:
            option = "--distributed lets them" if command in ("train", "evaluate") else "start it without mpirun"
            assert f"wengert {command}: started as 2 processes" in told
            assert option in told
    assert list(tmp_path.iterdir()) == []


def test_one_process_of_a_launcher_is_not_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    launched_by(monkeypatch, 0, 1, LAUNCHERS["MPICH"])
    assert distributed.launched() == (0, 1)
    assert main(["evaluate", "nowhere"]) == 1
    assert "nowhere is not the directory of a run" in capsys.readouterr().err


def test_ranks_without_mpi4py_are_told_once_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    monkeypatch.setattr(distributed, "_world", None)
    launched_by(monkeypatch, 0, 2, LAUNCHERS["MPICH"])
    with pytest.raises(ImportError, match=r"rank 0 of 2, .*pip install 'wengert\[mpi\]'"):
        distributed.init()
    launched_by(monkeypatch, 1, 2, LAUNCHERS["MPICH"])
    with pytest.raises(SystemExit, match="1"):
        distributed.init()


# ---------------------------------------------------------------- shares of the data


@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize(("count", "batch_size"), [(20, 5), (23, 7), (21, 4), (9, 20)])
def test_the_parts_of_all_ranks_are_the_batches_of_one(size: int, count: int, batch_size: int) -> None:
    def batches(rank: int, size: int, epoch: int) -> list[list[int]]:
        sampler = DistributedBatchSampler(range(count), batch_size, rank=rank, size=size, seed=3)
        sampler.set_epoch(epoch)
        assert len(sampler) == -(-count // batch_size)
        return [part.tolist() for part in sampler]

    for epoch in (0, 1):
        whole = batches(0, 1, epoch)
        parts = [batches(rank, size, epoch) for rank in range(size)]
        assert [list(itertools.chain(*step)) for step in zip(*parts, strict=True)] == whole
        assert sorted(itertools.chain(*whole)) == [*range(count)]
        assert all(max(map(len, step)) - min(map(len, step)) <= 1 for step in zip(*parts, strict=True))
    assert batches(0, 1, 0) != batches(0, 1, 1)


def test_a_sampler_leaves_out_a_last_batch_and_keeps_its_place() -> None:
    sampler = DistributedBatchSampler(range(10), 4, rank=1, size=2, shuffle=False, drop_last=True)
    assert [part.tolist() for part in sampler] == [[2, 3], [6, 7]]
    other = DistributedBatchSampler(range(10), 4, rank=0, size=2)
    sampler.set_epoch(7)
    other.load_state_dict(json.loads(json.dumps(sampler.state_dict())))
    assert (other.epoch, other.rank) == (7, 0)
    with pytest.raises(ValueError, match="expected a state with epoch and seed"):
        other.load_state_dict({"epoch": -1, "seed": 0})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rank": 2, "size": 2}, "0 <= rank < size"),
        ({"rank": 0, "size": 2, "batch_size": 0}, "positive integer"),
        ({"rank": 0, "size": 2, "seed": -1}, "seed >= 0"),
        ({"rank": 0, "size": 11}, r"batches of 4 example\(s\) cannot be shared among 11 processes"),
        ({"rank": 0, "size": 3, "dataset": range(2)}, r"batches of 2 example\(s\).*start at most 2"),
    ],
)
def test_a_sampler_refuses_what_leaves_a_rank_without_work(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        DistributedBatchSampler(**{"dataset": range(10), "batch_size": 4, **options})


class OneByOne:
    """A data set without an array form."""

    def __len__(self) -> int:
        return 7

    def __getitem__(self, index: int) -> tuple[int, float]:
        return index, index / 2


@pytest.mark.parametrize("kind", ["arrays", "one by one", "sampler", "batch sampler"])
def test_a_loader_gives_each_rank_its_part_in_one_order(kind: str) -> None:
    def loader() -> DataLoader:
        data: Any = OneByOne() if kind == "one by one" else TensorDataset(wg.arange(7), wg.arange(7) / 2)
        if kind == "sampler":
            return DataLoader(data, 3, sampler=[6, 5, 4, 3, 2, 1, 0])
        if kind == "batch sampler":
            return DataLoader(data, batch_sampler=[[0, 1, 2], (3, 4, 5), [6]])
        return DataLoader(data, 3, shuffle=True, generator=wg.Generator().manual_seed(2))

    def rows(batches: Any) -> list[list[int]]:
        return [batch[0].tolist() if len(batch) else [] for batch in batches]

    parts = [rows(loader().part(rank, 2)) for rank in range(2)]
    assert [a + b for a, b in zip(*parts, strict=True)] == rows(loader())
    assert parts[0][2] == []


def test_a_loader_with_a_distributed_sampler_is_not_shared_twice() -> None:
    data = TensorDataset(wg.arange(6))
    loader = DataLoader(data, batch_sampler=DistributedBatchSampler(data, 4, rank=1, size=2, shuffle=False))
    assert [x.tolist() for (x,) in loader.part(1, 2)] == [[2, 3], [5]]
    with pytest.raises(ValueError, match="is of rank 1 of 2, and this is rank 0 of 3"):
        loader.part(0, 3)
    with pytest.raises(ValueError, match="single examples"):
        DataLoader(data, None).part(0, 2)


def test_means_of_several_ranks_are_those_of_all_batches() -> None:
    parts = [Means(), Means(), Means()]
    parts[0].add({"loss": 1.0, "accuracy": 0.5}, 3)
    parts[1].add({"loss": 2.0}, 1)
    merged = Means.merged(parts)
    assert merged.count == 4
    assert merged.result() == {"loss": 1.25, "accuracy": 0.5}


# ---------------------------------------------------------------- on ranks


@on_ranks
@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("program", ["operations", "sampler"])
def test_a_world_does_what_it_says(program: str, size: int) -> None:
    status, out, err = launch(size, program)
    assert status == 0, out + err
    assert out.count("right") == size


@on_ranks
@pytest.mark.parametrize("program", ["differ", "stop", "buffers", "finalize"])
def test_ranks_decide_together(program: str) -> None:
    status, out, err = launch(2, program)
    assert status == 0, out + err
    assert out.count("right") == 2


@functools.cache
def losses_of(size: int, directory: Path) -> dict[str, list[float]]:
    status, out, err = launch(size, "losses", directory / str(size))
    assert status == 0, out + err
    found: dict[str, list[float]] = json.loads(out)
    return found


@on_ranks
@pytest.mark.parametrize("size", [2, 3, 4])
def test_the_losses_do_not_depend_on_the_number_of_ranks(size: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Softmax regression and a perceptron, batches that do not divide, clipping, momentum, a resume in the middle."""
    directory = tmp_path_factory.getbasetemp() / "losses"
    alone, together = losses_of(1, directory), losses_of(size, directory)
    assert alone.keys() == together.keys()
    for name, expected in alone.items():
        limit = 1e-9 if name.startswith("float64") else 1e-5  # what comes of sums in another order
        np.testing.assert_allclose(together[name], expected, rtol=0, atol=limit, err_msg=name)


@on_ranks
def test_ranks_drop_different_units_and_go_on_with_the_same(tmp_path: Path) -> None:
    status, out, err = launch(2, "dropout", tmp_path)
    assert status == 0, out + err
    assert out.count("right") == 2


@on_ranks
def test_a_command_on_ranks_leaves_what_one_process_leaves(tmp_path: Path) -> None:
    arguments = [*SMALL, "--dtype", "float64", "--epochs", "2", "--schedule", "onecycle", "--patience", "5"]
    for size, name, option in ((1, "one", []), (2, "two", ["--distributed"])):
        status, out, err = launch(size, "none", "train", *option, *arguments, "--out", tmp_path / name)
        assert status == 0, out + err
        assert out.count("the run is in") == 1
        assert out.count("a few pictures") == 2
    one, two = (wg.train.Run(tmp_path / name) for name in ("one", "two"))
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")
    for key in ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "lr"):
        np.testing.assert_allclose(one.read_history()[key], two.read_history()[key], rtol=0, atol=1e-9)
    for name, weights in one.read_weights().items():
        np.testing.assert_allclose(weights, two.read_weights()[name], rtol=0, atol=1e-9)

    status, out, err = launch(2, "none", "evaluate", "--distributed", tmp_path / "two")
    assert status == 0, out + err
    status, alone, err = launch(1, "none", "evaluate", tmp_path / "two")
    assert out == alone


@on_ranks
def test_a_run_goes_on_with_another_number_of_ranks(tmp_path: Path) -> None:
    arguments = ["train", *SMALL, "--dtype", "float64", "--epochs", "4"]
    assert launch(1, "none", *arguments, "--out", tmp_path / "whole")[0] == 0
    status, out, err = launch(2, "interrupt@1", *arguments, "--distributed", "--out", tmp_path / "parts")
    assert status == 130, out + err
    assert (out + err).count("stopped by Ctrl-C") == 1
    status, out, err = launch(3, "none", "train", "--no-progress", "--distributed", "--resume", tmp_path / "parts")
    assert status == 0, out + err
    assert f"going on with {tmp_path / 'parts'} from epoch-0001" in out
    whole, parts = (wg.train.Run(tmp_path / name) for name in ("whole", "parts"))
    np.testing.assert_allclose(whole.read_history()["val_loss"], parts.read_history()["val_loss"], rtol=0, atol=1e-9)


# ---------------------------------------------------------------- faults

TRAIN = ["train", "--distributed", *SMALL, "--epochs", "4"]
# The fault, what is said once, and what of the exit status is known.
FAULTS = {
    "fail@1": REASON,
    "fail@0": REASON,
    "fail@all": REASON,
    "fail_unforeseen@1": f"RuntimeError: {REASON}",
    "fail_unforeseen@all": f"RuntimeError: {REASON}",
    "diverge@1": "the loss is nan at step 20 (epoch 2); Sequential[1].Linear",
    "diverge@all": "the loss is nan at step 20 (epoch 2); Sequential[1].Linear",
    "leave@0": "rank 0 has ended: sys.exit(3)",
    "leave@1": "rank 1 has ended: sys.exit(3)",
    "leave_as_if_all_were_well@1": "rank 1 has ended: sys.exit(0)",
    "interrupt@0": "stopped by Ctrl-C",
    "interrupt@1": "stopped by Ctrl-C",
    "interrupt@all": "stopped by Ctrl-C",
    "interrupt_twice@1": "stopped by Ctrl-C",
    "terminate@1": "stopped by Ctrl-C",
    "interrupt_launcher@0": "",  # Open MPI's passes on nothing that its ranks say after it
    "kill@0": "",  # the launcher says so, in its own words
    "kill@1": "",
}


@on_ranks
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_a_rank_ends_all_with_the_reason_once(
    fault: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    for attempt in range(request.config.getoption("--tries")):
        run = tmp_path / str(attempt)
        status, out, err = launch(2, fault, *TRAIN, "--out", run, seconds=DEADLINE)
        assert status != 0, out + err
        if FAULTS[fault]:
            assert (out + err).count(FAULTS[fault]) == 1, out + err
        assert (run / "checkpoints" / "epoch-0001").is_dir()
        assert_readable(run)


@on_ranks
def test_a_batch_with_too_few_examples_for_all_ranks_is_refused_once(tmp_path: Path) -> None:
    status, _, err = launch(2, "none", *TRAIN, "--batch-size", "1", "--out", tmp_path / "run", seconds=DEADLINE)
    assert status == 1
    assert err.count("batches of 1 example(s) cannot be shared among 2 processes") == 1


@on_ranks
def test_what_only_rank_0_finds_wrong_ends_all(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    status, _, err = launch(2, "none", *TRAIN, "--out", tmp_path, seconds=DEADLINE)
    assert status == 1
    assert err.count("is not empty and not the directory of a run") == 1


@on_ranks
@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("catch", f"rank 1 has ended: ValueError: {REASON}"),
        ("leave_early", "rank 1 has ended while rank 0 waits for it"),
    ],
)
def test_a_rank_that_leaves_by_itself_ends_all(program: str, words: str) -> None:
    status, _, err = launch(2, program, seconds=DEADLINE)
    assert status != 0
    assert err.count(words) == 1


@on_ranks
def test_a_rank_that_has_more_to_do_is_waited_for() -> None:
    status, out, err = launch(2, "stay_longer")
    assert status == 0, out + err
    assert out == "right\n"


@on_ranks
def test_a_command_without_the_option_is_refused_and_trains_nothing(tmp_path: Path) -> None:
    arguments = [argument for argument in TRAIN if argument != "--distributed"]
    status, _, err = launch(2, "none", *arguments, "--out", tmp_path / "run", seconds=DEADLINE)
    assert status != 0
    assert err.count("--distributed lets them share the work") == 1
    assert not (tmp_path / "run").exists()


def ranks_of(launcher: int) -> Iterator[int]:
    """The processes below a launcher that run on_ranks.py."""
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and str(ON_RANKS).encode() in (entry / "cmdline").read_bytes().split(b"\0"):
                session = (entry / "stat").read_text().rpartition(")")[2].split()[3]
                environment = (entry / "environ").read_bytes().split(b"\0")
                if f"LAUNCHER={launcher}".encode() in environment and session and int(entry.name) != launcher:
                    yield int(entry.name)
        except OSError:  # it has ended
            continue


@on_ranks
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="ranks are found in /proc")
def test_a_run_whose_ranks_are_killed_at_any_moment_ends_as_if_they_never_were(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    kills = max(1, request.config.getoption("--kills") // 2)
    epochs = str(6 * kills)
    whole, run = tmp_path / "whole", tmp_path / "run"
    status, out, err = launch(2, "none", "train", "--distributed", *SMALL, "--epochs", epochs, "--out", whole)
    assert status == 0, out + err
    chance = random.Random(0)
    killed = 0
    while killed < kills:
        process = start(2, "none", *begin_or_go_on(run, epochs))
        assert process.stdout is not None
        process.stdout.readline()  # it trains
        timer = threading.Timer(chance.uniform(0, 0.6), shoot, (process.pid, chance))
        timer.start()
        status, out, err = end(process, seconds=DEADLINE)
        timer.cancel()
        timer.join()
        killed += status != 0
        assert_readable(run)
    status, out, err = launch(2, "none", *begin_or_go_on(run, epochs))
    assert status == 0, out + err
    assert_same_run(whole, run)


def begin_or_go_on(run: Path, epochs: str) -> list[object]:
    if (run / "settings.json").exists():
        return ["train", "--distributed", "--no-progress", "--resume", run]
    return ["train", "--distributed", *SMALL, "--epochs", epochs, "--out", run]


def shoot(launcher: int, chance: random.Random) -> None:
    ranks = sorted(ranks_of(launcher))
    if ranks:
        os.kill(chance.choice(ranks), signal.SIGKILL)


# ---------------------------------------------------------------- benchmarks


def test_the_simulation_of_many_ranks_adds_up() -> None:
    """Work that divides, and a network that costs nothing, give all that there is; one that is slow gives less."""
    steps = {n: np.full(10, 1.0 / n) for n in many_ranks.RANKS}
    free = many_ranks.simulated(steps, 0.0, 1000, (0.0, np.inf))
    np.testing.assert_allclose(free, [1 / n for n in many_ranks.RANKS])
    assert many_ranks.pays_until(free) == many_ranks.RANKS[-1]
    slow = many_ranks.simulated(steps, 0.01, 25_000_000, (0.001, 1e9))  # 0.1 s a way
    expected = [1.0] + [1 / n + 0.01 + 0.002 * np.log2(n) + 0.2 * (n - 1) / n for n in many_ranks.RANKS[1:]]
    np.testing.assert_allclose(slow, expected)
    assert many_ranks.pays_until(slow) == 8
    uneven = {n: np.array([1.0, 2.0]) for n in many_ranks.RANKS}  # the slowest of many is the slowest there is
    assert many_ranks.simulated(uneven, 0.0, 1000, (0.0, np.inf))[-1] == 2.0


@on_ranks
def test_the_benchmark_of_two_ranks_trains() -> None:
    found = ranks.by_mpi((784, 8, 10), 256)
    assert found["step"] > 0
    assert 0 < found["share"] < 1
    assert len(found["losses"]) == 1 + ranks.PASSES
    assert found["losses"][-1] < found["losses"][0]


@on_ranks
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="compares with PyTorch")
def test_the_benchmark_of_two_ranks_compares_the_losses() -> None:
    ours, theirs, share = ranks.compare(sys.executable, (784, 8, 10), 256, 1)
    assert min(ours, theirs, share) > 0


# ---------------------------------------------------------------- trainers of one


def test_a_trainer_of_a_world_of_one_trains_as_without() -> None:
    class Line(wg.d2l.LinearRegression):
        pass

    def fit(**options: Any) -> Any:
        wg.manual_seed(0)
        data = wg.d2l.SyntheticRegressionData(w=wg.tensor([2.0, -3.4]), b=4.2)
        return Trainer(2, progress=False, **options).fit(Line(lr=0.03), data)

    assert fit()["train_loss"] == fit(distributed=distributed.World())["train_loss"]
