"""Switches of Intel's library of layers, which is not used."""

from __future__ import annotations

from ..cuda import is_available

__all__ = ["allow_tf32", "deterministic", "enabled", "is_available"]

enabled = True
deterministic = False
allow_tf32 = False
