"""Activation functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..._types import Tensor
from ...core import dtypes
from ...core.broadcast import as_floating, cast
from ...core.change import rewrite
from ...core.doors import enter
from ...ops import activations, creation, functions, piecewise
from ...ops.extremes import argmax
from ...ops.random import exponential_
from ...ops.rows import log_softmax as _log_softmax
from ...ops.rows import softmax as _softmax
from ...ops.scattering import scatter

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


def relu6(input: Any, inplace: bool = False) -> Tensor:
    """min(max(x, 0), 6), item by item.

    Parameters
    ----------
    input : tensor
    inplace : bool
        Replace the items of `input`.

    Returns
    -------
    Tensor
        Of the same shape. The derivative at 0 and 6 is 0.

    Examples
    --------
    >>> wg.nn.functional.relu6(wg.tensor([-1., 2., 8.]))
    tensor([0., 2., 6.])
    """
    return hardtanh(input, 0.0, 6.0, inplace)


def selu(input: Any, inplace: bool = False) -> Tensor:
    """1.0507 x where x is positive, 1.7581 (exp(x) - 1) elsewhere (Klambauer et al. 2017).

    Parameters
    ----------
    input : tensor
    inplace : bool
        Replace the items of `input`.

    Returns
    -------
    Tensor
        Of the same shape. The derivative at 0 is 1.7581.

    Examples
    --------
    >>> wg.nn.functional.selu(wg.tensor([-1., 2.]))
    tensor([-1.1113,  2.1014])
    """
    return _in_place_if(inplace, "selu", activations.selu, input)


def celu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where it is positive, alpha (exp(x / alpha) - 1) elsewhere, whose derivative has no jump (Barron 2017).

    Parameters
    ----------
    input : tensor
    alpha : float
        Not 0.
    inplace : bool
        Replace the items of `input`.

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    ZeroDivisionError
        If alpha is 0.

    Examples
    --------
    >>> wg.nn.functional.celu(wg.tensor([-1., 2.]), 0.5)
    tensor([-0.4323,  2.0000])
    """
    return _in_place_if(inplace, "celu", lambda x: activations.celu(x, alpha), input)


def mish(input: Any, inplace: bool = False) -> Tensor:
    """x tanh(log(1 + exp(x))), item by item (Misra 2019).

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
    >>> wg.nn.functional.mish(wg.tensor([0., 1.]))
    tensor([0.0000, 0.8651])
    """
    return _in_place_if(inplace, "mish", activations.mish, input)


def logsigmoid(input: Any) -> Tensor:
    """log(1 / (1 + exp(-x))), item by item, without overflow.

    Parameters
    ----------
    input : tensor

    Returns
    -------
    Tensor
        Of the same shape.

    Examples
    --------
    >>> wg.nn.functional.logsigmoid(wg.tensor([0., 1., -1000.]))
    tensor([-6.9315e-01, -3.1326e-01, -1.0000e+03])
    """
    return activations.log_sigmoid(input)


def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """x between the bounds, and the nearer of them elsewhere.

    Parameters
    ----------
    input : tensor
    min_val, max_val : float
    inplace : bool
        Replace the items of `input`.

    Returns
    -------
    Tensor
        Of the same shape. The derivative at the bounds is 0; that of `wengert.clamp` is 1.

    Raises
    ------
    ValueError
        If min_val is above max_val.

    Examples
    --------
    >>> wg.nn.functional.hardtanh(wg.tensor([-2., 0.5, 2.]))
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if min_val > max_val:
        raise ValueError(f"hardtanh: expected min_val <= max_val, got {min_val} and {max_val}")
    return _in_place_if(inplace, "hardtanh", lambda x: piecewise.hardtanh(x, min_val, max_val), input)


def hardsigmoid(input: Any, inplace: bool = False) -> Tensor:
    """A sigmoid made of straight lines, min(max(x + 3, 0), 6) / 6, item by item.

    Parameters
    ----------
    input : tensor
    inplace : bool
        Replace the items of `input`.

    Returns
    -------
    Tensor
        Of the same shape. The derivative at -3 and 3 is 0.

    Examples
    --------
    >>> wg.nn.functional.hardsigmoid(wg.tensor([-4., 0., 1.5]))
    tensor([0.0000, 0.5000, 0.7500])
    """
    return _in_place_if(inplace, "hardsigmoid", piecewise.hardsigmoid, input)


def hardswish(input: Any, inplace: bool = False) -> Tensor:
    """x times a sigmoid made of straight lines, x min(max(x + 3, 0), 6) / 6, item by item (Howard et al. 2019).

    Parameters
    ----------
    input : tensor
    inplace : bool
        Replace the items of `input`.

    Returns
    -------
    Tensor
        Of the same shape. The derivative is 0 at -3 and 1 at 3.

    Examples
    --------
    >>> wg.nn.functional.hardswish(wg.tensor([0., 1., 4.]))
    tensor([0.0000, 0.6667, 4.0000])
    """
    return _in_place_if(inplace, "hardswish", piecewise.hardswish, input)


def hardshrink(input: Any, lambd: float = 0.5) -> Tensor:
    """x where it is farther than `lambd` from 0, and 0 elsewhere.

    Parameters
    ----------
    input : tensor
    lambd : float

    Returns
    -------
    Tensor
        Of the same shape. The derivative at -lambd and lambd is 0.

    Examples
    --------
    >>> wg.nn.functional.hardshrink(wg.tensor([-1., 0.25, 2.]))
    tensor([-1.,  0.,  2.])
    """
    return piecewise.hardshrink(input, lambd)


def softshrink(input: Any, lambd: float = 0.5) -> Tensor:
    """x brought nearer to 0 by `lambd`, and 0 where it is nearer than that.

    Parameters
    ----------
    input : tensor
    lambd : float
        At least 0.

    Returns
    -------
    Tensor
        Of the same shape. The derivative at -lambd and lambd is 0.

    Raises
    ------
    ValueError
        If lambd is negative.

    Examples
    --------
    >>> wg.nn.functional.softshrink(wg.tensor([-1., 0.25, 2.]))
    tensor([-0.5000,  0.0000,  1.5000])
    """
    if not lambd >= 0:
        raise ValueError(f"softshrink: expected lambd >= 0, got {lambd}")
    return piecewise.softshrink(input, float(lambd))


def tanhshrink(input: Any) -> Tensor:
    """x - tanh(x), item by item.

    Parameters
    ----------
    input : tensor

    Returns
    -------
    Tensor
        Of the same shape.

    Examples
    --------
    >>> wg.nn.functional.tanhshrink(wg.tensor([0., 1.]))
    tensor([0.0000, 0.2384])
    """
    return activations.tanhshrink(input)


def softsign(input: Any) -> Tensor:
    """x / (1 + |x|), item by item.

    Parameters
    ----------
    input : tensor

    Returns
    -------
    Tensor
        Of the same shape.

    Examples
    --------
    >>> wg.nn.functional.softsign(wg.tensor([-1., 3.]))
    tensor([-0.5000,  0.7500])
    """
    return activations.softsign(input)


def threshold(input: Any, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x where it is above the threshold, a fixed value elsewhere.

    Parameters
    ----------
    input : tensor
    threshold, value : float
    inplace : bool
        Replace the items of `input`.

    Returns
    -------
    Tensor
        Of the same shape. The derivative at the threshold is 0.

    Examples
    --------
    >>> wg.nn.functional.threshold(wg.tensor([0.5, 2.]), 1, -1)
    tensor([-1.,  2.])
    """
    return _in_place_if(inplace, "threshold", lambda x: piecewise.threshold(x, threshold, value), input)


def rrelu(
    input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False, *,
    generator: Any = None,
) -> Tensor:  # fmt: skip
    """x where it is positive; elsewhere a slope times x, which while training is random and differs from item to item.

    Parameters
    ----------
    input : tensor
    lower, upper : float
        Slopes are uniform between them, and outside training their mean.
    training : bool
    inplace : bool
        Replace the items of `input`.
    generator : wengert.Generator or None
        None: the library's own.

    Returns
    -------
    Tensor
        Of the same shape. The derivative at 0 is the slope.

    Raises
    ------
    ValueError
        If lower is above upper.

    Examples
    --------
    >>> wg.nn.functional.rrelu(wg.tensor([-1., 2.]), 0.25, 0.75)
    tensor([-0.5000,  2.0000])
    """
    return _in_place_if(
        inplace, "rrelu", lambda x: piecewise.rrelu(x, lower, upper, training, generator=generator), input
    )


def glu(input: Any, dim: int = -1, *, axis: int | None = None) -> Tensor:
    """The first half of one dimension times the sigmoid of the second (Dauphin et al. 2017).

    Parameters
    ----------
    input : tensor
    dim : int
        Of even length. Also spelled `axis`.

    Returns
    -------
    Tensor
        With half as many items along the dimension.

    Raises
    ------
    ValueError
        If the dimension's length is odd.

    Examples
    --------
    >>> wg.nn.functional.glu(wg.tensor([1., 2., 0., 0.]))
    tensor([0.5000, 1.0000])
    """
    return activations.glu(input, dim if axis is None else axis)


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


def softmin(input: Any, dim: int | None = None, dtype: Any = None, *, axis: int | None = None) -> Tensor:
    """The softmax of -x along one dimension.

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
        If no dimension is given.

    Examples
    --------
    >>> wg.nn.functional.softmin(wg.tensor([1., 2., 3.]), dim=0)
    tensor([0.6652, 0.2447, 0.0900])
    """
    return _softmax(-enter(_as_dtype("softmin", input, dtype)), dim, axis=axis)


def gumbel_softmax(
    logits: Any, tau: float = 1.0, hard: bool = False, eps: float = 1e-10, dim: int = -1, *,
    generator: Any = None, axis: int | None = None,
) -> Tensor:  # fmt: skip
    """A differentiable draw of a class: the softmax of logits with Gumbel noise, divided by a temperature.

    Parameters
    ----------
    logits : tensor
    tau : float
        The temperature: the lower, the nearer to a draw of one class.
    hard : bool
        Give the class as zeros and a one, with the derivative of the softmax.
    eps : float
        Of no effect, as in PyTorch.
    dim : int
        The dimension of the classes. Also spelled `axis`.
    generator : wengert.Generator or None
        None: the library's own.

    Returns
    -------
    Tensor
        Of the same shape.

    Notes
    -----
    E. Jang, S. Gu and B. Poole, "Categorical reparameterization with Gumbel-softmax", 2017.

    Examples
    --------
    >>> wg.nn.functional.gumbel_softmax(wg.tensor([100., 0., 0.]), hard=True)
    tensor([1., 0., 0.])
    """
    x, dim = as_floating(logits), dim if axis is None else axis
    noise = -functions.log(exponential_(creation.empty_like(x), generator=generator))
    soft = _softmax((x + noise) / tau, dim)
    if not hard:
        return soft
    place = argmax(soft.detach(), dim, keepdim=True)
    one = scatter(creation.zeros_like(x), dim, place, 1.0)
    z: Tensor = one - soft.detach() + soft
    return z


def _as_dtype(name: str, x: Any, dtype: Any) -> Tensor:
    return x if dtype is None else cast(enter(x), dtypes.as_dtype(dtype, name))
