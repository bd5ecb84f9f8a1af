"""Functions of whole matrices: exponentials, condition numbers, chains of products, blocks; and the cross product."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._types import Tensor
from ..core import dtypes
from ..core.arguments import dimension, either
from ..core.batching import unchanged
from ..core.define import primitive
from ..core.doors import constant, enter
from ..core.half import half
from ..core.signatures import tells
from ..core.tape import Operation, apply
from .compare import where
from .elimination import is_singular
from .factors import svdvals
from .index import pick
from .join import cat, roll
from .lapack import as_matrices, from_lapack, identity_matrix, scalar_per_matrix
from .naming import exported_as
from .norms import norm_of
from .products import matmul, of_one_dtype
from .shape import matrix_transpose as T
from .shape import reshape
from .systems import inv

__all__ = ["block_diag", "cross", "matrix_exp"]

# ---------------------------------------------------------------- the exponential

# The numerator of the diagonal approximant of Padé of degree 13, divided by its first coefficient; and the 1-norm up to
# which it is exact to float64's precision: N. Higham, "The scaling and squaring method for the matrix exponential
# revisited", 2005.
_PADE = tuple(
    math.factorial(26 - k) * math.factorial(13) / (math.factorial(26) * math.factorial(k) * math.factorial(13 - k))
    for k in range(14)
)
_PADE_NORM = 5.37


def _pade(x: np.ndarray) -> np.ndarray:
    one = np.eye(x.shape[-1], dtype=x.dtype)
    c = [x.dtype.type(value) for value in _PADE]
    x2 = x @ x
    x4 = x2 @ x2
    x6 = x4 @ x2
    odd = x @ (x6 @ (c[13] * x6 + c[11] * x4 + c[9] * x2) + c[7] * x6 + c[5] * x4 + c[3] * x2 + c[1] * one)
    even = x6 @ (c[12] * x6 + c[10] * x4 + c[8] * x2) + c[6] * x6 + c[4] * x4 + c[2] * x2 + c[0] * one
    solution: np.ndarray = np.linalg.solve(even - odd, even + odd)
    return solution


def _exponential(x: np.ndarray) -> np.ndarray:
    """Each matrix of a stack is halved as often as its own norm asks for, and squared as often."""
    if not x.size:
        return x.copy()
    size = np.abs(x).sum(-2).max(-1)
    finite = np.isfinite(size)
    halvings = np.where(finite, np.maximum(np.frexp(np.where(finite, size, 0) / _PADE_NORM)[1], 0), 0)
    scaled = np.ldexp(np.where(finite[..., None, None], x, 0), -halvings[..., None, None])
    z = _pade(scaled)
    for k in range(int(halvings.max())):
        z = np.where((halvings > k)[..., None, None], z @ z, z)
    return np.where(finite[..., None, None], z, np.asarray(math.nan, x.dtype))


def _along(x: Any, t: Any) -> Any:
    """The derivative at x along t: a block of the exponential of [[x, t], [0, x]]."""
    n = x._value.shape[-1]
    zero = constant(np.zeros, x._value.shape, x._value.dtype)
    both = cat([cat([x, t], -1), cat([zero, x], -1)], -2)
    return pick(apply(_EXP, (both,)), (..., slice(0, n), slice(n, 2 * n)))


_EXP: Operation = primitive(
    "linalg_matrix_exp", from_lapack("matrix_exp", _exponential),
    (lambda g, x: _along(T(x), g),), (lambda t, x: _along(x, t),), batched=unchanged,
)  # fmt: skip


def matrix_exp(x: Any) -> Tensor:
    """The exponential of square matrices, 1 + x + x @ x / 2 + x @ x @ x / 6 + ...

    Parameters
    ----------
    x : tensor
        (..., n, n)

    Returns
    -------
    Tensor
        (..., n, n); NaN where a matrix is not finite.

    Raises
    ------
    ValueError
        If the matrices are not square.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.linalg.matrix_exp(wg.tensor([[0., 1.], [0., 0.]]))
    tensor([[1., 1.],
            [0., 1.]])
    """
    return apply(_EXP, (as_matrices("matrix_exp", x, square=True),))


# ---------------------------------------------------------------- condition

_NORMS = (None, "fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf)


def cond(x: Any, p: Any = None) -> Tensor:
    """The condition number of matrices: the norm of each times that of its inverse.

    Parameters
    ----------
    x : tensor
        (..., m, n), square but where p is None, 2 or -2.
    p : None, "fro", "nuc", inf, -inf, 1, -1, 2 or -2
        The norm. None and 2: the ratio of the largest and the smallest singular value. -2: its inverse.

    Returns
    -------
    Tensor
        (...); infinite for singular matrices, 0 for those without items.

    Raises
    ------
    ValueError
        If there is no such norm, or the matrices are not square.
    TypeError
        If x is not floating.

    Examples
    --------
    >>> wg.linalg.cond(wg.tensor([[4., 0.], [0., 2.]]))
    tensor(2.)
    """
    if p not in _NORMS:
        raise ValueError(f"cond: expected p among {', '.join(map(repr, _NORMS))}, got {p!r}")
    by_values = p in (None, 2, -2)
    x = as_matrices("cond", x, square=not by_values)
    if 0 in x._value.shape[-2:]:
        return constant(np.zeros, x._value.shape[:-2], x._value.dtype)
    return _ratio_of_values(x, p == -2) if by_values else _product_of_norms(x, p)


@half
def _ratio_of_values(x: Any, inverted: bool) -> Any:
    s = svdvals(x)
    first, last = pick(s, (..., 0)), pick(s, (..., -1))
    return last / first if inverted else first / last


@half
def _product_of_norms(x: Any, p: Any) -> Tensor:
    bad = is_singular(x)
    regular = where(scalar_per_matrix(bad), identity_matrix(x._value.shape[-1], x), x)
    return where(bad, math.inf, norm_of(regular, p, (-2, -1)) * norm_of(inv(regular), p, (-2, -1)))


# ---------------------------------------------------------------- products


def multi_dot(tensors: Sequence[Any]) -> Tensor:
    """The product of two or more matrices, in the order that takes the fewest multiplications.

    Parameters
    ----------
    tensors : sequence of tensor
        Matrices; the first may be a vector, which counts as a row, and the last one, which counts as a column.

    Returns
    -------
    Tensor
        A matrix, without the dimensions that vectors stood in for.

    Raises
    ------
    ValueError
        If there are fewer than two, or shapes do not chain.

    Examples
    --------
    >>> wg.linalg.multi_dot([wg.ones(2, 3), wg.ones(3, 4), wg.ones(4)])
    tensor([12., 12.])
    """
    parts = [enter(x) for x in tensors]
    shapes = [x._value.shape for x in parts]
    if len(parts) < 2:
        raise ValueError(f"multi_dot: expected at least two tensors, got {len(parts)}")
    fits = [len(s) == 2 or (len(s) == 1 and k in (0, len(shapes) - 1)) for k, s in enumerate(shapes)]
    lengths = [shapes[0][0] if len(shapes[0]) == 2 else 1] if all(fits) else []
    for k, shape in enumerate(shapes if all(fits) else ()):
        inner = shape[0] if k else shape[-1]
        fits[k] = not k or inner == lengths[-1]
        lengths.append(shape[-1] if not k or len(shape) == 2 else 1)
    if not all(fits):
        raise ValueError(f"multi_dot: expected matrices that chain, or vectors at the ends, got {shapes}")
    found: Tensor = _chained(list(of_one_dtype(*parts)), _splits(lengths), 0, len(parts) - 1)
    return found


def _splits(lengths: list[int]) -> dict[tuple[int, int], int]:
    """Where to divide each chain from i to j: T. Cormen et al., "Introduction to Algorithms", section 15.2."""
    count = len(lengths) - 1
    cost = {(i, i): 0 for i in range(count)}
    best = {}
    for span in range(1, count):
        for i in range(count - span):
            j = i + span
            costs = [
                cost[i, k] + cost[k + 1, j] + lengths[i] * lengths[k + 1] * lengths[j + 1] for k in range(i, j)
            ]  # fmt: skip
            cost[i, j] = min(costs)
            best[i, j] = i + costs.index(cost[i, j])
    return best


def _chained(parts: list[Any], splits: dict[tuple[int, int], int], i: int, j: int) -> Any:
    if i == j:
        return parts[i]
    k = splits[i, j]
    return matmul(_chained(parts, splits, i, k), _chained(parts, splits, k + 1, j))


@tells
def cross(x: Any, y: Any, dim: int | None = None, *, axis: int | None = None) -> Tensor:
    """The cross product of vectors in three dimensions.

    Parameters
    ----------
    x, y : tensor
        Of as many dimensions, and shapes that broadcast.
    dim : int or None
        The dimension along which the vectors lie, of length 3; None: the first of that length. Also spelled `axis`.

    Returns
    -------
    Tensor
        Of the broadcast shape.

    Raises
    ------
    ValueError
        If there is no such dimension, or the shapes do not broadcast.

    Examples
    --------
    >>> wg.cross(wg.tensor([1., 0., 0.]), wg.tensor([0., 1., 0.]))
    tensor([0., 0., 1.])
    """
    x, y = enter(x), enter(y)
    d = either("cross", dim, axis)
    if d is None:
        d = next((k for k, n in enumerate(x._value.shape) if n == 3), None)
        if d is None:
            raise ValueError(f"cross: expected a dimension of length 3, got shape {x._value.shape}")
    return cross_along(x, y, dim=d)


@exported_as("cross")
def cross_along(x: Any, y: Any, *, dim: int = -1) -> Tensor:
    """The cross product of vectors in three dimensions.

    Parameters
    ----------
    x, y : tensor
        Of as many dimensions, and shapes that broadcast.
    dim : int
        The dimension along which the vectors lie, of length 3.

    Returns
    -------
    Tensor
        Of the broadcast shape.

    Raises
    ------
    ValueError
        If the dimension has another length, or the shapes do not broadcast.

    Examples
    --------
    >>> wg.linalg.cross(wg.tensor([[1., 0., 0.]]), wg.tensor([[0., 1., 0.], [0., 0., 1.]]))
    tensor([[ 0.,  0.,  1.],
            [ 0., -1.,  0.]])
    """
    x, y = enter(x), enter(y)
    a, b = x._value.shape, y._value.shape
    d = dimension("cross", dim, len(a))
    if len(a) != len(b) or not a or a[d] != 3 or b[d] != 3:
        raise ValueError(f"cross: expected shapes of as many dimensions, with 3 along dimension {d}, got {a} and {b}")
    found: Tensor = _crossed(x, y, d)
    return found


@half
def _crossed(x: Any, y: Any, d: int) -> Any:
    return roll(x, -1, d) * roll(y, 1, d) - roll(x, 1, d) * roll(y, -1, d)


# ---------------------------------------------------------------- blocks


@tells
def block_diag(*tensors: Any) -> Tensor:
    """A matrix with given matrices along its diagonal, and zeros elsewhere.

    Parameters
    ----------
    *tensors : tensor
        Of at most two dimensions; a vector counts as a row, a 0-d tensor as a matrix of one item.

    Returns
    -------
    Tensor
        Of as many rows, and columns, as all of them together.

    Raises
    ------
    ValueError
        If one has more than two dimensions.

    Examples
    --------
    >>> wg.block_diag(wg.tensor([[1, 2], [3, 4]]), wg.tensor([5, 6]))
    tensor([[1, 2, 0, 0],
            [3, 4, 0, 0],
            [0, 0, 5, 6]])
    """
    parts = [enter(x) for x in tensors]
    for x in parts:
        if x._value.ndim > 2:
            raise ValueError(f"block_diag: expected tensors of at most two dimensions, got shape {x._value.shape}")
    if not parts:
        return constant(np.zeros, (1, 0), dtypes.get_default_dtype())
    blocks = [
        x if len(s := x._value.shape) == 2 else reshape(x, (1, s[0] if s else 1)) for x in of_one_dtype(*parts)
    ]  # fmt: skip
    width, start, rows = 0, 0, []
    for x in blocks:
        width += x._value.shape[1]
    for x in blocks:
        height, n = x._value.shape
        left, right = (
            constant(np.zeros, (height, k), x._value.dtype) for k in (start, width - start - n)
        )  # fmt: skip
        rows.append(cat([left, x, right], 1))
        start += n
    return cat(rows, 0)
