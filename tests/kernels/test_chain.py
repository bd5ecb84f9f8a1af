"""Chains of elementwise kernels: the same bits as one kernel after the other, for any arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import wengert as wg
from guarded import K
from wengert.ops.chains import chained, step

add, subtract, multiply, less, where, exp = map(K.Elementwise, ("add", "subtract", "multiply", "less", "where", "exp"))


@chained
def chosen(x: Any, y: Any, a: Any) -> Any:
    d = x - y
    return step("where", step("less", d, a), step("exp", d), d * 0.5 + y)


@chained
def truth(x: Any, y: Any) -> Any:
    return step("less", x * y, 0.25)


@chained
def one_minus(x: Any, y: Any) -> Any:
    return x * (1.0 - y)


def by_kernels(x: Any, y: Any, a: Any) -> np.ndarray:
    d = subtract(x, y)
    return where(less(d, a), exp(d), add(multiply(d, 0.5), y))


def drawn(shape: tuple[int, ...], dtype: Any, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("n", [0, 1, 15, 17, 1023, 1024, 1025, 5000])
def test_bits_are_those_of_the_steps(isa: str, dtype: np.dtype, n: int) -> None:
    x, y = drawn((n,), dtype), drawn((n,), dtype, 1)
    x[::7], y[::11] = np.nan, np.inf
    np.testing.assert_array_equal(chosen(x, y, 0.1), by_kernels(x, y, 0.1), strict=True)
    np.testing.assert_array_equal(truth(x, y), less(multiply(x, y), 0.25), strict=True)


@pytest.mark.parametrize("layouts", ["CF", "FF", "SC", "SS", "CB", "BC", "C0", "0C", "CR", "00"])
def test_any_layout(dtype: np.dtype, layouts: str) -> None:
    def laid(kind: str, seed: int) -> np.ndarray:
        x = drawn((33, 40), dtype, seed)
        return {"C": x, "F": np.asfortranarray(x), "S": drawn((33, 80), dtype, seed)[:, ::2], "0": x[0, 0, ...],
                "B": np.broadcast_to(x[0, 0], (33, 40)), "R": x[0]}[kind]  # fmt: skip

    x, y = laid(layouts[0], 0), laid(layouts[1], 1)
    found = chosen(x, y, 0.1)
    expected = by_kernels(x, y, 0.1)
    np.testing.assert_array_equal(found, expected, strict=True)
    assert found.flags.f_contiguous == expected.flags.f_contiguous
    np.testing.assert_array_equal(chosen(x, y, laid("0", 2)), by_kernels(x, y, laid("0", 2)), strict=True)


def test_arrays_in_different_orders_are_taken_as_most_of_them_lie(dtype: np.dtype) -> None:
    x, y, a = (drawn((33, 40), dtype, seed) for seed in range(3))
    expected = by_kernels(x, y, a)
    for kinds, most in (("FCF", "F"), ("CFF", "F"), ("FCC", "C"), ("CFC", "C")):
        found = chosen(*(np.asarray(v, order=kind) for v, kind in zip((x, y, a), kinds, strict=True)))
        np.testing.assert_array_equal(found, expected, strict=True)
        assert found.flags[f"{most}_CONTIGUOUS"], kinds


def assert_tiles_are_right(shape: tuple[int, int], dtype: np.dtype, orders: str) -> None:
    x, a = drawn(shape, dtype), drawn(shape, dtype, 2)
    y = drawn((2 * shape[0], 3 * shape[1]), dtype, 1)[::-2, ::3]
    expected = by_kernels(x, y.copy(), a)
    for order in orders:
        found = chosen(np.asarray(x, order=order), y, np.asarray(a, order="C"))
        np.testing.assert_array_equal(found, expected, strict=True)
    np.testing.assert_array_equal(chosen(x[:, ::-1], y, a), by_kernels(x[:, ::-1].copy(), y.copy(), a), strict=True)


@pytest.mark.parametrize("shape", [(700, 1), (1, 1000), (401, 2), (30, 37), (0, 5), (5, 0)])
def test_tiles_of_any_width(isa: str, dtype: np.dtype, shape: tuple[int, int]) -> None:
    assert_tiles_are_right(shape, dtype, "CF")


@pytest.mark.parametrize("shape", [(262_145, 2), (2, 262_145), (1025, 513)])
def test_tiles_of_what_leaves_the_cache(dtype: np.dtype, shape: tuple[int, int]) -> None:
    assert_tiles_are_right(shape, dtype, "F")


def test_a_choice_of_two_numbers_has_the_dtype_of_the_arrays(dtype: np.dtype) -> None:
    is_same = chained(lambda x, y: step("where", step("equal", x, y), 1.0, 0.0))
    x = drawn((3, 4), dtype)
    np.testing.assert_array_equal(is_same(x, x[:, :1]), (x == x[:, :1]).astype(dtype), strict=True)
    np.testing.assert_array_equal(is_same(x, x), np.ones((3, 4), dtype), strict=True)


def test_steps_of_single_items(dtype: np.dtype) -> None:
    found = one_minus(drawn((5,), dtype), np.array(0.25, dtype))
    np.testing.assert_array_equal(found, multiply(drawn((5,), dtype), 0.75), strict=True)
    np.testing.assert_array_equal(one_minus(drawn((5,), dtype), 0.25), found, strict=True)


def test_threads_change_nothing(dtype: np.dtype) -> None:
    x, y = drawn((300_001,), dtype), drawn((300_001,), dtype, 1)
    before = wg.get_num_threads()
    found = []
    for threads in (1, 2):
        wg.set_num_threads(threads)
        found.append(chosen(x, y, -0.1))
    wg.set_num_threads(before)
    np.testing.assert_array_equal(*found)
    np.testing.assert_array_equal(found[0], by_kernels(x, y, -0.1))


def test_float16_is_rounded_at_the_end_alone() -> None:
    x, y = drawn((100,), np.float16), drawn((100,), np.float16, 1)
    wide = chosen(x.astype(np.float32), y.astype(np.float32), 0.1)
    np.testing.assert_array_equal(chosen(x, y, 0.1), wide.astype(np.float16), strict=True)


def test_what_does_not_fit_is_refused() -> None:
    x = np.zeros(3, np.float32)
    with pytest.raises(ValueError, match="broadcast"):
        chosen(x, np.zeros(4, np.float32), 0.1)
    with pytest.raises(TypeError, match="dtype"):
        chosen(x, np.zeros(3), 0.1)
