"""L-BFGS, with a line search by the strong Wolfe conditions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._types import Tensor
from ..autograd import enable_grad
from ..core.doors import require_writable
from ..core.modes import recorder, recording
from ..core.named import NamedTuple
from ..core.recorder import CompileError
from ..ops import cat, zeros_like
from .optimizer import Optimizer, State

# Of the line search: how much of the expected descent is enough, and how much of the slope may be left.
_DESCENT, _CURVATURE = 1e-4, 0.9


class LBFGS(Optimizer):
    """Quasi-Newton steps by the gradients of the last iterations (Liu and Nocedal 1989).

    For losses of all data at once. One step is up to `max_iter` iterations, and calls the closure for each.

    Parameters
    ----------
    params : iterable of tensor
        Parameters, in one group.
    lr : float
        The length of a step in terms of the quasi-Newton one; what a line search tries first.
    max_iter : int
        The iterations of a step.
    max_eval : int or None
        The calls of the closure in a step; None: max_iter * 5 // 4.
    tolerance_grad : float
        A step ends when no item of the gradient is larger.
    tolerance_change : float
        A step ends when neither a parameter nor the loss changes by more.
    history_size : int
        The iterations that are remembered, each of which takes as much memory as two copies of the parameters.
    line_search_fn : {"strong_wolfe"} or None
        How the length of a step is found.

    Raises
    ------
    ValueError
        If an option is out of range, or there is more than one group.

    Notes
    -----
    The direction is found by the recursion of two loops (Nocedal and Wright, "Numerical Optimization", algorithm 7.4);
    pairs of which the product is at most 1e-10 are left out. The line search brackets a point and zooms in on it by
    cubic interpolation (ibid., algorithms 3.5 and 3.6). If the closure raises, parameters and state are what they were
    before the step. A program (`wg.compile`) cannot hold a step, whose length its numbers decide, but the closure can
    be one.

    Examples
    --------
    >>> w = wg.nn.Parameter(wg.tensor([-1.0, 2.0]))
    >>> optimizer = wg.optim.LBFGS([w], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = (1 - w[0]) ** 2 + 10 * (w[1] - w[0] ** 2) ** 2
    ...     loss.backward()
    ...     return loss
    >>> for _ in range(2):
    ...     loss = optimizer.step(closure)
    >>> bool((w - 1).abs().max() < 1e-3)
    True
    """

    def __init__(
        self, params: Any, lr: float = 1, max_iter: int = 20, max_eval: int | None = None, tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9, history_size: int = 100, line_search_fn: str | None = None,
    ) -> None:  # fmt: skip
        if max_eval is None:
            max_eval = max_iter * 5 // 4
        super().__init__(params, {
            "lr": lr, "max_iter": max_iter, "max_eval": max_eval, "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change, "history_size": history_size, "line_search_fn": line_search_fn,
        })  # fmt: skip

    def _check_options(self, group: dict[str, Any]) -> None:
        super()._check_options(group)
        if self.param_groups:
            raise ValueError(f"{self._name}: all parameters are in one group, with the same options; got another group")
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise ValueError(
                f'{self._name}: expected line_search_fn "strong_wolfe" or None, got {group["line_search_fn"]!r}'
            )
        if group["history_size"] < 1:
            raise ValueError(f"{self._name}: expected history_size >= 1, got {group['history_size']}")

    def step(self, closure: Callable[[], Any]) -> Any:
        """Take up to `max_iter` iterations.

        Parameters
        ----------
        closure : function
            Computes the loss anew, with gradients, and returns it.

        Returns
        -------
        The loss before the step.

        Raises
        ------
        TypeError
            If `closure` is no function.
        """
        if not callable(closure):
            raise TypeError(
                f"{self._name}.step: expected a function that computes the loss and its gradients anew, got a "
                f"{type(closure).__name__}"
            )
        if recorder() is not None:
            raise CompileError(
                f"compile: {self._name}.step takes as many iterations as its numbers decide, which no program can; "
                "leave it outside the compiled function, and compile the closure instead"
            )
        params = self.param_groups[0]["params"]
        for k, p in enumerate(params):
            self._check_parameter(k, p)
            require_writable(p, f"{self._name}.step")
        state = {name: list(x) if isinstance(x, list) else x for name, x in self.state[params[0]].items()}
        with recording(False):
            objective = _Objective(params, closure)
            before = objective.items()
            try:
                loss = self._iterate(objective, state)
            except BaseException:
                objective.put(before)
                raise
        self.state[params[0]] = state
        return loss

    def _iterate(self, objective: _Objective, state: State) -> Any:
        group = self.param_groups[0]
        lr, change = float(group["lr"]), group["tolerance_change"]
        first, g = objective()
        loss, count = float(first), 1
        state["func_evals"] = state.get("func_evals", 0) + 1
        state.setdefault("n_iter", 0)
        if _largest(g) <= group["tolerance_grad"]:
            return first
        for k in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            d = _direction(state, g, group["history_size"])
            before = loss
            t = lr if state["n_iter"] > 1 else min(1.0, 1.0 / float(g.abs().sum())) * lr
            state.update(d=d, t=t, prev_flat_grad=g, prev_loss=before)
            slope = float(g.dot(d))
            if slope > -change:
                break
            evaluations = 0
            if group["line_search_fn"] is not None:
                start = _Point(0.0, loss, g, slope)
                point, evaluations = _strong_wolfe(objective.along(d), start, t, _largest(d), group["max_eval"] - count)
                state["t"], loss, g = point.t, point.loss, point.gradient
                objective.move(d, point.t)
            else:
                objective.move(d, t)
                if k < group["max_iter"]:  # after the last one nobody would look at it
                    now, g = objective()
                    loss, evaluations = float(now), 1
            count += evaluations
            state["func_evals"] += evaluations
            if (
                count >= group["max_eval"]
                or _largest(g) <= group["tolerance_grad"]
                or _largest(d) * abs(state["t"]) <= change
                or abs(loss - before) < change
            ):
                break
        return first


class _Objective:
    """The loss as a function of all parameters in a row."""

    def __init__(self, params: list[Any], closure: Callable[[], Any]) -> None:
        self.params, self.closure = params, closure

    def __call__(self) -> tuple[Any, Tensor]:
        """The loss, and its gradient in new memory."""
        with enable_grad():
            loss = self.closure()
        return loss, cat([(zeros_like(p) if p.grad is None else p.grad).reshape(-1) for p in self.params])

    def items(self) -> list[Tensor]:
        """Copies of the parameters."""
        return [p.detach().clone() for p in self.params]

    def put(self, items: list[Tensor]) -> None:
        """Set the parameters."""
        for p, x in zip(self.params, items, strict=True):
            p.copy_(x)

    def move(self, d: Tensor, t: float) -> None:
        """Add t times a direction to the parameters."""
        start = 0
        for p in self.params:
            size = p._value.size
            p.add_(d[start : start + size].reshape(p._value.shape), alpha=t)
            start += size

    def along(self, d: Tensor) -> Callable[[float], _Point]:
        """What is found at t times a direction from here; the parameters stay."""
        here = self.items()

        def at(t: float) -> _Point:
            self.move(d, t)
            loss, g = self()
            self.put(here)
            return _Point(t, float(loss), g, float(g.dot(d)))

        return at


def _largest(x: Tensor) -> float:
    return float(x.abs().max())


def _direction(state: State, g: Tensor, history_size: int) -> Tensor:
    """The direction of the next iteration; takes what the last one has shown into the state."""
    if state["n_iter"] == 1:
        state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1.0)
        return -g
    changes, steps, inverses = state["old_dirs"], state["old_stps"], state["ro"]
    y, s = g - state["prev_flat_grad"], state["d"] * float(state["t"])
    product = float(y.dot(s))
    if product > 1e-10:
        while len(changes) >= history_size:
            for remembered in (changes, steps, inverses):
                del remembered[0]
        changes.append(y)
        steps.append(s)
        inverses.append(1.0 / product)
        state["H_diag"] = product / float(y.dot(y))
    parts = [0.0] * len(changes)
    d = -g
    for k in range(len(changes) - 1, -1, -1):
        parts[k] = float(steps[k].dot(d)) * float(inverses[k])
        d.add_(changes[k], alpha=-parts[k])
    d.mul_(float(state["H_diag"]))
    for k, part in enumerate(parts):
        d.add_(steps[k], alpha=part - float(changes[k].dot(d)) * float(inverses[k]))
    state["al"] = [*parts, *[None] * (history_size - len(parts))]
    return d


# ---------------------------------------------------------------- the line search


class _Point(NamedTuple):
    """A point along a direction: where, the loss, its gradient, and the slope along the direction."""

    t: float
    loss: float
    gradient: Any
    slope: float


def _strong_wolfe(
    at: Callable[[float], _Point], start: _Point, t: float, largest: float, most: int
) -> tuple[_Point, int]:  # fmt: skip
    """A point where the loss has fallen and the slope is flat enough, or the lowest that was found; and how many were
    looked at. `largest`: of the direction's items; `most`: how many points beyond the first may be looked at."""
    bracket, looked = _bracket(at, start, t, most)
    low = 0 if bracket[0].loss <= bracket[-1].loss else 1
    stuck = False
    while len(bracket) == 2 and looked <= most and abs(bracket[1].t - bracket[0].t) * largest >= 1e-9:
        near, far = sorted((bracket[0].t, bracket[1].t))
        t, margin = _lowest_of_cubic(bracket[0], bracket[1], near, far), 0.1 * (far - near)
        edge = min(far - t, t - near) < margin
        if edge and (stuck or t >= far or t <= near):  # a point this near to the border twice: go on inside
            t = far - margin if abs(t - far) < abs(t - near) else near + margin
            stuck = False
        else:
            stuck = edge
        point = at(t)
        looked += 1
        if point.loss > start.loss + _DESCENT * t * start.slope or point.loss >= bracket[low].loss:
            bracket[1 - low] = point
            low = 0 if bracket[0].loss <= bracket[1].loss else 1
            continue
        if abs(point.slope) <= -_CURVATURE * start.slope:
            return point, looked
        if point.slope * (bracket[1 - low].t - bracket[low].t) >= 0:
            bracket[1 - low] = bracket[low]
        bracket[low] = point
    return bracket[low], looked


def _bracket(at: Callable[[float], _Point], start: _Point, t: float, most: int) -> tuple[list[_Point], int]:
    """Two points between which there is one that is wanted, or such a point alone; and how many were looked at."""
    before, point = start, at(t)
    looked = 1
    while looked <= most:
        if point.loss > start.loss + _DESCENT * point.t * start.slope or (looked > 2 and point.loss >= before.loss):
            return [before, point], looked
        if abs(point.slope) <= -_CURVATURE * start.slope:
            return [point], looked
        if point.slope >= 0:
            return [before, point], looked
        near, far = point.t + 0.01 * (point.t - before.t), 10 * point.t
        before, point = point, at(_lowest_of_cubic(before, point, near, far))
        looked += 1
    return [start, point], looked


def _lowest_of_cubic(a: _Point, b: _Point, least: float, most: float) -> float:
    """Where the cubic through two points, of their losses and slopes, is lowest, within limits."""
    if a.t > b.t:
        a, b = b, a
    with np.errstate(all="ignore"):  # two points in one place, or losses that are not finite
        x, y, f, g, df, dg = np.array([a.t, b.t, a.loss, b.loss, a.slope, b.slope])
        d = df + dg - 3 * (f - g) / (x - y)
        square = d * d - df * dg
        if not square >= 0:
            return (least + most) / 2
        root = np.sqrt(square)
        lowest = float(y - (y - x) * ((dg + root - d) / (dg - df + 2 * root)))
    return min(max(lowest, least), most)
