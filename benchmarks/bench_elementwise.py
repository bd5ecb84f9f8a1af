"""Elementwise operations from 16 to ten million items, and broadcasting.

NumPy takes part twice: with a new result, as everybody else, and into an array that is already there (`out=`), which is
what a careful user writes in a loop; that one is not judged by, since nobody else is asked to do so little.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest

import wengert as wg
from opponents import jax, jitted, torch

SIZES = {"16": 16, "1k": 1_000, "100k": 100_000, "1M": 1_000_000, "10M": 10_000_000}
MEMORY_BOUND = 10_000_000  # items, from which no cache holds the operands


class Entry(NamedTuple):
    """An operation: its number of operands, its names, and NumPy's way of computing it into `out`."""

    operands: int
    numpy: Callable[..., Any] | None
    torch: Callable[[Any], Any]  # given the module, the function
    jax: Callable[[Any], Any]
    wengert: Callable[..., Any]


def _sigmoid(x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    out = np.negative(x, out=out)
    np.exp(out, out=out)
    out += 1
    return np.reciprocal(out, out=out)


def _softplus(x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    return np.logaddexp(x, np.float32(0), out=out)


def _leaky_relu(x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    out = np.multiply(x, np.float32(0.01), out=out)
    return np.maximum(out, x, out=out)


def _clip(x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    return np.clip(x, np.float32(0.5), np.float32(1.0), out=out)


def _same(operands: int, name: str, peers: str = "") -> Entry:
    """An operation that is called alike, or with another name by PyTorch and JAX."""
    peers = peers or name
    return Entry(
        operands,
        getattr(np, name, None),
        lambda t: getattr(t, peers),
        lambda j: getattr(j.numpy, peers),
        getattr(wg, name),
    )


COMMON = {
    "add": Entry(2, np.add, lambda t: operator.add, lambda j: operator.add, operator.add),
    "multiply": Entry(2, np.multiply, lambda t: operator.mul, lambda j: operator.mul, operator.mul),
    "exp": _same(1, "exp"),
    "log": _same(1, "log"),
    "tanh": _same(1, "tanh"),
    "sigmoid": Entry(1, _sigmoid, lambda t: t.sigmoid, lambda j: j.nn.sigmoid, wg.sigmoid),
    "relu": Entry(
        1, lambda x, out=None: np.maximum(x, np.float32(0), out=out), lambda t: t.relu, lambda j: j.nn.relu, wg.relu
    ),
}
OTHERS = {
    "subtract": _same(2, "subtract"),
    "divide": _same(2, "divide"),
    "power": Entry(2, np.power, lambda t: t.pow, lambda j: j.numpy.power, wg.power),
    "maximum": _same(2, "maximum"),
    "minimum": _same(2, "minimum"),
    "less": _same(2, "less"),
    "negative": _same(1, "negative"),
    "abs": _same(1, "abs"),
    "sign": _same(1, "sign"),
    "sqrt": _same(1, "sqrt"),
    "square": _same(1, "square"),
    "reciprocal": _same(1, "reciprocal"),
    "expm1": _same(1, "expm1"),
    "log1p": _same(1, "log1p"),
    "sin": _same(1, "sin"),
    "cos": _same(1, "cos"),
    "erf": Entry(1, None, lambda t: t.erf, lambda j: j.scipy.special.erf, wg.erf),
    "gelu": Entry(1, None, lambda t: t.nn.functional.gelu, lambda j: partial(j.nn.gelu, approximate=False), wg.gelu),
    "softplus": Entry(1, _softplus, lambda t: t.nn.functional.softplus, lambda j: j.nn.softplus, wg.softplus),
    "leaky_relu": Entry(1, _leaky_relu, lambda t: t.nn.functional.leaky_relu, lambda j: j.nn.leaky_relu, wg.leaky_relu),
    "clip": Entry(
        1, _clip, lambda t: partial(t.clip, min=0.5, max=1.0), lambda j: partial(j.numpy.clip, min=0.5, max=1.0),
        partial(wg.clip, min=0.5, max=1.0),
    ),
}  # fmt: skip


def contestants(entry: Entry, arrays: list[np.ndarray], out: np.ndarray) -> dict[str, Any]:
    """Everybody's way of computing an operation of these arrays."""
    functions: dict[str, Any] = {}
    if entry.numpy is not None:
        functions["numpy"] = partial(entry.numpy, *arrays)
        functions["numpy out="] = partial(entry.numpy, *arrays, out=out)
    if torch is not None:
        functions["torch"] = partial(entry.torch(torch), *map(torch.from_numpy, arrays))
    if jax is not None:
        functions["jax"] = jitted(entry.jax(jax), *arrays)
    functions["wengert"] = partial(entry.wengert, *map(wg.from_numpy, arrays))
    return functions


def compete(contest: Any, name: str, entry: Entry, n: int, goals: list[str]) -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.random(n, dtype=np.float32) + np.float32(0.25) for _ in range(entry.operands)]
    out = np.empty(n, bool if name == "less" else np.float32)
    moved = sum(x.nbytes for x in arrays) + out.nbytes if n >= MEMORY_BOUND else 0
    contest(
        contestants(entry, arrays, out), rtol=1e-5, goals=goals, moved=moved, seconds=1.2 if n >= MEMORY_BOUND else 0.5
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", COMMON)
def test_elementwise(contest: Any, name: str, size: str) -> None:
    n = SIZES[size]
    if n <= 1_000:
        goal = "elementwise, small"
    elif n >= 10_000_000:
        goal = "elementwise, large"
    else:
        goal = "elementwise, bandwidth" if name in ("add", "multiply") else "elementwise, medium"
    compete(contest, name, COMMON[name], n, [goal])


@pytest.mark.parametrize("size", ["1k", "1M"])
@pytest.mark.parametrize("name", OTHERS)
def test_other_operations(contest: Any, name: str, size: str) -> None:
    compete(contest, name, OTHERS[name], SIZES[size], [])


@pytest.mark.parametrize("size", ["1k", "1M"])
def test_where(contest: Any, size: str) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random((2, SIZES[size]), dtype=np.float32)
    condition = x > y
    contest(contestants_without_out(np.where, "where", [condition, x, y]))


def contestants_without_out(numpy: Any, name: str, arrays: list[np.ndarray]) -> dict[str, Any]:
    """The same where NumPy has no `out`."""
    entry = _same(len(arrays), name)
    return {k: f for k, f in contestants(entry._replace(numpy=numpy), arrays, arrays[0]).items() if k != "numpy out="}


BROADCASTS = {
    "matrix + row": ((1000, 1000), (1000,)),
    "matrix + column": ((1000, 1000), (1000, 1)),
    "outer sum": ((1000, 1), (1000,)),
    "4-d, inner": ((16, 32, 28, 28), (16, 32, 28, 1)),
    "4-d, channels": ((16, 32, 28, 28), (32, 1, 1)),
    "small matrix + row": ((256, 256), (256,)),
    "small matrix + column": ((256, 256), (256, 1)),
    "small outer sum": ((256, 1), (256,)),
    "small 4-d, inner": ((8, 4, 28, 28), (8, 4, 28, 1)),
}


@pytest.mark.parametrize("case", BROADCASTS)
def test_broadcasting(contest: Any, case: str) -> None:
    rng = np.random.default_rng(0)
    x, y = (rng.random(shape, dtype=np.float32) for shape in BROADCASTS[case])
    contest(contestants(COMMON["add"], [x, y], np.empty_like(x + y)), goals=["broadcasting"])
