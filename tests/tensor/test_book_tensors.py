"""Dive into Deep Learning, chapter 2 (https://d2l.ai), with `torch` meaning wengert: the figures printed there.

The section on pandas reads a housing table of the kind that the book writes.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import wengert as torch


def printed(text: str) -> str:
    """What the book prints, as this library says it."""
    return textwrap.dedent(text).strip().replace("torch.", "wengert.")


# ---------------------------------------------------------------- 2.1 Data manipulation


def test_a_range_knows_its_length_and_shape() -> None:
    x = torch.arange(12, dtype=torch.float32)
    assert repr(x) == "tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11.])"
    assert x.numel() == 12
    assert repr(x.shape) == printed("torch.Size([12])")


def test_a_range_becomes_a_matrix() -> None:
    x = torch.arange(12, dtype=torch.float32)
    expected = printed(
        """
        tensor([[ 0.,  1.,  2.,  3.],
                [ 4.,  5.,  6.,  7.],
                [ 8.,  9., 10., 11.]])
        """
    )
    assert repr(x.reshape(3, 4)) == expected
    assert repr(x.reshape(-1, 4)) == expected
    assert repr(x.reshape(3, -1)) == expected


def test_constants_and_nested_lists_print_as_in_the_book() -> None:
    assert repr(torch.zeros((2, 3, 4))) == printed(
        """
        tensor([[[0., 0., 0., 0.],
                 [0., 0., 0., 0.],
                 [0., 0., 0., 0.]],

                [[0., 0., 0., 0.],
                 [0., 0., 0., 0.],
                 [0., 0., 0., 0.]]])
        """
    )
    assert torch.ones((2, 3, 4)).sum() == 24
    assert torch.randn(3, 4).shape == (3, 4)
    assert repr(torch.tensor([[2, 1, 4, 3], [1, 2, 3, 4], [4, 3, 2, 1]])) == printed(
        """
        tensor([[2, 1, 4, 3],
                [1, 2, 3, 4],
                [4, 3, 2, 1]])
        """
    )


def test_indexing_and_assignment() -> None:
    X = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    assert repr(X[-1]) == "tensor([ 8.,  9., 10., 11.])"
    assert repr(X[1:3]) == printed(
        """
        tensor([[ 4.,  5.,  6.,  7.],
                [ 8.,  9., 10., 11.]])
        """
    )
    X[1, 2] = 17
    assert X[1].tolist() == [4, 5, 17, 7]
    X[:2, :] = 12
    assert repr(X) == printed(
        """
        tensor([[12., 12., 12., 12.],
                [12., 12., 12., 12.],
                [ 8.,  9., 10., 11.]])
        """
    )


def test_operations_act_item_by_item() -> None:
    x, y = torch.tensor([1.0, 2, 4, 8]), torch.tensor([2, 2, 2, 2])
    assert repr(torch.exp(torch.arange(12, dtype=torch.float32)[-4:])).startswith("tensor([ 2980.9580,  8103.0840, ")
    results = (x + y, x - y, x * y, x / y, x**y)
    assert [r.tolist() for r in results] == [
        [3, 4, 6, 10], [-1, 0, 2, 6], [2, 4, 8, 16], [0.5, 1, 2, 4], [1, 4, 16, 64],
    ]  # fmt: skip
    assert repr(x**y) == "tensor([ 1.,  4., 16., 64.])"


def test_concatenation_along_both_axes_comparison_and_sum() -> None:
    X = torch.arange(12, dtype=torch.float32).reshape((3, 4))
    Y = torch.tensor([[2.0, 1, 4, 3], [1, 2, 3, 4], [4, 3, 2, 1]])
    assert repr(torch.cat((X, Y), dim=0)) == printed(
        """
        tensor([[ 0.,  1.,  2.,  3.],
                [ 4.,  5.,  6.,  7.],
                [ 8.,  9., 10., 11.],
                [ 2.,  1.,  4.,  3.],
                [ 1.,  2.,  3.,  4.],
                [ 4.,  3.,  2.,  1.]])
        """
    )
    assert repr(torch.cat((X, Y), dim=1)) == printed(
        """
        tensor([[ 0.,  1.,  2.,  3.,  2.,  1.,  4.,  3.],
                [ 4.,  5.,  6.,  7.,  1.,  2.,  3.,  4.],
                [ 8.,  9., 10., 11.,  4.,  3.,  2.,  1.]])
        """
    )
    assert repr(X == Y) == printed(
        """
        tensor([[False,  True, False,  True],
                [False, False, False, False],
                [False, False, False, False]])
        """
    )
    assert repr(X.sum()) == "tensor(66.)"


def test_broadcasting_a_column_and_a_row() -> None:
    a, b = torch.arange(3).reshape((3, 1)), torch.arange(2).reshape((1, 2))
    assert repr(a + b) == printed(
        """
        tensor([[0, 1],
                [1, 2],
                [2, 3]])
        """
    )


def test_memory_is_kept_by_slice_assignment_and_lost_by_a_new_result() -> None:
    X, Y = torch.arange(12, dtype=torch.float32).reshape(3, 4), torch.ones(3, 4)
    before = id(Y)
    Y = Y + X
    assert id(Y) != before
    Z = torch.zeros_like(Y)
    place, address = id(Z), Z.data_ptr()
    Z[:] = X + Y
    assert (id(Z), Z.data_ptr()) == (place, address)
    assert Z.equal(X + Y)
    place, address = id(X), X.data_ptr()
    X += Y
    assert (id(X), X.data_ptr()) == (place, address)


def test_conversion_shares_memory_with_numpy_and_gives_numbers() -> None:
    X = torch.zeros(3)
    A = X.numpy()
    B = torch.from_numpy(A)
    assert (type(A), type(B)) == (np.ndarray, torch.Tensor)
    A[0] = 5
    assert X[0] == B[0] == 5
    a = torch.tensor([3.5])
    assert repr(a) == "tensor([3.5000])"
    assert (a.item(), float(a), int(a)) == (3.5, 3.5, 3)


# ---------------------------------------------------------------- 2.2 Data preprocessing


@pytest.fixture
def housing(tmp_path: Path) -> Path:
    path = tmp_path / "house_tiny.csv"
    path.write_text("NumRooms,RoofType,Price\nNA,NA,127500\n2,NA,106000\n4,Slate,178100\nNA,NA,140000\n")
    return path


def test_a_housing_table_becomes_tensors(housing: Path) -> None:
    data = pd.read_csv(housing)
    inputs, targets = data.iloc[:, 0:2], data.iloc[:, 2]
    inputs = pd.get_dummies(inputs, dummy_na=True)
    inputs = inputs.fillna(inputs.mean())
    X, y = torch.tensor(inputs.to_numpy(dtype=float)), torch.tensor(targets.to_numpy(dtype=float))
    assert repr(X) == printed(
        """
        tensor([[3., 0., 1.],
                [2., 0., 1.],
                [4., 1., 0.],
                [3., 0., 1.]], dtype=torch.float64)
        """
    )
    assert repr(y) == "tensor([127500., 106000., 178100., 140000.], dtype=wengert.float64)"


def test_pandas_takes_tensors_as_it_takes_arrays() -> None:
    x = torch.arange(6.0).reshape(3, 2)
    frame = pd.DataFrame(x, columns=["a", "b"])
    assert frame.to_numpy().tolist() == x.tolist()
    assert frame.dtypes.tolist() == [np.float32, np.float32]
    assert pd.DataFrame({"a": x[:, 0], "b": torch.tensor([1, 2, 3])})["b"].dtype == np.int64
    assert pd.Series(x[:, 1]).tolist() == [1, 3, 5]
    frame["c"] = torch.tensor([True, False, True])
    assert frame["c"].tolist() == [True, False, True]
    assert torch.tensor(frame["a"]).tolist() == [0, 2, 4]
    assert torch.tensor(frame[["a", "b"]].values).equal(x)


# ---------------------------------------------------------------- 2.3 Linear algebra


def test_scalars_vectors_and_matrices() -> None:
    x, y = torch.tensor(3.0), torch.tensor(2.0)
    assert repr((x + y, x * y, x / y, x**y)) == "(tensor(5.), tensor(6.), tensor(1.5000), tensor(9.))"
    v = torch.arange(3)
    assert (repr(v), repr(v[2]), len(v)) == ("tensor([0, 1, 2])", "tensor(2)", 3)
    A = torch.arange(6).reshape(3, 2)
    assert repr(A.T) == printed(
        """
        tensor([[0, 2, 4],
                [1, 3, 5]])
        """
    )
    S = torch.tensor([[1, 2, 3], [2, 0, 4], [3, 4, 5]])
    assert (S == S.T).all()


def test_arithmetic_of_tensors() -> None:
    A = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    B = A.clone()
    assert B.data_ptr() != A.data_ptr()
    assert (A + B).tolist() == [[0, 2, 4], [6, 8, 10]]
    assert (A * B).tolist() == [[0, 1, 4], [9, 16, 25]]
    X = torch.arange(24).reshape(2, 3, 4)
    assert (2 + X)[1, 2].tolist() == [22, 23, 24, 25]
    assert repr((2 * X).shape) == printed("torch.Size([2, 3, 4])")


def test_sums_and_means() -> None:
    x = torch.arange(3, dtype=torch.float32)
    A = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    assert repr(x.sum()) == "tensor(3.)"
    assert repr(A.sum()) == "tensor(15.)"
    assert A.sum(axis=0).tolist() == [3, 5, 7]
    assert A.sum(axis=1).tolist() == [3, 12]
    assert A.sum(axis=[0, 1]) == A.sum()
    assert repr((A.mean(), A.sum() / A.numel())) == "(tensor(2.5000), tensor(2.5000))"
    assert repr(A.mean(axis=0)) == "tensor([1.5000, 2.5000, 3.5000])"
    assert torch.equal(A.mean(axis=0), A.sum(axis=0) / A.shape[0])


def test_sums_that_keep_the_dimension() -> None:
    A = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    sum_A = A.sum(axis=1, keepdims=True)
    assert (repr(sum_A.shape), sum_A.tolist()) == (printed("torch.Size([2, 1])"), [[3], [12]])
    assert repr(A / A.sum(axis=1, keepdims=True)) == printed(
        """
        tensor([[0.0000, 0.3333, 0.6667],
                [0.2500, 0.3333, 0.4167]])
        """
    )
    assert A.cumsum(axis=0).tolist() == [[0, 1, 2], [3, 5, 7]]


def test_products() -> None:
    x = torch.arange(3, dtype=torch.float32)
    y = torch.ones(3, dtype=torch.float32)
    assert repr(torch.dot(x, y)) == "tensor(3.)"
    assert torch.sum(x * y) == 3
    A = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    assert repr((torch.mv(A, x), A @ x)) == "(tensor([ 5., 14.]), tensor([ 5., 14.]))"
    B = torch.ones(3, 4)
    assert repr(torch.mm(A, B)) == printed(
        """
        tensor([[ 3.,  3.,  3.,  3.],
                [12., 12., 12., 12.]])
        """
    )
    assert (A @ B).equal(torch.mm(A, B))


def test_norms() -> None:
    u = torch.tensor([3.0, -4.0])
    assert repr(torch.norm(u)) == "tensor(5.)"
    assert repr(torch.abs(u).sum()) == "tensor(7.)"
    assert repr(torch.norm(torch.ones((4, 9)))) == "tensor(6.)"


# ---------------------------------------------------------------- 2.5 Automatic differentiation


def test_the_gradient_of_twice_a_dot_product() -> None:
    x = torch.arange(4.0)
    x.requires_grad_(True)
    assert x.grad is None
    y = 2 * torch.dot(x, x)
    assert repr(y) == "tensor(28., grad_fn=<MulBackward0>)"
    y.backward()
    assert repr(x.grad) == "tensor([ 0.,  4.,  8., 12.])"
    assert (x.grad == 4 * x).all()
    x.grad.zero_()
    x.sum().backward()
    assert repr(x.grad) == "tensor([1., 1., 1., 1.])"


def test_the_gradient_of_a_vector_a_detached_factor_and_of_control_flow() -> None:
    torch.manual_seed(0)  # the quotient below is exact for most numbers, not for all
    x = torch.arange(4.0, requires_grad=True)
    y = x * x
    y.backward(gradient=torch.ones(len(y)))
    assert x.grad.tolist() == [0, 2, 4, 6]
    x.grad.zero_()
    u = (x * x).detach()
    (u * x).sum().backward()
    assert x.grad.equal(u)

    def f(a: torch.Tensor) -> torch.Tensor:
        b = a * 2
        while b.norm() < 1000:
            b = b * 2
        return b if b.sum() > 0 else 100 * b

    a = torch.randn(size=(), requires_grad=True)
    d = f(a)
    d.backward()
    assert a.grad == d / a
