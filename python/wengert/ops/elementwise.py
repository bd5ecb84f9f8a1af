"""Operations that act item by item."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, overload

import numpy as np

from .._kernels import Elementwise
from .._types import Tensor
from ..core import dtypes
from ..core.broadcast import as_floating, broadcast_shape, broadcast_to, keeps_dtype, match
from ..core.define import Function, elementwise, named, primitive
from ..core.doors import enter
from ..core.tape import apply
from ..core.variable import Variable, wrap


def doc(summary: str, example: str, *, inputs: int = 1, formula: str = "", note: str = "") -> str:
    """The docstring of an elementwise operation."""
    parameters = "x : tensor, array or number\n    Of any shape." if inputs == 1 else (
        "x, y : tensor, array or number\n    Of shapes that broadcast together; of two dtypes the result has the one\n"
        "    that `wengert.result_type` gives."
    )  # fmt: skip
    returns = "Tensor\n    Of the same shape." if inputs == 1 else "Tensor\n    Of the broadcast shape."
    raises = "" if inputs == 1 else "\nRaises\n------\nValueError\n    If the shapes do not broadcast.\n"
    notes = f"\nNotes\n-----\n{formula}{' ' if formula and note else ''}{note}\n" if formula or note else ""
    return (
        f"{summary}\n\nParameters\n----------\n{parameters}\n\nReturns\n-------\n{returns}\n{raises}{notes}"
        f"\nExamples\n--------\n{example.strip()}\n"
    )


def _numbers(name: str, function: Function, instead: str) -> Function:
    """NumPy's function for integers, which refuses booleans as PyTorch does."""

    def fallback(*operands: Any) -> np.ndarray:
        if all(isinstance(x, (bool, np.bool_)) or getattr(x, "dtype", None) == dtypes.bool for x in operands):
            raise TypeError(f"{name}: booleans have none; use {instead}, or convert them, as in x.int()")
        found: np.ndarray = function(*operands)
        return found

    return fallback


# ---------------------------------------------------------------- arithmetic

add = elementwise(
    "add", Elementwise("add", np.add), lambda g: g, lambda g: g,
    doc=doc("The sum x + y, item by item.", ">>> wg.add(wg.tensor([1., 2.]), 10)\ntensor([11., 12.])", inputs=2),
)  # fmt: skip
subtract = elementwise(
    "sub", Elementwise("subtract", _numbers("sub", np.subtract, "^ or logical_xor")), lambda g: g, lambda g: -g,
    doc=doc("The difference x - y, item by item.",
            ">>> wg.subtract(wg.tensor([1., 2.]), 10)\ntensor([-9., -8.])", inputs=2),
)  # fmt: skip
multiply = elementwise(
    "mul", Elementwise("multiply", np.multiply), lambda y: y, lambda x: x,
    doc=doc("The product x * y, item by item.",
            ">>> wg.multiply(wg.tensor([1., 2.]), 10)\ntensor([10., 20.])", inputs=2),
)  # fmt: skip
divide = elementwise(
    "div", Elementwise("divide", np.true_divide), lambda g, y: g / y, lambda g, y, z: -g * z / y, floating=True,
    doc=doc("The quotient x / y, item by item; of integers too, in the default float.",
            ">>> wg.divide(wg.tensor([1., 2.]), 4)\ntensor([0.2500, 0.5000])", inputs=2),
)  # fmt: skip
maximum = elementwise(
    "maximum", Elementwise("maximum", np.maximum), lambda g, x, y: _share(g, x, y), lambda g, x, y: _share(g, y, x),
    doc=doc("The larger of x and y, item by item; NaN where either is.",
            ">>> wg.maximum(wg.tensor([1., 5.]), 3)\ntensor([3., 5.])", inputs=2,
            note="Where x = y, each gets half of the gradient."),
)  # fmt: skip
minimum = elementwise(
    "minimum", Elementwise("minimum", np.minimum), lambda g, x, y: _share(g, y, x), lambda g, x, y: _share(g, x, y),
    doc=doc("The smaller of x and y, item by item; NaN where either is.",
            ">>> wg.minimum(wg.tensor([1., 5.]), 3)\ntensor([1., 3.])", inputs=2,
            note="Where x = y, each gets half of the gradient."),
)  # fmt: skip


def _share(g: Any, winner: Any, loser: Any) -> Tensor:
    """g where winner > loser, half of it where they are equal."""
    return where(equal(winner, loser), g * 0.5, where(greater(winner, loser), g, 0.0))


def _power_by_base(g: Any, x: Any, y: Any) -> Any:
    """g * y * x**(y - 1), and 0 where y = 0, also at x = 0."""
    if isinstance(y, (int, float)):
        return g * (power(x, y - 1) * y) if y != 0 else g * 0.0
    return g * where(equal(y, 0), 0.0, y * power(x, y - 1))


def _power_by_exponent(g: Any, x: Any, y: Any, z: Any) -> Any:
    """g * z * log x, and 0 where x = 0 and y >= 0."""
    if isinstance(x, (int, float)):
        x = wrap(np.full_like(z._value, x))
    at_zero = logical_and(equal(x, 0), greater_equal(y, 0))
    return g * where(at_zero, 0.0, z * log(where(at_zero, 1.0, x)))


power = elementwise(
    "pow", Elementwise("power", np.power), _power_by_base, _power_by_exponent,
    doc=doc("x to the power of y, item by item.",
            ">>> wg.power(wg.tensor([1., 2., 3.]), 2)\ntensor([1., 4., 9.])", inputs=2,
            formula="d/dx = y x**(y - 1), 0 for y = 0; d/dy = z log x, 0 for x = 0 <= y."),
)  # fmt: skip

negative = elementwise(
    "neg", Elementwise("negative", _numbers("neg", np.negative, "~ or logical_not")), lambda g: -g,
    doc=doc("The negative of each item.", ">>> wg.negative(wg.tensor([1., -2.]))\ntensor([-1.,  2.])"),
)  # fmt: skip
abs = elementwise(
    "abs", Elementwise("abs", np.abs), lambda x: sign(x),
    doc=doc("The absolute value of each item.", ">>> wg.abs(wg.tensor([1., -2.]))\ntensor([1., 2.])",
            note="The derivative at 0 is 0."),
)  # fmt: skip
sign: Callable[..., Tensor] = elementwise(
    "sign", Elementwise("sign", lambda x: x.copy() if x.dtype == dtypes.bool else np.sign(x)), None,
    doc=doc("-1, 0 or 1 by the sign of each item; NaN for NaN.",
            ">>> wg.sign(wg.tensor([3., 0., -2.]))\ntensor([ 1.,  0., -1.])"),
)  # fmt: skip
reciprocal = elementwise(
    "reciprocal", Elementwise("reciprocal"), lambda z: -z * z, floating=True,
    doc=doc("1 / x, item by item.", ">>> wg.reciprocal(wg.tensor([2., 4.]))\ntensor([0.5000, 0.2500])"),
)  # fmt: skip
square = elementwise(
    "square", Elementwise("square", lambda x: np.square(x, dtype=np.int64 if x.dtype == dtypes.bool else None)),
    lambda x: x * 2.0,
    doc=doc("x * x, item by item.", ">>> wg.square(wg.tensor([2., 3.]))\ntensor([4., 9.])"),
)  # fmt: skip
# What x**3 is computed by.
cube = elementwise("cube", Elementwise("cube"), lambda x: square(x) * 3.0)
sqrt = elementwise(
    "sqrt", Elementwise("sqrt"), lambda g, z: g / (z * 2.0), floating=True,
    doc=doc("The square root of each item; NaN for negative ones.",
            ">>> wg.sqrt(wg.tensor([4., 9.]))\ntensor([2., 3.])"),
)  # fmt: skip

# ---------------------------------------------------------------- exponentials, logarithms, circular functions

exp = elementwise(
    "exp", Elementwise("exp"), lambda z: z, floating=True,
    doc=doc("e to the power of each item.", ">>> wg.exp(wg.tensor([0., 1.]))\ntensor([1.0000, 2.7183])"),
)  # fmt: skip
expm1 = elementwise(
    "expm1", Elementwise("expm1"), lambda z: z + 1.0, floating=True,
    doc=doc("exp(x) - 1, exact near zero.", ">>> wg.expm1(wg.tensor([0., 1.]))\ntensor([0.0000, 1.7183])"),
)  # fmt: skip
log = elementwise(
    "log", Elementwise("log"), lambda g, x: g / x, floating=True,
    doc=doc("The natural logarithm of each item; -inf at 0, NaN below.",
            ">>> wg.log(wg.tensor([1., 10.]))\ntensor([0.0000, 2.3026])"),
)  # fmt: skip
log1p = elementwise(
    "log1p", Elementwise("log1p"), lambda g, x: g / (x + 1.0), floating=True,
    doc=doc("log(1 + x), exact near zero.", ">>> wg.log1p(wg.tensor([0., 1.]))\ntensor([0.0000, 0.6931])"),
)  # fmt: skip
sin = elementwise(
    "sin", Elementwise("sin"), lambda x: cos(x), floating=True,
    doc=doc("The sine of each item, in radians.", ">>> wg.sin(wg.tensor([0., 1.]))\ntensor([0.0000, 0.8415])"),
)  # fmt: skip
cos: Callable[..., Tensor] = elementwise(
    "cos", Elementwise("cos"), lambda x: -sin(x), floating=True,
    doc=doc("The cosine of each item, in radians.", ">>> wg.cos(wg.tensor([0., 1.]))\ntensor([1.0000, 0.5403])"),
)  # fmt: skip
erf = elementwise(
    "erf", Elementwise("erf"), lambda x: exp(-x * x) * (2 / math.sqrt(math.pi)), floating=True,
    doc=doc("The error function of each item.", ">>> wg.erf(wg.tensor([0., 1.]))\ntensor([0.0000, 0.8427])"),
)  # fmt: skip

# ---------------------------------------------------------------- activations

# x * (1 - y**2): the derivative of tanh at the result y.
tanh_grad: Callable[..., Tensor] = elementwise(
    "tanh_backward", Elementwise("tanh_grad"), lambda g, y: tanh_grad(g, y), lambda g, x, y: g * x * y * -2.0
)
tanh = elementwise(
    "tanh", Elementwise("tanh"), lambda g, z: tanh_grad(g, z), floating=True,
    doc=doc("The hyperbolic tangent of each item.", ">>> wg.tanh(wg.tensor([0., 1.]))\ntensor([0.0000, 0.7616])"),
)  # fmt: skip
# x * y * (1 - y): the derivative of the sigmoid at the result y.
sigmoid_grad: Callable[..., Tensor] = elementwise(
    "sigmoid_backward", Elementwise("sigmoid_grad"),
    lambda g, y: sigmoid_grad(g, y), lambda g, x, y: g * x * (1.0 - y * 2.0),
)  # fmt: skip
sigmoid = elementwise(
    "sigmoid", Elementwise("sigmoid"), lambda g, z: sigmoid_grad(g, z), floating=True,
    doc=doc("1 / (1 + exp(-x)), item by item.", ">>> wg.sigmoid(wg.tensor([0., 1.]))\ntensor([0.5000, 0.7311])"),
)  # fmt: skip
# x where y > 0, else 0: the derivative of relu at its input or, which is the same, at its result.
relu_grad: Callable[..., Tensor] = elementwise(
    "relu_backward", Elementwise("relu_grad"), lambda g, y: relu_grad(g, y), None
)
relu = elementwise(
    "relu", Elementwise("relu", lambda x: np.maximum(x, 0)), lambda g, z: relu_grad(g, z),
    doc=doc("The positive part max(x, 0) of each item; NaN stays.",
            ">>> wg.relu(wg.tensor([-1., 2.]))\ntensor([0., 2.])",
            note="The derivative at 0 is 0."),
)  # fmt: skip
softplus = elementwise(
    "softplus", Elementwise("softplus"), lambda x: sigmoid(x), floating=True,
    doc=doc("log(1 + exp(x)), item by item, without overflow.",
            ">>> wg.softplus(wg.tensor([0., 1.]))\ntensor([0.6931, 1.3133])"),
)  # fmt: skip
gelu = elementwise(
    "gelu", Elementwise("gelu"),
    lambda x: (erf(x * math.sqrt(0.5)) + 1.0) * 0.5 + x * exp(x * x * -0.5) / math.sqrt(2 * math.pi), floating=True,
    doc=doc("x times the standard normal distribution function of x (Hendrycks and Gimpel 2016).",
            ">>> wg.gelu(wg.tensor([0., 1.]))\ntensor([0.0000, 0.8413])"),
)  # fmt: skip

_leaky_relu_kernel = Elementwise("leaky_relu")
_clip_kernel = Elementwise("clip", np.clip)
_leaky_relu = elementwise(
    "leaky_relu", lambda x, slope: _leaky_relu_kernel(x, None, None, (slope,)),
    lambda g, x, slope: where(greater(x, 0), g, g * slope),
    floating=True,
)  # fmt: skip


def leaky_relu(x: Any, negative_slope: float = 0.01) -> Tensor:
    """x where it is positive, `negative_slope` times x elsewhere.

    Parameters
    ----------
    x : tensor, array or number
    negative_slope : float

    Returns
    -------
    Tensor
        Of the same shape. The derivative at 0 is `negative_slope`.

    Examples
    --------
    >>> wg.leaky_relu(wg.tensor([-1., 2.]), 0.1)
    tensor([-0.1000,  2.0000])
    """
    return _leaky_relu(x, slope=float(negative_slope))


_clip = elementwise(
    "clamp", lambda x, low, high: _clip_kernel(x, None, None, (low, high)),
    lambda g, x, low, high: where(logical_and(greater_equal(x, low), less_equal(x, high)), g, 0.0),
)  # fmt: skip


def clip(x: Any, min: Any = None, max: Any = None) -> Tensor:
    """Each item limited to the interval from `min` to `max`.

    Parameters
    ----------
    x : tensor, array or number
    min, max : number, tensor or None
        None for no limit on that side; at least one is given.

    Returns
    -------
    Tensor
        Of the same shape. At the limits the derivative is 1.

    Raises
    ------
    ValueError
        If neither limit is given.

    Examples
    --------
    >>> wg.clip(wg.tensor([-1., 0.5, 2.]), 0, 1)
    tensor([0.0000, 0.5000, 1.0000])
    """
    if min is None and max is None:
        raise ValueError("clip: expected min, max or both")
    if (min is None or isinstance(min, (int, float))) and (max is None or isinstance(max, (int, float))):
        x = enter(x)
        if x._value.dtype.kind == "f" or isinstance(min, float) or isinstance(max, float):
            low, high = -math.inf if min is None else min, math.inf if max is None else max
            return _clip(as_floating(x), low=float(low), high=float(high))
        return wrap(np.clip(x._value, min, max))
    if min is not None:
        x = maximum(x, min)
    return x if max is None else minimum(x, max)


# ---------------------------------------------------------------- comparison and choice


def comparison(name: str, kernel: Callable[..., np.ndarray], doc: str) -> Callable[..., Tensor]:
    """An operation whose result is boolean, and so has no derivative."""

    def compare(x: Any, y: Any) -> Tensor:
        if isinstance(x, Variable):
            if isinstance(y, Variable) and x._value.dtype is y._value.dtype:
                return wrap(kernel(x._value, y._value))
            if keeps_dtype(x, y):
                return wrap(kernel(x._value, y))
        x, y = match(name, *(v if isinstance(v, (int, float)) else enter(v) for v in (x, y)))
        return wrap(kernel(*(v._value if isinstance(v, Variable) else v for v in (x, y))))

    return named(compare, name, doc)


def _compare_doc(what: str, name: str, result: str) -> str:
    example = f">>> wg.{name}(wg.tensor([1., 2., 3.]), 2)\n{result}"
    return doc(f"Whether x {what} y, item by item.", example, inputs=2)


equal = comparison(
    "eq", Elementwise("equal", np.equal), _compare_doc("equals", "eq", "tensor([False,  True, False])")
)  # fmt: skip
not_equal = comparison(
    "ne", Elementwise("not_equal", np.not_equal), _compare_doc("differs from", "ne", "tensor([ True, False,  True])")
)
less = comparison(
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
    return keeps_dtype(x, y)


_WHERE = primitive(
    "where", Elementwise("where", np.where),
    (None, lambda g, condition: where(condition, g, 0.0), lambda g, condition: where(condition, 0.0, g)),
    (None, lambda t, condition: where(condition, t, 0.0), lambda t, condition: where(condition, 0.0, t)),
    arguments=("condition", "x", "y"),
)  # fmt: skip


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
        return tuple(map(wrap, np.nonzero(np.atleast_1d(condition._value))))
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
