"""Numbers at the edges of the types, and bits that do not depend on threads, at sizes where threads take part."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import wengert as wg


@pytest.mark.parametrize("shift", [0.0, 1e4, -1e4])
def test_softmax_does_not_mind_a_shift(shift: float, isa: str) -> None:
    x = np.array([10.0, 5.0, -2.0, -3.5])
    e = np.exp(x - x.max())
    out = wg.softmax(wg.tensor(x + shift, dtype=wg.float32), 0)
    np.testing.assert_allclose(out.numpy(), e / e.sum(), rtol=2e-6 if shift == 0 else 5e-3)
    out = wg.softmax(wg.tensor(x + shift), 0)
    np.testing.assert_allclose(out.numpy(), e / e.sum(), rtol=1e-11)


def test_softmax_of_float16_does_not_overflow(isa: str) -> None:
    x = wg.tensor([3e4, 2e4, -3e4], dtype=wg.float16)
    assert wg.softmax(x, 0).tolist() == [1.0, 0.0, 0.0]
    assert wg.log_softmax(x, 0).tolist() == [0.0, -10000.0, -60000.0]
    assert wg.exp(x).tolist() == [np.inf, np.inf, 0.0]
    assert wg.cross_entropy(x.reshape(1, 3), wg.tensor([0])).item() == 0.0


@pytest.mark.parametrize("label", [0, 1])
def test_cross_entropy_is_finite_where_exp_overflows(label: int, isa: str, dtype: np.dtype) -> None:
    x = wg.tensor([[1e4, -1e4, 0.0]], dtype=dtype, requires_grad=True)
    loss = wg.cross_entropy(x, wg.tensor([label]))
    loss.backward()
    assert loss.item() == (0.0 if label == 0 else 2e4)
    assert x.grad.tolist() == [[0.0, 0.0, 0.0] if label == 0 else [1.0, -1.0, 0.0]]


def test_labels_are_checked_before_anything_is_computed() -> None:
    x = wg.ones(2, 3)
    with pytest.raises(IndexError, match="label 3 of example 1 is out of range: expected 0 to 2, or ignore"):
        wg.cross_entropy(x, wg.tensor([0, 3]))
    with pytest.raises(IndexError, match="label -1 of example 0"):
        wg.cross_entropy(x, wg.tensor([-1, 0]))
    with pytest.raises(TypeError, match="labels of an integer dtype, got bool"):
        wg.cross_entropy(x, wg.tensor([True, False]))
    with pytest.raises(ValueError, match=r"labels of shape \(2,\) or probabilities of shape \(2, 3\)"):
        wg.cross_entropy(x, wg.tensor([0, 1, 2]))


LARGE: dict[str, Callable[[wg.Tensor], wg.Tensor]] = {
    "arithmetic": lambda x: (x * 1.5 + x) / 3 - x.exp(),
    "row": lambda x: x + x[0],
    "column": lambda x: x * x[:, :1],
    "transposed": lambda x: x.T.tanh(),
    "matmul": lambda x: x @ x.T,
    "matmul_transposed": lambda x: x.T @ x,
    "sum": lambda x: x.sum(),
    "sum_rows": lambda x: x.sum(0),
    "sum_columns": lambda x: x.sum(1),
    "mean": lambda x: x.mean(),
    "var": lambda x: x.var(0),
    "logsumexp": lambda x: x.logsumexp(1),
    "norm": lambda x: x.norm(),
    "cumsum": lambda x: x.cumsum(0),
    "softmax": lambda x: x.softmax(1),
    "softmax_columns": lambda x: x.softmax(0),
    "cross_entropy": lambda x: wg.cross_entropy(x, wg.from_numpy(np.arange(x.shape[0]) % x.shape[1])),
    "rows": lambda x: x[np.arange(x.shape[0])[::-1] // 2],
    "linear": lambda x: wg.linear(x, x, x[:, 0]).relu(),
}


@pytest.mark.parametrize("name", LARGE)
def test_large_results_are_the_same_bits_for_any_number_of_threads(name: str, isa: str, dtype: np.dtype) -> None:
    array = np.random.default_rng(0).normal(size=(517, 613)).astype(dtype)
    found = []
    for count in (1, 2, 3, 2):
        wg.set_num_threads(count)
        x = wg.from_numpy(array).requires_grad_()
        out = LARGE[name](x)
        out.backward(wg.ones_like(out.detach()))
        found.append((out.detach().numpy().tobytes(), x.grad.numpy().tobytes()))
        assert np.isfinite(x.grad.numpy()).all()
    assert all(result == found[0] for result in found[1:])


def test_instruction_sets_agree_within_rounding(dtype: np.dtype) -> None:
    from wengert import _kernels

    array = np.random.default_rng(0).normal(size=(57, 83)).astype(dtype)
    tolerance = 64 * np.finfo(dtype).eps
    before = _kernels.isa()
    try:
        for name, function in LARGE.items():
            results = []
            for isa in _kernels.available_isas():
                _kernels.select_isa(isa)
                results.append(function(wg.from_numpy(array)).numpy())
            scale = np.abs(results[0]).max()
            for other in results[1:]:
                np.testing.assert_allclose(other, results[0], rtol=tolerance, atol=tolerance * scale, err_msg=name)
    finally:
        _kernels.select_isa(before)
