"""Tensor autodiff for the CPU: C kernels, Cython bindings over NumPy buffers, and a thin Python tape.

>>> import wengert as wg
>>> x = wg.tensor([1., 2., 3.], requires_grad=True)
>>> (x ** 2).sum().backward()
>>> x.grad
tensor([2., 4., 6.])
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import autograd
from ._kernels import __version__, get_num_threads, set_num_threads
from .autograd import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from .creation import (
    arange,
    as_tensor,
    asarray,
    diag,
    empty,
    empty_like,
    eye,
    from_numpy,
    full,
    full_like,
    linspace,
    logspace,
    meshgrid,
    one_hot,
    ones,
    ones_like,
    tensor,
    tril,
    triu,
    zeros,
    zeros_like,
)
from .dtypes import (
    bool,
    double,
    float,
    float16,
    float32,
    float64,
    get_default_dtype,
    half,
    int,
    int8,
    int16,
    int32,
    int64,
    long,
    promote_types,
    result_type,
    set_default_dtype,
    short,
    uint8,
)
from .ops.elementwise import (
    abs,
    add,
    clip,
    cos,
    divide,
    equal as eq,
    erf,
    exp,
    expm1,
    gelu,
    greater,
    greater_equal,
    leaky_relu,
    less,
    less_equal,
    log,
    log1p,
    logical_and,
    maximum,
    minimum,
    multiply,
    negative,
    not_equal as ne,
    reciprocal,
    relu,
    sigmoid,
    sign,
    sin,
    softplus,
    sqrt,
    square,
    subtract,
    tanh,
    where,
)
from .ops.index import index_put, take_along_dim
from .ops.linalg import affine, bmm, dot, linear, matmul, mm, mv, outer
from .ops.nn import cross_entropy, dropout, log_softmax, softmax
from .ops.reduce import amax, amin, argmax, argmin, cumsum, logsumexp, mean, norm, prod, std, sum, var
from .ops.shape import broadcast_to, cat, flatten, flip, permute, reshape, squeeze, stack, transpose, unsqueeze
from .printing import get_printoptions, set_printoptions
from .random import (
    Generator,
    bernoulli,
    initial_seed,
    manual_seed,
    multinomial,
    normal,
    rand,
    rand_like,
    randint,
    randn,
    randn_like,
    randperm,
    seed,
)
from .tensor import Size, Tensor, clone, max, min, power

# The same functions under the other names that PyTorch has for them.
clamp = clip
concat = concatenate = cat
div = true_divide = divide
ge, gt, le, lt = greater_equal, greater, less_equal, less
mul = multiply
neg = negative
pow = power
sub = subtract
swapaxes = transpose

if TYPE_CHECKING:
    from . import d2l, data, func, nn, optim, random, train

# Imported on first use, so that `import wengert` costs little more than `import numpy`.
_LAZY = ("d2l", "data", "func", "nn", "optim", "train")


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module 'wengert' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
