"""Convolution against PyTorch in float64: values, gradients of first and second order, layers of one state, edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert.nn import functional as F

torch = pytest.importorskip("torch")

CONFIGURATIONS = 200
pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")


def _drawn(seed: int) -> tuple[str, list[np.ndarray], dict[str, Any]]:
    """One of the four functions, its tensors and options; the tensors may lack the batch, and the bias be missing."""
    rng = np.random.default_rng(seed)
    dims, transposed = int(rng.integers(1, 3)), bool(rng.integers(2))
    groups = int(rng.choice([1, 1, 2, 3]))
    ci, co = (int(n) for n in rng.choice([1, 2, 3, 5, 16, 17], 2))
    n = int(rng.integers(1, 4))
    kernel = rng.integers(1, 5, dims)
    stride, dilation, padding = (
        tuple(map(int, rng.integers(low, high, dims))) for low, high in ((1, 4), (1, 3), (0, 4))
    )
    if rng.integers(3) == 0:
        kernel[:], stride, dilation, padding = 3, (1,) * dims, (1,) * dims, (1,) * dims
    options: dict[str, Any] = {"stride": stride, "dilation": dilation, "padding": padding, "groups": groups}
    span = np.asarray(dilation) * (kernel - 1) + 1
    size = rng.integers(1, 12, dims)
    if transposed:
        size = np.maximum(size, -(-(2 * np.asarray(padding) + 1 - span) // np.asarray(stride)) + 1)
        options["output_padding"] = tuple(int(rng.integers(max(s, d))) for s, d in zip(stride, dilation, strict=True))
    else:
        size = np.maximum(size, span - 2 * np.asarray(padding))
        if rng.integers(4) == 0:
            options["padding"] = "same" if max(stride) == 1 else "valid"
            size = np.maximum(size, span)
    channels = groups * ci
    weight = (channels, co, *kernel) if transposed else (groups * co, ci, *kernel)
    given = [rng.standard_normal((n, channels, *size)), rng.standard_normal(weight)]
    if rng.integers(3) == 0:
        given[0] = given[0][0]
    if rng.integers(3):
        given.append(rng.standard_normal(groups * co))
    return f"conv{'_transpose' if transposed else ''}{dims}d", given, options


def _derivatives(lib: Any, function: Any, given: list[np.ndarray], options: dict[str, Any]) -> list[np.ndarray]:
    """The value, the gradient of a function of it by every tensor, and the gradient of a function of that."""
    xs = [lib.tensor(v, requires_grad=True) for v in given]
    z = function(*xs, **options)
    first = lib.autograd.grad((z * z * lib.sin(z)).sum(), xs, create_graph=True)
    total = sum((g * g * (k + 1)).sum() for k, g in enumerate(first))
    second = lib.autograd.grad(total, xs)
    return [np.asarray(v.detach().numpy()) for v in (z, *first, *second)]


@pytest.mark.parametrize("seed", range(CONFIGURATIONS))
def test_values_gradients_and_second_derivatives(seed: int) -> None:
    name, given, options = _drawn(seed)
    ours = _derivatives(wg, getattr(F, name), given, options)
    theirs = _derivatives(torch, getattr(torch.nn.functional, name), given, options)
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == b.shape, (name, options)
        np.testing.assert_allclose(
            a, b, rtol=1e-9, atol=1e-11 * max(1, np.abs(b).max(initial=0)), err_msg=f"{name} {options}"
        )


LAYERS = [
    ("Conv1d", (3, 6, 5), {}, (2, 3, 20)),
    ("Conv1d", (4, 6, 3), {"padding": "valid", "groups": 2, "bias": False}, (2, 4, 9)),
    ("Conv1d", (2, 2, 4), {"padding": "same", "padding_mode": "circular"}, (2, 9)),
    ("Conv2d", (3, 6, 3), {}, (2, 3, 8, 9)),
    ("Conv2d", (1, 6, 5), {"padding": 2}, (2, 1, 28, 28)),
    ("Conv2d", (4, 8, (3, 2)), {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2), "groups": 4}, (2, 4, 8, 9)),
    ("Conv2d", (3, 4, 3), {"padding": "same", "dilation": 2, "bias": False}, (3, 8, 9)),
    *[("Conv2d", (3, 4, 3), {"padding": (2, 1), "padding_mode": m, "stride": 2}, (2, 3, 8, 9))
      for m in ("zeros", "reflect", "replicate", "circular")],
    ("Conv2d", (16, 32, 3), {"padding": 1}, (2, 16, 12, 12)),
    ("ConvTranspose1d", (3, 6, 5), {"stride": 2, "output_padding": 1}, (2, 3, 7)),
    ("ConvTranspose2d", (3, 6, 3), {"padding": 1}, (3, 5, 6)),
    ("ConvTranspose2d", (4, 6, (3, 4)),
     {"stride": 3, "padding": (0, 1), "output_padding": 1, "groups": 2, "dilation": 2}, (2, 4, 5, 6)),
]  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_layers_with_the_same_state(layer: tuple[Any, ...]) -> None:
    name, sizes, options, shape = layer
    ours = getattr(nn, name)(*sizes, **options, dtype=wg.float64)
    theirs = getattr(torch.nn, name)(*sizes, **options, dtype=torch.float64)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({k: wg.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    x = np.random.default_rng(0).standard_normal(shape)
    a, b = wg.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y, z = ours(a), theirs(b)
    np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), rtol=1e-10, atol=1e-12)
    (y * y).sum().backward()
    (z * z).sum().backward()
    np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-10, atol=1e-11)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("name", ["Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d"])
def test_lazy_layers(name: str) -> None:
    ours, theirs = (getattr(lib, f"Lazy{name}")(6, 3, stride=2, groups=2) for lib in (nn, torch.nn))
    assert repr(ours) == repr(theirs)
    shape = (2, 4, 9, 9)[: 4 if "2d" in name else 3]
    assert tuple(ours(wg.zeros(shape)).shape) == tuple(theirs(torch.zeros(shape)).shape)
    assert repr(ours) == repr(theirs)
    assert type(ours) is getattr(nn, name)
    assert [tuple(p.shape) for p in ours.parameters()] == [tuple(p.shape) for p in theirs.parameters()]
    again = getattr(nn, f"Lazy{name}")(6, 3, stride=2, groups=2)
    again.load_state_dict(ours.state_dict())
    np.testing.assert_array_equal(again(wg.ones(shape)).detach().numpy(), ours(wg.ones(shape)).detach().numpy())


@pytest.mark.parametrize("name", ["Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d"])
def test_parameters_are_drawn_from_the_same_interval(name: str) -> None:
    for options in ({}, {"groups": 3}):
        ours, theirs = (getattr(lib, name)(24, 300, 5, **options) for lib in (nn, torch.nn))
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            p, q = p.detach().numpy(), q.detach().numpy()
            assert p.shape == q.shape
            np.testing.assert_allclose([p.min(), p.max(), p.std()], [q.min(), q.max(), q.std()], rtol=0.15)


def test_an_output_size_chooses_among_the_sizes() -> None:
    ours, theirs = (lib.ConvTranspose2d(3, 4, 3, stride=2) for lib in (nn, torch.nn))
    for size in ((12, 11), (11, 12)):
        y = ours(wg.zeros(2, 3, 5, 5), output_size=size)
        assert tuple(y.shape) == tuple(theirs(torch.zeros(2, 3, 5, 5), output_size=size).shape)
    with pytest.raises(
        ValueError, match=r"output_size from \[11, 11\] to \[12, 12\] for input of shape \(2, 3, 5, 5\)"
    ):
        ours(wg.zeros(2, 3, 5, 5), output_size=(13, 11))


def test_an_empty_batch_and_no_channels() -> None:
    for shape, weight in (((0, 3, 5, 5), (4, 3, 3, 3)), ((2, 0, 5, 5), (4, 0, 3, 3))):
        x, w = np.zeros(shape), np.ones(weight)
        a, b = wg.tensor(x, requires_grad=True), wg.tensor(w, requires_grad=True)
        y = F.conv2d(a, b)
        z = torch.nn.functional.conv2d(torch.tensor(x), torch.tensor(w[:, :, :, :]))
        if shape[0] == 0:
            assert tuple(y.shape) == tuple(z.shape)
        y.sum().backward()
        assert tuple(a.grad.shape) == shape
        assert not b.grad.numpy().any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": (4, 3, 7, 7)}, r"kernel of \(7, 7\).*it spans \(7, 7\) of \(5, 5\)"),
        ({"weight": (4, 3, 3, 3), "dilation": 3}, r"spans \(7, 7\) of \(5, 5\)"),
        ({"weight": (4, 2, 3, 3)}, r"weight of shape \(4, 2, 3, 3\).*needs input of 2 channels, got 3"),
        ({"weight": (4, 3, 3)}, r"weight \(out_channels, in_channels / groups, height, width of the kernel\)"),
        ({"weight": (4, 3, 3, 3), "groups": 3}, "does not make 3 groups"),
        ({"weight": (4, 3, 3, 3), "groups": 0}, "does not make 0 groups"),
        ({"weight": (4, 3, 3, 3), "bias": (3,)}, r"needs a bias of shape \(4,\), got \(3,\)"),
        ({"weight": (4, 3, 3, 3), "stride": 0}, "stride to be one integer or 2"),
        ({"weight": (4, 3, 3, 3), "stride": (1, 2, 3)}, "stride to be one integer or 2"),
        ({"weight": (4, 3, 3, 3), "padding": -1}, "padding to be one integer or 2"),
        ({"weight": (4, 3, 3, 3), "padding": "some"}, '"same" or "valid", got \'some\''),
        ({"weight": (4, 3, 3, 3), "padding": "same", "stride": 2}, "with stride 1 only"),
        ({"weight": (4, 3, 3, 3), "padding": 2**60}, "padding to be one integer or 2"),
        ({"weight": (4, 3, 0, 3)}, "must have items"),
    ],
)  # fmt: skip
def test_bad_arguments_are_told(change: dict[str, Any], message: str) -> None:
    change = dict(change)
    x, w = wg.zeros(2, 3, 5, 5), wg.zeros(change.pop("weight"))
    bias = wg.zeros(change.pop("bias")) if "bias" in change else None
    with pytest.raises(ValueError, match=f"conv2d: .*{message}"):
        F.conv2d(x, w, bias, **change)
    theirs = torch.zeros(2, 3, 5, 5), torch.zeros(w.shape), None if bias is None else torch.zeros(bias.shape)
    with pytest.raises(RuntimeError):
        torch.nn.functional.conv2d(*theirs, **change)


def test_other_bad_arguments() -> None:
    x, w = wg.zeros(2, 3, 5, 5), wg.zeros(3, 4, 3, 3)
    with pytest.raises(ValueError, match=r"conv_transpose2d: output_padding \(1, 1\) must be smaller than stride"):
        F.conv_transpose2d(x, w, output_padding=1)
    with pytest.raises(ValueError, match=r"make an output of size \(-1, -1\)"):
        F.conv_transpose2d(x, w, padding=4)
    with pytest.raises(ValueError, match=r"expected input of shape \(n, channels, length\)"):
        F.conv1d(x, wg.zeros(4, 3, 3))
    with pytest.raises(TypeError, match="expected floating tensors, got int64"):
        F.conv2d(wg.ones(1, 1, 3, 3, dtype=wg.int64), wg.ones(1, 1, 1, 1, dtype=wg.int64))
    with pytest.raises(TypeError, match=r"conv2d: expected an integer for stride, got 1\.5"):
        F.conv2d(x, wg.zeros(4, 3, 3, 3), stride=1.5)
    for name, wrong in (("Conv2d", {"groups": 2}), ("Conv2d", {"padding_mode": "x"}), ("Conv2d", {"padding": "x"}),
                        ("ConvTranspose2d", {"padding_mode": "reflect"})):  # fmt: skip
        for lib in (nn, torch.nn):
            with pytest.raises(ValueError, match=r"groups|padding"):
                getattr(lib, name)(3, 4, 3, **wrong)
    with pytest.raises(ValueError, match=r"Sequential\[0\].Conv2d\(3, 4, .*: the input's channels are 4"):
        nn.Sequential(nn.Conv2d(3, 4, 3))(wg.zeros(2, 4, 5, 5))


def test_nothing_overflows() -> None:
    x, w = wg.ones(1, 1, 1, 3), wg.ones(1, 1, 1, 2)
    y = F.conv2d(x, w, padding=(0, 2**40), dilation=(1, 2**40 + 1), stride=2**41)
    assert tuple(y.shape) == (1, 1, 1, 1)
    with pytest.raises(MemoryError):
        F.conv2d(x, w, padding=(0, 2**43))
    with pytest.raises((MemoryError, ValueError)):
        F.conv2d(x, w, padding=2**45)
    with pytest.raises((MemoryError, ValueError)):
        F.conv_transpose2d(x, w, stride=2**45)


def test_float16_is_computed_in_float32() -> None:
    rng = np.random.default_rng(0)
    x, w, b = (rng.standard_normal(s).astype(np.float16) for s in ((2, 3, 6, 6), (4, 3, 3, 3), (4,)))
    y = F.conv2d(wg.tensor(x), wg.tensor(w), wg.tensor(b))
    z = F.conv2d(*(wg.tensor(v.astype(np.float32)) for v in (x, w, b)))
    assert y.dtype == wg.float16
    np.testing.assert_array_equal(y.numpy(), z.numpy().astype(np.float16))
