"""Comparisons, questions and truth; `where`, which chooses by them; bits."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, overload

import numpy as np

from .._kernels import Elementwise, Fold, Loops, search_sorted
from .._types import Tensor
from ..core import batching, dtypes
from ..core.arguments import dimensions, either
from ..core.batching import Batch, aligned, looped, refused, unchanged
from ..core.broadcast import beside, broadcast_shape, broadcast_to, keeps_dtype, match
from ..core.define import Function, computed, named, primitive
from ..core.doors import enter, leave
from ..core.signatures import tells
from ..core.tape import Operation, apply
from ..core.tuples import item
from ..core.variable import Variable
from .naming import doc
from .numpy_kernels import quiet

__all__ = [
    "all", "allclose", "any", "bitwise_and", "bitwise_left_shift", "bitwise_not", "bitwise_or",
    "bitwise_right_shift", "bitwise_xor", "count_nonzero", "eq", "equal", "greater", "greater_equal", "isclose",
    "isfinite", "isin", "isinf", "isnan", "isneginf", "isposinf", "less", "less_equal", "logical_and",
    "logical_not", "logical_or", "logical_xor", "signbit", "where",
]  # fmt: skip

# ---------------------------------------------------------------- comparison and choice


def _without_derivative(name: str, kernel: Function) -> Operation:
    """The operation of `computed`, for those that ask it for less than every kind of operand."""
    kernel = Loops(kernel) if isinstance(kernel, np.ufunc) else kernel
    operation: Operation = computed(name, kernel, batched=aligned).operation  # type: ignore[attr-defined]
    return operation


def _as_half(operands: tuple[Any, ...]) -> tuple[Any, ...]:
    """The operands; beside float16, a number as it is in float16, so that 0.1 equals the item made of it."""
    x, y = operands
    if isinstance(x, Variable) and isinstance(y, Variable):
        return operands
    tensor, number = (x, y) if isinstance(x, Variable) else (y, x)
    if tensor._value.dtype != dtypes.float16 or not -65504 <= number <= 65504:  # beyond, it would become infinite
        return operands
    number = float(np.float16(number))
    return (tensor, number) if tensor is x else (number, tensor)


def comparison(name: str, kernel: Callable[..., np.ndarray], doc: str) -> Callable[..., Tensor]:
    """An operation whose result is boolean, and so has no derivative."""
    operation = _without_derivative(name, kernel)

    def compare(x: Any, y: Any) -> Tensor:
        if isinstance(x, Variable):  # the kernels broadcast, and nothing is derived
            if isinstance(y, Variable):
                if x._value.dtype is y._value.dtype:
                    return apply(operation, (x, y))
            elif keeps_dtype(x, y, False) and x._value.dtype is not dtypes.float16:
                return apply(operation, (x, y))
        return apply(operation, _as_half(match(name, x, y)))

    return named(compare, name, doc, operation)


def _compare_doc(what: str, name: str, result: str) -> str:
    example = f">>> wg.{name}(wg.tensor([1., 2., 3.]), 2)\n{result}"
    return doc(f"Whether x {what} y, item by item.", example, inputs=2)


eq: Callable[..., Tensor] = comparison(
    "eq", Elementwise("equal", np.equal), _compare_doc("equals", "eq", "tensor([False,  True, False])")
)  # fmt: skip


not_equal: Callable[..., Tensor] = comparison(
    "ne", Elementwise("not_equal", np.not_equal), _compare_doc("differs from", "ne", "tensor([ True, False,  True])")
)


less: Callable[..., Tensor] = comparison(
    "less", Elementwise("less", np.less), _compare_doc("is less than", "less", "tensor([ True, False, False])")
)


less_equal: Callable[..., Tensor] = comparison(
    "less_equal", Elementwise("less_equal", np.less_equal),
    _compare_doc("is at most", "less_equal", "tensor([ True,  True, False])"),
)  # fmt: skip


greater: Callable[..., Tensor] = comparison(
    "greater", Elementwise("greater", np.greater),
    _compare_doc("is greater than", "greater", "tensor([False, False,  True])"),
)  # fmt: skip


greater_equal: Callable[..., Tensor] = comparison(
    "greater_equal", Elementwise("greater_equal", np.greater_equal),
    _compare_doc("is at least", "greater_equal", "tensor([False,  True,  True])"),
)  # fmt: skip


logical_and: Callable[..., Tensor] = comparison(
    "logical_and", np.logical_and,
    doc("Whether both x and y are nonzero, item by item.",
         ">>> wg.logical_and(wg.tensor([1., 0.]), wg.tensor([2., 3.]))\ntensor([ True, False])", inputs=2),
)  # fmt: skip


def _side_by_side(condition: Variable, x: Any, y: Any) -> bool:
    """Whether x and y have one dtype and the condition's shape, or one of them does and the other is a number."""
    if not isinstance(x, Variable):
        x, y = y, x
    if not isinstance(x, Variable) or x._value.shape != condition._value.shape:
        return False
    if isinstance(y, Variable):
        return x._value.dtype is y._value.dtype and x._value.shape == y._value.shape
    return keeps_dtype(x, y, True)


_WHERE = primitive(
    "where", Elementwise("where", np.where),
    (None, lambda g, condition: where(condition, g, 0.0), lambda g, condition: where(condition, 0.0, g)),
    (None, lambda t, condition: where(condition, t, 0.0), lambda t, condition: where(condition, 0.0, t)),
    arguments=("condition", "x", "y"), batched=aligned,
)  # fmt: skip


_places_of_nonzero = computed("nonzero", lambda x: np.nonzero(np.atleast_1d(x)), batched=refused)


def places_of_nonzero(x: Variable) -> tuple[Tensor, ...]:
    """The indices of the items that are not zero, one vector per dimension; a number counts as a vector."""
    places = _places_of_nonzero(x)
    return tuple([item(places, k) for k in range(x._value.ndim or 1)])


@overload
def where(condition: Any) -> tuple[Tensor, ...]: ...


@overload
def where(condition: Any, x: Any, y: Any) -> Tensor: ...


def where(condition: Any, x: Any = None, y: Any = None) -> Tensor | tuple[Tensor, ...]:
    """x where the condition holds, y elsewhere; or, of a condition alone, where it holds.

    Parameters
    ----------
    condition : tensor or array of bool
    x, y : tensor, array or number
        All three broadcast together. Both may be left out.

    Returns
    -------
    Tensor
        Of the broadcast shape. Without x and y a tuple: the indices of the items that are not zero, one vector per
        dimension, ready to index with.

    Raises
    ------
    TypeError
        If the condition is not boolean, or only one of x and y is given.
    ValueError
        If the shapes do not broadcast.

    Examples
    --------
    >>> x = wg.tensor([-1., 2.])
    >>> wg.where(x > 0, x, 0)
    tensor([0., 2.])
    >>> wg.where(x > 0)
    (tensor([1]),)
    """
    condition = enter(condition)
    if x is None and y is None:
        return places_of_nonzero(condition)
    if x is None or y is None:
        raise TypeError("where: expected a condition alone, or a condition with x and y")
    if condition._value.dtype != dtypes.bool:
        raise TypeError(f"where: expected a boolean condition, got {condition._value.dtype}; compare it, as in x != 0")
    if _side_by_side(condition, x, y):
        return apply(_WHERE, (condition, x, y))
    x, y = match("where", x, y)
    shape = broadcast_shape("where", *(v._value.shape for v in (condition, x, y) if isinstance(v, Variable)))
    x, y = (
        broadcast_to(v, shape) if isinstance(v, Variable) and v.requires_grad and v._value.shape != shape else v
        for v in (x, y)
    )
    return apply(_WHERE, (condition, x, y))


# ---------------------------------------------------------------- one argument


def _question(name: str, function: Function, docstring: str) -> Function:
    """A function of one tensor that gives truth values."""
    operation = _without_derivative(name, function)

    def ask(x: Any) -> Tensor:
        return apply(operation, (x if isinstance(x, Variable) else enter(x),))

    return named(ask, name, docstring, operation)


isnan: Callable[..., Tensor] = _question(
    "isnan", np.isnan,
    doc("Whether each item is NaN.", ">>> wg.isnan(wg.tensor([1., float('nan')]))\ntensor([False,  True])"),
)  # fmt: skip


isinf: Callable[..., Tensor] = _question(
    "isinf", np.isinf,
    doc("Whether each item is infinite.", ">>> wg.isinf(wg.tensor([1., float('inf')]))\ntensor([False,  True])"),
)  # fmt: skip


isfinite: Callable[..., Tensor] = _question(
    "isfinite", np.isfinite,
    doc("Whether each item is neither infinite nor NaN.",
        ">>> wg.isfinite(wg.tensor([1., float('inf')]))\ntensor([ True, False])"),
)  # fmt: skip


isposinf: Callable[..., Tensor] = _question(
    "isposinf", lambda x: np.isinf(x) & (x > 0),
    doc("Whether each item is inf.", ">>> wg.isposinf(wg.tensor([1., float('inf')]))\ntensor([False,  True])"),
)  # fmt: skip


isneginf: Callable[..., Tensor] = _question(
    "isneginf", lambda x: np.isinf(x) & (x < 0),
    doc("Whether each item is -inf.", ">>> wg.isneginf(wg.tensor([1., float('inf')]))\ntensor([False, False])"),
)  # fmt: skip


signbit: Callable[..., Tensor] = _question(
    "signbit", lambda x: np.signbit(x) if x.dtype.kind == "f" else x < 0,
    doc("Whether each item has a minus sign; that of -0. counts.",
        ">>> wg.signbit(wg.tensor([1., -0.]))\ntensor([False,  True])"),
)  # fmt: skip


logical_not: Callable[..., Tensor] = _question(
    "logical_not", np.logical_not,
    doc("Whether each item is zero.", ">>> wg.logical_not(wg.tensor([1., 0.]))\ntensor([False,  True])"),
)  # fmt: skip


logical_or: Callable[..., Tensor] = comparison(
    "logical_or", np.logical_or,
    doc("Whether x or y is nonzero, or both, item by item.",
        ">>> wg.logical_or(wg.tensor([1., 0.]), wg.tensor([2., 0.]))\ntensor([ True, False])", inputs=2),
)  # fmt: skip


logical_xor: Callable[..., Tensor] = comparison(
    "logical_xor", np.logical_xor,
    doc("Whether one of x and y is nonzero and the other zero, item by item.",
        ">>> wg.logical_xor(wg.tensor([1., 0.]), wg.tensor([2., 3.]))\ntensor([False,  True])", inputs=2),
)  # fmt: skip


# ---------------------------------------------------------------- bits


def _bitwise(name: str, function: Function, kinds: str, docstring: str) -> Callable[..., Tensor]:
    """A function of two tensors of integers or, if `kinds` allow it, of booleans."""
    operation = _without_derivative(name, function)

    def combine(x: Any, y: Any) -> Tensor:
        if not (isinstance(x, Variable) and isinstance(y, Variable) and x._value.dtype is y._value.dtype):
            x, y = match(name, x, y)
        for v in (x, y):
            if isinstance(v, Variable) and v._value.dtype.kind not in kinds:
                what = "integers or booleans" if "b" in kinds else "integers"
                raise TypeError(f"{name}: expected {what}, got {v._value.dtype}")
        return apply(operation, (x, y))

    return named(combine, name, docstring, operation)


bitwise_and: Callable[..., Tensor] = _bitwise(
    "bitwise_and", np.bitwise_and, "iub",
    doc("The bits that both x and y have; of booleans, x and y.",
        ">>> wg.bitwise_and(wg.tensor([6, 5]), 3)\ntensor([2, 1])", inputs=2),
)  # fmt: skip


bitwise_or: Callable[..., Tensor] = _bitwise(
    "bitwise_or", np.bitwise_or, "iub",
    doc("The bits that x or y has; of booleans, x or y.",
        ">>> wg.bitwise_or(wg.tensor([6, 5]), 3)\ntensor([7, 7])", inputs=2),
)  # fmt: skip


bitwise_xor: Callable[..., Tensor] = _bitwise(
    "bitwise_xor", np.bitwise_xor, "iub",
    doc("The bits in which x and y differ; of booleans, whether they differ.",
        ">>> wg.bitwise_xor(wg.tensor([6, 5]), 3)\ntensor([5, 6])", inputs=2),
)  # fmt: skip


bitwise_left_shift: Callable[..., Tensor] = _bitwise(
    "bitwise_left_shift", np.left_shift, "iu",
    doc("x times 2**y, as a shift of its bits.",
        ">>> wg.bitwise_left_shift(wg.tensor([1, 2]), 3)\ntensor([ 8, 16])", inputs=2),
)  # fmt: skip


bitwise_right_shift: Callable[..., Tensor] = _bitwise(
    "bitwise_right_shift", np.right_shift, "iu",
    doc("The floor of x / 2**y, as a shift of its bits.",
        ">>> wg.bitwise_right_shift(wg.tensor([8, -9]), 2)\ntensor([ 2, -3])", inputs=2),
)  # fmt: skip


_invert = computed("bitwise_not", Loops(np.invert), batched=aligned)


@tells
def bitwise_not(x: Any) -> Tensor:
    """The bits that x lacks; of booleans, not x.

    Parameters
    ----------
    x : tensor
        Of integers or booleans.

    Returns
    -------
    Tensor
        Of the same shape and dtype.

    Raises
    ------
    TypeError
        If x is floating.

    Examples
    --------
    >>> wg.bitwise_not(wg.tensor([True, False]))
    tensor([False,  True])
    """
    x = enter(x)
    if x._value.dtype.kind not in "iub":
        raise TypeError(f"bitwise_not: expected integers or booleans, got {x._value.dtype}")
    return _invert(x)


class NotFiniteError(ArithmeticError):
    """A value that was to be finite is not. The only argument is the value."""


def _require_finite(x: np.ndarray) -> np.ndarray:
    if not np.isfinite(x).all():
        raise NotFiniteError(float(x.ravel()[0]))
    return x


# A number as it is, or NotFiniteError; what is recorded asks again in each run, at the same place among its operations.
required_finite = computed("require_finite", _require_finite, batched=unchanged)


# ---------------------------------------------------------------- nearness


_equal, _at_most, _below = (Elementwise(name) for name in ("equal", "less_equal", "less"))
_minus, _add, _times, _magnitude = (Elementwise(name) for name in ("subtract", "add", "multiply", "abs"))
_both, _either = Loops(np.logical_and), Loops(np.logical_or)
_near = quiet(np.isclose)


def _close(x: np.ndarray, y: np.ndarray, rtol: float, atol: float, equal_nan: bool) -> np.ndarray:
    """Equal, or at a finite distance that the tolerances allow."""
    if equal_nan or x.dtype.char not in dtypes.NATIVE:
        near: np.ndarray = _near(x, y, rtol=rtol, atol=atol, equal_nan=equal_nan)
        return near
    away = _magnitude(_minus(x, y))
    allowed = _add(_times(_magnitude(y), rtol), atol)
    return _either(_equal(x, y), _both(_at_most(away, allowed), _below(away, math.inf)))


_isclose = computed("isclose", _close, batched=aligned)


@tells
def isclose(x: Any, y: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Whether |x - y| <= atol + rtol |y|, item by item.

    Parameters
    ----------
    x, y : tensor, array or number
        Of shapes that broadcast together.
    rtol, atol : float
        The tolerances relative to y and absolute, none negative.
    equal_nan : bool
        Whether NaN is close to NaN.

    Returns
    -------
    Tensor of bool
        Of the broadcast shape.

    Raises
    ------
    ValueError
        If the shapes do not broadcast, or a tolerance is negative.

    Examples
    --------
    >>> wg.isclose(wg.tensor([1., 2.]), wg.tensor([1.0000001, 2.1]))
    tensor([ True, False])
    """
    if not (rtol >= 0 and atol >= 0):
        raise ValueError(f"isclose: expected tolerances that are not negative, got rtol={rtol} and atol={atol}")
    x, y = match("isclose", enter(x), enter(y))
    return _isclose(x, y, rtol=float(rtol), atol=float(atol), equal_nan=bool(equal_nan))


@tells
def allclose(x: Any, y: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether |x - y| <= atol + rtol |y| for all items.

    Parameters
    ----------
    x, y : tensor, array or number
        Of shapes that broadcast together.
    rtol, atol : float
        The tolerances relative to y and absolute, none negative.
    equal_nan : bool
        Whether NaN is close to NaN.

    Returns
    -------
    bool

    Raises
    ------
    ValueError
        If the shapes do not broadcast, or a tolerance is negative.

    Examples
    --------
    >>> wg.allclose(wg.tensor([1., 2.]), wg.tensor([1.0000001, 2.]))
    True
    """
    return bool(leave(all(isclose(x, y, rtol, atol, equal_nan)), "bool"))


_all_equal = computed("equal", lambda x, y: np.all(x == y))


@tells
def equal(x: Any, y: Any) -> bool:
    """Whether two tensors have the same shape and equal items; `eq` compares item by item.

    Parameters
    ----------
    x, y : tensor

    Returns
    -------
    bool

    Examples
    --------
    >>> wg.equal(wg.tensor([1., 2.]), wg.tensor([1, 2]))
    True
    """
    x, y = enter(x), enter(y)
    return x._value.shape == y._value.shape and bool(leave(_all_equal(x, y), "bool"))


def _each_isin(kernel: Function, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> Any:
    """Of a batch: where the items are looked for in one set for all, the examples need not be told apart."""
    return (looped if batch.having[1] else unchanged)(kernel, batch, arrays, static)


def _is_in(x: np.ndarray, items: np.ndarray, invert: bool) -> np.ndarray:
    if x.dtype != items.dtype:
        return np.isin(x, items, invert=invert)
    line = np.sort(items, None)
    found = _differ(search_sorted(line, x, True), search_sorted(line, x))
    if x.dtype.kind == "f":  # a NaN is none of them, whatever they are
        found &= x == x
    return ~found if invert else found


_differ = Loops(np.not_equal)
_isin = computed("isin", _is_in, batched=_each_isin)


@tells
def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Whether each item is one of some items.

    Parameters
    ----------
    elements : tensor, array or number
    test_elements : tensor, array or number
    assume_unique : bool
        Accepted for code that passes it; the result does not depend on it.
    invert : bool
        Whether each is none of them.

    Returns
    -------
    Tensor of bool
        Of the shape of `elements`.

    Examples
    --------
    >>> wg.isin(wg.tensor([1, 2, 3]), wg.tensor([3, 1]))
    tensor([ True, False,  True])
    """
    return _isin(enter(elements), beside(test_elements, elements), invert=bool(invert))


# ---------------------------------------------------------------- all, any, how many


def _counting(name: str, kind: str, function: Function) -> Callable[..., Tensor]:
    """What is found over some dimensions: by a fold of truth values, else by a function of NumPy's."""
    fold = Fold(kind, lambda x, dims, keepdim: function(x, axis=dims, keepdims=keepdim))
    over: Operation = computed(name, fold, batched=batching.over).operation  # type: ignore[attr-defined]

    def count(x: Any, dim: Any, keepdim: bool, axis: Any, keepdims: bool | None) -> Tensor:
        x = enter(x)
        dims = dimensions(name, dim if axis is None else either(name, dim, axis), x._value.ndim)
        return apply(over, (x,), {"dims": dims, "keepdim": bool(keepdim if keepdims is None else keepdims)})

    return count


def _as_truth(function: Function) -> Function:
    """The function, giving uint8 for uint8 as PyTorch does."""

    def found(x: np.ndarray, **keywords: Any) -> np.ndarray:
        truth: np.ndarray = function(x, **keywords)
        return truth.astype(np.uint8) if x.dtype == dtypes.uint8 else truth

    return found


_all = _counting("all", "all", _as_truth(np.logical_and.reduce))
_any = _counting("any", "any", _as_truth(np.logical_or.reduce))
_count_nonzero = _counting(
    "count_nonzero", "count", lambda x, **keywords: np.asarray(np.count_nonzero(x, **keywords), np.int64)
)


@tells
def all(x: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: bool | None = None) -> Tensor:
    """Whether all items are nonzero, over some dimensions; of nothing, True.

    Parameters
    ----------
    x : tensor
    dim : int, tuple of int or None
        None: all dimensions. Also spelled `axis`.
    keepdim : bool
        Keep reduced dimensions with length 1. Also spelled `keepdims`.

    Returns
    -------
    Tensor of bool, or of uint8 if x is

    Raises
    ------
    IndexError
        If a dimension is out of range.

    Examples
    --------
    >>> wg.all(wg.tensor([[True, False], [True, True]]), dim=1)
    tensor([False,  True])
    """
    return _all(x, dim, keepdim, axis, keepdims)


@tells
def any(x: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: bool | None = None) -> Tensor:
    """Whether some item is nonzero, over some dimensions; of nothing, False.

    Parameters
    ----------
    x : tensor
    dim : int, tuple of int or None
        None: all dimensions. Also spelled `axis`.
    keepdim : bool
        Keep reduced dimensions with length 1. Also spelled `keepdims`.

    Returns
    -------
    Tensor of bool, or of uint8 if x is

    Raises
    ------
    IndexError
        If a dimension is out of range.

    Examples
    --------
    >>> wg.any(wg.tensor([[True, False], [False, False]]), dim=1)
    tensor([ True, False])
    """
    return _any(x, dim, keepdim, axis, keepdims)


@tells
def count_nonzero(
    x: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: bool | None = None
) -> Tensor:  # fmt: skip
    """The number of items that are not zero, over some dimensions.

    Parameters
    ----------
    x : tensor
    dim : int, tuple of int or None
        None: all dimensions. Also spelled `axis`.
    keepdim : bool
        Keep reduced dimensions with length 1. Also spelled `keepdims`.

    Returns
    -------
    Tensor of int64

    Raises
    ------
    IndexError
        If a dimension is out of range.

    Examples
    --------
    >>> wg.count_nonzero(wg.tensor([[1., 0.], [2., 3.]]), dim=0)
    tensor([2, 1])
    """
    return _count_nonzero(x, dim, keepdim, axis, keepdims)
