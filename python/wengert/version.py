"""The library's version, and those of what PyTorch builds on and this library does without.

Examples
--------
>>> wg.version.__version__ == wg.__version__, wg.version.cuda
(True, None)
"""

from __future__ import annotations

from ._kernels import __version__ as __version__

__all__ = ["__version__", "cuda", "debug", "hip", "xpu"]

debug = False
cuda: str | None = None
hip: str | None = None
xpu: str | None = None
