"""The same training by everybody: fully connected layers with ReLU, cross-entropy, SGD, shuffled minibatches of images.

Each `in_...` function imports its library when it is called and gives a function that makes one pass and returns the
mean loss, so this file also serves as the process whose memory is measured:

    python benchmarks/trainers.py torch

trains and prints the mean loss of the last pass and the peak of its memory in bytes.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

LEARNING_RATE = 0.01
POOL = 60_000  # images
PASS = 6_144  # images of one pass: a tenth of an epoch, in which every batch size below is full

Pass = Callable[[], float]


class Images:
    """Random images as bytes, as they come in files, of shape (n, 784), and their labels."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.pixels = rng.integers(0, 256, (POOL, 784), np.uint8)
        self.labels = rng.integers(0, 10, POOL)

    @cached_property
    def floats(self) -> np.ndarray:
        """The images as float32 in [0, 1]: what one who has no loader for bytes keeps in memory."""
        return np.multiply(self.pixels, np.float32(1 / 255), dtype=np.float32)


class Task(NamedTuple):
    """What to train: the widths of the layers, and the batch size; a pass is over `images` images."""

    widths: tuple[int, ...] = (784, 256, 10)
    batch: int = 256
    images: int = PASS

    def flops(self) -> float:
        """Floating-point operations of a pass, in the products of matrices alone."""
        pairs = list(itertools.pairwise(self.widths))
        forward = sum(m * n for m, n in pairs)
        return 2.0 * self.images * (3 * forward - pairs[0][0] * pairs[0][1])  # nothing is carried back to the images


def weights(widths: tuple[int, ...]) -> list[tuple[np.ndarray, np.ndarray]]:
    """The parameters that everybody starts from: (out, in) matrices and vectors of zeros."""
    rng = np.random.default_rng(1)
    return [
        ((rng.normal(size=(m, n)) / np.sqrt(n)).astype(np.float32), np.zeros(m, np.float32))
        for n, m in itertools.pairwise(widths)
    ]


def passes(task: Task) -> Iterator[list[np.ndarray]]:
    """The rows of the batches of one pass after the other, all out of one shuffled order of the images."""
    order = np.random.default_rng(2).permutation(POOL)
    chunks = [order[i : i + task.images] for i in range(0, POOL - task.images + 1, task.images)]
    return itertools.cycle([[chunk[i : i + task.batch] for i in range(0, len(chunk), task.batch)] for chunk in chunks])


def in_numpy(data: Images, task: Task) -> Pass:
    """By hand: forward, backward and update written out, in place where it can be."""
    x, labels = data.floats, data.labels
    layers = [(w.T.copy(), b) for w, b in weights(task.widths)]
    upcoming = passes(task)

    def step(rows: np.ndarray) -> float:
        activations, y = [x[rows]], labels[rows]
        for k, (w, b) in enumerate(layers):
            z = activations[-1] @ w
            z += b
            activations.append(np.maximum(z, 0, out=z) if k + 1 < len(layers) else z)
        g = activations[-1]
        g -= g.max(1, keepdims=True)
        np.exp(g, out=g)
        g /= g.sum(1, keepdims=True)
        each = np.arange(len(y))
        loss = -float(np.log(g[each, y]).mean())
        g[each, y] -= 1
        g /= len(y)
        for k in range(len(layers) - 1, -1, -1):
            w, b = layers[k]
            dw, db = activations[k].T @ g, g.sum(0)
            if k:
                g = g @ w.T
                g *= activations[k] > 0
            dw *= LEARNING_RATE
            db *= LEARNING_RATE
            w -= dw
            b -= db
        return loss

    return lambda: float(np.mean([step(rows) for rows in next(upcoming)]))


def in_torch(data: Images, task: Task) -> Pass:
    """Eager, on tensors that hold all images as floats."""
    import torch

    x, labels = torch.from_numpy(data.floats), torch.from_numpy(data.labels)
    layers: list[Any] = []
    for w, b in weights(task.widths):
        layer = torch.nn.Linear(w.shape[1], w.shape[0])
        layer.weight.data, layer.bias.data = torch.from_numpy(w), torch.from_numpy(b)
        layers += [layer, torch.nn.ReLU()]
    net = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.SGD(net.parameters(), lr=LEARNING_RATE)
    loss_of = torch.nn.CrossEntropyLoss()
    upcoming = passes(task)

    def step(rows: Any) -> float:
        optimizer.zero_grad()
        loss = loss_of(net(x.index_select(0, rows)), labels.index_select(0, rows))
        loss.backward()
        optimizer.step()
        return loss.item()

    return lambda: float(np.mean([step(torch.from_numpy(rows)) for rows in next(upcoming)]))


def in_jax(data: Images, task: Task) -> Pass:
    """The whole step, with the selection of its images, compiled; the parameters are updated in place."""
    import jax
    import jax.numpy as jnp

    x, labels = jnp.asarray(data.floats), jnp.asarray(data.labels)
    parameters: Any = [(jnp.asarray(w.T), jnp.asarray(b)) for w, b in weights(task.widths)]
    upcoming = passes(task)

    def loss_of(parameters: Any, x: Any, y: Any) -> Any:
        for k, (w, b) in enumerate(parameters):
            x = x @ w + b
            if k + 1 < len(parameters):
                x = jax.nn.relu(x)
        return -jnp.take_along_axis(jax.nn.log_softmax(x), y[:, None], 1).mean()

    def update(parameters: Any, x: Any, labels: Any, rows: Any) -> Any:
        loss, gradient = jax.value_and_grad(loss_of)(parameters, x[rows], labels[rows])
        return jax.tree.map(lambda p, g: p - LEARNING_RATE * g, parameters, gradient), loss

    step = jax.jit(update, donate_argnums=0)

    def run() -> float:
        nonlocal parameters
        losses = []
        for rows in next(upcoming):
            parameters, loss = step(parameters, x, labels, rows)
            losses.append(loss)
        return float(np.mean([float(loss) for loss in losses]))

    return run


def in_wengert(data: Images, task: Task, threads: int | None = None) -> Pass:
    """By the library's loader, which converts bytes as it gathers them."""
    import wengert as wg

    images = wg.data.LabelledImages(data.pixels.reshape(-1, 28, 28), data.labels, [str(k) for k in range(10)])
    upcoming = passes(task)
    step = _step_in_wengert(task)

    def run() -> float:
        if threads is not None:
            wg.set_num_threads(threads)
        loader = wg.data.DataLoader(images, batch_sampler=next(upcoming))
        return float(np.mean([step(x.flatten(1), y) for x, y in loader]))

    return run


def in_wengert_on_floats(data: Images, task: Task) -> Pass:
    """On tensors that hold all images as floats, as PyTorch does it here."""
    import wengert as wg

    x, labels = wg.from_numpy(data.floats), wg.from_numpy(data.labels)
    upcoming = passes(task)
    step = _step_in_wengert(task)
    return lambda: float(np.mean([step(x[rows], labels[rows]) for rows in next(upcoming)]))


def _step_in_wengert(task: Task) -> Callable[[Any, Any], float]:
    import wengert as wg

    layers: list[Any] = []
    for w, b in weights(task.widths):
        layer = wg.nn.Linear(w.shape[1], w.shape[0])
        with wg.no_grad():
            layer.weight.copy_(wg.from_numpy(w))
            layer.bias.copy_(wg.from_numpy(b))
        layers += [layer, wg.nn.ReLU()]
    net = wg.nn.Sequential(*layers[:-1])
    optimizer = wg.optim.SGD(net.parameters(), lr=LEARNING_RATE)
    loss_of = wg.nn.CrossEntropyLoss()

    def step(x: Any, y: Any) -> float:
        optimizer.zero_grad()
        loss = loss_of(net(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


TRAINERS = {
    "numpy": in_numpy,
    "torch": in_torch,
    "jax": in_jax,
    "wengert, floats": in_wengert_on_floats,
    "wengert": in_wengert,
}


def resident(field: str) -> int | None:
    """A size of this process in bytes, as Linux tells it: "VmRSS" now, "VmHWM" at most. None on other systems."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    return next(int(line.split()[1]) << 10 for line in status.read_text().splitlines() if line.startswith(field))


def peak_memory() -> int:
    """The largest resident size of this process so far, in bytes.

    Linux's own field, since `getrusage` there also counts what the parent had before this program took its place.
    """
    peak = resident("VmHWM")
    if peak is not None:
        return peak
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak << 10


def main(name: str) -> None:
    run = TRAINERS[name](Images(), Task())
    run()
    print(run(), peak_memory())


if __name__ == "__main__":
    main(sys.argv[1])
