"""weight_norm and spectral_norm are PyTorch's, step by step of a training, in float64."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import wengert as wg

torch = pytest.importorskip("torch", reason="PyTorch, which the results are compared with, is not installed")

LAYERS = {
    "linear": (lambda nn, dtype: nn.Linear(4, 3, dtype=dtype), (2, 4), "weight"),
    "conv": (lambda nn, dtype: nn.Conv2d(2, 3, 3, dtype=dtype), (1, 2, 5, 5), "weight"),
    "transposed": (lambda nn, dtype: nn.ConvTranspose2d(2, 3, 3, dtype=dtype), (1, 2, 5, 5), "weight"),
    "lstm": (lambda nn, dtype: nn.LSTM(4, 3, dtype=dtype), (2, 1, 4), "weight_hh_l0"),
}


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("options", [
    {"norm": "weight_norm"}, {"norm": "weight_norm", "dim": 1}, {"norm": "weight_norm", "dim": None},
    {"norm": "spectral_norm"}, {"norm": "spectral_norm", "n_power_iterations": 3, "dim": 1},
], ids=str)  # fmt: skip
def test_a_training_is_the_same(layer: str, options: dict[str, Any]) -> None:
    make, shape, name = LAYERS[layer]
    keywords = {key: value for key, value in options.items() if key != "norm"}
    inputs = np.random.default_rng(0).normal(size=(3, *shape))
    modules = []
    for library in (torch, wg):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's weight_norm is to go
            norm = getattr(library.nn.utils, options["norm"])
            modules.append(norm(make(library.nn, library.float64), name, **keywords))
    theirs, ours = modules
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({key: x.numpy() for key, x in theirs.state_dict().items()})
    for x in inputs:
        for library, module in ((torch, theirs), (wg, ours)):
            optimizer = library.optim.SGD(module.parameters(), lr=0.1)
            out = module(library.tensor(x))
            optimizer.zero_grad()
            ((out[0] if isinstance(out, tuple) else out) ** 2).sum().backward()
            optimizer.step()
        for (key, y), z in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
            np.testing.assert_allclose(y.numpy(), z.numpy(), rtol=1e-10, atol=1e-12, err_msg=key)
    for library, module in ((torch, theirs), (wg, ours)):
        getattr(library.nn.utils, f"remove_{options['norm']}")(module, name)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    np.testing.assert_allclose(getattr(ours, name).detach().numpy(), getattr(theirs, name).detach().numpy(), rtol=1e-10)
