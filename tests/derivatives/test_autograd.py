"""backward, grad, modes and hooks: PyTorch's manners."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any, ClassVar

import numpy as np
import pytest

import wengert as wg
from wengert import _kernels


def test_gradients_accumulate() -> None:
    x = wg.tensor([1.0, 2.0], requires_grad=True)
    for _ in range(3):
        (x * x).sum().backward()
    assert x.grad.tolist() == [6.0, 12.0]


def test_a_gradient_of_memory_that_has_been_replaced_is_told() -> None:
    x = wg.ones(3, requires_grad=True)
    x.sum().backward()
    x.data = wg.ones(2)
    with pytest.raises(RuntimeError, match=r"shape \(2,\) cannot be added to .grad, which has shape \(3,\)"):
        x.sum().backward()


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


def test_a_gradient_that_somebody_keeps_is_not_changed_by_the_next() -> None:
    class Given(wg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            ctx.save_for_backward(y)
            return (x * y).sum()

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return ctx.saved_tensors[0], None

    x, slope, kept = wg.ones(3, requires_grad=True), wg.tensor([1.0, 2.0, 3.0]), []
    retained, hooked = x.clone(), x.clone()
    retained.retain_grad()
    hooked.register_hook(lambda g: kept.append(g))
    for y in (retained, hooked):
        x.grad = None
        (y * slope).sum().backward()
        (x * 5).sum().backward()
        assert x.grad.tolist() == [6.0, 7.0, 8.0]
    x.grad = None
    for _ in range(2):
        Given.apply(x, slope).backward()
    assert [g.tolist() for g in (x.grad, slope, retained.grad, *kept)] == [[2.0, 4.0, 6.0]] + [[1.0, 2.0, 3.0]] * 3


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
    tail, reverse = y[1:], y[::-1]
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


# What replaces every item by constants. PyTorch's nodes have the same names, but for a number at their end.
OVERWRITTEN = {
    "zero_": lambda y: y.zero_(),
    "fill_": lambda y: y.fill_(3.0),
    "copy_": lambda y: y.copy_(wg.ones(4)),
    "uniform_": lambda y: y.uniform_(),
    "normal_": lambda y: y.normal_(),
    "bernoulli_": lambda y: y.bernoulli_(),
    "exponential_": lambda y: y.exponential_(),
    "eq_": lambda y: y.eq_(1),
    "logical_not_": lambda y: y.logical_not_(),
    "floor_divide_": lambda y: y.floor_divide_(2),
    "items": lambda y: y.__setitem__(slice(None), 1.0),
}


@pytest.mark.parametrize("name", OVERWRITTEN)
def test_what_is_overwritten_by_constants_keeps_a_history_that_carries_nothing(name: str) -> None:
    x = wg.ones(4, requires_grad=True)
    y = x * 2
    view = y[1:]
    OVERWRITTEN[name](y)
    assert (y.requires_grad, y.is_leaf, view.requires_grad) == (True, False, True)
    (gradient, second) = wg.autograd.grad([y.sum(), (view * view).sum()], [x, y], retain_graph=True)
    assert gradient.tolist() == [0.0] * 4
    assert second.tolist() == [1.0, *(1 + 2 * y[1:]).tolist()]
    if name != "items":
        assert f"<{''.join(part.title() for part in name.split('_'))}Backward" in repr(y).replace("Less", "Lt")

    def overwritten(x: wg.Tensor) -> wg.Tensor:
        y = x * 2
        OVERWRITTEN[name](y)
        return y

    assert wg.jvp(overwritten, (wg.ones(4),), (wg.ones(4),))[1].tolist() == [0.0] * 4


def test_a_tensor_that_required_no_gradient_requires_none_after_being_overwritten() -> None:
    y = wg.ones(3)
    assert not y.zero_().requires_grad
    x = wg.ones(3, requires_grad=True)
    z = x * 2
    with wg.no_grad():
        z.zero_()
    (g,) = wg.autograd.grad(z.sum(), x)
    assert g.tolist() == [2.0] * 3


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
    assert not y.retains_grad
    y.retain_grad()
    y.retain_grad()
    assert y.retains_grad
    (y * y).sum().backward(retain_graph=True)
    assert y.grad.tolist() == [4.0, 4.0]
    (y * y).sum().backward()
    assert y.grad.tolist() == [8.0, 8.0]


def test_retain_grad_of_leaves_is_without_effect_and_of_constants_an_error() -> None:
    x = wg.ones(2, requires_grad=True)
    x.retain_grad()
    assert not x.retains_grad
    with pytest.raises(RuntimeError, match="retain_grad: this tensor does not require a gradient"):
        wg.ones(2).retain_grad()


def test_a_retained_gradient_is_what_the_other_hooks_make_of_it() -> None:
    y = wg.ones(2, requires_grad=True) * 2
    y.retain_grad()
    y.register_hook(lambda g: g * 10)
    y.sum().backward()
    assert y.grad.tolist() == [10.0, 10.0]


@pytest.mark.parametrize("of_a_view", [False, True])
def test_a_retained_gradient_is_that_of_the_items_after_a_change_in_place(of_a_view: bool) -> None:
    y = wg.ones(2, requires_grad=True) * 3
    y.retain_grad()
    (y[:] if of_a_view else y).mul_(2)
    assert y.retains_grad
    y.sum().backward()
    assert y.grad.tolist() == [1.0, 1.0]
    y.detach_()
    assert not y.retains_grad


@pytest.mark.parametrize("changed", ["the view", "its base", "another view"])
def test_a_retained_gradient_of_a_view_is_that_of_its_items_after_a_change_in_place(changed: str) -> None:
    y = wg.ones(3, requires_grad=True) * 2
    view, other = y[1:], y[:2]
    view.retain_grad()
    before = view.sum()
    {"the view": view, "its base": y, "another view": other}[changed].mul_(3)
    assert view.retains_grad
    (before + y.sum() + 5 * view.sum()).backward()
    assert view.grad.tolist() == [5.0, 5.0]  # y's own sum does not go by way of the view
    assert view.retains_grad


def test_integers_have_no_gradients() -> None:
    x = wg.arange(3)
    with pytest.raises(RuntimeError, match="only floating tensors have gradients, this one is int64"):
        x.requires_grad_()
    with pytest.raises(RuntimeError, match="only floating tensors have gradients, this one is int64"):
        x.requires_grad = True


def test_what_was_computed_cannot_stop_requiring_a_gradient() -> None:
    y = wg.ones(2, requires_grad=True) * 2
    with pytest.raises(RuntimeError, match="only a leaf can stop requiring a gradient"):
        y.requires_grad_(False)
    with pytest.raises(RuntimeError, match="only a leaf can stop requiring a gradient"):
        y.requires_grad = False
    y.requires_grad = True
    assert not y.is_leaf


def test_a_view_that_is_made_a_leaf_does_not_follow_its_base() -> None:
    base = wg.zeros(3)
    leaf = base[1:]
    leaf.requires_grad = True
    base[0] = wg.tensor(2.0, requires_grad=True) * 3
    assert (leaf.is_leaf, leaf.requires_grad) == (True, True)


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


# ---------------------------------------------------------------- modes


def test_generators_act_in_their_own_mode() -> None:
    x = wg.ones(2, requires_grad=True)

    @wg.no_grad()
    def steps():
        for _ in range(3):
            yield (x * 2).requires_grad
        return "done"

    def outside():
        result = yield from steps()
        assert result == "done"

    for inside in outside():
        assert not inside
        assert wg.is_grad_enabled()


def test_inference_mode_records_nothing() -> None:
    x = wg.ones(2, requires_grad=True)
    with wg.inference_mode():
        assert not (x * 2).requires_grad
        with wg.inference_mode(False):
            assert (x * 2).requires_grad


# ---------------------------------------------------------------- grad and backward, as PyTorch's


def test_gradients_of_a_tensor_and_of_what_it_was_computed_from() -> None:
    x = wg.tensor(3.0, requires_grad=True)
    y = x * x
    z = y * y + y
    dx, dy = wg.autograd.grad(z, [x, y])
    assert (dx.item(), dy.item()) == (2 * 3 * (2 * 9 + 1), 19)


def test_hooks_of_a_wanted_tensor_are_called_once() -> None:
    x = wg.tensor(3.0, requires_grad=True)
    y = x * x
    y.register_hook(lambda g: g * 10)
    dx, dy = wg.autograd.grad(y * 2, [x, y])
    assert (dy.item(), dx.item()) == (20.0, 120.0)


def test_backward_can_stop_at_a_tensor_that_is_no_leaf() -> None:
    x = wg.tensor(3.0, requires_grad=True)
    y = x * x
    (y * y).backward(inputs=[y])
    assert y.grad.item() == 18.0
    assert x.grad is None


def test_several_outputs_are_summed() -> None:
    x = wg.tensor([1.0, 2.0], requires_grad=True)
    (g,) = wg.autograd.grad([x.sum(), x * x], x, [None, wg.tensor([1.0, 10.0])])
    assert g.tolist() == [3.0, 41.0]


def test_hooks_after_accumulation_see_the_new_gradient() -> None:
    x = wg.ones(2, requires_grad=True)
    seen: list[list[float]] = []
    handle = x.register_post_accumulate_grad_hook(lambda leaf: seen.append(leaf.grad.tolist()))
    for _ in range(2):
        (x * 3).sum().backward()
    handle.remove()
    (x * 3).sum().backward()
    assert seen == [[3.0, 3.0], [6.0, 6.0]]
    with pytest.raises(RuntimeError, match="only leaves"):
        (x * 2).register_post_accumulate_grad_hook(print)
    with pytest.raises(RuntimeError, match="does not require a gradient"):
        wg.ones(2).register_hook(print)


def test_cycles_made_by_create_graph_are_collectable() -> None:
    x = wg.ones(3, requires_grad=True)
    (x * x * x).sum().backward(create_graph=True)
    x.grad.sum().backward(create_graph=True)
    leaf, node = weakref.ref(x), weakref.ref(x.grad.grad_fn)
    del x
    gc.collect()
    assert leaf() is None
    assert node() is None


# ---------------------------------------------------------------- detect_anomaly


def test_the_first_value_that_is_not_finite_raises() -> None:
    x = wg.tensor([1.0, -1.0], requires_grad=True)
    with wg.autograd.detect_anomaly():
        y = x * 2
        with pytest.raises(RuntimeError, match=r"^log: its result is not finite \(nan at \(1,\)\).*autograd.py:\d+$"):
            y.log()
        bad = wg.tensor([float("inf"), 0.0])
        with pytest.raises(RuntimeError, match=r"^mul: .* \(inf at \(0,\)\); an input was so already; it was recorded"):
            x * bad
    with wg.autograd.detect_anomaly(check_nan=False):
        assert np.isnan(y.log().tolist()).tolist() == [False, True]


def test_the_first_gradient_that_is_not_finite_raises() -> None:
    x = wg.tensor([1.0, 0.0], requires_grad=True)
    with wg.autograd.detect_anomaly():
        y = x.sqrt()
        with pytest.raises(RuntimeError, match=r"^sqrt: the gradient for its argument x .*\(inf at \(1,\)\).*py:\d+"):
            y.sum().backward()
        with pytest.raises(RuntimeError, match=r"^sqrt: the tangent by way of its argument x is not finite"):
            wg.func.jvp(wg.sqrt, x.detach(), wg.ones(2))


def test_saved_values_cannot_be_written_through_numpy_while_they_are_needed() -> None:
    w = wg.ones(3, requires_grad=True)
    array = np.array([1.0, 2.0, 3.0], np.float32)
    x = wg.from_numpy(array)
    with wg.autograd.detect_anomaly():
        y = (x[1:] * w[1:]).exp().sum()
        z = (x * w).sum()
        for target in (array, x.numpy()):
            with pytest.raises(ValueError, match="read-only"):
                target[1] = 5.0
        w.detach().numpy()[0] = 1.0  # only a gradient of x would need w
        y.backward()
        with pytest.raises(ValueError, match="read-only"):
            array[1] = 5.0
        z.backward()
    array[1] = 5.0
    assert x.tolist() == [1.0, 5.0, 3.0]


def test_saved_values_are_protected_as_long_as_the_graph_lives() -> None:
    w = wg.ones(3, requires_grad=True)
    x = wg.ones(3) * 2
    with wg.autograd.detect_anomaly():
        y = (x * w).sum()
    assert not x.numpy().flags.writeable
    del y
    assert x.numpy().flags.writeable


def test_counted_changes_are_allowed_and_found_by_the_walk() -> None:
    w = wg.ones(3, requires_grad=True)
    x = wg.ones(3) * 2
    with wg.autograd.detect_anomaly():
        y = (x * w).sum()
        x.add_(1.0)
        x[0] = 7.0
        message = r"mul: its argument x, of shape \(3,\), .*; it was saved at .*:\d+ and last changed at .*:\d+"
        with pytest.raises(RuntimeError, match=message):
            y.backward()


def test_training_goes_on_under_anomaly_detection() -> None:
    w = wg.ones(3, requires_grad=True)
    optimizer = wg.optim.SGD([w], lr=0.1, momentum=0.9)
    with wg.autograd.detect_anomaly():
        for _ in range(3):
            optimizer.zero_grad()
            loss = (w * w).sum()
            loss.backward(retain_graph=True)
            optimizer.step()
    assert w.tolist() == pytest.approx([0.062] * 3)


# ---------------------------------------------------------------- users' own operations


class test_TwoResults(wg.autograd.Function):
    """x * y, and exp(x) scaled by a number."""

    calls = 0

    @staticmethod
    def forward(ctx, x, y, scale):
        ctx.scale = scale
        product, growth = x * y, wg.exp(x) * scale
        ctx.save_for_backward(x, y, growth)
        return product, growth

    @staticmethod
    def backward(ctx, g, h):
        test_TwoResults.calls += 1
        x, y, growth = ctx.saved_tensors
        return g * y + h * growth, g * x, None

    @staticmethod
    def jvp(ctx, t, u, _):
        x, y, growth = ctx.saved_tensors
        return t * y + x * u, t * growth


class test_Exp(wg.autograd.Function):
    """In the form with setup_context."""

    @staticmethod
    def forward(x):
        return wg.exp(x)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx, g):
        (z,) = ctx.saved_tensors
        return g * z


def f64(*values: float) -> wg.Tensor:
    return wg.tensor(list(values), dtype=wg.float64)


def test_functions_of_users_differentiate_to_any_order() -> None:
    wg.func.check_gradients(lambda x, y: test_TwoResults.apply(x, y, 2.0), f64(0.3, -0.7), f64(1.3, 0.7), order=3)
    wg.func.check_gradients(test_Exp.apply, f64(0.3, -0.7), order=3, modes=["reverse"])


def test_backward_of_a_users_function_is_called_once_per_walk() -> None:
    x, y = f64(1.0, 2.0).requires_grad_(), f64(3.0, 4.0).requires_grad_()
    a, b = test_TwoResults.apply(x, y, 2.0)
    test_TwoResults.calls = 0
    (a * b).sum().backward()
    assert test_TwoResults.calls == 1
    np.testing.assert_allclose(x.grad.numpy(), (y * 2 * x.exp() * (1 + x)).detach().numpy(), rtol=1e-12)
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        a.sum().backward()


def test_one_users_function_applied_twice_gives_each_its_own_gradient() -> None:
    x, y = f64(1.0).requires_grad_(), f64(2.0).requires_grad_()
    (test_Exp.apply(x) + test_Exp.apply(y)).sum().backward()
    assert [x.grad.item(), y.grad.item()] == pytest.approx([np.e, np.e**2])


def test_saved_tensors_of_users_functions_are_checked_for_change() -> None:
    x, y = f64(1.0, 2.0).requires_grad_(), f64(3.0, 4.0)
    a, _ = test_TwoResults.apply(x, y, 2.0)
    y.add_(1.0)
    with pytest.raises(RuntimeError, match=r"test_TwoResults: its argument saved 1, of shape .* changed in place"):
        a.sum().backward()


def test_a_users_function_without_a_rule_says_which() -> None:
    with pytest.raises(RuntimeError, match="test_Exp: it has no forward rule for its argument x"):
        wg.func.jvp(test_Exp.apply, f64(1.0), f64(1.0))

    class test_Forward(wg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

    x = f64(1.0).requires_grad_()
    with pytest.raises(RuntimeError, match="test_Forward: it has no reverse rule for its argument x"):
        test_Forward.apply(x).sum().backward()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda g: (g, g), r"test_Wrong.backward: expected 1 gradient\(s\), one per argument of forward, got 2"),
        (lambda g: g.sum(), r"test_Wrong.backward: it gave a gradient of shape \(\), expected \(2,\)"),
    ],
)
def test_wrong_gradients_of_a_users_function_are_told(given, message: str) -> None:
    class test_Wrong(wg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return given(g)

    x = f64(1.0, 2.0).requires_grad_()
    with pytest.raises(RuntimeError, match=message):
        test_Wrong.apply(x).sum().backward()


class test_Doubled(wg.autograd.Function):
    """Doubles its argument in place."""

    @staticmethod
    def forward(ctx, x):
        x.mul_(2.0)
        ctx.mark_dirty(x)
        ctx.save_for_backward(x)
        return x

    @staticmethod
    def backward(ctx, g):
        return g * 2


def test_a_users_function_may_change_its_argument_in_place() -> None:
    x = f64(1.0, 2.0).requires_grad_()
    y = x * 1.0
    view = y[1:]
    assert test_Doubled.apply(y) is y
    (y * y + 3 * view.sum()).sum().backward()
    assert x.grad.tolist() == [8.0, 28.0]
    assert x.tolist() == [1.0, 2.0]

    part = x * 1.0
    test_Doubled.apply(part[1:])
    assert part.tolist() == [1.0, 4.0]
    assert wg.autograd.grad(part.sum(), x)[0].tolist() == [1.0, 2.0]


def test_a_users_function_that_changes_what_others_need_is_told() -> None:
    x = f64(1.0, 2.0).requires_grad_()
    y = x.exp()
    test_Doubled.apply(y)
    with pytest.raises(RuntimeError, match=r"exp: its result, of shape \(2,\), .* changed in place"):
        y.sum().backward()
    with pytest.raises(RuntimeError, match="test_Doubled: a leaf that requires a gradient"):
        test_Doubled.apply(x)

    class test_Kept(test_Doubled):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_dirty(x)
            return x * 2

    with pytest.raises(RuntimeError, match=r"test_Kept.forward: what is marked as dirty must be returned"):
        test_Kept.apply(f64(1.0).requires_grad_() * 1.0)


def test_what_is_differentiable_once_says_so_when_it_is_differentiated_twice() -> None:
    class test_Once(wg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return wg.sin(x)

        @staticmethod
        @wg.autograd.once_differentiable
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return wg.from_numpy(g.detach().numpy() * np.cos(x.detach().numpy()))

    x = f64(0.5).requires_grad_()
    test_Once.apply(x).sum().backward()
    assert x.grad.tolist() == pytest.approx([np.cos(0.5)])
    (g,) = wg.autograd.grad(test_Once.apply(x).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match=r"test_Once.backward: it has no reverse rule"):
        g.sum().backward()
    with pytest.raises(RuntimeError, match=r"test_Once.backward: it has no forward rule"):
        wg.hessian(lambda x: test_Once.apply(x).sum())(x.detach())


def test_outputs_marked_as_not_differentiable_are_constants() -> None:
    class test_Sort(wg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            order = wg.from_numpy(np.argsort(x.detach().numpy()))
            rank = order.to(dtype=x.dtype)
            ctx.order = order
            ctx.mark_non_differentiable(rank)
            return x[order], order, rank

        @staticmethod
        def backward(ctx, g, *of_constants):
            assert [(h.dtype, h.tolist()) for h in of_constants] == [(wg.int64, [0] * 3), (wg.float64, [0.0] * 3)]
            return wg.index_put(wg.zeros_like(g), ctx.order, g)

    x = f64(3.0, 1.0, 2.0).requires_grad_()
    values, order, rank = test_Sort.apply(x)
    assert order.tolist() == [1, 2, 0]
    assert not order.requires_grad
    assert not rank.requires_grad
    (values * f64(1.0, 10.0, 100.0)).sum().backward()
    assert x.grad.tolist() == [100.0, 1.0, 10.0]


class test_Parts(wg.autograd.Function):
    """2 x, 3 y, a constant and no tensor; what `backward` and `jvp` are given is noted."""

    materialize = True
    given: ClassVar[list[list[Any]]] = []

    @staticmethod
    def forward(ctx, x, y):
        ctx.set_materialize_grads(test_Parts.materialize)
        return x * 2, y * 3, wg.arange(2), "no tensor"

    @staticmethod
    def backward(ctx, *gs):
        test_Parts.given.append([None if g is None else g.detach().tolist() for g in gs])
        return tuple(None if g is None else g * factor for g, factor in zip(gs, (2, 3), strict=False))

    @staticmethod
    def jvp(ctx, *ts):
        test_Parts.given.append([None if t is None else t.detach().tolist() for t in ts])
        return *(None if t is None else t * factor for t, factor in zip(ts, (2, 3), strict=True)), None, None


@pytest.mark.parametrize("materialize", [True, False])
def test_outputs_without_a_gradient_have_zeros_or_none(materialize: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_Parts, "materialize", materialize)
    monkeypatch.setattr(test_Parts, "given", [])
    x, y = f64(1.0, 2.0).requires_grad_(), f64(5.0).requires_grad_()
    a, b, *_ = test_Parts.apply(x, y)
    a.sum().backward(retain_graph=True)
    b.sum().backward(retain_graph=True)
    (a.sum() + a.sum() + b.sum()).backward()
    none = [[0.0, 0.0], [0.0], [0, 0], None] if materialize else [None] * 4
    assert test_Parts.given == [
        [[1.0, 1.0], *none[1:]], [none[0], [1.0], *none[2:]], [[2.0, 2.0], [1.0], *none[2:]],
    ]  # fmt: skip
    assert (x.grad.tolist(), y.grad.tolist()) == ([6.0, 6.0], [6.0])


@pytest.mark.parametrize("materialize", [True, False])
def test_arguments_without_a_tangent_have_zeros_or_none(materialize: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_Parts, "materialize", materialize)
    monkeypatch.setattr(test_Parts, "given", [])
    f = lambda x, y: test_Parts.apply(x, y)[:2]  # noqa: E731
    _, (t, u) = wg.jvp(f, (f64(1.0), f64(5.0)), (f64(1.0), f64(1.0)))
    assert (t.tolist(), u.tolist()) == ([2.0], [3.0])
    assert test_Parts.given == ([[[1.0], [0.0]], [[0.0], [1.0]]] if materialize else [[[1.0], None], [None, [1.0]]])
    wg.func.check_gradients(f, f64(0.3), f64(1.3), order=2)


def test_operations_of_users_by_the_four_constructors() -> None:
    from wengert.core.define import bilinear, elementwise, linear, primitive

    cube = elementwise("test_cube", lambda x: x**3, lambda x: 3 * x * x)
    shift = linear("test_shift", lambda x, by: np.roll(x, by), lambda g, by: shift(g, by=-by))
    scaled = bilinear("test_scaled", lambda x, y: x * y, lambda g, y: g * y, lambda g, x: g * x)
    halved = primitive("test_halved", lambda x: x / 2, (lambda g: g / 2,), (lambda t: t / 2,))

    def f(x, y):
        return scaled(cube(x), shift(y, by=1)) + halved(y)

    wg.func.check_gradients(f, f64(0.3, -0.8, 1.1), f64(1.5, 2.5, -0.5), order=3)


def test_operations_of_users_without_a_rule_say_which() -> None:
    from wengert.core.define import primitive

    one_way = primitive("test_one_way", lambda x: x * 2, (lambda g: g * 2,), (None,))
    assert wg.func.grad(lambda x: one_way(x).sum())(f64(1.0)).tolist() == [2.0]
    with pytest.raises(RuntimeError, match="test_one_way: it has no forward rule for its argument x"):
        wg.func.jvp(one_way, f64(1.0), f64(1.0))


# ---------------------------------------------------------------- checkpoints


def deep(x: wg.Tensor, weights: list[wg.Tensor], checkpointed: bool) -> wg.Tensor:
    for w in weights:

        def block(x: wg.Tensor, w: wg.Tensor = w) -> wg.Tensor:
            for _ in range(4):
                x = wg.tanh(x @ w)
            return wg.dropout(x, 0.3)

        x = wg.autograd.checkpoint(block, x) if checkpointed else block(x)
    return x


def test_checkpoints_give_identical_gradients_for_less_memory() -> None:
    rng = np.random.default_rng(0)
    start, matrices = rng.normal(size=(64, 64)), rng.normal(size=(6, 64, 64)) / 8
    found = []
    for checkpointed in (False, True):
        wg.manual_seed(5)
        x, *weights = [wg.from_numpy(array).requires_grad_() for array in (start, *matrices)]
        before = _kernels.memory_usage()["in_use"]
        y = deep(x, weights, checkpointed)
        kept = _kernels.memory_usage()["in_use"] - before
        y.sum().backward()
        found.append((kept, wg.rand(3).tolist(), [y.tolist()] + [leaf.grad.tolist() for leaf in (x, *weights)]))
    plain, checkpoints = found
    assert checkpoints[0] < plain[0] / 3
    assert plain[1] == checkpoints[1], "the second run has disturbed the random numbers"
    assert plain[2] == checkpoints[2]


def test_checkpoints_differentiate_in_both_directions_and_nested() -> None:
    w = f64(2.0, 3.0).requires_grad_()

    def f(x, y):
        inner = wg.autograd.checkpoint(lambda x: (x * w).sin() * y, x)
        return wg.autograd.checkpoint(lambda a, b: {"sum": a + b, "product": [a * b, w]}, inner, y)

    wg.func.check_gradients(f, f64(0.3, -0.7), f64(1.3, 0.7), order=3)
    (dw,) = wg.autograd.grad(f(f64(0.3, -0.7), f64(1.3, 0.7))["sum"].sum(), w)
    np.testing.assert_allclose(dw.numpy(), np.cos([0.6, -2.1]) * [0.3, -0.7] * [1.3, 0.7], rtol=1e-12)


def test_checkpoints_record_nothing_without_need() -> None:
    assert wg.autograd.checkpoint(lambda x: x * 2, wg.ones(2)).grad_fn is None
    with wg.no_grad():
        assert wg.autograd.checkpoint(lambda x: x * 2, wg.ones(2, requires_grad=True)).grad_fn is None


def test_parameters_changed_since_a_checkpoint_are_an_error() -> None:
    w, x = wg.ones(2, requires_grad=True), wg.ones(2, requires_grad=True)
    y = wg.autograd.checkpoint(lambda x: x * w, x)
    with wg.no_grad():
        w.mul_(2.0)
    with pytest.raises(RuntimeError, match=r"checkpoint: its argument x1, .* changed in place"):
        y.sum().backward()


def test_a_function_that_changes_between_its_runs_is_an_error() -> None:
    sizes = iter([2, 3])
    x = wg.ones(3, requires_grad=True)
    y = wg.autograd.checkpoint(lambda x: x[: next(sizes)] * 2, x)
    with pytest.raises(RuntimeError, match=r"checkpoint: run again, .* \(3,\) of float32, the first time shape \(2,\)"):
        y.sum().backward()
