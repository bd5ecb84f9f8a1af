"""The evaluation trace: the worked example of a lecture, networks, and drawings."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import pytest

import wengert as wg
from wengert import tracing
from wengert.core import tape
from wengert.tracing import trace


def lecture(x, y):
    return 2 * x * y - wg.sin(x + y)


def f64(x: float) -> wg.Tensor:
    return wg.tensor(x, dtype=wg.float64)


EXPECTED = """\
entry  operation  value     local partials                   tangent  adjoint
x₁     x          0.7                                        1        −3.4253
x₂     y          −1.3                                       0        0.57466
x₃     2 · x₁     1.4       ∂x₃/∂x₁ = 2                      2        −1.3
x₄     x₃ · x₂    −1.82     ∂x₄/∂x₃ = −1.3, ∂x₄/∂x₂ = 1.4    −2.6     1
x₅     x₁ + x₂    −0.6      ∂x₅/∂x₁ = 1, ∂x₅/∂x₂ = 1         1        −0.82534
x₆     sin(x₅)    −0.56464  ∂x₆/∂x₅ = 0.82534                0.82534  −1
x₇     x₄ − x₆    −1.2554   ∂x₇/∂x₄ = 1, ∂x₇/∂x₆ = −1        −3.4253  1"""


def test_it_reads_like_the_worked_example_of_a_lecture() -> None:
    assert str(trace(lecture, f64(0.7), f64(-1.3))) == EXPECTED


def test_its_numbers_are_the_derivatives() -> None:
    table = trace(lecture, f64(0.7), f64(-1.3), direction=(0.5, 2.0))
    dx, dy = 2 * -1.3 - math.cos(-0.6), 2 * 0.7 - math.cos(-0.6)
    assert len(table) == 7
    assert [table[k].adjoint.item() for k in (0, 1)] == pytest.approx([dx, dy], rel=1e-14)
    assert table[6].tangent.item() == pytest.approx(0.5 * dx + 2 * dy, rel=1e-14)
    assert table[6].value.item() == pytest.approx(lecture(f64(0.7), f64(-1.3)).item())


def test_every_entry_obeys_the_chain_rule() -> None:
    table = trace(lambda a, b: wg.exp(a * b) / (1 + a) + a * wg.log(b), f64(0.4), f64(1.7))
    rows = {entry.name: entry for entry in table}
    for entry in table:
        if entry.inputs:
            moved = sum(p * rows[x].tangent for x, p in zip(entry.inputs, entry.partials, strict=True))
            assert entry.tangent == pytest.approx(moved, rel=1e-12)
    for entry in list(table)[:-1]:
        pulled = sum(
            p * user.adjoint
            for user in table
            for x, p in zip(user.inputs, user.partials, strict=True)
            if x == entry.name
        )
        assert entry.adjoint == pytest.approx(pulled, rel=1e-12)


def test_a_network_shows_shapes_and_parameters() -> None:
    model = wg.nn.Sequential(wg.nn.Linear(8, 4), wg.nn.ReLU(), wg.nn.Linear(4, 3))
    table = trace(lambda X, y: wg.cross_entropy(model(X), y), wg.ones(5, 8), wg.tensor([0, 1, 2, 0, 1]))
    assert [entry.operation for entry in table][:3] == ["X", "parameter", "parameter"]
    assert table[0].adjoint == (5, 8)
    assert table[1].adjoint == (4, 8)
    assert table[-1].value.shape == ()
    assert "∂x₅/∂x₄ = 5×4×5×4" in str(table)


def test_a_part_of_a_factorization_is_shown_without_what_was_kept_of_it() -> None:
    table = trace(lambda x: wg.linalg.eigh(x).eigenvalues.sum(), wg.tensor([[2.0, 1.0], [1.0, 3.0]], dtype=wg.float64))
    assert [entry.operation for entry in table] == ["x", "linalg_eigh(x₁)", "linalg_eigh(x₁)", "sum(x₂)"]


def test_what_the_result_does_not_depend_on_has_adjoint_zero() -> None:
    def f(x):
        wg.exp(x)
        return x * 3

    assert [entry.adjoint.item() for entry in trace(f, f64(2.0))] == [3.0, 0.0, 1.0]


def test_nothing_is_left_behind() -> None:
    x = f64(2.0).requires_grad_()
    trace(lambda x: x * x, x)
    assert tape.mode.observer is None
    assert x.grad is None
    with pytest.raises(ZeroDivisionError):
        trace(lambda x: 1 / 0, x)
    assert tape.mode.observer is None


def test_a_notebook_shows_html() -> None:
    text = trace(lambda x: x * 2, f64(1.0))._repr_html_()
    assert text.startswith("<table>")
    assert text.count("<tr>") == 3
    assert "<td>x₁ · 2</td>" in text


def test_dot_has_values_adjoints_and_partials() -> None:
    text = trace(lecture, f64(0.7), f64(-1.3)).to_dot()
    assert text.startswith("digraph trace {")
    assert 'n0 [label="x₁ = x\\n0.7\\nadjoint −3.4253"];' in text
    assert 'n2 -> n3 [label="−1.3"];' in text
    assert text.count("->") == 8


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_the_graph_is_drawn(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib", reason="drawing without Graphviz needs matplotlib")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    path = trace(lecture, f64(0.7), f64(-1.3)).plot(tmp_path / f"graph.{suffix}")
    start = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[suffix]
    assert path.read_bytes().startswith(start)


def test_graphviz_draws_where_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[tuple[list[str], bytes]] = []
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/dot")
    monkeypatch.setattr(tracing.subprocess, "run", lambda command, input, check: called.append((command, input)))
    table = trace(lecture, f64(0.7), f64(-1.3))
    table.plot(tmp_path / "graph.svg")
    assert called == [(["/usr/bin/dot", "-Tsvg", "-o", str(tmp_path / "graph.svg")], table.to_dot().encode())]


def test_columns_of_the_drawing_follow_the_evaluation() -> None:
    table = trace(lecture, f64(0.7), f64(-1.3))
    places = tracing._places(table.entries)
    assert len(set(places.values())) == len(table)
    for entry in table:
        assert all(places[x][0] < places[entry.name][0] for x in entry.inputs)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: trace(lambda x: (x, x), f64(1.0)), TypeError, "one tensor, got 2"),
        (lambda: trace(lambda x: x > 0, f64(1.0)), TypeError, "bool, which has no derivatives"),
        (lambda: trace(lambda x: x, f64(1.0), direction=(1.0, 2.0)), ValueError, r"expected 1 tangent\(s\), got 2"),
        (lambda: trace(lambda x: x * 2, f64(1.0)).plot("graph.bmp"), ValueError, r"\.png, \.svg or \.pdf"),
    ],
)
def test_wrong_use_is_told(call, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
