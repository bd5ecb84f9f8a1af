"""`python -m wengert.examples` lists the examples, `python -m wengert.examples NAME` runs one."""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..train import plots
from . import NAMES, load, summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def main(arguments: Sequence[str] | None = None) -> int:
    """List the examples, or run one and show or save its figure.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process.

    Returns
    -------
    int
        The exit status.
    """
    parser = argparse.ArgumentParser(prog="python -m wengert.examples", description=__doc__)
    parser.add_argument("name", nargs="?", choices=NAMES, metavar="NAME", help="of the example")
    parser.add_argument("--save", metavar="FILE", help="write the figure to a .png, .svg or .pdf file")
    parser.add_argument("--source", action="store_true", help="print the program instead of running it")
    options = parser.parse_args(arguments)
    if options.name is None:
        width = max(map(len, NAMES))
        print("\n".join(f"{name:<{width}}  {summary(name)}" for name in NAMES))
        return 0
    example = load(options.name)
    if options.source:
        print(inspect.getsource(example), end="")
        return 0
    print(inspect.getdoc(example), end="\n\n")
    try:
        figure = example.run()
        if options.save is None and show(figure):
            return 0
        path = Path(options.save or f"{options.name}.png")
        plots.save(figure, path)
    except (ImportError, OSError) as error:
        print(f"{parser.prog} {options.name}: {error}", file=sys.stderr)
        return 1
    print(f"\nthe figure is in {path}")
    return 0


def show(figure: Figure) -> bool:
    """Show a picture of the figure in a window, and wait until it is closed; False where there are no windows."""
    import numpy as np
    from matplotlib import pyplot

    window = pyplot.figure(figsize=figure.get_size_inches(), dpi=figure.dpi)
    if window.canvas.required_interactive_framework is None:
        pyplot.close(window)
        return False
    figure.canvas.draw()
    window.figimage(np.asarray(figure.canvas.buffer_rgba()))  # type: ignore[attr-defined]
    pyplot.show()
    return True


if __name__ == "__main__":
    sys.exit(main())
