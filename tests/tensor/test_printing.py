"""The printed form: literal examples, and character for character against PyTorch where it is installed."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.core import dtypes
from wengert.tensors.printing import backward_name, tensor_text


@pytest.fixture(autouse=True)
def _default_options() -> Iterator[None]:
    yield
    wg.set_printoptions(profile="default")
    wg.set_default_dtype(wg.float32)


LITERAL = [
    (2.5, None, "tensor(2.5000)"),
    (3.0, None, "tensor(3.)"),
    (7, None, "tensor(7)"),
    (True, None, "tensor(True)"),
    ([1.0, 2.0], None, "tensor([1., 2.])"),
    ([[0.0, 1.0], [-2.0, 3.0]], None, "tensor([[ 0.,  1.],\n        [-2.,  3.]])"),
    ([1.0, 2.5, -30.25], None, "tensor([  1.0000,   2.5000, -30.2500])"),
    ([1, -20, 300], None, "tensor([  1, -20, 300])"),
    ([True, False], None, "tensor([ True, False])"),
    ([1e-5, 1.0], None, "tensor([1.0000e-05, 1.0000e+00])"),
    ([0.001, 1.5], None, "tensor([1.0000e-03, 1.5000e+00])"),
    ([0.01, 1.5], None, "tensor([0.0100, 1.5000])"),
    ([1e8, 1.0], None, "tensor([1.0000e+08, 1.0000e+00])"),
    ([1e8], None, "tensor([100000000.])"),
    ([2e8], None, "tensor([2.0000e+08])"),
    ([1.0, 1000.0], None, "tensor([   1., 1000.])"),
    ([1.0, 1001.0], None, "tensor([1.0000e+00, 1.0010e+03])"),
    ([0.0, 1e-5], None, "tensor([0.0000e+00, 1.0000e-05])"),
    ([-0.0, 0.0], None, "tensor([-0., 0.])"),
    ([math.nan, 1.0], None, "tensor([nan, 1.])"),
    ([math.inf, -math.inf, 1.5], None, "tensor([   inf,   -inf, 1.5000])"),
    ([math.nan], None, "tensor([nan])"),
    ([], None, "tensor([])"),
    ([[], []], None, "tensor([], size=(2, 0))"),
    ([], "int64", "tensor([], dtype=wengert.int64)"),
    ([], "bool", "tensor([], dtype=wengert.bool)"),
    ([[]], "float64", "tensor([], size=(1, 0), dtype=wengert.float64)"),
    ([1.0], "float64", "tensor([1.], dtype=wengert.float64)"),
    ([1.5], "float16", "tensor([1.5000], dtype=wengert.float16)"),
    ([1, 2], "uint8", "tensor([1, 2], dtype=wengert.uint8)"),
    ([[[1]], [[2]]], None, "tensor([[[1]],\n\n        [[2]]])"),
]


@pytest.mark.parametrize(("data", "dtype", "expected"), LITERAL, ids=[text for *_, text in LITERAL])
def test_a_tensor_prints_as_in_pytorch(data: Any, dtype: str | None, expected: str) -> None:
    assert repr(wg.tensor(data, dtype=dtype)) == str(wg.tensor(data, dtype=dtype)) == expected


LONG = [
    "tensor([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17,\n"
    "        18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29])",
    "tensor([   0,    1,    2,  ..., 1998, 1999, 2000])",
    "tensor([[   0,    1,    2,  ...,   47,   48,   49],\n"
    "        [  50,   51,   52,  ...,   97,   98,   99],\n"
    "        [ 100,  101,  102,  ...,  147,  148,  149],\n"
    "        ...,\n"
    "        [2350, 2351, 2352,  ..., 2397, 2398, 2399],\n"
    "        [2400, 2401, 2402,  ..., 2447, 2448, 2449],\n"
    "        [2450, 2451, 2452,  ..., 2497, 2498, 2499]])",
]


def test_long_lines_are_wrapped_and_many_items_summarised() -> None:
    assert repr(wg.arange(30)) == LONG[0]
    assert repr(wg.arange(2001)) == LONG[1]
    assert repr(wg.arange(2500).reshape(50, 50)) == LONG[2]
    assert "..." not in repr(wg.arange(1000))


def test_a_summary_reads_only_the_corners() -> None:
    huge = wg.from_numpy(np.broadcast_to(np.float32(1), (1 << 40, 1 << 20)))
    assert repr(huge).count("1.") == 36


def test_what_a_tensor_came_from_is_printed_behind_it() -> None:
    x = wg.tensor([1.0, 2.0], requires_grad=True)
    assert repr(x) == "tensor([1., 2.], requires_grad=True)"
    assert repr(x + 1) == "tensor([2., 3.], grad_fn=<AddBackward0>)"
    assert repr(x.log_softmax(0)) == "tensor([-1.3133, -0.3133], grad_fn=<LogSoftmaxBackward0>)"
    assert repr(x.detach()) == "tensor([1., 2.])"
    assert repr(wg.zeros(2, 0, dtype=wg.float64, requires_grad=True)) == (
        "tensor([], size=(2, 0), dtype=wengert.float64, requires_grad=True)"
    )


def test_a_suffix_that_does_not_fit_goes_on_a_line_of_its_own() -> None:
    x = wg.ones(18, dtype=wg.float64, requires_grad=True)
    ones = ", ".join(["1."] * 18)
    assert repr(x) == f"tensor([{ones}],\n       dtype=wengert.float64, requires_grad=True)"


def test_another_prefix_moves_the_columns() -> None:
    assert tensor_text(wg.ones(2, 2), "Parameter") == "Parameter([[1., 1.],\n           [1., 1.]])"


@pytest.mark.parametrize(
    ("operation", "text"),
    [("add", "AddBackward0"), ("log_softmax", "LogSoftmaxBackward0"), ("broadcast_to", "ExpandBackward0")],
)
def test_a_node_is_named_after_its_operation(operation: str, text: str) -> None:
    assert backward_name(operation) == text


def test_the_default_dtype_is_not_printed() -> None:
    wg.set_default_dtype(wg.float64)
    assert repr(wg.tensor([0.5])) == "tensor([0.5000])"
    assert repr(wg.tensor([0.5], dtype=wg.float32)) == "tensor([0.5000], dtype=wengert.float32)"


def test_the_options_hold_until_they_are_changed() -> None:
    wg.set_printoptions(precision=2, sci_mode=True)
    assert repr(wg.tensor([1.0])) == "tensor([1.00e+00])"
    before = wg.get_printoptions()
    assert before == {"precision": 2, "threshold": 1000, "edgeitems": 3, "linewidth": 80, "sci_mode": True}
    wg.set_printoptions(threshold=5, edgeitems=1)
    assert repr(wg.arange(10)) == "tensor([0,  ..., 9])"
    assert wg.get_printoptions()["sci_mode"] is None
    wg.set_printoptions(**before)
    assert wg.get_printoptions() == {**before, "threshold": 1000, "edgeitems": 3}
    wg.set_printoptions(profile="full")
    assert "..." not in repr(wg.arange(5000))
    wg.set_printoptions(linewidth=1)
    assert repr(wg.arange(2)) == "tensor([0,\n        1])"
    with pytest.raises(ValueError, match="profile of default, short, full, got 'long'"):
        wg.set_printoptions(profile="long")


# ---------------------------------------------------------------- against PyTorch


def as_ours(text: str) -> str:
    """PyTorch's text, but for the name of the package and, as that is longer, for where the line breaks before it."""
    return re.sub(r",\s+dtype=(torch|wengert)", ", dtype=wengert", text)


def draw(rng: np.random.Generator, dtype: np.dtype) -> np.ndarray:
    """An array that is likely to be a special case of printing."""
    ndim = int(rng.integers(0, 5))
    shape = tuple(rng.integers(0 if rng.random() < 0.1 else 1, 12 if ndim > 2 else 40, ndim))
    if dtype.kind == "b":
        return np.asarray(rng.random(shape) < 0.5)
    if dtype.kind in "iu":
        limit = np.iinfo(dtype)
        high = min(limit.max, 10 ** int(rng.integers(1, 19)))
        return np.asarray(rng.integers(max(limit.min, -high), high, shape), dtype)
    x = rng.standard_normal(shape) * 10.0 ** rng.integers(-6, 9)
    if rng.random() < 0.4:
        x = np.round(x)
    if rng.random() < 0.3:
        x = np.where(rng.random(shape) < 0.2, rng.choice([np.nan, np.inf, -np.inf, 0.0, -0.0]), x)
    with np.errstate(over="ignore"):
        return np.asarray(x, dtype)


def options(rng: np.random.Generator) -> dict[str, Any]:
    if rng.random() < 0.7:
        return {"profile": str(rng.choice(["default", "default", "short", "full"]))}
    return {
        "precision": int(rng.integers(0, 8)),
        "threshold": int(rng.integers(0, 50)),
        "edgeitems": int(rng.integers(0, 4)),
        "linewidth": int(rng.integers(10, 120)),
        "sci_mode": [None, True, False][rng.integers(3)],
    }


@pytest.mark.parametrize("dtype", dtypes.ALL, ids=str)
def test_random_arrays_print_as_in_pytorch(dtype: np.dtype) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch, the reference for the printed form, is not installed")
    rng = np.random.default_rng([5, dtype.num])
    try:
        for _ in range(150):
            array, chosen = draw(rng, dtype), options(rng)
            torch.set_printoptions(**chosen)
            wg.set_printoptions(**chosen)
            assert as_ours(repr(wg.tensor(array))) == as_ours(repr(torch.tensor(array))), (array.shape, chosen)
    finally:
        torch.set_printoptions(profile="default")


@pytest.mark.parametrize("data", [data for data, dtype, _ in LITERAL if dtype is None], ids=str)
def test_the_literal_examples_are_pytorchs(data: Any) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch, the reference for the printed form, is not installed")
    assert repr(wg.tensor(data)) == repr(torch.tensor(data))
