from typing import TYPE_CHECKING

if TYPE_CHECKING:  # always so in a stub: a checker then takes the class's file last, when it knows what it is made of
    from .tensors.tensor import Tensor as Tensor

__all__ = ["Tensor"]
