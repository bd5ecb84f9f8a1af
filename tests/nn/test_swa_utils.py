"""Averages of weights: means and exponential means by their formulas, buffers, normalization, PyTorch's numbers."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import nn, optim
from wengert.optim import swa_utils


def array(x: Any) -> np.ndarray:
    return np.asarray(x.detach().numpy())


def values(k: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(k).standard_normal(shape)


def filled(model: Any, k: int, library: Any = wg) -> Any:
    """The model with other parameters and buffers."""
    with library.no_grad():
        for n, x in enumerate([*model.parameters(), *model.buffers()]):
            if "int" in str(x.dtype):
                x.copy_(library.tensor(3 * k + n))
            else:
                x.copy_(library.tensor(values(100 * k + n, tuple(x.shape))))
    return model


def network(library: Any = wg) -> Any:
    return library.nn.Sequential(library.nn.Linear(3, 2), library.nn.BatchNorm1d(2)).to(library.float64)


AVERAGES: dict[str, Callable[[Any], dict[str, Any]]] = {
    "default": lambda s: {},
    "buffers": lambda s: {"use_buffers": True},
    "swa": lambda s: {"avg_fn": s.get_swa_avg_fn()},
    "swa of many": lambda s: {"multi_avg_fn": s.get_swa_multi_avg_fn()},  # PyTorch's refuses integer buffers
    "ema": lambda s: {"avg_fn": s.get_ema_avg_fn(0.7)},
    "ema of buffers": lambda s: {"avg_fn": s.get_ema_avg_fn(), "use_buffers": True},
    "ema of many": lambda s: {"multi_avg_fn": s.get_ema_multi_avg_fn(0.7)},
    "ema of many and buffers": lambda s: {"multi_avg_fn": s.get_ema_multi_avg_fn(), "use_buffers": True},
    "own": lambda s: {"avg_fn": lambda average, x, n: average + (x - average) / (n + 2)},
}


@pytest.mark.parametrize("name", AVERAGES)
def test_averages_are_pytorchs(name: str) -> None:
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    model, theirs = network(), network(torch)
    a = swa_utils.AveragedModel(model, **AVERAGES[name](swa_utils))
    b = torch.optim.swa_utils.AveragedModel(theirs, **AVERAGES[name](torch.optim.swa_utils))
    assert list(a.state_dict()) == list(b.state_dict())
    for k in range(5):
        a.update_parameters(filled(model, k))
        b.update_parameters(filled(theirs, k, torch))
        for (key, x), y in zip(a.state_dict().items(), b.state_dict().values(), strict=True):
            np.testing.assert_allclose(array(x), array(y), rtol=1e-6, err_msg=key)


@pytest.mark.parametrize("use_buffers", [False, True])
def test_the_average_is_the_mean_of_the_models(use_buffers: bool) -> None:
    model = network()
    average = swa_utils.AveragedModel(model, use_buffers=use_buffers)
    seen = []
    for k in range(6):
        average.update_parameters(filled(model, k))
        seen.append([array(x).copy() for x in [*model.parameters(), *model.buffers()]])
    assert average.n_averaged.item() == 6
    count = len(list(model.parameters()))
    found = [array(x) for x in [*average.module.parameters(), *average.module.buffers()]]
    for k, x in enumerate(found):
        all_of_it = np.array([one[k] for one in seen])
        if k < count or (use_buffers and x.dtype.kind == "f"):
            np.testing.assert_allclose(x, all_of_it.mean(0), rtol=1e-12)
        elif not use_buffers:
            np.testing.assert_array_equal(x, all_of_it[-1])
    assert all(x.requires_grad for x in average.module.parameters())


def test_an_exponential_average_forgets() -> None:
    model = nn.Linear(1, 1, bias=False, dtype=wg.float64)
    average = swa_utils.AveragedModel(model, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(0.75))
    expected = None
    for value in (1.0, 5.0, -3.0, 2.0):
        nn.init.constant_(model.weight, value)
        average.update_parameters(model)
        expected = value if expected is None else 0.75 * expected + 0.25 * value
    assert average.module.weight.item() == pytest.approx(expected)


def test_averaged_models_are_modules() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5)).eval()
    average = swa_utils.AveragedModel(model, device="cpu")
    average.update_parameters(model)
    x = wg.tensor(values(0, (3, 2)), dtype=wg.float32)
    np.testing.assert_array_equal(array(average(x)), array(model(x)))
    assert not average.training or average.train(False) is average
    assert average.module[0].weight is not model[0].weight
    other = swa_utils.AveragedModel(nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5)))
    other.load_state_dict(average.state_dict())
    assert other.n_averaged.item() == 1
    for copied in (copy.deepcopy(average), pickle.loads(pickle.dumps(average))):
        np.testing.assert_array_equal(array(copied.module[0].weight), array(model[0].weight))


def test_a_model_of_other_shapes_is_refused_and_nothing_changed() -> None:
    average = swa_utils.AveragedModel(nn.Linear(2, 3))
    before = array(average.module.weight).copy()
    for model in (nn.Linear(3, 2), nn.Linear(2, 3, bias=False), nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))):
        with pytest.raises(ValueError, match=r"expected parameters and buffers of shapes \[\(3, 2\), \(3,\)\]"):
            average.update_parameters(model)
    np.testing.assert_array_equal(array(average.module.weight), before)
    assert average.n_averaged.item() == 0


def test_averages_follow_a_compiled_step() -> None:
    model = nn.Linear(2, 1)
    average, optimizer = swa_utils.AveragedModel(model), optim.SGD(model.parameters(), lr=0.1)

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss = (model(x) ** 2).sum()
        loss.backward()
        optimizer.step()
        return loss.detach()

    compiled = wg.compile(step)
    seen = []
    for k in range(5):
        compiled(wg.tensor(values(k, (3, 2)), dtype=wg.float32))
        average.update_parameters(model)
        seen.append(array(model.weight).copy())
    np.testing.assert_allclose(array(average.module.weight), np.mean(seen, 0), rtol=1e-5)


@pytest.mark.parametrize("wrapped", [False, True], ids=["tensors", "pairs"])
def test_normalization_is_computed_anew_over_all_batches(wrapped: bool) -> None:
    model = network().eval()
    model[1].momentum = 0.3
    batches = [wg.tensor(values(k, (5, 3))) for k in range(4)]
    swa_utils.update_bn([(x, 0) for x in batches] if wrapped else batches, model, "cpu" if wrapped else None)
    hidden = np.array([array(model[0](x)) for x in batches])
    np.testing.assert_allclose(array(model[1].running_mean), hidden.mean((0, 1)), rtol=1e-10)
    np.testing.assert_allclose(array(model[1].running_var), hidden.var(1, ddof=1).mean(0), rtol=1e-10)
    assert (model[1].momentum, model.training, model[1].num_batches_tracked.item()) == (0.3, False, 4)
    assert model[0].weight.grad is None


def test_normalization_keeps_its_options_where_a_batch_fails() -> None:
    model = network().eval()
    with pytest.raises(ValueError, match="Linear"):
        swa_utils.update_bn([wg.ones(2, 7, dtype=wg.float64)], model)
    assert (model[1].momentum, model.training) == (0.1, False)
    swa_utils.update_bn(iter([3]), nn.Linear(2, 2))  # without normalization no batch is looked at


@pytest.mark.parametrize("strategy", ["cos", "linear"])
@pytest.mark.parametrize("epochs", [0, 1, 7])
def test_the_rates_are_pytorchs(strategy: str, epochs: int) -> None:
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    rates = []
    for library in (wg, torch):
        params = [library.nn.Parameter(library.ones(1)) for _ in range(2)]
        optimizer = library.optim.SGD([{"params": [params[0]]}, {"params": [params[1]], "lr": 0.2}], lr=0.5)
        decay = library.optim.lr_scheduler.MultiplicativeLR(optimizer, lambda epoch: 0.9)
        schedule = library.optim.swa_utils.SWALR(optimizer, [0.05, 0.3], epochs, anneal_strategy=strategy)
        seen = []
        for epoch in range(14):
            optimizer.step()
            (schedule if epoch >= 3 else decay).step()
            seen += [group["lr"] for group in optimizer.param_groups]
        rates.append(seen)
    assert rates[0] == pytest.approx(rates[1], rel=1e-12)


def test_the_rate_goes_to_swa_lr_and_on_from_a_state() -> None:
    def made() -> tuple[Any, Any]:
        optimizer = optim.SGD([nn.Parameter(wg.ones(1))], lr=1.0)
        return optimizer, swa_utils.SWALR(optimizer, 0.5, anneal_epochs=4, anneal_strategy="linear")

    optimizer, schedule = made()
    seen = []
    for _ in range(6):
        seen += schedule.get_last_lr()
        optimizer.step()
        schedule.step()
        if len(seen) == 2:
            states = optimizer.state_dict(), schedule.state_dict()
            optimizer, schedule = made()
            for part, state in zip((optimizer, schedule), states, strict=True):
                part.load_state_dict(copy.deepcopy(state))
    assert seen == pytest.approx([1, 0.875, 0.75, 0.625, 0.5, 0.5])


@pytest.mark.parametrize(("make", "error", "message"), [
    (lambda o: swa_utils.SWALR(3, 1.0), TypeError, "SWALR: expected an optimizer, got int"),
    (lambda o: swa_utils.SWALR(o, [1.0, 2.0]), ValueError, "expected 1 values of swa_lr"),
    (lambda o: swa_utils.SWALR(o, 1.0, -1), ValueError, "an integer anneal_epochs >= 0, got -1"),
    (lambda o: swa_utils.SWALR(o, 1.0, anneal_strategy="log"), ValueError, "anneal_strategy \"cos\" or \"linear\""),
    (lambda o: swa_utils.get_ema_avg_fn(1.5), ValueError, r"get_ema_avg_fn: expected a decay in \[0, 1\], got 1.5"),
    (lambda o: swa_utils.get_ema_multi_avg_fn(-1), ValueError, "get_ema_multi_avg_fn: expected a decay"),
    (lambda o: swa_utils.AveragedModel(nn.Linear(1, 1), None, abs, abs), ValueError, "or multi_avg_fn, got both"),
])  # fmt: skip
def test_wrong_uses_are_told(make: Callable[[Any], Any], error: type, message: str) -> None:
    optimizer = optim.SGD([nn.Parameter(wg.ones(1))], lr=1.0)
    with pytest.raises(error, match=message):
        make(optimizer)
    assert "swa_lr" not in optimizer.param_groups[0]
