"""Whether a change made anything slower: one version of the library against another, in processes that take turns.

    python benchmarks/before_after.py BEFORE AFTER [--rounds 15] [--only NAME]

BEFORE and AFTER are each a wheel, a source tree (of which a wheel is built first), a directory with the package
`wengert` in it, or a Python interpreter that has one installed. In every round each side gets a process, in turns first
or second, that times every task of tasks.py. The table has a task a row: the medians of both sides, and the median and
the quartiles of the rounds' ratios, after over before. The program fails if the geometric mean of the ratios is above
1.02, or the ratio of a row above 1.08; `--mean` and `--row` set other limits.
"""

from __future__ import annotations

import argparse
import compileall
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import tasks
from report import amount, table

Seconds = Mapping[str, float]  # of a call, by task

MEAN, ROW, ROUNDS = 1.02, 1.08, 15


class Side(NamedTuple):
    """One of the two versions: the interpreter that runs it, and the directory that its package is in, if not there."""

    python: str
    path: Path | None = None


class Row(NamedTuple):
    """One task: median seconds of both sides, and of the ratios of the rounds the median and the quartiles."""

    name: str
    before: float
    after: float
    ratio: float
    lower: float
    upper: float


def rows(before: Sequence[Seconds], after: Sequence[Seconds]) -> list[Row]:
    """A row per task, out of what the processes of each side measured, round by round."""
    found = []
    for name in before[0]:
        first, second = [seconds[name] for seconds in before], [seconds[name] for seconds in after]
        ratios = [b / a for a, b in zip(first, second, strict=True)]
        lower, ratio, upper = quartiles(ratios)
        found.append(Row(name, statistics.median(first), statistics.median(second), ratio, lower, upper))
    return found


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """The lower quartile, the median and the upper quartile."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    lower, middle, upper = statistics.quantiles(values, n=4, method="inclusive")
    return lower, middle, upper


def geometric_mean(found: Sequence[Row]) -> float:
    """Of the rows' ratios."""
    return math.exp(statistics.fmean(math.log(row.ratio) for row in found))


def excesses(found: Sequence[Row], mean: float = MEAN, row: float = ROW) -> list[str]:
    """What is above its limit, in words; nothing if the change may pass."""
    reached = geometric_mean(found)
    above = [f"geometric mean: {reached:.3f}, above {mean:g}"] if reached > mean else []
    return above + [f"{r.name}: {r.ratio:.3f}, above {row:g}" for r in found if r.ratio > row]


def summary(found: Sequence[Row]) -> str:
    """The table, the slowest change first, and the geometric mean below it."""
    lines = [
        [r.name, amount(r.before), amount(r.after), f"{r.ratio:.3f}", f"{r.lower:.3f} to {r.upper:.3f}"]
        for r in sorted(found, key=lambda r: -r.ratio)
    ]
    text = table(["task", "before", "after", "after / before", "quartiles"], lines)
    return f"{text}\n\nGeometric mean of {len(found)} ratios: {geometric_mean(found):.3f}"


def side(given: str, room: Path) -> Side:
    """What stands for one version on the command line, made ready to run; `room` is a directory for what that takes.

    Raises
    ------
    ValueError
        If it is nothing that has a version of the library in it.
    """
    path = Path(given).absolute()  # not resolved: an environment's interpreter is a link, and knows where it is from it
    if path.suffix == ".whl" and path.is_file():
        return Side(sys.executable, unpacked(path, room))
    if (path / "pyproject.toml").is_file():
        command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(room / "wheel"), str(path)]
        subprocess.run(command, check=True, stdout=sys.stderr)
        (wheel,) = (room / "wheel").glob("*.whl")
        return Side(sys.executable, unpacked(wheel, room))
    if (path / "wengert" / "__init__.py").is_file():
        return Side(sys.executable, path)
    if path.is_file() and os.access(path, os.X_OK):
        return Side(str(path))
    raise ValueError(
        f"{given}: expected a wheel, a source tree, a directory that contains the package wengert, or an interpreter"
    )


def unpacked(wheel: Path, room: Path) -> Path:
    """The directory that a wheel's files are in from now on, compiled as an installation compiles them."""
    path = room / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(path)
    compileall.compile_dir(path, quiet=1)
    return path


def measured(of: Side, only: Sequence[str], threads: int, seed: int) -> dict[str, Any]:
    """What a new process of one side says of itself and of the tasks.

    Raises
    ------
    RuntimeError
        If the process fails, or imports another version than this side's.
    """
    environment = {**os.environ, "WENGERT_NUM_THREADS": str(threads), "PYTHONHASHSEED": str(seed)}
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        environment[name] = str(threads)
    environment.pop("PYTHONPATH", None)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # imported from compiled files, as installed
    if of.path is not None:
        environment["PYTHONPATH"] = str(of.path)
    command = [of.python, tasks.__file__, *(f"--only={name}" for name in only)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if run.returncode:
        raise RuntimeError(f"{of.path or of.python}: {run.stderr.strip()}")
    result: dict[str, Any] = json.loads(run.stdout)
    if of.path is not None and of.path.resolve() not in Path(result["about"]["path"]).resolve().parents:
        raise RuntimeError(f"{of.path}: the process imported {result['about']['path']} instead")
    return result


def alternate(
    before: Side, after: Side, rounds: int, only: Sequence[str] = (), threads: int = 1
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What the processes of both sides measured. Who comes first changes from round to round."""
    results: dict[str, list[dict[str, Any]]] = {"before": [], "after": []}
    sides = {"before": before, "after": after}
    for name in sides:
        measured(sides[name], only[:1] or ("import",), threads, 0)  # brings the files into memory, and fails early
    for k in range(rounds):
        print(f"round {k + 1} of {rounds}", file=sys.stderr)
        for name in sorted(sides, reverse=k % 2 == 0):
            results[name].append(measured(sides[name], only, threads, k))
    return results["before"], results["after"]


def heading(before: Mapping[str, Any], after: Mapping[str, Any], rounds: int) -> str:
    """The machine and the two versions, of what a process of each said about itself."""
    lines = [
        f"{after['processor']}, {after['machine']}, {after['cores']} core(s), {after['system']}; {after['threads']} "
        f"thread(s); {rounds} rounds"
    ]
    for name, about in (("before", before), ("after", after)):
        lines.append(
            f"{name}: wengert {about['wengert']} ({about['isa']}), Python {about['python']}, NumPy {about['numpy']}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Time one version of the library against another.")
    parser.add_argument("before", metavar="BEFORE", help="a wheel, a source tree, a directory or an interpreter")
    parser.add_argument("after", metavar="AFTER", help="the same, of the changed version")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="processes of each side (default: %(default)s)")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="tasks with this in their names")
    parser.add_argument("--threads", type=int, default=1, help="threads of each process (default: %(default)s)")
    parser.add_argument("--mean", type=float, default=MEAN, help="limit of the geometric mean (default: %(default)s)")
    parser.add_argument("--row", type=float, default=ROW, help="limit of a row's ratio (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to keep what every process measured")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error(f"--rounds must be 1 or more, not {options.rounds}")
    try:
        tasks.names(options.only)
        with tempfile.TemporaryDirectory() as room:
            before = side(options.before, Path(room, "before"))
            after = side(options.after, Path(room, "after"))
            results = alternate(before, after, options.rounds, options.only, options.threads)
    except (ValueError, RuntimeError, OSError, subprocess.CalledProcessError, zipfile.BadZipFile) as error:
        print(error, file=sys.stderr)
        return 2
    if options.json:
        options.json.write_text(json.dumps(dict(zip(("before", "after"), results, strict=True)), indent=1))
    first, second = ([result["seconds"] for result in of] for of in results)
    found = rows(first, second)
    print(heading(results[0][0]["about"], results[1][0]["about"], options.rounds), summary(found), sep="\n\n")
    above = excesses(found, options.mean, options.row)
    for line in above:
        print(f"above the limit: {line}")
    return 1 if above else 0


if __name__ == "__main__":
    sys.exit(main())
