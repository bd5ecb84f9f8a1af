"""The course as it is published: its stock helpers on this library, and cells in its manner, written anew."""

from __future__ import annotations

import hashlib
import http.server
import importlib
import importlib.util
import sys
import threading
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wengert as torch
from wengert import d2l, nn
from wengert.nn import functional as F
from wengert.optim import lr_scheduler

# ---------------------------------------------------------------- the stock helpers


@pytest.fixture
def alias(monkeypatch: pytest.MonkeyPatch) -> None:
    """`import torch` gives this library, and `import torchvision` a module that has nothing."""
    parts = {"torch": torch, "torch.nn": nn, "torch.nn.functional": F, "torch.optim": torch.optim}
    parts |= {"torch.utils": torch.utils, "torch.utils.data": torch.utils.data}
    vision, transforms = types.ModuleType("torchvision"), types.ModuleType("torchvision.transforms")
    vision.transforms = transforms  # type: ignore[attr-defined]
    parts |= {"torchvision": vision, "torchvision.transforms": transforms}
    for name, module in parts.items():
        monkeypatch.setitem(sys.modules, name, module)


# What the book's file does when it is imported, in our words: its imports of the library, classes over the library's,
# defaults and decorators that ask it something, and the names that it gives to its functions.
SKELETON = '''
import torch
import torchvision
from torch import nn
from torch.nn import functional as F
from torch.utils import data
from torchvision import transforms

nn_Module = nn.Module

def devices():
    return [torch.device(f"cuda:{i}") for i in range(torch.cuda.device_count())]

def fit(net, on=devices()):
    return on or [torch.device("cpu")]

class Rows(torch.utils.data.Dataset):
    def __init__(self, rows):
        self.rows = rows
    def __len__(self):
        return len(self.rows)
    def __getitem__(self, k):
        return self.rows[k]

class Masked(nn.CrossEntropyLoss):
    def forward(self, pred, label, valid):
        weights = torch.arange(label.shape[1])[None, :] < valid[:, None]
        self.reduction = "none"
        return (super().forward(pred.permute(0, 2, 1), label) * weights).mean(dim=1)

class Layer(nn.Module):
    def __init__(self, width, activation=nn.ReLU()):
        super().__init__()
        self.net = nn.Sequential(nn.LazyLinear(width), activation)
    def forward(self, X):
        return F.dropout(self.net(X), 0.0)

class Scratch(data.DataLoader):
    pass

for _name in (
    "ones_like ones zeros_like zeros tensor arange meshgrid sin sinh cos cosh tanh linspace exp log normal rand randn "
    "matmul int32 int64 float32 stack abs eye sigmoid"
).split():
    globals()[_name] = getattr(torch, _name)
concat, batch_matmul = torch.cat, torch.bmm
'''


def test_what_the_stock_file_does_at_its_import_works(alias: None) -> None:
    stock: dict[str, Any] = {"__name__": "stock"}
    exec(compile(SKELETON, "stock", "exec"), stock)
    assert stock["fit"](None) == ["cpu"]
    (batch,) = stock["Scratch"](stock["Rows"](stock["ones"](3, 2)), batch_size=3)
    assert stock["Layer"](4)(batch).shape == (3, 4)
    loss = stock["Masked"]()(torch.ones(3, 4, 10), torch.ones((3, 4), dtype=torch.long), torch.tensor([4, 2, 0]))
    np.testing.assert_allclose(loss.numpy(), np.log(10) * np.array([1, 0.5, 0]), rtol=1e-6)


@pytest.mark.skipif(importlib.util.find_spec("d2l") is None, reason="the book's package is not installed")
def test_the_stock_file_is_imported_and_trains(alias: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "d2l.torch", raising=False)
    stock = importlib.import_module("d2l.torch")
    monkeypatch.delitem(sys.modules, "d2l.torch")
    torch.manual_seed(0)
    with pytest.warns(UserWarning, match="does nothing to the items that it will have"):
        model = stock.LinearRegression(lr=0.03)
    model.board.display = False
    data = stock.SyntheticRegressionData(w=torch.tensor([2.0, -3.4]), b=4.2)
    stock.Trainer(max_epochs=3, gradient_clip_val=10).fit(model, data)
    assert abs(model.net.bias.item() - 4.2) < 0.1
    assert {name for name in d2l.aliases.__all__ if not hasattr(stock, name)} == set()


# ---------------------------------------------------------------- names


@pytest.mark.parametrize("name", [
    "ones_like", "ones", "zeros_like", "zeros", "tensor", "arange", "meshgrid", "sin", "sinh", "cos", "cosh", "tanh",
    "linspace", "exp", "log", "normal", "rand", "randn", "matmul", "int32", "int64", "float32", "stack", "abs", "eye",
    "sigmoid",
])  # fmt: skip
def test_an_alias_is_the_library_s(name: str) -> None:
    assert getattr(d2l, name) is getattr(torch, name)


def test_the_aliases_of_methods_and_other_names() -> None:
    x = torch.arange(6.0).reshape(2, 3).requires_grad_()
    assert (d2l.concat, d2l.batch_matmul, d2l.nn_Module) == (torch.cat, torch.bmm, nn.Module)
    assert d2l.size(x) == 6
    assert d2l.reduce_sum(x, axis=0).tolist() == [3, 5, 7]
    assert d2l.reduce_mean(x).item() == 2.5
    assert d2l.argmax(x, axis=1).tolist() == [2, 2]
    assert d2l.astype(d2l.argmax(x, axis=1), torch.float32).dtype == d2l.float32
    assert [tuple(y.shape) for y in (d2l.transpose(x), d2l.expand_dims(x, 0), d2l.swapaxes(x, 0, 1))] == [
        (3, 2), (1, 2, 3), (3, 2),
    ]  # fmt: skip
    assert d2l.repeat(x, 2, 1).shape == (4, 3)
    assert d2l.reshape(x, (-1,)).shape == (6,)
    assert d2l.to(x, torch.float64).dtype == torch.float64
    assert type(d2l.numpy(x)) is np.ndarray


# ---------------------------------------------------------------- cells of chapters 2 to 6


def test_preliminaries() -> None:
    X = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    X[1, 2], X[:2, :] = 17, 12
    Y = torch.tensor([[2.0, 1, 4, 3], [1, 2, 3, 4], [4, 3, 2, 1]])
    before, Z = id(Y), torch.zeros_like(Y)
    Z[:] = X + Y
    Y += X
    assert id(Y) == before
    assert (Z == Y).all()
    assert torch.cat((X, Y), dim=1).shape == (3, 8)
    A = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    assert A.sum(axis=[0, 1]) == A.sum()
    assert (A / A.sum(axis=1, keepdims=True)).sum(axis=1).tolist() == pytest.approx([1, 1])
    assert A.cumsum(axis=0)[1].tolist() == [3, 5, 7]
    u = torch.tensor([3.0, -4.0])
    assert (torch.norm(u).item(), torch.abs(u).sum().item()) == (5, 7)


def test_gradients_through_control_flow() -> None:
    def f(a: Any) -> Any:
        b = a * 2
        while b.norm() < 1000:
            b = b * 2
        return b if b.sum() > 0 else 100 * b

    a = torch.randn(size=(), requires_grad=True)
    d = f(a)
    d.backward()
    assert a.grad == d / a
    x = torch.arange(4.0, requires_grad=True)
    y = x * x
    y.backward(gradient=torch.ones(len(y)))
    x.grad.zero_()
    u = (x * x).detach()
    (u * x).sum().backward()
    assert (x.grad == u).all()


def test_weight_decay_of_a_lazy_layer_by_groups() -> None:
    """The optimizer is built, by groups, before the layer has seen any data."""

    class WeightDecay(d2l.LinearRegression):
        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(
                [{"params": self.net.weight, "weight_decay": 3}, {"params": self.net.bias}], lr=self.lr
            )

    class Trainer(d2l.HyperParameters):
        max_epochs: int

        def __init__(self, max_epochs: int) -> None:
            self.save_hyperparameters()

        def fit(self, model: Any, data: Any) -> None:
            model.trainer, model.board.display = self, False
            self.loader = data.train_dataloader()
            self.num_train_batches, self.train_batch_idx = len(self.loader), 0
            self.optim = model.configure_optimizers()
            for _ in range(self.max_epochs):
                for batch in self.loader:
                    loss = model.training_step(batch)
                    self.optim.zero_grad()
                    loss.backward()
                    self.optim.step()
                    self.train_batch_idx += 1

    norms = []
    for make in (d2l.LinearRegression, WeightDecay):
        torch.manual_seed(0)
        model, data = make(lr=0.01), d2l.SyntheticRegressionData(torch.ones(5), 0.05, num_train=64, num_val=0)
        Trainer(max_epochs=20).fit(model, data)
        norms.append(float(d2l.l2_penalty(model.net.weight.detach())))
    assert norms[1] < 0.5 * norms[0]


def test_classification_by_hand() -> None:
    y, y_hat = torch.tensor([0, 2]), torch.tensor([[0.1, 0.3, 0.6], [0.3, 0.2, 0.5]])
    assert y_hat[[0, 1], y].tolist() == pytest.approx([0.1, 0.5])
    preds = d2l.argmax(y_hat, axis=1)
    wrong = preds.type(y.dtype) != y
    names = zip(d2l.get_fashion_mnist_labels(y[wrong]), d2l.get_fashion_mnist_labels(preds[wrong]), strict=True)
    assert [f"{a}\n{b}" for a, b in names] == ["t-shirt\npullover"]
    assert d2l.accuracy(y_hat, y) / len(y) == 0.5


def test_parameters_are_looked_at_and_set(tmp_path: Path) -> None:
    net = nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(1))
    assert "Uninitialized" in repr(net[0].weight)
    X = torch.rand(size=(2, 4))
    net(X)
    assert [(name, tuple(p.shape)) for name, p in net[0].named_parameters()] == [("weight", (8, 4)), ("bias", (8,))]
    assert net[2].weight.grad is None

    def init(module: Any) -> None:
        if type(module) is nn.Linear:
            nn.init.uniform_(module.weight, -10, 10)
            module.weight.data *= module.weight.data.abs() >= 5

    net.apply(init)
    sizes = net[0].weight.detach().abs()
    assert ((sizes == 0) | (sizes >= 5)).all()
    net[0].weight.data[:] += 1
    net[0].weight.data[0, 0] = 42
    assert net[0].weight[0, 0].item() == 42
    torch.save(net.state_dict(), tmp_path / "mlp.params")
    clone = nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(1))
    clone.load_state_dict(torch.load(tmp_path / "mlp.params"))
    assert (clone.eval()(X) == net(X)).all()


# ---------------------------------------------------------------- cells of chapter 12 and of the appendix


def sgd(params: Any, states: Any, hyperparams: dict[str, Any]) -> None:
    for p in params:
        p.data.sub_(hyperparams["lr"] * p.grad)
        p.grad.data.zero_()


def momentum(params: Any, states: Any, hyperparams: dict[str, Any]) -> None:
    for p, v in zip(params, states, strict=True):
        with torch.no_grad():
            v[:] = hyperparams["momentum"] * v + p.grad
            p[:] -= hyperparams["lr"] * v
        p.grad.data.zero_()


def adagrad(params: Any, states: Any, hyperparams: dict[str, Any]) -> None:
    for p, s in zip(params, states, strict=True):
        with torch.no_grad():
            s[:] += torch.square(p.grad)
            p[:] -= hyperparams["lr"] * p.grad / torch.sqrt(s + 1e-6)
        p.grad.data.zero_()


@pytest.mark.parametrize(("trainer", "hyperparams"), [
    (sgd, {"lr": 0.4}), (momentum, {"lr": 0.1, "momentum": 0.5}), (adagrad, {"lr": 0.2}),
])  # fmt: skip
def test_optimizers_by_hand_reach_what_is_linear(
    trainer: Any, hyperparams: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    data_iter, feature_dim = d2l.get_data_ch11(batch_size=100)
    states = d2l.zeros((feature_dim, 1)), d2l.zeros(1)
    times, losses = d2l.train_ch11(trainer, states, hyperparams, data_iter, feature_dim)
    assert len(times) == len(losses) == 15
    assert list(times) == sorted(times)
    assert losses[-1] == pytest.approx(least(), abs=0.01)
    assert losses[-1] < losses[0]
    assert capsys.readouterr().out.startswith(f"loss: {losses[-1]:.3f}, ")


def test_optimizers_of_the_library_reach_it_too(capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    data_iter, _ = d2l.get_data_ch11(batch_size=100)
    d2l.train_concise_ch11(torch.optim.Adam, {"lr": 0.05}, data_iter, num_epochs=4)
    assert float(capsys.readouterr().out.split()[1].rstrip(",")) == pytest.approx(least(), abs=0.01)


def least() -> float:
    """Half the mean squared error of least squares on the data of chapter 12."""
    X, y = (d2l.numpy(part).astype(np.float64) for part in d2l.get_data_ch11(n=1500)[0].dataset.tensors)
    w, *_ = np.linalg.lstsq(np.column_stack([X, np.ones(len(X))]), y, rcond=None)
    return float(((np.column_stack([X, np.ones(len(X))]) @ w - y) ** 2).mean() / 2)


def test_the_data_of_chapter_12_are_standardized_and_always_the_same() -> None:
    (X, y), again = (d2l.get_data_ch11(n=1503)[0].dataset.tensors for _ in range(2))
    assert (again[0] == X).all()
    np.testing.assert_allclose(X.mean(0).numpy(), 0, atol=1e-6)
    np.testing.assert_allclose(X.std(0, correction=0).numpy(), 1, rtol=1e-5)
    assert y.std(correction=0).item() == pytest.approx(1, rel=1e-5)
    assert 0.22 < least() < 0.27  # where the book's figures lie
    assert len(d2l.get_data_ch11(batch_size=7, n=21)[0]) == 3


def test_a_full_batch_is_drawn_once_if_never_in_between(capsys: pytest.CaptureFixture[str]) -> None:
    data_iter, feature_dim = d2l.get_data_ch11(batch_size=150, n=150)
    assert len(d2l.train_ch11(sgd, None, {"lr": 0.1}, data_iter, feature_dim, 1)[1]) == 1


def test_schedules_are_told_from_the_reader_s_own(capsys: pytest.CaptureFixture[str]) -> None:
    class Root:
        def __call__(self, step: int) -> float:
            return 0.1 * float(step + 1) ** -0.5

    trainer = torch.optim.SGD(nn.Linear(2, 1).parameters(), lr=0.5)
    schedule = lr_scheduler.MultiStepLR(trainer, milestones=[15, 30], gamma=0.5)
    assert schedule.__module__ == lr_scheduler.__name__ != Root().__module__
    torch.manual_seed(0)
    X = torch.randn(200, 8)
    data_iter = d2l.load_array((X, (X[:, 0] > 0).long()), 50)
    net = nn.Sequential(nn.LazyLinear(16), nn.ReLU(), nn.LazyLinear(2))
    net(X)
    d2l.train_ch6(net, data_iter, data_iter, num_epochs=5, lr=0.5, device="cpu")
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "training on cpu"
    assert float(out[1].split()[-1]) > 0.9
    assert d2l.evaluate_accuracy_gpu(net, data_iter) == float(out[1].split()[-1])


def test_plots_take_lists_of_numbers_that_are_tensors() -> None:
    pytest.importorskip("matplotlib")
    line, results = d2l.arange(-1, 1, 0.5), [10.0, 5.0]
    axes = d2l.plot([line, results], [[x**2 for x in line], [x**2 for x in results]], "x", "f(x)", fmts=["-", "-o"])
    assert [curve.get_ydata().tolist() for curve in axes.lines] == [[1, 0.25, 0, 0.25], [100, 25]]
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    assert d2l.plot([1, 2], [2 * item for item in w]).lines[0].get_ydata().tolist() == [2, 4]
    d2l.annotate("here", (1, 2), (1.5, 3))  # into what was drawn last
    assert [text.get_text() for text in axes.texts] == []
    d2l.set_axes(axes, "a", "b", [0, 1], [0, 2], "linear", "linear", ["first", "second"])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["first", "second"]


def test_pyplot_s_current_axes_are_those_of_the_last_plot() -> None:
    pytest.importorskip("matplotlib")
    plt = d2l.plt
    plt.close("all")
    first = d2l.plot([1, 2])
    second = d2l.plot([3, 4], figsize=(3, 2))
    assert plt.gca() is second is not first
    assert second.figure.get_size_inches().tolist() == [3, 2]
    assert [plt.figure(k) for k in plt.get_fignums()] == [second.figure]
    assert first.lines[0].get_ydata().tolist() == [1, 2]
    d2l.annotate("here", (0, 3), (1, 3))
    assert [text.get_text() for text in second.texts] == ["here"]
    plt.close("all")


def test_the_appendix() -> None:
    theta, lr = torch.tensor(0.5, requires_grad=True), 1e-9
    for _ in range(100):
        loss = -(8675309 * torch.log(theta) + 256245 * torch.log(1 - theta))
        loss.backward()
        with torch.no_grad():
            theta -= lr * theta.grad
        theta.grad.zero_()
    assert theta.item() == pytest.approx(8675309 / (8675309 + 256245), abs=2e-3)
    p, q = torch.tensor([0.1, 0.5, 0.1, 0.3]), torch.tensor([0.25, 0.0, 0.25, 0.5])
    kl = p * torch.log2(p / q)
    assert torch.isinf(kl).sum() == 1
    assert -(p * torch.log2(p)).nansum().item() == pytest.approx(1.6855, abs=1e-4)
    A = torch.tensor([[1.0, 2], [1, 4]])
    np.testing.assert_allclose((torch.inverse(A) @ A).numpy(), np.eye(2), atol=1e-6)
    v, w = torch.tensor([0.0, 1, 2]), torch.tensor([2.0, 3, 4])
    angle = torch.acos(v.dot(w) / (torch.norm(v) * torch.norm(w)))
    assert angle.item() == pytest.approx(0.4190, abs=1e-4)
    M = torch.arange(24.0).reshape(2, 3, 4)
    assert torch.einsum("ijk, il, j -> kl", M, torch.ones(2, 5), v).shape == (4, 5)


# ---------------------------------------------------------------- what loops keep


def test_sums_over_batches() -> None:
    metric = d2l.Accumulator(2)
    metric.add(torch.tensor(1.0), 2)
    metric.add(3, 4)
    assert metric.data == [4, 6]
    with pytest.raises(ValueError, match="add: expected 2 numbers, one for each sum, got 3"):
        metric.add(1, 2, 3)
    metric.reset()
    assert metric[1] == 0


def test_an_animator_draws_its_curves() -> None:
    pytest.importorskip("matplotlib")
    animator = d2l.Animator("epoch", "loss", ["a", "b"], xlim=[0, 3], yscale="log", figsize=(3, 2))
    animator.add(1, (2.0, None))
    animator.add([2, 3], (1.0, torch.tensor(0.5)))
    (axes,) = animator.figure().axes
    assert [line.get_xydata().tolist() for line in axes.lines] == [[[1, 2], [2, 1]], [[3, 0.5]]]
    assert [line.get_linestyle() for line in axes.lines] == ["-", "--"]
    assert axes.lines[1].get_color() == "m"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]
    assert (axes.get_xlim(), axes.get_yscale(), axes.get_ylabel()) == ((0, 3), "log", "loss")
    assert "* a   + b" in animator.text()
    with pytest.raises(ValueError, match="a point for each of 2 curves, got 3 x and 3 y"):
        animator.add(4, [1, 2, 3])
    unnamed = d2l.Animator()
    unnamed.add(1, 2)
    assert unnamed.figure().axes[0].get_legend() is None


# ---------------------------------------------------------------- downloads


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """A server of one text, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"1,2\n")

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http_server:
        thread = threading.Thread(target=http_server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{http_server.server_port}/", asked
        http_server.shutdown()
        thread.join()


def test_a_file_is_downloaded_once_and_checked(
    server: tuple[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pooch")
    url, asked = server
    sha1 = hashlib.sha1(b"1,2\n").hexdigest()
    monkeypatch.setitem(d2l.DATA_HUB, "table", (f"{url}table.csv", sha1))
    for _ in range(2):
        path = d2l.download("table", tmp_path / "data")
        assert Path(path) == tmp_path / "data" / "table.csv"
        assert Path(path).read_text() == "1,2\n"
    assert asked == ["/table.csv"]
    with pytest.raises(ValueError, match="hash"):
        d2l.download(f"{url}other.csv", tmp_path, "0" * 40)
    assert not (tmp_path / "other.csv").exists()
    with pytest.raises(ValueError, match=r"download: 'tables' is no http address, and no name in DATA_HUB: .*table"):
        d2l.download("tables")
