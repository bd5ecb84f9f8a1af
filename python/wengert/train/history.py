"""What training reports: the means of an epoch's metrics, and the history of all epochs."""

from __future__ import annotations

import csv
import html
import io
import math
from collections.abc import Iterable, Iterator, Sequence

_EDGE = 10  # epochs that a repr shows at each end of a long history


class History:
    """One row of metrics per epoch; shown as a table, of which a long one shows its two ends.

    Parameters
    ----------
    rows : sequence of dict

    Attributes
    ----------
    rows : list of dict
        Keys "epoch", "seconds", and "train_..." and "val_..." for what the model's steps report.

    Raises
    ------
    KeyError
        By `history[name]`, if there is no such metric.

    Examples
    --------
    >>> history = wg.train.History([{"epoch": 1, "train_loss": 0.5}, {"epoch": 2, "train_loss": 0.25}])
    >>> history["train_loss"]
    [0.5, 0.25]
    >>> history
    epoch  train_loss
        1      0.5000
        2      0.2500
    """

    def __init__(self, rows: Sequence[dict[str, float]] = ()) -> None:
        self.rows = [dict(row) for row in rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, float]]:
        return iter(self.rows)

    def __getitem__(self, key: str) -> list[float]:
        if not any(key in row for row in self.rows):
            raise KeyError(f"there is no metric {key!r}; there are {', '.join(self.names()) or 'none yet'}")
        return [row.get(key, math.nan) for row in self.rows]

    def names(self) -> list[str]:
        """The metrics, in the order in which they came."""
        return list(dict.fromkeys(name for row in self.rows for name in row))

    def table(self) -> str:
        """The history as aligned text, a line per epoch."""
        return _aligned(self._cells(self.rows))

    def __repr__(self) -> str:
        return _aligned(self._shown()) if self.rows else "History of no epochs"

    def _repr_html_(self) -> str:
        """What a notebook shows, without colours of its own, so that it has those of the theme, light or dark."""
        if not self.rows:
            return f"<div>{self!r}</div>"
        names, *rows = self._shown()
        body = "".join(_html_row("td", row) for row in rows)
        return f"<table><thead>{_html_row('th', names)}</thead><tbody>{body}</tbody></table>"

    def _cells(self, rows: Sequence[dict[str, float]]) -> list[list[str]]:
        """The names, and the texts of some epochs' metrics."""
        names = self.names()
        return [names, *([_cell(name, row.get(name, math.nan)) for name in names] for row in rows)]

    def _shown(self) -> list[list[str]]:
        """The names, and the texts of all epochs, or of the first and last ones with dots between."""
        if len(self.rows) <= 2 * _EDGE:
            return self._cells(self.rows)
        cells = self._cells([*self.rows[:_EDGE], *self.rows[-_EDGE:]])
        cells.insert(1 + _EDGE, ["..."] * len(cells[0]))
        return cells

    def to_csv(self) -> str:
        """The history as comma-separated values, every number to its last digit."""
        text = io.StringIO()
        writer = csv.DictWriter(text, self.names(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return text.getvalue()

    @classmethod
    def from_csv(cls, text: str) -> History:
        """The history that `to_csv` wrote.

        Raises
        ------
        ValueError
            If the text is something else.
        """
        rows: list[dict[str, float]] = []
        try:
            for row in csv.DictReader(io.StringIO(text, newline="")):
                if None in row or None in row.values():
                    raise ValueError(f"line {len(rows) + 2} has more or fewer values than the header has names")
                rows.append({name: _number(value) for name, value in row.items() if value != ""})
        except csv.Error as error:
            raise ValueError(f"after line {len(rows) + 1}: {error}") from error
        return cls(rows)


def _aligned(cells: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(map(str.rjust, row, widths)) for row in cells)


def _html_row(tag: str, texts: list[str]) -> str:
    cells = [f'<{tag} style="text-align:right">{html.escape(text)}</{tag}>' for text in texts]
    return f"<tr>{''.join(cells)}</tr>"


def _number(text: str) -> float:
    """An int where it is written as one, as the epoch is."""
    try:
        return int(text)
    except ValueError:
        return float(text)


def _cell(name: str, value: float) -> str:
    return f"{value:.0f}" if name == "epoch" else f"{value:.2f}" if name == "seconds" else f"{value:.4f}"


class Means:
    """Means of metrics over batches, weighted by the batches' sizes.

    Examples
    --------
    >>> means = wg.train.Means()
    >>> means.add({"loss": 1.0}, 3)
    >>> means.add({"loss": 2.0}, 1)
    >>> means.result()
    {'loss': 1.25}
    """

    def __init__(self) -> None:
        self.count = 0
        self._sums: dict[str, float] = {}
        self._weights: dict[str, int] = {}

    def add(self, metrics: dict[str, float], size: int) -> None:
        """Take in the metrics of a batch of `size` examples."""
        self.count += size
        for name, value in metrics.items():
            self._sums[name] = self._sums.get(name, 0.0) + value * size
            self._weights[name] = self._weights.get(name, 0) + size

    @classmethod
    def merged(cls, parts: Iterable[Means]) -> Means:
        """The means over all batches of several, as those of several processes."""
        whole = cls()
        for part in parts:
            whole.count += part.count
            for name, total in part._sums.items():
                whole._sums[name] = whole._sums.get(name, 0.0) + total
                whole._weights[name] = whole._weights.get(name, 0) + part._weights[name]
        return whole

    def result(self, prefix: str = "") -> dict[str, float]:
        """The means so far, their names with a prefix."""
        return {prefix + name: total / self._weights[name] for name, total in self._sums.items() if self._weights[name]}
