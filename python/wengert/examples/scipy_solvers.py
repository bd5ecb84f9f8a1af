"""SciPy's solvers take exact derivatives of functions of NumPy arrays as they are.

`wg.func.*` of arrays give arrays, so a function that is written for NumPy needs no other form: `value_and_grad` goes to
`minimize(jac=True)`, `hessian` to `hess=`, `jacobian` to `least_squares`, `curve_fit`, `root` and `solve_ivp`. Exact
derivatives save the evaluations that differences take, and the digits that they lose. SciPy must be installed.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

import wengert as wg
from wengert.train.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def rosenbrock(x: Any) -> Any:
    """A curved valley, of which the lowest point is (1, 1)."""
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2, axis=0)


def decay(t: Any, a: Any, b: Any, c: Any) -> Any:
    """What is left at the times t."""
    return a * np.exp(-b * t) + c


def oscillator(t: Any, y: Any) -> Any:
    """Van der Pol's oscillator. It is stiff: it moves slowly for long, and then turns at once."""
    return np.stack([y[1], 100.0 * (1.0 - y[0] ** 2) * y[1] - y[0]])


def _minimize(optimize: Any, axes: Axes) -> None:
    """Go down the valley by gradients within bounds, by Hessians, and by products with them."""
    start, bounds = np.array([-1.2, 1.0]), [(None, 0.8), (None, None)]
    plain = optimize.minimize(rosenbrock, start, bounds=bounds)
    exact = optimize.minimize(wg.func.value_and_grad(rosenbrock), start, jac=True, bounds=bounds)
    print(f"minimize, x <= 0.8: {exact.nfev} evaluations, {plain.nfev} with differences; at {np.round(exact.x, 6)}")
    gradient, hessian = wg.func.grad(rosenbrock), wg.func.hessian(rosenbrock)
    product = functools.partial(wg.func.hvp, rosenbrock)
    options = {"return_all": True}
    steps = optimize.minimize(rosenbrock, start, jac=gradient, hess=hessian, method="trust-exact", options=options)
    krylov = optimize.minimize(rosenbrock, start, jac=gradient, hessp=product, method="trust-ncg")
    print(f"minimize by Hessians: {steps.nit} steps, and by products with them: {krylov.nit} steps")
    x, y = np.meshgrid(np.linspace(-1.6, 1.4, 120), np.linspace(-0.5, 1.6, 120))
    axes.contour(x, y, np.log(rosenbrock(np.stack([x, y])) + 0.1), levels=12, linewidths=0.6)
    axes.plot(*np.transpose(steps.allvecs), "C1.-", label="by Hessians")
    axes.plot(*exact.x, "ks", label="x ≤ 0.8")
    axes.set(xlabel="x", ylabel="y", title="minimize")
    axes.legend(fontsize=8, loc="upper center")


def _fit(optimize: Any, axes: Axes, count: int) -> None:
    """Fit a curve to measurements, squared and robustly, and find where it falls to 1."""
    t = np.linspace(0.0, 4.0, count)
    data = decay(t, 2.0, 1.3, 0.5) + np.random.default_rng(0).normal(0.0, 0.05, count)

    def residuals(p: Any) -> Any:
        return decay(t, p[0], p[1], p[2]) - data

    jacobian = wg.func.jacobian(residuals)  # curve_fit hands the parameters on one by one, and wants one matrix
    fitted, spread = optimize.curve_fit(decay, t, data, np.ones(3), jac=lambda t, *p: jacobian(np.array(p)))
    print(
        "curve_fit: " + ", ".join(f"{p:.3f} ± {s:.3f}" for p, s in zip(fitted, np.sqrt(np.diag(spread)), strict=True))
    )
    robust = optimize.least_squares(residuals, np.ones(3), jacobian, loss="soft_l1", f_scale=0.05)
    print(f"least_squares: {np.round(robust.x, 3)} after {robust.njev} Jacobians")

    missing = lambda s: decay(s, *fitted) - 1.0  # noqa: E731
    (when,) = optimize.root(missing, np.array([0.5]), jac=wg.func.jacobian(missing)).x
    print(f"root: it falls to 1 at t = {when:.4f}")
    axes.plot(t, data, ".", label="measured")
    axes.plot(t, decay(t, *fitted), "C1", label="curve_fit")
    axes.plot(when, 1.0, "ks", label="root")
    axes.set(xlabel="t", title="curve_fit, least_squares, root")
    axes.legend(fontsize=8)


def run(count: int = 40, until: float = 250.0) -> Figure:
    """Call each solver, say what it found, and draw it; the last needs Jacobians, as the equation is stiff."""
    from scipy import integrate, optimize

    figure = new_figure(10, 3.4)
    first, second, third = figure.subplots(1, 3)
    _minimize(optimize, first)
    _fit(optimize, second, count)
    jacobian = wg.func.jacobian(oscillator, argnums=1)
    plain, found = (
        integrate.solve_ivp(oscillator, (0.0, until), [2.0, 0.0], method="Radau", jac=jac) for jac in (None, jacobian)
    )
    print(f"solve_ivp: {found.nfev} evaluations and {found.njev} Jacobians, {plain.nfev} with differences")
    third.plot(found.t, found.y[0], "C1.-", markersize=3)
    third.set(xlabel="t", title="solve_ivp")
    return figure
