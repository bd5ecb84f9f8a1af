"""Activation functions as modules."""

from __future__ import annotations

from typing import Any

from ...core.doors import enter
from ...ops import creation
from ...tensors.tensor import Tensor
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

    def forward(self, input: Any) -> Tensor:
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

    def forward(self, input: Any) -> Tensor:
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

    def forward(self, input: Any) -> Tensor:
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

    def forward(self, input: Any) -> Tensor:
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

    def forward(self, input: Any) -> Tensor:
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

    def forward(self, input: Any) -> Tensor:
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

    def forward(self, input: Any) -> Tensor:
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

    def forward(self, input: Any) -> Tensor:
        """The function of the input."""
        return F.sigmoid(input)


class Tanh(Module):
    """The hyperbolic tangent.

    Examples
    --------
    >>> wg.nn.Tanh()(wg.tensor([0., 1.]))
    tensor([0.0000, 0.7616])
    """

    def forward(self, input: Any) -> Tensor:
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

    def forward(self, input: Any) -> Tensor:
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


class ReLU6(_InPlace):
    """min(max(x, 0), 6).

    Parameters
    ----------
    inplace : bool
        Replace the items of the input.

    Examples
    --------
    >>> wg.nn.ReLU6()(wg.tensor([-1., 2., 8.]))
    tensor([0., 2., 6.])
    """

    def forward(self, input: Any) -> Tensor:
        """The function of the input."""
        return F.relu6(input, self.inplace)


class SELU(_InPlace):
    """1.0507 x where x is positive, 1.7581 (exp(x) - 1) elsewhere (Klambauer et al. 2017).

    Parameters
    ----------
    inplace : bool
        Replace the items of the input.

    Examples
    --------
    >>> wg.nn.SELU()(wg.tensor([-1., 2.]))
    tensor([-1.1113,  2.1014])
    """

    def forward(self, input: Any) -> Tensor:
        """The function of the input."""
        return F.selu(input, self.inplace)


class CELU(Module):
    """x where it is positive, alpha (exp(x / alpha) - 1) elsewhere, whose derivative has no jump (Barron 2017).

    Parameters
    ----------
    alpha : float
    inplace : bool
        Replace the items of the input.

    Examples
    --------
    >>> wg.nn.CELU(0.5)(wg.tensor([-1., 2.]))
    tensor([-0.4323,  2.0000])
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha, self.inplace = alpha, inplace

    def forward(self, input: Any) -> Tensor:
        """The function of the input."""
        return F.celu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """The scale."""
        return f"alpha={self.alpha}" + (", inplace=True" if self.inplace else "")


class Mish(_InPlace):
    """x tanh(log(1 + exp(x))) (Misra 2019).

    Parameters
    ----------
    inplace : bool
        Replace the items of the input.

    Examples
    --------
    >>> wg.nn.Mish()(wg.tensor([0., 1.]))
    tensor([0.0000, 0.8651])
    """

    def forward(self, input: Any) -> Tensor:
        """The function of the input."""
        return F.mish(input, self.inplace)


class LogSigmoid(Module):
    """log(1 / (1 + exp(-x))), without overflow.

    Examples
    --------
    >>> wg.nn.LogSigmoid()(wg.tensor([0., 1.]))
    tensor([-0.6931, -0.3133])
    """

    def forward(self, input: Any) -> Tensor:
        """The function of the input."""
        return F.logsigmoid(input)


class Hardtanh(Module):
    """x between the bounds, and the nearer of them elsewhere.

    Parameters
    ----------
    min_val, max_val : float
    inplace : bool
        Replace the items of the input.

    Raises
    ------
    ValueError
        If min_val is not below max_val.

    Examples
    --------
    >>> wg.nn.Hardtanh()(wg.tensor([-2., 0.5, 2.]))
    tensor([-1.0000,  0.5000,  1.0000])
    """

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        if not max_val > min_val:
            raise ValueError(f"Hardtanh: expected min_val < max_val, got {min_val} and {max_val}")
        self.min_val, self.max_val, self.inplace = min_val, max_val, inplace

    def forward(self, input: Any) -> Tensor:
        """The function of the input."""
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        """The bounds."""
        return f"min_val={self.min_val}, max_val={self.max_val}" + (", inplace=True" if self.inplace else "")


class _InPlaceUnsaid(_InPlace):
    """One whose printed form does not tell whether it works in place, as PyTorch's do not."""

    def extra_repr(self) -> str:
        """Nothing."""
        return ""


class Hardsigmoid(_InPlaceUnsaid):
    """A sigmoid made of straight lines, min(max(x + 3, 0), 6) / 6.

    Parameters
    ----------
    inplace : bool
        Replace the items of the input.

    Examples
    --------
    >>> wg.nn.Hardsigmoid()(wg.tensor([-4., 0., 1.5]))
    tensor([0.0000, 0.5000, 0.7500])
    """

    def forward(self, input: Any) -> Tensor:
        """The function of the input."""
        return F.hardsigmoid(input, self.inplace)


class Hardswish(_InPlaceUnsaid):
    """x times a sigmoid made of straight lines, x min(max(x + 3, 0), 6) / 6 (Howard et al. 2019).

    Parameters
    ----------
    inplace : bool
        Replace the items of the input.

    Examples
    --------
    >>> wg.nn.Hardswish()(wg.tensor([0., 1., 4.]))
    tensor([0.0000, 0.6667, 4.0000])
    """

    def forward(self, input: Any) -> Tensor:
        """The function of the input."""
        return F.hardswish(input, self.inplace)


class Hardshrink(Module):
    """x where it is farther than `lambd` from 0, and 0 elsewhere.

    Parameters
    ----------
    lambd : float

    Examples
    --------
    >>> wg.nn.Hardshrink()(wg.tensor([-1., 0.25, 2.]))
    tensor([-1.,  0.,  2.])
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Any) -> Tensor:
        """The function of the input."""
        return F.hardshrink(input, self.lambd)

    def extra_repr(self) -> str:
        """The bound."""
        return f"{self.lambd}"


class Softshrink(Module):
    """x brought nearer to 0 by `lambd`, and 0 where it is nearer than that.

    Parameters
    ----------
    lambd : float
        At least 0.

    Examples
    --------
    >>> wg.nn.Softshrink()(wg.tensor([-1., 0.25, 2.]))
    tensor([-0.5000,  0.0000,  1.5000])
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Any) -> Tensor:
        """The function of the input."""
        return F.softshrink(input, self.lambd)

    def extra_repr(self) -> str:
        """The bound."""
        return f"{self.lambd}"


class Tanhshrink(Module):
    """x - tanh(x).

    Examples
    --------
    >>> wg.nn.Tanhshrink()(wg.tensor([0., 1.]))
    tensor([0.0000, 0.2384])
    """

    def forward(self, input: Any) -> Tensor:
        """The function of the input."""
        return F.tanhshrink(input)


class Softsign(Module):
    """x / (1 + |x|).

    Examples
    --------
    >>> wg.nn.Softsign()(wg.tensor([-1., 3.]))
    tensor([-0.5000,  0.7500])
    """

    def forward(self, input: Any) -> Tensor:
        """The function of the input."""
        return F.softsign(input)


class Threshold(Module):
    """x where it is above the threshold, a fixed value elsewhere.

    Parameters
    ----------
    threshold, value : float
    inplace : bool
        Replace the items of the input.

    Examples
    --------
    >>> wg.nn.Threshold(1, -1)(wg.tensor([0.5, 2.]))
    tensor([-1.,  2.])
    """

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold, self.value, self.inplace = threshold, value, inplace

    def forward(self, input: Any) -> Tensor:
        """The function of the input."""
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        """The bound, and what stands below it."""
        return f"threshold={self.threshold}, value={self.value}" + (", inplace=True" if self.inplace else "")


class RReLU(Module):
    """x where it is positive; elsewhere a slope times x, which in training is random (Xu et al. 2015).

    Parameters
    ----------
    lower, upper : float
        Slopes are uniform between them, one for each item, and in evaluation their mean.
    inplace : bool
        Replace the items of the input.

    Examples
    --------
    >>> wg.nn.RReLU(0.25, 0.75).eval()(wg.tensor([-1., 2.]))
    tensor([-0.5000,  2.0000])
    """

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False) -> None:
        super().__init__()
        self.lower, self.upper, self.inplace = lower, upper, inplace

    def forward(self, input: Any) -> Tensor:
        """The function of the input."""
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        """The bounds."""
        return f"lower={self.lower}, upper={self.upper}" + (", inplace=True" if self.inplace else "")


class GLU(Module):
    """The first half of one dimension times the sigmoid of the second (Dauphin et al. 2017).

    Parameters
    ----------
    dim : int

    Examples
    --------
    >>> wg.nn.GLU()(wg.tensor([1., 2., 0., 0.]))
    tensor([0.5000, 1.0000])
    """

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Any) -> Tensor:
        """The function of the input."""
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        """The dimension."""
        return f"dim={self.dim}"


class Softmin(Module):
    """The softmax of -x along one dimension.

    Parameters
    ----------
    dim : int

    Examples
    --------
    >>> wg.nn.Softmin(dim=0)(wg.tensor([1., 2., 3.]))
    tensor([0.6652, 0.2447, 0.0900])
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Any) -> Tensor:
        """The function of the input."""
        return F.softmin(input, self.dim)

    def extra_repr(self) -> str:
        """The dimension."""
        return f"dim={self.dim}"


class Softmax2d(Module):
    """The softmax over the channels of images, at each place.

    Examples
    --------
    >>> wg.nn.Softmax2d()(wg.zeros(2, 1, 2))
    tensor([[[0.5000, 0.5000]],
    <BLANKLINE>
            [[0.5000, 0.5000]]])
    """

    def forward(self, input: Any) -> Tensor:
        """The function of an input (n, channels, height, width) or (channels, height, width)."""
        shape = enter(input)._value.shape
        if len(shape) not in (3, 4):
            raise ValueError(
                f"expected input of shape (n, channels, height, width) or (channels, height, width), got {shape}"
            )
        return F.softmax(input, -3)
