"""README and the guides: their code runs and prints what stands below it, and their links lead somewhere."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

import wengert as wg

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
GUIDES = sorted((ROOT / ".ci" / "guides").glob("*.md"))
CHANGELOG = ROOT / ".github" / "CHANGELOG.md"
TEXTS = [README, *GUIDES, ROOT / "benchmarks" / "README.md", *sorted((ROOT / ".github").rglob("*.md"))]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", [README, *GUIDES], ids=name)
def test_the_code_blocks_print_what_stands_below_them(path: Path) -> None:
    namespace: dict[str, object] = {}
    printed = ""
    for language, text in re.findall(r"^```(python)?\n(.*?)^```$", text_of(path), re.MULTILINE | re.DOTALL):
        if language:
            assert not printed, f"nothing in {path.name} shows the output:\n{printed}"
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(text, f"<code of {path.name}>", "exec"), namespace)
            printed = out.getvalue()
        else:
            assert printed == text
            printed = ""
    assert not printed


def test_readme_and_most_guides_show_code() -> None:
    counts = [text_of(path).count("```python\n") for path in [README, *GUIDES]]
    assert counts[0] >= 3
    assert sum(count > 0 for count in counts) >= 7


def test_readme_fits_a_few_screens() -> None:
    assert len(text_of(README).splitlines()) <= 160


def test_the_two_commands_are_the_first_code() -> None:
    commands = re.findall(r"^    (pip install .*)$", text_of(README), re.MULTILINE)
    assert commands[:2] == ["pip install '.[train]' && wengert train", "pip install '.[test]' && pytest -n auto"]


@pytest.mark.parametrize("path", TEXTS, ids=name)
def test_the_links_lead_to_files(path: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text_of(path)) if "://" not in link]
    assert [link for link in links if not (path.parent / link).is_file()] == []


def test_readme_leads_to_every_guide() -> None:
    assert [path.name for path in GUIDES if f"(.ci/guides/{path.name})" not in text_of(README)] == []


def test_the_guides_name_what_exists() -> None:
    for path in GUIDES:
        for dotted in re.findall(r"(?<!`)`wg\.([A-Za-z_][\w.]*)`", text_of(path)):
            value: object = wg
            for part in dotted.split("."):
                value = getattr(value, part)


def test_the_changelog_tells_of_this_version_and_the_newest_comes_first() -> None:
    versions = re.findall(r"^## \[(\d+)\.(\d+)\.(\d+)\]", text_of(CHANGELOG), re.MULTILINE)
    numbers = [tuple(map(int, version)) for version in versions]
    assert numbers == sorted(numbers, reverse=True)
    assert wg.__version__ in {".".join(version) for version in versions}
