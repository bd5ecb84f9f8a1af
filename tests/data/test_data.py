"""IDX files, Fashion-MNIST and its stand-in, data sets and the loader.

The library's own files are checked on a small publisher: four files of the published form with 60 and 20 images, served
on 127.0.0.1. The real files are checked where they are: in $WENGERT_DATA or in ../shared/data/fashion-mnist.
"""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import os
import socket
import struct
import subprocess
import sys
import threading
import tracemalloc
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import wengert as wg
from wengert.data import (
    FASHION_CLASSES,
    Arrays,
    ChecksumError,
    Column,
    DataLoader,
    Dataset,
    DownloadError,
    FashionMNIST,
    IDXError,
    LabelledImages,
    NeedlessWorkersWarning,
    Subset,
    SyntheticFashion,
    TensorDataset,
    default_collate,
    default_convert,
    fashion_mnist_or_stand_in,
    loader,
    random_split,
    read_idx,
    write_idx,
)
from wengert.data import dataset as dataset_module
from wengert.data import fashion as fashion_module

FUZZ = settings(deadline=None, derandomize=True, max_examples=300)
IDX_DTYPES = ["uint8", "int8", "int16", "int32", "float32", "float64"]


# ---------------------------------------------------------------- IDX


def idx_bytes(code: int, lengths: tuple[int, ...], elements: bytes) -> bytes:
    return struct.pack(f">2xBB{len(lengths)}I", code, len(lengths), *lengths) + elements


GOOD = idx_bytes(0x08, (2, 3), bytes(range(6)))


@pytest.mark.parametrize("shape", [(), (0,), (7,), (2, 0, 3), (3, 4, 5)], ids=str)
@pytest.mark.parametrize("name", ["a.idx", "a.gz"])
@pytest.mark.parametrize("element", IDX_DTYPES)
def test_idx_round_trip(tmp_path: Path, element: str, name: str, shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).normal(0, 60, shape).astype(element)
    write_idx(tmp_path / name, array)
    result = read_idx(tmp_path / name)
    assert result.dtype == array.dtype
    assert result.dtype.isnative
    assert result.flags.writeable
    assert result.shape == shape
    np.testing.assert_array_equal(result, array)
    assert (tmp_path / name).read_bytes().startswith(b"\x1f\x8b") == (name == "a.gz")


@FUZZ
@given(
    hnp.arrays(
        st.sampled_from([np.dtype(name).newbyteorder(order) for name in IDX_DTYPES for order in "<>"]),
        hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4),
    ),
    st.booleans(),
)
def test_idx_round_trip_of_any_array_keeps_every_bit(array: np.ndarray, compress: bool) -> None:
    file = io.BytesIO()
    write_idx(file, array, compress=compress)
    file.seek(0)
    result = read_idx(file)
    assert result.shape == array.shape
    assert result.tobytes() == array.astype(array.dtype.newbyteorder("=")).tobytes()
    assert not file.closed


def test_idx_layout_is_the_published_one() -> None:
    file = io.BytesIO()
    write_idx(file, np.array([[1, -2]], dtype=np.int16))
    assert file.getvalue() == bytes([0, 0, 0x0B, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 0xFF, 0xFE])


def test_idx_writes_strided_arrays_and_the_same_bytes_every_time(tmp_path: Path) -> None:
    array = np.arange(24, dtype=np.int32).reshape(4, 6)[::-2, ::3].T
    for name in ("a.gz", "b.gz"):
        write_idx(tmp_path / name, array)
    np.testing.assert_array_equal(read_idx(tmp_path / "a.gz"), array)
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


@pytest.mark.parametrize("name", ["misnamed.gz", "misnamed.idx"])
def test_idx_compression_is_told_by_content_and_not_by_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(GOOD if name.endswith("gz") else gzip.compress(GOOD))
    np.testing.assert_array_equal(read_idx(str(path)), [[0, 1, 2], [3, 4, 5]])


def test_idx_reads_open_files_and_pipes_from_where_they_stand(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"before" + GOOD)
    with (tmp_path / "a").open("rb") as file:
        file.seek(6)
        assert read_idx(file).shape == (2, 3)
        assert not file.closed
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as file:
        file.write(GOOD)
    with os.fdopen(reading, "rb") as file:
        assert read_idx(file).shape == (2, 3)


DAMAGED = {
    "empty": (b"", "4 bytes, found 0"),
    "three bytes": (b"\0\0\x08", "found 3"),
    "a PNG": (b"\x89PNG\r\n\x1a\n", "not an IDX file: it begins with 89 50 4e 47"),
    "unknown type": (idx_bytes(0x0A, (1,), b"\0"), r"begins with 00 00 0a 01.*08 \(uint8\).*0e \(float64\)"),
    "lengths cut": (GOOD[:10], "ends inside the lengths of its 2 dimensions"),
    "elements cut": (GOOD[:-1], r"6 bytes of elements, shape \(2, 3\) of uint8, and the file is too short"),
    "a byte more": (GOOD + b"\0", "goes on after"),
    "too many dimensions": (idx_bytes(0x08, (1,) * 65, b"\0"), "65 dimensions; NumPy has at most 64"),
    "overflow": (idx_bytes(0x0E, (2**32 - 1,) * 3, b""), "more than can be addressed"),
    "overflow beside a zero": (idx_bytes(0x08, (0, 2**32 - 1, 2**32 - 1), b""), "more than can be addressed"),
    "huge": (idx_bytes(0x08, (2**31,), b"\0"), "too short"),
    "gzip cut": (gzip.compress(GOOD)[:-9], "gzip data is damaged"),
    "gzip cut in its header": (gzip.compress(GOOD)[:5], "gzip data is damaged"),
    "gzip checksum": (gzip.compress(GOOD)[:-8] + bytes(8), "gzip data is damaged: CRC"),
    "gzip deflate": (gzip.compress(GOOD)[:10] + b"\xff" * 20, "gzip data is damaged"),
    "gzip of too little": (gzip.compress(GOOD[:-1]), "the file ends after 5"),
    "gzip of too much": (gzip.compress(GOOD + b"\0"), "goes on after"),
    "gzip and rubbish": (gzip.compress(GOOD) + b"rubbish", "gzip data is damaged"),
    "gzip huge": (gzip.compress(idx_bytes(0x08, (2**31,), b"\0")), "too short"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_idx_damage_is_an_error_that_names_the_file(tmp_path: Path, name: str) -> None:
    content, message = DAMAGED[name]
    path = tmp_path / "some-file"
    path.write_bytes(content)
    with pytest.raises(IDXError, match=f"some-file: .*{message}"):
        read_idx(path)


@FUZZ
@given(st.binary(max_size=40), st.booleans())
def test_idx_random_bytes_are_an_error_or_an_array(content: bytes, compress: bool) -> None:
    try:
        array = read_idx(io.BytesIO(gzip.compress(content) if compress else content))
    except IDXError:
        return
    assert array.nbytes <= len(content)


@FUZZ
@given(st.integers(0, 255), st.lists(st.integers(0, 2**32 - 1), max_size=6), st.binary(max_size=16), st.booleans())
def test_idx_random_headers_are_an_error_or_an_array(
    code: int, lengths: list[int], elements: bytes, compress: bool
) -> None:
    content = idx_bytes(code, tuple(lengths), elements)
    try:
        array = read_idx(io.BytesIO(gzip.compress(content) if compress else content))
    except IDXError:
        return
    assert array.shape == tuple(lengths)
    assert array.nbytes == len(elements)


@FUZZ
@given(st.integers(0, 10**6), st.integers(1, 255), st.booleans())
def test_idx_one_changed_byte_never_passes_for_gzip_and_never_crashes(place: int, change: int, compress: bool) -> None:
    content = bytearray(gzip.compress(GOOD, mtime=0) if compress else GOOD)
    place %= len(content)
    content[place] ^= change
    try:
        array = read_idx(io.BytesIO(bytes(content)))
    except IDXError:
        return
    if compress:  # a byte of gzip's header that says nothing of the content
        np.testing.assert_array_equal(array, [[0, 1, 2], [3, 4, 5]])
    else:
        assert array.nbytes == 6


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (idx_bytes(0x0E, (2**27,), bytes(100)), "too short"),
        (gzip.compress(idx_bytes(0x0E, (2**27,), bytes(100))), "too short"),
        (gzip.compress(idx_bytes(0x08, (2**27,), bytes(2**18))), "the file ends after 262144|too short"),
        (gzip.compress(idx_bytes(0x08, (3,), bytes(2**25))), "goes on after"),
    ],
    ids=["raw header", "gzip header", "gzip ends", "gzip bomb"],
)
def test_idx_allocates_no_more_than_the_file_justifies(content: bytes, message: str) -> None:
    file = io.BytesIO(content)
    tracemalloc.start()
    try:
        with pytest.raises(IDXError, match=message):
            read_idx(file)
        assert tracemalloc.get_traced_memory()[1] < 3 << 20
    finally:
        tracemalloc.stop()


def test_idx_refuses_more_than_was_expected() -> None:
    bomb = io.BytesIO(gzip.compress(idx_bytes(0x08, (2**24,), bytes(2**24))))
    with pytest.raises(IDXError, match=r"16777216 bytes of elements.*at most 1000 were expected"):
        read_idx(bomb, max_bytes=1000)


def test_idx_refuses_text_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("text")
    with (tmp_path / "a").open() as file, pytest.raises(TypeError, match="opened in binary mode"):
        read_idx(file)


@pytest.mark.parametrize("element", ["int64", "uint16", "bool", "complex64", "U3"])
def test_idx_refuses_types_that_the_format_lacks(element: str) -> None:
    with pytest.raises(TypeError, match=r"IDX has no element type for .*; it has uint8, int8"):
        write_idx(io.BytesIO(), np.zeros(3, element))


def test_idx_refuses_lengths_of_more_than_32_bits() -> None:
    with pytest.raises(ValueError, match="does not fit in IDX's 32 bits"):
        write_idx(io.BytesIO(), np.broadcast_to(np.uint8(0), (2**32,)))


def test_idx_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    write_idx(path, np.array([1], np.uint8))

    def full(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_idx(path, np.array([2], np.uint8))
    assert os.listdir(tmp_path) == ["a"]
    assert read_idx(path).tolist() == [1]


# ---------------------------------------------------------------- Fashion-MNIST


def closed_port() -> str:
    """A URL at which nobody listens."""
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        return f"http://127.0.0.1:{server.server_port}/"


@pytest.fixture
def publisher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with four small files, published; a user without WENGERT_DATA, cache and network."""
    directory = tmp_path / "publisher"
    directory.mkdir()
    rng = np.random.default_rng(0)
    for table in ("_TRAIN_FILES", "_TEST_FILES"):
        published = []
        for file in getattr(fashion_module, table):
            count = file.shape[0] // 1000 if table == "_TRAIN_FILES" else 20
            shape = (count, *file.shape[1:])
            write_idx(directory / file.name, rng.integers(0, 10 if len(shape) == 1 else 256, shape, dtype=np.uint8))
            content = (directory / file.name).read_bytes()
            published.append(file._replace(size=len(content), sha256=hashlib.sha256(content).hexdigest(), shape=shape))
        monkeypatch.setattr(fashion_module, table, tuple(published))
    monkeypatch.delenv("WENGERT_DATA", raising=False)
    monkeypatch.setattr(fashion_module, "cache_directory", lambda: tmp_path / "cache" / "fashion-mnist")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(fashion_module, "_PUBLISHER", closed_port())
    return directory


def put(publisher: Path, directory: Path, unpacked: bool = False) -> Path:
    """Copy the published files into a directory."""
    directory.mkdir(parents=True)
    for source in publisher.iterdir():
        content = source.read_bytes()
        if unpacked:
            (directory / source.stem).write_bytes(gzip.decompress(content))
        else:
            (directory / source.name).write_bytes(content)
    return directory


@pytest.fixture
def serve(publisher: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Start the publisher's server with a handler of one's choice; gives its URL."""
    servers: list[http.server.ThreadingHTTPServer] = []

    def start(handler: type[http.server.SimpleHTTPRequestHandler]) -> str:
        server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), lambda *arguments: handler(*arguments, directory=str(publisher))
        )
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setattr(fashion_module, "_PUBLISHER", url)
        return url

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


def test_fashion_items_and_attributes(publisher: Path) -> None:
    data = FashionMNIST(publisher)
    assert len(data) == 60
    assert data.images.shape == (60, 28, 28)
    assert data.images.dtype == np.uint8
    assert data.targets.shape == (60,)
    assert data.targets.dtype == np.int64
    assert data.classes == FASHION_CLASSES
    assert data.train
    assert data.source == str(publisher)
    image, label = data[7]
    assert image.shape == (1, 28, 28)
    assert image.dtype == wg.float32
    assert type(label) is int
    np.testing.assert_array_equal(image.numpy(), data.images[None, 7] * np.float32(1 / 255))
    assert label == data.targets[7]
    assert len(FashionMNIST(publisher, train=False)) == 20
    assert "60 images of 28x28" in repr(data)


def test_fashion_brightest_pixel_is_exactly_one() -> None:
    data = LabelledImages(np.full((1, 1, 1), 255, np.uint8), np.array([0]), ["bag"])
    assert data[0][0].numpy().item() == 1.0


def test_fashion_index_counts_from_the_end_and_ends_iteration(publisher: Path) -> None:
    data = FashionMNIST(publisher, train=False)
    np.testing.assert_array_equal(data[-1][0].numpy(), data[19][0].numpy())
    assert len(list(data)) == 20
    for index in (20, -21):
        with pytest.raises(IndexError, match=f"no example {index} among 20"):
            data[index]


def test_fashion_transforms_see_image_and_label(publisher: Path) -> None:
    data = FashionMNIST(publisher, transform=lambda image: image.shape, target_transform=lambda label: -label)
    assert data[3] == ((1, 28, 28), -data.targets[3])


@pytest.mark.parametrize("unpacked", [False, True], ids=["gz", "unpacked"])
@pytest.mark.parametrize("layout", ["flat", "FashionMNIST/raw"])
@pytest.mark.parametrize("place", ["root", "WENGERT_DATA", "cache"])
def test_fashion_is_found(
    publisher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, layout: str, unpacked: bool
) -> None:
    base = fashion_module.cache_directory() if place == "cache" else tmp_path / "base"
    directory = put(publisher, base if layout == "flat" else base / layout, unpacked)
    if place == "WENGERT_DATA":
        monkeypatch.setenv("WENGERT_DATA", str(base))
    for train in (True, False):
        data = FashionMNIST(base if place == "root" else None, train, download=False)
        assert data.source == str(directory)
        np.testing.assert_array_equal(data.images, FashionMNIST(publisher, train).images)


def test_fashion_root_comes_before_the_environment_and_the_cache(
    publisher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = [tmp_path / "root", tmp_path / "environment", fashion_module.cache_directory()]
    monkeypatch.setenv("WENGERT_DATA", str(places[1]))
    for place in reversed(places):
        put(publisher, place)
        assert FashionMNIST(places[0], download=False).source == str(place)


def test_fashion_incomplete_directory_is_passed_over_and_reported(publisher: Path, tmp_path: Path) -> None:
    directory = put(publisher, tmp_path / "part")
    (directory / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(FileNotFoundError, match=r"part \(root\): has no train-labels-idx1-ubyte\.gz"):
        FashionMNIST(directory, download=False)
    assert len(FashionMNIST(directory, train=False, download=False)) == 20


def test_fashion_not_found_says_where_it_looked(publisher: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError) as caught:
        FashionMNIST(tmp_path / "empty", download=False)
    message = str(caught.value)
    for part in (
        "train-images-idx3-ubyte and train-labels-idx1-ubyte",
        f"{tmp_path / 'empty' / 'FashionMNIST' / 'raw'} (root): no such directory",
        f"{tmp_path / 'empty'} (root): has none of them",
        f"{tmp_path / 'cache' / 'fashion-mnist'} (the user's cache): no such directory",
        "$WENGERT_DATA: not set",
        "download=True",
    ):
        assert part in message


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b[:50] + b"\0" + b[51:], lambda b: b + b"\0"])
def test_fashion_damaged_compressed_file_fails_its_checksum(
    publisher: Path, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    path = put(publisher, tmp_path / "root") / "train-images-idx3-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ChecksumError, match=r"train-images-idx3-ubyte\.gz: .*expected \d+ bytes with SHA-256 .*found"):
        FashionMNIST(tmp_path / "root")


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("train-images-idx3-ubyte", np.zeros((60, 28, 27), np.uint8), r"expected uint8 of shape \(60, 28, 28\), found"),
        ("train-images-idx3-ubyte", np.zeros((61, 28, 28), np.uint8), "at most 47040 were expected"),
        ("train-images-idx3-ubyte", np.zeros((59, 28, 28), np.uint8), r"found uint8 of shape \(59, 28, 28\)"),
        ("train-labels-idx1-ubyte", np.zeros(60, np.int8), "expected uint8.*found int8"),
        ("train-labels-idx1-ubyte", np.arange(60, dtype=np.uint8), r"labels must lie in \[0, 10\).* at 59 is 59"),
    ],
)
def test_fashion_wrong_unpacked_file_is_an_error(
    publisher: Path, tmp_path: Path, name: str, array: np.ndarray, message: str
) -> None:
    directory = put(publisher, tmp_path / "root", unpacked=True)
    write_idx(directory / name, array)
    with pytest.raises(IDXError, match=f"{name}: .*{message}"):
        FashionMNIST(directory)


def test_fashion_download_goes_to_the_cache_once(
    publisher: Path, serve: Callable[..., str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(Quiet)
    data = FashionMNIST()
    assert data.source == str(fashion_module.cache_directory())
    assert sorted(os.listdir(data.source)) == ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"]
    np.testing.assert_array_equal(data.images, FashionMNIST(publisher).images)
    assert "train-images-idx3-ubyte.gz: 100%" in capsys.readouterr().err
    monkeypatch.setattr(fashion_module, "_PUBLISHER", closed_port())
    np.testing.assert_array_equal(FashionMNIST().targets, data.targets)


def test_fashion_download_goes_to_root_in_torchvisions_layout(
    publisher: Path, serve: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    serve(Quiet)
    data = FashionMNIST(tmp_path / "new", train=False, progress=False)
    assert data.source == str(tmp_path / "new" / "FashionMNIST" / "raw")
    assert len(data) == 20
    assert capsys.readouterr().err == ""


def test_fashion_downloaded_files_have_the_users_permissions(publisher: Path, serve: Callable[..., str]) -> None:
    serve(Quiet)
    source = Path(FashionMNIST(train=False, progress=False).source)
    (source / "reference").touch()
    assert len({path.stat().st_mode for path in source.iterdir()}) == 1


def test_fashion_two_processes_download_at_once(publisher: Path, serve: Callable[..., str], tmp_path: Path) -> None:
    together = threading.Barrier(2)

    class BothAtOnce(Quiet):
        def do_GET(self) -> None:
            if "train-images" in self.path:
                together.wait(60)
            super().do_GET()

    url = serve(BothAtOnce)
    program = f"""
from pathlib import Path
from wengert.data import fashion
fashion.cache_directory = lambda: Path({str(fashion_module.cache_directory())!r})
fashion._PUBLISHER = {url!r}
fashion._TRAIN_FILES = tuple(fashion._Published(*file) for file in {[tuple(f) for f in fashion_module._TRAIN_FILES]})
print(fashion.FashionMNIST().targets.sum())
"""
    processes = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in processes:
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        assert int(output) == FashionMNIST(publisher).targets.sum()
    assert sorted(os.listdir(fashion_module.cache_directory())) == [
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
    ]


class Corrupt(Quiet):
    def copyfile(self, source: Any, outputfile: Any) -> None:
        content = source.read()
        outputfile.write(content[:-1] + bytes([content[-1] ^ 1]))


class TooShort(Quiet):
    def copyfile(self, source: Any, outputfile: Any) -> None:
        outputfile.write(source.read()[:-1])


class Endless(Quiet):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(bytes(10**6))


class Missing(Quiet):
    def do_GET(self) -> None:
        self.send_error(404)


class Portal(Quiet):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>Please log in</html>")


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        (Corrupt, "ChecksumError: .*train-images-idx3-ubyte.gz: .*SHA-256"),
        (TooShort, "IncompleteRead"),
        (Endless, "too many"),
        (Missing, "404"),
        (Portal, "ChecksumError: .*found 26 bytes"),
    ],
)
def test_fashion_failed_download_is_an_error_and_leaves_nothing(
    publisher: Path, serve: Callable[..., str], handler: type[Quiet], message: str
) -> None:
    serve(handler)
    with pytest.raises(DownloadError, match=message):
        FashionMNIST()
    assert os.listdir(fashion_module.cache_directory()) == []


def test_fashion_no_network_says_where_it_looked_and_what_to_do(publisher: Path, tmp_path: Path) -> None:
    with pytest.raises(DownloadError) as caught:
        FashionMNIST(tmp_path / "nowhere", train=False)
    message = str(caught.value)
    for part in (
        f"could not be downloaded from {fashion_module._PUBLISHER}",
        f"{tmp_path / 'nowhere'} (root): no such directory",
        "(the user's cache)",
        "$WENGERT_DATA: not set",
        "t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz",
        "SyntheticFashion",
    ):
        assert part in message
    assert not (tmp_path / "nowhere").exists()


def test_fashion_publisher_that_does_not_answer_is_given_up(
    publisher: Path, serve: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()

    class Silent(Quiet):
        def do_HEAD(self) -> None:
            released.wait(60)

    serve(Silent)
    monkeypatch.setattr(fashion_module, "_PATIENCE", 0.1)
    with pytest.raises(DownloadError, match=r"no answer within 0\.1 seconds|timed out"):
        FashionMNIST()
    released.set()


def test_fashion_look_up_that_hangs_is_given_up(publisher: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def hang(*arguments: Any, **options: Any) -> None:
        released.wait(60)
        raise socket.gaierror("no such host")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    monkeypatch.setattr(fashion_module, "_PATIENCE", 0.1)
    with pytest.raises(DownloadError, match=r"no answer within 0\.1 seconds"):
        FashionMNIST()
    released.set()


def test_fashion_publisher_that_trickles_is_given_up(
    publisher: Path, serve: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    released, ended = threading.Event(), threading.Event()

    class Trickling(Quiet):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            try:
                while not released.wait(0.02):  # never long enough for a timeout
                    self.wfile.write(b"x")
            finally:
                ended.set()

    serve(Trickling)
    monkeypatch.setattr(fashion_module, "_PATIENCE", 3.0)
    monkeypatch.setattr(fashion_module, "_SLOWEST", float("inf"))
    with pytest.raises(DownloadError, match=r"TimeoutError: it did not come within 3 seconds"):
        FashionMNIST(progress=False)
    assert os.listdir(fashion_module.cache_directory()) == []
    released.set()
    assert ended.wait(60)
    for thread in threading.enumerate():
        if thread.name == "wengert-download":
            thread.join(60)  # its next write was refused, and nobody heard of it
            assert not thread.is_alive()


def test_fashion_a_slow_download_is_given_its_time() -> None:
    for files in (fashion_module._TRAIN_FILES, fashion_module._TEST_FILES):
        assert all(file.size / fashion_module._SLOWEST < 1800 for file in files)


def test_fashion_patience_is_below_fifteen_seconds() -> None:
    assert fashion_module._PATIENCE < 15


def test_fashion_unwritable_cache_is_a_download_error(
    publisher: Path, serve: Callable[..., str], tmp_path: Path
) -> None:
    serve(Quiet)
    (tmp_path / "cache").write_text("a file where a directory should be")
    with pytest.raises(DownloadError, match="cache"):
        FashionMNIST(progress=False)


@pytest.mark.parametrize("package", ["pooch", "tqdm"])
def test_fashion_missing_package_names_the_extra(
    publisher: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ImportError, match=rf"needs {package}.*pip install 'wengert\[train\]'"):
        FashionMNIST()


@pytest.mark.parametrize(
    ("platform", "variable", "expected"),
    [
        ("linux", "XDG_CACHE_HOME", "base/wengert/fashion-mnist"),
        ("linux", None, "home/.cache/wengert/fashion-mnist"),
        ("darwin", None, "home/Library/Caches/wengert/fashion-mnist"),
        ("win32", "LOCALAPPDATA", "base/wengert/fashion-mnist"),
        ("win32", None, "home/AppData/Local/wengert/fashion-mnist"),
    ],
)
def test_cache_directory_is_the_systems_own(
    monkeypatch: pytest.MonkeyPatch, platform: str, variable: str | None, expected: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: Path("home"))
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(variable, "base")
    assert fashion_module.cache_directory() == Path(expected)


def test_published_sizes_counts_and_digests_are_complete() -> None:
    for files, count in ((fashion_module._TRAIN_FILES, 60000), (fashion_module._TEST_FILES, 10000)):
        images, labels = files
        assert images.shape == (count, 28, 28)
        assert labels.shape == (count,)
        assert all(len(file.sha256) == 64 and file.size > 5000 for file in files)


REAL = next(
    (
        path
        for path in (
            Path(os.environ.get("WENGERT_DATA") or "nowhere"),
            Path(__file__).parents[3] / "shared" / "data" / "fashion-mnist",
        )
        if path.is_dir()
    ),
    None,
)
real_files = pytest.mark.skipif(
    REAL is None, reason="the real Fashion-MNIST is neither in $WENGERT_DATA nor in ../shared/data/fashion-mnist"
)


@real_files
def test_real_files_are_what_was_published() -> None:
    md5 = {
        "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
    }
    train, test, is_real, message = fashion_mnist_or_stand_in(REAL, download=False)
    assert is_real
    assert "60000 training and 10000 test images" in message
    assert train.images.shape == (60000, 28, 28)
    assert test.images.shape == (10000, 28, 28)
    assert np.bincount(train.targets).tolist() == [6000] * 10
    assert np.bincount(test.targets).tolist() == [1000] * 10
    assert train.classes[train[0][1]] == "Ankle boot"
    for name, digest in md5.items():
        path = Path(train.source) / name
        if path.exists():
            assert hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() == digest


# ---------------------------------------------------------------- the stand-in


def test_stand_in_is_deterministic_and_a_small_set_begins_a_large_one() -> None:
    small, large = SyntheticFashion(size=300), SyntheticFashion(size=1200)
    np.testing.assert_array_equal(small.images, large.images[:300])
    np.testing.assert_array_equal(small.targets, large.targets[:300])
    assert not np.array_equal(small.images, SyntheticFashion(size=300, seed=1).images)
    assert not np.array_equal(small.images, SyntheticFashion(train=False, size=300).images)
    assert not np.array_equal(large.images[1000:], large.images[:200])


def test_stand_in_has_the_form_of_the_real_data_and_says_that_it_is_not() -> None:
    data = SyntheticFashion(train=False, size=1000)
    assert data.images.shape == (1000, 28, 28)
    assert data.images.dtype == np.uint8
    assert data.targets.dtype == np.int64
    assert np.bincount(data.targets).tolist() == [100] * 10
    assert data.classes == FASHION_CLASSES
    assert not data.train
    assert "generated" in data.source
    assert "not Fashion-MNIST" in data.source
    assert data[0][0].shape == (1, 28, 28)
    assert len(SyntheticFashion(size=0)) == 0
    for bad in ({"size": -1}, {"seed": -1}):
        with pytest.raises(ValueError, match="must not be negative"):
            SyntheticFashion(**bad)


def test_stand_in_garments_have_their_shapes() -> None:
    data = SyntheticFashion(size=3000)
    mean = np.stack([data.images[data.targets == label].mean(0) for label in range(10)]) / 255
    name = {garment: mean[label] for label, garment in enumerate(FASHION_CLASSES)}
    # Trousers part below, sleeves stand beside the torso, shoes lie low with more at the bottom than at the top.
    assert name["Trouser"][20:24, 13:15].mean() < 0.7 * name["Trouser"][20:24, 10:12].mean()
    assert name["Pullover"][14:20, 3:6].mean() > 3 * name["T-shirt/top"][14:20, 3:6].mean()
    assert name["Dress"].mean() < name["Coat"].mean()
    for shoe in ("Sandal", "Sneaker"):
        assert name[shoe][:8].mean() < 0.02 < name[shoe][16:22].mean()
    assert name["Ankle boot"][6:10, 14:].mean() > 1.5 * name["Ankle boot"][6:10, :14].mean()
    assert name["Bag"][16:22, 8:20].mean() > 0.3
    # Pictures of one class differ.
    assert data.images[data.targets == 8].std(0).mean() > 30


def ridge_accuracy(train: np.ndarray, labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray) -> float:
    """Test accuracy of ridge regression to one-hot targets."""
    gram = train.T @ train + 1e-2 * len(train) * np.eye(train.shape[1], dtype=np.float32)
    weights = np.linalg.solve(gram, train.T @ np.eye(10, dtype=np.float32)[labels])
    return float(np.mean((test @ weights).argmax(1) == test_labels))


def test_stand_in_is_hard_for_a_linear_model_and_easier_with_a_hidden_layer() -> None:
    train, test = SyntheticFashion(size=10000), SyntheticFashion(train=False, size=2000)
    pixels = [np.insert(d.images.reshape(-1, 784) / np.float32(255), 0, 1, axis=1) for d in (train, test)]
    linear = ridge_accuracy(pixels[0], train.targets, pixels[1], test.targets)
    projection = np.random.default_rng(0).normal(size=(785, 1000)).astype(np.float32) / 28
    hidden = [np.maximum(p @ projection, 0) for p in pixels]
    deep = ridge_accuracy(hidden[0], train.targets, hidden[1], test.targets)
    assert 0.6 < linear < 0.9
    assert linear + 0.02 < deep < 0.95


def test_stand_in_is_never_taken_silently(publisher: Path) -> None:
    train, test, is_real, message = fashion_mnist_or_stand_in(seed=3)
    assert not is_real
    assert "NOT Fashion-MNIST" in message
    assert "could not be downloaded" in message
    assert train.images.shape == (60000, 28, 28)
    assert test.images.shape == (10000, 28, 28)
    assert isinstance(train, SyntheticFashion)
    assert "seed 3" in test.source
    real = fashion_mnist_or_stand_in(publisher)
    assert real.is_real
    assert real.message == f"Fashion-MNIST: 60 training and 20 test images from {publisher}."


def test_stand_in_does_not_hide_damaged_files(publisher: Path, tmp_path: Path) -> None:
    directory = put(publisher, tmp_path / "root")
    (directory / "t10k-labels-idx1-ubyte.gz").write_bytes(b"damaged")
    with pytest.raises(ChecksumError):
        fashion_mnist_or_stand_in(directory)


# ---------------------------------------------------------------- data sets


def numbered(count: int = 10) -> TensorDataset:
    """Rows (i, -i) with the label i."""
    numbers = np.arange(count)
    return TensorDataset(wg.from_numpy(np.stack([numbers, -numbers], 1).astype(np.float32)), wg.from_numpy(numbers))


class Squares(Dataset):
    """Without an array form."""

    def __len__(self) -> int:
        return 7

    def __getitem__(self, index: int) -> tuple[int, float]:
        if not 0 <= index < 7:
            raise IndexError(index)
        return index, index**2 / 2


def test_tensor_dataset_gives_rows() -> None:
    data = numbered()
    x, y = data[3]
    assert x.numpy().tolist() == [3, -3]
    assert y.numpy() == 3
    assert [t.shape for t in data[2:5]] == [(3, 2), (3,)]
    assert len(data) == 10


def test_tensor_dataset_takes_arrays_and_shares_their_memory() -> None:
    array = np.zeros((2, 3), np.float32)
    assert np.shares_memory(TensorDataset(array).tensors[0].numpy(), array)


def test_tensor_dataset_errors() -> None:
    with pytest.raises(AssertionError, match=r"Size mismatch between tensors: .* \[2, 3\]"):
        TensorDataset(np.zeros(2), np.zeros(3))
    with pytest.raises(ValueError, match="at least one"):
        TensorDataset()
    with pytest.raises(TypeError, match="got list"):
        TensorDataset([1, 2])
    with pytest.raises(ValueError, match="without dimensions"):
        TensorDataset(np.array(1.0))


def test_a_dataset_without_items_says_so_when_it_is_asked() -> None:
    with pytest.raises(NotImplementedError, match="Dataset: a data set defines __getitem__, and this one does not"):
        Dataset()[0]


@pytest.mark.parametrize(
    ("images", "targets", "error", "message"),
    [
        (np.zeros((2, 3, 3)), np.zeros(2, int), TypeError, "images must be uint8"),
        (np.zeros((2, 3), np.uint8), np.zeros(2, int), TypeError, r"shape \(n, height, width\)"),
        (np.zeros((2, 3, 3), np.uint8), np.zeros(2), TypeError, "targets must be integers"),
        (np.zeros((2, 3, 3), np.uint8), np.zeros(3, int), TypeError, r"of shape \(2,\)"),
        (np.zeros((2, 3, 3), np.uint8), np.array([0, 2]), ValueError, r"in \[0, 2\), and the one at 1 is 2"),
        (np.zeros((2, 3, 3), np.uint8), np.array([-1, 0]), ValueError, "the one at 0 is -1"),
    ],
)
def test_labelled_images_check_what_they_are_given(
    images: np.ndarray, targets: np.ndarray, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        LabelledImages(images, targets, ["a", "b"])


def test_subset_gives_the_chosen_examples_in_order() -> None:
    assert list(Subset("abcdef", [4, 0])) == ["e", "a"]
    subset = Subset(Subset(numbered(), [1, 3, 5, 7]), [2, -1])
    assert [y.item() for _, y in (subset[0], subset[1])] == [5, 7]
    assert [y.item() for y in Subset(numbered(), [1, 3, 5])[[2, 0]][1]] == [5, 1]
    assert len(subset) == 2


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [([3, 7], [3, 7]), ([0.3, 0.7], [3, 7]), ([0.25, 0.25, 0.5], [3, 2, 5]), ([1 / 3] * 3, [4, 3, 3]), ([1], [10])],
)
def test_random_split_is_a_partition(lengths: list[float], expected: list[int]) -> None:
    parts = random_split(numbered(), lengths, wg.Generator().manual_seed(0))
    assert [len(part) for part in parts] == expected
    assert sorted(y.item() for part in parts for _, y in part) == list(range(10))


def test_random_split_depends_on_the_seed_alone() -> None:
    def indices(seed: int) -> list[list[int]]:
        return [part.indices for part in random_split(range(50), [20, 30], wg.Generator().manual_seed(seed))]

    assert indices(1) == indices(1)
    assert indices(1) != indices(2)


@pytest.mark.parametrize(
    ("lengths", "error", "message"),
    [
        ([3, 6], ValueError, "Sum of input lengths does not equal .* add up to 9; they must add up to 10"),
        ([0.5, 0.6], ValueError, "Sum of input lengths"),
        ([-1, 11], ValueError, "must not be negative"),
        ([1.5, -0.5], ValueError, "fractions must lie in"),
        ([2.5, 7.5], TypeError, "must be integers"),
    ],
)
def test_random_split_errors(lengths: list[float], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        random_split(numbered(), lengths)


def test_random_split_warns_of_an_empty_part() -> None:
    with pytest.warns(UserWarning, match=r"lengths \[1, 0\]"):
        random_split(range(1), [0.5, 0.5])


def test_column_refuses_what_it_cannot_gather() -> None:
    with pytest.raises(TypeError, match="got int64"):
        Column(np.zeros(3, np.int64), scale=0.5)
    with pytest.raises(ValueError, match=r"\(4,\) cannot become items of \(3,\)"):
        Column(np.zeros((2, 4)), item_shape=(3,))


# ---------------------------------------------------------------- the loader


def labels_of(batches: Any) -> list[list[int]]:
    return [y.tolist() for _, y in batches]


def test_loader_batches_are_tensors_of_the_described_types() -> None:
    data = SyntheticFashion(size=100)
    x, y = next(iter(DataLoader(data, batch_size=64, shuffle=True)))
    assert isinstance(x, wg.Tensor)
    assert isinstance(y, wg.Tensor)
    assert (x.shape, x.dtype) == ((64, 1, 28, 28), wg.float32)
    assert (y.shape, y.dtype) == ((64,), wg.int64)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("batch_size", [1, 3, 5, 10, 11])
def test_loader_gives_every_example_once(batch_size: int, drop_last: bool, shuffle: bool) -> None:
    batches = DataLoader(numbered(), batch_size, shuffle, drop_last=drop_last, generator=np.random.default_rng(0))
    groups = labels_of(batches)
    full, rest = divmod(10, batch_size)
    assert [len(group) for group in groups] == [batch_size] * full + [rest] * (rest > 0 and not drop_last)
    assert len(batches) == len(groups)
    seen = [label for group in groups for label in group]
    assert len(set(seen)) == len(seen)
    if not drop_last:
        assert sorted(seen) == list(range(10))
    if not shuffle:
        assert seen == list(range(len(seen)))
    for x, y in batches:
        np.testing.assert_array_equal(x.numpy(), np.stack([y.numpy(), -y.numpy()], 1))


def test_loader_orders_follow_the_seed_and_differ_between_epochs() -> None:
    def epochs(seed: int) -> list[list[list[int]]]:
        batches = DataLoader(numbered(50), 8, shuffle=True, generator=wg.Generator().manual_seed(seed))
        return [labels_of(batches), labels_of(batches)]

    assert epochs(0) == epochs(0)
    assert epochs(0) != epochs(1)
    assert epochs(0)[0] != epochs(0)[1]


def test_loader_without_generator_uses_the_librarys() -> None:
    batches = DataLoader(numbered(50), 50, shuffle=True)
    wg.manual_seed(5)
    first = labels_of(batches)
    assert labels_of(batches) != first
    wg.manual_seed(5)
    assert labels_of(batches) == first


def test_loader_draws_its_order_when_the_iteration_begins() -> None:
    batches = DataLoader(numbered(50), 50, shuffle=True, generator=np.random.default_rng(0))
    expected = [labels_of(batches), labels_of(batches)]
    batches.generator = np.random.default_rng(0)
    first, second = iter(batches), iter(batches)
    actual_second, actual_first = labels_of(second), labels_of(first)
    assert [actual_first, actual_second] == expected


def test_loader_refuses_what_is_no_generator() -> None:
    with pytest.raises(TypeError, match=r"wengert\.Generator.*got int"):
        DataLoader(numbered(), generator=3)
    with pytest.raises(TypeError, match=r"wengert\.Generator.*got str"):
        random_split(numbered(), [0.5, 0.5], generator="seed")


def images() -> LabelledImages:
    rng = np.random.default_rng(0)
    return LabelledImages(rng.integers(0, 256, (20, 5, 4), dtype=np.uint8), rng.integers(0, 3, 20), ["a", "b", "c"])


@pytest.mark.parametrize(
    "make",
    [
        images,
        lambda: Subset(images(), [3, 1, 4, 1, 5, -9, 2, 6]),
        lambda: Subset(Subset(images(), list(range(19, 4, -1))), [3, 1, 4, -1]),
        numbered,
        lambda: TensorDataset(np.arange(12.0).reshape(6, 2)[:, ::-1], np.arange(6, dtype=np.int16), np.ones((6, 0))),
        lambda: TensorDataset(np.random.default_rng(0).normal(size=(7, 5, 20)), np.zeros((7, 100), np.float32)),
        lambda: TensorDataset(np.random.default_rng(0).normal(size=(7, 100))[:, ::-1], np.zeros((7, 100), np.float16)),
        lambda: TensorDataset(np.array([True, False, True])),
    ],
    ids=["images", "subset", "subset of subset", "tensors", "strided", "wide", "wide strided", "bool"],
)
@pytest.mark.parametrize("shuffle", [False, True])
def test_loader_gathers_what_examples_collate_to(make: Callable[[], Any], shuffle: bool) -> None:
    def batches(**options: Any) -> list[Any]:
        generator = np.random.default_rng(1)
        return list(DataLoader(make(), 3, shuffle, generator=generator, **options))

    gathered, collated = batches(), batches(collate_fn=default_collate)
    assert len(gathered) == len(collated)
    for one, other in zip(gathered, collated, strict=True):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert a.dtype == b.dtype
            assert a.shape == b.shape
            np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.parametrize("shuffle", [False, True])
def test_loader_batches_are_the_callers_to_change(shuffle: bool) -> None:
    data = numbered()
    before = data.tensors[0].numpy().copy()
    for x, y in DataLoader(data, 4, shuffle):
        x.numpy()[...] = 99
        y.numpy()[...] = 99
    np.testing.assert_array_equal(data.tensors[0].numpy(), before)


def test_loader_sees_changes_of_the_data() -> None:
    data = numbered()
    batches = DataLoader(data, 10)
    data.tensors[1].numpy()[0] = 77
    assert labels_of(batches)[0][0] == 77


def test_loader_asks_for_single_examples_where_a_class_makes_its_own() -> None:
    class Doubled(TensorDataset):
        def __getitem__(self, index: Any) -> tuple[Any, ...]:
            return tuple(2 * int(tensor.numpy()[index]) for tensor in self.tensors)

    assert dataset_module.arrays_of(numbered()) is not None
    assert next(iter(DataLoader(Doubled(np.arange(3)), 3)))[0].tolist() == [0, 2, 4]


def test_loader_transforms_example_by_example() -> None:
    data = LabelledImages(np.full((3, 2, 2), 51, np.uint8), np.arange(3), "abc", target_transform=lambda y: 10 * y)
    x, y = next(iter(DataLoader(data, 3)))
    np.testing.assert_array_equal(x.numpy(), np.full((3, 1, 2, 2), np.float32(51) * np.float32(1 / 255)))
    assert y.tolist() == [0, 10, 20]


def test_loader_keeps_the_history_of_tensors_that_require_gradients() -> None:
    x = wg.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], requires_grad=True)
    for (batch,) in DataLoader(TensorDataset(x), 2):
        (batch * batch).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), 2 * x.detach().numpy())


def test_loader_over_any_sequence() -> None:
    batches = list(DataLoader(Squares(), 3))
    assert [[part.tolist() for part in batch] for batch in batches] == [
        [[0, 1, 2], [0.0, 0.5, 2.0]],
        [[3, 4, 5], [4.5, 8.0, 12.5]],
        [[6], [18.0]],
    ]
    assert [batch.tolist() for batch in DataLoader([5, 6, 7], 2)] == [[5, 6], [7]]
    shuffled = DataLoader(Squares(), 3, shuffle=True, generator=np.random.default_rng(0))
    assert sorted(i for index, _ in shuffled for i in index.tolist()) == list(range(7))


def test_loader_uses_getitems_where_there_is_one() -> None:
    class Several(Squares):
        def __getitems__(self, indices: list[int]) -> list[tuple[int, float]]:
            return [(index, 0.25) for index in indices]

    assert next(iter(DataLoader(Several(), 2)))[1].tolist() == [0.25, 0.25]


def test_loader_hands_lists_of_examples_to_collate_fn() -> None:
    assert list(DataLoader(Squares(), 4, collate_fn=len)) == [4, 3]


@pytest.mark.parametrize("data", [numbered(7), Squares()], ids=["in memory", "examples"])
def test_loader_samplers(data: Any) -> None:
    def first(batches: DataLoader) -> list[list[int]]:
        return [batch[0].numpy().reshape(len(batch[0]), -1)[:, 0].tolist() for batch in batches]

    assert first(DataLoader(data, 2, sampler=[6, 0, 3])) == [[6, 0], [3]]
    assert first(DataLoader(data, 2, sampler=[6, 0, 3], drop_last=True)) == [[6, 0]]
    assert len(DataLoader(data, 2, sampler=[6, 0, 3])) == 2
    assert first(DataLoader(data, batch_sampler=[[1, 2, 3], [5]])) == [[1, 2, 3], [5]]
    assert len(DataLoader(data, batch_sampler=[[1, 2, 3], [5]])) == 2


def test_loader_without_batches_gives_examples() -> None:
    loader = DataLoader(Squares(), batch_size=None)
    assert len(loader) == 7
    assert list(loader)[2] == [2, 2.0]
    assert next(iter(DataLoader([np.array([1, 2])], batch_size=None))).tolist() == [1, 2]


@pytest.mark.parametrize("batch_size", [1, 4])
def test_loader_of_nothing_is_empty(batch_size: int) -> None:
    for shuffle in (False, True):
        assert list(DataLoader(TensorDataset(np.zeros((0, 3))), batch_size, shuffle)) == []


def test_loader_indices_out_of_range_are_errors() -> None:
    for data in (numbered(), images()):
        for bad in (25, -26):
            with pytest.raises(IndexError):
                list(DataLoader(data, sampler=[0, bad]))
        with pytest.raises(TypeError, match="must be integers, got float64"):
            list(DataLoader(data, sampler=[0.5]))
    with pytest.raises(IndexError):
        list(DataLoader(Subset(numbered(), [0, 10])))
    with pytest.raises(TypeError, match="must be integers"):
        list(DataLoader(Subset(numbered(), [True])))


def test_loader_says_once_that_workers_are_needless(
    monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    monkeypatch.setattr(loader, "_said_that_workers_are_needless", False)
    with pytest.warns(NeedlessWorkersWarning, match="num_workers is needless") as caught:
        assert len(list(DataLoader(Squares(), 5, num_workers=4, persistent_workers=True, prefetch_factor=2))) == 2
    assert caught[0].filename == __file__
    DataLoader(Squares(), num_workers=4, pin_memory=True)
    monkeypatch.setattr(loader, "_said_that_workers_are_needless", False)
    DataLoader(numbered(), num_workers=4)  # in memory there is nothing to be faster at
    assert not recwarn


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size must be a positive integer or None, got 0"),
        ({"batch_size": -3}, "got -3"),
        ({"num_workers": -1}, "num_workers must not be negative"),
        ({"timeout": -1}, "timeout must not be negative"),
        ({"prefetch_factor": 2}, "need num_workers > 0"),
        ({"persistent_workers": True}, "need num_workers > 0"),
        ({"sampler": [0], "shuffle": True}, "exclude each other"),
        ({"batch_sampler": [[0]], "batch_size": 2}, "batch_sampler excludes"),
        ({"batch_sampler": [[0]], "shuffle": True}, "batch_sampler excludes"),
        ({"batch_size": None, "drop_last": True}, "excludes drop_last"),
    ],
)
def test_loader_options_that_contradict(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DataLoader(numbered(), **options)


def test_loader_needs_a_length_and_an_index() -> None:
    with pytest.raises(TypeError, match="needs __len__ and __getitem__, which generator lacks"):
        DataLoader(x for x in range(3))
    with pytest.raises(TypeError, match="float"):
        DataLoader(numbered(), batch_size=2.5)


def test_dataset_of_ones_own_with_an_array_form_is_gathered() -> None:
    class Mine:
        def __len__(self) -> int:
            return 4

        def __getitem__(self, index: int) -> Any:
            raise AssertionError("asked for a single example")

        def arrays(self) -> Arrays:
            return Arrays((Column(np.arange(6, dtype=np.float64), scale=0.5),), rows=np.array([5, 4, 3, 2]))

    assert [batch[0].tolist() for batch in DataLoader(Mine(), 3)] == [[2.5, 2.0, 1.5], [1.0]]


# ---------------------------------------------------------------- collation

Pair = namedtuple("Pair", ["left", "right"])


def test_collate_stacks_by_kind() -> None:
    assert default_collate([1, 2]).dtype == np.int64
    assert default_collate([1.5, 2.0]).dtype == np.float64
    assert default_collate([True, False]).dtype == np.bool_
    assert default_collate([np.float32(1), np.float32(2)]).dtype == np.float32
    assert default_collate([np.zeros(3, np.int16)] * 2).shape == (2, 3)
    assert default_collate([wg.tensor([1.0, 2.0])] * 3).shape == (3, 2)
    assert default_collate(["a", "b"]) == ["a", "b"]
    assert default_collate([b"a", b"b"]) == [b"a", b"b"]


def test_collate_keeps_structure() -> None:
    assert [part.tolist() for part in default_collate([(1, 2), (3, 4)])] == [[1, 3], [2, 4]]
    assert [part.tolist() for part in default_collate([[1, 2], [3, 4]])] == [[1, 3], [2, 4]]
    pair = default_collate([Pair(1, "x"), Pair(2, "y")])
    assert isinstance(pair, Pair)
    assert pair.left.tolist() == [1, 2]
    assert pair.right == ("x", "y")
    nested = default_collate([{"a": (1, 2)}, {"a": (3, 4)}])
    assert [part.tolist() for part in nested["a"]] == [[1, 3], [2, 4]]
    frozen = default_collate([MappingProxyType({"a": 1})])
    assert isinstance(frozen, MappingProxyType)
    assert frozen["a"].tolist() == [1]


def test_collate_errors() -> None:
    with pytest.raises(TypeError, match="found object"):
        default_collate([object()])
    with pytest.raises(RuntimeError, match=r"equal size; default_collate got \[1, 2\]"):
        default_collate([(1,), (1, 2)])
    with pytest.raises(ValueError, match="at least one example"):
        default_collate([])


def test_convert_turns_arrays_into_tensors_and_keeps_the_rest() -> None:
    assert default_convert("text") == "text"
    assert default_convert(np.str_("text")) == "text"
    assert default_convert(np.float64(2.5)).item() == 2.5
    assert default_convert({"a": np.zeros(2)})["a"].shape == (2,)
    pair = default_convert(Pair(np.ones(1), 5))
    assert isinstance(pair, Pair)
    assert (pair.left.tolist(), pair.right) == ([1.0], 5)


def test_the_loader_is_where_pytorch_has_it() -> None:
    from wengert.utils.data import DataLoader as Same

    assert Same is DataLoader
    assert wg.utils.data.TensorDataset is TensorDataset
