"""Estimators: scikit-learn's checks, its perceptron's own numbers, skorch's manners."""

from __future__ import annotations

import copy
import importlib
import pickle
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import wengert as wg
from wengert import nn
from wengert.data import DataLoader, TensorDataset
from wengert.estimators import (
    NeuralNetClassifier,
    NeuralNetRegressor,
    TrainingHistory,
    ValidSplit,
    perceptron,
    predefined_split,
)
from wengert.train import Callback, DivergenceError, EarlyStopping

ESTIMATORS = [NeuralNetClassifier, NeuralNetRegressor]
QUICK: dict[str, Any] = {"hidden_layer_sizes": (8,), "max_epochs": 15, "lr": 0.05}


@pytest.fixture(scope="module")
def labelled() -> tuple[np.ndarray, np.ndarray]:
    """Ninety points of three classes, whose labels are words."""
    x, y = make_classification(90, 6, n_informative=4, n_classes=3, class_sep=2.0, random_state=0)
    return x, np.array(["ash", "birch", "cedar"])[y]


@pytest.fixture(scope="module")
def measured() -> tuple[np.ndarray, np.ndarray]:
    x, y = make_regression(80, 5, n_targets=2, random_state=0)
    return x, y / y.std(0)


class Two(nn.Module):
    """A module of two layers that gives probabilities, as skorch's classifiers take them."""

    def __init__(self, width: int = 8, classes: int = 3, dropout: float = 0.0) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, width), nn.Linear(width, classes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Any) -> Any:
        return nn.functional.softmax(self.second(self.dropout(nn.functional.relu(self.first(x)))), -1)


class Scores(Two):
    """The same without the probabilities."""

    def forward(self, x: Any) -> Any:
        return self.second(nn.functional.relu(self.first(x)))


# ---------------------------------------------------------------- scikit-learn's own checks


@pytest.mark.parametrize("estimator", [NeuralNetClassifier(**QUICK), NeuralNetRegressor(**QUICK)])
def test_scikit_learn_s_checks_pass(estimator: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the checks themselves warn of, such as that one is skipped
        results = check_estimator(estimator, on_skip=None)
    kinds = {result["status"] for result in results}
    assert len(results) > 50
    assert kinds <= {"passed", "skipped"}
    assert [r["check_name"] for r in results if r["status"] == "skipped"] in ([], ["check_array_api_input"])


# ---------------------------------------------------------------- the numbers


def twins(kind: Any, x: np.ndarray, y: np.ndarray) -> tuple[Any, Any]:
    """A perceptron of scikit-learn, and one of ours with its weights."""
    theirs = (MLPClassifier if kind is NeuralNetClassifier else MLPRegressor)(
        hidden_layer_sizes=(7, 5), activation="tanh", solver="sgd", momentum=0.0, nesterovs_momentum=False,
        shuffle=False, alpha=0.0, batch_size=16, learning_rate_init=0.2, random_state=0,
    )  # fmt: skip
    theirs.partial_fit(x, y, **({"classes": np.unique(y)} if kind is NeuralNetClassifier else {}))
    # The regressor's goes down the half of squares, which are summed over outputs and not averaged.
    rate = 0.2 if kind is NeuralNetClassifier else 0.1 * (1 if y.ndim == 1 else y.shape[1])
    ours = kind(
        hidden_layer_sizes=(7, 5), activation="tanh", optimizer=wg.optim.SGD, lr=rate, batch_size=16,
        iterator_train__shuffle=False,
    ).initialize(x, y)  # fmt: skip
    with wg.no_grad():
        for layer, weight, bias in zip(ours.module_[::2], theirs.coefs_, theirs.intercepts_, strict=True):
            layer.weight.copy_(wg.from_numpy(weight.T.copy()))
            layer.bias.copy_(wg.from_numpy(bias))
    return theirs, ours


def test_steps_are_those_of_scikit_learn_s_classifier(labelled: Any) -> None:
    x, y = labelled
    theirs, ours = twins(NeuralNetClassifier, x, y)
    for _ in range(4):
        theirs.partial_fit(x, y)
        ours.partial_fit(x, y)
        assert ours.history_[-1, "train_loss"] == pytest.approx(theirs.loss_, rel=1e-12)
    np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), rtol=1e-10)
    assert (ours.predict(x) == theirs.predict(x)).all()
    assert ours.score(x, y) == theirs.score(x, y)


@pytest.mark.parametrize("several", [False, True])
def test_steps_are_those_of_scikit_learn_s_regressor(measured: Any, several: bool) -> None:
    x, y = measured if several else (measured[0], measured[1][:, 0])
    theirs, ours = twins(NeuralNetRegressor, x, y)
    for _ in range(4):
        theirs.partial_fit(x, y)
        ours.partial_fit(x, y)
        assert ours.history_[-1, "train_loss"] == pytest.approx(2 * theirs.loss_, rel=1e-12)
    np.testing.assert_allclose(ours.predict(x), theirs.predict(x), rtol=1e-10)
    assert ours.predict(x).shape == y.shape


def test_weights_of_examples_count_in_every_batch(labelled: Any) -> None:
    x, y = labelled
    weight = np.random.default_rng(0).integers(0, 4, len(x)).astype(float)
    weight[:16] = 0.0  # a whole batch
    net = NeuralNetClassifier(optimizer=wg.optim.SGD, lr=0.1, batch_size=16, iterator_train__shuffle=False)
    net.initialize(x, y)
    layers = [(p.detach().numpy().copy()) for p in net.module_.parameters()]
    net.partial_fit(x, y, sample_weight=weight)
    numbers = np.unique(y, return_inverse=True)[1]
    w1, b1, w2, b2 = layers
    for start in range(0, len(x), 16):
        rows = slice(start, start + 16)
        h = np.maximum(x[rows] @ w1.T + b1, 0)
        p = np.exp(h @ w2.T + b2)
        g = (p / p.sum(1, keepdims=True) - np.eye(3)[numbers[rows]]) * (weight[rows] / weight.mean())[:, None] / len(h)
        back = (g @ w2) * (h > 0)
        w2, b2, w1, b1 = w2 - 0.1 * g.T @ h, b2 - 0.1 * g.sum(0), w1 - 0.1 * back.T @ x[rows], b1 - 0.1 * back.sum(0)
    for found, expected in zip(net.module_.parameters(), (w1, b1, w2, b2), strict=True):
        np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_whole_weights_are_copies(measured: Any, reduction: str) -> None:
    x, y = measured
    weight = np.random.default_rng(0).integers(0, 4, len(x))
    options = {**QUICK, "random_state": 0, "batch_size": -1, "optimizer": wg.optim.SGD, "lr": 1e-3}
    weighted, repeated = (NeuralNetRegressor(**options, criterion__reduction=reduction) for _ in range(2))
    weighted.fit(x, y, sample_weight=weight)
    if reduction == "sum":  # the weights of one have the mean 1
        repeated.set_params(lr=1e-3 / weight.mean())
    repeated.fit(x.repeat(weight, 0), y.repeat(weight, 0))
    np.testing.assert_allclose(weighted.predict(x), repeated.predict(x), rtol=1e-10)


@pytest.mark.parametrize("weight", [[1.0] * 89, [-1.0] * 90, [np.nan] * 90, [0.0] * 90, np.ones((90, 1))])
def test_weights_that_are_none_are_refused(labelled: Any, weight: Any) -> None:
    net = NeuralNetClassifier(**QUICK).fit(*labelled)
    before = {name: id(value) for name, value in vars(net).items()}
    with pytest.raises(ValueError, match="sample weight"):
        net.fit(*labelled, sample_weight=weight)
    assert {name: id(value) for name, value in vars(net).items()} == before


def test_a_program_trains_to_the_same_bits(labelled: Any) -> None:
    found = [NeuralNetClassifier(**QUICK, random_state=3, compile=c).fit(*labelled) for c in (False, True)]
    assert (found[0].predict_proba(labelled[0]) == found[1].predict_proba(labelled[0])).all()
    assert found[0].history_["train_loss"] == found[1].history_["train_loss"]


def test_of_what_dtype_a_perceptron_is(labelled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = labelled
    for data, dtype in ((x, "float64"), (x.astype("f4"), "float32"), (x.astype(int), "float32")):
        net = NeuralNetClassifier(**{**QUICK, "max_epochs": 2}).fit(data, y)
        assert {p.dtype for p in net.module_.parameters()} == {np.dtype(dtype)}
        assert net.predict_proba(data).dtype == dtype
    monkeypatch.setattr("wengert.estimators.nets.LARGE", 100)
    net = NeuralNetClassifier(**QUICK).fit(x, y)
    assert net.module_[0].weight.dtype == np.float32
    assert NeuralNetClassifier(**QUICK, dtype="float64").fit(x.astype("f4"), y).module_[0].weight.dtype == np.float64
    with pytest.raises(ValueError, match="expected dtype float32, float64 or 'auto', got 'int8'"):
        NeuralNetClassifier(dtype="int8").fit(x, y)


def test_bytes_are_the_numbers_that_they_are(labelled: Any) -> None:
    x = np.random.default_rng(0).integers(0, 256, (90, 70), np.uint8)
    options = {**QUICK, "lr": 1e-3, "random_state": 0}
    found = [NeuralNetClassifier(**options).fit(data, labelled[1]) for data in (x, x.astype(np.float32))]
    assert (found[0].predict_proba(x) == found[1].predict_proba(x.astype(np.float32))).all()


@pytest.mark.parametrize("layout", ["F", "strided", "read-only"])
def test_data_of_any_layout_train_to_the_same(labelled: Any, layout: str) -> None:
    x, y = labelled
    wide = np.repeat(x, 20, axis=1)
    given = (
        np.asfortranarray(wide) if layout == "F" else np.repeat(wide, 2, 0)[::2] if layout == "strided" else wide.copy()
    )
    given.flags.writeable = layout != "read-only"
    for dtype in ("float32", "float64"):
        nets = [NeuralNetClassifier(**QUICK, random_state=0, dtype=dtype).fit(data, y) for data in (wide, given)]
        assert (nets[0].predict_proba(wide) == nets[1].predict_proba(given)).all()


# ---------------------------------------------------------------- scikit-learn's manners


def test_searches_run_over_parameters_of_every_part(labelled: Any) -> None:
    net = NeuralNetClassifier(Scores, criterion=nn.CrossEntropyLoss, optimizer=wg.optim.Adam, max_epochs=5)
    grid = {"net__module__width": [4, 16], "net__lr": [1e-4, 0.1], "net__optimizer__betas": [(0.9, 0.99)]}
    pipeline = Pipeline([("scale", StandardScaler()), ("net", net.set_params(random_state=0))])
    search = GridSearchCV(pipeline, grid, cv=3).fit(*labelled)
    assert search.best_params_["net__lr"] == 0.1
    assert search.best_score_ > 0.7
    assert search.best_estimator_[1].module_.first.out_features == search.best_params_["net__module__width"]


def test_processes_give_the_same_as_one(labelled: Any) -> None:
    net = make_pipeline(StandardScaler(), NeuralNetClassifier(**QUICK, random_state=0))
    alone = cross_val_score(net, *labelled, cv=2)
    assert (cross_val_score(net, *labelled, cv=2, n_jobs=2) == alone).all()
    assert alone.mean() > 0.7


@pytest.mark.parametrize("copied", [lambda net: pickle.loads(pickle.dumps(net)), copy.deepcopy])
def test_a_copy_predicts_the_same_and_goes_on_the_same(labelled: Any, copied: Callable[[Any], Any]) -> None:
    x, y = labelled
    net = NeuralNetClassifier(Two, dtype="auto", module__dropout=0.3, lr=0.5, random_state=0).fit(x, y)
    net.partial_fit(x, y)
    other = copied(net)
    assert (other.predict_proba(x) == net.predict_proba(x)).all()
    net.partial_fit(x, y)
    other.partial_fit(x, y)
    assert (other.predict_proba(x) == net.predict_proba(x)).all()
    assert other.history_["train_loss"] == net.history_["train_loss"]


def test_a_clone_has_the_parameters_and_nothing_else(labelled: Any) -> None:
    net = NeuralNetClassifier(Two(4), optimizer__momentum=0.9, criterion__reduction="sum", lr=0.01).fit(*labelled)
    other = clone(net)
    assert not hasattr(other, "module_")
    assert other.get_params().keys() == net.get_params().keys() >= {"optimizer__momentum", "criterion__reduction", "lr"}
    assert other.module.first.out_features == 4
    assert other.module is not net.module
    assert "optimizer__momentum=0.9" in repr(other)
    assert other.set_params(optimizer__momentum=0.5).optimizer__momentum == 0.5
    assert net._repr_html_()


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_streams_are_trained_on_pass_by_pass(kind: Any, labelled: Any, measured: Any) -> None:
    x, y = labelled if kind is NeuralNetClassifier else measured
    first = {"classes": np.unique(y)} if kind is NeuralNetClassifier else {}
    net = kind(**QUICK, random_state=0)
    for turn in range(25):
        for start in range(0, len(x), 30):
            net.partial_fit(x[start : start + 30], y[start : start + 30], **(first if turn + start == 0 else {}))
    assert net.score(x, y) > 0.8
    assert len(net.history_) == net.history_[-1, "epoch"] == 25 * -(-len(x) // 30)
    assert net.n_iter_ == 1


def test_a_stream_s_program_is_recorded_once(labelled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = []
    loss = NeuralNetClassifier.get_loss
    monkeypatch.setattr(NeuralNetClassifier, "get_loss", lambda *a, **k: (runs.append(1), loss(*a, **k))[1])
    net = NeuralNetClassifier(**QUICK)
    for _ in range(6):
        net.partial_fit(*labelled)
    assert len(runs) == 3  # the one that makes the optimizer's state, and two that are compared
    net.set_params(lr=0.5).partial_fit(*labelled)
    assert len(runs) == 4
    assert net.optimizer_.param_groups[0]["lr"] == 0.5


def test_labels_that_were_not_announced_are_refused(labelled: Any) -> None:
    x, y = labelled
    net = NeuralNetClassifier(**QUICK).partial_fit(x, y)
    with pytest.raises(
        ValueError, match=r"labels \['yew'\], which are not among the classes \['ash', 'birch', 'cedar'\]"
    ):
        net.partial_fit(x, np.where(y == "ash", "yew", y))
    with pytest.raises(ValueError, match=r"classes are \['ash'\], and were first \['ash', 'birch', 'cedar'\]"):
        net.partial_fit(x, y, classes=["ash"])
    with pytest.raises(ValueError, match="y has 1 outputs, and that of the first fit 2"):
        NeuralNetRegressor().partial_fit(x, x[:, :2]).partial_fit(x, x[:, 0])
    assert net.classes_.tolist() == ["ash", "birch", "cedar"]


def test_warm_starts_go_on_and_others_start_anew(labelled: Any) -> None:
    net = NeuralNetClassifier(**QUICK, warm_start=True, random_state=0).fit(*labelled)
    losses = net.fit(*labelled).history_["train_loss"]
    assert losses[15] < losses[14] + 0.01
    assert len(losses) == 30
    assert len(net.set_params(warm_start=False).fit(*labelled).history_) == 15


@pytest.mark.parametrize("wrapped", [wg.tensor, list, __import__("pandas").DataFrame])
def test_data_come_in_every_form(labelled: Any, wrapped: Any) -> None:
    x, y = labelled
    expected = NeuralNetClassifier(**QUICK, random_state=0, dtype="float64").fit(x, y).predict(x)
    net = NeuralNetClassifier(**QUICK, random_state=0, dtype="float64").fit(wrapped(x), y)
    assert (net.predict(wrapped(x)) == expected).all()


def test_a_seed_fixes_everything_and_leaves_the_library_s_generator_alone(labelled: Any) -> None:
    before = wg.random.get_rng_state()
    make = lambda: NeuralNetClassifier(Two, module__dropout=0.5, iterator_train__shuffle=True, random_state=5)  # noqa: E731
    found = [make().fit(*labelled).predict_proba(labelled[0]) for _ in range(2)]
    assert (found[0] == found[1]).all()
    assert (wg.random.get_rng_state() == before).all()
    wg.manual_seed(0)
    first = NeuralNetClassifier(**QUICK).fit(*labelled).predict_proba(labelled[0])
    wg.manual_seed(0)
    assert (NeuralNetClassifier(**QUICK).fit(*labelled).predict_proba(labelled[0]) == first).all()


def test_threads_do_not_disturb_each_other(labelled: Any) -> None:
    net = NeuralNetClassifier(Two, module__dropout=0.5, optimizer=wg.optim.Adam, max_epochs=3, random_state=5)
    from joblib import parallel_config

    alone = cross_val_score(net, *labelled, cv=4)
    with parallel_config("threading"):
        assert (cross_val_score(net, *labelled, cv=4, n_jobs=4) == alone).all()


# ---------------------------------------------------------------- skorch's manners


def test_a_module_has_skorch_s_defaults(labelled: Any) -> None:
    net = NeuralNetClassifier(Two).fit(*labelled)
    assert type(net.optimizer_) is wg.optim.SGD
    assert net.optimizer_.param_groups[0]["lr"] == 0.01
    assert type(net.criterion_) is nn.NLLLoss
    assert len(net.history_) == 10
    assert net.history is net.history_
    assert net.history_.names() == ["epoch", "train_loss", "val_loss", "val_accuracy", "seconds"]
    assert net.history_[:, "valid_acc"] == net.history_["val_accuracy"]
    assert net.history_[-1, ("epoch", "dur")] == (10, net.history_["seconds"][-1])


def test_log_likelihood_is_of_probabilities_and_cross_entropy_of_scores(labelled: Any) -> None:
    x, y = labelled
    options: dict[str, Any] = {
        "train_split": None,
        "optimizer": wg.optim.SGD,
        "lr": 0.1,
        "max_epochs": 5,
        "random_state": 0,
    }
    likely = NeuralNetClassifier(Two, **options).fit(x, y)
    entropy = NeuralNetClassifier(Scores, criterion=nn.CrossEntropyLoss, **options).fit(x, y)
    np.testing.assert_allclose(likely.predict_proba(x), entropy.predict_proba(x), rtol=1e-4)
    np.testing.assert_allclose(entropy.predict_proba(x).sum(1), 1, rtol=1e-6)
    raw = entropy.set_params(predict_nonlinearity=None).predict_proba(x)
    np.testing.assert_array_equal(raw, entropy.forward(x).numpy())
    assert (entropy.set_params(predict_nonlinearity=lambda z: -z).predict_proba(x) == -raw).all()
    with pytest.raises(ValueError, match="expected predict_nonlinearity 'auto', None or a function of tensors, got 3"):
        entropy.set_params(predict_nonlinearity=3).predict(x)


def test_options_reach_their_parts(labelled: Any) -> None:
    seen = []

    class Loader(DataLoader):
        def __init__(self, *args: Any, **options: Any) -> None:
            seen.append(options)
            super().__init__(*args, **options)

    net = NeuralNetClassifier(
        Two, module__width=5, optimizer__momentum=0.5, criterion__weight=wg.tensor([1.0, 2.0, 3.0]), batch_size=-1,
        iterator_train=Loader, iterator_train__drop_last=True, iterator_valid=Loader, iterator_valid__batch_size=7,
        optimizer__param_groups=[("first.*", {"lr": 0.5}), ("*.bias", {"lr": 0.25})], max_epochs=1,
    ).fit(*labelled)  # fmt: skip
    assert net.module_.first.out_features == 5
    assert net.criterion_.weight.tolist() == [1, 2, 3]
    groups = [(g["lr"], g["momentum"], len(g["params"])) for g in net.optimizer_.param_groups]
    assert groups == [(0.5, 0.5, 2), (0.25, 0.5, 1), (0.01, 0.5, 1)]
    assert seen == [{"drop_last": True, "batch_size": 72}, {"batch_size": 7}]


def test_changed_parameters_make_their_parts_anew(labelled: Any) -> None:
    net = NeuralNetClassifier(Two, train_split=None).fit(*labelled)
    module, optimizer, criterion = net.module_, net.optimizer_, net.criterion_
    net.set_params(batch_size=10).partial_fit(*labelled)
    assert (net.module_, net.optimizer_, net.criterion_) == (module, optimizer, criterion)
    net.set_params(criterion__reduction="sum").partial_fit(*labelled)
    assert (net.module_, net.optimizer_) == (module, optimizer)
    net.set_params(optimizer__momentum=0.9).partial_fit(*labelled)
    assert net.module_ is module
    assert net.optimizer_.param_groups[0]["momentum"] == 0.9
    assert net.criterion_.reduction == "sum"
    net.set_params(module__width=3).partial_fit(*labelled)
    assert net.module_.first.out_features == 3
    assert len(net.history_) == 1
    perceptron = NeuralNetClassifier(**QUICK).fit(*labelled)
    assert perceptron.set_params(hidden_layer_sizes=(3, 4)).partial_fit(*labelled).module_[2].out_features == 4


def test_an_instance_stays_as_it_was(labelled: Any) -> None:
    module, criterion = Scores(), nn.CrossEntropyLoss()
    before = module.first.weight.detach().clone()
    net = NeuralNetClassifier(module, criterion=criterion, lr=0.5).fit(*labelled)
    assert (module.first.weight == before).all()
    assert not (net.module_.first.weight == before).all()
    again = net.history_["train_loss"]
    assert net.fit(*labelled).history_["train_loss"] == again


def test_lazy_layers_learn_their_sizes_from_the_data(labelled: Any) -> None:
    make = lambda: nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(3))  # noqa: E731
    options: dict[str, Any] = {"criterion": nn.CrossEntropyLoss, "max_epochs": 2}
    assert NeuralNetClassifier(make, **options).fit(*labelled).module_[0].in_features == 6
    net = NeuralNetClassifier(make, **options).initialize()
    assert net.partial_fit(*labelled).module_[0].in_features == 6
    assert NeuralNetClassifier(make, **options).initialize(*labelled).module_[0].in_features == 6


def test_modules_take_pictures_and_the_numbers_of_words() -> None:
    rng = np.random.default_rng(0)
    pictures, y = rng.random((40, 1, 6, 6)), np.arange(40) % 2
    pictures[y == 1, :, :3] += 1
    net = NeuralNetClassifier(
        lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 2)), optimizer=wg.optim.Adam,
        criterion=nn.CrossEntropyLoss, lr=0.02, max_epochs=20,
    ).fit(pictures, y)  # fmt: skip
    assert net.score(pictures, y) > 0.95
    words = rng.integers(0, 5, (40, 3))
    bag = NeuralNetRegressor(
        lambda: nn.Sequential(nn.Embedding(5, 1), nn.Flatten(), nn.Linear(3, 1, bias=False)), lr=0.1, max_epochs=60,
    ).fit(words, np.where(words == 2, 1.0, 0.0).sum(1))  # fmt: skip
    assert bag.score(words, np.where(words == 2, 1.0, 0.0).sum(1)) > 0.8


def test_a_column_of_targets_gives_a_column_of_predictions(measured: Any) -> None:
    x, y = measured[0], measured[1][:, :1]
    net = NeuralNetRegressor(**QUICK, random_state=0).fit(x, y)
    assert net.predict(x).shape == y.shape
    assert NeuralNetRegressor(**QUICK, random_state=0).fit(x, y[:, 0]).predict(x).shape == (len(x),)
    flat = NeuralNetRegressor(lambda: nn.Sequential(nn.Linear(5, 1), nn.Flatten(0)), max_epochs=1)
    assert flat.fit(x, y[:, 0]).predict(x).shape == (len(x),)
    assert flat.fit(x, y).predict(x).shape == y.shape


# ---------------------------------------------------------------- validation, stopping, callbacks


def test_early_stopping_goes_back_to_the_best_epoch(labelled: Any) -> None:
    x, y = labelled
    noisy = np.random.default_rng(1).permutation(y)
    net = NeuralNetClassifier(
        hidden_layer_sizes=(64,), lr=0.05, early_stopping=True, validation_fraction=0.3, n_iter_no_change=4,
        random_state=0,
    ).fit(x, noisy)  # fmt: skip
    accuracies = net.history_["val_accuracy"]
    best = int(np.argmax(accuracies))
    assert len(accuracies) == best + 1 + 4 < 200
    _, valid = ValidSplit(0.3, True, np.random.RandomState(0).randint(2**31 - 1))(TensorDataset(x, x), noisy)
    assert net.score(x[valid.indices], noisy[valid.indices]) == pytest.approx(accuracies[best])
    with pytest.raises(ValueError, match="early_stopping=True needs all data; use fit"):
        net.partial_fit(x, y)
    with pytest.raises(ValueError, match="needs validation data, and train_split is None"):
        net.set_params(train_split=None).fit(x, y)


def test_a_perceptron_stops_when_it_does_not_improve(measured: Any) -> None:
    net = NeuralNetRegressor(lr=1e-9, n_iter_no_change=3, max_epochs=50).fit(*measured)
    assert len(net.history_) == net.n_iter_ == 4
    stopping = NeuralNetRegressor(
        nn.Linear(5, 2), lr=1e-9, max_epochs=50, callbacks=[("stop", EarlyStopping(patience=2))]
    )
    assert len(stopping.fit(*measured).history_) == 3


@pytest.mark.parametrize(
    ("split", "kept"),
    [(4, 23), (0.2, 18), (KFold(9), 10), (ValidSplit(0.1), 9), (None, 0), (lambda data, y: (data, data), 90)],
)
def test_what_is_kept_apart(labelled: Any, split: Any, kept: int) -> None:
    sizes = []

    class Size(Callback):
        def on_fit_start(self, trainer: Any) -> None:
            loader = trainer.val_dataloader
            sizes.append(0 if loader is None else len(loader.dataset))

    NeuralNetClassifier(Two, train_split=split, callbacks=[Size], max_epochs=1).fit(*labelled)
    assert sizes == [kept]


def test_a_data_set_of_one_s_own_validates(labelled: Any) -> None:
    x = labelled[0].astype(np.float32)
    valid = TensorDataset(wg.from_numpy(x), wg.from_numpy(np.unique(labelled[1], return_inverse=True)[1]))
    net = NeuralNetClassifier(**QUICK, train_split=predefined_split(valid)).fit(x, labelled[1])
    assert net.history_[-1, "valid_acc"] == pytest.approx(net.score(x, labelled[1]))
    assert pickle.loads(pickle.dumps(net)).score(x, labelled[1]) == net.score(x, labelled[1])


def test_a_regressor_validates_by_targets_of_one_dimension_or_two(measured: Any) -> None:
    x, y = measured[0].astype("f4"), measured[1][:, :1].astype("f4")
    found = []
    for targets in (y, y[:, 0]):
        split = predefined_split(TensorDataset(wg.from_numpy(x), wg.from_numpy(np.ascontiguousarray(targets))))
        net = NeuralNetRegressor(**QUICK, random_state=0, train_split=split).fit(x, y[:, 0])
        found.append(net.history_["val_loss"])
    assert found[0] == found[1]
    assert found[0][-1] == pytest.approx(np.square(net.predict(x) - y[:, 0]).mean(), rel=1e-5)


@pytest.mark.parametrize(
    ("split", "error", "message"),
    [
        (ValidSplit(1.5), ValueError, "expected a fraction between 0 and 1"),
        (ValidSplit(True), TypeError, "expected cv as a number of folds"),
        (ValidSplit("five"), TypeError, "got 'five'"),
        (ValidSplit(2, stratified=True), ValueError, "stratified=True needs the labels y"),
    ],
)
def test_splits_that_are_none_are_refused(split: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        split(TensorDataset(wg.arange(9)))


def test_callbacks_see_the_net(labelled: Any) -> None:
    seen = []

    class Watch(Callback):
        def on_epoch_end(self, trainer: Any, metrics: dict[str, float]) -> None:
            seen.append((trainer.model.net, trainer.model.net.score(*labelled)))
            trainer.should_stop = len(seen) == 3

    net = NeuralNetClassifier(Two, module__dropout=0.2, callbacks=[Watch()]).fit(*labelled)
    assert [n for n, _ in seen] == [net] * 3
    assert len(net.history_) == 3
    with pytest.raises(TypeError, match=r"expected callbacks of wengert\.train, or pairs of a name and one, got 'x'"):
        net.set_params(callbacks=["x"]).fit(*labelled)


def test_a_subclass_may_have_a_loss_of_its_own(labelled: Any) -> None:
    class Shrunk(NeuralNetClassifier):
        def get_loss(self, y_pred: Any, y_true: Any, X: Any = None, training: bool = False) -> Any:
            return super().get_loss(y_pred, y_true, X, training) + (1.0 if training else 0.0)

    net, plain = (kind(**QUICK, random_state=0, train_split=5).fit(*labelled) for kind in (Shrunk, NeuralNetClassifier))
    assert net.history_["train_loss"][0] == pytest.approx(plain.history_["train_loss"][0] + 1)
    assert net.history_["val_loss"][0] == pytest.approx(plain.history_["val_loss"][0])


def test_verbose_prints_a_line_per_epoch(labelled: Any, capsys: pytest.CaptureFixture[str]) -> None:
    NeuralNetClassifier(Two, verbose=1, max_epochs=2).fit(*labelled).partial_fit(*labelled)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == ["epoch", "1", "2", "epoch", "3"]
    assert lines[0] == ["epoch", "train_loss", "val_loss", "val_accuracy", "seconds"]
    NeuralNetClassifier(**QUICK).fit(*labelled)
    assert capsys.readouterr() == ("", "")


# ---------------------------------------------------------------- files and errors


def test_states_go_into_files_and_come_back(labelled: Any, tmp_path: Path) -> None:
    names = {f"f_{part}": tmp_path / part for part in ("params", "optimizer", "criterion", "history")}
    options: dict[str, Any] = {"optimizer": wg.optim.Adam, "lr": 0.01, "train_split": None}
    net = NeuralNetClassifier(Two, **options).fit(*labelled)
    net.save_params(**names)
    other = NeuralNetClassifier(Two, **options).initialize()
    other.load_params(**names)
    assert (other.predict_proba(labelled[0]) == net.predict_proba(labelled[0])).all()
    assert (net.classes_[other.predict(labelled[0])] == net.predict(labelled[0])).all()
    assert other.history_["train_loss"] == net.history_["train_loss"]
    assert isinstance(other.history_, TrainingHistory)
    for each in (net, other):
        each.partial_fit(*labelled)
    assert (other.predict_proba(labelled[0]) == net.predict_proba(labelled[0])).all()
    before = net.predict_proba(labelled[0])
    NeuralNetClassifier(Two, **options).initialize().save_params(f_params=tmp_path / "params")
    wg.save({"state": {}, "param_groups": []}, tmp_path / "optimizer")
    with pytest.raises(ValueError, match="the state has groups of"):
        net.load_params(f_params=tmp_path / "params", f_optimizer=tmp_path / "optimizer")
    assert (net.predict_proba(labelled[0]) == before).all()
    (tmp_path / "bad").write_text("{")
    with pytest.raises(ValueError, match="is no history of save_params"):
        other.load_params(f_params=tmp_path / "params", f_history=tmp_path / "bad")


def test_what_is_not_initialized_says_so() -> None:
    for use in (lambda net: net.predict([[1.0]]), lambda net: net.save_params("x"), lambda net: net.load_params("x")):
        with pytest.raises(NotFittedError):
            use(NeuralNetClassifier())
    with pytest.raises(ValueError, match=r"sizes are those of data; call initialize\(X, y\)"):
        NeuralNetRegressor().initialize()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"max_epoch": 3}, TypeError, "there is no parameter max_epoch; there are .*max_epochs"),
        ({"device": "cuda"}, ValueError, "the only device is \"cpu\", got 'cuda'"),
        ({"module__width": 3}, TypeError, "module__width need a module; without one, hidden_layer_sizes"),
        ({"max_epochs": 2.5}, ValueError, "expected max_epochs as an integer >= 0, got 2.5"),
        ({"n_iter_no_change": 0}, ValueError, "expected n_iter_no_change as an integer >= 1, got 0"),
        ({"batch_size": 0}, ValueError, "expected batch_size as a positive integer, or -1 for all examples, got 0"),
        ({"hidden_layer_sizes": (3, 0)}, ValueError, r"expected hidden_layer_sizes as positive integers, got \(3, 0\)"),
        ({"activation": "gelu"}, ValueError, "expected activation 'identity', .* got 'gelu'; other networks are given"),
        ({"module": 3}, TypeError, "expected module as a class or a module, got 3"),
        ({"module": dict}, TypeError, "module must be, or give, a wengert.nn.Module, got a dict"),
        ({"criterion": "mse"}, TypeError, "expected criterion as a class or a module, got 'mse'"),
        ({"optimizer": "adam"}, TypeError, "expected optimizer as a class of wengert.optim, got 'adam'"),
        ({"lr": -1.0}, ValueError, "lr"),
    ],
)
def test_bad_parameters_are_named_and_change_nothing(labelled: Any, options: Any, error: Any, message: str) -> None:
    net = NeuralNetClassifier(**options)
    with pytest.raises(error, match=message):
        net.fit(*labelled)
    assert not [name for name in vars(net) if name.endswith("_")]


def test_weights_need_a_criterion_that_reduces(labelled: Any) -> None:
    class Own(nn.Module):
        def forward(self, x: Any, y: Any) -> Any:
            return nn.functional.cross_entropy(x, y)

    net = NeuralNetClassifier(**QUICK, criterion=Own).fit(*labelled)
    with pytest.raises(
        TypeError, match="sample weights need a criterion with the attribute reduction, which Own has not"
    ):
        net.fit(*labelled, sample_weight=np.ones(90))


def test_a_module_of_too_many_classes_and_a_loss_that_diverges_say_so(labelled: Any) -> None:
    class Fifth(nn.Module):
        def forward(self, x: Any) -> Any:
            return wg.eye(5)[4].expand(len(x), 5)

    x, y = labelled
    net = NeuralNetClassifier(Two, module__classes=5, max_epochs=1).fit(x, y)
    net.module_ = Fifth()
    with pytest.raises(ValueError, match="the module takes class 4, counted from 0, and y had 3 classes"):
        net.predict(x)
    with pytest.raises(DivergenceError, match="a smaller learning rate"), np.errstate(all="ignore"):
        NeuralNetRegressor(nn.Linear(6, 1), lr=1e9, max_epochs=50).fit(x, x[:, 0])


def test_an_interrupted_fit_keeps_what_it_reached(labelled: Any) -> None:
    class Interrupt(Callback):
        def on_step_end(self, trainer: Any, loss: float) -> None:
            trainer.interrupted = trainer.epoch == 2

    with pytest.warns(UserWarning, match="training was interrupted, and keeps what it reached"):
        net = NeuralNetClassifier(Two, callbacks=[Interrupt()]).fit(*labelled)
    assert len(net.history_) == 2


def test_a_perceptron_is_drawn_as_scikit_learn_s_is() -> None:
    wg.manual_seed(0)
    for activation, factor in (("relu", 6.0), ("logistic", 2.0)):
        first, _, last = perceptron(300, 5, 100, activation)
        for layer in (first, last):
            bound = np.sqrt(factor / sum(layer.weight.shape))
            assert 0.95 * bound < layer.weight.abs().max().item() <= bound
            assert 0 < layer.bias.abs().max().item() <= bound
    assert len(perceptron(3, 2, ())) == 1
    assert len(perceptron(3, 2, np.array([4, 5]))) == 5


def test_without_scikit_learn_the_error_says_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "wengert.estimators")
    monkeypatch.setitem(sys.modules, "sklearn.utils.validation", None)
    with pytest.raises(ImportError, match=r"scikit-learn of version 1.6 or newer: pip install 'wengert\[sklearn\]'"):
        importlib.import_module("wengert.estimators")
