"""The dtypes that tensors have, and PyTorch's rules for combining them.

dtypes are NumPy's own objects, so `wg.float32 == np.float32` and every NumPy function takes them.
"""

from __future__ import annotations

import functools
from builtins import bool as builtin_bool
from builtins import float as builtin_float
from builtins import int as builtin_int
from typing import Any

import numpy as np

from .. import _kernels
from .modes import ever

__all__ = [
    "bool",
    "can_cast",
    "double",
    "dtype",
    "finfo",
    "float",
    "float16",
    "float32",
    "float64",
    "get_default_dtype",
    "half",
    "iinfo",
    "int",
    "int8",
    "int16",
    "int32",
    "int64",
    "long",
    "promote_types",
    "result_type",
    "set_default_dtype",
    "short",
    "uint8",
]  # fmt: skip

float16 = half = np.dtype("float16")
float32 = float = np.dtype("float32")
float64 = double = np.dtype("float64")
int8 = np.dtype("int8")
int16 = short = np.dtype("int16")
int32 = int = np.dtype("int32")
int64 = long = np.dtype("int64")
uint8 = np.dtype("uint8")
bool = np.dtype("bool")

dtype = np.dtype  # for annotations, and isinstance(x.dtype, wengert.dtype)

FLOATING = (float32, float64, float16)
NATIVE = "fd"  # the type codes of what every kernel computes in: float32 and float64
ALL = (*FLOATING, int8, int16, int32, int64, uint8, bool)

# By the names of PyTorch's classes, one for each dtype, from before there were dtypes.
OF_TENSOR_TYPES: dict[str, np.dtype] = {
    "FloatTensor": float32, "DoubleTensor": float64, "HalfTensor": float16, "LongTensor": int64, "IntTensor": int32,
    "ShortTensor": int16, "CharTensor": int8, "ByteTensor": uint8, "BoolTensor": bool,
}  # fmt: skip

_OF_PYTHON = {builtin_float: float64, builtin_int: int64, builtin_bool: bool}
_default = float32
_KIND = {"b": 0, "u": 1, "i": 1, "f": 2}


def get_default_dtype() -> np.dtype:
    """The dtype of tensors made from Python floats.

    Returns
    -------
    numpy.dtype
        float32 unless `set_default_dtype` changed it.

    Examples
    --------
    >>> wg.get_default_dtype()
    dtype('float32')
    """
    return _default


def set_default_dtype(dtype: Any) -> None:
    """Set the dtype of tensors made from Python floats.

    Parameters
    ----------
    dtype : dtype
        A floating dtype.

    Raises
    ------
    TypeError
        If `dtype` is not a floating dtype.

    Examples
    --------
    >>> wg.set_default_dtype(wg.float64)
    >>> wg.tensor(0.5).dtype
    dtype('float64')
    >>> wg.set_default_dtype(wg.float32)
    """
    global _default
    dtype = as_dtype(dtype, "set_default_dtype")
    if dtype.kind != "f":
        raise TypeError(f"set_default_dtype: expected float16, float32 or float64, got {dtype}")
    _default = dtype
    ever.defaults += 1


def as_dtype(dtype: Any, name: str) -> np.dtype:
    """The NumPy dtype that `dtype` means, if tensors can have it; `name` is the operation that asks."""
    for known in ALL:
        if known is dtype:
            same: np.dtype = known
            return same
    try:
        found = _OF_PYTHON[dtype] if isinstance(dtype, type) and dtype in _OF_PYTHON else np.dtype(dtype)
    except TypeError as error:
        raise TypeError(f"{name}: {dtype!r} is not a dtype; there are {', '.join(map(str, ALL))}") from error
    if found not in ALL:
        raise TypeError(f"{name}: tensors cannot have dtype {found}; there are {', '.join(map(str, ALL))}")
    return found


def of_tensor_type(name: str, kind: Any) -> np.dtype:
    """The dtype that a class of tensors of one dtype stands for, itself or by its name, or that `kind` is."""
    if kind is None:  # which is float64 to NumPy
        raise TypeError(f"{name}: expected a class of tensors of one dtype or a dtype, got None")
    if isinstance(kind, str):
        kind = OF_TENSOR_TYPES.get(kind.rpartition(".")[2], kind)
    return as_dtype(kind, name)


def tensor_type(dtype: np.dtype) -> str:
    """The name of PyTorch's class of tensors of a dtype."""
    return "wengert." + next(name for name, known in OF_TENSOR_TYPES.items() if known == dtype)


class finfo:
    """The limits of a floating dtype, as Python numbers.

    Parameters
    ----------
    dtype : dtype or None
        None: the default dtype.

    Attributes
    ----------
    bits : int
    eps : float
        The distance from 1 to the next larger number.
    max, min : float
        The largest and the smallest finite number.
    tiny, smallest_normal : float
        The smallest positive number of full precision.
    resolution : float
        The power of ten to which decimal numbers are told apart.
    dtype : str

    Raises
    ------
    TypeError
        If the dtype is not a floating one.

    Examples
    --------
    >>> wg.finfo(wg.float32).eps
    1.1920928955078125e-07
    """

    __slots__ = ("bits", "dtype", "eps", "max", "min", "resolution", "smallest_normal", "tiny")

    def __init__(self, dtype: Any = None) -> None:
        found = _default if dtype is None else as_dtype(dtype, "finfo")
        if found.kind != "f":
            raise TypeError(f"finfo: expected a floating dtype, got {found}; use iinfo")
        limits = np.finfo(found)
        self.bits, self.dtype = limits.bits, str(found)
        self.eps, self.max, self.min = builtin_float(limits.eps), builtin_float(limits.max), builtin_float(limits.min)
        self.tiny = self.smallest_normal = builtin_float(limits.tiny)
        self.resolution = builtin_float(limits.resolution)

    def __repr__(self) -> str:
        names = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        return f"finfo({', '.join(f'{name}={getattr(self, name):g}' for name in names)}, dtype={self.dtype})"


class iinfo:
    """The limits of an integer dtype, as Python numbers.

    Parameters
    ----------
    dtype : dtype

    Attributes
    ----------
    bits : int
    max, min : int
    dtype : str

    Raises
    ------
    TypeError
        If the dtype is not an integer one.

    Examples
    --------
    >>> wg.iinfo(wg.int8)
    iinfo(min=-128, max=127, dtype=int8)
    """

    __slots__ = ("bits", "dtype", "max", "min")

    def __init__(self, dtype: Any) -> None:
        found = as_dtype(dtype, "iinfo")
        if found.kind not in "iu":
            raise TypeError(f"iinfo: expected an integer dtype, got {found}; use finfo")
        limits = np.iinfo(found)
        self.bits, self.dtype = limits.bits, str(found)
        self.max, self.min = builtin_int(limits.max), builtin_int(limits.min)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"


def can_cast(from_: Any, to: Any) -> builtin_bool:
    """Whether a result of one dtype may be kept in a tensor of another: the category may not become lower.

    Parameters
    ----------
    from_, to : dtype

    Returns
    -------
    bool

    Examples
    --------
    >>> wg.can_cast(wg.float64, wg.float32), wg.can_cast(wg.float32, wg.int64)
    (True, False)
    """
    first, second = as_dtype(from_, "can_cast"), as_dtype(to, "can_cast")
    return _KIND[first.kind] <= _KIND[second.kind] and not (first.kind == "i" and second.kind == "u")


_ALWAYS_FIT = {(first, second) for first in ALL for second in ALL if np.can_cast(first, second)}


def convert(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """x with another dtype; what does not fit into a smaller float is infinite, without a warning."""
    found: np.ndarray | None = _kernels.converted(x, dtype)
    if found is not None:
        return found
    if (x.dtype, dtype) in _ALWAYS_FIT:
        return x.astype(dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        return x.astype(dtype)


def promote_types(first: Any, second: Any) -> np.dtype:
    """The dtype of a result of tensors of two dtypes: the higher category, and within it the wider type.

    Parameters
    ----------
    first, second : dtype

    Returns
    -------
    numpy.dtype

    Examples
    --------
    >>> wg.promote_types(wg.int64, wg.float32)
    dtype('float32')
    """
    return _promoted(as_dtype(first, "promote_types"), as_dtype(second, "promote_types"))


@functools.cache
def _promoted(first: np.dtype, second: np.dtype) -> np.dtype:
    if _KIND[first.kind] == _KIND[second.kind]:
        return np.promote_types(first, second)
    higher: np.dtype = first if _KIND[first.kind] > _KIND[second.kind] else second
    return higher


def result_type(*operands: Any) -> np.dtype:
    """The dtype of an elementwise result: tensors with dimensions count first, then 0-d ones, then Python numbers.

    A later kind of operand matters only if its category (bool, integer, float) is higher.

    Parameters
    ----------
    *operands : tensor, array or number

    Returns
    -------
    numpy.dtype

    Raises
    ------
    ValueError
        If there is no operand.

    Examples
    --------
    >>> wg.result_type(wg.ones(2, dtype=wg.int64), 1.5)
    dtype('float32')
    """
    levels: list[np.dtype | None] = [None, None, None]
    for operand in operands:
        level, dtype = _level(operand)
        before = levels[level]
        levels[level] = dtype if before is None or before is dtype else _promoted(before, dtype)
    if levels[1] is None and levels[2] is None and levels[0] is not None:
        return levels[0]
    result: np.dtype | None = None
    for found in levels:
        if found is not None and (result is None or _KIND[found.kind] > _KIND[result.kind]):
            result = found
    if result is None:
        raise ValueError("result_type: expected at least one tensor, array or number")
    return result


def _level(operand: Any) -> tuple[builtin_int, np.dtype]:
    if isinstance(operand, builtin_bool):
        return 2, bool
    if isinstance(operand, builtin_int):
        return 2, int64
    if isinstance(operand, builtin_float):
        return 2, _default
    value = getattr(operand, "_value", operand)
    return (0 if value.ndim else 1), value.dtype
