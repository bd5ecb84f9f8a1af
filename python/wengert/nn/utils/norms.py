"""Weights that are computed before each forward pass: of a direction and a length, or over a largest singular value."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.doors import change, constant
from ...core.modes import recording
from ...ops.norms import norm
from ...ops.products import dot, mv
from ...ops.shape import clone, permute, reshape
from .. import functional as F
from .. import init
from ..modules.convolution import ConvTranspose1d, ConvTranspose2d
from ..modules.module import Module
from ..modules.parameter import Parameter, UninitializedParameter


def _parameter(function: str, module: Module, name: str) -> Any:
    """A parameter with a size, that has not been replaced by the same function."""
    weight = module._parameters.get(name)
    if any(isinstance(hook, (WeightNorm, SpectralNorm)) and hook.name == name for hook in hooks_of(module)):
        raise RuntimeError(f"{function}: {type(module).__name__}.{name} is computed before each forward pass already")
    if weight is None:
        raise ValueError(
            f"{function}: {type(module).__name__} has no parameter {name!r}, only "
            f"{', '.join(map(repr, module._parameters)) or 'none'}"
        )
    if isinstance(weight, UninitializedParameter):
        raise ValueError(f"{function}: {name!r} has no size yet; run one batch through the module first")
    return weight


def hooks_of(module: Module) -> list[Any]:
    """What is called before a module's forward passes."""
    return [hook for hook, _ in module._forward_pre_hooks.values()]


def _remove(function: str, kind: Any, module: Module, name: str) -> Any:
    """Take away the hook of a kind that computes a weight."""
    for key, (hook, _) in list(module._forward_pre_hooks.items()):
        if isinstance(hook, kind) and hook.name == name:
            del module._forward_pre_hooks[key]
            return hook
    raise ValueError(f"{function}: {type(module).__name__}.{name} is not computed by such a norm")


def norm_except_dim(v: Any, dim: int) -> Any:
    """The Euclidean norms of a tensor over all dimensions but one; over all, as one number, for -1."""
    ndim = v._value.ndim
    if dim == -1:
        return norm(v)
    if not -ndim <= dim < ndim:
        raise IndexError(f"weight_norm: dimension {dim} is out of range for a weight of {ndim} dimension(s)")
    others = tuple(d for d in range(ndim) if d != dim % ndim)
    return norm(v, 2.0, others, True) if others else norm(reshape(v, (-1, 1)), 2.0, 1)


# ---------------------------------------------------------------- of a length


class WeightNorm:
    """The hook of `weight_norm`: a weight of two parameters, its direction and its length."""

    def __init__(self, name: str, dim: int) -> None:
        self.name, self.dim = name, dim

    def compute_weight(self, module: Module) -> Any:
        """The weight."""
        g, v = getattr(module, f"{self.name}_g"), getattr(module, f"{self.name}_v")
        return v * (g / norm_except_dim(v, self.dim))

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Let a weight be g v / |v|, of a length g and a direction v that are trained in its place (Salimans and Kingma
    2016).

    The parameter ``weight`` is replaced by ``weight_g`` and ``weight_v``, of which it is computed before each forward
    pass.

    Parameters
    ----------
    module : Module
    name : str
        The parameter's.
    dim : int or None
        Each slice along it has a length of its own; None: there is one length.

    Returns
    -------
    Module
        `module`.

    Raises
    ------
    ValueError
        If there is no such parameter, or it has no size yet.
    RuntimeError
        If it is computed already.

    Examples
    --------
    >>> layer = wg.nn.utils.weight_norm(wg.nn.Linear(20, 40))
    >>> layer.weight_g.shape, layer.weight_v.shape
    (wengert.Size([40, 1]), wengert.Size([40, 20]))
    """
    weight = _parameter("weight_norm", module, name)
    hook = WeightNorm(name, -1 if dim is None else dim)
    with recording(False):
        g = norm_except_dim(weight, hook.dim)
    delattr(module, name)
    module.register_parameter(f"{name}_g", Parameter(g))
    module.register_parameter(f"{name}_v", Parameter(weight.detach()))
    setattr(module, name, hook.compute_weight(module))
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module: Any, name: str = "weight") -> Any:
    """Undo `weight_norm`: the weight is a parameter again, with the items that it has.

    Parameters
    ----------
    module : Module
    name : str

    Returns
    -------
    Module
        `module`.

    Raises
    ------
    ValueError
        If the weight is not computed so.

    Examples
    --------
    >>> layer = wg.nn.utils.weight_norm(wg.nn.Linear(2, 3))
    >>> list(wg.nn.utils.remove_weight_norm(layer).state_dict())
    ['bias', 'weight']
    """
    hook = _remove("remove_weight_norm", WeightNorm, module, name)
    with recording(False):
        weight = hook.compute_weight(module)
    for attribute in (name, f"{name}_g", f"{name}_v"):
        delattr(module, attribute)
    module.register_parameter(name, Parameter(weight))
    return module


# ---------------------------------------------------------------- of a largest singular value


def as_matrix(weight: Any, dim: int) -> Any:
    """A weight with one dimension in front, and all others as one."""
    ndim, shape = weight._value.ndim, weight._value.shape
    if not -ndim <= dim < ndim:
        raise IndexError(f"spectral_norm: dimension {dim} is out of range for a weight of {ndim} dimension(s)")
    dim %= ndim
    order = (dim, *(d for d in range(ndim) if d != dim))
    moved = weight if dim == 0 else permute(weight, order)
    return reshape(moved, (shape[dim], int(np.prod(shape, dtype=np.int64)) // max(shape[dim], 1)))


def _unit(x: np.ndarray, eps: float) -> np.ndarray:
    return np.asarray(x / max(float(np.linalg.norm(x)), eps))


def _iterate(*arrays: np.ndarray, count: int, eps: float, left_first: bool) -> None:
    """Move vectors u and v towards the first singular ones of a matrix."""
    u, v, weight = arrays
    for _ in range(count):
        if left_first:
            u[...] = _unit(weight @ v, eps)
        v[...] = _unit(weight.T @ u, eps)
        if not left_first:
            u[...] = _unit(weight @ v, eps)


def iterate(u: Any, v: Any, matrix: Any, count: int, eps: float, left_first: bool = False) -> None:
    """Move vectors u and v, in place, towards the first singular ones of a matrix."""
    change("spectral_norm", (u, v), _iterate, matrix.detach(), count=count, eps=eps, left_first=left_first)


def first_vectors(weight: Any, dim: int, eps: float) -> tuple[Any, Any]:
    """Random vectors of length 1, for the rows and the columns of a weight as a matrix."""
    found = []
    for n in as_matrix(weight.detach(), dim)._value.shape:
        x = constant(np.empty, n, weight._value.dtype)
        found.append(F.normalize(init.normal_(x), dim=0, eps=eps))
    return found[0], found[1]


def over_largest(weight: Any, u: Any, v: Any, dim: int) -> Any:
    """A weight over u' W v: by the vectors as they are now, whatever becomes of them before a walk."""
    u, v = clone(u.detach()), clone(v.detach())
    return weight / dot(u, mv(as_matrix(weight, dim), v))


class SpectralNorm:
    """The hook of `spectral_norm`: a weight over its largest singular value, which is estimated by iteration."""

    def __init__(self, name: str, n_power_iterations: int, dim: int, eps: float) -> None:
        self.name, self.n_power_iterations, self.dim, self.eps = name, n_power_iterations, dim, eps

    def compute_weight(self, module: Module, do_power_iteration: bool) -> Any:
        """The weight, after the vectors have been moved where that is asked for."""
        weight, u, v = (getattr(module, self.name + suffix) for suffix in ("_orig", "_u", "_v"))
        if do_power_iteration:
            iterate(u, v, as_matrix(weight.detach(), self.dim), self.n_power_iterations, self.eps)
        return over_largest(weight, u, v, self.dim)

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module, module.training))


def default_dim(module: Module) -> int:
    """The dimension of a weight's outputs."""
    return 1 if isinstance(module, (ConvTranspose1d, ConvTranspose2d)) else 0


def spectral_norm(
    module: Any, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Any:
    """Let a weight be divided by its largest singular value (Miyato et al. 2018).

    The parameter ``weight`` is replaced by ``weight_orig``; the buffers ``weight_u`` and ``weight_v`` are moved towards
    the first singular vectors by each forward pass in training.

    Parameters
    ----------
    module : Module
    name : str
        The parameter's.
    n_power_iterations : int
        How often the vectors are moved.
    eps : float
        Lengths are taken to be at least this.
    dim : int or None
        The dimension of the outputs; None: 1 of transposed convolutions, else 0.

    Returns
    -------
    Module
        `module`.

    Raises
    ------
    ValueError
        If there is no such parameter, it has no size yet, or the iterations are not positive.
    RuntimeError
        If it is computed already.

    Examples
    --------
    >>> layer = wg.nn.utils.spectral_norm(wg.nn.Linear(20, 40))
    >>> layer.weight_orig.shape, layer.weight_u.shape, layer.weight_v.shape
    (wengert.Size([40, 20]), wengert.Size([40]), wengert.Size([20]))
    """
    if n_power_iterations <= 0:
        raise ValueError(f"spectral_norm: expected n_power_iterations of at least 1, got {n_power_iterations}")
    weight = _parameter("spectral_norm", module, name)
    hook = SpectralNorm(name, n_power_iterations, default_dim(module) if dim is None else dim, eps)
    u, v = first_vectors(weight, hook.dim, eps)
    delattr(module, name)
    module.register_parameter(f"{name}_orig", weight)
    setattr(module, name, weight.detach())
    module.register_buffer(f"{name}_u", u)
    module.register_buffer(f"{name}_v", v)
    module.register_forward_pre_hook(hook)
    return module


def remove_spectral_norm(module: Any, name: str = "weight") -> Any:
    """Undo `spectral_norm`: the weight is a parameter again, with the items that it has.

    Parameters
    ----------
    module : Module
    name : str

    Returns
    -------
    Module
        `module`.

    Raises
    ------
    ValueError
        If the weight is not computed so.

    Examples
    --------
    >>> layer = wg.nn.utils.spectral_norm(wg.nn.Linear(2, 3))
    >>> list(wg.nn.utils.remove_spectral_norm(layer).state_dict())
    ['bias', 'weight']
    """
    hook = _remove("remove_spectral_norm", SpectralNorm, module, name)
    with recording(False):
        weight = hook.compute_weight(module, False)
    for suffix in ("", "_u", "_v", "_orig"):
        delattr(module, name + suffix)
    module.register_parameter(name, Parameter(weight.detach()))
    return module
