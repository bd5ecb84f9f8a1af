"""Adding 10 000 numbers one by one in Python, and all at once: why arrays exist.

The loop asks the interpreter to fetch, check, add and store for every single item. The whole operation is one call, and
the loop runs in C on several items per instruction. The gap is the reason why everything in this library is an
operation on whole tensors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

import wengert as wg
from wengert import d2l
from wengert.train.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def run(n: int = 10_000, repeats: int = 5) -> Figure:
    """Time the addition of two vectors in four ways, and draw the times on a logarithmic scale."""
    a, b = wg.ones(n), wg.arange(n, dtype=wg.float32)
    lists, arrays = (a.tolist(), b.tolist()), (a.numpy(), b.numpy())

    def tensor_loop() -> Any:
        c = wg.zeros(n)
        for i in range(n):
            c[i] = a[i] + b[i]
        return c

    ways: dict[str, Callable[[], Any]] = {
        "tensors, a loop": tensor_loop,
        "Python lists, a loop": lambda: [x + y for x, y in zip(*lists, strict=True)],
        "NumPy at once": lambda: np.add(*arrays),
        "wengert at once": lambda: a + b,
    }
    seconds = {}
    for way, add in ways.items():
        assert np.array_equal(np.asarray(add()), np.arange(n) + 1)
        timer = d2l.Timer()
        for _ in range(repeats):
            timer.start()
            add()
            timer.stop()
        seconds[way] = min(timer.times)

    best = seconds["wengert at once"]
    for way, time in seconds.items():
        print(f"{way:<22} {time * 1e6:12.1f} µs   {time / best:10.1f} times as long")

    figure = new_figure(6, 2.4)
    axes = figure.subplots()
    bars = axes.barh(list(seconds), [time * 1e6 for time in seconds.values()], color=["C3", "C1", "C2", "C0"])
    axes.bar_label(bars, [f"{time / best:,.0f}x" for time in seconds.values()], padding=3)
    axes.set(xscale="log", xlabel="microseconds", title=f"adding two vectors of {n:,} numbers")
    axes.set_xlim(0.2e6 * min(seconds.values()), 20e6 * max(seconds.values()))
    axes.invert_yaxis()
    return figure
