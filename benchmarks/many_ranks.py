"""What more ranks would bring, from parts measured here: a simulation of many ranks on networks of several speeds.

    mpirun -n 2 python benchmarks/many_ranks.py

measures, with one thread a rank, the steps of a network for each part of a batch that a rank would have, the packing of
gradients, and the reduction over this machine's memory. A step of n ranks is simulated as

    the longest of n steps drawn from those measured + packing + 2 log2(n) a + 2 (n - 1)/n S/b

where S are the bytes of the gradients, a the time of a message and b the bytes per second of the network: the cost of
the reduction by halves and doubles (Thakur, Rabenseifner, Gropp 2005, "Optimization of collective communication
operations in MPICH"), without the additions. For the machine itself a and b are fitted to what was measured.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

import wengert as wg

WIDTHS = ((784, 1024, 1024, 10), (784, 256, 10))
RANKS = (1, 2, 4, 8, 16, 32, 64, 128)
BATCH = 1024  # of all ranks together
DRAWS = 500  # simulated steps
# What a message costs in seconds, and bytes per second: usual figures, and this machine's memory, which is measured.
NETWORKS = {"10 Gb Ethernet": (30e-6, 1.1e9), "100 Gb InfiniBand": (2e-6, 11e9)}


def compute(widths: Sequence[int], batch: int, repeats: int = 40) -> np.ndarray:
    """Seconds of each of several steps of a network, without communication: those that the processor gave to them."""
    layers: list[Any] = []
    for n, m in itertools.pairwise(widths):
        layers += [wg.nn.Linear(n, m), wg.nn.ReLU()]
    net = wg.nn.Sequential(*layers[:-1])
    optimizer, loss_of = wg.optim.SGD(net.parameters(), lr=0.01), wg.nn.CrossEntropyLoss()
    x, y = wg.rand(batch, widths[0]), wg.randint(0, 10, (batch,))
    seconds = []
    for _ in range(repeats + 5):
        start = time.process_time()
        optimizer.zero_grad()
        loss_of(net(x), y).backward()
        optimizer.step()
        seconds.append(time.process_time() - start)
    return np.array(seconds[5:])


def reduction(world: Any, items: int, repeats: int = 100) -> float:
    """Seconds of a reduction over the ranks of so many items of float32, when nobody else wants the processors."""
    x, seconds = wg.ones(items), []
    for _ in range(repeats + 5):
        world.barrier()
        start = time.perf_counter()
        world.all_reduce(x, "max")
        seconds.append(time.perf_counter() - start)
    return float(np.quantile(seconds[5:], 0.1))


def packing(items: int, repeats: int = 20) -> float:
    """Seconds of writing gradients into a buffer, and reading them out of it, scaled."""
    x, room = np.ones(items, np.float32), np.empty(items, np.float32)
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        np.multiply(x, 2.0, out=room)
        np.multiply(room, 0.5, out=x)
        seconds.append(time.process_time() - start)
    return float(np.median(seconds))


def fit(world: Any) -> tuple[float, float]:
    """The time of a message and the bytes per second of this machine's memory, from reductions of two sizes."""
    small, large, items = reduction(world, 1), reduction(world, 2_000_000), 2_000_000
    # Of two ranks: 2 messages, and S bytes each; before them, as many messages to see that the ranks agree.
    return small / 4, 4 * items / (large - small)


def simulated(steps: dict[int, np.ndarray], pack: float, items: int, network: tuple[float, float]) -> list[float]:
    """The mean seconds of a step for each number of ranks."""
    rng = np.random.default_rng(0)
    message, rate = network
    found = []
    for n in RANKS:
        longest = rng.choice(steps[n], (DRAWS, n)).max(1).mean()
        sent = 2 * np.log2(n) * message + 2 * (n - 1) / n * 4 * items / rate
        found.append(float(longest + (pack + sent if n > 1 else 0)))
    return found


def pays_until(seconds: Sequence[float]) -> int:
    """The last number of ranks that was worth a doubling: a quarter faster at least than half as many."""
    for k in range(1, len(RANKS)):
        if seconds[k] > 0.8 * seconds[k - 1]:
            return RANKS[k - 1]
    return RANKS[-1]


def main() -> int:
    world = wg.distributed.init()
    if world.size != 2:
        return world.fail("many_ranks.py measures between two ranks: mpirun -n 2 python benchmarks/many_ranks.py", 2)
    wg.set_num_threads(1)
    here = fit(world)
    networks = {"this machine's memory": here, **NETWORKS}
    if world.rank == 0:
        print(f"memory between two ranks: {here[0] * 1e6:.1f} µs a message, {here[1] / 1e9:.1f} GB/s")
        print(f"\n| network, batch {BATCH} | over | {' | '.join(map(str, RANKS))} | pays until |")
        print(f"| --- | --- |{' ---: |' * (len(RANKS) + 1)}")
    for widths in WIDTHS:
        items = sum(n * m + m for n, m in itertools.pairwise(widths))
        world.barrier()
        steps = {n: compute(widths, BATCH // n) for n in RANKS}  # on both ranks at once, as they would
        pack = packing(items)
        for name, network in networks.items():
            seconds = simulated(steps, pack, items, network)
            if world.rank == 0:
                speeds = " | ".join(f"{seconds[0] / s:.1f}" for s in seconds)
                print(f"| {'-'.join(map(str, widths))} | {name} | {speeds} | {pays_until(seconds)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
