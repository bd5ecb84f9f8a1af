"""Pictures: each is rendered, and its sizes, labels, legends and curves are looked at."""

from __future__ import annotations

import importlib
import io
import struct
import subprocess
import sys
import types
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import d2l
from wengert.data import FASHION_CLASSES, SyntheticFashion
from wengert.data.images import read_image, resize
from wengert.train import History, plots

pytest.importorskip("matplotlib")


def pixels(figure: Any) -> np.ndarray:
    """The figure as it is written to a file, (height, width, 3) in [0, 1]."""
    from matplotlib.image import imread

    image = imread(io.BytesIO(plots.rendered(figure, "png")))[..., :3]
    width, height = figure.get_size_inches() * figure.dpi
    assert abs(image.shape[0] - height) <= 1
    assert abs(image.shape[1] - width) <= 1
    return image


def inside(figure: Any) -> None:
    """Nothing that is drawn on the figure is cut off at its edges."""
    figure.draw_without_rendering()
    bounds = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    assert bounds.x0 >= -0.01
    assert bounds.y0 >= -0.01
    assert bounds.x1 <= width + 0.01
    assert bounds.y1 <= height + 0.01


HISTORY = History(
    [
        {
            "epoch": k,
            "train_loss": 2 / k,
            "train_accuracy": 1 - 1 / k,
            "val_loss": 3 / k,
            "val_accuracy": 0.5,
            "lr": 0.1,
        }
        for k in range(1, 6)
    ]
)


def test_curves_have_a_panel_for_each_metric() -> None:
    figure = plots.curves(HISTORY)
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "accuracy", "learning rate"]
    loss, accuracy, rate = figure.axes
    for axes in (loss, accuracy):
        assert [text.get_text() for text in axes.get_legend().get_texts()] == ["training", "validation"]
        assert axes.get_xlabel() == "epoch"
        assert all(tick == round(tick) for tick in axes.get_xticks())
    assert rate.get_legend() is None
    np.testing.assert_array_equal(loss.lines[0].get_xydata(), [[k, 2 / k] for k in range(1, 6)])
    np.testing.assert_array_equal(loss.lines[1].get_ydata(), HISTORY["val_loss"])
    inside(figure)
    image = pixels(figure)
    blue, orange = np.array([0x1F, 0x77, 0xB4]) / 255, np.array([0xFF, 0x7F, 0x0E]) / 255
    for color in (blue, orange):
        assert (np.abs(image - color).max(-1) < 0.02).sum() > 500


def test_curves_of_a_history_without_validation_have_one_line() -> None:
    (axes,) = plots.curves(History([{"epoch": 1, "train_loss": 1.0}])).axes
    assert len(axes.lines) == 1
    with pytest.raises(ValueError, match="no epoch is complete"):
        plots.curves(History())


def test_mistakes_are_the_most_confident_ones_with_both_labels_below() -> None:
    data = SyntheticFashion(size=100)
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(10) / 3, 100)
    figure = plots.mistakes(data.images, probabilities, data.targets, data.classes, rows=2, columns=3)
    predicted, sure = probabilities.argmax(1), probabilities.max(1)
    wrong = [k for k in np.argsort(-sure) if predicted[k] != data.targets[k]]
    assert len(figure.axes) == 6
    for axes, k in zip(figure.axes, wrong, strict=False):
        np.testing.assert_array_equal(axes.images[0].get_array(), data.images[k])
        true, said = FASHION_CLASSES[data.targets[k]], FASHION_CLASSES[predicted[k]]
        assert axes.get_xlabel() == f"true: {true}\nsaid: {said}\n{sure[k]:.2%} sure"
    assert figure.get_suptitle() == f"the most confident of {len(wrong)} mistakes among 100"
    inside(figure)
    assert pixels(figure).std() > 0.1


@pytest.mark.parametrize("count", [0, 1, 5])
def test_few_mistakes_leave_empty_places(count: int) -> None:
    labels = np.zeros(8, int)
    probabilities = np.tile([0.9, 0.1], (8, 1))
    probabilities[:count] = [0.2, 0.8]
    figure = plots.mistakes(np.zeros((8, 4, 4)), probabilities, labels, ["a", "b"], rows=2, columns=4)
    assert sum(len(axes.images) for axes in figure.axes) == count
    pixels(figure)


def test_first_layer_draws_the_strongest_units_on_one_scale() -> None:
    weight = np.random.default_rng(0).normal(size=(100, 12)) * np.linspace(1, 2, 100)[:, None]
    figure = plots.first_layer(weight, (3, 4), most=16)
    *cells, scale = figure.axes
    drawn = [axes.images[0] for axes in cells if axes.images]
    assert len(drawn) == 16
    assert len({image.get_clim() for image in drawn}) == 1
    low, high = drawn[0].get_clim()
    assert low == -high
    chosen = np.sort(np.argsort(-np.linalg.norm(weight, axis=1))[:16])
    np.testing.assert_array_equal(drawn[3].get_array(), weight[chosen[3]].reshape(3, 4))
    assert scale.get_ylabel() == "weight"
    inside(figure)
    pixels(figure)


def test_first_layer_of_a_linear_model_names_the_classes() -> None:
    figure = plots.first_layer(np.ones((10, 784)), (28, 28), FASHION_CLASSES)
    assert [axes.get_title() for axes in figure.axes[:10]] == list(FASHION_CLASSES)
    inside(figure)


def test_confusion_matrix_shows_every_count() -> None:
    counts = np.array([[90, 10, 0], [20, 30, 50], [0, 0, 0]])
    figure = plots.confusion_matrix(counts, ["bag", "coat", "dress"])
    axes = figure.axes[0]
    assert {(t.get_position(), t.get_text()) for t in axes.texts} == {
        ((0, 0), "90"), ((1, 0), "10"), ((0, 1), "20"), ((1, 1), "30"), ((2, 1), "50"),
    }  # fmt: skip
    assert [t.get_text() for t in axes.get_xticklabels()] == ["bag", "coat", "dress"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")
    np.testing.assert_allclose(axes.images[0].get_array(), [[0.9, 0.1, 0], [0.2, 0.3, 0.5], [0, 0, 0]])
    inside(figure)
    pixels(figure)


def test_image_grid_shows_tensors_and_colours() -> None:
    figure = plots.image_grid([wg.rand(5, 4), np.random.default_rng(0).random((5, 4, 3))], 1, 3, ["grey", "colour"])
    assert [axes.get_title() for axes in figure.axes] == ["grey", "colour", ""]
    assert [len(axes.images) for axes in figure.axes] == [1, 1, 0]
    inside(figure)


@pytest.mark.parametrize(("rows", "title"), [(1, "Ankle boot"), (3, "true\nsaid")])
def test_image_grid_leaves_room_for_its_titles(rows: int, title: str) -> None:
    figure = plots.image_grid(wg.rand(8 * rows, 28, 28), rows, 8, [title] * 8 * rows)
    pixels(figure)
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    titles = [axes.title.get_window_extent(renderer) for axes in figure.axes]
    pictures = [axes.get_window_extent(renderer) for axes in figure.axes]
    assert all(figure.bbox.y1 - title.y1 >= 2 for title in titles)
    assert all(picture.width == pytest.approx(picture.height) for picture in pictures)
    assert not any(title.overlaps(picture) for title in titles for picture in pictures)


@pytest.mark.parametrize(("ending", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_figures_are_saved_in_the_format_of_the_ending(tmp_path: Path, ending: str, start: bytes) -> None:
    plots.save(plots.curves(HISTORY), tmp_path / f"curves{ending}")
    assert (tmp_path / f"curves{ending}").read_bytes().startswith(start)


def test_an_unknown_format_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Format 'txt' is not supported"):
        plots.save(plots.curves(HISTORY), tmp_path / "curves.txt")
    assert list(tmp_path.iterdir()) == []


def test_pictures_need_no_pyplot() -> None:
    script = (
        "import sys; from wengert.train import History, plots; from wengert import d2l\n"
        "plots.curves(History([{'epoch': 1, 'train_loss': 1.0}])).savefig('/dev/null', format='png')\n"
        "d2l.plot([1, 2, 3])\n"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert out == "False\n"


# ---------------------------------------------------------------- charts in text


def test_a_text_chart_draws_curves_where_they_lie() -> None:
    x = np.linspace(0, 10, 50)
    chart = plots.text_chart({"up": (x, x), "down": (x, 10 - x)}, width=41, height=11, xlabel="time").splitlines()
    assert len(chart) == 11 + 3
    body = [line.partition("|")[2].ljust(41) for line in chart[:11]]
    for k, line in enumerate(body):
        column = 4 * (10 - k)
        assert "*" in line[max(0, column - 2) : column + 3] or k == 5
        assert "+" in line[max(0, 40 - column - 2) : 40 - column + 3]
    assert chart[0].startswith("  10 |")
    assert chart[10].startswith("   0 |")
    assert chart[12].split() == ["0", "10"]
    assert chart[13] == "time; * up   + down"


def test_a_text_chart_takes_what_comes() -> None:
    assert plots.text_chart({}) == "(no points yet)"
    assert plots.text_chart({"a": ([], []), "b": ([1.0], [np.nan])}) == "(no points yet)"
    single = plots.text_chart({"a": ([3], [7])}, width=10, height=3)
    assert single.count("*") == 2  # the point and the legend
    logarithmic = plots.text_chart(
        {"a": ([1, 10, 100], [1e-3, 0, 1e3])}, xscale="log", yscale="log", width=21, height=7
    )
    assert "1000 |" in logarithmic
    assert "0.001 |" in logarithmic


# ---------------------------------------------------------------- notebooks


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """A kernel that remembers what is displayed."""
    pyplot = importlib.import_module("matplotlib.pyplot")
    monkeypatch.setattr(pyplot, "install_repl_displayhook", lambda: None)  # it wants a kernel's events
    shown: list[tuple[str, Any]] = []
    display = types.ModuleType("IPython.display")
    display.display = lambda content: shown.append(content)  # type: ignore[attr-defined]
    display.clear_output = lambda wait: shown.append(("clear", wait))  # type: ignore[attr-defined]
    display.SVG = lambda data: ("svg", data)  # type: ignore[attr-defined]
    display.Image = lambda data: ("png", data)  # type: ignore[attr-defined]
    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: types.SimpleNamespace(config={"IPKernelApp": {}})  # type: ignore[attr-defined]
    ipython.display = display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.setattr(plots, "_notebook_format", "svg")
    return shown


def test_a_notebook_shows_what_is_plotted(notebook: list[tuple[str, Any]]) -> None:
    d2l.plot([1, 2, 3])
    plots.use_notebook_format("png")
    d2l.show_images(wg.rand(2, 4, 4), 1, 2)
    d2l.use_svg_display()
    d2l.show_images(wg.rand(2, 4, 4), 1, 2)
    assert [kind for kind, _ in notebook] == ["svg", "png", "svg"]
    assert b"<svg" in notebook[0][1]
    assert notebook[1][1].startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="'svg' or 'png', got 'gif'"):
        plots.use_notebook_format("gif")


def test_a_board_in_a_notebook_replaces_its_figure(notebook: list[tuple[str, Any]]) -> None:
    board = d2l.ProgressBoard("x")
    for x in range(4):
        board.draw(x, x, "line", every_n=2)
    assert [kind for kind, _ in notebook] == ["clear", "svg", "clear", "svg"]
    assert len(board.figure().axes) == 1


def test_outside_a_notebook_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert not plots.show_in_notebook(plots.new_figure(1, 1))
    board = d2l.ProgressBoard("x")
    board.draw(1, 2, "line")
    board.show()
    assert capsys.readouterr() == ("", "")


# ---------------------------------------------------------------- images


@pytest.mark.parametrize("size", [(32, 32), (28, 40), (14, 14), (5, 60), (1, 1)])
def test_resizing_agrees_with_pillow(size: tuple[int, int]) -> None:
    from PIL import Image

    images = SyntheticFashion(size=20).images
    resized = resize(images, size)
    assert resized.dtype == np.uint8
    assert resized.shape == (20, *size)
    for image, ours in zip(images, resized, strict=True):
        theirs = np.asarray(Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR))
        assert np.abs(ours.astype(int) - theirs).max() <= 1


def test_resizing_many_images_is_resizing_each(monkeypatch: pytest.MonkeyPatch) -> None:
    images = SyntheticFashion(size=1500).images
    many = resize(images, (32, 32))
    np.testing.assert_array_equal(many[1490:], resize(images[1490:], (32, 32)))
    assert resize(images, (28, 28)) is images
    assert resize(images[:0], (32, 32)).shape == (0, 32, 32)


def test_resizing_refuses_what_it_cannot_do() -> None:
    with pytest.raises(TypeError, match="expected uint8 of shape"):
        resize(np.zeros((2, 3, 3)), (4, 4))
    with pytest.raises(ValueError, match="expected positive sizes"):
        resize(np.zeros((2, 3, 3), np.uint8), (0, 4))


def test_png_files_of_every_kind_become_grey(tmp_path: Path) -> None:
    from PIL import Image

    grey = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
    saved = {
        "grey": Image.fromarray(grey),
        "colour": Image.fromarray(np.repeat(grey[..., None], 3, -1)),
        "palette": Image.fromarray(grey).convert("P"),
        "opaque": Image.fromarray(np.dstack([grey, grey, grey, np.full_like(grey, 255)])),
        "deep": Image.fromarray(grey.astype(np.uint16) * 257),
    }
    for name, image in saved.items():
        image.save(tmp_path / f"{name}.png")
        np.testing.assert_array_equal(read_image(tmp_path / f"{name}.png"), grey, err_msg=name)
    Image.fromarray(np.dstack([grey, grey, grey, np.zeros_like(grey)])).save(tmp_path / "clear.png")
    assert not read_image(tmp_path / "clear.png").any()
    Image.fromarray(grey > 100).save(tmp_path / "two.png")
    np.testing.assert_array_equal(read_image(tmp_path / "two.png"), np.where(grey > 100, 255, 0))


@pytest.fixture
def grey() -> np.ndarray:
    """A picture without edges, which no format changes much."""
    across = np.linspace(0, 1, 32)
    return (255 * np.outer(across, across[::-1]) ** 0.5).astype(np.uint8)


def in_mode(grey: np.ndarray, mode: str) -> Any:
    from PIL import Image, ImageCms

    image = Image.fromarray(grey)
    if mode in ("I", "I;16", "F"):
        return Image.fromarray((grey * (1.0 if mode == "F" else 257.0)).astype(INT_OR_FLOAT[mode]))
    if mode == "LAB":
        profiles = (ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"))
        return ImageCms.profileToProfile(image.convert("RGB"), *profiles, outputMode="LAB")
    return image.convert("RGB").convert(mode) if mode in ("CMYK", "YCbCr", "HSV") else image.convert(mode)


INT_OR_FLOAT = {"I": np.int32, "I;16": np.uint16, "F": np.float32}
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB", *INT_OR_FLOAT)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:PIL")
@pytest.mark.parametrize("mode", MODES)
def test_pictures_of_every_format_and_mode_become_grey(tmp_path: Path, grey: np.ndarray, mode: str) -> None:
    from PIL import Image

    Image.init()
    read = set()
    for form in sorted(set(Image.SAVE) - {"EPS"}):
        path = tmp_path / form
        try:
            in_mode(grey, mode).save(path, form)
            with Image.open(path) as image:
                image.load()
            assert image.palette is not None or image.mode != "P"  # it loses that of an ICNS file
            assert mode[0] != "I" or image.mode[0] == "I"  # and writes some numbers cut off
        except (OSError, ValueError, KeyError, AssertionError, SystemError, AttributeError):  # what Pillow cannot do
            continue
        found = resize(read_image(path)[None], grey.shape)[0]
        if mode == "1":  # of black and white dots
            assert abs(found.mean() - grey.mean()) < 8, form
        else:
            assert np.abs(found.astype(int) - grey).mean() < 8, form
        read.add(form)
    assert {"PNG", "TIFF"} & read if mode not in ("HSV", "PA") else len(read) >= 1


def test_numbers_beyond_eight_bits_keep_their_scale(tmp_path: Path, grey: np.ndarray) -> None:
    from PIL import Image

    def saved(array: np.ndarray, form: str) -> np.ndarray:
        Image.fromarray(array).save(tmp_path / "picture", form)
        return read_image(tmp_path / "picture")

    np.testing.assert_array_equal(saved((grey / 255).astype(np.float32), "TIFF"), grey)
    np.testing.assert_array_equal(saved(grey.astype(np.float32), "TIFF"), grey)
    np.testing.assert_array_equal(saved(grey.astype(np.int32), "TIFF"), grey)
    np.testing.assert_array_equal(saved(grey.astype(np.int32) * 257, "TIFF"), grey)
    np.testing.assert_array_equal(saved(grey.astype(np.uint16), "PNG"), grey * 0)  # nearly black, and it is meant
    whole, parts = grey.astype(np.int32), grey.astype(np.float32)
    for array in (whole << 16, -whole, parts * 256, parts * np.float32("nan")):
        with pytest.raises(ValueError, match=r"is not a picture .*values go from .* which of them is white nothing"):
            saved(array, "TIFF")


def png_of(bits: int, colour: int, rows: bytes, *chunks: tuple[bytes, bytes], width: int) -> bytes:
    header = struct.pack(">2I5B", width, 1, bits, colour, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n"
    for name, data in ((b"IHDR", header), *chunks, (b"IDAT", zlib.compress(b"\0" + rows)), (b"IEND", b"")):
        content += len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")
    return content


def test_a_palette_picture_without_a_palette_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(png_of(8, 3, bytes(range(4)), width=4))
    with pytest.raises(ValueError, match=r"picture\.png is not a picture that can be read: .*it has no palette"):
        read_image(path)
    path.write_bytes(png_of(8, 3, b"\0\1", (b"PLTE", bytes([9, 9, 9, 200, 200, 200])), width=2))
    assert read_image(path).tolist() == [[9, 200]]


def test_a_grey_of_sixteen_bits_may_be_transparent(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(png_of(16, 0, bytes([0x80, 0, 0x80, 1, 0x40, 0]), (b"tRNS", b"\x80\0"), width=3))
    assert read_image(path).tolist() == [[0, 0x80, 0x40]]


def test_a_picture_is_turned_as_its_camera_says(tmp_path: Path, grey: np.ndarray) -> None:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    Image.fromarray(grey).save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(read_image(tmp_path / "turned.png"), np.rot90(grey, -1))


def test_no_program_is_run_to_read_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    def run(*arguments: Any, **options: Any) -> None:
        raise AssertionError("a program was run")

    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "picture.eps")
    for name in ("Popen", "check_call", "run"):
        monkeypatch.setattr(subprocess, name, run)
    with pytest.raises(ValueError, match="cannot identify image file"):
        read_image(tmp_path / "picture.eps")


def test_png_files_are_not_trusted(tmp_path: Path) -> None:
    from PIL import Image

    Image.fromarray(np.zeros((64, 64), np.uint8)).save(tmp_path / "good.png")
    good = (tmp_path / "good.png").read_bytes()

    def declaring(side: int) -> bytes:
        header = b"IHDR" + side.to_bytes(4, "big") * 2 + good[24:29]
        return good[:12] + header + zlib.crc32(header).to_bytes(4, "big") + good[33:]

    damaged = [b"", b"GIF89a", good[:40], good[:60], good[:16] + b"\1" + good[17:]]
    for k, content in enumerate([*damaged, declaring(0), declaring(5000), declaring(10000), declaring(60000)]):
        path = tmp_path / f"{k}.png"
        path.write_bytes(content)
        with pytest.raises(ValueError, match="is not a picture that can be read"):
            read_image(path)


def test_png_without_pillow_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"pip install 'wengert\[train\]'"):
        read_image(tmp_path / "any.png")


def test_every_picture_of_a_run_has_a_title() -> None:
    history = History([{"epoch": 1, "train_loss": 1.0}])
    assert plots.curves(history, title="run $1$: curves").get_suptitle() == r"run \$1\$: curves"
    assert plots.curves(history).get_suptitle() == "the metrics of each epoch"
    some = plots.first_layer(np.ones((5, 4)), (2, 2), most=3)
    assert some.get_suptitle() == "the weights of the first layer's units, the 3 largest of 5"
    inside(some)
    maps = plots.feature_maps(np.eye(4), {"first": np.ones((2, 4, 4))}, columns=3)
    assert maps.get_suptitle() == "what the layers make of an image"
    counts = np.array([[3, 1], [0, 4]])
    assert plots.confusion_matrix(counts, "ab").axes[0].get_title() == "87.50% of 8 examples are right"
