"""PyTorch's names for layouts of memory are accepted, and mean nothing."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import wengert as wg

FORMATS = pytest.mark.parametrize("layout", [wg.channels_last, wg.contiguous_format, wg.preserve_format], ids=repr)


@FORMATS
def test_values_lie_in_c_order(layout: Any) -> None:
    x = wg.randn(2, 3, 4, 5)
    assert isinstance(layout, wg.memory_format)
    assert x.to(memory_format=layout) is x
    assert x.contiguous(memory_format=layout) is x
    assert x.is_contiguous(memory_format=layout)
    turned = x.permute(0, 2, 3, 1)
    assert not turned.is_contiguous(memory_format=layout)
    for y in (
        x.clone(memory_format=layout),
        x.to(wg.float64, memory_format=layout),
        turned.contiguous(memory_format=layout),
    ):
        assert y.is_contiguous()
        np.testing.assert_array_equal(y.numpy(), (x if y.shape == x.shape else turned).numpy())


def test_transposed_matrices_keep_their_order() -> None:
    x, row = wg.randn(30, 20).T, wg.randn(30)
    for y in (x.clone(), x.clone(memory_format=wg.preserve_format), x.flip(0), x.flip(1), x + row, x.exp(), x.tril()):
        assert y.stride() == (1, 20)
    for y in (x.clone(memory_format=wg.contiguous_format), x.contiguous(), x[1:] + row, row + wg.randn(20, 1)):
        assert y.is_contiguous()
    np.testing.assert_array_equal(x.flip(0, 1).numpy(), x.numpy()[::-1, ::-1])


@FORMATS
def test_what_makes_tensors_accepts_them(layout: Any) -> None:
    x = wg.randn(2, 3)
    made = [
        wg.empty(2, 3, memory_format=layout), wg.empty_like(x, memory_format=layout),
        wg.zeros_like(x, memory_format=layout), wg.ones_like(x, memory_format=layout),
        wg.full_like(x, 2, memory_format=layout), wg.rand_like(x, memory_format=layout),
        wg.randn_like(x, memory_format=layout), wg.randint_like(x, 5, memory_format=layout),
    ]  # fmt: skip
    assert {(y.shape, y.stride()) for y in made} == {(x.shape, x.stride())}


def test_modules_accept_them() -> None:
    net = wg.nn.Conv2d(3, 4, 3)
    before = net.weight
    assert net.to(memory_format=wg.channels_last) is net
    assert net.to("cpu", memory_format=wg.channels_last, non_blocking=True).weight is before
    assert net.to(wg.float64, memory_format=wg.channels_last).weight.dtype == wg.float64
    assert repr(wg.channels_last) == "wengert.channels_last"
    assert pickle.loads(pickle.dumps(wg.channels_last)) is wg.channels_last
