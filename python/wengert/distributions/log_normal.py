"""The law whose logarithm is normal."""

from __future__ import annotations

from typing import Any, ClassVar

from .._types import Tensor
from . import constraints
from .normal import Normal
from .transformed_distribution import TransformedDistribution
from .transforms import ExpTransform

__all__ = ["LogNormal"]


class LogNormal(TransformedDistribution):
    """The law of exp(x), where x is normal.

    Parameters
    ----------
    loc, scale : number or tensor
        Mean and standard deviation of the logarithm.
    validate_args : bool, optional
        As in `Distribution`.

    Raises
    ------
    ValueError
        If a parameter does not satisfy its constraint, or the shapes do not broadcast.

    Examples
    --------
    >>> law = wg.distributions.LogNormal(0., 1.)
    >>> law.mean, law.cdf(1.)
    (tensor(1.6487), tensor(0.5000))
    """

    arg_constraints: ClassVar[Any] = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.positive

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        base = Normal(loc, scale, validate_args=False)  # this law checks them, under its own name
        super().__init__(base, ExpTransform(), validate_args=validate_args)

    @property
    def loc(self) -> Tensor:
        """The mean of the logarithm.

        Returns
        -------
        Tensor
        """
        return self.base_dist.loc  # type: ignore[no-any-return]

    @property
    def scale(self) -> Tensor:
        """The standard deviation of the logarithm.

        Returns
        -------
        Tensor
        """
        return self.base_dist.scale  # type: ignore[no-any-return]

    @property
    def mean(self) -> Tensor:
        return (self.loc + 0.5 * self.scale**2).exp()

    @property
    def mode(self) -> Tensor:
        return (self.loc - self.scale**2).exp()

    @property
    def variance(self) -> Tensor:
        square = self.scale**2
        return square.expm1() * (2 * self.loc + square).exp()

    def entropy(self) -> Tensor:
        return self.base_dist.entropy() + self.loc  # type: ignore[no-any-return]
