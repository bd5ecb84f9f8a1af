"""A value that leaves the tape inside a derivative of a function raises, and nothing else does."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import wengert as wg
from cases import CASES, Case
from wengert.core.following import followed
from wengert.func import (
    derivative,
    divergence,
    grad,
    hessian,
    hvp,
    jacobian,
    jacobian_determinant,
    jvp,
    laplacian,
    linearize,
    taylor,
    value_and_grad,
    vjp,
)

X = wg.tensor([1.0, 2.0, 3.0], dtype=wg.float64)
T = wg.ones(3, dtype=wg.float64)


def item_by_item(x: Any) -> Any:
    out = np.zeros(3)
    for i in range(3):
        out[i] = x[i] ** 2
    return out.sum()


def into_a_matrix(x: Any) -> Any:
    K = np.eye(2)
    K[0, 1] = wg.exp(-x[0])
    return wg.tensor(K).sum()


def into_a_row(x: Any) -> Any:
    K = np.zeros((2, 3))
    K[1] = wg.exp(-x)
    return wg.tensor(K).sum()


def loaded(x: Any) -> Any:
    layer = wg.nn.Linear(3, 1, bias=False, dtype=wg.float64)
    layer.load_state_dict({"weight": x.reshape((1, 3))})
    return layer(T).sum()


def backward_within(x: Any) -> Any:
    w = wg.zeros(3, dtype=wg.float64, requires_grad=True)
    (w * x).sum().backward()
    return (w.grad**2).sum()


def stepped(x: Any) -> Any:
    w = wg.nn.Parameter(wg.zeros(3, dtype=wg.float64))
    (w * x).sum().backward(create_graph=True)
    wg.optim.SGD([w], lr=0.1).step()
    return (w**2).sum()


LEAVING: dict[str, Callable[[Any], Any]] = {
    "item by item": item_by_item,
    "into a matrix": into_a_matrix,
    "into a row": into_a_row,
    "math.exp": lambda x: math.exp(x[0]) * x[0],
    "float": lambda x: float(x[0]) * x.sum(),
    "complex": lambda x: complex(x[0]).real * x.sum(),
    "item": lambda x: x[0].item() * x.sum(),
    "np.float64": lambda x: np.float64(x[0]) * x.sum(),
    "tolist": lambda x: wg.tensor(x.tolist()).sum(),
    "tensor of tensors": lambda x: wg.tensor([x[0], x[1]]).sum(),
    "tensor of one": lambda x: wg.tensor(x * 2).sum(),
    "new_tensor": lambda x: x.new_tensor([x[0]]).sum(),
    "Tensor": lambda x: wg.Tensor(x).sum(),
    "Parameter": lambda x: (wg.nn.Parameter(x) ** 2).sum(),
    "load_state_dict": lambda x: loaded(x),
    "vector_to_parameters": lambda x: wg.nn.utils.vector_to_parameters(x, [wg.nn.Parameter(X)]),
    "data": lambda x: setattr(wg.zeros(3), "data", x),
    "a step of an optimizer": lambda x: stepped(x),
    "backward": lambda x: backward_within(x),
    "autograd.grad": lambda x: wg.autograd.grad((x**2).sum(), x)[0].sum(),
    "autograd.functional": lambda x: wg.autograd.functional.jacobian(lambda x: x**2, x).sum(),
    "a layer": lambda x: wg.layers.Exp().forward(x).sum(),
    "normal": lambda x: wg.normal(x, 1.0).sum(),
    "unique": lambda x: wg.unique(x).sum(),
    "unique_consecutive": lambda x: wg.unique_consecutive(x * 2).sum(),
    "full": lambda x: wg.full((2,), x[0]).sum(),
    "linspace": lambda x: wg.linspace(0, x[0], 3).sum(),
    "np.asarray": lambda x: wg.tensor(np.asarray(x)).sum(),
    "np.array of tensors": lambda x: wg.tensor(np.array([x[0], x[1]])).sum(),
    "np.array of objects": lambda x: np.array([x[0], x[1]], dtype=object).sum(),
    "np.full": lambda x: np.full(3, x[0]).sum() * x[0],
    "numpy": lambda x: wg.tensor(x.numpy()).sum(),
    "fsum": lambda x: math.fsum(x) * x[0],
    "checkpoint": lambda x: wg.autograd.checkpoint(lambda y: y.sum() * y[0].item(), x),
    "an inner difference": lambda x: wg.func.difference_quotient(lambda h: (h * x).sum(), 1.0).sum() * x[0],
}  # fmt: skip


def raised(f: Callable[..., Any], *args: Any) -> str:
    """What the error says, or its cause where NumPy puts one around it."""
    with pytest.raises((RuntimeError, ValueError)) as found:
        f(*args)
    error = found.value if "wg.func" in str(found.value) else found.value.__cause__
    return str(error)


@pytest.mark.parametrize("name", LEAVING)
def test_what_leaves_the_tape_raises_and_names_the_line_and_the_ways_out(name: str) -> None:
    told = raised(grad(LEAVING[name]), X)
    assert told.startswith("wg.func: ")
    assert "test_nothing_is_lost.py:" in told
    for way in ("detach()", "wg.stack", "wg.where", "wg.zeros"):
        assert way in told
    assert not followed


TRANSFORMS: dict[str, Callable[[Callable[..., Any]], Any]] = {
    "grad": lambda f: grad(f)(X),
    "value_and_grad": lambda f: value_and_grad(f)(X),
    "jacobian": lambda f: jacobian(f)(X),
    "jacobian forward": lambda f: jacobian(f, mode="forward")(X),
    "hessian": lambda f: hessian(f)(X),
    "jvp": lambda f: jvp(f, X, T),
    "vjp": lambda f: vjp(f, X),
    "hvp": lambda f: hvp(f, X, T),
    "linearize": lambda f: linearize(f, X),
    "taylor": lambda f: taylor(lambda s: f(X * s), wg.tensor(1.0, dtype=wg.float64), 2),
    "derivative": lambda f: derivative(lambda s: f(X * s))(wg.tensor(1.0, dtype=wg.float64)),
    "divergence": lambda f: divergence(lambda x: f(x) * x)(X),
    "jacobian_determinant": lambda f: jacobian_determinant(lambda x: f(x) * x)(X),
    "laplacian": lambda f: laplacian(f)(X),
    "grad of grad": lambda f: grad(lambda x: grad(f)(x).sum())(X),
    "jvp of grad": lambda f: jvp(grad(f), X, T),
    "grad of what another follows": lambda f: grad(lambda x: grad(lambda y: f(x) * y.sum())(T).sum())(X),
}  # fmt: skip


@pytest.mark.parametrize("name", TRANSFORMS)
def test_it_raises_in_every_transform_and_nothing_is_followed_afterwards(name: str) -> None:
    assert "wg.func" in raised(TRANSFORMS[name], lambda x: x.sum() * float(x[0]))
    assert not followed
    assert X.sum().item() == 6.0
    TRANSFORMS[name](lambda x: x.sum() * float(x[0].detach()))
    assert not followed


def test_what_is_constant_piece_by_piece_stays_allowed_and_so_does_printing() -> None:
    def f(x):
        assert int(x[2]) == 3
        assert f"{x[1]:.1f} {x}".startswith("2.0 tensor(")
        assert str(x) == repr(x)
        return x.sum() if x[0] > 0 and bool(x[1]) else -x.sum()

    assert grad(f)(X).tolist() == [1.0, 1.0, 1.0]
    p = taylor(wg.exp, wg.tensor(0.0, dtype=wg.float64), 2)
    assert grad(lambda c: len(repr(wg.func.TaylorPolynomial(c, p.coefficients * c))) * c)(wg.tensor(2.0)).item() > 5


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_operation_of_the_library_lets_a_value_out_by_itself(case: Case) -> None:
    """Nor do its rules: a run further out follows both."""
    xs = [wg.from_numpy(x) for x in case.draw(next(shapes for shapes in case.shapes if (0,) not in shapes))]

    def directional(*xs: Any) -> Any:
        return jvp(lambda *xs: case.function(*xs).sum(), xs, tuple(x * x for x in xs))[1]

    gradients = grad(directional, tuple(range(len(xs))))(*xs)
    assert [g.shape for g in gradients] == [x.shape for x in xs]
    assert not followed


def test_what_does_not_depend_on_the_argument_leaves_as_ever() -> None:
    w = wg.tensor([2.0], dtype=wg.float64, requires_grad=True)
    constant = wg.tensor([4.0, 5.0])

    def f(x, other):
        factor = w.item() * (w * 3).item() * constant[1].item() * other.item() * x.detach()[0].item()
        with wg.no_grad():
            factor += x.sum().item()
        assert x.numpy(force=True).tolist() == constant.tolist()[:0] + X.tolist()
        assert (constant * 2).numpy().tolist() == [8.0, 10.0]
        return factor * x.sum()

    assert grad(f)(X, wg.tensor(0.5)).tolist() == [36.0] * 3
    assert (X * w).sum().item() == 12.0


def test_a_derivative_of_a_derivative_may_leave_when_no_run_goes_on() -> None:
    seen = []

    def f(x):
        y = (x**3).sum()
        seen.append(y)
        return y

    g = grad(f)(X)
    assert g.tolist() == [3.0, 12.0, 27.0]
    assert seen[0].item() == 36.0  # outside, a tensor with a history leaves as ever
    _, pullback = vjp(f, X)
    assert pullback(wg.tensor(1.0, dtype=wg.float64))[0].tolist() == [3.0, 12.0, 27.0]


def test_walks_within_a_function_may_be_recorded() -> None:
    def f(x):
        (g,) = wg.autograd.grad((x**3).sum(), x, create_graph=True)
        w = wg.ones(3, dtype=wg.float64, requires_grad=True)
        (w * x).sum().backward(create_graph=True)
        fixed = wg.ones(3, dtype=wg.float64, requires_grad=True)
        (fixed * 2).sum().backward()  # of what does not depend on x
        h = wg.autograd.functional.jacobian(lambda y: (y * x).sum(), x, create_graph=True)
        return (g + w.grad + fixed.grad + h).sum()

    assert grad(f)(X).tolist() == [8.0, 14.0, 20.0]


def test_users_operations_may_look_at_their_items() -> None:
    class Scaled(wg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.factor = x[0].item()
            return x * ctx.factor

        @staticmethod
        def backward(ctx, g):
            return g * ctx.factor

    assert grad(lambda x: Scaled.apply(x).sum())(X + 1).tolist() == [2.0, 2.0, 2.0]


def test_other_threads_are_left_alone_and_threads_of_the_function_are_not() -> None:
    inside, done = threading.Event(), threading.Event()
    numbers: list[float] = []

    def f(x):
        inside.set()
        assert done.wait(60)
        return x.sum()

    def train():
        assert inside.wait(60)
        w = wg.tensor([3.0], requires_grad=True)
        numbers.append((w * 2).sum().item())
        done.set()

    thread = threading.Thread(target=train)
    thread.start()
    assert grad(f)(X).tolist() == [1.0, 1.0, 1.0]
    thread.join()
    assert numbers == [6.0]

    def in_a_pool(x):
        with ThreadPoolExecutor(2) as pool:
            return x.sum() * sum(pool.map(lambda i: float(x[i]), range(3)))

    assert "wg.func" in raised(grad(in_a_pool), X)
    assert not followed
