"""Layers of recurrent networks against their definition, step by step, in float64; gradients against differences."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from test_fuzz import arrays, check, run

from guarded import K
from isas import by_isa

CELLS = {"tanh": (1, 1), "relu": (1, 1), "lstm": (4, 4), "gru": (3, 4)}  # gates, and parts that are kept
HIDDEN = (1, 3, 15, 16, 33)  # around the vectors' lengths
SIZES = ((4,), (3, 3, 3), (5, 4, 4, 1), (2, 1, 1, 1, 1, 1), (70, 70, 3))

EACH_CELL = pytest.mark.parametrize("cell", CELLS)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * x))


def step(cell: str, x: np.ndarray, h: np.ndarray, c: np.ndarray, w: Any) -> tuple[np.ndarray, ...]:
    """The states after a step, and what is kept."""
    w_x, w_h, b_x, b_h = w
    p, q = x @ w_x.T + b_x, h @ w_h.T + b_h
    if cell in ("tanh", "relu"):
        y = np.tanh(p + q) if cell == "tanh" else np.where(p + q <= 0, 0, p + q)
        return y, c, y
    if cell == "lstm":
        i, f, g, o = np.split(p + q, 4, 1)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        c = f * c + i * g
        return o * np.tanh(c), c, np.concatenate((i, f, g, o), 1)
    (p_r, p_z, p_n), (q_r, q_z, q_n) = np.split(p, 3, 1), np.split(q, 3, 1)
    r, z = sigmoid(p_r + q_r), sigmoid(p_z + q_z)
    n = np.tanh(p_n + r * q_n)
    return (1 - z) * n + z * h, c, np.concatenate((r, z, n, q_n), 1)


def by_definition(
    cell: str, x: np.ndarray, sizes: tuple[int, ...], w: Any, h: np.ndarray, c: np.ndarray, reverse: bool
) -> dict[str, np.ndarray]:
    """Everything that the kernel gives, in float64."""
    ends = np.cumsum(sizes)
    h, c = h.copy(), c.copy()  # of rows that have begun, and of those that have ended
    found: dict[str, dict[int, np.ndarray]] = {name: {} for name in ("out", "gates", "h_before", "c_before")}
    for t in range(len(sizes))[:: -1 if reverse else 1]:
        n = sizes[t]
        found["h_before"][t], found["c_before"][t] = h[:n].copy(), c[:n].copy()
        h[:n], c[:n], found["gates"][t] = step(cell, x[ends[t] - n : ends[t]], h[:n], c[:n], w)
        found["out"][t] = h[:n].copy()
    whole = {name: np.concatenate([parts[t] for t in range(len(sizes))]) for name, parts in found.items()}
    return {**whole, "h_n": h, "c_n": c}


def drawn(cell: str, sizes: tuple[int, ...], inputs: int, hidden: int, seed: int = 0) -> dict[str, Any]:
    """Arguments in float64 that float32 has exactly."""
    rng = np.random.default_rng(seed)
    columns = CELLS[cell][0] * hidden

    def normal(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32).astype(np.float64)

    return {
        "x": normal(sum(sizes), inputs), "w_x": normal(columns, inputs) * 0.5, "w_h": normal(columns, hidden) * 0.25,
        "b_x": normal(columns), "b_h": normal(columns) if cell == "gru" else None,
        "h": normal(sizes[0], hidden), "c": normal(sizes[0], hidden) if cell == "lstm" else None,
    }  # fmt: skip


def typed(given: dict[str, Any], dtype: np.dtype) -> dict[str, Any]:
    return {name: None if x is None else x.astype(dtype) for name, x in given.items()}


def reference(cell: str, given: dict[str, Any], sizes: tuple[int, ...], reverse: bool) -> dict[str, np.ndarray]:
    hidden = given["w_h"].shape[1]
    zeros, nothing = np.zeros((sizes[0], hidden)), np.zeros(len(given["w_h"]))
    w = (given["w_x"], given["w_h"], *(nothing if given[b] is None else given[b] for b in ("b_x", "b_h")))
    h, c = (zeros if given[s] is None else given[s] for s in ("h", "c"))
    return by_definition(cell, given["x"], sizes, w, h, c, reverse)


def forward(cell: str, given: dict[str, Any], sizes: tuple[int, ...], reverse: bool, keep: bool) -> dict[str, Any]:
    lengths = np.array(sizes, np.int64)
    out, h_n, c_n, kept = K.recurrent_forward(cell, sizes=lengths, reverse=reverse, keep=keep, **given)
    found = {"out": out, "h_n": h_n, "c_n": c_n}
    if kept is not None:
        found.update(zip(("gates", "h_before", "c_before"), kept, strict=True))
    return {name: x for name, x in found.items() if x is not None}


@EACH_CELL
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_every_step_is_its_definition(dtype: np.dtype, cell: str, sizes: tuple[int, ...], reverse: bool) -> None:
    tolerance = 3e-5 if dtype == np.float32 else 1e-13
    for hidden, inputs in itertools.product(HIDDEN, (0, 5)):
        given = drawn(cell, sizes, inputs, hidden)
        for left_out in ("", "h", "c", "b_x", "b_h") if (hidden, inputs) == (HIDDEN[0], 5) else ("",):
            some = {name: None if name == left_out else x for name, x in given.items()}
            expected = reference(cell, some, sizes, reverse)
            arguments = typed(some, dtype)
            for keep in (False, True):
                for isa, found in by_isa(forward, cell, arguments, sizes, reverse, keep).items():
                    for key, x in found.items():
                        assert x.dtype == dtype
                        assert x.flags.c_contiguous
                        note = f"{key}, {isa}, {hidden=}, {inputs=}, {keep=}, without {left_out!r}"
                        np.testing.assert_allclose(x, expected[key], rtol=tolerance, atol=tolerance, err_msg=note)


@EACH_CELL
def test_any_strides_are_taken(isa: str, dtype: np.dtype, cell: str) -> None:
    sizes = (3, 2)
    given = typed(drawn(cell, sizes, 4, 5), dtype)
    expected = forward(cell, given, sizes, False, True)
    for order in ("F", "spread", "reversed"):
        laid = {}
        for name, x in given.items():
            if x is None:
                laid[name] = None
            elif order == "F":
                laid[name] = np.asfortranarray(x)
            else:
                step = 2 if order == "spread" else -1
                wide = np.zeros([abs(step) * n for n in x.shape], dtype)
                laid[name] = wide[tuple(slice(None, None, step) for _ in x.shape)]
                laid[name][...] = x
        for key, y in forward(cell, laid, sizes, False, True).items():
            np.testing.assert_allclose(y, expected[key], rtol=1e-5, atol=1e-5)


def loss(cell: str, given: dict[str, Any], sizes: tuple[int, ...], reverse: bool, gs: dict[str, np.ndarray]) -> float:
    found = reference(cell, given, sizes, reverse)
    return float(sum((found[name] * g).sum() for name, g in gs.items()))


def gradients(
    cell: str, given: dict[str, Any], sizes: tuple[int, ...], reverse: bool, gs: dict[str, Any], dtype: np.dtype
) -> dict[str, np.ndarray]:
    """By x, the biases and the states, of which the weights' are products."""
    found, lengths = typed(given, dtype), np.array(sizes, np.int64)
    kept = K.recurrent_forward(cell, sizes=lengths, reverse=reverse, keep=True, **found)[3]
    cotangents = {name: x.astype(dtype) for name, x in gs.items()}
    hidden, w_x = found["w_h"].shape[1], found["w_x"]
    if cell == "gru":  # n r z
        w_x = np.concatenate((w_x[2 * hidden :], w_x[: 2 * hidden]))
    d, d_x, d_h, d_c = K.recurrent_backward(
        cell, kept, lengths, found["w_h"], cotangents.get("out"), cotangents.get("h_n"), cotangents.get("c_n"),
        w_x=w_x, reverse=reverse, start=True,
    )  # fmt: skip
    of_x, of_h = d.sum(1), {}
    if cell == "gru":  # n r z h
        of_x, of_h = np.concatenate((of_x[hidden : 3 * hidden], of_x[:hidden])), {"b_h": of_x[hidden:]}
    return {"x": d_x, "b_x": of_x, **of_h, "h": d_h, **({"c": d_c} if cell == "lstm" else {})}


@EACH_CELL
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("hidden", [1, 3, 16, 17])
@pytest.mark.parametrize("some", [("out",), ("h_n",), ("out", "h_n", "c_n")], ids=str)
def test_gradients_are_those_of_differences(
    isa: str, cell: str, reverse: bool, hidden: int, some: tuple[str, ...]
) -> None:
    sizes = (5, 4, 4, 1)
    given, rng = drawn(cell, sizes, 3, hidden), np.random.default_rng(1)
    results = reference(cell, given, sizes, reverse)
    gs = {name: rng.normal(size=results[name].shape) for name in some if cell == "lstm" or name != "c_n"}
    found = gradients(cell, given, sizes, reverse, gs, np.dtype("float64"))
    narrow = gradients(cell, given, sizes, reverse, gs, np.dtype("float32"))
    for name, g in found.items():
        direction = rng.normal(size=g.shape)
        ahead, behind = (
            loss(cell, {**given, name: given[name] + h * direction}, sizes, reverse, gs) for h in (1e-6, -1e-6)
        )
        assert (g * direction).sum() == pytest.approx((ahead - behind) / 2e-6, rel=2e-6, abs=1e-6)
        np.testing.assert_allclose(narrow[name], g, rtol=1e-4, atol=1e-4 * max(1, np.abs(g).max()))


@EACH_CELL
def test_a_state_that_is_not_asked_for_changes_nothing(isa: str, dtype: np.dtype, cell: str) -> None:
    lengths = np.array((3, 2), np.int64)
    given = typed(drawn(cell, (3, 2), 2, 7), dtype)
    kept = K.recurrent_forward(cell, sizes=lengths, keep=True, **given)[3]
    g = np.ones((5, 7), dtype)
    both = [K.recurrent_backward(cell, kept, lengths, given["w_h"], g, start=start) for start in (False, True)]
    np.testing.assert_array_equal(both[0][0], both[1][0])
    assert both[0][1:] == (None, None, None)


@EACH_CELL
def test_nan_and_infinities_stay_in_their_rows(isa: str, dtype: np.dtype, cell: str) -> None:
    sizes = (4, 4, 3)
    given = typed(drawn(cell, sizes, 3, 18), dtype)
    clean = forward(cell, given, sizes, False, True)
    given["x"][1] = np.nan
    given["h"][2] = np.inf
    for name, y in forward(cell, given, sizes, False, True).items():
        for first, n in ((0, 4), (4, 4), (8, 3)) if len(y) == 11 else ((0, 4),):
            for row in (0, 3):
                if row < n:
                    np.testing.assert_array_equal(y[first + row], clean[name][first + row])
        if name in ("out", "h_n"):
            assert np.isnan(y[1]).all()


@EACH_CELL
def test_results_do_not_depend_on_the_number_of_threads(isa: str, dtype: np.dtype, cell: str) -> None:
    sizes = (300, 299, 120)
    given, found = typed(drawn(cell, sizes, 20, 70), dtype), []
    for threads in (1, 2, 3):
        K.set_num_threads(threads)
        lengths = np.array(sizes, np.int64)
        out, h_n, _, kept = K.recurrent_forward(cell, sizes=lengths, keep=True, **given)
        back = K.recurrent_backward(cell, kept, lengths, given["w_h"], out, h_n, start=True)
        found.append([y.tobytes() for y in (out, h_n, *back) if y is not None])
    assert found[1:] == found[:1] * 2


@EACH_CELL
@pytest.mark.parametrize("sizes", [(), (0,), (0, 0)], ids=str)
def test_of_nothing(isa: str, dtype: np.dtype, cell: str, sizes: tuple[int, ...]) -> None:
    gates, _ = CELLS[cell]
    lengths, w = np.array(sizes, np.int64), np.ones((3 * gates, 3), dtype)
    out, h_n, c_n, kept = K.recurrent_forward(cell, np.zeros((0, 3), dtype), lengths, w, w, keep=True)
    assert out.shape == h_n.shape == (0, 3)
    assert (c_n is not None) == (cell == "lstm")
    d, d_x, d_h, _ = K.recurrent_backward(cell, kept, lengths, w, w_x=w, start=True)
    assert d.shape == (3 * max(CELLS[cell]), 0)
    assert d_x.shape == d_h.shape == (0, 3)


def test_a_wide_layer_takes_its_inputs_in_larger_blocks(isa: str) -> None:
    sizes = (40,) * 9
    given = drawn("lstm", sizes, 300, 130)
    expected = reference("lstm", given, sizes, True)
    for key, y in forward("lstm", given, sizes, True, True).items():
        np.testing.assert_allclose(y, expected[key], rtol=1e-11, atol=1e-11)


def test_what_is_refused() -> None:
    given, lengths = drawn("lstm", (3, 2), 4, 5), np.array((3, 2), np.int64)
    for wrong, message in (
        ({"sizes": np.array((2, 3))}, "not be negative nor grow"),
        ({"sizes": np.array((3, -1))}, "not be negative nor grow"),
        ({"sizes": np.array((3, 3))}, r"x of 6 rows, as the steps have, got shape \(5, 4\)"),
        ({"sizes": np.array((3.0, 2.0))}, "dense vector of int64"),
        ({"w_x": np.ones((20, 3))}, r"w_x has shape \(20, 3\), expected \(20, 4\)"),
        ({"w_h": np.ones((15, 5))}, r"w_h has shape \(15, 5\), expected \(20, 5\)"),
        ({"b_x": np.ones(5)}, r"b_x has shape \(5,\), expected \(20,\)"),
        ({"c": np.ones((3, 4))}, r"c has shape \(3, 4\), expected \(3, 5\)"),
    ):
        with pytest.raises(ValueError, match=message):
            K.recurrent_forward("lstm", **{"sizes": lengths, **given, **wrong})
    with pytest.raises(TypeError, match="h is float32, expected float64"):
        K.recurrent_forward("lstm", **{"sizes": lengths, **given, "h": given["h"].astype(np.float32)})
    kept = K.recurrent_forward("lstm", sizes=lengths, keep=True, **given)[3]
    for w_x in (np.ones((15, 4)), np.ones(20)):
        with pytest.raises(ValueError, match=r"w_x has shape \((15, 4|20,)\)"):
            K.recurrent_backward("lstm", kept, lengths, given["w_h"], w_x=w_x)
    with pytest.raises(KeyError, match="elman"):
        K.recurrent_forward("elman", sizes=lengths, **given)


def fuzz_recurrent(data: st.DataObject) -> None:
    cell = data.draw(st.sampled_from([*CELLS]))
    sizes = np.array(data.draw(st.sampled_from([(3,), (2, 2), (4, 1), (1, 2), (0,), (-1,)])), np.int64)
    if data.draw(st.booleans()):
        hidden, inputs = data.draw(st.integers(1, 5)), data.draw(st.integers(0, 4))
        columns = CELLS[cell][0] * hidden
        shapes = ((max(int(sizes.sum()), 0), inputs), (columns, inputs), (columns, hidden), (columns,))
        x, w_x, w_h, b = (data.draw(arrays("float32", shape)) for shape in shapes)
    else:
        x, w_x, w_h, b = (data.draw(arrays()) for _ in range(4))
    check(K.recurrent_forward, cell, x, sizes, w_x, w_h, b)


def test_any_arrays_give_an_error_or_the_right_answer(request: pytest.FixtureRequest) -> None:
    run(fuzz_recurrent, request)
