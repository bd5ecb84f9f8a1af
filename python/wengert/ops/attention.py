"""Attention: what queries make of values by how they fit to keys, and its derivatives.

O = P V, where P, the weights, is the softmax of S = scale * Q K' + mask along its rows. The kernels do not keep P, an
item for each query and each key, unless it is small: they keep the logarithms of the rows' sums, and compute P
again. So results and first reverse derivatives take memory by the length of the sequences. Further derivatives, and
those of masks, are composed of products, and take the square of it.

With G the cotangent of O, A = G V' and J(P) X = P * (X - sum(P * X)) along rows, the Jacobian of softmax, the reverse
rule is dV = P' G, dS = J(P) A, dQ = scale * dS K, dK = scale * dS' Q.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core.batching import Batch, Rule, full
from ..core.define import primitive
from ..core.doors import constant
from ..core.tape import Operation, apply
from ..core.tuples import item, nothing_came, pack
from ..core.variable import detached
from .compare import isneginf, where
from .extremes import amax
from .join import stack
from .products import matmul
from .reduce import sum
from .rows import softmax
from .shape import matrix_transpose as T
from .shape import permute, view_at

Parts = tuple[np.ndarray, np.ndarray, np.ndarray]
Known = tuple[np.ndarray, ...]  # what the forward kernel gave beside the result

SHORT: int = _kernels.ATTENTION_BLOCK  # the longest sequences whose weights the kernel gives

# ---------------------------------------------------------------- composed of operations


def _banned(queries: int, keys: int, dtype: np.dtype) -> np.ndarray:
    """What is added to scores, so that a query sees the keys up to its own place."""
    return np.where(np.tri(queries, keys, dtype=bool), 0, -np.inf).astype(dtype)


def scores(q: Any, k: Any, mask: Any, causal: bool, scale: float) -> Tensor:
    """scale * q @ k' + mask: (..., l, s), -inf where a key does not take part."""
    found = matmul(q, T(k)) * scale
    dtype = found._value.dtype
    if mask is not None:
        found = found + (where(mask, 0.0, -np.inf) if mask._value.dtype == np.bool_ else mask)
    if causal:
        found = found + constant(_banned, *found._value.shape[-2:], dtype)
    return found


def weights(q: Any, k: Any, mask: Any, causal: bool, scale: float) -> Tensor:
    """The softmax of the scores, (..., l, s); zeros in a row in which no key takes part."""
    found = scores(q, k, mask, causal, scale)
    if mask is None or not found._value.shape[-1]:
        return softmax(found, -1)
    nobody = isneginf(amax(detached(found), -1, True))
    return where(nobody, 0.0, softmax(where(nobody, 0.0, found), -1))


def _softened(x: Any, p: Any) -> Any:
    """The Jacobian of softmax at p, applied to x."""
    return p * (x - sum(p * x, -1, True))


def _pulled_twice(g: Any, y: Any, q: Any, k: Any, v: Any, p: Any, scale: float) -> tuple[Any, Any, Any, Any]:
    """The cotangents of y, q, k and v, given those of the three results of the reverse rule."""
    a, b, c = g
    into = matmul(y, T(v))
    along = sum(p * into, -1, True)
    slopes = p * (into - along)
    w = (matmul(a, T(k)) + matmul(q, T(b))) * scale
    u = _softened(w, p)
    of_p = matmul(y, T(c)) + w * (into - along) - into * sum(p * w, -1, True)
    of_s = _softened(of_p, p) * scale
    slopes = slopes * scale
    return (
        matmul(u, v) + matmul(p, c), matmul(of_s, k) + matmul(slopes, b), matmul(T(of_s), q) + matmul(T(slopes), a),
        matmul(T(u), y),
    )  # fmt: skip


def _pushed_on(t: Any, y: Any, q: Any, k: Any, v: Any, p: Any, scale: float) -> list[Any]:
    """The tangents of the three results of the reverse rule, given those of q, k and v, or None."""
    tq, tk, tv = t
    into = matmul(y, T(v))
    slopes = _softened(into, p) * scale
    dq, dk, dv = (0.0 * x for x in (q, k, v))
    change = None if tv is None else _softened(matmul(y, T(tv)), p)
    if tq is not None or tk is not None:
        moved = 0.0 if tq is None else matmul(tq, T(k))
        moved = moved if tk is None else moved + matmul(q, T(tk))
        tp = _softened(moved * scale, p)
        of_slopes = tp * (into - sum(p * into, -1, True)) - p * sum(tp * into, -1, True)
        change = of_slopes if change is None else change + of_slopes
        dv = matmul(T(tp), y)
    if change is not None:
        dq, dk = matmul(change * scale, k), matmul(T(change) * scale, q)
    dq = dq if tk is None else dq + matmul(slopes, tk)
    dk = dk if tq is None else dk + matmul(T(slopes), tq)
    return [dq, dk, dv]


def _tangent(t: Any, q: Any, k: Any, v: Any, p: Any, scale: float) -> Any:
    """The tangent of attention, given those of q and k, or None."""
    tq, tk = t
    moved = matmul(tq, T(k)) if tk is None else matmul(q, T(tk))
    return matmul(_softened(moved * scale, p), v)


# ---------------------------------------------------------------- queries, keys and values apart


def _attended(q: np.ndarray, k: np.ndarray, v: np.ndarray, mask: Any, causal: bool, scale: float, keep: bool) -> Any:
    small = keep and max(q.shape[-2], k.shape[-2]) <= SHORT
    out, *kept = _kernels.attention(q, k, v, mask, causal=causal, scale=scale, weights=small)
    return out, tuple(kept) if keep else None


def _each(mask: int | None) -> Rule:
    """Of a batch: its dimensions are further leading ones; the argument that is a mask is repeated by the kernel."""

    def rule(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> Any:
        values = [x if i == mask else full(x, batch, batch.having[i]) for i, x in enumerate(arrays)]
        if mask is not None and values[mask] is not None and not batch.having[mask]:
            values[mask] = values[mask].reshape((*(1,) * len(batch.lengths), *values[mask].shape))
        return kernel(*values, **static)

    return rule


def _pull(
    g: Any, q: Any, k: Any, v: Any, mask: Any, z: Any, kept: Any, causal: bool, scale: float
) -> tuple[Any, ...]:
    inputs = (g, q, k, v, mask, detached(z), kept)
    found = apply(_BACKWARD, inputs, {"causal": causal, "scale": scale})
    return item(found, 0), item(found, 1), item(found, 2), None


_ATTENTION: Operation = primitive(
    "attention", _attended, (),
    (
        lambda t, q, k, v, mask, causal, scale: _tangent(
            (t, None), q, k, v, weights(q, k, mask, causal, scale), scale
        ),
        lambda t, q, k, v, mask, causal, scale: _tangent(
            (None, t), q, k, v, weights(q, k, mask, causal, scale), scale
        ),
        lambda t, q, k, mask, causal, scale: attend(q, k, t, mask, causal, scale),
        None,
    ),
    ("q", "k", "v", "mask"), joint=_pull, keeps=True, batched=_each(mask=3),
)  # fmt: skip


def _differentiated(
    y: np.ndarray, q: np.ndarray, k: np.ndarray, v: np.ndarray, mask: Any, out: np.ndarray, known: Known, causal: bool,
    scale: float, into: Parts | None = None,
) -> Parts:  # fmt: skip
    shift, *kept = known
    return _kernels.attention_backward(
        y, q, k, v, out, shift, mask, causal=causal, scale=scale, weights=kept[0] if kept else None, into=into
    )


def _pull_again(
    g: Any, y: Any, q: Any, k: Any, v: Any, mask: Any, causal: bool, scale: float
) -> tuple[Any, ...]:
    p = weights(q, k, mask, causal, scale)
    return *_pulled_twice([item(g, i) for i in range(3)], y, q, k, v, p, scale), None, None, None


def _push_again(t: Any, which: int, y: Any, q: Any, k: Any, v: Any, mask: Any, causal: bool, scale: float) -> Any:
    tangents = [t if i == which else None for i in range(3)]
    return pack(_pushed_on(tangents, y, q, k, v, weights(q, k, mask, causal, scale), scale))


_BACKWARD: Operation = primitive(
    "attention_backward", _differentiated, (),
    (
        lambda t, q, k, v, mask, out, known, causal, scale: apply(
            _BACKWARD, (t, q, k, v, mask, out, known), {"causal": causal, "scale": scale}
        ),
        lambda t, y, q, k, v, mask, causal, scale: _push_again(t, 0, y, q, k, v, mask, causal, scale),
        lambda t, y, q, k, v, mask, causal, scale: _push_again(t, 1, y, q, k, v, mask, causal, scale),
        lambda t, y, q, k, v, mask, causal, scale: _push_again(t, 2, y, q, k, v, mask, causal, scale),
        None, None, None,
    ),
    ("y", "q", "k", "v", "mask", "out", "known"), joint=_pull_again, batched=_each(mask=4),
)  # fmt: skip


def attend(q: Any, k: Any, v: Any, mask: Any, causal: bool, scale: float) -> Tensor:
    """Attention of queries (..., l, e) to keys (..., s, e) with values (..., s, ev), by the kernel.

    Leading dimensions are the same. The mask is a constant of as many dimensions that broadcasts to (..., l, s):
    boolean, or of the others' dtype; or None. float32 and float64.
    """
    return apply(_ATTENTION, (q, k, v, mask), {"causal": causal, "scale": scale})


# ---------------------------------------------------------------- in one tensor

# A layer whose queries, keys and values come from one input gets them by one product, side by side: x is (..., l, 3,
# heads, e). The kernels read them where they are, and write their cotangents so, which spares copies of all.


def _unpacked(x: np.ndarray) -> Parts:
    q, k, v = (x[..., i, :, :].swapaxes(-2, -3) for i in range(3))
    return q, k, v


def _attended_packed(x: np.ndarray, mask: Any, causal: bool, scale: float, keep: bool) -> Any:
    out, kept = _attended(*_unpacked(x), mask, causal=causal, scale=scale, keep=keep)
    return out.swapaxes(-2, -3), kept


def _empty_like(x: np.ndarray) -> np.ndarray:
    """A new array whose dimensions lie in memory in the order of x's."""
    order = sorted(range(x.ndim), key=lambda d: -abs(x.strides[d]))
    made = _kernels.empty([x.shape[d] for d in order], x.dtype)
    return made.transpose(np.argsort(order)) if order != list(range(x.ndim)) else made


def _differentiated_packed(
    y: np.ndarray, x: np.ndarray, mask: Any, out: np.ndarray, known: Known, causal: bool, scale: float
) -> np.ndarray:
    z = _empty_like(x)
    if z.strides[-1] != z.itemsize:
        z = _kernels.empty(x.shape, x.dtype)
    y, out = y.swapaxes(-2, -3), out.swapaxes(-2, -3)
    _differentiated(y, *_unpacked(x), mask, out, known, causal, scale, _unpacked(z))
    return z


def _heads_first(x: Any) -> Any:
    lead = x._value.ndim - 3
    return permute(x, (*range(lead), lead + 1, lead, lead + 2))


def _parts(x: Any) -> list[Any]:
    """Queries, keys and values as (..., heads, l, e)."""
    whole = ((None, None, None),) * (x._value.ndim - 3)
    return [_heads_first(view_at(x, (*whole, i))) for i in range(3)]


def _together(parts: Any) -> Tensor:
    return stack([_heads_first(part) for part in parts], -3)


def _pull_packed(g: Any, x: Any, mask: Any, z: Any, kept: Any, causal: bool, scale: float) -> tuple[Any, None]:
    inputs = (g, x, mask, detached(z), kept)
    return apply(_PACKED_BACKWARD, inputs, {"causal": causal, "scale": scale}), None


def _push_packed(t: Any, x: Any, mask: Any, causal: bool, scale: float) -> Any:
    (q, k, v), (tq, tk, tv) = _parts(x), _parts(t)
    p = weights(q, k, mask, causal, scale)
    moved = matmul(tq, T(k)) + matmul(q, T(tk))
    return _heads_first(matmul(_softened(moved * scale, p), v) + matmul(p, tv))


_PACKED: Operation = primitive(
    "attention_packed", _attended_packed, (), (_push_packed, None), ("x", "mask"), joint=_pull_packed, keeps=True,
    batched=_each(mask=1),
)  # fmt: skip


def _pull_packed_again(g: Any, y: Any, x: Any, mask: Any, causal: bool, scale: float) -> tuple[Any, ...]:
    q, k, v = _parts(x)
    p = weights(q, k, mask, causal, scale)
    of_y, *others = _pulled_twice(_parts(g), _heads_first(y), q, k, v, p, scale)
    return _heads_first(of_y), _together(others), None, None, None


def _push_packed_again(t: Any, y: Any, x: Any, mask: Any, causal: bool, scale: float) -> Any:
    q, k, v = _parts(x)
    p = weights(q, k, mask, causal, scale)
    return _together(_pushed_on(_parts(t), _heads_first(y), q, k, v, p, scale))


_PACKED_BACKWARD: Operation = primitive(
    "attention_packed_backward", _differentiated_packed, (),
    (
        lambda t, x, mask, out, known, causal, scale: apply(
            _PACKED_BACKWARD, (t, x, mask, out, known), {"causal": causal, "scale": scale}
        ),
        _push_packed_again, None, None, None,
    ),
    ("y", "x", "mask", "out", "known"), joint=_pull_packed_again, batched=_each(mask=2),
)  # fmt: skip


# The same with the weights beside the result, of short sequences. Nothing flows back from the weights in most programs.


def _weighed(x: np.ndarray, causal: bool, scale: float, keep: bool) -> Any:
    out, shift, found = _kernels.attention(*_unpacked(x), causal=causal, scale=scale, weights=True)
    return (out.swapaxes(-2, -3), found), shift


def _pull_weighed(g: Any, x: Any, z: Any, kept: Any, causal: bool, scale: float) -> tuple[Any]:
    out, p = (item(detached(z), i) for i in range(2))
    inputs = (item(g, 0), x, None, out, pack([kept, p]))
    found = apply(_PACKED_BACKWARD, inputs, {"causal": causal, "scale": scale})
    if not nothing_came(g, 1):
        q, k, v = _parts(x)
        slopes = _softened(item(g, 1), weights(q, k, None, causal, scale)) * scale
        found = found + _together([matmul(slopes, k), matmul(T(slopes), q), 0.0 * v])
    return (found,)


def _push_weighed(t: Any, x: Any, causal: bool, scale: float) -> Any:
    (q, k, _), (tq, tk, _) = _parts(x), _parts(t)
    moved = (matmul(tq, T(k)) + matmul(q, T(tk))) * scale
    return pack([_push_packed(t, x, None, causal, scale), _softened(moved, weights(q, k, None, causal, scale))])


_WEIGHED: Operation = primitive(
    "attention_weighed", _weighed, (), (_push_weighed,), ("x",), joint=_pull_weighed, keeps=True, batched=_each(None)
)


def attend_weighed(x: Any, causal: bool, scale: float) -> tuple[Tensor, Tensor]:
    """`attend_packed` of at most `SHORT` positions without a mask, and the weights, (..., heads, l, l). They are not to
    be changed in place."""
    found = apply(_WEIGHED, (x,), {"causal": causal, "scale": scale})
    return item(found, 0), item(found, 1)


def attend_packed(x: Any, mask: Any, causal: bool, scale: float) -> Tensor:
    """Attention within a sequence, by the kernel: of (..., l, 3, heads, e), queries, keys and values in this order,
    gives (..., l, heads, e). The mask as of `attend`, against (..., heads, l, l)."""
    return apply(_PACKED, (x, mask), {"causal": causal, "scale": scale})
