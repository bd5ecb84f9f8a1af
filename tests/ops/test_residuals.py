"""What kernels keep for their rules: given up by a walk, right to any order, and nobody's to write to."""

from __future__ import annotations

import gc
from collections.abc import Callable

import numpy as np
import pytest

import wengert as wg
from wengert import linalg
from wengert.core import tape
from wengert.core.variable import Variable
from wengert.nn import functional as F


def draw(*shape: int, seed: int = 0) -> wg.Tensor:
    return wg.from_numpy(np.random.default_rng(seed).normal(size=shape))


def held_by(loss: wg.Tensor) -> int:
    """The bytes of the arrays that can be reached from what a tensor was computed by."""
    seen: set[int] = set()
    held = 0
    stack: list[object] = list(tape.ancestors([loss._source]))
    while stack:
        x = stack.pop()
        if id(x) in seen or isinstance(x, (type, tape.Operation)) or callable(x):
            continue
        seen.add(id(x))
        if isinstance(x, np.ndarray):
            if not isinstance(x.base, np.ndarray):
                held += x.nbytes
            else:
                stack.append(x.base)
        elif isinstance(x, wg.Tensor) and x.is_leaf and x.requires_grad:
            continue  # which the caller holds
        elif isinstance(x, tape.Node):
            stack += [x.saved, x.kept, x.result, x.static, x.sources]
        elif isinstance(x, (dict, tuple, list)):
            stack += x.values() if isinstance(x, dict) else x
        elif isinstance(x, Variable):
            stack.append(x._value)
    return held


LABELS = np.random.default_rng(1).integers(0, 1000, 4096)
LOSSES: dict[str, Callable[[wg.Tensor], wg.Tensor]] = {
    "labels": lambda x: F.cross_entropy(x, LABELS),
    "sum": lambda x: F.cross_entropy(x, LABELS, reduction="sum"),
    "each": lambda x: F.cross_entropy(x, LABELS, reduction="none").mean(),
    "smooth": lambda x: F.cross_entropy(x, LABELS, label_smoothing=0.1),
    "weighted": lambda x: F.cross_entropy(x, LABELS, wg.ones(1000)),
    "probabilities": lambda x: F.cross_entropy(x, wg.full((4096, 1000), 1e-3)),
    "nll": lambda x: F.nll_loss(x, LABELS),
    "standardized": lambda x: F.layer_norm(x, (1000,)).sum(),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_that_is_scaled_walked_and_kept_holds_nothing_of_the_size_of_its_logits(name: str) -> None:
    x = wg.zeros(4096, 1000, requires_grad=True)
    loss = LOSSES[name](x) * 0.5
    loss.backward()
    assert x.grad is not None
    assert held_by(loss) < 65536


def test_memory_that_a_kept_loss_takes_is_counted_by_the_allocator() -> None:
    x = wg.zeros(4096, 1000, requires_grad=True)
    LOSSES["labels"](x).backward()  # so that the gradient is there
    gc.collect()
    before = wg.memory.usage()["in_use"]
    loss = LOSSES["labels"](x) * 0.5
    loss.backward()
    assert wg.memory.usage()["in_use"] - before < 65536
    assert np.isfinite(loss.item())


@pytest.mark.parametrize("name", ["labels", "each", "weighted", "smooth", "nll"])
def test_a_graph_that_is_retained_is_walked_again_with_the_same_result(name: str) -> None:
    x = draw(4096, 1000).requires_grad_()
    loss = LOSSES[name](x)
    (first,) = wg.autograd.grad(loss, x, retain_graph=True)
    kept = first.numpy().copy()
    first.zero_()  # it is the caller's
    (second,) = wg.autograd.grad(loss, x)
    np.testing.assert_array_equal(second.numpy(), kept)
    with pytest.raises(RuntimeError, match="walked backward before"):
        wg.autograd.grad(loss, x)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dense", [False, True])
def test_derivatives_of_cross_entropy_are_right_to_order_three(
    reduction: str, smoothing: float, weighted: bool, dense: bool
) -> None:
    weight = wg.tensor([0.5, 2.0, 1.0, 0.25], dtype=wg.float64) if weighted else None
    target = wg.softmax(draw(3, 4, seed=1), 1) if dense else wg.tensor([2, 1, 3])

    def loss(x: wg.Tensor) -> wg.Tensor:
        return F.cross_entropy(x, target, weight, ignore_index=1, reduction=reduction, label_smoothing=smoothing)

    wg.func.check_gradients(loss, draw(3, 4), order=3)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_derivatives_of_nll_loss_are_right_behind_a_curved_function(reduction: str) -> None:
    def loss(x: wg.Tensor) -> wg.Tensor:
        return F.nll_loss(x**3, wg.tensor([2, 1, 3]), wg.tensor([0.5, 2.0, 1.0, 0.25]), ignore_index=1,
                          reduction=reduction)  # fmt: skip

    wg.func.check_gradients(loss, draw(3, 4), order=3)


@pytest.mark.parametrize("dims", [(4,), (3, 4)])
def test_derivatives_of_standardized_items_are_right_to_order_three(dims: tuple[int, ...]) -> None:
    wg.func.check_gradients(lambda x: F.layer_norm(x, dims) ** 2, draw(2, 3, 4), order=3)
    wg.func.check_gradients(lambda x: F.batch_norm(x, None, None, training=True) ** 2, draw(5, 2), order=3)


@pytest.mark.parametrize("name", ["svd", "eigh", "qr"])
def test_a_part_of_a_factorization_that_is_kept_holds_nothing_after_a_walk(name: str) -> None:
    x = (draw(200, 200) + draw(200, 200).mT).requires_grad_()
    part = getattr(linalg, name)(x)[1]
    loss = part.sum()
    del part
    loss.backward()
    assert held_by(loss) < 65536


def test_static_keywords_are_hashable() -> None:
    x = draw(4, 4)
    x = (x @ x.mT + wg.eye(4, dtype=wg.float64)).requires_grad_()
    rows = wg.log_softmax(x, 1)
    outs = [
        F.cross_entropy(x, wg.tensor([0, 1, 2, 3]), wg.ones(4)), F.nll_loss(rows, wg.tensor([0, 1, 2, 3])),
        F.layer_norm(x, (4,)), F.batch_norm(x, None, None, training=True), *linalg.svd(x), *linalg.eigh(x),
        *linalg.qr(x), linalg.cholesky(x), linalg.det(x), linalg.pinv(x), wg.cdist(x, x),
        F.embedding(wg.tensor([1, 0]), x, padding_idx=0), F.pad(x, (1, 1), "circular"),
    ]  # fmt: skip
    first = wg.autograd.grad([y.sum() for y in outs], x, create_graph=True)
    for node in tape.ancestors([y._source for y in (*outs, *first)]):
        if node.operation.name not in ("index", "index_backward"):
            assert isinstance(hash(tuple(sorted(node.static.items(), key=lambda item: item[0]))), int)


LINEAR: dict[str, tuple[Callable[..., wg.Tensor], tuple[int, ...], tuple[int, ...]]] = {
    "linear": (F.linear, (64, 3), (500, 3)),
    "addmm": (lambda x, w, b: x @ w.T + b, (64, 3), (500, 3)),
    "conv2d": (F.conv2d, (4, 1, 30, 30), (500, 1, 3, 3)),
    "conv1d": (F.conv1d, (4, 1, 300), (500, 1, 3)),
    "batch_norm": (lambda x, w, b: F.batch_norm(x, None, None, w, b, True), (64, 50, 20), (50,)),
}


@pytest.mark.parametrize("name", LINEAR)
def test_what_is_linear_keeps_no_result(name: str) -> None:
    """Of which a rule would have needed the shape alone."""
    function, shape, weights = LINEAR[name]
    x, w, b = draw(*shape), draw(*weights, seed=1), draw(weights[0], seed=2)
    z = function(x, w.requires_grad_(), b.requires_grad_())
    kept = z._value.nbytes if name == "batch_norm" else 0  # its input, which is of that size
    loss = z.sum()
    size = z._value.nbytes
    del z
    assert held_by(loss) < kept + x._value.nbytes + size / 2
