"""What `wg.compile` freezes, refuses, gives back and lets fail: the function's own results, or an error by name.

Each trap is one that users of such tools have met elsewhere: frozen numbers, state that is kept aside, results that the
next call overwrites.
"""

from __future__ import annotations

import collections
import copy
import dataclasses
import inspect
import math
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from replayed import Counted, assert_follows, assert_refuses, bits, call, drawn, line_of, of
from wengert import nn, optim
from wengert.compiling import CompileError
from wengert.nn import functional as F

# ---------------------------------------------------------------- 6: what is frozen, and how it is found

FACTOR = 2.0
TABLE = np.ones(2, dtype=np.float32)


@pytest.fixture
def restored_globals() -> Any:
    yield
    globals()["FACTOR"] = 2.0
    globals()["TABLE"] = np.ones(2, dtype=np.float32)


def by_factor(x: Any) -> Any:
    return x * FACTOR


def by_table(x: Any) -> Any:
    return x * wg.from_numpy(TABLE)


@pytest.mark.usefixtures("restored_globals")
def test_globals_are_frozen_and_checking_finds_it() -> None:
    g, checked = wg.compile(by_factor), wg.compile(by_factor, check=True)
    x = wg.ones(2)
    for _ in range(4):
        assert g(x).tolist() == checked(x).tolist() == [2, 2]
    globals()["FACTOR"] = 3.0
    assert g(x).tolist() == [2, 2]  # as its docstring says
    with pytest.raises(CompileError, match="by_factor"):
        checked(x)


@pytest.mark.usefixtures("restored_globals")
def test_checking_finds_a_global_array_that_was_replaced() -> None:
    checked = wg.compile(by_table, check=True)
    for n in range(5):
        TABLE[:] = n  # its items are read anew
        assert checked(wg.ones(2)).tolist() == [n, n]
    globals()["TABLE"] = np.full(2, 9, dtype=np.float32)
    with pytest.raises(CompileError, match="by_table"):
        checked(wg.ones(2))


def test_checking_finds_a_branch() -> None:
    class Switch:
        on = True

        def __call__(self, x: Any) -> Any:
            return x.exp() if self.on else x.sin()

    f = Switch()
    checked = wg.compile(f, check=True)
    for _ in range(3):
        checked(wg.ones(1))
    f.on = False
    with pytest.raises(CompileError):
        checked(wg.ones(1))


def test_checking_finds_state_that_differs() -> None:
    w, by = wg.zeros(2), [1.0]

    def f(x: Any) -> Any:
        w.add_(by[0])
        return x * 2

    checked = wg.compile(f, check=True)
    for n in range(4):
        checked(wg.ones(1))
        assert w.tolist() == [n + 1, n + 1]
    by[0] = 5.0
    with pytest.raises(CompileError, match="state"):
        checked(wg.ones(1))


def test_checking_finds_a_number_in_a_gradient() -> None:
    w, by = wg.ones(2, requires_grad=True), [1.0]

    def f(x: Any) -> Any:
        w.grad = None
        (w * x).sum().mul(by[0]).backward()
        return x * 1

    checked = wg.compile(f, check=True)
    for _ in range(4):
        checked(wg.ones(2))
    by[0] = 2.0
    with pytest.raises(CompileError, match="gradient"):
        checked(wg.ones(2))


@pytest.mark.parametrize("by", [1.0, 2.0])
def test_checking_sums_gradients_once_and_finds_a_number_in_them(by: float) -> None:
    w, factor = wg.ones(2, requires_grad=True), [1.0]

    def f(x: Any) -> Any:
        (w * x).sum().mul(factor[0]).backward()
        return x * 1

    checked = wg.compile(f, check=True)
    for n in range(6):
        checked(wg.ones(2))
        assert w.grad.tolist() == [n + 1, n + 1]
    factor[0] = by
    if by == 1:
        checked(wg.ones(2))
        assert w.grad.tolist() == [7, 7]
    else:
        with pytest.raises(CompileError, match="gradient"):
            checked(wg.ones(2))


@pytest.mark.parametrize("kind", ["SGD", "Adam", "RMSprop", "Adagrad"])
def test_checking_passes_what_is_right(kind: str) -> None:
    def train(check: bool | None) -> Any:
        wg.manual_seed(1)
        model = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 2))
        o = getattr(optim, kind)(model.parameters(), lr=0.05)

        def step(x: Any, y: Any) -> Any:
            o.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            o.step()
            return loss.detach()

        run = step if check is None else wg.compile(step, check=check)
        losses = []
        for n in range(8):
            o.param_groups[0]["lr"] = 0.05 / (n + 1)
            losses.append(bits(run(of(n, 6, 3), wg.tensor([0, 1, 1, 0, 1, 0]))))
        return losses, bits([*model.state_dict().values()]), bits(wg.get_rng_state())

    assert train(True) == train(False) == train(None)


def test_printing_happens_while_recording(capsys: pytest.CaptureFixture) -> None:
    def f(x: Any) -> Any:
        print("running", x, f"{x}", repr(x), str(x))
        return x * 2

    g = wg.compile(f)
    for n in range(5):
        assert g(wg.tensor([1.0 + n])).item() == 2 + 2 * n
    assert capsys.readouterr().out.count("running") == 2


# ---------------------------------------------------------------- 7: values that are read

WAYS: dict[str, Callable[[Any], Any]] = {
    "item": lambda x: x.sum().item(), "bool": lambda x: bool(x.sum()), "float": lambda x: float(x.sum()),
    "int": lambda x: int(x.sum()), "numpy": lambda x: x.numpy(), "tolist": lambda x: x.tolist(),
    "asarray": lambda x: np.asarray(x), "mask": lambda x: x[x > 0], "nonzero": lambda x: x.nonzero(),
    "if": lambda x: 1 if x.sum() > 0 else 2, "range": lambda x: range(x.sum().int()), "sqrt": lambda x: math.sqrt(x[0]),
    "dlpack": lambda x: np.from_dlpack(x), "in": lambda x: 1.0 in x, "index": lambda x: x[x[2].int()],
    "complex": lambda x: complex(x.sum()), "round": lambda x: round(float(x[0])), "while": lambda x: not x.sum() > 0,
    "max": lambda x: max(x[0], x[1]), "sorted": lambda x: sorted([x[0], x[1]]),
    "list_index": lambda x: [1, 2, 3][x[2].int()], "unique": lambda x: wg.unique(x), "equal": lambda x: wg.equal(x, x),
    "masked_select": lambda x: wg.masked_select(x, x > 0),
    "allclose": lambda x: wg.allclose(x, x), "format": lambda x: f"{x.sum():.3f}", "pickle": lambda x: pickle.dumps(x),
    "slice": lambda x: x[: x[0].int()], "array": lambda x: np.array(x), "np_float": lambda x: np.float32(x.sum()),
    "full": lambda x: wg.full((2,), x[0].item()), "and": lambda x: x[0] and x[1],
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_reading_a_value_raises_at_that_line(way: str) -> None:
    def f(x: Any) -> Any:
        y = x * 2
        WAYS[way](y)
        return y

    compiled = wg.compile(f)
    x = wg.tensor([1.0, 2.0, 0.5])
    WAYS[way](x * 2)  # it is fine outside
    if way == "format":  # becomes text, as by print
        assert compiled(x).tolist() == [2, 4, 1]
        return
    with pytest.raises(CompileError) as caught:
        compiled(x)
    assert f"{__file__}:{inspect.getsourcelines(WAYS[way])[1]}" in str(caught.value)
    assert (x * 2).sum().item() == 7  # and all goes on


def test_a_branch_on_a_value_names_its_line() -> None:
    def f(x: Any) -> Any:
        if x.sum() > 0:  # here
            return x
        return -x

    message = assert_refuses(f, (wg.ones(2),))
    assert "where" in message


def test_an_argument_that_is_an_array_read_by_numpy() -> None:
    def f(x: np.ndarray) -> Any:
        return wg.from_numpy(np.sin(x)) * 2

    g = wg.compile(f)
    with pytest.raises(CompileError, match=r"NumPy made it inside"):
        call(g, [(drawn(n, 3),) for n in range(4)])


def test_an_array_of_numpy_made_inside_of_what_changes_raises() -> None:
    rng = np.random.default_rng(0)
    g = wg.compile(lambda x: x * wg.from_numpy(rng.normal(size=3).astype(np.float32)))
    with pytest.raises(CompileError, match=r"NumPy"):
        call(g, [(of(n, 3),) for n in range(3)])


def test_an_array_of_numpy_made_inside_of_numbers_is_a_constant() -> None:
    rounds = [(of(n, 3),) for n in range(5)]
    assert_follows(lambda x: x * wg.from_numpy(np.arange(3.0)) + wg.tensor([1.0, 2.0, 3.0]), rounds)
    assert_follows(lambda x: x * np.arange(3.0), rounds)


def test_a_constant_that_is_changed_in_each_call() -> None:
    def f(x: Any) -> Any:
        total = wg.zeros(3)
        table = wg.tensor([1.0, 2.0, 3.0])
        total += x
        table *= x
        return total, table, total

    assert_follows(f, [(of(n, 3),) for n in range(5)])


# ---------------------------------------------------------------- 8: two recordings that differ


def test_a_counter_of_pythons_raises_and_names_the_line() -> None:
    count = iter(range(100))

    def f(x: Any) -> Any:
        y = x + 1
        return y * next(count)  # here

    message = assert_refuses(f, *[(wg.ones(2),)] * 3)
    assert "did not do the same" in message


def test_a_branch_that_changes_raises_and_names_the_line() -> None:
    count = iter(range(100))

    def f(x: Any) -> Any:
        if next(count) == 1:
            x = x.exp()  # here
        return x * 2

    assert_refuses(f, *[(wg.ones(2),)] * 3)


def test_a_loop_of_changing_length_raises() -> None:
    count = iter(range(1, 100))

    def f(x: Any) -> Any:
        for _ in range(next(count)):
            x = x * 2  # here
        return x

    assert_refuses(f, *[(wg.ones(2),)] * 3)


def test_an_index_that_changes_raises() -> None:
    count = iter(range(100))

    def f(x: Any) -> Any:
        return x[next(count)] * 2  # here

    assert_refuses(f, *[(wg.ones(9),)] * 3)


def test_a_list_that_changes_raises() -> None:
    count = iter(range(100))

    def f(x: Any) -> Any:
        return x * wg.tensor([1.0, next(count)])  # here

    assert_refuses(f, *[(wg.ones(2),)] * 3)


class Remembering:
    """A state that is an attribute: a program could not follow it."""

    def __init__(self, start: float) -> None:
        self.h = wg.full((2,), start)

    def __call__(self, x: Any) -> Any:
        self.h = self.h + x
        return self.h * 1


@pytest.mark.parametrize("items", [0.0, 1.0])
def test_a_state_kept_as_an_attribute_is_never_frozen(items: float) -> None:
    """With zeros the state has the same items in all recordings."""
    g, expected = wg.compile(Remembering(0.0)), 0.0
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for n in range(40):
            item = items if n < 3 else n
            expected += item
            assert g(wg.full((2,), float(item))).tolist() == [expected, expected]
    assert len(caught) == 1
    assert g._count() == 0


def test_a_state_kept_as_a_buffer_is_followed() -> None:
    h = wg.zeros(2)

    def f(x: Any) -> Any:
        h.copy_(h * 0.5 + x)
        return h * 1

    g = wg.compile(f)
    expected = 0.0
    for n in range(8):
        expected = expected * 0.5 + n
        assert g(wg.full((2,), float(n))).tolist() == [expected, expected]


def test_a_list_that_grows_is_never_frozen() -> None:
    seen: list[Any] = []

    def f(x: Any) -> Any:
        seen.append(x * 1)
        return sum(seen[1:], seen[0]) * 2

    g = wg.compile(f)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for n in range(40):
            assert g(wg.full((1,), float(n))).item() == n * (n + 1)
    assert len(caught) == 1


def test_a_tensor_of_an_earlier_call_that_is_kept_is_as_it_was() -> None:
    kept: list[Any] = []

    def f(x: Any) -> Any:
        y = x * 2
        kept.append(y)  # happens while recording alone
        return y + 1

    g = wg.compile(f)
    for n in range(6):
        assert g(wg.tensor([float(n)])).item() == 2 * n + 1
    assert [y.item() for y in kept] == [0, 2]


# ---------------------------------------------------------------- 9: results


def test_results_are_not_overwritten_by_the_next_call() -> None:
    g = wg.compile(lambda x: (x.exp(), (x * 2)[1:], x.sum(), x.reshape(2, 2).T @ x.reshape(2, 2)))
    results = [g(of(n, 4)) for n in range(10)]
    for n, found in enumerate(results):
        assert bits(found) == bits(g.__wrapped__(of(n, 4)))


def test_a_result_may_be_changed() -> None:
    g = wg.compile(lambda x: (x * 2, x + 1))
    for n in range(6):
        a, b = g(wg.tensor([float(n)]))
        assert (a.item(), b.item()) == (2 * n, n + 1)
        a.add_(100)
        b.zero_()


def test_views_of_one_result_share_memory_as_ever() -> None:
    def f(x: Any) -> Any:
        y = x * 2
        return y, y[1:], y.T

    g = wg.compile(f)
    for n in range(5):
        y, rest, turned = g(of(n, 3, 3))
        y.zero_()
        assert rest.tolist() == [[0] * 3] * 2, n
        assert turned.tolist() == [[0] * 3] * 3, n


def test_one_tensor_returned_twice_is_one() -> None:
    def f(x: Any) -> Any:
        y = x * 2
        return y, {"again": y}, [x, x]

    g = wg.compile(f)
    for n in range(5):
        x = of(n, 3)
        y, again, xs = g(x)
        assert again["again"] is y
        assert xs[0] is xs[1] is x


def test_a_returned_argument_is_the_argument() -> None:
    g = wg.compile(lambda x, y: (x, y, x * 2))
    for n in range(5):
        x, y = of(n, 2), drawn(n, 2)
        a, b, _ = g(x, y)
        assert a is x
        assert b is y


def test_views_of_arguments_are_of_the_callers_memory() -> None:
    g = wg.compile(lambda x: (x[1:], x.T, x.detach(), x.reshape(-1), x[0, ::2]))
    for n in range(5):
        x = of(n, 3, 3)
        views = g(x)
        assert bits(views) == bits(g.__wrapped__(x))
        x.zero_()
        for view in views:
            assert not view.numpy().any(), n


def test_views_of_parameters_are_of_their_memory() -> None:
    w = wg.zeros(3, 3)
    g = wg.compile(lambda x: (w[1:], w.T, w, x * 1))
    for n in range(5):
        rest, turned, whole, _ = g(wg.ones(1))
        assert whole is w
        w.fill_(n)
        assert rest.tolist() == [[n] * 3] * 2
        assert turned.tolist() == [[n] * 3] * 3
        rest.add_(1)
        assert w[1].tolist() == [n + 1] * 3


def test_results_may_be_anything() -> None:
    Two = collections.namedtuple("Two", "a b")

    def f(x: Any) -> Any:
        return {
            "none": None, "number": 3, "float": 2.5, "text": "yes", "true": True, "dtype": x.dtype, "shape": x.shape,
            "two": Two(x * 2, [x + 1, (None, x)]), "empty": [], "nothing": (),
        }  # fmt: skip

    g = assert_follows(f, [(of(n, 3),) for n in range(4)])
    assert type(g(of(1, 3))["two"]) is Two


def test_nothing_returned() -> None:
    w = wg.zeros(1)

    def f(x: Any) -> None:
        w.add_(x)

    g = wg.compile(f)
    for n in range(5):
        assert g(wg.ones(1)) is None
        assert w.item() == n + 1


def test_structures_are_made_anew() -> None:
    g = wg.compile(lambda x: {"a": [x * 2]})
    for n in range(5):
        found = g(wg.tensor([float(n)]))
        assert found["a"][0].item() == 2 * n
        found["a"].append(1)
        found["b"] = 2
        assert set(g(wg.ones(1))) == {"a"}
        assert len(g(wg.ones(1))["a"]) == 1


@dataclasses.dataclass
class Pair:
    """Two tensors, and a number that is no part of the tree."""

    a: Any
    b: Any
    times: int = dataclasses.field(default=1, metadata={"static": True})


class Carrier:
    """An object that no tree looks into."""

    def __init__(self, x: Any) -> None:
        self.x = x

    def __repr__(self) -> str:
        return "Carrier"


def test_dataclasses_are_structures() -> None:
    g = wg.compile(lambda p: Pair(p.a * p.times, p.b, p.times))
    for n in range(4):
        for times in (2, 3):
            found = g(Pair(wg.tensor([float(n)]), wg.ones(1), times))
            assert type(found) is Pair
            assert (found.a.item(), found.b.item(), found.times) == (n * times, 1, times)
    assert g._count() == 2


def test_objects_with_tensors_inside_are_refused() -> None:
    with pytest.raises(CompileError):
        call(wg.compile(lambda x: Carrier(x * 2)), [(wg.ones(1),)] * 4)


def test_a_result_that_requires_a_gradient_says_that_it_has_no_history() -> None:
    w = wg.ones(2, requires_grad=True)
    g = wg.compile(lambda x: (w * x).sum())
    for n in range(5):
        y = g(wg.ones(2))
        assert y.requires_grad
        assert y.item() == 2
        with pytest.raises(RuntimeError, match=r"wg\.func\.grad|whole step"):
            y.backward()
        with pytest.raises(RuntimeError, match=r"wg\.func\.grad|whole step"):
            (y * 2).backward()
        assert w.grad is None, n


def test_gradients_that_others_hold_are_not_overwritten() -> None:
    w = wg.ones(2, requires_grad=True)

    def f(x: Any) -> None:
        w.grad = None
        (w * x).sum().backward()

    g = wg.compile(f)
    held = []
    for n in range(8):
        g(wg.full((2,), float(n)))
        held.append(w.grad if n % 2 else w.grad.numpy() if n % 4 else w.grad[1:])
    assert [np.asarray(x).ravel().tolist()[-1] for x in held] == list(range(8))


def test_what_is_returned_and_left_as_a_gradient_is_one() -> None:
    w = wg.ones(2, requires_grad=True)

    def f(x: Any) -> Any:
        w.grad = None
        (w * x).sum().backward()
        return w.grad

    g = wg.compile(f)
    found = []
    for n in range(6):
        found.append(g(wg.full((2,), float(n))))
        assert found[-1] is w.grad
    assert [x.tolist() for x in found] == [[n, n] for n in range(6)]


# ---------------------------------------------------------------- 10: what fails


def test_a_label_out_of_range_gives_the_functions_own_error() -> None:
    w = nn.Linear(3, 4)
    o = optim.SGD(w.parameters(), lr=0.1)

    def step(x: Any, labels: Any) -> Any:
        o.zero_grad()
        loss = F.cross_entropy(w(x), labels)
        loss.backward()
        o.step()
        return loss.detach()

    with pytest.raises(IndexError) as expected:
        step(of(0, 2, 3), wg.tensor([0, 4]))
    g = wg.compile(step)
    for n in range(3):
        g(of(n, 2, 3), wg.tensor([0, 3]))
    before = bits([p.detach() for p in w.parameters()])
    with pytest.raises(IndexError) as found:
        g(of(0, 2, 3), wg.tensor([0, 4]))
    assert str(found.value) == str(expected.value)
    assert bits([p.detach() for p in w.parameters()]) == before
    twin = copy.deepcopy(w)
    g(of(5, 2, 3), wg.tensor([1, 2]))
    twin_o = optim.SGD(twin.parameters(), lr=0.1)
    F.cross_entropy(twin(of(5, 2, 3)), wg.tensor([1, 2])).backward()
    twin_o.step()
    assert bits([p.detach() for p in w.parameters()]) == bits([p.detach() for p in twin.parameters()])


@pytest.mark.parametrize("call", [1, 2])
def test_a_failure_while_recording_is_the_functions_own(call: int) -> None:
    table = of(0, 5, 2)
    f = Counted(lambda i: F.embedding(i, table).sum())
    g = wg.compile(f)
    for n in range(6):
        if n == call - 1:
            with pytest.raises(IndexError, match="embedding"):
                g(wg.tensor([9]))
        else:
            assert g(wg.tensor([n % 5])).item() == table[n % 5].sum().item()
    assert g._count() == 1


def test_a_failure_behind_a_change_names_its_line() -> None:
    count, table = wg.zeros(1), of(0, 5, 2)

    def f(i: Any) -> Any:
        count.add_(1)
        return F.embedding(i, table).sum()  # here

    g = wg.compile(f)
    for n in range(3):
        g(wg.tensor([n]))
    with pytest.raises(IndexError) as caught:
        g(wg.tensor([7]))
    assert line_of(f, "here") in str(caught.value)
    assert count.item() == 4
    assert g(wg.tensor([2])).item() == table[2].sum().item()
    assert count.item() == 5


def test_a_failure_of_a_kernel_behind_a_change_names_its_line() -> None:
    count = wg.zeros(1)

    def f(x: Any, labels: Any) -> Any:
        count.add_(1)
        return F.cross_entropy(x, labels)  # here

    g = wg.compile(f)
    x, good = of(0, 2, 3), wg.tensor([0, 2])
    for _ in range(3):
        g(x, good)
    with pytest.raises(IndexError) as caught:
        g(x, wg.tensor([0, 3]))
    assert line_of(f, "here") in str(caught.value)
    assert count.item() == 4
    assert bits(g(x, good)) == bits(F.cross_entropy(x, good))
    assert count.item() == 5


def test_a_singular_matrix_in_the_middle() -> None:
    g = wg.compile(lambda a: wg.linalg.inv(a) * 2)
    good, bad = wg.tensor([[2.0, 0.0], [0.0, 4.0]]), wg.zeros(2, 2)
    for _ in range(3):
        assert g(good).tolist() == [[1, 0], [0, 0.5]]
    with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
        g(bad)
    assert g(good).tolist() == [[1, 0], [0, 0.5]]


def test_an_exception_of_ones_own_goes_through() -> None:
    def f(x: Any) -> Any:
        raise KeyError("mine")

    g = wg.compile(f)
    for _ in range(3):
        with pytest.raises(KeyError, match="mine"):
            g(wg.ones(1))
    assert wg.ones(2).sum().item() == 2


# ---------------------------------------------------------------- gradients inside, dtypes, sizes


def test_float16_integers_and_bool() -> None:
    half = [(wg.tensor(drawn(n, 6), dtype=wg.float16),) for n in range(4)]
    assert_follows(lambda x: ((x * 2).exp(), x.sum(), x > 0, x.float() @ x.float()), half)
    whole = [(wg.tensor(np.random.default_rng(n).integers(-9, 9, size=6)),) for n in range(4)]
    assert_follows(lambda n: (n * 2 + 1, n // 3, n % 4, n.sum(), n.cumsum(0), n.float().mean(), n == 2, n << 1), whole)
    masks = [(wg.tensor(np.random.default_rng(n).random(6) > 0.5),) for n in range(4)]
    assert_follows(lambda m: (~m, m & True, m.sum(), m.any(), m.all(), wg.where(m, 1.0, 2.0), m ^ m), masks)


def test_empty_and_0d() -> None:
    assert_follows(lambda x: (x.sum(), x * 2, x.exp().mean(), x @ x), [(wg.zeros(0),)] * 4)
    assert_follows(lambda x: (x.T, x.sum(0), x.sum(1), x @ wg.ones(3, 2)), [(wg.zeros(0, 3),)] * 4)
    single = [(of(n, 1)[0],) for n in range(4)]
    assert_follows(lambda x: (x, x * 2, x.exp(), x.reshape(1), x[None], x.expand(3)), single)


def test_integers_as_indices_are_followed() -> None:
    table = of(9, 7, 3)
    rounds = [(wg.tensor(np.random.default_rng(n).integers(7, size=4)),) for n in range(5)]
    assert_follows(lambda i: (table[i], table[i].sum(), table.index_select(0, i), F.one_hot(i, 7)), rounds)


def test_changes_in_place_of_what_was_made_inside() -> None:
    def f(x: Any) -> Any:
        y = x * 1
        y[0] = 5.0
        y[1:] += x[:-1]
        z = y.clone()
        z[:, 1] = y[:, 0]
        y.T.mul_(2)
        z.zero_()
        z += y[0]
        return y, z, y.sum()

    assert_follows(f, [(of(n, 3, 3),) for n in range(5)])


def test_walks_inside() -> None:
    def f(x: Any) -> Any:
        y = x.detach().requires_grad_()
        z = (y.exp() * y).sum()
        (first,) = wg.autograd.grad(z, [y], create_graph=True)
        (second,) = wg.autograd.grad(first.sum(), [y])
        return z.detach(), first.detach(), second

    assert_follows(f, [(of(n, 4),) for n in range(5)])


def test_hooks_run_while_recording_and_what_they_do_is_recorded() -> None:
    w = wg.ones(3, requires_grad=True)
    w.register_hook(lambda g: g * 10)

    def f(x: Any) -> Any:
        w.grad = None
        (w * x).sum().backward()
        return w.grad * 1

    assert_follows(f, [(of(n, 3),) for n in range(5)])
