"""Every operation that PyTorch has too: three sizes, three layouts, forward and with the derivative.

    pytest benchmarks/bench_everywhere.py                            # WENGERT_BENCH_THREADS=2 for two threads
    pytest benchmarks/bench_everywhere.py -k "hypot or 10000"

An operation is an expression of both libraries, which is its name as well; the letters in it are its inputs. The
summary has the geometric means of wengert's time over PyTorch's by size, and the rows that are slower.
"""

from __future__ import annotations

import functools
import re
import statistics
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

import wengert as wg
from conftest import Comparison, check
from opponents import torch
from timing import time_calls

SIDES = {256: 16, 10_000: 100, 1_000_000: 1000}  # items, and rows and columns of so many
LAYOUTS = ("C", "transposed", "sliced")
SECONDS = 0.4  # for all the rows of a test


class Input(NamedTuple):
    """What a letter stands for: how it is drawn, and whether it has a derivative and a layout."""

    draw: Callable[[np.random.Generator, int], np.ndarray]
    floating: bool = True
    laid: bool = True


def _normal(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.normal(size=(n, n)).astype(np.float32)


def _between(low: float, high: float) -> Callable[[np.random.Generator, int], np.ndarray]:
    return lambda rng, n: rng.uniform(low, high, (n, n)).astype(np.float32)


def _integers(low: int, high: int, dtype: str = "int64") -> Callable[[np.random.Generator, int], np.ndarray]:
    return lambda rng, n: rng.integers(low, high, (n, n)).astype(dtype)


INPUTS = {
    "x": Input(_normal),
    "y": Input(_normal),
    "z": Input(_normal),
    "p": Input(_between(0.5, 2.0)),
    "q": Input(_between(1.1, 3.0)),
    "u": Input(_between(0.05, 0.95)),
    "d": Input(lambda rng, n: rng.permutation(np.linspace(-3, 3, n * n, dtype=np.float32)).reshape(n, n)),  # no ties
    "v": Input(lambda rng, n: np.exp(rng.normal(size=(n, n)) / n).astype(np.float32)),  # whose product is finite
    "r": Input(lambda rng, n: rng.normal(size=n).astype(np.float32), laid=False),
    "a": Input(lambda rng, n: (np.eye(n) * n + rng.normal(size=(n, n))).astype(np.float32)),
    "i": Input(_integers(-9, 10), floating=False),
    "j": Input(_integers(1, 10), floating=False),
    "k": Input(_integers(-9, 10, "int32"), floating=False),
    "b": Input(lambda rng, n: rng.random((n, n)) < 0.5, floating=False),
    "c": Input(lambda rng, n: rng.random((n, n)) < 0.5, floating=False),
    "l": Input(lambda rng, n: rng.integers(0, n, n), floating=False, laid=False),
    "g": Input(lambda rng, n: rng.integers(0, n, (n, n)), floating=False),
    "o": Input(lambda rng, n: np.argsort(rng.random((n, n)), axis=1), floating=False),  # no index twice
    "s": Input(lambda rng, n: np.sort(rng.normal(size=n)).astype(np.float32), floating=False, laid=False),
}  # fmt: skip


def _each(expressions: str) -> list[str]:
    return [each.strip() for each in expressions.split(";")]


# Only the forward direction: no derivative, or PyTorch has none.
PLAIN = _each("""
    t.sign(x); t.ceil(x); t.floor(x); t.round(x); t.trunc(x); t.isnan(x); t.isinf(x); t.isfinite(x);
    t.signbit(x); t.zeros_like(x); t.ones_like(x); t.rand_like(x); t.randn_like(x); t.eq(x, y); t.ne(x, y);
    t.lt(x, y); t.le(x, y); t.gt(x, y); t.ge(x, y); t.isclose(x, y); t.floor_divide(x, y); t.add(i, j);
    t.sub(i, j); t.mul(i, j); t.div(i, j); t.floor_divide(i, j); t.remainder(i, j); t.eq(i, j); t.lt(i, j);
    t.maximum(i, j); t.bitwise_and(i, j); t.add(k, k); t.mul(k, k); t.eq(k, k); t.logical_and(b, c);
    t.logical_or(b, c); t.logical_xor(b, c); t.bitwise_or(b, c); t.eq(b, c); t.logical_not(b); t.any(b);
    t.all(b); t.count_nonzero(b); i.sum(); k.sum(); b.sum(); i.sum(0); b.sum(0); i.sum(1); k.sum(1); b.sum(1);
    i.amax(1); i.cumsum(1); -i; i.abs(); i + 3; b.any(1); b.all(0); i.float(); b.float(); x.to(t.int64);
    x.bool(); x.argmax(); x.argmax(0); x.argmax(1); x.argmin(1); t.argsort(d, 1); t.sort(i, 1)[0];
    t.argsort(i, dim=1, stable=True); t.topk(x, 5)[1]; t.unique(i); t.unique(x); t.bincount(g.reshape(-1));
    t.histc(x, 32); t.searchsorted(s, x); t.bucketize(x, s); t.randperm(x.numel()); t.randn(x.shape); t.rand(x.shape);
    F.one_hot(l, r.shape[0]); x > 0; x == 0.5; t.isin(i, j[0]); t.tril_indices(x.shape[0], x.shape[0]);
    t.arange(x.numel()); t.linspace(0, 1, x.numel()); t.eye(x.shape[0]); t.full_like(x, 2.0); t.nonzero(b)
""")
# Both directions.
SMOOTH = _each("""
    t.abs(x); t.neg(x); t.sin(x); t.cos(x); t.tan(x); t.sinh(x); t.cosh(x); t.tanh(x); t.asinh(x); t.atan(x);
    t.exp(x); t.exp2(x); t.expm1(x); t.sigmoid(x); t.erf(x); t.erfc(x); t.square(x); t.frac(x); t.relu(x);
    t.nan_to_num(x); t.deg2rad(x); t.sinc(x); t.clone(x); t.log(p); t.log2(p); t.log10(p); t.log1p(p);
    t.sqrt(p); t.rsqrt(p); t.reciprocal(p); t.lgamma(p); t.digamma(p); t.asin(u); t.acos(u); t.atanh(u);
    t.logit(u); t.erfinv(u); t.acosh(q); t.special.i0(x); t.special.i0e(x); t.special.i1(x); t.special.ndtr(x);
    t.special.log_ndtr(x); t.special.entr(p); t.special.xlog1py(x, p); F.gelu(x); F.silu(x); F.mish(x);
    F.elu(x); F.selu(x); F.celu(x); F.leaky_relu(x); F.softplus(x); F.logsigmoid(x); F.hardtanh(x);
    F.hardswish(x); F.hardsigmoid(x); F.relu6(x); F.softsign(x); F.tanhshrink(x); F.softshrink(x);
    F.hardshrink(x); F.gelu(x, approximate='tanh'); F.threshold(x, 0.1, 0.0); F.glu(x); t.add(x, y);
    t.sub(x, y); t.mul(x, y); t.maximum(x, y); t.minimum(x, y); t.fmax(x, y); t.fmin(x, y); t.atan2(x, y);
    t.hypot(x, y); t.copysign(x, y); t.logaddexp(x, y); t.logaddexp2(x, y); t.div(x, p); t.fmod(x, p);
    t.remainder(x, p); t.xlogy(x, p); t.pow(p, x); x ** 2; x ** 3; p ** 0.5; p ** 2.5; 2.0 ** x; x + 1.5;
    x * 2.0; 1.0 - x; x / 3.0; 2.0 / p; x + r; x * r; x - x.mean(1, keepdim=True); t.lerp(x, y, 0.3);
    t.lerp(x, y, z); t.addcmul(x, y, z); t.addcdiv(x, y, p); t.where(b, x, y); t.where(b, x, 0.0);
    x.clamp(-1, 1); x.clamp(min=0); x.masked_fill(b, 0.0); t.fmod(x, 0.7); x.contiguous(); x.T.contiguous();
    x.double(); x + y.double(); x.sum(); x.mean(); x.amax(); x.amin(); x.max(); x.min(); x.std(); x.var();
    x.norm(); v.prod(); t.logsumexp(x, 0); t.nansum(x); x.sum(0); x.mean(0); x.amax(0); x.var(0); x.sum(1);
    x.mean(1); x.amax(1); x.amin(1); x.var(1); x.std(1); v.prod(0); v.prod(1); x.norm(dim=1); x.norm(1, dim=1);
    x.max(1)[0]; x.min(0)[0]; t.logsumexp(x, 1); t.nanmean(x, 1); x.median(1)[0]; x.median();
    x.kthvalue(3, 1)[0]; t.quantile(x, 0.3, 1); x.std(1, keepdim=True); t.cumsum(x, 1); t.logcumsumexp(x, 1);
    t.cumsum(x, 0); t.cumprod(v, 1); t.cummax(x, 1)[0]; t.cummin(x, 0)[0]; t.diff(x); t.trapezoid(x);
    t.sort(d, 1)[0]; t.sort(d, 0)[0]; t.msort(d); t.topk(x, 5)[0]; t.softmax(x, 0); t.softmax(x, 1);
    t.log_softmax(x, 0); t.log_softmax(x, 1); F.softmin(x, 1); F.layer_norm(x, x.shape[1:], r, r);
    F.layer_norm(x, x.shape[1:]); F.rms_norm(x, x.shape[1:], r); F.normalize(x);
    F.batch_norm(x, None, None, r, r, True); F.group_norm(x, 2 if x.shape[1] % 2 == 0 else 1);
    F.cross_entropy(x, l); F.nll_loss(x, l); F.cross_entropy(x, l, label_smoothing=0.1);
    F.cross_entropy(x, t.softmax(y, 1)); F.mse_loss(x, y); F.l1_loss(x, y); F.smooth_l1_loss(x, y);
    F.huber_loss(x, y); F.cosine_similarity(x, y); F.pairwise_distance(x, y);
    F.binary_cross_entropy(u, t.sigmoid(y)); F.binary_cross_entropy_with_logits(x, u);
    F.kl_div(x, u, reduction='batchmean'); F.poisson_nll_loss(x, p); F.gaussian_nll_loss(x, y, p);
    F.linear(x, y, r); F.embedding(l, x); F.dropout(x, 0.3); F.dropout(x, 0.3, False); t.cat([x, y]);
    t.cat([x, y], 1); t.stack([x, y]); t.stack([x, y], -1); t.hstack([x, y]); t.vstack([x, y]); t.roll(x, 3);
    t.roll(x, 3, 1); t.flip(x, [0]); t.flip(x, [1]); t.rot90(x); t.tril(x); t.triu(x); F.pad(x, (1, 1, 1, 1));
    F.pad(x[None], (1, 1), 'reflect'); x.repeat(2, 1); t.tile(x, (1, 2)); t.repeat_interleave(x, 2, 0);
    x.expand(2, -1, -1).contiguous(); x.reshape(-1); t.diagonal(x); t.diag(r); t.diag_embed(x[:4]);
    t.outer(r, r); t.take_along_dim(x, g, 1); t.gather(x, 0, g); x.scatter(1, o, y); x.scatter_add(1, g, y);
    x.index_add(0, l, y); t.index_select(x, 0, l); t.index_select(x, 1, l); x[l]; x[:, l]; x[b]; x[1]; x[:, 1];
    x[1:, ::2]; t.masked_select(x, b); x.unfold(1, 2, 2); t.split(x, 4)[1]; t.kron(x[:4, :4], y[:4, :4]);
    t.meshgrid(r, r, indexing='ij')[0]; x.clone().add_(y); x.clone().mul_(2.0)
""")
# Cubic in the side: not at a million items, where they are the matrix product's benchmarks'.
CUBIC = _each("""
    x @ y; x.T @ y; x @ y.T; x @ r; t.dot(r, r); t.addmm(x, y, z); t.bmm(x[None], y[None]);
    t.einsum('ij,kj->ik', x, y); t.cdist(x, y); t.cdist(x, y, 1.0); t.linalg.solve(a, x); t.linalg.inv(a);
    t.linalg.det(a / a.shape[0]); t.linalg.slogdet(a)[1]; t.linalg.cholesky(a @ a.T); t.linalg.qr(a)[1];
    t.linalg.solve_triangular(t.tril(a), x, upper=False); t.trace(x); t.linalg.norm(x);
    t.linalg.matrix_power(a / 50, 3); t.linalg.eigvalsh(a + a.T); t.linalg.svdvals(x); t.cov(x); t.corrcoef(x)
""")
RANDOM = re.compile(r"rand|dropout\(x, 0\.3\)")  # answers differ
# Single precision's error where a sum or a solution is of many items, or the result nearly cancels.
LOOSE = 2e-3


@functools.cache
def function(expression: str, library: Any) -> tuple[str, Callable[..., Any]]:
    """The letters of an expression's inputs, and the expression as a function of them."""
    letters = "".join(sorted({*re.findall(r"(?<![\w.'])[a-z](?![\w'=])", expression)} & INPUTS.keys()))
    made: Callable[..., Any] = eval(f"lambda t, F, {', '.join(letters)}: {expression}")
    return letters, functools.partial(made, library, library.nn.functional)


def laid(array: np.ndarray, layout: str) -> np.ndarray:
    """The same items, elsewhere in memory."""
    if layout == "transposed":
        return np.ascontiguousarray(array.T).T
    if layout == "sliced":
        room = np.zeros((array.shape[0], 2 * array.shape[1]), array.dtype)
        room[:, ::2] = array
        return room[:, ::2]
    return array


def made(library: Any, expression: str, size: int, layout: str, backward: bool) -> Callable[[], Any]:
    """A call of the expression on inputs of this size and layout, or of it and of its derivative in all of them."""
    letters, f = function(expression, library)
    arrays = [(INPUTS[x], np.random.default_rng(ord(x))) for x in letters]
    inputs = []
    for kind, rng in arrays:
        array = kind.draw(rng, SIDES[size])
        x = library.from_numpy(laid(array, layout) if kind.laid else array)
        inputs.append(x.requires_grad_() if backward and kind.floating else x)
    if not backward:
        return lambda: f(*inputs)
    leaves = [x for x, (kind, _) in zip(inputs, arrays, strict=True) if kind.floating]
    result = f(*inputs)
    cotangent = library.from_numpy(np.random.default_rng(0).normal(size=tuple(result.shape))).to(result.dtype)

    def run() -> Any:
        return library.autograd.grad(f(*inputs), leaves, cotangent)

    return run


def compare(ours: Any, theirs: Any) -> None:
    """Whether two answers, or tuples of them, are the same."""
    if isinstance(ours, tuple | list):
        for x, y in zip(ours, theirs, strict=True):
            compare(x, y)
        return
    expected = ours.detach().numpy()
    if expected.dtype == np.bool_:
        expected, theirs = expected.astype(np.int8), theirs.to(torch.int8)
    check("torch", theirs, expected, LOOSE)


@pytest.fixture
def rows(benchmark: Any, request: pytest.FixtureRequest) -> Iterator[Callable[..., None]]:
    """Compare, and time in turns, an operation of a size in every layout and direction."""
    comparison = Comparison(benchmark, request)

    def run(expression: str, size: int, directions: tuple[str, ...]) -> None:
        calls = {}
        for layout in LAYOUTS:
            for direction in directions:
                both = {
                    library.__name__: made(library, expression, size, layout, direction == "backward")
                    for library in (wg, torch)
                }
                if not RANDOM.search(expression):
                    compare(both["wengert"](), both["torch"]())
                calls |= {(layout, direction, name): call for name, call in both.items()}
        if comparison.measuring:
            times = {key: statistics.median(v) for key, v in time_calls(calls, SECONDS).items()}
            found = [
                {"operation": expression, "size": size, "layout": layout, "direction": direction,
                 "wengert": times[layout, direction, "wengert"], "torch": times[layout, direction, "torch"]}
                for layout in LAYOUTS for direction in directions
            ]  # fmt: skip
            comparison.keep({name: times["C", "forward", name] for name in ("wengert", "torch")}, (), rows=found)
        comparison.finish(calls["C", "forward", "wengert"])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield run


@pytest.mark.skipif(torch is None, reason="PyTorch, which every operation is compared with, is not installed")
@pytest.mark.parametrize("size", SIDES)
@pytest.mark.parametrize("expression", [*PLAIN, *SMOOTH, *CUBIC])
def test_everywhere(rows: Callable[..., None], expression: str, size: int) -> None:
    if size == max(SIDES) and expression in CUBIC:
        pytest.skip("cubic in the side: the matrix product's benchmarks have these sizes")
    rows(expression, size, ("forward",) if expression in PLAIN else ("forward", "backward"))
