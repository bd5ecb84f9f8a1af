"""The library's tutorial: short programs, each of which shows one thing and draws it.

`python -m wengert.examples` lists them, `python -m wengert.examples NAME` runs one. Each is a module with a function
``run(...)`` whose arguments are its settings; it prints what it finds and gives a matplotlib figure.

Examples
--------
>>> from wengert import examples
>>> examples.summary("taylor")
'Taylor polynomials of growing order close in on a function, as far as its series converges.'
"""

from __future__ import annotations

import importlib
from types import ModuleType

NAMES = (
    "autodiff_by_hand",
    "vectorization",
    "linear_regression",
    "least_squares",
    "logistic_newton",
    "gaussian_process",
    "ode_fit",
    "bratu",
    "softmax_regression",
    "activations",
    "mlp",
    "spirals",
    "lenet_filters",
    "character_model",
    "transformer",
    "example_gradients",
    "weight_decay",
    "pairwise_distances",
    "scipy_solvers",
    "taylor",
    "sweep",
    "sweep_on_dask",
    "grid_search",
)


def load(name: str) -> ModuleType:
    """The module of an example.

    Parameters
    ----------
    name : str
        One of `NAMES`.

    Returns
    -------
    module

    Raises
    ------
    ValueError
        If there is no such example.

    Examples
    --------
    >>> from wengert import examples
    >>> callable(examples.load("taylor").run)
    True
    """
    if name not in NAMES:
        raise ValueError(f"there is no example {name!r}; there are {', '.join(NAMES)}")
    return importlib.import_module(f".{name}", __name__)


def summary(name: str) -> str:
    """What an example shows, in a sentence."""
    return (load(name).__doc__ or "").partition("\n")[0]
