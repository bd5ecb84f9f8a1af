"""Optimizers, and schedules for their learning rates.

Examples
--------
>>> model = wg.nn.Linear(2, 1)
>>> optimizer = wg.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
>>> loss = wg.nn.functional.mse_loss(model(wg.ones(4, 2)), wg.zeros(4, 1))
>>> loss.backward()
>>> optimizer.step()
>>> optimizer.zero_grad()
"""

from typing import TYPE_CHECKING

from ..core.faces import later

if TYPE_CHECKING:
    from . import lr_scheduler, swa_utils
    from .adadelta import Adadelta
    from .adafactor import Adafactor
    from .adagrad import Adagrad
    from .adam import Adam, AdamW
    from .adamax import Adamax
    from .asgd import ASGD
    from .lbfgs import LBFGS
    from .muon import Muon
    from .nadam import NAdam
    from .optimizer import Optimizer
    from .radam import RAdam
    from .rmsprop import RMSprop
    from .rprop import Rprop
    from .sgd import SGD

__all__ = [
    "ASGD",
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Muon",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "lr_scheduler",
    "swa_utils",
]

later(__name__, {
    ".adadelta": "Adadelta",
    ".adafactor": "Adafactor",
    ".adagrad": "Adagrad",
    ".adam": "Adam AdamW",
    ".adamax": "Adamax",
    ".asgd": "ASGD",
    ".lbfgs": "LBFGS",
    ".lr_scheduler": "",
    ".muon": "Muon",
    ".nadam": "NAdam",
    ".optimizer": "Optimizer",
    ".radam": "RAdam",
    ".rmsprop": "RMSprop",
    ".rprop": "Rprop",
    ".sgd": "SGD",
    ".swa_utils": "",
})  # fmt: skip
