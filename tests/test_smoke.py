"""Everything once, in a second: what to run first when something is broken, and what to read for a first impression."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import wengert as wg
from wengert import data, func, linalg, nn, optim
from wengert.nn import functional as F


def test_a_tensor_is_made_changed_and_printed() -> None:
    x = wg.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert x.shape == (2, 2)
    assert x.dtype == wg.float32
    x[0] = 5
    x.mul_(2)
    assert x.tolist() == [[10.0, 10.0], [6.0, 8.0]]
    assert repr(x.T) == "tensor([[10.,  6.],\n        [10.,  8.]])"
    assert x.sum(0).tolist() == [16.0, 18.0]


def test_tensors_and_arrays_share_memory() -> None:
    array = np.zeros(3)
    x = wg.from_numpy(array)
    x += 1
    assert array.tolist() == [1.0, 1.0, 1.0]
    assert np.shares_memory(x.numpy(), array)
    assert np.exp(x).dtype == wg.float64


def test_a_backward_walk_fills_gradients() -> None:
    w = wg.tensor([1.0, 2.0], requires_grad=True)
    loss = (w**2).sum() * 3
    loss.backward()
    assert w.grad.tolist() == [6.0, 12.0]
    with pytest.raises(RuntimeError, match="walked backward before"):
        loss.backward()


def test_what_was_changed_since_is_refused() -> None:
    x = wg.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    z = y * y
    y.add_(1)
    with pytest.raises(RuntimeError, match="changed in place"):
        z.sum().backward()


def test_derivatives_of_functions_in_both_modes_and_of_any_order() -> None:
    def f(x: wg.Tensor) -> wg.Tensor:
        return (wg.sin(x) * x).sum()

    x = wg.tensor([0.5, -1.0], dtype=wg.float64)
    func.check_gradients(f, x, order=3)
    value, slope = func.jvp(f, x, wg.ones_like(x))
    assert value.item() == pytest.approx(f(x).item())
    assert slope.item() == pytest.approx(func.grad(f)(x).sum().item())
    hessian = func.hessian(f)(x).numpy()
    np.testing.assert_allclose(hessian, np.diag(2 * np.cos(x.numpy()) - x.numpy() * np.sin(x.numpy())), atol=1e-12)
    assert func.derivative(wg.exp, order=5)(wg.tensor(0.0)).item() == pytest.approx(1.0)


def test_a_users_operation_takes_part() -> None:
    cube = wg.define.elementwise("smoke_cube", lambda x: x**3, lambda x: 3 * x * x)
    assert wg.grad(cube)(2.0).item() == 12.0
    assert wg.hessian(cube)(2.0).item() == 12.0


def test_linear_algebra_is_differentiable() -> None:
    a = wg.tensor([[2.0, 1.0], [1.0, 3.0]], dtype=wg.float64)
    func.check_gradients(lambda a: linalg.inv(a).sum() + linalg.det(a), a, order=2)
    np.testing.assert_allclose(linalg.solve(a, wg.ones(2, dtype=wg.float64)).numpy(), [0.4, 0.2])
    q, r = linalg.qr(a)
    np.testing.assert_allclose((q @ r).numpy(), a.numpy(), atol=1e-12)


def test_random_numbers_follow_their_seed() -> None:
    wg.manual_seed(7)
    first = wg.randn(4), wg.randperm(5)
    wg.manual_seed(7)
    again = wg.randn(4), wg.randperm(5)
    assert all(x.equal(y) for x, y in zip(first, again, strict=True))


def test_a_network_learns_with_every_optimizer() -> None:
    x = wg.tensor(np.random.default_rng(0).normal(size=(64, 4)), dtype=wg.float32)
    y = (x.sum(1) > 0).to(wg.int64)
    for make in (optim.SGD, optim.Adam, optim.AdamW, optim.RMSprop, optim.Adagrad):
        wg.manual_seed(0)
        net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
        optimizer = make(net.parameters(), lr=0.05)
        schedule = optim.lr_scheduler.StepLR(optimizer, 40)
        losses = []
        for _ in range(60):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        assert losses[-1] < 0.9 * losses[0], make.__name__


def test_layers_keep_their_state(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Tanh())
    net(wg.randn(8, 3))
    wg.save(net.state_dict(), tmp_path / "net.wg")
    other = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Tanh())
    other.load_state_dict(wg.load(tmp_path / "net.wg"))
    x = wg.randn(2, 3)
    assert net.eval()(x).equal(other.eval()(x))


def test_a_loader_gives_batches() -> None:
    x, y = wg.randn(10, 3), wg.arange(10)
    loader = data.DataLoader(data.TensorDataset(x, y), batch_size=4, shuffle=True)
    labels = [label for _, labels in loader for label in labels.tolist()]
    assert sorted(labels) == list(range(10))


def test_threads_do_not_change_results() -> None:
    x = wg.randn(300, 300)
    found = []
    for threads in (1, 2):
        wg.set_num_threads(threads)
        found.append((x @ x).softmax(1).numpy().tobytes())
    assert found[0] == found[1]
