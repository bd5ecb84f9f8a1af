"""Elementwise functions at their edges: values and derivatives as PyTorch has them, or better where it is inexact."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.nn import functional as F

inf, nan = math.inf, math.nan


def leaf(*items: float, dtype: Any = wg.float64) -> wg.Tensor:
    return wg.tensor(items, dtype=dtype, requires_grad=True)


def gradients(z: wg.Tensor, *xs: wg.Tensor) -> list[list[float]]:
    return [g.tolist() for g in wg.autograd.grad(z.sum(), xs, materialize_grads=True)]


# ---------------------------------------------------------------- limits, ties, NaN


def test_at_a_limit_that_is_a_tensor_all_of_the_gradient_is_the_items() -> None:
    x, low, high = leaf(-1, 0, 0.5, 1, 2), leaf(0, 0, 0, 0, 0), leaf(1, 1, 1, 1, 1)
    assert gradients(wg.clamp(x, low, high), x, low, high) == [[0, 1, 1, 1, 0], [1, 0, 0, 0, 0], [0, 0, 0, 0, 1]]
    assert gradients(wg.clamp(x, min=low), x, low) == [[0, 1, 1, 1, 1], [1, 0, 0, 0, 0]]
    assert gradients(wg.clamp_min(x, low), x, low) == [[0, 1, 1, 1, 1], [1, 0, 0, 0, 0]]
    assert gradients(wg.clamp(x, max=high), x, high) == [[1, 1, 1, 1, 0], [0, 0, 0, 0, 1]]
    assert gradients(wg.clamp(x, low, 1), x, low) == [[0, 1, 1, 1, 0], [1, 0, 0, 0, 0]]


def test_limits_that_cross_give_the_upper_one_and_all_of_the_gradient_to_it() -> None:
    x, low, high = leaf(-1, 1, 3), leaf(2, 2, 2), leaf(0, 0, 0)
    z = wg.clamp(x, low, high)
    assert z.tolist() == [0, 0, 0]
    assert gradients(z, x, low, high) == [[0, 0, 0], [0, 0, 0], [1, 1, 1]]


def test_limits_may_be_of_another_shape_and_dtype() -> None:
    x, low = wg.tensor([[1, 5], [2, 7]]), leaf(1.5, 6)
    z = wg.clamp(x, low, 8)
    assert z.dtype == wg.float64
    assert z.tolist() == [[1.5, 6], [2, 7]]
    assert gradients(z, low) == [[1, 1]]


@pytest.mark.parametrize("extreme", [wg.maximum, wg.minimum])
def test_nan_is_not_hidden_from_the_gradients_of_extremes(extreme: Any) -> None:
    x, y = leaf(nan, 1, 2), leaf(0, nan, 2)
    assert gradients(extreme(x, y), x, y) == [[1, 1, 0.5], [1, 1, 0.5]]


def test_an_infinite_input_does_not_poison_the_slope_of_prelu() -> None:
    x, slope = leaf(inf, -2.0), leaf(0.0)
    assert gradients(F.prelu(x, slope), x, slope) == [[1, 0], [-2]]


def test_a_logit_without_a_value_has_no_derivative() -> None:
    x = leaf(-0.5, 0.25, 1.5)
    (slopes,) = gradients(wg.logit(x), x)
    np.testing.assert_allclose(slopes, [nan, 1 / (0.25 * 0.75), nan])
    assert gradients(wg.logit(x, 0.3), x) == [[0, 0, 0]]


# ---------------------------------------------------------------- blends


@pytest.mark.parametrize("dtype", [wg.float32, wg.float64])
@pytest.mark.parametrize("kind", ["number", "tensor"])
def test_lerp_reaches_both_ends_to_the_bit(dtype: Any, kind: str) -> None:
    def weight(w: float) -> Any:
        return w if kind == "number" else wg.tensor([w], dtype=dtype)

    start, end = wg.tensor([1e8], dtype=dtype), wg.tensor([0.1], dtype=dtype)
    assert wg.equal(wg.lerp(start, end, weight(1.0)), end)
    assert wg.equal(wg.lerp(start, end, weight(0.0)), start)
    assert wg.lerp(wg.tensor([inf], dtype=dtype), wg.tensor([0.0], dtype=dtype), weight(0.5)).item() == inf


def test_lerp_has_three_derivatives() -> None:
    start, end, weight = leaf(1, 2), leaf(5, 8), leaf(0.25, 0.75)
    found = gradients(wg.lerp(start, end, weight), start, end, weight)
    assert found == [[0.75, 0.25], [0.25, 0.75], [4, 6]]
    wg.func.check_gradients(wg.lerp, start.detach(), end.detach(), weight.detach(), order=3)


def test_a_factor_that_is_a_tensor_has_a_derivative() -> None:
    x, y, factor = leaf(1, 2), leaf(3, 4), leaf(0.5, 2)
    assert gradients(wg.addcmul(x, y, y, value=factor), factor) == [[9, 16]]


# ---------------------------------------------------------------- float16


HALVES: dict[str, Callable[..., Any]] = {
    "lerp": lambda x: wg.lerp(x, x * 3 - 1, 0.7),
    "lerp_tensor": lambda x: wg.lerp(x, x + 1, x * 0.5),
    "addcmul": lambda x: wg.addcmul(x, x, x, value=0.3),
    "addcdiv": lambda x: wg.addcdiv(x, x, x + 1, value=0.3),
    "silu": F.silu,
    "elu": lambda x: F.elu(x - 1, 0.7),
    "elu_large": lambda x: F.elu(x - 1, 1e5),
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(-x, approximate="tanh"),
    "softplus": lambda x: F.softplus(x, 3.0),
    "logit": lambda x: wg.logit(x * 0.25 + 0.125),
    "rsqrt": wg.rsqrt,
    "xlogy": lambda x: wg.xlogy(x, x),
    "round": lambda x: wg.round(x * 1000, decimals=2),
    "prelu": lambda x: F.prelu(x - 1, wg.tensor([0.3125], dtype=x.dtype)),
    "div_trunc": lambda x: wg.div(x * 1000, x, rounding_mode="trunc"),
}


@pytest.mark.parametrize("name", HALVES)
def test_what_is_made_of_several_steps_is_rounded_to_float16_once(name: str) -> None:
    items = np.array([0.25, 0.5, 1.0, 1.5, 2.0])  # what is done to them before is exact in float16
    found = HALVES[name](wg.tensor(items, dtype=wg.float16))
    assert found.dtype == wg.float16
    assert wg.equal(found, HALVES[name](wg.tensor(items, dtype=wg.float32)).half())


def test_derivatives_of_float16_do_not_overflow_between_steps() -> None:
    x = leaf(-1e4, -5, 0, 5, 1e4, dtype=wg.float16)
    (slopes,) = gradients(F.gelu(x, approximate="tanh"), x)
    np.testing.assert_allclose(slopes, [0, -1.55e-6, 0.5, 1, 1], atol=1e-7)
    assert gradients(F.elu(x, 1e5), x)[0][2:] == [inf, 1, 1]


def test_a_number_beside_float16_equals_the_item_made_of_it() -> None:
    x = wg.tensor([0.1, 0.2], dtype=wg.float16)
    assert (x == 0.1).tolist() == [True, False]
    assert (x < 0.1).tolist() == [False, False]
    assert (x >= 0.1).tolist() == [True, True]
    assert wg.greater_equal(0.1, x).tolist() == [True, False]
    assert (x < 1e6).tolist() == [True, True]  # a number that float16 does not have
    assert (x == nan).tolist() == [False, False]


# ---------------------------------------------------------------- tails

TAIL = (-1.0, -4.7, -5.0, -8.0, -10.0, -20.0, -50.0)


def _normal(x: float) -> float:
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def _tanh_slope(x: float) -> float:
    c = math.sqrt(2 / math.pi)
    s = 1 / (1 + math.exp(-2 * c * (x + 0.044715 * x**3)))
    return s + x * s * (1 - s) * 2 * c * (1 + 3 * 0.044715 * x * x)


SLOPES: dict[str, tuple[Callable[[Any], Any], Callable[[float], float]]] = {
    "expm1": (wg.expm1, math.exp),
    "elu": (lambda x: F.elu(x, 1.5), lambda x: 1.5 * math.exp(x)),
    "gelu": (F.gelu, lambda x: 0.5 * math.erfc(-x / math.sqrt(2)) + x * _normal(x)),
    "gelu_tanh": (lambda x: F.gelu(x, approximate="tanh"), lambda x: _tanh_slope(x) if x > -20 else 0.0),
}


@pytest.mark.parametrize("name", SLOPES)
def test_derivatives_are_right_in_the_tail(name: str, dtype: np.dtype) -> None:
    function, slope = SLOPES[name]
    x = leaf(*TAIL, dtype=dtype)
    (found,) = gradients(function(x), x)
    exact = [slope(item) for item in x.tolist()]
    np.testing.assert_allclose(found, exact, rtol=1e-4 if dtype == np.float32 else 1e-12, atol=1e-37)


@pytest.mark.parametrize("name", ["elu", "expm1"])
def test_second_derivatives_are_right_in_the_tail_and_finite_beyond_it(name: str) -> None:
    function, slope = SLOPES[name]
    slopes = wg.grad(lambda x: function(x).sum())
    second = wg.grad(lambda x: slopes(x).sum())
    np.testing.assert_allclose(second(wg.tensor(TAIL, dtype=wg.float64)), [slope(x) for x in TAIL], rtol=1e-12)
    if name == "elu":
        assert second(wg.tensor([1.0, 800.0, inf])).tolist() == [0, 0, 0]


@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_gelu_has_right_derivatives_at_zero_to_the_fourth(approximate: str) -> None:
    density = 1 / math.sqrt(2 * math.pi)
    cubic = -4 * density if approximate == "none" else None  # x Phi(x) = x / 2 + (x^2 - x^4 / 6 + ...) density
    f: Any = lambda x: F.gelu(x, approximate)  # noqa: E731
    orders = []
    for _ in range(4):
        f = wg.grad(f)
        orders.append(f(wg.tensor(0.0, dtype=wg.float64)).item())
    np.testing.assert_allclose(orders[:3], [0.5, 2 * density, 0], rtol=1e-12, atol=1e-15)
    if cubic is not None:
        assert orders[3] == pytest.approx(cubic, rel=1e-12)


# ---------------------------------------------------------------- powers


def second(f: Callable[..., Any], x: float, y: float, first: int, then: int) -> float:
    """d/d(then) d/d(first) of f, in reverse over reverse."""
    points = [wg.tensor(v, dtype=wg.float64, requires_grad=True) for v in (x, y)]
    (g,) = wg.autograd.grad(f(*points), points[first], create_graph=True)
    (h,) = wg.autograd.grad(g, points[then], materialize_grads=True)
    return h.item()


@pytest.mark.parametrize("x", [0.5, 1.0, 2.0, 3.0])
def test_the_mixed_derivatives_of_a_power_are_one_over_x_where_the_exponent_is_zero(x: float) -> None:
    assert second(wg.pow, x, 0.0, 0, 1) == pytest.approx(1 / x)
    assert second(wg.pow, x, 0.0, 1, 0) == pytest.approx(1 / x)
    assert second(wg.pow, x, 0.0, 0, 0) == 0
    assert second(wg.pow, x, 0.0, 1, 1) == pytest.approx(math.log(x) ** 2)
    points = wg.tensor([x, 0.0], dtype=wg.float64)
    hessian = wg.func.hessian(lambda p: p[0] ** p[1])(points)
    np.testing.assert_allclose(hessian, [[0, 1 / x], [1 / x, math.log(x) ** 2]], atol=1e-15)


@pytest.mark.parametrize("y", [0.0, 1.0, 2.0, 3.0])
def test_a_power_of_zero_has_the_same_mixed_derivatives_both_ways(y: float) -> None:
    assert second(wg.pow, 0.0, y, 0, 1) == second(wg.pow, 0.0, y, 1, 0) == (1.0 if y == 1 else 0.0)
    assert second(wg.pow, 0.0, y, 0, 0) == (2.0 if y == 2 else 0.0)
    assert second(wg.pow, 0.0, y, 1, 1) == 0


def test_first_derivatives_of_powers_at_the_edges() -> None:
    x, y = leaf(0, 0, 0, 2, nan, inf), leaf(0, 1, 2, 0, 0, 0)
    assert gradients(x**y, x) == [[0, 1, 0, 0, 0, 0]]
    np.testing.assert_allclose(gradients(x**y, y)[0], [0, 0, 0, math.log(2), nan, inf])
    z = leaf(-1, 0, 2)
    assert gradients(0.0**z, z) == [[-inf, 0, 0]]
    np.testing.assert_allclose(gradients((-2.0) ** z, z), [[nan, nan, nan]])


def test_powers_have_right_derivatives_to_the_third() -> None:
    x, y = wg.tensor([0.5, 1.5, 2.5], dtype=wg.float64), wg.tensor([0.0, 1.0, 2.0], dtype=wg.float64)
    wg.func.check_gradients(wg.pow, x, y, order=3)


# ---------------------------------------------------------------- what is saved


@pytest.mark.parametrize(
    ("function", "free"),
    [(wg.divide, "result"), (wg.addcdiv, "result"), (wg.rsqrt, "argument"), (wg.lerp, "result"), (wg.logit, "result")],
    ids=lambda f: getattr(f, "__name__", f),
)
def test_what_pytorch_does_not_save_may_be_changed(function: Any, free: str) -> None:
    count = {"divide": 2, "addcdiv": 3, "lerp": 3}.get(function.__name__, 1)
    leaves = [leaf(0.25, 0.5) for _ in range(count)]
    expected = gradients(function(*leaves), *leaves)
    arguments = [x * 1 for x in leaves]
    z = function(*arguments)
    (z if free == "result" else arguments[-1]).add_(1)
    assert gradients(z, *leaves) == expected
    arguments = [x * 1 for x in leaves]
    z = function(*arguments)
    (arguments[-1] if free == "result" else z).add_(1)
    with pytest.raises(RuntimeError, match="changed in place"):
        gradients(z, *leaves)


# ---------------------------------------------------------------- numbers


def test_numbers_do_not_pass_through_float32() -> None:
    x = leaf(2.0)
    assert gradients(wg.xlogy(x, 0.1), x) == [[math.log(0.1)]]
    assert gradients(0.1**x, x) == [[pytest.approx(0.01 * math.log(0.1), rel=1e-15)]]
    assert gradients(wg.atan2(x, 0.1), x) == [[pytest.approx(0.1 / 4.01, rel=1e-15)]]
    assert gradients(wg.lerp(x, x * 0, 0.1), x) == [[0.9]]
    assert wg.lerp(x * 0, 0.1, 1.0).tolist() == wg.lerp(0.1, x, 0.0).tolist() == [0.1]
    assert wg.addcmul(x * 0, 0.1, 1.0).tolist() == wg.addcdiv(x * 0, 0.1, 1).tolist() == [0.1]
    assert wg.clip(0.1, x * 0, x).tolist() == wg.clip(0.1, x * 0).tolist() == wg.clip(x, max=x * 0 + 0.1).tolist()


def test_gradients_have_the_dtype_of_what_they_belong_to() -> None:
    for dtype in (wg.float16, wg.float32, wg.float64):
        x = leaf(2.0, dtype=dtype)
        for z in (wg.xlogy(x, 2.0), 0.0**x, 2.0**x, x**2.5, wg.lerp(x, 1.0, 0.5), wg.clamp(x, 0.5, 1), wg.logit(x)):
            (g,) = wg.autograd.grad(z.sum(), x)
            assert g.dtype == dtype


def test_numpys_float64_alone_stays_float64_and_beside_a_tensor_is_a_number() -> None:
    tenth = np.float64(0.1)
    for function in (wg.add, wg.mul, wg.div, wg.pow, wg.maximum, wg.atan2):
        assert function(tenth, tenth).dtype == wg.float64
    assert wg.add(tenth, 0.2).item() == 0.1 + 0.2
    assert wg.exp(tenth).item() == math.exp(0.1)
    assert (wg.tensor([1.0]) * tenth).dtype == wg.float32
    assert (wg.tensor([1]) * tenth).dtype == wg.float32
    assert (wg.tensor([1.0], dtype=wg.float64) * tenth).tolist() == [0.1]


def test_decimals_are_whole_and_do_not_overflow() -> None:
    with pytest.raises(TypeError, match="whole number of decimals"):
        wg.round(wg.tensor([1.25]), decimals=1.5)  # type: ignore[arg-type]
    assert wg.round(wg.tensor([1e4, 88.125], dtype=wg.float16), decimals=3).tolist() == [1e4, 88.125]
    assert wg.round(wg.tensor([1.25]), decimals=np.int64(1)).tolist() == [pytest.approx(1.2)]
    assert math.isinf(wg.round(wg.tensor([3e38]), decimals=1).item())  # and no warning


def test_a_tolerance_that_is_nan_is_refused() -> None:
    for name in ("rtol", "atol"):
        with pytest.raises(ValueError, match="tolerances"):
            wg.isclose(wg.ones(1), wg.ones(1), **{name: nan})


# ---------------------------------------------------------------- questions are no places where gradients flow


@pytest.mark.parametrize(
    "ask",
    [
        lambda x: x == x, lambda x: x < 1, lambda x: wg.isclose(x, x), lambda x: wg.isin(x, x), wg.isnan,
        wg.logical_not, wg.all, wg.any, wg.count_nonzero, lambda x: wg.where(x)[0], lambda x: wg.eq(x[:1], x),
    ],
)  # fmt: skip
def test_a_question_is_not_recorded(ask: Callable[[Any], Any]) -> None:
    answer = ask(leaf(1, 0, nan))
    assert not answer.requires_grad
    assert answer.grad_fn is None


@pytest.mark.parametrize("name", ["all", "any", "count_nonzero"])
def test_dimensions_have_both_spellings(name: str) -> None:
    x = wg.tensor([[1.0, 0.0, 2.0], [0.0, 0.0, 3.0]])
    for function in (getattr(wg, name), lambda x, *a, name=name, **k: getattr(x, name)(*a, **k)):
        assert wg.equal(function(x, dim=0, keepdim=True), function(x, axis=0, keepdims=True))
        assert function(x, axis=(0, 1), keepdims=True).shape == (1, 1)
        with pytest.raises(TypeError, match="one thing"):
            function(x, dim=0, axis=0)


# ---------------------------------------------------------------- PyTorch on a grid of edges

GRID = (
    0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -3.0, 2.5, 1e-8, -1e-8, 5.0, -5.0, 20.0, -20.0, 100.0, -100.0, 1e8, -1e8,
    1e30, -1e30, 1e-40, -1e-40, inf, -inf, nan,
)  # fmt: skip
EDGES = (
    "T.ceil(x)", "T.floor(x)", "T.frac(x)", "T.reciprocal(x)", "T.round(x)", "T.sqrt(x)", "T.square(x)", "T.trunc(x)",
    "T.nan_to_num(x)", "T.nan_to_num(x, 3.0, 4.0, -5.0)", "T.acos(x)", "T.asin(x)", "T.asinh(x)", "T.acosh(x)",
    "T.atan(x)", "T.atanh(x)", "T.cosh(x)", "T.sinh(x)", "T.deg2rad(x)", "T.erf(x)", "T.exp(x)", "T.exp2(x)",
    "T.expm1(x)", "T.log(x)", "T.log1p(x)", "T.log2(x)", "T.log10(x)", "T.logit(x)", "T.logit(x, 0.25)", "T.rsqrt(x)",
    "T.sigmoid(x)", "T.tanh(x)", "T.clamp(x, -1, 2)", "T.clamp(x, 2, -1)", "T.clamp(x, y, y + 1)", "T.clamp(x, y, y)",
    "T.clamp(x, max=y)", "T.maximum(x, y)", "T.minimum(x, y)", "x / y", "x**2", "x**0", "x**-1", "x**2.5", "x**y",
    "2**x", "T.lerp(x, y, 0.25)", "T.lerp(x, y, 0.75)", "T.lerp(x, y, y)", "T.addcmul(x, y, y, value=0.5)",
    "T.fmod(x, 3)", "x % -3", "T.atan2(x, y)", "T.xlogy(x, 2.0)", "T.where(x > y, x, y)",
    "T.erfc(x)", "T.erfinv(x)", "T.lgamma(x)", "T.sinc(x)", "T.special.ndtr(x)", "T.special.ndtri(x)",
    "T.special.entr(x)", "T.special.i0e(x)",
    "T.nn.functional.leaky_relu(x)", "T.nn.functional.silu(x)", "T.nn.functional.softplus(x, 2.0)",
)  # fmt: skip


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch, the reference here, is not installed")
@pytest.mark.parametrize("expression", EDGES)
def test_values_and_derivatives_at_edges_are_pytorchs(expression: str) -> None:
    torch = importlib.import_module("torch")
    x, y = (grid.ravel() for grid in np.meshgrid(GRID, GRID[:12])) if "y" in expression else (np.array(GRID), None)
    found = []
    for library in (torch, wg):
        leaves = [library.from_numpy(v.copy()).requires_grad_() for v in (x, y) if v is not None]
        z = eval(expression, {"T": library, **dict(zip("xy", leaves, strict=False))})
        gs = library.autograd.grad(z.sum(), leaves, allow_unused=True) if z.requires_grad else [None] * len(leaves)
        found.append([z.detach().numpy(), *(np.zeros(x.shape) if g is None else g.numpy() for g in gs)])
    for theirs, ours in zip(*found, strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-7)
