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

from ..core.signatures import telling_classes
from . import lr_scheduler
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .optimizer import Optimizer
from .rmsprop import RMSprop
from .sgd import SGD

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop", "lr_scheduler"]

telling_classes([SGD, Adagrad, Adam, AdamW, RMSprop, *vars(lr_scheduler).values()])
