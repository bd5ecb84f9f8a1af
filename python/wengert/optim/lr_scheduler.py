"""Schedules of learning rates. After each epoch, or step, of the optimizer, `scheduler.step()` sets the next rate.

The rates are PyTorch's. Where a schedule is a product of changes it multiplies the rate that it finds, so that several
schedules of one optimizer compose.
"""

from __future__ import annotations

import math
import warnings
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from ..core.missing import explain
from ..core.modes import recorder
from ..core.recorder import CompileError
from ..core.signatures import constructor_tells
from .optimizer import Optimizer


class LRScheduler:
    """The base of all schedules. A subclass defines `get_lr`.

    Parameters
    ----------
    optimizer : Optimizer
    last_epoch : int
        The epoch to go on from; -1 to begin.

    Attributes
    ----------
    last_epoch : int
        How often `step` was called.
    base_lrs : list of float
        The rate that each group began with.

    Raises
    ------
    TypeError
        If `optimizer` is not an optimizer.
    KeyError
        If going on from an epoch with an optimizer whose groups do not know their initial rate.

    Examples
    --------
    >>> from wengert import optim
    >>> class Halving(optim.lr_scheduler.LRScheduler):
    ...     def get_lr(self):
    ...         return [rate * 0.5**self.last_epoch for rate in self.base_lrs]
    >>> optimizer = optim.SGD([wg.ones(2, requires_grad=True)], lr=1.0)
    >>> schedule = Halving(optimizer)
    >>> optimizer.step()
    >>> schedule.step()
    >>> schedule.get_last_lr()
    [0.5]
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = checked_optimizer(type(self).__name__, optimizer)
        for k, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(
                    f"{type(self).__name__}: to go on from epoch {last_epoch}, group {k} needs 'initial_lr'; load the "
                    "optimizer's state first"
                )
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._step_count = 0
        self._advance(first=True)

    def get_lr(self) -> list[float]:
        """The rates for `last_epoch`, from those that the groups have now; one per group.

        Returns
        -------
        list of float

        Raises
        ------
        TypeError
            If the subclass does not define it.

        Examples
        --------
        >>> from wengert import optim
        >>> optimizer = optim.SGD([wg.ones(2, requires_grad=True)], lr=1.0)
        >>> optim.lr_scheduler.StepLR(optimizer, 10).get_lr()
        [1.0]
        """
        raise TypeError(f"{type(self).__name__} does not define get_lr")

    def get_first_lr(self) -> list[float]:
        """The rates that a schedule begins with, or goes on with.

        Returns
        -------
        list of float

        Examples
        --------
        >>> from wengert import optim
        >>> optimizer = optim.SGD([wg.ones(2, requires_grad=True)], lr=1.0)
        >>> optim.lr_scheduler.StepLR(optimizer, 10).get_first_lr()
        [1.0]
        """
        return self.get_lr()

    def step(self, epoch: float | None = None) -> None:
        """Set the next rates, or those of an epoch; to be called after the optimizer's step.

        Parameters
        ----------
        epoch : float or None
            At least 0.

        Raises
        ------
        ValueError
            If the epoch is negative.

        Examples
        --------
        >>> from wengert import optim
        >>> optimizer = optim.SGD([wg.ones(2, requires_grad=True)], lr=1.0)
        >>> schedule = optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
        >>> optimizer.step()
        >>> schedule.step()
        >>> optimizer.param_groups[0]["lr"]
        0.5
        """
        at_work = recorder()
        if epoch is not None:
            self._go_to(epoch, at_work is not None)
            return
        if at_work is not None:
            at_work.effect(self.step, ())
            return
        if self._step_count == 1 and not self.optimizer.stepped:
            warnings.warn(
                f"{type(self).__name__}.step() was called before optimizer.step(), so the first rate is never used; "
                "call optimizer.step() first",
                UserWarning,
                stacklevel=2,
            )
        self._advance()

    def _advance(self, first: bool = False) -> None:
        self._step_count += 1
        self.last_epoch += 1
        self._set(self.get_first_lr() if first else self.get_lr())

    def _go_to(self, epoch: float, within_program: bool) -> None:
        """Set the rates of an epoch."""
        name = type(self).__name__
        if within_program:
            raise CompileError(
                f"compile: {name}.step(epoch) sets an epoch that each run would set again; leave epoch out, or call "
                "it outside the compiled function"
            )
        if epoch < 0:
            raise ValueError(f"{name}: expected an epoch >= 0, got {epoch}")
        self._step_count += 1
        self._walk_to(epoch)

    def _walk_to(self, epoch: float) -> None:
        """Go on to an epoch, or begin again if it is behind: many rates are made of those before them."""
        if epoch < self.last_epoch:
            count = self._step_count
            self._restart()
            self._step_count = count
        while self.last_epoch < epoch:
            self.last_epoch = min(self.last_epoch + 1, epoch)  # type: ignore[assignment]  # may lie between two
            self._set(self.get_lr())

    def _begin(self, epoch: int) -> None:
        """Begin at an epoch, from the rates that the groups have."""
        self.last_epoch, self._step_count = epoch - 1, 0
        self._advance(first=True)

    def _restart(self) -> None:
        """Go to epoch 0, from the rates that the groups began with."""
        for group, lr in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = lr
        self._begin(0)

    def _set(self, rates: list[float]) -> None:
        for group, lr in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = lr
        self._last_lr = list(rates)

    def _current(self) -> list[float]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def get_last_lr(self) -> list[float]:
        """The rates that were set last; one per group.

        Returns
        -------
        list of float

        Examples
        --------
        >>> from wengert import optim
        >>> optimizer = optim.SGD([wg.ones(2, requires_grad=True)], lr=1.0)
        >>> optim.lr_scheduler.ExponentialLR(optimizer, 0.5).get_last_lr()
        [1.0]
        """
        return list(self._last_lr)

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer.

        Returns
        -------
        dict

        Examples
        --------
        >>> from wengert import optim
        >>> optimizer = optim.SGD([wg.ones(2, requires_grad=True)], lr=1.0)
        >>> optim.lr_scheduler.ExponentialLR(optimizer, 0.5).state_dict()["last_epoch"]
        0
        """
        return {name: value for name, value in vars(self).items() if name != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state. The optimizer's own state has the rates; load it too.

        Parameters
        ----------
        state_dict : dict
            What `state_dict` gave.

        Examples
        --------
        >>> from wengert import optim
        >>> optimizer = optim.SGD([wg.ones(2, requires_grad=True)], lr=1.0)
        >>> schedule = optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
        >>> schedule.load_state_dict(schedule.state_dict() | {"last_epoch": 3})
        >>> schedule.last_epoch
        3
        """
        vars(self).update(state_dict)


def checked_optimizer(name: str, optimizer: Any) -> Optimizer:
    """The optimizer of a schedule of this name."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{name}: expected an optimizer, got {type(optimizer).__name__}")
    return optimizer


def per_group(name: str, what: str, optimizer: Optimizer, x: Any) -> list[Any]:
    """One value for all groups, or a list of one per group, as a list."""
    if not isinstance(x, (list, tuple)):
        return [x] * len(optimizer.param_groups)
    if len(x) != len(optimizer.param_groups):
        raise ValueError(
            f"{name}: expected {len(optimizer.param_groups)} values of {what}, one per group, got {len(x)}"
        )
    return list(x)


class _ByFunctions(LRScheduler):
    """A schedule by a function of the epoch, or one for each group."""

    def _take(self, optimizer: Optimizer, lr_lambda: Any) -> None:
        name = type(self).__name__
        self.lr_lambdas = per_group(name, "lr_lambda", checked_optimizer(name, optimizer), lr_lambda)
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(f"{name}: expected a function of the epoch as lr_lambda, got {type(function).__name__}")

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer and the functions; of callable objects, their attributes."""
        state = super().state_dict()
        state["lr_lambdas"] = [_attributes(function) for function in self.lr_lambdas]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state; the functions stay, callable objects get their attributes."""
        functions = self.lr_lambdas
        super().load_state_dict(state_dict)
        self.lr_lambdas = functions
        for function, attributes in zip(functions, state_dict["lr_lambdas"], strict=True):
            vars(function).update(attributes or {})


def _attributes(function: Any) -> dict[str, Any] | None:
    """What the state of a schedule has of a function of the user's."""
    return dict(getattr(function, "__dict__", {})) or None


class LambdaLR(_ByFunctions):
    """The initial rate times a function of the epoch.

    Parameters
    ----------
    optimizer : Optimizer
    lr_lambda : function or list of function
        Maps the epoch to the factor; one for all groups or one for each.
    last_epoch : int

    Examples
    --------
    >>> optimizer = wg.optim.SGD([wg.nn.Parameter(wg.ones(1))], lr=1.0)
    >>> schedule = wg.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch))
    >>> optimizer.step(); schedule.step()
    >>> schedule.get_last_lr()
    [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | list[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        self._take(optimizer, lr_lambda)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The rates for `last_epoch`."""
        return [lr * function(self.last_epoch) for lr, function in zip(self.base_lrs, self.lr_lambdas, strict=True)]


class MultiplicativeLR(_ByFunctions):
    """The rate times a function of the epoch, at every epoch.

    Parameters
    ----------
    optimizer : Optimizer
    lr_lambda : function or list of function
        Maps the epoch to the factor; one for all groups or one for each.
    last_epoch : int

    Examples
    --------
    >>> optimizer = wg.optim.SGD([wg.nn.Parameter(wg.ones(1))], lr=1.0)
    >>> schedule = wg.optim.lr_scheduler.MultiplicativeLR(optimizer, lambda epoch: 0.5)
    >>> for epoch in range(2):
    ...     optimizer.step(); schedule.step()
    >>> schedule.get_last_lr()
    [0.25]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | list[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        self._take(optimizer, lr_lambda)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The present rates times the functions of `last_epoch`."""
        return [lr * function(self.last_epoch) for lr, function in zip(self._current(), self.lr_lambdas, strict=True)]

    def get_first_lr(self) -> list[float]:
        """The present rates."""
        return self._current()


class _Scaled(LRScheduler):
    """A schedule that multiplies the present rate."""

    def _change(self) -> float:
        """The factor at `last_epoch`."""
        return 1.0

    def get_lr(self) -> list[float]:
        """The present rates times the change at `last_epoch`."""
        change = self._change()
        return self._current() if change == 1 else [lr * change for lr in self._current()]


class StepLR(_Scaled):
    """The rate times `gamma` every `step_size` epochs.

    Parameters
    ----------
    optimizer : Optimizer
    step_size : int
    gamma : float
    last_epoch : int

    Examples
    --------
    >>> optimizer = wg.optim.SGD([wg.nn.Parameter(wg.ones(1))], lr=1.0)
    >>> schedule = wg.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    >>> for epoch in range(4):
    ...     optimizer.step(); schedule.step()
    >>> schedule.get_last_lr()
    [0.25]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        if step_size < 1:
            raise ValueError(f"StepLR: expected step_size >= 1, got {step_size}")
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def _change(self) -> float:
        return self.gamma if self.last_epoch > 0 and self.last_epoch % self.step_size == 0 else 1.0


class MultiStepLR(_Scaled):
    """The rate times `gamma` at each of some epochs.

    Parameters
    ----------
    optimizer : Optimizer
    milestones : sequence of int
    gamma : float
    last_epoch : int

    Examples
    --------
    >>> optimizer = wg.optim.SGD([wg.nn.Parameter(wg.ones(1))], lr=1.0)
    >>> schedule = wg.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[1, 3], gamma=0.5)
    >>> for epoch in range(4):
    ...     optimizer.step(); schedule.step()
    >>> schedule.get_last_lr()
    [0.25]
    """

    def __init__(
        self, optimizer: Optimizer, milestones: Sequence[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones, self.gamma = Counter(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def _change(self) -> float:
        return self.gamma ** self.milestones[self.last_epoch]


class ExponentialLR(_Scaled):
    """The rate times `gamma` at every epoch.

    Parameters
    ----------
    optimizer : Optimizer
    gamma : float
    last_epoch : int

    Examples
    --------
    >>> optimizer = wg.optim.SGD([wg.nn.Parameter(wg.ones(1))], lr=1.0)
    >>> schedule = wg.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    >>> optimizer.step(); schedule.step()
    >>> schedule.get_last_lr()
    [0.5]
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _change(self) -> float:
        return self.gamma

    def get_first_lr(self) -> list[float]:
        """The present rates."""
        return self._current()


class ConstantLR(_Scaled):
    """The rate times `factor` for the first `total_iters` epochs.

    Parameters
    ----------
    optimizer : Optimizer
    factor : float
        In [0, 1].
    total_iters : int
    last_epoch : int

    Examples
    --------
    >>> optimizer = wg.optim.SGD([wg.nn.Parameter(wg.ones(1))], lr=1.0)
    >>> wg.optim.lr_scheduler.ConstantLR(optimizer, factor=0.5, total_iters=4).get_last_lr()
    [0.5]
    """

    def __init__(self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5, last_epoch: int = -1) -> None:
        if not 0 <= factor <= 1:
            raise ValueError(f"ConstantLR: expected a factor in [0, 1], got {factor}")
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def _change(self) -> float:
        if self.last_epoch == 0:
            return self.factor
        return 1 / self.factor if self.last_epoch == self.total_iters else 1.0


class LinearLR(_Scaled):
    """The rate times a factor that goes from `start_factor` to `end_factor` in equal steps.

    Parameters
    ----------
    optimizer : Optimizer
    start_factor : float
        In (0, 1].
    end_factor : float
        In [0, 1].
    total_iters : int
        The steps that it takes.
    last_epoch : int

    Examples
    --------
    >>> optimizer = wg.optim.SGD([wg.nn.Parameter(wg.ones(1))], lr=1.0)
    >>> schedule = wg.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.5, total_iters=4)
    >>> optimizer.step(); schedule.step()
    >>> schedule.get_last_lr()
    [0.625]
    """

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1 / 3, end_factor: float = 1.0, total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:  # fmt: skip
        if not 0 < start_factor <= 1 or not 0 <= end_factor <= 1:
            raise ValueError(
                f"LinearLR: expected start_factor in (0, 1] and end_factor in [0, 1], "
                f"got {start_factor} and {end_factor}"
            )
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def _change(self) -> float:
        if self.last_epoch == 0:
            return self.start_factor
        if self.last_epoch > self.total_iters:
            return 1.0
        rise = self.end_factor - self.start_factor
        return 1 + rise / (self.total_iters * self.start_factor + (self.last_epoch - 1) * rise)

    def get_first_lr(self) -> list[float]:
        """The initial rates times `start_factor`; the present ones when going on."""
        return self.get_lr() if self.last_epoch == 0 else self._current()


class PolynomialLR(_Scaled):
    """The rate times a power of the part that is left of `total_iters` epochs.

    Parameters
    ----------
    optimizer : Optimizer
    total_iters : int
        The epochs after which the rate is 0.
    power : float
    last_epoch : int

    Notes
    -----
    lr (1 - min(epoch, total_iters) / total_iters)^power.

    Examples
    --------
    >>> optimizer = wg.optim.SGD([wg.nn.Parameter(wg.ones(1))], lr=1.0)
    >>> schedule = wg.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=4, power=2.0)
    >>> for epoch in range(2):
    ...     optimizer.step(); schedule.step()
    >>> schedule.get_last_lr()
    [0.25]
    """

    def __init__(
        self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1
    ) -> None:  # fmt: skip
        if total_iters < 0:
            raise ValueError(f"PolynomialLR: expected total_iters >= 0, got {total_iters}")
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def _change(self) -> float:
        if not 0 < self.last_epoch <= self.total_iters:
            return 1.0
        left = self.total_iters - self.last_epoch
        return float((left / (left + 1)) ** self.power)

    def get_first_lr(self) -> list[float]:
        """The present rates."""
        return self._current()


class CosineAnnealingLR(LRScheduler):
    """The rate along half a cosine, from the initial one to `eta_min` in `T_max` epochs (Loshchilov and Hutter 2017).

    Parameters
    ----------
    optimizer : Optimizer
    T_max : int
    eta_min : float
    last_epoch : int

    Notes
    -----
    eta_min + (lr - eta_min) (1 + cos(pi epoch / T_max)) / 2; beyond T_max it rises again.

    Examples
    --------
    >>> optimizer = wg.optim.SGD([wg.nn.Parameter(wg.ones(1))], lr=1.0)
    >>> schedule = wg.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=2)
    >>> optimizer.step(); schedule.step()
    >>> round(schedule.get_last_lr()[0], 12)
    0.5
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The present rates moved on along the cosine."""
        epoch, low = self.last_epoch, self.eta_min
        before, now = (1 + math.cos(math.pi * e / self.T_max) for e in (epoch - 1, epoch))
        if (epoch - 1 - self.T_max) % (2 * self.T_max) == 0:  # at the bottom, where there is nothing to multiply
            return [lr + (base - low) * now / 2 for lr, base in zip(self._current(), self.base_lrs, strict=True)]
        return [low + (lr - low) * now / before for lr in self._current()]

    def get_first_lr(self) -> list[float]:
        """The present rates."""
        return self._current()


class CosineAnnealingWarmRestarts(LRScheduler):
    """The rate along half a cosine, again and again from the top (Loshchilov and Hutter 2017).

    Parameters
    ----------
    optimizer : Optimizer
    T_0 : int
        The epochs of the first descent.
    T_mult : int
        By what each descent is longer than the one before.
    eta_min : float
        The rate at the bottom.
    last_epoch : int

    Raises
    ------
    ValueError
        If an option is out of range.

    Notes
    -----
    eta_min + (lr - eta_min) (1 + cos(pi T_cur / T_i)) / 2, T_cur epochs after the last restart, T_i before the next.

    Examples
    --------
    >>> optimizer = wg.optim.SGD([wg.nn.Parameter(wg.ones(1))], lr=1.0)
    >>> schedule = wg.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=2, T_mult=2)
    >>> rates = []
    >>> for epoch in range(5):
    ...     optimizer.step()
    ...     rates.append(round(schedule.get_last_lr()[0], 2))
    ...     schedule.step()
    >>> rates
    [1.0, 0.5, 1.0, 0.85, 0.5]
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        for name, value in (("T_0", T_0), ("T_mult", T_mult)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"CosineAnnealingWarmRestarts: expected an integer {name} >= 1, got {value!r}")
        if not isinstance(eta_min, (int, float)):
            raise ValueError(
                f"CosineAnnealingWarmRestarts: expected a number as eta_min, got a {type(eta_min).__name__}"
            )
        self.T_0, self.T_i, self.T_mult, self.eta_min = T_0, T_0, T_mult, eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The rates `T_cur` epochs after the last restart."""
        part = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (lr - self.eta_min) * part for lr in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Set the next rates, or those of an epoch, which may lie between two: after batch k of n, epoch + k / n.

        Parameters
        ----------
        epoch : float or None
            At least 0.
        """
        at_work = recorder()
        if epoch is not None:
            self._go_to(epoch, at_work is not None)
        elif at_work is not None:
            at_work.effect(self.step, ())
        else:
            self._advance()

    def _walk_to(self, epoch: float) -> None:
        self.last_epoch = math.floor(epoch)
        self._place(epoch)
        self._set(self.get_lr())

    def _advance(self, first: bool = False) -> None:
        self.T_cur = max(self.T_cur + 1, 0)
        if self.T_cur >= self.T_i:
            self.T_cur %= self.T_i
            self.T_i *= self.T_mult
        super()._advance(first)

    def _begin(self, epoch: int) -> None:
        self.T_cur, self.T_i = epoch - 1, self.T_0
        super()._begin(epoch)

    def _place(self, epoch: float) -> None:
        """Find the descent that an epoch is in."""
        if self.T_mult == 1:
            self.T_cur, self.T_i = epoch % self.T_0, self.T_0
            return
        self.T_cur, self.T_i = epoch, self.T_0
        while self.T_cur >= self.T_i:
            self.T_cur -= self.T_i
            self.T_i *= self.T_mult


class CyclicLR(LRScheduler):
    """The rate up from `base_lr` to `max_lr` and down again, over and over, one step per batch (Smith 2017).

    Parameters
    ----------
    optimizer : Optimizer
    base_lr, max_lr : float or list of float
        The lowest and the highest rate; one for all groups or one for each.
    step_size_up : int
        The steps of the way up.
    step_size_down : int or None
        The steps of the way down; None: as many.
    mode : {"triangular", "triangular2", "exp_range"}
        Whether the heights of cycles stay, are halved from one to the next, or are scaled by gamma^step.
    gamma : float
    scale_fn : function or None
        Scales the height instead, and `mode` is not looked at.
    scale_mode : {"cycle", "iterations"}
        Whether `scale_fn` is given the number of the cycle, from 1, or of the step.
    cycle_momentum : bool
        Whether the momentum, or Adam's first beta, goes down while the rate goes up, and up again.
    base_momentum, max_momentum : float or list of float
    last_epoch : int

    Raises
    ------
    ValueError
        If an option is out of range, or the optimizer has no momentum to cycle.

    Examples
    --------
    >>> optimizer = wg.optim.SGD([wg.nn.Parameter(wg.ones(1))], lr=0.1, momentum=0.9)
    >>> schedule = wg.optim.lr_scheduler.CyclicLR(optimizer, base_lr=0.25, max_lr=0.75, step_size_up=2)
    >>> rates = []
    >>> for batch in range(5):
    ...     optimizer.step()
    ...     rates += schedule.get_last_lr()
    ...     schedule.step()
    >>> rates
    [0.25, 0.5, 0.75, 0.5, 0.25]
    """

    def __init__(
        self, optimizer: Optimizer, base_lr: float | list[float], max_lr: float | list[float], step_size_up: int = 2000,
        step_size_down: int | None = None, mode: str = "triangular", gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None, scale_mode: str = "cycle", cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8, max_momentum: float | list[float] = 0.9, last_epoch: int = -1,
    ) -> None:  # fmt: skip
        low = per_group("CyclicLR", "base_lr", checked_optimizer("CyclicLR", optimizer), base_lr)
        self.max_lrs = per_group("CyclicLR", "max_lr", optimizer, max_lr)
        down = step_size_up if step_size_down is None else step_size_down
        if not (step_size_up > 0 and down > 0):
            raise ValueError(f"CyclicLR: expected step_size_up and step_size_down > 0, got {step_size_up} and {down}")
        if scale_fn is None and mode not in ("triangular", "triangular2", "exp_range"):
            raise ValueError(
                f'CyclicLR: expected mode "triangular", "triangular2" or "exp_range", or a scale_fn, got {mode!r}'
            )
        if scale_mode not in ("cycle", "iterations"):
            raise ValueError(f'CyclicLR: expected scale_mode "cycle" or "iterations", got {scale_mode!r}')
        self.total_size = float(step_size_up + down)
        self.step_ratio = step_size_up / self.total_size
        self.mode, self.gamma, self._scale_fn_custom = mode, gamma, scale_fn
        self.scale_mode = scale_mode
        if scale_fn is None:
            self.scale_mode = "iterations" if mode == "exp_range" else "cycle"
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            _require_momentum("CyclicLR", optimizer)
            self.use_beta1 = "betas" in optimizer.defaults
            self.base_momentums = per_group("CyclicLR", "base_momentum", optimizer, base_momentum)
            self.max_momentums = per_group("CyclicLR", "max_momentum", optimizer, max_momentum)
        if last_epoch == -1:
            for k, group in enumerate(optimizer.param_groups):
                group["lr"] = low[k]
                if cycle_momentum:
                    group.update(max_momentum=self.max_momentums[k], base_momentum=self.base_momentums[k])
        super().__init__(optimizer, last_epoch)
        self.base_lrs = low

    def scale_fn(self, x: float) -> float:
        """What the height of a cycle is scaled by.

        Parameters
        ----------
        x : float
            The number of the cycle or of the step, as `scale_mode` says.
        """
        if self._scale_fn_custom is not None:
            return float(self._scale_fn_custom(x))
        if self.mode == "triangular":
            return 1.0
        return float(0.5 ** (x - 1) if self.mode == "triangular2" else self.gamma**x)

    def get_lr(self) -> list[float]:
        """The rates for `last_epoch`; sets the momentum too."""
        cycles = self.last_epoch / self.total_size
        cycle = math.floor(1 + cycles)
        x = 1.0 + cycles - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        height *= self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            momenta = zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums, strict=True)
            for group, low, high in momenta:
                _set_momentum(group, high - (high - low) * height)
        return [low + (high - low) * height for low, high in zip(self.base_lrs, self.max_lrs, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer and the function; of a callable object, its attributes."""
        return {**super().state_dict(), "_scale_fn_custom": _attributes(self._scale_fn_custom)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state; the function stays, a callable object gets its attributes."""
        function = self._scale_fn_custom
        super().load_state_dict(state_dict)
        self._scale_fn_custom = function
        if function is not None:
            vars(function).update(state_dict["_scale_fn_custom"] or {})


def _require_momentum(name: str, optimizer: Optimizer) -> None:
    if not {"momentum", "betas"} & set(optimizer.defaults):
        raise ValueError(
            f"{name}: {type(optimizer).__name__} has neither momentum nor betas to cycle; pass cycle_momentum=False"
        )


def _set_momentum(group: dict[str, Any], momentum: float) -> None:
    if "betas" in group:
        group["betas"] = (momentum, *group["betas"][1:])
    else:
        group["momentum"] = momentum


class OneCycleLR(LRScheduler):
    """The rate up to `max_lr` and down again, far below where it began, one step per batch (Smith and Topin 2018).

    Parameters
    ----------
    optimizer : Optimizer
    max_lr : float or list of float
        One for all groups or one for each.
    total_steps : int or None
        None: epochs * steps_per_epoch.
    epochs, steps_per_epoch : int or None
    pct_start : float
        The part of the steps that goes up.
    anneal_strategy : {"cos", "linear"}
    cycle_momentum : bool
        Whether the momentum, or Adam's first beta, goes down while the rate goes up, and up again.
    base_momentum, max_momentum : float or list of float
    div_factor : float
        The rate begins at max_lr / div_factor.
    final_div_factor : float
        It ends at its beginning / final_div_factor.
    three_phase : bool
        Come down symmetrically to where it began first, and then further.
    last_epoch : int

    Raises
    ------
    ValueError
        If an option is out of range, the optimizer has no momentum to cycle, or there are more steps than said.

    Examples
    --------
    >>> optimizer = wg.optim.SGD([wg.nn.Parameter(wg.ones(1))], lr=0.1, momentum=0.9)
    >>> schedule = wg.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=10)
    >>> round(schedule.get_last_lr()[0], 12)
    0.04
    """

    def __init__(
        self, optimizer: Optimizer, max_lr: float | list[float], total_steps: int | None = None,
        epochs: int | None = None, steps_per_epoch: int | None = None, pct_start: float = 0.3,
        anneal_strategy: str = "cos", cycle_momentum: bool = True, base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95, div_factor: float = 25.0, final_div_factor: float = 1e4,
        three_phase: bool = False, last_epoch: int = -1,
    ) -> None:  # fmt: skip
        checked_optimizer("OneCycleLR", optimizer)
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("OneCycleLR: expected total_steps, or epochs and steps_per_epoch")
            total_steps = epochs * steps_per_epoch
        if not isinstance(total_steps, int) or total_steps < 1:
            raise ValueError(f"OneCycleLR: expected a positive number of steps, got {total_steps}")
        if not 0 <= pct_start <= 1:
            raise ValueError(f"OneCycleLR: expected pct_start in [0, 1], got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f'OneCycleLR: expected anneal_strategy "cos" or "linear", got {anneal_strategy!r}')
        self.total_steps, self.anneal_strategy, self.cycle_momentum = total_steps, anneal_strategy, cycle_momentum
        top = float(pct_start * total_steps) - 1
        # Where each phase ends, and between which of a group's entries rate and momentum go in it.
        self._phases = [(top, "initial_lr", "max_lr", "max_momentum", "base_momentum")]
        if three_phase:
            self._phases += [
                (2 * top, "max_lr", "initial_lr", "base_momentum", "max_momentum"),
                (total_steps - 1, "initial_lr", "min_lr", "max_momentum", "max_momentum"),
            ]
        else:
            self._phases += [(total_steps - 1, "max_lr", "min_lr", "base_momentum", "max_momentum")]
        if cycle_momentum:
            _require_momentum("OneCycleLR", optimizer)
        if last_epoch == -1:
            highs = per_group("OneCycleLR", "max_lr", optimizer, max_lr)
            most = per_group("OneCycleLR", "max_momentum", optimizer, max_momentum)
            least = per_group("OneCycleLR", "base_momentum", optimizer, base_momentum)
            for group, high, m, b in zip(optimizer.param_groups, highs, most, least, strict=True):
                group["initial_lr"] = high / div_factor
                group.update(max_lr=high, min_lr=group["initial_lr"] / final_div_factor)
                if cycle_momentum:
                    group.update(max_momentum=m, base_momentum=b)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The rates for `last_epoch`; sets the momentum too."""
        if self.last_epoch > self.total_steps:
            raise ValueError(f"OneCycleLR: step {self.last_epoch} is beyond total_steps={self.total_steps}")
        start = 0.0
        for end, *between in self._phases:
            if self.last_epoch <= end:
                break
            start = end if (end, *between) != self._phases[-1] else start
        part = (self.last_epoch - start) / (end - start)
        rates = []
        for group in self.optimizer.param_groups:
            rates.append(self._between(group[between[0]], group[between[1]], part))
            if self.cycle_momentum:
                _set_momentum(group, self._between(group[between[2]], group[between[3]], part))
        return rates

    def _between(self, start: float, end: float, part: float) -> float:
        if self.anneal_strategy == "linear":
            return start + (end - start) * part
        return end + (start - end) / 2 * (1 + math.cos(math.pi * part))


class _Several(LRScheduler):
    """Schedules of one optimizer that are stepped by another."""

    _schedulers: list[LRScheduler]

    def _take(self, optimizer: Any, schedulers: Sequence[LRScheduler]) -> None:
        name = type(self).__name__
        self.optimizer = checked_optimizer(name, optimizer)
        for k, scheduler in enumerate(schedulers):
            if isinstance(scheduler, ReduceLROnPlateau):
                raise ValueError(f"{name}: scheduler {k} is a ReduceLROnPlateau, whose step needs the metric")
            if not isinstance(scheduler, LRScheduler):
                raise TypeError(f"{name}: expected schedulers, got a {type(scheduler).__name__} at {k}")
            if scheduler.optimizer is not optimizer:
                raise ValueError(f"{name}: scheduler {k}, a {type(scheduler).__name__}, is of another optimizer")
        self._schedulers = list(schedulers)

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer; of the schedulers, their states."""
        return {**super().state_dict(), "_schedulers": [scheduler.state_dict() for scheduler in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state."""
        schedulers = self._schedulers
        super().load_state_dict(state_dict)
        self._schedulers = schedulers
        for scheduler, state in zip(schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(state)

    def _restart(self) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        self._begin(0)


class SequentialLR(_Several):
    """One schedule after the other.

    Parameters
    ----------
    optimizer : Optimizer
    schedulers : list of LRScheduler
        Of this optimizer.
    milestones : list of int
        The epochs at which the second, third, ... take over; each begins at its own epoch 0.
    last_epoch : int
        The epoch to go on from; -1 to begin. The first schedule goes on from its own, so that a run is resumed by
        loading a state rather than by this.

    Raises
    ------
    ValueError
        If there are no schedulers, one is of another optimizer or waits for a plateau, or the milestones are not one
        fewer.

    Examples
    --------
    >>> from wengert.optim.lr_scheduler import ConstantLR, ExponentialLR, SequentialLR
    >>> optimizer = wg.optim.SGD([wg.nn.Parameter(wg.ones(1))], lr=1.0)
    >>> warm, decay = ConstantLR(optimizer, factor=0.5, total_iters=9), ExponentialLR(optimizer, gamma=0.5)
    >>> schedule = SequentialLR(optimizer, [warm, decay], milestones=[2])
    >>> for epoch in range(3):
    ...     optimizer.step(); schedule.step()
    >>> schedule.get_last_lr()
    [0.5]
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int], last_epoch: int = -1
    ) -> None:
        if not schedulers or len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"SequentialLR: expected schedulers and one milestone fewer, "
                f"got {len(schedulers)} and {len(milestones)}"
            )
        self._take(optimizer, schedulers)
        self._milestones = list(milestones)
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        first = self._schedulers[bisect_right(self._milestones, 0)]
        self._start(last_epoch + 1, getattr(first, "last_epoch", 0))

    def _begin(self, epoch: int) -> None:
        self._start(epoch, 0)

    def _start(self, epoch: int, of_first: int) -> None:
        """Begin at an epoch, the first schedule at one of its own."""
        self.last_epoch = epoch
        for scheduler in self._schedulers:
            if hasattr(scheduler, "last_epoch"):
                scheduler.last_epoch = -1
        first = self._schedulers[bisect_right(self._milestones, 0)]
        first._begin(of_first)
        self._last_lr = first.get_last_lr()

    def step(self) -> None:  # type: ignore[override]
        """Set the next rates; to be called after the optimizer's step."""
        at_work = recorder()
        if at_work is not None:
            at_work.effect(self.step, ())
            return
        self.last_epoch += 1
        k = bisect_right(self._milestones, self.last_epoch)
        if k > 0 and self._milestones[k - 1] == self.last_epoch:
            self._schedulers[k]._restart()
        else:
            self._schedulers[k].step()
        self._last_lr = self._schedulers[k].get_last_lr()


class ChainedScheduler(_Several):
    """Several schedules at once, each of which changes what the one before it has set.

    Parameters
    ----------
    schedulers : sequence of LRScheduler
        Of one optimizer.
    optimizer : Optimizer or None
        None: the first scheduler's.

    Raises
    ------
    ValueError
        If there are no schedulers, or one is of another optimizer or waits for a plateau.

    Examples
    --------
    >>> from wengert.optim.lr_scheduler import ChainedScheduler, ConstantLR, ExponentialLR
    >>> optimizer = wg.optim.SGD([wg.nn.Parameter(wg.ones(1))], lr=1.0)
    >>> schedule = ChainedScheduler([ConstantLR(optimizer, factor=0.5, total_iters=9), ExponentialLR(optimizer, 0.5)])
    >>> optimizer.step(); schedule.step()
    >>> schedule.get_last_lr()
    [0.25]
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        if not schedulers:
            raise ValueError("ChainedScheduler: expected schedulers, got none")
        self._take(getattr(schedulers[0], "optimizer", None) if optimizer is None else optimizer, schedulers)
        self._last_lr = self._current()

    def _begin(self, epoch: int) -> None:
        for scheduler in self._schedulers:
            scheduler._begin(epoch)
        self._last_lr = self._current()

    def step(self) -> None:  # type: ignore[override]
        """Set the next rates; to be called after the optimizer's step."""
        at_work = recorder()
        if at_work is not None:
            at_work.effect(self.step, ())
            return
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = self._current()


class ReduceLROnPlateau(LRScheduler):
    """The rate times `factor` when a metric has not improved for a while.

    Parameters
    ----------
    optimizer : Optimizer
    mode : {"min", "max"}
        Whether smaller or larger is better.
    factor : float
        Below 1.
    patience : int
        So many epochs without improvement are allowed.
    threshold : float
        By how much better counts as better.
    threshold_mode : {"rel", "abs"}
        Relative to the best so far, or absolute.
    cooldown : int
        Epochs after a reduction that do not count.
    min_lr : float or list of float
        No rate goes below it.
    eps : float
        Smaller changes are left out.

    Raises
    ------
    ValueError
        If an option is out of range.

    Examples
    --------
    >>> optimizer = wg.optim.SGD([wg.nn.Parameter(wg.ones(1))], lr=1.0)
    >>> schedule = wg.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)
    >>> for loss in (1.0, 1.0, 1.0):
    ...     schedule.step(loss)
    >>> schedule.get_last_lr()
    [0.1]
    """

    def __init__(
        self, optimizer: Optimizer, mode: str = "min", factor: float = 0.1, patience: int = 10, threshold: float = 1e-4,
        threshold_mode: str = "rel", cooldown: int = 0, min_lr: float | list[float] = 0, eps: float = 1e-8,
    ) -> None:  # fmt: skip
        self.optimizer = checked_optimizer("ReduceLROnPlateau", optimizer)
        if not factor < 1:
            raise ValueError(f"ReduceLROnPlateau: expected factor < 1, got {factor}")
        if mode not in ("min", "max"):
            raise ValueError(f'ReduceLROnPlateau: expected mode "min" or "max", got {mode!r}')
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f'ReduceLROnPlateau: expected threshold_mode "rel" or "abs", got {threshold_mode!r}')
        self.mode, self.factor, self.patience, self.threshold = mode, factor, patience, threshold
        self.threshold_mode, self.cooldown, self.eps = threshold_mode, cooldown, eps
        self.min_lrs = per_group("ReduceLROnPlateau", "min_lr", optimizer, min_lr)
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = self.last_epoch = 0
        self._last_lr = self._current()

    def step(self, metrics: Any, epoch: int | None = None) -> None:  # type: ignore[override]
        """Note the metric of an epoch, a number or a tensor of one item, and reduce the rates if it is time."""
        metric = float(metrics)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self._improved(metric):
            self.best, self.num_bad_epochs = metric, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._last_lr = self._current()

    def _improved(self, metric: float) -> bool:
        sign = -1 if self.mode == "min" else 1
        if self.threshold_mode == "rel":
            return sign * metric > sign * self.best * (1 + sign * self.threshold)
        return sign * metric > sign * self.best + self.threshold

    def _reduce(self) -> None:
        lows = self.min_lrs + self.min_lrs[-1:] * (len(self.optimizer.param_groups) - len(self.min_lrs))
        for group, low in zip(self.optimizer.param_groups, lows, strict=True):
            lr = max(group["lr"] * self.factor, low)
            if group["lr"] - lr > self.eps:
                group["lr"] = lr


_LRScheduler = LRScheduler  # as PyTorch called it, and as scripts that define their own still do

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]

for _name in __all__:
    constructor_tells(globals()[_name])
explain(__name__)
