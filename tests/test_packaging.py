"""What an installed package promises: what it imports, its version, its extras, its types."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import runpy
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import wengert as wg

SOURCE = Path(wg.__file__).parent
# What each extra brings, by the names that the library imports.
EXTRAS = {"train": {"matplotlib", "PIL", "pooch", "safetensors", "tqdm"}}
OPTIONAL = set().union(*EXTRAS.values()) | {"IPython", "jax", "pandas", "torch"}  # what it uses where it finds it


def modules_after(*statements: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded, but for its own and the standard library's."""
    script = "; ".join(["import sys", *statements, "print(*{name.partition('.')[0] for name in sys.modules})"])
    run = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True)
    return set(run.stdout.split()) - sys.stdlib_module_names


def test_importing_loads_nothing_but_numpy_and_itself() -> None:
    added = modules_after("import wengert") - modules_after("import numpy")
    assert {name for name in added if not re.match(r"wengert$|_?cython(_runtime|_\d)", name)} == set()


def test_every_public_module_loads_without_the_extras() -> None:
    names = ("autograd", "d2l", "data", "func", "nn", "nn.functional", "optim", "random", "train", "train.plots")
    loaded = modules_after(*(f"import wengert.{name}" for name in names))
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
    assert {{"pillow": "PIL"}.get(name, name) for name in names} == EXTRAS[extra]


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
