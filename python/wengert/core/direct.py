"""Changes in place whose kernels write straight into a tensor's memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._types import Tensor
from .broadcast import is_floating, ready
from .change import adopt, refuse_given, rewrite
from .doors import count_change
from .modes import mode, recorder
from .tape import record
from .variable import Variable, wrap


def combine(x: Tensor, name: str, function: Any, y: Any) -> Tensor:
    """`rewrite` by an elementwise function of x and y. Its kernel writes into x's memory where nothing is recorded, or
    where no rule asks for what x's items were or will be."""
    if _is_plain(x, y):
        operation: Any = function.operation
        write = _recorded if _is_recorded(x, y) else _written
        if write(x, name, operation, y):
            return x
    return rewrite(x, name, lambda old: function(old, y))


def _written(x: Tensor, name: str, operation: Any, y: Any) -> bool:
    """Whether an operation that is not recorded could write into x's memory."""
    if not operation.kernel.into(x._value, y._value if isinstance(y, Variable) else y):
        return False
    count_change(x)
    return True


def _recorded(x: Tensor, name: str, operation: Any, y: Any) -> bool:
    """Whether one that is recorded could: no rule asks for what x's items were, or will be."""
    array = x._value
    other = isinstance(y, Variable)
    tracked = x.requires_grad | (other and y.requires_grad) << 1  # a bit for each argument, as tape.record has them
    if not tracked or operation.result_for & tracked or not ready(x, y, False) or (other and y._value is array):
        return False
    for argument, users in operation.saves:
        if argument == 0 and users & tracked:
            return False
    refuse_given(x, name)
    old = wrap(array, x._counter, x.grad_fn)
    if not operation.kernel.into(array, y._value if other else y):
        return False
    new = wrap(array)
    record(operation, (old, y), {}, new)
    count_change(x)
    adopt(x, name, new)
    return True


def _is_plain(x: Variable, y: Any) -> bool:
    """Whether x and y are arrays of one floating dtype, or y a number, and no program is made."""
    array = x._value
    if type(array) is not np.ndarray or not is_floating(array.dtype) or not array.flags.writeable:
        return False
    if isinstance(y, Variable):
        other = y._value
        if type(other) is not np.ndarray or other.dtype != array.dtype:
            return False
    elif type(y) is not float and type(y) is not int:
        return False
    return recorder() is None


def _is_recorded(x: Variable, y: Any) -> bool:
    if not mode.recording:
        return False
    base = x if x._base is None else x._base
    return x.requires_grad or base.requires_grad or x._node is not None or (isinstance(y, Variable) and y.requires_grad)
