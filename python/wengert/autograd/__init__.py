"""Recording modes, the backward walk as PyTorch spells it, hooks, checkpoints, users' own operations, and comparison
with differences."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ..core.backward import accumulate, backward, grad
from ..core.hooks import Handle, register_hook, register_post_accumulate_grad_hook, retain_grad, retains_grad
from ..core.missing import of_module
from ..core.modes import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from .anomaly import AnomalyError, detect_anomaly
from .checkpoints import checkpoint
from .function import Function, once_differentiable
from .variable import Variable

if TYPE_CHECKING:
    from . import functional as functional
    from .numerical import GradcheckError as GradcheckError
    from .numerical import gradcheck as gradcheck
    from .numerical import gradgradcheck as gradgradcheck

__all__ = [
    "AnomalyError", "Function", "GradcheckError", "Handle", "Variable", "accumulate", "backward", "checkpoint",
    "detect_anomaly", "enable_grad", "functional", "grad", "gradcheck", "gradgradcheck", "inference_mode",
    "is_grad_enabled", "no_grad", "once_differentiable", "register_hook", "register_post_accumulate_grad_hook",
    "retain_grad", "retains_grad", "set_grad_enabled",
]  # fmt: skip

# What stands on wg.func is imported on first use, as wg.func is.
_LATER = {"functional": "functional", **dict.fromkeys(("GradcheckError", "gradcheck", "gradgradcheck"), "numerical")}

if not TYPE_CHECKING:  # a checker is to miss a name that is not there

    def __getattr__(name: str) -> Any:
        if name not in _LATER:
            raise of_module(__name__, name)
        module = importlib.import_module(f".{_LATER[name]}", __name__)
        value = globals()[name] = module if name == _LATER[name] else getattr(module, name)
        return value

    def __dir__() -> list[str]:
        return sorted({*__all__, *globals()})
