"""Of Intel's library of linear algebra, which is not used."""

from __future__ import annotations

from ..cuda import is_available

__all__ = ["is_available"]
