"""Attention: what queries make of values by how they fit to keys."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..._types import Tensor
from ...core import dtypes
from ...core.broadcast import broadcast_shape, cast
from ...core.doors import constant, enter
from ...core.named import NamedTuple
from ...ops import attention
from ...ops.compare import logical_not, where
from ...ops.join import cat
from ...ops.products import linear, matmul
from ...ops.random import dropout
from ...ops.reduce import mean
from ...ops.rows import softmax
from ...ops.shape import broadcast_to, clone, narrow_view, permute, reshape, squeeze, transpose, unsqueeze
from .padding import pad

_SHORT, _MANY = 64, 16  # positions, heads

__all__ = ["multi_head_attention_forward", "scaled_dot_product_attention"]


def scaled_dot_product_attention(
    query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False,
    scale: float | None = None, enable_gqa: bool = False,
) -> Tensor:  # fmt: skip
    """softmax(scale * query @ key.mT + attn_mask) @ value (Vaswani et al. 2017).

    The weights, an item for every query and key, are kept of short sequences alone: memory grows with their length.
    With dropout, where the mask requires a gradient, and for second and forward derivatives it grows with its square.

    Parameters
    ----------
    query : tensor
        (..., l, e)
    key, value : tensor
        (..., s, e) and (..., s, ev); the leading dimensions of all broadcast.
    attn_mask : tensor or None
        Broadcasts to (..., l, s). Of booleans, False where a key does not take part; else of query's dtype, added to
        the scores. A query to whom no key is left gets zeros.
    dropout_p : float
        The probability with which weights are zeroed, the others being scaled by 1 / (1 - p), in training or not.
    is_causal : bool
        Query i sees the keys up to i alone; there is no other mask then.
    scale : float or None
        None: 1 / sqrt(e).
    enable_gqa : bool
        The third dimension from the end are heads, of which queries have a multiple of those of keys and values: each
        head of these serves as many neighbours.

    Returns
    -------
    Tensor
        (..., l, ev)

    Raises
    ------
    ValueError
        If shapes do not fit, dropout_p is not in [0, 1], or there is a mask beside is_causal.
    TypeError
        If dtypes differ, or are not floating.

    Examples
    --------
    >>> q = k = wg.tensor([[10., 0.], [0., 10.]])
    >>> wg.nn.functional.scaled_dot_product_attention(q, k, wg.tensor([[1.], [2.]]))
    tensor([[1.],
            [2.]])
    """
    if is_causal and attn_mask is not None:
        raise ValueError(
            "scaled_dot_product_attention: is_causal says what mask there is, and so does attn_mask, of shape "
            f"{enter(attn_mask)._value.shape}; give one of them"
        )
    return _attended(query, key, value, attn_mask, dropout_p, is_causal, scale, enable_gqa)


def _attended(
    query: Any, key: Any, value: Any, attn_mask: Any, dropout_p: float, is_causal: bool, scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:  # fmt: skip
    """The same, of which a mask may take what is causal away further."""
    q, k, v = enter(query), enter(key), enter(value)
    mask = None if attn_mask is None else enter(attn_mask)
    _check(q, k, v, mask, dropout_p)
    factor = 1 / math.sqrt(max(q._value.shape[-1], 1)) if scale is None else float(scale)
    if q._value.dtype == dtypes.float16:
        q, k, v = (cast(x, np.dtype(np.float32)) for x in (q, k, v))
        mask = mask if mask is None or mask._value.dtype == np.bool_ else cast(mask, np.dtype(np.float32))
        return cast(_attention(q, k, v, mask, dropout_p, is_causal, factor, enable_gqa), dtypes.float16)
    return _attention(q, k, v, mask, dropout_p, is_causal, factor, enable_gqa)


def _check(q: Any, k: Any, v: Any, mask: Any, p: float) -> None:
    shapes = f"query of shape {q._value.shape}, key {k._value.shape} and value {v._value.shape}"
    if min(x._value.ndim for x in (q, k, v)) < 2:
        raise ValueError(f"scaled_dot_product_attention: expected at least two dimensions, got {shapes}")
    if q._value.shape[-1] != k._value.shape[-1] or k._value.shape[-2] != v._value.shape[-2]:
        raise ValueError(
            "scaled_dot_product_attention: expected query (..., l, e), key (..., s, e) and value (..., s, ev), got "
            f"{shapes}"
        )
    dtype = q._value.dtype
    if dtype.kind != "f" or k._value.dtype != dtype or v._value.dtype != dtype:
        raise TypeError(
            "scaled_dot_product_attention: expected query, key and value of one floating dtype, got "
            f"{dtype}, {k._value.dtype} and {v._value.dtype}"
        )
    if mask is not None and mask._value.dtype not in (np.bool_, dtype):
        raise TypeError(
            f"scaled_dot_product_attention: expected an attn_mask of bool or of query's dtype, {dtype}, got "
            f"{mask._value.dtype}"
        )
    if not 0 <= p <= 1:
        raise ValueError(f"scaled_dot_product_attention: dropout_p must be between 0 and 1, got {p}")


def _grouped(q: Any, k: Any, v: Any, mask: Any) -> tuple[Any, Any, Any, Any]:
    """Heads of queries that share one of keys and values get a dimension of their own."""
    heads, own, of_values = (x._value.shape[-3] if x._value.ndim > 2 else 0 for x in (q, k, v))
    if not own or heads % own or own != of_values:
        raise ValueError(
            "scaled_dot_product_attention: with enable_gqa, key and value must have one number of heads, which divides "
            f"that of query, got shapes {q._value.shape}, {k._value.shape} and {v._value.shape}"
        )
    shape = q._value.shape
    q = reshape(q, (*shape[:-3], own, heads // own, *shape[-2:]))
    if mask is not None and mask._value.ndim > 2:
        before = mask._value.shape
        split = (1, 1) if before[-3] == 1 else (own, heads // own)
        mask = reshape(mask, (*before[:-3], *split, *before[-2:]))
    return q, unsqueeze(k, -3), unsqueeze(v, -3), mask


def _led(x: Any, lead: tuple[int, ...]) -> Any:
    """x with these leading dimensions."""
    shape = x._value.shape
    return x if shape[:-2] == lead else broadcast_to(x, (*lead, *shape[-2:]))


def _many_short(q: Any, k: Any) -> bool:
    """Whether products of all heads at once take less time than the kernel takes to set out for each."""
    shape: tuple[int, ...] = q._value.shape
    return bool(max(shape[-2], k._value.shape[-2]) <= _SHORT and math.prod(shape[:-2]) >= _MANY)


def _attention(q: Any, k: Any, v: Any, mask: Any, p: float, causal: bool, scale: float, grouped: bool) -> Tensor:
    if grouped:
        q, k, v, mask = _grouped(q, k, v, mask)
    lead = broadcast_shape(
        "scaled_dot_product_attention", *[x._value.shape[:-2] for x in (q, k, v)],
        *([] if mask is None else [mask._value.shape[:-2]]),
    )  # fmt: skip
    q, k, v = (_led(x, lead) for x in (q, k, v))
    if mask is not None:
        shape, whole = mask._value.shape, (*lead, q._value.shape[-2], k._value.shape[-2])
        if broadcast_shape("scaled_dot_product_attention", shape, whole) != whole:
            raise ValueError(f"scaled_dot_product_attention: attn_mask of shape {shape} does not broadcast to {whole}")
        if len(shape) < len(whole):
            mask = reshape(mask, ((1,) * (len(whole) - len(shape)) + shape))
    if p > 0 or (mask is not None and mask.requires_grad) or (mask is None and not causal and _many_short(q, k)):
        z = matmul(dropout(attention.weights(q, k, mask, causal, scale), p), v)
    else:
        z = attention.attend(q, k, v, mask, causal, scale)
    if not grouped:
        return z
    *outer, own, each, length, width = z._value.shape
    return reshape(z, (*outer, own * each, length, width))


# ---------------------------------------------------------------- several heads

_MHA = "multi_head_attention_forward"


class Heads(NamedTuple):
    """What the heads of a layer consist of."""

    number: int
    weights: tuple[Any, ...]  # of the projections: of queries, keys and values, or one below the other
    bias: Any  # of the three projections, or None
    bias_k: Any  # (1, 1, embed_dim): a further key and its value, or None
    bias_v: Any
    add_zero: bool  # a further key and value of zeros
    out_weight: Any
    out_bias: Any
    dropout: float


def multi_head_attention_forward(
    query: Any, key: Any, value: Any, embed_dim_to_check: int, num_heads: int, in_proj_weight: Any, in_proj_bias: Any,
    bias_k: Any, bias_v: Any, add_zero_attn: bool, dropout_p: float, out_proj_weight: Any, out_proj_bias: Any,
    training: bool = True, key_padding_mask: Any = None, need_weights: bool = True, attn_mask: Any = None,
    use_separate_proj_weight: bool = False, q_proj_weight: Any = None, k_proj_weight: Any = None,
    v_proj_weight: Any = None, static_k: Any = None, static_v: Any = None, average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:  # fmt: skip
    """Attention of several heads, each to projections of its own: what `nn.MultiheadAttention` computes.

    Parameters
    ----------
    query : tensor
        (l, n, embed_dim), or (l, embed_dim) without a batch.
    key, value : tensor
        (s, n, ...), or (s, ...).
    embed_dim_to_check : int
        query's last dimension.
    num_heads : int
        It divides embed_dim.
    in_proj_weight : tensor or None
        (3 embed_dim, embed_dim): the projections of queries, keys and values, one below the other.
    in_proj_bias : tensor or None
        (3 embed_dim,)
    bias_k, bias_v : tensor or None
        (1, 1, embed_dim): a further key and its value.
    add_zero_attn : bool
        A further key and value of zeros.
    dropout_p : float
        The probability with which weights are zeroed, in training.
    out_proj_weight, out_proj_bias : tensor, tensor or None
        (embed_dim, embed_dim) and (embed_dim,).
    training : bool
    key_padding_mask : tensor or None
        (n, s), or (s,): True where a key takes no part; floating, it is added to the scores.
    need_weights : bool
        Whether the weights are wanted, too, which then are kept, an item for each query and key.
    attn_mask : tensor or None
        (l, s) or (n * num_heads, l, s): True where a key is hidden from a query; floating, it is added to the scores.
    use_separate_proj_weight : bool
        The projections are the next three.
    q_proj_weight, k_proj_weight, v_proj_weight : tensor or None
        (embed_dim, ...), of the widths of query, key and value.
    static_k, static_v : None
        Not taken.
    average_attn_weights : bool
        Whether the weights are averaged over the heads.
    is_causal : bool
        attn_mask is the causal one, and need not be read.

    Returns
    -------
    Tensor, Tensor or None
        Of query's shape; and the weights, (n, l, s), or (n, num_heads, l, s), without n where there is no batch.

    Raises
    ------
    ValueError
        If shapes do not fit.
    TypeError
        If a mask is of integers.
    RuntimeError
        If is_causal is given without attn_mask.

    Examples
    --------
    >>> x, w = wg.ones(5, 4), wg.eye(4)
    >>> out, weights = wg.nn.functional.multi_head_attention_forward(
    ...     x, x, x, 4, 2, wg.cat([w, w, w]), None, None, None, False, 0.0, w, None)
    >>> out.shape, weights.shape
    (wengert.Size([5, 4]), wengert.Size([5, 5]))
    """
    if static_k is not None or static_v is not None:
        raise ValueError(f"{_MHA}: static_k and static_v are not taken; project keys and values")
    separate = (q_proj_weight, k_proj_weight, v_proj_weight)
    weights = separate if use_separate_proj_weight else (in_proj_weight,)
    if any(w is None for w in weights):
        what = "q_proj_weight, k_proj_weight and v_proj_weight" if use_separate_proj_weight else "in_proj_weight"
        raise ValueError(f"{_MHA}: expected {what}, got None")
    if enter(query)._value.shape[-1:] != (embed_dim_to_check,):
        raise ValueError(
            f"{_MHA}: expected query's last dimension to be {embed_dim_to_check}, got shape {enter(query)._value.shape}"
        )
    heads = Heads(
        num_heads, weights, in_proj_bias, bias_k, bias_v, add_zero_attn, out_proj_weight, out_proj_bias,
        dropout_p if training else 0.0,
    )  # fmt: skip
    return multi_head_attention(
        query, key, value, heads, key_padding_mask, attn_mask, need_weights, average_attn_weights, is_causal, False
    )


def multi_head_attention(
    query: Any, key: Any, value: Any, heads: Heads, padding: Any, attn_mask: Any, need_weights: bool, average: bool,
    causal: bool, batch_first: bool,
) -> tuple[Tensor, Tensor | None]:  # fmt: skip
    """`multi_head_attention_forward`, whose inputs may have the batch in front."""
    same = query is key and key is value
    q, k, v = enter(query), enter(key), enter(value)
    padding, attn_mask = (None if x is None else enter(x) for x in (padding, attn_mask))
    single = q._value.ndim == 2
    _check_inputs(q, k, v, heads, padding, attn_mask, batch_first or single)
    if causal and attn_mask is None:
        raise RuntimeError(
            f"{_MHA}: is_causal says that attn_mask is the causal one, and there is no attn_mask; "
            "Transformer.generate_square_subsequent_mask makes it"
        )
    if single:
        batch_first = True
        q, k, v = (unsqueeze(x, 0) for x in (q, k, v))
        padding = None if padding is None else unsqueeze(padding, 0)
    more = (heads.bias_k is not None) + heads.add_zero
    causal = causal and not more and not need_weights  # who wants weights gets those of the mask, whatever it is
    mask = _joint_mask(padding, None if causal else attn_mask, heads.number, more, q._value.dtype)
    alone = same and len(heads.weights) == 1 and not more and _plain(q, mask, heads.dropout)
    if alone and not need_weights:
        z, weights = _within(q, heads, mask, causal, batch_first), None
    elif alone and mask is None and q._value.shape[1 if batch_first else 0] <= attention.SHORT:
        z, weights = _weighed(q, heads, causal, batch_first, average)
    else:
        z, weights = _across(q, k, v, heads, mask, causal, batch_first, need_weights, same)
    out = linear(reshape(z, (*z._value.shape[:-2], q._value.shape[-1])), heads.out_weight, heads.out_bias)
    if weights is not None and average:
        weights = mean(weights, 1)
    return (squeeze(out, 0), None if weights is None else squeeze(weights, 0)) if single else (out, weights)


def _check_inputs(q: Any, k: Any, v: Any, heads: Heads, padding: Any, mask: Any, batch_first: bool) -> None:
    shapes = f"query of shape {q._value.shape}, key {k._value.shape} and value {v._value.shape}"
    dims = q._value.ndim
    if dims not in (2, 3) or k._value.ndim != dims or v._value.ndim != dims:
        raise ValueError(f"{_MHA}: expected three dimensions, or two without a batch, got {shapes}")
    width = q._value.shape[-1]
    if width % heads.number:
        raise ValueError(f"{_MHA}: embed_dim {width} is not divisible by num_heads {heads.number}")
    if k._value.shape[:-1] != v._value.shape[:-1] or (len(heads.weights) == 1 and k._value.shape != v._value.shape):
        raise ValueError(f"{_MHA}: expected key and value of one shape, got {shapes}")
    n = q._value.shape[0 if batch_first else 1] if dims == 3 else 1
    if dims == 3 and k._value.shape[0 if batch_first else 1] != n:
        raise ValueError(f"{_MHA}: expected one number of sequences, got {shapes}")
    place = (1 if batch_first else 0) if dims == 3 else 0
    length, keys = q._value.shape[place], k._value.shape[place]
    for name, x, allowed in (
        ("key_padding_mask", padding, [(n, keys) if dims == 3 else (keys,)]),
        ("attn_mask", mask, [(length, keys), (n * heads.number, length, keys)]),
    ):  # fmt: skip
        if x is None:
            continue
        if x._value.dtype.kind not in "bf":
            raise TypeError(f"{_MHA}: expected a {name} of bool or floating dtype, got {x._value.dtype}")
        if x._value.shape not in allowed:
            raise ValueError(
                f"{_MHA}: expected a {name} of shape {' or '.join(map(str, allowed))} for {shapes}, got "
                f"{x._value.shape}"
            )


def _joint_mask(padding: Any, attn_mask: Any, heads: int, more: int, dtype: np.dtype) -> Any:
    """What `scaled_dot_product_attention` takes for both masks, (n, heads, l, s) or so that it broadcasts to that."""
    found = []
    if padding is not None:
        n, s = padding._value.shape
        found.append(reshape(padding, (n, 1, 1, s)))
    if attn_mask is not None:
        *lead, length, s = attn_mask._value.shape
        found.append(reshape(attn_mask, (lead[0] // heads, heads, length, s) if lead else (1, 1, length, s)))
    if more:
        found = [pad(x, (0, more)) for x in found]
    if all(x._value.dtype == np.bool_ for x in found):
        hidden = found[0] | found[1] if len(found) == 2 else found[0] if found else None
        return None if hidden is None else logical_not(hidden)
    zero = constant(np.zeros, (), dtype)
    added = [where(x, -np.inf, zero) if x._value.dtype == np.bool_ else cast(x, dtype) for x in found]
    return added[0] + added[1] if len(added) == 2 else added[0]


def _plain(x: Any, mask: Any, p: float) -> bool:
    """Whether the kernel can do it."""
    return p == 0 and x._value.dtype.char in dtypes.NATIVE and (mask is None or not mask.requires_grad)


def _within(x: Any, heads: Heads, mask: Any, causal: bool, batch_first: bool) -> Tensor:
    """Of one input that is query, key and value: (n, l, heads, e), or (l, n, heads, e)."""
    parts, scale = _side_by_side(x, heads, batch_first)
    z = attention.attend_packed(parts, mask, causal, scale)
    return z if batch_first else transpose(z, 0, 1)


def _side_by_side(x: Any, heads: Heads, batch_first: bool) -> tuple[Tensor, float]:
    """Queries, keys and values of one input, (n, l, 3, heads, e), and the scale of the scores."""
    projected = linear(x, heads.weights[0], heads.bias)
    each = x._value.shape[-1] // heads.number
    parts = reshape(projected, (*projected._value.shape[:-1], 3, heads.number, each))
    return parts if batch_first else transpose(parts, 0, 1), 1 / math.sqrt(max(each, 1))


def _weighed(x: Any, heads: Heads, causal: bool, batch_first: bool, average: bool) -> tuple[Tensor, Tensor]:
    """What `_within` gives, of short sequences without a mask, and the weights, (n, heads, l, l)."""
    parts, scale = _side_by_side(x, heads, batch_first)
    z, weights = attention.attend_weighed(parts, causal, scale)
    if not average:
        weights = clone(weights)  # whoever has them may change them
    return z if batch_first else transpose(z, 0, 1), weights


def _split(x: Any, heads: int, batch_first: bool) -> Tensor:
    """(n, heads, l, e) of (n, l, embed_dim) or (l, n, embed_dim)."""
    *lead, width = x._value.shape
    parts = reshape(x, (*lead, heads, width // heads))
    return permute(parts, (0, 2, 1, 3) if batch_first else (1, 2, 0, 3))


def _thirds(x: Any, dim: int, width: int) -> list[Any]:
    return [narrow_view(x, dim, i * width, (i + 1) * width) for i in range(3)]


def _projections(q: Any, k: Any, v: Any, heads: Heads, same: bool) -> list[Any]:
    """Queries, keys and values, projected."""
    width = q._value.shape[-1]
    biases = [None] * 3 if heads.bias is None else _thirds(heads.bias, 0, width)
    if len(heads.weights) == 3:
        return [linear(x, w, b) for x, w, b in zip((q, k, v), heads.weights, biases, strict=True)]
    if same:
        found = linear(q, heads.weights[0], heads.bias)
        return _thirds(found, found._value.ndim - 1, width)
    rows = _thirds(heads.weights[0], 0, width)
    return [linear(x, w, b) for x, w, b in zip((q, k, v), rows, biases, strict=True)]


def _across(
    q: Any, k: Any, v: Any, heads: Heads, mask: Any, causal: bool, batch_first: bool, need_weights: bool, same: bool
) -> tuple[Tensor, Tensor | None]:  # fmt: skip
    """Attention as `_within` gives it, and the weights, (n, heads, l, s)."""
    q, k, v = _projections(q, k, v, heads, same)
    if heads.bias_k is not None:
        n = q._value.shape[0 if batch_first else 1]
        shape = (n, 1, q._value.shape[-1]) if batch_first else (1, n, q._value.shape[-1])
        k, v = (
            cat([x, broadcast_to(b, shape)], 1 if batch_first else 0)
            for x, b in ((k, heads.bias_k), (v, heads.bias_v))
        )  # fmt: skip
    q, k, v = (_split(x, heads.number, batch_first) for x in (q, k, v))
    if heads.add_zero:
        k, v = (pad(x, (0, 0, 0, 1)) for x in (k, v))
    weights = None
    if need_weights:
        scale = 1 / math.sqrt(max(q._value.shape[-1], 1))
        weights = dropout(softmax(attention.scores(q, k, mask, causal, scale), -1), heads.dropout)
        z = matmul(weights, v)
    else:
        z = _attended(q, k, v, mask, heads.dropout, causal)
    return permute(z, (0, 2, 1, 3) if batch_first else (2, 0, 1, 3)), weights
