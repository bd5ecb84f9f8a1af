"""Interleaved measurements: opponents take turns, so that whatever else the machine does meets them all alike."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from opponents import THREADS

Clocks = tuple[Callable[[], float], ...]

# Of several clocks the one counts that shows less. With one thread, the time that the processor gave to this process is
# what a call takes on a quiet machine, unless another thread of the process works beside the call, such as JAX's, which
# gives back a result of 128 MB when its call is over: then it is the clock on the wall. With several threads only that
# one tells.
WALL: Clocks = (time.perf_counter,)
CLOCKS: Clocks = (time.process_time, time.perf_counter) if THREADS == 1 else WALL

SAMPLE = 0.004  # seconds that calls are repeated for: many times the clock's resolution, about the system's time slice
FEWEST_ROUNDS, MOST_ROUNDS = 5, 41


def interleaved(measures: Mapping[Any, Callable[[], float]], rounds: int) -> dict[Any, list[float]]:
    """What each measure gave in each round; within a round each is asked once."""
    samples: dict[Any, list[float]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            settle()
            samples[name].append(measure())
    return samples


def time_calls(
    functions: Mapping[Any, Callable[[], Any]], seconds: float, clocks: Clocks = CLOCKS, **further: Callable[[], float]
) -> dict[Any, list[float]]:
    """Seconds per call of each function, and what `further` measures gave, in as many rounds as fit into `seconds`."""
    measures = {name: _sampler(function, clocks) for name, function in functions.items()}
    measures.update(further)
    start = time.perf_counter()
    first = interleaved(measures, 1)
    rounds = int(seconds / (time.perf_counter() - start))
    more = interleaved(measures, min(max(rounds, FEWEST_ROUNDS), MOST_ROUNDS) - 1)
    return {name: first[name] + more[name] for name in measures}


def _sampler(function: Callable[[], Any], clocks: Clocks) -> Callable[[], float]:
    """What times a function: its seconds per call, over as many calls as make a sample.

    Counting them is the function's warm-up: compilation, page faults, caches.
    """
    function()
    calls = 1
    while (elapsed := _repeat(function, calls, clocks)) < SAMPLE / 4:
        calls *= 4
    calls = max(1, round(calls * SAMPLE / elapsed))

    def sample() -> float:
        function()  # brings what it reads back into the caches, where another opponent's was, and wakes its workers
        return _repeat(function, calls, clocks) / calls

    return sample


def _repeat(function: Callable[[], Any], calls: int, clocks: Clocks) -> float:
    turns = itertools.repeat(None, calls)
    starts = [clock() for clock in clocks]
    for _ in turns:
        function()
    return min(clock() - start for clock, start in zip(clocks, starts, strict=True))


def settle() -> None:
    """Wait until the last opponent's threads sleep. Some spin for a tenth of a second first, where the next one's are
    to run; others give memory back, which the clock of the process would charge to whoever is next."""
    deadline = time.perf_counter() + 0.5
    while _others_run() and time.perf_counter() < deadline:
        time.sleep(0.002)


def _others_run() -> bool:
    """Whether another thread of this process runs, or wants to."""
    tasks = Path("/proc/self/task")
    if tasks.is_dir():  # asked by state, as the time that threads on other processors took is known once a tick only
        others = [task for task in tasks.iterdir() if task.name != str(threading.get_native_id())]
        return any(_state(task) in "RD" for task in others)
    used = time.process_time()
    time.sleep(0.02)
    return time.process_time() - used > 0.001


def _state(task: Path) -> str:
    """The letter that Linux has for what a thread does; S if there is no such thread any more."""
    try:
        return (task / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "S"
