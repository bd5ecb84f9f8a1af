"""The law of what a transform makes of a variate."""

from __future__ import annotations

from typing import Any, ClassVar

from .._types import Tensor
from ..autograd import no_grad
from ..tensors.size import Size
from . import constraints
from .distribution import Distribution
from .independent import Independent
from .transforms import ComposeTransform, Transform, sum_rightmost

__all__ = ["TransformedDistribution"]


class TransformedDistribution(Distribution):
    """The law of f(x), where x is from a law and f a transform, or several one after another.

    Parameters
    ----------
    base_distribution : Distribution
    transforms : Transform or list of Transform
        The first is applied first.
    validate_args : bool, optional
        As in `Distribution`.

    Raises
    ------
    TypeError
        If `transforms` is something else.
    ValueError
        If the law's variates have fewer dimensions than the transforms look at.

    Notes
    -----
    With y = f(x), log p(y) = log p(x) - log abs det dy/dx.

    Examples
    --------
    >>> d = wg.distributions
    >>> law = d.TransformedDistribution(d.Normal(0., 1.), [d.AffineTransform(0., 2.), d.ExpTransform()])
    >>> law.log_prob(1.), law.cdf(1.), law.icdf(0.5)
    (tensor(-1.6121), tensor(0.5000), tensor(1.))
    """

    arg_constraints: ClassVar[Any] = {}
    base_dist: Any

    def __init__(self, base_distribution: Distribution, transforms: Any, validate_args: bool | None = None) -> None:
        name = type(self).__name__
        self.transforms = [transforms] if isinstance(transforms, Transform) else list(transforms)
        wrong = [part for part in self.transforms if not isinstance(part, Transform)]
        if wrong:
            raise TypeError(f"{name}: expected a Transform or a list of them, got {wrong[0]!r}")
        base = base_distribution
        shape = Size((*base.batch_shape, *base.event_shape))
        whole = ComposeTransform(self.transforms)
        if len(shape) < whole.domain.event_dim:
            raise ValueError(
                f"{name}: the transforms look at {whole.domain.event_dim} dimensions, and the law's variates have "
                f"shape {tuple(shape)}"
            )
        forward = Size(whole.forward_shape(shape))
        before = Size(whole.inverse_shape(forward))
        if before != shape:  # parameters of the transforms broadcast the law
            base = base.expand(before[: len(before) - len(base.event_shape)])
        together = whole.domain.event_dim - len(base.event_shape)
        if together > 0:
            base = Independent(base, together)
        self.base_dist = base
        change = whole.codomain.event_dim - whole.domain.event_dim
        event_dim = max(whole.codomain.event_dim, len(base.event_shape) + change)
        cut = len(forward) - event_dim
        super().__init__(forward[:cut], forward[cut:], validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        whole = ComposeTransform(self.transforms)
        before = Size(whole.inverse_shape((*batch_shape, *self._event_shape)))
        new = super().expand(batch_shape, _instance)
        new.base_dist = self.base_dist.expand(before[: len(before) - len(self.base_dist.event_shape)])
        return new

    @constraints.dependent_property(is_discrete=False)
    def support(self) -> Any:
        if not self.transforms:
            return self.base_dist.support
        found = self.transforms[-1].codomain
        more = len(self._event_shape) - found.event_dim
        return constraints.independent(found, more) if more > 0 else found

    @property
    def has_rsample(self) -> Any:
        return self.base_dist.has_rsample

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with no_grad():
            return self._transformed(self.base_dist.sample(sample_shape)).detach()  # type: ignore[no-any-return]

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self._transformed(self.base_dist.rsample(sample_shape))  # type: ignore[no-any-return]

    def _transformed(self, x: Any) -> Any:
        for transform in self.transforms:
            x = transform(x)
        return x

    def log_prob(self, value: Any) -> Tensor:
        y = self._checked(value)
        event_dim = len(self._event_shape)
        total: Any = 0.0
        for transform in reversed(self.transforms):
            x = transform.inv(y)
            event_dim += transform.domain.event_dim - transform.codomain.event_dim
            jacobian = transform.log_abs_det_jacobian(x, y)
            total = total - sum_rightmost(jacobian, event_dim - transform.domain.event_dim)
            y = x
        of_base = self.base_dist.log_prob(y)
        found: Tensor = total + sum_rightmost(of_base, event_dim - len(self.base_dist.event_shape))
        return found

    def _monotone(self, value: Any) -> Any:
        """A probability, or 1 minus it where the transforms fall."""
        sign: Any = 1
        for transform in self.transforms:
            sign = sign * transform.sign
        return value if isinstance(sign, int) and sign == 1 else sign * (value - 0.5) + 0.5

    def cdf(self, value: Any) -> Tensor:
        y = self._checked(value)
        for transform in reversed(self.transforms):
            y = transform.inv(y)
        found: Tensor = self._monotone(self.base_dist.cdf(y))
        return found

    def icdf(self, value: Any) -> Tensor:
        found: Tensor = self._transformed(self.base_dist.icdf(self._monotone(self._entered(value))))
        return found

    def __repr__(self) -> str:
        if self.arg_constraints:
            return super().__repr__()
        return f"{type(self).__name__}({self.base_dist!r}, {self.transforms!r})"
