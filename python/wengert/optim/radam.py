"""Adam whose steps are rectified."""

from __future__ import annotations

from typing import Any

from ..ops import updates
from .optimizer import Optimizer, State, check_implementation


class RAdam(Optimizer):
    """Adam that steps along the mean gradient alone while there are too few to tell its variance (Liu et al. 2020).

    Parameters
    ----------
    params : iterable of tensor or of dict
        Parameters, or groups of them with options of their own.
    lr : float
        The learning rate.
    betas : (float, float)
        How much of the running means of gradient and squared gradient stays at each step, in [0, 1).
    eps : float
        Added to the root.
    weight_decay : float
        Adds `weight_decay` times the parameter to its gradient.
    decoupled_weight_decay : bool
        Shrink the parameter itself by lr * weight_decay instead, as `AdamW` does.
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
    With Adam's means m and v, n = 2 / (1 - beta2) - 1 and n_t = n - 2 t beta2^t / (1 - beta2^t): where n_t > 5,
    p -= lr r (m / (1 - beta1^t)) sqrt(1 - beta2^t) / (sqrt(v) + eps) with r^2 = (n_t - 4) (n_t - 2) n /
    ((n - 4) (n - 2) n_t); before, p -= lr m / (1 - beta1^t).

    Examples
    --------
    >>> w = wg.nn.Parameter(wg.tensor([1.]))
    >>> (w * w).sum().backward()
    >>> wg.optim.RAdam([w], lr=0.1).step()
    >>> w.detach()
    tensor([0.8000])
    """

    def __init__(
        self, params: Any, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, decoupled_weight_decay: bool = False, *, foreach: bool | None = None,
        maximize: bool = False, capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_implementation(self._name, foreach, capturable, differentiable)
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "decoupled_weight_decay": decoupled_weight_decay,
        })  # fmt: skip

    def _check_options(self, group: dict[str, Any]) -> None:
        super()._check_options(group)
        self._check_betas(group)

    def _update(self, group: dict[str, Any], params: list[Any], grads: list[Any], states: list[State]) -> None:
        self._change(updates.radam, group, params, grads, states, ("exp_avg", "exp_avg_sq"), counted=True)

    def _numbers(self, group: dict[str, Any]) -> tuple[Any, ...]:
        beta1, beta2 = group["betas"]
        return (
            float(group["lr"]), beta1, beta2, group["eps"], group["weight_decay"], group["decoupled_weight_decay"],
            group["maximize"],
        )  # fmt: skip
