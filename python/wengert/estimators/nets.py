"""The estimators."""

from __future__ import annotations

import contextlib
import copy
import fnmatch
import functools
import json
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from .. import files, nn, optim
from ..autograd import no_grad
from ..core import dtypes
from ..data import DataLoader
from ..data._files import replacing
from ..nn import functional as F
from ..nn.modules.parameter import UninitializedParameter
from ..ops import cat
from ..tensors.tensor import Tensor
from ..train import Callback, EarlyStopping
from .parts import Examples, KeepBest, Loaders, Loop, PrintLog, Task, TrainingHistory, perceptron, seeded
from .splits import ValidSplit

# What options are handed on by names with two underscores, as module__width.
PREFIXES = ("module", "criterion", "optimizer", "iterator_train", "iterator_valid")
# Which parameters each part is made of, beside those of its own name: what changes one of them makes it anew.
PARTS = {
    "module": ("hidden_layer_sizes", "activation", "dtype"), "criterion": (), "optimizer": ("lr",),
}  # fmt: skip
# What "auto" is with a module, as in skorch, and without one, as of scikit-learn's perceptrons.
WITH_A_MODULE = {
    "optimizer": optim.SGD, "lr": 0.01, "max_epochs": 10, "batch_size": 128, "train_split": 5, "compile": False,
}  # fmt: skip
WITHOUT = {
    "optimizer": optim.Adam, "lr": 0.001, "max_epochs": 200, "batch_size": 200, "train_split": None, "compile": True,
}  # fmt: skip
LARGE = 1_000_000  # items from which data of float64 are not computed with as such, unless asked for
WORTH_A_PROGRAM = 50  # steps from which a program makes up for being recorded
PREDICTED_AT_ONCE = 1000  # examples, where no batch size is given


class _NeuralNet(BaseEstimator):  # type: ignore[misc]
    """What both estimators share."""

    _AUTO_CRITERION: tuple[type[nn.Module], type[nn.Module]]  # with a module, and without
    _stratified = False
    _loop: Loop | None = None  # kept from one pass over a stream to the next
    _stale: frozenset[str] = frozenset()  # parts whose parameters have changed since they were made
    _monitor: str  # what early stopping watches

    def __init__(
        self, module: Any = None, criterion: Any = "auto", optimizer: Any = "auto", lr: Any = "auto",
        max_epochs: Any = "auto", batch_size: Any = "auto", iterator_train: Any = DataLoader,
        iterator_valid: Any = DataLoader, train_split: Any = "auto", callbacks: Any = None,
        predict_nonlinearity: Any = "auto", warm_start: bool = False, verbose: int = 0, device: Any = "cpu",
        compile: Any = "auto", *, hidden_layer_sizes: Any = (100,), activation: str = "relu",
        early_stopping: bool = False, validation_fraction: float = 0.1, n_iter_no_change: int = 10, tol: float = 1e-4,
        random_state: Any = None, dtype: Any = "auto", **kwargs: Any,
    ) -> None:  # fmt: skip
        self.module = module
        self.criterion = criterion
        self.optimizer = optimizer
        self.lr = lr
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.iterator_train = iterator_train
        self.iterator_valid = iterator_valid
        self.train_split = train_split
        self.callbacks = callbacks
        self.predict_nonlinearity = predict_nonlinearity
        self.warm_start = warm_start
        self.verbose = verbose
        self.device = device
        self.compile = compile
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.random_state = random_state
        self.dtype = dtype
        self.__dict__.update(kwargs)  # names are judged by `initialize`, as scikit-learn wants it and skorch does it

    # ------------------------------------------------------------ parameters

    def _further(self) -> list[str]:
        """The names of parameters that the signature does not list."""
        kind: Any = type(self)
        listed = _listed(kind)
        return [name for name in vars(self) if name not in listed and name[0] != "_" and name[-1] != "_"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """All parameters, those with two underscores among them.

        Parameters
        ----------
        deep : bool
            Also those of parameters that are estimators themselves.

        Returns
        -------
        dict
        """
        found: dict[str, Any] = super().get_params(deep)
        return {**found, **{name: getattr(self, name) for name in self._further()}}

    def set_params(self, **params: Any) -> Any:
        """Change parameters; of a net that is initialized, the parts that they are of are made anew by the next fit.

        Parameters
        ----------
        **params
            As the constructor takes them.

        Returns
        -------
        The estimator itself.

        Raises
        ------
        ValueError
            If there is no such parameter.
        """
        of_parts = {k: v for k, v in params.items() if k.partition("__")[0] in PREFIXES and "__" in k}
        super().set_params(**{k: v for k, v in params.items() if k not in of_parts and k not in self._further()})
        self.__dict__.update({k: v for k, v in params.items() if k in of_parts or k in self._further()})
        if hasattr(self, "module_"):
            names = {name.partition("__")[0] for name in params}
            stale = {part for part, makers in PARTS.items() if not names.isdisjoint((part, *makers))}
            self._stale = self._stale | stale
            self._loop = None  # whose program has frozen what was
        return self

    def _options(self, prefix: str) -> dict[str, Any]:
        """What is handed on to a part."""
        return {
            name[len(prefix) + 2 :]: getattr(self, name) for name in self._further() if name.startswith(f"{prefix}__")
        }

    def _of(self, name: str) -> Any:
        """A parameter, or what "auto" is."""
        value = getattr(self, name)
        if isinstance(value, str) and value == "auto":
            return (WITHOUT if self.module is None else WITH_A_MODULE)[name]
        return value

    def _check_params(self) -> None:
        name = type(self).__name__
        unknown = [k for k in self._further() if k.partition("__")[0] not in PREFIXES or "__" not in k]
        if unknown:
            raise TypeError(
                f"{name}: there is no parameter {', '.join(unknown)}; there are {', '.join(self._get_param_names())}, "
                f"and names that begin with {', '.join(f'{prefix}__' for prefix in PREFIXES)}"
            )
        if str(self.device) not in ("cpu", "cpu:0"):
            raise ValueError(f'{name}: the only device is "cpu", got {self.device!r}')
        if self.module is None and self._options("module"):
            raise TypeError(
                f"{name}: {', '.join(f'module__{k}' for k in self._options('module'))} need a module; without one, "
                "hidden_layer_sizes and activation make a perceptron"
            )
        for k, least in (("max_epochs", 0), ("n_iter_no_change", 1)):
            value = self._of(k)
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
                raise ValueError(f"{name}: expected {k} as an integer >= {least}, got {value!r}")
        size = self._of("batch_size")
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or (size < 1 and size != -1):
            raise ValueError(f"{name}: expected batch_size as a positive integer, or -1 for all examples, got {size!r}")

    # ------------------------------------------------------------ initialization

    def initialize(self, X: Any = None, y: Any = None) -> Any:
        """Make module, criterion and optimizer anew, and forget the history.

        Parameters
        ----------
        X, y : array, optional
            Examples, from which a perceptron and lazy layers know their sizes; a module with sizes needs none.

        Returns
        -------
        The estimator itself.

        Raises
        ------
        ValueError, TypeError
            If a parameter is out of range or unknown, or sizes are not known.
        """
        self._check_params()
        if X is None and self.module is None:
            raise ValueError(
                f"{type(self).__name__}.initialize: without a module, sizes are those of data; call initialize(X, y)"
            )
        with self._unchanged_by_errors():
            self._initialize(None if X is None else self._checked(X, y, reset=True)[0])
        return self

    def _initialize(self, X: Any) -> None:
        seed = None if self.random_state is None else check_random_state(self.random_state).randint(2**31 - 1)
        self._source = None if seed is None else np.random.default_rng(seed)
        with seeded(self._source):
            module = self._made_module(X)
            criterion, each = self._made_criterion()
        optimizer = self._made_optimizer(module)
        self.module_, self.criterion_, self._each, self.optimizer_ = module, criterion, each, optimizer
        self.history_ = TrainingHistory()
        self._stale = frozenset()
        self._loop = None

    def _renew(self, X: Any) -> None:
        """Make those parts anew whose parameters have changed."""
        stale = self._stale
        if "module" in stale:
            self._initialize(X)
            return
        if "criterion" in stale:
            self.criterion_, self._each = self._made_criterion()
        if "optimizer" in stale or self.optimizer_ is None:
            _give_sizes(self.module_, X)
            self.optimizer_ = self._made_optimizer(self.module_)
        self._stale = frozenset()

    def _made(self, prefix: str, given: Any) -> Any:
        """A part out of a class or function and its options, or a copy of an instance, which stays as it is."""
        options = self._options(prefix)
        if not isinstance(given, nn.Module):
            if not callable(given):
                raise TypeError(f"{type(self).__name__}: expected {prefix} as a class or a module, got {given!r}")
            return given(**options)
        return type(given)(**options) if options else copy.deepcopy(given)

    def _made_module(self, X: Any) -> nn.Module:
        if self.module is None:
            net = perceptron(X.shape[1], self._outputs(), self.hidden_layer_sizes, self.activation)
            net.to(self._perceptron_dtype(X))
            return net
        made = self._made("module", self.module)
        if not isinstance(made, nn.Module):
            raise TypeError(
                f"{type(self).__name__}: module must be, or give, a wengert.nn.Module, got a {type(made).__name__}"
            )
        if X is not None:
            _give_sizes(made, X)
        made.train()
        return made

    def _perceptron_dtype(self, X: Any) -> Any:
        auto = isinstance(self.dtype, str) and self.dtype == "auto"
        if auto:
            return dtypes.float64 if X.dtype == np.float64 and X.size <= LARGE else dtypes.float32
        with contextlib.suppress(TypeError):
            if np.dtype(self.dtype) in (dtypes.float32, dtypes.float64):
                return np.dtype(self.dtype)
        raise ValueError(f"{type(self).__name__}: expected dtype float32, float64 or 'auto', got {self.dtype!r}")

    def _made_criterion(self) -> tuple[Any, Any]:
        """The criterion, and one beside it with the same weights that gives every example's loss, if it can."""
        auto = isinstance(self.criterion, str) and self.criterion == "auto"
        made = self._made("criterion", self._AUTO_CRITERION[self.module is None] if auto else self.criterion)
        if not hasattr(made, "reduction"):
            return made, None
        each = copy.copy(made)
        each.reduction = "none"
        return made, each

    def _made_optimizer(self, module: nn.Module) -> Any:
        if _is_lazy(module):
            return None  # until there are data, which say how large the parameters are
        make, options = self._of("optimizer"), {"lr": self._of("lr"), **self._options("optimizer")}
        if not callable(make):
            raise TypeError(f"{type(self).__name__}: expected optimizer as a class of wengert.optim, got {make!r}")
        patterns = options.pop("param_groups", None)
        if patterns is None:
            return make(module.parameters(), **options)
        groups: list[dict[str, Any]] = [{"params": [], **own} for _, own in patterns] + [{"params": []}]
        for name, parameter in module.named_parameters():
            fitting = (k for k, (pattern, _) in enumerate(patterns) if fnmatch.fnmatch(name, pattern))
            groups[next(fitting, len(patterns))]["params"].append(parameter)
        return make([group for group in groups if group["params"]], **options)

    # ------------------------------------------------------------ data

    def _outputs(self) -> int:
        """How many outputs a perceptron has."""
        raise TypeError(f"{type(self).__name__} does not say how many outputs it needs")

    def _targets(self, y: Any, reset: bool, classes: Any = None) -> Any:
        """What the module is trained on, of targets that scikit-learn has checked."""
        raise TypeError(f"{type(self).__name__} does not say what it is trained on")

    def _x(self, X: Any, y: Any = "no_validation", *, reset: bool = False, **checks: Any) -> Any:
        if isinstance(X, Tensor):
            X = X.detach().numpy()
        if isinstance(y, Tensor):
            y = y.detach().numpy()
        # Bytes are converted as batches are gathered. A module's integers stay such: they may be numbers of rows of an
        # embedding.
        kinds: Any = [np.float32, np.float64, np.uint8] if self.module is None else "numeric"
        return validate_data(self, X, y, reset=reset, dtype=kinds, allow_nd=self.module is not None, **checks)

    def _checked(self, X: Any, y: Any, reset: bool, classes: Any = None) -> tuple[Any, Any]:
        if y is None:
            raise ValueError(f"{type(self).__name__}: requires y to be passed, but the target y is None")
        multi = isinstance(self, RegressorMixin)
        X, y = self._x(X, y, reset=reset, multi_output=multi, y_numeric=multi)
        return X, self._targets(y, reset, classes)

    def _weights(self, sample_weight: Any, count: int) -> list[Any]:
        """Weights with the mean 1 as a column of the data, or no column.

        The mean over a batch is then an estimate of that over all examples, whatever weights the batch has.
        """
        if sample_weight is None:
            return []
        if isinstance(sample_weight, Tensor):
            sample_weight = sample_weight.detach().numpy()
        weights = np.asarray(sample_weight, np.float64)
        if weights.shape != (count,):
            raise ValueError(f"{type(self).__name__}: expected {count} sample weights, got the shape {weights.shape}")
        if not np.isfinite(weights).all() or (weights < 0).any():
            raise ValueError(f"{type(self).__name__}: sample weights must be finite and not negative")
        if not weights.any():
            raise ValueError(f"{type(self).__name__}: at least one sample weight must not be zero")
        return [weights / weights.mean()]

    # ------------------------------------------------------------ training

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Train anew, or with `warm_start` from where the last fit ended.

        Parameters
        ----------
        X : array, shape (n, ...)
            (n, features) without a module.
        y : array, shape (n,) or (n, outputs)
        sample_weight : array, shape (n,), optional

        Returns
        -------
        The estimator itself.

        Raises
        ------
        ValueError, TypeError
            If a parameter is out of range or unknown, or the data are not fit for the module.
        DivergenceError
            If the loss becomes NaN or infinite.
        """
        goes_on = self.warm_start and hasattr(self, "module_")
        self._check_params()
        return self._fit(X, y, sample_weight, goes_on, self._of("max_epochs"), self._split())

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Any:
        if self.early_stopping:
            raise ValueError(f"{type(self).__name__}.partial_fit: early_stopping=True needs all data; use fit")
        self._check_params()
        return self._fit(X, y, sample_weight, hasattr(self, "module_"), 1, None, classes)

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, goes_on: bool, epochs: int, split: Any, classes: Any = None
    ) -> Any:  # fmt: skip
        with self._unchanged_by_errors():
            X, y = self._checked(X, y, not goes_on or not hasattr(self, "n_features_in_"), classes)
            weights = self._weights(sample_weight, len(X))
            if goes_on:
                self._renew(X)
            else:
                self._initialize(X)
            dataset: Any = Examples([X, y, *weights], _dtype_of(self.module_), often=epochs > 1)
            train, valid = (dataset, None) if split is None else split(dataset, y)
            loaders = Loaders(
                self.get_iterator(train, training=True), None if valid is None else self.get_iterator(valid)
            )  # fmt: skip
            callbacks = self._watching(valid is not None, epochs)
        with seeded(None if self.module is None else self._source):  # a perceptron draws nothing while it trains
            self._train(loaders, epochs, callbacks, keep=goes_on)
        return self

    @contextlib.contextmanager
    def _unchanged_by_errors(self) -> Iterator[None]:
        before = dict(vars(self))
        try:
            yield
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _split(self) -> Any:
        """What keeps examples apart to validate by, if anything does."""
        auto = isinstance(self.train_split, str) and self.train_split == "auto"
        if self.early_stopping and auto:
            seed = None if self.random_state is None else check_random_state(self.random_state).randint(2**31 - 1)
            return ValidSplit(float(self.validation_fraction), self._stratified, seed)
        split = self._of("train_split")
        if split is None and self.early_stopping:
            raise ValueError(
                f"{type(self).__name__}: early_stopping=True needs validation data, and train_split is None"
            )
        if split is None or callable(split):
            return split
        return ValidSplit(split, self._stratified)

    def get_iterator(self, dataset: Any, training: bool = False) -> Any:
        """The batches of a data set.

        Parameters
        ----------
        dataset : Dataset
        training : bool
            Whether by `iterator_train` and its options, or by `iterator_valid` and its own.

        Returns
        -------
        iterable
        """
        prefix = "iterator_train" if training else "iterator_valid"
        make, options = getattr(self, prefix), self._options(prefix)
        auto = isinstance(self.batch_size, str)
        size = PREDICTED_AT_ONCE if auto and not training else self._of("batch_size")
        if not {"batch_size", "batch_sampler"} & options.keys():
            options["batch_size"] = max(len(dataset), 1) if size == -1 else size
        if training and self.module is None and not {"shuffle", "sampler", "batch_sampler"} & options.keys():
            options["shuffle"] = True
        if make is DataLoader and options.get("shuffle"):
            options.setdefault("generator", self._source)
        return make(dataset, **options)

    def _watching(self, validates: bool, epochs: int) -> list[Callback]:
        """The callbacks of a fit."""
        given = [entry[1] if isinstance(entry, tuple) else entry for entry in self.callbacks or ()]
        found: list[Callback] = [entry() if isinstance(entry, type) else entry for entry in given]
        for entry in found:
            if not isinstance(entry, Callback):
                raise TypeError(
                    f"{type(self).__name__}: expected callbacks of wengert.train, or pairs of a name and one, got "
                    f"{entry!r}"
                )
        if self.early_stopping and validates:
            found.append(KeepBest(self._monitor, self.n_iter_no_change, min_delta=self.tol))
        elif self.module is None and epochs > 1:
            found.append(EarlyStopping("train_loss", self.n_iter_no_change, min_delta=self.tol))
        if self.verbose:
            found.append(PrintLog(len(self.history_)))
        return found

    def _train(self, loaders: Loaders, epochs: int, callbacks: list[Callback], keep: bool) -> None:
        trainer = self._loop
        if trainer is None:
            steps = epochs * len(loaders.train) if hasattr(loaders.train, "__len__") else WORTH_A_PROGRAM
            worth = keep or steps >= WORTH_A_PROGRAM or not isinstance(self.compile, str)
            trainer = Loop(epochs, progress=False, compile=bool(self._of("compile")) and worth)
            trainer.model = Task(self)
        self._loop = trainer if keep else None
        before = len(self.history_)
        try:
            trainer.run(loaders, epochs, callbacks)
        finally:
            self.n_iter_ = len(trainer.history)
            self.history_.rows += [{**row, "epoch": before + row["epoch"]} for row in trainer.history]
        if trainer.interrupted:
            warnings.warn(f"{type(self).__name__}: training was interrupted, and keeps what it reached", stacklevel=4)

    def get_loss(
        self, y_pred: Any, y_true: Any, X: Any = None, training: bool = False, sample_weight: Any = None
    ) -> Any:
        """The loss of a batch, by the criterion. Subclasses may say otherwise.

        Parameters
        ----------
        y_pred : tensor
            What the module gave.
        y_true : tensor
            Numbers of classes, or what is regressed.
        X : tensor
            The batch.
        training : bool
            Whether the parameters are to be changed by it.
        sample_weight : tensor, optional
            Not handed over where there are no weights.

        Returns
        -------
        Tensor
            Of one item.
        """
        if sample_weight is None:
            return self.criterion_(y_pred, y_true)
        if self._each is None:
            raise TypeError(
                f"{type(self).__name__}: sample weights need a criterion with the attribute reduction, which "
                f"{type(self.criterion_).__name__} has not"
            )
        losses = self._each(y_pred, y_true)
        if self.criterion_.reduction == "sum":
            return (losses.flatten(1).sum(1) * sample_weight if losses.ndim > 1 else losses * sample_weight).sum()
        return (losses.flatten(1).mean(1) * sample_weight if losses.ndim > 1 else losses * sample_weight).mean()

    def _loss(self, batch: Any, training: bool) -> tuple[Any, Any]:
        x, y, *weights = batch
        out = _first(self.module_(x))
        named = {"sample_weight": weights[0]} if weights else {}
        return self.get_loss(out, y, X=x, training=training, **named), out

    def train_step(self, batch: Any) -> Any:
        """The loss of a batch (x, y), or (x, y, weights), as a training step has it.

        Parameters
        ----------
        batch : list of tensor

        Returns
        -------
        Tensor
        """
        return self._loss(batch, True)[0]

    def validation_step(self, batch: Any) -> Any:
        """The loss of a batch, and what else it is judged by.

        Parameters
        ----------
        batch : list of tensor

        Returns
        -------
        (Tensor, dict)
        """
        return self._loss(batch, False)[0], {}

    # ------------------------------------------------------------ predicting

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "module_")

    def forward(self, X: Any) -> Tensor:
        """What the module gives, without a history, in evaluation mode.

        Parameters
        ----------
        X : array, shape (n, ...)

        Returns
        -------
        Tensor
            (n, outputs). Of a module that gives several, the first.

        Raises
        ------
        NotFittedError
            If the net is not initialized.
        """
        check_is_fitted(self)
        X = self._x(X)
        module = self.module_
        own = _dtype_of(module)
        trains = module.training
        module.eval()
        try:
            with no_grad():
                found = [_first(module(_cast(x, own))) for (x,) in self.get_iterator(Examples([X], own))]
        finally:
            if trains:
                module.train()
        return cat(found)

    def _nonlinear(self, out: Tensor) -> Tensor:
        """Outputs as they are predicted."""
        if self.predict_nonlinearity is None:
            return out
        if callable(self.predict_nonlinearity):
            made: Tensor = self.predict_nonlinearity(out)
            return made
        if self.predict_nonlinearity != "auto":
            raise ValueError(
                f"{type(self).__name__}: expected predict_nonlinearity 'auto', None or a function of tensors, got "
                f"{self.predict_nonlinearity!r}"
            )
        return F.softmax(out, -1) if isinstance(self.criterion_, nn.CrossEntropyLoss) else out

    # ------------------------------------------------------------ files

    @property
    def history(self) -> TrainingHistory:
        """`history_`, as skorch also calls it."""
        history: TrainingHistory = self.history_
        return history

    def save_params(
        self, f_params: Any = None, f_optimizer: Any = None, f_criterion: Any = None, f_history: Any = None
    ) -> None:
        """Write states to files, of which none executes anything when it is read.

        Parameters
        ----------
        f_params, f_optimizer, f_criterion : path, optional
            For the states of module, optimizer and criterion, by `wengert.save`.
        f_history : path, optional
            For the history, in JSON.

        Raises
        ------
        NotFittedError
            If the net is not initialized.
        OSError
            If a file cannot be written.
        """
        check_is_fitted(self)
        parts = {"module_": f_params, "optimizer_": f_optimizer, "criterion_": f_criterion}
        for name, path in parts.items():
            if path is not None:
                files.save(getattr(self, name).state_dict(), path)
        if f_history is not None:
            with replacing(f_history) as file:
                file.write(json.dumps(self.history_.rows).encode())

    def load_params(
        self, f_params: Any = None, f_optimizer: Any = None, f_criterion: Any = None, f_history: Any = None
    ) -> None:
        """Take over states from files of `save_params`. The net is initialized, with parts of the same sizes.

        Parameters
        ----------
        f_params, f_optimizer, f_criterion, f_history : path, optional

        Raises
        ------
        NotFittedError
            If the net is not initialized.
        ValueError, RuntimeError
            If a file is damaged, or belongs to another net.
        OSError
            If it cannot be read.
        """
        check_is_fitted(self)
        parts = {"module_": f_params, "optimizer_": f_optimizer, "criterion_": f_criterion}
        states = {name: files.load(path) for name, path in parts.items() if path is not None}
        rows = None if f_history is None else _rows(f_history)
        before = {name: copy.deepcopy(getattr(self, name).state_dict()) for name in states}
        try:
            for name, state in states.items():
                getattr(self, name).load_state_dict(state)
        except BaseException:
            for name, state in before.items():
                getattr(self, name).load_state_dict(state)
            raise
        if rows is not None:
            self.history_ = TrainingHistory(rows)

    def __getstate__(self) -> Any:
        return {name: value for name, value in super().__getstate__().items() if name != "_loop"}


@functools.cache
def _listed(kind: Any) -> frozenset[str]:
    """The parameters in a signature: reading one takes longer than a step of a small net."""
    return frozenset(kind._get_param_names())


def _is_lazy(module: nn.Module) -> bool:
    return any(isinstance(p, UninitializedParameter) for p in module.parameters())


def _give_sizes(module: nn.Module, X: Any) -> None:
    """Let lazy layers see examples."""
    if _is_lazy(module):
        with no_grad():
            module.eval()(*next(iter(DataLoader(Examples([X[:2]], dtypes.float32), 2))))


def _first(out: Any) -> Any:
    return out[0] if isinstance(out, tuple) else out


def _dtype_of(module: nn.Module) -> Any:
    return next((p.dtype for p in module.parameters() if p.is_floating_point()), None)


def _cast(x: Tensor, dtype: Any) -> Tensor:
    return x.to(dtype) if dtype is not None and x.is_floating_point() else x


def _rows(path: str | os.PathLike[str]) -> list[dict[str, float]]:
    try:
        rows = json.loads(Path(path).read_bytes())
        if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
            return rows
    except ValueError as error:
        raise ValueError(f"load_params: {os.fspath(path)} is no history of save_params: {error}") from error
    raise ValueError(f"load_params: {os.fspath(path)} is no history of save_params")


class NeuralNetClassifier(ClassifierMixin, _NeuralNet):  # type: ignore[misc]
    """A network that classifies, as an estimator of scikit-learn, with skorch's names.

    Parameters
    ----------
    module : subclass or instance of nn.Module, function, or None
        What is trained: made by ``module(**options)`` of the parameters ``module__option``, or a copy of an instance.
        None: a `perceptron`.
    criterion : subclass or instance of nn.Module
        The loss, with options ``criterion__...``. "auto": with a module `NLLLoss`, of the logarithms of the
        probabilities that the module gives, as in skorch; without one `CrossEntropyLoss`.
    optimizer : class of wengert.optim
        With options ``optimizer__...``, of which ``optimizer__param_groups`` is a list of pairs: a pattern of names of
        parameters, and their options. "auto": with a module `SGD`, without one `Adam`.
    lr : float
        "auto": 0.01 with a module, 0.001 without.
    max_epochs : int
        Epochs of a fit. "auto": 10 with a module, 200 without.
    batch_size : int
        -1: all examples. "auto": 128 with a module, 200 without.
    iterator_train, iterator_valid : class
        Of the batches, with options ``iterator_train__...``; the latter's also to predict. A perceptron's training data
        are shuffled, a module's with ``iterator_train__shuffle=True``.
    train_split : None, int, float, splitter of scikit-learn, or callable
        What keeps examples apart to validate by, see `ValidSplit`; a callable gives two data sets of one and y. "auto":
        a fifth with a module, none without.
    callbacks : list of wengert.train.Callback
        Or pairs of a name and one. In their methods, ``trainer.model.net`` is the estimator.
    predict_nonlinearity : "auto", None or callable
        From the module's outputs to probabilities. "auto": softmax for `CrossEntropyLoss`, else none.
    warm_start : bool
        Whether `fit` goes on from where the last one ended.
    verbose : int
        Print a line per epoch if not 0.
    device : "cpu"
    compile : bool
        Run updates as programs, see `wengert.compile`. "auto": without a module, whose steps are known to allow it, and
        from 50 steps on.
    hidden_layer_sizes, activation
        Of the perceptron.
    early_stopping : bool
        Keep `validation_fraction` of the examples apart, stop when `n_iter_no_change` epochs have not raised the
        accuracy on them by `tol`, and go back to the best epoch's weights. False: a perceptron stops when the training
        loss has not fallen by `tol` for `n_iter_no_change` epochs, a module is trained for all `max_epochs`.
    validation_fraction, n_iter_no_change, tol
        See there.
    random_state : int, RandomState or None
        What the weights, the order of examples and dropout are drawn by. None: the library's own generator, which
        `wengert.manual_seed` starts.
    dtype : float32, float64 or "auto"
        That a perceptron computes in. "auto": float64 for data of float64 of at most a million items, else float32.

    Attributes
    ----------
    classes_ : ndarray
    module_, criterion_, optimizer_
        What was made of `module`, `criterion` and `optimizer`.
    history_ : TrainingHistory
        The metrics of all epochs.
    n_iter_ : int
        Epochs of the last fit.
    n_features_in_ : int

    Raises
    ------
    TypeError, ValueError
        By `fit` and `initialize`, if a parameter is unknown or out of range, or the data are not fit for it.

    Notes
    -----
    A module computes in its parameters' dtype, into which bytes and floats are converted. Weights of examples are
    divided by their mean.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert.estimators import NeuralNetClassifier
    >>> x = np.random.default_rng(0).normal(size=(200, 2))
    >>> y = np.where(x[:, 0] * x[:, 1] > 0, "same", "other")
    >>> net = NeuralNetClassifier(hidden_layer_sizes=(32,), lr=0.02, random_state=0).fit(x, y)
    >>> net.predict([[1., 1.], [1., -1.]])
    array(['same', 'other'], dtype='<U5')
    >>> net.score(x, y) > 0.95
    True
    """

    _AUTO_CRITERION = (nn.NLLLoss, nn.CrossEntropyLoss)
    _stratified = True
    _monitor = "val_accuracy"

    def _outputs(self) -> int:
        return len(self.classes_)

    def _targets(self, y: Any, reset: bool, classes: Any = None) -> Any:
        check_classification_targets(y)
        found, numbers = np.unique(y, return_inverse=True)
        given = found if classes is None else np.unique(classes)
        if reset or not hasattr(self, "classes_"):
            self.classes_ = given
        elif classes is not None and not np.array_equal(given, self.classes_):
            raise ValueError(
                f"{type(self).__name__}.partial_fit: classes are {given[:10].tolist()}, and were first "
                f"{self.classes_[:10].tolist()}"
            )
        foreign = np.setdiff1d(found, self.classes_)
        if len(foreign):
            raise ValueError(
                f"{type(self).__name__}: y has the labels {foreign[:5].tolist()}, which are not among the classes "
                f"{self.classes_[:10].tolist()}; partial_fit takes all classes in its first call"
            )
        return np.searchsorted(self.classes_, found)[numbers]

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Any:
        """Train for one pass over examples, from where the last call ended.

        Parameters
        ----------
        X : array, shape (n, ...)
        y : array, shape (n,)
        classes : array, optional
            All labels that there will be; by default, those of the first call.
        sample_weight : array, shape (n,), optional

        Returns
        -------
        The estimator itself.

        Raises
        ------
        ValueError
            If there are other labels, or other classes than before.
        """
        return self._partial_fit(X, y, sample_weight, classes)

    def get_loss(
        self, y_pred: Any, y_true: Any, X: Any = None, training: bool = False, sample_weight: Any = None
    ) -> Any:
        if isinstance(self.criterion_, nn.NLLLoss):
            y_pred = (y_pred + dtypes.finfo(y_pred.dtype).eps).log()
        return super().get_loss(y_pred, y_true, X, training, sample_weight)

    def validation_step(self, batch: Any) -> Any:
        loss, out = self._loss(batch, False)
        right = (out.argmax(1) == batch[1]).to(dtypes.float64)
        return loss, {"accuracy": (right * batch[2] if len(batch) > 2 else right).mean()}

    def predict_proba(self, X: Any) -> Any:
        """The probability of each class.

        Parameters
        ----------
        X : array, shape (n, ...)

        Returns
        -------
        ndarray, shape (n, classes)

        Raises
        ------
        NotFittedError
            If the net is not initialized.
        """
        return self._nonlinear(self.forward(X)).numpy()

    def predict(self, X: Any) -> Any:
        """The most probable label.

        Parameters
        ----------
        X : array, shape (n, ...)

        Returns
        -------
        ndarray, shape (n,)
            The number of the class for a net that was initialized and never saw labels.

        Raises
        ------
        NotFittedError
            If the net is not initialized.
        ValueError
            If the module gives more outputs than there are classes, and takes one of them.
        """
        numbers = self.predict_proba(X).argmax(1)
        if not hasattr(self, "classes_"):
            return numbers
        if numbers.max() >= len(self.classes_):
            raise ValueError(
                f"{type(self).__name__}.predict: the module takes class {numbers.max()}, counted from 0, and y had "
                f"{len(self.classes_)} classes"
            )
        return self.classes_[numbers]


class NeuralNetRegressor(RegressorMixin, _NeuralNet):  # type: ignore[misc]
    """A network that regresses one or several outputs, as an estimator of scikit-learn, with skorch's names.

    Parameters
    ----------
    module, optimizer, lr, max_epochs, batch_size, iterator_train, iterator_valid, train_split, callbacks, warm_start, \
verbose, device, compile, hidden_layer_sizes, activation, early_stopping, validation_fraction, n_iter_no_change, tol, \
random_state, dtype
        As of `NeuralNetClassifier`; early stopping watches the loss of the examples kept apart.
    criterion : subclass or instance of nn.Module
        The loss, with options ``criterion__...``. "auto": `MSELoss`.
    predict_nonlinearity : "auto", None or callable
        From the module's outputs to predictions. "auto": none.

    Attributes
    ----------
    module_, criterion_, optimizer_, history_, n_iter_, n_features_in_
        As of `NeuralNetClassifier`.
    n_outputs_ : int

    Raises
    ------
    TypeError, ValueError
        By `fit` and `initialize`, if a parameter is unknown or out of range, or the data are not fit for it.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert.estimators import NeuralNetRegressor
    >>> x = np.linspace(-2, 2, 100)[:, None]
    >>> y = np.hstack([np.sin(x), x**2])
    >>> net = NeuralNetRegressor(lr=0.02, tol=0, random_state=0).fit(x, y)
    >>> net.predict([[1.0], [2.0]]).shape, net.score(x, y) > 0.95
    ((2, 2), True)
    """

    _AUTO_CRITERION = (nn.MSELoss, nn.MSELoss)
    _monitor = "val_loss"
    _flat = True  # whether predictions of one output have one dimension

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _outputs(self) -> int:
        return int(self.n_outputs_)

    def _targets(self, y: Any, reset: bool, classes: Any = None) -> Any:
        outputs = 1 if y.ndim == 1 else y.shape[1]
        if reset or not hasattr(self, "n_outputs_"):
            self.n_outputs_, self._flat = outputs, y.ndim == 1
        elif outputs != self.n_outputs_:
            raise ValueError(
                f"{type(self).__name__}: y has {outputs} outputs, and that of the first fit {self.n_outputs_}"
            )
        return y.reshape(len(y), outputs).astype(np.float64, copy=False)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Train for one pass over examples, from where the last call ended.

        Parameters
        ----------
        X : array, shape (n, ...)
        y : array, shape (n,) or (n, outputs)
        sample_weight : array, shape (n,), optional

        Returns
        -------
        The estimator itself.

        Raises
        ------
        ValueError
            If there are other outputs than before.
        """
        return self._partial_fit(X, y, sample_weight)

    def get_loss(
        self, y_pred: Any, y_true: Any, X: Any = None, training: bool = False, sample_weight: Any = None
    ) -> Any:
        if y_pred.ndim == 1 and y_true.shape[1:] == (1,):  # one output, with or without a dimension of its own
            y_pred = y_pred.unsqueeze(1)
        elif y_true.ndim == 1 and y_pred.shape[1:] == (1,):
            y_true = y_true.unsqueeze(1)
        return super().get_loss(y_pred, y_true, X, training, sample_weight)

    def predict(self, X: Any) -> Any:
        """What the network makes of examples.

        Parameters
        ----------
        X : array, shape (n, ...)

        Returns
        -------
        ndarray, shape (n,) or (n, outputs)
            As y was in the fit.

        Raises
        ------
        NotFittedError
            If the net is not initialized.
        """
        found = self._nonlinear(self.forward(X)).numpy()
        if self._flat and found.ndim == 2 and found.shape[1] == 1:
            return found[:, 0]
        return found if self._flat or found.ndim > 1 else found[:, None]
