"""Transforms of tensors, with their inverses and the logarithms of their Jacobian determinants.

Examples
--------
>>> from wengert.distributions import transforms
>>> squash = transforms.ComposeTransform([transforms.AffineTransform(0., 2.), transforms.SigmoidTransform()])
>>> y = squash(wg.tensor([0., 1.]))
>>> y, squash.inv(y)
(tensor([0.5000, 0.8808]), tensor([0., 1.]))
"""

from __future__ import annotations

import functools
import math
import operator
import weakref
from collections.abc import Sequence
from typing import Any

from ..core import dtypes
from ..core.broadcast import broadcast_shape
from ..linalg import cholesky
from ..ops import arange, cat, cumprod, cumsum, diag_embed, eye, ones_like, sigmoid, sign, softmax, softplus, stack
from ..tensors.size import Size
from ..tensors.tensor import Tensor
from . import constraints
from .utils import floating, tril_matrix_to_vec, vec_to_tril_matrix

__all__ = [
    "AbsTransform", "AffineTransform", "CatTransform", "ComposeTransform", "CorrCholeskyTransform",
    "CumulativeDistributionTransform", "ExpTransform", "IndependentTransform", "LowerCholeskyTransform",
    "PositiveDefiniteTransform", "PowerTransform", "ReshapeTransform", "SigmoidTransform", "SoftmaxTransform",
    "SoftplusTransform", "StackTransform", "StickBreakingTransform", "TanhTransform", "Transform",
    "identity_transform",
]  # fmt: skip


def sum_rightmost(value: Any, dims: int) -> Any:
    """The sum over the last `dims` dimensions of a tensor."""
    return value.sum(tuple(range(-dims, 0))) if dims and isinstance(value, Tensor) else value


class Transform:
    """A map of tensors that has an inverse and, where it is bijective, a Jacobian determinant.

    A transform of one's own defines `domain`, `codomain`, `_call(x)`, `_inverse(y)` and, if it is bijective,
    ``bijective = True`` and `log_abs_det_jacobian(x, y)`.

    Parameters
    ----------
    cache_size : int
        1: the last pair of x and y is kept, so that the inverse of a y that the transform gave is its x, to the bit.

    Attributes
    ----------
    domain, codomain : Constraint
        From where it leads, and to where.
    bijective : bool

    Raises
    ------
    ValueError
        If `cache_size` is neither 0 nor 1.

    Examples
    --------
    >>> class Cube(wg.distributions.transforms.Transform):
    ...     domain = codomain = wg.distributions.constraints.real
    ...     bijective, sign = True, 1
    ...     def _call(self, x):
    ...         return x ** 3
    ...     def _inverse(self, y):
    ...         return y.sign() * y.abs() ** (1 / 3)
    ...     def log_abs_det_jacobian(self, x, y):
    ...         return wg.log(3 * x * x)
    >>> Cube().inv(wg.tensor(-8.))
    tensor(-2.)
    """

    bijective: Any = False

    def __init__(self, cache_size: int = 0) -> None:
        if cache_size not in (0, 1):
            raise ValueError(f"{type(self).__name__}: expected a cache_size of 0 or 1, got {cache_size}")
        self._cache_size = cache_size
        self._inv: Any = None
        self._cached: tuple[Any, Any] = (None, None)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_inv": None, "_cached": (None, None)}

    @property
    def domain(self) -> Any:
        """What may go in.

        Returns
        -------
        Constraint
        """
        raise NotImplementedError(f"{type(self).__name__}: a transform defines its domain")

    @property
    def codomain(self) -> Any:
        """What comes out.

        Returns
        -------
        Constraint
        """
        raise NotImplementedError(f"{type(self).__name__}: a transform defines its codomain")

    @property
    def event_dim(self) -> int:
        """How many trailing dimensions it looks at together, where domain and codomain agree.

        Returns
        -------
        int
        """
        if self.domain.event_dim != self.codomain.event_dim:
            raise ValueError(
                f"{type(self).__name__}: no event_dim, from {self.domain.event_dim} dimensions to "
                f"{self.codomain.event_dim}; ask domain.event_dim or codomain.event_dim"
            )
        found: int = self.domain.event_dim
        return found

    @property
    def inv(self) -> Transform:
        """The inverse transform.

        Returns
        -------
        Transform
        """
        found = self._inv() if self._inv is not None else None
        if found is None:
            found = _InverseTransform(self)
            self._inv = weakref.ref(found)
        return found

    @property
    def sign(self) -> Any:
        """1 or -1, or a tensor of them: whether a bijective map of numbers rises or falls.

        Returns
        -------
        int or Tensor
        """
        raise NotImplementedError(f"{type(self).__name__}: no sign, as it is no monotone map of numbers")

    def with_cache(self, cache_size: int = 1) -> Any:
        """The same transform with another `cache_size`.

        Parameters
        ----------
        cache_size : int

        Returns
        -------
        Transform
        """
        if self._cache_size == cache_size:
            return self
        if type(self).__init__ is not Transform.__init__:
            raise NotImplementedError(f"{type(self).__name__}: define with_cache(cache_size), as it has parameters")
        return type(self)(cache_size=cache_size)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(type(self))

    def __call__(self, x: Any) -> Any:
        """The transformed x."""
        if not self._cache_size:
            return self._call(x)
        before, after = self._cached
        if x is before:
            return after
        y = self._call(x)
        self._cached = x, y
        return y

    def _inv_call(self, y: Any) -> Any:
        if not self._cache_size:
            return self._inverse(y)
        before, after = self._cached
        if y is after:
            return before
        x = self._inverse(y)
        self._cached = x, y
        return x

    def _call(self, x: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__}: a transform defines _call(x)")

    def _inverse(self, y: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__}: has no inverse")

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        """The logarithm of the absolute value of the determinant of dy/dx.

        Parameters
        ----------
        x, y : tensor
            What goes in, and what the transform makes of it.

        Returns
        -------
        Tensor
            Without the dimensions that are looked at together.
        """
        raise NotImplementedError(f"{type(self).__name__}: no Jacobian determinant")

    def forward_shape(self, shape: Any) -> Any:
        """The shape of what comes out, by that of what goes in.

        Parameters
        ----------
        shape : tuple of int

        Returns
        -------
        tuple of int
        """
        return shape

    def inverse_shape(self, shape: Any) -> Any:
        """The shape of what goes in, by that of what comes out.

        Parameters
        ----------
        shape : tuple of int

        Returns
        -------
        tuple of int
        """
        return shape

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class _InverseTransform(Transform):
    """The inverse of a transform, whose inverse is that one again."""

    def __init__(self, transform: Transform) -> None:
        super().__init__(cache_size=transform._cache_size)
        self._of = transform

    @property
    def domain(self) -> Any:
        return self._of.codomain

    @property
    def codomain(self) -> Any:
        return self._of.domain

    @property
    def bijective(self) -> Any:
        return self._of.bijective

    @property
    def sign(self) -> Any:
        return self._of.sign

    @property
    def inv(self) -> Transform:
        return self._of

    def with_cache(self, cache_size: int = 1) -> Any:
        return self._of.with_cache(cache_size).inv

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _InverseTransform) and self._of == other._of

    __hash__ = Transform.__hash__

    def __call__(self, x: Any) -> Any:
        return self._of._inv_call(x)

    def _inv_call(self, y: Any) -> Any:
        return self._of(y)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return -self._of.log_abs_det_jacobian(y, x)

    def forward_shape(self, shape: Any) -> Any:
        return self._of.inverse_shape(shape)

    def inverse_shape(self, shape: Any) -> Any:
        return self._of.forward_shape(shape)

    def __repr__(self) -> str:
        return f"{self._of!r}.inv"


class ComposeTransform(Transform):
    """Transforms one after another; of none, x itself.

    Parameters
    ----------
    parts : list of Transform
        The first is applied first.
    cache_size : int
        As in `Transform`.

    Examples
    --------
    >>> t = wg.distributions.transforms
    >>> t.ComposeTransform([t.ExpTransform(), t.AffineTransform(1., 2.)])(wg.tensor(0.))
    tensor(3.)
    """

    def __init__(self, parts: Sequence[Transform], cache_size: int = 0) -> None:
        self.parts = [part.with_cache(cache_size) for part in parts] if cache_size else list(parts)
        super().__init__(cache_size=cache_size)

    @property
    def domain(self) -> Any:
        if not self.parts:
            return constraints.real
        needed = self.parts[-1].codomain.event_dim
        for part in reversed(self.parts):
            needed = max(part.domain.event_dim, needed + part.domain.event_dim - part.codomain.event_dim)
        return _reaching(self.parts[0].domain, needed)

    @property
    def codomain(self) -> Any:
        if not self.parts:
            return constraints.real
        needed = self.parts[0].domain.event_dim
        for part in self.parts:
            needed = max(part.codomain.event_dim, needed + part.codomain.event_dim - part.domain.event_dim)
        return _reaching(self.parts[-1].codomain, needed)

    @property
    def bijective(self) -> Any:
        return all(part.bijective for part in self.parts)

    @property
    def sign(self) -> Any:
        found: Any = 1
        for part in self.parts:
            found = found * part.sign
        return found

    @property
    def inv(self) -> Transform:
        found = self._inv() if self._inv is not None else None
        if found is None:
            found = ComposeTransform([part.inv for part in reversed(self.parts)])
            self._inv = weakref.ref(found)
            found._inv = weakref.ref(self)
            found._of = self  # type: ignore[attr-defined]  # alive as long as its inverse
        return found

    def with_cache(self, cache_size: int = 1) -> Any:
        return self if self._cache_size == cache_size else ComposeTransform(self.parts, cache_size)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ComposeTransform) and self.parts == other.parts

    __hash__ = Transform.__hash__

    def __call__(self, x: Any) -> Any:
        for part in self.parts:
            x = part(x)
        return x

    def _inverse(self, y: Any) -> Any:
        for part in reversed(self.parts):
            y = part.inv(y)
        return y

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        if not self.parts:
            return x * 0
        values = [x]
        for part in self.parts[:-1]:
            values.append(part(values[-1]))
        values.append(y)
        event_dim = self.domain.event_dim
        total: Any = None
        for part, before, after in zip(self.parts, values[:-1], values[1:], strict=True):
            term = sum_rightmost(part.log_abs_det_jacobian(before, after), event_dim - part.domain.event_dim)
            total = term if total is None else total + term
            event_dim += part.codomain.event_dim - part.domain.event_dim
        return total

    def forward_shape(self, shape: Any) -> Any:
        for part in self.parts:
            shape = part.forward_shape(shape)
        return shape

    def inverse_shape(self, shape: Any) -> Any:
        for part in reversed(self.parts):
            shape = part.inverse_shape(shape)
        return shape

    def __repr__(self) -> str:
        return f"ComposeTransform([{', '.join(map(repr, self.parts))}])"


def _reaching(constraint: Any, event_dim: int) -> Any:
    """A constraint that looks at so many trailing dimensions together."""
    more = event_dim - constraint.event_dim
    return constraints.independent(constraint, more) if more else constraint


identity_transform = ComposeTransform([])


class IndependentTransform(Transform):
    """A transform some of whose batch dimensions are looked at together: its Jacobian's logarithm is summed over them.

    Parameters
    ----------
    base_transform : Transform
    reinterpreted_batch_ndims : int
    cache_size : int
        As in `Transform`.

    Raises
    ------
    ValueError
        If a tensor has too few dimensions.

    Examples
    --------
    >>> t = wg.distributions.transforms
    >>> x = wg.ones(2, 3)
    >>> t.IndependentTransform(t.ExpTransform(), 1).log_abs_det_jacobian(x, x.exp())
    tensor([3., 3.])
    """

    def __init__(self, base_transform: Transform, reinterpreted_batch_ndims: int, cache_size: int = 0) -> None:
        super().__init__(cache_size=cache_size)
        self.base_transform = base_transform.with_cache(cache_size)
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims

    def with_cache(self, cache_size: int = 1) -> Any:
        if self._cache_size == cache_size:
            return self
        return IndependentTransform(self.base_transform, self.reinterpreted_batch_ndims, cache_size)

    @property
    def domain(self) -> Any:
        return constraints.independent(self.base_transform.domain, self.reinterpreted_batch_ndims)

    @property
    def codomain(self) -> Any:
        return constraints.independent(self.base_transform.codomain, self.reinterpreted_batch_ndims)

    @property
    def bijective(self) -> Any:
        return self.base_transform.bijective

    @property
    def sign(self) -> Any:
        return self.base_transform.sign

    def _require(self, value: Any, dims: int) -> None:
        if value.ndim < dims:
            raise ValueError(f"{self!r}: expected at least {dims} dimensions, got shape {tuple(value.shape)}")

    def _call(self, x: Any) -> Any:
        self._require(x, self.domain.event_dim)
        return self.base_transform(x)

    def _inverse(self, y: Any) -> Any:
        self._require(y, self.codomain.event_dim)
        return self.base_transform.inv(y)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return sum_rightmost(self.base_transform.log_abs_det_jacobian(x, y), self.reinterpreted_batch_ndims)

    def forward_shape(self, shape: Any) -> Any:
        return self.base_transform.forward_shape(shape)

    def inverse_shape(self, shape: Any) -> Any:
        return self.base_transform.inverse_shape(shape)

    def __repr__(self) -> str:
        return f"IndependentTransform({self.base_transform!r}, {self.reinterpreted_batch_ndims})"


class ReshapeTransform(Transform):
    """A change of the trailing shape.

    Parameters
    ----------
    in_shape, out_shape : tuple of int
        With the same number of items.
    cache_size : int
        As in `Transform`.

    Raises
    ------
    ValueError
        If the numbers of items differ, or a tensor's shape does not end as it should.

    Examples
    --------
    >>> wg.distributions.transforms.ReshapeTransform((4,), (2, 2))(wg.ones(3, 4)).shape
    wengert.Size([3, 2, 2])
    """

    bijective = True

    def __init__(self, in_shape: Sequence[int], out_shape: Sequence[int], cache_size: int = 0) -> None:
        self.in_shape, self.out_shape = Size(in_shape), Size(out_shape)
        if self.in_shape.numel() != self.out_shape.numel():
            raise ValueError(
                f"ReshapeTransform: shapes {tuple(in_shape)} and {tuple(out_shape)} have different numbers of items"
            )
        super().__init__(cache_size=cache_size)

    @property
    def domain(self) -> Any:
        return constraints.independent(constraints.real, len(self.in_shape))

    @property
    def codomain(self) -> Any:
        return constraints.independent(constraints.real, len(self.out_shape))

    def with_cache(self, cache_size: int = 1) -> Any:
        if self._cache_size == cache_size:
            return self
        return ReshapeTransform(self.in_shape, self.out_shape, cache_size)

    def _call(self, x: Any) -> Any:
        return x.reshape(self.forward_shape(x.shape))

    def _inverse(self, y: Any) -> Any:
        return y.reshape(self.inverse_shape(y.shape))

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return x.new_zeros(x.shape[: x.ndim - len(self.in_shape)])

    def forward_shape(self, shape: Any) -> Any:
        return _with_end(shape, self.in_shape, self.out_shape)

    def inverse_shape(self, shape: Any) -> Any:
        return _with_end(shape, self.out_shape, self.in_shape)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ReshapeTransform) and (self.in_shape, self.out_shape) == (
            other.in_shape, other.out_shape,
        )  # fmt: skip

    __hash__ = Transform.__hash__


def _with_end(shape: Any, old: Size, new: Size) -> tuple[int, ...]:
    cut = len(shape) - len(old)
    if cut < 0 or tuple(shape[cut:]) != tuple(old):
        raise ValueError(f"ReshapeTransform: expected a shape that ends with {tuple(old)}, got {tuple(shape)}")
    return (*shape[:cut], *new)


class _Plain(Transform):
    """A transform without parameters, of which all are equal."""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    __hash__ = Transform.__hash__


class ExpTransform(_Plain):
    """y = exp(x).

    Parameters
    ----------
    cache_size : int
        As in `Transform`.

    Examples
    --------
    >>> wg.distributions.transforms.ExpTransform()(wg.tensor([0., 1.]))
    tensor([1.0000, 2.7183])
    """

    domain = constraints.real
    codomain = constraints.positive
    bijective = True
    sign = 1

    def _call(self, x: Any) -> Any:
        return x.exp()

    def _inverse(self, y: Any) -> Any:
        return y.log()

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return x


class PowerTransform(Transform):
    """y = x^exponent, of positive numbers.

    Parameters
    ----------
    exponent : number or tensor
    cache_size : int
        As in `Transform`.

    Examples
    --------
    >>> wg.distributions.transforms.PowerTransform(2.)(wg.tensor([1., 3.]))
    tensor([1., 9.])
    """

    domain = constraints.positive
    codomain = constraints.positive
    bijective = True

    def __init__(self, exponent: Any, cache_size: int = 0) -> None:
        super().__init__(cache_size=cache_size)
        self.exponent = exponent if isinstance(exponent, (int, float)) else floating("PowerTransform", exponent)[0]

    def with_cache(self, cache_size: int = 1) -> Any:
        return self if self._cache_size == cache_size else PowerTransform(self.exponent, cache_size)

    @property
    def sign(self) -> Any:
        return _sign(self.exponent)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PowerTransform) and _same(self.exponent, other.exponent)

    __hash__ = Transform.__hash__

    def _call(self, x: Any) -> Any:
        return x.pow(self.exponent)

    def _inverse(self, y: Any) -> Any:
        return y.pow(1 / self.exponent)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return (self.exponent * y / x).abs().log()

    def forward_shape(self, shape: Any) -> Any:
        return _broadcast(shape, self.exponent)

    inverse_shape = forward_shape


def _broadcast(shape: Any, *parameters: Any) -> tuple[int, ...]:
    """A shape with those of the parameters that are tensors."""
    return broadcast_shape("transform", tuple(shape), *(tuple(p.shape) for p in parameters if isinstance(p, Tensor)))


def _sign(x: Any) -> Any:
    return sign(x) if isinstance(x, Tensor) else (x > 0) - (x < 0)


def _same(a: Any, b: Any) -> bool:
    """Whether two parameters, numbers or tensors, are the same."""
    if a is b:
        return True
    found = a == b
    return bool(found.all()) if isinstance(found, Tensor) else bool(found)


class SigmoidTransform(_Plain):
    """y = 1 / (1 + exp(-x)), the inverse of the log-odds.

    Parameters
    ----------
    cache_size : int
        As in `Transform`.

    Examples
    --------
    >>> wg.distributions.transforms.SigmoidTransform()(wg.tensor([0., 2.]))
    tensor([0.5000, 0.8808])
    """

    domain = constraints.real
    codomain = constraints.unit_interval
    bijective = True
    sign = 1

    def _call(self, x: Any) -> Any:
        return inside_of_unit(sigmoid(x))

    def _inverse(self, y: Any) -> Any:
        y = inside_of_unit(y)
        return y.log() - (-y).log1p()

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return -softplus(-x) - softplus(x)


def inside_of_unit(x: Any) -> Any:
    """Numbers of [0, 1] kept within (0, 1): as near to its ends as their dtype has numbers."""
    info = dtypes.finfo(x.dtype)
    return x.clamp(float(info.tiny), 1 - float(info.eps))


class SoftplusTransform(_Plain):
    """y = log(1 + exp(x)).

    Parameters
    ----------
    cache_size : int
        As in `Transform`.

    Examples
    --------
    >>> wg.distributions.transforms.SoftplusTransform()(wg.tensor([0., 30.]))
    tensor([ 0.6931, 30.0000])
    """

    domain = constraints.real
    codomain = constraints.positive
    bijective = True
    sign = 1

    def _call(self, x: Any) -> Any:
        return softplus(x)

    def _inverse(self, y: Any) -> Any:
        return (-y).expm1().neg().log() + y

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return -softplus(-x)


class TanhTransform(_Plain):
    """y = tanh(x), with a Jacobian that keeps its digits where y is nearly 1 or -1.

    Parameters
    ----------
    cache_size : int
        As in `Transform`. With 1, a value that the transform gave is led back to its x even where y is 1.

    Examples
    --------
    >>> t = wg.distributions.transforms.TanhTransform()
    >>> x = wg.tensor([0., 20.])
    >>> t(x), t.log_abs_det_jacobian(x, t(x))
    (tensor([0., 1.]), tensor([  0.0000, -38.6137]))
    """

    domain = constraints.real
    codomain = constraints.interval(-1.0, 1.0)
    bijective = True
    sign = 1

    def _call(self, x: Any) -> Any:
        return x.tanh()

    def _inverse(self, y: Any) -> Any:
        return y.atanh()

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return 2.0 * (math.log(2.0) - x - softplus(-2.0 * x))


class AbsTransform(_Plain):
    """y = |x|, whose inverse takes the positive x.

    Parameters
    ----------
    cache_size : int
        As in `Transform`.

    Examples
    --------
    >>> wg.distributions.transforms.AbsTransform()(wg.tensor([-1., 2.]))
    tensor([1., 2.])
    """

    domain = constraints.real
    codomain = constraints.positive

    def _call(self, x: Any) -> Any:
        return x.abs()

    def _inverse(self, y: Any) -> Any:
        return y


class AffineTransform(Transform):
    """y = loc + scale * x, item by item.

    Parameters
    ----------
    loc, scale : number or tensor
    event_dim : int
        How many trailing dimensions are looked at together.
    cache_size : int
        As in `Transform`.

    Examples
    --------
    >>> wg.distributions.transforms.AffineTransform(1., -2.)(wg.tensor([0., 1.]))
    tensor([ 1., -1.])
    """

    bijective = True

    def __init__(self, loc: Any, scale: Any, event_dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(cache_size=cache_size)
        self.loc = loc
        self.scale = scale
        self._event_dim = event_dim

    @property
    def event_dim(self) -> int:
        return self._event_dim

    @property
    def domain(self) -> Any:
        return _reaching(constraints.real, self._event_dim)

    codomain = domain

    def with_cache(self, cache_size: int = 1) -> Any:
        if self._cache_size == cache_size:
            return self
        return AffineTransform(self.loc, self.scale, self._event_dim, cache_size)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, AffineTransform) and _same(self.loc, other.loc) and _same(self.scale, other.scale)
        )  # fmt: skip

    __hash__ = Transform.__hash__

    @property
    def sign(self) -> Any:
        return _sign(self.scale)

    def _call(self, x: Any) -> Any:
        return self.loc + self.scale * x

    def _inverse(self, y: Any) -> Any:
        return (y - self.loc) / self.scale

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        if isinstance(self.scale, Tensor):
            found = self.scale.abs().log().expand(_broadcast(x.shape, self.scale))
        else:
            found = x.new_full(x.shape, math.log(abs(self.scale)))
        return sum_rightmost(found, self._event_dim)

    def forward_shape(self, shape: Any) -> Any:
        return _broadcast(shape, self.loc, self.scale)

    inverse_shape = forward_shape


class SoftmaxTransform(_Plain):
    """y = softmax(x) along the last dimension; no bijection, and log(y) for its inverse.

    Parameters
    ----------
    cache_size : int
        As in `Transform`.

    Raises
    ------
    ValueError
        If a tensor has no dimension.

    Examples
    --------
    >>> wg.distributions.transforms.SoftmaxTransform()(wg.zeros(2))
    tensor([0.5000, 0.5000])
    """

    domain = constraints.real_vector
    codomain = constraints.simplex

    def _call(self, x: Any) -> Any:
        return softmax(x, -1)

    def _inverse(self, y: Any) -> Any:
        return y.log()

    def forward_shape(self, shape: Any) -> Any:
        if len(shape) < 1:
            raise ValueError(f"{type(self).__name__}: expected at least one dimension, got shape {tuple(shape)}")
        return shape

    inverse_shape = forward_shape


class StickBreakingTransform(_Plain):
    """From n numbers to n + 1 positive ones that add up to 1: each takes its share of what is left (Stan, 10.7).

    Parameters
    ----------
    cache_size : int
        As in `Transform`.

    Raises
    ------
    ValueError
        If a tensor has no dimension.

    Examples
    --------
    >>> wg.distributions.transforms.StickBreakingTransform()(wg.zeros(2))
    tensor([0.3333, 0.3333, 0.3333])
    """

    domain = constraints.real_vector
    codomain = constraints.simplex
    bijective = True

    def _offset(self, x: Any) -> Any:
        """The logarithm of how many shares are left, at each."""
        n = x.shape[-1]
        return arange(n, 0, -1, dtype=x.dtype).log()

    def _call(self, x: Any) -> Any:
        share = inside_of_unit(sigmoid(x - self._offset(x)))
        left = cumprod(1 - share, -1)
        one = ones_like(left[..., :1])
        return cat([share, one], -1) * cat([one, left], -1)

    def _inverse(self, y: Any) -> Any:
        head = y[..., :-1]
        left = (1 - cumsum(head, -1)).clamp(min=float(dtypes.finfo(y.dtype).tiny))
        return head.log() - left.log() + self._offset(head)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        x = x - self._offset(x)
        return (-x - softplus(-x) + y[..., :-1].log()).sum(-1)

    def forward_shape(self, shape: Any) -> Any:
        if len(shape) < 1:
            raise ValueError(f"{type(self).__name__}: expected at least one dimension, got shape {tuple(shape)}")
        return (*shape[:-1], shape[-1] + 1)

    def inverse_shape(self, shape: Any) -> Any:
        if len(shape) < 1:
            raise ValueError(f"{type(self).__name__}: expected at least one dimension, got shape {tuple(shape)}")
        return (*shape[:-1], shape[-1] - 1)


class LowerCholeskyTransform(_Plain):
    """From square matrices to lower triangular ones with a positive diagonal, by its exponential.

    Parameters
    ----------
    cache_size : int
        As in `Transform`.

    Examples
    --------
    >>> wg.distributions.transforms.LowerCholeskyTransform()(wg.tensor([[0., 5.], [2., 0.]]))
    tensor([[1., 0.],
            [2., 1.]])
    """

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.lower_cholesky

    def _call(self, x: Any) -> Any:
        return x.tril(-1) + diag_embed(x.diagonal(0, -2, -1).exp())

    def _inverse(self, y: Any) -> Any:
        return y.tril(-1) + diag_embed(y.diagonal(0, -2, -1).log())


class PositiveDefiniteTransform(_Plain):
    """From square matrices to positive definite ones, by way of a Cholesky factor.

    Parameters
    ----------
    cache_size : int
        As in `Transform`.

    Examples
    --------
    >>> wg.distributions.transforms.PositiveDefiniteTransform()(wg.tensor([[0., 0.], [2., 0.]]))
    tensor([[1., 2.],
            [2., 5.]])
    """

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.positive_definite

    def _call(self, x: Any) -> Any:
        factor = LowerCholeskyTransform()(x)
        return factor @ factor.mT

    def _inverse(self, y: Any) -> Any:
        return LowerCholeskyTransform().inv(cholesky(y))


class CorrCholeskyTransform(_Plain):
    """From n (n - 1) / 2 numbers to the Cholesky factor of a correlation matrix, of which each row has length 1.

    Parameters
    ----------
    cache_size : int
        As in `Transform`.

    Raises
    ------
    ValueError
        If no correlation matrix has so many items below its diagonal, or a matrix is not square.

    Notes
    -----
    The tanh of each number is its item's share of what the row has left (Stan reference manual, 10.12).

    Examples
    --------
    >>> wg.distributions.transforms.CorrCholeskyTransform()(wg.zeros(1))
    tensor([[1., 0.],
            [0., 1.]])
    """

    domain = constraints.real_vector
    codomain = constraints.corr_cholesky
    bijective = True

    def _call(self, x: Any) -> Any:
        eps = float(dtypes.finfo(x.dtype).eps)
        r = vec_to_tril_matrix(x.tanh().clamp(-1 + eps, 1 - eps), diag=-1)
        left = cumprod((1 - r * r).sqrt(), -1)
        r = r + eye(r.shape[-1], dtype=r.dtype)
        return r * cat([ones_like(left[..., :1]), left[..., :-1]], -1)

    def _inverse(self, y: Any) -> Any:
        left = 1 - cumsum(y * y, -1)
        left = cat([ones_like(left[..., :1]), left[..., :-1]], -1)
        items = tril_matrix_to_vec(y, diag=-1)
        return (items / tril_matrix_to_vec(left, diag=-1).sqrt()).atanh()

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        left = tril_matrix_to_vec(1 - cumsum(y * y, -1), diag=-2)
        stretched = 0.5 * left.log().sum(-1)
        return stretched - 2 * (x + softplus(-2.0 * x) - math.log(2.0)).sum(-1)

    def forward_shape(self, shape: Any) -> Any:
        count = shape[-1] if len(shape) else 0
        n = round((0.25 + 2 * count) ** 0.5 + 0.5)
        if not len(shape) or n * (n - 1) // 2 != count:
            raise ValueError(f"CorrCholeskyTransform: expected n (n - 1) / 2 items in the last dimension, got {shape}")
        return (*shape[:-1], n, n)

    def inverse_shape(self, shape: Any) -> Any:
        if len(shape) < 2 or shape[-1] != shape[-2]:
            raise ValueError(f"CorrCholeskyTransform: expected square matrices, got shape {tuple(shape)}")
        return (*shape[:-2], shape[-1] * (shape[-1] - 1) // 2)


class _Parts(Transform):
    """Several transforms of parts of a tensor, along one dimension."""

    def __init__(self, tseq: Sequence[Transform], dim: int, cache_size: int) -> None:
        super().__init__(cache_size=cache_size)
        self.transforms = [part.with_cache(cache_size) for part in tseq] if cache_size else list(tseq)
        self.dim = dim

    @property
    def bijective(self) -> Any:
        return all(part.bijective for part in self.transforms)

    def _along(self, value: Any) -> int:
        """The dimension, counted from the end."""
        if not -value.ndim <= self.dim < value.ndim:
            raise ValueError(f"{type(self).__name__}: no dimension {self.dim} in shape {tuple(value.shape)}")
        return self.dim - value.ndim if self.dim >= 0 else self.dim


class CatTransform(_Parts):
    """Transforms of parts that lie side by side along a dimension.

    Parameters
    ----------
    tseq : sequence of Transform
    dim : int
    lengths : sequence of int, optional
        Of each part; by default 1.
    cache_size : int
        As in `Transform`.

    Raises
    ------
    ValueError
        If there are not as many lengths as transforms, or a tensor is of another length.

    Examples
    --------
    >>> t = wg.distributions.transforms
    >>> t.CatTransform([t.ExpTransform(), t.identity_transform], 0, [1, 2])(wg.zeros(3))
    tensor([1., 0., 0.])
    """

    def __init__(
        self, tseq: Sequence[Transform], dim: int = 0, lengths: Sequence[int] | None = None, cache_size: int = 0
    ) -> None:  # fmt: skip
        super().__init__(tseq, dim, cache_size)
        self.lengths = [1] * len(self.transforms) if lengths is None else list(lengths)
        if len(self.lengths) != len(self.transforms):
            raise ValueError(
                f"CatTransform: expected a length for each of {len(self.transforms)} transforms, got {self.lengths}"
            )

    @property
    def event_dim(self) -> int:
        return max(part.event_dim for part in self.transforms)

    @property
    def length(self) -> int:
        """The length of the whole along the dimension.

        Returns
        -------
        int
        """
        return sum(self.lengths)

    def with_cache(self, cache_size: int = 1) -> Any:
        if self._cache_size == cache_size:
            return self
        return CatTransform(self.transforms, self.dim, self.lengths, cache_size)

    def _split(self, value: Any) -> Any:
        dim = self._along(value)
        if value.shape[dim] != self.length:
            raise ValueError(
                f"CatTransform: expected length {self.length} along dimension {self.dim}, got shape "
                f"{tuple(value.shape)}"
            )
        return value.split(self.lengths, dim)

    def _call(self, x: Any) -> Any:
        parts = zip(self.transforms, self._split(x), strict=True)
        return cat([transform(part) for transform, part in parts], self._along(x))

    def _inverse(self, y: Any) -> Any:
        parts = zip(self.transforms, self._split(y), strict=True)
        return cat([transform.inv(part) for transform, part in parts], self._along(y))

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        found = []
        for transform, a, b in zip(self.transforms, self._split(x), self._split(y), strict=True):
            term = transform.log_abs_det_jacobian(a, b)
            found.append(sum_rightmost(term, self.event_dim - transform.event_dim))
        dim = self._along(x) + self.event_dim
        if dim < 0:
            return cat(found, dim)
        return functools.reduce(operator.add, found)

    @property
    def domain(self) -> Any:
        return constraints.cat([part.domain for part in self.transforms], self.dim, self.lengths)

    @property
    def codomain(self) -> Any:
        return constraints.cat([part.codomain for part in self.transforms], self.dim, self.lengths)


class StackTransform(_Parts):
    """Transforms of the entries along a dimension.

    Parameters
    ----------
    tseq : sequence of Transform
    dim : int
    cache_size : int
        As in `Transform`.

    Raises
    ------
    ValueError
        If a tensor has not an entry for each.

    Examples
    --------
    >>> t = wg.distributions.transforms
    >>> t.StackTransform([t.ExpTransform(), t.identity_transform])(wg.zeros(2, 1))
    tensor([[1.],
            [0.]])
    """

    def __init__(self, tseq: Sequence[Transform], dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(tseq, dim, cache_size)

    def with_cache(self, cache_size: int = 1) -> Any:
        return self if self._cache_size == cache_size else StackTransform(self.transforms, self.dim, cache_size)

    def _split(self, value: Any) -> Any:
        dim = self._along(value)
        if value.shape[dim] != len(self.transforms):
            raise ValueError(
                f"StackTransform: expected {len(self.transforms)} entries along dimension {self.dim}, got shape "
                f"{tuple(value.shape)}"
            )
        return value.unbind(dim)

    def _call(self, x: Any) -> Any:
        parts = zip(self.transforms, self._split(x), strict=True)
        return stack([transform(part) for transform, part in parts], self._along(x))

    def _inverse(self, y: Any) -> Any:
        parts = zip(self.transforms, self._split(y), strict=True)
        return stack([transform.inv(part) for transform, part in parts], self._along(y))

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        parts = zip(self.transforms, self._split(x), self._split(y), strict=True)
        return stack([transform.log_abs_det_jacobian(a, b) for transform, a, b in parts], self._along(x))

    @property
    def domain(self) -> Any:
        return constraints.stack([part.domain for part in self.transforms], self.dim)

    @property
    def codomain(self) -> Any:
        return constraints.stack([part.codomain for part in self.transforms], self.dim)


class CumulativeDistributionTransform(Transform):
    """The distribution function of a law: it makes the law's variates uniform.

    Parameters
    ----------
    distribution : Distribution
        Of numbers, with `cdf` and `icdf`.
    cache_size : int
        As in `Transform`.

    Examples
    --------
    >>> law = wg.distributions.Normal(0., 1.)
    >>> wg.distributions.transforms.CumulativeDistributionTransform(law)(wg.tensor(0.))
    tensor(0.5000)
    """

    bijective = True
    codomain = constraints.unit_interval
    sign = 1

    def __init__(self, distribution: Any, cache_size: int = 0) -> None:
        super().__init__(cache_size=cache_size)
        self.distribution = distribution

    @property
    def domain(self) -> Any:
        return self.distribution.support

    def _call(self, x: Any) -> Any:
        return self.distribution.cdf(x)

    def _inverse(self, y: Any) -> Any:
        return self.distribution.icdf(y)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return self.distribution.log_prob(x)

    def with_cache(self, cache_size: int = 1) -> Any:
        if self._cache_size == cache_size:
            return self
        return CumulativeDistributionTransform(self.distribution, cache_size)
