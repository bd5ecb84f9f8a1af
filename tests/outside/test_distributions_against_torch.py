"""Every distribution, divergence and transform beside PyTorch's: names, shapes, values, and gradients of densities."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import distributions as W
from wengert.distributions.kl import _REGISTRY

torch = pytest.importorskip("torch")
from torch import distributions as T  # noqa: E402
from torch.distributions import kl as torch_kl  # noqa: E402

A, B, P, L = [0.7, 1.9, 3.2], [1.3, 0.6, 2.5], [0.2, 0.5, 0.85], [-1.0, 0.4, 2.0]
M = np.array([[2.0, 0.3, 0.1], [0.3, 1.5, -0.2], [0.1, -0.2, 1.0]])
CORRELATION = np.array([[1.0, 0.3, 0.1], [0.3, 1.0, -0.2], [0.1, -0.2, 1.0]])
X, SHARES = [0.3, 1.0, 2.0], [[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]]
# By name: arguments, and values within the support.
LAWS: dict[str, tuple[tuple[Any, ...], Any]] = {
    "Normal": ((L, A), [0.3, -1, 2]), "LogNormal": ((L, A), X), "HalfNormal": ((A,), X), "HalfCauchy": ((A,), X),
    "Cauchy": ((L, A), X), "Laplace": ((L, A), X), "Uniform": ((L, [2.0, 3, 4]), X), "Exponential": ((A,), X),
    "Gamma": ((A, B), X), "Chi2": ((A,), X), "Beta": ((A, B), [0.3, 0.1, 0.7]), "StudentT": ((A, L, B), X),
    "FisherSnedecor": ((A, [5.0, 3, 7]), X), "Gumbel": ((L, A), X), "Weibull": ((A, [1.3, 1.6, 2.5]), X),
    "Pareto": ((A, B), [1.3, 2, 4]), "GeneralizedPareto": ((L, A, [0.1, 0.3, -0.2]), [0.3, 1, 2.5]),
    "Kumaraswamy": ((A, B), [0.3, 0.1, 0.7]), "InverseGamma": ((A, B), X), "VonMises": ((L, A), X),
    "Bernoulli": ((P,), [0.0, 1, 1]), "Geometric": ((P,), [0.0, 1, 4]), "Binomial": (([5.0, 5, 5], P), [0.0, 2, 5]),
    "NegativeBinomial": ((A, P), [0.0, 2, 5]), "Poisson": ((A,), [0.0, 2, 5]),
    "ContinuousBernoulli": ((P,), [0.0, 0.3, 1]), "RelaxedBernoulli": ((0.7, P), [0.1, 0.2, 0.9]),
    "Categorical": (([P, A],), [0, 2]), "OneHotCategorical": (([P, A],), [[0.0, 1, 0], [0, 0, 1]]),
    "OneHotCategoricalStraightThrough": (([P, A],), [[0.0, 1, 0], [0, 0, 1]]),
    "Multinomial": ((4, [P, A]), [[0.0, 1, 3], [2, 1, 1]]), "Dirichlet": (([A, B],), SHARES),
    "RelaxedOneHotCategorical": ((0.7, [P, A]), SHARES), "MultivariateNormal": ((L, M), X),
    "LowRankMultivariateNormal": ((L, [[1.0, 2], [0, 1], [1, 1]], A), X), "Wishart": ((4.5, M), M + np.eye(3)),
    "LKJCholesky": ((3, A), np.linalg.cholesky(CORRELATION)), "LogisticNormal": ((L, A), [0.2, 0.3, 0.1, 0.4]),
}  # fmt: skip
# PyTorch computes these, or parts of them, with float32's precision; its mode is NaN, by a wrong sign.
ROUGH, NOT_THERE = {"VonMises": 1e-6, "Multinomial": 1e-7}, {("Kumaraswamy", "mode")}


@pytest.fixture(autouse=True)
def _doubles() -> Iterator[None]:
    """PyTorch makes some constants in its default dtype, whatever that of the parameters."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def make(module: Any, name: str, args: tuple[Any, ...], grad: bool = False) -> tuple[Any, list[Any]]:
    """A law with parameters of float64, and those that are tensors."""
    library = torch if module is T else wg
    given = [x if isinstance(x, int) else library.tensor(np.array(x, float), dtype=library.float64) for x in args]
    tensors = [x.requires_grad_(grad) for x in given if not isinstance(x, int)]
    return getattr(module, name)(*given), tensors


def array(x: Any) -> np.ndarray:
    return np.asarray(x.detach().numpy())


@pytest.mark.filterwarnings("ignore:Wishart", "ignore:.*[Ss]ingular")
@pytest.mark.parametrize("name", LAWS)
def test_a_law_is_pytorchs(name: str) -> None:
    args, value = LAWS[name]
    (p, inputs), (q, ours) = make(T, name, args, True), make(W, name, args, True)
    assert (q.batch_shape, q.event_shape) == (tuple(p.batch_shape), tuple(p.event_shape))
    assert (q.has_rsample, q.has_enumerate_support) == (p.has_rsample, p.has_enumerate_support)
    assert set(q.arg_constraints) == set(p.arg_constraints)
    assert type(p.support).__name__.strip("_") == repr(q.support).partition("(")[0]
    x, y, u = torch.tensor(np.array(value)), wg.tensor(np.array(value)), np.array([0.2, 0.5, 0.8])
    wanted = {
        "mean": lambda d, *_: d.mean, "mode": lambda d, *_: d.mode, "variance": lambda d, *_: d.variance,
        "stddev": lambda d, *_: d.stddev, "entropy": lambda d, *_: d.entropy(),
        "log_prob": lambda d, x, _: d.log_prob(x), "cdf": lambda d, x, _: d.cdf(x), "icdf": lambda d, _, u: d.icdf(u),
    }  # fmt: skip
    rtol = ROUGH.get(name, 1e-9)
    for what, ask in wanted.items():
        try:
            expected = ask(p, x, torch.tensor(u))
        except NotImplementedError:
            continue
        found = ask(q, y, wg.tensor(u))
        assert found.shape == tuple(expected.shape), what
        if (name, what) not in NOT_THERE:
            np.testing.assert_allclose(array(found), array(expected), rtol, 1e-12, err_msg=what)
    theirs = torch.autograd.grad(p.log_prob(x).sum(), inputs, allow_unused=True)
    for a, b in zip(wg.autograd.grad(q.log_prob(y).sum(), ours, allow_unused=True), theirs, strict=True):
        assert (a is None) == (b is None)
        if a is not None and b is not None:
            np.testing.assert_allclose(array(a), array(b), max(rtol, 1e-7), 1e-9)
    if q.has_enumerate_support:
        np.testing.assert_array_equal(array(q.enumerate_support(False)), array(p.enumerate_support(False)))
    wide = (2, *q.batch_shape)
    assert q.expand(wide).sample((3,)).shape == tuple(p.expand(wide).sample((3,)).shape)
    np.testing.assert_allclose(array(q.expand(wide).log_prob(y)), array(p.expand(wide).log_prob(x)), rtol, 1e-12)


def test_every_pair_that_pytorch_knows_has_a_divergence() -> None:
    theirs = {(a.__name__, b.__name__) for a, b in torch_kl._KL_REGISTRY}
    assert theirs - {(a.__name__, b.__name__) for a, b in _REGISTRY} == set()


def plain(x: Any) -> Any:
    return x.tolist() if isinstance(x, np.ndarray) else x


PAIRS = [(a.__name__, b.__name__) for a, b in torch_kl._KL_REGISTRY if {a.__name__, b.__name__} <= LAWS.keys()]


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=lambda name: name)
def test_a_divergence_is_pytorchs(first: str, second: str) -> None:
    args, others = LAWS[first][0], LAWS[second][0]
    if first == second:  # another law of the class: the parameters are a little smaller, but for a number of trials
        others = tuple(x if isinstance(x, int) or x == [5.0, 5, 5] else 0.9 * np.array(x) for x in map(plain, others))
    expected = T.kl_divergence(make(T, first, args)[0], make(T, second, others)[0])
    found = W.kl_divergence(make(W, first, args)[0], make(W, second, others)[0])
    assert found.shape == tuple(expected.shape)
    np.testing.assert_allclose(array(found), array(expected), 1e-9, 1e-11)


def test_divergences_of_laws_made_of_others_are_pytorchs() -> None:
    found = []
    for module in (T, W):
        ((a, _), (b, _)) = (make(module, "Normal", (x, y)) for x, y in ((L, A), (A, B)))
        ((c, _), (d, _)) = (make(module, "Wishart", (df, s * M)) for df, s in ((4.5, 1.0), (5.0, 1.3)))
        ((e, _), (f, _)) = (make(module, "LogNormal", (x, y)) for x, y in ((L, A), (A, B)))
        pairs = ((module.Independent(a, 1), module.Independent(b, 1)), (c, d), (e, f))
        found.append([array(module.kl_divergence(p, q)) for p, q in pairs])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, 1e-9)


# By name: how to make it, and what to give it.
TRANSFORMS: dict[str, tuple[Any, Any]] = {
    "Abs": (lambda m: m.AbsTransform(), L), "Affine": (lambda m: m.AffineTransform(1.0, -2.0, event_dim=1), L),
    "Exp": (lambda m: m.ExpTransform(), L), "Sigmoid": (lambda m: m.SigmoidTransform(), L),
    "Tanh": (lambda m: m.TanhTransform(), L), "Softplus": (lambda m: m.SoftplusTransform(), L),
    "Softmax": (lambda m: m.SoftmaxTransform(), L), "StickBreaking": (lambda m: m.StickBreakingTransform(), L),
    "CorrCholesky": (lambda m: m.CorrCholeskyTransform(), [*L, 0.1, -0.3, 0.5]),
    "LowerCholesky": (lambda m: m.LowerCholeskyTransform(), M),
    "Reshape": (lambda m: m.ReshapeTransform((3,), (1, 3)), L),
    "PositiveDefinite": (lambda m: m.PositiveDefiniteTransform(), M),
    "Independent": (lambda m: m.IndependentTransform(m.ExpTransform(), 1), M),
    "Compose": (lambda m: m.ComposeTransform([m.AffineTransform(0.0, 2.0), m.StickBreakingTransform()]), L),
    "Cat": (lambda m: m.CatTransform([m.ExpTransform(), m.TanhTransform()], 0, [1, 2]), L),
    "Stack": (lambda m: m.StackTransform([m.ExpTransform(), m.TanhTransform(), m.SigmoidTransform()], 0), M),
    "Inverse": (lambda m: m.TanhTransform().inv, [-0.5, 0.1, 0.9]),
}  # fmt: skip


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_transform_is_pytorchs(name: str) -> None:
    factory, value = TRANSFORMS[name]
    p, q = factory(T.transforms), factory(W.transforms)
    x, y = torch.tensor(np.array(value)), wg.tensor(np.array(value))
    np.testing.assert_allclose(array(q(y)), array(p(x)), 1e-12)
    np.testing.assert_allclose(array(q.inv(q(y))), array(p.inv(p(x))), 1e-9, 1e-12)
    assert (q.bijective, q.domain.event_dim, q.codomain.event_dim) == (
        p.bijective, p.domain.event_dim, p.codomain.event_dim,
    )  # fmt: skip
    assert tuple(q.forward_shape(y.shape)) == tuple(p.forward_shape(x.shape)) == q(y).shape
    assert tuple(q.inverse_shape(q(y).shape)) == y.shape
    if p.bijective:
        found, expected = q.log_abs_det_jacobian(y, q(y)), p.log_abs_det_jacobian(x, p(x))
        np.testing.assert_allclose(array(found), array(expected), 1e-9, 1e-12)


def test_all_names_of_pytorch_are_here() -> None:
    for theirs, ours in ((T, W), (T.constraints, W.constraints), (T.transforms, W.transforms)):
        assert set(theirs.__all__) - set(ours.__all__) == set()
    for name in T.__all__:
        theirs, ours = getattr(T, name), getattr(W, name)
        if isinstance(theirs, type) and name not in ("Transform", "Distribution"):
            assert list(inspect.signature(ours).parameters) == list(inspect.signature(theirs).parameters), name


VALUES = [
    np.array(x, float)
    for x in ([-1, 0, 0.5, 1, 2], [[0, 1], [0.5, 0.5]], np.eye(2), [[1, 2], [3, 4]], [[2, 1], [1, 2]])
]


@pytest.mark.parametrize(
    "name",
    [name for name in T.constraints.__all__ if isinstance(getattr(T.constraints, name), T.constraints.Constraint)],
)
def test_a_constraint_is_pytorchs(name: str) -> None:
    p, q = getattr(T.constraints, name), getattr(W.constraints, name)
    if name == "dependent":
        with pytest.raises(ValueError, match="dependent"):
            q.check(wg.zeros(()))
        return
    assert (q.is_discrete, q.event_dim) == (p.is_discrete, p.event_dim)
    for value in VALUES:
        if value.ndim >= p.event_dim:
            np.testing.assert_array_equal(array(q.check(wg.tensor(value))), array(p.check(torch.tensor(value))))
