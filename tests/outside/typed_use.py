"""A program of a user whose mypy is strict; .ci/types checks it, and test_packaging runs it.

What stands in `misuse` is wrong on purpose: a checker that does not see it complains of the comment that lets it pass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import wengert as wg
from wengert import autograd, data, func, linalg, nn, optim, train
from wengert.nn import functional as F
from wengert.utils.data import DataLoader, random_split


class Network(nn.Module):
    """Two layers."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.hidden = nn.Linear(2, width)
        self.output = nn.Linear(width, 3)

    def forward(self, x: wg.Tensor) -> wg.Tensor:
        return self.output(F.relu(self.hidden(x)))


class Cube(autograd.Function):
    """x**3, with a rule of its own."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        return g * 3 * x**2


def tensors() -> None:
    x: wg.Tensor = wg.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    shape: wg.Size = x.shape
    dtype: np.dtype[Any] = x.dtype
    y = wg.softmax(x @ x.T, dim=-1)
    with wg.no_grad():
        z = wg.cat([y, wg.zeros_like(y)], dim=1)
    y.sum().backward()
    array: np.ndarray[Any, Any] = z.numpy()
    number: float = float(wg.mean(z))
    assert (shape, dtype, array.shape) == ((2, 2), wg.float32, (2, 4))
    assert number > 0
    assert not composed(x).requires_grad
    assert x.grad is not None
    values, indices = x.max(dim=1)
    largest: wg.Tensor = x.max(dim=1).values + x.max() + x.median(0).values
    parts: tuple[wg.Tensor, ...] = x.split(1)
    assert (values.ndim, indices.dtype, largest.ndim, len(parts)) == (1, wg.int64, 1, 2)


def places(wanted: str | wg.device = "cpu") -> wg.dtype[Any]:
    """A script that would run on a GPU."""
    device = wg.device("cuda") if wg.cuda.is_available() else wg.device(wanted)
    wg.backends.cudnn.benchmark = True
    x: wg.Tensor = wg.ones(2, device=device).to(device, non_blocking=True).cpu()
    index: int | None = device.index
    assert x.device == device == "cpu"
    assert (index, x.is_cuda, isinstance(x, wg.FloatTensor)) == (None, False, True)
    return wg.LongTensor([1, 2]).dtype


@wg.no_grad()
def composed(x: wg.Tensor) -> wg.Tensor:
    """Functions, operators and methods are known to give tensors: a strict mypy lets nothing unknown be returned."""
    return wg.softmax(wg.exp(x) @ x.T, dim=-1).mean(dim=0).reshape(-1)


def derivatives() -> None:
    cube: Callable[[Any], Any] = lambda x: (x**3).sum()  # noqa: E731
    x = wg.tensor([1.0, 2.0])
    assert func.grad(cube)(x).tolist() == [3.0, 12.0]
    assert func.hessian(cube)(x).shape == (2, 2)
    assert func.jacrev(wg.exp)(x).shape == func.jacfwd(wg.exp)(x).shape == (2, 2)
    assert autograd.functional.hvp(cube, x, x)[1].tolist() == [6.0, 24.0]
    assert autograd.gradcheck(cube, x.double().requires_grad_())
    assert Cube.apply(x).tolist() == [1.0, 8.0]
    assert linalg.norm(x).item() > 2


def predicted(net: Network, inputs: wg.Tensor) -> wg.Tensor:
    """A module's call gives what its forward says."""
    return net(inputs).argmax(dim=1)


def batches(loader: DataLoader[list[wg.Tensor]]) -> list[wg.Tensor]:
    """A loader of tensors gives lists of tensors."""
    return next(iter(loader))


def training() -> None:
    wg.set_num_threads(wg.get_num_threads())
    wg.manual_seed(0)
    net = Network()
    net.register_full_backward_hook(lambda module, inner, outer: None).remove()
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    schedule = optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    loss_function = nn.CrossEntropyLoss()
    loader = data.DataLoader(data.TensorDataset(wg.rand(8, 2), wg.arange(8) % 3), batch_size=4, shuffle=True)
    for inputs, labels in loader:
        assert predicted(net, inputs).shape == labels.shape
        optimizer.zero_grad()
        loss = loss_function(net(inputs), labels)
        loss.backward()
        optimizer.step()
    schedule.step()
    assert len(batches(loader)) == 2
    train_part, _ = random_split(loader.dataset, [0.5, 0.5])
    assert len(batches(DataLoader(data.TensorDataset(wg.ones(2)), sampler=data.SequentialSampler(train_part)))) == 1
    assert train.Trainer(max_epochs=1).max_epochs == 1


def misuse(x: wg.Tensor, net: nn.Linear) -> None:
    wg.zeroes(3)  # type: ignore[attr-defined]
    wg.fft.fft(x)  # type: ignore[attr-defined]
    nn.Conv3d(1, 2, 3)  # type: ignore[attr-defined]
    optim.SparseAdam(net.parameters())  # type: ignore[attr-defined]
    F.conv3d(x, x)  # type: ignore[attr-defined]
    linalg.eigg(x)  # type: ignore[attr-defined]
    wg.cuda.Stream()  # type: ignore[attr-defined]
    x.sume()  # type: ignore[attr-defined]
    x.to_sparse()  # type: ignore[operator]
    wg.exp(x).nothing()  # type: ignore[attr-defined]
    x.exp().nothing()  # type: ignore[attr-defined]
    x.float().nothing()  # type: ignore[attr-defined]
    x.max(dim=1).value()  # type: ignore[attr-defined]
    x.max().values()  # type: ignore[operator]
    net.weight.nothing()  # type: ignore[attr-defined]
    text: str = x.item()  # type: ignore[assignment]
    text = x.device  # type: ignore[assignment]
    text = x.max(dim=1).indices  # type: ignore[assignment]
    text = x.to(wg.float64)  # type: ignore[assignment]
    text = (x + 1)[0]  # type: ignore[assignment]
    assert text


if __name__ == "__main__":
    tensors()
    places()
    derivatives()
    training()
