"""Data types: what they hold, how they combine, and what this namespace can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import ops
from .._types import Tensor
from ..core import dtypes
from ..core.broadcast import cast
from ..core.doors import enter
from .promotion import Number, dtype_of, joined

__all__ = ["__array_namespace_info__", "astype", "can_cast", "finfo", "iinfo", "isdtype", "result_type"]

_BY_NAME = {
    str(dtype): dtype
    for dtype in (dtypes.bool, dtypes.int8, dtypes.int16, dtypes.int32, dtypes.int64, dtypes.uint8, dtypes.float32,
                  dtypes.float64)
}  # fmt: skip
_KINDS = {
    "bool": "b", "signed integer": "i", "unsigned integer": "u", "integral": "iu", "real floating": "f",
    "complex floating": "", "numeric": "iuf",
}  # fmt: skip


@dataclass(frozen=True)
class FloatingLimits:
    """What `finfo` tells of a floating dtype."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: np.dtype


@dataclass(frozen=True)
class IntegerLimits:
    """What `iinfo` tells of an integer dtype."""

    bits: int
    max: int
    min: int
    dtype: np.dtype


def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Tensor:
    """An array with another dtype.

    Parameters
    ----------
    x : tensor
    dtype : dtype
    copy : bool
        Copy even if nothing changes.
    device : "cpu", optional

    Returns
    -------
    Tensor
        x itself if nothing changes and `copy` is False.

    Raises
    ------
    TypeError
        If tensors do not have such a dtype.
    ValueError
        If another device is asked for.

    Examples
    --------
    >>> wg.array_api.astype(wg.tensor([1, 2]), wg.float64)
    tensor([1., 2.], dtype=wengert.float64)
    """
    x, wanted = ops.as_tensor(enter(x), device=device), dtypes.as_dtype(dtype, "astype")
    if x._value.dtype != wanted:
        return cast(x, wanted)
    return ops.clone(x) if copy else x


def can_cast(from_: Any, to: Any, /) -> bool:
    """Whether promotion leads from one dtype to another.

    Parameters
    ----------
    from_ : dtype or tensor
    to : dtype

    Returns
    -------
    bool

    Raises
    ------
    TypeError
        If tensors do not have such a dtype.

    Examples
    --------
    >>> wg.array_api.can_cast(wg.int8, wg.int64), wg.array_api.can_cast(wg.int64, wg.int8)
    (True, False)
    """
    to = dtypes.as_dtype(to, "can_cast")
    found: bool = dtypes.promote_types(dtype_of("can_cast", from_), to) == to
    return found


def finfo(type: Any, /) -> FloatingLimits:
    """The limits of a floating dtype.

    Parameters
    ----------
    type : dtype or tensor

    Returns
    -------
    FloatingLimits
        With `bits`, `eps`, `max`, `min`, `smallest_normal` and `dtype`.

    Raises
    ------
    TypeError
        If the dtype is not a floating one.

    Examples
    --------
    >>> wg.array_api.finfo(wg.float64).eps
    2.220446049250313e-16
    """
    dtype = dtype_of("finfo", type)
    found = dtypes.finfo(dtype)
    return FloatingLimits(found.bits, found.eps, found.max, found.min, found.smallest_normal, dtype)


def iinfo(type: Any, /) -> IntegerLimits:
    """The limits of an integer dtype.

    Parameters
    ----------
    type : dtype or tensor

    Returns
    -------
    IntegerLimits
        With `bits`, `max`, `min` and `dtype`.

    Raises
    ------
    TypeError
        If the dtype is not an integer one.

    Examples
    --------
    >>> wg.array_api.iinfo(wg.int8).max
    127
    """
    dtype = dtype_of("iinfo", type)
    found = dtypes.iinfo(dtype)
    return IntegerLimits(found.bits, found.max, found.min, dtype)


def isdtype(dtype: Any, kind: Any) -> bool:
    """Whether a dtype is of a kind.

    Parameters
    ----------
    dtype : dtype
    kind : str, dtype, or tuple of them
        "bool", "signed integer", "unsigned integer", "integral", "real floating", "complex floating" (no dtype is),
        "numeric"; of a tuple, any of its items.

    Returns
    -------
    bool

    Raises
    ------
    ValueError
        If there is no kind of that name.
    TypeError
        If tensors do not have such a dtype.

    Examples
    --------
    >>> wg.array_api.isdtype(wg.float32, "real floating"), wg.array_api.isdtype(wg.bool, ("integral", wg.float32))
    (True, False)
    """
    found = dtypes.as_dtype(dtype, "isdtype")
    if isinstance(kind, tuple):
        return any(isdtype(found, item) for item in kind)
    if isinstance(kind, str):
        return found.kind in _letters("isdtype", kind)
    return bool(found == dtypes.as_dtype(kind, "isdtype"))


def _letters(name: str, kind: str) -> str:
    """The letters that NumPy has for the dtypes of a kind."""
    if kind not in _KINDS:
        raise ValueError(f"{name}: there is no kind {kind!r} of dtypes; there are {', '.join(map(repr, _KINDS))}")
    return _KINDS[kind]


def result_type(*arrays_and_dtypes: Any) -> np.dtype:
    """The dtype of a result of arrays, dtypes and Python numbers.

    Parameters
    ----------
    *arrays_and_dtypes : tensor, dtype or number
        At least one that is no number.

    Returns
    -------
    numpy.dtype
        The widest of the highest category. Arrays without dimensions count like others (`wengert.result_type` lets
        them count less); a number matters only if its category is higher.

    Raises
    ------
    TypeError
        If there are numbers alone, or a dtype that tensors do not have.

    Examples
    --------
    >>> wg.array_api.result_type(wg.ones(2), wg.tensor(1., dtype=wg.float64))
    dtype('float64')
    >>> wg.result_type(wg.ones(2), wg.tensor(1., dtype=wg.float64))
    dtype('float32')
    """
    numbers = [x for x in arrays_and_dtypes if isinstance(x, Number)]
    known = [dtype_of("result_type", x) for x in arrays_and_dtypes if not isinstance(x, Number)]
    return joined("result_type", known, numbers)


class Info:
    """What `__array_namespace_info__` gives: the capabilities, devices and dtypes of the namespace.

    Examples
    --------
    >>> wg.array_api.__array_namespace_info__().default_dtypes()["integral"]
    dtype('int64')
    """

    def capabilities(self) -> dict[str, Any]:
        """What the namespace can do, by the standard's names.

        Returns
        -------
        dict
            "boolean indexing", "data-dependent shapes" and "max dimensions".
        """
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> Any:
        """Where arrays are made unless something else is asked for.

        Returns
        -------
        device
            The CPU.
        """
        return ops.empty(0).device

    def devices(self) -> list[Any]:
        """The devices that there are.

        Returns
        -------
        list
            The CPU alone.
        """
        return [self.default_device()]

    def default_dtypes(self, *, device: Any = None) -> dict[str, np.dtype]:
        """The dtypes that arrays have unless others are asked for.

        Parameters
        ----------
        device : "cpu", optional

        Returns
        -------
        dict
            Of "real floating" (`wengert.get_default_dtype()`), "integral" and "indexing"; no dtype is complex.
        """
        ops.empty(0, device=device)  # which refuses other devices
        return {"real floating": dtypes.get_default_dtype(), "integral": dtypes.int64, "indexing": dtypes.int64}

    def dtypes(self, *, device: Any = None, kind: str | Sequence[str] | None = None) -> dict[str, np.dtype]:
        """The standard's dtypes that arrays can have.

        Parameters
        ----------
        device : "cpu", optional
        kind : str, tuple of str or None
            As in `isdtype`; None: of every kind.

        Returns
        -------
        dict
            By their names. float16, which arrays can have too, is no dtype of the standard.

        Raises
        ------
        ValueError
            If there is no kind of that name.
        """
        ops.empty(0, device=device)  # which refuses other devices
        kinds = _KINDS if kind is None else (kind,) if isinstance(kind, str) else kind
        letters = "".join([_letters("dtypes", item) for item in kinds])
        return {name: dtype for name, dtype in _BY_NAME.items() if dtype.kind in letters}


def __array_namespace_info__() -> Info:
    """What this namespace can do.

    Returns
    -------
    Info
        With the methods `capabilities`, `default_device`, `devices`, `default_dtypes` and `dtypes`.

    Examples
    --------
    >>> list(wg.array_api.__array_namespace_info__().dtypes(kind="real floating"))
    ['float32', 'float64']
    """
    return Info()
