"""Every example runs on small settings, says what it shows, and draws what it says."""

from __future__ import annotations

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
    "softmax_regression": {"max_epochs": 2, "data": Small},
    "activations": {},
    "mlp": {"max_epochs": 2, "hidden": 16, "data": Small},
    "spirals": {"per_arm": 30, "hidden": 16, "steps": 50},
    "weight_decay": {"max_epochs": 5},
    "pairwise_distances": {"count": 8, "steps": 60},
    "taylor": {},
}


def run(name: str) -> Any:
    settings = {key: value() if value is Small else value for key, value in SMALL[name].items()}
    return examples.load(name).run(**settings)


@pytest.fixture(autouse=True)
def agg(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Without windows, whatever the machine has."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.use("agg")
        yield


def test_there_are_settings_for_every_example() -> None:
    assert set(SMALL) == set(examples.NAMES)


@pytest.mark.parametrize("name", examples.NAMES)
def test_an_example_runs_and_its_figure_is_whole(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    figure = run(name)
    assert capsys.readouterr().out.count("\n") >= 2
    assert wg.train.plots.rendered(figure, "png").startswith(b"\x89PNG")
    bounds, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert min(bounds.x0, bounds.y0) >= -0.02
    assert bounds.x1 <= width + 0.02
    assert bounds.y1 <= height + 0.02
    assert any(axes.lines or axes.images or axes.texts or axes.patches for axes in figure.axes)


@pytest.mark.parametrize("name", examples.NAMES)
def test_an_example_is_short_and_says_what_it_shows(name: str) -> None:
    module = examples.load(name)
    assert module.__file__ is not None
    assert len(Path(module.__file__).read_text().splitlines()) <= 100
    assert len(examples.summary(name)) > 30
    assert examples.summary(name).endswith(".")
    assert module.run.__doc__


def test_the_trace_by_hand_is_the_tape_s(capsys: pytest.CaptureFixture[str]) -> None:
    run("autodiff_by_hand")
    lines = capsys.readouterr().out.splitlines()[-3:]
    assert len({line.partition(":")[2].strip() for line in lines}) == 1


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
