"""Tensors rebuilt from what pickles and copies keep of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.variable import Variable


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
