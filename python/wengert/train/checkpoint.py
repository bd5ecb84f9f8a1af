"""Checkpoints: everything that a training run needs to go on as if it had never stopped.

A checkpoint is a directory of four files,

    weights.safetensors     the model's state
    optimizer.safetensors   the tensors of the optimizer's state
    state.json              the rest: epoch and step, history, options and numbers of the optimizer, states of the
                            callbacks, of the samplers and of the random generators
    SHA256SUMS              of the other three, as the program sha256sum writes and checks it

made under another name and renamed when it is whole and on the disk, so one that can be found is complete. Nothing in
it is executed when it is read: no pickle. A checkpoint that is damaged, or that belongs to another model, optimizer or
data, is refused before anything is changed.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import random as python_random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from .. import files
from .._terminal import printable
from ..data._files import PARTIAL, new_partial
from ..data.loader import DataLoader, samplers_of
from ..ops import random
from ..tensors.tensor import Tensor
from .history import History

_FORMAT = "wengert checkpoint 1"
_FILES = ("weights.safetensors", "optimizer.safetensors", "state.json")
_SUMS = "SHA256SUMS"


class CheckpointError(ValueError):
    """A checkpoint is damaged, or belongs to something else. The message says which, and why."""


class Training(Protocol):
    """What a checkpoint keeps and gives back; a `Trainer` that fits, or is ready to, has it all."""

    epoch: int
    train_batch_idx: int
    val_batch_idx: int
    num_train_batches: int | None
    should_stop: bool
    history: History
    callbacks: list[Any]
    model: Any
    optim: Any
    train_dataloader: Any
    val_dataloader: Any


def save(directory: str | os.PathLike[str], trainer: Training, *, keep: int = 2) -> Path:
    """Save the state of a trainer between two epochs.

    Parameters
    ----------
    directory : path
        Gets a subdirectory ``epoch-0003`` after the third epoch; it is made if need be.
    trainer : Trainer
    keep : int
        How many checkpoints stay, this one and the newest before it. Those of higher epochs, of a training that went
        further, stay whatever `keep` says, and so does whatever else is in the directory.

    Returns
    -------
    Path
        The checkpoint.

    Raises
    ------
    CheckpointError
        If the optimizer changes parameters that the model's state does not have, or the state of a callback or a
        sampler is not of JSON's types.
    ValueError
        If `keep` is less than 1.
    OSError
        If it cannot be written, or its name is taken by what is no checkpoint. Earlier checkpoints are untouched then,
        and nothing of this one is left.

    Examples
    --------
    >>> import tempfile
    >>> data = wg.d2l.SyntheticRegressionData(w=wg.tensor([2., -3.4]), b=4.2)
    >>> trainer = wg.train.Trainer(max_epochs=1, progress=False)
    >>> history = trainer.fit(wg.d2l.LinearRegression(lr=0.03), data)
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = wg.train.checkpoint.save(directory, trainer)
    ...     sorted(file.name for file in path.iterdir())
    ['SHA256SUMS', 'optimizer.safetensors', 'state.json', 'weights.safetensors']
    """
    if keep < 1:
        raise ValueError(f"checkpoint.save: expected keep >= 1, got {keep}")
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    contents = _contents(trainer)
    path = directory / f"epoch-{trainer.epoch:04d}"
    if os.path.lexists(path) and not _is_ours(path):
        raise FileExistsError(errno.EEXIST, "the name is taken by what is no checkpoint", str(path))
    _write_directory(path, contents)
    older = [other for other in find(directory) if _epoch(other) <= trainer.epoch]
    for old in filter(_is_ours, older[:-keep]):
        with contextlib.suppress(OSError):  # an old one more does no harm
            _discard(old)
    for left in directory.glob(".epoch-*.part"):  # by a process that was killed
        if PARTIAL.fullmatch(left.name):
            shutil.rmtree(left, ignore_errors=True)
    return path


def _write_directory(path: Path, contents: dict[str, bytes]) -> None:
    """Make a directory of these files, whole and on the disk, in place of the checkpoint that may be there."""
    partial = new_partial(path)
    try:
        partial.mkdir()
        for name, data in contents.items():
            _write(partial / name, data)
        _sync(partial)
        if path.exists():
            _discard(path)
        os.rename(partial, path)
        _sync(path.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _is_ours(path: Path) -> bool:
    """Whether a directory holds a checkpoint, or a part of one, and nothing that anybody else has put there."""
    return path.is_dir() and not path.is_symlink() and {*os.listdir(path)} <= {*_FILES, _SUMS}


def _discard(path: Path) -> None:
    """Remove a checkpoint; its name goes first, so that nobody ever finds half of one."""
    left = new_partial(path)
    os.rename(path, left)
    shutil.rmtree(left, ignore_errors=True)


def find(directory: str | os.PathLike[str]) -> list[Path]:
    """The checkpoints in a directory, oldest first.

    Parameters
    ----------
    directory : path
        The one that was given to `save`; it need not exist.

    Returns
    -------
    list of Path

    Examples
    --------
    >>> wg.train.checkpoint.find("no/such/directory")
    []
    """
    found = [path for path in Path(directory).glob("epoch-*") if re.fullmatch(r"epoch-\d+", path.name)]
    return sorted(found, key=_epoch)


def _epoch(path: Path) -> int:
    return int(path.name[6:])


def load(path: str | os.PathLike[str], trainer: Training) -> None:
    """Give a trainer that is ready to fit the state of a checkpoint. `Trainer.fit(..., resume=path)` calls this.

    Parameters
    ----------
    path : path
        The directory ``epoch-...``.
    trainer : Trainer

    Raises
    ------
    CheckpointError
        If the checkpoint is damaged, or does not fit the trainer's model, optimizer, callbacks or data.
    """
    restore(read(Path(path)), path, trainer)


def restore(contents: dict[str, bytes], path: str | os.PathLike[str], trainer: Training) -> None:
    """Give a trainer the state that the files of a checkpoint hold; `path` is what errors call it.

    Raises
    ------
    CheckpointError
        If they are damaged, or do not fit.
    """
    state = _parse_state(contents["state.json"], path)
    weights = parse_tensors(contents["weights.safetensors"], Path(path) / "weights.safetensors")
    tensors = parse_tensors(contents["optimizer.safetensors"], Path(path) / "optimizer.safetensors")
    _check_fit(path, state, weights, trainer)
    try:  # the model comes last: its tensors have been checked, and a refusal must not leave it changed
        _load_optimizer(trainer.optim, state["optimizer"], tensors)
        for callback, (_, saved) in zip(trainer.callbacks, state["callbacks"], strict=True):
            callback.load_state_dict(saved)
        set_sources(trainer, state)
        trainer.model.load_state_dict(weights)
    except (RuntimeError, ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        raise CheckpointError(f"the checkpoint {path} does not fit: {error}") from error
    trainer.epoch = state["epoch"]
    trainer.train_batch_idx, trainer.val_batch_idx = state["batches"]
    trainer.should_stop = state["should_stop"]
    trainer.history = History(state["history"])


def parse_tensors(data: bytes, name: object) -> dict[str, np.ndarray]:
    """The arrays in the bytes of a safetensors file.

    Raises
    ------
    CheckpointError
        If they are not well formed. The message has `name`.
    """
    try:
        return files.parse_tensors(data, name)
    except (ValueError, TypeError) as error:
        raise CheckpointError(str(error)) from error


# ---------------------------------------------------------------- writing


def _contents(trainer: Training) -> dict[str, bytes]:
    """The files of a checkpoint."""
    weights = trainer.model.state_dict()
    registered = {id(p) for p in trainer.model.parameters()}
    if any(id(p) not in registered for p in parameters_of(trainer.optim)):
        raise CheckpointError(
            f"{type(trainer.model).__name__} trains tensors that its state does not have; make them nn.Parameter"
        )
    optimizer, tensors = _split_optimizer(trainer.optim)
    state = {
        "format": _FORMAT,
        "epoch": trainer.epoch,
        "batches": [trainer.train_batch_idx, trainer.val_batch_idx],
        "batches_per_epoch": trainer.num_train_batches,
        "should_stop": trainer.should_stop,
        "history": trainer.history.rows,
        "optimizer": optimizer,
        "callbacks": [[type(callback).__name__, callback.state_dict()] for callback in trainer.callbacks],
        **sources(trainer),
    }
    try:
        text = json.dumps(state, indent=1) + "\n"
    except TypeError as error:
        raise CheckpointError(f"the state of a callback or a sampler is not of JSON's types: {error}") from error
    made = (files.format_tensors(weights), files.format_tensors(tensors), text.encode())
    contents = dict(zip(_FILES, made, strict=True))
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in contents.items())
    return {**contents, _SUMS: sums.encode()}


def sources(trainer: Training) -> dict[str, Any]:
    """Where samplers and random generators stand."""
    return {
        "samplers": {name: _sampler_state(sampler) for name, sampler in _samplers(trainer)},
        "generators": {name: _generator_state(generator) for name, generator in _generators(trainer)},
    }


def set_sources(trainer: Training, state: dict[str, Any]) -> None:
    """Let samplers and random generators go on from where `sources` found them."""
    for name, sampler in _samplers(trainer):
        _set_sampler(sampler, state["samplers"][name], name)
    for name, generator in _generators(trainer):
        _set_generator(generator, state["generators"][name])


def for_others(contents: dict[str, bytes], everywhere: list[bool]) -> dict[str, bytes]:
    """A checkpoint's files as ranks take them that have only some of its callbacks."""
    state = json.loads(contents["state.json"])
    state["callbacks"] = [saved for saved, chosen in zip(state["callbacks"], everywhere, strict=True) if chosen]
    return {**contents, "state.json": json.dumps(state).encode()}


def _write(path: Path, data: bytes) -> None:
    with open(path, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(directory: Path) -> None:
    """See that the names in a directory are on the disk, where the system can do that."""
    with contextlib.suppress(PermissionError):  # Windows does not open directories
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


# ---------------------------------------------------------------- reading


def read(path: Path) -> dict[str, bytes]:
    """The files of a checkpoint, their checksums verified. Only these names are opened, whatever the list says."""
    if not (path / _SUMS).is_file():
        raise CheckpointError(f"{path} is not a checkpoint: it has no {_SUMS}")
    try:
        lines = (path / _SUMS).read_text("ascii").splitlines()
        sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
    except ValueError as error:
        raise CheckpointError(f"{path / _SUMS} is damaged: {error}") from error
    if set(sums) != set(_FILES):
        raise CheckpointError(f"{path / _SUMS} is damaged: it lists {sorted(sums)}, and not {sorted(_FILES)}")
    contents = {}
    for name in _FILES:
        if not (path / name).is_file():  # nor a device or a pipe, which may have no end
            raise CheckpointError(f"the checkpoint {path} is damaged: it has no {name}")
        contents[name] = (path / name).read_bytes()
        if sums[name] != hashlib.sha256(contents[name]).hexdigest():
            raise CheckpointError(f"the checkpoint {path} is damaged: {name} is not what {_SUMS} says")
    return contents


# What state.json holds, as an example of its form.
_FORM: dict[str, Any] = {
    "format": "",
    "epoch": 0,
    "batches": [0, 0],
    "batches_per_epoch": None,
    "should_stop": False,
    "history": [],
    "optimizer": {},
    "callbacks": [],
    "samplers": {},
    "generators": {},
}


def _parse_state(data: bytes, path: object) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads(data)
        found = state["format"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{path}/state.json is not the state of a checkpoint") from error
    if found != _FORMAT:
        raise CheckpointError(f"{path} has the format {found!r}; this version reads {_FORMAT!r}")
    try:
        require_form(state, _FORM, "the state")
        for count in (state["epoch"], *state["batches"]):
            if not isinstance(count, int) or count < 0:
                raise ValueError(f"{count!r} is no count of epochs or batches")
        for row in state["history"]:
            require_form(row, dict.fromkeys(row, 0.0), "a row of the history")
        for callback in state["callbacks"]:
            require_form(callback, ["", {}], "a callback")
        require_form(state["optimizer"].get("class"), "", "the optimizer's class")
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"{path}/state.json is not the state of a checkpoint: {error}") from error
    return state


def require_form(saved: Any, own: Any, name: str) -> None:
    """Refuse a state from a file that does not have the form of a trainer's own.

    The same keys (any, where the own are none), numbers for numbers, words for words, and either of them for None.

    Raises
    ------
    ValueError
        That names the place.
    """
    if isinstance(own, dict):
        if not isinstance(saved, dict) or (own and saved.keys() != own.keys()):
            raise ValueError(f"{name}: expected {_told(own)}, found {_told(saved)}")
        for key in own:
            require_form(saved[key], own[key], f"{name}: {key}")
    elif isinstance(own, (list, tuple)):
        if not isinstance(saved, list) or (own and len(saved) != len(own)):
            raise ValueError(f"{name}: expected {len(own) or 'any number of'} items, found {_told(saved)}")
        for k, item in enumerate(own):
            require_form(saved[k], item, f"{name}, item {k}")
    elif isinstance(saved, (dict, list)) or (own is not None and _kind(saved) != _kind(own)):
        raise ValueError(f"{name}: expected a {_kind(own)}, found {_told(saved)}")


def _kind(x: Any) -> str:
    return {bool: "bool", int: "number", float: "number"}.get(type(x), type(x).__name__)


def _told(x: Any) -> str:
    """A value in few words."""
    text = f"the keys {sorted(map(str, x))}" if isinstance(x, dict) else repr(x)
    return text if len(text) <= 200 else f"{text[:200]}..."


def _check_fit(path: object, state: dict[str, Any], weights: dict[str, np.ndarray], trainer: Training) -> None:
    """Refuse a checkpoint that was not made by a trainer like this one."""

    def same(what: str, saved: Any, own: Any) -> None:
        if saved != own:
            told = printable(str(saved))
            raise CheckpointError(f"the checkpoint {path} does not fit: {what} were {told} in it and are {own} here")

    own = trainer.model.state_dict()
    same("the model's tensors", _signature(weights), _signature(own))
    same("optimizers", state["optimizer"]["class"], type(trainer.optim).__name__)
    same("callbacks", [name for name, _ in state["callbacks"]], [type(c).__name__ for c in trainer.callbacks])
    same("batches per epoch", state["batches_per_epoch"], trainer.num_train_batches)
    same("samplers", sorted(state["samplers"]), sorted(name for name, _ in _samplers(trainer)))
    same("random generators", sorted(state["generators"]), sorted(name for name, _ in _generators(trainer)))


def _signature(tensors: dict[str, Any]) -> list[str]:
    return sorted(f"{name} {x.dtype}{tuple(x.shape)}" for name, x in tensors.items())


# ---------------------------------------------------------------- optimizers


def parameters_of(optimizer: Any) -> Iterator[Any]:
    """What an optimizer changes; one of the user's own has a list `params`."""
    if hasattr(optimizer, "param_groups"):
        for group in optimizer.param_groups:
            yield from group["params"]
    else:
        yield from optimizer.params


def _split_optimizer(optimizer: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """An optimizer's state as JSON's types, and its tensors under names of their own."""
    state: dict[str, Any] = {"class": type(optimizer).__name__}
    tensors: dict[str, Any] = {}
    if hasattr(optimizer, "state_dict"):
        saved = optimizer.state_dict()
        state["param_groups"] = saved["param_groups"]
        state["state"] = {}
        for number, entries in saved["state"].items():
            rest = state["state"][str(number)] = {}
            for name, value in entries.items():
                if isinstance(value, Tensor):
                    tensors[f"{number}.{name}"] = value
                else:
                    rest[name] = value
    return state, tensors


def _load_optimizer(optimizer: Any, saved: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
    if not hasattr(optimizer, "load_state_dict"):
        return
    own = [{**group, "params": [0] * len(group["params"])} for group in optimizer.param_groups]
    if len(saved["param_groups"]) == len(own):  # where it is not, load_state_dict says so
        require_form(saved["param_groups"], own, "param_groups")
    state: dict[int, dict[str, Any]] = {int(number): dict(rest) for number, rest in saved["state"].items()}
    for key, array in tensors.items():
        number, _, name = key.partition(".")
        state[int(number)][name] = array
    optimizer.load_state_dict({"state": state, "param_groups": saved["param_groups"]})


# ---------------------------------------------------------------- samplers

_LOADERS = ("train_dataloader", "val_dataloader")
_PLAIN = (bool, int, float, str, type(None))


def parts_of(loader: Any) -> dict[str, Any]:
    """A loader and its samplers: what may count epochs. By the names of the attributes that lead there."""
    sampler, batch_sampler = samplers_of(loader)
    found = {
        "": loader,
        ".sampler": sampler,
        ".batch_sampler": batch_sampler,
        ".batch_sampler.sampler": getattr(batch_sampler, "sampler", None),
    }
    return {name: part for name, part in found.items() if part is not None}


def _samplers(trainer: Training) -> Iterator[tuple[str, Any]]:
    """The samplers of the loaders, and loaders of the user's own; a `DataLoader` itself keeps nothing."""
    for loader in _LOADERS:
        for name, part in parts_of(getattr(trainer, loader)).items():
            if type(part) is not DataLoader:
                yield loader + name, part


def _has_state(part: Any) -> bool:
    return hasattr(part, "state_dict") and hasattr(part, "load_state_dict")


def _sampler_state(part: Any) -> Any:
    """The state that a sampler tells; else those of its attributes that are numbers or words, as a counter is."""
    if _has_state(part):
        return part.state_dict()
    return {name: value for name, value in getattr(part, "__dict__", {}).items() if type(value) in _PLAIN}


def _set_sampler(part: Any, state: Any, name: str) -> None:
    if _has_state(part):
        part.load_state_dict(state)
        return
    own = _sampler_state(part)
    if not isinstance(state, dict) or state.keys() != own.keys() or {*map(type, state.values())} - {*_PLAIN}:
        raise ValueError(f"{name}: expected {_told(own)}, found {_told(state)}")
    for attribute, value in state.items():
        setattr(part, attribute, value)


# ---------------------------------------------------------------- random generators


def _generators(trainer: Training) -> Iterator[tuple[str, Any]]:
    """The sources of random numbers that training draws from: the library's own, those of loaders and samplers."""
    yield "default", random.default_generator
    for loader in _LOADERS:
        for part_name, part in parts_of(getattr(trainer, loader)).items():
            for name, value in getattr(part, "__dict__", {}).items():
                if isinstance(value, (random.Generator, np.random.Generator, python_random.Random)):
                    yield f"{loader}{part_name}.{name}", value


def _generator_state(generator: Any) -> Any:
    if isinstance(generator, np.random.Generator):
        return _listed(generator.bit_generator.state)
    if isinstance(generator, python_random.Random):
        return generator.getstate()
    return generator.get_state().numpy().tobytes().hex()


def _listed(state: Any) -> Any:
    """NumPy's state of a generator with lists for its arrays; NumPy takes it back like that."""
    if isinstance(state, dict):
        return {name: _listed(value) for name, value in state.items()}
    return state.tolist() if isinstance(state, (np.ndarray, np.generic)) else state


def _set_generator(generator: Any, state: Any) -> None:
    if isinstance(generator, np.random.Generator):
        _check_positions(state)
        generator.bit_generator.state = state
    elif isinstance(generator, python_random.Random):
        version, numbers, following = state
        generator.setstate((version, tuple(numbers), following))
    else:
        generator.set_state(np.frombuffer(bytes.fromhex(state), np.uint8))


def _check_positions(state: dict[str, Any]) -> None:
    """NumPy takes any position in a generator's buffer, and then reads what is there."""
    for name, value in state.items():
        limit = {"pos": 624, "buffer_pos": 4}.get(name)  # of MT19937 and of Philox
        if isinstance(value, dict):
            _check_positions(value)
        elif limit is not None and not 0 <= value <= limit:
            raise ValueError(f"a random generator stands at {value} of its {limit} numbers")
