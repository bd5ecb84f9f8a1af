"""THE table: one line per operation. Every generic property in test_operations.py is tested from it.

A case is a function of tensors, its reference in float64 NumPy, the shapes it is tried on, the interval its inputs are
drawn from (away from kinks and poles), and the order to which its derivatives are checked.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import wengert as wg
from wengert.nn import functional as F

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
MATRICES: tuple[Shapes, ...] = (((3, 5),), ((1, 1),), ((4, 4),), ((5, 2),))


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
AFFINE: tuple[Shapes, ...] = (((3, 4), (4, 5), (5,)), ((1, 1), (1, 1), (1,)), ((2, 3, 4), (4, 2), (2,)), ((4,), (4, 3), (3,)))

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
    Case("maximum", wg.maximum, np.maximum, BINARY, distinct=True, order=2),
    Case("minimum", wg.minimum, np.minimum, BINARY, distinct=True, order=2),
    Case("neg", wg.neg, np.negative),
    Case("abs", wg.abs, np.abs, avoid=(0.0,)),
    Case("sign", wg.sign, np.sign, avoid=(0.0,)),
    Case("reciprocal", wg.reciprocal, np.reciprocal, low=0.3),
    Case("square", wg.square, np.square),
    Case("sqrt", wg.sqrt, np.sqrt, low=0.3),
    Case("scale_and_shift", lambda x: 3 - 2 * x / 4, lambda x: 3 - 2 * x / 4),
    # ------------------------------------------------------------ exponentials, logarithms, circular functions
    Case("exp", wg.exp, np.exp),
    Case("expm1", wg.expm1, np.expm1),
    Case("log", wg.log, np.log, low=0.3),
    Case("log1p", wg.log1p, np.log1p, low=-0.6),
    Case("sin", wg.sin, np.sin),
    Case("cos", wg.cos, np.cos),
    Case("erf", wg.erf, _vectorize(math.erf)),
    # ------------------------------------------------------------ activations
    Case("tanh", wg.tanh, np.tanh),
    Case("sigmoid", wg.sigmoid, lambda x: 1 / (1 + np.exp(-x))),
    Case("relu", wg.relu, lambda x: np.maximum(x, 0), avoid=(0.0,)),
    Case("leaky_relu", lambda x: wg.leaky_relu(x, 0.125), lambda x: np.where(x > 0, x, x / 8), avoid=(0.0,)),
    Case("softplus", wg.softplus, lambda x: np.logaddexp(x, 0)),
    Case("gelu", wg.gelu, lambda x: x * 0.5 * (1 + _vectorize(math.erf)(x / math.sqrt(2))), rtol32=4e-6),
    Case("clip", lambda x: wg.clip(x, -1, 1), lambda x: np.clip(x, -1, 1), avoid=(-1.0, 1.0)),
    Case("clip_below", lambda x: wg.clip(x, min=0.5), lambda x: np.maximum(x, 0.5), avoid=(0.5,)),
    Case("where", lambda x, y: wg.where(x > 0, x * y, y), lambda x, y: np.where(x > 0, x * y, y), BINARY, avoid=(0.0,)),
    # ------------------------------------------------------------ reductions
    Case("sum", wg.sum, np.sum),
    Case("sum_0", lambda x: x.sum(0), lambda x: x.sum(0), MATRICES),
    Case("sum_keepdim", lambda x: x.sum((0, -1), keepdim=True), lambda x: x.sum((0, -1), keepdims=True), MATRICES),
    Case("mean", wg.mean, np.mean, FILLED),
    Case("mean_1", lambda x: x.mean(1), lambda x: x.mean(1), MATRICES),
    Case("prod", wg.prod, np.prod, (((),), ((1,),), ((5,),), ((2, 3),), ((0,),)), rtol32=1e-5),
    Case("prod_1", lambda x: x.prod(1), lambda x: x.prod(1), MATRICES, rtol32=1e-5),
    Case("amax", wg.amax, np.max, FILLED, distinct=True),
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
    Case("cumsum", lambda x: x.cumsum(-1), lambda x: x.cumsum(-1), (((7,),), ((3, 5),), ((2, 3, 4),), ((2, 0),))),
    Case("cumsum_0", lambda x: x.cumsum(0), lambda x: x.cumsum(0), (((7,),), ((3, 5),), ((2, 3, 4),))),
    # ------------------------------------------------------------ shape
    Case("reshape", lambda x: x.reshape(-1) * 2, lambda x: x.reshape(-1) * 2),
    Case("permute", lambda x: x.permute(2, 0, 1) * 2, lambda x: x.transpose(2, 0, 1) * 2, (((2, 3, 4),), ((1, 0, 2),))),
    Case("transpose", lambda x: x.T * 1.5, lambda x: x.T * 1.5, MATRICES),
    Case("broadcast_to", lambda x: wg.broadcast_to(x, (3, 2, 5)), lambda x: np.broadcast_to(x, (3, 2, 5)),
         (((5,),), ((2, 1),), ((),), ((1, 2, 5),))),
    Case("flip", lambda x: x.flip(0, 1), lambda x: np.flip(x, (0, 1)), MATRICES),
    Case("cat", lambda x, y: wg.cat([x, y, x], 1), lambda x, y: np.concatenate([x, y, x], 1),
         (((2, 3), (2, 1)), ((1, 0), (1, 2)))),
    Case("stack", lambda x, y: wg.stack([x, y], -1), lambda x, y: np.stack([x, y], -1), (((2, 3), (2, 3)), ((), ()))),
    Case("squeeze", lambda x: wg.unsqueeze(wg.squeeze(x), 0), lambda x: np.squeeze(x)[None], (((1, 3, 1),), ((2, 3),))),
    Case("flatten", lambda x: x.flatten(1), lambda x: x.reshape(x.shape[0], -1), (((2, 3, 4),), ((2, 3),))),
    # ------------------------------------------------------------ indexing
    Case("index_slice", lambda x: x[1:, ::-2], lambda x: x[1:, ::-2], MATRICES),
    Case("index_int", lambda x: x[0] * x[-1], lambda x: x[0] * x[-1], MATRICES),
    Case("index_rows", lambda x: x[[0, 2, 0, -1]], lambda x: x[[0, 2, 0, -1]], (((3, 5),), ((4,),), ((3, 2, 2),))),
    Case("index_pairs", lambda x: x[[0, 1, 0], [1, 0, 1]], lambda x: x[[0, 1, 0], [1, 0, 1]], (((3, 5),), ((2, 2),))),
    Case("index_mask", lambda x: x[x > 0], lambda x: x[x > 0], avoid=(0.0,)),
    Case("index_none", lambda x: x[None, ..., 0], lambda x: x[None, ..., 0], MATRICES),
    Case("index_put", lambda x, y: wg.index_put(x, (slice(None), 1), y), lambda x, y: _put(x, y),
         (((3, 4), (3,)), ((3, 4), ()), ((2, 2), (1,)))),
    Case("take_along_dim", lambda x: wg.take_along_dim(x, np.argsort(x.detach().numpy(), 1), 1),
         lambda x: np.sort(x, 1), MATRICES, distinct=True),
    # ------------------------------------------------------------ linear algebra
    Case("matmul", wg.matmul, np.matmul, PRODUCTS),
    Case("matmul_transposed", lambda x, y: x.T @ y.T, lambda x, y: x.T @ y.T, (((4, 3), (5, 4)), ((33, 17), (19, 33)))),
    Case("dot", wg.dot, np.dot, (((4,), (4,)), ((0,), (0,)))),
    Case("mv", wg.mv, np.dot, (((3, 4), (4,)),)),
    Case("bmm", wg.bmm, np.matmul, (((2, 3, 4), (2, 4, 5)),)),
    Case("outer", wg.outer, np.outer, (((3,), (4,)), ((0,), (2,)))),
    Case("affine", wg.affine, lambda x, w, b: x @ w + b, AFFINE),
    Case("linear", lambda x, w, b: wg.linear(x, w.T, b), lambda x, w, b: x @ w + b, AFFINE),
    # ------------------------------------------------------------ softmax, cross-entropy
    Case("softmax", lambda x: wg.softmax(x, -1), lambda x: _softmax(x, -1), ROWS + (((7,),), ((2, 3, 4),), ((0, 3),))),
    Case("softmax_0", lambda x: wg.softmax(x, 0), lambda x: _softmax(x, 0), ROWS),
    Case("log_softmax", lambda x: wg.log_softmax(x, -1), lambda x: _log_softmax(x, -1), ROWS + (((2, 3, 4),),), rtol32=4e-6),
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
    Case("elu", lambda x: F.elu(x, 0.5), lambda x: np.where(x > 0, x, 0.5 * np.expm1(np.minimum(x, 0))), avoid=(0.0,)),
    Case("silu", F.silu, lambda x: x / (1 + np.exp(-x))),
    Case("layer_norm", lambda x: F.layer_norm(x, x.shape[-1:]), _standardized, (((3, 5),), ((2, 3, 4),)), rtol32=2e-5),
    Case("binary_cross_entropy", lambda x, y: F.binary_cross_entropy(x, y, reduction="none"),
         lambda x, y: -y * np.log(x) - (1 - y) * np.log1p(-x), (((7,), (7,)), ((2, 3), (2, 3))), low=0.1, high=0.9),
    Case("binary_cross_entropy_with_logits", F.binary_cross_entropy_with_logits,
         lambda x, y: (np.logaddexp(0, x) - y * x).mean(), (((7,), (7,)), ((2, 3), (2, 3))), low=0.1, high=0.9),
    Case("nll_loss", lambda x: F.nll_loss(x, wg.from_numpy(_labels(*x.shape))),
         lambda x: -x[np.arange(len(x)), _labels(*x.shape)].mean(), ROWS),
    Case("mse_loss", F.mse_loss, lambda x, y: ((x - y) ** 2).mean(), (((7,), (7,)), ((2, 3), (2, 3)))),
    # ------------------------------------------------------------ change in place
    Case("view_changed", lambda x: _view_changed(x), lambda x: _view_changed(x), (((3, 5),), ((2, 1),), ((4, 2, 2),))),
    # ------------------------------------------------------------ several results
    Case("checkpoint", lambda x, y: _checkpointed(x, y), lambda x, y: x * np.sin(x * y) + x * y,
         (((3,), (3,)), ((2, 2), (2, 2)), ((), ()))),
    # ------------------------------------------------------------ casts
    Case("cast", lambda x: x.to(dtype=wg.float64) * 2, lambda x: x * 2),
    Case("alias", wg.func.grad(lambda x: (x**4).sum()), lambda x: 4 * x**3, rtol32=1e-5),
    Case("clone", lambda x: x.clone() * x, lambda x: x * x),
)  # fmt: skip


def _checkpointed(x: Any, y: Any) -> Any:
    both = wg.autograd.checkpoint(lambda x, y: {"sin": wg.sin(x * y), "product": x * y}, x, y)
    return both["sin"] * x + both["product"]


def _view_changed(x: Any) -> Any:
    y = x * 1.0
    first, rest = y[0], y.T[..., 1:]
    first *= x[-1]
    return y * rest.sum()


def _put(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    out = x.copy()
    out[:, 1] = y
    return out
