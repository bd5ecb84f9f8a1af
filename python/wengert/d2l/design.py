"""Object-oriented design for models: classes that grow from cell to cell, and boards that draw while they train.

After A. Zhang, Z. C. Lipton, M. Li, A. J. Smola, "Dive into Deep Learning", sections 3.2 and 4.3.
"""

from __future__ import annotations

import inspect
import itertools
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from .. import nn, optim, train
from ..autograd import no_grad
from ..data import DataLoader, TensorDataset
from ..nn import functional
from ..ops import random
from ..tensors.tensor import Tensor
from ..train import plots

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Function = TypeVar("Function", bound=Callable[..., Any])


def add_to_class(Class: type) -> Callable[[Function], Function]:
    """Register a function as a method of a class that exists already, its instances included.

    Parameters
    ----------
    Class : type

    Returns
    -------
    decorator

    Examples
    --------
    >>> class A:
    ...     b = 1
    >>> a = A()
    >>> @wg.d2l.add_to_class(A)
    ... def double(self):
    ...     return 2 * self.b
    >>> a.double()
    2
    """

    def register(function: Function) -> Function:
        setattr(Class, function.__name__, function)
        return function

    return register


class HyperParameters:
    """The base of classes that keep the arguments of their constructor.

    Attributes
    ----------
    hparams : dict
        What `save_hyperparameters` has stored.

    Examples
    --------
    >>> class B(wg.d2l.HyperParameters):
    ...     def __init__(self, a, b, c):
    ...         self.save_hyperparameters(ignore=["c"])
    >>> b = B(a=1, b=2, c=3)
    >>> b.a, b.b, hasattr(b, "c"), b.hparams
    (1, 2, False, {'a': 1, 'b': 2})
    """

    hparams: dict[str, Any]

    def save_hyperparameters(self, ignore: Sequence[str] = ()) -> None:
        """Store the arguments of the calling function as attributes, and together in `hparams`.

        Parameters
        ----------
        ignore : sequence of str
            Arguments to leave out.

        Notes
        -----
        Keyword arguments that the caller takes by `**name` are stored one by one. A subclass that calls this after its
        base has done so adds to `hparams`.
        """
        frame = inspect.currentframe()
        assert frame is not None
        assert frame.f_back is not None
        arguments = inspect.getargvalues(frame.f_back)
        names = [*arguments.args[1:], *([arguments.varargs] if arguments.varargs else [])]
        given = {name: arguments.locals[name] for name in names}
        given.update(arguments.locals[arguments.keywords] if arguments.keywords else {})
        chosen = {name: value for name, value in given.items() if name not in ignore and not name.startswith("_")}
        self.hparams = {**getattr(self, "hparams", {}), **chosen}
        for name, value in chosen.items():
            setattr(self, name, value)


class Point(NamedTuple):
    """A point of a curve."""

    x: float
    y: float


class ProgressBoard(HyperParameters):
    """Curves that grow while something runs: in a notebook as a figure, in a terminal as a chart in text.

    Parameters
    ----------
    xlabel, ylabel : str, optional
    xlim, ylim : (float, float), optional
        The ranges of the axes; by default what the points need.
    xscale, yscale : "linear" or "log"
    ls, colors : sequence of str
        matplotlib's line styles and colours, taken in turn.
    fig, axes : optional
        A matplotlib figure, or axes, to draw into instead of a figure of the board's own.
    figsize : (float, float)
        In inches.
    display : bool
        Whether to show anything; points are collected either way, and `save` writes them as a picture.

    Attributes
    ----------
    data : dict of str to list of Point
        The curves: means over `every_n` points each.
    raw_points : dict of str to list of Point
        What waits for its mean.

    Examples
    --------
    >>> board = wg.d2l.ProgressBoard("x", display=False)
    >>> for x in range(10):
    ...     board.draw(x, x * x, "square", every_n=2)
    >>> board.data["square"][:2]
    [Point(x=0.5, y=0.5), Point(x=2.5, y=6.5)]
    """

    xlabel: str | None
    ylabel: str | None
    xlim: Any
    ylim: Any
    xscale: str
    yscale: str
    ls: Sequence[str]
    colors: Sequence[str]
    fig: Any
    axes: Any
    figsize: tuple[float, float]
    display: bool

    def __init__(
        self, xlabel: str | None = None, ylabel: str | None = None, xlim: Any = None, ylim: Any = None,
        xscale: str = "linear", yscale: str = "linear", ls: Sequence[str] = ("-", "--", "-.", ":"),
        colors: Sequence[str] = ("C0", "C1", "C2", "C3"), fig: Any = None, axes: Any = None,
        figsize: tuple[float, float] = (3.5, 2.5), display: bool = True,
    ) -> None:  # fmt: skip
        self.save_hyperparameters()
        self.raw_points: dict[str, list[Point]] = {}
        self.data: dict[str, list[Point]] = {}
        self._shown = 0.0
        self._lines_shown = 0

    def draw(self, x: Any, y: Any, label: str, every_n: int = 1) -> None:
        """Add a point to a curve.

        Parameters
        ----------
        x, y : number, or array or tensor of one item
        label : str
            Of the curve.
        every_n : int
            How many points are averaged into one of the curve; nothing is drawn until they are there.
        """
        points, line = self.raw_points.setdefault(label, []), self.data.setdefault(label, [])
        points.append(Point(float(x), float(y)))
        if len(points) < every_n:
            return
        line.append(Point(*(sum(values) / len(points) for values in zip(*points, strict=True))))
        points.clear()
        self._show_again()

    def _show_again(self) -> None:
        """Show the curves, but on a terminal not more often than one can see."""
        if self.display and (plots.in_notebook() or time.perf_counter() - self._shown > 0.1):
            self.show()

    def show(self) -> None:
        """Show the curves as they are now: in the notebook, or on a terminal in place of what was shown before."""
        if not self.display:
            return
        if plots.in_notebook():
            plots.show_in_notebook(self.figure(), replace=True)
        elif sys.stdout.isatty():
            self._shown = time.perf_counter()
            chart = self.text()
            up = f"\x1b[{self._lines_shown}F\x1b[J" if self._lines_shown else ""
            self._lines_shown = chart.count("\n") + 1
            print(f"{up}{chart}", flush=True)

    def text(self) -> str:
        """The curves as a chart in text."""
        lines = {label: ([p.x for p in line], [p.y for p in line]) for label, line in self.data.items() if line}
        return plots.text_chart(lines, xlabel=self.xlabel, xscale=self.xscale, yscale=self.yscale)

    def figure(self) -> Figure:
        """The curves as a matplotlib figure, always the same one."""
        if self.axes is None:
            if self.fig is None:
                self.fig = plots.new_figure(*self.figsize)
            self.axes = self.fig.subplots()
        self.axes.cla()
        self._draw_lines()
        named = bool(self.axes.get_legend_handles_labels()[1])
        plots.finish_axes(
            self.axes, self.xlabel, self.ylabel, self.xlim, self.ylim, self.xscale, self.yscale, named
        )
        figure: Figure = self.axes.figure
        return figure

    def _draw_lines(self) -> None:
        styles = zip(itertools.cycle(self.ls), itertools.cycle(self.colors), strict=False)
        for (label, line), (style, color) in zip(self.data.items(), styles, strict=False):
            self.axes.plot([p.x for p in line], [p.y for p in line], linestyle=style, color=color, label=label)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the curves as a picture: .png, .svg or .pdf."""
        plots.save(self.figure(), path)


class Module(nn.Module, HyperParameters):
    """The base of models: what the trainer asks of them, and a board that plots what they report.

    A subclass defines `loss`, and `forward` or `net`; the rest may be overridden.

    Parameters
    ----------
    plot_train_per_epoch, plot_valid_per_epoch : int
        How many points per epoch the curves of training and validation get.

    Attributes
    ----------
    board : ProgressBoard
    trainer : wengert.train.Trainer
        The one that fits the model, set by itself.

    Raises
    ------
    AttributeError
        By `forward` and `loss`, if a subclass defines neither them nor `net`.

    Examples
    --------
    >>> class Line(wg.d2l.Module):
    ...     def __init__(self, lr):
    ...         super().__init__()
    ...         self.save_hyperparameters()
    ...         self.net = wg.nn.LazyLinear(1)
    ...     def loss(self, y_hat, y):
    ...         return ((y_hat - y) ** 2).mean()
    >>> data = wg.d2l.SyntheticRegressionData(w=wg.tensor([2., -3.4]), b=4.2)
    >>> history = wg.d2l.Trainer(max_epochs=2).fit(Line(lr=0.03), data)
    >>> history.names()
    ['epoch', 'train_loss', 'val_loss', 'seconds']
    """

    trainer: Any

    def __init__(self, plot_train_per_epoch: int = 2, plot_valid_per_epoch: int = 1) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.board = ProgressBoard()

    def loss(self, y_hat: Any, y: Any) -> Any:
        """The loss of predictions, a 0-d tensor."""
        raise AttributeError(f"{type(self).__name__} defines no loss(y_hat, y)")

    def forward(self, X: Any) -> Any:
        """What the network makes of the inputs."""
        if not hasattr(self, "net"):
            raise AttributeError(f"{type(self).__name__} defines neither net nor forward(X)")
        return self.net(X)

    def attach(self, trainer: train.Trainer) -> None:
        """Meet the trainer that will fit this model."""
        self.trainer = trainer
        self.board.xlim = [0, trainer.max_epochs]

    def plot(self, key: str, value: Any, train: bool) -> None:
        """Plot a value over the epochs, and report it to the trainer as a metric of the batch, if it keeps any."""
        trainer, value = self.trainer, float(value)
        if hasattr(trainer, "reported"):
            trainer.reported[key] = value
        self.board.xlabel = "epoch"
        if train:
            x = trainer.train_batch_idx / trainer.num_train_batches
            n = trainer.num_train_batches / self.plot_train_per_epoch
        else:
            x = trainer.epoch + 1
            n = trainer.num_val_batches / self.plot_valid_per_epoch
        self.board.draw(x, value, ("train_" if train else "val_") + key, every_n=max(1, int(n)))

    def training_step(self, batch: Sequence[Any]) -> Any:
        """The loss of a batch (inputs..., targets)."""
        l = self.loss(self(*batch[:-1]), batch[-1])
        self.plot("loss", l, train=True)
        return l

    def validation_step(self, batch: Sequence[Any]) -> Any:
        """The loss of a batch (inputs..., targets)."""
        l = self.loss(self(*batch[:-1]), batch[-1])
        self.plot("loss", l, train=False)
        return l

    def configure_optimizers(self) -> Any:
        """Stochastic gradient descent over all parameters at the rate `self.lr`."""
        return optim.SGD(self.parameters(), lr=self.lr)

    def apply_init(self, inputs: Sequence[Any], init: Callable[[nn.Module], None] | None = None) -> None:
        """Show inputs to lazy layers, and then apply `init` to every layer of the network."""
        with no_grad():
            self.forward(*inputs)
        if init is not None:
            self.net.apply(init)


class DataModule(HyperParameters):
    """The base of data sets: what the trainer asks of them.

    Parameters
    ----------
    root : path, optional
        Where files are looked for.
    num_workers : int
        Accepted as in the book; data are loaded in the calling process.

    Raises
    ------
    AttributeError
        By the loaders, if a subclass does not define `get_dataloader`.

    Examples
    --------
    >>> class Pairs(wg.d2l.DataModule):
    ...     batch_size = 2
    ...     def get_dataloader(self, train):
    ...         return self.get_tensorloader((wg.arange(4), wg.arange(4) * 2), train=False)
    >>> next(iter(Pairs().train_dataloader()))
    [tensor([0, 1]), tensor([0, 2])]
    """

    batch_size: int

    def __init__(self, root: str | os.PathLike[str] | None = None, num_workers: int = 0) -> None:
        self.save_hyperparameters()

    def get_dataloader(self, train: bool) -> Any:
        """The batches for training, or those for validation."""
        raise AttributeError(f"{type(self).__name__} defines no get_dataloader(train)")

    def train_dataloader(self) -> Any:
        """The batches for training."""
        return self.get_dataloader(train=True)

    def val_dataloader(self) -> Any:
        """The batches for validation."""
        return self.get_dataloader(train=False)

    def get_tensorloader(self, tensors: Iterable[Any], train: bool, indices: Any = slice(0, None)) -> DataLoader:
        """Batches of `self.batch_size` rows of tensors of one length, shuffled for training.

        Parameters
        ----------
        tensors : iterable of Tensor
        train : bool
        indices : slice or index array
            Which rows.
        """
        dataset = TensorDataset(*(tensor[indices] for tensor in tensors))
        return DataLoader(dataset, self.batch_size, shuffle=train)


class Trainer(train.Trainer, HyperParameters):
    """The library's trainer under the book's signature: no progress bar by default, since the model's board draws.

    Parameters
    ----------
    max_epochs : int
    num_gpus : int
        Accepted as in the book, which uses as many as there are: here none.
    gradient_clip_val : float
        Limit of the gradients' norm; 0 for none.
    **options
        As for `wengert.train.Trainer`: callbacks, progress, ...

    Examples
    --------
    >>> trainer = wg.d2l.Trainer(max_epochs=3, gradient_clip_val=1)
    >>> trainer.hparams
    {'max_epochs': 3, 'num_gpus': 0, 'gradient_clip_val': 1}
    """

    def __init__(self, max_epochs: int, num_gpus: int = 0, gradient_clip_val: float = 0, **options: Any) -> None:
        super().__init__(max_epochs, gradient_clip_val=gradient_clip_val, **{"progress": False, **options})
        self.save_hyperparameters(ignore=list(options))

    def fit(self, model: Any, data: Any, *, resume: str | os.PathLike[str] | None = None) -> train.History:
        """Train until `max_epochs`; see `wengert.train.Trainer.fit`."""
        try:
            return super().fit(model, data, resume=resume)
        finally:
            if hasattr(model, "board"):
                model.board.show()
            if getattr(data, "notice", None):
                print(data.notice)


class Classifier(Module):
    """The base of classifiers: cross-entropy of logits, and accuracy beside the loss.

    Parameters
    ----------
    plot_train_per_epoch : int
        Points per epoch on the curves of training.
    plot_valid_per_epoch : int
        Points per epoch on the curves of validation.

    Examples
    --------
    >>> logits = wg.tensor([[0.1, 0.3, 0.6], [0.3, 0.2, 0.5]])
    >>> wg.d2l.Classifier().accuracy(logits, wg.tensor([0, 2]))
    tensor(0.5000)
    """

    def loss(self, Y_hat: Any, Y: Any, averaged: bool = True) -> Any:
        """The cross-entropy of logits Y_hat (..., classes) against labels Y (...)."""
        Y_hat = Y_hat.reshape((-1, Y_hat.shape[-1]))
        return functional.cross_entropy(Y_hat, Y.reshape((-1,)), reduction="mean" if averaged else "none")

    def accuracy(self, Y_hat: Any, Y: Any, averaged: bool = True) -> Tensor:
        """The share of rows whose largest logit is the label's, or with `averaged=False` 1 or 0 for each."""
        Y_hat = Y_hat.reshape((-1, Y_hat.shape[-1]))
        compare: Tensor = (Y_hat.argmax(1) == Y.reshape((-1,))).float()
        return compare.mean() if averaged else compare

    def layer_summary(self, X_shape: Sequence[int]) -> None:
        """Print what shape each layer of `net` gives, of random inputs of a shape."""
        X = random.randn(*X_shape)
        with no_grad():
            for layer in self.net:
                X = layer(X)
                print(f"{type(layer).__name__:<12} output shape: {tuple(X.shape)}")

    def validation_step(self, batch: Sequence[Any]) -> Any:
        """Loss and accuracy of a batch (inputs..., labels)."""
        Y_hat = self(*batch[:-1])
        l = self.loss(Y_hat, batch[-1])
        self.plot("loss", l, train=False)
        self.plot("acc", self.accuracy(Y_hat, batch[-1]), train=False)
        return l


class SGD(HyperParameters):
    """Minibatch stochastic gradient descent from scratch: p -= lr p.grad.

    Parameters
    ----------
    params : iterable of Tensor
    lr : float

    Examples
    --------
    >>> w = wg.tensor([1., 2.], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> wg.d2l.SGD([w], lr=0.25).step()
    >>> w.detach()
    tensor([0.5000, 1.0000])
    """

    params: list[Tensor]
    lr: float

    def __init__(self, params: Iterable[Tensor], lr: float) -> None:
        params = list(params)
        self.save_hyperparameters()

    @no_grad()
    def step(self) -> None:
        """Change every parameter that has a gradient."""
        for param in self.params:
            if param.grad is not None:
                param -= self.lr * param.grad

    def zero_grad(self) -> None:
        """Set the gradients to zero."""
        for param in self.params:
            if param.grad is not None:
                param.grad.zero_()


class Timer:
    """A stopwatch that remembers its times, in seconds.

    Attributes
    ----------
    times : list of float

    Examples
    --------
    >>> timer = wg.d2l.Timer()
    >>> timer.stop() >= 0
    True
    """

    def __init__(self) -> None:
        self.times: list[float] = []
        self.start()

    def start(self) -> None:
        """Start the watch."""
        self.started = time.perf_counter()

    def stop(self) -> float:
        """Stop it and remember the time since the start."""
        self.times.append(time.perf_counter() - self.started)
        return self.times[-1]

    def avg(self) -> float:
        """The mean of the times."""
        return self.sum() / len(self.times)

    def sum(self) -> float:
        """The sum of the times."""
        return sum(self.times)

    def cumsum(self) -> list[float]:
        """The times summed up to each."""
        return list(itertools.accumulate(self.times))
