"""Tensors from numbers, from arrays and from nothing.

What is made of Python numbers has the default float dtype, int64 or bool; what is made of arrays keeps their dtype.
Sizes are integers or one tuple. The only device is "cpu"; the argument is there for code that passes it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core import dtypes
from ..core.arguments import integer, sizes
from ..core.batching import Batch, refuse_shapes, unchanged
from ..core.bound import by_bindings, shaped_by_items
from ..core.broadcast import cast
from ..core.define import computed, linear
from ..core.devices import require_cpu
from ..core.doors import alike, constant, enter, enter_numbers, leave, require_unfollowed
from ..core.modes import recorder
from ..core.signatures import tells
from ..core.tape import Operation, apply
from ..core.variable import Variable, detached
from .index import diagonal as diagonal_of
from .index import on_diagonal
from .naming import called
from .shape import clone, spread, viewed

__all__ = [
    "arange", "as_tensor", "asarray", "diag", "empty", "empty_like", "eye", "from_numpy", "full", "full_like",
    "linspace", "logspace", "meshgrid", "one_hot", "ones", "ones_like", "tensor", "tril", "tril_indices", "triu",
    "triu_indices", "zeros",
    "zeros_like",
]  # fmt: skip

# ---------------------------------------------------------------- what every function here needs

_RECYCLED = (dtypes.float32, dtypes.float64, dtypes.int64, dtypes.bool)


_PYTHON = {float: None, int: dtypes.int64, bool: dtypes.bool}  # None: the default float, as it is at the time


_LARGE = 1 << 24  # bytes from which fresh pages of zeros cost more than writing zeros into recycled memory


_NUMBERS = (list, tuple, *_PYTHON)


def shape_of(name: str, size: tuple[Any, ...], keyword: Any = None) -> tuple[int, ...]:
    """The shape that f(2, 3), f((2, 3)) or f(size=(2, 3)) asks for."""
    if keyword is not None:
        if size:
            raise TypeError(f"{name}: the size is given twice, as {size} and as size={keyword}")
        size = (keyword,)
    if not size:
        raise TypeError(f"{name}: expected a size, as in {name}(2, 3) or {name}((2, 3)); () makes a 0-d tensor")
    try:
        shape = sizes(size)
    except TypeError:
        raise TypeError(f"{name}: expected a size of integers or one tuple of them, got {size}") from None
    if min(shape, default=0) < 0:
        raise ValueError(f"{name}: lengths cannot be negative, got size {shape}")
    return shape


def float_dtype(name: str, dtype: Any) -> np.dtype:
    """`dtype`, which must be a floating one; the default one for None."""
    if dtype is None:
        return dtypes.get_default_dtype()
    found = dtypes.as_dtype(dtype, name)
    if found.kind != "f":
        raise TypeError(f"{name}: expected float16, float32 or float64, got {found}")
    return found


@by_bindings
def allocate(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An uninitialised array, in recycled memory where there is some of that dtype."""
    return _kernels.empty(shape, dtype) if dtype in _RECYCLED else np.empty(shape, dtype)


def leaf(name: str, out: Tensor, requires_grad: bool = False, device: Any = None) -> Tensor:
    """A new tensor, whose memory nobody else has, as its maker asked for it."""
    if device is not None:
        require_cpu(name, device)
    if requires_grad:
        if out._value.dtype.kind != "f":
            raise RuntimeError(f"{name}: only floating tensors can require gradients, this one is {out._value.dtype}")
        out.requires_grad_()
    return out


def number(name: str, argument: str, x: Any) -> Any:
    """A Python number from a number, a NumPy scalar or a 0-d tensor."""
    if type(x) in _PYTHON:
        return x
    if isinstance(x, Variable):
        shape = x._value.shape
        value = leave(x, "number").item() if not shape else x
    else:
        shape = x.shape if isinstance(x, (np.ndarray, np.generic)) else None
        value = x.item() if shape == () and x.dtype.kind in "biuf" else x
    if not isinstance(value, (int, float)):
        what = repr(x) if shape is None else f"{type(x).__name__} of shape {shape}"
        raise TypeError(f"{name}: expected {argument} to be a number, got {what}")
    return value


@functools.cache
def limits(dtype: np.dtype) -> tuple[Any, Any]:
    """The smallest and the largest finite number of a dtype, as Python numbers."""
    if dtype.kind == "f":
        return float(np.finfo(dtype).min), float(np.finfo(dtype).max)
    return (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)


def _in_range(name: str, value: Any, dtype: np.dtype) -> Any:
    """The number as an item of the dtype: truncated for integers, truth for bool; never wrapped or overflowing."""
    kind = dtype.kind
    if kind == "f" and -65504 <= value <= 65504:  # in the range of any
        return value
    if kind == "b":
        return bool(value)
    low, high = limits(dtype)
    if not low <= value <= high and (kind != "f" or math.isfinite(value)):
        raise OverflowError(f"{name}: {value} does not fit into {dtype}, which goes from {low} to {high}")
    return value if kind == "f" else int(value)


def _filled(shape: tuple[int, ...], value: Any, dtype: np.dtype) -> np.ndarray:
    """An array of one number that is in the range of the dtype."""
    if value == 0 and math.prod(shape) * dtype.itemsize < _LARGE:
        return np.zeros(shape, dtype)
    out: np.ndarray = _kernels.filled(shape, dtype, value)
    return out


# ---------------------------------------------------------------- from data


@tells
def tensor(
    data: Any,
    dtype: Any = None,
    requires_grad: bool = False,
    device: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """A new tensor with a copy of some data.

    Parameters
    ----------
    data : number, nested sequences of numbers, array or tensor
        Sequences may contain arrays and tensors. In a sequence that begins with a number or with a tensor of one item,
        tensors of one item are numbers, whatever their shape.
    dtype : dtype, optional
        By default that of the data; of Python numbers the default float, int64 or bool; of a mixture the one that
        `promote_types` gives.
    requires_grad : bool
        Record what is computed from the tensor.
    device : "cpu", optional
    layout, pin_memory : optional
        Of PyTorch: there is one layout, and nothing to pin.

    Returns
    -------
    Tensor
        A leaf, in C order.

    Raises
    ------
    TypeError
        If there is something that is no number, or an array of a dtype that tensors do not have.
    ValueError
        If nested sequences are ragged; the message tells where.
    OverflowError
        If a Python number does not fit into an integer dtype.
    RuntimeError
        If gradients are required of a dtype that has none.

    Examples
    --------
    >>> wg.tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    >>> wg.tensor([1, 2.5, True])
    tensor([1.0000, 2.5000, 1.0000])
    >>> wg.tensor(np.arange(3.))
    tensor([0., 1., 2.], dtype=wengert.float64)
    """
    return leaf("tensor", _from_data("tensor", data, dtype), requires_grad, device)


@tells
def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """Data as a tensor, without a copy where none is needed.

    Parameters
    ----------
    data : number, nested sequences of numbers, array or tensor
    dtype : dtype, optional
        By default as in `tensor`.
    device : "cpu", optional

    Returns
    -------
    Tensor
        The tensor itself, or one over the memory of the array, unless the dtype differs; otherwise a copy. The
        conversion of a tensor is recorded.

    Raises
    ------
    TypeError, ValueError, OverflowError
        As in `tensor`.

    Examples
    --------
    >>> array = np.zeros(2, np.float32)
    >>> wg.as_tensor(array)[0] = 7
    >>> array
    array([7., 0.], dtype=float32)
    """
    if isinstance(data, Variable):
        require_cpu("as_tensor", device)
        given = enter(data)
        wanted = given._value.dtype if dtype is None else dtypes.as_dtype(dtype, "as_tensor")
        return given if given._value.dtype == wanted else cast(given, wanted)
    return leaf("as_tensor", _from_data("as_tensor", data, dtype, copy=None), device=device)


@tells
def asarray(
    obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool | None = None
) -> Tensor:
    """Data as a tensor, with a word on copying.

    Parameters
    ----------
    obj : number, nested sequences of numbers, array or tensor
        Also whatever offers `__array__` or DLPack.
    dtype : dtype, optional
        By default as in `tensor`.
    device : "cpu", optional
    copy : bool, optional
        True: always; False: never; None: where needed.
    requires_grad : bool, optional
        None: as the tensor that is given does, else not. False detaches.

    Returns
    -------
    Tensor
        The tensor itself if nothing changes; a conversion or copy of one that requires gradients is recorded.

    Raises
    ------
    ValueError
        If a copy is needed but forbidden, and as in `tensor`.
    TypeError, OverflowError, RuntimeError
        As in `tensor`.

    Examples
    --------
    >>> array = np.zeros(2)
    >>> np.shares_memory(wg.asarray(array).numpy(), array)
    True
    """
    if isinstance(obj, Variable):
        given = enter(obj)
        if obj.requires_grad and requires_grad is not False:
            out = as_tensor(given, dtype, device)
            if out is not given and copy is False:
                what = f"{given.dtype} cannot become {out.dtype}"
                raise ValueError(f"asarray: {what} without a copy; leave out copy=False")
            return clone(given) if copy and out is given else out
        if not copy and (dtype is None or dtypes.as_dtype(dtype, "asarray") == given._value.dtype):
            out = detached(given) if obj.requires_grad or requires_grad else given
            return leaf("asarray", out, bool(requires_grad), device)
    return leaf("asarray", _from_data("asarray", obj, dtype, copy), bool(requires_grad), device)


@tells
def from_numpy(array: np.ndarray) -> Tensor:
    """A tensor over the memory of an array: a change of one shows in the other.

    Parameters
    ----------
    array : numpy.ndarray
        Of any strides. A read-only array is accepted; writing to the tensor then raises NumPy's error.

    Returns
    -------
    Tensor

    Raises
    ------
    TypeError
        If it is no array, or has a dtype that tensors do not have.
    ValueError
        If its bytes are not in the order of this machine.

    Examples
    --------
    >>> array = np.ones(3)
    >>> x = wg.from_numpy(array)
    >>> array[0] = 5
    >>> x
    tensor([5., 1., 1.], dtype=wengert.float64)
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy: expected a numpy.ndarray, got {type(array).__name__}; use tensor or as_tensor")
    if _supported("from_numpy", array.dtype) != array.dtype:
        raise ValueError(
            f"from_numpy: the bytes of this array of dtype {array.dtype.str} are not in the order of this machine; "
            'copy it with array.astype(array.dtype.newbyteorder("="))'
        )
    return enter(np.asarray(array))


_CONVERSIONS = {
    "u": "array.astype(numpy.int64)",
    "f": "array.astype(numpy.float64)",
    "c": "array.real and array.imag",
    "O": "array.astype(numpy.float64), if all items are numbers",
    "U": "array.astype(numpy.float64), if all items are numbers",
    "S": "array.astype(numpy.float64), if all items are numbers",
    "M": "array.astype(numpy.int64)",
    "m": "array.astype(numpy.int64)",
}


def _supported(name: str, dtype: np.dtype, where: str = "") -> np.dtype:
    """The dtype in this machine's byte order, if tensors can have it."""
    native = dtype.newbyteorder("=")
    if native not in dtypes.ALL:
        convert = _CONVERSIONS.get(dtype.kind)
        raise TypeError(
            f"{name}: tensors cannot have dtype {dtype}{where}; there are {', '.join(map(str, dtypes.ALL))}"
            + (f"; convert first, with {convert}" if convert else "")
        )
    return native


def _from_data(name: str, data: Any, dtype: Any, copy: bool | None = True) -> Tensor:
    """The data as a tensor of a supported dtype; `copy`: True always, None where needed, False never."""
    wanted = None if dtype is None else dtypes.as_dtype(dtype, name)
    if isinstance(data, Variable):
        if copy is False:
            raise ValueError(f"{name}: {data._value.dtype} cannot become {wanted} without a copy; leave out copy=False")
        require_unfollowed(data, "another tensor, by a copy of its items,")
        return _COPY(data, dtype=wanted or data._value.dtype)
    if type(data) in _NUMBERS or not (_is_array_like(data) or hasattr(data, "__dlpack__")):
        if copy is False:
            raise ValueError(
                f"{name}: {type(data).__name__} cannot become a tensor without a copy; leave out copy=False"
            )
        return enter_numbers(_from_numbers(name, data, wanted))
    array = np.asarray(data) if _is_array_like(data) else np.from_dlpack(data)
    wanted = wanted or _supported(name, array.dtype)
    if not copy and array.dtype == wanted:
        return enter(array)
    _supported(name, array.dtype)
    if copy is False:
        raise ValueError(f"{name}: {array.dtype.str} cannot become {wanted} without a copy; leave out copy=False")
    if recorder() is not None:  # by way of the array itself, so that each run reads what it holds then
        return _COPY(enter(array), dtype=wanted)
    return enter(_copied(array, wanted))


@by_bindings
def _copied(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if x.dtype == dtype and recorder() is not None:
        copy: np.ndarray = _kernels.copied(x)
        return copy
    out = allocate(x.shape, dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        np.copyto(out, x, casting="unsafe")
    return out


_COPY = computed("tensor", _copied, batched=unchanged)


def _from_numbers(name: str, data: Any, wanted: np.dtype | None) -> np.ndarray:
    """An array of Python numbers and sequences."""
    found: set[np.dtype] = set()
    nested, _ = _read(name, data, (), found)
    if wanted is None:
        wanted = dtypes.get_default_dtype() if not found else found.pop()
        for dtype in found:
            wanted = dtypes.promote_types(wanted, dtype)
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            return np.array(nested, dtype=wanted)
    except (OverflowError, ValueError) as error:
        raise OverflowError(f"{name}: a number does not fit into {wanted}: {error}") from error


def _read(name: str, data: Any, path: tuple[int, ...], found: set[np.dtype]) -> tuple[Any, tuple[int, ...]]:
    """The data with arrays in place of tensors and lists in place of other sequences, and its shape.

    `path` tells where it stands in the whole; the dtypes of what is there are added to `found`.
    """
    if type(data) in _PYTHON:
        found.add(_PYTHON[type(data)] or dtypes.get_default_dtype())
        return data, ()
    if isinstance(data, Variable) or _is_array_like(data):
        array = leave(data, "array") if isinstance(data, Variable) else np.asarray(data)
        found.add(_supported(name, array.dtype, f", as {_place(path)} has"))
        return array, array.shape
    if isinstance(data, (int, float)):  # of a class derived from these
        return _read(name, int(data) if isinstance(data, int) else float(data), path, found)
    items = _items(name, data, path)
    kinds = set(map(type, items))
    if kinds <= _PYTHON.keys():
        found.update(_PYTHON[kind] or dtypes.get_default_dtype() for kind in kinds)
        return items, (len(items),)
    read = [_read(name, item, (*path, k), found) for k, item in enumerate(items)]
    first = read[0][1]
    if isinstance(items[0], Variable) and items[0]._value.size == 1:  # tensors of one item are numbers
        first = ()
    if first == ():
        read = [
            (part.reshape(()), ()) if isinstance(item, Variable) and item._value.size == 1 else (part, shape)
            for item, (part, shape) in zip(items, read, strict=True)
        ]
    for k, (_, shape) in enumerate(read):
        if shape != first:
            raise ValueError(
                f"{name}: {_place((*path, k))} has shape {shape} but {_place((*path, 0))} has shape {first}; "
                "nested sequences must not be ragged"
            )
    return [item for item, _ in read], (len(read), *first)


def _items(name: str, data: Any, path: tuple[int, ...]) -> list[Any] | tuple[Any, ...]:
    """The items of a sequence."""
    if isinstance(data, (list, tuple)):
        return data
    if isinstance(data, (str, bytes, Mapping)) or not (hasattr(data, "__len__") and hasattr(data, "__getitem__")):
        hint = "; make a list of it first" if isinstance(data, Iterable) and not isinstance(data, (str, bytes)) else ""
        raise TypeError(
            f"{name}: expected numbers, sequences of numbers, arrays or tensors, "
            f"got {type(data).__name__} as {_place(path)}{hint}"
        )
    return data.tolist() if hasattr(data, "tolist") else list(data)


def _is_array_like(data: Any) -> bool:
    return hasattr(data, "__array__") or hasattr(data, "__array_interface__")


def _place(path: tuple[int, ...]) -> str:
    return "data" + "".join(f"[{k}]" for k in path)


# ---------------------------------------------------------------- of one value


@tells
def zeros(
    *shape: Any, size: Any = None, dtype: Any = None, requires_grad: bool = False, device: Any = None,
    layout: Any = None, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """A tensor of zeros.

    Parameters
    ----------
    *shape : int, or one tuple of int
        Also spelled `size`.
    dtype : dtype, optional
        By default the default float.
    requires_grad : bool
    device : "cpu", optional
    layout, pin_memory : optional
        Of PyTorch: there is one layout, and nothing to pin.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If a length is negative.

    Examples
    --------
    >>> wg.zeros(2, 3)
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    return _constant("zeros", shape_of("zeros", shape, size), 0, dtype, requires_grad, device)


@tells
def ones(
    *shape: Any, size: Any = None, dtype: Any = None, requires_grad: bool = False, device: Any = None,
    layout: Any = None, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """A tensor of ones.

    Parameters
    ----------
    *shape : int, or one tuple of int
        Also spelled `size`.
    dtype : dtype, optional
        By default the default float.
    requires_grad : bool
    device : "cpu", optional
    layout, pin_memory : optional
        Of PyTorch: there is one layout, and nothing to pin.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If a length is negative.

    Examples
    --------
    >>> wg.ones(3)
    tensor([1., 1., 1.])
    """
    return _constant("ones", shape_of("ones", shape, size), 1, dtype, requires_grad, device)


@tells
def full(
    size: Any, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False, device: Any = None,
    layout: Any = None, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """A tensor of one number.

    Parameters
    ----------
    size : int or tuple of int
    fill_value : number or 0-d tensor
    dtype : dtype, optional
        By default the default float, int64 or bool, by the kind of the number.
    requires_grad : bool
    device : "cpu", optional
    layout, pin_memory : optional
        Of PyTorch: there is one layout, and nothing to pin.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If a length is negative.
    OverflowError
        If the number is not in the range of the dtype.

    Examples
    --------
    >>> wg.full((2, 2), 7)
    tensor([[7, 7],
            [7, 7]])
    """
    value = number("full", "fill_value", fill_value)
    found = dtypes.result_type(value) if dtype is None else dtypes.as_dtype(dtype, "full")
    value = _in_range("full", value, found)
    return _constant("full", shape_of("full", (size,)), value, found, requires_grad, device)


@tells
def empty(
    *shape: Any, size: Any = None, dtype: Any = None, requires_grad: bool = False, device: Any = None,
    layout: Any = None, pin_memory: bool = False,
    memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """A tensor of whatever stood in its memory, to be written to before it is read.

    Parameters
    ----------
    *shape : int, or one tuple of int
        Also spelled `size`.
    dtype : dtype, optional
        By default the default float.
    requires_grad : bool
    device : "cpu", optional
    layout, pin_memory : optional
        Of PyTorch: there is one layout, and nothing to pin.
    memory_format : object
        Accepted as in PyTorch, of no effect.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If a length is negative.

    Examples
    --------
    >>> wg.empty(2, 3).shape
    wengert.Size([2, 3])
    """
    found = dtypes.get_default_dtype() if dtype is None else dtypes.as_dtype(dtype, "empty")
    return leaf("empty", constant(allocate, shape_of("empty", shape, size), found), requires_grad, device)


def _constant(
    name: str, shape: tuple[int, ...], value: Any, dtype: Any, requires_grad: bool, device: Any
) -> Tensor:  # fmt: skip
    found = dtypes.get_default_dtype() if dtype is None else dtypes.as_dtype(dtype, name)
    return leaf(name, constant(_filled, shape, value, found), requires_grad, device)


def zeros_like(
    x: Any, *, dtype: Any = None, requires_grad: bool = False, device: Any = None,
    layout: Any = None, pin_memory: bool = False, memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """Zeros of another tensor's shape and dtype.

    Parameters
    ----------
    x : tensor or array
    dtype : dtype, optional
        By default x's.
    requires_grad : bool
    device : "cpu", optional
    layout, pin_memory : optional
        Of PyTorch: there is one layout, and nothing to pin.
    memory_format : object
        Accepted as in PyTorch, of no effect.

    Returns
    -------
    Tensor
        In C order, a leaf.

    Examples
    --------
    >>> wg.zeros_like(wg.tensor([1, 2]))
    tensor([0, 0])
    """
    return _filled_like("zeros_like", x, 0, dtype, requires_grad, device)


def ones_like(
    x: Any, *, dtype: Any = None, requires_grad: bool = False, device: Any = None,
    layout: Any = None, pin_memory: bool = False, memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """Ones of another tensor's shape and dtype.

    Parameters
    ----------
    x : tensor or array
    dtype : dtype, optional
        By default x's.
    requires_grad : bool
    device : "cpu", optional
    layout, pin_memory : optional
        Of PyTorch: there is one layout, and nothing to pin.
    memory_format : object
        Accepted as in PyTorch, of no effect.

    Returns
    -------
    Tensor
        In C order, a leaf.

    Examples
    --------
    >>> wg.ones_like(wg.tensor([1, 2]))
    tensor([1, 1])
    """
    return _filled_like("ones_like", x, 1, dtype, requires_grad, device)


def full_like(
    x: Any, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False, device: Any = None,
    layout: Any = None, pin_memory: bool = False,
    memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """One number, in another tensor's shape and dtype.

    Parameters
    ----------
    x : tensor or array
    fill_value : number or 0-d tensor
    dtype : dtype, optional
        By default x's.
    requires_grad : bool
    device : "cpu", optional
    layout, pin_memory : optional
        Of PyTorch: there is one layout, and nothing to pin.
    memory_format : object
        Accepted as in PyTorch, of no effect.

    Returns
    -------
    Tensor
        In C order, a leaf.

    Raises
    ------
    OverflowError
        If the number is not in the range of the dtype.

    Examples
    --------
    >>> wg.full_like(wg.tensor([1., 2.]), 7)
    tensor([7., 7.])
    """
    return _filled_like("full_like", x, number("full_like", "fill_value", fill_value), dtype, requires_grad, device)


def empty_like(
    x: Any, *, dtype: Any = None, requires_grad: bool = False, device: Any = None,
    layout: Any = None, pin_memory: bool = False, memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """A tensor of another's shape and dtype, to be written to before it is read.

    Parameters
    ----------
    x : tensor or array
    dtype : dtype, optional
        By default x's.
    requires_grad : bool
    device : "cpu", optional
    layout, pin_memory : optional
        Of PyTorch: there is one layout, and nothing to pin.
    memory_format : object
        Accepted as in PyTorch, of no effect.

    Returns
    -------
    Tensor
        In C order, a leaf.

    Examples
    --------
    >>> wg.empty_like(wg.tensor([1, 2])).dtype
    dtype('int64')
    """
    x = enter(x)
    found = x._value.dtype if dtype is None else dtypes.as_dtype(dtype, "empty_like")
    return leaf("empty_like", alike(x, constant(allocate, x._value.shape, found)), requires_grad, device)


def _filled_like(name: str, x: Any, value: Any, dtype: Any, requires_grad: bool, device: Any) -> Tensor:
    x = enter(x)
    found = x._value.dtype if dtype is None else dtypes.as_dtype(dtype, name)
    if value != 0 and value != 1:  # which any dtype has
        value = _in_range(name, value, found)
    out = alike(x, constant(_filled, x._value.shape, value, found))
    return leaf(name, out, requires_grad, device) if requires_grad or device is not None else out


# ---------------------------------------------------------------- ranges


@tells
def arange(
    start: Any = None, end: Any = None, step: Any = None, *, dtype: Any = None, requires_grad: bool = False,
    device: Any = None, layout: Any = None, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """The numbers from `start` up to, not including, `end`, at a distance of `step`.

    Parameters
    ----------
    start : number
        0 where a single number is given: that is `end`.
    end : number
    step : number
        1 if left out.
    dtype : dtype, optional
        By default int64 if all numbers are integers, else the default float. Of an integer dtype, the numbers are
        truncated first.
    requires_grad : bool
    device : "cpu", optional
    layout, pin_memory : optional
        Of PyTorch: there is one layout, and nothing to pin.

    Returns
    -------
    Tensor
        Of shape (ceil((end - start) / step),). Item i is start + i * step, computed in float64 and rounded once.

    Raises
    ------
    ValueError
        If the step is 0 or leads away from `end`, or if a number is not finite.
    OverflowError
        If a number is not in the range of an integer dtype.

    Examples
    --------
    >>> wg.arange(5)
    tensor([0, 1, 2, 3, 4])
    >>> wg.arange(1, 2.5, 0.5)
    tensor([1.0000, 1.5000, 2.0000])
    """
    if end is None:
        if start is None or step is not None:
            raise TypeError("arange: expected arange(end), arange(start, end) or arange(start, end, step)")
        start, end = 0, start
    low = number("arange", "start", 0 if start is None else start)
    high = number("arange", "end", end)
    by = number("arange", "step", 1 if step is None else step)
    whole = type(low) is int and type(high) is int and type(by) is int
    if dtype is None:
        floats = not whole and any(isinstance(v, float) for v in (low, high, by))
        found = dtypes.get_default_dtype() if floats else dtypes.int64
    else:
        found = dtypes.as_dtype(dtype, "arange")
    if found == dtypes.bool:
        raise TypeError("arange: expected a dtype of numbers, got bool")
    if not whole and not all(map(math.isfinite, (low, high, by))):
        raise ValueError(f"arange: expected finite numbers, got start {low}, end {high}, step {by}")
    if found.kind != "f" and not whole:
        low, high, by = int(low), int(high), int(by)
    if by == 0 or (high - low) * by < 0:
        raise ValueError(f"arange: steps of {by} do not lead from {low} to {high}")
    numbers = constant(_float_range if found.kind == "f" else _integer_range, low, high, by, found)
    return leaf("arange", numbers, requires_grad, device)


def _float_range(low: float, high: float, by: float, dtype: np.dtype) -> np.ndarray:
    count = math.ceil((high - low) / by)
    if dtype is dtypes.float16:
        return _kernels.spaced(count, dtypes.float64, low, by).astype(dtype)
    return _kernels.spaced(count, dtype, low, by)


def _integer_range(low: int, high: int, by: int, dtype: np.dtype) -> np.ndarray:
    span = range(low, high, by)
    if dtype is dtypes.int64 and -(2**61) < low < 2**61 and -(2**61) < high < 2**61:
        return _kernels.spaced(len(span), dtype, low, by)
    least, most = limits(dtype)
    if span and not (least <= min(span[0], span[-1]) and max(span[0], span[-1]) <= most):
        raise OverflowError(
            f"arange: {span[0]} to {span[-1]} does not fit into {dtype}, which goes from {least} to {most}"
        )
    numbers: np.ndarray = _kernels.spaced(len(span), dtypes.int64, low, by)
    return numbers if dtype is dtypes.int64 else numbers.astype(dtype, copy=False)


@tells
def linspace(
    start: Any, end: Any, steps: int, *, dtype: Any = None, requires_grad: bool = False, device: Any = None,
    layout: Any = None, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Numbers at equal distances from `start` to `end`, both included.

    Parameters
    ----------
    start, end : number or 0-d tensor
        Truncated first if the dtype is an integer one.
    steps : int
        How many.
    dtype : dtype, optional
        By default the default float.
    requires_grad : bool
    device : "cpu", optional
    layout, pin_memory : optional
        Of PyTorch: there is one layout, and nothing to pin.

    Returns
    -------
    Tensor
        Of shape (steps,), computed in float64 from both ends, so that the last is exactly `end`.

    Raises
    ------
    ValueError
        If `steps` is negative.

    Examples
    --------
    >>> wg.linspace(0, 1, 5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    found = dtypes.get_default_dtype() if dtype is None else dtypes.as_dtype(dtype, "linspace")
    ends = _ends("linspace", start, end, steps, found)
    return leaf("linspace", constant(_spaced, *ends, found), requires_grad, device)


@tells
def logspace(
    start: Any, end: Any, steps: int, base: float = 10.0, *, dtype: Any = None, requires_grad: bool = False,
    device: Any = None, layout: Any = None, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Powers of `base` with exponents at equal distances from `start` to `end`, both included.

    Parameters
    ----------
    start, end : number or 0-d tensor
        The exponents; truncated first if the dtype is an integer one.
    steps : int
        How many.
    base : float
    dtype : dtype, optional
        By default the default float.
    requires_grad : bool
    device : "cpu", optional
    layout, pin_memory : optional
        Of PyTorch: there is one layout, and nothing to pin.

    Returns
    -------
    Tensor
        Of shape (steps,).

    Raises
    ------
    ValueError
        If `steps` is negative.

    Examples
    --------
    >>> wg.logspace(0, 2, 3)
    tensor([  1.,  10., 100.])
    """
    found = dtypes.get_default_dtype() if dtype is None else dtypes.as_dtype(dtype, "logspace")
    ends, root = _ends("logspace", start, end, steps, found), float(number("logspace", "base", base))
    return leaf("logspace", constant(_powers, root, *ends, found), requires_grad, device)


def _ends(name: str, start: Any, end: Any, steps: int, dtype: np.dtype) -> tuple[Any, Any, int]:
    """The first and the last number, and how many there are."""
    low, high, count = number(name, "start", start), number(name, "end", end), integer(name, "steps", steps)
    if count < 0:
        raise ValueError(f"{name}: the number of steps cannot be negative, got {count}")
    return (low, high, count) if dtype.kind == "f" else (math.trunc(low), math.trunc(high), count)


def _distances(low: Any, high: Any, count: int, dtype: np.dtype = dtypes.float64) -> np.ndarray:
    """Numbers at equal distances, the first half counted from the start and the second from the end, in float64."""
    if count == 1:
        return _kernels.spaced(1, dtype, low, -0.0)
    return _kernels.spaced(count, dtype, low, (high - low) / max(count - 1, 1), high)


def _spaced(low: Any, high: Any, count: int, dtype: np.dtype) -> np.ndarray:
    if dtype is dtypes.float32 or dtype is dtypes.float64:
        return _distances(low, high, count, dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        return _distances(low, high, count).astype(dtype, copy=False)


def _powers(base: float, low: Any, high: Any, count: int, dtype: np.dtype) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return np.asarray(np.power(base, _distances(low, high, count))).astype(dtype)


@tells
def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Coordinates on a grid: each tensor repeated along the dimensions of the others.

    Parameters
    ----------
    *tensors : tensors of at most one dimension, or one sequence of them
        Of one dtype.
    indexing : {"ij", "xy"}
        "ij": dimension k belongs to tensor k. "xy": the first two dimensions are exchanged (NumPy's default).

    Returns
    -------
    tuple of Tensor
        Read-only views, each of shape (n_0, n_1, ...).

    Raises
    ------
    ValueError
        If there is no tensor, or one has more than one dimension, or `indexing` is neither.
    TypeError
        If the dtypes differ.

    Examples
    --------
    >>> rows, columns = wg.meshgrid(wg.arange(2), wg.arange(3))
    >>> rows
    tensor([[0, 0, 0],
            [1, 1, 1]])
    >>> columns
    tensor([[0, 1, 2],
            [0, 1, 2]])
    """
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tuple(tensors[0])
    axes = [enter(x) for x in tensors]
    shapes, kinds = [x._value.shape for x in axes], [x._value.dtype for x in axes]
    if not axes or max(map(len, shapes)) > 1:
        given = ", ".join(map(str, shapes)) or "none"
        raise ValueError(f"meshgrid: expected tensors of at most one dimension, got {given}")
    if kinds.count(kinds[0]) < len(kinds):
        raise TypeError(f"meshgrid: expected one dtype, got {', '.join(map(str, kinds))}")
    if indexing not in ("ij", "xy"):
        raise ValueError(f'meshgrid: indexing is "ij" or "xy", not {indexing!r}')
    grid = tuple([shape[0] if shape else 1 for shape in shapes])
    behind = list(range(len(axes)))[::-1]  # how many dimensions come after each tensor's own
    if indexing == "xy":
        behind[:2], grid = behind[1::-1], (*grid[1::-1], *grid[2:])
    made = []
    for x, shape, after in zip(axes, shapes, behind, strict=True):
        line = x if shape and not after else viewed(x, (*(shape or (1,)), *(1,) * after))
        made.append(spread(line, grid))
    return tuple(made)


# ---------------------------------------------------------------- matrices


def eye(
    n: int, m: int | None = None, *, dtype: Any = None, requires_grad: bool = False, device: Any = None,
    layout: Any = None, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """A matrix with ones on the diagonal and zeros elsewhere.

    Parameters
    ----------
    n : int
        Rows.
    m : int, optional
        Columns; by default n.
    dtype : dtype, optional
        By default the default float.
    requires_grad : bool
    device : "cpu", optional
    layout, pin_memory : optional
        Of PyTorch: there is one layout, and nothing to pin.

    Returns
    -------
    Tensor
        Of shape (n, m).

    Raises
    ------
    ValueError
        If n or m is negative.

    Examples
    --------
    >>> wg.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    rows = integer("eye", "n", n)
    shape = (rows, rows if m is None else integer("eye", "m", m))
    if min(shape) < 0:
        shape_of("eye", shape)  # which says so
    found = dtypes.get_default_dtype() if dtype is None else dtypes.as_dtype(dtype, "eye")
    return leaf("eye", constant(_unit, shape, found), requires_grad, device)


_one = functools.cache(functools.partial(np.ones, ()))


def _unit(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    return _kernels.on_diagonal(_one(dtype), 0, shape)


def tril(x: Any, diagonal: int = 0) -> Tensor:
    """The lower triangle of matrices, with zeros above it.

    Parameters
    ----------
    x : tensor
        Of shape (..., m, n).
    diagonal : int
        The last diagonal that is kept: 0 the main one, 1 the one above it.

    Returns
    -------
    Tensor
        Of x's shape.

    Raises
    ------
    ValueError
        If x has fewer than two dimensions.

    Examples
    --------
    >>> wg.tril(wg.ones(2, 3))
    tensor([[1., 0., 0.],
            [1., 1., 0.]])
    """
    return _triangle("tril", x, True, diagonal)


def triu(x: Any, diagonal: int = 0) -> Tensor:
    """The upper triangle of matrices, with zeros below it.

    Parameters
    ----------
    x : tensor
        Of shape (..., m, n).
    diagonal : int
        The first diagonal that is kept: 0 the main one, 1 the one above it.

    Returns
    -------
    Tensor
        Of x's shape.

    Raises
    ------
    ValueError
        If x has fewer than two dimensions.

    Examples
    --------
    >>> wg.triu(wg.ones(2, 3))
    tensor([[1., 1., 1.],
            [0., 1., 1.]])
    """
    return _triangle("triu", x, False, diagonal)


def _triangle(name: str, x: Any, lower: bool, diagonal: Any) -> Tensor:
    x, k = enter(x), integer(name, "diagonal", diagonal)
    if x._value.ndim < 2:
        raise ValueError(f"{name}: expected matrices, of at least two dimensions, got shape {x._value.shape}")
    z = apply(_TRIANGLE, (x,), {"lower": lower, "diagonal": k})
    return z if z._node is None else called(name, z)


_TRIANGLE: Operation = linear(
    "triangle", _kernels.triangle,
    lambda g, lower, diagonal: apply(_TRIANGLE, (g,), {"lower": lower, "diagonal": diagonal}), batched=unchanged,
)  # fmt: skip


def _places_as(dtype: np.dtype, *triangle: Any) -> np.ndarray:
    places: np.ndarray = _kernels.triangle_places(*triangle).astype(dtype)
    return places


def _triangle_indices(name: str, lower: bool, row: Any, col: Any, offset: Any, dtype: Any, device: Any) -> Tensor:
    rows, columns, k = integer(name, "row", row), integer(name, "col", col), integer(name, "offset", offset)
    if rows < 0 or columns < 0:
        shape_of(name, (rows, columns))  # which says so
    if dtype is None or dtype is dtypes.int64:
        out = constant(_kernels.triangle_places, rows, columns, k, lower)
    else:
        found = dtypes.as_dtype(dtype, name)
        if found.kind not in "iu":
            raise TypeError(f"{name}: expected an integer dtype for places, got {found}")
        out = constant(_places_as, found, rows, columns, k, lower)
    return out if device is None else leaf(name, out, False, device)


def tril_indices(
    row: int,
    col: int,
    offset: int = 0,
    *,
    dtype: Any = None,
    device: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """The places of the lower triangle of a matrix, row by row.

    Parameters
    ----------
    row, col : int
        The matrix's lengths.
    offset : int
        The last diagonal that belongs to it: 0 the main one, 1 the one above it.
    dtype : dtype or None
        Of integers; None: int64.
    device : "cpu", optional
    layout, pin_memory : optional
        Of PyTorch: there is one layout, and nothing to pin.

    Returns
    -------
    Tensor
        (2, n): the rows of the places, and their columns.

    Raises
    ------
    ValueError
        If a length is negative.
    TypeError
        If the dtype is not of integers.

    Examples
    --------
    >>> wg.tril_indices(2, 3)
    tensor([[0, 1, 1],
            [0, 0, 1]])
    """
    return _triangle_indices("tril_indices", True, row, col, offset, dtype, device)


def triu_indices(
    row: int,
    col: int,
    offset: int = 0,
    *,
    dtype: Any = None,
    device: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """The places of the upper triangle of a matrix, row by row.

    Parameters
    ----------
    row, col : int
        The matrix's lengths.
    offset : int
        The first diagonal that belongs to it: 0 the main one, 1 the one above it.
    dtype : dtype or None
        Of integers; None: int64.
    device : "cpu", optional
    layout, pin_memory : optional
        Of PyTorch: there is one layout, and nothing to pin.

    Returns
    -------
    Tensor
        (2, n): the rows of the places, and their columns.

    Raises
    ------
    ValueError
        If a length is negative.
    TypeError
        If the dtype is not of integers.

    Examples
    --------
    >>> wg.triu_indices(2, 3)
    tensor([[0, 0, 0, 1, 1],
            [0, 1, 2, 1, 2]])
    """
    return _triangle_indices("triu_indices", False, row, col, offset, dtype, device)


def diag(x: Any, diagonal: int = 0) -> Tensor:
    """The matrix with a given diagonal, or the diagonal of a matrix.

    Parameters
    ----------
    x : tensor
        Of one dimension, or of two.
    diagonal : int
        0 the main one, 1 the one above it, -1 the one below it.

    Returns
    -------
    Tensor
        A square matrix with x on the diagonal and zeros elsewhere, or a vector: a copy of the diagonal.

    Raises
    ------
    ValueError
        If x has neither one nor two dimensions.

    Examples
    --------
    >>> wg.diag(wg.tensor([1., 2.]))
    tensor([[1., 0.],
            [0., 2.]])
    >>> wg.diag(wg.tensor([[1., 2.], [3., 4.]]))
    tensor([1., 4.])
    """
    x = enter(x)
    k = integer("diag", "diagonal", diagonal)
    if x._value.ndim == 1:
        side = x._value.size + abs(k)
        return called("diag", on_diagonal(x, (side, side), k))
    if x._value.ndim == 2:
        return called("diag", clone(diagonal_of(x, k)))
    raise ValueError(f"diag: expected a vector or a matrix, got shape {x._value.shape}")


_ONE = np.ones((), np.int64)


@tells
def one_hot(x: Any, num_classes: int = -1) -> Tensor:
    """Class numbers as rows with a single 1.

    Parameters
    ----------
    x : tensor of integers
        The class numbers, of any shape.
    num_classes : int
        The length of the rows; -1: as long as the largest number needs.

    Returns
    -------
    Tensor
        int64, of x's shape with `num_classes` behind it.

    Raises
    ------
    TypeError
        If the numbers are not integers.
    ValueError
        If a number is negative or not below `num_classes`, or if there is none to count the classes by.

    Examples
    --------
    >>> wg.one_hot(wg.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    labels, count = enter(x), integer("one_hot", "num_classes", num_classes)
    if labels._value.dtype.kind not in "iu":
        raise TypeError(f"one_hot: expected integers, got {labels._value.dtype}")
    if count < -1 or (count == -1 and not labels._value.size):
        raise ValueError(f"one_hot: {count} is no number of classes; give one of at least 0, or -1 with some labels")
    return _ONE_HOT(labels, classes=count)


_lowest = _kernels.Fold("min", lambda x, dims, keepdim: x.min())


def _marked(labels: np.ndarray, classes: int) -> np.ndarray:
    low = int(_lowest(labels, tuple(range(labels.ndim)), False)) if labels.size else 0
    if classes == -1:
        classes = int(labels.max()) + 1
    places = labels.astype(np.int64, copy=False)[..., None]
    fits = low >= 0
    if fits:
        out = _filled((*labels.shape, classes), 0, dtypes.int64)
        try:
            _kernels.scatter_along(out, places, _kernels.broadcast_view(_ONE, places.shape), labels.ndim)
        except IndexError:
            fits = False
    if not fits:
        high = labels.max()
        raise ValueError(f"one_hot: expected class numbers from 0 to {classes - 1}, got some from {low} to {high}")
    return out


def _each_marked(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> np.ndarray:
    """Of a batch: the number of classes must be told, as it is one for all."""
    if static["classes"] == -1:
        refuse_shapes("one_hot without num_classes")
    return _marked(arrays[0], **static)


shaped_by_items(_marked, lambda values, static: static["classes"] == -1)
_ONE_HOT = computed("one_hot", _marked, batched=_each_marked)
