"""What each of several processes takes of the batches that they train on together."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

import numpy as np


def share(count: int, rank: int, size: int) -> slice:
    """The part of `count` rows that is a rank's: rows in a row, as many as the others have or one more or less."""
    return slice(count * rank // size, count * (rank + 1) // size)


class DistributedSampler:
    """The batches of all processes in one order, and of each batch the part of one process.

    Given as ``batch_sampler=`` to a `DataLoader`. The order depends on `seed` and epoch alone, so that a run does not
    depend on the number of processes: together their parts are the batches that one process would take.

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
    >>> from wengert.data import DistributedSampler
    >>> for rank in range(2):
    ...     print([part.tolist() for part in DistributedSampler(range(5), 3, rank=rank, size=2, shuffle=False)])
    [[0], [3]]
    [[1, 2], [4]]
    """

    def __init__(
        self, dataset: Any, batch_size: int, *, rank: int, size: int, shuffle: bool = True, seed: int = 0,
        drop_last: bool = False,
    ) -> None:  # fmt: skip
        if not 0 <= rank < size:
            raise ValueError(f"DistributedSampler: expected 0 <= rank < size, got rank {rank} of {size}")
        if operator.index(batch_size) <= 0:
            raise ValueError(f"DistributedSampler: batch_size must be a positive integer, got {batch_size}")
        if seed < 0:
            raise ValueError(f"DistributedSampler: expected a seed >= 0, got {seed}")
        require_enough(f"DistributedSampler: rank {rank} of {size}", min(batch_size, len(dataset)), size)
        self.dataset = dataset
        self.batch_size = batch_size
        self.rank, self.size = rank, size
        self.shuffle = shuffle
        self.seed = seed
        self.drop_last = drop_last
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next iteration; a `Trainer` does it.

        Parameters
        ----------
        epoch : int
            From 0.
        """
        self.epoch = epoch

    def __len__(self) -> int:
        count = len(self.dataset)
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)

    def __iter__(self) -> Iterator[np.ndarray]:
        count = len(self.dataset)
        order = np.arange(count)
        if self.shuffle:
            np.random.default_rng([self.seed, self.epoch]).shuffle(order)
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            batch = order[start : start + self.batch_size]
            yield batch[share(len(batch), self.rank, self.size)]

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
            raise ValueError(f"DistributedSampler: expected a state with epoch and seed, got {state}")
        self.epoch, self.seed = epoch, seed


def require_enough(who: str, count: int, size: int) -> None:
    """Raise if a batch of `count` examples leaves one of `size` processes without any."""
    if count < size:
        raise ValueError(
            f"{who}: batches of {count} example(s) cannot be shared among {size} processes, one of which would have "
            f"nothing to do; start at most {max(1, count)}, or take larger batches"
        )
