"""Scripts in ordinary PyTorch, of the kinds that people bring, run here by a change of their imports alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wengert as wg

SCRIPTS = Path(__file__).parents[1] / "scripts"
IMPORT = re.compile(r"^(?:import|from) torch\b.*$", re.MULTILINE)
# A script, what its model takes, what else its training takes to leave nothing to chance, and by how much its loss
# falls at least.
RUNS: dict[str, tuple[str, dict[str, Any], dict[str, Any], float]] = {
    "tabular": ("tabular", {"dropout": 0.0}, {}, 0.2),
    "convolutional": ("cnn", {"dropout": 0.0}, {}, 0.5),
    "residual": ("residual", {}, {}, 0.75),
    "recurrent": ("recurrent", {"dropout": 0.0}, {}, 0.75),
    "text by attention": ("text", {"kind": "attention"}, {}, 0.5),
    "text by bags": ("text", {"kind": "bag"}, {}, 0.5),
    "transformer": ("transformer", {"dropout": 0.0}, {}, 0.6),
    "variational": ("vae", {}, {"noise": 7}, 0.7),
    "physics-informed": ("physics", {}, {}, 0.4),
}
each_run = pytest.mark.parametrize(("script", "of_the_model", "chance", "falls"), RUNS.values(), ids=RUNS)


def brought(script: str, library: str) -> dict[str, Any]:
    """The names of a script whose imports of torch import `library` instead."""
    path = SCRIPTS / f"{script}.py"
    source = path.read_text(encoding="utf-8")
    if library != "torch":
        source = IMPORT.sub(lambda line: translated(line[0], library), source)
        assert not re.search(r"^\s*(import|from) torch\b(?!.* as torch$)", source, re.MULTILINE)
    names = {"__name__": f"{script}_on_{library}"}
    exec(compile(source, str(path), "exec"), names)
    return names


def translated(line: str, library: str) -> str:
    """One import of torch, made one of `library` under the same name."""
    return f"import {library} as torch" if line == "import torch" else line.replace("torch", library, 1)


@pytest.fixture(autouse=True)
def kept_seed() -> Iterator[None]:
    """The scripts seed the generators of the process; whoever comes after finds them as they were."""
    before = wg.get_rng_state()
    yield
    wg.set_rng_state(before)


@each_run
def test_a_script_runs_and_learns(
    script: str, of_the_model: dict[str, Any], chance: dict[str, Any], falls: float, capsys: pytest.CaptureFixture[str]
) -> None:
    """As its author would run it: with dropout, shuffled, from its own initial weights."""
    names = brought(script, "wengert")
    losses, prediction = names["main"](**{k: v for k, v in of_the_model.items() if k != "dropout"})
    assert np.isfinite(losses).all()
    assert losses[-1] < falls * losses[0]
    assert (prediction.dtype, np.isfinite(prediction).all()) == (np.float32, True)
    assert np.ptp(prediction, axis=0).max() > 0.1  # examples are told from each other
    assert len(capsys.readouterr().out.splitlines()) >= 2


@each_run
def test_a_script_computes_what_it_does_on_pytorch(
    script: str, of_the_model: dict[str, Any], chance: dict[str, Any], falls: float
) -> None:
    """From the same initial weights over the same data in the same order, two epochs of it."""
    torch = pytest.importorskip("torch")
    wg.manual_seed(5)
    model = brought(script, "wengert")["make_model"](**of_the_model)
    state = {k: v.numpy().copy() for k, v in model.state_dict().items()}
    found = []
    for library in (wg, torch):
        names = brought(script, library.__name__)
        others = {k: np.random.default_rng(v) for k, v in chance.items()}
        weights = {k: library.tensor(v) for k, v in state.items()}
        found.append(names["main"](epochs=2, state=weights, shuffle=False, **of_the_model, **others))
    (losses, prediction), (expected_losses, expected) = found
    within = 1e-3 if script == "physics" else 1e-5  # a search along lines magnifies the last bits
    np.testing.assert_allclose(losses, expected_losses, rtol=within)
    np.testing.assert_allclose(prediction, expected, rtol=within, atol=within)


def test_nothing_but_imports_is_changed() -> None:
    lines = ["import torch", "import torch.nn as nn", "from torch import nn", "from torch.utils.data import Dataset"]
    assert [translated(line, "wengert") for line in lines] == [
        "import wengert as torch", "import wengert.nn as nn", "from wengert import nn",
        "from wengert.utils.data import Dataset",
    ]  # fmt: skip
