"""The course's models: linear, logistic and softmax regression, multilayer perceptrons; from scratch and concise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import func, linalg, nn, optim
from ..nn import functional
from ..ops import arithmetic, creation, functions, random
from ..tensors.tensor import Tensor
from .design import SGD, Classifier, Module

# ---------------------------------------------------------------- linear regression


class LinearRegressionScratch(Module):
    """Linear regression from scratch: X w + b, the mean squared error, and `SGD` from scratch.

    Parameters
    ----------
    num_inputs : int
    lr : float
    sigma : float
        The standard deviation of the weights at first.

    Attributes
    ----------
    w, b : Tensor
        (num_inputs, 1), (1,).

    Examples
    --------
    >>> wg.d2l.LinearRegressionScratch(2, lr=0.03)(wg.zeros(3, 2)).shape
    wengert.Size([3, 1])
    """

    def __init__(self, num_inputs: int, lr: float, sigma: float = 0.01) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.w = nn.Parameter(random.normal(0, sigma, (num_inputs, 1)))
        self.b = nn.Parameter(creation.zeros(1))

    def forward(self, X: Any) -> Tensor:
        """The predictions (n, 1)."""
        predictions: Tensor = X @ self.w + self.b
        return predictions

    def loss(self, y_hat: Any, y: Any) -> Tensor:
        """The mean squared error."""
        loss: Tensor = ((y_hat - y) ** 2).mean()
        return loss

    def configure_optimizers(self) -> SGD:
        """Gradient descent from scratch."""
        return SGD([self.w, self.b], self.lr)


class LinearRegression(Module):
    """Linear regression with the library's layer, loss and optimizer.

    Parameters
    ----------
    lr : float

    Examples
    --------
    >>> wg.d2l.LinearRegression(lr=0.03)(wg.zeros(3, 2)).shape
    wengert.Size([3, 1])
    """

    def __init__(self, lr: float) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.net = _LazyNearZero(1)

    def loss(self, y_hat: Any, y: Any) -> Tensor:
        """The mean squared error."""
        return functional.mse_loss(y_hat, y)

    def get_w_b(self) -> tuple[Tensor, Tensor]:
        """Weights and bias."""
        return self.net.weight.data, self.net.bias.data


class _LazyNearZero(nn.LazyLinear):
    """A lazy layer whose weights begin as N(0, 0.01) and whose bias begins at zero."""

    def reset_parameters(self) -> None:
        nn.init.normal_(self.weight, 0, 0.01)
        nn.init.zeros_(self.bias)


def l2_penalty(w: Tensor) -> Tensor:
    """Half the sum of squares.

    Parameters
    ----------
    w : tensor

    Returns
    -------
    Tensor
        A single number.

    Examples
    --------
    >>> wg.d2l.l2_penalty(wg.tensor([3., 4.]))
    tensor(12.5000)
    """
    return (w**2).sum() / 2


class WeightDecayScratch(LinearRegressionScratch):
    """Linear regression from scratch whose loss has the penalty lambd ‖w‖² / 2.

    Parameters
    ----------
    num_inputs : int
    lambd : float
    lr : float
    sigma : float

    Examples
    --------
    >>> model = wg.d2l.WeightDecayScratch(num_inputs=200, lambd=3, lr=0.01)
    """

    def __init__(self, num_inputs: int, lambd: float, lr: float, sigma: float = 0.01) -> None:
        super().__init__(num_inputs, lr, sigma)
        self.save_hyperparameters()

    def training_step(self, batch: Sequence[Any]) -> Any:
        """The loss of a batch, which is what is plotted, and the penalty added to what is minimised."""
        return super().training_step(batch) + self.lambd * l2_penalty(self.w)


class WeightDecay(LinearRegression):
    """Linear regression whose optimizer decays the weights, and not the bias.

    Parameters
    ----------
    wd : float
    lr : float

    Examples
    --------
    >>> model = wg.d2l.WeightDecay(wd=3, lr=0.01)
    """

    def __init__(self, wd: float, lr: float) -> None:
        super().__init__(lr)
        self.save_hyperparameters()

    def configure_optimizers(self) -> optim.SGD:
        """SGD with weight decay on the weights."""
        groups = [{"params": [self.net.weight], "weight_decay": self.wd}, {"params": [self.net.bias]}]
        return optim.SGD(groups, lr=self.lr)


# ---------------------------------------------------------------- logistic regression


class LogisticRegression(Module):
    """Logistic regression: p(y = 1 | x, w, b) = σ(wᵀx + b), its negative log-likelihood minimised.

    Parameters
    ----------
    num_inputs : int
    lr : float

    Examples
    --------
    >>> wg.d2l.LogisticRegression(2, lr=0.1).probability(wg.zeros(3, 2)).tolist()
    [0.5, 0.5, 0.5]
    """

    def __init__(self, num_inputs: int, lr: float) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.w = nn.Parameter(creation.zeros(num_inputs))
        self.b = nn.Parameter(creation.zeros(()))

    def forward(self, X: Any) -> Tensor:
        """The logits wᵀx + b, (n,)."""
        predictions: Tensor = X @ self.w + self.b
        return predictions

    def probability(self, X: Any) -> Tensor:
        """p(y = 1 | x) of each row, (n,)."""
        return functions.sigmoid(self(X)).detach()

    def loss(self, y_hat: Any, y: Any) -> Tensor:
        """The mean negative log-likelihood of labels 0 and 1."""
        return functional.binary_cross_entropy_with_logits(y_hat, y)


def newton(
    f: Callable[[Any], Any], x: Tensor, num_steps: int = 10, tolerance: float = 1e-12
) -> tuple[Tensor, list[tuple[float, float]]]:
    """Minimise by Newton's method: x -= H⁻¹ g, with gradient and Hessian of the tape.

    Parameters
    ----------
    f : function of a vector, giving a 0-d tensor
    x : Tensor
        (n,), where to begin.
    num_steps : int
        At most.
    tolerance : float
        Of the gradient's norm, at which to stop.

    Returns
    -------
    x : Tensor
        Where it ended.
    path : list of (value, norm of the gradient)
        At the beginning and after each step.

    Raises
    ------
    numpy.linalg.LinAlgError
        If a Hessian is singular.

    Examples
    --------
    >>> x, path = wg.d2l.newton(lambda x: (x.exp() - 2 * x).sum(), wg.tensor([0.], dtype=wg.float64))
    >>> round(x.item(), 12), len(path)
    (0.69314718056, 6)
    """
    value_and_grad, hessian = func.value_and_grad(f), func.hessian(f)
    path: list[tuple[float, float]] = []
    for step in range(num_steps + 1):
        value, gradient = value_and_grad(x)
        path.append((value.item(), gradient.norm().item()))
        if path[-1][1] <= tolerance or step == num_steps:
            break
        x = x - linalg.solve(hessian(x), gradient)
    return x, path


def numerical_lim(f: Callable[[Any], Any], x: Any, h: float) -> Any:
    """The difference quotient (f(x + h) - f(x)) / h, which tends to the derivative; see `func.difference_quotient`.

    Parameters
    ----------
    f : callable
    x : number or tensor
    h : float

    Returns
    -------
    number or tensor

    Examples
    --------
    >>> f = lambda x: 3 * x**2 - 4 * x
    >>> [round(wg.d2l.numerical_lim(f, 1.0, 10.0**-k), 5) for k in range(1, 6)]
    [2.3, 2.03, 2.003, 2.0003, 2.00003]
    """
    return (f(x + h) - f(x)) / h


# ---------------------------------------------------------------- softmax regression


def softmax(X: Any) -> Tensor:
    """Softmax of each row from scratch; `wengert.softmax` is the one to use.

    Parameters
    ----------
    X : tensor
        (n, classes)

    Returns
    -------
    Tensor
        Of the same shape.

    Examples
    --------
    >>> wg.d2l.softmax(wg.zeros(1, 4))
    tensor([[0.2500, 0.2500, 0.2500, 0.2500]])
    """
    X_exp: Tensor = X.exp()
    return X_exp / X_exp.sum(1, keepdim=True)


def cross_entropy(y_hat: Any, y: Any) -> Tensor:
    """The mean cross-entropy of probabilities y_hat (n, classes) against labels y (n,), from scratch.

    Returns
    -------
    Tensor
        0-d.

    Examples
    --------
    >>> wg.d2l.cross_entropy(wg.tensor([[0.1, 0.3, 0.6], [0.3, 0.2, 0.5]]), wg.tensor([0, 2]))
    tensor(1.4979)
    """
    chosen: Tensor = y_hat[list(range(len(y_hat))), y]
    return -chosen.log().mean()


class SoftmaxRegressionScratch(Classifier):
    """Softmax regression from scratch.

    Parameters
    ----------
    num_inputs, num_outputs : int
    lr : float
    sigma : float
        The standard deviation of the weights at first.

    Examples
    --------
    >>> model = wg.d2l.SoftmaxRegressionScratch(784, 10, lr=0.1)
    >>> model(wg.zeros(2, 1, 28, 28)).sum(1).tolist()
    [1.0, 1.0]
    """

    def __init__(self, num_inputs: int, num_outputs: int, lr: float, sigma: float = 0.01) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.W = nn.Parameter(random.normal(0, sigma, (num_inputs, num_outputs)))
        self.b = nn.Parameter(creation.zeros(num_outputs))

    def forward(self, X: Any) -> Tensor:
        """The probabilities (n, num_outputs)."""
        return softmax(X.reshape((-1, self.num_inputs)) @ self.W + self.b)

    def loss(self, y_hat: Any, y: Any, averaged: bool = True) -> Tensor:
        """The mean cross-entropy of probabilities."""
        return cross_entropy(y_hat, y)


class SoftmaxRegression(Classifier):
    """Softmax regression: a lazy linear layer to logits.

    Parameters
    ----------
    num_outputs : int
    lr : float

    Examples
    --------
    >>> wg.d2l.SoftmaxRegression(10, lr=0.1)(wg.zeros(2, 1, 28, 28)).shape
    wengert.Size([2, 10])
    """

    def __init__(self, num_outputs: int, lr: float) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(nn.Flatten(), nn.LazyLinear(num_outputs))


# ---------------------------------------------------------------- multilayer perceptrons


class MLPScratch(Classifier):
    """A perceptron with one hidden layer of ReLUs, from scratch.

    Parameters
    ----------
    num_inputs, num_outputs, num_hiddens : int
    lr : float
    sigma : float
        The standard deviation of the weights at first.

    Examples
    --------
    >>> wg.d2l.MLPScratch(784, 10, 256, lr=0.1)(wg.zeros(2, 1, 28, 28)).shape
    wengert.Size([2, 10])
    """

    def __init__(self, num_inputs: int, num_outputs: int, num_hiddens: int, lr: float, sigma: float = 0.01) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.W1 = nn.Parameter(random.normal(0, sigma, (num_inputs, num_hiddens)))
        self.b1 = nn.Parameter(creation.zeros(num_hiddens))
        self.W2 = nn.Parameter(random.normal(0, sigma, (num_hiddens, num_outputs)))
        self.b2 = nn.Parameter(creation.zeros(num_outputs))

    def forward(self, X: Any) -> Tensor:
        """The logits (n, num_outputs)."""
        H = relu(X.reshape((-1, self.num_inputs)) @ self.W1 + self.b1)
        return H @ self.W2 + self.b2


def relu(X: Any) -> Tensor:
    """The larger of each item and zero, from scratch; `wengert.relu` is the one to use.

    Parameters
    ----------
    X : tensor

    Returns
    -------
    Tensor
        Of the same shape.

    Examples
    --------
    >>> wg.d2l.relu(wg.tensor([-1., 2.]))
    tensor([0., 2.])
    """
    return arithmetic.maximum(X, creation.zeros_like(X))


_ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "prelu": nn.PReLU}


class MLP(Classifier):
    """A multilayer perceptron of lazy layers.

    Parameters
    ----------
    num_outputs : int
    num_hiddens : int or sequence of int
        The width of the hidden layer, or of several.
    lr : float
    activation : "relu", "sigmoid", "tanh" or "prelu"

    Raises
    ------
    ValueError
        If there is no such activation.

    Examples
    --------
    >>> wg.d2l.MLP(10, [256, 128], lr=0.1, activation="tanh").net
    Sequential(
      (0): Flatten(start_dim=1, end_dim=-1)
      (1): LazyLinear(in_features=0, out_features=256, bias=True)
      (2): Tanh()
      (3): LazyLinear(in_features=0, out_features=128, bias=True)
      (4): Tanh()
      (5): LazyLinear(in_features=0, out_features=10, bias=True)
    )
    """

    def __init__(self, num_outputs: int, num_hiddens: int | Sequence[int], lr: float, activation: str = "relu") -> None:
        super().__init__()
        self.save_hyperparameters()
        if activation not in _ACTIVATIONS:
            raise ValueError(f"MLP: expected an activation out of {', '.join(_ACTIVATIONS)}, got {activation!r}")
        layers: list[nn.Module] = [nn.Flatten()]
        for width in [num_hiddens] if isinstance(num_hiddens, int) else num_hiddens:
            layers += [nn.LazyLinear(width), _ACTIVATIONS[activation]()]
        self.net = nn.Sequential(*layers, nn.LazyLinear(num_outputs))
