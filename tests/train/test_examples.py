"""Every example runs on small settings, says what it shows, and draws what it says."""

from __future__ import annotations

import contextlib
import functools
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import examples
from wengert.data import LabelledImages, SyntheticFashion
from wengert.examples.__main__ import main

pytest.importorskip("matplotlib")


class Small(wg.d2l.DataModule):
    """A few generated images."""

    batch_size = 50

    def __init__(self) -> None:
        self.train, self.val = SyntheticFashion(True, 500), SyntheticFashion(False, 100)

    def get_dataloader(self, train: bool) -> Any:
        data: LabelledImages = self.train if train else self.val
        return wg.data.DataLoader(data, self.batch_size, shuffle=train)


SMALL: dict[str, dict[str, Any]] = {
    "autodiff_by_hand": {},
    "vectorization": {"n": 100, "repeats": 1},
    "linear_regression": {"max_epochs": 2, "num_train": 100},
    "least_squares": {},
    "logistic_newton": {"count": 100, "steps": 10},
    "gaussian_process": {"count": 40},
    "ode_fit": {"steps": 60},
    "bratu": {"n": 6},
    "softmax_regression": {"max_epochs": 2, "data": Small},
    "activations": {},
    "mlp": {"max_epochs": 2, "hidden": 16, "data": Small},
    "spirals": {"per_arm": 30, "hidden": 16, "steps": 50},
    "lenet_filters": {"max_epochs": 2, "data": Small},
    "character_model": {"text": "a rose is a rose is a tape.", "hidden": 32, "every": 20},
    "transformer": {"length": 4, "width": 16, "steps": 200, "batch": 32},
    "example_gradients": {"count": 100, "flipped": 5, "steps": 600},
    "weight_decay": {"max_epochs": 5},
    "pairwise_distances": {"count": 8, "steps": 60},
    "scipy_solvers": {"until": 20.0},
    "taylor": {},
    "sweep": {"seeds": (0, 1), "rates": (0.01, 0.1), "size": 300, "epochs": 2},
    "sweep_on_dask": {"seeds": (0, 1), "rates": (0.01, 0.1), "size": 300, "epochs": 2},
    "grid_search": {"rates": (1e-3, 1e-1), "widths": (4, 16), "epochs": 3, "folds": 2, "count": 500},
}


def run_anew(name: str) -> Any:
    if name == "scipy_solvers":
        pytest.importorskip("scipy", reason="SciPy, whose solvers this example calls, is not installed")
    settings = {key: value() if value is Small else value for key, value in SMALL[name].items()}
    return examples.load(name).run(**settings)


@functools.cache
def _figure_and_words(name: str) -> tuple[Any, str]:
    with contextlib.redirect_stdout(io.StringIO()) as told:
        figure = run_anew(name)
    return figure, told.getvalue()


def run(name: str) -> Any:
    """The figure of an example, which runs once for all tests; each gets to read what it said."""
    figure, told = _figure_and_words(name)
    print(told, end="")
    return figure


@pytest.fixture(autouse=True)
def agg(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Without windows, whatever the machine has."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.use("agg")
        yield


def test_there_are_settings_for_every_example() -> None:
    assert set(SMALL) == set(examples.NAMES)


# The size in inches, and per panel the labels of its axes and the entries of its legend.
Panel = tuple[str, str, list[str]]
SWEEP = ["mean of 2 seeds", "lowest and highest"]
FIGURES: dict[str, tuple[tuple[float, float], list[Panel]]] = {
    "autodiff_by_hand": ((10.2, 3.6), [("", "", [])]),
    "vectorization": ((6, 2.4), [("microseconds", "", [])]),
    "linear_regression": (
        (5, 3.4),
        [
            (
                "epoch",
                "mean squared error",
                ["from scratch, lr 0.01", "from scratch, lr 0.03", "from scratch, lr 0.05", "concise, lr 0.03"],
            )
        ],
    ),
    "least_squares": ((6, 3.2), [("t", "f(t; θ)", ["measurements", "step 0", "step 1", "step 8"])]),
    "logistic_newton": (
        (8, 3.4),
        [
            ("x1", "x2", ["y = 0", "y = 1", "p = 1/2"]),
            ("step", "norm of the gradient", ["gradient descent", "Newton's method"]),
        ],
    ),
    "gaussian_process": ((9, 3.2), [("x", "y", ["samples", "mean", "two deviations"]), ("step", "-log p(y)", [])]),
    "ode_fit": ((8, 3.2), [("t", "", ["hares", "lynxes"]), ("step", "", [])]),
    "bratu": (
        (9.6, 3.2),
        [("x", "y", []), ("Newton step", "", []), ("t", "", ["the highest u", "of the solution"])],
    ),
    "softmax_regression": ((8.1, 3.62), [("", "", [])] * 10 + [("", "weight", [])]),
    "activations": (
        (10, 4.2),
        [("", f"{name}(x)", []) for name in ("ReLU", "sigmoid", "tanh", "pReLU")]
        + [("x", f"gradient of {name}", []) for name in ("ReLU", "sigmoid", "tanh", "pReLU")],
    ),
    "mlp": (
        (9, 3.2),
        [
            (
                "epoch",
                "training loss",
                ["softmax regression", "one layer, ReLU", "two layers, ReLU", "one layer, tanh", "one layer, pReLU"],
            ),
            ("epoch", "accuracy on the test images", []),
        ],
    ),
    "spirals": ((4.6, 4.4), [("x1", "x2", [])]),
    "lenet_filters": ((8, 5), [("", "", [])] * 5),
    "character_model": ((10, 3.2), [("step", "loss", []), ("letter that was read", "unit of the state", [])]),
    "transformer": ((8.4, 2.8), [("looks at", "to write", [])] * 2),
    "example_gradients": (
        (8, 3.4),
        [
            ("x1", "x2", ["label 0", "label 1", "largest gradients"]),
            ("rank", "norm of the gradient", ["right label", "flipped label"]),
        ],
    ),
    "weight_decay": (
        (9.6, 3),
        [("epoch", label, ["training", "validation"]) for label in ("mean squared error", "", "")],
    ),
    "pairwise_distances": (
        (8, 3.6),
        [("step", "mean squared error of the distances", []), ("", "", ["truth", "found, moved and turned"])],
    ),
    "scipy_solvers": (
        (10, 3.4),
        [
            ("x", "y", ["by Hessians", "x ≤ 0.8"]),
            ("t", "", ["measured", "curve_fit", "root"]),
            ("t", "", []),
        ],
    ),
    "taylor": (
        (9, 3.4),
        [("x", "", []), ("x", "", ["the function", "order 1", "order 3", "order 5", "order 9"])],
    ),
    "sweep": ((4.5, 3), [("learning rate", "accuracy on the test pictures", SWEEP)]),
    "sweep_on_dask": ((4.5, 3), [("learning rate", "accuracy on the test pictures", SWEEP)]),
    "grid_search": (
        (4.8, 3.2),
        [("learning rate", "accuracy on the folds left out", ["4 hidden units", "16 hidden units"])],
    ),
}


@pytest.mark.parametrize("name", examples.NAMES)
def test_an_example_runs_and_its_figure_is_whole(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    figure = run(name)
    assert capsys.readouterr().out.count("\n") >= 2
    size, panels = FIGURES[name]
    assert figure.get_size_inches() == pytest.approx(size)
    assert [(axes.get_xlabel(), axes.get_ylabel(), legend_of(axes)) for axes in figure.axes] == panels
    assert wg.train.plots.rendered(figure, "png").startswith(b"\x89PNG")
    bounds, (width, height) = figure.get_tightbbox(), size
    assert min(bounds.x0, bounds.y0) >= -0.02
    assert bounds.x1 <= width + 0.02
    assert bounds.y1 <= height + 0.02
    lines = [line.get_xydata() for axes in figure.axes for line in axes.lines]
    assert all(len(points) and np.isfinite(points).all() for points in lines)


def legend_of(axes: Any) -> list[str]:
    legend = axes.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


@pytest.mark.parametrize("name", examples.NAMES)
def test_an_example_is_short_and_says_what_it_shows(name: str) -> None:
    module = examples.load(name)
    assert module.__file__ is not None
    assert len(Path(module.__file__).read_text().splitlines()) <= 100
    assert len(examples.summary(name)) > 30
    assert examples.summary(name).endswith(".")
    assert module.run.__doc__


def test_the_trace_walked_by_hand_is_the_tape_s(capsys: pytest.CaptureFixture[str]) -> None:
    run("autodiff_by_hand")
    lines = capsys.readouterr().out.splitlines()[-5:]
    assert len({line.partition("df/dx = ")[2].split()[0] for line in lines}) == 1
    assert len({line.partition("df/dy = ")[2] for line in lines if "df/dy" in line}) == 1


def test_the_graph_shows_every_value_adjoint_and_partial() -> None:
    (axes,) = run("autodiff_by_hand").axes
    shown = [text.get_text() for text in axes.texts]
    assert sum("adjoint" in text for text in shown) == 7
    assert "x₁ = x\n1.5\nadjoint 1.4161" in shown
    assert {"0.5", "3", "2", "−0.41615", "−1"} <= set(shown)


def test_vectorization_draws_a_bar_for_each_way() -> None:
    (axes,) = run("vectorization").axes
    ways = [label.get_text() for label in axes.get_yticklabels()]
    assert ways == ["tensors, a loop", "Python lists, a loop", "NumPy at once", "wengert at once"]
    assert all(bar.get_width() > 0 for bar in axes.patches)
    assert axes.texts[-1].get_text() == "1x"
    assert axes.get_xscale() == "log"


def test_larger_rates_are_steeper_and_concise_is_from_scratch() -> None:
    (axes,) = run("linear_regression").axes
    slow, middle, fast, concise = (line.get_ydata() for line in axes.lines)
    assert slow[-1] > middle[-1] > fast[-1]
    np.testing.assert_allclose(concise, middle, rtol=0.2)


def test_softmax_regression_shows_the_weights_of_ten_classes() -> None:
    *pictures, scale = run("softmax_regression").axes
    assert [axes.get_title() for axes in pictures] == list(wg.data.FASHION_CLASSES)
    assert {axes.images[0].get_array().shape for axes in pictures} == {(28, 28)}
    low, high = scale.get_ylim()
    assert low == -high < 0


def test_perceptrons_learn_side_by_side() -> None:
    losses, accuracies = run("mlp").axes
    assert all(line.get_ydata()[0] > line.get_ydata()[-1] for line in losses.lines)
    assert all(0 <= min(line.get_ydata()) <= max(line.get_ydata()) <= 1 for line in accuracies.lines)
    assert accuracies.lines[0].get_ydata()[-1] > 0.3  # of ten classes; so few steps teach the deeper ones little


def test_the_plane_has_the_colour_of_the_points_on_it() -> None:
    figure = examples.load("spirals").run(per_arm=100, hidden=32, steps=250)
    (axes,) = figure.axes
    picture = np.asarray(axes.images[0].get_array())
    low, high = axes.images[0].get_extent()[:2]
    right = []
    for arm, line in enumerate(axes.lines):
        column, row = ((line.get_xydata().T - low) / (high - low) * len(picture)).astype(int)
        colors = picture[row, column]
        own = [np.abs(colors - (1 - 0.45 * (1 - to_rgb(other.get_color())))).sum(1) for other in axes.lines]
        right.append(np.argmin(own, axis=0) == arm)
    assert np.mean(right) > 0.95


def test_lenet_shows_its_filters_and_what_they_find(capsys: pytest.CaptureFixture[str]) -> None:
    panels = run("lenet_filters").axes
    shown = {axes.get_title(): np.asarray(axes.images[0].get_array()) for axes in panels}
    assert {title: image.shape for title, image in shown.items()} == {
        "picture": (28, 28), "filters before": (5, 35), "filters after": (5, 35), "what they find": (28, 6 * 33 - 5),
        "what the second layer finds": (10, 16 * 12 - 2),
    }  # fmt: skip
    for image in shown.values():
        assert (np.nanmin(image), np.nanmax(image)) == (0, 1)
    assert np.nanmax(np.abs(shown["filters before"] - shown["filters after"])) > 1e-3
    out = capsys.readouterr().out.splitlines()
    first, second = (float(line.split()[1]) for line in out[1:3])  # losses, below the table's head
    assert second < first
    assert [line.split(":")[0] for line in out[3:9]] == [f"filter {k}" for k in range(1, 7)]


def test_the_character_model_reproduces_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    losses, units = run("character_model").axes
    out = capsys.readouterr().out.splitlines()
    assert out[-2].endswith(": a rose is a rose is a tape.")
    assert out[-1] == f"after {len(losses.lines[0].get_ydata())} steps all 27 letters are reproduced from the first one"
    assert [label.get_text() for label in units.get_xticklabels()] == list("a rose is a rose is a tape.")
    assert examples.load("character_model").run(most=1, hidden=4, every=1) is not None
    assert capsys.readouterr().out.endswith("after 1 steps the text is not reproduced yet\n")


def test_each_letter_is_looked_for_where_it_stands_in_the_word() -> None:
    heads = [np.asarray(axes.images[0].get_array()) for axes in run("transformer").axes]
    for weights in heads:
        np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-5)
        assert (np.triu(weights[:, 4:], 1) == 0).all()
    assert sum(heads).argmax(1).tolist() == [3, 2, 1, 0]


def to_rgb(color: Any) -> np.ndarray:
    from matplotlib.colors import to_rgb

    return np.array(to_rgb(color))


def test_flipped_labels_have_the_largest_gradients(capsys: pytest.CaptureFixture[str]) -> None:
    points, norms = run("example_gradients").axes
    first, second = capsys.readouterr().out.splitlines()
    assert float(first.split()[-1]) < 1e-6
    assert second == "of the 5 examples with the largest gradients 5 have a flipped label; 5 have one"
    right, wrong = (line.get_ydata() for line in norms.lines)
    assert len(right) == 95
    assert min(wrong) > max(right)
    assert len(points.lines[2].get_xydata()) == 5


def test_weight_decay_closes_the_gap_from_panel_to_panel() -> None:
    gaps = []
    for axes in run("weight_decay").axes:
        training, validation = (line.get_ydata() for line in axes.lines)
        gaps.append(validation[-1] / training[-1])
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[0] > 10 * gaps[-1]


def test_least_squares_ends_at_the_minimum(capsys: pytest.CaptureFixture[str]) -> None:
    (axes,) = run("least_squares").axes
    out = capsys.readouterr().out.splitlines()
    assert out[0].partition("[")[2] == out[1].partition("[")[2]
    measured, *fits = (line.get_ydata() for line in axes.lines)
    errors = [np.linalg.norm(measured - fit) for fit in fits]
    assert errors[0] > errors[1] > errors[2]


def test_newton_needs_fewer_steps_than_descent() -> None:
    descent, newton = (line.get_ydata() for line in run("logistic_newton").axes[1].lines)
    assert newton[-1] < 1e-10 < 1e-3 < descent[-1]


def test_a_gaussian_process_finds_its_noise_and_covers_the_function(capsys: pytest.CaptureFixture[str]) -> None:
    samples, falling = run("gaussian_process").axes
    last = capsys.readouterr().out.splitlines()[-1]
    assert float(last.split("noise ")[1].split(";")[0]) == pytest.approx(0.2, rel=0.3)
    assert float(last.split("gradient ")[1]) < 1e-5
    losses = falling.lines[0].get_ydata()
    assert (np.diff(losses) <= 1e-9).all()
    x, mean = samples.lines[1].get_data()
    inside = (x > 0.5) & (x < 9.5)
    assert np.abs(mean - np.sin(x) - 0.3 * x + 1.5)[inside].max() < 0.5


def test_the_equation_s_parameters_are_found_within_their_spread(capsys: pytest.CaptureFixture[str]) -> None:
    lines, losses = run("ode_fit").axes
    found = [line.split() for line in capsys.readouterr().out.splitlines()[-4:]]
    assert [words[0] for words in found] == ["a", "b", "c", "d"]
    for _, _, value, _, spread, _, _, truth in found:
        assert abs(float(value) - float(truth)) < 4 * float(spread.rstrip(",")) < 0.8
    loss = losses.lines[0].get_ydata()
    assert list(loss) == sorted(loss, reverse=True)
    assert loss[-1] < 0.02 * loss[0]
    assert [len(line.get_ydata()) for line in lines.lines] == [16, 61, 61] * 2


def test_a_search_finds_the_best_point_of_its_grid(capsys: pytest.CaptureFixture[str]) -> None:
    (axes,) = run("grid_search").axes
    found, last = capsys.readouterr().out.splitlines()
    means = [container.lines[0].get_ydata() for container in axes.containers]
    best = max(np.max(y) for y in means)
    assert found.startswith("4 points, 2 folds each: best is a rate of 0.1 with 16 hidden units")
    assert f"{best:.3f} right" in found
    assert best == means[1][1] > 0.8
    assert float(last.split()[-5]) > 0.8


def test_newton_least_squares_and_the_flow_of_heat_end_at_one_solution(capsys: pytest.CaptureFixture[str]) -> None:
    picture, residuals, flow = run("bratu").axes
    out = capsys.readouterr().out
    assert out.startswith("<sparse_jacobian, 36 x 36, 156 items, by ")
    away = [float(line.split(": ")[1].split()[0]) for line in out.splitlines()[-2:]]
    assert away[0] < 1e-6
    assert away[1] < 1e-3
    norms = residuals.lines[0].get_ydata()
    assert norms[-1] < 1e-9 * norms[0]
    solution = np.asarray(picture.images[0].get_array())
    np.testing.assert_allclose(solution, solution.T, rtol=1e-9)
    highest, end = (line.get_ydata()[-1] for line in flow.lines)
    assert highest == pytest.approx(end, rel=1e-3)


def test_activations_are_drawn_over_their_gradients() -> None:
    figure = run("activations")
    lines = {axes.get_ylabel(): axes.lines[0] for axes in figure.axes}
    x, sigmoid = lines["sigmoid(x)"].get_data()
    np.testing.assert_allclose(sigmoid, 1 / (1 + np.exp(-x)), rtol=1e-5)
    np.testing.assert_allclose(lines["gradient of sigmoid"].get_ydata(), sigmoid * (1 - sigmoid), atol=1e-6)
    np.testing.assert_allclose(lines["gradient of tanh"].get_ydata(), 1 - np.tanh(x) ** 2, atol=1e-6)
    assert set(np.round(lines["gradient of pReLU"].get_ydata(), 6)) == {0.25, 1.0}


def test_taylor_polynomials_lie_on_the_function_near_the_centre() -> None:
    for axes in run("taylor").axes:
        x, truth = axes.lines[0].get_data()
        near = np.abs(x) < 0.3
        errors = [np.abs(line.get_ydata() - truth)[near].max() for line in axes.lines[1:]]
        assert errors == sorted(errors, reverse=True)
        assert errors[-1] < 1e-5


def test_distances_bring_the_map_back() -> None:
    stress, (truth, found) = (axes.lines for axes in run("pairwise_distances").axes)
    assert stress[0].get_ydata()[-1] < 0.1 * stress[0].get_ydata()[0]
    assert truth.get_xydata().shape == found.get_xydata().shape == (8, 2)


def test_a_sweep_in_processes_has_the_bits_of_one_after_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    joblib = pytest.importorskip("joblib")
    train_once = examples.load("sweep").train_once
    settings = [(seed, lr, 300, 2) for seed in (0, 1) for lr in (0.01, 0.1)]
    found = joblib.Parallel(2)(joblib.delayed(train_once)(*each) for each in settings)
    assert found == [train_once(*each) for each in settings]
    assert len({*map(tuple, found)}) == len(found)
    run("sweep")
    assert "has the same bits: True" in capsys.readouterr().out


def test_a_sweep_on_dask_has_the_same_bits_and_without_it_goes_on_here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    figure = run("sweep_on_dask")
    first = capsys.readouterr().out
    monkeypatch.setitem(sys.modules, "dask.distributed", None)
    again = run_anew("sweep_on_dask")
    second = capsys.readouterr().out
    assert "dask.distributed is not installed" in second
    assert first.splitlines()[-1] == second.splitlines()[-1]
    assert "the same bits: True" in first or "is not installed" in first
    for a, b in zip(figure.axes[0].lines, again.axes[0].lines, strict=True):
        np.testing.assert_array_equal(a.get_xydata(), b.get_xydata())


# ---------------------------------------------------------------- python -m wengert.examples


def test_without_a_name_the_examples_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(examples.NAMES)


def test_a_figure_is_saved_where_there_are_no_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["activations"]) == 0
    assert main(["activations", "--save", "other.svg"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("ReLU, sigmoid, tanh and pReLU")
    assert "the figure is in activations.png" in out
    assert (tmp_path / "activations.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (tmp_path / "other.svg").read_bytes()


def test_a_figure_that_cannot_be_drawn_or_saved_is_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["activations", "--save", str(tmp_path / "nowhere" / "a.png")]) == 1
    assert capsys.readouterr().err.startswith("python -m wengert.examples activations: ")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["activations"]) == 1
    assert "pictures need matplotlib: pip install 'wengert[train]'\n" in capsys.readouterr().err


def test_a_figure_is_shown_where_there_are_windows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from matplotlib import pyplot

    shown: list[tuple[int, ...]] = []
    window = SimpleNamespace(
        canvas=SimpleNamespace(required_interactive_framework="tk"), figimage=lambda image: shown.append(image.shape)
    )
    monkeypatch.setattr(pyplot, "figure", lambda figsize, dpi: window)
    monkeypatch.setattr(pyplot, "show", lambda: shown.append(()))
    monkeypatch.chdir(tmp_path)
    assert main(["activations"]) == 0
    assert shown == [(630, 1500, 4), ()]
    assert list(tmp_path.iterdir()) == []


def test_the_source_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["spirals", "--source"]) == 0
    spirals = sys.modules["wengert.examples.spirals"]
    assert spirals.__file__ is not None
    assert capsys.readouterr().out == Path(spirals.__file__).read_text()


def test_an_unknown_example_is_told_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["convolution"])
    assert "autodiff_by_hand" in capsys.readouterr().err
    with pytest.raises(ValueError, match="no example 'convolution'; there are autodiff_by_hand"):
        examples.load("convolution")
