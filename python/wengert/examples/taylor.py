"""Taylor polynomials of growing order close in on a function, as far as its series converges.

`wg.func.taylor` propagates a power series through the function's operations, which takes far less than k derivatives of
derivatives for the k-th coefficient. For sin the polynomials follow the function ever further. For log(1 + x), whose
series converges only up to distance 1, they turn away at x = 1 however high the order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import wengert as wg
from wengert.train.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def run(orders: tuple[int, ...] = (1, 3, 5, 9), points: int = 200) -> Figure:
    """Print the polynomials at 0, and draw them over the functions."""
    functions = {"sin x": (wg.sin, -7.0, 7.0, 2.0), "log(1 + x)": (wg.log1p, -0.95, 2.0, 2.5)}
    zero = wg.tensor(0.0, dtype=wg.float64)
    figure = new_figure(9, 3.4)
    for axes, (name, (function, low, high, limit)) in zip(figure.subplots(1, 2), functions.items(), strict=True):
        x = wg.linspace(low, high, points, dtype=wg.float64)
        axes.plot(x, function(x), "k-", linewidth=2, label="the function")
        for order in orders:
            polynomial = wg.func.taylor(function, zero, order)
            axes.plot(x, polynomial(x), label=f"order {order}")
        print(f"{name} = {polynomial} ...")
        axes.set(xlabel="x", ylim=(-limit, limit), title=name)
        axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="lower right")
    return figure
