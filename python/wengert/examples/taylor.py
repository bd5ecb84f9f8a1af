"""Taylor polynomials of growing order close in on a function, as far as its series converges.

The derivative of a function is a function again, so `grad` can be applied as often as one likes; the k-th derivative at
0 over k! is the k-th coefficient. For sin the polynomials follow the function ever further. For log(1 + x), whose
series converges only up to distance 1, they turn away at x = 1 however high the order.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

import wengert as wg
from wengert.train.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def coefficients(function: Any, order: int) -> list[float]:
    """The coefficients of the Taylor polynomial at 0, from power 0 on."""
    zero, found = wg.tensor(0.0, dtype=wg.float64), []
    for k in range(order + 1):
        found.append(function(zero).item() / math.factorial(k))
        function = wg.func.grad(function)
    return found


def run(orders: tuple[int, ...] = (1, 3, 5, 9), points: int = 200) -> Figure:
    """Print the coefficients at 0, and draw the polynomials over the functions."""
    functions = {"sin x": (wg.sin, -7.0, 7.0, 2.0), "log(1 + x)": (wg.log1p, -0.95, 2.0, 2.5)}
    figure = new_figure(9, 3.4)
    for axes, (name, (function, low, high, limit)) in zip(figure.subplots(1, 2), functions.items(), strict=True):
        series = coefficients(function, max(orders))
        print(f"{name} = {' '.join(f'{c:+.5g} x^{k}' for k, c in enumerate(series) if c)} ...")
        x = np.linspace(low, high, points)
        axes.plot(x, function(wg.tensor(x)).numpy(), "k-", linewidth=2, label="the function")
        for order in orders:
            axes.plot(x, np.polynomial.polynomial.polyval(x, series[: order + 1]), label=f"order {order}")
        axes.set(xlabel="x", ylim=(-limit, limit), title=name)
        axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="lower right")
    return figure
