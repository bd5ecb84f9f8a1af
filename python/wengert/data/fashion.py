"""Fashion-MNIST: found on this machine, or downloaded from its publisher, and checked either way.

Source: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
Algorithms", arXiv:1708.07747; https://github.com/zalandoresearch/fashion-mnist.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import math
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from ._files import replacing
from .dataset import LabelledImages
from .idx import IDXError, read_idx

FASHION_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


class _Published(NamedTuple):
    """A file as its publisher offers it: compressed with gzip, of so many bytes, holding uint8 of this shape."""

    name: str
    size: int
    sha256: str
    shape: tuple[int, ...]


_PUBLISHER = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
_TRAIN_FILES = (
    _Published(
        "train-images-idx3-ubyte.gz",
        26421880,
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        (60000, 28, 28),
    ),
    _Published(
        "train-labels-idx1-ubyte.gz",
        29515,
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        (60000,),
    ),
)
_TEST_FILES = (
    _Published(
        "t10k-images-idx3-ubyte.gz",
        4422102,
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        (10000, 28, 28),
    ),
    _Published(
        "t10k-labels-idx1-ubyte.gz",
        5148,
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        (10000,),
    ),
)

# Without a network a look-up of the publisher's name can hang for long, and each of its addresses takes a timeout of
# its own, so the first contact as a whole is given this many seconds. A transfer may stall for as long.
_PATIENCE = 12.0
_SLOWEST = 20_000  # bytes per second; a transfer that is slower is given up, and one that trickles never ends
_CHUNK = 1 << 16


class ChecksumError(ValueError):
    """A file is not the one that was published. The message names the file and both checksums."""


class DownloadError(OSError):
    """The files are not on this machine and cannot be fetched. The message says where they were looked for."""


class FashionMNIST(LabelledImages):
    """Fashion-MNIST: 60 000 training and 10 000 test images of 28x28 in ten classes of garments.

    The four files are looked for, ``.gz`` or unpacked, flat or in torchvision's layout ``FashionMNIST/raw``, in `root`,
    in the directory that the environment variable ``WENGERT_DATA`` names, and in the user's cache; the first directory
    that has what is needed is taken. Otherwise they are downloaded from the publisher: to ``root/FashionMNIST/raw`` if
    `root` is given, to the cache if not. Compressed files are verified by their SHA-256, unpacked ones by their header,
    and the labels by their range.

    Parameters
    ----------
    root : path, optional
    train : bool
        The training images, or the test images.
    transform, target_transform : callable, optional
        Applied to the float32 image tensor and to the int label of every example.
    download : bool
        Whether to download what is not found.
    progress : bool
        Whether a download shows its progress.

    Attributes
    ----------
    images : ndarray of uint8, shape (n, 28, 28)
    targets : ndarray of int64, shape (n,)
    classes : tuple of str
        The names of the ten classes.
    train : bool
    source : str
        The directory in which the files were found.
    provenance : tuple of str
        A line per file: its path, why it was looked for there, and how it was verified.

    Raises
    ------
    DownloadError
        If the files are not here and the download fails. Without a network this takes less than 15 seconds; with one
        that brings less than 20 kB/s it is given up.
    FileNotFoundError
        If the files are not here and `download` is false.
    ChecksumError, IDXError
        If a file that was found is not the published one, or is damaged.
    ImportError
        If a download needs a package that is not installed.

    Examples
    --------
    >>> from wengert.data import FashionMNIST
    >>> train = FashionMNIST()  # doctest: +SKIP
    >>> image, label = train[0]  # doctest: +SKIP
    >>> image.shape, train.classes[label]  # doctest: +SKIP
    (wengert.Size([1, 28, 28]), 'Ankle boot')
    """

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        train: bool = True,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
        download: bool = True,
        *,
        progress: bool = True,
    ) -> None:
        files = _TRAIN_FILES if train else _TEST_FILES
        directory, origin, looked = _find(root, files)
        if directory is None:
            names = " and ".join(file.name.removesuffix(".gz") for file in files)
            report = f"{names}, .gz or unpacked, were looked for in:\n" + "\n".join(f"  {place}" for place in looked)
            if not download:
                raise FileNotFoundError(f"Fashion-MNIST is not on this machine. {report}\nUse download=True.")
            directory = cache_directory() if root is None else Path(root) / "FashionMNIST" / "raw"
            _download(files, directory, report, progress)
            origin = f"downloaded from {_PUBLISHER}"
        images, targets = (_load(directory, file) for file in files)
        _check_labels(directory, files[1], targets)
        super().__init__(images, targets, FASHION_CLASSES, transform, target_transform)
        self.train = train
        self.source = str(directory)
        self.provenance = tuple(_provenance(directory, file, origin) for file in files)


def cache_directory() -> Path:
    """The directory of the user's cache in which downloads are kept.

    On Linux ``$XDG_CACHE_HOME/wengert/fashion-mnist``, by default below ``~/.cache``; on macOS and Windows the place
    that the system has for it. It need not exist.

    Examples
    --------
    >>> from wengert.data.fashion import cache_directory
    >>> cache_directory().name
    'fashion-mnist'
    """
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return base / "wengert" / "fashion-mnist"


def _find(root: str | os.PathLike[str] | None, files: tuple[_Published, ...]) -> tuple[Path | None, str, list[str]]:
    """The first directory that has all the files, who named it, and a line for each that was looked at before it."""
    looked: list[str] = []
    for directory, origin in _places(root):
        missing = [file.name for file in files if _present(directory, file) is None]
        if not missing:
            return directory, origin, looked
        if not directory.is_dir():
            reason = "no such directory"
        elif len(missing) < len(files):
            reason = f"has no {missing[0]}"
        else:
            reason = "has none of them"
        looked.append(f"{directory} ({origin}): {reason}")
    if not os.environ.get("WENGERT_DATA"):
        looked.append("$WENGERT_DATA: not set")
    return None, "", looked


def require_files(directory: str | os.PathLike[str], train: bool) -> None:
    """See that a directory has the files of the training or of the test images itself.

    Raises
    ------
    FileNotFoundError
        That says what it lacks.

    Examples
    --------
    >>> from wengert.data.fashion import require_files
    >>> require_files("no/such/directory", train=True)
    Traceback (most recent call last):
    FileNotFoundError: no/such/directory: no such directory
    """
    files = _TRAIN_FILES if train else _TEST_FILES
    if not Path(directory).is_dir():
        raise FileNotFoundError(f"{directory}: no such directory")
    places = [place for place, _ in _places(directory)][:2]
    if not any(all(_present(place, file) for file in files) for place in places):
        names = " and ".join(file.name.removesuffix(".gz") for file in files)
        raise FileNotFoundError(f"{directory}, and FashionMNIST/raw in it, lack {names}, .gz or unpacked")


def _places(root: str | os.PathLike[str] | None) -> Iterator[tuple[Path, str]]:
    """The directories to look at, in order, and where each comes from."""
    variable = os.environ.get("WENGERT_DATA")
    bases = [(root, "root"), (variable, "$WENGERT_DATA"), (cache_directory(), "the user's cache")]
    for base, origin in bases:
        if base:
            yield Path(base) / "FashionMNIST" / "raw", origin
            yield Path(base), origin


def _present(directory: Path, file: _Published) -> Path | None:
    """The file in the directory: compressed by preference, since that can be verified; or None."""
    for path in (directory / file.name, directory / file.name.removesuffix(".gz")):
        if path.is_file():
            return path
    return None


def _provenance(directory: Path, file: _Published, origin: str) -> str:
    """Where a file was found, on whose word, and how `_load` has verified it."""
    path = _present(directory, file) or directory / file.name
    verified = "SHA-256 of the publisher's" if path.suffix == ".gz" else "unpacked: header verified"
    return f"{path} ({origin}; {verified})"


def _load(directory: Path, file: _Published) -> np.ndarray[Any, Any]:
    """Read a file that is present and check that it is what was published."""
    path = _present(directory, file)
    if path is None:
        raise FileNotFoundError(f"{directory / file.name} was there a moment ago and has vanished")
    with path.open("rb") as opened:
        if path.name == file.name:
            _verify(opened, path, file)
            opened.seek(0)
        array = read_idx(opened, max_bytes=math.prod(file.shape))
    if array.shape != file.shape or array.dtype != np.uint8:
        raise IDXError(f"{path}: expected uint8 of shape {file.shape}, found {array.dtype} of shape {array.shape}")
    return array


def _verify(content: BinaryIO, where: object, file: _Published) -> None:
    """Check that what can be read from `content` is the published file."""
    size, digest = 0, hashlib.sha256()
    while chunk := content.read(_CHUNK):
        size += len(chunk)
        digest.update(chunk)
    if digest.hexdigest() != file.sha256:
        raise ChecksumError(
            f"{where}: not the published {file.name}: expected {file.size} bytes with SHA-256 {file.sha256}, found "
            f"{size} bytes with {digest.hexdigest()}. This copy is damaged or another file: fetch it again"
        )


def _check_labels(directory: Path, file: _Published, targets: np.ndarray[Any, Any]) -> None:
    """Check that every label names a class."""
    largest = int(targets.argmax())
    if targets[largest] >= len(FASHION_CLASSES):
        raise IDXError(
            f"{_present(directory, file)}: labels must lie in [0, {len(FASHION_CLASSES)}), and the one at {largest} is "
            f"{targets[largest]}"
        )


def _download(files: tuple[_Published, ...], directory: Path, report: str, progress: bool) -> None:
    """Fetch what the directory lacks. Each file appears in it at once and verified, or not at all."""
    pooch = _import_extra("pooch")
    tqdm = _import_extra("tqdm.auto") if progress else None
    url = _PUBLISHER
    try:
        _contact(pooch, url)
        directory.mkdir(parents=True, exist_ok=True)
        for file in files:
            if _present(directory, file) is None:
                url = _PUBLISHER + file.name
                bar = tqdm.tqdm(total=file.size, desc=file.name, unit="B", unit_scale=True) if tqdm else nullcontext()
                with bar, replacing(directory / file.name) as opened, _Limited(opened, file.size) as limited:
                    fetch = pooch.HTTPDownloader(bar if tqdm else False, chunk_size=_CHUNK, timeout=_PATIENCE)
                    whole = functools.partial(fetch, url, limited, None)
                    _within(_PATIENCE + file.size / _SLOWEST, whole, "it did not come")
                    opened.seek(0)
                    _verify(opened, url, file)
    except (OSError, ChecksumError) as error:  # the errors of requests are OSErrors
        names = " and ".join(file.name for file in files)
        raise DownloadError(
            f"Fashion-MNIST could not be downloaded from {url} to {directory}: {type(error).__name__}: {error}\n"
            f"{report}\n"
            f"Connect to the network and try again; or fetch {names} elsewhere, put them\n"
            "into a directory, and name it as root= or in WENGERT_DATA; or use wengert.data.SyntheticFashion instead."
        ) from error


def _contact(pooch: Any, url: str) -> None:
    """Ask the publisher for anything; raise if there is no answer in time, whatever look-up or address hangs."""
    ask = functools.partial(pooch.HTTPDownloader(timeout=_PATIENCE), url, None, None, check_only=True)
    _within(_PATIENCE, ask, "no answer")


def _within(seconds: float, action: Callable[[], Any], complaint: str) -> None:
    """Do something that may hang in a thread of its own, which is left alone when the time is over."""
    outcomes: list[BaseException | None] = []

    def act() -> None:
        try:
            action()
            outcomes.append(None)
        except BaseException as error:
            outcomes.append(error)

    thread = threading.Thread(target=act, name="wengert-download", daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcomes:
        raise TimeoutError(f"{complaint} within {seconds:g} seconds")
    if (error := outcomes.pop()) is not None:
        try:
            raise error
        finally:
            del error  # whose traceback has this frame: the connection must be closed at once, and not by a collector


class _Limited:
    """A file to write to while a block runs, that takes no more than was announced: a publisher cannot fill the disk.

    After the block a thread that still writes gets an error, and ends.
    """

    def __init__(self, file: BinaryIO, limit: int) -> None:
        self.file = file
        self.room = limit
        self.is_open = True

    def __enter__(self) -> _Limited:
        return self

    def __exit__(self, *exception: Any) -> None:
        self.is_open = False

    def write(self, content: bytes) -> int:
        if not self.is_open:
            raise OSError("the download was given up")
        self.room -= len(content)
        if self.room < 0:
            raise OSError(f"the publisher sends {-self.room} bytes or more too many")
        return self.file.write(content)

    def flush(self) -> None:
        self.file.flush()


def _import_extra(name: str) -> Any:
    """Import a module of the `train` extra."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise ImportError(
            f"downloading Fashion-MNIST needs {package}, which is not installed: pip install 'wengert[train]'",
            name=package,
        ) from error
