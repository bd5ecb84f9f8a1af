"""A pass of training over images: 784-256-10, softmax regression, and the loader."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from opponents import torch

IMAGES = 6_000  # a tenth of an epoch, so that a round takes well under a second


def examples() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.random((IMAGES, 784), dtype=np.float32), rng.integers(0, 10, IMAGES)


def weights(widths: tuple[int, ...]) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(1)
    return [
        ((rng.normal(size=(m, n)) / np.sqrt(n)).astype(np.float32), np.zeros(m, np.float32))
        for n, m in itertools.pairwise(widths)
    ]


class ByHand:
    """The same network in NumPy: forward, backward and update written out."""

    def __init__(self, widths: tuple[int, ...], lr: float) -> None:
        self.layers = [(w.T.copy(), b.copy()) for w, b in weights(widths)]
        self.lr = lr

    def step(self, x: np.ndarray, y: np.ndarray) -> float:
        activations = [x]
        for k, (w, b) in enumerate(self.layers):
            z = activations[-1] @ w
            z += b
            activations.append(np.maximum(z, 0, out=z) if k + 1 < len(self.layers) else z)
        z = activations[-1]
        z -= z.max(1, keepdims=True)
        np.exp(z, out=z)
        z /= z.sum(1, keepdims=True)
        rows = np.arange(len(y))
        loss = -float(np.log(z[rows, y]).mean())
        z[rows, y] -= 1
        z /= len(y)
        g = z
        for k in range(len(self.layers) - 1, -1, -1):
            w, b = self.layers[k]
            dw, db = activations[k].T @ g, g.sum(0)
            if k:
                g = g @ w.T
                g *= activations[k] > 0
            w -= self.lr * dw
            b -= self.lr * db
        return loss


def epoch(step: Callable[[Any, Any], float], x: Any, y: Any, batch: int) -> Callable[[], float]:
    """A pass over the examples in order; gives the mean loss."""
    batches = [(x[i : i + batch], y[i : i + batch]) for i in range(0, IMAGES, batch)]
    return lambda: sum(step(a, b) for a, b in batches) / len(batches)


def contestants(widths: tuple[int, ...], batch: int, lr: float = 0.0) -> dict[str, Callable[[], float]]:
    """An epoch for everybody. With lr = 0 every pass does the same work on the same weights, so the losses compare."""
    x, y = examples()
    functions = {"numpy": epoch(ByHand(widths, lr).step, x, y, batch)}
    if torch is not None:
        layers: list[Any] = []
        for w, b in weights(widths):
            layer = torch.nn.Linear(w.shape[1], w.shape[0])
            layer.weight.data, layer.bias.data = torch.tensor(w), torch.tensor(b)
            layers += [layer, torch.nn.ReLU()]
        net = torch.nn.Sequential(*layers[:-1])
        optimizer = torch.optim.SGD(net.parameters(), lr=lr)
        loss_of = torch.nn.CrossEntropyLoss()

        def torch_step(a: Any, b: Any) -> float:
            optimizer.zero_grad()
            loss = loss_of(net(a), b)
            loss.backward()
            optimizer.step()
            return loss.item()

        functions["torch"] = epoch(torch_step, torch.tensor(x), torch.tensor(y), batch)

    ours: list[Any] = []
    for w, b in weights(widths):
        layer = wg.nn.Linear(w.shape[1], w.shape[0])
        with wg.no_grad():
            layer.weight.copy_(wg.tensor(w))
            layer.bias.copy_(wg.tensor(b))
        ours += [layer, wg.nn.ReLU()]
    our_net = wg.nn.Sequential(*ours[:-1])
    our_optimizer = wg.optim.SGD(our_net.parameters(), lr=lr)
    our_loss = wg.nn.CrossEntropyLoss()

    def step(a: Any, b: Any) -> float:
        our_optimizer.zero_grad()
        loss = our_loss(our_net(a), b)
        loss.backward()
        our_optimizer.step()
        return loss.item()

    functions["wengert"] = epoch(step, wg.tensor(x), wg.tensor(y), batch)
    return functions


@pytest.mark.parametrize("batch", [32, 256])
def test_mlp_epoch(contest: Any, batch: int) -> None:
    contest(contestants((784, 256, 10), batch), rtol=1e-4, seconds=1.0, rounds=9)


def test_softmax_regression_epoch(contest: Any) -> None:
    contest(contestants((784, 10), 256), rtol=1e-4, seconds=0.5, rounds=9)
