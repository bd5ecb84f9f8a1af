"""Reductions and running sums: every kind, instruction set, dtype, set of axes and layout, and how exact they are."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import chain, combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from guarded import K
from isas import by_isa

Right = tuple[np.ndarray, np.ndarray]

KINDS = ["sum", "mean", "prod", "max", "min", "logsumexp", "var", "norm", "argmax", "argmin"]
CHOICES = ["max", "min", "argmax", "argmin"]

SMALL_SHAPES = [
    (), (1,), (2,), (7,), (17,), (33,), (129,), (300,),
    (5, 7), (33, 17), (3, 130), (130, 3), (64, 16), (1, 19),
    (3, 5, 7), (17, 2, 9), (2, 33, 5), (9, 11, 3),
    (2, 3, 5, 7), (3, 1, 17, 2), (9, 2, 10, 3),
]  # fmt: skip

# Shapes and axes that take every path: several panels, several blocks, tasks that are joined, narrow panels taken
# several rows at once with some left over, short lines that are rows of a panel.
LARGE = [
    ((70_001,), (0,)),
    ((3, 20_011), (1,)),
    ((600, 1100), (0,)),
    ((40, 2100), (0,)),
    ((2500, 33), (0,)),
    ((5003, 3), (0,)),
    ((1031, 10), (0,)),
    ((1031, 10), (1,)),
    ((4099, 5), (1,)),
    ((40, 7, 49), (0, 2)),
    ((1300, 3, 11), (0, 2)),
    ((12, 700, 12), (1,)),
    ((300, 5, 70), (0, 2)),
    ((21, 8, 9, 50), (0, 2)),
]


def axis_subsets(ndim: int) -> Iterator[tuple[int, ...]]:
    return chain.from_iterable(combinations(range(ndim), count) for count in range(ndim + 1))


def flatten(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """The reduced axes as one, behind the kept ones."""
    kept = [d for d in range(x.ndim) if d not in axes]
    return x.transpose(*kept, *sorted(axes)).reshape([x.shape[d] for d in kept] + [math.prod(x.shape[d] for d in axes)])


def reference(kind: str, x: np.ndarray, axes: tuple[int, ...], correction: float = 0.0) -> Right:
    """The result in higher precision, and the magnitude that its rounding errors are relative to."""
    rows = flatten(x.astype(np.float64 if x.dtype == np.float32 else np.longdouble), axes)
    n = rows.shape[-1]
    with np.errstate(all="ignore"):
        if kind.startswith("arg"):
            result = getattr(rows, kind)(-1)
            return result, np.zeros(result.shape)
        if kind in ("max", "min"):
            result = getattr(rows, kind)(-1)
            return result, np.zeros_like(result)
        if kind == "sum":
            return rows.sum(-1), np.abs(rows).sum(-1)
        if kind == "mean":
            return rows.sum(-1) / n, np.abs(rows).sum(-1) / n
        if kind == "prod":
            result = rows.prod(-1)
            return result, np.abs(result) * math.sqrt(n)
        if kind == "norm":
            result = np.sqrt((rows**2).sum(-1))
            return result, result
        if kind == "var":
            mean = rows.sum(-1, keepdims=True) / n
            result = ((rows - mean) ** 2).sum(-1) / (n - correction)
            return result, result + np.finfo(x.dtype).eps * mean[..., 0] ** 2
        top = rows.max(-1, keepdims=True)
        shift = np.where(np.isfinite(top), top, 0)
        result = np.log(np.exp(rows - shift).sum(-1)) + shift[..., 0]
        return result, 1 + np.abs(result)


def assert_reduces(
    kind: str, x: np.ndarray, axes: tuple[int, ...], correction: float = 0.0, right: Right | None = None
) -> None:
    """On every instruction set. `right` is the reference, where the same items come in several layouts."""
    expected, scale = right or reference(kind, x, axes, correction)
    limits = np.finfo(x.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        narrow = expected.astype(x.dtype)
        allowed = 6 * limits.eps * scale + limits.smallest_subnormal
        special = ~np.isfinite(narrow)
        for isa, actual in by_isa(K.reduce, kind, x, axes, correction=correction).items():
            assert actual.dtype == (np.int64 if kind.startswith("arg") else x.dtype), isa
            assert actual.shape == expected.shape, isa
            if kind.startswith("arg"):
                right_items = actual == expected
            else:
                same = (actual == narrow) | (np.isnan(actual) & np.isnan(narrow))
                right_items = np.where(special, same, np.abs(actual.astype(expected.dtype) - expected) <= allowed)
            assert right_items.all(), (
                f"{kind} of {x.shape} in strides of {x.strides} over {axes}, {isa}: "
                f"{actual[~right_items]}, expected {expected[~right_items]}"
            )


def sample(shape: tuple[int, ...], dtype: np.dtype, kind: str, seed: int = 0) -> np.ndarray:
    """Random items; for products, such that they neither overflow nor vanish."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0.25, 1, shape)
    if kind == "prod":
        x = np.exp(x / math.sqrt(x.size)) * rng.choice([-1, 1], shape)
    return np.asarray(x, dtype)


def spread(x: np.ndarray) -> np.ndarray:
    """The same items, two apart in every dimension."""
    out = np.full([2 * length + 1 for length in x.shape], np.nan, x.dtype)
    view = out[(..., *(slice(1, None, 2) for _ in x.shape))]
    view[...] = x
    return view


def backward(x: np.ndarray) -> np.ndarray:
    """The same items, with negative strides throughout."""
    flip = tuple(slice(None, None, -1) for _ in x.shape)
    return np.ascontiguousarray(x[flip])[flip] if x.ndim else x


def layouts(x: np.ndarray) -> Iterator[np.ndarray]:
    yield x
    yield np.array(x, order="F")
    yield spread(x)
    yield backward(x)
    yield backward(x.T).T
    if x.ndim >= 2:
        yield np.ascontiguousarray(np.moveaxis(x, 0, -1)).transpose(-1, *range(x.ndim - 1))
        yield spread(x)[::-1][::-1]
        yield np.ascontiguousarray(x[::-1])[::-1]
        yield np.ascontiguousarray(x[..., ::-1])[..., ::-1]


# ---------------------------------------------------------------- the answer


@pytest.mark.parametrize("kind", KINDS)
def test_every_set_of_axes_in_every_layout(dtype: np.dtype, kind: str) -> None:
    for shape in SMALL_SHAPES:
        x = sample(shape, dtype, kind)
        views = list(layouts(x))
        for axes in axis_subsets(len(shape)):
            right = reference(kind, x, axes, correction=0.5)
            for view in views:
                assert_reduces(kind, view, axes, correction=0.5, right=right)


@pytest.mark.parametrize("kind", KINDS)
def test_shapes_of_many_blocks(dtype: np.dtype, kind: str) -> None:
    for shape, axes in LARGE:
        x = sample(shape, dtype, kind)
        right = reference(kind, x, axes, correction=1.0)
        for view in (x, np.asfortranarray(x), spread(x), backward(x)):
            assert_reduces(kind, view, axes, correction=1.0, right=right)


@pytest.mark.parametrize("kind", KINDS)
def test_broadcast_dimensions_count_as_often_as_they_repeat(dtype: np.dtype, kind: str) -> None:
    x = sample((7, 1, 33), dtype, kind)
    for view in (
        np.broadcast_to(x, (7, 9, 33)),
        np.broadcast_to(x, (3, 7, 1, 33)),
        np.broadcast_to(x[:, :, :1], (7, 1, 40)),
        np.broadcast_to(x[0, 0, 0], (5, 300)),
        np.broadcast_to(x[0], (300, 33)),
    ):
        if kind == "prod":
            view = np.sign(view)
        for axes in axis_subsets(view.ndim):
            assert_reduces(kind, view, axes, correction=0.5)


@pytest.mark.parametrize("kind", KINDS)
def test_axes_none_reduces_all_and_keepdims_keeps_ones(dtype: np.dtype, kind: str) -> None:
    x = sample((4, 3, 5), dtype, kind)
    assert K.reduce(kind, x).shape == ()
    assert K.reduce(kind, x, keepdims=True).shape == (1, 1, 1)
    assert K.reduce(kind, x, (0, 2), keepdims=True).shape == (1, 3, 1)
    assert K.reduce(kind, x, (-1,)).shape == (4, 3)
    np.testing.assert_array_equal(K.reduce(kind, x, (-1, 0)), K.reduce(kind, x, (0, 2)))
    assert_reduces(kind, x, (0, 1, 2))


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_any_shape_any_axes_any_steps(data: st.DataObject) -> None:
    shape = data.draw(array_shapes(min_dims=0, max_dims=5, min_side=1, max_side=11))
    kind = data.draw(st.sampled_from(KINDS))
    dtype = np.dtype(data.draw(st.sampled_from(["float32", "float64"])))
    x = sample(shape, dtype, kind, seed=data.draw(st.integers(0, 99)))
    x = x.transpose(data.draw(st.permutations(range(x.ndim))))
    if data.draw(st.booleans()):
        x = np.asarray(np.round(x))  # equal items, for argmax and argmin
    x = x[(..., *(slice(None, None, data.draw(st.sampled_from([1, 1, 2, -1, -3]))) for _ in shape))]
    axes = tuple(d for d in range(x.ndim) if data.draw(st.booleans()))
    assert_reduces(kind, x, axes)


# ---------------------------------------------------------------- nothing, zeros, NaN, infinities


@pytest.mark.parametrize(
    ("kind", "value"),
    [("sum", 0), ("prod", 1), ("mean", np.nan), ("var", np.nan), ("norm", 0), ("logsumexp", -np.inf)],
)
def test_reducing_nothing(isa: str, dtype: np.dtype, kind: str, value: float) -> None:
    for shape, axes in [((0,), (0,)), ((3, 0), (1,)), ((0, 3), (0,)), ((2, 0, 3), (0, 1)), ((2, 0, 3), (1, 2))]:
        actual = K.reduce(kind, np.empty(shape, dtype), axes)
        np.testing.assert_array_equal(actual, np.full(actual.shape, value, dtype))
    assert K.reduce(kind, np.empty((0, 3), dtype), (1,)).shape == (0,)


@pytest.mark.parametrize("kind", CHOICES)
def test_choosing_from_nothing_is_an_error(kind: str) -> None:
    with pytest.raises(ValueError, match=f"{kind}.*nothing to choose from"):
        K.reduce(kind, np.empty((3, 0), np.float32), (1,))
    assert K.reduce(kind, np.empty((0, 3), np.float32), (1,)).shape == (0,)


def test_sums_of_negative_zeros_are_negative_zero(isa: str, dtype: np.dtype) -> None:
    for shape, axis in [((1,), 0), ((10,), 0), ((300,), 0), ((300, 5), 0), ((5, 300), 1), ((600, 90), 0)]:
        assert np.signbit(K.reduce("sum", np.full(shape, -0.0, dtype), (axis,))).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_special_item_anywhere(dtype: np.dtype, kind: str, value: float) -> None:
    for length in (1, 5, 16, 40, 130, 300):
        for shape, axis in [((length,), 0), ((3, length), 1), ((length, 3), 0), ((length, 70), 0)]:
            plain = sample(shape, dtype, kind)
            for place in {0, 1, length // 2, length - 2, length - 1} & set(range(length)):
                x = plain.copy()
                x[(place,) if axis == 0 else (1, place)] = value
                right = reference(kind, x, (axis,))
                assert_reduces(kind, x, (axis,), right=right)
                assert_reduces(kind, spread(x), (axis,), right=right)


@pytest.mark.parametrize("kind", KINDS)
def test_special_items_among_many_blocks(dtype: np.dtype, kind: str) -> None:
    rng = np.random.default_rng(1)
    for shape, axes in LARGE:
        plain = sample(shape, dtype, kind)
        for values in ([np.nan], [np.inf], [-np.inf], [np.inf, -np.inf], [np.nan, -np.inf]):
            x = plain.copy()
            places = rng.integers(x.size, size=7)
            x.flat[places] = rng.choice(values, 7)
            assert_reduces(kind, x, axes)


@pytest.mark.parametrize("value", [0.0, np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("kind", KINDS)
def test_arrays_of_one_value(dtype: np.dtype, kind: str, value: float) -> None:
    for shape in [(1,), (9,), (400,), (20, 300), (300, 20), (5000, 3)]:
        x = np.full(shape, value, dtype)
        for axis in range(x.ndim):
            assert_reduces(kind, x, (axis,))


@pytest.mark.parametrize("kind", CHOICES)
def test_infinities_of_both_signs_are_no_nan(dtype: np.dtype, kind: str) -> None:
    for length in (3, 40, 300, 1000):
        x = np.resize(np.array([1, np.inf, -np.inf], dtype), (37, length))
        for axis in (0, 1):
            for view in (x, np.ascontiguousarray(x.T), x.T):
                assert_reduces(kind, view, (axis,))
        x[5, -1] = x[9, 0] = np.nan
        assert_reduces(kind, x, (0,))
        assert_reduces(kind, x, (1,))


@pytest.mark.parametrize("kind", ["argmax", "argmin"])
def test_first_of_equal_items_and_first_nan(dtype: np.dtype, kind: str) -> None:
    rng = np.random.default_rng(2)
    for shape, axes in [*LARGE, ((9, 200), (0, 1)), ((3, 5, 400), (0, 2)), ((5, 3000), (1,))]:
        x = rng.integers(-2, 3, shape).astype(dtype)
        for view in (x, np.asfortranarray(x), spread(x), backward(x), x.swapaxes(0, -1)):
            if len(axes) <= view.ndim:
                assert_reduces(kind, view, axes)
        x.flat[rng.integers(x.size, size=max(2, x.size // 40))] = np.nan
        assert_reduces(kind, x, axes)
        assert_reduces(kind, np.asfortranarray(x), axes)


# ---------------------------------------------------------------- how exact


@pytest.fixture(scope="module")
def many() -> np.ndarray:
    """Ten million float32 between 0 and 1."""
    return np.random.default_rng(3).random(10_000_000, np.float32)


def test_sum_of_ten_million_float32_is_exact_to_two_ulp(isa: str, many: np.ndarray) -> None:
    expected = many.sum(dtype=np.float64)
    assert abs(float(K.reduce("sum", many)) - expected) <= 2 * np.spacing(np.float32(expected))
    assert float(K.reduce("sum", np.ones_like(many))) == many.size
    assert K.reduce("mean", many) == pytest.approx(expected / many.size, rel=2e-7)


def test_column_sums_of_ten_million_float32_are_exact_to_two_ulp(isa: str, many: np.ndarray) -> None:
    for columns in (2, 10, 64, 1000):
        x = many[: many.size // columns * columns].reshape(-1, columns)
        expected = x.sum(0, dtype=np.float64)
        error = np.abs(K.reduce("sum", x, (0,)) - expected)
        assert (error <= 2 * np.spacing(expected.astype(np.float32))).all()
        assert (K.reduce("sum", np.ones_like(x), (0,)) == len(x)).all()


def test_float64_sum_agrees_with_fsum(isa: str) -> None:
    x = np.random.default_rng(4).normal(size=300_000)
    exact = math.fsum(x)
    for view, axes in [(x, (0,)), (x.reshape(-1, 3), (0, 1)), (spread(x), (0,))]:
        assert abs(float(K.reduce("sum", view, axes)) - exact) <= 4 * np.finfo(np.float64).eps * np.abs(x).sum() / 100


def test_variance_with_a_large_mean_keeps_its_digits(isa: str) -> None:
    rng = np.random.default_rng(5)
    x = (1000 + rng.normal(size=(3000, 40))).astype(np.float32)
    expected = x.var(0, dtype=np.float64)
    np.testing.assert_allclose(K.reduce("var", x, (0,)), expected, rtol=1e-5)
    np.testing.assert_allclose(K.reduce("var", np.ascontiguousarray(x.T), (1,)), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("shape", "axes"),
    [((1000,), (0,)), ((50, 300), (1,)), ((50, 300), (0,)), ((300_007,), (0,)), ((7, 5, 11, 13), (0, 2)),
     ((7, 5, 11, 13), (1, 3)), ((3000, 3), (0,)), ((64, 1000), (0, 1)), ((4, 2, 2), (0, 1)), ((9, 2), (0,))],
    ids=str,
)  # fmt: skip
def test_the_variance_of_items_far_from_zero_does_not_suffer_from_their_rounded_mean(
    isa: str, dtype: np.dtype, shape: tuple[int, ...], axes: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(6)
    for mean in (1e3, -1e6, 3e7):
        far = mean if dtype == np.float32 else mean * 1e7
        x = (far + 16 * rng.normal(size=shape)).astype(dtype)
        expected = (x.astype(np.longdouble) - x.flat[0]).var(axes, ddof=1).astype(dtype)
        for view in (x, np.asfortranarray(x), spread(x), backward(x)):
            actual = K.reduce("var", view, axes, correction=1.0)
            np.testing.assert_allclose(actual, expected, rtol=1e-5 if dtype == np.float32 else 1e-9)


def test_variance_divides_by_items_less_the_correction(isa: str, dtype: np.dtype) -> None:
    x = np.array([1, 2, 4], dtype)
    assert K.reduce("var", x, correction=1.0) == pytest.approx(7 / 3)
    assert K.reduce("var", x, correction=0.0) == pytest.approx(14 / 9)
    for correction in (3.0, 4.0):
        assert K.reduce("var", x, correction=correction) == np.inf
        assert np.isnan(K.reduce("var", np.ones(3, dtype), correction=correction))
    assert np.isnan(K.reduce("var", x, correction=np.nan))
    assert np.isnan(K.reduce("var", x, (), correction=1.0)).all()
    assert (K.reduce("var", x, ()) == 0).all()


def test_norm_neither_overflows_nor_vanishes(isa: str, dtype: np.dtype) -> None:
    limits = np.finfo(dtype)
    for scale in (limits.max / 1000, limits.tiny, float(limits.smallest_subnormal) * 64, 1.0, math.sqrt(limits.tiny)):
        for shape, axes in [
            ((5,), (0,)),
            ((300, 7), (0,)),
            ((7, 9000), (1,)),
            ((3000, 40), (0,)),
            ((30, 5, 20), (0, 2)),
        ]:
            x = np.ones(shape, dtype)
            x *= dtype.type(scale)
            expected = np.sqrt(np.longdouble(math.prod(shape[d] for d in axes))) * x.flat[0].astype(np.longdouble)
            np.testing.assert_allclose(
                K.reduce("norm", x, axes).astype(np.longdouble),
                expected,
                rtol=4 * limits.eps,
                atol=limits.smallest_subnormal,
            )


def test_norm_joins_blocks_of_different_scale(isa: str, dtype: np.dtype) -> None:
    limits = np.finfo(dtype)
    scales = [0.0, float(limits.tiny), 1.0, float(limits.max) / 1e4]
    for high in range(1, len(scales)):
        for low in range(high):
            x = np.full((9000, 3), scales[low], dtype)
            x[5000:5004] = scales[high]
            np.testing.assert_allclose(K.reduce("norm", x, (0,)), 2 * x[5000], rtol=1e-5)
            line = np.full(150_000, scales[low], dtype)
            line[100_000:100_004] = scales[high]
            np.testing.assert_allclose(K.reduce("norm", line), 2 * line[100_000], rtol=1e-5)


def test_logsumexp_of_large_and_infinite_items(dtype: np.dtype) -> None:
    for shift in (-1e4, 0.0, 1e4):
        x = sample((700, 30), dtype, "logsumexp") + dtype.type(shift)
        for axes in ((0,), (1,), (0, 1)):
            assert_reduces("logsumexp", x, axes)
            assert_reduces("logsumexp", np.where(x > shift, x, -np.inf).astype(dtype), axes)
    assert K.reduce("logsumexp", np.full(5, np.finfo(dtype).max, dtype)) == np.finfo(dtype).max


# ---------------------------------------------------------------- threads


@pytest.mark.parametrize("kind", KINDS)
def test_results_do_not_depend_on_the_number_of_threads(dtype: np.dtype, kind: str) -> None:
    for shape, axes in [((700_001,), (0,)), ((1001, 701), (0,)), ((1001, 701), (1,)), ((100_003, 7), (0,)),
                        ((2, 350_001), (1,)), ((300, 7, 333), (0, 2)), ((30, 800, 29), (1,))]:  # fmt: skip
        x = sample(shape, dtype, kind)
        results = []
        for threads in (1, 2, 3):
            K.set_num_threads(threads)
            results.append({isa: y.tobytes() for isa, y in by_isa(K.reduce, kind, x, axes).items()})
        assert results[1:] == results[:1] * 2, (shape, axes)
