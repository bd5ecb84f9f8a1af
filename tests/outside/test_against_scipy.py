"""SciPy's solvers take derivatives of ours as they are: arrays in, arrays out.

Each problem is solved with exact derivatives, and its answer compared with a known one; the functions see tensors where
they are differentiated, and arrays where SciPy calls them itself.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg

scipy = pytest.importorskip("scipy", reason="SciPy, whose solvers are called, is not installed")
optimize = pytest.importorskip("scipy.optimize")
integrate = pytest.importorskip("scipy.integrate")

START = np.array([1.05, 1.1, 1.2, 1.45])


def rosenbrock(x: Any) -> Any:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


WITHOUT, FIRST = ("Nelder-Mead", "Powell"), ("CG", "BFGS", "L-BFGS-B", "TNC", "SLSQP")
SECOND = ("Newton-CG", "dogleg", "trust-ncg", "trust-krylov", "trust-exact", "trust-constr")


@pytest.mark.parametrize("method", WITHOUT + FIRST + SECOND)
def test_minimize_takes_gradients_and_hessians_by_every_method(method: str) -> None:
    options = {"maxiter": 5000} if method == "trust-constr" else {"maxfun": 5000} if method == "TNC" else {}
    derivatives: dict[str, Any] = {} if method in WITHOUT else {"jac": wg.func.grad(rosenbrock)}
    if method in SECOND:
        derivatives["hess"] = wg.func.hessian(rosenbrock)
    start = 1 + (START - 1) / 20 if method == "dogleg" else START  # where the Hessian is positive definite
    found = optimize.minimize(rosenbrock, start, method=method, options=options, **derivatives)
    assert found.x == pytest.approx(np.ones(4), abs=1e-4 if method in SECOND else 2e-3)
    assert isinstance(found.fun, float)


@pytest.mark.parametrize("method", ["CG", "BFGS", "L-BFGS-B", "SLSQP", "Newton-CG", "trust-constr"])
def test_minimize_takes_value_and_gradient_at_once(method: str) -> None:
    found = optimize.minimize(wg.func.value_and_grad(rosenbrock), START, jac=True, method=method)
    assert found.x == pytest.approx(np.ones(4), abs=1e-3)
    assert np.asarray(found.jac).dtype == np.float64


@pytest.mark.parametrize("method", ["Newton-CG", "trust-ncg", "trust-krylov", "trust-constr"])
def test_minimize_takes_products_with_the_hessian(method: str) -> None:
    product = functools.partial(wg.func.hvp, rosenbrock)
    found = optimize.minimize(rosenbrock, START, jac=wg.func.grad(rosenbrock), hessp=product, method=method)
    assert found.x == pytest.approx(np.ones(4), abs=1e-4)


def test_minimize_hands_its_further_arguments_on() -> None:
    def distance(x, A, b):
        return np.sum((A @ x - b) ** 2)

    A, b = np.array([[2.0, 1.0], [1.0, 3.0], [0.0, 1.0]]), np.array([3.0, 4.0, 1.0])
    found = optimize.minimize(
        distance, np.zeros(2), (A, b), jac=wg.func.grad(distance), hess=wg.func.hessian(distance), method="trust-exact"
    )
    assert found.x == pytest.approx(np.ones(2), abs=1e-8)


@pytest.mark.parametrize("method", ["L-BFGS-B", "TNC", "SLSQP", "trust-constr"])
def test_minimize_stays_within_bounds(method: str) -> None:
    bounds = [(None, 0.5), (None, None)]
    found = optimize.minimize(rosenbrock, START[:2], jac=wg.func.grad(rosenbrock), bounds=bounds, method=method)
    assert found.x == pytest.approx([0.5, 0.25], abs=1e-3)


def circle(x: Any) -> Any:
    return np.stack([x[0] ** 2 + x[1] ** 2, x[0] * x[1] ** 3])


def test_minimize_takes_constraints_with_jacobians_and_hessians() -> None:
    objective = lambda x: -x[0] - 2 * x[1]  # noqa: E731
    inequality = {
        "type": "ineq",
        "fun": lambda x: 1.0 - circle(x)[0],
        "jac": wg.func.grad(lambda x: 1.0 - circle(x)[0]),
    }
    expected = np.array([1.0, 2.0]) / np.sqrt(5.0)
    found = optimize.minimize(objective, np.full(2, 0.1), jac=wg.func.grad(objective), constraints=inequality)
    assert found.x == pytest.approx(expected, abs=1e-5)
    constraint = optimize.NonlinearConstraint(
        circle, [-np.inf, -np.inf], [1.0, 10.0], jac=wg.func.jacobian(circle),
        hess=lambda x, v: wg.func.hessian(lambda x: np.sum(v * circle(x)))(x),
    )  # fmt: skip
    found = optimize.minimize(
        objective, np.full(2, 0.1), jac=wg.func.grad(objective), hess=wg.func.hessian(objective),
        constraints=constraint, method="trust-constr", options={"gtol": 1e-10, "xtol": 1e-12},
    )  # fmt: skip
    assert found.x == pytest.approx(expected, abs=1e-4)


def test_minimize_scalar_solvers_take_derivatives_of_numbers() -> None:
    f = lambda x: x**3 - 2.0  # noqa: E731
    first, second = wg.func.derivative(f), wg.func.derivative(f, 2)
    for method, derivatives in (("newton", {"fprime": first}), ("halley", {"fprime": first, "fprime2": second})):
        found = optimize.root_scalar(f, x0=np.float64(1.0), method=method, **derivatives)
        assert found.root == pytest.approx(2 ** (1 / 3), rel=1e-12)


TIMES = np.linspace(0.0, 2.0, 12)
TRUTH, GUESS = np.array([2.0, -1.3, 0.5]), np.array([1.0, -1.0, 0.0])


def decay(t: Any, a: Any, b: Any, c: Any) -> Any:
    return a * np.exp(b * t) + c


DATA = decay(TIMES, *TRUTH)


def residuals(p: Any) -> Any:
    return decay(TIMES, p[0], p[1], p[2]) - DATA


@pytest.mark.parametrize("method", ["lm", "trf", "dogbox"])
@pytest.mark.parametrize("loss", ["linear", "soft_l1"])
def test_least_squares_takes_jacobians(method: str, loss: str) -> None:
    if (method, loss) == ("lm", "soft_l1"):
        loss = "linear"  # MINPACK has no other
    found = optimize.least_squares(residuals, GUESS, jac=wg.func.jacobian(residuals), method=method, loss=loss)
    assert found.x == pytest.approx(TRUTH, abs=1e-5)
    assert found.jac.dtype == np.float64


@pytest.mark.parametrize("method", ["lm", "trf", "dogbox"])
def test_curve_fit_takes_jacobians_by_the_parameters(method: str) -> None:
    def by_parameters(t, *p):
        return wg.func.jacobian(lambda p: decay(t, *p))(np.array(p))

    found, spread = optimize.curve_fit(decay, TIMES, DATA, p0=GUESS, jac=by_parameters, method=method)
    assert found == pytest.approx(TRUTH, abs=1e-6)
    assert spread.shape == (3, 3)


@pytest.mark.parametrize("method", ["hybr", "lm"])
def test_root_takes_jacobians(method: str) -> None:
    def f(x):
        return np.stack([x[0] * np.cos(x[1]) - 4.0, x[1] * x[0] - x[1] - 5.0])

    found = optimize.root(f, np.array([1.0, 1.0]), jac=wg.func.jacobian(f), method=method)
    assert found.x == pytest.approx([6.50409711, 0.90841421], abs=1e-7)


def oscillator(t: Any, y: Any) -> Any:
    return np.stack([y[1], 100.0 * (1.0 - y[0] ** 2) * y[1] - y[0]])


@pytest.mark.parametrize("method", ["Radau", "BDF", "LSODA"])
def test_solve_ivp_takes_jacobians_of_stiff_equations(method: str) -> None:
    jacobian = wg.func.jacobian(oscillator, argnums=1)
    kinds: list[Callable[..., Any]] = []

    def watched(t, y):
        found = jacobian(t, y)
        kinds.append(type(found))
        return found

    options = {"method": method, "rtol": 1e-8, "atol": 1e-10}
    exact = integrate.solve_ivp(oscillator, (0.0, 50.0), [2.0, 0.0], jac=watched, **options)
    plain = integrate.solve_ivp(oscillator, (0.0, 50.0), [2.0, 0.0], **options)
    assert set(kinds) == {np.ndarray}
    assert exact.y[:, -1] == pytest.approx(plain.y[:, -1], rel=1e-4, abs=1e-6)


def test_a_list_of_components_is_a_jacobian_too() -> None:
    def falling(t, y):
        return [y[1], -9.81]

    found = integrate.solve_ivp(falling, (0.0, 1.0), [0.0, 0.0], jac=wg.func.jacobian(falling, 1), method="Radau")
    assert found.y[:, -1] == pytest.approx([-4.905, -9.81])
