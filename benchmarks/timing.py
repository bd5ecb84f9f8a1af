"""Interleaved measurements: opponents take turns, so that whatever else the machine does meets them all alike."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from typing import Any

from opponents import THREADS

Clock = Callable[[], float]

# With one thread nobody computes beside the caller, and the time that the processor gave to this process is what a call
# takes on a quiet machine. With several, only the clock on the wall tells.
CLOCK: Clock = time.process_time if THREADS == 1 else time.perf_counter

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
    functions: Mapping[Any, Callable[[], Any]], seconds: float, clock: Clock = CLOCK, **further: Callable[[], float]
) -> dict[Any, list[float]]:
    """Seconds per call of each function, and what `further` measures gave, in as many rounds as fit into `seconds`."""
    measures = {name: _sampler(function, clock) for name, function in functions.items()}
    measures.update(further)
    start = time.perf_counter()
    first = interleaved(measures, 1)
    rounds = int(seconds / (time.perf_counter() - start))
    more = interleaved(measures, min(max(rounds, FEWEST_ROUNDS), MOST_ROUNDS) - 1)
    return {name: first[name] + more[name] for name in measures}


def _sampler(function: Callable[[], Any], clock: Clock) -> Callable[[], float]:
    """What times a function: its seconds per call, over as many calls as make a sample.

    Counting them is the function's warm-up: compilation, page faults, caches.
    """
    function()
    calls = 1
    while (elapsed := _repeat(function, calls, clock)) < SAMPLE / 4:
        calls *= 4
    calls = max(1, round(calls * SAMPLE / elapsed))

    def sample() -> float:
        function()  # brings what it reads back into the caches, where another opponent's was, and wakes its workers
        return _repeat(function, calls, clock) / calls

    return sample


def _repeat(function: Callable[[], Any], calls: int, clock: Clock) -> float:
    turns = itertools.repeat(None, calls)
    start = clock()
    for _ in turns:
        function()
    return clock() - start


def settle() -> None:
    """Wait until the last opponent's threads sleep: some spin for up to a fifth of a second first, others give memory
    back, which the clock of the process would charge to whoever is next."""
    deadline = time.perf_counter() + 0.5
    while time.perf_counter() < deadline:
        used = time.process_time()
        time.sleep(0.002)
        if time.process_time() - used < 0.0005:
            return
