"""The comparison of two versions: its arithmetic, what it takes for a version, and that every task it times runs."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

import pytest

import before_after
import tasks
import wengert as wg
from before_after import Row, Side

HERE = Path(wg.__file__).parents[1]  # the directory that this version's package is in
ANYTHING = ["--mean", "1e9", "--row", "1e9"]


def row(name: str, ratio: float) -> Row:
    return Row(name, 1.0, ratio, ratio, ratio, ratio)


def test_a_row_has_the_medians_of_the_rounds_and_of_their_ratios() -> None:
    before = [{"add": 1.0}, {"add": 2.0}, {"add": 4.0}]
    after = [{"add": 1.5}, {"add": 2.0}, {"add": 5.0}]
    assert before_after.rows(before, after) == [Row("add", 2.0, 2.0, ratio=1.25, lower=1.125, upper=1.375)]


def test_one_round_is_its_own_median() -> None:
    assert before_after.rows([{"add": 2.0}], [{"add": 3.0}]) == [Row("add", 2.0, 3.0, 1.5, 1.5, 1.5)]


def test_the_mean_of_a_half_and_a_double_is_one() -> None:
    assert before_after.geometric_mean([row("a", 0.5), row("b", 2.0)]) == pytest.approx(1.0)


def test_what_is_above_a_limit_is_named() -> None:
    assert before_after.excesses([row("a", 1.02), row("b", 1.02)]) == []
    assert before_after.excesses([row("a", 0.9), row("b", 1.09)]) == ["b: 1.090, above 1.08"]
    assert before_after.excesses([row("a", 1.03), row("b", 1.03)]) == ["geometric mean: 1.030, above 1.02"]
    assert before_after.excesses([row("a", 1.09)], mean=1.1, row=1.1) == []


def test_the_table_begins_with_the_slowest_change() -> None:
    text = before_after.summary([row("a", 1.0), row("b", 1.0625)])
    assert text.splitlines()[2:4] == [
        "| b | 1 s | 1.06 s | 1.062 | 1.062 to 1.062 |",
        "| a | 1 s | 1 s | 1.000 | 1.000 to 1.000 |",
    ]
    assert text.endswith("\n\nGeometric mean of 2 ratios: 1.031")


def test_a_version_is_a_directory_an_interpreter_or_a_wheel(tmp_path: Path) -> None:
    assert before_after.side(str(HERE), tmp_path) == Side(sys.executable, HERE)
    assert before_after.side(sys.executable, tmp_path) == Side(sys.executable)
    wheel = tmp_path / "wengert-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("wengert/__init__.py", "")
    side = before_after.side(str(wheel), tmp_path)
    assert side == Side(sys.executable, tmp_path / "site")
    assert (tmp_path / "site" / "wengert" / "__init__.py").is_file()


@pytest.mark.parametrize("limits", [ANYTHING, ["--mean", "0", "--row", "0"]])
def test_the_program_prints_the_table_and_judges(
    limits: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "all.json"
    here = str(HERE)
    status = before_after.main([here, here, "--rounds", "2", "--only", "item", "--json", str(kept), *limits])
    text = capsys.readouterr().out
    assert f"before: wengert {wg.__version__}" in text
    assert "\n| item | " in text
    assert "Geometric mean of 1 ratios: " in text
    assert status == (0 if limits is ANYTHING else 1)
    assert text.count("above the limit: ") == (0 if limits is ANYTHING else 2)
    results = json.loads(kept.read_text())
    assert [len(results[side]) for side in ("before", "after")] == [2, 2]
    assert all(result["seconds"]["item"] > 0 for side in results.values() for result in side)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none", "none"], "none: expected a wheel, a source tree"),
        (["none", "none", "--only", "nothing of that name"], "no task has 'nothing of that name' in its name"),
    ],
)
def test_what_cannot_be_compared_is_said(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert before_after.main(arguments) == 2
    assert said in capsys.readouterr().err


def test_a_version_that_does_not_run_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "wengert").mkdir()
    (tmp_path / "wengert" / "__init__.py").write_text("raise ImportError('broken on purpose')")
    assert before_after.main([str(tmp_path), str(tmp_path), "--rounds", "1", "--only", "item"]) == 2
    assert "broken on purpose" in capsys.readouterr().err


@pytest.mark.parametrize("name", tasks.TASKS)
def test_every_task_runs(name: str) -> None:
    call = tasks.TASKS[name]()
    call()
    call()


def test_the_time_of_a_call_is_the_least_of_the_samples() -> None:
    now = 0.0

    def call() -> None:
        nonlocal now
        now += 3e-4 if 0.02 < now < 0.03 else 5e-4  # for a while nothing disturbs it

    assert tasks.seconds_of(call, lambda: now) == pytest.approx(3e-4)


def test_imports_are_timed_in_new_processes() -> None:
    assert tasks.measure(["import wengert"]).keys() == {"import wengert"}
