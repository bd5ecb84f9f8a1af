"""Layers of recurrent networks: tanh, ReLU, LSTM and GRU, all steps in one operation.

The rows of all steps lie below each other, step by step, as in a packed sequence; `sizes` says how many each step has,
the longest sequences first. The kernel walks over the steps forward and, for the first derivative, back; the gradients
of weights are then products over all steps at once. Everything else, forward mode and derivatives of higher order,
follows from `composed`, which says in operations what the kernel computes.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _kernels
from ..core.batching import Batch, each, full
from ..core.doors import constant
from ..core.half import half
from ..core.tape import Operation, Rule, apply
from ..core.tuples import is_nothing, item
from .activations import relu
from .composed import pulled, pushed
from .functions import sigmoid, tanh
from .join import cat
from .products import linear, matmul
from .shape import matrix_transpose, narrow_view

Sizes = tuple[int, ...]
Wanted = tuple[bool, ...]
_ARGUMENTS = ("x", "h", "c", "w_ih", "w_hh", "b_ih", "b_hh")
GATES = {"tanh": 1, "relu": 1, "lstm": 4, "gru": 3}

# ---------------------------------------------------------------- in operations


def _starting(start: Any, begin: int, end: int, like: Any, width: int) -> Any:
    """Rows [begin, end) of what the sequences start with."""
    if start is None:
        return constant(np.zeros, (end - begin, width), like._value.dtype)
    return narrow_view(start, 0, begin, end)


def _taken(sizes: Sizes, reverse: bool) -> list[tuple[int, int, int]]:
    """The steps in the order in which they are taken: number, first row, and how many rows."""
    ends = list(itertools.accumulate(sizes))
    steps = [(t, ends[t] - n, n) for t, n in enumerate(sizes)]
    return steps[::-1] if reverse else steps


def _parts(x: Any, count: int) -> list[Any]:
    width = x._value.shape[1] // count
    return [narrow_view(x, 1, k * width, (k + 1) * width) for k in range(count)]


def _cell(kind: str, x: Any, h: Any, c: Any, w_hh: Any, b_hh: Any) -> tuple[Any, Any]:
    """The state after a step, of its products with the inputs and the state before."""
    u = linear(h, w_hh, b_hh)
    if kind in ("tanh", "relu"):
        return (tanh if kind == "tanh" else relu)(x + u), c
    if kind == "lstm":
        i, f, g, o = _parts(x + u, 4)
        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        return sigmoid(o) * tanh(c), c
    (x_r, x_z, x_n), (u_r, u_z, u_n) = _parts(x, 3), _parts(u, 3)
    n, z = tanh(x_n + sigmoid(x_r + u_r) * u_n), sigmoid(x_z + u_z)
    return n + z * (h - n), c


def composed(
    x: Any, h: Any, c: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, w_hr: Any = None, *, cell: str, sizes: Sizes,
    reverse: bool,
) -> list[Any]:  # fmt: skip
    """A layer step by step.

    Parameters
    ----------
    x : tensor
        (rows, inputs)
    h, c : tensor or None
        (sizes[0], hidden), the first (sizes[0], projected) where there is `w_hr`: where it starts; None for zeros.
    w_ih, w_hh, b_ih, b_hh : tensors; the biases may be None
    w_hr : tensor or None
        (projected, hidden): what h is multiplied by, step by step.
    cell : {"tanh", "relu", "lstm", "gru"}
    sizes : tuple of int
    reverse : bool

    Returns
    -------
    list
        All h, (rows, ...); the last h of each sequence; of an LSTM also the last c.
    """
    lstm = cell == "lstm"
    hidden, width = w_hh._value.shape[0] // GATES[cell], w_hh._value.shape[1]
    products = linear(x, w_ih, b_ih)
    now: list[Any] = [_starting(h, 0, 0, x, width), _starting(c, 0, 0, x, hidden) if lstm else None]
    outs: dict[int, Any] = {}
    ended: list[list[Any]] = []
    rows = 0
    for t, first, n in _taken(sizes, reverse):
        if n > rows:
            more = [_starting(h, rows, n, x, width), _starting(c, rows, n, x, hidden) if lstm else None]
            now = [a if b is None else cat((a, b)) for a, b in zip(now, more, strict=True)] if rows else more
        elif n < rows:
            ended.append([None if s is None else narrow_view(s, 0, n, rows) for s in now])
            now = [None if s is None else narrow_view(s, 0, 0, n) for s in now]
        rows = n
        now = list(_cell(cell, narrow_view(products, 0, first, first + n), now[0], now[1], w_hh, b_hh))
        if w_hr is not None:
            now[0] = matmul(now[0], matrix_transpose(w_hr))
        outs[t] = now[0]
    last = [cat([s, *[e[k] for e in reversed(ended)]]) for k, s in enumerate(now) if s is not None]
    return [cat([outs[t] for t in range(len(sizes))]), *last]


# ---------------------------------------------------------------- the kernel, and its first derivative


@functools.lru_cache(64)
def _lengths(sizes: Sizes) -> np.ndarray:
    lengths = np.array(sizes, np.int64)
    lengths.flags.writeable = False
    return lengths


def _forward(
    x: np.ndarray, h: Any, c: Any, w_ih: np.ndarray, w_hh: np.ndarray, b_ih: Any, b_hh: Any, cell: str, sizes: Sizes,
    reverse: bool, wanted: Wanted, keep: bool,
) -> tuple[tuple[np.ndarray, ...], Any]:  # fmt: skip
    out, h_n, c_n, kept = _kernels.recurrent_forward(
        cell, x, _lengths(sizes), w_ih, w_hh, b_ih, b_hh, h, c, reverse=reverse, keep=keep
    )
    return (out, h_n) if c_n is None else (out, h_n, c_n), kept


def _come(g: Any) -> Any:
    """A cotangent, or None where nothing has come."""
    return None if g is None or is_nothing(g) else g


def _turned(x: np.ndarray, hidden: int, back: bool = False) -> np.ndarray:
    """A GRU's rows r z n, by part, as n r z; or back."""
    k = hidden if back else 2 * hidden
    return np.concatenate((x[..., k:, :], x[..., :k, :]), -2)


def _by_weights(
    d: np.ndarray, x: np.ndarray, h_before: np.ndarray, cell: str, wanted: Wanted, rows: slice
) -> dict[str, np.ndarray]:
    """The gradients that are products over all steps, from those by the gates' sums, transposed; of stacks of them too.
    `rows` are those that do not start with zeros."""
    hidden = h_before.shape[-1]
    gru = cell == "gru"
    d_x, d_h = (d[..., : 3 * hidden, :], d[..., hidden:, :]) if gru else (d, d)
    found: dict[str, np.ndarray] = {}
    if wanted[3]:
        found["w_ih"] = _kernels.matmul(d_x, x)
    if wanted[4]:
        found["w_hh"] = _kernels.matmul(d_h[..., rows], h_before[..., rows, :])
    if wanted[5]:
        found["b_ih"] = _kernels.reduce("sum", d_x, (d.ndim - 1,), False)
    if wanted[6]:
        found["b_hh"] = _kernels.reduce("sum", d_h, (d.ndim - 1,), False)
    if gru and wanted[3]:
        found["w_ih"] = _turned(found["w_ih"], hidden, True)
    if gru and wanted[5]:
        found["b_ih"] = _turned(found["b_ih"][..., None], hidden, True)[..., 0]
    return found


def _started(h: Any, sizes: Sizes, reverse: bool) -> slice:
    """The rows whose state before may be other than zero."""
    if h is not None or not sizes:
        return slice(None)
    total = sum(sizes)
    return slice(0, total - sizes[-1]) if reverse else slice(sizes[0], total)


def _gates_backward(
    gs: tuple[Any, ...], known: tuple[Any, ...], w_ih: np.ndarray, w_hh: np.ndarray, cell: str, sizes: Sizes,
    reverse: bool, wanted: Wanted,
) -> tuple[Any, ...]:  # fmt: skip
    """The gradients by the gates' sums, transposed, and by x, h and c where they are wanted."""
    w_x = None
    if wanted[0]:
        w_x = _turned(w_ih, w_hh.shape[1]) if cell == "gru" else w_ih
    return _kernels.recurrent_backward(
        cell, known, _lengths(sizes), w_hh, *map(_come, gs), w_x=w_x, reverse=reverse, start=wanted[1] or wanted[2]
    )


def _backward(
    g: Any, g_h: Any, g_c: Any, x: np.ndarray, h: Any, c: Any, w_ih: np.ndarray, w_hh: np.ndarray, b_ih: Any,
    b_hh: Any, known: tuple[Any, ...], cell: str, sizes: Sizes, reverse: bool, wanted: Wanted,
) -> tuple[np.ndarray, ...]:  # fmt: skip
    d, d_x, d_h, d_c = _gates_backward((g, g_h, g_c), known, w_ih, w_hh, cell, sizes, reverse, wanted)
    found: dict[str, Any] = _by_weights(d, x, known[1], cell, wanted, _started(h, sizes, reverse))
    found.update(x=d_x, h=d_h, c=d_c)
    return tuple(found[name] for name, is_wanted in zip(_ARGUMENTS, wanted, strict=True) if is_wanted)


# ---------------------------------------------------------------- over a batch


def _together(x: Any, batch: Batch, has: bool) -> Any:
    """The rows of all examples: row by row, those of the examples beside each other."""
    if x is None:
        return None
    whole = full(x, batch, has)
    count, (rows, *rest) = math.prod(batch.lengths), whole.shape[len(batch.lengths) :]
    return whole.reshape((count, rows, *rest)).swapaxes(0, 1).reshape((rows * count, *rest))


def _apart(x: Any, batch: Batch) -> Any:
    """The rows of each example."""
    if x is None:
        return None
    count = math.prod(batch.lengths)
    rows = x.shape[0] // max(count, 1)
    return x.reshape((rows, count, *x.shape[1:])).swapaxes(0, 1).reshape((*batch.lengths, rows, *x.shape[1:]))


def _many(static: dict[str, Any], batch: Batch) -> dict[str, Any]:
    count = math.prod(batch.lengths)
    return {**static, "sizes": tuple(n * count for n in static["sizes"])}


def _alone(kernel: Callable[..., Any], batch: Batch, arrays: list[Any], static: dict[str, Any]) -> Any:
    """Of examples with weights of their own, whose steps have no product in common."""
    values = [full(x, batch, has) if has else x for x, has in zip(arrays, batch.having, strict=True)]
    return each(kernel, batch, values, static)


def _each_forward(kernel: Callable[..., Any], batch: Batch, arrays: list[Any], static: dict[str, Any]) -> Any:
    """Of a batch: one with the same weights is a larger layer."""
    if any(batch.having[3:]) or 0 in batch.lengths:
        return _alone(kernel, batch, arrays, static)
    state = [_together(x, batch, has) for x, has in zip(arrays[:3], batch.having[:3], strict=True)]
    value, kept = kernel(*state, *arrays[3:], **_many(static, batch))
    return tuple(_apart(y, batch) for y in value), None if kept is None else tuple(_apart(y, batch) for y in kept)


def _each_backward(kernel: Callable[..., Any], batch: Batch, arrays: list[Any], static: dict[str, Any]) -> Any:
    """Of a batch: the gradients by the gates are those of a larger layer, those by weights each example's own."""
    if any(batch.having[6:10]) or 0 in batch.lengths:
        return _alone(kernel, batch, arrays, static)
    count, wanted = math.prod(batch.lengths), static["wanted"]
    state = [_together(x, batch, has) for x, has in zip(arrays[:6], batch.having[:6], strict=True)]
    known = tuple(None if y is None else _together(y, batch, batch.having[10]) for y in arrays[10])
    d, d_x, d_h, d_c = _gates_backward(tuple(state[:3]), known, arrays[6], arrays[7], **_many(static, batch))
    d = d.reshape((len(d), -1, count)).transpose(2, 0, 1).reshape((*batch.lengths, len(d), -1))
    x, h_before = full(arrays[3], batch, batch.having[3]), _apart(known[1], batch)
    rows = _started(arrays[4], static["sizes"], static["reverse"])
    found: dict[str, Any] = _by_weights(d, x, h_before, static["cell"], wanted, rows)
    found.update(x=_apart(d_x, batch), h=_apart(d_h, batch), c=_apart(d_c, batch))
    return tuple(found[name] for name, is_wanted in zip(_ARGUMENTS, wanted, strict=True) if is_wanted)


# ---------------------------------------------------------------- the rules


def _steps(cell: str, sizes: Sizes, reverse: bool) -> Callable[..., list[Any]]:
    return functools.partial(composed, cell=cell, sizes=sizes, reverse=reverse)


def _pulled_layer(
    g: Any, x: Any, h: Any, c: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, kept: Any, cell: str, sizes: Sizes,
    reverse: bool, wanted: Wanted,
) -> list[Any]:  # fmt: skip
    gs = [item(g, 0), item(g, 1), item(g, 2) if cell == "lstm" else None]
    static = {"cell": cell, "sizes": sizes, "reverse": reverse, "wanted": wanted}
    found = apply(_BACKWARD, (*gs, x, h, c, w_ih, w_hh, b_ih, b_hh, kept), static)
    places = itertools.count()
    return [item(found, next(places)) if is_wanted else None for is_wanted in wanted]


def _pushed_layer(
    t: Any, x: Any, h: Any, c: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, cell: str, sizes: Sizes, reverse: bool
) -> Any:
    return pushed(_steps(cell, sizes, reverse), (x, h, c, w_ih, w_hh, b_ih, b_hh), t)


def _gradients(cell: str, sizes: Sizes, reverse: bool, wanted: Wanted) -> Callable[..., list[Any]]:
    """What `_BACKWARD` computes, in operations."""

    def gradients(g: Any, g_h: Any, g_c: Any, *inputs: Any) -> list[Any]:
        gs = [g, g_h] if g_c is None else [g, g_h, g_c]
        return pulled(_steps(cell, sizes, reverse), inputs, wanted, gs)

    return gradients


def _pulled_gradients(
    g: Any, g_out: Any, g_h: Any, g_c: Any, x: Any, h: Any, c: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any,
    cell: str, sizes: Sizes, reverse: bool, wanted: Wanted,
) -> list[Any]:  # fmt: skip
    inputs = (g_out, g_h, g_c, x, h, c, w_ih, w_hh, b_ih, b_hh)
    there = tuple(y is not None for y in inputs)
    gs = [item(g, k) for k in range(sum(wanted))]
    found = iter(pulled(_gradients(cell, sizes, reverse, wanted), inputs, there, gs))
    return [*[next(found) if is_there else None for is_there in there], None]


def _pushed_gradients(
    t: Any, g_out: Any, g_h: Any, g_c: Any, x: Any, h: Any, c: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any,
    cell: str, sizes: Sizes, reverse: bool, wanted: Wanted,
) -> Any:  # fmt: skip
    inputs = (g_out, g_h, g_c, x, h, c, w_ih, w_hh, b_ih, b_hh)
    return pushed(_gradients(cell, sizes, reverse, wanted), inputs, t[:10])


_NAMES = ("g_out", "g_h", "g_c", *_ARGUMENTS, "known")
_STATIC = ("cell", "sizes", "reverse", "wanted")
_BACKWARD = Operation(
    "rnn_layer_backward", _backward, _NAMES, (None,) * 11, (None,) * 11,
    Rule(_pulled_gradients, ("g", *_NAMES[:10], *_STATIC)),
    pushed=Rule(_pushed_gradients, ("t", *_NAMES[:10], *_STATIC)), batched=_each_backward,
)  # fmt: skip
_LAYER = Operation(
    "rnn_layer", _forward, _ARGUMENTS, (None,) * 7, (None,) * 7,
    Rule(_pulled_layer, ("g", *_ARGUMENTS, "kept", *_STATIC)), keeps=True,
    pushed=Rule(_pushed_layer, ("t", *_ARGUMENTS, *_STATIC[:3])), batched=_each_forward,
)  # fmt: skip


@half
def recurrent_layer(
    x: Any, h: Any, c: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, w_hr: Any = None, *, cell: str, sizes: Sizes,
    reverse: bool = False,
) -> tuple[Any, ...]:  # fmt: skip
    """One layer of a recurrent network, in one direction; arguments and results as of `composed`."""
    if w_hr is not None:
        return tuple(composed(x, h, c, w_ih, w_hh, b_ih, b_hh, w_hr, cell=cell, sizes=sizes, reverse=reverse))
    if b_hh is not None and cell != "gru":
        b_ih, b_hh = b_ih + b_hh, None
    inputs = (x, h, c, w_ih, w_hh, b_ih, b_hh)
    wanted = tuple([y is not None and y.requires_grad for y in inputs])
    found = apply(_LAYER, inputs, {"cell": cell, "sizes": sizes, "reverse": reverse, "wanted": wanted})
    return tuple([item(found, k) for k in range(3 if cell == "lstm" else 2)])
