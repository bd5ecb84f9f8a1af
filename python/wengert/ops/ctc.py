"""Connectionist temporal classification: the likelihood of a sequence of labels, summed over all ways to align it.

An alignment gives each step a label or the blank; repeated labels count once, and blanks are left out (A. Graves et
al., "Connectionist temporal classification", 2006). The labels of an example with blanks between and around them are
its states. The kernel walks over the steps once, forwards and backwards at the same time, in float64 and by logarithms,
and keeps the gradient: less the probability that a step has a label, given the labels of the whole. It is exact for any
scores; PyTorch's takes for granted that they are log-probabilities, and differs where they are not.

The second derivative is made of operations: the same walk with a tangent beside each score.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._types import Tensor
from ..core.batching import Batch, full
from ..core.broadcast import cast
from ..core.define import computed, primitive
from ..core.doors import constant
from ..core.half import half_kernel
from ..core.named import NamedTuple
from ..core.tape import Operation, apply
from .arithmetic import clip
from .compare import where
from .functions import exp
from .index import pick
from .join import cat, stack
from .products import matmul
from .reduce import sum
from .rows import logsumexp, softmax
from .shape import narrow_view, permute, unsqueeze

_NEVER = -1e30  # stands for log 0 in operations, whose derivatives it leaves finite


class Lengths(NamedTuple):
    """Of each example, how many steps its scores have, and how many labels; the label that is the blank; and whether an
    infinite loss counts as 0."""

    steps: tuple[int, ...]
    labels: tuple[int, ...]
    blank: int
    zero: bool = False

    def states(self) -> np.ndarray:
        """How many states each has."""
        return 2 * np.array(self.labels, np.int64) + 1


# ---------------------------------------------------------------- the walk


def _states(targets: np.ndarray, lengths: Lengths) -> np.ndarray:
    """The label of each state, (n, states); blanks behind the last."""
    n, most = len(lengths.labels), max(lengths.labels, default=0)
    out = np.full((n, 2 * most + 1), lengths.blank, np.int64)
    behind = np.arange(most) >= np.array(lengths.labels, np.int64).reshape(-1, 1)
    out[:, 1::2] = np.where(behind, lengths.blank, targets[:, :most])
    return out


def _marks(targets: np.ndarray, lengths: Lengths, classes: int) -> np.ndarray:
    """1 where a state has a label, (n, states, classes)."""
    states = _states(targets, lengths)
    marks = np.zeros((*states.shape, classes))
    np.put_along_axis(marks, states[:, :, None], 1.0, 2)
    marks[np.arange(states.shape[1]) >= lengths.states()[:, None]] = 0
    return marks


def _may_skip(states: np.ndarray, blank: int) -> np.ndarray:
    """Whether a state may follow the last but one: a label that differs from the one before, (n, states)."""
    out = np.zeros(states.shape, np.bool_)
    out[:, 2:] = (states[:, 2:] != blank) & (states[:, 2:] != states[:, :-2])
    return out


def _turned(lengths: tuple[int, ...] | np.ndarray, most: int) -> np.ndarray:
    """Places counted from each example's end, (n, most); what lies behind it stays there."""
    places, ends = np.arange(most), np.asarray(lengths, np.int64).reshape(-1, 1)
    return np.where(places < ends, ends - 1 - places, places)


def _log_sum(parts: list[np.ndarray]) -> np.ndarray:
    most = np.maximum(np.maximum(parts[0], parts[1]), parts[2])
    least = np.where(np.isneginf(most), 0, most)
    total = np.exp(parts[0] - least)
    total += np.exp(parts[1] - least)
    total += np.exp(parts[2] - least)
    found: np.ndarray = np.log(total)
    found += least
    return found


def _walked(scores: np.ndarray, skip: np.ndarray) -> np.ndarray:
    """The logarithms of the sums over all ways into each state at each step, (steps, n, states), of scores alike."""
    out = np.full(scores.shape, -np.inf)
    if not scores.shape[0]:
        return out
    out[0, :, :2] = scores[0, :, :2]
    wide = np.full((scores.shape[1], scores.shape[2] + 2), -np.inf)
    for t in range(1, scores.shape[0]):
        wide[:, 2:] = out[t - 1]
        from_skipped = np.where(skip, wide[:, :-2], -np.inf)
        out[t] = _log_sum([wide[:, 2:], wide[:, 1:-1], from_skipped]) + scores[t]
    return out


def _both_ways(scores: np.ndarray, states: np.ndarray, lengths: Lengths) -> tuple[np.ndarray, np.ndarray]:
    """The walk from the first step, and that from each example's last, each (steps, n, states)."""
    steps, n, count = scores.shape
    back_t, back_s = _turned(lengths.steps, steps).T[:, :, None], _turned(lengths.states(), count)
    examples = np.arange(n)[:, None]
    turned = scores[back_t, examples, back_s]
    skip = _may_skip(states, lengths.blank)
    turned_skip = _may_skip(states[examples, back_s], lengths.blank)
    both = _walked(np.concatenate([scores, turned], 1), np.concatenate([skip, turned_skip]))
    return both[:, :n], both[:, n:][back_t, examples, back_s]


def _likelihood(forward: np.ndarray, lengths: Lengths) -> np.ndarray:
    """The logarithm of each example's, (n,); without steps, 0 for no labels."""
    found = np.empty(forward.shape[1])
    for k, (steps, labels) in enumerate(zip(lengths.steps, lengths.labels, strict=True)):
        ends = forward[steps - 1, k, max(2 * labels - 1, 0) : 2 * labels + 1] if steps else None
        found[k] = np.logaddexp.reduce(ends) if ends is not None else 0.0 if not labels else -np.inf
    return found


def _check(targets: np.ndarray, lengths: Lengths, classes: int) -> None:
    counted = np.arange(targets.shape[1]) < np.array(lengths.labels, np.int64).reshape(-1, 1)
    found = targets[counted]
    if found.size and not 0 <= found.min() <= found.max() < classes:
        bad = found[(found < 0) | (found >= classes)][0]
        raise IndexError(f"ctc_loss: label {bad} is not one of {classes} classes")


@half_kernel
def _ctc(
    x: np.ndarray, targets: np.ndarray, lengths: Lengths, keep: bool
) -> tuple[np.ndarray, np.ndarray | None]:  # fmt: skip
    """The losses, (n,), and their gradients, (steps, n, classes)."""
    steps, n, classes = x.shape
    _check(targets, lengths, classes)
    states = _states(targets, lengths)
    with np.errstate(all="ignore"):
        scores = x[:, np.arange(n)[:, None], states].astype(np.float64)
        if not keep:
            forward = _walked(scores, _may_skip(states, lengths.blank))
            return _losses(_likelihood(forward, lengths), lengths).astype(x.dtype), None
        forward, backward = _both_ways(scores, states, lengths)
        total = _likelihood(forward, lengths)
        share = np.exp(forward + backward - scores - total[:, None])
        share[np.isneginf(scores) & np.isfinite(total)[:, None]] = 0  # -inf - -inf
        share[np.arange(steps)[:, None] >= np.array(lengths.steps, np.int64)] = 0
    finite = np.isfinite(total)
    share[:, ~finite] = 0
    gradient = -np.matmul(share.transpose(1, 0, 2), _marks(targets, lengths, classes))
    if not lengths.zero:
        gradient[~finite[:, None] & (np.arange(steps) < np.array(lengths.steps, np.int64)[:, None])] = np.nan
    losses = _losses(total, lengths).astype(x.dtype)
    return losses, np.ascontiguousarray(gradient.transpose(1, 0, 2)).astype(x.dtype)


def _losses(total: np.ndarray, lengths: Lengths) -> np.ndarray:
    return np.where(np.isneginf(total), 0, -total) if lengths.zero else -total


# ---------------------------------------------------------------- over batches: more examples


def _merged(x: Any, batch: Batch, has: bool, place: int) -> np.ndarray:
    """An array with the batch as part of the dimension `place`, which the examples are along."""
    lead = len(batch.lengths)
    whole = np.asarray(full(x, batch, has))
    turned = np.moveaxis(whole, range(lead), range(place, place + lead))
    shape = turned.shape
    return turned.reshape(*shape[:place], math.prod(shape[place : place + lead + 1]), *shape[place + lead + 1 :])


def _apart(x: np.ndarray, batch: Batch, place: int) -> np.ndarray:
    lead = len(batch.lengths)
    count = math.prod(batch.lengths)
    each = x.shape[place] // count if count else 0
    wide = x.reshape(*x.shape[:place], *batch.lengths, each, *x.shape[place + 1 :])
    return np.moveaxis(wide, range(place, place + lead), range(lead))


def _repeated(lengths: Lengths, batch: Batch) -> Lengths:
    times = math.prod(batch.lengths)
    return lengths._replace(steps=lengths.steps * times, labels=lengths.labels * times)


def _each(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> Any:
    x, targets = _merged(arrays[0], batch, batch.having[0], 1), _merged(arrays[1], batch, batch.having[1], 0)
    loss, gradient = kernel(x, targets, lengths=_repeated(static["lengths"], batch), keep=static["keep"])
    return _apart(loss, batch, 0), None if gradient is None else _apart(gradient, batch, 1)


def _each_scaled(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> np.ndarray:
    values = [full(v, batch, has) for v, has in zip(arrays, batch.having, strict=True)]
    scaled: np.ndarray = kernel(*values, **static)
    return scaled


# ---------------------------------------------------------------- the operations


@half_kernel
def _scaled(g: np.ndarray, x: np.ndarray, targets: np.ndarray, known: np.ndarray, lengths: Lengths) -> np.ndarray:
    found: np.ndarray = known * g[..., None, :, None]
    return found


def _of_examples(g: Any) -> Any:
    """(n,) as it broadcasts with (steps, n, classes)."""
    return unsqueeze(g, -1)


def _unscaled(x: Any, targets: Any, known: Any, lengths: Lengths) -> Any:
    one = constant(np.ones, x._value.shape[1], x._value.dtype)
    return apply(_CTC_GRADIENT, (one, x, targets, known), {"lengths": lengths})


# The gradients of each example times g; `known` are their values at x.
_CTC_GRADIENT: Operation = primitive(
    "ctc_loss_backward", _scaled,
    (
        lambda g, x, targets, known, lengths: sum(g * _unscaled(x, targets, known, lengths), (0, 2)),
        lambda g, y, x, targets, lengths: _curved(g, x, targets, lengths) * _of_examples(y),
        None, None,
    ),
    (
        lambda t, x, targets, known, lengths: apply(_CTC_GRADIENT, (t, x, targets, known), {"lengths": lengths}),
        lambda t, y, x, targets, lengths: _curved(t, x, targets, lengths) * _of_examples(y),
        None, None,
    ),
    ("y", "x", "targets", "known"), batched=_each_scaled,
)  # fmt: skip


_CTC: Operation = primitive(
    "ctc_loss", _ctc,
    (
        lambda g, x, targets, kept, lengths: apply(_CTC_GRADIENT, (g, x, targets, kept), {"lengths": lengths}),
        None,
    ),
    (lambda t, x, targets, kept, lengths: sum(t * _unscaled(x, targets, kept, lengths), (0, 2)), None),
    ("x", "targets"), keeps=True, batched=_each,
)  # fmt: skip


def ctc(x: Any, targets: Any, lengths: Lengths) -> Tensor:
    """The losses, (n,), of scores (steps, n, classes) and targets (n, labels) of int64; infinite where nothing fits."""
    return apply(_CTC, (x, targets), {"lengths": lengths})


# ---------------------------------------------------------------- the second derivative, of operations


def _each_of_targets(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> np.ndarray:
    lengths = _repeated(static["lengths"], batch)
    return _apart(kernel(_merged(arrays[0], batch, batch.having[0], 0), **{**static, "lengths": lengths}), batch, 0)


_states_of = computed("ctc_states", _states, batched=_each_of_targets)
_skips_of = computed(
    "ctc_skips", lambda targets, lengths: _may_skip(_states(targets, lengths), lengths.blank), batched=_each_of_targets
)
_marks_of = computed("ctc_marks", _marks, batched=_each_of_targets)


def _later(x: Any, by: int, fill: float) -> Any:
    """x, (n, states), moved on by so many states."""
    by = min(by, x._value.shape[1])
    first = constant(np.full, (x._value.shape[0], by), fill, x._value.dtype)
    return cat([first, narrow_view(x, 1, 0, x._value.shape[1] - by)], 1)


def _pairs_walked(scores: Any, tangents: Any, skip: Any) -> tuple[Any, Any]:
    """`_walked`, and its derivative, of scores and tangents (steps, n, states)."""
    steps, n, count = scores._value.shape
    begin = constant(_beginning, n, count, scores._value.dtype)
    a, da = begin + pick(scores, 0), pick(tangents, 0)
    found, derivatives = [a], [da]
    for t in range(1, steps):
        skipped = where(skip, _later(a, 2, _NEVER), _NEVER)
        parts = stack([a, _later(a, 1, _NEVER), skipped])
        pushed = stack([da, _later(da, 1, 0.0), _later(da, 2, 0.0)])
        a, da = logsumexp(parts, 0) + pick(scores, t), sum(softmax(parts, 0) * pushed, 0) + pick(tangents, t)
        found.append(a)
        derivatives.append(da)
    return stack(found), stack(derivatives)


def _beginning(n: int, count: int, dtype: np.dtype) -> np.ndarray:
    """0 for the states that are first, the blank and the first label."""
    out = np.full((n, count), _NEVER, dtype)
    out[:, :2] = 0
    return out


def _curved(h: Any, x: Any, targets: Any, lengths: Lengths) -> Any:
    """The second derivatives of the losses by the scores, applied to h, (steps, n, classes): less the derivative of the
    probabilities in the direction h."""
    steps, n, classes = x._value.shape
    dtype, (examples, count) = x._value.dtype, (np.arange(n)[:, None], 2 * max(lengths.labels, default=0) + 1)
    if not steps or not n:
        return h * 0.0
    states, skip, marks = (
        _states_of(targets, lengths=lengths), _skips_of(targets, lengths=lengths),
        _marks_of(targets, lengths=lengths, classes=classes),
    )  # fmt: skip
    key = (slice(None), examples, states)
    scores, tangents = clip(pick(x, key), min=_NEVER), pick(h, key)
    back = (_turned(lengths.steps, steps).T[:, :, None], examples, _turned(lengths.states(), count))
    skip_back = _turned_skip(states, lengths=lengths)
    forward, forward_along = _pairs_walked(scores, tangents, skip)
    backward, backward_along = _pairs_walked(pick(scores, back), pick(tangents, back), skip_back)
    last = np.array(lengths.steps, np.int64) - 1
    ends = np.stack([2 * np.array(lengths.labels, np.int64), np.maximum(2 * np.array(lengths.labels, np.int64) - 1, 0)])
    final = pick(forward, (last, np.arange(n), ends)) + constant(_no_second_end, lengths.labels, dtype)
    total = logsumexp(final, 0)
    total_along = sum(softmax(final, 0) * pick(forward_along, (last, np.arange(n), ends)), 0)
    share = exp(forward + pick(backward, back) - scores - unsqueeze(total, -1))
    along = forward_along + pick(backward_along, back) - tangents - unsqueeze(total_along, -1)
    moving = share * along * constant(_within, lengths.steps, steps, dtype)
    return -permute(matmul(permute(moving, (1, 0, 2)), cast(marks, dtype)), (1, 0, 2))


def _no_second_end(labels: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Without labels there is one last state, not two."""
    return np.stack([np.zeros(len(labels)), np.where(np.array(labels) > 0, 0, _NEVER)]).astype(dtype)


def _within(lengths: tuple[int, ...], steps: int, dtype: np.dtype) -> np.ndarray:
    """1 at the steps that count, (steps, n, 1)."""
    return (np.arange(steps)[:, None] < np.array(lengths)).astype(dtype)[:, :, None]


def _skips_backwards(states: np.ndarray, lengths: Lengths) -> np.ndarray:
    turned = states[np.arange(len(states))[:, None], _turned(lengths.states(), states.shape[1])]
    return _may_skip(turned, lengths.blank)


_turned_skip = computed("ctc_skips_backwards", _skips_backwards, batched=_each_of_targets)
