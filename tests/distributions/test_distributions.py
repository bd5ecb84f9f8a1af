"""Distributions against SciPy's densities and laws, against quadrature, and against their own derivatives."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wengert as wg
from wengert import distributions as D
from wengert.distributions import constraints
from wengert.distributions.kl import _FINITE

stats = pytest.importorskip("scipy.stats")


def double(*values: Any) -> list[wg.Tensor]:
    return [wg.tensor(x, dtype=wg.float64) for x in values]


def make(name: str, *values: Any) -> Any:
    return getattr(D, name)(*double(*values))


# Continuous laws of numbers: parameters, and SciPy's law.
CONTINUOUS: dict[str, tuple[tuple[float, ...], Any]] = {
    "Normal": ((0.5, 1.5), stats.norm(0.5, 1.5)),
    "LogNormal": ((0.2, 0.7), stats.lognorm(0.7, scale=math.exp(0.2))),
    "HalfNormal": ((1.5,), stats.halfnorm(scale=1.5)),
    "HalfCauchy": ((1.5,), stats.halfcauchy(scale=1.5)),
    "Cauchy": ((0.5, 1.5), stats.cauchy(0.5, 1.5)),
    "Laplace": ((0.5, 1.5), stats.laplace(0.5, 1.5)),
    "Uniform": ((-1.0, 2.0), stats.uniform(-1, 3)),
    "Exponential": ((1.5,), stats.expon(scale=1 / 1.5)),
    "Gamma": ((0.6, 1.5), stats.gamma(0.6, scale=1 / 1.5)),
    "Chi2": ((3.5,), stats.chi2(3.5)),
    "Beta": ((0.7, 2.5), stats.beta(0.7, 2.5)),
    "StudentT": ((3.5, 0.5, 1.5), stats.t(3.5, 0.5, 1.5)),
    "FisherSnedecor": ((3.0, 7.0), stats.f(3, 7)),
    "Gumbel": ((0.5, 1.5), stats.gumbel_r(0.5, 1.5)),
    "Weibull": ((1.5, 0.8), stats.weibull_min(0.8, scale=1.5)),
    "Pareto": ((1.5, 2.5), stats.pareto(2.5, scale=1.5)),
    "GeneralizedPareto": ((0.5, 1.5, 0.3), stats.genpareto(0.3, 0.5, 1.5)),
    "InverseGamma": ((2.5, 1.5), stats.invgamma(2.5, scale=1.5)),
    "VonMises": ((0.5, 2.0), stats.vonmises(2.0, 0.5)),
}
DISCRETE: dict[str, tuple[tuple[float, ...], Any]] = {
    "Bernoulli": ((0.3,), stats.bernoulli(0.3)),
    "Geometric": ((0.3,), stats.geom(0.3, loc=-1)),
    "Binomial": ((7.0, 0.3), stats.binom(7, 0.3)),
    "NegativeBinomial": ((2.5, 0.4), stats.nbinom(2.5, 0.6)),
    "Poisson": ((2.5,), stats.poisson(2.5)),
}
WITHOUT_SCIPY = {"Kumaraswamy": (1.4, 2.5), "ContinuousBernoulli": (0.8,)}
LEVELS = np.array([0.01, 0.2, 0.5, 0.8, 0.99])
DRAWS = 2000


@pytest.mark.parametrize("name", CONTINUOUS)
def test_densities_and_distribution_functions_are_scipys(name: str) -> None:
    parameters, law = CONTINUOUS[name]
    d, x = make(name, *parameters), law.ppf(LEVELS)
    np.testing.assert_allclose(d.log_prob(wg.tensor(x)).numpy(), law.logpdf(x), 1e-10)
    for method, given, expected in (("cdf", x, LEVELS), ("icdf", LEVELS, x)):
        try:
            found = getattr(d, method)(wg.tensor(given))
        except NotImplementedError as error:
            assert "no closed form" in str(error)  # noqa: PT017
            continue
        np.testing.assert_allclose(found.numpy(), expected, 1e-9)
    if name not in ("FisherSnedecor", "VonMises"):
        assert d.entropy().item() == pytest.approx(law.entropy(), rel=1e-9)


@pytest.mark.parametrize("name", DISCRETE)
def test_probabilities_are_scipys(name: str) -> None:
    parameters, law = DISCRETE[name]
    d, k = make(name, *parameters), np.arange(2.0 if name == "Bernoulli" else 6.0)
    np.testing.assert_allclose(d.log_prob(wg.tensor(k)).numpy(), law.logpmf(k), 1e-10)
    assert (d.mean.item(), d.variance.item()) == pytest.approx(law.stats(), rel=1e-10)


@pytest.mark.parametrize("name", [*CONTINUOUS, *WITHOUT_SCIPY])
def test_variates_follow_the_law(name: str) -> None:
    wg.manual_seed(1)
    parameters = CONTINUOUS[name][0] if name in CONTINUOUS else WITHOUT_SCIPY[name]
    d = make(name, *parameters)
    x = d.sample((DRAWS,))
    assert not x.requires_grad
    cdf = CONTINUOUS[name][1].cdf if name in CONTINUOUS else lambda x: d.cdf(wg.tensor(x)).numpy()
    assert stats.kstest(x.numpy(), cdf).pvalue > 0.01


@pytest.mark.parametrize("name", DISCRETE)
def test_counts_follow_the_law(name: str) -> None:
    wg.manual_seed(2)
    parameters, law = DISCRETE[name]
    x = make(name, *parameters).sample((DRAWS,)).numpy()
    at = np.arange(12.0)
    off = np.abs((x[:, None] <= at).mean(0) - law.cdf(at)).max()
    assert off < 1.63 / math.sqrt(DRAWS)  # Kolmogorov and Smirnov's, which is wider than need be of steps


def test_categories_follow_their_probabilities() -> None:
    wg.manual_seed(3)
    p = wg.tensor([[0.2, 0.0, 0.5, 0.3], [0.25, 0.25, 0.25, 0.25]], dtype=wg.float64)
    drawn = D.Categorical(p).sample((DRAWS,)), D.OneHotCategorical(p).sample((DRAWS,)).argmax(-1)
    few = D.Categorical(p.expand((DRAWS, 2, 4))).sample()
    one = D.Categorical(p[0]).sample((DRAWS, 2))
    for x, expected in ((drawn[0], p), (drawn[1], p), (few, p), (one, p[:1].expand((2, 4)))):
        shares = np.stack([(x.numpy() == k).mean(0) for k in range(4)], -1)
        np.testing.assert_allclose(shares, expected.numpy(), atol=0.04)
        assert shares[0, 1] == 0
    counts = D.Multinomial(6, p).sample((DRAWS,))
    assert counts.sum(-1).unique().tolist() == [6.0]
    np.testing.assert_allclose(counts.mean(0).numpy(), 6 * p.numpy(), atol=0.15)


def test_vectors_and_matrices_follow_their_laws() -> None:
    wg.manual_seed(4)
    cov = wg.tensor([[2.0, 0.3], [0.3, 1.0]], dtype=wg.float64)
    loc, few = double([1.0, -1.0], [[1.0], [0.5]])
    laws = [
        D.MultivariateNormal(loc, cov), D.MultivariateNormal(loc, precision_matrix=cov.inverse()),
        D.MultivariateNormal(loc.expand((2, 2)), scale_tril=wg.linalg.cholesky(cov).expand((2, 2, 2))),
        D.LowRankMultivariateNormal(loc, few, wg.ones(2, dtype=wg.float64)),
    ]  # fmt: skip
    for law in laws:
        x = law.sample((4000,)).numpy().reshape(-1, 2)
        np.testing.assert_allclose(x.mean(0), loc.numpy(), atol=0.12)
        expected = law.covariance_matrix.numpy().reshape(-1, 2, 2)[0]
        np.testing.assert_allclose(np.cov(x.T), expected, atol=0.2)
        point = np.array([0.3, 0.7])
        density = stats.multivariate_normal(loc.numpy(), expected).logpdf(point)
        np.testing.assert_allclose(law.log_prob(wg.tensor(point)).numpy().ravel()[0], density, 1e-10)
    w = D.Wishart(wg.tensor(4.5, dtype=wg.float64), cov)
    x = w.rsample((4000,))
    np.testing.assert_allclose(x.mean(0).numpy(), 4.5 * cov.numpy(), rtol=0.1)
    np.testing.assert_allclose(x.var(0).numpy(), w.variance.numpy(), rtol=0.15)
    assert w.log_prob(cov).item() == pytest.approx(stats.wishart(4.5, cov.numpy()).logpdf(cov.numpy()))
    off = D.LKJCholesky(3, double(1.5)[0]).sample((4000,))
    r = (off @ off.mT)[:, 2, 0].numpy()  # each correlation is 2 x - 1 of a beta variate (Lewandowski et al., section 3)
    assert stats.kstest(0.5 * (r + 1), stats.beta(2.0, 2.0).cdf).pvalue > 0.01
    shares = D.Dirichlet(wg.tensor([0.3, 1.5, 2.0], dtype=wg.float64)).sample((DRAWS,)).numpy()
    assert stats.kstest(shares[:, 0], stats.beta(0.3, 3.5).cdf).pvalue > 0.01
    mixture = D.MixtureSameFamily(D.Categorical(wg.tensor([0.3, 0.7])), D.Normal(*double([-2.0, 1.0], [1.0, 0.5])))
    assert stats.kstest(mixture.sample((DRAWS,)).numpy(), lambda x: mixture.cdf(wg.tensor(x)).numpy()).pvalue > 0.01


# ---------------------------------------------------------------- derivatives

# Laws of numbers, with a value of each.
SMOOTH = {
    **{name: (values, float(law.ppf(0.3))) for name, (values, law) in CONTINUOUS.items()},
    **{name: (values, 0.3) for name, values in WITHOUT_SCIPY.items()}, "Geometric": ((0.3,), 2.0),
    "Binomial": ((7.0, 0.3), 2.0), "NegativeBinomial": ((2.5, 0.4), 2.0), "Poisson": ((2.5,), 2.0),
    "Bernoulli": ((0.3,), 1.0), "RelaxedBernoulli": ((0.7, 0.3), 0.4),
}  # fmt: skip
STATIC = {"Binomial": 1}  # leading parameters that are no numbers to differentiate by


@pytest.mark.parametrize("name", SMOOTH)
def test_log_densities_are_differentiable_twice_in_both_directions(name: str) -> None:
    values, x = SMOOTH[name]
    fixed, free = double(*values[: STATIC.get(name, 0)]), double(*values[STATIC.get(name, 0) :])
    wg.check_gradients(lambda *p: getattr(D, name)(*fixed, *p).log_prob(x), *free, order=2)


def restarted(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that draws the same numbers in each call."""

    def again(*xs: Any) -> Any:
        wg.manual_seed(5)
        return function(*xs)

    return again


BY_REJECTION = {"Gamma", "Chi2", "Beta", "StudentT", "FisherSnedecor", "InverseGamma", "VonMises"}


@pytest.mark.parametrize("name", sorted({*CONTINUOUS, *WITHOUT_SCIPY, "RelaxedBernoulli"} - BY_REJECTION))
def test_variates_are_differentiable_twice_in_both_directions(name: str) -> None:
    function = restarted(lambda *p: getattr(D, name)(*p).rsample((2,)))
    wg.check_gradients(function, *double(*SMOOTH[name][0]), order=2)


def test_vectors_of_variates_are_differentiable() -> None:
    loc, factor, cov, diagonal = double([0.5, -1.0], [[1.0, 0.0], [0.3, 0.8]], [[2.0, 0.3], [0.3, 1.0]], [0.5, 1.5])
    wg.check_gradients(restarted(lambda a, b: D.MultivariateNormal(a, scale_tril=b.tril()).rsample()), loc, factor)
    wg.check_gradients(restarted(lambda a, b: D.LowRankMultivariateNormal(a, b, diagonal).rsample()), loc, factor)
    wg.check_gradients(lambda a, b: D.MultivariateNormal(loc, 0.5 * (a + a.mT)).log_prob(b), cov, loc, order=2)
    wg.check_gradients(restarted(lambda a: D.LogisticNormal(a, 1.0).rsample()), loc, order=2)
    wg.check_gradients(restarted(lambda a: D.RelaxedOneHotCategorical(0.7, logits=a).rsample()), loc, order=2)


@pytest.mark.parametrize("a", [0.3, 4.0])
def test_means_over_gamma_variates_have_the_derivatives_of_the_moments(a: float) -> None:
    def moments(a: Any) -> Any:
        x = D.Gamma(a, 1.0).rsample((5000,))
        return wg.stack([x.mean(), (x * x).mean()])

    (shape,) = double(a)
    first = wg.func.derivative(restarted(moments))(shape)
    second = wg.func.derivative(restarted(moments), order=2)(shape)
    np.testing.assert_allclose(first.numpy(), [1, 2 * a + 1], rtol=0.1)  # of a and a (a + 1)
    np.testing.assert_allclose(second.numpy(), [0, 2], atol=0.25)


def test_means_over_what_is_made_of_gamma_variates_have_the_derivatives_of_the_moments() -> None:
    a, b = double(1.5, 2.5)
    mean = lambda law: restarted(lambda a, b: law(a, b).rsample((5000,)).mean(0))  # noqa: E731
    for law in (D.Beta, lambda a, b: D.Dirichlet(wg.stack([a, b]))):
        found = [x.numpy().ravel()[0] for x in wg.func.jacobian(mean(law), (0, 1))(a, b)]
        np.testing.assert_allclose(found, [2.5 / 16, -1.5 / 16], rtol=0.05)
    squares = restarted(lambda a: (D.StudentT(a).rsample((5000,)) ** 2).mean())  # a / (a - 2)
    assert wg.func.derivative(squares)(double(12.0)[0]).item() == pytest.approx(-2 / 100, rel=0.2)


def test_tiny_shapes_give_numbers_and_gradients() -> None:
    wg.manual_seed(6)
    a = wg.full((50,), 1e-3).requires_grad_()
    for law in (D.Gamma(a, 1.0), D.Dirichlet(a), D.Beta(a, a)):
        x = law.rsample()
        (g,) = wg.autograd.grad(x.sum() + law.log_prob(x).sum(), a)
        assert bool(((x > 0) & x.isfinite()).all())
        assert bool(g.isfinite().all())


def test_what_is_singular_in_the_middle_is_smooth_to_high_order() -> None:
    normalizer = D.ContinuousBernoulli(0.5)._log_normalizer
    for x in (-4.0, -0.999, 0.0, 1e-3, 1.001):
        (logits,) = double(x)
        law = D.ContinuousBernoulli(logits=logits)
        slope, curvature = (wg.func.derivative(normalizer, order=k)(logits).item() for k in (1, 2))
        assert (law.mean.item(), law.variance.item()) == pytest.approx((slope, curvature), rel=1e-9)
        assert law.icdf(law.cdf(0.3)).item() == pytest.approx(0.3, rel=1e-10)
        wg.check_gradients(lambda x: D.ContinuousBernoulli(logits=x).icdf(0.3), logits)
    (zero,) = double(0.0)
    assert wg.func.derivative(normalizer, order=4)(zero).item() == pytest.approx(-1 / 120, rel=1e-12)
    wg.check_gradients(lambda c: D.GeneralizedPareto(0.0, 1.0, c).log_prob(1.5), zero, order=3)


# ---------------------------------------------------------------- divergences

BY_CLASS = {
    "Beta": (1.7, 2.5), "ContinuousBernoulli": (0.8,), "Exponential": (1.5,), "Gamma": (1.6, 1.5), "Gumbel": (0.5, 1.5),
    "Laplace": (0.5, 1.5), "Normal": (0.5, 1.2), "Pareto": (1.5, 4.5), "Uniform": (0.2, 0.9),
}  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second"),
    [(p.__name__, q.__name__) for p, targets in _FINITE.items() for q in (*targets, p)], ids=lambda name: name,
)  # fmt: skip
def test_divergences_are_the_integrals(first: str, second: str) -> None:
    parameters = (0.1, 0.4) if (first, second) == ("Uniform", "Pareto") else BY_CLASS[second]
    p, q = make(first, *BY_CLASS[first]), make(second, *parameters)
    if (first, second) == ("Uniform", "Pareto"):
        q = make("Pareto", 0.1, 1.5)
    if second == "Uniform":
        p, q = make(first, *BY_CLASS[first]), make("Uniform", -0.5, 1.5)
    low, high = {
        "Beta": (0, 1), "ContinuousBernoulli": (0, 1), "Uniform": (0.2, 0.9), "Exponential": (0, 40), "Gamma": (0, 40),
        "Pareto": (1.5, 4000), "Gumbel": (-8, 60), "Laplace": (-50, 50), "Normal": (-12, 13),
    }[first]  # fmt: skip
    nodes, weights = np.polynomial.legendre.leggauss(40)
    edges = np.geomspace(low, high, 60) if first == "Pareto" else np.linspace(low, high, 120)
    middle, half = 0.5 * (edges[1:] + edges[:-1]), 0.5 * np.diff(edges)
    x = wg.tensor((middle[:, None] + half[:, None] * nodes).ravel())
    log_p = p.log_prob(x)
    integral = (log_p.exp() * (log_p - q.log_prob(x))).numpy() @ (half[:, None] * weights).ravel()
    assert D.kl_divergence(p, q).item() == pytest.approx(integral, rel=1e-3, abs=2e-5)


def test_divergences_from_oneself_are_zero() -> None:
    for name, values in {**BY_CLASS, "Cauchy": (0.5, 1.5), "Poisson": (2.5,), "HalfNormal": (1.5,)}.items():
        assert D.kl_divergence(make(name, *values), make(name, *values)).item() == pytest.approx(0, abs=1e-12)


class Rate(D.ExponentialFamily):
    """The exponential law, by its natural parameter alone."""

    arg_constraints = {"rate": constraints.positive}  # noqa: RUF012
    _mean_carrier_measure = 0

    def __init__(self, rate: Any) -> None:
        self.rate = rate
        super().__init__(rate.shape)

    @property
    def _natural_params(self) -> tuple[Any, ...]:
        return (-self.rate,)

    def _log_normalizer(self, eta: Any) -> Any:
        return -(-eta).log()


def test_an_exponential_family_of_ones_own_has_entropy_and_divergence() -> None:
    a, b = double([1.5, 0.5], [0.7])
    between = D.kl_divergence(D.Exponential(a), D.Exponential(b))
    for mine, ours in ((Rate(a).entropy(), D.Exponential(a).entropy()), (D.kl_divergence(Rate(a), Rate(b)), between)):
        np.testing.assert_allclose(mine.numpy(), ours.numpy(), 1e-12)
    wg.check_gradients(lambda a, b: D.kl_divergence(Rate(a), Rate(b)), a, b, order=2)
    for law in (D.Normal(a, 1.5), D.Exponential(a), D.Bernoulli(0.3 * a), D.ContinuousBernoulli(0.3 * a)):
        np.testing.assert_allclose(D.ExponentialFamily.entropy(law).numpy(), law.entropy().numpy(), 1e-9)


def test_a_divergence_of_ones_own_is_taken_for_the_nearest_class() -> None:
    class Mine(D.Normal):
        pass

    p, q = Mine(0.0, 1.0), D.Normal(0.0, 1.0)
    assert D.kl_divergence(p, q).item() == 0.0
    D.register_kl(Mine, D.Distribution)(lambda p, q: "mine")
    D.register_kl(D.Distribution, Mine)(lambda p, q: "theirs")
    assert D.kl_divergence(p, D.Weibull(1.0, 1.0)) == "mine"
    with pytest.warns(RuntimeWarning, match="register_kl"):
        assert D.kl_divergence(p, p) == "mine"
    with pytest.raises(NotImplementedError, match="from Weibull to Normal"):
        D.kl_divergence(D.Weibull(1.0, 1.0), q)
    with pytest.raises(TypeError, match=r"register_kl: .* got <class 'int'>"):
        D.register_kl(int, D.Normal)


# ---------------------------------------------------------------- transforms

BIJECTIONS = {
    "affine": D.AffineTransform(1.0, -2.0), "exp": D.ExpTransform(), "power": D.PowerTransform(-1.5),
    "sigmoid": D.SigmoidTransform(), "tanh": D.TanhTransform(), "softplus": D.SoftplusTransform(),
    "sticks": D.StickBreakingTransform(), "correlation": D.CorrCholeskyTransform(),
    "uniform": D.CumulativeDistributionTransform(D.Normal(0.5, 2.0)),
    "composed": D.ComposeTransform([D.AffineTransform(0.5, 2.0), D.ExpTransform(), D.AffineTransform(1.0, 0.5)]),
}  # fmt: skip


@pytest.mark.parametrize("name", BIJECTIONS)
def test_jacobians_are_those_of_the_map(name: str) -> None:
    transform = BIJECTIONS[name]
    x = wg.tensor([0.3, 1.2, 0.7], dtype=wg.float64)
    y = transform(x)
    np.testing.assert_allclose(transform.inv(y).numpy(), x.numpy(), 1e-10)
    rows = {"sticks": lambda y: y[:-1], "correlation": lambda y: wg.distributions.utils.tril_matrix_to_vec(y, -1)}
    jacobian = wg.func.jacobian(lambda x: rows.get(name, lambda y: y)(transform(x)))(x)
    found = transform.log_abs_det_jacobian(x, y).sum()
    assert found.item() == pytest.approx(wg.linalg.slogdet(jacobian)[1].item())
    assert transform.inv.log_abs_det_jacobian(y, x).sum().item() == pytest.approx(-found.item())


@pytest.mark.parametrize("name", [
    "real", "positive", "nonnegative", "unit_interval", "simplex", "real_vector", "corr_cholesky", "lower_cholesky",
    "positive_definite", "positive_semidefinite",
])  # fmt: skip
def test_transforms_lead_to_where_constraints_allow(name: str) -> None:
    constraint = getattr(constraints, name)
    wide = (3, 3) if constraint.event_dim == 2 and name != "corr_cholesky" else (3,)
    x = wg.tensor(np.linspace(-1.5, 2.0, math.prod(wide)).reshape(wide))
    assert bool(constraint.check(D.transform_to(constraint)(x)).all())
    if constraint.event_dim < 2 or name == "corr_cholesky":
        y = D.biject_to(constraint)(x)
        np.testing.assert_allclose(D.biject_to(constraint).inv(y).numpy(), x.numpy(), 1e-7)


def test_bounds_that_are_tensors_lead_to_transforms() -> None:
    low, x = double([1.0, -2.0], [-3.0, 0.5])
    for constraint in (constraints.greater_than(low), constraints.less_than(low), constraints.interval(low, low + 2)):
        assert bool(constraint.check(D.biject_to(constraint)(x)).all())
    with pytest.raises(NotImplementedError, match="Boolean"):
        D.biject_to(constraints.boolean)


def test_a_cache_leads_back_to_the_bit() -> None:
    tanh = D.TanhTransform(cache_size=1)
    x = wg.tensor([30.0])
    assert tanh.inv(tanh(x)) is x
    assert tanh.inv.inv is tanh
    assert D.ExpTransform() == D.ExpTransform()
    assert hash(D.ExpTransform()) == hash(D.ExpTransform())
    assert D.AffineTransform(0.0, 1.0) != D.AffineTransform(0.0, 2.0)
    again = pickle.loads(pickle.dumps(tanh))
    assert again(x).item() == 1.0


def test_a_squashed_normal_law_integrates_to_one() -> None:
    law = D.TransformedDistribution(D.Normal(0.3, 0.7), [D.TanhTransform(), D.AffineTransform(1.0, -2.0)])
    x = wg.linspace(-0.999, 2.999, 4001, dtype=wg.float64)
    assert wg.trapezoid(law.log_prob(x).exp(), x).item() == pytest.approx(1, abs=1e-4)
    half = law.cdf(x)
    assert bool((half[1:] >= half[:-1]).all())  # also though the last transform falls
    np.testing.assert_allclose(law.icdf(law.cdf(x[1000:3000])).numpy(), x[1000:3000].numpy(), rtol=1e-9)


# ---------------------------------------------------------------- shapes, checks, manners


def test_errors_name_the_law_the_parameter_and_the_values() -> None:
    cases: list[tuple[Callable[[], Any], str]] = [
        (lambda: D.Normal(0.0, wg.tensor([1.0, -2.0])), r"Normal: expected scale .*GreaterThan.*\[-2"),
        (lambda: D.LogNormal(0.0, -1.0), "LogNormal: expected scale"),
        (lambda: D.Uniform(1.0, 0.0), "Uniform: expected low"),
        (lambda: D.Bernoulli(), "Bernoulli: expected either probs or logits, got neither"),
        (lambda: D.Categorical(wg.ones(2), wg.ones(2)), "Categorical: .* got both"),
        (lambda: D.Categorical(0.5), "Categorical: expected probs of at least one dimension"),
        (lambda: D.Normal("a", 1.0), "expected tensors or numbers, got str 'a'"),
        (lambda: D.Normal(wg.zeros(2), wg.ones(3)), "broadcast"),
        (lambda: D.MultivariateNormal(wg.zeros(2)), "got none"),
        (lambda: D.MultivariateNormal(wg.zeros(3), wg.eye(2)), r"loc of 2 items .*got shape \(3,\)"),
        (lambda: D.MultivariateNormal(wg.zeros(2), -wg.eye(2)), "covariance_matrix to satisfy PositiveDefinite"),
        (lambda: D.Exponential(1.0).log_prob(-1.0), r"Exponential: .*support.*got -1"),
        (lambda: D.Normal(wg.zeros(2), 1.0).log_prob(wg.zeros(3)), r"\(3,\) do not broadcast with batch_shape \(2,\)"),
        (lambda: D.Dirichlet(wg.ones(3)).log_prob(wg.ones(2)), r"event_shape \(3,\), got shape \(2,\)"),
        (lambda: D.Independent(D.Normal(0.0, 1.0), 1), r"from 0 to 0.*Normal"),
        (lambda: D.LKJCholesky(1), "LKJCholesky: expected dim of at least 2, got 1"),
        (lambda: D.RelaxedBernoulli(-1.0, 0.5), "^RelaxedBernoulli: expected temperature"),
        (lambda: D.RelaxedOneHotCategorical(1.0, wg.tensor([-1.0, 2.0])), "^RelaxedOneHotCategorical: expected probs"),
        (lambda: D.Poisson(1e30).sample(), r"poisson: expected rates below 9e\+18, .*got 1e\+30"),
        (lambda: D.Multinomial(-1, wg.ones(2)), "total_count of at least 0, got -1"),
        (lambda: D.MixtureSameFamily(D.Categorical(wg.ones(2)), D.Normal(wg.zeros(3), 1.0)),
         r"batch_shape \(2,\).*\(3,\)"),
        (lambda: D.transforms.ReshapeTransform((2,), (3,)), "different numbers of items"),
        (lambda: D.ExpTransform(cache_size=2), "cache_size of 0 or 1, got 2"),
        (lambda: D.Distribution.set_default_validate_args(1), "True or False, got 1"),
    ]  # fmt: skip
    for function, text in cases:
        with pytest.raises(ValueError, match=text):
            function()
    with pytest.raises(TypeError, match=r"sample\(\(3,\)\)"):
        D.Normal(0.0, 1.0).sample(3)
    with pytest.raises(NotImplementedError, match="Poisson: its variates are not differentiable"):
        D.Poisson(1.0).rsample()
    with pytest.raises(TypeError, match="expected a Transform"):
        D.TransformedDistribution(D.Normal(0.0, 1.0), [3])


def test_checks_can_be_left_out() -> None:
    assert math.isnan(D.Normal(0.0, -1.0, validate_args=False).entropy().item())
    assert D.Exponential(1.0, validate_args=False).log_prob(-1.0).item() == 1.0
    D.Distribution.set_default_validate_args(False)
    try:
        D.Normal(0.0, -1.0)
    finally:
        D.Distribution.set_default_validate_args(True)
    with pytest.raises(ValueError, match="scale"):
        D.Normal(0.0, -1.0)


def test_a_law_in_a_batch_and_in_a_program_is_the_law() -> None:
    scales, x = wg.tensor([0.5, 2.0]), wg.tensor([0.3, -1.0])
    score = lambda s, x: D.Normal(0.0, s).log_prob(x)  # noqa: E731
    expected = score(scales, x)
    assert wg.allclose(wg.vmap(score)(scales, x), expected)
    compiled = wg.compile(score)
    for _ in range(4):
        assert wg.equal(compiled(scales, x), expected)
    assert wg.allclose(wg.vmap(wg.grad(score))(scales, x), -1 / scales + x * x / scales**3)
    drawn = wg.vmap(lambda a: D.Gamma(a, 1.0).rsample((3,)), randomness="different")(wg.tensor([1.0, 50.0]))
    assert drawn.shape == (2, 3)
    assert bool(drawn[0].max() < drawn[1].min())


def test_logits_of_what_is_masked_give_no_nan() -> None:
    logits = wg.tensor([0.5, -math.inf, 1.0], requires_grad=True)
    law = D.Categorical(logits=logits)
    (g,) = wg.autograd.grad(law.entropy() + law.log_prob(2), logits)
    assert bool(g.isfinite().all())
    assert g[1].item() == 0.0
    assert D.kl_divergence(law, D.Categorical(wg.tensor([0.5, 0.0, 0.5]))).isfinite().item()
    assert D.kl_divergence(D.Categorical(wg.ones(3)), law).item() == math.inf


def test_what_is_computed_once_is_differentiable_whoever_asks_first() -> None:
    p = wg.tensor([0.3, 0.7], requires_grad=True)
    for law in (D.Bernoulli(p), D.Categorical(p), D.MultivariateNormal(wg.zeros(2), wg.diag_embed(p))):
        x = law.sample()
        with wg.no_grad():
            silent = law.log_prob(x)
        assert not silent.requires_grad
        (g,) = wg.autograd.grad(law.log_prob(x).sum(), p)
        assert bool((g != 0).any())


def test_laws_print_copy_and_pickle() -> None:
    assert repr(D.Normal(0.0, wg.ones(2))) == "Normal(loc: wengert.Size([2]), scale: wengert.Size([2]))"
    assert repr(D.Bernoulli(logits=0.5)) == "Bernoulli(logits: 0.5)"
    law = D.Independent(D.Gamma(wg.ones(2), 1.0), 1)
    for again in (copy.deepcopy(law), pickle.loads(pickle.dumps(law))):
        assert wg.equal(again.log_prob(wg.ones(2)), law.log_prob(wg.ones(2)))
    with pytest.warns(UserWarning, match="older name"):
        assert law.sample_n(3).shape == (3, 2)
    assert law.expand((4,)).perplexity is not None


def test_integers_and_arrays_are_taken_as_floats() -> None:
    assert D.Normal(0, 1).sample().dtype == wg.float32
    assert D.Normal(wg.tensor([0, 1]), 1).loc.dtype == wg.float32
    assert D.Normal(np.zeros(2), 1).loc.dtype == wg.float64
    assert D.Poisson(wg.tensor([2])).sample().dtype == wg.float32


def test_a_seed_decides_what_is_drawn() -> None:
    laws = [D.Normal(0.0, 1.0), D.Gamma(0.5, 1.0), D.Poisson(3.0), D.Categorical(wg.ones(5)), D.VonMises(0.0, 1.0)]
    found = []
    for _ in range(2):
        wg.manual_seed(7)
        found.append([law.sample((4,)).tolist() for law in laws])
    assert found[0] == found[1]


def test_a_policy_learns_by_its_score() -> None:
    wg.manual_seed(8)
    logits = wg.zeros(4, requires_grad=True)
    optimizer = wg.optim.SGD([logits], lr=0.5)
    for _ in range(40):
        law = D.Categorical(logits=logits)
        action = law.sample((32,))
        optimizer.zero_grad()
        (-(law.log_prob(action) * (action == 2)).mean()).backward()
        optimizer.step()
    assert D.Categorical(logits=logits).probs[2].item() > 0.8
