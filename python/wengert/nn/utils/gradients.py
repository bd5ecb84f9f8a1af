"""Helpers around parameters and gradients: clipping, and one vector of all parameters."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ...core import dtypes
from ...core.broadcast import cast
from ...core.doors import change, constant, enter, leave, require_unfollowed
from ...core.variable import Variable
from ...ops import updates
from ...ops.join import cat
from ...ops.shape import reshape


def _with_gradients(parameters: Any) -> list[Any]:
    """Those of one tensor or several that have a gradient."""
    listed = [parameters] if isinstance(parameters, Variable) else list(parameters)
    return [p.grad for p in listed if p.grad is not None]


def clip_grad_norm_(parameters: Any, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False) -> Any:
    """Scale all gradients down together so that their common norm is at most `max_norm`.

    Parameters
    ----------
    parameters : tensor or iterable of tensor
    max_norm : float
    norm_type : float
        The p of the norm; inf for the largest magnitude.
    error_if_nonfinite : bool
        Whether a norm that is NaN or infinite is an error.

    Returns
    -------
    Tensor
        0-d: the norm before.

    Raises
    ------
    RuntimeError
        If `error_if_nonfinite` and the norm is not finite. Nothing is changed then.

    Notes
    -----
    The factor is max_norm / (norm + 1e-6), but at most 1.

    Examples
    --------
    >>> w = wg.nn.Parameter(wg.tensor([3., 4.]))
    >>> (w * w).sum().backward()
    >>> wg.nn.utils.clip_grad_norm_(w, 1.0)
    tensor(10.)
    >>> w.grad
    tensor([0.6000, 0.8000])
    """
    gradients = _with_gradients(parameters)
    if not gradients:
        return constant(np.zeros, (), dtypes.get_default_dtype())
    norm = updates.total_norm(*gradients, p=float(norm_type))
    if error_if_nonfinite and not math.isfinite(total := leave(norm, "bool").item()):
        raise RuntimeError(
            f"clip_grad_norm_: the {norm_type}-norm of the gradients is {total}, so they cannot be scaled by it"
        )
    change("clip_grad_norm_", tuple(gradients), updates.scale_to_norm, norm, limit=float(max_norm))
    return cast(norm, gradients[0]._value.dtype)


def clip_grad_value_(parameters: Any, clip_value: float) -> None:
    """Limit each item of all gradients to [-clip_value, clip_value].

    Parameters
    ----------
    parameters : tensor or iterable of tensor
    clip_value : float

    Examples
    --------
    >>> w = wg.nn.Parameter(wg.tensor([0.25, 4.]))
    >>> (w * w).sum().backward()
    >>> wg.nn.utils.clip_grad_value_(w, 1.0)
    >>> w.grad
    tensor([0.5000, 1.0000])
    """
    change("clip_grad_value_", tuple(_with_gradients(parameters)), updates.limit_items, limit=float(clip_value))


def parameters_to_vector(parameters: Iterable[Any]) -> Any:
    """All parameters flattened into one vector; differentiable.

    Parameters
    ----------
    parameters : iterable of tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.nn.utils.parameters_to_vector(wg.nn.Linear(2, 3).parameters()).shape
    wengert.Size([9])
    """
    return cat([reshape(p, (-1,)) if p._value.size else reshape(p, (0,)) for p in parameters])


def vector_to_parameters(vec: Any, parameters: Iterable[Any]) -> None:
    """Copy the pieces of a vector into parameters, in order.

    Parameters
    ----------
    vec : tensor
        As long as all parameters together.
    parameters : iterable of tensor

    Raises
    ------
    ValueError
        If the length is another. Nothing is changed then.
    TypeError
        If the vector's dtype is of a higher category than a parameter's, as complex numbers are than floats.

    Examples
    --------
    >>> layer = wg.nn.Linear(1, 1)
    >>> wg.nn.utils.vector_to_parameters(wg.tensor([2., 3.]), layer.parameters())
    >>> layer.bias
    Parameter containing:
    tensor([3.], requires_grad=True)
    """
    vector, listed = enter(vec), list(parameters)
    count = sum(p._value.size for p in listed)
    if vector._value.shape != (count,):
        raise ValueError(f"vector_to_parameters: expected a vector of {count} items, got shape {vector._value.shape}")
    for p in listed:
        if not np.can_cast(vector._value.dtype, p._value.dtype, "same_kind"):
            raise TypeError(
                f"vector_to_parameters: a vector of {vector._value.dtype} cannot be kept in a parameter of "
                f"{p._value.dtype}"
            )
    require_unfollowed(vector, "items of parameters (wg.func.functional_call has a derivative)")
    change("vector_to_parameters", tuple(listed), _distribute, vector)


def _distribute(*arrays: np.ndarray) -> None:
    *params, vector = arrays
    start = 0
    for p in params:
        p[...] = vector[start : start + p.size].reshape(p.shape)
        start += p.size
