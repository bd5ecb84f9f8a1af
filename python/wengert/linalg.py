"""Linear algebra, by the names of `torch.linalg` and `numpy.linalg`."""

from __future__ import annotations

from .core.missing import explain
from .ops.elimination import lu, lu_factor, lu_solve
from .ops.factors import cholesky, eigh, eigvalsh, qr, svd, svdvals
from .ops.indefinite import ldl_factor, ldl_factor_ex, ldl_solve
from .ops.lapack import LinAlgError
from .ops.least_squares import lstsq, matrix_rank, pinv
from .ops.matrices import cond, matrix_exp, multi_dot
from .ops.matrices import cross_along as cross
from .ops.norms import matrix_norm, vector_norm
from .ops.norms import norm_of as norm
from .ops.products import matmul
from .ops.systems import det, inv, matrix_power, slogdet, solve
from .ops.told import (
    cholesky_ex,
    diagonal,
    householder_product,
    inv_ex,
    lu_factor_ex,
    solve_ex,
    tensorinv,
    tensorsolve,
    vander,
    vecdot,
)
from .ops.triangular import cholesky_inverse, cholesky_solve, solve_triangular

__all__ = [
    "LinAlgError", "cholesky", "cholesky_ex", "cholesky_inverse", "cholesky_solve", "cond", "cross", "det",
    "diagonal", "eigh", "eigvalsh", "householder_product", "inv", "inv_ex", "ldl_factor", "ldl_factor_ex",
    "ldl_solve", "lstsq", "lu", "lu_factor", "lu_factor_ex", "lu_solve", "matmul", "matrix_exp", "matrix_norm",
    "matrix_power", "matrix_rank", "multi_dot", "norm", "pinv", "qr", "slogdet", "solve", "solve_ex",
    "solve_triangular", "svd", "svdvals", "tensorinv", "tensorsolve", "vander", "vecdot", "vector_norm",
]  # fmt: skip

explain(__name__)
