"""New arrays."""

from __future__ import annotations

from typing import Any

from .. import ops
from .._types import Tensor
from ..core.dtypes import as_dtype, get_default_dtype
from ..tensors import interop

__all__ = [
    "arange", "asarray", "empty", "empty_like", "eye", "from_dlpack", "full", "full_like", "linspace", "meshgrid",
    "ones", "ones_like", "tril", "triu", "zeros", "zeros_like",
]  # fmt: skip


def asarray(obj: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Tensor:
    """Data as an array.

    Parameters
    ----------
    obj : number, nested sequences of numbers, array or tensor
        Also whatever offers `__array__`, the buffer protocol or DLPack.
    dtype : dtype, optional
        By default the data's own; of Python's floats the default float, of its integers int64.
    device : "cpu", optional
    copy : bool, optional
        True: always; False: never; None: where needed.

    Returns
    -------
    Tensor
        The tensor that is given, if nothing changes.

    Raises
    ------
    ValueError
        If a copy is needed but forbidden.
    TypeError
        If tensors do not have such a dtype.

    Examples
    --------
    >>> wg.array_api.asarray([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    """
    return ops.asarray(obj, dtype=dtype, device=device, copy=copy)


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor over the memory of another library's array.

    Parameters
    ----------
    x : object with `__dlpack__`
    device : "cpu", optional
    copy : bool, optional
        True: copy the memory instead.

    Returns
    -------
    Tensor

    Raises
    ------
    TypeError
        If x does not offer DLPack, or has a dtype that tensors do not have.
    BufferError
        If the memory is not the CPU's.
    ValueError
        If another device is asked for.

    Examples
    --------
    >>> wg.array_api.from_dlpack(np.arange(3))
    tensor([0, 1, 2])
    """
    return ops.as_tensor(interop.from_dlpack(x, copy=copy), device=device)


def arange(
    start: Any, /, stop: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None
) -> Tensor:  # fmt: skip
    """Equally spaced numbers.

    Parameters
    ----------
    start : number
        The first; or the end, if there is no `stop`, and 0 is the first then.
    stop : number, optional
        The end, which is not among them.
    step : number
        From one to the next.
    dtype : dtype, optional
        By default int64 if all three are integers, else the default float.
    device : "cpu", optional

    Returns
    -------
    Tensor
        Without items if the step does not lead from `start` to `stop`.

    Raises
    ------
    ValueError
        If `step` is 0, or another device is asked for.

    Examples
    --------
    >>> wg.array_api.arange(1, 7, 2), wg.array_api.arange(3, 1).shape
    (tensor([1, 3, 5]), wengert.Size([0]))
    """
    if stop is None:
        start, stop = 0, start
    if step == 0:
        raise ValueError(f"arange: a step of 0 does not lead from {start} to {stop}")
    if (stop - start) / step <= 0:
        stop = start
    return ops.arange(start, stop, step, dtype=dtype, device=device)


def empty(shape: int | tuple[int, ...], *, dtype: Any = None, device: Any = None) -> Tensor:
    """An array whose items are arbitrary.

    Parameters
    ----------
    shape : int or tuple of int
    dtype : dtype, optional
        By default the default float.
    device : "cpu", optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.array_api.empty((2, 3)).shape
    wengert.Size([2, 3])
    """
    return ops.empty(shape, dtype=dtype, device=device)


def empty_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Tensor:
    """An array of another's shape, whose items are arbitrary.

    Parameters
    ----------
    x : tensor
    dtype : dtype, optional
        By default x's.
    device : "cpu", optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.array_api.empty_like(wg.ones(2, 3)).shape
    wengert.Size([2, 3])
    """
    return ops.empty_like(x, dtype=dtype, device=device)


def zeros(shape: int | tuple[int, ...], *, dtype: Any = None, device: Any = None) -> Tensor:
    """An array of zeros.

    Parameters
    ----------
    shape : int or tuple of int
    dtype : dtype, optional
        By default the default float.
    device : "cpu", optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.array_api.zeros(2)
    tensor([0., 0.])
    """
    return ops.zeros(shape, dtype=dtype, device=device)


def zeros_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Zeros in an array of another's shape.

    Parameters
    ----------
    x : tensor
    dtype : dtype, optional
        By default x's.
    device : "cpu", optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.array_api.zeros_like(wg.tensor([1, 2]))
    tensor([0, 0])
    """
    return ops.zeros_like(x, dtype=dtype, device=device)


def ones(shape: int | tuple[int, ...], *, dtype: Any = None, device: Any = None) -> Tensor:
    """An array of ones.

    Parameters
    ----------
    shape : int or tuple of int
    dtype : dtype, optional
        By default the default float.
    device : "cpu", optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.array_api.ones(2)
    tensor([1., 1.])
    """
    return ops.ones(shape, dtype=dtype, device=device)


def ones_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Ones in an array of another's shape.

    Parameters
    ----------
    x : tensor
    dtype : dtype, optional
        By default x's.
    device : "cpu", optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.array_api.ones_like(wg.tensor([3, 4]))
    tensor([1, 1])
    """
    return ops.ones_like(x, dtype=dtype, device=device)


def full(shape: int | tuple[int, ...], fill_value: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """An array of one number.

    Parameters
    ----------
    shape : int or tuple of int
    fill_value : number
    dtype : dtype, optional
        By default bool, int64 or the default float, by what the number is.
    device : "cpu", optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.array_api.full((2, 2), 7)
    tensor([[7, 7],
            [7, 7]])
    """
    return ops.full((shape,) if isinstance(shape, int) else shape, fill_value, dtype=dtype, device=device)


def full_like(x: Any, /, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """One number in an array of another's shape.

    Parameters
    ----------
    x : tensor
    fill_value : number
    dtype : dtype, optional
        By default x's.
    device : "cpu", optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.array_api.full_like(wg.ones(2), 7)
    tensor([7., 7.])
    """
    return ops.full_like(x, fill_value, dtype=dtype, device=device)


def eye(
    n_rows: int, n_cols: int | None = None, /, *, k: int = 0, dtype: Any = None, device: Any = None
) -> Tensor:  # fmt: skip
    """A matrix with ones along a diagonal, and zeros elsewhere.

    Parameters
    ----------
    n_rows : int
    n_cols : int, optional
        By default as many as rows.
    k : int
        Which diagonal: above the main one if positive, below it if negative.
    dtype : dtype, optional
        By default the default float.
    device : "cpu", optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.array_api.eye(2, 3, k=1)
    tensor([[0., 1., 0.],
            [0., 0., 1.]])
    """
    if k == 0:
        return ops.eye(n_rows, n_cols, dtype=dtype, device=device)
    columns = ops.arange(n_rows if n_cols is None else n_cols, device=device)
    found = ops.eq(columns, ops.arange(n_rows).reshape(-1, 1) + k)
    return found.to(get_default_dtype() if dtype is None else as_dtype(dtype, "eye"))


def linspace(
    start: Any, stop: Any, /, num: int, *, dtype: Any = None, device: Any = None, endpoint: bool = True
) -> Tensor:
    """A number of equally spaced numbers.

    Parameters
    ----------
    start, stop : number
    num : int
        How many.
    dtype : dtype, optional
        By default the default float.
    device : "cpu", optional
    endpoint : bool
        Whether `stop` is the last of them, or would be the next.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If `num` is negative.

    Examples
    --------
    >>> wg.array_api.linspace(0, 1, 5), wg.array_api.linspace(0, 1, 5, endpoint=False)
    (tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000]), tensor([0.0000, 0.2000, 0.4000, 0.6000, 0.8000]))
    """
    if num < 0:
        raise ValueError(f"linspace: expected num >= 0, got {num}")
    found = ops.linspace(start, stop, num + (not endpoint), dtype=dtype, device=device)
    return found if endpoint else found[:num]


def meshgrid(*arrays: Any, indexing: str = "xy") -> tuple[Tensor, ...]:
    """The coordinates of a grid, an array for each.

    Parameters
    ----------
    *arrays : tensor
        Of one dimension: the places along each axis.
    indexing : "xy" or "ij"
        "xy": the first array runs along the second dimension of the results.

    Returns
    -------
    tuple of Tensor

    Raises
    ------
    ValueError
        If `indexing` is something else.

    Examples
    --------
    >>> wg.array_api.meshgrid(wg.tensor([1, 2]), wg.tensor([3, 4]))[0]
    tensor([[1, 2],
            [1, 2]])
    """
    return ops.meshgrid(*arrays, indexing=indexing) if arrays else ()


def tril(x: Any, /, *, k: int = 0) -> Tensor:
    """Matrices with zeros above a diagonal.

    Parameters
    ----------
    x : tensor
        Of at least two dimensions.
    k : int
        Which diagonal: above the main one if positive.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.array_api.tril(wg.ones(2, 2))
    tensor([[1., 0.],
            [1., 1.]])
    """
    return ops.tril(x, k)


def triu(x: Any, /, *, k: int = 0) -> Tensor:
    """Matrices with zeros below a diagonal.

    Parameters
    ----------
    x : tensor
        Of at least two dimensions.
    k : int
        Which diagonal: above the main one if positive.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.array_api.triu(wg.ones(2, 2), k=1)
    tensor([[0., 1.],
            [0., 0.]])
    """
    return ops.triu(x, k)
