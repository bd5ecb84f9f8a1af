"""Derivatives of functions, as functions.

Everything here takes a Python function of tensors, arrays, numbers, or structures of them (lists, tuples, mappings and
dataclasses, which keep their class), runs it once with its differentiated arguments tracked, and walks the list that
this leaves. The walk is recorded exactly when its result can itself be differentiated, so the functions nest in any
order.

- Of NumPy arrays there are NumPy arrays: leaf by leaf for what has the form of the arguments, such as gradients; for
  values, and what the function returns beside them, where the differentiated arguments have an array and no tensor.
  Python numbers give tensors. The function itself sees tensors. A result that a derivative further out needs stays a
  tensor.
- Arguments are read-only: a function that changes one in place raises.
- A tensor that depends on a differentiated argument must not become a number or an array while the function runs: the
  derivative by way of it would be lost, so that raises. `int`, `bool` and text pass, and so does what is detached.
"""

from __future__ import annotations

from ..core.missing import explain
from ..core.trees import register_pytree_node
from .batches import vmap
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
from .rearranging import rearrange
from .sparse import PreparedDerivative, SparseDerivative, sparse_hessian, sparse_jacobian
from .stateless import functional_call, replace_all_batch_norm_modules_, stack_module_state
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
    "PreparedDerivative", "SparseDerivative", "TaylorPolynomial", "check_gradients", "derivative",
    "difference_quotient", "divergence", "functional_call", "grad", "grad_and_value", "hessian", "hvp", "jacfwd",
    "jacobian", "jacobian_determinant", "jacrev", "jvp", "laplacian", "linearize", "rearrange",
    "register_pytree_node", "replace_all_batch_norm_modules_", "sparse_hessian", "sparse_jacobian",
    "stack_module_state", "taylor", "value_and_grad", "vjp", "vmap",
]  # fmt: skip

explain(__name__)
