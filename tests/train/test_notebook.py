"""A notebook of the course, executed by a kernel: what stands below each of its cells, and what does not."""

from __future__ import annotations

import html
import warnings
from html.parser import HTMLParser
from typing import Any

import pytest

import wengert as wg
from wengert import nn, train

# A cell, and what it is to leave: the kinds of its outputs in order.
SHOWN, RESULT = "display_data image/svg+xml", "execute_result text/html"
CELLS: list[tuple[str, list[str]]] = [
    ("%matplotlib inline\nimport wengert as torch\nfrom wengert import d2l, nn", []),
    # a helper of the reader's own, which looks for the curve by way of pyplot
    (
        "def note(text, xy, xytext):\n"
        "    d2l.plt.gca().annotate(text, xy=xy, xytext=xytext, arrowprops={'arrowstyle': '->'})\n"
        "x = torch.arange(0, 3, 0.1)\n"
        "d2l.plot(x, [x**2, 2 * x - 1], 'x', 'f(x)', legend=['f', 'tangent'])\n"
        "note('here', (1, 1), (1.5, 0))\n"
        "axes = d2l.plt.gca()\n"
        "assert len(axes.lines) == 2 and len(axes.texts) == 1",
        [SHOWN],
    ),
    ("d2l.set_figsize()\nd2l.plot(x, x**3)", [SHOWN]),  # what it gives is the last expression of the cell
    (
        "data = d2l.SyntheticRegressionData(w=torch.tensor([2.0, -3.4]), b=4.2, num_train=64, num_val=32)\n"
        "model = d2l.LinearRegression(lr=0.03)\n"
        "trainer = d2l.Trainer(max_epochs=2)\n"
        "trainer.fit(model, data)",
        [SHOWN, RESULT],
    ),
    ("model", [RESULT]),
    ("torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)", [RESULT]),
    ("pictures = d2l.show_images(torch.rand(2, 4, 4), 1, 2, titles=['a', 'b'])\npictures", [SHOWN]),
    ("pictures", [SHOWN]),  # again, since this is another cell
    ("d2l.show_heatmaps(torch.eye(4).reshape(1, 1, 4, 4), 'keys', 'queries')", [SHOWN]),
    (
        "animator = d2l.Animator(xlabel='epoch', legend=['loss'])\n"
        "for epoch in range(3):\n"
        "    animator.add(epoch, 1 / (epoch + 1))",
        [SHOWN],
    ),
    ("_, panels = d2l.plt.subplots(1, 2)\nd2l.plot(x, x, axes=panels[0])", [SHOWN]),
]


@pytest.fixture(scope="module")
def executed() -> list[Any]:
    """The cells of the notebook, with what they have left."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    pytest.importorskip("matplotlib")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source, _ in CELLS])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of the clients' own
        nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    return list(notebook.cells)


def kinds(cell: Any) -> list[str]:
    """The kinds of a cell's outputs: the richest form of each."""
    found = []
    for output in cell.outputs:
        data = output.get("data", {})
        form = next((form for form in ("image/svg+xml", "text/html", "text/plain") if form in data), "")
        found.append(f"{output.output_type} {form}".rstrip())
    return found


def test_each_cell_leaves_what_it_shows_and_nothing_else(executed: list[Any]) -> None:
    assert [kinds(cell) for cell in executed] == [wanted for _, wanted in CELLS]


def test_results_have_text_as_well(executed: list[Any]) -> None:
    texts = [output.data["text/plain"] for cell in executed for output in cell.outputs if "text/html" in output.data]
    assert texts[0].split()[:4] == ["epoch", "train_loss", "val_loss", "seconds"]
    assert texts[1].startswith("LinearRegression(")
    assert texts[2].startswith("tensor([[1., 2.],")


# ---------------------------------------------------------------- HTML


class Text(HTMLParser):
    """The text of HTML whose tags are closed in order."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text, self.styles = "", ""
        self.feed(source)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.open.append(tag)
        self.styles += "".join(value for name, value in attrs if name == "style")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


class Named(nn.Module):
    """A module that tells of itself what looks like HTML."""

    def __init__(self, *children: nn.Module) -> None:
        super().__init__()
        self.scale = nn.Parameter(wg.ones(()), requires_grad=False)
        for child in children:
            self.add_module("<i>", child)

    def extra_repr(self) -> str:
        return "<script>alert(1)</script> & more"


@pytest.mark.parametrize(("thing", "expected"), [
    (lambda: wg.tensor([1.0, 2.0]), ["tensor([1., 2.])", "2 · float32"]),
    (lambda: wg.zeros(2, 0, 3, dtype=wg.int64), ["2 × 0 × 3 · int64"]),
    (lambda: wg.tensor(1.0, requires_grad=True) * 2, ["tensor(2., grad_fn=<MulBackward0>)", "scalar · float32"]),
    (lambda: nn.Parameter(wg.ones(2)), ["Parameter containing:", "2 · float32 · requires grad"]),
    (lambda: nn.UninitializedParameter(), ["<UninitializedParameter>"]),
    (lambda: nn.Linear(2, 3), ["Linear(in_features=2, out_features=3, bias=True) weight 3 × 2, bias 3 9 parameters"]),
    (lambda: nn.Sequential(nn.LazyLinear(3), nn.ReLU()),
     ["(0): LazyLinear(", "weight of no size yet", "0 parameters · 2 tensors of no size yet", "(1): ReLU()"]),
    (lambda: Named(Named()), ["(<script>alert(1)</script> & more)", "scale scalar", "(<i>): Named", "2 fixed"]),
    (lambda: train.History(), ["History of no epochs"]),
    (lambda: train.History([{"epoch": 1, "<b>": 0.5}]), ["epoch<b>10.5000"]),
])  # fmt: skip
def test_html_is_whole_escaped_and_without_colours(thing: Any, expected: list[str]) -> None:
    found = Text(thing()._repr_html_())
    for text in expected:
        assert text in found.text
    assert "color" not in found.styles.replace("currentColor", "")
    assert "background" not in found.styles


def test_a_batched_tensor_shows_its_text() -> None:
    shown: list[str] = []

    def look(x: Any) -> Any:
        shown.append(Text(x._repr_html_()).text)
        return x

    wg.vmap(look)(wg.ones(2, 3))
    assert shown[0].endswith("3 · float32")


def test_a_long_history_shows_its_ends() -> None:
    history = train.History([{"epoch": k, "loss": 1 / k} for k in range(1, 1001)])
    lines = repr(history).splitlines()
    assert len(lines) == 22
    assert [line.split()[0] for line in (lines[1], lines[10], lines[11], lines[12], lines[-1])] == [
        "1", "10", "...", "991", "1000",
    ]  # fmt: skip
    assert history._repr_html_().count("<tr>") == 22
    assert len(history.table().splitlines()) == 1001
    assert html.unescape(Text(train.History([{"epoch": 1}])._repr_html_()).text) == "epoch1"
