"""Muon."""

from __future__ import annotations

from typing import Any

from ..ops import updates
from .optimizer import Optimizer, State


class Muon(Optimizer):
    """Steps of matrices along their mean gradient, made orthogonal by an iteration of Newton and Schulz (Jordan 2024).

    For the matrices of hidden layers; leave biases, embeddings and the last layer to another optimizer.

    Parameters
    ----------
    params : iterable of tensor or of dict
        Matrices, or groups of them with options of their own.
    lr : float
        The learning rate.
    weight_decay : float
        Each step begins with p *= 1 - lr * weight_decay.
    momentum : float
        How much of the running mean of the gradient stays at each step.
    nesterov : bool
        Step along the gradient mixed with the mean, rather than along the mean.
    ns_coefficients : (float, float, float)
        The polynomial a x + b x^3 + c x^5 of singular values.
    eps : float
        The least norm that a matrix is divided by before it is iterated.
    ns_steps : int
        How often the polynomial is applied, below 100.
    adjust_lr_fn : {"original", "match_rms_adamw"} or None
        The rate of a matrix of n rows and m columns is lr sqrt(max(1, n / m)), or 0.2 lr sqrt(max(n, m)), with which
        steps are as large as AdamW's. None is "original".

    Raises
    ------
    ValueError
        If an option is out of range, or a parameter is no matrix.

    Notes
    -----
    m += (1 - momentum) (g - m); p -= rate U, where U is near to the orthogonal factor of m, or with `nesterov` of
    g + momentum (m - g). Computed in the parameter's dtype, where PyTorch iterates in bfloat16, so that its results
    differ in the third digit.

    Examples
    --------
    >>> w = wg.nn.Parameter(wg.eye(2))
    >>> (w * w).sum().backward()
    >>> optimizer = wg.optim.Muon([w], lr=0.1, weight_decay=0)
    >>> optimizer.step()
    >>> bool(((w < 1) & (w > -0.1)).all())
    True
    """

    def __init__(
        self, params: Any, lr: float = 1e-3, weight_decay: float = 0.1, momentum: float = 0.95, nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315), eps: float = 1e-7, ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(params, {
            "lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov,
            "ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps, "adjust_lr_fn": adjust_lr_fn,
        })  # fmt: skip

    def _check_parameter(self, k: int, p: Any) -> None:
        super()._check_parameter(k, p)
        if p._value.ndim != 2:
            raise ValueError(
                f"{self._name}: parameter {k} has shape {p._value.shape}; only matrices can be made orthogonal, leave "
                "the others to another optimizer, such as AdamW"
            )

    def _check_options(self, group: dict[str, Any]) -> None:
        super()._check_options(group)
        if len(group["ns_coefficients"]) != 3:
            raise ValueError(f"{self._name}: expected three ns_coefficients, got {group['ns_coefficients']}")
        if not 0 <= group["ns_steps"] < 100:
            raise ValueError(f"{self._name}: expected ns_steps in [0, 100), got {group['ns_steps']}")
        if group["adjust_lr_fn"] not in (None, "original", "match_rms_adamw"):
            raise ValueError(
                f'{self._name}: expected adjust_lr_fn "original", "match_rms_adamw" or None, '
                f"got {group['adjust_lr_fn']!r}"
            )

    def _update(self, group: dict[str, Any], params: list[Any], grads: list[Any], states: list[State]) -> None:
        self._change(updates.muon, group, params, grads, states, ("momentum_buffer",))

    def _numbers(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return (
            float(group["lr"]), group["weight_decay"], group["momentum"], group["nesterov"],
            tuple(group["ns_coefficients"]), group["eps"], group["ns_steps"], group["adjust_lr_fn"],
        )  # fmt: skip
