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

from ..core.missing import explain
from ..core.signatures import telling_classes
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

telling_classes([
    ASGD, LBFGS, SGD, Adadelta, Adafactor, Adagrad, Adam, AdamW, Adamax, Muon, NAdam, RAdam, RMSprop, Rprop,
    *[value for file in (lr_scheduler, swa_utils) for value in vars(file).values()
      if getattr(value, "__module__", None) == file.__name__],
])  # fmt: skip
explain(__name__)
explain(lr_scheduler.__name__)
explain(swa_utils.__name__)
