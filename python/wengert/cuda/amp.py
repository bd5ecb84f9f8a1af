"""`wengert.amp` by the names that PyTorch had for GPUs first."""

from __future__ import annotations

from typing import Any

from .. import amp

__all__ = ["GradScaler", "autocast"]


class autocast(amp.autocast):
    """`wengert.autocast` of a GPU, of which there is none.

    Parameters
    ----------
    enabled : bool
        True is answered by a warning.
    dtype : dtype or None
    cache_enabled : bool

    Examples
    --------
    >>> with wg.cuda.amp.autocast(enabled=False):
    ...     (wg.ones(2, 2) @ wg.ones(2, 2)).dtype
    dtype('float32')
    """

    def __init__(self, enabled: bool = True, dtype: Any = None, cache_enabled: bool = True) -> None:
        super().__init__("cuda", dtype, enabled, cache_enabled)


class GradScaler(amp.GradScaler):
    """`wengert.amp.GradScaler` of a GPU, of which there is none.

    Parameters
    ----------
    init_scale, growth_factor, backoff_factor, growth_interval
        Taken as PyTorch's, without effect.
    enabled : bool
        True is answered by a warning.

    Examples
    --------
    >>> wg.cuda.amp.GradScaler(enabled=False).is_enabled()
    False
    """

    def __init__(
        self, init_scale: float = 65536.0, growth_factor: float = 2.0, backoff_factor: float = 0.5,
        growth_interval: int = 2000, enabled: bool = True,
    ) -> None:  # fmt: skip
        super().__init__("cuda", init_scale, growth_factor, backoff_factor, growth_interval, enabled)
