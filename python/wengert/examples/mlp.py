"""Multilayer perceptrons on Fashion-MNIST: one hidden layer, two, and other activations, side by side.

A hidden layer with a nonlinear activation lets the network bend its borders between the classes, and so goes beyond
softmax regression. The models differ in one line each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import wengert as wg
from wengert import d2l
from wengert.train.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def run(max_epochs: int = 5, hidden: int = 256, batch_size: int = 256, data: Any = None) -> Figure:
    """Train five models and draw their training losses and their accuracies on the test images."""
    data = data or d2l.FashionMNIST(batch_size)
    models = {
        "softmax regression": d2l.SoftmaxRegression(10, lr=0.1),
        "one layer, ReLU": d2l.MLP(10, hidden, lr=0.1),
        "two layers, ReLU": d2l.MLP(10, [hidden, hidden // 2], lr=0.1),
        "one layer, tanh": d2l.MLP(10, hidden, lr=0.1, activation="tanh"),
        "one layer, pReLU": d2l.MLP(10, hidden, lr=0.1, activation="prelu"),
    }
    figure = new_figure(9, 3.2)
    left, right = figure.subplots(1, 2)
    for name, model in models.items():
        wg.manual_seed(1)
        history = d2l.Trainer(max_epochs).fit(model, data)
        print(f"{name:<19} training loss {history['train_loss'][-1]:.4f}, test accuracy {max(history['val_acc']):.4f}")
        left.plot(history["epoch"], history["train_loss"], "o-", markersize=3, label=name)
        right.plot(history["epoch"], history["val_acc"], "o-", markersize=3)
    left.set(xlabel="epoch", ylabel="training loss")
    right.set(xlabel="epoch", ylabel="accuracy on the test images")
    left.legend(fontsize=8)
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.set_xticks(range(1, max_epochs + 1))
    return figure
