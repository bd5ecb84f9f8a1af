"""The progress bar of an epoch: tqdm's, with the running means beside it."""

from __future__ import annotations

import time
from typing import Any

from .history import Means


class Progress:
    """A bar over one epoch's batches on standard error; nothing where it is switched off.

    Parameters
    ----------
    title : str
    total : int or None
        Batches in the epoch, if known.
    show : bool
    unit : str
        What the examples are, in the plural.

    Raises
    ------
    ImportError
        On entering, if tqdm is missing.

    Examples
    --------
    >>> from wengert.train import Progress
    >>> with Progress("epoch 1", 3, show=False) as bar:
    ...     bar.total
    3
    """

    def __init__(self, title: str, total: int | None, show: bool = True, unit: str = "examples") -> None:
        self.title, self.total, self.show, self.unit = title, total, show, unit
        self.bar: Any = None
        self.rate = ""

    def __enter__(self) -> Progress:
        if self.show:
            try:
                from tqdm import tqdm
            except ImportError as error:
                message = "the progress bar needs tqdm: pip install 'wengert[train]'; progress=False does without it"
                raise ImportError(message, name="tqdm") from error
            form = "{desc} {percentage:3.0f}% |{bar}| {elapsed}<{remaining}{postfix}"
            self.bar = tqdm(
                total=self.total, desc=self.title, dynamic_ncols=True,
                bar_format=form if self.total else "{desc} {n} batches, {elapsed}{postfix}",
            )  # fmt: skip
            self.start = time.perf_counter()
            self.shown = 0.0
        return self

    def advance(self, means: Means) -> None:
        """One batch more; the means so far are shown ten times a second at most."""
        if self.bar is None:
            return
        now = time.perf_counter()
        last = self.bar.n + 1 == self.total
        if now - self.shown > 0.1 or last:
            self.shown = now
            self.rate = f"{_short(means.count / (now - self.start))} {self.unit}/s"
            self.bar.set_postfix_str(f"{_listed(means.result())}, {self.rate}", refresh=False)
        self.bar.update()
        if last:
            self.bar.refresh()

    def finish(self, means: Means, validation: dict[str, float]) -> None:
        """Leave the epoch's metrics where the bar was."""
        if self.bar is not None:
            self.bar.bar_format = "{desc} {elapsed}{postfix}"
            shown = {**means.result(), **{f"val {name}": value for name, value in validation.items()}}
            self.bar.set_postfix_str(f"{_listed(shown)}, {self.rate}", refresh=False)

    def __exit__(self, *exception: Any) -> None:
        if self.bar is not None:
            self.bar.close()


def _listed(metrics: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in metrics.items())


def _short(rate: float) -> str:
    return f"{rate / 1000:,.0f}k" if rate >= 10000 else f"{rate:,.0f}"
