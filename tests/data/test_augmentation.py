"""Images that are moved and mirrored as they are gathered."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.data import Augmented, DataLoader, LabelledImages, Subset, TensorDataset


def images(count: int = 400, size: int = 8) -> LabelledImages:
    """Each with a pixel of its own in the middle and a darker one to the right of it."""
    pixels = np.zeros((count, size, size), np.uint8)
    pixels[:, size // 2, size // 2], pixels[:, size // 2, size // 2 + 1] = 255, 51
    return LabelledImages(pixels, np.arange(count) % 10, [str(k) for k in range(10)])


def batches(dataset: Any, **options: Any) -> np.ndarray:
    return np.concatenate([x.numpy() for x, _ in DataLoader(dataset, **options)])


def test_every_move_is_as_frequent_as_every_other() -> None:
    data = images(20_000)
    x = batches(Augmented(data, 2, generator=wg.Generator().manual_seed(0)), batch_size=500)[:, 0]
    assert x.dtype == np.float32
    rows, columns = np.divmod(x.reshape(len(x), -1).argmax(1), 8)
    mirrored = np.take_along_axis(x[np.arange(len(x)), rows], columns[:, None] - 1, 1)[:, 0] > 0
    np.testing.assert_allclose(mirrored.mean(), 0.5, atol=0.02)
    for moves in (rows - 4, columns - 4 + mirrored):  # mirrored, the middle of eight lies one further left
        assert set(moves.tolist()) == {-2, -1, 0, 1, 2}
        np.testing.assert_allclose(np.bincount(moves + 2) / len(moves), 0.2, atol=0.02)
    assert abs(np.corrcoef(rows, columns)[0, 1]) < 0.03
    assert abs(np.corrcoef(rows, mirrored)[0, 1]) < 0.03


def test_without_moves_images_stay_as_they_are() -> None:
    data = images()
    x = batches(Augmented(data, 0, flip=False), batch_size=50)
    np.testing.assert_array_equal(x, batches(data, batch_size=50))
    labels = [y.numpy() for _, y in DataLoader(Augmented(data), batch_size=50)]
    np.testing.assert_array_equal(np.concatenate(labels), data.targets)


def test_epochs_differ_and_seeds_repeat_them() -> None:
    def two(seed: int) -> tuple[np.ndarray, np.ndarray]:
        loader = DataLoader(Augmented(images(), generator=wg.Generator().manual_seed(seed)), batch_size=64)
        first, second = (np.concatenate([x.numpy() for x, _ in loader]) for _ in range(2))
        return first, second

    first, second = two(0)
    assert not np.array_equal(first, second)
    for a, b in zip((first, second), two(0), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first, two(1)[0])


def test_processes_move_an_image_alike() -> None:
    def loader() -> DataLoader:
        generator = wg.Generator().manual_seed(3)
        return DataLoader(Augmented(images(100), generator=generator), 30, shuffle=True, generator=generator)

    whole = [x.numpy() for x, _ in loader()]
    parts = [[x.numpy() for x, _ in loader().part(rank, 2)] for rank in range(2)]
    for batch, first, second in zip(whole, *parts, strict=True):
        np.testing.assert_array_equal(batch, np.concatenate([first, second]))


def test_subsets_and_single_examples() -> None:
    data = images(50)
    data.images[7] = 9
    some = Augmented(Subset(data, [7, 8]), 1)
    assert len(some) == 2
    x, y = some[0]
    assert x.shape == (1, 8, 8)
    assert y.item() == 7
    assert set(np.unique(np.round(x.numpy() * 255))) <= {0, 9}
    x, _ = next(iter(DataLoader(some, batch_size=2)))
    assert x.shape == (2, 1, 8, 8)
    with pytest.raises(IndexError, match="index 2 is out of range for 2 examples"):
        some[2]


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(TypeError, match=r"expected a data set with images of uint8, .* got TensorDataset"):
        Augmented(TensorDataset(wg.zeros(3, 4, 4), wg.arange(3)))
    with pytest.raises(TypeError, match="got list"):
        Augmented([1, 2])
    with pytest.raises(ValueError, match="shift >= 0"):
        Augmented(images(), -1)
