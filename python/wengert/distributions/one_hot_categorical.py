"""The law of one of several categories, as a row of a 1 among 0s."""

from __future__ import annotations

from typing import Any, ClassVar

from .._types import Tensor
from ..core.broadcast import broadcast_shape
from ..core.dtypes import finfo
from ..ops import eye, one_hot
from ..ops.variates import categories
from . import constraints
from .by_probability import ByProbabilities

__all__ = ["OneHotCategorical", "OneHotCategoricalStraightThrough"]


class OneHotCategorical(ByProbabilities):
    """The law of a row with a 1 at a category, and 0 at the others.

    Parameters
    ----------
    probs : tensor, optional
        (..., categories), not negative. They need not add up to 1; or else
    logits : tensor, optional
        (..., categories), their logarithms up to a sum.
    validate_args : bool, optional
        As in `Distribution`.

    Raises
    ------
    ValueError
        If not one of `probs` and `logits` is given, a parameter does not satisfy its constraint, or the shapes do not
        broadcast.

    Examples
    --------
    >>> law = wg.distributions.OneHotCategorical(wg.tensor([0., 1.]))
    >>> law.sample((2,))
    tensor([[0., 1.],
            [0., 1.]])
    """

    arg_constraints: ClassVar[Any] = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.one_hot
    has_enumerate_support = True

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        row = self._take_row(probs, logits)
        super().__init__(row.shape[:-1], row.shape[-1:], validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def mode(self) -> Tensor:
        return one_hot(self._param.argmax(-1), self._event_shape[0]).to(dtype=self._param.dtype)

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        index = categories(self.probs.detach(), self._extended_shape(sample_shape)[:-1])
        return one_hot(index, self._event_shape[0]).to(dtype=self._param.dtype)

    def log_prob(self, value: Any) -> Tensor:
        x = self._checked(value)
        shape = (*x.shape[:-1], self._event_shape[0])
        logits = self.logits.expand(broadcast_shape("OneHotCategorical.log_prob", shape, tuple(self.logits.shape)))
        index = x.argmax(-1).expand(logits.shape[:-1])
        return logits.gather(-1, index.unsqueeze(-1)).squeeze(-1)

    def entropy(self) -> Tensor:
        lowest = float(finfo(self._param.dtype).min)  # 0 times minus infinity is meant to be 0
        return -(self.logits.clamp(min=lowest) * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        n = self._event_shape[0]
        values = eye(n, dtype=self._param.dtype).reshape((n, *(1 for _ in self._batch_shape), n))
        return values.expand((n, *self._batch_shape, n)) if expand else values


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """`OneHotCategorical` whose `rsample` has the derivative of its probabilities (Bengio, Leonard and Courville 2013).

    Parameters
    ----------
    probs : tensor, optional
        (..., categories), not negative. They need not add up to 1; or else
    logits : tensor, optional
        (..., categories), their logarithms up to a sum.
    validate_args : bool, optional
        As in `Distribution`.

    Raises
    ------
    ValueError
        If not one of `probs` and `logits` is given, a parameter does not satisfy its constraint, or the shapes do not
        broadcast.

    Examples
    --------
    >>> logits = wg.zeros(2, requires_grad=True)
    >>> x = wg.distributions.OneHotCategoricalStraightThrough(logits=logits).rsample()
    >>> (x * wg.tensor([1., 3.])).sum().backward()
    >>> logits.grad
    tensor([-0.5000,  0.5000])
    """

    has_rsample = True

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        drawn = self.sample(sample_shape)
        return drawn + (self.probs - self.probs.detach())
