"""RMSprop."""

from __future__ import annotations

from typing import Any

from ..ops import updates
from .optimizer import Optimizer, State, check_implementation


class RMSprop(Optimizer):
    """Steps along the gradient divided by the root of its mean square (Tieleman and Hinton 2012).

    Parameters
    ----------
    params : iterable of tensor or of dict
        Parameters, or groups of them with options of their own.
    lr : float
        The learning rate.
    alpha : float
        How much of the running mean of the squared gradient stays at each step.
    eps : float
        Added to the root.
    weight_decay : float
        Adds `weight_decay` times the parameter to its gradient.
    momentum : float
    centered : bool
        Divide by the standard deviation, an estimate of it (Graves 2013).
    capturable, foreach, differentiable
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
    v = alpha v + (1 - alpha) g^2; u = g / (sqrt(v) + eps); p -= lr u, or with momentum b = momentum b + u, p -= lr b.
    One fused kernel changes all parameters of a group.

    Examples
    --------
    >>> w = wg.nn.Parameter(wg.tensor([1.]))
    >>> (w * w).sum().backward()
    >>> wg.optim.RMSprop([w], lr=0.01).step()
    >>> w.detach()
    tensor([0.9000])
    """

    _choices = ("centered", "momentum")

    def __init__(
        self, params: Any, lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0,
        momentum: float = 0, centered: bool = False, capturable: bool = False, foreach: bool | None = None,
        maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_implementation(self._name, foreach, capturable, differentiable)
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
            "weight_decay": weight_decay, "maximize": maximize,
        })  # fmt: skip

    def _update(self, group: dict[str, Any], params: list[Any], grads: list[Any], states: list[State]) -> None:
        centered = bool(group["centered"])
        names = ["square_avg"] + ["grad_avg"] * centered + ["momentum_buffer"] * bool(group["momentum"])
        self._change(updates.rmsprop, group, params, grads, states, names, counted=True, centered=centered)

    def _numbers(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return group["lr"], group["alpha"], group["eps"], group["weight_decay"], group["momentum"], group["maximize"]
