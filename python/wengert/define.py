"""The constructors of operations, for users: see `wengert.core.define`; and the rules by which their kernels run over
batches: see `wengert.core.batching`."""

from __future__ import annotations

from .core.batching import Batch, aligned, axes, leading, looped, moved, shaped, unchanged
from .core.define import bilinear, computed, elementwise, linear, primitive

__all__ = [
    "Batch", "aligned", "axes", "bilinear", "computed", "elementwise", "leading", "linear", "looped", "moved",
    "primitive", "shaped", "unchanged",
]  # fmt: skip
