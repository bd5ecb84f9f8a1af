"""The course's pictures: curves, images, and the functions that they are drawn of.

In a notebook pictures are shown below the cell that draws them, and what the functions give prints nothing there.
"""

from __future__ import annotations

import itertools
import math
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ..ops.creation import ones_like, tensor
from ..train import plots as _plots

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Result = TypeVar("Result")

_figsize = (3.5, 2.5)
_drawn: weakref.ref[Axes] | None = None  # what `plot` has drawn last


def use_svg_display() -> None:
    """Show figures in notebooks as SVG, sharp at any size; this is the default.

    Examples
    --------
    >>> wg.d2l.use_svg_display()
    """
    _plots.use_notebook_format("svg")


def set_figsize(figsize: tuple[float, float] = (3.5, 2.5)) -> None:
    """Set the size of the figures that `plot` and pyplot make from now on.

    Parameters
    ----------
    figsize : (float, float)
        In inches.

    Examples
    --------
    >>> wg.d2l.set_figsize((3.5, 2.5))
    """
    global _figsize
    _plots.require_matplotlib()
    import matplotlib

    _figsize = figsize
    matplotlib.rcParams["figure.figsize"] = figsize
    _plots.use_notebook_format()


def set_axes(
    axes: Axes, xlabel: str | None, ylabel: str | None, xlim: Any, ylim: Any, xscale: str, yscale: str,
    legend: Sequence[str] = (),
) -> None:  # fmt: skip
    """Label axes, and choose their ranges and scales.

    Parameters
    ----------
    axes : matplotlib axes
    xlabel, ylabel : str or None
    xlim, ylim : (float, float) or None
    xscale, yscale : "linear" or "log"
    legend : sequence of str
        A name for each line.

    Examples
    --------
    >>> axes = wg.d2l.plot([1., 2.], [3., 4.])
    >>> wg.d2l.set_axes(axes, "x", "y", [0, 3], None, "linear", "log", ["line"])
    >>> axes.get_xlim() == (0, 3), axes.get_yscale()
    (True, 'log')
    """
    _plots.finish_axes(axes, xlabel, ylabel, xlim, ylim, xscale, yscale)
    if len(legend):
        axes.legend(legend)


def plot(
    X: Any, Y: Any = None, xlabel: str | None = None, ylabel: str | None = None, legend: Sequence[str] = (),
    xlim: Any = None, ylim: Any = None, xscale: str = "linear", yscale: str = "linear",
    fmts: Sequence[str] = ("-", "m--", "g-.", "r:"), figsize: tuple[float, float] | None = None,
    axes: Axes | None = None,
) -> Axes:  # fmt: skip
    """Draw curves.

    Parameters
    ----------
    X, Y : array, tensor, or list of them
        The points of one curve, or of several; one X serves several Y. With X alone, X is drawn over 0, 1, 2, ...
    xlabel, ylabel : str, optional
    legend : sequence of str
        A name for each curve.
    xlim, ylim : (float, float), optional
    xscale, yscale : "linear" or "log"
    fmts : sequence of str
        matplotlib's formats, taken in turn.
    figsize : (float, float), optional
        In inches; by default what `set_figsize` has set.
    axes : matplotlib axes, optional
        Where to draw. By default in a notebook pyplot's current axes, as in the book, and elsewhere a new figure, which
        becomes pyplot's current one if pyplot is in use.

    Returns
    -------
    matplotlib.axes.Axes
        ``axes.figure.savefig(path)`` writes the picture; in a notebook it is shown as well.

    Raises
    ------
    ValueError
        If there are several X and another number of Y, or lengths differ.

    Examples
    --------
    >>> x = wg.arange(0, 3, 0.1)
    >>> axes = wg.d2l.plot(x, [3 * x**2 - 4 * x, 2 * x - 3], "x", "f(x)", legend=["f(x)", "tangent"])
    >>> len(axes.lines), axes.get_xlabel()
    (2, 'x')
    """
    xs, ys = _curves(X), [] if Y is None else _curves(Y)
    if Y is None:
        xs, ys = [np.arange(len(x)) for x in xs], xs
    elif len(xs) == 1:
        xs = xs * len(ys)
    if len(xs) != len(ys):
        raise ValueError(f"plot: got {len(xs)} curves' X and {len(ys)} curves' Y")
    shows_itself = True
    if axes is None:
        axes, shows_itself = _plots.current_axes(*(figsize or _figsize))
        _remember(axes)
    axes.cla()
    for x, y, form, name in itertools.zip_longest(xs, ys, itertools.islice(itertools.cycle(fmts), len(xs)), legend):
        if x is not None:
            axes.plot(x, y, form, label=name)
    _plots.finish_axes(axes, xlabel, ylabel, xlim, ylim, xscale, yscale, bool(legend))
    return _shown(axes, axes.figure, display=not shows_itself)


def _shown(result: Result, figure: Any, display: bool = True) -> Result:
    """A result whose figure a notebook has shown, or is about to, and which prints nothing there."""
    if display:
        _plots.show_in_notebook(figure)
    _plots.shown(result, figure)
    return result


def _remember(axes: Axes) -> None:
    """Let `annotate` write into these axes."""
    global _drawn
    _drawn = weakref.ref(axes)


def _curves(values: Any) -> list[np.ndarray]:
    """One curve's coordinates, or a list of several curves', as arrays."""
    several = isinstance(values, (list, tuple)) and len(values) > 0 and np.ndim(_array(values[0])) > 0
    arrays = [_array(x) for x in (values if several else [values])]
    return list(arrays[0]) if len(arrays) == 1 and arrays[0].ndim == 2 else arrays


def _array(x: Any) -> np.ndarray:
    if isinstance(x, (list, tuple)):
        return np.asarray([_array(item) for item in x])
    return np.asarray(x.detach() if hasattr(x, "detach") else x)


def show_images(
    imgs: Any, num_rows: int, num_cols: int, titles: Sequence[str] | None = None, scale: float = 1.5
) -> np.ndarray:
    """Show images as a grid, with a title above each.

    Parameters
    ----------
    imgs : sequence of array or tensor
        (height, width), or (height, width, 3) in colour.
    num_rows, num_cols : int
    titles : sequence of str, optional
    scale : float
        Inches per image.

    Returns
    -------
    ndarray of matplotlib axes
        The cells, row by row; ``axes[0].figure.savefig(path)`` writes the picture.

    Examples
    --------
    >>> axes = wg.d2l.show_images(wg.rand(2, 28, 28), 1, 2, titles=["bag", "coat"])
    >>> [cell.get_title() for cell in axes]
    ['bag', 'coat']
    """
    figure = _plots.image_grid(
        [_array(image) for image in imgs[: num_rows * num_cols]], num_rows, num_cols, titles, scale
    )
    return _shown(np.array(figure.axes).view(_Cells), figure)


class _Cells(np.ndarray):  # which, other than an array, takes an attribute
    pass


def normal_density(x: Any, mu: float, sigma: float) -> Any:
    """The density of the normal distribution of mean mu and standard deviation sigma.

    Parameters
    ----------
    x : array or tensor
    mu, sigma : float

    Returns
    -------
    array or tensor
        exp(-(x - mu)^2 / (2 sigma^2)) / sqrt(2 pi sigma^2)

    Examples
    --------
    >>> wg.d2l.normal_density(wg.tensor(0.), 0, 1)
    tensor(0.3989)
    """
    squares = (x - mu) ** 2 * (-0.5 / sigma**2)
    return (squares.exp() if hasattr(squares, "exp") else np.exp(squares)) / math.sqrt(2 * math.pi * sigma**2)


def with_gradient(function: Callable[[Any], Any], x: Any) -> tuple[np.ndarray, np.ndarray]:
    """The values and the derivatives of an elementwise function, as arrays to plot.

    Parameters
    ----------
    function : function of a tensor
    x : Tensor
        1-d.

    Returns
    -------
    y, dy : ndarray
        Of the shape of x.

    Examples
    --------
    >>> y, dy = wg.d2l.with_gradient(wg.relu, wg.tensor([-1., 2.]))
    >>> y.tolist(), dy.tolist()
    ([0.0, 2.0], [0.0, 1.0])
    """
    x = x.detach().clone().requires_grad_()
    y = function(x)
    y.backward(ones_like(y), retain_graph=True)
    return y.detach().numpy(), x.grad.numpy()


# ---------------------------------------------------------------- sequences and descent


def show_heatmaps(
    matrices: Any, xlabel: str, ylabel: str, titles: Sequence[str] | None = None,
    figsize: tuple[float, float] = (2.5, 2.5), cmap: str = "Reds",
) -> Figure:  # fmt: skip
    """Show a grid of matrices in colour.

    Parameters
    ----------
    matrices : tensor or array
        (rows of the grid, columns of the grid, height, width)
    xlabel, ylabel : str
        Below the last row, and beside the first column.
    titles : sequence of str, optional
        Above each column.
    figsize : (float, float)
        In inches.
    cmap : str
        matplotlib's name of a colour map.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If `matrices` has another number of dimensions.

    Examples
    --------
    >>> figure = wg.d2l.show_heatmaps(wg.eye(10).reshape(1, 1, 10, 10), "Keys", "Queries")
    >>> figure.axes[0].get_xlabel()
    'Keys'
    """
    grid = _array(matrices)
    if grid.ndim != 4:
        raise ValueError(f"show_heatmaps: expected matrices of shape (rows, columns, height, width), got {grid.shape}")
    figure = _plots.new_figure(*figsize)
    cells = figure.subplots(*grid.shape[:2], sharex=True, sharey=True, squeeze=False)
    for i, row in enumerate(cells):
        for j, axes in enumerate(row):
            image = axes.imshow(grid[i, j], cmap=cmap)
            if i == len(cells) - 1:
                axes.set_xlabel(xlabel)
            if j == 0:
                axes.set_ylabel(ylabel)
            if titles:
                axes.set_title(titles[j])
    figure.colorbar(image, ax=list(cells.ravel()), shrink=0.6)
    return _shown(figure, figure)


def show_list_len_pair_hist(legend: Sequence[str], xlabel: str, ylabel: str, xlist: Any, ylist: Any) -> Axes:
    """Draw how often lengths occur in two lists of sequences, side by side.

    Parameters
    ----------
    legend : sequence of two str
    xlabel, ylabel : str
    xlist, ylist : sequence of sequences

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> axes = wg.d2l.show_list_len_pair_hist(["source", "target"], "tokens", "count", [[1], [1, 2]], [[1], [2]])
    >>> axes.get_xlabel()
    'tokens'
    """
    figure = _plots.new_figure(*_figsize)
    axes = figure.subplots()
    axes.hist([[len(x) for x in sequences] for sequences in (xlist, ylist)], label=list(legend))
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.legend()
    return _shown(axes, figure)


def annotate(text: str, xy: tuple[float, float], xytext: tuple[float, float], axes: Axes | None = None) -> None:
    """Write a text beside a curve, with an arrow to a point of it.

    Parameters
    ----------
    text : str
    xy, xytext : (float, float)
        The point, and where the text begins.
    axes : matplotlib axes, optional
        By default those that `plot` has drawn last, or in a notebook pyplot's current ones, which are the same.

    Examples
    --------
    >>> axes = wg.d2l.plot([0., 1., 2.], [1., 0., 1.])
    >>> wg.d2l.annotate("minimum", (1., 0.), (1.2, 0.5))
    >>> axes.texts[0].get_text()
    'minimum'
    """
    drawn = _drawn() if _drawn is not None else None
    if axes is None and drawn is not None and not _plots.in_notebook():
        axes = drawn
    elif axes is None:
        _plots.require_matplotlib()
        from matplotlib import pyplot

        axes = pyplot.gca()
    axes.annotate(text, xy=xy, xytext=xytext, arrowprops={"arrowstyle": "->"})


def train_2d(
    trainer: Callable[..., tuple[Any, Any, Any, Any]], steps: int = 20, f_grad: Callable[..., Any] | None = None
) -> list[tuple[float, float]]:  # fmt: skip
    """Walk down a function of two variables from (-5, -2), and say where it ends.

    Parameters
    ----------
    trainer : callable
        Of x1, x2 and two numbers of a state that is 0 at first, and of `f_grad` if there is one; gives all four anew.
    steps : int
    f_grad : callable, optional
        Of x1 and x2.

    Returns
    -------
    list of (float, float)
        The points of the path, the first included.

    Examples
    --------
    >>> path = wg.d2l.train_2d(lambda x1, x2, s1, s2, f: (x1 - 0.1 * f(x1, x2)[0], x2, s1, s2), f_grad=lambda *x: x)
    epoch 20, x1: -0.607883, x2: -2.000000
    >>> len(path)
    21
    """
    further = () if f_grad is None else (f_grad,)
    x1, x2, s1, s2 = -5.0, -2.0, 0.0, 0.0
    path = [(x1, x2)]
    for _ in range(steps):
        x1, x2, s1, s2 = trainer(x1, x2, s1, s2, *further)
        path.append((float(x1), float(x2)))
    print(f"epoch {steps}, x1: {float(x1):f}, x2: {float(x2):f}")
    return path


def show_trace_2d(f: Callable[..., Any], results: Sequence[tuple[float, float]]) -> Axes:
    """Draw the path of `train_2d` over the lines of equal height of a function.

    Parameters
    ----------
    f : callable
        Of two tensors of one shape.
    results : sequence of (float, float)

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> axes = wg.d2l.show_trace_2d(lambda x1, x2: x1**2 + 2 * x2**2, [(-5., -2.), (-3., -1.)])
    >>> axes.get_xlabel(), len(axes.lines)
    ('x1', 1)
    """
    figure = _plots.new_figure(*_figsize)
    axes = figure.subplots()
    points = np.array(results)
    low = np.minimum([-5.5, -3.0], points.min(0) - 0.5)
    high = np.maximum([1.0, 1.0], points.max(0) + 0.5)
    x1, x2 = np.meshgrid(*(np.linspace(a, b, 80) for a, b in zip(low, high, strict=True)), indexing="ij")
    axes.contour(x1, x2, _array(f(tensor(x1), tensor(x2))), colors="#1f77b4")
    axes.plot(*points.T, "-o", color="#ff7f0e")
    axes.set(xlabel="x1", ylabel="x2")
    return _shown(axes, figure)
