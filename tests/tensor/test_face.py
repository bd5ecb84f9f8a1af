"""What a user sees of the library and of a tensor: public names, and nothing of how it is built."""

from __future__ import annotations

import copy
import importlib
import subprocess
import sys
from typing import NamedTuple

import pytest

import wengert as wg
from wengert.core import named

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


def test_names_of_layers_are_imported_when_they_are_asked_for_by_several_threads_at_once() -> None:
    code = """
import sys
import threading
import wengert.nn, wengert.optim
assert not [m for m in sys.modules if m.startswith(("wengert.nn.modules.", "wengert.nn.functional.", "wengert.optim."))]
faces = wengert.nn, wengert.nn.functional, wengert.optim, wengert.autograd
names = [(face, name) for face in faces for name in face.__all__]
assert all(name in dir(face) for face, name in names)
start, found = threading.Barrier(4), []
def look():
    start.wait()
    found.append([getattr(face, name) for face, name in names])
threads = [threading.Thread(target=look) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert len(found) == 4
assert all(x is y for other in found for x, y in zip(other, found[0], strict=True))
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_our_named_tuples_are_what_typing_makes() -> None:
    class Theirs(NamedTuple):
        a: int
        b: str = "b"

    class Ours(named.NamedTuple):
        a: int
        b: str = "b"

    for kind in (Theirs, Ours):
        x = kind(1)
        assert (x, x.a, x.b, kind.__bases__) == ((1, "b"), 1, "b", (tuple,))
        assert (repr(x), x._asdict(), x._replace(a=2)) == (f"{kind.__name__}(a=1, b='b')", {"a": 1, "b": "b"}, (2, "b"))
        assert (kind._fields, kind._field_defaults, kind.__match_args__) == (("a", "b"), {"b": "b"}, ("a", "b"))
        assert kind._make([3, "c"]) == (3, "c")
        assert copy.copy(x) == x
        assert type(copy.copy(x)) is kind
        with pytest.raises(
            TypeError, match=rf"{kind.__name__}.__new__\(\) missing 1 required positional argument: 'a'"
        ):
            kind()
        with pytest.raises(ValueError, match="Got unexpected field names"):
            x._replace(c=1)


def test_our_named_tuples_keep_the_methods_that_a_class_has() -> None:
    class Point(named.NamedTuple):
        x: int
        y: int = 2

        def __repr__(self) -> str:
            return f"{self.x} | {self.y}"

        @property
        def total(self) -> int:
            return self.x + self.y

    assert (repr(Point(1)), Point(1).total, Point(1)._replace(y=3)) == ("1 | 2", 3, (1, 3))
