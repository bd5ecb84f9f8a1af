"""Changes in place that are not recorded, and whose kernels write straight into a tensor's memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._types import Tensor
from .broadcast import is_floating
from .change import rewrite
from .doors import count_change
from .modes import mode, recorder
from .variable import Variable


def combine(x: Tensor, name: str, function: Any, y: Any) -> Tensor:
    """`rewrite` by an elementwise function of x and y. Where nothing is recorded, its kernel writes into x's memory."""
    if _is_plain(x, y) and function.operation.kernel.into(x._value, y._value if isinstance(y, Variable) else y):
        count_change(x)
        return x
    return rewrite(x, name, lambda old: function(old, y))


def _is_plain(x: Variable, y: Any) -> bool:
    """Whether x and y are arrays of one floating dtype, or y a number, and nothing is recorded of them."""
    array = x._value
    if type(array) is not np.ndarray or not is_floating(array.dtype) or not array.flags.writeable:
        return False
    if isinstance(y, Variable):
        other = y._value
        if type(other) is not np.ndarray or other.dtype != array.dtype:
            return False
    elif type(y) is not float and type(y) is not int:
        return False
    if recorder() is not None or not mode.recording:
        return recorder() is None
    base = x if x._base is None else x._base
    tracked = x.requires_grad or base.requires_grad or (isinstance(y, Variable) and y.requires_grad)
    return not tracked and x._node is None
