"""Linear algebra by LAPACK: what the factorizations promise, edges, and errors; cases.py has values and rules."""

from __future__ import annotations

import numpy as np
import pytest

import wengert as wg
from wengert import linalg


def matrices(*shape: int, seed: int = 0) -> wg.Tensor:
    return wg.from_numpy(np.random.default_rng(seed).normal(size=shape))


def close(x: wg.Tensor, y: wg.Tensor | np.ndarray) -> None:
    y = y.numpy() if isinstance(y, wg.Tensor) else y
    np.testing.assert_allclose(x.numpy(), y, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("shape", [(3, 3), (5, 2), (2, 5), (4, 3, 3), (2, 2, 4, 2)])
def test_factorizations_give_the_matrix_back(shape: tuple[int, ...]) -> None:
    x = matrices(*shape)
    thin, full = linalg.svd(x, full_matrices=False), linalg.svd(x)
    close((thin.U * thin.S.reshape(*thin.S.shape[:-1], 1, -1)) @ thin.Vh, x)
    assert full.U.shape[-2:] == (shape[-2],) * 2
    assert full.Vh.shape[-2:] == (shape[-1],) * 2
    for mode in ("reduced", "complete"):
        q, r = linalg.qr(x, mode)
        close(q @ r, x)
        close(q.mT @ q, np.broadcast_to(np.eye(q.shape[-1]), (*shape[:-2], q.shape[-1], q.shape[-1])))
    close(linalg.qr(x, "r").R, linalg.qr(x).R)
    p = linalg.pinv(x)
    close(x @ p @ x, x)


def test_symmetric_factorizations_give_the_matrix_back() -> None:
    x = matrices(2, 4, 4)
    s = x @ x.mT + wg.from_numpy(np.eye(4))
    w, v = linalg.eigh(s)
    close((v * w.reshape(2, 1, 4)) @ v.mT, s)
    lower = linalg.cholesky(s)
    close(lower @ lower.mT, s)
    close(linalg.eigvalsh(s), w)


def test_the_gradient_of_a_determinant_exists_for_singular_matrices() -> None:
    x = wg.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]], dtype=wg.float64)
    cofactors = [[-3.0, 6.0, -3.0], [6.0, -12.0, 6.0], [-3.0, 6.0, -3.0]]
    np.testing.assert_allclose(wg.func.grad(linalg.det)(x).numpy(), cofactors, atol=1e-12)


def test_singular_values_are_differentiated_where_they_are_equal() -> None:
    x = wg.from_numpy(np.eye(3))
    np.testing.assert_allclose(wg.func.grad(lambda x: linalg.svdvals(x).sum())(x).numpy(), np.eye(3), atol=1e-12)
    np.testing.assert_allclose(wg.func.grad(lambda x: linalg.eigvalsh(x).sum())(x).numpy(), np.eye(3), atol=1e-12)


def test_results_may_be_changed_in_place_without_harm_to_derivatives() -> None:
    x = matrices(3, 3).requires_grad_()
    u, s, _ = linalg.svd(x)
    with wg.no_grad():
        u.mul_(0.0)
    (g,) = wg.autograd.grad(s.sum(), x)
    u, _, vh = np.linalg.svd(x.detach().numpy())
    np.testing.assert_allclose(g.numpy(), u @ vh, rtol=1e-10)


def test_least_squares() -> None:
    x, y = matrices(6, 2), matrices(6, 3, seed=1)
    solution, residuals, rank, values = linalg.lstsq(x, y)
    expected = np.linalg.lstsq(x.numpy(), y.numpy())
    close(solution, expected[0])
    close(residuals, expected[1])
    assert rank.item() == 2
    close(values, expected[3])
    assert linalg.lstsq(x @ wg.ones(2, 2, dtype=wg.float64), y).residuals.shape == (0,)
    assert linalg.lstsq(x, y[:, 0]).solution.shape == (2,)


@pytest.mark.parametrize("ord", [None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf])
def test_norms_agree_with_numpy(ord) -> None:
    x = matrices(4, 3)
    assert linalg.norm(x, ord).item() == pytest.approx(np.linalg.norm(x.numpy(), ord))
    batch = matrices(2, 4, 3)
    if ord is not None:
        close(linalg.norm(batch, ord, dim=(1, 2)), np.linalg.norm(batch.numpy(), ord, axis=(1, 2)))
        kept = np.linalg.norm(batch.numpy(), ord, axis=(0, 2), keepdims=True)
        close(linalg.matrix_norm(batch, ord, (0, 2), True), kept)
    vector = matrices(5)
    if ord not in ("fro", "nuc"):
        assert linalg.norm(vector, ord).item() == pytest.approx(np.linalg.norm(vector.numpy(), ord))


@pytest.mark.parametrize("n", [-3, -1, 0, 1, 2, 7])
def test_powers_agree_with_numpy(n: int) -> None:
    x = matrices(2, 3, 3)
    close(linalg.matrix_power(x, n), np.linalg.matrix_power(x.numpy(), n))


def test_signs_logarithms_and_ranks() -> None:
    x = wg.from_numpy(np.stack([np.diag([1e200, -1e200, 1.0]), np.zeros((3, 3))]))
    sign, logarithm = linalg.slogdet(x)
    assert sign.tolist() == [-1.0, 0.0]
    assert logarithm.tolist() == [pytest.approx(2 * np.log(1e200)), -np.inf]
    assert linalg.matrix_rank(x).tolist() == [2, 0]
    assert linalg.det(wg.from_numpy(np.empty((0, 0)))).item() == 1.0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: linalg.inv(wg.ones(2, 2)), linalg.LinAlgError, r"inv: Singular matrix \(of shape \(2, 2\)\)"),
        (lambda: linalg.inv(wg.ones(2, 3)), ValueError, r"inv: expected square matrices .*got shape \(2, 3\)"),
        (lambda: linalg.det(wg.ones(2, 2, dtype=wg.int64)), TypeError, "det: expected a floating tensor, got int64"),
        (lambda: linalg.solve(wg.ones(2, 2), wg.ones(3)), ValueError, r"solve: expected right-hand .*got \(3, 1\)"),
        (lambda: linalg.eigh(wg.ones(2, 2), "X"), ValueError, 'eigh: expected UPLO "L" or "U", got \'X\''),
        (lambda: linalg.cholesky(-wg.eye(2)), linalg.LinAlgError, "cholesky: Matrix is not positive definite"),
        (lambda: linalg.qr(wg.ones(2, 2), "upper"), ValueError, "upper"),
        (lambda: linalg.norm(wg.ones(2, 2, 2), 1), ValueError, "expected a vector or a matrix"),
        (lambda: linalg.matrix_norm(wg.ones(2, 2), 3), ValueError, "matrix_norm: expected ord"),
        (lambda: linalg.svd(wg.ones(3)), ValueError, r"svd: expected matrices"),
    ],
)
def test_wrong_use_is_told(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_what_a_matrix_does_not_determine_has_no_derivative() -> None:
    x = matrices(4, 2).requires_grad_()
    with pytest.raises(RuntimeError, match="U of svd with full_matrices: it has no reverse rule"):
        linalg.svd(x).U.sum().backward()
    linalg.svd(x).S.sum().backward()
    assert x.grad is not None
    with pytest.raises(RuntimeError, match="Q of qr in mode complete: it has no reverse rule"):
        linalg.qr(x, "complete").Q.sum().backward()
