"""What `wg.compile` promises of arguments, of what was there before, and of draws: what programs there are and follow.

Each trap is one that users of such tools have met elsewhere: changes of arguments that get lost, masks that repeat,
rates that stand still.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from replayed import Counted, assert_follows, bits, drawn, of
from wengert import nn, optim
from wengert.compiling import CompileError
from wengert.nn import functional as F

# ---------------------------------------------------------------- 1: what has a program of its own


def test_the_third_call_runs_no_python() -> None:
    f = Counted(lambda x: (x * 2).sum())
    g = wg.compile(f)
    assert [g(wg.tensor([n, 1.0])).item() for n in range(9)] == [2.0 * n + 2 for n in range(9)]
    assert f.calls == 2
    assert g._count() == 1


def test_each_shape_has_a_program() -> None:
    f = Counted(lambda x: x.exp().sum(0))
    g = wg.compile(f)
    shapes = [(2,), (3,), (2, 2), (0,), (3, 1)]
    for n in range(5):
        for shape in shapes:
            x = of(n, *shape)
            assert bits(g(x)) == bits(f.f(x))
    assert f.calls == 2 * len(shapes)


def test_each_dtype_has_a_program() -> None:
    f = Counted(lambda x: x + x)
    g = wg.compile(f)
    dtypes = [wg.float16, wg.float32, wg.float64, wg.int64, wg.int32, wg.uint8]
    for n in range(5):
        for dtype in dtypes:
            x = wg.tensor([n, 2, 3], dtype=dtype)
            assert bits(g(x)) == bits(f.f(x))
    assert f.calls == 2 * len(dtypes)


def test_each_static_argument_has_a_program() -> None:
    f = Counted(lambda x, n: x * n)
    g = wg.compile(f)
    statics = [1, 1.0, True, 2, 0.0, -0.0, math.nan]
    x = wg.tensor([1.0, -2.0])
    for _ in range(4):
        for n in statics:
            assert bits(g(x, n)) == bits(f.f(x, n))
    assert f.calls == 2 * len(statics)


def test_tensors_and_arrays_are_told_apart() -> None:
    f = Counted(lambda x: wg.as_tensor(x) * 2)
    g = wg.compile(f)
    for n in range(4):
        for x in (of(n, 3), drawn(n, 3)):
            assert bits(g(x)) == bits(f.f(x))
    assert f.calls == 4


def test_the_structure_of_arguments_is_part_of_the_key() -> None:
    def f(tree: Any, *rest: Any, **more: Any) -> Any:
        parts = list(tree.values()) if isinstance(tree, dict) else list(tree)
        return sum(x * (k + 1) for k, x in enumerate([*parts, *rest, *more.values()]))

    g = wg.compile(f)
    a, b = wg.tensor([1.0]), wg.tensor([10.0])
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
        (([a, b],), {}), (((a, b),), {}), (({"x": a, "y": b},), {}), (({"y": b, "x": a},), {}), (([a], b), {}),
        (([a],), {"b": b}),
    ]  # fmt: skip
    for _ in range(4):
        for args, keywords in calls:
            assert g(*args, **keywords).item() == f(*args, **keywords).item()
    assert g._count() == len(calls)


def test_layouts_have_programs_or_are_copied() -> None:
    def f(x: Any) -> Any:
        return x.exp() + x.sum(0), (x @ x.T).reshape(-1), x

    base = of(0, 8, 8)
    g = wg.compile(f)
    for n in range(4):
        base = of(n, 8, 8)
        for x in (base[:4, :4], base[::2, ::2], base[:4, :4].T, base.T[1:5, ::2], base[:4, 0].expand(4, 4)):
            assert bits(g(x)) == bits(f(x))
        backwards = wg.from_numpy(drawn(n, 4, 4)[::-1, ::-1].copy()).flip(0)
        assert bits(g(backwards)) == bits(f(backwards))


def test_negative_strides() -> None:
    assert_follows(lambda x: wg.as_tensor(x) * 2 + 1, [(drawn(n, 5)[::-1],) for n in range(4)])
    assert_follows(lambda x: wg.as_tensor(x).sum(1), [(drawn(n, 3, 4)[::-1, ::-1],) for n in range(4)])


def test_grad_mode_is_part_of_the_key() -> None:
    w = wg.ones(2, requires_grad=True)

    def f(x: Any) -> Any:
        return (w * x).sum()

    g = wg.compile(f)
    for n in range(3):
        x = wg.tensor([float(n), 1.0])
        assert g(x).requires_grad
        with wg.no_grad():
            assert not g(x).requires_grad
    assert g._count() == 2


def test_the_default_dtype_is_part_of_the_key() -> None:
    g = wg.compile(lambda n: wg.zeros(n) + 0.5)
    try:
        for dtype in (wg.float32, wg.float64, wg.float32, wg.float64, wg.float64):
            wg.set_default_dtype(dtype)
            assert g(3).dtype == dtype
    finally:
        wg.set_default_dtype(wg.float32)
    assert g._count() == 2


def test_train_and_eval() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5), nn.BatchNorm1d(3))
    g = wg.compile(lambda x: model(x).detach())
    for n in range(12):
        model.train(n % 3 != 0)
        x = of(n, 4, 3)
        saved = {name: v.clone() for name, v in model.state_dict().items()}
        wg.manual_seed(n)
        expected = bits(model(x).detach())
        after = bits(dict(model.state_dict()))
        model.load_state_dict(saved)
        wg.manual_seed(n)
        assert bits(g(x)) == expected, n
        assert bits(dict(model.state_dict())) == after
    assert g._count() == 2


def test_a_flag_of_ones_own_module_is_not_lost() -> None:
    class Own(nn.Module):
        def forward(self, x: Any) -> Any:
            return x * 2 if self.training else x * 3

    own = Own()
    g = wg.compile(lambda x: own(x))
    for n in range(8):
        own.train(n % 2 == 0)
        assert g(wg.ones(1)).item() == (2 if own.training else 3)


def test_requires_grad_of_a_parameter_is_part_of_the_key() -> None:
    w = wg.ones(2, requires_grad=True)
    g = wg.compile(lambda x: (w * x).sum())
    for n in range(8):
        w.requires_grad_(n % 4 < 2)
        assert g(wg.ones(2)).requires_grad == (n % 4 < 2)


def test_after_eight_programs_the_function_runs_and_one_warning_says_what_changes() -> None:
    f = Counted(lambda x, rate: x * rate)
    g = wg.compile(f)
    x = wg.ones(2)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for k in range(20):
            for _ in range(3):
                assert g(x, k / 8).tolist() == [k / 8] * 2
    assert g._count() == 8
    assert f.calls == 8 * 2 + 12 * 3
    (warning,) = caught
    assert "8 programs" in str(warning.message)
    assert "args[1] changes again: 0.875, then 1.0" in str(warning.message)
    f.calls = 0
    assert g(x, 0.125).tolist() == [0.125] * 2  # those that are there serve on
    assert f.calls == 0


def test_numbers_that_are_other_ones_in_each_call_end_in_a_warning_too() -> None:
    g = wg.compile(lambda x, t: x * t)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for t in range(100):
            assert g(wg.ones(1), t).item() == t
    assert len(caught) == 1


def test_arguments_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(TypeError, match="set"):
        wg.compile(lambda x, s: x)(wg.ones(1), {1, 2})


# ---------------------------------------------------------------- 2: arguments


def test_one_tensor_twice_serves_two() -> None:
    def f(a: Any, b: Any) -> Any:
        return a - b * 2, a @ b

    a, b = of(0, 3), of(1, 3)
    assert_follows(f, [(a, a), (a, a), (a, b), (b, a), (b, b), (a, a[:])])


def test_arguments_that_overlap() -> None:
    base = of(0, 8)
    assert_follows(lambda a, b: (a + b, b - a), [(base[:4], base[k : k + 4]) for k in range(5)])


def test_numpy_arrays_as_arguments_are_followed() -> None:
    f = Counted(lambda x, y: wg.from_numpy(x) * wg.tensor(y))
    g = wg.compile(f)
    for n in range(5):
        x, y = drawn(n, 3), drawn(n + 9, 3)
        assert g(x, y).tolist() == (x * y).tolist()
    assert f.calls == 2


def test_lists_of_tensors_are_followed() -> None:
    f = Counted(lambda xs, d: sum(xs) + d["k"][0])
    g = wg.compile(f)
    for n in range(5):
        args = [of(n, 2), of(n + 1, 2)], {"k": (of(n, 2),)}
        assert bits(g(*args)) == bits(f.f(*args))
    assert f.calls == 2


CHANGES: dict[str, Callable[[Any], Any]] = {
    "add_": lambda x: x.add_(1), "iadd": lambda x: x.__iadd__(1), "item": lambda x: x.__setitem__(0, 5.0),
    "view": lambda x: x[1:].mul_(2), "copy_": lambda x: x.copy_(wg.zeros(3)), "zero_": lambda x: x.zero_(),
    "detached": lambda x: x.detach().fill_(1), "out": lambda x: wg.nn.init.ones_(x),
    "normal_": lambda x: wg.nn.init.normal_(x),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_changing_an_argument_raises(change: str) -> None:
    def f(x: Any) -> Any:
        CHANGES[change](x)
        return x * 2

    x = wg.ones(3)
    with pytest.raises((RuntimeError, ValueError), match=r"compile|argument|writ|read-only"):
        wg.compile(f)(x)
    assert x.tolist() == [1, 1, 1]
    assert (wg.ones(3) + 1).tolist() == [2, 2, 2]  # and all goes on


def test_changing_an_array_of_the_arguments_raises() -> None:
    def f(x: np.ndarray) -> Any:
        x += 1
        return wg.from_numpy(x)

    x = np.ones(3)
    with pytest.raises((RuntimeError, ValueError)):
        wg.compile(f)(x)
    assert x.tolist() == [1, 1, 1]


def test_an_argument_that_shows_what_the_function_changes() -> None:
    w = wg.zeros(2)

    def f(x: Any) -> Any:
        w.add_(1)
        return x * 2

    with pytest.raises(CompileError, match="memory that the function changes"):
        wg.compile(f)(w)
    with pytest.raises(CompileError, match="memory that the function changes"):
        wg.compile(f)(w[1:])
    g = wg.compile(f)
    for _ in range(3):
        assert g(wg.ones(2)).tolist() == [2, 2]
    w.zero_()
    assert g(w).tolist() == [2, 2]  # by the function itself


def test_arguments_are_neither_held_nor_changed() -> None:
    g = wg.compile(lambda x: x.exp())
    for n in range(5):
        x = wg.tensor([float(n)])
        g(x)
        x.add_(1)  # its memory is one's own again
        assert x.item() == n + 1


def test_keyword_arguments_and_defaults() -> None:
    def f(x: Any, *, scale: Any = 2.0, bias: Any = None) -> Any:
        return x * scale if bias is None else x * scale + bias

    g = wg.compile(f)
    x, b = wg.tensor([1.0, 2.0]), wg.tensor([0.5, 0.25])
    for _ in range(4):
        for keywords in ({}, {"scale": 3.0}, {"bias": b}, {"bias": b, "scale": b}):
            assert bits(g(x, **keywords)) == bits(f(x, **keywords))
    assert g._count() == 4


def test_a_function_without_arguments() -> None:
    w = wg.zeros(2)
    g = wg.compile(lambda: w.add_(1) * 1)
    assert [g().tolist() for _ in range(5)] == [[n, n] for n in range(1, 6)]


# ---------------------------------------------------------------- 3: what was there before


def test_parameters_are_read_and_written_where_they_are() -> None:
    w = wg.tensor([1.0, 2.0])
    f = Counted(lambda x: w.mul_(2).sum() + x)
    g = wg.compile(f)
    for n in range(6):
        w.copy_(wg.tensor([n, 1.0]))
        assert g(wg.tensor(0.5)).item() == 2 * n + 2.5
        assert w.tolist() == [2 * n, 2]
    assert f.calls == 2


def test_another_array_of_a_parameter_means_another_recording() -> None:
    w = nn.Parameter(wg.ones(2))
    g = wg.compile(lambda x: (w * x).sum().detach())
    for n in range(12):
        if n % 4 == 0:
            w.data = wg.full((2,), float(n))
        assert g(wg.ones(2)).item() == 2 * (n - n % 4)


def test_arrays_of_parameters_swapped_back_and_forth() -> None:
    a, b = wg.tensor([1.0]), wg.tensor([2.0])
    w = wg.zeros(1)
    g = wg.compile(lambda x: w * x)
    for n in range(10):
        w.data = a if n % 2 else b
        assert g(wg.ones(1)).item() == (1 if n % 2 else 2)


def test_a_parameter_cast_in_the_middle() -> None:
    model = nn.Linear(2, 2)
    g = wg.compile(lambda x: model(x.to(model.weight.dtype)).detach())
    for n in range(9):
        model.to(wg.float64 if n // 3 % 2 else wg.float32)
        x = of(n, 3, 2)
        assert bits(g(x)) == bits(model(x.to(model.weight.dtype)).detach())


def test_load_state_dict_is_seen() -> None:
    model, other = nn.Linear(2, 2), nn.Linear(2, 2)
    g = wg.compile(lambda x: model(x).detach())
    x = of(0, 3, 2)
    for n in range(6):
        if n == 3:
            model.load_state_dict(other.state_dict())
        assert bits(g(x)) == bits(model(x).detach())


def test_arrays_of_numpy_that_were_there_before_are_followed() -> None:
    table = np.ones(3, dtype=np.float32)
    g = wg.compile(lambda x: x * wg.from_numpy(table) + wg.tensor(table))
    for n in range(5):
        table[:] = n
        assert g(wg.ones(3)).tolist() == [2 * n] * 3


def test_a_parameter_replaced_by_another_object() -> None:
    model = nn.Linear(2, 1)
    g = wg.compile(lambda x: model(x).detach())
    for n in range(9):
        if n % 3 == 0:
            model.weight = nn.Parameter(wg.full((1, 2), float(n)))
        x = of(n, 3, 2)
        assert bits(g(x)) == bits(model(x).detach()), n


def test_counters_of_changes_move_as_ever() -> None:
    w = wg.ones(2)
    g = wg.compile(lambda x: w.add_(x).sum())
    for n in range(5):
        before = w._version
        g(wg.ones(2))
        assert w._version == before + 1, n


def test_a_walk_over_what_a_program_has_changed_raises() -> None:
    w, v = wg.ones(2), wg.ones(2, requires_grad=True)
    g = wg.compile(lambda x: w.add_(x).sum())
    for _ in range(4):
        y = (w * v).sum()
        g(wg.ones(2))
        with pytest.raises(RuntimeError, match=r"in.?place"):
            y.backward()


# ---------------------------------------------------------------- 4: numbers of the host's that change


def test_a_learning_rate_that_changes_needs_no_new_recording() -> None:
    w = wg.zeros(2, requires_grad=True)
    o = optim.SGD([w], lr=1.0)

    def step(x: Any) -> Any:
        o.zero_grad()
        loss = (w * x).sum()
        loss.backward()
        o.step()
        return loss.detach()

    f = Counted(step)
    g = wg.compile(f)
    total = 0.0
    for n in range(30):
        o.param_groups[0]["lr"] = 1 / 2 ** (n % 6)
        g(wg.ones(2))
        total -= 1 / 2 ** (n % 6)
        assert w.tolist() == [total, total]
    assert f.calls == 2


# ---------------------------------------------------------------- 5: draws


@pytest.mark.parametrize("draw", [
    lambda x: wg.rand(3), lambda x: wg.randn(2, 2), lambda x: x + wg.rand_like(x), lambda x: F.dropout(x, 0.5),
    lambda x: wg.bernoulli(x.sigmoid()), lambda x: wg.randint(0, 9, (4,)), lambda x: wg.randperm(5),
    lambda x: (wg.rand(2), wg.randn(2), wg.rand(1)), lambda x: wg.multinomial(x.sigmoid(), 2),
    lambda x: wg.normal(0.0, 1.0, (3,)),
])  # fmt: skip
def test_draws_move_the_generator_as_ever(draw: Callable[[Any], Any]) -> None:
    f = Counted(draw)
    g = wg.compile(f)
    x = of(1, 4)
    wg.manual_seed(5)
    expected = [bits(draw(x)) for _ in range(6)]
    state = bits(wg.get_rng_state())
    wg.manual_seed(5)
    assert [bits(g(x)) for _ in range(6)] == expected
    assert bits(wg.get_rng_state()) == state
    assert len({str(e) for e in expected}) > 1
    assert f.calls == 2


def test_seeds_between_calls() -> None:
    g = wg.compile(lambda x: F.dropout(x, 0.5) + wg.rand(8))
    x = wg.ones(8)
    for n in range(8):
        wg.manual_seed(n % 3)
        expected = bits(F.dropout(x, 0.5) + wg.rand(8))
        wg.manual_seed(n % 3)
        assert bits(g(x)) == expected


def test_a_state_of_the_generator_set_between_calls() -> None:
    g = wg.compile(lambda: wg.rand(3))
    state = wg.get_rng_state()
    first = g().tolist()
    for _ in range(4):
        wg.set_rng_state(state)
        assert g().tolist() == first


def test_a_generator_of_ones_own() -> None:
    source = wg.Generator().manual_seed(3)
    g = wg.compile(lambda: wg.rand(3, generator=source))
    found = [g().tolist() for _ in range(5)]
    source.manual_seed(3)
    assert [wg.rand(3, generator=source).tolist() for _ in range(5)] == found
    source.manual_seed(3)
    assert g().tolist() == found[0]


def test_a_seed_set_inside() -> None:
    def f() -> Any:
        wg.manual_seed(7)
        return wg.rand(3)

    g = wg.compile(f)
    expected = bits(f())
    for _ in range(5):
        assert bits(g()) == expected
