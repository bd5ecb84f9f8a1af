"""The calculus of functions of one and of several variables: derivatives of any order, Taylor polynomials, difference
quotients, and the operators that are made of Jacobians and Hessians."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.doors import enter, leave
from ..core.modes import recording
from ..core.trees import flatten
from ..core.variable import Variable
from ..ops.arithmetic import abs
from ..ops.index import diagonal
from ..ops.join import cat, stack
from ..ops.reduce import sum as sum_of
from ..ops.shape import matrix_transpose, reshape
from ..ops.systems import det
from .derived import Derived
from .recorded import Run, as_arguments, as_array, in_float64, ones_like, zeros_like
from .series import coefficients
from .walks import along_units, checked_chunk, in_chunks, items, total_along_units

# ---------------------------------------------------------------- functions of one variable


def _expansion(name: str, function: Callable[..., Any], x: Any, order: int) -> tuple[Run, list[list[Any]]]:
    """The Taylor coefficients of order 1 and up at x; at each item of x by itself, if there are several."""
    if order < 0:
        raise ValueError(f"{name}: expected order >= 0, got {order}")
    run = Run(name, function, (x,), 0)
    run.check_floating()
    if len(run.inputs) != 1:
        raise TypeError(f"{name}: expected a function of one tensor or number, got {len(run.inputs)} of them")
    at = run.inputs[0]
    found = coefficients(run, [ones_like(at)], order)
    if at._value.ndim:
        _require_itemwise(run, found)
    return run, found


def _require_itemwise(run: Run, found: list[list[Any]]) -> None:
    """Raise if an item of the result depends on more than the same item of the argument.

    Of a function that acts item by item, the coefficient of order k along any direction t is t**k times that along
    ones.
    """
    t = np.random.default_rng(0).uniform(0.5, 1.5, run.inputs[0]._value.shape)
    direction = enter(t.astype(run.inputs[0]._value.dtype))
    with recording(False):
        other = coefficients(run, [direction], len(found))
        for k, (along_ones, along_t) in enumerate(zip(found, other, strict=True), 1):
            for x, y in zip(along_ones, along_t, strict=True):
                if x._value.shape != t.shape or not _nearly(y, x * t**k):
                    raise ValueError(
                        f"{run.name}: the function mixes the items of its argument of shape {t.shape}; it must act on "
                        "each by itself, or take a 0-d argument"
                    )


def _nearly(first: Variable, second: Variable) -> bool:
    """Whether two variables are equal up to some rounding."""
    x, y = leave(first, "bool"), leave(second, "bool")
    tolerance = 1e3 * np.finfo(x.dtype).eps * (np.abs(y).max(initial=0) + 1)
    return np.allclose(x, y, rtol=0, atol=tolerance, equal_nan=True)


def derivative(function: Callable[..., Any], order: int = 1) -> Callable[..., Any]:
    """A function that gives the derivative of any order of a function of one variable.

    Parameters
    ----------
    function : callable
        Of a 0-d tensor or number; gives a tensor or a structure of them. Of a tensor with dimensions too, if it acts
        item by item; the derivative is then that at each item.
    order : int
        0 gives the function itself.

    Returns
    -------
    callable

    Raises
    ------
    ValueError
        If the order is negative, or the function mixes the items of its argument.
    TypeError
        If the argument is not floating, or is a structure.

    Examples
    --------
    >>> wg.func.derivative(lambda x: x ** 3, order=2)(2.)
    tensor(12.)
    """

    def wrapped(x: Any) -> Any:
        run, found = _expansion("derivative", function, x, order)
        if not order:
            return run.output()
        return run.like_output([c * float(math.factorial(order)) for c in found[order - 1]])

    return Derived(wrapped, derivative, function, order)


class TaylorPolynomial:
    """A polynomial in powers of x - center.

    Parameters
    ----------
    center : tensor
    coefficients : tensor
        One per power from 0 on, along the first dimension.

    Examples
    --------
    >>> p = wg.func.taylor(wg.exp, wg.tensor(0., dtype=wg.float64), 3)
    >>> p
    1 + x + 0.5 x^2 + 0.166667 x^3
    >>> p(0.1)
    tensor(1.1052, dtype=wengert.float64)
    """

    def __init__(self, center: Any, coefficients: Any) -> None:
        self.center, self.coefficients = center, coefficients

    @property
    def order(self) -> int:
        """The highest power."""
        return len(self.coefficients) - 1

    def __call__(self, x: Any) -> Any:
        """The value of the polynomial, differentiable in x and in the coefficients.

        Parameters
        ----------
        x : tensor, array or number
            Of a shape that broadcasts with that of one coefficient.

        Returns
        -------
        Tensor
            An array where the coefficients are one, and x is no tensor.
        """
        coefficients = enter(self.coefficients)
        step = enter(x) - enter(self.center)
        value = coefficients[self.order] + step * 0.0
        for k in range(self.order - 1, -1, -1):
            value = value * step + coefficients[k]
        return value if isinstance(x, Variable) else self._like_coefficients(value)

    def _like_coefficients(self, y: Variable) -> Any:
        return as_array(y) if isinstance(self.coefficients, np.ndarray) else y

    def derivative(self) -> TaylorPolynomial:
        """The derivative, a polynomial of one order less."""
        c = enter(self.coefficients)
        found = stack([c[k] * float(k) for k in range(1, self.order + 1)]) if self.order else c * 0.0
        return TaylorPolynomial(self.center, self._like_coefficients(found))

    def __repr__(self) -> str:
        if self.coefficients.ndim > 1:
            return f"TaylorPolynomial(center={self.center!r}, coefficients={self.coefficients!r})"
        center = leave(enter(self.center), "text").item()
        base = "x" if center == 0 else f"(x - {center:g})" if center > 0 else f"(x + {-center:g})"
        terms = []
        for k, c in enumerate(leave(enter(self.coefficients), "text").tolist()):
            if c == 0:
                continue
            power = "" if k == 0 else base if k == 1 else f"{base}^{k}"
            size = "" if k and math.fabs(c) == 1 else f"{math.fabs(c):g}"
            terms.append(("- " if c < 0 else "+ ") + " ".join(part for part in (size, power) if part))
        text = " ".join(terms) or "+ 0"
        return text[2:] if text.startswith("+ ") else "-" + text[2:]


def taylor(function: Callable[..., Any], x0: Any, order: int) -> TaylorPolynomial:
    """The Taylor polynomial of a function of one variable, by propagation of power series: in time that grows with a
    power of the order, not exponentially.

    Parameters
    ----------
    function : callable
        Of a 0-d tensor or number; returns one tensor. Of a tensor with dimensions too, if it acts item by item.
    x0 : tensor or number
        Where to expand. A number counts as the default float; for the accuracy of float64 pass a tensor of that dtype.
    order : int
        The highest power.

    Returns
    -------
    TaylorPolynomial
        With `coefficients`, of shape (order + 1,) + y.shape; called with x it evaluates the polynomial.

    Raises
    ------
    ValueError
        If the order is negative, or the function mixes the items of its argument.
    TypeError
        If x0 is not floating, or the function gives more than one tensor.

    Examples
    --------
    >>> wg.func.taylor(lambda x: 1 / (1 - x), wg.tensor(0.), 4).coefficients
    tensor([1., 1., 1., 1., 1.])
    """
    run, found = _expansion("taylor", function, x0, order)
    if len(run.outputs) != 1:
        raise TypeError(f"taylor: the function must return one tensor, got {len(run.outputs)}")
    zeroth = run.release(run.outputs[0])
    coefficients = stack([zeroth, *(c[0] for c in found)])
    return TaylorPolynomial(run.shown(run.own(run.release(run.inputs[0]))), run.shown(coefficients))


# ---------------------------------------------------------------- differences


def difference_quotient(function: Callable[..., Any], x: Any, h: float = 1e-6, scheme: str = "forward") -> Any:
    """The numerical side of differentiation: the quotient of a small change of each coordinate and what it changes.

    Parameters
    ----------
    function : callable
        Returns a tensor or a structure of them.
    x
        The argument: a tensor, an array, a number or a structure of them; or a tuple of arguments. Computed in float64.
    h : float
        The change.
    scheme : {"forward", "central"}
        ``(f(x + h) - f(x)) / h``, with an error of the order of h, or ``(f(x + h) - f(x - h)) / (2 h)``, with one of
        h**2.

    Returns
    -------
    Tensor of float64, or a structure of them
        As `jacobian` gives, with arrays for arrays: of shape ``y.shape + x.shape``, in the structure of the output and
        the arguments.

    Raises
    ------
    ValueError
        If the scheme is none of these, or h is not positive.
    TypeError
        If an argument is not floating.

    Examples
    --------
    >>> wg.func.difference_quotient(lambda x: x ** 2, 3., h=0.5)
    tensor(6.5000, dtype=wengert.float64)
    >>> wg.func.difference_quotient(lambda x: x ** 2, 3., h=0.5, scheme="central")
    tensor(6., dtype=wengert.float64)
    """
    if scheme not in ("forward", "central"):
        raise ValueError(f'difference_quotient: expected scheme "forward" or "central", got {scheme!r}')
    if not h > 0:
        raise ValueError(f"difference_quotient: expected a change h > 0, got {h}")
    args, single = as_arguments(x)
    leaves, rebuild = flatten(list(args))
    arrays = [isinstance(leaf, (np.ndarray, np.generic)) for leaf in leaves]
    points = [in_float64("difference_quotient", leaf) for leaf in leaves]

    def at(i: int, k: int, change: float) -> list[np.ndarray]:
        moved = points[i].copy()
        moved.reshape(-1)[k] += change
        return _values(function, rebuild, [*points[:i], moved, *points[i + 1 :]])[0]

    here, rebuild_output = _values(function, rebuild, points)
    quotients: list[list[Any]] = [[] for _ in here]
    for i, point in enumerate(points):
        columns = []
        for k in range(point.size):
            behind, span = (here, h) if scheme == "forward" else (at(i, k, -h), 2 * h)
            columns.append([(a - b) / span for a, b in zip(at(i, k, h), behind, strict=True)])
        for j, y in enumerate(here):
            block = np.stack([column[j] for column in columns], -1) if columns else np.zeros(0)
            block = block.reshape(y.shape + point.shape)
            quotients[j].append(block[()] if arrays[i] else enter(block))
    per_output = [rebuild(row) for row in quotients]
    return rebuild_output([row[0] if single == 0 else tuple(row) for row in per_output])


def _values(
    function: Callable[..., Any], rebuild: Callable[[list[Any]], Any], points: list[np.ndarray]
) -> tuple[list[np.ndarray], Callable[[list[Any]], Any]]:
    """The leaves of function(*points) in float64, and what puts others in their places."""
    result = function(*rebuild(list(map(enter, points))))
    leaves, rebuild_output = flatten(result)
    return [np.array(leave(enter(y), "array"), np.float64) for y in leaves], rebuild_output


# ---------------------------------------------------------------- functions of several variables


def divergence(
    function: Callable[..., Any], argnums: Any = 0, has_aux: bool = False, chunk_size: Any = "auto"
) -> Callable[..., Any]:  # fmt: skip
    """A function that gives the divergence of a vector field: the sum of d f_i / d x_i.

    Parameters
    ----------
    function : callable
        Returns as many items as the differentiated arguments have, taken in order; with `has_aux` a pair of them and
        anything else.
    argnums : int or sequence of int
        The positional arguments to differentiate by.
    has_aux : bool
    chunk_size : int, "auto" or None
        How many directions walk at once, as in `jacobian`.

    Returns
    -------
    callable
        Gives a 0-d tensor; with `has_aux` a pair of it and aux.

    Raises
    ------
    ValueError
        If the field has not as many components as variables.
    TypeError
        If a differentiated argument or the result is not floating.

    Examples
    --------
    >>> wg.func.divergence(lambda x: x ** 2)(wg.tensor([1., 2., 3.]))
    tensor(12.)
    """

    chunk = checked_chunk("divergence", chunk_size)

    def wrapped(*args: Any, **keywords: Any) -> Any:
        run = _square_run("divergence", function, args, argnums, has_aux, keywords)
        total: Any = None
        for start, columns in in_chunks(run, True, chunk):
            term = sum_of(diagonal(_flat(columns), start))
            total = term if total is None else total + term
        return _with_aux(run, run.shown(total))

    return Derived(wrapped, divergence, function, argnums, has_aux, chunk_size)


def jacobian_determinant(
    function: Callable[..., Any], argnums: Any = 0, signed: bool = False, has_aux: bool = False,
    chunk_size: Any = "auto",
) -> Callable[..., Any]:  # fmt: skip
    """A function that gives the local scale factor of a change of variables: abs(det J).

    Parameters
    ----------
    function : callable
        Returns as many items as the differentiated arguments have, taken in order; with `has_aux` a pair of them and
        anything else.
    argnums : int or sequence of int
        The positional arguments to differentiate by.
    signed : bool
        Give det J itself, which is negative where orientation is reversed.
    has_aux : bool
    chunk_size : int, "auto" or None
        How many directions walk at once, as in `jacobian`.

    Returns
    -------
    callable
        Gives a 0-d tensor; with `has_aux` a pair of it and aux.

    Raises
    ------
    ValueError
        If the function has not as many results as variables.
    TypeError
        If a differentiated argument or the result is not floating.

    Examples
    --------
    >>> def from_polar(r, phi):
    ...     return r * wg.cos(phi), r * wg.sin(phi)
    >>> wg.func.jacobian_determinant(from_polar, (0, 1))(2., 0.5)
    tensor(2.)
    """

    chunk = checked_chunk("jacobian_determinant", chunk_size)

    def wrapped(*args: Any, **keywords: Any) -> Any:
        run = _square_run("jacobian_determinant", function, args, argnums, has_aux, keywords)
        value = det(matrix_transpose(_flat(along_units(run, True, chunk))))
        return _with_aux(run, run.shown(value if signed else abs(value)))

    return Derived(wrapped, jacobian_determinant, function, argnums, signed, has_aux, chunk_size)


def laplacian(
    function: Callable[..., Any], argnums: Any = 0, has_aux: bool = False, chunk_size: Any = "auto"
) -> Callable[..., Any]:  # fmt: skip
    """A function that gives the Laplacian: the sum of the second derivatives by each variable.

    Parameters
    ----------
    function : callable
        Returns a tensor, or a structure of them; the Laplacian is then taken of each item. With `has_aux` a pair of it
        and anything else.
    argnums : int or sequence of int
        The positional arguments to differentiate by.
    has_aux : bool
    chunk_size : int, "auto" or None
        How many directions walk at once, as in `jacobian`.

    Returns
    -------
    callable
        Gives what the function gives; with `has_aux` a pair of the Laplacian and aux.

    Raises
    ------
    TypeError
        If a differentiated argument or the result is not floating.

    Examples
    --------
    >>> wg.func.laplacian(lambda x: (x ** 3).sum())(wg.tensor([1., 2.]))
    tensor(18.)
    """

    chunk = checked_chunk("laplacian", chunk_size)

    def wrapped(*args: Any, **keywords: Any) -> Any:
        run = Run("laplacian", function, args, argnums, has_aux, keywords)
        run.check_floating()
        found = total_along_units(run, lambda direction: coefficients(run, direction, 2)[1], chunk)
        totals = [zeros_like(y) for y in run.outputs] if found is None else [c * 2.0 for c in found]
        return _with_aux(run, run.like_output(totals))

    return Derived(wrapped, laplacian, function, argnums, has_aux, chunk_size)


def _square_run(
    name: str, function: Callable[..., Any], args: Sequence[Any], argnums: Any, has_aux: bool, keywords: dict[str, Any]
) -> Run:
    """A run with as many items of output as of input, and at least one."""
    run = Run(name, function, args, argnums, has_aux, keywords)
    run.check_floating()
    variables, components = items(run.inputs), items(run.outputs)
    if variables != components or not variables:
        raise ValueError(
            f"{name}: expected as many results as variables, and at least one, got {components} results of {variables} "
            "variables"
        )
    return run


def _with_aux(run: Run, found: Any) -> Any:
    """What was found, with what the function returned beside its output, if it did."""
    (*results,) = run.with_aux(found)
    return results[0] if len(results) == 1 else tuple(results)


def _flat(ys: list[Any]) -> Any:
    """A row for each direction, with the items of all that was found along it."""
    return cat([reshape(y, (y._value.shape[0], math.prod(y._value.shape[1:]))) for y in ys], 1)
