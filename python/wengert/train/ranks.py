"""What lets the ranks of a world train as one: the same start, a part of each batch, one sum of all gradients.

The order of the examples is drawn by every rank alike, from rank 0's generators; what a model draws after that, as
dropout does, comes from a stream of each rank's own. That stream follows from rank 0's state and the rank, so that a
checkpoint need keep rank 0's alone.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

from ..data.distributed import DistributedSampler, require_enough
from ..data.loader import DataLoader, samplers_of
from ..distributed import World
from ..ops import random
from . import checkpoint


class Training(checkpoint.Training, Protocol):
    """What is asked of a trainer here."""

    world: World
    num_val_batches: int | None


def parameters(trainer: Training) -> list[Any]:
    """What is trained: the model's parameters, and others that the optimizer has."""
    own = list(trainer.model.parameters()) if hasattr(trainer.model, "parameters") else []
    found = {id(p): p for p in (*own, *checkpoint.parameters_of(trainer.optim))}
    return [p for p in found.values() if p.requires_grad]


def _tensors(trainer: Training) -> list[Any]:
    """What has to be the same on all ranks: parameters, and the rest of the model's state."""
    state = trainer.model.state_dict() if hasattr(trainer.model, "state_dict") else {}
    return [*state.values(), *(p.detach() for p in parameters(trainer))]


def require_alike(trainer: Training) -> None:
    """Raise on all ranks if they train different things, or if there is too little for all.

    Raises
    ------
    TypeError
        If a loader cannot be shared.
    ValueError
        If ranks differ, or one would have no examples.
    """
    world = trainer.world
    for name in ("train_dataloader", "val_dataloader"):
        loader = getattr(trainer, name)
        if loader is not None and not hasattr(loader, "part"):
            raise TypeError(
                f"Trainer(distributed=...): expected {name} to be a wengert.data.DataLoader, which can be shared among "
                f"ranks, got {type(loader).__name__}"
            )
    own = {
        "model": f"{type(trainer.model).__name__} of {[f'{x.dtype}{list(x.shape)}' for x in _tensors(trainer)]}",
        "optimizer": type(trainer.optim).__name__,
        "batches": [trainer.num_train_batches, trainer.num_val_batches],
        "callbacks": [type(callback).__name__ for callback in trainer.callbacks if callback.everywhere],
    }
    for rank, other in enumerate(everybodys := world.all_gather_object(own)):
        for what, found in other.items():
            if found != everybodys[0][what]:
                raise ValueError(
                    f"Trainer: the ranks do not train the same: rank 0 has the {what} {everybodys[0][what]}, and rank "
                    f"{rank} {found}"
                )
    loader = trainer.train_dataloader
    sampler, _ = samplers_of(loader)
    if isinstance(loader, DataLoader) and loader.batch_size is not None and not isinstance(sampler, DistributedSampler):
        among: Any = loader.dataset if sampler is None else sampler
        count = len(among) if hasattr(among, "__len__") else loader.batch_size
        require_enough("Trainer", min(loader.batch_size, count), world.size)


def start(trainer: Training, resume: str | os.PathLike[str] | None) -> None:
    """Let all ranks begin with the state of a checkpoint that rank 0 reads, or else with the state of rank 0."""
    world = trainer.world
    contents = None
    if world.rank == 0 and resume is not None:
        contents = checkpoint.read(Path(resume))
        checkpoint.restore(contents, resume, trainer)
        contents = checkpoint.for_others(contents, [callback.everywhere for callback in trainer.callbacks])
    contents = world.broadcast_object(contents)
    if world.rank and contents is not None:
        checkpoint.restore(contents, "that rank 0 has read", trainer)
    world.broadcast(_tensors(trainer))
    sources = world.broadcast_object(checkpoint.sources(trainer))
    if world.rank:
        checkpoint.set_sources(trainer, sources)


def share_buffers(trainer: Training) -> None:
    """Give all ranks what rank 0's model has remembered beside its parameters, as running statistics, of its parts."""
    if hasattr(trainer.model, "buffers"):
        trainer.world.broadcast(list(trainer.model.buffers()))


def part(world: World, loader: Any) -> Iterator[Any] | Iterable[Any]:
    """This rank's part of each batch of one iteration."""
    if loader is None:
        return ()
    state = world.broadcast(random.default_generator.get_state())
    random.default_generator.set_state(state)
    batches: Iterator[Any] = loader.part(world.rank, world.size)  # which draws the order
    if world.rank:
        digest = hashlib.sha256(state.numpy().tobytes() + world.rank.to_bytes(8, "big")).digest()
        random.default_generator.manual_seed(int.from_bytes(digest[:8], "big"))
    return batches
