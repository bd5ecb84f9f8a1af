"""Weight decay on 200 inputs and 20 examples: the penalty λ‖w‖²/2 against learning by heart.

With ten times more weights than examples, a linear model can fit every example and know nothing. The penalty keeps the
weights small; the training loss rises, the validation loss falls, and the gap between them closes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import wengert as wg
from wengert import d2l
from wengert.train.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def run(max_epochs: int = 20, num_inputs: int = 200, lambdas: tuple[float, ...] = (0.0, 0.5, 3.0)) -> Figure:
    """Fit with growing λ, and draw both losses for each."""
    figure = new_figure(3.2 * len(lambdas), 3.0)
    for axes, wd in zip(figure.subplots(1, len(lambdas), sharey=True, squeeze=False)[0], lambdas, strict=True):
        wg.manual_seed(0)
        w, b = wg.ones(num_inputs) * 0.01, 0.05
        data = d2l.SyntheticRegressionData(w, b, num_train=20, num_val=100, batch_size=5)
        model = d2l.WeightDecay(wd, lr=0.01)
        history = d2l.Trainer(max_epochs).fit(model, data)
        gap = history["val_loss"][-1] - history["train_loss"][-1]
        norm = d2l.l2_penalty(model.get_w_b()[0]).item()
        print(f"λ = {wd:<4} gap between the losses {gap:.5f}, ‖w‖²/2 = {norm:.5f}")
        d2l.plot(
            history["epoch"], [history["train_loss"], history["val_loss"]], "epoch", yscale="log",
            legend=["training", "validation"], axes=axes,
        )  # fmt: skip
        axes.set_title(f"λ = {wd:g}")
    figure.axes[0].set_ylabel("mean squared error")
    return figure
