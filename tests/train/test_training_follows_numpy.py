"""Training does what the mathematics says: the same steps written in NumPy, and the known results on the real data."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path

import numpy as np
import pytest

import wengert as wg
from wengert import nn, optim
from wengert.data import DataLoader, FashionMNIST, SyntheticFashion
from wengert.train import Callback, Classification, History, Trainer, mlp, softmax_regression

REAL = Path(os.environ.get("WENGERT_DATA") or Path(__file__).parents[3] / "shared" / "data" / "fashion-mnist")
needs_the_real_data = pytest.mark.skipif(
    not (REAL / "train-images-idx3-ubyte.gz").is_file(), reason=f"Fashion-MNIST is not in {REAL}; set WENGERT_DATA"
)


class Numpy:
    """The 784-256-10 network with ReLU and cross-entropy, its gradient and SGD with momentum, by hand."""

    def __init__(self, weights: list[np.ndarray], lr: float, momentum: float) -> None:
        self.weights = [w.copy() for w in weights]
        self.velocities = [np.zeros_like(w) for w in weights]
        self.lr, self.momentum = lr, momentum

    def step(self, x: np.ndarray, labels: np.ndarray) -> float:
        w1, b1, w2, b2 = self.weights
        hidden = x @ w1.T + b1
        active = np.maximum(hidden, 0)
        logits = active @ w2.T + b2
        logits -= logits.max(1, keepdims=True)
        logarithms = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        rows = np.arange(len(x))
        loss = -logarithms[rows, labels].mean()
        d_logits = np.exp(logarithms)
        d_logits[rows, labels] -= 1
        d_logits /= len(x)
        d_hidden = (d_logits @ w2) * (hidden > 0)
        d_w1, d_w2 = d_hidden.T @ x, d_logits.T @ active
        for w, v, g in zip(self.weights, self.velocities, (d_w1, d_hidden.sum(0), d_w2, d_logits.sum(0)), strict=True):
            v *= self.momentum
            v += g
            w -= np.asarray(self.lr, w.dtype) * v
        return float(loss)


def batches(dtype: str, count: int) -> Iterator[tuple[wg.Tensor, wg.Tensor]]:
    """The same batches each time: flat images and labels."""
    loader = DataLoader(SyntheticFashion(size=3000), 64, shuffle=True, generator=wg.Generator().manual_seed(1))
    epochs = itertools.chain.from_iterable(itertools.repeat(loader))
    for x, y in itertools.islice(epochs, count):
        yield x.to(dtype).flatten(1), y


def one_thread_of_blas() -> AbstractContextManager[object]:
    """Threads of NumPy's BLAS would spin on the cores that our kernels then need."""
    with suppress(ImportError):
        from threadpoolctl import threadpool_limits

        return threadpool_limits(1, user_api="blas")
    return nullcontext()


@pytest.mark.parametrize(
    ("dtype", "momentum", "tolerance"), [("float64", 0.0, 1e-10), ("float64", 0.9, 1e-10), ("float32", 0.0, 1e-4)]
)
def test_200_steps_follow_the_same_computation_in_numpy(dtype: str, momentum: float, tolerance: float) -> None:
    wg.manual_seed(0)
    net = mlp([256]).to(dtype=dtype)
    by_hand = Numpy([p.detach().numpy() for p in net.parameters()], 0.1, momentum)
    with one_thread_of_blas():
        expected = [by_hand.step(x.numpy(), y.numpy()) for x, y in batches(dtype, 200)]

    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=momentum)
    criterion = nn.CrossEntropyLoss()
    losses = []
    for x, y in batches(dtype, 200):
        loss = criterion(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    np.testing.assert_allclose(losses, expected, rtol=tolerance)
    for ours, theirs in zip(net.parameters(), by_hand.weights, strict=True):
        assert np.linalg.norm(ours.detach().numpy() - theirs) <= tolerance * np.linalg.norm(theirs)


class Fashion:
    """The loaders of Fashion-MNIST, batches of 256 in an order of their own."""

    def __init__(self) -> None:
        self.train, self.test = FashionMNIST(REAL, True, download=False), FashionMNIST(REAL, False, download=False)

    def train_dataloader(self) -> DataLoader:
        return DataLoader(self.train, 256, shuffle=True, generator=wg.Generator().manual_seed(0))

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.test, 1000)


@pytest.fixture(scope="module")
def fashion() -> Fashion:
    return Fashion()


class Enough(Callback):
    """Stops when an accuracy is reached."""

    def __init__(self, accuracy: float) -> None:
        self.accuracy = accuracy

    def on_epoch_end(self, trainer: Trainer, metrics: dict[str, float]) -> None:
        trainer.should_stop = metrics["val_accuracy"] >= self.accuracy


def ten_epochs(net: nn.Module, data: Fashion, momentum: float = 0.0, enough: float = math.inf) -> History:
    """Or as many as bring enough accuracy."""
    return Trainer(10, callbacks=[Enough(enough)], progress=False).fit(Classification(net, 0.1, momentum), data)


@needs_the_real_data
def test_softmax_regression_ends_where_it_should(fashion: Fashion) -> None:
    wg.manual_seed(0)
    history = ten_epochs(softmax_regression(), fashion)
    assert history["train_loss"][-1] == pytest.approx(0.4475, abs=0.003)
    assert max(history["val_accuracy"]) >= 0.83


@needs_the_real_data
def test_the_mlp_ends_where_it_should(fashion: Fashion) -> None:
    wg.manual_seed(0)
    history = ten_epochs(mlp([256]), fashion)
    assert history["train_loss"][-1] == pytest.approx(0.372, abs=0.004)
    assert max(history["val_accuracy"]) >= 0.845


@needs_the_real_data
def test_momentum_takes_the_mlp_further(fashion: Fashion) -> None:
    wg.manual_seed(0)
    assert ten_epochs(mlp([256]), fashion, momentum=0.9, enough=0.868)["val_accuracy"][-1] >= 0.868
