"""Pictures: curves, images, confusion matrices, and charts in text for terminals.

Everything is drawn on matplotlib's Figure objects: no window opens, and pyplot with its state is never imported, but in
notebooks that show pyplot's figures below their cells.
"""

from __future__ import annotations

import functools
import io
import os
import sys
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._terminal import printable
from ..data._files import replacing
from ..tensors.tensor import Tensor
from .history import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DPI = 150
_notebook_format = "svg"
_last: weakref.ref[Figure] | None = None  # that pyplot was given


# ---------------------------------------------------------------- figures and where they go


def require_matplotlib() -> None:
    """Raise an ImportError that says what to do if matplotlib is missing."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise ImportError("pictures need matplotlib: pip install 'wengert[train]'", name="matplotlib") from error


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of a size in inches, laid out so that no label is cut off.

    Parameters
    ----------
    width, height : float

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        If matplotlib is missing.

    Examples
    --------
    >>> wg.train.plots.new_figure(4, 3).get_size_inches().tolist()
    [4.0, 3.0]
    """
    require_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=_DPI, layout=_new_layout())
    FigureCanvasAgg(figure)
    return figure


@functools.cache
def _layout_class() -> type[Any]:
    """matplotlib's constrained layout, after which nothing sticks out.

    The ticks depend on the size of the axes, and that on the room for the ticks' labels, so the last pass may have made
    room for other labels than are drawn: "10.0" would be cut to "0.0".
    """
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    class RoomyLayout(ConstrainedLayoutEngine):
        def execute(self, fig: Figure) -> None:
            super().execute(fig)
            size, left_below, right_above = fig.get_size_inches(), np.zeros(2), np.zeros(2)
            for _ in range(3):
                low, high = np.asarray(fig.get_tightbbox())  # in inches, as the pad, which is matplotlib's own
                below = np.where(low < -0.005, 0.04 - low, 0) / size
                above = np.where(high > size + 0.005, high - size + 0.04, 0) / size
                if not below.any() and not above.any():
                    break
                left_below, right_above = left_below + below, right_above + above
                self.set(rect=(*left_below, *(1 - left_below - right_above)))
                super().execute(fig)
            self.set(rect=(0, 0, 1, 1))

        def __reduce__(self) -> Any:  # a pickle cannot name a class of a function
            return _new_layout, ()

    return RoomyLayout


def _new_layout() -> Any:
    return _layout_class()()


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure to a file, whole or not at all.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : path
        Its ending is the format: .png, .svg or .pdf.

    Raises
    ------
    ValueError
        If matplotlib does not know the format.
    OSError
        If the file cannot be written; an earlier one is untouched then.
    """
    with replacing(path) as file:
        file.write(rendered(figure, Path(path).suffix.removeprefix(".") or "png"))


def rendered(figure: Figure, form: str) -> bytes:
    """A figure as the bytes of a file of a format: "png", "svg", "pdf". One without a layout grows to what it holds."""
    content = io.BytesIO()
    figure.savefig(content, format=form, bbox_inches=None if figure.get_layout_engine() else "tight")
    return content.getvalue()


# ---------------------------------------------------------------- notebooks


def use_notebook_format(form: str | None = None) -> None:
    """Show figures in notebooks, pyplot's included, as "svg" or "png"; None for what it is already, "svg" at first."""
    global _notebook_format
    form = _notebook_format if form is None else form
    if form not in ("svg", "png"):
        raise ValueError(f"figures in notebooks are 'svg' or 'png', got {form!r}")
    _notebook_format = form
    if _shows_pyplot():
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats(form)


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    shell = sys.modules.get("IPython")
    return shell is not None and "IPKernelApp" in getattr(shell.get_ipython(), "config", {})


def _shows_pyplot() -> bool:
    """Whether a notebook is running that shows pyplot's figures below the cell that made them."""
    if not in_notebook():
        return False
    require_matplotlib()
    import matplotlib

    return "inline" in matplotlib.get_backend()


def current_axes(width: float, height: float) -> tuple[Axes, bool]:
    """Axes to draw into, and whether they are pyplot's, which the notebook shows by itself.

    Those are pyplot's current ones where a notebook shows its figures, so that other commands of the same cell find
    them. Elsewhere the axes are of a figure of their own, which becomes pyplot's current one if pyplot is in use.

    Parameters
    ----------
    width, height : float
        In inches, of a figure that is made for them.

    Returns
    -------
    matplotlib.axes.Axes, bool
    """
    global _last
    if _shows_pyplot():
        from matplotlib import pyplot

        if not pyplot.get_fignums():
            use_notebook_format()
            pyplot.figure(figsize=(width, height), layout=_new_layout())
        return pyplot.gca(), True
    if in_notebook() or "matplotlib.pyplot" not in sys.modules:
        return new_figure(width, height).subplots(), False
    from matplotlib import pyplot

    before = _last() if _last is not None else None
    if before is not None:
        pyplot.close(before)  # it stays what it is, and is only no longer pyplot's
    figure = pyplot.figure(figsize=(width, height), dpi=_DPI, layout=_new_layout())
    _last = weakref.ref(figure)
    return figure.subplots(), False


class _Shown:
    """How a notebook displays what stands for a figure that it has just shown: not again below the same cell."""

    def __init__(self, figure: Figure) -> None:
        self.figure, self.cell = figure, _cell()

    def __call__(self) -> None:
        if _cell() != self.cell:
            show_in_notebook(self.figure)


def _cell() -> Any:
    return getattr(sys.modules["IPython"].get_ipython(), "execution_count", None)


def shown(result: Any, figure: Figure) -> None:
    """Keep a notebook from printing a result, axes as a rule, below the figure that it has shown already.

    In a later cell the result is displayed as the figure.
    """
    if in_notebook():
        result._ipython_display_ = _Shown(figure)


def show_in_notebook(figure: Figure, *, replace: bool = False) -> bool:
    """Display a figure in the notebook that is running; False without one.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    replace : bool
        Take away what the cell has shown before, as soon as the new figure is there.
    """
    if not in_notebook():
        return False
    from IPython import display

    if replace:
        display.clear_output(wait=True)
    content = rendered(figure, _notebook_format)
    display.display(display.SVG(content) if _notebook_format == "svg" else display.Image(content))
    return True


def finish_axes(
    axes: Axes, xlabel: str | None = None, ylabel: str | None = None, xlim: Any = None, ylim: Any = None,
    xscale: str = "linear", yscale: str = "linear", legend: bool = False,
) -> None:  # fmt: skip
    """Labels, limits, scales, a grid, and a legend of the labelled lines."""
    axes.set_xscale(xscale)
    axes.set_yscale(yscale)
    if xlabel:
        axes.set_xlabel(xlabel)
    if ylabel:
        axes.set_ylabel(ylabel)
    if xlim is not None:
        axes.set_xlim(xlim)
    if ylim is not None:
        axes.set_ylim(ylim)
    axes.grid(alpha=0.3)
    if legend:
        axes.legend()


# ---------------------------------------------------------------- pictures of a run


def curves(history: History, title: str = "the metrics of each epoch") -> Figure:
    """Every metric over the epochs, a panel each, training and validation together.

    Parameters
    ----------
    history : History
    title : str
        Of the figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If no epoch is complete.

    Examples
    --------
    >>> figure = wg.train.plots.curves(wg.train.History([{"epoch": 1, "train_loss": 0.5, "val_loss": 0.6}]))
    >>> figure.axes[0].get_ylabel()
    'loss'
    """
    if not len(history):
        raise ValueError("curves: no epoch is complete, so there is nothing to draw")
    require_matplotlib()
    from matplotlib.ticker import MaxNLocator

    names = dict.fromkeys(name.removeprefix("train_").removeprefix("val_") for name in history.names())
    panels = [name for name in names if name not in ("epoch", "seconds")]
    figure = new_figure(4.2 * len(panels), 3.3)
    figure.suptitle(_plain(title), fontsize=10)
    for axes, name in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        lines = {"training": f"train_{name}", "validation": f"val_{name}", name: name}
        for (label, key), color in zip(lines.items(), ("C0", "C1", "C2"), strict=True):
            if key in history.names():
                axes.plot(history["epoch"], history[key], color=color, marker="o", markersize=3, label=label)
        told = "learning rate" if name == "lr" else _plain(name)
        finish_axes(axes, "epoch", told, legend=name not in history.names())
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def _plain(text: str) -> str:
    """A text as matplotlib draws it: a name, and no formula."""
    return printable(text).replace("$", r"\$")


def image_grid(
    images: Any, rows: int, columns: int, titles: Sequence[str] | None = None, scale: float = 1.5, cmap: str = "gray",
    limits: tuple[float, float] | None = None,
) -> Figure:  # fmt: skip
    """Images side by side, with a title above each.

    Parameters
    ----------
    images : sequence of array or tensor
        (height, width), or (height, width, 3 or 4) in colour. Those beyond the grid are left out.
    rows, columns : int
    titles : sequence of str, optional
    scale : float
        Inches per image.
    cmap : str
        matplotlib's name of a colour map, for images without colour.
    limits : (float, float), optional
        What the map's ends stand for; by default each image's own extremes.

    Returns
    -------
    matplotlib.figure.Figure
        Its axes are the cells, row by row.

    Examples
    --------
    >>> figure = wg.train.plots.image_grid(wg.zeros(2, 28, 28), 1, 2, ["bag", "coat"])
    >>> [axes.get_title() for axes in figure.axes]
    ['bag', 'coat']
    """
    lines = max((title.count("\n") + 1 for title in titles), default=0) if titles else 0
    figure = new_figure(columns * scale, rows * (scale + (0.12 + 0.14 * lines if lines else 0)))
    cells = figure.subplots(rows, columns, squeeze=False).ravel()
    low, high = limits or (None, None)
    for axes, image, k in zip(cells, images, range(len(cells)), strict=False):
        pixels = image.detach().numpy() if isinstance(image, Tensor) else np.asarray(image)
        axes.imshow(pixels, cmap=cmap, vmin=low, vmax=high)
        if titles and k < len(titles):
            axes.set_title(titles[k], fontsize=8)
    for axes in cells:
        axes.set_axis_off()
    return figure


def mistakes(
    images: np.ndarray,
    probabilities: np.ndarray,
    labels: np.ndarray,
    names: Sequence[str],
    rows: int = 3,
    columns: int = 8,
) -> Figure:
    """The most confident mistakes, with true and predicted label under each picture.

    Parameters
    ----------
    images : ndarray
        (n, height, width).
    probabilities : ndarray
        (n, classes).
    labels : ndarray of int
        (n,).
    names : sequence of str
        Of the classes.
    rows, columns : int

    Returns
    -------
    matplotlib.figure.Figure
    """
    predicted, confidence = probabilities.argmax(1), probabilities.max(1)
    wrong = np.flatnonzero(predicted != labels)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][: rows * columns]
    rows = max(1, min(rows, -(-len(worst) // columns)))
    figure = new_figure(1.35 * columns, 1.8 * rows + 0.3)
    figure.suptitle(f"the most confident of {len(wrong)} mistakes among {len(labels)}", fontsize=10)
    for axes, k in zip(figure.subplots(rows, columns, squeeze=False).ravel(), [*worst, *[None] * 1000], strict=False):
        axes.set_xticks([])
        axes.set_yticks([])
        if k is None:
            axes.set_axis_off()
            continue
        axes.imshow(images[k], cmap="gray")
        axes.set_xlabel(
            f"true: {names[labels[k]]}\nsaid: {names[predicted[k]]}\n{confidence[k]:.2%} sure", fontsize=7, labelpad=3
        )
    return figure


def first_layer(
    weight: np.ndarray, shape: tuple[int, int], names: Sequence[str] | None = None, most: int = 64,
    title: str = "the weights of the first layer's units",
) -> Figure:  # fmt: skip
    """The weights of the first layer's units as images: red raises the unit, blue lowers it.

    Parameters
    ----------
    weight : ndarray
        (units, height * width).
    shape : (int, int)
        Height and width.
    names : sequence of str, optional
        Of the units.
    most : int
        How many are drawn at most: those of the largest norm.
    title : str
        Of the figure; how many of the units are drawn is added where not all are.

    Returns
    -------
    matplotlib.figure.Figure
    """
    norms = np.linalg.norm(weight, axis=1)
    chosen = np.sort(np.argsort(-norms, kind="stable")[:most])
    limit = float(np.quantile(np.abs(weight[chosen]), 0.995)) or 1.0
    columns = min(len(chosen), 5 if names else 8)
    titles = [names[k] for k in chosen] if names else None
    grid = weight[chosen].reshape(-1, *shape)
    figure = image_grid(
        grid, -(-len(chosen) // columns), columns, titles, 1.4 if names else 1.0, "RdBu_r", (-limit, limit)
    )
    figure.set_size_inches(figure.get_figwidth() + 1.1, figure.get_figheight() + 0.3)  # room for scale and title
    some = f", the {len(chosen)} largest of {len(weight)}" if len(chosen) < len(weight) else ""
    figure.suptitle(_plain(title + some), fontsize=10)
    figure.colorbar(figure.axes[0].images[0], ax=figure.axes, shrink=0.6, label="weight")
    return figure


def feature_maps(
    image: Any, maps: Mapping[str, np.ndarray], columns: int = 8, rows: int = 2,
    title: str = "what the layers make of an image",
) -> Figure:  # fmt: skip
    """What the layers of a convolutional network make of an image: its first maps, layer by layer.

    Parameters
    ----------
    image : array or tensor
        (height, width)
    maps : mapping of str to ndarray
        Of each layer, by its name, (filters, height, width).
    columns, rows : int
        How many maps of a layer are drawn at most.
    title : str
        Of the figure.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> figure = wg.train.plots.feature_maps(wg.zeros(8, 8), {"first": wg.rand(3, 8, 8).numpy()})
    >>> [axes.get_title() for axes in figure.axes if axes.get_title()]
    ['image', 'first']
    """
    shown: list[Any] = [image, *[None] * (columns - 1)]
    titles = ["image", *[""] * (columns - 1)]
    for name, layer in maps.items():
        count = min(len(layer), rows * columns)
        places = -(-count // columns) * columns
        shown += [*layer[:count], *[None] * (places - count)]
        titles += [name, *[""] * (places - 1)]
    figure = new_figure(columns * 1.1, len(shown) // columns * 1.2 + 0.3)
    figure.suptitle(_plain(title), fontsize=10)
    cells = figure.subplots(len(shown) // columns, columns, squeeze=False).ravel()
    for axes, pixels, title in zip(cells, shown, titles, strict=True):
        axes.set_axis_off()
        if pixels is not None:
            axes.imshow(pixels.detach().numpy() if isinstance(pixels, Tensor) else pixels, cmap="gray")
            axes.set_title(title, fontsize=8)
    return figure


def confusion_matrix(counts: np.ndarray, names: Sequence[str]) -> Figure:
    """How often each class was taken for each, as a coloured table.

    Parameters
    ----------
    counts : ndarray of int
        (classes, classes): counts[true, predicted].
    names : sequence of str

    Returns
    -------
    matplotlib.figure.Figure
    """
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    side = 1.6 + 0.5 * len(names)
    figure = new_figure(side + 0.8, side)
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    total = int(counts.sum())
    axes.set_title(f"{int(np.trace(counts)) / max(total, 1):.2%} of {total} examples are right", fontsize=10)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            color = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(count), ha="center", va="center", fontsize=7, color=color)
    figure.colorbar(image, label="share of the true class", shrink=0.8)
    return figure


# ---------------------------------------------------------------- in text


def text_chart(
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]], width: int = 60, height: int = 12,
    xlabel: str | None = None, xscale: str = "linear", yscale: str = "linear",
) -> str:  # fmt: skip
    """Curves drawn with letters, for a terminal.

    Parameters
    ----------
    lines : mapping of str to (x, y)
        By label; points that are not finite, or not positive on a logarithmic scale, are left out.
    width, height : int
        Of the drawing area, in characters.
    xlabel : str, optional
    xscale, yscale : "linear" or "log"

    Returns
    -------
    str

    Examples
    --------
    >>> print(wg.train.plots.text_chart({"y": ([0, 1, 2, 3], [0, 1, 4, 9])}, width=12, height=4, xlabel="x"))
       9 |          **
         |        **
         |     ***
       0 |*****
         +------------
          0          3
    x; * y
    """
    points = {label: _finite(*line, xscale, yscale) for label, line in lines.items()}
    drawn = [xy for xy in points.values() if xy.shape[1]]
    if not drawn:
        return "(no points yet)"
    everything = np.concatenate(drawn, axis=1)
    low, high = everything.min(1), everything.max(1)
    span = np.where(high > low, high - low, 1.0)
    grid = [[" "] * width for _ in range(height)]
    for (x, y), mark in zip(points.values(), _marks(), strict=False):
        if not len(x):
            continue
        order = np.argsort(x, kind="stable")
        columns = (x[order] - low[0]) / span[0] * (width - 1)
        across = np.arange(round(columns[0]), round(columns[-1]) + 1)
        down = np.interp(across, columns, (y[order] - low[1]) / span[1]) * (height - 1)
        for column, row in zip(across, np.rint(down).astype(int), strict=True):
            grid[height - 1 - row][column] = mark
    ends = [
        [_back(v, scale) for v in ends]
        for ends, scale in zip(zip(low, high, strict=True), (xscale, yscale), strict=True)
    ]
    legend = "   ".join(f"{mark} {label}" for label, mark in zip(points, _marks(), strict=False))
    return "\n".join([*_framed(grid, *ends), f"{xlabel}; {legend}" if xlabel else legend])


def _framed(grid: list[list[str]], x_ends: list[float], y_ends: list[float]) -> list[str]:
    """The lines of a chart with its two axes, labelled at their ends."""
    width, labels = len(grid[0]), [f"{v:.4g}" for v in y_ends]
    edge = max(4, *map(len, labels))
    rows = [
        f"{labels[1] if k == 0 else labels[0] if k == len(grid) - 1 else '':>{edge}} |{''.join(row)}".rstrip()
        for k, row in enumerate(grid)
    ]
    left, right = (f"{v:.4g}" for v in x_ends)
    rows.append(f"{'':>{edge}} +{'-' * width}")
    rows.append(f"{'':>{edge}}  {left}{right:>{max(1, width - len(left))}}")
    return rows


def _marks() -> Sequence[str]:
    return "*+ox#@%&"


def _finite(x: Sequence[float], y: Sequence[float], xscale: str, yscale: str) -> np.ndarray:
    """The points of a line that can be drawn, (2, n), their coordinates on the scales of the axes."""
    rows = []
    for values, scale in ((x, xscale), (y, yscale)):
        row = np.asarray(values, np.float64).reshape(-1)
        rows.append(np.log10(np.where(row > 0, row, np.nan)) if scale == "log" else row)
    points = np.stack(rows)
    return points[:, np.isfinite(points).all(0)]


def _back(value: float, scale: str) -> float:
    return float(10**value if scale == "log" else value)
