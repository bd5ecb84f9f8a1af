"""Optimizers: what a step computes, groups and state, and the same as PyTorch over fifty steps."""

from __future__ import annotations

import copy
import itertools
import math
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import nn, optim
from wengert.compiling import CompileError


def torch_or_skip() -> Any:
    return pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")


def array(x: Any) -> np.ndarray:
    return np.asarray(x.detach().numpy())


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(math.prod(shape) + len(shape)).standard_normal(shape)


def parameter(value: float = 1.0, gradient: float = 1.0, dtype: Any = None) -> Any:
    p = nn.Parameter(wg.tensor([float(value)], dtype=dtype))
    p.grad = wg.tensor([float(gradient)], dtype=dtype)
    return p


NEWER = [optim.Adadelta, optim.NAdam, optim.RAdam, optim.Adamax, optim.ASGD, optim.Rprop, optim.Adafactor]
ALL = [optim.SGD, optim.Adam, optim.AdamW, optim.RMSprop, optim.Adagrad, *NEWER]
by_name = pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)


# ---------------------------------------------------------------- closed forms


def test_sgd_steps_against_the_gradient() -> None:
    p = parameter(3, 2)
    optim.SGD([p], lr=0.1).step()
    assert p.item() == pytest.approx(2.8)
    optim.SGD([p], lr=0.1, maximize=True).step()
    assert p.item() == pytest.approx(3)
    optim.SGD([p], lr=0.1, weight_decay=0.5).step()
    assert p.item() == pytest.approx(3 - 0.1 * (2 + 1.5))


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam, optim.Adafactor])
def test_what_is_remembered_begins_on_a_cache_line(kind: Any) -> None:
    p = nn.Parameter(wg.ones(7, 300))
    p.grad = wg.ones(7, 300)
    optimizer = kind([p], lr=0.1, **({"momentum": 0.9} if kind is optim.SGD else {}))
    optimizer.step()
    remembered = [x for x in optimizer.state[p].values() if isinstance(x, wg.Tensor)]
    assert remembered
    assert [x.data_ptr() % 64 for x in remembered] == [0] * len(remembered)


def test_momentum_accumulates_the_gradients() -> None:
    p = parameter(0, 1, wg.float64)
    optimizer = optim.SGD([p], lr=1, momentum=0.5)
    for _ in range(3):
        optimizer.step()
    assert p.item() == -(1 + 1.5 + 1.75)
    p = parameter(0, 1, wg.float64)
    optimizer = optim.SGD([p], lr=1, momentum=0.5, dampening=0.5)
    for _ in range(2):
        optimizer.step()
    assert p.item() == -(1 + 1)
    p = parameter(0, 1, wg.float64)
    optimizer = optim.SGD([p], lr=1, momentum=0.5, nesterov=True)
    for _ in range(2):
        optimizer.step()
    assert p.item() == -(1.5 + 1 + 0.75)


def test_adam_steps_by_the_rate_for_a_steady_gradient() -> None:
    p = parameter(0, 7, wg.float64)
    optimizer = optim.Adam([p], lr=0.1)
    for k in range(1, 6):
        optimizer.step()
        assert p.item() == pytest.approx(-0.1 * k, rel=1e-7)


def test_adamw_shrinks_the_parameter_apart_from_the_gradient() -> None:
    p = parameter(2, 0, wg.float64)
    optim.AdamW([p], lr=0.1, weight_decay=0.5).step()
    assert p.item() == pytest.approx(2 * 0.95)


def test_adagrad_divides_by_the_root_of_all_squares() -> None:
    p = parameter(0, 3, wg.float64)
    optimizer = optim.Adagrad([p], lr=1, lr_decay=1)
    optimizer.step()
    optimizer.step()
    assert p.item() == pytest.approx(-1 - 0.5 / math.sqrt(2))


def test_rmsprop_divides_by_the_root_of_the_mean_square() -> None:
    p = parameter(0, 3, wg.float64)
    optim.RMSprop([p], lr=1, alpha=0.75, eps=0).step()
    assert p.item() == pytest.approx(-2)


def reference(kind: str, p: np.ndarray, gradients: list[np.ndarray], lr: float) -> np.ndarray:
    """What the steps of an optimizer with its default options make of p: the formulas of the papers."""
    p, m, v, product = p.copy(), np.zeros_like(p), np.zeros_like(p), 1.0
    size, before = np.full_like(p, lr), np.zeros_like(p)
    for t, g in enumerate(gradients, 1):
        if kind == "Adadelta":
            v = 0.9 * v + 0.1 * g * g
            d = g * np.sqrt(m + 1e-6) / np.sqrt(v + 1e-6)
            m = 0.9 * m + 0.1 * d * d
            p = p - lr * d
        elif kind == "NAdam":
            now, then = (0.9 * (1 - 0.5 * 0.96 ** (0.004 * k)) for k in (t, t + 1))
            product *= now
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            mean = (1 - now) * g / (1 - product) + then * m / (1 - product * then)
            p = p - lr * mean / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        elif kind == "RAdam":
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            n = 1999 - 2 * t * 0.999**t / (1 - 0.999**t)
            step = m / (1 - 0.9**t)
            if n > 5:
                step *= math.sqrt((n - 4) * (n - 2) * 1999 / (1995 * 1997 * n))
                step *= math.sqrt(1 - 0.999**t) / (np.sqrt(v) + 1e-8)
            p = p - lr * step
        elif kind == "Adamax":
            m, v = 0.9 * m + 0.1 * g, np.maximum(0.999 * v, np.abs(g) + 1e-8)
            p = p - lr / (1 - 0.9**t) * m / v
        elif kind == "ASGD":
            rate = lr / (1 + 1e-4 * lr * (t - 1)) ** 0.75
            p = (1 - 1e-4 * rate) * p - rate * g
        elif kind == "Rprop":
            turn = np.sign(g * before)
            size = np.clip(size * np.where(turn > 0, 1.2, np.where(turn < 0, 0.5, 1)), 1e-6, 50)
            before = np.where(turn < 0, 0, g)
            p = p - size * np.sign(before)
        else:
            rest = 1 - t**-0.8
            size = max(1e-3, np.sqrt(np.mean(p * p))) * min(lr, t**-0.5)
            m = rest * m + (1 - rest) * np.mean(g * g, -1, keepdims=True)
            v = rest * v + (1 - rest) * np.mean(g * g, -2, keepdims=True)
            u = g / np.sqrt(m * v / np.mean(m, -2, keepdims=True))
            p = p - size * u / max(1, np.sqrt(np.mean(u * u)))
    return p


@pytest.mark.parametrize("kind", NEWER, ids=lambda kind: kind.__name__)
def test_the_younger_ones_step_by_their_formulas(kind: Any) -> None:
    gradients = [np.random.default_rng(k).standard_normal((3, 4)) for k in range(24)]
    p = nn.Parameter(wg.tensor(random(3, 4)))
    optimizer = kind([p], lr=0.05)
    for g in gradients:
        p.grad = wg.tensor(g)
        optimizer.step()
    expected = reference(kind.__name__, random(3, 4), gradients, 0.05)
    np.testing.assert_allclose(array(p), expected, rtol=1e-9, atol=1e-12)


def test_asgd_keeps_the_average_of_the_parameters_after_t0() -> None:
    p = parameter(0, 1, wg.float64)
    optimizer = optim.ASGD([p], lr=0.5, lambd=0, t0=3)
    seen = []
    for _ in range(8):
        optimizer.step()
        seen.append(p.item())
    assert seen == [-0.5 * k for k in range(1, 9)]
    assert optimizer.state[p]["ax"].item() == pytest.approx(np.mean(seen[4:]))


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4)])
@pytest.mark.parametrize("options", [
    {}, {"nesterov": False, "momentum": 0.5}, {"weight_decay": 0.5, "adjust_lr_fn": "match_rms_adamw"}, {"ns_steps": 2},
])  # fmt: skip
def test_muon_steps_along_an_orthogonal_matrix(shape: tuple[int, int], options: dict[str, Any]) -> None:
    p, start = nn.Parameter(wg.tensor(random(*shape))), random(*shape)
    optimizer = optim.Muon([p], lr=0.1, **options)
    momentum, decay = options.get("momentum", 0.95), options.get("weight_decay", 0.1)
    mean, expected = np.zeros(shape), start
    for k in range(5):
        g = np.random.default_rng(k).standard_normal(shape)
        p.grad = wg.tensor(g)
        optimizer.step()
        mean = momentum * mean + (1 - momentum) * g
        u, s, vt = np.linalg.svd(momentum * mean + (1 - momentum) * g if options.get("nesterov", True) else mean, False)
        s = s / np.linalg.norm(s)
        for _ in range(options.get("ns_steps", 5)):
            s = 3.4445 * s - 4.775 * s**3 + 2.0315 * s**5
        rate = 0.2 * math.sqrt(max(shape)) if "adjust_lr_fn" in options else math.sqrt(max(1, shape[0] / shape[1]))
        expected = (1 - 0.1 * decay) * expected - 0.1 * rate * (u * s) @ vt
        np.testing.assert_allclose(array(p), expected, rtol=1e-9, atol=1e-12)
    assert list(optimizer.state[p]) == ["momentum_buffer"]


@pytest.mark.parametrize("kind", NEWER[:-1], ids=lambda kind: kind.__name__)  # Adafactor looks at wholes
def test_parameters_of_many_blocks_step_as_their_parts(kind: Any) -> None:
    size = 3 * 8192 + 5
    x, gradients = random(size), [np.random.default_rng(k).standard_normal(size) for k in range(3)]
    whole = nn.Parameter(wg.tensor(x))
    parts = [nn.Parameter(wg.tensor(part)) for part in np.array_split(x, 7)]
    a, b = kind([whole], lr=0.1, maximize=True), kind(parts, lr=0.1, maximize=True)
    for g in gradients:
        whole.grad = wg.tensor(g)
        for part, items in zip(parts, np.array_split(g, 7), strict=True):
            part.grad = wg.tensor(items)
        a.step()
        b.step()
    np.testing.assert_array_equal(array(whole), np.concatenate([array(part) for part in parts]))


@by_name
def test_every_optimizer_descends(kind: Any) -> None:
    wg.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = kind(net.parameters(), lr=5.0 if kind is optim.Adadelta else 0.05)
    x = wg.tensor(random(64, 3).astype(np.float32))
    y = (x * x).sum(1, keepdim=True)

    def loss() -> Any:
        optimizer.zero_grad()
        value = nn.functional.mse_loss(net(x), y)
        value.backward()
        return value

    first = loss().item()
    for _ in range(100):
        last = optimizer.step(loss).item()
    assert last < 0.5 * first


# ---------------------------------------------------------------- the frame of a step


@by_name
def test_a_step_changes_only_parameters_with_gradients_and_counts_the_change(kind: Any) -> None:
    p, still = parameter(), nn.Parameter(wg.ones(2))
    before, number, memory = p._version, still._version, array(p)
    optimizer = kind([p, still], lr=0.1)
    optimizer.step()
    assert p.item() != 1
    assert memory[0] == p.item()
    assert p._version == before + 1
    assert still._version == number
    assert still.tolist() == [1, 1]


def test_a_graph_recorded_before_a_step_cannot_be_walked_after_it() -> None:
    p = parameter()
    z = (p * p).sum()
    optim.SGD([p], lr=0.1).step()
    with pytest.raises(RuntimeError, match="changed in place"):
        z.backward()


@by_name
def test_strided_and_mixed_parameters_are_updated_in_their_own_memory(kind: Any) -> None:
    whole = wg.tensor(random(3, 4))
    strided, single = nn.Parameter(whole.T), nn.Parameter(wg.tensor(random(2, 2).astype(np.float32)))
    plain = nn.Parameter(wg.tensor(whole.numpy().T.copy()))
    for p in (strided, plain, single):
        p.grad = wg.tensor(random(*p.shape), dtype=p.dtype)
    strided.grad = wg.tensor(np.asfortranarray(random(4, 3)))
    optimizer = kind([strided, single, plain], lr=0.1)
    for _ in range(2):
        optimizer.step()
    np.testing.assert_array_equal(array(strided), array(plain))
    np.testing.assert_array_equal(whole.numpy().T, array(plain))
    assert single.dtype == wg.float32


@by_name
def test_a_model_may_change_its_dtype_after_the_optimizer_was_built(kind: Any) -> None:
    layer = nn.Linear(2, 2)
    optimizer = kind(layer.parameters(), lr=0.1)
    for dtype in (wg.float64, wg.float32):  # before the first step, and after
        layer.to(dtype)
        layer(wg.ones(1, 2, dtype=dtype)).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
        assert layer.weight.dtype == dtype
        assert all(x.dtype == dtype for x in optimizer.state[layer.weight].values() if isinstance(x, wg.Tensor))


def test_empty_and_0d_parameters_are_updated() -> None:
    for kind in ALL:
        empty, scalar = nn.Parameter(wg.ones(0)), nn.Parameter(wg.tensor(2.0))
        empty.grad, scalar.grad = wg.ones(0), wg.tensor(1.0)
        optimizer = kind([empty, scalar], lr=0.1)
        optimizer.step()
        optimizer.step()
        assert scalar.item() < 2


def test_zero_grad_forgets_or_fills() -> None:
    p = parameter()
    optimizer = optim.SGD([p], lr=0.1)
    gradient = p.grad.numpy()
    optimizer.zero_grad(set_to_none=False)
    assert gradient[0] == 0
    optimizer.zero_grad()
    assert p.grad is None


# ---------------------------------------------------------------- groups


def test_groups_have_options_of_their_own() -> None:
    a, b, c = parameter(), parameter(), parameter()
    optimizer = optim.SGD([{"params": [a], "lr": 1.0}, {"params": b, "name": "head"}], lr=0.5, momentum=0.9)
    optimizer.add_param_group({"params": [c], "lr": 0.25})
    optimizer.step()
    assert [p.item() for p in (a, b, c)] == [0, 0.5, 0.75]
    assert [group["momentum"] for group in optimizer.param_groups] == [0.9] * 3
    assert optimizer.param_groups[1]["name"] == "head"
    optimizer.param_groups[0]["lr"] = 0.0
    optimizer.step()
    assert a.item() == 0


def test_named_parameters_are_taken_as_they_come() -> None:
    optimizer = optim.SGD(nn.Linear(2, 1).named_parameters(), lr=0.1)
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]


@by_name
@pytest.mark.parametrize(("params", "error", "message"), [
    (lambda: [], ValueError, "got no parameters"),
    (lambda: wg.ones(2), TypeError, "put it in a list"),
    (lambda: {"params": []}, TypeError, "put it in a list"),
    (lambda: [3], TypeError, "got a int at 0"),
    (lambda: [{"params": {3}}], TypeError, "order of a set"),
    (lambda: [parameter() * 2], ValueError, "parameter 0 is the result of an operation"),
    (lambda: [wg.arange(3)], TypeError, "parameter 0 is int64"),
    (lambda: [parameter(dtype=wg.float16)], TypeError, "parameter 0 is float16.* keep the parameters in float32"),
])  # fmt: skip
def test_parameters_that_cannot_be_optimized_are_refused(
    kind: Any, params: Callable[[], Any], error: type, message: str
) -> None:
    with pytest.raises(error, match=f"^{kind.__name__}: .*{message}"):
        kind(params(), lr=0.1)


def test_a_parameter_in_two_groups_is_refused() -> None:
    p = parameter()
    for params in ([p, p], [{"params": [p]}, {"params": [p]}]):
        with pytest.raises(ValueError, match=r"parameter \d of this group, of shape \(1,\), is in the optimizer"):
            optim.SGD(params, lr=0.1)


@by_name
def test_an_optimizer_may_be_built_before_lazy_layers_have_sizes(kind: Any) -> None:
    """As the course's trainer does: the parameters stay the objects that they are."""

    def after_two_steps(first: str) -> tuple[list[np.ndarray], Any]:
        wg.manual_seed(0)
        net, x = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.LazyLinear(1)), wg.linspace(-1, 1, 8).reshape(4, 2)
        made = kind(net.parameters(), lr=0.1) if first == "optimizer" else None
        if made is not None:
            made.zero_grad()
            made.zero_grad(set_to_none=False)
            made.step()  # which has nothing to do yet
        wg.manual_seed(1)
        net(x)
        optimizer = made or kind(net.parameters(), lr=0.1)
        for _ in range(2):
            optimizer.zero_grad()
            (net(x) ** 2).sum().backward()
            optimizer.step()
        return [p.detach().numpy() for p in net.parameters()], optimizer

    (early, optimizer), (late, _) = after_two_steps("optimizer"), after_two_steps("net")
    assert len(early) == 4
    for a, b in zip(early, late, strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(optimizer.state_dict()["param_groups"][0]["params"]) == 4


def test_a_lazy_parameter_in_two_groups_is_refused() -> None:
    layer = nn.LazyLinear(2)
    with pytest.raises(ValueError, match=r"SGD: parameter 0 of this group, of no shape yet, is in the optimizer"):
        optim.SGD([{"params": layer.weight}, {"params": layer.weight}], lr=0.1)


def test_a_float16_model_is_refused_at_the_step_too() -> None:
    layer = nn.Linear(2, 2)
    optimizer = optim.SGD(layer.parameters(), lr=0.1)
    layer.half()
    layer.weight.grad = layer.weight.detach()
    with pytest.raises(TypeError, match="float16"):
        optimizer.step()


@pytest.mark.parametrize(("kind", "options", "message"), [
    (optim.SGD, {"lr": -1}, "expected lr >= 0, got -1"),
    (optim.SGD, {"momentum": -0.5}, "expected momentum >= 0, got -0.5"),
    (optim.SGD, {"weight_decay": math.nan}, "expected weight_decay >= 0, got nan"),
    (optim.SGD, {"nesterov": True}, "nesterov needs momentum > 0 and dampening 0, got momentum=0"),
    (optim.SGD, {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "dampening=0.1"),
    (optim.Adam, {"betas": (0.9, 1.0)}, r"expected two betas in \[0, 1\), got \(0.9, 1.0\)"),
    (optim.Adam, {"eps": -1e-8}, "expected eps >= 0"),
    (optim.AdamW, {"betas": (-0.1, 0.9)}, "AdamW: expected two betas"),
    (optim.RMSprop, {"alpha": -0.1}, "expected alpha >= 0"),
    (optim.Adagrad, {"lr_decay": -1}, "expected lr_decay >= 0"),
    (optim.Adagrad, {"initial_accumulator_value": -1}, "expected initial_accumulator_value >= 0"),
    (optim.Adadelta, {"rho": 1.5}, r"Adadelta: expected rho in \[0, 1\], got 1.5"),
    (optim.NAdam, {"betas": (0.9, 1.0)}, "NAdam: expected two betas"),
    (optim.NAdam, {"momentum_decay": -1}, "NAdam: expected momentum_decay >= 0, got -1"),
    (optim.RAdam, {"betas": (0.9,)}, "RAdam: expected two betas"),
    (optim.Adamax, {"betas": (1.0, 0.9)}, "Adamax: expected two betas"),
    (optim.ASGD, {"weight_decay": -1}, "ASGD: expected weight_decay >= 0, got -1"),
    (optim.Rprop, {"etas": (1.5, 2.0)}, r"Rprop: expected etas in \(0, 1\) and above 1, got \(1.5, 2.0\)"),
    (optim.Rprop, {"step_sizes": (2, 1)}, "Rprop: expected two step_sizes, 0 <= least <= most"),
    (optim.Adafactor, {"lr": -1}, "Adafactor: expected lr >= 0, got -1"),
    (optim.Adafactor, {"beta2_decay": 0.5}, "Adafactor: expected beta2_decay <= 0, got 0.5"),
    (optim.Adafactor, {"eps": (-1, 1)}, "Adafactor: expected eps of two numbers >= 0"),
    (optim.Adafactor, {"eps": 1e-8}, "Adafactor: expected eps of two numbers >= 0"),
    (optim.Adafactor, {"d": 0.5}, "Adafactor: expected d >= 1, got 0.5"),
])  # fmt: skip
def test_options_out_of_range_are_refused_in_groups_too(kind: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kind([parameter()], **options)
    with pytest.raises(ValueError, match=message):
        kind([{"params": [parameter()], **options}])


@by_name
def test_choices_of_pytorchs_among_its_implementations_are_taken_where_they_change_nothing(kind: Any) -> None:
    plain, chosen = parameter(), parameter()
    kind([plain]).step()
    kind([chosen], foreach=True).step()
    assert chosen.item() == plain.item()
    if kind is not optim.Adafactor:
        with pytest.raises(ValueError, match=f"^{kind.__name__}: differentiable=True is not supported, since steps"):
            kind([parameter()], differentiable=True)


def test_one_implementation_is_asked_for_at_most() -> None:
    optim.AdamW([parameter()], fused=True, capturable=True)
    with pytest.raises(ValueError, match="AdamW: expected foreach or fused, got both"):
        optim.AdamW([parameter()], fused=True, foreach=True)


def test_muon_takes_matrices_alone() -> None:
    matrix = nn.Parameter(wg.ones(2, 2))
    with pytest.raises(ValueError, match=r"Muon: parameter 1 has shape \(1,\); only matrices can be made orthogonal"):
        optim.Muon([matrix, parameter()])
    for options, message in (
        ({"ns_steps": 100}, "ns_steps in"), ({"ns_coefficients": (1, 2)}, "three ns_coefficients"),
        ({"adjust_lr_fn": "none"}, "or None, got 'none'"), ({"momentum": -1}, "momentum >= 0"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=f"Muon: expected .*{message}"):
            optim.Muon([matrix], **options)


def test_learning_rates_may_be_tensors() -> None:
    for kind in ALL:
        a, b = (nn.Parameter(wg.tensor(random(2, 3))) for _ in range(2))
        a.grad = b.grad = wg.tensor(random(3, 2).T.copy())
        one, other = kind([a], lr=wg.tensor(0.25)), kind([b], lr=0.25)
        for _ in range(2):
            one.step()
            other.step()
        np.testing.assert_array_equal(array(a), array(b))


# ---------------------------------------------------------------- hooks


def test_hooks_of_steps_see_and_change_arguments() -> None:
    p = parameter(3, 2, wg.float64)
    optimizer = optim.SGD([p], lr=0.5)
    seen: list[Any] = []

    def before(given: Any, args: Any, kwargs: Any) -> Any:
        seen.append(("before", given is optimizer, args[0] is optimizer, len(args), dict(kwargs), p.item()))
        return (args[0],), {"closure": lambda: "replaced"}

    first = optimizer.register_step_pre_hook(before)
    second = optimizer.register_step_post_hook(lambda given, args, kwargs: seen.append(("after", p.item())))
    assert optimizer.step(lambda: "given") == "replaced"
    assert seen == [("before", True, True, 2, {}, 3.0), ("after", 2.0)]
    first.remove()
    second.remove()
    optimizer.step()
    assert len(seen) == 2
    optimizer.register_step_pre_hook(lambda *given: 3)
    with pytest.raises(RuntimeError, match="SGD: a hook before steps gives None, or a tuple of new arguments and"):
        optimizer.step()
    with pytest.raises(TypeError, match="SGD: expected a function as a hook, got int"):
        optimizer.register_step_post_hook(3)  # type: ignore[arg-type]


def test_hooks_of_own_steps_run_once() -> None:
    class Own(optim.SGD):
        def step(self, closure: Any = None) -> Any:
            return super().step(closure)

    optimizer = Own([parameter()], lr=0.1)
    seen: list[str] = []
    optimizer.register_step_pre_hook(lambda *given: seen.append("before"))
    optimizer.register_step_post_hook(lambda *given: seen.append("after"))
    optimizer.step()
    optimizer.step(closure=lambda: 1.0)
    assert seen == ["before", "after"] * 2
    with pytest.raises(ZeroDivisionError):
        optimizer.step(lambda: 1 / 0)
    optimizer.step()
    assert seen == [*["before", "after"] * 2, "before", "before", "after"]
    assert copy.deepcopy(optimizer)._step_pre_hooks == {}


def test_hooks_of_states_run_in_order_and_may_replace_them() -> None:
    optimizer = optim.SGD([parameter()], lr=0.1)
    seen: list[str] = []

    def renamed(given: Any, state: Any) -> Any:
        return {"param_groups": state["groups"], "state": {}}

    optimizer.register_state_dict_pre_hook(lambda given: seen.append("second"))
    optimizer.register_state_dict_pre_hook(lambda given: seen.append("first"), prepend=True)
    handle = optimizer.register_state_dict_post_hook(lambda given, state: {"groups": state["param_groups"]})
    saved = optimizer.state_dict()
    assert list(saved) == ["groups"]
    optimizer.register_load_state_dict_pre_hook(renamed)
    optimizer.register_load_state_dict_post_hook(lambda given: seen.append("loaded"))
    saved["groups"][0]["lr"] = 0.7
    optimizer.load_state_dict(saved)
    assert optimizer.param_groups[0]["lr"] == 0.7
    assert list(saved) == ["groups"]
    assert seen == ["first", "second", "loaded"]
    handle.remove()
    assert list(optimizer.state_dict()) == ["state", "param_groups"]


# ---------------------------------------------------------------- L-BFGS


def minimized(library: Any, start: np.ndarray, steps: int, rate: float = 1.0, **options: Any) -> Any:
    """The optimizer, its parameters, and after each step the loss, the calls of the closure and the parameters."""
    ps = [library.nn.Parameter(library.tensor(x.copy())) for x in (start, start[:4].reshape(2, 2))]
    optimizer = library.optim.LBFGS(ps, lr=rate, **options)
    calls = 0

    def closure() -> Any:
        nonlocal calls
        calls += 1
        optimizer.zero_grad()
        w, b = ps
        loss = (
            ((1 - w[:-1]) ** 2 + 3 * (w[1:] - w[:-1] ** 2) ** 2).sum()
            + ((b - 1) ** 4).sum()
            + (w.sum() * b.sum()).sin()
        )
        loss.backward()
        return loss

    seen = []
    for _ in range(steps):
        loss = optimizer.step(closure)
        seen.append((loss.item(), calls, *[array(p).copy() for p in ps]))
    return optimizer, ps, seen


_SEARCHING = {"line_search_fn": "strong_wolfe"}
LBFGS_RUNS: list[dict[str, Any]] = [
    {}, {"rate": 0.02}, {"rate": 1e-3, "max_iter": 1}, {"rate": 0.02, "max_eval": 3}, {"rate": 0.02, "history_size": 2},
    {"rate": 0.02, "tolerance_grad": 2.0}, {"rate": 1e-3, "tolerance_change": 1e-2}, _SEARCHING,
    {**_SEARCHING, "rate": 0.1}, {**_SEARCHING, "rate": 30.0}, {**_SEARCHING, "max_iter": 1},
    {**_SEARCHING, "max_iter": 1, "max_eval": 10}, {**_SEARCHING, "max_eval": 1}, {**_SEARCHING, "max_eval": 4},
    {**_SEARCHING, "history_size": 1}, {**_SEARCHING, "tolerance_grad": 0.5}, {**_SEARCHING, "tolerance_change": 1e-2},
]  # fmt: skip


def test_lbfgs_is_pytorchs() -> None:
    torch = torch_or_skip()
    for given in LBFGS_RUNS:
        options = {"max_iter": 5, **given}
        a, _, ours = minimized(wg, random(5), 2, **options)
        b, _, theirs = minimized(torch, random(5), 2, **options)
        for x, y in zip(ours, theirs, strict=True):
            assert x[1] == y[1], options
            for u, v in zip((x[0], *x[2:]), (y[0], *y[2:]), strict=True):
                np.testing.assert_allclose(u, v, rtol=1e-6, atol=1e-8, err_msg=str(options))
        x, y = a.state_dict()["state"][0], b.state_dict()["state"][0]
        assert set(x) == set(y)
        assert (x["n_iter"], x["func_evals"]) == (y["n_iter"], y["func_evals"])
        np.testing.assert_allclose(array(x["d"]), array(y["d"]), rtol=1e-4, atol=1e-8)


def test_lbfgs_takes_over_a_state_of_pytorchs() -> None:
    torch = torch_or_skip()
    theirs, qs, _ = minimized(torch, random(5), 2, line_search_fn="strong_wolfe", max_iter=4)
    ours, ps, _ = minimized(wg, random(5), 0)
    ours.load_state_dict(theirs.state_dict())
    with wg.no_grad():
        for p, q in zip(ps, qs, strict=True):
            p.copy_(wg.tensor(array(q)))

    def loss_of(params: Any) -> Callable[[], Any]:
        def closure() -> Any:
            for p in params:
                p.grad = None
            loss = (params[0] ** 2).sum() + (params[1] ** 4).sum()
            loss.backward()
            return loss

        return closure

    ours.step(loss_of(ps))
    theirs.step(loss_of(qs))
    for p, q in zip(ps, qs, strict=True):
        np.testing.assert_allclose(array(p), array(q), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_lbfgs_finds_the_minimum_of_a_quadratic_and_resumes_in_the_same_bits(search: str | None) -> None:
    matrix = random(4, 4) @ random(4, 4).T + np.eye(4)
    w = nn.Parameter(wg.tensor(random(4)))
    optimizer = optim.LBFGS([w], max_iter=4, line_search_fn=search, lr=1.0 if search else 0.5)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = 0.5 * (w @ wg.tensor(matrix) @ w) - w.sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    saved, items = copy.deepcopy(optimizer.state_dict()), w.detach().clone()
    for _ in range(20):
        optimizer.step(closure)
    np.testing.assert_allclose(array(w), np.linalg.solve(matrix, np.ones(4)), rtol=1e-3)
    ended = array(w).copy()
    with wg.no_grad():
        w.copy_(items)
    optimizer = optim.LBFGS([w], max_iter=1)
    optimizer.load_state_dict(saved)
    for _ in range(20):
        optimizer.step(closure)
    np.testing.assert_array_equal(array(w), ended)


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_a_closure_that_raises_leaves_parameters_and_state(search: str | None) -> None:
    p = nn.Parameter(wg.tensor(random(3)))
    optimizer = optim.LBFGS([p], line_search_fn=search, lr=1e-2)
    left = 3

    def closure() -> Any:
        nonlocal left
        left -= 1
        optimizer.zero_grad()
        loss = (p**4).sum() / float(1 / left if left >= 0 else 1)
        loss.backward()
        return loss

    start = array(p).copy()
    with pytest.raises(ZeroDivisionError):
        optimizer.step(closure)
    np.testing.assert_array_equal(array(p), start)
    assert optimizer.state_dict()["state"] == {}
    optimizer.step(closure)
    assert np.abs(array(p)).max() < np.abs(start).max()


def test_wrong_uses_of_lbfgs_are_told() -> None:
    with pytest.raises(TypeError, match=r"LBFGS.step: expected a function that computes the loss .*, got a NoneType"):
        optim.LBFGS([parameter()]).step(None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="LBFGS: all parameters are in one group"):
        optim.LBFGS([{"params": [parameter()]}, {"params": [parameter()]}])
    with pytest.raises(ValueError, match="expected line_search_fn \"strong_wolfe\" or None, got 'armijo'"):
        optim.LBFGS([parameter()], line_search_fn="armijo")
    with pytest.raises(ValueError, match="LBFGS: expected history_size >= 1, got 0"):
        optim.LBFGS([parameter()], history_size=0)
    optimizer = optim.LBFGS([parameter()])

    def step() -> Any:
        return optimizer.step(lambda: wg.tensor(0.0))

    with pytest.raises(CompileError, match=r"LBFGS.step takes as many iterations as its numbers decide"):
        wg.compile(step)()


# ---------------------------------------------------------------- state


@by_name
def test_a_loaded_state_goes_on_where_the_other_stopped(kind: Any) -> None:
    options = {"lr": 0.1} | ({"momentum": 0.9} if kind in (optim.SGD, optim.RMSprop) else {})
    a, b = nn.Parameter(wg.tensor(random(3))), nn.Parameter(wg.tensor(random(3)))
    first = kind([a], **options)
    a.grad = b.grad = wg.tensor(random(3))
    for _ in range(3):
        first.step()
    second = kind([b], **options | {"lr": 5.0})
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    assert second.param_groups[0]["lr"] == 0.1
    with wg.no_grad():
        b.copy_(a)
    first.step()
    second.step()
    np.testing.assert_array_equal(array(a), array(b))


@pytest.mark.parametrize("kind", [*ALL, optim.Muon], ids=lambda kind: kind.__name__)
def test_training_goes_on_from_a_file_in_the_same_bits(kind: Any, tmp_path: Any) -> None:
    net = nn.Linear(3, 2, bias=kind is not optim.Muon)
    optimizer = kind(net.parameters(), lr=0.1)

    def train(steps: range) -> None:
        for k in steps:
            optimizer.zero_grad()
            (net(wg.tensor(np.random.default_rng(k).standard_normal((4, 3)), dtype=wg.float32)) ** 2).sum().backward()
            optimizer.step()

    train(range(12))
    wg.save({"net": net.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "state.npz")
    train(range(12, 24))
    expected = [array(p).copy() for p in net.parameters()]
    saved = wg.load(tmp_path / "state.npz")
    net.load_state_dict(saved["net"])
    optimizer = kind(net.parameters(), lr=0.7)
    optimizer.load_state_dict(saved["optimizer"])
    train(range(12, 24))
    for p, x in zip(net.parameters(), expected, strict=True):
        np.testing.assert_array_equal(array(p), x)


def test_a_loaded_state_is_a_copy_in_the_parameters_dtype() -> None:
    a, b = parameter(), parameter(dtype=wg.float64)
    first, second = (optim.Adam([p], lr=0.1) for p in (a, b))
    first.step()
    second.load_state_dict(first.state_dict())
    state = second.state[b]
    assert state["exp_avg"].dtype == wg.float64
    assert state["step"] == 1
    second.step()
    assert first.state[a]["step"] == 1


def test_a_state_of_other_groups_is_refused() -> None:
    optimizer = optim.SGD([parameter()], lr=0.1)
    state = optim.SGD([parameter(), parameter()], lr=0.2).state_dict()
    with pytest.raises(ValueError, match=r"groups of \[2\] parameters, this SGD of \[1\]"):
        optimizer.load_state_dict(state)
    assert optimizer.param_groups[0]["lr"] == 0.1


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))], ids=["deepcopy", "pickle"])
def test_an_optimizer_can_be_copied_with_its_parameters(clone: Callable[[Any], Any]) -> None:
    p = parameter()
    optimizer = optim.SGD([p], lr=0.1, momentum=0.9)
    optimizer.step()
    other = clone(optimizer)
    q = other.param_groups[0]["params"][0]
    optimizer.step()
    other.step()
    assert q is not p
    assert q.item() == p.item()


def test_an_own_optimizer_needs_only_an_update() -> None:
    class Sign(optim.Optimizer):
        def __init__(self, params: Any, lr: float) -> None:
            super().__init__(params, {"lr": lr})

        def _update(self, group: Any, params: Any, grads: Any, states: Any) -> None:
            for p, g in zip(params, grads, strict=True):
                p -= group["lr"] * g.sign()

    p = parameter(1, -5)
    Sign([p], lr=0.5).step()
    assert p.item() == 1.5
    with pytest.raises(TypeError, match="Optimizer defines neither _update nor step"):
        optim.Optimizer([p], {}).step()


# ---------------------------------------------------------------- the same as PyTorch

RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "SGD": ("SGD", {"lr": 0.05}),
    "SGD momentum": ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.2, "weight_decay": 0.01}),
    "SGD nesterov": ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "maximize": True}),
    "Adam": ("Adam", {"lr": 0.05}),
    "Adam amsgrad": ("Adam", {"lr": 0.05, "amsgrad": True, "weight_decay": 0.1, "betas": (0.8, 0.9), "eps": 1e-3}),
    "Adam maximize": ("Adam", {"lr": 0.05, "maximize": True}),
    "AdamW": ("AdamW", {"lr": 0.05, "weight_decay": 0.1}),
    "RMSprop": ("RMSprop", {"lr": 0.01}),
    "RMSprop centered": ("RMSprop", {"lr": 0.01, "centered": True, "momentum": 0.9, "weight_decay": 0.1, "alpha": 0.9}),
    "RMSprop maximize": ("RMSprop", {"lr": 0.01, "maximize": True}),
    "Adagrad": ("Adagrad", {"lr": 0.1}),
    "Adagrad decay": ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.5}),
    "Adagrad maximize": ("Adagrad", {"lr": 0.1, "maximize": True}),
    "Adadelta": ("Adadelta", {}),
    "NAdam": ("NAdam", {"lr": 0.05}),
    "RAdam": ("RAdam", {"lr": 0.05}),
    "Adamax": ("Adamax", {"lr": 0.05}),
    "ASGD": ("ASGD", {"lr": 0.05, "t0": 10}),
    "Rprop": ("Rprop", {"lr": 0.05}),
    "Adafactor": ("Adafactor", {"lr": 0.05}),
}

# Of the younger ones, by kind: what all runs have, and what is combined.
_CLIMB, _DECAY = {"maximize": [False, True]}, {"weight_decay": [0, 0.1]}
COMBINED: dict[str, tuple[dict[str, Any], dict[str, list[Any]]]] = {
    "Adadelta": ({"eps": 1e-4}, {"rho": [0.9, 0.5], "lr": [1.0, 0.3], **_CLIMB, **_DECAY}),
    "NAdam": ({"lr": 0.05}, {
        "momentum_decay": [4e-3, 0.1], "decoupled_weight_decay": [False, True], "betas": [(0.9, 0.999), (0.7, 0.8)],
        **_CLIMB, **_DECAY,
    }),
    "RAdam": ({"lr": 0.05}, {
        "betas": [(0.9, 0.999), (0.7, 0.8)], "decoupled_weight_decay": [False, True], "eps": [1e-8, 0.1], **_CLIMB,
        **_DECAY,
    }),
    "Adamax": ({"lr": 0.05}, {"betas": [(0.9, 0.999), (0.7, 0.8)], "eps": [1e-8, 0.1], **_CLIMB, **_DECAY}),
    "ASGD": ({"lr": 0.05}, {"t0": [1e6, 5], "lambd": [1e-4, 0.3], "alpha": [0.75, 0.1], **_CLIMB, **_DECAY}),
    "Rprop": ({"lr": 0.05}, {"etas": [(0.5, 1.2), (0.3, 2.5)], "step_sizes": [(1e-6, 50), (0.02, 0.1)], **_CLIMB}),
    "Adafactor": ({"lr": 0.05}, {
        "eps": [(None, 1e-3), (0.3, 2.0)], "d": [1.0, 1.5], "beta2_decay": [-0.8, -0.3], **_CLIMB, **_DECAY,
    }),
}  # fmt: skip


@pytest.fixture
def double_numbers() -> Iterator[None]:
    """PyTorch keeps numbers beside a step's in its default dtype, we in float64."""
    torch = torch_or_skip()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("double_numbers")
@pytest.mark.parametrize("name", RUNS)
def test_fifty_steps_are_pytorchs(name: str) -> None:
    torch = torch_or_skip()
    kind, options = RUNS[name]
    starts = [random(4, 3), random(3)]
    ours = [nn.Parameter(wg.tensor(x)) for x in starts]
    theirs = [torch.nn.Parameter(torch.tensor(x)) for x in starts]
    a, b = getattr(optim, kind)(ours, **options), getattr(torch.optim, kind)(theirs, **options)
    rng = np.random.default_rng(0)
    for step in range(50):
        for p, q in zip(ours, theirs, strict=True):
            g = rng.standard_normal(p.shape)
            p.grad, q.grad = wg.tensor(g), torch.tensor(g)
        if step == 20:  # a parameter without a gradient is left alone
            ours[1].grad = theirs[1].grad = None
        if step == 30:
            for optimizer in (a, b):
                optimizer.param_groups[0]["lr"] *= 0.5
        a.step()
        b.step()
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(array(p), array(q), rtol=1e-9, atol=1e-12)
    ours_state, theirs_state = a.state_dict(), b.state_dict()
    assert list(ours_state) == list(theirs_state)
    assert set(ours_state["param_groups"][0]) <= set(theirs_state["param_groups"][0])
    assert ours_state["param_groups"][0]["params"] == theirs_state["param_groups"][0]["params"]
    for number, entries in theirs_state["state"].items():
        known = {key: value for key, value in entries.items() if value is not None}
        assert set(ours_state["state"].get(number, {})) == set(known)
        for key, value in known.items():
            np.testing.assert_allclose(
                ours_state["state"][number][key].numpy(), array(value), rtol=1e-9, atol=1e-12, err_msg=key
            )


@pytest.mark.usefixtures("double_numbers")
@pytest.mark.parametrize("kind", COMBINED)
def test_every_combination_of_options_is_pytorchs(kind: str) -> None:
    """Each in a group of its own."""
    torch = torch_or_skip()
    shared, varied = COMBINED[kind]
    options = [dict(zip(varied, values, strict=True)) for values in itertools.product(*varied.values())]
    starts = [random(2, 3), random(3)]
    ours = [[nn.Parameter(wg.tensor(x)) for x in starts] for _ in options]
    theirs = [[torch.nn.Parameter(torch.tensor(x)) for x in starts] for _ in options]
    a = getattr(optim, kind)([{"params": ps, **o} for ps, o in zip(ours, options, strict=True)], **shared)
    b = getattr(torch.optim, kind)([{"params": ps, **o} for ps, o in zip(theirs, options, strict=True)], **shared)
    rng = np.random.default_rng(0)
    for step in range(24):
        gradients = [rng.standard_normal(x.shape) for x in starts]
        for ps, qs in zip(ours, theirs, strict=True):
            for p, q, g in zip(ps, qs, gradients, strict=True):
                p.grad, q.grad = wg.tensor(g), torch.tensor(g)
            if step == 8:  # a parameter without a gradient is left alone
                ps[1].grad = qs[1].grad = None
        if step == 12:
            for group in (*a.param_groups, *b.param_groups):
                group["lr"] *= 0.5
        a.step()
        b.step()
    for ps, qs, o in zip(ours, theirs, options, strict=True):
        for p, q in zip(ps, qs, strict=True):
            np.testing.assert_allclose(array(p), array(q), rtol=1e-9, atol=1e-12, err_msg=str(o))


@pytest.mark.parametrize("name", [
    "SGD momentum", "Adam amsgrad", "RMSprop centered", "Adagrad decay", "Adadelta", "NAdam", "RAdam", "Adamax", "ASGD",
    "Rprop", "Adafactor",
])  # fmt: skip
@pytest.mark.usefixtures("double_numbers")
def test_a_state_of_pytorch_can_be_loaded(name: str) -> None:
    torch = torch_or_skip()
    kind, options = RUNS[name]
    p, q = nn.Parameter(wg.tensor(random(3))), torch.nn.Parameter(torch.tensor(random(3)))
    b = getattr(torch.optim, kind)([q], **options)
    q.grad = torch.tensor(random(2, 2)[0].repeat(2)[:3])
    b.step()
    a = getattr(optim, kind)([p])
    a.load_state_dict(b.state_dict())
    with wg.no_grad():
        p.copy_(wg.tensor(array(q)))
    p.grad = wg.tensor(array(q.grad))
    a.step()
    b.step()
    np.testing.assert_allclose(array(p), array(q), rtol=1e-12)


def test_muon_is_pytorchs_to_bfloat16() -> None:
    torch = torch_or_skip()
    start = random(6, 4)
    p, q = nn.Parameter(wg.tensor(start)), torch.nn.Parameter(torch.tensor(start))
    a, b = optim.Muon([p], lr=0.02), torch.optim.Muon([q], lr=0.02)
    for k in range(20):
        g = np.random.default_rng(k).standard_normal((6, 4))
        p.grad, q.grad = wg.tensor(g), torch.tensor(g)
        a.step()
        b.step()
    np.testing.assert_allclose(array(p), array(q), atol=0.02 * 20 * 0.01)
    assert np.abs(array(p) - start).max() > 0.1
    ours, theirs = a.state_dict(), b.state_dict()
    assert set(ours["param_groups"][0]) == set(theirs["param_groups"][0])
    np.testing.assert_allclose(
        array(ours["state"][0]["momentum_buffer"]), array(theirs["state"][0]["momentum_buffer"]), rtol=1e-9
    )


def test_optimizers_print_as_pytorchs() -> None:
    torch = torch_or_skip()
    theirs = repr(torch.optim.SGD([{"params": [torch.ones(1)]}, {"params": [torch.zeros(1)], "lr": 1}], lr=0.1))
    absent = ("differentiable", "foreach", "fused")
    expected = "\n".join(line for line in theirs.split("\n") if not line.strip().startswith(absent))
    assert repr(optim.SGD([{"params": [parameter()]}, {"params": [parameter()], "lr": 1}], lr=0.1)) == expected


def test_defaults_are_pytorchs() -> None:
    torch = torch_or_skip()
    for kind in [*ALL, optim.LBFGS]:
        theirs = getattr(torch.optim, kind.__name__)([torch.ones(1)]).defaults
        for name, value in kind([parameter()]).defaults.items():
            assert theirs[name] == value, (kind, name)


def test_clipping_norms_agree_with_pytorch() -> None:
    torch = torch_or_skip()
    for p in (1.0, 2.0, 3.0, math.inf):
        ours, theirs = nn.Parameter(wg.ones(3, 4)), torch.nn.Parameter(torch.ones(3, 4))
        g = random(3, 4).astype(np.float32)
        ours.grad, theirs.grad = wg.tensor(g), torch.tensor(g)
        a = nn.utils.clip_grad_norm_(ours, 0.5, norm_type=p)
        b = torch.nn.utils.clip_grad_norm_(theirs, 0.5, norm_type=p)
        np.testing.assert_allclose(array(a), array(b), rtol=1e-5)
        np.testing.assert_allclose(array(ours.grad), array(theirs.grad), rtol=1e-5)
