"""The constructors of operations, for users: see `wengert.core.define`."""

from __future__ import annotations

from .core.define import bilinear, computed, elementwise, linear, primitive

__all__ = ["bilinear", "computed", "elementwise", "linear", "primitive"]
