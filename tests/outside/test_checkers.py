"""What tools that read programs without running them know of the library: checkers of types, and completion."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import wengert as wg

USE = Path(__file__).parent / "typed_use.py"


@pytest.mark.long
def test_mypy_sees_what_is_wrong_and_nothing_else(tmp_path: Path) -> None:
    """As .ci/types does, but of the library that is imported, wherever it stands."""
    pytest.importorskip("mypy")
    config = tmp_path / "mypy.ini"
    config.write_text(f"[mypy]\nstrict = true\nfollow_imports = silent\nmypy_path = {Path(wg.__file__).parents[1]}\n")
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(config), "--cache-dir", str(tmp_path), str(USE)],
        capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.long
def test_pyright_sees_what_is_wrong_and_nothing_else(tmp_path: Path) -> None:
    pytest.importorskip("pyright")
    settings = {
        "include": [str(USE)], "extraPaths": [str(Path(wg.__file__).parents[1])],
        "reportUnnecessaryTypeIgnoreComment": "error",
    }  # fmt: skip
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    run = subprocess.run(
        [sys.executable, "-m", "pyright", "-p", str(tmp_path), "--pythonpath", sys.executable],
        capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.long
@pytest.mark.parametrize(
    "written",
    [
        "wg.exp(x).cumpr", "x.exp().cumpr", "(x + 1).cumpr", "x[0].cumpr", "x.float().cumpr", "x.abs_().cumpr",
        "x.max(dim=1).values.cumpr", "wg.cat([x, x]).cumpr", "x.split(1)[0].cumpr", "nn.functional.relu(x).cumpr",
        "nn.Linear(2, 3).weight.cumpr", "wg.special.i0e(x).cumpr",
    ],
)  # fmt: skip
def test_jedi_completes_after_a_call(written: str) -> None:
    jedi = pytest.importorskip("jedi")
    script = jedi.Script(f"import wengert as wg\nfrom wengert import nn\nx = wg.ones(2)\n{written}")
    assert [found.name for found in script.complete()] == ["cumprod", "cumprod_"]
