"""Windows: weights that fall off towards the ends of a signal."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._types import Tensor
from ..core import dtypes
from ..core.arguments import whole
from ..core.doors import constant
from .creation import float_dtype, leaf, number

__all__ = ["bartlett_window", "blackman_window", "hamming_window", "hann_window", "kaiser_window"]


def _places(n: int, periodic: bool) -> tuple[np.ndarray, int]:
    """0, 1, ..., n - 1, and the last of the window: of a periodic one, the one behind."""
    return np.arange(n, dtype=np.float64), n if periodic else n - 1


def _cosines(n: int, periodic: bool, weights: tuple[float, ...], dtype: np.dtype) -> np.ndarray:
    """The sum of weights[k] cos(2 pi k i / last) over k."""
    at, last = _places(n, periodic)
    total = sum(w * np.cos(2 * np.pi * k * at / max(last, 1)) for k, w in enumerate(weights))
    return dtypes.convert(np.asarray(total) if n != 1 else np.ones(1), dtype)


def _triangle(n: int, periodic: bool, dtype: np.dtype) -> np.ndarray:
    at, last = _places(n, periodic)
    return dtypes.convert(1 - np.abs(2 * at / max(last, 1) - 1) if n != 1 else np.ones(1), dtype)


def _kaiser(n: int, periodic: bool, beta: float, dtype: np.dtype) -> np.ndarray:
    at, last = _places(n, periodic)
    inside = np.sqrt(np.clip(1 - (2 * at / max(last, 1) - 1) ** 2, 0, None))
    return dtypes.convert(np.i0(beta * inside) / np.i0(beta) if n != 1 else np.ones(1), dtype)


def _made(name: str, kernel: Any, n: Any, periodic: bool, options: tuple[Any, ...], *shape: Any) -> Tensor:
    dtype, requires_grad, device = options
    length = whole(name, "window_length", n)
    if length < 0:
        raise ValueError(f"{name}: expected a window_length of 0 or more, got {length}")
    kind = float_dtype(name, dtype)
    return leaf(name, constant(kernel, length, bool(periodic), *shape, kind), requires_grad, device)


def hann_window(
    window_length: int, periodic: bool = True, *, dtype: Any = None, device: Any = None,
    layout: Any = None, pin_memory: bool = False, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """The window of von Hann, (1 - cos(2 pi i / n)) / 2.

    Parameters
    ----------
    window_length : int
        n
    periodic : bool
        The window's period is n, as signals that are cut into pieces want it. False: it ends where it began, and n - 1
        stands in the formula.
    dtype : dtype
        A floating one; the default float by default.
    device : "cpu" or None
    layout, pin_memory : optional
        Of PyTorch: there is one layout, and nothing to pin.
    requires_grad : bool

    Returns
    -------
    Tensor
        (n,)

    Raises
    ------
    ValueError
        If the length is negative.

    Examples
    --------
    >>> wg.hann_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    return _made("hann_window", _cosines, window_length, periodic, (dtype, requires_grad, device), (0.5, -0.5))


def hamming_window(
    window_length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46, *, dtype: Any = None,
    device: Any = None, layout: Any = None, pin_memory: bool = False, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """The window of Hamming, alpha - beta cos(2 pi i / n).

    Parameters
    ----------
    window_length : int
        n
    periodic : bool
        The window's period is n. False: it ends where it began, and n - 1 stands in the formula.
    alpha, beta : float
    dtype : dtype
        A floating one; the default float by default.
    device : "cpu" or None
    layout, pin_memory : optional
        Of PyTorch: there is one layout, and nothing to pin.
    requires_grad : bool

    Returns
    -------
    Tensor
        (n,)

    Raises
    ------
    ValueError
        If the length is negative.

    Examples
    --------
    >>> wg.hamming_window(4)
    tensor([0.0800, 0.5400, 1.0000, 0.5400])
    """
    weights = number("hamming_window", "alpha", alpha), -number("hamming_window", "beta", beta)
    return _made("hamming_window", _cosines, window_length, periodic, (dtype, requires_grad, device), weights)


def blackman_window(
    window_length: int, periodic: bool = True, *, dtype: Any = None, device: Any = None,
    layout: Any = None, pin_memory: bool = False, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """The window of Blackman, 0.42 - 0.5 cos(2 pi i / n) + 0.08 cos(4 pi i / n).

    Parameters
    ----------
    window_length : int
        n
    periodic : bool
        The window's period is n. False: it ends where it began, and n - 1 stands in the formula.
    dtype : dtype
        A floating one; the default float by default.
    device : "cpu" or None
    layout, pin_memory : optional
        Of PyTorch: there is one layout, and nothing to pin.
    requires_grad : bool

    Returns
    -------
    Tensor
        (n,)

    Raises
    ------
    ValueError
        If the length is negative.

    Examples
    --------
    >>> wg.blackman_window(4)[1:]
    tensor([0.3400, 1.0000, 0.3400])
    """
    options = (dtype, requires_grad, device)
    return _made("blackman_window", _cosines, window_length, periodic, options, (0.42, -0.5, 0.08))


def bartlett_window(
    window_length: int, periodic: bool = True, *, dtype: Any = None, device: Any = None,
    layout: Any = None, pin_memory: bool = False, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """The triangular window, 1 - |2 i / n - 1|.

    Parameters
    ----------
    window_length : int
        n
    periodic : bool
        The window's period is n. False: it ends where it began, and n - 1 stands in the formula.
    dtype : dtype
        A floating one; the default float by default.
    device : "cpu" or None
    layout, pin_memory : optional
        Of PyTorch: there is one layout, and nothing to pin.
    requires_grad : bool

    Returns
    -------
    Tensor
        (n,)

    Raises
    ------
    ValueError
        If the length is negative.

    Examples
    --------
    >>> wg.bartlett_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    return _made("bartlett_window", _triangle, window_length, periodic, (dtype, requires_grad, device))


def kaiser_window(
    window_length: int, periodic: bool = True, beta: float = 12.0, *, dtype: Any = None, device: Any = None,
    layout: Any = None, pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """The window of Kaiser, I0(beta sqrt(1 - (2 i / n - 1)^2)) / I0(beta).

    Parameters
    ----------
    window_length : int
        n
    periodic : bool
        The window's period is n. False: it ends where it began, and n - 1 stands in the formula.
    beta : float
    dtype : dtype
        A floating one; the default float by default.
    device : "cpu" or None
    layout, pin_memory : optional
        Of PyTorch: there is one layout, and nothing to pin.
    requires_grad : bool

    Returns
    -------
    Tensor
        (n,)

    Raises
    ------
    ValueError
        If the length is negative.

    Examples
    --------
    >>> wg.kaiser_window(4, beta=2.)
    tensor([0.4387, 0.8348, 1.0000, 0.8348])
    """
    options = (dtype, requires_grad, device)
    return _made("kaiser_window", _kaiser, window_length, periodic, options, number("kaiser_window", "beta", beta))
