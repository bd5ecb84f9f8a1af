"""Loops that the course writes by hand, and what it uses in them: sums over batches, curves that grow, plain models.

They are from the book's first edition. Chapter 12 trains by them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .. import nn, optim
from ..autograd import no_grad
from ..ops import creation, random
from ..tensors.tensor import Tensor
from .design import Point, ProgressBoard, Timer
from .images import init_cnn

# ---------------------------------------------------------------- what a loop keeps


class Accumulator:
    """Sums of several numbers.

    Parameters
    ----------
    n : int
        How many sums.

    Attributes
    ----------
    data : list of float

    Examples
    --------
    >>> metric = wg.d2l.Accumulator(2)
    >>> metric.add(wg.tensor(1.5), 1)
    >>> metric.add(2, 1)
    >>> metric[0] / metric[1]
    1.75
    """

    def __init__(self, n: int) -> None:
        self.data = [0.0] * n

    def add(self, *args: Any) -> None:
        """Add a number to each sum.

        Raises
        ------
        ValueError
            If there are more or fewer numbers than sums.
        """
        if len(args) != len(self.data):
            raise ValueError(f"add: expected {len(self.data)} numbers, one for each sum, got {len(args)}")
        self.data = [total + float(x) for total, x in zip(self.data, args, strict=True)]

    def reset(self) -> None:
        """Begin again with zeros."""
        self.data = [0.0] * len(self.data)

    def __getitem__(self, idx: int) -> float:
        return self.data[idx]


class Animator(ProgressBoard):
    """Curves to which a loop adds points: in a notebook a figure that grows, in a terminal a chart in text.

    Parameters
    ----------
    xlabel, ylabel : str, optional
    legend : sequence of str, optional
        A name for each curve.
    xlim, ylim : (float, float), optional
    xscale, yscale : "linear" or "log"
    fmts : sequence of str
        matplotlib's formats, one for each curve.
    nrows, ncols : int
        Accepted as in the book, which draws into the first of so many axes; here there is one.
    figsize : (float, float)
        In inches.

    Attributes
    ----------
    X, Y : list of list of float, or None
        The curves' points; None as long as there are none.

    Examples
    --------
    >>> animator = wg.d2l.Animator(xlabel="epoch", legend=["train loss", "test acc"])
    >>> animator.add(1, (0.5, None))
    >>> animator.add(2, (0.25, 0.9))
    >>> animator.X, animator.Y
    ([[1.0, 2.0], [2.0]], [[0.5, 0.25], [0.9]])
    """

    def __init__(
        self, xlabel: str | None = None, ylabel: str | None = None, legend: Sequence[str] | None = None,
        xlim: Any = None, ylim: Any = None, xscale: str = "linear", yscale: str = "linear",
        fmts: Sequence[str] = ("-", "m--", "g-.", "r:"), nrows: int = 1, ncols: int = 1,
        figsize: tuple[float, float] = (3.5, 2.5),
    ) -> None:  # fmt: skip
        super().__init__(xlabel, ylabel, xlim, ylim, xscale, yscale, figsize=figsize)
        self.legend, self.fmts = list(legend or ()), fmts
        self.X: list[list[float]] | None = None
        self.Y: list[list[float]] | None = None

    def add(self, x: Any, y: Any) -> None:
        """Add a point to each curve.

        Parameters
        ----------
        x : number, or sequence of them
            One for all curves, or one for each.
        y : number, or sequence of them
            One for each curve; None for none.
        """
        ys = list(y) if isinstance(y, (list, tuple)) else [y]
        xs = list(x) if isinstance(x, (list, tuple)) else [x] * len(ys)
        if self.X is None or self.Y is None:
            self.X, self.Y = [[] for _ in ys], [[] for _ in ys]
        if not len(xs) == len(ys) == len(self.Y):
            raise ValueError(f"add: expected a point for each of {len(self.Y)} curves, got {len(xs)} x and {len(ys)} y")
        for k, (a, b) in enumerate(zip(xs, ys, strict=True)):
            if a is not None and b is not None:
                self.X[k].append(float(a))
                self.Y[k].append(float(b))
                name = self.legend[k] if k < len(self.legend) else str(k + 1)
                self.data.setdefault(name, []).append(Point(self.X[k][-1], self.Y[k][-1]))
        self._show_again()

    def _draw_lines(self) -> None:
        for k, (xs, ys) in enumerate(zip(self.X or (), self.Y or (), strict=True)):
            name = self.legend[k] if k < len(self.legend) else None
            self.axes.plot(xs, ys, self.fmts[k % len(self.fmts)], label=name)


# ---------------------------------------------------------------- plain models


def linreg(X: Any, w: Any, b: Any) -> Tensor:
    """Linear regression: X w + b.

    Parameters
    ----------
    X : tensor
        (n, inputs)
    w : tensor
        (inputs, 1)
    b : tensor
        (1,)

    Returns
    -------
    Tensor
        (n, 1)

    Examples
    --------
    >>> wg.d2l.linreg(wg.ones(2, 3), wg.ones(3, 1), wg.tensor([0.5]))
    tensor([[3.5000],
            [3.5000]])
    """
    predictions: Tensor = X @ w + b
    return predictions


def squared_loss(y_hat: Any, y: Any) -> Tensor:
    """Half the squared difference, item by item.

    Parameters
    ----------
    y_hat, y : tensor
        As many items; y is reshaped.

    Returns
    -------
    Tensor
        Of the shape of y_hat.

    Examples
    --------
    >>> wg.d2l.squared_loss(wg.tensor([[3.], [1.]]), wg.tensor([1., 1.]))
    tensor([[2.],
            [0.]])
    """
    loss: Tensor = (y_hat - y.reshape(y_hat.shape)) ** 2 / 2
    return loss


def sgd(params: Iterable[Any], lr: float, batch_size: int) -> None:
    """Step down the gradient of a sum over a batch, divided by the batch's size, and clear the gradients.

    Parameters
    ----------
    params : iterable of tensor
    lr : float
    batch_size : int

    Examples
    --------
    >>> w = wg.tensor([1.], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> wg.d2l.sgd([w], lr=0.5, batch_size=2)
    >>> w.item(), w.grad.item()
    (0.5, 0.0)
    """
    with no_grad():
        for param in params:
            param -= lr * param.grad / batch_size
            param.grad.zero_()


# ---------------------------------------------------------------- measuring


def accuracy(y_hat: Any, y: Any) -> float:
    """How many predictions are right.

    Parameters
    ----------
    y_hat : tensor
        (n, classes) of numbers whose largest is the prediction, or (n,) of predictions.
    y : tensor
        (n,)

    Returns
    -------
    float

    Examples
    --------
    >>> wg.d2l.accuracy(wg.tensor([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]]), wg.tensor([1, 0, 0]))
    2.0
    """
    if y_hat.ndim > 1 and y_hat.shape[1] > 1:
        y_hat = y_hat.argmax(1)
    return float((y_hat.to(y.dtype) == y).sum())


def evaluate_loss(net: Callable[[Any], Any], data_iter: Iterable[Any], loss: Callable[[Any, Any], Any]) -> float:
    """The mean loss of a model over all examples.

    Parameters
    ----------
    net : callable
    data_iter : iterable of (X, y)
    loss : callable
        Of predictions and targets; gives the loss of each item.

    Returns
    -------
    float

    Examples
    --------
    >>> batches = wg.d2l.load_array((wg.ones(4, 1), wg.zeros(4, 1)), 2)
    >>> wg.d2l.evaluate_loss(lambda X: X, batches, wg.d2l.squared_loss)
    0.5
    """
    metric = Accumulator(2)
    with no_grad():
        for X, y in data_iter:
            out = net(X)
            l = loss(out, y.reshape(out.shape))
            metric.add(l.sum(), l.numel())
    return metric[0] / metric[1]


def evaluate_accuracy_gpu(net: Any, data_iter: Iterable[Any], device: Any = None) -> float:
    """The share of right predictions over all examples; a module is in evaluation mode from then on.

    Parameters
    ----------
    net : callable
    data_iter : iterable of (X, y)
        X may be a list of tensors.
    device : "cpu" or None

    Returns
    -------
    float

    Examples
    --------
    >>> batches = wg.d2l.load_array((wg.eye(4), wg.tensor([0, 1, 2, 0])), 2)
    >>> wg.d2l.evaluate_accuracy_gpu(lambda X: X, batches)
    0.75
    """
    if isinstance(net, nn.Module):
        net.eval()
    metric = Accumulator(2)
    with no_grad():
        for X, y in data_iter:
            X = [x.to(device or "cpu") for x in X] if isinstance(X, list) else X.to(device or "cpu")
            metric.add(accuracy(net(X), y), y.numel())
    return metric[0] / metric[1]


# ---------------------------------------------------------------- loops


def train_ch6(
    net: nn.Module, train_iter: Any, test_iter: Any, num_epochs: int, lr: float, device: Any = None
) -> None:  # fmt: skip
    """Train a classifier by gradient descent from weights by Glorot and Bengio, and draw its loss and accuracy.

    Parameters
    ----------
    net : Module
    train_iter, test_iter : loader of (X, y)
    num_epochs : int
    lr : float
    device : "cpu" or None

    Examples
    --------
    >>> net = wg.nn.Sequential(wg.nn.Linear(4, 4))
    >>> batches = wg.d2l.load_array((wg.eye(4).repeat(5, 1), wg.arange(4).repeat(5)), 4)
    >>> wg.d2l.train_ch6(net, batches, batches, num_epochs=20, lr=1.0, device="cpu")  # doctest: +ELLIPSIS
    training on cpu
    loss 0..., train acc 1.000, test acc 1.000
    ... examples/sec on cpu
    """
    device = device or "cpu"
    net.apply(init_cnn)
    print("training on", device)
    net.to(device)
    optimizer, loss = optim.SGD(net.parameters(), lr=lr), nn.CrossEntropyLoss()
    animator = Animator(xlabel="epoch", xlim=[1, num_epochs], legend=["train loss", "train acc", "test acc"])
    timer, num_batches = Timer(), len(train_iter)
    for epoch in range(num_epochs):
        metric = Accumulator(3)
        net.train()
        for i, (X, y) in enumerate(train_iter, 1):
            timer.start()
            optimizer.zero_grad()
            X, y = X.to(device), y.to(device)
            y_hat = net(X)
            l = loss(y_hat, y)
            l.backward()
            optimizer.step()
            metric.add(l.detach() * len(y), accuracy(y_hat.detach(), y), len(y))
            timer.stop()
            train_l, train_acc = metric[0] / metric[2], metric[1] / metric[2]
            if i % max(1, num_batches // 5) == 0 or i == num_batches:
                animator.add(epoch + i / num_batches, (train_l, train_acc, None))
        test_acc = evaluate_accuracy_gpu(net, test_iter)
        animator.add(epoch + 1, (None, None, test_acc))
    animator.show()
    print(f"loss {train_l:.3f}, train acc {train_acc:.3f}, test acc {test_acc:.3f}")
    print(f"{metric[2] * num_epochs / timer.sum():.1f} examples/sec on {device}")


def _compare(
    step: Callable[[Any, Any], None], net: Callable[[Any], Any], loss: Callable[[Any, Any], Any], data_iter: Any,
    num_epochs: int,
) -> tuple[list[float], list[float]]:  # fmt: skip
    """Take a step for each batch, and draw half the mean squared error after every 200 examples.

    Gives the times that the steps took until each point of the curve, and the curve.
    """
    animator = Animator(xlabel="epoch", ylabel="loss", xlim=[0, num_epochs], ylim=[0.22, 0.35])
    n, timer = 0, Timer()
    for _ in range(num_epochs):
        for X, y in data_iter:
            step(X, y)
            n += len(X)
            if n % 200 == 0:
                timer.stop()
                animator.add(n / len(X) / len(data_iter), evaluate_loss(net, data_iter, loss))
                timer.start()
    if animator.Y is None:  # no sum of batches is a multiple of 200
        timer.stop()
        animator.add(num_epochs, evaluate_loss(net, data_iter, loss))
    assert animator.Y is not None
    animator.show()
    print(f"loss: {animator.Y[0][-1]:.3f}, {timer.sum() / num_epochs:.3f} sec/epoch")
    return timer.cumsum(), animator.Y[0]


def train_ch11(
    trainer_fn: Callable[[list[Any], Any, dict[str, Any]], None], states: Any, hyperparams: dict[str, Any],
    data_iter: Any, feature_dim: int, num_epochs: int = 2,
) -> tuple[list[float], list[float]]:  # fmt: skip
    """Train linear regression by an optimizer that is a function, and draw its loss.

    Parameters
    ----------
    trainer_fn : callable
        Of the parameters [w, b], which have gradients, `states` and `hyperparams`; changes the parameters, and clears
        the gradients.
    states : object
        What the optimizer remembers.
    hyperparams : dict
    data_iter : DataLoader
        As `get_data_ch11` gives it.
    feature_dim : int
    num_epochs : int

    Returns
    -------
    times, losses : list of float
        The seconds of training until each point of the curve, and the curve: the loss after every 200 examples.

    Examples
    --------
    >>> def sgd(params, states, hyperparams):
    ...     for p in params:
    ...         p.data.sub_(hyperparams["lr"] * p.grad)
    ...         p.grad.data.zero_()
    >>> data_iter, feature_dim = wg.d2l.get_data_ch11(batch_size=100)
    >>> times, losses = wg.d2l.train_ch11(sgd, None, {"lr": 0.4}, data_iter, feature_dim)  # doctest: +ELLIPSIS
    loss: 0.2..., ... sec/epoch
    >>> len(times), len(losses)
    (15, 15)
    """
    w = random.normal(0.0, 0.01, (feature_dim, 1)).requires_grad_()
    b = creation.zeros(1, requires_grad=True)

    def net(X: Any) -> Tensor:
        return linreg(X, w, b)

    def step(X: Any, y: Any) -> None:
        squared_loss(net(X), y).mean().backward()
        trainer_fn([w, b], states, hyperparams)

    return _compare(step, net, squared_loss, data_iter, num_epochs)


def train_concise_ch11(
    trainer_fn: Callable[..., Any], hyperparams: dict[str, Any], data_iter: Any, num_epochs: int = 4
) -> None:
    """Train linear regression of five features by one of the library's optimizers, and draw its loss.

    Parameters
    ----------
    trainer_fn : class of optimizers
    hyperparams : dict
        Its keywords.
    data_iter : DataLoader
        As `get_data_ch11` gives it.
    num_epochs : int

    Examples
    --------
    >>> data_iter, _ = wg.d2l.get_data_ch11(batch_size=100)
    >>> wg.d2l.train_concise_ch11(wg.optim.SGD, {"lr": 0.2}, data_iter, num_epochs=2)  # doctest: +ELLIPSIS
    loss: 0.2..., ... sec/epoch
    """
    net = nn.Sequential(nn.Linear(5, 1))
    nn.init.normal_(net[0].weight, std=0.01)
    optimizer, squares = trainer_fn(net.parameters(), **hyperparams), nn.MSELoss(reduction="none")

    def step(X: Any, y: Any) -> None:
        optimizer.zero_grad()
        out = net(X)
        squares(out, y.reshape(out.shape)).mean().backward()
        optimizer.step()

    _compare(step, net, squared_loss, data_iter, num_epochs)
