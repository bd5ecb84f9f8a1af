"""The one device, by PyTorch's names: scripts ask for it, pass it on and compare it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

NAMES = ("cpu", "cpu:0")  # the second is the first, counted as other devices are
ELSEWHERE = ("cuda", "mps", "xpu", "meta", "hpu", "mtia", "xla", "hip", "ipu", "vulkan")  # what PyTorch calls others


class device:
    """Where tensors live: always the CPU.

    It is equal to its string, so that ``x.device == "cpu"``, and to a device of the same string; as a context manager
    or a decorator, which sets where PyTorch makes tensors, it changes nothing.

    Parameters
    ----------
    type : str or device
        "cpu", or "cpu:0" with the index in it.
    index : int or None
        0, or None.

    Attributes
    ----------
    type : str
        "cpu".
    index : int or None

    Raises
    ------
    ValueError
        If another device is asked for: this library computes on the CPU alone.
    TypeError
        If `type` is neither a string nor a device.

    Examples
    --------
    >>> device = wg.device("cuda" if wg.cuda.is_available() else "cpu")
    >>> device
    device(type='cpu')
    >>> wg.ones(2, device=device).device == device == "cpu"
    True
    """

    __slots__ = ("index", "type")

    index: int | None
    type: str

    def __init__(self, type: Any, index: int | None = None) -> None:
        if not isinstance(type, (str, device)):
            raise TypeError(f'device: expected "cpu" or a device, got {type!r}')
        text = str(type) if index is None else f"{type}:{index}"
        if text not in NAMES:
            raise ValueError(_refusal("device", text))
        object.__setattr__(self, "type", "cpu")
        object.__setattr__(self, "index", 0 if ":" in text else None)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"device: {name} cannot be set; make another device")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"device: {name} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other) if isinstance(other, (str, device)) else NotImplemented

    def __hash__(self) -> int:
        return hash(str(self))

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        return f"device(type='{self.type}'{'' if self.index is None else f', index={self.index}'})"

    def __reduce__(self) -> Any:
        return device, (str(self),)

    def __enter__(self) -> device:
        return self

    def __exit__(self, *exception: Any) -> None:
        return None

    def __call__(self, function: F) -> F:
        return function


CPU = device("cpu")


def require_cpu(name: str, asked: Any) -> None:
    """Raise if the operation `name` is asked for a device that is not the CPU; None asks for nothing."""
    if asked is not None and asked is not CPU and str(asked) not in NAMES:
        raise ValueError(_refusal(name, asked))


def keep_on_cpu(cls: Any) -> None:
    """Let the constructor of a class, if it has one of its own that takes a device, refuse all but the CPU."""
    init: Any = vars(cls).get("__init__")
    code = None if init is None else getattr(inspect.unwrap(init), "__code__", None)
    if code is not None:
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        if "device" in names:
            cls.__init__ = _on_cpu(init, names.index("device"))


def _on_cpu(init: F, place: int) -> F:
    """A constructor that looks at its device, which is argument `place` if it is not given by its name, first."""

    @functools.wraps(init)
    def call(*arguments: Any, **keywords: Any) -> Any:
        asked = arguments[place] if len(arguments) > place else keywords.get("device")
        require_cpu(type(arguments[0]).__name__, asked)
        return init(*arguments, **keywords)

    return call  # type: ignore[return-value]


def is_device(x: Any) -> bool:
    """Whether x names a device, here or elsewhere, rather than a dtype; a number does, of PyTorch's GPUs."""
    if isinstance(x, str):
        return x.partition(":")[0] in ("cpu", *ELSEWHERE)
    return isinstance(x, device) or type(x) is int


def _refusal(name: str, asked: Any) -> str:
    return (
        f'{name}: the only device is "cpu", got {asked!r}: this library computes on the CPU; a script that asks '
        "cuda.is_available() is told so"
    )
