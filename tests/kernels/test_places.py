"""What is told by where it is: items and places where a mask holds, triangles, copies that keep an order of memory."""

from __future__ import annotations

import numpy as np
import pytest

from guarded import K
from wengert import _kernels

DTYPES = ["bool", "uint8", "int16", "float16", "int32", "float32", "int64", "float64"]
SHAPES = [(0,), (1,), (7,), (8,), (1000,), (3, 0), (0, 3), (1, 1), (5, 17), (64, 33), (2, 3, 4), (3, 1, 9, 2)]


def items(shape: tuple[int, ...], kind: str) -> np.ndarray:
    x = np.random.default_rng(0).integers(-9, 10, shape).astype(kind)
    if x.dtype.kind == "f" and x.size > 2:
        x.reshape(-1)[:3] = np.nan, -np.inf, -0.0
    return x


def layouts(x: np.ndarray) -> list[np.ndarray]:
    """The same items in C order, in the reverse order of dimensions, backwards, and in every other place."""
    wide = np.zeros((*x.shape, 2), x.dtype)
    wide[..., 1] = x
    every = (*(slice(None, None, -1),) * x.ndim, ...)
    return [x.copy(), np.array(x.T, order="C").T, x[every].copy()[every], wide[..., 1]]


def masks(shape: tuple[int, ...]) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.random(shape) < share for share in (0.0, 0.05, 0.5, 1.0)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_nonzero_finds_the_places_in_c_order(shape: tuple[int, ...]) -> None:
    for mask in masks(shape):
        expected = np.array(np.nonzero(mask), np.int64)
        for given in layouts(mask):
            np.testing.assert_array_equal(K.nonzero(given), expected.T)
            np.testing.assert_array_equal(K.nonzero(given, True), expected)


@pytest.mark.parametrize("kind", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_items_where_a_mask_holds(kind: str, shape: tuple[int, ...]) -> None:
    x = items(shape, kind)
    for mask in masks(shape):
        for array, held in zip(layouts(x), reversed(layouts(mask)), strict=True):
            picked = K.masked(array, held)
            assert picked.dtype == x.dtype
            np.testing.assert_array_equal(picked, x[mask])
            out, given = np.zeros(shape, kind), np.repeat(picked, 2)[::2]
            assert K.masked(out, held, given) is None
            np.testing.assert_array_equal(out, np.where(mask, x, np.zeros((), kind)))


@pytest.mark.parametrize("kind", DTYPES)
@pytest.mark.parametrize("lower", [False, True])
def test_triangles(kind: str, lower: bool) -> None:
    for shape in [shape for shape in SHAPES if len(shape) > 1]:
        x = items(shape, kind)
        for diagonal in (-(10**12), -40, -2, -1, 0, 1, 3, 40, 10**12):
            away = np.arange(shape[-1]) - np.arange(shape[-2])[:, None]
            kept = np.where(away <= diagonal if lower else away >= diagonal, x, np.zeros((), kind))
            for given in layouts(x):
                actual = K.triangle(given, lower, diagonal)
                assert actual.dtype == x.dtype
                np.testing.assert_array_equal(actual, kept)
                assert actual.flags.f_contiguous or not (x.ndim == 2 and given.flags.f_contiguous)
                assert actual.flags.c_contiguous or given.flags.f_contiguous


@pytest.mark.parametrize("kind", DTYPES)
@pytest.mark.parametrize("shape", [*SHAPES, (), (70, 130)], ids=str)
def test_copies_keep_an_order_of_memory_from_either_end(kind: str, shape: tuple[int, ...]) -> None:
    x = items(shape, kind)
    for given in layouts(x):
        for view in (given, given[::-1], given[..., ::-1]) if x.ndim else (given,):
            plain, kept = K.copied(view), K.copied(view, True)
            np.testing.assert_array_equal(plain, view)
            np.testing.assert_array_equal(kept, view)
            assert plain.flags.c_contiguous
            assert kept.flags.f_contiguous if given.flags.f_contiguous else kept.flags.c_contiguous
        for d in range(x.ndim):
            np.testing.assert_array_equal(K.copied(given, True, (d,)), np.flip(x, d))
        np.testing.assert_array_equal(K.copied(given, False, tuple(range(x.ndim))), np.flip(x))


def test_reversed_rows_are_copied_on_every_instruction_set(isa: str, dtype: np.dtype) -> None:
    for cols in (1, 3, 4, 15, 16, 17, 64, 1001):
        x = np.arange(3 * cols, dtype=dtype).reshape(3, cols)
        np.testing.assert_array_equal(K.copied(x[:, ::-1]), x[:, ::-1])
        np.testing.assert_array_equal(K.copied(x[::-1, ::-1]), x[::-1, ::-1])


def test_what_is_no_mask_does_not_fit() -> None:
    x, mask = np.zeros((2, 3), np.float32), np.ones((2, 3), bool)
    with pytest.raises(TypeError, match="expected a mask of bool, got float32"):
        K.nonzero(x)
    with pytest.raises(ValueError, match="one dimension or more"):
        K.nonzero(mask[0, 0, ...])
    with pytest.raises(ValueError, match=r"a mask of the array's shape, got \(3,\) for float32 of \(2, 3\)"):
        K.masked(x, mask[0])
    with pytest.raises(ValueError, match=r"expected \(6,\) items, as many as the mask holds, got \(5,\)"):
        K.masked(x, mask, np.zeros(5, np.float32))
    with pytest.raises(TypeError, match="the vector of items is float64, expected float32"):
        K.masked(x, mask, np.zeros(6))
    with pytest.raises(ValueError, match="shares memory"):
        _kernels.masked(x, mask, x.reshape(-1))
    with pytest.raises(ValueError, match="in C order"):
        K.masked(x.T, mask.T, np.zeros(6, np.float32))
    with pytest.raises(ValueError, match=r"expected matrices.*of \(3,\)"):
        K.triangle(x[0], True, 0)
