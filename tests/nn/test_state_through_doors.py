"""What training changes in place passes through `doors.change`: checked before anything is written, and counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import nn, optim
from wengert.core.doors import Value
from wengert.nn import init, utils
from wengert.ops import updates

KINDS: dict[str, Callable[[Any], optim.Optimizer]] = {
    "SGD": lambda params: optim.SGD(params, lr=0.1),
    "SGD with momentum": lambda params: optim.SGD(params, lr=0.1, momentum=0.9, dampening=0.5),
    "Adam": lambda params: optim.Adam(params, lr=0.1),
    "Adam with amsgrad": lambda params: optim.Adam(params, lr=0.1, amsgrad=True),
    "AdamW": lambda params: optim.AdamW(params, lr=0.1),
    "RMSprop": lambda params: optim.RMSprop(params, lr=0.1, centered=True, momentum=0.5),
    "Adagrad": lambda params: optim.Adagrad(params, lr=0.1),
}
by_name = pytest.mark.parametrize("name", KINDS)


def parameter(items: Any, dtype: Any = wg.float32) -> Any:
    p = nn.Parameter(wg.tensor(items, dtype=dtype))
    p.grad = wg.ones(p.shape, dtype=dtype)
    return p


def over(array: np.ndarray) -> Any:
    """A parameter over an array's own memory, with a gradient."""
    p = nn.Parameter(wg.from_numpy(array))
    p.grad = wg.ones(array.shape, dtype=p.dtype)
    return p


def repeated(writable: bool) -> np.ndarray:
    """Three items that are one in memory."""
    return np.lib.stride_tricks.as_strided(np.ones(1, np.float32), (3,), (0,), writeable=writable)


# ---------------------------------------------------------------- all or nothing


@by_name
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_step_that_meets_memory_it_cannot_write_changes_nothing(name: str, dtype: Any) -> None:
    good, other = parameter([1.0, 2.0]), parameter([3.0], wg.float64)
    expanded = nn.Parameter(wg.ones(1, dtype=dtype).expand(4))
    expanded.grad = wg.ones(4, dtype=dtype)
    optimizer = KINDS[name]([{"params": [good]}, {"params": [other, expanded]}])
    before = {p: dict(s) for p, s in optimizer.state.items()}
    with pytest.raises(RuntimeError, match=r"step: this tensor of shape \(4,\) shows memory that cannot be written"):
        optimizer.step()
    assert good.tolist() == [1, 2]
    assert other.tolist() == [3]
    assert expanded.tolist() == [1, 1, 1, 1]
    assert (good._version, other._version, expanded._version) == (0, 0, 0)
    assert {p: dict(s) for p, s in optimizer.state.items() if s} == before


@by_name
def test_items_in_one_place_of_memory_are_not_written(name: str) -> None:
    good, together = parameter([1.0]), over(repeated(writable=True))
    with pytest.raises(RuntimeError, match=r"a tensor of shape \(3,\).*several items in one place"):
        KINDS[name]([good, together]).step()
    assert (good.item(), together.tolist()) == (1, [1, 1, 1])
    assert (good._version, together._version) == (0, 0)


def remembered(optimizer: optim.Optimizer) -> list[dict[str, Any]]:
    return [{key: np.array(value).tolist() for key, value in state.items()} for state in optimizer.state.values()]


@by_name
@pytest.mark.parametrize("steps", [0, 1])
def test_a_gradient_that_does_not_fit_leaves_parameters_and_state_as_they_were(name: str, steps: int) -> None:
    good, bad = parameter([1.0, 2.0]), parameter([3.0])
    optimizer = KINDS[name]([good, bad])
    for _ in range(steps):
        optimizer.step()
    items, version = good.tolist(), good._version
    known = [state for state in remembered(optimizer) if state]
    bad.data = wg.ones(3)  # its gradient has the shape that it had
    with pytest.raises(ValueError, match="like its parameter"):
        optimizer.step()
    assert (good.tolist(), good._version) == (items, version)
    assert [state for state in remembered(optimizer) if state] == known


@by_name
def test_a_model_in_float16_is_refused_at_the_step(name: str) -> None:
    layer = nn.Linear(2, 1)
    optimizer = KINDS[name](layer.parameters())
    layer.half()
    for p in layer.parameters():
        p.grad = wg.ones(p.shape, dtype=wg.float16)
    before = layer.weight.tolist()
    with pytest.raises(TypeError, match=r"step: parameter 0 is float16"):
        optimizer.step()
    assert layer.weight.tolist() == before


def test_clipping_that_meets_memory_it_cannot_write_changes_nothing() -> None:
    good, bad = parameter([3.0]), parameter([4.0, 4.0])
    bad.grad = wg.ones(1).expand(2)
    for clip in (lambda: utils.clip_grad_norm_([good, bad], 0.1), lambda: utils.clip_grad_value_([good, bad], 0.1)):
        with pytest.raises(RuntimeError, match=r"clip_grad_\w+: .*cannot be written"):
            clip()
        assert (good.grad.item(), good.grad._version) == (1, 0)


def test_a_state_that_meets_memory_it_cannot_write_is_not_loaded() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.lazy = nn.Parameter(wg.zeros(2)), nn.UninitializedParameter()
            self.second = nn.Parameter(wg.zeros(1).expand(2))

    net = Two()
    with pytest.raises(RuntimeError, match="load_state_dict: this tensor of shape"):
        net.load_state_dict({"first": wg.ones(2), "second": wg.ones(2), "lazy": wg.ones(3)})
    assert net.first.tolist() == [0, 0]
    assert isinstance(net.lazy, nn.UninitializedParameter)


def test_a_vector_of_another_category_changes_no_parameter() -> None:
    first, second = nn.Parameter(wg.zeros(2)), nn.Parameter(wg.zeros(1, dtype=wg.int64), requires_grad=False)
    with pytest.raises(TypeError, match="a vector of float32 cannot be kept in a parameter of int64"):
        utils.vector_to_parameters(wg.ones(3), [first, second])
    assert first.tolist() == [0, 0]


# ---------------------------------------------------------------- counted


@by_name
def test_a_step_counts_the_changes_of_parameters_and_of_what_is_remembered(name: str) -> None:
    first, second = parameter([1.0]), over(np.ones((2, 3), np.float32).T)
    optimizer = KINDS[name]([first, second])
    for k in (1, 2):
        optimizer.step()
        buffers = [x for state in optimizer.state.values() for x in state.values() if isinstance(x, wg.Tensor)]
        assert {x._version for x in (first, second, *buffers)} == {k}


@by_name
def test_one_kernel_changes_all_parameters(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    kernel_name = name.split()[0].lower().replace("adamw", "adam")
    kernel = getattr(updates, kernel_name)

    def counted(*arrays: Any, count: int, **static: Any) -> None:
        calls.append(count)
        kernel(*arrays, count=count, **static)

    monkeypatch.setattr(updates, kernel_name, counted)
    KINDS[name]([parameter([float(k)]) for k in range(50)]).step()
    assert calls == [50]


def graph_over(x: wg.Tensor) -> wg.Tensor:
    """A result whose derivative needs x."""
    w = wg.ones(x.shape, dtype=x.dtype, requires_grad=True)
    return (w * x).sum()


def changes() -> dict[str, tuple[wg.Tensor, Callable[[], Any]]]:
    norm = nn.BatchNorm1d(2)
    p, q, r = (parameter([3.0, 4.0]) for _ in range(3))
    layer = nn.Linear(2, 1)
    weight = nn.Parameter(wg.ones(2, 2))
    return {
        "running_mean": (norm.running_mean, lambda: norm(wg.ones(3, 2))),
        "running_var": (norm.running_var, lambda: norm(wg.ones(3, 2))),
        "reset_running_stats": (norm.running_mean, norm.reset_running_stats),
        "clip_grad_norm_": (p.grad, lambda: utils.clip_grad_norm_(p, 0.5)),
        "clip_grad_value_": (q.grad, lambda: utils.clip_grad_value_(q, 0.5)),
        "zero_grad": (r.grad, lambda: optim.SGD([r]).zero_grad(set_to_none=False)),
        "load_state_dict": (layer.weight, lambda: layer.load_state_dict(nn.Linear(2, 1).state_dict())),
        "vector_to_parameters": (layer.bias, lambda: utils.vector_to_parameters(wg.ones(1), [layer.bias])),
        "data": (layer.weight, lambda: setattr(layer.weight, "data", wg.ones(1, 2))),
        **{
            name: (weight, lambda name=name: getattr(init, name)(weight))
            for name in (
                "zeros_", "ones_", "eye_", "uniform_", "normal_", "trunc_normal_", "orthogonal_", "xavier_uniform_",
                "xavier_normal_", "kaiming_uniform_", "kaiming_normal_",
            )
        },
        "constant_": (weight, lambda: init.constant_(weight, 2.0)),
    }  # fmt: skip


@pytest.mark.parametrize("what", list(changes()))
def test_a_graph_from_before_a_change_is_not_walked_after_it(what: str) -> None:
    x, change = changes()[what]
    loss = graph_over(x)
    change()
    with pytest.raises(RuntimeError, match="changed in place"):
        loss.backward()


def test_batches_are_counted() -> None:
    norm = nn.BatchNorm1d(1, momentum=None)
    for k, mean in ((1, 1.0), (2, 1.5)):
        norm(wg.tensor([[0.0], [2.0 * k]]))
        assert norm.num_batches_tracked.item() == norm.num_batches_tracked._version == k
        assert norm.running_mean.item() == mean


@by_name
def test_anomaly_detection_tells_the_line_of_a_step(name: str) -> None:
    p = parameter([1.0, 2.0])
    optimizer = KINDS[name]([p])
    with wg.autograd.detect_anomaly():
        loss = (p * p).sum()
        optimizer.step()  # of memory that is protected meanwhile
        with pytest.raises(RuntimeError, match=r"changed in place since.*test_state_through_doors\.py:\d+"):
            loss.backward()
    assert p.tolist() != [1, 2]


# ---------------------------------------------------------------- values as they come


def test_starting_values_are_rounded_once_and_overflow_without_a_warning() -> None:
    assert init.constant_(wg.empty(1, dtype=wg.float64), 0.1).item() == 0.1
    assert init.constant_(wg.empty(1, dtype=wg.float16), 1e6).item() == np.inf


def test_a_state_of_python_numbers_keeps_their_digits() -> None:
    net = nn.Module()
    net.rate = nn.Parameter(wg.tensor(0.0, dtype=wg.float64))
    net.load_state_dict({"rate": 0.1})
    assert net.rate.item() == 0.1


@pytest.mark.parametrize("dtype", [wg.float16, wg.float32, wg.float64])
@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, float("inf")])
def test_gradients_of_any_layout_and_dtype_are_clipped_together(dtype: Any, p: float) -> None:
    items = np.random.default_rng(0).standard_normal((3, 4)).astype(dtype)
    strided, plain = nn.Parameter(wg.zeros(4, 3, dtype=dtype)), nn.Parameter(wg.zeros(2, dtype=wg.float64))
    strided.grad, plain.grad = wg.from_numpy(items.copy()).T, wg.tensor([1.0, -2.0], dtype=wg.float64)
    expected = np.linalg.norm(np.concatenate([items.astype(np.float64).ravel(), [1.0, -2.0]]), p)
    norm = utils.clip_grad_norm_([strided, plain], 1.0, p)
    assert norm.dtype == dtype
    assert norm.item() == pytest.approx(expected, rel=2e-3 if dtype == wg.float16 else 1e-6)
    scale = 1 / (expected + 1e-6)
    tolerance = 1e-2 if dtype == wg.float16 else 1e-6
    np.testing.assert_allclose(strided.grad.numpy(), items.T * scale, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(plain.grad.numpy(), [scale, -2 * scale])


# ---------------------------------------------------------------- values that are no arrays


class Watched(Value):
    """A value that has no attributes but those that any has, and is reached by the doors alone."""

    __slots__ = ("_array", "writes")

    def __init__(self, array: np.ndarray) -> None:
        self._array, self.writes = array, 0

    shape = property(lambda self: self._array.shape)
    dtype = property(lambda self: self._array.dtype)
    ndim = property(lambda self: self._array.ndim)
    size = property(lambda self: self._array.size)

    def run(self, operation: Any, values: list[Any], static: dict[str, Any]) -> Any:
        return operation.kernel(*map(bare, values), **static)

    def leave(self, kind: str) -> np.ndarray:
        assert kind in ("number", "bool", "int", "text", "array")
        return self._array

    def write(self, name: str, kernel: Any, values: list[Any], static: dict[str, Any], count: int) -> None:
        kernel(*map(bare, values), **static)
        self.writes += 1


def bare(value: Any) -> Any:
    return value._array if isinstance(value, Watched) else value


def watched(x: Any) -> Any:
    x._value = Watched(x.numpy().copy())
    return x


@by_name
def test_steps_reach_values_by_the_doors_alone(name: str) -> None:
    p, plain = watched(parameter([1.0, 2.0]).detach()), parameter([1.0, 2.0])
    p.grad, p.requires_grad = watched(wg.ones(2)), True
    for x in (p, plain):
        optimizer = KINDS[name]([x])
        for _ in range(2):
            optimizer.step()
    assert p._value.writes == 2
    np.testing.assert_array_equal(p._value._array, plain.detach().numpy())


def test_what_else_changes_in_place_reaches_values_by_the_doors_alone() -> None:
    p = watched(wg.zeros(2, 3))
    calls = [
        lambda: init.constant_(p, 2.0), lambda: init.zeros_(p), lambda: init.ones_(p), lambda: init.eye_(p),
        lambda: init.trunc_normal_(p), lambda: init.orthogonal_(p),
        lambda: utils.vector_to_parameters(watched(wg.ones(6)), [p]),
    ]  # fmt: skip
    for k, call in enumerate(calls, 1):
        call()
        assert p._value.writes == k
    p.grad = watched(wg.ones(2, 3))
    utils.clip_grad_norm_([p], 1.0)
    utils.clip_grad_value_([p], 0.25)
    assert p.grad._value.writes == 2
    np.testing.assert_array_equal(p.grad._value._array, np.full((2, 3), 0.25, np.float32))
    optim.SGD([p]).zero_grad(set_to_none=False)
    assert not p.grad._value._array.any()
    net = nn.Module()
    net.register_buffer("table", p)
    net.load_state_dict({"table": watched(wg.full((2, 3), 7.0))})
    assert (p._value._array == 7).all()
    norm = nn.BatchNorm1d(3)
    watched(norm.num_batches_tracked)
    norm(wg.ones(4, 3))
    assert norm.num_batches_tracked._value._array == 1


@pytest.mark.parametrize("use", [
    lambda p: p + 1, lambda p: p.item(), lambda p: p.shape, lambda p: init.zeros_(p),
    lambda p: init.uniform_(p), lambda p: utils.parameters_to_vector([p]), lambda p: wg.exp(p), lambda p: p.data_ptr(),
])  # fmt: skip
def test_a_parameter_without_a_size_says_so_at_every_door(use: Callable[[Any], Any]) -> None:
    with pytest.raises(ValueError, match="this parameter has no size yet"):
        use(nn.UninitializedParameter())
