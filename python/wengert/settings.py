"""PyTorch's switches of a process. Most have one position here: the device is the CPU, and results are the same every
time, whatever the number of threads."""

from __future__ import annotations

from typing import Any

from .core import devices, dtypes
from .core.devices import device
from .ops.products import in_bfloat16

__all__ = [
    "are_deterministic_algorithms_enabled", "get_default_device", "get_deterministic_debug_mode",
    "get_float32_matmul_precision", "get_num_interop_threads", "is_deterministic_algorithms_warn_only_enabled",
    "is_warn_always_enabled", "set_default_device", "set_default_tensor_type", "set_deterministic_debug_mode",
    "set_float32_matmul_precision", "set_flush_denormal", "set_num_interop_threads", "set_warn_always",
    "use_deterministic_algorithms",
]  # fmt: skip

_MODES = ("default", "warn", "error")
_PRECISIONS = ("highest", "high", "medium")


class _State:
    """What the switches were set to, for those who ask."""

    deterministic = 0  # a place in _MODES
    precision = "highest"
    interop_threads = 1
    warn_always = False


# ---------------------------------------------------------------- devices and dtypes


def get_default_device() -> device:
    """Where tensors are made: on the CPU.

    Returns
    -------
    device

    Examples
    --------
    >>> wg.get_default_device()
    device(type='cpu')
    """
    return devices.CPU


def set_default_device(device: Any) -> None:
    """Say where tensors are to be made: on the CPU, as ever.

    Parameters
    ----------
    device : device, str or None
        "cpu"; None means it too.

    Raises
    ------
    ValueError
        If another device is asked for.

    Examples
    --------
    >>> wg.set_default_device("cuda" if wg.cuda.is_available() else "cpu")
    """
    devices.require_cpu("set_default_device", device)


def set_default_tensor_type(t: Any) -> None:
    """`set_default_dtype`, by PyTorch's older name.

    Parameters
    ----------
    t : class of tensors of one dtype, its name, or a dtype
        Of a floating one.

    Raises
    ------
    TypeError
        If it stands for no floating dtype.

    Examples
    --------
    >>> wg.set_default_tensor_type(wg.DoubleTensor)
    >>> wg.tensor(0.5).dtype
    dtype('float64')
    >>> wg.set_default_tensor_type("wengert.FloatTensor")
    """
    dtypes.set_default_dtype(dtypes.of_tensor_type("set_default_tensor_type", t))


# ---------------------------------------------------------------- the same results every time


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Ask for results that are the same every time, which they are anyway.

    Parameters
    ----------
    mode : bool
    warn_only : bool
        Of algorithms that are not: warn instead of raising. There are none.

    Examples
    --------
    >>> wg.use_deterministic_algorithms(True)
    >>> wg.are_deterministic_algorithms_enabled()
    True
    >>> wg.use_deterministic_algorithms(False)
    """
    _State.deterministic = (1 if warn_only else 2) if mode else 0


def are_deterministic_algorithms_enabled() -> bool:
    """Whether `use_deterministic_algorithms` was asked for. Results are the same every time without it.

    Returns
    -------
    bool

    Examples
    --------
    >>> wg.are_deterministic_algorithms_enabled()
    False
    """
    return _State.deterministic > 0


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Whether `use_deterministic_algorithms` was asked for with `warn_only`.

    Returns
    -------
    bool

    Examples
    --------
    >>> wg.is_deterministic_algorithms_warn_only_enabled()
    False
    """
    return _State.deterministic == 1


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """`use_deterministic_algorithms`, by a word or its number.

    Parameters
    ----------
    debug_mode : {"default", "warn", "error"} or {0, 1, 2}

    Raises
    ------
    ValueError
        If it is none of these.

    Examples
    --------
    >>> wg.set_deterministic_debug_mode("error")
    >>> wg.get_deterministic_debug_mode()
    2
    >>> wg.set_deterministic_debug_mode(0)
    """
    if debug_mode not in (*_MODES, 0, 1, 2):
        raise ValueError(
            f'set_deterministic_debug_mode: expected "default", "warn", "error", 0, 1 or 2, got {debug_mode!r}'
        )
    _State.deterministic = _MODES.index(debug_mode) if isinstance(debug_mode, str) else int(debug_mode)


def get_deterministic_debug_mode() -> int:
    """What `set_deterministic_debug_mode` was told, as a number.

    Returns
    -------
    int

    Examples
    --------
    >>> wg.get_deterministic_debug_mode()
    0
    """
    return _State.deterministic


# ---------------------------------------------------------------- switches of kernels


def set_float32_matmul_precision(precision: str) -> None:
    """Say how much precision products of float32 may give up for speed.

    "highest", the default, gives up none, and neither does "high". "medium" rounds both operands to bfloat16 and adds
    up in float32, where the processor has instructions for that (AVX512_BF16, or FEAT_BF16 on ARM:
    `machine.describe()["bfloat16"]`) and the sizes are such that it gains; elsewhere it is "highest". It is for the
    whole process, for gradients too, and for programs of `wg.compile` as it is when they run.

    It holds for matrix products and what is made of them, and for convolutions of at least four channels. Convolutions
    by Winograd's way (3 x 3), which gains as much, attention and the steps of recurrent layers stay in float32.

    Parameters
    ----------
    precision : {"highest", "high", "medium"}

    Raises
    ------
    ValueError
        If it is none of these.

    Notes
    -----
    bfloat16 has eight significant bits: rounding changes a number by at most u / (1 + u) of itself, u = 2^-8, and a
    product of two by (2 u + 3 u^2) / (1 + u)^2 < 2 u. So an item of A @ B, of k products, is within
    (2^-7 + (2 k + 2) 2^-23) (|A| @ |B|) of the exact one. Beyond that, numbers below 2^-126 may count as zeros, and
    from (2 - 2^-8) 2^127 on they become infinite.

    Examples
    --------
    >>> wg.set_float32_matmul_precision("high")
    >>> wg.get_float32_matmul_precision()
    'high'
    >>> wg.set_float32_matmul_precision("highest")
    """
    if precision not in _PRECISIONS:
        raise ValueError(f'set_float32_matmul_precision: expected "highest", "high" or "medium", got {precision!r}')
    _State.precision = precision
    in_bfloat16(precision == "medium")


def get_float32_matmul_precision() -> str:
    """What `set_float32_matmul_precision` was told.

    Returns
    -------
    str

    Examples
    --------
    >>> wg.get_float32_matmul_precision()
    'highest'
    """
    return _State.precision


def set_flush_denormal(mode: bool) -> bool:
    """Ask that the smallest numbers become zero, which no kernel here does.

    Parameters
    ----------
    mode : bool

    Returns
    -------
    bool
        False: it has not been set.

    Examples
    --------
    >>> wg.set_flush_denormal(True)
    False
    """
    return False


def set_num_interop_threads(count: int) -> None:
    """Say how many operations may run beside one another. One at a time does, over `set_num_threads` threads.

    Parameters
    ----------
    count : int

    Raises
    ------
    ValueError
        If it is not positive.

    Examples
    --------
    >>> wg.set_num_interop_threads(1)
    """
    if count < 1:
        raise ValueError(f"set_num_interop_threads: expected a positive number of threads, got {count}")
    _State.interop_threads = int(count)


def get_num_interop_threads() -> int:
    """What `set_num_interop_threads` was told.

    Returns
    -------
    int

    Examples
    --------
    >>> wg.get_num_interop_threads()
    1
    """
    return _State.interop_threads


def set_warn_always(b: bool) -> None:
    """Ask for warnings every time; they follow Python's own filters here (`warnings.simplefilter("always")`).

    Parameters
    ----------
    b : bool

    Examples
    --------
    >>> wg.set_warn_always(False)
    """
    _State.warn_always = bool(b)


def is_warn_always_enabled() -> bool:
    """What `set_warn_always` was told.

    Returns
    -------
    bool

    Examples
    --------
    >>> wg.is_warn_always_enabled()
    False
    """
    return _State.warn_always
