"""NumPy's functions as kernels: without its warnings, and without booleans where PyTorch refuses them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes
from ..core.define import Function


def numbers(name: str, function: Function, instead: str) -> Function:
    """NumPy's function for integers, which refuses booleans as PyTorch does."""

    def fallback(*operands: Any) -> np.ndarray:
        if all(isinstance(x, (bool, np.bool_)) or getattr(x, "dtype", None) == dtypes.bool for x in operands):
            raise TypeError(f"{name}: booleans have none; use {instead}, or convert them, as in x.int()")
        found: np.ndarray = function(*operands)
        return found

    fallback.function = function  # type: ignore[attr-defined]  # whose loops a kernel may run
    return fallback


def quiet(function: Function) -> Function:
    """A NumPy function as a kernel: infinities and NaN come without a warning, and results are arrays."""

    def kernel(*operands: Any, **static: Any) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.asarray(function(*operands, **static))

    return kernel
