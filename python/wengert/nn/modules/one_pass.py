"""What a Sequential computes of two modules in one pass: the same values, with less memory read and written.

Nobody may look at what is between the two: they are the classes' own `forward`, without hooks. An error is that of the
two.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...core.doors import enter
from .. import functional as F
from .activations import ReLU
from .convolution import Conv1d, Conv2d
from .module import Module
from .normalization import BatchNorm1d, BatchNorm2d
from .pooling import MaxPool, MaxPool1d, MaxPool2d

Pass = Callable[[Any], Any]


def joined(modules: list[Module], k: int) -> Pass | None:
    """What computes the k-th module and the next, or None where they do not go together.

    ReLU and max pooling do, of which only the places of the largest items are kept: the gradient of a largest item that
    is NaN goes to that item, as PyTorch's does, where that of `relu` alone is 0. So do batch normalization, or a
    convolution with a bias, and a ReLU that no such pooling follows."""
    if k + 1 == len(modules):
        return None
    first, second = modules[k], modules[k + 1]
    if type(first) is ReLU:
        return _both(first, second, second.after_relu) if _pooled(modules, k) else None
    # By classes first: most of what a Sequential holds is neither.
    if type(second) is not ReLU or not (_is_norm(first) or (_fresh(first) and first.bias is not None)):
        return None
    pooled = k + 2 < len(modules) and _pooled(modules, k + 1)
    return _both(first, second, first.before_relu) if second._only_forward() and not pooled else None


def norm_add_relu(norm: Module, input: Any, residual: Any) -> Any:
    """``relu(norm(input) + residual)``, in one pass if the norm is a batch normalization that nobody looks behind, and
    the residual is of the input's shape."""
    if _is_norm(norm) and enter(input)._value.shape == enter(residual)._value.shape:
        return norm.before_relu(input, residual)
    return F.relu(norm(input) + residual)


def _fresh(module: Module) -> bool:
    """Whether a module is a convolution, whose result nobody else has."""
    return type(module) in (Conv1d, Conv2d) and module._only_forward()


def _is_norm(module: Module) -> bool:
    return type(module) in (BatchNorm1d, BatchNorm2d) and module._only_forward()


def _pooled(modules: list[Module], k: int) -> bool:
    """Whether the k-th module, a ReLU, goes with the pooling behind it. One that works in place changes its input,
    which must then be a convolution's."""
    relu, pool = modules[k], modules[k + 1]
    return (
        isinstance(pool, MaxPool)
        and not pool.return_indices
        and (not relu.inplace or (k > 0 and _fresh(modules[k - 1])))
        and type(pool).forward in (MaxPool1d.forward, MaxPool2d.forward)
        and relu._only_forward()
        and pool._only_forward()
    )


def _both(first: Module, second: Module, joint: Pass) -> Pass:
    def run(input: Any) -> Any:
        try:
            return joint(input)
        except (ValueError, TypeError, IndexError, RuntimeError):
            return second(first(input))

    return run
