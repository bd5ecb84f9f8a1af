"""Tensors among NumPy, PyTorch, JAX, Arrow, polars, xarray and matplotlib: functions and operators from either side,
and shared memory."""

from __future__ import annotations

import copy
import gc
import io
import pickle
import sys
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest

import wengert as wg

ARRAY = np.array([[0.5, -1.25, 2.0], [1.5, 0.25, -0.75]])


def leaf() -> wg.Tensor:
    return wg.tensor(ARRAY + 1, requires_grad=True)


# ---------------------------------------------------------------- NumPy's functions of tensors

DIFFERENTIABLE: dict[str, Callable[[Any, np.ndarray], Any]] = {
    "array + t": lambda t, a: a + t,
    "t + array": lambda t, a: t + a,
    "array - t": lambda t, a: a - t,
    "array * t": lambda t, a: a * t,
    "array / t": lambda t, a: a / (t * t + 1),
    "array ** t": lambda t, a: np.abs(a) ** t,
    "t ** array": lambda t, a: (t * t + 1) ** a,
    "array @ t": lambda t, a: a @ t.T,
    "t @ array": lambda t, a: t @ a.T,
    "array % t": lambda t, a: a % (t * t + 1),
    "np.float64 * t": lambda t, a: np.float64(2) * t,
    "t * np.float64": lambda t, a: t * np.float64(2),
    "np.exp": lambda t, a: np.exp(t),
    "np.sin": lambda t, a: np.sin(t) + np.cos(t) * np.tanh(t),
    "np.sqrt": lambda t, a: np.sqrt(t * t + 1),
    "np.log": lambda t, a: np.log(np.square(t) + 1),
    "np.power": lambda t, a: np.power(t, 3),
    "np.maximum": lambda t, a: np.maximum(a, t),
    "np.add.reduce": lambda t, a: np.add.reduce(t),
    "np.multiply.outer": lambda t, a: np.multiply.outer(t, a),
    "np.add.accumulate": lambda t, a: np.add.accumulate(t, 1),
    "np.where": lambda t, a: np.where(a > 0, t, a),
    "np.clip": lambda t, a: np.clip(t, -0.1, 1.9),
    "np.sum": lambda t, a: np.sum(t, axis=0),
    "np.mean": lambda t, a: np.mean(t, axis=1, keepdims=True),
    "np.var": lambda t, a: np.var(t),
    "np.std": lambda t, a: np.std(t, axis=0, ddof=1),
    "np.average": lambda t, a: np.average(t, axis=1, weights=np.array([1.0, 2.0, 3.0])),
    "np.prod": lambda t, a: np.prod(t, axis=1),
    "np.max": lambda t, a: np.max(t, axis=1),
    "np.cumsum": lambda t, a: np.cumsum(t),
    "np.concatenate": lambda t, a: np.concatenate([t, t]),
    "np.concatenate of both": lambda t, a: np.concatenate([a, t], axis=1),
    "np.stack": lambda t, a: np.stack([t, a], axis=-1),
    "np.vstack": lambda t, a: np.vstack([t, a]),
    "np.reshape": lambda t, a: np.reshape(t, (3, 2)),
    "np.transpose": lambda t, a: np.transpose(t),
    "np.squeeze": lambda t, a: np.squeeze(np.expand_dims(t, 0)),
    "np.broadcast_to": lambda t, a: np.broadcast_to(t, (4, 2, 3)),
    "np.flip": lambda t, a: np.flip(t, 1),
    "np.roll": lambda t, a: np.roll(t, 1),
    "np.repeat": lambda t, a: np.repeat(t, 2, axis=0),
    "np.tile": lambda t, a: np.tile(t, (2, 1)),
    "np.take": lambda t, a: np.take(t, [0, 2, 0], axis=1),
    "np.sort": lambda t, a: np.sort(t, axis=1),
    "np.diff": lambda t, a: np.diff(t),
    "np.dot": lambda t, a: np.dot(t, a.T),
    "np.outer": lambda t, a: np.outer(t, a),
    "np.einsum": lambda t, a: np.einsum("ij,kj->ik", t, a),
    "np.tensordot": lambda t, a: np.tensordot(t, a, 2),
    "np.trace": lambda t, a: np.trace(t),
    "np.linalg.norm": lambda t, a: np.linalg.norm(t),
    "np.linalg.inv": lambda t, a: np.linalg.inv(t @ t.T),
    "np.linalg.det": lambda t, a: np.linalg.det(t @ t.T),
    "np.linalg.solve": lambda t, a: np.linalg.solve(t @ t.T, a),
    "np.linalg.eigvalsh": lambda t, a: np.linalg.eigvalsh(t @ t.T),
    "np.linalg.svd": lambda t, a: np.linalg.svd(t, compute_uv=False),
    "np.linalg.pinv": lambda t, a: np.linalg.pinv(t),
    "np.linalg.pinv, hermitian": lambda t, a: np.linalg.pinv(t @ t.T, 1e-12, True),
    "np.linalg.lstsq": lambda t, a: np.linalg.lstsq(t.T, a[0], rcond=None)[0],
    "np.linalg.lstsq, rcond": lambda t, a: np.linalg.lstsq(t.T, a.T, -1)[0],
    "np.linalg.cond": lambda t, a: np.linalg.cond(t @ t.T, 1),
    "np.linalg.multi_dot": lambda t, a: np.linalg.multi_dot([t, a.T, t]),
    "np.cross": lambda t, a: np.cross(t, a),
    "np.cross, axes": lambda t, a: np.cross(t.T, a[:1], axisa=0, axisc=0),
    "np.cov": lambda t, a: np.cov(t),
    "np.cov of both": lambda t, a: np.cov(t, a, bias=True),
    "np.cov of columns": lambda t, a: np.cov(t, rowvar=False, ddof=0, aweights=np.array([0.5, 2.0])),
    "np.corrcoef": lambda t, a: np.corrcoef(t, a[0])[0],
    "np.trapezoid": lambda t, a: np.trapezoid(t, dx=0.5, axis=0),
    "np.trapezoid of places": lambda t, a: np.trapezoid(a, t),
    "np.fix": lambda t, a: np.fix(t + 0.3) * t,
    "np.pad": lambda t, a: np.pad(t, 2),
    "np.pad, values": lambda t, a: np.pad(t, ((1, 0), (0, 2)), constant_values=((1, 2), (3, 4))),
    **{
        f"np.pad, {mode}": lambda t, a, mode=mode: np.pad(t, ((1, 0), (1, 2)), mode)  # type: ignore[misc]
        for mode in ("edge", "reflect", "symmetric", "wrap")
    },
    "np.split": lambda t, a: np.concatenate(np.split(t, 3, axis=1), 0),
    "np.split at places": lambda t, a: np.split(t, np.array([1]), axis=1)[1],
    "np.array_split": lambda t, a: np.array_split(t, 2, axis=1)[0],
    "np.hsplit": lambda t, a: np.hsplit(t, [1])[1],
    "np.hsplit of a vector": lambda t, a: np.hsplit(t[0], 3)[2],
    "np.vsplit": lambda t, a: np.vsplit(t, 2)[1],
    "np.dsplit": lambda t, a: np.dsplit(t[None], 3)[0],
    "np.median": lambda t, a: np.median(t, axis=1),
    "np.quantile": lambda t, a: np.quantile(t, 0.3),
    "np.nan_to_num": lambda t, a: np.nan_to_num(t),
}


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_numpys_function_of_a_tensor_gives_numpys_values_and_keeps_the_gradient(name: str) -> None:
    function = DIFFERENTIABLE[name]
    t = leaf()
    out = function(t, ARRAY)
    assert isinstance(out, wg.Tensor)
    np.testing.assert_allclose(out.detach().numpy(), function(t.detach().numpy(), ARRAY), rtol=1e-12)
    assert out.requires_grad
    wg.func.check_gradients(lambda x: function(x, ARRAY), t.detach(), order=1)


def test_numpys_least_squares_and_ranks_of_tensors_give_what_numpy_gives() -> None:
    t = leaf()
    z, residuals, rank, values = np.linalg.lstsq(t.T, ARRAY[0], rcond=None)
    expected = np.linalg.lstsq(t.detach().numpy().T, ARRAY[0], rcond=None)
    for found, right in zip((z, residuals, rank, values), expected, strict=True):
        np.testing.assert_allclose(found.detach().numpy(), right, rtol=1e-9, atol=1e-12)
    assert np.linalg.matrix_rank(t).item() == np.linalg.matrix_rank(t.detach().numpy()) == 2
    assert np.linalg.matrix_rank(t, 1e3).item() == 0
    assert isinstance(np.split(t, 2), list)


def test_numpys_parts_that_are_not_there_are_refused() -> None:
    for function, parts in ((np.split, 4), (np.hsplit, 2), (np.vsplit, 3)):
        with pytest.raises(
            ValueError, match=rf"numpy.{function.__name__}: a dimension of length \d has no {parts} equal"
        ):
            function(leaf(), parts)
    with pytest.raises(ValueError, match=r"numpy\.dsplit: a tensor of shape .2, 3. has too few dimensions"):
        np.dsplit(leaf(), 1)
    with pytest.raises(ValueError, match=r"numpy\.vsplit: a tensor of shape .3,. has too few dimensions"):
        np.vsplit(leaf()[0], 1)
    with pytest.raises(TypeError, match=r"numpy\.pad: of tensors it takes constant, edge"):
        np.pad(leaf(), 1, "maximum")
    with pytest.raises(ValueError, match=r"numpy\.pad: expected widths >= 0"):
        np.pad(leaf(), -1)


WITHOUT_GRADIENT: dict[str, Callable[[Any], Any]] = {
    "np.fft.fft": np.fft.fft,
    "np.interp": lambda t: np.interp(t, [0.0, 1.0], [0.0, 2.0]),
    "np.modf": np.modf,
    "np.spacing": np.spacing,
    "np.add with out": lambda t: np.add(t, 1, out=np.zeros((2, 3))),
    "np.copyto": lambda t: np.copyto(np.zeros((2, 3)), t),
}


@pytest.mark.parametrize("name", WITHOUT_GRADIENT)
def test_where_a_gradient_would_be_lost_a_type_error_says_so(name: str) -> None:
    with pytest.raises(TypeError, match=r"numpy\..*derivative.*would be lost.*detach\(\)\.numpy\(\)"):
        WITHOUT_GRADIENT[name](leaf())
    WITHOUT_GRADIENT[name](leaf().detach())


def test_an_array_cannot_take_over_what_has_a_history_and_a_tensor_can() -> None:
    array = ARRAY.copy()
    with pytest.raises(TypeError, match="would be lost"):
        array += leaf()
    array += leaf().detach()
    np.testing.assert_array_equal(array, 2 * ARRAY + 1)
    t = leaf() * 1
    t += ARRAY
    assert t.requires_grad


def test_comparisons_and_questions_work_from_either_side() -> None:
    t = leaf()
    assert (t > ARRAY).all()
    assert (ARRAY < t).all()  # noqa: SIM300
    assert np.float64(0) < np.sum(t)
    assert (np.shape(t), np.ndim(t), np.size(t)) == ((2, 3), 2, 6)
    assert not np.array_equal(t, ARRAY)
    assert np.allclose(t, ARRAY + 1)
    assert np.isfinite(t).all()
    assert isinstance(np.zeros_like(t), wg.Tensor)


def test_tensors_become_arrays_where_no_gradient_is_lost() -> None:
    x = leaf().detach()
    np.testing.assert_allclose(np.array([x.sum(), x.mean()]), [x.sum().item(), x.mean().item()])
    assert np.histogram(x)[0].sum() == 6
    np.testing.assert_array_equal(np.fft.fft(x), np.fft.fft(x.numpy()))
    assert np.asarray(x, dtype=np.float32).dtype == np.float32
    with pytest.raises(RuntimeError, match="detach"):
        np.asarray(leaf())
    file = io.BytesIO()
    np.save(file, x)
    file.seek(0)
    np.testing.assert_array_equal(np.load(file), x.numpy())


# ---------------------------------------------------------------- what NumPy writes into a tensor

FIRST = np.array([True, False, False, False])
# Of a tensor [0, 1, 2, 3] of float32: what NumPy writes, and what is there then.
WRITES: dict[str, tuple[Callable[[wg.Tensor], Any], list[float]]] = {
    "add.at": (lambda x: np.add.at(x, [0, 0, 1], 1.0), [2, 2, 2, 3]),
    "multiply.at": (lambda x: np.multiply.at(x, wg.tensor([1, 1]), wg.tensor([2.0, 3.0])), [0, 6, 2, 3]),
    "negative.at": (lambda x: np.negative.at(x, [1]), [0, -1, 2, 3]),
    "put": (lambda x: np.put(x, [0, 1], 9.0), [9, 9, 2, 3]),
    "copyto": (lambda x: np.copyto(x, 7.0), [7, 7, 7, 7]),
    "copyto, where": (lambda x: np.copyto(x, wg.tensor(7.0), where=FIRST), [7, 1, 2, 3]),
    "place": (lambda x: np.place(x, FIRST, [5.0]), [5, 1, 2, 3]),
    "putmask": (lambda x: np.putmask(x, FIRST, 5.0), [5, 1, 2, 3]),
    "put_along_axis": (lambda x: np.put_along_axis(x, np.array([0]), 5.0, 0), [5, 1, 2, 3]),
    "fill_diagonal": (lambda x: np.fill_diagonal(x.reshape(2, 2), 5.0), [5, 1, 2, 5]),
    "exp, out": (lambda x: np.exp(np.zeros(4), out=x), [1, 1, 1, 1]),
    "add, out, where": (lambda x: np.add(x, 1, out=x, where=FIRST), [1, 1, 2, 3]),
    "cbrt, out": (lambda x: np.cbrt(np.full(4, 8.0), out=x), [2, 2, 2, 2]),
    "cbrt, out, where": (lambda x: np.cbrt(np.full(4, 8.0), out=x, where=FIRST), [2, 1, 2, 3]),
    "modf, out": (lambda x: np.modf(np.full(4, 1.5), out=(x, np.zeros(4))), [0.5, 0.5, 0.5, 0.5]),
    "add.reduce, out": (lambda x: np.add.reduce(wg.ones(2, 4), 0, out=x), [2, 2, 2, 2]),
    "add.reduceat, out": (lambda x: np.add.reduceat(np.ones(8), [0, 2, 4, 6], out=x), [2, 2, 2, 2]),
    "sum, out": (lambda x: np.sum(np.ones((2, 4)), 0, out=x), [2, 2, 2, 2]),
    "cumsum, out": (lambda x: np.cumsum(x, out=x), [0, 1, 3, 6]),
    "clip, out": (lambda x: np.clip(x, 1, 2, out=x), [1, 1, 2, 2]),
    "matmul, out": (lambda x: np.matmul(np.eye(4), np.ones(4), out=x), [1, 1, 1, 1]),
    "take, out": (lambda x: np.take(np.ones(4, np.float32), [0, 1, 2, 3], out=x), [1, 1, 1, 1]),
}
# What would write past the count of changes, and raises.
REFUSED: dict[str, tuple[Callable[[wg.Tensor], Any], type[Exception]]] = {
    "cumsum, out as a position": (lambda x: np.cumsum(x, 0, None, x), ValueError),
    "copyto by keyword": (lambda x: np.copyto(dst=x, src=7.0), ValueError),
    "nan_to_num": (lambda x: np.nan_to_num(x, copy=False), ValueError),
    "median": (lambda x: np.median(x, overwrite_input=True), ValueError),
    "apply_along_axis": (lambda x: np.apply_along_axis(lambda row: row.__iadd__(1), 0, x), ValueError),
    "sqrt into integers": (lambda x: np.sqrt(np.ones(4), out=wg.zeros(4, dtype=wg.int64)), TypeError),
    "a generator": (lambda x: np.random.default_rng(0).random(4, np.float32, x), ValueError),
    "permuted": (lambda x: np.random.default_rng(0).permuted(np.ones(4, np.float32), out=x), TypeError),
}


def counting() -> wg.Tensor:
    return wg.arange(4.0).clone()


@pytest.mark.parametrize("name", WRITES)
def test_what_numpy_writes_into_a_tensor_is_counted(name: str) -> None:
    write, expected = WRITES[name]
    x, w = counting(), wg.ones(4, requires_grad=True)
    y = (x * w).sum()
    write(x)
    assert x.tolist() == expected
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


@pytest.mark.parametrize("name", WRITES)
def test_what_numpy_would_write_into_a_leaf_is_refused(name: str) -> None:
    write, expected = WRITES[name]
    x = counting().requires_grad_()
    with pytest.raises((TypeError, RuntimeError), match=r"derivative|leaf"):
        write(x)
    assert x.tolist() == [0, 1, 2, 3]
    with wg.no_grad():
        write(x)
    assert x.tolist() == expected


@pytest.mark.parametrize("name", REFUSED)
def test_what_numpy_would_write_uncounted_is_refused(name: str) -> None:
    write, kind = REFUSED[name]
    x = counting()
    with pytest.raises(kind):
        write(x)
    assert x.tolist() == [0, 1, 2, 3]


# ---------------------------------------------------------------- memory shared by protocol


def test_dlpack_shares_memory_with_pytorch_both_ways() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch, which memory is shared with, is not installed")
    for dtype in (wg.float32, wg.float64, wg.float16, wg.int64, wg.int8, wg.uint8, wg.bool):
        x = wg.ones(2, 3, dtype=dtype)
        theirs = torch.from_dlpack(x)
        assert str(theirs.dtype) == f"torch.{dtype}"
        theirs[0, 0] = 0
        assert x[0, 0] == 0
        back = wg.from_dlpack(theirs)
        assert np.shares_memory(back.numpy(), x.numpy())
        ours = wg.from_dlpack(theirs.T[1:])
        ours[1, 1] = 0
        assert theirs[1, 2] == 0
        assert ours.stride() == theirs.T[1:].stride()
    with pytest.raises(BufferError, match="requires a gradient"):
        torch.from_dlpack(wg.ones(2, requires_grad=True))
    with pytest.raises(BufferError, match="detach"):
        wg.from_dlpack(torch.ones(2, requires_grad=True))


def test_dlpack_shares_memory_with_jax_both_ways() -> None:
    jax = pytest.importorskip("jax", reason="JAX, which memory is shared with, is not installed")
    x = wg.arange(6.0)
    theirs = jax.numpy.from_dlpack(x)
    if theirs.unsafe_buffer_pointer() == x.data_ptr():  # JAX copies what is not aligned to its liking
        x[0] = 5
        assert theirs[0] == 5
    np.testing.assert_array_equal(theirs, x.numpy())
    array = jax.numpy.arange(6.0).reshape(2, 3)
    ours = wg.from_dlpack(array)
    assert ours.data_ptr() == array.unsafe_buffer_pointer()
    assert ours.tolist() == array.tolist()
    with pytest.raises(RuntimeError, match="read-only"):
        ours.add_(1)


def test_dlpack_refuses_memory_that_runs_backwards_unless_a_copy_is_asked_for() -> None:
    x = wg.arange(6.0)
    for view in (x[::-1], x.reshape(2, 3)[:, ::-1]):
        with pytest.raises(BufferError, match="backwards"):
            view.__dlpack__()
        with pytest.raises(BufferError, match="backwards"):
            wg.from_dlpack(view)
        copy = wg.from_dlpack(view.__dlpack__(copy=True))
        assert copy.tolist() == view.tolist()
        assert not np.shares_memory(copy.numpy(), x.numpy())
    backwards = np.arange(3.0)[::-1]  # what NumPy hands out, we take
    assert wg.from_dlpack(backwards).tolist() == [2.0, 1.0, 0.0]


def test_dlpack_tells_where_a_tensor_lives() -> None:
    x = wg.ones(2)
    assert x.__dlpack_device__() == (1, 0)
    assert np.from_dlpack(x).tolist() == [1.0, 1.0]
    with pytest.raises(BufferError, match="CPU"):
        x.__dlpack__(dl_device=(2, 0))
    with pytest.raises(BufferError, match="stream"):
        x.__dlpack__(stream=1)


def test_dlpack_shares_memory_with_numpy_that_can_be_written_where_it_may_be() -> None:
    bytes_across = np.zeros((2, 3), np.int8).T
    for array in (np.zeros((2, 3)), bytes_across, np.zeros(()), np.zeros(4, np.bool_)[::2]):
        x = wg.from_dlpack(array)
        assert (x.shape, x.dtype, x.stride()) == (array.shape, array.dtype, wg.from_numpy(array).stride())
        x.fill_(1)
        assert (array == 1).all()
    assert wg.from_dlpack(np.zeros((0, 3))).shape == (0, 3)
    mine = wg.zeros(3)
    wg.from_dlpack(mine).fill_(2)
    assert mine.tolist() == [2.0] * 3
    for unfit in (np.zeros(2, np.uint32), np.zeros(2, complex), np.zeros(2, ">f4")):
        with pytest.raises((TypeError, BufferError)):
            wg.from_dlpack(unfit)


def test_a_capsule_is_used_up_once_and_what_says_nothing_is_not_written() -> None:
    capsule = wg.arange(3.0).__dlpack__()
    x = wg.from_dlpack(capsule)
    with pytest.raises(RuntimeError, match="read-only"):
        x.add_(1)
    with pytest.raises(ValueError, match="PyCapsule"):
        wg.from_dlpack(capsule)


def test_dlpack_keeps_the_memory_alive() -> None:
    x = wg.arange(1000.0)
    capsule = x.__dlpack__()
    y = wg.from_dlpack(capsule)
    del x, capsule
    gc.collect()
    assert y.sum() == 499500
    assert wg.from_dlpack(y, copy=True).data_ptr() != y.data_ptr()
    with pytest.raises(TypeError, match="__dlpack__"):
        wg.from_dlpack([1, 2])


def test_the_buffer_protocol_shows_shape_strides_and_format() -> None:
    x = wg.arange(12, dtype=wg.int32).reshape(3, 4)
    view = memoryview(x)
    assert (view.shape, view.strides, view.format, view.itemsize) == ((3, 4), (16, 4), "i", 4)
    view[1, 2] = 99
    assert x[1, 2] == 99
    assert bytes(x.to(wg.uint8)[0]) == bytes([0, 1, 2, 3])
    assert np.frombuffer(x, np.int32).tolist() == x.flatten().tolist()
    with pytest.raises(BufferError, match="requires a gradient"):
        memoryview(leaf())


# ---------------------------------------------------------------- copies on file and in memory


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickled_tensor_comes_back_with_its_dtype_strides_and_gradient(protocol: int) -> None:
    x = leaf()
    (x * x).sum().backward()
    parameter = wg.nn.Parameter(wg.ones(3, dtype=wg.float64))
    for original in (x, wg.ones(2, dtype=wg.float16), wg.tensor([True]), wg.arange(6).reshape(2, 3).T, parameter):
        back = pickle.loads(pickle.dumps(original, protocol))
        assert type(back) is type(original)
        assert back.equal(original)
        assert back.dtype == original.dtype
        assert back.requires_grad == original.requires_grad
        assert not np.shares_memory(back.detach().numpy(), original.detach().numpy())
    assert pickle.loads(pickle.dumps(x, protocol)).grad.equal(x.grad)


class Named(wg.Tensor):
    """A subclass without an initializer of its own."""


class Tagged(wg.Tensor):
    """A subclass whose initializer takes something else."""

    def __init__(self, tag: str) -> None:
        super().__init__([1.0, 2.0])
        self.tag = tag


@pytest.mark.parametrize("original", [Named([1.0, 2.0]), Tagged("a")], ids=["named", "tagged"])
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_keep_the_subclass_and_its_attributes(original: wg.Tensor, copied: Callable[[Any], Any]) -> None:
    original.requires_grad_()
    back = copied(original)
    assert type(back) is type(original)
    assert back.tolist() == original.tolist()
    assert back.requires_grad
    assert vars(back) == vars(original)


def test_a_deep_copy_is_made_once_and_needs_a_leaf() -> None:
    x = leaf()
    first, second = copy.deepcopy([x, x])
    assert first is second
    assert first is not x
    assert first.requires_grad
    with pytest.raises(RuntimeError, match="leaves"):
        copy.deepcopy(x * 2)
    with pytest.raises(RuntimeError, match="leaves"):
        pickle.dumps(x * 2)


# ---------------------------------------------------------------- tables, labelled arrays, files

DTYPES = (wg.float16, wg.float32, wg.float64, wg.int8, wg.int16, wg.int32, wg.int64, wg.uint8)


def test_arrow_shares_memory_both_ways() -> None:
    pa = pytest.importorskip("pyarrow", reason="pyarrow, which memory is shared with, is not installed")
    for dtype in DTYPES:
        x = wg.arange(4).to(dtype)
        theirs = pa.array(x)
        assert str(theirs.type) == {"float16": "halffloat", "float32": "float", "float64": "double"}.get(
            str(dtype), str(dtype)
        )
        assert theirs.buffers()[1].address == x.data_ptr()
        assert theirs.to_pylist() == x.tolist()
        back = wg.from_dlpack(theirs)
        assert (back.data_ptr(), back.dtype) == (x.data_ptr(), dtype)
        with pytest.raises(RuntimeError, match="read-only"):
            back.add_(1)
    assert pa.array(wg.tensor([True, False])).to_pylist() == [True, False]
    assert pa.array(wg.arange(3), type=pa.float64()).type == pa.float64()
    assert pa.table({"a": wg.ones(2), "b": wg.arange(2)}).schema.types == [pa.float32(), pa.int64()]


def test_arrow_takes_several_dimensions_as_lists_of_fixed_lengths() -> None:
    pa = pytest.importorskip("pyarrow", reason="pyarrow, which memory is shared with, is not installed")
    x = wg.arange(24.0).reshape(2, 3, 4)
    theirs = pa.array(x)
    assert theirs.type == pa.list_(pa.list_(pa.float32(), 4), 3)
    assert theirs.to_pylist() == x.tolist()
    assert theirs.flatten().flatten().buffers()[1].address == x.data_ptr()
    assert pa.array(x.permute(2, 0, 1)).to_pylist() == x.permute(2, 0, 1).tolist()
    assert pa.array(wg.zeros(0, 3)).type == pa.list_(pa.float32(), 3)
    for unfit in (wg.tensor(1.0), wg.zeros(2, 0)):
        with pytest.raises(TypeError, match=r"__arrow_c_array__: .* has shape"):
            pa.array(unfit)
    with pytest.raises(BufferError, match="requires a gradient"):
        pa.array(leaf())


def test_arrays_of_arrow_become_tensors() -> None:
    pa = pytest.importorskip("pyarrow", reason="pyarrow, whose arrays are taken, is not installed")
    assert wg.tensor(pa.array([1.5, None])).isnan().tolist() == [False, True]
    assert wg.as_tensor(pa.chunked_array([[1, 2], [3]])).tolist() == [1, 2, 3]
    assert wg.asarray(pa.array([True, False])).dtype == wg.bool
    labelled = pa.FixedShapeTensorArray.from_numpy_ndarray(ARRAY)
    assert wg.from_numpy(labelled.to_numpy_ndarray()).equal(wg.tensor(ARRAY))
    table = pa.table({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    assert wg.stack([wg.from_dlpack(column.chunk(0)) for column in table.columns], 1).tolist() == [[1, 3], [2, 4]]


def test_without_pyarrow_an_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"pip install pyarrow; or pass x\.numpy\(\)"):
        wg.ones(2).__arrow_c_array__()


def test_polars_takes_tensors_as_columns_and_gives_them_back() -> None:
    pl = pytest.importorskip("polars", reason="polars, whose tables are made and taken, is not installed")
    pytest.importorskip("pyarrow", reason="pyarrow, by way of which polars reads, is not installed")
    x, y = wg.arange(4.0), wg.arange(4)
    frame = pl.DataFrame({"x": x, "y": y, "z": wg.arange(8.0).reshape(4, 2)})
    assert frame.schema == {"x": pl.Float32, "y": pl.Int64, "z": pl.Array(pl.Float32, 2)}
    assert frame["x"].to_list() == x.tolist()
    column = frame["x"].to_numpy()
    assert np.shares_memory(column, x.numpy())
    assert np.shares_memory(wg.from_numpy(column).numpy(), x.numpy())
    assert wg.tensor(frame["y"]).equal(y)
    assert wg.tensor(frame["z"]).tolist() == wg.arange(8.0).reshape(4, 2).tolist()
    assert wg.tensor(frame.select("x", "y")).dtype == wg.float64
    matrix = pl.from_numpy(wg.tensor(ARRAY).numpy())
    assert wg.tensor(matrix).equal(wg.tensor(ARRAY))
    with pytest.raises(BufferError, match="requires a gradient"):
        pl.Series(leaf()[0])


LABELLED: dict[str, Callable[[Any], Any]] = {
    "sum": lambda x: x.sum("a"),
    "mean": lambda x: x.mean("b"),
    "arithmetic": lambda x: (x - x.mean("a")) ** 2 / 3,
    "ufunc": lambda x: np.exp(x),
    "isel": lambda x: x.isel(a=0),
    "sel": lambda x: x.sel(b=[30, 10]),
    "transpose": lambda x: x.transpose("b", "a"),
    "where": lambda x: x.where(x > 0, 0.0),
    "stack": lambda x: x.stack(c=("a", "b")),
    "diff": lambda x: x.diff("b"),
    "roll": lambda x: x.roll(b=1),
    "clip": lambda x: x.clip(-1, 1),
    "groupby": lambda x: x.groupby("b").mean(),
}


@pytest.mark.parametrize("name", LABELLED)
def test_xarray_computes_with_tensors_and_gradients_flow(name: str) -> None:
    xr = pytest.importorskip("xarray", reason="xarray, which labels tensors, is not installed")
    t = wg.tensor(ARRAY, requires_grad=True)

    def labelled(array: Any) -> Any:
        return LABELLED[name](xr.DataArray(array, dims=("a", "b"), coords={"b": [10, 20, 30]}))

    found, right = labelled(t), labelled(ARRAY)
    assert found.dims == right.dims
    assert isinstance(found.data, wg.Tensor)
    np.testing.assert_allclose(found.data.detach().numpy(), right.data, rtol=1e-12)
    (found.data**2).sum().backward()
    assert t.grad is not None
    wg.func.check_gradients(lambda x: labelled(x).data, wg.tensor(ARRAY), order=1)


def test_xarray_keeps_the_tensor_and_gives_it_back() -> None:
    xr = pytest.importorskip("xarray", reason="xarray, which labels tensors, is not installed")
    t = wg.tensor(ARRAY)
    labelled = xr.DataArray(t, dims=("a", "b"))
    assert labelled.data is t
    assert np.shares_memory(labelled.values, t.numpy())
    assert wg.tensor(xr.DataArray(ARRAY)).equal(t)
    assert "tensor(" in repr(labelled)
    assert wg.tensor(xr.Dataset({"u": labelled}).mean()["u"]).allclose(t.mean())


def test_safetensors_reads_what_is_saved_and_saves_what_is_read(tmp_path: Any) -> None:
    files = pytest.importorskip("safetensors.numpy", reason="safetensors, whose files are exchanged, is not installed")
    tensors = {str(dtype): wg.arange(6).to(dtype).reshape(2, 3) for dtype in (*DTYPES, wg.bool)}
    wg.save_safetensors(tensors, tmp_path / "ours")
    theirs = files.load_file(tmp_path / "ours")
    assert {name: (x.dtype, x.tolist()) for name, x in theirs.items()} == {
        name: (x.dtype, x.tolist()) for name, x in tensors.items()
    }
    files.save_file({name: x.numpy() for name, x in tensors.items()}, tmp_path / "theirs")
    ours = wg.load_safetensors(tmp_path / "theirs")
    assert ours.keys() == tensors.keys()
    assert all(ours[name].equal(x) and ours[name].dtype == x.dtype for name, x in tensors.items())


# ---------------------------------------------------------------- matplotlib, the standard library


def test_matplotlib_takes_tensors_as_it_takes_arrays() -> None:
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots()
    x = wg.linspace(0, 1, 5)
    (line,) = axes.plot(x, x**2)
    np.testing.assert_array_equal(line.get_ydata(), (x**2).numpy())
    axes.scatter(x, x, c=x)
    axes.bar(x, x)
    axes.fill_between(x, x, x + 1)
    counts, _, _ = axes.hist(wg.arange(10.0))
    assert counts.sum() == 10
    image = axes.imshow(wg.rand(4, 4))
    assert image.get_array().shape == (4, 4)
    axes.contour(wg.rand(4, 4))
    axes.axhline(wg.tensor(0.5))
    axes.set_xlim(wg.tensor(0.0), wg.tensor(1.0))
    figure.canvas.draw()
    plt.close(figure)


def test_tensors_of_one_item_are_numbers_to_the_standard_library() -> None:
    import math
    import random
    import statistics

    assert math.sqrt(wg.tensor(4.0)) == 2
    assert list(range(wg.tensor(3))) == [0, 1, 2]
    assert [10, 20][wg.tensor(1)] == 20
    assert f"{wg.tensor(0.5):.1%}" == "50.0%"
    assert "%d" % wg.tensor(3) == "3"  # noqa: UP031
    assert statistics.fmean(wg.tensor([1.0, 3.0])) == 2
    assert random.Random(0).choice(wg.arange(3)) in (0, 1, 2)
    assert sum(wg.tensor([1.0, 2.0])) == 3
    assert max(wg.tensor([1.0, 2.0])) == 2
    assert sys.getsizeof(wg.ones(1000)) > 0
    assert {wg.ones(1): "keys go by identity"}
