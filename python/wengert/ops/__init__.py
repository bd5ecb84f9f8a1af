"""Every function of tensors: what `wengert` exports of them, and what the class has as methods.

A public function that takes long enough says, when it is called wrongly, what it takes (`signatures.telling`): it is
wrapped here, once. Within this floor the functions call each other as they are.
"""

from __future__ import annotations

from ..core.signatures import telling as _telling
from .arithmetic import (
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
    power,
    subtract,
)
from .contractions import einsum, inner, kron, tensordot
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
from .decompositions import det, logdet, matrix_power, slogdet
from .decompositions import inv as inverse
from .decompositions import pinv as pinverse
from .distance import cdist, dist
from .elementwise import (
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
from .elementwise import divide as true_divide
from .elementwise import equal as eq
from .elementwise import not_equal as ne
from .extremes import aminmax, cummax, cummin, max, min
from .index import index_put, take_along_dim
from .linalg import addmm, addmv, affine, baddbmm, bmm, dot, linear, matmul, mm, mv, outer, vdot
from .logic import (
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
from .nn import cross_entropy, dropout, log_softmax, prelu, softmax
from .pieces import (
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
from .random import (
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
from .reduce import amax, amin, argmax, argmin, cumsum, logsumexp, mean, norm, prod, std, sum, var
from .rounding import ceil, floor, floor_divide, fmod, frac, remainder, round, trunc
from .running import cumprod, diff, logcumsumexp
from .scattering import (
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
from .shape import (
    broadcast_shapes,
    broadcast_tensors,
    broadcast_to,
    cat,
    clone,
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
from .sorting import (
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
from .statistics import bincount, histc, nanmean, nansum, std_mean, var_mean
from .transcendental import (
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

# Elementwise functions, views and indexing are called as they are: a tenth of a microsecond is too much for them.
_TELLING = ("creation", "random", "reduce", "extremes", "logic", "running", "statistics", "sorting", "pieces", "scattering",
            "nn", "distance", "contractions")  # fmt: skip
for _name, _value in list(globals().items()):
    if callable(_value) and not isinstance(_value, type) and _value.__module__.removeprefix("wengert.ops.") in _TELLING:
        globals()[_name] = _telling(_value)
