"""Activations of 10 000, 100 000 and a million items against PyTorch, alone and with their gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from opponents import torch

SIZES = {"10k": 10_000, "100k": 100_000, "1M": 1_000_000}
ARGUMENTS: dict[str, tuple[Any, ...]] = {"threshold": (0.1, 0.2), "softmin": (-1,), "softmax": (-1,)}
NAMES = (
    "celu", "elu", "gelu", "glu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "logsigmoid",
    "mish", "relu", "relu6", "rrelu", "selu", "sigmoid", "silu", "softmin", "softplus", "softshrink", "softsign",
    "tanh", "tanhshrink", "threshold",
)  # fmt: skip


def _there_and_back(function: Callable[..., Any], x: Any, arguments: tuple[Any, ...], g: Any) -> Callable[[], Any]:
    def step() -> Any:
        x.grad = None
        function(x, *arguments).backward(g)
        return x.grad

    return step


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("gradient", [False, True], ids=["forward", "gradient"])
def test_activation(contest: Any, name: str, size: str, gradient: bool) -> None:
    n = SIZES[size]
    data = np.random.default_rng(0).normal(size=(n // 100, 100)).astype(np.float32) * 2
    weights = np.random.default_rng(1).random((n // 100, 50 if name == "glu" else 100), np.float32)
    arguments = ARGUMENTS.get(name, ())
    functions: dict[str, Callable[[], Any]] = {}
    for label, library in (("torch", torch), ("wengert", wg)):
        if library is None:
            continue
        function, x = getattr(library.nn.functional, name), library.from_numpy(data.copy())
        if gradient:
            x.requires_grad_()
            functions[label] = _there_and_back(function, x, arguments, library.from_numpy(weights))
        else:
            functions[label] = lambda function=function, x=x: function(x, *arguments)  # type: ignore[misc]
    contest(functions, rtol=1e-5, goals=["activations"], seconds=0.4)
