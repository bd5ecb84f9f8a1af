"""Convolution: single layers in three directions, and whole steps of training, beside both of PyTorch's layouts.

PyTorch takes fresh memory from the system for every large result, page by page, as malloc's thresholds stand; wengert
keeps its own. So that the kernels are compared and not that, the thresholds are raised here.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import wengert as wg
from goals import GOALS
from nets import NETS, memory_of, training_step
from opponents import torch
from wengert import _kernels

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
with contextlib.suppress(AttributeError):  # of glibc alone
    for _parameter in (M_TRIM_THRESHOLD, M_MMAP_THRESHOLD):
        ctypes.CDLL(None).mallopt(_parameter, 1 << 30)

# ---------------------------------------------------------------- layers


class Layer(NamedTuple):
    channels: int
    out: int
    size: int
    kernel: int
    padding: int
    groups: int = 1
    stride: int = 1

    @property
    def map(self) -> int:
        return (self.size + 2 * self.padding - self.kernel) // self.stride + 1

    def window(self) -> tuple[Any, ...]:
        stride, padding, image, kernel, size = (
            (n, n) for n in (self.stride, self.padding, self.size, self.kernel, self.map)
        )
        return (stride, padding, (1, 1), self.groups, image, kernel, size)

    def flops(self, batch: int) -> int:
        return 2 * batch * self.map**2 * self.out * self.channels // self.groups * self.kernel**2


LAYERS = {
    "1-6, 5x5": Layer(1, 6, 28, 5, 2),
    "6-16, 5x5": Layer(6, 16, 14, 5, 0),
    "1-32, 3x3": Layer(1, 32, 28, 3, 1),
    "32-64, 3x3": Layer(32, 64, 14, 3, 1),
    "64-64, 3x3": Layer(64, 64, 14, 3, 1),
    "64-128, 3x3, stride 2": Layer(64, 128, 28, 3, 1, stride=2),
    "depthwise": Layer(64, 64, 14, 3, 1, groups=64),
    "pointwise": Layer(64, 64, 14, 1, 0),
}
DIRECTIONS = ("forward", "input", "weight")


def _by_torch(layer: Layer, direction: str, x: Any, w: Any, b: Any, g: Any) -> Callable[[], Any]:
    stride, padding = [layer.stride] * 2, [layer.padding] * 2
    if direction == "forward":
        return lambda: torch.nn.functional.conv2d(x, w, b, stride, padding, 1, layer.groups)
    wanted = [direction == "input", direction == "weight", False]
    rest = ([layer.out], stride, padding, [1, 1], False, [0, 0], layer.groups, wanted)
    return lambda: torch.ops.aten.convolution_backward(g, x, w, *rest)[wanted.index(True)]


@pytest.mark.parametrize("batch", [32, 256])
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("name", LAYERS)
def test_layer(contest: Any, name: str, direction: str, batch: int) -> None:
    layer, rng = LAYERS[name], np.random.default_rng(0)
    shapes = (
        (batch, layer.channels, layer.size, layer.size),
        (layer.out, layer.channels // layer.groups, layer.kernel, layer.kernel),
        (layer.out,),
        (batch, layer.out, layer.map, layer.map),
    )
    x, w, b, g = arrays = [rng.standard_normal(shape, np.float32) for shape in shapes]
    window = layer.window()
    functions: dict[str, Callable[[], Any]] = {
        "wengert": {
            "forward": lambda: _kernels.conv(x, w, window, b),
            "input": lambda: _kernels.conv_input(g, w, window),
            "weight": lambda: _kernels.conv_weight(x, g, window),
        }[direction]
    }
    if torch is not None:
        tensors = [torch.from_numpy(v) for v in arrays]
        last = [v.contiguous(memory_format=torch.channels_last) if v.ndim == 4 else v for v in tensors]
        functions["torch"] = _by_torch(layer, direction, *tensors)
        functions["torch channels_last"] = _by_torch(layer, direction, *last)
    contest(functions, rtol=2e-5, seconds=1.0, flops=layer.flops(batch))


# ---------------------------------------------------------------- steps of training


@pytest.mark.parametrize("batch", [32, 256])
@pytest.mark.parametrize("name", NETS)
def test_step(contest: Any, name: str, batch: int) -> None:
    make, shape = NETS[name]
    rng = np.random.default_rng(0)
    images = rng.standard_normal((batch, *shape), np.float32)
    labels = rng.integers(0, 10, batch)
    functions: dict[str, Callable[[], Any]] = {}
    if torch is not None:
        x, y = torch.from_numpy(images), torch.from_numpy(labels)
        functions["torch"] = training_step(torch, make(torch.nn), x, y)
        last = torch.channels_last
        net = make(torch.nn).to(memory_format=last)
        functions["torch channels_last"] = training_step(torch, net, x.contiguous(memory_format=last), y)
    functions["wengert"] = training_step(wg, make(wg.nn), wg.from_numpy(images), wg.from_numpy(labels))
    goals = [goal for goal in (f"{name}, batch {batch}", f"{name}, batch {batch}, either layout") if goal in GOALS]
    contest(functions, rtol=1e-4, seconds=6.0, goals=goals)


@pytest.mark.parametrize("name", NETS)
def test_memory_of_a_step(measured: Any, name: str) -> None:
    """What three steps of batch 256 take beside the process, network and images."""
    names = ["wengert", *(["torch", "torch channels_last"] if torch is not None else [])]
    losses: dict[str, float] = {}

    def peak(library: str) -> float:
        loss, taken = memory_of(library, name)
        assert loss == pytest.approx(losses.setdefault("wengert", loss), rel=1e-4)
        return taken

    goals = ["CNN, memory"] if name == "plain" else []
    measured({library: lambda library=library: peak(library) for library in names}, unit="B", rounds=3, goals=goals)
