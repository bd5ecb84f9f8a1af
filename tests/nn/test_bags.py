"""EmbeddingBag: rows that are summed, averaged or compared, bag by bag."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert.nn import functional as F

MODES = ("sum", "mean", "max")
EACH_MODE = pytest.mark.parametrize("mode", MODES)


def table(rows: int = 6, width: int = 3) -> Any:
    return wg.from_numpy(np.random.default_rng(0).normal(size=(rows, width)))


def by_bag(ids: list[list[int]], weight: np.ndarray, mode: str, padding: int | None = None) -> np.ndarray:
    reduce = {"sum": np.sum, "mean": np.mean, "max": np.max}[mode]
    found = []
    for bag in ids:
        rows = weight[[k for k in bag if k != padding]]
        found.append(reduce(rows, 0) if len(rows) else np.zeros(weight.shape[1]))
    return np.stack(found)


BAGS = [[0, 5, 5], [], [2], [1, 2, 1, 4], []]


@EACH_MODE
@pytest.mark.parametrize("padding", [None, 5, 2])
def test_bags_of_any_length(mode: str, padding: int | None) -> None:
    ids = wg.tensor(list(itertools.chain(*BAGS)))
    ends = np.cumsum([len(bag) for bag in BAGS])
    offsets = [0, *ends[:-1]]
    expected = by_bag(BAGS, table().numpy(), mode, padding)
    found = F.embedding_bag(ids, table(), wg.tensor(offsets), mode=mode, padding_idx=padding)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-14, atol=1e-14)
    last = F.embedding_bag(
        ids, table(), wg.tensor([*offsets, ends[-1]]), mode=mode, padding_idx=padding, include_last_offset=True
    )
    np.testing.assert_array_equal(last.numpy(), found.numpy())
    layer = nn.EmbeddingBag.from_pretrained(table(), mode=mode, padding_idx=padding)
    np.testing.assert_array_equal(layer(ids, wg.tensor(offsets)).numpy(), found.numpy())


@EACH_MODE
@pytest.mark.parametrize("padding", [None, 5])
def test_derivatives(mode: str, padding: int | None) -> None:
    ids = wg.tensor([[0, 1, 3], [4, 5, 3]])
    wg.func.check_gradients(lambda w: F.embedding_bag(ids, w, mode=mode, padding_idx=padding) ** 2, table())
    if mode == "sum":
        weights = wg.from_numpy(np.random.default_rng(1).normal(size=(2, 3)))
        wg.func.check_gradients(
            lambda w, s: F.embedding_bag(ids, w, mode="sum", per_sample_weights=s, padding_idx=padding) ** 2,
            table(), weights,
        )  # fmt: skip
    if padding is not None:
        w = table().requires_grad_()
        F.embedding_bag(ids, w, mode=mode, padding_idx=padding).sum().backward()
        assert not w.grad.numpy()[padding].any()


def test_gradients_scaled_by_frequency() -> None:
    ids, counts = wg.tensor([[0, 1, 1], [1, 2, 2]]), np.array([1, 3, 2, 1])
    plain, scaled = table(4).requires_grad_(), table(4).requires_grad_()
    for w, scale in ((plain, False), (scaled, True)):
        (F.embedding_bag(ids, w, mode="sum", scale_grad_by_freq=scale) ** 2).sum().backward()
    np.testing.assert_allclose(scaled.grad.numpy(), plain.grad.numpy() / counts[:, None], rtol=1e-14)


@EACH_MODE
def test_a_batch_is_the_loop(mode: str) -> None:
    def function(ids: Any, w: Any) -> Any:
        bag = lambda w: F.embedding_bag(ids, w, mode=mode, padding_idx=1, scale_grad_by_freq=mode != "max")  # noqa: E731
        return bag(w), wg.grad(lambda w: (bag(w) ** 2).sum())(w)

    ids = wg.tensor(np.random.default_rng(0).integers(0, 6, (4, 2, 3)))
    for dims, w in ((0, wg.stack([table() * k for k in range(4)])), (None, table())):
        found, expected = (wg.vmap(function, (0, dims), chunk_size=size)(ids, w) for size in (None, 1))
        for y, z in zip(found, expected, strict=True):
            np.testing.assert_allclose(y.numpy(), z.numpy(), rtol=1e-13, atol=1e-13)


def test_rows_are_shortened() -> None:
    weight = table()
    F.embedding_bag(wg.tensor([[0, 1]]), weight, max_norm=0.5)
    norms = np.linalg.norm(weight.numpy(), axis=1)
    np.testing.assert_allclose(norms[:2], 0.5, rtol=1e-6)
    np.testing.assert_array_equal(weight.numpy()[2:], table().numpy()[2:])


def test_the_module() -> None:
    bag = nn.EmbeddingBag(5, 3, padding_idx=-1, mode="sum", dtype=wg.float64)
    assert bag.padding_idx == 4
    assert not bag.weight.detach().numpy()[4].any()
    assert repr(bag) == "EmbeddingBag(5, 3, mode='sum', padding_idx=4)"
    assert bag.weight.requires_grad
    assert not nn.EmbeddingBag.from_pretrained(table()).weight.requires_grad


REFUSED: dict[str, tuple[Any, type[Exception], str]] = {
    "row": (([[0, 6]], {}), IndexError, "from 0 to 5, got 0 to 6"),
    "float": (([[0.0]], {}), TypeError, "integer dtype, got float32"),
    "three dimensions": (([[[0]]], {}), ValueError, r"got \(1, 1, 1\)"),
    "no offsets": (([0], {}), ValueError, r"\(1,\) needs offsets"),
    "two kinds of bags": (([[0]], {"offsets": [0]}), ValueError, "expected no offsets"),
    "first": (([0, 1], {"offsets": [1]}), ValueError, r"from 0 to at most 2, .* got \[1\]"),
    "falling": (([0, 1, 2], {"offsets": [0, 2, 1]}), ValueError, r"do not fall; got \[0, 2, 1\]"),
    "behind": (([0, 1], {"offsets": [0, 3]}), ValueError, r"got \[0, 3\]"),
    "offsets in a matrix": (([0], {"offsets": [[0]]}), ValueError, r"shape \(1, 1\)"),
    "mode": (([[0]], {"mode": "prod"}), ValueError, "got 'prod'"),
    "frequency": (([[0]], {"mode": "max", "scale_grad_by_freq": True}), ValueError, 'got "max"'),
    "weights": (([[0]], {"per_sample_weights": wg.ones(1, 1)}), ValueError, "got 'mean'"),
    "shape of weights": (([[0]], {"mode": "sum", "per_sample_weights": wg.ones(1)}), ValueError, r"got \(1,\)"),
    "padding": (([[0]], {"padding_idx": 6}), ValueError, "padding_idx 6 is not one of 6 rows"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    (ids, keywords), kind, message = REFUSED[name]
    given = {key: wg.tensor(x) if isinstance(x, list) else x for key, x in keywords.items()}
    with pytest.raises(kind, match=message):
        F.embedding_bag(wg.tensor(ids), table(), **given)
    if name == "padding":
        with pytest.raises(ValueError, match="not one of 6 rows"):
            nn.EmbeddingBag(6, 3, padding_idx=6)
