"""A batch normalization in evaluation folded into the layer before it: one layer with the results of both."""

from __future__ import annotations

import copy
from typing import Any

from ...ops.creation import ones_like, zeros_like
from ...ops.functions import rsqrt
from ..modules.parameter import Parameter


def _fused(
    weight: Any, bias: Any, mean: Any, variance: Any, eps: float, scale: Any, shift: Any, shape: list[int]
) -> tuple[Parameter, Parameter]:
    """W s and (b - mean) s + shift, where s = scale / sqrt(variance + eps) has a factor for each row of W."""
    factor = rsqrt(variance + eps) * (ones_like(mean) if scale is None else scale)
    shifted = ((zeros_like(mean) if bias is None else bias) - mean) * factor
    shifted = shifted if shift is None else shifted + shift
    dtype = weight.dtype if bias is None else bias.dtype
    trained = bias is not None and bias.requires_grad
    new_weight = (weight * factor.reshape(shape)).to(dtype=weight.dtype).detach()
    return Parameter(new_weight, weight.requires_grad), Parameter(shifted.to(dtype=dtype).detach(), trained)


def fuse_conv_bn_weights(
    conv_w: Any, conv_b: Any, bn_rm: Any, bn_rv: Any, bn_eps: float, bn_w: Any, bn_b: Any, transpose: bool = False
) -> tuple[Parameter, Parameter]:
    """The weight and bias of a convolution that gives what it and a batch normalization after it give.

    Parameters
    ----------
    conv_w, conv_b : tensor
        The convolution's weight and bias; the latter may be None.
    bn_rm, bn_rv : tensor
        The normalization's running mean and variance.
    bn_eps : float
    bn_w, bn_b : tensor
        Its weight and bias; either may be None.
    transpose : bool
        Whether the convolution is a transposed one, whose weight has the output's channels second.

    Returns
    -------
    tuple of two Parameters

    Notes
    -----
    Of weights W, b and s = w / sqrt(var + eps), by channels of the output: W s and (b - mean) s + shift.

    Examples
    --------
    >>> one = wg.ones(1)
    >>> weight, bias = wg.nn.utils.fuse_conv_bn_weights(wg.ones(1, 1, 1), None, one, one * 4, 0.0, one, one)
    >>> weight.item(), bias.item()
    (0.5, 0.5)
    """
    rest = [1] * (conv_w.ndim - 2)
    return _fused(conv_w, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, [1, -1, *rest] if transpose else [-1, 1, *rest])


def fuse_linear_bn_weights(
    linear_w: Any, linear_b: Any, bn_rm: Any, bn_rv: Any, bn_eps: float, bn_w: Any, bn_b: Any
) -> tuple[Parameter, Parameter]:
    """The weight and bias of a linear layer that gives what it and a batch normalization after it give.

    Parameters
    ----------
    linear_w, linear_b : tensor
        The layer's weight and bias; the latter may be None.
    bn_rm, bn_rv : tensor
        The normalization's running mean and variance.
    bn_eps : float
    bn_w, bn_b : tensor
        Its weight and bias; either may be None.

    Returns
    -------
    tuple of two Parameters

    Examples
    --------
    >>> one = wg.ones(1)
    >>> weight, bias = wg.nn.utils.fuse_linear_bn_weights(wg.ones(1, 1), one, one, one * 4, 0.0, one, one)
    >>> weight.item(), bias.item()
    (0.5, 1.0)
    """
    return _fused(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, [-1, 1])


def _require_ready(who: str, layer: Any, bn: Any) -> None:
    if layer.training or bn.training:
        raise AssertionError(f"{who}: only for evaluation; call eval() of both first")
    if bn.running_mean is None or bn.running_var is None:
        raise AssertionError(f"{who}: the normalization keeps no running statistics, which would be folded in")


def fuse_conv_bn_eval(conv: Any, bn: Any, transpose: bool = False) -> Any:
    """A copy of a convolution with a batch normalization folded in, both of which are in evaluation.

    Parameters
    ----------
    conv : Conv1d, Conv2d, or a transposed one
    bn : BatchNorm1d or BatchNorm2d
    transpose : bool
        Whether it is a transposed one.

    Returns
    -------
    Module
        Of the convolution's class.

    Raises
    ------
    AssertionError
        If one of them trains, or the normalization has no running statistics (the type of error is PyTorch's).

    Examples
    --------
    >>> conv, bn = wg.nn.Conv2d(1, 2, 3).eval(), wg.nn.BatchNorm2d(2).eval()
    >>> fused, x = wg.nn.utils.fuse_conv_bn_eval(conv, bn), wg.rand(1, 1, 5, 5)
    >>> wg.allclose(fused(x), bn(conv(x)), atol=1e-5)
    True
    """
    _require_ready("fuse_conv_bn_eval", conv, bn)
    fused = copy.deepcopy(conv)
    fused.weight, fused.bias = fuse_conv_bn_weights(
        conv.weight, conv.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias, transpose
    )
    return fused


def fuse_linear_bn_eval(linear: Any, bn: Any) -> Any:
    """A copy of a linear layer with a batch normalization folded in, both of which are in evaluation.

    Parameters
    ----------
    linear : Linear
    bn : BatchNorm1d

    Returns
    -------
    Linear

    Raises
    ------
    AssertionError
        If one of them trains, the normalization has no running statistics, or has neither one feature nor as many as
        the layer (the type of error is PyTorch's).

    Examples
    --------
    >>> linear, bn = wg.nn.Linear(2, 3).eval(), wg.nn.BatchNorm1d(3).eval()
    >>> fused, x = wg.nn.utils.fuse_linear_bn_eval(linear, bn), wg.rand(4, 2)
    >>> wg.allclose(fused(x), bn(linear(x)), atol=1e-5)
    True
    """
    _require_ready("fuse_linear_bn_eval", linear, bn)
    if bn.num_features not in (1, linear.out_features):
        raise AssertionError(
            f"fuse_linear_bn_eval: to fuse, bn.num_features is 1 or linear.out_features, got {bn.num_features} and "
            f"{linear.out_features}"
        )
    fused = copy.deepcopy(linear)
    fused.weight, fused.bias = fuse_linear_bn_weights(
        linear.weight, linear.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
    )
    return fused
