"""The list and its two walks: depth, memory, stale values, order of visits."""

from __future__ import annotations

import gc
import tracemalloc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import _kernels
from wengert.core import tape


def chain(x: wg.Tensor, length: int) -> wg.Tensor:
    for _ in range(length):
        x = x * 1.00001
    return x


def test_a_chain_of_100000_operations_is_differentiated_in_both_directions() -> None:
    length, factor = 100_000, 1.00001
    x = wg.tensor(2.0, dtype=wg.float64, requires_grad=True)
    y = chain(x, length)
    y.backward()
    assert x.grad.item() == pytest.approx(factor**length, rel=1e-9)
    _, t = wg.func.jvp(lambda x: chain(x, length), x.detach(), wg.tensor(3.0, dtype=wg.float64))
    assert t.item() == pytest.approx(3 * factor**length, rel=1e-9)


def test_a_long_chain_is_differentiated_twice() -> None:
    x = wg.tensor(0.5, dtype=wg.float64)

    def f(x: wg.Tensor) -> wg.Tensor:
        for _ in range(5_000):
            x = x + x * x * 1e-4
        return x

    product = wg.func.hvp(f, x, wg.tensor(1.0, dtype=wg.float64))
    step = 1e-5
    numeric = (wg.func.grad(f)(x + step) - wg.func.grad(f)(x - step)) / (2 * step)
    assert product.item() == pytest.approx(numeric.item(), rel=1e-6)


@pytest.mark.parametrize("outer", ["forward", "reverse"])
@pytest.mark.parametrize("inner", ["forward", "reverse"])
def test_a_chain_of_100000_operations_is_differentiated_twice_nested(outer: str, inner: str) -> None:
    length, factor = 100_000, 1.00001

    def derivative(mode: str, f):
        return wg.func.grad(f) if mode == "reverse" else lambda x: wg.func.jvp(f, x, wg.ones_like(x))[1]

    second = derivative(outer, derivative(inner, lambda x: chain(x, length) * x))
    assert second(wg.tensor(2.0, dtype=wg.float64)).item() == pytest.approx(2 * factor**length, rel=1e-9)


def test_a_dropped_graph_of_a_million_nodes_is_freed_without_recursion() -> None:
    x = wg.tensor(1.0, requires_grad=True)
    y = chain(x, 1_000_000)
    first = weakref.ref(y.grad_fn)
    del y
    assert first() is None


def test_a_dropped_graph_needs_no_garbage_collector() -> None:
    gc.disable()
    try:
        x = wg.ones(3, requires_grad=True)
        y = (x.exp().tanh() * x).softmax(0).sum()
        node = weakref.ref(y.grad_fn)
        y.backward()
        del y
        assert node() is None
    finally:
        gc.enable()


def test_memory_returns_to_its_level_after_each_backward() -> None:
    w = wg.ones(64, 64, requires_grad=True)

    def step() -> None:
        w.grad = None
        ((w @ w).relu().softmax(1) * w).sum().backward()

    def traced() -> int:
        gc.collect()  # empties the interpreter's lists of free tuples, which count as allocated
        return tracemalloc.get_traced_memory()[0]

    step()
    gc.collect()  # what earlier tests have left
    used = _kernels.memory_usage()["in_use"]
    tracemalloc.start()
    for _ in range(20):
        step()
    first = traced()
    for _ in range(1000):
        step()
    last = traced()
    tracemalloc.stop()
    assert _kernels.memory_usage()["in_use"] == used
    assert last - first < 4096


def test_second_derivatives_through_matmul_softmax_and_cross_entropy() -> None:
    rng = np.random.default_rng(0)
    x, w, v = (wg.from_numpy(rng.normal(size=shape)) for shape in ((4, 3), (3, 5), (3, 5)))
    labels = np.array([0, 4, 2, 2])

    def loss(w: wg.Tensor) -> wg.Tensor:
        z = x @ w
        return wg.cross_entropy(z, labels) + (wg.softmax(z, 1) ** 2).sum()

    product = wg.func.hvp(loss, w, v)
    step = 1e-5
    numeric = (wg.func.grad(loss)(w + step * v) - wg.func.grad(loss)(w - step * v)) / (2 * step)
    np.testing.assert_allclose(product.numpy(), numeric.numpy(), rtol=1e-7, atol=1e-9)


def test_a_second_walk_needs_retain_graph() -> None:
    x = wg.ones(3, requires_grad=True)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [4.0, 4.0, 4.0]
    with pytest.raises(RuntimeError, match=r"mul: .*retain_graph=True"):
        y.backward()


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div"])
@pytest.mark.parametrize("tracked", ["x", "y", "xy", "x and a number"])
@pytest.mark.parametrize("shown", [lambda x: x, lambda x: x.T, lambda x: x[1], lambda x: x[:, ::2], lambda x: x[:0]])
def test_a_recorded_change_is_the_operation(name: str, tracked: str, shown: Callable[..., Any]) -> None:
    """Some write straight into the tensor's memory: the same items, first and second derivatives, in the same place."""
    rng = np.random.default_rng(0)
    x, y, g = (wg.from_numpy(rng.uniform(0.5, 2.0, (3, 4))) for _ in range(3))
    leaves = [v.requires_grad_() for v, letter in ((x, "x"), (y, "y")) if letter in tracked]
    number = 1.5 if "number" in tracked else None

    def changed(x: wg.Tensor, y: wg.Tensor) -> wg.Tensor:
        z = x * 1.0
        place, version = z.data_ptr(), z._version
        found = shown(z)
        assert getattr(found, f"{name}_")(number or shown(y)) is found
        assert (z.data_ptr(), z._version) == (place, version + 1)
        return z

    def new(x: wg.Tensor, y: wg.Tensor) -> wg.Tensor:
        place = np.zeros((3, 4), bool)
        shown(place)[...] = True
        return wg.where(wg.from_numpy(place), getattr(wg, name)(x, number or y), x * 1.0)

    found, expected = [], []
    for function, to in ((changed, found), (new, expected)):
        z = function(x, y)
        first = wg.autograd.grad((z * z * g).sum(), leaves, create_graph=True)
        to += [z, *first, *wg.autograd.grad(sum((d * d).sum() for d in first), leaves)]
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-13)


def test_a_recorded_addition_in_place_is_refused_and_told_like_any_change() -> None:
    x, y = wg.ones(3, requires_grad=True), wg.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="add_: a leaf that requires a gradient"):
        x.add_(y)
    assert (x.detach().numpy() == 1).all()
    z = wg.exp(x)
    z.add_(y)
    with pytest.raises(RuntimeError, match=r"exp: its result, of shape \(3,\)"):
        z.sum().backward()
    z = x * 1.0
    z.retain_grad()
    z.sub_(z)
    z.sum().backward()
    np.testing.assert_array_equal(z.grad.numpy(), np.ones(3))
    np.testing.assert_array_equal(x.grad.numpy(), np.zeros(3))


@pytest.mark.parametrize("change", [lambda x: x.mul_(2.0), lambda x: x[0:1].fill_(3.0), lambda x: x.detach().add_(1.0)])
def test_a_value_changed_since_it_was_saved_is_an_error(change) -> None:
    w = wg.ones(3, requires_grad=True)
    x = wg.tensor([1.0, 2.0, 3.0])
    y = (x * w).sum()
    change(x)
    with pytest.raises(RuntimeError, match=r"mul: its argument x, of shape \(3,\), .* changed in place"):
        y.backward()


def test_a_result_changed_since_it_was_saved_is_an_error() -> None:
    x = wg.ones(3, requires_grad=True)
    y = x.exp()
    y.add_(1.0)
    with pytest.raises(RuntimeError, match=r"exp: its result, of shape \(3,\)"):
        y.sum().backward()


def test_values_that_no_rule_needs_may_be_changed() -> None:
    w = wg.ones(3, requires_grad=True)
    x = wg.tensor([1.0, 2.0, 3.0])
    y = x + w
    x.mul_(5.0)
    y.sum().backward()
    assert w.grad.tolist() == [1.0, 1.0, 1.0]


def test_anomaly_detection_names_both_lines() -> None:
    x = wg.ones(3, requires_grad=True)
    with wg.autograd.detect_anomaly():
        y = x.exp()
        y.add_(1.0)
        with pytest.raises(RuntimeError, match=r"saved at .*test_tape\.py:\d+ and last changed at .*test_tape\.py:\d+"):
            y.sum().backward()


def test_recorded_changes_in_place_are_differentiated() -> None:
    x = wg.tensor([1.0, 2.0], dtype=wg.float64, requires_grad=True)
    y = x * 1.0
    y *= x  # x ** 2
    y += 1.0
    y[0] = x[1] * 3
    y.sum().backward()
    assert x.grad.tolist() == [0.0, 7.0]


def test_overwriting_with_a_constant_cuts_the_history() -> None:
    y = wg.ones(2, requires_grad=True)
    x = y * 2
    x.fill_(3.0)
    (x * y).sum().backward()
    assert y.grad.tolist() == [3.0, 3.0]


def test_only_the_asked_part_of_the_graph_is_walked() -> None:
    x = wg.ones(2, requires_grad=True)
    visited: list[str] = []

    def kernel(x: np.ndarray) -> np.ndarray:
        return x.copy()

    def rule(g: wg.Tensor) -> wg.Tensor:
        visited.append("walked")
        return g

    watched = tape.Operation("test_watched", kernel, ("x",), (tape.Rule(rule, ("g",)),), (tape.Rule(rule, ("t",)),))
    y = x * 2
    z = tape.apply(watched, (x,)) + y
    wg.autograd.grad(z.sum(), y, retain_graph=True)
    assert visited == []
    wg.autograd.grad(z.sum(), x)
    assert visited == ["walked"]


def test_only_values_that_a_rule_will_ask_for_are_kept() -> None:
    x, c = wg.ones(3, requires_grad=True), wg.full((3,), 2.0)
    for combine in (lambda y: y * c, lambda y: c * y, lambda y: y / c, lambda y: y + c):
        y = x.exp()
        kept = weakref.ref(y)
        z = combine(y)
        del y
        assert kept() is None, "no gradient of c is asked for, so nothing needs y"
        z.sum().backward()
    y, d = x.exp(), c.requires_grad_()
    kept = weakref.ref(y)
    z = y * d
    del y
    assert kept() is not None
    z.sum().backward()
    assert kept() is None
