"""Normalization as modules: of batches, groups and instances, by the root of the mean square, by neighbours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...core.doors import change, enter
from ...core.dtypes import int64
from ...ops import creation
from ...ops.shape import reshape
from ...tensors.tensor import Tensor
from .. import functional as F
from .. import init
from .lazy import Lazy
from .module import Module
from .parameter import Parameter, UninitializedParameter


def _increment(count: np.ndarray) -> None:
    count += 1


class _Channels(Module):
    """A scale and running averages for each channel."""

    _dims: tuple[int, ...]  # of the inputs that are taken, with a batch
    _unbatched = False  # whether inputs without one are taken too
    _shapes: str

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
        track_running_stats: bool = True, device: Any = None, dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        ones, zeros = (make(num_features, dtype=dtype) for make in (creation.ones, creation.zeros))
        self.register_parameter("weight", Parameter(ones) if affine else None)
        self.register_parameter("bias", Parameter(zeros) if affine and bias else None)
        track = track_running_stats
        self.register_buffer("running_mean", creation.zeros(num_features, dtype=dtype) if track else None)
        self.register_buffer("running_var", creation.ones(num_features, dtype=dtype) if track else None)
        self.register_buffer("num_batches_tracked", creation.zeros((), dtype=int64) if track else None)

    def reset_running_stats(self) -> None:
        """Forget the averages."""
        if self.track_running_stats:
            init.zeros_(self.running_mean)
            init.ones_(self.running_var)
            init.zeros_(self.num_batches_tracked)

    def reset_parameters(self) -> None:
        """Forget the averages, and set the weight to 1 and the bias to 0."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def _channels(self, shape: tuple[int, ...], wanted: Any) -> int:
        """How many channels an input of a shape has; `wanted` names them in the error for a shape that does not fit."""
        if len(shape) not in self._dims and not (self._unbatched and len(shape) + 1 in self._dims):
            raise ValueError(f"expected input of shape {self._shapes.format(wanted)}, got {shape}")
        return shape[len(shape) - self._dims[0] + 1] if self._unbatched else shape[1]

    def _checked(self, input: Any) -> Any:
        """The input as a tensor of a shape that fits."""
        x = enter(input)
        channels = self._channels(x._value.shape, self.num_features)
        if channels != self.num_features and (self.affine or self.track_running_stats or not self._unbatched):
            raise ValueError(f"the input's channels are {channels}; its shape is {x._value.shape}")
        return x

    def _label(self) -> str:
        return f"{self._get_name()}({self.num_features})"

    def extra_repr(self) -> str:
        """The size and options."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_Channels):
    """By channels, over a batch."""

    def forward(self, input: Any) -> Tensor:
        """The normalised input."""
        return self._normalized(F.batch_norm, input)

    def before_relu(self, input: Any, residual: Any = None) -> Tensor:
        """relu of what `forward` gives, plus a residual, in one pass."""
        return self._normalized(F.batch_norm_relu, input, residual=residual)

    def _normalized(self, function: Callable[..., Tensor], input: Any, **rest: Any) -> Tensor:
        x = self._checked(input)
        mean, variance = self.running_mean, self.running_var
        counted = self.training and mean is not None
        momentum = 0.0 if self.momentum is None else self.momentum
        if counted and self.momentum is None:
            momentum = 1 / (int(self.num_batches_tracked) + 1)
        batch = self.training or mean is None
        z = function(x, mean, variance, self.weight, self.bias, batch, momentum, self.eps, **rest)
        if counted:  # a batch that does not fit does not count
            change("num_batches_tracked", (self.num_batches_tracked,), _increment)
        return z


class BatchNorm1d(_BatchNorm):
    """(x - mean) / sqrt(var + eps) * weight + bias, channel by channel (Ioffe and Szegedy 2015).

    In training the mean and variance are the batch's; in evaluation they are running averages over the training's.

    Parameters
    ----------
    num_features : int
        The channels.
    eps : float
    momentum : float or None
        The fraction by which the averages move towards each batch. None: they weigh all batches equally.
    affine : bool
        Whether there are weight and bias.
    track_running_stats : bool
        Whether there are averages; without them evaluation normalises by the batch too.
    bias : bool
        Whether there is a bias beside the weight.
    dtype : dtype or None
        None: the default float.
    device : "cpu" or None

    Attributes
    ----------
    weight, bias : Parameter or None
        (num_features,), at first 1 and 0.
    running_mean, running_var : Tensor or None
        (num_features,), at first 0 and 1.
    num_batches_tracked : Tensor or None
        0-d.

    Examples
    --------
    >>> wg.nn.BatchNorm1d(1)(wg.tensor([[1.], [3.]])).detach()
    tensor([[-1.0000],
            [ 1.0000]])
    """

    _dims = (2, 3)
    _shapes = "(n, {0}) or (n, {0}, length)"


class BatchNorm2d(_BatchNorm):
    """(x - mean) / sqrt(var + eps) * weight + bias, channel by channel of pictures (Ioffe and Szegedy 2015).

    In training the mean and variance are the batch's; in evaluation they are running averages over the training's.

    Parameters
    ----------
    num_features : int
        The channels.
    eps : float
    momentum : float or None
        The fraction by which the averages move towards each batch. None: they weigh all batches equally.
    affine : bool
        Whether there are weight and bias.
    track_running_stats : bool
        Whether there are averages; without them evaluation normalises by the batch too.
    bias : bool
        Whether there is a bias beside the weight.
    dtype : dtype or None
        None: the default float.
    device : "cpu" or None

    Attributes
    ----------
    weight, bias : Parameter or None
        (num_features,), at first 1 and 0.
    running_mean, running_var : Tensor or None
        (num_features,), at first 0 and 1.
    num_batches_tracked : Tensor or None
        0-d.

    Examples
    --------
    >>> wg.nn.BatchNorm2d(1)(wg.tensor([[[[1., 3.]]]])).detach()
    tensor([[[[-1.0000,  1.0000]]]])
    """

    _dims = (4,)
    _shapes = "(n, {0}, height, width)"


class BatchNorm3d(_BatchNorm):
    """(x - mean) / sqrt(var + eps) * weight + bias, channel by channel of volumes (Ioffe and Szegedy 2015).

    In training the mean and variance are the batch's; in evaluation they are running averages over the training's.

    Parameters
    ----------
    num_features : int
        The channels.
    eps : float
    momentum : float or None
        The fraction by which the averages move towards each batch. None: they weigh all batches equally.
    affine : bool
        Whether there are weight and bias.
    track_running_stats : bool
        Whether there are averages; without them evaluation normalises by the batch too.
    bias : bool
        Whether there is a bias beside the weight.
    dtype : dtype or None
        None: the default float.
    device : "cpu" or None

    Attributes
    ----------
    weight, bias : Parameter or None
        (num_features,), at first 1 and 0.
    running_mean, running_var : Tensor or None
        (num_features,), at first 0 and 1.
    num_batches_tracked : Tensor or None
        0-d.

    Examples
    --------
    >>> wg.nn.BatchNorm3d(1)(wg.tensor([[[[[1., 3.]]]]])).detach()
    tensor([[[[[-1.0000,  1.0000]]]]])
    """

    _dims = (5,)
    _shapes = "(n, {0}, depth, height, width)"


class _InstanceNorm(_Channels):
    """By channels of each example."""

    _unbatched = True

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = False,
        track_running_stats: bool = False, device: Any = None, dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def forward(self, input: Any) -> Tensor:
        """The normalised input."""
        x = self._checked(input)
        shape = x._value.shape
        whole = reshape(x, (1, *shape)) if len(shape) + 1 in self._dims else x
        z = F.instance_norm(
            whole, self.running_mean, self.running_var, self.weight, self.bias,
            self.training or not self.track_running_stats, 0.0 if self.momentum is None else self.momentum, self.eps,
        )  # fmt: skip
        return z if whole is x else reshape(z, shape)


class InstanceNorm1d(_InstanceNorm):
    """(x - mean) / sqrt(var + eps) * weight + bias, over each channel of each example (Ulyanov et al. 2016).

    Parameters
    ----------
    num_features : int
        The channels.
    eps : float
    momentum : float
        The fraction by which running averages move towards each batch.
    affine : bool
        Whether there are weight and bias.
    track_running_stats : bool
        Whether there are running averages, by which evaluation normalises.
    bias : bool
        Whether there is a bias beside the weight.
    dtype : dtype or None
        None: the default float.
    device : "cpu" or None

    Examples
    --------
    >>> wg.nn.InstanceNorm1d(2)(wg.tensor([[[1., 3.], [5., 9.]]]))
    tensor([[[-1.0000,  1.0000],
             [-1.0000,  1.0000]]])
    """

    _dims = (3,)
    _shapes = "(n, {0}, length) or ({0}, length)"


class InstanceNorm2d(_InstanceNorm):
    """(x - mean) / sqrt(var + eps) * weight + bias, over each channel of each example (Ulyanov et al. 2016).

    Parameters
    ----------
    num_features : int
        The channels.
    eps : float
    momentum : float
        The fraction by which running averages move towards each batch.
    affine : bool
        Whether there are weight and bias.
    track_running_stats : bool
        Whether there are running averages, by which evaluation normalises.
    bias : bool
        Whether there is a bias beside the weight.
    dtype : dtype or None
        None: the default float.
    device : "cpu" or None

    Examples
    --------
    >>> wg.nn.InstanceNorm2d(1)(wg.tensor([[[1., 3.]]]))
    tensor([[[-1.0000,  1.0000]]])
    """

    _dims = (4,)
    _shapes = "(n, {0}, height, width) or ({0}, height, width)"


class InstanceNorm3d(_InstanceNorm):
    """(x - mean) / sqrt(var + eps) * weight + bias, over each channel of each example (Ulyanov et al. 2016).

    Parameters
    ----------
    num_features : int
        The channels.
    eps : float
    momentum : float
        The fraction by which running averages move towards each batch.
    affine : bool
        Whether there are weight and bias.
    track_running_stats : bool
        Whether there are running averages, by which evaluation normalises.
    bias : bool
        Whether there is a bias beside the weight.
    dtype : dtype or None
        None: the default float.
    device : "cpu" or None

    Examples
    --------
    >>> wg.nn.InstanceNorm3d(1)(wg.tensor([[[[1., 3.]]]]))
    tensor([[[[-1.0000,  1.0000]]]])
    """

    _dims = (5,)
    _shapes = "(n, {0}, depth, height, width) or ({0}, depth, height, width)"


class _Lazy(Lazy, _Channels):
    """A layer whose channels are those of its first input."""

    weight: Any
    bias: Any

    def __init__(
        self, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True,
        device: Any = None, dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(0, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        for name in ("weight", "bias"):
            if getattr(self, name) is not None:
                self.register_parameter(name, UninitializedParameter(dtype=dtype))
        for name in ("running_mean", "running_var") if track_running_stats else ():
            self.register_buffer(name, UninitializedParameter(False, dtype))

    def initialize_parameters(self, input: Any) -> None:
        """Give the parameters the size that the input asks for, and set them, unless a state was loaded before."""
        self.num_features = self._channels(enter(input)._value.shape, "channels")
        fresh = self.has_uninitialized_params()
        for value in (*self._parameters.values(), *self._buffers.values()):
            if isinstance(value, UninitializedParameter):
                value.materialize((self.num_features,))
        for name in ("running_mean", "running_var") if self.track_running_stats else ():
            self.register_buffer(name, getattr(self, name).detach())
        if fresh:
            self.reset_parameters()


class LazyBatchNorm1d(_Lazy):
    """A `BatchNorm1d` that takes `num_features` from its first input, and is one from then on.

    Parameters
    ----------
    eps, momentum, affine, track_running_stats, bias, dtype, device
        As of `BatchNorm1d`.

    Examples
    --------
    >>> layer = wg.nn.LazyBatchNorm1d()
    >>> layer(wg.zeros(5, 3)).shape == wg.zeros(5, 3).shape
    True
    >>> layer
    BatchNorm1d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
    """

    _dims, _shapes, _ready = (2, 3), "(n, {0}) or (n, {0}, length)", BatchNorm1d


class LazyBatchNorm2d(_Lazy):
    """A `BatchNorm2d` that takes `num_features` from its first input, and is one from then on.

    Parameters
    ----------
    eps, momentum, affine, track_running_stats, bias, dtype, device
        As of `BatchNorm2d`.

    Examples
    --------
    >>> layer = wg.nn.LazyBatchNorm2d()
    >>> layer(wg.zeros(5, 3, 2, 2)).shape == wg.zeros(5, 3, 2, 2).shape
    True
    >>> layer
    BatchNorm2d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
    """

    _dims, _shapes, _ready = (4,), "(n, {0}, height, width)", BatchNorm2d


class LazyBatchNorm3d(_Lazy):
    """A `BatchNorm3d` that takes `num_features` from its first input, and is one from then on.

    Parameters
    ----------
    eps, momentum, affine, track_running_stats, bias, dtype, device
        As of `BatchNorm3d`.

    Examples
    --------
    >>> layer = wg.nn.LazyBatchNorm3d()
    >>> layer(wg.zeros(5, 3, 1, 2, 2)).shape == wg.zeros(5, 3, 1, 2, 2).shape
    True
    >>> layer
    BatchNorm3d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
    """

    _dims, _shapes, _ready = (5,), "(n, {0}, depth, height, width)", BatchNorm3d


class LazyInstanceNorm1d(_Lazy):
    """A `InstanceNorm1d` that takes `num_features` from its first input, and is one from then on.

    Parameters
    ----------
    eps, momentum, affine, track_running_stats, bias, dtype, device
        As of `InstanceNorm1d`.

    Examples
    --------
    >>> layer = wg.nn.LazyInstanceNorm1d()
    >>> layer(wg.zeros(5, 3, 2)).shape == wg.zeros(5, 3, 2).shape
    True
    >>> layer
    InstanceNorm1d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
    """

    _dims, _shapes, _ready = (3,), "(n, {0}, length) or ({0}, length)", InstanceNorm1d
    _unbatched = True


class LazyInstanceNorm2d(_Lazy):
    """A `InstanceNorm2d` that takes `num_features` from its first input, and is one from then on.

    Parameters
    ----------
    eps, momentum, affine, track_running_stats, bias, dtype, device
        As of `InstanceNorm2d`.

    Examples
    --------
    >>> layer = wg.nn.LazyInstanceNorm2d()
    >>> layer(wg.zeros(5, 3, 2, 2)).shape == wg.zeros(5, 3, 2, 2).shape
    True
    >>> layer
    InstanceNorm2d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
    """

    _dims, _shapes, _ready = (4,), "(n, {0}, height, width) or ({0}, height, width)", InstanceNorm2d
    _unbatched = True


class LazyInstanceNorm3d(_Lazy):
    """A `InstanceNorm3d` that takes `num_features` from its first input, and is one from then on.

    Parameters
    ----------
    eps, momentum, affine, track_running_stats, bias, dtype, device
        As of `InstanceNorm3d`.

    Examples
    --------
    >>> layer = wg.nn.LazyInstanceNorm3d()
    >>> layer(wg.zeros(5, 3, 1, 2, 2)).shape == wg.zeros(5, 3, 1, 2, 2).shape
    True
    >>> layer
    InstanceNorm3d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
    """

    _dims, _shapes, _ready = (5,), "(n, {0}, depth, height, width) or ({0}, depth, height, width)", InstanceNorm3d
    _unbatched = True


class GroupNorm(Module):
    """(x - mean) / sqrt(var + eps) * weight + bias, over groups of channels of each example (Wu and He 2018).

    Parameters
    ----------
    num_groups, num_channels : int
    eps : float
    affine : bool
        Whether there are weight and bias.
    bias : bool
        Whether there is a bias beside the weight.
    dtype : dtype or None
        None: the default float.
    device : "cpu" or None

    Attributes
    ----------
    weight, bias : Parameter or None
        (num_channels,), at first 1 and 0.

    Raises
    ------
    ValueError
        If the channels do not make as many groups.

    Examples
    --------
    >>> wg.nn.GroupNorm(2, 4)(wg.tensor([[1., 3., 5., 9.]])).detach()
    tensor([[-1.0000,  1.0000, -1.0000,  1.0000]])
    """

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, device: Any = None,
        dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        if num_channels % num_groups:
            raise ValueError(f"GroupNorm: {num_channels} channels do not make {num_groups} groups")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        ones, zeros = (make(num_channels, dtype=dtype) for make in (creation.ones, creation.zeros))
        self.register_parameter("weight", Parameter(ones) if affine else None)
        self.register_parameter("bias", Parameter(zeros) if affine and bias else None)

    def reset_parameters(self) -> None:
        """Set the weight to 1 and the bias to 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Any) -> Tensor:
        """The normalised input."""
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The sizes and options."""
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class RMSNorm(Module):
    """x / sqrt(mean(x^2) + eps) * weight over the last dimensions (Zhang and Sennrich 2019).

    Parameters
    ----------
    normalized_shape : int or sequence of int
        The lengths of those dimensions.
    eps : float or None
        None: the distance from 1 to the next number of the input's dtype.
    elementwise_affine : bool
        Whether there is a weight.
    dtype : dtype or None
        None: the default float.
    device : "cpu" or None

    Attributes
    ----------
    weight : Parameter or None
        Of shape `normalized_shape`, at first 1.

    Examples
    --------
    >>> wg.nn.RMSNorm(2)(wg.tensor([[3., 3.]])).detach()
    tensor([[1., 1.]])
    """

    def __init__(
        self, normalized_shape: int | Sequence[int], eps: float | None = None, elementwise_affine: bool = True,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.normalized_shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        ones = creation.ones(self.normalized_shape, dtype=dtype)
        self.register_parameter("weight", Parameter(ones) if elementwise_affine else None)

    def reset_parameters(self) -> None:
        """Set the weight to 1."""
        if self.weight is not None:
            init.ones_(self.weight)

    def forward(self, input: Any) -> Tensor:
        """The normalised input."""
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """The shape and options."""
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class LocalResponseNorm(Module):
    """x / (k + alpha * the mean of the squares of `size` neighbouring channels)^beta (Krizhevsky et al. 2012).

    Parameters
    ----------
    size : int
        How many channels.
    alpha, beta, k : float

    Examples
    --------
    >>> wg.nn.LocalResponseNorm(2, alpha=2., beta=1.)(wg.ones(1, 2, 1))
    tensor([[[0.5000],
             [0.3333]]])
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input: Any) -> Tensor:
        """The normalised input."""
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        """The options."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
