"""Adadelta."""

from __future__ import annotations

from typing import Any

from ..ops import updates
from .optimizer import Optimizer, State, check_implementation


class Adadelta(Optimizer):
    """Steps along the gradient times the root mean square of changes over that of gradients (Zeiler 2012).

    Parameters
    ----------
    params : iterable of tensor or of dict
        Parameters, or groups of them with options of their own.
    lr : float
        The learning rate.
    rho : float
        How much of the running means of squares stays at each step, in [0, 1].
    eps : float
        Added to the means before their roots are taken.
    weight_decay : float
        Adds `weight_decay` times the parameter to its gradient.
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
    v = rho v + (1 - rho) g^2; d = g sqrt(u + eps) / sqrt(v + eps); u = rho u + (1 - rho) d^2; p -= lr d.

    Examples
    --------
    >>> w = wg.nn.Parameter(wg.tensor([1.]))
    >>> (w * w).sum().backward()
    >>> wg.optim.Adadelta([w]).step()
    >>> w.detach()
    tensor([0.9968])
    """

    def __init__(
        self, params: Any, lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0,
        foreach: bool | None = None, *, capturable: bool = False, maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_implementation(self._name, foreach, capturable, differentiable)
        super().__init__(params, {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize})

    def _check_options(self, group: dict[str, Any]) -> None:
        super()._check_options(group)
        if not 0 <= group["rho"] <= 1:
            raise ValueError(f"{self._name}: expected rho in [0, 1], got {group['rho']}")

    def _update(self, group: dict[str, Any], params: list[Any], grads: list[Any], states: list[State]) -> None:
        self._change(updates.adadelta, group, params, grads, states, ("square_avg", "acc_delta"), counted=True)

    def _numbers(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return float(group["lr"]), group["rho"], group["eps"], group["weight_decay"], group["maximize"]
