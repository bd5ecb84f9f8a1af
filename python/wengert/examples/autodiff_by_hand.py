"""The trace of f(x, y) = 2xy - sin(x + y): forwards with tangents, backwards with adjoints, and the tape's answer.

Running f leaves a list of elementary steps, the evaluation trace. Each step knows its partial derivatives. Forward mode
walks the list from the top and carries derivatives with respect to one input; reverse mode walks it from the bottom and
carries derivatives of the one output, so that a single walk gives all partials. The library does nothing else.
"""

from __future__ import annotations

from math import cos
from typing import TYPE_CHECKING

import wengert as wg

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def f(x: wg.Tensor, y: wg.Tensor) -> wg.Tensor:
    """2xy - sin(x + y)."""
    return 2 * x * y - wg.sin(x + y)


def run(x: float = 1.5, y: float = 0.5) -> Figure:
    """Print the trace at a point, walk it by hand, and draw it as a graph."""
    at = wg.tensor(x, dtype=wg.float64), wg.tensor(y, dtype=wg.float64)
    trace = wg.trace(f, *at)
    print(trace)

    # Forward: the tangent of an entry is the sum of partial times tangent over what it came from. With respect to x:
    first, second, *steps = trace.entries
    tangent = {first.name: 1.0, second.name: 0.0}
    for step in steps:
        sources = zip(step.inputs, step.partials, strict=True)
        tangent[step.name] = sum(partial * tangent[source] for source, partial in sources)

    # Reverse: every entry passes its adjoint on to what it came from, times the partial.
    adjoint = {entry.name: 0.0 for entry in trace.entries}
    adjoint[steps[-1].name] = 1.0
    for step in reversed(steps):
        for source, partial in zip(step.inputs, step.partials, strict=True):
            adjoint[source] += partial * adjoint[step.name]

    # The same by the tape, and by the formula.
    slope = wg.func.jvp(f, at, (wg.tensor(1.0).double(), wg.tensor(0.0).double()))[1]
    gradient = wg.func.grad(f, argnums=(0, 1))(*at)
    print(f"\nforward by hand:   df/dx = {tangent[steps[-1].name]:.12f}")
    print(f"forward by tape:   df/dx = {slope.item():.12f}")
    print(f"backward by hand:  df/dx = {adjoint[first.name]:.12f}   df/dy = {adjoint[second.name]:.12f}")
    print(f"backward by tape:  df/dx = {gradient[0].item():.12f}   df/dy = {gradient[1].item():.12f}")
    print(f"by the formula:    df/dx = {2 * y - cos(x + y):.12f}   df/dy = {2 * x - cos(x + y):.12f}")

    figure: Figure = trace.figure()
    figure.axes[0].set_title(
        "2xy - sin(x + y): value and adjoint of each step, partial derivatives on the arrows", y=0.93
    )
    return figure
