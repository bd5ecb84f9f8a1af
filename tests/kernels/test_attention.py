"""Attention against its formula, within the bounds of csrc/wengert.h."""

from __future__ import annotations

import signal
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from test_fuzz import DTYPES, SIDES, arrays, check, run

from guarded import K
from isas import by_isa
from wengert import _kernels

# Queries, keys, their items, a value's: of one block, of several, around vectors, nothing.
SIZES = [
    (1, 1, 1, 1), (5, 7, 3, 2), (17, 16, 8, 33), (31, 129, 5, 16), (128, 128, 64, 64), (129, 1, 17, 1),
    (140, 300, 3, 9), (257, 5, 8, 8), (0, 3, 4, 5), (3, 0, 4, 5), (3, 4, 0, 5), (3, 4, 5, 0), (2, 260, 33, 31),
]  # fmt: skip
MASKS = ["none", "boolean", "padding", "real", "spread"]


def inputs(size: tuple[int, int, int, int], dtype: np.dtype, lead: tuple[int, ...] = (2,)) -> list[np.ndarray]:
    l, s, e, ev = size
    rng = np.random.default_rng([*size])
    return [rng.normal(size=(*lead, *shape)).astype(dtype) for shape in ((l, e), (s, e), (s, ev), (l, ev))]


def a_mask(kind: str, l: int, s: int, dtype: np.dtype) -> np.ndarray | None:
    rng = np.random.default_rng([l, s])
    allowed = rng.random((l, s)) < 0.7
    if kind == "none":
        return None
    if kind == "boolean":
        return allowed
    if kind == "padding":
        return np.concatenate([np.ones((2, 1, s // 2), bool), np.zeros((2, 1, s - s // 2), bool)], -1)
    real = np.where(allowed, 2 * rng.normal(size=(l, s)), -np.inf).astype(dtype)
    return real if kind == "real" else np.asfortranarray(allowed[::-1]) if l % 2 else np.asfortranarray(real)


def reference(
    q: Any, k: Any, v: Any, g: Any, mask: np.ndarray | None, causal: bool, scale: float
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """out, dq, dk and dv in a wider type, and the bounds of their errors in units of eps."""
    (l, e), (s, ev) = q.shape[-2:], v.shape[-2:]
    q, k, v, g = (x.astype(np.float64 if x.dtype == np.float32 else np.longdouble) for x in (q, k, v, g))
    t = lambda x: x.swapaxes(-1, -2)  # noqa: E731
    added = np.zeros((l, s)) if mask is None else np.where(mask, 0, -np.inf) if mask.dtype == bool else mask
    seen = (added > -np.inf) & (np.tri(l, s, dtype=bool) if causal else True)
    scores = np.where(seen, scale * (q @ t(k)) + np.where(seen, added, 0), -np.inf)
    sizes = np.where(seen, abs(scale) * (abs(q) @ t(abs(k))) + abs(np.where(seen, added, 0)), 0)
    top = np.max(scores, -1, keepdims=True, initial=-np.inf)
    weights = np.exp(scores - np.where(top > -np.inf, top, 0))
    total = weights.sum(-1, keepdims=True)
    p = weights / np.where(total > 0, total, 1)
    into = g @ t(v)
    slopes = p * (into - (p * into).sum(-1, keepdims=True))
    results = [p @ v, scale * (slopes @ k), scale * (t(slopes) @ q), t(p) @ g]
    d = 2 * (e + 8) * np.max(sizes, initial=0) + 16
    m = abs(scale) * p * ((a := abs(g) @ t(abs(v))) + (p * a).sum(-1, keepdims=True))
    slope = 4 * d + ev + s + l + 32
    bounds = [
        (d + s + 8) * (p @ abs(v)), slope * (m @ abs(k)), slope * (t(m) @ abs(q)), (3 * d + l + 8) * (t(p) @ abs(g))
    ]  # fmt: skip
    return results, bounds


def attend(q: Any, k: Any, v: Any, g: Any, mask: Any, weights: bool = False, **options: Any) -> list[np.ndarray]:
    out, shift, *kept = K.attention(q, k, v, mask, weights=weights, **options)
    given = {"weights": kept[0]} if kept else {}
    return [out, *K.attention_backward(g, q, k, v, out, shift, mask, **given, **options)]


def assert_attention(q: Any, k: Any, v: Any, g: Any, mask: Any, weights: bool = False, **options: Any) -> None:
    """On every instruction set."""
    results, bounds = reference(q, k, v, g, mask, **options)
    for isa, found in by_isa(attend, q, k, v, g, mask, weights=weights, **options).items():
        for x, right, bound in zip(found, results, bounds, strict=True):
            assert (x.shape, x.dtype) == (right.shape, q.dtype), isa
            assert (abs(x - right) <= np.finfo(q.dtype).eps * bound).all(), isa


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("size", SIZES)
def test_results_are_within_their_bounds(
    dtype: np.dtype, size: tuple[int, int, int, int], kind: str, causal: bool
) -> None:
    given = inputs(size, dtype)
    mask = a_mask(kind, *size[:2], dtype)
    assert_attention(*given, mask, causal=causal, scale=0.4)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("size", [size for size in SIZES if max(size[:2]) <= _kernels.ATTENTION_BLOCK])
def test_weights_that_are_kept_give_the_same(
    dtype: np.dtype, size: tuple[int, int, int, int], kind: str, causal: bool
) -> None:
    given = inputs(size, dtype)
    mask = a_mask(kind, *size[:2], dtype)
    assert_attention(*given, mask, weights=True, causal=causal, scale=0.4)
    eye = np.broadcast_to(np.eye(size[1], dtype=dtype), (2, size[1], size[1]))
    found = by_isa(K.attention, *given[:3], mask, causal=causal, scale=0.4, weights=True)
    expected = by_isa(K.attention, *given[:2], eye, mask, causal=causal, scale=0.4)
    for isa, (_, _, weights) in found.items():
        np.testing.assert_allclose(weights, expected[isa][0], rtol=1e-5, atol=1e-6, err_msg=isa)


@pytest.mark.parametrize("size", [(40, 300, 16, 16), (300, 270, 24, 8)])
def test_results_do_not_depend_on_the_number_of_threads(
    isa: str, dtype: np.dtype, size: tuple[int, int, int, int]
) -> None:
    for lead in ((), (3,), (2, 20)):
        given = inputs(size, dtype, lead)
        found = []
        for count in (1, 2, 3):
            _kernels.set_num_threads(count)
            found.append(attend(*given, None, causal=True, scale=0.3))
        for others in found[1:]:
            for x, y in zip(found[0], others, strict=True):
                np.testing.assert_array_equal(x, y)


def test_operands_may_have_any_strides(isa: str, dtype: np.dtype) -> None:
    size = (21, 150, 6, 10)
    plain = inputs(size, dtype, (2, 3))
    expected = attend(*plain, None, causal=False, scale=0.4)
    spread = [np.zeros((*x.shape[:-1], 2 * x.shape[-1]), dtype) for x in plain]
    for wide, x in zip(spread, plain, strict=True):
        wide[..., ::2] = x
    sides = [np.ascontiguousarray(x.transpose(2, 0, 1, 3)).transpose(1, 2, 0, 3) for x in plain]  # lengths in front
    forms = [
        [np.asfortranarray(x) for x in plain],
        [x[..., ::-1].copy()[..., ::-1] for x in plain],
        [wide[..., ::2] for wide in spread],
        sides,
    ]
    for form in forms:
        for x, right in zip(attend(*form, None, causal=False, scale=0.4), expected, strict=True):
            np.testing.assert_allclose(x, right, rtol=1e-3 if dtype == np.float32 else 1e-9, atol=1e-5)
    found = attend(*sides, None, causal=False, scale=0.4)
    for x, like in zip(found, (sides[0], *sides[:3]), strict=True):
        assert np.argsort([-n for n in x.strides]).tolist() == np.argsort([-n for n in like.strides]).tolist()
    once = [np.broadcast_to(x[:1, :1], x.shape) for x in plain]
    found = attend(*once, None, causal=False, scale=0.4)
    for x in found:
        np.testing.assert_array_equal(x[1, 2], x[0, 0])


def test_cotangents_are_written_where_they_are_wanted(isa: str, dtype: np.dtype) -> None:
    packed = np.random.default_rng(0).normal(size=(2, 9, 3, 2, 5)).astype(dtype)
    q, k, v = (packed[:, :, i].swapaxes(1, 2) for i in range(3))
    out, shift = _kernels.attention(q, k, v)
    g = np.random.default_rng(1).normal(size=out.shape).astype(dtype)
    expected = _kernels.attention_backward(g, q, k, v, out, shift)
    place = np.full((2, 9, 3, 2, 6), 7, dtype)
    into = tuple(place[:, :, i, :, :5].swapaxes(1, 2) for i in range(3))
    _kernels.attention_backward(g, q, k, v, out, shift, into=into)
    for x, right in zip(into, expected, strict=True):
        np.testing.assert_array_equal(x, right)
    assert (place[..., 5] == 7).all()
    fixed = into[0].view()
    fixed.flags.writeable = False
    for bad in (fixed, np.zeros(q.shape, dtype)[..., ::-1], q):
        with pytest.raises(ValueError, match=r"write|shares memory"):
            _kernels.attention_backward(g, q, k, v, out, shift, into=(bad, *into[1:]))


def test_a_row_without_keys_is_zero_and_brings_nothing(isa: str, dtype: np.dtype) -> None:
    q, k, v, g = inputs((5, 140, 3, 4), dtype)
    mask = np.ones((5, 140), bool)
    mask[2] = False
    for form in (mask, np.where(mask, 0, -np.inf).astype(dtype)):
        out, shift = K.attention(q, k, v, form)
        dq, dk, dv = K.attention_backward(g, q, k, v, out, shift, form)
        assert (out[:, 2] == 0).all()
        assert (dq[:, 2] == 0).all()
        assert (shift[:, 2] == np.inf).all()
        rest = [0, 1, 3, 4]
        again = attend(q[:, rest], k, v, g[:, rest], form[rest], causal=False, scale=1.0)
        for x, y in zip((out[:, rest], dq[:, rest], dk, dv), again, strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-4 if dtype == np.float32 else 1e-10, atol=1e-5)


def test_large_scores_neither_overflow_nor_lose_the_largest(isa: str, dtype: np.dtype) -> None:
    q = np.array([[[1e4], [-1e4], [1.0]]], dtype)
    k = np.concatenate([np.zeros((1, 200, 1)), [[[1.0]]], [[[-1.0]]]], 1).astype(dtype)
    v = np.arange(202, dtype=dtype)[None, :, None]
    out, shift = K.attention(q, k, v)
    np.testing.assert_array_equal(out[0, :2, 0], [200, 201])
    np.testing.assert_allclose(shift[0, :2], 1e4, rtol=1e-6)
    assert np.isfinite(out).all()


@pytest.mark.parametrize("what", range(3))
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_infinity_go_where_the_formula_sends_them(isa: str, dtype: np.dtype, what: int, value: float) -> None:
    given = inputs((4, 150, 3, 2), dtype)[:3]
    given[what] = given[what].copy()
    given[what][0, 1, 1] = value
    out, _ = K.attention(*given)
    assert np.isfinite(out[1]).all()
    if what == 0:
        assert np.isnan(out[0, 1]).all()
        assert np.isfinite(out[0, [0, 2, 3]]).all()
    elif what == 2:
        assert np.isfinite(out[0, :, 0]).all()
        assert not np.isfinite(out[0, :, 1]).any()
    elif np.isnan(value):
        assert np.isnan(out[0]).all()


def test_long_sequences_take_memory_by_their_length(dtype: np.dtype) -> None:
    n = 4096
    q, k, v, g = inputs((n, n, 8, 8), dtype, (1,))
    _kernels.set_num_threads(1)
    _kernels.trim_memory(0)
    out, shift = _kernels.attention(q, k, v)
    _kernels.attention_backward(g, q, k, v, out, shift)
    usage = _kernels.memory_usage()
    assert usage["in_use"] + usage["held"] < n * n * dtype.itemsize / 4


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers that send signals")
@pytest.mark.parametrize("backward", [False, True])
def test_an_exception_from_a_signal_handler_ends_what_takes_long(isa: str, threads: int, backward: bool) -> None:
    n = 12000
    x = np.ones((1, n, 32), np.float32)

    def stop(*_: Any) -> None:
        raise TimeoutError

    def attend_long() -> None:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        if backward:
            _kernels.attention_backward(x, x, x, x, x, np.zeros((1, n), np.float32))
        else:
            _kernels.attention(x, x, x)

    before = signal.signal(signal.SIGALRM, stop)
    try:
        with pytest.raises(TimeoutError):
            attend_long()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    small = np.ones((1, 3, 2), np.float32)
    np.testing.assert_array_equal(_kernels.attention(small, small, small)[0], small)


def test_what_does_not_fit_is_refused(isa: str, dtype: np.dtype) -> None:
    q, k, v, g = inputs((4, 5, 3, 2), dtype)
    out, shift = _kernels.attention(q, k, v)
    for bad in ((q[0], k, v), (q, k[..., :2], v), (q, k[:, :4], v), (q, k, v[:1]), (q[0, 0], k, v)):
        with pytest.raises(ValueError, match=r"attention: .*(expected|shape)"):
            _kernels.attention(*bad)
    with pytest.raises(ValueError, match="does not broadcast"):
        _kernels.attention(q, k, v, np.ones((3, 5), bool))
    with pytest.raises(TypeError, match="the mask is int64"):
        _kernels.attention(q, k, v, np.ones((4, 5), np.int64))
    with pytest.raises(TypeError, match="float32 and float64"):
        _kernels.attention(*[x.astype(np.int64) for x in (q, k, v)])
    long = np.ones((2, 129, 3), dtype)
    with pytest.raises(ValueError, match="at most 128 queries and keys, got 4 and 129"):
        _kernels.attention(q, long, long, weights=True)
    with pytest.raises(ValueError, match="weights has shape"):
        _kernels.attention_backward(g, q, k, v, out, shift, weights=np.ones((2, 4, 4), dtype))
    for bad in ((g[:, :3], out, shift), (g, out[..., :1], shift), (g, out, shift[:1])):
        with pytest.raises(ValueError, match=r"attention_backward: .*expected"):
            _kernels.attention_backward(bad[0], q, k, v, *bad[1:])


def test_more_than_any_memory_is_refused(dtype: np.dtype) -> None:
    one = dtype.type(1)
    wide, long = np.broadcast_to(one, (2, 2**45)), np.broadcast_to(one, (2**45, 2))
    for q, k, v in ((wide, wide, wide[:, :1]), (long, long[:2], long[:2]), (wide[:, :1], wide[:, :1], wide)):
        with pytest.raises(MemoryError):
            _kernels.attention(q, k, v)


# ---------------------------------------------------------------- any arrays


def fuzz(data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from([*DTYPES, None]))
    l, s, e, ev = (data.draw(SIDES) for _ in range(4))
    lead = tuple(data.draw(st.lists(st.sampled_from([1, 2, 3, 0]), max_size=2)))
    often = lambda n: data.draw(st.sampled_from([n] * 9 + [n + 1]))  # noqa: E731
    q = data.draw(arrays(dtype, (*lead, l, e)))
    k = data.draw(arrays(dtype, (*lead, s, often(e))))
    v = data.draw(arrays(dtype, (*lead, often(s), ev)))
    g = data.draw(arrays(dtype, (*lead, l, often(ev))))
    mask = data.draw(st.one_of(st.none(), arrays(dtype, (l, s)), st.just(np.arange(l * s).reshape(l, s) % 3 > 0)))
    options = {"causal": data.draw(st.booleans()), "scale": 0.25}
    check(lambda *x: _kernels.attention(*x, **options), q, k, v, mask)

    def backward(g: Any, *x: Any) -> Any:
        return _kernels.attention_backward(g, *x[:3], *_kernels.attention(*x, **options), x[3], **options)

    check(backward, g, q, k, v, mask)


def test_any_arrays_give_an_error_or_the_right_answer(request: pytest.FixtureRequest) -> None:
    run(fuzz, request)
