"""Weights with a length, or a largest singular value, of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert.nn import utils


def layers() -> dict[str, Any]:
    return {
        "linear": (nn.Linear(4, 3, dtype=wg.float64), wg.ones(2, 4, dtype=wg.float64)),
        "conv": (nn.Conv2d(2, 3, 3, dtype=wg.float64), wg.ones(1, 2, 5, 5, dtype=wg.float64)),
        "transposed": (nn.ConvTranspose2d(2, 3, 3, dtype=wg.float64), wg.ones(1, 2, 5, 5, dtype=wg.float64)),
        "bilinear": (nn.LSTM(4, 3, dtype=wg.float64), wg.ones(2, 1, 4, dtype=wg.float64)),
    }


NAMES = {"bilinear": "weight_hh_l0"}


@pytest.mark.parametrize("name", layers())
@pytest.mark.parametrize("dim", [0, 1, None])
def test_a_weight_of_a_length_and_a_direction(name: str, dim: int | None) -> None:
    layer, x = layers()[name]
    weight_name = NAMES.get(name, "weight")
    weight = getattr(layer, weight_name).detach().clone()
    expected = layer(x)
    assert utils.weight_norm(layer, weight_name, dim) is layer
    found = layer(x)
    for y, z in zip(*((t if isinstance(t, tuple) else (t,)) for t in (found, expected)), strict=True):
        y, z = (t[0] if isinstance(t, tuple) else t for t in (y, z))
        np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), rtol=1e-13, atol=1e-14)
    g, v = getattr(layer, f"{weight_name}_g"), getattr(layer, f"{weight_name}_v")
    assert {f"{weight_name}_g", f"{weight_name}_v"} <= {key for key, _ in layer.named_parameters()}
    assert weight_name not in dict(layer.named_parameters())
    others = tuple(d for d in range(weight.ndim) if d != dim)
    norms = np.linalg.norm(weight.numpy()) if dim is None else np.sqrt((weight.numpy() ** 2).sum(others, keepdims=True))
    np.testing.assert_allclose(g.detach().numpy(), norms, rtol=1e-13)
    with wg.no_grad():
        g.mul_(2)
        v.mul_(5)
    layer(x)
    np.testing.assert_allclose(getattr(layer, weight_name).detach().numpy(), 2 * weight.numpy(), rtol=1e-13)
    utils.remove_weight_norm(layer, weight_name)
    assert isinstance(getattr(layer, weight_name), nn.Parameter)
    np.testing.assert_allclose(getattr(layer, weight_name).detach().numpy(), 2 * weight.numpy(), rtol=1e-13)
    assert not layer._forward_pre_hooks
    layer(x)


def test_gradients_reach_length_and_direction() -> None:
    x = wg.from_numpy(np.random.default_rng(0).normal(size=(5, 4)))
    layer = utils.weight_norm(nn.Linear(4, 3, dtype=wg.float64))

    def function(g: Any, v: Any) -> Any:
        return wg.func.functional_call(layer, {"weight_g": g, "weight_v": v}, (x,)) ** 2

    wg.func.check_gradients(function, layer.weight_g.detach(), layer.weight_v.detach())
    (layer(x) ** 2).sum().backward()
    along = (layer.weight_v.grad * layer.weight_v.detach()).sum(1).numpy()
    np.testing.assert_allclose(along, 0, atol=1e-12)  # a direction has no length


@pytest.mark.parametrize("name", layers())
def test_a_weight_over_its_largest_singular_value(name: str) -> None:
    wg.manual_seed(0)
    layer, x = layers()[name]
    weight_name = NAMES.get(name, "weight")
    weight = getattr(layer, weight_name).detach().clone()
    utils.spectral_norm(layer, weight_name, n_power_iterations=200)
    layer(x)
    matrix = weight.transpose(0, 1) if name == "transposed" else weight
    largest = np.linalg.norm(matrix.numpy().reshape(len(matrix), -1), 2)
    np.testing.assert_allclose(getattr(layer, weight_name).detach().numpy(), weight.numpy() / largest, rtol=1e-6)
    assert {f"{weight_name}_orig"} <= {key for key, _ in layer.named_parameters()}
    assert {f"{weight_name}_u", f"{weight_name}_v"} == {key for key, _ in layer.named_buffers()}
    layer.eval()
    u = getattr(layer, f"{weight_name}_u").clone()
    layer(x)
    np.testing.assert_array_equal(getattr(layer, f"{weight_name}_u").numpy(), u.numpy())
    utils.remove_spectral_norm(layer, weight_name)
    assert isinstance(getattr(layer, weight_name), nn.Parameter)
    assert not list(layer.named_buffers())
    np.testing.assert_allclose(getattr(layer, weight_name).detach().numpy(), weight.numpy() / largest, rtol=1e-6)


def test_two_passes_are_walked_by_the_vectors_of_each() -> None:
    layer = utils.spectral_norm(nn.Linear(4, 3, dtype=wg.float64))
    x = wg.ones(2, 4, dtype=wg.float64)
    (layer(x).sum() - layer(2 * x).sum()).backward()
    assert np.isfinite(layer.weight_orig.grad.numpy()).all()


def test_a_state_is_saved_and_loaded() -> None:
    for norm in (utils.weight_norm, utils.spectral_norm):
        first, second = norm(nn.Linear(4, 3)), norm(nn.Linear(4, 3))
        second.load_state_dict(first.state_dict())
        first.eval(), second.eval()
        np.testing.assert_array_equal(first(wg.ones(4)).numpy(force=True), second(wg.ones(4)).numpy(force=True))


def test_what_is_refused() -> None:
    for norm, remove in (
        (utils.weight_norm, utils.remove_weight_norm), (utils.spectral_norm, utils.remove_spectral_norm),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"Linear has no parameter 'w', only 'weight', 'bias'"):
            norm(nn.Linear(2, 3), "w")
        with pytest.raises(ValueError, match="no size yet"):
            norm(nn.LazyLinear(3))
        with pytest.raises(RuntimeError, match="computed before each forward pass already"):
            norm(norm(nn.Linear(2, 3)))
        with pytest.raises(ValueError, match=r"Linear\.weight is not computed"):
            remove(nn.Linear(2, 3))
        with pytest.raises(IndexError, match="dimension 2 is out of range"):
            norm(nn.Linear(2, 3), dim=2)
    with pytest.raises(ValueError, match="at least 1, got 0"):
        utils.spectral_norm(nn.Linear(2, 3), n_power_iterations=0)
