"""Parameters that are computed of others: a module's tensor becomes a function of what is trained in its place."""

from __future__ import annotations

from typing import Any

from ...core.modes import recording
from ...core.variable import Variable
from ..modules.containers import ModuleDict, ModuleList
from ..modules.parameter import Parameter

__all__ = [
    "ParametrizationList", "is_parametrized", "register_parametrization", "remove_parametrizations",
    "type_before_parametrizations",
]  # fmt: skip


class ParametrizationList(ModuleList):
    """What computes one tensor of a module, the first of the originals and each other of what the one before gives.

    Parameters
    ----------
    modules : iterable of Module
    original : Parameter or Tensor
        The tensor that is replaced: its originals are what `right_inverse` of the modules gives for it, the last first.

    Attributes
    ----------
    original, or original0, original1, ... : Parameter or Tensor

    Examples
    --------
    >>> class Positive(wg.nn.Module):
    ...     def forward(self, x):
    ...         return x.exp()
    >>> layer = wg.nn.utils.parametrize.register_parametrization(wg.nn.Linear(2, 3), "weight", Positive())
    >>> list(layer.state_dict())
    ['bias', 'parametrizations.weight.original']
    """

    def __init__(self, modules: Any, original: Any) -> None:
        super().__init__(modules)
        self.trained = isinstance(original, Parameter)
        found = self._inverted(original)
        self.is_tensor = isinstance(found, Variable)
        if self.is_tensor:
            if found is not original:
                original.data = found.detach()
            self._add("original", original)
            return
        self.ntensors = len(found)
        for k, x in enumerate(found):
            self._add(f"original{k}", Parameter(x.detach()) if self.trained else x.detach())

    def _add(self, name: str, x: Any) -> None:
        if self.trained:
            self.register_parameter(name, x)
        else:
            self.register_buffer(name, x)

    def _inverted(self, value: Any) -> Any:
        with recording(False):
            for module in reversed(list(self)):
                if hasattr(module, "right_inverse"):
                    value = module.right_inverse(value)
        return value

    def originals(self) -> list[Any]:
        """What the tensor is computed of."""
        return [self.original] if self.is_tensor else [getattr(self, f"original{k}") for k in range(self.ntensors)]

    def assign(self, value: Any) -> None:
        """Let the originals be such that the tensor becomes `value`."""
        found = self._inverted(value)
        for x, y in zip(self.originals(), [found] if self.is_tensor else found, strict=True):
            with recording(False):
                x.copy_(y)

    def forward(self) -> Any:
        """The tensor."""
        first, *others = self
        x = first(*self.originals())
        for module in others:
            x = module(x)
        return x


def is_parametrized(module: Any, tensor_name: str | None = None) -> bool:
    """Whether a module has a tensor that is computed so, or this one is.

    Parameters
    ----------
    module : Module
    tensor_name : str or None
        None: any.

    Returns
    -------
    bool

    Examples
    --------
    >>> wg.nn.utils.parametrize.is_parametrized(wg.nn.Linear(2, 3))
    False
    """
    found = module._modules.get("parametrizations")
    if not isinstance(found, ModuleDict):
        return False
    return len(found) > 0 if tensor_name is None else tensor_name in found


def type_before_parametrizations(module: Any) -> type:
    """The class that a module had before any of its tensors was computed.

    Parameters
    ----------
    module : Module

    Returns
    -------
    type

    Examples
    --------
    >>> layer = wg.nn.utils.parametrizations.weight_norm(wg.nn.Linear(2, 3))
    >>> wg.nn.utils.parametrize.type_before_parametrizations(layer).__name__
    'Linear'
    """
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def _computed(name: str) -> property:
    return property(
        lambda self: self._modules["parametrizations"][name](),
        lambda self, value: self._modules["parametrizations"][name].assign(value),
    )


def register_parametrization(module: Any, tensor_name: str, parametrization: Any, *, unsafe: bool = False) -> Any:
    """Let a parameter or buffer be computed by a module from what is trained in its place, whenever it is asked for.

    Parameters
    ----------
    module : Module
    tensor_name : str
    parametrization : Module
        Its `forward` gives the tensor; `right_inverse`, if it has that, what it is computed of, a tensor or several.
        A further one of the same tensor is applied after those that are there.
    unsafe : bool
        Let the tensor be of another shape or dtype than before.

    Returns
    -------
    Module
        `module`, whose class is now one derived from that before.

    Raises
    ------
    ValueError
        If there is no such tensor, or it would be of another shape or dtype.

    Examples
    --------
    >>> class Symmetric(wg.nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).T
    >>> layer = wg.nn.utils.parametrize.register_parametrization(wg.nn.Linear(3, 3), "weight", Symmetric())
    >>> bool((layer.weight == layer.weight.T).all())
    True
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        before = getattr(module, tensor_name)
        _check(module, tensor_name, before, parametrization(before), unsafe)
        module.parametrizations[tensor_name].append(parametrization)
        return module
    original = {**module._parameters, **module._buffers}.get(tensor_name)
    if original is None:
        raise ValueError(
            f"register_parametrization: {type(module).__name__} has no parameter or buffer {tensor_name!r}, only "
            f"{', '.join(map(repr, {**module._parameters, **module._buffers})) or 'none'}"
        )
    before = original.detach().clone()
    found = ParametrizationList([parametrization], original)
    with recording(False):
        _check(module, tensor_name, before, found(), unsafe)
    delattr(module, tensor_name)
    if not is_parametrized(module):
        cls = type(module)
        module.__class__ = type(f"Parametrized{cls.__name__}", (cls,), {"__module__": cls.__module__})
        module.parametrizations = ModuleDict()
    setattr(type(module), tensor_name, _computed(tensor_name))
    module.parametrizations[tensor_name] = found
    return module


def _check(module: Any, name: str, before: Any, after: Any, unsafe: bool) -> None:
    kinds = [(x._value.shape, x._value.dtype) for x in (before, after)]
    if kinds[0] != kinds[1] and not unsafe:
        raise ValueError(
            f"register_parametrization: {type(module).__name__}.{name} has shape {kinds[0][0]} and dtype {kinds[0][1]}"
            f", and would have {kinds[1][0]} and {kinds[1][1]}; pass unsafe=True to let it"
        )


def remove_parametrizations(module: Any, tensor_name: str, leave_parametrized: bool = True) -> Any:
    """Let a tensor be a parameter or buffer again.

    Parameters
    ----------
    module : Module
    tensor_name : str
    leave_parametrized : bool
        With the items that are computed; else with those of what they are computed of, if that is one tensor.

    Returns
    -------
    Module
        `module`.

    Raises
    ------
    ValueError
        If the tensor is not computed, or `leave_parametrized` is False and it is computed of several.

    Examples
    --------
    >>> nn = wg.nn
    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 3))
    >>> nn.utils.parametrize.remove_parametrizations(layer, "weight")
    Linear(in_features=2, out_features=3, bias=True)
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"remove_parametrizations: {type(module).__name__}.{tensor_name} is not computed of others")
    found = module.parametrizations[tensor_name]
    if not leave_parametrized and not found.is_tensor:
        raise ValueError(
            f"remove_parametrizations: {tensor_name!r} is computed of {found.ntensors} tensors, so that "
            "leave_parametrized=False has no meaning"
        )
    with recording(False):
        value = getattr(module, tensor_name).detach()
    original = found.originals()[0]
    if not found.is_tensor:
        original = Parameter(value) if found.trained else value
    elif leave_parametrized:
        original.data = value
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    if not is_parametrized(module):
        del module.parametrizations
        module.__class__ = type(module).__bases__[0]
    if found.trained:
        module.register_parameter(tensor_name, original)
    else:
        module.register_buffer(tensor_name, original)
    return module
