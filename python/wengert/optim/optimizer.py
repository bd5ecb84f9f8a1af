"""What all optimizers share: groups of parameters with options, state, and the frame of a step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

import numpy as np

from ..autograd import enable_grad
from ..core import dtypes
from ..core.broadcast import cast
from ..core.doors import change, constant, enter, require_unfollowed, require_writable
from ..core.following import followed
from ..core.modes import recorder, recording
from ..core.variable import Variable
from ..nn.modules.module import clear_gradient
from ..nn.modules.parameter import UninitializedParameter

# What is remembered of a parameter: tensors by name, and the number of its steps as "step".
State = dict[str, Any]


class Numbers:
    """What the steps of a group read anew each time: its options, and the numbers of the parameters' steps.

    Parameters
    ----------
    options : callable
        Of the group; gives a tuple of numbers.
    group : dict
    states : list of dict
        Of the parameters, if their steps are counted.
    """

    __slots__ = ("counted", "group", "options")

    def __init__(
        self, options: Callable[[dict[str, Any]], tuple[Any, ...]], group: dict[str, Any], states: Any
    ) -> None:  # fmt: skip
        self.options, self.group, self.counted = options, group, states

    def read(self) -> dict[str, Any]:
        """The keywords of a kernel in ops/updates.py."""
        if self.counted is None:
            return {"options": self.options(self.group)}
        steps = tuple([state.get("step", 0) + 1 for state in self.counted])
        return {"options": self.options(self.group), "steps": steps}

    def done(self) -> None:
        """Note that a step was taken."""
        for state in self.counted or ():
            state["step"] = state.get("step", 0) + 1

    def saved(self) -> Any:
        """All that a step may change of it, for `restore`."""
        counts = None if self.counted is None else [state.get("step") for state in self.counted]
        return {name: value for name, value in self.group.items() if name != "params"}, counts

    def restore(self, saved: Any) -> None:
        """Be what it was."""
        self.group.update(saved[0])
        for state, count in zip(self.counted or (), saved[1] or (), strict=True):
            if count is None:
                state.pop("step", None)
            else:
                state["step"] = count


class Optimizer:
    """The base of all optimizers. A subclass defines `_update`.

    Parameters
    ----------
    params : iterable of tensor, of (name, tensor), or of dict
        Parameters, or groups of them: dicts with "params" and options that replace the defaults.
    defaults : dict
        The options of groups that do not say otherwise.

    Attributes
    ----------
    param_groups : list of dict
        Each with "params" and all options; change them to change how the next step goes.
    state : dict
        What is remembered of each parameter.

    Raises
    ------
    ValueError
        If there are no parameters, one appears twice, is not a leaf, or has no size yet.
    TypeError
        If one is not a tensor of float32 or float64.

    Examples
    --------
    >>> from wengert import optim
    >>> class SignDescent(optim.Optimizer):
    ...     def _update(self, group, params, grads, states):
    ...         for p, g in zip(params, grads):
    ...             p -= group["lr"] * g.sign()
    >>> w = wg.tensor([1., 1.], requires_grad=True)
    >>> (w * wg.tensor([3., -3.])).sum().backward()
    >>> SignDescent([w], {"lr": 0.5}).step()
    >>> w.detach()
    tensor([0.5000, 1.5000])
    """

    param_groups: list[dict[str, Any]]
    state: defaultdict[Any, State]
    _choices: tuple[str, ...] = ()  # options that decide what is remembered, or which terms a step has

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.state = defaultdict(dict)
        self.param_groups = []
        at_work = recorder()
        if at_work is not None:
            at_work.made(self)
        self.stepped = False  # whether there was a step, which a schedule wants to know
        if isinstance(params, (Variable, Mapping)):
            raise TypeError(
                f"{self._name}: expected an iterable of parameters or groups, got one {type(params).__name__}; "
                "put it in a list"
            )
        groups = list(params)
        if not groups:
            raise ValueError(
                f"{self._name}: got no parameters; is the model's parameters() empty, or an exhausted iterator?"
            )
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(dict(group))

    @property
    def _name(self) -> str:
        return type(self).__name__

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters.

        Parameters
        ----------
        param_group : dict
            "params", and options that replace the defaults.

        Raises
        ------
        ValueError, TypeError
            As the constructor.

        Examples
        --------
        >>> from wengert import optim
        >>> w, b = wg.ones(2, requires_grad=True), wg.ones(1, requires_grad=True)
        >>> optimizer = optim.SGD([w], lr=0.1)
        >>> optimizer.add_param_group({"params": [b], "lr": 0.01})
        >>> [group["lr"] for group in optimizer.param_groups]
        [0.1, 0.01]
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"{self._name}: expected a dict with 'params', got {type(param_group).__name__}")
        params = param_group["params"]
        if isinstance(params, set):
            raise TypeError(f"{self._name}: the order of a set changes from run to run; give parameters in a list")
        params = [params] if isinstance(params, Variable) else list(params)
        if params and all(isinstance(p, tuple) for p in params):
            param_group["param_names"] = [name for name, _ in params]
            params = [p for _, p in params]
        known = {id(p) for group in self.param_groups for p in group["params"]}
        for k, p in enumerate(params):
            self._check_parameter(k, p)
            if id(p) in known:
                raise ValueError(
                    f"{self._name}: parameter {k} of this group, of shape {p._value.shape}, is in the optimizer already"
                )
            known.add(id(p))
        for name, default in self.defaults.items():
            param_group.setdefault(name, default)
        param_group["params"] = params
        self._check_options(param_group)
        self.param_groups.append(param_group)

    def _check_parameter(self, k: int, p: Any) -> None:
        if not isinstance(p, Variable):
            raise TypeError(f"{self._name}: expected tensors as parameters, got a {type(p).__name__} at {k}")
        if isinstance(p, UninitializedParameter):
            raise ValueError(
                f"{self._name}: parameter {k} belongs to a lazy layer and has no size yet; run one batch through the "
                "model before building the optimizer"
            )
        if p._node is not None:
            raise ValueError(f"{self._name}: parameter {k} is the result of an operation; only leaves can be optimized")
        _check_dtype(self._name, k, p)

    def _check_options(self, group: dict[str, Any]) -> None:
        """Raise if a group's options are out of range."""
        for name in ("lr", "momentum", "weight_decay", "eps", "lr_decay", "initial_accumulator_value", "alpha"):
            if name in group and not group[name] >= 0:
                raise ValueError(f"{self._name}: expected {name} >= 0, got {group[name]}")

    # ------------------------------------------------------------ the step

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient.

        Parameters
        ----------
        closure : function or None
            Called first; computes the loss anew, with gradients, and returns it.

        Returns
        -------
        The loss, or None without a closure.

        Examples
        --------
        >>> from wengert import optim
        >>> w = wg.ones(2, requires_grad=True)
        >>> optimizer = optim.SGD([w], lr=0.5)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w
        tensor([0., 0.], requires_grad=True)
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        self.stepped = True
        together = self._together()
        if len(together) > 1:  # so that a fault is found before there is any change
            for _, params in together:
                for p in params:
                    require_writable(p, f"{self._name}.step")
        with recording(False):
            for group, params in together:
                self._update(group, params, [p.grad for p in params], [self.state[p] for p in params])
        return loss

    def _together(self) -> list[tuple[dict[str, Any], list[Any]]]:
        """The parameters with gradients that are changed at once: those of one group and dtype."""
        found = []
        for group in self.param_groups:
            with_gradients = [p for p in group["params"] if p.grad is not None]
            for params in _of_one_dtype(self._name, with_gradients):
                found.append((group, params))
        return found

    def _update(self, group: dict[str, Any], params: list[Any], grads: list[Any], states: list[State]) -> None:
        """Change parameters of one dtype in place, by their gradients and what is remembered of each.

        Nothing is recorded meanwhile.
        """
        raise TypeError(f"{self._name} defines neither _update nor step")

    def _numbers(self, group: dict[str, Any]) -> tuple[Any, ...]:
        """The options that the kernel of ops/updates.py takes, in its order."""
        raise TypeError(f"{self._name} does not say which numbers its steps read")

    def _change(
        self, kernel: Callable[..., None], group: dict[str, Any], params: list[Any], grads: list[Any],
        states: list[State], names: Sequence[str], counted: bool = False, **static: Any,
    ) -> None:  # fmt: skip
        """Let a kernel of ops/updates.py change parameters, and what is remembered of them under some names; `counted`:
        it takes the numbers of their steps."""
        at_work = recorder()
        if at_work is not None:
            self._depends(at_work, group, states, names)
        written = [*params]
        for g in grads if followed else ():
            require_unfollowed(g, "a step of an optimizer", also_unrecorded=True)
        for name in names:
            written += _remembered(states, params, name)
        count = len(params)
        host = Numbers(self._numbers, group, states if counted else None)
        change(f"{self._name}.step", tuple(written), kernel, *grads, host=host, count=count, **static)
        for k, name in enumerate(names, 1):  # now that nothing was wrong with the gradients
            for state, buffer in zip(states, written[k * count : (k + 1) * count], strict=True):
                state[name] = buffer

    def _depends(self, at_work: Any, group: dict[str, Any], states: list[State], names: Sequence[str]) -> None:
        """Tell who records a program what a step of this group depends on."""
        if id(self) in at_work.born:
            return
        at_work.guard(self, "state", self.state, "attribute")
        at_work.guard(self.param_groups, None, tuple(self.param_groups), "members")
        at_work.guard(group["params"], None, tuple(group["params"]), "members")
        for name in self._choices:
            at_work.guard(group, name, bool(group[name]), "truth")
        for state in states:
            for name in names:
                at_work.guard(state, name, state.get(name), "item")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or with `set_to_none=False` fill them with zeros.

        Parameters
        ----------
        set_to_none : bool

        Examples
        --------
        >>> from wengert import optim
        >>> w = wg.ones(2, requires_grad=True)
        >>> optimizer = optim.SGD([w], lr=0.5)
        >>> (w * w).sum().backward()
        >>> optimizer.zero_grad()
        >>> w.grad is None
        True
        """
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p.grad = None
                else:
                    clear_gradient(p, False)

    # ------------------------------------------------------------ state

    def state_dict(self) -> dict[str, Any]:
        """The state in PyTorch's layout.

        Returns
        -------
        dict
            "state": what is remembered of each parameter, by its number; "param_groups": the options, and the numbers
            of the parameters under "params". The tensors, but for "step", are the optimizer's own.

        Examples
        --------
        >>> from wengert import optim
        >>> optim.SGD([wg.ones(2, requires_grad=True)], lr=0.5).state_dict()["param_groups"][0]["lr"]
        0.5
        """
        numbers: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            for p in group["params"]:
                numbers[id(p)] = len(numbers)
            groups.append({**group, "params": [numbers[id(p)] for p in group["params"]]})
            groups[-1]["params"] = groups[-1].pop("params")  # last, as in PyTorch
        return {"state": {numbers[id(p)]: _saved(s) for p, s in self.state.items() if s}, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over a state, copied, its tensors cast to the parameters' dtypes.

        Parameters
        ----------
        state_dict : dict
            In the layout of `state_dict`; its parameters are matched to this optimizer's by their order.

        Raises
        ------
        ValueError
            If there are other groups or numbers of parameters. Nothing is changed then.

        Examples
        --------
        >>> from wengert import optim
        >>> w = wg.ones(2, requires_grad=True)
        >>> state = optim.SGD([w], lr=0.5).state_dict()
        >>> optimizer = optim.SGD([w], lr=0.1)
        >>> optimizer.load_state_dict(state)
        >>> optimizer.param_groups[0]["lr"]
        0.5
        """
        saved = state_dict["param_groups"]
        sizes, found = [len(group["params"]) for group in self.param_groups], [len(group["params"]) for group in saved]
        if sizes != found:
            raise ValueError(
                f"load_state_dict: the state has groups of {found} parameters, this {self._name} of {sizes}"
            )
        by_number = {
            number: p
            for group, own in zip(saved, self.param_groups, strict=True)
            for number, p in zip(group["params"], own["params"], strict=True)
        }
        state: defaultdict[Any, State] = defaultdict(dict)
        for number, entries in state_dict["state"].items():
            p = by_number[number]
            state[p] = {name: _loaded(name, value, p) for name, value in entries.items()}
        for own, group in zip(self.param_groups, saved, strict=True):
            own.update({name: deepcopy(option) for name, option in group.items() if name != "params"})
        self.state = state

    def __repr__(self) -> str:
        groups = []
        for k, group in enumerate(self.param_groups):
            options = [f"    {name}: {group[name]}\n" for name in sorted(group) if name != "params"]
            groups.append(f"Parameter Group {k}\n{''.join(options)}")
        return f"{self._name} (\n" + "\n".join(groups) + ")"


def _check_dtype(name: str, k: int, p: Variable) -> None:
    dtype = p._value.dtype
    if dtype == dtypes.float16:
        raise TypeError(
            f"{name}: parameter {k} is float16, in which most updates would be lost to rounding; keep the parameters "
            "in float32, as model.float() does"
        )
    if dtype.kind != "f":
        raise TypeError(f"{name}: parameter {k} is {dtype}; only float32 and float64 can be optimized")


def _of_one_dtype(name: str, params: list[Any]) -> list[list[Any]]:
    """The parameters in lists of one dtype each."""
    if not params:
        return []
    dtype = params[0]._value.dtype
    _check_dtype(f"{name}.step", 0, params[0])
    for p in params:
        if p._value.dtype is not dtype:
            break
    else:
        return [params]
    lists: dict[np.dtype, list[Any]] = {}
    for k, p in enumerate(params):
        _check_dtype(f"{name}.step", k, p)
        lists.setdefault(p._value.dtype, []).append(p)
    return list(lists.values())


def _remembered(states: list[State], params: list[Any], name: str) -> list[Any]:
    """What is remembered under a name: at first zeros of the parameters' shapes and dtypes."""
    found = []
    for state, p in zip(states, params, strict=True):
        buffer = state.get(name)
        if buffer is None:
            buffer = constant(np.zeros, p._value.shape, p._value.dtype)
        elif buffer._value.dtype is not p._value.dtype:  # the model was cast since
            buffer = cast(buffer, p._value.dtype)
        found.append(buffer)
    return found


def _saved(state: State) -> State:
    """What `state_dict` shows of a parameter's state: the step count as a tensor, as PyTorch has it."""
    return {
        name: constant(np.full, (), value, dtypes.float32) if name == "step" else value for name, value in state.items()
    }


def _loaded(name: str, value: Any, p: Variable) -> Any:
    """A copy of a saved entry; tensors and arrays as tensors of the parameter's dtype."""
    if name == "step":
        return int(value)
    if hasattr(value, "__array__"):
        return enter(np.asarray(value).astype(p._value.dtype, order="C"))
    return deepcopy(value)
