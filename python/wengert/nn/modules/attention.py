"""Attention of several heads, and the layers of the Transformer (Vaswani et al. 2017)."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from ...core import dtypes
from ...core.doors import constant, enter, leave
from ...ops import creation
from ...tensors.tensor import Tensor
from .. import functional as F
from .. import init
from ..functional.attention import Heads, multi_head_attention
from .containers import ModuleList
from .dropping import Dropout
from .layers import LayerNorm, Linear
from .module import Module
from .parameter import Parameter

Activation = Callable[[Any], Any]


class NonDynamicallyQuantizableLinear(Linear):
    """A `Linear` under the name by which PyTorch prints that of `MultiheadAttention`."""


class MultiheadAttention(Module):
    """Attention of several heads, each to projections of its own.

    Parameters
    ----------
    embed_dim : int
    num_heads : int
        Each has embed_dim / num_heads features.
    dropout : float
        The probability with which weights are zeroed in training.
    bias : bool
        Whether the projections have biases.
    add_bias_kv : bool
        A further key and its value are learned.
    add_zero_attn : bool
        A further key and value are zeros.
    kdim, vdim : int or None
        The features of keys and values. None: embed_dim.
    batch_first : bool
        The batch is the first dimension of inputs and outputs, not the second.
    device : "cpu" or None
    dtype : dtype or None
        None: the default float.

    Attributes
    ----------
    in_proj_weight : Parameter or None
        (3 embed_dim, embed_dim), at first by Glorot and Bengio.
    q_proj_weight, k_proj_weight, v_proj_weight : Parameter or None
        In its place where there is a kdim or vdim: (embed_dim, embed_dim), (embed_dim, kdim), (embed_dim, vdim).
    in_proj_bias : Parameter or None
        (3 embed_dim,), at first 0.
    bias_k, bias_v : Parameter or None
        (1, 1, embed_dim)
    out_proj : Linear

    Raises
    ------
    ValueError
        If num_heads does not divide embed_dim, or either is not positive.

    Examples
    --------
    >>> attention = wg.nn.MultiheadAttention(8, num_heads=2, batch_first=True)
    >>> x = wg.ones(3, 5, 8)
    >>> out, weights = attention(x, x, x)
    >>> out.shape, weights.shape
    (wengert.Size([3, 5, 8]), wengert.Size([3, 5, 5]))
    """

    def __init__(
        self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True, add_bias_kv: bool = False,
        add_zero_attn: bool = False, kdim: int | None = None, vdim: int | None = None, batch_first: bool = False,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                "MultiheadAttention: embed_dim and num_heads must be greater than 0, got "
                f"embed_dim={embed_dim} and num_heads={num_heads}"
            )
        if embed_dim % num_heads:
            raise ValueError(f"MultiheadAttention: embed_dim {embed_dim} is not divisible by num_heads {num_heads}")
        super().__init__()
        self.embed_dim, self.num_heads, self.dropout = embed_dim, num_heads, dropout
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.batch_first, self.head_dim, self.add_zero_attn = batch_first, embed_dim // num_heads, add_zero_attn
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        separate = {"q_proj_weight": embed_dim, "k_proj_weight": self.kdim, "v_proj_weight": self.vdim}
        for name, width in separate.items():
            empty = None if self._qkv_same_embed_dim else Parameter(creation.empty(embed_dim, width, dtype=dtype))
            self.register_parameter(name, empty)
        whole = Parameter(creation.empty(3 * embed_dim, embed_dim, dtype=dtype)) if self._qkv_same_embed_dim else None
        self.register_parameter("in_proj_weight", whole)
        self.register_parameter("in_proj_bias", Parameter(creation.empty(3 * embed_dim, dtype=dtype)) if bias else None)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias=bias, dtype=dtype)
        self.bias_k = Parameter(creation.empty(1, 1, embed_dim, dtype=dtype)) if add_bias_kv else None
        self.bias_v = Parameter(creation.empty(1, 1, embed_dim, dtype=dtype)) if add_bias_kv else None
        self._reset_parameters()

    def _weights(self) -> tuple[Any, ...]:
        if self._qkv_same_embed_dim:
            return (self.in_proj_weight,)
        return self.q_proj_weight, self.k_proj_weight, self.v_proj_weight

    def _reset_parameters(self) -> None:
        for weight in self._weights():
            init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)
        for bias in (self.bias_k, self.bias_v):
            if bias is not None:
                init.xavier_normal_(bias)

    def forward(
        self, query: Any, key: Any, value: Any, key_padding_mask: Any = None, need_weights: bool = True,
        attn_mask: Any = None, average_attn_weights: bool = True, is_causal: bool = False,
    ) -> tuple[Any, Any]:  # fmt: skip
        """What the queries make of the values, and the weights, or None.

        Parameters
        ----------
        query, key, value : tensor
            (l, n, embed_dim), (s, n, kdim) and (s, n, vdim), with batch_first n in front; or without n.
        key_padding_mask : tensor or None
            (n, s), or (s,): True where a key takes no part; floating, it is added to the scores.
        need_weights : bool
            Without them, no item is kept for each query and key.
        attn_mask : tensor or None
            (l, s) or (n * num_heads, l, s): True where a key is hidden from a query; floating, it is added.
        average_attn_weights : bool
            Whether weights are averaged over the heads.
        is_causal : bool
            attn_mask is the causal one, and need not be read.

        Returns
        -------
        Tensor, Tensor or None
            Of query's shape, and (n, l, s) or (n, num_heads, l, s).
        """
        width = enter(query)._value.shape[-1:]
        if width != (self.embed_dim,):
            raise ValueError(f"expected queries of {self.embed_dim} features, got shape {enter(query)._value.shape}")
        heads = Heads(
            self.num_heads, self._weights(), self.in_proj_bias, self.bias_k, self.bias_v, self.add_zero_attn,
            self.out_proj.weight, self.out_proj.bias, self.dropout if self.training else 0.0,
        )  # fmt: skip
        return multi_head_attention(
            query, key, value, heads, key_padding_mask, attn_mask, need_weights, average_attn_weights, is_causal,
            self.batch_first,
        )  # fmt: skip


# ---------------------------------------------------------------- layers


def _activation(given: str | Activation) -> Activation:
    if given in ("relu", "gelu"):
        return getattr(F, given)  # type: ignore[no-any-return]
    if isinstance(given, str):
        raise RuntimeError(f"activation should be relu/gelu, not {given}")
    return given


class _Layer(Module):
    """What both kinds of layers have: attention within a sequence, and a feed-forward network."""

    norm_first: bool

    def _make(
        self, crossed: bool, d_model: int, nhead: int, dim_feedforward: int, dropout: float,
        activation: str | Activation, layer_norm_eps: float, batch_first: bool, norm_first: bool, bias: bool,
        dtype: Any,
    ) -> None:  # fmt: skip
        def attention() -> MultiheadAttention:
            return MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first, dtype=dtype)

        chosen = _activation(activation)
        self.self_attn = attention()
        if crossed:
            self.multihead_attn = attention()
        self.linear1 = Linear(d_model, dim_feedforward, bias=bias, dtype=dtype)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias, dtype=dtype)
        self.norm_first = norm_first
        places = range(1, 4 if crossed else 3)
        for i in places:
            setattr(self, f"norm{i}", LayerNorm(d_model, eps=layer_norm_eps, bias=bias, dtype=dtype))
        for i in places:
            setattr(self, f"dropout{i}", Dropout(dropout))
        self.activation = chosen

    def _residual(self, x: Any, norm: Module, block: Activation) -> Tensor:
        out: Tensor = x + block(norm(x)) if self.norm_first else norm(x + block(x))
        return out

    def _attend(
        self, attention: Module, dropout: Module, memory: Any, mask: Any, padding: Any, causal: bool
    ) -> Activation:  # fmt: skip
        def block(x: Any) -> Any:
            source = x if memory is None else memory
            out, _ = attention(
                x, source, source, key_padding_mask=padding, need_weights=False, attn_mask=mask, is_causal=causal
            )
            return dropout(out)

        return block

    def _feed(self, dropout: Module) -> Activation:
        return lambda x: dropout(self.linear2(self.dropout(self.activation(self.linear1(x)))))


class TransformerEncoderLayer(_Layer):
    """Attention within a sequence and a feed-forward network, each with dropout, added to its input and normalised.

    Parameters
    ----------
    d_model, nhead : int
        Features and heads.
    dim_feedforward : int
        The width of the feed-forward network.
    dropout : float
    activation : "relu", "gelu" or callable
        Between its two layers.
    layer_norm_eps : float
    batch_first : bool
        The batch is the first dimension, not the second.
    norm_first : bool
        Each part normalises its input, in place of its result.
    bias : bool
        Whether linear maps and normalisations have biases.
    device : "cpu" or None
    dtype : dtype or None
        None: the default float.

    Examples
    --------
    >>> layer = wg.nn.TransformerEncoderLayer(8, 2, batch_first=True)
    >>> layer(wg.ones(3, 5, 8)).shape
    wengert.Size([3, 5, 8])
    """

    def __init__(
        self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
        activation: str | Activation = F.relu, layer_norm_eps: float = 1e-5, batch_first: bool = False,
        norm_first: bool = False, bias: bool = True, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self._make(
            False, d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias,
            dtype,
        )  # fmt: skip

    def forward(
        self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False
    ) -> Tensor:  # fmt: skip
        """The sequences, of the same shape.

        Parameters
        ----------
        src : tensor
            (s, n, d_model), with batch_first n in front, or without n.
        src_mask, src_key_padding_mask : tensor or None
            As `MultiheadAttention` takes attn_mask and key_padding_mask.
        is_causal : bool
            src_mask is the causal one.

        Returns
        -------
        Tensor
        """
        within = self._attend(self.self_attn, self.dropout1, None, src_mask, src_key_padding_mask, is_causal)
        x = self._residual(src, self.norm1, within)
        return self._residual(x, self.norm2, self._feed(self.dropout2))


class TransformerDecoderLayer(_Layer):
    """Attention within a sequence, attention to another one and a feed-forward network, each with dropout, added to its
    input and normalised.

    Parameters
    ----------
    d_model, nhead : int
        Features and heads.
    dim_feedforward : int
        The width of the feed-forward network.
    dropout : float
    activation : "relu", "gelu" or callable
        Between its two layers.
    layer_norm_eps : float
    batch_first : bool
        The batch is the first dimension, not the second.
    norm_first : bool
        Each part normalises its input, in place of its result.
    bias : bool
        Whether linear maps and normalisations have biases.
    device : "cpu" or None
    dtype : dtype or None
        None: the default float.

    Examples
    --------
    >>> layer = wg.nn.TransformerDecoderLayer(8, 2, batch_first=True)
    >>> layer(wg.ones(3, 5, 8), wg.ones(3, 7, 8)).shape
    wengert.Size([3, 5, 8])
    """

    def __init__(
        self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
        activation: str | Activation = F.relu, layer_norm_eps: float = 1e-5, batch_first: bool = False,
        norm_first: bool = False, bias: bool = True, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self._make(
            True, d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias,
            dtype,
        )  # fmt: skip

    def forward(
        self, tgt: Any, memory: Any, tgt_mask: Any = None, memory_mask: Any = None, tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None, tgt_is_causal: bool = False, memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        """The sequences, of the same shape.

        Parameters
        ----------
        tgt : tensor
            (t, n, d_model), with batch_first n in front, or without n.
        memory : tensor
            (s, n, d_model): what an encoder gave.
        tgt_mask, tgt_key_padding_mask : tensor or None
            For attention within tgt, as `MultiheadAttention` takes attn_mask and key_padding_mask.
        memory_mask, memory_key_padding_mask : tensor or None
            For attention to the memory.
        tgt_is_causal, memory_is_causal : bool
            tgt_mask, or memory_mask, is the causal one.

        Returns
        -------
        Tensor
        """
        within = self._attend(self.self_attn, self.dropout1, None, tgt_mask, tgt_key_padding_mask, tgt_is_causal)
        across = self._attend(
            self.multihead_attn, self.dropout2, memory, memory_mask, memory_key_padding_mask, memory_is_causal
        )
        x = self._residual(tgt, self.norm1, within)
        x = self._residual(x, self.norm2, across)
        return self._residual(x, self.norm3, self._feed(self.dropout3))


# ---------------------------------------------------------------- stacks


def _causal_mask(size: int, dtype: np.dtype) -> np.ndarray:
    return np.where(np.tri(size, dtype=bool), 0, -np.inf).astype(dtype)


def _is_causal(mask: Any, said: bool | None) -> bool:
    """Whether a mask is the causal one: what was said, else by its items, which saves work in all layers."""
    if said is not None or mask is None:
        return bool(said)
    x = enter(mask)
    if x._value.ndim != 2 or x._value.shape[0] != x._value.shape[1]:
        return False
    items = leave(x, "bool")
    causal = _causal_mask(len(items), np.dtype(np.float32))
    return bool(np.array_equal(items, causal != 0 if items.dtype == np.bool_ else causal))


def _copies(layer: Module, count: int) -> ModuleList:
    return ModuleList([copy.deepcopy(layer) for _ in range(count)])


class TransformerEncoder(Module):
    """Copies of an encoder layer, one after the other.

    Parameters
    ----------
    encoder_layer : TransformerEncoderLayer
        It is copied; all start with its parameters.
    num_layers : int
    norm : Module or None
        What comes last.
    enable_nested_tensor, mask_check : bool
        Of no effect: padding is computed like the rest.

    Examples
    --------
    >>> encoder = wg.nn.TransformerEncoder(wg.nn.TransformerEncoderLayer(8, 2, batch_first=True), num_layers=2)
    >>> encoder(wg.ones(3, 5, 8)).shape
    wengert.Size([3, 5, 8])
    """

    def __init__(
        self, encoder_layer: Module, num_layers: int, norm: Module | None = None, enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.layers = _copies(encoder_layer, num_layers)
        self.num_layers, self.norm = num_layers, norm
        self.enable_nested_tensor, self.mask_check = enable_nested_tensor, mask_check

    def forward(
        self, src: Any, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool | None = None
    ) -> Tensor:  # fmt: skip
        """The sequences, of the same shape.

        Parameters
        ----------
        src : tensor
            (s, n, d_model), with batch_first n in front, or without n.
        mask, src_key_padding_mask : tensor or None
            As `MultiheadAttention` takes attn_mask and key_padding_mask.
        is_causal : bool or None
            Whether the mask is the causal one. None: looked at.

        Returns
        -------
        Tensor
        """
        causal = _is_causal(mask, is_causal)
        x = src
        for layer in self.layers:
            x = layer(x, src_mask=mask, src_key_padding_mask=src_key_padding_mask, is_causal=causal)
        out: Tensor = x if self.norm is None else self.norm(x)
        return out


class TransformerDecoder(Module):
    """Copies of a decoder layer, one after the other.

    Parameters
    ----------
    decoder_layer : TransformerDecoderLayer
        It is copied; all start with its parameters.
    num_layers : int
    norm : Module or None
        What comes last.

    Examples
    --------
    >>> decoder = wg.nn.TransformerDecoder(wg.nn.TransformerDecoderLayer(8, 2, batch_first=True), num_layers=2)
    >>> decoder(wg.ones(3, 5, 8), wg.ones(3, 7, 8)).shape
    wengert.Size([3, 5, 8])
    """

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__()
        self.layers = _copies(decoder_layer, num_layers)
        self.num_layers, self.norm = num_layers, norm

    def forward(
        self, tgt: Any, memory: Any, tgt_mask: Any = None, memory_mask: Any = None, tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None, tgt_is_causal: bool | None = None, memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        """The sequences, of tgt's shape.

        Parameters
        ----------
        tgt : tensor
            (t, n, d_model), with batch_first n in front, or without n.
        memory : tensor
            (s, n, d_model): what an encoder gave.
        tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask : tensor or None
            As `TransformerDecoderLayer` takes them.
        tgt_is_causal : bool or None
            Whether tgt_mask is the causal one. None: looked at.
        memory_is_causal : bool
            Whether memory_mask is.

        Returns
        -------
        Tensor
        """
        causal = _is_causal(tgt_mask, tgt_is_causal)
        x = tgt
        for layer in self.layers:
            x = layer(
                x, memory, tgt_mask=tgt_mask, memory_mask=memory_mask, tgt_key_padding_mask=tgt_key_padding_mask,
                memory_key_padding_mask=memory_key_padding_mask, tgt_is_causal=causal,
                memory_is_causal=memory_is_causal,
            )  # fmt: skip
        out: Tensor = x if self.norm is None else self.norm(x)
        return out


class Transformer(Module):
    """An encoder and a decoder (Vaswani et al. 2017).

    Parameters
    ----------
    d_model, nhead : int
        Features and heads.
    num_encoder_layers, num_decoder_layers : int
    dim_feedforward : int
        The width of the feed-forward networks.
    dropout : float
    activation : "relu", "gelu" or callable
    custom_encoder, custom_decoder : Module or None
        In place of those that are made.
    layer_norm_eps : float
    batch_first : bool
        The batch is the first dimension, not the second.
    norm_first : bool
        Each part normalises its input, in place of its result.
    bias : bool
        Whether linear maps and normalisations have biases.
    device : "cpu" or None
    dtype : dtype or None
        None: the default float.

    Examples
    --------
    >>> model = wg.nn.Transformer(8, 2, 1, 1, 16, batch_first=True)
    >>> model(wg.ones(3, 7, 8), wg.ones(3, 5, 8)).shape
    wengert.Size([3, 5, 8])
    """

    def __init__(
        self, d_model: int = 512, nhead: int = 8, num_encoder_layers: int = 6, num_decoder_layers: int = 6,
        dim_feedforward: int = 2048, dropout: float = 0.1, activation: str | Activation = F.relu,
        custom_encoder: Any = None, custom_decoder: Any = None, layer_norm_eps: float = 1e-5, batch_first: bool = False,
        norm_first: bool = False, bias: bool = True, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        layer = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias)

        def norm() -> LayerNorm:
            return LayerNorm(d_model, eps=layer_norm_eps, bias=bias, dtype=dtype)

        if custom_encoder is None:
            first = TransformerEncoderLayer(*layer, dtype=dtype)
            custom_encoder = TransformerEncoder(first, num_encoder_layers, norm())
        if custom_decoder is None:
            last = TransformerDecoderLayer(*layer, dtype=dtype)
            custom_decoder = TransformerDecoder(last, num_decoder_layers, norm())
        self.encoder, self.decoder = custom_encoder, custom_decoder
        for p in self.parameters():
            if p.ndim > 1:
                init.xavier_uniform_(p)
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first

    def forward(
        self, src: Any, tgt: Any, src_mask: Any = None, tgt_mask: Any = None, memory_mask: Any = None,
        src_key_padding_mask: Any = None, tgt_key_padding_mask: Any = None, memory_key_padding_mask: Any = None,
        src_is_causal: bool | None = None, tgt_is_causal: bool | None = None, memory_is_causal: bool = False,
    ) -> Tensor:  # fmt: skip
        """What the decoder makes of tgt and of the encoded src: of tgt's shape.

        Parameters
        ----------
        src, tgt : tensor
            (s, n, d_model) and (t, n, d_model), with batch_first n in front, or without n.
        src_mask, src_key_padding_mask, src_is_causal
            For the encoder, as `TransformerEncoder` takes them.
        tgt_mask, tgt_key_padding_mask, tgt_is_causal, memory_mask, memory_key_padding_mask, memory_is_causal
            For the decoder, as `TransformerDecoder` takes them.

        Returns
        -------
        Tensor
        """
        shapes = enter(src)._value.shape, enter(tgt)._value.shape
        place = 0 if self.batch_first else 1
        if len(shapes[0]) == 3 and shapes[0][place] != shapes[1][place]:
            raise RuntimeError(f"the batch number of src and tgt must be equal, got shapes {shapes}")
        if any(shape[-1] != self.d_model for shape in shapes):
            raise RuntimeError(
                f"the feature number of src and tgt must be equal to d_model, {self.d_model}, got shapes {shapes}"
            )
        memory = self.encoder(src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal)
        out: Tensor = self.decoder(
            tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask, tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask, tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )  # fmt: skip
        return out

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Any:
        """The causal mask: (sz, sz), 0 on and below the diagonal, -inf above it."""
        name = "generate_square_subsequent_mask"
        return constant(_causal_mask, sz, dtypes.get_default_dtype() if dtype is None else dtypes.as_dtype(dtype, name))
