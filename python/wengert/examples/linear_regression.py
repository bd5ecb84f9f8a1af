"""Linear regression from scratch and concise, on data of which the truth is known.

The data are y = X w + b + noise with w = [2, -3.4] and b = 4.2. Stochastic gradient descent finds w and b, and the
learning rate decides how fast: the error shrinks by the factor 1 - 2 lr with every step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import wengert as wg
from wengert import d2l
from wengert.train.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def run(max_epochs: int = 3, num_train: int = 1000, lrs: tuple[float, ...] = (0.01, 0.03, 0.05)) -> Figure:
    """Fit the line at several rates from scratch, and once with the library's layer; draw the losses."""
    wg.manual_seed(0)
    w, b = wg.tensor([2.0, -3.4]), 4.2
    data = d2l.SyntheticRegressionData(w, b, noise=0.01, num_train=num_train)

    models: dict[str, d2l.Module] = {f"from scratch, lr {lr}": d2l.LinearRegressionScratch(2, lr) for lr in lrs}
    models["concise, lr 0.03"] = d2l.LinearRegression(lr=0.03)
    for name, model in models.items():
        d2l.Trainer(max_epochs).fit(model, data)
        found_w, found_b = model.get_w_b() if hasattr(model, "get_w_b") else (model.w.detach(), model.b.detach())
        error = (w - found_w.reshape((2,))).abs().max().item()
        print(f"{name:<24} error of w {error:.4f}   error of b {abs(b - found_b.item()):.4f}")

    figure = new_figure(5, 3.4)
    axes = figure.subplots()
    for name, model in models.items():
        points = model.board.data["train_loss"]
        axes.plot([p.x for p in points], [p.y for p in points], "--" if "concise" in name else "-", label=name)
    axes.set(xlabel="epoch", ylabel="mean squared error", yscale="log", title="the larger the rate, the steeper")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return figure
