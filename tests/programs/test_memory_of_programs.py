"""Programs over memory that several tensors show, and over layers and operations that are not plain elementwise ones.

Results, and all state that outlives a call, are compared with those of the function itself on a twin of its state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from replayed import bits, of
from wengert import nn, optim
from wengert.nn import functional as F

CALLS = 6
LARGE = 10_000  # more than a block of joined elementwise calls

# What makes a function of one tensor, and the tensors that outlive its calls.
Maker = Callable[[], tuple[Callable[[Any], Any], list[Any]]]


def assert_twins(make: Maker, *shape: int) -> None:
    (f, expected), (twin, found) = make(), make()
    compiled = wg.compile(twin)
    for n in range(CALLS):
        x = of(n, *shape)
        assert bits(compiled(x)) == bits(f(x)), f"call {n}"
        assert bits(found) == bits(expected), f"state after call {n}"
    assert compiled._count() == 1


# ---------------------------------------------------------------- memory that several tensors show


def shifted() -> Any:
    """Elementwise calls in a row, of which one reads beside what another writes: blocks of them may not go ahead."""

    def f(x: Any) -> Any:
        y = x * 1
        y[:-1].mul_(2)
        z = y[1:] + 1
        w = z * 3
        return z, w.exp(), y

    return f, []


def shifted_back() -> Any:
    def f(x: Any) -> Any:
        y = x * 1
        y[1:].mul_(2)
        z = y[:-1] + 1
        w = z * 3
        y[1:].add_(w)
        return z, w, y

    return f, []


def onto_itself() -> Any:
    def f(x: Any) -> Any:
        y = x * 1
        y[1:].add_(y[:-1])
        y[:-1].mul_(y[1:])
        y += y.flip(0)
        return y, y * 2

    return f, []


def shifted_outside() -> Any:
    base = of(99, LARGE + 1)
    first, last = base[:-1], base[1:]

    def f(x: Any) -> Any:
        first.mul_(0.5)
        z = last + x
        last.add_(z)
        return z, first * 2

    return f, [base]


def two_owners() -> Any:
    """Two tensors over one buffer, of which neither knows of the other."""
    buffer = bytearray(4 * (LARGE + 1))
    a = wg.from_numpy(np.frombuffer(buffer, np.float32)[:LARGE])
    b = wg.from_numpy(np.frombuffer(buffer, np.float32, offset=4))

    def f(x: Any) -> Any:
        a.add_(x)
        z = b + 1
        b.mul_(0.5)
        return z, a * 2

    return f, [a, b]


def in_steps() -> Any:
    def f(x: Any) -> Any:
        y = x * 1
        y[::2] *= 2
        y[1::2] += y[::2]
        square = y.reshape(100, 100)
        square += square.T * 0.5
        return y, square.T + square

    return f, []


def exchanged() -> Any:
    a, b = of(1, LARGE), of(2, LARGE)

    def f(x: Any) -> Any:
        t = a.clone()
        a.copy_(b)
        b.copy_(t)
        a.add_(x)
        return a - b

    return f, [a, b]


def freed_early() -> Any:
    """Many short lives, whose memory is shared, beside long ones."""

    def f(x: Any) -> Any:
        kept = []
        for k in range(12):
            y = (x * k).sin()
            z = y.cumsum(0) * 0.01
            if k % 3 == 0:
                kept.append(z)
            x = x + z.tanh() + y[:1]
        return sum(kept, x), kept[1], x

    return f, []


@pytest.mark.parametrize(
    "make", [shifted, shifted_back, onto_itself, shifted_outside, two_owners, in_steps, exchanged, freed_early]
)
def test_memory_that_several_tensors_show(make: Maker) -> None:
    assert_twins(make, LARGE)


# ---------------------------------------------------------------- layers


def _trained(model: Any, loss: Callable[[Any], Any]) -> Any:
    o = optim.AdamW(model.parameters(), lr=0.01)

    def f(x: Any) -> Any:
        o.zero_grad()
        found = loss(x)
        found.backward()
        o.step()
        return found.detach()

    return f, [*model.parameters(), *model.buffers()]


def convolution() -> Any:
    wg.manual_seed(1)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3))
    return _trained(model, lambda x: (model(x.reshape(2, 1, 8, 8)) ** 2).mean())


def attention() -> Any:
    wg.manual_seed(1)
    model = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0)
    return _trained(model, lambda x: (model(x.reshape(2, 8, 8)) ** 3).mean())


def recurrent() -> Any:
    """A state that goes from call to call."""
    wg.manual_seed(1)
    model = nn.LSTM(8, 8, batch_first=True)
    h, c = wg.zeros(1, 4, 8), wg.zeros(1, 4, 8)

    def loss(x: Any) -> Any:
        y, (last, cell) = model(x.reshape(4, 4, 8), (h.clone(), c.clone()))
        h.copy_(last.detach())
        c.copy_(cell.detach())
        return (y * y).mean()

    f, state = _trained(model, loss)
    return f, [*state, h, c]


def embedding() -> Any:
    wg.manual_seed(1)
    model = nn.Embedding(20, 4, padding_idx=0)
    return _trained(model, lambda x: (model((x * 3).abs().long().clamp(0, 19)) ** 2).sum())


def averaged() -> Any:
    wg.manual_seed(1)
    model = nn.Linear(128, 3)
    means = {name: x.clone() for name, x in model.state_dict().items()}
    step, state = _trained(model, lambda x: (model(x) ** 2).mean())

    def f(x: Any) -> Any:
        loss = step(x)
        with wg.no_grad():
            for name, v in model.state_dict().items():
                means[name].mul_(0.9).add_(v, alpha=0.1)
        return loss

    return f, [*state, *means.values()]


def copied_by_load() -> Any:
    wg.manual_seed(1)
    model, target = nn.Linear(128, 3), nn.Linear(128, 3)
    step, state = _trained(model, lambda x: (model(x) - target(x).detach()).square().mean())

    def f(x: Any) -> Any:
        loss = step(x)
        target.load_state_dict(model.state_dict())
        return loss, target(x).detach()

    return f, [*state, *target.parameters()]


@pytest.mark.parametrize("make", [convolution, attention, recurrent, embedding, averaged, copied_by_load])
def test_layers(make: Maker) -> None:
    assert_twins(make, 128)


# ---------------------------------------------------------------- operations of other kinds


def orders() -> Any:
    def f(x: Any) -> Any:
        return (
            x.argmax(), x.max(), x.max(0).values, x.topk(3)[1], x.sort(0).values, x.argsort(), x.median(),
            wg.where(x > 0, x, 0.0), x.where(x > 0, -x),
        )  # fmt: skip

    return f, []


def masks() -> Any:
    def f(x: Any) -> Any:
        y = x * 1
        y[y > 0.5] = 0.0
        y.masked_fill_(y < -1, 5.0)
        y[[0, 2]] += x[[1, 3]]
        return y, x.masked_fill(x > 0, 1.0)

    return f, []


def scattered() -> Any:
    def f(x: Any) -> Any:
        i = (x * 100).abs().long() % 5
        return wg.zeros(5).index_add(0, i, x), wg.zeros(5).scatter_add(0, i, x), wg.bincount(i, minlength=5)

    return f, []


def matrices() -> Any:
    def f(x: Any) -> Any:
        m = x.reshape(4, 4)
        a = m @ m.T + 4 * wg.eye(4)
        return (
            wg.linalg.inv(a), wg.linalg.solve(a, m), wg.linalg.cholesky(a), wg.linalg.det(a), wg.linalg.svd(m)[1],
            wg.linalg.eigh(a)[0], wg.einsum("ij,kj->ik", m, m), wg.linalg.norm(m), a.trace(),
        )  # fmt: skip

    return f, []


def of_ones_own() -> Any:
    class Square(wg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return g * 2 * x

    def f(x: Any) -> Any:
        y = x.detach().clone().requires_grad_()
        z = Square.apply(y).sum()
        z.backward()
        return z.detach(), y.grad

    return f, []


def other_dtypes() -> Any:
    half, whole, mask = of(1, 16).half(), wg.tensor([1, 2, 3]), wg.tensor([True, False, True])
    empty, number = wg.zeros(0), wg.tensor(1.0)

    def f(x: Any) -> Any:
        half.mul_(0.5).add_(x.half())
        whole.add_(1)
        whole[1:] *= 2
        mask.copy_(~mask)
        empty.add_(1)
        number.mul_(0.5).add_(x.sum())
        return half.float() * 2, half.sum(), whole // 2, whole.float() * x[:3], mask.sum(), number * 1, x[:0].sum()

    return f, [half, whole, mask, empty, number]


def losses() -> Any:
    w = of(3, 16).requires_grad_()

    def f(x: Any) -> Any:
        w.grad = None
        y = (w * x).reshape(4, 4)
        labels = (x.reshape(4, 4).sum(1) * 10).long() % 4
        total = F.cross_entropy(y, labels) + F.mse_loss(y, x.reshape(4, 4)) + F.nll_loss(y.log_softmax(1), labels)
        total = total + F.binary_cross_entropy_with_logits(y, (x.reshape(4, 4) > 0).float())
        total.backward()
        return total.detach(), w.grad * 1

    return f, [w]


@pytest.mark.parametrize("make", [orders, masks, scattered, matrices, of_ones_own, other_dtypes, losses])
def test_operations_of_other_kinds(make: Maker) -> None:
    assert_twins(make, 16)
