"""The calculus of one and of several variables: closed forms, series, difference quotients, Newton's method."""

from __future__ import annotations

import inspect
import itertools
import math
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np
import pytest

import wengert as wg
from cases import CASES, Case
from wengert import linalg
from wengert.core import tape
from wengert.func import (
    derivative,
    difference_quotient,
    divergence,
    grad,
    hessian,
    jacobian,
    jacobian_determinant,
    jvp,
    laplacian,
    linearize,
    taylor,
)
from wengert.func.recorded import Run
from wengert.func.series import coefficients


def f64(x) -> wg.Tensor:
    return wg.tensor(x, dtype=wg.float64)


# ---------------------------------------------------------------- closed forms


def test_the_worked_example_by_every_way_there_is() -> None:
    def f(x, y):
        return 2 * x * y - wg.sin(x + y)

    x, y, h = 0.7, -1.3, 1e-6
    exact = [2 * y - math.cos(x + y), 2 * x - math.cos(x + y)]
    at = f64(x), f64(y)
    one, zero = f64(1.0), f64(0.0)
    reverse = [g.item() for g in grad(f, (0, 1))(*at)]
    forward = [jvp(f, at, t)[1].item() for t in ((one, zero), (zero, one))]
    _, pushforward = linearize(f, *at)
    linear = [pushforward(one, zero).item(), pushforward(zero, one).item()]
    for found in (reverse, forward, linear):
        assert found == pytest.approx(exact, rel=1e-14)
    # The forward quotient's error is h / 2 times the second derivative, the central one's of the order of h**2.
    assert [q.item() for q in difference_quotient(f, at, h)] == pytest.approx(exact, abs=2e-6)
    assert [q.item() for q in difference_quotient(f, at, h, "central")] == pytest.approx(exact, abs=1e-9)


def test_the_square_of_an_affine_function() -> None:
    a, w, b = f64([0.5, -1.0, 2.0]), f64([1.5, 0.3, -0.7]), f64(0.2)
    da, dw, db = grad(lambda a, w, b: (wg.dot(a, w) + b) ** 2, (0, 1, 2))(a, w, b)
    outer = 2 * (a.numpy() @ w.numpy() + 0.2)
    np.testing.assert_allclose(da.numpy(), outer * w.numpy(), rtol=1e-14)
    np.testing.assert_allclose(dw.numpy(), outer * a.numpy(), rtol=1e-14)
    assert db.item() == pytest.approx(outer, rel=1e-14)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_jacobians_of_softmax_sum_product_and_inner_product(mode: str) -> None:
    x, y = np.array([0.3, -0.2, 0.9]), np.array([1.5, -2.0, 0.4])
    z = np.exp(x) / np.exp(x).sum()

    def of(f: Callable, *args: np.ndarray, argnums=0) -> np.ndarray:
        return jacobian(f, argnums, mode)(*map(wg.from_numpy, args)).numpy()

    np.testing.assert_allclose(of(lambda x: wg.softmax(x, 0), x), np.diag(z) - np.outer(z, z), atol=1e-15)
    np.testing.assert_allclose(of(lambda x, y: x + y, x, y), np.eye(3))
    np.testing.assert_allclose(of(lambda x, y: x * y, x, y), np.diag(y))
    np.testing.assert_allclose(of(lambda x, y: x * y, x, y, argnums=1), np.diag(x))
    np.testing.assert_allclose(of(wg.dot, x, y), y)
    np.testing.assert_allclose(of(wg.sum, x), np.ones(3))


def test_the_chain_of_least_squares() -> None:
    rng = np.random.default_rng(0)
    phi, y, theta = (wg.from_numpy(rng.normal(size=shape)) for shape in ((6, 3), (6,), (3,)))

    def model(theta):
        return phi @ theta

    def error(theta):
        return y - model(theta)

    de_dtheta = jacobian(error)(theta)
    dl_de = grad(lambda e: (e * e).sum())(error(theta))
    whole = grad(lambda theta: (error(theta) ** 2).sum())(theta)
    np.testing.assert_allclose(de_dtheta.numpy(), -phi.numpy(), rtol=1e-14)
    np.testing.assert_allclose(dl_de.numpy(), 2 * error(theta).numpy(), rtol=1e-14)
    np.testing.assert_allclose(whole.numpy(), (dl_de @ de_dtheta).numpy(), rtol=1e-13)


def test_the_scale_factor_of_polar_coordinates_is_the_radius() -> None:
    def from_polar(p):
        return wg.stack([p[0] * wg.cos(p[1]), p[0] * wg.sin(p[1])])

    for r, phi in ((0.5, 0.1), (2.0, 2.5), (7.0, -1.0)):
        p = f64([r, phi])
        assert jacobian_determinant(from_polar)(p).item() == pytest.approx(r, rel=1e-14)
        swapped = jacobian_determinant(lambda p: from_polar(p).flip(0), signed=True)(p)
        assert swapped.item() == pytest.approx(-r, rel=1e-14)
        np.testing.assert_allclose(grad(jacobian_determinant(from_polar))(p).numpy(), [1, 0], atol=1e-14)


def test_spherical_coordinates_by_three_arguments() -> None:
    def from_spherical(r, theta, phi):
        return {"x": r * wg.sin(theta) * wg.cos(phi), "yz": [r * wg.sin(theta) * wg.sin(phi), r * wg.cos(theta)]}

    factor = jacobian_determinant(from_spherical, (0, 1, 2))(f64(2.0), f64(0.7), f64(1.9))
    assert factor.item() == pytest.approx(4 * math.sin(0.7), rel=1e-13)


def test_divergence_and_laplacian() -> None:
    x = f64([0.5, -1.0, 2.0])
    assert divergence(lambda x: x * (x * x).sum())(x).item() == pytest.approx(5 * (x * x).sum().item(), rel=1e-14)
    assert laplacian(lambda x: (x * x).sum() ** 2)(x).item() == pytest.approx(20 * (x * x).sum().item(), rel=1e-13)
    harmonic = laplacian(lambda x: wg.exp(x[0]) * wg.sin(x[1]))(x)
    assert harmonic.item() == pytest.approx(0.0, abs=1e-14)
    field = laplacian(lambda x: {"cube": x**3})(x)["cube"]
    np.testing.assert_allclose(field.numpy(), 6 * x.numpy(), rtol=1e-14)
    trace = hessian(lambda x: (wg.sin(x) * x.prod()).sum())(x).numpy().trace()
    assert laplacian(lambda x: (wg.sin(x) * x.prod()).sum())(x).item() == pytest.approx(trace, rel=1e-12)


# ---------------------------------------------------------------- one variable


def _power_of_itself(k: int) -> float:
    """The coefficients of y = (1 + x)**(1 + x), from y' = y (1 + log(1 + x))."""
    rate = [Fraction(1), *(Fraction((-1) ** (i + 1), i) for i in range(1, k + 1))]
    y = [Fraction(1)]
    for n in range(k):
        y.append(sum((y[i] * rate[n - i] for i in range(n + 1)), Fraction(0)) / (n + 1))
    return float(y[k])


SERIES: dict[str, tuple[Callable, Callable[[int], float]]] = {
    "exp": (wg.exp, lambda k: 1 / math.factorial(k)),
    "sin": (wg.sin, lambda k: (0, 1, 0, -1)[k % 4] / math.factorial(k)),
    "1/(1-x)": (lambda x: 1 / (1 - x), lambda k: 1.0),
    "(1+x)**(1+x)": (lambda x: (1 + x) ** (1 + x), _power_of_itself),
    "log(1+x)": (lambda x: wg.log(1 + x), lambda k: (-1) ** (k + 1) / k if k else 0.0),
}


@pytest.mark.parametrize("name", SERIES)
@pytest.mark.parametrize("order", [0, 1, 8, 20])
def test_taylor_polynomials_match_their_series(name: str, order: int) -> None:
    function, coefficient = SERIES[name]
    p = taylor(function, f64(0.0), order)
    assert p.order == order
    expected = [coefficient(k) for k in range(order + 1)]
    np.testing.assert_allclose(p.coefficients.numpy(), expected, rtol=0, atol=1e-12)
    x = 0.25
    assert p(x).item() == pytest.approx(sum(c * x**k for k, c in enumerate(expected)), abs=1e-12)
    for k in range(1, order + 1):
        assert derivative(function, k)(f64(0.0)).item() == pytest.approx(expected[k] * math.factorial(k), rel=1e-12)


@pytest.fixture
def room_for_few_calls() -> Iterator[None]:
    """A limit of recursion that a hundred calls within one another reach."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 100)
    yield
    sys.setrecursionlimit(before)


def long_chain(x: wg.Tensor) -> wg.Tensor:
    for k in range(2000):
        x = wg.sin(x) + x / (2 + x * x) if k % 500 == 0 else x * 1.0001
    return x


@pytest.mark.usefixtures("room_for_few_calls")
def test_neither_a_high_order_nor_a_long_list_is_followed_by_recursion() -> None:
    p = taylor(lambda x: x**x, f64(1.0), 40)
    np.testing.assert_allclose(p.coefficients.numpy(), [_power_of_itself(k) for k in range(41)], rtol=1e-9, atol=1e-12)
    x = f64(0.5)
    third = derivative(long_chain, 3)(x)
    assert third.item() == pytest.approx(grad(grad(grad(long_chain)))(x).item(), rel=1e-9)
    assert laplacian(long_chain)(x).item() == pytest.approx(grad(grad(long_chain))(x).item(), rel=1e-9)


def test_derivatives_of_derivatives_nest_deeply() -> None:
    f = g = wg.exp
    for k in range(200):
        f = grad(f)
        if k < 5:
            g = grad(g)
    assert f(0.5).item() == g(0.5).item() == pytest.approx(math.exp(0.5))


def test_the_work_of_a_series_does_not_double_with_its_order() -> None:
    """Nested derivatives of this function record 2**order times as much."""

    def recorded(order: int) -> int:
        before = tape.count()
        taylor(lambda x: wg.tanh(wg.sin(x) / (1 + x * x)) * wg.sqrt(1 + x), f64(0.3), order)
        return tape.count() - before

    assert recorded(16) < 4 * recorded(8)


@pytest.mark.parametrize("function", [
    lambda x: x**x, grad(lambda x: x**x), grad(grad(lambda x: x**x)), lambda x: (1 + wg.exp(x)) ** (x * x),
])  # fmt: skip
def test_the_work_of_a_power_does_not_grow_with_the_order(function: Callable) -> None:
    counts = []
    for order in (6, 20):
        before = tape.count()
        p = taylor(function, f64(1.0), order)
        counts.append(tape.count() - before)
    assert counts[0] == counts[1]
    third = grad(grad(grad(function)))(f64(1.0)).item()
    assert 6 * p.coefficients[3].item() == pytest.approx(third, rel=1e-12)


def test_series_of_powers_at_bases_that_are_not_positive() -> None:
    mixed = taylor(lambda x: x ** wg.tensor([3.0, 2.0], dtype=wg.float64), f64([0.0, -1.0]), 3)
    assert mixed.coefficients.tolist() == [[0, 1], [0, -2], [0, 1], [1, 0]]
    assert np.isnan(taylor(lambda x: x**x, f64(-1.0), 2).coefficients.numpy()[1:]).all()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_series_of_every_operation_are_its_nested_derivatives(case: Case) -> None:
    shapes = min(case.shapes, key=lambda shapes: (0 in [n for s in shapes for n in s], sum(map(math.prod, shapes))))
    rng = np.random.default_rng(0)
    xs = [wg.from_numpy(x) for x in case.draw(shapes)]
    ts = [wg.from_numpy(rng.normal(size=x.shape)) for x in xs]
    order = min(case.order, 3)

    def nested(k: int) -> Callable:
        if k == 0:
            return case.function
        return lambda *xs: jvp(nested(k - 1), xs, tuple(ts))[1]

    found = coefficients(Run("test", case.function, xs), ts, order)
    scale = 1e-6  # of the largest derivative so far, since a higher one may vanish
    for k in range(1, order + 1):
        expected = nested(k)(*xs).numpy()
        scale = max(scale, np.abs(expected).max(initial=0))
        np.testing.assert_allclose(found[k - 1][0].numpy() * math.factorial(k), expected, rtol=1e-9, atol=1e-9 * scale)


def test_derivatives_nest_and_are_differentiable() -> None:
    def f(x):
        return wg.sin(x * x) * x

    at = f64(0.7)
    assert derivative(derivative(f, 2), 2)(at).item() == pytest.approx(derivative(f, 4)(at).item(), rel=1e-12)
    assert grad(derivative(f, 2))(at).item() == pytest.approx(derivative(f, 3)(at).item(), rel=1e-12)
    in_parameter = grad(lambda a: derivative(lambda x: wg.sin(a * x), 3)(f64(0.5)))(f64(2.0))
    assert in_parameter.item() == pytest.approx(-12 * math.cos(1) + 4 * math.sin(1), rel=1e-12)
    assert not in_parameter.requires_grad


def test_derivatives_at_many_points_at_once() -> None:
    xs = wg.from_numpy(np.linspace(-1, 1, 7))
    np.testing.assert_allclose(derivative(wg.sin, 3)(xs).numpy(), -np.cos(xs.numpy()), rtol=1e-13)
    p = taylor(wg.exp, xs, 4)
    np.testing.assert_allclose(p.coefficients.numpy()[3], np.exp(xs.numpy()) / 6, rtol=1e-13)
    for mixing in (lambda x: wg.softmax(x, 0), lambda x: x.sum(), lambda x: x + x.flip(0) ** 2):
        with pytest.raises(ValueError, match="mixes the items"):
            derivative(mixing, 2)(xs)


def test_curves_have_derivatives() -> None:
    velocity = derivative(lambda t: {"x": wg.cos(t), "yz": [wg.sin(t), 2 * t]})(f64(0.3))
    assert velocity["x"].item() == pytest.approx(-math.sin(0.3))
    assert [v.item() for v in velocity["yz"]] == pytest.approx([math.cos(0.3), 2.0])


def test_polynomials_are_printed_derived_and_differentiated() -> None:
    p = taylor(lambda x: 2 * x**3 - x + 1, f64(1.0), 3)
    assert repr(p) == "2 + 5 (x - 1) + 6 (x - 1)^2 + 2 (x - 1)^3"
    assert repr(taylor(lambda x: -x * x, f64(0.0), 2)) == "-x^2"
    assert repr(taylor(lambda x: x * 0, f64(0.0), 1)) == "0"
    assert p.derivative()(2.0).item() == pytest.approx(23.0)
    assert grad(p)(f64(2.0)).item() == pytest.approx(23.0)
    assert taylor(wg.exp, f64(0.0), 0).derivative()(3.0).item() == 0.0


# ---------------------------------------------------------------- differences


def test_difference_quotients_have_the_structure_of_jacobians() -> None:
    x = {"a": f64([1.0, 2.0]), "b": 0.5}

    def f(x):
        return [x["a"] * x["b"], x["a"].prod()]

    numeric, exact = difference_quotient(f, x, 1e-6, "central"), jacobian(f)({"a": x["a"], "b": f64(0.5)})
    for i in range(2):
        for key in "ab":
            assert numeric[i][key].shape == exact[i][key].shape
            np.testing.assert_allclose(numeric[i][key].numpy(), exact[i][key].numpy(), atol=1e-8)


def test_errors_of_difference_quotients_fall_with_the_order_of_the_scheme() -> None:
    exact = math.cos(1.0)
    for scheme, power in (("forward", 1), ("central", 2)):
        errors = [abs(difference_quotient(wg.sin, 1.0, h, scheme).item() - exact) for h in (1e-1, 1e-2, 1e-3)]
        assert errors[0] / errors[1] == pytest.approx(10**power, rel=0.1)
        assert errors[1] / errors[2] == pytest.approx(10**power, rel=0.1)


# ---------------------------------------------------------------- Newton's method


def test_newtons_method_on_a_logistic_regression_converges_quadratically() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 3))
    labels = (rng.uniform(size=200) < 1 / (1 + np.exp(-features @ [1.0, -2.0, 0.5]))).astype(float)
    x, y = wg.from_numpy(np.c_[features, np.ones(200)]), wg.from_numpy(labels)

    def loss(w):
        z = x @ w
        return (wg.softplus(z) - y * z).mean()

    w = wg.zeros(4, dtype=wg.float64)
    steps = []
    for _ in range(8):
        step = linalg.solve(hessian(loss)(w), grad(loss)(w))
        w = w - step
        steps.append(step.norm().item())
    assert grad(loss)(w).norm().item() < 1e-14
    sizes = [s for s in steps if s > 1e-7]
    assert len(sizes) >= 4
    ratios = [b / a**2 for a, b in itertools.pairwise(sizes)]
    assert max(ratios[1:]) < 1.0, "each step is of the order of the square of the one before"
    assert steps[-1] < 1e-14


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: derivative(wg.sin, -1)(1.0), ValueError, "expected order >= 0, got -1"),
        (lambda: derivative(wg.sin)(1), TypeError, "int64, which has no derivatives"),
        (lambda: derivative(lambda x: x[0])([1.0, 2.0]), TypeError, "one tensor or number, got 2"),
        (lambda: taylor(lambda x: (x, x), 1.0, 2), TypeError, "one tensor, got 2"),
        (lambda: difference_quotient(wg.sin, 1.0, 0.0), ValueError, "h > 0"),
        (lambda: difference_quotient(wg.sin, 1.0, scheme="backward"), ValueError, "backward"),
        (lambda: difference_quotient(wg.sin, 1), TypeError, "int64, which has no derivatives"),
        (lambda: divergence(lambda x: x.sum())(wg.ones(3)), ValueError, "got 1 results of 3 variables"),
        (lambda: jacobian_determinant(lambda x: x[:1])(wg.ones(3)), ValueError, "got 1 results of 3 variables"),
    ],
)
def test_wrong_use_is_told(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_series_pass_what_joins_tensors() -> None:
    def joined(x: wg.Tensor) -> wg.Tensor:
        return wg.cat([wg.stack([x, wg.tensor(2.0)]), (x * x).reshape(1)]).prod()  # 2 x^3

    assert wg.func.taylor(joined, wg.tensor(1.0), 4).coefficients.tolist() == [2.0, 6.0, 6.0, 2.0, 0.0]
