"""Estimators: a pass of scikit-learn's perceptron, at its settings, and of this library's in its place."""

from __future__ import annotations

import warnings
from typing import Any

from opponents import load  # first: it sets what the others read when they are imported

import numpy as np  # isort: skip
import pytest

BATCH, IMAGES, HIDDEN, ALPHA = 200, 12_000, 100, 1e-4
# What a division of bytes by 255 gives, and what one makes of them who knows of float32.
KINDS = {"float64": 255.0, "float32": np.float32(255)}


def weights(inputs: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """What both start from: matrices (in, out), and vectors."""
    rng = np.random.default_rng(1)
    shapes = [(inputs, HIDDEN), (HIDDEN, 10)]
    matrices = [rng.uniform(-1, 1, shape) * np.sqrt(6 / sum(shape)) for shape in shapes]
    return matrices, [np.zeros(n) for _, n in shapes]


def in_scikit_learn(x: np.ndarray, y: np.ndarray) -> Any:
    from sklearn.neural_network import MLPClassifier

    net = MLPClassifier((HIDDEN,), alpha=ALPHA, random_state=0)
    net.partial_fit(x[:2], y[:2], classes=np.arange(10))
    matrices, vectors = weights(x.shape[1])
    for own, given in zip(net.coefs_ + net.intercepts_, matrices + vectors, strict=True):
        own[...] = given
    net._optimizer.__init__(net.coefs_ + net.intercepts_)  # forgets the step that made the arrays

    def run() -> float:
        return float(net.partial_fit(x, y).loss_)

    return run


def in_wengert(x: np.ndarray, y: np.ndarray) -> Any:
    from sklearn.utils import shuffle

    import wengert as wg
    from wengert.estimators import NeuralNetClassifier

    order = shuffle(np.arange(len(x)), random_state=0)  # the other's, in every pass
    net = NeuralNetClassifier(
        hidden_layer_sizes=(HIDDEN,), optimizer__param_groups=[("*.weight", {"weight_decay": ALPHA / BATCH})],
        iterator_train__batch_sampler=[order[i : i + BATCH] for i in range(0, len(order), BATCH)],
    ).initialize(x, y)  # fmt: skip
    matrices, vectors = weights(x.shape[1])
    with wg.no_grad():
        for layer, matrix, vector in zip(net.module_[::2], matrices, vectors, strict=True):
            layer.weight.copy_(wg.from_numpy(matrix.T.copy()))
            layer.bias.copy_(wg.from_numpy(vector))

    def run() -> float:
        return float(net.partial_fit(x, y).history_[-1, "train_loss"])

    return run


@pytest.mark.parametrize("kind", KINDS)
def test_estimator_epoch(contest: Any, kind: str) -> None:
    if load("sklearn") is None:
        pytest.skip("scikit-learn, whose perceptron this is compared with, is not installed")
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (IMAGES, 784), np.uint8) / KINDS[kind], np.arange(IMAGES) % 10
    flops = 2.0 * IMAGES * (2 * 784 * HIDDEN + 3 * HIDDEN * 10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        contest(
            {"scikit-learn": in_scikit_learn(x, y), "wengert": in_wengert(x, y)},
            rtol=1e-3, seconds=4.0, goals=("estimator epoch",) if kind == "float64" else (), flops=flops,
        )  # fmt: skip
