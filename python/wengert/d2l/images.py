"""The course's networks for images: what a convolution is, LeNet, and blocks of deeper networks."""

from __future__ import annotations

from typing import Any

from .. import nn
from ..tensors.tensor import Tensor
from .design import Classifier


def corr2d(X: Any, K: Any) -> Tensor:
    """The cross-correlation of an image with a kernel: at each place the sum of the window's items times the kernel's.

    Parameters
    ----------
    X : tensor
        (height, width)
    K : tensor
        (h, w)

    Returns
    -------
    Tensor
        (height - h + 1, width - w + 1)

    Examples
    --------
    >>> wg.d2l.corr2d(wg.arange(9.).reshape(3, 3), wg.arange(4.).reshape(2, 2))
    tensor([[19., 25.],
            [37., 43.]])
    """
    h, w = K.shape
    total: Tensor = sum(
        K[i, j] * X[i : X.shape[0] - h + 1 + i, j : X.shape[1] - w + 1 + j] for i in range(h) for j in range(w)
    )
    return total


def init_cnn(module: nn.Module) -> None:
    """Draw the weight of a linear or convolutional layer anew by Glorot and Bengio; for `Module.apply`.

    Parameters
    ----------
    module : wengert.nn.Module
        Any other kind is left as it is.

    Examples
    --------
    >>> net = wg.nn.Sequential(wg.nn.Conv2d(1, 2, 3), wg.nn.ReLU()).apply(wg.d2l.init_cnn)
    >>> bool(net[0].weight.abs().max() <= (6 / (9 + 18)) ** 0.5)
    True
    """
    if type(module) in (nn.Linear, nn.Conv2d):
        nn.init.xavier_uniform_(module.weight)


class LeNet(Classifier):
    """LeNet-5 (LeCun et al. 1998) with sigmoids and average pooling, for images of 28 x 28.

    Parameters
    ----------
    lr : float
    num_classes : int

    Examples
    --------
    >>> wg.d2l.LeNet()(wg.zeros(2, 1, 28, 28)).shape
    wengert.Size([2, 10])
    """

    def __init__(self, lr: float = 0.1, num_classes: int = 10) -> None:
        super().__init__()
        self.save_hyperparameters()
        convolutions: list[nn.Module] = []
        for channels, padding in ((6, 2), (16, 0)):
            convolutions += [
                nn.LazyConv2d(channels, kernel_size=5, padding=padding), nn.Sigmoid(),
                nn.AvgPool2d(kernel_size=2, stride=2),
            ]  # fmt: skip
        dense: list[nn.Module] = [nn.Flatten()]
        for width in (120, 84):
            dense += [nn.LazyLinear(width), nn.Sigmoid()]
        self.net = nn.Sequential(*convolutions, *dense, nn.LazyLinear(num_classes))


# ---------------------------------------------------------------- residual blocks


class _Block(nn.Module):
    """What a path of layers makes of its input, and the input itself, or what a last layer makes of it, added."""

    def _make(self, path: list[nn.Module], shortcut: list[nn.Module]) -> None:
        self.path = nn.Sequential(*path)
        self.shortcut = nn.Sequential(*shortcut)

    def forward(self, X: Any) -> Tensor:
        """Of images (n, channels, height, width), those of the block."""
        y: Tensor = self.path.before_relu(X, self.shortcut(X))
        return y


def _normed(channels: int, size: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    """A convolution that keeps the size of the image but for the stride, and batch normalisation."""
    convolution = nn.LazyConv2d(channels, kernel_size=size, stride=stride, padding=size // 2, groups=groups)
    return [convolution, nn.LazyBatchNorm2d()]


class Residual(_Block):
    """Two convolutions of 3 x 3, to whose result the input is added (He et al. 2016).

    Parameters
    ----------
    num_channels : int
        Of the result.
    use_1x1conv : bool
        A convolution of 1 x 1 gives the input as many channels.
    strides : int
        Of the first convolution, and of that of the input.

    Examples
    --------
    >>> wg.d2l.Residual(3)(wg.randn(4, 3, 6, 6)).shape
    wengert.Size([4, 3, 6, 6])
    >>> wg.d2l.Residual(6, use_1x1conv=True, strides=2)(wg.randn(4, 3, 6, 6)).shape
    wengert.Size([4, 6, 3, 3])
    """

    def __init__(self, num_channels: int, use_1x1conv: bool = False, strides: int = 1) -> None:
        super().__init__()
        path = [*_normed(num_channels, 3, strides), nn.ReLU(), *_normed(num_channels, 3)]
        self._make(path, [nn.LazyConv2d(num_channels, kernel_size=1, stride=strides)] if use_1x1conv else [])


class ResNeXtBlock(_Block):
    """A residual block whose middle convolution works in groups, between two of 1 x 1 (Xie et al. 2017).

    Parameters
    ----------
    num_channels : int
        Of the result.
    groups : int
        How many channels each group has.
    bot_mul : float
        The share of num_channels that the middle convolution has.
    use_1x1conv : bool
        A convolution of 1 x 1, normalised, gives the input as many channels.
    strides : int
        Of the middle convolution, and of that of the input.

    Examples
    --------
    >>> wg.d2l.ResNeXtBlock(32, 16, 1)(wg.randn(4, 32, 12, 12)).shape
    wengert.Size([4, 32, 12, 12])
    """

    def __init__(
        self, num_channels: int, groups: int, bot_mul: float, use_1x1conv: bool = False, strides: int = 1
    ) -> None:  # fmt: skip
        super().__init__()
        middle = round(num_channels * bot_mul)
        path = [
            *_normed(middle, 1), nn.ReLU(), *_normed(middle, 3, strides, middle // groups), nn.ReLU(),
            *_normed(num_channels, 1),
        ]  # fmt: skip
        self._make(path, _normed(num_channels, 1, strides) if use_1x1conv else [])
