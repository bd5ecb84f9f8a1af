"""What each of several processes takes of the examples, or of the batches, that they train on together."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sized
from typing import Any

import numpy as np

from .sampler import Sampler, T_co


def share(count: int, rank: int, size: int) -> slice:
    """The part of `count` rows that is a rank's: rows in a row, as many as the others have or one more or less."""
    return slice(count * rank // size, count * (rank + 1) // size)


class _Epochs(Sampler[T_co]):
    """A sampler whose order follows from a seed and an epoch, which is told to it: all that a checkpoint keeps."""

    seed: int
    epoch: int

    def _order(self, count: int, shuffle: bool) -> np.ndarray:
        order = np.arange(count)
        if shuffle:
            np.random.default_rng([self.seed, self.epoch]).shuffle(order)
        return order

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next iteration; a `Trainer` does it.

        Parameters
        ----------
        epoch : int
            From 0.
        """
        self.epoch = epoch

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps: not the rank, which each process has of its own.

        Returns
        -------
        dict
        """
        return {"epoch": self.epoch, "seed": self.seed}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` gave.

        Parameters
        ----------
        state : dict

        Raises
        ------
        ValueError
            If it is of another form.
        """
        epoch, seed = state.get("epoch"), state.get("seed")
        if type(epoch) is not int or type(seed) is not int or epoch < 0 or seed < 0:
            raise ValueError(f"{type(self).__name__}: expected a state with epoch and seed, got {state}")
        self.epoch, self.seed = epoch, seed


class DistributedSampler(_Epochs[int]):
    """Of each group of as many examples as there are processes, the one that is this process's: PyTorch's sampler.

    Given as ``sampler=`` to a `DataLoader`, whose batches are then those of this process alone. All processes get the
    same number of examples: the order is filled up from its beginning, or cut, until it can be shared. The order
    depends on `seed` and epoch alone.

    Parameters
    ----------
    dataset : Dataset
        Anything with ``__len__``.
    num_replicas, rank : int
        How many processes there are, and the number of this one: ``world.size`` and ``world.rank`` of
        ``world = wg.distributed.init()``.
    shuffle : bool
        Whether every epoch has an order of its own, once `set_epoch` is called before it.
    seed : int
        The same in all processes.
    drop_last : bool
        Whether to cut the order rather than fill it up.

    Attributes
    ----------
    num_samples : int
        How many examples each process gets.
    total_size : int
        How many all get together.

    Raises
    ------
    RuntimeError
        If `num_replicas` or `rank` is not given: there is no process group of which they could be asked.
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> from wengert.data import DistributedSampler
    >>> [list(DistributedSampler(range(5), num_replicas=2, rank=rank, shuffle=False)) for rank in range(2)]
    [[0, 2, 4], [1, 3, 0]]
    """

    def __init__(
        self, dataset: Sized, num_replicas: int | None = None, rank: int | None = None, shuffle: bool = True,
        seed: int = 0, drop_last: bool = False,
    ) -> None:  # fmt: skip
        if num_replicas is None or rank is None:
            raise RuntimeError(
                "DistributedSampler: there is no process group to ask; give num_replicas=world.size and "
                "rank=world.rank of world = wg.distributed.init()"
            )
        if not 0 <= rank < num_replicas:
            raise ValueError(
                f"DistributedSampler: invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]"
            )
        if seed < 0:
            raise ValueError(f"DistributedSampler: expected a seed >= 0, got {seed}")
        self.dataset = dataset
        self.num_replicas, self.rank = num_replicas, rank
        self.shuffle = shuffle
        self.seed = seed
        self.drop_last = drop_last
        self.epoch = 0
        count = len(dataset)
        self.num_samples = count // num_replicas if drop_last else -(-count // num_replicas)
        self.total_size = self.num_samples * num_replicas

    def __len__(self) -> int:
        return self.num_samples

    def __iter__(self) -> Iterator[int]:
        order = np.resize(self._order(len(self.dataset), self.shuffle), self.total_size)  # which repeats, or cuts
        return iter(order[self.rank :: self.num_replicas].tolist())


class DistributedBatchSampler(_Epochs[np.ndarray]):
    """The batches of all processes in one order, and of each batch the part of one process.

    Given as ``batch_sampler=`` to a `DataLoader`; `DistributedSampler`, PyTorch's, is for ``sampler=``. The order
    depends on `seed` and epoch alone, so that a run does not depend on the number of processes: together their parts
    are the batches that one process would take.

    Parameters
    ----------
    dataset : Dataset
        Anything with ``__len__``.
    batch_size : int
        Examples of a batch, of all processes together.
    rank, size : int
        The process's number, and how many there are: those of `wengert.distributed.init`.
    shuffle : bool
        Whether every epoch has an order of its own.
    seed : int
        The same in all processes.
    drop_last : bool
        Whether to leave out a last batch that is not full.

    Raises
    ------
    ValueError
        If an argument is out of range, or the batches have fewer examples than there are processes: one of them would
        have nothing to do. (Of a last batch with fewer, some get an empty part.)

    Examples
    --------
    >>> from wengert.data import DistributedBatchSampler
    >>> for rank in range(2):
    ...     print([part.tolist() for part in DistributedBatchSampler(range(5), 3, rank=rank, size=2, shuffle=False)])
    [[0], [3]]
    [[1, 2], [4]]
    """

    def __init__(
        self, dataset: Any, batch_size: int, *, rank: int, size: int, shuffle: bool = True, seed: int = 0,
        drop_last: bool = False,
    ) -> None:  # fmt: skip
        if not 0 <= rank < size:
            raise ValueError(f"DistributedBatchSampler: expected 0 <= rank < size, got rank {rank} of {size}")
        if operator.index(batch_size) <= 0:
            raise ValueError(f"DistributedBatchSampler: batch_size must be a positive integer, got {batch_size}")
        if seed < 0:
            raise ValueError(f"DistributedBatchSampler: expected a seed >= 0, got {seed}")
        require_enough(f"DistributedBatchSampler: rank {rank} of {size}", min(batch_size, len(dataset)), size)
        self.dataset = dataset
        self.batch_size = batch_size
        self.rank, self.size = rank, size
        self.shuffle = shuffle
        self.seed = seed
        self.drop_last = drop_last
        self.epoch = 0

    def __len__(self) -> int:
        count = len(self.dataset)
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)

    def __iter__(self) -> Iterator[np.ndarray]:
        order = self._order(len(self.dataset), self.shuffle)
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            batch = order[start : start + self.batch_size]
            yield batch[share(len(batch), self.rank, self.size)]


def require_enough(who: str, count: int, size: int) -> None:
    """Raise if a batch of `count` examples leaves one of `size` processes without any."""
    if count < size:
        raise ValueError(
            f"{who}: batches of {count} example(s) cannot be shared among {size} processes, one of which would have "
            f"nothing to do; start at most {max(1, count)}, or take larger batches"
        )
