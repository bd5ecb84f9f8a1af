"""Mixtures of laws of one class."""

from __future__ import annotations

from typing import Any, ClassVar

from .._types import Tensor
from ..autograd import no_grad
from ..ops import log_softmax
from . import constraints
from .categorical import Categorical
from .distribution import Distribution

__all__ = ["MixtureSameFamily"]


class MixtureSameFamily(Distribution):
    """A law that draws from one of several laws, which is drawn first.

    Parameters
    ----------
    mixture_distribution : Categorical
        Of the components.
    component_distribution : Distribution
        Its last batch dimension is the components.
    validate_args : bool, optional
        As in `Distribution`.

    Raises
    ------
    TypeError
        If one is not of such a class.
    ValueError
        If their batches do not go together.

    Examples
    --------
    >>> d = wg.distributions
    >>> law = d.MixtureSameFamily(d.Categorical(wg.ones(2)), d.Normal(wg.tensor([-1., 1.]), 1.))
    >>> law.mean, law.variance, law.log_prob(0.)
    (tensor(0.), tensor(2.), tensor(-1.4189))
    """

    arg_constraints: ClassVar[Any] = {}

    def __init__(
        self, mixture_distribution: Any, component_distribution: Any, validate_args: bool | None = None
    ) -> None:  # fmt: skip
        if not isinstance(mixture_distribution, Categorical) or not isinstance(component_distribution, Distribution):
            raise TypeError(
                "MixtureSameFamily: expected a Categorical and a Distribution, got "
                f"{type(mixture_distribution).__name__} and {type(component_distribution).__name__}"
            )
        mixed, batch = mixture_distribution.batch_shape, component_distribution.batch_shape
        count = mixture_distribution.param_shape[-1]
        fits = len(mixed) < len(batch) and all(
            a in (1, b) for a, b in zip(reversed(mixed), reversed(batch[:-1]), strict=False)
        )
        if not fits or batch[-1] != count:
            raise ValueError(
                f"MixtureSameFamily: expected components of batch_shape {(*mixed, count)}, the mixture's and the "
                f"number of components, got {tuple(batch)}"
            )
        self._mixture_distribution = mixture_distribution
        self._component_distribution = component_distribution
        super().__init__(batch[:-1], component_distribution.event_shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = super().expand(batch_shape, _instance)
        count = self._mixture_distribution.param_shape[-1]
        new._mixture_distribution = self._mixture_distribution.expand(batch_shape)
        new._component_distribution = self._component_distribution.expand((*batch_shape, count))
        return new

    @constraints.dependent_property
    def support(self) -> Any:
        return constraints.MixtureSameFamilyConstraint(self._component_distribution.support)

    @property
    def mixture_distribution(self) -> Categorical:
        """The law of the component.

        Returns
        -------
        Categorical
        """
        return self._mixture_distribution

    @property
    def component_distribution(self) -> Any:
        """The laws that are mixed.

        Returns
        -------
        Distribution
        """
        return self._component_distribution

    def _over_events(self, x: Tensor) -> Tensor:
        """With a dimension of 1 for each of an event."""
        return x.reshape((*x.shape, *(1 for _ in self._event_shape)))

    @property
    def mean(self) -> Tensor:
        p = self._over_events(self._mixture_distribution.probs)
        return (p * self._component_distribution.mean).sum(-1 - len(self._event_shape))

    @property
    def variance(self) -> Tensor:
        along = -1 - len(self._event_shape)
        p = self._over_events(self._mixture_distribution.probs)
        off = self._component_distribution.mean - self.mean.unsqueeze(along)
        return (p * (self._component_distribution.variance + off * off)).sum(along)

    def _for_components(self, value: Any) -> Any:
        return self._checked(value).unsqueeze(-1 - len(self._event_shape))

    def log_prob(self, value: Any) -> Tensor:
        of_components = self._component_distribution.log_prob(self._for_components(value))
        weights = log_softmax(self._mixture_distribution.logits, -1)
        return (of_components + weights).logsumexp(-1)

    def cdf(self, value: Any) -> Tensor:
        of_components = self._component_distribution.cdf(self._for_components(value))
        return (of_components * self._mixture_distribution.probs).sum(-1)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            shape = self._extended_shape(sample_shape)
            along = len(shape) - len(self._event_shape)
            which = self._mixture_distribution.expand(self._batch_shape).sample(sample_shape)
            drawn = self._component_distribution.sample(sample_shape)
            index = self._over_events(which.unsqueeze(-1)).expand((*shape[:along], 1, *self._event_shape))
            return drawn.gather(along, index).squeeze(along)

    def __repr__(self) -> str:
        return f"MixtureSameFamily({self._mixture_distribution!r}, {self._component_distribution!r})"
