"""Special functions, by the names of `torch.special` and `scipy.special`, with derivatives of all orders."""

from __future__ import annotations

from .core.missing import explain
from .core.signatures import shown_plainly
from .ops import (
    digamma,
    erf,
    erfc,
    erfinv,
    exp2,
    expm1,
    i0,
    log1p,
    log_softmax,
    logit,
    logsumexp,
    polygamma,
    round,
    sinc,
    softmax,
    xlogy,
)
from .ops import lgamma as gammaln
from .ops import mvlgamma as multigammaln
from .ops import sigmoid as expit
from .ops.bessel import i0e, i1, i1e
from .ops.error_functions import erfcinv, erfcx, log_ndtr, ndtr, ndtri
from .ops.functions import entr, xlog1py
from .ops.incomplete_gamma import gammainc, gammaincc

psi = digamma

__all__ = [
    "digamma", "entr", "erf", "erfc", "erfcinv", "erfcx", "erfinv", "exp2", "expit", "expm1", "gammainc",
    "gammaincc", "gammaln", "i0", "i0e", "i1", "i1e", "log1p", "log_ndtr", "log_softmax", "logit", "logsumexp",
    "multigammaln", "ndtr", "ndtri", "polygamma", "psi", "round", "sinc", "softmax", "xlog1py", "xlogy",
]  # fmt: skip

shown_plainly(globals()[name] for name in __all__)
explain(__name__)
