"""Every public name says in its docstring what it takes and raises, and shows itself in an example that runs."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import pkgutil
import re
import runpy
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import nn, optim

ROOT = Path(__file__).parents[2]
DOCS = runpy.run_path(str(ROOT / ".ci" / "docs"))  # what builds the documentation, and says what belongs to it
PUBLIC: tuple[str, ...] = DOCS["PUBLIC"]
MODULES = ("wengert", *(m.name for m in pkgutil.walk_packages(wg.__path__, "wengert.") if "__main__" not in m.name))
# Their methods each have an example of their own; those of other classes are shown with the class.
WITH_METHODS = (wg.Tensor, wg.Generator, nn.Module, nn.ModuleDict, nn.ParameterDict, optim.Optimizer,
                optim.lr_scheduler.LRScheduler)  # fmt: skip
ALIASES = {"axis", "keepdims"}  # accepted everywhere beside dim and keepdim
UNNAMED = {"self", "cls", "static", "counter", "node"}  # the last two: how the library makes a Tensor


def exported(module: types.ModuleType) -> dict[str, Any]:
    """The functions and classes that a module exports."""
    names = getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]
    origin = "wengert" if hasattr(module, "__all__") or module is wg else module.__name__
    found = {name: getattr(module, name) for name in names}
    return {
        name: value
        for name, value in found.items()
        if callable(value)
        and not isinstance(value, np.dtype)
        and str(getattr(value, "__module__", None)).startswith(origin)
    }


def methods(cls: type) -> Iterator[tuple[str, Any]]:
    """The public methods and properties that a class adds to its bases: what overrides has the contract of the base."""
    inherited = {name for base in cls.__mro__[1:] for name in vars(base)} | {"forward"}
    for name, value in vars(cls).items():
        function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        if not name.startswith("_") and name not in inherited and callable(function):
            yield name, function


def public() -> Iterator[tuple[str, Any, bool]]:
    """Every public name once: its path, its value, and whether it is a method of a class that is shown as a whole."""
    seen = set()
    for path in PUBLIC:
        for name, value in exported(importlib.import_module(path)).items():
            within = methods(value) if isinstance(value, type) else ()
            whole = value not in WITH_METHODS
            for key, item, part in ((name, value, False), *((f"{name}.{m}", f, whole) for m, f in within)):
                if id(item) not in seen:
                    seen.add(id(item))
                    yield f"{path}.{key}", item, part


EVERY = {path: value for path, value, _ in public()}
NAMES = {path: value for path, value, part in public() if not part}


def text_of(value: Any) -> str:
    return inspect.cleandoc(value.__doc__ or "")


def is_plain(value: Any) -> bool:
    """Whether a call of it has parameters of its own: not of an error, a tuple of names, or a protocol."""
    return not (isinstance(value, type) and (issubclass(value, (Exception, tuple)) or "_is_protocol" in vars(value)))


def parameters(path: str, value: Any) -> set[str]:
    """What a call takes, but for the tensor that a method belongs to."""
    try:
        names = list(inspect.signature(value.__init__ if isinstance(value, type) else value).parameters)
    except ValueError:  # a function of the extension, whose stub is checked against it instead
        return set()
    if path.startswith("wengert.Tensor.") and names[:1] == ["x"]:
        del names[0]
    return set(names) - ALIASES - UNNAMED - ({"args", "kwargs"} if isinstance(value, type) else set())


def test_every_public_name_has_a_docstring() -> None:
    assert [path for path in PUBLIC if not importlib.import_module(path).__doc__] == []
    assert [path for path, value in EVERY.items() if not text_of(value)] == []


def test_every_public_name_has_an_example() -> None:
    assert len(NAMES) > 600
    assert [path for path, value in NAMES.items() if is_plain(value) and ">>> " not in text_of(value)] == []


def test_every_parameter_is_documented() -> None:
    lacking = {}
    for path, value in NAMES.items():
        described = re.split(r"^Examples\n-+$", text_of(value), flags=re.MULTILINE)[0]
        missing = {name for name in parameters(path, value) if not re.search(rf"\b{name}\b", described)}
        if missing and is_plain(value):
            lacking[path] = missing
    assert lacking == {}


def test_what_a_public_function_returns_is_documented() -> None:
    nothing = ("None", "NoReturn", None)
    giving = {
        path: value
        for path, value in NAMES.items()
        if isinstance(value, types.FunctionType) and inspect.signature(value).return_annotation not in nothing
    }
    assert len(giving) > 400
    assert [path for path, value in giving.items() if not re.search("^Returns\n---", text_of(value), re.M)] == []


def test_what_a_public_function_raises_is_documented() -> None:
    raising = set()
    for path in Path(wg.__file__).parent.rglob("*.py"):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef) and any(
                isinstance(node, ast.Raise) and node.exc is not None for node in ast.walk(function)
            ):
                raising.add((path.stem, function.name))
    silent = [
        path
        for path, value in NAMES.items()
        if (str(getattr(value, "__module__", "")).rpartition(".")[2], path.rpartition(".")[2]) in raising
        and "\nRaises\n------\n" not in text_of(value)
    ]
    assert silent == []


def failures(tests: Iterable[doctest.DocTest]) -> int:
    """Texts without examples are left out: each run asks the disk about every source file that Python has looked at."""
    runner = doctest.DocTestRunner()
    for test in tests:
        if test.examples:
            runner.run(test)
    return runner.summarize().failed


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_run(module: str) -> None:
    found = doctest.DocTestFinder().find(importlib.import_module(module), globs={"np": np, "wg": wg})
    assert failures(found) == 0


def test_the_examples_of_compiled_and_generated_functions_run() -> None:
    parser = doctest.DocTestParser()
    found = [
        parser.get_doctest(text_of(value), {"np": np, "wg": wg}, path, None, None)
        for path, value in EVERY.items()
        if path.startswith("wengert.Tensor.") or not isinstance(value, types.FunctionType)
    ]
    assert failures(found) == 0


def test_every_guide_has_a_title_under_which_the_documentation_lists_it() -> None:
    guides = {
        path.stem: path.read_text(encoding="utf-8").partition("\n")[0] for path in (ROOT / ".ci" / "guides").iterdir()
    }
    assert guides == {name: f"# {title}" for name, title in DOCS["TITLES"].items()}


def test_guides_lead_to_pages_where_they_led_to_files() -> None:
    text = DOCS["guide"]("getting_started")
    assert "[what differs](differences.html)" in text
    assert ".md)" not in text
    assert "`wengert.data.FashionMNIST`" in text


def test_signs_of_markdown_in_docstrings_are_shown_as_they_stand() -> None:
    text = "x * y <= z, `a * b < c`:\n\n>>> 2 * 3 < 7\nTrue\n\nand *args"
    assert DOCS["literal"](text) == "x \\* y &lt;= z, `a * b < c`:\n\n>>> 2 * 3 < 7\nTrue\n\nand \\*args"


def test_what_is_annotated_is_found_with_its_home() -> None:
    found = {(home, value.__qualname__) for home, value in DOCS["annotated"](nn)}
    assert (nn.Linear.__module__, "Linear.__init__") in found
    assert all(home.partition(".")[0] == "wengert" for home, _ in found)
