"""Sparse Jacobians and Hessians: no item is missed, what is never there is left out, few walks bring the rest."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from cases import CASES, Case
from wengert import func
from wengert.core.modes import mode
from wengert.core.tape import OPERATIONS
from wengert.func.sparsity import family

scipy_sparse = pytest.importorskip("scipy.sparse")

_TIGHT = """
add sub mul div pow pow_2 pow_3 pow_half pow_base neg abs sign reciprocal square sqrt scale_and_shift add_alpha
sub_alpha lerp lerp_tensor addcmul addcdiv copysign nan_to_num floor ceil trunc round frac floor_divide div_trunc
remainder fmod exp expm1 log log1p sin cos erf tan asin acos atan atan2 sinh cosh asinh acosh atanh exp2 log2 log10
rsqrt hypot logaddexp xlogy logit deg2rad rad2deg tanh sigmoid leaky_relu softplus gelu sum sum_0 sum_keepdim mean
mean_1 max_values min_values var var_population std norm_1 norm_l1 norm_p3 norm_p4 cumsum cumsum_0 nansum var_mean
std_mean cumprod cumprod_0 logcumsumexp diff sort sort_descending topk kthvalue reshape permute
transpose broadcast_to t flip cat stack squeeze flatten expand broadcast_tensors ravel unflatten movedim split chunk
tensor_split unbind narrow select hstack vstack dstack column_stack repeat tile repeat_interleave roll roll_dims
rot90 rot90_back tril triu diagonal diagonal_dims diag_embed index_slice index_int index_rows index_pairs index_mask
index_none index_put take_along_dim index_mixture index_apart index_grid index_put_repeated index_put_add gather
scatter scatter_number scatter_add index_select index_add index_copy index_fill take masked_select matmul
matmul_transposed dot mv bmm outer affine linear vdot inner addmm addmv baddbmm tensordot kron trace cdist_3 inv
solve_vector cross_entropy_weighted gelu_tanh silu batch_norm layer_norm mse_loss view_changed cast alias clone
"""
# Their patterns are the nonzero items, wherever no number is zero by chance.
TIGHT = frozenset(_TIGHT.split())
EACH = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def dense(function: Callable[..., Any], xs: list[Any]) -> np.ndarray:
    """The Jacobian by all arguments, as a matrix."""
    places = tuple(range(len(xs)))
    blocks = func.jacobian(function, places)(*xs)
    rows = [int(np.prod(b.shape[: b.ndim - x.ndim])) for b, x in zip(blocks, xs, strict=True)]
    return np.concatenate([b.numpy().reshape(n, x.numel()) for b, n, x in zip(blocks, rows, xs, strict=True)], 1)


def gradient_of(function: Callable[..., Any], xs: list[Any]) -> Callable[..., Any]:
    """The gradients, one after the other, of a weighted sum of what a function gives."""
    shape = function(*xs).shape
    weights = wg.tensor(np.random.default_rng(1).uniform(1, 2, shape))

    def gradient(*xs: Any) -> Any:
        found = func.grad(lambda *xs: (function(*xs) * weights).sum(), tuple(range(len(xs))))(*xs)
        return wg.cat([g.reshape(-1) for g in found])

    return gradient


def banded(n: int, below: int, above: int) -> np.ndarray:
    return np.tril(np.triu(np.ones((n, n)), -below), above)


def bratu(u: Any) -> Any:
    """u'' + exp(u) on a grid, u = 0 at both ends."""
    h = 1 / (u.shape[0] + 1)
    edge = wg.zeros(1, dtype=u.dtype)
    e = wg.cat([edge, u, edge])
    return e[2:] - 2.0 * e[1:-1] + e[:-2] + h * h * wg.exp(u)


def rosenbrock(x: Any) -> Any:
    return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()


# ---------------------------------------------------------------- every operation


@EACH
def test_no_item_is_missed(case: Case) -> None:
    for k, shapes in enumerate(case.shapes):
        for seed in range(2 if k == 0 else 1):
            xs = [wg.tensor(x) for x in case.draw(shapes, seed)]
            for function in (case.function, gradient_of(case.function, xs)):
                full = dense(function, xs)
                prepared = func.sparse_jacobian(function, argnums=tuple(range(len(xs)))).prepare(*xs)
                assert not (full[~prepared.sparsity.toarray()] != 0).any()
                found = prepared(*xs).toarray()
                np.testing.assert_allclose(found, full, rtol=1e-9, atol=1e-9 * np.abs(full).max(initial=1))


@pytest.mark.parametrize("case", [case for case in CASES if case.name in TIGHT], ids=lambda case: case.name)
def test_items_that_are_never_there_are_left_out(case: Case) -> None:
    for shapes in case.shapes:
        xs = [wg.tensor(x) for x in case.draw(shapes)]
        prepared = func.sparse_jacobian(case.function, argnums=tuple(range(len(xs)))).prepare(*xs)
        np.testing.assert_array_equal(prepared.sparsity.toarray(), dense(case.function, xs) != 0)


def test_the_families_of_operations_are_known() -> None:
    found: dict[str, set[str]] = {}
    for operation in OPERATIONS:
        if operation.arguments:
            found.setdefault(family(operation), set()).add(operation.name)
    assert {"add", "mul", "exp", "where", "lerp", "clamp_max", "cast", "relu_backward", "sign"} <= found["elementwise"]
    assert {"cat", "stack", "slice", "slice_backward", "permute", "view", "broadcast_to", "sum_to", "triangle",
            "roll", "flip", "repeat", "diagonal", "as_strided"} <= found["linear"]  # fmt: skip
    assert {"sum", "mean", "amax", "var", "logsumexp", "softmax", "prod"} <= found["group"]
    assert {"mm", "mv", "vm", "dot"} <= found["product"]


# ---------------------------------------------------------------- patterns


def pattern(function: Callable[..., Any], *xs: Any, **settings: Any) -> np.ndarray:
    return func.sparse_jacobian(function, **settings).prepare(*xs).sparsity.toarray()


def test_items_that_are_zero_by_chance_belong_to_it() -> None:
    x = wg.zeros(30, dtype=wg.float64)
    found = func.sparse_jacobian(lambda x: x[1:] * x[:-1]).prepare(x)
    assert found.sparsity.nnz == 58
    assert found(x).nnz == 58
    assert not found(x).toarray().any()
    np.testing.assert_array_equal(found(wg.ones(30, dtype=wg.float64)).toarray(), banded(30, 0, 1)[:-1])


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: x.cumsum(0), np.tril(np.ones((6, 6)))),
        (lambda x: x.cumprod(0), np.tril(np.ones((6, 6)))),
        (lambda x: x.cummax(0)[0], np.tril(np.ones((6, 6)))),
        (lambda x: wg.roll(x, 1) - x, np.eye(6) + np.roll(np.eye(6), 1, 0)),
        (lambda x: wg.tensor(banded(6, 0, 1)) @ x, banded(6, 0, 1)),
        (lambda x: x @ wg.tensor(banded(6, 0, 1)), banded(6, 0, 1).T),
        (lambda x: (wg.tensor(banded(6, 1, 1)) @ wg.diag(x)).sum(1), banded(6, 1, 1)),
        (lambda x: (x.reshape(3, 2) ** 2).sum(1), np.kron(np.eye(3), np.ones((1, 2)))),
        (lambda x: wg.where(x > 0, x, x[0]), np.maximum(np.eye(6), np.eye(6)[0])),
        (lambda x: wg.maximum(x, x.flip(0)), np.maximum(np.eye(6), np.eye(6)[::-1])),
        (lambda x: x.clip(-1, 1), np.eye(6)),
        (lambda x: wg.softmax(x.reshape(2, 3), 1), np.kron(np.eye(2), np.ones((3, 3)))),
        (lambda x: x[[3, 1, 4]] * x[[5, 1, 2]], np.eye(6)[[3, 1, 4]] + np.eye(6)[[5, 1, 2]]),
        (lambda x: x * x.detach()[0], np.eye(6)),
        (lambda x: x.sum() * wg.ones(2), np.ones((2, 6))),
        (lambda x: wg.zeros(2), np.zeros((2, 6))),
        (lambda x: x[:0], np.zeros((0, 6))),
        (lambda x: x, np.eye(6)),
        (lambda x: wg.linalg.inv(x.reshape(3, 2)[:2] + 3 * wg.eye(2)), np.ones((4, 6)) * (np.arange(6) < 4)),
    ],
)  # fmt: skip
def test_patterns(function: Callable[..., Any], expected: np.ndarray) -> None:
    x = wg.tensor([0.5, -1.0, 2.0, 0.25, -0.75, 1.5], dtype=wg.float64)
    np.testing.assert_array_equal(pattern(function, x), expected != 0)


def test_a_product_with_a_stack_of_constant_matrices() -> None:
    factors = np.stack([banded(4, 0, 1), banded(4, 1, 0)])
    found = pattern(lambda x: wg.tensor(factors) @ x, wg.ones(4, 2, dtype=wg.float64))
    np.testing.assert_array_equal(found, np.concatenate([np.kron(f, np.eye(2)) for f in factors]) != 0)
    found = pattern(lambda x: x @ wg.tensor(factors), wg.ones(2, 3, 4, dtype=wg.float64))
    blocks = np.zeros((2, 12, 2, 12))
    for k, f in enumerate(factors):
        blocks[k, :, k] = np.kron(np.eye(3), f.T)
    np.testing.assert_array_equal(found, blocks.reshape(24, 24) != 0)


def test_changes_in_place_are_followed() -> None:
    def function(x: Any) -> Any:
        y = x.clone()
        y[1:3] = x[0] * x[4:]
        y.mul_(2)
        view = y.reshape(2, 3)
        view[1].add_(x[:3])
        z = wg.zeros(2, dtype=x.dtype)
        z[0] = x[5]
        return wg.cat([y, z])

    x = wg.tensor([0.5, -1.0, 2.0, 0.25, -0.75, 1.5], dtype=wg.float64)
    np.testing.assert_array_equal(pattern(function, x), func.jacobian(function)(x).numpy() != 0)


def test_what_another_thread_computes_counts_as_dense() -> None:
    def function(x: Any) -> Any:
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.append(x * x))
        thread.start()
        thread.join()
        return wg.cat([found[0], x])

    x = wg.tensor([0.5, -1.0, 2.0], dtype=wg.float64)
    found = func.sparse_jacobian(function).prepare(x)
    assert found.sparsity.nnz == 18
    np.testing.assert_array_equal(found(x).toarray(), func.jacobian(function)(x).numpy())


def test_operations_of_users() -> None:
    x = wg.tensor([0.5, -1.0, 2.0, 0.25], dtype=wg.float64)
    reverse = wg.define.linear("test_reverse", lambda x: x[::-1], lambda g: reverse(g))
    doubled = wg.define.linear("test_doubled", lambda x: 2 * x, lambda g: doubled(g))
    pairs = wg.define.linear("test_pairs", lambda x: x[::2] + x[1::2], lambda g: wg.repeat_interleave(g, 2))
    slopes = wg.define.linear("test_slopes", np.diff, lambda g: wg.cat([-g[:1], -wg.diff(g), g[-1:]]))
    cube = wg.define.elementwise("test_cube", lambda x: x**3, lambda x: 3 * x * x)
    shift = wg.define.elementwise("index", lambda x: x + 1, lambda x: wg.ones_like(x))
    total = wg.define.linear("cumsum", lambda x: x.sum(keepdims=True), lambda g: g.expand(4))
    mixed = wg.define.primitive("sum", lambda x: x[::-1] * x.sum(), (None,), (lambda t, x: t.flip(0) * x.sum(),))
    for function, expected in (
        (reverse, np.eye(4)[::-1]), (doubled, np.eye(4)), (pairs, np.kron(np.eye(2), np.ones((1, 2)))),
        (slopes, banded(4, 0, 1)[:-1]), (cube, np.eye(4)), (shift, np.eye(4)),
        (total, np.ones((1, 4))), (mixed, np.ones((4, 4))),
    ):  # fmt: skip
        np.testing.assert_array_equal(pattern(function, x), expected != 0)


def test_functions_and_checkpoints_count_as_dense() -> None:
    class Cube(wg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return 3 * x * x * g

    x = wg.tensor([0.5, -1.0, 2.0], dtype=wg.float64)
    found = func.sparse_jacobian(lambda x: Cube.apply(x)[:2]).prepare(x)
    assert (found.mode, found.walks) == ("reverse", 2)  # it has no forward rule
    np.testing.assert_allclose(found(x).toarray(), np.diag([0.75, 3.0, 12.0])[:2])
    found = func.sparse_jacobian(lambda x: wg.autograd.checkpoint(lambda x: x * x, x)).prepare(x)
    np.testing.assert_allclose(found(2 * x).toarray(), np.diag([2.0, -4.0, 8.0]))
    assert found.sparsity.nnz == 9
    found = func.sparse_hessian(lambda x: wg.autograd.checkpoint(lambda x: (x**3).sum(), x)).prepare(x)
    np.testing.assert_allclose(found(x).toarray(), np.diag([3.0, -6.0, 12.0]))


# ---------------------------------------------------------------- walks


def test_a_band_takes_as_many_walks_as_it_is_wide() -> None:
    for n in (5, 50, 500):
        x = wg.tensor(np.random.default_rng(n).normal(size=n))
        jacobian, hessian = func.sparse_jacobian(bratu).prepare(x), func.sparse_hessian(rosenbrock).prepare(x)
        assert (jacobian.walks, hessian.walks) == (3, 3)
        np.testing.assert_array_equal(jacobian.sparsity.toarray(), banded(n, 1, 1) != 0)
        np.testing.assert_array_equal(hessian.sparsity.toarray(), banded(n, 1, 1) != 0)
        np.testing.assert_array_equal(jacobian(x).toarray(), func.jacobian(bratu)(x).numpy())
        np.testing.assert_allclose(hessian(x).toarray(), func.hessian(rosenbrock)(x).numpy(), rtol=1e-12)


@pytest.mark.parametrize("mode", ["forward", "reverse", "auto"])
def test_columns_or_rows_of_one_colour_share_no_item(mode: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        m, n = rng.integers(1, 12, size=2)
        matrix = rng.normal(size=(m, n)) * (rng.random((m, n)) < 0.25)
        x, factor = wg.tensor(rng.normal(size=n)), wg.tensor(matrix)
        found = func.sparse_jacobian(lambda x, factor=factor: factor @ x, mode=mode).prepare(x)
        assert mode in ("auto", found.mode)
        side = found.sparsity.toarray() if found.mode == "forward" else found.sparsity.toarray().T
        assert len(found.colours) == side.shape[1]
        for colour in range(found.walks):
            assert side[:, found.colours == colour].sum(1).max() <= 1
        np.testing.assert_allclose(found(x).toarray(), matrix)


def test_auto_takes_the_fewer_walks() -> None:
    x = wg.ones(40)
    assert func.sparse_jacobian(lambda x: x.sum() * wg.ones(3)).prepare(x).mode == "reverse"
    assert func.sparse_jacobian(lambda x: x[0] * wg.ones(30)).prepare(x).mode == "forward"
    assert func.sparse_jacobian(lambda x: x[0] * wg.ones(30)).prepare(x).walks == 1
    blocks = func.sparse_jacobian(lambda x: (x.reshape(4, 10) ** 2).sum(1)).prepare(x)
    assert (blocks.mode, blocks.walks) == ("reverse", 1)
    assert func.sparse_jacobian(lambda x: wg.zeros(3)).prepare(x).walks == 0


def test_many_directions_walk_at_once_or_one_by_one_where_a_rule_cannot() -> None:
    class Cube(wg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return wg.tensor(3 * x.detach().numpy() ** 2 * g.detach().numpy())

    x = wg.tensor(np.linspace(1, 2, 50))
    for function in (lambda x: x.cumsum(0).sin(), lambda x: Cube.apply(x)[:20], lambda x: bratu(x).cumsum(0)[:7]):
        for way in ("forward", "reverse") if function(x).shape[0] != 20 else ("reverse",):
            found = func.sparse_jacobian(function, mode=way, check=way == "forward").prepare(x)
            assert found.walks >= 7
            expected = func.jacobian(function, mode="reverse", chunk_size=1)(x).numpy()
            np.testing.assert_allclose(found(x).toarray(), expected, rtol=1e-12)


# ---------------------------------------------------------------- what it takes and gives


def test_it_gives_sparse_rows_of_scipy() -> None:
    found = func.sparse_jacobian(wg.tanh)(wg.zeros(4))
    assert isinstance(found, scipy_sparse.csr_array)
    assert found.dtype == np.float32
    assert found.has_canonical_format
    assert func.sparse_jacobian(wg.tanh)(np.zeros(4)).dtype == np.float64
    assert func.sparse_hessian(rosenbrock)(np.zeros(4, np.float32)).dtype == np.float32
    half = func.sparse_jacobian(lambda x: x[1:] * x[:-1].exp(), check=True)(np.linspace(0, 1, 5).astype(np.float16))
    assert half.dtype == np.float32  # SciPy has no float16
    assert half.toarray()[0, :2].tolist() == [0.25, 1.0]
    mixed = func.sparse_jacobian(lambda x, y: (x * 2.0, y * y), argnums=(0, 1), mode="reverse", check=True)
    assert mixed(wg.ones(2), wg.ones(3, dtype=wg.float64)).dtype == np.float64


def test_items_that_are_not_finite_are_no_error() -> None:
    with np.errstate(all="ignore"):
        found = func.sparse_jacobian(wg.log, check=True)(np.array([np.nan, 0.0, 1.0]))
    np.testing.assert_array_equal(found.toarray(), np.diag([np.nan, np.inf, 1.0]))


def test_arguments_of_any_shape_and_structure() -> None:
    def function(tree: dict[str, Any], scale: Any, *, power: int) -> Any:
        return {"a": tree["x"] * scale, "b": [tree["y"] ** power, scale]}

    x, y = wg.tensor(np.arange(6.0).reshape(2, 3)), wg.tensor(np.array([2.0, 3.0]))
    scale = wg.tensor(4.0, dtype=wg.float64)
    found = func.sparse_jacobian(function, argnums=(0, 1))({"x": x, "y": y}, scale, power=2).toarray()
    expected = np.zeros((9, 9))
    expected[:6, :6] = 4 * np.eye(6)
    expected[:6, 8] = np.arange(6.0)
    expected[6, 6], expected[7, 7], expected[8, 8] = 4.0, 6.0, 1.0
    np.testing.assert_array_equal(found, expected)
    by_scale = func.sparse_jacobian(function, argnums=-1)({"x": x, "y": y}, scale, power=2).toarray()
    np.testing.assert_array_equal(by_scale, expected[:, 8:])
    swapped = func.sparse_jacobian(function, argnums=[1, 0])({"x": x, "y": y}, scale, power=2).toarray()
    np.testing.assert_array_equal(swapped, expected[:, [8, *range(8)]])


def test_numbers_auxiliary_results_and_nothing() -> None:
    matrix, aux = func.sparse_jacobian(lambda x: (x**2, "more"), has_aux=True)(3.0)
    assert (matrix.toarray().tolist(), aux) == ([[6.0]], "more")
    matrix, aux = func.sparse_hessian(lambda x: ((x**3).sum(), x.shape), has_aux=True)(np.ones(2))
    assert (matrix.toarray().tolist(), tuple(aux)) == ([[6.0, 0.0], [0.0, 6.0]], (2,))
    assert func.sparse_jacobian(wg.sin)(np.zeros((0, 3))).shape == (0, 0)
    assert func.sparse_jacobian(lambda x: x.sum())(np.zeros(0)).shape == (1, 0)
    assert func.sparse_jacobian(lambda x: wg.zeros(3))(np.ones(2)).nnz == 0


def test_captured_weights_are_not_differentiated_by() -> None:
    w = wg.nn.Parameter(wg.tensor([1.0, 2.0, 3.0]))
    x = wg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    found = func.sparse_jacobian(lambda x: (w * 2).tanh() * x + w)(x)
    np.testing.assert_allclose(found.toarray(), np.diag(np.tanh([2.0, 4.0, 6.0])), rtol=1e-6)
    assert w.grad is None
    assert x.grad is None


def test_derivatives_nest_inside_and_are_not_lost_outside() -> None:
    x = wg.tensor([1.0, 2.0, 3.0])
    inner = func.sparse_jacobian(lambda x: func.grad(lambda x: (x**3).sum())(x))
    np.testing.assert_array_equal(inner(x).toarray(), np.diag([6.0, 12.0, 18.0]))
    inner = func.sparse_jacobian(lambda x: func.jvp(lambda x: x**3, x, wg.ones_like(x))[1])
    np.testing.assert_array_equal(inner(x).toarray(), np.diag([6.0, 12.0, 18.0]))
    with pytest.raises(RuntimeError, match="the derivative by way of it would be lost"):
        func.grad(lambda x: wg.tensor(func.sparse_jacobian(wg.square)(x).data).sum())(x)


def test_changing_a_matrix_leaves_the_pattern_alone() -> None:
    prepared = func.sparse_jacobian(lambda x: x[1:] * x[:-1]).prepare(np.ones(4))
    first = prepared(np.ones(4))
    first.indices[:] = 0
    first.indptr[:] = 0
    first = prepared(np.zeros(4))
    first.eliminate_zeros()
    assert prepared(np.ones(4)).toarray().tolist() == banded(4, 0, 1)[:-1].tolist()


def test_an_observer_is_not_disturbed() -> None:
    with wg.autograd.detect_anomaly():
        np.testing.assert_array_equal(func.sparse_jacobian(wg.exp)(np.zeros(2)).toarray(), np.eye(2))
    assert mode.observer is None
    with pytest.raises(ZeroDivisionError):
        func.sparse_jacobian(lambda x: x * (1 / 0))(np.zeros(2))
    assert mode.observer is None


def test_errors() -> None:
    with pytest.raises(ValueError, match='sparse_jacobian: expected mode "auto"'):
        func.sparse_jacobian(wg.sin, mode="both")
    with pytest.raises(TypeError, match="sparse_jacobian: the argument has dtype int64"):
        func.sparse_jacobian(wg.sin)(wg.arange(3))
    with pytest.raises(TypeError, match="sparse_jacobian: the function returned dtype bool"):
        func.sparse_jacobian(lambda x: x > 0)(wg.ones(3))
    with pytest.raises(TypeError, match="sparse_jacobian: the function returned str without a tensor in it"):
        func.sparse_jacobian(lambda x: "text")(wg.ones(3))
    with pytest.raises(ValueError, match="sparse_hessian: the function must return one 0-d tensor"):
        func.sparse_hessian(wg.sin)(wg.ones(3))
    with pytest.raises(ValueError, match="sparse_jacobian: argnums 2 do not fit"):
        func.sparse_jacobian(wg.sin, argnums=2)(wg.ones(3))


def test_without_scipy_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)
    with pytest.raises(ImportError, match="sparse_jacobian: sparse matrices need SciPy; pip install scipy"):
        func.sparse_jacobian(wg.sin)
    with pytest.raises(ImportError, match="sparse_hessian"):
        func.sparse_hessian(wg.sum)


# ---------------------------------------------------------------- given patterns


@pytest.mark.parametrize("make", [np.asarray, wg.tensor, scipy_sparse.csr_matrix, scipy_sparse.coo_array])
def test_a_given_sparsity_is_used(make: Callable[..., Any]) -> None:
    given = make(banded(6, 1, 1))
    x = np.linspace(0, 1, 6)
    found = func.sparse_jacobian(bratu, given, check=True)
    np.testing.assert_array_equal(found(x).toarray(), func.jacobian(bratu)(wg.tensor(x)).numpy())
    assert found.prepare(x).walks == 3
    wide = func.sparse_jacobian(bratu, make(np.ones((6, 6))), check=True)
    np.testing.assert_array_equal(wide(x).toarray(), found(x).toarray())


def test_check_finds_what_a_given_sparsity_lacks() -> None:
    given = banded(6, 1, 1)
    given[2, 3] = given[4, 3] = 0
    x = np.linspace(0, 1, 6)
    func.sparse_jacobian(bratu, given)(x)
    with pytest.raises(RuntimeError, match=r"sparse_jacobian: 2 row\(s\) .*: 2, 4; the sparsity lacks items there"):
        func.sparse_jacobian(bratu, given, check=True)(x)
    with pytest.raises(RuntimeError, match=r"2 row\(s\)"):
        func.sparse_jacobian(bratu, given, "reverse", check=True)(x)
    with pytest.raises(RuntimeError, match=r"sparse_hessian: 5 row\(s\)"):
        func.sparse_hessian(rosenbrock, np.eye(6), check=True)(x)
    func.sparse_jacobian(bratu, check=True)(x.astype(np.float32))


def test_a_given_sparsity_has_the_shape_of_the_matrix() -> None:
    with pytest.raises(ValueError, match=r"the given sparsity has shape \(5, 6\), the matrix has \(6, 6\)"):
        func.sparse_jacobian(bratu, np.ones((5, 6)))(np.zeros(6))


# ---------------------------------------------------------------- other paths


def branching(x: Any) -> Any:
    return x * x[0] if x[0] > 0 else x * x[1]


def by_index(x: Any) -> Any:
    return x[wg.argmax(x)] * x


def by_factor(x: Any) -> Any:
    return wg.diag((x > 0).double()) @ x


def by_slice(x: Any) -> Any:
    k = int(x[0] > 0)
    return x[k : k + 2] * 2


def by_operand(x: Any) -> Any:
    y, z = x.sin(), x.flip(0)
    return (y if x[0] > 0 else z) * 1.0


@pytest.mark.parametrize("function", [branching, by_index, by_factor, by_slice, by_operand, lambda x: wg.sort(x)[0]])
def test_another_path_is_noticed(function: Callable[..., Any]) -> None:
    x = wg.tensor([1.0, -2.0, 3.0], dtype=wg.float64)
    derivative = func.sparse_jacobian(function)
    prepared = derivative.prepare(x)
    for y in (2 * x, -x, x):  # each finds its own
        np.testing.assert_array_equal(derivative(y).toarray(), func.jacobian(function)(y).numpy())
    np.testing.assert_array_equal(prepared(2 * x).toarray(), func.jacobian(function)(2 * x).numpy())
    with pytest.raises(RuntimeError, match=r"sparse_jacobian: prepared for another path of the function: .*prepare it"):
        prepared(-x)


def test_other_shapes_are_noticed() -> None:
    derivative = func.sparse_jacobian(bratu)
    prepared = derivative.prepare(np.zeros(5))
    assert derivative(np.zeros(6)).shape == (6, 6)
    assert derivative(np.zeros(5)).shape == (5, 5)
    with pytest.raises(RuntimeError, match=r"the matrix had the shape \(5, 5\), and has \(6, 6\)"):
        prepared(np.zeros(6))


def test_the_same_path_is_not_looked_at_again() -> None:
    derivative = func.sparse_jacobian(bratu)
    derivative(np.zeros(5))
    first = derivative._last
    derivative(np.ones(5))
    assert derivative._last is first
    assert repr(first) == "<sparse_jacobian, 5 x 5, 13 items, by 3 forward walks>"
    assert repr(derivative) == "<sparse_jacobian of bratu>"
    assert repr(func.sparse_hessian(rosenbrock)) == "<sparse_hessian of rosenbrock>"


# ---------------------------------------------------------------- those who take it


def test_scipy_takes_it() -> None:
    optimize, integrate = pytest.importorskip("scipy.optimize"), pytest.importorskip("scipy.integrate")
    linear = pytest.importorskip("scipy.sparse.linalg")
    residual = lambda x: wg.cat([10 * (x[1:] - x[:-1] ** 2), 1 - x])  # noqa: E731
    start = np.zeros(8)
    fit = optimize.least_squares(
        lambda x: residual(wg.tensor(x)).numpy(), start, jac=func.sparse_jacobian(residual), tr_solver="lsmr"
    )
    np.testing.assert_allclose(fit.x, 1, rtol=1e-6)
    for method in ("trust-constr", "Newton-CG"):
        found = optimize.minimize(
            lambda x: rosenbrock(wg.tensor(x)).item(), start, method=method,
            jac=lambda x: func.grad(rosenbrock)(wg.tensor(x)).numpy(), hess=func.sparse_hessian(rosenbrock),
        )  # fmt: skip
        np.testing.assert_allclose(found.x, 1, rtol=1e-2)
    heat = lambda t, u: 81 * (bratu(u) - u.exp() / 81)  # noqa: E731
    jacobian = func.sparse_jacobian(heat, argnums=1)
    for method in ("BDF", "Radau"):
        flow = integrate.solve_ivp(
            lambda t, u: heat(t, wg.tensor(u)).numpy(), (0, 1), np.ones(8), method=method, jac=jacobian
        )
        assert flow.success
    u = np.zeros(8)
    for _ in range(6):
        u = u - linear.spsolve(func.sparse_jacobian(bratu)(u).tocsc(), bratu(wg.tensor(u)).numpy())
    assert np.abs(bratu(wg.tensor(u)).numpy()).max() < 1e-14
