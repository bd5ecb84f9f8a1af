"""A law of vectors from a batch of laws of numbers."""

from __future__ import annotations

from typing import Any, ClassVar

from .._types import Tensor
from . import constraints
from .distribution import Distribution
from .transforms import sum_rightmost

__all__ = ["Independent"]


class Independent(Distribution):
    """A batch of laws whose last dimensions become those of one variate, as independent items of it.

    Parameters
    ----------
    base_distribution : Distribution
    reinterpreted_batch_ndims : int
        How many of its batch dimensions.
    validate_args : bool, optional
        As in `Distribution`.

    Raises
    ------
    ValueError
        If the law has fewer batch dimensions.

    Examples
    --------
    >>> law = wg.distributions.Independent(wg.distributions.Normal(wg.zeros(2, 3), 1.), 1)
    >>> law.batch_shape, law.event_shape, law.log_prob(wg.zeros(3))
    (wengert.Size([2]), wengert.Size([3]), tensor([-2.7568, -2.7568]))
    """

    arg_constraints: ClassVar[Any] = {}
    base_dist: Any

    def __init__(
        self, base_distribution: Any, reinterpreted_batch_ndims: int, validate_args: bool | None = None
    ) -> None:  # fmt: skip
        count, dims = reinterpreted_batch_ndims, len(base_distribution.batch_shape)
        if not 0 <= count <= dims:
            raise ValueError(
                f"Independent: expected reinterpreted_batch_ndims from 0 to {dims}, as "
                f"{type(base_distribution).__name__} has batch_shape {tuple(base_distribution.batch_shape)}, got "
                f"{count}"
            )
        shape = base_distribution.batch_shape + base_distribution.event_shape
        self.base_dist = base_distribution
        self.reinterpreted_batch_ndims = count
        super().__init__(shape[: dims - count], shape[dims - count :], validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = super().expand(batch_shape, _instance)
        inner = self.event_shape[: self.reinterpreted_batch_ndims]
        new.base_dist = self.base_dist.expand((*batch_shape, *inner))
        return new

    @property
    def has_rsample(self) -> Any:
        return self.base_dist.has_rsample

    @property
    def has_enumerate_support(self) -> Any:
        return self.reinterpreted_batch_ndims == 0 and self.base_dist.has_enumerate_support

    @constraints.dependent_property
    def support(self) -> Any:
        found = self.base_dist.support
        count = self.reinterpreted_batch_ndims
        return constraints.independent(found, count) if count else found

    @property
    def mean(self) -> Tensor:
        return self.base_dist.mean  # type: ignore[no-any-return]

    @property
    def mode(self) -> Tensor:
        return self.base_dist.mode  # type: ignore[no-any-return]

    @property
    def variance(self) -> Tensor:
        return self.base_dist.variance  # type: ignore[no-any-return]

    def sample(self, sample_shape: Any = ()) -> Tensor:
        return self.base_dist.sample(sample_shape)  # type: ignore[no-any-return]

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.base_dist.rsample(sample_shape)  # type: ignore[no-any-return]

    def log_prob(self, value: Any) -> Tensor:
        found: Tensor = sum_rightmost(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)
        return found

    def entropy(self) -> Tensor:
        found: Tensor = sum_rightmost(self.base_dist.entropy(), self.reinterpreted_batch_ndims)
        return found

    def enumerate_support(self, expand: bool = True) -> Tensor:
        if self.reinterpreted_batch_ndims:
            raise NotImplementedError("Independent: the values of several items together are too many to be listed")
        return self.base_dist.enumerate_support(expand)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"Independent({self.base_dist!r}, {self.reinterpreted_batch_ndims})"
