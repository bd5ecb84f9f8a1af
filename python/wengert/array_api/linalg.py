"""Linear algebra: the products that every namespace of the standard has, and its extension `linalg`.

Arrays of more dimensions than two are stacks of matrices, along the last two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from .._types import Tensor
from ..core.broadcast import broadcast_shape
from ..core.doors import enter
from ..ops import least_squares, matrices, norms, systems
from ..ops import shape as shapes
from ..ops.factors import cholesky, eigh, eigvalsh, qr, svd, svdvals
from ..ops.systems import det, inv, matrix_power, slogdet
from .promotion import arrays_of_one_dtype

__all__ = [
    "cholesky", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "matmul", "matrix_norm", "matrix_power",
    "matrix_rank", "matrix_transpose", "outer", "pinv", "qr", "slogdet", "solve", "svd", "svdvals", "tensordot",
    "trace", "vecdot", "vector_norm",
]  # fmt: skip


# ---------------------------------------------------------------- products


def matmul(x1: Any, x2: Any, /) -> Tensor:
    """The product of matrices.

    Parameters
    ----------
    x1, x2 : tensor
        (..., m, n) and (..., n, k), of which leading dimensions broadcast; or vectors (n,).

    Returns
    -------
    Tensor
        (..., m, k), of the dtype that `wengert.array_api.result_type` gives; without m or k where a vector stood.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> wg.array_api.matmul(wg.tensor([[1, 2], [3, 4]]), wg.tensor([1, 1]))
    tensor([3, 7])
    """
    return ops.matmul(*arrays_of_one_dtype("matmul", enter(x1), enter(x2)))


def matrix_transpose(x: Any, /) -> Tensor:
    """Matrices with rows and columns exchanged.

    Parameters
    ----------
    x : tensor
        (..., m, n)

    Returns
    -------
    Tensor
        (..., n, m), a view.

    Examples
    --------
    >>> wg.array_api.matrix_transpose(wg.tensor([[1, 2], [3, 4]]))
    tensor([[1, 3],
            [2, 4]])
    """
    return shapes.matrix_transpose(enter(x))


def tensordot(x1: Any, x2: Any, /, *, axes: int | tuple[Sequence[int], Sequence[int]] = 2) -> Tensor:
    """The sums of products over several dimensions.

    Parameters
    ----------
    x1, x2 : tensor
    axes : int, or two sequences of int
        How many, the last of x1 and the first of x2; or which of x1 and which of x2.

    Returns
    -------
    Tensor
        Of the other dimensions of x1, then those of x2.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> wg.array_api.tensordot(wg.tensor([1, 2, 3]), wg.tensor([1, 1, 1]), axes=1)
    tensor(6)
    """
    x1, x2 = arrays_of_one_dtype("tensordot", enter(x1), enter(x2))
    return ops.tensordot(x1, x2, axes)


def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Tensor:
    """The products of vectors.

    Parameters
    ----------
    x1, x2 : tensor
        Of the same length along the axis; the other dimensions broadcast.
    axis : int
        Along which the vectors run, counted from the last if the arrays have not as many dimensions.

    Returns
    -------
    Tensor
        Without that dimension.

    Raises
    ------
    ValueError
        If the lengths differ, or the other dimensions do not broadcast.
    IndexError
        If there is no such dimension.

    Examples
    --------
    >>> wg.array_api.vecdot(wg.tensor([[1, 2], [3, 4]]), wg.tensor([1, 1]))
    tensor([3, 7])
    """
    x1, x2, axis = _vectors("vecdot", x1, x2, axis)
    return ops.sum(ops.multiply(x1, x2), axis, dtype=x1._value.dtype)


def _vectors(name: str, x1: Any, x2: Any, axis: int) -> tuple[Any, Any, int]:
    """Two arrays of one dtype, broadcast, with vectors of one length along an axis, which is counted from the last."""
    x1, x2 = arrays_of_one_dtype(name, enter(x1), enter(x2))
    a, b = x1._value.shape, x2._value.shape
    if axis >= 0 and len(a) == len(b):
        axis -= len(a)
    if not -min(len(a), len(b)) <= axis < 0:
        raise IndexError(f"{name}: arrays of the shapes {a} and {b} have not both a dimension {axis}")
    if a[axis] != b[axis]:
        raise ValueError(f"{name}: expected vectors of one length along dimension {axis}, got the shapes {a} and {b}")
    shape = broadcast_shape(name, a, b)
    return ops.broadcast_to(x1, shape), ops.broadcast_to(x2, shape), axis


def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Tensor:
    """The cross products of vectors in three dimensions.

    Parameters
    ----------
    x1, x2 : tensor
        Of length 3 along the axis; the other dimensions broadcast.
    axis : int
        Along which the vectors run, counted from the last if the arrays have not as many dimensions.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If the vectors are not of length 3, or the other dimensions do not broadcast.
    IndexError
        If there is no such dimension.

    Examples
    --------
    >>> wg.array_api.linalg.cross(wg.tensor([1., 0., 0.]), wg.tensor([0., 1., 0.]))
    tensor([0., 0., 1.])
    """
    x1, x2, axis = _vectors("cross", x1, x2, axis)
    return matrices.cross_along(x1, x2, dim=axis)


def outer(x1: Any, x2: Any, /) -> Tensor:
    """The products of each item of one vector with each of another.

    Parameters
    ----------
    x1, x2 : tensor
        (m,) and (n,)

    Returns
    -------
    Tensor
        (m, n)

    Raises
    ------
    ValueError
        If they are no vectors.

    Examples
    --------
    >>> wg.array_api.linalg.outer(wg.tensor([1, 2]), wg.tensor([3, 4]))
    tensor([[3, 4],
            [6, 8]])
    """
    return ops.outer(*arrays_of_one_dtype("outer", enter(x1), enter(x2)))


# ---------------------------------------------------------------- parts and sizes of matrices


def diagonal(x: Any, /, *, offset: int = 0) -> Tensor:
    """The diagonals of matrices.

    Parameters
    ----------
    x : tensor
        (..., m, n)
    offset : int
        Which diagonal: above the main one if positive, below it if negative.

    Returns
    -------
    Tensor
        A view.

    Examples
    --------
    >>> wg.array_api.linalg.diagonal(wg.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    return ops.diagonal(x, offset, -2, -1)


def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Tensor:
    """The sums of the diagonals of matrices.

    Parameters
    ----------
    x : tensor
        (..., m, n)
    offset : int
        Which diagonal: above the main one if positive, below it if negative.
    dtype : dtype, optional
        Of the result; by default x's, and int64 for integers.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.array_api.linalg.trace(wg.tensor([[1, 2], [3, 4]]))
    tensor(5)
    """
    return ops.sum(ops.diagonal(x, offset, -2, -1), -1, dtype=dtype)


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Tensor:
    """The norms of matrices.

    Parameters
    ----------
    x : tensor
        (..., m, n)
    keepdims : bool
        Keep the last two dimensions, with length 1.
    ord : "fro", "nuc", 1, -1, 2, -2, inf or -inf
        As in `wengert.linalg.matrix_norm`.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.array_api.linalg.matrix_norm(wg.tensor([[3., 0.], [0., 4.]]))
    tensor(5.)
    """
    return norms.matrix_norm(x, ord, keepdim=keepdims)


def vector_norm(
    x: Any, /, *, axis: int | tuple[int, ...] | None = None, keepdims: bool = False, ord: float = 2
) -> Tensor:
    """The norms of vectors.

    Parameters
    ----------
    x : tensor
    axis : int, tuple of int or None
        Along which dimensions; None: of all items.
    keepdims : bool
        Keep the dimensions, with length 1.
    ord : float
        The exponent p; inf: the largest absolute value; 0: the number of items that are not zero.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.array_api.linalg.vector_norm(wg.tensor([3., 4.]))
    tensor(5.)
    """
    if axis == ():  # each item by itself
        return norms.vector_norm(ops.unsqueeze(x, -1), ord, -1)
    return norms.vector_norm(x, ord, axis, keepdims)


# ---------------------------------------------------------------- systems and ranks


def solve(x1: Any, x2: Any, /) -> Tensor:
    """The solution z of x1 @ z = x2.

    Parameters
    ----------
    x1 : tensor
        (..., n, n)
    x2 : tensor
        (..., n, k), of which leading dimensions broadcast; or one vector (n,).

    Returns
    -------
    Tensor
        (..., n, k), or (..., n).

    Raises
    ------
    numpy.linalg.LinAlgError
        If a matrix is singular.
    ValueError
        If the matrices are not square or x2 does not fit.

    Examples
    --------
    >>> wg.array_api.linalg.solve(wg.tensor([[2., 0.], [0., 4.]]), wg.tensor([2., 2.]))
    tensor([1.0000, 0.5000])
    """
    x1, x2 = arrays_of_one_dtype("solve", enter(x1), enter(x2))
    if x2.ndim > 1:  # never a stack of vectors, for which ours takes some shapes
        x2 = ops.broadcast_to(x2, (1,) * (x1.ndim - x2.ndim) + x2._value.shape)
    return systems.solve(x1, x2)


def matrix_rank(x: Any, /, *, rtol: Any = None) -> Tensor:
    """The number of singular values above a tolerance.

    Parameters
    ----------
    x : tensor
        (..., m, n)
    rtol : float or tensor, optional
        Relative to the largest of them; by default max(m, n) times the dtype's `eps`.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> wg.array_api.linalg.matrix_rank(wg.ones(3, 3))
    tensor(1)
    """
    return least_squares.matrix_rank(x, rtol=rtol)


def pinv(x: Any, /, *, rtol: Any = None) -> Tensor:
    """The pseudo-inverse of Moore and Penrose.

    Parameters
    ----------
    x : tensor
        (..., m, n)
    rtol : float or tensor, optional
        Singular values count as zero up to this, relative to the largest of them; by default max(m, n) times the
        dtype's `eps`.

    Returns
    -------
    Tensor
        (..., n, m)

    Examples
    --------
    >>> wg.array_api.linalg.pinv(wg.tensor([[2., 0.], [0., 0.]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.0000]])
    """
    return least_squares.pinv(x, rtol=rtol)
