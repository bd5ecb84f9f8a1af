"""EmbeddingBag is PyTorch's: 200 random configurations in float64, values, gradients and printed form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import wengert as wg

torch = pytest.importorskip("torch", reason="PyTorch, which the results are compared with, is not installed")


@pytest.mark.parametrize("seed", range(200))
def test_values_gradients_and_text(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, width = (int(n) for n in rng.integers(1, 8, 2))
    options: dict[str, Any] = {"mode": str(rng.choice(["sum", "mean", "max"]))}
    if rng.random() < 0.4:
        options["padding_idx"] = int(rng.integers(-rows, rows))
    if rng.random() < 0.2:
        options["max_norm"] = 0.7
        options["norm_type"] = float(rng.choice([1.0, 2.0]))
    offsets = None
    if rng.random() < 0.5:
        ids = rng.integers(0, rows, rng.integers(1, 12))
        offsets = np.sort(np.append(0, rng.integers(0, len(ids) + 1, rng.integers(0, 5))))
        if rng.random() < 0.4:
            options["include_last_offset"] = True
            offsets = np.append(offsets, len(ids))
    else:
        ids = rng.integers(0, rows, rng.integers(1, 6, 2))
    weights = rng.normal(size=ids.shape) if options["mode"] == "sum" and rng.random() < 0.5 else None
    # Where rows are picked unequally often, PyTorch's embedding_bag divides by the count of another row; its embedding
    # does not, and test_bags.py asserts the same of ours.
    frequencies = np.unique(ids, return_counts=True)[1]
    if options["mode"] != "max" and (frequencies == frequencies[0]).all():
        options["scale_grad_by_freq"] = True
    start = rng.normal(size=(rows, width))
    found = []
    for library in (wg, torch):
        layer = library.nn.EmbeddingBag(rows, width, dtype=library.float64, **options)
        layer.load_state_dict({"weight": library.tensor(start)})
        factors = None if weights is None else library.tensor(weights, requires_grad=True)
        out = layer(library.tensor(ids), None if offsets is None else library.tensor(offsets), factors)
        (out**2).sum().backward()
        found.append([repr(layer), out, layer.weight, layer.weight.grad, *([] if factors is None else [factors.grad])])
    assert found[0][0] == found[1][0]
    for y, z in zip(found[0][1:], found[1][1:], strict=True):
        a, b = (np.zeros(0) if x is None else x.detach().numpy() for x in (y, z))
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12, err_msg=f"{options} {ids.tolist()} {offsets}")
