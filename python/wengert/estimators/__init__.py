"""Networks as scikit-learn's estimators: in pipelines, searches and validations, under skorch's names.

Examples
--------
>>> from sklearn.datasets import load_iris
>>> from sklearn.model_selection import cross_val_score
>>> from sklearn.pipeline import make_pipeline
>>> from sklearn.preprocessing import StandardScaler
>>> from wengert.estimators import NeuralNetClassifier
>>> net = NeuralNetClassifier(hidden_layer_sizes=(16,), lr=0.05, max_epochs=30, random_state=0)
>>> x, y = load_iris(return_X_y=True)
>>> bool(cross_val_score(make_pipeline(StandardScaler(), net), x, y, cv=3).mean() > 0.9)
True
"""

from __future__ import annotations

try:
    from sklearn.utils.validation import validate_data as _new_in_1_6  # noqa: F401
except ImportError as error:
    raise ImportError(
        "wengert.estimators needs scikit-learn of version 1.6 or newer: pip install 'wengert[sklearn]'", name="sklearn"
    ) from error

from .nets import NeuralNetClassifier, NeuralNetRegressor
from .parts import TrainingHistory, perceptron
from .splits import ValidSplit, predefined_split

__all__ = [
    "NeuralNetClassifier", "NeuralNetRegressor", "TrainingHistory", "ValidSplit", "perceptron", "predefined_split",
]  # fmt: skip
