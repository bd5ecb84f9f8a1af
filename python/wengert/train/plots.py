"""Pictures of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .trainer import History

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def new_figure(width: float, height: float) -> Any:
    """An empty figure that no window shows: matplotlib's Figure, without pyplot's state."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("pictures need matplotlib: pip install 'wengert[train]'") from error
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def curves(history: History) -> Figure:
    """Loss and accuracy over the epochs, training and validation in one panel each.

    Parameters
    ----------
    history : History

    Returns
    -------
    matplotlib.figure.Figure
    """
    names = [name.removeprefix("train_") for name in history.names() if name.startswith("train_")]
    figure = new_figure(4.5 * max(1, len(names)), 3.2)
    for axes, name in zip(figure.subplots(1, max(1, len(names)), squeeze=False)[0], names, strict=False):
        for prefix, label in (("train_", "training"), ("val_", "validation")):
            if any(prefix + name in row for row in history):
                axes.plot(history["epoch"], history[prefix + name], marker="o", markersize=3, label=label)
        axes.set_xlabel("epoch")
        axes.set_ylabel(name)
        axes.grid(alpha=0.3)
        axes.legend()
    return figure
