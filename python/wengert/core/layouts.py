"""PyTorch's names for how tensors lie in memory: of images, where they mean nothing, since the kernels choose for
themselves; and of all tensors, which are strided here.
"""

from __future__ import annotations

__all__ = ["channels_last", "contiguous_format", "layout", "memory_format", "preserve_format", "strided"]


class memory_format:
    """A layout by PyTorch's name, which functions accept and make nothing of: what they give lies in C order.

    Examples
    --------
    >>> wg.ones(1, 2, 3, 4).to(memory_format=wg.channels_last).stride()
    (24, 12, 4, 1)
    """

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"wengert.{self._name}"

    def __reduce__(self) -> str:
        return self._name


channels_last = memory_format("channels_last")
contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")


class layout:
    """How the items of a tensor are kept: `strided`, in memory that strides lead through. There is no other.

    Examples
    --------
    >>> wg.ones(2).layout
    wengert.strided
    >>> wg.ones(2).layout == wg.strided
    True
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "wengert.strided"

    def __reduce__(self) -> str:
        return "strided"


strided = layout()
