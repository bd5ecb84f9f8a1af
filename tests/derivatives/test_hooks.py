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


# ---------------------------------------------------------------- when they are called, and what comes of it


def told(log: list[str], name: str) -> Callable[[wg.Tensor], None]:
    return lambda g: log.append(name)


def test_hooks_of_leaves_are_called_during_the_walk_as_in_pytorch() -> None:
    log: list[str] = []
    p, q, r = (wg.tensor(float(k), requires_grad=True) for k in (1, 2, 3))
    h1 = p * q
    h2 = h1 * 3
    h3 = h2 * q
    for name, x in {"p": p, "q": q, "r": r, "h1": h1, "h2": h2, "h3": h3}.items():
        x.register_hook(told(log, name))
    ((h3 + p) * r).backward()
    assert log == ["r", "h3", "h2", "h1", "p", "q"]  # r before what came before it; p and q once they are whole
    assert (p.grad.item(), q.grad.item(), r.grad.item()) == (39.0, 36.0, 13.0)
    log.clear()
    assert [g.item() for g in wg.autograd.grad(p * q * r, [p, q, r])] == [6.0, 3.0, 2.0]
    assert log == ["r", "p", "q"]
    log.clear()
    (p * q * r).backward(inputs=[q, r])
    assert log == ["r", "q"]
    assert (p.grad.item(), q.grad.item(), r.grad.item()) == (39.0, 39.0, 15.0)


def test_a_leaf_has_its_gradient_before_older_nodes_are_walked() -> None:
    log: list[Any] = []
    x, w = wg.tensor([1.0, 2.0], requires_grad=True), wg.tensor([3.0, 4.0], requires_grad=True)
    y = x * 2
    z = y * w
    y.register_hook(lambda g: log.append(("y", None if w.grad is None else w.grad.tolist())))
    w.register_hook(lambda g: log.append(("w", w.grad)))
    w.register_post_accumulate_grad_hook(lambda w: log.append(("after w", w.grad.tolist())))
    z.sum().backward()
    assert log == [("w", None), ("after w", [2.0, 4.0]), ("y", [2.0, 4.0])]
    assert x.grad.tolist() == [6.0, 8.0]


def test_gradients_can_be_used_up_during_the_walk() -> None:
    """Each gradient is dropped as soon as it is there, so that there is one at a time."""
    parameters = [wg.tensor([float(k + 1)], requires_grad=True) for k in range(4)]
    x = wg.ones(1)
    for p in parameters:
        x = wg.tanh(x * p)
    expected = wg.autograd.grad(x.sum(), parameters, retain_graph=True)
    found: list[Any] = []

    def use(p: wg.Tensor) -> None:
        assert sum(q.grad is not None for q in parameters) == 1
        found.append(p.grad)
        p.grad = None

    for p in parameters:
        p.register_post_accumulate_grad_hook(use)
    x.sum().backward()
    assert [g.item() for g in found] == [g.item() for g in expected[::-1]]


def test_walks_with_hooked_leaves_give_what_walks_without_give() -> None:
    rng = np.random.default_rng(3)
    weights = [wg.tensor(rng.normal(size=(3, 3)), requires_grad=True) for _ in range(5)]

    def output() -> Any:
        x = wg.ones(3, dtype=wg.float64)
        for k in (0, 1, 2, 0, 3, 1):
            x = wg.sin(weights[k] @ x + weights[4][k % 3])
        return x.sum() + weights[2].sum()

    plain = wg.autograd.grad(output(), weights)
    handles = [w.register_hook(lambda g: g * 2) for w in weights[::2]]
    hooked = wg.autograd.grad(output(), weights)
    second = wg.autograd.grad(output(), weights, create_graph=True)
    for k, (a, b, c) in enumerate(zip(plain, hooked, second, strict=True)):
        assert b.tolist() == c.tolist() == (a * (1 if k % 2 else 2)).tolist()
    output().backward()
    assert [w.grad.tolist() for w in weights] == [g.tolist() for g in hooked]
    x = weights[0].detach().requires_grad_()
    x.register_hook(lambda g: g * 3)
    x.backward(wg.ones(3, 3, dtype=wg.float64))  # a leaf that is the output itself
    assert x.grad[0].tolist() == [3.0] * 3
    for handle in handles:
        handle.remove()


def test_what_a_hook_makes_of_a_gradient_is_differentiated() -> None:
    one = wg.ones(2)

    def through(x: Any, p: Any, of: Callable[[Any], Any]) -> Any:
        y = of(x)
        y.register_hook(lambda g: g * p)
        return (y**2).sum()

    for of in (lambda x: x, lambda x: x * 1):  # the argument itself, and a result
        product = wg.grad(lambda p: wg.grad(lambda x: through(x, p, of))(one).sum())(wg.tensor(3.0))  # noqa: B023
        assert product.item() == 4.0
        plain = wg.grad(lambda x: through(x, 3.0, of))(one)  # noqa: B023
        assert (plain.tolist(), plain.requires_grad) == ([6.0, 6.0], False)
        p = wg.tensor(3.0, requires_grad=True)
        connected = wg.grad(lambda x: through(x, p, of))(one)  # noqa: B023
        assert wg.autograd.grad(connected.sum(), p)[0].item() == 4.0
        assert wg.func.hvp(lambda x: through(x, 3.0, of), one, one).tolist() == [6.0, 6.0]  # noqa: B023
        rows = wg.func.jacobian(lambda x: through(x, 3.0, of), mode="reverse")(one)  # noqa: B023
        assert rows.tolist() == [6.0, 6.0]
    x, p = wg.ones(1, requires_grad=True), wg.tensor([3.0], requires_grad=True)
    x.register_hook(lambda g: g * p)
    (x**2).sum().backward(create_graph=True)
    assert wg.autograd.grad(x.grad, p)[0].item() == 2.0


# ---------------------------------------------------------------- of modules


class Three(wg.nn.Module):
    """Several arguments and results, of which some are no tensors."""

    def forward(self, x: Any, y: Any, label: str) -> Any:
        return x * y, {"a": x + y}, label


def test_backward_hooks_of_a_module_see_the_gradients_at_its_border() -> None:
    log: list[Any] = []
    layer = wg.nn.Linear(2, 3)
    handle = layer.register_full_backward_hook(lambda module, inner, outer: log.append((module, inner, outer)))
    layer(wg.ones(4, 2)).sum().backward()
    assert log[0][0] is layer
    assert log[0][1] == (None,)
    assert log[0][2][0].tolist() == [[1.0] * 3] * 4
    x = wg.ones(4, 2, requires_grad=True)
    layer(x).sum().backward()
    assert log[1][1][0].tolist() == x.grad.tolist()
    handle.remove()
    layer(x).sum().backward()
    assert len(log) == 2
    three = Three()
    three.register_full_backward_hook(lambda module, inner, outer: log.append((inner, outer)))
    x, y = wg.tensor([1.0, 2.0], requires_grad=True), wg.tensor([3.0, 4.0])
    product, rest, label = three(x, y, "said")
    assert label == "said"
    (product.sum() + rest["a"].sum()).backward()
    (gx, gy, none), outer = log[2]
    assert (gx.tolist(), gy.tolist(), none) == ([4.0, 5.0], [0.0, 0.0], None)
    assert (outer[0].tolist(), outer[1:]) == ([1.0, 1.0], (None, None))


def test_backward_hooks_of_a_module_may_replace_gradients() -> None:
    x = wg.zeros(2, requires_grad=True)
    tanh = wg.nn.Tanh()
    first = tanh.register_full_backward_hook(lambda module, inner, outer: (inner[0] * 10,))
    tanh.register_full_backward_pre_hook(lambda module, outer: (outer[0] + 1,))
    seen: list[Any] = []
    tanh.register_full_backward_hook(lambda module, inner, outer: seen.append((inner[0].tolist(), outer[0].tolist())))
    tanh(x).sum().backward()
    assert x.grad.tolist() == [20.0, 20.0]
    assert seen == [([20.0, 20.0], [2.0, 2.0])]
    first.remove()
    assert wg.grad(lambda x: tanh(x).sum())(wg.zeros(2)).tolist() == [2.0, 2.0]
    p = wg.tensor(3.0)
    scaled = wg.nn.Tanh()

    def of(p: Any) -> Any:
        handle = scaled.register_full_backward_hook(lambda module, inner, outer: (inner[0] * p,))
        try:
            return wg.grad(lambda x: scaled(x).sum())(wg.zeros(2)).sum()
        finally:
            handle.remove()

    assert wg.grad(of)(p).item() == 2.0


@pytest.mark.parametrize(("returned", "kind", "words"), [
    ((wg.ones(2), wg.ones(2)), RuntimeError, r"returned 2 gradient\(s\), expected 1"),
    ((wg.ones(3),), RuntimeError, r"one of shape \(3,\)"),
    ((wg.ones(2, dtype=wg.float64),), RuntimeError, "float64"),
    (("no tensor",), TypeError, "returned str for a gradient"),
])  # fmt: skip
def test_backward_hooks_of_a_module_that_return_no_such_gradients_are_told(
    returned: Any, kind: Any, words: str
) -> None:
    for register in ("register_full_backward_hook", "register_full_backward_pre_hook"):
        tanh = wg.nn.Tanh()
        getattr(tanh, register)(lambda *_: returned)
        z = tanh(wg.zeros(2, requires_grad=True))
        with pytest.raises(kind, match=words) as caught:
            z.sum().backward()
        assert register in str(caught.value)


def test_modules_with_backward_hooks_may_work_in_place_and_forward() -> None:
    relu = wg.nn.ReLU(inplace=True)
    relu.register_full_backward_hook(lambda module, inner, outer: (inner[0] * 3,))
    x = wg.tensor([1.0, -2.0], requires_grad=True)
    y = x * 2
    z = relu(y)
    (z.sum() + y.sum()).backward()  # y is what relu made of it
    assert x.grad.tolist() == [12.0, 0.0]
    tanh = wg.nn.Tanh()
    tanh.register_full_backward_hook(lambda module, inner, outer: (inner[0] * 3,))
    assert wg.jvp(lambda x: tanh(x).sum(), wg.zeros(2), wg.ones(2))[1].item() == 2.0
    with wg.no_grad():
        assert tanh(x).requires_grad is False
