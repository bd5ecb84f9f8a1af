"""Running sums, products and extremes against the definition, item by item."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import strategies as st
from test_fuzz import arrays, check, run

from guarded import K

TYPES = ["float32", "float64", "int64"]
# Blocks are of 32 items, tiles of 64 lines, sums in groups of four.
SHAPES = [
    (1,),
    (3,),
    (5,),
    (31,),
    (33,),
    (100,),
    (7, 9),
    (3, 65),
    (40, 129),
    (129, 40),
    (2, 33, 67),
    (4, 1, 5),
    (1, 70),
]
EMPTY = [(0,), (3, 0), (0, 3), (2, 0, 5), (2, 5, 0)]


def numbers(shape: tuple[int, ...], dtype: np.dtype, seed: int = 0) -> np.ndarray:
    """Small whole numbers, so that many are equal; as floats, some of them -0."""
    x = np.random.default_rng(seed).integers(-9, 10, shape)
    return x if dtype == np.int64 else -x.astype(dtype)


def layouts(x: np.ndarray) -> list[np.ndarray]:
    """The same items in several orders of memory; no two dimensions of the second merge."""
    spread = np.zeros([2 * length + 1 for length in x.shape], x.dtype)[tuple(slice(1, None, 2) for _ in x.shape)]
    spread[...] = x
    backwards = np.flip(np.flip(x).copy())
    return [x, spread, np.asfortranarray(x), backwards, np.broadcast_to(x[:1], x.shape)]


def extremes_by_definition(x: np.ndarray, axis: int, smallest: bool) -> tuple[np.ndarray, np.ndarray]:
    """The last of the best items so far, or the last NaN."""
    items, places = np.empty_like(x), np.empty(x.shape, np.int64)
    for rest in np.ndindex(*np.delete(x.shape, axis)):
        line = (*rest[:axis], slice(None), *rest[axis:])
        at = 0
        for i, item in enumerate(x[line]):
            best = x[line][at]
            if item != item or (best == best and (item <= best if smallest else item >= best)):
                at = i
            items[line][i], places[line][i] = x[line][at], at
    return items, places


@pytest.fixture(params=TYPES)
def kind(request: pytest.FixtureRequest) -> np.dtype:
    return np.dtype(request.param)


@pytest.mark.parametrize("smallest", [False, True], ids=["largest", "smallest"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_extremes_and_their_places(isa: str, kind: np.dtype, shape: tuple[int, ...], smallest: bool) -> None:
    for x in layouts(numbers(shape, kind)):
        for axis in range(x.ndim):
            items, places = K.running_extreme(x, axis, smallest)
            right, where = extremes_by_definition(x, axis, smallest)
            np.testing.assert_array_equal(places, where)
            np.testing.assert_array_equal(items, right)
            assert (items.dtype, places.dtype) == (kind, np.int64)
            assert items.flags.c_contiguous
            assert places.flags.c_contiguous
            if kind != np.int64:
                np.testing.assert_array_equal(np.signbit(items), np.signbit(right))


@pytest.mark.parametrize("smallest", [False, True], ids=["largest", "smallest"])
def test_nan_stays_and_infinities_are_numbers(isa: str, dtype: np.dtype, smallest: bool) -> None:
    rng = np.random.default_rng(1)
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0], dtype)
    for trial in range(30):
        x = numbers((200, 5), dtype, trial)
        places = rng.integers(0, x.size, 6)
        x.flat[places] = rng.choice(special[trial % 3 :], 6)
        for y, axis in ((x, 0), (x.T.copy(), 1), (x.reshape(-1), 0)):
            for found, right in zip(
                K.running_extreme(y, axis, smallest), extremes_by_definition(y, axis, smallest), strict=True
            ):
                np.testing.assert_array_equal(found, right)


def test_lines_that_rise_fall_and_stand_still(isa: str, kind: np.dtype) -> None:
    rise = np.arange(100).astype(kind)
    for x in (rise, rise[::-1], np.zeros(100, kind), np.maximum(rise, 50), np.minimum(rise, 50), rise % 7):
        for smallest in (False, True):
            for found, right in zip(
                K.running_extreme(x, 0, smallest), extremes_by_definition(x, 0, smallest), strict=True
            ):
                np.testing.assert_array_equal(found, right)


def test_the_ends_of_the_integers(isa: str) -> None:
    ends = np.iinfo(np.int64)
    x = np.array([0, ends.min, ends.max, ends.min, ends.max, -1], np.int64)
    np.testing.assert_array_equal(K.running_extreme(x, 0)[0], [0, 0, ends.max, ends.max, ends.max, ends.max])
    np.testing.assert_array_equal(K.running_extreme(x, 0, True)[1], [0, 1, 1, 3, 3, 3])
    np.testing.assert_array_equal(K.running_sum(x, 0), np.cumsum(x))
    np.testing.assert_array_equal(K.running_product(x[1:], 0), np.cumprod(x[1:]))


@pytest.mark.parametrize("shape", [*SHAPES, (3, 5000), (5000, 3), (2, 500, 70)], ids=str)
def test_sums_within_their_bound(isa: str, kind: np.dtype, shape: tuple[int, ...]) -> None:
    x = numbers(shape, kind) if kind == np.int64 else np.random.default_rng(2).standard_normal(shape).astype(kind)
    for y in layouts(x):
        for axis in range(-y.ndim, y.ndim):
            found = K.running_sum(y, axis)
            assert found.dtype == kind
            assert found.flags.c_contiguous
            exact = np.cumsum(y, axis, dtype=np.int64 if kind == np.int64 else np.longdouble)
            epsilons = 4 if kind == np.float32 else y.shape[axis]
            eps = 0 if kind == np.int64 else np.finfo(kind).eps
            assert (np.abs(found - exact) <= epsilons * eps * np.cumsum(np.abs(y), axis)).all()


@pytest.mark.parametrize("shape", [*SHAPES, (3, 500), (500, 3)], ids=str)
def test_products_within_their_bound(isa: str, kind: np.dtype, shape: tuple[int, ...]) -> None:
    x = numbers(shape, kind) if kind == np.int64 else np.random.default_rng(3).uniform(0.9, 1.1, shape).astype(kind)
    for y in layouts(x):
        for axis in range(-y.ndim, y.ndim):
            found = K.running_product(y, axis)
            assert found.dtype == kind
            assert found.flags.c_contiguous
            if kind == np.int64:
                np.testing.assert_array_equal(found, np.cumprod(y, axis))
                continue
            exact = np.cumprod(y, axis, dtype=np.longdouble)
            bound = (2 if kind == np.float32 else y.shape[axis]) * np.finfo(kind).eps
            assert (np.abs(found - exact) <= bound * np.abs(exact)).all()


def test_a_million_float32_are_summed_and_multiplied_as_float64(isa: str) -> None:
    x = np.random.default_rng(4).uniform(0.99, 1.01, 1_000_000).astype(np.float32)
    np.testing.assert_allclose(K.running_sum(x, 0), np.cumsum(x, dtype=np.float64), rtol=6.1e-8)
    np.testing.assert_allclose(K.running_product(x, 0), np.cumprod(x, dtype=np.float64), rtol=6.1e-8)


def test_products_that_leave_the_range_of_float32_and_come_back(isa: str) -> None:
    x = np.array([1e30, 1e30, 1e-30, 1e-30, 1e-30, 1e-30, 1e30, 2], np.float32)
    right = np.cumprod(x, dtype=np.float64)
    with np.errstate(over="ignore", under="ignore"):
        right = right.astype(np.float32)
    for found in (K.running_product(x, 0), K.running_product(np.stack([x] * 3, 1), 0)[:, 1]):
        np.testing.assert_array_equal(found, right)


def test_products_of_float64_overflow_in_their_order(isa: str) -> None:
    """Joined in groups, the second and the third would be infinite."""
    x = np.array([1e-200, 1e200, 1e200, 1e-100])
    for found in (K.running_product(x, 0), K.running_product(np.stack([x] * 3, 1), 0)[:, 1]):
        np.testing.assert_allclose(found, [1e-200, 1, 1e200, 1e100], rtol=1e-15)


def test_sums_and_products_are_nan_from_the_first_nan_on(isa: str, dtype: np.dtype) -> None:
    x = np.ones((3, 50, 5), dtype)
    x[1, 20, 2] = np.nan
    x[2, 7, 0] = np.inf
    x[0, 3, 1:3] = -np.inf, np.inf
    x[0, 9, 1:3] = 0, -np.inf
    with np.errstate(invalid="ignore"):
        for y, axis in ((x, 1), (x.swapaxes(1, 2).copy(), 2)):
            np.testing.assert_array_equal(K.running_sum(y, axis), np.cumsum(y, axis))
            np.testing.assert_array_equal(K.running_product(y, axis), np.cumprod(y, axis))


@pytest.mark.parametrize("shape", EMPTY, ids=str)
def test_of_nothing(isa: str, kind: np.dtype, shape: tuple[int, ...]) -> None:
    x = np.zeros(shape, kind)
    for axis in range(len(shape)):
        for found in (K.running_sum(x, axis), K.running_product(x, axis), *K.running_extreme(x, axis)):
            assert found.shape == shape


def test_of_a_number(isa: str, kind: np.dtype) -> None:
    x = np.array(3, kind)
    assert [y.tolist() for y in (K.running_sum(x, 0), K.running_product(x, -1), *K.running_extreme(x, 0))] == [
        3,
        3,
        3,
        0,
    ]
    assert K.running_sum(x, 0).shape == ()


def test_results_do_not_depend_on_the_number_of_threads(isa: str, kind: np.dtype) -> None:
    for shape, axis in [((300, 1001), 1), ((301, 1000), 0), ((40, 101, 90), 1)]:
        x, results = numbers(shape, kind), []
        for threads in (1, 2, 3):
            K.set_num_threads(threads)
            found = (K.running_sum(x, axis), K.running_product(x, axis), *K.running_extreme(x, axis))
            results.append([y.tobytes() for y in found])
        assert results[1:] == results[:1] * 2


@pytest.mark.parametrize(
    "function", [K.running_sum, K.running_product, K.running_extreme], ids=["sum", "product", "extreme"]
)
def test_what_is_refused(function: Callable[..., object]) -> None:
    with pytest.raises(IndexError, match=r"running_\w+: dimension 2 is out of range for 2"):
        function(np.ones((2, 3)), 2)
    with pytest.raises(TypeError, match=r"running_\w+: .* float32 and float64, got int32"):
        function(np.ones(3, np.int32), 0)
    with pytest.raises(TypeError, match=r"running_\w+: expected a NumPy array, got list"):
        function([1.0], 0)


def fuzz_scan(data: st.DataObject) -> None:
    x, axis = data.draw(arrays() | arrays("int64")), data.draw(st.integers(-5, 4))
    check(K.running_sum, x, axis)
    check(K.running_product, np.sign(x) if x.dtype.kind == "f" else x, axis)
    check(K.running_extreme, x, axis, data.draw(st.booleans()))


def test_any_arrays_give_an_error_or_the_right_answer(request: pytest.FixtureRequest) -> None:
    run(fuzz_scan, request)
