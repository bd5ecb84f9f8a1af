"""What a module's state is, and how one is loaded: all of it or nothing.

The walks go over `Module._parameters`, `_buffers` and `_modules`. Hooks and extra states are in the module's own
dictionary, under the names of `HOOKS`, from when the first is registered.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ...core.doors import change, enter, require_unfollowed, require_writable
from ...core.named import NamedTuple
from ...core.variable import Variable
from .parameter import Parameter, UninitializedParameter

EXTRA = "_extra_state"  # the name under which a state has what `get_extra_state` gives
BEFORE_SAVING, AFTER_SAVING, BEFORE_LOADING, AFTER_LOADING = HOOKS = (
    "_state_dict_pre_hooks", "_state_dict_hooks", "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks",
)  # fmt: skip


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict` did not find, and what it had no use for.

    Examples
    --------
    >>> from wengert import nn
    >>> state = {"weight": wg.ones(1, 2), "scale": wg.ones(1)}
    >>> nn.Linear(2, 1).load_state_dict(state, strict=False)
    IncompatibleKeys(missing_keys=['bias'], unexpected_keys=['scale'])
    """

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


def hooks_of(module: Any, kind: str) -> list[Callable[..., Any]]:
    """The hooks of a module, in the order in which they are called."""
    return list(vars(module).get(kind, {}).values())


def own_state(module: Any) -> Iterator[tuple[str, Any]]:
    """Names and tensors of what belongs to a module's state itself, without the modules below."""
    for name, tensor in (*module._parameters.items(), *module._buffers.items()):
        if tensor is not None and name not in module._transient:
            yield name, tensor


def save(module: Any, state: dict[str, Any], prefix: str, keep_vars: bool, has_extra: Callable[[Any], bool]) -> None:
    """Put the state of a module and of all below it into `state`."""
    metadata = getattr(state, "_metadata", None)
    local = {"version": module._version}
    if metadata is not None:
        metadata[prefix[:-1]] = local
    for hook in hooks_of(module, BEFORE_SAVING):
        hook(module, prefix, keep_vars)
    for name, tensor in own_state(module):
        lazy = isinstance(tensor, UninitializedParameter)
        state[prefix + name] = tensor if keep_vars or lazy else tensor.detach()
    if has_extra(module):
        state[prefix + EXTRA] = module.get_extra_state()
    for name, below in module._modules.items():
        if below is not None:
            below.state_dict(destination=state, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
    for hook in hooks_of(module, AFTER_SAVING):
        hook(module, state, prefix, local)


class Loading:
    """One call of `load_state_dict`: what it found for which tensor, and why it cannot go on.

    Parameters
    ----------
    module : Module
    state_dict : mapping
    strict, assign : bool
    has_extra : function
        Whether a module takes an extra state.
    """

    def __init__(
        self, module: Any, state_dict: Mapping[str, Any], strict: bool, assign: bool, has_extra: Callable[[Any], bool]
    ) -> None:
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"load_state_dict: expected a mapping of names to tensors, got {type(state_dict).__name__}")
        self._module, self._strict, self._assign, self._has_extra = module, strict, assign, has_extra
        self._state: dict[str, Any] = OrderedDict(state_dict)  # which hooks may change
        self._metadata = getattr(state_dict, "_metadata", None) or {}
        self._keys = IncompatibleKeys([], [])
        self._faults: list[str] = []
        self._known: set[str] = set()
        self._found: list[tuple[Any, str, Any, Any]] = []  # modules, names of theirs, the tensors there, their values
        self._extras: list[tuple[Any, Any]] = []
        self._after: list[tuple[Any, Callable[..., Any]]] = []

    def run(self) -> IncompatibleKeys:
        """Load the state, or raise and leave everything as it was."""
        self._look(self._module, "")
        self._keys.unexpected_keys.extend(key for key in self._state if key not in self._known)
        if self._faults or not self._after:
            self._require_fit()
        undo = self._load()
        try:
            for module, extra in self._extras:
                module.set_extra_state(extra)
            for module, hook in self._after:
                if hook(module, self._keys) is not None:
                    raise TypeError(
                        "load_state_dict: a hook after loading changes the lists of keys that it gets, and returns None"
                    )
            self._require_fit()
        except BaseException:
            undo()
            raise
        return self._keys

    def _look(self, module: Any, prefix: str) -> None:
        """Find the values for a module and all below it."""
        metadata = {**self._metadata.get(prefix[:-1], {})}
        if self._assign:
            metadata["assign_to_params_buffers"] = True
        missing, unexpected = self._keys
        for hook in hooks_of(module, BEFORE_LOADING):
            hook(module, self._state, prefix, metadata, True, missing, unexpected, self._faults)  # strict, as PyTorch
        for name, tensor in own_state(module):
            self._known.add(prefix + name)
            if prefix + name not in self._state:
                missing.append(prefix + name)
            elif not isinstance(self._state[prefix + name], UninitializedParameter):
                self._take(module, name, tensor, prefix + name)
        if self._has_extra(module):
            self._known.add(prefix + EXTRA)
            if prefix + EXTRA in self._state:
                self._extras.append((module, self._state[prefix + EXTRA]))
            else:
                missing.append(prefix + EXTRA)
        for name, below in module._modules.items():
            if below is not None:
                self._look(below, f"{prefix}{name}.")
        self._after += [(module, hook) for hook in hooks_of(module, AFTER_LOADING)]

    def _take(self, module: Any, name: str, tensor: Any, key: str) -> None:
        given = self._state[key]
        x = given if isinstance(given, Variable) else enter(np.asarray(given))
        shape, dtype = x._value.shape, x._value.dtype
        if not isinstance(tensor, UninitializedParameter) and shape != tensor._value.shape:
            self._faults.append(f"{key}: shape {shape} in the state, {tensor._value.shape} in the module")
        if not np.can_cast(dtype, tensor.dtype, "same_kind"):
            self._faults.append(f"{key}: {dtype} in the state, {tensor.dtype} in the module")
        elif self._assign and isinstance(tensor, Parameter) and tensor.requires_grad and dtype.kind != "f":
            self._faults.append(f"{key}: {dtype} in the state, which a parameter that requires a gradient cannot have")
        self._found.append((module, name, tensor, x))

    def _require_fit(self) -> None:
        missing, unexpected = self._keys
        faults = [f"missing: {', '.join(missing)}"] if self._strict and missing else []
        faults += [f"unexpected: {', '.join(unexpected)}"] if self._strict and unexpected else []
        faults += self._faults
        if faults:
            name = type(self._module).__name__
            raise RuntimeError(f"load_state_dict: the state does not fit {name}:\n  " + "\n  ".join(faults))

    def _load(self) -> Callable[[], None]:
        """Copy or assign all values; gives what takes it back."""
        for _, _, tensor, x in self._found:
            require_unfollowed(
                x, "items of a parameter, by load_state_dict (wg.func.functional_call has a derivative),"
            )
            if not self._assign and not isinstance(tensor, UninitializedParameter):
                require_writable(tensor, "load_state_dict")
        if self._assign:
            return self._put_all()
        own = [tensor for _, _, tensor, _ in self._found]
        kept: list[Any] = []
        if self._after or self._extras:  # which may refuse what has been loaded
            sized = [tensor for tensor in own if not isinstance(tensor, UninitializedParameter)]
            kept = [(tensor, tensor.detach().clone()) for tensor in sized]
        for tensor, (_, _, _, x) in zip(own, self._found, strict=True):
            if isinstance(tensor, UninitializedParameter):
                tensor.materialize(x._value.shape)
        _copy(own, [x for _, _, _, x in self._found])
        return lambda: _copy([tensor for tensor, _ in kept], [x for _, x in kept])

    def _put_all(self) -> Callable[[], None]:
        """Let the state's tensors be the module's; tensors that were one stay one."""
        new: dict[int, Any] = {}
        for _, _, tensor, x in self._found:
            if isinstance(tensor, Parameter) and not isinstance(x, Parameter):
                x = Parameter(x, requires_grad=tensor.requires_grad)
            new[id(tensor)] = x
        for _, _, tensor, _ in self._found:
            if isinstance(tensor, Parameter):
                new[id(tensor)].requires_grad_(tensor.requires_grad)
        for module, name, tensor, _ in self._found:
            setattr(module, name, new[id(tensor)])

        def undo() -> None:
            for module, name, tensor, _ in self._found:
                setattr(module, name, tensor)

        return undo


def _copy(tensors: list[Any], values: list[Any]) -> None:
    change("load_state_dict", tuple(tensors), _copy_arrays, *values)


def _copy_arrays(*arrays: np.ndarray) -> None:
    half = len(arrays) // 2
    for array, items in zip(arrays[:half], arrays[half:], strict=True):
        np.copyto(array, items, casting="same_kind")
