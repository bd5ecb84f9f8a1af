"""Normalization against PyTorch in float64: values, running statistics, gradients, second derivatives, modules."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg

torch = pytest.importorskip("torch", reason="PyTorch, which the results are compared with, is not installed")


@pytest.fixture(autouse=True)
def quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def same(found: Any, expected: Any, tolerance: float = 1e-9) -> None:
    found, expected = found.detach().numpy(), expected.detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * (np.abs(expected).max(initial=0) + 1))


def compare(name: str, x: np.ndarray, given: list[Any], static: dict[str, Any], twice: bool = True) -> None:
    """A function of x and of further arrays or None, with keywords: values, gradients, second derivatives."""
    arrays = [x, *given]
    theirs = [None if v is None else torch.tensor(v, requires_grad=True) for v in arrays]
    ours = [None if v is None else wg.tensor(v, requires_grad=True) for v in arrays]
    names = ["input", "weight", "bias"]
    try:
        expected = getattr(torch.nn.functional, name)(
            **dict(zip(names, theirs, strict=False)), **static_of(static, True)
        )
    except (RuntimeError, ValueError):
        with pytest.raises(ValueError, match=r"expected|needs"):
            getattr(wg.nn.functional, name)(**dict(zip(names, ours, strict=False)), **static_of(static, False))
        return
    found = getattr(wg.nn.functional, name)(**dict(zip(names, ours, strict=False)), **static_of(static, False))
    same(found, expected)
    g = np.random.default_rng(0).standard_normal(found.shape)
    t, y = [v for v in theirs if v is not None], [v for v in ours if v is not None]
    first = torch.autograd.grad(expected, t, torch.tensor(g), create_graph=True)
    mine = wg.autograd.grad(found, y, wg.tensor(g), create_graph=True)
    for a, b in zip(mine, first, strict=True):
        same(a, b)
    if twice:
        second = torch.autograd.grad(sum((v * v).sum() for v in first), t, allow_unused=True)
        again = wg.autograd.grad(sum((v * v).sum() for v in mine), y, allow_unused=True)
        for a, b in zip(again, second, strict=True):
            if b is not None:
                same(a, b, 1e-6)  # of few items near 100 little is left


def static_of(static: dict[str, Any], torches: bool) -> dict[str, Any]:
    return {k: (torch.tensor if torches else wg.tensor)(v.copy()) if isinstance(v, np.ndarray) else v
            for k, v in static.items()}  # fmt: skip


def drawn(seed: int, least: int, kind: int) -> tuple[np.random.Generator, np.ndarray, list[Any]]:
    """A picture, a sequence or a matrix, and a weight and a bias, or not."""
    rng = np.random.default_rng([seed, kind])
    shape = (
        int(rng.integers(1, 5)),
        int(rng.choice([1, 2, 4, 6])),
        *rng.choice([1, 2, 5, 7], int(rng.integers(least, 3))),
    )
    scale, middle = ((1.0, 0.0), (1e-3, 0.0), (1.0, 100.0))[int(rng.integers(3))]
    x = rng.standard_normal(shape) * scale + middle
    weight, bias = (rng.standard_normal(shape[1]) if rng.random() < 0.7 else None for _ in range(2))
    return rng, x, [weight, bias]


def has_second(given: list[Any], own_statistics: bool = True) -> bool:
    """PyTorch has no second derivative with a bias alone, and with fixed statistics there is none without a weight."""
    return given[0] is not None or (own_statistics and given[1] is None)


@pytest.mark.parametrize("seed", range(200))
def test_batch_norm(seed: int) -> None:
    rng, x, given = drawn(seed, 0, 0)
    channels = x.shape[1]
    static: dict[str, Any] = {"training": bool(rng.random() < 0.7), "eps": float(rng.choice([1e-5, 0.1]))}
    running = {"running_mean": rng.standard_normal(channels), "running_var": rng.random(channels) + 0.5}
    if not static["training"] or rng.random() < 0.5:
        static.update(running)
    else:
        static.update(dict.fromkeys(running))
    compare("batch_norm", x, given, static, has_second(given, static["training"]))


@pytest.mark.parametrize("seed", range(100))
def test_group_norm(seed: int) -> None:
    rng, x, (weight, bias) = drawn(seed, 0, 1)
    given = [weight, None if weight is None else bias]  # PyTorch fails on a bias alone
    compare(
        "group_norm",
        x,
        given,
        {"num_groups": int(rng.choice([1, 2, x.shape[1]])), "eps": 1e-4},
        given[0] is not None,  # PyTorch's second derivative needs a weight
    )


@pytest.mark.parametrize("seed", range(100))
def test_instance_norm(seed: int) -> None:
    rng, x, given = drawn(seed, 1, 2)
    channels = x.shape[1]
    static: dict[str, Any] = {"use_input_stats": bool(rng.random() < 0.7)}
    if not static["use_input_stats"] or rng.random() < 0.5:
        static.update(running_mean=rng.standard_normal(channels), running_var=rng.random(channels) + 0.5)
    compare("instance_norm", x, given, static, has_second(given, static["use_input_stats"]))


@pytest.mark.parametrize("seed", range(100))
def test_rms_and_local_response_norm(seed: int) -> None:
    rng, x, _ = drawn(seed, 1, 3)
    last = x.shape[int(rng.integers(1, x.ndim)) :]
    weight = rng.standard_normal(last) if rng.random() < 0.6 else None
    compare("rms_norm", x, [weight], {"normalized_shape": last, "eps": 1e-3 if rng.random() < 0.5 else None})
    static = {"size": int(rng.integers(1, 6)), "alpha": 0.3, "beta": float(rng.choice([0.75, 2.0])), "k": 1.5}
    compare("local_response_norm", x, [], static)


def test_running_statistics_move_as_pytorchs() -> None:
    rng = np.random.default_rng(1)
    for shape in ((6, 3), (6, 3, 5), (4, 3, 4, 5), (2, 3, 1, 2)):
        for momentum in (0.1, None, 0.7):
            pairs = [
                (m.nn.BatchNorm2d if len(shape) == 4 else m.nn.BatchNorm1d)(3, momentum=momentum) for m in (wg, torch)
            ]
            pairs[0].double(), pairs[1].double()
            for _ in range(3):
                x = rng.standard_normal(shape) + 10
                same(pairs[0](wg.tensor(x)), pairs[1](torch.tensor(x)))
            for mine, theirs in zip(pairs[0].buffers(), pairs[1].buffers(), strict=True):
                same(mine, theirs)
            pairs[0].eval(), pairs[1].eval()
            same(pairs[0](wg.tensor(x)), pairs[1](torch.tensor(x)))
    for shape in ((4, 3, 5), (4, 3, 4, 5)):
        pairs = [
            (m.nn.InstanceNorm2d if len(shape) == 4 else m.nn.InstanceNorm1d)(3, affine=True, track_running_stats=True)
            for m in (wg, torch)
        ]
        pairs[0].double(), pairs[1].double()
        for _ in range(3):
            x = rng.standard_normal(shape) + 10
            same(pairs[0](wg.tensor(x)), pairs[1](torch.tensor(x)))
        for mine, theirs in zip(pairs[0].buffers(), pairs[1].buffers(), strict=True):
            same(mine, theirs)
        pairs[0].eval(), pairs[1].eval()
        same(pairs[0](wg.tensor(x)), pairs[1](torch.tensor(x)))
        same(pairs[0](wg.tensor(x[0])), pairs[1](torch.tensor(x[0])))


MODULES: list[tuple[Callable[[Any], Any], tuple[int, ...]]] = [
    (lambda nn: nn.BatchNorm1d(3), (4, 3)),
    (lambda nn: nn.BatchNorm1d(3, affine=False), (4, 3, 5)),
    (lambda nn: nn.BatchNorm2d(3, 1e-3, 0.2), (4, 3, 5, 6)),
    (lambda nn: nn.BatchNorm2d(3, track_running_stats=False), (4, 3, 5, 6)),
    (lambda nn: nn.LazyBatchNorm1d(), (4, 3)),
    (lambda nn: nn.LazyBatchNorm2d(affine=False), (4, 3, 5, 6)),
    (lambda nn: nn.LazyInstanceNorm1d(), (4, 3, 5)),
    (lambda nn: nn.LazyInstanceNorm2d(affine=True, track_running_stats=True), (4, 3, 5, 6)),
    (lambda nn: nn.GroupNorm(2, 4), (3, 4, 5)),
    (lambda nn: nn.GroupNorm(4, 4, affine=False), (3, 4)),
    (lambda nn: nn.InstanceNorm1d(3), (3, 5)),
    (lambda nn: nn.InstanceNorm2d(3, affine=True), (2, 3, 5, 4)),
    (lambda nn: nn.RMSNorm(5), (2, 3, 5)),
    (lambda nn: nn.RMSNorm((3, 5), 1e-3, False), (2, 3, 5)),
    (lambda nn: nn.LocalResponseNorm(3), (2, 5, 4)),
]


@pytest.mark.parametrize(("make", "shape"), MODULES, ids=lambda x: repr(x(torch.nn)) if callable(x) else "")
def test_modules(make: Callable[[Any], Any], shape: tuple[int, ...]) -> None:
    mine, theirs = make(wg.nn), make(torch.nn)
    assert repr(mine) == repr(theirs)
    assert list(mine.state_dict()) == list(theirs.state_dict())
    x = np.random.default_rng(7).standard_normal(shape).astype(np.float32)
    for _ in range(2):
        same(mine(wg.tensor(x)), theirs(torch.tensor(x)), 2e-6)
    assert repr(mine) == repr(theirs)
    state = {name: v.numpy() for name, v in theirs.state_dict().items()}
    again = make(wg.nn)
    again.load_state_dict(state)
    mine.eval(), theirs.eval(), again.eval()
    same(mine(wg.tensor(x)), theirs(torch.tensor(x)), 2e-6)
    same(again(wg.tensor(x)), theirs(torch.tensor(x)), 2e-6)


def test_shapes_that_are_refused() -> None:
    for make, shape in ((lambda nn: nn.BatchNorm2d(3), (4, 3, 5)), (lambda nn: nn.BatchNorm1d(3), (4, 3, 5, 5)),
                        (lambda nn: nn.BatchNorm2d(3), (4, 2, 5, 5)), (lambda nn: nn.InstanceNorm2d(3), (4, 3)),
                        (lambda nn: nn.BatchNorm2d(3), (1, 3, 1, 1)), (lambda nn: nn.LocalResponseNorm(2), (4, 3)),
                        (lambda nn: nn.LazyBatchNorm2d(), (4, 3)),
                        (lambda nn: nn.GroupNorm(2, 4), (3, 5, 2))):  # fmt: skip
        with pytest.raises((RuntimeError, ValueError)):
            make(torch.nn)(torch.ones(shape))
        with pytest.raises(ValueError, match=r"expected|channels"):
            make(wg.nn)(wg.ones(shape))
