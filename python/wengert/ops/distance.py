"""Distances between all pairs of two sets of points.

The Euclidean one and the sum of absolute differences are operations of their own: they make no tensor of all
differences, and where two points coincide the derivative is 0 rather than NaN. For Euclidean distances few points are
taken by the differences themselves, exactly; many by way of the matrix product, whose rounding errors are relative to
the points' distance from their common centre.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core import broadcast
from ..core.batching import moved
from ..core.broadcast import as_floating, broadcast_shape, is_floating
from ..core.define import computed, primitive
from ..core.doors import constant, enter
from ..core.half import half, half_kernel
from ..core.signatures import tells
from ..core.tape import Operation, apply
from .compare import eq, where
from .norms import norm
from .products import matmul, of_one_dtype
from .reduce import sum
from .shape import matrix_transpose, unsqueeze

__all__ = ["cdist", "dist"]


def floating_pair(x: Any, y: Any) -> tuple[Any, Any]:
    """x and y as floating variables of one dtype."""
    x, y = enter(x), enter(y)
    dtype = x._value.dtype
    if dtype is y._value.dtype and is_floating(dtype):  # as in most calls
        return x, y
    x, y = of_one_dtype(x, y)
    return as_floating(x), as_floating(y)


# ---------------------------------------------------------------- Euclidean distances

_ROWS = 25  # of either set up to which differences are formed, as in PyTorch
_BLOCK = 1 << 15  # of them at a time, which stay in the cache

_add, _subtract, _multiply, _maximum, _sqrt, _absolute, _sign = map(
    _kernels.Elementwise, ("add", "subtract", "multiply", "maximum", "sqrt", "abs", "sign")
)


def _by_blocks(
    of_differences: Callable[..., np.ndarray], length: int, x: np.ndarray, y: np.ndarray, *more: np.ndarray
) -> np.ndarray:
    """What a function makes, (..., m, length), of the differences between the rows of x and y, (..., m, n, d), and of
    the rows of further arrays. All have the same leading dimensions."""
    x, y = [v if v.flags.c_contiguous else _kernels.copied(v) for v in (x, y)]  # each is walked many times
    count = math.prod(x.shape) * y.shape[-2]
    if count <= _BLOCK:
        return of_differences(_subtract(x[..., None, :], y[..., None, :, :]), *more)
    out = np.empty((*x.shape[:-1], length), x.dtype)
    rows = max(1, _BLOCK * x.shape[-2] // count)
    for k in range(0, x.shape[-2], rows):
        part = (..., slice(k, k + rows), slice(None))
        differences = _subtract(x[part][..., None, :], y[..., None, :, :])
        out[part] = of_differences(differences, *[v[part] for v in more])
    return out


def _euclidean(x: np.ndarray, y: np.ndarray, direct: bool) -> np.ndarray:
    """The distances between the rows of x and of y; both have the same leading dimensions."""
    return _by_blocks(_lengths, y.shape[-2], x, y) if direct else _by_products(x, y)


def _lengths(differences: np.ndarray) -> np.ndarray:
    return _kernels.reduce("norm", differences, (-1,))


def _middle(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The mean of all points."""
    of_x, of_y = [_kernels.reduce("sum", v, (-2,), True) for v in (x, y)]
    return _multiply(_add(of_x, of_y), 1.0 / max(x.shape[-2] + y.shape[-2], 1))


_centre = computed("cdist_centre", half_kernel(_middle), batched=moved())


def _by_products(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """sqrt(|x|^2 - 2 x.y + |y|^2), after moving the centre of all points to the origin."""
    centre = _middle(x, y)
    x, y = _subtract(x, centre), _subtract(y, centre)
    of_x = _kernels.reduce("sum", _multiply(x, x), (-1,), True)
    of_y = _kernels.reduce("sum", _multiply(y, y), (-1,))[..., None, :]
    products = _kernels.matmul(_multiply(x, -2.0), y.swapaxes(-1, -2))
    return _sqrt(_maximum(_add(_add(products, of_x), of_y), 0.0))


def _shares(g: Any, z: Any) -> Tensor:
    """g / z, and 0 where z = 0."""
    zero = eq(z, 0)
    return where(zero, 0.0, g / where(zero, 1.0, z))


def _weighted(w: Any, x: Any, y: Any, direct: bool) -> Any:
    """For each i the sum over j of w[i, j] (x[i] - y[j])."""
    if direct:
        return sum(unsqueeze(w, -1) * (unsqueeze(x, -2) - unsqueeze(y, -3)), -2)
    x, y = _centred(x, y)
    return x * sum(w, -1, True) - matmul(w, y)


def _projected(t: Any, x: Any, y: Any, direct: bool) -> Any:
    """For each i and j the product of t[i] and x[i] - y[j]."""
    if direct:
        return sum(unsqueeze(t, -2) * (unsqueeze(x, -2) - unsqueeze(y, -3)), -1)
    x, y = _centred(x, y)
    return sum(t * x, -1, True) - matmul(t, matrix_transpose(y))


def _centred(x: Any, y: Any) -> tuple[Any, Any]:
    centre = _centre(x, y)
    return x - centre, y - centre


_CDIST = primitive(
    "cdist", half_kernel(_euclidean),
    (
        lambda g, x, y, z, direct: _weighted(_shares(g, z), x, y, direct),
        lambda g, x, y, z, direct: _weighted(matrix_transpose(_shares(g, z)), y, x, direct),
    ),
    (
        lambda t, x, y, z, direct: _shares(_projected(t, x, y, direct), z),
        lambda t, x, y, z, direct: _shares(matrix_transpose(_projected(t, y, x, direct)), z),
    ),
    batched=moved(),
)  # fmt: skip


# ---------------------------------------------------------------- sums of absolute differences


@half_kernel
def _sums(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return _by_blocks(lambda d: _kernels.reduce("sum", _absolute(d), (-1,)), y.shape[-2], x, y)


@half_kernel
def _signed_sums(w: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """For each i the sum over j of w[i, j] sign(x[i] - y[j])."""
    return _by_blocks(
        lambda d, w: _kernels.matmul(w[..., None, :], _sign(d)).reshape((*w.shape[:-1], d.shape[-1])),
        x.shape[-1], x, y, w,
    )  # fmt: skip


@half_kernel
def _signed_products(w: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """For each i and j the product of w[i] and sign(x[i] - y[j])."""
    return _by_blocks(
        lambda d, w: _kernels.matmul(_sign(d), w[..., None]).reshape(d.shape[:-1]), y.shape[-2], x, y, w
    )


def _zeros_like(x: Any) -> Tensor:
    """The derivative by what only its sign is known of."""
    return constant(np.zeros, x._value.shape, x._value.dtype)


_SUMS = primitive(
    "cdist", _sums,
    (lambda g, x, y: _pulled(g, x, y), lambda g, x, y: _pulled(matrix_transpose(g), y, x)),
    (lambda t, x, y: _pushed(t, x, y), lambda t, x, y: matrix_transpose(_pushed(t, y, x))), batched=moved(),
)  # fmt: skip
_pulled: Operation = primitive(
    "cdist_backward", _signed_sums,
    (lambda g, x, y: _pushed(g, x, y), lambda x: _zeros_like(x), lambda y: _zeros_like(y)),
    (lambda t, x, y: _pulled(t, x, y), lambda z: _zeros_like(z), lambda z: _zeros_like(z)), ("w", "x", "y"),
    batched=moved(),
)  # fmt: skip
_pushed: Operation = primitive(
    "cdist_forward", _signed_products,
    (lambda g, x, y: _pulled(g, x, y), lambda x: _zeros_like(x), lambda y: _zeros_like(y)),
    (lambda t, x, y: _pushed(t, x, y), lambda z: _zeros_like(z), lambda z: _zeros_like(z)), ("w", "x", "y"),
    batched=moved(),
)  # fmt: skip

# ---------------------------------------------------------------- other norms


@half
def _distances(x: Any, y: Any, p: float) -> Tensor:
    return norm(unsqueeze(x, -2) - unsqueeze(y, -3), p, -1)


# Whether differences are formed; None: as their number says.
_MODES = {
    "use_mm_for_euclid_dist_if_necessary": None, "use_mm_for_euclid_dist": False, "donot_use_mm_for_euclid_dist": True,
}  # fmt: skip


@tells
def cdist(x1: Any, x2: Any, p: float = 2.0, compute_mode: str | None = "use_mm_for_euclid_dist_if_necessary") -> Tensor:
    """The distances between all pairs of rows of two matrices, or of two stacks of them.

    Parameters
    ----------
    x1 : tensor
        (..., m, d)
    x2 : tensor
        (..., n, d)
    p : float
        The norm's exponent; 2 is the Euclidean distance.
    compute_mode : str or None
        How Euclidean distances are computed: "donot_use_mm_for_euclid_dist", from the differences themselves;
        "use_mm_for_euclid_dist", by a matrix product; "use_mm_for_euclid_dist_if_necessary" and None, by a matrix
        product if there are more than 25 points on either side.

    Returns
    -------
    Tensor
        (..., m, n)

    Raises
    ------
    ValueError
        If the points have different numbers of coordinates, the leading dimensions do not broadcast, p is negative, or
        there is no such mode.

    Notes
    -----
    Where two points coincide the derivative is 0.

    Examples
    --------
    >>> wg.cdist(wg.tensor([[0., 0.], [3., 4.]]), wg.tensor([[0., 0.]]))
    tensor([[0.],
            [5.]])
    """
    x, y = floating_pair(x1, x2)
    a, b = x._value.shape, y._value.shape
    if len(a) < 2 or len(b) < 2 or a[-1] != b[-1]:
        raise ValueError(f"cdist: expected points of shapes (..., m, d) and (..., n, d), got {a} and {b}")
    if not p >= 0:
        raise ValueError(f"cdist: expected a norm with p >= 0, got {p}")
    if compute_mode is not None and compute_mode not in _MODES:
        raise ValueError(f"cdist: expected compute_mode {', '.join(map(repr, _MODES))} or None, got {compute_mode!r}")
    lead = broadcast_shape("cdist", a[:-2], b[:-2])
    if p != 2 and p != 1:  # without coordinates all norms are 0, also that which chooses the largest
        return _distances(x, y, p if a[-1] else 1)
    if a[:-2] != b[:-2]:
        x, y = [broadcast.broadcast_to(v, (*lead, *v._value.shape[-2:])) for v in (x, y)]
    if p == 1:
        return apply(_SUMS, (x, y))
    direct = _MODES[compute_mode] if compute_mode is not None else None
    if direct is None:
        direct = max(a[-2], b[-2]) <= _ROWS
    return apply(_CDIST, (x, y), {"direct": direct})


@tells
def dist(x: Any, y: Any, p: float = 2.0) -> Tensor:
    """The p-norm of the difference of two tensors.

    Parameters
    ----------
    x, y : tensor
        Of shapes that broadcast together.
    p : float

    Returns
    -------
    Tensor
        0-d.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.

    Examples
    --------
    >>> wg.dist(wg.tensor([3., 4.]), wg.zeros(2))
    tensor(5.)
    """
    return _distance(*floating_pair(x, y), p)


@half
def _distance(x: Any, y: Any, p: float) -> Tensor:
    return norm(x - y, p)
