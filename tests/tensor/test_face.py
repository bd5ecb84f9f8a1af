"""What a user sees of the library and of a tensor: public names, and nothing of how it is built."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import wengert as wg

INTERNAL = ("core", "files", "ops", "tensors", "tape", "variable", "dtypes", "arguments", "creation", "printing")


def test_dir_shows_public_names_alone() -> None:
    # estimators want scikit-learn, which a star must not
    assert [name for name in dir(wg) if name not in wg.__all__ and not name.startswith("__")] == ["estimators"]
    assert [name for name in wg.__all__ if not hasattr(wg, name)] == []


@pytest.mark.parametrize("name", INTERNAL)
def test_internal_modules_are_not_attributes(name: str) -> None:
    for lazy in ("nn", "func", "optim", "data", "save", "load", "trace"):
        getattr(wg, lazy)
    assert not hasattr(wg, name)


@pytest.mark.parametrize(
    "name", ["define", "random", "memory", "processes", "autograd", "linalg", "machine", "tracing"]
)
def test_public_modules_are_imported_by_their_names(name: str) -> None:
    assert getattr(wg, name) is importlib.import_module(f"wengert.{name}")


@pytest.mark.parametrize("module", ["core.tape", "ops.shape", "tensors.printing", "files"])
def test_internal_modules_can_still_be_imported(module: str) -> None:
    code = f"import wengert, importlib; wengert.nn; wengert.save; importlib.import_module('wengert.{module}')"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_tensor_shows_nothing_of_the_tape() -> None:
    hidden = {"value", "node", "counter", "base", "seen", "tracked", "source", "renew", "share_counter", "hooks"}
    assert hidden & set(dir(wg.ones(2))) == set()
