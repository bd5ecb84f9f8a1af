"""Softmax regression on Fashion-MNIST: ten scores that are linear in the pixels, and what such a model sees.

Each class has a weight per pixel. The score of a class is the sum of pixels times weights, softmax makes probabilities
of the scores, and cross-entropy is the loss. The weights can be looked at as pictures: where they are red, a bright
pixel speaks for the class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import wengert as wg
from wengert import d2l
from wengert.train import plots

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def run(max_epochs: int = 10, lr: float = 0.1, batch_size: int = 256, data: Any = None) -> Figure:
    """Train, print the history, and draw the weights of the ten classes."""
    wg.manual_seed(0)
    data = data or d2l.FashionMNIST(batch_size)
    model = d2l.SoftmaxRegressionScratch(num_inputs=784, num_outputs=10, lr=lr)
    print(d2l.Trainer(max_epochs).fit(model, data).table())
    print("\n" + model.board.text())
    return plots.first_layer(model.W.detach().numpy().T, (28, 28), data.train.classes)
