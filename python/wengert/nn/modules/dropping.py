"""Dropout: of items, of whole channels, and such that mean and variance stay, as modules."""

from __future__ import annotations

from typing import Any

from ...tensors.tensor import Tensor
from .. import functional as F
from .module import Module


class _Dropout(Module):
    """What drops with probability p while training."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"{type(self).__name__}: expected a probability p in [0, 1], got {p}")
        self.p, self.inplace = p, inplace

    def extra_repr(self) -> str:
        """The options."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """In training, each item zeroed with probability p and the others scaled by 1 / (1 - p); else the input.

    Parameters
    ----------
    p : float
    inplace : bool
        Replace the items of the input.

    Raises
    ------
    ValueError
        If p is not in [0, 1].

    Examples
    --------
    >>> wg.nn.Dropout(0.5).eval()(wg.ones(3))
    tensor([1., 1., 1.])
    """

    def forward(self, input: Any) -> Tensor:
        """The input with items dropped."""
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_Dropout):
    """In training, each channel of sequences zeroed with probability p and the others scaled by 1 / (1 - p).

    Parameters
    ----------
    p : float
    inplace : bool
        Replace the items of the input.

    Raises
    ------
    ValueError
        If p is not in [0, 1].

    Examples
    --------
    >>> wg.nn.Dropout1d(0.5).eval()(wg.ones(1, 3))
    tensor([[1., 1., 1.]])
    """

    def forward(self, input: Any) -> Tensor:
        """The input with channels dropped."""
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_Dropout):
    """In training, each channel of images zeroed with probability p and the others scaled by 1 / (1 - p).

    Parameters
    ----------
    p : float
    inplace : bool
        Replace the items of the input.

    Raises
    ------
    ValueError
        If p is not in [0, 1].

    Examples
    --------
    >>> wg.nn.Dropout2d(0.5).eval()(wg.ones(1, 1, 3))
    tensor([[[1., 1., 1.]]])
    """

    def forward(self, input: Any) -> Tensor:
        """The input with channels dropped."""
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_Dropout):
    """In training, each channel of volumes zeroed with probability p and the others scaled by 1 / (1 - p).

    Parameters
    ----------
    p : float
    inplace : bool
        Replace the items of the input.

    Raises
    ------
    ValueError
        If p is not in [0, 1].

    Examples
    --------
    >>> wg.nn.Dropout3d(0.5).eval()(wg.ones(1, 1, 1, 3))
    tensor([[[[1., 1., 1.]]]])
    """

    def forward(self, input: Any) -> Any:
        """The input with channels dropped."""
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_Dropout):
    """In training, each item set to selu's least value with probability p, such that mean 0 and variance 1 stay.

    Parameters
    ----------
    p : float
    inplace : bool
        Replace the items of the input.

    Raises
    ------
    ValueError
        If p is not in [0, 1].

    Examples
    --------
    >>> wg.nn.AlphaDropout(0.5).eval()(wg.ones(3))
    tensor([1., 1., 1.])
    """

    def forward(self, input: Any) -> Tensor:
        """The input with items dropped."""
        return F.alpha_dropout(input, self.p, self.training, self.inplace)


class FeatureAlphaDropout(_Dropout):
    """In training, each channel set to selu's least value with probability p, such that mean and variance stay.

    Parameters
    ----------
    p : float
    inplace : bool
        Replace the items of the input.

    Raises
    ------
    ValueError
        If p is not in [0, 1].

    Examples
    --------
    >>> wg.nn.FeatureAlphaDropout(0.5).eval()(wg.ones(1, 3))
    tensor([[1., 1., 1.]])
    """

    def forward(self, input: Any) -> Tensor:
        """The input with channels dropped."""
        return F.feature_alpha_dropout(input, self.p, self.training, self.inplace)
