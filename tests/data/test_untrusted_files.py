"""Files are not trusted: whatever the bytes, the readers give an error of their own or what the file really holds.

Each format is damaged at random: bytes changed, cut out, repeated, numbers made huge; where a checksum would stop that
at the door, also with the sum made right. WENGERT_FUZZ sets how often (default 150 times per format).
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import io
import json
import math
import os
import shutil
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import wengert as wg
from wengert import files, nn, optim, train
from wengert.data import IDXError, read_idx, write_idx
from wengert.data.images import read_image
from wengert.train import CheckpointError, DivergenceError, History, Run, RunError, Trainer, checkpoint

FUZZ = settings(
    deadline=None,
    derandomize=True,
    max_examples=int(os.environ.get("WENGERT_FUZZ", "150")),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
MOST_INFLATED = 1032  # what deflate makes of a byte at most
MOST_PIXELS = 1 << 24  # of a picture


def outcome(action: Callable[[], Any], *errors: type[Exception]) -> tuple[Any, str | None]:
    """What an action gives, or the message of an error that it may end with."""
    try:
        return action(), None
    except errors as error:
        return None, str(error)


@functools.cache  # a strategy is made once, not with every example
def damaged(content: bytes) -> st.SearchStrategy[bytes]:
    """The bytes with up to three faults."""
    place = st.integers(0, len(content))
    fault = st.one_of(
        st.tuples(st.just("change"), place, st.binary(min_size=1, max_size=4)),
        st.tuples(st.just("insert"), place, st.binary(min_size=1, max_size=16)),
        st.tuples(st.just("cut"), place, st.integers(1, 64)),
        st.tuples(st.just("end"), place, st.just(0)),
        st.tuples(st.just("repeat"), place, st.integers(1, 64)),
        st.tuples(
            st.just("number"), place, st.sampled_from([b"\xff" * 4, b"\x7f" + b"\xff" * 7, bytes(8), b"99999999"])
        ),
    )

    def apply(faults: list[tuple[str, int, Any]]) -> bytes:
        result = content
        for kind, at, what in faults:
            head, tail = result[:at], result[at:]
            if kind in ("change", "number"):
                result = head + what + tail[len(what) :]
            elif kind == "insert":
                result = head + what + tail
            elif kind == "repeat":
                result = head + tail[:what] + tail
            else:
                result = head if kind == "end" else head + tail[what:]
        return result

    return st.lists(fault, min_size=1, max_size=3).map(apply)


# ---------------------------------------------------------------- IDX, PNG, safetensors


@functools.cache
def idx() -> bytes:
    file = io.BytesIO()
    write_idx(file, np.arange(24, dtype=np.int16).reshape(4, 3, 2))
    return file.getvalue()


@functools.cache
def png() -> bytes:
    from PIL import Image

    file = io.BytesIO()
    picture = Image.fromarray(np.arange(80, dtype=np.uint8).reshape(8, 10)).convert("P")
    picture.info["transparency"] = 3
    picture.save(file, "PNG", dpi=(72, 72))
    return file.getvalue()


@functools.cache
def picture(form: str) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.arange(240, dtype=np.uint8).reshape(8, 10, 3)).save(file, form)
    return file.getvalue()


def with_right_sums(content: bytes) -> bytes:
    """A PNG file, the sums of its chunks made right as far as there are chunks."""
    result, at = content[:8], 8
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        body = content[at + 4 : at + 8 + length]
        result += content[at : at + 4] + body + zlib.crc32(body).to_bytes(4, "big")
        at += 12 + length
    return result + content[at:]


@functools.cache
def weights() -> bytes:
    return files.format_tensors({"layer.weight": wg.rand(3, 4), "layer.bias": wg.zeros(3)}, {"epoch": "1"})


class Format(NamedTuple):
    """How a format is made, damaged beyond its sums, and read; and the error that refuses it."""

    content: Callable[[], bytes]
    finish: Callable[[bytes], bytes]
    read: Callable[[Path], Any]
    error: type[Exception]


FORMATS = {
    "idx": Format(idx, bytes, read_idx, IDXError),
    "compressed idx": Format(lambda: gzip.compress(idx(), mtime=0), bytes, read_idx, IDXError),
    "idx in good gzip": Format(idx, lambda content: gzip.compress(content, mtime=0), read_idx, IDXError),
    "png": Format(png, bytes, read_image, ValueError),
    "png with right sums": Format(png, with_right_sums, read_image, ValueError),
    **{
        form: Format(functools.partial(picture, form), bytes, read_image, ValueError)
        for form in ("BMP", "GIF", "ICO", "JPEG", "JPEG2000", "PCX", "PPM", "TGA", "TIFF", "WEBP")
    },
    "safetensors": Format(
        weights, bytes, lambda path: checkpoint.parse_tensors(path.read_bytes(), path), CheckpointError
    ),
}


@pytest.mark.parametrize("name", FORMATS)
@FUZZ
@given(data=st.data())
def test_a_damaged_file_is_refused_or_read_as_what_it_is(name: str, data: st.DataObject, tmp_path: Path) -> None:
    kind = FORMATS[name]
    content = kind.finish(data.draw(damaged(kind.content())))
    path = tmp_path / "damaged"
    path.write_bytes(content)
    result, refusal = outcome(lambda: kind.read(path), kind.error)
    if refusal is not None:
        assert str(path) in refusal
        return
    arrays = list(result.values()) if isinstance(result, dict) else [result]
    most = MOST_PIXELS if name.isupper() else 8 * MOST_INFLATED * len(content)
    assert sum(array.nbytes for array in arrays) <= most


def declaring(header: dict[str, Any], data: bytes = b"") -> bytes:
    """A safetensors file with a header of its own."""
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensor(dtype: str, shape: list[int], begin: int, end: int) -> dict[str, Any]:
    return {"w": {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}}


BAD_WEIGHTS = {
    "empty": b"",
    "cut": weights()[:-1],
    "trailing bytes": weights() + b"\0",
    "huge header": struct.pack("<Q", 1 << 62) + b"{}",
    "header beyond the end": struct.pack("<Q", 1 << 20) + b"{}",
    "no JSON": struct.pack("<Q", 4) + b"\xff\xfe[[",
    "deep JSON": struct.pack("<Q", 100_000) + b"[" * 100_000,
    "huge shape": declaring(tensor("F32", [1 << 40], 0, 4), bytes(4)),
    "overflowing shape": declaring(tensor("F32", [1 << 62, 8], 0, 0)),
    "negative shape": declaring(tensor("F32", [-1], 0, 4), bytes(4)),
    "offsets beyond the end": declaring(tensor("F32", [1 << 20], 0, 1 << 22), bytes(4)),
    "offsets backwards": declaring(tensor("F32", [1], 4, 0), bytes(4)),
    "unknown dtype": declaring(tensor("Q7", [1], 0, 4), bytes(4)),
    "a gap": declaring(tensor("F32", [1], 4, 8), bytes(8)),
}


@pytest.mark.parametrize("name", BAD_WEIGHTS)
def test_weights_that_are_not_what_they_declare_are_refused(name: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError, match="bad is not a safetensors file that can be read"):
            checkpoint.parse_tensors(BAD_WEIGHTS[name], "bad")
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_no_reader_loads_a_pickle(tmp_path: Path) -> None:
    import pickle

    class Trap:
        def __reduce__(self) -> Any:
            return (open, (str(tmp_path / "sprung"), "w"))

    path = tmp_path / "pickle"
    for content in (pickle.dumps(Trap()), gzip.compress(pickle.dumps(Trap()))):
        path.write_bytes(content)
        for read, error in ((read_idx, IDXError), (read_image, ValueError)):
            with pytest.raises(error):
                read(path)
        with pytest.raises(CheckpointError):
            checkpoint.parse_tensors(content, path)
    np.save(tmp_path / "objects.npy", np.array([Trap()]), allow_pickle=True)
    with pytest.raises(IDXError):
        read_idx(tmp_path / "objects.npy")
    sources = [p.read_text("utf-8") for p in Path(wg.__file__).parent.rglob("*.py")]
    assert not any("import pickle" in text or "allow_pickle=True" in text for text in sources)
    assert not (tmp_path / "sprung").exists()


def test_a_png_file_cannot_ask_for_more_room_than_it_fills(tmp_path: Path) -> None:
    good = png()
    header = b"IHDR" + struct.pack(">2I", 4000, 4000) + good[24:29]
    path = tmp_path / "picture.png"
    for content, reason in (
        (good[:12] + header + zlib.crc32(header).to_bytes(4, "big") + good[33:], "16000000 pixels, more than its"),
        (good + b"trailing", "goes on after its end"),
        (good[:-12], "is cut off"),
    ):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=f"picture.png is not a picture that can be read: .*{reason}"):
            read_image(path)


# ---------------------------------------------------------------- checkpoints and runs


class Line(nn.Module):
    """The smallest model that has everything a checkpoint keeps."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 1)

    def training_step(self, batch: Any) -> Any:
        x, y = batch
        return ((self.layer(x) - y) ** 2).mean()

    validation_step = training_step

    def configure_optimizers(self) -> Any:
        return optim.Adam(self.parameters(), lr=0.01)


class Points:
    """Eight points on a line, in shuffled batches of two."""

    def __init__(self, generator: Any = None) -> None:
        self.x, self.generator = wg.linspace(0, 1, 16).reshape((8, 2)), generator or wg.Generator().manual_seed(0)

    def train_dataloader(self) -> Any:
        data = wg.data.TensorDataset(self.x, self.x.sum(1, keepdim=True))
        return wg.data.DataLoader(data, 2, shuffle=True, generator=self.generator)

    val_dataloader = train_dataloader


LOADERS = ("train_dataloader", "val_dataloader")


class Kept(train.Callback):
    """Saves a checkpoint after the first epoch."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def on_epoch_complete(self, trainer: Trainer) -> None:
        if trainer.epoch == 1:
            checkpoint.save(self.directory, trainer)


def trainer_of(directory: Path, epochs: int) -> Trainer:
    schedule = train.Schedule(lambda optimizer, _: optim.lr_scheduler.OneCycleLR(optimizer, 0.1, 10))
    return Trainer(epochs, callbacks=[schedule, train.EarlyStopping(), Kept(directory)], progress=False)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("checkpoints")
    trainer_of(directory, 1).fit(Line(), Points())
    return directory / "epoch-0001"


def sign(path: Path) -> None:
    """Make a checkpoint's sums right, whatever its files hold."""
    names = ("weights.safetensors", "optimizer.safetensors", "state.json")
    sums = [f"{hashlib.sha256((path / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (path / "SHA256SUMS").write_text("".join(sums))


def places(value: Any) -> list[tuple[Any, ...]]:
    """The ways to everything in a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [()] + [(key, *rest) for key, inner in items for rest in places(inner)]


FOREIGN = [None, True, -1, 3, 10**30, 0.5, math.inf, math.nan, "", "0", "Adam", [], {}, [1], [[]], {"a": 1}, ["x"] * 9]


def forged(value: Any) -> st.SearchStrategy[Any]:
    """A JSON value with something else, or nothing, in one or two places."""
    return _forged(json.dumps(value))


@functools.cache
def _forged(text: str) -> st.SearchStrategy[Any]:

    def apply(faults: list[tuple[tuple[Any, ...], Any]]) -> Any:
        result = json.loads(text)
        for way, new in faults:
            holder = result
            try:
                for key in way[:-1]:
                    holder = holder[key]
                if new is forged:
                    del holder[way[-1]]
                else:
                    holder[way[-1]] = new
            except (LookupError, TypeError):  # the fault before it took the place away
                continue
        return result

    ways = [way for way in places(json.loads(text)) if way]
    return st.lists(st.tuples(st.sampled_from(ways), st.sampled_from([*FOREIGN, forged])), min_size=1, max_size=2).map(
        apply
    )


@pytest.mark.parametrize("own_generator", [True, False], ids=["our generator", "NumPy's generator"])
@FUZZ
@given(data=st.data())
def test_a_forged_state_is_refused_or_is_a_state_to_go_on_from(
    good: Path, tmp_path: Path, own_generator: bool, data: st.DataObject
) -> None:
    path = tmp_path / "epoch-0001"
    shutil.copytree(good, path, dirs_exist_ok=True)
    state = json.loads((good / "state.json").read_bytes())
    points = Points()
    if not own_generator:
        points = Points(np.random.Generator(np.random.MT19937(0)))
        for name in LOADERS:
            state["generators"][f"{name}.generator"] = checkpoint._generator_state(points.generator)
    (path / "state.json").write_text(json.dumps(data.draw(forged(state))))
    sign(path)
    model = Line()
    before = model.layer.weight.detach().numpy().copy()
    _, refusal = outcome(lambda: trainer_of(tmp_path, 2).fit(model, points, resume=path), ValueError, DivergenceError)
    if refusal is not None and str(path) in refusal:
        np.testing.assert_array_equal(model.layer.weight.detach().numpy(), before)
    elif refusal is not None:  # a rate without bounds, or a schedule that is past its end
        assert "the loss is" in refusal or "OneCycleLR" in refusal


@pytest.mark.parametrize("name", ["weights.safetensors", "optimizer.safetensors", "state.json", "SHA256SUMS"])
@FUZZ
@given(data=st.data())
def test_a_damaged_checkpoint_is_refused(good: Path, tmp_path: Path, name: str, data: st.DataObject) -> None:
    content = (good / name).read_bytes()
    found = data.draw(damaged(content))
    if found == content:
        return
    path = tmp_path / "epoch-0001"
    shutil.copytree(good, path, dirs_exist_ok=True)
    (path / name).write_bytes(found)
    _, refusal = outcome(lambda: trainer_of(tmp_path, 1).fit(Line(), Points(), resume=path), CheckpointError)
    if refusal is None:  # a line's end that stands for the same, or a line that is there twice
        assert name == "SHA256SUMS"
    else:
        assert str(path) in refusal


def test_a_checkpoint_that_lists_other_files_is_refused(good: Path, tmp_path: Path) -> None:
    path = tmp_path / "epoch-0001"
    shutil.copytree(good, path)
    outside = tmp_path / "outside"
    outside.write_text("secret")
    line = f"{hashlib.sha256(b'secret').hexdigest()}  ../outside\n"
    (path / "SHA256SUMS").write_text((good / "SHA256SUMS").read_text() + line)
    with pytest.raises(CheckpointError, match=r"SHA256SUMS is damaged: it lists \['\.\./outside', "):
        trainer_of(tmp_path, 1).fit(Line(), Points(), resume=path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are of Unix")
@pytest.mark.parametrize("name", ["weights.safetensors", "state.json", "SHA256SUMS"])
def test_a_pipe_or_a_device_is_no_file_of_a_checkpoint(good: Path, tmp_path: Path, name: str) -> None:
    for k, make in enumerate((os.mkfifo, lambda path: os.symlink("/dev/zero", path), os.mkdir)):
        path = tmp_path / f"epoch-000{k}"
        shutil.copytree(good, path)
        (path / name).unlink()
        make(path / name)
        with pytest.raises(CheckpointError, match="it has no"):
            trainer_of(tmp_path, 1).fit(Line(), Points(), resume=path)


SETTINGS = {"format": "wengert run 1", **vars(train.Settings()), "data": "Fashion-MNIST", "data_dir": None}


@FUZZ
@given(data=st.data())
def test_forged_settings_are_refused_or_make_a_network(tmp_path: Path, data: st.DataObject) -> None:
    found = data.draw(forged({**SETTINGS, "hidden": [3]}))
    (tmp_path / "settings.json").write_text(json.dumps(found))
    described, refusal = outcome(lambda: train.Settings.of(Run(tmp_path).settings), RunError, ValueError)
    if refusal is not None:
        assert "settings" in refusal
        return
    if 10**30 not in described.hidden:  # a network that no machine has room for
        described.task().configure_optimizers()
    described.callbacks()


@FUZZ
@given(data=st.data())
def test_damaged_settings_and_metrics_are_refused_or_read(tmp_path: Path, data: st.DataObject) -> None:
    history = History([{"epoch": k, "train_loss": 1 / k, "val_loss": 0.5, "lr": 0.1} for k in (1, 2)])
    (tmp_path / "settings.json").write_bytes(data.draw(damaged(json.dumps(SETTINGS).encode())))
    (tmp_path / "metrics.csv").write_bytes(data.draw(damaged(history.to_csv().encode())))
    run, refusal = outcome(lambda: Run(tmp_path), RunError)
    if refusal is not None:
        assert "settings" in refusal
        (tmp_path / "settings.json").write_text(json.dumps(SETTINGS))
        run = Run(tmp_path)
    found, refusal = outcome(run.read_history, RunError)
    if refusal is not None:
        assert "metrics.csv is damaged" in refusal
        return
    assert all(isinstance(value, (int, float)) for row in found for value in row.values())
    found.table()


@pytest.mark.parametrize(
    ("way", "value", "reason"),
    [
        (("epoch",), -1, "-1 is no count of epochs or batches"),
        (("batches", 0), 0.5, "0.5 is no count of epochs or batches"),
        (("batches",), [1], r"batches: expected 2 items, found \[1\]"),
        (("history", 0, "train_loss"), "low", "train_loss: expected a number, found 'low'"),
        (("optimizer", "param_groups", 0, "lr"), [0.1], r"lr: expected a number, found \[0.1\]"),
        (("callbacks", 0, 1), {}, r"Schedule: expected the keys \["),
        (("callbacks", 1, 1, "best"), "low", "EarlyStopping: best: expected a number, found 'low'"),
        (("samplers",), {"train_dataloader.sampler": {}}, r"samplers were \['train_dataloader\.sampler'\] in it"),
        (("generators", "train_dataloader.generator", "buffer_pos"), -7, "stands at -7 of its 4 numbers"),
    ],
)
def test_a_forged_state_is_refused_with_the_place(
    good: Path, tmp_path: Path, way: tuple[Any, ...], value: Any, reason: str
) -> None:
    path = tmp_path / "epoch-0001"
    shutil.copytree(good, path)
    state = json.loads((path / "state.json").read_bytes())
    points = Points(np.random.Generator(np.random.Philox(0)))
    for name in LOADERS:
        state["generators"][f"{name}.generator"] = checkpoint._generator_state(points.generator)
    *outer, last = way
    holder = state
    for key in outer:
        holder = holder[key]
    holder[last] = value
    (path / "state.json").write_text(json.dumps(state))
    sign(path)
    with pytest.raises(CheckpointError, match=reason):
        trainer_of(tmp_path, 2).fit(Line(), points, resume=path)


def test_what_is_missing_in_a_run_is_told(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", {})
    with pytest.raises(RunError, match=r"has no metrics\.csv: .*; no epoch is complete yet"):
        run.read_history()
    with pytest.raises(RunError, match=r"has no weights\.safetensors: "):
        run.read_weights()
    (run.path / "weights.safetensors").mkdir()
    with pytest.raises(RunError, match="it is no regular file"):
        run.read_weights()


def test_deep_json_is_refused(good: Path, tmp_path: Path) -> None:
    deep = b"[" * 100_000
    (tmp_path / "settings.json").write_bytes(deep)
    with pytest.raises(RunError, match="does not hold the settings of a run"):
        Run(tmp_path)
    path = tmp_path / "epoch-0001"
    shutil.copytree(good, path)
    (path / "state.json").write_bytes(deep)
    sign(path)
    with pytest.raises(CheckpointError, match="is not the state of a checkpoint"):
        trainer_of(tmp_path, 1).fit(Line(), Points(), resume=path)
