"""NumPy's functions and operators applied to tensors, and memory shared with other libraries.

Where this library has what NumPy has, NumPy's function of a tensor gives a tensor, with its derivative: `np.exp(t)`,
`array * t`, `np.concatenate([t, t])`. Of any other function a tensor is an array; but where a derivative would be lost
by that, a TypeError says so.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import ops
from ..core.broadcast import as_floating
from ..core.doors import enter
from ..core.modes import mode
from ..core.variable import Variable, wrap
from ..ops import factors, least_squares, norms, systems

Function = Callable[..., Any]

# ---------------------------------------------------------------- NumPy's universal functions

# Those whose names differ; the others are looked up by NumPy's.
_UFUNCS = {
    "absolute": "abs", "fabs": "abs", "negative": "neg", "power": "pow", "equal": "eq", "not_equal": "ne",
    "invert": "bitwise_not", "left_shift": "bitwise_left_shift", "right_shift": "bitwise_right_shift", "rint": "round",
    "radians": "deg2rad", "degrees": "rad2deg",
}  # fmt: skip
_REDUCTIONS = {"add": "sum", "multiply": "prod", "maximum": "amax", "minimum": "amin", "logical_and": "all",
               "logical_or": "any"}  # fmt: skip
_ACCUMULATIONS = {"add": "cumsum", "multiply": "cumprod"}


def _needs_history(values: Any) -> bool:
    """Whether somebody may want to differentiate by one of these."""
    return mode.recording and any(isinstance(x, Variable) and x.requires_grad for x in values)


def _refuse(name: str, what: str) -> TypeError:
    return TypeError(
        f"numpy.{name}: {what}, and the derivative by a tensor that requires a gradient would be lost; use an "
        "operation of wengert, or pass x.detach().numpy()"
    )


def array_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """What `Tensor.__array_ufunc__` does.

    Raises
    ------
    TypeError
        If a derivative would be lost: the function is not differentiable here, or its result is to go into an array.
    """
    name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
    out = keywords.pop("out", None)
    if out is not None and len(out) == 1 and isinstance(out[0], Variable):
        target: Any = out[0]
        return target.copy_(array_ufunc(ufunc, method, inputs, keywords))
    if out is not None:
        if _needs_history(inputs):
            raise _refuse(name, "an array that takes the result keeps no history")
        return getattr(ufunc, method)(*map(_as_array, inputs), out=tuple(map(_as_array, out)), **keywords)
    function = _counterpart(ufunc, method)
    if function is not None:
        return _call(name, function, inputs, keywords)
    if _needs_history(inputs):
        raise _refuse(name, "it has no counterpart in wengert")
    found = getattr(ufunc, method)(*map(_as_array, inputs), **keywords)
    return tuple(map(enter, found)) if isinstance(found, tuple) else enter(found)


def _same(x: Any) -> Any:
    return x


def _counterpart(ufunc: np.ufunc, method: str) -> Function | None:
    """The function with NumPy's signature that does the same to tensors."""
    name = ufunc.__name__
    if method == "__call__":
        function = _same if name == "positive" else getattr(ops, _UFUNCS.get(name, name), None)
        return function and _with_dtype(function, ufunc.nin)
    if method == "reduce" and name in _REDUCTIONS:
        reduction = getattr(ops, _REDUCTIONS[name])
        return lambda array, axis=0, keepdims=False: reduction(array, axis, keepdims)
    if method == "accumulate" and name in _ACCUMULATIONS:
        accumulation = getattr(ops, _ACCUMULATIONS[name])
        return lambda array, axis=0: accumulation(array, axis)
    if method == "outer":
        function = getattr(ops, _UFUNCS.get(name, name), None)
        return function and (lambda A, B: function(_spread(A, B), B))
    return None


def _with_dtype(function: Function, count: int) -> Function:
    """The function with the `dtype` keyword that NumPy's have: the operands become of it first."""

    def converted(*operands: Any, dtype: Any = None) -> Any:
        if len(operands) != count:
            raise TypeError(f"expected {count} operand(s), got {len(operands)}")
        if dtype is not None:
            operands = tuple(enter(x).to(dtype=dtype) for x in operands)
        return function(*operands)

    return converted


def _spread(x: Any, y: Any) -> Any:
    """x with a new last dimension of length 1 for each of y's."""
    x = enter(x)
    return x.reshape(x._value.shape + (1,) * np.ndim(_as_array(y)))


def _call(name: str, function: Function, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """The function's result; arguments that it does not take are told in NumPy's words."""
    try:
        bound = inspect.signature(function).bind(*args, **keywords)
    except TypeError as error:
        given = ", ".join([f"{len(args)} positional", *keywords])
        raise TypeError(
            f"numpy.{name}: of tensors it takes {inspect.signature(function)}, got {given}: {error}"
        ) from None
    return function(*bound.args, **bound.kwargs)


def _as_array(x: Any) -> Any:
    """The array of a tensor, also within sequences and dicts; anything else as it is."""
    if isinstance(x, Variable):
        return x._value
    if isinstance(x, dict):
        return {key: _as_array(value) for key, value in x.items()}
    if isinstance(x, (list, tuple)):
        items = [_as_array(item) for item in x]
        return type(x)(*items) if hasattr(x, "_fields") else type(x)(items)
    return x


# ---------------------------------------------------------------- NumPy's other functions


def array_function(function: Function, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """What `Tensor.__array_function__` does.

    Raises
    ------
    TypeError
        If the function has no counterpart here, and a derivative would be lost.
    """
    name = f"{function.__module__}.{function.__name__}".removeprefix("numpy.")
    counterpart = _functions().get(function)
    history = function not in _WITHOUT_DERIVATIVE and _needs_history(_variables((args, keywords)))
    if counterpart is not None:
        try:
            return _call(name, counterpart, args, keywords)
        except TypeError:  # NumPy takes more: objects, masked arrays, other keywords
            if history:
                raise
    if history:
        raise _refuse(name, "it has no counterpart in wengert")
    return function(*_as_array(args), **_as_array(keywords))


def _variables(x: Any) -> list[Any]:
    """The tensors in nested sequences and dicts."""
    if isinstance(x, dict):
        x = tuple(x.values())
    if isinstance(x, (list, tuple)):
        return [variable for item in x for variable in _variables(item)]
    return [x] if isinstance(x, Variable) else []


_WITHOUT_DERIVATIVE = {
    np.shape, np.ndim, np.size, np.array_equal, np.array_equiv, np.may_share_memory, np.shares_memory, np.result_type,
    np.can_cast, np.min_scalar_type, np.iscomplexobj, np.isrealobj, np.array_repr, np.array_str, np.array2string,
}  # fmt: skip


@functools.cache
def _functions() -> dict[Function, Function]:
    """NumPy's functions, and with NumPy's signature what does the same to tensors."""

    def reduction(name: str, *, floating: bool = False) -> Function:
        reduce = getattr(ops, name)
        if floating:
            return lambda a, axis=None, dtype=None, keepdims=False: reduce(_floating(a, dtype), axis, keepdims)
        return lambda a, axis=None, keepdims=False: reduce(a, axis, keepdims)

    def spread(name: str) -> Function:
        reduce = getattr(ops, name)

        def of(a: Any, axis: Any = None, dtype: Any = None, ddof: float = 0, keepdims: bool = False) -> Any:
            return reduce(_floating(a, dtype), axis, keepdims, correction=ddof)

        return of

    def extreme_index(name: str) -> Function:
        find = getattr(ops, name)
        return lambda a, axis=None, keepdims=False: find(a, axis, keepdims)

    def joined(name: str) -> Function:
        join = getattr(ops, name)
        return lambda arrays, axis=0: join(list(arrays), axis)

    def like(name: str) -> Function:
        make = getattr(ops, name)
        return lambda a, dtype=None, shape=None: make(a if shape is None else a.new_empty(shape), dtype=dtype)

    def share(q: Any, scale: float) -> Any:
        return np.asarray(_as_array(q), np.float64) / scale

    def quantile(name: str, scale: float) -> Function:
        find = getattr(ops, name)

        def of(a: Any, q: Any, axis: int | None = None, keepdims: bool = False, method: str = "linear") -> Any:
            return find(_floating(a), share(q, scale), axis, keepdims, interpolation=method)

        return of

    def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
        if axis is None and ord is None:
            return ops.norm(_floating(x), 2, None, keepdims)
        return norms.norm_of(_floating(x), ord, axis, keepdims)

    def singular_values(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
        x = _floating(a)
        return factors.svd(x, full_matrices) if compute_uv else factors.svdvals(x)

    def average(a: Any, axis: Any = None, weights: Any = None, *, keepdims: bool = False) -> Any:
        x = _floating(a)
        if weights is None:
            return ops.mean(x, axis, keepdims)
        weights = _floating(weights)
        if weights.shape != x.shape and axis is not None:
            weights = weights.reshape([-1 if k == axis % x.ndim else 1 for k in range(x.ndim)])
        weights = ops.broadcast_to(weights, x.shape)
        return ops.sum(x * weights, axis, keepdims) / ops.sum(weights, axis, keepdims)

    return {
        # reductions
        np.sum: lambda a, axis=None, dtype=None, keepdims=False: ops.sum(a, axis, keepdims, dtype=dtype),
        np.nansum: lambda a, axis=None, dtype=None, keepdims=False: ops.nansum(a, axis, keepdims, dtype=dtype),
        np.prod: reduction("prod"), np.max: reduction("amax"), np.amax: reduction("amax"), np.min: reduction("amin"),
        np.amin: reduction("amin"), np.all: reduction("all"), np.any: reduction("any"),
        np.count_nonzero: reduction("count_nonzero"), np.mean: reduction("mean", floating=True),
        np.nanmean: reduction("nanmean", floating=True), np.average: average,
        np.var: spread("var"), np.std: spread("std"),
        np.argmax: extreme_index("argmax"), np.argmin: extreme_index("argmin"),
        np.median: lambda a, axis=None, keepdims=False: ops.quantile(_floating(a), 0.5, axis, keepdims),
        np.quantile: quantile("quantile", 1), np.percentile: quantile("quantile", 100),
        np.nanquantile: quantile("nanquantile", 1), np.nanpercentile: quantile("nanquantile", 100),
        np.cumsum: lambda a, axis=None: ops.cumsum(a if axis is not None else ops.ravel(a), axis or 0),
        np.cumprod: lambda a, axis=None: ops.cumprod(a if axis is not None else ops.ravel(a), axis or 0),
        np.diff: lambda a, n=1, axis=-1, prepend=None, append=None: ops.diff(a, n, axis, prepend, append),
        # shape
        np.reshape: lambda a, shape: ops.reshape(a, shape), np.ravel: lambda a: ops.ravel(a),
        np.transpose: lambda a, axes=None: ops.permute(a, tuple(axes) if axes is not None else tuple(
            range(np.ndim(_as_array(a)))[::-1])),
        np.swapaxes: lambda a, axis1, axis2: ops.transpose(a, axis1, axis2),
        np.moveaxis: lambda a, source, destination: ops.movedim(a, source, destination),
        np.squeeze: lambda a, axis=None: ops.squeeze(a, axis),
        np.expand_dims: lambda a, axis: _expanded(a, axis),
        np.broadcast_to: lambda array, shape: ops.broadcast_to(array, shape),
        np.broadcast_arrays: lambda *args: ops.broadcast_tensors(*args),
        np.atleast_1d: ops.atleast_1d, np.atleast_2d: ops.atleast_2d, np.atleast_3d: ops.atleast_3d,
        np.flip: lambda m, axis=None: ops.flip(m, tuple(range(m.ndim)) if axis is None else axis),
        np.fliplr: ops.fliplr, np.flipud: ops.flipud,
        np.rot90: lambda m, k=1, axes=(0, 1): ops.rot90(m, k, axes),
        np.roll: lambda a, shift, axis=None: ops.roll(a, shift, axis),
        np.tile: lambda A, reps: ops.tile(A, reps),
        np.repeat: lambda a, repeats, axis=None: ops.repeat_interleave(a, repeats, axis),
        np.concatenate: lambda arrays, axis=0: ops.cat(
            list(arrays) if axis is not None else [ops.ravel(x) for x in arrays], axis or 0),
        np.stack: joined("stack"), np.hstack: lambda tup: ops.hstack(tup), np.vstack: lambda tup: ops.vstack(tup),
        np.dstack: lambda tup: ops.dstack(tup), np.column_stack: lambda tup: ops.column_stack(tup),
        np.split: lambda ary, indices_or_sections, axis=0: _equal_split(ary, indices_or_sections, axis),
        np.array_split: lambda ary, indices_or_sections, axis=0: ops.tensor_split(ary, indices_or_sections, axis),
        np.tril: lambda m, k=0: ops.tril(m, k), np.triu: lambda m, k=0: ops.triu(m, k),
        np.diag: lambda v, k=0: ops.diag(v, k),
        np.diagonal: lambda a, offset=0, axis1=0, axis2=1: ops.diagonal(a, offset, axis1, axis2),
        np.copy: lambda a: ops.clone(a), np.meshgrid: lambda *xi, indexing="xy": ops.meshgrid(*xi, indexing=indexing),
        # choice
        np.where: lambda condition, x=None, y=None: ops.where(_condition(condition), x, y),
        np.clip: lambda a, a_min=None, a_max=None, *, min=None, max=None: ops.clip(
            a, min if a_min is None else a_min, max if a_max is None else a_max),
        np.take_along_axis: lambda arr, indices, axis=-1: ops.take_along_dim(arr, indices, axis),
        np.take: lambda a, indices, axis=None: _taken(a, indices, axis),
        np.nonzero: lambda a: ops.nonzero(a, as_tuple=True), np.argwhere: lambda a: ops.argwhere(a),
        np.sort: lambda a, axis=-1, stable=None: ops.sort(*_flat(a, axis)).values,
        np.argsort: lambda a, axis=-1, stable=None: ops.argsort(*_flat(a, axis)),
        np.unique: lambda ar, return_inverse=False, return_counts=False, axis=None: ops.unique(
            ar, True, return_inverse, return_counts, axis),
        np.searchsorted: lambda a, v, side="left": ops.searchsorted(a, v, side=side),
        np.bincount: lambda x, weights=None, minlength=0: ops.bincount(x, weights, minlength),
        np.isin: lambda element, test_elements, invert=False: ops.isin(element, test_elements, invert=invert),
        np.nan_to_num: lambda x, nan=0.0, posinf=None, neginf=None: ops.nan_to_num(x, nan, posinf, neginf),
        np.round: lambda a, decimals=0: ops.round(a, decimals=decimals),
        np.around: lambda a, decimals=0: ops.round(a, decimals=decimals),
        # products
        np.dot: lambda a, b: _dot(a, b), np.vdot: lambda a, b: ops.vdot(a, b), np.inner: lambda a, b: ops.inner(a, b),
        np.outer: lambda a, b: ops.outer(ops.ravel(a), ops.ravel(b)), np.kron: lambda a, b: ops.kron(a, b),
        np.einsum: lambda subscripts, *operands, optimize=False: ops.einsum(subscripts, *operands),
        np.tensordot: lambda a, b, axes=2: ops.tensordot(a, b, axes),
        np.trace: lambda a, offset=0, axis1=0, axis2=1: ops.sum(ops.diagonal(a, offset, axis1, axis2), -1),
        np.linalg.norm: norm, np.linalg.det: lambda a: systems.det(_floating(a)),
        np.linalg.slogdet: lambda a: systems.slogdet(_floating(a)),
        np.linalg.inv: lambda a: systems.inv(_floating(a)),
        np.linalg.pinv: lambda a: least_squares.pinv(_floating(a)),
        np.linalg.solve: lambda a, b: systems.solve(_floating(a), _floating(b)),
        np.linalg.cholesky: lambda a: factors.cholesky(_floating(a)),
        np.linalg.eigh: lambda a: factors.eigh(_floating(a)),
        np.linalg.eigvalsh: lambda a: factors.eigvalsh(_floating(a)),
        np.linalg.svd: singular_values, np.linalg.qr: lambda a, mode="reduced": factors.qr(_floating(a), mode),
        np.linalg.matrix_power: lambda a, n: systems.matrix_power(_floating(a), n),
        # nearness
        np.isclose: lambda a, b, rtol=1e-5, atol=1e-8, equal_nan=False: ops.isclose(a, b, rtol, atol, equal_nan),
        np.allclose: lambda a, b, rtol=1e-5, atol=1e-8, equal_nan=False: ops.allclose(a, b, rtol, atol, equal_nan),
        # new tensors
        np.zeros_like: like("zeros_like"), np.ones_like: like("ones_like"), np.empty_like: like("empty_like"),
        np.full_like: lambda a, fill_value, dtype=None: ops.full_like(a, fill_value, dtype=dtype),
    }  # fmt: skip


def _floating(x: Any, dtype: Any = None) -> Any:
    """x as a floating tensor."""
    return as_floating(x) if dtype is None else enter(x).to(dtype=dtype)


def _condition(x: Any) -> Any:
    """NumPy takes anything for a condition."""
    x = enter(x)
    return x if x._value.dtype == np.bool_ else wrap(x._value != 0)


def _expanded(x: Any, axis: Any) -> Any:
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    ndim = x.ndim + len(axes)
    for k in sorted(k % ndim for k in axes):
        x = ops.unsqueeze(x, k)
    return x


def _equal_split(x: Any, sections: Any, axis: int) -> Any:
    if isinstance(sections, int) and np.shape(_as_array(x))[axis] % sections:
        raise ValueError(f"numpy.split: a dimension of length {x.shape[axis]} has no {sections} equal parts")
    return ops.tensor_split(x, sections, axis)


def _taken(x: Any, indices: Any, axis: int | None) -> Any:
    x, indices = enter(x), np.asarray(_as_array(indices), np.int64)
    if axis is None:
        return ops.take(x, indices)
    return x[(slice(None),) * (axis % x.ndim) + (indices,)]


def _flat(x: Any, axis: int | None) -> tuple[Any, int]:
    return (ops.ravel(x), 0) if axis is None else (x, axis)


def _dot(x: Any, y: Any) -> Any:
    """NumPy's dot: the product with numbers, matmul up to matrices, else over the last and the last but one."""
    x, y = enter(x), enter(y)
    if not x._value.ndim or not y._value.ndim:
        return x * y
    if y._value.ndim <= 2:
        return ops.matmul(x, y)
    return ops.tensordot(x, y, ([-1], [-2]))


# ---------------------------------------------------------------- shared memory


class _Capsule:
    """A DLPack capsule of CPU memory, as an object that gives it."""

    def __init__(self, capsule: Any) -> None:
        self._capsule = capsule

    def __dlpack__(self, **_: Any) -> Any:
        return self._capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0


def from_dlpack(x: Any, *, copy: bool | None = None) -> Any:
    """A tensor over the memory of another library's array or tensor.

    Parameters
    ----------
    x : object with `__dlpack__`, or a capsule
        In the memory of the CPU.
    copy : bool or None
        True: copy the memory instead.

    Returns
    -------
    Tensor
        A change of one shows in the other, unless the memory is read-only, as JAX's is: then writing is an error.

    Raises
    ------
    TypeError
        If x does not offer DLPack, or has a dtype that tensors do not have.
    BufferError
        If the memory is not the CPU's, or x requires a gradient.

    Examples
    --------
    >>> array = np.zeros(3)
    >>> x = wg.from_dlpack(array)
    >>> x[0] = 5
    >>> array
    array([5., 0., 0.])
    """
    if type(x).__name__ == "PyCapsule":
        x = _Capsule(x)
    if not hasattr(x, "__dlpack__"):
        raise TypeError(f"from_dlpack: expected an object with __dlpack__, got {type(x).__name__}; use as_tensor")
    array = np.from_dlpack(x)
    return ops.from_numpy(array.copy() if copy else array)
