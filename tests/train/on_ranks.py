"""What each rank of the tests of distributed training runs.

    mpirun -n 2 python on_ranks.py FAULT train --distributed ...

is `wengert train`, or another command, on a few generated pictures. FAULT is "none", "diverge@RANK", or ACTION@RANK
with one of the functions below: at the step STEP that rank, or `all`, meets it.

    mpirun -n 2 python on_ranks.py PROGRAM [DIRECTORY]

runs another of the functions below.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import distributed, nn
from wengert.__main__ import main
from wengert.data import DataLoader, DistributedBatchSampler, FashionData, SyntheticFashion, TensorDataset
from wengert.train import Callback, Classification, Trainer, checkpoint, commands, mlp, softmax_regression

STEP = 20  # in epoch 2 of 13 steps
REASON = "the reason why it ended"


@functools.cache
def small(train: bool = True, seed: int = 0) -> SyntheticFashion:
    return SyntheticFashion(train, 401 if train else 203, seed)


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fail() -> None:
    raise ValueError(REASON)


def fail_unforeseen() -> None:
    raise RuntimeError(REASON)


def leave() -> None:
    sys.exit(3)


def leave_as_if_all_were_well() -> None:
    sys.exit(0)


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def interrupt_twice() -> None:
    interrupt()
    interrupt()


def interrupt_launcher() -> None:
    os.kill(int(os.environ["LAUNCHER"]), signal.SIGINT)
    time.sleep(0.2)


def wait() -> None:
    """Give a test the time to do something."""
    print("waiting", flush=True)
    time.sleep(60)


def use_small_data() -> None:
    """Let the commands train on a few pictures."""
    module: Any = commands
    module.SyntheticFashion = small
    module.fashion_mnist_or_stand_in = lambda root: FashionData(small(), small(False), False, "a few pictures")


def meet_with(fault: str) -> None:
    """Let the commands' training meet with a fault."""
    kind, _, rank = fault.partition("@")
    if kind == "none" or rank not in ("all", str(distributed.launched()[0])):
        return
    step, count = Classification.training_step, iter(range(1, 1000))

    def training_step(self: Any, batch: Any) -> Any:
        number = next(count)
        if kind == "diverge" and number >= STEP:  # also when the trainer looks where it came from
            batch = [batch[0] * float("nan"), batch[1]]
        elif number == STEP:
            globals()[kind]()
        return step(self, batch)

    Classification.training_step = training_step  # type: ignore[method-assign]


# ---------------------------------------------------------------- programs


class Pictures:
    """A few pictures, as a trainer takes them."""

    def __init__(self, batch_size: int) -> None:
        generator = wg.Generator().manual_seed(5)
        self.train = DataLoader(small(), batch_size, shuffle=True, generator=generator)
        self.val = DataLoader(small(False), 100)

    def train_dataloader(self) -> Any:
        return self.train

    def val_dataloader(self) -> Any:
        return self.val


class Losses(Callback):
    """The loss of every step."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def on_step_end(self, trainer: Trainer, loss: float) -> None:
        self.losses.append(loss)


def trained(
    net: nn.Module, data: Any, epochs: int, resume: Path | None = None, save: Path | None = None
) -> list[float]:
    """The losses of all steps, then those of training and validation, with clipping and momentum."""
    losses = Losses()
    world = distributed.init()
    trainer = Trainer(epochs, gradient_clip_val=0.5, callbacks=[losses], progress=False, distributed=world)
    trainer.fit(Classification(net, lr=0.1, momentum=0.9, weight_decay=1e-3), data, resume=resume)
    if save is not None and world.rank == 0:
        checkpoint.save(save, trainer)
    world.barrier()
    shown = [trainer.history[name] for name in ("train_loss", "train_accuracy", "val_loss", "val_accuracy")]
    return losses.losses + [value for values in shown for value in values]


def losses(directory: Path) -> None:
    """Train in several ways, whole and in two parts, and print the losses."""
    found = {}
    nets: dict[str, Callable[[], Any]] = {"softmax": softmax_regression, "perceptron": lambda: mlp([16])}
    for dtype in ("float64", "float32"):
        for name, make in nets.items():
            for batch_size in (33, 50):  # neither divides 401, and the last batch of the second has one picture
                wg.manual_seed(3 + distributed.init().rank)  # what counts are rank 0's weights
                parts = [make().to(dtype=dtype) for _ in range(2)]
                wg.manual_seed(3)
                where = directory / f"{dtype}-{name}-{batch_size}"
                whole = trained(make().to(dtype=dtype), Pictures(batch_size), 2)
                wg.manual_seed(3)
                parts = [make().to(dtype=dtype), *parts]
                first = trained(parts[0], Pictures(batch_size), 1, save=where)
                second = trained(parts[1], Pictures(batch_size), 2, resume=where / "epoch-0001")
                steps = -(-401 // batch_size)
                joined = first[:steps] + second[:steps] + second[steps:]
                assert joined == whole, f"{where.name}: {max(np.abs(np.subtract(joined, whole)))}"
                found[where.name] = whole
    if distributed.init().rank == 0:
        print(json.dumps(found))


def dropout(directory: Path) -> None:
    """Ranks drop different units, and go on with the same ones after a stop."""
    world = distributed.init()
    data = Pictures(50)

    def net() -> Any:
        wg.manual_seed(1)
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 16), nn.Dropout(0.5), nn.Linear(16, 10)).to(dtype="float64")

    whole = trained(net(), Pictures(50), 2)
    first = trained(net(), data, 1, save=directory)
    drawn = world.all_gather(wg.rand(4))
    assert not drawn[0].equal(drawn[1])
    second = trained(net(), Pictures(50), 2, resume=directory / "epoch-0001")
    assert whole[:9] == first[:9]
    assert whole[9:18] == second[:9]
    print("right", flush=True)


def refused(kind: type[Exception], words: str, action: Callable[[], Any]) -> None:
    """Every rank is told that it is wrong."""
    with pytest.raises(kind, match=words):
        action()


def operations() -> None:
    """Every method of a world, with right arguments and wrong ones."""
    world = distributed.init()
    rank, size = world.rank, world.size
    assert distributed.init() is world
    assert (world.local_rank, world.local_size) == (rank, size)
    assert 1 <= wg.get_num_threads() <= max(1, (os.cpu_count() or 1) // size)

    x = wg.arange(6, dtype=wg.float32).reshape(2, 3).t() + rank
    part = x[1:]
    expected = size * (wg.arange(6, dtype=wg.float32).reshape(2, 3).t() + (size - 1) / 2)
    assert world.all_reduce(x) is x
    assert x.equal(expected)
    assert part.equal(expected[1:])
    tree = {"a": [wg.tensor(rank), wg.tensor([rank, -rank])], "b": (wg.tensor([rank == 0]), wg.ones(2).half() + rank)}
    world.all_reduce(tree, "max")
    assert tree["a"][1].tolist() == [size - 1, 0]
    assert tree["b"][0].tolist() == [True]
    assert tree["b"][1].tolist() == [size, size]
    assert world.all_reduce(wg.full((1,), rank + 1.0), "mean").item() == (size + 1) / 2
    assert world.all_reduce(wg.tensor(rank), "min").item() == 0

    y, z = wg.full((2, 3), float(rank)).t(), wg.tensor([rank > 0, False])
    world.broadcast([y, {"z": z}], root=size - 1)
    assert y.tolist() == [[size - 1] * 2] * 3
    assert z.tolist() == [True, False]
    assert [t["r"].item() for t in world.all_gather({"r": wg.tensor(10 * rank)})] == [10 * r for r in range(size)]
    assert world.all_gather_object(rank) == [*range(size)]
    assert world.broadcast_object(rank) == 0
    assert world.any(rank == 1)
    assert not world.any(False)
    world.barrier()

    refused(ValueError, r"rank 0 has all_reduce sum: float32\[2\], and rank 1 has all_reduce sum: float32\[3\]",
            lambda: world.all_reduce(wg.ones(2 + rank)))  # fmt: skip
    refused(ValueError, "do not do the same", lambda: world.all_gather(wg.ones(2).to("float64" if rank else "float32")))
    refused(ValueError, "root", lambda: world.broadcast(wg.ones(2), root=size))
    refused(ValueError, "one of sum, mean, min, max", lambda: world.all_reduce(wg.ones(2), "product"))
    refused(TypeError, "no mean", lambda: world.all_reduce(wg.tensor(1), "mean"))
    refused(TypeError, "no sum", lambda: world.all_reduce(wg.tensor(True)))
    refused(TypeError, "expected tensors", lambda: world.broadcast([wg.ones(1), 2.0]))
    gradients(world)
    print("right", flush=True)


def gradients(world: Any) -> None:
    """Gradients of both real types, of one rank alone, and of none."""
    rank, size = world.rank, world.size
    w, b = wg.ones((2, 3), requires_grad=True), wg.zeros(3, dtype=wg.float64, requires_grad=True)
    unused, frozen = wg.ones(1, requires_grad=True), wg.ones(1)
    loss = (w * float(rank)).sum()
    loss.backward()
    if rank == 1:
        (b * 5).sum().backward()
    version = w.grad._version
    total, (mean,) = world.average_gradients([w, b, unused, frozen], weight=rank, values=[loss.item()])
    ranks = np.arange(size)
    assert total == ranks.sum()
    np.testing.assert_allclose(mean, 6 * (ranks**2).sum() / total)
    np.testing.assert_allclose(w.grad.numpy(), np.full((2, 3), (ranks**2).sum() / total))
    np.testing.assert_allclose(b.grad.numpy(), np.full(3, 5 / total))
    assert unused.grad is None
    assert w.grad._version > version
    with wg.no_grad():
        w.grad.fill_(float("nan") if rank == 0 else 1.0)  # without weight it does not count
    assert distributed.average_gradients([w], weight=float(rank > 0), values=[float("nan") if rank == 0 else 2.0]) == (
        size - 1, [2.0],
    )  # fmt: skip
    assert w.grad.tolist() == [[1.0] * 3] * 2
    half = wg.ones(3).half().requires_grad_()
    half.grad = wg.full((3,), 100.0).half()
    world.average_gradients([half], weight=1000.0)  # whose product is too large for float16
    assert half.grad.tolist() == [100.0] * 3
    for weight, words in ((0.0, "0 on all ranks"), (-1.0, ">= 0"), (float("nan"), "finite")):
        refused(ValueError, words, lambda weight=weight: world.average_gradients([w], weight=weight))


def sampler() -> None:
    """A loop of one's own, with a sampler, gives the gradients that one process would have."""
    world = distributed.init()
    x, y = wg.arange(11, dtype=wg.float64).reshape(11, 1), wg.arange(11) % 2
    batches = DistributedBatchSampler(x, 4, rank=world.rank, size=world.size, seed=2)
    w = wg.full((1, 2), 0.5, dtype=wg.float64, requires_grad=True)
    steps = 0
    for epoch in range(2):
        batches.set_epoch(epoch)
        whole = DistributedBatchSampler(x, 4, rank=0, size=1, seed=2)
        whole.set_epoch(epoch)
        for (xs, ys), rows in zip(DataLoader(TensorDataset(x, y), batch_sampler=batches), whole, strict=True):
            w.grad = None
            loss = nn.functional.cross_entropy(xs @ w, ys) if len(xs) else None
            if loss is not None:
                loss.backward()
            values = [0.0 if loss is None else loss.item()]
            total, (mean,) = world.average_gradients([w], weight=len(xs), values=values)
            expected = nn.functional.cross_entropy(x[rows] @ w, y[rows])
            (gradient,) = wg.autograd.grad(expected, [w])
            assert total == len(rows)
            assert abs(mean - expected.item()) < 1e-12
            np.testing.assert_allclose(w.grad.numpy(), gradient.numpy(), atol=1e-12)
            steps += 1
    assert steps == 6
    print("right", flush=True)


def differ() -> None:
    """Ranks that train different things are told so, all of them, and can go on."""
    world = distributed.init()
    trainer = Trainer(1, progress=False, distributed=world)

    def fit(width: int, data: Any) -> None:
        trainer.fit(Classification(mlp([width]), lr=0.1), data)

    class Batches(Pictures):
        def train_dataloader(self) -> Iterator[Any]:
            return iter(self.train)

    words = "the ranks do not train the same: rank 0 has the model"
    refused(ValueError, words, lambda: fit(4 + world.rank, Pictures(50)))
    fit(4, Pictures(50))
    words = r"expected train_dataloader to be a wengert.data.DataLoader.* got generator"
    refused(TypeError, words, lambda: fit(4, Batches(50)))
    print("right", flush=True)


def buffers() -> None:
    """Running statistics are rank 0's on all ranks, where they are used."""
    world = distributed.init()
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 8), nn.BatchNorm1d(8), nn.Linear(8, 10))
    trainer = Trainer(2, progress=False, distributed=world)
    trainer.fit(Classification(net, lr=0.1), Pictures(67))  # whose last batch has 66
    mean, var, count = net[2].running_mean, net[2].running_var, net[2].num_batches_tracked
    assert count.item() == 12
    for x in (mean, var):
        everybodys = world.all_gather(x)
        assert everybodys[0].equal(everybodys[1])
        assert x.abs().min() > 0
    print("right", flush=True)


def stop() -> None:
    """One rank wants to stop, by a callback, and all do."""

    class Stop(Callback):
        def on_epoch_end(self, trainer: Trainer, metrics: dict[str, float]) -> None:
            if trainer.world.rank == 1 and trainer.epoch == 2:
                trainer.should_stop = True

    trainer = Trainer(5, callbacks=[Stop()], progress=False, distributed=distributed.init())
    trainer.fit(Classification(mlp([4]), lr=0.1), Pictures(50))
    assert trainer.epoch == 2
    print("right", flush=True)


def catch() -> None:
    """A rank that fails alone, catches it, and goes on as if nothing had been."""
    meet_with("fail@1")
    trainer = Trainer(3, progress=False, distributed=distributed.init())
    try:
        trainer.fit(Classification(mlp([4]), lr=0.1), Pictures(50))
    except ValueError:
        sys.exit(0)


def leave_early() -> None:
    """A rank leaves without a word while the other waits for it."""
    world = distributed.init()
    if world.rank == 1:
        sys.exit(0)
    world.barrier()


def finalize() -> None:
    """A program ends MPI by itself."""
    from mpi4py import MPI

    distributed.init().barrier()
    MPI.Finalize()
    print("right", flush=True)


def stay_longer() -> None:
    """A rank has something to do when the other is through."""
    world = distributed.init()
    world.barrier()
    if world.rank == 0:
        time.sleep(3)
        print("right", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 2 and sys.argv[2] in ("train", "evaluate", "predict"):
        use_small_data()
        meet_with(sys.argv[1])
        sys.exit(main(sys.argv[2:]))
    globals()[sys.argv[1]](*map(Path, sys.argv[2:]))
