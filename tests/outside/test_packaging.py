"""What an installed package promises: what it imports, its version, its extras, its types."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import data, files, train
from wengert.data.images import read_image
from wengert.train import checkpoint

SOURCE = Path(wg.__file__).parent
# What each extra brings, by the names that the library imports.
EXTRAS = {
    "train": {"matplotlib", "PIL", "pooch", "safetensors", "tqdm"},
    "mpi": {"mpi4py", "mpich"},
    "sklearn": {"sklearn"},
    "tensorboard": {"PIL", "tensorboardX"},
    "completion": {"argcomplete"},
}
# And what it uses where it finds it.
OPTIONAL = set().union(*EXTRAS.values()) | {
    "IPython", "dask", "jax", "joblib", "matplotlib_inline", "pandas", "pyarrow", "scipy", "torch",
}  # fmt: skip


def loaded_after(*statements: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded."""
    script = "; ".join(["import sys", *statements, "print(*{name.partition('.')[0] for name in sys.modules})"])
    run = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def modules_after(*statements: str) -> set[str]:
    """Those that are neither the interpreter's own nor the standard library's."""
    return loaded_after(*statements) - sys.stdlib_module_names


def test_importing_loads_little_of_the_standard_library() -> None:
    """Each of these would cost a tenth of the import or more, if NumPy had not loaded it."""
    dear = {"asyncio", "concurrent", "json", "multiprocessing", "pathlib", "tempfile", "unittest", "urllib"}
    assert (loaded_after("import numpy", "import wengert") - loaded_after("import numpy")) & dear == set()


def test_importing_loads_nothing_but_numpy_and_itself() -> None:
    added = modules_after("import wengert") - modules_after("import numpy")
    assert {name for name in added if not re.match(r"wengert$|_?cython(_runtime|_\d)", name)} == set()


def test_every_public_module_loads_without_the_extras() -> None:
    names = ["autograd", "d2l", "data", "distributed", "func", "nn", "nn.functional", "optim", "random", "train"]
    loaded = modules_after(*(f"import wengert.{name}" for name in [*names, "train.plots"]))
    assert "wengert" in loaded
    assert loaded & OPTIONAL == set()


def test_the_version_stands_in_one_place() -> None:
    assert wg.__version__ == importlib.metadata.version("wengert")
    literal = re.compile(rf"(?<![\d.]){re.escape(wg.__version__)}(?![\d.])")
    sources = [path for pattern in ("*.py", "*.py[ix]") for path in SOURCE.rglob(pattern)]
    assert [path.name for path in sources if literal.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_installs_what_the_library_imports(extra: str) -> None:
    requirements = [r for r in importlib.metadata.requires("wengert") or [] if re.search(f"extra == .{extra}.", r)]
    names = {re.split(r"[\s<>=!~;\[(]", r)[0] for r in requirements}
    assert {{"pillow": "PIL", "scikit-learn": "sklearn"}.get(name, name) for name in names} == EXTRAS[extra]


# What needs a package of an extra, by that package.
NEEDS: dict[str, list[Callable[[], Any]]] = {
    "matplotlib": [
        lambda: train.plots.new_figure(1, 1),
        lambda: train.plots.curves(train.History([{"epoch": 1, "train_loss": 0.5}])),
        lambda: train.plots.confusion_matrix(np.eye(2, dtype=int), "ab"),
        lambda: wg.d2l.plot([1, 2], [1, 2]),
        lambda: wg.d2l.show_images(wg.ones(2, 4, 4), 1, 2),
        lambda: wg.d2l.set_figsize(),
        lambda: wg.d2l.ProgressBoard().figure(),
        lambda: wg.trace(wg.exp, 1.0).figure(),
    ],
    "PIL": [lambda: read_image("picture.png")],
    "pooch": [data.FashionMNIST],
    "safetensors": [lambda: files.format_tensors({}), lambda: checkpoint.parse_tensors(b"", "weights")],
    "tqdm": [train.Progress("epoch 1", 3).__enter__, data.FashionMNIST],
}


@pytest.mark.parametrize("package", sorted(EXTRAS["train"]))
def test_what_needs_a_missing_extra_says_which_command_installs_it(
    package: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("WENGERT_DATA", raising=False)  # so that FashionMNIST has to be fetched
    for variable in ("XDG_CACHE_HOME", "HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(variable, str(tmp_path))
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    for use in NEEDS[package]:
        with pytest.raises(ImportError, match=r"pip install 'wengert\[train\]'"):
            use()


def test_whatever_the_library_imports_is_required_extra_or_optional() -> None:
    known = sys.stdlib_module_names | {"numpy", "wengert"} | OPTIONAL
    found: dict[str, str] = {}
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found.update({alias.name.partition(".")[0]: path.name for alias in node.names})
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                found[node.module.partition(".")[0]] = path.name
    assert {name: where for name, where in found.items() if name not in known} == {}


def test_types_are_shipped() -> None:
    assert (SOURCE / "py.typed").exists()
    assert (SOURCE / "_kernels.pyi").exists()


def test_what_is_public_is_exported() -> None:
    """A strict mypy finds only what `__all__` lists; names that `wengert/__init__.py` binds belong there."""
    bound = {name for name, value in vars(wg).items() if not name.startswith("_") and not isinstance(value, ModuleType)}
    assert bound - set(wg.__all__) == {"Any", "TYPE_CHECKING", "annotations"}
    assert all(hasattr(wg, name) for name in wg.__all__)


def test_the_program_of_a_strict_user_runs() -> None:
    runpy.run_path(str(Path(__file__).parent / "typed_use.py"), run_name="__main__")
