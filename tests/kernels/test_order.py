"""Orders, ranks, places in sorted sequences, counts and recurrences against NumPy and the definition."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from guarded import K

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]
# Rows of up to 40 items are sorted at once, digits are longer from 4096 items on.
SHAPES = [((1,), 0), ((5,), 0), ((40,), 0), ((41,), 0), ((300,), 0), ((5000,), 0), ((3, 70), 1), ((70, 3), 0),
          ((4, 50, 5), 1), ((2, 3, 100), 2)]  # fmt: skip


@pytest.fixture(params=DTYPES)
def any_dtype(request: pytest.FixtureRequest) -> np.dtype:
    return np.dtype(request.param)


def samples(shape: tuple[int, ...], dtype: np.dtype) -> Iterator[np.ndarray]:
    """Numbers of all magnitudes, small ones, many equal ones with NaN and infinities, and all that are equal."""
    rng = np.random.default_rng(3)
    special = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, 2.0, -1.0] if dtype.kind == "f" else [0, 1]
    wide = rng.integers(-(2**62), 2**62, shape) if dtype == np.int64 else rng.normal(size=shape) * 1e4
    for x in (wide, rng.normal(size=shape) * 50, rng.choice(special, shape), np.ones(shape)):
        with np.errstate(all="ignore"):
            yield x.astype(dtype)


def layouts(x: np.ndarray) -> list[np.ndarray]:
    spread = np.zeros([2 * length + 1 for length in x.shape], x.dtype)[tuple(slice(1, None, 2) for _ in x.shape)]
    spread[...] = x
    return [x, np.asfortranarray(x), np.flip(np.flip(x).copy()), spread]


def stable(x: np.ndarray, axis: int, descending: bool = False) -> np.ndarray:
    if not descending:
        return x.argsort(axis, kind="stable")
    return x.shape[axis] - 1 - np.flip(np.flip(x, axis).argsort(axis, kind="stable"), axis)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_places_in_order(any_dtype: np.dtype, shape: tuple[int, ...], axis: int, descending: bool) -> None:
    for x in samples(shape, any_dtype):
        for array in layouts(x):
            actual = K.places_in_order(array, axis, descending)
            assert actual.dtype == np.int64
            np.testing.assert_array_equal(actual, stable(x, axis, descending))


@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_places_of_ranks(any_dtype: np.dtype, shape: tuple[int, ...], axis: int) -> None:
    n = shape[axis]
    rng = np.random.default_rng(4)
    for x in samples(shape, any_dtype):
        expected = stable(x, axis)
        np.testing.assert_array_equal(K.places_of_ranks(x, n // 3, axis), expected.take([n // 3], axis))
        np.testing.assert_array_equal(K.places_of_ranks(x, n // 3, axis, keepdims=False), expected.take(n // 3, axis))
        for ranks in ([0], [n - 1], [n // 2, n // 2], np.sort(rng.integers(0, n, 7)), [0, min(1, n - 1), n - 1]):
            for array in layouts(x):
                actual = K.places_of_ranks(array, np.array(ranks), axis)
                np.testing.assert_array_equal(actual, expected.take(ranks, axis))


def test_each_row_has_ranks_of_its_own(any_dtype: np.dtype) -> None:
    ranks = np.sort(np.random.default_rng(5).integers(0, 60, (2, 3, 4)), -1)
    for x in samples((2, 3, 60), any_dtype):
        actual = K.places_of_ranks(x, ranks, -1)
        np.testing.assert_array_equal(actual, np.take_along_axis(stable(x, -1), ranks, -1))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("n", [1, 7, 41, 600])
def test_ranks_where_there_is_nan(dtype: str, n: int) -> None:
    x = np.random.default_rng(6).normal(size=(4, n)).astype(dtype)
    x[1, n // 2 :] = np.nan
    x[2] = np.nan
    x[3, ::2] = np.nan
    order = stable(x, 1)
    numbers = n - np.isnan(x).sum(1)
    chosen = np.where(numbers < n, np.minimum(numbers, n - 1), (n - 1) // 2)
    middle = np.maximum(numbers - 1, 0) // 2
    for nan, ranks in (("chosen", chosen), ("left out", middle)):
        actual = K.places_of_ranks(x, np.array([(n - 1) // 2]), 1, nan)
        np.testing.assert_array_equal(actual, np.take_along_axis(order, ranks[:, None], 1))


def test_orders_of_nothing_and_of_one_number(any_dtype: np.dtype) -> None:
    assert K.places_in_order(np.zeros((0, 3), any_dtype), 1).shape == (0, 3)
    assert K.places_in_order(np.zeros((3, 0), any_dtype), 1).shape == (3, 0)
    assert K.places_of_ranks(np.zeros((0, 3), any_dtype), np.array([1]), 1).shape == (0, 1)
    assert K.places_in_order(np.ones((), any_dtype), 0).tolist() == 0
    assert K.places_of_ranks(np.ones((), any_dtype), np.array([0]), 0).tolist() == 0


def test_what_has_no_order_or_rank_is_refused() -> None:
    x = np.ones((3, 4), np.float32)
    with pytest.raises(TypeError, match="complex64"):
        K.places_in_order(x.astype(np.complex64), 0)
    for ranks in ([4], [-1], [2, 1], [[1], [1]]):
        with pytest.raises(ValueError, match="expected ranks below 4 that ascend"):
            K.places_of_ranks(x, np.array(ranks), 1)
    with pytest.raises(ValueError, match="expected ranks below 0"):
        K.places_of_ranks(np.zeros((3, 0)), np.array([0]), 1)


@pytest.mark.parametrize("right", [False, True])
def test_search_sorted(any_dtype: np.dtype, right: bool) -> None:
    side = "right" if right else "left"
    for n in (0, 1, 2, 7, 100):
        for sequence, values in zip(samples((n,), any_dtype), samples((5, 13), any_dtype), strict=True):
            ordered = np.sort(sequence)
            for array in layouts(values):
                actual = K.search_sorted(ordered, array, right)
                np.testing.assert_array_equal(actual, np.searchsorted(ordered, values, side))
    rows = np.sort(next(samples((3, 9), any_dtype)), -1)
    values = next(samples((3, 4), any_dtype))
    expected = [np.searchsorted(row, value, side) for row, value in zip(rows, values, strict=True)]
    np.testing.assert_array_equal(K.search_sorted(rows, values, right), expected)
    assert K.search_sorted(rows[0], np.asarray(values[0, 0]), right).shape == ()
    with pytest.raises(ValueError, match="are not for values"):
        K.search_sorted(rows, values[:2], right)


def test_orders_do_not_depend_on_the_number_of_threads(any_dtype: np.dtype) -> None:
    x = next(samples((300, 200), any_dtype))

    def everything() -> list[bytes]:
        found = (K.places_in_order(x, 0), K.places_in_order(x, 1), K.places_of_ranks(x, np.array([3, 70]), 1))
        return [places.tobytes() for places in found]

    K.set_num_threads(1)
    alone = everything()
    K.set_num_threads(2)
    assert everything() == alone


# ---------------------------------------------------------------- counts


def test_count() -> None:
    rng = np.random.default_rng(7)
    for n in (0, 1, 1000):
        x = rng.integers(0, 37, n)
        for length in (0, 50):
            np.testing.assert_array_equal(K.count(x, length), np.bincount(x, minlength=length))
        np.testing.assert_array_equal(K.count(x[::3]), np.bincount(x[::3]))
    with pytest.raises(ValueError, match="got -1"):
        K.count(np.array([3, -1]))


def test_count_between(dtype: np.dtype) -> None:
    rng = np.random.default_rng(8)
    edges = np.linspace(-0.3, 0.7, 11)
    for x in (rng.normal(size=(40, 30)), edges, np.nextafter(edges, 1), np.array([np.nan, np.inf, -np.inf, 0.5]), []):
        for bins, low, high in ((1, -1.0, 1.0), (10, -0.3, 0.7), (33, -2.0, 1e-3)):
            items = np.asarray(x, dtype)
            for array in layouts(items):
                expected, _ = np.histogram(items.astype(np.float64), bins, (low, high))
                np.testing.assert_array_equal(K.count_between(array, bins, low, high), expected)
    for low, high in ((1.0, 1.0), (0.0, np.inf), (np.nan, 1.0)):
        with pytest.raises(ValueError, match="finite range"):
            K.count_between(np.ones(3, dtype), 3, low, high)


# ---------------------------------------------------------------- recurrences


@pytest.mark.parametrize(("shape", "axis"), [((1,), 0), ((7,), 0), ((3, 20), 1), ((40, 5), 1), ((5, 40), 0),
                                             ((2, 3, 4), 1), ((33, 6, 17), 1), ((0, 3), 1), ((3, 0), 1)])  # fmt: skip
@pytest.mark.parametrize("backwards", [False, True])
def test_recurrence(dtype: np.dtype, shape: tuple[int, ...], axis: int, backwards: bool) -> None:
    rng = np.random.default_rng(9)
    a, b = (rng.normal(size=shape).astype(dtype) for _ in range(2))
    a[(slice(None),) * axis + (slice(1),)] = np.inf  # of the first item nobody asks
    expected = b.astype(np.float64)
    lines, factors = np.moveaxis(expected, axis, 0), np.moveaxis(a, axis, 0)
    for k in range(1, len(lines)):
        if backwards:
            lines[-1 - k] += factors[len(lines) - k] * lines[-k]
        else:
            lines[k] += factors[k] * lines[k - 1]
    for one, other in zip(layouts(a), layouts(b), strict=True):
        actual = K.recurrence(one, other, axis, backwards)
        assert actual.dtype == dtype
        np.testing.assert_allclose(actual, expected, rtol=100 * np.finfo(dtype).eps, atol=100 * np.finfo(dtype).eps)
    with pytest.raises(ValueError, match="of one shape"):
        K.recurrence(a, np.ones((*shape, 2), dtype), axis)
    with pytest.raises(TypeError, match="expected"):
        K.recurrence(a, b.astype("float64" if dtype == np.float32 else "float32"), axis)


@pytest.mark.parametrize(("shape", "axis"), [((5,), 0), ((3, 20), 1), ((20, 37), 0), ((2, 3, 4), 1), ((3, 0), 1)])
def test_log_sums(dtype: np.dtype, shape: tuple[int, ...], axis: int) -> None:
    x = (100 * np.random.default_rng(10).normal(size=shape)).astype(dtype)
    x[..., :1] = [-np.inf, np.inf, 1][len(shape) - 1]
    with np.errstate(invalid="ignore"):
        expected = np.logaddexp.accumulate(x.astype(np.float64), axis)
    for array in layouts(x):
        actual = K.log_sums(array, axis)
        assert actual.dtype == dtype
        np.testing.assert_allclose(actual, expected, rtol=8 * np.finfo(dtype).eps)
