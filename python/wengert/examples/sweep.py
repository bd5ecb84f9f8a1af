"""A sweep over seeds and learning rates: many small networks, each trained in a process of its own by joblib.

One network of this size gains nothing from more processes, but twelve of them do: they need not wait for each other.
Each is trained with one thread, and since a seed fixes all of it, it ends with the bits that it would have had here.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

import wengert as wg
from wengert.data import DataLoader, SyntheticFashion
from wengert.train import Classification, Trainer, mlp
from wengert.train.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Images:
    """Pictures to train on and others to judge by, in an order that a seed fixes."""

    def __init__(self, seed: int, size: int) -> None:
        generator = wg.Generator().manual_seed(seed)
        self.train = DataLoader(SyntheticFashion(size=size), 100, shuffle=True, generator=generator)
        self.test = DataLoader(SyntheticFashion(train=False, size=size), 500)

    def train_dataloader(self) -> DataLoader:
        return self.train

    def val_dataloader(self) -> DataLoader:
        return self.test


def train_once(seed: int, lr: float, size: int = 2000, epochs: int = 3) -> list[float]:
    """The accuracy on the test pictures after each epoch."""
    threads = wg.get_num_threads()
    wg.set_num_threads(1)  # the processes share the cores already
    try:
        wg.manual_seed(seed)
        trainer = Trainer(epochs, progress=False, stop_on_divergence=False)
        return trainer.fit(Classification(mlp([32]), lr, momentum=0.9), Images(seed, size))["val_accuracy"]
    finally:
        wg.set_num_threads(threads)


def run(
    seeds: Sequence[int] = (0, 1, 2), rates: Sequence[float] = (0.003, 0.01, 0.03, 0.1), size: int = 2000,
    epochs: int = 3, workers: int = 2,
) -> Figure:  # fmt: skip
    """Train for every seed and rate in some processes, and draw the accuracy over the rate."""
    try:
        from joblib import Parallel, delayed
    except ImportError as error:
        raise ImportError("this example needs joblib: pip install joblib", name="joblib") from error
    pairs = [*itertools.product(seeds, rates)]
    found = Parallel(workers)(delayed(train_once)(seed, lr, size, epochs) for seed, lr in pairs)
    again = train_once(*pairs[0], size, epochs)
    print(f"{len(pairs)} trainings in {workers} processes; the first, repeated here, has the same bits: ", end="")
    print(again == found[0])
    return draw(seeds, rates, found)


def draw(seeds: Sequence[int], rates: Sequence[float], found: Sequence[Sequence[float]]) -> Figure:
    """The last accuracy of each training, in the order of seeds and then rates, over the rate."""
    last = np.array([accuracies[-1] for accuracies in found]).reshape(len(seeds), len(rates))
    best = rates[int(last.mean(0).argmax())]
    print(f"best on the mean of {len(seeds)} seeds: a rate of {best:g}, with {last.mean(0).max():.3f} right")
    figure = new_figure(4.5, 3.0)
    axes = figure.subplots()
    axes.plot(rates, last.mean(0), "o-", label=f"mean of {len(seeds)} seeds")
    axes.fill_between(rates, last.min(0), last.max(0), alpha=0.3, label="lowest and highest")
    axes.set(xscale="log", xlabel="learning rate", ylabel="accuracy on the test pictures")
    axes.legend()
    return figure
