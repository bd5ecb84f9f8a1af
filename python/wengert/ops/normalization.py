"""What normalizing layers and lookups compute: items of mean 0 and variance 1, running statistics, rows by index.

z = (x - mean) / sqrt(var + eps) over some dimensions, n items each, has a symmetric Jacobian. Applied to y it gives
P(y, v, s) = s (y - mean(y) - v mean(y v)), where v has the values of z, and s those of 1 / sqrt(var + eps), which the
kernel keeps. P is an operation of three arguments, and s one of x, so that derivatives of any order follow.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core import dtypes
from ..core.batching import Batch, flat, full, moved, over, shaped
from ..core.bound import by_bindings
from ..core.broadcast import cast
from ..core.define import computed, primitive
from ..core.doors import change
from ..core.half import half
from ..core.tape import Operation, apply
from .reduce import mean, sum
from .shape import reshaped

Dims = tuple[int, ...]

# NumPy's operators take four times as long where a small array broadcasts.
_add, _subtract, _multiply, _sqrt, _reciprocal = map(
    _kernels.Elementwise, ("add", "subtract", "multiply", "sqrt", "reciprocal")
)

# ---------------------------------------------------------------- mean 0 and variance 1


@by_bindings
def _standardized(x: np.ndarray, dims: Dims, eps: float, keep: bool) -> tuple[np.ndarray, np.ndarray | None]:
    if dims and dims == tuple(range(dims[0], x.ndim)) and x.size:
        rows = x.reshape(-1, math.prod(x.shape[dims[0] :]))
        z, scale, _ = _kernels.norm_rows(rows, None, None, eps)
        return z.reshape(x.shape), scale.reshape((*x.shape[: dims[0]], *(1,) * len(dims))) if keep else None
    near = _subtract(x, _kernels.reduce("mean", x, dims, True))
    # Far from zero the mean is rounded by more than some items differ: near has a mean too.
    centred = _subtract(near, _kernels.reduce("mean", near, dims, True))
    scale = _reciprocal(_sqrt(_add(_kernels.reduce("var", centred, dims, True), eps)))
    return _multiply(centred, scale), scale if keep else None


@by_bindings
def _projected(y: np.ndarray, v: np.ndarray, s: np.ndarray, dims: Dims) -> np.ndarray:
    along = _multiply(v, _kernels.reduce("mean", _multiply(y, v), dims, True))
    centred = _subtract(y, _kernels.reduce("mean", y, dims, True))
    return _multiply(_subtract(centred, along), s)


def _project(y: Any, v: Any, s: Any, dims: Dims) -> Tensor:
    return apply(_PROJECT, (y, v, s), {"dims": dims})


def _unscaled(y: Any, v: Any, dims: Dims) -> Any:
    return y - mean(y, dims, True) - v * mean(y * v, dims, True)


_PROJECT: Operation = primitive(
    "standardize_backward", _projected,
    (
        lambda g, v, s, dims: _project(g, v, s, dims),
        lambda g, y, v, s, dims: -s * (g * mean(y * v, dims, True) + y * mean(g * v, dims, True)),
        lambda g, y, v, dims: sum(g * _unscaled(y, v, dims), dims, True),
    ),
    (
        lambda t, v, s, dims: _project(t, v, s, dims),
        lambda t, y, v, s, dims: -s * (t * mean(y * v, dims, True) + v * mean(y * t, dims, True)),
        lambda t, y, v, dims: t * _unscaled(y, v, dims),
    ),
    ("y", "v", "s"), batched=over,
)  # fmt: skip


def _share(x: Any, dims: Dims) -> float:
    count: int = math.prod(x._value.shape[d] for d in dims)
    return 1.0 / max(count, 1)


# s as a function of x; `known` are its values. ds/dx = -s^2 z / n.
_SCALE = primitive(
    "standardize_scale", by_bindings(lambda x, known, dims, eps: known),
    (lambda g, x, z, dims, eps: -g * z * z * _standardize(x, dims, eps) * _share(x, dims), None),
    (lambda t, x, z, dims, eps: -z * z * mean(t * _standardize(x, dims, eps), dims, True), None), ("x", "known"),
    batched=over,
)  # fmt: skip


def _scale(x: Any, known: Any, dims: Dims, eps: float) -> Tensor:
    return apply(_SCALE, (x, known), {"dims": dims, "eps": eps})


_STANDARDIZE = primitive(
    "standardize", _standardized,
    (lambda g, x, z, kept, dims, eps: _project(g, z, _scale(x, kept, dims, eps), dims),),
    (lambda t, x, z, kept, dims, eps: _project(t, z, _scale(x, kept, dims, eps), dims),),
    keeps=True, batched=over,
)  # fmt: skip


def _standardize(x: Any, dims: Dims, eps: float) -> Tensor:
    return apply(_STANDARDIZE, (x,), {"dims": dims, "eps": eps})


standardize = half(_standardize)


@by_bindings
def _grouped(x: np.ndarray, rows: Dims, eps: float, keep: bool) -> tuple[np.ndarray, np.ndarray | None]:
    z, scale, _ = _kernels.norm_rows(x.reshape(-1, rows[-1]), None, None, eps)
    return z.reshape(x.shape), scale.reshape((*rows[:-1], 1)) if keep else None


def _project_rows(y: Any, x: Any, z: Any, kept: Any, rows: Dims, eps: float) -> Tensor:
    y, x, v = (reshaped(given, rows) for given in (y, x, z))
    dims = (len(rows) - 1,)
    return reshaped(_project(y, v, _scale(x, kept, dims, eps), dims), z._value.shape)


# The same over rows that several dimensions make: of shape `rows`, whose last one counts their items.
_GROUPED = primitive(
    "group_norm", _grouped,
    (lambda g, x, z, kept, rows, eps: _project_rows(g, x, z, kept, rows, eps),),
    (lambda t, x, z, kept, rows, eps: _project_rows(t, x, z, kept, rows, eps),), keeps=True, batched=moved(rows=shaped),
)  # fmt: skip


def grouped(x: Any, rows: Dims, eps: float) -> Tensor:
    """x of mean 0 and variance 1 along the last dimension of a shape that it is read in."""
    if not x._value.size:
        return reshaped(_standardize(reshaped(x, rows), (len(rows) - 1,), eps), x._value.shape)
    return apply(_GROUPED, (x,), {"rows": rows, "eps": eps})


# ---------------------------------------------------------------- running statistics


def _move(*arrays: np.ndarray, of: tuple[str, ...], dims: Dims, fraction: float) -> None:
    *running, x = arrays
    if x.dtype == dtypes.float16:
        x = x.astype(np.float32)
    middle = _kernels.reduce("mean", x, dims, True)
    for value, what in zip(running, of, strict=True):
        if what == "mean":
            observed = middle.reshape(value.shape)
        else:
            observed = _kernels.reduce("var", _subtract(x, middle), dims, False, 1.0)
        value += fraction * (observed - value)


def track(x: Any, running_mean: Any, running_var: Any, dims: Dims, fraction: float) -> None:
    """Move a running mean and a running variance, where there are such, towards x's by a fraction."""
    running = {name: v for name, v in (("mean", running_mean), ("var", running_var)) if v is not None}
    if running:
        change("batch_norm", tuple(running.values()), _move, x, of=tuple(running), dims=dims, fraction=fraction)


def _move_instances(*arrays: np.ndarray, of: tuple[str, ...], fraction: float) -> None:
    *running, x = arrays
    if x.dtype == dtypes.float16:
        x = x.astype(np.float32)
    dims = tuple(range(2, x.ndim))
    middle = _kernels.reduce("mean", x, dims, True)
    for value, what in zip(running, of, strict=True):
        if what == "mean":
            observed = middle.reshape(x.shape[:2])
        else:
            observed = _kernels.reduce("var", _subtract(x, middle), dims, False, 1.0)
        value += fraction * (observed.mean(0) - value)


def track_instances(x: Any, running_mean: Any, running_var: Any, fraction: float) -> None:
    """Move a running mean and a running variance, where there are such, by a fraction towards the mean of those of x's
    examples."""
    running = {name: v for name, v in (("mean", running_mean), ("var", running_var)) if v is not None}
    if running:
        change("instance_norm", tuple(running.values()), _move_instances, x, of=tuple(running), fraction=fraction)


# ---------------------------------------------------------------- rows by index


def _rows(ids: np.ndarray, rows: int) -> np.ndarray:
    places: np.ndarray = ids.astype(np.int64).reshape(-1)  # a copy, checked and used whatever becomes of ids
    if places.size and not (places.min() >= 0 and places.max() < rows):
        raise IndexError(f"embedding: expected indices from 0 to {rows - 1}, got {places.min()} to {places.max()}")
    return places


def _each_row(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> np.ndarray:
    ids = full(arrays[0], batch, True)
    return _rows(ids, **static).reshape(flat(ids, batch).shape)


row_numbers = computed(
    "embedding_rows", _rows, batched=_each_row
)  # the indices in one dimension, if all of them are of some row


def by_frequency(picked: Any, places: Any, rows: int) -> Tensor:
    """Rows that were picked, whose cotangents are divided by how often their row was."""
    share = cast(row_shares(places, rows=rows), picked._value.dtype)
    found: Tensor = picked * share + (picked * (1 - share)).detach()
    return found


def _shares(places: np.ndarray, rows: int) -> np.ndarray:
    return (1.0 / np.bincount(places, minlength=rows)[places])[:, None]  # type: ignore[no-any-return]


def _each_share(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> np.ndarray:
    return np.stack([_shares(x, **static) for x in flat(arrays[0], batch).reshape(-1, arrays[0].shape[-1])]).reshape(
        (*arrays[0].shape, 1)
    )


# One over how often each row is picked, a column.
row_shares = computed("embedding_shares", _shares, batched=_each_share)


def _shorten(weight: np.ndarray, places: np.ndarray, limit: float, p: float) -> None:
    places = np.unique(places)
    wide = np.float32 if weight.dtype == dtypes.float16 else weight.dtype
    picked = weight[places].astype(wide)
    norms = np.linalg.norm(picked, p, axis=1)
    long = norms > limit
    weight[places[long]] = picked[long] * (limit / (norms[long] + 1e-7)).astype(wide)[:, None]


def shorten_rows(weight: Any, places: Any, limit: float, p: float) -> None:
    """Scale the rows at some places whose p-norm exceeds a limit down to it."""
    change("embedding", (weight,), _shorten, places, limit=limit, p=p)
