"""A module called as a function of its parameters and buffers, as PyTorch spells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..core.variable import Variable
from ..ops.join import stack


def functional_call(
    module: Any, parameter_and_buffer_dicts: Any, args: Any = None, kwargs: Mapping[str, Any] | None = None, *,
    tie_weights: bool = True, strict: bool = False,
) -> Any:  # fmt: skip
    """What a module gives with other tensors in the places of its parameters and buffers.

    So a module is a function of its parameters, to be differentiated by `wg.func`. The module itself stays as it is. It
    is for one thread at a time.

    Parameters
    ----------
    module : wengert.nn.Module
    parameter_and_buffer_dicts : dict, or tuple of dicts
        Tensors by the names that `named_parameters` and `named_buffers` give. Where the module sets a buffer anew, the
        dict has the new one afterwards.
    args : tuple, or anything else for one argument
    kwargs : dict or None
    tie_weights : bool
        Let a tensor stand at all names of a parameter that the module has under several.
    strict : bool
        Every name must be given.

    Returns
    -------
    What the module returns.

    Raises
    ------
    RuntimeError
        If the module has no such name, or, with `strict`, one is missing.
    ValueError
        If a name is in several dicts, or a shared parameter is given under several names.
    TypeError
        If what is given for a name is no tensor.

    Examples
    --------
    >>> net = wg.nn.Linear(2, 1)
    >>> parameters = {"weight": wg.tensor([[1., 2.]]), "bias": wg.tensor([3.])}
    >>> wg.func.functional_call(net, parameters, wg.ones(2))
    tensor([6.])
    >>> loss = lambda parameters: wg.func.functional_call(net, parameters, wg.ones(2)).sum()
    >>> wg.func.grad(loss)(parameters)
    {'weight': tensor([[1., 1.]]), 'bias': tensor([1.])}
    """
    many = isinstance(parameter_and_buffer_dicts, Sequence)
    dicts: list[Any] = list(parameter_and_buffer_dicts) if many else [parameter_and_buffer_dicts]
    given: dict[str, Any] = {}
    for tensors in dicts:
        if twice := sorted(given.keys() & tensors.keys()):
            raise ValueError(f"functional_call: {', '.join(twice)} given in several dicts; each name must be in one")
        given.update(tensors)
    places = _places(module)
    _require_names(module, given, places, strict)
    put = _with_ties(given, places) if tie_weights else given
    arguments = args if isinstance(args, tuple) else () if args is None else (args,)
    slots = [_Slot(places[name], name, x) for name, x in put.items()]
    try:
        return module(*arguments, **(kwargs or {}))
    finally:
        for slot in slots:
            slot.restore(dicts)


def stack_module_state(models: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters and buffers of several modules of one class, each stacked along a new first dimension.

    Parameters
    ----------
    models : sequence of wengert.nn.Module
        All in training, or all in evaluation.

    Returns
    -------
    parameters, buffers : dict of Tensor
        By their names; leaves, the parameters' requiring a gradient where the modules' do.

    Raises
    ------
    RuntimeError
        If there are no modules, or they are of different classes or modes.

    Examples
    --------
    >>> models = [wg.nn.Linear(2, 1) for _ in range(3)]
    >>> parameters, buffers = wg.func.stack_module_state(models)
    >>> call = lambda p, b, x: wg.func.functional_call(models[0], (p, b), x)
    >>> wg.vmap(call, (0, 0, None))(parameters, buffers, wg.ones(4, 2)).shape
    wengert.Size([3, 4, 1])
    """
    listed = list(models)
    if not listed:
        raise RuntimeError("stack_module_state: expected at least one module, got none")
    classes, modes = {type(m) for m in listed}, {m.training for m in listed}
    if len(classes) > 1 or len(modes) > 1:
        names = ", ".join(sorted(c.__name__ for c in classes))
        raise RuntimeError(f"stack_module_state: expected modules of one class and mode, got {names}, training {modes}")
    found = []
    for ask in ("named_parameters", "named_buffers"):
        states = [dict(getattr(m, ask)()) for m in listed]
        joined = {name: stack([state[name].detach() for state in states]) for name in states[0]}
        for name, x in joined.items():
            if states[0][name].requires_grad:
                x.requires_grad_()
        found.append(joined)
    return found[0], found[1]


def replace_all_batch_norm_modules_(root: Any) -> Any:
    """Let every batch normalization within a module normalise by the batch alone, so that it has no averages to change.

    Parameters
    ----------
    root : wengert.nn.Module

    Returns
    -------
    Module
        The module itself.

    Examples
    --------
    >>> wg.func.replace_all_batch_norm_modules_(wg.nn.BatchNorm1d(2)).running_mean is None
    True
    """
    for part in root.modules():
        if "BatchNorm" in type(part).__name__ and "running_mean" in part._buffers:
            part.running_mean = part.running_var = part.num_batches_tracked = None
            part.track_running_stats = False
    return root


class _Slot:
    """A place of a parameter or buffer, which has another tensor in it until it is restored."""

    def __init__(self, place: tuple[Any, str], name: str, x: Any) -> None:
        part, self._key = place
        self._name, self._given = name, x
        # A module keeps it in a registry, and mostly as an attribute too.
        self._kept = [(home, home[self._key]) for home in (_registry(place), vars(part)) if self._key in home]
        for home, _ in self._kept:
            home[self._key] = x

    def restore(self, dicts: list[Any]) -> None:
        """Put back what was there; what the module has set meanwhile goes to the dict that this tensor came from."""
        now = self._kept[0][0].get(self._key)
        for home, x in self._kept:
            home[self._key] = x
        if now is not self._given:
            for tensors in dicts:
                if self._name in tensors:
                    tensors[self._name] = now


def _places(module: Any) -> dict[str, tuple[Any, str]]:
    """Which module has a parameter or buffer, and by which name, per name in the whole; of shared ones all names."""
    return {
        f"{path}.{name}" if path else name: (part, name)
        for path, part in module.named_modules(remove_duplicate=False)
        for name in (*part._parameters, *part._buffers)
    }


def _registry(place: tuple[Any, str]) -> dict[str, Any]:
    """Where a module keeps what has a name."""
    part, name = place
    registry: dict[str, Any] = part._parameters if name in part._parameters else part._buffers
    return registry


def _require_names(module: Any, given: Mapping[str, Any], places: Mapping[str, Any], strict: bool) -> None:
    unknown = [name for name in given if name not in places]
    if unknown:
        known = ", ".join(places) or "no name"
        raise RuntimeError(
            f"functional_call: {type(module).__name__} has no parameter or buffer {', '.join(unknown)}; it has {known}"
        )
    missing = [name for name in places if name not in given]
    if strict and missing:
        raise RuntimeError(f"functional_call: strict, but {', '.join(missing)} of {type(module).__name__} is missing")
    for name, x in given.items():
        if not isinstance(x, Variable):
            raise TypeError(f"functional_call: expected a tensor for {name}, got {type(x).__name__}")


def _with_ties(given: dict[str, Any], places: Mapping[str, tuple[Any, str]]) -> dict[str, Any]:
    """What is given, also at the other names of what is shared."""
    names: dict[int, list[str]] = {}
    for name, place in places.items():
        x = _registry(place)[place[1]]
        if x is not None:
            names.setdefault(id(x), []).append(name)
    put = dict(given)
    for shared in names.values():
        values = [name for name in shared if name in given]
        if len(values) > 1 and any(given[name] is not given[values[0]] for name in values):
            raise ValueError(
                f"functional_call: {' and '.join(values)} are one tensor of the module, and given several; give one, "
                "or tie_weights=False"
            )
        put.update({name: given[values[0]] for name in shared if values})
    return put
