"""The chi-squared law."""

from __future__ import annotations

from typing import Any, ClassVar

from .._types import Tensor
from . import constraints
from .gamma import Gamma
from .utils import broadcast_all

__all__ = ["Chi2"]


class Chi2(Gamma):
    """The law of the sum of squares of `df` standard normal variates: a gamma law.

    Parameters
    ----------
    df : number or tensor
        The degrees of freedom, which need not be whole.
    validate_args : bool, optional
        As in `Distribution`.

    Raises
    ------
    ValueError
        If a parameter does not satisfy its constraint, or the shapes do not broadcast.

    Examples
    --------
    >>> law = wg.distributions.Chi2(2.)
    >>> law.log_prob(2.), law.cdf(2.), law.mean
    (tensor(-1.6931), tensor(0.6321), tensor(2.))
    """

    arg_constraints: ClassVar[Any] = {"df": constraints.positive}

    def __init__(self, df: Any, validate_args: bool | None = None) -> None:
        (freedom,) = broadcast_all(df)
        super().__init__(0.5 * freedom, 0.5, validate_args=validate_args)

    @property
    def df(self) -> Tensor:
        """The degrees of freedom.

        Returns
        -------
        Tensor
        """
        return self.concentration * 2
