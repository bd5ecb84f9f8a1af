"""Derivatives of functions."""

from __future__ import annotations

import doctest
import importlib
import math

import numpy as np
import pytest

import wengert as wg
from wengert.core import tape
from wengert.core.define import elementwise, primitive
from wengert.func import check_gradients, grad, hessian, hvp, jacobian, jvp, linearize, value_and_grad, vjp


def f64(*values: float) -> wg.Tensor:
    return wg.tensor(list(values), dtype=wg.float64)


def test_the_worked_example_of_a_lecture() -> None:
    def f(x, y):
        return 2 * x * y - wg.sin(x + y)

    x, y = wg.tensor(0.7, dtype=wg.float64), wg.tensor(-1.3, dtype=wg.float64)
    dx, dy = 2 * -1.3 - np.cos(0.7 - 1.3), 2 * 0.7 - np.cos(0.7 - 1.3)
    assert [g.item() for g in grad(f, (0, 1))(x, y)] == pytest.approx([dx, dy], rel=1e-14)
    assert jvp(f, (x, y), (wg.ones_like(x), wg.zeros_like(y)))[1].item() == pytest.approx(dx, rel=1e-14)
    _, pushforward = linearize(f, x, y)
    assert pushforward(wg.zeros_like(x), wg.ones_like(y)).item() == pytest.approx(dy, rel=1e-14)
    assert pushforward(wg.ones_like(x), wg.ones_like(y)).item() == pytest.approx(dx + dy, rel=1e-14)


def test_gradients_have_the_structure_of_the_arguments() -> None:
    parameters = {"w": f64(1, 2), "layers": [f64(3), (f64(4), f64(5))]}

    def f(p):
        return (p["w"] ** 2).sum() + (p["layers"][0] * p["layers"][1][1]).sum()

    value, g = value_and_grad(f)(parameters)
    assert value.item() == 20.0
    assert g["w"].tolist() == [2.0, 4.0]
    assert g["layers"][0].tolist() == [5.0]
    assert g["layers"][1][0].tolist() == [0.0]
    assert g["layers"][1][1].tolist() == [3.0]


def test_results_do_not_drag_the_graph_along() -> None:
    x = f64(1, 2)
    value, g = value_and_grad(lambda x: (x * x).sum())(x)
    assert not value.requires_grad
    assert not g.requires_grad
    assert not x.requires_grad


def test_functions_of_tracked_tensors_stay_connected() -> None:
    w = f64(3).requires_grad_()
    g = grad(lambda x: (w * x * x).sum())(f64(2))
    g.sum().backward()
    assert w.grad.tolist() == [4.0]


@pytest.mark.parametrize("outer", ["forward", "reverse"])
@pytest.mark.parametrize("inner", ["forward", "reverse"])
def test_perturbations_are_not_confused(outer: str, inner: str) -> None:
    def derivative(mode: str, f):
        if mode == "reverse":
            return grad(f)
        return lambda x: jvp(f, x, wg.ones_like(x))[1]

    # d/dx [x * d/dy (x + y)] = 1; taking one perturbation for the other gives 2.
    f = derivative(outer, lambda x: x * derivative(inner, lambda y: x + y)(wg.tensor(1.0)))
    assert f(wg.tensor(1.0)).item() == 1.0


def test_jacobians_agree_in_both_modes() -> None:
    x = f64(0.3, -0.2, 0.9)

    def f(x):
        return wg.stack([(x**2).sum(), x[0] * x[1], x[2].sin(), x.prod()])

    forward, reverse = jacobian(f, mode="forward")(x), jacobian(f, mode="reverse")(x)
    assert forward.shape == (4, 3)
    np.testing.assert_allclose(forward.numpy(), reverse.numpy(), rtol=1e-14)
    np.testing.assert_allclose(forward.numpy()[0], 2 * x.numpy(), rtol=1e-14)


def test_the_jacobian_of_softmax() -> None:
    x = f64(0.3, -0.2, 0.9)
    z = wg.softmax(x, 0).numpy()
    np.testing.assert_allclose(
        jacobian(lambda x: wg.softmax(x, 0))(x).numpy(), np.diag(z) - np.outer(z, z), rtol=1e-13
    )  # fmt: skip


def test_hessians_and_their_products() -> None:
    x, v = f64(0.5, 2.0, -1.0), f64(1.0, -1.0, 0.5)

    def f(x):
        return (x**3).sum() + x[0] * x[1] * x[2]

    h = hessian(f)(x).numpy()
    a, b, c = x.numpy()
    np.testing.assert_allclose(h, [[6 * a, c, b], [c, 6 * b, a], [b, a, 6 * c]], rtol=1e-14)
    np.testing.assert_allclose(hvp(f, x, v).numpy(), h @ v.numpy(), rtol=1e-13)
    assert hessian(lambda x: wg.stack([f(x), x.sum()]))(x).shape == (2, 3, 3)


def test_vjp_walks_any_number_of_times() -> None:
    y, pullback = vjp(lambda x, y: x * y, f64(1, 2), f64(3, 4))
    assert y.tolist() == [3.0, 8.0]
    for scale in (1.0, 2.0):
        gx, gy = pullback(f64(scale, scale))
        assert gx.tolist() == [3 * scale, 4 * scale]
        assert gy.tolist() == [scale, 2 * scale]


def test_control_flow_is_followed() -> None:
    def f(a):
        b = a * 2
        while b.norm() < 1000:
            b = b * 2
        return b.sum() if b.sum() > 0 else (100 * b).sum()

    for seed in range(5):
        a = wg.from_numpy(np.random.default_rng(seed).normal(size=()))
        assert grad(f)(a).item() == pytest.approx(f(a).item() / a.item(), rel=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: grad(lambda x: x * 2)(f64(1, 2)), ValueError, r"one 0-d tensor, got shape\(s\) \(2,\)"),
        (lambda: grad(lambda x: x.sum())(wg.arange(3)), TypeError, "int64, which has no derivatives"),
        (lambda: grad(lambda x: x.sum(), 3)(f64(1)), ValueError, r"argnums 3 do not fit 1 argument"),
        (lambda: grad(lambda x, y: x.sum(), (1, -1))(f64(1), f64(1)), ValueError, r"\(1, -1\) name an argument twice"),
        (lambda: jacobian(lambda x: x, mode="sideways"), ValueError, "sideways"),
        (lambda: jvp(lambda x: x, f64(1, 2), f64(1)), ValueError, r"tangent has shape \(1,\), expected \(2,\)"),
        (lambda: check_gradients(lambda x: x, f64(1), order=0), ValueError, "order >= 1"),
    ],
)
def test_wrong_use_is_told(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    "name",
    [
        "derivative", "divergence", "grad", "hessian", "jacobian", "jacobian_determinant", "laplacian",
        "value_and_grad",
    ],
)  # fmt: skip
def test_transforms_refuse_integers(name: str) -> None:
    with pytest.raises(TypeError, match="int64, which has no derivatives"):
        getattr(wg, name)(lambda x: (x * 1.0).sum())(wg.tensor([3]))


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("check_gradients", ()), ("difference_quotient", ()), ("hvp", (1,)), ("jvp", (1,)), ("linearize", ()),
        ("taylor", (2,)), ("vjp", ()),
    ],
)  # fmt: skip
def test_derivatives_at_integers_are_refused(name: str, more: tuple[int, ...]) -> None:
    with pytest.raises(TypeError, match="int64, which has no derivatives"):
        getattr(wg, name)(lambda x: x * 1.0, 3, *more)


WRONG = {
    "sign": elementwise("test_sign", lambda x: np.sin(x), lambda x: -wg.cos(x)),
    "factor": elementwise("test_factor", lambda x: np.sin(x), lambda x: wg.cos(x) * 1.001),
    "detached": elementwise("test_detached", lambda x: np.sin(x), lambda x: wg.cos(x.detach())),
}
SWAPPED = elementwise("test_swapped", lambda x, y: x * y, lambda x: x, lambda y: y)


@pytest.mark.parametrize("name", WRONG)
def test_wrong_rules_are_caught(name: str) -> None:
    x = f64(0.3, -0.8)
    if name == "detached":
        check_gradients(WRONG[name], x, order=1)
    with pytest.raises(AssertionError, match=f"order {2 if name == 'detached' else 1}.*expected .*got"):
        check_gradients(WRONG[name], x, order=2)


def test_a_wrong_operand_is_caught() -> None:
    with pytest.raises(AssertionError, match="argument 0"):
        check_gradients(SWAPPED, f64(0.3, -0.8), f64(1.5, 2.5))


# ---------------------------------------------------------------- arguments


def test_every_transform_takes_argnums() -> None:
    def f(x, n, y):
        return (x * y).sum() * n

    x, y, v = f64(1, 2), f64(3, 4), f64(1, -1)
    assert grad(f, 2)(x, 3, y).tolist() == [3.0, 6.0]
    assert [g.tolist() for g in grad(f, (2, 0))(x, 3, y)] == [[3.0, 6.0], [9.0, 12.0]]
    assert grad(f, -1)(x, 3, y).tolist() == [3.0, 6.0]
    assert vjp(f, x, 3, y, argnums=2)[1](1.0).tolist() == [3.0, 6.0]
    assert [g.tolist() for g in vjp(f, x, 3, y, argnums=(0, 2))[1](1.0)] == [[9.0, 12.0], [3.0, 6.0]]
    assert linearize(f, x, 3, y, argnums=0)[1](v).item() == -3.0
    assert jvp(f, (x, 3, y), v, argnums=0)[1].item() == -3.0
    assert jacobian(f, (0, 2))(x, 3, y)[1].tolist() == [3.0, 6.0]
    blocks = hessian(f, (0, 2))(x, 3, y)
    assert blocks[0][1].tolist() == [[3.0, 0.0], [0.0, 3.0]]
    assert blocks[0][0].tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert hvp(f, (x, 3, y), (v, v), argnums=(0, 2))[0].tolist() == [3.0, -3.0]


def test_keywords_are_handed_on_and_none_stays_where_it_is() -> None:
    def f(p, power=1, scale=None):
        return (p["w"] ** power).sum() * (1.0 if scale is None else scale)

    p = {"w": f64(1, 2), "b": None}
    assert grad(f)(p, power=3, scale=2.0)["w"].tolist() == [6.0, 24.0]
    assert value_and_grad(f)(p, power=2)[1]["b"] is None
    assert jacobian(f)(p, power=2)["w"].tolist() == [2.0, 4.0]
    assert hessian(f)(p, power=3)["w"]["w"].tolist() == [[6.0, 0.0], [0.0, 12.0]]


def test_arrays_lists_and_numbers_are_arguments_too() -> None:
    g = grad(lambda p: (p["a"] * p["b"][0]).sum() + p["b"][1])({"a": np.ones(2), "b": [2.0, 3.0]})
    assert g["a"].tolist() == [2.0, 2.0]
    assert [x.item() for x in g["b"]] == [2.0, 1.0]


def test_aux_is_handed_through() -> None:
    (value, aux), g = value_and_grad(lambda x: (x * x, "said"), has_aux=True)(3.0)
    assert (value.item(), aux, g.item()) == (9.0, "said", 6.0)
    assert grad(lambda x: (x * x, [x]), has_aux=True)(3.0)[0].item() == 6.0
    with pytest.raises(TypeError, match="pair"):
        grad(lambda x: x, has_aux=True)(3.0)


def test_aux_is_a_constant_unless_it_can_be_differentiated_from_outside() -> None:
    w = wg.tensor(2.0, requires_grad=True)
    _, (scaled, fixed, same) = grad(lambda x: (x * x, (x * w, x * 3, w)), has_aux=True)(3.0)
    assert (scaled.requires_grad, fixed.requires_grad) == (True, False)
    assert same is w
    assert wg.autograd.grad(scaled, w)[0].item() == 3
    x = wg.tensor(3.0, requires_grad=True)
    aux = grad(lambda x: (x * x, {"cube": x**3, "said": 1}), has_aux=True)(x)[1]
    assert aux["said"] == 1
    assert wg.autograd.grad(aux["cube"], x)[0].item() == 27
    nested = grad(lambda x: grad(lambda y: (y * y, y * x), has_aux=True)(x)[1])(wg.tensor(3.0))
    assert nested.item() == 6


@pytest.mark.parametrize("call", [
    lambda x: grad(wg.exp)(x), lambda x: value_and_grad(wg.exp)(x)[0], lambda x: jvp(wg.exp, x, 1.0)[1],
    lambda x: vjp(wg.exp, x)[1](1.0)[0], lambda x: linearize(wg.exp, x)[1](x) / x, lambda x: hvp(wg.exp, x, 1.0),
    lambda x: hessian(wg.exp)(x), lambda x: jacobian(wg.exp)(x), lambda x: wg.func.derivative(wg.exp, 3)(x),
    lambda x: wg.func.taylor(wg.exp, x, 2).coefficients[0], lambda x: wg.func.laplacian(wg.exp)(x),
    lambda x: wg.func.divergence(wg.exp)(x), lambda x: wg.func.jacobian_determinant(wg.exp)(x),
    lambda x: grad(lambda tree: wg.exp(tree["x"]))({"x": x})["x"], lambda x: wg.layers.Exp().forward(x),
])  # fmt: skip
@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_numpys_scalars_keep_their_dtype_and_digits(call, kind: type) -> None:
    found = call(kind(0.1))
    assert found.dtype == kind
    assert found.item() == pytest.approx(math.exp(kind(0.1)), rel=float(4 * np.finfo(kind).eps))


def test_linearize_runs_the_function_once() -> None:
    runs = []

    def f(x):
        runs.append(1)
        return x.sin() * x

    _, pushforward = linearize(f, f64(1, 2))
    for _ in range(5):
        pushforward(f64(1, 1))
    assert len(runs) == 1


def test_generalised_jacobians_and_hessians() -> None:
    x = f64(1, 2, 3, 4, 5, 6).reshape(2, 3)
    assert jacobian(lambda x: x.T @ x)(x).shape == (3, 3, 2, 3)
    assert hessian(lambda x: (x**3).sum())(x).shape == (2, 3, 2, 3)
    assert hessian(lambda x: {"y": x[0] ** 2})(x)["y"].shape == (3, 2, 3, 2, 3)


def test_the_function_of_a_hessian_runs_once() -> None:
    runs = []

    def f(x):
        runs.append(1)
        return x**3

    hessian(f)(f64(1, 2))
    assert len(runs) == 1


def test_results_of_nested_derivatives_do_not_drag_the_graph_along() -> None:
    inner = grad(lambda a: grad(lambda x: wg.sin(a * x))(wg.tensor(0.5)))(wg.tensor(2.0))
    assert not inner.requires_grad
    assert not jvp(lambda a: grad(lambda x: a * x * x)(wg.tensor(0.5)), wg.tensor(2.0), wg.tensor(1.0))[1].requires_grad


def test_arguments_refuse_change_in_place() -> None:
    x = f64(1, 2)
    with pytest.raises(RuntimeError, match="add_: an argument of a function"):
        grad(lambda x: x.add_(1.0).sum())(x)
    assert x.tolist() == [1.0, 2.0]


# ---------------------------------------------------------------- cost


def recorded(call) -> int:
    """How many operations a call records; its tensors require gradients, so all are."""
    before = tape.count()
    call()
    return tape.count() - before - 1


def network(w1, w2, w3):
    x = wg.from_numpy(np.random.default_rng(0).normal(size=(8, 5)))
    return (wg.softmax(wg.tanh(wg.tanh(x @ w1) @ w2) @ w3, 1) ** 2).sum()


def test_a_hessian_vector_product_costs_at_most_four_gradients() -> None:
    rng = np.random.default_rng(1)
    ws = [wg.from_numpy(rng.normal(size=s)).requires_grad_() for s in ((5, 6), (6, 6), (6, 3))]
    vs = [wg.from_numpy(rng.normal(size=w.shape)).requires_grad_() for w in ws]
    one = recorded(lambda: grad(network, (0, 1, 2))(*ws))
    assert recorded(lambda: hvp(network, tuple(ws), tuple(vs))) <= 4 * one


def test_a_jacobian_costs_its_smaller_dimension_in_walks() -> None:
    calls = {"forward": 0, "reverse": 0}

    def reverse(g):
        calls["reverse"] += 1
        return g * 1.0

    def forward(t):
        calls["forward"] += 1
        return t * 1.0

    watched = primitive("test_counted", lambda x: x.copy(), (reverse,), (forward,))
    matrix = wg.from_numpy(np.random.default_rng(0).normal(size=(7, 3)))
    for chunk_size, walks in ((1, 3), (2, 2), ("auto", 1), (None, 1)):
        jacobian(lambda x: matrix @ watched(x), chunk_size=chunk_size)(f64(1, 2, 3))
        assert calls == {"forward": walks, "reverse": 0}
        calls["forward"] = 0
        jacobian(lambda x: matrix.T @ watched(x), chunk_size=chunk_size)(f64(*range(7)))
        assert calls == {"forward": 0, "reverse": walks}
        calls["reverse"] = 0


# ---------------------------------------------------------------- the check itself


def test_both_modes_are_held_to_each_other_more_closely_than_to_differences() -> None:
    slightly = primitive(
        "test_slightly", np.sin, (lambda g, x: g * wg.cos(x),), (lambda t, x: t * wg.cos(x) * (1 + 1e-6),)
    )  # fmt: skip
    with pytest.raises(AssertionError, match=r"order 1, reverse mode, argument 0: expected .*, got "):
        check_gradients(slightly, f64(0.3, -0.8), order=1)
    check_gradients(slightly, f64(0.3, -0.8), order=1, modes=["reverse"])


def test_a_rule_that_loses_its_cotangent_is_caught_at_order_two() -> None:
    lost = primitive(
        "test_lost", np.sin, (lambda g, x: g.detach() * wg.cos(x),), (lambda t, x: t * wg.cos(x),)
    )  # fmt: skip
    check_gradients(lost, f64(0.3, -0.8), order=1)
    with pytest.raises(AssertionError, match=r"order 2, forward of reverse mode, cotangent 0"):
        check_gradients(lost, f64(0.3, -0.8), order=2)


SHAPELESS = primitive(
    "test_shapeless", lambda x: x.sum(keepdims=True), (lambda g: g,), (lambda t: wg.cat([t, t]),)
)  # fmt: skip


def test_a_rule_that_gives_another_shape_is_told() -> None:
    x = f64(1, 2)
    message = r"a gradient of shape \(1,\) arrived where the tensor has shape \(2,\); the rule of an operation"
    with pytest.raises(RuntimeError, match=f"grad: {message}"):
        grad(lambda x: SHAPELESS(x).sum())(x)
    with pytest.raises(RuntimeError, match=r"jvp: a tangent of shape \(4,\) arrived where the tensor has shape \(1,\)"):
        jvp(SHAPELESS, x, x)
    x.requires_grad_()
    with pytest.raises(RuntimeError, match=f"backward: {message}"):
        SHAPELESS(x).sum().backward()
    with pytest.raises(RuntimeError, match=f"grad: {message}"):
        wg.autograd.grad(SHAPELESS(x).sum(), x)


def test_a_rule_with_an_unknown_parameter_is_told() -> None:
    unknown = primitive("test_unknown", lambda x: x * 2.0, (lambda g, q: g,), (None,))
    given = "rules are given any of g, t, z, kept, x"
    with pytest.raises(TypeError, match=f"test_unknown: a rule has a parameter 'q'; {given}"):
        grad(lambda x: unknown(x).sum())(f64(1, 2))


def test_operations_of_users_take_numbers_and_may_give_numpy_scalars() -> None:
    square = primitive(
        "test_square", lambda x: np.sum(x * x), (lambda g, x: 2 * g * x,), (lambda t, x: (2 * t * x).sum(),)
    )  # fmt: skip
    assert (square([3.0, 4.0]) + 1).item() == 26.0
    assert grad(square)(np.array([3.0, 4.0])).tolist() == [6.0, 8.0]
    assert (WRONG["sign"](0.0) + 1).item() == 1.0
    check_gradients(square, f64(1, 2), order=3)


def test_the_check_refuses_what_has_no_derivatives() -> None:
    with pytest.raises(TypeError, match="int64, which has no derivatives"):
        check_gradients(lambda x: x * 1.0, wg.arange(3))
    with pytest.raises(ValueError, match="sideways"):
        check_gradients(lambda x: x, f64(1), modes=["sideways"])


@pytest.mark.parametrize(
    "module",
    [
        "autograd.anomaly", "autograd.checkpoints", "autograd.function", "core.batching", "core.modes", "core.define",
        "func.calculus", "func.checking", "func.transforms", "linalg", "ops.factors", "ops.least_squares",
        "ops.systems", "tracing", "core.backward",
    ],
)  # fmt: skip
def test_examples_run(module: str) -> None:
    found = importlib.import_module(f"wengert.{module}")
    assert doctest.testmod(found, extraglobs={"np": np, "wg": wg}, optionflags=doctest.ELLIPSIS).failed == 0
