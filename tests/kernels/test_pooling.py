"""The kernels of windows over planes against the definition, window by window."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from test_fuzz import arrays, check, lay_out, run

from guarded import K
from isas import by_isa
from wengert.ops.pooling import Window


def window(
    shape: tuple[int, ...], size: tuple[int, ...], stride: tuple[int, ...] | None = None,
    padding: tuple[int, ...] | None = None, dilation: tuple[int, ...] | None = None, divisor: float = 1.0,
) -> Window:  # fmt: skip
    """As many windows as fit the last dimensions of a shape."""
    dims = len(size)
    stride, padding, dilation = stride or size, padding or (0,) * dims, dilation or (1,) * dims
    lengths = zip(shape[-dims:], size, stride, padding, dilation, strict=True)
    out = tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in lengths)
    return Window(size, stride, padding, dilation, out, False, divisor)


def places(w: Window, d: int, i: int, length: int) -> list[tuple[int, int]]:
    """The items of window i along dimension d that there are, and their taps."""
    if w.adaptive:
        first, last = i * length // w.out[d], -(-(i + 1) * length // w.out[d])
        return [(x, 0) for x in range(first, last)]
    start = i * w.stride[d] - w.padding[d]
    each = ((start + tap * w.dilation[d], tap) for tap in range(w.size[d]))
    return [(x, tap) for x, tap in each if 0 <= x < length]


def by_definition(x: np.ndarray, w: Window) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The largest items, their places in their plane, their positions in the window, and the sums."""
    planes = x.reshape(-1, *x.shape[-2:]) if len(w.out) == 2 else x.reshape(-1, 1, x.shape[-1])
    full = w if len(w.out) == 2 else Window(*[(1, *part) for part in w[:2]], (0, *w[2]), (1, *w[3]), (1, *w[4]), *w[5:])
    shape = (len(planes), *full.out)
    best, sums = np.full(shape, -np.inf, x.dtype), np.zeros(shape)
    place, tap = np.full(shape, -1), np.full(shape, 255)
    for p, i, j in np.ndindex(shape):
        for y, r in places(full, 0, i, planes.shape[1]):
            for c, t in places(full, 1, j, planes.shape[2]):
                item = planes[p, y, c]
                sums[p, i, j] += item
                if place[p, i, j] < 0 or item > best[p, i, j] or item != item:
                    best[p, i, j] = item
                    place[p, i, j], tap[p, i, j] = y * planes.shape[2] + c, r * full.size[1] + t
    return tuple(z.reshape(*x.shape[: -len(w.out)], *w.out) for z in (best, place, tap, sums))  # type: ignore[return-value]


def numbers(shape: tuple[int, ...], dtype: np.dtype, seed: int = 0) -> np.ndarray:
    """Small whole numbers, so that many are equal, and sums are exact."""
    return np.random.default_rng(seed).integers(-3, 4, shape).astype(dtype)


def verify(x: np.ndarray, w: Window) -> None:
    """All four kernels, on every instruction set."""
    best, place, tap, sums = by_definition(x, w)
    dims = len(w.out)
    flat = x.reshape(*x.shape[:-dims], -1)
    where = np.maximum(place, 0).reshape(*x.shape[:-dims], -1)
    picked = np.where(place < 0, 0, np.take_along_axis(flat, where, -1).reshape(place.shape))
    g = numbers(best.shape, x.dtype, 1)
    spread = np.zeros_like(flat)
    for p in np.ndindex(place.shape):
        if place[p] >= 0:
            spread[(*p[:-dims], place[p])] += g[p]
    by_isa(_verify_max, x, w, best, place, tap, picked, g, spread.reshape(x.shape))
    if w.dilation == (1,) * dims:
        by_isa(_verify_mean, x, w, sums, g)


def _verify_max(
    x: np.ndarray, w: Window, best: np.ndarray, place: np.ndarray, tap: np.ndarray, picked: np.ndarray, g: np.ndarray,
    spread: np.ndarray,
) -> None:  # fmt: skip
    small = not w.adaptive and math.prod(w.size) <= 255
    expected = tap if small else place
    none = 255 if small else -1
    found, codes = K.window_max(x, tuple(w))
    assert found.dtype == x.dtype
    assert codes.dtype == (np.uint8 if small else np.int64)
    np.testing.assert_array_equal(found, best)
    np.testing.assert_array_equal(codes, expected)
    np.testing.assert_array_equal(K.window_max(x, tuple(w), codes=False)[0], best)
    positive, reached = K.window_max(x, tuple(w), True)
    np.testing.assert_array_equal(positive, np.maximum(best, 0))
    np.testing.assert_array_equal(reached, np.where(best <= 0, none, expected))
    np.testing.assert_array_equal(K.window_pick(x, codes, tuple(w)), picked)
    np.testing.assert_array_equal(K.window_spread(g, codes, tuple(w), x.shape[-len(w.out) :]), spread)


def _verify_mean(x: np.ndarray, w: Window, sums: np.ndarray, g: np.ndarray) -> None:
    dims = len(w.out)
    tolerance = {"rtol": 4 * np.finfo(x.dtype).eps}
    np.testing.assert_allclose(K.window_mean(x, tuple(w)), (sums / w.divisor).astype(x.dtype), **tolerance)
    y = numbers(x.shape, x.dtype, 2)
    once = w._replace(divisor=1.0)
    inner = (K.window_spread(g, None, tuple(once), x.shape[-dims:]) * y).sum()  # whole numbers: exact
    assert inner == (K.window_mean(y, tuple(once)) * g).sum()
    shares = K.window_spread(g, None, tuple(w), x.shape[-dims:])
    right = K.window_spread(g, None, tuple(once), x.shape[-dims:]) / w.divisor
    np.testing.assert_allclose(shares, right, rtol=9 * np.finfo(x.dtype).eps, atol=9 * np.finfo(x.dtype).eps)


WINDOWS: list[dict[str, Any]] = [
    {"size": (2, 2)},
    {"size": (2, 2), "stride": (3, 2)},
    {"size": (3, 2), "stride": (2, 2), "padding": (1, 0)},
    {"size": (1, 1)},
    {"size": (3, 3), "stride": (2, 2), "padding": (1, 1)},
    {"size": (3, 3), "stride": (1, 1), "padding": (1, 1)},
    {"size": (5, 4), "stride": (1, 2), "padding": (2, 2)},
    {"size": (2, 3), "stride": (2, 3)},
    {"size": (3, 3), "stride": (1, 1), "dilation": (2, 3)},
    {"size": (2, 3), "stride": (2, 2), "padding": (1, 1), "dilation": (1, 2)},
    {"size": (3, 4), "stride": (3, 3), "padding": (1, 2), "dilation": (1, 2)},
]


@pytest.mark.parametrize("width", [9, 14, 15, 16, 17, 28, 31, 33, 64, 67])
@pytest.mark.parametrize("given", WINDOWS, ids=str)
def test_pictures(dtype: np.dtype, given: dict[str, Any], width: int) -> None:
    x = numbers((2, 7, width), dtype)
    verify(x, window(x.shape, divisor=3.0, **given))


@pytest.mark.parametrize(
    ("shape", "size"), [((1, 6000), (2, 2)), ((2, 90, 90), (3, 3)), ((3, 30, 600), (2, 2))], ids=str
)
def test_planes_that_are_not_copied(dtype: np.dtype, shape: tuple[int, ...], size: tuple[int, int]) -> None:
    x = numbers(shape if len(shape) == 3 else (1, *shape), dtype)
    verify(x, window(x.shape, (min(size[0], x.shape[1]), size[1]), (2, 2), padding=(0, 1)))


@pytest.mark.parametrize("length", [2, 3, 16, 33, 100])
def test_sequences(dtype: np.dtype, length: int) -> None:
    x = numbers((3, 2, length), dtype)
    for size, stride, padding in (((2,), (2,), (0,)), ((2,), (1,), (1,)), ((2,), (5,), (1,))):
        verify(x, window(x.shape, size, stride, padding, divisor=2.0))


@pytest.mark.parametrize("size", [(16, 16), (16, 15), (1, 256), (300, 1), (17, 20)], ids=str)
def test_windows_whose_positions_do_or_do_not_fit_a_byte(dtype: np.dtype, size: tuple[int, int]) -> None:
    x = numbers((2, size[0] + 1, size[1] + 3), dtype)
    verify(x, window(x.shape, size, (1, 2), divisor=7.0))


@pytest.mark.parametrize("out", [(1, 1), (3, 4), (7, 9), (5, 11), (8, 2)], ids=str)
def test_adaptive(dtype: np.dtype, out: tuple[int, int]) -> None:
    x = numbers((2, 2, 7, 9), dtype)
    verify(x, Window((1, 1), (1, 1), (0, 0), (1, 1), out, True))


def test_the_last_nan_wins_and_of_infinities_the_first(dtype: np.dtype) -> None:
    rng = np.random.default_rng(3)
    for trial in range(12):
        x = numbers((2, 6, 35), dtype, trial)
        x[rng.random(x.shape) < 0.3] = np.nan if trial % 2 else -np.inf
        if trial % 3 == 0:
            x[0] = -np.inf
        for given in WINDOWS:
            w = window(x.shape, **given)
            best, _, tap, _ = by_definition(x, w)
            for isa, (found, codes) in by_isa(K.window_max, x, tuple(w)).items():
                np.testing.assert_array_equal(found, best, isa)
                np.testing.assert_array_equal(codes, tap, isa)
            for isa, (positive, codes) in by_isa(K.window_max, x, tuple(w), True).items():
                np.testing.assert_array_equal(positive, np.maximum(best, 0), isa)
                np.testing.assert_array_equal(codes, np.where(best <= 0, 255, tap), isa)


def test_means_of_infinities_reach_their_windows_alone(isa: str, dtype: np.dtype) -> None:
    x = numbers((1, 8, 40), dtype)
    x[0, 3, 17], x[0, 5, 39], x[0, 0, 0] = np.inf, np.nan, -np.inf
    for given in WINDOWS[:8]:
        w = window(x.shape, **given)
        with np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(K.window_mean(x, tuple(w)), by_definition(x, w)[3].astype(dtype))
        g = np.zeros((1, *w.out), dtype)
        g[0, -1, -1] = np.inf
        back = K.window_spread(g, None, tuple(w), (8, 40))
        bottom, right = (places(w, d, w.out[d] - 1, n) for d, n in ((0, 8), (1, 40)))
        expected = np.zeros_like(x)
        for y, _ in bottom:
            for c, _ in right:
                expected[0, y, c] = np.inf
        np.testing.assert_array_equal(back, expected)


def test_any_strides(isa: str, dtype: np.dtype) -> None:
    whole = numbers((4, 6, 9, 40), dtype)
    for x in (whole[::2, ::3], whole[..., 2:9, 3:36], whole[..., ::-1], whole.swapaxes(2, 3), whole[:, :1, ::2],
              np.asfortranarray(whole), np.broadcast_to(whole[:1], whole.shape), whole[..., ::2]):  # fmt: skip
        w = tuple(window(x.shape, (3, 2), (2, 1), (1, 1)))
        found, codes = K.window_max(x, w)
        right, tap = K.window_max(x.copy(), w)
        np.testing.assert_array_equal(found, right)
        np.testing.assert_array_equal(codes, tap)
        np.testing.assert_array_equal(K.window_mean(x, w), K.window_mean(x.copy(), w))
        np.testing.assert_array_equal(K.window_pick(x, codes, w), found)
        np.testing.assert_array_equal(
            K.window_spread(np.asfortranarray(found), np.asfortranarray(codes), w, x.shape[2:]),
            K.window_spread(found, codes, w, x.shape[2:]),
        )


def test_the_error_of_means(dtype: np.dtype) -> None:
    x = np.random.default_rng(4).standard_normal((3, 20, 33)).astype(dtype)
    for size in ((2, 2), (5, 7), (3, 3), (18, 20)):
        w = window(x.shape, size, (1, 1), divisor=float(math.prod(size)))
        exact, magnitudes = (by_definition(y.astype(np.float64), w)[3] / w.divisor for y in (x, np.abs(x)))
        bound = (math.prod(size) + 2) * np.finfo(dtype).eps * magnitudes
        for isa, found in by_isa(K.window_mean, x, tuple(w)).items():
            assert (np.abs(found - exact) <= bound).all(), isa


@pytest.mark.parametrize("shape", [(0, 3, 5, 5), (2, 0, 5, 5)], ids=str)
def test_of_nothing(isa: str, dtype: np.dtype, shape: tuple[int, ...]) -> None:
    x = np.zeros(shape, dtype)
    w = tuple(window(shape, (2, 2)))
    found, codes = K.window_max(x, w)
    assert found.shape == codes.shape == K.window_mean(x, w).shape == (*shape[:2], 2, 2)
    assert K.window_spread(found, codes, w, (5, 5)).shape == shape
    none = tuple(Window((1, 1), (1, 1), (0, 0), (1, 1), (0, 3), True))
    y = np.ones((2, 3, 5, 5), dtype)
    assert K.window_mean(y, none).shape == (2, 3, 0, 3)
    np.testing.assert_array_equal(K.window_spread(K.window_mean(y, none), None, none, (5, 5)), np.zeros_like(y))


def test_results_do_not_depend_on_the_number_of_threads(isa: str, dtype: np.dtype) -> None:
    x, results = np.random.default_rng(5).standard_normal((50, 8, 28, 28)).astype(dtype), []
    for threads in (1, 2, 3):
        K.set_num_threads(threads)
        parts = []
        for w in (tuple(window(x.shape, (2, 2))), tuple(window(x.shape, (3, 3), (1, 1), (1, 1)))):
            z, codes = K.window_max(x, w, True)
            parts += [z, codes, K.window_mean(x, w), K.window_spread(z, codes, w, (28, 28)), K.window_pick(x, codes, w)]
            parts.append(K.window_spread(z, None, w, (28, 28)))
        results.append([part.tobytes() for part in parts])
    assert results[1:] == results[:1] * 2


def test_what_is_refused() -> None:
    x = np.ones((2, 4, 6), np.float32)
    w = window(x.shape, (2, 2))
    z, codes = K.window_max(x, tuple(w))
    with pytest.raises(TypeError, match=r"window_max: .* float32 and float64, got int32"):
        K.window_max(x.astype(np.int32), tuple(w))
    with pytest.raises(ValueError, match=r"window_mean: windows have one dimension or two"):
        K.window_mean(np.ones(3), tuple(w))
    for wrong in (w._replace(stride=(0, 1)), w._replace(size=(2, 2**62)), w._replace(out=(2, -3))):
        with pytest.raises(ValueError, match=r"window_max: .* out of range"):
            K.window_max(x, tuple(wrong))
    with pytest.raises(ValueError, match=r"window_max: the last of 5 window\(s\) begins behind the end of 4 item\(s\)"):
        K.window_max(x, tuple(w._replace(out=(5, 3))))
    with pytest.raises(OverflowError):
        K.window_max(x, tuple(w._replace(padding=(0, 2**64))))
    with pytest.raises(ValueError, match=r"window_pick: codes of shape \(2, 2, 2\)"):
        K.window_pick(x, codes[..., 1:], tuple(w))
    with pytest.raises(TypeError, match=r"window_pick: codes are int64"):
        K.window_pick(x, codes.astype(np.int64), tuple(w))
    with pytest.raises(ValueError, match=r"window_spread: expected results of shape \(..., 2, 3\), got \(2, 4, 6\)"):
        K.window_spread(x, None, tuple(w), (4, 6))
    with pytest.raises(ValueError, match=r"window_spread: expected codes of shape"):
        K.window_spread(z, codes[:1], tuple(w), (4, 6))
    with pytest.raises(ValueError, match=r"window_spread: expected as many lengths"):
        K.window_spread(z, codes, tuple(w), (4,))


def fuzz_window(data: st.DataObject) -> None:
    x = data.draw(arrays())
    dims = data.draw(st.integers(1, 2))
    small = st.integers(1, 4)
    size, stride, dilation = (tuple(data.draw(small) for _ in range(dims)) for _ in range(3))
    padding = tuple(data.draw(st.integers(0, 2)) for _ in range(dims))
    if x.ndim < dims:
        check(lambda x: K.window_max(x, (size, stride, padding, dilation, (1,) * dims, False, 1.0)), x)
        return
    fits = window(x.shape, size, stride, padding, dilation)
    out = tuple(data.draw(st.sampled_from([n, n, n, max(n, 0), n + 1, 1])) for n in fits.out)
    w = tuple(fits._replace(out=out, adaptive=data.draw(st.integers(0, 3)) == 0, divisor=2.0))
    check(lambda x: K.window_max(x, w), x)
    check(lambda x: K.window_mean(x, w), x)
    if x.dtype not in (np.float32, np.float64) or min(out) < 0 or not x.dtype.isnative:
        return
    try:
        z, codes = K.window_max(x, w)
    except ValueError:
        return
    check(lambda x: K.window_pick(x, codes, w), x)
    check(lambda g: K.window_spread(g, None, w, x.shape[-dims:]), lay_out(data.draw, z) if z.size else z)


def test_any_arrays_give_an_error_or_the_right_answer(request: pytest.FixtureRequest) -> None:
    run(fuzz_window, request)
