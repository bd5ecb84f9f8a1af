"""Of OpenMP, which is not used. The library has threads of its own, see `wengert.set_num_threads`."""

from __future__ import annotations

from ..cuda import is_available

__all__ = ["is_available"]
