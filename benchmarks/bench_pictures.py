"""What lies between convolutions: pooling and batch normalization, forward and back, beside both of PyTorch's layouts.

As in bench_convolution.py, malloc's thresholds are raised, so that PyTorch does not fetch its results page by page.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from opponents import torch
from wengert import _kernels
from wengert.nn import functional as F
from wengert.ops.pooling import Window

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
with contextlib.suppress(AttributeError):  # of glibc alone
    for _parameter in (M_TRIM_THRESHOLD, M_MMAP_THRESHOLD):
        ctypes.CDLL(None).mallopt(_parameter, 1 << 30)

SHAPES = {"32 of 28 x 28": (256, 32, 28, 28), "64 of 14 x 14": (256, 64, 14, 14), "64 of 56 x 56": (64, 64, 56, 56)}
WINDOWS = {"2 x 2": (2, 2, 0), "3 x 3, stride 2": (3, 2, 1), "3 x 3, stride 1": (3, 1, 1)}


def arrays(*shapes: tuple[int, ...]) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape, np.float32) for shape in shapes]


def of_torch(function: Callable[..., Any], pictures: list[np.ndarray], *rest: Any) -> dict[str, Callable[[], Any]]:
    """A function of pictures and more, in both layouts."""
    tensors = [torch.from_numpy(x) for x in pictures]
    last = [x.contiguous(memory_format=torch.channels_last) for x in tensors]
    return {"torch": lambda: function(*tensors, *rest), "torch channels_last": lambda: function(*last, *rest)}


@pytest.mark.parametrize("kind", ["max", "avg"])
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("shape", SHAPES)
def test_pooling(contest: Any, shape: str, window: str, kind: str) -> None:
    size, stride, padding = WINDOWS[window]
    (x,) = arrays(SHAPES[shape])
    tensor = wg.from_numpy(x)
    ours = {"max": F.max_pool2d, "avg": F.avg_pool2d}[kind]
    functions = {"wengert": lambda: ours(tensor, size, stride, padding)}
    if torch is not None:
        theirs = {"max": torch.nn.functional.max_pool2d, "avg": torch.nn.functional.avg_pool2d}[kind]
        functions.update(of_torch(lambda x: theirs(x, size, stride, padding), [x]))
    contest(functions, rtol=1e-6, seconds=1.0)


@pytest.mark.parametrize("kind", ["max", "avg"])
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("shape", SHAPES)
def test_pooling_back(contest: Any, shape: str, window: str, kind: str) -> None:
    size, stride, padding = WINDOWS[window]
    n, channels, *sides = SHAPES[shape]
    out = tuple((side + 2 * padding - size) // stride + 1 for side in sides)
    x, g = arrays(SHAPES[shape], (n, channels, *out))
    pairs = ((k, k) for k in (size, stride, padding, 1))
    static = tuple(Window(*pairs, out, divisor=float(size**2)))
    codes = _kernels.window_max(x, static)[1] if kind == "max" else None
    functions = {"wengert": lambda: _kernels.window_spread(g, codes, static, tuple(sides))}
    if torch is not None:
        sizes = ([size] * 2, [stride] * 2, [padding] * 2)
        if kind == "avg":
            backward = torch.ops.aten.avg_pool2d_backward
            functions.update(of_torch(lambda x, g: backward(g, x, *sizes, False, True, None), [x, g]))
        else:
            places = of_torch(
                lambda x: torch.nn.functional.max_pool2d(x, size, stride, padding, return_indices=True)[1], [x]
            )
            found = {name: find() for name, find in places.items()}
            backward = torch.ops.aten.max_pool2d_with_indices_backward
            for name, layout in (("torch", torch.contiguous_format), ("torch channels_last", torch.channels_last)):
                image, cotangent = (torch.from_numpy(v).contiguous(memory_format=layout) for v in (x, g))
                functions[name] = lambda image=image, cotangent=cotangent, at=found[name]: backward(
                    cotangent, image, *sizes, [1, 1], False, at
                )
    contest(functions, rtol=1e-5, seconds=1.0)


@pytest.mark.parametrize("shape", SHAPES)
def test_batch_norm(contest: Any, shape: str) -> None:
    channels = SHAPES[shape][1]
    x, w, b = arrays(SHAPES[shape], (channels,), (channels,))
    tensors = [wg.from_numpy(v) for v in (x, w, b)]
    functions = {"wengert": lambda: F.batch_norm(tensors[0], None, None, *tensors[1:], training=True)}
    if torch is not None:
        rest = [torch.from_numpy(v) for v in (w, b)]
        functions.update(of_torch(lambda x: torch.nn.functional.batch_norm(x, None, None, *rest, True), [x]))
    contest(functions, rtol=1e-4, seconds=1.0)  # PyTorch's channels_last adds up a channel's items one by one


@pytest.mark.parametrize("shape", SHAPES)
def test_batch_norm_back(contest: Any, shape: str) -> None:
    channels = SHAPES[shape][1]
    x, g, w = arrays(SHAPES[shape], SHAPES[shape], (channels,))
    mean, variance, _ = _kernels.norm_moments(x)
    functions = {"wengert": lambda: _kernels.norm_backward(g, x, mean, variance, w, 1e-5)[0]}
    if torch is not None:
        middle, scale = torch.from_numpy(mean), torch.from_numpy(1 / np.sqrt(variance + 1e-5))
        backward, weight = torch.ops.aten.native_batch_norm_backward, torch.from_numpy(w)
        rest = (weight, None, None, middle, scale, True, 1e-5, [True] * 3)
        functions.update(of_torch(lambda x, g: backward(g, x, *rest)[0], [x, g]))
    contest(functions, rtol=1e-4, seconds=1.0)
