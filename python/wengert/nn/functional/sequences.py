"""Losses of sequences whose alignment is not known."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..._types import Tensor
from ...core.broadcast import as_floating
from ...core.doors import constant, enter, leave
from ...core.half import half
from ...ops import losses
from ...ops.ctc import Lengths, ctc
from ...ops.index import pick
from ...ops.reduce import mean, sum
from ...ops.shape import reshape, unsqueeze


def ctc_loss(
    log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int = 0, reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:  # fmt: skip
    """Connectionist temporal classification: less the log-likelihood of labels, over all their alignments with steps.

    Parameters
    ----------
    log_probs : tensor
        (steps, n, classes) or (steps, classes): log-probabilities, as `log_softmax` gives them.
    targets : tensor of integers
        (n, labels), (labels,) without n, or the labels of all examples one after the other. None is the blank.
    input_lengths, target_lengths : tensor or sequence of int
        (n,), or one number without n: how many steps and labels each example has.
    blank : int
        The class that stands for no label.
    reduction : {"mean", "sum", "none"}
        "mean" divides each loss by its number of labels before it averages.
    zero_infinity : bool
        Whether an infinite loss, of an example with too few steps for its labels, counts as 0 and gives no gradient.

    Returns
    -------
    Tensor
        0-d, or (n,) without reduction.

    Raises
    ------
    ValueError
        If shapes or lengths do not fit.
    IndexError
        If the blank or a label is no class.

    Notes
    -----
    A. Graves et al., "Connectionist temporal classification: labelling unsegmented sequence data with recurrent neural
    networks", 2006. The gradient is that by any scores. PyTorch's is the same for what comes out of `log_softmax`, once
    it has gone through that, and otherwise has the exponentials of the scores added.

    Examples
    --------
    >>> x = wg.nn.functional.log_softmax(wg.zeros(4, 1, 3), 2)
    >>> wg.nn.functional.ctc_loss(x, wg.tensor([[1, 2]]), [4], [2])
    tensor(0.8432)
    """
    x, labels = as_floating(log_probs), losses.class_numbers("ctc_loss", targets)
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f'ctc_loss: expected reduction "mean", "sum" or "none", got {reduction!r}')
    alone = x._value.ndim == 2
    if alone:
        x, labels = unsqueeze(x, 1), reshape(labels, (1, labels._value.size))
    if x._value.ndim != 3:
        raise ValueError(
            f"ctc_loss: expected log-probabilities (steps, n, classes) or (steps, classes), got {x._value.shape}"
        )
    steps, n, classes = x._value.shape
    if not 0 <= operator.index(blank) < classes:
        raise IndexError(f"ctc_loss: blank {blank} is not one of {classes} classes")
    lengths = Lengths(
        _lengths("input_lengths", input_lengths, n, steps), _lengths("target_lengths", target_lengths, n, None),
        operator.index(blank), bool(zero_infinity),
    )  # fmt: skip
    z = _ctc_loss(x, _rows_of_labels(labels, lengths, n), lengths, reduction)
    return reshape(z, ()) if alone and reduction == "none" else z


@half
def _ctc_loss(x: Any, labels: Any, lengths: Lengths, reduction: str) -> Tensor:
    z = ctc(x, labels, lengths)
    if reduction == "mean":
        return mean(z / constant(_counts, lengths.labels, z._value.dtype))
    return sum(z) if reduction == "sum" else z


def _counts(labels: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    found: np.ndarray = np.maximum(np.array(labels, dtype), 1)
    return found


def _lengths(name: str, given: Any, n: int, most: int | None) -> tuple[int, ...]:
    """Lengths as integers, which decide what is computed."""
    array = np.asarray(given if isinstance(given, (Sequence, int)) else leave(enter(given), "int"))
    if array.dtype.kind not in "iu" and array.size:
        raise TypeError(f"ctc_loss: expected integers as {name}, got {array.dtype}")
    found = tuple(map(int, array.reshape(-1)))
    if len(found) != n:
        raise ValueError(f"ctc_loss: expected {n} {name}, one for each example, got {len(found)}")
    if min(found, default=0) < 0 or (most is not None and max(found, default=0) > most):
        raise ValueError(f"ctc_loss: expected {name} from 0{'' if most is None else f' to {most}'}, got {found}")
    return found


def _rows_of_labels(labels: Any, lengths: Lengths, n: int) -> Any:
    """Labels as rows, (n, most)."""
    most = max(lengths.labels, default=0)
    shape = labels._value.shape
    if len(shape) == 2 and shape[0] == n:
        if shape[1] < most:
            raise ValueError(f"ctc_loss: targets of shape {shape} have too few labels for target_lengths up to {most}")
        return labels
    total = int(np.sum(lengths.labels))
    if len(shape) != 1 or shape[0] != total:
        raise ValueError(
            f"ctc_loss: expected targets ({n}, {most} or more), or all labels in a row ({total},), got {shape}"
        )
    starts = np.cumsum((0, *lengths.labels))[:-1, None]
    places = np.minimum(starts + np.arange(most), max(total - 1, 0))
    return pick(labels, (places,)) if total else reshape(labels, (n, 0))
