"""Random numbers, from a seed and on every machine the same: the functions of `wengert.ops.random`.

A `Generator` draws from NumPy's Philox counter: after `manual_seed(s)` its stream is that of
`numpy.random.Generator(numpy.random.Philox(s))`, whatever the machine and the number of threads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from .core.missing import explain
from .ops.random import (
    Generator,
    bernoulli,
    bernoulli_,
    default_generator,
    exponential_,
    get_rng_state,
    initial_seed,
    manual_seed,
    multinomial,
    normal,
    normal_,
    numpy_generator,
    rand,
    rand_like,
    randint,
    randint_like,
    randn,
    randn_like,
    randperm,
    seed,
    set_rng_state,
    uniform_,
)

__all__ = [
    "Generator", "bernoulli", "bernoulli_", "default_generator", "exponential_", "fork_rng", "get_rng_state",
    "initial_seed", "manual_seed", "multinomial", "normal", "normal_", "numpy_generator", "rand", "rand_like",
    "randint", "randint_like", "randn", "randn_like", "randperm", "seed", "set_rng_state", "uniform_",
]  # fmt: skip


@contextmanager
def fork_rng(devices: Iterable[Any] | None = None, enabled: bool = True, device_type: str = "cuda") -> Iterator[None]:
    """A region after which the library's own generator goes on as if nothing had been drawn or seeded in it.

    Parameters
    ----------
    devices : iterable or None
        Of which PyTorch keeps the generators too; there is the CPU's alone.
    enabled : bool
        False: draws in the region count.
    device_type : str
        Of the devices.

    Returns
    -------
    context manager

    Examples
    --------
    >>> generator = wg.manual_seed(0)
    >>> with wg.random.fork_rng():
    ...     x = wg.rand(3)
    >>> wg.rand(3)
    tensor([0.1356, 0.0141, 0.9377])
    """
    if not enabled:
        yield
        return
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)


explain(__name__)
