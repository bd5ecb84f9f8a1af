"""Adam with Nesterov's momentum."""

from __future__ import annotations

from typing import Any

from ..ops import updates
from .optimizer import Optimizer, State, check_implementation


class NAdam(Optimizer):
    """Adam with Nesterov's momentum, by a schedule that lets the momentum grow (Dozat 2016).

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
    momentum_decay : float
        How fast the momentum grows to the first beta.
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
    m_t = beta1 (1 - 0.96^(t momentum_decay) / 2) is the momentum of step t, and M_t the product of m_1 to m_t. With
    Adam's means f of gradients and v of squares, p -= lr ((1 - m_t) g / (1 - M_t) + m_(t+1) f / (1 - M_(t+1))) /
    (sqrt(v / (1 - beta2^t)) + eps). M_t is the state's "mu_product", kept in double precision; PyTorch rounds it to
    the default dtype at each step.

    Examples
    --------
    >>> w = wg.nn.Parameter(wg.tensor([1.]))
    >>> (w * w).sum().backward()
    >>> wg.optim.NAdam([w], lr=0.1).step()
    >>> w.detach()
    tensor([0.8944])
    """

    _moving = ("mu_product",)

    def __init__(
        self, params: Any, lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, momentum_decay: float = 4e-3, decoupled_weight_decay: bool = False, *,
        foreach: bool | None = None, maximize: bool = False, capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_implementation(self._name, foreach, capturable, differentiable)
        super().__init__(params, {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize,
        })  # fmt: skip

    def _check_options(self, group: dict[str, Any]) -> None:
        super()._check_options(group)
        self._check_betas(group)

    def _update(self, group: dict[str, Any], params: list[Any], grads: list[Any], states: list[State]) -> None:
        self._change(updates.nadam, group, params, grads, states, ("exp_avg", "exp_avg_sq"), counted=True)

    def _numbers(self, group: dict[str, Any]) -> tuple[Any, ...]:
        beta1, beta2 = group["betas"]
        return (
            float(group["lr"]), beta1, beta2, group["eps"], group["weight_decay"], group["momentum_decay"],
            group["decoupled_weight_decay"], group["maximize"],
        )  # fmt: skip

    def _before(self, group: dict[str, Any], state: State) -> dict[str, float]:
        return {"mu_product": state.get("mu_product", 1.0)}

    def _after(self, group: dict[str, Any], state: State) -> dict[str, float]:
        now, _ = updates.nadam_momenta(group["betas"][0], group["momentum_decay"], state.get("step", 0) + 1)
        return {"mu_product": state.get("mu_product", 1.0) * now}
