"""Switches of NVIDIA's library of layers, which is not used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..cuda import is_available

__all__ = ["allow_tf32", "benchmark", "benchmark_limit", "deterministic", "enabled", "flags", "is_available", "version"]

enabled = True
benchmark = False
benchmark_limit: int | None = 10
deterministic = False
allow_tf32 = True


def version() -> int | None:
    """The version of the library.

    Returns
    -------
    int or None
        None: it is not used.

    Examples
    --------
    >>> wg.backends.cudnn.version() is None
    True
    """
    return None


@contextmanager
def flags(
    enabled: bool = False, benchmark: bool = False, benchmark_limit: int = 10, deterministic: bool = False,
    allow_tf32: bool = True,
) -> Iterator[None]:  # fmt: skip
    """A region with other switches, which change nothing.

    Parameters
    ----------
    enabled, benchmark, deterministic, allow_tf32 : bool
    benchmark_limit : int

    Returns
    -------
    context manager

    Examples
    --------
    >>> with wg.backends.cudnn.flags(enabled=False):
    ...     x = wg.ones(2)
    """
    yield
