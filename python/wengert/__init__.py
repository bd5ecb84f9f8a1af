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

from . import autograd, define, memory, processes, random
from ._kernels import __version__, get_num_threads, set_num_threads
from .autograd import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from .core.dtypes import (
    bool,
    can_cast,
    double,
    finfo,
    float,
    float16,
    float32,
    float64,
    get_default_dtype,
    half,
    iinfo,
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
from .core.signatures import telling as _telling
from .ops.arithmetic import (
    add,
    addcdiv,
    addcmul,
    clamp_max,
    clamp_min,
    copysign,
    divide,
    float_power,
    lerp,
    nan_to_num,
    subtract,
)
from .ops.creation import (
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
from .ops.decompositions import det, logdet, matrix_power, slogdet
from .ops.decompositions import inv as inverse
from .ops.decompositions import pinv as pinverse
from .ops.distance import cdist, dist
from .ops.einsum import einsum, inner, kron, tensordot
from .ops.elementwise import (
    abs,
    clip,
    cos,
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
    reciprocal,
    relu,
    sigmoid,
    sign,
    sin,
    softplus,
    sqrt,
    square,
    tanh,
    where,
)
from .ops.elementwise import (
    divide as true_divide,
)
from .ops.elementwise import (
    equal as eq,
)
from .ops.elementwise import (
    not_equal as ne,
)
from .ops.extremes import aminmax, cummax, cummin, max, min
from .ops.index import index_put, take_along_dim
from .ops.linalg import addmm, addmv, affine, baddbmm, bmm, dot, linear, matmul, mm, mv, outer, vdot
from .ops.logic import (
    all,
    allclose,
    any,
    bitwise_and,
    bitwise_left_shift,
    bitwise_not,
    bitwise_or,
    bitwise_right_shift,
    bitwise_xor,
    count_nonzero,
    equal,
    isclose,
    isfinite,
    isin,
    isinf,
    isnan,
    isneginf,
    isposinf,
    logical_not,
    logical_or,
    logical_xor,
    signbit,
)
from .ops.nn import cross_entropy, dropout, log_softmax, prelu, softmax
from .ops.pieces import (
    atleast_1d,
    atleast_2d,
    atleast_3d,
    chunk,
    column_stack,
    diag_embed,
    diagonal,
    dstack,
    fliplr,
    flipud,
    hstack,
    narrow,
    repeat,
    repeat_interleave,
    roll,
    rot90,
    select,
    split,
    tensor_split,
    tile,
    unbind,
    vstack,
)
from .ops.random import (
    Generator,
    bernoulli,
    default_generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    multinomial,
    normal,
    rand,
    rand_like,
    randint,
    randint_like,
    randn,
    randn_like,
    randperm,
    seed,
    set_rng_state,
)
from .ops.reduce import amax, amin, argmax, argmin, cumsum, logsumexp, mean, norm, prod, std, sum, var
from .ops.rounding import ceil, floor, floor_divide, fmod, frac, remainder, round, trunc
from .ops.running import cumprod, diff, logcumsumexp
from .ops.scatter import (
    argwhere,
    gather,
    index_add,
    index_copy,
    index_fill,
    index_select,
    masked_fill,
    masked_scatter,
    masked_select,
    nonzero,
    scatter,
    scatter_add,
    take,
)
from .ops.shape import (
    broadcast_shapes,
    broadcast_tensors,
    broadcast_to,
    cat,
    expand,
    flatten,
    flip,
    movedim,
    permute,
    ravel,
    reshape,
    squeeze,
    stack,
    t,
    transpose,
    unflatten,
    unsqueeze,
)
from .ops.sorting import (
    argsort,
    bucketize,
    kthvalue,
    median,
    msort,
    nanmedian,
    nanquantile,
    quantile,
    searchsorted,
    sort,
    topk,
    unique,
    unique_consecutive,
)
from .ops.statistics import bincount, histc, nanmean, nansum, std_mean, var_mean
from .ops.transcendental import (
    acos,
    acosh,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    cosh,
    deg2rad,
    exp2,
    hypot,
    log2,
    log10,
    logaddexp,
    logit,
    rad2deg,
    rsqrt,
    sinh,
    tan,
    xlogy,
)
from .tensors.conversion import is_floating_point, is_tensor, numel
from .tensors.interop import from_dlpack
from .tensors.printing import get_printoptions, set_printoptions
from .tensors.tensor import Size, Tensor, clone, power

# The same functions under the other names that PyTorch has for them.
absolute = abs
arccos, arcsin, arctan, arctan2 = acos, asin, atan, atan2
arccosh, arcsinh, arctanh = acosh, asinh, atanh
clamp = clip
concat = concatenate = cat
div = divide
fix = trunc
ge, gt, le, lt = greater_equal, greater, less_equal, less
moveaxis = movedim
mul = multiply
neg = negative
not_equal = ne
pow = power
row_stack = vstack
sub = subtract
swapaxes = swapdims = transpose

__all__ = [
    "Generator", "Size", "Tensor", "__version__", "abs", "absolute", "acos", "acosh", "add", "addcdiv", "addcmul",
    "addmm", "addmv", "affine", "all", "allclose", "amax", "amin", "aminmax", "any", "arange", "arccos", "arccosh",
    "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "argmax", "argmin", "argsort", "argwhere", "as_tensor",
    "asarray", "asin", "asinh", "atan", "atan2", "atanh", "atleast_1d", "atleast_2d", "atleast_3d", "autograd",
    "baddbmm", "bernoulli", "bincount", "bitwise_and", "bitwise_left_shift", "bitwise_not", "bitwise_or",
    "bitwise_right_shift", "bitwise_xor", "bmm", "bool", "broadcast_shapes", "broadcast_tensors", "broadcast_to",
    "bucketize", "can_cast", "cat", "cdist", "ceil", "check_gradients", "chunk", "clamp", "clamp_max", "clamp_min",
    "clip", "clone", "column_stack", "concat", "concatenate", "copysign", "cos", "cosh", "count_nonzero",
    "cross_entropy", "cummax", "cummin", "cumprod", "cumsum", "d2l", "data", "default_generator", "deg2rad",
    "derivative", "det", "diag", "diag_embed", "diagonal", "diff", "difference_quotient", "dist", "div", "divergence",
    "divide", "dot", "double", "dropout", "dstack", "einsum", "empty", "empty_like", "enable_grad", "eq", "equal",
    "erf", "exp", "exp2", "expand", "expm1", "eye", "finfo", "fix", "flatten", "flip", "fliplr", "flipud", "float",
    "float16", "float32", "float64", "float_power", "floor", "floor_divide", "fmod", "frac", "from_dlpack",
    "from_numpy", "full", "full_like", "func", "gather", "ge", "gelu", "get_default_dtype", "get_num_threads",
    "get_printoptions", "get_rng_state", "grad", "greater", "greater_equal", "gt", "half", "hessian", "histc", "hstack",
    "hvp", "hypot", "iinfo", "index_add", "index_copy", "index_fill", "index_put", "index_select", "inference_mode",
    "initial_seed", "inner", "int", "int8", "int16", "int32", "int64", "inverse", "is_floating_point",
    "is_grad_enabled", "is_tensor", "isclose", "isfinite", "isin", "isinf", "isnan", "isneginf", "isposinf", "jacobian",
    "jacobian_determinant", "jvp", "kron", "kthvalue", "laplacian", "layers", "le", "leaky_relu", "lerp", "less",
    "less_equal", "linalg", "linear", "linearize", "linspace", "load", "log", "log1p", "log2", "log10", "log_softmax",
    "logaddexp", "logcumsumexp", "logdet", "logical_and", "logical_not", "logical_or", "logical_xor", "logit",
    "logspace", "logsumexp", "long", "lt", "manual_seed", "masked_fill", "masked_scatter", "masked_select", "matmul",
    "matrix_power", "max", "maximum", "mean", "median", "meshgrid", "min", "minimum", "mm", "moveaxis", "movedim",
    "msort", "mul", "multinomial", "multiply", "mv", "nan_to_num", "nanmean", "nanmedian", "nanquantile", "nansum",
    "narrow", "ne", "neg", "negative", "nn", "no_grad", "nonzero", "norm", "normal", "not_equal", "numel", "one_hot",
    "ones", "ones_like", "optim", "outer", "permute", "pinverse", "pow", "power", "prelu", "prod", "promote_types",
    "quantile", "rad2deg", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "random", "randperm",
    "ravel", "reciprocal", "relu", "remainder", "repeat", "repeat_interleave", "reshape", "result_type", "roll",
    "rot90", "round", "row_stack", "rsqrt", "save", "scatter", "scatter_add", "searchsorted", "seed", "select",
    "set_default_dtype", "set_grad_enabled", "set_num_threads", "set_printoptions", "set_rng_state", "short", "sigmoid",
    "sign", "signbit", "sin", "sinh", "slogdet", "softmax", "softplus", "sort", "split", "sqrt", "square", "squeeze",
    "stack", "std", "std_mean", "sub", "subtract", "sum", "swapaxes", "swapdims", "t", "take", "take_along_dim", "tan",
    "tanh", "taylor", "tensor", "tensor_split", "tensordot", "tile", "topk", "trace", "tracing", "train", "transpose",
    "tril", "triu", "true_divide", "trunc", "uint8", "unbind", "unflatten", "unique", "unique_consecutive", "unsqueeze",
    "utils", "value_and_grad", "var", "var_mean", "vdot", "vjp", "vstack", "where", "xlogy", "zeros", "zeros_like",
]  # fmt: skip

# What takes long enough says what it takes; elementwise functions, views and indexing are called as they are.
_TELLING = ("ops.creation", "ops.random", "ops.reduce", "ops.extremes", "ops.logic", "ops.running", "ops.statistics",
            "ops.sorting", "ops.pieces", "ops.scatter", "ops.nn", "ops.distance", "ops.einsum")  # fmt: skip
for _name, _value in list(globals().items()):
    if callable(_value) and not isinstance(_value, type) and _value.__module__.removeprefix("wengert.") in _TELLING:
        globals()[_name] = _telling(_value)

if TYPE_CHECKING:
    from . import d2l, data, func, layers, linalg, nn, optim, train, utils
    from .files import load, save
    from .func import (
        check_gradients,
        derivative,
        difference_quotient,
        divergence,
        grad,
        hessian,
        hvp,
        jacobian,
        jacobian_determinant,
        jvp,
        laplacian,
        linearize,
        taylor,
        value_and_grad,
        vjp,
    )
    from .tracing import trace

# Imported on first use, so that `import wengert` costs little more than `import numpy`: modules, and names by module.
_LAZY = ("d2l", "data", "func", "layers", "linalg", "nn", "optim", "tracing", "train", "utils")
_LAZY_NAMES = {
    "func": (
        "check_gradients", "derivative", "difference_quotient", "divergence", "grad", "hessian", "hvp", "jacobian",
        "jacobian_determinant", "jvp", "laplacian", "linearize", "taylor", "value_and_grad", "vjp",
    ),
    "files": ("load", "save"),
    "tracing": ("trace",),
}  # fmt: skip
_HOMES = {name: module for module, names in _LAZY_NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return importlib.import_module(f".{name}", __name__)
    if name in _HOMES:
        value = globals()[name] = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
        return value
    raise AttributeError(f"module 'wengert' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY, *_HOMES})
