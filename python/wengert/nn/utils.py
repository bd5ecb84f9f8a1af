"""Helpers around parameters and gradients: clipping, and one vector of all parameters."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from .. import _kernels
from ..core import dtypes
from ..core.doors import count_change, enter
from ..core.variable import Variable, wrap
from ..ops.join import cat
from ..ops.shape import reshape


def _with_gradients(parameters: Any) -> list[Any]:
    """Those of one tensor or several that have a gradient."""
    listed = [parameters] if isinstance(parameters, Variable) else list(parameters)
    return [p.grad for p in listed if p.grad is not None]


def _by_dtype(gradients: list[Any]) -> dict[np.dtype, list[np.ndarray]]:
    groups: dict[np.dtype, list[np.ndarray]] = {}
    for g in gradients:
        groups.setdefault(g._value.dtype, []).append(g._value)
    return groups


def _norm(gradients: list[Any], p: float) -> float:
    """The p-norm of all items together."""
    if p == 2:
        squares = 0.0
        for dtype, arrays in _by_dtype(gradients).items():
            if dtype == dtypes.float16:
                arrays = [a.astype(np.float32) for a in arrays]
            squares += _kernels.sum_squares([np.ascontiguousarray(a) for a in arrays])
        return math.sqrt(squares)
    norms = [float(np.linalg.norm(g._value.reshape(-1).astype(np.float64), p)) for g in gradients if g._value.size]
    return float(np.linalg.norm(norms, p)) if norms else 0.0


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
    total = _norm(gradients, float(norm_type))
    if error_if_nonfinite and not math.isfinite(total):
        raise RuntimeError(
            f"clip_grad_norm_: the {norm_type}-norm of the gradients is {total}, so they cannot be scaled by it"
        )
    factor = max_norm / (total + 1e-6)
    if not factor >= 1:  # a NaN spreads to all gradients, so that it is seen
        for dtype, arrays in _by_dtype(gradients).items():
            native = dtype != dtypes.float16 and all(a.flags.c_contiguous and a.flags.writeable for a in arrays)
            if native:
                _kernels.scale(arrays, factor)
            else:
                for a in arrays:
                    np.multiply(a, factor, out=a, casting="same_kind")
        for g in gradients:
            count_change(g)
    return wrap(np.asarray(total, dtype=gradients[0]._value.dtype if gradients else dtypes.get_default_dtype()))


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
    for g in _with_gradients(parameters):
        np.clip(g._value, -clip_value, clip_value, out=g._value)
        count_change(g)


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

    Examples
    --------
    >>> layer = wg.nn.Linear(1, 1)
    >>> wg.nn.utils.vector_to_parameters(wg.tensor([2., 3.]), layer.parameters())
    >>> layer.bias
    Parameter containing:
    tensor([3.], requires_grad=True)
    """
    values, listed = enter(vec)._value, list(parameters)
    sizes = [p._value.size for p in listed]
    if values.shape != (sum(sizes),):
        raise ValueError(f"vector_to_parameters: expected a vector of {sum(sizes)} items, got shape {values.shape}")
    for p, piece in zip(listed, np.split(values, np.cumsum(sizes)[:-1]) if sizes else (), strict=True):
        np.copyto(p._value, piece.reshape(p._value.shape), casting="same_kind")
        count_change(p)
