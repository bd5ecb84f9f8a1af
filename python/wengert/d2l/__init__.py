"""The helper classes of "Dive into Deep Learning", over this library's own trainer, data, layers and optimizers.

>>> from wengert import d2l
>>> data = d2l.SyntheticRegressionData(w=wg.tensor([2.0, -3.4]), b=4.2)
>>> model = d2l.LinearRegressionScratch(num_inputs=2, lr=0.03)
>>> history = d2l.Trainer(max_epochs=3).fit(model, data)
>>> abs(model.b.item() - 4.2) < 0.1
True
"""

from __future__ import annotations

from typing import Any

from .data import HOUSES, FashionMNIST, SyntheticRegressionData, house_tiny
from .design import (
    SGD,
    Classifier,
    DataModule,
    HyperParameters,
    Module,
    Point,
    ProgressBoard,
    Timer,
    Trainer,
    add_to_class,
)
from .models import (
    MLP,
    LinearRegression,
    LinearRegressionScratch,
    LogisticRegression,
    MLPScratch,
    SoftmaxRegression,
    SoftmaxRegressionScratch,
    WeightDecay,
    WeightDecayScratch,
    cross_entropy,
    l2_penalty,
    newton,
    numerical_lim,
    relu,
    softmax,
)
from .plots import normal, plot, set_figsize, show_images, use_svg_display, with_gradient

__all__ = [
    "HOUSES",
    "MLP",
    "SGD",
    "Classifier",
    "DataModule",
    "FashionMNIST",
    "HyperParameters",
    "LinearRegression",
    "LinearRegressionScratch",
    "LogisticRegression",
    "MLPScratch",
    "Module",
    "Point",
    "ProgressBoard",
    "SoftmaxRegression",
    "SoftmaxRegressionScratch",
    "SyntheticRegressionData",
    "Timer",
    "Trainer",
    "WeightDecay",
    "WeightDecayScratch",
    "add_to_class",
    "cross_entropy",
    "house_tiny",
    "l2_penalty",
    "newton",
    "normal",
    "numerical_lim",
    "plot",
    "relu",
    "set_figsize",
    "show_images",
    "softmax",
    "use_svg_display",
    "with_gradient",
]


def __getattr__(name: str) -> Any:
    if name == "plt":  # the book's code reaches for pyplot by this name
        from matplotlib import pyplot

        return pyplot
    raise AttributeError(f"module 'wengert.d2l' has no attribute {name!r}")
