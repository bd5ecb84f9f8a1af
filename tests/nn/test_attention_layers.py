"""Attention and the layers made of it: what needs no other library to tell that it is right."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import nn
from wengert.core import tape
from wengert.nn import functional as F


@pytest.fixture(autouse=True)
def _seed() -> None:
    wg.manual_seed(0)


def operations(x: Any) -> set[str]:
    """The names of what a tensor was computed by."""
    return {node.operation.name for node in tape.ancestors([x._node])}


# ---------------------------------------------------------------- scaled_dot_product_attention


def test_the_weights_are_those_of_softmax() -> None:
    q, k, v = wg.randn(2, 4, 3), wg.randn(2, 6, 3), wg.randn(2, 6, 5)
    expected = wg.softmax(q @ k.mT / math.sqrt(3), -1) @ v
    assert wg.allclose(F.scaled_dot_product_attention(q, k, v), expected, atol=1e-6)
    expected = wg.softmax(0.1 * q @ k.mT, -1) @ v
    assert wg.allclose(F.scaled_dot_product_attention(q, k, v, scale=0.1), expected, atol=1e-6)


def test_a_causal_query_sees_nothing_that_comes_later() -> None:
    x = wg.randn(1, 300, 4)
    out = F.scaled_dot_product_attention(x, x, x, is_causal=True)
    changed = x.clone()
    changed[:, 170:] = 7.0
    again = F.scaled_dot_product_attention(changed, changed, changed, is_causal=True)
    assert wg.equal(out[:, :170], again[:, :170])
    assert not wg.allclose(out[:, 170:], again[:, 170:])
    assert wg.allclose(out[:, 0], x[:, 0])


def test_leading_dimensions_broadcast() -> None:
    q, k, v = wg.randn(2, 1, 3, 4), wg.randn(5, 6, 4), wg.randn(1, 1, 6, 2)
    out = F.scaled_dot_product_attention(q, k, v, wg.rand(5, 1, 6) < 0.8)
    assert out.shape == (2, 5, 3, 2)


def test_a_mask_that_is_one_for_all_examples_is_not_repeated_under_vmap() -> None:
    q, k, v = wg.randn(7, 3, 4), wg.randn(7, 6, 4), wg.randn(7, 6, 2)
    mask = wg.rand(3, 6) < 0.7
    attend = lambda q, k, v: F.scaled_dot_product_attention(q, k, v, mask)  # noqa: E731
    assert wg.allclose(wg.vmap(attend)(q, k, v), attend(q, k, v))
    masks = wg.rand(7, 3, 6) < 0.7
    found = wg.vmap(F.scaled_dot_product_attention)(q, k, v, masks)
    assert wg.allclose(found, F.scaled_dot_product_attention(q, k, v, masks))
    assert wg.allclose(
        wg.vmap(lambda m: F.scaled_dot_product_attention(q[0], k[0], v[0], m))(masks)[2],
        F.scaled_dot_product_attention(q[0], k[0], v[0], masks[2]),
    )


def test_dropout_zeroes_weights_and_scales_the_others() -> None:
    q, k = wg.zeros(1, 200, 2), wg.zeros(1, 50, 2)
    v = wg.ones(1, 50, 1)
    out = F.scaled_dot_product_attention(q, k, v, dropout_p=0.4)
    counts = (out * 50 * 0.6).squeeze()
    assert wg.allclose(counts, wg.round(counts), atol=1e-3)
    assert abs(float(out.mean()) - 1) < 0.05
    assert float(F.scaled_dot_product_attention(q, k, v, dropout_p=1.0).abs().max()) == 0


@pytest.mark.parametrize("derivative", [False, True])
def test_long_sequences_leave_no_block_of_all_weights(derivative: bool) -> None:
    n = 4096
    q, k, v = (wg.randn(1, n, 8, requires_grad=derivative) for _ in range(3))
    wg.memory.release()
    wg.set_num_threads(1)
    before = wg.memory.usage()["in_use"]
    out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    if derivative:
        out.sum().backward()
    usage = wg.memory.usage()
    assert usage["in_use"] + usage["held"] - before < n * n
    assert np.isfinite(out.detach().numpy()).all()


def test_a_result_that_was_changed_is_not_used_again() -> None:
    q = wg.randn(3, 4, requires_grad=True)
    z = F.scaled_dot_product_attention(q, q, q)
    z.mul_(2.0)
    with pytest.raises(RuntimeError, match=r"attention: its result, .* was changed in place"):
        z.sum().backward()


# ---------------------------------------------------------------- heads


def test_one_input_is_projected_once_and_gives_the_same(dtype: np.dtype) -> None:
    for batch_first in (False, True):
        layer = nn.MultiheadAttention(12, 3, batch_first=batch_first).to(dtype)
        x = wg.randn(5, 4, 12).to(dtype=dtype)
        packed, none = layer(x, x, x, need_weights=False)
        apart, _ = layer(x, x.clone(), x.clone(), need_weights=False)
        weighed, weights = layer(x, x, x)
        assert none is None
        assert weights.shape == ((5, 4, 4) if batch_first else (4, 5, 5))
        assert "attention_packed" in operations(packed)
        assert "attention" in operations(apart)
        assert "attention_weighed" in operations(weighed)
        for other in (apart, weighed):
            assert wg.allclose(packed, other, atol=1e-5)
        first = wg.autograd.grad((packed**2).sum(), list(layer.parameters()))
        for y, z in zip(first, wg.autograd.grad((apart**2).sum(), list(layer.parameters())), strict=True):
            assert wg.allclose(y, z, atol=1e-4)


@pytest.mark.parametrize("length", [5, 130])
def test_weights_may_be_changed_and_are_the_same_for_any_length(length: int) -> None:
    layer = nn.MultiheadAttention(8, 2, batch_first=True)
    x = wg.randn(2, length, 8, requires_grad=True)
    out, weights = layer(x, x, x, average_attn_weights=False)
    assert wg.allclose(weights.sum(-1), wg.ones(2, 2, length), atol=1e-5)
    assert wg.allclose(weights.mean(1), layer(x, x, x)[1], atol=1e-6)
    expected = wg.autograd.grad((layer(x, x, x, need_weights=False)[0] ** 2).sum(), x)[0]
    if length == 5:
        weights.detach().zero_()
    assert wg.allclose(wg.autograd.grad((out**2).sum(), x)[0], expected, atol=1e-4)


def test_a_layer_is_mapped_over_batches_and_travels() -> None:
    layer = nn.TransformerEncoderLayer(6, 2, 8, dropout=0.0, batch_first=True)
    x = wg.randn(4, 3, 6)
    expected = layer(x)
    assert wg.allclose(wg.vmap(layer)(x), expected, atol=1e-6)
    for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert wg.equal(copied(x), expected)
    fresh = nn.TransformerEncoderLayer(6, 2, 8, dropout=0.0, batch_first=True)
    fresh.load_state_dict(layer.state_dict())
    assert wg.equal(fresh(x), expected)


def test_dropout_is_for_training_alone() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.5, batch_first=True)
    x = wg.randn(2, 5, 8)
    assert not wg.equal(layer(x), layer(x))
    layer.eval()
    assert wg.equal(layer(x), layer(x))
    attention = nn.MultiheadAttention(8, 2, dropout=0.5, batch_first=True)
    _, weights = attention(x, x, x, average_attn_weights=False)
    assert 0.3 < float((weights == 0).to(dtype=wg.float32).mean()) < 0.7


def test_half_precision_passes_through_a_layer() -> None:
    layer = nn.MultiheadAttention(8, 2, batch_first=True)
    x = wg.randn(2, 5, 8)
    expected, _ = layer(x, x, x, need_weights=False)
    half = layer.half()
    found, _ = half(x.half(), x.half(), x.half(), need_weights=False)
    assert found.dtype == wg.float16
    np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), atol=5e-3)


def test_padding_changes_nothing_for_what_is_not_padding() -> None:
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True), 2).eval()
    x = wg.randn(1, 7, 8)
    longer = wg.cat([x, 100.0 * wg.ones(1, 3, 8)], 1)
    hidden = wg.tensor([[False] * 7 + [True] * 3])
    assert wg.allclose(encoder(longer, src_key_padding_mask=hidden)[:, :7], encoder(x), atol=1e-5)


def test_a_causal_mask_is_recognized_by_its_items() -> None:
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True), 1).eval()
    x = wg.randn(1, 5, 8)
    mask = nn.Transformer.generate_square_subsequent_mask(5)
    by_items = encoder(x, mask)
    assert wg.allclose(encoder(x, mask, is_causal=False), by_items, atol=1e-6)
    assert wg.allclose(encoder(x, mask < 0), by_items, atol=1e-6)
    other = mask.clone()
    other[0, 1] = 0.0
    assert not wg.allclose(encoder(x, other)[:, 0], by_items[:, 0], atol=1e-4)


def test_a_decoder_learns_to_copy_its_memory() -> None:
    model = nn.Transformer(8, 2, 1, 1, 16, 0.0, batch_first=True)
    head = nn.Linear(8, 4)
    table = nn.Embedding(4, 8)
    parameters = [*model.parameters(), *head.parameters(), *table.parameters()]
    optimizer = wg.optim.Adam(parameters, lr=1e-2)
    places = wg.randn(5, 8)
    for _ in range(120):
        words = wg.randint(0, 4, (32, 5))
        source = table(words) + places
        loss = F.cross_entropy(head(model(source, places.expand(32, 5, 8))).reshape(-1, 4), words.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.MultiheadAttention(5, 2), "embed_dim 5 is not divisible by num_heads 2"),
        (lambda: nn.MultiheadAttention(4, 2)(wg.ones(3, 2, 5), wg.ones(3, 2, 5), wg.ones(3, 2, 5)), "4 features"),
        (lambda: F.scaled_dot_product_attention(wg.ones(2, 3), wg.ones(2, 4), wg.ones(2, 4)), r"of shape \(2, 3\)"),
        (lambda: nn.TransformerEncoderLayer(4, 2, activation="tanh"), "relu/gelu, not tanh"),
    ],
)
def test_an_error_says_what_it_got(call: Any, message: str) -> None:
    with pytest.raises((ValueError, RuntimeError), match=message):
        call()


def test_dtypes_are_not_mixed() -> None:
    x = wg.ones(2, 3)
    with pytest.raises(TypeError, match="float32, float64 and float32"):
        F.scaled_dot_product_attention(x, x.double(), x)
    with pytest.raises(TypeError, match="attn_mask of bool or of query's dtype, float32, got int64"):
        F.scaled_dot_product_attention(x, x, x, wg.ones(2, 2, dtype=wg.int64))
    with pytest.raises(TypeError, match="one floating dtype"):
        F.scaled_dot_product_attention(*[wg.ones(2, 3, dtype=wg.int64)] * 3)
