"""Training steps as programs: hundreds of them leave the bits that the function itself leaves, in losses, weights,
gradients, buffers, the optimizer's state and the generator's, whatever is changed between two steps."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import nn, optim
from wengert.compiling import CompileError
from wengert.nn import functional as F
from wengert.optim import lr_scheduler, swa_utils

STEPS = 200
BATCH, FEATURES, CLASSES = 8, 5, 3

OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "sgd": lambda ps: optim.SGD(ps, lr=0.05),
    "sgd_decay": lambda ps: optim.SGD(ps, lr=0.05, weight_decay=0.01),
    "momentum": lambda ps: optim.SGD(ps, lr=0.05, momentum=0.9),
    "dampened": lambda ps: optim.SGD(ps, lr=0.05, momentum=0.9, dampening=0.5),
    "nesterov": lambda ps: optim.SGD(ps, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
    "sgd_climbing": lambda ps: optim.SGD(ps, lr=0.001, maximize=True),
    "adam": lambda ps: optim.Adam(ps, lr=0.02),
    "adam_decay": lambda ps: optim.Adam(ps, lr=0.02, betas=(0.8, 0.9), weight_decay=0.01),
    "amsgrad": lambda ps: optim.Adam(ps, lr=0.02, amsgrad=True),
    "adamw": lambda ps: optim.AdamW(ps, lr=0.02, weight_decay=0.1),
    "adamw_amsgrad": lambda ps: optim.AdamW(ps, lr=0.02, amsgrad=True),
    "rmsprop": lambda ps: optim.RMSprop(ps, lr=0.01),
    "rmsprop_centered": lambda ps: optim.RMSprop(ps, lr=0.01, centered=True),
    "rmsprop_momentum": lambda ps: optim.RMSprop(ps, lr=0.005, momentum=0.9),
    "rmsprop_both": lambda ps: optim.RMSprop(ps, lr=0.005, momentum=0.9, centered=True, weight_decay=0.01),
    "adagrad": lambda ps: optim.Adagrad(ps, lr=0.05),
    "adagrad_decay": lambda ps: optim.Adagrad(ps, lr=0.05, lr_decay=0.01, weight_decay=0.01),
    "adadelta": lambda ps: optim.Adadelta(ps, lr=2.0),
    "nadam": lambda ps: optim.NAdam(ps, lr=0.02),
    "radam": lambda ps: optim.RAdam(ps, lr=0.02),
    "adamax": lambda ps: optim.Adamax(ps, lr=0.02),
    "asgd": lambda ps: optim.ASGD(ps, lr=0.05, t0=20),
    "rprop": lambda ps: optim.Rprop(ps, lr=0.001, step_sizes=(1e-6, 0.01)),
    "adafactor": lambda ps: optim.Adafactor(ps, lr=0.02),
    "muon": lambda ps: optim.Muon([p for p in ps if p.ndim == 2], lr=0.02),
}  # fmt: skip
YOUNGER = ("adadelta", "nadam", "radam", "adamax", "asgd", "rprop", "adafactor", "muon")
SIX = ("sgd", "momentum", "adam", "adamw", "rmsprop", "adagrad")
SCHEDULES: dict[str, Callable[[Any], Any]] = {
    "lambda": lambda o: lr_scheduler.LambdaLR(o, lambda t: 1 / (1 + 0.01 * t)),
    "step": lambda o: lr_scheduler.StepLR(o, 30, gamma=0.5),
    "multistep": lambda o: lr_scheduler.MultiStepLR(o, [3, 50, 51], gamma=0.5),
    "exponential": lambda o: lr_scheduler.ExponentialLR(o, 0.99),
    "constant": lambda o: lr_scheduler.ConstantLR(o, factor=0.5, total_iters=7),
    "linear": lambda o: lr_scheduler.LinearLR(o, start_factor=0.1, total_iters=40),
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=STEPS),
    "one_cycle": lambda o: lr_scheduler.OneCycleLR(o, max_lr=0.1, total_steps=STEPS + 1),
    "sequential": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o, total_iters=10), lr_scheduler.ExponentialLR(o, 0.98)], milestones=[10]
    ),
    "multiplicative": lambda o: lr_scheduler.MultiplicativeLR(o, lambda t: 1 - 0.1 / (1 + t)),
    "polynomial": lambda o: lr_scheduler.PolynomialLR(o, STEPS + 9, power=2.0),
    "warm_restarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 7, T_mult=2, eta_min=0.001),
    "cyclic": lambda o: lr_scheduler.CyclicLR(o, 0.01, 0.05, step_size_up=9, mode="triangular2"),
    "chained": lambda o: lr_scheduler.ChainedScheduler(
        [lr_scheduler.LinearLR(o, total_iters=10), lr_scheduler.ExponentialLR(o, 0.99)]
    ),
    "swa": lambda o: swa_utils.SWALR(o, 0.01, anneal_epochs=50),
}  # fmt: skip
YOUNGER_SCHEDULES = ("multiplicative", "polynomial", "warm_restarts", "cyclic", "chained", "swa")


def _plain() -> list[Any]:
    return [nn.Linear(FEATURES, 7), nn.Tanh(), nn.Linear(7, CLASSES)]


class Training:
    """A model, its optimizer, and a step of them, which tests replace parts of."""

    def __init__(self, kind: str = "sgd", layers: Callable[[], list[Any]] | None = None, dtype: Any = None) -> None:
        wg.manual_seed(3)
        self.model = nn.Sequential(*(layers or _plain)())
        if dtype is not None:
            self.model.to(dtype)
        self.dtype = dtype
        self.optimizer = OPTIMIZERS[kind](self.model.parameters())
        self.schedules: list[Any] = []
        self.python = 0  # how often Python has run the step

    def step(self, x: Any, labels: Any) -> Any:
        self.python += 1
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.model(x), labels)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def between(self, t: int) -> None:
        """What is done before step t, outside the compiled function."""

    def bits(self) -> list[Any]:
        """All that a step may leave behind, as checksums of bits."""
        found: list[Any] = [(name, bits(x)) for name, x in self.model.state_dict().items()]
        found += [bits(p.grad) for p in self.model.parameters()]
        saved = self.optimizer.state_dict()
        found += [(k, name, bits(x)) for k, state in saved["state"].items() for name, x in state.items()]
        found += [repr(saved["param_groups"]), bits(wg.get_rng_state())]
        return found + [repr(schedule.state_dict()) for schedule in self.schedules]


def bits(x: Any) -> Any:
    if isinstance(x, wg.Tensor):
        return x.dtype, x.shape, zlib.crc32(np.ascontiguousarray(x.detach().numpy()).tobytes())
    return x


def trained(training: Training, step: Callable[..., Any], steps: int, batch: Callable[[int], int]) -> list[Any]:
    rng = np.random.default_rng(5)
    found = []
    for t in range(steps):
        n = batch(t)
        x = wg.tensor(rng.normal(size=(n, FEATURES)), dtype=training.dtype or wg.float32)
        labels = wg.tensor(rng.integers(CLASSES, size=n))
        training.between(t)
        loss = bits(step(x, labels))
        found.append((loss, training.bits() if t < 10 or t % 9 == 0 or t == steps - 1 else None))
    return found


def assert_follows(
    make: Callable[[], Training], programs: int | None = 1, most: int = 4, steps: int = STEPS,
    batch: Callable[[int], int] = lambda t: BATCH,
) -> None:  # fmt: skip
    """Train twice from the same seed, and compare the losses of all steps, and all bits after many.

    `programs`: how many there are in the end, or None; `most`: how often Python may have run the step.
    """
    eager = make()
    expected = trained(eager, eager.step, steps, batch)
    assert eager.python == steps
    training = make()
    compiled = wg.compile(training.step)
    found = trained(training, compiled, steps, batch)
    for t, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        assert ours == theirs, f"step {t}"
    assert programs is None or compiled._count() == programs
    assert training.python <= most, "a program that is ready is not run"
    assert len({loss for loss, _ in expected}) > steps // 2, "the training stands still"


# ---------------------------------------------------------------- each optimizer


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_each_optimizer(kind: str) -> None:
    assert_follows(lambda: Training(kind), steps=40 if kind in YOUNGER else STEPS)


@pytest.mark.parametrize("kind", SIX)
def test_float64(kind: str) -> None:
    assert_follows(lambda: Training(kind, dtype=wg.float64), steps=50)


class Groups(Training):
    """Two groups with options of their own, one of which has parameters of both dtypes, and one without a gradient."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        w, b, *rest = self.model.parameters()
        self.idle = nn.Parameter(wg.ones(3))
        self.double = nn.Parameter(wg.ones(CLASSES, dtype=wg.float64))
        make = type(self.optimizer)
        self.optimizer = make([{"params": [w, self.idle]}, {"params": [b, self.double, *rest], "lr": 0.03}], lr=0.01)

    def step(self, x: Any, labels: Any) -> Any:
        self.python += 1
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.model(x) * self.double.float(), labels)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def bits(self) -> list[Any]:
        assert self.idle.grad is None
        return [*super().bits(), bits(self.double), bits(self.double.grad)]


@pytest.mark.parametrize("kind", SIX)
def test_groups(kind: str) -> None:
    assert_follows(lambda: Groups(kind), steps=60)


# ---------------------------------------------------------------- learning rates


class Scheduled(Training):
    def __init__(self, kind: str, schedule: str, inside: bool) -> None:
        super().__init__(kind)
        self.schedules = [SCHEDULES[schedule](self.optimizer)]
        self.inside = inside

    def step(self, x: Any, labels: Any) -> Any:
        loss = super().step(x, labels)
        if self.inside:
            self.schedules[0].step()
        return loss

    def between(self, t: int) -> None:
        if t and not self.inside:
            self.schedules[0].step()


@pytest.mark.parametrize("inside", [False, True], ids=["outside", "inside"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules(schedule: str, inside: bool) -> None:
    assert_follows(
        lambda: Scheduled("momentum", schedule, inside), steps=40 if schedule in YOUNGER_SCHEDULES else STEPS
    )


@pytest.mark.parametrize("inside", [False, True], ids=["outside", "inside"])
@pytest.mark.parametrize("kind", SIX)
def test_each_optimizer_with_a_schedule(kind: str, inside: bool) -> None:
    assert_follows(lambda: Scheduled(kind, "cosine", inside))


@pytest.mark.parametrize("kind", YOUNGER)
def test_the_younger_ones_with_a_schedule(kind: str) -> None:
    assert_follows(lambda: Scheduled(kind, "exponential", True), steps=12)


class OnPlateau(Training):
    def __init__(self) -> None:
        super().__init__("adam")
        self.schedules = [lr_scheduler.ReduceLROnPlateau(self.optimizer, patience=3)]
        self.loss: Any = None

    def between(self, t: int) -> None:
        if t % 10 == 9:
            self.schedules[0].step(2.0 if t < 100 else 1.0)


def test_a_schedule_by_a_metric_outside() -> None:
    assert_follows(OnPlateau)


# What one may set by hand between two steps, and which a program has to read.
NUMBERS = {
    "sgd": ("lr", "weight_decay"), "momentum": ("lr", "momentum", "dampening"), "adam": ("lr", "eps", "betas"),
    "adamw": ("lr", "weight_decay"), "rmsprop": ("lr", "alpha", "eps"), "adagrad": ("lr", "lr_decay", "eps"),
    "adadelta": ("lr", "rho", "weight_decay"), "nadam": ("lr", "momentum_decay", "betas", "weight_decay"),
    "radam": ("lr", "betas", "weight_decay", "decoupled_weight_decay"), "adamax": ("lr", "betas", "weight_decay"),
    "asgd": ("lr", "lambd", "alpha", "weight_decay"), "rprop": ("maximize",),
    "adafactor": ("lr", "weight_decay", "d"), "muon": ("lr", "momentum", "weight_decay", "nesterov"),
}  # fmt: skip


class ByHand(Training):
    """Options that change at nearly every step."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind

    def between(self, t: int) -> None:
        group = self.optimizer.param_groups[0]
        name = NUMBERS[self.kind][t % len(NUMBERS[self.kind])]
        if name == "betas":
            group[name] = (0.8 + 0.1 * (t % 5) / 5, 0.99 + 0.009 * (t % 3) / 3)
        elif name in ("momentum", "alpha", "dampening", "rho"):
            group[name] = 0.5 + 0.4 * (t % 7) / 7
        elif name == "d":
            group[name] = 1.0 + t % 3
        elif name in ("decoupled_weight_decay", "nesterov", "maximize"):
            group[name] = t % 8 == 0
        else:
            group[name] = 0.01 / (1 + t % 9)


@pytest.mark.parametrize("kind", SIX)
def test_options_changed_by_hand(kind: str) -> None:
    assert_follows(lambda: ByHand(kind), steps=100)


@pytest.mark.parametrize("kind", YOUNGER)
def test_options_of_the_younger_ones_changed_by_hand(kind: str) -> None:
    assert_follows(lambda: ByHand(kind), steps=24)


class Choosing(Training):
    """Momentum that appears and goes: a step has other terms then."""

    def between(self, t: int) -> None:
        if t in (50, 100, 150):
            self.optimizer.param_groups[0]["momentum"] = 0.9 if t != 100 else 0


def test_an_option_that_changes_the_terms_has_programs_of_its_own() -> None:
    assert_follows(lambda: Choosing("sgd"), programs=2, most=6)


# ---------------------------------------------------------------- gradients


class Clipped(Training):
    def step(self, x: Any, labels: Any) -> Any:
        self.python += 1
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.model(x), labels)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), 0.5)
        self.optimizer.step()
        return wg.stack([loss.detach(), norm])


@pytest.mark.parametrize("kind", SIX)
def test_clipping_by_the_norm(kind: str) -> None:
    assert_follows(lambda: Clipped(kind), steps=100)


class ClippedByValue(Training):
    def step(self, x: Any, labels: Any) -> Any:
        self.python += 1
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.model(x), labels)
        loss.backward()
        nn.utils.clip_grad_value_(self.model.parameters(), 0.05)
        self.optimizer.step()
        return loss.detach()


def test_clipping_by_value() -> None:
    assert_follows(lambda: ClippedByValue("adam"))


class Accumulating(Training):
    """Gradients of four batches are summed; the optimizer's step is outside."""

    def __init__(self, kind: str, set_to_none: bool) -> None:
        super().__init__(kind)
        self.set_to_none = set_to_none

    def step(self, x: Any, labels: Any) -> Any:
        self.python += 1
        loss = F.cross_entropy(self.model(x), labels) / 4
        loss.backward()
        return loss.detach()

    def between(self, t: int) -> None:
        if t % 4 == 0 and t:
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=self.set_to_none)


@pytest.mark.parametrize("kind", SIX)
def test_gradients_summed_over_calls(kind: str) -> None:
    assert_follows(lambda: Accumulating(kind, False), steps=100)


@pytest.mark.parametrize("kind", SIX)
def test_gradients_summed_from_none_over_calls(kind: str) -> None:
    assert_follows(lambda: Accumulating(kind, True), programs=None, most=40, steps=40)


class AccumulatingInside(Training):
    def step(self, x: Any, labels: Any) -> Any:
        self.python += 1
        self.optimizer.zero_grad()
        total = wg.zeros(())
        for part in (slice(0, 2), slice(2, 6), slice(6, None)):
            loss = F.cross_entropy(self.model(x[part]), labels[part], reduction="sum") / BATCH
            loss.backward()
            total += loss.detach()
        self.optimizer.step()
        return total


@pytest.mark.parametrize("kind", SIX)
def test_gradients_summed_inside(kind: str) -> None:
    assert_follows(lambda: AccumulatingInside(kind), steps=60)


class Forgetful(Training):
    """zero_grad after the step, inside, so that each call finds no gradients and leaves none."""

    def step(self, x: Any, labels: Any) -> Any:
        self.python += 1
        loss = F.cross_entropy(self.model(x), labels)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.detach()


def test_gradients_forgotten_inside() -> None:
    assert_follows(lambda: Forgetful("adam"))


class Zeroed(Training):
    def step(self, x: Any, labels: Any) -> Any:
        self.python += 1
        self.optimizer.zero_grad(set_to_none=False)
        loss = F.cross_entropy(self.model(x), labels)
        loss.backward()
        self.optimizer.step()
        return loss.detach()


@pytest.mark.parametrize("kind", SIX)
def test_gradients_set_to_zero(kind: str) -> None:
    assert_follows(lambda: Zeroed(kind), most=5, steps=60)


class Taken(Training):
    """Gradients that others hold, set by hand, or taken away between two calls."""

    def __init__(self) -> None:
        super().__init__("momentum")
        self.held: list[Any] = []

    def between(self, t: int) -> None:
        w, b, *_ = self.model.parameters()
        if t % 5 == 1:
            self.held += [w.grad, w.grad.numpy(), b.grad[1:]]
        if t % 7 == 2:
            b.grad = wg.ones_like(b)
        if t % 11 == 3:
            w.grad = None
        if t % 3 == 0 and w.grad is not None:
            w.grad.mul_(2)

    def bits(self) -> list[Any]:
        return [*super().bits(), *[zlib.crc32(np.ascontiguousarray(np.asarray(x)).tobytes()) for x in self.held[-30:]]]


def test_gradients_held_and_replaced_between_calls() -> None:
    assert_follows(Taken)


# ---------------------------------------------------------------- states loaded


class Loading(Training):
    """The states of a few steps ago, of model and optimizer, are loaded again."""

    def __init__(self, kind: str, what: str, at: tuple[int, ...] = (20, 40, 90)) -> None:
        super().__init__(kind)
        self.what = what
        self.saved_at, self.at = at[0], at[1:]
        self.saved: tuple[Any, Any] | None = None

    def between(self, t: int) -> None:
        if t == self.saved_at:
            self.saved = (
                {name: x.clone() for name, x in self.model.state_dict().items()},
                _copied(self.optimizer.state_dict()),
            )
        if t in self.at:
            assert self.saved is not None
            if self.what != "optimizer":
                self.model.load_state_dict(self.saved[0])
            if self.what != "model":
                self.optimizer.load_state_dict(self.saved[1])


def _copied(state: dict[str, Any]) -> dict[str, Any]:
    of_parameters = {
        k: {name: x.clone() if isinstance(x, wg.Tensor) else x for name, x in one.items()}
        for k, one in state["state"].items()
    }
    return {"state": of_parameters, "param_groups": [dict(group) for group in state["param_groups"]]}


@pytest.mark.parametrize("kind", SIX)
@pytest.mark.parametrize("what", ["model", "optimizer", "both"])
def test_states_loaded_in_the_middle(kind: str, what: str) -> None:
    replaced = what != "model"  # the optimizer's tensors are then others, and each time that is a program of its own
    assert_follows(lambda: Loading(kind, what), programs=3 if replaced else 1, most=8 if replaced else 4, steps=120)


@pytest.mark.parametrize("kind", ["nadam", "asgd", "adafactor"])  # numbers beside the step's, and two changes in one
def test_states_of_the_younger_ones_loaded_in_the_middle(kind: str) -> None:
    assert_follows(lambda: Loading(kind, "both", (6, 12, 18)), programs=3, most=8, steps=24)


@pytest.mark.parametrize("kind", ["nadam", "asgd", "rprop"])
def test_check_mode_puts_numbers_of_the_younger_ones_back(kind: str) -> None:
    eager, training = Training(kind), Training(kind)
    expected = trained(eager, eager.step, 12, lambda t: BATCH)
    assert trained(training, wg.compile(training.step, check=True), 12, lambda t: BATCH) == expected


# ---------------------------------------------------------------- layers with state and draws


class Modes(Training):
    """Train and eval in turn: programs of their own, the loss alone in eval."""

    def between(self, t: int) -> None:
        self.model.train(t % 10 < 8)


def _with_dropout() -> list[Any]:
    return [nn.Linear(FEATURES, 9), nn.ReLU(), nn.Dropout(0.3), nn.Linear(9, CLASSES)]


def _with_norm() -> list[Any]:
    return [nn.Linear(FEATURES, 9), nn.BatchNorm1d(9), nn.ReLU(), nn.Linear(9, CLASSES)]


def _with_both() -> list[Any]:
    return [nn.Linear(FEATURES, 9), nn.BatchNorm1d(9), nn.Dropout(0.2), nn.LayerNorm(9), nn.Linear(9, CLASSES)]


@pytest.mark.parametrize("layers", [_with_dropout, _with_norm, _with_both], ids=["dropout", "norm", "both"])
@pytest.mark.parametrize("kind", ["momentum", "adam"])
def test_layers_with_state_and_draws(kind: str, layers: Callable[[], list[Any]]) -> None:
    assert_follows(lambda: Training(kind, layers))


@pytest.mark.parametrize("layers", [_with_dropout, _with_norm, _with_both], ids=["dropout", "norm", "both"])
def test_train_and_eval_in_turn(layers: Callable[[], list[Any]]) -> None:
    assert_follows(lambda: Modes("adam", layers), programs=2, most=6)


class Seeded(Training):
    """Seeds set, and draws made, between two steps."""

    def between(self, t: int) -> None:
        if t % 20 == 5:
            wg.manual_seed(t)
        if t % 7 == 3:
            wg.rand(t % 5 + 1)


def test_dropout_with_seeds_and_draws_between() -> None:
    assert_follows(lambda: Seeded("sgd", _with_dropout))


class Noisy(Training):
    def step(self, x: Any, labels: Any) -> Any:
        return super().step(x + 0.1 * wg.randn(*x.shape) + wg.rand_like(x), labels)


def test_noise_drawn_inside() -> None:
    assert_follows(lambda: Noisy("adam"))


def test_batches_of_changing_sizes_have_programs_of_their_own() -> None:
    assert_follows(lambda: Training("adam", _with_norm), programs=3, most=8, batch=lambda t: (8, 8, 6, 8, 3)[t % 5])


# ---------------------------------------------------------------- other forms of a step


class WithClosure(Training):
    def step(self, x: Any, labels: Any) -> Any:
        self.python += 1

        def closure() -> Any:
            self.optimizer.zero_grad()
            loss = F.cross_entropy(self.model(x), labels)
            loss.backward()
            return loss

        return self.optimizer.step(closure).detach()


@pytest.mark.parametrize("kind", SIX)
def test_a_closure(kind: str) -> None:
    assert_follows(lambda: WithClosure(kind), steps=50)


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_a_closure_of_lbfgs_may_be_a_program(search: str | None) -> None:
    """The step is outside: it asks for as many losses as it likes."""

    def minimized(compiled: bool) -> Any:
        training = Training("sgd", dtype=wg.float64)
        optimizer = optim.LBFGS(training.model.parameters(), lr=0.1, max_iter=4, line_search_fn=search)
        rng = np.random.default_rng(5)
        x, labels = wg.tensor(rng.normal(size=(BATCH, FEATURES))), wg.tensor(rng.integers(CLASSES, size=BATCH))

        def closure() -> Any:
            training.python += 1
            optimizer.zero_grad()
            loss = F.cross_entropy(training.model(x), labels)
            loss.backward()
            return loss.detach()

        run = wg.compile(closure) if compiled else closure
        losses = [bits(optimizer.step(run)) for _ in range(6)]
        assert training.python <= 4 or not compiled
        return losses, [bits(p) for p in training.model.parameters()]

    assert minimized(True) == minimized(False)


class Hooked(Training):
    """A hook that clips gradients is registered in the middle, and taken away again."""

    def __init__(self) -> None:
        super().__init__("adam")
        self.handle: Any = None

    def between(self, t: int) -> None:
        if t == 12:
            self.handle = self.optimizer.register_step_pre_hook(self.clip)
        if t == 24:
            self.handle.remove()

    def clip(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        nn.utils.clip_grad_value_(self.model.parameters(), 0.01)


def test_hooks_of_steps_that_come_and_go_have_programs_of_their_own() -> None:
    assert_follows(Hooked, programs=None, most=9, steps=36)


def test_an_epoch_set_by_number_is_refused_within_a_program() -> None:
    schedule = lr_scheduler.CosineAnnealingWarmRestarts(Training("sgd").optimizer, 5)
    with pytest.raises(CompileError, match=r"WarmRestarts.step\(epoch\) sets an epoch that each run would set again"):
        wg.compile(lambda: schedule.step(3))()


class Two(Training):
    """Two optimizers over parts of one model, each with a rate that moves."""

    def __init__(self) -> None:
        super().__init__("sgd")
        self.optimizer = optim.SGD(self.model[0].parameters(), lr=0.1, momentum=0.9)
        self.second = optim.Adam(self.model[2].parameters(), lr=0.01)
        self.schedules = [SCHEDULES["exponential"](self.optimizer), SCHEDULES["linear"](self.second)]

    def step(self, x: Any, labels: Any) -> Any:
        self.second.zero_grad()
        loss = super().step(x, labels)
        self.second.step()
        return loss

    def between(self, t: int) -> None:
        for schedule in self.schedules if t else ():
            schedule.step()

    def bits(self) -> list[Any]:
        saved = self.second.state_dict()
        state = [(k, name, bits(x)) for k, one in saved["state"].items() for name, x in one.items()]
        return [*super().bits(), state, repr(saved["param_groups"])]


def test_two_optimizers() -> None:
    assert_follows(Two)


class Averaged(Training):
    """Weights averaged by hand under no_grad, and weights written by hand between two steps."""

    def __init__(self) -> None:
        super().__init__("adam")
        self.means = [p.detach().clone() for p in self.model.parameters()]

    def step(self, x: Any, labels: Any) -> Any:
        loss = super().step(x, labels)
        with wg.no_grad():
            for mean, p in zip(self.means, self.model.parameters(), strict=True):
                mean.mul_(0.9).add_(p, alpha=0.1)
        return loss

    def between(self, t: int) -> None:
        if t % 50 == 49:
            with wg.no_grad():
                for mean, p in zip(self.means, self.model.parameters(), strict=True):
                    p.copy_(mean)

    def bits(self) -> list[Any]:
        return [*super().bits(), *[bits(mean) for mean in self.means]]


def test_averages_of_weights() -> None:
    assert_follows(Averaged)


class Frozen(Training):
    """A layer that is frozen in the middle, and thawed again."""

    def between(self, t: int) -> None:
        self.model[0].requires_grad_(not 60 <= t < 120)
        if t == 60:
            self.optimizer.zero_grad()


def test_a_layer_frozen_in_the_middle() -> None:
    assert_follows(lambda: Frozen("momentum"), programs=2, most=6)
