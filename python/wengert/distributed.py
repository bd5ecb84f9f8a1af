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
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from . import machine
from .data.sampler import DistributedSampler as DistributedSampler

__all__ = ["DistributedSampler", "World", "init", "launched"]

# The variables by which launchers tell a process its rank, and how many processes there are.
_LAUNCHERS = (
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),  # Open MPI
    ("PMI_RANK", "PMI_SIZE"),  # MPICH, Intel MPI, Slurm's pmi2
    ("MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE"),  # MVAPICH
    ("PMIX_RANK", "SLURM_STEP_NUM_TASKS"),  # Slurm's pmix
)
_GRACE = 2.0  # seconds in which ranks that fail of one cause do so
_LONG = 10.0  # seconds after which a rank that has said that it fails, and has not ended all, is not waited for


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
        if os.getpid() != self._process:
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
    >>> world.all_gather_object("here")  # with n ranks, n of them
    ['here']
    """

    rank = local_rank = 0
    size = local_size = 1

    def __init__(self, mpi: Any = None) -> None:
        self._mpi = mpi
        self._comm: Any = None
        self._peers: _Peers | None = None
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


def fail(text: str, code: int = 1) -> int:
    """`World.fail` of this process's world; gives the exit status. What fails before `init` joins the others first."""
    world = _world
    if world is None:
        world = World()
        if launched()[1] > 1:
            with contextlib.suppress(ImportError, RuntimeError):
                world = init()
    return world.fail(text, code)
