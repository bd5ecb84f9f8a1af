"""Making tensors: literal expectations, and PyTorch's answers where it is installed."""

from __future__ import annotations

import array
import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import _kernels
from wengert.core import dtypes

NAN, INF = math.nan, math.inf


@pytest.fixture(autouse=True)
def _default_dtype() -> Iterator[None]:
    yield
    wg.set_default_dtype(wg.float32)


def assert_is(x: wg.Tensor, expected: Any, dtype: Any) -> None:
    """Items, shape and dtype."""
    assert isinstance(x, wg.Tensor)
    assert x.dtype == dtype
    np.testing.assert_array_equal(x.detach().numpy(), np.asarray(expected), strict=False)
    assert x.shape == np.shape(expected)


# ---------------------------------------------------------------- from numbers

NUMBERS = [
    (1.5, "float32"),
    (3, "int64"),
    (True, "bool"),
    ([1.0, 2.0], "float32"),
    ([1, 2], "int64"),
    ([True, False], "bool"),
    ([True, 2], "int64"),
    ([True, 2.0], "float32"),
    ([1, 2.5], "float32"),
    ([[1, 2], [3, 4]], "int64"),
    (((1, 2), [3, 4.0]), "float32"),
    (range(3), "int64"),
    ([range(2), range(2)], "int64"),
    ([], "float32"),
    ([[], []], "float32"),
    (np.float64(1.5), "float64"),
    (np.float32(1.5), "float32"),
    ([np.float64(1.5)], "float64"),
    ([np.int32(1), 2], "int64"),
    ([np.int32(1), np.int32(2)], "int32"),
    ([np.int32(1), 2.5], "float32"),
    ([np.bool_(True), False], "bool"),
    ([np.arange(3.0), np.arange(3)], "float64"),
    ([[np.arange(2), [1, 2]], [[3, 4], [5, 6]]], "int64"),
    (array.array("d", [1, 2]), "float32"),
    (memoryview(array.array("d", [1, 2])), "float32"),
    (bytearray(b"ab"), "int64"),
]


@pytest.mark.parametrize(
    ("data", "dtype"), NUMBERS, ids=[f"{k}-{type(data).__name__}" for k, (data, _) in enumerate(NUMBERS)]
)
def test_the_dtype_is_inferred_as_in_pytorch(data: Any, dtype: str) -> None:
    expected = [list(row) if isinstance(row, range) else row for row in data] if isinstance(data, list) else data
    if isinstance(data, bytearray):
        expected = list(data)
    assert_is(wg.tensor(data), expected, dtype)


def test_python_floats_take_the_default_dtype() -> None:
    wg.set_default_dtype(wg.float64)
    assert wg.tensor([0.1]).item() == 0.1
    assert wg.tensor([]).dtype == wg.zeros(1).dtype == wg.full((1,), 0.5).dtype == wg.arange(1.0).dtype == wg.float64


@pytest.mark.parametrize("dtype", dtypes.ALL, ids=str)
def test_a_dtype_that_is_asked_for_is_given(dtype: np.dtype) -> None:
    assert_is(wg.tensor([0, 1], dtype=dtype), np.array([0, 1], dtype), dtype)
    assert_is(wg.tensor(np.array([0.0, 1.0]), dtype=dtype), np.array([0, 1], dtype), dtype)
    for make in (wg.zeros, wg.ones, wg.empty, wg.eye):
        assert make(2, dtype=dtype).dtype == dtype
    assert wg.full((2,), 1, dtype=dtype).dtype == dtype


def test_lists_may_contain_tensors() -> None:
    x = wg.tensor([1.0, 2.0], dtype=wg.float64, requires_grad=True)
    assert_is(wg.tensor([x, [3, 4]]), [[1, 2], [3, 4]], "float64")
    assert_is(wg.tensor([wg.tensor(1), 2.5]), [1, 2.5], "float32")
    assert not wg.tensor([x]).requires_grad


def test_values_out_of_the_range_of_floats_become_infinite() -> None:
    assert wg.tensor([1e40, -1e40]).tolist() == [INF, -INF]
    assert wg.tensor([1e10], dtype=wg.float16).tolist() == [INF]
    assert wg.tensor(np.array([1e300]), dtype=wg.float32).tolist() == [INF]


def test_floats_are_truncated_and_compared_with_zero() -> None:
    assert wg.tensor([1.7, -1.7], dtype=wg.int64).tolist() == [1, -1]
    assert wg.tensor([0.0, 0.5, 2], dtype=wg.bool).tolist() == [False, True, True]


REFUSED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: wg.tensor("abc"), TypeError, r"tensor: expected numbers.*got str as data$"),
    (lambda: wg.tensor([[1], ["a"]]), TypeError, r"got str as data\[1\]\[0\]"),
    (lambda: wg.tensor([1, None]), TypeError, r"got NoneType as data\[1\]"),
    (lambda: wg.tensor(b"ab"), TypeError, "got bytes as data"),
    (lambda: wg.tensor(x for x in [1]), TypeError, "got generator as data; make a list of it first"),
    (lambda: wg.tensor({1, 2}), TypeError, "got set as data; make a list of it first"),
    (lambda: wg.tensor({"a": 1}), TypeError, "got dict as data"),
    (lambda: wg.tensor([1j]), TypeError, r"got complex as data\[0\]"),
    (lambda: wg.tensor(np.zeros(2, np.complex128)), TypeError, "dtype complex128.*array.real and array.imag"),
    (lambda: wg.tensor(np.zeros(2, np.uint16)), TypeError, r"dtype uint16.*array.astype\(numpy.int64\)"),
    (lambda: wg.tensor([1, np.uint16(3)]), TypeError, r"dtype uint16, as data\[1\] has"),
    (lambda: wg.tensor(np.array([None])), TypeError, "dtype object.*if all items are numbers"),
    (lambda: wg.tensor(np.array(["a"])), TypeError, "dtype <U1"),
    (lambda: wg.tensor([[1, 2], [3]]), ValueError, r"data\[1\] has shape \(1,\) but data\[0\] has shape \(2,\)"),
    (lambda: wg.tensor([[1, 2], 3]), ValueError, r"data\[1\] has shape \(\) but data\[0\] has shape \(2,\)"),
    (lambda: wg.tensor([[[1, 2]], [[1, 2], [3]]]), ValueError, r"data\[1\]\[1\] has shape \(1,\)"),
    (lambda: wg.tensor([[], [1]]), ValueError, r"data\[1\] has shape \(1,\) but data\[0\] has shape \(0,\)"),
    (lambda: wg.tensor([np.zeros(2), np.zeros(3)]), ValueError, "must not be ragged"),
    (lambda: wg.tensor(2**63), OverflowError, "tensor: a number does not fit into int64"),
    (lambda: wg.tensor([300], dtype=wg.uint8), OverflowError, "a number does not fit into uint8.*300"),
    (lambda: wg.tensor([-1], dtype=wg.uint8), OverflowError, "a number does not fit into uint8.*-1"),
    (lambda: wg.tensor([NAN], dtype=wg.int64), OverflowError, "a number does not fit into int64.*NaN"),
    (lambda: wg.tensor([1], requires_grad=True), RuntimeError, "tensor: only floating tensors.*is int64"),
    (lambda: wg.tensor([1], dtype="complex64"), TypeError, "tensor: tensors cannot have dtype complex64"),
    (lambda: wg.tensor([1.0], device="cuda"), ValueError, "tensor: the only device is \"cpu\", got 'cuda'"),
    (lambda: wg.as_tensor(wg.ones(1), device="mps"), ValueError, "as_tensor: the only device"),
    (lambda: wg.from_numpy([1]), TypeError, "expected a numpy.ndarray, got list; use tensor or as_tensor"),
    (lambda: wg.from_numpy(np.zeros(2, np.longdouble)), TypeError, r"array.astype\(numpy.float64\)"),
    (lambda: wg.from_numpy(np.zeros(2, ">f4")), ValueError, r"dtype >f4.*newbyteorder\(\"=\"\)"),
    (lambda: wg.asarray([1], copy=False), ValueError, "list cannot become a tensor without a copy"),
    (lambda: wg.asarray(np.ones(1), dtype=wg.float32, copy=False), ValueError, "<f8 cannot become float32"),
    (lambda: wg.zeros(), TypeError, r"zeros: expected a size, as in zeros\(2, 3\)"),
    (lambda: wg.zeros(2.0), TypeError, r"zeros: expected a size of integers .*got \(2.0,\)"),
    (lambda: wg.zeros((2,), (3,)), TypeError, "zeros: expected a size of integers"),
    (lambda: wg.zeros(2, size=(2,)), TypeError, "zeros: the size is given twice"),
    (lambda: wg.ones(2, -1), ValueError, r"ones: lengths cannot be negative, got size \(2, -1\)"),
    (lambda: wg.empty(-1), ValueError, "empty: lengths cannot be negative"),
    (lambda: wg.zeros(1, dtype=wg.int32, requires_grad=True), RuntimeError, "zeros: only floating .* is int32"),
    (lambda: wg.full((2,), 300, dtype=wg.uint8), OverflowError, "full: 300 .* uint8, which goes from 0 to 255"),
    (lambda: wg.full((2,), 1e40), OverflowError, r"full: 1e\+40 does not fit into float32"),
    (lambda: wg.full((2,), NAN, dtype=wg.int64), OverflowError, "full: nan does not fit into int64"),
    (lambda: wg.full((2,), "a"), TypeError, "full: expected fill_value to be a number, got 'a'"),
    (lambda: wg.full((2,), wg.ones(2)), TypeError, r"fill_value to be a number, got Tensor of shape \(2,\)"),
    (lambda: wg.full_like(wg.ones(2, dtype=wg.int8), 200), OverflowError, "full_like: 200 does not fit into int8"),
    (lambda: wg.arange(), TypeError, "arange: expected"),
    (lambda: wg.arange(5, step=2), TypeError, "arange: expected"),
    (lambda: wg.arange("a"), TypeError, "arange: expected end to be a number, got 'a'"),
    (lambda: wg.arange(0, 5, 0), ValueError, "arange: steps of 0 do not lead from 0 to 5"),
    (lambda: wg.arange(-1), ValueError, "arange: steps of 1 do not lead from 0 to -1"),
    (lambda: wg.arange(0, 5, 0.5, dtype=wg.int64), ValueError, "steps of 0 do not lead from 0 to 5"),
    (lambda: wg.arange(0, INF), ValueError, "arange: expected finite numbers.*end inf"),
    (lambda: wg.arange(2, dtype=wg.bool), TypeError, "arange: expected a dtype of numbers, got bool"),
    (lambda: wg.arange(300, dtype=wg.uint8), OverflowError, "arange: 0 to 299 does not fit into uint8"),
    (lambda: wg.arange(3, requires_grad=True), RuntimeError, "arange: only floating tensors"),
    (lambda: wg.linspace(0, 1, -1), ValueError, "linspace: the number of steps cannot be negative, got -1"),
    (lambda: wg.linspace(0, 1, 2.5), TypeError, "linspace: expected steps to be an integer, got 2.5"),
    (lambda: wg.linspace(wg.zeros(1), 1, 2), TypeError, r"start to be a number, got Tensor of shape \(1,\)"),
    (lambda: wg.eye(-1), ValueError, "eye: lengths cannot be negative"),
    (lambda: wg.eye(2.0), TypeError, "eye: expected n to be an integer, got 2.0"),
    (lambda: wg.tril(wg.ones(3)), ValueError, r"tril: expected matrices.*got shape \(3,\)"),
    (lambda: wg.triu(wg.ones(2, 2), 1.0), TypeError, "triu: expected diagonal to be an integer"),
    (lambda: wg.diag(wg.ones(2, 2, 2)), ValueError, "diag: expected a vector or a matrix"),
    (lambda: wg.one_hot(wg.tensor([1.0])), TypeError, "one_hot: expected integers, got float32"),
    (lambda: wg.one_hot(wg.tensor([0, 2]), 2), ValueError, "class numbers from 0 to 1, got some from 0 to 2"),
    (lambda: wg.one_hot(wg.tensor([0, -1])), ValueError, "got some from -1 to 0"),
    (lambda: wg.one_hot(wg.tensor([0]), -3), ValueError, "-3 is no number of classes"),
    (lambda: wg.one_hot(wg.zeros(0, dtype=wg.int64)), ValueError, "-1 is no number of classes"),
    (lambda: wg.meshgrid(), ValueError, "meshgrid: expected tensors.*got none"),
    (lambda: wg.meshgrid(wg.ones(2, 2)), ValueError, r"at most one dimension, got \(2, 2\)"),
    (lambda: wg.meshgrid(wg.arange(2), wg.ones(3)), TypeError, "one dtype, got int64, float32"),
    (lambda: wg.meshgrid(wg.ones(2), indexing="yx"), ValueError, 'indexing is "ij" or "xy", not \'yx\''),
]


@pytest.mark.parametrize(("call", "error", "message"), REFUSED, ids=[message for *_, message in REFUSED])
def test_what_cannot_be_made_is_refused_with_a_reason(
    call: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call()


# ---------------------------------------------------------------- from arrays


@pytest.mark.parametrize("dtype", dtypes.ALL, ids=str)
def test_from_numpy_shares_memory_whatever_the_strides(dtype: np.dtype) -> None:
    base = np.zeros((4, 6), dtype)
    for view in (base, base.T, base[::2, ::-1], base[1], base[1, 2, ...], base[:0]):
        x = wg.from_numpy(view)
        assert x.dtype == dtype
        assert x.numpy().__array_interface__ == view.__array_interface__
    wg.from_numpy(base)[0, 0] = 1
    assert base[0, 0] == 1


def test_a_read_only_array_stays_read_only() -> None:
    x = wg.from_numpy(np.broadcast_to(np.float32(1), (3,)))
    assert x.tolist() == [1, 1, 1]
    with pytest.raises(RuntimeError, match=r"memory that cannot be written .*clone\(\) it first"):
        x[0] = 2


def test_a_subclass_of_arrays_becomes_a_plain_one() -> None:
    assert type(wg.from_numpy(np.rec.array(np.ones(2))).numpy()) is np.ndarray


def test_tensor_copies_and_as_tensor_does_not() -> None:
    a = np.ones((2, 3), np.float32)
    assert not np.shares_memory(wg.tensor(a).numpy(), a)
    assert np.shares_memory(wg.as_tensor(a).numpy(), a)
    assert np.shares_memory(wg.asarray(a).numpy(), a)
    assert not np.shares_memory(wg.asarray(a, copy=True).numpy(), a)
    x = wg.as_tensor(a)
    assert wg.as_tensor(x) is x
    assert wg.asarray(x) is x
    assert wg.as_tensor(x, dtype=wg.float64).dtype == wg.float64
    assert not np.shares_memory(wg.tensor(x).numpy(), a)
    assert wg.tensor(a.T).is_contiguous()


def test_tensor_takes_any_byte_order_and_array_likes() -> None:
    assert_is(wg.tensor(np.array([1, 2], ">i4")), [1, 2], "int32")

    class ArrayLike:
        def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
            return np.array([1.5, 2.5])

    class Exported:
        def __dlpack__(self, **keywords: Any) -> Any:
            return np.array([1.5, 2.5]).__dlpack__(**keywords)

        def __dlpack_device__(self) -> Any:
            return np.zeros(0).__dlpack_device__()

    for data in (ArrayLike(), Exported()):
        assert_is(wg.tensor(data), [1.5, 2.5], "float64")
        assert_is(wg.asarray(data), [1.5, 2.5], "float64")
    assert_is(wg.tensor([ArrayLike(), [3, 4]]), [[1.5, 2.5], [3, 4]], "float64")


def test_a_pandas_column_keeps_its_dtype() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pandas.DataFrame({"a": [1.0, 2.0], "b": [3, 4]})
    assert_is(wg.tensor(frame["b"]), [3, 4], "int64")
    assert_is(wg.tensor(frame), [[1, 3], [2, 4]], "float64")


def test_a_conversion_of_a_tensor_is_recorded_unless_it_is_copied_by_tensor() -> None:
    x = wg.ones(2, requires_grad=True)
    assert wg.as_tensor(x, dtype=wg.float64).requires_grad
    assert wg.asarray(x, dtype=wg.float64).requires_grad
    assert wg.asarray(x, copy=True).grad_fn is not None
    assert not wg.tensor(x).requires_grad
    assert wg.tensor(x, requires_grad=True).is_leaf
    detached = wg.asarray(x, requires_grad=False)
    assert not detached.requires_grad
    assert np.shares_memory(detached.numpy(), x.detach().numpy())
    leaf = wg.asarray(x.detach(), requires_grad=True)
    assert leaf.is_leaf
    assert leaf.requires_grad
    with pytest.raises(ValueError, match="float32 cannot become float64 without a copy"):
        wg.asarray(x, dtype=wg.float64, copy=False)


def test_a_change_through_an_alias_is_noticed_by_the_walk() -> None:
    x = wg.ones(2, requires_grad=True)
    y = (x * x).sum()
    wg.asarray(x, requires_grad=False)[0] = 5
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


# ---------------------------------------------------------------- of one value and ranges


def test_sizes_may_be_numbers_or_one_sequence() -> None:
    assert wg.zeros(2, 3).shape == wg.zeros((2, 3)).shape == wg.zeros([2, 3]).shape == wg.zeros(size=(2, 3)).shape
    assert wg.ones(np.int64(2), wg.tensor(3)).shape == (2, 3)
    assert wg.zeros(()).shape == wg.empty([]).shape == ()
    assert wg.full(2, 1).shape == (2,)
    assert wg.zeros(wg.ones(2, 3).shape).shape == (2, 3)


def test_large_results_come_from_recycled_memory() -> None:
    for make in (wg.zeros, wg.ones, wg.empty):
        before = _kernels.memory_usage()["in_use"]
        x = make(1 << 23)
        assert _kernels.memory_usage()["in_use"] - before >= 1 << 25
        if make is not wg.empty:
            assert x.numpy().min() == x.numpy().max() == (make is wg.ones)
        del x
        assert _kernels.memory_usage()["in_use"] == before
    _kernels.trim_memory()


def test_a_number_to_fill_with_may_be_a_tensor() -> None:
    assert_is(wg.full((2,), wg.tensor(3.0, dtype=wg.float64)), [3, 3], "float32")
    assert_is(wg.full((2,), np.int32(3)), [3, 3], "int64")
    assert_is(wg.full_like(wg.ones(2, dtype=wg.int32), 2.5), [2, 2], "int32")
    assert_is(wg.full((2,), INF), [INF, INF], "float32")


def test_the_like_of_a_view_is_dense() -> None:
    view = wg.from_numpy(np.zeros((4, 6)))[::2, ::-1].T
    for make in (wg.zeros_like, wg.ones_like, wg.empty_like, lambda x: wg.full_like(x, 3)):
        x = make(view)
        assert x.shape == (6, 2)
        assert x.dtype == wg.float64
        assert x.is_contiguous()
    assert wg.ones_like(view, dtype=wg.int8).dtype == wg.int8
    assert wg.zeros_like(view, requires_grad=True).requires_grad


def test_integer_ranges_are_exact_up_to_the_limits() -> None:
    top = 2**63 - 1
    assert wg.arange(top - 2, top).tolist() == [top - 2, top - 1]
    assert wg.arange(-(2**63), -(2**63) + 5, 2).tolist() == [-(2**63), -(2**63) + 2, -(2**63) + 4]
    assert wg.arange(-128, 128, dtype=wg.int8).tolist() == list(range(-128, 128))
    assert wg.arange(0, 5.9, 1.5, dtype=wg.int32).tolist() == [0, 1, 2, 3, 4]


def test_linspace_ends_exactly() -> None:
    for dtype in dtypes.FLOATING:
        x = wg.linspace(0.1, 0.7, 1001, dtype=dtype)
        assert x[0].item() == dtype.type(0.1)
        assert x[-1].item() == dtype.type(0.7)
        assert (np.diff(x.numpy()) >= 0).all()
    assert wg.linspace(3, 4, 0).shape == (0,)
    assert wg.linspace(3, 4, 1).tolist() == [3]
    assert wg.linspace(0, 9, 5, dtype=wg.int64).tolist() == [0, 2, 4, 6, 9]


def test_the_book_s_first_tensors() -> None:
    x = wg.arange(12, dtype=wg.float32)
    assert x.numel() == 12
    assert_is(x.reshape(3, 4), np.arange(12).reshape(3, 4), "float32")
    assert_is(wg.zeros((2, 3, 4)), np.zeros((2, 3, 4)), "float32")
    assert_is(
        wg.tensor([[2, 1, 4, 3], [1, 2, 3, 4], [4, 3, 2, 1]]), [[2, 1, 4, 3], [1, 2, 3, 4], [4, 3, 2, 1]], "int64"
    )


# ---------------------------------------------------------------- matrices


@pytest.mark.parametrize("shape", [(3, 3), (2, 5), (5, 2), (2, 3, 4), (0, 3), (2, 0, 3), (1, 1)], ids=str)
@pytest.mark.parametrize("diagonal", [-9, -2, -1, 0, 1, 2, 9])
def test_triangles_agree_with_numpy(shape: tuple[int, ...], diagonal: int) -> None:
    for dtype in (wg.float32, wg.float16, wg.int64, wg.uint8, wg.bool):
        a = np.arange(1, 1 + math.prod(shape)).reshape(shape).astype(dtype)
        assert_is(wg.tril(wg.from_numpy(a), diagonal), np.tril(a, diagonal), dtype)
        assert_is(wg.triu(wg.from_numpy(a), diagonal), np.triu(a, diagonal), dtype)


def test_triangles_keep_nothing_of_the_other_half() -> None:
    nans = wg.full((2, 2), NAN)
    assert wg.tril(nans)[0, 1].item() == wg.triu(nans)[1, 0].item() == 0


@pytest.mark.parametrize("diagonal", [-3, -1, 0, 1, 2, 9])
def test_diag_agrees_with_numpy(diagonal: int) -> None:
    for shape in ((4,), (0,), (3, 3), (2, 4), (4, 2), (0, 2)):
        for dtype in (wg.float64, wg.int32, wg.bool):
            a = np.arange(1, 1 + math.prod(shape)).reshape(shape).astype(dtype)
            expected = np.diag(a, diagonal) if len(shape) == 1 or -shape[0] < diagonal < shape[1] else np.zeros(0)
            assert_is(wg.diag(wg.from_numpy(a), diagonal), expected, dtype)
    assert not np.shares_memory(wg.diag(x := wg.ones(2, 2)).numpy(), x.numpy())


@pytest.mark.parametrize(
    "function",
    [
        lambda x: wg.tril(x, 1) * x,
        lambda x: wg.triu(x, -1) * x,
        lambda x: wg.diag(x, 1) ** 3,
        lambda x: wg.diag(x, -1) ** 3,
        lambda x: wg.diag(wg.diag(x), 2) ** 2,
        lambda x: wg.meshgrid(x[0], x[1])[0] ** 2 * wg.meshgrid(x[0], x[1], indexing="xy")[1].T,
    ],
    ids=["tril", "triu", "diag above", "diag below", "diag of diag", "meshgrid"],
)
def test_gradients_flow_through_both_ways_and_to_second_order(function: Callable[[Any], Any]) -> None:
    x = wg.from_numpy(np.random.default_rng(0).uniform(-1, 1, (3, 3)))
    wg.func.check_gradients(function, x, order=2)


def test_one_hot_rows() -> None:
    assert_is(wg.one_hot(wg.tensor([[0, 2], [1, 0]])), np.eye(3)[[[0, 2], [1, 0]]], "int64")
    assert_is(wg.one_hot(wg.tensor(2), 4), [0, 0, 1, 0], "int64")
    assert_is(wg.one_hot(wg.tensor([1], dtype=wg.uint8), 2), [[0, 1]], "int64")
    assert_is(wg.one_hot(wg.zeros(0, dtype=wg.int64), 3), np.zeros((0, 3)), "int64")


@pytest.mark.parametrize("indexing", ["ij", "xy"])
@pytest.mark.parametrize("lengths", [(3,), (2, 3), (2, 3, 4)], ids=str)
def test_meshgrid_agrees_with_numpy(indexing: Any, lengths: tuple[int, ...]) -> None:
    lines = [np.arange(n) * 10**k for k, n in enumerate(lengths)]
    expected = np.meshgrid(*lines, indexing=indexing)
    for got in (
        wg.meshgrid(*map(wg.from_numpy, lines), indexing=indexing),
        wg.meshgrid(list(map(wg.from_numpy, lines)), indexing=indexing),
    ):
        for x, y in zip(got, expected, strict=True):
            assert_is(x, y, "int64")
    rows, columns = wg.meshgrid(wg.tensor(1), wg.arange(2))
    assert rows.shape == columns.shape == (1, 2)


# ---------------------------------------------------------------- against PyTorch

A, F = np.array([[1, -2, 3], [4, 5, -6]]), np.array([[1.5, -2.5], [0.25, 4.0]], np.float32)

# Each is run with `t` as wengert and as PyTorch.
SAME: list[str] = [
    *(f"t.tensor({data})" for data in ("1.5", "3", "True", "[]", "[[],[]]", "[1,2.5,True]", "range(4)")),
    *(f"t.tensor({data})" for data in ("A", "F", "[A,A]", "[np.int8(1),2]", "[t.tensor(1),2.5]", "np.float64(1)")),
    *(f"t.tensor([0,1,3.7],dtype=t.{dtype})" for dtype in ("int8", "uint8", "int32", "float16", "float64", "bool")),
    *(f"t.tensor({data},dtype=t.float16)" for data in ("1e10", "[0.1,65519.,65520.]", "A", "F")),
    *(f"t.{f}({size})" for f in ("zeros", "ones") for size in ("3", "2,0", "()", "[2,2]", "(2,3)", "size=(2,)")),
    *(f"t.full((2,3),{v})" for v in ("1", "1.5", "True", "t.tensor(2.)", "np.float64(3)", "np.int32(3)")),
    *(f"t.full((2,),1.7,dtype=t.{dtype})" for dtype in ("int64", "uint8", "bool", "float16", "float64")),
    *(f"t.{f}(t.tensor({x}))" for f in ("zeros_like", "ones_like") for x in ("A", "F", "True")),
    *("t.full((2,),nan)", "t.full_like(t.tensor(A),2.5)", "t.full_like(t.tensor(F),2)"),
    *("t.zeros_like(t.tensor(A),dtype=t.float16)", "t.ones_like(t.tensor(F),requires_grad=True).detach()"),
    *(f"t.arange({args})" for args in ("5", "5.", "0", "1,5", "1,6,2", "5,1,-1", "5,0,-2", "3,3", "end=3", "1,end=3")),
    *(f"t.arange({args})" for args in ("start=1,end=3", "0,1,.1", "-1,1,.25", "1.,-1.,-.3", "True", "t.tensor(3.)")),
    *(f"t.arange({args})" for args in ("np.float64(3)", "np.int32(3)", "0,5.5,1.5,dtype=t.int64", "2.9,dtype=t.int64")),
    *(f"t.arange(-3,7,2,dtype=t.{dtype})" for dtype in ("int8", "int16", "int32", "float16", "float32", "float64")),
    *(f"t.{f}({args})" for f in ("linspace", "logspace") for args in ("0,1,5", "0,3,4", "3,-2,7", "0,1,1", "0,1,0")),
    *(f"t.{f}(0.9,3.9,6,dtype=t.{d})" for f in ("linspace", "logspace") for d in ("int64", "float16", "float64")),
    *("t.linspace(t.tensor(0.),2,3)", "t.linspace(start=0,end=1,steps=3)", "t.logspace(0,3,4,base=2)"),
    *("t.logspace(0,3,4,2,dtype=t.int64)", "t.logspace(0,1,3,-2)", "t.linspace(-1e30,1e30,5)"),
    *(f"t.eye({args})" for args in ("3", "2,3", "3,2", "0", "2,0", "2,dtype=t.bool", "2,dtype=t.int8")),
    *(f"t.{f}(t.tensor(A),{k})" for f in ("tril", "triu", "diag") for k in (-2, -1, 0, 1, 2)),
]  # fmt: skip


def namespace(t: Any) -> dict[str, Any]:
    return {"t": t, "np": np, "A": A, "F": F, "nan": NAN}


@pytest.mark.parametrize("expression", SAME)
def test_values_dtype_and_shape_are_pytorchs(expression: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch, the reference for these results, is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = eval(expression, namespace(torch))
    got = eval(expression, namespace(wg))
    assert str(got.dtype) == str(expected.dtype).removeprefix("torch.")
    assert tuple(got.shape) == tuple(expected.shape)
    assert got.requires_grad == expected.requires_grad
    tolerance = {"float16": 2e-3, "float32": 5e-7, "float64": 1e-15}.get(str(got.dtype), 0)
    np.testing.assert_allclose(got.numpy(), expected.numpy(), rtol=tolerance, atol=tolerance)


# Where PyTorch raises RuntimeError for a wrong value or dtype, wengert says ValueError, OverflowError or TypeError.
BOTH_REFUSE = [
    "t.tensor('a')", "t.tensor(['a'])", "t.tensor(None)", "t.tensor([None])", "t.tensor(v for v in [1])",
    "t.tensor({1})", "t.tensor([[1,2],[3]])", "t.tensor([[1,2],3])", "t.tensor([1,[2]])", "t.tensor(2**63)",
    "t.tensor([300],dtype=t.uint8)", "t.tensor([float('nan')],dtype=t.int64)", "t.tensor([1],requires_grad=True)",
    "t.from_numpy([1])", "t.from_numpy(np.array(['a']))", "t.from_numpy(np.array([None]))",
    "t.from_numpy(np.zeros(2,'>f4'))", "t.zeros()", "t.zeros(-1)", "t.zeros(2.)", "t.zeros('a')", "t.zeros((2,),(3,))",
    "t.zeros(2,dtype=t.int64,requires_grad=True)", "t.full((2,),300,dtype=t.uint8)", "t.full((2,),1e40)",
    "t.full((2,),'a')", "t.full((2,),None)", "t.full((2,),t.ones(2))", "t.arange(5,1)", "t.arange(0,5,0)",
    "t.arange(-1)", "t.arange(0,float('inf'))", "t.arange(1,step=2)", "t.arange(2,dtype=t.bool)", "t.arange('a')",
    "t.arange()", "t.arange(3,requires_grad=True)", "t.linspace(0,1,-1)", "t.linspace(0,1)", "t.linspace(0,1,2.5)",
    "t.eye(-1)", "t.eye(2.)", "t.tril(t.ones(3))", "t.triu(t.ones(()))", "t.tril(t.ones(2,2),diagonal=1.)",
    "t.diag(t.ones(2,2,2))", "t.diag(t.ones(()))", "t.meshgrid(t.arange(2),t.arange(3.))", "t.meshgrid(t.ones(2,2))",
    "t.asarray([1],copy=False)", "t.asarray(np.ones(2),dtype=t.float32,copy=False)",
]  # fmt: skip
KINDS = {RuntimeError: (RuntimeError, ValueError, TypeError, OverflowError)}


@pytest.mark.parametrize("expression", BOTH_REFUSE)
def test_what_pytorch_refuses_is_refused(expression: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch, the reference for these errors, is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises((RuntimeError, ValueError, TypeError, IndexError)) as theirs:
            eval(expression, namespace(torch))
    kind = RuntimeError if isinstance(theirs.value, RuntimeError) else theirs.type
    with pytest.raises(KINDS.get(kind, (kind, *DIFFERENT.get(expression, ())))):
        eval(expression, namespace(wg))


# Chosen otherwise than PyTorch: a ragged list is a ValueError and a str is a TypeError wherever they stand.
DIFFERENT: dict[str, tuple[type[Exception], ...]] = {
    "t.tensor(['a'])": (TypeError,),
    "t.tensor([[1,2],3])": (ValueError,),
    "t.tensor([1,[2]])": (ValueError,),
    "t.tensor(2**63)": (OverflowError,),
}
