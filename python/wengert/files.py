"""Tensors in files: `save` and `load`.

A file is an archive of NumPy's, which `numpy.load` opens too: every tensor is an array in it, and `contents` says in
JSON how they belong together. Nothing in a file is executed when it is read: no pickle.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from .core import dtypes
from .core.variable import Variable
from .data._files import replacing
from .nn.parameter import Parameter
from .tensors.tensor import Tensor

__all__ = ["load", "save"]

_FORMAT = "wengert tensors 1"


def save(obj: Any, f: str | os.PathLike[str]) -> None:
    """Write tensors to a file: one, or lists, tuples and dicts of them, of numbers, strings and None; a `state_dict`.

    Parameters
    ----------
    obj : tensor, parameter, array, number, str, None, or list, tuple or dict of such
        Of a tensor the items are kept, and whether it requires a gradient; not its history, its gradient, or that it
        shares memory with another.
    f : path
        Is replaced when everything has been written, and stays as it was when not.

    Raises
    ------
    TypeError
        If there is something else in `obj`.
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
    with replacing(f) as file, zipfile.ZipFile(file, "w") as archive:
        for name, array in (("contents", np.array(contents)), *((str(k), array) for k, array in enumerate(arrays))):
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                npy.write_array(entry, array, (1, 0), allow_pickle=False)


def _described(x: Any, arrays: list[np.ndarray]) -> Any:
    """What JSON can say of x. Arrays go to the list, and are said by their place in it."""
    if x is None or type(x) in (bool, int, float, str):
        return x
    if isinstance(x, (list, tuple)):
        return {type(x).__name__ if type(x) in (list, tuple) else "tuple": [_described(item, arrays) for item in x]}
    if isinstance(x, dict):
        return {"dict": [[_described(key, arrays), _described(value, arrays)] for key, value in x.items()]}
    if isinstance(x, (np.ndarray, np.generic)):
        kind, value = "array", np.asarray(x)
    elif isinstance(x, Variable):
        kind, value = ("parameter" if isinstance(x, Parameter) else "tensor"), np.asarray(x._value)
    else:
        raise TypeError(
            f"save: cannot keep a {type(x).__name__}; tensors, arrays, numbers, strings, None, and lists, tuples and "
            "dicts of them can be kept, so save a model's state_dict()"
        )
    arrays.append(value.astype(dtypes.as_dtype(value.dtype, "save"), copy=False))
    return {kind: len(arrays) - 1, "requires_grad": isinstance(x, Variable) and x.requires_grad}


def load(f: str | os.PathLike[str], map_location: Any = None, *, weights_only: bool = True) -> Any:
    """Read what `save` has written.

    Parameters
    ----------
    f : path
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
        If the file is damaged, or was not written by `save`.
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
    data = Path(f).read_bytes()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            document = json.loads(str(_array(archive, "contents")))
            if document["format"] != _FORMAT:
                raise ValueError(f"its format is {document['format']!r}, not {_FORMAT!r}")
            return _rebuilt(document["contents"], archive)
    except (
        zipfile.BadZipFile, zlib.error, ValueError, TypeError, LookupError, AttributeError, EOFError, OSError,
        OverflowError, RuntimeError, StopIteration,
    ) as error:  # fmt: skip
        raise ValueError(f"load: {os.fspath(f)} is damaged, or was not written by wengert.save: {error}") from error


def _array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    with archive.open(f"{name}.npy") as entry:
        if npy.read_magic(entry) != (1, 0):
            raise ValueError(f"the array {name} is of an unknown version")
        shape, is_fortran, dtype = npy.read_array_header_1_0(entry)
        return np.frombuffer(entry.read(), dtype).reshape(shape, order="F" if is_fortran else "C").copy()


def _rebuilt(x: Any, archive: zipfile.ZipFile) -> Any:
    """What `_described` described."""
    if not isinstance(x, dict):
        return x
    kind, content = next(iter(x.items()))
    if kind in ("list", "tuple"):
        items = [_rebuilt(item, archive) for item in content]
        return items if kind == "list" else tuple(items)
    if kind == "dict":
        return {_rebuilt(key, archive): _rebuilt(value, archive) for key, value in content}
    value = _array(archive, str(content))
    if kind == "array":
        return value
    if kind not in ("tensor", "parameter"):
        raise ValueError(f"there is a {kind!r} in it")
    tensor = Tensor.__new__(Parameter if kind == "parameter" else Tensor)
    Variable.__init__(tensor, value.astype(dtypes.as_dtype(value.dtype, "load"), copy=False))
    return tensor.requires_grad_(x["requires_grad"])
