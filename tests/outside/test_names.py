"""PyTorch's names: the table in the guides is true, and what was added for it computes what PyTorch's does."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wengert as wg

torch = pytest.importorskip("torch")

NAMES = runpy.run_path(str(Path(__file__).parents[2] / ".ci" / "names"))
LEAST = 0.95  # of what makes sense


@pytest.mark.parametrize("comparison", NAMES["compared"](), ids=lambda c: c.namespace)
def test_names_are_here_or_have_a_reason(comparison: Any) -> None:
    assert comparison.unexplained == []
    assert comparison.share >= LEAST


def test_no_reason_outlives_its_name() -> None:
    assert NAMES["stale"]() == []


def test_the_table_is_up_to_date() -> None:
    assert NAMES["TABLE"].read_text(encoding="utf-8") == NAMES["text"](), "run .ci/names"


def test_what_is_said_to_be_undocumented_is() -> None:
    (topic,) = (t for t in NAMES["topics"]() if t.title == "Bindings beneath nn.functional")
    (names,) = (c.outside[topic.title] for c in NAMES["compared"]() if c.namespace == "torch")
    assert [n for n in names if getattr(torch, n).__doc__] == []


# ---------------------------------------------------------------- values

_RNG = np.random.default_rng(3)
X, Y = _RNG.uniform(0.2, 3, (3, 4)), _RNG.uniform(0.2, 3, (3, 4))
M, N = _RNG.normal(size=(3, 3)), _RNG.normal(size=(3, 2))
S = M @ M.T + np.eye(3)
I, J = np.array([[2, 0, 5], [3, 4, 6]]), np.array([[4, 6, 10], [9, 0, 8]])
PLACES = np.array([2, 0, 2])
POLYNOMIALS = [
    *(f"{s}chebyshev_polynomial_{k}" for s in ("", "shifted_") for k in "tuvw"), "hermite_polynomial_h",
    "hermite_polynomial_he", "laguerre_polynomial_l", "legendre_polynomial_p",
]  # fmt: skip
SPECIAL = [
    "airy_ai", "bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", "modified_bessel_i0", "modified_bessel_i1",
    "modified_bessel_k0", "modified_bessel_k1", "scaled_modified_bessel_k0", "scaled_modified_bessel_k1",
    "spherical_bessel_j0",
]  # fmt: skip
CALLS: dict[str, Callable[[Any, Any], Any]] = {
    # Above 5 PyTorch's Bessel functions have seven digits; ours are compared with mpmath's there, in cases.py.
    **{n: lambda t, a, n=n: getattr(t.special, n)(a(X * (1 if n.startswith("bessel") else 4))) for n in SPECIAL},
    **{n: lambda t, a, n=n: getattr(t.special, n)(a(X - 1), a(J[:, :1].repeat(4, 1)[[0, 1, 0]])) for n in POLYNOMIALS},
    "gammainc": lambda t, a: t.special.gammainc(a(X * 5), a(Y * 5)),
    "gammaincc": lambda t, a: t.special.gammaincc(a(X * 50), a(Y * 50)),
    "zeta": lambda t, a: t.special.zeta(a(X + 1), a(Y)),
    "fmax": lambda t, a: t.fmax(a(X), a(np.where(Y > 1, Y, np.nan))),
    "fmin": lambda t, a: t.fmin(a(np.where(X > 1, X, np.nan)), a(Y)),
    "frexp": lambda t, a: t.frexp(a(X)),
    "ldexp": lambda t, a: t.ldexp(a(X), a(I[0, :1])),
    "gcd": lambda t, a: t.gcd(a(I), a(J)),
    "lcm": lambda t, a: t.lcm(a(I), a(J)),
    "heaviside": lambda t, a: t.heaviside(a(np.array([-1.0, 0, 2, -0.0])), a(Y[0])),
    "nextafter": lambda t, a: t.nextafter(a(X), a(Y)),
    "logaddexp2": lambda t, a: t.logaddexp2(a(X), a(Y)),
    "angle": lambda t, a: t.angle(a(X - 1)),
    "addr": lambda t, a: t.addr(a(M), a(X[:, 0]), a(Y[:, 0]), beta=2, alpha=3),
    "addbmm": lambda t, a: t.addbmm(a(M), a(X[:, None, :3].repeat(3, 1)), a(np.stack([M] * 3))),
    "chain_matmul": lambda t, a: t.linalg.multi_dot([a(M), a(S), a(N)]),
    "vander": lambda t, a: (t.vander(a(X[0]), 3), t.vander(a(X[0]), increasing=True), t.linalg.vander(a(X), N=3)),
    "svd": lambda t, a: t.svd(a(X))[1],
    "qr": lambda t, a: t.qr(a(X))[1].abs(),
    "cholesky": lambda t, a: t.cholesky(a(S), upper=True),
    "triangular_solve": lambda t, a: t.triangular_solve(a(N), a(S), upper=False, transpose=True),
    "lu_solve": lambda t, a: t.lu_solve(a(N), *t.linalg.lu_factor(a(M))),
    "lu_unpack": lambda t, a: t.lu_unpack(*t.linalg.lu_factor(a(np.vstack([M, N.T @ M])))),
    "geqrf": lambda t, a: t.geqrf(a(X)),
    "orgqr": lambda t, a: t.orgqr(*t.geqrf(a(X.T))),
    "ormqr": lambda t, a: t.ormqr(*t.geqrf(a(M)), a(N), True, True),
    "householder_product": lambda t, a: t.linalg.householder_product(a(X.T), a(Y[:, 0])),
    "cholesky_ex": lambda t, a: t.linalg.cholesky_ex(a(S)),
    "cholesky_ex_info": lambda t, a: t.linalg.cholesky_ex(a(np.stack([S, -S, S - 2 * np.eye(3)])))[1],
    "inv_ex": lambda t, a: t.linalg.inv_ex(a(M)),
    "lu_factor_ex": lambda t, a: t.linalg.lu_factor_ex(a(np.diag([1.0, 0, 2]))),
    "solve_ex": lambda t, a: t.linalg.solve_ex(a(M), a(N.T), left=False),
    "ldl_factor": lambda t, a: [v.tril() if v.ndim == 2 else v for v in t.linalg.ldl_factor_ex(a(M + M.T))],
    "ldl_solve": lambda t, a: t.linalg.ldl_solve(*t.linalg.ldl_factor(a(M + M.T)), a(N)),
    "tensorinv": lambda t, a: t.linalg.tensorinv(a(np.kron(S, np.eye(2)).reshape(2, 3, 6)), 2),
    "tensorsolve": lambda t, a: t.linalg.tensorsolve(a(np.kron(S, np.eye(2)).reshape(2, 3, 6)), a(X[:2, :3])),
    "vecdot": lambda t, a: t.linalg.vecdot(a(X), a(Y), dim=0),
    "linalg.diagonal": lambda t, a: t.linalg.diagonal(a(X), offset=1),
    "cartesian_prod": lambda t, a: t.cartesian_prod(a(X[0]), a(Y[0, :2])),
    "combinations": lambda t, a: (t.combinations(a(X[0])), t.combinations(a(X[0]), 3, True)),
    "diagflat": lambda t, a: t.diagflat(a(N), 1),
    "splits": lambda t, a: (*t.hsplit(a(X), 2), *t.vsplit(a(X), [1]), *t.unsafe_chunk(a(X), 2)),
    "renorm": lambda t, a: t.renorm(a(X), 1.5, 1, 2.0),
    "index_reduce": lambda t, a: [
        a(X).index_reduce(0, a(PLACES), a(Y), kind, include_self=own)
        for kind in ("prod", "mean", "amax", "amin") for own in (True, False)
    ],
    "put": lambda t, a: (a(X).put(a(PLACES), a(Y[0, :3])), a(X).put(a(PLACES), a(Y[0, :3]), True)),
    "scatters": lambda t, a: (
        t.select_scatter(a(X), a(Y[0]), 0, -1), t.slice_scatter(a(X), a(Y[:, :2]), 1, -3, None, 2),
        t.diagonal_scatter(a(X), a(Y[0, :3]), 1),
    ),
    "mode": lambda t, a: (*t.mode(a(np.array([[3, 1, 3, 1], [2, 2, 5, 5]]))), *t.mode(a(I), 0, True)),
    "histogram": lambda t, a: (
        *t.histogram(a(X), 4), *t.histogram(a(X), 3, range=(0.0, 2.0), weight=a(Y), density=True),
        t.histogram(a(X), a(np.array([0.0, 1, 1.5, 3])))[0],
    ),
    "histogramdd": lambda t, a: t.histogramdd(a(X[:, :2]), [2, 3])[0],
    "gradient": lambda t, a: (
        *t.gradient(a(X), spacing=0.5), *t.gradient(a(X), dim=1, edge_order=2),
        *t.gradient(a(X), spacing=(a(np.array([0.0, 1, 3])), a(np.array([0.0, 2, 3, 7]))), edge_order=2),
    ),
    "windows": lambda t, a: [
        getattr(t, f"{n}_window")(k, periodic, dtype=t.float64)
        for n in ("hann", "hamming", "blackman", "bartlett", "kaiser") for k in (0, 1, 5) for periodic in (True, False)
    ],
    "unravel_index": lambda t, a: t.unravel_index(a(I), (2, 4)),
    "nonzero_static": lambda t, a: (t.nonzero_static(a(I), size=3), a(I).nonzero_static(size=8, fill_value=7)),
    "range": lambda t, a: (t.range(1, 3), t.range(0, 1, 0.25), t.range(1, 4, dtype=t.int64), t.range(3, 1, -1)),
    "frombuffer": lambda t, a: t.frombuffer(bytearray(range(8)), dtype=t.int16, count=2, offset=2),
    "bilinear": lambda t, a: t.nn.functional.bilinear(a(X), a(Y[:, :3]), a(_W), a(Y[0, :2])),
    "pdist": lambda t, a: (t.pdist(a(X)), t.nn.functional.pdist(a(X), 1.0), t.pdist(a(X), float("inf"))),
    "conv_tbc": lambda t, a: t.conv_tbc(a(_W), a(_W.transpose(0, 2, 1)), a(Y[0]), 1),
    "linear_cross_entropy": lambda t, a: t.nn.functional.linear_cross_entropy(a(X), a(Y), a(PLACES)),
    "in place": lambda t, a: (
        a(X).put_(a(PLACES), a(Y[0, :3])), a(X).renorm_(2, 0, 1.0), a(M).addr_(a(X[:, 0]), a(Y[:, 0])),
        a(I).gcd_(a(J)), a(X).map_(a(Y), lambda v, w: v * w), a(X).index_reduce_(0, a(PLACES), a(Y), "mean"),
        t.exp_(a(X)), t.nn.functional.celu_(a(X - 1), 2.0), t.nn.functional.threshold_(a(X), 1.0, -1.0),
    ),
    "rearrange": lambda t, a: (
        t.func.rearrange(a(_W), "a b c -> (c a) b"), t.func.rearrange(a(X), "a (b c) -> b 1 a c", c=2),
        t.func.rearrange(a(_W), "... c -> c ..."),
    ),
    "total norm": lambda t, a: t.nn.utils.get_total_norm([a(X), a(Y)], 3.0),
    "dirac_": lambda t, a: t.nn.init.dirac_(a(np.ones((4, 2, 3))), 2),
}  # fmt: skip
_W = _RNG.normal(size=(2, 4, 3))


def _arrays(found: Any) -> list[np.ndarray]:
    if isinstance(found, (tuple, list)):
        return [array for part in found for array in _arrays(part)]
    return [found.numpy()]


@pytest.mark.filterwarnings("ignore::UserWarning")  # of PyTorch, about names that it had before
@pytest.mark.parametrize("name", CALLS)
def test_values_are_pytorchs(name: str) -> None:
    ours = _arrays(CALLS[name](wg, lambda x: wg.tensor(np.ascontiguousarray(x))))
    theirs = _arrays(CALLS[name](torch, lambda x: torch.tensor(np.ascontiguousarray(x))))
    assert len(ours) == len(theirs)
    for x, y in zip(ours, theirs, strict=True):
        assert (x.shape, x.dtype) == (y.shape, y.dtype)
        np.testing.assert_allclose(x, y, rtol=2e-10, atol=1e-12)


LAYERS: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    "BatchNorm3d": (lambda nn: nn.BatchNorm3d(2), (3, 2, 2, 2, 2)),
    "InstanceNorm3d": (lambda nn: nn.InstanceNorm3d(2, affine=True), (3, 2, 2, 2, 2)),
    "ZeroPad3d": (lambda nn: nn.ZeroPad3d((1, 0, 2, 1, 0, 1)), (2, 2, 2, 2)),
    "ConstantPad3d": (lambda nn: nn.ConstantPad3d(1, 2.0), (2, 2, 2, 2)),
    "ReflectionPad3d": (lambda nn: nn.ReflectionPad3d(1), (2, 2, 2, 3)),
    "ReplicationPad3d": (lambda nn: nn.ReplicationPad3d(1), (2, 2, 2, 3)),
    "CircularPad3d": (lambda nn: nn.CircularPad3d(1), (1, 2, 2, 2, 3)),
    "Dropout3d": (lambda nn: nn.Dropout3d(0.5).eval(), (2, 2, 2, 3)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_of_volumes_are_pytorchs(name: str) -> None:
    make, shape = LAYERS[name]
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    ours, theirs = make(wg.nn), make(torch.nn)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    expected = theirs(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(ours(wg.tensor(x)).detach().numpy(), expected, rtol=2e-5, atol=2e-6)


def test_a_bilinear_layer_is_pytorchs() -> None:
    torch.manual_seed(0)
    ours, theirs = wg.nn.Bilinear(3, 4, 2), torch.nn.Bilinear(3, 4, 2)
    assert repr(ours) == repr(theirs)
    ours.load_state_dict({name: wg.tensor(x.detach().numpy()) for name, x in theirs.state_dict().items()})
    x, y = X[:, :3].astype(np.float32), Y.astype(np.float32)
    expected = theirs(torch.tensor(x), torch.tensor(y)).detach().numpy()
    np.testing.assert_allclose(ours(wg.tensor(x), wg.tensor(y)).detach().numpy(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["Conv2d", "ConvTranspose2d", "Linear"])
def test_fused_layers_are_pytorchs(kind: str) -> None:
    found = []
    x = np.random.default_rng(1).normal(size=(4, 3) if kind == "Linear" else (2, 3, 4, 4)).astype(np.float32)
    weights = None
    for t in (torch, wg):
        layer = getattr(t.nn, kind)(*((3, 2) if kind == "Linear" else (3, 2, 3)))
        bn = (t.nn.BatchNorm1d if kind == "Linear" else t.nn.BatchNorm2d)(2)
        if weights is not None:
            layer.load_state_dict({k: t.tensor(v) for k, v in weights.items()})
        weights = {k: v.detach().numpy() for k, v in layer.state_dict().items()}
        bn(layer(t.tensor(x)))
        layer.eval(), bn.eval()
        fused = (
            t.nn.utils.fuse_linear_bn_eval(layer, bn) if kind == "Linear"
            else t.nn.utils.fuse_conv_bn_eval(layer, bn, kind == "ConvTranspose2d")
        )  # fmt: skip
        found.append(fused(t.tensor(x)).detach().numpy())
        np.testing.assert_allclose(found[-1], bn(layer(t.tensor(x))).detach().numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found[1], found[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["fmax", "fmin"])
def test_gradients_of_ties_and_nan_are_pytorchs(name: str) -> None:
    x, y = np.array([1.0, np.nan, 2.0, 3.0]), np.array([1.0, 5.0, np.nan, 2.0])
    found = []
    for t in (torch, wg):
        a, b = (t.tensor(v, requires_grad=True) for v in (x, y))
        getattr(t, name)(a, b).sum().backward()
        found.append([a.grad.tolist(), b.grad.tolist()])
    assert found[0] == found[1]
