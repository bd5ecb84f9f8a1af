"""All parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ...core.doors import change, enter, require_unfollowed
from ...ops.join import cat
from ...ops.shape import reshape


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
