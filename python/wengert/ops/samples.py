"""What samples tell: covariances and correlations of variables, integrals of functions."""

from __future__ import annotations

from typing import Any

from .._types import Tensor
from ..core.arguments import dimension, either
from ..core.broadcast import as_floating, broadcast_shape, cast
from ..core.doors import enter
from ..core.half import half
from ..core.signatures import tells
from .arithmetic import clip
from .index import diagonal, pick
from .products import matmul
from .reduce import mean, sum
from .running import cumsum
from .shape import matrix_transpose as T
from .shape import narrow_view, reshape, unsqueeze

__all__ = ["corrcoef", "cov", "cumulative_trapezoid", "trapezoid", "trapz"]

# ---------------------------------------------------------------- covariance


def _weights(name: str, given: Any, count: int, integers: bool) -> Any:
    weights = enter(given)
    shape = weights._value.shape
    if weights._value.dtype.kind not in ("iu" if integers else "f"):
        wanted = "integers" if integers else "floats"
        raise TypeError(f"cov: expected {name} of {wanted}, got {weights._value.dtype}")
    if shape != (count,):
        raise ValueError(f"cov: expected {name} of shape ({count},), one for each observation, got {shape}")
    return weights


@half
def _covariance(x: Any, correction: float, counts: Any, weights: Any) -> Any:
    """The covariance of the rows of x, each column counted and weighted."""
    dtype = x._value.dtype
    counts, weights = (v if v is None else cast(v, dtype) for v in (counts, weights))
    w = counts if weights is None else weights if counts is None else counts * weights
    if w is None:
        centred = x - mean(x, 1, True)
        free: Any = max(x._value.shape[1] - correction, 0)
        return matmul(centred, T(centred)) / free
    total = sum(w)
    centred = x - sum(x * w, 1, True) / total
    lost = correction if weights is None else correction * sum(w * weights) / total
    return matmul(centred * w, T(centred)) / clip(total - lost, min=0)


@tells
def cov(x: Any, *, correction: float = 1, fweights: Any = None, aweights: Any = None) -> Tensor:
    """The covariance matrix of variables.

    Parameters
    ----------
    x : tensor
        (variables, observations); a vector is one variable.
    correction : float
        How many degrees of freedom are lost: 1 for Bessel's correction, 0 for the population.
    fweights : tensor of integers or None
        (observations,): how often each observation was made.
    aweights : tensor of floats or None
        (observations,): how much each observation counts.

    Returns
    -------
    Tensor
        (variables, variables); 0-d of one variable. Where no degree of freedom is left it is infinite, or NaN.

    Raises
    ------
    ValueError
        If x has more than two dimensions, or the weights are not one for each observation.
    TypeError
        If the weights are not of these kinds.

    Examples
    --------
    >>> wg.cov(wg.tensor([[0., 1., 2.], [2., 1., 0.]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    x = as_floating(x)
    if x._value.ndim > 2:
        raise ValueError(f"cov: expected variables as rows of a matrix, or a vector, got shape {x._value.shape}")
    rows = x if x._value.ndim == 2 else reshape(x, (1, x._value.size))
    count = rows._value.shape[1]
    counts = None if fweights is None else _weights("fweights", fweights, count, True)
    weights = None if aweights is None else _weights("aweights", aweights, count, False)
    found: Tensor = _covariance(rows, correction, counts, weights)
    return reshape(found, ()) if rows._value.shape[0] == 1 else found


@half
def _correlation(x: Any) -> Any:
    c = cov(x)
    if not c._value.ndim:
        return c / c
    spread = diagonal(c) ** 0.5
    return clip(c / unsqueeze(spread, 1) / unsqueeze(spread, 0), -1, 1)


@tells
def corrcoef(x: Any) -> Tensor:
    """The correlation coefficients of variables, by Pearson.

    Parameters
    ----------
    x : tensor
        (variables, observations); a vector is one variable.

    Returns
    -------
    Tensor
        (variables, variables), within [-1, 1]; 0-d of one variable. NaN where a variable is constant.

    Raises
    ------
    ValueError
        If x has more than two dimensions.

    Examples
    --------
    >>> wg.corrcoef(wg.tensor([[0., 1., 2.], [2., 1., 0.]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    x = as_floating(x)
    if x._value.ndim > 2:
        raise ValueError(f"corrcoef: expected variables as rows of a matrix, or a vector, got shape {x._value.shape}")
    found: Tensor = _correlation(x)
    return found


# ---------------------------------------------------------------- integrals


def _areas(name: str, y: Any, x: Any, dx: float | None, dim: int) -> Any:
    """Twice the areas between neighbouring samples of y along a dimension."""
    shape = y._value.shape
    n = shape[dim]
    pairs = narrow_view(y, dim, 1, n) + narrow_view(y, dim, 0, n - 1)
    if x is None:
        return pairs if dx is None else pairs * dx
    given = x._value.shape
    if len(given) == 1:
        x = reshape(x, (*given, *(1,) * (len(shape) - 1 - dim)))
    x = reshape(x, ((1,) * (len(shape) - x._value.ndim) + x._value.shape))
    if x._value.ndim != len(shape) or x._value.shape[dim] != n:
        raise ValueError(f"{name}: expected a place for each of {n} samples along dimension {dim}, got shape {given}")
    if broadcast_shape(name, x._value.shape, shape) != shape:
        raise ValueError(f"{name}: places of shape {given} do not broadcast to shape {shape}")
    return pairs * (narrow_view(x, dim, 1, n) - narrow_view(x, dim, 0, n - 1))


def _integrated(name: str, y: Any, x: Any, dx: Any, dim: Any, axis: Any) -> tuple[Any, Any, Any, int]:
    dim = either(name, dim, axis)
    y, x = enter(y), None if x is None else enter(x)
    for v in (y, x):
        if v is not None and v._value.dtype.kind == "b":
            raise TypeError(f"{name}: expected numbers, got booleans; convert them, as in y.float()")
    if x is not None and dx is not None:
        raise TypeError(f"{name}: expected x or dx, got both")
    if not y._value.ndim:
        raise IndexError(f"{name}: expected samples along a dimension, got a 0-d tensor")
    y = as_floating(y)
    y, x = as_floating(y), None if x is None else as_floating(x)
    return y, x, dx, dimension(name, -1 if dim is None else dim, y._value.ndim)


@half
def _integral(y: Any, x: Any, dx: float | None, dim: int) -> Any:
    n = y._value.shape[dim]
    if x is None and n > 1:  # all samples, of which the ends count half
        ends = pick(y, (*(slice(None),) * dim, slice(None, None, n - 1)))
        area = sum(y, dim) - sum(ends, dim) * 0.5
        return area if dx is None else area * dx
    return sum(_areas("trapezoid", y, x, dx, dim), dim) * 0.5


@half
def _running_integral(y: Any, x: Any, dx: float | None, dim: int) -> Any:
    return cumsum(_areas("cumulative_trapezoid", y, x, dx, dim), dim) * 0.5


@tells
def trapezoid(
    y: Any, x: Any = None, *, dx: float | None = None, dim: int | None = None, axis: int | None = None
) -> Tensor:  # fmt: skip
    """The integral of a sampled function by the trapezoidal rule.

    Parameters
    ----------
    y : tensor
        The samples.
    x : tensor or None
        Where they were taken: a vector along `dim`, or of a shape that broadcasts to y's.
    dx : float or None
        Their distance, where x is None; 1 by default.
    dim : int or None
        The dimension that is integrated over; None: the last. Also spelled `axis`.

    Returns
    -------
    Tensor
        y's shape without that dimension. 0 where there is less than two samples.

    Raises
    ------
    ValueError
        If x does not have a place for each sample.
    TypeError
        If both x and dx are given, or either tensor is boolean.
    IndexError
        If there is no such dimension.

    Examples
    --------
    >>> x = wg.linspace(0, 1, 101)
    >>> wg.trapezoid(x * x, x)
    tensor(0.3334)
    """
    found: Tensor = _integral(*_integrated("trapezoid", y, x, dx, dim, axis))
    return found


@tells
def cumulative_trapezoid(
    y: Any, x: Any = None, *, dx: float | None = None, dim: int | None = None, axis: int | None = None
) -> Tensor:  # fmt: skip
    """The integrals of a sampled function from the first sample to each of the others, by the trapezoidal rule.

    Parameters
    ----------
    y : tensor
        The samples.
    x : tensor or None
        Where they were taken: a vector along `dim`, or of a shape that broadcasts to y's.
    dx : float or None
        Their distance, where x is None; 1 by default.
    dim : int or None
        The dimension that is integrated over; None: the last. Also spelled `axis`.

    Returns
    -------
    Tensor
        y's shape, one shorter along that dimension.

    Raises
    ------
    ValueError
        If x does not have a place for each sample.
    TypeError
        If both x and dx are given, or either tensor is boolean.
    IndexError
        If there is no such dimension.

    Examples
    --------
    >>> wg.cumulative_trapezoid(wg.tensor([0., 1., 2., 3.]))
    tensor([0.5000, 2.0000, 4.5000])
    """
    found: Tensor = _running_integral(*_integrated("cumulative_trapezoid", y, x, dx, dim, axis))
    return found


trapz = trapezoid
