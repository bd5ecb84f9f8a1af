"""Switches of kernels of GPUs, of which there is none."""

from __future__ import annotations

from ..cuda import is_available as is_built

__all__ = ["is_built", "matmul"]


class _Products:
    """How GPUs multiply matrices."""

    allow_tf32 = False
    allow_fp16_reduced_precision_reduction = True
    allow_bf16_reduced_precision_reduction = True


matmul = _Products()
