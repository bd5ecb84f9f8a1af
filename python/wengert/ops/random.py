"""Random numbers, from a seed and on every machine the same: drawn from a `core.generator.Generator`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import _kernels
from .._types import Tensor
from ..core import dtypes
from ..core.arguments import integer
from ..core.broadcast import broadcast_shape
from ..core.change import rewrite
from ..core.doors import draw, enter, require_unfollowed
from ..core.generator import Generator, default_generator
from ..core.generator import numpy_generator as numpy_generator
from ..core.signatures import tells
from ..core.variable import Variable
from .creation import allocate, float_dtype, leaf, limits, number, shape_of

__all__ = [
    "Generator", "bernoulli", "default_generator", "dropout", "get_rng_state", "initial_seed", "manual_seed",
    "multinomial", "normal", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm",
    "seed", "set_rng_state",
]  # fmt: skip

# ---------------------------------------------------------------- dropout


@tells
def dropout(x: Any, p: float = 0.5, training: bool = True, *, generator: Any = None) -> Tensor:
    """Each item zeroed with probability p, the others scaled by 1 / (1 - p), while training; else x itself.

    Parameters
    ----------
    x : tensor
    p : float
        In [0, 1].
    training : bool
    generator : wengert.Generator or None
        None: the library's own.

    Returns
    -------
    Tensor
        Of the same shape.

    Raises
    ------
    ValueError
        If p is not in [0, 1].

    Examples
    --------
    >>> wg.dropout(wg.ones(3), 0.5, training=False)
    tensor([1., 1., 1.])
    """
    p = number("dropout", "p", p)
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout: expected a probability p in [0, 1], got {p}")
    z = enter(x)
    if not training or p == 0.0:
        return z
    if p == 1.0:
        return z * 0.0
    return z * survivors(z._value.shape, z._value.dtype, p, generator)


def survivors(shape: tuple[int, ...], dtype: np.dtype, p: float, generator: Any) -> Tensor:
    """What dropout multiplies by: 0 with probability p < 1, else 1 / (1 - p)."""
    return draw(_survivors, numpy_generator(generator), shape=shape, dtype=dtype, p=p)


def _survivors(source: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype, p: float) -> np.ndarray:
    """0 with probability p, else 1 / (1 - p)."""
    kept = source.random(shape, dtype=np.float32) >= p
    return np.asarray(kept.astype(dtype) * dtype.type(1 / (1 - p)))


@tells
def manual_seed(seed: int) -> Generator:
    """Start the library's own generator from a seed: what is drawn from here on is the same on every run and machine.

    Parameters
    ----------
    seed : int
        In [-2**63, 2**64); a negative one counts from 2**64.

    Returns
    -------
    Generator

    Raises
    ------
    TypeError, ValueError
        If the seed is not an integer, or out of range.

    Examples
    --------
    >>> generator = wg.manual_seed(0)
    >>> wg.rand(3)
    tensor([0.1356, 0.0141, 0.9377])
    """
    return default_generator.manual_seed(seed)


@tells
def seed() -> int:
    """Start the library's own generator from a seed that the operating system draws.

    Returns
    -------
    int
        That seed.

    Examples
    --------
    >>> wg.seed() == wg.initial_seed()
    True
    """
    return default_generator.seed()


@tells
def initial_seed() -> int:
    """The seed that the library's own generator was last started from.

    Returns
    -------
    int

    Examples
    --------
    >>> generator = wg.manual_seed(3)
    >>> wg.initial_seed()
    3
    """
    return default_generator.initial_seed()


@tells
def get_rng_state() -> Tensor:
    """The state of the library's own generator.

    Returns
    -------
    Tensor
        Bytes that `set_rng_state` takes.

    Examples
    --------
    >>> state = wg.random.get_rng_state()
    >>> a = wg.rand(2)
    >>> wg.random.set_rng_state(state)
    >>> (wg.rand(2) == a).tolist()
    [True, True]
    """
    return default_generator.get_state()


@tells
def set_rng_state(state: Any) -> None:
    """Let the library's own generator go on from a state that `get_rng_state` gave.

    Parameters
    ----------
    state : tensor of uint8

    Raises
    ------
    TypeError, ValueError
        If it is no such state.

    Examples
    --------
    >>> wg.random.set_rng_state(wg.random.get_rng_state())
    """
    default_generator.set_state(state)


# ---------------------------------------------------------------- kernels
# Of a NumPy generator, arrays and static keywords, as the door `draw` calls them.


def _uniform(source: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Numbers in [0, 1), of as many bits as the dtype has digits."""
    if dtype == dtypes.float32:
        return _kernels.draw(source.bit_generator, shape)
    if dtype == dtypes.float16:
        return np.asarray(source.integers(0, 2**11, shape) / 2**11).astype(dtype)
    return source.random(dtype=dtype, out=allocate(shape, dtype))


def _uniform_between(
    source: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype, low: float, high: float
) -> np.ndarray:  # fmt: skip
    """Numbers in [low, high), or low where the two are one."""
    out = _uniform(source, shape, dtype)
    out *= dtype.type(high - low)
    out += dtype.type(low)
    np.minimum(out, np.nextafter(dtype.type(high), dtype.type(low)), out=out)
    return out


def _standard_normal(source: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Numbers of mean 0 and variance 1."""
    if dtype == dtypes.float32:
        return _kernels.draw(source.bit_generator, shape, "normal")
    if dtype == dtypes.float16:
        return _kernels.draw(source.bit_generator, shape, "normal").astype(dtype)
    return source.standard_normal(dtype=dtype, out=allocate(shape, dtype))


def _normal(
    source: np.random.Generator, mean: Any, std: Any, shape: tuple[int, ...], dtype: np.dtype, name: str
) -> np.ndarray:  # fmt: skip
    """Numbers of a mean and a standard deviation, which are numbers or arrays that broadcast to the shape."""
    if not np.all(np.asarray(std) >= 0):
        raise ValueError(f"{name}: standard deviations are not negative, got {std if np.ndim(std) == 0 else 'some'}")
    out = _standard_normal(source, shape, dtype)
    with np.errstate(over="ignore"):
        out *= std
        out += mean
    return out


def _exponential(source: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype, rate: float) -> np.ndarray:
    times = np.asarray(source.standard_exponential(shape) / rate)
    with np.errstate(over="ignore"):
        return times.astype(dtype, copy=False)


def _heads(source: np.random.Generator, p: Any, shape: tuple[int, ...], dtype: np.dtype, name: str) -> np.ndarray:
    """Ones with probability p, which is a number or an array that broadcasts to the shape, and zeros."""
    if not np.all((np.asarray(p) >= 0) & (np.asarray(p) <= 1)):
        raise ValueError(f"{name}: probabilities lie in [0, 1], got {p if np.ndim(p) == 0 else 'some that do not'}")
    drawn = dtypes.float32 if getattr(p, "dtype", None) in (dtypes.float16, dtypes.float32) else dtypes.float64
    heads: np.ndarray = _uniform(source, shape, drawn) < p
    return np.asarray(heads).astype(dtype)


def _integers(
    source: np.random.Generator, low: int, high: int, shape: tuple[int, ...], dtype: np.dtype
) -> np.ndarray:  # fmt: skip
    return np.asarray(source.integers(low, high, shape, np.int64)).astype(dtype, copy=False)


def _permutation(source: np.random.Generator, n: int, dtype: np.dtype) -> np.ndarray:
    order = source.permutation(n) if n >= 2**32 else _kernels.draw(source.bit_generator, (n,), "order")
    return order if dtype is order.dtype else order.astype(dtype)


# ---------------------------------------------------------------- new tensors


@tells
def rand(
    *shape: Any, size: Any = None, generator: Any = None, dtype: Any = None, requires_grad: bool = False,
    device: Any = None, layout: Any = None, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Numbers drawn uniformly from [0, 1).

    Parameters
    ----------
    *shape : int, or one tuple of int
        Also spelled `size`.
    generator : wengert.Generator, numpy.random.Generator or None
        None: the library's own.
    dtype : dtype, optional
        A floating one; by default the default float.
    requires_grad : bool
    device : "cpu", optional
    layout, pin_memory : optional
        Of PyTorch: there is one layout, and nothing to pin.

    Returns
    -------
    Tensor

    Raises
    ------
    TypeError
        If the dtype is not a floating one.
    ValueError
        If a length is negative.

    Examples
    --------
    >>> generator = wg.Generator().manual_seed(0)
    >>> wg.rand(2, 2, generator=generator)
    tensor([[0.1356, 0.0141],
            [0.9377, 0.2578]])
    """
    length, kind = shape_of("rand", shape, size), float_dtype("rand", dtype)
    value = draw(_uniform, numpy_generator(generator), shape=length, dtype=kind)
    return leaf("rand", value, requires_grad, device)


@tells
def randn(
    *shape: Any, size: Any = None, generator: Any = None, dtype: Any = None, requires_grad: bool = False,
    device: Any = None, layout: Any = None, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Numbers drawn from the normal distribution of mean 0 and variance 1.

    Parameters
    ----------
    *shape : int, or one tuple of int
        Also spelled `size`.
    generator : wengert.Generator, numpy.random.Generator or None
        None: the library's own.
    dtype : dtype, optional
        A floating one; by default the default float.
    requires_grad : bool
    device : "cpu", optional
    layout, pin_memory : optional
        Of PyTorch: there is one layout, and nothing to pin.

    Returns
    -------
    Tensor

    Raises
    ------
    TypeError
        If the dtype is not a floating one.
    ValueError
        If a length is negative.

    Examples
    --------
    >>> wg.randn(2, 3).shape
    wengert.Size([2, 3])
    """
    length, kind = shape_of("randn", shape, size), float_dtype("randn", dtype)
    value = draw(_standard_normal, numpy_generator(generator), shape=length, dtype=kind)
    return leaf("randn", value, requires_grad, device)


@tells
def randint(
    low: Any = 0, high: Any = None, size: Any = None, *, generator: Any = None, dtype: Any = None,
    requires_grad: bool = False, device: Any = None, layout: Any = None, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Integers drawn uniformly from [low, high): `randint(high, size)` or `randint(low, high, size)`.

    Parameters
    ----------
    low : int
        0 where a single bound is given: that is `high`.
    high : int
    size : tuple of int
    generator : wengert.Generator, numpy.random.Generator or None
        None: the library's own.
    dtype : dtype, optional
        By default int64; may be any.
    requires_grad : bool
    device : "cpu", optional
    layout, pin_memory : optional
        Of PyTorch: there is one layout, and nothing to pin.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If low is not below high, or the integers do not fit into the dtype.

    Examples
    --------
    >>> wg.randint(10, 11, (3,))
    tensor([10, 10, 10])
    """
    if size is None and isinstance(high, (tuple, list)):
        high, size = None, high
    if high is None:
        low, high = 0, low
    if size is None:
        raise TypeError("randint: expected a size, as in randint(10, (2, 3)) or randint(0, 10, (2, 3))")
    found = dtypes.int64 if dtype is None else dtypes.as_dtype(dtype, "randint")
    low, high, shape = integer("randint", "low", low), integer("randint", "high", high), shape_of("randint", (size,))
    if low >= high:
        raise ValueError(f"randint: expected low < high, got low={low}, high={high}")
    least, most = limits(found)
    if not max(least, -(2**63)) <= low < high <= min(most, 2**63 - 1) + 1:
        raise ValueError(f"randint: the integers from {low} to {high - 1} do not fit into {found}")
    value = draw(_integers, numpy_generator(generator), low, high, shape=shape, dtype=found)
    return leaf("randint", value, requires_grad, device)


@tells
def randperm(
    n: int, *, generator: Any = None, dtype: Any = None, requires_grad: bool = False, device: Any = None,
    layout: Any = None, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """The integers from 0 to n - 1 in random order.

    Parameters
    ----------
    n : int
    generator : wengert.Generator, numpy.random.Generator or None
        None: the library's own.
    dtype : dtype, optional
        By default int64.
    requires_grad : bool
    device : "cpu", optional
    layout, pin_memory : optional
        Of PyTorch: there is one layout, and nothing to pin.

    Returns
    -------
    Tensor
        Of shape (n,).

    Raises
    ------
    TypeError
        If n is not an integer, or the dtype is bool.
    ValueError
        If n is negative, or n - 1 does not fit into the dtype exactly.

    Examples
    --------
    >>> sorted(wg.randperm(4).tolist())
    [0, 1, 2, 3]
    """
    count = integer("randperm", "n", n)
    found: Any = dtypes.int64
    largest = 2**63 - 1
    if dtype is not None:
        found = dtypes.as_dtype(dtype, "randperm")
        if found.kind == "b":
            raise TypeError("randperm: expected a dtype of numbers, got bool")
        largest = limits(found)[1] if found.kind in "iu" else 2 ** (np.finfo(found).nmant + 1)
    if not 0 <= count <= largest + 1:
        raise ValueError(f"randperm: expected n from 0 to {largest + 1}, what {found} can tell apart, got {count}")
    value = draw(_permutation, numpy_generator(generator), n=count, dtype=found)
    return leaf("randperm", value, requires_grad, device)


@tells
def rand_like(
    x: Any, *, generator: Any = None, dtype: Any = None, requires_grad: bool = False, device: Any = None,
    layout: Any = None, pin_memory: bool = False,
    memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """Numbers drawn uniformly from [0, 1), of another tensor's shape and dtype.

    Parameters
    ----------
    x : tensor or array
    generator : wengert.Generator, numpy.random.Generator or None
        None: the library's own.
    dtype : dtype, optional
        A floating one; by default x's.
    requires_grad : bool
    device : "cpu", optional
    layout, pin_memory : optional
        Of PyTorch: there is one layout, and nothing to pin.
    memory_format : object
        Accepted as in PyTorch, of no effect.

    Returns
    -------
    Tensor

    Raises
    ------
    TypeError
        If the dtype is not a floating one.

    Examples
    --------
    >>> wg.rand_like(wg.zeros(2, 3)).shape
    wengert.Size([2, 3])
    """
    x = enter(x)
    kind = x._value.dtype
    if dtype is not None or kind.kind != "f":
        kind = float_dtype("rand_like", kind if dtype is None else dtype)
    value = draw(_uniform, numpy_generator(generator), shape=x._value.shape, dtype=kind)
    return leaf("rand_like", value, requires_grad, device)


@tells
def randn_like(
    x: Any, *, generator: Any = None, dtype: Any = None, requires_grad: bool = False, device: Any = None,
    layout: Any = None, pin_memory: bool = False,
    memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """Numbers drawn from the standard normal distribution, of another tensor's shape and dtype.

    Parameters
    ----------
    x : tensor or array
    generator : wengert.Generator, numpy.random.Generator or None
        None: the library's own.
    dtype : dtype, optional
        A floating one; by default x's.
    requires_grad : bool
    device : "cpu", optional
    layout, pin_memory : optional
        Of PyTorch: there is one layout, and nothing to pin.
    memory_format : object
        Accepted as in PyTorch, of no effect.

    Returns
    -------
    Tensor

    Raises
    ------
    TypeError
        If the dtype is not a floating one.

    Examples
    --------
    >>> wg.randn_like(wg.zeros(2, 3)).shape
    wengert.Size([2, 3])
    """
    x = enter(x)
    kind = x._value.dtype
    if dtype is not None or kind.kind != "f":
        kind = float_dtype("randn_like", kind if dtype is None else dtype)
    value = draw(_standard_normal, numpy_generator(generator), shape=x._value.shape, dtype=kind)
    return leaf("randn_like", value, requires_grad, device)


@tells
def randint_like(
    x: Any, low: int, high: int | None = None, *, generator: Any = None, dtype: Any = None, requires_grad: bool = False,
    device: Any = None, layout: Any = None, pin_memory: bool = False, memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """Integers drawn uniformly from [low, high), of another tensor's shape and dtype.

    Parameters
    ----------
    x : tensor or array
    low : int
        0 where a single bound is given: that is `high`.
    high : int
    generator : wengert.Generator, numpy.random.Generator or None
        None: the library's own.
    dtype : dtype, optional
        By default x's.
    requires_grad : bool
    device : "cpu", optional
    layout, pin_memory : optional
        Of PyTorch: there is one layout, and nothing to pin.
    memory_format : object
        Accepted as in PyTorch, of no effect.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If low is not below high, or the integers do not fit into the dtype.

    Examples
    --------
    >>> wg.random.randint_like(wg.zeros(3), 7, 8)
    tensor([7., 7., 7.])
    """
    x = enter(x)
    return randint(
        *((0, low) if high is None else (low, high)), x._value.shape, generator=generator,
        dtype=x._value.dtype if dtype is None else dtype, requires_grad=requires_grad, device=device,
    )  # fmt: skip


@tells
def normal(
    mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, generator: Any = None, dtype: Any = None,
    requires_grad: bool = False, device: Any = None, layout: Any = None, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Numbers drawn from normal distributions.

    Parameters
    ----------
    mean, std : number or tensor
        Mean and standard deviation. Two numbers go with a size; a tensor brings its shape, and two broadcast.
    size : tuple of int, optional
    generator : wengert.Generator, numpy.random.Generator or None
        None: the library's own.
    dtype : dtype, optional
        A floating one; by default that of the first tensor, or the default float.
    requires_grad : bool
    device : "cpu", optional
    layout, pin_memory : optional
        Of PyTorch: there is one layout, and nothing to pin.

    Returns
    -------
    Tensor
        A constant, also if `mean` or `std` requires gradients.

    Raises
    ------
    TypeError
        If the size is missing, or the dtype is not a floating one.
    ValueError
        If a standard deviation is negative, or the shapes do not broadcast.

    Examples
    --------
    >>> wg.normal(5., 0., (2,))
    tensor([5., 5.])
    >>> wg.normal(wg.tensor([1., 2.]), 0.)
    tensor([1., 2.])
    """
    if size is not None:
        mean, std = number("normal", "mean", mean), number("normal", "std", std)
        shape = shape_of("normal", (size,))
    else:
        mean, std = (enter(x) if isinstance(x, np.ndarray) else x for x in (mean, std))
        given = [x for x in (mean, std) if isinstance(x, Variable)]
        if not given:
            raise TypeError("normal: expected a size with two numbers, as in normal(0, 1, (2, 3))")
        for x in given:
            require_unfollowed(x, "the mean or spread of random numbers (mean + std * wg.randn(...) has a derivative)")
        shape = broadcast_shape("normal", *(x._value.shape for x in given))
        dtype = given[0]._value.dtype if dtype is None else dtype
    kind = float_dtype("normal", dtype)
    value = draw(_normal, numpy_generator(generator), mean, std, shape=shape, dtype=kind, name="normal")
    return leaf("normal", value, requires_grad, device)


@tells
def bernoulli(x: Any, p: float | None = None, *, generator: Any = None) -> Tensor:
    """Ones with given probabilities, zeros otherwise.

    Parameters
    ----------
    x : tensor
        The probability of each one; with `p`, only the shape and dtype count.
    p : float, optional
        One probability for all.
    generator : wengert.Generator, numpy.random.Generator or None
        None: the library's own.

    Returns
    -------
    Tensor
        Of x's shape and dtype.

    Raises
    ------
    TypeError
        If the probabilities are not floats.
    ValueError
        If a probability is not in [0, 1].

    Examples
    --------
    >>> wg.bernoulli(wg.tensor([0., 1.]))
    tensor([0., 1.])
    """
    x = enter(x)
    shape, dtype = x._value.shape, x._value.dtype
    if p is None and dtype.kind != "f":
        raise TypeError(f"bernoulli: expected probabilities of a floating dtype, got {dtype}")
    chance = x if p is None else number("bernoulli", "p", p)
    return draw(_heads, numpy_generator(generator), chance, shape=shape, dtype=dtype, name="bernoulli")


@tells
def multinomial(x: Any, num_samples: int, replacement: bool = False, *, generator: Any = None) -> Tensor:
    """Indices drawn in proportion to weights.

    Parameters
    ----------
    x : tensor
        Weights of shape (n,), or a row of them per distribution, (rows, n); they need not add up to 1.
    num_samples : int
        Drawn from each row.
    replacement : bool
        Whether an index can be drawn again.
    generator : wengert.Generator, numpy.random.Generator or None
        None: the library's own.

    Returns
    -------
    Tensor
        int64, of shape (num_samples,) or (rows, num_samples).

    Raises
    ------
    TypeError
        If the weights are not floats.
    ValueError
        If x has another shape, a weight is negative or not finite, a row has no weight above 0 (without replacement,
        fewer than `num_samples`), or `num_samples` is not positive.

    Notes
    -----
    With replacement, by inversion of the cumulative weights; without, the smallest of exponential times of rates x
    (Efraimidis and Spirakis 2006).

    Examples
    --------
    >>> wg.multinomial(wg.tensor([0., 3., 0.]), 2, replacement=True)
    tensor([1, 1])
    """
    x = enter(x)
    count = integer("multinomial", "num_samples", num_samples)
    if x._value.dtype.kind != "f":
        raise TypeError(f"multinomial: expected weights of a floating dtype, got {x._value.dtype}")
    if x._value.ndim not in (1, 2):
        raise ValueError(f"multinomial: expected weights of one or two dimensions, got shape {x._value.shape}")
    if count < 1:
        raise ValueError(f"multinomial: expected num_samples of at least 1, got {count}")
    return draw(_places, numpy_generator(generator), x, count=count, replacement=bool(replacement))


def _places(source: np.random.Generator, weights: np.ndarray, count: int, replacement: bool) -> np.ndarray:
    """Indices drawn from each row of weights."""
    rows = np.atleast_2d(weights).astype(np.float64)
    if not np.all((rows >= 0) & (rows < math.inf)):
        raise ValueError("multinomial: expected weights that are finite and not negative")
    needed = 1 if replacement else count
    fewest = np.min(np.count_nonzero(rows, axis=-1), initial=rows.shape[-1])
    if fewest < needed:
        raise ValueError(
            f"multinomial: {count} draw(s) {'with' if replacement else 'without'} replacement need at least {needed} "
            f"weight(s) above 0 in every row, got {fewest}"
        )
    places = (_with_replacement if replacement else _without_replacement)(source, rows, count)
    return places.reshape(*weights.shape[:-1], count)


def _with_replacement(source: np.random.Generator, rows: np.ndarray, count: int) -> np.ndarray:
    sums = (rows / rows.max(axis=1, keepdims=True)).cumsum(axis=1)
    places = source.random((len(rows), count)) * sums[:, -1:]  # below the last sum, as random() is below 1
    out = np.empty(places.shape, np.int64)
    for k in range(len(rows)):
        out[k] = np.searchsorted(sums[k], places[k], side="right")
    return out


def _without_replacement(source: np.random.Generator, rows: np.ndarray, count: int) -> np.ndarray:
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        times = source.standard_exponential(rows.shape) / rows
    times = np.where(rows > 0, np.minimum(times, np.finfo(np.float64).max), np.inf)
    return np.argsort(times, axis=1, kind="stable")[:, :count].astype(np.int64, copy=False)


# ---------------------------------------------------------------- in place


def uniform_(x: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Fill a tensor with numbers drawn uniformly from [a, b).

    Parameters
    ----------
    x : tensor
        Of a floating dtype.
    a, b : float
    generator : wengert.Generator, numpy.random.Generator or None
        None: the library's own.

    Returns
    -------
    Tensor
        x.

    Raises
    ------
    TypeError
        If x is not a floating tensor.
    ValueError
        If a > b, or the interval does not fit into the dtype.
    RuntimeError
        If x is a leaf that requires gradients, while recording.

    Examples
    --------
    >>> wg.random.uniform_(wg.empty(2), 3., 3.)
    tensor([3., 3.])
    """
    dtype = float_dtype("uniform_", x._value.dtype)
    low, high = number("uniform_", "a", a), number("uniform_", "b", b)
    least, most = limits(dtype)
    if not (least <= low <= high <= most and high - low <= most):
        raise ValueError(f"uniform_: expected an interval [a, b) of {dtype} numbers, got a={low}, b={high}")
    value = draw(_uniform_between, numpy_generator(generator), shape=x._value.shape, dtype=dtype, low=low, high=high)
    return rewrite(x, "uniform_", lambda old: value)


def normal_(x: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """Fill a tensor with numbers drawn from a normal distribution.

    Parameters
    ----------
    x : tensor
        Of a floating dtype.
    mean, std : float
    generator : wengert.Generator, numpy.random.Generator or None
        None: the library's own.

    Returns
    -------
    Tensor
        x.

    Raises
    ------
    TypeError
        If x is not a floating tensor.
    ValueError
        If `std` is negative.
    RuntimeError
        If x is a leaf that requires gradients, while recording.

    Examples
    --------
    >>> wg.random.normal_(wg.empty(2), 5., 0.)
    tensor([5., 5.])
    """
    dtype = float_dtype("normal_", x._value.dtype)
    mean, std = number("normal_", "mean", mean), number("normal_", "std", std)
    source, shape = numpy_generator(generator), x._value.shape
    value = draw(_normal, source, mean, std, shape=shape, dtype=dtype, name="normal_")
    return rewrite(x, "normal_", lambda old: value)


def bernoulli_(x: Tensor, p: Any = 0.5, generator: Any = None) -> Tensor:
    """Fill a tensor with ones of given probability, and zeros.

    Parameters
    ----------
    x : tensor
        Of any dtype.
    p : float or tensor
        A tensor is of a floating dtype and broadcasts to x's shape.
    generator : wengert.Generator, numpy.random.Generator or None
        None: the library's own.

    Returns
    -------
    Tensor
        x.

    Raises
    ------
    TypeError
        If the probabilities are not floats.
    ValueError
        If a probability is not in [0, 1], or the shapes do not broadcast.
    RuntimeError
        If x is a leaf that requires gradients, while recording.

    Examples
    --------
    >>> wg.random.bernoulli_(wg.empty(2), 1.)
    tensor([1., 1.])
    """
    shape = x._value.shape
    if isinstance(p, (Variable, np.ndarray)):
        p = enter(p)
        if p._value.dtype.kind != "f":
            raise TypeError(f"bernoulli_: expected probabilities of a floating dtype, got {p._value.dtype}")
        if broadcast_shape("bernoulli_", shape, p._value.shape) != shape:
            raise ValueError(f"bernoulli_: probabilities of shape {p._value.shape} do not broadcast to {shape}")
    else:
        p = number("bernoulli_", "p", p)
    value = draw(_heads, numpy_generator(generator), p, shape=shape, dtype=x._value.dtype, name="bernoulli_")
    return rewrite(x, "bernoulli_", lambda old: value)


def exponential_(x: Tensor, lambd: float = 1.0, generator: Any = None) -> Tensor:
    """Fill a tensor with numbers drawn from the exponential distribution.

    Parameters
    ----------
    x : tensor
        Of a floating dtype.
    lambd : float
        The rate: the mean is 1 / lambd.
    generator : wengert.Generator, numpy.random.Generator or None
        None: the library's own.

    Returns
    -------
    Tensor
        x.

    Raises
    ------
    TypeError
        If x is not a floating tensor.
    ValueError
        If the rate is not positive.
    RuntimeError
        If x is a leaf that requires gradients, while recording.

    Examples
    --------
    >>> bool((wg.random.exponential_(wg.empty(5)) >= 0).all())
    True
    """
    dtype = float_dtype("exponential_", x._value.dtype)
    rate = number("exponential_", "lambd", lambd)
    if not rate > 0:
        raise ValueError(f"exponential_: expected a rate above 0, got {rate}")
    value = draw(_exponential, numpy_generator(generator), shape=x._value.shape, dtype=dtype, rate=rate)
    return rewrite(x, "exponential_", lambda old: value)
