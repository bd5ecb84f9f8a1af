"""Derivatives of functions, as functions.

Everything here takes a Python function of tensors, arrays, numbers, or nested lists, tuples and dicts of them, runs it
once with its differentiated arguments tracked, and walks the list that this leaves. The walk is recorded exactly when
its result can itself be differentiated, so the functions nest in any order.
"""

from __future__ import annotations

from .calculus import (
    TaylorPolynomial,
    derivative,
    difference_quotient,
    divergence,
    jacobian_determinant,
    laplacian,
    taylor,
)
from .checking import check_gradients
from .sparse import sparse_hessian, sparse_jacobian
from .stateless import functional_call
from .transforms import (
    grad,
    grad_and_value,
    hessian,
    hvp,
    jacfwd,
    jacobian,
    jacrev,
    jvp,
    linearize,
    value_and_grad,
    vjp,
)

__all__ = [
    "TaylorPolynomial", "check_gradients", "derivative", "difference_quotient", "divergence",
    "functional_call", "grad", "grad_and_value", "hessian", "hvp", "jacfwd", "jacobian", "jacobian_determinant",
    "jacrev", "jvp", "laplacian", "linearize", "sparse_hessian",
    "sparse_jacobian", "taylor", "value_and_grad", "vjp",
]  # fmt: skip
