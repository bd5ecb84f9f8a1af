"""THE table: one line per operation. Every generic property in test_operations.py is tested from it.

A case is a function of tensors, its reference in float64 NumPy, the shapes it is tried on, the interval its inputs are
drawn from (away from kinks and poles), and the order to which its derivatives are checked.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np

import wengert as wg
from special_references import gamma_part, reference, shape_slope
from wengert import linalg, special
from wengert.nn import functional as F
from wengert.ops.convolution import conv_relu
from wengert.ops.incomplete_gamma import log_gamma_slope
from wengert.ops.recurrent import recurrent_layer
from wengert.ops.variates import follow_shape

Shapes = tuple[tuple[int, ...], ...]

UNARY: tuple[Shapes, ...] = (((),), ((1,),), ((7,),), ((3, 5),), ((2, 3, 4),), ((0,),), ((2, 0, 3),))
BINARY: tuple[Shapes, ...] = (
    ((), ()),
    ((7,), (7,)),
    ((3, 5), (3, 5)),
    ((3, 5), (5,)),
    ((3, 1), (1, 5)),
    ((), (4,)),
    ((2, 1, 3), (4, 1)),
    ((0,), (1,)),
    ((2, 3), ()),
)
FILLED: tuple[Shapes, ...] = (((),), ((1,),), ((7,),), ((3, 5),), ((2, 3, 4),))  # for what is not defined on nothing
FEW: tuple[Shapes, ...] = (((3,),), ((),))  # for what takes long
MATRICES: tuple[Shapes, ...] = (((3, 5),), ((1, 1),), ((4, 4),), ((5, 2),))
FEW_PAIRS: tuple[Shapes, ...] = (((2,), (2,)), ((), (2,)))
PICTURES: tuple[Shapes, ...] = (((2, 4, 5),), ((1, 2, 3, 4),))


@dataclass(frozen=True)
class Case:
    """One operation, or one way of calling it."""

    name: str
    function: Callable[..., Any]
    reference: Callable[..., Any]
    shapes: tuple[Shapes, ...] = UNARY
    low: float = -2.0
    high: float = 2.0
    avoid: tuple[float, ...] = ()  # kinks: inputs keep a distance of 0.05 from them
    order: int = 3
    rtol32: float = 2e-6  # against the float64 reference, relative to the largest item
    distinct: bool = False  # items of one input differ clearly, so that no extreme is a tie
    kernel: str = ""  # the elementwise kernel whose reference this is as well: exact in the operands' dtype

    def draw(self, shapes: Shapes, seed: int = 0) -> list[np.ndarray]:
        """Inputs in float64, exactly representable in float32."""
        rng = np.random.default_rng([seed, *self.name.encode()])
        out = []
        for k, shape in enumerate(shapes):
            if self.distinct:
                size = math.prod(shape)
                x = rng.permutation(np.linspace(self.low, self.high, size + 2)[1:-1]).reshape(shape) + 0.003 * k
            else:
                x = rng.uniform(self.low, self.high, shape)
            for kink in self.avoid:
                near = np.abs(x - kink) < 0.05
                x = np.where(near, kink + np.where(x >= kink, 0.1, -0.1), x)
            out.append(np.asarray(x, dtype=np.float32).astype(np.float64))
        return out


def _vectorize(function: Callable[[float], float]) -> Callable[[np.ndarray], np.ndarray]:
    return np.vectorize(function, otypes=[np.float64])


def _softmax(x: np.ndarray, axis: int) -> np.ndarray:
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def _log_softmax(x: np.ndarray, axis: int) -> np.ndarray:
    x = x - x.max(axis, keepdims=True)
    return x - np.log(np.exp(x).sum(axis, keepdims=True))


def _mvlgamma(x: np.ndarray) -> np.ndarray:
    """Of dimension 3."""
    terms = [_vectorize(math.lgamma)(x - j / 2) for j in range(3)]
    return 1.5 * math.log(math.pi) + np.sum(terms, 0)


def _log_gamma_quantile(x: np.ndarray) -> np.ndarray:
    """The logarithm of what a gamma variate of shape x is below with probability 0.3: Newton's method on log P."""
    a = np.asarray(x, np.float64)[..., None]
    log_norm = _vectorize(math.lgamma)(a + 1)
    y = (math.log(0.3) + log_norm) / a  # too small, as P(a, exp(y)) <= exp(a y) / Gamma(a + 1), and log P is concave
    for _ in range(12):
        terms = np.cumprod(np.exp(y) / (a + np.arange(1, 60)), -1).sum(-1, keepdims=True) + 1
        y = y - (a * y - np.exp(y) - log_norm + np.log(terms) - math.log(0.3)) * terms / a
    return np.asarray(y[..., 0], x.dtype)


_quantile = wg.define.computed("test_log_gamma_quantile", _log_gamma_quantile, batched=wg.define.aligned)


def _exactly(function: Callable[..., Any], order: int) -> Callable[[np.ndarray], np.ndarray]:
    """One of mpmath's Bessel functions of an order."""
    return _vectorize(lambda v: float(function(order, v)))


def _gamma_share(a: float, low: float, high: float) -> float:
    return float(mpmath.gammainc(a, low, high, regularized=True))


def _frequent(x: np.ndarray) -> float:
    values, counts = np.unique(x, return_counts=True)
    return float(values[counts.argmax()])


def _put_flat(x: np.ndarray, places: list[int], y: np.ndarray) -> np.ndarray:
    out = x.copy()
    np.put(out, places, y)
    return out


def _reflections(x: np.ndarray, tau: np.ndarray) -> np.ndarray:
    """The product of reflections whose vectors stand below the diagonal."""
    out = np.eye(len(x))
    for k, scale in enumerate(tau):
        v = np.tril(x, -1)[:, k] + np.eye(len(x))[k]
        out = out @ (np.eye(len(x)) - scale * np.outer(v, v))
    return out


_INDEFINITE = np.array([[0.0, 1, 2, 0.5], [1, 0, 3, 1], [2, 3, 0, 1], [0.5, 1, 1, 2]])


def _labels(rows: int, classes: int) -> np.ndarray:
    return (np.arange(rows) * 7 + 3) % classes


def _targets(shape: tuple[int, ...]) -> np.ndarray:
    return _softmax(np.random.default_rng(5).normal(size=shape), -1)


def _cross_entropy(
    x: np.ndarray, reduction: str = "mean", smoothing: float = 0.0, weight: np.ndarray | None = None, ignore: int = -100
) -> np.ndarray:
    rows, classes = x.shape
    labels = _labels(rows, classes)
    w = np.ones(classes) if weight is None else weight
    log_p = _log_softmax(x, 1)
    losses = -(1 - smoothing) * w[labels] * log_p[np.arange(rows), labels] - smoothing / classes * (log_p @ w)
    counted = labels != ignore
    losses = np.where(counted, losses, 0.0)
    if reduction == "none":
        return losses
    total = losses.sum()
    return total / w[labels][counted].sum() if reduction == "mean" else total


def _cross_entropy_dense(x: np.ndarray) -> np.ndarray:
    return -(_targets(x.shape) * _log_softmax(x, 1)).sum() / x.shape[0]


def _standardized(x: np.ndarray) -> np.ndarray:
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)


def _attention(
    q: np.ndarray, k: np.ndarray, v: np.ndarray, mask: np.ndarray | float = 0.0, scale: float | None = None
) -> np.ndarray:
    factor = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    return _softmax(factor * (q @ k.swapaxes(-1, -2)) + mask, -1) @ v


def _some(q: Any, k: Any) -> np.ndarray:
    """Some keys for each query."""
    return (np.arange(q.shape[-2])[:, None] * 2 + np.arange(k.shape[-2])) % 3 < 2


_IN = np.random.default_rng(11).normal(size=(12, 4)).astype(np.float32).astype(np.float64)
_OUT = np.random.default_rng(12).normal(size=(4, 4)).astype(np.float32).astype(np.float64)


def _heads(x: Any, weights: bool, which: int) -> Any:
    """Two heads within a sequence: the result, or the weights."""
    project, join = wg.tensor(_IN, dtype=x.dtype), wg.tensor(_OUT, dtype=x.dtype)
    return F.multi_head_attention_forward(
        x, x, x, 4, 2, project, None, None, None, False, 0.0, join, None, need_weights=weights
    )[which]


def _heads_reference(x: np.ndarray, which: int = 0) -> np.ndarray:
    sequences = x[:, None] if x.ndim == 2 else x
    q, k, v = (
        part.reshape(*sequences.shape[:2], 2, 2).transpose(1, 2, 0, 3) for part in np.split(sequences @ _IN.T, 3, -1)
    )
    if which:
        shares = _softmax(q @ k.swapaxes(-1, -2) / math.sqrt(2), -1).mean(1)
        return shares[0] if x.ndim == 2 else shares
    return (_attention(q, k, v).transpose(2, 0, 1, 3).reshape(sequences.shape) @ _OUT.T).reshape(x.shape)


ATTENTION: tuple[Shapes, ...] = (
    ((3, 2), (4, 2), (4, 3)),
    ((1, 1), (1, 1), (1, 1)),
    ((2, 3, 4), (2, 5, 4), (2, 5, 2)),
    ((2, 1, 3, 2), (5, 4, 2), (2, 5, 4, 1)),
)
ROWS: tuple[Shapes, ...] = (((1, 1),), ((3, 10),), ((5, 17),), ((2, 65),))
_W17 = np.linspace(0.5, 2.0, 10).astype(np.float32).astype(np.float64)
PRODUCTS: tuple[Shapes, ...] = (
    ((3, 4), (4, 5)),
    ((1, 1), (1, 1)),
    ((2, 7), (7, 1)),
    ((3, 0), (0, 2)),
    ((0, 3), (3, 2)),
    ((4,), (4,)),
    ((4,), (4, 3)),
    ((3, 4), (4,)),
    ((2, 3, 4), (2, 4, 5)),
    ((2, 1, 3, 4), (5, 4, 2)),
    ((2, 3, 4), (4, 5)),
    ((3, 4), (2, 4, 5)),
    ((17, 33), (33, 19)),
)
SQUARES: tuple[Shapes, ...] = (((3, 3),), ((2, 3, 3),), ((1, 1),))
OBLONGS: tuple[Shapes, ...] = (((4, 2),), ((2, 4),))
AFFINE: tuple[Shapes, ...] = (
    ((3, 4), (4, 5), (5,)),
    ((1, 1), (1, 1), (1,)),
    ((2, 3, 4), (4, 2), (2,)),
    ((4,), (4, 3), (3,)),
)

TERNARY: tuple[Shapes, ...] = (
    ((), (), ()),
    ((7,), (7,), (7,)),
    ((3, 5), (5,), (3, 1)),
    ((), (4,), (1,)),
    ((2, 3), (), (0, 1, 1)),
)
COMPARISONS = {  # the names that NumPy has for them
    "eq": "equal", "ne": "not_equal", "less": "less", "less_equal": "less_equal", "greater": "greater",
    "greater_equal": "greater_equal", "logical_and": "logical_and", "logical_or": "logical_or",
    "logical_xor": "logical_xor",
}  # fmt: skip
POINTS: tuple[Shapes, ...] = (((3, 4), (5, 4)), ((1, 1), (1, 1)), ((2, 3, 2), (4, 2)), ((0, 2), (3, 2)))
EINSUMS: dict[str, tuple[Shapes, ...]] = {
    "ij,jk->ik": (((2, 3), (3, 4)), ((2, 0), (0, 4))),
    "ij,jk": (((2, 3), (3, 4)),),
    "ij->": (((2, 3),),),
    "ii->i": (((3, 3),),),
    "iij->j": (((3, 3, 2),),),
    "...ij->...ji": (((2, 3, 4),), ((3, 4),)),
    "bij,bjk->bik": (((2, 3, 4), (2, 4, 5)),),
    "b...i,b...i->b...": (((2, 3, 4), (2, 3, 4)), ((2, 4), (2, 4))),
    "i,j,k->kij": (((2,), (3,), (4,)),),
    "ij,kj,kl->il": (((2, 3), (4, 3), (4, 5)),),
    "ij,ij,jk,k->i": (((2, 3), (2, 3), (3, 4), (4,)),),
    "ij,kl->": (((2, 3), (4, 1)),),
    "ij,j": (((2, 3), (1,)),),
}


def _staggered(x: Any) -> Any:
    """x with 3, 6, 9, ... added to its diagonal, so that singular values and eigenvalues differ."""
    rows, columns = x.shape[-2:]
    return x + np.eye(rows, columns, dtype=x.dtype) * np.arange(3, 3 * columns + 3, 3, dtype=x.dtype)


def _dominant(x: Any) -> Any:
    """x with 6 added to its diagonal."""
    return x + np.eye(x.shape[-1], dtype=x.dtype) * 6


def _lu(x: np.ndarray) -> tuple[np.ndarray, ...]:
    """The order, L and U of a matrix, by elimination without haste."""
    upper = np.array(x)
    m, n = x.shape
    k = min(m, n)
    order, lower = np.arange(m), np.zeros((m, k))
    for j in range(k):
        p = j + np.abs(upper[j:, j]).argmax()
        for part in (order, upper, lower):
            part[[j, p]] = part[[p, j]]
        lower[j:, j] = upper[j:, j] / upper[j, j]
        upper[j + 1 :] -= np.outer(lower[j + 1 :, j], upper[j])
    return order, lower, upper[:k]


def _lu_packed(x: np.ndarray) -> np.ndarray:
    if x.ndim > 2:
        return np.stack([_lu_packed(part) for part in x])
    _, lower, upper = _lu(x)
    out = np.zeros(x.shape)
    out[:, : lower.shape[1]] += np.tril(lower, -1)
    out[: upper.shape[0]] += upper
    return out


def _exponential(x: np.ndarray) -> np.ndarray:
    """By its series, after halving: exact to a few digits more than are asked for."""
    halved = np.asarray(x / 2**10, np.longdouble)
    term = total = np.broadcast_to(np.eye(x.shape[-1], dtype=np.longdouble), x.shape)
    for k in range(1, 14):
        term = term @ halved / k
        total = total + term
    for _ in range(10):
        total = total @ total
    return total.astype(np.float64)


def _blocks(*parts: np.ndarray) -> np.ndarray:
    matrices = [np.atleast_2d(x) for x in parts]
    out = np.zeros(tuple(sum(x.shape[d] for x in matrices) for d in (0, 1)))
    row = column = 0
    for x in matrices:
        out[row : row + x.shape[0], column : column + x.shape[1]] = x
        row, column = row + x.shape[0], column + x.shape[1]
    return out


def _triangle(library: Any, x: Any, upper: bool) -> Any:
    return library.triu(x) if upper else library.tril(x)


def _square_of_factor(x: np.ndarray, upper: bool) -> np.ndarray:
    """The matrix that has x as its Cholesky factor."""
    return x.mT @ x if upper else x @ x.mT


def _symmetric(x: Any) -> Any:
    return _staggered(x + x.mT)


def _layer(cell: str) -> Callable[..., Any]:
    """Two steps of two sequences, the second first; the last state beside all."""

    def function(x: Any, w: Any, u: Any, b: Any) -> Any:
        out, last, *_ = recurrent_layer(x, None, None, w, u, b, None, cell=cell, sizes=(2, 2), reverse=True)
        return wg.cat((out, last))

    return function


def _layer_by_step(cell: str) -> Callable[..., np.ndarray]:
    def sigmoid(x: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-x))

    def step(p: np.ndarray, h: np.ndarray, c: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        q = h @ u.T
        if cell == "tanh":
            return np.tanh(p + q), c
        if cell == "lstm":
            i, f, g, o = np.split(p + q, 4, 1)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            return sigmoid(o) * np.tanh(c), c
        (p_r, p_z, p_n), (q_r, q_z, q_n) = np.split(p, 3, 1), np.split(q, 3, 1)
        z = sigmoid(p_z + q_z)
        return (1 - z) * np.tanh(p_n + sigmoid(p_r + q_r) * q_n) + z * h, c

    def reference(x: np.ndarray, w: np.ndarray, u: np.ndarray, b: np.ndarray) -> np.ndarray:
        zeros = np.zeros((2, u.shape[1]))
        second = step(x[2:] @ w.T + b, zeros, zeros, u)
        first = step(x[:2] @ w.T + b, *second, u)
        return np.concatenate((first[0], second[0], first[0]))

    return reference


CASES: tuple[Case, ...] = (
    # ------------------------------------------------------------ arithmetic
    Case("add", wg.add, np.add, BINARY),
    Case("sub", wg.sub, np.subtract, BINARY),
    Case("mul", wg.mul, np.multiply, BINARY),
    Case("div", wg.div, np.divide, BINARY, avoid=(0.0,), low=0.3, high=2),
    Case("pow", wg.pow, np.power, BINARY, low=0.3, high=2),
    Case("pow_2", lambda x: x**2, np.square),
    Case("pow_3", lambda x: x**3, lambda x: x**3),
    Case("pow_half", lambda x: x**0.5, np.sqrt, low=0.3),
    Case("pow_base", lambda x: 2.5**x, lambda x: 2.5**x),
    Case("pow_zero_base", lambda x: 0.0**x, lambda x: 0.0**x, low=0.3),
    Case("maximum", wg.maximum, np.maximum, BINARY, distinct=True, order=2),
    Case("minimum", wg.minimum, np.minimum, BINARY, distinct=True, order=2),
    Case("neg", wg.neg, np.negative),
    Case("abs", wg.abs, np.abs, avoid=(0.0,)),
    Case("sign", wg.sign, np.sign, avoid=(0.0,)),
    Case("reciprocal", wg.reciprocal, np.reciprocal, low=0.3),
    Case("square", wg.square, np.square),
    Case("sqrt", wg.sqrt, np.sqrt, low=0.3),
    Case("scale_and_shift", lambda x: 3 - 2 * x / 4, lambda x: 3 - 2 * x / 4),
    Case("add_alpha", lambda x, y: wg.add(x, y, alpha=2.5), lambda x, y: x + 2.5 * y, BINARY),
    Case("sub_alpha", lambda x, y: wg.sub(x, y, alpha=2.5), lambda x, y: x - 2.5 * y, BINARY),
    Case("lerp", lambda x, y: wg.lerp(x, y, 0.25), lambda x, y: x + 0.25 * (y - x), BINARY),
    Case("lerp_tensor", wg.lerp, lambda x, y, w: x + w * (y - x), TERNARY),
    Case("addcmul", lambda x, y, z: wg.addcmul(x, y, z, value=0.5), lambda x, y, z: x + 0.5 * y * z, TERNARY),
    Case("addcdiv", lambda x, y, z: wg.addcdiv(x, y, z, value=0.5), lambda x, y, z: x + 0.5 * y / z, TERNARY, low=0.3),
    Case("nextafter", wg.nextafter, np.nextafter, BINARY),
    Case("copysign", wg.copysign, np.copysign, BINARY, avoid=(0.0,)),
    Case("nan_to_num", wg.nan_to_num, lambda x: x),
    # ------------------------------------------------------------ whole numbers: x / y lies between 3.5 and 3.96
    Case("floor", wg.floor, np.floor, avoid=(-1.0, 0.0, 1.0)),
    Case("ceil", wg.ceil, np.ceil, avoid=(-1.0, 0.0, 1.0)),
    Case("trunc", wg.trunc, np.trunc, avoid=(-1.0, 1.0)),
    Case("round", wg.round, np.round, avoid=(-1.5, -0.5, 0.5, 1.5)),
    Case("round_to_tens", lambda x: wg.round(x, decimals=-1), lambda x: np.round(x, -1)),
    Case("frac", wg.frac, lambda x: x - np.trunc(x), avoid=(-1.0, 1.0)),
    Case("floor_divide", lambda x, y: wg.floor_divide(x + 3, y), lambda x, y: (x + 3) // y, BINARY,
         low=1.05, high=1.15),
    Case("div_trunc", lambda x, y: wg.div(-3 - x, y, rounding_mode="trunc"), lambda x, y: -((x + 3) // y), BINARY,
         low=1.05, high=1.15),
    Case("remainder", lambda x, y: wg.remainder(-3 - x, y), lambda x, y: np.remainder(-3 - x, y), BINARY,
         low=1.05, high=1.15),
    Case("fmod", lambda x, y: wg.fmod(-3 - x, y), lambda x, y: np.fmod(-3 - x, y), BINARY, low=1.05, high=1.15),
    # ------------------------------------------------------------ exponentials, logarithms, circular functions
    Case("exp", wg.exp, np.exp),
    Case("expm1", wg.expm1, np.expm1),
    Case("log", wg.log, np.log, low=0.3),
    Case("log1p", wg.log1p, np.log1p, low=-0.6),
    Case("sin", wg.sin, np.sin),
    Case("cos", wg.cos, np.cos),
    Case("erf", wg.erf, _vectorize(math.erf)),
    Case("tan", wg.tan, np.tan, low=-1.2, high=1.2),
    Case("asin", wg.asin, np.arcsin, low=-0.8, high=0.8),
    Case("acos", wg.acos, np.arccos, low=-0.8, high=0.8),
    Case("atan", wg.atan, np.arctan),
    Case("atan2", wg.atan2, np.arctan2, BINARY, low=0.3),
    Case("sinh", wg.sinh, np.sinh),
    Case("cosh", wg.cosh, np.cosh),
    Case("asinh", wg.asinh, np.arcsinh),
    Case("acosh", wg.acosh, np.arccosh, low=1.3, high=3.0),
    Case("atanh", wg.atanh, np.arctanh, low=-0.8, high=0.8),
    Case("exp2", wg.exp2, np.exp2),
    Case("log2", wg.log2, np.log2, low=0.3),
    Case("log10", wg.log10, np.log10, low=0.3),
    Case("rsqrt", wg.rsqrt, lambda x: 1 / np.sqrt(x), low=0.3),
    Case("hypot", wg.hypot, np.hypot, BINARY, low=0.3),
    Case("logaddexp", wg.logaddexp, np.logaddexp, BINARY),
    Case("xlogy", wg.xlogy, lambda x, y: x * np.log(y), BINARY, low=0.3),
    Case("logit", wg.logit, lambda x: np.log(x / (1 - x)), low=0.1, high=0.9, rtol32=5e-6),
    # ------------------------------------------------------------ special functions
    Case("erfc", wg.erfc, _vectorize(math.erfc)),
    Case("erfcx", special.erfcx, reference("erfcx"), high=6.0),
    Case("erfinv", wg.erfinv, reference("erfinv"), low=-0.9, high=0.9),
    Case("erfcinv", special.erfcinv, lambda x: reference("erfinv")(1 - x), low=0.1, high=1.9, rtol32=5e-6),
    Case("ndtr", special.ndtr, reference("ndtr"), low=-3.0),
    Case("log_ndtr", special.log_ndtr, reference("log_ndtr"), low=-9.0),
    Case("ndtri", special.ndtri, reference("ndtri"), low=0.05, high=0.95),
    Case("sinc", wg.sinc, np.sinc),
    Case("xlog1py", special.xlog1py, lambda x, y: x * np.log1p(y), BINARY, low=-0.7),
    Case("entr", special.entr, lambda x: -x * np.log(x), low=0.3),
    Case("lgamma", wg.lgamma, _vectorize(math.lgamma), low=0.3, high=9.0),
    Case("lgamma_negative", wg.lgamma, _vectorize(math.lgamma), low=-1.8, high=-1.2),
    Case("digamma", wg.digamma, reference("digamma"), low=0.3, high=9.0),
    Case("digamma_negative", special.psi, reference("digamma"), low=-1.8, high=-1.2),
    Case("polygamma", lambda x: wg.polygamma(1, x), reference("polygamma"), low=0.3, high=9.0),
    Case("polygamma_negative", lambda x: x.polygamma(1), reference("polygamma"), low=-1.8, high=-1.2),
    Case("mvlgamma", lambda x: wg.mvlgamma(x, 3), _mvlgamma, low=1.3, high=4.0, rtol32=5e-6),
    Case("gammainc", special.gammainc, gamma_part, FEW_PAIRS, low=0.3, high=4.0, order=2),
    Case("log_gamma_slope", lambda x, y: log_gamma_slope(x + 1, y, n=1), shape_slope, FEW_PAIRS,
         low=-0.6, high=1.8, order=2),
    Case("follow_shape", lambda x: follow_shape(x, _quantile(x)), _log_gamma_quantile, (((4,),), ((),)), low=0.4,
         high=4.0, rtol32=5e-6),
    Case("i0", wg.i0, reference("i0"), high=4.0),
    Case("i0e", special.i0e, reference("i0e"), avoid=(0.0,), high=4.0),
    Case("i1", special.i1, reference("i1"), high=4.0),
    Case("i1e", special.i1e, reference("i1e"), avoid=(0.0,), high=4.0),
    Case("bessel_j0", special.bessel_j0, _exactly(mpmath.besselj, 0), FEW, high=30.0),
    Case("bessel_j1", special.bessel_j1, _exactly(mpmath.besselj, 1), FEW, low=-9.0, order=2),
    Case("bessel_y0", special.bessel_y0, _exactly(mpmath.bessely, 0), FEW, low=0.8, high=9.0, order=2),
    Case("bessel_y1", special.bessel_y1, _exactly(mpmath.bessely, 1), FEW, low=0.8, high=9.0, order=2),
    Case("modified_bessel_k0", special.modified_bessel_k0, _exactly(mpmath.besselk, 0), FEW, low=0.5, high=4.0,
         order=2),
    Case("modified_bessel_k1", special.modified_bessel_k1, _exactly(mpmath.besselk, 1), FEW, low=0.5, high=4.0,
         order=2),
    Case("scaled_modified_bessel_k0", special.scaled_modified_bessel_k0,
         lambda x: np.exp(x) * _exactly(mpmath.besselk, 0)(x), FEW, low=0.5, high=4.0, order=2),
    Case("scaled_modified_bessel_k1", special.scaled_modified_bessel_k1,
         lambda x: np.exp(x) * _exactly(mpmath.besselk, 1)(x), FEW, low=0.5, high=4.0, order=2),
    Case("spherical_bessel_j0", special.spherical_bessel_j0, lambda x: np.sinc(x / np.pi), avoid=(-1.0, 1.0)),
    Case("airy_ai", special.airy_ai, _vectorize(lambda v: float(mpmath.airyai(v))), FEW, low=-5.0, high=3.0),
    Case("igamma", lambda x: wg.igamma(2.5, x), _vectorize(lambda v: _gamma_share(2.5, 0, v)), FEW, low=0.5, high=6.0),
    Case("igammac", lambda x: special.gammaincc(2.5, x), _vectorize(lambda v: _gamma_share(2.5, v, math.inf)), FEW,
         low=0.5, high=6.0, order=2),
    Case("zeta", lambda x: special.zeta(2.5, x), _vectorize(lambda v: float(mpmath.zeta(2.5, v))), FEW, low=0.4,
         high=9.0),
    Case("legendre_polynomial_p", lambda x: special.legendre_polynomial_p(x, 4),
         lambda x: (35 * x**4 - 30 * x**2 + 3) / 8),
    # ------------------------------------------------------------ numbers as they are stored
    Case("fmax", wg.fmax, np.fmax, BINARY, distinct=True),
    Case("fmin", wg.fmin, np.fmin, BINARY, distinct=True),
    Case("logaddexp2", wg.logaddexp2, np.logaddexp2, BINARY),
    Case("frexp", lambda x: wg.frexp(x).mantissa, lambda x: np.frexp(x)[0], low=1.1, high=1.9),
    Case("ldexp", lambda x: wg.ldexp(x, 3), lambda x: np.ldexp(x, 3)),
    # ------------------------------------------------------------ angles
    Case("deg2rad", wg.deg2rad, np.deg2rad),
    Case("rad2deg", wg.rad2deg, np.rad2deg),
    # ------------------------------------------------------------ activations
    Case("tanh", wg.tanh, np.tanh),
    Case("sigmoid", wg.sigmoid, lambda x: 1 / (1 + np.exp(-x))),
    Case("relu", wg.relu, lambda x: np.maximum(x, 0), avoid=(0.0,)),
    Case("leaky_relu", lambda x: wg.leaky_relu(x, 0.125), lambda x: np.where(x > 0, x, x / 8), avoid=(0.0,)),
    Case("softplus", wg.softplus, lambda x: np.logaddexp(x, 0)),
    Case("hardswish", wg.hardswish, lambda x: x * np.minimum(np.maximum(x + 3, 0), 6) / 6, low=-5, high=5,
         avoid=(-3, 3), kernel="hardswish"),
    Case("gelu", wg.gelu, lambda x: x * 0.5 * (1 + _vectorize(math.erf)(x / math.sqrt(2))), rtol32=4e-6),
    Case("clip", lambda x: wg.clip(x, -1, 1), lambda x: np.clip(x, -1, 1), avoid=(-1.0, 1.0)),
    Case("clip_min_tensor", lambda x, y: wg.clip(x, min=y), np.maximum, BINARY, distinct=True),
    Case("clip_max_tensor", lambda x, y: wg.clip(x, max=y), np.minimum, BINARY, distinct=True),
    Case("clip_between", lambda x, y: wg.clip(x, y, y + 1), lambda x, y: np.clip(x, y, y + 1), BINARY, low=0, high=0.9,
         distinct=True),
    Case("clip_below", lambda x: wg.clip(x, min=0.5), lambda x: np.maximum(x, 0.5), avoid=(0.5,)),
    Case("where", lambda x, y: wg.where(x > 0, x * y, y), lambda x, y: np.where(x > 0, x * y, y), BINARY, avoid=(0.0,)),
    # ------------------------------------------------------------ what has no derivative: a choice by it has
    *(
        Case(name, lambda x, y, name=name: wg.where(getattr(wg, name)(x, y), x * y, y),
             lambda x, y, name=name: np.where(getattr(np, COMPARISONS[name])(x, y), x * y, y), BINARY, avoid=(0.0,))
        for name in COMPARISONS
    ),
    *(
        Case(name, lambda x, name=name: wg.where(getattr(wg, name)(x), x * x, x),
             lambda x, name=name: np.where(getattr(np, name)(x), x * x, x), avoid=(0.0,))
        for name in ("isnan", "isinf", "isfinite", "isposinf", "isneginf", "signbit", "logical_not")
    ),
    *(
        Case(name, lambda x, y, name=name: wg.where(getattr(wg, name)(x > 0, y > 0), x * y, y),
             lambda x, y, name=name: np.where(getattr(np, name)(x > 0, y > 0), x * y, y), BINARY, avoid=(0.0,))
        for name in ("bitwise_and", "bitwise_or", "bitwise_xor")
    ),
    Case("bitwise_not", lambda x: wg.where(wg.bitwise_not(x > 0), x * x, x), lambda x: np.where(x > 0, x, x * x),
         avoid=(0.0,)),
    Case("bitwise_left_shift", lambda x: x * wg.bitwise_left_shift((x > 0).long(), 2), lambda x: x * 4 * (x > 0),
         avoid=(0.0,)),
    Case("bitwise_right_shift", lambda x: x * wg.bitwise_right_shift((x > 0).long() * 5, 1), lambda x: x * 2 * (x > 0),
         avoid=(0.0,)),
    Case("isclose", lambda x, y: wg.where(wg.isclose(x, y, 0.5), x * y, y),
         lambda x, y: np.where(np.isclose(x, y, 0.5), x * y, y), BINARY, distinct=True),
    Case("equal", lambda x: x * wg.equal(x, x), lambda x: x * 1),
    Case("isin", lambda x: wg.where(wg.isin(x, x[:1]), x * x, x), lambda x: np.where(np.isin(x, x[:1]), x * x, x),
         MATRICES),
    Case("all", lambda x: wg.where(wg.all(x > 0, 0), x * x, x), lambda x: np.where((x > 0).all(0), x * x, x), MATRICES,
         avoid=(0.0,)),
    Case("any", lambda x: wg.where(wg.any(x > 0, 0), x * x, x), lambda x: np.where((x > 0).any(0), x * x, x), MATRICES,
         avoid=(0.0,)),
    Case("count_nonzero", lambda x: x * wg.count_nonzero(x > 0), lambda x: x * np.count_nonzero(x > 0),
         avoid=(0.0,)),
    Case("nonzero_of_where", lambda x: x[wg.where(x > 0)], lambda x: x[np.nonzero(x > 0)], FILLED[1:], avoid=(0.0,)),
    # ------------------------------------------------------------ reductions
    Case("sum", wg.sum, np.sum),
    Case("sum_0", lambda x: x.sum(0), lambda x: x.sum(0), MATRICES),
    Case("sum_keepdim", lambda x: x.sum((0, -1), keepdim=True), lambda x: x.sum((0, -1), keepdims=True), MATRICES),
    Case("mean", wg.mean, np.mean, FILLED),
    Case("mean_1", lambda x: x.mean(1), lambda x: x.mean(1), MATRICES),
    Case("prod", wg.prod, np.prod, (((),), ((1,),), ((5,),), ((2, 3),), ((0,),)), rtol32=1e-5),
    Case("prod_1", lambda x: x.prod(1), lambda x: x.prod(1), MATRICES, rtol32=1e-5),
    Case("amax", wg.amax, np.max, FILLED, distinct=True),
    Case("max", lambda x: x.max(), np.max, FILLED, distinct=True),
    Case("min", lambda x: x.min(), np.min, FILLED, distinct=True),
    Case("amax_0", lambda x: wg.amax(x, 0), lambda x: x.max(0), MATRICES, distinct=True),
    Case("amin", wg.amin, np.min, FILLED, distinct=True),
    Case("max_values", lambda x: x.max(1).values, lambda x: x.max(1), MATRICES, distinct=True),
    Case("min_values", lambda x: x.min(0, keepdim=True)[0], lambda x: x.min(0, keepdims=True), MATRICES, distinct=True),
    Case("logsumexp", lambda x: wg.logsumexp(x, -1), lambda x: np.log(np.exp(x).sum(-1)), MATRICES),
    Case("logsumexp_all", wg.logsumexp, lambda x: np.log(np.exp(x).sum()), FILLED),
    Case("var", lambda x: x.var(0), lambda x: x.var(0, ddof=1), (((3, 5),), ((4,),), ((2, 1),))),
    Case("var_population", lambda x: x.var(correction=0), lambda x: x.var(), (((3, 5),), ((4,),))),
    Case("std", lambda x: x.std(1), lambda x: x.std(1, ddof=1), (((3, 5),), ((2, 3),)), rtol32=5e-6),
    Case("norm", wg.norm, lambda x: np.sqrt((x**2).sum()), (((7,),), ((3, 5),), ((1,),)), low=0.3),
    Case("norm_1", lambda x: x.norm(dim=1), lambda x: np.sqrt((x**2).sum(1)), (((3, 5),),), low=0.3),
    Case("norm_l1", lambda x: x.norm(1), lambda x: np.abs(x).sum(), FILLED, avoid=(0.0,)),
    Case("norm_p3", lambda x: x.norm(3), lambda x: (np.abs(x) ** 3).sum() ** (1 / 3), (((5,),), ((2, 3),)), low=0.3),
    Case("norm_p4", lambda x: x.norm(4, 0), lambda x: (x**4).sum(0) ** 0.25, (((5,),), ((4, 3),)), low=0.3),
    Case("norm_p1.5", lambda x: x.norm(1.5, -1, True), lambda x: (np.abs(x) ** 1.5).sum(-1, keepdims=True) ** (2 / 3),
         (((5,),), ((2, 3),)), avoid=(0.0,), rtol32=5e-6),
    Case("norm_p_below_1", lambda x: x.norm(0.5), lambda x: (np.abs(x) ** 0.5).sum() ** 2, (((3,),), ((2, 2),)),
         avoid=(0.0,), rtol32=5e-6),
    Case("norm_p_negative", lambda x: x.norm(-2, 1), lambda x: (np.abs(x) ** -2.0).sum(1) ** -0.5, MATRICES, low=0.5,
         rtol32=5e-6),
    Case("norm_0", lambda x: x.norm(0), lambda x: np.float64(np.count_nonzero(x)), avoid=(0.0,)),
    Case("norm_nuc", lambda x: wg.norm(_staggered(x), "nuc"),
         lambda x: np.linalg.norm(_staggered(x), "nuc"), OBLONGS, order=2, rtol32=1e-5),
    Case("softmax_dtype", lambda x: wg.softmax(x, 0, dtype=x.dtype), lambda x: _softmax(x, 0), ROWS),
    Case("cumsum", lambda x: x.cumsum(-1), lambda x: x.cumsum(-1), (((7,),), ((3, 5),), ((2, 3, 4),), ((2, 0),))),
    Case("cumsum_0", lambda x: x.cumsum(0), lambda x: x.cumsum(0), (((7,),), ((3, 5),), ((2, 3, 4),))),
    Case("norm_inf", lambda x: x.norm(math.inf), lambda x: np.abs(x).max(), FILLED, distinct=True, low=0.3),
    Case("aminmax", lambda x: sum(wg.aminmax(x)), lambda x: x.min() + x.max(), FILLED, distinct=True),
    Case("nansum", wg.nansum, np.sum),
    Case("nanmean", lambda x: wg.nanmean(x, 0), lambda x: x.mean(0), MATRICES),
    Case("var_mean", lambda x: wg.stack(wg.var_mean(x, 0)), lambda x: np.stack([x.var(0, ddof=1), x.mean(0)]),
         (((3, 5),), ((4, 1),))),
    Case("std_mean", lambda x: wg.stack(wg.std_mean(x)), lambda x: np.stack([x.std(ddof=1), x.mean()]), (((3, 5),),),
         rtol32=5e-6),
    Case("cumprod", lambda x: x.cumprod(-1), lambda x: x.cumprod(-1), (((7,),), ((3, 5),), ((2, 3, 4),), ((2, 0),)),
         rtol32=1e-5),
    Case("cumprod_0", lambda x: wg.cumprod(x, 0), lambda x: x.cumprod(0), (((4,),), ((3, 5),)), rtol32=1e-5),
    Case("cummax", lambda x: wg.cummax(x, 0).values, lambda x: np.maximum.accumulate(x, 0), MATRICES, distinct=True),
    Case("cummin", lambda x: wg.cummin(x, 1)[0], lambda x: np.minimum.accumulate(x, 1), MATRICES, distinct=True),
    Case("logcumsumexp", lambda x: wg.logcumsumexp(x, -1), lambda x: np.log(np.exp(x).cumsum(-1)),
         (((7,),), ((2, 3),))),
    Case("diff", lambda x: wg.diff(x, 2, 0), lambda x: np.diff(x, 2, 0), (((5,),), ((4, 3),), ((1, 2),))),
    Case("cov", wg.cov, np.cov, (((3, 5),), ((2, 4),), ((6,),))),
    Case("cov_population", lambda x: wg.cov(x, correction=0), lambda x: np.cov(x, bias=True), (((3, 5),), ((1, 4),))),
    Case("cov_weighted",
         lambda x, w: wg.cov(x, fweights=wg.tensor([1, 2, 0, 1, 3]), aweights=w),
         lambda x, w: np.cov(x, fweights=[1, 2, 0, 1, 3], aweights=w), (((3, 5), (5,)),), low=0.3, rtol32=1e-5,
         order=2),
    Case("corrcoef", wg.corrcoef, np.corrcoef, (((3, 5),), ((2, 4),)), rtol32=1e-5, order=2),
    Case("trapezoid", lambda x: wg.trapezoid(x, dx=0.5), lambda x: np.trapezoid(x, dx=0.5),
         (((7,),), ((3, 5),), ((2, 3, 4),), ((2, 1),))),
    Case("trapezoid_places", lambda x, y: wg.trapezoid(y, x, dim=0),
         lambda x, y: (np.diff(x.reshape(-1, *(1,) * (y.ndim - 1)) if x.ndim == 1 else x, axis=0)
                       * (y[1:] + y[:-1]) / 2).sum(0),
         (((7,), (7,)), ((3,), (3, 5)), ((3, 5), (3, 5)), ((3, 1), (3, 2)))),
    Case("cumulative_trapezoid", lambda x: wg.cumulative_trapezoid(x, dim=0),
         lambda x: ((x[1:] + x[:-1]) / 2).cumsum(0), (((7,),), ((3, 5),), ((1, 2),))),
    # ------------------------------------------------------------ order
    Case("sort", lambda x: wg.sort(x, 0)[0], lambda x: np.sort(x, 0), MATRICES, distinct=True),
    Case("sort_descending", lambda x: x.sort(descending=True).values, lambda x: np.sort(x)[..., ::-1], MATRICES,
         distinct=True),
    Case("topk", lambda x: wg.topk(x, 2)[0], lambda x: np.sort(x)[..., :-3:-1], (((7,),), ((3, 5),)), distinct=True),
    Case("kthvalue", lambda x: x.kthvalue(2, 0)[0], lambda x: np.sort(x, 0)[1], (((7,),), ((3, 5),)), distinct=True),
    Case("median", wg.median, lambda x: np.sort(x, None)[(x.size - 1) // 2], FILLED, distinct=True),
    Case("median_1", lambda x: x.median(1, keepdim=True)[0],
         lambda x: np.sort(x, 1)[:, (x.shape[1] - 1) // 2, None], MATRICES, distinct=True),
    Case("nanmedian", wg.nanmedian, lambda x: np.sort(x, None)[(x.size - 1) // 2], FILLED, distinct=True),
    Case("quantile", lambda x: wg.quantile(x, 0.3), lambda x: np.quantile(x, 0.3), FILLED, distinct=True, rtol32=1e-5),
    Case("quantile_share", lambda x, q: wg.quantile(x, q, 0), lambda x, q: np.quantile(x, q, 0),
         (((3, 5), (2,)), ((7,), ())), low=0.02, high=0.98, avoid=(1 / 6, 1 / 3, 0.5, 2 / 3, 5 / 6), distinct=True,
         rtol32=1e-5),
    Case("quantile_0", lambda x: x.quantile(0.8, dim=0, keepdim=True), lambda x: np.quantile(x, 0.8, 0, keepdims=True),
         MATRICES, distinct=True, rtol32=1e-5),
    # ------------------------------------------------------------ shape
    Case("reshape", lambda x: x.reshape(-1) * 2, lambda x: x.reshape(-1) * 2),
    Case("permute", lambda x: x.permute(2, 0, 1) * 2, lambda x: x.transpose(2, 0, 1) * 2, (((2, 3, 4),), ((1, 0, 2),))),
    Case("transpose", lambda x: x.T * 1.5, lambda x: x.T * 1.5, MATRICES),
    Case("broadcast_to", lambda x: wg.broadcast_to(x, (3, 2, 5)), lambda x: np.broadcast_to(x, (3, 2, 5)),
         (((5,),), ((2, 1),), ((),), ((1, 2, 5),))),
    Case("t", lambda x: wg.t(x) * 1.5, lambda x: x.T * 1.5, MATRICES),
    Case("flip", lambda x: x.flip(0, 1), lambda x: np.flip(x, (0, 1)), MATRICES),
    Case("cat", lambda x, y: wg.cat([x, y, x], 1), lambda x, y: np.concatenate([x, y, x], 1),
         (((2, 3), (2, 1)), ((1, 0), (1, 2)))),
    Case("stack", lambda x, y: wg.stack([x, y], -1), lambda x, y: np.stack([x, y], -1), (((2, 3), (2, 3)), ((), ()))),
    Case("squeeze", lambda x: wg.unsqueeze(wg.squeeze(x), 0), lambda x: np.squeeze(x)[None], (((1, 3, 1),), ((2, 3),))),
    Case("flatten", lambda x: x.flatten(1), lambda x: x.reshape(x.shape[0], -1), (((2, 3, 4),), ((2, 3),))),
    Case("expand", lambda x: x.expand(3, -1, 5), lambda x: np.broadcast_to(x, (3, x.shape[0], 5)),
         (((2, 1),), ((4, 5),))),
    Case("broadcast_tensors", lambda x, y: wg.stack(wg.broadcast_tensors(x, y)),
         lambda x, y: np.stack(np.broadcast_arrays(x, y)), BINARY),
    Case("ravel", lambda x: wg.ravel(x.T) * 2, lambda x: x.T.ravel() * 2, MATRICES),
    Case("unflatten", lambda x: x.unflatten(0, (-1, 2)) ** 2, lambda x: x.reshape(-1, 2, *x.shape[1:]) ** 2,
         (((4,),), ((6, 3),), ((0, 2),))),
    Case("movedim", lambda x: wg.movedim(x, (0, 1), (-1, 0)) * 2, lambda x: np.moveaxis(x, (0, 1), (-1, 0)) * 2,
         (((2, 3, 4),), ((3, 2),))),
    Case("split", lambda x: wg.split(x, 2)[1] * 2, lambda x: x[2:4] * 2, (((5,),), ((4, 3),))),
    Case("chunk", lambda x: wg.chunk(x, 2, 1)[0] * 2, lambda x: x[:, : -(-x.shape[1] // 2)] * 2, MATRICES),
    Case("tensor_split", lambda x: wg.tensor_split(x, 2)[0] * 2, lambda x: np.array_split(x, 2)[0] * 2, MATRICES),
    Case("unbind", lambda x: wg.unbind(x, 1)[0] * 2, lambda x: x[:, 0] * 2, MATRICES),
    Case("narrow", lambda x: x.narrow(0, -2, 1) * 2, lambda x: x[-2:-1] * 2, (((3, 5),), ((2,),))),
    Case("select", lambda x: x.select(1, -1) * 2, lambda x: x[:, -1] * 2, MATRICES),
    Case("hstack", lambda x, y: wg.hstack([x, y]), lambda x, y: np.hstack([x, y]), (((2, 3), (2, 1)), ((2,), (3,)))),
    Case("vstack", lambda x, y: wg.vstack([x, y]), lambda x, y: np.vstack([x, y]), (((2, 3), (1, 3)), ((3,), (3,)))),
    Case("dstack", lambda x, y: wg.dstack([x, y]), lambda x, y: np.dstack([x, y]), (((2, 3), (2, 3)), ((3,), (3,)))),
    Case("column_stack", lambda x, y: wg.column_stack([x, y]), lambda x, y: np.column_stack([x, y]),
         (((3, 2), (3,)), ((3,), (3,)))),
    Case("repeat", lambda x: x.repeat(2, 3, 1), lambda x: np.tile(x, (2, 3, 1)),
         (((2, 3),), ((4,),), ((2, 0),), ((),))),
    Case("tile", lambda x: wg.tile(x, (2,)), lambda x: np.tile(x, 2), (((2, 3),), ((4,),), ((),))),
    Case("repeat_interleave", lambda x: wg.repeat_interleave(x, 3, 0), lambda x: np.repeat(x, 3, 0), MATRICES),
    Case("unfold", lambda x: x.unfold(0, 3, 1) * 2,
         lambda x: np.lib.stride_tricks.sliding_window_view(x, 3, 0) * 2, (((7,),), ((3, 5),), ((4, 2, 3),))),
    Case("unfold_apart", lambda x: x.unfold(-1, 2, 3) * 1.5,
         lambda x: np.lib.stride_tricks.sliding_window_view(x, 2, -1)[..., ::3, :] * 1.5,
         (((7,),), ((3, 5),), ((0, 4),), ((2,),))),
    Case("unfold_long", lambda x: x.unfold(0, 5, 2) ** 2,
         lambda x: np.lib.stride_tricks.sliding_window_view(x, 5, 0)[::2] ** 2, (((7,),), ((5, 2),))),
    Case("roll", lambda x: wg.roll(x, 2), lambda x: np.roll(x, 2)),
    Case("roll_dims", lambda x: wg.roll(x, (1, -2), (0, 1)), lambda x: np.roll(x, (1, -2), (0, 1)), MATRICES),
    Case("rot90", lambda x: wg.rot90(x) * 2, lambda x: np.rot90(x) * 2, MATRICES),
    Case("rot90_back", lambda x: wg.rot90(x, -1, [1, 0]) * 2, lambda x: np.rot90(x, -1, (1, 0)) * 2, MATRICES),
    Case("tril", lambda x: wg.tril(x, -1), lambda x: np.tril(x, -1), MATRICES),
    Case("triu", lambda x: wg.triu(x, -1), lambda x: np.triu(x, -1), MATRICES),
    Case("diagonal", lambda x: wg.diagonal(x, 1) * 2, lambda x: np.diagonal(x, 1) * 2, MATRICES),
    Case("diagonal_dims", lambda x: x.diagonal(-1, 2, 0) * 2, lambda x: np.diagonal(x, -1, 2, 0) * 2, (((2, 3, 4),),)),
    Case("diag_embed", lambda x: wg.diag_embed(x, 1), lambda x: np.stack([np.diag(r, 1) for r in x]), (((2, 3),),)),
    # ------------------------------------------------------------ indexing
    Case("index_slice", lambda x: x[1:, ::-2], lambda x: x[1:, ::-2], MATRICES),
    Case("index_int", lambda x: x[0] * x[-1], lambda x: x[0] * x[-1], MATRICES),
    Case("index_rows", lambda x: x[[0, 2, 0, -1]], lambda x: x[[0, 2, 0, -1]], (((3, 5),), ((4,),), ((3, 2, 2),))),
    Case("index_pairs", lambda x: x[[0, 1, 0], [1, 0, 1]], lambda x: x[[0, 1, 0], [1, 0, 1]], (((3, 5),), ((2, 2),))),
    Case("index_mask", lambda x: x[x > 0], lambda x: x[x > 0], avoid=(0.0,)),
    Case("index_none", lambda x: x[None, ..., 0], lambda x: x[None, ..., 0], MATRICES),
    Case("index_put", lambda x, y: wg.index_put(x, (slice(None), 1), y), lambda x, y: _put(x, y),
         (((3, 4), (3,)), ((3, 4), ()), ((2, 2), (1,)))),
    Case("take_along_dim", lambda x: wg.take_along_dim(x, wg.argsort(x, 1), 1),
         lambda x: np.sort(x, 1), MATRICES, distinct=True),
    Case("index_mixture", lambda x: x[1, ..., [0, 1, 0]], lambda x: x[1][..., [0, 1, 0]], (((2, 3, 4),), ((3, 2),))),
    Case("index_apart", lambda x: x[[0, 1, 1], :, [1, 0, 1]], lambda x: x[[0, 1, 1], :, [1, 0, 1]], (((2, 3, 4),),)),
    Case("index_grid", lambda x: x[[[0], [1]], [1, 0]], lambda x: x[[[0], [1]], [1, 0]], (((3, 5),), ((2, 2, 3),))),
    Case("index_put_repeated", lambda x, y: wg.index_put(x, (wg.tensor([1, 0, 1]),), y), lambda x, y: _last(x, y),
         (((3, 4), (3, 4)), ((2, 2), (2,)))),
    Case("index_put_add", lambda x, y: wg.index_put(x, (wg.tensor([1, 0, 1]),), y, accumulate=True),
         lambda x, y: _added(x, [1, 0, 1], y), (((3, 4), (3, 4)), ((2, 2), (2,)), ((3,), ()))),
    Case("gather", lambda x: wg.gather(x, 1, wg.tensor([[1, 0, 1], [0, 0, 0]])),
         lambda x: np.take_along_axis(x[:2], np.array([[1, 0, 1], [0, 0, 0]]), 1), (((3, 5),), ((2, 2),))),
    Case("scatter", lambda x, y: wg.scatter(x, 0, wg.tensor([[1, 0]]), y),
         lambda x, y: _placed(x, ([1, 0], [0, 1]), y[0, :2]), (((3, 4), (1, 2)), ((2, 2), (2, 3)))),
    Case("scatter_number", lambda x: wg.scatter(x, 1, wg.tensor([[1], [0]]), 2.0),
         lambda x: _placed(x, ([0, 1], [1, 0]), 2.0), (((3, 4),), ((2, 2),))),
    Case("scatter_add", lambda x, y: wg.scatter_add(x, 0, wg.tensor([[1, 0], [1, 1]]), y),
         lambda x, y: _added(x, ([1, 0, 1, 1], [0, 1, 0, 1]), y[:2, :2].ravel()), (((3, 4), (2, 2)), ((2, 2), (2, 3)))),
    *(
        Case(f"scatter_reduce_{kind}{'_alone' * (not own)}",
             lambda x, y, kind=kind, own=own: wg.scatter_reduce(x, 1, wg.tensor(_SPREAD), y, kind, include_self=own),
             lambda x, y, kind=kind, own=own: _scatter_reduced(x, y, kind, own),
             (((3, 4), (2, 3)), ((2, 4), (2, 3))), distinct=kind in ("amax", "amin"), rtol32=1e-5)
        for kind in ("sum", "prod", "mean", "amax", "amin") for own in (True, False)
    ),
    Case("scatter_reduce_zeros",
         lambda x, y: wg.scatter_reduce(x, 0, wg.tensor([0, 1, 0, 2, 2]), y * wg.tensor([0, 1, 1, 0, 0]), "prod"),
         lambda x, y: x * np.array([0 * y[0] * y[2], y[1], 0 * y[3] * y[4], *[1] * (len(x) - 3)]),
         (((4,), (5,)), ((3,), (5,)))),
    Case("index_select", lambda x: wg.index_select(x, 1, wg.tensor([1, 0, 1])), lambda x: x[:, [1, 0, 1]],
         (((3, 5),), ((2, 2, 3),))),
    Case("index_add", lambda x, y: wg.index_add(x, 0, wg.tensor([1, 0, 1]), y, alpha=2),
         lambda x, y: _added(x, [1, 0, 1], 2 * y), (((3, 4), (3, 4)), ((2,), (3,)))),
    Case("index_copy", lambda x, y: wg.index_copy(x, 1, wg.tensor([2, 0]), y),
         lambda x, y: _placed(x, (slice(None), [2, 0]), y), (((3, 4), (3, 2)),)),
    Case("index_fill", lambda x: wg.index_fill(x, 0, wg.tensor([1, 0, 1]), 0.5),
         lambda x: _placed(x, [1, 0], 0.5), (((3, 4),), ((2,),))),
    Case("take", lambda x: wg.take(x, wg.tensor([[3, 0], [1, 3]])), lambda x: x.ravel()[[[3, 0], [1, 3]]],
         (((3, 5),), ((4,),))),
    Case("masked_fill", lambda x: x.masked_fill(x > 0, -0.5), lambda x: np.where(x > 0, -0.5, x), avoid=(0.0,)),
    Case("masked_fill_tensor", lambda x, y: wg.masked_fill(x, x > 0, y), lambda x, y: np.where(x > 0, y, x),
         (((3, 4), ()), ((7,), ())), avoid=(0.0,)),
    Case("masked_select", lambda x: wg.masked_select(x, x > 0), lambda x: x[x > 0], avoid=(0.0,)),
    Case("masked_scatter", lambda x, y: wg.masked_scatter(x, x > 0, y),
         lambda x, y: _placed(x, x > 0, y.ravel()[: (x > 0).sum()]), (((3, 4), (3, 4)), ((7,), (2, 4))), avoid=(0.0,)),
    # ------------------------------------------------------------ linear algebra
    Case("matmul", wg.matmul, np.matmul, PRODUCTS),
    Case("matmul_transposed", lambda x, y: x.T @ y.T, lambda x, y: x.T @ y.T, (((4, 3), (5, 4)), ((33, 17), (19, 33)))),
    Case("dot", wg.dot, np.dot, (((4,), (4,)), ((0,), (0,)))),
    Case("mv", wg.mv, np.dot, (((3, 4), (4,)),)),
    Case("bmm", wg.bmm, np.matmul, (((2, 3, 4), (2, 4, 5)),)),
    Case("outer", wg.outer, np.outer, (((3,), (4,)), ((0,), (2,)))),
    Case("affine", wg.affine, lambda x, w, b: x @ w + b, AFFINE),
    Case("linear", lambda x, w, b: wg.linear(x, w.T, b), lambda x, w, b: x @ w + b, AFFINE),
    Case("vdot", wg.vdot, np.vdot, (((4,), (4,)),)),
    Case("inner", wg.inner, np.inner, (((4,), (4,)), ((2, 4), (3, 4)), ((), (3,)))),
    Case("addmm", lambda x, y, z: wg.addmm(x, y, z, beta=0.5, alpha=2), lambda x, y, z: 0.5 * x + 2 * (y @ z),
         (((5,), (3, 4), (4, 5)), ((3, 1), (3, 2), (2, 2)))),
    Case("addmv", wg.addmv, lambda x, y, z: x + y @ z, (((3,), (3, 4), (4,)),)),
    Case("baddbmm", wg.baddbmm, lambda x, y, z: x + y @ z, (((2, 1, 5), (2, 3, 4), (2, 4, 5)),)),
    Case("tensordot", lambda x, y: wg.tensordot(x, y, 2), lambda x, y: np.tensordot(x, y, 2),
         (((2, 3, 4), (3, 4, 5)),)),
    Case("tensordot_dims", lambda x, y: wg.tensordot(x, y, ([0, 2], [2, 0])),
         lambda x, y: np.tensordot(x, y, ([0, 2], [2, 0])), (((2, 3, 4), (4, 5, 2)),)),
    Case("put", lambda x, y: wg.put(x, wg.tensor([5, 0, -2]), y), lambda x, y: _put_flat(x, [5, 0, -2], y),
         (((2, 3), (3,)), ((4, 5), (3,)))),
    Case("put_added", lambda x, y: wg.put(x, wg.tensor([5, 0, 5]), y, accumulate=True),
         lambda x, y: _added(x.ravel(), [5, 0, 5], y).reshape(x.shape), (((2, 3), (3,)), ((4, 5), (3,)))),
    Case("select_scatter", lambda x, y: wg.select_scatter(x, y, 1, -1), lambda x, y: _placed(x, np.s_[:, -1], y),
         (((2, 3), (2,)), ((4, 2, 3), (4, 3)))),
    Case("slice_scatter", lambda x, y: wg.slice_scatter(x, y, 1, 0, 3, 2), lambda x, y: _placed(x, np.s_[:, 0:3:2], y),
         (((2, 3), (2, 2)), ((4, 5, 3), (4, 2, 3)))),
    Case("diagonal_scatter", lambda x, y: wg.diagonal_scatter(x, y, 1), lambda x, y: _placed(x, ([0, 1], [1, 2]), y),
         (((2, 3), (2,)), ((2, 4), (2,)))),
    Case("index_reduce", lambda x, y: wg.index_reduce(x, 0, wg.tensor([1, 0, 1]), y, "mean"),
         lambda x, y: np.concatenate([(x[:1] + y[1:2]) / 2, (x[1:2] + y[:1] + y[2:]) / 3, x[2:]]),
         (((3, 2), (3, 2)), ((2,), (3,)))),
    Case("renorm", lambda x: wg.renorm(x, 2, 0, 0.5),
         lambda x: 0.5 * x / (np.sqrt((x * x).sum(1, keepdims=True)) + 1e-7), (((3, 4),), ((2, 2),)), low=1.0, order=2),
    Case("mode", lambda x: wg.mode(x.round().detach() + 0 * x, 0).values,
         lambda x: np.array([_frequent(np.round(column)) for column in x.T]), MATRICES, low=-1.4, high=1.4,
         avoid=(-0.5, 0.5)),
    Case("gradient", lambda x: wg.gradient(x, dim=0, spacing=0.5, edge_order=2)[0],
         lambda x: np.gradient(x, 0.5, axis=0, edge_order=2), (((4, 2),), ((5,),), ((3,),))),
    Case("gradient_placed", lambda x: wg.gradient(x, spacing=[wg.tensor([0.0, 1.0, 3.0, 4.5], dtype=x.dtype)])[0],
         lambda x: np.gradient(x, [0.0, 1.0, 3.0, 4.5]), (((4,),),)),
    Case("sum_to_size", lambda x: x.sum_to_size(1, 3), lambda x: x.sum((0, 1))[None], (((2, 4, 3),),)),
    Case("addr", lambda x, y, z: wg.addr(x, y, z, beta=0.5, alpha=2), lambda x, y, z: 0.5 * x + 2 * np.outer(y, z),
         (((2, 3), (2,), (3,)), ((3,), (2,), (3,)))),
    Case("addbmm", lambda x, y, z: wg.addbmm(x, y, z, beta=0.5, alpha=2),
         lambda x, y, z: 0.5 * x + 2 * (y @ z).sum(0), (((2, 3), (4, 2, 2), (4, 2, 3)),)),
    Case("vander", lambda x: wg.vander(x, 4), lambda x: np.vander(x, 4), (((3,),), ((1,),)), low=0.3),
    Case("vander_of_stack", lambda x: linalg.vander(x, N=3), lambda x: x[..., None] ** np.arange(3), (((2, 3),),),
         low=0.3),
    Case("vecdot", lambda x, y: linalg.vecdot(x, y, dim=0), lambda x, y: (x * y).sum(0),
         (((4,), (4,)), ((3, 2), (3, 1)))),
    Case("orgqr", wg.orgqr, lambda x, tau: _reflections(x, tau)[:, : x.shape[1]], (((3, 2), (2,)), ((3, 3), (2,))),
         order=2),
    Case("ormqr", lambda x, tau, y: wg.ormqr(x, tau, y, left=False, transpose=True),
         lambda x, tau, y: y @ _reflections(x, tau).T, (((3, 2), (2,), (4, 3)),), order=2),
    Case("lu_unpack", lambda x: wg.lu_unpack(*linalg.lu_factor(_staggered(x)))[2],
         lambda x: _lu(_staggered(x))[2], (((3, 3),), ((2, 4),)), rtol32=1e-5, order=2),
    Case("cholesky_ex", lambda x: linalg.cholesky_ex(x @ x.mT + _dominant(0 * x)).L,
         lambda x: np.linalg.cholesky(x @ x.mT + _dominant(0 * x)),
         (((3, 3),),), rtol32=1e-5, order=2),
    Case("inv_ex", lambda x: linalg.inv_ex(_dominant(x)).inverse, lambda x: np.linalg.inv(_dominant(x)), SQUARES,
         rtol32=1e-5, order=2),
    Case("solve_ex", lambda x, y: linalg.solve_ex(_dominant(x), y, left=False).result,
         lambda x, y: y @ np.linalg.inv(_dominant(x)), (((3, 3), (2, 3)),), rtol32=1e-5, order=2),
    Case("tensorinv", lambda x: linalg.tensorinv(_dominant(x).reshape(2, 2, 4)),
         lambda x: np.linalg.tensorinv(_dominant(x).reshape(2, 2, 4)), (((4, 4),),), rtol32=1e-5, order=2),
    Case("tensorsolve", lambda x, y: linalg.tensorsolve(_dominant(x).reshape(4, 2, 2), y.reshape(2, 2), (0,)),
         lambda x, y: np.linalg.tensorsolve(_dominant(x).reshape(4, 2, 2), y.reshape(2, 2), (0,)), (((4, 4), (4,)),),
         rtol32=1e-5, order=2),
    Case("ldl_solve", lambda x: linalg.ldl_solve(*linalg.ldl_factor(wg.tensor(_INDEFINITE, dtype=x.dtype)), x),
         lambda x: np.linalg.solve(_INDEFINITE, x), (((4, 2),), ((2, 4, 1),)), rtol32=1e-5, order=2),
    Case("triangular_solve", lambda x, y: wg.triangular_solve(y, _dominant(x), transpose=True).solution,
         lambda x, y: np.linalg.solve(np.triu(_dominant(x)).T, y), (((3, 3), (3, 2)),), rtol32=1e-5, order=2),
    Case("kron", wg.kron, np.kron, (((2, 3), (2, 2)), ((3,), (2, 2)), ((), (2,)))),
    Case("trace", wg.trace, np.trace, MATRICES),
    *(
        Case(f"einsum {equation}", lambda *xs, equation=equation: wg.einsum(equation, *xs),
             lambda *xs, equation=equation: np.einsum(equation, *xs), shapes)
        for equation, shapes in EINSUMS.items()
    ),
    Case("cdist", wg.cdist, lambda x, y: _distances(x, y, 2), POINTS, rtol32=5e-6),
    Case("cdist_1", lambda x, y: wg.cdist(x, y, p=1), lambda x, y: _distances(x, y, 1), POINTS, distinct=True),
    Case("cdist_3", lambda x, y: wg.cdist(x, y, 3), lambda x, y: _distances(x, y, 3), POINTS, distinct=True,
         rtol32=5e-6),
    Case("dist", wg.dist, lambda x, y: np.sqrt(((x - y) ** 2).sum()), (((7,), (7,)), ((2, 3), (3,)))),
    # ------------------------------------------------------------ decompositions
    Case("det", lambda x: linalg.det(_dominant(x)), lambda x: np.linalg.det(_dominant(x)), SQUARES, rtol32=1e-5),
    Case("det_twice", lambda x: wg.func.grad(lambda x: (wg.func.grad(linalg.det)(x) * x).sum())(_dominant(x)),
         lambda x: 3 * np.linalg.det(_dominant(x)) * np.linalg.inv(_dominant(x)).T, (((3, 3),),), rtol32=1e-5, order=2),
    Case("slogdet", lambda x: linalg.slogdet(_dominant(x)).logabsdet, lambda x: np.linalg.slogdet(_dominant(x))[1],
         SQUARES),
    Case("inv", lambda x: linalg.inv(_dominant(x)), lambda x: np.linalg.inv(_dominant(x)), SQUARES, rtol32=1e-5),
    Case("solve", lambda x, y: linalg.solve(_dominant(x), y), lambda x, y: np.linalg.solve(_dominant(x), y),
         (((3, 3), (3, 2)), ((2, 3, 3), (3, 1)), ((1, 1), (4, 1, 2))), rtol32=1e-5),
    Case("solve_vector", lambda x, y: linalg.solve(_dominant(x), y),
         lambda x, y: np.linalg.solve(_dominant(x), y[..., None])[..., 0],
         (((3, 3), (3,)), ((2, 3, 3), (2, 3))), rtol32=1e-5),
    Case("cholesky", lambda x: linalg.cholesky(x @ x.mT + _dominant(0 * x)),
         lambda x: np.linalg.cholesky(x @ x.mT + _dominant(0 * x)), SQUARES, rtol32=1e-5),
    Case("cholesky_upper", lambda x: linalg.cholesky(x @ x.mT + _dominant(0 * x), upper=True),
         lambda x: np.linalg.cholesky(x @ x.mT + _dominant(0 * x), upper=True), SQUARES, rtol32=1e-5),
    Case("lu", lambda x: wg.cat([part.flatten() for part in linalg.lu(_staggered(x).flip(0))[1:]]),
         lambda x: np.concatenate([part.ravel() for part in _lu(np.flip(_staggered(x), 0))[1:]]),
         (((3, 3),), *OBLONGS, ((1, 1),)), rtol32=1e-5, order=2),
    Case("lu_factor", lambda x: linalg.lu_factor(_staggered(x)).LU, lambda x: _lu_packed(_staggered(x)),
         SQUARES + OBLONGS, rtol32=1e-5, order=2),
    Case("lu_solve", lambda x, y: linalg.lu_solve(*linalg.lu_factor(_dominant(x)), y),
         lambda x, y: np.linalg.solve(_dominant(x), y), (((3, 3), (3, 2)), ((2, 3, 3), (2, 3, 1))), rtol32=1e-5),
    Case("lu_solve_adjoint",
         lambda x, y: linalg.lu_solve(*linalg.lu_factor(_dominant(x).flip(0)), y, left=False, adjoint=True),
         lambda x, y: np.linalg.solve(np.flip(_dominant(x), 0), y.mT).mT, (((3, 3), (2, 3)), ((4, 4), (1, 4))),
         rtol32=1e-5),
    Case("lu_solve_transposed", lambda x, y: linalg.lu_solve(*linalg.lu_factor(_dominant(x).flip(-2)), y, adjoint=True),
         lambda x, y: np.linalg.solve(np.flip(_dominant(x), -2).mT, y), (((3, 3), (3, 2)), ((2, 3, 3), (3, 1))),
         rtol32=1e-5),
    Case("solve_triangular", lambda x, y: linalg.solve_triangular(_dominant(x), y, upper=False),
         lambda x, y: np.linalg.solve(np.tril(_dominant(x)), y),
         (((3, 3), (3, 2)), ((2, 1, 3, 3), (4, 3, 1)), ((1, 1), (1, 1)), ((17, 17), (17, 5)), ((0, 0), (0, 2))),
         rtol32=1e-5),
    Case("solve_triangular_upper", lambda x, y: linalg.solve_triangular(_dominant(x), y, upper=True, left=False),
         lambda x, y: np.linalg.solve(np.triu(_dominant(x)).mT, y.mT).mT, (((3, 3), (2, 3)), ((2, 3, 3), (2, 1, 3))),
         rtol32=1e-5),
    Case("solve_triangular_unit", lambda x, y: linalg.solve_triangular(x, y, upper=True, unitriangular=True),
         lambda x, y: np.linalg.solve(np.triu(x, 1) + np.eye(x.shape[-1]), y), (((3, 3), (3, 2)), ((4, 4), (4, 1))),
         rtol32=1e-5),
    Case("solve_triangular_vector", lambda x, y: linalg.solve_triangular(_dominant(x), y, upper=True),
         lambda x, y: np.linalg.solve(np.triu(_dominant(x)), y), (((3, 3), (3,)),), rtol32=1e-5),
    Case("cholesky_solve", lambda x, y: wg.cholesky_solve(y, wg.tril(_dominant(x))),
         lambda x, y: np.linalg.solve(_square_of_factor(np.tril(_dominant(x)), False), y),
         (((3, 3), (3, 2)), ((2, 3, 3), (3, 1))), rtol32=1e-5),
    Case("cholesky_solve_upper", lambda x, y: wg.cholesky_solve(y, wg.triu(_dominant(x)), upper=True),
         lambda x, y: np.linalg.solve(_square_of_factor(np.triu(_dominant(x)), True), y), (((3, 3), (3, 2)),),
         rtol32=1e-5),
    *(
        Case(name, lambda x, upper=upper: wg.cholesky_inverse(_triangle(wg, _dominant(x), upper), upper),
             lambda x, upper=upper: np.linalg.inv(_square_of_factor(_triangle(np, _dominant(x), upper), upper)),
             SQUARES, rtol32=1e-5)
        for name, upper in (("cholesky_inverse", False), ("cholesky_inverse_upper", True))
    ),
    Case("eigh_upper", lambda x: linalg.eigh(_symmetric(x), "U").eigenvalues,
         lambda x: np.linalg.eigh(_symmetric(x), "U")[0], SQUARES, rtol32=1e-5),
    Case("eigh_values", lambda x: linalg.eigh(_symmetric(x)).eigenvalues, lambda x: np.linalg.eigh(_symmetric(x))[0],
         SQUARES, rtol32=1e-5),
    Case("eigh_vectors", lambda x: linalg.eigh(_symmetric(x)).eigenvectors ** 2,
         lambda x: np.linalg.eigh(_symmetric(x))[1] ** 2, SQUARES, rtol32=1e-5, order=2),
    Case("svd_values", lambda x: linalg.svd(_staggered(x)).S, lambda x: np.linalg.svd(_staggered(x))[1],
         SQUARES + OBLONGS, rtol32=1e-5),
    Case("svd_left", lambda x: linalg.svd(_staggered(x), full_matrices=False).U ** 2,
         lambda x: np.linalg.svd(_staggered(x), full_matrices=False)[0] ** 2, SQUARES + OBLONGS, rtol32=1e-5, order=2),
    Case("svd_right", lambda x: linalg.svd(_staggered(x), full_matrices=False).Vh ** 2,
         lambda x: np.linalg.svd(_staggered(x), full_matrices=False)[2] ** 2, SQUARES + OBLONGS, rtol32=1e-5, order=2),
    Case("qr_q", lambda x: linalg.qr(_staggered(x)).Q, lambda x: np.linalg.qr(_staggered(x))[0], SQUARES + OBLONGS,
         rtol32=1e-5, order=2),
    Case("qr_r", lambda x: linalg.qr(_staggered(x)).R, lambda x: np.linalg.qr(_staggered(x))[1], SQUARES + OBLONGS,
         rtol32=1e-5, order=2),
    Case("pinv", lambda x: linalg.pinv(_staggered(x)), lambda x: np.linalg.pinv(_staggered(x)), SQUARES + OBLONGS,
         rtol32=1e-5, order=2),
    Case("pinv_hermitian", lambda x: linalg.pinv(_symmetric(x), hermitian=True),
         lambda x: np.linalg.pinv(_symmetric(x), hermitian=True), SQUARES, rtol32=1e-5, order=2),
    Case("lstsq", lambda x, y: linalg.lstsq(_staggered(x), y).solution, lambda x, y: np.linalg.pinv(_staggered(x)) @ y,
         (((4, 2), (4, 3)), ((4, 2), (4,)), ((2, 4), (2, 1))), rtol32=1e-5, order=2),
    Case("matrix_power", lambda x: linalg.matrix_power(x, 3), lambda x: np.linalg.matrix_power(x, 3), SQUARES,
         rtol32=1e-5),
    Case("matrix_exp", linalg.matrix_exp, _exponential, (*SQUARES, ((0, 0),)), rtol32=1e-5, order=2),
    Case("matrix_exp_large", lambda x: linalg.matrix_exp(8 * x), lambda x: _exponential(8 * x), (((2, 2),), ((1, 1),)),
         low=-0.5, high=0.5, rtol32=2e-5, order=2),
    Case("cond", lambda x: linalg.cond(_staggered(x)), lambda x: np.linalg.cond(_staggered(x)), SQUARES + OBLONGS,
         rtol32=1e-5, order=2),
    *(
        Case(f"cond_{p}", lambda x, p=p: linalg.cond(_staggered(x), p), lambda x, p=p: np.linalg.cond(_staggered(x), p),
             SQUARES, low=0.3, high=1, rtol32=2e-5, order=2)
        for p in ("fro", "nuc", 1, -1, -2, math.inf, -math.inf)
    ),
    Case("multi_dot", lambda x, y, z: linalg.multi_dot([x, y, z]), lambda x, y, z: x @ y @ z,
         (((2, 7), (7, 3), (3, 4)), ((7, 1), (1, 5), (5, 2)), ((4,), (4, 3), (3,)), ((2, 0), (0, 3), (3, 1))),
         rtol32=1e-5, order=2),
    Case("cross", lambda x, y: wg.cross(x, y, dim=-1), lambda x, y: np.cross(x, y),
         (((3,), (3,)), ((4, 3), (4, 3)), ((2, 1, 3), (1, 4, 3)), ((0, 3), (1, 3)))),
    Case("cross_0", lambda x, y: linalg.cross(x, y, dim=0), lambda x, y: np.cross(x, y, axis=0), (((3, 4), (3, 4)),)),
    Case("block_diag", lambda x, y, z: wg.block_diag(x, y, z), _blocks,
         (((2, 3), (4,), ()), ((1, 1), (0, 2), (3, 0)), ((), (), (2, 2)))),
    Case("matrix_norm_2", lambda x: linalg.norm(_staggered(x), 2, dim=(-2, -1)),
         lambda x: np.linalg.norm(_staggered(x), 2, axis=(-2, -1)), SQUARES, rtol32=1e-5),
    # ------------------------------------------------------------ softmax, cross-entropy
    Case("softmax", lambda x: wg.softmax(x, -1), lambda x: _softmax(x, -1), (*ROWS, ((7,),), ((2, 3, 4),), ((0, 3),))),
    Case("softmax_0", lambda x: wg.softmax(x, 0), lambda x: _softmax(x, 0), ROWS),
    Case("log_softmax", lambda x: wg.log_softmax(x, -1), lambda x: _log_softmax(x, -1), (*ROWS, ((2, 3, 4),)),
         rtol32=4e-6),
    Case("log_softmax_0", lambda x: wg.log_softmax(x, 0), lambda x: _log_softmax(x, 0), ROWS, rtol32=4e-6),
    Case("cross_entropy", lambda x: wg.cross_entropy(x, _labels(*x.shape)), _cross_entropy, ROWS, rtol32=4e-6),
    Case("cross_entropy_sum", lambda x: wg.cross_entropy(x, _labels(*x.shape), reduction="sum"),
         lambda x: _cross_entropy(x, "sum"), ROWS, rtol32=4e-6),
    Case("cross_entropy_none", lambda x: wg.cross_entropy(x, _labels(*x.shape), reduction="none"),
         lambda x: _cross_entropy(x, "none"), ROWS, rtol32=4e-6),
    Case("cross_entropy_smooth", lambda x: wg.cross_entropy(x, _labels(*x.shape), label_smoothing=0.1),
         lambda x: _cross_entropy(x, smoothing=0.1), ROWS, rtol32=4e-6),
    Case("cross_entropy_weighted",
         lambda x: wg.cross_entropy(x, _labels(*x.shape), wg.tensor(_W17, dtype=x.dtype), label_smoothing=0.2),
         lambda x: _cross_entropy(x, smoothing=0.2, weight=_W17), (((4, 10),),), rtol32=4e-6),
    Case("cross_entropy_ignore", lambda x: wg.cross_entropy(x, _labels(*x.shape), ignore_index=3),
         lambda x: _cross_entropy(x, ignore=3), (((4, 10),), ((6, 17),)), rtol32=4e-6),
    Case("cross_entropy_dense", lambda x: wg.cross_entropy(x, wg.tensor(_targets(x.shape), dtype=x.dtype)),
         _cross_entropy_dense, ROWS, rtol32=4e-6),
    Case("cross_entropy_targets", lambda x, y: wg.cross_entropy(x, wg.softmax(y, 1)),
         lambda x, y: -(_softmax(y, 1) * _log_softmax(x, 1)).sum(1).mean(), (((3, 4), (3, 4)),), rtol32=4e-6),
    # ------------------------------------------------------------ nn.functional
    Case("gelu_tanh", lambda x: F.gelu(x, approximate="tanh"),
         lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))),
    Case("prelu", lambda x, y: F.prelu(x, y), lambda x, y: np.where(x > 0, x, x * y), (((7,), (1,)), ((2, 3), (1,)))),
    Case("elu", lambda x: F.elu(x, 0.5), lambda x: np.where(x > 0, x, 0.5 * np.expm1(np.minimum(x, 0))), avoid=(0.0,)),
    Case("silu", F.silu, lambda x: x / (1 + np.exp(-x))),
    Case("huber_loss", lambda x: F.huber_loss(x, wg.zeros_like(x.detach()), "none", 0.5),
         lambda x: np.where(np.abs(x) < 0.5, 0.5 * x * x, 0.5 * (np.abs(x) - 0.25)), avoid=(-0.5, 0.5)),
    Case("smooth_l1_loss", lambda x: F.smooth_l1_loss(x, wg.zeros_like(x.detach()), reduction="none", beta=0.5),
         lambda x: np.where(np.abs(x) < 0.5, x * x, np.abs(x) - 0.25), avoid=(-0.5, 0.5)),
    Case("kl_div", lambda x, y: F.kl_div(x, y, reduction="sum"), lambda x, y: (y * (np.log(y) - x)).sum(),
         (((7,), (7,)), ((2, 3), (2, 3))), low=0.1),
    Case("batch_norm", lambda x: F.batch_norm(x, None, None, training=True), lambda x: _standardized(x.T).T,
         (((5, 3),), ((7, 2),)), rtol32=2e-5),
    Case("cosine_similarity", F.cosine_similarity,
         lambda x, y: (x * y).sum(1) / np.sqrt((np.broadcast_arrays(x, y)[0] ** 2).sum(1)
                                              * (np.broadcast_arrays(x, y)[1] ** 2).sum(1)),
         (((3, 4), (3, 4)), ((3, 4), (3, 1)), ((1, 4), (3, 1))), low=0.3),
    Case("embedding", lambda x: F.embedding(wg.tensor([[1, 0], [1, 1]]), x), lambda x: x[[[1, 0], [1, 1]]],
         (((3, 4),), ((2, 1),))),
    Case("layer_norm", lambda x: F.layer_norm(x, x.shape[-1:]), _standardized, (((3, 5),), ((2, 3, 4),)), rtol32=2e-5),
    Case("layer_norm_with_weights", lambda x, w, b: F.layer_norm(x, x.shape[-1:], w, b),
         lambda x, w, b: _standardized(x) * w + b, (((3, 5), (5,), (5,)), ((2, 3, 4), (4,), (4,))), rtol32=2e-5),
    Case("kl_div_of_constants", lambda x: F.kl_div(x, wg.full_like(x.detach(), 0.3), reduction="sum"),
         lambda x: (0.3 * (np.log(0.3) - x)).sum(), (((3, 5),), ((4,),))),
    Case("binary_cross_entropy", lambda x, y: F.binary_cross_entropy(x, y, reduction="none"),
         lambda x, y: -y * np.log(x) - (1 - y) * np.log1p(-x), (((7,), (7,)), ((2, 3), (2, 3))), low=0.1, high=0.9),
    Case("binary_cross_entropy_with_logits", F.binary_cross_entropy_with_logits,
         lambda x, y: (np.logaddexp(0, x) - y * x).mean(), (((7,), (7,)), ((2, 3), (2, 3))), low=0.1, high=0.9),
    Case("nll_loss", lambda x: F.nll_loss(x, wg.from_numpy(_labels(*x.shape))),
         lambda x: -x[np.arange(len(x)), _labels(*x.shape)].mean(), ROWS),
    Case("mse_loss", F.mse_loss, lambda x, y: ((x - y) ** 2).mean(), (((7,), (7,)), ((2, 3), (2, 3)))),
    Case("l1_loss", lambda x, y: F.l1_loss(x, y - 3), lambda x, y: np.abs(x - y + 3).mean(),
         (((7,), (7,)), ((2, 3), (2, 3)))),
    # ------------------------------------------------------------ convolution
    Case("conv2d", lambda x, w: F.conv2d(x, w, padding=1), lambda x, w: _convolved(x, w, padding=(1, 1)),
         (((2, 3, 4, 5), (4, 3, 3, 3)), ((2, 1, 3), (2, 2, 1, 2)), ((0, 2, 3, 3), (1, 2, 2, 2))), rtol32=4e-6),
    Case("conv2d_bias", lambda x, w, b: F.conv2d(x, w, b, stride=(2, 1), padding=(0, 2), dilation=(1, 2), groups=2),
         lambda x, w, b: _convolved(x, w, (2, 1), (0, 2), (1, 2), 2) + b[:, None, None],
         (((2, 4, 5, 3), (2, 2, 2, 3), (2,)), ((2, 3, 3), (4, 1, 2, 2), (4,))), rtol32=4e-6),
    Case("conv_relu", lambda x, w, b: conv_relu(2, x, w, b, 1, 1, 1, 1),
         lambda x, w, b: np.maximum(_convolved(x, w, padding=(1, 1)) + b[:, None, None], 0),
         (((2, 1, 3, 3), (2, 1, 3, 3), (2,)), ((2, 3, 2), (1, 2, 1, 2), (1,))), rtol32=4e-6),
    Case("conv1d", lambda x, w, b: F.conv1d(x, w, b, padding="same"),
         lambda x, w, b: _convolved(x[..., None, :], w[:, :, None], padding=(0, (w.shape[2] - 1) // 2),
                                    size=(1, x.shape[-1]))[..., 0, :] + b[:, None],
         (((2, 3, 6), (4, 3, 3), (4,)), ((1, 5), (2, 1, 4), (2,))), rtol32=4e-6),
    Case("conv_transpose2d", lambda x, w: F.conv_transpose2d(x, w, stride=2, padding=1, output_padding=(1, 0)),
         lambda x, w: _convolved_transposed(x, w, (2, 2), (1, 1), (1, 0)),
         (((2, 3, 2, 3), (3, 2, 3, 3)), ((2, 3, 2), (2, 1, 2, 3))), rtol32=4e-6),
    Case("conv_transpose1d", lambda x, w, b: F.conv_transpose1d(x, w, b, groups=2, dilation=2),
         lambda x, w, b: np.concatenate([
             _convolved_transposed(x[:, [k], None], w[[k], :, None], (1, 1), (0, 0), (0, 0), (1, 2))[:, :, 0]
             for k in range(2)], 1) + b[:, None],
         (((2, 2, 4), (2, 2, 3), (4,)),), rtol32=4e-6),
    # ------------------------------------------------------------ attention
    Case("attention", F.scaled_dot_product_attention, lambda q, k, v: _attention(q, k, v), ATTENTION, rtol32=1e-5),
    Case("attention_causal", lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=0.6),
         lambda q, k, v: _attention(q, k, v, np.where(np.tri(q.shape[-2], k.shape[-2]) > 0, 0, -np.inf), 0.6),
         ATTENTION, rtol32=1e-5),
    Case("attention_of_some", lambda q, k, v: F.scaled_dot_product_attention(q, k, v, wg.tensor(_some(q, k))),
         lambda q, k, v: _attention(q, k, v, np.where(_some(q, k), 0, -np.inf)), ATTENTION, rtol32=1e-5),
    Case("attention_masked", lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, m),
         lambda q, k, v, m: _attention(q, k, v, m), (((2, 3, 2), (2, 4, 2), (2, 4, 3), (3, 4)),
                                                      ((3, 2), (4, 2), (4, 2), (1, 4))), rtol32=1e-5),
    Case("attention_grouped", lambda q, k, v: F.scaled_dot_product_attention(q, k, v, enable_gqa=True),
         lambda q, k, v: _attention(q, k.repeat(2, -3), v.repeat(2, -3)), (((4, 3, 2), (2, 4, 2), (2, 4, 1)),),
         rtol32=1e-5),
    Case("multi_head_attention", lambda x: _heads(x, False, 0), lambda x: _heads_reference(x),
         (((3, 4),), ((5, 2, 4),)), rtol32=1e-5),
    Case("multi_head_attention_with_weights", lambda x: _heads(x, True, 0), lambda x: _heads_reference(x),
         (((3, 4),), ((5, 2, 4),)), rtol32=1e-5),
    Case("multi_head_attention_weights", lambda x: _heads(x, True, 1), lambda x: _heads_reference(x, 1),
         (((3, 4),), ((5, 2, 4),)), rtol32=2e-5),
    # ------------------------------------------------------------ change in place
    Case("overwrite", lambda x: x * x + (x * 2.0).zero_(), lambda x: x * x),
    Case("view_changed", lambda x: _view_changed(x), lambda x: _view_changed(x), (((3, 5),), ((2, 1),), ((4, 2, 2),))),
    # ------------------------------------------------------------ recurrence
    *(Case(f"rnn_layer_{cell}", _layer(cell), _layer_by_step(cell), (((4, 2), (2 * n, 2), (2 * n, 2), (2 * n,)),),
           order=2, rtol32=1e-5)
      for cell, n in (("tanh", 1), ("lstm", 4), ("gru", 3))),
    # ------------------------------------------------------------ several results
    Case("hooked_module", lambda x, y: _hooked(x, y), lambda x, y: np.tanh(x) * y + x,
         (((3, 4), (3, 4)), ((2,), (2,)))),
    Case("checkpoint", lambda x, y: _checkpointed(x, y), lambda x, y: x * np.sin(x * y) + x * y,
         (((3,), (3,)), ((2, 2), (2, 2)), ((), ()))),
    # ------------------------------------------------------------ casts
    Case("cast", lambda x: x.to(dtype=wg.float64) * 2, lambda x: x * 2),
    Case("alias", wg.func.grad(lambda x: (x**4).sum()), lambda x: 4 * x**3, rtol32=1e-5),
    Case("clone", lambda x: x.clone() * x, lambda x: x * x),
    # ------------------------------------------------------------ without a derivative
    Case("nonzero", lambda x: x[wg.nonzero(wg.tensor([1, 0, 2]), as_tuple=True)] * x[0],
         lambda x: x[[0, 2]] * x[0], (((3,),), ((3, 2),))),
    Case("one_hot", lambda x: x * F.one_hot(wg.tensor([0, 2, 1])), lambda x: x * np.eye(3)[[0, 2, 1]],
         (((3,),), ((2, 3, 3),))),
    Case("tensor", lambda x: x * wg.tensor(wg.ones_like(x.detach())), lambda x: x),
    Case("view_dtype", lambda x: x + wg.zeros(2).view(wg.uint8).sum(), lambda x: x,
         (((7,),), ((3, 5),), ((0,),))),
    # ------------------------------------------------------------ more activations
    Case("hardtanh", lambda x: F.hardtanh(x, -0.5, 1.5), lambda x: np.clip(x, -0.5, 1.5), avoid=(-0.5, 1.5)),
    Case("relu6", lambda x: F.relu6(4 * x), lambda x: np.clip(4 * x, 0, 6), avoid=(0.0, 1.5)),
    Case("hardsigmoid", lambda x: F.hardsigmoid(2 * x), lambda x: np.clip(2 * x + 3, 0, 6) / 6, avoid=(-1.5, 1.5)),
    Case("hardshrink", lambda x: F.hardshrink(x, 0.75), lambda x: np.where(np.abs(x) > 0.75, x, 0),
         avoid=(-0.75, 0.75)),
    Case("softshrink", lambda x: F.softshrink(x, 0.75), lambda x: x - np.clip(x, -0.75, 0.75), avoid=(-0.75, 0.75)),
    Case("threshold", lambda x: F.threshold(x, 0.5, -2), lambda x: np.where(x > 0.5, x, -2), avoid=(0.5,)),
    Case("rrelu", lambda x: F.rrelu(x, 0.25, 0.75), lambda x: np.where(x > 0, x, x / 2), avoid=(0.0,)),
    Case("selu", F.selu, lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
         avoid=(0.0,)),
    Case("celu", lambda x: F.celu(x, 0.5), lambda x: np.where(x > 0, x, 0.5 * np.expm1(2 * x)), avoid=(0.0,)),
    Case("mish", F.mish, lambda x: x * np.tanh(np.logaddexp(x, 0)), rtol32=4e-6),
    Case("logsigmoid", F.logsigmoid, lambda x: -np.logaddexp(-x, 0)),
    Case("tanhshrink", F.tanhshrink, lambda x: x - np.tanh(x), rtol32=4e-6),
    Case("softsign", F.softsign, lambda x: x / (1 + np.abs(x)), avoid=(0.0,)),
    Case("glu", lambda x: F.glu(x, 0), lambda x: x[: len(x) // 2] / (1 + np.exp(-x[len(x) // 2 :])),
         (((4,),), ((6, 3),), ((2, 0),), ((0, 3),))),
    # ------------------------------------------------------------ more losses
    Case("margin_ranking_loss", lambda x, y: F.margin_ranking_loss(
             x, y, wg.tensor(_plain_signs(x.shape), dtype=x.dtype), 0.25, reduction="none"),
         lambda x, y: np.maximum(0.25 - _plain_signs(x.shape) * (x - y), 0), (((7,), (7,)), ((2, 3), (2, 3)))),
    Case("hinge_embedding_loss",
         lambda x: F.hinge_embedding_loss(x, wg.tensor(_plain_signs(x.shape), dtype=x.dtype), 0.75),
         lambda x: np.where(_plain_signs(x.shape) > 0, x, np.maximum(0.75 - x, 0)).mean(), FILLED[1:], avoid=(0.75,)),
    Case("cosine_embedding_loss", lambda x, y: F.cosine_embedding_loss(
             x, y, wg.tensor(_plain_signs(x.shape[:-1]), dtype=x.dtype), reduction="sum"),
         lambda x, y: np.where(_plain_signs(x.shape[:-1]) > 0, 1 - _cosine(x, y), _cosine(x, y)).sum(),
         (((3, 4), (3, 4)), ((4,), (4,))), low=0.3),
    Case("triplet_margin_loss", lambda x, y, z: F.triplet_margin_loss(x, y, z, 3.0, swap=True),
         lambda x, y, z: np.maximum(3 + _apart(x, y) - np.minimum(_apart(x, z), _apart(y, z)), 0).mean(),
         (((3, 4), (3, 4), (3, 4)), ((4,), (4,), (4,))), order=2),
    Case("multi_margin_loss", lambda x: F.multi_margin_loss(x, _labels(*x.shape), 2, 5.0),
         lambda x: _multi_margin(x, _labels(*x.shape)), ROWS),
    Case("multilabel_margin_loss", lambda x: F.multilabel_margin_loss(x, np.array([[1, 0, -1, 2], [3, -1, 0, 0]])),
         lambda x: _multilabel_margin(x, [[1, 0], [3]]), (((2, 4),),), low=-0.2, high=0.2),
    Case("multilabel_soft_margin_loss", F.multilabel_soft_margin_loss,
         lambda x, y: (np.logaddexp(0, x) - y * x).mean(), (((2, 3), (2, 3)), ((4,), (4,))), low=0.1, high=0.9),
    Case("soft_margin_loss", F.soft_margin_loss, lambda x, y: np.logaddexp(0, -x * y).mean(),
         (((7,), (7,)), ((2, 3), (2, 3)))),
    Case("gaussian_nll_loss", lambda x, y, v: F.gaussian_nll_loss(x, y, v * v, full=True),
         lambda x, y, v: (np.log(v * v) / 2 + (x - y) ** 2 / (2 * v * v)).mean() + 0.5 * math.log(2 * math.pi),
         (((3, 4), (3, 4), (3, 4)), ((3, 4), (3, 4), (3, 1)), ((5,), (5,), (1,))), low=0.5, rtol32=5e-6),
    Case("poisson_nll_loss", lambda x, y: F.poisson_nll_loss(x, y, full=True, reduction="none"),
         lambda x, y: np.exp(x) - y * x + np.where(
             y > 1, y * np.log(y) - y + 0.5 * np.log(2 * np.pi * y), 0), (((7,), (7,)),), low=0.5, avoid=(1.0,)),
    Case("ctc_loss", lambda x: F.ctc_loss(x, wg.tensor([[1, 2, 0], [2, 2, 0]]), [4, 3], [2, 2], reduction="none"),
         lambda x: np.array([_ctc(x[:4, 0], (1, 2)), _ctc(x[:3, 1], (2, 2))]), (((4, 2, 3),),), order=2),
    Case("ctc_loss_mean", lambda x: F.ctc_loss(F.log_softmax(x, 1), wg.tensor([0, 1]), [4], [2], blank=2),
         lambda x: _ctc(_log_softmax(x, 1), (0, 1), 2) / 2, (((4, 3),),), order=2),
    # ------------------------------------------------------------ padding, sampling
    *(
        Case(f"pad_{mode}", lambda x, mode=mode: F.pad(x, (2, 1, 0, 1), mode),
             lambda x, mode=mode: np.pad(x, ((0, 0), (0, 0), (0, 1), (2, 1)), mode=NUMPY_PADS[mode]),
             (((1, 2, 3, 4),), ((2, 1, 2, 3),)))
        for mode in ("constant", "reflect", "replicate", "circular")
    ),
    Case("interpolate_nearest", lambda x: F.interpolate(x, scale_factor=2), lambda x: x.repeat(2, 2), (((2, 1, 3),),)),
    Case("interpolate_nearest_size", lambda x: F.interpolate(x, 4), lambda x: x[..., [0, 0, 1, 2]], (((2, 1, 3),),)),
    Case("interpolate_linear", lambda x: F.interpolate(x, 5, mode="linear", align_corners=True),
         lambda x: np.stack([x[..., 0], (x[..., 0] + x[..., 1]) / 2, x[..., 1], (x[..., 1] + x[..., 2]) / 2,
                             x[..., 2]], -1), (((2, 1, 3),),)),
    Case("interpolate_area", lambda x: F.interpolate(x, (2, 2), mode="area"),
         lambda x: x.reshape(*x.shape[:2], 2, -1, 2, x.shape[3] // 2).mean((3, 5)), (((2, 1, 4, 6),),)),
    Case("interpolate_bicubic", lambda x: F.interpolate(x, scale_factor=2, mode="bicubic")[..., 3, 3],
         lambda x: _cubic(x), (((2, 1, 4, 4),),)),
    Case("pixel_shuffle", lambda x: F.pixel_shuffle(x, 2) * 2,
         lambda x: 2 * np.moveaxis(x.reshape(2, 2, 2, 3, 2), (1, 2), (2, 4)).reshape(2, 6, 4), (((8, 3, 2),),)),
    Case("pixel_unshuffle", lambda x: F.pixel_unshuffle(F.pixel_shuffle(x, 2), 2) * 2, lambda x: x * 2,
         (((8, 3, 2),),)),
    Case("channel_shuffle", lambda x: F.channel_shuffle(x, 2) * 2, lambda x: x[:, [0, 3, 1, 4, 2, 5]] * 2,
         (((2, 6, 3),),)),
    Case("grid_sample", lambda x, y: F.grid_sample(x, y, align_corners=True),
         lambda x, y: _sampled(x, y), (((2, 2, 2, 2), (2, 1, 3, 2)),), low=-0.9, high=0.9, order=2),
    Case("affine_grid", lambda x: F.affine_grid(x, (2, 1, 2, 2), align_corners=True),
         lambda x: np.array([[-1, -1, 1], [1, -1, 1], [-1, 1, 1], [1, 1, 1]]).reshape(2, 2, 3) @ x.mT[:, None],
         (((2, 2, 3),),)),
    Case("nn_unfold", lambda x: F.unfold(x, (2, 1), stride=2, padding=(1, 0)), lambda x: _columns(x),
         (((2, 2, 3, 4),), ((2, 3, 3),))),
    Case("nn_fold", lambda x: F.fold(x, (3, 4), 2, padding=(1, 0)), lambda x: _folded(x), (((2, 8, 12),),)),
    Case("softmin", lambda x: F.softmin(x, 0), lambda x: _softmax(-x, 0), ROWS),
    # ------------------------------------------------------------ pooling
    Case("max_pool1d", lambda x: F.max_pool1d(x, 3, 2, 1), lambda x: _windows(x, (3,), 2, 1, -math.inf).max(-1),
         (((2, 7),), ((1, 2, 6),)), distinct=True),
    Case("max_pool2d", lambda x: F.max_pool2d(x, 2), lambda x: _windows(x, (2, 2), 2).max((-2, -1)), PICTURES,
         distinct=True),
    Case("max_pool2d_dilated", lambda x: F.max_pool2d(x, 2, 1, 1, 2),
         lambda x: _windows(x, (3, 3), 1, 1, -math.inf)[..., ::2, ::2].max((-2, -1)), PICTURES, distinct=True),
    Case("max_pool2d_indices", lambda x: F.max_pool2d(x, 2, return_indices=True)[0],
         lambda x: _windows(x, (2, 2), 2).max((-2, -1)), PICTURES, distinct=True),
    Case("max_pool2d_places", lambda x: x[..., :1, :1] * F.max_pool2d(x, 2, return_indices=True)[1],
         lambda x: x[..., :1, :1] * _places_of_maxima(x), PICTURES, distinct=True),
    Case("max_unpool2d", lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2),
         lambda x: x * (x == _windows(x, (2, 2), 2).max((-2, -1)).repeat(2, -1).repeat(2, -2)), (((2, 4, 6),),),
         distinct=True),
    Case("adaptive_max_pool1d", lambda x: F.adaptive_max_pool1d(x, 2),
         lambda x: np.stack([x[..., :3].max(-1), x[..., 2:].max(-1)], -1), (((2, 5),),), distinct=True),
    Case("adaptive_max_pool2d", lambda x: F.adaptive_max_pool2d(x, (2, 1)),
         lambda x: np.stack([x[..., :3, :].max((-2, -1)), x[..., 2:, :].max((-2, -1))], -1)[..., None],
         (((2, 5, 3),), ((1, 2, 5, 2),)), distinct=True),
    Case("avg_pool1d", lambda x: F.avg_pool1d(x, 3, 2, 1), lambda x: _windows(x, (3,), 2, 1, 0).mean(-1),
         (((2, 7),), ((1, 2, 6),))),
    Case("avg_pool2d", lambda x: F.avg_pool2d(x, 3, 2, 1, False, False),
         lambda x: np.nanmean(_windows(x, (3, 3), 2, 1, math.nan), (-2, -1)), PICTURES),
    Case("avg_pool2d_override", lambda x: F.avg_pool2d(x, 2, 1, divisor_override=3),
         lambda x: _windows(x, (2, 2), 1).sum((-2, -1)) / 3, PICTURES),
    Case("adaptive_avg_pool1d", lambda x: F.adaptive_avg_pool1d(x, 2),
         lambda x: np.stack([x[..., :3].mean(-1), x[..., 2:].mean(-1)], -1), (((2, 5),),)),
    Case("adaptive_avg_pool2d", lambda x: F.adaptive_avg_pool2d(x, 1), lambda x: x.mean((-2, -1), keepdims=True),
         PICTURES),
    Case("lp_pool1d", lambda x: F.lp_pool1d(x, 3.0, 2), lambda x: (_windows(x, (2,), 2) ** 3).sum(-1) ** (1 / 3),
         (((2, 7),),), low=0.3, rtol32=5e-6),
    Case("lp_pool2d", lambda x: F.lp_pool2d(x, 2.0, 2, 1),
         lambda x: np.sqrt((_windows(x, (2, 2), 1) ** 2).sum((-2, -1))), PICTURES, low=0.3, rtol32=5e-6),
    # ------------------------------------------------------------ normalization
    Case("batch_norm_2d", lambda x, w: F.batch_norm(x, None, None, w, w * w, True),
         lambda x, w: _normalized(x, (0, 2, 3)) * w[:, None, None] + (w * w)[:, None, None],
         (((3, 2, 3, 4), (2,)), ((1, 3, 1, 9), (3,))), rtol32=2e-5),
    Case("batch_norm_relu", lambda x, w, r: F.batch_norm_relu(x, None, None, w, None, True, residual=r),
         lambda x, w, r: np.maximum(_normalized(x, (0, 2, 3)) * w[:, None, None] + r, 0),
         (((3, 2, 2, 4), (2,), (3, 2, 2, 4)), ((4, 1, 2, 1), (1,), (4, 1, 2, 1))), rtol32=2e-5),
    Case("batch_norm_1d", lambda x: F.batch_norm(x, None, None, None, None, True),
         lambda x: _normalized(x, (0, 2)),
         (((3, 2, 8),),), rtol32=2e-5),
    Case("group_norm", lambda x: F.group_norm(x, 2),
         lambda x: _normalized(x.reshape(len(x), 2, -1), (2,)).reshape(x.shape), (((3, 4, 5),), ((2, 2, 3, 2),)),
         rtol32=2e-5),
    Case("instance_norm", F.instance_norm, lambda x: _normalized(x, tuple(range(2, x.ndim))),
         (((2, 3, 5),), ((2, 2, 3, 2),)), rtol32=2e-5),
    Case("rms_norm", lambda x: F.rms_norm(x, x.shape[1:], eps=0.1),
         lambda x: x / np.sqrt((x * x).mean(tuple(range(1, x.ndim)), keepdims=True) + 0.1), (((3, 5),), ((2, 3, 4),)),
         rtol32=5e-6),
    Case("local_response_norm", lambda x: F.local_response_norm(x, 2, 0.5, 2.0),
         lambda x: x / (1 + 0.25 * (x**2 + np.pad(x**2, ((0, 0), (1, 0), (0, 0)))[:, :-1])) ** 2, (((2, 3, 4),),),
         rtol32=5e-6),
)  # fmt: skip


def _normalized(x: np.ndarray, dims: tuple[int, ...]) -> np.ndarray:
    return (x - x.mean(dims, keepdims=True)) / np.sqrt(x.var(dims, keepdims=True) + 1e-5)


def _windows(x: np.ndarray, size: tuple[int, ...], stride: int, padding: int = 0, fill: float = 0.0) -> np.ndarray:
    """The windows over the last dimensions, whose own are the last."""
    dims = len(size)
    padded = np.pad(x, [(0, 0)] * (x.ndim - dims) + [(padding, padding)] * dims, constant_values=fill)
    found = np.lib.stride_tricks.sliding_window_view(padded, size, tuple(range(-dims, 0)))
    return found[(Ellipsis, *(slice(None, None, stride),) * dims, *(slice(None),) * dims)]


def _places_of_maxima(x: np.ndarray) -> np.ndarray:
    """Of windows of 2 x 2 that lie side by side, in their planes."""
    windows = _windows(x, (2, 2), 2)
    place = windows.reshape(*windows.shape[:-2], 4).argmax(-1)
    rows, columns = np.indices(place.shape)[-2:]
    return (2 * rows + place // 2) * x.shape[-1] + 2 * columns + place % 2


def _ctc(x: np.ndarray, labels: tuple[int, ...], blank: int = 0) -> float:
    """By trying all ways of giving a label to each step."""
    total = -np.inf
    for way in itertools.product(range(x.shape[1]), repeat=len(x)):
        kept = tuple(label for label, _ in itertools.groupby(way) if label != blank)
        if kept == labels:
            total = np.logaddexp(total, sum(x[t, label] for t, label in enumerate(way)))
    return -total


def _sampled(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Of images of 2 x 2, linearly between their pixels, which lie at -1 and 1."""
    right, down = ((y[..., k] + 1)[:, None] / 2 for k in range(2))
    across = x[:, :, :, :1, None] * (1 - right[:, :, None]) + x[:, :, :, 1:, None] * right[:, :, None]
    return across[:, :, 0] * (1 - down) + across[:, :, 1] * down


NUMPY_PADS = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def _cubic(x: np.ndarray) -> np.ndarray:
    """The item (3, 3) of images of twice the size lies a quarter beyond the item (1, 1)."""
    weights = np.array([-0.10546875, 0.87890625, 0.26171875, -0.03515625])
    return np.einsum("...ij,i,j->...", x, weights, weights)


def _columns(x: np.ndarray) -> np.ndarray:
    """Patches of 2 x 1 at every second place of images with a row of zeros above and below."""
    wide = np.pad(x, [(0, 0)] * (x.ndim - 2) + [(1, 1), (0, 0)])
    rows = [wide[..., k : k + 2 * ((wide.shape[-2] - 2) // 2) + 1 : 2, ::2] for k in range(2)]
    return np.stack(rows, -3).reshape(*x.shape[:-3], 2 * x.shape[-3], -1)


def _folded(x: np.ndarray) -> np.ndarray:
    """Patches of 2 x 2 added up into images of 3 x 4 with a row above and below that is left out."""
    parts = x.reshape(*x.shape[:-2], -1, 2, 2, 4, 3)
    out = np.zeros((*parts.shape[:-4], 5, 4))
    for i in range(2):
        for j in range(2):
            out[..., i : i + 4, j : j + 3] += parts[..., i, j, :, :]
    return out[..., 1:4, :]


def _plain_signs(shape: tuple[int, ...]) -> np.ndarray:
    """1 and -1 by turns."""
    return 1.0 - 2.0 * (np.arange(math.prod(shape)) % 2).reshape(shape)


def _cosine(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x * y).sum(-1) / np.sqrt(((x * x).sum(-1) + 1e-12) * ((y * y).sum(-1) + 1e-12))


def _apart(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.sqrt(((x - y + 1e-6) ** 2).sum(-1))


def _multi_margin(x: np.ndarray, labels: np.ndarray) -> float:
    """Squared, with margin 5."""
    rows = np.arange(len(x))
    z = np.maximum(5 - x[rows, labels][:, None] + x, 0) ** 2
    z[rows, labels] = 0
    return z.mean()


def _multilabel_margin(x: np.ndarray, labels: list[list[int]]) -> float:
    terms = [
        max(0, 1 - row[k] + row[i]) for row, ks in zip(x, labels, strict=True) for k in ks for i in range(len(row))
        if i not in ks
    ]  # fmt: skip
    return sum(terms) / x.size


def _checkpointed(x: Any, y: Any) -> Any:
    both = wg.autograd.checkpoint(lambda x, y: {"sin": wg.sin(x * y), "product": x * y}, x, y)
    return both["sin"] * x + both["product"]


def _hooked(x: Any, y: Any) -> Any:
    class TwoResults(wg.nn.Module):  # of wengert, or of what stands in for it
        def forward(self, x: Any, y: Any) -> Any:
            return wg.tanh(x) * y, x

    module = TwoResults()
    module.register_full_backward_hook(lambda module, inner, outer: None)
    first, second = module(x, y)
    return first + second


def _view_changed(x: Any) -> Any:
    y = x * 1.0
    first, rest = y[0], y.T[..., 1:]
    first *= x[-1]
    return y * rest.sum()


def _put(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    out = x.copy()
    out[:, 1] = y
    return out


def _placed(x: np.ndarray, key: Any, y: Any) -> np.ndarray:
    out = x.copy()
    out[key] = y
    return out


def _last(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return _placed(x, [0, 1], np.broadcast_to(y, (3, *x.shape[1:]))[[1, 2]])


def _added(x: np.ndarray, key: Any, y: Any) -> np.ndarray:
    out = x.copy()
    np.add.at(out, tuple(key) if isinstance(key, tuple) else key, y)
    return out


_SPREAD = [[3, 0, 3], [1, 1, 1]]  # where scatter_reduce puts two rows of three


def _scatter_reduced(x: np.ndarray, y: np.ndarray, kind: str, own: bool) -> np.ndarray:
    out = x.copy()
    reduce = {"sum": np.sum, "prod": np.prod, "mean": np.mean, "amax": np.max, "amin": np.min}[kind]
    for i, row in enumerate(_SPREAD):
        for k in set(row):
            given = [y[i, j] for j, place in enumerate(row) if place == k]
            out[i, k] = reduce([*given, x[i, k]] if own else given)
    return out


def _distances(x: np.ndarray, y: np.ndarray, p: float) -> np.ndarray:
    return (np.abs(x[..., :, None, :] - y[..., None, :, :]) ** p).sum(-1) ** (1 / p)


def _convolved(
    x: np.ndarray, w: np.ndarray, stride: Any = (1, 1), padding: Any = (0, 0), dilation: Any = (1, 1), groups: int = 1,
    size: Any = None,
) -> np.ndarray:  # fmt: skip
    """Convolution by its definition, tap by tap; the maps' size may be more than windows that lie within."""
    single = x.ndim == 3
    x = x[None] if single else x
    reach = [d * (k - 1) for d, k in zip(dilation, w.shape[2:], strict=True)]
    if size is None:
        size = [(x.shape[2 + d] + 2 * padding[d] - reach[d] - 1) // stride[d] + 1 for d in range(2)]
    spread = [(size[d] - 1) * stride[d] + 1 for d in range(2)]
    more = [max(0, spread[d] + reach[d] - x.shape[2 + d] - padding[d]) for d in range(2)]
    padded = np.pad(x, ((0, 0), (0, 0), *((padding[d], more[d]) for d in range(2))))
    parts = []
    for part, kernels in zip(np.split(padded, groups, 1), np.split(w, groups), strict=True):
        total = np.zeros((len(x), len(kernels), *size))
        for i, j in np.ndindex(*w.shape[2:]):
            a, b = i * dilation[0], j * dilation[1]
            seen = part[:, :, a : a + spread[0] : stride[0], b : b + spread[1] : stride[1]]
            total += np.einsum("nchw,oc->nohw", seen, kernels[:, :, i, j])
        parts.append(total)
    found = np.concatenate(parts, 1)
    return found[0] if single else found


def _convolved_transposed(
    x: np.ndarray, w: np.ndarray, stride: Any, padding: Any, more: Any, dilation: Any = (1, 1)
) -> np.ndarray:
    """Each item times a kernel, summed where they overlap."""
    single = x.ndim == 3
    x = x[None] if single else x
    whole = [(x.shape[2 + d] - 1) * stride[d] + dilation[d] * (w.shape[2 + d] - 1) + 1 + more[d] for d in range(2)]
    total = np.zeros((len(x), w.shape[1], *whole))
    for p, q in np.ndindex(*x.shape[2:]):
        for i, j in np.ndindex(*w.shape[2:]):
            at, to = p * stride[0] + i * dilation[0], q * stride[1] + j * dilation[1]
            total[:, :, at, to] += x[:, :, p, q] @ w[:, :, i, j]
    found = total[:, :, padding[0] : whole[0] - padding[0], padding[1] : whole[1] - padding[1]]
    return found[0] if single else found
