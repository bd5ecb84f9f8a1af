"""The law of probabilities whose log-odds are normal."""

from __future__ import annotations

from typing import Any, ClassVar

from .._types import Tensor
from . import constraints
from .normal import Normal
from .transformed_distribution import TransformedDistribution
from .transforms import StickBreakingTransform

__all__ = ["LogisticNormal"]


class LogisticNormal(TransformedDistribution):
    """The law of n + 1 probabilities that `StickBreakingTransform` makes of n normal variates.

    Parameters
    ----------
    loc, scale : number or tensor
        Means and standard deviations, (..., n).
    validate_args : bool, optional
        As in `Distribution`.

    Raises
    ------
    ValueError
        If a parameter does not satisfy its constraint, or the shapes do not go together.

    Examples
    --------
    >>> law = wg.distributions.LogisticNormal(wg.zeros(2), 1.)
    >>> x = law.rsample()
    >>> x.shape, wg.allclose(x.sum(), wg.tensor(1.))
    (wengert.Size([3]), True)
    """

    arg_constraints: ClassVar[Any] = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.simplex

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        base = Normal(loc, scale, validate_args=False)  # this law checks them, under its own name
        if not base.batch_shape:
            base = base.expand((1,))
        super().__init__(base, StickBreakingTransform(), validate_args=validate_args)

    @property
    def loc(self) -> Tensor:
        """The means.

        Returns
        -------
        Tensor
        """
        return self.base_dist.base_dist.loc  # type: ignore[no-any-return]

    @property
    def scale(self) -> Tensor:
        """The standard deviations.

        Returns
        -------
        Tensor
        """
        return self.base_dist.base_dist.scale  # type: ignore[no-any-return]
