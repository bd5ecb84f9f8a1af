"""The course: its helper classes behave as the book says, and its systems reach the book's figures."""

from __future__ import annotations

import itertools
import math
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import d2l, layers, nn, train
from wengert.data import SyntheticFashion, fashion, synthetic
from wengert.nn import functional as F

REAL = Path(os.environ.get("WENGERT_DATA") or Path(__file__).parents[3] / "shared" / "data" / "fashion-mnist")
needs_the_real_data = pytest.mark.skipif(
    not (REAL / "train-images-idx3-ubyte.gz").is_file(), reason=f"Fashion-MNIST is not in {REAL}; set WENGERT_DATA"
)


@pytest.fixture(autouse=True)
def seed() -> None:
    wg.manual_seed(0)


@pytest.fixture
def small_stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No files, no network, and a stand-in of 1000 and 300 pictures."""

    def no_network(pooch: Any, url: str) -> None:
        raise OSError("no network in this test")

    monkeypatch.delenv("WENGERT_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(fashion, "_contact", no_network)
    monkeypatch.setattr(
        synthetic, "SyntheticFashion", lambda train, seed: SyntheticFashion(train, 1000 if train else 300, seed)
    )


# ---------------------------------------------------------------- object design


def test_add_to_class_registers_a_method_of_instances_that_exist() -> None:
    class A:
        def __init__(self) -> None:
            self.b = 1

    a = A()

    @d2l.add_to_class(A)
    def do(self: A) -> str:
        return f"Class attribute b is {self.b}"

    assert a.do() == "Class attribute b is 1"  # type: ignore[attr-defined]
    assert do.__name__ == "do"


def test_save_hyperparameters_stores_the_callers_arguments() -> None:
    class B(d2l.HyperParameters):
        def __init__(self, a: int, b: int = 2, *rest: int, c: int, _hidden: int = 0, **more: int) -> None:
            local = a + b
            self.save_hyperparameters(ignore=["c"])
            self.local = local

    b = B(1, 2, 3, 4, c=5, d=6)
    assert b.hparams == {"a": 1, "b": 2, "rest": (3, 4), "d": 6}
    assert (b.a, b.b, b.rest, b.d) == (1, 2, (3, 4), 6)  # type: ignore[attr-defined]
    assert not hasattr(b, "c")


def test_hyperparameters_of_base_and_subclass_are_kept_together() -> None:
    model = d2l.WeightDecayScratch(num_inputs=3, lambd=2.0, lr=0.1)
    assert {"num_inputs": 3, "lr": 0.1, "sigma": 0.01, "lambd": 2.0}.items() <= model.hparams.items()
    assert model.plot_train_per_epoch == 2


def test_a_board_averages_every_n_points() -> None:
    board = d2l.ProgressBoard("x", display=False)
    for x in np.arange(0, 10, 0.1):
        board.draw(x, np.sin(x), "sin", every_n=2)
        board.draw(x, np.cos(x), "cos", every_n=10)
    assert (len(board.data["sin"]), len(board.data["cos"])) == (50, 10)
    assert board.data["sin"][1] == pytest.approx((0.25, (math.sin(0.2) + math.sin(0.3)) / 2))
    assert board.raw_points["sin"] == []
    board.draw(10, 0, "sin", every_n=2)
    assert len(board.raw_points["sin"]) == 1


def test_a_board_takes_tensors() -> None:
    board = d2l.ProgressBoard(display=False)
    board.draw(wg.tensor(1), wg.tensor([2.0], requires_grad=True), "a")
    assert board.data["a"] == [(1.0, 2.0)]


def test_a_board_draws_a_figure_with_its_options(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    board = d2l.ProgressBoard(
        "x",
        "y",
        xlim=(0, 5),
        ylim=(0.1, 100),
        yscale="log",
        ls=["-", ":"],
        colors=["r", "b"],
        figsize=(5, 4),
        display=False,
    )
    for x in range(1, 5):
        board.draw(x, x**2, "square")
        board.draw(x, x**3, "cube")
        board.draw(x, x, "line")
    figure = board.figure()
    (axes,) = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_xlim(), axes.get_yscale()) == ("x", "y", (0, 5), "log")
    assert [(l.get_label(), l.get_linestyle(), l.get_color()) for l in axes.lines] == [
        ("square", "-", "r"), ("cube", ":", "b"), ("line", "-", "r"),
    ]  # fmt: skip
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["square", "cube", "line"]
    np.testing.assert_array_equal(axes.lines[1].get_xydata(), [[x, x**3] for x in range(1, 5)])
    assert figure.get_size_inches().tolist() == [5, 4]
    assert board.figure() is figure
    assert len(figure.axes) == 1
    for ending, start in ((".png", b"\x89PNG"), (".svg", b"<?xml")):
        board.save(tmp_path / f"board{ending}")
        assert (tmp_path / f"board{ending}").read_bytes().startswith(start)


@pytest.mark.parametrize("form", ["png", "svg"])
def test_the_labels_of_a_board_s_ticks_are_not_cut(form: str) -> None:
    """Of this curve matplotlib's own layout makes room for ticks up to 12, and then draws those up to 10.0."""
    pytest.importorskip("matplotlib")
    board = d2l.ProgressBoard("epoch", display=False)
    for x in range(3):
        board.draw(x, 11.5 * x / 2, "train_loss")
    figure = pickle.loads(pickle.dumps(board.figure()))
    train.plots.rendered(figure, form)
    bounds, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert min(bounds.x0, bounds.y0, width - bounds.x1, height - bounds.y1) > 0
    assert figure.get_layout_engine().get()["rect"] == (0, 0, 1, 1)


def test_a_figure_without_a_layout_grows_to_its_labels() -> None:
    figure_module = pytest.importorskip("matplotlib.figure")
    figure = figure_module.Figure(figsize=(2, 1), dpi=100)
    board = d2l.ProgressBoard("a long label of the axis below", axes=figure.subplots(), display=False)
    board.draw(1, 1, "a")
    assert int.from_bytes(train.plots.rendered(board.figure(), "png")[16:20], "big") > 200


def test_a_board_draws_into_given_axes() -> None:
    pytest.importorskip("matplotlib")
    figure = train.plots.new_figure(4, 2)
    left, right = figure.subplots(1, 2)
    board = d2l.ProgressBoard("x", axes=right, display=False)
    board.draw(1, 2, "a")
    assert board.figure() is figure
    assert (len(left.lines), len(right.lines)) == (0, 1)


def test_a_board_on_a_terminal_redraws_its_chart(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import sys

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    board = d2l.ProgressBoard("epoch")
    board.draw(0, 1, "loss")
    board.draw(1, 0, "loss")
    board.show()
    first, second = capsys.readouterr().out.split("\x1b[15F\x1b[J")  # up to where the first chart began
    assert first.count("\n") == second.count("\n") == 15
    assert second.endswith("epoch; * loss\n")


class Line(d2l.Module):
    """y = w x, written as the book writes models."""

    def __init__(self, lr: float) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Linear(1, 1)

    def loss(self, y_hat: Any, y: Any) -> Any:
        return ((y_hat - y) ** 2).mean()


class Pairs(d2l.DataModule):
    """Twenty points of y = 3 x."""

    def __init__(self, batch_size: int = 4) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.x = wg.linspace(-1, 1, 20).unsqueeze(1)

    def get_dataloader(self, train: bool) -> Any:
        return self.get_tensorloader((self.x, 3 * self.x), train, slice(0, 16) if train else slice(16, None))


def test_a_model_plots_training_twice_and_validation_once_per_epoch() -> None:
    model = Line(lr=0.1)
    history = d2l.Trainer(max_epochs=3).fit(model, Pairs())
    points = model.board.data
    assert [p.x for p in points["train_loss"]] == [0.125, 0.625, 1.125, 1.625, 2.125, 2.625]
    assert [p.x for p in points["val_loss"]] == [1, 2, 3]
    assert [p.y for p in points["val_loss"]] == pytest.approx(history["val_loss"])
    pairs = zip(points["train_loss"][::2], points["train_loss"][1::2], strict=True)
    assert [(a.y + b.y) / 2 for a, b in pairs] == pytest.approx(history["train_loss"])
    assert model.board.xlim == [0, 3]
    assert model.board.xlabel == "epoch"


def test_the_library_s_own_trainer_fits_the_course_s_models() -> None:
    wg.manual_seed(1)
    ours = train.Trainer(3, progress=False).fit(Line(lr=0.1), Pairs())
    wg.manual_seed(1)
    theirs = d2l.Trainer(3).fit(Line(lr=0.1), Pairs())
    for name in ("train_loss", "val_loss"):
        assert ours[name] == theirs[name]


def test_the_trainer_as_the_book_extends_it() -> None:
    class Trainer(d2l.Trainer):
        pass

    @d2l.add_to_class(Trainer)
    def prepare_batch(self: Any, batch: Any) -> Any:
        return batch

    @d2l.add_to_class(Trainer)
    def fit_epoch(self: Any) -> None:
        self.model.train()
        for batch in self.train_dataloader:
            loss = self.model.training_step(self.prepare_batch(batch))
            self.optim.zero_grad()
            with wg.no_grad():
                loss.backward()
                if self.gradient_clip_val > 0:
                    self.clip_gradients(self.gradient_clip_val, self.model)
                self.optim.step()
            self.train_batch_idx += 1
        if self.val_dataloader is None:
            return
        self.model.eval()
        for batch in self.val_dataloader:
            with wg.no_grad():
                self.model.validation_step(self.prepare_batch(batch))
            self.val_batch_idx += 1

    wg.manual_seed(1)
    own = Line(lr=0.1)
    trainer = Trainer(max_epochs=3, gradient_clip_val=1)
    assert trainer.fit(own, Pairs())["epoch"] == [1, 2, 3]
    wg.manual_seed(1)
    library = Line(lr=0.1)
    d2l.Trainer(max_epochs=3, gradient_clip_val=1).fit(library, Pairs())
    assert own.net.weight.item() == library.net.weight.item()
    assert own.board.data == library.board.data
    assert (trainer.train_batch_idx, trainer.val_batch_idx) == (12, 3)


def test_a_trainer_that_the_reader_writes_fits_the_models() -> None:
    class Trainer(d2l.HyperParameters):
        def __init__(self, max_epochs: int) -> None:
            self.save_hyperparameters()

        def fit(self, model: d2l.Module, data: d2l.DataModule) -> None:
            self.train_dataloader, self.val_dataloader = data.train_dataloader(), data.val_dataloader()
            self.num_train_batches, self.num_val_batches = len(self.train_dataloader), len(self.val_dataloader)
            model.trainer = self
            model.board.xlim = [0, self.max_epochs]
            optimizer = model.configure_optimizers()
            self.train_batch_idx = 0
            for epoch in range(self.max_epochs):
                self.epoch = epoch
                model.train()
                for batch in self.train_dataloader:
                    loss = model.training_step(batch)
                    optimizer.zero_grad()
                    with wg.no_grad():
                        loss.backward()
                        optimizer.step()
                    self.train_batch_idx += 1
                model.eval()
                for batch in self.val_dataloader:
                    with wg.no_grad():
                        model.validation_step(batch)

    wg.manual_seed(1)
    ours = d2l.Trainer(3).fit(ours_model := Line(lr=0.1), Pairs())
    wg.manual_seed(1)
    Trainer(3).fit(model := Line(lr=0.1), Pairs())
    assert [p.y for p in model.board.data["val_loss"]] == ours["val_loss"]
    assert model.board.data == ours_model.board.data


def test_gradients_are_clipped_as_the_book_clips_them() -> None:
    model = Line(lr=0.1)
    model.loss(model(wg.ones(1, 1) * 100), wg.zeros(1, 1)).backward()
    before = [p.grad.numpy().copy() for p in model.parameters()]
    d2l.Trainer(max_epochs=1).clip_gradients(0.5, model)
    norm = math.sqrt(sum(float((g**2).sum()) for g in before))
    for p, g in zip(model.parameters(), before, strict=True):
        np.testing.assert_allclose(p.grad.numpy(), g * (0.5 / norm), rtol=1e-5)


def test_gpus_are_accepted_and_not_there() -> None:
    assert d2l.Trainer(max_epochs=1, num_gpus=1).fit(Line(lr=0.1), Pairs())["epoch"] == [1]


def test_what_a_subclass_leaves_out_is_told() -> None:
    with pytest.raises(AttributeError, match=r"Module defines no loss\(y_hat, y\)"):
        d2l.Module().loss(1, 2)
    with pytest.raises(AttributeError, match="Module defines neither net nor forward"):
        d2l.Module()(1)
    with pytest.raises(AttributeError, match="DataModule defines no get_dataloader"):
        d2l.DataModule().train_dataloader()


def test_accuracy_averaged_or_not() -> None:
    scores, labels = wg.tensor([[0.1, 0.3, 0.6], [0.3, 0.2, 0.5]]), wg.tensor([0, 2])
    classifier = d2l.Classifier()
    assert classifier.accuracy(scores, labels).item() == 0.5
    assert classifier.accuracy(scores, labels, averaged=False).tolist() == [0, 1]
    assert classifier.accuracy(scores.reshape((1, 2, 3)), labels.reshape((1, 2))).item() == 0.5
    np.testing.assert_allclose(
        classifier.loss(scores, labels, averaged=False).numpy(),
        F.cross_entropy(scores, labels, reduction="none").numpy(),
    )


def test_sgd_from_scratch_is_the_library_s() -> None:
    values = [np.random.default_rng(0).normal(size=shape).astype(np.float32) for shape in ((3, 2), (2,))]
    scratch = [wg.tensor(v, requires_grad=True) for v in values]
    library = [wg.tensor(v, requires_grad=True) for v in values]
    for params, optimizer in ((scratch, d2l.SGD(scratch, 0.1)), (library, wg.optim.SGD(library, 0.1))):
        for _ in range(3):
            optimizer.zero_grad()
            sum((p**3).sum() for p in params).backward()
            optimizer.step()
    for a, b in zip(scratch, library, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-6)


def test_the_timer_sums_its_laps() -> None:
    timer = d2l.Timer()
    for _ in range(3):
        timer.start()
        timer.stop()
    assert len(timer.times) == 3
    assert timer.sum() == pytest.approx(sum(timer.times))
    assert timer.avg() == pytest.approx(timer.sum() / 3)
    assert timer.cumsum() == pytest.approx(list(np.cumsum(timer.times)))


# ---------------------------------------------------------------- data


def test_synthetic_data_follow_their_line() -> None:
    data = d2l.SyntheticRegressionData(w=wg.tensor([2.0, -3.4]), b=4.2, noise=0.01, num_train=500, num_val=100)
    assert (data.X.shape, data.y.shape) == ((600, 2), (600, 1))
    noise = (data.y - data.X @ wg.tensor([[2.0], [-3.4]]) - 4.2).numpy()
    assert noise.std() == pytest.approx(0.01, rel=0.1)
    X, y = next(iter(data.train_dataloader()))
    assert (X.shape, y.shape) == ((32, 2), (32, 1))
    assert (len(data.train_dataloader()), len(data.val_dataloader())) == (16, 4)
    rows = {tuple(x) for batch, _ in data.train_dataloader() for x in batch.tolist()}
    assert rows == {tuple(x) for x in data.X[:500].tolist()}
    np.testing.assert_array_equal(next(iter(data.val_dataloader()))[0].numpy(), data.X[500:532].numpy())


def test_fashion_mnist_resized_to_32(small_stand_in: None) -> None:
    data = d2l.FashionMNIST(batch_size=64, resize=(32, 32))
    X, y = next(iter(data.train_dataloader()))
    assert (X.shape, X.dtype, y.shape, y.dtype) == ((64, 1, 32, 32), np.float32, (64,), np.int64)
    assert 0 <= X.min().item() < X.max().item() <= 1
    assert sum(len(labels) for _, labels in data.train_dataloader()) == 1000
    assert sum(len(labels) for _, labels in data.val_dataloader()) == 300
    assert data.text_labels(wg.tensor([9, 0])) == ["ankle boot", "t-shirt"]


def test_the_stand_in_is_announced_at_start_and_end(small_stand_in: None, capsys: pytest.CaptureFixture[str]) -> None:
    data = d2l.FashionMNIST(batch_size=100)
    first = capsys.readouterr().out
    assert first.startswith("This is NOT Fashion-MNIST.")
    assert "no network in this test" in first
    d2l.Trainer(max_epochs=1).fit(d2l.SoftmaxRegression(10, lr=0.1), data)
    assert capsys.readouterr().out == f"{synthetic.STAND_IN_NOTICE}\n"


def test_visualize_shows_a_grid_with_labels(small_stand_in: None) -> None:
    pytest.importorskip("matplotlib")
    data = d2l.FashionMNIST(batch_size=16)
    batch = next(iter(data.val_dataloader()))
    axes = data.visualize(batch, nrows=2, ncols=4)
    assert [cell.get_title() for cell in axes] == data.text_labels(batch[1][:8])
    np.testing.assert_array_equal(axes[5].images[0].get_array(), batch[0][5, 0].numpy())
    assert data.visualize(batch, labels=["a", "b"])[1].get_title() == "b"
    width, height = axes[0].figure.get_size_inches() * 150
    assert size_of(axes[0].figure) == (int(width), int(height))


def test_the_housing_table_is_what_pandas_makes_of_it() -> None:
    X, y = d2l.house_tiny()
    assert X.tolist() == [[3, 0, 1], [2, 0, 1], [4, 1, 0], [3, 0, 1]]
    assert y.tolist() == [127500, 106000, 178100, 140000]
    pandas = pytest.importorskip("pandas")
    import io

    frame = pandas.read_csv(io.StringIO(d2l.HOUSES))
    inputs = pandas.get_dummies(frame.iloc[:, :2], dummy_na=True)
    inputs = inputs.fillna(inputs.mean())
    np.testing.assert_array_equal(X.numpy(), inputs.to_numpy(dtype=float))


# ---------------------------------------------------------------- linear regression


W, B = [2.0, -3.4], 4.2


def fitted(make: Callable[[], Any], epochs: int = 3) -> tuple[Any, train.History]:
    wg.manual_seed(0)
    data = d2l.SyntheticRegressionData(w=wg.tensor(W), b=B, noise=0.01, num_train=1000)
    model = make()
    return model, d2l.Trainer(max_epochs=epochs).fit(model, data)


def test_linear_regression_from_scratch_finds_the_line() -> None:
    model, history = fitted(lambda: d2l.LinearRegressionScratch(2, lr=0.03))
    assert np.abs(model.w.detach().numpy()[:, 0] - W).max() < 0.1
    assert abs(model.b.item() - B) < 0.1
    assert history["val_loss"][0] > history["val_loss"][1] > history["val_loss"][2]


def test_the_concise_version_agrees_with_the_one_from_scratch() -> None:
    scratch, _ = fitted(lambda: d2l.LinearRegressionScratch(2, lr=0.03))

    class SameStart(d2l.LinearRegression):
        def attach(self, trainer: Any) -> None:
            super().attach(trainer)
            self(wg.zeros(1, 2))
            wg.manual_seed(0)
            d2l.SyntheticRegressionData(w=wg.tensor(W), b=B)
            start = d2l.LinearRegressionScratch(2, lr=0.03)
            self.net.weight.data = start.w.data.T
            self.net.bias.data = start.b.data

    concise, _ = fitted(lambda: SameStart(lr=0.03))
    w, b = concise.get_w_b()
    np.testing.assert_allclose(w.numpy()[0], scratch.w.detach().numpy()[:, 0], rtol=1e-5)
    np.testing.assert_allclose(b.numpy(), scratch.b.detach().numpy(), rtol=1e-5)
    np.testing.assert_allclose(
        [p.y for p in concise.board.data["train_loss"]], [p.y for p in scratch.board.data["train_loss"]], rtol=1e-4
    )
    own_start, _ = fitted(lambda: d2l.LinearRegression(lr=0.03))
    assert np.abs(own_start.get_w_b()[0].numpy()[0] - W).max() < 0.1


def test_the_concise_version_as_the_book_writes_it() -> None:
    """With `torch.utils.data` for the data, and a lazy layer whose weights are set before it has any."""
    torch = wg

    class Data(d2l.SyntheticRegressionData):
        def get_tensorloader(self, tensors: Any, train: bool, indices: Any = slice(0, None)) -> Any:
            tensors = tuple(a[indices] for a in tensors)
            dataset = torch.utils.data.TensorDataset(*tensors)
            return torch.utils.data.DataLoader(dataset, self.batch_size, shuffle=train)

    class LinearRegression(d2l.Module):
        def __init__(self, lr: float) -> None:
            super().__init__()
            self.save_hyperparameters()
            self.net = nn.LazyLinear(1)
            self.net.weight.data.normal_(0, 0.01)
            self.net.bias.data.fill_(0)

        def loss(self, y_hat: Any, y: Any) -> Any:
            return nn.MSELoss()(y_hat, y)

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), self.lr)

    with pytest.warns(UserWarning, match="does nothing to the items that it will have"):
        model = LinearRegression(lr=0.03)
    d2l.Trainer(3).fit(model, Data(w=torch.tensor(W), b=B))
    assert np.abs(model.net.weight.data.numpy()[0] - W).max() < 0.1
    assert abs(model.net.bias.item() - B) < 0.1


def test_rates_change_the_curves_as_theory_says() -> None:
    """For standard normal inputs the error shrinks by about (1 - 2 lr) per step, its square by that squared."""
    curves = {lr: fitted(lambda lr=lr: d2l.LinearRegressionScratch(2, lr))[1]["val_loss"] for lr in (0.01, 0.03, 0.05)}
    first = sum(w * w for w in W) + B * B
    steps = 32  # of the first epoch
    for lr, losses in curves.items():
        expected = first * (1 - 2 * lr) ** (2 * steps)
        assert math.log(losses[0] / first) == pytest.approx(math.log(expected / first), rel=0.25)
    assert curves[0.01][2] > 10 * curves[0.03][2]
    assert curves[0.05][2] == pytest.approx(1e-4, rel=0.2)  # the noise's variance: it can become no better


def test_weight_decay_closes_the_gap() -> None:
    gaps, ratios, norms = [], [], []
    for wd in (0, 0.1, 0.5, 3):
        wg.manual_seed(0)
        data = d2l.SyntheticRegressionData(
            w=wg.ones(200, 1) * 0.01, b=0.05, noise=0.01, num_train=20, num_val=100, batch_size=5
        )
        wg.manual_seed(1)
        model = d2l.WeightDecay(wd=wd, lr=0.01)
        history = d2l.Trainer(max_epochs=20).fit(model, data)
        training, validation = history["train_loss"][-1], history["val_loss"][-1]
        gaps.append(validation - training)
        ratios.append(validation / training)
        norms.append(d2l.l2_penalty(model.get_w_b()[0]).item())
    assert gaps == sorted(gaps, reverse=True)
    assert norms == sorted(norms, reverse=True)
    assert ratios[0] > 1e6  # twenty examples are learnt by heart
    assert ratios[-1] < 100


def test_weight_decay_from_scratch_decays_as_the_optimizer_does() -> None:
    wg.manual_seed(0)
    data = d2l.SyntheticRegressionData(w=wg.ones(200, 1) * 0.01, b=0.05, num_train=20, num_val=100, batch_size=20)
    wg.manual_seed(1)
    scratch = d2l.WeightDecayScratch(num_inputs=200, lambd=3, lr=0.01)
    start = scratch.w.detach().clone()
    d2l.Trainer(max_epochs=10).fit(scratch, data)

    class SameStart(d2l.WeightDecay):
        def attach(self, trainer: Any) -> None:
            super().attach(trainer)
            self(wg.zeros(1, 200))
            self.net.weight.data = start.T.clone()

    concise = SameStart(wd=3, lr=0.01)
    d2l.Trainer(max_epochs=10).fit(concise, data)
    np.testing.assert_allclose(concise.net.weight.detach().numpy()[0], scratch.w.detach().numpy()[:, 0], atol=1e-6)


# ---------------------------------------------------------------- logistic regression, derivatives


@pytest.fixture
def clouds() -> tuple[wg.Tensor, wg.Tensor]:
    """Two overlapping clouds of 200 points in the plane, and their labels."""
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 2
    points = rng.normal(size=(200, 2)) + np.outer(labels, [1.5, 1.0])
    return wg.tensor(points), wg.tensor(labels.astype(float))


def test_newton_and_gradient_descent_fit_the_same_logistic_regression(clouds: tuple[wg.Tensor, wg.Tensor]) -> None:
    X, y = clouds

    def loss(theta: wg.Tensor) -> wg.Tensor:
        return F.binary_cross_entropy_with_logits(X @ theta[:2] + theta[2], y)

    theta, path = d2l.newton(loss, wg.zeros(3, dtype=wg.float64))
    gradients = [gradient for _, gradient in path]
    assert gradients[-1] <= 1e-12
    assert len(path) <= 9
    near = [g for g in gradients if g < 1e-2]
    assert all(after < 10 * before**2 for before, after in itertools.pairwise(near) if after > 1e-14)

    class Clouds(d2l.DataModule):
        batch_size = 200

        def get_dataloader(self, train: bool) -> Any:
            return self.get_tensorloader((X, y), train)

    model = d2l.LogisticRegression(2, lr=2.0).double()
    d2l.Trainer(max_epochs=400).fit(model, Clouds())
    np.testing.assert_allclose(model.w.detach().numpy(), theta.numpy()[:2], atol=1e-5)
    assert model.b.item() == pytest.approx(theta[2].item(), abs=1e-5)
    p = model.probability(X).numpy()
    np.testing.assert_allclose(p, 1 / (1 + np.exp(-(X.numpy() @ theta.numpy()[:2] + theta[2].item()))), atol=1e-5)
    assert ((p > 0.5) == y.numpy()).mean() > 0.75


def test_numerical_differentiation_tends_to_the_automatic_one() -> None:
    def f(x: Any) -> Any:
        return 3 * x**2 - 4 * x

    derivative = wg.func.grad(f)(wg.tensor(1.0, dtype=wg.float64)).item()
    assert derivative == 2
    for quotient in (d2l.numerical_lim, wg.func.difference_quotient):
        errors = [abs(float(quotient(f, 1.0, 10.0**-k)) - derivative) for k in range(1, 6)]
        np.testing.assert_allclose(errors, [3 * 10.0**-k for k in range(1, 6)], rtol=1e-4)  # h f''/2


# ---------------------------------------------------------------- softmax regression and perceptrons


def test_softmax_rows_are_probabilities() -> None:
    X = wg.rand(2, 5)
    for result in (d2l.softmax(X), wg.softmax(X, 1)):
        assert (result.numpy() > 0).all()
        np.testing.assert_allclose(result.sum(1).numpy(), 1, rtol=1e-6)
    np.testing.assert_allclose(d2l.softmax(X).numpy(), wg.softmax(X, 1).numpy(), rtol=1e-6)


def test_cross_entropy_of_the_book_s_example() -> None:
    y, y_hat = wg.tensor([0, 2]), wg.tensor([[0.1, 0.3, 0.6], [0.3, 0.2, 0.5]])
    assert d2l.cross_entropy(y_hat, y).item() == pytest.approx(1.4979, abs=5e-5)
    assert F.cross_entropy(y_hat.log(), y).item() == pytest.approx(1.4979, abs=5e-5)


def test_relu_from_scratch_is_the_library_s() -> None:
    X = wg.randn(50, requires_grad=True)
    Y = X.detach().clone().requires_grad_()
    d2l.relu(X).sum().backward()
    wg.relu(Y).sum().backward()
    np.testing.assert_array_equal(d2l.relu(X).detach().numpy(), wg.relu(Y).detach().numpy())
    np.testing.assert_array_equal(X.grad.numpy(), Y.grad.numpy())


def test_models_from_scratch_and_concise_take_the_same_steps(small_stand_in: None) -> None:
    data = d2l.FashionMNIST(batch_size=100)
    scratch = d2l.MLPScratch(784, 10, 32, lr=0.1, sigma=0.1)
    concise = d2l.MLP(10, 32, lr=0.1)
    concise.apply_init([wg.zeros(1, 1, 28, 28)])
    for mine, theirs in (("net.1.weight", scratch.W1), ("net.3.weight", scratch.W2)):
        concise.get_parameter(mine).data = theirs.data.T.clone()
    for bias in ("net.1.bias", "net.3.bias"):
        concise.get_parameter(bias).data.zero_()
    histories = []
    for model in (scratch, concise):
        wg.manual_seed(3)
        histories.append(d2l.Trainer(max_epochs=2).fit(model, data))
    np.testing.assert_allclose(histories[0]["train_loss"], histories[1]["train_loss"], rtol=1e-4)
    assert histories[0]["val_acc"] == pytest.approx(histories[1]["val_acc"], abs=0.01)


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "tanh", "prelu"])
@pytest.mark.parametrize("hiddens", [24, (24, 16)])
def test_perceptrons_of_every_kind_learn(small_stand_in: None, activation: str, hiddens: Any) -> None:
    model = d2l.MLP(10, hiddens, lr=0.5 if activation == "sigmoid" else 0.2, activation=activation)
    history = d2l.Trainer(max_epochs=10).fit(model, d2l.FashionMNIST(batch_size=20))
    assert history["train_loss"][-1] < 0.7 * history["train_loss"][0]
    assert {"train_loss", "val_loss", "val_acc"} == set(model.board.data)
    assert max(history["val_acc"]) > 0.5
    assert ("net.2.weight" in model.state_dict()) == (activation == "prelu")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_gradient_of_a_regularised_objective_by_hand_and_by_the_tape(dtype: str) -> None:
    """J = L + λ/2 (‖W1‖² + ‖W2‖²) for one hidden layer of ReLUs: as the book derives it, by layers, by the tape."""
    rng = np.random.default_rng(0)
    X, W1, W2 = (rng.normal(size=shape).astype(dtype) for shape in ((6, 5), (5, 4), (4, 3)))
    labels, penalty = rng.integers(0, 3, 6), 0.3

    w1, w2 = (wg.tensor(W, requires_grad=True) for W in (W1, W2))
    L = F.cross_entropy(wg.relu(wg.tensor(X) @ w1) @ w2, wg.tensor(labels))
    J = L + penalty * (d2l.l2_penalty(w1) + d2l.l2_penalty(w2))
    J.backward()

    first, hidden, second, loss = layers.MatMul(), layers.ReLU(), layers.MatMul(), layers.CrossEntropy()
    by_layers = loss(second(hidden(first(X, W1)), W2), labels)
    dH, dW2 = second.backward(loss.backward())
    _, dW1 = first.backward(hidden.backward(dH))
    assert by_layers.item() == L.item()
    few_bits = 4 * np.finfo(dtype).eps
    np.testing.assert_allclose(w2.grad.numpy(), dW2.numpy() + np.asarray(penalty, dtype) * W2, few_bits, few_bits)
    np.testing.assert_allclose(w1.grad.numpy(), dW1.numpy() + np.asarray(penalty, dtype) * W1, few_bits, few_bits)

    Z = X @ W1
    H = np.maximum(Z, 0)
    P = np.exp(H @ W2)
    P /= P.sum(1, keepdims=True)
    dO = (P - np.eye(3)[labels]) / len(X)
    within = 50 * np.finfo(dtype).eps
    np.testing.assert_allclose(w2.grad.numpy(), H.T @ dO + penalty * W2, within, within)
    np.testing.assert_allclose(w1.grad.numpy(), X.T @ (dO @ W2.T * (Z > 0)) + penalty * W1, within, within)


def test_an_unknown_activation_is_told() -> None:
    with pytest.raises(ValueError, match="expected an activation out of relu, sigmoid, tanh, prelu, got 'step'"):
        d2l.MLP(10, 5, 0.1, activation="step")


@pytest.fixture(scope="module")
def real() -> d2l.FashionMNIST:
    return d2l.FashionMNIST(batch_size=256, root=REAL)


@needs_the_real_data
@pytest.mark.parametrize(
    ("make", "epochs", "loss", "within", "accuracy"),
    [
        (lambda: d2l.SoftmaxRegressionScratch(784, 10, lr=0.1), 10, 0.447, 0.004, 0.825),
        (lambda: d2l.SoftmaxRegressionScratch(784, 10, lr=0.2), 5, 0.481, 0.006, 0.8),
        (lambda: d2l.MLPScratch(784, 10, 256, lr=0.1), 10, 0.383, 0.008, 0.835),
    ],
    ids=["softmax", "softmax with lr 0.2", "mlp"],
)
def test_fashion_mnist_reaches_the_known_figures(
    real: d2l.FashionMNIST, make: Callable[[], Any], epochs: int, loss: float, within: float, accuracy: float
) -> None:
    history = d2l.Trainer(max_epochs=epochs).fit(make(), real)
    assert history["train_loss"][-1] == pytest.approx(loss, abs=within)
    assert max(history["val_acc"]) >= accuracy


@needs_the_real_data
def test_the_real_images_resized_have_the_book_s_shapes() -> None:
    data = d2l.FashionMNIST(resize=(32, 32), root=REAL)
    assert (len(data.train), len(data.val)) == (60000, 10000)
    X, y = next(iter(data.train_dataloader()))
    assert (X.shape, X.dtype, y.shape, y.dtype) == ((64, 1, 32, 32), np.float32, (64,), np.int64)
    assert sum(len(labels) for _, labels in data.train_dataloader()) == 60000
    assert data.notice is None


# ---------------------------------------------------------------- plots


def test_plot_draws_several_curves_with_legend() -> None:
    pytest.importorskip("matplotlib")
    x = wg.arange(0, 3, 0.1)
    axes = d2l.plot(x, [3 * x**2 - 4 * x, 2 * x - 3], "x", "f(x)", legend=["f(x)", "Tangent line (x=1)"])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["f(x)", "Tangent line (x=1)"]
    assert [l.get_linestyle() for l in axes.lines] == ["-", "--"]
    assert axes.lines[1].get_color() == "m"
    np.testing.assert_allclose(axes.lines[1].get_ydata(), 2 * x.numpy() - 3)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", "f(x)")
    assert axes.figure.get_size_inches().tolist() == [3.5, 2.5]


@pytest.mark.parametrize(
    ("X", "Y", "expected"),
    [
        ([1, 2, 4], None, [([0, 1, 2], [1, 2, 4])]),
        ([[1, 2], [3, 4, 5]], None, [([0, 1], [1, 2]), ([0, 1, 2], [3, 4, 5])]),
        ([1, 2], [[3, 4], [5, 6]], [([1, 2], [3, 4]), ([1, 2], [5, 6])]),
        (wg.arange(2), wg.ones(2, 2, requires_grad=True), [([0, 1], [1, 1]), ([0, 1], [1, 1])]),
        ([[1, 2], [7, 8]], [[3, 4], [5, 6]], [([1, 2], [3, 4]), ([7, 8], [5, 6])]),
    ],
)  # fmt: skip
def test_plot_takes_curves_in_every_form(X: Any, Y: Any, expected: Any) -> None:
    pytest.importorskip("matplotlib")
    axes = d2l.plot(X, Y)
    assert [(l.get_xdata().tolist(), l.get_ydata().tolist()) for l in axes.lines] == expected


def test_plot_options() -> None:
    pytest.importorskip("matplotlib")
    axes = d2l.plot(
        [1, 10], [1, 100], xlim=[1, 20], ylim=[1, 200], xscale="log", yscale="log", fmts=["g:"], figsize=(5, 3)
    )
    assert (axes.get_xscale(), axes.get_yscale(), axes.get_xlim(), axes.get_ylim()) == ("log", "log", (1, 20), (1, 200))
    assert axes.lines[0].get_color() == "g"
    assert axes.figure.get_size_inches().tolist() == [5, 3]
    assert d2l.plot([5, 6], axes=axes) is axes
    assert len(axes.lines) == 1
    with pytest.raises(ValueError, match="2 curves' X and 3 curves' Y"):
        d2l.plot([[1, 2], [1, 2]], [[1, 2]] * 3)


def test_set_figsize_holds_for_all_figures() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    with matplotlib.rc_context():
        d2l.set_figsize((6, 2))
        assert d2l.plot([1, 2]).figure.get_size_inches().tolist() == [6, 2]
        assert matplotlib.rcParams["figure.figsize"] == [6, 2]
        d2l.set_figsize()
        assert d2l.plot([1, 2]).figure.get_size_inches().tolist() == [3.5, 2.5]


def test_normal_densities() -> None:
    x = wg.arange(-7, 7, 0.01, dtype=wg.float64)
    for mu, sigma in ((0, 1), (0, 2), (3, 1)):
        density = d2l.normal_density(x, mu, sigma).numpy()
        assert density.sum() * 0.01 == pytest.approx(1, abs=1e-3)
        assert x.numpy()[density.argmax()] == pytest.approx(mu, abs=0.011)
        assert density.max() == pytest.approx(1 / (sigma * math.sqrt(2 * math.pi)), rel=1e-4)
        np.testing.assert_allclose(d2l.normal_density(x.numpy(), mu, sigma), density, rtol=1e-12)


def test_normal_densities_are_drawn_where_they_lie() -> None:
    pytest.importorskip("matplotlib")
    x = wg.arange(-7, 7, 0.01)
    parameters = [(0, 1), (0, 2), (3, 1)]
    names = [f"mean {mu}, std {sigma}" for mu, sigma in parameters]
    axes = d2l.plot(x, [d2l.normal_density(x, *p) for p in parameters], "x", "p(x)", figsize=(4.5, 2.5), legend=names)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == names
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", "p(x)")
    for line, (mu, sigma) in zip(axes.lines, parameters, strict=True):
        y = line.get_ydata()
        assert line.get_xdata()[y.argmax()] == pytest.approx(mu, abs=0.011)
        assert y.max() == pytest.approx(0.39894 / sigma, rel=1e-3)
    assert len({line.get_color() for line in axes.lines}) == 3
    assert size_of(axes.figure) == (675, 375)


def size_of(figure: Any) -> tuple[int, int]:
    """The width and height in pixels of a figure as a PNG file, which nothing sticks out of."""
    picture = train.plots.rendered(figure, "png")
    assert picture.startswith(b"\x89PNG")
    bounds, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert min(bounds.x0, bounds.y0, width - bounds.x1, height - bounds.y1) > -0.01
    return int.from_bytes(picture[16:20], "big"), int.from_bytes(picture[20:24], "big")


def test_activations_and_their_gradients() -> None:
    x = wg.arange(-8, 8, 0.1, dtype=wg.float64)
    s = 1 / (1 + np.exp(-x.numpy()))
    for function, y, dy in (
        (wg.relu, np.maximum(x.numpy(), 0), np.where(x.numpy() > 1e-9, 1.0, 0.0)),
        (wg.sigmoid, s, s * (1 - s)),
        (wg.tanh, np.tanh(x.numpy()), 1 - np.tanh(x.numpy()) ** 2),
        (
            lambda x: F.prelu(x, wg.tensor(0.25, dtype=wg.float64)),
            np.where(x.numpy() > 0, x.numpy(), 0.25 * x.numpy()),
            None,
        ),
    ):
        values, slopes = d2l.with_gradient(function, x)
        np.testing.assert_allclose(values, y, atol=1e-12)
        if dy is not None:
            np.testing.assert_allclose(slopes, dy, atol=1e-12)
        else:
            assert set(np.round(slopes, 12)) == {0.25, 1.0}


def test_pyplot_is_there_for_those_who_ask() -> None:
    pytest.importorskip("matplotlib")
    assert d2l.plt.__name__ == "matplotlib.pyplot"
    with pytest.raises(AttributeError, match=r"'wengert\.d2l' has no attribute 'lightning'"):
        d2l.lightning  # noqa: B018
