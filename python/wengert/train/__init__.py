"""Training: the loop, its progress, its history, and the directory that a run is kept in."""

from __future__ import annotations

from .progress import Progress
from .run import Run, RunError
from .tasks import Classification, mlp, softmax_regression
from .trainer import Callback, DivergenceError, History, Trainer

__all__ = [
    "Callback", "Classification", "DivergenceError", "History", "Progress", "Run", "RunError", "Trainer", "mlp",
    "softmax_regression",
]  # fmt: skip
