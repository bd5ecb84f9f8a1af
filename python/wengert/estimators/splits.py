"""Which examples of a fit are kept apart to validate by."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import KFold, ShuffleSplit, StratifiedKFold, StratifiedShuffleSplit

from ..data import Subset

Split = Callable[[Any, Any], tuple[Any, Any]]


class ValidSplit(BaseEstimator):  # type: ignore[misc]
    """Keeps a part of the examples apart to validate by, as skorch's class of that name.

    Parameters
    ----------
    cv : int, float, or splitter of scikit-learn
        int: the first of so many folds. float: a fraction, drawn at random. A splitter: its first split.
    stratified : bool
        Whether each class has the same share in both parts. A splitter decides that itself.
    random_state : int, RandomState or None
        What a fraction is drawn by, and folds are shuffled by.

    Raises
    ------
    ValueError
        When it is called, if `cv` is out of range, or there are too few examples for it.
    TypeError
        When it is called, if `cv` is something else.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert.data import TensorDataset
    >>> from wengert.estimators import ValidSplit
    >>> train, valid = ValidSplit(0.25, random_state=0)(TensorDataset(wg.arange(8)), None)
    >>> len(train), len(valid)
    (6, 2)
    """

    def __init__(self, cv: Any = 5, stratified: bool = False, random_state: Any = None) -> None:
        self.cv = cv
        self.stratified = stratified
        self.random_state = random_state

    def __call__(self, dataset: Any, y: Any = None) -> tuple[Any, Any]:
        """The data sets to train on and to validate by."""
        rows = np.zeros((len(dataset), 1))
        train, valid = next(iter(self._splitter(y).split(rows, y)))
        return Subset(dataset, train), Subset(dataset, valid)

    def _splitter(self, y: Any) -> Any:
        if hasattr(self.cv, "split") and not isinstance(self.cv, str):
            return self.cv
        if self.stratified and y is None:
            raise ValueError("ValidSplit: stratified=True needs the labels y")
        if isinstance(self.cv, (bool, np.bool_)) or not isinstance(self.cv, (int, float, np.integer, np.floating)):
            raise TypeError(
                f"ValidSplit: expected cv as a number of folds, a fraction or a splitter with a method split, got "
                f"{self.cv!r}"
            )
        if isinstance(self.cv, (float, np.floating)):
            if not 0 < self.cv < 1:
                raise ValueError(f"ValidSplit: expected a fraction between 0 and 1, or an int, got cv={self.cv}")
            kind = StratifiedShuffleSplit if self.stratified else ShuffleSplit
            return kind(1, test_size=float(self.cv), random_state=self.random_state)
        folds = StratifiedKFold if self.stratified else KFold
        return folds(int(self.cv), shuffle=self.random_state is not None, random_state=self.random_state)


def _with_these(valid: Any, dataset: Any, y: Any = None) -> tuple[Any, Any]:
    return dataset, valid


def predefined_split(dataset: Any) -> Split:
    """A `train_split` that trains on all examples and validates by those of another data set.

    Parameters
    ----------
    dataset : wengert.data.Dataset
        Gives pairs (x, y): y are the numbers of the classes, or what is regressed.

    Returns
    -------
    callable

    Examples
    --------
    >>> import numpy as np
    >>> from wengert.data import TensorDataset
    >>> from wengert.estimators import NeuralNetRegressor, predefined_split
    >>> x = np.linspace(0, 1, 20, dtype=np.float32)[:, None]
    >>> valid = TensorDataset(wg.tensor([[0.25], [0.75]]), wg.tensor([0.5, 1.5]))
    >>> net = NeuralNetRegressor(train_split=predefined_split(valid), max_epochs=2).fit(x, 2 * x[:, 0])
    >>> net.history_.names()
    ['epoch', 'train_loss', 'val_loss', 'seconds']
    """
    return functools.partial(_with_these, dataset)
