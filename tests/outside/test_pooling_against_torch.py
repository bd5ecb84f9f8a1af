"""Pooling against PyTorch in float64: values, indices, gradients, second derivatives, and what is refused."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg

torch = pytest.importorskip("torch", reason="PyTorch, which the results are compared with, is not installed")

SIDES = [1, 2, 5, 7, 13, 16, 17, 30]


def drawn(rng: np.random.Generator, dims: int) -> np.ndarray:
    """A batch, or one example; often with ties, NaN or whole planes of -inf."""
    shape = [int(rng.integers(1, 4)) for _ in range(int(rng.integers(1, 3)))] + [
        int(n) for n in rng.choice(SIDES, dims)
    ]
    if len(shape) == dims + 2 and rng.random() < 0.1:
        shape[0] = 0
    x = rng.integers(-2, 3, shape).astype(float) if rng.random() < 0.5 else rng.standard_normal(shape)
    if rng.random() < 0.2:
        x[rng.random(shape) < 0.1] = np.nan
    if rng.random() < 0.2:
        x[rng.random(shape) < 0.5] = -np.inf
    return x


def options(rng: np.random.Generator, shape: tuple[int, ...], dims: int, most: int = 5) -> dict[str, Any]:
    """A window that may not fit; numbers alone, or one for each dimension."""
    size = tuple(int(rng.integers(1, min(most, n) + 2)) for n in shape[-dims:])
    given: dict[str, Any] = {"kernel_size": size if dims > 1 or rng.random() < 0.5 else size[0]}
    if rng.random() < 0.7:
        given["stride"] = (
            int(rng.integers(1, 4)) if rng.random() < 0.5 else tuple(int(n) for n in rng.integers(1, 4, dims))
        )
    if rng.random() < 0.5:
        given["padding"] = tuple(int(rng.integers(0, k // 2 + 1)) for k in size)
    given["ceil_mode"] = bool(rng.random() < 0.4)
    return given


def of_torch(dims: int, given: dict[str, Any]) -> dict[str, Any]:
    """PyTorch takes no tuples of one."""
    return {k: v[0] if dims == 1 and isinstance(v, tuple) else v for k, v in given.items()}


def compare(name: str, x: np.ndarray, given: dict[str, Any], dims: int, twice: bool = False) -> None:
    """One function of wengert and PyTorch: the same values, gradients and second derivatives, or an error in both."""
    t = torch.tensor(x, requires_grad=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = getattr(torch.nn.functional, name)(t, **of_torch(dims, given))
    except (RuntimeError, IndexError):
        with pytest.raises((ValueError, TypeError)):
            getattr(wg.nn.functional, name)(wg.tensor(x), **given)
        return
    y = wg.tensor(x, requires_grad=True)
    found = getattr(wg.nn.functional, name)(y, **given)
    if isinstance(expected, tuple):
        np.testing.assert_array_equal(found[1].numpy(), expected[1].numpy())
        found, expected = found[0], expected[0]
    np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), rtol=1e-12, atol=1e-13)
    g = np.random.default_rng(0).standard_normal(found.shape)
    second = twice and expected.numel() > 0
    (dx,) = torch.autograd.grad(expected, t, torch.tensor(g), create_graph=second)
    (dy,) = wg.autograd.grad(found, y, wg.tensor(g), create_graph=second)
    np.testing.assert_allclose(dy.detach().numpy(), dx.detach().numpy(), rtol=1e-11, atol=1e-12)
    if second:
        (dx,) = torch.autograd.grad((dx * dx).sum(), t)
        (dy,) = wg.autograd.grad((dy * dy).sum(), y)
        np.testing.assert_allclose(dy.numpy(), dx.numpy(), rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("seed", range(100))
@pytest.mark.parametrize("dims", [1, 2])
def test_max_pool(dims: int, seed: int) -> None:
    rng = np.random.default_rng([seed, dims])
    x = drawn(rng, dims)
    given = options(rng, x.shape, dims)
    if rng.random() < 0.4:
        given["dilation"] = int(rng.integers(1, 4))
        if given["dilation"] > min(x.shape[-dims:]):  # of a window without items PyTorch's gradient crashes
            given.pop("padding", None)
    given["return_indices"] = bool(rng.random() < 0.4)
    compare(f"max_pool{dims}d", x, given, dims)


@pytest.mark.parametrize("seed", range(100))
@pytest.mark.parametrize("dims", [1, 2])
def test_avg_pool(dims: int, seed: int) -> None:
    rng = np.random.default_rng([seed, dims, 1])
    x = np.nan_to_num(drawn(rng, dims), neginf=-1.0)  # sums of infinities depend on their order
    given = {**options(rng, x.shape, dims), "count_include_pad": bool(rng.random() < 0.5)}
    if dims == 2 and rng.random() < 0.3:
        given["divisor_override"] = int(rng.choice([3, -2]))
    compare(f"avg_pool{dims}d", x, given, dims)


@pytest.mark.parametrize("seed", range(100))
@pytest.mark.parametrize("dims", [1, 2])
def test_adaptive(dims: int, seed: int) -> None:
    rng = np.random.default_rng([seed, dims, 2])
    x = drawn(rng, dims)
    out = tuple(int(n) for n in rng.integers(1, 9, dims))
    given: dict[str, Any] = {"output_size": out[0] if dims == 1 or rng.random() < 0.3 else (out[0], None)}
    compare(f"adaptive_max_pool{dims}d", x, {**given, "return_indices": bool(rng.random() < 0.5)}, dims)
    compare(f"adaptive_avg_pool{dims}d", np.nan_to_num(x, neginf=-1.0), given, dims)


@pytest.mark.parametrize("seed", range(100))
@pytest.mark.parametrize("dims", [1, 2])
def test_lp_pool(dims: int, seed: int) -> None:
    rng = np.random.default_rng([seed, dims, 3])
    x = np.abs(np.nan_to_num(drawn(rng, dims), neginf=1.0)) + 0.5
    given = {**options(rng, x.shape, dims), "norm_type": float(rng.choice([1.0, 2.0, 3.5]))}
    given.pop("padding", None)
    compare(f"lp_pool{dims}d", x, given, dims, twice=True)


def test_large_windows_and_kernels_that_do_not_fit() -> None:
    x = np.random.default_rng(5).integers(-3, 4, (2, 3, 20, 30)).astype(float)
    for given in ({"kernel_size": (17, 16)}, {"kernel_size": (20, 30)}, {"kernel_size": 21}, {"kernel_size": 2**40},
                  {"kernel_size": 3, "padding": 2}, {"kernel_size": 2, "stride": 0}):  # fmt: skip
        compare("max_pool2d", x, {**given, "return_indices": True}, 2)
        compare("avg_pool2d", x, given, 2)


@pytest.mark.parametrize("shape", [(3, 4), (4, 4, 0), (2, 0, 4, 4), (0, 4, 4), (1, 1, 1, 4, 4)], ids=str)
def test_shapes_that_are_refused(shape: tuple[int, ...]) -> None:
    for name in ("max_pool2d", "avg_pool2d"):
        compare(name, np.ones(shape), {"kernel_size": 2}, 2)


def test_unpooling() -> None:
    rng = np.random.default_rng(6)
    for dims, shape in ((1, (2, 3, 11)), (2, (2, 3, 7, 9)), (2, (3, 6, 6))):
        x = rng.standard_normal(shape)
        for kernel, stride in ((2, 2), (3, 2)):
            z, places = getattr(torch.nn.functional, f"max_pool{dims}d")(
                torch.tensor(x), kernel, stride, return_indices=True
            )
            z.requires_grad_()
            y = wg.tensor(z.detach().numpy().copy(), requires_grad=True)
            indices = wg.tensor(places.numpy().copy())
            for size in (None, shape[-dims:]) if shape[-1] == 6 and kernel == stride else (shape[-dims:],):
                expected = getattr(torch.nn.functional, f"max_unpool{dims}d")(
                    z, places, kernel, stride, output_size=size
                )
                found = getattr(wg.nn.functional, f"max_unpool{dims}d")(y, indices, kernel, stride, output_size=size)
                np.testing.assert_array_equal(found.detach().numpy(), expected.detach().numpy())
                if kernel == stride:  # else several items have one place
                    g = rng.standard_normal(found.shape)
                    (dx,) = torch.autograd.grad(expected, z, torch.tensor(g))
                    (dy,) = wg.autograd.grad(found, y, wg.tensor(g))
                    np.testing.assert_array_equal(dy.numpy(), dx.numpy())
    with pytest.raises(ValueError, match=r"max_unpool2d: output_size \(3, 9, 9\) is not within"):
        wg.nn.functional.max_unpool2d(y, indices, 2, output_size=(3, 9, 9))


MODULES: list[Callable[[Any], Any]] = [
    lambda nn: nn.MaxPool1d(3, 2, 1, 1, ceil_mode=True),
    lambda nn: nn.MaxPool2d(2),
    lambda nn: nn.MaxPool2d((3, 2), (2, 1), padding=(1, 0), dilation=(1, 2)),
    lambda nn: nn.MaxUnpool1d(2),
    lambda nn: nn.MaxUnpool2d((2, 3), 2, 1),
    lambda nn: nn.AvgPool1d(2),
    lambda nn: nn.AvgPool2d((2, 1), padding=(1, 0), count_include_pad=False),
    lambda nn: nn.AvgPool2d(2, divisor_override=3),
    lambda nn: nn.AdaptiveAvgPool1d(3),
    lambda nn: nn.AdaptiveAvgPool2d((None, 2)),
    lambda nn: nn.AdaptiveMaxPool1d(2),
    lambda nn: nn.AdaptiveMaxPool2d((3, 2), return_indices=False),
    lambda nn: nn.LPPool1d(2, 3, 2),
    lambda nn: nn.LPPool2d(1.5, 2, ceil_mode=True),
]


@pytest.mark.parametrize("make", MODULES, ids=lambda make: repr(make(torch.nn)))
def test_modules(make: Callable[[Any], Any]) -> None:
    mine, theirs = make(wg.nn), make(torch.nn)
    assert repr(mine) == repr(theirs)
    assert list(mine.state_dict()) == list(theirs.state_dict())
    if "Unpool" in repr(mine):
        return
    dims = int(type(mine).__name__[-2])
    x = np.abs(np.random.default_rng(7).standard_normal((2, 3, *(9, 10)[:dims])))
    np.testing.assert_allclose(mine(wg.tensor(x)).numpy(), theirs(torch.tensor(x)).numpy(), rtol=1e-12)
