"""Weights with a length, or a largest singular value, of their own, as parametrizations (`parametrize`)."""

from __future__ import annotations

from typing import Any

from ..functional import normalize
from ..modules.module import Module
from .norms import as_matrix, default_dim, first_vectors, iterate, norm_except_dim, over_largest
from .parametrize import register_parametrization

__all__ = ["spectral_norm", "weight_norm"]


class _WeightNorm(Module):
    """g v / |v|, of a length and a direction."""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Any, weight_v: Any) -> Any:
        return weight_v * (weight_g / norm_except_dim(weight_v, self.dim))

    def right_inverse(self, weight: Any) -> tuple[Any, Any]:
        return norm_except_dim(weight, self.dim), weight


class _SpectralNorm(Module):
    """A weight over its largest singular value, which is estimated by iteration."""

    def __init__(self, weight: Any, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        if n_power_iterations <= 0:
            raise ValueError(f"spectral_norm: expected n_power_iterations of at least 1, got {n_power_iterations}")
        self.dim, self.eps = dim, eps
        if weight.ndim > 1:
            self.n_power_iterations = n_power_iterations
            u, v = first_vectors(weight, dim, eps)
            self.register_buffer("_u", u)
            self.register_buffer("_v", v)
            self._iterate(weight, 15)

    def _iterate(self, weight: Any, count: int) -> None:
        iterate(self._u, self._v, as_matrix(weight.detach(), self.dim), count, self.eps, left_first=True)

    def forward(self, weight: Any) -> Any:
        if weight.ndim == 1:
            return normalize(weight, dim=0, eps=self.eps)
        if self.training:
            self._iterate(weight, self.n_power_iterations)
        return over_largest(weight, self._u, self._v, self.dim)

    def right_inverse(self, value: Any) -> Any:
        return value


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Let a weight be g v / |v|, of a length g and a direction v that are trained in its place (Salimans and Kingma
    2016).

    The state has ``parametrizations.weight.original0``, the length, and ``original1``, the direction.

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
        If there is no such parameter.

    Examples
    --------
    >>> wg.nn.utils.parametrizations.weight_norm(wg.nn.Linear(2, 3))
    ParametrizedLinear(
      in_features=2, out_features=3, bias=True
      (parametrizations): ModuleDict(
        (weight): ParametrizationList(
          (0): _WeightNorm()
        )
      )
    )
    """
    return register_parametrization(module, name, _WeightNorm(dim), unsafe=True)


def spectral_norm(
    module: Any, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Any:
    """Let a weight be divided by its largest singular value (Miyato et al. 2018), which is estimated by a step of
    iteration whenever the weight is asked for in training.

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
        If there is no such parameter, or the iterations are not positive.

    Examples
    --------
    >>> layer = wg.nn.utils.parametrizations.spectral_norm(wg.nn.Linear(2, 3))
    >>> [name for name in layer.state_dict() if "_" in name]
    ['parametrizations.weight.0._u', 'parametrizations.weight.0._v']
    """
    weight = getattr(module, name, None)
    if weight is None:
        raise ValueError(f"spectral_norm: {type(module).__name__} has no parameter {name!r}")
    found = _SpectralNorm(weight, n_power_iterations, default_dim(module) if dim is None else dim, eps)
    return register_parametrization(module, name, found)
