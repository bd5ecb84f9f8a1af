"""Starting values of parameters. Each function fills a tensor in place, unrecorded, and returns it.

For a weight (out, in) the fan-in is `in` and the fan-out `out`; further dimensions multiply both.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd import no_grad
from ..core.doors import change, constant, draw
from ..core.missing import explain
from ..ops import random


def _fill(name: str, tensor: Any, values: Any) -> Any:
    change(name, (tensor,), _assign, values)
    return tensor


def _assign(array: np.ndarray, values: Any) -> None:
    with np.errstate(over="ignore"):  # what float16 does not hold is infinite
        array[...] = values


def uniform_(tensor: Any, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Any:
    """Numbers drawn uniformly from [a, b).

    Parameters
    ----------
    tensor : tensor
    a, b : float
    generator : wengert.Generator or None
        None: the library's own.

    Returns
    -------
    Tensor
        The tensor itself.

    Examples
    --------
    >>> w = wg.nn.init.uniform_(wg.empty(3, 5), -1, 1)
    >>> bool((w.abs() <= 1).numpy().all())
    True
    """
    with no_grad():
        return random.uniform_(tensor, a, b, generator)


def normal_(tensor: Any, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Any:
    """Numbers drawn from the normal distribution.

    Parameters
    ----------
    tensor : tensor
    mean, std : float
    generator : wengert.Generator or None
        None: the library's own.

    Returns
    -------
    Tensor
        The tensor itself.

    Examples
    --------
    >>> wg.nn.init.normal_(wg.empty(3, 5), std=0.01).shape
    wengert.Size([3, 5])
    """
    with no_grad():
        return random.normal_(tensor, mean, std, generator)


def trunc_normal_(
    tensor: Any, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, generator: Any = None
) -> Any:
    """Numbers drawn from the normal distribution restricted to [a, b]; what falls outside is drawn again.

    Parameters
    ----------
    tensor : tensor
    mean, std, a, b : float
        The limits are values, not multiples of std.
    generator : wengert.Generator or None
        None: the library's own.

    Returns
    -------
    Tensor
        The tensor itself.

    Raises
    ------
    ValueError
        If [a, b] is empty or lies more than 4 std from the mean, where drawing again would take too long.

    Examples
    --------
    >>> bool(wg.nn.init.trunc_normal_(wg.empty(100)).abs().amax() <= 2)
    True
    """
    if not a < b or mean + 4 * std < a or mean - 4 * std > b:
        raise ValueError(
            f"trunc_normal_: expected limits a < b within 4 std of the mean, got [{a}, {b}], mean {mean}, std {std}"
        )
    source, shape = random.numpy_generator(generator), tensor._value.shape
    return _fill("trunc_normal_", tensor, draw(_truncated, source, shape=shape, mean=mean, std=std, a=a, b=b))


def _truncated(
    source: np.random.Generator, shape: tuple[int, ...], mean: float, std: float, a: float, b: float
) -> np.ndarray:
    found = source.standard_normal(math.prod(shape)) * std + mean
    outside = np.flatnonzero((found < a) | (found > b))
    while outside.size:
        found[outside] = source.standard_normal(outside.size) * std + mean
        outside = outside[(found[outside] < a) | (found[outside] > b)]
    return found.reshape(shape)


def constant_(tensor: Any, val: float) -> Any:
    """One number everywhere.

    Parameters
    ----------
    tensor : tensor
    val : float

    Returns
    -------
    Tensor
        The tensor itself.

    Examples
    --------
    >>> wg.nn.init.constant_(wg.empty(2), 0.5)
    tensor([0.5000, 0.5000])
    """
    return _fill("constant_", tensor, val)


def zeros_(tensor: Any) -> Any:
    """Zeros.

    Parameters
    ----------
    tensor : tensor
        Filled in place.

    Returns
    -------
    Tensor
        The same one.

    Examples
    --------
    >>> wg.nn.init.zeros_(wg.empty(2))
    tensor([0., 0.])
    """
    return _fill("zeros_", tensor, 0)


def ones_(tensor: Any) -> Any:
    """Ones.

    Parameters
    ----------
    tensor : tensor
        Filled in place.

    Returns
    -------
    Tensor
        The same one.

    Examples
    --------
    >>> wg.nn.init.ones_(wg.empty(2))
    tensor([1., 1.])
    """
    return _fill("ones_", tensor, 1)


def eye_(tensor: Any) -> Any:
    """The identity matrix, as far as the shape has room for it.

    Parameters
    ----------
    tensor : tensor
        Of two dimensions; it is changed.

    Returns
    -------
    Tensor
        The tensor.

    Raises
    ------
    ValueError
        If the tensor is not a matrix.

    Examples
    --------
    >>> wg.nn.init.eye_(wg.empty(2, 3))
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    if tensor._value.ndim != 2:
        raise ValueError(f"eye_: expected a matrix, got shape {tensor._value.shape}")
    return _fill("eye_", tensor, constant(np.eye, *tensor._value.shape))


def _fans(name: str, tensor: Any) -> tuple[int, int]:
    """Fan-in and fan-out."""
    shape = tensor._value.shape
    if len(shape) < 2:
        raise ValueError(f"{name}: expected a weight of at least two dimensions, (out, in, ...), got shape {shape}")
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def xavier_uniform_(tensor: Any, gain: float = 1.0, generator: Any = None) -> Any:
    """Uniform on +-gain sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010).

    Parameters
    ----------
    tensor : tensor
        A weight (out, in, ...).
    gain : float
        See `calculate_gain`.
    generator : wengert.Generator or None
        None: the library's own.

    Returns
    -------
    Tensor
        The tensor itself.

    Raises
    ------
    ValueError
        If it has fewer than two dimensions.

    Examples
    --------
    >>> bool(wg.nn.init.xavier_uniform_(wg.empty(3, 3)).abs().amax() <= 1)
    True
    """
    bound = gain * math.sqrt(6 / sum(_fans("xavier_uniform_", tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Any, gain: float = 1.0, generator: Any = None) -> Any:
    """Normal with standard deviation gain sqrt(2 / (fan_in + fan_out)) (Glorot and Bengio 2010).

    Parameters
    ----------
    tensor : tensor
        A weight (out, in, ...).
    gain : float
        See `calculate_gain`.
    generator : wengert.Generator or None
        None: the library's own.

    Returns
    -------
    Tensor
        The tensor itself.

    Raises
    ------
    ValueError
        If it has fewer than two dimensions.

    Examples
    --------
    >>> wg.nn.init.xavier_normal_(wg.empty(3, 5)).shape
    wengert.Size([3, 5])
    """
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(_fans("xavier_normal_", tensor))), generator)


def _kaiming_std(name: str, tensor: Any, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f'{name}: expected mode "fan_in" or "fan_out", got {mode!r}')
    fan_in, fan_out = _fans(name, tensor)
    fan = fan_in if mode == "fan_in" else fan_out
    return calculate_gain(nonlinearity, a) / math.sqrt(fan) if fan else 0.0


def kaiming_uniform_(
    tensor: Any, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> Any:
    """Uniform on +-gain sqrt(3 / fan) (He et al. 2015).

    Parameters
    ----------
    tensor : tensor
        A weight (out, in, ...).
    a : float
        The negative slope of the leaky ReLU that follows.
    mode : {"fan_in", "fan_out"}
        Which keeps its variance: the forward pass, or the backward pass.
    nonlinearity : str
        See `calculate_gain`.
    generator : wengert.Generator or None
        None: the library's own.

    Returns
    -------
    Tensor
        The tensor itself.

    Raises
    ------
    ValueError
        If it has fewer than two dimensions, or mode or nonlinearity is unknown.

    Examples
    --------
    >>> w = wg.nn.init.kaiming_uniform_(wg.empty(3, 6), nonlinearity="relu")
    >>> bool(w.abs().amax() <= 1)
    True
    """
    bound = math.sqrt(3) * _kaiming_std("kaiming_uniform_", tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Any, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> Any:
    """Normal with standard deviation gain / sqrt(fan) (He et al. 2015).

    Parameters
    ----------
    tensor : tensor
        A weight (out, in, ...).
    a : float
        The negative slope of the leaky ReLU that follows.
    mode : {"fan_in", "fan_out"}
        Which keeps its variance: the forward pass, or the backward pass.
    nonlinearity : str
        See `calculate_gain`.
    generator : wengert.Generator or None
        None: the library's own.

    Returns
    -------
    Tensor
        The tensor itself.

    Raises
    ------
    ValueError
        If it has fewer than two dimensions, or mode or nonlinearity is unknown.

    Examples
    --------
    >>> wg.nn.init.kaiming_normal_(wg.empty(3, 5)).shape
    wengert.Size([3, 5])
    """
    return normal_(tensor, 0.0, _kaiming_std("kaiming_normal_", tensor, a, mode, nonlinearity), generator)


def orthogonal_(tensor: Any, gain: float = 1.0, generator: Any = None) -> Any:
    """A random matrix with orthonormal rows or columns, whichever are fewer, times `gain` (Saxe et al. 2014).

    Parameters
    ----------
    tensor : tensor
        Of at least two dimensions; all but the first count as one.
    gain : float
    generator : wengert.Generator or None
        None: the library's own.

    Returns
    -------
    Tensor
        The tensor itself.

    Raises
    ------
    ValueError
        If it has fewer than two dimensions.

    Examples
    --------
    >>> w = wg.nn.init.orthogonal_(wg.empty(2, 3, dtype=wg.float64))
    >>> bool(((w @ w.T - wg.eye(2)).abs() < 1e-12).numpy().all())
    True
    """
    _fans("orthogonal_", tensor)
    source, shape = random.numpy_generator(generator), tensor._value.shape
    return _fill("orthogonal_", tensor, draw(_orthogonal, source, shape=shape, gain=gain))


def _orthogonal(source: np.random.Generator, shape: tuple[int, ...], gain: float) -> np.ndarray:
    rows, columns = shape[0], math.prod(shape[1:])
    q, r = np.linalg.qr(source.standard_normal((max(rows, columns), min(rows, columns))))
    q *= np.sign(np.diagonal(r))  # makes the factorisation unique, and so the distribution uniform
    found: np.ndarray = gain * (q if rows >= columns else q.T).reshape(shape)
    return found


def dirac_(tensor: Any, groups: int = 1) -> Any:
    """The weight of a convolution that passes its channels on: 1 in the middle of the kernels from a channel to itself.

    Parameters
    ----------
    tensor : tensor
        (out, in, ...), of three to five dimensions.
    groups : int
        A divisor of `out`: each group passes on its own channels.

    Returns
    -------
    Tensor
        The tensor itself.

    Raises
    ------
    ValueError
        If there are other than three to five dimensions, or the groups do not fit.

    Examples
    --------
    >>> wg.nn.init.dirac_(wg.empty(1, 1, 3))
    tensor([[[0., 1., 0.]]])
    """
    shape = tensor._value.shape
    if not 3 <= len(shape) <= 5 or groups < 1 or shape[0] % groups:
        raise ValueError(f"dirac_: expected a weight (out, in, ...) of 3 to 5 dimensions, got {shape}, groups={groups}")
    return _fill("dirac_", tensor, constant(_passing, shape, groups))


def _passing(shape: tuple[int, ...], groups: int) -> np.ndarray:
    weight = np.zeros(shape)
    each, middle = shape[0] // groups, tuple([n // 2 for n in shape[2:]])
    for k in range(min(each, shape[1])):
        places: tuple[Any, ...] = (slice(k, None, each), k, *middle)
        weight[places] = 1
    return weight


def sparse_(tensor: Any, sparsity: float, std: float = 0.01, generator: Any = None) -> Any:
    """Normal numbers, of which a share in each column is set to 0 (Martens 2010).

    Parameters
    ----------
    tensor : tensor
        (rows, columns)
    sparsity : float
        The share, rounded up to whole items.
    std : float
    generator : wengert.Generator or None
        None: the library's own.

    Returns
    -------
    Tensor
        The tensor itself.

    Raises
    ------
    ValueError
        If it is no matrix, or the share is not in [0, 1].

    Examples
    --------
    >>> int((wg.nn.init.sparse_(wg.empty(4, 3), 0.5) == 0).sum())
    6
    """
    shape = tensor._value.shape
    if len(shape) != 2 or not 0 <= sparsity <= 1:
        raise ValueError(f"sparse_: expected a matrix and a share in [0, 1], got shape {shape} and {sparsity}")
    source = random.numpy_generator(generator)
    return _fill("sparse_", tensor, draw(_thinned, source, shape=shape, sparsity=float(sparsity), std=float(std)))


def _thinned(source: np.random.Generator, shape: tuple[int, ...], sparsity: float, std: float) -> np.ndarray:
    weight = source.standard_normal(shape) * std
    for column in weight.T:
        column[source.permutation(shape[0])[: math.ceil(sparsity * shape[0])]] = 0
    return weight


_GAINS = {"linear": 1.0, "identity": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4}
_GAINS |= {f"conv{kind}{d}d": 1.0 for kind in ("", "_transpose") for d in (1, 2, 3)}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By how much weights should be larger to make up for what a nonlinearity takes from the variance.

    Parameters
    ----------
    nonlinearity : {"linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"}
    param : float or None
        The negative slope of "leaky_relu"; None: 0.01.

    Returns
    -------
    float
        1 (linear, sigmoid), 5/3 (tanh), sqrt(2) (relu), sqrt(2 / (1 + slope^2)) (leaky_relu), 3/4 (selu).

    Raises
    ------
    ValueError
        If the nonlinearity is unknown.

    Examples
    --------
    >>> wg.nn.init.calculate_gain("tanh")
    1.6666666666666667
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in _GAINS:
        raise ValueError(f"calculate_gain: expected one of {', '.join(_GAINS)}, leaky_relu, got {nonlinearity!r}")
    return _GAINS[nonlinearity]


explain(__name__)
