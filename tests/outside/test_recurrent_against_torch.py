"""Recurrent networks and packed sequences are PyTorch's: 200 random configurations of each in float64.

Outputs, last states and gradients; second derivatives of small ones; states are exchanged; what is printed is equal.
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
import pytest

import wengert as wg

torch = pytest.importorskip("torch", reason="PyTorch, which the results are compared with, is not installed")

COUNT = 200  # configurations of each kind
SMALL = 40  # of those, how many have second derivatives compared


class Configuration(NamedTuple):
    """How a module is made, and what it is called with."""

    kind: str
    options: dict[str, Any]
    inputs: int
    hidden: int
    steps: int
    count: int | None  # None: one sequence without a batch
    packed: bool
    states: bool
    seed: int


def configuration(kind: str, seed: int, small: bool = False) -> Configuration:
    rng = np.random.default_rng([seed, *kind.encode()])
    options: dict[str, Any] = {}
    layers = int(rng.integers(1, 3 if small else 4))
    if layers > 1 or rng.random() < 0.3:
        options["num_layers"] = layers
    if kind == "RNN" and rng.random() < 0.5:
        options["nonlinearity"] = "tanh" if small else str(rng.choice(["tanh", "relu"]))
    for name in ("bias", "batch_first", "bidirectional"):
        if rng.random() < 0.5:
            options[name] = bool(rng.random() < 0.5)
    if layers > 1 and rng.random() < 0.2:
        options["dropout"] = 0.5  # the modules are in evaluation
    most = 4 if small else 24
    hidden = int(rng.integers(1, most))
    if kind == "LSTM" and hidden > 1 and rng.random() < 0.3:
        options["proj_size"] = int(rng.integers(1, hidden))
    inputs, steps = int(rng.integers(1, most)), int(rng.integers(1, 4 if small else 10))
    count = None if rng.random() < 0.2 else int(rng.integers(1, 3 if small else 6))
    packed = count is not None and rng.random() < 0.4
    return Configuration(kind, options, inputs, hidden, steps, count, packed, rng.random() < 0.6, seed)


def both(c: Configuration) -> tuple[Any, Any]:
    """The same module of each library, with PyTorch's parameters."""
    torch.manual_seed(c.seed)
    theirs = getattr(torch.nn, c.kind)(c.inputs, c.hidden, dtype=torch.float64, **c.options).eval()
    ours = getattr(wg.nn, c.kind)(c.inputs, c.hidden, dtype=wg.float64, **c.options).eval()
    ours.load_state_dict({name: x.numpy() for name, x in theirs.state_dict().items()})
    return theirs, ours


def arrays(c: Configuration) -> tuple[np.ndarray, list[np.ndarray], np.ndarray | None]:
    """The input, the states to start with, and the lengths of packed sequences."""
    rng = np.random.default_rng(c.seed)
    batch = () if c.count is None else (c.count,)
    shape = (*batch, c.steps) if c.options.get("batch_first") and c.count is not None else (c.steps, *batch)
    x = rng.normal(size=(*shape, c.inputs))
    rows = c.options.get("num_layers", 1) * (2 if c.options.get("bidirectional") else 1)
    widths = (c.options.get("proj_size", 0) or c.hidden, c.hidden)[: 2 if c.kind == "LSTM" else 1]
    states = [rng.normal(size=(rows, *batch, width)) for width in widths] if c.states else []
    return x, states, rng.integers(1, c.steps + 1, c.count) if c.packed else None


def run(library: Any, module: Any, c: Configuration) -> tuple[list[Any], list[Any]]:
    """The leaves of a call, and its results."""
    x, states, lengths = arrays(c)
    leaves = [library.tensor(a, requires_grad=True) for a in (x, *states)]
    hx = None if not states else tuple(leaves[1:]) if c.kind == "LSTM" else leaves[1]
    given = leaves[0]
    utils = library.nn.utils.rnn
    first = bool(c.options.get("batch_first"))
    if lengths is not None:
        ordered = bool((lengths[1:] <= lengths[:-1]).all())
        given = utils.pack_padded_sequence(given, library.tensor(lengths), first, enforce_sorted=ordered)
    out, last = module(given, hx)
    if lengths is not None:
        out, found = utils.pad_packed_sequence(out, first, total_length=c.steps)
        assert found.tolist() == lengths.tolist()
    return [*leaves, *module.parameters()], [out, *(last if c.kind == "LSTM" else (last,))]


def cotangents(outs: list[Any], seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng([seed, 1])
    return [rng.normal(size=tuple(y.shape)) for y in outs]


def assert_same(found: Any, expected: Any, tolerance: float, what: str) -> None:
    assert tuple(found.shape) == tuple(expected.shape), what
    a, b = found.detach().numpy(), expected.detach().numpy()
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1.0, np.abs(b).max(initial=0)), err_msg=what)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("part", range(10))
def test_outputs_gradients_states_and_text(kind: str, part: int) -> None:
    for seed in range(part, COUNT, 10):
        c = configuration(kind, seed)
        theirs, ours = both(c)
        assert repr(ours) == repr(theirs)
        assert list(ours.state_dict()) == list(theirs.state_dict())
        found, expected = run(wg, ours, c), run(torch, theirs, c)
        gs = cotangents(expected[1], seed)
        for y, z in zip(found[1], expected[1], strict=True):
            assert_same(y, z, 1e-11, f"{c}")
        mine = wg.autograd.grad(found[1], found[0], [wg.tensor(g) for g in gs], allow_unused=True)
        other = torch.autograd.grad(expected[1], expected[0], [torch.tensor(g) for g in gs], allow_unused=True)
        for y, z in zip(mine, other, strict=True):
            assert_same(y, z, 1e-10, f"{c}")


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("part", range(4))
def test_second_derivatives(kind: str, part: int) -> None:
    for seed in range(part, SMALL, 4):
        c = configuration(kind, seed, small=True)
        theirs, ours = both(c)
        second = []
        for library, module in ((wg, ours), (torch, theirs)):
            leaves, outs = run(library, module, c)
            gs = [library.tensor(g, requires_grad=True) for g in cotangents(outs, seed)]
            once = library.autograd.grad(outs, leaves, gs, create_graph=True, allow_unused=True)
            total = sum((g**2).sum() for g in once)
            second.append(library.autograd.grad(total, [*leaves, *gs], allow_unused=True))
        for y, z in zip(*second, strict=True):
            if z is None:
                assert y is None or not y.numpy().any()
            else:
                assert_same(y, z, 1e-9, f"{c}")


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_cells(kind: str) -> None:
    rng = np.random.default_rng(0)
    for seed in range(COUNT // 4):
        inputs, hidden, count = (int(n) for n in rng.integers(1, 20, 3))
        options: dict[str, Any] = {"bias": False} if rng.random() < 0.3 else {}
        if kind == "RNN" and rng.random() < 0.5:
            options["nonlinearity"] = str(rng.choice(["tanh", "relu"]))
        theirs = getattr(torch.nn, f"{kind}Cell")(inputs, hidden, dtype=torch.float64, **options)
        ours = getattr(wg.nn, f"{kind}Cell")(inputs, hidden, dtype=wg.float64, **options)
        ours.load_state_dict({name: x.numpy() for name, x in theirs.state_dict().items()})
        assert repr(ours) == repr(theirs)
        batch = () if rng.random() < 0.3 else (count,)
        x, states = rng.normal(size=(*batch, inputs)), [rng.normal(size=(*batch, hidden)) for _ in range(2)]
        given = bool(rng.random() < 0.7)
        found = []
        for library, module in ((wg, ours), (torch, theirs)):
            leaves = [library.tensor(a, requires_grad=True) for a in (x, *states[: 2 if kind == "LSTM" else 1])]
            hx = None if not given else tuple(leaves[1:]) if kind == "LSTM" else leaves[1]
            out = module(leaves[0], hx)
            outs = list(out) if kind == "LSTM" else [out]
            gs = [library.tensor(g) for g in cotangents(outs, seed)]
            ends = [*leaves[: None if given else 1], *module.parameters()]
            found.append([*outs, *library.autograd.grad(outs, ends, gs)])
        for y, z in zip(*found, strict=True):
            assert_same(y, z, 1e-11, f"{kind} {options}")


def test_states_go_both_ways() -> None:
    for seed in range(20):
        c = configuration("LSTM", seed)
        theirs, ours = both(c)
        wg.manual_seed(seed)
        ours.reset_parameters()
        theirs.load_state_dict({name: torch.from_numpy(x.numpy()) for name, x in ours.state_dict().items()})
        for y, z in zip(run(wg, ours, c)[1], run(torch, theirs, c)[1], strict=True):
            assert_same(y, z, 1e-11, f"{c}")


def test_parameters_start_as_theirs_do() -> None:
    for kind in ("RNN", "LSTM", "GRU"):
        theirs, ours = getattr(torch.nn, kind)(30, 400, 2), getattr(wg.nn, kind)(30, 400, 2)
        for (name, p), q in zip(theirs.named_parameters(), ours.parameters(), strict=True):
            a, b = p.detach().numpy(), q.detach().numpy()
            assert a.std() == pytest.approx(b.std(), rel=0.1), name
            assert np.abs(b).max() <= 1 / 20
            assert np.abs(b).max() == pytest.approx(np.abs(a).max(), rel=0.02)


def sequences(rng: np.random.Generator) -> list[np.ndarray]:
    shape = tuple(int(n) for n in rng.integers(1, 4, rng.integers(0, 3)))
    return [rng.normal(size=(int(n), *shape)) for n in rng.integers(1, 8, rng.integers(1, 6))]


@pytest.mark.parametrize("seed", range(COUNT))
def test_packed_sequences(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts, first = sequences(rng), bool(rng.integers(2))
    order = np.argsort([-len(p) for p in parts], kind="stable")
    ordered = bool(rng.integers(2))
    parts = [parts[k] for k in order] if ordered else parts
    value, longer, side = float(rng.normal()), int(rng.integers(0, 3)), str(rng.choice(["left", "right"]))
    found = []
    for library in (wg, torch):
        rnn = library.nn.utils.rnn
        leaves = [library.tensor(p, requires_grad=True) for p in parts]
        packed = rnn.pack_sequence(leaves, enforce_sorted=ordered)
        longest = max(map(len, parts)) + longer
        padded, lengths = rnn.pad_packed_sequence(packed, first, value, longest if longer else None)
        (squared,) = library.autograd.grad((padded**3).sum(), leaves[:1], retain_graph=True)
        right = rnn.pad_sequence(leaves, first, value, side)
        again = rnn.pack_padded_sequence(rnn.pad_sequence(leaves, first), lengths, first, enforce_sorted=ordered)
        indices = [packed.sorted_indices, packed.unsorted_indices]
        found.append([
            packed.data, packed.batch_sizes, padded, lengths, squared, right, again.data,
            *(x for x in indices if x is not None), *rnn.unpack_sequence(packed),
            *rnn.unpad_sequence(rnn.pad_sequence(leaves, first), lengths, first),
        ])  # fmt: skip
    for y, z in zip(*found, strict=True):
        assert_same(y, z, 0, f"seed {seed}")


WRONG = {
    "LSTM(2, 3)(x(5, 4, 3))": "another number of features",
    "LSTM(2, 3)(x(2))": "a vector",
    "GRU(2, 3)(x(0, 4, 2))": "no steps",
    "RNN(2, 3)(x(5, 4, 2), x(1, 3, 3))": "a state of another batch",
    "RNN(2, 3)(x(5, 2), x(1, 1, 3))": "a state of a batch for a sequence alone",
    "LSTM(2, 3, proj_size=2)(x(5, 4, 2), (x(1, 4, 3), x(1, 4, 3)))": "a state that is not projected",
    "LSTM(2, 3)(x(5, 4, 2).double())": "another dtype",
    "LSTM(2, 0)": "no hidden units",
    "LSTM(2, 2.5)": "half a hidden unit",
    "GRU(2, 3, 0)": "no layers",
    "GRU(2, 3, 2, dropout=2)": "no probability",
    "GRU(2, 3, proj_size=1)": "only of an LSTM",
    "LSTM(2, 3, proj_size=3)": "too large a projection",
    "LSTM(2, 3, proj_size=-1)": "a negative projection",
    "RNN(2, 3, nonlinearity='sin')": "no such function",
    "GRUCell(2, 3)(x(4, 3))": "another number of features",
    "GRUCell(2, 3)(x(5, 4, 2))": "steps",
    "RNNCell(2, 3)(x(4, 2), x(3, 3))": "a state of another batch",
    "utils.rnn.pack_padded_sequence(x(3, 2), [2, 3])": "growing lengths",
    "utils.rnn.pack_padded_sequence(x(3, 2), [3, 0])": "an empty sequence",
    "utils.rnn.pad_packed_sequence(utils.rnn.pack_sequence([x(3)]), total_length=2)": "too short",
    "utils.rnn.pad_sequence([])": "nothing",
    "utils.rnn.pad_sequence([x(2, 3), x(2, 2)])": "shapes that differ",
}


@pytest.mark.parametrize("program", WRONG)
def test_what_pytorch_refuses_is_refused(program: str) -> None:
    for library in (torch, wg):
        with pytest.raises((RuntimeError, ValueError, TypeError)):
            eval(program, vars(library.nn), {"x": library.ones})


def test_both_warn_of_dropout_without_a_layer_to_drop_from() -> None:
    for library in (torch, wg):
        with pytest.warns(UserWarning, match="dropout"):
            library.nn.GRU(2, 3, dropout=0.5)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            library.nn.GRU(2, 3, 2, dropout=0.5)
