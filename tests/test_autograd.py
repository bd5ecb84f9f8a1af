"""backward, grad, modes and hooks: PyTorch's manners."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import wengert as wg


def test_gradients_accumulate() -> None:
    x = wg.tensor([1.0, 2.0], requires_grad=True)
    for _ in range(3):
        (x * x).sum().backward()
    assert x.grad.tolist() == [6.0, 12.0]


def test_a_gradient_is_the_leafs_own_memory() -> None:
    x, y = wg.ones(3, requires_grad=True), wg.ones(3, requires_grad=True)
    g = wg.tensor([1.0, 2.0, 3.0])
    (x + y).backward(g)
    assert not np.shares_memory(x.grad.numpy(), y.grad.numpy())
    assert not np.shares_memory(x.grad.numpy(), g.numpy())
    z = wg.ones(4, requires_grad=True)
    z.reshape(2, 2).backward(wg.ones(2, 2))
    z.reshape(2, 2).backward(wg.ones(2, 2))
    assert z.grad.tolist() == [2.0] * 4


def test_a_vector_needs_a_gradient() -> None:
    x = wg.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"shape \(3,\) needs an explicit gradient"):
        (x * 2).backward()
    with pytest.raises(RuntimeError, match=r"the gradient has shape \(2,\), the tensor \(3,\)"):
        (x * 2).backward(wg.ones(2))


def test_what_was_not_recorded_has_no_gradient() -> None:
    with pytest.raises(RuntimeError, match="nothing was recorded"):
        wg.ones(1).backward()


def test_inputs_limits_who_receives() -> None:
    x, y = wg.ones(2, requires_grad=True), wg.ones(2, requires_grad=True)
    (x * y).sum().backward(inputs=[x])
    assert x.grad.tolist() == [1.0, 1.0]
    assert y.grad is None


def test_grad_returns_and_leaves_grad_alone() -> None:
    x = wg.tensor(3.0, requires_grad=True)
    (g,) = wg.autograd.grad(x**3, x, create_graph=True)
    (h,) = wg.autograd.grad(g, x)
    assert (g.item(), h.item()) == (27.0, 18.0)
    assert x.grad is None


def test_unused_inputs() -> None:
    x, y = wg.ones(2, requires_grad=True), wg.ones(2, requires_grad=True)
    z = (x * 2).sum()
    with pytest.raises(RuntimeError, match="do not depend on input 1"):
        wg.autograd.grad(z, [x, y], retain_graph=True)
    assert wg.autograd.grad(z, [x, y], retain_graph=True, allow_unused=True)[1] is None
    assert wg.autograd.grad(z, [x, y], materialize_grads=True)[1].tolist() == [0.0, 0.0]


def test_modes_nest_and_are_restored() -> None:
    x = wg.ones(2, requires_grad=True)
    with wg.no_grad():
        assert not (x * 2).requires_grad
        with wg.enable_grad():
            assert (x * 2).requires_grad
        assert not wg.is_grad_enabled()
    assert wg.is_grad_enabled()
    with pytest.raises(ZeroDivisionError), wg.no_grad():
        raise ZeroDivisionError
    assert wg.is_grad_enabled()


def test_modes_are_decorators() -> None:
    x = wg.ones(2, requires_grad=True)

    @wg.no_grad()
    def f() -> bool:
        return (x * 2).requires_grad

    @wg.no_grad
    def g() -> bool:
        return (x * 2).requires_grad

    assert not f()
    assert not g()
    assert wg.is_grad_enabled()


def test_each_thread_has_its_own_mode() -> None:
    seen: list[bool] = []
    with wg.no_grad():
        thread = threading.Thread(target=lambda: seen.append(wg.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_leaves_refuse_change_in_place() -> None:
    x = wg.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="add_: a leaf that requires a gradient"):
        x.add_(1.0)
    with pytest.raises(RuntimeError, match="index_put_: a leaf"):
        x[0] = 5.0
    with wg.no_grad():
        x += 1.0
    assert x.tolist() == [2.0, 2.0]
    assert x.is_leaf


def test_change_in_place_keeps_identity() -> None:
    x = wg.ones(2)
    before, address = id(x), x.data_ptr()
    x += 1
    x[:] = x * 3
    assert (id(x), x.data_ptr(), x.tolist()) == (before, address, [6.0, 6.0])


def test_hooks_see_and_replace_gradients() -> None:
    x = wg.ones(2, requires_grad=True)
    y = x * 2
    seen: list[list[float]] = []
    y.register_hook(lambda g: seen.append(g.tolist()))
    handle = y.register_hook(lambda g: g * 10)
    y.sum().backward()
    assert seen == [[1.0, 1.0]]
    assert x.grad.tolist() == [20.0, 20.0]
    handle.remove()
    handle.remove()
    x.grad = None
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_hooks_of_leaves() -> None:
    x = wg.ones(2, requires_grad=True)
    x.register_hook(lambda g: g * 5)
    (x * 2).sum().backward()
    assert x.grad.tolist() == [10.0, 10.0]


def test_retain_grad() -> None:
    x = wg.ones(2, requires_grad=True)
    y = x * 2
    y.retain_grad()
    (y * y).sum().backward()
    assert y.grad.tolist() == [4.0, 4.0]


def test_integers_have_no_gradients() -> None:
    with pytest.raises(RuntimeError, match="only floating tensors have gradients, this one is int64"):
        wg.arange(3).requires_grad_()


def test_numpy_refuses_what_a_gradient_depends_on() -> None:
    with pytest.raises(RuntimeError, match=r"detach\(\)\.numpy\(\)"):
        wg.ones(2, requires_grad=True).numpy()


def test_edges_have_the_documented_gradients() -> None:
    def gradient(f, *values: float) -> list[float]:
        x = wg.tensor(list(values), dtype=wg.float64, requires_grad=True)
        f(x).sum().backward()
        return x.grad.tolist()

    assert gradient(wg.relu, 0.0) == [0.0]
    assert gradient(wg.abs, 0.0) == [0.0]
    assert gradient(wg.norm, 0.0, 0.0) == [0.0, 0.0]
    assert gradient(lambda x: x.max(), 2.0, 1.0, 2.0) == [0.5, 0.0, 0.5]
    assert gradient(lambda x: x.max(0).values, 2.0, 1.0, 2.0) == [1.0, 0.0, 0.0]
    assert gradient(lambda x: wg.maximum(x[:1], x[1:]), 1.0, 1.0) == [0.5, 0.5]
    assert gradient(lambda x: x.prod(), 0.0, 3.0, 0.0) == [0.0, 0.0, 0.0]
    assert gradient(lambda x: x.prod(), 0.0, 3.0, 2.0) == [6.0, 0.0, 0.0]
    assert gradient(lambda x: x**0, 0.0) == [0.0]
