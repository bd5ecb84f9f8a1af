"""Constraints: which values a parameter may have, and where a law has its mass.

A constraint is an object with `check`, which tells for each item, or for each vector or matrix, whether it is allowed.
`biject_to` and `transform_to` give transforms that lead from all real numbers to what is.

Examples
--------
>>> from wengert.distributions import constraints
>>> constraints.positive.check(wg.tensor([-1., 0., 2.]))
tensor([False, False,  True])
>>> constraints.simplex
Simplex()
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..core import dtypes
from ..core.doors import enter
from ..linalg import LinAlgError, eigvalsh, vector_norm
from ..linalg import cholesky as cholesky_of
from ..ops import cat as cat_of
from ..ops import full, isclose
from ..ops import stack as stack_of
from ..tensors.tensor import Tensor

__all__ = [
    "Constraint", "MixtureSameFamilyConstraint", "boolean", "cat", "corr_cholesky", "dependent", "dependent_property",
    "greater_than", "greater_than_eq", "half_open_interval", "independent", "integer_interval", "interval",
    "is_dependent", "less_than", "lower_cholesky", "lower_triangular", "multinomial", "nonnegative",
    "nonnegative_integer", "one_hot", "positive", "positive_definite", "positive_integer", "positive_semidefinite",
    "real", "real_vector", "simplex", "square", "stack", "symmetric", "unit_interval",
]  # fmt: skip


class Constraint:
    """What tells of values whether they are allowed.

    Attributes
    ----------
    is_discrete : bool
        Whether the allowed values are separate numbers.
    event_dim : int
        How many trailing dimensions are looked at together: 0 for numbers, 1 for vectors.

    Examples
    --------
    >>> constraint = wg.distributions.constraints.unit_interval
    >>> isinstance(constraint, wg.distributions.constraints.Constraint), constraint.event_dim
    (True, 0)
    """

    is_discrete: Any = False
    event_dim: Any = 0

    def check(self, value: Any) -> Tensor:
        """Whether each item, or each vector or matrix, of a tensor is allowed.

        Parameters
        ----------
        value : tensor

        Returns
        -------
        Tensor
            Of booleans, of the value's shape without its last `event_dim` dimensions.
        """
        raise NotImplementedError(f"{type(self).__name__}: a constraint defines check(value)")

    def __repr__(self) -> str:
        return f"{type(self).__name__.lstrip('_')}()"


def _rows(found: Tensor, count: int) -> Tensor:
    """Whether all items along the last `count` dimensions are True."""
    for _ in range(count):
        found = found.all(-1)
    return found


class _Dependent(Constraint):
    """What stands for a constraint that parameters decide, and tells of no value itself.

    Called, it gives another that says more.

    Parameters
    ----------
    is_discrete : bool, optional
    event_dim : int, optional

    Examples
    --------
    >>> wg.distributions.constraints.dependent(is_discrete=False, event_dim=1).event_dim
    1
    """

    def __init__(self, *, is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented) -> None:
        self._is_discrete = is_discrete
        self._event_dim = event_dim

    @property
    def is_discrete(self) -> Any:
        if self._is_discrete is NotImplemented:
            raise NotImplementedError(f"{type(self).__name__}: is_discrete depends on the values of parameters")
        return self._is_discrete

    @property
    def event_dim(self) -> Any:
        if self._event_dim is NotImplemented:
            raise NotImplementedError(f"{type(self).__name__}: event_dim depends on the values of parameters")
        return self._event_dim

    def __call__(
        self, *, is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented
    ) -> _Dependent:  # fmt: skip
        return _Dependent(
            is_discrete=self._is_discrete if is_discrete is NotImplemented else is_discrete,
            event_dim=self._event_dim if event_dim is NotImplemented else event_dim,
        )

    def check(self, value: Any) -> Tensor:
        raise ValueError("constraints.dependent: ask an instance for its constraint; this one stands for many")


def is_dependent(constraint: Any) -> bool:
    """Whether a constraint stands for one that parameters decide.

    Parameters
    ----------
    constraint : Constraint

    Returns
    -------
    bool

    Examples
    --------
    >>> wg.distributions.constraints.is_dependent(wg.distributions.constraints.positive)
    False
    """
    return isinstance(constraint, _Dependent)


class dependent_property(property, _Dependent):
    """A property that is a constraint of an instance, and on the class stands for one that parameters decide.

    Parameters
    ----------
    fn : callable, optional
        Of the instance; gives the constraint. Left out where it decorates.
    is_discrete : bool, optional
    event_dim : int, optional

    Examples
    --------
    >>> wg.distributions.Uniform(0., 2.).support
    Interval(lower_bound=0.0, upper_bound=2.0)
    >>> wg.distributions.constraints.is_dependent(wg.distributions.Uniform.support)
    True
    """

    def __init__(
        self, fn: Callable[[Any], Any] | None = None, *, is_discrete: Any = NotImplemented,
        event_dim: Any = NotImplemented,
    ) -> None:  # fmt: skip
        property.__init__(self, fn)
        _Dependent.__init__(self, is_discrete=is_discrete, event_dim=event_dim)

    def __call__(self, fn: Any) -> dependent_property:  # type: ignore[override]
        return dependent_property(fn, is_discrete=self._is_discrete, event_dim=self._event_dim)


class independent(Constraint):
    """A constraint whose last batch dimensions are looked at together.

    Parameters
    ----------
    base_constraint : Constraint
    reinterpreted_batch_ndims : int
        How many.

    Raises
    ------
    ValueError
        If the number is negative, or a value that is checked has too few dimensions.

    Examples
    --------
    >>> wg.distributions.constraints.independent(wg.distributions.constraints.positive, 1).check(wg.ones(2, 3))
    tensor([True, True])
    """

    def __init__(self, base_constraint: Constraint, reinterpreted_batch_ndims: int) -> None:
        if reinterpreted_batch_ndims < 0:
            raise ValueError(
                f"independent: expected reinterpreted_batch_ndims of at least 0, got {reinterpreted_batch_ndims}"
            )
        self.base_constraint = base_constraint
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims

    @property
    def is_discrete(self) -> Any:
        return self.base_constraint.is_discrete

    @property
    def event_dim(self) -> Any:
        return self.base_constraint.event_dim + self.reinterpreted_batch_ndims

    def check(self, value: Any) -> Tensor:
        if value.ndim < self.event_dim:
            raise ValueError(f"{self!r}: expected a value of at least {self.event_dim} dimensions, got {value.ndim}")
        return _rows(self.base_constraint.check(value), self.reinterpreted_batch_ndims)

    def __repr__(self) -> str:
        return f"IndependentConstraint({self.base_constraint!r}, {self.reinterpreted_batch_ndims})"


class MixtureSameFamilyConstraint(Constraint):
    """What all components of a mixture allow.

    Parameters
    ----------
    base_constraint : Constraint
        Of the components, whose last batch dimension is the mixture's.

    Examples
    --------
    >>> constraint = wg.distributions.constraints.MixtureSameFamilyConstraint(wg.distributions.constraints.positive)
    >>> constraint.check(wg.tensor([1., -1.]))
    tensor([ True, False])
    """

    def __init__(self, base_constraint: Constraint) -> None:
        self.base_constraint = base_constraint

    @property
    def is_discrete(self) -> Any:
        return self.base_constraint.is_discrete

    @property
    def event_dim(self) -> Any:
        return self.base_constraint.event_dim

    def check(self, value: Any) -> Tensor:
        if value.ndim < self.event_dim:
            raise ValueError(f"{self!r}: expected a value of at least {self.event_dim} dimensions, got {value.ndim}")
        return self.base_constraint.check(value.unsqueeze(-1 - self.event_dim)).all(-1)

    def __repr__(self) -> str:
        return f"MixtureSameFamilyConstraint({self.base_constraint!r})"


class _Boolean(Constraint):
    is_discrete = True

    def check(self, value: Any) -> Tensor:
        return (value == 0) | (value == 1)  # type: ignore[no-any-return]


class _OneHot(Constraint):
    is_discrete = True
    event_dim = 1

    def check(self, value: Any) -> Tensor:
        return ((value == 0) | (value == 1)).all(-1) & (value.sum(-1) == 1)  # type: ignore[no-any-return]


class _Bounded(Constraint):
    """Numbers beyond one bound or between two, which are numbers or tensors."""

    def __init__(self, **bounds: Any) -> None:
        self._bounds = bounds
        for name, bound in bounds.items():
            setattr(self, name, bound)

    def __repr__(self) -> str:
        bounds = ", ".join(f"{name}={_short(bound)}" for name, bound in self._bounds.items())
        return f"{''.join(word.capitalize() for word in type(self).__name__.strip('_').split('_'))}({bounds})"


def _short(bound: Any) -> str:
    """A number, or a tensor as it is printed; of one without dimensions, its number."""
    return f"{bound.detach()}" if isinstance(bound, Tensor) else str(bound)


class greater_than(_Bounded):
    """Numbers above a bound.

    Parameters
    ----------
    lower_bound : number or tensor

    Examples
    --------
    >>> wg.distributions.constraints.greater_than(1.).check(wg.tensor([1., 2.]))
    tensor([False,  True])
    """

    def __init__(self, lower_bound: Any) -> None:
        super().__init__(lower_bound=lower_bound)

    def check(self, value: Any) -> Tensor:
        return value > self._bounds["lower_bound"]  # type: ignore[no-any-return]


class greater_than_eq(_Bounded):
    """Numbers that are a bound or above it.

    Parameters
    ----------
    lower_bound : number or tensor

    Examples
    --------
    >>> wg.distributions.constraints.greater_than_eq(1.).check(wg.tensor([0., 1.]))
    tensor([False,  True])
    """

    def __init__(self, lower_bound: Any) -> None:
        super().__init__(lower_bound=lower_bound)

    def check(self, value: Any) -> Tensor:
        return value >= self._bounds["lower_bound"]  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"GreaterThanEq(lower_bound={_short(self._bounds['lower_bound'])})"


class less_than(_Bounded):
    """Numbers below a bound.

    Parameters
    ----------
    upper_bound : number or tensor

    Examples
    --------
    >>> wg.distributions.constraints.less_than(1.).check(wg.tensor([0., 1.]))
    tensor([ True, False])
    """

    def __init__(self, upper_bound: Any) -> None:
        super().__init__(upper_bound=upper_bound)

    def check(self, value: Any) -> Tensor:
        return value < self._bounds["upper_bound"]  # type: ignore[no-any-return]


class interval(_Bounded):
    """Numbers from one bound to another, both of which belong to it.

    Parameters
    ----------
    lower_bound, upper_bound : number or tensor

    Examples
    --------
    >>> wg.distributions.constraints.interval(0., 1.).check(wg.tensor([-1., 1.]))
    tensor([False,  True])
    """

    def __init__(self, lower_bound: Any, upper_bound: Any) -> None:
        super().__init__(lower_bound=lower_bound, upper_bound=upper_bound)

    def check(self, value: Any) -> Tensor:
        return (value >= self._bounds["lower_bound"]) & (value <= self._bounds["upper_bound"])  # type: ignore[no-any-return]


class half_open_interval(_Bounded):
    """Numbers from one bound to another, which does not belong to it.

    Parameters
    ----------
    lower_bound, upper_bound : number or tensor

    Examples
    --------
    >>> wg.distributions.constraints.half_open_interval(0., 1.).check(wg.tensor([0., 1.]))
    tensor([ True, False])
    """

    def __init__(self, lower_bound: Any, upper_bound: Any) -> None:
        super().__init__(lower_bound=lower_bound, upper_bound=upper_bound)

    def check(self, value: Any) -> Tensor:
        return (value >= self._bounds["lower_bound"]) & (value < self._bounds["upper_bound"])  # type: ignore[no-any-return]


class integer_interval(interval):
    """Integers from one bound to another, both of which belong to it.

    Parameters
    ----------
    lower_bound, upper_bound : number or tensor

    Examples
    --------
    >>> wg.distributions.constraints.integer_interval(0, 2).check(wg.tensor([0.5, 2.]))
    tensor([False,  True])
    """

    is_discrete = True

    def check(self, value: Any) -> Tensor:
        return (value % 1 == 0) & super().check(value)  # type: ignore[no-any-return]


class _integer_greater_than(greater_than_eq):
    is_discrete = True

    def check(self, value: Any) -> Tensor:
        return (value % 1 == 0) & super().check(value)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"IntegerGreaterThan(lower_bound={_short(self._bounds['lower_bound'])})"


class _Real(Constraint):
    def check(self, value: Any) -> Tensor:
        return value == value  # type: ignore[no-any-return]  # which NaN is not


class _Simplex(Constraint):
    """Vectors of numbers that are not negative and add up to 1."""

    event_dim = 1

    def check(self, value: Any) -> Tensor:
        return (value >= 0).all(-1) & ((value.sum(-1) - 1).abs() < 1e-6)  # type: ignore[no-any-return]


class multinomial(_Bounded):
    """Vectors of counts whose sum is at most a bound.

    Parameters
    ----------
    upper_bound : int

    Examples
    --------
    >>> wg.distributions.constraints.multinomial(3).check(wg.tensor([[1., 2.], [2., 2.]]))
    tensor([ True, False])
    """

    is_discrete = True
    event_dim = 1

    def __init__(self, upper_bound: Any) -> None:
        super().__init__(upper_bound=upper_bound)

    def check(self, value: Any) -> Tensor:
        return (value >= 0).all(-1) & (value.sum(-1) <= self._bounds["upper_bound"])  # type: ignore[no-any-return]


class _LowerTriangular(Constraint):
    event_dim = 2

    def check(self, value: Any) -> Tensor:
        return _rows(value.tril() == value, 2)


class _LowerCholesky(_LowerTriangular):
    def check(self, value: Any) -> Tensor:
        return super().check(value) & (value.diagonal(0, -2, -1) > 0).all(-1)  # type: ignore[no-any-return]


class _CorrCholesky(_LowerCholesky):
    """Cholesky factors of correlation matrices: rows of length 1."""

    def check(self, value: Any) -> Tensor:
        tolerance = 10 * value.shape[-1] * float(dtypes.finfo(value.dtype).eps)
        lengths = vector_norm(value.detach(), dim=-1)
        return super().check(value) & ((lengths - 1).abs() <= tolerance).all(-1)  # type: ignore[no-any-return]


class _Square(Constraint):
    event_dim = 2

    def check(self, value: Any) -> Tensor:
        return full(value.shape[:-2], value.shape[-2] == value.shape[-1], dtype=dtypes.bool)


class _Symmetric(_Square):
    def check(self, value: Any) -> Tensor:
        square = super().check(value)
        if value.shape[-2] != value.shape[-1]:
            return square
        return _rows(isclose(value, value.mT, atol=1e-6), 2)


class _PositiveSemidefinite(_Symmetric):
    def check(self, value: Any) -> Tensor:
        symmetric = super().check(value)
        if value.shape[-2] != value.shape[-1]:
            return symmetric
        return symmetric & (eigvalsh(value.detach()) >= 0).all(-1)


class _PositiveDefinite(_Symmetric):
    """Symmetric matrices that have a Cholesky factor."""

    def check(self, value: Any) -> Tensor:
        symmetric = super().check(value)
        if value.shape[-2] != value.shape[-1]:
            return symmetric
        flat = value.detach().reshape(-1, *value.shape[-2:])
        have = [_has_factor(matrix) for matrix in flat]
        return symmetric & enter(have, dtypes.bool).reshape(value.shape[:-2])


def _has_factor(matrix: Tensor) -> bool:
    try:
        cholesky_of(matrix)
    except LinAlgError:
        return False
    return True


class cat(Constraint):
    """Constraints of parts that lie side by side along a dimension, as `wengert.cat` puts them.

    Parameters
    ----------
    cseq : sequence of Constraint
    dim : int
    lengths : sequence of int, optional
        Of each part; by default 1.

    Raises
    ------
    ValueError
        If there are not as many lengths as constraints.

    Examples
    --------
    >>> c = wg.distributions.constraints
    >>> c.cat([c.positive, c.real], 0, [2, 1]).check(wg.tensor([1., -1., -1.]))
    tensor([ True, False,  True])
    """

    def __init__(self, cseq: Sequence[Constraint], dim: int = 0, lengths: Sequence[int] | None = None) -> None:
        self.cseq = list(cseq)
        self.lengths = [1] * len(self.cseq) if lengths is None else list(lengths)
        if len(self.lengths) != len(self.cseq):
            raise ValueError(f"cat: expected a length for each of {len(self.cseq)} constraints, got {self.lengths}")
        self.dim = dim

    @property
    def is_discrete(self) -> bool:
        return any(c.is_discrete for c in self.cseq)

    @property
    def event_dim(self) -> int:
        return max(c.event_dim for c in self.cseq)  # type: ignore[no-any-return]

    def check(self, value: Any) -> Tensor:
        parts = value.split(self.lengths, self.dim)
        return cat_of([c.check(part) for c, part in zip(self.cseq, parts, strict=True)], self.dim)


class stack(Constraint):
    """Constraints of the entries along a dimension, as `wengert.stack` puts them.

    Parameters
    ----------
    cseq : sequence of Constraint
    dim : int

    Examples
    --------
    >>> c = wg.distributions.constraints
    >>> c.stack([c.positive, c.real]).check(wg.tensor([[-1.], [-1.]]))
    tensor([[False],
            [ True]])
    """

    def __init__(self, cseq: Sequence[Constraint], dim: int = 0) -> None:
        self.cseq = list(cseq)
        self.dim = dim

    @property
    def is_discrete(self) -> bool:
        return any(c.is_discrete for c in self.cseq)

    @property
    def event_dim(self) -> int:
        found: int = max(c.event_dim for c in self.cseq)
        return found + 1 if self.dim + found < 0 else found

    def check(self, value: Any) -> Tensor:
        if value.shape[self.dim] != len(self.cseq):
            raise ValueError(f"stack: expected {len(self.cseq)} entries along dimension {self.dim}, got {value.shape}")
        parts = value.unbind(self.dim)
        return stack_of([c.check(part) for c, part in zip(self.cseq, parts, strict=True)], self.dim)


dependent = _Dependent()
boolean = _Boolean()
one_hot = _OneHot()
nonnegative_integer = _integer_greater_than(0)
positive_integer = _integer_greater_than(1)
real = _Real()
real_vector = independent(real, 1)
positive = greater_than(0.0)
nonnegative = greater_than_eq(0.0)
unit_interval = interval(0.0, 1.0)
simplex = _Simplex()
lower_triangular = _LowerTriangular()
lower_cholesky = _LowerCholesky()
corr_cholesky = _CorrCholesky()
square = _Square()
symmetric = _Symmetric()
positive_semidefinite = _PositiveSemidefinite()
positive_definite = _PositiveDefinite()
