"""A computation on every instruction set within one test, where the reference takes longer than the kernels."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from wengert import _kernels

# Back and forth: what changes with every call, as the side that memory is guarded at, changes for each of two sets.
_directions = itertools.cycle((1, -1))


def by_isa(function: Callable[..., Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
    """What a call gives on each instruction set that this machine has; where it asserts, a failure names the set."""
    before, found = _kernels.isa(), {}
    try:
        for isa in tuple(_kernels.available_isas())[:: next(_directions)]:
            _kernels.select_isa(isa)
            try:
                found[isa] = function(*args, **kwargs)
            except AssertionError as error:
                raise AssertionError(f"on {isa}: {error}") from error
    finally:
        _kernels.select_isa(before)
    return found
