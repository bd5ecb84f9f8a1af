"""Locks that a forked child finds open, whoever held them in the parent.

A child has one thread, a copy of the one that forked. What another held at that moment, nobody would ever release.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

_locks: list[Any] = []
_owners: WeakKeyDictionary[Any, Callable[[Any], Any]] = WeakKeyDictionary()


def lock() -> Any:
    """A reentrant lock that lives as long as the process: one of a module's."""
    made: Any = threading.RLock()
    _locks.append(made)
    return made


def held_by(owner: Any, find: Callable[[Any], Any]) -> None:
    """Let a child find open the lock that `find(owner)` gives, if any, for as long as the owner lives."""
    _owners[owner] = find


def all_locks() -> list[Any]:
    """Every lock that a child is to find open."""
    found = [find(owner) for owner, find in list(_owners.items())]
    return [*_locks, *(made for made in found if made is not None)]


def _renew() -> None:
    for made in all_locks():
        made._at_fork_reinit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
