"""A tensor as another dtype, as Python numbers, and as the model of new ones: what its methods of these names do."""

from __future__ import annotations

import math
from builtins import bool as builtin_bool
from builtins import float as builtin_float
from builtins import int as builtin_int
from builtins import type as builtin_type
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from .._types import Tensor
from ..core import define, devices, dtypes
from ..core.arguments import sizes
from ..core.broadcast import cast
from ..core.doors import alike, differs, enter, leave, require_unfollowed
from ..core.variable import Variable, detached
from ..ops import compare, creation
from .size import Size

# ---------------------------------------------------------------- other dtypes

def to(
    x: Any, *args: Any, dtype: Any = None, device: Any = None, non_blocking: builtin_bool = False,
    copy: builtin_bool = False, memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """The tensor with another dtype; the only device is the CPU.

    Parameters
    ----------
    *args : dtype, device or a tensor whose dtype is meant; then non_blocking, copy
    dtype : dtype
    device : device or str
        "cpu".
    non_blocking : bool
        Accepted as in PyTorch; what is asked for is done when it returns.
    copy : bool
        Copy even if nothing changes.
    memory_format : object
        Accepted as in PyTorch, of no effect.

    Returns
    -------
    Tensor
        The tensor itself if nothing changes.

    Raises
    ------
    ValueError
        If another device is asked for.
    TypeError
        If an argument is neither a device nor a dtype that tensors have.

    Examples
    --------
    >>> wg.tensor([1, 2]).to(wg.float64)
    tensor([1., 2.], dtype=wengert.float64)
    """
    flags = []  # non_blocking and copy, by their places
    for arg in args:
        if isinstance(arg, np.dtype):
            dtype = arg
        elif isinstance(arg, Variable):
            dtype = arg._value.dtype
        elif isinstance(arg, builtin_bool):
            flags.append(arg)
        elif devices.is_device(arg):
            device = arg
        elif arg is not None:
            dtype = arg
    if len(flags) > 2:
        raise TypeError(f"to: expected at most non_blocking and copy after what it converts to, got {args}")
    copy = copy or flags[1:] == [True]
    if device is not None:
        devices.require_cpu("to", device)
    before = x._value.dtype
    wanted = before if dtype is None else dtypes.as_dtype(dtype, "to")
    if wanted is not before and wanted != before:
        return cast(x, wanted)
    same: Tensor = x.clone() if copy else x
    return same


def type(x: Any, dtype: Any = None, non_blocking: builtin_bool = False) -> Any:
    """The tensor with another dtype; without one, the name of the class of its dtype.

    Parameters
    ----------
    dtype : dtype, class of tensors of one dtype, its name, or None
    non_blocking : bool
        Accepted as in PyTorch.

    Returns
    -------
    Tensor or str

    Raises
    ------
    TypeError
        If tensors do not have such a dtype.

    Examples
    --------
    >>> wg.tensor([1.5, 2.5]).type(wg.int64)
    tensor([1, 2])
    >>> wg.tensor([1.5, 2.5]).type(wg.LongTensor)
    tensor([1, 2])
    >>> wg.tensor([1.5, 2.5]).type()
    'wengert.FloatTensor'
    """
    if dtype is None:
        return dtypes.tensor_type(x._value.dtype)
    return to(x, dtype=dtypes.of_tensor_type("type", dtype))


def type_as(x: Any, other: Any) -> Tensor:
    """The tensor with another tensor's dtype.

    Parameters
    ----------
    other : tensor

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.tensor([1.5, 2.5]).type_as(wg.tensor([1]))
    tensor([1, 2])
    """
    return to(x, dtype=other._value.dtype)


def _as(name: str, dtype: np.dtype) -> Callable[[Any], Tensor]:
    def convert(x: Any) -> Tensor:
        before = x._value.dtype
        return x if before is dtype or before == dtype else cast(x, dtype)

    summary = f"The tensor as {dtype}; itself if it is already."
    example = f">>> wg.tensor([0, 1]).{name}().dtype\ndtype('{dtype}')"
    return define.named(convert, name, f"{summary}\n\nReturns\n-------\nTensor\n\nExamples\n--------\n{example}")


float, double, half = _as("float", dtypes.float32), _as("double", dtypes.float64), _as("half", dtypes.float16)
long, int, short = _as("long", dtypes.int64), _as("int", dtypes.int32), _as("short", dtypes.int16)
char, byte, bool = _as("char", dtypes.int8), _as("byte", dtypes.uint8), _as("bool", dtypes.bool)


def cpu(x: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor itself: it lives there.

    Parameters
    ----------
    memory_format : object
        Accepted as in PyTorch, of no effect.

    Returns
    -------
    Tensor
        This tensor itself.

    Examples
    --------
    >>> wg.ones(2).cpu()
    tensor([1., 1.])
    """
    return x


def cuda(x: Tensor, device: Any = None, non_blocking: builtin_bool = False, memory_format: Any = None) -> NoReturn:
    """Refused: this library computes on the CPU. A script for both moves its tensors by `to(device)`.

    Parameters
    ----------
    device : int or str
    non_blocking : bool
    memory_format : object

    Raises
    ------
    RuntimeError
        Always.

    Examples
    --------
    >>> device = "cuda" if wg.cuda.is_available() else "cpu"
    >>> wg.ones(2).to(device)
    tensor([1., 1.])
    """
    raise RuntimeError(
        "cuda: this library computes on the CPU, where the tensor is; leave it out, or write .to(device) with "
        'device = "cuda" if cuda.is_available() else "cpu"'
    )


def _is_otherwise(x: Tensor) -> builtin_bool:
    """Whether the tensor is of another kind, by its device, layout or numbers: never.

    Returns
    -------
    bool

    Examples
    --------
    >>> wg.ones(2).is_mps, wg.ones(2).is_sparse
    (False, False)
    """
    return False


otherwise: Any = property(_is_otherwise)


def get_device(x: Tensor) -> builtin_int:
    """The number of the tensor's device among those of its kind: of the CPU, -1.

    Returns
    -------
    int

    Examples
    --------
    >>> wg.ones(2).get_device()
    -1
    """
    return -1


def pin_memory(x: Tensor, device: Any = None) -> Tensor:
    """The tensor itself: memory is pinned for the sake of devices that fetch from it, and there is none.

    Parameters
    ----------
    device : device or None

    Returns
    -------
    Tensor
        This tensor itself.

    Examples
    --------
    >>> wg.ones(2).pin_memory()
    tensor([1., 1.])
    """
    return x


def is_pinned(x: Tensor, device: Any = None) -> builtin_bool:
    """Whether the memory is pinned for another device: never.

    Parameters
    ----------
    device : device or None

    Returns
    -------
    bool

    Examples
    --------
    >>> wg.ones(2).pin_memory().is_pinned()
    False
    """
    return False


# ---------------------------------------------------------------- what the class is called with


def made_of(data: tuple[Any, ...], name: str = "Tensor", dtype: Any = None) -> Tensor:
    """What `Tensor(*data)` shows: data in the default float, or zeros of the lengths given. Of a class of one dtype:
    in that one, and of a tensor only if it has that dtype."""
    default = dtypes.get_default_dtype() if dtype is None else dtype
    if len(data) == 1 and isinstance(data[0], Variable):
        require_unfollowed(data[0], "a leaf")
        if dtype is not None and dtype != data[0]._value.dtype:
            raise TypeError(f"{name}: expected data of {dtype}, got a tensor of {data[0]._value.dtype}; use .to(dtype)")
        return to(detached(data[0]), default)
    if len(data) == 1 and (isinstance(data[0], (list, np.ndarray)) or builtin_type(data[0]) is tuple):
        return enter(np.array(data[0], dtype=default))
    lengths = data[0] if len(data) == 1 and isinstance(data[0], Size) else data or (0,)
    if not all(isinstance(n, (builtin_int, np.integer)) and not isinstance(n, builtin_bool) for n in lengths):
        raise TypeError(
            f"{name}: expected an array, a tensor or a sequence of numbers, or lengths, all of them integers; got "
            f"({', '.join(builtin_type(n).__name__ for n in data)}); tensor() also takes one number"
        )
    return creation.zeros(lengths, dtype=default)


# ---------------------------------------------------------------- new tensors of the same dtype


def new_tensor(
    x: Any, data: Any, *, dtype: Any = None, requires_grad: builtin_bool = False, device: Any = None,
    layout: Any = None, pin_memory: builtin_bool = False,
) -> Tensor:  # fmt: skip
    """A tensor of the data, by default of this one's dtype.

    Parameters
    ----------
    data : array or nested lists of numbers
    dtype : dtype or None
    requires_grad : bool
    device : "cpu", optional
    layout, pin_memory : optional
        Of PyTorch: there is one layout, and nothing to pin.

    Returns
    -------
    Tensor
        A copy of the data.

    Examples
    --------
    >>> wg.zeros(2, dtype=wg.float64).new_tensor([1, 2])
    tensor([1., 2.], dtype=wengert.float64)
    """
    return creation.tensor(data, x._value.dtype if dtype is None else dtype, requires_grad, device)


def new_full(
    x: Any, size: Any, fill_value: Any, *, dtype: Any = None, requires_grad: builtin_bool = False, device: Any = None,
    layout: Any = None, pin_memory: builtin_bool = False,
) -> Tensor:  # fmt: skip
    """A tensor of one value, by default of this one's dtype.

    Parameters
    ----------
    size : tuple of int
    fill_value : number
    dtype : dtype or None
    requires_grad : bool
    device : "cpu", optional
    layout, pin_memory : optional
        Of PyTorch: there is one layout, and nothing to pin.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.ones(1).new_full((2, 2), 7)
    tensor([[7., 7.],
            [7., 7.]])
    """
    dtype = x._value.dtype if dtype is None else dtype
    return creation.leaf("new_full", alike(x, creation.full(size, fill_value, dtype=dtype)), requires_grad, device)


def new_zeros(
    x: Any, *size: Any, dtype: Any = None, requires_grad: builtin_bool = False, device: Any = None,
    layout: Any = None, pin_memory: builtin_bool = False,
) -> Tensor:  # fmt: skip
    """A tensor of zeros, by default of this one's dtype.

    Parameters
    ----------
    *size : int, or one tuple of int
    dtype : dtype or None
    requires_grad : bool
    device : "cpu", optional
    layout, pin_memory : optional
        Of PyTorch: there is one layout, and nothing to pin.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.ones(1, dtype=wg.int64).new_zeros(2, 2)
    tensor([[0, 0],
            [0, 0]])
    """
    return new_full(x, sizes(size), 0, dtype=dtype, requires_grad=requires_grad, device=device)


def new_ones(
    x: Any, *size: Any, dtype: Any = None, requires_grad: builtin_bool = False, device: Any = None,
    layout: Any = None, pin_memory: builtin_bool = False,
) -> Tensor:  # fmt: skip
    """A tensor of ones, by default of this one's dtype.

    Parameters
    ----------
    *size : int, or one tuple of int
    dtype : dtype or None
    requires_grad : bool
    device : "cpu", optional
    layout, pin_memory : optional
        Of PyTorch: there is one layout, and nothing to pin.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.zeros(1, dtype=wg.int64).new_ones(2, 2)
    tensor([[1, 1],
            [1, 1]])
    """
    return new_full(x, sizes(size), 1, dtype=dtype, requires_grad=requires_grad, device=device)


def new_empty(
    x: Any, *size: Any, dtype: Any = None, requires_grad: builtin_bool = False, device: Any = None,
    layout: Any = None, pin_memory: builtin_bool = False,
) -> Tensor:  # fmt: skip
    """A tensor whose items are arbitrary, by default of this one's dtype.

    Parameters
    ----------
    *size : int, or one tuple of int
    dtype : dtype or None
    requires_grad : bool
    device : "cpu", optional
    layout, pin_memory : optional
        Of PyTorch: there is one layout, and nothing to pin.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.zeros(1, dtype=wg.int64).new_empty(2, 2).dtype
    dtype('int64')
    """
    out = creation.empty(sizes(size), dtype=x._value.dtype if dtype is None else dtype)
    return creation.leaf("new_empty", alike(x, out), requires_grad, device)


# ---------------------------------------------------------------- numbers


def tolist(x: Any) -> Any:
    """Nested lists of Python numbers.

    Returns
    -------
    list, or number
        A number for a tensor without dimensions.

    Examples
    --------
    >>> wg.tensor([[1, 2], [3, 4]]).tolist()
    [[1, 2], [3, 4]]
    """
    return leave(x, "number").tolist()


def as_float(x: Any) -> builtin_float:
    """What `float(x)` gives."""
    return builtin_float(_single("float", x, "number"))


def as_int(x: Any) -> builtin_int:
    """What `int(x)` gives."""
    return builtin_int(_single("int", x, "int"))


def _single(name: str, x: Any, kind: str) -> Any:
    if x._value.size != 1:
        raise ValueError(f"{name}: only a tensor of one item is a number, this one has shape {x._value.shape}")
    return leave(x, kind).item()


def as_index(x: Any) -> builtin_int:
    """What a tensor is as an index, or as a length."""
    if x._value.dtype.kind not in "iub" or x._value.size != 1:
        raise TypeError(
            f"only a tensor of one integer is an index, this one has dtype {x._value.dtype} and shape {x._value.shape}"
        )
    return builtin_int(leave(x, "int").item())


def as_bool(x: Any) -> builtin_bool:
    """What `bool(x)` gives."""
    if x._value.size != 1:
        raise RuntimeError(f"the truth value of a tensor of shape {x._value.shape} is ambiguous; use .any() or .all()")
    return builtin_bool(leave(x, "bool").item())


def formatted(x: Any, spec: str) -> str:
    """What `format(x, spec)` gives: of a tensor without dimensions its number, else its text, which takes no spec."""
    if differs(x):  # one number for each example of a batch
        return str(x)
    if not x._value.ndim:
        return format(leave(x, "text").item(), spec)
    if spec:
        raise TypeError(
            f"format: {spec!r} is for one number, this tensor has shape {x._value.shape}; use set_printoptions"
        )
    return repr(x)


def constant_of(name: str, value: Any, dtype: np.dtype) -> Tensor:
    """What an item of this dtype is to become: a number by way of no other dtype, anything else as it is.

    Raises
    ------
    RuntimeError
        If the dtype has no such number. Unsigned integers have negative ones, counted from the end, as in PyTorch.
    """
    if not isinstance(value, (builtin_int, builtin_float)):
        return enter(value)
    given = value
    if dtype.kind in "iu":
        if not math.isfinite(value) or abs(builtin_int(value)) > builtin_int(np.iinfo(dtype).max) + (dtype.kind == "i"):
            raise RuntimeError(f"{name}: {given} has no place in a tensor of {dtype}")
        value = builtin_int(value) % (np.iinfo(dtype).max + 1) if dtype.kind == "u" else builtin_int(value)
    elif dtype.kind == "f" and math.isfinite(value) and abs(value) > builtin_float(np.finfo(dtype).max):
        raise RuntimeError(f"{name}: {given} has no place in a tensor of {dtype}")
    return enter(value, dtype)


# ---------------------------------------------------------------- questions


def is_comparable(y: Any) -> builtin_bool:
    """Whether items of a tensor may equal y, or items of it."""
    return isinstance(y, (Variable, np.ndarray, np.generic, builtin_int, builtin_float, list, tuple))


def contains(x: Any, y: Any) -> builtin_bool:
    """What `y in x` gives."""
    if not is_comparable(y):
        raise TypeError(f"in: a tensor has numbers as items; expected a number, a tensor or an array, got {y!r}")
    return as_bool(compare.any(compare.eq(x, y)))


def is_tensor(x: Any) -> builtin_bool:
    """Whether x is a tensor.

    Parameters
    ----------
    x : object

    Returns
    -------
    bool

    Examples
    --------
    >>> wg.is_tensor(wg.ones(2)), wg.is_tensor(np.ones(2))
    (True, False)
    """
    return isinstance(x, Variable)


def is_complex(x: Any) -> builtin_bool:
    """Whether the dtype of a tensor is a complex one: never.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    bool

    Examples
    --------
    >>> wg.is_complex(wg.ones(2))
    False
    """
    enter(x)
    return False


def is_floating_point(x: Any) -> builtin_bool:
    """Whether the dtype of a tensor is a floating one.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    bool

    Examples
    --------
    >>> wg.is_floating_point(wg.ones(2))
    True
    """
    kind: str = enter(x)._value.dtype.kind
    return kind == "f"


def numel(x: Any) -> builtin_int:
    """The number of items of a tensor.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    int

    Examples
    --------
    >>> wg.numel(wg.ones(2, 3))
    6
    """
    size: builtin_int = enter(x)._value.size
    return size
