"""`save` and `load`: what comes back is what was written, and from damaged files nothing but an error."""

from __future__ import annotations

import argparse
import io
import json
import os
import pickle
import re
import stat
import subprocess
import sys
import threading
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import wengert as wg
from wengert import nn
from wengert.core.dtypes import ALL
from wengert.data._files import replacing

NOT_OURS = "is damaged, or was not written by wengert\\.save"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def savez(path: Path, **arrays: np.ndarray) -> None:
    with path.open("wb") as file:
        np.savez(file, **arrays)


def assert_same(a: Any, b: Any) -> None:
    assert type(a) is type(b)
    if isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    elif isinstance(a, dict):
        assert_same(list(a.items()), list(b.items()))
    elif isinstance(a, (wg.Tensor, np.ndarray)):
        assert_same(np.asarray(getattr(a, "_value", a)).tolist(), np.asarray(getattr(b, "_value", b)).tolist())
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        assert getattr(a, "requires_grad", None) == getattr(b, "requires_grad", None)
    else:
        assert repr(a) == repr(b)


def test_what_is_read_is_what_was_written(path: Path) -> None:
    kept = {
        "x": wg.arange(4), 3: [wg.ones(2, 3).T, (None, True, -1, 2.5, float("nan"), "é")], "none": [], (1, 2): {},
        "p": nn.Parameter(wg.ones(2)), "leaf": wg.tensor(1.0, requires_grad=True), "array": np.arange(3.0)[::-1],
        **{str(dtype): wg.tensor([[1, 0]], dtype=dtype) for dtype in ALL}, "empty": wg.zeros(0, 3),
    }  # fmt: skip
    wg.save(kept, path)
    assert_same(wg.load(path), kept)
    with np.load(path) as archive:
        assert archive["0"].tolist() == [0, 1, 2, 3]


def test_the_book_s_model_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    net, again = (nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(2)) for _ in range(2))
    x = wg.rand(3, 5)
    y = net(x)
    wg.save(net.state_dict(), "mlp.params")
    again.load_state_dict(wg.load("mlp.params", map_location="cpu", weights_only=True))
    again.eval()
    assert bool((again(x) == y).all())


def test_a_result_is_a_leaf_when_it_comes_back(path: Path) -> None:
    x = wg.ones(2, requires_grad=True)
    wg.save(x * 2, path)
    back = wg.load(path)
    assert back.is_leaf
    assert back.requires_grad
    back.sum().backward()


def test_what_checkpoints_hold_beside_tensors_comes_back(path: Path) -> None:
    kept = {
        "args": argparse.Namespace(lr=0.1, out=Path("runs") / "1", seeds={1, 2}), "raw": b"\0\xff", "none": b"",
        "names": frozenset({"a"}), "pairs": {frozenset({1, 2}): {frozenset({3})}},
        "nested": [argparse.Namespace(x=wg.ones(2))],
    }  # fmt: skip
    wg.save(kept, path, pickle_protocol=4, _use_new_zipfile_serialization=True)
    found = wg.load(path)
    plain = ("args", "raw", "none", "names", "pairs")
    assert {key: found[key] for key in plain} == {key: kept[key] for key in plain}
    assert isinstance(found["names"], frozenset)
    assert isinstance(found["args"].out, Path)
    assert found["nested"][0].x.tolist() == [1, 1]


def test_what_cannot_be_kept_is_refused_and_the_old_file_stays(path: Path) -> None:
    wg.save([1], path)
    for wrong in (nn.Linear(2, 2), {object()}, [object()], np.array(["a"]), np.array([1j]), 1j):
        with pytest.raises(TypeError, match=r"^save: "):
            wg.save(wrong, path)
    assert wg.load(path) == [1]
    assert os.listdir(path.parent) == ["file"]


def test_open_files_are_written_and_read_where_they_stand(path: Path) -> None:
    kept = {"x": wg.arange(3), "steps": (1, 2.5, None)}
    memory = io.BytesIO()
    memory.write(b"before")
    wg.save(kept, memory)
    memory.seek(6)
    assert_same(wg.load(memory), kept)
    memory.seek(0)
    with pytest.raises(ValueError, match=r"the BytesIO is damaged.*something stands before"):
        wg.load(memory)
    with path.open("wb", buffering=0) as file:
        wg.save(kept, file)
    assert_same(wg.load(path), kept)
    with path.open("rb") as file:
        assert_same(wg.load(file, map_location=wg.device("cpu")), kept)
        with pytest.raises(ValueError, match=rf"load: {re.escape(str(path))} is damaged"):
            wg.load(file)  # at its end


def test_a_file_that_cannot_be_written_is_told_and_left_alone(path: Path) -> None:
    memory = io.BytesIO(b"kept")
    with pytest.raises(TypeError, match="cannot keep a object"):
        wg.save([wg.ones(2), object()], memory)
    assert memory.getvalue() == b"kept"
    for file, door in ((io.StringIO(), wg.load), (io.StringIO(), lambda f: wg.save(1, f))):
        with pytest.raises(TypeError, match="the StringIO was opened for text; a file opened for bytes"):
            door(file)

    for door in (wg.load, lambda f: wg.save(1, f)):
        with pytest.raises(TypeError, match="expected a path or a file opened for bytes, got a float"):
            door(1.5)

    class Full(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            return 5

    with pytest.raises(OSError, match=r"save: the Full took 5 of \d+ bytes"):
        wg.save(1, Full())


def test_other_files_are_refused(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        wg.load(path)
    for content in (b"", b"PK\x05\x06" + bytes(18), b"\x89HDF\r\n\x1a\n"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=NOT_OURS):
            wg.load(path)
    savez(path, contents=np.array('{"format": "wengert tensors 2", "contents": null}'))
    with pytest.raises(ValueError, match="its format is 'wengert tensors 2'"):
        wg.load(path)


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def zipped(path: Path, entries: dict[str, bytes], **options: Any) -> None:
    with zipfile.ZipFile(path, "w", **options) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that are there twice
        for name, entry in entries.items():
            archive.writestr(name.strip("!"), entry)


def entries_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


OTHERS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "npy": (lambda path: path.write_bytes(npy(np.ones(3))), r"\(\.npy\): numpy\.load .* wengert\.from_numpy"),
    "npz": (lambda path: savez(path, x=np.ones(3)), r"\(\.npz\): numpy\.load opens it, and wengert\.from_numpy"),
    "pt": (
        lambda path: zipped(path, {"net/data.pkl": b"\x80\2.", "net/version": b"3\n", "net/data/0": bytes(12)}),
        r"PyTorch's \(\.pt\): a pickle, .*safetensors\.torch\.save_file.* wengert\.load_safetensors",
    ),
    "old pt": (lambda path: path.write_bytes(pickle.dumps(0x1950A86A20F9469CFC6C, 2)), r"a pickle, .*load_safetensors"),
    "pickle": (lambda path: path.write_bytes(pickle.dumps([1])), r"a pickle, .*load_safetensors"),
    "safetensors": (lambda path: wg.save_safetensors({"x": wg.ones(3)}, path), r"wengert\.load_safetensors reads it"),
    "wengert": (lambda path: wg.save(wg.ones(3), path), r"wengert\.load reads it"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_file_of_somebody_elses_says_which_door_to_take(path: Path, name: str) -> None:
    write, message = OTHERS[name]
    write(path)
    doors = {"wengert": [wg.load_safetensors], "safetensors": [wg.load]}.get(name, [wg.load, wg.load_safetensors])
    for door in doors:
        with pytest.raises(ValueError, match=rf"^{door.__name__}: {re.escape(str(path))} .*{message}"):
            door(path)


def rewritten(path: Path, change: Callable[[dict[str, bytes]], Any], **options: Any) -> None:
    """A saved file of two tensors, its entries changed and zipped again."""
    wg.save([wg.zeros(1000), wg.ones(2)], path)
    entries = entries_of(path)
    change(entries)
    zipped(path, entries, **options)


def says(entries: dict[str, bytes], contents: Any) -> None:
    entries["contents.npy"] = npy(np.array(json.dumps({"format": "wengert tensors 1", "contents": contents})))


def tensor(place: Any, kind: str = "tensor", **more: Any) -> dict[str, Any]:
    return {kind: place, "requires_grad": False, **more}


BOTH = [tensor(0), tensor(1)]
UNWRITTEN: dict[str, tuple[Callable[[dict[str, bytes]], Any], str]] = {
    "an array twice": (lambda e: says(e, {"list": [tensor(0)] * 300_000}), "the tensor 0 where number 1 is due"),
    "arrays out of order": (lambda e: says(e, {"list": BOTH[::-1]}), "the tensor 1 where number 0 is due"),
    "an array that nothing names": (lambda e: says(e, tensor(0)), "holds 2 arrays, and its contents name 1"),
    "an array that is not there": (lambda e: says(e, {"list": [*BOTH, tensor(2)]}), "no item named '2.npy'"),
    "a list as JSON has it": (lambda e: says(e, BOTH), "which says nothing"),
    "two kinds at once": (lambda e: says(e, {"list": BOTH, "tuple": []}), "which says nothing"),
    "more about a tensor": (lambda e: says(e, {"list": [tensor(0, more=1), tensor(1)]}), "which says nothing"),
    "an unknown kind": (lambda e: says(e, {"list": [tensor(0, "view"), tensor(1)]}), "the view 0"),
    "an array with a gradient": (lambda e: says(e, {"array": 0, "requires_grad": True}), "the array 0"),
    "a file beside": (lambda e: e.update({"notes.txt": b"x"}), r"holds contents\.npy, 0\.npy, 1\.npy, notes\.txt"),
    "escape codes": (lambda e: e.update({"\x1b[2J": b"x"}), r"1\.npy, \\x1b\[2J, and not"),
    "a name twice": (lambda e: e.update({"1.npy!": e["1.npy"]}), r"holds contents\.npy, 0\.npy, 1\.npy, 1\.npy"),
    "contents that are no text": (lambda e: e.update({"contents.npy": e["0.npy"]}), "is damaged"),
    "text in an array": (
        lambda e: e.update({"1.npy": e["contents.npy"]}),
        "load: tensors cannot have dtype <U",
    ),
}


@pytest.mark.parametrize("name", UNWRITTEN)
def test_what_save_never_writes_is_refused(path: Path, name: str) -> None:
    change, message = UNWRITTEN[name]
    rewritten(path, change)
    with pytest.raises(ValueError, match=f"^load: .*{message}"):
        wg.load(path)


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_compressed_file_is_refused_before_it_grows(path: Path, compression: int) -> None:
    wg.save(wg.zeros(4 << 20), path)
    zipped(path, entries_of(path), compression=compression)
    assert path.stat().st_size < 1 << 16
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="its entries are compressed"):
            wg.load(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_entries_that_share_their_bytes_are_refused(path: Path) -> None:
    wg.save([wg.ones(500), wg.zeros(500)], path)
    content = bytearray(path.read_bytes())
    records = [found.start() for found in re.finditer(b"PK\1\2", content)]
    assert len(records) == 3
    content[records[2] + 42 : records[2] + 46] = content[records[1] + 42 : records[1] + 46]  # where the entry begins
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is damaged"):
        wg.load(path)


@pytest.mark.parametrize("contents", ["[" * 100_000, '{"format": "wengert tensors 1", "contents": {"tensor": "0"}}'])
def test_contents_that_make_no_sense_are_refused(path: Path, contents: str) -> None:
    savez(path, contents=np.array(contents), **{"0": np.array(["a"])})
    with pytest.raises(ValueError, match="is damaged"):
        wg.load(path)


KEPT = {"x": wg.arange(5), "y": [wg.ones(2, 2), "text", 1.5]}


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_damage_is_an_error_or_harmless(path: Path, data: st.DataObject) -> None:
    wg.save(KEPT, path)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        del content[place : place + data.draw(st.integers(1, 64))]
    else:
        content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        found = wg.load(path)
    except ValueError as error:
        assert str(error).startswith("load: ")  # noqa: PT017
    else:
        assert_same(found, KEPT)


def test_arrays_that_say_to_be_large_take_no_memory(path: Path) -> None:
    wg.save(wg.ones(3), path)
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    entries["0.npy"] = entries["0.npy"].replace(b"(3,)", b"(99999999999999,)")
    with zipfile.ZipFile(path, "w") as archive:
        for name, entry in entries.items():
            archive.writestr(name, entry)
    with pytest.raises(ValueError, match="is damaged"):
        wg.load(path)


# ---------------------------------------------------------------- what is written to


def test_a_file_keeps_its_mode(path: Path) -> None:
    wg.save([1], path)
    ordinary = stat.S_IMODE(path.stat().st_mode)
    for mode in (0o600, 0o640, 0o664, ordinary):
        path.chmod(mode)
        wg.save([2], path)
        assert stat.S_IMODE(path.stat().st_mode) == mode if os.name == "posix" else mode


@pytest.mark.skipif(not hasattr(os, "chown") or os.geteuid() != 0, reason="only root may give files away")
def test_a_file_keeps_its_owner(path: Path) -> None:
    wg.save([1], path)
    os.chown(path, 65534, 65534)
    wg.save([2], path)
    assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65534)
    assert wg.load(path) == [2]


def test_nobody_reads_what_will_be_private(path: Path) -> None:
    wg.save([1], path)
    path.chmod(0o600)
    with replacing(path):
        (partial,) = (other for other in path.parent.iterdir() if other != path)
        assert stat.S_IMODE(partial.stat().st_mode) == stat.S_IMODE(path.stat().st_mode)


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="rights of this kind are of Unix")
def test_a_file_that_may_not_be_written_is_not_replaced(path: Path) -> None:
    wg.save([1], path)
    path.chmod(0o444)
    user = os.geteuid()
    directories = [path.parent, *path.parents[1:3]]
    before = [directory.stat().st_mode for directory in directories]
    try:
        for directory in directories:
            directory.chmod(0o777)
        if user == 0:  # whom no rights hold
            os.seteuid(65534)
        with pytest.raises(PermissionError, match=re.escape(str(path))):
            wg.save([2], path)
    finally:
        os.seteuid(user)
        for directory, mode in zip(directories, before, strict=True):
            directory.chmod(mode)
    assert wg.load(path) == [1]
    assert os.listdir(path.parent) == ["file"]


def links(path: Path) -> bool:
    try:
        path.symlink_to("target")
    except OSError:  # Windows asks for a right to make links
        return False
    return True


@pytest.mark.parametrize("present", [True, False])
def test_a_link_is_followed(path: Path, present: bool) -> None:
    home = path.parent / "home"
    home.mkdir()
    if not links(home / "link"):
        pytest.skip("this user may make no links")
    path.symlink_to(Path("home") / "link")
    if present:
        wg.save([1], home / "target")
    wg.save([2], path)
    assert path.is_symlink()
    assert (home / "link").is_symlink()
    assert wg.load(home / "target") == [2]
    assert sorted(os.listdir(home)) == ["link", "target"]


def test_links_in_a_circle_and_directories_are_an_error_that_names_them(path: Path) -> None:
    if links(path):
        (path.parent / "target").symlink_to("file")
        with pytest.raises(OSError, match=re.escape(str(path))):
            wg.save([1], path)
    with pytest.raises(OSError, match=re.escape(str(path.parent))):
        wg.save([1], path.parent)
    with pytest.raises(FileNotFoundError, match=re.escape(f"'{path.parent / 'no' / 'file'}'") + "$"):
        wg.save([1], path.parent / "no" / "file")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are of Unix")
def test_a_pipe_is_written_to(path: Path) -> None:
    os.mkfifo(path)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(path.read_bytes()))
    reader.start()
    wg.save({"x": wg.arange(1000)}, path)
    reader.join()
    assert stat.S_ISFIFO(path.stat().st_mode)
    path.unlink()
    path.write_bytes(received[0])
    assert_same(wg.load(path), {"x": wg.arange(1000)})


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="Windows has no such device")
def test_a_device_is_written_to_and_stays(path: Path) -> None:
    path.symlink_to("/dev/null")
    before = os.stat("/dev/null")
    for target in ("/dev/null", path):
        wg.save(wg.ones(100_000), target)
        wg.save_safetensors({"x": wg.ones(3)}, target)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert os.stat("/dev/null").st_ino == before.st_ino


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="Windows has no such name")
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1"])
def test_standard_output_goes_on_where_it_stands(path: Path, name: str) -> None:
    program = f"import wengert as wg; print('before', flush=True); wg.save([1], {name!r}); print('after')"
    with path.open("wb") as file:
        subprocess.run([sys.executable, "-c", program], stdout=file, check=True)
    found = path.read_bytes()
    assert found.startswith(b"before\nPK")
    assert found.endswith(b"after\n")
    path.write_bytes(found[7:-6])
    assert wg.load(path) == [1]


@pytest.mark.parametrize("name", ["n" * 231, "n" * 255, "ü" * 127, "数" * 85], ids=["231", "255", "umlauts", "Chinese"])
def test_names_may_be_as_long_as_the_system_has_them(tmp_path: Path, name: str) -> None:
    try:
        (tmp_path / name).touch()
    except OSError:
        pytest.skip("this system has shorter names")
    wg.save([1], tmp_path / name)
    assert wg.load(tmp_path / name) == [1]
    assert os.listdir(tmp_path) == [name]


# ---------------------------------------------------------------- safetensors

safetensors_numpy = pytest.importorskip("safetensors.numpy")


def views() -> dict[str, wg.Tensor]:
    x = wg.arange(24, dtype=wg.float32).reshape(2, 3, 4)
    return {
        "dense": x, "transposed": x.transpose(0, 2), "a part": x[:, 1:, ::2], "a column": x[..., 1], "one": x[1, 2, 3],
        "expanded": x[:, :1].expand(2, 5, 4), "backwards": wg.from_numpy(x.numpy()[::-1, :, ::-1]),
        "nothing": x[:0], "a parameter": nn.Parameter(x.transpose(1, 2)),
    }  # fmt: skip


@pytest.mark.parametrize("name", views())
def test_a_view_is_written_as_what_it_shows(path: Path, name: str) -> None:
    x = views()[name].detach()
    for saved in (x, x.numpy()):
        wg.save_safetensors({name: saved}, path)
        read = safetensors_numpy.load_file(path)[name]
        np.testing.assert_array_equal(read, x.numpy(), strict=True)
        assert_same(wg.load_safetensors(path), {name: x})
    safetensors_numpy.save_file({name: np.array(x.numpy(), order="C")}, path)
    assert_same(wg.load_safetensors(path), {name: x})


@pytest.mark.parametrize("dtype", ALL, ids=str)
def test_every_dtype_goes_through_safetensors(path: Path, dtype: np.dtype) -> None:
    x = wg.tensor([[1, 0, 3], [4, 5, 6]], dtype=dtype).T
    wg.save_safetensors({"x": x, "swapped": x.numpy().astype(dtype.newbyteorder(">"))}, path)
    np.testing.assert_array_equal(safetensors_numpy.load_file(path)["x"], x.numpy(), strict=True)
    assert_same(wg.load_safetensors(path), {"swapped": x, "x": x})


def test_what_is_read_from_safetensors_is_ones_own(path: Path) -> None:
    wg.save_safetensors({"x": wg.ones(3, requires_grad=True)}, path, {"epoch": "3"})
    read = wg.load_safetensors(path)["x"]
    assert read.is_leaf
    assert not read.requires_grad
    read += 1
    assert read.tolist() == [2.0, 2.0, 2.0]
    assert wg.load_safetensors(path)["x"].tolist() == [1.0, 1.0, 1.0]
    assert b'"__metadata__":{"epoch":"3"}' in path.read_bytes()


def safetensors_file(dtype: str, shape: list[int], data: bytes) -> bytes:
    header = json.dumps({"x": {"dtype": dtype, "shape": shape, "data_offsets": [0, len(data)]}}).encode()
    return len(header).to_bytes(8, "little") + header + data


def test_bfloat16_becomes_float32(path: Path) -> None:
    values = np.array([[1.0, -2.5, float("inf")], [0.0, -0.0, 2.0**-130]], np.float32)
    path.write_bytes(safetensors_file("BF16", [2, 3], (values.view(np.uint32) >> 16).astype("<u2").tobytes()))
    read = wg.load_safetensors(path)["x"].numpy()
    np.testing.assert_array_equal(read, values, strict=True)
    np.testing.assert_array_equal(np.signbit(read), np.signbit(values))


@pytest.mark.parametrize(("dtype", "size"), [("U16", 2), ("U64", 8), ("F8_E4M3", 1), ("C64", 8)])
def test_dtypes_that_tensors_do_not_have_are_told(path: Path, dtype: str, size: int) -> None:
    path.write_bytes(safetensors_file(dtype, [1], bytes(size)))
    with pytest.raises(TypeError, match=f"^load_safetensors: {re.escape(str(path))}: 'x' has the dtype {dtype}; "):
        wg.load_safetensors(path)


def test_what_is_no_tensor_is_not_written_and_the_old_file_stays(path: Path) -> None:
    wg.save_safetensors({"x": wg.ones(2)}, path)
    before = path.read_bytes()
    for wrong, error in (
        ({"x": [1.0]}, TypeError), ({1: wg.ones(1)}, TypeError), ({"x": np.array(["a"])}, TypeError),
        ({"x": np.array([1j])}, TypeError), ({"__metadata__": wg.ones(1)}, ValueError),
    ):  # fmt: skip
        with pytest.raises(error, match=r"^save_safetensors: "):
            wg.save_safetensors(wrong, path)
    with pytest.raises(TypeError):
        wg.save_safetensors({"x": wg.ones(2)}, path, {"epoch": 3})  # type: ignore[dict-item]
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["file"]


@pytest.mark.parametrize("save", [wg.save, wg.save_safetensors])
def test_a_parameter_without_a_size_is_told(path: Path, save: Callable[..., None]) -> None:
    with pytest.raises(ValueError, match="this parameter has no size yet"):
        save(nn.LazyLinear(2).state_dict(), path)
