"""Parametrizations: tensors of a module that are computed of what is trained in their place."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert.nn.utils import parametrizations, parametrize


class Exponential(nn.Module):
    """Items that are positive."""

    def forward(self, x: Any) -> Any:
        return x.exp()

    def right_inverse(self, x: Any) -> Any:
        return x.log()


def positive() -> Any:
    layer = nn.Linear(4, 3, dtype=wg.float64)
    nn.init.uniform_(layer.weight, 0.5, 1.5)
    return layer


def test_a_weight_is_computed_whenever_it_is_asked_for() -> None:
    layer = positive()
    before, x = layer.weight.detach().clone(), wg.ones(2, 4, dtype=wg.float64)
    expected = layer(x)
    parameter = layer.weight
    assert parametrize.register_parametrization(layer, "weight", Exponential()) is layer
    assert isinstance(layer, nn.Linear)
    np.testing.assert_allclose(layer(x).numpy(force=True), expected.numpy(force=True), rtol=1e-13)
    assert layer.parametrizations.weight.original is parameter  # so that optimizers keep it
    layer(x).sum().backward()
    assert parameter.grad is not None
    with wg.no_grad():
        parameter.add_(1.0)
    np.testing.assert_allclose(layer.weight.detach().numpy(), before.numpy() * np.e, rtol=1e-13)
    layer.weight = before
    np.testing.assert_allclose(layer.weight.detach().numpy(), before.numpy(), rtol=1e-13)
    parametrize.remove_parametrizations(layer, "weight")
    assert type(layer) is nn.Linear
    assert layer.weight is parameter
    np.testing.assert_allclose(parameter.detach().numpy(), before.numpy(), rtol=1e-13)
    layer(x)


def test_derivatives_by_what_is_trained() -> None:
    layer = parametrize.register_parametrization(positive(), "weight", Exponential())
    x = wg.from_numpy(np.random.default_rng(0).normal(size=(2, 4)))
    name = "parametrizations.weight.original"

    def function(w: Any) -> Any:
        return wg.func.functional_call(layer, {name: w}, (x,)) ** 2

    wg.func.check_gradients(function, layer.parametrizations.weight.original.detach())


def test_copies_and_states() -> None:
    layer = parametrizations.weight_norm(nn.Linear(4, 3))
    other = copy.deepcopy(layer)
    x = wg.ones(2, 4)
    np.testing.assert_array_equal(layer(x).numpy(force=True), other(x).numpy(force=True))
    with wg.no_grad():
        layer.parametrizations.weight.original0.mul_(2)
    assert (layer(x).numpy(force=True) != other(x).numpy(force=True)).any()
    other.load_state_dict(layer.state_dict())
    np.testing.assert_array_equal(layer(x).numpy(force=True), other(x).numpy(force=True))


def test_of_a_buffer_and_of_two_tensors() -> None:
    layer = nn.BatchNorm1d(3)
    parametrize.register_parametrization(layer, "running_var", Exponential())
    assert "parametrizations.running_var.original" in layer.state_dict()
    parametrize.register_parametrization(layer, "weight", Exponential())
    parametrize.remove_parametrizations(layer, "running_var")
    assert parametrize.is_parametrized(layer, "weight")
    assert not parametrize.is_parametrized(layer, "running_var")
    assert parametrize.type_before_parametrizations(layer) is nn.BatchNorm1d
    parametrize.remove_parametrizations(layer, "weight")
    assert type(layer) is nn.BatchNorm1d
    assert not parametrize.is_parametrized(layer)


def test_what_is_refused_says_why() -> None:
    with pytest.raises(ValueError, match=r"Linear has no parameter or buffer 'w', only 'weight', 'bias'"):
        parametrize.register_parametrization(nn.Linear(2, 3), "w", Exponential())
    with pytest.raises(ValueError, match=r"weight has shape \(3, 2\) .* would have \(6,\)"):
        parametrize.register_parametrization(nn.Linear(2, 3), "weight", nn.Flatten(0))
    with pytest.raises(ValueError, match=r"Linear\.weight is not computed"):
        parametrize.remove_parametrizations(nn.Linear(2, 3), "weight")
    with pytest.raises(ValueError, match="computed of 2 tensors"):
        parametrize.remove_parametrizations(parametrizations.weight_norm(nn.Linear(2, 3)), "weight", False)
