"""What SciPy and scikit-learn compute of tensors, by the array API standard, and of NumPy's arrays.

A process of its own, since SciPy reads SCIPY_ARRAY_API when it is imported. It prints as JSON, for each case, the type
of the first result and the largest difference, relative to the largest item.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import sklearn
from scipy import differentiate, integrate, signal, special, stats
from scipy.cluster import vq
from scipy.optimize import elementwise
from sklearn import metrics
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.model_selection import cross_val_predict, train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, MinMaxScaler, Normalizer, PolynomialFeatures, StandardScaler

import wengert as wg

wg.set_default_dtype(wg.float64)  # as NumPy's is
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
Y = X @ np.array([1.0, -2.0, 0.5, 0.0]) + 0.3 * RNG.normal(size=60)
LABELS = (Y > 0).astype(np.int64) + (Y > 1)
Function = Callable[[Any, Any, Any], Any]


def fitted(estimator: Any, *methods: str, by: str | None = "numbers") -> Function:
    """Fit, and what methods say of the same rows."""

    def results(x: Any, y: Any, labels: Any) -> list[Any]:
        model = clone(estimator).fit(x, {"numbers": y, "labels": labels, None: None}[by])
        return [getattr(model, method)(x) for method in methods]

    return results


def plus(x: Any, number: float) -> Any:
    return abs(x) + number


CASES: dict[str, Function] = {
    "LinearDiscriminantAnalysis": fitted(
        LinearDiscriminantAnalysis(), "decision_function", "predict", "predict_proba", by="labels"
    ),
    "PCA": fitted(PCA(2, svd_solver="full"), "transform", by=None),
    "PCA by covariances": fitted(PCA(2, svd_solver="covariance_eigh", whiten=True), "transform", by=None),
    "PCA at random": fitted(
        PCA(2, svd_solver="randomized", power_iteration_normalizer="QR", random_state=0), "transform", by=None
    ),
    "Ridge": fitted(Ridge(solver="svd"), "predict"),
    "RidgeClassifier": fitted(RidgeClassifier(solver="svd"), "decision_function", "predict", by="labels"),
    "GaussianNB": fitted(GaussianNB(), "predict", "predict_proba", by="labels"),
    "StandardScaler": fitted(StandardScaler(), "transform", by=None),
    "MinMaxScaler": fitted(MinMaxScaler(), "transform", by=None),
    "Normalizer": fitted(Normalizer(), "transform", by=None),
    "PolynomialFeatures": fitted(PolynomialFeatures(2), "transform", by=None),
    "LabelEncoder": lambda x, y, labels: LabelEncoder().fit_transform(labels),
    "make_pipeline": fitted(make_pipeline(StandardScaler(), PCA(3, svd_solver="full"), Ridge(solver="svd")), "predict"),
    "train_test_split": lambda x, y, labels: train_test_split(x, y, random_state=0),
    "cross_val_predict": lambda x, y, labels: cross_val_predict(LinearDiscriminantAnalysis(), x, labels, cv=3),
    "accuracy_score": lambda x, y, labels: metrics.accuracy_score(labels, labels[:] * 0 + 1),
    "f1_score": lambda x, y, labels: metrics.f1_score(labels, labels * labels, average="macro"),
    "confusion_matrix": lambda x, y, labels: metrics.confusion_matrix(labels, labels * labels // 2),
    "r2_score": lambda x, y, labels: metrics.r2_score(y, y * 1.1),
    "mean_absolute_error": lambda x, y, labels: metrics.mean_absolute_error(y, y * 1.1),
    "rbf_kernel": lambda x, y, labels: metrics.pairwise.rbf_kernel(x),
    "cosine_similarity": lambda x, y, labels: metrics.pairwise.cosine_similarity(x),
    "euclidean_distances": lambda x, y, labels: metrics.pairwise.euclidean_distances(x[:9, :], x[9:, :]),
    # ---------------------------------------------------------------- SciPy's
    "special.expit": lambda x, y, labels: special.expit(x),
    "special.gammaln": lambda x, y, labels: special.gammaln(plus(x, 0.1)),
    "special.betainc": lambda x, y, labels: special.betainc(plus(x, 1), plus(x, 2), 1 / plus(x, 1)),
    "special.logsumexp": lambda x, y, labels: special.logsumexp(x, axis=1),
    "special.softmax": lambda x, y, labels: special.softmax(x, axis=0),
    "stats.zscore": lambda x, y, labels: stats.zscore(x),
    "stats.skew": lambda x, y, labels: stats.skew(x),
    "stats.kurtosis": lambda x, y, labels: stats.kurtosis(x, bias=False),
    "stats.gmean": lambda x, y, labels: stats.gmean(plus(x, 1)),
    "stats.pearsonr": lambda x, y, labels: tuple(stats.pearsonr(x[:, 0], y)),
    "stats.ttest_ind": lambda x, y, labels: tuple(stats.ttest_ind(x[:, 0], y)),
    "stats.mannwhitneyu": lambda x, y, labels: tuple(stats.mannwhitneyu(x[:, 0], y)),
    "stats.normaltest": lambda x, y, labels: tuple(stats.normaltest(x)),
    "stats.rankdata": lambda x, y, labels: stats.rankdata(x),
    "stats.entropy": lambda x, y, labels: stats.entropy(plus(x, 1)),
    "stats.iqr": lambda x, y, labels: stats.iqr(y),
    "cluster.whiten": lambda x, y, labels: vq.whiten(x),
    "cluster.kmeans2": lambda x, y, labels: vq.kmeans2(x, x[:3, :], minit="matrix"),
    "signal.detrend": lambda x, y, labels: signal.detrend(y),
    "signal.savgol_filter": lambda x, y, labels: signal.savgol_filter(y, 5, 2),
    "integrate.trapezoid": lambda x, y, labels: integrate.trapezoid(y, x[:, 0]),
    "integrate.tanhsinh": lambda x, y, labels: integrate.tanhsinh(lambda t: t**2, y[:3] * 0, plus(y[:3], 1)).integral,
    "optimize.find_root": lambda x, y, labels: (
        elementwise.find_root(lambda t, c: t**2 - c, (y[:3] * 0, plus(y[:3], 2)), args=(plus(y[:3], 1),)).x
    ),
    "differentiate.derivative": lambda x, y, labels: differentiate.derivative(lambda t: t**3, y).df,
}


def parts(x: Any) -> list[Any]:
    return list(x) if isinstance(x, (list, tuple)) else [x]


def difference(found: Any, right: Any) -> float:
    found, right = np.asarray(found), np.asarray(right)
    assert found.shape == right.shape, f"shapes {found.shape} and {right.shape}"
    assert found.dtype == right.dtype, f"dtypes {found.dtype} and {right.dtype}"
    return float(np.max(np.abs(found - right.astype(float)), initial=0) / max(1, np.max(np.abs(right), initial=0)))


def compared() -> Iterator[tuple[str, list[Any]]]:
    tensors = [wg.asarray(x, copy=True) for x in (X, Y, LABELS)]
    for name, function in CASES.items():
        right = parts(function(X, Y, LABELS))
        try:
            with sklearn.config_context(array_api_dispatch=True):
                found = parts(function(*tensors))
            largest = max(difference(a, b) for a, b in zip(found, right, strict=True))
            yield name, [type(found[0]).__name__, largest]
        except Exception as error:
            yield name, [f"{type(error).__name__}: {error}", float("inf")]


GRADIENTS: dict[str, Callable[[Any], Any]] = {
    "special.logsumexp": lambda x: special.logsumexp(x),
    "stats.zscore": lambda x: (stats.zscore(x) ** 3).sum(),
    "stats.gmean": lambda x: stats.gmean(x * x + 1).sum(),
    "PCA": lambda x: (PCA(2, svd_solver="full").fit_transform(x) ** 2).sum(),
    "Ridge": lambda x: (Ridge(solver="svd").fit(x[:, :2], x[:, 2]).coef_ ** 2).sum(),
    "rbf_kernel": lambda x: metrics.pairwise.rbf_kernel(x).sum(),
}


def differentiated() -> Iterator[tuple[str, list[Any]]]:
    """The gradient of what they compute, against differences of values, along one direction."""
    x, v = X[:12], RNG.normal(size=(12, 4))
    for name, function in GRADIENTS.items():
        with sklearn.config_context(array_api_dispatch=True):
            leaf = wg.tensor(x, requires_grad=True)
            function(leaf).backward()
            slope = float((leaf.grad.numpy() * v).sum())
            up, down = (function(wg.tensor(x + h * v)).item() for h in (1e-6, -1e-6))
        yield f"gradient of {name}", [type(leaf.grad).__name__, abs(slope - (up - down) / 2e-6) / max(1, abs(slope))]


if __name__ == "__main__":
    json.dump(dict([*compared(), *differentiated()]), sys.stdout)
