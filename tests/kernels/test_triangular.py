"""Systems with triangular matrices, and the factors of matrices, against products and exact small cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st
from test_fuzz import DTYPES, ERRORS, SIDES, arrays, check, plain, run

from guarded import K
from wengert import _kernels

SIZES = [0, 1, 2, 3, 4, 5, 11, 12, 13, 17, 24, 37, 130, 256]
COLUMNS = [0, 1, 3, 4, 7, 8, 9, 16, 17, 33]


def matrices(shape: tuple[int, ...], dtype: np.dtype, seed: int = 0) -> np.ndarray:
    """Random matrices whose diagonals are far from 0, so that their triangles are well conditioned."""
    x = np.random.default_rng(seed).normal(size=shape) / max(shape[-1], 1)
    return (x + 2 * np.eye(*shape[-2:])).astype(dtype)


def triangle(a: np.ndarray, upper: bool, unit: bool) -> np.ndarray:
    t = (np.triu(a) if upper else np.tril(a)).astype(np.float64)
    one = np.eye(a.shape[-1], dtype=bool)
    return np.where(one, 1, t) if unit else t


def assert_solved(x: np.ndarray, a: np.ndarray, b: np.ndarray, upper: bool, unit: bool) -> None:
    """The residual is within the bound of csrc/wengert.h."""
    t = triangle(a, upper, unit)
    bound = (a.shape[-1] + 2) * np.finfo(b.dtype).eps * (np.abs(t) @ np.abs(x.astype(np.float64)))
    assert x.dtype == b.dtype
    assert (np.abs(t @ x.astype(np.float64) - b) <= bound).all()


@pytest.mark.parametrize("unit", [False, True])
@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("n", SIZES)
def test_solutions_solve(isa: str, dtype: np.dtype, n: int, upper: bool, unit: bool) -> None:
    a = matrices((n, n), dtype)
    spoiled = np.where(triangle(np.ones((n, n)), upper, False) > 0, a, np.nan).astype(dtype)
    if unit:
        np.fill_diagonal(spoiled, np.nan)
    for columns in COLUMNS:
        b = np.random.default_rng(columns).normal(size=(n, columns)).astype(dtype)
        for left, right in ((spoiled, b), (np.asfortranarray(spoiled), np.asfortranarray(b))):
            x = K.solve_triangular(left, right, upper=upper, unit=unit)
            assert x.shape == (n, columns)
            assert_solved(x, a, b, upper, unit)


def test_operands_may_have_any_strides(isa: str, dtype: np.dtype) -> None:
    wide = matrices((80, 80), dtype)
    b = np.random.default_rng(1).normal(size=(80, 90)).astype(dtype)
    a = wide[1::2, 1::2]
    flipped = wide[::-1, ::-1]
    for left, right in ((a, b[::2, 3:20]), (a.T, b[:40, ::3]), (flipped, b[:, ::-1]), (wide, b[::-1, :1])):
        for upper in (False, True):
            assert_solved(K.solve_triangular(left, right, upper=upper), left, right, upper, False)
    one = np.broadcast_to(dtype.type(1), (5, 5))
    np.testing.assert_array_equal(
        K.solve_triangular(one, np.broadcast_to(dtype.type(2), (5, 3)))[:, 0], [2, 0, 0, 0, 0]
    )


def test_leading_dimensions_broadcast(isa: str, dtype: np.dtype, threads: int) -> None:
    a, b = matrices((3, 1, 40, 40), dtype), matrices((5, 40, 40), dtype, seed=1)
    x = K.solve_triangular(a, b, upper=True)
    assert x.shape == (3, 5, 40, 40)
    for i in range(3):
        for j in range(5):
            np.testing.assert_array_equal(x[i, j], K.solve_triangular(a[i, 0], b[j], upper=True))
    assert K.solve_triangular(a[:0], b).shape == (0, 5, 40, 40)
    assert K.solve_triangular(a, b[:, :, :0]).shape == (3, 5, 40, 0)


def test_a_zero_on_the_diagonal_divides_as_numbers_do(isa: str, dtype: np.dtype) -> None:
    a = np.array([[2, 0, 0], [1, 0, 0], [0, 0, 4]], dtype)
    b = np.array([[2.0, 2, -0.0], [3, 1, 0], [np.inf, 1, 4]], dtype)
    with np.errstate(all="ignore"):
        expected = np.array([[1, 1, -0.0], [np.inf, np.nan, np.nan], [np.nan, np.nan, np.nan]], dtype)
    got = K.solve_triangular(a, b)
    np.testing.assert_array_equal(got, expected)
    assert np.signbit(got[0, 2])


def test_triangular_systems_are_refused_that_do_not_fit(isa: str, dtype: np.dtype) -> None:
    a = matrices((4, 4), dtype)
    for left, right in ((a[:3], a), (a[0], a), (a, a[:3]), (a, a[0])):
        with pytest.raises(ValueError, match=r"expected matrices \(\.\.\., n, n\)"):
            K.solve_triangular(left, right)
    with pytest.raises(ValueError, match="at most 256 rows, got 257"):
        K.solve_triangular(np.eye(257, dtype=dtype), np.eye(257, dtype=dtype))
    with pytest.raises(ValueError, match="do not broadcast"):
        K.solve_triangular(matrices((2, 4, 4), dtype), matrices((3, 4, 4), dtype))
    with pytest.raises(TypeError, match="the right-hand side is int64"):
        K.solve_triangular(a, np.ones((4, 4), np.int64))


# ---------------------------------------------------------------- lu


def assert_factored(packed: np.ndarray, order: np.ndarray, a: np.ndarray) -> None:
    m, n = a.shape[-2:]
    k = min(m, n)
    wide = packed.astype(np.float64)
    lower, upper = np.tril(wide[..., :k], -1) + np.eye(m, k), np.triu(wide[..., :k, :])
    assert (np.abs(lower) <= 1).all()  # each pivot was the largest
    error = np.abs(lower @ upper - np.take_along_axis(a, order[..., None], -2))
    assert (error <= k * np.finfo(a.dtype).eps * (np.abs(lower) @ np.abs(upper))).all()
    np.testing.assert_array_equal(np.sort(order, -1), np.broadcast_to(np.arange(m), order.shape))


@pytest.mark.parametrize(
    "shape", [(0, 3), (3, 0), (1, 1), (2, 2), (5, 3), (3, 5), (8, 8), (17, 16), (40, 61), (130, 7)]
)
def test_factors_multiply_to_the_matrix_in_another_order(
    isa: str, dtype: np.dtype, threads: int, shape: tuple[int, int]
) -> None:
    a = np.random.default_rng(0).normal(size=(3, *shape)).astype(dtype)
    packed = a.copy()
    order = K.lu_in_place(packed)
    assert order.dtype == np.int64
    assert_factored(packed, order, a)
    wide = np.full((3, shape[0], shape[1] + 2), 7, dtype)  # what lies beside it stays
    wide[..., 1:-1] = a
    np.testing.assert_array_equal(K.lu_in_place(wide[..., 1:-1]), order)
    np.testing.assert_array_equal(wide[..., 1:-1], packed)
    assert (wide[..., [0, -1]] == 7).all()


def test_columns_of_zeros_are_passed_over(isa: str, dtype: np.dtype) -> None:
    a = np.array([[[0, 0, 1], [0, 0, 2], [0, 3, 4]]], dtype)
    packed = a.copy()
    assert K.lu_in_place(packed).tolist() == [[0, 2, 1]]
    assert packed.tolist() == [[[0, 0, 1], [0, 3, 4], [0, 0, 2]]]


def test_the_first_of_equal_pivots_is_taken_and_nan_spreads(isa: str, dtype: np.dtype) -> None:
    packed = np.array([[[1, 2], [-1, 5], [1, 1]]], dtype)
    assert K.lu_in_place(packed).tolist() == [[0, 1, 2]]
    packed = np.array([[[np.nan, 1], [2, 1]]], dtype)
    K.lu_in_place(packed)
    assert np.isnan(packed[0, 1]).all()


def test_lu_is_refused_what_it_cannot_change(isa: str, dtype: np.dtype) -> None:
    fixed = np.ones((1, 2, 2), dtype)
    fixed.flags.writeable = False
    for bad in (fixed, np.ones((2, 2), dtype), np.ones((1, 4, 4), dtype)[..., ::2], np.ones((1, 2, 2), ">f4")):
        with pytest.raises(ValueError, match=r"expected a writable array \(count, m, n\)"):
            K.lu_in_place(bad)
    with pytest.raises(TypeError, match="the kernels compute in float32 and float64"):
        K.lu_in_place(np.ones((1, 2, 2), np.int64))


@pytest.mark.parametrize("n", [0, 1, 2, 9, 17, 100])
def test_determinants_are_those_of_the_factors(isa: str, dtype: np.dtype, n: int) -> None:
    a = (np.random.default_rng(n).normal(size=(4, n, n)) / np.sqrt(max(n, 1))).astype(dtype)
    packed = a.copy()
    order = K.lu_in_place(packed)
    sign, logarithm = np.linalg.slogdet(a.astype(np.float64))
    tolerance = 1e4 * np.finfo(dtype).eps
    np.testing.assert_allclose(K.determinants(packed, order, 0), np.linalg.det(a.astype(np.float64)), rtol=tolerance)
    np.testing.assert_array_equal(K.determinants(packed, order, 1), sign)
    np.testing.assert_allclose(K.determinants(packed, order, 2), logarithm, rtol=tolerance, atol=tolerance)


def test_only_a_determinant_itself_overflows(isa: str, dtype: np.dtype) -> None:
    def of(*diagonal: float) -> list[float]:
        order = np.arange(len(diagonal))[None]
        return [K.determinants(np.diag(np.array(diagonal, dtype))[None], order, what).item() for what in range(3)]

    assert of(*[2.0**100] * 40, *[2.0**-100] * 40, -3) == [-3, -1, pytest.approx(np.log(3))]
    assert of(*[2.0**100] * 40) == [np.inf, 1, pytest.approx(4000 * np.log(2))]
    assert of(*[2.0**-100] * 40, -1) == [0, -1, pytest.approx(-4000 * np.log(2))]
    assert of(3, 0, 2) == [0, 0, -np.inf]
    assert np.isnan(of(1, np.nan)[::2]).all()
    near = dtype.type(1 + 8 * np.finfo(dtype).eps)
    assert of(near)[2] == pytest.approx(np.log1p(8 * np.finfo(dtype).eps), rel=1e-6)


# ---------------------------------------------------------------- cholesky


@pytest.mark.parametrize("n", [0, 1, 2, 7, 17, 100])
def test_cholesky_factors_multiply_to_the_matrix(isa: str, dtype: np.dtype, n: int) -> None:
    half = matrices((3, n, n), np.dtype(np.float64))
    a = (half @ half.swapaxes(-1, -2)).astype(dtype)
    above = np.triu(np.ones((n, n), bool), 1)
    z, minor = K.cholesky(np.where(above, dtype.type(np.nan), a))
    assert minor == 0
    assert z.dtype == dtype
    assert not z[:, above].any()
    wide = z.astype(np.float64)
    turned = wide.swapaxes(-1, -2)
    error = np.abs(np.tril(wide @ turned - a))
    assert (error <= (n + 1) * np.finfo(dtype).eps * (np.abs(wide) @ np.abs(turned))).all()
    if n:
        a[1, n // 2, n // 2] = -1
        assert K.cholesky(a)[1] == n // 2 + 1
        a[0, -1, 0] = np.nan  # which reaches the last pivot
        assert K.cholesky(a)[1] == n


# ---------------------------------------------------------------- reflections


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1, 1), (5, 3), (3, 5), (17, 16), (40, 61), (100, 100), (130, 7)])
def test_reflections_make_a_matrix_triangular(isa: str, dtype: np.dtype, threads: int, shape: tuple[int, int]) -> None:
    a = np.random.default_rng(0).normal(size=(3, *shape)).astype(dtype)
    expected = np.linalg.qr(a.astype(np.float64), mode="complete")
    tolerance = 100 * max(shape) * np.finfo(dtype).eps  # of signs as LAPACK's, and well determined
    for columns in {0, min(shape), shape[0]}:
        q, r = K.qr(a.swapaxes(-1, -2).copy().swapaxes(-1, -2), columns)
        assert q.dtype == r.dtype == dtype
        assert not np.tril(r, -1).any()
        np.testing.assert_allclose(r, expected.R, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(q, expected.Q[..., :columns], rtol=tolerance, atol=tolerance)


def test_reflections_of_items_whose_squares_are_too_large_or_too_small(isa: str, dtype: np.dtype) -> None:
    a = np.array([[3, 1], [4, 7]], np.float64)
    for scale in (np.finfo(dtype).max / 64, np.finfo(dtype).tiny * 4096, np.finfo(dtype).tiny / 4096):
        q, r = K.qr((a * scale).astype(dtype), 2)
        np.testing.assert_allclose(q, [[-0.6, -0.8], [-0.8, 0.6]], rtol=1e-2)
        np.testing.assert_allclose(r / scale, [[-5, -6.2], [0, 3.4]], rtol=1e-2, atol=1e-6)


def test_what_is_triangular_stays_and_nan_spreads(isa: str, dtype: np.dtype) -> None:
    a = np.array([[-2, np.inf, 1], [0, 3, 5], [0, 0, 0]], dtype)
    q, r = K.qr(a, 3)
    np.testing.assert_array_equal(q, np.eye(3))
    np.testing.assert_array_equal(r, a)
    for place in ((1, 0), (0, 0)):
        a = np.array([[1, 2], [0, 3]], dtype)
        a[place] = np.nan
        assert np.isnan(K.qr(a, 2)[1][0]).any()


# ---------------------------------------------------------------- any arrays


def fuzz(data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from([*DTYPES, None]))
    n, k = data.draw(SIDES), data.draw(SIDES)
    batch = [tuple(data.draw(st.lists(st.sampled_from([1, 1, 2, 3, 0]), max_size=2))) for _ in range(2)]
    a = data.draw(arrays(dtype, (*batch[0], n, data.draw(st.sampled_from([n] * 9 + [n + 1])))))
    b = data.draw(arrays(dtype, (*batch[1], data.draw(st.sampled_from([n] * 9 + [n + 1])), k)))
    options = {"upper": data.draw(st.booleans()), "unit": data.draw(st.booleans())}
    check(lambda a, b: _kernels.solve_triangular(a, b, **options), a, b)
    x = data.draw(arrays(dtype, tuple(data.draw(st.lists(SIDES, min_size=2, max_size=3)))))
    before, packed = plain(x), plain(x)
    try:
        order = _kernels.lu_in_place(x)
    except ERRORS:
        np.testing.assert_array_equal(plain(x), before)
        return
    places = sum(stride * k for stride, k in zip(x.strides, np.ogrid[tuple(map(slice, x.shape))], strict=True))
    if np.unique(places).size == x.size:  # of windows that overlap, rows change each other
        np.testing.assert_array_equal(order, _kernels.lu_in_place(packed))
        np.testing.assert_array_equal(x, packed)


def test_any_arrays_give_an_error_or_the_right_answer(request: pytest.FixtureRequest) -> None:
    run(fuzz, request)
