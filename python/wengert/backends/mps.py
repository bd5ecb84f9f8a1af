"""Of Apple's GPUs, which are not used."""

from __future__ import annotations

from ..cuda import is_available
from ..cuda import is_available as is_built

__all__ = ["is_available", "is_built"]
