"""A step of distributed training here, over MPI, and by PyTorch's DistributedDataParallel over gloo, in one run.

    python benchmarks/ranks.py                      # wengert, mpi4py, an mpirun and torch in one environment
    python benchmarks/ranks.py --torch PYTHON       # torch in another

Both train the same network from the same weights on the same batches, in two processes of one thread on this machine.
They take turns: in each round both are started anew, warm up for a pass of 24 steps, and time the steps of eight more.
A figure is the median over the rounds of the medians over the passes; the ratio is one of such. The losses of all
passes are compared. The share of communication is the time in `average_gradients`: packing, the reduction with the wait
for the other rank, unpacking.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trainers import LEARNING_RATE, Images, Task, passes, weights

PASSES = 8
SETTINGS = [(784, 1024, 1024, 10), (784, 256, 10)]
LIMITS = [0.8, 1.0]


def parts(task: Task, rank: int, size: int) -> Iterator[list[np.ndarray]]:
    """The rows of a rank in the batches of one pass after the other."""
    for batches in passes(task):
        yield [rows[len(rows) * rank // size : len(rows) * (rank + 1) // size] for rows in batches]


def in_wengert(task: Task) -> dict[str, Any]:
    """By the loader, `average_gradients` and SGD."""
    import wengert as wg

    world = wg.distributed.init()
    data = Images()
    images = wg.data.LabelledImages(data.pixels.reshape(-1, 28, 28), data.labels, [str(k) for k in range(10)])
    layers: list[Any] = []
    for w, b in weights(task.widths):
        layer = wg.nn.Linear(w.shape[1], w.shape[0])
        layer.load_state_dict({"weight": w, "bias": b})
        layers += [layer, wg.nn.ReLU()]
    net = wg.nn.Sequential(*layers[:-1])
    optimizer = wg.optim.SGD(net.parameters(), lr=LEARNING_RATE)
    loss_of = wg.nn.CrossEntropyLoss()
    parameters = list(net.parameters())
    spent = [0.0]

    def run(batches: list[np.ndarray]) -> list[float]:
        losses = []
        for x, y in wg.data.DataLoader(images, batch_sampler=batches):
            optimizer.zero_grad()
            loss = loss_of(net(x.flatten(1)), y)
            loss.backward()
            start = time.perf_counter()
            _, (mean,) = world.average_gradients(parameters, weight=len(y), values=[loss.item()])
            spent[0] += time.perf_counter() - start
            optimizer.step()
            losses.append(mean)
        return losses

    return timed(run, parts(task, world.rank, world.size), spent, world.rank)


def in_torch(task: Task) -> dict[str, Any]:
    """By DistributedDataParallel, on tensors that hold all images as floats."""
    import torch

    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo")
    data = Images()
    x, labels = torch.from_numpy(data.floats), torch.from_numpy(data.labels)
    layers: list[Any] = []
    for w, b in weights(task.widths):
        layer = torch.nn.Linear(w.shape[1], w.shape[0])
        layer.weight.data, layer.bias.data = torch.from_numpy(w), torch.from_numpy(b)
        layers += [layer, torch.nn.ReLU()]
    net = torch.nn.parallel.DistributedDataParallel(torch.nn.Sequential(*layers[:-1]))
    optimizer = torch.optim.SGD(net.parameters(), lr=LEARNING_RATE)
    loss_of = torch.nn.CrossEntropyLoss()

    def run(batches: list[np.ndarray]) -> list[float]:
        losses = []
        for rows in map(torch.from_numpy, batches):
            optimizer.zero_grad()
            loss = loss_of(net(x.index_select(0, rows)), labels.index_select(0, rows))
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    result = timed(run, parts(task, rank, size), [0.0], rank)
    every = torch.tensor(result["losses"], dtype=torch.float64)  # of this rank's parts, which are of one size
    torch.distributed.all_reduce(every)
    torch.distributed.destroy_process_group()
    return {**result, "losses": (every / size).tolist()}


def timed(
    run: Callable[[list[np.ndarray]], list[float]], upcoming: Iterator[list[np.ndarray]], spent: list[float], rank: int
) -> dict[str, Any]:
    """The median seconds of a step, those of them that `spent` counts, and the mean loss of each pass."""
    losses = [float(np.mean(run(next(upcoming))))]
    steps, shares = [], []
    for _ in range(PASSES):
        batches, before = next(upcoming), spent[0]
        start = time.perf_counter()
        losses.append(float(np.mean(run(batches))))
        seconds = time.perf_counter() - start
        steps.append(seconds / len(batches))
        shares.append((spent[0] - before) / seconds)
    return {"rank": rank, "step": statistics.median(steps), "share": statistics.median(shares), "losses": losses}


# ---------------------------------------------------------------- two processes of each


def mpirun() -> str:
    """The one beside this Python, or else on the path."""
    beside = Path(sys.executable).with_name("mpirun")
    return str(beside) if beside.exists() else shutil.which("mpirun") or "mpirun"


def environment() -> dict[str, str]:
    """One thread for everybody, and what Open MPI wants to be told."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "WENGERT_NUM_THREADS"), "1")
    allowed = dict.fromkeys(("OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"), "1")
    return {**os.environ, **threads, **allowed}


def by_mpi(widths: Sequence[int], batch: int) -> dict[str, Any]:
    command = [mpirun(), "-n", "2", sys.executable, *worker("wengert", widths, batch)]
    out = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True).stdout
    return first_rank(out)


def by_gloo(python: str, widths: Sequence[int], batch: int) -> dict[str, Any]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    started = []
    for rank in range(2):
        own = {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        command = [python, *worker("torch", widths, batch)]
        started.append(subprocess.Popen(command, env={**environment(), **own}, stdout=subprocess.PIPE, text=True))
    outs = [process.communicate()[0] for process in started]
    if not all(outs):  # what they measured stands, also where gloo's threads end a process badly when all is done
        raise RuntimeError("a process of PyTorch's failed")
    return first_rank("".join(outs))


def worker(name: str, widths: Sequence[int], batch: int) -> list[str]:
    return [__file__, "--worker", name, "--batch", str(batch), "--widths", *map(str, widths)]


def first_rank(out: str) -> dict[str, Any]:
    found: dict[str, Any] = next(r for r in map(json.loads, out.splitlines()) if r["rank"] == 0)
    return found


def compare(python: str, widths: Sequence[int], batch: int, rounds: int) -> tuple[float, float, float]:
    """The median step of both in milliseconds, and the share of communication here."""
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(by_mpi(widths, batch))
        theirs.append(by_gloo(python, widths, batch))
        np.testing.assert_allclose(ours[-1]["losses"], theirs[-1]["losses"], rtol=1e-4)
    steps = [statistics.median(each["step"] for each in found) * 1e3 for found in (ours, theirs)]
    return steps[0], steps[1], statistics.median(each["share"] for each in ours)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time a step on two ranks against PyTorch's.")
    parser.add_argument("--torch", default=sys.executable, metavar="PYTHON", help="the one that has torch")
    parser.add_argument("--rounds", type=int, default=7, metavar="N")
    parser.add_argument("--batch", type=int, default=256, metavar="N", help="of both ranks together (default: 256)")
    parser.add_argument("--widths", type=int, nargs="+", help="of one network, instead of the two that have limits")
    parser.add_argument("--worker", choices=("wengert", "torch"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        task = Task(tuple(options.widths), options.batch)
        found = in_wengert(task) if options.worker == "wengert" else in_torch(task)
        sys.stdout.write(json.dumps(found) + "\n")  # at once: the ranks' lines must not mix
        return
    print("| network | here, ms a step | DDP over gloo | ratio | limit | communication |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    settings = [(tuple(options.widths), None)] if options.widths else [*zip(SETTINGS, LIMITS, strict=True)]
    for widths, limit in settings:
        ours, theirs, share = compare(options.torch, widths, options.batch, options.rounds)
        told = "" if limit is None else f"≤ {limit:.2f}"
        name = "-".join(map(str, widths))
        print(f"| {name} | {ours:.2f} | {theirs:.2f} | {ours / theirs:.2f} | {told} | {share:.0%} |", flush=True)


if __name__ == "__main__":
    main()
