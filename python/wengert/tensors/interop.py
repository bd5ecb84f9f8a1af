"""NumPy's functions and operators applied to tensors, and memory shared with other libraries.

Where this library has what NumPy has, NumPy's function of a tensor gives a tensor, with its derivative: `np.exp(t)`,
`array * t`, `np.concatenate([t, t])`. Of any other function a tensor is an array that cannot be written; but where a
derivative would be lost by that, a TypeError says so. What NumPy writes into a tensor, by `out=`, `np.add.at`,
`np.copyto` and the like, is counted as a change of it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from .. import ops
from ..core import dlpack
from ..core.broadcast import as_floating
from ..core.doors import change, enter, leave
from ..core.modes import mode
from ..core.variable import Variable
from ..ops import bessel, error_functions, factors, functions, least_squares, matrices, norms, systems
from . import conversion

Function = Callable[..., Any]

# ---------------------------------------------------------------- NumPy's universal functions

# Those whose names differ; the others are looked up by NumPy's.
_UFUNCS = {
    "absolute": "abs", "fabs": "abs", "negative": "neg", "power": "pow", "equal": "eq", "not_equal": "ne",
    "invert": "bitwise_not", "left_shift": "bitwise_left_shift", "right_shift": "bitwise_right_shift", "rint": "round",
    "radians": "deg2rad", "degrees": "rad2deg",
    # SciPy's
    "expit": "sigmoid", "gammaln": "lgamma", "psi": "digamma",
}  # fmt: skip
# Universal functions of scipy.special whose counterparts are not among `ops` itself.
_SPECIAL = {
    "entr": functions.entr, "erfcinv": error_functions.erfcinv, "erfcx": error_functions.erfcx, "i0e": bessel.i0e,
    "i1": bessel.i1, "i1e": bessel.i1e, "log_ndtr": error_functions.log_ndtr, "ndtr": error_functions.ndtr,
    "ndtri": error_functions.ndtri, "xlog1py": functions.xlog1py,
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
    if method == "at":
        return _written(name, ufunc.at, (inputs[0],), inputs[1:], keywords)
    if out is not None:
        if len(out) == 1 and isinstance(out[0], Variable) and not {"where", "casting"} & set(keywords):
            return _filled(name, out[0], array_ufunc(ufunc, method, inputs, keywords))

        def fill(*arrays: Any) -> Any:
            return getattr(ufunc, method)(*arrays[len(out) :], out=arrays[: len(out)], **keywords)

        _written(name, fill, out, inputs, {})
        return out[0] if len(out) == 1 else out
    function = _counterpart(ufunc, method)
    if function is not None:
        return _call(name, function, inputs, keywords)
    if _needs_history(inputs):
        raise _refuse(name, "it has no counterpart in wengert")
    found = getattr(ufunc, method)(*map(_as_array, inputs), **keywords)
    return tuple(map(enter, found)) if isinstance(found, tuple) else enter(found)


def _filled(name: str, target: Any, found: Any) -> Any:
    """A tensor that takes a result, with its history."""
    if not np.can_cast(found._value.dtype, target._value.dtype, "same_kind"):
        raise TypeError(
            f"numpy.{name}: the result is {found._value.dtype}, and `out`, of {target._value.dtype}, cannot keep it"
        )
    return target.copy_(found)


def _written(name: str, function: Function, written: tuple[Any, ...], read: tuple[Any, ...], keywords: Any) -> Any:
    """Let a function of NumPy's write into its first arguments, tensors or arrays, and count the change.

    Raises
    ------
    TypeError
        If one that takes part requires a gradient: NumPy keeps no history.
    """
    if _needs_history((*written, *_variables((read, keywords)))):
        raise _refuse(name, "what NumPy writes keeps no history")
    tensors = tuple(x for x in written if isinstance(x, Variable))
    places = [k for k, x in enumerate(written) if isinstance(x, Variable)]

    def fill(*arrays: Any) -> None:
        given = list(written)
        for k, array in zip(places, arrays, strict=True):
            given[k] = array
        function(*given, *_as_array(read), **_as_array(keywords))

    change(f"numpy.{name}", tensors, fill)


def _same(x: Any) -> Any:
    return x


def _counterpart(ufunc: np.ufunc, method: str) -> Function | None:
    """The function with NumPy's signature that does the same to tensors."""
    name = ufunc.__name__
    if method == "__call__":
        function = _same if name == "positive" else getattr(ops, _UFUNCS.get(name, name), _SPECIAL.get(name))
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
    return x.reshape(x._value.shape + (1,) * enter(y).ndim)


def _call(name: str, function: Function, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """The function's result; arguments that it does not take are told in NumPy's words."""
    try:
        bound = inspect.signature(function).bind(*args, **keywords)
        bound.apply_defaults()
    except TypeError as error:
        given = ", ".join([f"{len(args)} positional", *keywords])
        raise TypeError(
            f"numpy.{name}: of tensors it takes {inspect.signature(function)}, got {given}: {error}"
        ) from None
    return function(*bound.args, **bound.kwargs)


def _as_array(x: Any) -> Any:
    """The array of a tensor, also within sequences and dicts; anything else as it is."""
    return leave(x, "array") if isinstance(x, Variable) else _each(_as_array, x)


def _each(function: Function, x: Any) -> Any:
    """The items of a sequence or dict by `function`; anything else as it is."""
    if isinstance(x, dict):
        return {key: function(value) for key, value in x.items()}
    if isinstance(x, (list, tuple)):
        items = [function(item) for item in x]
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
    if history and keywords.get("out") is not None:
        raise _refuse(name, "what NumPy writes keeps no history")
    if counterpart is not None:
        try:
            return _call(name, counterpart, args, keywords)
        except TypeError:  # NumPy takes more: objects, masked arrays, other keywords
            if history:
                raise
    if history:
        raise _refuse(name, "it has no counterpart in wengert")
    if function in _WRITING and args:
        return _written(name, function, args[:1], args[1:], keywords)
    out = keywords.get("out")
    if isinstance(out, Variable):
        rest = {key: value for key, value in keywords.items() if key != "out"}
        _written(name, lambda array: function(*_as_array(args), out=array, **_as_array(rest)), (out,), (), {})
        return out
    return function(*_shown(args), **_shown(keywords))


_WRITING = {np.copyto, np.put, np.place, np.putmask, np.put_along_axis, np.fill_diagonal}  # into their first argument


def _shown(x: Any) -> Any:
    """The same as `_as_array`, of arrays that cannot be written: a change of a tensor must be counted."""
    if isinstance(x, Variable):
        array = leave(x, "array").view()
        array.flags.writeable = False
        return array
    return _each(_shown, x)


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


# ---------------------------------------------------------------- adapters, from NumPy's parameters to ours


def _floating(x: Any, dtype: Any = None) -> Any:
    """x as a floating tensor."""
    return as_floating(x) if dtype is None else enter(x).to(dtype=dtype)


def _positional(*names: str, **optional: Any) -> Callable[[Function], Function]:
    """Parameters of NumPy's that ours takes in the same order, under whatever names."""

    def adapt(function: Function) -> Function:
        def call(*arguments: Any) -> Any:
            return function(*arguments)

        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters = [inspect.Parameter(name, kind) for name in names]
        parameters += [inspect.Parameter(name, kind, default=value) for name, value in optional.items()]
        call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return call

    return adapt


def _floats(*names: str, **optional: Any) -> Callable[[Function], Function]:
    """The same, of which those without default are operands that become floating."""
    count = len(names)

    def adapt(function: Function) -> Function:
        return _positional(*names, **optional)(lambda *xs: function(*map(_floating, xs[:count]), *xs[count:]))

    return adapt


def _itself(function: Function) -> Function:
    """A function with NumPy's parameters."""
    return function


def _reducing(function: Function) -> Function:
    return lambda a, axis=None, keepdims=False: function(a, axis, keepdims)


def _reducing_as(function: Function) -> Function:
    return lambda a, axis=None, dtype=None, keepdims=False: function(a, axis, keepdims, dtype=dtype)


def _reducing_floats(function: Function) -> Function:
    return lambda a, axis=None, dtype=None, keepdims=False: function(_floating(a, dtype), axis, keepdims)


def _spreading(function: Function) -> Function:
    def of(a: Any, axis: Any = None, dtype: Any = None, ddof: float = 0, keepdims: bool = False) -> Any:
        return function(_floating(a, dtype), axis, correction=ddof, keepdim=keepdims)

    return of


def _accumulating(function: Function) -> Function:
    return lambda a, axis=None: function(*_flat(a, axis))


def _ordering(function: Function) -> Function:
    return lambda a, axis=-1, stable=None: function(*_flat(a, axis))


def _joining(function: Function) -> Function:
    return lambda arrays, axis=0: function(list(arrays), axis)


def _like(function: Function) -> Function:
    return lambda a, dtype=None, shape=None: function(a if shape is None else a.new_empty(shape), dtype=dtype)


def _quantile(function: Function, scale: float = 1) -> Function:
    def of(a: Any, q: Any, axis: int | None = None, keepdims: bool = False, method: str = "linear") -> Any:
        share = enter(q) if isinstance(q, Variable) else enter(np.asarray(q, np.float64))
        share = share if scale == 1 else share / scale
        return function(_floating(a), share, axis, keepdims, interpolation=method)

    return of


def _percentile(function: Function) -> Function:
    return _quantile(function, 100)


def _flat(x: Any, axis: int | None) -> tuple[Any, int]:
    return (ops.ravel(x), 0) if axis is None else (x, axis)


# ---------------------------------------------------------------- functions that are not one of ours


def _average(a: Any, axis: Any = None, weights: Any = None, *, keepdims: bool = False) -> Any:
    x = _floating(a)
    if weights is None:
        return ops.mean(x, axis, keepdims)
    weights = _floating(weights)
    if weights.shape != x.shape and axis is not None:
        weights = weights.reshape([-1 if k == axis % x.ndim else 1 for k in range(x.ndim)])
    weights = ops.broadcast_to(weights, x.shape)
    return ops.sum(x * weights, axis, keepdims) / ops.sum(weights, axis, keepdims)


def _median(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return ops.quantile(_floating(a), 0.5, axis, keepdims)


def _transpose(a: Any, axes: Any = None) -> Any:
    a = enter(a)
    return ops.permute(a, tuple(axes) if axes is not None else tuple(range(a.ndim))[::-1])


def _expand_dims(a: Any, axis: Any) -> Any:
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    ndim = a.ndim + len(axes)
    for k in sorted(k % ndim for k in axes):
        a = ops.unsqueeze(a, k)
    return a


def _flip(m: Any, axis: Any = None) -> Any:
    return ops.flip(m, tuple(range(m.ndim)) if axis is None else axis)


def _concatenate(arrays: Any, axis: int | None = 0) -> Any:
    return ops.cat(list(arrays), axis) if axis is not None else ops.cat([ops.ravel(x) for x in arrays], 0)


def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    return _parts("split", ary, indices_or_sections, axis)


def _parts(name: str, ary: Any, places: Any, axis: int) -> Any:
    """The parts of an array, all of one length if a number of them is asked for."""
    ary = enter(ary)
    if np.ndim(places) == 0 and ary.shape[axis] % int(places):
        raise ValueError(f"numpy.{name}: a dimension of length {ary.shape[axis]} has no {places} equal parts")
    return _array_split(ary, places, axis)


def _array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    places = indices_or_sections
    return list(ops.tensor_split(ary, int(places) if np.ndim(places) == 0 else [int(k) for k in places], axis))


def _splitting(name: str, axis: int) -> Function:
    """NumPy's split along one dimension, the first of a vector."""

    def of(ary: Any, indices_or_sections: Any) -> Any:
        if enter(ary).ndim < (axis + 1 if axis != 1 else 1) or (axis == 0 and enter(ary).ndim < 2):
            raise ValueError(f"numpy.{name}: a tensor of shape {tuple(ary.shape)} has too few dimensions")
        return _parts(name, ary, indices_or_sections, axis if enter(ary).ndim > 1 else 0)

    return of


def _pad(array: Any, pad_width: Any, mode: Any = "constant", *, constant_values: Any = 0) -> Any:
    x = enter(array)
    if mode not in ("constant", "edge", "reflect", "symmetric", "wrap"):
        raise TypeError(f"numpy.pad: of tensors it takes constant, edge, reflect, symmetric and wrap, got {mode!r}")
    widths = np.broadcast_to(np.asarray(pad_width), (x.ndim, 2)).tolist()
    values = np.broadcast_to(np.asarray(constant_values), (x.ndim, 2)).tolist()
    for d, (before, after) in enumerate(widths):
        if before < 0 or after < 0:
            raise ValueError(f"numpy.pad: expected widths >= 0, got {pad_width}")
        if mode != "constant":
            if before or after:
                x = ops.index_select(x, d, np.pad(np.arange(x.shape[d]), (before, after), mode=mode))
            continue
        shapes = [(*x.shape[:d], n, *x.shape[d + 1 :]) for n in (before, after)]
        first, last = (ops.full(s, v, dtype=x.dtype) for s, v in zip(shapes, values[d], strict=True))
        x = ops.cat([first, x, last], d)
    return x


def _cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None, fweights: Any = None,
    aweights: Any = None, *, dtype: Any = None,
) -> Any:  # fmt: skip
    correction = (0 if bias else 1) if ddof is None else ddof
    weights = None if aweights is None else _floating(aweights)
    return ops.cov(_variables_as_rows(m, y, rowvar, dtype), correction=correction, fweights=fweights, aweights=weights)


def _corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    return ops.corrcoef(_variables_as_rows(x, y, rowvar, dtype))


def _variables_as_rows(x: Any, y: Any, rowvar: bool, dtype: Any) -> Any:
    """The variables of one or two arrays, a row each."""
    parts = [_floating(part, dtype) for part in (x, y) if part is not None]
    rows = [ops.atleast_2d(part) if rowvar or part.ndim < 2 else part.T for part in parts]
    return rows[0] if len(rows) == 1 else ops.cat(rows, 0)


def _cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    of_a, of_b, of_c = (axisa, axisb, axisc) if axis is None else (axis, axis, axis)
    x, y = ops.movedim(enter(a), of_a, -1), ops.movedim(enter(b), of_b, -1)
    ndim = max(x.ndim, y.ndim)
    x, y = (v.reshape((1,) * (ndim - v.ndim) + tuple(v.shape)) for v in (x, y))
    return ops.movedim(matrices.cross_along(x, y), -1, of_c)


def _trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    return ops.trapezoid(y, x, dim=axis) if x is not None else ops.trapezoid(y, dx=dx, dim=axis)


def _lstsq(a: Any, b: Any, rcond: float | None = None) -> Any:
    return tuple(least_squares.lstsq(_floating(a), _floating(b), None if rcond is not None and rcond < 0 else rcond))


def _rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    return least_squares.matrix_rank(_floating(A), tol, hermitian, rtol=rtol)


def _pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    return least_squares.pinv(_floating(a), rcond, hermitian, rtol=rtol)


def _meshgrid(*xi: Any, indexing: str = "xy") -> Any:
    return ops.meshgrid(*xi, indexing=indexing)


def _where(condition: Any, x: Any = None, y: Any = None) -> Any:
    condition = enter(condition)  # NumPy takes anything for one
    return ops.where(condition if condition.dtype == np.bool_ else ops.not_equal(condition, 0), x, y)


def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    return ops.clip(a, min if a_min is None else a_min, max if a_max is None else a_max)


def _take(a: Any, indices: Any, axis: int | None = None) -> Any:
    a, indices = enter(a), enter(indices)
    if axis is None:
        return ops.take(a, indices)
    return a[(slice(None),) * (axis % a.ndim) + (indices,)]


def _unique(ar: Any, return_inverse: bool = False, return_counts: bool = False, axis: int | None = None) -> Any:
    return ops.unique(ar, True, return_inverse, return_counts, axis)


def _dot(a: Any, b: Any) -> Any:
    """NumPy's dot: the product with numbers, matmul up to matrices, else over the last and the last but one."""
    a, b = enter(a), enter(b)
    if not a.ndim or not b.ndim:
        return a * b
    return ops.matmul(a, b) if b.ndim <= 2 else ops.tensordot(a, b, ([-1], [-2]))


def _outer(a: Any, b: Any) -> Any:
    return ops.outer(ops.ravel(a), ops.ravel(b))


def _einsum(subscripts: Any, *operands: Any, optimize: Any = False) -> Any:
    return ops.einsum(subscripts, *operands)


def _trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return ops.sum(ops.diagonal(a, offset, axis1, axis2), -1)


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    if axis is None and ord is None:
        return ops.norm(_floating(x), 2, None, keepdims)
    return norms.norm_of(_floating(x), ord, axis, keepdims)


def _svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    x = _floating(a)
    return factors.svd(x, full_matrices) if compute_uv else factors.svdvals(x)


def _sorted(a: Any, axis: int) -> Any:
    return ops.sort(a, axis).values


# NumPy's function, what does the same to tensors, and how it is given NumPy's parameters.
_TABLE: tuple[tuple[Function, Function, Callable[[Function], Function]], ...] = (
    # reductions
    (np.sum, ops.sum, _reducing_as), (np.nansum, ops.nansum, _reducing_as), (np.prod, ops.prod, _reducing),
    (np.max, ops.amax, _reducing), (np.amax, ops.amax, _reducing), (np.min, ops.amin, _reducing),
    (np.amin, ops.amin, _reducing), (np.all, ops.all, _reducing), (np.any, ops.any, _reducing),
    (np.count_nonzero, ops.count_nonzero, _reducing), (np.mean, ops.mean, _reducing_floats),
    (np.nanmean, ops.nanmean, _reducing_floats), (np.average, _average, _itself), (np.var, ops.var, _spreading),
    (np.std, ops.std, _spreading), (np.argmax, ops.argmax, _reducing), (np.argmin, ops.argmin, _reducing),
    (np.median, _median, _itself), (np.quantile, ops.quantile, _quantile), (np.percentile, ops.quantile, _percentile),
    (np.nanquantile, ops.nanquantile, _quantile), (np.nanpercentile, ops.nanquantile, _percentile),
    (np.cumsum, ops.cumsum, _accumulating), (np.cumprod, ops.cumprod, _accumulating),
    (np.diff, ops.diff, _positional("a", n=1, axis=-1, prepend=None, append=None)),
    # shape
    (np.reshape, ops.reshape, _positional("a", "shape")), (np.ravel, ops.ravel, _positional("a")),
    (np.transpose, _transpose, _itself), (np.swapaxes, ops.transpose, _positional("a", "axis1", "axis2")),
    (np.moveaxis, ops.movedim, _positional("a", "source", "destination")),
    (np.squeeze, ops.squeeze, _positional("a", axis=None)), (np.expand_dims, _expand_dims, _itself),
    (np.broadcast_to, ops.broadcast_to, _positional("array", "shape")),
    (np.broadcast_arrays, ops.broadcast_tensors, _itself), (np.atleast_1d, ops.atleast_1d, _itself),
    (np.atleast_2d, ops.atleast_2d, _itself), (np.atleast_3d, ops.atleast_3d, _itself), (np.flip, _flip, _itself),
    (np.fliplr, ops.fliplr, _positional("m")), (np.flipud, ops.flipud, _positional("m")),
    (np.rot90, ops.rot90, _positional("m", k=1, axes=(0, 1))),
    (np.roll, ops.roll, _positional("a", "shift", axis=None)), (np.tile, ops.tile, _positional("A", "reps")),
    (np.repeat, ops.repeat_interleave, _positional("a", "repeats", axis=None)),
    (np.concatenate, _concatenate, _itself), (np.stack, ops.stack, _joining),
    (np.hstack, ops.hstack, _positional("tup")), (np.vstack, ops.vstack, _positional("tup")),
    (np.dstack, ops.dstack, _positional("tup")),
    (np.column_stack, ops.column_stack, _positional("tup")), (np.split, _split, _itself),
    (np.array_split, _array_split, _itself), (np.hsplit, _splitting("hsplit", 1), _itself),
    (np.vsplit, _splitting("vsplit", 0), _itself), (np.dsplit, _splitting("dsplit", 2), _itself),
    (np.pad, _pad, _itself),
    (np.tril, ops.tril, _positional("m", k=0)), (np.triu, ops.triu, _positional("m", k=0)),
    (np.diag, ops.diag, _positional("v", k=0)),
    (np.diagonal, ops.diagonal, _positional("a", offset=0, axis1=0, axis2=1)),
    (np.copy, ops.clone, _positional("a")), (np.meshgrid, _meshgrid, _itself),
    # choice
    (np.where, _where, _itself), (np.clip, _clip, _itself),
    (np.take_along_axis, ops.take_along_dim, _positional("arr", "indices", axis=-1)), (np.take, _take, _itself),
    (np.nonzero, lambda a: ops.nonzero(a, as_tuple=True), _itself), (np.argwhere, ops.argwhere, _positional("a")),
    (np.sort, _sorted, _ordering), (np.argsort, ops.argsort, _ordering), (np.unique, _unique, _itself),
    (np.searchsorted, lambda a, v, side="left": ops.searchsorted(a, v, side=side), _itself),
    (np.bincount, ops.bincount, _positional("x", weights=None, minlength=0)),
    (np.isin, lambda element, test_elements, invert=False: ops.isin(element, test_elements, invert=invert), _itself),
    (np.nan_to_num, ops.nan_to_num, _positional("x", nan=0.0, posinf=None, neginf=None)),
    (np.fix, ops.fix, _positional("x")), (np.round, lambda a, decimals=0: ops.round(a, decimals=decimals), _itself),
    (np.around, lambda a, decimals=0: ops.round(a, decimals=decimals), _itself),
    (np.sinc, ops.sinc, _positional("x")), (np.i0, ops.i0, _positional("x")),
    # products
    (np.dot, _dot, _itself), (np.vdot, ops.vdot, _positional("a", "b")), (np.inner, ops.inner, _positional("a", "b")),
    (np.outer, _outer, _itself), (np.kron, ops.kron, _positional("a", "b")), (np.einsum, _einsum, _itself),
    (np.tensordot, ops.tensordot, _positional("a", "b", axes=2)), (np.trace, _trace, _itself),
    # matrices
    (np.linalg.norm, _norm, _itself), (np.linalg.det, systems.det, _floats("a")),
    (np.linalg.slogdet, systems.slogdet, _floats("a")), (np.linalg.inv, systems.inv, _floats("a")),
    (np.linalg.pinv, _pinv, _itself), (np.linalg.solve, systems.solve, _floats("a", "b")),
    (np.linalg.cholesky, factors.cholesky, _floats("a")), (np.linalg.eigh, factors.eigh, _floats("a")),
    (np.linalg.eigvalsh, factors.eigvalsh, _floats("a")), (np.linalg.svd, _svd, _itself),
    (np.linalg.qr, factors.qr, _floats("a", mode="reduced")),
    (np.linalg.matrix_power, lambda a, n: systems.matrix_power(_floating(a), n), _itself),
    (np.linalg.lstsq, _lstsq, _itself), (np.linalg.matrix_rank, _rank, _itself),
    (np.linalg.cond, matrices.cond, _floats("x", p=None)),
    (np.linalg.multi_dot, matrices.multi_dot, _positional("arrays")),
    (np.cross, _cross, _itself), (np.cov, _cov, _itself), (np.corrcoef, _corrcoef, _itself),
    (np.trapezoid, _trapezoid, _itself),
    # nearness
    (np.isclose, ops.isclose, _positional("a", "b", rtol=1e-5, atol=1e-8, equal_nan=False)),
    (np.allclose, ops.allclose, _positional("a", "b", rtol=1e-5, atol=1e-8, equal_nan=False)),
    # new tensors
    (np.zeros_like, ops.zeros_like, _like), (np.ones_like, ops.ones_like, _like),
    (np.empty_like, ops.empty_like, _like),
    (np.full_like, lambda a, fill_value, dtype=None: ops.full_like(a, fill_value, dtype=dtype), _itself),
)  # fmt: skip


@functools.cache
def _functions() -> dict[Function, Function]:
    """NumPy's functions, and with NumPy's signature what does the same to tensors."""
    return {function: adapt(ours) for function, ours, adapt in _TABLE}


# ---------------------------------------------------------------- the array API standard

_VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12")  # each holds what the one before it had
_loaders: list[Callable[[], ModuleType]] = []


def register_namespace(load: Callable[[], ModuleType]) -> None:
    """Say where `Tensor.__array_namespace__` finds the standard's functions, which are made of what stands above.

    Parameters
    ----------
    load : callable
        Gives the module; called each time that it is asked for.
    """
    _loaders[:] = [load]


def array_namespace(api_version: str | None) -> ModuleType:
    """What `Tensor.__array_namespace__` gives.

    Raises
    ------
    ValueError
        If a version of the standard is asked for that is not there.
    """
    if api_version is not None and api_version not in _VERSIONS:
        raise ValueError(
            f"__array_namespace__: there are the versions {', '.join(_VERSIONS)} of the standard, not {api_version!r}"
        )
    return _loaders[0]()


def to_device(x: Any, device: Any, /, *, stream: Any = None) -> Any:
    """The tensor on a device, by the array API standard's name; the only one is the CPU. See `to`.

    Parameters
    ----------
    device : "cpu"
    stream : None
        The CPU has no streams.

    Returns
    -------
    Tensor
        This tensor itself.

    Raises
    ------
    ValueError
        If another device or a stream is asked for.

    Examples
    --------
    >>> wg.ones(2).to_device("cpu")
    tensor([1., 1.])
    """
    if stream is not None:
        raise ValueError(f"to_device: the CPU has no streams; expected stream=None, got {stream!r}")
    return conversion.to(x, device=device)


# ---------------------------------------------------------------- shared memory


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
        A change of one shows in the other, unless the memory is read-only, as JAX's is: then writing is an error. It
        also is for a capsule of the kind before DLPack 1.0, which cannot say so, of another library than NumPy.

    Raises
    ------
    TypeError
        If x does not offer DLPack, or has a dtype that tensors do not have.
    BufferError
        If the memory is not the CPU's, or x requires a gradient.

    Notes
    -----
    `np.from_dlpack` of a tensor can be written from NumPy 2.2 on.

    Examples
    --------
    >>> array = np.zeros(3)
    >>> x = wg.from_dlpack(array)
    >>> x[0] = 5
    >>> array
    array([5., 0., 0.])
    """
    return ops.from_numpy(dlpack.imported(x, copy))


def arrow_array(array: np.ndarray) -> Any:
    """What `Tensor.__arrow_c_array__` hands to pyarrow, polars and others: an Arrow array over the same memory, if its
    items lie in C order and are no booleans, which Arrow packs; of several dimensions, of lists of fixed lengths.

    Raises
    ------
    TypeError
        If it has no dimension, or Arrow could not tell its length.
    ImportError
        If pyarrow is missing.
    """
    if not array.ndim or 0 in array.shape[1:]:
        raise TypeError(
            "__arrow_c_array__: an Arrow array has one dimension or more, of which the first alone may have length 0; "
            f"this tensor has shape {array.shape}"
        )
    try:
        import pyarrow
    except ImportError as error:
        message = "Arrow arrays are made of tensors by pyarrow: pip install pyarrow; or pass x.numpy()"
        raise ImportError(message, name="pyarrow") from error
    found = pyarrow.array(array.reshape(-1))
    for length in reversed(array.shape[1:]):
        found = pyarrow.FixedSizeListArray.from_arrays(found, length)
    return found
