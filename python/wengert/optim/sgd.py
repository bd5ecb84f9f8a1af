"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from ..ops import updates
from .optimizer import Optimizer, State, check_implementation


class SGD(Optimizer):
    """Gradient descent, with momentum if asked for.

    Parameters
    ----------
    params : iterable of tensor or of dict
        Parameters, or groups of them with options of their own.
    lr : float
        The learning rate.
    momentum : float
    dampening : float
        Weakens what each gradient adds to the momentum.
    weight_decay : float
        Adds `weight_decay` times the parameter to its gradient.
    nesterov : bool
        Step along gradient + momentum * velocity (Nesterov 1983).
    maximize : bool
        Climb rather than descend.
    foreach, fused, differentiable
        PyTorch's choices among its implementations. Here is one, for all parameters of a group at once, and the first
        two change nothing.

    Raises
    ------
    ValueError
        If an option is out of range, `differentiable` is set, or `nesterov` comes without momentum or with dampening.

    Notes
    -----
    g += weight_decay p; v = momentum v + (1 - dampening) g, at first v = g; p -= lr v, or lr (g + momentum v) with
    `nesterov`. One fused kernel changes all parameters of a group.

    Examples
    --------
    >>> w = wg.nn.Parameter(wg.tensor([1.]))
    >>> (w * w).sum().backward()
    >>> wg.optim.SGD([w], lr=0.1).step()
    >>> w.detach()
    tensor([0.8000])
    """

    _choices = ("momentum",)

    def __init__(
        self, params: Any, lr: float = 1e-3, momentum: float = 0, dampening: float = 0, weight_decay: float = 0,
        nesterov: bool = False, *, maximize: bool = False, foreach: bool | None = None, differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:  # fmt: skip
        check_implementation(self._name, foreach, False, differentiable, fused)
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov,
            "maximize": maximize,
        })  # fmt: skip

    def _check_options(self, group: dict[str, Any]) -> None:
        super()._check_options(group)
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ValueError(
                "SGD: nesterov needs momentum > 0 and dampening 0, got momentum="
                f"{group['momentum']}, dampening={group['dampening']}"
            )

    def _update(self, group: dict[str, Any], params: list[Any], grads: list[Any], states: list[State]) -> None:
        names = ("momentum_buffer",) if group["momentum"] else ()
        first = tuple([state.get("momentum_buffer") is None for state in states]) if names else ()
        self._change(updates.sgd, group, params, grads, states, names, first=first)

    def _numbers(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return (
            group["lr"], group["momentum"], group["dampening"], group["weight_decay"], group["nesterov"],
            group["maximize"],
        )  # fmt: skip
