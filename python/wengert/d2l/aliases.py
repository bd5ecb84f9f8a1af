"""The names that the course has for functions and methods of its library, so that one text serves several."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import nn
from ..core.dtypes import float32, int32, int64
from ..ops import (
    abs,
    arange,
    cos,
    cosh,
    exp,
    eye,
    linspace,
    log,
    matmul,
    meshgrid,
    normal,
    ones,
    ones_like,
    rand,
    randn,
    sigmoid,
    sin,
    sinh,
    stack,
    tanh,
    tensor,
    zeros,
    zeros_like,
)
from ..ops import bmm as batch_matmul
from ..ops import cat as concat
from ..tensors.tensor import Tensor

nn_Module = nn.Module

__all__ = [
    "abs", "arange", "argmax", "astype", "batch_matmul", "concat", "cos", "cosh", "exp", "expand_dims", "eye",
    "float32", "int32", "int64", "linspace", "log", "matmul", "meshgrid", "nn_Module", "normal", "numpy", "ones",
    "ones_like", "rand", "randn", "reduce_mean", "reduce_sum", "repeat", "reshape", "sigmoid", "sin", "sinh", "size",
    "stack", "swapaxes", "tanh", "tensor", "to", "transpose", "zeros", "zeros_like",
]  # fmt: skip


def numpy(x: Any, *args: Any, **kwargs: Any) -> np.ndarray:
    """The items as an array, without history; as `Tensor.numpy`.

    Parameters
    ----------
    x : tensor
    *args, **kwargs
        As the method takes them.

    Returns
    -------
    ndarray

    Examples
    --------
    >>> wg.d2l.numpy(wg.ones(2, requires_grad=True))
    array([1., 1.], dtype=float32)
    """
    result: np.ndarray = x.detach().numpy(*args, **kwargs)
    return result


def size(x: Any, *args: Any, **kwargs: Any) -> int:
    """How many items there are; as `Tensor.numel`.

    Parameters
    ----------
    x : tensor
    *args, **kwargs
        As the method takes them.

    Returns
    -------
    int

    Examples
    --------
    >>> wg.d2l.size(wg.ones(2, 3))
    6
    """
    result: int = x.numel(*args, **kwargs)
    return result


def reshape(x: Any, *args: Any, **kwargs: Any) -> Tensor:
    """The items in another shape; as `Tensor.reshape`.

    Parameters
    ----------
    x : tensor
    *args, **kwargs
        As the method takes them.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.d2l.reshape(wg.arange(4), (2, 2))
    tensor([[0, 1],
            [2, 3]])
    """
    result: Tensor = x.reshape(*args, **kwargs)
    return result


def to(x: Any, *args: Any, **kwargs: Any) -> Tensor:
    """As another dtype or on another device; as `Tensor.to`.

    Parameters
    ----------
    x : tensor
    *args, **kwargs
        As the method takes them.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.d2l.to(wg.arange(2), wg.float32)
    tensor([0., 1.])
    """
    result: Tensor = x.to(*args, **kwargs)
    return result


def reduce_sum(x: Any, *args: Any, **kwargs: Any) -> Tensor:
    """The sum of the items, or along dimensions; as `Tensor.sum`.

    Parameters
    ----------
    x : tensor
    *args, **kwargs
        As the method takes them.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.d2l.reduce_sum(wg.ones(2, 3), axis=1)
    tensor([3., 3.])
    """
    result: Tensor = x.sum(*args, **kwargs)
    return result


def argmax(x: Any, *args: Any, **kwargs: Any) -> Tensor:
    """Where the largest item is, or those along a dimension; as `Tensor.argmax`.

    Parameters
    ----------
    x : tensor
    *args, **kwargs
        As the method takes them.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.d2l.argmax(wg.eye(3), axis=1)
    tensor([0, 1, 2])
    """
    result: Tensor = x.argmax(*args, **kwargs)
    return result


def astype(x: Any, *args: Any, **kwargs: Any) -> Tensor:
    """As another dtype; as `Tensor.type`.

    Parameters
    ----------
    x : tensor
    *args, **kwargs
        As the method takes them.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.d2l.astype(wg.tensor([1.7]), wg.int64)
    tensor([1])
    """
    result: Tensor = x.type(*args, **kwargs)
    return result


def transpose(x: Any, *args: Any, **kwargs: Any) -> Tensor:
    """A matrix transposed; as `Tensor.t`.

    Parameters
    ----------
    x : tensor
    *args, **kwargs
        As the method takes them.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.d2l.transpose(wg.ones(2, 3)).shape
    wengert.Size([3, 2])
    """
    result: Tensor = x.t(*args, **kwargs)
    return result


def reduce_mean(x: Any, *args: Any, **kwargs: Any) -> Tensor:
    """The mean of the items, or along dimensions; as `Tensor.mean`.

    Parameters
    ----------
    x : tensor
    *args, **kwargs
        As the method takes them.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.d2l.reduce_mean(wg.tensor([1., 2.]))
    tensor(1.5000)
    """
    result: Tensor = x.mean(*args, **kwargs)
    return result


def expand_dims(x: Any, *args: Any, **kwargs: Any) -> Tensor:
    """With a further dimension of size one; as `Tensor.unsqueeze`.

    Parameters
    ----------
    x : tensor
    *args, **kwargs
        As the method takes them.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.d2l.expand_dims(wg.ones(2), 0).shape
    wengert.Size([1, 2])
    """
    result: Tensor = x.unsqueeze(*args, **kwargs)
    return result


def swapaxes(x: Any, *args: Any, **kwargs: Any) -> Tensor:
    """With two dimensions exchanged; as `Tensor.swapaxes`.

    Parameters
    ----------
    x : tensor
    *args, **kwargs
        As the method takes them.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.d2l.swapaxes(wg.ones(2, 3, 4), 0, 2).shape
    wengert.Size([4, 3, 2])
    """
    result: Tensor = x.swapaxes(*args, **kwargs)
    return result


def repeat(x: Any, *args: Any, **kwargs: Any) -> Tensor:
    """Laid side by side with itself; as `Tensor.repeat`.

    Parameters
    ----------
    x : tensor
    *args, **kwargs
        As the method takes them.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.d2l.repeat(wg.tensor([1, 2]), 2)
    tensor([1, 2, 1, 2])
    """
    result: Tensor = x.repeat(*args, **kwargs)
    return result
