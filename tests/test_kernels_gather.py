"""Gathering rows by index with conversion and scaling, and adding rows up by index."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from guarded import K

WIDTHS = [0, 1, 2, 3, 7, 8, 15, 16, 17, 33, 64, 100, 784, 3001]
SOURCES = ["uint8", "float32", "float64"]


def matrix(rows: int, width: int, dtype: str | np.dtype, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if np.dtype(dtype) == np.uint8:
        return rng.integers(0, 256, (rows, width), dtype=np.uint8)
    return rng.normal(0, 100, (rows, width)).astype(dtype)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("width", WIDTHS)
def test_gathered_rows_are_converted_and_scaled(isa: str, dtype: np.dtype, source: str, width: int) -> None:
    rows = matrix(50, width, source)
    rng = np.random.default_rng(1)
    for count, (scale, shift) in product((0, 1, 2, 3, 40), ((1.0, 0.0), (1 / 255, 0.0), (1 / 255, -0.5), (2.0, 3.0))):
        index = rng.integers(-50, 50, count)
        actual = K.gather_rows(rows, index, dtype=dtype, scale=scale, shift=shift)
        expected = rows[index].astype(dtype) * dtype.type(scale) + dtype.type(shift)
        assert actual.dtype == dtype
        np.testing.assert_array_equal(actual, expected)


def test_gather_of_every_byte_is_exact(isa: str, dtype: np.dtype) -> None:
    every = np.arange(256, dtype=np.uint8).reshape(1, 256)
    np.testing.assert_array_equal(
        K.gather_rows(every, np.zeros(3, np.int64), dtype=dtype), np.tile(np.arange(256), (3, 1))
    )


@pytest.mark.parametrize("source", ["float32", "float64"])
def test_gather_keeps_special_values(isa: str, dtype: np.dtype, source: str) -> None:
    special = np.array([[-0.0, 0.0, np.nan, np.inf, -np.inf, 1e-30, -1.5]] * 3, source)
    actual = K.gather_rows(special, np.array([2, -1]), dtype=dtype)
    np.testing.assert_array_equal(actual, special[:2].astype(dtype))
    np.testing.assert_array_equal(np.signbit(actual), np.signbit(special[:2]))


@pytest.mark.parametrize("source", SOURCES)
def test_gather_from_padded_and_reversed_rows(isa: str, dtype: np.dtype, source: str) -> None:
    wide = matrix(30, 90, source)
    index = np.array([0, -1, 7, 7, 14, -15])
    for view in (wide[:, 3:70], wide[::2, 5:6], wide[::-2, :33], wide[:15, ::3]):
        np.testing.assert_array_equal(K.gather_rows(view, index, dtype=dtype), view[index].astype(dtype))


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("bad", [50, -51, 2**40, -(2**63), 2**63 - 1])
def test_gather_refuses_an_index_out_of_range(isa: str, dtype: np.dtype, source: str, bad: int) -> None:
    for place in (0, 5, 1023, 1024, 2999):
        index = np.arange(3000) % 50
        index[place] = bad
        index[place + 1 :] = 99
        with pytest.raises(IndexError, match=rf"{bad} at position {place} "):
            K.gather_rows(matrix(50, 4, source), index, dtype=dtype)


def test_gather_from_no_rows(isa: str, dtype: np.dtype) -> None:
    assert K.gather_rows(matrix(0, 5, dtype), np.empty(0, np.int64), dtype=dtype).shape == (0, 5)
    for index in (0, -1):
        with pytest.raises(IndexError, match="position 0"):
            K.gather_rows(matrix(0, 5, dtype), np.array([index]), dtype=dtype)


# ---------------------------------------------------------------- scatter-add


def reference_scatter_add(out: np.ndarray, index: np.ndarray, source: np.ndarray) -> np.ndarray:
    """One addition after the other, in the dtype: the order is part of the contract."""
    out = out.copy()
    for i, row in zip(index, source, strict=True):
        out[i] += row
    return out


@pytest.mark.parametrize("width", WIDTHS)
def test_scatter_add_accumulates_in_the_order_of_the_indices(isa: str, dtype: np.dtype, width: int) -> None:
    rng = np.random.default_rng(2)
    for count in (0, 1, 7, 60):
        guarded = matrix(22, width, dtype)
        before = guarded.copy()
        out = guarded[1:-1]  # the rows around it must stay as they are
        index = rng.integers(-20, 20, count)
        source = matrix(count, width, dtype, seed=3)
        expected = reference_scatter_add(out, index, source)
        assert K.scatter_add_rows(out, index, source) is None
        np.testing.assert_array_equal(out, expected)
        np.testing.assert_array_equal(guarded[[0, -1]], before[[0, -1]])


def test_scatter_add_from_strided_and_broadcast_sources(isa: str, dtype: np.dtype) -> None:
    wide = matrix(12, 90, dtype)
    index = np.array([3, 3, 0, -1, 5, 3])
    row = np.broadcast_to(wide[0, :33], (6, 33))
    for source in (wide[:6, 2:35], wide[::2, :33], wide[5::-1, 20:53], wide[:6, :66:2], row):
        out = matrix(9, 33, dtype, seed=4)
        expected = reference_scatter_add(out, index, source)
        K.scatter_add_rows(out, index, source)
        np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("bad", [9, -10, 2**40, -(2**63)])
def test_scatter_add_refuses_an_index_out_of_range_and_adds_nothing(isa: str, dtype: np.dtype, bad: int) -> None:
    out = matrix(9, 5, dtype)
    before = out.copy()
    with pytest.raises(IndexError, match=rf"{bad} at position 2 "):
        K.scatter_add_rows(out, np.array([0, 1, bad, 99]), matrix(4, 5, dtype))
    np.testing.assert_array_equal(out, before)


def test_scatter_add_is_the_transpose_of_gather(isa: str, dtype: np.dtype) -> None:
    x, y = matrix(40, 130, dtype), matrix(200, 130, dtype, seed=5)
    index = np.random.default_rng(6).integers(0, 40, 200)
    out = np.zeros_like(x)
    K.scatter_add_rows(out, index, y)
    left = np.sum(K.gather_rows(x, index, dtype=dtype).astype(np.float64) * y)
    assert left == pytest.approx(np.sum(out.astype(np.float64) * x), rel=1e-4)


# ---------------------------------------------------------------- threads


def test_results_do_not_depend_on_the_number_of_threads(isa: str, dtype: np.dtype) -> None:
    rng = np.random.default_rng(7)
    images, index = matrix(500, 784, "uint8"), rng.integers(0, 500, 256)
    table, source = matrix(100, 300, dtype), matrix(3000, 300, dtype)
    places = rng.integers(0, 100, 3000)

    def everything() -> list[bytes]:
        out = table.copy()
        K.scatter_add_rows(out, places, source)
        gathered = K.gather_rows(images, index, dtype=dtype, scale=1 / 255)
        return [gathered.tobytes(), K.gather_rows(table, places, dtype=dtype).tobytes(), out.tobytes()]

    K.set_num_threads(1)
    alone = everything()
    K.set_num_threads(2)
    assert everything() == alone
