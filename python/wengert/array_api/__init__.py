"""The Python array API standard, version 2024.12: what libraries find that compute with anybody's arrays.

`x.__array_namespace__()` gives this module for a tensor x, which is how SciPy, scikit-learn and others ask for it. The
functions are compositions of the library's own, so that gradients flow through them; names, keywords and promotion are
the standard's: two arrays become of the wider dtype, whether they have dimensions or not, while the operators of
tensors, and the functions of `wengert` itself, follow PyTorch.

Of a tensor itself, `x.size` is PyTorch's method, where the standard has a number; `math.prod(x.shape)` is one. There
are no complex numbers and, hence, no extension `fft`, and of the unsigned integers there is uint8 alone. What the
standard leaves open (sums of integers and floats, arguments that are lists) is as elsewhere in this library.

The standard: https://data-apis.org/array-api/2024.12/

Examples
--------
>>> x = wg.tensor([3., 4.], requires_grad=True)
>>> xp = x.__array_namespace__()
>>> xp.linalg.vector_norm(x, axis=0).backward()
>>> x.grad
tensor([0.6000, 0.8000])
"""

from __future__ import annotations

from math import e, inf, nan, pi
from typing import TYPE_CHECKING, Any

from ..core.dtypes import bool, float16, float32, float64, int8, int16, int32, int64, uint8
from . import creation, dtypes, elementwise, linalg, manipulation, searching, statistics
from .creation import *
from .dtypes import *
from .dtypes import __array_namespace_info__ as __array_namespace_info__
from .elementwise import *
from .linalg import matmul, matrix_transpose, tensordot, vecdot
from .manipulation import *
from .searching import *
from .statistics import *

__array_api_version__ = "2024.12"
newaxis = None

__all__ = [
    "__array_api_version__", "bool", "e", "float16", "float32", "float64", "inf", "int8", "int16", "int32", "int64",
    "linalg", "matmul", "matrix_transpose", "nan", "newaxis", "pi", "tensordot", "uint8", "vecdot",
]  # fmt: skip
__all__ += creation.__all__
__all__ += dtypes.__all__
__all__ += elementwise.__all__
__all__ += manipulation.__all__
__all__ += searching.__all__
__all__ += statistics.__all__


_ABSENT = {
    **dict.fromkeys(("complex64", "complex128", "fft"), "tensors have no complex numbers"),
    **dict.fromkeys(("uint16", "uint32", "uint64"), "of the unsigned integers tensors have uint8 alone"),
}


if not TYPE_CHECKING:  # a checker is to miss a name that is not there

    def __getattr__(name: str) -> Any:
        reason = _ABSENT.get(name, f"it has the names of version {__array_api_version__} of the array API standard")
        raise AttributeError(f"module 'wengert.array_api' has no attribute {name!r}: {reason}")
