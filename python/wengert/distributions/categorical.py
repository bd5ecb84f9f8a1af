"""The law of one of several categories."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .._types import Tensor
from ..core.broadcast import broadcast_shape
from ..core.dtypes import finfo
from ..ops import arange, full
from ..ops.variates import categories
from . import constraints
from .by_probability import ByProbabilities

__all__ = ["Categorical"]


class Categorical(ByProbabilities):
    """The law of an index of a category, from 0.

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
    >>> law = wg.distributions.Categorical(wg.tensor([1., 1., 2.]))
    >>> law.probs, law.log_prob(wg.tensor([0, 2])), law.entropy()
    (tensor([0.2500, 0.2500, 0.5000]), tensor([-1.3863, -0.6931]), tensor(1.0397))

    The score function gives a gradient where an index has none:

    >>> logits = wg.zeros(3, requires_grad=True)
    >>> (-wg.distributions.Categorical(logits=logits).log_prob(1) * 2.).backward()
    >>> logits.grad
    tensor([ 0.6667, -1.3333,  0.6667])
    """

    arg_constraints: ClassVar[Any] = {"probs": constraints.simplex, "logits": constraints.real_vector}
    has_enumerate_support = True

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        row = self._take_row(probs, logits)
        self._num_events = row.shape[-1]
        super().__init__(row.shape[:-1], validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        return constraints.integer_interval(0, self._num_events - 1)

    @property
    def mean(self) -> Tensor:
        return full(self._batch_shape, math.nan, dtype=self._param.dtype)

    @property
    def mode(self) -> Tensor:
        return self._param.argmax(-1)

    @property
    def variance(self) -> Tensor:
        return full(self._batch_shape, math.nan, dtype=self._param.dtype)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        return categories(self.probs.detach(), self._extended_shape(sample_shape))

    def log_prob(self, value: Any) -> Tensor:
        index = self._checked(value).long()
        shape = broadcast_shape("Categorical.log_prob", tuple(index.shape), self._batch_shape)
        logits = self.logits.expand((*shape, self._num_events))
        return logits.gather(-1, index.expand(shape).unsqueeze(-1)).squeeze(-1)

    def entropy(self) -> Tensor:
        lowest = float(finfo(self._param.dtype).min)  # 0 times minus infinity is meant to be 0
        return -(self.logits.clamp(min=lowest) * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        values = arange(self._num_events).reshape((self._num_events, *(1 for _ in self._batch_shape)))
        return values.expand((self._num_events, *self._batch_shape)) if expand else values
