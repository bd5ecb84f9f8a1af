"""The kernels of normalization by rows against their formulas in long double."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from guarded import K

SHAPES = [(1, 1), (3, 2), (2, 7), (5, 16), (130, 33), (64, 100), (65, 9), (3, 2049), (2, 5000)]
EPS = 1e-5


def drawn(shape: tuple[int, ...], dtype: np.dtype, seed: int = 0, mean: float = 0.0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(shape) + mean).astype(dtype)


@pytest.mark.parametrize("mean", [0.0, 1000.0])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_within_their_bounds(isa: str, dtype: np.dtype, shape: tuple[int, int], mean: float) -> None:
    x, g = drawn(shape, dtype, mean=mean), drawn(shape, dtype, 1)
    w, b = drawn(shape[1:], dtype, 2), drawn(shape[1:], dtype, 3)
    eps, wide = np.finfo(dtype).eps, [v.astype(np.longdouble) for v in (x, g, w, b)]
    d = wide[0] - wide[0].mean(1, keepdims=True)
    s = 1 / np.sqrt((d * d).mean(1, keepdims=True) + EPS)
    z = d * s
    found, scale, nothing = K.norm_rows(x, w, b, EPS)
    assert found.dtype == scale.dtype == dtype
    assert nothing is None
    np.testing.assert_allclose(scale, s[:, 0].astype(dtype), rtol=300 * eps)
    assert (np.abs(found - (z * wide[2] + wide[3])) <= 300 * eps * (1 + np.abs(z * wide[2])) + 8 * eps * abs(b)).all()
    np.testing.assert_allclose(K.norm_rows(x, None, None, EPS)[0], z.astype(dtype), rtol=300 * eps, atol=300 * eps)

    y = wide[1] * wide[2]
    expected = s * (y - y.mean(1, keepdims=True) - z * (y * z).mean(1, keepdims=True))
    size = s * (np.abs(y) + np.abs(y).mean(1, keepdims=True) + np.abs(z) * np.abs(y * z).mean(1, keepdims=True))
    of_x, of_w, of_b = K.norm_rows(x, w, None, EPS, g)
    assert of_w.shape == of_b.shape == (-(-shape[0] // 64), shape[1])
    assert (np.abs(of_x - expected) <= 300 * eps * (1 + size)).all()
    assert (np.abs(of_w.sum(0) - (wide[1] * z).sum(0)) <= 300 * eps * (1 + np.abs(wide[1] * z).sum(0))).all()
    assert (np.abs(of_b.sum(0) - wide[1].sum(0)) <= 300 * eps * (1 + np.abs(wide[1]).sum(0))).all()


@pytest.mark.parametrize("g", [False, True])
def test_strides_and_threads_change_nothing(dtype: np.dtype, g: bool) -> None:
    x, y = drawn((300, 700), dtype), drawn((300, 700), dtype, 1)
    w = drawn((700,), dtype, 2)
    expected = K.norm_rows(x, w, None, EPS, y if g else None)
    room, before = drawn((300, 1400), dtype), wg.get_num_threads()
    room[:, ::2] = x
    for laid in (room[:, ::2], np.asfortranarray(x), np.ascontiguousarray(x[::-1])[::-1], x):
        wg.set_num_threads(2)
        found = K.norm_rows(laid, w, None, EPS, np.asfortranarray(y) if g else None)
        wg.set_num_threads(before)
        for one, other in zip(found, expected, strict=True):
            assert (one is None) == (other is None)
            assert one is None or np.array_equal(one, other)


def test_nan_and_inf_stay_in_their_rows(dtype: np.dtype) -> None:
    x = drawn((4, 37), dtype)
    x[1, 3], x[2, 36] = np.nan, np.inf
    found = K.norm_rows(x, None, None, EPS)[0]
    assert np.isnan(found[1:3]).all()
    assert np.isfinite(found[[0, 3]]).all()


def test_what_does_not_fit_is_refused() -> None:
    x = np.zeros((2, 3), np.float32)
    with pytest.raises(ValueError, match="weight of shape"):
        K.norm_rows(x, np.zeros(2, np.float32), None, EPS)
    with pytest.raises(ValueError, match="one shape"):
        K.norm_rows(x, None, None, EPS, np.zeros((3, 3), np.float32))
    with pytest.raises(ValueError, match="matrix"):
        K.norm_rows(x[0], None, None, EPS)
