"""Gradients limited by their norm, or item by item."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from ...core import dtypes
from ...core.broadcast import cast
from ...core.doors import change, constant, enter, leave
from ...core.variable import Variable
from ...ops import updates


def _listed(tensors: Any) -> list[Any]:
    return [tensors] if isinstance(tensors, Variable) else list(tensors)


def _with_gradients(parameters: Any) -> list[Any]:
    """Those of one tensor or several that have a gradient."""
    return [p.grad for p in _listed(parameters) if p.grad is not None]


def get_total_norm(
    tensors: Any, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Any:
    """The norm of all items of some tensors together, without a derivative.

    Parameters
    ----------
    tensors : tensor or iterable of tensor
    norm_type : float
        The p of the norm; inf for the largest magnitude.
    error_if_nonfinite : bool
        Whether a norm that is NaN or infinite is an error.
    foreach : bool or None
        Accepted for code that passes it, and of no effect.

    Returns
    -------
    Tensor
        0-d, of the first tensor's dtype.

    Raises
    ------
    RuntimeError
        If `error_if_nonfinite` and the norm is not finite.

    Examples
    --------
    >>> wg.nn.utils.get_total_norm([wg.tensor([3.]), wg.tensor([4.])])
    tensor(5.)
    """
    listed = [x.detach() for x in _listed(tensors)]
    if not listed:
        return constant(np.zeros, (), dtypes.get_default_dtype())
    return cast(_norm_of(listed, norm_type, error_if_nonfinite, "get_total_norm"), listed[0]._value.dtype)


def _norm_of(gradients: list[Any], norm_type: float, error_if_nonfinite: bool, who: str) -> Any:
    norm = updates.total_norm(*gradients, p=float(norm_type))
    if error_if_nonfinite and not math.isfinite(total := leave(norm, "bool").item()):
        raise RuntimeError(f"{who}: the {norm_type}-norm of the gradients is {total}, so they cannot be scaled by it")
    return norm


def clip_grads_with_norm_(parameters: Any, max_norm: float, total_norm: Any, foreach: bool | None = None) -> None:
    """Scale all gradients down together as `clip_grad_norm_` does, by a norm that is known.

    Parameters
    ----------
    parameters : tensor or iterable of tensor
    max_norm : float
    total_norm : tensor
        0-d: what `get_total_norm` gave for the gradients.
    foreach : bool or None
        Accepted for code that passes it, and of no effect.

    Examples
    --------
    >>> w = wg.nn.Parameter(wg.tensor([3., 4.]))
    >>> (w * w).sum().backward()
    >>> wg.nn.utils.clip_grads_with_norm_(w, 1.0, wg.nn.utils.get_total_norm(w.grad))
    >>> w.grad
    tensor([0.6000, 0.8000])
    """
    gradients = _with_gradients(parameters)
    if gradients:
        norm = enter(total_norm).detach()
        change("clip_grads_with_norm_", tuple(gradients), updates.scale_to_norm, norm, limit=float(max_norm))


def clip_grad_norm_(
    parameters: Any, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Any:  # fmt: skip
    """Scale all gradients down together so that their common norm is at most `max_norm`.

    Parameters
    ----------
    parameters : tensor or iterable of tensor
    max_norm : float
    norm_type : float
        The p of the norm; inf for the largest magnitude.
    error_if_nonfinite : bool
        Whether a norm that is NaN or infinite is an error.
    foreach : bool or None
        Accepted for code that passes it, and of no effect.

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
    norm = _norm_of(gradients, norm_type, error_if_nonfinite, "clip_grad_norm_")
    change("clip_grad_norm_", tuple(gradients), updates.scale_to_norm, norm, limit=float(max_norm))
    return cast(norm, gradients[0]._value.dtype)


def clip_grad_norm(
    parameters: Any, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Any:  # fmt: skip
    """The older name of `clip_grad_norm_`, deprecated as in PyTorch.

    Parameters
    ----------
    parameters, max_norm, norm_type, error_if_nonfinite, foreach
        As of `clip_grad_norm_`.

    Returns
    -------
    Tensor
        0-d: the norm before.

    Examples
    --------
    >>> import warnings
    >>> w = wg.nn.Parameter(wg.tensor([3., 4.]))
    >>> (w * w).sum().backward()
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     wg.nn.utils.clip_grad_norm(w, 1.0)
    tensor(10.)
    """
    warnings.warn("clip_grad_norm is deprecated in favor of clip_grad_norm_", FutureWarning, stacklevel=2)
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


def clip_grad_value_(parameters: Any, clip_value: float, foreach: bool | None = None) -> None:
    """Limit each item of all gradients to [-clip_value, clip_value].

    Parameters
    ----------
    parameters : tensor or iterable of tensor
    clip_value : float
    foreach : bool or None
        Accepted for code that passes it, and of no effect.

    Examples
    --------
    >>> w = wg.nn.Parameter(wg.tensor([0.25, 4.]))
    >>> (w * w).sum().backward()
    >>> wg.nn.utils.clip_grad_value_(w, 1.0)
    >>> w.grad
    tensor([0.5000, 1.0000])
    """
    change("clip_grad_value_", tuple(_with_gradients(parameters)), updates.limit_items, limit=float(clip_value))
