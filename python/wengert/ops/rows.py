"""softmax, its logarithm and logsumexp, along a dimension."""

from __future__ import annotations

from typing import Any

from .. import _kernels
from .._types import Tensor
from ..core import dtypes
from ..core.arguments import dimension, either, reduced
from ..core.batching import by_dim, over
from ..core.bound import by_bindings
from ..core.broadcast import as_floating, cast
from ..core.define import primitive
from ..core.doors import enter
from ..core.half import half
from ..core.signatures import tells
from ..core.tape import Operation, apply
from .compare import isneginf, where
from .functions import exp
from .reduce import documented, expand_reduced, keep, reduction_kernel, sum

__all__ = ["log_softmax", "logsumexp", "softmax"]


# ---------------------------------------------------------------- softmax

_SOFTMAX = primitive(
    "softmax", by_bindings(_kernels.softmax),
    (lambda g, z, dim: softmax_grad(g, z, dim),),
    (lambda t, z, dim: softmax_grad(t, z, dim),),  # its Jacobian diag(z) - z z' is symmetric
    batched=by_dim,
)  # fmt: skip


# y * (x - sum(x * y)): the Jacobian of softmax at the result y, applied to x. Bilinear but for y's second appearance.
_SOFTMAX_GRAD = primitive(
    "softmax_backward_data", by_bindings(_kernels.softmax_grad),
    (
        lambda g, y, dim: softmax_grad(g, y, dim),
        lambda g, x, y, dim: g * (x - sum(x * y, dim, True)) - x * sum(g * y, dim, True),
    ),
    (
        lambda t, y, dim: softmax_grad(t, y, dim),
        lambda t, x, y, dim: t * (x - sum(x * y, dim, True)) - y * sum(x * t, dim, True),
    ),
    batched=by_dim,
)  # fmt: skip


@half
def softmax_grad(x: Any, y: Any, dim: int) -> Tensor:
    """The Jacobian of softmax at the result y, applied to x."""
    return apply(_SOFTMAX_GRAD, (x, y), {"dim": dim})


_LOG_SOFTMAX = primitive(
    "log_softmax", by_bindings(lambda x, dim: _kernels.softmax(x, dim, True)),
    (lambda g, z, dim: apply(_LOG_SOFTMAX_GRAD, (g, z), {"dim": dim}),),
    (lambda t, z, dim: t - sum(exp(z) * t, dim, True),),
    batched=by_dim,
)  # fmt: skip


# x - exp(y) * sum(x): the transposed Jacobian of log-softmax at the result y, applied to x.
_LOG_SOFTMAX_GRAD: Operation = primitive(
    "log_softmax_backward_data", by_bindings(lambda x, y, dim: _kernels.softmax_grad(x, y, dim, True)),
    (lambda g, y, dim: g - sum(g * exp(y), dim, True), lambda g, x, y, dim: -g * exp(y) * sum(x, dim, True)),
    (
        lambda t, y, dim: apply(_LOG_SOFTMAX_GRAD, (t, y), {"dim": dim}),
        lambda t, x, y, dim: -t * exp(y) * sum(x, dim, True),
    ),
    batched=by_dim,
)  # fmt: skip


@tells
def softmax(x: Any, dim: int | None = None, *, axis: int | None = None, dtype: Any = None) -> Tensor:
    """exp(x) / sum(exp(x)) along one dimension, with the maximum subtracted first so that nothing overflows.

    Parameters
    ----------
    x : tensor
        Of any shape.
    dim : int
        The dimension that sums to one. Also spelled `axis`.
    dtype : dtype or None
        Convert to it first, a floating one.

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    TypeError
        If no dimension is given.
    IndexError
        If it is out of range.

    Examples
    --------
    >>> wg.softmax(wg.tensor([1., 2., 3.]), dim=0)
    tensor([0.0900, 0.2447, 0.6652])
    """
    return _along("softmax", _SOFTMAX, x, dim, axis, dtype)


@tells
def log_softmax(x: Any, dim: int | None = None, *, axis: int | None = None, dtype: Any = None) -> Tensor:
    """The logarithm of softmax along one dimension, x - logsumexp(x).

    Parameters
    ----------
    x : tensor
        Of any shape.
    dim : int
        The dimension along which the exponentials sum to one. Also spelled `axis`.
    dtype : dtype or None
        Convert to it first, a floating one.

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    TypeError
        If no dimension is given.
    IndexError
        If it is out of range.

    Examples
    --------
    >>> wg.log_softmax(wg.tensor([1., 2., 3.]), dim=0)
    tensor([-2.4076, -1.4076, -0.4076])
    """
    return _along("log_softmax", _LOG_SOFTMAX, x, dim, axis, dtype)


def _along(name: str, operation: Any, x: Any, dim: int | None, axis: int | None, dtype: Any) -> Tensor:
    if dtype is not None:
        x = cast(enter(x), dtypes.as_dtype(dtype, name))
        if x._value.dtype.kind != "f":
            raise TypeError(f"{name}: expected a floating dtype, got {x._value.dtype}")
    x = as_floating(x)
    if axis is not None:
        dim = either(name, dim, axis)
    if dim is None:
        raise TypeError(f"{name}: expected dim, the dimension that is normalised")
    static = {"dim": dimension(name, dim, x._value.ndim)}
    if x._value.dtype is not dtypes.float32 and x._value.dtype == dtypes.float16:  # identity is told sooner
        return cast(apply(operation, (cast(x, dtypes.float32),), static), dtypes.float16)
    return apply(operation, (x,), static)


# ---------------------------------------------------------------- logsumexp


def _softmax_of(x: Any, z: Any, dims: tuple[int, ...], keepdim: bool, shape: tuple[int, ...]) -> Tensor:
    top = keep(z, dims, keepdim, shape)
    return exp(x - where(isneginf(top), 0.0, top))


@half
def _pulled(g: Any, x: Any, z: Any, dims: Any, keepdim: bool, shape: Any) -> Any:
    return expand_reduced(g, dims, keepdim, shape) * _softmax_of(x, z, dims, keepdim, shape)


@half
def _pushed(t: Any, x: Any, z: Any, dims: Any, keepdim: bool, shape: Any) -> Any:
    return sum(t * _softmax_of(x, z, dims, keepdim, shape), dims, keepdim)


_LOGSUMEXP = primitive("logsumexp", reduction_kernel("logsumexp"), (_pulled,), (_pushed,), batched=over)


@tells
@documented
def logsumexp(
    x: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: bool | None = None
) -> Tensor:
    """log(sum(exp(x))) over some dimensions, without overflow: the maximum is subtracted first.

    COMMON

    Returns
    -------
    Tensor

    Raises
    ------
    IndexError
        If a dimension is out of range.

    Examples
    --------
    >>> wg.logsumexp(wg.tensor([100., 100.]), 0)
    tensor(100.6931)
    """
    x = as_floating(x)
    return apply(_LOGSUMEXP, (x,), reduced("logsumexp", x._value.shape, dim, axis, keepdim, keepdims))
