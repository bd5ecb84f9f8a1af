"""Random numbers, from a seed and on every machine the same: the functions of `wengert.ops.random`.

A `Generator` draws from NumPy's Philox counter: after `manual_seed(s)` its stream is that of
`numpy.random.Generator(numpy.random.Philox(s))`, whatever the machine and the number of threads.
"""

from __future__ import annotations

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
    "Generator", "bernoulli", "bernoulli_", "default_generator", "exponential_", "get_rng_state", "initial_seed",
    "manual_seed", "multinomial", "normal", "normal_", "numpy_generator", "rand", "rand_like", "randint",
    "randint_like", "randn", "randn_like", "randperm", "seed", "set_rng_state", "uniform_",
]  # fmt: skip

explain(__name__)
