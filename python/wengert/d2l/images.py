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
