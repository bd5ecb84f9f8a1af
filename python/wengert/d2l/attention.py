"""The course's attention: to which keys a query attends and by what score, several heads, the Transformer's encoder."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import nn
from ..ops import creation, functions
from ..ops.compare import where
from ..ops.products import bmm
from ..ops.repeats import repeat_interleave
from ..ops.rows import softmax
from ..tensors.tensor import Tensor
from .sequences import Decoder, Encoder


def masked_softmax(X: Any, valid_lens: Any) -> Tensor:
    """The softmax along the last dimension over the first items of each row; the others get 0.

    Parameters
    ----------
    X : tensor
        (batch, queries, keys)
    valid_lens : tensor or None
        How many keys count: (batch,), or (batch, queries), or None for all. At least one.

    Returns
    -------
    Tensor
        Of X's shape.

    Examples
    --------
    >>> wg.d2l.masked_softmax(wg.zeros(2, 1, 4), wg.tensor([2, 4]))
    tensor([[[0.5000, 0.5000, 0.0000, 0.0000]],
    <BLANKLINE>
            [[0.2500, 0.2500, 0.2500, 0.2500]]])
    """
    if valid_lens is None:
        return softmax(X, -1)
    lens = valid_lens.reshape(valid_lens.shape[0], -1, 1)  # one for all queries of an example, or one for each
    return softmax(where(creation.arange(X.shape[-1]) < lens, X, -1e6), -1)


class _Scored(nn.Module):
    """Attention whose weights are the masked softmax of scores."""

    attention_weights: Any

    def _gathered(self, scores: Any, values: Any, valid_lens: Any) -> Tensor:
        self.attention_weights = masked_softmax(scores, valid_lens)
        return bmm(self.dropout(self.attention_weights), values)


class DotProductAttention(_Scored):
    """Attention by the product of query and key, over the root of their length.

    Parameters
    ----------
    dropout : float

    Attributes
    ----------
    attention_weights : Tensor
        (batch, queries, keys), of the last call.

    Examples
    --------
    >>> attention = wg.d2l.DotProductAttention(dropout=0.0)
    >>> attention(wg.zeros(1, 1, 2), wg.ones(1, 3, 2), wg.tensor([[[1.], [2.], [9.]]]), wg.tensor([2]))
    tensor([[[1.5000]]])
    """

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)

    def forward(self, queries: Any, keys: Any, values: Any, valid_lens: Any = None) -> Tensor:
        """Of queries (batch, queries, d), keys (batch, keys, d) and values (batch, keys, v): (batch, queries, v)."""
        scores = bmm(queries, keys.transpose(1, 2)) / math.sqrt(queries.shape[-1])
        return self._gathered(scores, values, valid_lens)


class AdditiveAttention(_Scored):
    """Attention by a perceptron of query and key (Bahdanau, Cho and Bengio 2014).

    Parameters
    ----------
    num_hiddens : int
    dropout : float
    **kwargs
        As for `wengert.nn.Module`: nothing.

    Attributes
    ----------
    attention_weights : Tensor
        (batch, queries, keys), of the last call.

    Examples
    --------
    >>> attention = wg.d2l.AdditiveAttention(num_hiddens=8, dropout=0.1)
    >>> attention(wg.ones(2, 1, 20), wg.ones(2, 10, 2), wg.ones(2, 10, 4), wg.tensor([2, 6])).shape
    wengert.Size([2, 1, 4])
    """

    def __init__(self, num_hiddens: int, dropout: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.W_k = nn.LazyLinear(num_hiddens, bias=False)
        self.W_q = nn.LazyLinear(num_hiddens, bias=False)
        self.w_v = nn.LazyLinear(1, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, queries: Any, keys: Any, values: Any, valid_lens: Any) -> Tensor:
        """Of queries (batch, queries, q), keys (batch, keys, k) and values (batch, keys, v): (batch, queries, v)."""
        pairs = self.W_q(queries).unsqueeze(2) + self.W_k(keys).unsqueeze(1)
        return self._gathered(self.w_v(functions.tanh(pairs)).squeeze(-1), values, valid_lens)


class MultiHeadAttention(nn.Module):
    """Attention of several heads, each to projections of its own, whose results are projected together.

    Parameters
    ----------
    num_hiddens : int
        The features of each projection; a multiple of num_heads.
    num_heads : int
    dropout : float
    bias : bool
        Whether the projections have biases.
    **kwargs
        As for `wengert.nn.Module`: nothing.

    Examples
    --------
    >>> attention = wg.d2l.MultiHeadAttention(num_hiddens=100, num_heads=5, dropout=0.5)
    >>> attention(wg.ones(2, 4, 100), wg.ones(2, 6, 100), wg.ones(2, 6, 100), wg.tensor([3, 2])).shape
    wengert.Size([2, 4, 100])
    """

    def __init__(self, num_hiddens: int, num_heads: int, dropout: float, bias: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.attention = DotProductAttention(dropout)
        self.W_q = nn.LazyLinear(num_hiddens, bias=bias)
        self.W_k = nn.LazyLinear(num_hiddens, bias=bias)
        self.W_v = nn.LazyLinear(num_hiddens, bias=bias)
        self.W_o = nn.LazyLinear(num_hiddens, bias=bias)

    def forward(self, queries: Any, keys: Any, values: Any, valid_lens: Any) -> Tensor:
        """Of (batch, queries, ...), (batch, keys, ...) twice and lengths: (batch, queries, num_hiddens)."""
        q, k, v = (
            self.transpose_qkv(project(x))
            for project, x in ((self.W_q, queries), (self.W_k, keys), (self.W_v, values))
        )  # fmt: skip
        if valid_lens is not None:
            valid_lens = repeat_interleave(valid_lens, self.num_heads, dim=0)
        joined: Tensor = self.W_o(self.transpose_output(self.attention(q, k, v, valid_lens)))
        return joined

    def transpose_qkv(self, X: Any) -> Any:
        """(batch, n, features) as (batch * heads, n, features / heads): heads side by side become examples."""
        batch, n, _ = X.shape
        return X.reshape(batch, n, self.num_heads, -1).transpose(1, 2).reshape(batch * self.num_heads, n, -1)

    def transpose_output(self, X: Any) -> Any:
        """What `transpose_qkv` did, undone."""
        many, n, _ = X.shape
        return X.reshape(many // self.num_heads, self.num_heads, n, -1).transpose(1, 2).reshape(
            many // self.num_heads, n, -1
        )


class PositionalEncoding(nn.Module):
    """Adds to each place's vector sines and cosines of the place, of frequencies that fall from 1 on.

    Parameters
    ----------
    num_hiddens : int
        Features: sines at even, cosines at odd places.
    dropout : float
    max_len : int
        The longest sequence.

    Attributes
    ----------
    P : Tensor
        (1, max_len, num_hiddens)

    Examples
    --------
    >>> wg.d2l.PositionalEncoding(4, dropout=0.0)(wg.zeros(1, 2, 4))
    tensor([[[0.0000, 1.0000, 0.0000, 1.0000],
             [0.8415, 0.5403, 0.0100, 0.9999]]])
    """

    def __init__(self, num_hiddens: int, dropout: float, max_len: int = 1000) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        rates = np.power(10000.0, -np.arange(0, num_hiddens, 2) / num_hiddens)
        angles = np.arange(max_len)[:, None] * rates
        table = np.empty((max_len, num_hiddens), np.float32)
        table[:, 0::2] = np.sin(angles)
        table[:, 1::2] = np.cos(angles)[:, : num_hiddens // 2]
        self.P = creation.from_numpy(table[None])

    def forward(self, X: Any) -> Tensor:
        """Of (batch, length, num_hiddens), the same shape."""
        sums: Tensor = self.dropout(X + self.P[:, : X.shape[1]])
        return sums


class PositionWiseFFN(nn.Module):
    """A perceptron with one hidden layer, of each place by itself.

    Parameters
    ----------
    ffn_num_hiddens, ffn_num_outputs : int

    Examples
    --------
    >>> wg.d2l.PositionWiseFFN(4, 8)(wg.ones(2, 3, 4)).shape
    wengert.Size([2, 3, 8])
    """

    def __init__(self, ffn_num_hiddens: int, ffn_num_outputs: int) -> None:
        super().__init__()
        self.dense1 = nn.LazyLinear(ffn_num_hiddens)
        self.relu = nn.ReLU()
        self.dense2 = nn.LazyLinear(ffn_num_outputs)

    def forward(self, X: Any) -> Tensor:
        """Of (..., features): (..., ffn_num_outputs)."""
        z: Tensor = self.dense2(self.relu(self.dense1(X)))
        return z


class AddNorm(nn.Module):
    """A residual connection, and layer normalisation after it.

    Parameters
    ----------
    norm_shape : int or sequence of int
        The last dimensions, which are normalised.
    dropout : float
        Of what is added.

    Examples
    --------
    >>> wg.d2l.AddNorm(4, 0.5)(wg.ones(2, 3, 4), wg.ones(2, 3, 4)).shape
    wengert.Size([2, 3, 4])
    """

    def __init__(self, norm_shape: Any, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.ln = nn.LayerNorm(norm_shape)

    def forward(self, X: Any, Y: Any) -> Tensor:
        """X and Y, of one shape, added."""
        z: Tensor = self.ln(X + self.dropout(Y))
        return z


class TransformerEncoderBlock(nn.Module):
    """Attention within a sequence and a perceptron of each place, both with `AddNorm`.

    Parameters
    ----------
    num_hiddens, ffn_num_hiddens, num_heads : int
    dropout : float
    use_bias : bool
        Whether attention's projections have biases.

    Examples
    --------
    >>> block = wg.d2l.TransformerEncoderBlock(24, 48, num_heads=8, dropout=0.5)
    >>> block(wg.ones(2, 100, 24), wg.tensor([3, 2])).shape
    wengert.Size([2, 100, 24])
    """

    def __init__(
        self, num_hiddens: int, ffn_num_hiddens: int, num_heads: int, dropout: float, use_bias: bool = False
    ) -> None:  # fmt: skip
        super().__init__()
        self.attention = MultiHeadAttention(num_hiddens, num_heads, dropout, use_bias)
        self.addnorm1 = AddNorm(num_hiddens, dropout)
        self.ffn = PositionWiseFFN(ffn_num_hiddens, num_hiddens)
        self.addnorm2 = AddNorm(num_hiddens, dropout)

    def forward(self, X: Any, valid_lens: Any) -> Tensor:
        """Of (batch, length, num_hiddens) and lengths, the same shape."""
        Y = self.addnorm1(X, self.attention(X, X, X, valid_lens))
        z: Tensor = self.addnorm2(Y, self.ffn(Y))
        return z


class TransformerEncoder(Encoder):
    """An embedding of tokens, the encoding of their places, and blocks one after the other.

    Parameters
    ----------
    vocab_size, num_hiddens, ffn_num_hiddens, num_heads, num_blks : int
    dropout : float
    use_bias : bool
        Whether attention's projections have biases.

    Attributes
    ----------
    attention_weights : list of Tensor
        One for each block, (batch * heads, length, length), of the last call.

    Examples
    --------
    >>> encoder = wg.d2l.TransformerEncoder(200, 24, 48, num_heads=8, num_blks=2, dropout=0.5)
    >>> encoder(wg.ones(2, 100, dtype=wg.int64), wg.tensor([3, 2])).shape
    wengert.Size([2, 100, 24])
    """

    attention_weights: list[Any]

    def __init__(
        self, vocab_size: int, num_hiddens: int, ffn_num_hiddens: int, num_heads: int, num_blks: int, dropout: float,
        use_bias: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.num_hiddens = num_hiddens
        self.embedding = nn.Embedding(vocab_size, num_hiddens)
        self.pos_encoding = PositionalEncoding(num_hiddens, dropout)
        self.blks = nn.Sequential(
            *(
                TransformerEncoderBlock(num_hiddens, ffn_num_hiddens, num_heads, dropout, use_bias)
                for _ in range(num_blks)
            )
        )

    def forward(self, X: Any, valid_lens: Any) -> Tensor:
        """Of tokens (batch, length) and lengths: (batch, length, num_hiddens)."""
        Z = self.pos_encoding(self.embedding(X) * math.sqrt(self.num_hiddens))  # of the size of the places' encoding
        self.attention_weights = []
        for block in self.blks:
            Z = block(Z, valid_lens)
            self.attention_weights.append(block.attention.attention.attention_weights)
        encoded: Tensor = Z
        return encoded


class AttentionDecoder(Decoder):
    """The base of decoders that attend.

    Examples
    --------
    >>> class Copy(wg.d2l.AttentionDecoder):
    ...     attention_weights = ()
    >>> Copy().attention_weights
    ()
    """

    @property
    def attention_weights(self) -> Any:
        """The weights of the last call, which a subclass has."""
        raise NotImplementedError(f"{type(self).__name__} defines no attention_weights")
