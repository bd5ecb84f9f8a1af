"""Modules that hold modules or parameters: in order, by index, by name."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...core.variable import Variable
from .. import functional as F
from .module import Module, kind_of
from .one_pass import joined, norm_add_relu
from .parameter import Parameter


def _position(owner: Any, index: Any) -> int:
    """An index counted from either end, as one from 0."""
    k, n = operator.index(index), len(owner)
    if not -n <= k < n:
        raise IndexError(f"{type(owner).__name__}: index {k} is out of range for {n} item(s)")
    return k % n


class _ModuleSequence(Module):
    """Modules named "0", "1", ..."""

    _modules: dict[str, Any]

    def _replace(self, modules: Iterable[Module]) -> None:
        """Hold these modules instead, renumbered."""
        modules = list(modules)
        for name in list(self._modules):
            delattr(self, name)
        for k, module in enumerate(modules):
            self.add_module(str(k), module)

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def __contains__(self, module: Any) -> bool:
        return any(own is module for own in self)

    def _name_at(self, index: Any) -> str:
        return list(self._modules)[_position(self, index)]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._some(list(self._modules.items())[index])
        return self._modules[self._name_at(index)]

    def _some(self, items: list[tuple[str, Module]]) -> Any:
        return type(self)(*(module for _, module in items))

    def __setitem__(self, index: Any, module: Module) -> None:
        setattr(self, self._name_at(index), module)

    def __delitem__(self, index: Any) -> None:
        modules = list(self)
        del modules[index if isinstance(index, slice) else _position(self, index)]
        self._replace(modules)

    def append(self, module: Module) -> Any:
        """Add a module at the end; returns this container."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Any:
        """Add modules at the end; returns this container."""
        for module in list(modules):
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Any:
        """Add a module in front of the one at `index`; returns this container."""
        modules = list(self)
        modules.insert(index, module)
        self._replace(modules)
        return self

    def pop(self, index: int = -1) -> Any:
        """Remove a module and return it."""
        module = self[index]
        del self[index]
        return module

    def __iadd__(self, modules: Iterable[Module]) -> Any:
        return self.extend(modules)

    def __add__(self, modules: Iterable[Module]) -> Any:
        both = type(self)()
        return both.extend(self).extend(modules)


def _through(modules: list[Module], input: Any) -> Any:
    k = 0
    while k < len(modules):
        both = joined(modules, k)
        input = modules[k](input) if both is None else both(input)
        k += 1 if both is None else 2
    return input


class Sequential(_ModuleSequence):
    """Modules applied one after the other.

    Parameters
    ----------
    *modules : Module, or one mapping of names to modules

    Raises
    ------
    TypeError
        If an item is not a module.

    Examples
    --------
    >>> net = wg.nn.Sequential(wg.nn.Linear(4, 8), wg.nn.ReLU(), wg.nn.Linear(8, 1))
    >>> net
    Sequential(
      (0): Linear(in_features=4, out_features=8, bias=True)
      (1): ReLU()
      (2): Linear(in_features=8, out_features=1, bias=True)
    )
    >>> net(wg.ones(2, 4)).shape
    wengert.Size([2, 1])
    """

    def __init__(self, *modules: Any) -> None:
        super().__init__()
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for name, module in modules[0].items():
                self.add_module(name, module)
        else:
            self.extend(modules)

    def forward(self, input: Any) -> Any:
        """The input through each module in turn."""
        return _through(list(self._modules.values()), input)

    def before_relu(self, input: Any, residual: Any) -> Any:
        """``relu(self(input) + residual)``, where batch normalization comes last in one pass with it."""
        modules = list(self._modules.values())
        if not modules or not self._only_forward():
            return F.relu(self(input) + residual)
        return norm_add_relu(modules[-1], _through(modules[:-1], input), residual)

    def _some(self, items: list[tuple[str, Module]]) -> Sequential:
        return type(self)(dict(items))

    def __setitem__(self, index: Any, module: Module) -> None:
        if not isinstance(module, Module):
            raise TypeError(f"Sequential: expected a nn.Module, got {kind_of(module)}")
        super().__setitem__(index, module)

    def __mul__(self, times: int) -> Sequential:
        return type(self)(*(list(self) * times))

    __rmul__ = __mul__


class ModuleList(_ModuleSequence):
    """A list of modules whose parameters are registered; what calling does is up to its owner.

    Parameters
    ----------
    modules : iterable of Module

    Examples
    --------
    >>> wg.nn.ModuleList(wg.nn.Linear(2, 2) for _ in range(3))
    ModuleList(
      (0-2): 3 x Linear(in_features=2, out_features=2, bias=True)
    )
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        self.extend(modules or ())

    def _some(self, items: list[tuple[str, Module]]) -> ModuleList:
        return type(self)(module for _, module in items)

    def _child_lines(self) -> list[str]:
        """Equal neighbours share a line."""
        lines, k = [], 0
        for text, run in itertools.groupby(repr(module).replace("\n", "\n  ") for module in self):
            n = len(list(run))
            lines.append(f"({k}): {text}" if n == 1 else f"({k}-{k + n - 1}): {n} x {text}")
            k += n
        return lines


class ModuleDict(Module):
    """A dict of modules whose parameters are registered.

    Parameters
    ----------
    modules : mapping or iterable of (str, Module)

    Examples
    --------
    >>> acts = wg.nn.ModuleDict({"relu": wg.nn.ReLU(), "tanh": wg.nn.Tanh()})
    >>> acts["tanh"](wg.zeros(1))
    tensor([0.])
    """

    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        self.update(modules or {})

    def update(self, modules: Any) -> None:
        """Add or replace modules.

        Parameters
        ----------
        modules : mapping of str to Module, or iterable of pairs

        Examples
        --------
        >>> from wengert import nn
        >>> net = nn.ModuleDict()
        >>> net.update({"first": nn.ReLU()})
        >>> net["first"]
        ReLU()
        """
        for name, module in modules.items() if hasattr(modules, "items") else modules:
            self[name] = module

    def __getitem__(self, name: str) -> Any:
        return self._modules[name]

    def __setitem__(self, name: str, module: Module) -> None:
        if name in self._modules:
            setattr(self, name, module)
        else:
            self.add_module(name, module)

    def __delitem__(self, name: str) -> None:
        if name not in self._modules:
            raise KeyError(name)
        delattr(self, name)

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, name: str) -> bool:
        return name in self._modules

    def keys(self) -> Any:
        """The names.

        Returns
        -------
        view of str

        Examples
        --------
        >>> from wengert import nn
        >>> list(nn.ModuleDict({"first": nn.ReLU()}).keys())
        ['first']
        """
        return self._modules.keys()

    def values(self) -> Any:
        """The modules.

        Returns
        -------
        view of Module

        Examples
        --------
        >>> from wengert import nn
        >>> list(nn.ModuleDict({"first": nn.ReLU()}).values())
        [ReLU()]
        """
        return self._modules.values()

    def items(self) -> Any:
        """The pairs of names and modules.

        Returns
        -------
        view of (str, Module)

        Examples
        --------
        >>> from wengert import nn
        >>> list(nn.ModuleDict({"first": nn.ReLU()}).items())
        [('first', ReLU())]
        """
        return self._modules.items()

    def clear(self) -> None:
        """Remove all modules.

        Examples
        --------
        >>> from wengert import nn
        >>> net = nn.ModuleDict({"first": nn.ReLU()})
        >>> net.clear()
        >>> len(net)
        0
        """
        for name in list(self):
            del self[name]

    def pop(self, name: str) -> Any:
        """Remove a module and return it.

        Parameters
        ----------
        name : str

        Returns
        -------
        Module

        Raises
        ------
        KeyError
            If there is no such name.

        Examples
        --------
        >>> from wengert import nn
        >>> nn.ModuleDict({"first": nn.ReLU()}).pop("first")
        ReLU()
        """
        module = self[name]
        del self[name]
        return module


def _as_parameter(x: Any) -> Any:
    return (
        Parameter(x, requires_grad=x._value.dtype.kind == "f") if _is_tensor(x) and not isinstance(x, Parameter) else x
    )


def _is_tensor(x: Any) -> bool:
    return isinstance(x, Variable)


def _parameter_line(name: Any, x: Any) -> str:
    if not _is_tensor(x):
        return f"  ({name}): Object of type: {type(x).__name__}"
    kind = "Parameter" if isinstance(x, Parameter) else "Tensor"
    return f"  ({name}): {kind} containing: [wengert.{x.dtype} of size {'x'.join(map(str, x.shape))}]"


class ParameterList(Module):
    """A list of parameters that are registered. Tensors become parameters; other objects are kept as they are.

    Parameters
    ----------
    values : iterable

    Examples
    --------
    >>> weights = wg.nn.ParameterList([wg.ones(2), wg.ones(3)])
    >>> [w.shape for w in weights.parameters()]
    [wengert.Size([2]), wengert.Size([3])]
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self._size = 0
        self.extend(values or ())

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        return (self[k] for k in range(self._size))

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(self[k] for k in range(*index.indices(self._size)))
        return getattr(self, str(_position(self, index)))

    def __setitem__(self, index: int, value: Any) -> None:
        setattr(self, str(_position(self, index)), _as_parameter(value))

    def append(self, value: Any) -> ParameterList:
        """Add a value at the end; returns this list.

        Parameters
        ----------
        value : tensor

        Returns
        -------
        ParameterList

        Examples
        --------
        >>> from wengert import nn
        >>> len(nn.ParameterList().append(wg.ones(2)))
        1
        """
        setattr(self, str(self._size), _as_parameter(value))
        self._size += 1
        return self

    def extend(self, values: Iterable[Any]) -> ParameterList:
        """Add values at the end; returns this list.

        Parameters
        ----------
        values : iterable of tensor

        Returns
        -------
        ParameterList

        Examples
        --------
        >>> from wengert import nn
        >>> len(nn.ParameterList().extend([wg.ones(2), wg.ones(3)]))
        2
        """
        for value in list(values):
            self.append(value)
        return self

    __iadd__ = extend

    def extra_repr(self) -> str:
        """A line per item."""
        return "\n".join(_parameter_line(k, x) for k, x in enumerate(self))


class ParameterDict(Module):
    """A dict of parameters that are registered. Tensors become parameters; other objects are kept as they are.

    Parameters
    ----------
    parameters : mapping or iterable of (str, value)

    Examples
    --------
    >>> weights = wg.nn.ParameterDict({"w": wg.ones(2)})
    >>> [name for name, _ in weights.named_parameters()]
    ['w']
    """

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        self._keys: dict[str, None] = {}
        self.update(parameters or {})

    def update(self, parameters: Any) -> None:
        """Add or replace values.

        Parameters
        ----------
        parameters : mapping of str to tensor, or iterable of pairs

        Examples
        --------
        >>> from wengert import nn
        >>> held = nn.ParameterDict()
        >>> held.update({"scale": wg.ones(1)})
        >>> list(held.keys())
        ['scale']
        """
        for name, value in parameters.items() if hasattr(parameters, "items") else parameters:
            self[name] = value

    def __getitem__(self, name: str) -> Any:
        if name not in self._keys:
            raise KeyError(name)
        return getattr(self, name)

    def __setitem__(self, name: str, value: Any) -> None:
        if name not in self._keys and hasattr(self, name):
            raise KeyError(f"ParameterDict has an attribute {name!r} already")
        setattr(self, name, _as_parameter(value))
        self._keys[name] = None

    def __delitem__(self, name: str) -> None:
        if name not in self._keys:
            raise KeyError(name)
        delattr(self, name)
        del self._keys[name]

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __contains__(self, name: str) -> bool:
        return name in self._keys

    def keys(self) -> Any:
        """The names.

        Returns
        -------
        view of str

        Examples
        --------
        >>> from wengert import nn
        >>> list(nn.ParameterDict({"scale": wg.ones(1)}).keys())
        ['scale']
        """
        return self._keys.keys()

    def values(self) -> list[Any]:
        """The values.

        Returns
        -------
        list

        Examples
        --------
        >>> from wengert import nn
        >>> [p.shape for p in nn.ParameterDict({"scale": wg.ones(1)}).values()]
        [wengert.Size([1])]
        """
        return [self[name] for name in self]

    def items(self) -> list[tuple[str, Any]]:
        """The pairs of names and values.

        Returns
        -------
        list of (str, value)

        Examples
        --------
        >>> from wengert import nn
        >>> [(name, p.shape) for name, p in nn.ParameterDict({"scale": wg.ones(1)}).items()]
        [('scale', wengert.Size([1]))]
        """
        return [(name, self[name]) for name in self]

    def pop(self, name: str) -> Any:
        """Remove a value and return it.

        Parameters
        ----------
        name : str

        Returns
        -------
        Parameter

        Raises
        ------
        KeyError
            If there is no such name.

        Examples
        --------
        >>> from wengert import nn
        >>> nn.ParameterDict({"scale": wg.ones(1)}).pop("scale").shape
        wengert.Size([1])
        """
        value = self[name]
        del self[name]
        return value

    def extra_repr(self) -> str:
        """A line per item."""
        return "\n".join(_parameter_line(name, x) for name, x in self.items())
