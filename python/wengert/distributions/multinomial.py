"""The law of how often each of several categories comes."""

from __future__ import annotations

import operator
from typing import Any, ClassVar

from .._types import Tensor
from ..core.dtypes import finfo
from ..ops import arange, lgamma, where, xlogy
from ..ops.functions import xlog1py
from ..ops.variates import multinomial_counts
from . import constraints
from .by_probability import ByProbabilities

__all__ = ["Multinomial"]


class Multinomial(ByProbabilities):
    """How often each category is drawn, in `total_count` draws.

    Parameters
    ----------
    total_count : int
        One number for all laws of the batch.
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
    TypeError
        If `total_count` is no integer.

    Examples
    --------
    >>> law = wg.distributions.Multinomial(3, wg.tensor([1., 1.]))
    >>> law.log_prob(wg.tensor([1., 2.])), law.sample().sum()
    (tensor(-0.9808), tensor(3.))
    """

    arg_constraints: ClassVar[Any] = {"probs": constraints.simplex, "logits": constraints.real_vector}

    def __init__(
        self, total_count: int = 1, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:  # fmt: skip
        try:
            self.total_count = operator.index(total_count)
        except TypeError:
            raise TypeError(f"Multinomial: expected an int for total_count, got {total_count!r}") from None
        if self.total_count < 0:
            raise ValueError(f"Multinomial: expected a total_count of at least 0, got {total_count}")
        row = self._take_row(probs, logits)
        super().__init__(row.shape[:-1], row.shape[-1:], validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> Any:
        return constraints.multinomial(self.total_count)

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.probs

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        return multinomial_counts(self.total_count, self.probs.detach(), self._extended_shape(sample_shape))

    def log_prob(self, value: Any) -> Tensor:
        x = self._checked(value)
        never = (x == 0) & (self.logits == -float("inf"))  # of what cannot come, 0 come: no 0 times infinity
        terms = x * where(never, 0.0, self.logits) - lgamma(x + 1)
        return lgamma(x.sum(-1) + 1) + terms.sum(-1)

    def entropy(self) -> Tensor:
        n = self.total_count
        logits = self.logits.clamp(min=float(finfo(self._param.dtype).min))
        of_one = -(logits * self.probs).sum(-1)
        k = arange(1, n + 1, dtype=self._param.dtype).reshape((n, *(1 for _ in self.probs.shape)))
        whole = lgamma(self.probs.new_full((), n + 1.0))
        ways = whole - lgamma(k + 1) - lgamma(n - k + 1)
        chances = (ways + xlogy(k, self.probs) + xlog1py(n - k, -self.probs)).exp()  # of k in each category
        return n * of_one - whole + (chances * lgamma(k + 1)).sum((0, -1))
