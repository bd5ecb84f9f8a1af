"""Modules whose parameters nobody draws, since a state is loaded into them."""

from __future__ import annotations

import inspect
from typing import Any

from ...ops.random import default_generator


def skip_init(module_cls: Any, *args: Any, **kwargs: Any) -> Any:
    """A module with parameters and buffers of arbitrary items, for a state to be loaded.

    The library's own generator stands where it stood before: as in PyTorch, nothing is drawn as far as a program can
    tell.

    Parameters
    ----------
    module_cls : class
        Takes an argument `device`, as all of PyTorch's layers do.
    *args, **kwargs
        Its arguments.

    Returns
    -------
    Module

    Raises
    ------
    RuntimeError
        If it is no class of modules, or does not take a `device`.

    Examples
    --------
    >>> wg.nn.utils.skip_init(wg.nn.Linear, 5, out_features=1)
    Linear(in_features=5, out_features=1, bias=True)
    """
    if not (isinstance(module_cls, type) and hasattr(module_cls, "to_empty")):
        raise RuntimeError(f"skip_init: expected a class of modules, got {module_cls!r}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise RuntimeError(f"skip_init: {module_cls.__name__} does not take a device, as modules without parameters do")
    state = default_generator.get_state()
    try:
        module = module_cls(*args, **kwargs)
    finally:
        default_generator.set_state(state)
    return module.to_empty(device=kwargs.get("device"))
