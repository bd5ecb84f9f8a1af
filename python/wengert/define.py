"""The constructors of operations, for users: see `wengert.core.define`."""

from __future__ import annotations

from .core.define import bilinear, elementwise, linear, primitive

__all__ = ["bilinear", "elementwise", "linear", "primitive"]
