"""The dtype that several operands become: the standard's rule, by which arrays without dimensions count like others."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..core.broadcast import cast
from ..core.doors import enter
from ..core.dtypes import as_dtype, get_default_dtype, int64, promote_types
from ..core.variable import Variable

Number = bool | int | float
_RANKS = {"b": 0, "u": 1, "i": 1, "f": 2}


def joined(name: str, known: list[np.dtype], numbers: list[Any]) -> np.dtype:
    """The dtype of arrays and Python numbers together: that of the arrays, unless a number is of a higher category."""
    if not known:
        raise TypeError(f"{name}: expected at least one array, got {len(numbers)} Python number(s)")
    dtype = functools.reduce(promote_types, known)
    for x in numbers:
        own = np.dtype(bool) if isinstance(x, bool) else int64 if isinstance(x, int) else get_default_dtype()
        if _RANKS[own.kind] > _RANKS[dtype.kind]:
            dtype = own
    return dtype


def promoted(name: str, *operands: Any) -> tuple[Any, ...]:
    """Operands of one dtype; Python numbers stay what they are, and have no say within their category."""
    given = [x if isinstance(x, (Variable, Number)) else enter(x) for x in operands]
    numbers = [x for x in given if not isinstance(x, Variable)]
    dtype = joined(name, [x._value.dtype for x in given if isinstance(x, Variable)], numbers)
    return tuple([cast(x, dtype) if isinstance(x, Variable) and x._value.dtype != dtype else x for x in given])


def arrays_of_one_dtype(name: str, *operands: Any) -> tuple[Any, ...]:
    """Operands of one dtype, all of them tensors."""
    found = promoted(name, *operands)
    dtype = next(x._value.dtype for x in found if isinstance(x, Variable))
    return tuple([x if isinstance(x, Variable) else enter(x, dtype) for x in found])


def dtype_of(name: str, x: Any) -> np.dtype:
    """The dtype of an array, or the dtype that is given."""
    return x._value.dtype if isinstance(x, Variable) else x.dtype if isinstance(x, np.ndarray) else as_dtype(x, name)
