"""Switches of kernels of GPUs, of which there is none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..cuda import is_available as is_built

__all__ = [
    "enable_cudnn_sdp", "enable_flash_sdp", "enable_math_sdp", "enable_mem_efficient_sdp", "flash_sdp_enabled",
    "is_built", "math_sdp_enabled", "matmul", "mem_efficient_sdp_enabled", "sdp_kernel",
]  # fmt: skip


class _Products:
    """How GPUs multiply matrices."""

    allow_tf32 = False
    allow_fp16_reduced_precision_reduction = True
    allow_bf16_reduced_precision_reduction = True


matmul = _Products()

# By which kernel GPUs compute attention. Here there is one, csrc/attention.inc.c.


def enable_flash_sdp(enabled: bool) -> None:
    """Nothing: the CPU has one kernel of attention. `enable_math_sdp` and the others of its kind are the same.

    Parameters
    ----------
    enabled : bool

    Examples
    --------
    >>> wg.backends.cuda.enable_flash_sdp(True)
    """


enable_cudnn_sdp = enable_math_sdp = enable_mem_efficient_sdp = enable_flash_sdp


def flash_sdp_enabled() -> bool:
    """Whether a GPU may compute attention by one of its kernels: there is none. `math_sdp_enabled` and
    `mem_efficient_sdp_enabled` are the same.

    Returns
    -------
    bool

    Examples
    --------
    >>> wg.backends.cuda.flash_sdp_enabled()
    False
    """
    return False


math_sdp_enabled = mem_efficient_sdp_enabled = flash_sdp_enabled


@contextmanager
def sdp_kernel(
    enable_flash: bool = True, enable_math: bool = True, enable_mem_efficient: bool = True, enable_cudnn: bool = True
) -> Iterator[None]:
    """A context in which nothing changes: the CPU has one kernel of attention.

    Parameters
    ----------
    enable_flash, enable_math, enable_mem_efficient, enable_cudnn : bool

    Returns
    -------
    context manager

    Examples
    --------
    >>> with wg.backends.cuda.sdp_kernel(enable_flash=False):
    ...     q = wg.ones(1, 2, 4)
    ...     wg.nn.functional.scaled_dot_product_attention(q, q, q).shape
    wengert.Size([1, 2, 4])
    """
    yield
