"""Attention: its operation beside PyTorch's and beside what it is composed of, and a layer's training step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from opponents import torch

HEADS, FEATURES = 4, 64
Functions = dict[str, Callable[[], Any]]


def inputs(lead: tuple[int, ...], length: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=(*lead, HEADS, length, FEATURES)).astype(np.float32) for _ in range(4)]


def with_gradient(library: Any, attend: Callable[..., Any], arrays: list[np.ndarray]) -> Callable[[], Any]:
    """What computes the result and the cotangents of q, k and v, and gives that of q."""
    *leaves, g = (library.tensor(x) for x in arrays)
    for x in leaves:
        x.requires_grad_()

    def run() -> Any:
        for x in leaves:
            x.grad = None
        attend(*leaves).backward(g)
        return leaves[0].grad

    return run


def composed(q: Any, k: Any, v: Any) -> Any:
    return wg.softmax(q @ k.mT * (1 / math.sqrt(FEATURES)), -1) @ v


@pytest.mark.parametrize("causal", [False, True], ids=["all", "causal"])
@pytest.mark.parametrize(("batch", "length"), [(64, 16), (32, 128), (4, 512), (1, 2048)])
def test_attention(contest: Any, batch: int, length: int, causal: bool) -> None:
    arrays = inputs((batch,), length)
    functions: Functions = {}
    for name, library in (("torch", torch), ("wengert", wg)):
        if library is not None:
            attend = library.nn.functional.scaled_dot_product_attention
            functions[name] = with_gradient(
                library, lambda q, k, v, attend=attend: attend(q, k, v, is_causal=causal), arrays
            )
    contest(functions, goals=["attention"], rtol=1e-4, seconds=1.0)


@pytest.mark.parametrize(("batch", "length"), [(1, 2), (1, 8), (8, 8), (1, 64), (8, 64)])
def test_attention_and_what_it_is_composed_of(contest: Any, batch: int, length: int) -> None:
    arrays = inputs((batch,), length)
    attend = wg.nn.functional.scaled_dot_product_attention
    functions = {"composed": with_gradient(wg, composed, arrays), "wengert": with_gradient(wg, attend, arrays)}
    contest(functions, goals=["attention, composed"], rtol=1e-4, seconds=0.5)


def step(library: Any, x: np.ndarray, need_weights: bool) -> Callable[[], Any]:
    """A training step of a layer, which gives the loss."""
    layer = library.nn.MultiheadAttention(HEADS * FEATURES, HEADS, batch_first=True)
    rng = np.random.default_rng(1)
    state = {name: rng.normal(size=tuple(p.shape)).astype(np.float32) / 16 for name, p in layer.state_dict().items()}
    layer.load_state_dict({name: library.tensor(p) for name, p in state.items()})
    optimizer = library.optim.SGD(layer.parameters(), lr=1e-4)
    batch = library.tensor(x)

    def run() -> Any:
        optimizer.zero_grad()
        loss = (layer(batch, batch, batch, need_weights=need_weights)[0] ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return run


@pytest.mark.parametrize("need_weights", [False, True], ids=["", "weights"])
@pytest.mark.parametrize("batch", [16, 32])
def test_attention_layer(contest: Any, batch: int, need_weights: bool) -> None:
    x = np.random.default_rng(0).normal(size=(batch, 128, HEADS * FEATURES)).astype(np.float32)
    functions: Functions = {}
    for name, library in (("torch", torch), ("wengert", wg)):
        if library is not None:
            functions[name] = step(library, x, need_weights)
    contest(functions, goals=["attention layer"], rtol=0.1, seconds=3.0)
