"""The memory of results: how much there is, and giving back what is kept for reuse.

Results live in blocks that are kept when nobody needs them any longer: the next step of a computation asks for the same
sizes again, and fresh pages cost more than most arithmetic. What is kept is bounded: by an eighth of the memory that
this process may use, at most 1 GiB.

>>> from wengert import memory
>>> sorted(memory.usage())
['held', 'in_use', 'limit']
"""

from __future__ import annotations

from ._kernels import memory_usage, set_memory_limit, trim_memory

__all__ = ["release", "set_limit", "usage"]


def usage() -> dict[str, int]:
    """Report the memory of results.

    Returns
    -------
    dict
        "in_use": bytes in blocks that hold results. "held": bytes in blocks kept for reuse. "limit": the bound on the
        latter. Blocks come in sizes, so that up to a fifth of a block may lie idle behind its result.

    Examples
    --------
    >>> x = wg.ones(1024) * 2
    >>> wg.memory.usage()["in_use"] >= 4096
    True
    """
    return memory_usage()


def release(keep: int = 0) -> int:
    """Give memory kept for reuse back to the system.

    Parameters
    ----------
    keep : int
        Bytes to go on keeping; what was used longest ago goes first.

    Returns
    -------
    int
        The number of bytes given back.

    Raises
    ------
    ValueError
        If `keep` is negative.

    Examples
    --------
    >>> _ = wg.memory.release()
    >>> wg.memory.usage()["held"]
    0
    """
    return trim_memory(keep)


def set_limit(limit: int) -> None:
    """Bound the memory kept for reuse; what is above goes back to the system at once.

    Parameters
    ----------
    limit : int
        In bytes; 0 keeps nothing.

    Raises
    ------
    ValueError
        If `limit` is negative.

    Examples
    --------
    >>> before = wg.memory.usage()["limit"]
    >>> wg.memory.set_limit(1 << 20)
    >>> wg.memory.usage()["held"] <= 1 << 20
    True
    >>> wg.memory.set_limit(before)
    """
    set_memory_limit(limit)
