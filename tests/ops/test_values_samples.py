"""Covariances, integrals, reductions by index and windows at the edges: weights, ties, zeros, overlaps, errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg

X = wg.tensor([[1.0, 2.0, 4.0], [3.0, 1.0, 0.5]])


# ---------------------------------------------------------------- covariance


def test_a_vector_is_one_variable_and_nothing_left_to_divide_by_is_infinite() -> None:
    assert wg.cov(wg.tensor([1.0, 2.0, 3.0])).item() == 1
    assert wg.cov(wg.tensor([[1, 2, 3]])).shape == ()
    assert wg.cov(wg.tensor([1.0, 2.0]), correction=5).item() == math.inf
    assert math.isnan(wg.cov(wg.tensor(3.0)).item())
    assert wg.cov(wg.zeros(0, 3)).shape == wg.corrcoef(wg.zeros(0, 3)).shape == (0, 0)
    assert wg.isnan(wg.cov(wg.zeros(2, 0))).all()
    assert wg.corrcoef(wg.tensor([1.0, 2.0])).item() == 1
    assert wg.isnan(wg.corrcoef(wg.tensor([[1.0, 2.0], [1.0, 1.0]]))[1]).all()


def test_counting_an_observation_is_repeating_it() -> None:
    counts = [2, 0, 3]
    repeated = wg.repeat_interleave(X, wg.tensor(counts), 1)
    np.testing.assert_allclose(wg.cov(X, fweights=wg.tensor(counts)), wg.cov(repeated), rtol=1e-6)
    np.testing.assert_allclose(wg.cov(X, aweights=wg.tensor([2.0, 2.0, 2.0])), wg.cov(X), rtol=1e-6)


def test_integers_and_halves_are_computed_as_floats() -> None:
    assert wg.cov(wg.tensor([[1, 2, 4], [3, 1, 0]])).dtype == wg.float32
    large = wg.tensor([[300.0, -300.0, 250.0], [1.0, 2.0, 3.0]], dtype=wg.float16)
    assert wg.corrcoef(large).dtype == wg.float16
    np.testing.assert_allclose(wg.corrcoef(large), np.corrcoef(large.double().numpy()), atol=2e-3)


# ---------------------------------------------------------------- integrals


def test_integrals_of_few_samples_and_of_places_that_broadcast() -> None:
    assert wg.trapezoid(wg.zeros(3, 0)).tolist() == wg.trapezoid(wg.ones(3, 1)).tolist() == [0, 0, 0]
    assert wg.cumulative_trapezoid(wg.zeros(3, 0)).shape == wg.cumulative_trapezoid(wg.ones(3, 1)).shape == (3, 0)
    y = wg.arange(12.0).reshape(3, 4)
    assert wg.trapezoid(y, wg.tensor([1.0, 2.0, 4.0]), axis=0).tolist() == [14, 17, 20, 23]
    assert wg.trapezoid(y, wg.arange(4.0)[None]).tolist() == [4.5, 16.5, 28.5]
    assert wg.trapezoid(wg.arange(4), dx=2).item() == 9
    assert wg.trapz(y, dx=0.5, dim=0).tolist() == [4, 5, 6, 7]
    down = wg.trapezoid(wg.tensor([1, 2], dtype=wg.uint8), wg.tensor([200, 100], dtype=wg.uint8))
    assert down.item() == -150  # distances of unsigned places do not wrap around


# ---------------------------------------------------------------- by index


def test_equal_extremes_share_the_gradient() -> None:
    x, y = wg.tensor([6.0, 2.0, 3.0], requires_grad=True), wg.tensor([6.0, 6.0, -7.0], requires_grad=True)
    index = wg.tensor([0, 0, 2])
    wg.scatter_reduce(x, 0, index, y, "amax").sum().backward()
    np.testing.assert_allclose(x.grad, [1 / 3, 1, 1], rtol=1e-6)
    np.testing.assert_allclose(y.grad, [1 / 3, 1 / 3, 0], rtol=1e-6)
    x.grad = y.grad = None
    wg.scatter_reduce(x, 0, index, y, "amax", include_self=False).sum().backward()
    assert x.grad.tolist() == [0, 1, 0]
    assert y.grad.tolist() == [0.5, 0.5, 1]


def test_nan_and_infinities_are_extremes() -> None:
    x, index = wg.tensor([1.0, -math.inf]), wg.tensor([0, 1, 0])
    for kind in ("amax", "amin"):
        z = wg.scatter_reduce(x, 0, index, wg.tensor([math.nan, -math.inf, 2.0]), kind)
        assert math.isnan(z[0].item())
        assert z[1].item() == -math.inf
    fives, given = wg.tensor([5, 5], dtype=wg.int8), wg.tensor([-9, -8, -7], dtype=wg.int8)
    small = wg.scatter_reduce(fives, 0, index, given, "amax", include_self=False)
    assert small.tolist() == [-7, -8]


def test_means_of_integers_are_rounded_down_and_booleans_are_or_and_and() -> None:
    index = wg.tensor([0, 0, 1])
    assert wg.scatter_reduce(wg.tensor([0, 0]), 0, index, wg.tensor([-1, -1, 3]), "mean").tolist() == [-1, 1]
    flags = wg.tensor([True, False, False])
    assert wg.scatter_reduce(wg.tensor([False, False]), 0, index, flags, "sum").tolist() == [True, False]
    assert wg.scatter_reduce(wg.tensor([True, True]), 0, index, flags, "prod").tolist() == [False, False]


@pytest.mark.parametrize("zeros", [[], [0], [1], [0, 1]], ids=str)
def test_products_have_their_derivatives_at_zeros(zeros: list[int]) -> None:
    y = np.array([2.0, 3.0, 5.0, 7.0])
    y[zeros] = 0
    index = wg.tensor([0, 0, 0, 1])

    def product(y: wg.Tensor) -> wg.Tensor:
        return wg.scatter_reduce(wg.tensor([1.5, 2.0], dtype=wg.float64), 0, index, y, "prod")[0]

    a, b, c, _ = y
    gradient, hessian = wg.func.grad(product)(wg.tensor(y)), wg.func.hessian(product)(wg.tensor(y))
    np.testing.assert_allclose(gradient, 1.5 * np.array([b * c, a * c, a * b, 0]))
    np.testing.assert_allclose(hessian[:3, :3], 1.5 * np.array([[0, c, b], [c, 0, a], [b, a, 0]]))


# ---------------------------------------------------------------- windows and triangles


def test_windows_are_views_also_where_they_overlap() -> None:
    x = wg.arange(6.0).clone()
    windows = x.unfold(0, 3, 1)
    assert windows.stride() == (1, 1)
    assert windows.data_ptr() == x.data_ptr()
    windows[1] = 9
    assert x.tolist() == [0, 9, 9, 9, 4, 5]
    leaf = wg.ones(5, requires_grad=True)
    y = leaf * 2
    y.unfold(0, 2, 2).mul_(3)
    y.sum().backward()
    assert leaf.grad.tolist() == [6, 6, 6, 6, 2]
    overlapping = wg.ones(4, requires_grad=True)
    overlapping.unfold(0, 2, 1).sum().backward()
    assert overlapping.grad.tolist() == [1, 2, 2, 1]
    assert wg.tensor(5.0).unfold(0, 1, 1).tolist() == [5]
    assert wg.ones(3).unfold(0, 0, 2).shape == (2, 0)


def test_places_of_triangles_pick_them() -> None:
    x = wg.arange(12).reshape(3, 4)
    for offset in (-4, -1, 0, 2, 5):
        for indices, part in ((wg.tril_indices, wg.tril), (wg.triu_indices, wg.triu)):
            row, column = indices(3, 4, offset)
            np.testing.assert_array_equal(x[row, column], x[part(wg.ones(3, 4), offset) > 0])
    assert wg.tril_indices(0, 3).shape == (2, 0)
    assert wg.triu_indices(2, 2, dtype=wg.int32).dtype == wg.int32


REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "cov, 3-d": (lambda: wg.cov(wg.ones(2, 2, 2)), ValueError, "cov: expected variables as rows"),
    "corrcoef, 3-d": (lambda: wg.corrcoef(wg.ones(2, 2, 2)), ValueError, "corrcoef: expected variables as rows"),
    "counts": (lambda: wg.cov(X, fweights=wg.ones(3)), TypeError, "cov: expected fweights of integers, got float32"),
    "weights": (lambda: wg.cov(X, aweights=wg.tensor([1, 2, 3])), TypeError, "cov: expected aweights of floats"),
    "weights, shape": (lambda: wg.cov(X, aweights=wg.ones(2)), ValueError, r"cov: expected aweights of shape \(3,\)"),
    "both": (lambda: wg.trapezoid(X, X, dx=1.0), TypeError, "trapezoid: expected x or dx, got both"),
    "places": (lambda: wg.trapezoid(X, wg.ones(2)), ValueError, "trapezoid: expected a place for each of 3 samples"),
    "no place": (
        lambda: wg.cumulative_trapezoid(X, wg.ones(4, 2, 3)), ValueError, "cumulative_trapezoid: expected a place",
    ),
    "rows": (lambda: wg.trapezoid(wg.ones(1, 3), wg.ones(2, 3)), ValueError, "trapezoid: places of shape"),
    "number": (lambda: wg.trapezoid(wg.tensor(1.0)), IndexError, "trapezoid: expected samples along a dimension"),
    "booleans": (lambda: wg.trapezoid(X > 1), TypeError, "trapezoid: expected numbers, got booleans"),
    "reduce": (lambda: wg.scatter_reduce(X, 0, wg.tensor([[0]]), X, "max"), ValueError, "among 'sum', 'prod'"),
    "dtype": (
        lambda: wg.scatter_reduce(X, 0, wg.tensor([[0]]), X.double(), "sum"), TypeError, "src of dtype float32",
    ),
    "mean": (
        lambda: wg.scatter_reduce(X > 1, 0, wg.tensor([[0]]), X > 1, "mean"), TypeError, "booleans have no mean",
    ),
    **{
        f"index, {kind}": (
            lambda kind=kind: wg.scatter_reduce(X, 0, wg.tensor([[2]]), X, kind), IndexError, "index 2 is out of range",
        )
        for kind in ("sum", "prod", "mean", "amax", "amin")
    },
    "window": (lambda: X.unfold(1, 4, 1), ValueError, "unfold: expected 0 <= size <= 3 and step >= 1, got size=4"),
    "step": (lambda: X.unfold(1, 2, 0), ValueError, "got size=2 and step=0"),
    "dimension": (lambda: X.unfold(2, 1, 1), IndexError, "unfold: dimension 2 is out of range"),
    "length": (lambda: wg.tril_indices(-1, 2), ValueError, "tril_indices"),
    "floats": (lambda: wg.triu_indices(2, 2, dtype=wg.float32), TypeError, "triu_indices: expected an integer dtype"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_meaning_is_refused(name: str) -> None:
    call, kind, message = REFUSED[name]
    with pytest.raises(kind, match=message):
        call()
