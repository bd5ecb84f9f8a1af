"""What a derivative of a function records is gone when the call returns: nothing waits for a collection of cycles."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import func, linalg
from wengert.core import modes, tape

CALLS = 30


def scalar(x: Any) -> Any:
    return (x * x).sum() + x.exp().mean() + (x**1.5).prod()


def field(x: Any) -> Any:
    return wg.sin(x) * x / (1 + x)


def itemwise(x: Any) -> Any:
    return wg.tanh(x * x).exp() / (1 + x) + x**x


def parts(x: Any) -> Any:
    """By way of an operation of several results."""
    u, s, vh = linalg.svd(wg.outer(x, x) + wg.eye(4, dtype=x.dtype))
    return (u * s).sum() + vh[0, 0]


def changed_in_place(x: Any) -> Any:
    y = x * 1
    y[1:].mul_(2)
    return (y * y[0]).sum()


def of_a_layer(x: Any) -> Any:
    product = wg.layers.Multiply()
    product.forward(x, x)
    return product.backward(x)


def that_fails(x: Any) -> None:
    with pytest.raises(ValueError, match="must return one 0-d tensor"):
        func.grad(field)(x)


def that_fails_inside(x: Any) -> None:
    def fails(y: Any) -> Any:
        z = field(y)
        return z @ z[:2]

    with pytest.raises(ValueError, match=r"matmul|dot"):
        func.jacobian(fails)(x)


def by_backward(x: Any) -> Any:
    leaf = x.clone().requires_grad_()
    scalar(leaf).backward()
    return leaf.grad


def by_backward_twice(x: Any) -> Any:
    leaf = x.clone().requires_grad_()
    (g,) = wg.autograd.grad(scalar(leaf), leaf, create_graph=True)
    return wg.autograd.grad(g.sum(), leaf)


def with_hooks(x: Any) -> Any:
    leaf = x.clone().requires_grad_()
    y = leaf * 2
    y.register_hook(lambda g: g * 2)
    wg.autograd.retain_grad(y)
    scalar(y).backward()
    return y.grad


def by_checkpoint(x: Any) -> Any:
    leaf = x.clone().requires_grad_()
    wg.autograd.checkpoint(scalar, leaf).backward()
    return leaf.grad


TRANSFORMS: dict[str, Callable[[Any], Any]] = {
    "grad": func.grad(scalar),
    "grad with aux": func.grad(lambda x: (scalar(x), field(x)), has_aux=True),
    "value_and_grad": func.value_and_grad(scalar),
    "grad of a structure": lambda x: func.grad(lambda tree: scalar(tree["a"] * tree["b"][0]))({"a": x, "b": [x, None]}),
    "grad of grad": func.grad(lambda x: func.grad(scalar)(x).sum()),
    "grad of several results": func.grad(parts),
    "grad of changes in place": func.grad(changed_in_place),
    "vjp": lambda x: func.vjp(field, x)[1](x),
    "vjp twice": lambda x: [pull(x) for pull in [func.vjp(field, x)[1]] for _ in range(2)],
    "jvp": lambda x: func.jvp(field, x, x),
    "linearize": lambda x: func.linearize(field, x)[1](x),
    "hvp": lambda x: func.hvp(scalar, x, x),
    "jvp of grad": lambda x: func.jvp(func.grad(scalar), x, x),
    "jacobian, forward": func.jacobian(field, mode="forward"),
    "jacobian, reverse": func.jacobian(field, mode="reverse"),
    "hessian": func.hessian(scalar),
    "hessian of a field": func.hessian(field),
    "laplacian": func.laplacian(scalar),
    "laplacian of several results": func.laplacian(lambda x: linalg.svd(wg.outer(x, x) + wg.eye(4, dtype=x.dtype))[1]),
    "divergence": func.divergence(field),
    "jacobian_determinant": func.jacobian_determinant(field),
    "derivative": func.derivative(itemwise, 3),
    "taylor": lambda x: func.taylor(itemwise, x, 5).coefficients,
    "taylor at a number": lambda x: func.taylor(itemwise, 0.5, 6),
    "grad of taylor": func.grad(lambda x: func.taylor(itemwise, x, 3).coefficients.sum()),
    "difference_quotient": lambda x: func.difference_quotient(scalar, x),
    "check_gradients": lambda x: func.check_gradients(scalar, x),
    "trace": lambda x: wg.trace(scalar, x),
    "a layer of layers": of_a_layer,
    "a call that fails": that_fails,
    "a call that fails inside": that_fails_inside,
    "backward": by_backward,
    "backward with a graph of its own": by_backward_twice,
    "hooks": with_hooks,
    "checkpoint": by_checkpoint,
}


class Watch(modes.Observer):
    """Refers weakly to every node that is recorded, and to what it computed."""

    def __init__(self) -> None:
        self.references: list[weakref.ref[Any]] = []

    def recorded(self, node: Any, inputs: tuple[Any, ...], out: Any) -> None:
        self.references.append(weakref.ref(node))
        if isinstance(out._value, np.ndarray):
            self.references.append(weakref.ref(out._value))

    def alive(self) -> int:
        return sum(1 for reference in self.references if reference() is not None)


@pytest.fixture(scope="module", autouse=True)
def nothing_older() -> None:
    """No collection looks at what other tests have left alive: this file asks for hundreds of them."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def no_collection() -> Iterator[None]:
    """Cycles stay, to be found."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def argument() -> Any:
    return wg.tensor(np.linspace(0.5, 1.25, 4))


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_call_leaves_nothing_for_the_collector(name: str) -> None:
    transform = TRANSFORMS[name]
    transform(argument())  # what is made once
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    for _ in range(CALLS if name != "check_gradients" else 2):
        transform(argument())
    gc.collect()
    assert sorted({type(x).__name__ for x in gc.garbage}) == []


@pytest.mark.parametrize("name", [name for name in TRANSFORMS if name != "trace"])
def test_what_a_call_records_is_gone_when_it_returns(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch()
    with monkeypatch.context() as patch:
        patch.setattr(modes.mode, "observer", watch)
        result = TRANSFORMS[name](argument())
    assert [r() for r in watch.references if isinstance(r(), tape.Node)] == []
    del result  # which may be one of the arrays
    assert watch.alive() == 0
    assert (len(watch.references) > 4) == (name != "difference_quotient")


def test_a_graph_that_is_wanted_lives_as_long_as_it_is_held() -> None:
    watch = Watch()
    modes.mode.observer = watch
    try:
        y, pullback = func.vjp(field, argument())
    finally:
        modes.mode.observer = None
    del y
    assert watch.alive() > 4
    del pullback
    assert watch.alive() == 0
