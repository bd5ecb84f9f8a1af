"""No copy where PyTorch makes none: what shows the same memory is written through on either side."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg

VIEWS: dict[str, Callable[[wg.Tensor], Any]] = {
    "x[0]": lambda x: x[0],
    "x[1:]": lambda x: x[1:],
    "x[:, ::2]": lambda x: x[:, ::2],
    "x[::-1]": lambda x: x[::-1],
    "x[..., 1]": lambda x: x[..., 1],
    "x[None]": lambda x: x[None],
    "x[0, 1]": lambda x: x[0, 1],
    "x[:]": lambda x: x[:],
    "T": lambda x: x.T,
    "mT": lambda x: x.mT,
    "t": lambda x: x.t(),
    "transpose": lambda x: x.transpose(0, 1),
    "permute": lambda x: x.permute(1, 0),
    "movedim": lambda x: x.movedim(0, 1),
    "reshape": lambda x: x.reshape(2, 6),
    "view": lambda x: x.view(-1),
    "flatten": lambda x: x.flatten(),
    "ravel": lambda x: x.ravel(),
    "unflatten": lambda x: x.unflatten(1, (2, 2)),
    "squeeze": lambda x: x[None].squeeze(0),
    "unsqueeze": lambda x: x.unsqueeze(1),
    "split": lambda x: x.split(2)[0],
    "chunk": lambda x: x.chunk(2, 1)[1],
    "unbind": lambda x: x.unbind(1)[2],
    "iteration": lambda x: next(iter(x)),
    "narrow": lambda x: x.narrow(0, 1, 2),
    "select": lambda x: x.select(1, 0),
    "diagonal": lambda x: x.diagonal(),
    "detach": lambda x: x.detach(),
    "data": lambda x: x.data,
    "contiguous": lambda x: x.contiguous(),
    "to the same dtype": lambda x: x.to(wg.float32),
    "float": lambda x: x.float(),
    "view_as": lambda x: x.view_as(wg.zeros(4, 3)),
    "copy.copy": copy.copy,
    "as_tensor": wg.as_tensor,
    "numpy": lambda x: x.numpy(),
    "np.asarray": np.asarray,
    "memoryview": lambda x: np.asarray(memoryview(x)),
    "from_numpy": lambda x: wg.from_numpy(x.numpy()),
    "np.from_dlpack": np.from_dlpack,
    "from_dlpack": wg.from_dlpack,
}
if np.lib.NumpyVersion(np.__version__) < "2.2.0":  # whose importer makes all that it takes in read-only
    del VIEWS["np.from_dlpack"]
READ_ONLY_VIEWS: dict[str, Callable[[wg.Tensor], Any]] = {
    "expand": lambda x: x[None].expand(2, 3, 4),
    "broadcast_to": lambda x: wg.broadcast_to(x, (2, 3, 4)),
    "broadcast_tensors": lambda x: wg.broadcast_tensors(x, wg.zeros(2, 1, 1))[0],
}
COPIES: dict[str, Callable[[wg.Tensor], Any]] = {
    "clone": lambda x: x.clone(),
    "x[[0, 1]]": lambda x: x[[0, 1]],
    "x[mask]": lambda x: x[x >= 0],
    "tensor": wg.tensor,
    "deepcopy": copy.deepcopy,
    "contiguous of a transpose": lambda x: x.T.contiguous(),
    "reshape of a transpose": lambda x: x.T.reshape(-1),
    "to another dtype": lambda x: x.double(),
    "flip": lambda x: x.T.clone().flip(0),
    "repeat": lambda x: x.repeat(1, 1),
    "tolist": lambda x: np.array(x.tolist()),
    "np.array": np.array,
    "max": lambda x: x.max(1).values,
    "max of a vector": lambda x: x[0].max(0).values,
    "median of a vector": lambda x: x[0].median(),
    "sort": lambda x: x.sort().values,
    "gather": lambda x: x.gather(1, wg.zeros(3, 1, dtype=wg.int64)),
    "take": lambda x: x.take(wg.tensor(1)),
    "index_select": lambda x: x[0].index_select(0, wg.tensor(1)),
    "sum over nothing": lambda x: x.sum(()),
}


def items() -> wg.Tensor:
    return wg.arange(12.0).reshape(3, 4).clone()


def memory(x: Any) -> np.ndarray:
    return x.numpy() if isinstance(x, wg.Tensor) else x


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_is_written_through_in_both_directions(name: str) -> None:
    x = items()
    view = VIEWS[name](x)
    assert np.shares_memory(memory(view), x.numpy())
    memory(view)[...] = -1
    assert (x == -1).any()
    assert (x == -1).sum() == memory(view).size
    x.fill_(7)
    assert (memory(view) == 7).all()


@pytest.mark.parametrize("name", READ_ONLY_VIEWS)
def test_a_broadcast_view_shows_the_memory_and_cannot_be_written(name: str) -> None:
    x = items()
    view = READ_ONLY_VIEWS[name](x)
    assert np.shares_memory(view.numpy(), x.numpy())
    x.fill_(7)
    assert (view == 7).all()
    with pytest.raises(RuntimeError, match="clone"):
        view.add_(1)


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_has_memory_of_its_own(name: str) -> None:
    x = items()
    other = COPIES[name](x)
    assert not np.shares_memory(memory(other), x.numpy())


def test_from_numpy_shares_any_strides_and_keeps_the_array_alive() -> None:
    array = np.arange(24.0).reshape(4, 6)[::-2, 1::2]
    x = wg.from_numpy(array)
    x[0, 0] = -5
    assert array[0, 0] == -5
    assert x.stride() == tuple(n // 8 for n in array.strides)
    del array
    assert x[0, 0] == -5


def test_from_numpy_of_read_only_memory_refuses_to_write() -> None:
    array = np.arange(3.0)
    array.flags.writeable = False
    x = wg.from_numpy(array)
    with pytest.raises(RuntimeError, match="read-only"):
        x.add_(1)
    assert array.tolist() == [0, 1, 2]


def test_changes_keep_the_identity_and_the_memory() -> None:
    x, y = items(), wg.ones(3, 4)
    place, address = id(x), x.data_ptr()
    x += y
    x -= 1
    x *= 2
    x /= 2
    x **= 1
    x[:] = y
    x[0] += 1
    x.zero_().fill_(3).copy_(y).add_(1).mul_(2).clamp_(0, 5).uniform_().normal_()
    assert (id(x), x.data_ptr()) == (place, address)


def test_data_replaces_the_memory_and_its_changes_count() -> None:
    x = wg.ones(3, requires_grad=True)
    y = (x * x).sum()
    x.data.mul_(2)
    assert x.tolist() == [2, 2, 2]
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()
    x.data = wg.zeros(2)
    assert x.shape == (2,)
    assert x.requires_grad


def test_a_shared_change_is_told_to_the_walk() -> None:
    x = wg.ones(3, requires_grad=True)
    h = x * 2
    y = (h * h).sum()
    h.detach()[0] = 100
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()
