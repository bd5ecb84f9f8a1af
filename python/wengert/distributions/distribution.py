"""What every distribution is: shapes, checks of what it is given, and the methods that a law may have."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ..autograd import no_grad
from ..core.doors import differs
from ..core.dtypes import get_default_dtype
from ..core.modes import recorder
from ..ops import as_tensor
from ..tensors.size import Size
from ..tensors.tensor import Tensor
from . import constraints
from .utils import lazy_property

__all__ = ["Distribution"]


class Distribution:
    """A law, or a batch of laws, of random numbers, vectors or matrices.

    Whoever derives a law of their own defines `arg_constraints`, `support` and what methods it has, names in
    `_parameters` what `expand` broadcasts, and calls this constructor last.

    Parameters
    ----------
    batch_shape : tuple of int
        Of the parameters: how many laws there are, which are independent of each other.
    event_shape : tuple of int
        Of one variate of one of them.
    validate_args : bool, optional
        Whether parameters and values are checked. By default as `set_default_validate_args` has it: they are.

    Attributes
    ----------
    has_rsample : bool
        Whether `rsample` gives variates that are differentiable in the parameters.
    has_enumerate_support : bool
        Whether `enumerate_support` can list all values.

    Raises
    ------
    ValueError
        If a parameter does not satisfy its constraint.

    Notes
    -----
    Checks ask for values. They are left out where those cannot be looked at: of what differs over a batch inside of
    `wengert.vmap`, and while `wengert.compile` records.

    Examples
    --------
    >>> class Triangular(wg.distributions.Distribution):
    ...     arg_constraints = {"width": wg.distributions.constraints.positive}
    ...     _parameters = {"width": 0}
    ...     def __init__(self, width, validate_args=None):
    ...         (self.width,) = wg.distributions.utils.broadcast_all(width)
    ...         super().__init__(self.width.shape, validate_args=validate_args)
    ...     def rsample(self, sample_shape=()):
    ...         shape = self._extended_shape(sample_shape)
    ...         return (wg.rand(shape) - wg.rand(shape)) * self.width
    >>> Triangular(2.).expand((3,)).sample((5,)).shape
    wengert.Size([5, 3])
    """

    has_rsample: Any = False
    has_enumerate_support: Any = False
    _validate_args: bool = __debug__
    # The parameters that go with the batch, and how many trailing dimensions belong to one law.
    _parameters: ClassVar[Mapping[str, int]] = {}

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Choose whether laws that are made from here on check what they are given.

        Parameters
        ----------
        value : bool

        Raises
        ------
        ValueError
            If it is neither True nor False.
        """
        if value is not True and value is not False:
            raise ValueError(f"set_default_validate_args: expected True or False, got {value!r}")
        Distribution._validate_args = value

    def __init__(
        self, batch_shape: Any = (), event_shape: Any = (), validate_args: bool | None = None
    ) -> None:  # fmt: skip
        self._batch_shape = Size(batch_shape)
        self._event_shape = Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._check_parameters()

    def _check_parameters(self) -> None:
        """Raise if a parameter does not satisfy its constraint."""
        try:
            wanted = self.arg_constraints
        except NotImplementedError:
            warnings.warn(
                f"{type(self).__name__} defines no arg_constraints, so that its parameters are not checked; set "
                "arg_constraints = {} to say that there are none",
                stacklevel=3,
            )
            return
        for name, constraint in wanted.items():
            if constraints.is_dependent(constraint) or self._is_derived(name):
                continue
            self._require(name, constraint, getattr(self, name))

    def _require(self, name: str, constraint: Any, value: Any) -> None:
        """Raise if a parameter does not satisfy a constraint."""
        refused = refused_by(constraint, value)
        if refused is not None:
            raise ValueError(
                f"{type(self).__name__}: expected {name} to satisfy {constraint!r}, got {refused} in a tensor of "
                f"shape {tuple(value.shape)}"
            )

    @property
    def batch_shape(self) -> Size:
        """The shape of the parameters: how many laws there are.

        Returns
        -------
        Size
        """
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of a variate of one law.

        Returns
        -------
        Size
        """
        return self._event_shape

    @property
    def arg_constraints(self) -> Any:
        """The constraint of each parameter, by its name.

        Returns
        -------
        dict
        """
        raise NotImplementedError(f"{type(self).__name__}: no arg_constraints")

    @property
    def support(self) -> Any:
        """The constraint that all variates satisfy.

        Returns
        -------
        Constraint
        """
        raise NotImplementedError(f"{type(self).__name__}: no support")

    @property
    def mean(self) -> Tensor:
        """The mean.

        Returns
        -------
        Tensor
        """
        raise NotImplementedError(f"{type(self).__name__}: the mean has no closed form here")

    @property
    def mode(self) -> Tensor:
        """Where the density, or the probability, is largest.

        Returns
        -------
        Tensor
        """
        raise NotImplementedError(f"{type(self).__name__}: the mode has no closed form here")

    @property
    def variance(self) -> Tensor:
        """The variance, item by item.

        Returns
        -------
        Tensor
        """
        raise NotImplementedError(f"{type(self).__name__}: the variance has no closed form here")

    @property
    def stddev(self) -> Tensor:
        """The root of the variance.

        Returns
        -------
        Tensor
        """
        return self.variance.sqrt()

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same laws in a larger batch, whose parameters are views.

        Parameters
        ----------
        batch_shape : tuple of int
            That the present one broadcasts to.

        Returns
        -------
        Distribution
        """
        new = type(self).__new__(type(self)) if _instance is None else _instance
        new.__dict__.update(self.__dict__)
        for name, dims in self._parameters.items():
            if name in self.__dict__:
                value = self.__dict__[name]
                new.__dict__[name] = value.expand((*batch_shape, *value.shape[value.ndim - dims :]))
        new._batch_shape = Size(batch_shape)
        return new

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Variates, which are constants.

        Parameters
        ----------
        sample_shape : tuple of int
            How many of each law.

        Returns
        -------
        Tensor
            (\\*sample_shape, \\*batch_shape, \\*event_shape).
        """
        with no_grad():
            return self.rsample(sample_shape).detach()

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Variates that are differentiable in the parameters.

        Parameters
        ----------
        sample_shape : tuple of int
            How many of each law.

        Returns
        -------
        Tensor
            (\\*sample_shape, \\*batch_shape, \\*event_shape).

        Raises
        ------
        NotImplementedError
            If the law has none.
        """
        raise NotImplementedError(
            f"{type(self).__name__}: its variates are not differentiable in the parameters; sample() gives constants, "
            "and log_prob() the score"
        )

    def sample_n(self, n: int) -> Tensor:
        """n variates of each law: an older name of ``sample((n,))``.

        Parameters
        ----------
        n : int

        Returns
        -------
        Tensor
        """
        warnings.warn("sample_n(n) is sample((n,)), by an older name", UserWarning, stacklevel=2)
        return self.sample((n,))

    def log_prob(self, value: Any) -> Tensor:
        """The logarithm of the density, or of the probability, at values.

        Parameters
        ----------
        value : tensor or number

        Returns
        -------
        Tensor
            Of the batch's shape, broadcast with the values'.

        Raises
        ------
        ValueError
            If the shapes do not go together, or a value is outside of the support.
        """
        raise NotImplementedError(f"{type(self).__name__}: no log_prob")

    def cdf(self, value: Any) -> Tensor:
        """The probability of a variate that is at most a value.

        Parameters
        ----------
        value : tensor or number

        Returns
        -------
        Tensor

        Raises
        ------
        NotImplementedError
            If it has no closed form.
        """
        raise NotImplementedError(f"{type(self).__name__}: the distribution function has no closed form here")

    def icdf(self, value: Any) -> Tensor:
        """The number that a variate is at most, with a probability.

        Parameters
        ----------
        value : tensor or number
            Probabilities.

        Returns
        -------
        Tensor

        Raises
        ------
        NotImplementedError
            If it has no closed form.
        """
        raise NotImplementedError(f"{type(self).__name__}: the quantiles have no closed form here")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values that a discrete law can take.

        Parameters
        ----------
        expand : bool
            Whether they are repeated for each law of the batch.

        Returns
        -------
        Tensor
            (count, \\*batch_shape, \\*event_shape), or with ones for the batch.
        """
        raise NotImplementedError(f"{type(self).__name__}: its values cannot be listed")

    def entropy(self) -> Tensor:
        """The entropy, in nats.

        Returns
        -------
        Tensor
            Of the batch's shape.
        """
        raise NotImplementedError(f"{type(self).__name__}: the entropy has no closed form here")

    def perplexity(self) -> Tensor:
        """The exponential of the entropy.

        Returns
        -------
        Tensor
        """
        return self.entropy().exp()

    def _extended_shape(self, sample_shape: Any = ()) -> Size:
        """The shape of variates."""
        if isinstance(sample_shape, (int, np.integer)):
            raise TypeError(
                f"{type(self).__name__}: expected a tuple for sample_shape, as in sample(({sample_shape},)), got "
                f"{sample_shape!r}"
            )
        return Size((*sample_shape, *self._batch_shape, *self._event_shape))

    def _checked(self, value: Any) -> Tensor:
        """What `log_prob` and its kin are given, as a tensor; a number in the dtype of the parameters."""
        x = self._entered(value)
        if self._validate_args:
            self._validate_sample(x)
        return x

    def _entered(self, value: Any) -> Tensor:
        return as_tensor(value, dtype=self._dtype()) if isinstance(value, (int, float)) else as_tensor(value)

    def _dtype(self) -> Any:
        """The dtype of the parameters."""
        for name in self._parameters:
            if name in self.__dict__:
                return self.__dict__[name].dtype
        base = self.__dict__.get("base_dist") or self.__dict__.get("_component_distribution")
        return base._dtype() if base is not None else get_default_dtype()

    def _validate_sample(self, value: Any) -> None:
        """Raise if the shape of values does not go with the law's, or a value is outside of the support."""
        name = type(self).__name__
        if not isinstance(value, Tensor):
            raise ValueError(f"{name}: expected a tensor of values, got {type(value).__name__}")
        value_shape, shape = tuple(value.shape), (*self._batch_shape, *self._event_shape)
        dims = len(self._event_shape)
        if len(value_shape) < dims or value_shape[len(value_shape) - dims :] != tuple(self._event_shape):
            raise ValueError(
                f"{name}: expected values whose shape ends with the event_shape {tuple(self._event_shape)}, got shape "
                f"{value_shape}"
            )
        for given, own in zip(reversed(value_shape), reversed(shape), strict=False):
            if given != own and given != 1 and own != 1:
                raise ValueError(
                    f"{name}: values of shape {value_shape} do not broadcast with batch_shape "
                    f"{tuple(self._batch_shape)} and event_shape {tuple(self._event_shape)}"
                )
        try:
            support = self.support
        except NotImplementedError:
            return
        refused = refused_by(support, value)
        if refused is not None:
            raise ValueError(
                f"{name}: expected values within its support {support!r}, got {refused} in a tensor of shape "
                f"{value_shape}; validate_args=False leaves the check out"
            )

    def __repr__(self) -> str:
        names = [name for name in self.arg_constraints if not self._is_derived(name)]
        return f"{type(self).__name__}({', '.join(f'{name}: {_text(getattr(self, name))}' for name in names)})"

    def _is_derived(self, name: str) -> bool:
        """Whether a parameter is computed from others, and not yet."""
        return name not in self.__dict__ and isinstance(getattr(type(self), name, None), lazy_property)


def _text(value: Any) -> str:
    if not isinstance(value, Tensor):
        return str(value)
    return f"{value.detach()}" if value.numel() == 1 else str(value.shape)


def refused_by(constraint: Any, value: Any) -> str | None:
    """The first values that do not satisfy a constraint, as text; None where all do, or they cannot be looked at."""
    if recorder() is not None:
        return None
    with no_grad():
        valid = constraint.check(value)
        if differs(valid) or bool(valid.all()):
            return None
        if valid.ndim:
            bad = value.expand((*valid.shape, *value.shape[value.ndim - _events(constraint) :]))[~valid]
        else:
            bad = value
        count = bad.shape[0] if valid.ndim else 1
        first = bad[:3] if valid.ndim else bad
        more = f" and {count - 3} more" if count > 3 else ""
        return f"{first.detach()}{more}"


def _events(constraint: Any) -> int:
    """How many trailing dimensions a constraint looks at together."""
    found: int = constraint.event_dim
    return found
