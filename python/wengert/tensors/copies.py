"""Copies of tensors and pickles of them: what is kept, and how a tensor is made of it again."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._types import Tensor
from ..core.doors import leave
from ..core.variable import Variable
from ..ops.shape import clone


def rebuild(
    cls: type[Variable], value: np.ndarray, requires_grad: bool, grad: Any, attributes: dict[str, Any] | None = None
) -> Any:
    """A leaf of a class derived from Tensor, with what its objects carry besides; no initializer of theirs is run."""
    tensor = cls.__new__(cls)
    Variable.__init__(tensor, value)
    tensor._tracked = requires_grad
    tensor.grad = grad
    if attributes:
        tensor.__dict__.update(attributes)
    return tensor


def reduced(x: Any) -> tuple[Any, ...]:
    """What pickle keeps of x: `rebuild`, and its arguments."""
    if x._node is not None:
        raise RuntimeError(
            "only leaves can be pickled or copied with copy.copy, as matplotlib copies what it plots; detach() this "
            "tensor first: this one requires a gradient, plot tensor.detach()"
        )
    return rebuild, (type(x), leave(x, "array"), x.requires_grad, x.grad, getattr(x, "__dict__", None))


def shallow(x: Any) -> Tensor:
    """Another object over the memory of x."""
    remake, arguments = x.__reduce_ex__(4)
    copy: Tensor = remake(*arguments)
    copy._counter = x._share_counter()
    return copy


def deep(x: Any, memo: dict[int, Any]) -> Tensor:
    """A copy with memory of its own, also of the gradient and of what the object carries besides."""
    if x._node is not None:
        raise RuntimeError("only leaves can be deep-copied; detach() this tensor first")
    grad = x.grad.__deepcopy__(memo) if x.grad is not None else None
    copy: Tensor = rebuild(type(x), leave(clone(x.detach()), "array"), x.requires_grad, grad)
    memo[id(x)] = copy
    if hasattr(x, "__dict__"):
        from copy import deepcopy  # who calls this has it

        copy.__dict__.update(deepcopy(x.__dict__, memo))
    return copy
