"""Convolutional networks that everybody trains, a step of their training, and the memory that it takes.

    python benchmarks/nets.py torch plain

prints the loss of the third step, and how many bytes three steps of batch 256 took at most.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from trainers import peak_memory, resident


def _lenet(nn: Any) -> Any:
    return nn.Sequential(
        nn.Conv2d(1, 6, kernel_size=5, padding=2), nn.Sigmoid(), nn.AvgPool2d(kernel_size=2, stride=2),
        nn.Conv2d(6, 16, kernel_size=5), nn.Sigmoid(), nn.AvgPool2d(kernel_size=2, stride=2), nn.Flatten(),
        nn.Linear(400, 120), nn.Sigmoid(), nn.Linear(120, 84), nn.Sigmoid(), nn.Linear(84, 10),
    )  # fmt: skip


def _plain(nn: Any) -> Any:
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(3136, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip


def _residual(nn: Any) -> Any:
    class Block(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = (nn.Conv2d(64, 64, 3, padding=1, bias=False) for _ in range(2))
            self.norm, self.last = nn.BatchNorm2d(64), nn.BatchNorm2d(64)

        def forward(self, x: Any) -> Any:
            relu = nn.functional.relu
            return relu(x + self.last(self.second(relu(self.norm(self.first(x))))))

    return nn.Sequential(Block(), Block(), nn.Flatten(), nn.Linear(12544, 10))


NETS = {"LeNet": (_lenet, (1, 28, 28)), "plain": (_plain, (1, 28, 28)), "residual": (_residual, (64, 14, 14))}


def training_step(library: Any, net: Any, images: Any, labels: Any) -> Callable[[], float]:
    """A step of training; it gives the loss before it."""
    rng = np.random.default_rng(1)
    for name, p in net.named_parameters():
        if len(p.shape) > 1:
            bound = 1 / np.sqrt(np.prod(tuple(p.shape)[1:]))
            p.data.copy_(library.from_numpy(rng.uniform(-bound, bound, tuple(p.shape)).astype(np.float32)))
        elif name.endswith("bias"):
            p.data.zero_()
    optimizer = library.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    loss_of = library.nn.functional.cross_entropy

    def step() -> float:
        loss = loss_of(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return step


# ---------------------------------------------------------------- memory


def memory_of(library: str, name: str) -> tuple[float, float]:
    """The loss of the third step, and the bytes that three steps took, by a process that does nothing else."""
    command = [sys.executable, __file__, library, name]
    loss, taken = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return float(loss), float(taken)


def main(library: str, name: str) -> None:
    which, _, layout = library.partition(" ")
    module: Any = importlib.import_module(which)
    module.set_num_threads(1)
    make, shape = NETS[name]
    rng = np.random.default_rng(0)
    images, labels = (
        module.from_numpy(v) for v in (rng.standard_normal((256, *shape), np.float32), rng.integers(0, 10, 256))
    )
    net = make(module.nn)
    if layout:
        last = getattr(module, layout)
        net, images = net.to(memory_format=last), images.contiguous(memory_format=last)
    step = training_step(module, net, images, labels)
    before = resident("VmRSS")
    if before is None:
        before = peak_memory()  # elsewhere nobody tells less
    else:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak is now what is there
    loss = [step() for _ in range(3)][-1]
    print(loss, peak_memory() - before)


if __name__ == "__main__":
    main(*sys.argv[1:])
