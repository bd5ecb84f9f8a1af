"""Checkpoints of a computation under PyTorch's names: parts of it that a walk computes again, so that their values need
not be kept (`wengert.autograd.checkpoint`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

from ..autograd import checkpoint as again
from ..core.arguments import integer
from ..nn import Sequential

__all__ = ["checkpoint", "checkpoint_sequential", "noop_context_fn"]

_Contexts = tuple[contextlib.AbstractContextManager[Any], contextlib.AbstractContextManager[Any]]


def noop_context_fn() -> _Contexts:
    """Two contexts that do nothing: what `checkpoint` runs a function in, unless it is told otherwise.

    Returns
    -------
    tuple of two context managers

    Examples
    --------
    >>> from wengert.utils.checkpoint import noop_context_fn
    >>> first, again = noop_context_fn()
    >>> with first, again:
    ...     print("as it is")
    as it is
    """
    return contextlib.nullcontext(), contextlib.nullcontext()


def checkpoint(
    function: Callable[..., Any], *args: Any, use_reentrant: bool | None = None,
    context_fn: Callable[[], _Contexts] = noop_context_fn, determinism_check: str = "default", debug: bool = False,
    early_stop: bool = True, preserve_rng_state: bool = True, **kwargs: Any,
) -> Any:  # fmt: skip
    """function(*args, **kwargs), of which the graph keeps the arguments alone: a walk runs the function again.

    This is `wengert.autograd.checkpoint` with all of PyTorch's arguments.

    Parameters
    ----------
    function : callable
    *args, **kwargs
        Its arguments.
    use_reentrant : bool or None
        Accepted, and of no effect: there is one way, which allows all that either of PyTorch's allows.
    context_fn : callable
        Gives two context managers: the function runs in the first, and when it is run again in the second.
    determinism_check : "default" or "none"
        Accepted, and of no effect: shapes and dtypes of the second run are compared with those of the first.
    debug, early_stop : bool
        Accepted, and of no effect.
    preserve_rng_state : bool
        Let the second run draw the same random numbers as the first.

    Returns
    -------
    What the function returns.

    Raises
    ------
    ValueError
        If `determinism_check` is another word, or `context_fn` or `debug` comes with ``use_reentrant=True``, as in
        PyTorch.
    RuntimeError
        In the walk: if the second run gives other shapes, or if an argument or parameter was changed in between.

    Examples
    --------
    >>> from wengert.utils.checkpoint import checkpoint
    >>> x = wg.tensor([1., 2.], requires_grad=True)
    >>> checkpoint(lambda x: (x.exp() * x).sum(), x, use_reentrant=False).backward()
    >>> x.grad
    tensor([ 5.4366, 22.1672])
    """
    if use_reentrant and (context_fn is not noop_context_fn or debug):
        raise ValueError("checkpoint: context_fn and debug are only supported with use_reentrant=False")
    if determinism_check not in ("default", "none"):
        raise ValueError(f'checkpoint: determinism_check is "default" or "none", got {determinism_check!r}')
    if context_fn is not noop_context_fn:
        function = _within(function, *context_fn())
    return again(function, *args, preserve_rng_state=preserve_rng_state, **kwargs)


def _within(function: Callable[..., Any], first: Any, later: Any) -> Callable[..., Any]:
    """The function in one context, and from the second time on in the other."""
    contexts = [first]

    def run(*args: Any, **kwargs: Any) -> Any:
        with contexts.pop() if contexts else later:
            return function(*args, **kwargs)

    return run


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """Functions one after the other, in segments that a walk computes again but for the last.

    Parameters
    ----------
    functions : Sequential, or sequence of callables
    segments : int
        At most as many as there are functions; where they do not divide evenly, the last segment is the longest.
    input : tensor
    use_reentrant : bool or None
        Accepted, and of no effect: there is one way.
    **kwargs
        ``preserve_rng_state``, as of `checkpoint`.

    Returns
    -------
    What the last function returns.

    Raises
    ------
    ValueError
        If `segments` is out of range, or another keyword is given.

    Examples
    --------
    >>> from wengert.utils.checkpoint import checkpoint_sequential
    >>> net = wg.nn.Sequential(wg.nn.Linear(2, 3), wg.nn.Tanh(), wg.nn.Linear(3, 1))
    >>> checkpoint_sequential(net, 2, wg.ones(4, 2), use_reentrant=False).shape
    wengert.Size([4, 1])
    """
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError(f"checkpoint_sequential: unexpected keyword arguments {', '.join(kwargs)}")
    steps = list(functions.children() if isinstance(functions, Sequential) else functions)
    count = integer("checkpoint_sequential", "segments", segments)
    if not 1 <= count <= len(steps):
        raise ValueError(
            f"checkpoint_sequential: expected 1 to {len(steps)} segments, one for each function, got {count}"
        )
    size = len(steps) // count
    for start in range(0, size * (count - 1), size):
        input = checkpoint(_chain(steps[start : start + size]), input, preserve_rng_state=preserve)
    return _chain(steps[size * (count - 1) :])(input)


def _chain(steps: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    def run(x: Any) -> Any:
        for step in steps:
            x = step(x)
        return x

    return run
