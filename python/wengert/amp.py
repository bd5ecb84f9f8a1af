"""Mixed precision, by PyTorch's names. Every operation computes in its operands' precision here, so that autocasting
and the scaling of losses that goes with it are off; scripts that ask for them are told so once, and run in full
precision."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

__all__ = ["GradScaler", "autocast", "is_autocast_available", "is_autocast_enabled"]

F = TypeVar("F", bound=Callable[..., Any])


def is_autocast_available(device_type: str) -> bool:
    """Whether operations choose a lower precision on a kind of device: on none.

    Parameters
    ----------
    device_type : str

    Returns
    -------
    bool

    Examples
    --------
    >>> wg.amp.is_autocast_available("cpu")
    False
    """
    return False


def is_autocast_enabled(device_type: str | None = None) -> bool:
    """Whether operations choose a lower precision now: they never do.

    Parameters
    ----------
    device_type : str or None

    Returns
    -------
    bool

    Examples
    --------
    >>> wg.is_autocast_enabled()
    False
    """
    return False


class autocast:
    """A region in which operations would choose a lower precision: none does, and it changes nothing.

    Parameters
    ----------
    device_type : str
    dtype : dtype or None
    enabled : bool
        True is answered by a warning.
    cache_enabled : bool or None

    Examples
    --------
    >>> with wg.autocast("cpu", enabled=False):
    ...     (wg.ones(2, 2) @ wg.ones(2, 2)).dtype
    dtype('float32')
    """

    def __init__(
        self, device_type: str, dtype: Any = None, enabled: bool = True, cache_enabled: bool | None = None
    ) -> None:
        if not isinstance(device_type, str):
            raise TypeError(f'autocast: expected a device_type such as "cpu", got {device_type!r}')
        if enabled:
            _warn("autocast: every operation computes in its operands' precision here, and so does this region")

    def __enter__(self) -> autocast:
        return self

    def __exit__(self, *exception: Any) -> None:
        return None

    def __call__(self, function: F) -> F:
        return function


class GradScaler:
    """What keeps gradients of half precision from becoming zero by scaling the loss; off, as PyTorch's is on a CPU
    that is asked for a GPU's. `scale` gives back what it is given, and `step` steps.

    Parameters
    ----------
    device : str
    init_scale, growth_factor, backoff_factor, growth_interval
        Taken as PyTorch's, without effect.
    enabled : bool
        True is answered by a warning.

    Examples
    --------
    >>> w = wg.nn.Parameter(wg.ones(1))
    >>> optimizer = wg.optim.SGD([w], lr=0.5)
    >>> scaler = wg.amp.GradScaler(enabled=False)
    >>> scaler.scale(w.sum()).backward()
    >>> scaler.step(optimizer)
    >>> scaler.update()
    >>> w.item()
    0.5
    """

    def __init__(
        self, device: str = "cuda", init_scale: float = 65536.0, growth_factor: float = 2.0,
        backoff_factor: float = 0.5, growth_interval: int = 2000, enabled: bool = True,
    ) -> None:  # fmt: skip
        if enabled:
            _warn("GradScaler: losses are not scaled here, since no operation chooses half precision")

    def scale(self, outputs: Any) -> Any:
        """The loss, or losses, as they are.

        Parameters
        ----------
        outputs : tensor or structure of tensors

        Returns
        -------
        tensor or structure of tensors
        """
        return outputs

    def unscale_(self, optimizer: Any) -> None:
        """Nothing: gradients are not scaled.

        Parameters
        ----------
        optimizer : Optimizer
        """

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """Let the optimizer step.

        Parameters
        ----------
        optimizer : Optimizer
        *args, **kwargs
            Of its `step`.

        Returns
        -------
        What its `step` returns.
        """
        return optimizer.step(*args, **kwargs)

    def update(self, new_scale: Any = None) -> None:
        """Nothing: there is no scale.

        Parameters
        ----------
        new_scale : float or None
        """

    def get_scale(self) -> float:
        """What losses are multiplied by.

        Returns
        -------
        float
            1.
        """
        return 1.0

    def is_enabled(self) -> bool:
        """Whether losses are scaled.

        Returns
        -------
        bool
            False.
        """
        return False

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps.

        Returns
        -------
        dict
            Empty, as PyTorch's of a scaler that is off.
        """
        return {}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a checkpoint, of which a scaler that is off takes nothing.

        Parameters
        ----------
        state_dict : mapping
        """


def _warn(text: str) -> None:
    """Warn whoever called a constructor above, or one derived from it for another place."""
    warnings.warn(f"{text}; pass enabled=False", UserWarning, stacklevel=3)
