"""Training: the loop, its callbacks and history, checkpoints, pictures, and the directory that a run is kept in.

Examples
--------
>>> from wengert.train import EarlyStopping, Trainer
>>> trainer = Trainer(max_epochs=30, callbacks=[EarlyStopping("val_loss", patience=3)])
"""

from __future__ import annotations

from . import checkpoint, plots
from . import commands as commands  # what wengert.__main__ runs
from .callbacks import BestCheckpoint, EarlyStopping, PlotCurves, Schedule
from .checkpoint import CheckpointError
from .history import History, Means
from .progress import Progress
from .run import Run, RunError, RunWarning
from .tasks import Classification, Settings, accuracy, cnn, confusion, confusion_table, lenet, mlp, softmax_regression
from .trainer import Callback, DivergenceError, Trainer

__all__ = [
    "BestCheckpoint",
    "Callback",
    "CheckpointError",
    "Classification",
    "DivergenceError",
    "EarlyStopping",
    "History",
    "Means",
    "PlotCurves",
    "Progress",
    "Run",
    "RunError",
    "RunWarning",
    "Schedule",
    "Settings",
    "Trainer",
    "accuracy",
    "checkpoint",
    "cnn",
    "confusion",
    "confusion_table",
    "lenet",
    "mlp",
    "plots",
    "softmax_regression",
]
