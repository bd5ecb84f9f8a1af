"""What tests of `wg.compile` share: bits of results, and a function beside its program."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.compiling import CompileError


def bits(tree: Any) -> Any:
    """All that can be compared of a result, its items bit by bit."""
    if isinstance(tree, wg.Tensor):
        return "tensor", tree.shape, tree.dtype, tree.requires_grad, tree.detach().numpy().tobytes()
    if isinstance(tree, (np.ndarray, np.generic)):
        return type(tree), tree.shape, tree.dtype, tree.tobytes()
    if isinstance(tree, dict):
        return type(tree), [(key, bits(part)) for key, part in tree.items()]
    if isinstance(tree, (list, tuple)):
        return type(tree), [bits(part) for part in tree]
    return type(tree), tree


def drawn(seed: int, *shape: int, dtype: Any = np.float32) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def of(seed: int, *shape: int) -> Any:
    return wg.from_numpy(drawn(seed, *shape))


def assert_follows(f: Callable[..., Any], rounds: list[tuple[Any, ...]], programs: int = 1) -> Any:
    """Call f and its program with each of the arguments in turn, and compare; give what was compiled."""
    compiled = wg.compile(f)
    for k, args in enumerate(rounds):
        expected = bits(f(*args))
        assert bits(compiled(*args)) == expected, f"call {k}"
    assert compiled._count() == programs
    return compiled


def call(f: Callable[..., Any], rounds: list[tuple[Any, ...]]) -> None:
    for args in rounds:
        f(*args)


def line_of(f: Callable[..., Any], mark: str) -> str:
    """Where the line of a function is that ends in a comment, as errors tell it."""
    lines, first = inspect.getsourcelines(f)
    (k,) = [k for k, line in enumerate(lines) if line.rstrip().endswith(f"# {mark}")]
    return f"{inspect.getsourcefile(f)}:{first + k}"


def assert_refuses(f: Callable[..., Any], *rounds: tuple[Any, ...], error: Any = CompileError) -> str:
    """Some call raises, and names the line that is marked; gives the message."""
    with pytest.raises(error) as caught:
        call(wg.compile(f), list(rounds))
    assert line_of(f, "here") in str(caught.value)
    return str(caught.value)


class Counted:
    """A function that knows how often Python has run it."""

    def __init__(self, f: Callable[..., Any]) -> None:
        self.f, self.calls = f, 0

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        self.calls += 1
        return self.f(*args, **keywords)
