"""Parametrizations are PyTorch's: printed form, state, a training's steps, and what is left when they are removed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import wengert as wg

torch = pytest.importorskip("torch", reason="PyTorch, which the results are compared with, is not installed")

LAYERS = {
    "linear": (lambda nn, dtype: nn.Linear(4, 3, dtype=dtype), (2, 4), "weight"),
    "vector": (lambda nn, dtype: nn.Linear(4, 3, dtype=dtype), (2, 4), "bias"),
    "transposed": (lambda nn, dtype: nn.ConvTranspose2d(2, 3, 3, dtype=dtype), (1, 2, 5, 5), "weight"),
    "lstm": (lambda nn, dtype: nn.LSTM(4, 3, dtype=dtype), (2, 1, 4), "weight_hh_l0"),
}


def loss(out: Any) -> Any:
    return ((out[0] if isinstance(out, tuple) else out) ** 2).sum()


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize(("norm", "options"), [
    ("weight_norm", {}), ("weight_norm", {"dim": None}), ("spectral_norm", {}),
    ("spectral_norm", {"n_power_iterations": 3}),
], ids=str)  # fmt: skip
def test_a_training_is_the_same(layer: str, norm: str, options: dict[str, Any]) -> None:
    if (layer, norm) == ("lstm", "spectral_norm"):
        options = {**options, "n_power_iterations": 100}  # PyTorch's LSTM asks for its weights more than once a pass
    make, shape, name = LAYERS[layer]
    modules = []
    for library in (torch, wg):
        function = getattr(library.nn.utils.parametrizations, norm)
        modules.append(function(make(library.nn, library.float64), name, **options))
    theirs, ours = modules
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({key: x.numpy() for key, x in theirs.state_dict().items()})
    for x in np.random.default_rng(0).normal(size=(3, *shape)):
        for library, module in ((torch, theirs), (wg, ours)):
            optimizer = library.optim.SGD(module.parameters(), lr=0.1)
            optimizer.zero_grad()
            loss(module(library.tensor(x))).backward()
            optimizer.step()
        for (key, y), z in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
            np.testing.assert_allclose(y.numpy(), z.numpy(), rtol=1e-8, atol=1e-10, err_msg=key)
    theirs.eval(), ours.eval()
    for library, module in ((torch, theirs), (wg, ours)):
        assert library.nn.utils.parametrize.is_parametrized(module, name)
        before = type(module)
        library.nn.utils.parametrize.remove_parametrizations(module, name)
        assert type(module) is before.__bases__[0]
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    np.testing.assert_allclose(getattr(ours, name).detach().numpy(), getattr(theirs, name).detach().numpy(), rtol=1e-9)


def test_several_of_one_tensor() -> None:
    found = []
    for library in (wg, torch):

        class Double(library.nn.Module):  # type: ignore[name-defined,misc]  # of either library
            def forward(self, x: Any) -> Any:
                return 2 * x

            def right_inverse(self, x: Any) -> Any:
                return x / 2

        class Symmetric(library.nn.Module):  # type: ignore[name-defined,misc]
            def forward(self, x: Any) -> Any:
                return x.triu() + x.triu(1).T

            def right_inverse(self, x: Any) -> Any:
                return x.triu()

        parametrize = library.nn.utils.parametrize
        layer = library.nn.Linear(3, 3, dtype=library.float64)
        start = library.tensor(np.arange(9.0).reshape(3, 3))
        layer.load_state_dict({"weight": start, "bias": library.zeros(3)})
        parametrize.register_parametrization(layer, "weight", Symmetric())
        parametrize.register_parametrization(layer, "weight", Double())
        texts = [repr(layer), str(list(layer.state_dict())), parametrize.type_before_parametrizations(layer).__name__]
        values = [layer.weight.detach().numpy().copy(), layer.parametrizations.weight.original.detach().numpy().copy()]
        layer.weight = start + start.T
        values.append(layer.weight.detach().numpy().copy())
        parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
        values.append(layer.weight.detach().numpy())
        found.append((texts, values))
    assert found[0][0] == found[1][0]
    for y, z in zip(found[0][1], found[1][1], strict=True):
        np.testing.assert_allclose(y, z, rtol=1e-14)


def test_what_is_refused() -> None:
    for library in (wg, torch):
        parametrize, nn = library.nn.utils.parametrize, library.nn
        for call in (
            lambda nn=nn, p=parametrize: p.register_parametrization(nn.Linear(2, 3), "w", nn.Identity()),
            lambda nn=nn, p=parametrize: p.register_parametrization(nn.Linear(2, 3), "weight", nn.Flatten(0)),
            lambda nn=nn, p=parametrize: p.remove_parametrizations(nn.Linear(2, 3), "weight"),
            lambda nn=nn, p=parametrize: p.remove_parametrizations(
                nn.utils.parametrizations.weight_norm(nn.Linear(2, 3)), "weight", leave_parametrized=False),
            lambda nn=nn: nn.utils.parametrizations.spectral_norm(nn.Linear(2, 3), n_power_iterations=0),
            lambda nn=nn: nn.utils.parametrizations.spectral_norm(nn.Linear(2, 3), "w"),
        ):  # fmt: skip
            with pytest.raises(ValueError, match=r"\w"):
                call()
