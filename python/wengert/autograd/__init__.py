"""Recording modes, the backward walk as PyTorch spells it, hooks, checkpoints, users' own operations, and comparison
with differences."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ..core.backward import accumulate, backward, grad
from ..core.backward import register as _register
from ..core.hooks import Handle, register_hook, register_post_accumulate_grad_hook, retain_grad, retains_grad
from ..core.missing import of_module
from ..core.modes import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from ..ops.join import stack as _stack

if TYPE_CHECKING:
    from . import functional as functional
    from .anomaly import AnomalyError as AnomalyError
    from .anomaly import detect_anomaly as detect_anomaly
    from .anomaly import set_detect_anomaly as set_detect_anomaly
    from .checkpoints import checkpoint as checkpoint
    from .function import Function as Function
    from .function import once_differentiable as once_differentiable
    from .numerical import GradcheckError as GradcheckError
    from .numerical import gradcheck as gradcheck
    from .numerical import gradgradcheck as gradgradcheck
    from .variable import Variable as Variable

__all__ = [
    "AnomalyError", "Function", "GradcheckError", "Handle", "Variable", "accumulate", "backward", "checkpoint",
    "detect_anomaly", "enable_grad", "functional", "grad", "gradcheck", "gradgradcheck", "inference_mode",
    "is_grad_enabled", "no_grad", "once_differentiable", "register_hook", "register_post_accumulate_grad_hook",
    "retain_grad", "retains_grad", "set_detect_anomaly", "set_grad_enabled",
]  # fmt: skip

# Imported on first use, by the file that has it: what stands on wg.func, as that is, and what most programs do without.
_LATER = {
    "AnomalyError": "anomaly", "Function": "function", "GradcheckError": "numerical", "Variable": "variable",
    "checkpoint": "checkpoints", "detect_anomaly": "anomaly", "gradcheck": "numerical",
    "gradgradcheck": "numerical", "once_differentiable": "function", "set_detect_anomaly": "anomaly",
    **{file: file for file in ("anomaly", "checkpoints", "function", "functional", "variable")},
}  # fmt: skip

_register(_stack)

if not TYPE_CHECKING:  # a checker is to miss a name that is not there

    def __getattr__(name: str) -> Any:
        if name not in _LATER:
            raise of_module(__name__, name)
        module = importlib.import_module(f".{_LATER[name]}", __name__)
        value = globals()[name] = module if name == _LATER[name] else getattr(module, name)
        return value

    def __dir__() -> list[str]:
        return sorted({*__all__, *_LATER, *globals()})
