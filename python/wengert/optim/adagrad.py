"""Adagrad."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.doors import constant
from ..nn.modules.parameter import UninitializedParameter
from ..ops import updates
from .optimizer import Optimizer, State, check_implementation


class Adagrad(Optimizer):
    """Steps along the gradient divided by the root of the sum of its squares so far (Duchi, Hazan and Singer 2011).

    Parameters
    ----------
    params : iterable of tensor or of dict
        Parameters, or groups of them with options of their own.
    lr : float
        The learning rate.
    lr_decay : float
        At step t the rate is lr / (1 + (t - 1) lr_decay).
    weight_decay : float
        Adds `weight_decay` times the parameter to its gradient.
    initial_accumulator_value : float
        What the sums start with.
    eps : float
        Added to the root.
    foreach, fused, differentiable
        PyTorch's choices among its implementations. Here is one, for all parameters of a group at once, and the first
        two change nothing.
    maximize : bool
        Climb rather than descend.

    Raises
    ------
    ValueError
        If an option is out of range, or `differentiable` is set.

    Examples
    --------
    >>> w = wg.nn.Parameter(wg.tensor([1.]))
    >>> (w * w).sum().backward()
    >>> wg.optim.Adagrad([w], lr=0.1).step()
    >>> w.detach()
    tensor([0.9000])
    """

    def __init__(
        self, params: Any, lr: float = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
        initial_accumulator_value: float = 0, eps: float = 1e-10,
        foreach: bool | None = None, *, maximize: bool = False, differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:  # fmt: skip
        check_implementation(self._name, foreach, False, differentiable, fused)
        super().__init__(params, {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "maximize": maximize,
        })  # fmt: skip

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters; their sums start at once, those of lazy layers' when they have a size."""
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        for p in group["params"]:
            if not isinstance(p, UninitializedParameter):
                self.state[p].update({"step": 0, "sum": self._start(group, p, "sum")})

    def _start(self, group: dict[str, Any], p: Any, name: str) -> Any:
        return constant(np.full, p._value.shape, group["initial_accumulator_value"], p._value.dtype)

    def _update(self, group: dict[str, Any], params: list[Any], grads: list[Any], states: list[State]) -> None:
        self._change(updates.adagrad, group, params, grads, states, ("sum",), counted=True)

    def _numbers(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return group["lr"], group["lr_decay"], group["eps"], group["weight_decay"], group["maximize"]
