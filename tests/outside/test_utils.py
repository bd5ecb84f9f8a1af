"""What PyTorch keeps in `torch.utils`: its names for data, checkpoints of a computation, TensorBoard's writer."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert.utils.checkpoint import checkpoint, checkpoint_sequential


def test_files_of_data_have_pytorchs_names_too() -> None:
    import wengert.utils.data.distributed
    from wengert.utils.data.dataloader import DataLoader, default_collate, get_worker_info
    from wengert.utils.data.dataset import Dataset, IterableDataset
    from wengert.utils.data.sampler import BatchSampler, Sampler

    assert wengert.utils.data is wg.data
    assert wengert.utils.data.distributed.DistributedSampler is wg.data.DistributedSampler
    own = (wg.data.DataLoader, wg.data.default_collate, wg.data.get_worker_info, wg.data.Dataset)
    assert (DataLoader, default_collate, get_worker_info, Dataset) == own
    assert (IterableDataset, BatchSampler, Sampler) == (
        wg.data.IterableDataset, wg.data.BatchSampler, wg.data.Sampler
    )  # fmt: skip


def test_stubs_tell_checkers_what_there_is() -> None:
    folder = Path(importlib.import_module("wengert.utils").__file__ or "").parent / "data"
    found = 0
    for stub in folder.glob("[a-z]*.pyi"):
        module = importlib.import_module(f"wengert.utils.data.{stub.stem}")
        for line in stub.read_text(encoding="utf-8").splitlines():
            name = line.split()[-1]
            assert getattr(module, name) is getattr(wg.data, name)
            found += 1
    assert found > 15


# ---------------------------------------------------------------- checkpoints


def network() -> nn.Sequential:
    wg.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Dropout(0.5), nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2))


def gradients(run: Any) -> list[np.ndarray]:
    net = network()
    x = wg.linspace(-1, 1, 6).reshape(2, 3).requires_grad_()
    run(net, x).square().sum().backward()
    return [t.grad.numpy() for t in (x, *net.parameters())]


@pytest.mark.parametrize("segments", range(1, 7))
@pytest.mark.parametrize("listed", [False, True])
def test_a_sequence_in_segments_has_the_same_gradients(segments: int, listed: bool) -> None:
    calls = []

    def run(net: Any, x: Any) -> Any:
        for module in net:
            module.register_forward_hook(lambda module, args, out: calls.append(type(module).__name__))
        return checkpoint_sequential(list(net) if listed else net, segments, x, use_reentrant=False)

    found = gradients(run)
    again = 6 // segments * (segments - 1)  # all segments but the last run twice
    assert len(calls) == 6 + again
    for a, b in zip(found, gradients(lambda net, x: net(x)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_checkpoint_runs_in_the_contexts_that_it_is_given() -> None:
    entered = []

    @contextmanager
    def told(name: str) -> Iterator[None]:
        entered.append(name)
        yield
        entered.append(f"end {name}")

    class Again:
        def __enter__(self) -> None:
            entered.append("again")

        def __exit__(self, *exception: Any) -> None:
            entered.append("end again")

    x = wg.tensor([1.0, 2.0], requires_grad=True)
    options = {"use_reentrant": False, "determinism_check": "none", "early_stop": False}
    y = checkpoint(lambda x, *, c: (c * x).exp().sum(), x, c=2, context_fn=lambda: (told("first"), Again()), **options)
    assert entered == ["first", "end first"]
    (g,) = wg.autograd.grad(y, x, create_graph=True)
    np.testing.assert_allclose(g.tolist(), 2 * np.exp([2, 4]), rtol=1e-6)
    assert entered[2:4] == ["again", "end again"]
    g.sum().backward()
    np.testing.assert_allclose(x.grad.tolist(), 4 * np.exp([2, 4]), rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: checkpoint(abs, 1, determinism_check="all"), '"default" or "none", got \'all\''),
        (lambda: checkpoint(abs, 1, use_reentrant=True, debug=True), "only supported with use_reentrant=False"),
        (lambda: checkpoint_sequential([abs], 2, 1), "expected 1 to 1 segments"),
        (lambda: checkpoint_sequential([abs], 0, 1), "got 0"),
        (lambda: checkpoint_sequential([abs], 1, 1, preserve=True), "unexpected keyword arguments preserve"),
    ],
)
def test_checkpoints_refuse_what_makes_no_sense(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


# ---------------------------------------------------------------- TensorBoard


def events(directory: Path) -> list[Any]:
    """The steps and values in the files of events below a directory."""
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for path in directory.rglob("events*"):
        data, start = path.read_bytes(), 0
        while start < len(data):  # a record: its length, a checksum, itself, a checksum
            length = int.from_bytes(data[start : start + 8], "little")
            event = Event.FromString(data[start + 12 : start + 12 + length])
            found += [(event.step, value) for value in event.summary.value]
            start += length + 16
    return found


def test_the_writer_takes_tensors_as_arrays(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    from wengert.utils.tensorboard import SummaryWriter

    loss = wg.tensor(2.0, requires_grad=True) * 0.25
    pixels = wg.linspace(0, 1, 12).reshape(3, 2, 2)
    with SummaryWriter(tmp_path) as writer:
        writer.add_scalar("loss", loss, 3)
        writer.add_scalar("plain", 1.5, 4, new_style=True)
        writer.add_histogram("weights", wg.tensor([1.0, 2.0, 4.0], requires_grad=True), 5)
        writer.add_image("picture", pixels, 6)
        writer.add_scalar("one", wg.ones(1), global_step=7)
        writer.add_images("pictures", (pixels * 255).to(wg.uint8).reshape(1, 3, 2, 2), 8)
        assert writer.log_dir == writer.get_logdir() == str(tmp_path)
        assert writer.logdir == str(tmp_path)
        with pytest.raises(NotImplementedError, match=r"wg\.trace"):
            writer.add_graph(nn.ReLU())
        with pytest.raises(AttributeError, match="add_everything"):
            writer.add_everything()
    found = {value.tag: (step, value) for step, value in events(tmp_path)}
    assert {tag: step for tag, (step, _) in found.items()} == {
        "loss": 3, "plain": 4, "weights": 5, "picture": 6, "one": 7, "pictures": 8,
    }  # fmt: skip
    assert [found[tag][1].simple_value for tag in ("loss", "plain", "one")] == [0.5, 1.5, 1.0]
    histogram = found["weights"][1].histo
    assert (histogram.min, histogram.max, histogram.num, histogram.sum_squares) == (1, 4, 3, 21)
    assert (found["picture"][1].image.height, found["pictures"][1].image.colorspace) == (2, 3)


def test_the_writer_keeps_curves_of_several_runs_and_hyperparameters(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    from wengert.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(tmp_path)
    writer.add_scalars("losses", {"train": wg.tensor(0.5), "val": wg.tensor(0.75)}, 1)
    writer.add_hparams({"lr": wg.tensor(0.5), "name": "a"}, {"loss": wg.tensor(0.25)}, name="run")
    writer.close()
    assert {0.5, 0.75, 0.25} <= {value.simple_value for _, value in events(tmp_path)}


def test_the_writer_says_which_extra_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    from wengert.utils.tensorboard import SummaryWriter

    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match=r"pip install 'wengert\[tensorboard\]'"):
        SummaryWriter()
