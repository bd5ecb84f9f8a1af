"""Special functions, in both dtypes, and their gradients, beside PyTorch and SciPy.

Answers are compared first, relative to the largest: PyTorch's trigamma function has ten digits only.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest

import wengert as wg
from opponents import load, torch

scipy = load("scipy.special")
SIZES = {"1k": 1_000, "1M": 1_000_000}
RTOL = {"float32": 2e-5, "float64": 1e-9}


class Entry(NamedTuple):
    """A function, and the interval that its arguments are drawn from."""

    low: float
    high: float
    wengert: Callable[..., Any]
    torch: Callable[[Any], Any]  # given the module, the function
    scipy: Callable[[Any], Any]


def _same(name: str, low: float, high: float, peer: str = "") -> Entry:
    """A function that all call alike, but perhaps SciPy."""
    return Entry(low, high, getattr(wg.special, name), lambda t: getattr(t.special, name),
                 lambda s: getattr(s, peer or name))  # fmt: skip


ENTRIES = {
    "lgamma": _same("gammaln", 0.1, 20),
    "digamma": _same("digamma", 2, 20),  # its zero is where errors grow without bound
    "polygamma 1": Entry(0.1, 20, partial(wg.polygamma, 1), lambda t: partial(t.polygamma, 1),
                         lambda s: partial(s.polygamma, 1)),
    "polygamma 2": Entry(0.1, 20, partial(wg.polygamma, 2), lambda t: partial(t.polygamma, 2),
                         lambda s: partial(s.polygamma, 2)),
    "erfc": _same("erfc", -3, 3),
    "erfcx": _same("erfcx", -3, 20),
    "erfinv": _same("erfinv", -0.999, 0.999),
    "ndtr": _same("ndtr", -3, 3),
    "log_ndtr": _same("log_ndtr", -20, 3),
    "ndtri": _same("ndtri", 0.001, 0.999),
    "sinc": Entry(0.05, 0.95, wg.sinc, lambda t: t.sinc, lambda s: np.sinc),
    "entr": _same("entr", 1.1, 3),
    "i0": _same("i0", -10, 10),
    "i0e": _same("i0e", -20, 20),
    "i1": _same("i1", -10, 10),
    "i1e": _same("i1e", -20, 20),
}  # fmt: skip


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", RTOL)
@pytest.mark.parametrize("name", ENTRIES)
def test_special_functions(contest: Any, name: str, dtype: str, size: str) -> None:
    entry = ENTRIES[name]
    x = np.random.default_rng(0).uniform(entry.low, entry.high, SIZES[size]).astype(dtype)
    functions: dict[str, Any] = {}
    if scipy is not None:
        functions["scipy"] = partial(entry.scipy(scipy), x)
    if torch is not None:
        functions["torch"] = partial(entry.torch(torch), torch.from_numpy(x))
    functions["wengert"] = partial(entry.wengert, wg.from_numpy(x))
    contest(functions, rtol=RTOL[dtype])


def _gradient(library: Any, function: Callable[..., Any], x: Any) -> Callable[[], Any]:
    x.requires_grad_()

    def walk() -> Any:
        return library.autograd.grad(function(x).sum(), (x,))[0]

    return walk


@pytest.mark.parametrize("dtype", RTOL)
@pytest.mark.parametrize("name", ["lgamma", "digamma", "erfcx", "erfinv", "log_ndtr", "ndtri", "sinc", "i0", "i1e"])
def test_their_gradients(contest: Any, name: str, dtype: str) -> None:
    entry = ENTRIES[name]
    x = np.random.default_rng(0).uniform(entry.low, entry.high, 100_000).astype(dtype)
    functions: dict[str, Any] = {}
    if torch is not None:
        functions["torch"] = _gradient(torch, entry.torch(torch), torch.from_numpy(x.copy()))
    functions["wengert"] = _gradient(wg, entry.wengert, wg.from_numpy(x.copy()))
    # PyTorch's slope of log_ndtr loses digits to the left.
    contest(functions, rtol=5 * RTOL[dtype])
