"""Products of vectors, matrices and stacks of them, and affine maps."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core import broadcast, dtypes
from ..core.batching import Batch, aligned, leading
from ..core.bound import by_bindings
from ..core.broadcast import broadcast_shape, cast, sum_to
from ..core.define import bilinear, primitive
from ..core.doors import enter
from ..core.half import half_kernel
from ..core.tape import Operation, apply
from ..core.variable import Variable
from .arithmetic import add, multiply
from .naming import called
from .reduce import SUM
from .shape import permute, reshape

__all__ = ["addmm", "addmv", "affine", "baddbmm", "bmm", "dot", "linear", "matmul", "mm", "mv", "outer", "vdot"]

_kernel = _kernels.matmul


_half_matmul = half_kernel(_kernel)
_add, _multiply = (_kernels.Elementwise(name) for name in ("add", "multiply"))
_products = multiply.operation.kernel  # type: ignore[attr-defined]  # of any dtype


@by_bindings
def _matmul(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    if x.dtype.char in dtypes.NATIVE:
        return _kernel(x, y)
    if x.dtype == dtypes.float16:
        z: np.ndarray = _half_matmul(x, y)
    else:
        z = np.asarray(np.matmul(x, y))
    return z


# Of batches. One matrix for all examples makes one product of them; stacks broadcast from the right, as matrices do.


@by_bindings
def _each_product(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> np.ndarray:
    """Of a batch of matrices, or of stacks of them."""
    x, y = arrays
    if x.shape[-1] == 1 and y.shape[-2] == 1 and batch.having[0] and batch.having[1] and x.dtype.kind == "f":
        return aligned(_multiply, batch, [x, y], {})  # type: ignore[no-any-return]  # of columns and rows
    return aligned(_matmul, batch, arrays, {})  # type: ignore[no-any-return]


@by_bindings
def _each_product_nt(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> np.ndarray:
    x, y = arrays
    return _each_product(kernel, batch, [x, y.swapaxes(-1, -2)], static)


@by_bindings
def _each_product_tn(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> np.ndarray:
    x, y = arrays
    return _each_product(kernel, batch, [x.swapaxes(-1, -2), y], static)


@by_bindings
def _each_mv(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> np.ndarray:
    """Of a batch: the vectors of all examples are the rows of one matrix."""
    x, y = arrays
    if not batch.having[0]:
        return _rows_times(y, x.T)
    if not batch.having[1]:
        return _matmul(x, y[:, None])[..., 0]
    return _matmul(x, y[..., None])[..., 0]


@by_bindings
def _each_vm(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> np.ndarray:
    x, y = arrays
    if not batch.having[1]:
        return _rows_times(x, y)
    return _matmul(x[..., None, :], y)[..., 0, :]


def _as_rows(x: np.ndarray) -> np.ndarray:
    return x.reshape((math.prod(x.shape[:-1]), x.shape[-1]))


def _rows_times(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The rows of a batch of vectors times one matrix."""
    return _matmul(_as_rows(x), y).reshape((*x.shape[:-1], y.shape[-1]))


@by_bindings
def _each_dot(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> np.ndarray:
    x, y = arrays
    if not batch.having[1]:
        return _matmul(_as_rows(x), y[:, None]).reshape(x.shape[:-1])
    if not batch.having[0]:
        return _matmul(_as_rows(y), x[:, None]).reshape(y.shape[:-1])
    return _matmul(x[..., None, :], y[..., None])[..., 0, 0]


# The product of matrices, and that with the second or the first of them transposed. The three are closed under
# differentiation, so that no derivative needs a transpose of its own.
_MM: Operation = bilinear(
    "mm", _matmul, lambda g, y: apply(_MM_NT, (g, y)), lambda g, x: apply(_MM_TN, (x, g)), batched=_each_product
)


_MM_NT: Operation = bilinear(
    "mm", by_bindings(lambda x, y: _matmul(x, y.swapaxes(-1, -2))),
    lambda g, y: apply(_MM, (g, y)), lambda g, x: apply(_MM_TN, (g, x)), batched=_each_product_nt,
)  # fmt: skip


_MM_TN: Operation = bilinear(
    "mm", by_bindings(lambda x, y: _matmul(x.swapaxes(-1, -2), y)),
    lambda g, y: apply(_MM_NT, (y, g)), lambda g, x: apply(_MM, (x, g)), batched=_each_product_tn,
)  # fmt: skip


# The same of stacks, whose leading dimensions broadcast: the rules need the shape of either.
_STACKS: Operation = bilinear(
    "mm", _matmul,
    lambda g, x, y: sum_to(apply(_STACKS_NT, (g, y)), x._value.shape),
    lambda g, x, y: sum_to(apply(_STACKS_TN, (x, g)), y._value.shape), batched=_each_product,
)  # fmt: skip


_STACKS_NT: Operation = bilinear(
    "mm", by_bindings(lambda x, y: _matmul(x, y.swapaxes(-1, -2))),
    lambda g, x, y: sum_to(apply(_STACKS, (g, y)), x._value.shape),
    lambda g, x, y: sum_to(apply(_STACKS_TN, (g, x)), y._value.shape), batched=_each_product_nt,
)  # fmt: skip


_STACKS_TN: Operation = bilinear(
    "mm", by_bindings(lambda x, y: _matmul(x.swapaxes(-1, -2), y)),
    lambda g, x, y: sum_to(apply(_STACKS_NT, (y, g)), x._value.shape),
    lambda g, x, y: sum_to(apply(_STACKS, (x, g)), y._value.shape), batched=_each_product_tn,
)  # fmt: skip


# A matrix and a vector, a vector and a matrix, two vectors.
_MV: Operation = bilinear(
    "mv",
    _matmul,
    lambda g, y: apply(_OUTER, (g, y)),
    lambda g, x: apply(_VM, (g, x)),
    batched=_each_mv,
)


_VM: Operation = bilinear(
    "vm",
    _matmul,
    lambda g, y: apply(_MV, (y, g)),
    lambda g, x: apply(_OUTER, (x, g)),
    batched=_each_vm,
)


_DOT = bilinear(
    "dot", _matmul, lambda g, y: g * y, lambda g, x: g * x, batched=_each_dot
)


# The products of two vectors' items, each with each.
_OUTER: Operation = bilinear(
    "outer",
    by_bindings(lambda x, y: _products(x[..., None], y[..., None, :])),
    lambda g, y: apply(_MV, (g, y)),
    lambda g, x: apply(_VM, (x, g)),
    batched=leading,
)


PRODUCTS = (_MM, _MM_NT, _MM_TN, _STACKS, _STACKS_NT, _STACKS_TN, _MV, _VM, _DOT, _OUTER)  # all that is bilinear


_BY_DIMENSIONS = {(2, 2): _MM, (2, 1): _MV, (1, 2): _VM, (1, 1): _DOT}


def _rows_sum(g: Any) -> Tensor:
    """The bias's cotangent: g summed over its rows."""
    return apply(SUM, (g,), {"dims": (0,), "keepdim": False, "shape": g._value.shape})


def matmul(x: Any, y: Any) -> Tensor:
    """The matrix product x @ y, with vectors and stacks of matrices as in NumPy.

    Parameters
    ----------
    x, y : tensor
        (..., m, k) and (..., k, n), whose leading dimensions broadcast; a vector (k,) counts as a row on the left, a
        column on the right.

    Returns
    -------
    Tensor
        (..., m, n), without the dimension that a vector stood in for.

    Raises
    ------
    ValueError
        If the inner lengths differ, or an operand is 0-d.

    Examples
    --------
    >>> wg.matmul(wg.tensor([[1., 2.], [3., 4.]]), wg.tensor([1., 1.]))
    tensor([3., 7.])
    """
    if not isinstance(x, Variable) or not isinstance(y, Variable):
        x, y = enter(x), enter(y)
    dtype = x._value.dtype
    if x._value.ndim == 2 and y._value.ndim == 2 and dtype is y._value.dtype and dtype.char in dtypes.NATIVE:
        return apply(_MM, (x, y))  # the kernel tells lengths that differ
    a, b = x._value.shape, y._value.shape
    if not a or not b:
        raise ValueError(
            f"matmul: expected vectors or matrices, got shapes {a} and {b}; a 0-d tensor scales, as in x * y"
        )
    if a[-1] != b[-2 if len(b) > 1 else 0]:
        raise ValueError(
            f"matmul: shapes {a} and {b} do not chain: the last dimension of the first, {a[-1]}, must equal "
            f"{'the last but one' if len(b) > 1 else 'the length'} of the second, {b[-2 if len(b) > 1 else 0]}"
        )
    if x._value.dtype is not y._value.dtype:
        x, y = of_one_dtype(x, y)
    if len(a) <= 2 and len(b) <= 2:
        return apply(_BY_DIMENSIONS[len(a), len(b)], (x, y))
    if len(a) == 1:
        x = reshape(x, (1, *a))
    if len(b) == 1:
        y = reshape(y, (*b, 1))
    broadcast_shape("matmul", a[:-2], b[:-2])
    if len(b) <= 2:  # one product of all rows, rather than a stack of products with the same matrix
        rows = reshape(x, (math.prod(a[:-1]), a[-1]))
        z = reshape(apply(_MM, (rows, y)), (*a[:-1], y._value.shape[1]))
    else:
        z = apply(_STACKS, (x, y))
    shape = z._value.shape
    if len(b) == 1:
        return called("mv", reshape(z, shape[:-1]))
    return reshape(z, (*shape[:-2], shape[-1])) if len(a) == 1 else z


def dot(x: Any, y: Any) -> Tensor:
    """The inner product of two vectors.

    Parameters
    ----------
    x, y : tensor
        (n,)

    Returns
    -------
    Tensor
        0-d.

    Raises
    ------
    ValueError
        If they are not two vectors of one length.

    Examples
    --------
    >>> wg.dot(wg.arange(3.), wg.ones(3))
    tensor(3.)
    """
    return apply(_DOT, _checked("dot", x, y, 1, 1))


def mv(x: Any, y: Any) -> Tensor:
    """The product of a matrix and a vector.

    Parameters
    ----------
    x : tensor
        (m, n)
    y : tensor
        (n,)

    Returns
    -------
    Tensor
        (m,)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> wg.mv(wg.arange(6.).reshape(2, 3), wg.arange(3.))
    tensor([ 5., 14.])
    """
    return apply(_MV, _checked("mv", x, y, 2, 1))


def mm(x: Any, y: Any) -> Tensor:
    """The product of two matrices.

    Parameters
    ----------
    x : tensor
        (m, k)
    y : tensor
        (k, n)

    Returns
    -------
    Tensor
        (m, n)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> wg.mm(wg.ones(2, 3), wg.ones(3, 1))
    tensor([[3.],
            [3.]])
    """
    return apply(_MM, _checked("mm", x, y, 2, 2))


def bmm(x: Any, y: Any) -> Tensor:
    """The products of two stacks of matrices, one by one.

    Parameters
    ----------
    x : tensor
        (b, m, k)
    y : tensor
        (b, k, n)

    Returns
    -------
    Tensor
        (b, m, n)

    Raises
    ------
    ValueError
        If the shapes do not fit; the stacks are not broadcast.

    Examples
    --------
    >>> wg.bmm(wg.ones(2, 3, 4), wg.ones(2, 4, 5)).shape
    wengert.Size([2, 3, 5])
    """
    x, y = _checked("bmm", x, y, 3, 3)
    if x._value.shape[0] != y._value.shape[0]:
        raise ValueError(
            f"bmm: stacks of {x._value.shape[0]} and {y._value.shape[0]} matrices; expected as many in both"
        )
    return apply(_STACKS, (x, y))


def _checked(name: str, x: Any, y: Any, ndim_x: int, ndim_y: int) -> tuple[Any, Any]:
    """Operands of so many dimensions, that chain and have one dtype."""
    x, y = enter(x), enter(y)
    a, b = x._value.shape, y._value.shape
    if len(a) != ndim_x or len(b) != ndim_y or a[-1] != b[-2 if ndim_y > 1 else 0]:
        wanted = {(1, 1): "(n,) and (n,)", (2, 1): "(m, k) and (k,)", (2, 2): "(m, k) and (k, n)",
                  (3, 3): "(b, m, k) and (b, k, n)"}  # fmt: skip
        raise ValueError(f"{name}: expected shapes {wanted[ndim_x, ndim_y]}, got {a} and {b}")
    if x._value.dtype is not y._value.dtype and x._value.dtype != y._value.dtype:
        raise TypeError(f"{name}: expected one dtype, got {x._value.dtype} and {y._value.dtype}")
    return x, y


def outer(x: Any, y: Any) -> Tensor:
    """The outer product of two vectors, x[i] * y[j].

    Parameters
    ----------
    x : tensor
        (m,)
    y : tensor
        (n,)

    Returns
    -------
    Tensor
        (m, n)

    Raises
    ------
    ValueError
        If they are not two vectors.

    Examples
    --------
    >>> wg.outer(wg.tensor([1., 2.]), wg.tensor([3., 4.]))
    tensor([[3., 4.],
            [6., 8.]])
    """
    x, y = enter(x), enter(y)
    if x._value.ndim != 1 or y._value.ndim != 1:
        raise ValueError(f"outer: expected two vectors, got shapes {x._value.shape} and {y._value.shape}")
    if x._value.dtype is not y._value.dtype:
        x, y = of_one_dtype(x, y)
    return apply(_OUTER, (x, y))


def vdot(x: Any, y: Any) -> Tensor:
    """The inner product of two vectors, by NumPy's name.

    Parameters
    ----------
    x, y : tensor
        (n,)

    Returns
    -------
    Tensor
        0-d.

    Raises
    ------
    ValueError
        If they are not two vectors of one length.

    Examples
    --------
    >>> wg.vdot(wg.arange(3.), wg.ones(3))
    tensor(3.)
    """
    return apply(_DOT, _checked("vdot", x, y, 1, 1))


def addmm(x: Any, mat1: Any, mat2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """The matrix product and a sum: beta * x + alpha * (mat1 @ mat2).

    Parameters
    ----------
    x : tensor
        Broadcasts to (m, n).
    mat1 : tensor
        (m, k)
    mat2 : tensor
        (k, n)
    beta, alpha : number
        With beta = 0, x is ignored.

    Returns
    -------
    Tensor
        (m, n)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> wg.addmm(wg.ones(2), wg.ones(2, 3), wg.ones(3, 2))
    tensor([[4., 4.],
            [4., 4.]])
    """
    return called("addmm", _added("addmm", x, mm(mat1, mat2), beta, alpha))


def addmv(x: Any, mat: Any, vec: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """The product of a matrix and a vector and a sum: beta * x + alpha * (mat @ vec).

    Parameters
    ----------
    x : tensor
        Broadcasts to (m,).
    mat : tensor
        (m, n)
    vec : tensor
        (n,)
    beta, alpha : number
        With beta = 0, x is ignored.

    Returns
    -------
    Tensor
        (m,)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> wg.addmv(wg.ones(2), wg.ones(2, 3), wg.ones(3))
    tensor([4., 4.])
    """
    return _added("addmv", x, mv(mat, vec), beta, alpha)


def baddbmm(x: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """The products of two stacks of matrices and a sum: beta * x + alpha * (batch1 @ batch2).

    Parameters
    ----------
    x : tensor
        Broadcasts to (b, m, n).
    batch1 : tensor
        (b, m, k)
    batch2 : tensor
        (b, k, n)
    beta, alpha : number
        With beta = 0, x is ignored.

    Returns
    -------
    Tensor
        (b, m, n)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> wg.baddbmm(wg.ones(2), wg.ones(1, 2, 3), wg.ones(1, 3, 2))
    tensor([[[4., 4.],
             [4., 4.]]])
    """
    return _added("baddbmm", x, bmm(batch1, batch2), beta, alpha)


def _added(name: str, addend: Any, z: Tensor, beta: float, alpha: float) -> Tensor:
    x = enter(addend)
    if broadcast_shape(name, x._value.shape, z._value.shape) != z._value.shape:
        raise ValueError(f"{name}: shape {x._value.shape} does not broadcast to {z._value.shape}")
    z = z if alpha == 1 else z * alpha
    return z if beta == 0 else (x if beta == 1 else x * beta) + z


def in_bfloat16(wanted: bool) -> None:
    """Let products of float32 be of bfloat16, or no longer, where the processor has instructions for that."""
    _kernels.medium(wanted)


# ---------------------------------------------------------------- affine maps, as one operation


@by_bindings
def _affine_kernel(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    return _kernel(x, w, bias=b) if x.dtype.char in dtypes.NATIVE else _half_affine(x, w, b)


_half_affine = half_kernel(_affine_kernel)


@by_bindings
def _each_affine(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> np.ndarray:
    """Of a batch: with one matrix and one bias for all, the rows of all examples are one matrix's."""
    x, w, b = arrays
    if not (batch.having[1] or batch.having[2]):
        return _affine_kernel(_as_rows(x), w, b).reshape((*x.shape[:-1], w.shape[-1]))
    product = _each_product(kernel, batch, [x, w], static)
    return _add(product, b[..., None, :] if batch.having[2] else b)


def _each_affine_nt(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> np.ndarray:
    x, w, b = arrays
    return _each_affine(kernel, batch, [x, w.swapaxes(-1, -2), b], static)


def _in_each_row(b: Any, x: Any) -> Tensor:
    """The bias's part of the result for x, which the node keeps anyway; it would keep a result for its shape alone."""
    return broadcast.broadcast_to(b, x._value.shape[:-1] + b._value.shape)


# x @ w + b with w (k, n), and with w (n, k) as PyTorch's Linear keeps it.
_AFFINE = primitive(
    "addmm", _affine_kernel,
    (lambda g, w: apply(_MM_NT, (g, w)), lambda g, x: apply(_MM_TN, (x, g)), _rows_sum),
    (
        lambda t, w: apply(_MM, (t, w)), lambda t, x: apply(_MM, (x, t)),
        lambda t, x: _in_each_row(t, x),
    ),
    arguments=("x", "w", "b"), batched=_each_affine,
)  # fmt: skip


_LINEAR = primitive(
    "addmm", by_bindings(lambda x, w, b: _affine_kernel(x, w.T, b)),
    (lambda g, w: apply(_MM, (g, w)), lambda g, x: apply(_MM_TN, (g, x)), _rows_sum),
    (
        lambda t, w: apply(_MM_NT, (t, w)), lambda t, x: apply(_MM_NT, (x, t)),
        lambda t, x: _in_each_row(t, x),
    ),
    arguments=("x", "w", "b"), batched=_each_affine_nt,
)  # fmt: skip


def _each_affine_of_vector(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> np.ndarray:
    """Of a batch: the vectors of all examples are the rows of one matrix."""
    x, w, b = arrays
    if not (batch.having[1] or batch.having[2]):
        return _affine_kernel(_as_rows(x), w, b).reshape((*x.shape[:-1], w.shape[-1]))
    products = _each_vm(kernel, batch, [x, w], static) if batch.having[0] or batch.having[1] else _rows_times(x, w)
    return _add(products, b)


def _each_affine_nt_of_vector(kernel: Any, batch: Batch, arrays: list[Any], static: dict[str, Any]) -> np.ndarray:
    x, w, b = arrays
    return _each_affine_of_vector(kernel, batch, [x, w.swapaxes(-1, -2), b], static)


# The same of one vector, without the shapes of a matrix around it.
_AFFINE_OF_VECTOR = primitive(
    "addmv", by_bindings(lambda x, w, b: _affine_kernel(x[None], w, b)[0]),
    (lambda g, w: apply(_MV, (w, g)), lambda g, x: apply(_OUTER, (x, g)), lambda g: g),
    (lambda t, w: apply(_VM, (t, w)), lambda t, x: apply(_VM, (x, t)), lambda t: t),
    arguments=("x", "w", "b"), batched=_each_affine_of_vector,
)  # fmt: skip


_LINEAR_OF_VECTOR = primitive(
    "addmv", by_bindings(lambda x, w, b: _affine_kernel(x[None], w.T, b)[0]),
    (lambda g, w: apply(_VM, (g, w)), lambda g, x: apply(_OUTER, (g, x)), lambda g: g),
    (lambda t, w: apply(_MV, (w, t)), lambda t, x: apply(_MV, (t, x)), lambda t: t),
    arguments=("x", "w", "b"), batched=_each_affine_nt_of_vector,
)  # fmt: skip


def affine(x: Any, w: Any, b: Any = None) -> Tensor:
    """x @ w + b, as one operation.

    Parameters
    ----------
    x : tensor
        (..., k)
    w : tensor
        (k, n)
    b : tensor or None
        (n,)

    Returns
    -------
    Tensor
        (..., n)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> wg.affine(wg.ones(1, 2), wg.tensor([[1., 2., 3.], [4., 5., 6.]]), wg.ones(3))
    tensor([[ 6.,  8., 10.]])
    """
    return _affine("affine", _AFFINE, 0, x, w, b)


def linear(x: Any, weight: Any, bias: Any = None) -> Tensor:
    """x @ weight.T + bias, as one operation: the layer `nn.Linear`.

    Parameters
    ----------
    x : tensor
        (..., in)
    weight : tensor
        (out, in)
    bias : tensor or None
        (out,)

    Returns
    -------
    Tensor
        (..., out)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> wg.linear(wg.ones(1, 3), wg.tensor([[1., 2., 3.], [4., 5., 6.]]), wg.ones(2))
    tensor([[ 7., 16.]])
    """
    return _affine("linear", _LINEAR, 1, x, weight, bias)


def _affine(name: str, operation: Operation, inner: int, x: Any, w: Any, b: Any) -> Tensor:
    x, w = enter(x), enter(w)
    shape, weight = x._value.shape, w._value.shape
    wanted = "(k, n)" if inner == 0 else "(out, in)"
    if len(weight) != 2:
        raise ValueError(f"{name}: expected a weight of shape {wanted}, got {weight}")
    if not shape or shape[-1] != weight[inner]:
        raise ValueError(
            f"{name}: the input's last dimension must be {weight[inner]} for a weight of shape {weight}, "
            f"got shape {shape}"
        )
    n = weight[1 - inner]
    if b is None:
        return matmul(x, w if inner == 0 else permute(w, 1, 0))
    b = enter(b)
    if b._value.shape != (n,):
        raise ValueError(f"{name}: expected a bias of shape {(n,)}, got {b._value.shape}")
    if not (x._value.dtype is w._value.dtype is b._value.dtype):
        x, w, b = of_one_dtype(x, w, b)
    if x._value.dtype.kind != "f":
        return add(matmul(x, w if inner == 0 else permute(w, 1, 0)), b)
    if len(shape) == 2:
        return apply(operation, (x, w, b))
    if len(shape) == 1:
        return apply(_AFFINE_OF_VECTOR if inner == 0 else _LINEAR_OF_VECTOR, (x, w, b))
    rows = reshape(x, (math.prod(shape[:-1]), shape[-1]))
    return reshape(apply(operation, (rows, w, b)), (*shape[:-1], n))


def of_one_dtype(*operands: Any) -> tuple[Any, ...]:
    """The operands, cast to the dtype that all of theirs promote to."""
    dtype = functools.reduce(dtypes.promote_types, [v._value.dtype for v in operands])
    return tuple(v if v._value.dtype == dtype else cast(v, dtype) for v in operands)
