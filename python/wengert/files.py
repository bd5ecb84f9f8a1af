"""Tensors in files: `save` and `load` for whatever holds tensors, and safetensors for what other programs read.

A file of `save` is an archive of NumPy's, which `numpy.load` opens too: every tensor is an array in it, and `contents`
says in JSON how they belong together. Nothing in a file of either kind is executed when it is read: no pickle.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from ._terminal import printable
from .core import dtypes
from .data._files import replacing
from .nn.modules.parameter import Parameter
from .ops import from_numpy
from .tensors.tensor import Tensor

__all__ = ["load", "load_safetensors", "save", "save_safetensors"]

_FORMAT = "wengert tensors 1"

_DTYPES: dict[str, np.dtype] = {
    "F64": dtypes.float64, "F32": dtypes.float32, "F16": dtypes.float16, "I64": dtypes.int64, "I32": dtypes.int32,
    "I16": dtypes.int16, "I8": dtypes.int8, "U8": dtypes.uint8, "BOOL": dtypes.bool,
}  # fmt: skip

_FROM_PYTORCH = (
    "which could execute anything and is never read; in PyTorch, `safetensors.torch.save_file(state_dict, path)` "
    "writes what wengert.load_safetensors reads"
)
# What else a file can be, and how tensors come from there.
_DOORS = {
    "npy": "an array of NumPy's (.npy): numpy.load reads it, and wengert.from_numpy makes a tensor of it",
    "npz": "an archive of NumPy's (.npz): numpy.load opens it, and wengert.from_numpy makes a tensor of each array",
    "pt": f"a file of PyTorch's (.pt): a pickle, {_FROM_PYTORCH}",
    "pickle": f"a pickle, {_FROM_PYTORCH}",
    "safetensors": "a safetensors file: wengert.load_safetensors reads it",
    "wengert": "a file of wengert.save: wengert.load reads it",
}


def save(
    obj: Any, f: str | os.PathLike[str] | IO[bytes], pickle_module: Any = None, pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
) -> None:  # fmt: skip
    """Write tensors to a file: one, or lists, tuples and dicts of them, of numbers, strings and None; a `state_dict`.

    Parameters
    ----------
    obj : tensor, parameter, array, number, str, bytes, None, or list, tuple, set or dict of such
        Of a tensor the items are kept, and whether it requires a gradient; not its history, its gradient, or that it
        shares memory with another. A path and what `argparse` gives, with the same inside, are kept too.
    f : path, or file opened for bytes
        What stands at a path is replaced when everything has been written, and stays as it was when not. Its mode is
        kept and a link followed; a device or a pipe is written to. To an open file, such as an `io.BytesIO`, all is
        written at once where it stands.
    pickle_module, pickle_protocol, _use_new_zipfile_serialization : optional
        Of PyTorch: nothing is pickled here.

    Raises
    ------
    TypeError
        If there is something else in `obj`, or `f` is a file opened for text.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "net.params")
    >>> net, other = wg.nn.Linear(2, 1), wg.nn.Linear(2, 1)
    >>> wg.save(net.state_dict(), path)
    >>> other.load_state_dict(wg.load(path))
    <All keys matched successfully>
    >>> bool((net.weight == other.weight).all())
    True
    """
    arrays: list[np.ndarray] = []
    contents = json.dumps({"format": _FORMAT, "contents": _described(obj, arrays)})
    if isinstance(f, (str, os.PathLike)):
        with replacing(f) as file:
            _write(file, contents, arrays)
        return
    if not hasattr(f, "write"):
        raise TypeError(f"save: expected a path or a file opened for bytes, got a {type(f).__name__}")
    if isinstance(f, io.TextIOBase):
        raise TypeError(f"save: {_named(f)} was opened for text; a file opened for bytes (mode 'wb') can be written")
    whole = io.BytesIO()  # so that an error on the way leaves the user's file alone
    _write(whole, contents, arrays)
    size = whole.getbuffer().nbytes
    if (written := f.write(whole.getbuffer())) not in (None, size):
        raise OSError(f"save: {_named(f)} took {written} of {size} bytes")


def _write(file: IO[bytes], contents: str, arrays: Sequence[np.ndarray]) -> None:
    """The archive of these arrays."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in (("contents", np.array(contents)), *((str(k), array) for k, array in enumerate(arrays))):
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                npy.write_array(entry, array, (1, 0), allow_pickle=False)


def _named(f: Any) -> str:
    """A path, or an open file, in a message."""
    return os.fspath(f) if isinstance(f, (str, os.PathLike)) else str(getattr(f, "name", f"the {type(f).__name__}"))


def _described(x: Any, arrays: list[np.ndarray]) -> Any:
    """What JSON can say of x. Arrays go to the list, and are said by their place in it."""
    if x is None or type(x) in (bool, int, float, str):
        return x
    if isinstance(x, (set, frozenset, PurePath, argparse.Namespace)):
        return _described_by(x, arrays)
    if isinstance(x, (list, tuple)):
        return {type(x).__name__ if type(x) in (list, tuple) else "tuple": [_described(item, arrays) for item in x]}
    if isinstance(x, dict):
        return {"dict": [[_described(key, arrays), _described(value, arrays)] for key, value in x.items()]}
    if isinstance(x, (np.ndarray, np.generic)):
        kind, value = "array", np.asarray(x)
    elif isinstance(x, (bytes, bytearray)):
        kind, value = "bytes", np.frombuffer(x, np.uint8)
    elif isinstance(x, Tensor):
        kind, value = ("parameter" if isinstance(x, Parameter) else "tensor"), x.detach().numpy()
    else:
        raise TypeError(
            f"save: cannot keep a {type(x).__name__}; tensors, arrays, numbers, strings, bytes, None, and lists, "
            "tuples, sets and dicts of them can be kept, so save a model's state_dict()"
        )
    arrays.append(value.astype(dtypes.as_dtype(value.dtype.newbyteorder("="), "save"), copy=False))
    return {kind: len(arrays) - 1, "requires_grad": isinstance(x, Tensor) and x.requires_grad}


def _described_by(x: Any, arrays: list[np.ndarray]) -> Any:
    """What is described by something simpler."""
    if isinstance(x, PurePath):
        return {"path": str(x)}
    if isinstance(x, argparse.Namespace):
        return {"namespace": _described(vars(x), arrays)}
    return {"frozenset" if isinstance(x, frozenset) else "set": [_described(item, arrays) for item in x]}


def load(f: str | os.PathLike[str] | IO[bytes], map_location: Any = None, *, weights_only: bool = True) -> Any:
    """Read what `save` has written.

    Parameters
    ----------
    f : path, or file opened for bytes
        An open file is read from where it stands to its end.
    map_location : object
        Accepted for compatibility with PyTorch; the one device is the CPU.
    weights_only : bool
        Likewise: there is never anything else in a file.

    Returns
    -------
    object
        Of the kinds and in the order that were saved. Every tensor is a leaf in memory of its own.

    Raises
    ------
    ValueError
        If the file is damaged, or was not written by `save`. Of PyTorch's, NumPy's and safetensors' files the message
        says how tensors come from there.
    TypeError
        If `f` is a file opened for text.
    OSError
        If it cannot be read.

    Examples
    --------
    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "some tensors")
    >>> wg.save({"x": wg.arange(4), "steps": [1, 2]}, path)
    >>> wg.load(path)
    {'x': tensor([0, 1, 2, 3]), 'steps': [1, 2]}
    """
    if isinstance(f, (str, os.PathLike)):
        data = Path(f).read_bytes()
    elif not hasattr(f, "read"):
        raise TypeError(f"load: expected a path or a file opened for bytes, got a {type(f).__name__}")
    else:
        data = f.read()
        if not isinstance(data, bytes):
            raise TypeError(f"load: {_named(f)} was opened for text; a file opened for bytes (mode 'rb') can be read")
    if (kind := _kind_of(data)) not in (None, "wengert"):
        raise ValueError(f"load: {_named(f)} was not written by wengert.save: it is {_DOORS[kind]}")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _Reader(archive, len(data)).contents()
    except (
        zipfile.BadZipFile, zlib.error, ValueError, TypeError, LookupError, AttributeError, EOFError, OSError,
        OverflowError, RuntimeError,
    ) as error:  # fmt: skip
        reason = printable(str(error))
        raise ValueError(f"load: {_named(f)} is damaged, or was not written by wengert.save: {reason}") from error


class _Reader:
    """Reads an archive that `save` has written, and refuses whatever `save` does not write.

    So what is read is never larger than the file: nothing in it is compressed, and no array is used twice.
    """

    def __init__(self, archive: zipfile.ZipFile, size: int) -> None:
        entries = archive.infolist()
        names = [entry.filename for entry in entries]
        if names != ["contents.npy", *(f"{k}.npy" for k in range(len(names) - 1))]:
            raise ValueError(f"it holds {', '.join(names[:5])}, and not contents.npy, 0.npy, 1.npy and so on")
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise ValueError("its entries are compressed")
        if sum(entry.file_size for entry in entries) > size:
            raise ValueError("its entries overlap")
        if entries and entries[0].header_offset:
            raise ValueError("something stands before its entries")
        self.archive = archive
        self.used, self.count = 0, len(names) - 1

    def contents(self) -> Any:
        """What was saved."""
        document = json.loads(str(self.array("contents")))
        if document["format"] != _FORMAT:
            raise ValueError(f"its format is {document['format']!r}, not {_FORMAT!r}")
        result = self.rebuilt(document["contents"])
        if self.used != self.count:
            raise ValueError(f"it holds {self.count} arrays, and its contents name {self.used}")
        return result

    def array(self, name: str) -> np.ndarray:
        """An array of its own memory."""
        with self.archive.open(f"{name}.npy") as entry:
            if npy.read_magic(entry) != (1, 0):
                raise ValueError(f"the array {name} is of an unknown version")
            shape, is_fortran, dtype = npy.read_array_header_1_0(entry)
            return np.frombuffer(entry.read(), dtype).reshape(shape, order="F" if is_fortran else "C").copy()

    def rebuilt(self, x: Any) -> Any:
        """What `_described` described."""
        if not isinstance(x, (dict, list)):
            return x
        if isinstance(x, dict) and len(x) == 2 and isinstance(x.get("requires_grad"), bool):
            (kind,) = x.keys() - {"requires_grad"}
            return self.rebuilt_array(kind, x[kind], x["requires_grad"])
        if isinstance(x, dict) and len(x) == 1:
            ((kind, items),) = x.items()
            if kind == "dict":
                return {self.rebuilt(key): self.rebuilt(value) for key, value in items}
            if kind in ("list", "tuple") and isinstance(items, list):
                rebuilt = [self.rebuilt(item) for item in items]
                return rebuilt if kind == "list" else tuple(rebuilt)
            if kind in ("set", "frozenset") and isinstance(items, list):
                rebuilt_set = {self.rebuilt(item) for item in items}
                return rebuilt_set if kind == "set" else frozenset(rebuilt_set)
            if kind == "path" and isinstance(items, str):
                return Path(items)
            if kind == "namespace":
                return argparse.Namespace(**self.rebuilt(items))
        raise ValueError(f"its contents have {str(x)[:80]}, which says nothing")

    def rebuilt_array(self, kind: str, place: Any, requires_grad: bool) -> Any:
        """The next array, as what it was."""
        constant = kind in ("array", "bytes")
        if not (constant or kind in ("tensor", "parameter")) or place != self.used or (constant and requires_grad):
            raise ValueError(f"its contents name the {kind} {place!r} where number {self.used} is due")
        self.used += 1
        value = self.array(str(place))
        value = value.astype(dtypes.as_dtype(value.dtype.newbyteorder("="), "load"), copy=False)
        if constant:
            return value if kind == "array" else value.tobytes()
        if kind == "parameter":
            return Parameter(from_numpy(value), requires_grad)
        return from_numpy(value).requires_grad_(requires_grad)


def _kind_of(data: bytes) -> str | None:
    """What file these bytes seem to be, a key of `_DOORS`; None if they are nothing known."""
    if data.startswith(b"\x93NUMPY"):
        return "npy"
    if data[:1] == b"\x80" and data[1:2] in (b"\2", b"\3", b"\4", b"\5"):
        return "pickle"
    if data[8:9] == b"{" and 2 <= int.from_bytes(data[:8], "little") <= len(data) - 8:
        return "safetensors"
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return None
    if "contents.npy" in names:
        return "wengert"
    if any(name.endswith("data.pkl") for name in names):
        return "pt"
    return "npz" if names and all(name.endswith(".npy") for name in names) else None


# ---------------------------------------------------------------- safetensors


def save_safetensors(
    tensors: Mapping[str, Any], path: str | os.PathLike[str], metadata: Mapping[str, str] | None = None
) -> None:
    """Write named tensors as a safetensors file, which PyTorch, JAX and many programs beside them read.

    Parameters
    ----------
    tensors : mapping of str to Tensor or numpy.ndarray
        Such as a `state_dict`. Views are written as what they show, whatever their strides are; two names of one
        tensor are written twice. Gradients, and whether one is required, are not kept.
    path : path
        Is replaced when everything has been written, and stays as it was when not. Its mode is kept and a link
        followed; a device or a pipe is written to.
    metadata : mapping of str to str, optional
        Notes that the file carries along.

    Raises
    ------
    TypeError
        If a name or a note is no str, a value no tensor, or an array of a dtype that tensors do not have.
    ValueError
        If a tensor is called ``__metadata__``, the name that the format keeps for the notes.
    OSError
        If the file cannot be written.
    ImportError
        If the package safetensors is missing.

    See Also
    --------
    load_safetensors, save

    Examples
    --------
    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "net.safetensors")
    >>> x = wg.tensor([[1., 2., 3.], [4., 5., 6.]])
    >>> wg.save_safetensors({"x": x, "columns": x.T}, path)
    >>> wg.load_safetensors(path)["columns"]
    tensor([[1., 4.],
            [2., 5.],
            [3., 6.]])
    """
    data = format_tensors(tensors, metadata)
    with replacing(path) as file:
        file.write(data)


def load_safetensors(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Read the tensors of a safetensors file, whoever has written it.

    Parameters
    ----------
    path : path

    Returns
    -------
    dict of str to Tensor
        In the order of their names, in memory of their own; none requires a gradient. bfloat16, which tensors do not
        have, becomes float32, which has all its values.

    Raises
    ------
    ValueError
        If the file is damaged, or another than a safetensors file.
    TypeError
        If a tensor in it has a dtype that tensors do not have.
    OSError
        If it cannot be read.
    ImportError
        If the package safetensors is missing.

    See Also
    --------
    save_safetensors, load

    Examples
    --------
    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "net.safetensors")
    >>> net, other = wg.nn.Linear(2, 1), wg.nn.Linear(2, 1)
    >>> wg.save_safetensors(net.state_dict(), path)
    >>> other.load_state_dict(wg.load_safetensors(path))
    <All keys matched successfully>
    >>> bool((net.weight == other.weight).all())
    True
    """
    arrays = parse_tensors(Path(path).read_bytes(), f"load_safetensors: {os.fspath(path)}")
    return {name: from_numpy(array) for name, array in arrays.items()}


def format_tensors(tensors: Mapping[str, Any], metadata: Mapping[str, str] | None = None) -> bytes:
    """Named tensors or arrays as the bytes of a safetensors file, with notes among its metadata."""
    arrays: dict[str, np.ndarray] = {}
    for name, x in tensors.items():
        if not isinstance(name, str) or not isinstance(x, (Tensor, np.ndarray, np.generic)):
            raise TypeError(
                f"save_safetensors: expected tensors or arrays with names that are str, got a {type(x).__name__} named "
                f"{name!r}; of a model, its state_dict() can be written"
            )
        if name == "__metadata__":
            raise ValueError("save_safetensors: the format keeps the name '__metadata__' for notes; choose another")
        value = x.detach().numpy() if isinstance(x, Tensor) else np.asarray(x)
        dtype = dtypes.as_dtype(value.dtype.newbyteorder("="), "save_safetensors")
        arrays[name] = np.asarray(value, dtype.newbyteorder("<"), order="C")  # safetensors looks at no stride
    data: bytes = _safetensors().numpy.save(arrays, None if metadata is None else dict(metadata))
    return data


def parse_tensors(data: bytes, name: object) -> dict[str, np.ndarray]:
    """The arrays in the bytes of a safetensors file, in memory of their own.

    Raises
    ------
    ValueError, TypeError
        If they are not well formed, or an array has a dtype that tensors do not have. The message has `name`.
    """
    safetensors = _safetensors()
    try:
        found = safetensors.deserialize(data)
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        kind = _kind_of(data)
        reason = printable(str(error)) if kind in (None, "safetensors") else f"it is {_DOORS[kind]}"
        raise ValueError(f"{name} is not a safetensors file that can be read: {reason}") from error
    return {key: _array_of(f"{name}: {key!r}", **entry) for key, entry in sorted(found)}


def _array_of(name: str, dtype: str, shape: Sequence[int], data: bytes) -> np.ndarray:
    """An array from an entry of a safetensors file."""
    if dtype == "BF16":  # the upper half of a float32
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32).reshape(shape)
    if dtype not in _DTYPES:
        raise TypeError(f"{name} has the dtype {dtype}; tensors can have {', '.join(_DTYPES)}, and BF16 is converted")
    return np.frombuffer(data, _DTYPES[dtype].newbyteorder("<")).reshape(shape).astype(_DTYPES[dtype])


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError as error:
        raise ImportError(
            "safetensors files need the package safetensors: pip install 'wengert[train]'", name="safetensors"
        ) from error
    return safetensors
