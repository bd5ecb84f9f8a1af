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


def test_a_change_of_a_view_is_a_change_of_its_base() -> None:
    x = wg.ones(2, 3, requires_grad=True)
    y = x * 1
    y[0].mul_(2.0)
    y.T[1:].reshape(2, 2)[1, 1:] += 5.0
    y.sum().backward()
    assert x.grad.tolist() == [[2.0] * 3, [1.0] * 3]
    assert y.tolist() == [[2.0] * 3, [1.0, 1.0, 6.0]]


def test_a_change_of_the_base_is_a_change_of_its_views() -> None:
    x = wg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 1
    tail, reverse = y[1:], y.flip(0)
    y.mul_(x)
    assert tail.tolist() == [4.0, 9.0]
    (tail.sum() + reverse[0]).backward()
    assert x.grad.tolist() == [0.0, 4.0, 12.0]


def test_views_of_constants_follow_them_into_the_graph() -> None:
    w = wg.tensor([3.0, 4.0], requires_grad=True)
    out = wg.zeros(3, 2)
    first, second, all_of_it = out[0], out[1], out.T
    first.copy_(w * w)
    assert out.requires_grad
    assert all_of_it.requires_grad
    assert not all_of_it.is_leaf
    second[:] = first * 2
    all_of_it.sum().backward()
    assert w.grad.tolist() == [18.0, 24.0]


def test_a_part_overwritten_by_a_constant_loses_its_history() -> None:
    x = wg.ones(4, requires_grad=True)
    y = x * 2
    y[1:3].fill_(7.0)
    (y * y).sum().backward()
    assert y.tolist() == [2.0, 7.0, 7.0, 2.0]
    assert x.grad.tolist() == [8.0, 0.0, 0.0, 8.0]


def test_a_view_whose_base_was_overwritten_is_a_constant() -> None:
    x = wg.ones(4, requires_grad=True)
    y = x * 2
    view = y[1:]
    y.zero_()
    assert not view.requires_grad
    assert view.grad_fn is None


def test_views_of_leaves_refuse_change_in_place() -> None:
    x = wg.ones(4, requires_grad=True)
    with pytest.raises(RuntimeError, match="mul_: a leaf that requires a gradient, or a view of one"):
        x[1:].mul_(2.0)
    with wg.no_grad():
        x[1:].mul_(2.0)
    x.detach()[0] = 5.0
    assert x.tolist() == [5.0, 2.0, 2.0, 2.0]


def test_views_that_repeat_memory_refuse_change_in_place() -> None:
    with pytest.raises(RuntimeError, match=r"add_: .*shape \(2, 3\) .*clone\(\) it first"):
        wg.zeros(3).expand(2, 3).add_(1.0)
    x = wg.zeros(3)
    repeated = x.expand(2, 3)
    w = wg.ones(3, requires_grad=True)
    x.add_(w * 2)
    repeated.sum().backward()
    assert w.grad.tolist() == [4.0] * 3


def test_changes_of_views_are_differentiated_twice_and_forward() -> None:
    def f(x: wg.Tensor) -> wg.Tensor:
        y = x * x
        y[1:].mul_(x[:-1])
        y.flip(0)[0] += y[0].clone() ** 2
        return y * y

    wg.func.check_gradients(f, wg.tensor([0.5, -1.5, 2.0]), order=3)


def test_a_change_of_a_view_makes_saved_values_stale() -> None:
    x = wg.ones(3, requires_grad=True)
    y = x * 2
    z = (y * y).sum()
    y[0].mul_(2.0)
    with pytest.raises(RuntimeError, match=r"mul: its argument [xy], of shape \(3,\)"):
        z.backward()


@pytest.mark.parametrize("seed", range(20))
def test_random_changes_of_views_agree_with_the_same_program_without_them(seed: int) -> None:
    """Views of views, changed in random order, against indices of the base and operations that make new tensors."""

    def program(x: wg.Tensor, in_place: bool) -> wg.Tensor:
        rng = np.random.default_rng(seed)
        base = x * 1.5
        places = [np.arange(12).reshape(3, 4)]
        views = [base]
        for _ in range(8):
            k = int(rng.integers(len(views)))
            key = [np.s_[1:], np.s_[..., ::2], np.s_[::-1], np.s_[0], np.s_[..., -1:]][int(rng.integers(5))]
            if places[k].ndim and len(places[k]) > 1:
                places.append(places[k][key])
                views.append(views[k][key])
            k = int(rng.integers(len(views)))
            factor = float(rng.uniform(0.5, 1.5))
            if in_place:
                views[k].mul_(views[k] * factor + views[0].mean())
            else:
                flat = base.reshape(12)
                old = flat[places[k]]
                base = wg.index_put(flat, places[k], old * (old * factor + base.mean())).reshape(3, 4)
        ends = views if in_place else [base.reshape(12)[place] for place in places]
        return wg.stack([end.sum() * (i + 1) for i, end in enumerate(ends)])

    x = wg.from_numpy(np.random.default_rng(seed).uniform(0.2, 0.6, (3, 4)))
    with_views = wg.func.jacobian(lambda x: program(x, True))(x)
    without = wg.func.jacobian(lambda x: program(x, False))(x)
    np.testing.assert_allclose(with_views.numpy(), without.numpy(), rtol=1e-12)


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
