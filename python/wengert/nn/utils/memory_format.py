"""Layouts of the weights of convolutions, which mean nothing here: the kernels choose for themselves."""

from __future__ import annotations

from typing import Any

from ...core.layouts import memory_format as MemoryFormat


def convert_conv2d_weight_memory_format(module: Any, memory_format: Any) -> Any:
    """The module itself: accepted for code that passes it, and of no effect, as all memory formats are.

    Parameters
    ----------
    module : Module
    memory_format : wengert.memory_format

    Returns
    -------
    Module
        This one.

    Raises
    ------
    TypeError
        If it is no memory format.

    Examples
    --------
    >>> net = wg.nn.Conv2d(1, 2, 3)
    >>> wg.nn.utils.convert_conv2d_weight_memory_format(net, wg.channels_last) is net
    True
    """
    return _checked("convert_conv2d_weight_memory_format", module, memory_format)


def convert_conv3d_weight_memory_format(module: Any, memory_format: Any) -> Any:
    """The module itself, as of `convert_conv2d_weight_memory_format`.

    Parameters
    ----------
    module : Module
    memory_format : wengert.memory_format

    Returns
    -------
    Module
        This one.

    Raises
    ------
    TypeError
        If it is no memory format.

    Examples
    --------
    >>> net = wg.nn.ReLU()
    >>> wg.nn.utils.convert_conv3d_weight_memory_format(net, wg.contiguous_format) is net
    True
    """
    return _checked("convert_conv3d_weight_memory_format", module, memory_format)


def _checked(who: str, module: Any, given: Any) -> Any:
    if not isinstance(given, MemoryFormat):
        raise TypeError(f"{who}: expected a memory format, as wengert.channels_last, got {given!r}")
    return module
