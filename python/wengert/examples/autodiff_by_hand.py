"""The trace of f(x, y) = 2xy - sin(x + y): forwards with tangents, backwards with adjoints, and the tape's answer.

Running f leaves a list of elementary steps, the evaluation trace. Each step knows its partial derivatives. Forward mode
walks the list from the top and carries derivatives with respect to one input; reverse mode walks it from the bottom and
carries derivatives of the one output, so that a single walk gives all partials. The library does nothing else.
"""

from __future__ import annotations

import re
from math import cos, sin
from typing import TYPE_CHECKING

import wengert as wg
from wengert.train.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def run(x: float = 1.5, y: float = 0.5) -> Figure:
    """Print the trace at a point, and draw it as a graph with the values and adjoints of its entries."""
    # The list: each entry is a value, and the entries that it came from with the partial derivatives towards them.
    v1, v2 = x, y
    v3, v4 = v1 * v2, v1 + v2
    v5, v6 = 2 * v3, sin(v4)
    v7 = v5 - v6
    steps = [
        ("x", v1, {}), ("y", v2, {}),
        ("v1 v2", v3, {1: v2, 2: v1}), ("v1 + v2", v4, {1: 1.0, 2: 1.0}),
        ("2 v3", v5, {3: 2.0}), ("sin v4", v6, {4: cos(v4)}),
        ("v5 - v6", v7, {5: 1.0, 6: -1.0}),
    ]  # fmt: skip

    # Forward: the tangent of an entry is the sum of partial times tangent over what it came from. With respect to x:
    tangent = {1: 1.0, 2: 0.0}
    for k, (_, _, partials) in enumerate(steps[2:], start=3):
        tangent[k] = sum(partial * tangent[source] for source, partial in partials.items())

    # Reverse: every entry passes its adjoint on to what it came from, times the partial.
    adjoint = dict.fromkeys(range(1, 8), 0.0)
    adjoint[7] = 1.0
    for k in range(7, 2, -1):
        for source, partial in steps[k - 1][2].items():
            adjoint[source] += adjoint[k] * partial

    print("entry   step        value   tangent (dx = 1)   adjoint")
    for k, (step, value, _) in enumerate(steps, start=1):
        print(f"v{k}      {step:<8} {value:8.4f} {tangent[k]:18.4f} {adjoint[k]:9.4f}")

    # The same by the tape.
    a, b = wg.tensor([x, y], dtype=wg.float64).requires_grad_()
    gradient = wg.func.grad(lambda a, b: 2 * a * b - wg.sin(a + b), argnums=(0, 1))(a.detach(), b.detach())
    print(f"\nby hand:     df/dx = {adjoint[1]:.12f}   df/dy = {adjoint[2]:.12f}")
    print(f"by the tape: df/dx = {gradient[0].item():.12f}   df/dy = {gradient[1].item():.12f}")
    print(f"formula:     df/dx = {2 * y - cos(x + y):.12f}   df/dy = {2 * x - cos(x + y):.12f}")
    return _graph(steps, adjoint)


def _graph(steps: list[tuple[str, float, dict[int, float]]], adjoint: dict[int, float]) -> Figure:
    """The computational graph: an arrow per partial derivative."""
    places = {1: (0, 1), 2: (0, 0), 3: (1, 1), 4: (1, 0), 5: (2, 1), 6: (2, 0), 7: (3, 0.5)}
    figure = new_figure(8, 3.2)
    axes = figure.subplots()
    axes.set(xlim=(-0.45, 3.45), ylim=(-0.45, 1.45))
    axes.set_axis_off()
    for k, (step, value, partials) in enumerate(steps, start=1):
        formula = re.sub(r"v(\d)", r"$v_\1$", step)
        text = f"$v_{k}$ = {formula}\nvalue {value:.3f}\nadjoint {adjoint[k]:.3f}"
        box = {"boxstyle": "round,pad=0.4", "facecolor": "#eef3fa", "edgecolor": "C0"}
        axes.text(*places[k], text, ha="center", va="center", fontsize=8, bbox=box, zorder=2)
        for source, partial in partials.items():
            start, end = places[source], places[k]
            axes.annotate(
                "", end, start, arrowprops={"arrowstyle": "-|>", "color": "0.5", "shrinkA": 40, "shrinkB": 38}
            )
            along = 0.36 if {source, k} & {1, 2} and start[1] != end[1] else 0.5
            middle = [s + along * (e - s) for s, e in zip(start, end, strict=True)]
            axes.text(*middle, f"{partial:.3g}", fontsize=8, color="C3", ha="center", va="center", zorder=3,
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})  # fmt: skip
    axes.set_title("2xy - sin(x + y): values, adjoints, and on the arrows the partial derivatives", fontsize=10)
    return figure
