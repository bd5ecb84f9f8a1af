"""Averaged stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from ..ops import updates
from .optimizer import Optimizer, State, check_implementation


class ASGD(Optimizer):
    """Gradient descent with a falling rate, beside which the parameters' average is kept (Polyak and Juditsky 1992).

    Parameters
    ----------
    params : iterable of tensor or of dict
        Parameters, or groups of them with options of their own.
    lr : float
        The learning rate at first.
    lambd : float
        Each step begins with p *= 1 - lambd * rate.
    alpha : float
        How fast the rate falls.
    t0 : float
        The step after which parameters are averaged; until then the average is the parameter itself.
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
    p = (1 - lambd eta) p - eta g; ax += mu (p - ax); then eta = lr / (1 + lambd lr t)^alpha and mu = 1 / max(1, t - t0)
    for step t + 1. The state has the average as "ax"; "eta" and "mu" are kept in double precision, where PyTorch
    rounds them to the default dtype.

    Examples
    --------
    >>> w = wg.nn.Parameter(wg.tensor([1.]))
    >>> (w * w).sum().backward()
    >>> optimizer = wg.optim.ASGD([w], lr=0.1)
    >>> optimizer.step()
    >>> w.detach(), optimizer.state[w]["ax"]
    (tensor([0.8000]), tensor([0.8000]))
    """

    _moving = ("eta", "mu")

    def __init__(
        self, params: Any, lr: float = 1e-2, lambd: float = 1e-4, alpha: float = 0.75, t0: float = 1e6,
        weight_decay: float = 0, foreach: bool | None = None, maximize: bool = False, differentiable: bool = False,
        capturable: bool = False,
    ) -> None:  # fmt: skip
        check_implementation(self._name, foreach, capturable, differentiable)
        super().__init__(params, {
            "lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay, "maximize": maximize,
        })  # fmt: skip

    def _update(self, group: dict[str, Any], params: list[Any], grads: list[Any], states: list[State]) -> None:
        self._change(updates.asgd, group, params, grads, states, ("ax",), counted=True)

    def _numbers(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return group["lambd"], group["weight_decay"], group["maximize"]

    def _before(self, group: dict[str, Any], state: State) -> dict[str, float]:
        return {"eta": state["eta"] if "eta" in state else float(group["lr"]), "mu": state.get("mu", 1.0)}

    def _after(self, group: dict[str, Any], state: State) -> dict[str, float]:
        lr, step = float(group["lr"]), state.get("step", 0) + 1
        return {
            "eta": lr / (1 + group["lambd"] * lr * step) ** group["alpha"],
            "mu": 1 / max(1, step - group["t0"]),
        }
