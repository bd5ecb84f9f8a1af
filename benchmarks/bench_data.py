"""A pass over shuffled data: the loader against plain indexing, here and in PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import wengert as wg
from opponents import torch

ROWS = 20_000
WIDTHS = {"images": (28, 28), "small rows": (4,)}
BATCH = 256


def indexed(x: Any, y: Any, order: list[Any]) -> Any:
    """A pass by indexing; gives the labels in the order in which they came."""

    def run() -> np.ndarray:
        return np.concatenate([as_labels(x[rows], y[rows]) for rows in order])

    return run


def loaded(loader: Any) -> Any:
    return lambda: np.concatenate([as_labels(x, y) for x, y in loader])


def as_labels(x: Any, y: Any) -> np.ndarray:
    assert len(x) == len(y)
    return np.asarray(y)


def order_of_rows() -> tuple[np.ndarray, list[np.ndarray]]:
    order = np.random.default_rng(1).permutation(ROWS)
    return order, [order[i : i + BATCH] for i in range(0, ROWS, BATCH)]


@pytest.mark.parametrize("kind", WIDTHS)
def test_pass_over_rows(contest: Any, kind: str) -> None:
    """Floats, in one order that everybody is given."""
    rng = np.random.default_rng(0)
    x, y = rng.random((ROWS, *WIDTHS[kind]), dtype=np.float32), rng.integers(0, 10, ROWS)
    order, batches = order_of_rows()
    functions: dict[str, Any] = {"numpy, indexing": indexed(x, y, batches)}
    if torch is not None:
        from torch.utils.data import DataLoader, TensorDataset

        theirs = torch.from_numpy(x), torch.from_numpy(y)
        functions["torch, indexing"] = indexed(*theirs, [torch.from_numpy(rows) for rows in batches])
        functions["torch, loader"] = loaded(DataLoader(TensorDataset(*theirs), BATCH, sampler=order.tolist()))
    ours = wg.from_numpy(x), wg.from_numpy(y)
    functions["indexing"] = indexed(*ours, batches)
    functions["wengert"] = loaded(wg.data.DataLoader(wg.data.TensorDataset(*ours), batch_sampler=batches))
    contest(functions, goals=["loader"], seconds=4.0)


def test_shuffled_pass_over_bytes(contest: Any) -> None:
    """Images kept as bytes, converted as they are gathered; every opponent shuffles anew in every pass.

    The orders differ, so what is compared is how often each label came.
    """
    rng = np.random.default_rng(0)
    pixels, y = rng.integers(0, 256, (ROWS, 28, 28), np.uint8), rng.integers(0, 10, ROWS)

    def counted(batches: Any) -> Any:
        def run() -> np.ndarray:
            return np.bincount(np.concatenate([as_labels(x, y) for x, y in batches()]))

        return run

    def by_indexing(library: Any, box: Any, permutation: Any) -> Any:
        images, labels = box(pixels), box(y)

        def batches() -> Any:
            order = permutation()
            for i in range(0, ROWS, BATCH):
                rows = order[i : i + BATCH]
                yield images[rows].to(library.float32) / 255, labels[rows]

        return counted(batches)

    functions: dict[str, Any] = {}
    if torch is not None:
        from torch.utils.data import DataLoader, TensorDataset

        functions["torch, indexing"] = by_indexing(torch, torch.from_numpy, lambda: torch.randperm(ROWS))
        floats = torch.from_numpy(pixels).to(torch.float32) / 255
        loader = DataLoader(TensorDataset(floats, torch.from_numpy(y)), BATCH, shuffle=True)
        functions["torch, loader"] = counted(lambda: loader)
    functions["indexing"] = by_indexing(wg, wg.from_numpy, lambda: wg.randperm(ROWS))
    images = wg.data.LabelledImages(pixels, y, [str(k) for k in range(10)])
    ours = wg.data.DataLoader(images, BATCH, shuffle=True)
    functions["wengert"] = counted(lambda: ours)
    contest(functions, goals=["loader"], seconds=4.0)
