"""Bratu's equation Δu + λ exp(u) = 0, with u = 0 around a square: Newton's method with a sparse Jacobian.

On a grid of n x n points the residual at a point depends on that point and its four neighbours, which
`wg.func.sparse_jacobian` finds on the tape. Columns that share no row go into one walk: there are a handful for any n,
where a dense Jacobian takes n². SciPy solves the sparse linear systems of Newton's method, and takes the same Jacobian
in `least_squares`, and in `solve_ivp` for the heat that flows until the equation holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import wengert as wg
from wengert.train.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def residual(u: wg.Tensor, heat: float) -> wg.Tensor:
    """Δu + heat * exp(u) at the inner points, one after the other; h² Δu is the neighbours' sum less 4 u."""
    n = round(u.numel() ** 0.5)
    inside = u.reshape(n, n)
    column, row = wg.zeros(n, 1, dtype=u.dtype), wg.zeros(1, n, dtype=u.dtype)
    left, right = wg.cat([column, inside[:, :-1]], 1), wg.cat([inside[:, 1:], column], 1)
    above, below = wg.cat([row, inside[:-1]]), wg.cat([inside[1:], row])
    laplacian = (left + right + above + below - 4 * inside) * (n + 1) ** 2
    out: wg.Tensor = (laplacian + heat * inside.exp()).reshape(-1)
    return out


def newton(n: int, heat: float, steps: int = 8) -> tuple[np.ndarray, list[float]]:
    """The solution from u = 0, and the norm of the residual before each step and at the end."""
    u = np.zeros(n * n)
    jacobian = wg.func.sparse_jacobian(residual).prepare(u, heat)
    print(jacobian)
    from scipy.sparse import linalg

    norms = []
    for step in range(steps + 1):
        value = residual(wg.tensor(u), heat).numpy()
        norms.append(float(np.abs(value).max()))
        print(f"Newton step {step}: residual {norms[-1]:.1e}")
        if norms[-1] < 1e-9 * norms[0]:
            break
        u = u - linalg.spsolve(jacobian(u, heat).tocsc(), value)
    return u, norms


def run(n: int = 40, heat: float = 6.0) -> Figure:
    """Solve the equation by Newton's method, as least squares and by following the heat; draw the solution."""
    u, norms = newton(n, heat)

    from scipy import integrate, optimize

    def value(u: np.ndarray) -> np.ndarray:
        return residual(wg.tensor(u), heat).numpy()

    jacobian = wg.func.sparse_jacobian(residual)
    fit = optimize.least_squares(value, np.zeros(n * n), jac=lambda u: jacobian(u, heat), tr_solver="lsmr")
    flow = integrate.solve_ivp(
        lambda t, u: value(u), (0.0, 2.0), np.zeros(n * n), method="BDF", jac=lambda t, u: jacobian(u, heat)
    )
    print(f"least_squares: {np.abs(fit.x - u).max():.1e} away after {fit.nfev} evaluations")
    print(f"solve_ivp: {np.abs(flow.y[:, -1] - u).max():.1e} away at t = 2 after {flow.t.size - 1} steps")

    figure = new_figure(9.6, 3.2)
    left, middle, right = figure.subplots(1, 3)
    left.imshow(u.reshape(n, n), origin="lower", extent=(0, 1, 0, 1))
    left.set(xlabel="x", ylabel="y", title=f"u, up to {u.max():.2f}")
    middle.semilogy(norms, "o-", markersize=4)
    middle.set(xlabel="Newton step", title="the largest residual")
    middle.grid(alpha=0.3)
    right.plot(flow.t, flow.y.max(0), label="the highest u")
    right.axhline(u.max(), color="k", linestyle=":", label="of the solution")
    right.set(xlabel="t", title="the heat flows until it holds")
    right.grid(alpha=0.3)
    right.legend(fontsize=8, loc="lower right")
    return figure
