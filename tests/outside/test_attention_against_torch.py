"""Attention as PyTorch computes it: random configurations in float64, states, printed form, and errors."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import wengert as wg

torch = pytest.importorskip("torch", reason="PyTorch, which the results are compared with, is not installed")

CONFIGURATIONS = 200


@pytest.fixture(autouse=True)
def plain() -> Iterator[None]:
    """PyTorch's short cuts have no second derivatives. It warns of what it will change; that is not what is tested."""
    torch.backends.mha.set_fastpath_enabled(False)
    with warnings.catch_warnings(), torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        warnings.simplefilter("ignore")
        yield
    torch.backends.mha.set_fastpath_enabled(True)


def close(ours: Any, theirs: Any, scale: float = 1.0) -> None:
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-9, atol=1e-10 * scale)


def both(x: np.ndarray, requires_grad: bool = False) -> tuple[Any, Any]:
    return (
        wg.tensor(x.copy(), requires_grad=requires_grad),
        torch.tensor(x.copy(), requires_grad=requires_grad),
    )


# ---------------------------------------------------------------- scaled_dot_product_attention


def a_mask(rng: np.random.Generator, lead: tuple[int, ...], length: int, keys: int) -> np.ndarray | None:
    """None, booleans or numbers, some of them -inf, of a shape that broadcasts; sometimes a row of nothing else."""
    kind = rng.integers(4)
    if kind == 0:
        return None
    shape = [*lead, length, keys]
    for d in range(len(shape)):
        if rng.random() < 0.3:
            shape[d] = 1
    shape = shape[rng.integers(len(shape) - 1) :]
    allowed = rng.random(shape) < 0.7
    if rng.random() < 0.3:
        allowed[..., 0, :] = False
    return allowed if kind == 1 else np.where(allowed, rng.normal(size=shape), -np.inf)


def a_problem(seed: int) -> tuple[list[np.ndarray], dict[str, Any]]:
    rng = np.random.default_rng(seed)
    lead = tuple(int(n) for n in rng.integers(1, 4, rng.integers(0, 3)))
    length, keys, e, ev = (int(n) for n in rng.choice([1, 2, 3, 3, 5, 5, 8, 17, 33, 130], 4))
    q, k, v = (rng.normal(size=(*lead, *s)) for s in ((length, e), (keys, e), (keys, ev)))
    mask = a_mask(rng, lead, length, keys)
    options = {"attn_mask": mask, "is_causal": bool(rng.random() < 0.3)}
    if mask is not None and options["is_causal"]:
        options["is_causal"] = False
    if rng.random() < 0.3:
        options["scale"] = float(rng.uniform(-1, 1))
    return [q, k, v], options


@pytest.mark.parametrize("seed", range(CONFIGURATIONS))
def test_attention_and_its_derivatives_are_pytorchs(seed: int) -> None:
    inputs, options = a_problem(seed)
    mask = options.pop("attn_mask")
    pairs = [both(x, True) for x in inputs]
    masks = (None, None) if mask is None else both(mask)
    ours = wg.nn.functional.scaled_dot_product_attention(*[p[0] for p in pairs], attn_mask=masks[0], **options)
    theirs = torch.nn.functional.scaled_dot_product_attention(*[p[1] for p in pairs], attn_mask=masks[1], **options)
    close(ours, theirs)
    g = both(np.random.default_rng(seed + 1).normal(size=ours.shape), True)
    first = (
        wg.autograd.grad(ours, [p[0] for p in pairs], g[0], create_graph=True),
        torch.autograd.grad(theirs, [p[1] for p in pairs], g[1], create_graph=True),
    )
    for x, y in zip(*first, strict=True):
        close(x, y)
    directions = [both(np.random.default_rng(seed + 2 + i).normal(size=x.shape)) for i, x in enumerate(first[0])]
    second = (
        wg.autograd.grad(first[0], [*[p[0] for p in pairs], g[0]], [d[0] for d in directions]),
        torch.autograd.grad(first[1], [*[p[1] for p in pairs], g[1]], [d[1] for d in directions]),
    )
    for x, y in zip(*second, strict=True):
        close(x, y, 10.0)


@pytest.mark.parametrize("what", ["q", "k", "v"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_goes_where_it_goes_in_pytorch(what: str, value: float) -> None:
    arrays = {name: np.random.default_rng(3).normal(size=(2, 3, 4)) for name in "qkv"}
    arrays[what][0, 1, 2] = value
    ours = wg.nn.functional.scaled_dot_product_attention(*[wg.tensor(x) for x in arrays.values()])
    theirs = torch.nn.functional.scaled_dot_product_attention(*[torch.tensor(x) for x in arrays.values()])
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-12)


@pytest.mark.parametrize("heads", [(4, 4), (4, 2), (6, 2), (4, 1)])
def test_grouped_heads_are_pytorchs(heads: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(2, h, n, e)) for h, n, e in ((heads[0], 5, 3), (heads[1], 7, 3), (heads[1], 7, 2))]
    pairs = [both(x, True) for x in inputs]
    for mask in (None, rng.normal(size=(5, 7)), rng.normal(size=(2, heads[0], 5, 7)), rng.normal(size=(1, 1, 5, 7))):
        masks = (None, None) if mask is None else both(mask)
        found = [
            library.nn.functional.scaled_dot_product_attention(
                *[p[i] for p in pairs], attn_mask=masks[i], enable_gqa=True
            )
            for i, library in enumerate((wg, torch))
        ]
        close(*found)
        for x, y in zip(
            wg.autograd.grad((found[0] ** 2).sum(), [p[0] for p in pairs]),
            torch.autograd.grad((found[1] ** 2).sum(), [p[1] for p in pairs]),
            strict=True,
        ):
            close(x, y)


def test_a_mask_has_pytorchs_gradient() -> None:
    rng = np.random.default_rng(0)
    pairs = [both(rng.normal(size=s), True) for s in ((2, 4, 3), (2, 5, 3), (2, 5, 3), (4, 5))]
    functions = [library.nn.functional.scaled_dot_product_attention for library in (wg, torch)]
    found = [attend(*[p[i] for p in pairs]) for i, attend in enumerate(functions)]
    for x, y in zip(
        wg.autograd.grad((found[0] ** 2).sum(), [p[0] for p in pairs]),
        torch.autograd.grad((found[1] ** 2).sum(), [p[1] for p in pairs]),
        strict=True,
    ):
        close(x, y)


def test_half_precision_is_computed_in_single() -> None:
    x = np.random.default_rng(0).normal(size=(3, 5, 8)).astype(np.float16)
    ours = wg.nn.functional.scaled_dot_product_attention(*[wg.tensor(x)] * 3)
    theirs = torch.nn.functional.scaled_dot_product_attention(*[torch.tensor(x).float()] * 3).half()
    assert ours.dtype == wg.float16
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=2e-3)


# ---------------------------------------------------------------- modules


def filled(module: Any, reference: Any, seed: int = 0) -> None:
    """Both modules with the same random state."""
    rng = np.random.default_rng(seed)
    state = {name: rng.normal(size=tuple(x.shape)) * 0.5 for name, x in reference.state_dict().items()}
    reference.load_state_dict({name: torch.tensor(x) for name, x in state.items()})
    module.load_state_dict({name: wg.tensor(x) for name, x in state.items()})


def compare(module: Any, reference: Any, inputs: list[np.ndarray], options: dict[str, Any]) -> None:
    """Outputs, gradients of inputs and parameters, and second derivatives along a direction."""
    assert repr(module) == repr(reference)
    assert list(module.state_dict()) == list(reference.state_dict())
    filled(module, reference)
    pairs = [both(x, True) for x in inputs]
    arrays = {name: both(x) for name, x in options.items() if isinstance(x, np.ndarray)}
    given = [{name: arrays[name][i] if name in arrays else x for name, x in options.items()} for i in range(2)]
    found = [net(*[p[i] for p in pairs], **given[i]) for i, net in enumerate((module, reference))]
    parts = [x if isinstance(x, tuple) else (x,) for x in found]
    assert [x is None for x in parts[0]] == [x is None for x in parts[1]]
    parts = [[x for x in part if x is not None] for part in parts]
    for x, y in zip(*parts, strict=True):
        assert tuple(x.shape) == tuple(y.shape)
        np.testing.assert_allclose(x.detach().numpy(), y.detach().numpy(), rtol=1e-8, atol=1e-9)
    if any(np.isnan(x.detach().numpy()).any() for x in parts[0]):
        return
    losses = [sum((x**2).sum() for x in part) for part in parts]
    leaves = [[*[p[i] for p in pairs], *net.parameters()] for i, net in enumerate((module, reference))]
    first = (
        wg.autograd.grad(losses[0], leaves[0], create_graph=True, allow_unused=True),
        torch.autograd.grad(losses[1], leaves[1], create_graph=True, allow_unused=True),
    )
    assert [x is None for x in first[0]] == [x is None for x in first[1]]
    directions = [both(np.random.default_rng(i).normal(size=tuple(x.shape)) / 8) for i, x in enumerate(leaves[1])]
    totals: list[Any] = [0.0, 0.0]
    for x, y, d in zip(*first, directions, strict=True):
        if x is not None:
            np.testing.assert_allclose(x.detach().numpy(), y.detach().numpy(), rtol=1e-6, atol=1e-7)
            totals = [totals[0] + (x * d[0]).sum(), totals[1] + (y * d[1]).sum()]
    second = (
        wg.autograd.grad(totals[0], leaves[0], allow_unused=True),
        torch.autograd.grad(totals[1], leaves[1], allow_unused=True),
    )
    for x, y in zip(*second, strict=True):
        if x is not None and y is not None:
            np.testing.assert_allclose(x.detach().numpy(), y.detach().numpy(), rtol=1e-5, atol=1e-5)


def modules(name: str, *args: Any, **options: Any) -> tuple[Any, Any]:
    return (
        getattr(wg.nn, name)(*args, **options, dtype=wg.float64),
        getattr(torch.nn, name)(*args, **options, dtype=torch.float64),
    )


def sequences(rng: np.random.Generator, batch: int | None, batch_first: bool, length: int, width: int) -> np.ndarray:
    if batch is None:
        return rng.normal(size=(length, width))
    return rng.normal(size=(batch, length, width) if batch_first else (length, batch, width))


@pytest.mark.parametrize("seed", range(60))
def test_heads_are_pytorchs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    heads, each, n, length, keys = (int(x) for x in rng.integers(1, 5, 5))
    width = heads * each
    same, kdim, vdim = rng.random() < 0.4, None, None
    if not same and rng.random() < 0.5:
        kdim, vdim = int(rng.integers(1, 6)), int(rng.integers(1, 6))
    batch = None if rng.random() < 0.25 else n
    first = bool(rng.random() < 0.5)
    settings = {
        "bias": bool(rng.random() < 0.7), "add_bias_kv": bool(rng.random() < 0.25),
        "add_zero_attn": bool(rng.random() < 0.25), "kdim": kdim, "vdim": vdim, "batch_first": first,
    }  # fmt: skip
    pair = modules("MultiheadAttention", width, heads, **settings)
    query = sequences(rng, batch, first, length, width)
    keys = length if same else keys
    inputs = [query]
    if not same:
        inputs += [sequences(rng, batch, first, keys, w or width) for w in (kdim, vdim)]
    options: dict[str, Any] = {
        "need_weights": bool(rng.random() < 0.5), "average_attn_weights": bool(rng.random() < 0.5),
    }  # fmt: skip
    if rng.random() < 0.5:
        hidden = rng.random((keys,) if batch is None else (n, keys)) < 0.3
        hidden[..., 0] = False
        options["key_padding_mask"] = hidden if rng.random() < 0.5 else np.where(hidden, -np.inf, 0.5)
    if rng.random() < 0.5:
        shape = (length, keys) if rng.random() < 0.5 else ((batch or 1) * heads, length, keys)
        hidden = rng.random(shape) < 0.3
        hidden[..., 0] = False
        options["attn_mask"] = hidden if rng.random() < 0.5 else np.where(hidden, -np.inf, rng.normal(size=shape))
    if same:
        compare(Repeated(pair[0]), Repeated(pair[1]), inputs, options)
    else:
        compare(*pair, inputs, options)


class Repeated:
    """A layer that gets one tensor as query, key and value."""

    def __init__(self, net: Any) -> None:
        self.net = net

    def __call__(self, x: Any, **options: Any) -> Any:
        return self.net(x, x, x, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.net, name)

    def __repr__(self) -> str:
        return repr(self.net)


@pytest.mark.parametrize("need_weights", [False, True])
def test_a_query_without_keys_gets_what_it_gets_in_pytorch(need_weights: bool) -> None:
    pair = modules("MultiheadAttention", 4, 2, batch_first=True)
    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    hidden = np.array([[False, True, False], [True, True, True]])
    compare(Repeated(pair[0]), Repeated(pair[1]), [x], {"key_padding_mask": hidden, "need_weights": need_weights})


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("first", [False, True])
def test_a_causal_hint_is_taken(first: bool, padded: bool) -> None:
    pair = modules("MultiheadAttention", 6, 2, batch_first=first)
    x = sequences(np.random.default_rng(0), 3, first, 5, 6)
    options: dict[str, Any] = {"attn_mask": np.triu(np.ones((5, 5), bool), 1), "is_causal": True, "need_weights": False}
    if padded:
        options["key_padding_mask"] = np.array([[False] * 4 + [True]] * 3)
    compare(Repeated(pair[0]), Repeated(pair[1]), [x], options)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu", "module"])
def test_encoder_layers_are_pytorchs(activation: str, norm_first: bool, bias: bool) -> None:
    rng = np.random.default_rng(0)
    given = [library.nn.SiLU() if activation == "module" else activation for library in (wg, torch)]
    pair = [
        library.nn.TransformerEncoderLayer(
            6, 2, 7, 0.0, activation=act, norm_first=norm_first, bias=bias, batch_first=True, dtype=library.float64
        )
        for library, act in zip((wg, torch), given, strict=True)
    ]
    hidden = np.array([[False, False, True], [False, False, False]])
    compare(*pair, [rng.normal(size=(2, 3, 6))], {"src_key_padding_mask": hidden})
    compare(*pair, [rng.normal(size=(3, 6))], {"src_mask": np.triu(np.full((3, 3), -np.inf), 1), "is_causal": True})


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("first", [False, True])
def test_decoder_layers_are_pytorchs(norm_first: bool, first: bool) -> None:
    rng = np.random.default_rng(0)
    pair = modules("TransformerDecoderLayer", 6, 3, 5, 0.0, norm_first=norm_first, batch_first=first)
    inputs = [sequences(rng, 2, first, 3, 6), sequences(rng, 2, first, 4, 6)]
    causal = np.triu(np.ones((3, 3), bool), 1)
    padding = np.array([[False, False, False, True], [False, False, True, True]])
    compare(*pair, inputs, {"tgt_mask": causal, "memory_key_padding_mask": padding, "tgt_is_causal": True})


@pytest.mark.parametrize("first", [False, True])
def test_the_transformer_is_pytorchs(first: bool) -> None:
    rng = np.random.default_rng(0)
    pair = modules("Transformer", 4, 2, 2, 2, 5, 0.0, batch_first=first)
    inputs = [sequences(rng, 2, first, 3, 4), sequences(rng, 2, first, 2, 4)]
    causal = wg.nn.Transformer.generate_square_subsequent_mask(2, dtype=wg.float64)
    compare(*pair, inputs, {"tgt_mask": causal.numpy()})
    compare(*pair, inputs, {"src_key_padding_mask": np.array([[False, False, True]] * 2)})
    pair = modules("Transformer", 4, 2, 1, 1, 5, 0.1, batch_first=first)
    assert repr(pair[0]) == repr(pair[1])


def test_stacks_are_pytorchs() -> None:
    rng = np.random.default_rng(0)
    nets = []
    for library in (wg, torch):
        layer = library.nn.TransformerEncoderLayer(4, 2, 5, 0.0, batch_first=True, dtype=library.float64)
        nets.append(library.nn.TransformerEncoder(layer, 2, library.nn.LayerNorm(4, dtype=library.float64)))
    mask = wg.nn.Transformer.generate_square_subsequent_mask(3)
    np.testing.assert_array_equal(mask.numpy(), torch.nn.Transformer.generate_square_subsequent_mask(3).numpy())
    compare(*nets, [rng.normal(size=(2, 3, 4))], {"mask": mask.numpy().astype(np.float64)})
    compare(*nets, [rng.normal(size=(2, 3, 4))], {})
    nets = []
    for library in (wg, torch):
        layer = library.nn.TransformerDecoderLayer(4, 2, 5, 0.0, batch_first=True, dtype=library.float64)
        nets.append(library.nn.TransformerDecoder(layer, 2))
    inputs = [rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 5, 4))]
    compare(*nets, inputs, {"tgt_mask": np.triu(np.ones((3, 3), bool), 1)})


def test_parameters_start_as_pytorchs_do() -> None:
    ours, theirs = (library.nn.MultiheadAttention(64, 4, add_bias_kv=True) for library in (wg, torch))
    for (name, x), y in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert abs(float(x.detach().std()) - float(y.detach().std())) < 0.35 * float(y.detach().std()) + 1e-6, name


@pytest.mark.parametrize(
    "call",
    [
        lambda m, x: m.MultiheadAttention(5, 2),
        lambda m, x: m.MultiheadAttention(0, 2),
        lambda m, x: m.MultiheadAttention(4, 2)(x(3, 2, 5), x(3, 2, 5), x(3, 2, 5)),
        lambda m, x: m.MultiheadAttention(4, 2)(x(3, 2, 4), x(3, 4), x(3, 4)),
        lambda m, x: m.MultiheadAttention(4, 2)(x(3, 2, 4), x(3, 2, 4), x(4, 2, 4)),
        lambda m, x: m.MultiheadAttention(4, 2)(x(3, 2, 4), x(3, 2, 4), x(3, 2, 4), attn_mask=x(2, 3)),
        lambda m, x: m.MultiheadAttention(4, 2)(x(3, 2, 4), x(3, 2, 4), x(3, 2, 4), key_padding_mask=x(3, 2)),
        lambda m, x: m.MultiheadAttention(4, 2)(x(3, 2, 4), x(3, 2, 4), x(3, 2, 4), is_causal=True),
        lambda m, x: m.TransformerEncoderLayer(4, 2, activation="tanh"),
        lambda m, x: m.Transformer(4, 2)(x(3, 2, 4), x(3, 3, 4)),
        lambda m, x: m.Transformer(4, 2)(x(3, 2, 4), x(3, 2, 5)),
        lambda m, x: m.functional.scaled_dot_product_attention(x(4), x(3, 4), x(3, 4)),
        lambda m, x: m.functional.scaled_dot_product_attention(x(2, 4), x(3, 5), x(3, 4)),
        lambda m, x: m.functional.scaled_dot_product_attention(x(2, 4), x(3, 4), x(2, 4)),
        lambda m, x: m.functional.scaled_dot_product_attention(x(2, 4), x(3, 4), x(3, 4), attn_mask=x(3, 3)),
        lambda m, x: m.functional.scaled_dot_product_attention(x(2, 4), x(3, 4), x(3, 4), dropout_p=1.5),
        lambda m, x: m.functional.scaled_dot_product_attention(x(3, 2, 4), x(2, 3, 4), x(2, 3, 4), enable_gqa=True),
    ],
)
def test_what_pytorch_refuses_is_refused(call: Any) -> None:
    with pytest.raises((RuntimeError, AssertionError, ValueError)):
        call(torch.nn, torch.ones)
    with pytest.raises((RuntimeError, ValueError), match=r"\d|relu|attn_mask"):
        call(wg.nn, wg.ones)
