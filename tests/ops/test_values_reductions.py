"""Reductions, running, ordering and norms where values are equal, infinite, absent or far from zero, as in PyTorch."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import linalg

inf, nan = math.inf, math.nan
V = wg.tensor([3.0, -4.0, 0.0])
M = wg.tensor([[1.0, 2.0], [3.0, 5.0]])
N = wg.tensor([[1, 2], [3, 4]])
FAR = 1e6 + np.random.default_rng(0).normal(size=(50, 40))
HALVES = np.random.default_rng(1).normal(size=(64, 48)).astype(np.float16)


def halves() -> wg.Tensor:
    return wg.from_numpy(HALVES.copy())


# The call, and what it gives; the dtype counts.
VALUES: dict[str, tuple[Callable[[], Any], Any]] = {
    # spreads
    "var_of_as_many_items_as_the_correction": (lambda: wg.var(M, 1, correction=2), np.float32([inf, inf])),
    "var_of_fewer_items": (lambda: wg.var(M, correction=5), np.float32(inf)),
    "std_of_fewer_equal_items": (lambda: wg.std(wg.ones(2), correction=3), np.float32(nan)),
    "std_of_one": (lambda: wg.std(wg.tensor([2.0])), np.float32(nan)),
    "std_of_nothing": (lambda: wg.std(wg.zeros(0)), np.float32(nan)),
    "std_correction_none": (lambda: wg.std(M, 0, correction=None), np.float32([2**0.5, 4.5**0.5])),
    "var_third_argument": (lambda: wg.var(M, 0, False), np.float32([1.0, 2.25])),
    "var_third_argument_none": (lambda: wg.var(M, 0, None, True), np.float32([[2.0, 4.5]])),
    "var_method": (lambda: M.var(0, True), np.float32([2.0, 4.5])),
    "std_mean_third_argument": (lambda: wg.std_mean(M, 0, False)[0], np.float32([1.0, 1.5])),
    "var_far_from_zero": (
        lambda: wg.var(wg.tensor(FAR, dtype=wg.float32), 0),
        (FAR.astype(np.float32) - 1e6).var(0, ddof=1).astype(np.float32),
    ),
    "var_far_from_zero_float64": (
        lambda: wg.var(wg.tensor(FAR * 0.5**20 + 2.0**40)),
        np.var(FAR * 0.5**20 + 2.0**40 - 2.0**40, ddof=1),
    ),
    # dtypes
    "sum_as_bool": (lambda: wg.sum(N, 0, dtype=wg.bool), np.array([True, True])),
    "sum_as_bool_of_nothing": (lambda: wg.sum(wg.zeros(0), dtype=wg.bool), np.array(False)),
    "prod_as_bool": (lambda: wg.prod(wg.tensor([1.5, 0.0]), dtype=wg.bool), np.array(False)),
    "sum_as_uint8": (lambda: wg.sum(wg.tensor([200, 100]), dtype=wg.uint8), np.uint8(44)),
    "sum_as_int32": (lambda: wg.sum(N, 1, dtype=wg.int32), np.int32([3, 7])),
    "nansum_as_int16": (lambda: wg.nansum(N, dtype=wg.int16), np.int16(10)),
    "prod_as_int8": (lambda: wg.prod(N, dtype=wg.int8), np.int8(24)),
    "cumsum_as_int32": (lambda: wg.cumsum(N, 0, dtype=wg.int32), np.int32([[1, 2], [4, 6]])),
    "cumprod_as_uint8": (lambda: wg.cumprod(wg.tensor([20, 20]), 0, dtype=wg.uint8), np.uint8([20, 144])),
    "softmax_dtype": (lambda: wg.softmax(wg.tensor([0, 0]), 0, dtype=wg.float64), np.array([0.5, 0.5])),
    "log_softmax_dtype": (lambda: wg.log_softmax(N * 0, 1, dtype=wg.float32), np.full((2, 2), -np.log(2), np.float32)),
    # float16, computed in float32
    "std_of_halves": (lambda: wg.std(halves() * 100, 1), (HALVES * 100).astype(np.float32).std(1, ddof=1).astype("e")),
    "norm_3_of_halves": (
        lambda: linalg.vector_norm(halves(), 3, 0),
        ((np.abs(HALVES).astype(np.float32) ** 3).sum(0) ** (1 / 3)).astype(np.float16),
    ),
    "norm_3_of_large_halves": (lambda: wg.norm(wg.tensor([60.0, 80.0]).half() * 100, 4), np.float16(8569.0)),
    "logcumsumexp_of_halves": (
        lambda: wg.logcumsumexp(halves(), 0),
        np.logaddexp.accumulate(HALVES.astype(np.float32), 0).astype(np.float16),
    ),
    # norms
    "norm_below_1": (lambda: wg.norm(V, 0.5), np.float32(3 + 4 + 2 * 12**0.5)),
    "norm_negative": (lambda: wg.norm(V, -1), np.float32(0.0)),
    "norm_negative_of_infinities": (lambda: wg.norm(wg.tensor([inf, -inf]), -1), np.float32(inf)),
    "norm_0": (lambda: wg.norm(V, 0), np.float32(2.0)),
    "norm_nuc": (lambda: wg.norm(wg.tensor([[3.0, 0.0], [0.0, -4.0]]), "nuc"), np.float32(7.0)),
    "norm_nuc_dim": (lambda: wg.norm(wg.ones(2, 3, 2), "nuc", dim=(0, 2)), np.float32([2.0, 2.0, 2.0])),
    "norm_dtype": (lambda: wg.norm(N, dtype=wg.float64), np.float64(30**0.5)),
    "vector_norm_axis": (lambda: linalg.vector_norm(M, 1, axis=0, keepdims=True), np.float32([[4.0, 7.0]])),
    "matrix_norm_axis": (lambda: linalg.matrix_norm(M, 1, axis=(0, 1), keepdims=True), np.float32([[7.0]])),
    "linalg_norm_axis": (lambda: linalg.norm(M, inf, axis=1, keepdims=True), np.float32([[2.0], [5.0]])),
    "matrix_norm_of_nothing": (lambda: linalg.matrix_norm(wg.zeros(2, 0, 3), 2), np.float32([0.0, 0.0])),
    "matrix_norm_inf_of_nothing": (lambda: linalg.norm(wg.zeros(0, 3), inf), np.float32(0.0)),
    # order
    "quantile_between_infinities": (lambda: wg.quantile(wg.tensor([1.0, inf, inf]), 0.75), np.float32(inf)),
    "quantile_of_infinities": (lambda: wg.quantile(wg.tensor([-inf, -inf, 2.0]), 0.25), np.float32(-inf)),
    "quantile_into_infinity": (lambda: wg.quantile(wg.tensor([-inf, 1.0]), 0.5), np.float32(-inf)),
    "quantile_at_an_item_before_infinity": (lambda: wg.quantile(wg.tensor([0.0, 1.0, inf]), 0.5), np.float32(1.0)),
    "quantile_between_opposite_infinities": (lambda: wg.quantile(wg.tensor([-inf, inf]), 0.3), np.float32(nan)),
    "nanquantile_of_infinities": (lambda: wg.nanquantile(wg.tensor([inf, nan, inf]), 0.3), np.float32(inf)),
    "quantile_midpoint_of_infinities": (
        lambda: wg.quantile(wg.tensor([inf, inf]), 0.5, interpolation="midpoint"),
        np.float32(inf),
    ),
    "quantile_of_a_float32_share": (
        lambda: wg.quantile(wg.arange(11.0), wg.tensor([0.1, 0.7]), interpolation="higher"),
        np.float32([1.0, 7.0]),
    ),
    "unique_nan": (lambda: wg.unique(wg.tensor([nan, 1.0, nan])), np.float32([1.0, nan, nan])),
    "diff_0_leaves_what_is_prepended": (lambda: wg.diff(V, 0, prepend=V), np.float32([3.0, -4.0, 0.0])),
    "median_of_no_floats": (lambda: wg.median(wg.zeros(0)), np.float32(nan)),
    "logsumexp_of_infinities": (
        lambda: wg.logsumexp(wg.tensor([[inf, 1.0], [-inf, -inf]]), 1),
        np.float32([inf, -inf]),
    ),
    "logcumsumexp_of_infinities": (
        lambda: wg.logcumsumexp(wg.tensor([-inf, -inf, 0.0, inf]), 0),
        np.float32([-inf, -inf, 0.0, inf]),
    ),
    "cummax_of_infinities": (lambda: wg.cummax(wg.tensor([-inf, -inf, nan, inf]), 0).indices, np.array([0, 1, 2, 2])),
}


@pytest.mark.parametrize("name", VALUES)
def test_values(name: str) -> None:
    call, expected = VALUES[name]
    actual = call().numpy()
    assert actual.dtype == expected.dtype
    np.testing.assert_allclose(actual, expected, rtol=2e-5 if actual.dtype != np.float16 else 1e-3)
    assert actual.shape == np.shape(expected)


# A function, where it is differentiated, and its gradient: at ties, zeros, edges.
GRADIENTS: dict[str, tuple[Callable[[Any], Any], list[float], list[float]]] = {
    "max_of_ties": (wg.max, [2.0, 1.0, 2.0], [0.5, 0.0, 0.5]),
    "max_of_nan": (wg.max, [nan, 1.0, 2.0], [1.0, 0.0, 0.0]),
    "min_of_nans": (wg.min, [nan, 1.0, nan], [0.5, 0.0, 0.5]),
    "median_of_ties": (wg.median, [1.0, 2.0, 2.0], [0.0, 0.5, 0.5]),
    "nanmedian_of_ties": (wg.nanmedian, [1.0, nan, 1.0, 3.0], [0.5, 0.0, 0.5, 0.0]),
    "median_of_a_dimension": (lambda x: x.median(0).values, [1.0, 2.0, 2.0], [0.0, 1.0, 0.0]),
    "logcumsumexp_behind_minus_infinity": (lambda x: wg.logcumsumexp(x, 0)[-1], [-inf, 0.0, 0.0], [0.0, 0.5, 0.5]),
    "logcumsumexp_with_infinity": (lambda x: wg.logcumsumexp(x, 0)[-1], [1.0, inf, 0.0], [0.0, 1.0, 0.0]),
    "cumprod_of_zeros": (lambda x: wg.cumprod(x, 0).sum(), [0.0, 3.0, 0.0, 2.0], [4.0, 0.0, 0.0, 0.0]),
    "quantile_beside_infinity": (lambda x: wg.quantile(x, 0.75), [0.0, 1.0, inf], [0.0, 1.0, 1.0]),
    "quantile_of_nan": (lambda x: wg.quantile(x, 0.5), [0.0, nan, 1.0], [0.0, 1.0, 0.0]),
    "norm_below_1": (lambda x: wg.norm(x, 0.5), [1.0, 4.0, 0.0], [3.0, 1.5, 0.0]),
    "norm_below_1_at_zero": (lambda x: wg.norm(x, 0.5), [0.0, 0.0], [0.0, 0.0]),
    "norm_negative": (lambda x: wg.norm(x, -1), [2.0, 2.0], [0.25, 0.25]),
    "norm_negative_with_a_zero": (lambda x: wg.norm(x, -1), [2.0, 0.0], [0.0, 0.0]),
    "norm_1.5": (lambda x: wg.norm(x, 1.5), [1.0, 0.0], [1.0, 0.0]),
    "norm_3_of_large_items": (lambda x: wg.norm(x * 1e-10, 3), [3e20, 0.0], [1e-10, 0.0]),
    "norm_0": (lambda x: wg.norm(x, 0), [1.0, 0.0], [0.0, 0.0]),
    "norm_2_at_zero": (wg.norm, [0.0, 0.0], [0.0, 0.0]),
    "std_of_equal_items": (wg.std, [2.0, 2.0], [0.0, 0.0]),
    "prod_with_a_zero": (wg.prod, [0.0, 2.0, 3.0], [6.0, 0.0, 0.0]),
    "quantile": (lambda x: wg.quantile(x, 0.25), [3.0, 1.0, 2.0], [0.0, 0.5, 0.5]),
    "quantile_by_share": (lambda q: wg.quantile(wg.tensor([1.0, 2.0, 4.0, 9.0]), q).sum(), [0.3, 0.7], [3.0, 15.0]),
    "nanquantile_by_share": (lambda q: wg.nanquantile(wg.tensor([nan, 1.0, 4.0]), q).sum(), [0.3], [3.0]),
    "softmax_dtype": (lambda x: wg.softmax(x, 0, dtype=wg.float64)[0], [0.0, 0.0], [0.25, -0.25]),
    "logsumexp_of_nothing_likely": (lambda x: wg.logsumexp(x, 0), [-inf, -inf], [0.0, 0.0]),
    "diff_0": (lambda x: wg.diff(x, 0).sum(), [1.0, 2.0], [1.0, 1.0]),
}


@pytest.mark.parametrize("name", GRADIENTS)
@pytest.mark.parametrize("dtype", [wg.float32, wg.float64, wg.float16], ids=str)
def test_gradients(name: str, dtype: np.dtype) -> None:
    function, x, expected = GRADIENTS[name]
    if dtype == wg.float16 and name == "norm_3_of_large_items":
        return  # float16 has no such items
    x = wg.tensor(x, dtype=dtype, requires_grad=True)
    function(x).backward()
    assert x.grad.dtype == dtype
    np.testing.assert_allclose(x.grad, expected, rtol=2e-3 if dtype == wg.float16 else 1e-5)


SECOND: dict[str, tuple[Callable[[Any], Any], list[float]]] = {
    "std_of_equal_items": (wg.std, [2.0, 2.0, 2.0]),
    "norm_at_zero": (wg.norm, [0.0, 0.0]),
    "norm_3_at_zero": (lambda x: wg.norm(x, 3), [0.0, 0.0]),
    "norm_below_1_at_zero": (lambda x: wg.norm(x, 0.5), [0.0, 0.0]),
    "max": (wg.max, [1.0, 1.0]),
    "median": (wg.median, [1.0, 1.0, 0.0]),
    "quantile": (lambda x: wg.quantile(x, 0.3), [1.0, 2.0, 4.0]),
}


@pytest.mark.parametrize("name", SECOND)
def test_second_derivatives_are_zero_where_the_first_is_a_choice(name: str) -> None:
    function, x = SECOND[name]
    np.testing.assert_array_equal(wg.hessian(function)(wg.tensor(x)), np.zeros((len(x), len(x))))


def test_the_mixed_derivative_of_a_quantile_by_items_and_share() -> None:
    x, q = wg.tensor([1.0, 2.0, 4.0], dtype=wg.float64), wg.tensor(0.2, dtype=wg.float64)
    slope = wg.jacobian(lambda x: wg.grad(lambda q: wg.quantile(x, q))(q))(x)
    np.testing.assert_allclose(slope, [-2.0, 2.0, 0.0])
    wg.check_gradients(lambda x, q: wg.quantile(x, q), x, q, order=2)


def test_ties_of_many_halves_are_counted_in_float32() -> None:
    x = wg.ones(5000).half().requires_grad_()
    wg.amax(x).backward()
    np.testing.assert_array_equal(x.grad, np.full(5000, 1 / 5000, np.float16))


def test_products_have_their_second_derivatives_wherever_zeros_stand() -> None:
    for zeros in ([], [0], [1, 4], [0, 2, 3]):
        x = np.array([2.0, -1.0, 3.0, 0.5, 4.0])
        x[zeros] = 0
        expected = [[0 if i == j else np.prod(np.delete(x, [i, j])) for j in range(5)] for i in range(5)]
        np.testing.assert_allclose(wg.hessian(wg.prod)(wg.tensor(x)), expected)
    wg.check_gradients(lambda x: x.prod((0, 2)), wg.tensor(np.zeros((2, 2, 3))), order=3)


def test_what_is_found_is_a_constant() -> None:
    x = wg.tensor([[3.0, 1.0, 2.0], [1.0, 1.0, 0.0]], requires_grad=True)
    found = [
        wg.argmax(x), wg.argsort(x), x.sort()[1], x.topk(2)[1], x.max(1)[1], x.median(1)[1], x.kthvalue(2)[1],
        wg.cummin(x, 0)[1], wg.searchsorted(wg.tensor([1.0, 2.0]), x), wg.histc(x), wg.unique(x, return_counts=True)[1],
        *wg.unique_consecutive(x, return_inverse=True)[1:],
    ]  # fmt: skip
    for y in found:
        assert not y.requires_grad
        assert y.grad_fn is None


def test_a_difference_of_order_0_is_a_copy() -> None:
    x = wg.tensor([1.0, 2.0])
    wg.diff(x, 0)[0] = 5
    assert x.tolist() == [1.0, 2.0]


ERRORS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "topk_fraction": (lambda: wg.topk(V, 1.0), TypeError, "topk: expected an integer for k, got 1.0"),
    "topk_bool": (lambda: wg.topk(V, True), TypeError, "topk: expected an integer for k, got True"),
    "kthvalue_fraction": (lambda: wg.kthvalue(V, 1.5), TypeError, "kthvalue: expected an integer for k, got 1.5"),
    "diff_fraction": (lambda: wg.diff(V, 1.5), TypeError, "diff: expected an integer for n, got 1.5"),
    "bincount_fraction": (lambda: wg.bincount(N[0], minlength=2.5), TypeError, "bincount: expected an integer for"),
    "histc_fraction": (lambda: wg.histc(V, 2.5), TypeError, "histc: expected an integer for bins, got 2.5"),
    "sort_fraction": (lambda: wg.sort(V, 0.0), TypeError, "sort: expected an integer dimension, got 0.0"),
    "softmax_integers": (lambda: wg.softmax(V, 0, dtype=wg.int64), TypeError, "softmax: expected a floating dtype"),
    "softmax_twice": (lambda: wg.softmax(V, 0, axis=0), TypeError, "softmax: dim and axis are one thing"),
    "var_twice": (lambda: wg.var(V, 0, True, correction=1), TypeError, "var: unbiased and correction are one thing"),
    "norm_of_nothing": (lambda: wg.norm(wg.zeros(2, 0), -1, 1), ValueError, "norm: there is nothing to take a norm"),
    "vector_norm_nuc": (lambda: linalg.vector_norm(M, "nuc"), ValueError, "vector_norm: expected a number for ord"),
    "norm_nuc_of_a_vector": (lambda: wg.norm(V, "nuc"), ValueError, "matrix_norm: expected two dimensions"),
    "median_of_no_integers": (lambda: wg.median(wg.arange(0)), ValueError, "median: there is nothing to choose from"),
    "quantile_beyond": (lambda: wg.quantile(V, wg.tensor([0.5, 1.5])), ValueError, "quantile: expected one q or"),
    "quantile_nan": (lambda: wg.nanquantile(V, nan), ValueError, "nanquantile: expected one q or a vector"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name: str) -> None:
    call, kind, message = ERRORS[name]
    with pytest.raises(kind, match=f"^{message}".replace("(", r"\(")):
        call()


# ---------------------------------------------------------------- a grid, against PyTorch

ITEMS: dict[str, Any] = {
    "plain": [[1.5, -2.0, 0.25], [3.0, 0.5, -1.0]],
    "ties": [[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]],
    "zeros": [[0.0, -0.0, 0.0], [0.0, 0.0, -0.0]],
    "large": [[1.0, 60.0, 2.0], [-60.0, 60.0, -1.0]],
    "one": [2.5],
    "0-d": 2.5,
    "nothing": [[], []],
}
GRID: dict[str, Callable[[Any, Any], Any]] = {  # of wengert or torch, and x
    **{f"{name}_{d}": lambda lib, x, name=name, d=d: getattr(lib, name)(x, d)
       for name in ("sum", "mean", "prod", "amax", "amin", "nansum", "nanmean", "logsumexp", "std", "var", "cumsum",
                    "cumprod", "logcumsumexp", "softmax", "log_softmax") for d in (0, -1)},
    **{f"{name}_all": lambda lib, x, name=name: getattr(lib, name)(x)
       for name in ("sum", "mean", "prod", "max", "min", "median", "nanmedian", "nansum", "nanmean", "std", "var")},
    **{f"{name}_{c}": lambda lib, x, name=name, c=c: getattr(lib, name)(x, -1, correction=c, keepdim=True)
       for name in ("std", "var") for c in (0, 2, 3, 2.5)},
    **{f"{name}_indices": lambda lib, x, name=name: getattr(lib, name)(x, -1)[0]
       for name in ("max", "min", "median", "nanmedian", "cummax", "cummin")},
    **{f"norm_{p}_{d}": lambda lib, x, p=p, d=d: lib.linalg.vector_norm(x, p, d)
       for p in (0.5, 1, 1.5, 2, 3, inf, -inf, -1) for d in (None, -1)},
    **{f"quantile_{q}_{how}": lambda lib, x, q=q, how=how: lib.quantile(x, q, -1, interpolation=how)
       for q in (0.0, 0.3, 0.5, 1.0) for how in ("linear", "lower", "higher", "midpoint", "nearest")},
    **{f"diff_{n}": lambda lib, x, n=n: lib.diff(x, n, prepend=x) for n in (0, 1, 2)},
}  # fmt: skip


def _gradient(lib: Any, z: Any, x: Any) -> Any:
    """The gradient of a weighed sum of z, whose weights tell its items apart."""
    weights = lib.arange(1.0, math.prod(z.shape) + 1.0).reshape(tuple(z.shape)).to(z.dtype)
    return lib.autograd.grad((z * weights).sum(), x)[0]


@pytest.mark.parametrize("name", GRID)
@pytest.mark.filterwarnings("ignore:.*degrees of freedom is <= 0:UserWarning")
def test_values_and_gradients_are_pytorchs(name: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch, the reference for these results, is not installed")
    for label, items in ITEMS.items():
        theirs = torch.tensor(items, dtype=torch.float64, requires_grad=True)
        ours = wg.tensor(items, dtype=wg.float64, requires_grad=True)
        try:
            z = GRID[name](torch, theirs)
        except (IndexError, RuntimeError):
            with pytest.raises((IndexError, ValueError)):
                GRID[name](wg, ours)
            continue
        expected, actual = z.numpy(force=True), GRID[name](wg, ours)
        tell = f"{name} of {label}"
        np.testing.assert_allclose(actual.detach(), expected, rtol=1e-12, atol=1e-15, err_msg=tell)
        if np.isfinite(expected).all():
            gradient = _gradient(torch, z, theirs).numpy(force=True)
            np.testing.assert_allclose(_gradient(wg, actual, ours), gradient, rtol=1e-12, atol=1e-12, err_msg=tell)


@pytest.mark.parametrize("count", [3, 500])
def test_isin_of_few_items_and_of_many(count: int) -> None:
    rng = np.random.default_rng(0)
    x, items = rng.integers(0, 1000, (20, 30)), rng.integers(0, 1000, count)
    assert wg.isin(x, items).numpy().tolist() == np.isin(x, items).tolist()
    assert wg.isin(wg.tensor(x), wg.tensor(items), invert=True).numpy().tolist() == (~np.isin(x, items)).tolist()


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float64"])
def test_unique_gives_what_is_asked_for(dtype: str) -> None:
    x = np.random.default_rng(0).integers(0, 9, (20, 3)).astype(dtype)
    items, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    for asked in ((False, False), (True, False), (False, True), (True, True)):
        found = wg.unique(wg.tensor(x), return_inverse=asked[0], return_counts=asked[1])
        parts = found if any(asked) else (found,)
        expected = [items, *([inverse.reshape(x.shape)] if asked[0] else []), *([counts] if asked[1] else [])]
        for part, array in zip(parts, expected, strict=True):
            np.testing.assert_array_equal(part.numpy(), array)
            assert part.numpy().dtype == array.dtype


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_nansum_and_nanmean_leave_nan_out_also_in_derivatives(dtype: str) -> None:
    x = np.array([[1, nan, 3], [nan, nan, nan], [inf, 2, -inf], [1, 2, 3]], dtype)
    numbers = ~np.isnan(x)
    for function, expected, share in (
        (wg.nansum, [4, 0, nan, 6], np.ones((4, 1))), (wg.nanmean, [2, nan, nan, 2], numbers.sum(1, keepdims=True)),
    ):  # fmt: skip
        given = wg.tensor(x, requires_grad=True)
        z = function(given, 1)
        z.backward(wg.ones_like(z))
        np.testing.assert_array_equal(z.detach().numpy(), np.array(expected, dtype))
        np.testing.assert_allclose(given.grad.numpy(), numbers / np.maximum(share, 1), rtol=1e-3)
