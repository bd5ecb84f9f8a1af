"""Recurrent networks: a step of training, and a pass without one, over 35 steps of 32 sequences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from opponents import torch

STEPS, BATCH, INPUTS, HIDDEN = 35, 32, 128, 128
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
LIBRARIES = {"wengert": wg, **({} if torch is None else {"torch": torch})}


def flops(kind: str, products: int) -> float:
    """Of some of the six products of a layer: two forward, four back, of which that by the inputs may be left out."""
    return 2.0 * STEPS * BATCH * INPUTS * GATES[kind] * HIDDEN * products


def networks(kind: str, **options: Any) -> dict[str, Any]:
    """The same network of everybody who is installed."""
    first = getattr(wg.nn, kind)(INPUTS, HIDDEN, **options)
    state = {name: x.numpy() for name, x in first.state_dict().items()}
    found = {}
    for name, library in LIBRARIES.items():
        found[name] = getattr(library.nn, kind)(INPUTS, HIDDEN, **options)
        found[name].load_state_dict({key: library.tensor(x) for key, x in state.items()})
    return found


def inputs() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(STEPS, BATCH, INPUTS)).astype(np.float32)


def step_of(library: Any, net: Any, by_inputs: bool) -> Callable[[], Any]:
    """A step of training by the mean of the squares; its answer is the loss, which falls as it is repeated."""
    x = library.tensor(inputs(), requires_grad=by_inputs)
    optimizer = library.optim.SGD(net.parameters(), lr=1e-3)

    def step() -> Any:
        optimizer.zero_grad()
        x.grad = None
        out, _ = net(x)
        loss = (out * out).mean()
        loss.backward()
        optimizer.step()
        return loss.detach().numpy()

    return step


@pytest.mark.parametrize("by_inputs", [False, True], ids=["first layer", "layer above"])
@pytest.mark.parametrize("kind", GATES)
def test_step(contest: Any, kind: str, by_inputs: bool) -> None:
    steps = {name: step_of(LIBRARIES[name], net, by_inputs) for name, net in networks(kind).items()}
    goals = ["LSTM step"] if kind == "LSTM" and not by_inputs else []
    contest(steps, rtol=1e-4, seconds=4.0, goals=goals, flops=flops(kind, 6 if by_inputs else 5))


@pytest.mark.parametrize("kind", GATES)
def test_forward(contest: Any, kind: str) -> None:
    def pass_of(library: Any, net: Any) -> Callable[[], Any]:
        x = library.tensor(inputs())

        def forward() -> Any:
            with library.no_grad():
                return net(x)[0].numpy()

        return forward

    passes = {name: pass_of(LIBRARIES[name], net) for name, net in networks(kind).items()}
    contest(passes, rtol=1e-5, seconds=2.0, flops=flops(kind, 2))


def test_two_layers_in_both_directions(contest: Any) -> None:
    nets = networks("LSTM", num_layers=2, bidirectional=True)
    contest({name: step_of(LIBRARIES[name], net, False) for name, net in nets.items()}, rtol=1e-4, seconds=4.0)
