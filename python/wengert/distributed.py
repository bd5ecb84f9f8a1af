"""One training on several processes: a thin layer over MPI, by mpi4py.

`init` gives a world, which knows this process's rank and how many there are, and lets all of them add, copy and collect
tensors. `wengert.train.Trainer(distributed=world)` does the rest. MPI is touched by `init` alone; without it, or
without `mpirun`, the world has one rank and its methods change nothing.

Nobody waits for ever. A rank that fails tells the others so, the lowest of those that fail says why, and all end. A
rank that leaves while others wait for it is found out by a thread of theirs that looks once in half a second. One that
is killed is the launcher's to notice.

Examples
--------
>>> from wengert import distributed
>>> world = distributed.init()
>>> world.rank, world.size
(0, 1)
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from . import machine
from .core.doors import change, constant, enter, leave
from .core.trees import flatten
from .core.variable import Variable
from .data.distributed import DistributedBatchSampler as DistributedBatchSampler
from .data.distributed import DistributedSampler as DistributedSampler

__all__ = [
    "DistributedBatchSampler", "DistributedSampler", "World", "average_gradients", "init", "is_available",
    "is_initialized", "launched",
]  # fmt: skip

# The variables by which launchers tell a process its rank, and how many processes there are.
_LAUNCHERS = (
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),  # Open MPI
    ("PMI_RANK", "PMI_SIZE"),  # MPICH, Intel MPI, Slurm's pmi2
    ("MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE"),  # MVAPICH
    ("PMIX_RANK", "SLURM_STEP_NUM_TASKS"),  # Slurm's pmix
)
_GRACE = 2.0  # seconds in which ranks that fail of one cause do so
_LONG = 10.0  # seconds after which a rank that has said that it fails, and has not ended all, is not waited for
_OPERATIONS = {"sum": "SUM", "mean": "SUM", "min": "MIN", "max": "MAX"}


def is_available() -> bool:
    """Whether there are PyTorch's process groups: no. `init` gives what is here in their place.

    Returns
    -------
    bool

    Examples
    --------
    >>> from wengert import distributed
    >>> distributed.is_available() and distributed.is_initialized()
    False
    """
    return False


def is_initialized() -> bool:
    """Whether one of PyTorch's process groups was made: no.

    Returns
    -------
    bool

    Examples
    --------
    >>> from wengert import distributed
    >>> distributed.is_initialized()
    False
    """
    return False


def launched() -> tuple[int, int]:
    """The rank of this process and the number of processes, as the launcher's variables tell them.

    MPI is not touched for it.

    Returns
    -------
    tuple of int
        (0, 1) where no launcher has started the process.

    Examples
    --------
    >>> from wengert import distributed
    >>> distributed.launched()
    (0, 1)
    """
    for names in _LAUNCHERS:
        rank, size = (os.environ.get(name, "") for name in names)
        if rank.isdecimal() and size.isdecimal():
            return int(rank), int(size)
    return 0, 1


# ---------------------------------------------------------------- faults


class _Peers:
    """What ranks tell each other beside their common work: that one fails, or has left; and how all end then."""

    def __init__(self, mpi: Any, comm: Any) -> None:
        self.mpi, self.comm = mpi, comm.Dup()
        self.rank, self.size = self.comm.rank, self.comm.size
        self.broken: str | None = None  # why this rank is out of step with the others
        self.waiting: tuple[str, float] | None = None  # what the main thread waits in, and since when
        self._failures = [0] * self.size  # how often each has said that it fails
        self._reasons: dict[int, str] = {}
        self._left: set[int] = set()
        self._sent: list[Any] = []
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._hook = sys.excepthook
        sys.excepthook = self._on_exception
        atexit.register(self._on_exit)
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look, name="wengert.distributed", daemon=True)
        if mpi.Query_thread() == mpi.THREAD_MULTIPLE:
            self._watch.start()

    def _tell(self, left: bool, text: str) -> None:
        others = (rank for rank in range(self.size) if rank != self.rank)
        self._sent += [self.comm.isend((left, text), rank) for rank in others]

    def _listen(self) -> None:
        """Take in what others have told."""
        with self._lock:
            status = self.mpi.Status()
            while (message := self.comm.improbe(status=status)) is not None:
                source = status.source
                left, text = message.recv()
                if left:
                    self._left.add(source)
                else:
                    self._failures[source] += 1
                    self._reasons[source] = text

    def settle(self, reason: str) -> bool:
        """Tell the others that this rank fails. Whether they all do, so that they are still in step."""
        self._failures[self.rank] += 1
        self._reasons[self.rank] = reason
        self._tell(False, reason)
        deadline = time.monotonic() + _GRACE
        while min(self._failures) < self._failures[self.rank]:
            if time.monotonic() > deadline:
                self.broken = reason
                return False
            time.sleep(0.005)
            self._listen()
        return True

    def fail(self, say: Callable[[], None], reason: str, code: int) -> int:
        """End all ranks; the lowest of those that fail says why.

        It comes back, with the exit status, if all ranks fail: then each can end by itself.
        """
        together = self.broken is None and self.settle(reason)
        failing = [rank for rank, count in enumerate(self._failures) if count >= self._failures[self.rank]]
        if self.rank == failing[0]:
            say()
            sys.stdout.flush()
            sys.stderr.flush()
        elif not together:
            time.sleep(_LONG)  # until the one who speaks ends this process too
        if not together:
            time.sleep(0.1)  # for the launcher to pass on what was said
            self.mpi.COMM_WORLD.Abort(code or 1)
            os._exit(code or 1)  # where it comes back, as MPICH's does at times
        return code

    def _on_exception(self, kind: type[BaseException], error: BaseException, trace: Any) -> None:
        if os.getpid() == self._process:
            code = 130 if issubclass(kind, KeyboardInterrupt) else 1
            self.fail(lambda: self._hook(kind, error, trace), told(error), code)
        else:  # in a child that was forked
            self._hook(kind, error, trace)

    def _on_exit(self) -> None:
        """Wait until all ranks have ended. One that others wait for in vain is found out by `_look`."""
        if os.getpid() != self._process or self.mpi.Is_finalized():
            return
        if self.broken is not None:
            self.fail(lambda: _complain(f"rank {self.rank} has ended: {self.broken}"), self.broken, 1)
        with contextlib.suppress(ValueError):  # not the main thread
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # those that still work decide
        goodbye, start, said = self.comm.Ibarrier(), time.monotonic(), False
        while not goodbye.Test():
            if not said and time.monotonic() - start > 0.5:
                self._tell(True, "")
                said = True
            time.sleep(0.005)
            self._listen()
        self._over.set()
        if self._watch.is_alive():
            self._watch.join()
        self._listen()

    def _look(self) -> None:
        """See whether somebody for whom the main thread waits will never come."""
        while not self._over.wait(0.5):
            waiting = self.waiting
            if waiting is None or time.monotonic() - waiting[1] < 1:
                continue
            self._listen()
            late = time.monotonic() - waiting[1] > _LONG
            failed = {rank for rank, count in enumerate(self._failures) if count > self._failures[self.rank]}
            gone = self._left | (failed if late else set())
            if gone and self.waiting is waiting:
                rank = min(gone)
                why = f" ({self._reasons[rank]})" if rank in failed else ""
                text = f"rank {rank} has ended{why} while rank {self.rank} waits for it in {waiting[0]}"
                self.fail(lambda text=text: _complain(text), text, 1)  # type: ignore[misc]


def told(error: BaseException) -> str:
    """An exception in a line."""
    if isinstance(error, SystemExit):
        return f"sys.exit({'' if error.code is None else error.code})"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _complain(text: str) -> None:
    print(f"wengert.distributed: {text}", file=sys.stderr)


# ---------------------------------------------------------------- the world


class World:
    """The processes that work together, as one of them sees them; made by `init`.

    Every method must be called by all ranks, in the same order.

    Parameters
    ----------
    mpi : module, optional
        mpi4py.MPI. Without it there is one rank.

    Attributes
    ----------
    rank : int
        Of this process, from 0.
    size : int
        How many there are.
    local_rank, local_size : int
        The same among those on this node.

    Examples
    --------
    >>> world = wg.distributed.init()
    >>> x = wg.tensor([1., 2.])
    >>> world.all_reduce(x) is x  # with n ranks each item would now be the sum of n
    True
    """

    rank = local_rank = 0
    size = local_size = 1

    def __init__(self, mpi: Any = None) -> None:
        self._mpi = mpi
        self._comm: Any = None
        self._peers: _Peers | None = None
        self._rooms: dict[np.dtype, np.ndarray] = {}
        if mpi is not None and mpi.COMM_WORLD.size > 1:
            self._comm = mpi.COMM_WORLD.Dup()
            self.rank, self.size = self._comm.rank, self._comm.size
            self._peers = _Peers(mpi, mpi.COMM_WORLD)
            with self._waiting("init"):
                self._share_processors()

    def __repr__(self) -> str:
        return f"<wengert.distributed.World: rank {self.rank} of {self.size}>"

    def _share_processors(self) -> None:
        """Compute with this rank's share of the node's processors, unless WENGERT_NUM_THREADS says with how many."""
        node = self._comm.Split_type(self._mpi.COMM_TYPE_SHARED)
        self.local_rank, self.local_size = node.rank, node.size
        own = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else {*range(os.cpu_count() or 1)}
        threads = machine.get_num_threads()
        processors = len(set().union(*node.allgather(own))) if threads == len(own) else threads  # a quota holds for all
        node.Free()
        if not os.environ.get("WENGERT_NUM_THREADS"):
            machine.set_num_threads(max(1, min(threads, processors // self.local_size)))

    @contextlib.contextmanager
    def _waiting(self, name: str) -> Iterator[None]:
        """Let it be known what this rank waits in for the others; refuse if it is no longer in step with them."""
        peers = self._peers
        assert peers is not None
        if peers.broken is not None:
            raise RuntimeError(f"{name}: this rank is out of step with the others since it failed ({peers.broken})")
        peers.waiting = name, time.monotonic()
        try:
            yield
        finally:
            peers.waiting = None

    # ------------------------------------------------------------ words and flags

    def all_gather_object(self, data: Any) -> list[Any]:
        """What each rank says, in the order of the ranks: text, numbers, and lists and dicts of them.

        Parameters
        ----------
        data : object
            Anything that can be pickled.

        Returns
        -------
        list

        Examples
        --------
        >>> wg.distributed.init().all_gather_object("here")
        ['here']
        """
        if self.size == 1:
            return [data]
        with self._waiting("all_gather_object"):
            found: list[Any] = self._comm.allgather(data)
        return found

    def broadcast_object(self, data: Any = None) -> Any:
        """What rank 0 says, on all ranks: text, bytes, numbers, and lists and dicts of them.

        Parameters
        ----------
        data : object
            Anything that can be pickled; what other ranks give is not looked at.

        Returns
        -------
        object

        Examples
        --------
        >>> wg.distributed.init().broadcast_object({"lr": 0.1})
        {'lr': 0.1}
        """
        if self.size == 1:
            return data
        with self._waiting("broadcast_object"):
            return self._comm.bcast(data)

    def any(self, flag: bool) -> bool:
        """Whether the flag is set on any rank.

        Parameters
        ----------
        flag : bool

        Returns
        -------
        bool

        Examples
        --------
        >>> wg.distributed.init().any(False)
        False
        """
        if self.size == 1:
            return flag
        with self._waiting("any"):
            return bool(self._comm.allreduce(int(flag)))

    def barrier(self) -> None:
        """Wait until all ranks have come here.

        Examples
        --------
        >>> wg.distributed.init().barrier()
        """
        if self.size > 1:
            with self._waiting("barrier"):
                self._comm.Barrier()

    # ------------------------------------------------------------ tensors

    def all_reduce(self, tree: Any, op: str = "sum") -> Any:
        """Let every rank have the sum of all ranks' tensors, item by item, in the memory of its own.

        Parameters
        ----------
        tree : tensor, or lists, tuples and dicts of tensors
            Alike on all ranks.
        op : {"sum", "mean", "min", "max"}

        Returns
        -------
        object
            What it was given.

        Raises
        ------
        TypeError
            If a leaf is not a tensor, or has no sum or mean that its dtype can hold.
        ValueError
            If `op` is unknown, or the ranks' tensors differ in number, shape or dtype. Nothing is changed then.

        Examples
        --------
        >>> wg.distributed.init().all_reduce({"loss": wg.tensor(0.5)}, "mean")
        {'loss': tensor(0.5000)}
        """
        if op not in _OPERATIONS:
            raise ValueError(f"all_reduce: expected op to be one of {', '.join(_OPERATIONS)}, got {op!r}")
        tensors = _tensors("all_reduce", tree)
        for x in tensors:
            kind = x.dtype.kind
            if (kind == "b" and op in ("sum", "mean")) or (kind != "f" and op == "mean"):
                raise TypeError(f"all_reduce: tensors of {x.dtype} have no {op} in their dtype; cast them first")
        if self.size > 1:
            self._require_alike(f"all_reduce {op}", tensors)
            with self._waiting("all_reduce"):
                change("all_reduce", tuple(tensors), self._reduce, op=op)
        return tree

    def broadcast(self, tree: Any, root: int = 0) -> Any:
        """Copy a rank's tensors into the memory of all others'.

        Parameters
        ----------
        tree : tensor, or lists, tuples and dicts of tensors
            Alike on all ranks.
        root : int
            The rank whose items are copied.

        Returns
        -------
        object
            What it was given.

        Raises
        ------
        TypeError
            If a leaf is not a tensor.
        ValueError
            If there is no such rank, or the ranks' tensors differ in number, shape or dtype. Nothing is changed then.

        Examples
        --------
        >>> wg.distributed.init().broadcast([wg.ones(2)])
        [tensor([1., 1.])]
        """
        if not 0 <= root < self.size:
            raise ValueError(f"broadcast: expected a root in [0, {self.size}), got {root}")
        tensors = _tensors("broadcast", tree)
        if self.size > 1:
            self._require_alike(f"broadcast from {root}", tensors)
            with self._waiting("broadcast"):
                change("broadcast", tuple(tensors), self._spread, root=root)
        return tree

    def all_gather(self, tree: Any) -> list[Any]:
        """The tensors of every rank, in the order of the ranks.

        Parameters
        ----------
        tree : tensor, or lists, tuples and dicts of tensors
            Alike on all ranks.

        Returns
        -------
        list
            As many trees as there are ranks, of tensors with memory of their own.

        Raises
        ------
        TypeError
            If a leaf is not a tensor.
        ValueError
            If the ranks' tensors differ in number, shape or dtype.

        Examples
        --------
        >>> wg.distributed.init().all_gather(wg.tensor([1, 2]))
        [tensor([1, 2])]
        """
        tensors = _tensors("all_gather", tree)
        arrays = [np.ascontiguousarray(leave(x, "array")) for x in tensors]
        everybodys = [np.empty((self.size, *x.shape), x.dtype) for x in tensors]
        if self.size > 1:
            self._require_alike("all_gather", tensors)
        for array, room in zip(arrays, everybodys, strict=True):
            if self.size > 1:
                with self._waiting("all_gather"):
                    self._comm.Allgather(_bytes(array), _bytes(room))
            else:
                room[0] = array
        rebuild = flatten(tree)[1]
        return [rebuild([enter(room[rank].copy()) for room in everybodys]) for rank in range(self.size)]

    def average_gradients(
        self, parameters: Iterable[Any], weight: float = 1.0, values: Sequence[float] = ()
    ) -> tuple[float, list[float]]:
        """Let every rank have the mean of all ranks' gradients, by one reduction for all of them.

        Parameters
        ----------
        parameters : iterable of tensor
            Alike on all ranks; those that require no gradient are left out. Where a rank has no gradient for one, it
            counts as zero, and where no rank has, it stays None.
        weight : float
            This rank's weight in the mean: of gradients of mean losses, the number of its examples. With weight 0
            neither its gradients nor its values are looked at.
        values : sequence of float
            Numbers that are averaged alike, such as the loss; as many on all ranks.

        Returns
        -------
        total : float
            The sum of the weights.
        means : list of float
            Of the values.

        Raises
        ------
        ValueError
            If the weight is negative or not finite, or if all weights are zero.

        Notes
        -----
        All gradients of a dtype travel in one buffer, and weight and values at its end, in that dtype.

        Examples
        --------
        >>> w = wg.ones(2, requires_grad=True)
        >>> loss = (w * wg.tensor([1., 2.])).sum()
        >>> loss.backward()
        >>> wg.distributed.init().average_gradients([w], weight=32, values=[loss.item()])
        (32.0, [3.0])
        >>> w.grad
        tensor([1., 2.])
        """
        if not (math.isfinite(weight) and weight >= 0):
            raise ValueError(f"average_gradients: expected a finite weight >= 0, got {weight}")
        sums = np.array([weight, *(value * weight if weight else 0.0 for value in values)], np.float64)
        if self.size > 1:
            sums = self._average([p for p in parameters if p.requires_grad], sums)
        if sums[0] == 0:
            raise ValueError("average_gradients: the weight is 0 on all ranks; one at least must have examples")
        return float(sums[0]), [float(total / sums[0]) for total in sums[1:]]

    # ------------------------------------------------------------ how they are exchanged

    def _average(self, params: list[Any], sums: np.ndarray) -> np.ndarray:
        """Average the gradients of parameters. `sums` are this rank's weight and weighted values; gives all ranks'."""
        given = [p.grad is not None for p in params]
        grads = [
            p.grad if has else constant(np.zeros, tuple(p.shape), p.dtype) for p, has in zip(params, given, strict=True)
        ]
        numbers = enter(np.concatenate([sums, given]))
        with self._waiting("average_gradients"):
            change("average_gradients", (numbers, *grads), self._exchange)
        found = leave(numbers, "number")
        for p, grad, has, count in zip(params, grads, given, found[len(sums) :], strict=True):
            if count and not has:
                p.grad = grad
        return found[: len(sums)]

    def _exchange(self, numbers: np.ndarray, *grads: np.ndarray) -> None:
        """Sum numbers over the ranks, and gradients by the weights, which are the first number."""
        weight = float(numbers[0])  # a scalar of NumPy's would make float64 of everything on the way
        groups = _by_dtype(grads) or {np.dtype(np.float64): []}
        first = max(groups, key=lambda dtype: (dtype.itemsize, dtype.name))  # the most exact carries the numbers
        for dtype in sorted(groups, key=lambda dtype: dtype != first):
            arrays = groups[dtype]
            count = sum(x.size for x in arrays)
            extra = len(numbers) if dtype == first else 0
            room = self._room(_wide(dtype), count + extra)
            for x, part in _parts(arrays, room):
                if weight:
                    np.multiply(x, weight, out=part, dtype=part.dtype)
                else:  # whatever is there, a NaN too, does not count
                    part[...] = 0
            if extra:
                room[count:] = numbers
            self._comm.Allreduce(self._mpi.IN_PLACE, room)
            if extra:
                numbers[...] = room[count:]
            if total := float(numbers[0]):
                for x, part in _parts(arrays, room):
                    np.multiply(part, 1 / total, out=x, casting="same_kind")

    def _reduce(self, *arrays: np.ndarray, op: str) -> None:
        how = getattr(self._mpi, _OPERATIONS[op])
        for dtype, group in _by_dtype(arrays).items():
            wide = _wide(dtype)
            if len(group) == 1 and group[0].flags.c_contiguous and wide == dtype:
                self._comm.Allreduce(self._mpi.IN_PLACE, group[0], how)
            else:
                room = self._room(wide, sum(x.size for x in group))
                for x, part in _parts(group, room):
                    part[...] = x
                self._comm.Allreduce(self._mpi.IN_PLACE, room, how)
                for x, part in _parts(group, room):
                    x[...] = part
            if op == "mean":
                for x in group:
                    x /= self.size

    def _spread(self, *arrays: np.ndarray, root: int) -> None:
        for group in _by_dtype(arrays).values():
            if len(group) == 1 and group[0].flags.c_contiguous:
                self._comm.Bcast(_bytes(group[0]), root)
                continue
            room = np.concatenate([x.reshape(-1) for x in group])
            self._comm.Bcast(_bytes(room), root)
            for x, part in _parts(group, room):
                x[...] = part

    def _room(self, dtype: np.dtype, count: int) -> np.ndarray:
        """Memory for items on their way, which is kept."""
        room = self._rooms.get(dtype)
        if room is None or len(room) < count:
            room = self._rooms[dtype] = np.empty(count, dtype)
        return room[:count]

    def _require_alike(self, name: str, tensors: list[Any]) -> None:
        """Raise on all ranks if their tensors differ: MPI would mix up what is whose."""
        shapes = ", ".join(f"{x.dtype}{list(x.shape)}" for x in tensors)
        text = f"{name}: {shapes or 'nothing'}"
        number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")
        extremes = np.array([number, -number], np.int64)
        with self._waiting(name):
            self._comm.Allreduce(self._mpi.IN_PLACE, extremes, self._mpi.MAX)
        if extremes[0] != -extremes[1]:
            texts: list[str] = self.all_gather_object(text)
            other = next(rank for rank, found in enumerate(texts) if found != texts[0])
            raise ValueError(
                f"the ranks do not do the same: rank 0 has {texts[0]}, and rank {other} has {texts[other]}"
            )

    # ------------------------------------------------------------ faults

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """What all ranks do in step: if one leaves the block by an exception that others do not raise, all end.

        That rank raises it all the same, and may clean up; it can work with the others no more, and the exit status is
        not 0.

        Examples
        --------
        >>> with wg.distributed.init().together():
        ...     pass
        """
        try:
            yield
        except BaseException as error:
            if self._peers is not None and self._peers.broken is None:
                self._peers.settle(told(error))
            raise

    def fail(self, text: str, code: int = 1) -> int:
        """End all ranks for a reason, which the lowest rank that fails prints on standard error.

        Parameters
        ----------
        text : str
        code : int
            The exit status.

        Returns
        -------
        int
            The status, in a world of one or where all ranks fail; else the process has ended.

        Examples
        --------
        >>> wg.distributed.init().fail("", 3)
        3
        """

        def say() -> None:
            if text:
                print(text, file=sys.stderr)

        if self._peers is None:
            say()
            return code
        return self._peers.fail(say, text, code)


def _tensors(name: str, tree: Any) -> list[Any]:
    leaves = flatten(tree)[0]
    for leaf in leaves:
        if not isinstance(leaf, Variable):
            raise TypeError(f"{name}: expected tensors, or lists, tuples and dicts of them, got {type(leaf).__name__}")
    return leaves


def _by_dtype(arrays: Sequence[np.ndarray]) -> dict[np.dtype, list[np.ndarray]]:
    groups: dict[np.dtype, list[np.ndarray]] = {}
    for x in arrays:
        groups.setdefault(x.dtype, []).append(x)
    return groups


def _wide(dtype: np.dtype) -> np.dtype:
    """The dtype in which MPI, which does not know all, adds items of a dtype."""
    return np.dtype({"float16": "float32", "bool": "uint8"}.get(dtype.name, dtype.name))


def _parts(arrays: Sequence[np.ndarray], room: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Each array, and the part of a row of items that is its."""
    start = 0
    for x in arrays:
        yield x, room[start : start + x.size].reshape(x.shape)
        start += x.size


def _bytes(array: np.ndarray) -> np.ndarray:
    return array.reshape(-1).view(np.uint8)


# ---------------------------------------------------------------- the one of this process

_world: World | None = None


def init() -> World:
    """The world of this process: of the ranks that `mpirun` has started, else of one. Later calls give the same.

    With several ranks, each gets its share of the node's processors for threads (unless WENGERT_NUM_THREADS is set),
    and an exception that nobody catches ends all ranks.

    Returns
    -------
    World

    Raises
    ------
    ImportError
        If a launcher has started several processes, and mpi4py is missing.
    RuntimeError
        If the launcher is of another MPI than mpi4py's: every rank would be alone.

    Examples
    --------
    >>> wg.distributed.init()
    <wengert.distributed.World: rank 0 of 1>
    """
    global _world
    if _world is None:
        rank, size = launched()
        try:
            from mpi4py import MPI
        except ImportError as error:
            if size > 1:
                raise _once(rank, ImportError(
                    f"this is rank {rank} of {size}, and to reach the others needs mpi4py and its MPI ({error}): "
                    "pip install 'wengert[mpi]'", name="mpi4py",
                )) from error  # fmt: skip
            _world = World()
        else:
            if size > 1 and MPI.COMM_WORLD.size == 1:
                raise _once(rank, RuntimeError(
                    f"the launcher has started {size} processes, but each is alone in mpi4py's MPI "
                    f"({MPI.Get_library_version().split(',')[0].splitlines()[0]}): start them by that one's mpirun"
                ))  # fmt: skip
            _world = World(MPI)
    return _world


def _once(rank: int, error: Exception) -> BaseException:
    """What a rank raises that cannot reach the others and meets the same fault: only the first says so."""
    return SystemExit(1) if rank else error


def average_gradients(
    parameters: Iterable[Any], weight: float = 1.0, values: Sequence[float] = ()
) -> tuple[float, list[float]]:
    """`World.average_gradients` of this process's world.

    Parameters
    ----------
    parameters : iterable of tensor
    weight : float
    values : sequence of float

    Returns
    -------
    total : float
    means : list of float

    Raises
    ------
    ValueError
        If the weight is negative or not finite, or if all weights are zero.

    Examples
    --------
    >>> wg.distributed.average_gradients([], weight=8, values=[0.5])
    (8.0, [0.5])
    """
    return init().average_gradients(parameters, weight, values)


def fail(text: str, code: int = 1) -> int:
    """`World.fail` of this process's world; gives the exit status. What fails before `init` joins the others first."""
    world = _world
    if world is None:
        world = World()
        if launched()[1] > 1:
            with contextlib.suppress(ImportError, RuntimeError):
                world = init()
    return world.fail(text, code)
