"""Module: what holds parameters, buffers and other modules, and computes something from them.

The three registries `_parameters`, `_buffers` and `_modules` say what a module has. Each entry is at the same time an
ordinary attribute, so that `self.weight` in a forward pass costs a dict lookup and no call of `__getattr__`. Assigning
to attributes keeps both in step.
"""

from __future__ import annotations

import itertools
import mmap
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, Protocol, TypeVar

import numpy as np

from ...autograd import Handle
from ...compiling import OPTIONS, Compiled
from ...compiling import compile as compiled
from ...core.broadcast import cast
from ...core.devices import keep_on_cpu
from ...core.doors import change, constant
from ...core.modes import ever, mode, recorder
from ...core.signatures import constructor_tells
from ...ops.creation import empty, from_numpy
from ...tensors.tensor import Tensor
from . import state
from .crossing import Crossing
from .markup import module_html
from .parameter import Parameter, UninitializedParameter
from .state import IncompatibleKeys as IncompatibleKeys

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)
M = TypeVar("M", bound="Module")
_hook_keys = itertools.count()


class _Runs(Protocol[P, R_co]):
    """A module as a checker sees a call of it: what its `forward` takes and gives."""

    @property
    def forward(self) -> Callable[P, R_co]: ...


class Module:
    """The base of all layers and models.

    A subclass calls `super().__init__()`, assigns parameters and modules to attributes, and defines `forward`; calling
    the module calls `forward`. A type checker knows of a call what the annotations of `forward` say.

    Attributes
    ----------
    training : bool
        Whether layers that behave differently in training do so: set by `train` and `eval`.
    call_super_init : bool
        Of a class: whether `Module.__init__` calls the next class's, for classes with other bases after it.

    Examples
    --------
    >>> class Scale(wg.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.factor = wg.nn.Parameter(wg.tensor(2.))
    ...
    ...     def forward(self, x):
    ...         return self.factor * x
    >>> Scale()(wg.tensor([1., 2.]))
    tensor([2., 4.], grad_fn=<MulBackward0>)
    """

    training: bool
    forward: Callable[..., Any]
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]
    call_super_init = False
    dump_patches = False  # PyTorch's, of no effect there either
    _version = 1  # of the state, which its `_metadata` has
    _program: Any = None  # what `compile` made: it runs in place of `forward` where nothing is recorded
    _direct = False  # calls go straight to forward: there are no hooks, and the first call has been checked
    _warned = False  # of modules that are not registered

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if cls.__module__.startswith("wengert.nn.modules."):  # one of our own layers
            constructor_tells(cls)
            keep_on_cpu(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args or kwargs:
            self._refuse_or_pass_on(args, kwargs)
        elif self.call_super_init:
            super().__init__()
        start = super().__setattr__
        start("training", True)
        if ever.recordings and recorder() is not None:
            recorder().made(self)
        start("_parameters", {})
        start("_buffers", {})
        start("_modules", {})
        start("_transient", set())  # the names of buffers that the state leaves out
        start("_forward_hooks", {})
        start("_forward_pre_hooks", {})
        start("_backward_hooks", {})
        start("_backward_pre_hooks", {})

    def _refuse_or_pass_on(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if self.call_super_init:
            super().__init__(*args, **kwargs)
            return
        given = f"{len(args)} positional argument(s)" if args else f"a keyword argument {next(iter(kwargs))!r}"
        raise TypeError(
            f"{type(self).__name__}: Module.__init__ takes no arguments, got {given}; with call_super_init = True the "
            "class after Module gets them"
        )

    # ------------------------------------------------------------ calling

    if TYPE_CHECKING:

        def __call__(self: _Runs[P, R_co], *args: P.args, **keywords: P.kwargs) -> R_co: ...

    else:

        def __call__(self, *args: Any, **keywords: Any) -> Any:
            if ever.recordings:
                _depends(self)
            try:
                if self._direct:
                    return self.forward(*args, **keywords)
                return self._call_checked(args, keywords)
            except (ValueError, TypeError, IndexError, RuntimeError) as error:
                _name_layer(error, self)
                raise

    def _only_forward(self) -> bool:
        """Whether a call is the class's own `forward` and nothing else: there are no hooks."""
        return (
            "forward" not in vars(self)
            and self._program is None
            and not (self._forward_hooks or self._forward_pre_hooks or self._backward_hooks or self._backward_pre_hooks)
        )

    def _call_checked(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """The first call, and every call while there are hooks."""
        if "_modules" not in vars(self):
            raise RuntimeError(f"call super().__init__() in {type(self).__name__}.__init__ before anything else")
        _warn_unregistered(self)
        crossing = None
        if self._backward_hooks or self._backward_pre_hooks:
            crossing = Crossing(self, self._backward_pre_hooks.values(), self._backward_hooks.values())
        elif not self._forward_hooks and not self._forward_pre_hooks:
            self._direct = self._program is None
            return self._run(args, keywords)
        for hook, with_keywords in list(self._forward_pre_hooks.values()):
            changed = hook(self, args, keywords) if with_keywords else hook(self, args)
            if changed is not None and with_keywords:
                args, keywords = changed
            elif changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
        if crossing is not None:
            args = crossing.enter(args)
        result = self._run(args, keywords)
        for hook, with_keywords in list(self._forward_hooks.values()):
            changed = hook(self, args, keywords, result) if with_keywords else hook(self, args, result)
            if changed is not None:
                result = changed
        return result if crossing is None else crossing.leave(result)

    def _run(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Forward, or its program where there is one and nothing is recorded: its results have no history."""
        run = self.forward if self._program is None or mode.recording else self._program
        return run(*args, **keywords)

    def _noted(self, *args: Any, **keywords: Any) -> Any:
        """Forward, for a program that is to know what this module's state is."""
        if ever.recordings:
            _depends(self)
        return self.forward(*args, **keywords)

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Let `wg.compile` make a program of `forward`, in place: calls under `no_grad` or `inference_mode` run it.

        Calls that are recorded run `forward` itself, since results of programs have no history: compile the whole step
        of a training by `wg.compile`.

        Parameters
        ----------
        *args, **kwargs
            PyTorch's options (`fullgraph`, `dynamic`, `backend`, `mode`, `options`, `disable`), of which `disable`
            alone has an effect; and `check`, as of `wg.compile`.

        Raises
        ------
        TypeError
            By another option.

        Examples
        --------
        >>> from wengert import nn
        >>> net = nn.Linear(2, 1)
        >>> net.compile()
        >>> with wg.no_grad():
        ...     [net(wg.ones(2)).shape for _ in range(3)]
        [wengert.Size([1]), wengert.Size([1]), wengert.Size([1])]
        """
        given = {**dict(zip(OPTIONS, args, strict=False)), **kwargs}
        unknown = set(given) - {*OPTIONS, "check"}
        if unknown or len(args) > len(OPTIONS):
            raise TypeError(
                f"{type(self).__name__}.compile: expected {', '.join(OPTIONS)} or check, got "
                f"{', '.join(sorted(unknown)) or f'{len(args)} positional arguments'}"
            )
        self._program = None if given.get("disable") else compiled(self._noted, check=bool(given.get("check", False)))
        self._direct = False

    def __compiled__(self, check: bool) -> OptimizedModule:
        """What `wg.compile` gives in this module's place."""
        return OptimizedModule(self, check)

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> Handle:
        """Call `hook(module, args)` before each forward pass; what it returns, if anything, replaces the arguments.

        Parameters
        ----------
        hook : function
        prepend : bool
            Call it before the hooks that are there already.
        with_kwargs : bool
            Call `hook(module, args, kwargs)`; it then returns both or None.

        Returns
        -------
        handle
            `handle.remove()` takes the hook away.

        Examples
        --------
        >>> from wengert import nn
        >>> net = nn.Linear(2, 1)
        >>> handle = net.register_forward_pre_hook(lambda module, args: print("input of shape", args[0].shape))
        >>> y = net(wg.ones(3, 2))
        input of shape wengert.Size([3, 2])
        >>> handle.remove()
        """
        return self._add_hook(self._forward_pre_hooks, hook, prepend, with_kwargs)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> Handle:
        """Call `hook(module, args, output)` after each forward pass; what it returns, if anything, replaces the output.

        Parameters
        ----------
        hook : function
        prepend : bool
            Call it before the hooks that are there already.
        with_kwargs : bool
            Call `hook(module, args, kwargs, output)`.

        Returns
        -------
        handle
            `handle.remove()` takes the hook away.

        Examples
        --------
        >>> from wengert import nn
        >>> net = nn.ReLU()
        >>> handle = net.register_forward_hook(lambda module, args, output: output * 10)
        >>> net(wg.tensor([-1., 2.]))
        tensor([ 0., 20.])
        >>> handle.remove()
        """
        return self._add_hook(self._forward_hooks, hook, prepend, with_kwargs)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> Handle:
        """Call `hook(module, grad_input, grad_output)` when a walk knows the gradients by the positional arguments and
        by the results; what it returns, if anything, replaces the former.

        Both are tuples, with None for what is no tensor, and zeros for one by which nothing flows. Only results that
        are a tensor or a tuple are seen. Where no argument requires a gradient, it is called when `grad_output` is
        known. Forward mode has no gradients, and passes it by.

        Parameters
        ----------
        hook : function
        prepend : bool
            Call it before the hooks that are there already.

        Returns
        -------
        Handle
            `handle.remove()` takes the hook away.

        Raises
        ------
        RuntimeError
            In the walk, if it returns another number of gradients, or ones of other shapes.

        Examples
        --------
        >>> net = wg.nn.Tanh()
        >>> handle = net.register_full_backward_hook(lambda module, grad_input, grad_output: print(grad_input))
        >>> net(wg.zeros(2, requires_grad=True)).sum().backward()
        (tensor([1., 1.]),)
        """
        return self._add_hook(self._backward_hooks, hook, prepend, False)

    def register_backward_hook(self, hook: Callable[..., Any]) -> Handle:
        """The older name of `register_full_backward_hook`, which it is here.

        (PyTorch's older hook gets the gradients of the last operation alone, and is deprecated for it.)

        Parameters
        ----------
        hook : function

        Returns
        -------
        Handle
            `handle.remove()` takes the hook away.

        Examples
        --------
        >>> net = wg.nn.Tanh()
        >>> handle = net.register_backward_hook(lambda module, grad_input, grad_output: print(grad_output))
        >>> net(wg.zeros(2, requires_grad=True)).sum().backward()
        (tensor([1., 1.]),)
        """
        return self.register_full_backward_hook(hook)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> Handle:
        """Call `hook(module, grad_output)` when a walk knows the gradients by the results; what it returns, if
        anything, replaces them. See `register_full_backward_hook`.

        Parameters
        ----------
        hook : function
        prepend : bool
            Call it before the hooks that are there already.

        Returns
        -------
        Handle
            `handle.remove()` takes the hook away.

        Raises
        ------
        RuntimeError
            In the walk, if it returns another number of gradients, or ones of other shapes.

        Examples
        --------
        >>> net, x = wg.nn.Tanh(), wg.zeros(2, requires_grad=True)
        >>> handle = net.register_full_backward_pre_hook(lambda module, grad_output: (grad_output[0] * 10,))
        >>> net(x).sum().backward()
        >>> x.grad
        tensor([10., 10.])
        """
        return self._add_hook(self._backward_pre_hooks, hook, prepend, False)

    def _add_hook(self, hooks: dict[int, Any], hook: Callable[..., Any], prepend: bool, with_keywords: bool) -> Handle:
        key = next(_hook_keys)
        before = dict(hooks) if prepend else {}
        if prepend:
            hooks.clear()
        hooks[key] = hook, with_keywords
        hooks.update(before)
        self._direct = False
        return Handle(hooks, key)

    # ------------------------------------------------------------ attributes

    def __setattr__(self, name: str, value: Any) -> None:
        registries = vars(self)
        if isinstance(value, (Parameter, Module)):
            if "_modules" not in registries:
                raise AttributeError(
                    f"call super().__init__() in {type(self).__name__}.__init__ before assigning to .{name}"
                )
            own = registries["_parameters" if isinstance(value, Parameter) else "_modules"]
            if name not in own:
                self._forget(name)
            if isinstance(value, Parameter):
                self.register_parameter(name, value)
            else:
                self.add_module(name, value)
            return
        if "_modules" in registries:
            for kind, registry in (("parameter", "_parameters"), ("module", "_modules"), ("buffer", "_buffers")):
                if name in registries[registry]:
                    if not (value is None or (kind == "buffer" and isinstance(value, Tensor))):
                        raise TypeError(
                            f"{type(self).__name__}.{name} is a {kind}; it can be set to a {_WANTED[kind]} or None, "
                            f"not to a {type(value).__name__}"
                        )
                    registries[registry][name] = value
                    break
        super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        # Reached only for what is no ordinary attribute: an entry made in a registry itself, as _modules[name] = m.
        registries = vars(self)
        for registry in ("_parameters", "_buffers", "_modules"):
            entries = registries.get(registry)
            if entries is not None and name in entries:
                return entries[name]
        if name == "forward":
            raise AttributeError(
                f"{type(self).__name__} has no forward; define forward(self, ...), what calling it computes"
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __delattr__(self, name: str) -> None:
        if not self._forget(name):
            super().__delattr__(name)

    def _forget(self, name: str) -> bool:
        """Remove an attribute, from its registry too; False if there is none."""
        registries = vars(self)
        found = registries.pop(name, self) is not self
        for registry in ("_parameters", "_buffers", "_modules"):
            found = registries.get(registry, {}).pop(name, self) is not self or found
        self._transient.discard(name)
        return found

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._parameters, *self._buffers, *self._modules})

    def _register(self, registry: dict[str, Any], kind: str, name: str, value: Any) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{type(self).__name__}: expected a string as the name of a {kind}, got {name!r}")
        if not name or "." in name:
            raise KeyError(f"{type(self).__name__}: a {kind}'s name is not empty and has no dot, got {name!r}")
        if name not in registry and hasattr(self, name):
            raise KeyError(f"{type(self).__name__} has an attribute {name!r} already")
        registry[name] = value
        super().__setattr__(name, value)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter, or with None the name of one that is absent.

        Parameters
        ----------
        name : str
        param : Parameter or None

        Raises
        ------
        KeyError
            If the name is taken, empty, or has a dot.
        TypeError
            If it is not a parameter.

        Examples
        --------
        >>> m = wg.nn.Module()
        >>> m.register_parameter("bias", None)
        >>> m.bias is None
        True
        """
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"register_parameter: expected a nn.Parameter or None, got {type(param).__name__}")
        self._register(self._parameters, "parameter", name, param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that belongs to the state but is not trained.

        Parameters
        ----------
        name : str
        tensor : Tensor or None
        persistent : bool
            Whether `state_dict` has it.

        Raises
        ------
        KeyError
            If the name is taken, empty, or has a dot.
        TypeError
            If it is not a tensor.

        Examples
        --------
        >>> m = wg.nn.Module()
        >>> m.register_buffer("mean", wg.zeros(2))
        >>> m.mean
        tensor([0., 0.])
        """
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"register_buffer: expected a tensor or None, got {type(tensor).__name__}")
        self._register(self._buffers, "buffer", name, tensor)
        (self._transient.discard if persistent else self._transient.add)(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a module under a name, which becomes an attribute.

        Raises
        ------
        KeyError
            If the name is taken, empty, or has a dot.
        TypeError
            If it is not a module.

        Examples
        --------
        >>> m = wg.nn.Module()
        >>> m.add_module("act", wg.nn.ReLU())
        >>> m.act
        ReLU()
        """
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{type(self).__name__}: expected a nn.Module, got {kind_of(module)}")
        self._register(self._modules, "module", name, module)

    register_module = add_module

    # ------------------------------------------------------------ walks

    def named_modules(
        self, memo: set[int] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module and all below it with their dotted names, each module once.

        Parameters
        ----------
        memo : set of int or None
            The ids of modules to leave out; those that are given are added.
        prefix : str
            Put before the names.
        remove_duplicate : bool
            Whether a module that occurs twice is given once.

        Returns
        -------
        iterator of (str, Module)

        Examples
        --------
        >>> from wengert import nn
        >>> net = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
        >>> [name for name, module in net.named_modules()]
        ['', '0', '1']
        """
        memo = set() if memo is None else memo
        if id(self) in memo:
            return
        if remove_duplicate:
            memo.add(id(self))
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                yield from module.named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def modules(self) -> Iterator[Module]:
        """This module and all below it, each once.

        Returns
        -------
        iterator of Module

        Examples
        --------
        >>> from wengert import nn
        >>> len(list(nn.Sequential(nn.Linear(2, 3), nn.ReLU()).modules()))
        3
        """
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly below this one with their names, each once.

        Returns
        -------
        iterator of (str, Module)

        Examples
        --------
        >>> from wengert import nn
        >>> dict(nn.Sequential(nn.Tanh(), nn.ReLU()).named_children())
        {'0': Tanh(), '1': ReLU()}
        """
        seen = set()
        for name, module in self._modules.items():
            if module is not None and id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def children(self) -> Iterator[Module]:
        """The modules directly below this one, each once.

        Returns
        -------
        iterator of Module

        Examples
        --------
        >>> from wengert import nn
        >>> list(nn.Sequential(nn.Tanh(), nn.ReLU()).children())
        [Tanh(), ReLU()]
        """
        return (module for _, module in self.named_children())

    def _named_members(self, registry: str, prefix: str, recurse: bool, once: bool) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        for path, module in self.named_modules(prefix=prefix, remove_duplicate=once) if recurse else [(prefix, self)]:
            for name, member in getattr(module, registry).items():
                if member is None or id(member) in seen:
                    continue
                if once:
                    seen.add(id(member))
                yield f"{path}.{name}" if path else name, member

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """The parameters of this module and of all below it with their dotted names.

        Parameters
        ----------
        prefix : str
            Put in front of each name, with a dot.
        recurse : bool
            Whether to go below this module.
        remove_duplicate : bool
            Whether a shared parameter appears once.

        Returns
        -------
        iterator of (str, Parameter)

        Examples
        --------
        >>> [name for name, _ in wg.nn.Sequential(wg.nn.Linear(2, 3)).named_parameters()]
        ['0.weight', '0.bias']
        """
        _warn_unregistered(self)
        return self._named_members("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters of this module and of all below it, each once.

        Parameters
        ----------
        recurse : bool
            Whether those of the modules below are given too.

        Returns
        -------
        iterator of Parameter

        Examples
        --------
        >>> from wengert import nn
        >>> [p.shape for p in nn.Linear(2, 3).parameters()]
        [wengert.Size([3, 2]), wengert.Size([3])]
        """
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """The buffers of this module and of all below it with their dotted names.

        Parameters
        ----------
        prefix : str
            Put before the names.
        recurse : bool
            Whether those of the modules below are given too.
        remove_duplicate : bool
            Whether a buffer that occurs twice is given once.

        Returns
        -------
        iterator of (str, Tensor)

        Examples
        --------
        >>> from wengert import nn
        >>> [name for name, buffer in nn.BatchNorm1d(2).named_buffers()]
        ['running_mean', 'running_var', 'num_batches_tracked']
        """
        return self._named_members("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers of this module and of all below it, each once.

        Parameters
        ----------
        recurse : bool
            Whether those of the modules below are given too.

        Returns
        -------
        iterator of Tensor

        Examples
        --------
        >>> from wengert import nn
        >>> next(nn.BatchNorm1d(2).buffers())
        tensor([0., 0.])
        """
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def get_submodule(self, target: str) -> Module:
        """The module with a dotted name; this one for "".

        Parameters
        ----------
        target : str

        Returns
        -------
        Module

        Raises
        ------
        AttributeError
            If there is none.

        Examples
        --------
        >>> wg.nn.Sequential(wg.nn.ReLU()).get_submodule("0")
        ReLU()
        """
        module = self
        for name in target.split(".") if target else ():
            below = module._modules.get(name)
            if below is None:
                raise AttributeError(
                    f"get_submodule: there is no {target!r}: {type(module).__name__} has no module {name!r}, only "
                    f"{', '.join(map(repr, module._modules)) or 'none'}"
                )
            module = below
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put a module where the dotted name of one is, or would be.

        Parameters
        ----------
        target : str
        module : Module
        strict : bool
            Whether there has to be one of that name.

        Raises
        ------
        ValueError
            If the name is empty, or `module` is none.
        AttributeError
            If what it would belong to is not there, or the name is that of something else.

        Examples
        --------
        >>> net = wg.nn.Sequential(wg.nn.Linear(2, 3), wg.nn.ReLU())
        >>> net.set_submodule("1", wg.nn.Tanh())
        >>> net[1]
        Tanh()
        """
        if not target:
            raise ValueError("set_submodule: cannot set the submodule without a target name")
        if not isinstance(module, Module):
            raise ValueError(f"set_submodule: expected a nn.Module, got {kind_of(module)}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        there = getattr(parent, name, None)
        if (strict and there is None) or (there is not None and not isinstance(there, Module)):
            raise AttributeError(
                f"set_submodule: {target!r} cannot be set: {type(parent).__name__} has "
                f"{'no module' if there is None else 'something else than a module'} named {name!r}"
            )
        setattr(parent, name, module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter with a dotted name.

        Parameters
        ----------
        target : str

        Returns
        -------
        Parameter

        Raises
        ------
        AttributeError
            If there is none.

        Examples
        --------
        >>> from wengert import nn
        >>> nn.Sequential(nn.Linear(2, 3)).get_parameter("0.bias").shape
        wengert.Size([3])
        """
        parameter: Parameter = self._get_member("parameter", "_parameters", target)
        return parameter

    def get_buffer(self, target: str) -> Tensor:
        """The buffer with a dotted name.

        Parameters
        ----------
        target : str

        Returns
        -------
        Tensor

        Raises
        ------
        AttributeError
            If there is none.

        Examples
        --------
        >>> from wengert import nn
        >>> nn.Sequential(nn.BatchNorm1d(2)).get_buffer("0.running_mean")
        tensor([0., 0.])
        """
        buffer: Tensor = self._get_member("buffer", "_buffers", target)
        return buffer

    def _get_member(self, kind: str, registry: str, target: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        found = getattr(module, registry).get(name)
        if found is None:
            raise AttributeError(
                f"get_{kind}: there is no {target!r}: {type(module).__name__} has no {kind} {name!r}, only "
                f"{', '.join(map(repr, getattr(module, registry))) or 'none'}"
            )
        return found

    def apply(self: M, fn: Callable[[Module], None]) -> M:
        """Call `fn` with every module below this one, and then with this one.

        Returns
        -------
        Module
            This one.

        Examples
        --------
        >>> net = wg.nn.Sequential(wg.nn.Linear(2, 1))
        >>> def start_at_zero(module):
        ...     if isinstance(module, wg.nn.Linear):
        ...         wg.nn.init.zeros_(module.weight)
        >>> net.apply(start_at_zero)[0].weight
        Parameter containing:
        tensor([[0., 0.]], requires_grad=True)
        """
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    # ------------------------------------------------------------ modes, gradients, dtypes

    def train(self: M, mode: bool = True) -> M:
        """Let this module and all below behave as in training, or with False as in evaluation; returns this one.

        Parameters
        ----------
        mode : bool

        Returns
        -------
        Module
            This one.

        Raises
        ------
        ValueError
            If `mode` is not a bool.

        Examples
        --------
        >>> from wengert import nn
        >>> net = nn.Dropout(0.5).eval()
        >>> net.train().training
        True
        """
        if not isinstance(mode, bool):
            raise ValueError(f"train: expected True or False, got {mode!r}")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self: M) -> M:
        """Let this module and all below behave as in evaluation; returns this one.

        Returns
        -------
        Module
            This one.

        Examples
        --------
        >>> from wengert import nn
        >>> nn.Dropout(0.5).eval()(wg.ones(3))
        tensor([1., 1., 1.])
        """
        return self.train(False)

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Let all parameters require a gradient, or none; returns this module.

        Parameters
        ----------
        requires_grad : bool

        Returns
        -------
        Module
            This one.

        Examples
        --------
        >>> from wengert import nn
        >>> net = nn.Linear(2, 1).requires_grad_(False)
        >>> net(wg.ones(2)).requires_grad
        False
        """
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or with `set_to_none=False` fill them with zeros.

        Parameters
        ----------
        set_to_none : bool

        Examples
        --------
        >>> from wengert import nn
        >>> net = nn.Linear(2, 1)
        >>> net(wg.ones(2)).sum().backward()
        >>> net.zero_grad()
        >>> net.bias.grad is None
        True
        """
        for module in self.modules():
            for parameter in module._parameters.values():
                if parameter is not None:
                    clear_gradient(parameter, set_to_none)

    def to(
        self: M, *args: Any, dtype: Any = None, device: Any = None, non_blocking: bool = False,
        memory_format: Any = None,
    ) -> M:  # fmt: skip
        """Convert floating parameters and buffers to another dtype, in place; the only device is the CPU.

        Parameters
        ----------
        *args : dtype, device or a tensor whose dtype is meant; then non_blocking
        dtype : dtype
        device : device or str
            "cpu".
        non_blocking : bool
            Accepted as in PyTorch.
        memory_format : object
            Accepted as in PyTorch, of no effect.

        Returns
        -------
        Module
            This one. Its parameters stay the same objects, so optimizers keep them.

        Raises
        ------
        TypeError
            If the dtype is not floating.
        ValueError
            If another device is asked for.

        Examples
        --------
        >>> wg.nn.Linear(2, 3).to(wg.float64).weight.dtype
        dtype('float64')
        """
        # Tensors of two dtypes come out alike exactly if a dtype is asked for.
        targets = {constant(np.empty, 0, d).to(*args, dtype=dtype, device=device).dtype for d in (np.int8, np.int16)}
        if len(targets) > 1:
            return self
        target = targets.pop()
        if target.kind != "f":
            raise TypeError(f"{type(self).__name__}.to: parameters have a floating dtype, got {target}")
        for module in self.modules():
            for parameter in module._parameters.values():
                if isinstance(parameter, UninitializedParameter):
                    parameter.retype(target)
                elif parameter is not None:
                    _convert(parameter, target)
            for buffer in module._buffers.values():
                if isinstance(buffer, UninitializedParameter):
                    buffer.retype(target)
                elif buffer is not None:
                    _convert(buffer, target)
        return self

    def float(self: M) -> M:
        """Convert floating parameters and buffers to float32, in place.

        Returns
        -------
        Module
            This one.

        Examples
        --------
        >>> from wengert import nn
        >>> nn.Linear(2, 1, dtype=wg.float64).float().weight.dtype
        dtype('float32')
        """
        return self.to(dtype=np.float32)

    def double(self: M) -> M:
        """Convert floating parameters and buffers to float64, in place.

        Returns
        -------
        Module
            This one.

        Examples
        --------
        >>> from wengert import nn
        >>> nn.Linear(2, 1).double().weight.dtype
        dtype('float64')
        """
        return self.to(dtype=np.float64)

    def half(self: M) -> M:
        """Convert floating parameters and buffers to float16, in place.

        Returns
        -------
        Module
            This one.

        Examples
        --------
        >>> from wengert import nn
        >>> nn.Linear(2, 1).half().weight.dtype
        dtype('float16')
        """
        return self.to(dtype=np.float16)

    def bfloat16(self) -> NoReturn:
        """Refused: NumPy, whose arrays tensors are, has no such dtype.

        Raises
        ------
        TypeError
            Always.

        Examples
        --------
        >>> wg.nn.Linear(2, 1).bfloat16()
        Traceback (most recent call last):
            ...
        TypeError: Linear.bfloat16: there is no such dtype here, as NumPy has none; half() gives float16
        """
        raise TypeError(
            f"{type(self).__name__}.bfloat16: there is no such dtype here, as NumPy has none; half() gives float16"
        )

    def type(self: M, dst_type: Any) -> M:
        """Convert floating parameters and buffers to a dtype, in place.

        Parameters
        ----------
        dst_type : dtype

        Returns
        -------
        Module
            This one.

        Examples
        --------
        >>> from wengert import nn
        >>> nn.Linear(2, 1).type(wg.float64).weight.dtype
        dtype('float64')
        """
        return self.to(dtype=dst_type)

    def cpu(self: M) -> M:
        """This module: it is on the CPU already.

        Returns
        -------
        Module
            This one.

        Examples
        --------
        >>> from wengert import nn
        >>> nn.ReLU().cpu()
        ReLU()
        """
        return self

    def ipu(self, device: Any = None) -> NoReturn:
        """Refused, as `xpu` and `mtia` are: this library is the CPU's.

        Parameters
        ----------
        device : object

        Raises
        ------
        RuntimeError
            Always.

        Examples
        --------
        >>> wg.nn.ReLU().ipu()
        Traceback (most recent call last):
            ...
        RuntimeError: ReLU.ipu: this library computes on the CPU alone, where its modules are already
        """
        self._refuse_device("ipu")

    def xpu(self, device: Any = None) -> NoReturn:
        """Refused: this library is the CPU's.

        Parameters
        ----------
        device : object

        Raises
        ------
        RuntimeError
            Always.

        Examples
        --------
        >>> wg.nn.ReLU().xpu()
        Traceback (most recent call last):
            ...
        RuntimeError: ReLU.xpu: this library computes on the CPU alone, where its modules are already
        """
        self._refuse_device("xpu")

    def mtia(self, device: Any = None) -> NoReturn:
        """Refused: this library is the CPU's.

        Parameters
        ----------
        device : object

        Raises
        ------
        RuntimeError
            Always.

        Examples
        --------
        >>> wg.nn.ReLU().mtia()
        Traceback (most recent call last):
            ...
        RuntimeError: ReLU.mtia: this library computes on the CPU alone, where its modules are already
        """
        self._refuse_device("mtia")

    def _refuse_device(self, name: str) -> NoReturn:
        raise RuntimeError(
            f"{type(self).__name__}.{name}: this library computes on the CPU alone, where its modules are already"
        )

    def _tensors(self, recurse: bool = True) -> Iterator[Tensor]:
        """The parameters and buffers that have a size, each once, and their gradients."""
        once: dict[int, Tensor] = {}
        for module in self.modules() if recurse else (self,):
            for tensor in (*module._parameters.values(), *module._buffers.values()):
                if tensor is not None and not isinstance(tensor, UninitializedParameter):
                    once.update({id(x): x for x in (tensor, tensor.grad) if x is not None})
        yield from once.values()

    def to_empty(self, *, device: Any, recurse: bool = True) -> Any:
        """Give parameters, buffers and gradients new memory, whose items are arbitrary, in place.

        Parameters
        ----------
        device : "cpu" or None
        recurse : bool
            Whether those of the modules below are given it too.

        Returns
        -------
        Module
            This one. Its parameters stay the same objects.

        Raises
        ------
        ValueError
            If another device is asked for.

        Examples
        --------
        >>> wg.nn.Linear(2, 3).to_empty(device="cpu").weight.shape
        wengert.Size([3, 2])
        """
        if device is not None:
            constant(np.empty, 0, np.int8).to(device=device)  # raises for another
        for tensor in self._tensors(recurse):
            tensor.data = empty(tensor.shape, dtype=tensor.dtype)
        return self

    def share_memory(self) -> Any:
        """Move parameters, buffers and gradients to memory that this process shares with those that it forks later.

        What either writes there the other sees, as several workers do that train one model. A copy that is sent to a
        process by pickle, as to one that is spawned, is a copy.

        Returns
        -------
        Module
            This one. Its parameters stay the same objects.

        Examples
        --------
        >>> wg.nn.Linear(2, 3).share_memory()
        Linear(in_features=2, out_features=3, bias=True)
        """
        for tensor in self._tensors():
            array = tensor.detach().numpy()
            memory = mmap.mmap(-1, max(array.nbytes, 1))  # anonymous, and shared
            shared = np.frombuffer(memory, array.dtype, array.size).reshape(array.shape)
            np.copyto(shared, array)
            tensor.data = from_numpy(shared)
        return self

    def cuda(self, device: Any = None) -> NoReturn:
        """Refused: this library computes on the CPU. A script for both moves its modules by `to(device)`.

        Parameters
        ----------
        device : int, str or None

        Raises
        ------
        RuntimeError
            Always.

        Examples
        --------
        >>> device = "cuda" if wg.cuda.is_available() else "cpu"
        >>> wg.nn.Linear(2, 1).to(device).weight.device
        device(type='cpu')
        """
        raise RuntimeError(
            f"{type(self).__name__}.cuda: this library computes on the CPU, where the module is; leave it out, or "
            'write .to(device) with device = "cuda" if cuda.is_available() else "cpu"'
        )

    # ------------------------------------------------------------ state

    def state_dict(
        self, *, destination: dict[str, Any] | None = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """All parameters and persistent buffers by their dotted names.

        Parameters
        ----------
        destination : dict or None
            Filled and returned instead of a new one.
        prefix : str
            Put in front of each name.
        keep_vars : bool
            Give the parameters themselves rather than constants over the same memory.

        Returns
        -------
        dict
            Its tensors share the memory of the module's: they change when it trains.

        Examples
        --------
        >>> list(wg.nn.Linear(2, 3).state_dict())
        ['weight', 'bias']
        """
        if destination is None:
            _warn_unregistered(self)
            destination = OrderedDict()
            destination._metadata = OrderedDict()  # type: ignore[attr-defined]  # where PyTorch has it
        state.save(self, destination, prefix, keep_vars, _gives_extra_state)
        return destination

    def get_extra_state(self) -> Any:
        """What a class adds to its state beside tensors: it defines this, and `set_extra_state`.

        Returns
        -------
        object
            `state_dict` has it under the name ``_extra_state``.

        Raises
        ------
        RuntimeError
            If the class does not define it.

        Examples
        --------
        >>> class Counting(wg.nn.Module):
        ...     calls = 0
        ...     def get_extra_state(self):
        ...         return self.calls
        ...     def set_extra_state(self, state):
        ...         self.calls = state
        >>> net = Counting()
        >>> net.load_state_dict({"_extra_state": 3})
        <All keys matched successfully>
        >>> net.calls, dict(net.state_dict())
        (3, {'_extra_state': 3})
        """
        raise RuntimeError(f"get_extra_state: {type(self).__name__} does not define it")

    def set_extra_state(self, state: Any) -> None:
        """Take over what `get_extra_state` gave; `load_state_dict` calls it.

        Parameters
        ----------
        state : object

        Raises
        ------
        RuntimeError
            If the class does not define it.

        Examples
        --------
        >>> class Named(wg.nn.Module):
        ...     def get_extra_state(self):
        ...         return self.name
        ...     def set_extra_state(self, state):
        ...         self.name = state
        >>> net = Named()
        >>> net.load_state_dict({"_extra_state": "first"})
        <All keys matched successfully>
        >>> net.name
        'first'
        """
        raise RuntimeError(f"set_extra_state: {type(self).__name__} does not define it")

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call `hook(module, prefix, keep_vars)` before `state_dict` looks at this module.

        Parameters
        ----------
        hook : function

        Returns
        -------
        Handle
            `handle.remove()` takes the hook away.

        Examples
        --------
        >>> net = wg.nn.Linear(2, 1)
        >>> handle = net.register_state_dict_pre_hook(lambda module, prefix, keep_vars: print("saving", prefix))
        >>> state = wg.nn.Sequential(net).state_dict()
        saving 0.
        """
        return self._add_state_hook(state.BEFORE_SAVING, hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call `hook(module, state_dict, prefix, local_metadata)` after `state_dict` has added this module and those
        below; it may change the state.

        Parameters
        ----------
        hook : function

        Returns
        -------
        Handle
            `handle.remove()` takes the hook away.

        Examples
        --------
        >>> net = wg.nn.Linear(2, 1)
        >>> handle = net.register_state_dict_post_hook(lambda module, state, prefix, _: state.pop(prefix + "bias"))
        >>> list(net.state_dict())
        ['weight']
        """
        return self._add_state_hook(state.AFTER_SAVING, hook)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call `hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)`
        before `load_state_dict` looks for what is this module's; it may change the state, as to rename what is there
        from before, and add to the lists.

        Parameters
        ----------
        hook : function

        Returns
        -------
        Handle
            `handle.remove()` takes the hook away.

        Examples
        --------
        >>> net = wg.nn.Linear(1, 1, bias=False)
        >>> def rename(module, state, prefix, *_):
        ...     state[prefix + "weight"] = state.pop(prefix + "w")
        >>> handle = net.register_load_state_dict_pre_hook(rename)
        >>> net.load_state_dict({"w": wg.ones(1, 1)})
        <All keys matched successfully>
        """
        return self._add_state_hook(state.BEFORE_LOADING, hook)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call `hook(module, incompatible_keys)` after `load_state_dict` has loaded all; it may change the lists
        `missing_keys` and `unexpected_keys`, of which a strict load raises what is left, and takes back what it loaded.

        Parameters
        ----------
        hook : function

        Returns
        -------
        Handle
            `handle.remove()` takes the hook away.

        Examples
        --------
        >>> net = wg.nn.Linear(1, 1)
        >>> handle = net.register_load_state_dict_post_hook(lambda module, keys: keys.missing_keys.clear())
        >>> net.load_state_dict({"weight": wg.ones(1, 1)})
        <All keys matched successfully>
        """
        return self._add_state_hook(state.AFTER_LOADING, hook)

    def _add_state_hook(self, kind: str, hook: Callable[..., Any]) -> Handle:
        hooks, key = vars(self).setdefault(kind, {}), next(_hook_keys)
        hooks[key] = hook
        return Handle(hooks, key)

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy a state into the parameters and buffers, or let its tensors be them.

        Parameters
        ----------
        state_dict : mapping
            Tensors or arrays by the names that `state_dict` gives. They are cast to this module's dtypes.
        strict : bool
            Whether exactly these names are expected.
        assign : bool
            Whether parameters and buffers become the state's own tensors, with their memory and dtypes, instead of
            taking over the items. Parameters are other objects then, which an optimizer has to be made of anew; they
            require a gradient as those before.

        Returns
        -------
        (missing_keys, unexpected_keys)

        Raises
        ------
        RuntimeError
            If names are missing or unexpected, which `strict=False` allows, or shapes do not fit. Nothing is changed
            then.

        Examples
        --------
        >>> a, b = wg.nn.Linear(2, 3), wg.nn.Linear(2, 3)
        >>> a.load_state_dict(b.state_dict())
        <All keys matched successfully>
        """
        return state.Loading(self, state_dict, strict, assign, _takes_extra_state).run()

    # ------------------------------------------------------------ printing

    def extra_repr(self) -> str:
        """What stands between the parentheses when the module is printed.

        Returns
        -------
        str

        Examples
        --------
        >>> from wengert import nn
        >>> nn.Linear(2, 1).extra_repr()
        'in_features=2, out_features=1, bias=True'
        """
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def _label(self) -> str:
        """How errors name this layer."""
        extra = self.extra_repr()
        return f"{self._get_name()}({extra})" if extra and "\n" not in extra else self._get_name()

    def _child_lines(self) -> list[str]:
        return [f"({name}): " + repr(module).replace("\n", "\n  ") for name, module in self._modules.items()]

    def __repr__(self) -> str:
        extra, children = self.extra_repr().split("\n"), self._child_lines()
        if extra == [""]:
            extra = []
        if len(extra) == 1 and not children:
            return f"{self._get_name()}({extra[0]})"
        body = "".join(f"\n  {line}" for line in (*extra, *children))
        return f"{self._get_name()}({body}{chr(10) if body else ''})"

    def _repr_html_(self) -> str:
        return module_html(self)


class OptimizedModule(Module):
    """A module in another's place, whose calls run that one's program: what `wg.compile` gives of a module.

    It has the other as its one child, `_orig_mod`, and hooks of its own, which are called around the program. What it
    has not itself, it asks of the other, and sets there.
    """

    _orig_mod: Module
    _compiled: Compiled
    _check: bool

    def __init__(self, module: Module, check: bool = False) -> None:
        super().__init__()
        start = super().__setattr__
        start("_orig_mod", module)
        start("_check", check)
        start("_compiled", Compiled(module, check))

    def forward(self, *args: Any, **keywords: Any) -> Any:
        if mode.recording and any(x.requires_grad for x in self._orig_mod._tensors()):
            return self._orig_mod(*args, **keywords)  # a program's results have no history
        return self._compiled(*args, **keywords)

    def __compiled__(self, check: bool) -> OptimizedModule:
        return self if check == self._check else OptimizedModule(self._orig_mod, check)

    def __reduce__(self) -> Any:
        return (type(self), (self._orig_mod, self._check))

    @property
    def __wrapped__(self) -> Module:
        return self._orig_mod

    def show(self) -> str:
        """The programs as tables, see `wengert.compiling.Compiled.show`.

        Returns
        -------
        str

        Examples
        --------
        >>> net = wg.compile(wg.nn.Linear(2, 1))
        >>> net.show()
        Linear: no program yet; it takes two calls to make one
        """
        text: str = self._compiled.show()
        return text

    def _count(self) -> int:
        count: int = self._compiled._count()
        return count

    @property
    def training(self) -> bool:
        return self._orig_mod.training

    @training.setter
    def training(self, value: bool) -> None:
        if "_orig_mod" in vars(self):  # not yet while `Module.__init__` sets it
            self._orig_mod.training = value

    def __getattr__(self, name: str) -> Any:
        if "_orig_mod" not in vars(self):  # in the midst of being made
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self._orig_mod, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "_orig_mod":
            raise AttributeError(
                f"{type(self).__name__}._orig_mod cannot be set, as the program is of the module that it is; "
                "wg.compile(module) is the other's"
            )
        if hasattr(type(self), name):
            super().__setattr__(name, value)
        else:
            setattr(self._orig_mod, name, value)

    def __delattr__(self, name: str) -> None:
        if name in vars(self):
            super().__delattr__(name)
        else:
            delattr(self._orig_mod, name)

    def __len__(self) -> int:
        if not hasattr(type(self._orig_mod), "__len__"):
            raise TypeError(f"len: a compiled {type(self._orig_mod).__name__} has no length, as it has none itself")
        return len(self._orig_mod)

    def __bool__(self) -> bool:
        return bool(self._orig_mod)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self._orig_mod)})


_WANTED = {"parameter": "nn.Parameter", "module": "nn.Module", "buffer": "tensor"}


def kind_of(x: Any) -> str:
    """How an error speaks of an object that is not what it should be."""
    return f"the class {x.__name__}, not an instance" if isinstance(x, type) else f"a {type(x).__name__}"


def _gives_extra_state(module: Module) -> bool:
    return type(module).get_extra_state is not Module.get_extra_state


def _takes_extra_state(module: Module) -> bool:
    return type(module).set_extra_state is not Module.set_extra_state


def _depends(module: Module) -> None:
    """Tell who records a program whether a module trains, and which parameters it has."""
    at_work = recorder()
    if at_work is not None and id(module) not in at_work.born:
        if "training" in vars(module):  # one that stands for another has that one's
            at_work.guard(vars(module), "training", module.training, "item")
        for registry in ("_parameters", "_buffers"):
            entries = vars(module).get(registry, {})
            for name, entry in entries.items():
                if entry is None or at_work.is_outside(entry):  # and not put in by `functional_call`
                    at_work.guard(entries, name, entry, "item")


def clear_gradient(parameter: Any, set_to_none: bool) -> None:
    """Forget a parameter's gradient, or fill it with zeros."""
    if set_to_none or parameter.grad is None:
        parameter.grad = None
    else:
        parameter.grad = parameter.grad.detach()
        change("zero_grad", (parameter.grad,), _set_to_zero)


def _set_to_zero(array: np.ndarray) -> None:
    array[...] = 0


def _convert(tensor: Tensor, dtype: np.dtype) -> None:
    """Give a floating tensor another dtype, and its gradient with it."""
    for x in (tensor, tensor.grad):
        if x is not None and x._value.dtype.kind == "f" and x._value.dtype != dtype:
            x.data = cast(x.detach(), dtype)


# ---------------------------------------------------------------- errors and warnings


def _name_layer(error: Exception, module: Module) -> None:
    """Put the path from `module` to the layer that raised `error` in front of its message.

    Every module that the error passes through calls this, from the inside out, so the last path is the longest.
    """
    layer, message = vars(error).get("_wengert_layer", (None, None))
    if layer is None:
        if (
            len(error.args) != 1
            or not isinstance(error.args[0], str)
            or type(error).__str__ is not BaseException.__str__
        ):
            return  # not a plain message: leave it alone
        layer, message = module, error.args[0]
        error._wengert_layer = layer, message  # type: ignore[attr-defined]
    error.args = (f"{_path(module, layer)}: {message}",)


def _path(module: Module, layer: Module) -> str:
    """`Sequential[2].Linear(in_features=4)`: where `layer` is below `module`, and what it is."""
    if module is layer:
        return layer._label()
    names = next((name for name, found in module.named_modules() if found is layer), "")
    steps = "".join(f"[{name}]" if name.isdigit() else f".{name}" for name in names.split(".") if name)
    return f"{module._get_name()}{steps}.{layer._label()}"


def _warn_unregistered(root: Module) -> None:
    """Warn of modules and parameters in plain lists and dicts, which no walk finds; once per module that keeps them."""
    for module in root.modules():
        if not module._warned:
            for attribute, value in vars(module).items():
                if type(value) in _PLAIN and value and attribute not in _REGISTRIES and _hidden(value, root):
                    module._warned = True
                    warnings.warn(
                        f"{type(module).__name__}.{attribute} is a plain {type(value).__name__} of modules or "
                        "parameters, which are not registered: they are not trained, saved or converted. Keep them in "
                        "a nn.ModuleList, ModuleDict, ParameterList or ParameterDict, or in a tuple on purpose",
                        UserWarning,
                        stacklevel=3,
                    )
                    break


_PLAIN = (list, dict)
_REGISTRIES = {
    "_parameters", "_buffers", "_modules", "_forward_hooks", "_forward_pre_hooks", "_backward_hooks",
    "_backward_pre_hooks", *state.HOOKS,
}  # fmt: skip


def _hidden(value: Any, root: Module) -> bool:
    """Whether a list or dict has a module or parameter that is not below `root`."""
    parts = [x for x in (value.values() if isinstance(value, dict) else value) if isinstance(x, (Module, Parameter))]
    if not parts:
        return False
    registered = {id(m) for m in root.modules()} | {
        id(p) for _, p in root._named_members("_parameters", "", True, True)
    }
    return any(id(part) not in registered for part in parts)
