from .tensors.tensor import Tensor as Tensor

__all__ = ["Tensor"]
