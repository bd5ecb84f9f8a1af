"""The Kullback-Leibler divergence of two laws, by their classes.

Those of two laws of one class are written out. Of others, it is minus the entropy of p minus the mean under p of log q,
which the moments of p give: each class says once what its moments are, and what its log-density asks for.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from .._types import Tensor
from ..core.broadcast import broadcast_shape
from ..func import jvp
from ..linalg import solve_triangular
from ..ops import cat, diag_embed, digamma, erf, full, lgamma, softplus, where, xlogy
from .bernoulli import Bernoulli
from .beta import Beta
from .binomial import Binomial
from .by_covariance import half_log_det, mahalanobis
from .categorical import Categorical
from .cauchy import Cauchy
from .continuous_bernoulli import ContinuousBernoulli
from .dirichlet import Dirichlet
from .distribution import Distribution
from .exp_family import ExponentialFamily
from .exponential import Exponential
from .gamma import Gamma
from .geometric import Geometric
from .gumbel import Gumbel
from .half_normal import HalfNormal
from .independent import Independent
from .laplace import Laplace
from .lowrank_multivariate_normal import LowRankMultivariateNormal
from .multivariate_normal import MultivariateNormal
from .normal import Normal
from .one_hot_categorical import OneHotCategorical
from .pareto import Pareto
from .poisson import Poisson
from .transformed_distribution import TransformedDistribution
from .transforms import sum_rightmost
from .uniform import Uniform
from .utils import euler_constant

__all__ = ["kl_divergence", "register_kl"]

F = TypeVar("F", bound=Callable[..., Any])
_REGISTRY: dict[tuple[type, type], Callable[..., Any]] = {}


def register_kl(type_p: Any, type_q: Any) -> Callable[[F], F]:
    """Say what computes the divergence of laws of two classes.

    Parameters
    ----------
    type_p, type_q : subclass of Distribution
        It is taken for these and for classes derived from them, unless there is one for a class that is nearer.

    Returns
    -------
    callable
        That decorates a function of p and q.

    Raises
    ------
    TypeError
        If one is no such class.

    Examples
    --------
    >>> d = wg.distributions
    >>> @d.register_kl(d.Weibull, d.Weibull)
    ... def of_one_shape(p, q):
    ...     k = p.concentration
    ...     ratio = p.scale / q.scale
    ...     return ratio ** k - 1 - k * wg.log(ratio)
    >>> d.kl_divergence(d.Weibull(2., 1.), d.Weibull(1., 1.))
    tensor(0.3069)
    """
    for kind in (type_p, type_q):
        if not (isinstance(kind, type) and issubclass(kind, Distribution)):
            raise TypeError(f"register_kl: expected a class derived from Distribution, got {kind!r}")

    def decorate(function: F) -> F:
        _REGISTRY[type_p, type_q] = function
        return function

    return decorate


def kl_divergence(p: Any, q: Any) -> Tensor:
    """The Kullback-Leibler divergence of q from p: the mean under p of log p(x) - log q(x), in nats.

    Parameters
    ----------
    p, q : Distribution

    Returns
    -------
    Tensor
        Of the batch's shape; infinite where p has mass outside of the support of q.

    Raises
    ------
    NotImplementedError
        If there is no closed form for laws of these classes.

    Examples
    --------
    >>> d = wg.distributions
    >>> d.kl_divergence(d.Normal(1., 1.), d.Normal(0., 1.))
    tensor(0.5000)
    """
    found: Tensor = _function(type(p), type(q))(p, q)
    return found


def _function(p: type, q: type) -> Callable[..., Any]:
    """What is registered for the classes nearest to these, of p's first."""
    known = [(a, b) for a, b in _REGISTRY if issubclass(p, a) and issubclass(q, b)]
    if not known:
        raise NotImplementedError(
            f"kl_divergence: no closed form is known from {p.__name__} to {q.__name__}; register_kl can add one"
        )
    near_p = min(known, key=lambda pair: (p.__mro__.index(pair[0]), q.__mro__.index(pair[1])))
    near_q = min(known, key=lambda pair: (q.__mro__.index(pair[1]), p.__mro__.index(pair[0])))
    if _REGISTRY[near_p] is not _REGISTRY[near_q]:
        warnings.warn(
            f"kl_divergence: both ({near_p[0].__name__}, {near_p[1].__name__}) and ({near_q[0].__name__}, "
            f"{near_q[1].__name__}) are near to ({p.__name__}, {q.__name__}); the first is taken, until "
            "register_kl says for just these",
            RuntimeWarning,
            stacklevel=3,
        )
    return _REGISTRY[near_p]


# ---------------------------------------------------------------- of one class


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p: Any, q: Any) -> Any:
    ones = where(q.probs == 0, math.inf, p.probs * (softplus(-q.logits) - softplus(-p.logits)))
    zeros = where(q.probs == 1, math.inf, (1 - p.probs) * (softplus(q.logits) - softplus(p.logits)))
    return where(p.probs == 0, 0.0, ones) + where(p.probs == 1, 0.0, zeros)


@register_kl(Binomial, Binomial)
def _binomial(p: Any, q: Any) -> Any:
    if bool((p.total_count < q.total_count).any()):
        raise NotImplementedError("kl_divergence: no closed form between Binomial laws where q has more trials than p")
    return where(p.total_count > q.total_count, math.inf, p.total_count * _bernoulli(p, q))


@register_kl(Geometric, Geometric)
def _geometric(p: Any, q: Any) -> Any:
    return _bernoulli(p, q) / p.probs


@register_kl(Categorical, Categorical)
@register_kl(OneHotCategorical, OneHotCategorical)
def _categorical(p: Any, q: Any) -> Any:
    if p.param_shape[-1] != q.param_shape[-1]:
        raise ValueError(
            f"kl_divergence: expected as many categories in both laws, got {p.param_shape[-1]} and {q.param_shape[-1]}"
        )
    possible = (p.probs != 0) & (q.probs != 0)
    terms = p.probs * (where(possible, p.logits, 0.0) - where(possible, q.logits, 0.0))
    return where(p.probs == 0, 0.0, where(q.probs == 0, math.inf, terms)).sum(-1)


@register_kl(Beta, Beta)
def _beta(p: Any, q: Any) -> Any:
    a, b, c, d = p.concentration1, p.concentration0, q.concentration1, q.concentration0
    norms = lgamma(c) + lgamma(d) - lgamma(c + d) - (lgamma(a) + lgamma(b) - lgamma(a + b))
    return norms + (a - c) * digamma(a) + (b - d) * digamma(b) + (c + d - a - b) * digamma(a + b)


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p: Any, q: Any) -> Any:
    a, c = p.concentration, q.concentration
    total = a.sum(-1)
    norms = lgamma(total) - lgamma(c.sum(-1)) - (lgamma(a) - lgamma(c)).sum(-1)
    return norms + ((a - c) * (digamma(a) - digamma(total).unsqueeze(-1))).sum(-1)


@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _continuous_bernoulli(p: Any, q: Any) -> Any:
    return p.mean * (p.logits - q.logits) - p._log_normalizer(p.logits) + q._log_normalizer(q.logits)


@register_kl(Exponential, Exponential)
def _exponential(p: Any, q: Any) -> Any:
    ratio = q.rate / p.rate
    return ratio - 1 - ratio.log()


@register_kl(Gamma, Gamma)
def _gamma(p: Any, q: Any) -> Any:
    a, c = p.concentration, q.concentration
    ratio = q.rate / p.rate
    return (a - c) * digamma(a) - lgamma(a) + lgamma(c) - c * ratio.log() + a * (ratio - 1)


@register_kl(Gumbel, Gumbel)
def _gumbel(p: Any, q: Any) -> Any:
    ratio, off = p.scale / q.scale, (p.loc - q.loc) / q.scale
    return -ratio.log() + off + euler_constant * (ratio - 1) + (lgamma(1 + ratio) - off).exp() - 1


@register_kl(Laplace, Laplace)
def _laplace(p: Any, q: Any) -> Any:
    ratio, off = p.scale / q.scale, (p.loc - q.loc).abs()
    return -ratio.log() + off / q.scale + ratio * (-off / p.scale).exp() - 1


@register_kl(Normal, Normal)
def _normal(p: Any, q: Any) -> Any:
    ratio = (p.scale / q.scale) ** 2
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale) ** 2 - 1 - ratio.log())


@register_kl(HalfNormal, HalfNormal)
def _half_normal(p: Any, q: Any) -> Any:
    return _normal(p.base_dist, q.base_dist)


@register_kl(Cauchy, Cauchy)
def _cauchy(p: Any, q: Any) -> Any:  # Chyzak and Nielsen 2019
    return (((p.scale + q.scale) ** 2 + (p.loc - q.loc) ** 2) / (4 * p.scale * q.scale)).log()


@register_kl(Pareto, Pareto)
def _pareto(p: Any, q: Any) -> Any:
    ratio = q.alpha / p.alpha
    return where(p.scale < q.scale, math.inf, q.alpha * (p.scale / q.scale).log() - ratio.log() + ratio - 1)


@register_kl(Poisson, Poisson)
def _poisson(p: Any, q: Any) -> Any:
    return xlogy(p.rate, p.rate) - xlogy(p.rate, q.rate) - (p.rate - q.rate)


@register_kl(Uniform, Uniform)
def _uniform(p: Any, q: Any) -> Any:
    inside = (q.low <= p.low) & (p.high <= q.high)
    return where(inside, ((q.high - q.low) / (p.high - p.low)).log(), math.inf)


# ---------------------------------------------------------------- of laws made of others, and of families


@register_kl(ExponentialFamily, ExponentialFamily)
def _exponential_family(p: Any, q: Any) -> Any:
    """The Bregman divergence of the log-normalizer (Nielsen and Garcia 2009), whose derivative is along one line."""
    if type(p) is not type(q):
        raise NotImplementedError(
            f"kl_divergence: no closed form is known from {type(p).__name__} to {type(q).__name__}; register_kl can "
            "add one"
        )
    eta, other = p._natural_params, q._natural_params
    eta = tuple(a + 0 * b for a, b in zip(eta, other, strict=True))  # of the batch of both
    value, along = jvp(p._log_normalizer, eta, tuple(b - a for a, b in zip(eta, other, strict=True)))
    return q._log_normalizer(*other) - value - along


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p: Any, q: Any) -> Any:
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError(
            f"kl_divergence: expected laws that are transformed alike, got {p.transforms} to event_shape "
            f"{tuple(p.event_shape)} and {q.transforms} to event_shape {tuple(q.event_shape)}"
        )
    return kl_divergence(p.base_dist, q.base_dist)


@register_kl(Independent, Independent)
def _independent(p: Any, q: Any) -> Any:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError(
            f"kl_divergence: expected as many reinterpreted_batch_ndims in both laws, got "
            f"{p.reinterpreted_batch_ndims} and {q.reinterpreted_batch_ndims}"
        )
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


# ---------------------------------------------------------------- of normal vectors


def _root(p: Any) -> Any:
    """R with R R' the covariance."""
    if isinstance(p, MultivariateNormal):
        return p._scale_tril
    diagonal = diag_embed(p._diagonal.sqrt())
    shape = p._batch_shape
    wide = [x.expand((*shape, *x.shape[-2:])) for x in (p._columns, diagonal)]
    return cat(wide, -1)


def _log_det(p: Any) -> Any:
    return 2 * half_log_det(p._scale_tril) if isinstance(p, MultivariateNormal) else p.log_det()


def _squares(x: Any) -> Any:
    return (x * x).sum((-2, -1))


@register_kl(MultivariateNormal, MultivariateNormal)
@register_kl(MultivariateNormal, LowRankMultivariateNormal)
@register_kl(LowRankMultivariateNormal, MultivariateNormal)
@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
def _normal_vectors(p: Any, q: Any) -> Any:
    if p.event_shape != q.event_shape:
        raise ValueError(
            f"kl_divergence: expected vectors of one length, got event_shape {tuple(p.event_shape)} and "
            f"{tuple(q.event_shape)}"
        )
    root, off = _root(p), q.loc - p.loc
    if isinstance(q, MultivariateNormal):
        trace = _squares(solve_triangular(q._scale_tril, root, upper=False))
        distance = mahalanobis(q._scale_tril, off)
    else:
        part = solve_triangular(q._small, q._scaled @ root, upper=False)
        trace = _squares(root / q._diagonal.sqrt().unsqueeze(-1)) - _squares(part)
        distance = q.mahalanobis(off)
    return 0.5 * (_log_det(q) - _log_det(p) + trace + distance - p.event_shape[0])


# ---------------------------------------------------------------- of different classes, by moments


def _bounds(p: Any) -> tuple[Any, Any]:
    """The ends of the support."""
    if isinstance(p, (Beta, ContinuousBernoulli)):
        return 0.0, 1.0
    if isinstance(p, (Exponential, Gamma)):
        return 0.0, math.inf
    if isinstance(p, Pareto):
        return p.scale, math.inf
    return (p.low, p.high) if isinstance(p, Uniform) else (-math.inf, math.inf)


def _mean_log(p: Any) -> Any:
    """The mean of log x."""
    if isinstance(p, Beta):
        return digamma(p.concentration1) - digamma(p.concentration1 + p.concentration0)
    if isinstance(p, Exponential):
        return -euler_constant - p.rate.log()
    if isinstance(p, Gamma):
        return digamma(p.concentration) - p.rate.log()
    if isinstance(p, Pareto):
        return p.scale.log() + 1 / p.alpha
    return (xlogy(p.high, p.high) - xlogy(p.low, p.low)) / (p.high - p.low) - 1


def _mean_exp(p: Any, t: Any) -> Any:
    """The mean of exp(-t x), t > 0."""
    if isinstance(p, Exponential):
        return p.rate / (p.rate + t)
    if isinstance(p, Gamma):
        return (1 + t / p.rate) ** -p.concentration
    if isinstance(p, Normal):
        return (0.5 * (t * p.scale) ** 2 - t * p.loc).exp()
    return ((-t * p.low).exp() - (-t * p.high).exp()) / (t * (p.high - p.low))


def _mean_log_density(p: Any, q: Any) -> Any:
    """The mean under p of log q(x), if the support of q holds that of p."""
    if isinstance(q, Normal):
        second = p.variance + (p.mean - q.loc) ** 2
        return -0.5 * second / q.scale**2 - q.scale.log() - 0.5 * math.log(2 * math.pi)
    if isinstance(q, Laplace):  # p is normal
        off = p.loc - q.loc
        near = (-0.5 * (off / p.scale) ** 2).exp() * (p.scale * math.sqrt(2 / math.pi))
        return -(near + off * erf(off / (p.scale * math.sqrt(2)))) / q.scale - (2 * q.scale).log()
    if isinstance(q, Uniform):
        return -(q.high - q.low).log()
    if isinstance(q, Exponential):
        return q.rate.log() - q.rate * p.mean
    if isinstance(q, Gamma):
        c = q.concentration
        return c * q.rate.log() - lgamma(c) + (c - 1) * _mean_log(p) - q.rate * p.mean
    if isinstance(q, Gumbel):
        t = 1 / q.scale
        return (q.loc - p.mean) * t - (q.loc * t).exp() * _mean_exp(p, t) - q.scale.log()
    if isinstance(q, Pareto):
        return q.alpha.log() + q.alpha * q.scale.log() - (q.alpha + 1) * _mean_log(p)
    if isinstance(q, ContinuousBernoulli):
        return q.logits * p.mean - q._log_normalizer(q.logits)
    # q is a beta law, and p uniform
    rest = Uniform(1 - p.high, 1 - p.low, validate_args=False)
    terms = (q.concentration1 - 1) * _mean_log(p) + (q.concentration0 - 1) * _mean_log(rest)
    return terms - q._log_beta()


def _by_moments(p: Any, q: Any) -> Any:
    (low, high), (least, most) = _bounds(p), _bounds(q)
    inside = (least <= low) & (high <= most)
    found = -p.entropy() - _mean_log_density(p, q)
    return found if inside is True else where(inside, found, math.inf)


@register_kl(Poisson, Bernoulli)
@register_kl(Poisson, Binomial)
def _infinite(p: Any, q: Any) -> Any:
    shape = broadcast_shape("kl_divergence", tuple(p.batch_shape), tuple(q.batch_shape))
    return full(shape, math.inf, dtype=p.mean.dtype)


@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p: Any, q: Any) -> Any:
    return -p.entropy() - (xlogy(p.probs, q.rate) - q.rate)


# Where the support of q may hold that of p, and where it never does.
_FINITE = {
    Beta: (ContinuousBernoulli, Exponential, Gamma, Normal, Uniform),
    ContinuousBernoulli: (Exponential, Normal, Uniform),
    Exponential: (Gamma, Gumbel, Normal),
    Gamma: (Exponential, Gumbel, Normal),
    Gumbel: (Normal,),
    Laplace: (Normal,),
    Normal: (Gumbel, Laplace),
    Pareto: (Exponential, Gamma, Normal),
    Uniform: (Beta, ContinuousBernoulli, Exponential, Gamma, Gumbel, Normal, Pareto),
}
_INFINITE = {
    Beta: (Pareto,),
    ContinuousBernoulli: (Pareto,),
    Exponential: (Beta, ContinuousBernoulli, Pareto, Uniform),
    Gamma: (Beta, ContinuousBernoulli, Pareto, Uniform),
    Gumbel: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Laplace: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Normal: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Pareto: (Beta, ContinuousBernoulli, Uniform),
}
for _table, _formula in ((_FINITE, _by_moments), (_INFINITE, _infinite)):
    for _source, _targets in _table.items():
        for _target in _targets:
            register_kl(_source, _target)(_formula)
