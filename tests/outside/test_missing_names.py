"""Names of PyTorch's that are not here: each in the guides' table says why, and a misspelt one what was meant."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import wengert as wg
from wengert.core import missing

TABLE = Path(__file__).parents[2] / ".ci" / "guides" / "names.md"
HERE = {"torch": wg, "Tensor": wg.ones(1)}


def asked_of(namespace: str) -> Any:
    """What has the names of a namespace here."""
    found: Any = HERE.get(namespace, wg)
    for part in namespace.split(".") if namespace not in HERE else ():
        found = getattr(found, part)
    return found


def absent() -> Iterator[tuple[str, str, str]]:
    """Of the table: each reason, and the namespaces and names that it explains."""
    for section in TABLE.read_text(encoding="utf-8").split("\n### ")[1:]:
        told, _, listed = section.split("\n## ")[0].partition("\n\n")
        reason = " ".join(told.partition("\n")[2].replace("`", "").split()).rstrip(".")
        for names in listed.split("- *")[1:]:
            for name in re.findall(r"`(\w+)`", names):
                yield reason, names[: names.index("*")], name


ABSENT = list(absent())


def test_the_table_is_read_whole() -> None:
    text = TABLE.read_text(encoding="utf-8")
    counts = [[int(n) for n in row] for row in re.findall(r"^\| `.*?(\d+) \| (\d+) \| (\d+) \| (\d+) \|", text, re.M)]
    assert len(ABSENT) == sum(names - here for names, _, _, here in counts) > 500


@pytest.mark.parametrize("namespace", sorted({namespace for _, namespace, _ in ABSENT}))
def test_every_name_of_the_table_says_why(namespace: str) -> None:
    wrong = []
    for reason, space, name in ABSENT:
        if space == namespace:
            with pytest.raises(AttributeError) as caught:
                getattr(asked_of(namespace), name)
            told = str(caught.value)
            if not told.lower().endswith(f"no attribute {name!r}: {reason}".lower()):
                wrong.append(told)
            assert not hasattr(asked_of(namespace), name)
    assert wrong == []


@pytest.mark.parametrize("name", ["onnx", "cpu", "types", "fft", "sparse", "jit", "fx", "hub", "profiler", "compiler"])
def test_modules_say_why(name: str) -> None:
    with pytest.raises(AttributeError, match=f"module 'wengert' has no attribute '{name}': "):
        getattr(wg, name)


MISSPELT = {
    (wg, "zeroes"): "zeros", (wg, "eexp"): "exp", (wg.nn, "Linaer"): "Linear", (wg.nn, "lstm"): "LSTM",
    (wg.nn.functional, "relo"): "relu", (wg.nn.functional, "sofmax"): "softmax",
    (wg.nn.init, "xavier_unifrom_"): "xavier_uniform_", (wg, "refine"): None, (wg, "qqqq"): None,
    (wg.nn.functional, "abc"): None,
}  # fmt: skip


@pytest.mark.parametrize(("case", "near"), MISSPELT.items(), ids=lambda x: x[1] if isinstance(x, tuple) else None)
def test_a_misspelt_name_says_what_was_meant(case: tuple[Any, str], near: str | None) -> None:
    with pytest.raises(AttributeError) as caught:
        getattr(*case)
    end = f"has no attribute {case[1]!r}" + (f"; there is {near!r}" if near else "")
    assert str(caught.value).endswith(end)


def test_python_itself_guesses_what_method_was_meant() -> None:
    run = subprocess.run(
        [sys.executable, "-c", "import wengert as wg; wg.ones(2).reshap"], capture_output=True, text=True, check=False
    )
    assert "has no attribute 'reshap'. Did you mean: 'reshape'?" in run.stderr


def test_reasons_are_read_when_one_is_asked_for() -> None:
    code = "import wengert as wg, sys; from wengert.core import missing; wg.nn, wg.nn.functional\n"
    code += "assert 'configparser' not in sys.modules; assert missing._topics.cache_info().currsize == 0"
    subprocess.run([sys.executable, "-c", code], check=True)
    for why, patterns in missing._topics():
        assert why
        assert why[-1] != "."
        assert patterns
