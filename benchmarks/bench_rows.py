"""Operations on rows and columns of a matrix: softmax, cross-entropy with its gradient, reductions, running sums."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

import wengert as wg
from opponents import jax, jitted, torch

SHAPES = ((256, 10), (4096, 1000), (1024, 32000))
REDUCED = ((256, 256), (4096, 1000), (1024, 32000))
MEMORY_BOUND = 10_000_000  # items, from which no cache holds the matrix


def name(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def logits(shape: tuple[int, int]) -> np.ndarray:
    return 4 * np.random.default_rng(0).random(shape, dtype=np.float32)


def goals(shape: tuple[int, int]) -> list[str]:
    return ["rows, small" if shape == (256, 10) else "rows, large"]


def numpy_softmax(x: np.ndarray, out: np.ndarray) -> np.ndarray:
    np.subtract(x, x.max(axis=1, keepdims=True), out=out)
    np.exp(out, out=out)
    out /= out.sum(axis=1, keepdims=True)
    return out


@pytest.mark.parametrize("shape", SHAPES, ids=name)
def test_softmax(contest: Any, shape: tuple[int, int]) -> None:
    x = logits(shape)
    functions: dict[str, Any] = {"numpy": partial(numpy_softmax, x, np.empty_like(x))}
    if torch is not None:
        functions["torch"] = partial(torch.softmax, torch.from_numpy(x), 1)
    if jax is not None:
        functions["jax"] = jitted(jax.nn.softmax, x)
    functions["wengert"] = partial(wg.softmax, wg.from_numpy(x), 1)
    contest(functions, goals=goals(shape), seconds=1.0)


def numpy_cross_entropy(x: np.ndarray, labels: np.ndarray, out: np.ndarray) -> np.ndarray:
    """The gradient of the mean cross-entropy by hand; the loss, which it needs nothing more for, is computed too."""
    np.subtract(x, x.max(axis=1, keepdims=True), out=out)
    rows = np.arange(len(x))
    picked = out[rows, labels]
    np.exp(out, out=out)
    sums = out.sum(axis=1, keepdims=True)
    loss = float((np.log(sums[:, 0]) - picked).mean())
    assert loss > 0
    out /= sums
    out[rows, labels] -= 1
    out /= len(x)
    return out


@pytest.mark.parametrize("shape", SHAPES, ids=name)
def test_cross_entropy_with_gradient(contest: Any, shape: tuple[int, int]) -> None:
    x, labels = logits(shape), np.random.default_rng(1).integers(0, shape[1], shape[0])
    functions: dict[str, Any] = {"numpy": partial(numpy_cross_entropy, x, labels, np.empty_like(x))}
    if torch is not None:
        their_x, their_labels = torch.from_numpy(x).requires_grad_(), torch.from_numpy(labels)

        def in_torch() -> Any:
            their_x.grad = None
            torch.nn.functional.cross_entropy(their_x, their_labels).backward()
            return their_x.grad

        functions["torch"] = in_torch
    if jax is not None:

        def loss(x: Any, labels: Any) -> Any:
            picked = jax.numpy.take_along_axis(jax.nn.log_softmax(x), labels[:, None], 1)
            return -picked.mean()

        both = jitted(jax.value_and_grad(loss), x, labels)
        functions["jax"] = lambda: both()[1]
    our_x, our_labels = wg.from_numpy(x).requires_grad_(), wg.from_numpy(labels)

    def ours() -> Any:
        our_x.grad = None
        wg.cross_entropy(our_x, our_labels).backward()
        return our_x.grad

    functions["wengert"] = ours
    contest(functions, goals=goals(shape), seconds=1.5)


@pytest.mark.parametrize("axis", [0, 1, None], ids=["over rows", "over columns", "of all"])
@pytest.mark.parametrize("kind", ["sum", "max", "mean", "argmax"])
@pytest.mark.parametrize("shape", REDUCED, ids=name)
def test_reduction(contest: Any, shape: tuple[int, int], kind: str, axis: int | None) -> None:
    x = logits(shape)
    functions: dict[str, Any] = {"numpy": partial(getattr(x, kind), axis=axis)}
    if torch is not None:
        along = {} if axis is None else {"dim": axis}
        functions["torch"] = partial(getattr(torch, "amax" if kind == "max" else kind), torch.from_numpy(x), **along)
    if jax is not None:
        functions["jax"] = jitted(partial(getattr(jax.numpy, kind), axis=axis), x)
    ours = wg.amax if kind == "max" else getattr(wg, kind)
    functions["wengert"] = partial(ours, wg.from_numpy(x)) if axis is None else partial(ours, wg.from_numpy(x), axis)
    judged = [] if axis is None else ["argmax" if kind == "argmax" else "reductions"]
    contest(functions, goals=judged, read=x.nbytes if x.size >= MEMORY_BOUND else 0, seconds=0.8)


RUNNING = {
    "cumsum": np.cumsum,
    "cumprod": np.cumprod,
    "cummax": np.maximum.accumulate,
}


@pytest.mark.parametrize("axis", [0, 1], ids=["down columns", "along rows"])
@pytest.mark.parametrize("kind", RUNNING)
@pytest.mark.parametrize("shape", [(16, 16), (100, 100), (1000, 1000)], ids=name)
def test_running(contest: Any, shape: tuple[int, int], kind: str, axis: int) -> None:
    """Sums, products, and extremes with their places, which NumPy does not give and JAX neither."""
    x = np.random.default_rng(2).uniform(0.9, 1.1, shape).astype(np.float32)
    functions: dict[str, Any] = {"numpy": partial(RUNNING[kind], x, axis)}

    def items(function: Any, x: Any) -> Any:
        return lambda: function(x, axis)[0] if kind == "cummax" else function(x, axis)

    if torch is not None:
        functions["torch"] = items(getattr(torch, kind), torch.from_numpy(x))
    if jax is not None:
        functions["jax"] = jitted(partial(getattr(jax.lax, kind), axis=axis), x)
    functions["wengert"] = items(getattr(wg, kind), wg.from_numpy(x))
    contest(functions, rtol=1e-4, seconds=0.5)
