"""Adamax."""

from __future__ import annotations

from typing import Any

from ..ops import updates
from .optimizer import Optimizer, State, check_implementation


class Adamax(Optimizer):
    """Steps along the mean gradient divided by the largest one lately, by magnitude (Kingma and Ba 2015).

    Parameters
    ----------
    params : iterable of tensor or of dict
        Parameters, or groups of them with options of their own.
    lr : float
        The learning rate.
    betas : (float, float)
        How much of the running mean of the gradient, and of the largest one, stays at each step, in [0, 1).
    eps : float
        Added to the magnitude of each gradient.
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
    m = beta1 m + (1 - beta1) g; u = max(beta2 u, |g| + eps); p -= lr / (1 - beta1^t) m / u at step t.

    Examples
    --------
    >>> w = wg.nn.Parameter(wg.tensor([1.]))
    >>> (w * w).sum().backward()
    >>> wg.optim.Adamax([w], lr=0.1).step()
    >>> w.detach()
    tensor([0.9000])
    """

    def __init__(
        self, params: Any, lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, foreach: bool | None = None, *, maximize: bool = False, differentiable: bool = False,
        capturable: bool = False,
    ) -> None:  # fmt: skip
        check_implementation(self._name, foreach, capturable, differentiable)
        super().__init__(
            params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        )

    def _check_options(self, group: dict[str, Any]) -> None:
        super()._check_options(group)
        self._check_betas(group)

    def _update(self, group: dict[str, Any], params: list[Any], grads: list[Any], states: list[State]) -> None:
        self._change(updates.adamax, group, params, grads, states, ("exp_avg", "exp_inf"), counted=True)

    def _numbers(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return float(group["lr"]), *group["betas"], group["eps"], group["weight_decay"], group["maximize"]
