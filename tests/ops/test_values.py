"""What functions give that have no line in cases.py, or where they are called otherwise, against NumPy."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert.nn import functional as F
from wengert.ops import distance

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 5))
Y = RNG.integers(0, 4, (3, 5))
GAPS = np.where(X > 1, np.nan, X)
x, y, gaps = wg.from_numpy(X), wg.from_numpy(Y), wg.from_numpy(GAPS)
SORTED = np.sort(X, -1)

# The call, and what it gives; the dtype counts.
VALUES: dict[str, tuple[Callable[[], Any], Any]] = {
    # counts and spreads
    "bincount": (lambda: wg.bincount(y.ravel(), minlength=6), np.bincount(Y.ravel(), minlength=6)),
    "bincount_of_nothing": (lambda: wg.bincount(wg.arange(0)), np.zeros(0, np.int64)),
    "bincount_weighted": (
        lambda: wg.bincount(y[0], wg.arange(5)), np.bincount(Y[0], np.arange(5)),
    ),
    "bincount_weighted_float32": (
        lambda: wg.bincount(y[0], wg.ones(5)), np.bincount(Y[0]).astype(np.float32),
    ),
    "histc": (lambda: wg.histc(x, 7), np.histogram(X, 7)[0].astype(np.float64)),
    "histc_range": (lambda: wg.histc(x, 3, -1, 1), np.histogram(X, 3, (-1, 1))[0].astype(np.float64)),
    "histc_of_equal_items": (lambda: wg.histc(wg.ones(3), 2), np.float32([0, 3])),
    "nanmean_dtype": (lambda: wg.nanmean(gaps, 1, dtype=wg.float32), np.nanmean(GAPS.astype(np.float32), 1)),
    "var_mean_biased": (lambda: wg.var_mean(x, False), (X.var(), X.mean())),
    "std_mean_axis": (
        lambda: wg.std_mean(x, axis=0, keepdims=True),
        (X.std(0, ddof=1, keepdims=True), X.mean(0, keepdims=True)),
    ),
    # reductions
    "sum_of_half": (lambda: wg.sum(x.half(), 0), X.astype(np.float16).astype(np.float32).sum(0).astype(np.float16)),
    "sum_of_integers": (lambda: y.sum(1, keepdim=True), Y.sum(1, keepdims=True)),
    "sum_dtype": (lambda: wg.sum(y, dtype=wg.float64), Y.sum(dtype=np.float64)),
    "mean_dtype": (lambda: wg.mean(y, 0, dtype=wg.float64), Y.mean(0)),
    "amax_of_integers": (lambda: wg.amax(y, 0), Y.max(0)),
    "argmin_of_integers": (lambda: wg.argmin(y, 1), Y.argmin(1)),
    "argmax_of_all_integers": (lambda: wg.argmax(y), np.int64(Y.argmax())),
    "var_biased": (lambda: wg.var(x, False), X.var()),
    "norm_0": (lambda: wg.norm(x, 0, 1), (X != 0).sum(1).astype(np.float64)),
    "norm_of_nothing_but_zeros": (lambda: wg.norm(x * 0, 3), np.float64(0)),
    "cumsum_of_integers": (lambda: wg.cumsum(y, 1), Y.cumsum(1)),
    "cumprod_of_integers": (lambda: wg.cumprod(y, 0), Y.cumprod(0)),
    "cumprod_dtype": (lambda: wg.cumprod(y, 0, dtype=wg.float32), Y.cumprod(0).astype(np.float32)),
    "prod_dtype": (lambda: wg.prod(y, 0, dtype=wg.float32), Y.prod(0).astype(np.float32)),
    "cumsum_dtype": (lambda: wg.cumsum(y, 0, dtype=wg.float32), Y.cumsum(0).astype(np.float32)),
    "cumprod_of_a_number": (lambda: wg.cumprod(wg.tensor(3), 0), np.int64(3)),
    "nll_loss_none": (
        lambda: F.nll_loss(x.reshape(2, 5, 2), y[:2, :2] % 5, reduction="none"),
        -np.take_along_axis(X.reshape(2, 5, 2), Y[:2, None, :2], 1)[:, 0],
    ),
    # order
    "quantile_lower": (lambda: wg.quantile(x, 0.3, 1, interpolation="lower"), np.quantile(X, 0.3, 1, method="lower")),
    "quantile_higher": (
        lambda: wg.quantile(x, 0.3, 1, interpolation="higher"),
        np.quantile(X, 0.3, 1, method="higher"),
    ),
    "quantile_nearest": (
        lambda: wg.quantile(x, 0.4, 1, interpolation="nearest"),
        np.quantile(X, 0.4, 1, method="nearest"),
    ),
    "quantile_midpoint": (
        lambda: wg.quantile(x, 0.3, 1, interpolation="midpoint"),
        np.quantile(X, 0.3, 1, method="midpoint"),
    ),
    "nanquantile": (lambda: wg.nanquantile(gaps, wg.tensor([0.25, 0.75]), 1), np.nanquantile(GAPS, [0.25, 0.75], 1)),
    "median_of_nothing": (lambda: wg.median(wg.ones(0)), np.float32(np.nan)),
    "median_of_a_number": (lambda: tuple(wg.median(wg.tensor(3.0), 0)), (np.float32(3), np.int64(0))),
    "argsort_of_a_number": (lambda: wg.argsort(wg.tensor(3.0)), np.int64(0)),
    "unique": (
        lambda: wg.unique(y, return_inverse=True, return_counts=True),
        tuple(np.unique(Y, return_inverse=True, return_counts=True)),
    ),
    "unique_consecutive": (
        lambda: wg.unique_consecutive(wg.tensor([1, 1, 2, 1]), return_inverse=True, return_counts=True),
        (np.int64([1, 2, 1]), np.int64([0, 0, 1, 2]), np.int64([2, 1, 1])),
    ),
    "searchsorted_rows": (
        lambda: wg.searchsorted(wg.from_numpy(SORTED), x, right=True),
        np.stack([np.searchsorted(row, items, "right") for row, items in zip(SORTED, X, strict=True)]),
    ),
    "searchsorted_int32": (
        lambda: wg.searchsorted(wg.from_numpy(SORTED[0]), x, out_int32=True),
        np.searchsorted(SORTED[0], X).astype(np.int32),
    ),
    # shapes
    "flatten_of_a_number": (lambda: wg.flatten(wg.tensor(3.0)), np.float32([3])),
    "atleast_of_several": (lambda: wg.atleast_2d(wg.tensor(1), y), (np.int64([[1]]), Y)),
    "atleast_of_a_list": (lambda: wg.atleast_1d([wg.tensor(1), y]), (np.int64([1]), Y)),
    "rot90_twice": (lambda: wg.rot90(x, 2), np.rot90(X, 2)),
    "rot90_back": (lambda: wg.rot90(x, -1), np.rot90(X, -1)),
    "diagonal_beyond": (lambda: wg.diagonal(x, 9), np.diagonal(X, 9)),
    "diagonal_below": (lambda: wg.diagonal(x, -9), np.diagonal(X, -9)),
    "broadcast_shapes": (lambda: np.zeros(wg.broadcast_shapes((3, 1), 4)), np.zeros((3, 4))),
    "permute_by_keyword": (lambda: wg.permute(x, dims=(1, 0)), X.T),
    # items
    "index_list": (lambda: x[[0, 2]], X[[0, 2]]),
    "index_list_and_new": (lambda: x[None, [1], ..., np.int64(2)], X[None, [1], ..., 2]),
    "index_mask": (lambda: x[wg.from_numpy(X > 0)], X[X > 0]),
    "index_select_of_a_number": (lambda: wg.index_select(wg.tensor(3.0), 0, wg.tensor([0])), np.float32(3)),
    "take_along_dim_flat": (lambda: wg.take_along_dim(x, wg.tensor([3, 7])), X.ravel()[[3, 7]]),
    "take_along_dim_repeated": (
        lambda: wg.take_along_dim(x, wg.tensor([[1]]), 0),
        np.take_along_axis(X, np.array([[1]]), 0),
    ),
    "masked_fill_whole": (lambda: wg.masked_fill(y, y > 2, 9.0), np.where(Y > 2, 9, Y)),
    "masked_fill_bool": (lambda: wg.masked_fill(y > 2, y == 0, 1), (Y > 2) | (Y == 0)),
    "nonzero_of_a_number": (lambda: wg.nonzero(wg.tensor(3.0)), np.zeros((1, 0), np.int64)),
    "where_alone": (lambda: wg.where(y > 2), np.where(Y > 2)),
    "clip_of_integers": (lambda: wg.clip(y, 1, 2), np.clip(Y, 1, 2)),
    "clip_by_tensors": (lambda: wg.clip(x, x * 0 - 0.5, x * 0 + 0.5), np.clip(X, -0.5, 0.5)),
    "clip_above_alone": (lambda: wg.clip(y, max=wg.tensor(2)), np.minimum(Y, 2)),
    # products
    "einsum_of_a_list": (lambda: wg.einsum("ij,ij->j", [x, x]), (X * X).sum(0)),
    "matmul_of_integers": (lambda: y @ y.T, Y @ Y.T),
    "matmul_of_two_dtypes": (lambda: x.float() @ x.T, X.astype(np.float32).astype(np.float64) @ X.T),
    "linear_of_integers": (lambda: F.linear(y, y, wg.arange(3)), Y @ Y.T + np.arange(3)),
    # layers
    "cross_entropy_of_one": (lambda: F.cross_entropy(x[0], wg.tensor(2)), np.log(np.exp(X[0]).sum()) - X[0, 2]),
    "prelu_of_channels": (
        lambda: F.prelu(x, wg.arange(5).double()), np.where(X > 0, X, X * np.arange(5)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_values_are_numpys(name: str) -> None:
    call, expected = VALUES[name]
    found = call()
    if not isinstance(expected, tuple):
        found, expected = (found,), (expected,)
    assert len(found) == len(expected)
    for z, want in zip(found, expected, strict=True):
        want = np.asarray(want)
        assert np.asarray(z).dtype == want.dtype
        np.testing.assert_allclose(np.asarray(z), want, rtol=1e-5 if want.dtype == np.float32 else 1e-12)


def test_targets_that_have_a_gradient_have_the_one_of_the_formula() -> None:
    """Cross-entropy is then a composition, with smoothing, weights and further dimensions as in the kernel."""
    logits, targets = wg.rand(3, 4, 2).double(), wg.softmax(wg.rand(3, 4, 2).double(), 1)
    weight = wg.tensor([1.0, 2.0, 0.5, 1.5]).double()
    for reduction in ("mean", "sum", "none"):
        loss = lambda p, q, reduction=reduction: F.cross_entropy(  # noqa: E731
            p, q, weight, reduction=reduction, label_smoothing=0.1
        )
        composed = loss(logits, targets.detach().requires_grad_())
        np.testing.assert_allclose(composed.detach().numpy(), loss(logits, targets).numpy(), rtol=1e-12)
        wg.func.check_gradients(loss, logits, targets, order=2)


@pytest.mark.parametrize("shapes", [((5, 3), (4, 3)), ((2, 5, 3), (1, 4, 3))])
def test_distances_of_many_points_are_those_of_few(shapes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many are computed by matrix products; the derivatives too, to the second order."""
    a, b = (wg.from_numpy(RNG.normal(size=shape) + 3) for shape in shapes)
    few = wg.cdist(a, b)
    jacobians = wg.jacobian(wg.cdist, (0, 1))(a, b)
    monkeypatch.setattr(distance, "_ROWS", 0)
    np.testing.assert_allclose(wg.cdist(a, b).numpy(), few.numpy(), rtol=1e-12)
    for many, jacobian in zip(wg.jacobian(wg.cdist, (0, 1))(a, b), jacobians, strict=True):
        np.testing.assert_allclose(many.numpy(), jacobian.numpy(), rtol=1e-9, atol=1e-12)
    wg.func.check_gradients(wg.cdist, a, b, order=2)


def test_distances_of_two_dtypes_and_of_half_precision() -> None:
    a, b = x.float(), x * 2
    assert wg.cdist(a, b).dtype == wg.float64
    half = wg.cdist(x.half(), b.half())
    assert half.dtype == wg.float16
    np.testing.assert_allclose(half.float().numpy(), wg.cdist(x, b).numpy(), rtol=2e-3)


@pytest.mark.parametrize("scale", [0.0, 1e-30, 1.0, 1e30])
def test_angles_and_lengths_have_derivatives_where_squares_leave_the_range(scale: float) -> None:
    a, b = (wg.tensor(n * scale, requires_grad=True) for n in (3.0, -4.0))
    per_scale = 1 / scale if scale else 0.0
    angle = [g.item() for g in wg.autograd.grad(wg.atan2(a, b), (a, b))]
    np.testing.assert_allclose(angle, [-4 / 25 * per_scale, -3 / 25 * per_scale], rtol=1e-6)
    length = [g.item() for g in wg.autograd.grad(wg.hypot(a, b), (a, b))]
    np.testing.assert_allclose(length, np.array([0.6, -0.8]) * (scale != 0), rtol=1e-6)


def test_equal_items_have_a_standard_deviation_with_gradient_zero() -> None:
    a = wg.tensor([[1.0, 2.0], [1.0, 4.0]], requires_grad=True)
    deviation = a.std(0)
    assert deviation.tolist() == [0.0, pytest.approx(2**0.5)]
    deviation.sum().backward()
    np.testing.assert_allclose(a.grad.numpy(), [[0, -(0.5**0.5)], [0, 0.5**0.5]], rtol=1e-6)


def test_what_lies_beside_an_infinity_has_no_part_in_logsumexp() -> None:
    a = wg.tensor([np.inf, 0.0], requires_grad=True)
    a.logsumexp(0).backward()
    assert repr(a.grad) == "tensor([nan, 0.])"
    b = wg.tensor([-np.inf, -np.inf], requires_grad=True)
    b.logsumexp(0).backward()
    assert b.grad.tolist() == [0, 0]


def test_a_point_is_nowhere_from_itself_and_has_no_gradient_there() -> None:
    a = x.clone().requires_grad_()
    wg.cdist(a, a.detach()).diagonal().sum().backward()
    assert a.grad.tolist() == np.zeros_like(X).tolist()


@pytest.mark.parametrize("again", [lambda pair: pickle.loads(pickle.dumps(pair)), copy.copy, copy.deepcopy])
def test_values_with_their_indices_can_be_pickled_and_copied(again: Callable[[Any], Any]) -> None:
    for pair in (x.sort(), x.max(1), x.aminmax()):
        assert repr(again(pair)) == repr(pair)
        assert type(again(pair)) is type(pair)


QUIET: tuple[Callable[[Any], Any], ...] = (
    wg.Tensor.frac, wg.Tensor.det, wg.Tensor.slogdet, wg.Tensor.logdet, wg.Tensor.inverse, wg.Tensor.var,
    wg.Tensor.sort, lambda x: x.cumprod(0), lambda x: wg.cdist(x, x), lambda x: wg.cdist(x, x, p=3),
    lambda x: x.float_power_(x), lambda x: x.copy_(x.double() * 1e300), lambda x: x // x, lambda x: x % x,
    lambda x: x.to(wg.int32),
)  # fmt: skip


@pytest.mark.parametrize("call", QUIET)
@pytest.mark.parametrize("dtype", [wg.float16, wg.float32, wg.float64])
def test_infinities_and_nan_come_without_a_warning(call: Callable[[Any], Any], dtype: Any) -> None:
    """Warnings are errors in these tests."""
    call(wg.tensor([[np.inf, 1.0], [-np.inf, 6e4]], dtype=dtype))
    call(wg.full((2, 2), np.nan, dtype=dtype))


def test_limits_and_numbers_print_as_numpys() -> None:
    assert repr(wg.finfo(wg.float32)) == (
        "finfo(resolution=1e-06, min=-3.40282e+38, max=3.40282e+38, eps=1.19209e-07, smallest_normal=1.17549e-38, "
        "tiny=1.17549e-38, dtype=float32)"
    )
    assert f"{wg.tensor(2.0):.3f} {wg.ones(2)}" == "2.000 tensor([1., 1.])"


ARITHMETIC = ("+", "-", "*", "/", "**", "//", "%", "&", "|", "^", "<<", ">>")
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    **{symbol: eval(f"lambda a, b: a {symbol} b") for symbol in (*ARITHMETIC, "<", "<=", ">", ">=", "==", "!=")},
    "divmod": divmod,
}


@pytest.mark.parametrize("symbol", OPERATORS)
def test_operators_are_numpys_with_tensors_arrays_and_numbers_on_either_side(symbol: str) -> None:
    operator, a, b = OPERATORS[symbol], Y + 1, Y[::-1] + 2
    s, t = wg.from_numpy(a), wg.from_numpy(b)
    pairs = [(operator(s, t), operator(a, b)), (operator(s, 3), operator(a, 3)), (operator(3, s), operator(3, a))]
    for found, want in [*pairs, (operator(a, t), operator(a, b))]:
        for z, w in zip(found, want, strict=True) if symbol == "divmod" else [(found, want)]:
            np.testing.assert_array_equal(np.asarray(z), w.astype(np.float32) if symbol == "/" else w)


@pytest.mark.parametrize("symbol", ARITHMETIC)
def test_operators_in_place_change_the_tensor_itself(symbol: str) -> None:
    integral = symbol != "/"
    a = Y + 1 if integral else (Y + 1.0)
    x = wg.from_numpy(a.copy())
    names: dict[str, Any] = {"x": x, "a": a.copy()}
    exec(f"x {symbol}= 2\na {symbol}= 2", names)
    assert names["x"] is x
    np.testing.assert_array_equal(x.numpy(), names["a"])


def test_a_tensor_is_a_sequence_of_its_rows() -> None:
    assert [row.tolist() for row in y] == Y.tolist()
    np.testing.assert_array_equal(np.asarray(list(reversed(y))), Y[::-1])
    assert (3 in y, 99 in y) == (True, False)
    assert isinstance(y.shape + y.shape, wg.Size)
    assert y.shape + y.shape == (3, 5, 3, 5)
    assert copy.copy(y).tolist() == copy.deepcopy(y).tolist() == Y.tolist()


NODES = {
    "x[0]": "SelectBackward0", "x[1:]": "SliceBackward0", "x[:, None]": "UnsqueezeBackward0",
    "x[...]": "AliasBackward0",
    "x[:]": "SliceBackward0", "x[[0, 1]]": "IndexBackward0", "x.sum()": "SumBackward0", "x.sum(0)": "SumBackward1",
    "x.mean(0, keepdim=True)": "MeanBackward1", "x.max()": "MaxBackward1", "x.max(0).values": "MaxBackward0",
    "x.amax(0)": "AmaxBackward0", "x * 2": "MulBackward0",
}  # fmt: skip


@pytest.mark.parametrize("expression", NODES)
def test_nodes_print_under_pytorchs_names(expression: str) -> None:
    leaf = wg.ones(2, 3, requires_grad=True)
    assert f"<{NODES[expression]}>" in repr(eval(expression, {"x": leaf}))


NUMPY: dict[str, Callable[[Any], Any]] = {
    "norm_1": lambda a: np.linalg.norm(a, 1, axis=0),
    "norm_axis": lambda a: np.linalg.norm(a, axis=1),
    "average": lambda a: np.average(a, 0),
    "average_weighted": lambda a: np.average(a, 0, weights=np.arange(1.0, 5.0)),
    "take": lambda a: np.take(a, [3, 1]),
    "take_axis": lambda a: np.take(a, [3, 1], 1),
    "dot_number": lambda a: np.dot(a, 2.0),
    "dot_stack": lambda a: np.dot(a, np.ones((2, 5, 3))),
    "split": lambda a: np.split(a, 2)[1],
    "expand_dims": lambda a: np.expand_dims(a, (0, -1)),
    "add_dtype": lambda a: np.add(a, 1, dtype=np.float32),
    "cumsum": lambda a: np.cumsum(a),
    "multiply_outer": lambda a: np.multiply.outer(a, np.arange(3.0)),
    "add_accumulate": lambda a: np.add.accumulate(a, 1),
}


@pytest.mark.parametrize("name", NUMPY)
def test_numpys_functions_of_tensors_keep_the_derivative(name: str) -> None:
    function = NUMPY[name]
    z = function(x.clone().requires_grad_())
    assert z.requires_grad
    want = function(X)
    assert z.dtype == want.dtype
    np.testing.assert_allclose(z.detach().numpy(), want, rtol=1e-6 if want.dtype == np.float32 else 1e-12)


def test_numpy_is_refused_where_sections_are_unequal_or_operands_missing() -> None:
    with pytest.raises(ValueError, match=r"numpy\.split: a dimension of length 5 has no 2 equal parts"):
        np.split(x.clone().requires_grad_(), 2, 1)
    with pytest.raises(TypeError, match=r"numpy\.sum: of tensors it takes .* got 1 positional, initial"):
        np.sum(x.clone().requires_grad_(), initial=3.0)


def test_a_ufunc_writes_into_a_tensor_that_is_given() -> None:
    out = wg.zeros(4, 5, dtype=wg.float64)
    assert np.exp(x, out=out) is out
    np.testing.assert_allclose(out.numpy(), np.exp(X), rtol=1e-12)
