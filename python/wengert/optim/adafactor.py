"""Adafactor."""

from __future__ import annotations

from typing import Any

from ..ops import updates
from .optimizer import Optimizer, State, check_implementation


class Adafactor(Optimizer):
    """Divides the gradient by the root of its mean square, of which it keeps rows and columns (Shazeer and Stern 2018).

    What is remembered of a matrix of n rows and m columns are n + m numbers.

    Parameters
    ----------
    params : iterable of tensor or of dict
        Parameters, or groups of them with options of their own.
    lr : float
        The most that the relative size of a step is, and the rate of the weight decay.
    beta2_decay : float
        At step t, t^beta2_decay is the part of the new squares in their means; at most 0.
    eps : (float or None, float)
        The least root of a mean square, None for the dtype's resolution, and the least size of a parameter.
    d : float
        An update's root mean square is limited to it; at least 1.
    weight_decay : float
        Each step begins with p *= 1 - lr * weight_decay.
    foreach
        PyTorch's choice among its implementations; here it changes nothing.
    maximize : bool
        Climb rather than descend.

    Raises
    ------
    ValueError
        If an option is out of range.

    Notes
    -----
    As PyTorch's, which differs from the paper: the size of step t is max(eps[1], RMS(p)) min(lr, 1 / sqrt(t)), and
    eps[0] limits the estimate rather than being added to squares. Of tensors of more than two dimensions, the last two
    are factored.

    Examples
    --------
    >>> w = wg.nn.Parameter(wg.ones(2, 3))
    >>> (w * w).sum().backward()
    >>> optimizer = wg.optim.Adafactor([w], lr=0.1)
    >>> optimizer.step()
    >>> w[0].detach(), optimizer.state[w]["row_var"].tolist()
    (tensor([0.9000, 0.9000, 0.9000]), [[4.0], [4.0]])
    """

    def __init__(
        self, params: Any, lr: float = 1e-2, beta2_decay: float = -0.8, eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0, weight_decay: float = 0.0, *, foreach: bool | None = None, maximize: bool = False,
    ) -> None:  # fmt: skip
        check_implementation(self._name, foreach)
        super().__init__(params, {
            "lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d, "weight_decay": weight_decay,
            "maximize": maximize,
        })  # fmt: skip

    def _check_options(self, group: dict[str, Any]) -> None:
        for name in ("lr", "weight_decay"):
            if not group[name] >= 0:
                raise ValueError(f"{self._name}: expected {name} >= 0, got {group[name]}")
        if not group["beta2_decay"] <= 0:
            raise ValueError(f"{self._name}: expected beta2_decay <= 0, got {group['beta2_decay']}")
        eps = group["eps"]
        if not isinstance(eps, (tuple, list)) or len(eps) != 2 or not all(e >= 0 for e in (eps[0] or 0, eps[1])):
            raise ValueError(f"{self._name}: expected eps of two numbers >= 0, the first of them or None, got {eps}")
        if not group["d"] >= 1:
            raise ValueError(f"{self._name}: expected d >= 1, got {group['d']}")

    def _together(self) -> list[tuple[dict[str, Any], list[Any]]]:
        found = []
        for group, params in super()._together():  # those that are factored, and those that are not, apart
            for some in ([p for p in params if p._value.ndim > 1], [p for p in params if p._value.ndim <= 1]):
                if some:
                    found.append((group, some))
        return found

    def _update(self, group: dict[str, Any], params: list[Any], grads: list[Any], states: list[State]) -> None:
        factored = params[0]._value.ndim > 1
        names = ("row_var", "col_var") if factored else ("variance",)
        self._change(updates.adafactor, group, params, grads, states, names, counted=True, factored=factored)

    def _start(self, group: dict[str, Any], p: Any, name: str) -> Any:
        shape = p._value.shape
        if name == "row_var":
            shape = (*shape[:-1], 1)
        elif name == "col_var":
            shape = (*shape[:-2], 1, shape[-1])
        return updates.zeros(shape, p._value.dtype)

    def _numbers(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return (
            float(group["lr"]), group["beta2_decay"], *group["eps"], group["d"], group["weight_decay"],
            group["maximize"],
        )  # fmt: skip
