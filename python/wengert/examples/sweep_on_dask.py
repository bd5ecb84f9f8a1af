"""The same sweep over seeds and learning rates on dask.distributed, whose workers may be on many machines.

Where it is not installed, the networks are trained here, one after the other: what comes out is the same to the bit.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .sweep import draw, train_once

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def run(
    seeds: Sequence[int] = (0, 1, 2), rates: Sequence[float] = (0.003, 0.01, 0.03, 0.1), size: int = 2000,
    epochs: int = 3, workers: int = 2, address: str | None = None,
) -> Figure:  # fmt: skip
    """Train for every seed and rate on the cluster at an address, or on one of some processes that is started here."""
    settings = [(seed, lr, size, epochs) for seed, lr in itertools.product(seeds, rates)]
    try:
        from dask.distributed import Client
    except ImportError:
        print("dask.distributed is not installed (pip install 'dask[distributed]'): training here, one after the other")
        found = [train_once(*each) for each in settings]
    else:
        own = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None}
        with Client(address, **({} if address else own)) as client:
            found = client.gather(client.map(train_once, *zip(*settings, strict=True)))
        print(f"{len(found)} trainings by dask.distributed; the first, repeated here, has the same bits: ", end="")
        print(train_once(*settings[0]) == found[0])
    return draw(seeds, rates, found)
