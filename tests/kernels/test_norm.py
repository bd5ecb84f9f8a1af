"""The kernels of normalization by channels against their formulas in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from test_fuzz import arrays, check, run

from guarded import K

SHAPES = [(1, 1, 1), (5, 3), (2, 3, 7), (3, 5, 4, 4), (4, 2, 14, 14), (70, 3, 9), (3, 2, 33, 67)]
SHAPES += [(2, 1, 5000), (1, 4, 2049)]
ROWS = [(1, 16), (9, 17), (67, 33, 1), (130, 515), (3, 529), (5, 1041)]  # around vectors, and what is taken together
EPS = 1e-5


def drawn(shape: tuple[int, ...], dtype: np.dtype, seed: int = 0, mean: float = 0.0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(shape) + mean).astype(dtype)


def parts(x: np.ndarray) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The dimensions besides the channels', and the shape in which channels broadcast."""
    return (0, *range(2, x.ndim)), (1, -1, *(1,) * (x.ndim - 2))


def by_formula(g: np.ndarray, x: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, ...]:
    """In float64: mean, variance, what comes back for x, weight and bias; and the last three of magnitudes."""
    dims, shape = parts(x)
    g, x, w = (v.astype(np.float64) for v in (g, x, w))
    mean, variance = x.mean(dims), x.var(dims)
    s, d = 1 / np.sqrt(variance + EPS).reshape(shape), x - mean.reshape(shape)
    found = [mean, variance]
    for sign, y, e in ((-1, g, d), (1, np.abs(g), np.abs(d))):
        along = (y * e).mean(dims, keepdims=True)
        of_x = np.abs(w) if sign == 1 else w
        found.append(of_x.reshape(shape) * s * (y + sign * y.mean(dims, keepdims=True) + sign * e * s**2 * along))
        found += [(y * e * s).sum(dims), y.sum(dims)]
    return tuple(found)


@pytest.mark.parametrize("mean", [0.0, 1000.0])
@pytest.mark.parametrize("shape", SHAPES + ROWS, ids=str)
def test_all_three_within_their_bounds(isa: str, dtype: np.dtype, shape: tuple[int, ...], mean: float) -> None:
    x, g = drawn(shape, dtype, mean=mean), drawn(shape, dtype, 1)
    w, b = drawn(shape[1:2], dtype, 2), drawn(shape[1:2], dtype, 3)
    eps, (dims, broadcast) = np.finfo(dtype).eps, parts(x)
    middle, variance, *expected = by_formula(g, x, w)
    m, v, _ = K.norm_moments(x)
    assert m.dtype == v.dtype == dtype
    assert (np.abs(m - middle) <= 300 * eps * np.abs(x.astype(np.float64)).mean(dims)).all()
    assert (np.abs(v - variance) <= 300 * eps * variance + (4 * eps * middle) ** 2).all()

    wide = [y.astype(np.float64).reshape(broadcast) for y in (m, v, w, b)]
    z = (x - wide[0]) / np.sqrt(wide[1] + EPS) * wide[2]
    found = K.norm_apply(x, m, v, w, b, EPS)
    assert found.dtype == dtype
    assert (np.abs(found - (z + wide[3])) <= 8 * eps * (np.abs(z) + np.abs(wide[3]))).all()
    plain = (x - wide[0]) / np.sqrt(wide[1] + EPS)
    assert (np.abs(K.norm_apply(x, m, v, None, None, EPS) - plain) <= 8 * eps * np.abs(plain)).all()

    r = drawn(shape, dtype, 4)
    whole = z + wide[3] + r
    found = K.norm_apply(x, m, v, w, b, EPS, r)
    assert (np.abs(found - whole) <= 8 * eps * (np.abs(z) + np.abs(wide[3])) + eps * np.abs(whole)).all()
    np.testing.assert_array_equal(K.norm_apply(x, m, v, w, b, EPS, r, True), np.maximum(found, 0))

    if mean:  # m is rounded, so that the formula is of other numbers
        return
    for got, right, magnitude in zip(K.norm_backward(g, x, m, v, w, EPS), expected[:3], expected[3:], strict=True):
        assert got.dtype == dtype
        assert (np.abs(got - right) <= 300 * eps * magnitude).all()
    of_x = K.norm_backward(g, x, m, v, None, EPS)[0]
    np.testing.assert_array_equal(of_x, K.norm_backward(g, x, m, v, np.ones_like(w), EPS)[0])


@pytest.mark.parametrize("shape", [(6, 3, 9), (130, 37)], ids=str)
def test_far_from_zero_the_rest_of_the_mean_counts(isa: str, dtype: np.dtype, shape: tuple[int, ...]) -> None:
    far = 1000.0
    x, g = drawn(shape, dtype, mean=far), drawn(shape, dtype, 1)
    if dtype == np.float64:  # in which sums are taken: nothing is left
        assert not K.norm_moments(x)[2].any()
        return
    w, b = drawn(shape[1:2], dtype, 2), drawn(shape[1:2], dtype, 3)
    eps, (_, broadcast) = np.finfo(dtype).eps, parts(x)
    centre = x.astype(np.float64) - far  # exact: the formulas lose no digit
    middle, variance, *expected = by_formula(g, centre, w)
    m, v, rest = K.norm_moments(x)
    assert (np.abs((m.astype(np.float64) - far) + rest - middle) <= 300 * eps).all()
    s = [y.astype(np.float64).reshape(broadcast) for y in (middle, variance, w, b)]
    z = (centre - s[0]) / np.sqrt(s[1] + EPS) * s[2]
    found = K.norm_apply(x, m, v, w, b, EPS, rest=rest)
    assert (np.abs(found - (z + s[3])) <= 100 * eps * (1 + np.abs(z) + np.abs(s[3]))).all()
    for got, right, magnitude in zip(
        K.norm_backward(g, x, m, v, w, EPS, rest), expected[:3], expected[3:], strict=True
    ):
        assert (np.abs(got - right) <= 300 * eps * (1 + magnitude)).all()


def test_any_strides(isa: str, dtype: np.dtype) -> None:
    whole, rows = drawn((4, 6, 9, 10), dtype), drawn((40, 43), dtype)
    for x in (whole[::2, ::3], whole[..., 2:9, 3:6], whole[..., ::-1], whole.swapaxes(0, 1), whole.swapaxes(2, 3),
              np.asfortranarray(whole), np.broadcast_to(whole[:1], whole.shape), rows[::-3, 2:], rows[:, ::2], rows.T,
              np.broadcast_to(rows[:1], rows.shape), rows[:, :, None]):  # fmt: skip
        plain, g = x.copy(), np.asfortranarray(drawn(x.shape, dtype, 1))
        m, v, _ = K.norm_moments(x)
        for got, right in zip(K.norm_moments(x), K.norm_moments(plain), strict=True):
            np.testing.assert_array_equal(got, right)
        np.testing.assert_array_equal(K.norm_apply(x, m, v, m, v, EPS), K.norm_apply(plain, m, v, m, v, EPS))
        np.testing.assert_array_equal(
            K.norm_apply(x, m, v, m, v, EPS, g, True), K.norm_apply(plain, m, v, m, v, EPS, g.copy(), True)
        )
        results = K.norm_backward(g, x, m, v, m, EPS), K.norm_backward(g.copy(), plain, m, v, m, EPS)
        for got, right in zip(*results, strict=True):
            np.testing.assert_array_equal(got, right)


def test_nan_and_infinities_stay_in_their_channel(isa: str, dtype: np.dtype) -> None:
    for special in (np.nan, np.inf):
        x, g = drawn((3, 4, 5, 7), dtype), drawn((3, 4, 5, 7), dtype, 1)
        clean = x.copy()
        x[1, 2, 3, 4] = special
        m, v, _ = K.norm_moments(x)
        assert np.isnan(v[2])
        rest = [0, 1, 3]
        np.testing.assert_array_equal(m[rest], K.norm_moments(clean)[0][rest])
        for got in (K.norm_apply(x, m, v, m, v, EPS), K.norm_backward(g, x, m, v, None, EPS)[0]):
            assert np.isnan(got[:, 2]).all()
            assert np.isfinite(got[:, rest]).all()
        rows = drawn((70, 21), dtype)
        rows[66, 19] = special
        m, v, _ = K.norm_moments(rows)
        for got in (
            v[None],
            K.norm_apply(rows, m, v, m, v, EPS),
            K.norm_backward(drawn(rows.shape, dtype), rows, m, v, None, EPS)[0],
        ):
            assert np.isnan(got[:, 19]).all()
            assert np.isfinite(np.delete(got, 19, 1)).all()
        residual = np.zeros_like(clean)
        residual[1, 0, 3, 4] = special
        got = K.norm_apply(clean, *K.norm_moments(clean)[:2], None, None, EPS, residual, True)
        np.testing.assert_array_equal(got[1, 0, 3, 4], special)  # NaN stays
        assert np.isfinite(np.delete(got.reshape(-1), np.ravel_multi_index((1, 0, 3, 4), got.shape))).all()


@pytest.mark.parametrize("shape", [(130, 8, 14, 14), (3001, 77)], ids=str)
def test_results_do_not_depend_on_the_number_of_threads(isa: str, dtype: np.dtype, shape: tuple[int, ...]) -> None:
    x, g, results = drawn(shape, dtype), drawn(shape, dtype, 1), []
    for threads in (1, 2, 3):
        K.set_num_threads(threads)
        m, v, _ = K.norm_moments(x)
        found = (m, v, K.norm_apply(x, m, v, m, v, EPS), *K.norm_backward(g, x, m, v, m, EPS))
        results.append([y.tobytes() for y in found])
    assert results[1:] == results[:1] * 2


def test_what_is_refused() -> None:
    x, m = np.ones((2, 3, 4), np.float32), np.ones(3, np.float32)
    with pytest.raises(TypeError, match=r"norm_moments: .* float32 and float64, got int32"):
        K.norm_moments(x.astype(np.int32))
    with pytest.raises(ValueError, match=r"norm_moments: expected an array \(n, channels, ...\), got shape \(3,\)"):
        K.norm_moments(m)
    with pytest.raises(ValueError, match=r"norm_moments: an array of shape \(0, 3, 4\) has no items"):
        K.norm_moments(x[:0])
    with pytest.raises(ValueError, match=r"norm_apply: expected weight of shape \(3,\), got \(2,\)"):
        K.norm_apply(x, m, m, m[:2], None, EPS)
    with pytest.raises(ValueError, match=r"norm_apply: expected a residual of shape \(2, 3, 4\), got \(2, 3\)"):
        K.norm_apply(np.zeros((2, 3, 4), np.float32), m, m, None, None, EPS, np.zeros((2, 3), np.float32))
    with pytest.raises(TypeError, match=r"norm_apply: bias is float64"):
        K.norm_apply(x, m, m, None, m.astype(np.float64), EPS)
    with pytest.raises(ValueError, match=r"norm_backward: expected two arrays of one shape"):
        K.norm_backward(x[:1], x, m, m, None, EPS)


def fuzz_norm(data: st.DataObject) -> None:
    x = data.draw(arrays())
    check(K.norm_moments, x)
    own: Any = x.dtype.name if x.dtype in (np.float32, np.float64) else None
    channels = data.draw(st.sampled_from([x.shape[1:2], x.shape[1:2], ()]))
    mean, weight = (data.draw(arrays(own, channels)) for _ in range(2))
    variance = np.abs(mean) if own else mean
    check(lambda x, m, v, w: K.norm_apply(x, m, v, w, None, 1.0), x, mean, variance, weight)
    g = data.draw(arrays(own, x.shape))
    check(lambda g, x, m, v, w: K.norm_backward(g, x, m, v, w, 1.0), g, x, mean, variance, weight)


def test_any_arrays_give_an_error_or_the_right_answer(request: pytest.FixtureRequest) -> None:
    run(fuzz_norm, request)
