"""ReLU, sigmoid, tanh and pReLU, and their gradients by `backward`.

Without a nonlinear function between them, two linear layers are one. What matters for training is the slope: where it
is nearly zero, as at the ends of sigmoid and tanh, no gradient gets through.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import wengert as wg
from wengert import d2l
from wengert.nn import functional as F
from wengert.train.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def run(low: float = -8.0, high: float = 8.0, step: float = 0.1) -> Figure:
    """Draw each function above its gradient."""
    x = wg.arange(low, high, step, requires_grad=True)
    functions: dict[str, Callable[[wg.Tensor], wg.Tensor]] = {
        "ReLU": wg.relu,
        "sigmoid": wg.sigmoid,
        "tanh": wg.tanh,
        "pReLU": lambda x: F.prelu(x, wg.tensor([0.25])),
    }
    figure = new_figure(10, 4.2)
    for (name, function), (above, below) in zip(functions.items(), figure.subplots(2, 4, sharex=True).T, strict=True):
        y = function(x)
        x.grad = None
        y.backward(wg.ones_like(x), retain_graph=True)
        low_y, high_y, slope = y.min().item(), y.max().item(), x.grad.max().item()
        print(f"{name:<8} values from {low_y:.3f} to {high_y:.3f}, steepest slope {slope:.3f}")
        d2l.plot(x.detach(), y.detach(), ylabel=f"{name}(x)", axes=above)
        d2l.plot(x.detach(), x.grad, "x", f"gradient of {name}", fmts=["C1-"], axes=below)
    return figure
