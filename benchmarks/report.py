"""Markdown tables out of what the benchmarks measured.

    pytest benchmarks --benchmark-json=one.json
    WENGERT_BENCH_THREADS=2 pytest benchmarks --benchmark-json=two.json
    python benchmarks/report.py one.json two.json

For each file: the machine with its ceilings, the goals with what was reached of them, and a table per benchmark with
wengert's time over each opponent's. `--goals` leaves out the last.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from goals import EVERYWHERE, GOALS, SLOWER, Goal

Benchmark = dict[str, Any]

PEERS = (("torch", "PyTorch"), ("jax", "JAX"), ("scikit-learn", "scikit-learn"))

_UNITS = {
    "s": ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")),
    "B": ((2.0**30, "GiB"), (2.0**20, "MiB"), (1.0, "B")),
}


def amount(value: float, unit: str = "s") -> str:
    """A number of seconds or bytes in three digits, as 1.25 ms."""
    size, name = next((u for u in _UNITS[unit] if value >= u[0]), _UNITS[unit][-1])
    return f"{value / size:.3g} {name}" if value / size < 1000 else f"{value / size:.0f} {name}"


def ratio(value: float) -> str:
    """Two decimals; of small ones two digits."""
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def machine(info: dict[str, Any]) -> str:
    """Where the numbers come from."""
    here = info["wengert"]
    limits = here["ceilings"]
    versions = [f"wengert {here['wengert']}", f"Python {here['python']}", f"NumPy {here['numpy']}"]
    versions += [f"{title} {here[name]}" for name, title in PEERS if name in here]
    return (
        f"{here['processor']}, {here['machine']}, {here['cores']} core(s), {here['system']}; {here['threads']} "
        f"thread(s); instruction set {here['isa']} (available: {', '.join(here['available_isas'])}). "
        f"{', '.join(versions)}.\n"
        f"Ceilings: {limits['float32'] / 1e9:.0f} GFLOP/s per core in float32, {limits['float64'] / 1e9:.0f} in "
        f"float64 (multiply-adds on registers); memory {limits['read'] / 1e9:.1f} GB/s reading, "
        f"{limits['write'] / 1e9:.1f} GB/s reading two arrays and writing one."
    )


def goals(benchmarks: Sequence[Benchmark], threads: int, isa: str) -> str:
    """What was reached of each goal: the worst of its benchmarks, and how many of them meet it.

    Where a ceiling was measured beside the opponents, the last column is what a program at the ceiling would reach.
    """
    rows = []
    for name, goal in GOALS.items():
        if (goal.threads or threads) != threads or (goal.isa or isa) != isa:
            continue
        judged = [b for b in benchmarks if name in b["extra_info"].get("goals", ())]
        medians = {b["name"]: b["extra_info"]["medians"] for b in judged}
        reached = {test: r for test, m in medians.items() if (r := goal.reached(m)) is not None}
        if reached:
            ordered = sorted(reached, key=reached.__getitem__, reverse=goal.time is not None)
            worst = ordered[0]
            met = sum(goal.met(r) for r in reached.values())
            middle = statistics.median(reached.values())
            at_ceiling = bound(goal, medians[worst])
            rows.append(
                [
                    goal.what,
                    goal.limit(),
                    ratio(reached[worst]),
                    label(worst),
                    ratio(middle),
                    f"{met} of {len(reached)}",
                    "" if at_ceiling is None else ratio(at_ceiling),
                ]
            )
    return table(["goal", "limit", "worst", "where", "median", "met", "at the ceiling"], rows)


def bound(goal: Goal, medians: dict[str, float]) -> float | None:
    """What the goal's ratio would be for a program that takes the ceiling's time."""
    if "ceiling" not in medians or "ceiling" in goal.against:
        return None
    return goal.reached({**medians, "wengert": medians["ceiling"]})


def label(test: str) -> str:
    """A test's name for readers."""
    return test.removeprefix("test_").replace("[", ": ").removesuffix("]").replace("_", " ")


def comparison(benchmarks: Sequence[Benchmark]) -> str:
    """The table of one benchmark: a line per choice of its parameters."""
    opponents = list(dict.fromkeys(name for b in benchmarks for name in b["extra_info"]["medians"]))
    opponents.sort(key=lambda name: name == "ceiling")
    opponents.remove("wengert")
    rows = []
    for b in benchmarks:
        medians, unit = b["extra_info"]["medians"], b["extra_info"].get("unit", "s")
        ratios = [ratio(medians["wengert"] / medians[name]) if name in medians else "" for name in opponents]
        rows.append([b.get("param") or label(b["name"]), amount(medians["wengert"], unit), *ratios])
    return table(["", "wengert", *(f"over {name}" for name in opponents)], rows)


def growth(benchmark: Benchmark) -> str:
    """How the time grows with a size: the time per unit of work, over that at the cheapest smaller size."""
    rows = benchmark["extra_info"]["growth"]["rows"]
    opponents = [name for name in rows[0]["medians"] if name != "wengert"]
    lines, cheapest = [], float("inf")
    for row in rows:
        ours = row["medians"]["wengert"]
        per_work = ours / row["work"]
        relative = per_work / cheapest if cheapest < float("inf") else 1.0
        cheapest = min(cheapest, per_work)
        ratios = [ratio(ours / row["medians"][name]) for name in opponents]
        work = f"{row['work'] / rows[0]['work']:,.4g}"
        lines.append([f"{row['size']:,}", amount(ours), work, ratio(relative), *ratios])
    of = benchmark["extra_info"]["growth"]["of"]
    return table([of, "wengert", "work", "time per work", *(f"over {name}" for name in opponents)], lines)


def everywhere(rows: Sequence[dict[str, Any]]) -> str:
    """What bench_everywhere.py found: geometric means by size and direction, and the rows that are slower."""
    ratios = [row["wengert"] / row["torch"] for row in rows]
    groups: dict[tuple[str, int], list[float]] = {}
    for row, found in zip(rows, ratios, strict=True):
        groups.setdefault((row["direction"], row["size"]), []).append(found)
    means = [
        [direction, f"{size:,}", ratio(statistics.geometric_mean(found)), ratio(EVERYWHERE[direction, size]),
         f"{sum(r > SLOWER for r in found)} of {len(found)}", ratio(max(found))]
        for (direction, size), found in sorted(groups.items(), reverse=True)
    ]  # fmt: skip
    slower = [
        [row["operation"], f"{row['size']:,}", row["layout"], row["direction"], amount(row["wengert"]), ratio(found)]
        for found, row in sorted(zip(ratios, rows, strict=True), key=lambda pair: -pair[0])
        if found > SLOWER
    ]
    parts = [table(["direction", "items", "over torch", "limit", f"above {SLOWER}", "worst"], means)]
    if slower:
        parts.append(table(["operation", "items", "layout", "direction", "wengert", "over torch"], slower))
    return "\n\n".join(parts)


def sections(benchmarks: Sequence[Benchmark]) -> Iterable[str]:
    """A heading per file of benchmarks, and below it the tables of its groups."""
    groups: dict[tuple[str, str], list[Benchmark]] = {}
    rows = [row for b in benchmarks for row in b["extra_info"].get("rows", ())]
    if rows:
        yield "## everywhere"
        yield everywhere(rows)
    for b in benchmarks:
        if "medians" in b["extra_info"] and "rows" not in b["extra_info"]:
            file = b["fullname"].partition("::")[0].rpartition("/")[2].removesuffix(".py").removeprefix("bench_")
            groups.setdefault((file, b["group"]), []).append(b)
    previous = None
    for (file, group), members in groups.items():
        if file != previous:
            yield f"## {file}"
            previous = file
        yield f"### {group}"
        yield growth(members[0]) if "growth" in members[0]["extra_info"] else comparison(members)


def report(results: dict[str, Any], only_goals: bool = False) -> str:
    """The whole text for the results of one run.

    Raises
    ------
    ValueError
        If they are not results of these benchmarks.
    """
    info, benchmarks = results.get("machine_info", {}), results.get("benchmarks", [])
    if "wengert" not in info or not any("medians" in b["extra_info"] for b in benchmarks):
        raise ValueError("no results of wengert's benchmarks: pytest benchmarks --benchmark-json=FILE writes some")
    here = info["wengert"]
    parts = [
        f"# {here['threads']} thread(s), {here['isa']}",
        machine(info),
        goals(benchmarks, here["threads"], here["isa"]),
    ]
    if not only_goals:
        parts.append("Ratios of medians of the times, wengert's over the other's: below 1, wengert is faster.")
        parts.extend(sections(benchmarks))
    return "\n\n".join(parts)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Markdown tables out of pytest-benchmark's JSON files.")
    parser.add_argument("results", nargs="+", type=Path, metavar="RESULTS.json")
    parser.add_argument("--goals", action="store_true", help="the goals alone")
    options = parser.parse_args(arguments)
    for path in options.results:
        try:
            print(report(json.loads(path.read_text()), options.goals), end="\n\n")
        except (OSError, ValueError) as error:
            print(f"{path}: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
