"""The course's pictures: curves, images, and the functions that they are drawn of."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..ops.creation import ones_like
from ..train import plots as _plots

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_figsize = (3.5, 2.5)


def use_svg_display() -> None:
    """Show figures in notebooks as SVG, sharp at any size; this is the default.

    Examples
    --------
    >>> wg.d2l.use_svg_display()
    """
    _plots.use_notebook_format("svg")


def set_figsize(figsize: tuple[float, float] = (3.5, 2.5)) -> None:
    """Set the size of the figures that `plot` makes from now on, and of pyplot's if it is in use.

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
        Where to draw, instead of a new figure.

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
    figure = None
    if axes is None:
        figure = _plots.new_figure(*(figsize or _figsize))
        axes = figure.subplots()
    axes.cla()
    for x, y, form, name in itertools.zip_longest(xs, ys, itertools.islice(itertools.cycle(fmts), len(xs)), legend):
        if x is not None:
            axes.plot(x, y, form, label=name)
    _plots.finish_axes(axes, xlabel, ylabel, xlim, ylim, xscale, yscale, bool(legend))
    if figure is not None:
        _plots.show_in_notebook(figure)
    return axes


def _curves(values: Any) -> list[np.ndarray]:
    """One curve's coordinates, or a list of several curves', as arrays."""
    several = isinstance(values, (list, tuple)) and len(values) > 0 and hasattr(values[0], "__len__")
    arrays = [_array(x) for x in (values if several else [values])]
    return list(arrays[0]) if len(arrays) == 1 and arrays[0].ndim == 2 else arrays


def _array(x: Any) -> np.ndarray:
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
    _plots.show_in_notebook(figure)
    return np.array(figure.axes)


def normal(x: Any, mu: float, sigma: float) -> Any:
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
    >>> wg.d2l.normal(wg.tensor(0.), 0, 1)
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
