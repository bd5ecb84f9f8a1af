"""What user code hands to a walk is checked where it is handed in: what hooks return, and what `.grad` is set to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg

# What cannot stand for a gradient of shape (2,) and float32, and what is said of it.
WRONG: dict[str, tuple[Any, type[Exception], str]] = {
    "another shape": (wg.ones(3), RuntimeError, r"shape \(3,\)"),
    "a shape that would broadcast": (wg.ones(1, 2), RuntimeError, r"shape \(1, 2\)"),
    "no dimensions": (wg.tensor(1.0), RuntimeError, r"shape \(\)"),
    "float64": (wg.ones(2, dtype=wg.float64), RuntimeError, "float64"),
    "integers": (wg.ones(2, dtype=wg.int64), RuntimeError, "int64"),
    "booleans": (wg.ones(2, dtype=wg.bool), RuntimeError, "bool"),
    "a number": (5, TypeError, "int"),
    "an array": (np.ones(2, np.float32), TypeError, "ndarray"),
    "a list": ([1.0, 1.0], TypeError, "list"),
}
PLACES: dict[str, Callable[[wg.Tensor], tuple[wg.Tensor, wg.Tensor]]] = {
    "a leaf": lambda x: (x, x * 2),
    "a result": lambda x: (y := x * 2, y * 3),
    "a view": lambda x: (y := (x * 2)[:], y * 3),
}
WALKS: dict[str, Callable[[wg.Tensor, wg.Tensor], Any]] = {
    "backward": lambda x, z: z.sum().backward(),
    "grad": lambda x, z: wg.autograd.grad(z.sum(), x),
    "backward with a graph": lambda x, z: z.sum().backward(create_graph=True),
}


@pytest.mark.parametrize("walk", WALKS)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("wrong", WRONG)
def test_a_hook_that_returns_what_is_no_such_gradient_is_named(wrong: str, place: str, walk: str) -> None:
    returned, kind, words = WRONG[wrong]
    x = wg.ones(2, requires_grad=True)
    hooked, z = PLACES[place](x)

    def hook_of_mine(g: wg.Tensor) -> Any:
        return returned

    hooked.register_hook(hook_of_mine)
    with pytest.raises(kind, match=words) as caught:
        WALKS[walk](x, z)
    assert "hook_of_mine" in str(caught.value)
    assert x.grad is None


@pytest.mark.parametrize("wrong", WRONG)
def test_grad_takes_nothing_but_a_gradient(wrong: str) -> None:
    given, kind, words = WRONG[wrong]
    x = wg.ones(2, requires_grad=True)
    for tensor in (x, x * 2, wg.nn.Parameter(wg.ones(2))):
        with pytest.raises(kind, match=words):
            tensor.grad = given
        assert tensor.grad is None


def test_grad_takes_a_tensor_like_its_own_or_none() -> None:
    x = wg.ones(2, requires_grad=True)
    g = wg.tensor([1.0, 2.0])
    x.grad = g
    assert x.grad is g
    x.sum().backward()
    assert g.tolist() == [2.0, 3.0]  # it is added to, as in PyTorch
    x.grad = None
    assert x.grad is None
    integers = wg.ones(2, dtype=wg.int64)
    integers.grad = wg.ones(2, dtype=wg.int64)
    with pytest.raises(RuntimeError, match="its own"):
        x.grad = x


def test_what_is_no_function_is_refused_as_a_hook() -> None:
    x = wg.ones(2, requires_grad=True)
    for register in (x.register_hook, x.register_post_accumulate_grad_hook):
        with pytest.raises(TypeError, match="expected a function of a tensor, got int"):
            register(5)


def test_a_hook_after_accumulation_has_nothing_to_return() -> None:
    x = wg.ones(2, requires_grad=True)
    x.register_post_accumulate_grad_hook(lambda x: x.grad * 2)
    with pytest.raises(RuntimeError, match="return None"):
        x.sum().backward()


def test_hooks_see_what_those_before_them_made() -> None:
    seen: list[list[float]] = []
    x = wg.ones(2, requires_grad=True)
    x.register_hook(lambda g: g * 2)
    x.register_hook(lambda g: seen.append(g.tolist()))
    x.register_hook(lambda g: g + 1)
    x.sum().backward()
    assert seen == [[2.0, 2.0]]
    assert x.grad.tolist() == [3.0, 3.0]


def test_a_rule_that_gives_another_dtype_leaves_the_gradient_in_the_leafs() -> None:
    double = wg.define.primitive(
        "double", lambda x: 2 * x, (lambda g: (g * 2).double(),), (lambda t: t * 2,), arguments=("x",)
    )
    x = wg.ones(2, requires_grad=True)
    double(x).sum().backward()
    assert x.grad.dtype == wg.float32
    assert x.grad.tolist() == [2.0, 2.0]
    assert wg.autograd.grad(double(x).sum(), x)[0].dtype == wg.float32
