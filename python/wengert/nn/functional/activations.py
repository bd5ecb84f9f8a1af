"""Activation functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..._types import Tensor
from ...core import dtypes
from ...core.broadcast import cast
from ...core.change import rewrite
from ...core.doors import enter
from ...ops import activations, functions
from ...ops.rows import log_softmax as _log_softmax
from ...ops.rows import softmax as _softmax

sigmoid = functions.sigmoid
tanh = functions.tanh


def _in_place_if(inplace: bool, name: str, function: Callable[[Any], Any], x: Any) -> Tensor:
    """function(x), which with `inplace` replaces x's items."""
    return rewrite(x, f"{name}_", function) if inplace else function(x)


def relu(input: Any, inplace: bool = False) -> Tensor:
    """The positive part max(x, 0) of each item; the derivative at 0 is 0.

    Parameters
    ----------
    input : tensor
    inplace : bool
        Replace the items of `input`.

    Returns
    -------
    Tensor
        Of the same shape.

    Examples
    --------
    >>> wg.nn.functional.relu(wg.tensor([-1., 2.]))
    tensor([0., 2.])
    """
    return rewrite(input, "relu_", activations.relu) if inplace else activations.relu(input)


def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where it is positive, `negative_slope` times x elsewhere.

    Parameters
    ----------
    input : tensor
    negative_slope : float
    inplace : bool
        Replace the items of `input`.

    Returns
    -------
    Tensor
        Of the same shape. The derivative at 0 is `negative_slope`.

    Examples
    --------
    >>> wg.nn.functional.leaky_relu(wg.tensor([-1., 2.]), 0.1)
    tensor([-0.1000,  2.0000])
    """
    return _in_place_if(inplace, "leaky_relu", lambda x: activations.leaky_relu(x, negative_slope), input)


def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where it is positive, alpha (exp(x) - 1) elsewhere (Clevert, Unterthiner and Hochreiter 2016).

    Parameters
    ----------
    input : tensor
    alpha : float
    inplace : bool
        Replace the items of `input`.

    Returns
    -------
    Tensor
        Of the same shape. The derivative at 0 is alpha.

    Examples
    --------
    >>> wg.nn.functional.elu(wg.tensor([-1., 2.]))
    tensor([-0.6321,  2.0000])
    """
    return _in_place_if(inplace, "elu", lambda x: activations.elu(x, alpha), input)


def silu(input: Any, inplace: bool = False) -> Tensor:
    """x times the sigmoid of x, also called swish (Hendrycks and Gimpel 2016).

    Parameters
    ----------
    input : tensor
    inplace : bool
        Replace the items of `input`.

    Returns
    -------
    Tensor
        Of the same shape.

    Examples
    --------
    >>> wg.nn.functional.silu(wg.tensor([0., 1.]))
    tensor([0.0000, 0.7311])
    """
    return _in_place_if(inplace, "silu", activations.silu, input)


def gelu(input: Any, approximate: str = "none") -> Tensor:
    """x times the standard normal distribution function of x (Hendrycks and Gimpel 2016).

    Parameters
    ----------
    input : tensor
    approximate : {"none", "tanh"}
        "tanh": 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), within 5e-4 of it.

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    ValueError
        If `approximate` is neither.

    Examples
    --------
    >>> wg.nn.functional.gelu(wg.tensor([0., 1.]))
    tensor([0.0000, 0.8413])
    """
    if approximate == "none":
        return activations.gelu(input)
    if approximate != "tanh":
        raise ValueError(f'gelu: expected approximate "none" or "tanh", got {approximate!r}')
    return activations.gelu_tanh(input)


def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta x)) / beta, a smooth positive part.

    Parameters
    ----------
    input : tensor
    beta : float
        The larger, the closer to relu.
    threshold : float
        Where beta x is larger, x itself. It is not needed against overflow; the default's effect is below rounding in
        float32 and left out.

    Returns
    -------
    Tensor
        Of the same shape.

    Examples
    --------
    >>> wg.nn.functional.softplus(wg.tensor([0., 1.]))
    tensor([0.6931, 1.3133])
    """
    if beta == 1 and threshold == 20:
        return activations.softplus(input)
    return activations.softplus_scaled(input, beta, threshold)


def softmax(input: Any, dim: int | None = None, dtype: Any = None, *, axis: int | None = None) -> Tensor:
    """exp(x) / sum(exp(x)) along one dimension, with the maximum subtracted first so that nothing overflows.

    Parameters
    ----------
    input : tensor
    dim : int
        The dimension that sums to one. Also spelled `axis`.
    dtype : dtype or None
        Convert to it first.

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    TypeError
        If no dimension is given: PyTorch's guess of one is deprecated, and absent here.

    Examples
    --------
    >>> wg.nn.functional.softmax(wg.tensor([1., 2., 3.]), dim=0)
    tensor([0.0900, 0.2447, 0.6652])
    """
    return _softmax(_as_dtype("softmax", input, dtype), dim, axis=axis)


def log_softmax(input: Any, dim: int | None = None, dtype: Any = None, *, axis: int | None = None) -> Tensor:
    """The logarithm of softmax along one dimension, x - logsumexp(x).

    Parameters
    ----------
    input : tensor
    dim : int
        The dimension along which the exponentials sum to one. Also spelled `axis`.
    dtype : dtype or None
        Convert to it first.

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    TypeError
        If no dimension is given.

    Examples
    --------
    >>> wg.nn.functional.log_softmax(wg.tensor([1., 2., 3.]), dim=0)
    tensor([-2.4076, -1.4076, -0.4076])
    """
    return _log_softmax(_as_dtype("log_softmax", input, dtype), dim, axis=axis)


def _as_dtype(name: str, x: Any, dtype: Any) -> Tensor:
    return x if dtype is None else cast(enter(x), dtypes.as_dtype(dtype, name))
