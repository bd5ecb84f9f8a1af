"""Resilient backpropagation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.doors import constant
from ..ops import updates
from .optimizer import Optimizer, State, check_implementation


class Rprop(Optimizer):
    """Steps by the gradient's sign, of a size that grows for each item until it turns (Riedmiller and Braun 1993).

    For gradients of all data at once; those of batches change their signs too often.

    Parameters
    ----------
    params : iterable of tensor or of dict
        Parameters, or groups of them with options of their own.
    lr : float
        All sizes at first.
    etas : (float, float)
        By what a size shrinks where the sign has turned, and grows where it has not; below 1 and above it.
    step_sizes : (float, float)
        The least and the largest size.
    foreach, capturable, differentiable
        PyTorch's choices among its implementations. Here is one, for all parameters of a group at once, and the first
        two change nothing.
    maximize : bool
        Climb rather than descend.

    Raises
    ------
    ValueError
        If an option is out of range, or `differentiable` is set.

    Notes
    -----
    Where the sign has turned, the step is left out, and the next one does not compare.

    Examples
    --------
    >>> w = wg.nn.Parameter(wg.tensor([1.]))
    >>> (w * w).sum().backward()
    >>> wg.optim.Rprop([w], lr=0.1).step()
    >>> w.detach()
    tensor([0.9000])
    """

    def __init__(
        self, params: Any, lr: float = 1e-2, etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50), *, capturable: bool = False, foreach: bool | None = None,
        maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_implementation(self._name, foreach, capturable, differentiable)
        super().__init__(params, {"lr": lr, "etas": etas, "step_sizes": step_sizes, "maximize": maximize})

    def _check_options(self, group: dict[str, Any]) -> None:
        super()._check_options(group)
        if len(group["etas"]) != 2 or not 0 < group["etas"][0] < 1 < group["etas"][1]:
            raise ValueError(f"{self._name}: expected etas in (0, 1) and above 1, got {group['etas']}")
        if len(group["step_sizes"]) != 2 or not 0 <= group["step_sizes"][0] <= group["step_sizes"][1]:
            raise ValueError(f"{self._name}: expected two step_sizes, 0 <= least <= most, got {group['step_sizes']}")

    def _update(self, group: dict[str, Any], params: list[Any], grads: list[Any], states: list[State]) -> None:
        self._change(updates.rprop, group, params, grads, states, ("prev", "step_size"), counted=True)

    def _start(self, group: dict[str, Any], p: Any, name: str) -> Any:
        if name == "step_size":
            return constant(np.full, p._value.shape, float(group["lr"]), p._value.dtype)
        return super()._start(group, p, name)

    def _numbers(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return *group["etas"], *group["step_sizes"], group["maximize"]
