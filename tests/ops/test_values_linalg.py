"""Linear algebra at the edges, values and derivatives: singular matrices, one triangle, tolerances, integer powers."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

import wengert as wg
from wengert import linalg


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def definite(n: int, *lead: int) -> np.ndarray:
    x = draw(*lead, n, n)
    return x @ x.swapaxes(-1, -2) + np.eye(n)


# ---------------------------------------------------------------- one triangle


def spoiled(x: np.ndarray, upper: bool) -> np.ndarray:
    """x with NaN in the triangle that is not to be read."""
    other = np.tri(x.shape[-1], k=-1, dtype=bool)
    return np.where(other if upper else other.T, math.nan, x)


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("shape", [(4,), (4, 3), (1,), (0,), (3, 0, 2)])
def test_symmetric_matrices_are_read_from_one_triangle(upper: bool, shape: tuple[int, ...]) -> None:
    x = definite(*shape)
    given = wg.from_numpy(spoiled(x, upper))
    w, v = linalg.eigh(given, "U" if upper else "L")
    np.testing.assert_allclose(w.numpy(), np.linalg.eigvalsh(x), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose((v * w.unsqueeze(-2) @ v.mT).numpy(), x, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(linalg.eigvalsh(given, UPLO="U" if upper else "l").numpy(), w.numpy(), rtol=1e-12)
    z = linalg.cholesky(given, upper=upper)
    np.testing.assert_allclose(z.numpy(), np.linalg.cholesky(x, upper=upper), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("upper", [False, True])
def test_gradients_of_symmetric_factorizations_are_symmetric_whichever_triangle_is_read(upper: bool) -> None:
    x = definite(4, 2)
    found = []
    for given in (x, spoiled(x, upper)):
        leaf = wg.from_numpy(given).requires_grad_()
        w, v = linalg.eigh(leaf, "U" if upper else "L")
        ((w**2).sum() + (v[..., 0] ** 2 * wg.arange(4.0)).sum() + linalg.cholesky(leaf, upper=upper).sum()).backward()
        found.append(leaf.grad.numpy())
    np.testing.assert_allclose(found[1], found[0], rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(found[0], found[0].swapaxes(-1, -2), rtol=1e-12)
    reference = np.linalg.cholesky(x, upper=upper).sum()
    step = 1e-6 * (draw(2, 4, 4) + draw(2, 4, 4).swapaxes(-1, -2))
    moved = np.linalg.cholesky(x + step, upper=upper).sum() - reference
    leaf = wg.from_numpy(x).requires_grad_()
    linalg.cholesky(leaf, upper=upper).sum().backward()
    np.testing.assert_allclose((leaf.grad.numpy() * step).sum(), moved, rtol=1e-4)


def test_a_matrix_of_a_batch_is_judged_by_itself() -> None:
    x = np.stack([definite(3) * 1e12, definite(3)])
    lower = linalg.cholesky(wg.from_numpy(x))
    np.testing.assert_allclose((lower @ lower.mT).numpy(), x, rtol=1e-12)
    np.testing.assert_allclose(linalg.eigvalsh(wg.from_numpy(x)).numpy(), np.linalg.eigvalsh(x), rtol=1e-12)


@pytest.mark.parametrize("x", [[[math.nan]], [[1.0, 0.0], [math.nan, 1.0]], [[-1.0]], [[0.0]]])
def test_what_is_not_positive_definite_has_no_cholesky_factor(x: list[list[float]]) -> None:
    with pytest.raises(linalg.LinAlgError, match="cholesky: Matrix is not positive definite"):
        linalg.cholesky(wg.tensor(x))


# ---------------------------------------------------------------- singular values


@pytest.mark.parametrize("least", [1e-3, 1e-8, 1e-12, 1e-15, 1e-17, 0.0])
@pytest.mark.parametrize("part", [0, 2])
def test_singular_vectors_of_nearly_singular_square_matrices_have_their_derivative(least: float, part: int) -> None:
    u, _, vh = np.linalg.svd(draw(3, 3))
    x = u @ np.diag([3.0, 1.0, least]) @ vh
    weights = wg.from_numpy(draw(3, 3, seed=1))

    def f(x: wg.Tensor) -> wg.Tensor:
        return (linalg.svd(x)[part] ** 2 * weights).sum()

    gradient = wg.func.grad(f)(wg.from_numpy(x)).numpy()
    # Squares of singular vectors are those of eigenvectors of x x' and x' x, whose eigenvalues 9, 1, 0 are far apart.
    values = np.linalg.svd(x)
    vectors = values.U if part == 0 else values.Vh.T
    others = values.Vh.T if part == 0 else values.U
    s = np.array([3.0, 1.0, least])
    g = 2 * vectors * weights.numpy() if part == 0 else 2 * vectors * weights.numpy().T
    inside = vectors.T @ g
    gaps = s[None] ** 2 - s[:, None] ** 2
    np.fill_diagonal(gaps, np.inf)
    expected = vectors @ ((inside - inside.T) / gaps * s) @ others.T
    np.testing.assert_allclose(gradient, expected if part == 0 else expected.T, rtol=1e-9, atol=1e-9)
    assert np.abs(gradient).max() < 100


def test_singular_values_that_are_close_keep_the_precision_of_their_difference() -> None:
    u, _, vh = np.linalg.svd(draw(2, 2))
    x = u @ np.diag([1 + 1e-7, 1.0]) @ vh
    gradient = wg.func.grad(lambda x: linalg.svd(x).U[0, 0] ** 2)(wg.from_numpy(x)).numpy()
    assert 1e5 < np.abs(gradient).max() < 1e8


B = np.stack([np.diag([5, 1, 0.1, 1e-17]), np.zeros((4, 4)), np.eye(4)])
RANKS: list[tuple[dict[str, object], list[int]]] = [
    ({}, [3, 0, 4]),
    ({"rtol": 0.05}, [2, 0, 4]),
    ({"atol": 0.5}, [2, 0, 4]),
    ({"atol": 0.5, "rtol": 0.01}, [2, 0, 4]),
    ({"atol": 0.01, "rtol": 0.5}, [1, 0, 4]),
    ({"atol": 0.0}, [3, 0, 4]),
    ({"rtol": 0.0}, [4, 0, 4]),
    ({"atol": 1}, [1, 0, 0]),
    ({"tol": 0.5}, [2, 0, 4]),
    ({"tol": wg.tensor([0.05, 0.5, 2.0])}, [3, 0, 0]),
    ({"atol": wg.tensor([0.05, 0.0, 2.0])}, [3, 0, 0]),
    ({"rtol": wg.tensor([0.05, 0.5, 2.0])}, [2, 0, 0]),
    ({"rtol": wg.tensor(0.05)}, [2, 0, 4]),
    ({"rtol": np.array([0.05, 0.5, 2.0])}, [2, 0, 0]),
    ({"hermitian": True}, [3, 0, 4]),
]


@pytest.mark.parametrize(("keywords", "expected"), RANKS)
def test_ranks_for_tolerances_of_numbers_and_tensors(keywords: dict[str, object], expected: list[int]) -> None:
    assert linalg.matrix_rank(wg.from_numpy(B), **keywords).tolist() == expected


def test_ranks_broadcast_with_tolerances_and_know_signs() -> None:
    assert linalg.matrix_rank(wg.from_numpy(B[0]), atol=wg.tensor([0.05, 0.5, 2.0])).tolist() == [3, 2, 1]
    assert linalg.matrix_rank(wg.from_numpy(B), 0.5).tolist() == [2, 0, 4]  # the second argument is absolute
    assert linalg.matrix_rank(wg.tensor(np.diag([-5.0, 1.0, 0.0])), hermitian=True).item() == 2
    assert linalg.matrix_rank(wg.zeros(2, 0)).item() == 0
    assert linalg.matrix_rank(wg.ones(2, 2, dtype=wg.float16)).item() == 1
    with pytest.raises(ValueError, match="matrix_rank: expected tol, or atol and rtol, got both"):
        linalg.matrix_rank(wg.eye(2), 0.5, rtol=0.1)
    with pytest.raises(ValueError, match="matrix_rank: expected square matrices"):
        linalg.matrix_rank(wg.ones(2, 3), hermitian=True)


# ---------------------------------------------------------------- determinants

SINGULAR = {
    "rank 2 of 3": np.arange(1.0, 10.0).reshape(3, 3),
    "rank 1 of 4": np.outer([1.0, 2.0, 3.0, 4.0], [2.0, -1.0, 3.0, 1.0]),
    "rank 2 of 4": draw(4, 2) @ draw(2, 4, seed=1),
    "zero": np.zeros((3, 3)),
    "zero of 2": np.zeros((2, 2)),
    "one item": np.zeros((1, 1)),
    "equal": np.eye(4),
    "regular": draw(4, 4),
    "batch": np.stack([np.eye(3), np.zeros((3, 3)), np.ones((3, 3))]),
    "nothing": np.zeros((0, 0)),
}


@pytest.mark.parametrize("name", SINGULAR)
def test_a_determinant_is_a_polynomial_with_three_derivatives_everywhere(name: str) -> None:
    wg.func.check_gradients(linalg.det, wg.from_numpy(SINGULAR[name]), order=3)


@pytest.mark.parametrize("n", [2, 3])
def test_higher_derivatives_of_determinants_come_from_the_inverse(n: int) -> None:
    wg.func.check_gradients(linalg.det, wg.from_numpy(draw(n, n) + 3 * np.eye(n)), order=4)

    def moved(f: Callable[[wg.Tensor], wg.Tensor]) -> Callable[[wg.Tensor], wg.Tensor]:
        """The derivative of f along a fixed direction."""
        return lambda x: wg.func.jvp(f, x, wg.ones(n, n, dtype=wg.float64))[1]

    third = moved(moved(moved(linalg.det)))
    assert third(wg.zeros(n, n, dtype=wg.float64)).item() == 0  # the rows of the direction are equal
    with pytest.raises(linalg.LinAlgError, match="Singular"):
        moved(third)(wg.zeros(n, n, dtype=wg.float64))


def test_second_derivatives_at_a_singular_matrix_are_those_of_the_polynomial() -> None:
    hessian = wg.hessian(linalg.det)(wg.zeros(2, 2)).reshape(4, 4)
    assert hessian.tolist() == [[0, 0, 0, 1], [0, 0, -1, 0], [0, -1, 0, 0], [1, 0, 0, 0]]
    x = wg.tensor([[1.0, math.nan], [2.0, 3.0]], requires_grad=True)
    linalg.det(x).backward()
    assert np.isnan(x.grad.numpy()).all()


# ---------------------------------------------------------------- powers


@pytest.mark.parametrize("n", [math.nan, math.inf, 0.5, 2.0, True, None, "2", wg.tensor(2.5)])
def test_powers_of_matrices_are_integers(n: object) -> None:
    with pytest.raises(TypeError, match="matrix_power: expected an integer power"):
        linalg.matrix_power(wg.eye(2), n)


@pytest.mark.parametrize("n", [0, 1, 2, -1])
@pytest.mark.parametrize("shape", [(2, 2), (3, 2, 2)])
def test_powers_of_matrices_share_no_memory_and_can_be_written_to(n: int, shape: tuple[int, ...]) -> None:
    x = wg.from_numpy(draw(*shape))
    before = x.numpy().copy()
    z = linalg.matrix_power(x, np.int64(n))
    np.testing.assert_allclose(z.numpy(), np.linalg.matrix_power(before, n), rtol=1e-12)
    z.fill_(7.0)
    np.testing.assert_array_equal(x.numpy(), before)
    assert not np.shares_memory(x.numpy(), z.numpy())
    leaf = x.clone().requires_grad_()
    if n == 1:
        linalg.matrix_power(leaf, 1).sum().backward()
        np.testing.assert_array_equal(leaf.grad.numpy(), np.ones(shape))


# ---------------------------------------------------------------- distances

MODES = ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist", None)


@pytest.mark.parametrize("mode", MODES)
def test_distances_are_the_same_in_each_mode_and_so_are_their_derivatives(mode: str | None) -> None:
    x, y = draw(2, 3, 4), draw(5, 4, seed=1)
    expected = np.sqrt(((x[:, :, None] - y) ** 2).sum(-1))
    np.testing.assert_allclose(wg.cdist(wg.from_numpy(x), wg.from_numpy(y), compute_mode=mode).numpy(), expected)
    wg.func.check_gradients(
        lambda x, y: wg.cdist(x, y, 2.0, mode), wg.from_numpy(x[0]), wg.from_numpy(y), order=2
    )  # fmt: skip
    assert wg.cdist(wg.from_numpy(x), wg.from_numpy(y), 1.0, mode).shape == (2, 3, 5)


def test_distances_refuse_other_modes_and_norms() -> None:
    with pytest.raises(ValueError, match=r"cdist: expected compute_mode .*got 'fast'"):
        wg.cdist(wg.ones(2, 2), wg.ones(2, 2), compute_mode="fast")
    for p in (-1.0, math.nan):
        with pytest.raises(ValueError, match="cdist: expected a norm with p >= 0"):
            wg.cdist(wg.ones(2, 2), wg.ones(2, 2), p)


@pytest.mark.parametrize("p", [0, 0.5, 1, 2, 3, math.inf])
def test_points_without_coordinates_are_at_distance_0(p: float) -> None:
    assert wg.cdist(wg.ones(2, 0), wg.ones(3, 0), p).tolist() == [[0.0] * 3] * 2


FLOAT16: dict[str, Callable[..., wg.Tensor]] = {
    "dist_2": wg.dist,
    "dist_3": lambda x, y: wg.dist(x, y, 3),
    "cdist_3": lambda x, y: wg.cdist(x, y, 3),
    "cdist_2": wg.cdist,
}


@pytest.mark.parametrize("name", FLOAT16)
def test_distances_of_float16_are_computed_in_float32(name: str) -> None:
    x, y = (draw(3, 200, seed=k).astype(np.float16) * np.float16(20) for k in (0, 1))
    out = FLOAT16[name](wg.from_numpy(x), wg.from_numpy(y))
    expected = FLOAT16[name](*(wg.from_numpy(v.astype(np.float64)) for v in (x, y)))
    assert out.dtype == wg.float16
    np.testing.assert_allclose(out.numpy(), expected.numpy(), rtol=1e-3)
    mixed = FLOAT16[name](wg.from_numpy(x), wg.from_numpy(y.astype(np.float32)))
    assert mixed.dtype == wg.float32
    np.testing.assert_allclose(mixed.numpy(), expected.numpy(), rtol=1e-5)
    assert FLOAT16[name](wg.from_numpy(x), wg.ones(3, 200, dtype=wg.int64)).dtype == wg.float16


# ---------------------------------------------------------------- pseudo-inverses


def test_pseudo_inverses_leave_out_what_is_within_the_tolerances() -> None:
    x = wg.from_numpy(np.stack([np.diag([5.0, 1.0, 0.1]), np.diag([0.0, 4.0, 2.0])]))

    def kept(*args: object, **keywords: object) -> list[list[float]]:
        z = linalg.pinv(x, *args, **keywords)
        assert (z == z * wg.eye(3)).all()
        return z.diagonal(0, -2, -1).tolist()

    assert kept() == [[0.2, 1, 10], [0, 0.25, 0.5]]
    assert kept(0.1) == kept(rtol=0.1) == [[0.2, 1, 0], [0, 0.25, 0.5]]
    assert kept(atol=1.0) == [[0.2, 0, 0], [0, 0.25, 0.5]]
    assert kept(atol=wg.tensor([2.0, 0.0]), rtol=np.float64(0.5)) == [[0.2, 0, 0], [0, 0.25, 0]]
    assert kept(rtol=wg.tensor([0.0, 0.5])) == [[0.2, 1, 10], [0, 0.25, 0]]
    assert kept(hermitian=True) == kept()
    assert linalg.pinv(wg.zeros(2, 0)).shape == (0, 2)
    with pytest.raises(ValueError, match="pinv: rcond and rtol are one thing"):
        linalg.pinv(x, 0.1, rtol=0.1)
    with pytest.raises(ValueError, match="pinv: expected square matrices"):
        linalg.pinv(wg.ones(2, 3), hermitian=True)


@pytest.mark.parametrize("hermitian", [False, True])
def test_pseudo_inverses_of_symmetric_matrices_read_one_triangle(hermitian: bool) -> None:
    x = definite(4, 2) - 2 * np.eye(4)
    given = wg.from_numpy(spoiled(x, upper=False) if hermitian else x).requires_grad_()
    z = linalg.pinv(given, hermitian=hermitian)
    np.testing.assert_allclose(z.detach().numpy(), np.linalg.inv(x), rtol=1e-9)
    z.backward(wg.from_numpy(draw(2, 4, 4)))
    g = np.linalg.inv(x) @ draw(2, 4, 4) @ np.linalg.inv(x)
    expected = (-g - g.mT) / 2 if hermitian else -(np.linalg.inv(x).mT @ draw(2, 4, 4) @ np.linalg.inv(x).mT)
    np.testing.assert_allclose(given.grad.numpy(), expected, rtol=1e-9, atol=1e-9)


def test_what_is_left_out_is_left_out_of_the_derivative() -> None:
    low = wg.from_numpy(draw(4, 2) @ draw(2, 3, seed=1))
    wg.func.check_gradients(lambda x: linalg.pinv(x, atol=1e-3), low, order=1)


# ---------------------------------------------------------------- triangular systems, and factors


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("n", [1, 5, 257, 600])
def test_one_triangle_is_read_of_systems_of_any_size(n: int, upper: bool) -> None:
    x = draw(n, n) / n + 2 * np.eye(n)
    given = wg.from_numpy(spoiled(x, upper))
    t = np.triu(x) if upper else np.tril(x)
    b = draw(n, 3, seed=1)
    z = linalg.solve_triangular(given, wg.from_numpy(b), upper=upper)
    np.testing.assert_allclose(t @ z.numpy(), b, rtol=1e-10, atol=1e-12)
    z = linalg.solve_triangular(given, wg.from_numpy(b.T), upper=upper, left=False)
    np.testing.assert_allclose(z.numpy() @ t, b.T, rtol=1e-10, atol=1e-12)
    spoiled_too = given.clone()
    spoiled_too.fill_diagonal_(math.nan)
    z = linalg.solve_triangular(spoiled_too, wg.from_numpy(b), upper=upper, unitriangular=True)
    np.testing.assert_allclose((t - np.diag(np.diag(t)) + np.eye(n)) @ z.numpy(), b, rtol=1e-10, atol=1e-12)
    a = t.T @ t if upper else t @ t.T
    np.testing.assert_allclose(a @ wg.cholesky_solve(wg.from_numpy(b), given, upper).numpy(), b, rtol=1e-9, atol=1e-9)


def test_the_gradient_of_a_triangular_system_is_that_of_its_triangle() -> None:
    x, b = wg.from_numpy(draw(3, 3) + 3 * np.eye(3)).requires_grad_(), wg.from_numpy(draw(3, 2))
    linalg.solve_triangular(x, b, upper=False).sum().backward()
    assert wg.equal(x.grad != 0, wg.ones(3, 3).tril() > 0)
    x.grad = None
    linalg.solve_triangular(x, b, upper=True, unitriangular=True).sum().backward()
    assert wg.equal(x.grad != 0, wg.ones(3, 3).triu(1) > 0)


def test_systems_that_do_not_fit_are_refused() -> None:
    x = wg.eye(3)
    for call, message in (
        (lambda: linalg.solve_triangular(wg.ones(2, 3), x, upper=True), "expected square matrices"),
        (lambda: linalg.solve_triangular(x, wg.ones(2, 3), upper=True), r"expected right-hand sides \(..., 3, k\)"),
        (lambda: linalg.solve_triangular(x, wg.ones(3, 2), upper=True, left=False), r"sides \(..., k, 3\)"),
        (lambda: linalg.solve_triangular(wg.ones(2, 3, 3), wg.ones(4, 3, 1), upper=True), "do not broadcast|shapes"),
        (lambda: wg.cholesky_solve(wg.ones(3), x), r"cholesky_solve: expected right-hand sides \(..., 3, k\)"),
        (lambda: wg.cholesky_inverse(wg.ones(2, 3)), "cholesky_inverse: expected square matrices"),
        (lambda: linalg.lu_solve(x, wg.ones(2, dtype=wg.int32), x), r"lu_solve: expected pivots \(..., 3\)"),
        (lambda: linalg.lu_solve(x, wg.tensor([1, 2, 4]), x), "lu_solve: expected pivots from 1 to 3, got 1 to 4"),
        (lambda: linalg.lu(x, pivot=False), "lu: expected pivot=True"),
        (lambda: linalg.cond(wg.ones(2, 3), 1), "cond: expected square matrices"),
        (lambda: linalg.cond(x, 3), "cond: expected p among None, 'fro'"),
        (lambda: linalg.multi_dot([x]), "multi_dot: expected at least two tensors, got 1"),
        (lambda: linalg.multi_dot([x, wg.ones(2, 3)]), "multi_dot: expected matrices that chain"),
        (lambda: linalg.multi_dot([x, wg.ones(3), x]), "multi_dot: expected matrices that chain"),
        (lambda: linalg.cross(wg.ones(2, 3), wg.ones(3)), "cross: expected shapes of as many dimensions"),
        (lambda: wg.cross(wg.ones(4), wg.ones(4)), "cross: expected a dimension of length 3"),
        (lambda: wg.block_diag(wg.ones(2, 2, 2)), "block_diag: expected tensors of at most two dimensions"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match="solve_triangular: expected a floating tensor, got int64"):
        linalg.solve_triangular(wg.ones(2, 2, dtype=wg.int64), wg.ones(2, 1), upper=True)
    with pytest.raises(TypeError, match="lu_solve: expected pivots of integers, got float32"):
        linalg.lu_solve(x, wg.ones(3), x)


@pytest.mark.parametrize(
    "shape", [(0, 0), (0, 3), (3, 0), (2, 0, 0), (0, 3, 3), (200, 3), (3, 200), (260, 130), (2, 150, 150)]
)
def test_factors_of_any_shape_multiply_to_the_matrix(shape: tuple[int, ...]) -> None:
    x = draw(*shape)
    p, lower, upper = linalg.lu(wg.from_numpy(x))
    np.testing.assert_allclose((p @ lower @ upper).numpy(), x, rtol=1e-9, atol=1e-12)
    assert (wg.abs(lower) <= 1).all()
    packed, pivots = linalg.lu_factor(wg.from_numpy(x))
    assert pivots.dtype == wg.int32
    np.testing.assert_array_equal(wg.triu(packed)[..., : min(shape[-2:]), :].numpy(), upper.numpy())


@pytest.mark.parametrize("n", [2, 129, 300])
def test_general_systems_of_any_size_are_solved_from_both_sides(n: int) -> None:
    x, b = draw(2, n, n), draw(n, 3, seed=1)
    given = wg.from_numpy(x)
    np.testing.assert_allclose(linalg.solve(given, wg.from_numpy(b)).numpy(), np.linalg.solve(x, b), rtol=1e-6)
    factors = linalg.lu_factor(given)
    found = linalg.lu_solve(*factors, wg.from_numpy(b.T), left=False)
    np.testing.assert_allclose(found.numpy() @ x, np.broadcast_to(b.T, (2, 3, n)), rtol=1e-6, atol=1e-8)
    found = linalg.lu_solve(*factors, wg.from_numpy(b), adjoint=True)
    np.testing.assert_allclose(x.mT @ found.numpy(), np.broadcast_to(b, (2, n, 3)), rtol=1e-6, atol=1e-8)
    leaf = given.clone().requires_grad_()
    linalg.solve(leaf, wg.from_numpy(b)).sum().backward()
    w = np.linalg.solve(x.mT, np.ones((2, n, 3)))
    np.testing.assert_allclose(leaf.grad.numpy(), -w @ np.linalg.solve(x, b).mT, rtol=1e-5, atol=1e-8)


def test_a_singular_matrix_of_a_batch_is_told_and_nan_is_not_singular() -> None:
    x = np.stack([np.eye(2), np.ones((2, 2))])
    with pytest.raises(linalg.LinAlgError, match=r"solve: Singular matrix \(of shape \(2, 2, 2\)\)"):
        linalg.solve(wg.from_numpy(x), wg.ones(2))
    assert wg.isnan(linalg.solve(wg.tensor([[math.nan, 1.0], [1.0, 1.0]]), wg.ones(2))).all()
    assert linalg.cond(wg.from_numpy(x), 1).tolist() == [1, math.inf]
    assert linalg.cond(wg.zeros(0, 0), "fro").item() == 0
    assert math.isnan(linalg.cond(wg.zeros(2, 2)).item())


# ---------------------------------------------------------------- exponentials


def test_each_exponential_of_a_batch_is_as_exact_as_alone() -> None:
    x = draw(3, 4, 4) * np.array([1e-8, 1.0, 30.0])[:, None, None]
    whole = linalg.matrix_exp(wg.from_numpy(x)).numpy()
    for one, z in zip(x, whole, strict=True):
        np.testing.assert_array_equal(linalg.matrix_exp(wg.from_numpy(one)).numpy(), z)
        values, vectors = np.linalg.eig(one)
        right = ((vectors * np.exp(values)) @ np.linalg.inv(vectors)).real
        np.testing.assert_allclose(z, right, rtol=1e-10, atol=1e-12 * np.abs(right).max())
    np.testing.assert_allclose(whole[0] - np.eye(4), x[0], atol=3e-16)
    turn = linalg.matrix_exp(wg.tensor([[0.0, -math.pi], [math.pi, 0.0]]))
    np.testing.assert_allclose(turn.numpy(), -np.eye(2), atol=1e-6)


def test_exponentials_of_what_is_not_finite_are_nan() -> None:
    x = wg.tensor([[[math.inf, 0.0], [0.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]]])
    z = linalg.matrix_exp(x)
    assert wg.isnan(z[0]).all()
    assert (z[1] == wg.eye(2)).all()
    assert wg.matrix_exp(wg.tensor([[12.0]], dtype=wg.float16)).item() == math.inf  # beyond float16
