"""PyTorch's switches of the libraries that it computes with. None of them is here, and no switch changes anything:
kernels of this library's own compute, and give the same results every time.

Examples
--------
>>> wg.backends.cudnn.benchmark = True
>>> wg.backends.cudnn.is_available(), wg.backends.mps.is_available()
(False, False)
"""

from __future__ import annotations

from ..core.missing import explain
from . import cuda, cudnn, mkl, mkldnn, mps, openmp

__all__ = ["cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp"]

explain(__name__)
