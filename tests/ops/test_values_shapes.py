"""Right values where shapes, indices and integers are concerned, as PyTorch 2.13 gives them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import linalg
from wengert.core import tape
from wengert.nn import functional as F

X = wg.arange(6.0).reshape(2, 3)

# ---------------------------------------------------------------- shapes


@pytest.mark.parametrize("none", [(), []])
def test_no_dimensions_to_squeeze_is_none_of_them(none: Any) -> None:
    assert wg.ones(1, 2, 1).squeeze(none).shape == (1, 2, 1)
    assert wg.ones(1, 2, 1).squeeze().shape == (2,)


@pytest.mark.parametrize(
    ("change", "shape"),
    [
        (lambda x: x.expand(1, 2, 3), (1, 2, 3)), (lambda x: x.expand(-1, -1), (2, 3)),
        (lambda x: wg.broadcast_to(x, (1, 1, 2, 3)), (1, 1, 2, 3)),
        (lambda x: x.expand_as(wg.ones(1, 2, 3)), (1, 2, 3)),
        (lambda x: wg.meshgrid(x.reshape(-1), wg.ones(1))[0], (6, 1)),
    ],
)  # fmt: skip
def test_a_view_that_repeats_nothing_can_be_written_to(change: Callable[[Any], Any], shape: tuple[int, ...]) -> None:
    x = wg.zeros(2, 3)
    y = change(x)
    assert y.shape == shape
    y += 1
    assert x.tolist() == [[1, 1, 1], [1, 1, 1]]
    s = wg.ones(2, 3, requires_grad=True)
    (change(s * 2) ** 2).sum().backward()
    assert s.grad is not None
    assert s.grad.tolist() == [[8, 8, 8], [8, 8, 8]]


def test_a_view_that_repeats_cannot() -> None:
    with pytest.raises(RuntimeError, match="cannot be written"):
        wg.ones(3).expand(2, 3).add_(1)
    assert wg.ones(0, 3).expand(0, 3).add_(1).shape == (0, 3)


def test_turning_copies() -> None:
    x = X.clone()
    for y in (x.flip(0), x.flip(()), x.fliplr(), x.flipud(), x.rot90(0), x.rot90(), x.rot90(2), x.rot90(3)):
        y.zero_()
    assert x.tolist() == X.tolist()
    assert wg.rot90(X, 3).tolist() == np.rot90(X.numpy(), 3).tolist()
    assert wg.rot90(X, -1, (1, 0)).tolist() == np.rot90(X.numpy(), -1, (1, 0)).tolist()


# ---------------------------------------------------------------- joining


def test_a_vector_without_items_goes_with_all_that_are_joined() -> None:
    nothing = wg.zeros(0, dtype=wg.float64, requires_grad=True)
    x = X.clone().requires_grad_()
    for dim in (0, 1, -1):
        z = wg.cat([nothing, x, nothing, x], dim)
        assert z.tolist() == np.concatenate([X.numpy(), X.numpy()], dim).tolist()
        assert z.dtype == wg.float64  # it counts for the dtype
    z.sum().backward()
    assert nothing.grad is not None
    assert nothing.grad.shape == (0,)
    assert wg.cat([nothing, nothing], 1).shape == (0,)
    assert wg.hstack([wg.zeros(0), X]).shape == (2, 3)
    for other in (wg.zeros(0, 0), wg.zeros(1, 0)):
        with pytest.raises(ValueError, match="must agree"):
            wg.cat([other, X])
    with pytest.raises(IndexError, match="dimension 2"):
        wg.cat([nothing, X], 2)
    with pytest.raises(ValueError, match="0-d"):
        wg.cat([nothing, wg.tensor(1.0)])


@pytest.mark.parametrize("join", [wg.cat, wg.stack])
def test_any_number_of_tensors_is_joined_by_one_operation(join: Any) -> None:
    def operations() -> int:
        return sum(operation.name == join.__name__ for operation in list(tape.OPERATIONS))

    x = wg.ones(2, dtype=wg.float64, requires_grad=True)
    join([x, x]).sum().backward()
    assert operations() == 1
    for count in (3, 40, 4000):
        x.grad = None
        (join([x * k for k in range(count)]) ** 2).sum().backward()
        assert x.grad is not None
        assert x.grad.tolist() == [2 * sum(k * k for k in range(count))] * 2
    assert operations() == 1
    y, t = wg.func.jvp(lambda x: join([x, wg.zeros(2), 2 * x]), (wg.ones(2),), (wg.tensor([1.0, 3.0]),))
    assert t.tolist() == join([wg.tensor([1.0, 3.0]), wg.zeros(2), wg.tensor([2.0, 6.0])]).tolist()
    assert y.shape == t.shape


# ---------------------------------------------------------------- numbers


def test_tensors_of_one_item_in_a_sequence_are_numbers() -> None:
    one, matrix = wg.ones(1), wg.full((1, 1), 2.0, dtype=wg.float64)
    assert wg.tensor([one, one]).tolist() == [1, 1]
    assert wg.tensor([matrix, one, 3]).tolist() == [2, 1, 3]
    assert wg.tensor([matrix, one]).dtype == wg.float64
    assert wg.tensor([3, one]).tolist() == [3, 1]
    assert wg.tensor([[one], [matrix]]).tolist() == [[1], [2]]
    assert wg.as_tensor([one]).tolist() == [1]
    assert wg.tensor([[2.0], one]).tolist() == [[2], [1]]  # it begins with a sequence of one
    assert wg.tensor(one).shape == (1,)
    assert wg.tensor([np.ones(1), np.ones(1)]).shape == (2, 1)  # arrays keep their shape
    with pytest.raises(ValueError, match="ragged"):
        wg.tensor([one, [2.0]])


TENTH = 0.1  # which float32 does not have


@pytest.mark.parametrize(
    "make",
    [
        lambda x: wg.full((1,), TENTH, dtype=wg.float64), lambda x: wg.full_like(x, TENTH),
        lambda x: wg.tensor([TENTH], dtype=wg.float64), lambda x: wg.tensor([np.float64(TENTH)]),
        lambda x: wg.tensor([wg.zeros(1, dtype=wg.float64), TENTH])[1:],
        lambda x: wg.linspace(TENTH, 1, 2, dtype=wg.float64)[:1],
        lambda x: wg.arange(TENTH, 1, 1, dtype=wg.float64), lambda x: x.masked_fill(x == 0, TENTH),
        lambda x: x.index_fill(0, wg.tensor([0]), TENTH), lambda x: wg.index_put(x, ([0],), TENTH),
        lambda x: wg.index_put(x, ([0],), TENTH, accumulate=True), lambda x: x.scatter(0, wg.tensor([0]), TENTH),
        lambda x: x.scatter_add(0, wg.tensor([0]), wg.tensor([TENTH], dtype=wg.float64)),
        lambda x: wg.where(x == 0, TENTH, x), lambda x: F.pad(x, (0, 1), value=TENTH)[1:],
        lambda x: wg.normal(TENTH, 0.0, (1,), dtype=wg.float64), lambda x: x.clone().normal_(TENTH, 0.0),
        lambda x: x.clone().uniform_(TENTH, TENTH), lambda x: x.index_add(0, wg.tensor([0]), x + 1, alpha=TENTH),
    ],
)  # fmt: skip
def test_numbers_keep_the_digits_of_float64(make: Callable[[Any], Any]) -> None:
    assert make(wg.zeros(1, dtype=wg.float64)).tolist() == [TENTH]


def test_an_item_assigned_keeps_the_digits_of_float64() -> None:
    x = wg.zeros(3, dtype=wg.float64)
    x[0] = TENTH
    x[[1]] = TENTH
    x[2:] = [TENTH]
    assert x.tolist() == [TENTH] * 3


@pytest.mark.parametrize(
    "call",
    [
        lambda k: wg.rot90(X, k), lambda k: wg.diagonal(X, k), lambda k: wg.diag(X, k), lambda k: wg.diag_embed(X, k),
        lambda k: wg.roll(X, k), lambda k: wg.roll(X, 1, k), lambda k: X.repeat(1, k), lambda k: X.tile(k),
        lambda k: X.narrow(0, k, 1), lambda k: X.narrow(0, 0, k), lambda k: X.narrow(k, 0, 1), lambda k: X.chunk(k),
        lambda k: X.split(k), lambda k: X.split([k, 1]), lambda k: X.tensor_split(k), lambda k: X.tensor_split([k]),
        lambda k: X.select(0, k), lambda k: X.unsqueeze(k), lambda k: X.squeeze(k), lambda k: X.flip(k),
        lambda k: X.expand(k, 2, 3), lambda k: X.reshape(k, -1), lambda k: X.view(k, -1), lambda k: X.permute(k, 0),
        lambda k: X.unflatten(0, (k, -1)), lambda k: X.flatten(k), lambda k: X.movedim(k, 0), lambda k: X.tril(k),
        lambda k: X.triu(k), lambda k: wg.eye(k), lambda k: wg.zeros(k), lambda k: wg.randperm(k), lambda k: X[k:],
        lambda k: wg.linspace(0, 1, k), lambda k: F.one_hot(wg.tensor([0]), k), lambda k: wg.tensordot(X, X.T, k),
        lambda k: wg.repeat_interleave(X, k), lambda k: wg.unbind(X, k), lambda k: wg.cat([X, X], k),
        lambda k: wg.stack([X, X], k), lambda k: X.transpose(0, k), lambda k: wg.broadcast_to(X, (k, 2, 3)),
        lambda k: wg.einsum(X, [0, k], [0, k]), lambda k: wg.multinomial(X + 1, k), lambda k: wg.randint(k, (2,)),
    ],
)  # fmt: skip
def test_fractions_are_no_integers(call: Callable[[Any], Any]) -> None:
    for k in (1.5, 1.0, np.float32(1), wg.tensor(1.0), "1"):
        with pytest.raises((TypeError, ValueError, IndexError)):
            call(k)
    call(np.int64(1))


def test_dimensions_are_called_axes_too() -> None:
    x = wg.ones(1, 2, 3)
    assert x.squeeze(axis=0).shape == (2, 3)
    assert x.unsqueeze(axis=1).shape == (1, 1, 2, 3)
    assert x.narrow(axis=2, start=1, length=2).shape == (1, 2, 2)
    assert x.select(axis=1, index=0).shape == (1, 3)
    assert x.flip(axis=2).shape == x.flip(axis=(0, 2)).shape == (1, 2, 3)
    assert x.unflatten(axis=2, sizes=(3, 1)).shape == (1, 2, 3, 1)
    assert wg.swapaxes(x, axis0=0, axis1=2).shape == (3, 2, 1)
    assert wg.unbind(x, axis=1)[0].shape == wg.split(x, 1, axis=1)[0].squeeze(axis=1).shape
    for call in (x.squeeze, x.unsqueeze, x.unbind):
        with pytest.raises(TypeError, match="one thing"):
            call(0, axis=0)


def test_pieces_are_cut_where_a_tensor_says() -> None:
    assert [x.tolist() for x in wg.tensor_split(wg.arange(4), wg.tensor([1, 3]))] == [[0], [1, 2], [3]]
    assert len(wg.tensor_split(wg.arange(4), wg.tensor(2))) == 2


def test_the_length_of_repeated_items_may_be_told() -> None:
    assert wg.repeat_interleave(wg.arange(2), wg.tensor([1, 2]), output_size=3).tolist() == [0, 1, 1]
    with pytest.raises(ValueError, match="3 item"):
        wg.repeat_interleave(wg.arange(2), wg.tensor([1, 2]), output_size=4)
    with pytest.raises(ValueError, match="-1"):
        wg.repeat_interleave(wg.arange(2), wg.tensor([1, -1]))


# ---------------------------------------------------------------- sums of products


def test_einsum_takes_numbers_of_dimensions() -> None:
    x, y = X.clone().requires_grad_(), wg.arange(12.0).reshape(3, 4)
    assert wg.einsum(x, [0, 1], y, [1, 2], [0, 2]).tolist() == (x @ y).tolist()
    assert wg.einsum(x, [0, 1], y, [1, 2]).tolist() == (x @ y).tolist()
    assert wg.einsum(x, [51, 1]).shape == (3, 2)  # in the order of the numbers
    assert wg.einsum(wg.ones(5, 2, 3), [..., 0, 1], [..., 1]).shape == (5, 3)
    assert wg.einsum(wg.ones(2, 2), (0, 0)).tolist() == 2
    wg.einsum(x, [0, 1], x, [0, 1], []).backward()
    assert x.grad is not None
    assert x.grad.tolist() == (2 * X).tolist()
    for wrong in ([52, 1], [-1, 1]):
        with pytest.raises(ValueError, match="0 to 51"):
            wg.einsum(X, wrong)
    with pytest.raises(TypeError, match="list of numbers"):
        wg.einsum(X, X)


@pytest.mark.parametrize("equation", ["...a...", "......a", "...a->......a", "a...,a......", "....a"])
def test_an_ellipsis_stands_once_in_a_term(equation: str) -> None:
    with pytest.raises(ValueError, match="einsum"):
        wg.einsum(equation, *[X] * (1 + equation.count(",")))


# ---------------------------------------------------------------- indices


@pytest.mark.parametrize("dtype", [wg.float16, wg.bool, wg.float32])
@pytest.mark.parametrize("dim", [0, 1])
def test_what_is_added_at_one_index_is_added_up_in_full(dtype: Any, dim: int) -> None:
    source = wg.ones(4096, 2).to(dtype)
    source = source if dim == 0 else source.T
    x = wg.zeros(2, 2).to(dtype)
    z = x.index_add(dim, wg.zeros(4096, dtype=wg.int64), source)
    most = True if dtype == wg.bool else 4096
    want = [[most, most], [0, 0]] if dim == 0 else [[most, 0], [most, 0]]
    assert z.tolist() == want
    assert z.dtype == dtype


@pytest.mark.parametrize(
    "pick",
    [
        lambda x, i: x[i], lambda x, i: x[i, 0], lambda x, i: x[:, i], lambda x, i: x.index_select(0, i),
        lambda x, i: x.take(i), lambda x, i: x.gather(0, i[:, None]), lambda x, i: x.index_add(0, i, x),
        lambda x, i: wg.index_put(x, (i,), x * 2), lambda x, i: x.index_copy(0, i, x * 2),
        lambda x, i: x[i[:, None], i],
    ],
)  # fmt: skip
def test_an_index_that_was_changed_before_the_walk_is_found_out(pick: Callable[[Any, Any], Any]) -> None:
    x, i = wg.ones(2, 2, requires_grad=True), wg.tensor([0, 1])
    y = pick(x * x, i).sum()
    i.fill_(1)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_an_array_that_indexes_is_copied() -> None:
    x, i = wg.ones(2, requires_grad=True), np.array([0, 0])
    y = x[i].sum()
    i[:] = 1
    y.backward()
    assert x.grad is not None
    assert x.grad.tolist() == [2, 0]


def _rewriting(index: Any, good: int, bad: int, done: threading.Event) -> None:
    array = index.numpy()
    while not done.is_set():
        array[-1] = bad
        array[-1] = good


N = 100_000  # so many that NumPy and the kernels let other threads run


@pytest.mark.parametrize(
    "use",
    [
        lambda x, i: x[i], lambda x, i: x[:, 0][i], lambda x, i: x.index_select(0, i),
        lambda x, i: x[:2].index_select(1, i), lambda x, i: x.index_add(0, i, x), lambda x, i: x[i, i],
        lambda x, i: x.gather(0, i[:, None]), lambda x, i: x.index_copy(0, i, x),
        lambda x, i: x.scatter(0, i[:, None], 1.0), lambda x, i: x.take(i), lambda x, i: x.half()[i],
        lambda x, i: x.clone().__setitem__(i, 1.0), lambda x, i: x.clone().__setitem__((i, i), 1.0),
        lambda x, i: wg.index_put(x, (i, i), wg.ones(N), accumulate=True), lambda x, i: F.embedding(i, x),
        lambda x, i: wg.func.grad(lambda x: x[i].sum())(x),
    ],
)  # fmt: skip
def test_a_thread_that_rewrites_an_index_cannot_spoil_memory(use: Callable[[Any, Any], Any]) -> None:
    x, index, done = wg.ones(N, 3), wg.zeros(N, dtype=wg.int64), threading.Event()
    writer = threading.Thread(target=_rewriting, args=(index, 1, 2**40, done))
    writer.start()
    try:
        for _ in range(30):
            with contextlib.suppress(IndexError, RuntimeError):  # out of range, or changed before the walk
                use(x, index)
    finally:
        done.set()
        writer.join()


@pytest.mark.parametrize(
    "use",
    [
        lambda x, m: x[m], lambda x, m: x.masked_select(m), lambda x, m: wg.nonzero(m),
        lambda x, m: wg.index_put(x, (m,), 1),
        lambda x, m: x.clone().__setitem__(m, 1.0), lambda x, m: x.masked_scatter(m, x),
        lambda x, m: x.repeat_interleave(m.view(wg.uint8)),
    ],
)  # fmt: skip
def test_a_thread_that_rewrites_a_mask_cannot_spoil_memory(use: Callable[[Any, Any], Any]) -> None:
    x, mask, done = wg.ones(N), wg.zeros(N, dtype=wg.bool), threading.Event()
    writer = threading.Thread(target=_rewriting, args=(mask, 0, 1, done))
    writer.start()
    try:
        for _ in range(30):
            use(x, mask)
    finally:
        done.set()
        writer.join()


def test_scattered_by_mask_gives_each_its_own() -> None:
    x, source = wg.zeros(2, 3, requires_grad=True), wg.arange(1.0, 7.0).requires_grad_()
    mask = wg.tensor([True, False, True])
    z = x.masked_scatter(mask, source)
    assert z.tolist() == [[1, 0, 2], [3, 0, 4]]
    (z * z).sum().backward()
    assert source.grad is not None
    assert x.grad is not None
    assert source.grad.tolist() == [2, 4, 6, 8, 0, 0]
    assert x.grad.tolist() == [[0, 0, 0], [0, 0, 0]]
    assert x.masked_scatter(wg.tensor(False), wg.zeros(0)).tolist() == x.tolist()
    with pytest.raises(ValueError, match="4 true"):
        x.masked_scatter(mask, source[:3])


def test_powers_of_matrices_are_copies() -> None:
    x = wg.eye(2)
    linalg.matrix_power(x, 1).zero_()
    assert x.tolist() == [[1, 0], [0, 1]]
    assert not np.shares_memory(wg.ones(1).logcumsumexp(0).numpy(), wg.ones(1).numpy())
