"""Schedules of learning rates: PyTorch's numbers, closed forms, states."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable
from typing import Any

import pytest

import wengert as wg
from wengert import nn, optim
from wengert.optim import lr_scheduler


def torch_or_skip() -> Any:
    return pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")


def optimizer_of(library: Any, kind: str = "SGD") -> Any:
    """An optimizer of two groups with rates 0.5 and 0.2."""
    make = wg if library is wg else library
    params = [make.nn.Parameter(make.ones(1)) for _ in range(2)]
    options = {"momentum": 0.9} if kind == "SGD" else {}
    return getattr(make.optim, kind)([{"params": [params[0]]}, {"params": [params[1]], "lr": 0.2}], lr=0.5, **options)


SCHEDULES: dict[str, Callable[[Any, Any], Any]] = {
    "StepLR": lambda s, o: s.StepLR(o, 7, gamma=0.3),
    "MultiStepLR": lambda s, o: s.MultiStepLR(o, [3, 9, 9, 20], gamma=0.5),
    "ExponentialLR": lambda s, o: s.ExponentialLR(o, 0.93),
    "ConstantLR": lambda s, o: s.ConstantLR(o, 0.4, total_iters=6),
    "LinearLR": lambda s, o: s.LinearLR(o, 0.1, 0.8, total_iters=11),
    "LambdaLR": lambda s, o: s.LambdaLR(o, lambda epoch: 0.95**epoch),
    "LambdaLR per group": lambda s, o: s.LambdaLR(o, [lambda epoch: 0.9**epoch, lambda epoch: 1 / (1 + epoch)]),
    "CosineAnnealingLR": lambda s, o: s.CosineAnnealingLR(o, 10, eta_min=0.01),
    "CosineAnnealingLR odd": lambda s, o: s.CosineAnnealingLR(o, 13),
    "OneCycleLR": lambda s, o: s.OneCycleLR(o, 1.5, total_steps=40),
    "OneCycleLR linear": lambda s, o: s.OneCycleLR(
        o, [1.5, 0.5], epochs=4, steps_per_epoch=10, anneal_strategy="linear", pct_start=0.45, div_factor=10.0,
        final_div_factor=100.0, max_momentum=0.99,
    ),
    "OneCycleLR three phases": lambda s, o: s.OneCycleLR(o, 1.5, total_steps=41, three_phase=True),
    "OneCycleLR without momentum": lambda s, o: s.OneCycleLR(o, 1.5, total_steps=40, cycle_momentum=False),
    "SequentialLR": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, 0.1, total_iters=5), s.CosineAnnealingLR(o, 20), s.ExponentialLR(o, 0.9)], [5, 25]
    ),
    "MultiplicativeLR": lambda s, o: s.MultiplicativeLR(o, [lambda e: 0.95, lambda e: 1 / (1 + 0.01 * e)]),
    "PolynomialLR": lambda s, o: s.PolynomialLR(o, total_iters=30),
    "PolynomialLR of a power": lambda s, o: s.PolynomialLR(o, total_iters=13, power=1.7),
    "CosineAnnealingWarmRestarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 7, eta_min=0.01),
    "CosineAnnealingWarmRestarts longer": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, T_mult=2),
    "CyclicLR": lambda s, o: s.CyclicLR(o, 0.1, 0.7, step_size_up=4),
    "CyclicLR triangular2": lambda s, o: s.CyclicLR(o, [0.1, 0.2], [0.7, 0.5], 5, 2, mode="triangular2"),
    "CyclicLR exp_range": lambda s, o: s.CyclicLR(
        o, 0.1, 0.7, step_size_up=3, step_size_down=8, mode="exp_range", gamma=0.97, base_momentum=[0.7, 0.75],
        max_momentum=[0.9, 0.99],
    ),
    "CyclicLR scaled": lambda s, o: s.CyclicLR(
        o, 0.1, 0.7, step_size_up=6, scale_fn=lambda x: 1 / (1 + x), scale_mode="iterations", cycle_momentum=False
    ),
    "ChainedScheduler": lambda s, o: s.ChainedScheduler(
        [s.ConstantLR(o, 0.1, total_iters=9), s.ExponentialLR(o, 0.97), s.MultiStepLR(o, [12])], optimizer=o
    ),
    "SequentialLR of the younger": lambda s, o: s.SequentialLR(
        o, [s.PolynomialLR(o, 12), s.CosineAnnealingWarmRestarts(o, 4), s.CyclicLR(o, 0.1, 0.7, 2)], [6, 22]
    ),
    "SequentialLR from an epoch": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, total_iters=9), s.ExponentialLR(o, 0.9)], milestones=[8], last_epoch=3
    ),
    "SequentialLR of steps": lambda s, o: s.SequentialLR(
        o, [s.ConstantLR(o, 0.5, total_iters=9), s.StepLR(o, 4), s.LambdaLR(o, lambda e: 1 / (1 + e))], [7, 19]
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_are_pytorchs(name: str, kind: str) -> None:
    torch = torch_or_skip()
    ours, theirs = optimizer_of(wg, kind), optimizer_of(torch, kind)
    a, b = SCHEDULES[name](lr_scheduler, ours), SCHEDULES[name](torch.optim.lr_scheduler, theirs)
    for _ in range(39):
        assert a.get_last_lr() == pytest.approx(b.get_last_lr(), rel=1e-12, abs=1e-15)
        for p, q in zip(ours.param_groups, theirs.param_groups, strict=True):
            for option in {"lr", "momentum", "initial_lr", "betas"} & set(q):
                assert p[option] == pytest.approx(q[option], rel=1e-12, abs=1e-15)
        for optimizer, schedule in ((ours, a), (theirs, b)):
            optimizer.step()
            schedule.step()


def test_schedules_compose_as_in_pytorch() -> None:
    torch = torch_or_skip()
    rates = []
    for library, schedules in ((wg, lr_scheduler), (torch, torch.optim.lr_scheduler)):
        optimizer = optimizer_of(library)
        chain = [
            schedules.LinearLR(optimizer, 0.5, total_iters=4), schedules.ExponentialLR(optimizer, 0.9),
            schedules.MultiStepLR(optimizer, [6]), schedules.CosineAnnealingLR(optimizer, 8),
        ]  # fmt: skip
        seen = []
        for _ in range(12):
            seen.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            for schedule in chain:
                schedule.step()
        rates.append(seen)
    assert rates[0] == pytest.approx(rates[1], rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("T_mult", [1, 2])
def test_warm_restarts_go_to_an_epoch_as_pytorchs(T_mult: int) -> None:
    torch = torch_or_skip()
    ours, theirs = optimizer_of(wg), optimizer_of(torch)
    a = lr_scheduler.CosineAnnealingWarmRestarts(ours, 3, T_mult=T_mult, eta_min=0.02)
    b = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(theirs, 3, T_mult=T_mult, eta_min=0.02)
    for epoch in (None, 0.25, 1.5, None, 4, 26.75, None, 2, None, None, 12.5):
        for schedule in (a, b):
            schedule.step() if epoch is None else schedule.step(epoch)
        assert a.get_last_lr() == pytest.approx(b.get_last_lr(), rel=1e-12)
        assert (a.last_epoch, a.T_i) == (b.last_epoch, b.T_i)


@pytest.mark.parametrize("make", [
    lambda s, o: s.StepLR(o, 3), lambda s, o: s.MultiStepLR(o, [2, 5]), lambda s, o: s.ExponentialLR(o, 0.9),
    lambda s, o: s.ConstantLR(o, 0.5, 4), lambda s, o: s.LinearLR(o, 0.3, total_iters=6),
    lambda s, o: s.PolynomialLR(o, 9, 2.0), lambda s, o: s.CosineAnnealingLR(o, 7, 0.01),
    lambda s, o: s.LambdaLR(o, lambda epoch: 1 / (1 + epoch)), lambda s, o: s.CyclicLR(o, 0.1, 0.7, step_size_up=4),
    lambda s, o: s.OneCycleLR(o, 0.5, total_steps=20), lambda s, o: s._LRScheduler and s.StepLR(o, 2, 0.5),
])  # fmt: skip
@pytest.mark.filterwarnings("ignore:The epoch parameter in")
def test_a_step_to_an_epoch_is_pytorchs(make: Callable[[Any, Any], Any]) -> None:
    torch = torch_or_skip()
    ours, theirs = optimizer_of(wg), optimizer_of(torch)
    a, b = make(lr_scheduler, ours), make(torch.optim.lr_scheduler, theirs)
    for epoch in (None, 5, None, 2, 2, 11, None, 0, None, 7):
        for optimizer, schedule in ((ours, a), (theirs, b)):
            optimizer.step()
            schedule.step() if epoch is None else schedule.step(epoch)
        assert a.get_last_lr() == pytest.approx(b.get_last_lr(), rel=1e-9)
        assert a.last_epoch == b.last_epoch


def test_going_on_from_an_epoch_is_pytorchs() -> None:
    torch = torch_or_skip()
    makers: list[Callable[[Any, Any], Any]] = [
        lambda s, o: s.CosineAnnealingWarmRestarts(o, 4, T_mult=2, last_epoch=9),
        lambda s, o: s.PolynomialLR(o, 9, last_epoch=2),
        lambda s, o: s.CyclicLR(o, 0.1, 0.7, step_size_up=4, last_epoch=6),
        lambda s, o: s.MultiplicativeLR(o, lambda epoch: 0.9, last_epoch=6),
        lambda s, o: s.SequentialLR(o, [s.StepLR(o, 2, last_epoch=3), s.ConstantLR(o)], [6], last_epoch=3),
    ]
    for make in makers:
        rates = []
        for library in (wg, torch):
            optimizer = optimizer_of(library)
            for group in optimizer.param_groups:
                group["initial_lr"] = 2 * group["lr"]
            schedule = make(library.optim.lr_scheduler, optimizer)
            seen = []
            for _ in range(6):
                seen += schedule.get_last_lr()
                optimizer.step()
                schedule.step()
            rates.append(seen)
        assert rates[0] == pytest.approx(rates[1], rel=1e-12)


def test_schedules_within_schedules() -> None:
    def made(optimizer: Any) -> Any:
        chain = lr_scheduler.ChainedScheduler([
            lr_scheduler.ConstantLR(optimizer, 0.5, total_iters=2), lr_scheduler.ExponentialLR(optimizer, 0.5),
        ])  # fmt: skip
        return lr_scheduler.SequentialLR(optimizer, [lr_scheduler.StepLR(optimizer, 9), chain], [3])

    optimizer = optimizer_of(wg)
    schedule, seen = made(optimizer), []
    for _ in range(7):
        seen.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    assert seen == [0.5, 0.5, 0.5, 0.25, 0.125, 0.125, 0.0625]
    other = optimizer_of(wg)
    again = made(other)
    other.load_state_dict(optimizer.state_dict())
    again.load_state_dict(copy.deepcopy(schedule.state_dict()))
    other.step()
    schedule.step()
    again.step()
    assert again.get_last_lr() == schedule.get_last_lr()


PLATEAUS: dict[str, dict[str, Any]] = {
    "default": {"patience": 2},
    "max abs": {"mode": "max", "threshold_mode": "abs", "threshold": 0.05, "patience": 1, "factor": 0.5},
    "max rel": {"mode": "max", "patience": 0, "min_lr": [0.1, 0.001]},
    "min abs cooldown": {"threshold_mode": "abs", "patience": 1, "cooldown": 2, "min_lr": 0.01, "eps": 1e-3},
}


@pytest.mark.parametrize("name", PLATEAUS)
def test_plateaus_are_pytorchs(name: str) -> None:
    torch = torch_or_skip()
    ours, theirs = optimizer_of(wg), optimizer_of(torch)
    a = lr_scheduler.ReduceLROnPlateau(ours, **PLATEAUS[name])
    b = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, **PLATEAUS[name])
    for epoch in range(40):
        metric = 1 + math.sin(epoch * 1.7) * math.exp(-0.05 * epoch)
        a.step(wg.tensor(metric, dtype=wg.float64))
        b.step(metric)
        assert a.get_last_lr() == pytest.approx(b.get_last_lr(), rel=1e-12)
        assert a.num_bad_epochs == b.num_bad_epochs


def test_closed_forms() -> None:
    forms: dict[str, Callable[[int], float]] = {
        "StepLR": lambda e: 0.3 ** (e // 7),
        "ExponentialLR": lambda e: 0.93**e,
        "ConstantLR": lambda e: 0.4 if e < 6 else 1.0,
        "LinearLR": lambda e: 0.1 + 0.7 * min(e, 11) / 11,
        "CosineAnnealingLR odd": lambda e: (1 + math.cos(math.pi * e / 13)) / 2,
    }
    for name, form in forms.items():
        optimizer = optimizer_of(wg)
        schedule = SCHEDULES[name](lr_scheduler, optimizer)
        for epoch in range(30):
            expected = [0.5 * form(epoch), 0.2 * form(epoch)]
            assert schedule.get_last_lr() == pytest.approx(expected, rel=1e-10, abs=1e-12), (name, epoch)
            optimizer.step()
            schedule.step()


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_loaded_state_goes_on_where_the_other_stopped(name: str) -> None:
    first, second = optimizer_of(wg), optimizer_of(wg)
    a, b = SCHEDULES[name](lr_scheduler, first), SCHEDULES[name](lr_scheduler, second)
    for _ in range(8):
        first.step()
        a.step()
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    b.load_state_dict(copy.deepcopy(a.state_dict()))
    second.step()
    for _ in range(8):
        for schedule in (a, b):
            schedule.step()
        assert a.get_last_lr() == b.get_last_lr()
        assert b.get_last_lr() == [group["lr"] for group in second.param_groups]


def test_the_state_of_callable_objects_is_kept() -> None:
    class Decay:
        def __init__(self, rate: float) -> None:
            self.rate = rate

        def __call__(self, epoch: int) -> float:
            return self.rate**epoch

    a = lr_scheduler.LambdaLR(optimizer_of(wg), Decay(0.5))
    b = lr_scheduler.LambdaLR(optimizer_of(wg), Decay(0.9))
    b.load_state_dict(a.state_dict())
    assert b.lr_lambdas[0].rate == 0.5


def test_a_plateaus_state_is_kept() -> None:
    a = lr_scheduler.ReduceLROnPlateau(optimizer_of(wg), patience=1)
    b = lr_scheduler.ReduceLROnPlateau(optimizer_of(wg), patience=5)
    a.step(1.0)
    b.load_state_dict(a.state_dict())
    for _ in range(2):
        b.step(2.0)
    assert b.get_last_lr() == pytest.approx([0.05, 0.02])


def test_going_on_from_an_epoch_needs_the_initial_rate() -> None:
    optimizer = optimizer_of(wg)
    with pytest.raises(KeyError, match="group 0 needs 'initial_lr'"):
        lr_scheduler.ExponentialLR(optimizer, 0.5, last_epoch=3)
    for group in optimizer.param_groups:
        group["initial_lr"] = 1.0
    for schedule in (
        lr_scheduler.ExponentialLR(optimizer, 0.5, last_epoch=3),
        lr_scheduler.LinearLR(optimizer, last_epoch=2),
        lr_scheduler.CosineAnnealingLR(optimizer, 10, last_epoch=3),
    ):
        assert schedule.get_last_lr() == [0.5, 0.2]
        assert schedule.last_epoch >= 3


def test_stepping_the_schedule_first_warns_once() -> None:
    schedule = lr_scheduler.ExponentialLR(optimizer_of(wg), 0.5)
    with pytest.warns(UserWarning, match=r"ExponentialLR.step\(\) was called before optimizer.step\(\)"):
        schedule.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        schedule.step()


def test_too_many_steps_of_one_cycle_are_told() -> None:
    optimizer = optimizer_of(wg)
    schedule = lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=3)
    optimizer.step()
    for _ in range(3):
        schedule.step()
    with pytest.raises(ValueError, match="step 4 is beyond total_steps=3"):
        schedule.step()


@pytest.mark.parametrize(("make", "error", "message"), [
    (lambda o: lr_scheduler.StepLR(3, 1), TypeError, "StepLR: expected an optimizer, got int"),
    (lambda o: lr_scheduler.StepLR(o, 0), ValueError, "step_size >= 1"),
    (lambda o: lr_scheduler.ConstantLR(o, 1.5), ValueError, r"factor in \[0, 1\]"),
    (lambda o: lr_scheduler.LinearLR(o, 0.0), ValueError, r"start_factor in \(0, 1\]"),
    (lambda o: lr_scheduler.LambdaLR(o, [abs]), ValueError, "expected 2 values of lr_lambda, one per group, got 1"),
    (lambda o: lr_scheduler.OneCycleLR(o, 1.0), ValueError, "expected total_steps, or epochs and steps_per_epoch"),
    (lambda o: lr_scheduler.OneCycleLR(o, 1.0, total_steps=0), ValueError, "positive number of steps"),
    (lambda o: lr_scheduler.OneCycleLR(o, 1.0, total_steps=9, pct_start=2.0), ValueError, "pct_start"),
    (lambda o: lr_scheduler.OneCycleLR(o, 1.0, total_steps=9, anneal_strategy="log"), ValueError, "anneal_strategy"),
    (lambda o: lr_scheduler.OneCycleLR(optim.Adagrad([nn.Parameter(wg.ones(1))]), 1.0, total_steps=9), ValueError,
     "Adagrad has neither momentum nor betas"),
    (lambda o: lr_scheduler.ReduceLROnPlateau(o, factor=1.0), ValueError, "factor < 1"),
    (lambda o: lr_scheduler.ReduceLROnPlateau(o, mode="up"), ValueError, "mode"),
    (lambda o: lr_scheduler.ReduceLROnPlateau(o, threshold_mode="up"), ValueError, "threshold_mode"),
    (lambda o: lr_scheduler.SequentialLR(o, [], []), ValueError, "one milestone fewer, got 0 and 0"),
    (lambda o: lr_scheduler.SequentialLR(o, [lr_scheduler.ReduceLROnPlateau(o)], []), ValueError, "needs the metric"),
    (lambda o: lr_scheduler.SequentialLR(o, [lr_scheduler.StepLR(optimizer_of(wg), 1)], []), ValueError,
     "is of another optimizer"),
    (lambda o: lr_scheduler.LRScheduler(o), TypeError, "does not define get_lr"),
    (lambda o: lr_scheduler.MultiplicativeLR(o, 0.5), TypeError, "MultiplicativeLR: expected a function of the epoch"),
    (lambda o: lr_scheduler.PolynomialLR(o, -1), ValueError, "total_iters >= 0, got -1"),
    (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 0), ValueError, "an integer T_0 >= 1, got 0"),
    (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 2, 1.5), ValueError, "an integer T_mult >= 1, got 1.5"),
    (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 2, eta_min="a"), ValueError, "a number as eta_min"),
    (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 2).step(-1), ValueError, "an epoch >= 0, got -1"),
    (lambda o: lr_scheduler.CyclicLR(o, [0.1], 1.0), ValueError, "expected 2 values of base_lr"),
    (lambda o: lr_scheduler.CyclicLR(o, 0.1, 1.0, 0), ValueError, "> 0, got 0 and 0"),
    (lambda o: lr_scheduler.CyclicLR(o, 0.1, 1.0, mode="up"), ValueError, "or a scale_fn, got 'up'"),
    (lambda o: lr_scheduler.CyclicLR(o, 0.1, 1.0, scale_mode="up"), ValueError, "scale_mode"),
    (lambda o: lr_scheduler.CyclicLR(optim.Adagrad([nn.Parameter(wg.ones(1))]), 0.1, 1.0), ValueError,
     "CyclicLR: Adagrad has neither momentum nor betas"),
    (lambda o: lr_scheduler.ChainedScheduler([]), ValueError, "expected schedulers, got none"),
    (lambda o: lr_scheduler.ChainedScheduler([3]), TypeError, "expected an optimizer, got NoneType"),
    (lambda o: lr_scheduler.ChainedScheduler([lr_scheduler.StepLR(o, 1), 3]), TypeError, "got a int at 1"),
    (lambda o: lr_scheduler.ChainedScheduler([lr_scheduler.ReduceLROnPlateau(o)]), ValueError, "needs the metric"),
    (lambda o: lr_scheduler.ChainedScheduler([lr_scheduler.StepLR(o, 1)], optimizer_of(wg)), ValueError,
     "is of another optimizer"),
])  # fmt: skip
def test_wrong_uses_are_told(make: Callable[[Any], Any], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        make(optimizer_of(wg))
