"""Sources of random numbers: Philox counters with a seed and a state.

After `manual_seed(s)` the stream of a `Generator` is that of `numpy.random.Generator(numpy.random.Philox(s))`, whatever
the machine and the number of threads. (NumPy promises the bits of Philox for good; its samplers on top of them may
change with a NumPy release, which then says so in its notes. Those of float32 and of orders are kernels that draw the
same numbers, and stay as they are.)

`numpy.random` is imported when the first number is drawn, so that `import wengert` need not wait for it.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from .._types import Tensor
from . import devices, locks
from .arguments import integer
from .doors import enter, leave
from .modes import recorder

_FRESH_SEED = 67280421310721  # of a new generator, as in PyTorch

_starting = locks.lock()  # threads that draw the first numbers together draw them from one stream

# Of Philox, in 64 bits each; four more words are numbers of their own.
_STATE_WORDS = {"counter": 4, "key": 2, "buffer": 4}


def _lock_of(generator: Generator) -> Any:
    """The lock that NumPy holds while it draws."""
    return None if generator._numpy is None else generator._numpy.bit_generator.lock


class Generator:
    """A source of random numbers with a state of its own.

    Parameters
    ----------
    device : "cpu"

    Attributes
    ----------
    numpy : numpy.random.Generator
        The same source for NumPy: drawing from either moves both on.

    Raises
    ------
    ValueError
        If another device is asked for.

    Examples
    --------
    >>> generator = wg.Generator().manual_seed(0)
    >>> a = wg.rand(2, generator=generator)
    >>> b = wg.rand(2, generator=generator.manual_seed(0))
    >>> (a == b).tolist()
    [True, True]
    """

    __slots__ = ("__weakref__", "_numpy", "_seed")

    def __init__(self, device: Any = "cpu") -> None:
        devices.require_cpu("Generator", device)
        self._seed = _FRESH_SEED
        self._numpy: np.random.Generator | None = None
        locks.held_by(self, _lock_of)

    def __repr__(self) -> str:
        return f"<wengert.Generator of seed {self._seed}>"

    @property
    def device(self) -> devices.device:
        """Where the numbers are drawn: always the CPU.

        Returns
        -------
        device

        Examples
        --------
        >>> wg.Generator().device
        device(type='cpu')
        """
        return devices.CPU

    @property
    def numpy(self) -> np.random.Generator:
        """The NumPy generator that the numbers come from.

        Returns
        -------
        numpy.random.Generator

        Examples
        --------
        >>> generator = wg.Generator().manual_seed(0)
        >>> generator.numpy.random() < 1
        True
        """
        with _starting:
            if self._numpy is None:
                self._numpy = np.random.Generator(np.random.Philox(self._seed))
            return self._numpy

    def manual_seed(self, seed: int) -> Generator:
        """Start again from a seed.

        Parameters
        ----------
        seed : int
            In [-2**63, 2**64); a negative one counts from 2**64.

        Returns
        -------
        Generator
            Itself.

        Raises
        ------
        TypeError
            If the seed is not an integer.
        ValueError
            If it is out of range.

        Examples
        --------
        >>> generator = wg.Generator().manual_seed(7)
        >>> generator.initial_seed()
        7
        """
        value = integer("manual_seed", "seed", seed)
        if not -(2**63) <= value < 2**64:
            raise ValueError(f"manual_seed: expected a seed in [-2**63, 2**64), got {value}")
        at_work = recorder()
        if at_work is not None:
            at_work.effect(self.manual_seed, (seed,))
            return self
        self._seed = value % 2**64
        self._numpy = None
        return self

    def seed(self) -> int:
        """Start again from a seed that the operating system draws, and tell it.

        Returns
        -------
        int

        Examples
        --------
        >>> generator = wg.Generator()
        >>> generator.seed() == generator.initial_seed()
        True
        """
        return self.manual_seed(int.from_bytes(os.urandom(8), "little")).initial_seed()

    def initial_seed(self) -> int:
        """The seed that the generator was last started from.

        Returns
        -------
        int

        Examples
        --------
        >>> wg.Generator().manual_seed(7).initial_seed()
        7
        """
        return self._seed

    def get_state(self) -> Tensor:
        """The state, as a tensor of bytes that `set_state` takes.

        Returns
        -------
        Tensor
            Of uint8.

        Examples
        --------
        >>> generator = wg.Generator().manual_seed(7)
        >>> state = generator.get_state()
        >>> x = wg.rand(2, generator=generator)
        >>> generator.set_state(state)
        >>> bool((wg.rand(2, generator=generator) == x).all())
        True
        """
        bits = self.numpy.bit_generator.state
        philox = {**bits["state"], "buffer": bits["buffer"]}
        words = [word for name in _STATE_WORDS for word in philox[name]]
        words += [bits["buffer_pos"], bits["has_uint32"], bits["uinteger"], self._seed]
        return enter(np.array(words, "<u8").view(np.uint8))

    def set_state(self, state: Any) -> None:
        """Go on from a state that `get_state` gave.

        Parameters
        ----------
        state : tensor
            Of uint8.

        Raises
        ------
        TypeError
            If it is not a tensor or array of uint8.
        ValueError
            If it does not have the length of such a state.

        Examples
        --------
        >>> generator = wg.Generator()
        >>> generator.set_state(wg.Generator().manual_seed(7).get_state())
        >>> generator.initial_seed()
        7
        """
        value = leave(enter(state), "array")
        if value.dtype != np.uint8:
            raise TypeError(f"set_state: expected a tensor of uint8 from get_state, got {value.dtype}")
        lengths = [*_STATE_WORDS.values(), 1, 1, 1, 1]
        if value.shape != (8 * sum(lengths),):
            raise ValueError(f"set_state: expected {8 * sum(lengths)} bytes from get_state, got shape {value.shape}")
        words = np.ascontiguousarray(value).view("<u8").astype(np.uint64)
        counter, key, buffer, *rest = np.split(words, np.cumsum(lengths)[:-1])
        position, has_half, half, seed = (int(word[0]) for word in rest)
        if seed != self._seed:  # or it stays the generator that it is, as which parts of a batch know it
            self.manual_seed(seed)
        self.numpy.bit_generator.state = {
            "bit_generator": "Philox", "state": {"counter": counter, "key": key}, "buffer": buffer,
            "buffer_pos": position, "has_uint32": has_half, "uinteger": half,
        }  # fmt: skip


# The library's own source, from which everything is drawn that is not given another; seeded anew in every process.
default_generator = Generator().manual_seed(int.from_bytes(os.urandom(8), "little"))


def numpy_generator(generator: Generator | np.random.Generator | None = None) -> np.random.Generator:
    """The NumPy generator behind `generator`; behind the library's own for None.

    Parameters
    ----------
    generator : Generator, numpy.random.Generator or None

    Returns
    -------
    numpy.random.Generator

    Raises
    ------
    TypeError
        If it is neither a `wengert.Generator` nor a `numpy.random.Generator`.

    Examples
    --------
    >>> wg.random.numpy_generator(wg.Generator().manual_seed(0)).random() < 1
    True
    """
    if generator is None:
        generator = default_generator
    if isinstance(generator, Generator):
        found = generator.numpy if generator._numpy is None else generator._numpy
        at_work = recorder()
        if at_work is not None:
            at_work.generators[id(found)] = generator  # which a seed gives another one
        return found
    if isinstance(generator, np.random.Generator):
        return generator
    raise TypeError(
        f"expected a generator that is a wengert.Generator, a numpy.random.Generator or None, "
        f"got {type(generator).__name__}"
    )
