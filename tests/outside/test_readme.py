"""README's code runs as printed, and prints what stands below it."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import wengert as wg

README = Path(__file__).parents[2] / "README.md"


def test_the_code_blocks_print_what_stands_below_them() -> None:
    blocks = re.findall(r"^```(python)?\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    namespace: dict[str, object] = {}
    printed = ""
    checked = 0
    for language, text in blocks:
        if language:
            assert not printed, f"nothing in README shows the output:\n{printed}"
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(text, "README.md", "exec"), namespace)
            printed = out.getvalue()
        else:
            assert printed == text
            printed = ""
            checked += 1
    assert checked >= 3
    assert not printed


def test_the_two_commands_are_the_first_code() -> None:
    commands = re.findall(r"^    (pip install .*)$", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert commands[:2] == ["pip install '.[train]' && wengert train", "pip install '.[test]' && pytest"]


def test_the_last_section_is_the_changelog_of_this_version() -> None:
    headings = re.findall(r"^##+ .*$", README.read_text(encoding="utf-8"), re.MULTILINE)
    last = max(k for k, heading in enumerate(headings) if heading.startswith("## "))
    assert headings[last : last + 2] == ["## Changelog", f"### {wg.__version__}"]
