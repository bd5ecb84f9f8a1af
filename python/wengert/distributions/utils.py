"""What distributions share: parameters of one shape, probabilities and logits, and properties computed once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

import numpy as np

from .._types import Tensor
from ..core import dtypes
from ..core.broadcast import broadcast_shape
from ..core.dtypes import get_default_dtype
from ..core.modes import recorder, recording
from ..core.variable import Variable
from ..ops import as_tensor, sigmoid, softmax, tril_indices, zeros

__all__ = [
    "broadcast_all", "clamp_probs", "euler_constant", "lazy_property", "logits_to_probs", "probs_to_logits",
    "tril_matrix_to_vec", "vec_to_tril_matrix",
]  # fmt: skip

euler_constant = 0.57721566490153286060
T = TypeVar("T")


def floating(name: str, *values: Any) -> list[Tensor]:
    """Numbers, arrays and tensors as tensors of one floating dtype: that of the tensors, or the default float."""
    for x in values:
        if not isinstance(x, (Variable, np.ndarray, np.generic, int, float)):
            raise ValueError(f"{name}: expected tensors or numbers, got {type(x).__name__} {x!r}")
    tensors = [as_tensor(x) for x in values if isinstance(x, (Variable, np.ndarray, np.generic))]
    kinds = [x.dtype for x in tensors if x.dtype.kind == "f"]
    dtype = kinds[0] if kinds else get_default_dtype()
    for kind in kinds[1:]:
        dtype = dtypes.promote_types(dtype, kind)
    return [as_tensor(x, dtype=dtype) for x in values]


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """Numbers, arrays and tensors as tensors of one shape and one floating dtype.

    Parameters
    ----------
    *values : number, array or tensor

    Returns
    -------
    tuple of Tensor
        Of the tensors' dtype; the default float where none is floating.

    Raises
    ------
    ValueError
        If one is something else, or the shapes do not broadcast.

    Examples
    --------
    >>> from wengert.distributions.utils import broadcast_all
    >>> broadcast_all(1., wg.tensor([2., 3.]))
    (tensor([1., 1.]), tensor([2., 3.]))
    """
    found = floating("broadcast_all", *values)
    shape = broadcast_shape("broadcast_all", *(x.shape for x in found))
    return tuple(x.expand(shape) for x in found)


def _floats(name: str, x: Any) -> Tensor:
    (found,) = floating(name, x)
    return found


def logits_to_probs(logits: Any, is_binary: bool = False) -> Tensor:
    """Probabilities from logits.

    Parameters
    ----------
    logits : tensor
    is_binary : bool
        Whether each item is the log-odds of a probability, rather than a row the logarithms of several, up to a sum.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.distributions.utils.logits_to_probs(wg.zeros(2))
    tensor([0.5000, 0.5000])
    """
    return sigmoid(logits) if is_binary else softmax(logits, -1)


def clamp_probs(probs: Any) -> Tensor:
    """Probabilities kept a rounding error away from 0 and 1.

    Parameters
    ----------
    probs : tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.distributions.utils.clamp_probs(wg.tensor([0., 0.5])).log()
    tensor([-15.9424,  -0.6931])
    """
    x = _floats("clamp_probs", probs)
    eps = float(dtypes.finfo(x.dtype).eps)
    return x.clamp(eps, 1 - eps)


def probs_to_logits(probs: Any, is_binary: bool = False) -> Tensor:
    """Logits from probabilities, which are finite also for 0 and 1.

    Parameters
    ----------
    probs : tensor
    is_binary : bool
        Whether each item is a probability of its own, rather than a row a law of several categories.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.distributions.utils.probs_to_logits(wg.tensor([0.5, 0.75]), is_binary=True)
    tensor([0.0000, 1.0986])
    """
    inside = clamp_probs(probs)
    return inside.log() - (-inside).log1p() if is_binary else inside.log()


class lazy_property(Generic[T]):
    """A property that is computed when it is first asked for, and then kept.

    Parameters
    ----------
    wrapped : callable
        Of the instance.

    Examples
    --------
    >>> class Circle:
    ...     @wg.distributions.utils.lazy_property
    ...     def area(self):
    ...         print("computed")
    ...         return 3.14
    >>> circle = Circle()
    >>> circle.area + circle.area
    computed
    6.28
    """

    def __init__(self, wrapped: Callable[[Any], T]) -> None:
        self.wrapped = wrapped
        self.__doc__ = wrapped.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> lazy_property[T]: ...
    @overload
    def __get__(self, instance: object, owner: type | None = None) -> T: ...

    def __get__(self, instance: Any, owner: type | None = None) -> lazy_property[T] | T:
        if instance is None:
            return self
        with recording(True):  # what no_grad is around the first to ask, others may differentiate
            value = self.wrapped(instance)
        if recorder() is None:  # a value of a program that is being recorded would go stale outside of it
            instance.__dict__[self.name] = value
        return value


def tril_matrix_to_vec(mat: Any, diag: int = 0) -> Tensor:
    """The items of the lower triangle of square matrices, row by row.

    Parameters
    ----------
    mat : tensor
        (..., n, n).
    diag : int
        The last diagonal that belongs to it, in [-n, n).

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If there is no such diagonal.

    Examples
    --------
    >>> wg.distributions.utils.tril_matrix_to_vec(wg.tensor([[1., 0.], [2., 3.]]))
    tensor([1., 2., 3.])
    """
    n = mat.shape[-1]
    if not -n <= diag < n:
        raise ValueError(f"tril_matrix_to_vec: expected a diagonal in [{-n}, {n}), got {diag}")
    rows, columns = tril_indices(n, n, diag)
    found: Tensor = mat[..., rows, columns]
    return found


def vec_to_tril_matrix(vec: Any, diag: int = 0) -> Tensor:
    """Square matrices from the items of their lower triangles, the inverse of `tril_matrix_to_vec`.

    Parameters
    ----------
    vec : tensor
        (..., items).
    diag : int

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If no triangle has so many items.

    Examples
    --------
    >>> wg.distributions.utils.vec_to_tril_matrix(wg.tensor([1., 2., 3.]))
    tensor([[1., 0.],
            [2., 3.]])
    """
    length = vec.shape[-1]
    n = max(1, -diag)
    while sum(min(n, max(0, row + diag + 1)) for row in range(n)) < length:
        n += 1
    rows, columns = tril_indices(n, n, diag)
    if rows.shape[0] != length:
        raise ValueError(f"vec_to_tril_matrix: no triangle down from diagonal {diag} has {length} items")
    flat = zeros((*vec.shape[:-1], n * n), dtype=vec.dtype).index_copy(-1, rows * n + columns, vec)
    return flat.reshape((*vec.shape[:-1], n, n))
