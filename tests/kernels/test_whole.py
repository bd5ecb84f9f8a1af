"""Loops over whole numbers and truth values, folds by them, conversions and numbers at equal distances."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from test_fuzz import arrays, check, run

from guarded import K
from isas import by_isa

INTEGERS = ["int8", "uint8", "int16", "int32", "int64"]
SHAPES = [(), (0,), (1,), (5,), (63,), (64,), (65,), (200,), (7, 9), (3, 130), (130, 3), (4, 1, 33), (0, 3), (3, 0)]
# Divisions go by 64 pairs, in float64 where both are below 2^50.
NEAR_LIMITS = [2**50 - 1, 2**50, -(2**50), -(2**50) - 1, 2**49, 2**53 + 1, 2**63 - 1, -(2**63), 1, -1, 2, -3, 7, 0]


def layouts(x: np.ndarray) -> list[np.ndarray]:
    """The same items in several orders of memory."""
    spread = np.zeros([2 * length + 1 for length in x.shape], x.dtype)[(..., *(slice(1, None, 2) for _ in x.shape))]
    spread[...] = x
    return [x, spread, np.asfortranarray(x), np.flip(np.flip(x).copy())]


def drawn(shape: tuple[int, ...], dtype: str, seed: int = 0) -> np.ndarray:
    low, high = (0, 2) if dtype == "bool" else (0, 200) if dtype == "uint8" else (-100, 100)
    return np.asarray(np.random.default_rng(seed).integers(low, high, shape)).astype(dtype)


def same(actual: Any, expected: Any) -> None:
    assert isinstance(actual, np.ndarray)
    assert actual.dtype == expected.dtype
    np.testing.assert_array_equal(actual, expected)


# ---------------------------------------------------------------- loops of NumPy's


@pytest.mark.parametrize("dtype", [*INTEGERS, "bool"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_loops_give_what_numpy_gives(shape: tuple[int, ...], dtype: str) -> None:
    for function in (np.add, np.multiply, np.maximum, np.less, np.equal, np.logical_and, np.bitwise_xor):
        loops = K.Loops(function)
        for x, y in zip(layouts(drawn(shape, dtype)), layouts(drawn(shape, dtype, 1)), strict=True):
            same(loops(x, y), np.asarray(function(x, y)))
            same(loops(x, y[..., :1]) if shape and shape[-1] else loops(x, y), np.asarray(
                function(x, y[..., :1]) if shape and shape[-1] else function(x, y)
            ))  # fmt: skip
    for function in (np.logical_not, np.invert, np.absolute):
        for x in layouts(drawn(shape, dtype)):
            same(K.Loops(function)(x), np.asarray(function(x)))


@pytest.mark.parametrize("number", [True, 0, -1, 3, 127, 128, 255, 256, -129, 2**31, 2**63 - 1, 2**63, 2.5])
@pytest.mark.parametrize("dtype", [*INTEGERS, "bool", "float32"])
def test_numbers_are_items_or_numpys_affair(number: float, dtype: str) -> None:
    x = drawn((9,), dtype)
    for function in (np.add, np.less):
        for call, other in ((K.Loops(function), function),):
            try:
                with np.errstate(over="ignore"):
                    expected = np.asarray(other(x, number))
            except OverflowError:
                with pytest.raises(OverflowError):
                    call(x, number)
                continue
            same(call(x, number), expected)
            same(call(number, x), np.asarray(other(number, x)))


def test_results_follow_the_layout_of_what_they_are_made_of() -> None:
    x = drawn((6, 5), "int64")
    add = K.Loops(np.add)
    assert add(x.T, x.T).flags.f_contiguous
    assert not add(x.T, x.T).flags.c_contiguous
    assert add(x.T, 1).flags.f_contiguous
    assert add(x.T, x.T.copy()).flags.c_contiguous
    assert K.converted(x.T, np.dtype("float32")).flags.f_contiguous
    assert K.converted(np.repeat(x, 2, 1)[:, ::2], np.dtype("float32")).flags.c_contiguous


def test_loops_take_one_dtype_and_ask_numpy_for_the_rest() -> None:
    x = np.arange(4)
    same(K.Loops(np.add)(x, x.astype(np.int32)), x + x)
    same(K.Loops(np.add)(x.astype(">i8"), x), x + x)
    same(K.Loops(np.isnan)(np.array([1.0, np.nan], np.float16)), np.array([False, True]))
    with pytest.raises(ValueError, match="broadcast"):
        K.Loops(np.add)(x, np.arange(3))
    with pytest.raises(TypeError):
        K.Loops(np.subtract)(np.array([True]), np.array([True]))


# ---------------------------------------------------------------- division


@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize("function", [np.floor_divide, np.remainder])
def test_integers_are_divided_as_numpy_divides_them(function: Any, dtype: str) -> None:
    kernel = K.Elementwise(function.__name__, function)
    limits = np.iinfo(dtype)
    x, y = np.meshgrid(*2 * [np.array([n for n in NEAR_LIMITS if limits.min <= n <= limits.max], dtype)])
    x, y = np.concatenate([x.ravel(), drawn((500,), dtype)]), np.concatenate([y.ravel(), drawn((500,), dtype, 1)])
    x, y = x[y != 0], y[y != 0]

    def divide() -> None:
        for n in (0, 1, 3, 63, 64, 65, 129, len(x)):
            for a, b in zip(layouts(x[:n]), layouts(y[:n]), strict=True):
                with np.errstate(over="ignore"):
                    same(kernel(a, b), function(a, b))
        square = x[:64].reshape(8, 8)
        same(kernel(square.T, square.T + 1000), function(square.T, square.T + 1000))
        same(kernel(x, 7), function(x, 7))
        same(kernel(x, -1), function(x, -1))
        same(kernel(-9, y), function(-9, y))
        same(kernel(x[:50, None], y[:60]), function(x[:50, None], y[:60]))

    with np.errstate(over="ignore"):
        by_isa(divide)


def test_a_zero_among_divisors_is_left_to_the_fallback() -> None:
    called = []

    def fallback(x: np.ndarray, y: Any) -> np.ndarray:
        called.append(y)
        return np.asarray(x)

    kernel = K.Elementwise("remainder", fallback)
    for n in (1, 64, 65, 300):
        y = np.ones(n, np.int64)
        y[n - 1] = 0
        kernel(np.arange(n), y)
    kernel(np.arange(5), 0)
    kernel(np.arange(5), 2)
    assert len(called) == 5


# ---------------------------------------------------------------- folds


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "bool"])
@pytest.mark.parametrize("shape", [(1,), (200,), (7, 9), (3, 130), (130, 3), (40, 2, 33), (5, 6, 1, 7), (300, 20)])
def test_folds_give_what_numpy_gives(shape: tuple[int, ...], dtype: str) -> None:
    functions: dict[str, Callable[..., Any]] = {
        "sum": lambda x, **k: np.sum(x, dtype=np.int64, **k), "max": np.max, "min": np.min,
        "all": np.all, "any": np.any, "count": lambda x, **k: np.asarray(np.count_nonzero(x, **k), np.int64),
    }  # fmt: skip
    subsets = [(), *[(d,) for d in range(len(shape))], tuple(range(len(shape)))]

    def fold(kind: str, function: Any) -> None:
        kernel = K.Fold(kind, lambda x, dims, keepdim: np.asarray(function(x, axis=dims, keepdims=keepdim)))
        for x in [*layouts(drawn(shape, dtype)), np.broadcast_to(drawn(shape, dtype)[:1], shape)]:
            for dims in subsets:
                for keepdim in (False, True):
                    same(kernel(x, dims, keepdim), np.asarray(function(x, axis=dims, keepdims=keepdim)))

    for kind, function in functions.items():
        by_isa(fold, kind, function)


def test_folds_of_nothing() -> None:
    refuse = K.Fold("max", lambda x, dims, keepdim: np.max(x, dims, keepdims=keepdim))
    with pytest.raises(ValueError, match="zero-size"):
        refuse(np.zeros((0, 3), np.int64), (0,), False)
    same(refuse(np.zeros((0, 3), np.int64), (1,), False), np.zeros(0, np.int64))
    none = np.zeros((3, 0), bool)
    for kind, found in (("all", True), ("any", False), ("count", 0), ("sum", 0)):
        fold = K.Fold(kind, None)
        assert (fold(none, (1,), False) == found).all()
        assert fold(none, (0, 1), False).shape == ()
    same(K.Fold("sum", None)(np.array(5), (), False), np.array(5))
    with pytest.raises(IndexError, match="out of range"):
        K.Fold("sum", None)(none, (2,), False)


def test_sums_wrap_around() -> None:
    x = np.full(300, 2**62)
    by_isa(lambda: same(K.Fold("sum", None)(x, (0,), False), np.sum(x, keepdims=False)[()] + np.zeros((), np.int64)))


# ---------------------------------------------------------------- conversions


@pytest.mark.parametrize("to", ["float32", "float64", "int32", "int64", "bool", "uint8", "float16", "int8"])
@pytest.mark.parametrize("of", ["float32", "float64", "int32", "int64", "bool", "uint8"])
def test_conversions_give_what_numpy_gives(of: str, to: str) -> None:
    def convert() -> None:
        for shape in SHAPES:
            for x in layouts(drawn(shape, of)):
                found = K.converted(x, np.dtype(to))
                if found is not None:
                    same(found, x.astype(to))

    by_isa(convert)


def test_conversions_of_what_does_not_fit() -> None:
    def convert() -> None:
        large = np.array([1e300, -1e300, np.nan, np.inf, 1e-300, 0.1] * 20)
        with np.errstate(over="ignore"):
            same(K.converted(large, np.dtype("float32")), large.astype(np.float32))
        same(K.converted(np.array([np.nan, 0, -0.0, 1e-45], np.float32), np.dtype(bool)), np.array([1, 0, 0, 1], bool))
        wide = np.array([2**62 + 1, -(2**53) - 1, 2**24 + 1] * 30)
        same(K.converted(wide, np.dtype("float32")), wide.astype(np.float32))
        same(K.converted(wide, np.dtype("int32")), wide.astype(np.int32))
        same(K.converted(np.array([2.9, -2.9] * 40), np.dtype("int64")), np.array([2, -2] * 40))

    by_isa(convert)


# ---------------------------------------------------------------- arrays of what numbers say


@pytest.mark.parametrize("count", [0, 1, 2, 3, 17, 1023, 1024, 1025, 2500])
def test_numbers_at_equal_distances(count: int) -> None:
    def spaced() -> None:
        for dtype in (np.float32, np.float64):
            right = (np.arange(count) * 0.3 - 7.0).astype(dtype)
            same(K.spaced(count, dtype, -7.0, 0.3), right)
            right[count // 2 :] = 5.0 - np.arange(count - count // 2 - 1, -1, -1) * 0.3
            same(K.spaced(count, dtype, -7.0, 0.3, 5.0), right)
        same(K.spaced(count, np.int64, 2**62, -(2**50)), 2**62 - np.arange(count) * 2**50)

    by_isa(spaced)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool"])
def test_arrays_of_one_number(dtype: str) -> None:
    for shape in SHAPES:
        same(K.filled(shape, dtype, 1), np.full(shape, 1, dtype))
    for value in (np.nan, -0.0, np.inf) if dtype.startswith("float") else ():
        found = K.filled((33,), dtype, value)
        np.testing.assert_array_equal(np.signbit(found), np.signbit(np.full(33, value, dtype)))
        same(found, np.full(33, value, dtype))


@pytest.mark.parametrize("offset", [-(2**40), -7, -2, -1, 0, 1, 2, 7, 2**40])
@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (1, 1), (4, 4), (3, 6), (6, 3)])
def test_places_of_triangles(shape: tuple[int, int], offset: int) -> None:
    near = min(max(offset, -100), 100)
    same(K.triangle_places(*shape, offset, True), np.array(np.tril_indices(shape[0], near, shape[1]), np.int64))
    same(K.triangle_places(*shape, offset, False), np.array(np.triu_indices(shape[0], near, shape[1]), np.int64))
    with pytest.raises(MemoryError):
        K.triangle_places(2**40, 0, 0, True)


# ---------------------------------------------------------------- anything


def fuzz_whole(data: st.DataObject) -> None:
    dtypes = ["int64", "int32", "uint8", "bool", "float32", None]
    x = data.draw(arrays(data.draw(st.sampled_from(dtypes))))
    y = data.draw(st.sampled_from([3, 0, True, 2**70, None, "x"]) | arrays(x.dtype.name if x.dtype.num < 13 else None))
    check(K.Loops(np.add), x, y)
    dims = tuple(data.draw(st.lists(st.integers(-2, 4), max_size=3)))
    for kind in ("sum", "max", "all", "count"):
        check(K.Fold(kind, lambda x, dims, keepdim: np.asarray(x.ndim)), x, dims, data.draw(st.booleans()))
    found = K.converted(x, np.dtype(np.float32))
    if found is not None:
        np.testing.assert_array_equal(found, x.astype(np.float32))


def test_any_array_is_answered_or_refused(request: pytest.FixtureRequest) -> None:
    run(fuzz_whole, request)
