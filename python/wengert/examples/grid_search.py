"""A grid search with scikit-learn: its folds, pipelines and scores over networks of this library.

`wengert.estimators` makes an estimator of a network, so that a search over rates and widths is scikit-learn's own. Each
point of the grid is trained on the same folds of the handwritten digits, and judged by the digits left out of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

import wengert as wg
from wengert.train.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def run(
    rates: Sequence[float] = (1e-4, 1e-3, 1e-2, 1e-1), widths: Sequence[int] = (4, 16, 64), epochs: int = 10,
    folds: int = 3, count: int = 1797, workers: int | None = None,
) -> Figure:  # fmt: skip
    """Search, print what is best, and draw the accuracy of every point of the grid."""
    try:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import GridSearchCV, train_test_split
        from sklearn.pipeline import Pipeline
        from sklearn.preprocessing import StandardScaler

        estimators = wg.estimators  # which is loaded here
    except ImportError as error:
        raise ImportError("this example needs scikit-learn: pip install 'wengert[sklearn]'", name="sklearn") from error
    images, labels = load_digits(return_X_y=True)
    x, x_test, y, y_test = train_test_split(
        images[:count].astype(np.float32), labels[:count], test_size=0.2, random_state=0, stratify=labels[:count]
    )
    net = estimators.NeuralNetClassifier(max_epochs=epochs, batch_size=64, random_state=0)
    grid = {"net__lr": list(rates), "net__hidden_layer_sizes": [(width,) for width in widths]}
    search = GridSearchCV(Pipeline([("scale", StandardScaler()), ("net", net)]), grid, cv=folds, n_jobs=workers)
    search.fit(x, y)
    best = search.best_params_
    print(f"{len(rates) * len(widths)} points, {folds} folds each: best is a rate of {best['net__lr']:g} with ", end="")
    print(f"{best['net__hidden_layer_sizes'][0]} hidden units, {search.best_score_:.3f} right on the folds left out")
    print(f"trained on all of them, it names {search.score(x_test, y_test):.3f} of the test digits")
    return draw(rates, widths, search.cv_results_)


def draw(rates: Sequence[float], widths: Sequence[int], results: dict[str, np.ndarray]) -> Figure:
    """The mean accuracy over the rate, a line for each width, and its spread over the folds."""
    figure = new_figure(4.8, 3.2)
    axes = figure.subplots()
    for width in widths:
        of_width = [k for k, sizes in enumerate(results["param_net__hidden_layer_sizes"]) if sizes == (width,)]
        mean, spread = results["mean_test_score"][of_width], results["std_test_score"][of_width]
        axes.errorbar(rates, mean, spread, marker="o", markersize=4, capsize=2, label=f"{width} hidden units")
    axes.set(xscale="log", xlabel="learning rate", ylabel="accuracy on the folds left out")
    axes.legend(loc="lower center", fontsize=8)
    axes.grid(alpha=0.3)
    return figure
