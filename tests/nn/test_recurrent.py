"""Recurrent networks and packed sequences: a layer is its cell step by step, and its derivatives are right."""

from __future__ import annotations

import copy
import itertools
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert.core import batching
from wengert.core.trees import flatten
from wengert.nn.utils import rnn
from wengert.ops.recurrent import GATES, composed, recurrent_layer

KINDS = ("RNN", "LSTM", "GRU")
CELLS = ("tanh", "relu", "lstm", "gru")
EACH_KIND = pytest.mark.parametrize("kind", KINDS)
EACH_CELL = pytest.mark.parametrize("cell", CELLS)


def draw(*shape: int, seed: int = 0, dtype: Any = np.float64) -> wg.Tensor:
    return wg.from_numpy(np.random.default_rng(seed).normal(size=shape).astype(dtype))


def arguments(cell: str, sizes: tuple[int, ...], inputs: int = 2, hidden: int = 3, states: bool = True) -> list[Any]:
    """Of `recurrent_layer`, in float64."""
    columns = GATES[cell] * hidden
    shapes = ((sum(sizes), inputs), (sizes[0], hidden), (sizes[0], hidden), (columns, inputs), (columns, hidden))
    x, h, c, w_ih, w_hh = (draw(*shape, seed=k) * 0.5 for k, shape in enumerate(shapes))
    b_ih, b_hh = draw(columns, seed=7) * 0.5, draw(columns, seed=8) * 0.5
    return [x, h if states else None, c if states and cell == "lstm" else None, w_ih, w_hh, b_ih, b_hh]


def layer_of(cell: str, sizes: tuple[int, ...], reverse: bool, given: list[Any]) -> Callable[..., Any]:
    """A layer as a function of those of its arguments that are there."""

    def function(*present: Any) -> Any:
        rest = iter(present)
        return recurrent_layer(
            *[None if x is None else next(rest) for x in given], cell=cell, sizes=sizes, reverse=reverse
        )

    return function


def assert_close(found: Any, expected: Any, tolerance: float = 1e-12) -> None:
    np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), rtol=tolerance, atol=tolerance)


# ---------------------------------------------------------------- the operation


@EACH_CELL
@pytest.mark.parametrize("sizes", [(2, 2, 2), (3, 2, 1, 1)], ids=str)
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
def test_the_kernel_computes_what_is_composed(cell: str, sizes: tuple[int, ...], reverse: bool) -> None:
    given = [None if x is None else x.requires_grad_() for x in arguments(cell, sizes, hidden=19)]
    fused = recurrent_layer(*given, cell=cell, sizes=sizes, reverse=reverse)
    slow = composed(*given, cell=cell, sizes=sizes, reverse=reverse)
    leaves = [x for x in given if x is not None]
    gs = [draw(*y.shape, seed=k) for k, y in enumerate(fused)]
    for y, z in zip(fused, slow, strict=True):
        assert_close(y, z)
    first, second = (wg.autograd.grad(list(ys), leaves, gs) for ys in (fused, slow))
    for y, z in zip(first, second, strict=True):
        assert_close(y, z)


@EACH_CELL
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("states", [False, True], ids=["from zeros", "from states"])
def test_derivatives_are_right_to_order_two(cell: str, reverse: bool, states: bool) -> None:
    given = arguments(cell, (2, 2, 1), states=states)
    present = [x for x in given if x is not None]
    wg.func.check_gradients(layer_of(cell, (2, 2, 1), reverse, given), *present, order=2)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_derivatives_are_right_to_order_three(cell: str) -> None:
    given = arguments(cell, (1, 1), 1, 2)
    present = [x for x in given if x is not None]
    wg.func.check_gradients(layer_of(cell, (1, 1), False, given), *present, order=3)


@EACH_CELL
def test_a_walk_that_is_recorded_can_be_walked(cell: str) -> None:
    given = [None if x is None else x.requires_grad_() for x in arguments(cell, (2, 2))]
    leaves = [x for x in given if x is not None]
    gradients = []
    for run in (recurrent_layer, composed):
        out = run(*given, cell=cell, sizes=(2, 2), reverse=False)
        once = wg.autograd.grad((out[0] ** 2).sum(), leaves, create_graph=True)
        gradients.append(wg.autograd.grad(sum((g**2).sum() for g in once), leaves))
    for g, expected in zip(*gradients, strict=True):
        assert_close(g, expected)


@EACH_CELL
@pytest.mark.parametrize("which", [(0,), (4,), (0, 1), (3, 4, 5), tuple(range(7))], ids=str)
@pytest.mark.parametrize("sizes", [(2, 2), (3, 1)], ids=str)
def test_a_batch_is_the_loop(cell: str, which: tuple[int, ...], sizes: tuple[int, ...]) -> None:
    given = arguments(cell, sizes)
    present = [k for k, x in enumerate(given) if x is not None]
    function = layer_of(cell, sizes, True, given)

    def derivatives(*xs: Any) -> Any:
        ys, pullback = wg.func.vjp(function, *xs)
        once = pullback(tuple(y * 0 + 1.5 for y in ys))
        first = wg.grad(lambda *xs: (function(*xs)[0] ** 2).sum(), tuple(range(len(xs))))
        twice = wg.grad(lambda *xs: sum((g**2).sum() for g in first(*xs)), tuple(range(len(xs))))
        return ys, once, wg.func.jvp(function, xs, xs)[1], twice(*xs)

    dims = tuple(0 if k in which else None for k in present)
    xs = [
        wg.stack([given[k] * (1 + 0.1 * j) for j in range(3)]) if k in which else given[k] for k in present
    ]  # fmt: skip
    found, expected = (wg.vmap(derivatives, dims, chunk_size=size)(*xs) for size in (None, 1))
    for y, z in zip(flatten(found)[0], flatten(expected)[0], strict=True):
        assert_close(y, z, 1e-10)


def test_gradients_of_examples_come_from_one_larger_layer() -> None:
    lstm, x = nn.LSTM(3, 4, dtype=wg.float64), draw(5, 7, 1, 3)
    state = dict(lstm.named_parameters())

    def loss(state: Any, x: Any) -> Any:
        return (wg.func.functional_call(lstm, state, (x,))[0] ** 2).sum()

    loops = dict(batching.loops)
    found = wg.vmap(wg.grad(loss), (None, 0))(state, x)
    for k in range(5):
        lstm.zero_grad()
        loss(state, x[k]).backward()
        for name, parameter in lstm.named_parameters():
            assert_close(found[name][k], parameter.grad)
    assert batching.loops == loops


@EACH_CELL
def test_only_what_is_asked_for_gets_a_gradient(cell: str) -> None:
    for k in (0, 1, 3, 4, 5, 6):
        given = arguments(cell, (2, 1))
        given[k].requires_grad_()
        out = recurrent_layer(*given, cell=cell, sizes=(2, 1))[0]
        (found,) = wg.autograd.grad(out.sum(), given[k])
        both = [None if x is None else x.detach().requires_grad_() for x in given]
        recurrent_layer(*both, cell=cell, sizes=(2, 1))[0].sum().backward()
        assert_close(found, both[k].grad)


@EACH_CELL
def test_a_result_may_be_changed_in_place(cell: str) -> None:
    grads = []
    for change in (False, True):
        given = [None if x is None else x.requires_grad_() for x in arguments(cell, (2, 2))]
        out, *last = recurrent_layer(*given, cell=cell, sizes=(2, 2))
        loss = (out * 3).sum() + sum((s * 3).sum() for s in last)
        if change:
            loss = out.mul_(3).sum() + sum(s.mul_(3).sum() for s in last)
        grads.append(wg.autograd.grad(loss, [x for x in given if x is not None]))
    for g, expected in zip(*grads, strict=True):
        assert_close(g, expected)


def test_an_argument_that_is_changed_in_place_is_noticed() -> None:
    given = [None if x is None else x * 1 for x in arguments("lstm", (2, 2))]
    given[3].requires_grad_()
    x = given[0].clone()
    out = recurrent_layer(x, *given[1:], cell="lstm", sizes=(2, 2))[0]
    x.add_(1)
    with pytest.raises(RuntimeError, match=r"rnn_layer: its argument x, of shape .* changed in place"):
        out.sum().backward()


def test_a_graph_is_walked_twice_if_it_is_kept() -> None:
    given = [None if x is None else x.requires_grad_() for x in arguments("gru", (2, 2))]
    loss = recurrent_layer(*given, cell="gru", sizes=(2, 2))[0].sum()
    (once,) = wg.autograd.grad(loss, given[4], retain_graph=True)
    (again,) = wg.autograd.grad(loss, given[4])
    np.testing.assert_array_equal(once.numpy(), again.numpy())
    with pytest.raises(RuntimeError, match="walked backward before"):
        wg.autograd.grad(loss, given[4])


# ---------------------------------------------------------------- the modules


def cell_of(module: Any, suffix: str) -> Any:
    """A cell with the weights of one layer and direction."""
    kind = type(module).__name__
    more = {"nonlinearity": module.nonlinearity} if kind == "RNN" else {}
    inputs = getattr(module, f"weight_ih{suffix}").shape[1]
    cell = getattr(nn, f"{kind}Cell")(inputs, module.hidden_size, bias=module.bias, dtype=wg.float64, **more)
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")[: 4 if module.bias else 2]
    cell.load_state_dict({name: getattr(module, name + suffix).detach() for name in names})
    return cell


def by_cells(module: Any, x: Any, states: list[Any]) -> tuple[Any, list[Any]]:
    """Outputs and last states of (steps, n, features), a cell's step after the other."""
    lasts = []
    for layer in range(module.num_layers):
        outs = []
        for direction, suffix in enumerate((f"_l{layer}", f"_l{layer}_reverse")[: 2 if module.bidirectional else 1]):
            cell, k = cell_of(module, suffix), layer * (2 if module.bidirectional else 1) + direction
            now = tuple(s[k] for s in states)
            steps: list[Any] = []
            for t in range(len(x))[:: -1 if direction else 1]:
                found = cell(x[t], now if len(now) == 2 else now[0])
                now = found if isinstance(found, tuple) else (found,)
                steps.append(now[0])
            outs.append(wg.stack(steps[::-1] if direction else steps))
            lasts.append(now)
        x = wg.cat(outs, 2)
    return x, [wg.stack(list(s)) for s in zip(*lasts, strict=True)]


@EACH_KIND
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_a_layer_is_its_cell_step_by_step(kind: str, layers: int, bidirectional: bool, bias: bool) -> None:
    module = getattr(nn, kind)(3, 5, layers, bias=bias, bidirectional=bidirectional, dtype=wg.float64)
    x, rows = draw(6, 4, 3), layers * (2 if bidirectional else 1)
    states = [draw(rows, 4, 5, seed=k) for k in range(2 if kind == "LSTM" else 1)]
    out, last = module(x, tuple(states) if kind == "LSTM" else states[0])
    expected, ends = by_cells(module, x, states)
    assert_close(out, expected)
    for s, end in zip(last if kind == "LSTM" else [last], ends, strict=True):
        assert_close(s, end)


@EACH_KIND
def test_layouts_and_single_sequences(kind: str) -> None:
    first = getattr(nn, kind)(3, 5, 2, dtype=wg.float64)
    second = getattr(nn, kind)(3, 5, 2, batch_first=True, dtype=wg.float64)
    second.load_state_dict(first.state_dict())
    x = draw(6, 4, 3)
    out, last = first(x)
    other, ends = second(x.transpose(0, 1))
    assert_close(other.transpose(0, 1), out)
    alone, end = first(x[:, 2])
    assert alone.shape == (6, 5)
    assert_close(alone, out[:, 2])
    for s, e, whole in zip(*((y if kind == "LSTM" else (y,)) for y in (ends, end, last)), strict=True):
        assert_close(s, whole)
        assert_close(e, whole[:, 2])
    cell = getattr(nn, f"{kind}Cell")(3, 5)
    found = cell(wg.ones(3))
    assert (found[0] if kind == "LSTM" else found).shape == (5,)


@EACH_KIND
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("proj_size", [0, 2])
def test_packed_sequences_are_sequences_by_themselves(kind: str, bidirectional: bool, proj_size: int) -> None:
    if proj_size and kind != "LSTM":
        return
    more = {"proj_size": proj_size} if proj_size else {}
    module = getattr(nn, kind)(3, 5, 2, bidirectional=bidirectional, dtype=wg.float64, **more)
    sequences = [draw(n, 3, seed=n) for n in (4, 6, 1, 6, 3)]
    rows = 4 if bidirectional else 2
    states = [draw(rows, 5, proj_size or 5), draw(rows, 5, 5, seed=1)][: 2 if kind == "LSTM" else 1]
    hx = tuple(states) if kind == "LSTM" else states[0]
    out, last = module(rnn.pack_sequence(sequences, enforce_sorted=False), hx)
    for k, (y, x) in enumerate(zip(rnn.unpack_sequence(out), sequences, strict=True)):
        own = tuple(s[:, k] for s in states)
        expected, ends = module(x, own if kind == "LSTM" else own[0])
        assert_close(y, expected)
        for s, end in zip(last if kind == "LSTM" else [last], ends if kind == "LSTM" else [ends], strict=True):
            assert_close(s[:, k], end)


def test_a_projection_is_taken_step_by_step() -> None:
    lstm = nn.LSTM(2, 4, proj_size=3, dtype=wg.float64)
    given = [draw(3, 2, 2), draw(1, 2, 3), draw(1, 2, 4)]
    h, c, outs = given[1][0], given[2][0], []
    for x in given[0]:
        i, f, g, o = wg.chunk(
            x @ lstm.weight_ih_l0.T + lstm.bias_ih_l0 + h @ lstm.weight_hh_l0.T + lstm.bias_hh_l0, 4, 1
        )
        c = wg.sigmoid(f) * c + wg.sigmoid(i) * wg.tanh(g)
        h = (wg.sigmoid(o) * wg.tanh(c)) @ lstm.weight_hr_l0.T
        outs.append(h)
    out, (h_n, c_n) = lstm(given[0], (given[1], given[2]))
    assert_close(out, wg.stack(outs))
    assert_close(h_n[0], h)
    assert_close(c_n[0], c)
    wg.func.check_gradients(lambda x, h, c: lstm(x, (h, c)), *given, order=1)


@EACH_KIND
def test_dropout_is_between_layers_and_in_training_alone(kind: str) -> None:
    wg.manual_seed(0)
    module = getattr(nn, kind)(3, 50, 2, dropout=0.5)
    x = draw(4, 2, 3, dtype=np.float32)
    assert (module(x)[0].numpy(force=True) != module(x)[0].numpy(force=True)).any()
    module.eval()
    np.testing.assert_array_equal(module(x)[0].numpy(force=True), module(x)[0].numpy(force=True))
    with pytest.warns(UserWarning, match="one layer alone"):
        alone = getattr(nn, kind)(3, 5, dropout=0.5)
    np.testing.assert_array_equal(alone(x)[0].numpy(force=True), alone(x)[0].numpy(force=True))


@EACH_KIND
def test_other_dtypes(kind: str) -> None:
    module = getattr(nn, kind)(3, 5, 2, bidirectional=True, dtype=wg.float64)
    x = draw(4, 2, 3)
    expected = module(x)[0].detach().numpy()
    for dtype, tolerance in ((wg.float32, 1e-6), (wg.float16, 5e-3)):
        narrow = copy.deepcopy(module).to(dtype)
        out, _ = narrow(x.to(dtype))
        assert out.dtype == dtype
        np.testing.assert_allclose(out.detach().numpy(), expected, atol=tolerance)
        out.sum().backward()
        assert all(p.grad.dtype == dtype for p in narrow.parameters())


@EACH_KIND
def test_state_copies_and_pickles(kind: str) -> None:
    module = getattr(nn, kind)(3, 5, 2, bidirectional=True)
    x = draw(4, 2, 3, dtype=np.float32)
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        np.testing.assert_array_equal(module(x)[0].numpy(force=True), other(x)[0].numpy(force=True))
    assert list(module.state_dict())[:5] == [
        "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "weight_ih_l0_reverse",
    ]  # fmt: skip
    assert [len(weights) for weights in module.all_weights] == [4, 4, 4, 4]
    bound = 1 / np.sqrt(5)
    assert all(np.abs(p.detach().numpy()).max() <= bound for p in module.parameters())
    module.flatten_parameters()


def test_a_network_learns_to_add() -> None:
    """Which of the steps of a sequence count, a second feature says: what a state must carry."""
    wg.manual_seed(0)
    rng = np.random.default_rng(0)
    lstm, head = nn.LSTM(2, 16, batch_first=True), nn.Linear(16, 1)
    optimizer = wg.optim.Adam([*lstm.parameters(), *head.parameters()], lr=0.02)
    for _ in range(300):
        values, marks = rng.uniform(size=(64, 8)), rng.uniform(size=(64, 8)) < 0.3
        x = wg.tensor(np.stack((values, marks), 2), dtype=wg.float32)
        y = wg.tensor((values * marks).sum(1, keepdims=True), dtype=wg.float32)
        loss = nn.functional.mse_loss(head(lstm(x)[0][:, -1]), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.02


@EACH_KIND
def test_empty_batches(kind: str) -> None:
    module = getattr(nn, kind)(3, 5, 2)
    x = wg.zeros(4, 0, 3, requires_grad=True)
    out, last = module(x)
    assert out.shape == (4, 0, 5)
    assert (last[0] if kind == "LSTM" else last).shape == (2, 0, 5)
    out.sum().backward()
    assert x.grad.shape == (4, 0, 3)
    assert not module.weight_hh_l0.grad.numpy().any()


REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "features": (lambda: nn.LSTM(3, 5)(wg.ones(4, 2, 2)), ValueError, r"\(steps, n, 3\) .* got \(4, 2, 2\)"),
    "batch first": (lambda: nn.GRU(3, 5, batch_first=True)(wg.ones(3)), ValueError, r"\(n, steps, 3\) .* got \(3,\)"),
    "no steps": (lambda: nn.RNN(3, 5)(wg.ones(0, 2, 3)), ValueError, r"at least one step, got .* \(0, 2, 3\)"),
    "state": (lambda: nn.RNN(3, 5)(wg.ones(4, 2, 3), wg.ones(1, 3, 5)), ValueError,
              r"\(4, 2, 3\), h_0 has shape \(1, 2, 5\); got \(1, 3, 5\)"),
    "state alone": (lambda: nn.RNN(3, 5)(wg.ones(4, 3), wg.ones(1, 1, 5)), ValueError, r"h_0 has shape \(1, 5\)"),
    "cell state": (lambda: nn.LSTM(3, 5, proj_size=2)(wg.ones(4, 2, 3), (wg.ones(1, 2, 2), wg.ones(1, 2, 2))),
                   ValueError, r"c_0 has shape \(1, 2, 5\); got \(1, 2, 2\)"),
    "pair": (lambda: nn.LSTM(3, 5)(wg.ones(4, 2, 3), wg.ones(1, 2, 5)), TypeError, r"pair \(h_0, c_0\)"),
    "dtype": (lambda: nn.LSTM(3, 5)(wg.ones(4, 2, 3, dtype=wg.float64)), TypeError, "float64, the weights are float32"),
    "packed": (lambda: nn.LSTM(3, 5)(rnn.pack_sequence([wg.ones(4, 2)])), ValueError, r"\(items, 3\), got \(4, 2\)"),
    "hidden": (lambda: nn.LSTM(3, 0), ValueError, "hidden_size and num_layers of at least 1, got 0 and 1"),
    "kind of hidden": (lambda: nn.LSTM(3, 2.5), TypeError, "integer hidden_size, got a float"),
    "layers": (lambda: nn.GRU(3, 2, 0), ValueError, "at least 1, got 2 and 0"),
    "dropout": (lambda: nn.GRU(3, 2, 2, dropout=1.5), ValueError, "probability dropout"),
    "projection": (lambda: nn.LSTM(3, 2, proj_size=2), ValueError, "from 1 to hidden_size - 1 = 1"),
    "projected GRU": (lambda: nn.RNNBase("GRU", 3, 5, proj_size=2), ValueError, "proj_size of an LSTM"),
    "mode": (lambda: nn.RNNBase("ELMAN", 3, 5), ValueError, "RNN_TANH, RNN_RELU, LSTM, GRU, got 'ELMAN'"),
    "nonlinearity": (lambda: nn.RNN(3, 5, nonlinearity="sin"), ValueError, "got 'sin'"),
    "cell's input": (lambda: nn.GRUCell(3, 5)(wg.ones(2, 2)), ValueError, r"\(n, 3\) or \(3,\), got \(2, 2\)"),
    "cell's state": (lambda: nn.LSTMCell(3, 5)(wg.ones(2, 3), (wg.ones(2, 5), wg.ones(5))), ValueError,
                     r"c_0 has shape \(2, 5\); got \(5,\)"),
    "cell's pair": (lambda: nn.LSTMCell(3, 5)(wg.ones(2, 3), wg.ones(2, 5)), TypeError, "pair"),
    "cell's nonlinearity": (lambda: nn.RNNCell(3, 5, nonlinearity="sin"), ValueError, "got 'sin'"),
    "cell's dtype": (lambda: nn.RNNCell(3, 5)(wg.ones(3, dtype=wg.float16)), TypeError, "float16"),
    "lengths": (lambda: rnn.pack_padded_sequence(wg.ones(3, 2), [3, 4], enforce_sorted=False), ValueError,
                r"from 1 to 3 .* \(3, 2\); got \[3, 4\]"),
    "number of lengths": (lambda: rnn.pack_padded_sequence(wg.ones(3, 2), [3]), ValueError, "2 integers"),
    "no length": (lambda: rnn.pack_padded_sequence(wg.ones(3, 2), [3, 0]), ValueError, "from 1 to 3"),
    "unsorted": (lambda: rnn.pack_padded_sequence(wg.ones(3, 2), [2, 3]), ValueError, "enforce_sorted=False"),
    "vector": (lambda: rnn.pack_padded_sequence(wg.ones(3), [3]), ValueError, r"got \(3,\)"),
    "total": (lambda: rnn.pad_packed_sequence(rnn.pack_sequence([wg.ones(3)]), total_length=2), ValueError,
              "at least 3, the longest sequence, got 2"),
    "no sequences": (lambda: rnn.pad_sequence([]), ValueError, r"got \[\]"),
    "shapes": (lambda: rnn.pad_sequence([wg.ones(2, 3), wg.ones(2, 2)]), ValueError, r"\(2, 3\), \(2, 2\)"),
    "side": (lambda: rnn.pad_sequence([wg.ones(2)], padding_side="top"), ValueError, "got 'top'"),
    "batch sizes": (lambda: rnn.PackedSequence(wg.ones(3), wg.tensor([1, 2])), ValueError, r"got \[1, 2\]"),
    "rows": (lambda: rnn.PackedSequence(wg.ones(3), wg.tensor([2, 2])), ValueError, r"\(3,\); got \[2, 2\]"),
    "no batch sizes": (lambda: rnn.PackedSequence(wg.ones(3)), ValueError, "expected batch_sizes"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_says_what_it_got(name: str) -> None:
    call, kind, message = REFUSED[name]
    with pytest.raises(kind, match=message):
        call()


# ---------------------------------------------------------------- sequences


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("shape", [(), (2,), (2, 3)], ids=str)
def test_packing_and_padding_go_there_and_back(batch_first: bool, shape: tuple[int, ...]) -> None:
    sequences = [draw(n, *shape, seed=n) for n in (2, 5, 1, 5)]
    lengths = [2, 5, 1, 5]
    padded = rnn.pad_sequence(sequences, batch_first)
    assert padded.shape == ((4, 5, *shape) if batch_first else (5, 4, *shape))
    packed = rnn.pack_padded_sequence(padded, wg.tensor(lengths), batch_first, enforce_sorted=False)
    again, found = rnn.pad_packed_sequence(packed, batch_first)
    np.testing.assert_array_equal(again.numpy(), padded.numpy())
    assert found.tolist() == lengths
    for pieces in (rnn.unpad_sequence(padded, lengths, batch_first), rnn.unpack_sequence(packed)):
        for piece, sequence in zip(pieces, sequences, strict=True):
            np.testing.assert_array_equal(piece.numpy(), sequence.numpy())
    longer, _ = rnn.pad_packed_sequence(packed, batch_first, padding_value=-1.0, total_length=7)
    last = longer.numpy()[:, 5:] if batch_first else longer.numpy()[5:]
    assert (last == -1).all()
    left = rnn.pad_sequence(sequences, padding_side="left").numpy()
    np.testing.assert_array_equal(left[3:, 0], sequences[0].numpy())
    assert not left[:3, 0].any()


def test_packing_and_padding_are_differentiable() -> None:
    lengths = [2, 4, 1]

    def function(x: Any) -> Any:
        packed = rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
        return rnn.pad_packed_sequence(packed._replace(data=packed.data**2))[0]

    wg.func.check_gradients(function, draw(4, 3, 2))
    mask = np.arange(4)[:, None] < np.array(lengths)
    x = draw(4, 3, 2).requires_grad_()
    function(x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * x.detach().numpy() * mask[:, :, None])


def test_what_a_packed_sequence_offers() -> None:
    packed = rnn.pack_sequence([wg.tensor([1.0]), wg.tensor([2.0, 3.0])], enforce_sorted=False)
    assert packed.data.tolist() == [2, 1, 3]
    assert packed.batch_sizes.tolist() == [2, 1]
    assert packed.sorted_indices.tolist() == packed.unsorted_indices.tolist() == [1, 0]
    assert [packed.double().data.dtype, packed.half().data.dtype, packed.float().data.dtype] == [
        wg.float64, wg.float16, wg.float32,
    ]  # fmt: skip
    assert packed.long().data.dtype == wg.int64
    assert packed.int().data.dtype == wg.int32
    assert packed.to(wg.float64).unsorted_indices is packed.unsorted_indices
    assert packed.to(wg.float32) is packed is packed.cpu()
    assert not packed.is_cuda
    assert not packed.is_pinned()
    assert isinstance(packed, tuple)
    data, sizes, _, _ = packed
    assert data is packed.data
    assert sizes is packed.batch_sizes
    assert rnn.invert_permutation(None) is None
    assert rnn.invert_permutation(wg.tensor([2, 0, 1])).tolist() == [1, 2, 0]


def test_no_warning_is_given() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind, packed in itertools.product(KINDS, (False, True)):
            x: Any = rnn.pack_sequence([wg.ones(3, 2), wg.ones(1, 2)]) if packed else wg.ones(3, 2, 2)
            getattr(nn, kind)(2, 3, 2, dropout=0.1)(x)
