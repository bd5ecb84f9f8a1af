"""Recording modes, the backward walk as PyTorch spells it, hooks, checkpoints, and users' own operations."""

from __future__ import annotations

from ..core.backward import accumulate, backward, grad
from ..core.hooks import Handle, register_hook, register_post_accumulate_grad_hook, retain_grad, retains_grad
from ..core.modes import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from .anomaly import AnomalyError, detect_anomaly
from .checkpoints import checkpoint
from .function import Function, once_differentiable

__all__ = [
    "AnomalyError", "Function", "Handle", "accumulate", "backward", "checkpoint", "detect_anomaly", "enable_grad",
    "grad", "inference_mode", "is_grad_enabled", "no_grad", "once_differentiable", "register_hook",
    "register_post_accumulate_grad_hook", "retain_grad", "retains_grad", "set_grad_enabled",
]  # fmt: skip
