"""Variable: PyTorch's name for tensors that operations are recorded of, from when others were not."""

from __future__ import annotations

from typing import Any

from ..core.doors import require_unfollowed
from ..core.variable import detached
from ..tensors.tensor import Tensor


class _OfTensors(type):
    """What makes a call give a `Tensor`, and every tensor one of these."""

    def __call__(cls, data: Any, requires_grad: bool = False) -> Tensor:
        if not isinstance(data, Tensor):
            raise TypeError(f"Variable: expected a tensor, got {type(data).__name__}; tensor() takes other data")
        require_unfollowed(data, "a Variable")
        out = detached(data)
        return out.requires_grad_() if requires_grad else out

    def __instancecheck__(cls, x: object) -> bool:
        return isinstance(x, Tensor)


class Variable(Tensor, metaclass=_OfTensors):
    """A tensor over the memory of another, by PyTorch's older name; every tensor is one.

    Parameters
    ----------
    data : tensor
    requires_grad : bool

    Raises
    ------
    TypeError
        If it is given no tensor.

    Examples
    --------
    >>> x = wg.autograd.Variable(wg.ones(2), requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad, isinstance(x, wg.autograd.Variable)
    (tensor([2., 2.]), True)
    """

    __slots__ = ()
