"""The course's later chapters: each class against a small reference, and what it learns."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import d2l, nn


@pytest.fixture(autouse=True)
def seed() -> None:
    wg.manual_seed(0)


class Batches(d2l.DataModule):
    """Tensors in batches."""

    def __init__(self, *tensors: Any, batch_size: int = 32) -> None:
        super().__init__()
        self.save_hyperparameters(ignore=["tensors"])
        self.tensors = tensors

    def get_dataloader(self, train: bool) -> Any:
        return self.get_tensorloader(self.tensors, train)


# ---------------------------------------------------------------- devices, images


def test_there_is_the_cpu() -> None:
    assert d2l.try_gpu() == d2l.try_gpu(10) == d2l.cpu() == wg.ones(1).device
    assert d2l.try_all_gpus() == [d2l.cpu()]
    assert d2l.num_gpus() == 0


@pytest.mark.parametrize("shapes", [((6, 8), (1, 2)), ((5, 5), (3, 2)), ((3, 3), (3, 3)), ((4, 1), (1, 1))])
def test_cross_correlation_is_what_a_convolutional_layer_computes(shapes: Any) -> None:
    X, K = (wg.randn(*shape, dtype=wg.float64) for shape in shapes)
    expected = nn.functional.conv2d(X[None, None], K[None, None])[0, 0]
    assert wg.allclose(d2l.corr2d(X, K), expected)
    wg.func.check_gradients(d2l.corr2d, X, K, order=2)


def test_an_edge_is_found() -> None:
    X = wg.ones(6, 8)
    X[:, 2:6] = 0.0
    Y = d2l.corr2d(X, wg.tensor([[1.0, -1.0]]))
    assert Y[0].tolist() == [0, 1, 0, 0, 0, -1, 0]
    assert wg.equal(Y, Y[:1].expand(6, 7))


def test_lenet_says_what_its_layers_give(capsys: pytest.CaptureFixture[str]) -> None:
    model = d2l.LeNet(lr=0.1, num_classes=10)
    model.apply_init([wg.zeros(1, 1, 28, 28)], d2l.init_cnn)
    model.layer_summary((1, 1, 28, 28))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["Conv2d", "output", "shape:", "(1,", "6,", "28,", "28)"]
    assert lines[-1].endswith("(1, 10)")
    assert len(lines) == 12
    bound = math.sqrt(6 / (25 * 6 + 25 * 16))
    assert 0.9 * bound < float(model.net[3].weight.detach().abs().max()) <= bound


@pytest.mark.parametrize(
    ("block", "shape", "found"),
    [
        (lambda: d2l.Residual(3), (4, 3, 6, 6), (4, 3, 6, 6)),
        (lambda: d2l.Residual(6, use_1x1conv=True, strides=2), (4, 3, 7, 7), (4, 6, 4, 4)),
        (lambda: d2l.ResNeXtBlock(32, 16, 1), (4, 32, 12, 12), (4, 32, 12, 12)),
        (lambda: d2l.ResNeXtBlock(8, 2, 0.5, use_1x1conv=True, strides=2), (2, 4, 6, 6), (2, 8, 3, 3)),
    ],
)
def test_a_residual_block_adds_its_input(block: Any, shape: Any, found: Any) -> None:
    net, X = block(), wg.randn(*shape)
    assert net(X).shape == found
    net.eval()
    last = net.path[-1]
    with wg.no_grad():
        last.weight.zero_()
        last.bias.zero_()
    assert wg.allclose(net(X), wg.relu(net.shortcut(X)))


def test_a_residual_block_is_its_layers() -> None:
    net = d2l.Residual(3).eval()
    X = wg.randn(2, 3, 5, 5)
    net(X)  # gives its layers their sizes
    first, norm1, _, second, norm2 = net.path
    expected = wg.relu(X + norm2(second(wg.relu(norm1(first(X))))))
    assert wg.allclose(net(X), expected)
    groups = d2l.ResNeXtBlock(32, 16, 1)
    groups(wg.randn(1, 32, 4, 4))
    assert groups.path[3].groups == 2


# ---------------------------------------------------------------- vocabularies, scores


def test_a_vocabulary_counts_and_numbers_tokens() -> None:
    vocab = d2l.Vocab([["b", "a", "b"], ["c", "b", "a"]], min_freq=2, reserved_tokens=["<pad>"])
    assert vocab.idx_to_token == ["<unk>", "<pad>", "a", "b"]
    assert vocab.token_freqs == [("b", 3), ("a", 2), ("c", 1)]
    assert (len(vocab), vocab.unk, vocab["a"], vocab[["b", ("c",)]]) == (4, 0, 2, [3, [0]])
    assert vocab.to_tokens(wg.tensor([3, 2])) == ["b", "a"]
    assert vocab.to_tokens(wg.tensor(3)) == vocab.to_tokens(3) == "b"
    assert len(d2l.Vocab()) == 1


@pytest.mark.parametrize(
    ("found", "right", "expected"),
    [
        ("a b c d", "a b c d", 1.0),
        ("a b c d", "a b x d", math.sqrt(3 / 4) * (1 / 3) ** 0.25),
        ("a b", "a b c d", math.exp(1 - 2)),
        ("a a a", "a b c", math.sqrt(1 / 3) * 0),
        ("x", "a b", 0.0),
    ],
)
def test_bleu_weighs_shares_of_n_grams(found: str, right: str, expected: float) -> None:
    assert d2l.bleu(found, right, k=2) == pytest.approx(expected)


def test_what_is_checked_is_told() -> None:
    d2l.check_len([1], 1)
    with pytest.raises(AssertionError, match="expected 2 items, got 1"):
        d2l.check_len([1], 2)
    with pytest.raises(AssertionError, match=r"\(2, 3\), got \(3, 2\)"):
        d2l.check_shape(wg.ones(3, 2), (2, 3))


# ---------------------------------------------------------------- recurrence


def test_recurrence_from_scratch_is_the_layers() -> None:
    scratch, layer = d2l.RNNScratch(3, 5, sigma=0.7), d2l.RNN(3, 5)
    net = layer.rnn
    with wg.no_grad():
        net.weight_ih_l0.copy_(scratch.W_xh.T)
        net.weight_hh_l0.copy_(scratch.W_hh.T)
        net.bias_ih_l0.zero_()
        net.bias_hh_l0.zero_()
    X, H = wg.randn(7, 2, 3), wg.randn(2, 5)
    for state in (None, H):
        outputs, last = scratch(X, state)
        expected, end = layer(X, None if state is None else state[None])
        assert wg.allclose(wg.stack(outputs), expected, atol=1e-6)
        assert wg.allclose(last, end[0], atol=1e-6)


@pytest.mark.parametrize("scratch", [True, False])
def test_a_language_model_learns_a_text_and_continues_it(scratch: bool) -> None:
    text = "hello world " * 40
    vocab = d2l.Vocab(list(text))
    tokens = wg.tensor(vocab[list(text)])
    windows = tokens.unfold(0, 9, 1)
    if scratch:
        model = d2l.RNNLMScratch(d2l.RNNScratch(len(vocab), 24, sigma=0.1), len(vocab), lr=1.0)
    else:
        model = d2l.RNNLM(d2l.GRU(len(vocab), 24, 1), len(vocab), lr=2.0)
    history = d2l.Trainer(max_epochs=12, gradient_clip_val=1).fit(model, Batches(windows[:, :-1], windows[:, 1:]))
    assert "val_ppl" in history.names()
    assert model.predict("hell", 8, vocab) == "hello world "


def test_recurrent_models_give_the_books_shapes() -> None:
    X = wg.ones(100, 2, 16)
    outputs, state = d2l.RNNScratch(16, 32)(X)
    d2l.check_len(outputs, 100)
    d2l.check_shape(outputs[0], (2, 32))
    d2l.check_shape(state, (2, 32))
    outputs, (H, C) = d2l.LSTM(16, 32)(X)
    d2l.check_shape(outputs, (100, 2, 32))
    d2l.check_shape(H, C.shape)
    assert d2l.GRU(16, 32, 2, 0.1).hparams == {
        "plot_train_per_epoch": 2, "plot_valid_per_epoch": 1, "num_inputs": 16, "num_hiddens": 32, "num_layers": 2,
        "dropout": 0.1,
    }  # fmt: skip


# ---------------------------------------------------------------- encoders and decoders


class Reader(d2l.Decoder):
    """Says tokens by the state that the encoder ended with, and by the token before."""

    def __init__(self, vocab_size: int, embed_size: int, num_hiddens: int, num_layers: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embed_size)
        self.rnn = d2l.GRU(embed_size + num_hiddens, num_hiddens, num_layers)
        self.dense = nn.LazyLinear(vocab_size)
        self.apply(d2l.init_seq2seq)

    def init_state(self, enc_all_outputs: Any, *args: Any) -> Any:
        outputs, state = enc_all_outputs
        return outputs[-1], state

    def forward(self, X: Any, state: Any) -> Any:
        context, hidden = state
        embedded = self.embedding(X.T)
        both = wg.cat([embedded, context.expand(embedded.shape[0], *context.shape)], -1)
        outputs, hidden = self.rnn(both, hidden)
        self.attention_weights = hidden
        return self.dense(outputs).swapaxes(0, 1), (context, hidden)


def test_a_sequence_is_learned_to_be_said_after_another() -> None:
    begin, pad = 5, 0
    source = wg.randint(1, 5, (256, 3))
    target = wg.cat([source, wg.full((256, 1), pad)], 1)
    said_before = wg.cat([wg.full((256, 1), begin), target[:, :-1]], 1)
    lengths = wg.full((256,), 3)
    model = d2l.Seq2Seq(d2l.Seq2SeqEncoder(6, 16, 32, 2), Reader(6, 16, 32, 2), tgt_pad=pad, lr=0.01)
    data = Batches(source, said_before, lengths, target)
    d2l.Trainer(max_epochs=20, gradient_clip_val=1).fit(model, data)
    said, weights = model.predict_step(data.tensors, d2l.cpu(), 3, save_attention_weights=True)
    assert said.shape == (256, 3)
    assert len(weights) == 3
    assert float((said == source).float().mean()) > 0.95


def test_padding_does_not_count_in_the_loss() -> None:
    model = d2l.Seq2Seq(d2l.Encoder(), d2l.Decoder(), tgt_pad=0, lr=0.1)
    logits, target = wg.randn(2, 3, 4), wg.tensor([[1, 2, 0], [3, 0, 0]])
    each = nn.functional.cross_entropy(logits.reshape(-1, 4), target.reshape(-1), reduction="none")
    assert wg.allclose(model.loss(logits, target), (each[0] + each[1] + each[3]) / 3)
    assert (model.loss(logits, target, averaged=False)[[2, 4, 5]] == 0).all()


@pytest.mark.parametrize(
    "call",
    [
        lambda: d2l.Encoder()(wg.ones(1)), lambda: d2l.Decoder()(wg.ones(1), None),
        lambda: d2l.Decoder().init_state(None), lambda: d2l.AttentionDecoder().attention_weights,
    ],
)  # fmt: skip
def test_what_a_subclass_must_define_is_asked_for(call: Any) -> None:
    with pytest.raises((NotImplementedError, AttributeError), match=r"defines no|attention_weights"):
        call()


# ---------------------------------------------------------------- attention


def test_only_the_first_keys_of_each_row_get_weights() -> None:
    X = wg.randn(2, 3, 4)
    assert wg.allclose(d2l.masked_softmax(X, None), wg.softmax(X, -1))
    weights = d2l.masked_softmax(X, wg.tensor([2, 3]))
    assert wg.allclose(weights[0, :, :2], wg.softmax(X[0, :, :2], -1))
    assert (weights[0, :, 2:] == 0).all()
    assert (weights[1, :, 3:] == 0).all()
    weights = d2l.masked_softmax(X, wg.tensor([[1, 3, 4], [2, 4, 1]]))
    assert (weights > 0).sum(-1).tolist() == [[1, 3, 4], [2, 4, 1]]
    assert wg.allclose(weights.sum(-1), wg.ones(2, 3))


def test_attention_by_products_is_the_librarys() -> None:
    q, k, v = wg.randn(2, 3, 4), wg.randn(2, 6, 4), wg.randn(2, 6, 5)
    attention, lens = d2l.DotProductAttention(0.5).eval(), wg.tensor([2, 6])
    allowed = (wg.arange(6) < lens[:, None])[:, None]
    expected = nn.functional.scaled_dot_product_attention(q, k, v, allowed)
    assert wg.allclose(attention(q, k, v, lens), expected, atol=1e-6)
    assert attention.attention_weights.shape == (2, 3, 6)


def test_additive_attention_of_equal_keys_averages_values() -> None:
    attention = d2l.AdditiveAttention(num_hiddens=8, dropout=0.1).eval()
    values = wg.arange(40.0).reshape(1, 10, 4).expand(2, 10, 4)
    found = attention(wg.randn(2, 1, 20), wg.ones(2, 10, 2), values, wg.tensor([2, 6]))
    expected = [[[2.0, 3.0, 4.0, 5.0]], [[10.0, 11.0, 12.0, 13.0]]]
    assert wg.allclose(found, wg.tensor(expected), atol=1e-4)
    by_hand = attention.w_v(wg.tanh(attention.W_q(wg.ones(1, 20)) + attention.W_k(wg.ones(1, 2))))
    assert by_hand.shape == (1, 1)


def test_several_heads_are_the_librarys() -> None:
    ours, library = d2l.MultiHeadAttention(12, 3, 0.0, bias=True), nn.MultiheadAttention(12, 3, batch_first=True)
    x, lens = wg.randn(2, 5, 12), wg.tensor([3, 5])
    ours(x, x, x, lens)
    with wg.no_grad():
        library.in_proj_weight.copy_(wg.cat([ours.W_q.weight, ours.W_k.weight, ours.W_v.weight]))
        library.in_proj_bias.copy_(wg.cat([ours.W_q.bias, ours.W_k.bias, ours.W_v.bias]))
        library.out_proj.load_state_dict(ours.W_o.state_dict())
    expected, weights = library(x, x, x, key_padding_mask=wg.arange(5) >= lens[:, None], average_attn_weights=False)
    assert wg.allclose(ours(x, x, x, lens), expected, atol=1e-5)
    assert wg.allclose(ours.attention.attention_weights.reshape(2, 3, 5, 5), weights, atol=1e-5)
    assert wg.equal(ours.transpose_output(ours.transpose_qkv(x)), x)


@pytest.mark.parametrize("width", [6, 7])
def test_places_are_encoded_by_sines_and_cosines(width: int) -> None:
    P = d2l.PositionalEncoding(width, 0.0, max_len=50)(wg.zeros(1, 50, width))[0]
    for i, j in ((0, 0), (3, 2), (49, 5), (17, 4), (8, 1)):
        angle = i / 10000 ** (j // 2 * 2 / width)
        assert float(P[i, j]) == pytest.approx(math.cos(angle) if j % 2 else math.sin(angle), abs=1e-5)


def test_the_encoder_minds_only_what_is_valid_and_keeps_its_weights() -> None:
    encoder = d2l.TransformerEncoder(20, 12, 24, num_heads=3, num_blks=2, dropout=0.5).eval()
    X, lens = wg.randint(0, 20, (2, 7)), wg.tensor([4, 7])
    first = encoder(X, lens)
    d2l.check_shape(first, (2, 7, 12))
    d2l.check_len(encoder.attention_weights, 2)
    d2l.check_shape(encoder.attention_weights[0], (6, 7, 7))
    X = X.clone()
    X[0, 4:] = 3
    again = encoder(X, lens)
    assert wg.allclose(first[0, :4], again[0, :4], atol=1e-5)
    added = d2l.AddNorm(4, 0.5).eval()
    assert wg.allclose(added(wg.ones(2, 4), wg.arange(4.0)).detach().mean(-1), wg.zeros(2), atol=1e-6)


# ---------------------------------------------------------------- pictures


def test_heatmaps_stand_in_a_grid() -> None:
    figure = d2l.show_heatmaps(wg.rand(2, 3, 4, 5), "Keys", "Queries", titles=["a", "b", "c"])
    *cells, bar = figure.axes
    assert len(cells) == 6
    assert [cell.get_title() for cell in cells[:3]] == ["a", "b", "c"]
    assert [cell.get_xlabel() for cell in cells] == [""] * 3 + ["Keys"] * 3
    assert cells[1].images[0].get_array().shape == (4, 5)
    with pytest.raises(ValueError, match=r"got \(4, 5\)"):
        d2l.show_heatmaps(wg.rand(4, 5), "Keys", "Queries")
    assert bar.get_title() == ""


def test_lengths_are_counted_side_by_side() -> None:
    axes = d2l.show_list_len_pair_hist(["source", "target"], "tokens", "count", [[1], [1, 2]], [[1, 2], [3, 4]])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["source", "target"]
    assert sum(patch.get_height() for patch in axes.patches) == 4


def test_a_path_leads_down_and_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    def descend(x1: float, x2: float, s1: float, s2: float, f_grad: Any) -> Any:
        g1, g2 = f_grad(x1, x2)
        return x1 - 0.1 * g1, x2 - 0.1 * g2, 0, 0

    path = d2l.train_2d(descend, f_grad=lambda x1, x2: (2 * x1, 4 * x2))
    assert capsys.readouterr().out == f"epoch 20, x1: {-5 * 0.8**20:f}, x2: {-2 * 0.6**20:f}\n"
    np.testing.assert_allclose(path[3], (-5 * 0.8**3, -2 * 0.6**3))
    assert d2l.train_2d(lambda *x: x, steps=2) == [(-5, -2)] * 3
    axes = d2l.show_trace_2d(lambda x1, x2: x1**2 + 2 * x2**2, path)
    np.testing.assert_allclose(axes.lines[0].get_xydata(), path)
    d2l.annotate("here", path[-1], (0.5, 0.5), axes)
    assert axes.texts[0].get_text() == "here"
