"""Activation functions that replace the items of their input: `f_(x)` is `f(x, inplace=True)`."""

from __future__ import annotations

from typing import Any

from ..._types import Tensor
from . import activations


def celu_(input: Any, alpha: float = 1.0) -> Tensor:
    """`celu` in place.

    Parameters
    ----------
    input : tensor
    alpha : float

    Returns
    -------
    Tensor
        The input itself.

    Examples
    --------
    >>> wg.nn.functional.celu_(wg.tensor([-100., 2.]))
    tensor([-1.,  2.])
    """
    return activations.celu(input, alpha, inplace=True)


def elu_(input: Any, alpha: float = 1.0) -> Tensor:
    """`elu` in place.

    Parameters
    ----------
    input : tensor
    alpha : float

    Returns
    -------
    Tensor
        The input itself.

    Examples
    --------
    >>> wg.nn.functional.elu_(wg.tensor([-100., 2.]))
    tensor([-1.,  2.])
    """
    return activations.elu(input, alpha, inplace=True)


def hardtanh_(input: Any, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """`hardtanh` in place.

    Parameters
    ----------
    input : tensor
    min_val, max_val : float

    Returns
    -------
    Tensor
        The input itself.

    Examples
    --------
    >>> wg.nn.functional.hardtanh_(wg.tensor([-3., 0.5]))
    tensor([-1.0000,  0.5000])
    """
    return activations.hardtanh(input, min_val, max_val, inplace=True)


def leaky_relu_(input: Any, negative_slope: float = 0.01) -> Tensor:
    """`leaky_relu` in place.

    Parameters
    ----------
    input : tensor
    negative_slope : float

    Returns
    -------
    Tensor
        The input itself.

    Examples
    --------
    >>> wg.nn.functional.leaky_relu_(wg.tensor([-1., 2.]), 0.5)
    tensor([-0.5000,  2.0000])
    """
    return activations.leaky_relu(input, negative_slope, inplace=True)


def relu_(input: Any) -> Tensor:
    """`relu` in place.

    Parameters
    ----------
    input : tensor

    Returns
    -------
    Tensor
        The input itself.

    Examples
    --------
    >>> wg.nn.functional.relu_(wg.tensor([-1., 2.]))
    tensor([0., 2.])
    """
    return activations.relu(input, inplace=True)


def rrelu_(input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False) -> Tensor:
    """`rrelu` in place.

    Parameters
    ----------
    input : tensor
    lower, upper : float
    training : bool

    Returns
    -------
    Tensor
        The input itself.

    Examples
    --------
    >>> wg.nn.functional.rrelu_(wg.tensor([-1., 2.]), 0.5, 0.5)
    tensor([-0.5000,  2.0000])
    """
    return activations.rrelu(input, lower, upper, training, inplace=True)


def selu_(input: Any) -> Tensor:
    """`selu` in place.

    Parameters
    ----------
    input : tensor

    Returns
    -------
    Tensor
        The input itself.

    Examples
    --------
    >>> wg.nn.functional.selu_(wg.tensor([0., 0.]))
    tensor([0., 0.])
    """
    return activations.selu(input, inplace=True)


def threshold_(input: Any, threshold: float, value: float) -> Tensor:
    """`threshold` in place.

    Parameters
    ----------
    input : tensor
    threshold, value : float

    Returns
    -------
    Tensor
        The input itself.

    Examples
    --------
    >>> wg.nn.functional.threshold_(wg.tensor([-1., 2.]), 0., 7.)
    tensor([7., 2.])
    """
    return activations.threshold(input, threshold, value, inplace=True)
