"""PyTorch's questions about GPUs, answered: there is none.

What asks gets an answer (`is_available`, `device_count`, sizes of memory), what tidies up has nothing to do
(`empty_cache`, `synchronize`), and what needs a GPU raises.

Examples
--------
>>> "cuda" if wg.cuda.is_available() else "cpu"
'cpu'
"""

from __future__ import annotations

from typing import Any, NoReturn

from ..core.missing import explain
from . import amp

__all__ = [
    "OutOfMemoryError", "amp", "current_device", "device_count", "empty_cache", "get_arch_list",
    "get_device_capability", "get_device_name", "get_device_properties", "get_rng_state_all", "ipc_collect",
    "is_available", "is_bf16_supported", "is_initialized", "manual_seed", "manual_seed_all",
    "max_memory_allocated", "max_memory_reserved", "memory_allocated", "memory_reserved",
    "reset_peak_memory_stats", "set_device", "set_rng_state_all", "synchronize",
]  # fmt: skip


class OutOfMemoryError(RuntimeError):
    """What PyTorch raises where a GPU has no more memory; nothing raises it here.

    Examples
    --------
    >>> issubclass(wg.cuda.OutOfMemoryError, RuntimeError)
    True
    """


def _refused(name: str) -> NoReturn:
    raise RuntimeError(f"cuda.{name}: there is no GPU for this library, which computes on the CPU; ask is_available()")


# ---------------------------------------------------------------- questions


def is_available() -> bool:
    """Whether there is a GPU: no.

    Returns
    -------
    bool

    Examples
    --------
    >>> wg.cuda.is_available()
    False
    """
    return False


def is_initialized() -> bool:
    """Whether a GPU has been used: no.

    Returns
    -------
    bool

    Examples
    --------
    >>> wg.cuda.is_initialized()
    False
    """
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Whether a GPU computes in bfloat16: no.

    Parameters
    ----------
    including_emulation : bool

    Returns
    -------
    bool

    Examples
    --------
    >>> wg.cuda.is_bf16_supported()
    False
    """
    return False


def device_count() -> int:
    """How many GPUs there are.

    Returns
    -------
    int
        0.

    Examples
    --------
    >>> wg.cuda.device_count()
    0
    """
    return 0


def get_arch_list() -> list[str]:
    """The kinds of GPU that the library was built for.

    Returns
    -------
    list of str
        Empty.

    Examples
    --------
    >>> wg.cuda.get_arch_list()
    []
    """
    return []


def memory_allocated(device: Any = None) -> int:
    """The bytes that tensors take on a GPU.

    Parameters
    ----------
    device : device, int or None

    Returns
    -------
    int
        0. `wengert.memory` tells of the CPU's.

    Examples
    --------
    >>> wg.cuda.memory_allocated()
    0
    """
    return 0


def max_memory_allocated(device: Any = None) -> int:
    """The most bytes that tensors took on a GPU.

    Parameters
    ----------
    device : device, int or None

    Returns
    -------
    int
        0.

    Examples
    --------
    >>> wg.cuda.max_memory_allocated()
    0
    """
    return 0


def memory_reserved(device: Any = None) -> int:
    """The bytes that are held on a GPU.

    Parameters
    ----------
    device : device, int or None

    Returns
    -------
    int
        0.

    Examples
    --------
    >>> wg.cuda.memory_reserved()
    0
    """
    return 0


def max_memory_reserved(device: Any = None) -> int:
    """The most bytes that were held on a GPU.

    Parameters
    ----------
    device : device, int or None

    Returns
    -------
    int
        0.

    Examples
    --------
    >>> wg.cuda.max_memory_reserved()
    0
    """
    return 0


# ---------------------------------------------------------------- what has nothing to do


def empty_cache() -> None:
    """Give back memory of GPUs, of which there is none; `wengert.memory` has the CPU's.

    Examples
    --------
    >>> wg.cuda.empty_cache()
    """


def synchronize(device: Any = None) -> None:
    """Wait for GPUs: there is nothing to wait for, since an operation is done when it returns.

    Parameters
    ----------
    device : device, int or None

    Examples
    --------
    >>> wg.cuda.synchronize()
    """


def ipc_collect() -> None:
    """Give back memory of GPUs that other processes shared: there is none.

    Examples
    --------
    >>> wg.cuda.ipc_collect()
    """


def reset_peak_memory_stats(device: Any = None) -> None:
    """Start `max_memory_allocated` anew, which stays 0.

    Parameters
    ----------
    device : device, int or None

    Examples
    --------
    >>> wg.cuda.reset_peak_memory_stats()
    """


def manual_seed(seed: int) -> None:
    """Seed a GPU's generator, of which there is none; `wengert.manual_seed` seeds the CPU's.

    Parameters
    ----------
    seed : int

    Examples
    --------
    >>> wg.cuda.manual_seed(0)
    """


def manual_seed_all(seed: int) -> None:
    """Seed all GPUs' generators, of which there is none.

    Parameters
    ----------
    seed : int

    Examples
    --------
    >>> wg.cuda.manual_seed_all(0)
    """


def get_rng_state_all() -> list[Any]:
    """The states of all GPUs' generators.

    Returns
    -------
    list of tensor
        Empty.

    Examples
    --------
    >>> wg.cuda.get_rng_state_all()
    []
    """
    return []


def set_rng_state_all(new_states: Any) -> None:
    """Let all GPUs' generators go on from the states that `get_rng_state_all` gave.

    Parameters
    ----------
    new_states : list
        Empty.

    Raises
    ------
    RuntimeError
        If there are some.

    Examples
    --------
    >>> wg.cuda.set_rng_state_all([])
    """
    if len(new_states):
        _refused("set_rng_state_all")


# ---------------------------------------------------------------- what needs one


def current_device() -> NoReturn:
    """The number of the GPU in use, if there were one.

    Raises
    ------
    RuntimeError
        Always.

    Examples
    --------
    >>> wg.cuda.current_device() if wg.cuda.is_available() else None
    """
    _refused("current_device")


def set_device(device: Any) -> None:
    """Use another GPU.

    Parameters
    ----------
    device : device or int
        A negative number, which PyTorch takes for none.

    Raises
    ------
    RuntimeError
        If it is not a negative number.

    Examples
    --------
    >>> wg.cuda.set_device(-1)
    """
    if not isinstance(device, int) or device >= 0:
        _refused("set_device")


def get_device_name(device: Any = None) -> NoReturn:
    """What a GPU is called, if there were one.

    Parameters
    ----------
    device : device, int or None

    Raises
    ------
    RuntimeError
        Always.

    Examples
    --------
    >>> [wg.cuda.get_device_name(i) for i in range(wg.cuda.device_count())]
    []
    """
    _refused("get_device_name")


def get_device_properties(device: Any = None) -> NoReturn:
    """What a GPU can do, if there were one.

    Parameters
    ----------
    device : device, int or None

    Raises
    ------
    RuntimeError
        Always.

    Examples
    --------
    >>> [wg.cuda.get_device_properties(i) for i in range(wg.cuda.device_count())]
    []
    """
    _refused("get_device_properties")


def get_device_capability(device: Any = None) -> NoReturn:
    """Of which generation a GPU is, if there were one.

    Parameters
    ----------
    device : device, int or None

    Raises
    ------
    RuntimeError
        Always.

    Examples
    --------
    >>> [wg.cuda.get_device_capability(i) for i in range(wg.cuda.device_count())]
    []
    """
    _refused("get_device_capability")


explain(__name__)
