"""Activation functions as modules."""

from __future__ import annotations

from typing import Any

from ...ops import creation
from .. import functional as F
from .module import Module
from .parameter import Parameter


class _InPlace(Module):
    """An activation that can replace the items of its input."""

    inplace: bool

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def extra_repr(self) -> str:
        """Whether it works in place."""
        return "inplace=True" if self.inplace else ""


class ReLU(_InPlace):
    """The positive part max(x, 0).

    Parameters
    ----------
    inplace : bool
        Replace the items of the input.

    Examples
    --------
    >>> wg.nn.ReLU()(wg.tensor([-1., 2.]))
    tensor([0., 2.])
    """

    def forward(self, input: Any) -> Any:
        """max(x, 0)."""
        return F.relu(input, self.inplace)


class LeakyReLU(Module):
    """x where it is positive, `negative_slope` times x elsewhere.

    Parameters
    ----------
    negative_slope : float
    inplace : bool
        Replace the items of the input.

    Examples
    --------
    >>> wg.nn.LeakyReLU(0.1)(wg.tensor([-1., 2.]))
    tensor([-0.1000,  2.0000])
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope, self.inplace = negative_slope, inplace

    def forward(self, input: Any) -> Any:
        """The function of the input."""
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        """The slope."""
        return f"negative_slope={self.negative_slope}" + (", inplace=True" if self.inplace else "")


class PReLU(Module):
    """x where it is positive, a learned slope times x elsewhere (He et al. 2015).

    Parameters
    ----------
    num_parameters : int
        1, or the number of channels, each with a slope of its own.
    init : float
        Where the slopes start.
    device : "cpu" or None
    dtype : dtype or None
        None: the default dtype.

    Attributes
    ----------
    weight : Parameter
        (num_parameters,)

    Examples
    --------
    >>> wg.nn.PReLU()(wg.tensor([-1., 2.]))
    tensor([-0.2500,  2.0000], grad_fn=<PreluKernelBackward0>)
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.weight = Parameter(creation.full((num_parameters,), float(init), dtype=dtype))

    def forward(self, input: Any) -> Any:
        """The function of the input."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """The number of slopes."""
        return f"num_parameters={self.num_parameters}"


class ELU(Module):
    """x where it is positive, alpha (exp(x) - 1) elsewhere (Clevert, Unterthiner and Hochreiter 2016).

    Parameters
    ----------
    alpha : float
    inplace : bool
        Replace the items of the input.

    Examples
    --------
    >>> wg.nn.ELU()(wg.tensor([-1., 2.]))
    tensor([-0.6321,  2.0000])
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha, self.inplace = alpha, inplace

    def forward(self, input: Any) -> Any:
        """The function of the input."""
        return F.elu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """The scale."""
        return f"alpha={self.alpha}" + (", inplace=True" if self.inplace else "")


class GELU(Module):
    """x times the standard normal distribution function of x (Hendrycks and Gimpel 2016).

    Parameters
    ----------
    approximate : {"none", "tanh"}

    Examples
    --------
    >>> wg.nn.GELU()(wg.tensor([0., 1.]))
    tensor([0.0000, 0.8413])
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Any) -> Any:
        """The function of the input."""
        return F.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        """The approximation."""
        return f"approximate={self.approximate!r}"


class SiLU(_InPlace):
    """x times the sigmoid of x, also called swish.

    Parameters
    ----------
    inplace : bool
        Replace the items of the input.

    Examples
    --------
    >>> wg.nn.SiLU()(wg.tensor([0., 1.]))
    tensor([0.0000, 0.7311])
    """

    def forward(self, input: Any) -> Any:
        """The function of the input."""
        return F.silu(input, self.inplace)


class Softplus(Module):
    """log(1 + exp(beta x)) / beta, a smooth positive part.

    Parameters
    ----------
    beta, threshold : float
        As in `functional.softplus`.

    Examples
    --------
    >>> wg.nn.Softplus()(wg.tensor([0., 1.]))
    tensor([0.6931, 1.3133])
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta, self.threshold = beta, threshold

    def forward(self, input: Any) -> Any:
        """The function of the input."""
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """The options."""
        return f"beta={self.beta}, threshold={self.threshold}"


class Sigmoid(Module):
    """1 / (1 + exp(-x)).

    Examples
    --------
    >>> wg.nn.Sigmoid()(wg.tensor([0., 1.]))
    tensor([0.5000, 0.7311])
    """

    def forward(self, input: Any) -> Any:
        """The function of the input."""
        return F.sigmoid(input)


class Tanh(Module):
    """The hyperbolic tangent.

    Examples
    --------
    >>> wg.nn.Tanh()(wg.tensor([0., 1.]))
    tensor([0.0000, 0.7616])
    """

    def forward(self, input: Any) -> Any:
        """The function of the input."""
        return F.tanh(input)


class Softmax(Module):
    """exp(x) / sum(exp(x)) along a dimension.

    Parameters
    ----------
    dim : int

    Examples
    --------
    >>> wg.nn.Softmax(dim=1)(wg.zeros(1, 2))
    tensor([[0.5000, 0.5000]])
    """

    _function = staticmethod(F.softmax)

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Any) -> Any:
        """The function of the input."""
        return self._function(input, self.dim)

    def extra_repr(self) -> str:
        """The dimension."""
        return f"dim={self.dim}"


class LogSoftmax(Softmax):
    """The logarithm of softmax along a dimension.

    Parameters
    ----------
    dim : int

    Examples
    --------
    >>> wg.nn.LogSoftmax(dim=1)(wg.zeros(1, 2))
    tensor([[-0.6931, -0.6931]])
    """

    _function = staticmethod(F.log_softmax)
