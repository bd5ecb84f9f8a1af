"""What all optimizers share: groups of parameters with options, state, and the frame of a step."""

from __future__ import annotations

import functools
import itertools
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
from ..core.hooks import Handle
from ..core.modes import recorder, recording
from ..core.signatures import constructor_tells
from ..core.variable import Variable
from ..nn.modules.module import clear_gradient
from ..nn.modules.parameter import UninitializedParameter
from ..ops.updates import zeros

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
        counts = None if self.counted is None else [_numbers_of(state) for state in self.counted]
        return {name: value for name, value in self.group.items() if name != "params"}, counts

    def restore(self, saved: Any) -> None:
        """Be what it was."""
        self.group.update(saved[0])
        for state, numbers in zip(self.counted or (), saved[1] or (), strict=True):
            for name in _numbers_of(state):
                if name not in numbers:
                    del state[name]
            state.update(numbers)


class MovingNumbers(Numbers):
    """Numbers of which some, beside the step's, are remembered of each parameter, and are others after each step.

    Parameters
    ----------
    options, group, states
        As of `Numbers`.
    before, after : callable
        Of the group and a parameter's state; give these numbers, by name, before the next step and after it.
    """

    __slots__ = ("after", "before")

    def __init__(
        self, options: Callable[[dict[str, Any]], tuple[Any, ...]], group: dict[str, Any], states: Any,
        before: Callable[..., dict[str, float]], after: Callable[..., dict[str, float]],
    ) -> None:  # fmt: skip
        super().__init__(options, group, states)
        self.before, self.after = before, after

    def read(self) -> dict[str, Any]:
        """The keywords of a kernel in ops/updates.py."""
        numbers = tuple([tuple(self.before(self.group, state).values()) for state in self.counted])
        return {**super().read(), "numbers": numbers}

    def done(self) -> None:
        """Note that a step was taken."""
        for state in self.counted:
            state.update(self.after(self.group, state))
        super().done()


def _numbers_of(state: State) -> dict[str, float]:
    return {name: value for name, value in state.items() if isinstance(value, (int, float))}


def _hooked(step: Callable[..., Any]) -> Callable[..., Any]:
    """A method `step` that calls the hooks of steps, and notes that there was one."""

    @functools.wraps(step)
    def call(self: Any, *args: Any, **keywords: Any) -> Any:
        if self._stepping or not (self._step_pre_hooks or self._step_post_hooks):
            result = step(self, *args, **keywords)
            self.stepped = True
            return result
        self._stepping = True  # a step that calls its base's is one
        try:
            given: tuple[Any, ...] = (self, *args)
            for hook in list(self._step_pre_hooks.values()):
                changed = hook(self, given, keywords)
                if changed is not None:
                    given, keywords = _as_arguments(self, changed)
            result = step(*given, **keywords)
            self.stepped = True
            for hook in list(self._step_post_hooks.values()):
                hook(self, given, keywords)
        finally:
            self._stepping = False
        return result

    return call


def _as_arguments(optimizer: Any, changed: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(changed, tuple) and len(changed) == 2 and isinstance(changed[1], dict):
        return changed
    raise RuntimeError(
        f"{optimizer._name}: a hook before steps gives None, or a tuple of new arguments and keywords, got {changed!r}"
    )


_hook_keys = itertools.count()


def check_implementation(
    name: str, foreach: bool | None = None, capturable: bool = False, differentiable: bool = False,
    fused: bool | None = None,
) -> None:  # fmt: skip
    """Raise if options that choose among PyTorch's implementations ask for what the one that there is cannot do."""
    if differentiable:
        raise ValueError(
            f"{name}: differentiable=True is not supported, since steps are not recorded; to differentiate through a "
            "step, compute the new parameters by operations (see wengert.func.functional_call)"
        )
    if foreach and fused:
        raise ValueError(f"{name}: expected foreach or fused, got both; here neither changes anything")


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
        If there are no parameters, one appears twice, or is not a leaf.
    TypeError
        If one is not a tensor of float32 or float64.

    Notes
    -----
    A parameter of a lazy layer may be given before it has a size: it stays the same object, and steps leave it alone
    until it has a gradient.

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
    _name = "Optimizer"  # what errors call it
    _choices: tuple[str, ...] = ()  # options that decide what is remembered, or which terms a step has
    _moving: tuple[str, ...] = ()  # numbers, beside the step's, that are remembered of each parameter

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        cls._name = cls.__name__
        if cls.__module__.startswith("wengert.optim."):  # one of our own
            constructor_tells(cls)
        if "step" in vars(cls):
            cls.step = _hooked(cls.step)  # type: ignore[method-assign]

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self._no_hooks()
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
                shape = "no shape yet" if isinstance(p, UninitializedParameter) else f"shape {p._value.shape}"
                raise ValueError(f"{self._name}: parameter {k} of this group, of {shape}, is in the optimizer already")
            known.add(id(p))
        for name, default in self.defaults.items():
            param_group.setdefault(name, default)
        param_group["params"] = params
        self._check_options(param_group)
        self.param_groups.append(param_group)

    def _check_parameter(self, k: int, p: Any) -> None:
        if not isinstance(p, Variable):
            raise TypeError(f"{self._name}: expected tensors as parameters, got a {type(p).__name__} at {k}")
        if p._node is not None:
            raise ValueError(f"{self._name}: parameter {k} is the result of an operation; only leaves can be optimized")
        _check_dtype(self._name, k, p)

    def _check_options(self, group: dict[str, Any]) -> None:
        """Raise if a group's options are out of range."""
        for name in (
            "lr", "momentum", "weight_decay", "eps", "lr_decay", "initial_accumulator_value", "alpha", "momentum_decay",
        ):  # fmt: skip
            if name in group and not group[name] >= 0:
                raise ValueError(f"{self._name}: expected {name} >= 0, got {group[name]}")

    def _check_betas(self, group: dict[str, Any]) -> None:
        if len(group["betas"]) != 2 or not all(0 <= beta < 1 for beta in group["betas"]):
            raise ValueError(f"{self._name}: expected two betas in [0, 1), got {group['betas']}")

    # ------------------------------------------------------------ the step

    @_hooked
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
        name = f"{self._name}.step"
        for group in self.param_groups:
            with_gradients = [p for p in group["params"] if p.grad is not None]
            for params in _of_one_dtype(name, with_gradients):
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
        if followed:
            for g in grads:
                require_unfollowed(g, "a step of an optimizer", also_unrecorded=True)
        written = [*params]
        new: list[tuple[State, str, Any]] = []
        dtype = params[0]._value.dtype
        for name in names:
            for k, state in enumerate(states):
                buffer = state.get(name)
                if buffer is None or buffer._value.dtype is not dtype:  # the model was cast since
                    buffer = self._start(group, params[k], name) if buffer is None else cast(buffer, dtype)
                    new.append((state, name, buffer))
                written.append(buffer)
        if self._moving:
            host: Numbers = MovingNumbers(self._numbers, group, states, self._before, self._after)
        else:
            host = Numbers(self._numbers, group, states if counted else None)
        change(f"{self._name}.step", tuple(written), kernel, *grads, host=host, count=len(params), **static)
        for state, name, buffer in new:  # now that nothing was wrong with the gradients
            state[name] = buffer

    def _start(self, group: dict[str, Any], p: Any, name: str) -> Any:
        """What is remembered of a parameter at first: zeros of its shape and dtype."""
        return zeros(p._value.shape, p._value.dtype)

    def _before(self, group: dict[str, Any], state: State) -> dict[str, float]:
        """The numbers named in `_moving` before the next step of a parameter."""
        raise TypeError(f"{self._name} does not say what its numbers {self._moving} are")

    def _after(self, group: dict[str, Any], state: State) -> dict[str, float]:
        """The numbers named in `_moving` after the next step of a parameter."""
        raise TypeError(f"{self._name} does not say what becomes of its numbers {self._moving}")

    def _depends(self, at_work: Any, group: dict[str, Any], states: list[State], names: Sequence[str]) -> None:
        """Tell who records a program what a step of this group depends on."""
        if id(self) in at_work.born:
            return
        at_work.guard(self, "state", self.state, "attribute")
        at_work.guard(self, "_registered", self._registered, "attribute")
        for hooks in (self._step_pre_hooks, self._step_post_hooks):
            for key, hook in hooks.items():
                at_work.guard(hooks, key, hook, "item")
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
            of the parameters under "params". The tensors are the optimizer's own, but for what counts steps.

        Examples
        --------
        >>> from wengert import optim
        >>> optim.SGD([wg.ones(2, requires_grad=True)], lr=0.5).state_dict()["param_groups"][0]["lr"]
        0.5
        """
        for hook in list(self._state_dict_pre_hooks.values()):
            hook(self)
        numbers: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            for p in group["params"]:
                numbers[id(p)] = len(numbers)
            groups.append({**group, "params": [numbers[id(p)] for p in group["params"]]})
            groups[-1]["params"] = groups[-1].pop("params")  # last, as in PyTorch
        state = {numbers[id(p)]: _saved(s, self._moving) for p, s in self.state.items() if s}
        found: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in list(self._state_dict_post_hooks.values()):
            changed = hook(self, found)
            found = found if changed is None else changed
        return found

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
        state_dict = dict(state_dict)
        for hook in list(self._load_state_dict_pre_hooks.values()):
            changed = hook(self, state_dict)
            state_dict = state_dict if changed is None else changed
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
            state[p] = {name: _loaded(name, value, p, self._moving) for name, value in entries.items()}
        for own, group in zip(self.param_groups, saved, strict=True):
            own.update({name: deepcopy(option) for name, option in group.items() if name != "params"})
        self.state = state
        for hook in list(self._load_state_dict_post_hooks.values()):
            hook(self)

    # ------------------------------------------------------------ hooks

    def _no_hooks(self) -> None:
        self._stepping = False
        self._registered = next(_hook_keys)  # another number when a hook is added
        self._step_pre_hooks: dict[int, Any] = {}
        self._step_post_hooks: dict[int, Any] = {}
        self._state_dict_pre_hooks: dict[int, Any] = {}
        self._state_dict_post_hooks: dict[int, Any] = {}
        self._load_state_dict_pre_hooks: dict[int, Any] = {}
        self._load_state_dict_post_hooks: dict[int, Any] = {}

    def __getstate__(self) -> dict[str, Any]:
        """What copies and pickles have: all but the hooks, which are of this optimizer."""
        return {name: value for name, value in vars(self).items() if not name.endswith("_hooks")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._no_hooks()
        vars(self).update(state)

    def _add_hook(self, hooks: dict[int, Any], hook: Callable[..., Any], prepend: bool = False) -> Handle:
        if not callable(hook):
            raise TypeError(f"{self._name}: expected a function as a hook, got {type(hook).__name__}")
        key = self._registered = next(_hook_keys)
        before = dict(hooks) if prepend else {}
        if prepend:
            hooks.clear()
        hooks[key] = hook
        hooks.update(before)
        return Handle(hooks, key)

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call a function before each step.

        Parameters
        ----------
        hook : callable
            Of the optimizer, the arguments of `step` (the first is the optimizer) and its keywords; gives None, or a
            tuple of new arguments and new keywords.

        Returns
        -------
        Handle
            With `remove()`.

        Notes
        -----
        A program (`wg.compile`) runs what hooks do to tensors, but not their Python.

        Examples
        --------
        >>> optimizer = wg.optim.SGD([wg.ones(2, requires_grad=True)], lr=0.5)
        >>> handle = optimizer.register_step_pre_hook(lambda optimizer, args, kwargs: print("before"))
        >>> optimizer.step()
        before
        """
        return self._add_hook(self._step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call a function after each step.

        Parameters
        ----------
        hook : callable
            Of the optimizer, the arguments of `step` (the first is the optimizer) and its keywords.

        Returns
        -------
        Handle
            With `remove()`.

        Examples
        --------
        >>> optimizer = wg.optim.SGD([wg.ones(2, requires_grad=True)], lr=0.5)
        >>> handle = optimizer.register_step_post_hook(lambda optimizer, args, kwargs: print("after"))
        >>> optimizer.step()
        after
        """
        return self._add_hook(self._step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> Handle:
        """Call a function before `state_dict` is made.

        Parameters
        ----------
        hook : callable
            Of the optimizer.
        prepend : bool
            Before the hooks that are there, rather than after them.

        Returns
        -------
        Handle
            With `remove()`.

        Examples
        --------
        >>> optimizer = wg.optim.SGD([wg.ones(2, requires_grad=True)], lr=0.5)
        >>> handle = optimizer.register_state_dict_pre_hook(lambda optimizer: print("saving"))
        >>> state = optimizer.state_dict()
        saving
        """
        return self._add_hook(self._state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> Handle:
        """Call a function after `state_dict` is made.

        Parameters
        ----------
        hook : callable
            Of the optimizer and the state; changes it, or gives another one.
        prepend : bool
            Before the hooks that are there, rather than after them.

        Returns
        -------
        Handle
            With `remove()`.

        Examples
        --------
        >>> optimizer = wg.optim.SGD([wg.ones(2, requires_grad=True)], lr=0.5)
        >>> handle = optimizer.register_state_dict_post_hook(lambda optimizer, state: {**state, "note": "by hand"})
        >>> optimizer.state_dict()["note"]
        'by hand'
        """
        return self._add_hook(self._state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> Handle:
        """Call a function before `load_state_dict` takes over a state.

        Parameters
        ----------
        hook : callable
            Of the optimizer and a shallow copy of the state; changes it, or gives another one.
        prepend : bool
            Before the hooks that are there, rather than after them.

        Returns
        -------
        Handle
            With `remove()`.

        Examples
        --------
        >>> optimizer = wg.optim.SGD([wg.ones(2, requires_grad=True)], lr=0.5)
        >>> handle = optimizer.register_load_state_dict_pre_hook(lambda optimizer, state: print(sorted(state)))
        >>> optimizer.load_state_dict(optimizer.state_dict())
        ['param_groups', 'state']
        """
        return self._add_hook(self._load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any], prepend: bool = False) -> Handle:
        """Call a function after `load_state_dict` has taken over a state.

        Parameters
        ----------
        hook : callable
            Of the optimizer.
        prepend : bool
            Before the hooks that are there, rather than after them.

        Returns
        -------
        Handle
            With `remove()`.

        Examples
        --------
        >>> optimizer = wg.optim.SGD([wg.ones(2, requires_grad=True)], lr=0.5)
        >>> handle = optimizer.register_load_state_dict_post_hook(lambda optimizer: print("loaded"))
        >>> optimizer.load_state_dict(optimizer.state_dict())
        loaded
        """
        return self._add_hook(self._load_state_dict_post_hooks, hook, prepend)

    def __repr__(self) -> str:
        groups = []
        for k, group in enumerate(self.param_groups):
            options = [f"    {name}: {group[name]}\n" for name in sorted(group) if name != "params"]
            groups.append(f"Parameter Group {k}\n{''.join(options)}")
        return f"{self._name} (\n" + "\n".join(groups) + ")"


def _check_dtype(name: str, k: int, p: Variable) -> None:
    dtype = p._value.dtype
    if dtype is dtypes.float32 or dtype is dtypes.float64:
        return
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
    for p in params:
        if p._value.dtype is not dtype:
            break
    else:
        _check_dtype(name, 0, params[0])
        return [params]
    lists: dict[np.dtype, list[Any]] = {}
    for k, p in enumerate(params):
        _check_dtype(name, k, p)
        lists.setdefault(p._value.dtype, []).append(p)
    return list(lists.values())


def _saved(state: State, moving: tuple[str, ...]) -> State:
    """What `state_dict` shows of a parameter's state: numbers of steps as tensors, as PyTorch has them."""
    dtype = {"step": dtypes.float32} | dict.fromkeys(moving, dtypes.float64)
    return {
        name: constant(np.full, (), value, dtype[name]) if name in dtype else value for name, value in state.items()
    }


def _loaded(name: str, value: Any, p: Variable, moving: tuple[str, ...] = ()) -> Any:
    """A copy of a saved entry; tensors and arrays, in lists too, as tensors of the parameter's dtype."""
    if name == "step":
        return int(value)
    if name in moving:
        return float(value)
    if hasattr(value, "__array__"):
        return enter(np.asarray(value).astype(p._value.dtype, order="C"))
    if isinstance(value, (list, tuple)):
        return type(value)([_loaded("", part, p) for part in value])
    return deepcopy(value)
