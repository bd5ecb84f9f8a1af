"""The course's models of sequences: vocabularies, recurrent networks, language models, encoders and decoders."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from .. import nn, optim
from ..core.modes import no_grad
from ..nn import functional
from ..ops import creation, functions, random
from ..ops.join import cat, stack
from ..ops.products import matmul
from ..tensors.tensor import Tensor
from .design import Classifier, Module


def check_len(a: Sequence[Any], n: int) -> None:
    """Raise unless there are n items.

    Parameters
    ----------
    a : sequence
    n : int

    Raises
    ------
    AssertionError

    Examples
    --------
    >>> wg.d2l.check_len([1, 2], 2)
    """
    if len(a) != n:
        raise AssertionError(f"expected {n} items, got {len(a)}")


def check_shape(a: Any, shape: Sequence[int]) -> None:
    """Raise unless a tensor has a shape.

    Parameters
    ----------
    a : tensor
    shape : sequence of int

    Raises
    ------
    AssertionError

    Examples
    --------
    >>> wg.d2l.check_shape(wg.ones(2, 3), (2, 3))
    """
    if tuple(a.shape) != tuple(shape):
        raise AssertionError(f"expected a tensor of shape {tuple(shape)}, got {tuple(a.shape)}")


class Vocab:
    """Numbers for tokens: 0 for whatever is not known, the others in the order of the alphabet.

    Parameters
    ----------
    tokens : sequence of str, or of sequences of str
    min_freq : int
        Tokens that occur less often are not known.
    reserved_tokens : sequence of str
        Known in any case.

    Attributes
    ----------
    token_freqs : list of (str, int)
        The most frequent first.
    idx_to_token : list of str
    token_to_idx : dict

    Examples
    --------
    >>> vocab = wg.d2l.Vocab(list("banana"))
    >>> vocab.idx_to_token, vocab[["a", "z"]], vocab.to_tokens([3, 1])
    (['<unk>', 'a', 'b', 'n'], [1, 0], ['n', 'a'])
    """

    def __init__(
        self, tokens: Sequence[Any] = (), min_freq: int = 0, reserved_tokens: Iterable[str] = ()
    ) -> None:  # fmt: skip
        nested = len(tokens) > 0 and isinstance(tokens[0], (list, tuple))
        counts = Counter(token for line in tokens for token in line) if nested else Counter(tokens)
        self.token_freqs = counts.most_common()
        known = {token for token, count in self.token_freqs if count >= min_freq} | set(reserved_tokens)
        self.idx_to_token = ["<unk>", *sorted(known - {"<unk>"})]
        self.token_to_idx = {token: k for k, token in enumerate(self.idx_to_token)}

    def __len__(self) -> int:
        return len(self.idx_to_token)

    def __getitem__(self, tokens: Any) -> Any:
        if isinstance(tokens, (list, tuple)):
            return [self[token] for token in tokens]
        return self.token_to_idx.get(tokens, self.unk)

    def to_tokens(self, indices: Any) -> Any:
        """The token of a number, or the list of those of several."""
        several = indices.ndim > 0 if hasattr(indices, "ndim") else isinstance(indices, (list, tuple))
        return [self.idx_to_token[int(k)] for k in indices] if several else self.idx_to_token[int(indices)]

    @property
    def unk(self) -> int:
        """The number of what is not known."""
        return 0


# ---------------------------------------------------------------- recurrent networks


class RNNScratch(Module):
    """A recurrent network from scratch: H <- tanh(X W_xh + H W_hh + b_h), step by step.

    Parameters
    ----------
    num_inputs, num_hiddens : int
    sigma : float
        The standard deviation of the weights at first.

    Examples
    --------
    >>> outputs, state = wg.d2l.RNNScratch(16, 32)(wg.ones(100, 2, 16))
    >>> len(outputs), outputs[0].shape, state.shape
    (100, wengert.Size([2, 32]), wengert.Size([2, 32]))
    """

    num_hiddens: int

    def __init__(self, num_inputs: int, num_hiddens: int, sigma: float = 0.01) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.W_xh = nn.Parameter(sigma * random.randn(num_inputs, num_hiddens))
        self.W_hh = nn.Parameter(sigma * random.randn(num_hiddens, num_hiddens))
        self.b_h = nn.Parameter(creation.zeros(num_hiddens))

    def forward(self, inputs: Any, state: Any = None) -> Any:
        """Of inputs (steps, batch, num_inputs) the list of states (batch, num_hiddens), and the last of them."""
        outputs = []
        for X in inputs:
            z = matmul(X, self.W_xh) + self.b_h
            state = functions.tanh(z if state is None else z + matmul(state, self.W_hh))
            outputs.append(state)
        return outputs, state


class RNN(Module):
    """A recurrent network by the library's layer.

    Parameters
    ----------
    num_inputs, num_hiddens : int

    Examples
    --------
    >>> outputs, state = wg.d2l.RNN(16, 32)(wg.ones(100, 2, 16))
    >>> outputs.shape, state.shape
    (wengert.Size([100, 2, 32]), wengert.Size([1, 2, 32]))
    """

    num_hiddens: int

    def __init__(self, num_inputs: int, num_hiddens: int) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.rnn: nn.Module = nn.RNN(num_inputs, num_hiddens)

    def forward(self, inputs: Any, H: Any = None) -> Any:
        """Of inputs (steps, batch, num_inputs) the states (steps, batch, num_hiddens), and the last ones by layer."""
        return self.rnn(inputs, H)


class GRU(RNN):
    """A gated recurrent network of several layers.

    Parameters
    ----------
    num_inputs, num_hiddens, num_layers : int
    dropout : float
        Between layers.

    Examples
    --------
    >>> outputs, state = wg.d2l.GRU(8, 16, num_layers=2)(wg.ones(9, 4, 8))
    >>> outputs.shape, state.shape
    (wengert.Size([9, 4, 16]), wengert.Size([2, 4, 16]))
    """

    def __init__(self, num_inputs: int, num_hiddens: int, num_layers: int, dropout: float = 0) -> None:
        Module.__init__(self)
        self.save_hyperparameters()
        self.rnn = nn.GRU(num_inputs, num_hiddens, num_layers, dropout=dropout)


class LSTM(RNN):
    """A long short-term memory.

    Parameters
    ----------
    num_inputs, num_hiddens : int

    Examples
    --------
    >>> outputs, (H, C) = wg.d2l.LSTM(8, 16)(wg.ones(9, 4, 8))
    >>> outputs.shape, H.shape, C.shape
    (wengert.Size([9, 4, 16]), wengert.Size([1, 4, 16]), wengert.Size([1, 4, 16]))
    """

    def __init__(self, num_inputs: int, num_hiddens: int) -> None:
        Module.__init__(self)
        self.save_hyperparameters()
        self.rnn = nn.LSTM(num_inputs, num_hiddens)


# ---------------------------------------------------------------- language models


class RNNLMScratch(Classifier):
    """A language model over a recurrent network, with an output layer from scratch; its curves are perplexities.

    Parameters
    ----------
    rnn : Module
        As `RNNScratch`.
    vocab_size : int
    lr : float

    Examples
    --------
    >>> model = wg.d2l.RNNLMScratch(wg.d2l.RNNScratch(4, 32), vocab_size=4)
    >>> model(wg.ones(8, 5, dtype=wg.int64)).shape
    wengert.Size([8, 5, 4])
    """

    rnn: Any
    vocab_size: int

    def __init__(self, rnn: Any, vocab_size: int, lr: float = 0.01) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.init_params()

    def init_params(self) -> None:
        """Make the output layer."""
        sigma = getattr(self.rnn, "sigma", 0.01)
        self.W_hq = nn.Parameter(sigma * random.randn(self.rnn.num_hiddens, self.vocab_size))
        self.b_q = nn.Parameter(creation.zeros(self.vocab_size))

    def training_step(self, batch: Sequence[Any]) -> Any:
        """The loss of a batch; its exponential is plotted."""
        return self._step(batch, True)

    def validation_step(self, batch: Sequence[Any]) -> Any:
        """The loss of a batch; its exponential is plotted."""
        return self._step(batch, False)

    def _step(self, batch: Sequence[Any], train: bool) -> Any:
        l = self.loss(self(*batch[:-1]), batch[-1])
        self.plot("ppl", functions.exp(l.detach()), train=train)
        return l

    def one_hot(self, X: Any) -> Tensor:
        """Tokens (batch, steps) as (steps, batch, vocab_size)."""
        vectors: Tensor = functional.one_hot(X.T, self.vocab_size).float()
        return vectors

    def output_layer(self, rnn_outputs: Any) -> Tensor:
        """Logits (batch, steps, vocab_size) of the list of states."""
        return stack([matmul(H, self.W_hq) + self.b_q for H in rnn_outputs], 1)

    def forward(self, X: Any, state: Any = None) -> Tensor:
        """Logits (batch, steps, vocab_size) of tokens (batch, steps)."""
        outputs, _ = self.rnn(self.one_hot(X), state)
        return self.output_layer(outputs)

    def predict(self, prefix: Any, num_preds: int, vocab: Any, device: Any = None) -> str:
        """Continue a text by the likeliest tokens, one by one.

        Parameters
        ----------
        prefix : str or sequence of tokens
        num_preds : int
        vocab : Vocab
        device : "cpu" or None

        Returns
        -------
        str
            The prefix and what follows.
        """
        state, known = None, [vocab[token] for token in prefix]
        with no_grad():
            for k in range(len(known) + num_preds - 1):
                X = creation.tensor([[known[k]]], device=device)
                outputs, state = self.rnn(self.one_hot(X), state)
                if k >= len(prefix) - 1:
                    known.append(int(self.output_layer(outputs).argmax(2).item()))
        return "".join(vocab.idx_to_token[k] for k in known)


class RNNLM(RNNLMScratch):
    """A language model over a recurrent network, with the library's output layer.

    Parameters
    ----------
    rnn : Module
        As `RNN`.
    vocab_size : int
    lr : float

    Examples
    --------
    >>> model = wg.d2l.RNNLM(wg.d2l.RNN(4, 32), vocab_size=4)
    >>> model(wg.ones(8, 5, dtype=wg.int64)).shape
    wengert.Size([8, 5, 4])
    """

    def init_params(self) -> None:
        """Make the output layer."""
        self.linear = nn.LazyLinear(self.vocab_size)

    def output_layer(self, rnn_outputs: Any) -> Tensor:
        """Logits (batch, steps, vocab_size) of states (steps, batch, num_hiddens)."""
        logits: Tensor = self.linear(rnn_outputs).transpose(0, 1)
        return logits


# ---------------------------------------------------------------- encoders and decoders


class Encoder(nn.Module):
    """The base of encoders, which define ``forward(X, *args)``.

    Examples
    --------
    >>> class Double(wg.d2l.Encoder):
    ...     def forward(self, X, *args):
    ...         return 2 * X
    >>> Double()(wg.ones(2))
    tensor([2., 2.])
    """

    def forward(self, X: Any, *args: Any) -> Any:
        """What the decoder is told of X."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward(X, *args)")


class Decoder(nn.Module):
    """The base of decoders, which define ``init_state(enc_all_outputs, *args)`` and ``forward(X, state)``.

    Examples
    --------
    >>> class Sum(wg.d2l.Decoder):
    ...     def init_state(self, enc_all_outputs, *args):
    ...         return enc_all_outputs
    ...     def forward(self, X, state):
    ...         return X + state, state
    >>> decoder = Sum()
    >>> decoder(wg.ones(2), decoder.init_state(wg.ones(2)))[0]
    tensor([2., 2.])
    """

    def init_state(self, enc_all_outputs: Any, *args: Any) -> Any:
        """The state to begin with."""
        raise NotImplementedError(f"{type(self).__name__} defines no init_state(enc_all_outputs, *args)")

    def forward(self, X: Any, state: Any) -> Any:
        """Outputs, and the state after them."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward(X, state)")


class EncoderDecoder(Classifier):
    """A decoder that begins with what an encoder makes of the source.

    Parameters
    ----------
    encoder : Encoder
    decoder : Decoder

    Examples
    --------
    >>> encoder = wg.d2l.Seq2SeqEncoder(10, 8, 16, 2)
    >>> wg.d2l.EncoderDecoder(encoder, wg.d2l.Decoder()).encoder is encoder
    True
    """

    def __init__(self, encoder: Any, decoder: Any) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, enc_X: Any, dec_X: Any, *args: Any) -> Any:  # type: ignore[override]
        """The decoder's outputs for dec_X."""
        state = self.decoder.init_state(self.encoder(enc_X, *args), *args)
        return self.decoder(dec_X, state)[0]

    def predict_step(
        self, batch: Sequence[Any], device: Any, num_steps: int, save_attention_weights: bool = False
    ) -> tuple[Tensor, list[Any]]:  # fmt: skip
        """Write target sequences, each token the likeliest after those before it.

        Parameters
        ----------
        batch : sequence of tensors
            Sources, targets, of which the first token is taken, source lengths, and whatever follows.
        device : "cpu" or None
        num_steps : int
        save_attention_weights : bool

        Returns
        -------
        Tensor, list
            (n, num_steps) tokens; the decoder's attention weights after each step, if they are wanted.
        """
        source, target, lengths, *_ = batch
        state = self.decoder.init_state(self.encoder(source, lengths), lengths)
        tokens, weights = [target[:, :1]], []
        with no_grad():
            for _ in range(num_steps):
                Y, state = self.decoder(tokens[-1], state)
                tokens.append(Y.argmax(2))
                if save_attention_weights:
                    weights.append(self.decoder.attention_weights)
        return cat(tokens[1:], 1), weights


def init_seq2seq(module: nn.Module) -> None:
    """Draw the weights of a linear or gated recurrent layer anew by Glorot and Bengio; for `Module.apply`.

    Parameters
    ----------
    module : wengert.nn.Module
        Any other kind is left as it is.

    Examples
    --------
    >>> layer = wg.nn.Linear(3, 3).apply(wg.d2l.init_seq2seq)
    >>> bool(layer.weight.abs().max() <= 1)
    True
    """
    if type(module) is nn.Linear:
        nn.init.xavier_uniform_(module.weight)
    if type(module) is nn.GRU:
        for name, parameter in module.named_parameters(recurse=False):
            if "weight" in name:
                nn.init.xavier_uniform_(parameter)


class Seq2SeqEncoder(Encoder):
    """An embedding of tokens, and a gated recurrent network over it.

    Parameters
    ----------
    vocab_size, embed_size, num_hiddens, num_layers : int
    dropout : float

    Examples
    --------
    >>> outputs, state = wg.d2l.Seq2SeqEncoder(10, 8, 16, 2)(wg.zeros(4, 9, dtype=wg.int64))
    >>> outputs.shape, state.shape
    (wengert.Size([9, 4, 16]), wengert.Size([2, 4, 16]))
    """

    def __init__(
        self, vocab_size: int, embed_size: int, num_hiddens: int, num_layers: int, dropout: float = 0
    ) -> None:  # fmt: skip
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embed_size)
        self.rnn = GRU(embed_size, num_hiddens, num_layers, dropout)
        self.apply(init_seq2seq)

    def forward(self, X: Any, *args: Any) -> Any:
        """Of tokens (batch, steps): states (steps, batch, num_hiddens), and the last ones by layer."""
        return self.rnn(self.embedding(X.T.long()))


class Seq2Seq(EncoderDecoder):
    """An encoder and a decoder that learn to translate; padding of targets does not count.

    Parameters
    ----------
    encoder : Encoder
    decoder : Decoder
    tgt_pad : int
        The token of padding in targets.
    lr : float
        Of Adam.

    Examples
    --------
    >>> model = wg.d2l.Seq2Seq(wg.d2l.Encoder(), wg.d2l.Decoder(), tgt_pad=0, lr=0.001)
    >>> model.loss(wg.zeros(1, 3, 4), wg.tensor([[2, 1, 0]]))
    tensor(1.3863)
    """

    tgt_pad: int
    lr: float

    def __init__(self, encoder: Any, decoder: Any, tgt_pad: int, lr: float) -> None:
        super().__init__(encoder, decoder)
        self.save_hyperparameters(ignore=["encoder", "decoder"])

    def loss(self, Y_hat: Any, Y: Any, averaged: bool = True) -> Any:
        """The mean cross-entropy of logits (batch, steps, vocab_size) over tokens that are no padding."""
        each = super().loss(Y_hat, Y, averaged=False)
        counts = (Y.reshape((-1,)) != self.tgt_pad).float()
        return (each * counts).sum() / counts.sum() if averaged else each * counts

    def validation_step(self, batch: Sequence[Any]) -> None:
        """Plot the loss of a batch."""
        self.plot("loss", self.loss(self(*batch[:-1]), batch[-1]), train=False)

    def configure_optimizers(self) -> Any:
        """Adam over all parameters."""
        return optim.Adam(self.parameters(), lr=self.lr)


def bleu(pred_seq: str, label_seq: str, k: int) -> float:
    """How well a translation meets a reference: the shares of its n-grams that occur there, weighed, for n up to k.

    Their powers 1 / 2^n are multiplied with each other, and with exp(1 - reference length / length) where that is below
    1 (Papineni et al. 2002).

    Parameters
    ----------
    pred_seq, label_seq : str
        Tokens between spaces.
    k : int

    Returns
    -------
    float

    Examples
    --------
    >>> wg.d2l.bleu("il est calme .", "il est calme .", k=2)
    1.0
    """
    words, reference = pred_seq.split(" "), label_seq.split(" ")
    score = math.exp(min(0.0, 1 - len(reference) / len(words)))
    for n in range(1, min(k, len(words)) + 1):
        found, there = (
            Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)) for tokens in (words, reference)
        )
        score *= ((found & there).total() / found.total()) ** (0.5**n)
    return score
