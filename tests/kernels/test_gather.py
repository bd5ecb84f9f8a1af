"""Gathering rows by index with conversion and scaling, adding rows up by index, and both along one dimension."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from guarded import K
from wengert import _kernels

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


def test_rows_are_counted_from_the_end_unless_that_is_refused(isa: str, dtype: np.dtype) -> None:
    rows = matrix(5, 3, dtype)
    np.testing.assert_array_equal(K.gather_rows(rows, np.array([4, 0]), dtype=dtype, from_end=False), rows[[4, 0]])
    with pytest.raises(IndexError, match="index -1 at position 1 is negative"):
        K.gather_rows(rows, np.array([4, -1]), dtype=dtype, from_end=False)


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


# ---------------------------------------------------------------- along one dimension

DTYPES = ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool"]
GRIDS = [  # an array's shape, the axis, and the shape of an index
    ((), 0, ()), ((5,), 0, (9,)), ((5,), 0, (0,)), ((4, 6), 0, (3, 6)), ((4, 6), 1, (4, 1)), ((4, 6), -1, (2, 11)),
    ((1, 7), 0, (5, 7)), ((3, 1, 4), 1, (3, 6, 4)), ((2, 3, 4), 0, (2, 2, 4)), ((2, 3, 4, 2), 2, (1, 3, 5, 2)),
    ((3, 0), 0, (2, 0)), ((2, 3, 4), 1, (2, 0, 4)),
]  # fmt: skip


def items(shape: tuple[int, ...], dtype: str, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2 if dtype == "bool" else 100, shape).astype(dtype)


def layouts(x: np.ndarray) -> list[np.ndarray]:
    """The same items in C order, in the reverse order of dimensions, backwards, and in every other place."""
    wide = np.zeros((*x.shape, 2), x.dtype)
    wide[..., 1] = x
    every = (*(slice(None, None, -1),) * x.ndim, ...)
    return [x.copy(), np.array(x.T, order="C").T, x[every].copy()[every], wide[..., 1]]


def places(shape: tuple[int, ...], axis: int, n: int) -> np.ndarray:
    return np.random.default_rng(7).integers(-n, n, shape)


def walk(index: np.ndarray, axis: int) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """For every place of an index, in C order, it and the place in the array."""
    found = []
    for place in np.ndindex(index.shape):
        there = list(place)
        if there:
            there[axis] = int(index[place])
        found.append((place, tuple(there)))
    return found


@pytest.mark.parametrize("kind", DTYPES)
@pytest.mark.parametrize(("shape", "axis", "wanted"), GRIDS, ids=str)
def test_gather_along_picks_one_item_for_every_place(
    kind: str, shape: tuple[int, ...], axis: int, wanted: tuple[int, ...]
) -> None:
    x, index = items(shape, kind), places(wanted, axis, shape[axis] if shape else 1)
    expected = np.empty(wanted, kind)
    for place, there in walk(index, axis):
        expected[place] = x[there]
    for array, chosen in zip(layouts(x), reversed(layouts(index)), strict=True):
        actual = K.gather_along(array, chosen, axis)
        assert actual.dtype == x.dtype
        assert actual.flags.c_contiguous
        np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("add", [False, True])
@pytest.mark.parametrize("kind", DTYPES)
@pytest.mark.parametrize(("shape", "axis", "wanted"), GRIDS, ids=str)
def test_scatter_along_goes_through_the_index_in_c_order(
    kind: str, shape: tuple[int, ...], axis: int, wanted: tuple[int, ...], add: bool
) -> None:
    if add and kind in ("float16", "bool"):
        with pytest.raises(TypeError, match=f"float32, float64 and integers can be added up, got {kind}"):
            K.scatter_along(items(shape, kind), places(wanted, axis, 1), items(wanted, kind), axis, add)
        return
    x, source = items(shape, kind), items(wanted, kind, seed=1)
    index = places(wanted, axis, shape[axis] if shape else 1)
    expected = x.astype(np.int64)
    for place, there in walk(index, axis):
        expected[there] = expected[there] + int(source[place]) if add else source[place]
    expected = expected.astype(kind)  # wraps around
    for out, given, chosen in zip(layouts(x), reversed(layouts(source)), layouts(index), strict=True):
        assert K.scatter_along(out, chosen, given, axis, add) is None
        np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_an_index_without_the_axis_picks_and_places_one_item_each(axis: int) -> None:
    x = items((4, 5, 6), "float32")
    index = np.argmax(x, axis)
    for array, chosen in zip(layouts(x), reversed(layouts(index)), strict=True):
        picked = K.gather_along(array, chosen, axis)
        np.testing.assert_array_equal(picked, x.max(axis))
        out = np.zeros_like(x)
        K.scatter_along(out, chosen, picked, axis, True)
        np.testing.assert_array_equal(out.sum(axis), picked)
        np.testing.assert_array_equal(np.argmax(out, axis), np.where(picked > 0, index, np.argmax(out, axis)))


def test_gather_along_repeats_an_index_and_items_without_copies() -> None:
    x = items((4, 6), "float32")
    row = np.broadcast_to(np.array([3, 0, -6]), (4, 3))
    np.testing.assert_array_equal(K.gather_along(x, row, 1), x[:, [3, 0, 0]])
    many = np.broadcast_to(x[:1], (5, 6))
    np.testing.assert_array_equal(K.gather_along(many, np.zeros((5, 1), np.int64), 1), np.full((5, 1), x[0, 0]))


SLICED = [  # an array's shape, the axis, and the shape of an index of slices
    ((5,), 0, (3,)), ((4, 6), 0, (7,)), ((4, 6), 1, (2, 3)), ((2, 3, 4), 1, (5,)), ((2, 3, 4), -1, ()),
    ((3, 4), 0, (0,)), ((1, 5, 1), 1, (2,)),
]  # fmt: skip


@pytest.mark.parametrize("kind", DTYPES)
@pytest.mark.parametrize(("shape", "axis", "wanted"), SLICED, ids=str)
def test_gather_along_picks_slices_as_take_does(
    kind: str, shape: tuple[int, ...], axis: int, wanted: tuple[int, ...]
) -> None:
    x, index = items(shape, kind), places(wanted, axis, shape[axis])
    for array, chosen in zip(layouts(x), reversed(layouts(index)), strict=True):
        np.testing.assert_array_equal(K.gather_along(array, chosen, axis, True), np.take(x, index, axis))


def test_indices_counted_from_the_end_are_out_of_range_where_they_are_to_be() -> None:
    x = items((4, 6), "float32")
    np.testing.assert_array_equal(K.gather_along(x, np.array([3, 0]), 0, True, from_end=False), x[[3, 0]])
    for index, slices in ((np.array([1, -1]), True), (np.array([[1], [-1]]), False)):
        with pytest.raises(IndexError, match="index -1 is out of range for dimension 1 of length 6, expected 0 to 5"):
            K.gather_along(x, index, 1, slices, from_end=False)
    with pytest.raises(IndexError, match="index 4 is out of range for dimension 0 of length 4"):
        K.gather_along(x, np.array([0, 4]), 0, True)
    with pytest.raises(ValueError, match="expected 1 to"):
        K.gather_along(items((), "float32"), np.array([0]), 0, True)


@pytest.mark.parametrize("add", [False, True])
def test_scatter_along_places_rows_by_an_index_that_is_repeated(add: bool) -> None:
    rows, source = np.array([2, 0, -2, 2]), items((4, 6), "float32", seed=1)
    for out, given in zip(layouts(items((4, 6), "float32")), reversed(layouts(source)), strict=True):
        expected = out.copy()
        if add:
            np.add.at(expected, rows, source)
        else:
            expected[[2, 0]] = source[[3, 1]]
        K.scatter_along(out, np.broadcast_to(rows[:, None], (4, 6)), given, 0, add)
        np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("bad", [6, -7, 2**40, -(2**63), 2**63 - 1])
def test_an_index_out_of_range_along_a_dimension_is_refused(bad: int) -> None:
    index = places((4, 5), 1, 6)
    index[2, 3] = bad
    text = f"index {bad} is out of range for dimension 1 of length 6, expected -6 to 5"
    with pytest.raises(IndexError, match=f"gather_along: {text}"):
        K.gather_along(items((4, 6), "float32"), index, 1)
    for add in (False, True):
        with pytest.raises(IndexError, match=f"scatter_along: {text}"):
            K.scatter_along(items((4, 6), "int16"), index, items((4, 5), "int16"), 1, add)


def test_what_does_not_fit_along_a_dimension_is_refused() -> None:
    x, index = items((4, 6), "float32"), places((4, 5), 1, 4)
    with pytest.raises(ValueError, match=r"an index of shape \(5, 5\) is longer than shape \(4, 6\), apart from"):
        K.gather_along(x, places((5, 5), 1, 4), 1)
    with pytest.raises(ValueError, match=r"expected an index of 2 dimension\(s\), got shape \(1, 3, 1\)"):
        K.gather_along(x, places((1, 3, 1), 0, 4), 1)
    with pytest.raises(TypeError, match="the index is int32, expected int64"):
        K.gather_along(x, index.astype(np.int32), 1)
    with pytest.raises(TypeError, match="expected items of 1, 2, 4 or 8 bytes, got complex128"):
        K.gather_along(x.astype(np.complex128), index, 1)
    with pytest.raises(IndexError, match="dimension 2 is out of range"):
        K.gather_along(x, index, 2)
    with pytest.raises(ValueError, match=r"expected a source of shape \(4, 5\), got \(4, 4\)"):
        K.scatter_along(x, index, x[:, :4], 1)
    with pytest.raises(TypeError, match="the source is float64, expected float32"):
        K.scatter_along(x, index, items((4, 5), "float64"), 1)
    with pytest.raises(ValueError, match="out must be writable"):
        K.scatter_along(np.broadcast_to(x, (4, 6)), index, items((4, 5), "float32"), 1)
    with pytest.raises(ValueError, match="out shares memory with an operand"):
        _kernels.scatter_along(x, index, x[:, 1:], 1)


# ---------------------------------------------------------------- the largest items


def first_in_order(x: np.ndarray, k: int, axis: int, smallest: bool) -> np.ndarray:
    """The places of the first k of a stable sort, with NaN as the largest."""
    rows = np.moveaxis(x, axis, -1)
    found = np.empty((*rows.shape[:-1], k), np.int64)
    for place in np.ndindex(rows.shape[:-1]):
        row = [float(v) for v in rows[place]]
        rank = [math.inf if v != v else v for v in row], [v != v for v in row]
        sign = 1 if smallest else -1
        order = sorted(range(len(row)), key=lambda j: (sign * rank[0][j], sign * rank[1][j]))
        found[place] = order[:k]
    return np.moveaxis(found, -1, axis)


@pytest.mark.parametrize("smallest", [False, True])
@pytest.mark.parametrize(
    ("shape", "axis"), [((7,), 0), ((4, 9), 1), ((9, 4), 0), ((2, 8, 3), 1), ((1, 1), -1)], ids=str
)
def test_topk_is_the_head_of_a_stable_sort(dtype: np.dtype, shape: tuple[int, ...], axis: int, smallest: bool) -> None:
    rng = np.random.default_rng(8)
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, 1.0, 2.0])
    for values in (rng.normal(size=shape), rng.integers(0, 3, shape), rng.choice(special, shape), np.zeros(shape)):
        x = values.astype(dtype)
        for array in layouts(x):
            for k in range(shape[axis] + 1):
                actual = K.topk(array, k, axis, smallest)
                assert actual.dtype == np.int64
                np.testing.assert_array_equal(actual, first_in_order(x, k, axis, smallest))


def test_topk_of_no_rows_and_of_too_few_items(dtype: np.dtype) -> None:
    assert K.topk(np.empty((0, 5), dtype), 2, 1).shape == (0, 2)
    assert K.topk(np.empty((3, 0), dtype), 0, 1).shape == (3, 0)
    for x, k in ((np.ones(3, dtype), 4), (np.ones(3, dtype), -1), (np.ones((), dtype), 1)):
        with pytest.raises(ValueError, match=f"there are no {k} item"):
            K.topk(x, k, 0)


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
        return [
            gathered.tobytes(),
            K.topk(source, 5, 1).tobytes(),
            K.topk(source, 5, 0).tobytes(),
            K.gather_rows(table, places, dtype=dtype).tobytes(),
            out.tobytes(),
        ]

    K.set_num_threads(1)
    alone = everything()
    K.set_num_threads(2)
    assert everything() == alone


# ---------------------------------------------------------------- images, moved and mirrored


def moved(image: np.ndarray, down: int, right: int, mirrored: int) -> np.ndarray:
    """An image moved by whole pixels, in a frame of zeros."""
    height, width = image.shape
    out = np.zeros_like(image)
    source = image[:, ::-1] if mirrored else image
    for y in range(height):
        for x in range(width):
            if 0 <= y - down < height and 0 <= x - right < width:
                out[y, x] = source[y - down, x - right]
    return out


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 1), (4, 16), (6, 17), (28, 28), (0, 3), (3, 0)])
def test_gathered_images_are_moved_and_mirrored(isa: str, threads: int, dtype: np.dtype, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (20, *size), dtype=np.uint8)
    for count in (0, 1, 3, 300):
        index = rng.integers(-20, 20, count)
        moves = np.stack([rng.integers(-9, 10, count), rng.integers(-19, 20, count), rng.integers(0, 2, count)], 1)
        moves = moves.astype(np.int32)
        actual = K.gather_images(images, index, moves, dtype=dtype, scale=1 / 255)
        assert actual.dtype == dtype
        assert actual.shape == (count, *size)
        for k in range(count):
            expected = moved(images[index[k]], *moves[k].tolist()).astype(dtype) * dtype.type(1 / 255)
            np.testing.assert_array_equal(actual[k], expected)


def test_images_may_be_moved_out_of_sight(isa: str) -> None:
    images, far = np.full((1, 3, 4), 255, np.uint8), np.iinfo(np.int32)
    moves = np.array([[3, 0, 0], [0, -4, 1], [far.max, far.min, 0], [far.min, far.max, 1]], np.int32)
    assert not K.gather_images(images, np.zeros(4, np.int64), moves).any()


def test_bad_images_are_refused() -> None:
    images, index, moves = np.zeros((2, 3, 4), np.uint8), np.zeros(2, np.int64), np.zeros((2, 3), np.int32)
    with pytest.raises(IndexError, match="index 2 at position 1 is out of range for 2 images"):
        _kernels.gather_images(images, np.array([0, 2]), moves)
    with pytest.raises(TypeError, match="images of uint8"):
        _kernels.gather_images(images.astype(np.float32), index, moves)
    with pytest.raises(TypeError, match=r"moves of int32, \(2, 3\)"):
        _kernels.gather_images(images, index, moves[:1])
    with pytest.raises(TypeError, match="moves of int32"):
        _kernels.gather_images(images, index, moves.astype(np.int64))
