"""Picking items by index, and the transposes that put them back."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _kernels, define, dtypes, tape
from ..define import apply, as_variable, linear, primitive
from ..tape import Variable
from .shape import dimension, share_memory

Key = Any


def plain_key(key: Key, shape: tuple[int, ...]) -> Key:
    """An index expression with tensors turned into arrays and lists into arrays, checked for dtype."""
    parts = key if isinstance(key, tuple) else (key,)
    out = []
    for part in parts:
        if isinstance(part, Variable):
            part = part.value
        elif isinstance(part, (list, range)):
            part = np.asarray(part if len(part) else np.empty(0, np.int64))
        if isinstance(part, np.ndarray):
            if part.dtype.kind not in "iub":
                raise TypeError(f"index: expected integers or booleans, got an index of dtype {part.dtype}")
            if part.dtype.kind != "b" and part.ndim == 0:
                part = int(part)
        elif not (part is None or part is Ellipsis or isinstance(part, (slice, int, np.integer, np.bool_))):
            raise TypeError(
                f"index: expected integers, slices, ..., None, or arrays of integers or booleans, got {type(part).__name__}"
            )
        out.append(part)
    return tuple(out)


def _basic(key: Key) -> bool:
    """Whether the result is a view: no arrays in the index."""
    return not any(isinstance(part, (np.ndarray, np.bool_, bool)) for part in key)


def _one_row_index(key: Key, x: np.ndarray) -> np.ndarray | None:
    """The index of `x[index]` with a single array of integers in front, which the gather kernel takes."""
    if len(key) == 1 and isinstance(key[0], np.ndarray) and key[0].dtype.kind in "iu" and x.ndim >= 1:
        return key[0]
    return None


def _rows_of(x: np.ndarray) -> np.ndarray:
    return x.reshape(x.shape[0], -1) if x.size else x.reshape(x.shape[0], int(np.prod(x.shape[1:])))


def _pick(x: np.ndarray, key: Key, shape: tuple[int, ...]) -> np.ndarray:
    index = _one_row_index(key, x)
    if index is not None and x.dtype in (dtypes.float32, dtypes.float64) and x.flags.c_contiguous and x.shape[0]:
        rows = _kernels.gather_rows(_rows_of(x), index.astype(np.int64, copy=False).reshape(-1), dtype=x.dtype)
        return rows.reshape(index.shape + x.shape[1:])
    out = x[key]
    return out if isinstance(out, np.ndarray) else x[(*key, ...)]  # one item is a view too


def _put_add(g: np.ndarray, key: Key, shape: tuple[int, ...]) -> np.ndarray:
    out = np.zeros(shape, g.dtype)
    index = _one_row_index(key, out)
    if index is not None and g.dtype in (dtypes.float32, dtypes.float64) and g.size and out.size:
        _kernels.scatter_add_rows(
            _rows_of(out), index.astype(np.int64, copy=False).reshape(-1), g.reshape(index.size, -1)
        )  # fmt: skip
    elif _basic(key):
        out[key] = g
    else:
        np.add.at(out, key, g)
    return out


# x[key], and its transpose: zeros of `shape` with g added at the key, repeated indices accumulating.
_INDEX = linear("index", _pick, lambda g, key, shape: apply(_PUT_ADD, (g,), {"key": key, "shape": shape}))
_PUT_ADD = linear("index_put", _put_add, lambda g, key, shape: apply(_INDEX, (g,), {"key": key, "shape": shape}))


def index(x: Any, key: Key) -> Any:
    """x[key], with NumPy's meaning of integers, slices, ..., None, integer arrays, boolean masks and mixtures of them.

    Parameters
    ----------
    x : tensor
    key : index expression

    Returns
    -------
    Tensor
        A view for integers and slices, else a copy.

    Raises
    ------
    IndexError
        If an index is out of range or there are too many.
    TypeError
        If a part of the key is no index.

    Examples
    --------
    >>> x = wg.tensor([[1., 2.], [3., 4.]])
    >>> x[:, 0]
    tensor([1., 3.])
    >>> x[[0, 1], [1, 0]]
    tensor([2., 3.])
    """
    x = as_variable(x)
    key = plain_key(key, x.value.shape)
    return share_memory(x, apply(_INDEX, (x,), {"key": key, "shape": x.value.shape}))


# x with y at the key; `shape` is x's, `part` is y's.
_INDEX_PUT = primitive(
    "index_put",
    lambda x, y, key, shape, part: _assigned(x, y, key),
    (lambda g, key: index_put(g, key, 0.0), lambda g, key, part: define.sum_to(index(g, key), part)),
    (lambda t, key: index_put(t, key, 0.0), lambda t, key, shape: index_put(_zeros(shape, t), key, t)),
)  # fmt: skip


def _assigned(x: np.ndarray, y: Any, key: Key) -> np.ndarray:
    out = x.copy()
    out[key] = y
    return out


def _zeros(shape: tuple[int, ...], like: Any) -> Any:
    return tape._box(np.zeros(shape, like.value.dtype))


def index_put(x: Any, key: Key, y: Any) -> Any:
    """A copy of x with x[key] = y.

    Parameters
    ----------
    x : tensor
    key : index expression
        As in `index`.
    y : tensor, array or number
        Broadcasts to the shape of x[key].

    Returns
    -------
    Tensor
        Of x's shape and dtype.

    Raises
    ------
    ValueError
        If y does not broadcast to what is replaced.

    Examples
    --------
    >>> wg.index_put(wg.zeros(3), 1, 5.)
    tensor([0., 5., 0.])
    """
    x = as_variable(x)
    key = plain_key(key, x.value.shape)
    if isinstance(y, Variable) and y.value.dtype != x.value.dtype:
        y = define.cast(y, x.value.dtype)
    y = y if isinstance(y, (Variable, int, float)) else as_variable(y)
    part = y.value.shape if isinstance(y, Variable) else ()
    return apply(_INDEX_PUT, (x, y), {"key": key, "shape": x.value.shape, "part": part})


def take_along_dim(x: Any, indices: Any, dim: int) -> Any:
    """Items picked along one dimension by an index of the same number of dimensions.

    Parameters
    ----------
    x : tensor
    indices : tensor or array of integers
        Of x's shape but along `dim`; other dimensions broadcast.
    dim : int

    Returns
    -------
    Tensor
        Of the indices' shape.

    Raises
    ------
    IndexError
        If an index is out of range.

    Examples
    --------
    >>> x = wg.tensor([[3., 1.], [2., 4.]])
    >>> wg.take_along_dim(x, x.argmax(1, keepdim=True), 1)
    tensor([[3.],
            [4.]])
    """
    x, indices = as_variable(x), as_variable(indices)
    ndim = x.value.ndim
    if indices.value.ndim != ndim:
        raise ValueError(
            f"take_along_dim: expected indices of {ndim} dimension(s) like the tensor, got shape {indices.value.shape}"
        )
    if indices.value.dtype.kind not in "iu":
        raise TypeError(f"take_along_dim: expected integer indices, got {indices.value.dtype}")
    d = dimension("take_along_dim", dim, ndim)
    grids = list(np.ogrid[tuple(slice(n) for n in x.value.shape)])
    grids[d] = indices.value
    return index(x, tuple(grids))
