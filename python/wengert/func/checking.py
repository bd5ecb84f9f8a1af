"""Checking the derivatives of a function, and their derivatives, against differences.

One random direction per argument suffices: an error in any item of a Jacobian shows in almost every direction. Higher
orders are checked by checking the derivatives themselves, as functions of the arguments and of the direction or
cotangent that they were taken with (after HIPS autograd's check_grads).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.doors import enter, leave
from ..core.modes import recording
from ..core.trees import flatten
from .recorded import in_float64
from .transforms import jvp, vjp


def check_gradients(
    function: Callable[..., Any], *args: Any, order: int = 2, modes: Sequence[str] = ("forward", "reverse"),
    step: float = 1e-6, rtol: float = 1e-5, atol: float = 1e-7, seed: int = 0,
) -> None:  # fmt: skip
    """Check the derivatives of a function in both directions and, by checking the derivatives' own, to any order.

    The forward derivative J t in a random direction t is compared with a central difference, and the reverse one with
    it by way of the identity <g, J t> = <J' g, t>. It is meant for operations of one's own as well as for whole
    functions.

    Parameters
    ----------
    function : callable
        Of floating tensors, smooth near the arguments, and the same each time; returns a tensor or a structure of them.
    *args : tensors, arrays, floats, or structures of them
        Converted to float64.
    order : int
        1 checks the first derivatives, 2 their derivatives too, and so on; each order in all mixtures of modes.
    modes : sequence of {"forward", "reverse"}
        Which directions to check.
    step : float
        Of the central difference.
    rtol, atol : float
        Allowed error, relative to the size of what is compared, and absolute; ten times as much with each order.
    seed : int
        Of the random directions.

    Raises
    ------
    AssertionError
        If a derivative is wrong; it says which argument, mode and order, what was expected and what came.
    ValueError
        If `order` or `modes` are none of these.
    TypeError
        If an argument has no derivatives.

    Examples
    --------
    >>> wg.func.check_gradients(lambda x: (x.exp() * x).sum(), wg.tensor([0.5, -1.]))
    """
    unknown = set(modes) - {"forward", "reverse"}
    if unknown or not modes:
        raise ValueError(f'check_gradients: expected modes among "forward" and "reverse", got {list(modes)}')
    if order < 1:
        raise ValueError(f"check_gradients: expected order >= 1, got {order}")
    leaves, rebuild = flatten(list(args))
    values = [in_float64("check_gradients", leaf) for leaf in leaves]

    def flat(*xs: Any) -> list[Any]:
        return [enter(y) for y in flatten(function(*rebuild(list(xs))))[0]]

    names = [f"argument {k}" for k in range(len(values))]
    check = _Check(tuple(modes), step, rtol, atol, np.random.default_rng(seed))
    check.derivatives(flat, values, names, order, ())


@dataclass
class _Check:
    """What to check with."""

    modes: tuple[str, ...]
    step: float
    rtol: float
    atol: float
    rng: np.random.Generator

    def derivatives(
        self, function: Callable[..., list[Any]], values: list[np.ndarray], names: list[str], order: int,
        path: tuple[str, ...],
    ) -> None:  # fmt: skip
        """Check `function`, of variables, which is what the modes in `path` made, the last first, and its
        derivatives."""
        ts = [self._direction(x) for x in values]
        ys = _evaluated(function, values)
        gs = [self._direction(y) for y in ys]
        count = len(values)

        def forward(*xs_and_ts: Any) -> list[Any]:
            return flatten(jvp(function, xs_and_ts[:count], xs_and_ts[count:])[1])[0]

        def reverse(*xs_and_gs: Any) -> list[Any]:
            return list(vjp(function, *xs_and_gs[:count])[1](list(xs_and_gs[count:])))

        pulled = _evaluated(reverse, [*values, *gs]) if "reverse" in self.modes else []
        for k in range(count):
            alone = [t if j == k else np.zeros_like(t) for j, t in enumerate(ts)]
            expected, allowed = self._by_difference(function, values, alone, ys, gs)
            if "forward" in self.modes:
                pushed = _inner(gs, _evaluated(forward, [*values, *alone]))
                self._require(pushed, expected, allowed * 10 ** len(path), names[k], ("forward", *path))
                # Both modes are exact, so that their difference is held to less than the difference quotient's error.
                expected, allowed = pushed, min(allowed, self.atol * 1e-2 + 1e-9 * _size(gs, ys, pushed))
            if "reverse" in self.modes:
                got = float((pulled[k] * ts[k]).sum())
                self._require(got, expected, allowed * 10 ** len(path), names[k], ("reverse", *path))
        if order == 1:
            return
        if "forward" in self.modes:
            more = [f"tangent {k}" for k in range(count)]
            self.derivatives(forward, [*values, *ts], names + more, order - 1, ("forward", *path))
        if "reverse" in self.modes:
            more = [f"cotangent {k}" for k in range(len(gs))]
            self.derivatives(reverse, [*values, *gs], names + more, order - 1, ("reverse", *path))

    def _by_difference(
        self, function: Callable[..., list[Any]], values: list[np.ndarray], direction: list[np.ndarray],
        ys: list[np.ndarray], gs: list[np.ndarray],
    ) -> tuple[float, float]:  # fmt: skip
        """<g, J t> by a central difference, and the error allowed of it."""
        ahead, behind = (
            _evaluated(function, [x + h * t for x, t in zip(values, direction, strict=True)])
            for h in (self.step, -self.step)
        )
        quotients = [(a - b) / (2 * self.step) for a, b in zip(ahead, behind, strict=True)]
        scale = sum(float(np.abs(g * q).sum()) for g, q in zip(gs, quotients, strict=True))
        # What a difference can resolve: rounding of the function's values, magnified by 1 / step.
        noise = sum(float(np.abs(g * y).sum()) for g, y in zip(gs, ys, strict=True)) * 4e-16 / self.step
        return _inner(gs, quotients), self.atol + self.rtol * scale + noise

    def _require(self, got: float, expected: float, allowed: float, name: str, path: tuple[str, ...]) -> None:
        if not abs(got - expected) <= allowed:
            mixture = " of ".join(path)
            raise AssertionError(
                f"check_gradients: order {len(path)}, {mixture} mode, {name}: expected {expected:.10g}, got {got:.10g}"
            )

    def _direction(self, like: np.ndarray) -> np.ndarray:
        return np.asarray(self.rng.choice([-1.0, 1.0], like.shape) * self.rng.uniform(0.5, 1.5, like.shape))


def _evaluated(function: Callable[..., list[Any]], values: list[np.ndarray]) -> list[np.ndarray]:
    """What a function of variables gives for arrays."""
    with recording(False):
        return [leave(y, "array") for y in function(*map(enter, values))]


def _inner(xs: list[np.ndarray], ys: list[np.ndarray]) -> float:
    return float(sum(float((x * y).sum()) for x, y in zip(xs, ys, strict=True)))


def _size(gs: list[np.ndarray], ys: list[np.ndarray], product: float) -> float:
    """The size of numbers whose rounding shows in an inner product."""
    return abs(product) + sum(float(np.abs(g * y).sum()) for g, y in zip(gs, ys, strict=True))
