"""The report on the benchmarks: tables out of a small file of results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import report
from goals import GOALS, Goal


def benchmark(file: str, name: str, medians: dict[str, float], **extra: Any) -> dict[str, Any]:
    test, _, param = name.partition("[")
    return {
        "name": f"test_{name}",
        "fullname": f"benchmarks/bench_{file}.py::test_{name}",
        "group": test.replace("_", " "),
        "param": param.rstrip("]") or None,
        "extra_info": {"medians": medians, "goals": [], **extra},
    }


@pytest.fixture
def results() -> dict[str, Any]:
    here = {
        "processor": "A Processor",
        "machine": "x86_64",
        "system": "Linux",
        "cores": 2,
        "threads": 1,
        "isa": "v4",
        "available_isas": ["v4", "v3", "base"],
        "wengert": "1.2.3",
        "python": "3.12.0",
        "numpy": "2.4.0",
        "torch": "2.13.0",
        "ceilings": {"float32": 250e9, "float64": 125e9, "read": 40e9, "write": 30e9},
    }
    small, large = ["elementwise, small"], ["elementwise, large"]
    rows = [
        {"size": 10, "work": 10.0, "medians": {"torch": 4e-5, "wengert": 1e-5}},
        {"size": 1000, "work": 1000.0, "medians": {"torch": 4e-3, "wengert": 3e-3}},
    ]
    return {
        "machine_info": {"wengert": here},
        "benchmarks": [
            benchmark(
                "elementwise", "elementwise[add-16]", {"numpy": 4e-7, "torch": 1e-6, "wengert": 3e-7}, goals=small
            ),
            benchmark(
                "elementwise", "elementwise[exp-16]", {"numpy": 4e-7, "torch": 1e-6, "wengert": 7e-7}, goals=small
            ),
            benchmark(
                "elementwise", "elementwise[add-10M]", {"numpy": 4e-3, "wengert": 4e-3, "ceiling": 3e-3}, goals=large
            ),
            benchmark("matmul", "square[512]", {"ceiling": 1e-3, "wengert": 1.25e-3}, goals=["matmul"]),
            benchmark("matmul", "small_product", {"numpy": 1e-3, "wengert": 4e-6}),
            benchmark("train", "peak_memory", {"torch": 2**29, "wengert": 2**26}, unit="B", goals=["epoch, memory"]),
            benchmark("tape", "growth_of_a_chain", rows[-1]["medians"], growth={"of": "operations", "rows": rows}),
            {"name": "test_other", "fullname": "other.py::test_other", "group": None, "param": None, "extra_info": {}},
        ],
    }


def test_the_machine_its_versions_and_its_ceilings_come_first(results: dict[str, Any]) -> None:
    text = report.report(results)
    assert text.startswith(
        "# 1 thread(s), v4\n\nA Processor, x86_64, 2 core(s), Linux; 1 thread(s); instruction set v4"
    )
    assert "wengert 1.2.3, Python 3.12.0, NumPy 2.4.0, PyTorch 2.13.0.\n" in text
    assert "250 GFLOP/s per core in float32, 125 in float64" in text
    assert "40.0 GB/s reading, 30.0 GB/s" in text


def test_a_goal_tells_its_worst_case_and_how_many_meet_it(results: dict[str, Any]) -> None:
    line = next(line for line in report.report(results).splitlines() if "16 and 1000" in line)
    assert line.endswith("| ≤ 0.60 | 0.70 | elementwise: exp-16 | 0.50 | 1 of 2 |  |")


def test_a_goal_of_speed_is_told_as_speed(results: dict[str, Any]) -> None:
    line = next(line for line in report.report(results).splitlines() if "512³, 1024³" in line)
    assert line.endswith("| ≥ 0.87 | 0.80 | square: 512 | 0.80 | 0 of 1 |  |")


def test_what_the_ceiling_allows_stands_beside_a_goal(results: dict[str, Any]) -> None:
    line = next(line for line in report.report(results).splitlines() if "10 M" in line)
    assert line.endswith("| ≤ 0.70 | 1.00 | elementwise: add-10M | 1.00 | 0 of 1 | 0.75 |")


def test_goals_for_other_threads_or_instruction_sets_are_not_judged(results: dict[str, Any]) -> None:
    assert "512³, 1024³" in report.report(results)
    results["machine_info"]["wengert"]["threads"] = 2
    assert "512³, 1024³" not in report.report(results)
    results["benchmarks"][3]["extra_info"]["goals"] = ["matmul, AVX2"]
    assert "AVX2" not in report.report(results)


def test_each_benchmark_has_a_table_of_ratios(results: dict[str, Any]) -> None:
    text = report.report(results)
    assert "## elementwise\n\n### elementwise\n\n|  | wengert | over numpy | over torch | over ceiling |\n" in text
    assert "\n| add-16 | 300 ns | 0.75 | 0.30 |  |\n" in text
    assert "\n| add-10M | 4 ms | 1.00 |  | 1.33 |\n" in text
    assert "\n| small product | 4 µs | 0.004 |" in text
    assert "\n| peak memory | 64 MiB | 0.12 |" in text


def test_all_operations_have_means_by_size_and_the_slower_ones_are_named(results: dict[str, Any]) -> None:
    found = [
        ("t.exp(x)", "forward", 2e-6, 1e-5),
        ("t.roll(x, 3)", "forward", 4e-5, 2e-5),
        ("t.exp(x)", "backward", 1e-6, 2e-6),
    ]
    names = ("operation", "direction", "wengert", "torch")
    rows = [{**dict(zip(names, row, strict=True)), "size": 256, "layout": "C"} for row in found]
    results["benchmarks"].append(benchmark("everywhere", "everywhere", {"wengert": 2e-6, "torch": 1e-5}, rows=rows))
    text = report.report(results)
    assert "\n| forward | 256 | 0.63 | 0.65 | 1 of 2 | 2.00 |\n" in text
    assert "\n| backward | 256 | 0.50 | 0.36 | 0 of 1 | 0.50 |\n" in text
    assert "\n| t.roll(x, 3) | 256 | C | forward | 40 µs | 2.00 |\n" in text
    assert "t.exp(x)" not in text


def test_growth_is_told_per_unit_of_work(results: dict[str, Any]) -> None:
    text = report.report(results)
    assert "| operations | wengert | work | time per work | over torch |" in text
    assert "\n| 10 | 10 µs | 1 | 1.00 | 0.25 |\n| 1,000 | 3 ms | 100 | 3.00 | 0.75 |" in text


def test_the_goals_alone(results: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps(results))
    assert report.main([str(path), "--goals"]) == 0
    text = capsys.readouterr().out
    assert "| goal | limit |" in text
    assert "## " not in text


def test_several_files_follow_each_other(
    results: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [tmp_path / "one.json", tmp_path / "two.json"]
    for threads, path in enumerate(paths, 1):
        results["machine_info"]["wengert"]["threads"] = threads
        path.write_text(json.dumps(results))
    assert report.main([str(path) for path in paths]) == 0
    text = capsys.readouterr().out
    assert text.index("# 1 thread(s)") < text.index("# 2 thread(s)")


@pytest.mark.parametrize("content", ["{}", "not JSON", '{"machine_info": {"wengert": {}}, "benchmarks": []}'])
def test_other_files_are_refused(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "other.json"
    path.write_text(content)
    assert report.main([str(path)]) == 1
    assert capsys.readouterr().err.startswith(f"{path}: ")


def test_a_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report.main([str(tmp_path / "none.json")]) == 1
    assert "none.json" in capsys.readouterr().err


def test_amounts_have_three_digits() -> None:
    amounts = [report.amount(seconds) for seconds in (12.34, 0.1234, 1.5e-5, 2e-8, 1e-12)]
    assert amounts == ["12.3 s", "123 ms", "15 µs", "20 ns", "0.001 ns"]
    assert [report.amount(size, "B") for size in (512.0, 3 * 2**20, 2**31)] == ["512 B", "3 MiB", "2 GiB"]


def test_cells_do_not_break_the_table() -> None:
    assert report.table(["a", "b"], [["x|y", "1"]]) == "| a | b |\n| --- | ---: |\n| x\\|y | 1 |"


def test_every_goal_has_one_limit() -> None:
    assert all((goal.time is None) != (goal.speed is None) for goal in GOALS.values())


def test_a_goal_judges_against_the_fastest_that_took_part() -> None:
    goal = Goal("anything", ("numpy", "torch"), time=0.5)
    assert goal.reached({"numpy": 4.0, "torch": 2.0, "wengert": 1.0}) == 0.5
    assert goal.reached({"numpy": 4.0, "wengert": 1.0}) == 0.25
    assert goal.reached({"jax": 4.0, "wengert": 1.0}) is None
    assert goal._replace(time=None, speed=2.0).reached({"torch": 2.0, "wengert": 1.0}) == 2.0
