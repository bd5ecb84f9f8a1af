"""What a Sequential does in one pass, a ReLU with max pooling or after a convolution, gives what the two give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import nn


def parts(relu: Any, pool: Any) -> list[Any]:
    wg.manual_seed(0)
    return [nn.Conv2d(2, 3, 3, padding=1), relu, pool, nn.Flatten()]


def one_by_one(modules: list[Any], x: Any) -> Any:
    for module in modules:
        x = module(x)
    return x


def results(run: Any, modules: list[Any], x: np.ndarray) -> list[np.ndarray]:
    image = wg.tensor(x, requires_grad=True)
    y = run(modules, image)
    (y * y).sum().backward()
    found = [y.detach(), image.grad, *(p.grad for p in modules[0].parameters())]
    for p in modules[0].parameters():
        p.grad = None
    return [np.asarray(v.numpy()).copy() for v in found]


@pytest.mark.parametrize("pool", [nn.MaxPool2d(2), nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True)], ids=str)
@pytest.mark.parametrize("inplace", [False, True])
def test_values_and_gradients(pool: Any, inplace: bool) -> None:
    x = np.random.default_rng(0).standard_normal((4, 2, 7, 9))
    modules = [m.double() for m in parts(nn.ReLU(inplace), pool)]
    fused = results(lambda modules, x: nn.Sequential(*modules)(x), modules, x)
    for a, b in zip(fused, results(one_by_one, modules, x), strict=True):
        np.testing.assert_array_equal(a, b)
    x[0, 0, 2, 2] = np.nan
    np.testing.assert_array_equal(
        nn.Sequential(*modules)(wg.tensor(x)).detach().numpy(), one_by_one(modules, wg.tensor(x)).detach().numpy()
    )
    graph = wg.trace(nn.Sequential(*modules), wg.tensor(x))
    assert "relu" not in str(graph)


def test_in_one_dimension() -> None:
    x = wg.tensor(np.random.default_rng(0).standard_normal((2, 3, 9)))
    net = nn.Sequential(nn.ReLU(), nn.MaxPool1d(2))
    np.testing.assert_array_equal(net(x).numpy(), nn.MaxPool1d(2)(nn.ReLU()(x)).numpy())


def test_the_input_of_a_first_relu_is_changed_in_place() -> None:
    x = wg.tensor([[[-1.0, 2.0, -3.0, 4.0]]])
    nn.Sequential(nn.ReLU(inplace=True), nn.MaxPool1d(2))(x)
    np.testing.assert_array_equal(x.numpy(), [[[0, 2, 0, 4]]])


def test_hooks_see_both() -> None:
    relu, pool = nn.ReLU(), nn.MaxPool2d(2)
    for module in (relu, pool):
        seen: list[Any] = []
        handle = module.register_forward_hook(lambda module, args, out, seen=seen: seen.append((args[0], out)))
        x = wg.tensor(np.random.default_rng(0).standard_normal((1, 1, 4, 4)))
        y = nn.Sequential(relu, pool)(x)
        handle.remove()
        given, out = seen[0]
        np.testing.assert_array_equal(out.numpy(), (y if module is pool else nn.functional.relu(x)).numpy())
        np.testing.assert_array_equal(given.numpy(), (x if module is relu else nn.functional.relu(x)).numpy())


def test_subclasses_and_indices_are_left_alone() -> None:
    class Doubled(nn.MaxPool2d):
        def forward(self, input: Any) -> Any:
            return 2 * super().forward(input)

    x = wg.tensor(np.random.default_rng(0).standard_normal((1, 1, 4, 4)))
    plain = nn.MaxPool2d(2)(nn.functional.relu(x))
    np.testing.assert_array_equal(nn.Sequential(nn.ReLU(), Doubled(2))(x).numpy(), 2 * plain.numpy())
    values, places = nn.Sequential(nn.ReLU(), nn.MaxPool2d(2, return_indices=True))(x)
    np.testing.assert_array_equal(values.numpy(), plain.numpy())
    assert places.dtype == wg.int64


def test_errors_are_those_of_the_two() -> None:
    with pytest.raises(ValueError, match=r"Sequential\[1\].MaxPool2d.*does not fit"):
        nn.Sequential(nn.ReLU(), nn.MaxPool2d(9))(wg.zeros(1, 1, 4, 4))


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize(
    ("conv", "shape"),
    [
        (nn.Conv2d(2, 3, 3, padding=1), (4, 2, 7, 9)),
        (nn.Conv1d(2, 4, 3, groups=2, padding_mode="reflect", padding=1), (3, 2, 8)),
        (nn.Conv2d(1, 2, 2, stride=2), (1, 5, 5)), (nn.LazyConv2d(2, 1), (2, 3, 2, 2)),
    ], ids=["2d", "1d", "alone", "lazy"],
)  # fmt: skip
def test_a_convolution_and_relu(conv: Any, shape: tuple[int, ...], inplace: bool) -> None:
    x = np.random.default_rng(0).standard_normal(shape)
    modules = [conv, nn.ReLU(inplace), nn.Tanh()]
    nn.Sequential(*modules)(wg.tensor(x, dtype=wg.float32))  # a lazy one is ready then
    modules = [m.double() for m in modules]
    fused = results(lambda modules, x: nn.Sequential(*modules)(x), modules, x)
    for a, b in zip(fused, results(one_by_one, modules, x), strict=True):
        np.testing.assert_array_equal(a, b)
    x.reshape(-1)[3] = np.nan
    nan = [run(wg.tensor(x)).detach().numpy() for run in (nn.Sequential(*modules), lambda x: one_by_one(modules, x))]
    np.testing.assert_array_equal(*nan)
    assert np.isnan(nan[0]).any()


def test_higher_derivatives_of_a_convolution_and_relu() -> None:
    wg.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 1, 2), nn.Tanh()).double()
    x = wg.tensor(np.random.default_rng(0).standard_normal((1, 4, 4)))
    apart = lambda x: net[3](net[2](wg.relu(net[0](x)))).sum()  # noqa: E731
    for transform in (wg.hessian, lambda f: wg.func.jacfwd(wg.func.jacrev(f)), lambda f: wg.func.jacrev(wg.grad(f))):
        np.testing.assert_array_equal(transform(lambda x: net(x).sum())(x).detach(), transform(apart)(x).detach())


def test_what_keeps_a_convolution_and_relu_apart() -> None:
    x = wg.tensor(np.random.default_rng(0).standard_normal((1, 4, 4)), dtype=wg.float32)
    conv, relu = nn.Conv2d(1, 2, 3), nn.ReLU()
    wanted = wg.relu(conv(x)).detach().numpy()
    seen: list[Any] = []
    handle = conv.register_forward_hook(lambda module, args, out: seen.append(out))
    np.testing.assert_array_equal(nn.Sequential(conv, relu)(x).detach().numpy(), wanted)
    handle.remove()
    assert (seen[0] < 0).any()
    plain = nn.Conv2d(1, 2, 3, bias=False)
    np.testing.assert_array_equal(nn.Sequential(plain, relu)(x).detach().numpy(), wg.relu(plain(x)).detach().numpy())
    with pytest.raises(ValueError, match=r"Sequential\[0\].Conv2d.*channels are 3"):
        nn.Sequential(conv, relu)(wg.zeros(3, 4, 4))
    assert "relu" in str(wg.trace(nn.Sequential(conv, relu), x))


@pytest.mark.parametrize("momentum", [0.1, None])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(4, 3, 5, 5), (4, 3, 2, 1)], ids=["by the kernel", "composed"])
def test_batch_normalization_residual_and_relu(shape: tuple[int, ...], training: bool, momentum: float | None) -> None:
    x, r = (np.random.default_rng(k).standard_normal(shape) for k in range(2))
    states = []
    for fused in (True, False):
        wg.manual_seed(0)
        norm = nn.BatchNorm2d(3, momentum=momentum).double().train(training)
        nn.init.uniform_(norm.weight), nn.init.uniform_(norm.bias)
        image, residual = wg.tensor(x, requires_grad=True), wg.tensor(r, requires_grad=True)
        path = nn.Sequential(nn.Identity(), norm)
        z = path.before_relu(image, residual) if fused else wg.relu(norm(image) + residual)
        z = z + (nn.Sequential(norm, nn.ReLU())(image) if fused else wg.relu(norm(image)))
        (z * z).sum().backward()
        states.append([z.detach(), image.grad, residual.grad, norm.weight.grad, norm.bias.grad, *norm.buffers()])
    for a, b in zip(*states, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-13, atol=1e-13)
    assert int(norm.num_batches_tracked) == 2 * training


def test_a_residual_that_broadcasts_and_hooks_keep_normalization_apart() -> None:
    x = wg.tensor(np.random.default_rng(0).standard_normal((4, 3, 3, 3)))
    norm = nn.BatchNorm2d(3).double()
    path = nn.Sequential(norm)
    wide = path.before_relu(x, wg.ones(1, 3, 1, 1, dtype=wg.float64))
    np.testing.assert_allclose(wide.detach().numpy(), wg.relu(norm(x) + 1).detach().numpy(), rtol=1e-13)
    seen: list[Any] = []
    handle = norm.register_forward_hook(lambda module, args, out: seen.append(out))
    path.before_relu(x, x)
    nn.Sequential(norm, nn.ReLU())(x)
    handle.remove()
    assert [bool((out < 0).any()) for out in seen] == [True, True]
    with pytest.raises(ValueError, match=r"batch_norm_relu: expected a residual of the input's shape"):
        nn.functional.batch_norm_relu(x, None, None, training=True, residual=wg.ones(3))


def test_a_batch_that_does_not_fit_does_not_count() -> None:
    norm = nn.BatchNorm2d(3)
    with pytest.raises(ValueError, match="more than one value per channel"):
        norm(wg.ones(1, 3, 1, 1))
    with pytest.raises(ValueError, match="more than one value per channel"):
        nn.Sequential(norm, nn.ReLU())(wg.ones(1, 3, 1, 1))
    assert int(norm.num_batches_tracked) == 0
