"""float16, which is stored and not computed in: by way of float32, in one place for kernels and one for functions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from . import dtypes
from .bound import like
from .broadcast import cast
from .variable import Variable

F = TypeVar("F", bound=Callable[..., Any])


def half_kernel(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """A kernel that computes arrays of float16 in float32, and gives float16 for them.

    Parameters
    ----------
    kernel : callable
        Of arrays and static keywords; gives an array or a tuple of arrays.
    """

    @functools.wraps(kernel)
    def computed(*values: Any, **static: Any) -> Any:
        for x in values:
            if isinstance(x, np.ndarray) and x.dtype.char == "e":  # asked for in half the time that comparing takes
                break
        else:
            return kernel(*values, **static)
        wide = [_wide(x) for x in values]
        found = kernel(*wide, **static)
        return tuple(map(_narrow, found)) if type(found) is tuple else _narrow(found)

    return like(kernel, computed)


def _wide(x: Any) -> Any:
    return x.astype(np.float32) if isinstance(x, np.ndarray) and x.dtype == dtypes.float16 else x


def _narrow(x: Any) -> Any:
    return dtypes.convert(x, dtypes.float16) if isinstance(x, np.ndarray) and x.dtype == dtypes.float32 else x


def half(function: F) -> F:
    """A function of several operations that computes float16 tensors in float32 from its first operation to its last.

    Parameters
    ----------
    function : callable
        Its first argument is the tensor whose dtype decides; gives a tensor or a tuple of tensors.
    """

    @functools.wraps(function)
    def computed(x: Any, *args: Any, **keywords: Any) -> Any:
        if not isinstance(x, Variable) or x._value.dtype != dtypes.float16:
            return function(x, *args, **keywords)
        given = [_widened(v) for v in args]
        found = function(_widened(x), *given, **{name: _widened(v) for name, v in keywords.items()})
        if type(found) is tuple:
            return tuple(map(_narrowed, found))
        return _narrowed(found)

    return computed  # type: ignore[return-value]


def _widened(x: Any) -> Any:
    return cast(x, dtypes.float32) if isinstance(x, Variable) and x._value.dtype == dtypes.float16 else x


def _narrowed(x: Any) -> Any:
    return cast(x, dtypes.float16) if isinstance(x, Variable) and x._value.dtype == dtypes.float32 else x
