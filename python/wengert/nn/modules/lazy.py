"""Lazy layers: their parameters have no size until a first input tells it, and from then on they are usual layers."""

from __future__ import annotations

from typing import Any

from .module import Module
from .parameter import UninitializedParameter


class Lazy(Module):
    """Beside the class of a layer: that layer before it has seen an input; then it becomes one of class `_ready`."""

    _ready: type[Module]

    def has_uninitialized_params(self) -> bool:
        """Whether there is a parameter or a buffer without a size."""
        held = (*self._parameters.values(), *self._buffers.values())
        return any(isinstance(value, UninitializedParameter) for value in held)

    def initialize_parameters(self, input: Any) -> None:
        """Give the parameters the size that the input asks for, and draw them, unless a state was loaded before."""
        raise NotImplementedError(f"{type(self).__name__} does not define initialize_parameters(input)")

    def forward(self, input: Any, *args: Any, **kwargs: Any) -> Any:
        """What the layer gives that this one becomes."""
        self.initialize_parameters(input)
        self.__class__ = self._ready  # type: ignore[assignment]
        return self.forward(input, *args, **kwargs)
