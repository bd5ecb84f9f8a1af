"""The progress bar of an epoch: tqdm's, with the running means beside it."""

from __future__ import annotations

import time
from typing import Any


class Progress:
    """A bar over one epoch's batches on standard error; nothing where it is switched off.

    Parameters
    ----------
    title : str
    total : int or None
        Batches in the epoch, if known.
    show : bool
    """

    def __init__(self, title: str, total: int | None, show: bool = True) -> None:
        self.title, self.total, self.show = title, total, show
        self.bar: Any = None

    def __enter__(self) -> Progress:
        if self.show:
            try:
                from tqdm import tqdm
            except ImportError as error:
                raise ImportError(
                    "the progress bar needs tqdm: pip install 'wengert[train]', or train with progress=False (--no-progress)"
                ) from error
            self.bar = tqdm(
                total=self.total, desc=self.title, unit="batch", dynamic_ncols=True,
                bar_format="{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}",
            )  # fmt: skip
            self.start = self.shown = time.perf_counter()
        return self

    def advance(self, size: int, sums: dict[str, float], count: int) -> None:
        """One batch more; `sums` over `count` examples are shown as means, ten times a second at most."""
        if self.bar is None:
            return
        self.bar.update()
        now = time.perf_counter()
        if now - self.shown > 0.1 and count:
            self.shown = now
            means = ", ".join(f"{name} {total / count:.4f}" for name, total in sums.items())
            self.bar.set_postfix_str(f"{means}, {count / (now - self.start):,.0f} images/s", refresh=False)

    def finish(self, row: dict[str, float]) -> None:
        """Leave the epoch's metrics on the bar."""
        if self.bar is not None:
            shown = ", ".join(f"{name} {value:.4f}" for name, value in row.items() if name not in ("epoch", "seconds"))
            self.bar.set_postfix_str(shown)

    def __exit__(self, *exception: Any) -> None:
        if self.bar is not None:
            self.bar.close()
