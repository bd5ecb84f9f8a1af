"""Why there are kernels at all: the same computations element by element in Python, in NumPy, and here."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

import wengert as wg
from opponents import torch


def test_addition_of_10000_elements(contest: Any) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random((2, 10_000), dtype=np.float32)
    as_lists = x.tolist(), y.tolist()
    our_x, our_y = wg.from_numpy(x), wg.from_numpy(y)

    def loop_over_lists() -> list[float]:
        total = [0.0] * 10_000
        for i in range(10_000):
            total[i] = as_lists[0][i] + as_lists[1][i]
        return total

    def loop_over_tensors() -> Any:
        total = wg.zeros(10_000)
        for i in range(10_000):
            total[i] = our_x[i] + our_y[i]
        return total

    functions: dict[str, Any] = {
        "loop over lists": loop_over_lists,
        "loop over tensors": loop_over_tensors,
        "numpy": partial(np.add, x, y),
    }
    if torch is not None:
        functions["torch"] = partial(torch.add, torch.from_numpy(x), torch.from_numpy(y))
    functions["wengert"] = partial(wg.add, our_x, our_y)
    contest(functions)


def test_product_of_matrices(contest: Any) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 64, 64), dtype=np.float32)
    rows, columns = a.tolist(), b.T.tolist()

    def triple_loop() -> list[list[float]]:
        c = [[0.0] * 64 for _ in range(64)]
        for i in range(64):
            for j in range(64):
                total = 0.0
                for k in range(64):
                    total += rows[i][k] * columns[j][k]
                c[i][j] = total
        return c

    functions: dict[str, Any] = {"triple loop": triple_loop, "numpy": partial(np.matmul, a, b)}
    if torch is not None:
        functions["torch"] = partial(torch.matmul, torch.from_numpy(a), torch.from_numpy(b))
    functions["wengert"] = partial(wg.matmul, wg.from_numpy(a), wg.from_numpy(b))
    contest(functions)


def softmax_of(row: list[float]) -> list[float]:
    largest = max(row)
    exponentials = [math.exp(x - largest) for x in row]
    total = sum(exponentials)
    return [x / total for x in exponentials]


def test_softmax(contest: Any) -> None:
    x = np.random.default_rng(0).random((256, 10), dtype=np.float32)
    rows = x.tolist()

    def in_numpy() -> np.ndarray:
        z = np.exp(x - x.max(1, keepdims=True))
        return z / z.sum(1, keepdims=True)

    functions: dict[str, Any] = {"loop": lambda: [softmax_of(row) for row in rows], "numpy": in_numpy}
    if torch is not None:
        functions["torch"] = partial(torch.softmax, torch.from_numpy(x), 1)
    functions["wengert"] = partial(wg.softmax, wg.from_numpy(x), 1)
    contest(functions)


def test_cross_entropy(contest: Any) -> None:
    """The mean loss and, by the way, the gradient of the logits; the gradients are compared."""
    rng = np.random.default_rng(0)
    x, labels = rng.random((256, 10), dtype=np.float32), rng.integers(0, 10, 256)
    rows, classes = x.tolist(), labels.tolist()

    def loop() -> list[list[float]]:
        loss, gradient = 0.0, []
        for row, label in zip(rows, classes, strict=True):
            p = softmax_of(row)
            loss -= math.log(p[label])
            p[label] -= 1
            gradient.append([q / len(rows) for q in p])
        assert loss > 0
        return gradient

    def in_numpy() -> np.ndarray:
        p = np.exp(x - x.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        each = np.arange(len(x))
        assert -np.log(p[each, labels]).mean() > 0
        p[each, labels] -= 1
        return p / np.float32(len(x))

    def graph(library: Any, box: Any) -> Any:
        logits, targets = box(x).requires_grad_(), box(labels)

        def run() -> Any:
            logits.grad = None
            library.nn.functional.cross_entropy(logits, targets).backward()
            return logits.grad

        return run

    functions: dict[str, Any] = {"loop": loop, "numpy": in_numpy}
    if torch is not None:
        functions["torch"] = graph(torch, torch.from_numpy)
    functions["wengert"] = graph(wg, wg.from_numpy)
    contest(functions)
