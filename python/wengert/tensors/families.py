"""PyTorch's classes of tensors of one dtype, by which older scripts make tensors, ask for their dtype, and convert."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import devices, dtypes
from .conversion import made_of
from .tensor import Tensor

__all__ = [
    "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "HalfTensor", "IntTensor", "LongTensor",
    "ShortTensor",
]  # fmt: skip


class OfOneDtype(type):
    """What classes of tensors of one dtype are: called they give a `Tensor`, and its dtype decides what is one."""

    @property
    def dtype(cls) -> np.dtype:
        """The dtype that the class stands for, as which NumPy and `Tensor.to` take it."""
        return dtypes.OF_TENSOR_TYPES[cls.__name__]

    def __call__(cls, *data: Any, device: Any = None) -> Tensor:
        devices.require_cpu(cls.__name__, device)
        return made_of(data, cls.__name__, cls.dtype)

    def __instancecheck__(cls, x: object) -> bool:
        return isinstance(x, Tensor) and x.dtype == cls.dtype

    def __repr__(cls) -> str:
        return f"<class 'wengert.{cls.__name__}'>"


class FloatTensor(Tensor, metaclass=OfOneDtype):
    """Tensors of float32, by PyTorch's older name: made of data, or of lengths.

    Parameters
    ----------
    *data : one array, tensor or sequence of numbers; or lengths
    device : device or None
        "cpu".

    Raises
    ------
    TypeError
        If it is given neither data nor lengths, or a tensor of another dtype.

    Examples
    --------
    >>> wg.FloatTensor([1, 2])
    tensor([1., 2.])
    >>> isinstance(wg.zeros(2), wg.FloatTensor)
    True
    """

    __slots__ = ()


class DoubleTensor(Tensor, metaclass=OfOneDtype):
    """Tensors of float64. See `FloatTensor`.

    Parameters
    ----------
    *data : one array, tensor or sequence of numbers; or lengths

    Examples
    --------
    >>> wg.DoubleTensor([1, 2])
    tensor([1., 2.], dtype=wengert.float64)
    """

    __slots__ = ()


class HalfTensor(Tensor, metaclass=OfOneDtype):
    """Tensors of float16. See `FloatTensor`.

    Parameters
    ----------
    *data : one array, tensor or sequence of numbers; or lengths

    Examples
    --------
    >>> wg.HalfTensor([1, 2])
    tensor([1., 2.], dtype=wengert.float16)
    """

    __slots__ = ()


class LongTensor(Tensor, metaclass=OfOneDtype):
    """Tensors of int64. See `FloatTensor`.

    Parameters
    ----------
    *data : one array, tensor or sequence of numbers; or lengths

    Examples
    --------
    >>> wg.LongTensor([1, 2])
    tensor([1, 2])
    """

    __slots__ = ()


class IntTensor(Tensor, metaclass=OfOneDtype):
    """Tensors of int32. See `FloatTensor`.

    Parameters
    ----------
    *data : one array, tensor or sequence of numbers; or lengths

    Examples
    --------
    >>> wg.IntTensor([1, 2])
    tensor([1, 2], dtype=wengert.int32)
    """

    __slots__ = ()


class ShortTensor(Tensor, metaclass=OfOneDtype):
    """Tensors of int16. See `FloatTensor`.

    Parameters
    ----------
    *data : one array, tensor or sequence of numbers; or lengths

    Examples
    --------
    >>> wg.ShortTensor([1, 2])
    tensor([1, 2], dtype=wengert.int16)
    """

    __slots__ = ()


class CharTensor(Tensor, metaclass=OfOneDtype):
    """Tensors of int8. See `FloatTensor`.

    Parameters
    ----------
    *data : one array, tensor or sequence of numbers; or lengths

    Examples
    --------
    >>> wg.CharTensor([1, 2])
    tensor([1, 2], dtype=wengert.int8)
    """

    __slots__ = ()


class ByteTensor(Tensor, metaclass=OfOneDtype):
    """Tensors of uint8. See `FloatTensor`.

    Parameters
    ----------
    *data : one array, tensor or sequence of numbers; or lengths

    Examples
    --------
    >>> wg.ByteTensor([1, 2])
    tensor([1, 2], dtype=wengert.uint8)
    """

    __slots__ = ()


class BoolTensor(Tensor, metaclass=OfOneDtype):
    """Tensors of bool. See `FloatTensor`.

    Parameters
    ----------
    *data : one array, tensor or sequence of numbers; or lengths

    Examples
    --------
    >>> wg.BoolTensor([True, False])
    tensor([ True, False])
    """

    __slots__ = ()
